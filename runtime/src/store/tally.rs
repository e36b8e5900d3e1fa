//! Counts what a store is asked, how it answers and how long that takes. Atomics alone: counting never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Result, StoreError};

/// What is asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Get,
    Change,
    Keys,
}

/// Their names, in their order.
const NAMES: [&str; 3] = ["get", "change", "keys"];

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Tally([Counts; NAMES.len()]);

#[derive(Debug, Default)]
struct Counts {
    ended: AtomicU64,
    failed: AtomicU64,
    nanoseconds: AtomicU64,
}

/// What one store did so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreReading {
    /// By operation.
    pub calls: Vec<Calls>,
    /// Whether Redis answers; none for another kind of store.
    pub redis_up: Option<bool>,
}

/// Calls of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// `get`, `change` or `keys`.
    pub operation: &'static str,
    /// How many ended.
    pub ended: u64,
    /// How many of them because the store was full, busy, or did not answer.
    pub failed: u64,
    /// How long they took, all together.
    pub time: Duration,
}

impl Tally {
    /// Counts a call that ended, since `begun`.
    pub(super) fn ended<T>(&self, operation: Operation, begun: Instant, result: &Result<T>) {
        use StoreError::{Busy, Full, Unavailable};
        let counts = &self.0[operation as usize];
        let failed = matches!(result, Err(Busy | Full(_) | Unavailable(_)));
        let time = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        counts.ended.fetch_add(1, Ordering::Relaxed);
        counts.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
        counts.nanoseconds.fetch_add(time, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> Vec<Calls> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let read = |(operation, counts): (&'static str, &Counts)| Calls {
            operation,
            ended: count(&counts.ended),
            failed: count(&counts.failed),
            time: Duration::from_nanos(count(&counts.nanoseconds)),
        };
        NAMES.into_iter().zip(&self.0).map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_did_wrong_is_no_failure_of_the_store() {
        let (tally, begun) = (Tally::default(), Instant::now());
        tally.ended(Operation::Get, begun, &Ok(()));
        tally.ended::<()>(Operation::Change, begun, &Err(StoreError::NotANumber));
        tally.ended::<()>(Operation::Change, begun, &Err(StoreError::Busy));
        let counts = tally.calls().into_iter().map(|of| (of.operation, of.ended, of.failed));
        let wanted = [("get", 1, 0), ("change", 2, 1), ("keys", 0, 0)];
        assert_eq!(counts.collect::<Vec<_>>(), wanted);
    }
}
