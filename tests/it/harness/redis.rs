//! Runs a Redis server as a process of its own, for one test: on a port of its own, with a password, in a
//! folder that goes with it. It keeps what it answered for, so that it can be killed and started again.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ports that systems give to nobody who does not name them, so that one is still free after a kill.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A Redis that runs. Dropping it kills it.
pub(crate) struct RedisServer {
    dir: TempDir,
    child: Child,
    port: u16,
    password: String,
}

impl RedisServer {
    /// Starts one, and waits until it answers.
    #[track_caller]
    pub(crate) fn start() -> Self {
        for _ in 0..100 {
            let dir = TempDir::new().expect("a temporary folder");
            let port = free_port();
            let password = format!("only-for-tests-{}-{port}", std::process::id());
            let child = spawn(&dir, port, &password);
            let mut server = Self { dir, child, port, password };
            // If it does not, somebody else took the port in between.
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server does not start")
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it wants to hear first.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it once more, with what it has kept.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        let password = self.password.clone();
        self.start_again_as(&password);
    }

    /// The same, with another password.
    #[track_caller]
    pub(crate) fn start_again_as(&mut self, password: &str) {
        self.kill();
        self.password = password.to_owned();
        self.child = spawn(&self.dir, self.port, &self.password);
        assert!(self.answers(), "redis-server does not start again");
    }

    /// Halts it: its connections stay, and nothing is answered.
    pub(crate) fn halt(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has an id"), signal).expect("redis-server runs");
    }

    /// Sends one command, and returns the first line of the answer; none if there is none.
    pub(crate) fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "AUTH {}\r\n{command}\r\n", self.password).ok()?;
        let mut lines = BufReader::new(stream).lines();
        let authenticated = lines.next()?.ok()?;
        if authenticated == "+OK" { lines.next()?.ok() } else { None }
    }

    /// Waits until it answers; false if it ends instead.
    fn answers(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.ask("PING").as_deref() == Some("+PONG") {
                return true;
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

#[track_caller]
fn spawn(dir: &TempDir, port: u16, password: &str) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--requirepass", password]);
    command.args(["--dir", &dir.path().display().to_string(), "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("redis-server: {error}\nhint: scripts/setup-redis installs it, or says how")
    })
}

/// A port that nobody listens at. Tests run at the same time, so each begins elsewhere.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    let begin = u16::try_from(std::process::id() % u32::from(span)).unwrap_or(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + begin.wrapping_add(next.wrapping_mul(7)) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
