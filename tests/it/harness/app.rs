//! Runs `boathook` as a process of its own in a folder of its own, and listens to what it says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::command::{boathook, lay_out};
use super::fixture::Fixture;
use super::said::{Lines, Said, in_order};
use super::{Client, Response, Upstream, component};

/// A server that runs, or has ended. Dropping it kills it.
pub(crate) struct App {
    dir: TempDir,
    command: Command,
    child: Child,
    said: Arc<Said>,
    upstream: Option<Upstream>,
}

impl App {
    /// Starts `boathook serve` in the fixture's folder, and does not wait.
    pub(crate) fn start(fixture: &Fixture) -> Self {
        Self::run("serve", fixture)
    }

    /// Starts `boathook dev` in the fixture's folder, and does not wait.
    pub(crate) fn develop(fixture: &str) -> Self {
        Self::run("dev", &Fixture::parse(fixture))
    }

    fn run(what: &str, fixture: &Fixture) -> Self {
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
        command.arg(what).arg(dir.path());
        if !fixture.args.iter().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !fixture.args.iter().any(|arg| arg == "--log") {
            command.args(["--log", "verbose"]);
        }
        command.args(fixture.args.iter().map(|arg| fill(arg))).envs(fixture.env.iter().cloned());
        let (child, said) = spawn(&mut command);
        Self { dir, command, child, said, upstream }
    }

    /// Starts it once more in its folder, as it was started before, and does not wait. What still
    /// runs is killed; what was said is forgotten.
    pub(crate) fn start_again(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        (self.child, self.said) = spawn(&mut self.command);
    }

    /// The app folder.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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

    /// Where its admin listener is; none if it listens without one, or has ended. It says so before it lifts,
    /// on another stream than the log.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        let admin = |lines: &Lines| {
            let line = lines.out.iter().find_map(|line| line.strip_prefix("admin on http://"));
            let address = line.and_then(|address| address.parse().ok());
            let listens = lines.out.iter().any(|line| line.starts_with("listening on "));
            (address.is_some() || listens).then_some(address)
        };
        self.said.wait(admin).flatten()
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

    /// Writes a file of its folder; whoever reads it meanwhile finds the old or the new one.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        let beside = path.with_extension("new");
        std::fs::write(&beside, bytes)
            .and_then(|()| std::fs::rename(&beside, &path))
            .expect("a file");
    }

    /// Puts a component into its folder.
    pub(crate) fn put(&self, path: &str, guest: &str) {
        self.write(path, component(guest));
    }

    /// Sends SIGHUP, and waits until the app was lifted anew. Returns the line that says so.
    #[track_caller]
    pub(crate) fn lift_anew(&mut self) -> String {
        self.hang_up("the app was lifted anew: ")
    }

    /// The same, where it is not lifted.
    #[track_caller]
    pub(crate) fn lift_in_vain(&mut self) {
        self.hang_up("the app was not lifted anew");
    }

    #[track_caller]
    fn hang_up(&mut self, wanted: &str) -> String {
        let before = self.logged(wanted);
        self.signal(Signal::HUP);
        let nth = |lines: &Lines| {
            lines.err.iter().filter(|line| line.contains(wanted)).nth(before).cloned()
        };
        match self.said.wait(nth) {
            Some(line) => line,
            None => self.fail(&format!("after SIGHUP the log does not have: {wanted}")),
        }
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
        self.status_kib("VmRSS:")
    }

    /// That part of it that no file has, and so nobody shares, in KiB.
    pub(crate) fn memory_of_its_own_kib(&self) -> usize {
        self.status_kib("RssAnon:") + self.status_kib("RssShmem:")
    }

    fn status_kib(&self, field: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    /// The upstream that `{upstream}` stands for.
    pub(crate) fn upstream(&self) -> &Upstream {
        self.upstream.as_ref().expect("the fixture says `{upstream}`")
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
            "{why}\n\n--- command: {:?}\n--- boathook.toml\n{}\n--- status: {status}\n--- stdout\n{}\n\
             --- stderr\n{}\n---",
            self.command,
            config.unwrap_or_default().trim_end(),
            lines.out.join("\n"),
            lines.err.join("\n"),
        );
    }
}

/// Starts the command, and listens to it.
fn spawn(command: &mut Command) -> (Child, Arc<Said>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = Arc::new(Said::default());
    said.lock().open = 2;
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        said.listen(out, |lines| &mut lines.out);
        said.listen(err, |lines| &mut lines.err);
    }
    (child, said)
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
