//! Gathers what a process says, and waits for it to say something.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::PATIENCE;

/// What a process has said so far.
#[derive(Default)]
pub(super) struct Said {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
pub(super) struct Lines {
    pub(super) out: Vec<String>,
    pub(super) err: Vec<String>,
    /// How many of the two streams are still open.
    pub(super) open: usize,
}

impl Said {
    pub(super) fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen(
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
    pub(super) fn wait<T>(&self, answer: impl Fn(&Lines) -> Option<T>) -> Option<T> {
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

/// Whether the lines have these parts, in this order.
pub(super) fn in_order(lines: &[String], wanted: &[&str]) -> bool {
    let mut lines = lines.iter();
    wanted.iter().all(|wanted| lines.any(|line| line.contains(wanted)))
}
