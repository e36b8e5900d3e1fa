//! Runs `boathook` as a process of its own in a folder of its own, and listens to what it says.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::fixture::Fixture;
use super::{Client, PATIENCE, Response, Upstream, component};

/// A server that runs, or has ended. Dropping it kills it.
pub(crate) struct App {
    dir: TempDir,
    command: String,
    child: Child,
    said: Arc<Said>,
    upstream: Option<Upstream>,
}

/// What a process has said so far.
#[derive(Default)]
struct Said {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    out: Vec<String>,
    err: Vec<String>,
    /// How many of the two streams are still open.
    open: usize,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl App {
    /// Starts `boathook serve` in the fixture's folder, and does not wait.
    pub(crate) fn start(fixture: &Fixture) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let texts = fixture.files.iter().map(|(_, text)| text).chain(&fixture.args);
        let upstream = texts.clone().any(|text| text.contains("{upstream}")).then(Upstream::start);
        let fill = |text: &str| {
            let address = upstream.as_ref().map(|upstream| upstream.address.to_string());
            text.replace("{upstream}", &address.unwrap_or_default())
                .replace("{dir}", &dir.path().display().to_string())
        };
        lay_out(dir.path(), fixture, fill);
        let mut command = boathook();
        command.arg("serve").arg(dir.path());
        if !fixture.args.iter().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !fixture.args.iter().any(|arg| arg == "--log") {
            command.args(["--log", "verbose"]);
        }
        command.args(fixture.args.iter().map(|arg| fill(arg))).envs(fixture.env.iter().cloned());
        let shown = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let said = Arc::new(Said::default());
        said.lock().open = 2;
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            said.listen(out, |lines| &mut lines.out);
            said.listen(err, |lines| &mut lines.err);
        }
        Self { dir, command: shown, child, said, upstream }
    }

    /// Lifts the app of a fixture, and waits until it listens. Steps in the fixture are not done.
    #[track_caller]
    pub(crate) fn lift(fixture: &str) -> Self {
        let mut app = Self::start(&Fixture::parse(fixture));
        if app.address().is_none() {
            app.fail("it did not lift");
        }
        app
    }

    /// Where it listens; none if it ended instead.
    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        let listens = |lines: &Lines| {
            let line = lines.out.iter().find_map(|line| line.strip_prefix("listening on http"));
            line.and_then(|line| line.rsplit_once('/'))
                .and_then(|(_, address)| address.parse().ok())
        };
        self.said.wait(listens)
    }

    /// A new connection to it.
    #[track_caller]
    pub(crate) fn connect(&mut self) -> Client {
        match self.address() {
            Some(address) => Client::connect(address),
            None => self.fail("it does not listen"),
        }
    }

    /// Asks on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Response {
        self.send(method, target, &[], "")
    }

    /// Asks with headers and a body.
    #[track_caller]
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[String],
        body: &str,
    ) -> Response {
        let mut client = self.connect();
        client.request(method, target, headers, body.as_bytes());
        match client.response(method) {
            Some(response) => response,
            None => self.fail(&format!("no answer to {method} {target}")),
        }
    }

    /// Waits until the log has these lines, in this order; parts of lines are enough.
    #[track_caller]
    pub(crate) fn log(&mut self, wanted: &[&str]) {
        if self.said.wait(|lines| in_order(&lines.err, wanted).then_some(())).is_none() {
            self.fail(&format!("the log does not have, in this order:\n{}", wanted.join("\n")));
        }
    }

    /// Waits for lines of the standard output.
    #[track_caller]
    pub(crate) fn stdout(&mut self, wanted: &[&str]) {
        if self.said.wait(|lines| in_order(&lines.out, wanted).then_some(())).is_none() {
            self.fail(&format!("standard output does not have:\n{}", wanted.join("\n")));
        }
    }

    /// How many lines of the log have this in them.
    pub(crate) fn logged(&self, what: &str) -> usize {
        self.said.lock().err.iter().filter(|line| line.contains(what)).count()
    }

    /// The whole log so far.
    pub(crate) fn log_text(&self) -> String {
        self.said.lock().err.join("\n")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended by itself.
        let _ = id.map(|id| kill_process(id, signal));
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.exit();
        if status.code() != Some(0) {
            self.fail(&format!("it did not stop well: {status}"));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> ExitStatus {
        // Both streams end with the process, and all that it said has been read then.
        if self.said.wait(|lines| (lines.open == 0).then_some(())).is_none() {
            self.fail("it does not end");
        }
        self.child.wait().expect("a child can be waited for")
    }

    /// The resident memory of the process, in KiB.
    pub(crate) fn memory_kib(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    /// The upstream that `{upstream}` stands for.
    pub(crate) fn upstream(&self) -> &Upstream {
        self.upstream.as_ref().expect("the fixture says `{upstream}`")
    }

    /// The app folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends the test, and shows everything that may tell why.
    #[track_caller]
    pub(crate) fn fail(&mut self, why: &str) -> ! {
        let status = match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "still running".into(),
        };
        let config = std::fs::read_to_string(self.dir.path().join("boathook.toml"));
        let lines = self.said.lock();
        panic!(
            "{why}\n\n--- command: {}\n--- boathook.toml\n{}\n--- status: {status}\n--- stdout\n{}\n\
             --- stderr\n{}\n---",
            self.command,
            config.unwrap_or_default().trim_end(),
            lines.out.join("\n"),
            lines.err.join("\n"),
        );
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(
        self: &Arc<Self>,
        stream: impl Read + Send + 'static,
        which: fn(&mut Lines) -> &mut Vec<String>,
    ) {
        let said = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                which(&mut said.lock()).push(text);
                said.more.notify_all();
                line.clear();
            }
            said.lock().open -= 1;
            said.more.notify_all();
        });
    }

    /// Waits until there is an answer; none if the process ended, or the patience did, without one.
    fn wait<T>(&self, answer: impl Fn(&Lines) -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.lock();
        loop {
            if let Some(answer) = answer(&lines) {
                return Some(answer);
            }
            let left = until.saturating_duration_since(Instant::now());
            if lines.open == 0 || left.is_zero() {
                return None;
            }
            let woken = self.more.wait_timeout(lines, left);
            lines = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// `boathook`, without what the environment might tell it.
pub(crate) fn boathook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boathook"));
    let ours = |name: &str| name.to_ascii_uppercase().starts_with("BOATHOOK_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

impl Ran {
    /// Runs a command in the folder of a fixture: `{dir}` in the arguments is that folder.
    #[track_caller]
    pub(crate) fn of(fixture: &str, args: &[&str]) -> Self {
        let fixture = Fixture::parse(fixture);
        let dir = TempDir::new().expect("a temporary folder");
        let shown = dir.path().display().to_string();
        lay_out(dir.path(), &fixture, |text| text.replace("{dir}", &shown));
        let args = args.iter().map(|arg| arg.replace("{dir}", &shown));
        let output = boathook()
            .args(args)
            .envs(fixture.env.iter().cloned())
            .output()
            .expect("the command can be run");
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Writes the files of a fixture.
fn lay_out(dir: &Path, fixture: &Fixture, fill: impl Fn(&str) -> String) {
    let write = |path: PathBuf, bytes: &[u8]| {
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(&path, bytes).expect("a file can be written");
    };
    for (path, text) in &fixture.files {
        let text = fill(text);
        let parts: Vec<&[u8]> = text.split("{not utf-8}").map(str::as_bytes).collect();
        write(dir.join(path), &parts.join(&b"\xff"[..]));
    }
    for hook in &fixture.hooks {
        let hooks = dir.join("hooks");
        if let Some(path) = &hook.path {
            write(dir.join(path), &component(&hook.guest));
            continue;
        }
        match &hook.manifest {
            Some(manifest) => {
                let folder = hooks.join(&hook.name);
                write(folder.join("hook.toml"), manifest.as_bytes());
                write(folder.join(format!("{}.wasm", hook.guest)), &component(&hook.guest));
            }
            None => write(hooks.join(format!("{}.wasm", hook.name)), &component(&hook.guest)),
        }
    }
}

fn in_order(lines: &[String], wanted: &[&str]) -> bool {
    let mut lines = lines.iter();
    wanted.iter().all(|wanted| lines.any(|line| line.contains(wanted)))
}
