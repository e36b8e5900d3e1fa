//! Compiles in a child process: a component is somebody's input, and a compiler that a crafted one sends
//! round in circles, or asks for all memory, must not be this process.
//!
//! The child is this same program with the hidden command [`COMMAND`]. It reads the component from its
//! standard input, limits itself, and writes the compiled code to its standard output. It has no
//! environment, is killed at the end of its time, and does not outlive its parent.
//!
//! A child that ends badly is not started again: whatever ended it, a limit, a fault or the system's
//! lack of memory, would most likely do so once more, and whoever watches the start should hear of it.

use std::io::{Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::engine;
use crate::config::size_text;

/// The hidden command of the child.
pub const COMMAND: &str = "compile-one";
/// The argument that asks for code that counts fuel.
pub const METERED: &str = "--metered";
/// The argument that asks it to let others go first.
pub const OTHERS_FIRST: &str = "--others-first";

/// Address space of the child. A component of 18 MiB, a Python interpreter, takes less than 1 GiB.
const MEMORY_BYTES: u64 = 4 << 30;
/// Processor time of the child, over all its threads. The same interpreter takes 10 s.
const CPU_SECONDS: u64 = 120;
/// The system's two ways to end a process that had too much processor time are this far apart, so that
/// the first, which nobody else uses, is what it dies of.
const CPU_GRACE_SECONDS: u64 = 5;
/// Threads of the child: several children run at a time.
const THREADS: &str = "2";
/// Compiled code that the parent takes: an interpreter's is some 40 MiB.
pub(super) const CODE_BYTES: u64 = 512 << 20;
/// How long the parent waits.
const TIME: Duration = Duration::from_secs(180);
/// How long it waits for a child that lets others go first, and may get a tenth of a processor. What ends a child
/// that goes round in circles is [`CPU_SECONDS`].
const TIME_OTHERS_FIRST: Duration = Duration::from_secs(1800);
/// How much less than others the child gets of the processors, where requests are served: a tenth of what one of
/// them gets, unless there is nobody else.
const NICE: i32 = 10;
/// Compiling that takes longer is told of, and again each time that it has taken three times as long.
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// What is read of the child's complaints.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct What<'a> {
    /// The hook whose code it is.
    pub(super) hook: &'a str,
    /// Whether the code is to count fuel.
    pub(super) metered: bool,
}

/// Compiles a component in a child of this program, which lets others go first if it is told to.
///
/// # Errors
/// What the compiler said, or how the child ended.
pub(super) fn compile(
    program: &Path,
    wasm: &[u8],
    what: What<'_>,
    others_first: bool,
) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    command.arg(COMMAND).args(what.metered.then_some(METERED));
    command.args(others_first.then_some(OTHERS_FIRST));
    let time = if others_first { TIME_OTHERS_FIRST } else { TIME };
    compile_within(command, wasm, Progress::of(what.hook, wasm.len()), (time, CODE_BYTES))
}

/// Tells of compiling that takes long.
struct Progress {
    what: String,
    begun: Instant,
    tell_after: Duration,
}

impl Progress {
    fn of(hook: &str, bytes: usize) -> Self {
        let mib = bytes as f64 / f64::from(1 << 20);
        let what = format!("hook `{hook}` ({mib:.1} MiB)");
        Self { what, begun: Instant::now(), tell_after: TOLD_AFTER }
    }

    fn still(&mut self) {
        let so_far = self.begun.elapsed();
        if so_far >= self.tell_after {
            tracing::info!("compiling {}: {}s so far", self.what, so_far.as_secs());
            self.tell_after *= 3;
        }
    }

    fn done(self) {
        if self.tell_after > TOLD_AFTER {
            tracing::info!("compiled {} in {:.1?}", self.what, self.begun.elapsed());
        }
    }
}

fn compile_within(
    mut command: Command,
    wasm: &[u8],
    mut progress: Progress,
    (time, code_bytes): (Duration, u64),
) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("the compiler could not be run: {error}");
    let mut child = command
        .env_clear()
        .env("RAYON_NUM_THREADS", THREADS)
        // A ctrl-c is the server's, which then decides what becomes of its children.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Three pipes and one thread would wait for each other; the scope ends when the child has.
    std::thread::scope(|scope| {
        // A child that ended early does not read; why it ended is what counts.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(wasm)));
        let code = scope.spawn(move || read(stdout, code_bytes));
        let complaint = scope.spawn(move || read(stderr, COMPLAINT_BYTES));
        let ended = wait(&mut child, time, &mut progress);
        if ended.is_err() {
            // The threads wait for its pipes to close.
            let _ = child.kill();
        }
        let ended = ended.map_err(failed)?;
        let (code, complaint) = (code.join(), complaint.join());
        let code = code.map_err(|_| "the compiler's output could not be read".to_owned())?;
        match ended {
            // It was not read any further, and the child could not write.
            _ if code.len() as u64 == code_bytes => {
                Err(format!("the compiled code is larger than {}", size_text(code_bytes)))
            }
            Some(status) if status.success() => {
                progress.done();
                Ok(code)
            }
            Some(status) => {
                let complaint = complaint.unwrap_or_default();
                Err(explain(status, String::from_utf8_lossy(&complaint).trim()))
            }
            None => Err(format!(
                "compiling took longer than {time:?}, for want of a free processor\n\
                 hint: try again when the machine has less to do, or give it more processors"
            )),
        }
    })
}

/// Waits for the child, and kills it when its time is over.
fn wait(
    child: &mut std::process::Child,
    time: Duration,
    progress: &mut Progress,
) -> std::io::Result<Option<ExitStatus>> {
    let until = Instant::now() + time;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        progress.still();
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn read(stream: Option<impl std::io::Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(limit).read_to_end(&mut bytes);
    }
    bytes
}

fn explain(status: ExitStatus, complaint: &str) -> String {
    match status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU) => {
            format!("compiling was stopped: it took more than {CPU_SECONDS} s of processor time")
        }
        Some(Signal::KILL) => "the compiler was killed from outside\n\
             hint: the system does so when it runs out of memory: free some, and start again"
            .into(),
        signal if signal == Some(Signal::ABORT) || complaint.ends_with("out of memory") => {
            let gib = MEMORY_BYTES >> 30;
            format!("the compiler gave up, perhaps for lack of memory ({gib} GiB): {complaint}")
        }
        _ if complaint.is_empty() => format!("the compiler ended with {status}"),
        _ => complaint.to_owned(),
    }
}

/// What the child does.
///
/// # Errors
/// If the component does not compile, or the code cannot be written.
pub fn run(metered: bool, others_first: bool) -> anyhow::Result<()> {
    // First of all: the component is read after it, and whoever died before has not sent it whole.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    if others_first {
        // Where that is not to be had, it compiles all the same.
        let _ = rustix::process::nice(NICE);
    }
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(
        Resource::Cpu,
        Rlimit { current: Some(CPU_SECONDS), maximum: Some(CPU_SECONDS + CPU_GRACE_SECONDS) },
    )?;
    setrlimit(Resource::As, limit(MEMORY_BYTES))?;
    let mut wasm = Vec::new();
    std::io::stdin().lock().read_to_end(&mut wasm)?;
    let code = engine::precompile(&wasm, metered)?;
    std::io::stdout().lock().write_all(&code)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What becomes of a child that is this shell script.
    fn compile_by(script: &str, time: Duration, code_bytes: u64) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        loop {
            let progress = Progress::of("hook", 4);
            let compiled =
                compile_within(Command::new(&program), b"wasm", progress, (time, code_bytes));
            // Another test's child may have been made while the script was open for writing.
            if !matches!(&compiled, Err(why) if why.contains("Text file busy")) {
                return compiled;
            }
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_the_child_writes_is_the_code() {
        assert_eq!(compile_by("printf code", LONG, 100).unwrap(), b"code");
    }

    #[test]
    fn a_child_that_takes_too_long_is_killed() {
        let started = Instant::now();
        let why = compile_by("exec sleep 1000", Duration::from_millis(200), 100).unwrap_err();
        assert!(why.starts_with("compiling took longer than 200ms, "), "{why}");
        assert!(why.contains("\nhint: try again when the machine has less to do"), "{why}");
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn a_child_that_writes_without_end_is_not_read_to_it() {
        let why = compile_by("exec yes", LONG, 1 << 20).unwrap_err();
        assert_eq!(why, "the compiled code is larger than 1MiB");
    }

    #[test]
    fn each_end_of_a_child_is_called_what_it_is() {
        for (script, wanted) in [
            ("echo no good >&2; exit 1", "no good"),
            ("exit 3", "the compiler ended with exit status: 3"),
            ("kill -XCPU $$", "it took more than 120 s of processor time"),
            ("kill -KILL $$", "the compiler was killed from outside"),
            ("echo out of memory >&2; exit 1", "lack of memory (4 GiB): out of memory"),
            ("echo no memory >&2; kill -ABRT $$", "perhaps for lack of memory (4 GiB): no memory"),
            ("kill -SEGV $$", "SIGSEGV"),
        ] {
            let why = compile_by(script, LONG, 100).unwrap_err();
            assert!(why.contains(wanted), "{script}: {why}");
        }
    }
}
