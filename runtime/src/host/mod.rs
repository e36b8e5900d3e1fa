//! Does what hooks ask of the server: one file an imported interface.
//!
//! [`State`] is what lives in a hook's store, beside its memory; [`Context`] what all instances of one
//! hook share; [`Shared`] what all hooks of a running set share. A host function finds everything it
//! may touch in its `State`, so what a hook cannot reach from there it cannot reach at all.
//!
//! What is not here: who may be called when. That is the chain's and the lift's.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::config::{Limits, Namespaces};
use crate::error::{HookError, Phase};
use crate::exchange::{Exchange, Stage};
use crate::hook::{Hook, Reach, Tally};
use crate::nodes::Nodes;
use crate::outside::Outside;
use crate::sandbox::limits::{Allowance, Meter, Stop};
use crate::sandbox::{self, Rescue, bindings};
use crate::secrets::Redactor;
use crate::session::Sessions;
use crate::store::{Agenda, Store};
use crate::tasks::{Deferred, Tasks, Ticks};

mod blocks;
pub mod config;
pub mod events;
mod fetch;
mod hooks;
mod kv;
mod log;
mod output;
mod request;
mod response;
mod secrets;
mod session;
mod tasks;
mod wasi;
mod wasi_http;

pub(crate) use blocks::LastBlock;
pub use config::ConfigStore;
pub use events::{Board, Queue, Staged};
pub use hooks::Published;
pub(crate) use response::overlay;
pub use wasi::Read;

/// What the host keeps beside one instance: the data of its store.
pub struct State {
    /// What it shares with the hook's other instances.
    pub context: Arc<Context>,
    /// Which call is in progress.
    pub phase: Phase,
    /// Whether this instance's lifecycle repeats one that another one has settled.
    replay: bool,
    /// The exchange, for the time of a call that has one.
    pub exchange: Option<Box<Exchange>>,
    /// Where a callee leaves the exchange if this hook's call is dropped while the callee has it.
    rescue: Option<Rescue>,
    /// What it used.
    pub meter: Meter,
    /// The events that it waits for at the moment.
    waiting: Vec<String>,
    /// The headers that it set last.
    pub(crate) last_block: Option<Arc<blocks::Block>>,
    /// What the call has deferred.
    pub deferred: Vec<Deferred>,
    /// What it fetches with.
    outgoing: wasi_http::Outgoing,
    wasi: wasi::Wasi,
}

/// What all instances of one hook share.
#[derive(Debug)]
pub struct Context {
    /// The hook's name.
    pub name: Arc<str>,
    /// Where its settings live.
    pub config_key: String,
    /// The hooks that it may call: those in its `after`.
    pub callable: Vec<String>,
    /// The secrets, variables and folders that it may read.
    pub reach: Reach,
    /// The namespaces of `kv` that it may reach.
    pub namespaces: Namespaces,
    /// What it fetches with; none if nothing is granted.
    pub fetch: Option<crate::fetch::Client>,
    /// Its tasks; none if it takes none.
    pub tasks: Option<Arc<Tasks>>,
    /// Its ticks.
    pub ticks: Ticks,
    /// Its limits.
    pub limits: Limits,
    /// The headers that any of its instances set last.
    pub(crate) last_block: LastBlock,
    /// What all its calls used and came to.
    pub tally: Arc<Tally>,
    /// The world that it meets.
    pub outside: Arc<dyn Outside>,
    /// What it shares with all other hooks: another, once the running set is replaced and the hook is kept.
    pub set: ArcSwap<Shared>,
    /// Whether it was lifted beside a running set, and has not taken over: a copy of it may serve.
    pub candidate: AtomicBool,
}

/// What all hooks of one running set share. A set that replaces it has one of its own; the services among it
/// go on from the one to the other.
#[derive(Debug)]
pub struct Shared {
    /// The configuration.
    pub config: ConfigStore,
    /// Events.
    pub events: Arc<Board>,
    /// The way of events to the app's other servers, once this one is ready; none where they stay here.
    pub nodes: OnceLock<Arc<Nodes>>,
    /// Public data.
    pub published: Published,
    /// What `kv` keeps things in; none where no hook may use it.
    pub kv: Option<Store>,
    /// What durable tasks lie in; none where no hook may have any.
    pub agenda: Option<Arc<Agenda>>,
    /// The hooks themselves, for calls between them. Weak, because each hook shares this.
    pub hooks: OnceLock<Vec<Weak<Hook>>>,
    /// The names of all hooks, in hook order.
    pub names: Vec<Arc<str>>,
    /// Sessions, if any hook was granted them.
    pub sessions: Option<Arc<Sessions>>,
    /// Takes secrets out of what hooks have written.
    pub redactor: Redactor,
    /// Whether clients may see details of errors.
    pub development: bool,
}

impl State {
    /// The state for a new instance, with nothing granted.
    pub fn new(context: Arc<Context>, replay: bool) -> Self {
        Self {
            phase: Phase::Start,
            replay,
            exchange: None,
            rescue: None,
            meter: Meter::new(&context.limits),
            waiting: Vec::new(),
            last_block: None,
            deferred: Vec::new(),
            outgoing: wasi_http::Outgoing::new(context.clone()),
            wasi: wasi::Wasi::new(&context.limits),
            context,
        }
    }

    /// Fills up what is granted a call, and not an instance.
    pub(crate) fn refill(&mut self, allowance: &Allowance) {
        self.outgoing.refill(allowance);
        self.wasi.refill(&self.context.limits);
    }

    /// What it has read of clocks and randomness since it was made.
    pub fn read_so_far(&self) -> Read {
        self.wasi.read()
    }

    /// Notes what the WASI function that is being called reads.
    pub(crate) fn reads(&mut self) -> &mut Read {
        self.wasi.reads()
    }

    /// Whether it has handles to resources of the host's.
    pub fn has_handles(&self) -> bool {
        self.wasi.has_handles()
    }

    /// Whether this call repeats what another instance has settled: only the lifecycle is repeated.
    pub fn repeats(&self) -> bool {
        use Phase::{AfterSwap, Configure, Defaults, Initialize, Routes, Start};
        let repeated = [Start, Defaults, Configure, Initialize, Routes, AfterSwap];
        self.replay && repeated.contains(&self.phase)
    }

    /// Takes the exchange back after a call, wherever the call left it.
    pub fn take_exchange(&mut self) -> Option<Box<Exchange>> {
        let rescued = || self.rescue.as_ref().and_then(Rescue::take);
        self.exchange.take().or_else(rescued)
    }

    /// ` (waiting for ...)`, if it waits for events; empty otherwise.
    pub fn waiting_for(&self) -> String {
        if self.waiting.is_empty() {
            return String::new();
        }
        format!(" while waiting for {}", list(&self.waiting))
    }

    /// Counts a call into the host, and gives the exchange. For getters.
    fn read(&mut self, function: &'static str) -> sandbox::Result<&mut Exchange> {
        self.meter.host_call().map_err(sandbox::trap)?;
        self.exchange.as_deref_mut().ok_or_else(|| sandbox::trap(Stop::NoExchange(function)))
    }

    /// Counts a call into the host, and gives the exchange if `stage` is not over yet. For setters.
    fn write(
        &mut self,
        function: &'static str,
        stage: Stage,
    ) -> sandbox::Result<Result<&mut Exchange, GuestError>> {
        self.enter()?;
        Ok(self.changeable(function, stage))
    }

    /// The exchange, if `stage` is not over yet.
    fn changeable(
        &mut self,
        function: &'static str,
        stage: Stage,
    ) -> Result<&mut Exchange, GuestError> {
        match self.exchange.as_deref_mut() {
            None => Err(no_exchange(function)),
            Some(exchange) if late(exchange.stage, stage) => Err(guest_error(
                "E_TOO_LATE",
                format!("`{function}` was called when it was too late to change that"),
                None,
            )),
            Some(exchange) => {
                exchange.about_to_change();
                Ok(exchange)
            }
        }
    }

    /// Counts a call into the host, and nothing else.
    pub(crate) fn enter(&mut self) -> sandbox::Result<()> {
        self.meter.host_call().map_err(sandbox::trap)
    }
}

/// Whether what can be changed until `wanted` cannot be changed any more.
fn late(now: Stage, wanted: Stage) -> bool {
    match now {
        Stage::Request => false,
        Stage::Response => wanted == Stage::Request,
        Stage::Finished => true,
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.view(&self.context)
    }
}

impl Shared {
    /// The name of the cookie of sessions, where there are any: hooks have no hands on it.
    pub(crate) fn session_cookie(&self) -> Option<&str> {
        self.sessions.as_deref().map(Sessions::cookie_name)
    }

    /// A hook of the set, once all of it are loaded.
    fn hook(&self, name: &str) -> Option<Arc<Hook>> {
        let at = self.names.iter().position(|known| **known == *name)?;
        self.hooks.get()?.get(at)?.upgrade()
    }

    /// Takes secrets out of what a hook says of an error.
    pub(crate) fn clean(&self, said: &mut HookError) {
        for text in [&mut said.code, &mut said.message].into_iter().chain(&mut said.details) {
            if let Cow::Owned(cleaned) = self.redactor.clean(text) {
                *text = cleaned;
            }
        }
    }
}

impl Context {
    /// What it shares with all other hooks of the running set.
    pub fn shared(&self) -> Arc<Shared> {
        self.set.load_full()
    }

    /// Whether it was lifted beside a running set, and has not taken over.
    pub fn is_candidate(&self) -> bool {
        self.candidate.load(Ordering::Acquire)
    }

    /// Fires an event of the hook's among those of this server: at once, or when it takes over.
    pub fn fire(&self, event: &str, payload: String) {
        let events = &self.shared().events;
        match self.is_candidate() {
            true => events.hold(&self.name, event, payload),
            false => events.fire(event, payload),
        }
    }

    /// Notes that the one instance of a hook in mode `single` was lost, and its memory with it.
    pub fn restarted(&self) {
        let name = &self.name;
        self.tally.restarted();
        tracing::warn!(hook = %name, "the hook lost its instance, and what it kept in memory");
        self.fire(&format!("hook:{name}:restarted"), "{}".into());
    }
}

pub(crate) type GuestError = bindings::boathook::hook::types::Error;

impl bindings::boathook::hook::types::Host for State {}

/// An error for a hook.
pub(crate) fn guest_error(
    code: &str,
    message: impl Into<String>,
    status: Option<u16>,
) -> GuestError {
    HookError { code: code.into(), message: message.into(), status, details: None }.into()
}

/// The error for a hook that uses what it was not granted, with the line that would grant it.
fn not_granted(hook: &str, what: &str, line: &str) -> GuestError {
    let text = format!(
        "hook `{hook}` has no grant for {what}\n\
         hint: add `grants = {{ {line} }}` to `[hooks.{hook}]`"
    );
    guest_error("E_NOT_GRANTED", text, None)
}

fn no_exchange(function: &str) -> GuestError {
    let text = format!("`{function}` was called where there is no exchange");
    guest_error("E_NO_EXCHANGE", text, None)
}

/// Checks that a hook's text is JSON, without building a tree of it.
fn check_json(text: &str, what: &str) -> Result<(), GuestError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| {
        guest_error("E_HOOK_BAD_RESPONSE", format!("{what} is not valid JSON: {error}"), Some(502))
    })
}

/// `a`, `b`
pub(crate) fn list<T: std::fmt::Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
