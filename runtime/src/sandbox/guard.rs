//! Stops a call at its wall, keeps a host's panic inside of it, and counts what it used.
//!
//! A call that returns at once, as nearly all do, meets no timer here, and reads the clock twice.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::clock::{first_slice, slice};
use super::limits::Allowance;
use crate::hook::{Tally, Verb};

/// How a guarded call ended.
#[derive(Debug)]
pub(super) enum Ended<T> {
    /// By itself.
    Returned(T),
    /// It reached `wall`.
    TimedOut,
    /// The exchange reached its end while it ran.
    ExchangeTimedOut,
    /// A host function panicked.
    Panicked(String),
}

/// The time that a call took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// Of the processor, without that of calls below it.
    pub(super) cpu: Duration,
    /// In all, waiting included.
    pub(super) wall: Duration,
}

/// Takes the time of a call. Whatever ends the call, its drop counts it: a callee may be dropped in the
/// middle when its caller reaches a limit.
#[derive(Debug)]
pub(super) struct Timing<'a> {
    tally: &'a Tally,
    verb: Verb,
    /// None until it is polled: what never ran was no call.
    began: Option<std::time::Instant>,
    cpu: Duration,
    /// None while it runs.
    wall: Option<Duration>,
}

impl<'a> Timing<'a> {
    /// For a call that is counted there.
    pub(super) fn new(tally: &'a Tally, verb: Verb) -> Self {
        Self { tally, verb, began: None, cpu: Duration::ZERO, wall: None }
    }

    /// Up to now, or to the call's end.
    fn spent(&self) -> Spent {
        let elapsed = || self.began.map_or(Duration::ZERO, |began| began.elapsed());
        Spent { cpu: self.cpu, wall: self.wall.unwrap_or_else(elapsed) }
    }
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        if self.began.is_some() {
            let Spent { cpu, wall } = self.spent();
            self.tally.called(self.verb, cpu, wall);
        }
    }
}

/// Runs a call to its end or to its limit, and says what time it took. When this returns, the call is no
/// more: dropped at a limit, which unwinds the guest wherever it stood.
///
/// It takes the call where it lies: a call's future is large, and moving it would be dear.
pub(super) async fn guard<F: Future>(
    mut call: Pin<&mut F>,
    allowance: &Allowance,
    mut timing: Timing<'_>,
) -> (Ended<F::Output>, Spent) {
    let mut sleep = pin!(None::<Sleep>);
    let mut by_exchange = false;
    // Cpu time of earlier slices that no tick has counted: a call that waits often has slices that end
    // before a tick does.
    let mut carried = Duration::ZERO;
    let timing = &mut timing;
    let ended = poll_fn(|context| {
        // A slice must end whatever happens in it.
        let poll = || catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
        let first = timing.began.is_none();
        let (polled, took) = if first {
            let (polled, cpu, (began, took)) = first_slice(poll);
            (timing.began, timing.cpu) = (Some(began), cpu);
            (polled, Some(took))
        } else {
            let (polled, cpu) = slice(&mut carried, poll);
            timing.cpu += cpu;
            (polled, None)
        };
        match polled {
            Ok(Poll::Ready(value)) => {
                timing.wall = took;
                return Poll::Ready(Ended::Returned(value));
            }
            Err(panic) => return Poll::Ready(Ended::Panicked(panic_text(&*panic))),
            Ok(Poll::Pending) => {}
        }
        if first {
            let wall = Instant::now() + allowance.wall;
            let until = allowance.until.map(Instant::from_std).filter(|until| *until < wall);
            by_exchange = until.is_some();
            sleep.set(Some(sleep_until(until.unwrap_or(wall))));
        }
        match sleep.as_mut().as_pin_mut().map(|sleep| sleep.poll(context)) {
            Some(Poll::Ready(())) if by_exchange => Poll::Ready(Ended::ExchangeTimedOut),
            Some(Poll::Ready(())) => Poll::Ready(Ended::TimedOut),
            _ => Poll::Pending,
        }
    })
    .await;
    let spent = timing.spent();
    timing.wall = Some(spent.wall);
    (ended, spent)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
