//! Defines what hooks meet of the world beyond the server: time, chance, the log, what they keep, and other
//! servers.
//!
//! The hooks of a server meet the machine that it runs on, [`Machine`]. A test puts a world of its own in its
//! place, by [`crate::lift::Prepared::amid`]; everything else is then the very same as in a server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::Failure;
use crate::fetch::Servers;
use crate::log::{self, Level};
use crate::store::Store;
use crate::tasks::Deferred;

/// The world that hooks meet.
pub trait Outside: fmt::Debug + Send + Sync {
    /// What hooks take for the time; the machine's clocks where there is none.
    fn clock(&self) -> Option<FrozenClock> {
        None
    }

    /// What all randomness of a hook's instance is made from; the machine's where there is none.
    fn seed(&self) -> Option<u64> {
        None
    }

    /// What answers to hooks' requests in place of the network, if anything does.
    fn servers(&self) -> Option<Arc<dyn Servers>> {
        None
    }

    /// What holds `kv` and sessions in place of the stores that are configured, if anything does.
    fn store(&self) -> Option<Store> {
        None
    }

    /// Whether lines of hooks of this level are wanted.
    fn logs(&self, level: Level) -> bool {
        log::enabled(level)
    }

    /// Writes a line of a hook. `fields` is a JSON object, or empty.
    fn log(&self, level: Level, hook: &str, request: Option<&str>, message: &str, fields: &str) {
        log::hook_line(level, hook, request, message, fields);
    }

    /// Hears of an event that a hook has emitted. `payload` is JSON.
    fn emitted(&self, _hook: &str, _event: &str, _payload: &str) {}

    /// Hears of a call of a hook that has failed.
    fn failed(&self, _failure: &Failure) {}

    /// Hears of a task that a hook has deferred, in a call that went well.
    fn deferred(&self, _hook: &str, _task: &Deferred) {}
}

/// The machine that the server runs on.
#[derive(Debug)]
pub struct Machine;

impl Outside for Machine {}

/// A clock that stands still but for [`FrozenClock::advance`]. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct FrozenClock {
    start: Duration,
    /// Nanoseconds since 1970.
    now: Arc<AtomicU64>,
}

impl FrozenClock {
    /// A clock that says this time, counted from the start of 1970.
    pub fn new(since_1970: Duration) -> Self {
        Self { start: since_1970, now: Arc::new(AtomicU64::new(nanos(since_1970))) }
    }

    /// The time since the start of 1970.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }

    /// The time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        self.now().saturating_sub(self.start)
    }

    /// Has time pass.
    pub fn advance(&self, time: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(time)));
        let _ = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
