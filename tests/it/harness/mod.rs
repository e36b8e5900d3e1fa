//! Runs the tests' cases: an app folder from a string, a server as a process of its own, requests over
//! real sockets, and what came of it held against what was expected.
//!
//! Only this folder knows how any of that is done. Tests hand a fixture to [`check`]; those
//! that need a socket or a signal of their own lift an [`App`] from it and go on by hand. Nothing
//! here sleeps for a time, but [`until`] between two looks: whoever waits waits for a line of the log, for
//! bytes, or for an exit, with a bound so generous that only a hang reaches it.

mod app;
mod browser;
mod check;
mod command;
mod fixture;
mod guests;
mod hostile;
mod http;
mod redis;
mod remote;
mod said;
mod secure;
mod text;
mod upstream;

pub(crate) use app::App;
pub(crate) use browser::Browser;
pub(crate) use check::check;
pub(crate) use command::Ran;
pub(crate) use fixture::Fixture;
pub(crate) use guests::{component, guest_names, newer_source};
pub(crate) use hostile::{HOSTILE_REQUESTS, Hostile, PATIENT};
pub(crate) use http::{Client, Response};
pub(crate) use redis::RedisServer;
pub(crate) use remote::{Remote, Way};
pub(crate) use secure::Secure;
pub(crate) use text::core_module;
pub(crate) use upstream::Upstream;

use std::time::{Duration, Instant};

/// How long anything may take that is expected to happen. Reached by a hang alone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until it is so: for what no line of the log says.
#[track_caller]
pub(crate) fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
