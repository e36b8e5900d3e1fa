//! Starts the processes that are measured, pins them to cores, and reads what they use.
//!
//! Every process dies with the suite, however that ends: the kernel kills it (`setpriv --pdeathsig`).
//! None is waited for without a limit.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// How long a server may take until it listens. A hundred hooks are compiled within it, on a slow machine.
const START_MAX: Duration = Duration::from_secs(240);

/// How long a server may take to end when it is told to, before it is killed.
const STOP_MAX: Duration = Duration::from_secs(5);

/// How often a file or a process is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(1);

/// Cores that a process may use, as `taskset -c` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// The first one: servers under a closed loop.
    First,
    /// The second one: the load generator, and upstreams.
    Second,
    /// Both: where a server has to share out its cores.
    Both,
}

impl Cores {
    fn list(self) -> &'static str {
        match self {
            Self::First => "0",
            Self::Second => "1",
            Self::Both => "0,1",
        }
    }
}

/// A command that is pinned to cores and dies with the suite.
pub(crate) fn pinned(program: &Path, cores: Cores) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "taskset", "-c", cores.list()]).arg(program);
    command.stdin(Stdio::null());
    command
}

/// Keeps idle cores from sleeping for as long as what it returns is open (the kernel's PM QoS).
///
/// A generator that waits for a slow server lets its core sleep, and waking it is work of the server's that
/// a faster server, which keeps the generator busy, does not have: in a virtual machine several
/// microseconds an answer.
///
/// # Errors
/// Where that is not allowed, as it is root's.
pub(crate) fn keep_awake() -> Result<File> {
    const LATENCY: &str = "/dev/cpu_dma_latency";
    let mut file = File::options().write(true).open(LATENCY).context(LATENCY)?;
    file.write_all(&0i32.to_ne_bytes()).context(LATENCY)?;
    Ok(file)
}

/// A server that runs. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start until it said that it listens.
    pub(crate) lifted: Duration,
}

impl Server {
    /// Starts a server and waits for the line in which it says where it listens.
    ///
    /// # Errors
    /// If it ends instead, or says nothing; with what it did say.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file =
            File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let shown = format!("{command:?}");
        let started = Instant::now();
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {shown}"))?;
        let mut server =
            Self { child, address: SocketAddr::from(([0; 4], 0)), lifted: Duration::ZERO };
        loop {
            let said = fs::read_to_string(log).unwrap_or_default();
            if let Some(address) = said.lines().find_map(address) {
                server.address = address;
                server.lifted = started.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("{}: {status}\n{shown}\n{said}", last_line(&said));
            }
            if started.elapsed() > START_MAX {
                bail!("it does not listen after {START_MAX:?}\n{shown}\n{said}");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The processor time that its threads have used so far.
    pub(crate) fn cpu(&self) -> Duration {
        cpu(self.child.id())
    }

    /// The most memory that it has ever had resident, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// The memory that it has resident, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(self.folder().join("fd")).map_or(0, Iterator::count)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id()))
    }

    fn status_kib(&self, key: &str) -> u64 {
        let status = fs::read_to_string(self.folder().join("status")).unwrap_or_default();
        let value = status.lines().find_map(|line| line.strip_prefix(key));
        value.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let until = Instant::now() + STOP_MAX;
        if let Some(id) = Pid::from_raw(self.child.id().cast_signed()) {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::TERM);
        }
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a server says it listens: `... on http://127.0.0.1:1234/`. Other addresses may stand in what it
/// says, such as those of upstreams and of its admin listener.
fn address(line: &str) -> Option<SocketAddr> {
    let (who, rest) = line.split_once(" on http://")?;
    if who == "admin" {
        return None;
    }
    rest.split(['/', ' ']).next()?.parse().ok()
}

/// What a process said last, which is most often why it ended.
pub(crate) fn last_line(said: &str) -> &str {
    said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing")
}

/// The time on a processor of all threads that a process has now, to the nanosecond. A thread that has
/// ended is not in it: servers keep theirs.
fn cpu(id: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else { return Duration::ZERO };
    let nanos = |thread: std::io::Result<fs::DirEntry>| -> Option<u64> {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(threads.filter_map(nanos).sum())
}

/// What a bounded run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    /// What it said on standard output.
    pub(crate) said: String,
    /// The processor time that it used.
    pub(crate) cpu: Duration,
    /// From its start to its end.
    pub(crate) took: Duration,
}

/// A process of limited time.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    shown: String,
    log: PathBuf,
    started: Instant,
    until: Instant,
}

impl Running {
    /// Starts a process that has so much time. What it says goes into a file.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(mut command: Command, log: &Path, time: Duration) -> Result<Self> {
        let file =
            File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let shown = format!("{command:?}");
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {shown}"))?;
        let started = Instant::now();
        Ok(Self { child, shown, log: log.to_owned(), started, until: started + time })
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// If it takes longer than it may; it is killed then.
    pub(crate) fn end(mut self) -> Result<Ran> {
        let id = Pid::from_raw(self.child.id().cast_signed()).context("a child has an id")?;
        // Not reaped yet, so that what it used can still be read.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(id), look)?.is_none() {
            if Instant::now() > self.until {
                bail!("{} took longer than it may", self.shown);
            }
            std::thread::sleep(LOOK);
        }
        let (took, cpu) = (self.started.elapsed(), cpu_of_ended(self.child.id()));
        let status = self.child.wait()?;
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        Ok(Ran { status, said, cpu, took })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// User and system time of a process that has ended and was not waited for. Its threads are gone, so
/// this is to the kernel's tick, 10 ms.
fn cpu_of_ended(id: u32) -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name, in parentheses, may have anything in it; times are the 14th and 15th field.
    let Some((_, fields)) = stat.rsplit_once(')') else { return Duration::ZERO };
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    TICK * ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_listens_where_it_says_so_and_not_at_its_upstream() {
        let at = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(address("listening on http://127.0.0.1:80"), at(80));
        assert_eq!(address("Serving HTTP on http://127.0.0.1:81/"), at(81));
        assert_eq!(address("  app  /*  upstream http://127.0.0.1:82"), None);
        assert_eq!(address("admin on http://127.0.0.1:83"), None);
    }

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        assert_eq!(last_line("a\nb\n\n  \n"), "b");
        assert_eq!(last_line(""), "it said nothing");
    }
}
