//! Counts what becomes of a hook's tasks.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::TickReading;

/// One hook's counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    done: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
}

/// What is known of a hook's tasks at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Tasks in memory that wait.
    pub waiting: u64,
    /// Durable tasks that are not done, as of a moment ago, those of all servers that share the store; none
    /// where the hook has no grant for them.
    pub stored: Option<u64>,
    /// Runs that succeeded.
    pub done: u64,
    /// Runs that failed, whatever came of that.
    pub failed: u64,
    /// Failures after which a durable task is to be tried again.
    pub retried: u64,
    /// Durable tasks that were given up.
    pub given_up: u64,
    /// Tasks that were not taken.
    pub refused: u64,
    /// Tasks in memory that were cut off, or left, when the server stopped or their hook was taken out.
    pub lost: u64,
    /// Its ticks.
    pub ticks: Vec<TickReading>,
}

impl Tally {
    pub(super) fn ran(&self, well: bool) {
        let count = if well { &self.done } else { &self.failed };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retried.fetch_add(1, Relaxed);
    }

    pub(super) fn gave_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn lost(&self, count: u64) {
        self.lost.fetch_add(count, Relaxed);
    }

    pub(super) fn reading(
        &self,
        waiting: usize,
        stored: Option<u64>,
        ticks: Vec<TickReading>,
    ) -> Reading {
        Reading {
            waiting: waiting as u64,
            stored,
            done: self.done.load(Relaxed),
            failed: self.failed.load(Relaxed),
            retried: self.retried.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            refused: self.refused.load(Relaxed),
            lost: self.lost.load(Relaxed),
            ticks,
        }
    }
}
