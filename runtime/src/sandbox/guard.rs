//! Stops a call at its wall, and keeps a host's panic inside of it.
//!
//! A call that returns at once, as nearly all do, meets no timer here and no clock.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::{Allowance, slice};

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

/// Runs a call to its end or to its limit. When this returns, the call is no more: dropped at a limit,
/// which unwinds the guest wherever it stood.
pub(super) async fn guard<F: Future>(call: F, allowance: &Allowance) -> Ended<F::Output> {
    let mut call = pin!(call);
    let mut sleep = pin!(None::<Sleep>);
    let mut by_exchange = false;
    let mut timed = false;
    let mut carried = Duration::ZERO;
    poll_fn(|context| {
        // Inside of the slice, which must end whatever happens in it.
        let polled = slice(timed, &mut carried, || {
            catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
        });
        match polled {
            Ok(Poll::Ready(value)) => return Poll::Ready(Ended::Returned(value)),
            Err(panic) => return Poll::Ready(Ended::Panicked(panic_text(&*panic))),
            Ok(Poll::Pending) => {}
        }
        if !timed {
            timed = true;
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
    .await
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
