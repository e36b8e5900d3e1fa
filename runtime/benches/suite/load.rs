//! Makes load with `h2load`, and reads what came of it.
//!
//! It writes down every single request (`--log-file`), so quantiles are exact and not from a histogram,
//! and an answer that is not what was asked for is seen.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::probe;
use crate::process::{Cores, Ran, Running, last_line, pinned};

/// How long after its time a load generator may still take.
const LATE_MAX: Duration = Duration::from_secs(20);

/// What HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 with keep-alive, one request at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2 without TLS.
    H2c,
}

/// The load of one case.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) path: String,
    pub(crate) protocol: Protocol,
    pub(crate) connections: usize,
    /// Requests at once on one connection.
    pub(crate) streams: usize,
    /// Requests a second in all, whatever the answers do: an open loop. None asks again with every
    /// answer: a closed loop.
    pub(crate) rate: Option<f64>,
    /// A file to post.
    pub(crate) body: Option<PathBuf>,
    /// The status that answers must have.
    pub(crate) status: u16,
    /// The path whose answer gives a cookie, which all requests carry.
    pub(crate) cookie_of: Option<&'static str>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            path: "/".into(),
            protocol: Protocol::Http1,
            connections: 32,
            streams: 1,
            rate: None,
            body: None,
            status: 200,
            cookie_of: None,
        }
    }
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Answers with the status that was asked for.
    pub(crate) requests: u64,
    /// Answers with another one, and requests without an answer.
    pub(crate) failed: u64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Microseconds until half, 99 of 100 and 999 of 1000 answers were complete.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    /// Which part of its core the generator used: near 1 it was the generator that was measured.
    pub(crate) generator: f64,
}

/// A load that runs.
pub(crate) struct Loading {
    running: Running,
    log: PathBuf,
    time: Duration,
    status: u16,
}

impl Load {
    /// A load on another path.
    pub(crate) fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// An open loop of so many requests a second, over enough connections that none is asked more than
    /// fifty times a second: above a hundred h2load sends in bursts.
    pub(crate) fn open(rate: f64) -> Self {
        let connections = (rate / 50.0).ceil().clamp(1.0, 400.0) as usize;
        Self { rate: Some(rate), connections, ..Self::default() }
    }

    /// The cookie that its requests carry.
    ///
    /// # Errors
    /// If there is to be one, and the server gives none.
    pub(crate) fn cookie(&self, address: SocketAddr) -> Result<Option<String>> {
        self.cookie_of.map(|path| probe::cookie(address, path)).transpose()
    }

    /// Starts it. `name` is that of its files in `dir`.
    ///
    /// # Errors
    /// If h2load cannot be started.
    pub(crate) fn start(
        &self,
        address: SocketAddr,
        time: Duration,
        cores: Cores,
        (dir, name): (&Path, &str),
    ) -> Result<Loading> {
        let log = dir.join(format!("{name}.requests"));
        let _ = fs::remove_file(&log);
        let mut command = pinned(Path::new("h2load"), cores);
        command.arg(format!("--duration={}ms", time.as_millis()));
        command.arg(format!("--clients={}", self.connections));
        command.arg(format!("--max-concurrent-streams={}", self.streams));
        command.arg(format!("--log-file={}", log.display()));
        command.args(["--header", &format!("{}: acme", bench_hooks::READ)]);
        if self.protocol == Protocol::Http1 {
            command.arg("--h1");
        }
        if let Some(cookie) = self.cookie(address)? {
            command.args(["--header", &format!("cookie: {cookie}")]);
        }
        if let Some(rate) = self.rate {
            command.arg(format!("--rps={}", rate / self.connections as f64));
        }
        if let Some(body) = &self.body {
            command.arg(format!("--data={}", body.display()));
        }
        command.arg(format!("http://{address}{}", self.path));
        let said = dir.join(format!("{name}.h2load"));
        let running = Running::start(command, &said, time + LATE_MAX)?;
        Ok(Loading { running, log, time, status: self.status })
    }
}

impl Loading {
    /// Waits for its end, and reads what it wrote down.
    ///
    /// # Errors
    /// If h2load fails, hangs, or gets no answer at all.
    pub(crate) fn end(self) -> Result<Outcome> {
        let Ran { status, said, cpu, took } = self.running.end()?;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let _ = fs::remove_file(&self.log);
        if !status.success() {
            bail!("h2load: {}: {status}\n{said}", last_line(&said));
        }
        let (mut times, mut failed) = (Vec::new(), 0);
        for line in log.lines() {
            let (answer, micros) = request(line).with_context(|| format!("no log line: {line}"))?;
            if answer == i32::from(self.status) { times.push(micros) } else { failed += 1 }
        }
        if times.is_empty() {
            bail!("no request was answered with {}, of {failed}:\n{said}", self.status);
        }
        times.sort_unstable();
        let quantile = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize] as f64;
        Ok(Outcome {
            requests: times.len() as u64,
            failed,
            rate: times.len() as f64 / self.time.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            p999: quantile(0.999),
            generator: cpu.as_secs_f64() / took.as_secs_f64(),
        })
    }
}

/// Status and microseconds of a line of h2load's log: start, status, time.
fn request(line: &str) -> Option<(i32, u64)> {
    let mut fields = line.split('\t').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_is_a_status_and_a_time() {
        assert_eq!(request("1700000000000000\t200\t431"), Some((200, 431)));
        assert_eq!(request("1700000000000000\t-1\t12\t"), Some((-1, 12)));
        assert_eq!(request("1700000000000000"), None);
    }

    #[test]
    fn an_open_loop_asks_on_each_connection_fifty_times_a_second_at_most() {
        for rate in [5.0, 50.0, 51.0, 9_000.0] {
            let load = Load::open(rate);
            assert!(rate / load.connections as f64 <= 50.0, "{rate}: {}", load.connections);
        }
    }
}
