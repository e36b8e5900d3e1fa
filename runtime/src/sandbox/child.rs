//! Compiles in a child process: a component is somebody's input, and a compiler that a crafted one sends
//! round in circles, or asks for all memory, must not be this process.
//!
//! The child is this same program with the hidden command [`COMMAND`]. It reads the component from its
//! standard input, limits itself, and writes the compiled code to its standard output. It has no
//! environment and is killed at the end of its time.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::engine;

/// The hidden command of the child.
pub const COMMAND: &str = "compile-one";
/// The argument that asks for code that counts fuel.
pub const METERED: &str = "--metered";

/// Address space of the child. A component of 18 MiB, a Python interpreter, takes less than 1 GiB.
const MEMORY_BYTES: u64 = 4 << 30;
/// Processor time of the child, over all its threads. The same interpreter takes 10 s.
const CPU_SECONDS: u64 = 120;
/// Threads of the child: several children run at a time.
const THREADS: &str = "2";
/// Compiled code that the parent takes: an interpreter's is some 40 MiB.
const CODE_BYTES: u64 = 512 << 20;
/// How long the parent waits.
const TIME: Duration = Duration::from_secs(180);
/// What is read of the child's complaints.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// Compiles a component in a child of this program.
///
/// # Errors
/// What the compiler said, or how the child ended.
pub(super) fn compile(program: &Path, wasm: &[u8], metered: bool) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("the compiler could not be run: {error}");
    let mut child = Command::new(program)
        .arg(COMMAND)
        .args(metered.then_some(METERED))
        .env_clear()
        .env("RAYON_NUM_THREADS", THREADS)
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
        let code = scope.spawn(move || read(stdout, CODE_BYTES));
        let complaint = scope.spawn(move || read(stderr, COMPLAINT_BYTES));
        let ended = wait(&mut child);
        if ended.is_err() {
            // The threads wait for its pipes to close.
            let _ = child.kill();
        }
        let ended = ended.map_err(failed)?;
        let (code, complaint) = (code.join(), complaint.join());
        match ended {
            Some(status) if status.success() => {
                code.map_err(|_| "the compiler's output could not be read".into())
            }
            Some(status) => {
                let complaint = complaint.unwrap_or_default();
                Err(explain(status, String::from_utf8_lossy(&complaint).trim()))
            }
            None => Err(format!("compiling took longer than {TIME:?}")),
        }
    })
}

/// Waits for the child, and kills it when its time is over.
fn wait(child: &mut std::process::Child) -> std::io::Result<Option<ExitStatus>> {
    let until = Instant::now() + TIME;
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
    use std::os::unix::process::ExitStatusExt as _;
    const ABORTED: i32 = 6;
    const KILLED: i32 = 9;
    const OUT_OF_CPU: i32 = 24;
    match status.signal() {
        Some(OUT_OF_CPU | KILLED) => {
            format!("compiling was stopped: it took more than {CPU_SECONDS} s of processor time")
        }
        Some(ABORTED) => {
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
pub fn run(metered: bool) -> anyhow::Result<()> {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(MEMORY_BYTES))?;
    setrlimit(Resource::Cpu, limit(CPU_SECONDS))?;
    setrlimit(Resource::Core, limit(0))?;
    let mut wasm = Vec::new();
    std::io::stdin().lock().read_to_end(&mut wasm)?;
    let code = engine::precompile(&wasm, metered)?;
    std::io::stdout().lock().write_all(&code)?;
    Ok(())
}
