//! Defines what came of a step: all that can be seen of a hook from the outside.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::expect::named;

/// What came of a step.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The status of the response; 0 where the step was no request.
    pub status: u16,
    /// The headers of the response.
    pub headers: HeaderMap,
    /// The body of the response.
    pub body: Vec<u8>,
    /// Who answered.
    pub outcome: Outcome,
    /// What ended the chain, a task or a tick, if anything did.
    pub failure: Option<Failed>,
    /// What else failed: on the way back, after the last byte, in an event, in a call between hooks.
    pub beside: Vec<Failed>,
    /// Path and query of the request, as the hook has left them.
    pub forwarded_target: String,
    /// Headers of the request, as the hook has left them.
    pub forwarded_headers: HeaderMap,
    /// The locals at the end.
    pub locals: Map<String, Value>,
    /// What hooks have logged, at any level, each line as `level: message {"field":"value"}`.
    pub logs: Vec<String>,
    /// What `kv` holds: of the namespaces that the hook was granted, the first 1,000 keys of each, and what the
    /// step expects something of.
    pub kv: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// What the client's session holds.
    pub session: Map<String, Value>,
    /// The tasks that were deferred, in order.
    pub tasks: Vec<Task>,
    /// The events that were emitted, in order.
    pub events: Vec<Event>,
    /// The requests to other servers, in order, each as `GET https://...`.
    pub fetched: Vec<String>,
    /// Those among them that nothing was there to answer.
    pub unexpected: Vec<String>,
    /// Fuel that the hook's calls have used: the same each time that the same happens.
    pub fuel: u64,
    /// Processor time that they took.
    pub cpu: Duration,
}

/// Who answered a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// What stands behind the hooks, or nobody.
    #[default]
    Next,
    /// A hook.
    Respond,
}

/// Why a call of a hook failed, or why a chain ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The code, such as `E_HOOK_CPU`.
    pub code: String,
    /// What the log of a server would say, with the backtrace.
    pub text: String,
    /// Whether a hook is to blame, by an error that it has not chosen for its client.
    pub is_broken: bool,
}

/// A task that was deferred.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Whose it is.
    pub hook: String,
    /// Its name.
    pub name: String,
    /// Its payload.
    pub payload: Value,
    /// Whether it outlives the server.
    pub durable: bool,
    /// How long it is to wait.
    pub delay: Duration,
}

/// An event that was emitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its payload.
    pub payload: Value,
}

impl Seen {
    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; none if it is none.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The first value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a hook failed in a way that it has not chosen for its client.
    pub fn is_broken(&self) -> bool {
        self.failures().any(|failure| failure.is_broken)
    }

    /// All that failed; what ended the chain first.
    pub fn failures(&self) -> impl Iterator<Item = &Failed> {
        self.failure.iter().chain(&self.beside)
    }

    /// What says most of why a step went wrong: a failure that a hook has not chosen for its client, else
    /// whatever there is.
    pub fn worst(&self) -> Option<&Failed> {
        let broken = self.failures().find(|failure| failure.is_broken);
        broken.or_else(|| self.failures().next())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Next => "next",
            Self::Respond => "respond",
        })
    }
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(out, &self.name, Some(&self.payload))?;
        out.write_str(if self.durable { " durable" } else { " in memory" })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(out, &self.name, Some(&self.payload))
    }
}
