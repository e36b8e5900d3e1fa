//! Holds the ticks of a hook, and counts what becomes of them.
//!
//! Where another hook comes in the place of one, what was counted of a tick goes on with the one of its name.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::Tick;

/// The ticks of one hook.
#[derive(Debug, Default)]
pub struct Ticks(Vec<Ticking>);

/// A tick, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Ticking {
    pub(super) tick: Tick,
    tally: Arc<TickTally>,
}

#[derive(Debug, Default)]
struct TickTally {
    done: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

/// What is known of a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TickReading {
    /// Its name.
    pub name: String,
    /// Runs that succeeded.
    pub done: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Times at which the last run still went on, or no instance became free.
    pub skipped: u64,
}

impl Ticks {
    /// The ticks of a hook that comes in the place of one that had those `before`.
    pub fn new(ticks: &[Tick], before: Option<&Self>) -> Self {
        let known = |name: &str| before?.0.iter().find(|ticking| ticking.tick.name == name);
        let all = ticks.iter().map(|tick| Ticking {
            tick: tick.clone(),
            tally: known(&tick.name).map(|ticking| ticking.tally.clone()).unwrap_or_default(),
        });
        Self(all.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ticking> {
        self.0.iter()
    }

    pub(super) fn reading(&self) -> Vec<TickReading> {
        let read = |Ticking { tick, tally }: &Ticking| TickReading {
            name: tick.name.clone(),
            done: tally.done.load(Relaxed),
            failed: tally.failed.load(Relaxed),
            skipped: tally.skipped.load(Relaxed),
        };
        self.0.iter().map(read).collect()
    }
}

impl Ticking {
    pub(super) fn ticked(&self, well: bool) {
        let count = if well { &self.tally.done } else { &self.tally.failed };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn skipped(&self, times: u64) {
        self.tally.skipped.fetch_add(times, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Schedule;
    use super::*;

    #[test]
    fn what_was_counted_goes_on_with_the_tick_of_that_name() {
        let tick = |name: &str, seconds| Tick {
            name: name.into(),
            schedule: Schedule::Every(Duration::from_secs(seconds)),
        };
        let before = Ticks::new(&[tick("a", 1), tick("b", 1)], None);
        before.0[1].ticked(true);
        let now = Ticks::new(&[tick("b", 2), tick("c", 1)], Some(&before));
        let counted = now.reading().into_iter().map(|it| (it.name, it.done));
        assert_eq!(counted.collect::<Vec<_>>(), [("b".to_owned(), 1), ("c".to_owned(), 0)]);
    }
}
