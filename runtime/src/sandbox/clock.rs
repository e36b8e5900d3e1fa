//! Tells how much cpu time a call uses, slice by slice: a slice is the time from when a call goes on to
//! when it returns or waits.
//!
//! Reading a thread's cpu clock costs as much as a whole short call, so a call's first slice is taken by
//! the ordinary clock: nearly all calls have no second one. A first slice cannot be long, as the epoch's
//! tick ends it; from the second one on the thread's own clock is read.
//!
//! Calls may be nested, where one hook calls another: the time of the inner one is not the outer one's.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::engine::TICK;

/// The most that a first slice counts for. A tick ends it; what the clock shows beyond that is a thread
/// that was put aside.
const FIRST_SLICE_MAX: Duration = TICK.saturating_mul(2);

thread_local! {
    /// The thread's cpu time when the call that is being polled on it went on, or when it was last
    /// asked for; none in a first slice.
    static SINCE: Cell<Option<Duration>> = const { Cell::new(None) };
    /// What calls used that were made from the slice that runs.
    static BELOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The cpu time that the running call used since it went on, or since this was last asked. A first slice
/// counts for nothing here: it is too short to be of interest to a limit.
pub(super) fn take_slice() -> Duration {
    let now = thread_time();
    let since = SINCE.replace(Some(now));
    since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
}

/// Runs a call's first slice. Returns what it came to, its cpu time without that of calls below it, and
/// when it began and how long it took.
pub(super) fn first_slice<T>(run: impl FnOnce() -> T) -> (T, Duration, (Instant, Duration)) {
    // Of a callee every slice is timed: it is not the caller's.
    if SINCE.get().is_some() {
        let began = Instant::now();
        let (result, cpu) = slice(&mut Duration::default(), run);
        return (result, cpu, (began, began.elapsed()));
    }
    let below = BELOW.replace(Duration::ZERO);
    let began = Instant::now();
    let result = run();
    let took = began.elapsed();
    // A tick in it has set this.
    SINCE.set(None);
    let own = took.min(FIRST_SLICE_MAX).saturating_sub(BELOW.get());
    BELOW.set(below + own + BELOW.get());
    (result, own, (began, took))
}

/// Runs one of a call's later slices. Returns what it came to, and its cpu time without that of calls
/// below it. `carried` is cpu time of the call's earlier slices that [`take_slice`] has not told, and
/// afterwards what is left of that and of this one.
pub(super) fn slice<T>(carried: &mut Duration, run: impl FnOnce() -> T) -> (T, Duration) {
    let below = BELOW.replace(Duration::ZERO);
    let start = thread_time();
    // As if it had begun earlier, so that the next tick counts what is carried, too.
    let outer = SINCE.replace(Some(start.saturating_sub(*carried)));
    let result = run();
    let end = thread_time();
    *carried = SINCE.get().map_or(Duration::ZERO, |since| end.saturating_sub(since));
    let spent = end.saturating_sub(start);
    SINCE.set(outer.map(|outer| outer + spent));
    let own = spent.saturating_sub(BELOW.get());
    BELOW.set(below + spent);
    (result, own)
}

/// How long this thread has been running on a cpu. A thread that was not scheduled is not guilty.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses that much cpu time.
    fn burn(time: Duration) {
        let until = thread_time() + time;
        while thread_time() < until {
            std::hint::spin_loop();
        }
    }

    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_millis(50);

    #[test]
    fn the_time_of_a_callee_is_not_its_callers() {
        let mut callee = Duration::ZERO;
        let ((), caller) = slice(&mut Duration::default(), || {
            burn(SHORT);
            callee = first_slice(|| burn(LONG)).1;
        });
        assert!(callee >= LONG, "{callee:?}");
        assert!((SHORT..LONG).contains(&caller), "{caller:?}");
    }

    #[test]
    fn nor_is_it_where_neither_outlives_a_tick() {
        let mut callee = Duration::ZERO;
        let ((), caller, _) = first_slice(|| callee = first_slice(|| burn(3 * SHORT)).1);
        assert!(callee >= 3 * SHORT, "{callee:?}");
        // Counted twice it would be more than one slice can be.
        assert!(caller + callee <= FIRST_SLICE_MAX, "{caller:?} {callee:?}");
    }

    #[test]
    fn a_first_slice_that_the_system_put_aside_counts_a_little_too_much_and_no_more() {
        let ((), cpu, (_, took)) = first_slice(|| std::thread::sleep(LONG));
        assert!(cpu <= FIRST_SLICE_MAX && took >= LONG, "{cpu:?} {took:?}");
    }

    #[test]
    fn waiting_uses_no_cpu() {
        let ((), cpu) = slice(&mut Duration::default(), || std::thread::sleep(LONG));
        assert!(cpu < LONG, "{cpu:?}");
    }

    #[test]
    fn what_a_limit_is_asked_for_begins_with_the_second_slice() {
        first_slice(|| {
            burn(SHORT);
            assert_eq!(take_slice(), Duration::ZERO);
            burn(SHORT);
            assert!(take_slice() >= SHORT);
        });
        slice(&mut Duration::default(), || {
            burn(SHORT);
            assert!(take_slice() >= SHORT);
        });
    }

    #[test]
    fn slices_that_end_before_a_tick_are_counted_by_the_next_one() {
        let mut carried = Duration::ZERO;
        for _ in 0..5 {
            slice(&mut carried, || burn(SHORT));
        }
        assert!(carried >= SHORT * 5, "{carried:?}");
        let (counted, _) = slice(&mut carried, take_slice);
        assert!(counted >= SHORT * 5, "{counted:?}");
        assert!(carried < SHORT * 5, "counted twice: {carried:?}");
    }

    #[test]
    fn what_a_callee_uses_is_carried_by_the_callee_alone() {
        let (mut outer, mut inner) = (Duration::ZERO, Duration::ZERO);
        slice(&mut outer, || {
            burn(SHORT);
            for _ in 0..5 {
                slice(&mut inner, || burn(SHORT));
            }
        });
        assert!(inner >= SHORT * 5, "{inner:?}");
        assert!(outer >= SHORT && outer < SHORT * 5, "{outer:?}");
    }
}
