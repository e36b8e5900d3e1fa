//! Makes instances and calls into them: one function a verb, each armed, guarded and judged.
//!
//! Every call returns `Result<Result<T, HookError>, Failure>`. The inner error is what the hook
//! returned: a normal return, the instance lives on. The outer one is everything else, and whoever
//! gets it drops the instance.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use super::bindings::boathook::hook::types::Error as GuestError;
use super::bindings::exports::boathook::hook::{
    background, lifecycle, listening, methods, observing, routing, swapping,
};
use super::compile::{Indices, Program};
use super::guard::{Ended, Timing, guard};
use super::limits::{self, Allowance, Stop};
use crate::error::{Code, Failure, HookError, Phase};
use crate::exchange::Exchange;
use crate::hook::{Tally, Verb};
use crate::host::{Context, State};
use crate::tasks::Deferred;

/// One live copy of a hook.
pub struct Instance {
    store: Store<State>,
    component: wasmtime::component::Instance,
    indices: Arc<Indices>,
    exports: Exports,
    wear: Wear,
    /// Whether it has what the generation before handed out.
    pub(super) was_given: bool,
    /// The hook's, once more: the store is lent out during a call.
    tally: Arc<Tally>,
}

/// How long an instance may still serve.
#[derive(Debug, Default)]
struct Wear {
    calls_left: u32,
    /// The sweep after which it is too old.
    until_sweep: u32,
    /// Bytes of memory at which it has grown too much.
    memory_max: u64,
}

/// How many calls an instance serves, give or take half, so that not all of them are replaced at once. A
/// hook that leaks a hundred bytes a call stays under 2 MiB.
const CALLS: u32 = 10_000;
/// How many sweeps an instance lives: an hour.
const SWEEPS: u32 = 720;

/// The functions of the interfaces that the component exports, each found when it is first called: an
/// instance that serves one request needs one interface.
#[derive(Default)]
struct Exports {
    lifecycle: Option<lifecycle::Guest>,
    routing: Option<routing::Guest>,
    observing: Option<observing::Guest>,
    methods: Option<methods::Guest>,
    listening: Option<listening::Guest>,
    background: Option<background::Guest>,
    swapping: Option<swapping::Guest>,
}

/// What a call returned, if it returned.
pub type Returned<T> = Result<Result<T, HookError>, Failure>;

pub use super::bindings::exports::boathook::hook::methods::Method;
pub use super::bindings::exports::boathook::hook::routing::{
    Outcome, Phase as RoutePhase, Route, RouteFlags,
};

/// Finds the functions of an interface, unless that has been done or the component has none.
macro_rules! find {
    ($self:ident, $interface:ident) => {
        if $self.exports.$interface.is_none()
            && let Some(at) = &$self.indices.$interface
        {
            let found = at.load(&mut $self.store, &$self.component);
            $self.exports.$interface = Some(found.map_err(|error| $self.misfit(&error))?);
        }
    };
}

/// One call: arm, call, judge. A macro and not a function, because the call borrows the store.
macro_rules! call {
    ($self:ident, $phase:expr, $allowance:expr, $interface:ident . $verb:ident ( $($argument:expr),* )) => {{
        find!($self, $interface);
        let Some(guest) = &$self.exports.$interface else {
            let text = concat!("the component does not export `", stringify!($interface), "`");
            return Err(Failure::new(Code::Internal, text));
        };
        limits::arm(&mut $self.store, $phase, $allowance);
        let timing = Timing::new(&$self.tally, $phase.into());
        let (ended, spent) = {
            let call = pin!(guest.$verb(&mut $self.store, $($argument),*));
            in_place!(guard(call, $allowance, timing))
        };
        limits::account(&$self.store, &$self.tally, spent, $phase, $allowance);
        $self.judge(ended, $phase, $allowance)
    }};
}

impl Instance {
    /// Makes an instance. Its lifecycle has not run.
    ///
    /// # Errors
    /// If it traps in its start function, or hits a limit in it: cpu and wall are `limits.start`, and the
    /// exchange that needs it may end earlier.
    pub async fn start(
        program: &Program,
        context: &Arc<Context>,
        replay: bool,
        until: Option<Instant>,
    ) -> Result<Box<Self>, Failure> {
        let allowance = Allowance::start(&context.limits, until);
        let state = State::new(context.clone(), replay);
        let mut store = Store::new(program.pre.engine(), state);
        limits::prepare(&mut store, &context.limits);
        limits::arm(&mut store, Phase::Start, &allowance);
        let timing = Timing::new(&context.tally, Verb::Lifecycle);
        let (ended, spent) = {
            let instantiated = pin!(program.pre.instantiate_async(&mut store));
            in_place!(guard(instantiated, &allowance, timing))
        };
        limits::account(&store, &context.tally, spent, Phase::Start, &allowance);
        let component = match settle(&store, ended, Phase::Start, &allowance) {
            Ok(component) => component,
            Err(failure) => return Err(failure.in_hook(&context.name, Phase::Start)),
        };
        let tally = context.tally.clone();
        tally.made_instance();
        let mut instance = Box::new(Self {
            store,
            component,
            indices: program.exports.clone(),
            exports: Exports::default(),
            wear: Wear::default(),
            was_given: false,
            tally,
        });
        if !replay {
            instance.find_exports()?;
        }
        Ok(instance)
    }

    /// Finds all functions that the component exports. Of the first instance all are found at once, so
    /// that one of another type than the world's is told of when the hook is lifted.
    fn find_exports(&mut self) -> Result<(), Failure> {
        find!(self, lifecycle);
        find!(self, routing);
        find!(self, observing);
        find!(self, methods);
        find!(self, listening);
        find!(self, background);
        find!(self, swapping);
        Ok(())
    }

    /// What to say of an export of another type.
    fn misfit(&self, error: &wasmtime::Error) -> Failure {
        let text = format!("an export has another type than the world says: {error:#}");
        Failure::new(Code::HookStart, text).in_hook(&self.store.data().context.name, Phase::Start)
    }

    /// Hands the exchange over for the next call.
    pub fn lend(&mut self, exchange: Option<Box<Exchange>>) {
        self.store.data_mut().exchange = exchange;
    }

    /// Takes the exchange back, whatever the call came to.
    pub fn take_back(&mut self) -> Option<Box<Exchange>> {
        self.store.data_mut().take_exchange()
    }

    /// Takes out what the call has deferred.
    pub fn take_deferred(&mut self) -> Vec<Deferred> {
        std::mem::take(&mut self.store.data_mut().deferred)
    }

    /// What its state is read from.
    pub(super) fn parts(&mut self) -> (&mut Store<State>, wasmtime::component::Instance) {
        (&mut self.store, self.component)
    }

    /// Notes that its lifecycle has run, and so what it looks like when it is new.
    pub(super) fn settle_in(&mut self, sweep: u32) {
        // Any spread will do; the allocator's address is different for each.
        let spread = (std::ptr::from_ref(self) as usize / 64 % CALLS as usize) as u32;
        let limit = self.store.data().context.limits.memory;
        self.wear = Wear {
            calls_left: CALLS / 2 + spread,
            until_sweep: sweep.saturating_add(SWEEPS),
            // Memory never shrinks, so one large request would hold it for good.
            memory_max: (self.memory_bytes() * 2).max(limit / 4),
        };
    }

    /// Counts a call, and says whether it was the last one that this instance should serve.
    pub(super) fn is_worn(&mut self, sweep: u32) -> bool {
        self.wear.calls_left = self.wear.calls_left.saturating_sub(1);
        self.wear.calls_left == 0
            || sweep >= self.wear.until_sweep
            || self.memory_bytes() > self.wear.memory_max
    }

    /// Bytes of its linear memories.
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().meter.memory_bytes()
    }

    /// Calls `lifecycle.defaults`.
    pub async fn defaults(
        &mut self,
        overrides: &String,
        allowance: &Allowance,
    ) -> Returned<String> {
        call!(self, Phase::Defaults, allowance, lifecycle.call_defaults(overrides))
    }

    /// Calls `lifecycle.configure`.
    pub async fn configure(&mut self, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::Configure, allowance, lifecycle.call_configure())
    }

    /// Calls `lifecycle.initialize`.
    pub async fn initialize(&mut self, allowance: &Allowance) -> Returned<()> {
        self.tally.initializes();
        call!(self, Phase::Initialize, allowance, lifecycle.call_initialize())
    }

    /// Calls `lifecycle.lower`.
    pub async fn lower(&mut self, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::Lower, allowance, lifecycle.call_lower())
    }

    /// Calls `routing.routes`.
    pub async fn routes(&mut self, allowance: &Allowance) -> Returned<Vec<Route>> {
        call!(self, Phase::Routes, allowance, routing.call_routes())
    }

    /// Calls `methods.methods`.
    pub async fn methods(&mut self, allowance: &Allowance) -> Returned<Vec<Method>> {
        call!(self, Phase::Routes, allowance, methods.call_methods())
    }

    /// Calls `routing.handle-route`.
    pub async fn handle_route(&mut self, route: u32, allowance: &Allowance) -> Returned<Outcome> {
        call!(self, Phase::HandleRoute, allowance, routing.call_handle_route(route))
    }

    /// Calls `observing.handle-response`.
    pub async fn handle_response(&mut self, route: u32, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::HandleResponse, allowance, observing.call_handle_response(route))
    }

    /// Calls `observing.handle-finish`.
    pub async fn handle_finish(&mut self, route: u32, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::HandleFinish, allowance, observing.call_handle_finish(route))
    }

    /// Calls `methods.call`.
    pub async fn call(
        &mut self,
        name: &str,
        arguments: &String,
        allowance: &Allowance,
    ) -> Returned<String> {
        call!(self, Phase::Call, allowance, methods.call_call(name, arguments))
    }

    /// Calls `listening.handle-event`.
    pub async fn handle_event(
        &mut self,
        event: &str,
        payload: &String,
        allowance: &Allowance,
    ) -> Returned<()> {
        call!(self, Phase::HandleEvent, allowance, listening.call_handle_event(event, payload))
    }

    /// Calls `background.handle-task`.
    pub async fn handle_task(
        &mut self,
        name: &str,
        payload: &String,
        attempt: u32,
        allowance: &Allowance,
    ) -> Returned<()> {
        call!(
            self,
            Phase::HandleTask,
            allowance,
            background.call_handle_task(name, payload, attempt)
        )
    }

    /// Calls `swapping.before-swap`.
    pub async fn before_swap(&mut self, allowance: &Allowance) -> Returned<Option<String>> {
        call!(self, Phase::BeforeSwap, allowance, swapping.call_before_swap())
    }

    /// Calls `swapping.after-swap`.
    pub async fn after_swap(&mut self, value: &String, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::AfterSwap, allowance, swapping.call_after_swap(value))
    }

    /// Calls `background.handle-tick`.
    pub async fn handle_tick(&mut self, name: &str, allowance: &Allowance) -> Returned<()> {
        call!(self, Phase::HandleTick, allowance, background.call_handle_tick(name))
    }

    /// Turns the end of a call into what came of it.
    fn judge<T: Answer>(
        &self,
        ended: Ended<wasmtime::Result<T>>,
        phase: Phase,
        allowance: &Allowance,
    ) -> Returned<T::Value> {
        settle(&self.store, ended, phase, allowance)
            .map(|value| {
                let shared = self.store.data().context.shared();
                value.answer().map_err(|mut said| {
                    shared.clean(&mut said);
                    said
                })
            })
            .map_err(|failure| failure.in_hook(&self.store.data().context.name, phase))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.tally.freed_instance();
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Instance of `{}`", self.store.data().context.name)
    }
}

/// What a verb returns: most return a `result`, `methods` returns a list.
trait Answer {
    type Value;
    fn answer(self) -> Result<Self::Value, HookError>;
}

impl<T> Answer for Result<T, GuestError> {
    type Value = T;
    fn answer(self) -> Result<T, HookError> {
        self.map_err(HookError::from)
    }
}

impl Answer for Vec<Method> {
    type Value = Self;
    fn answer(self) -> Result<Self, HookError> {
        Ok(self)
    }
}

impl From<GuestError> for HookError {
    fn from(error: GuestError) -> Self {
        let GuestError { code, message, status, details } = error;
        Self { code, message, status, details }
    }
}

impl From<HookError> for GuestError {
    fn from(error: HookError) -> Self {
        let HookError { code, message, status, details } = error;
        Self { code, message, status, details }
    }
}

/// The one place where the end of a call becomes a kind of failure.
fn settle<T>(
    store: &Store<State>,
    ended: Ended<wasmtime::Result<T>>,
    phase: Phase,
    allowance: &Allowance,
) -> Result<T, Failure> {
    let error = match ended {
        Ended::Returned(Ok(value)) => return Ok(value),
        Ended::Returned(Err(error)) => error,
        Ended::TimedOut => {
            let (code, name) = allowance.codes.wall;
            let (wall, waited) = (allowance.wall, store.data().waiting_for());
            return Err(Failure::new(code, format!("{name} limit of {wall:?} reached{waited}")));
        }
        Ended::ExchangeTimedOut => {
            return Err(Failure::new(
                Code::ExchangeTimeout,
                "the exchange reached its limit in this call",
            ));
        }
        Ended::Panicked(text) => {
            return Err(Failure::new(Code::Internal, format!("a host function panicked: {text}")));
        }
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let counted = limits::counted_by_the_engine(&error, &store.data().context.limits);
    let (code, cause) = match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
        (Some(Stop::Cpu(limit)), _) => {
            let (code, name) = allowance.codes.cpu;
            (code, format!("{name} limit of {limit:?} reached"))
        }
        (Some(stop @ Stop::HostCalls(_)), _) => (Code::HookLimit, stop.to_string()),
        (Some(stop @ Stop::NoExchange(_)), _) => (Code::HookTrap, stop.to_string()),
        (None, Some(Trap::StackOverflow)) => (Code::HookLimit, "stack limit reached".into()),
        (None, Some(Trap::OutOfFuel)) => {
            let fuel = allowance.fuel.unwrap_or(u64::MAX);
            (Code::HookFuel, format!("fuel limit of {fuel} reached"))
        }
        _ if store.data().meter.refused().is_some() => {
            store.data().meter.refused().unwrap_or((Code::HookMemory, String::new()))
        }
        (None, Some(trap)) => {
            // Its own text begins with the same word once more.
            let text = trap.to_string();
            (Code::HookTrap, format!("trap: {}", text.trim_start_matches("wasm trap: ")))
        }
        _ if counted.is_some() => (Code::HookLimit, counted.unwrap_or_default()),
        // The server's own limit: no fault of the hook's.
        _ if error.is::<PoolConcurrencyLimitError>() => (Code::HookBusy, root_cause(&error)),
        (None, None) if error.is::<wasmtime_wasi::I32Exit>() => {
            let cause = root_cause(&error);
            (
                Code::HookTrap,
                format!("{cause}: a hook has no process to end; it can return an error"),
            )
        }
        (None, None) if phase == Phase::Start => (Code::HookStart, root_cause(&error)),
        (None, None) => (Code::HookTrap, root_cause(&error)),
    };
    let mut failure = Failure::new(code, cause);
    failure.backtrace = backtrace;
    Err(failure)
}

/// The innermost text of an error: the outer ones only say that wasm was running.
fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
