//! Runs a hook without wasm and without a server, against a host in memory.
//!
//! The host belongs to the thread, and so to the test: every test begins with an empty one. It keeps
//! the promises that a hook can see: stages (`config::set` in `configure` alone), flags (no body
//! without `read_body`), the order of the chain, who wins between hooks and target.
//!
//! ```
//! use boathook_sdk::prelude::*;
//!
//! #[derive(Default)]
//! struct Teapot;
//!
//! impl Hook for Teapot {
//!     fn routes(&self) -> Routes<Self> {
//!         Routes::new().before("POST /coffee", Self::brew)
//!     }
//! }
//!
//! impl Teapot {
//!     fn brew(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
//!         log::warn!("{} wants coffee", req.ip());
//!         res.status(418).text("short and stout")
//!     }
//! }
//!
//! let mut hook = testing::lift::<Teapot>("teapot", json!({})).unwrap();
//! let reply = testing::call(&mut hook, testing::request("POST", "/coffee").ip("10.0.0.7"));
//! assert_eq!((reply.outcome, reply.status), (Outcome::Respond, 418));
//! assert_eq!(testing::log()[0].message, "10.0.0.7 wants coffee");
//! ```
//!
//! What it does not do: limits, several instances, addresses with regular expressions (`r|..|`).

mod address;
mod chain;
mod exchange;
pub(crate) mod host;
mod session;

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

pub use self::chain::{Reply, call, call_action};
pub use self::exchange::{TestRequest, request};
use self::host::{Stage, with};
pub use self::session::TestSession;
use crate::{Headers, Hook, Instance, Result, fetch, log};

/// A line that the hook wrote to the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// How much it matters.
    pub level: log::Level,
    /// The text.
    pub message: String,
    /// The fields, an object.
    pub fields: Value,
}

/// A request that the hook sent to another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// A task that the hook handed itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Deferred {
    /// Its name.
    pub name: String,
    /// What came with it.
    pub payload: Value,
    /// Whether it would outlive the server.
    pub durable: bool,
    /// How long it would wait.
    pub delay: Duration,
}

/// An event that fired, whoever fired it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What came with it.
    pub payload: Value,
}

/// Takes a hook through `defaults`, `configure` and `initialize`, under this config key and with this
/// configuration of the operator's.
pub fn lift<H: Hook>(config_key: &str, operator: Value) -> Result<H> {
    let mut hook = H::default();
    with(|host| {
        host.config_key = config_key.into();
        host.stage = Stage::Defaults;
    });
    let defaults = host::under_key(hook.defaults(&operator)?, config_key);
    with(|host| {
        host.config = host::merge(operator, defaults);
        host.stage = Stage::Configure;
    });
    hook.configure()?;
    with(|host| host.stage = Stage::Initialize);
    hook.initialize()?;
    with(|host| host.stage = Stage::Running);
    fire(&format!("hook:{config_key}:loaded"), Value::Null);
    Ok(hook)
}

/// The value at a path of the configuration as it stands, `null` where there is nothing.
pub fn config(path: &str) -> Value {
    with(|host| host::find(&host.config, path).cloned().unwrap_or_default())
}

/// Fires an event as another hook or the server would. Do it ahead of [`lift`] for events that the
/// hook waits for.
pub fn fire(event: &str, payload: impl Serialize) {
    let payload = serde_json::to_value(payload).unwrap_or_default();
    with(|host| host.fired.push(Event { name: event.into(), payload }));
}

/// The events that fired so far, in order.
pub fn fired() -> Vec<Event> {
    with(|host| host.fired.clone())
}

/// Delivers an event to a hook that subscribed to it, as the host would. Says whether it did.
pub fn deliver<H: Hook>(hook: &mut H, event: &str, payload: impl Serialize) -> Result<bool> {
    if !with(|host| host.subscribed.iter().any(|name| name == event)) {
        return Ok(false);
    }
    let payload = serde_json::to_value(payload)?;
    host::tasks::during(|| hook.handle_event(event, payload))?;
    Ok(true)
}

/// The tasks that the hook handed itself and that were not run, in order.
pub fn deferred() -> Vec<Deferred> {
    with(|host| host.deferred.clone())
}

/// Runs the tasks that were deferred so far, as their first attempt and whatever their delay, and says what
/// came of each. One that fails is gone if it is not durable, and comes last otherwise; so does what they
/// defer themselves.
pub fn run_tasks<H: Hook>(hook: &mut H) -> Vec<Result<()>> {
    let tasks = with(|host| std::mem::take(&mut host.deferred));
    let run = |task: Deferred| {
        let Deferred { name, payload, .. } = &task;
        let ran = host::tasks::during(|| hook.handle_task(name, payload.clone(), 1));
        if ran.is_err() && task.durable {
            with(|host| host.deferred.push(task));
        }
        ran
    };
    tasks.into_iter().map(run).collect()
}

/// Has a tick of the hook's come.
pub fn tick<H: Hook>(hook: &mut H, name: &str) -> Result<()> {
    host::tasks::during(|| hook.handle_tick(name))
}

/// Puts a hook in the place of another while the server runs, as a deploy does: lifts it under the same config key
/// and with this configuration of the operator's, and gives it what the other hands over. The two may be
/// different hooks: two versions of one.
///
/// An error is the new one's, and refuses it; what the other failed with is in [`log()`], and hands nothing over.
pub fn swap<Old: Hook, New: Hook>(old: &mut Old, operator: Value) -> Result<New> {
    let config_key = with(|host| host.config_key.clone());
    let mut new = lift::<New>(&config_key, operator)?;
    match old.before_swap() {
        Ok(None) => {}
        Ok(Some(value)) => new.after_swap(value)?,
        Err(error) => log::error!("before-swap: {}", error.message()),
    }
    Ok(new)
}

/// Has every [`tasks::defer`](crate::tasks::defer) fail with `E_TASKS_FULL`, or work again.
pub fn fill_tasks(full: bool) {
    with(|host| host.tasks_are_full = full);
}

/// Makes data public as another hook would.
pub fn publish(hook: &str, key: &str, value: impl Serialize) {
    let value = serde_json::to_value(value).unwrap_or_default();
    with(|host| host.published.insert((hook.into(), key.into()), value));
}

/// What a hook made public, `null` where it did not.
pub fn published(hook: &str, key: &str) -> Value {
    with(|host| host.published.get(&(hook.into(), key.into())).cloned().unwrap_or_default())
}

/// Stands in for a method of another hook.
pub fn method(hook: &str, name: &str, stub: impl Fn(Value) -> Result<Value> + 'static) {
    with(|host| host.methods.insert((hook.into(), name.into()), Rc::new(stub)));
}

/// Stands in for the server at an origin, `https://api.example.com`. Where there is none, a fetch fails as
/// one that is not granted.
pub fn server(origin: &str, stub: impl Fn(&Sent) -> Result<fetch::Response> + 'static) {
    with(|host| host.servers.insert(origin.into(), Rc::new(stub)));
}

/// The requests that were sent to other servers, in order; each hop of a redirect is one.
pub fn sent() -> Vec<Sent> {
    with(|host| host.sent.clone())
}

/// Grants a secret.
pub fn secret(name: &str, text: &str) {
    with(|host| host.secrets.insert(name.into(), text.into()));
}

/// Calls one of the hook's public methods, as another hook would.
pub fn call_method<H: Hook>(hook: &mut H, name: &str, args: impl Serialize) -> Result<Value> {
    let args = serde_json::to_value(args)?;
    borrowed(hook, |instance| host::tasks::during(|| instance.call(name, args)))
}

/// Calls one of the hook's public methods in the course of this request, as another hook's handler would.
/// Gives what it returned, and what it left in the exchange.
pub fn call_method_in<H: Hook>(
    hook: &mut H,
    request: TestRequest,
    name: &str,
    args: impl Serialize,
) -> (Result<Value>, Reply) {
    chain::during(request, || call_method(hook, name, args))
}

/// The names and summaries of the hook's public methods.
pub fn methods<H: Hook>(hook: &H) -> Vec<(&'static str, &'static str)> {
    hook.methods().list.iter().map(|entry| (entry.name, entry.summary)).collect()
}

/// The lines that the hook wrote to the log so far.
pub fn log() -> Vec<Line> {
    with(|host| host.lines.clone())
}

/// Has every call of [`kv`](crate::kv) fail with `E_KV_UNAVAILABLE`, or work again. As long as it works,
/// all namespaces are granted, and a test may set and read them by itself.
pub fn break_kv(broken: bool) {
    with(|host| host.kv_is_broken = broken);
}

/// Moves [`clock`](crate::clock) on.
pub fn advance(time: Duration) {
    with(|host| host.advanced += time);
}

/// Makes an instance of a hook that the test keeps, so that tests take the same way as components.
fn borrowed<H: Hook, R>(hook: &mut H, use_it: impl FnOnce(&mut Instance<H>) -> R) -> R {
    let mut instance = Instance::from(std::mem::take(hook));
    let result = use_it(&mut instance);
    *hook = std::mem::take(instance.hook());
    result
}
