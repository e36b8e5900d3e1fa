//! Keeps a hook that fails again and again from being called: a circuit breaker. Pure but for its lock.
//!
//! It opens when most of the recent calls failed, so that one client that knows how to make a hook
//! trap cannot take the hook away from all others. Open, it lets nothing through for a while; then one
//! call, the probe, decides whether it closes or stays open for twice as long.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long failures are remembered.
const WINDOW: Duration = Duration::from_secs(10);
/// Fewer failures than this never open it: that many may be bad luck.
const FAILURES_MIN: u64 = 10;
/// For how long it opens first. A hook that was unlucky is back soon.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// For how long it opens at most, however often the probe fails.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// One hook's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Whether the state is anything but closed: all that a call looks at while all is well.
    tripped: AtomicBool,
    /// Whether any call ever failed. Those of a hook that never fails need no count, and adding to a
    /// shared number is dear.
    counts: AtomicBool,
    /// Calls that were counted. Only compared with itself.
    calls: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { since: Option<Instant>, calls_before: u64, failures: u64 },
    Open { until: Instant, pause: Duration },
    Probing { pause: Duration },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { since: None, calls_before: 0, failures: 0 }
    }
}

/// A call that was let through. Whoever has it says how the call ended; dropped without a word, the call
/// says nothing about the hook: it was never made, or its end was nobody's fault.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    breaker: Option<&'a Breaker>,
    /// Whether it is the one call that decides.
    probe: bool,
}

impl Admitted<'_> {
    /// A call that the breaker has no say in, and that says nothing about the hook.
    pub(super) fn unasked() -> Self {
        Self { breaker: None, probe: false }
    }

    /// The call returned normally.
    pub(super) fn succeeded(mut self) -> Option<Change> {
        let breaker = self.breaker.take()?;
        self.probe.then(|| breaker.close())
    }

    /// The call cost an instance.
    pub(super) fn failed(mut self) -> Option<Change> {
        self.breaker.take()?.failed_at(Instant::now(), self.probe)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.breaker.filter(|_| self.probe) {
            breaker.withdrawn();
        }
    }
}

/// What changed, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It opened, for so long.
    Opened(Duration),
    /// The probe succeeded.
    Closed,
}

/// What an operator sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Calls go through.
    Closed,
    /// None does.
    Open,
    /// One is on its way to find out.
    HalfOpen,
}

impl Breaker {
    /// Asks to make a call. `Err` says for how long it is no use to ask again.
    ///
    /// # Errors
    /// While it is open, and for all but one call while it is half open.
    pub(super) fn admit(&self) -> Result<Admitted<'_>, Duration> {
        self.admit_at(Instant::now)
    }

    /// The clock is only read where it matters.
    fn admit_at(&self, now: impl FnOnce() -> Instant) -> Result<Admitted<'_>, Duration> {
        if self.counts.load(Ordering::Relaxed) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let mut probe = false;
        if self.tripped.load(Ordering::Relaxed) {
            let now = now();
            let mut state = self.state();
            match *state {
                State::Closed { .. } => {}
                State::Open { until, .. } if now < until => return Err(until - now),
                State::Open { pause, .. } => {
                    *state = State::Probing { pause };
                    probe = true;
                }
                State::Probing { pause } => return Err(pause),
            }
        }
        Ok(Admitted { breaker: Some(self), probe })
    }

    /// The probe succeeded.
    fn close(&self) -> Change {
        *self.state() = State::default();
        self.tripped.store(false, Ordering::Relaxed);
        Change::Closed
    }

    /// A call failed. One that began before the breaker opened says nothing about now.
    fn failed_at(&self, now: Instant, probe: bool) -> Option<Change> {
        if !self.counts.swap(true, Ordering::Relaxed) {
            // This very call.
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let calls = self.calls.load(Ordering::Relaxed);
        let mut state = self.state();
        let pause = match &mut *state {
            State::Probing { pause } if probe => (*pause * 2).min(PAUSE_MAX),
            State::Open { .. } | State::Probing { .. } => return None,
            State::Closed { since, calls_before, failures } => {
                if since.is_none_or(|since| now.saturating_duration_since(since) > WINDOW) {
                    // This very call counts in the window that it opens.
                    (*since, *calls_before, *failures) = (Some(now), calls.saturating_sub(1), 0);
                }
                *failures += 1;
                let calls = calls.saturating_sub(*calls_before);
                if *failures < FAILURES_MIN || *failures * 2 < calls {
                    return None;
                }
                PAUSE_MIN
            }
        };
        *state = State::Open { until: now + pause, pause };
        self.tripped.store(true, Ordering::Relaxed);
        Some(Change::Opened(pause))
    }

    /// The probe came to nothing.
    fn withdrawn(&self) {
        let mut state = self.state();
        if let State::Probing { pause } = *state {
            *state = State::Open { until: Instant::now(), pause };
        }
    }

    /// What it is like now.
    pub(super) fn seen(&self) -> Seen {
        match *self.state() {
            State::Closed { .. } => Seen::Closed,
            State::Open { .. } => Seen::Open,
            State::Probing { .. } => Seen::HalfOpen,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u64, now: Instant) -> Option<Change> {
        let mut change = None;
        for _ in 0..times {
            // The call itself is not of interest here, only its end.
            drop(breaker.admit_at(|| now));
            change = breaker.failed_at(now, false);
        }
        change
    }

    #[test]
    fn a_hook_that_always_fails_is_not_called_for_a_second() {
        let breaker = Breaker::default();
        let now = Instant::now();
        assert_eq!(fail(&breaker, FAILURES_MIN - 1, now), None);
        assert_eq!(fail(&breaker, 1, now), Some(Change::Opened(PAUSE_MIN)));
        assert_eq!(breaker.admit_at(|| now).unwrap_err(), PAUSE_MIN);
    }

    #[test]
    fn a_client_that_makes_a_hook_trap_cannot_take_it_from_others() {
        let breaker = Breaker::default();
        let now = Instant::now();
        for _ in 0..1000 {
            drop((breaker.admit(), breaker.admit()));
            assert_eq!(fail(&breaker, 1, now), None);
        }
    }

    #[test]
    fn failures_of_long_ago_do_not_count() {
        let breaker = Breaker::default();
        let now = Instant::now();
        fail(&breaker, FAILURES_MIN - 1, now);
        assert_eq!(fail(&breaker, 1, now + WINDOW * 2), None);
    }

    #[test]
    fn one_probe_goes_through_and_closes_it() {
        let breaker = Breaker::default();
        let now = Instant::now();
        fail(&breaker, FAILURES_MIN, now);
        let later = now + PAUSE_MIN;
        let probe = breaker.admit_at(|| later).unwrap();
        assert!(breaker.admit_at(|| later).is_err());
        assert_eq!(breaker.seen(), Seen::HalfOpen);
        assert_eq!(probe.succeeded(), Some(Change::Closed));
        assert!(breaker.admit_at(|| later).is_ok());
    }

    #[test]
    fn each_probe_that_fails_doubles_the_pause_up_to_a_minute() {
        let breaker = Breaker::default();
        let mut now = Instant::now();
        fail(&breaker, FAILURES_MIN, now);
        let mut pause = PAUSE_MIN;
        for _ in 0..10 {
            now += pause;
            std::mem::forget(breaker.admit_at(|| now).unwrap());
            // A call from before says nothing.
            assert_eq!(breaker.failed_at(now, false), None);
            pause = (pause * 2).min(PAUSE_MAX);
            assert_eq!(breaker.failed_at(now, true), Some(Change::Opened(pause)));
        }
        assert_eq!(pause, PAUSE_MAX);
    }

    #[test]
    fn a_probe_that_came_to_nothing_leaves_the_way_to_the_next() {
        let breaker = Breaker::default();
        let now = Instant::now();
        fail(&breaker, FAILURES_MIN, now);
        drop(breaker.admit_at(|| now + PAUSE_MIN).unwrap());
        assert!(breaker.admit_at(|| Instant::now() + PAUSE_MIN).is_ok());
    }
}
