//! Defines a hook: what it is, where it comes from, and its verbs in plain types.
//!
//! This is the border between the server and the sandbox. Above it nobody knows of instances; below it
//! nobody knows of other hooks. [`find`] reads hooks from the disk, [`order`] puts them in
//! order, [`Hook`] is one that runs.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::config::Mode;
use crate::error::{Code, Failure, HookError, Phase};
use crate::exchange::Exchange;
use crate::host::{Context, Queue};
use crate::log::and_more;
use crate::sandbox::instance::{Method, Outcome, Returned, Route};
use crate::sandbox::limits::Allowance;
use crate::sandbox::{Instance, Lease, Pool, Program, Replay, Rescue, Snapshot};
use crate::tasks::{self, Deferred};

mod breaker;
mod facts;
pub mod find;
pub mod order;
mod reach;
mod swap;
mod tally;
mod wasm;

pub use breaker::Seen as BreakerState;
use breaker::{Admitted, Breaker, Change};
pub use facts::{Facts, FactsError, SECTION};
use find::Found;
pub use reach::{Folder, Reach};
pub use tally::{Tally, Totals, Used, Verb};
pub use wasm::Wasm;

/// A hook of a running set.
#[derive(Debug)]
pub struct Hook {
    /// What all its instances share; its name and limits among it.
    pub context: Arc<Context>,
    /// What it was made of, without the component.
    pub found: Found,
    /// Which of the hooks that had its name it is, in this process: the first, 1, or one that replaced it.
    pub generation: u64,
    /// The compiled component.
    pub program: Arc<Program>,
    /// Bounds `initialize`, and where that bound was set.
    pub timeout: (Duration, String),
    breaker: Breaker,
    live: OnceLock<Live>,
}

/// What a hook was asked for when it was loaded: its routes and its methods.
type Asked = (Vec<Route>, Vec<Method>);

/// What a hook has once it is loaded.
#[derive(Debug)]
struct Live {
    pool: Pool,
    methods: Vec<Method>,
    routes: Vec<Route>,
}

impl Hook {
    /// A hook that has not been loaded.
    pub fn new(
        context: Arc<Context>,
        found: &Found,
        generation: u64,
        program: Arc<Program>,
        timeout: (Duration, String),
    ) -> Self {
        Self {
            context,
            found: found.identity(),
            generation,
            program,
            timeout,
            breaker: Breaker::default(),
            live: OnceLock::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.context.name
    }

    /// Its routes, once it is loaded.
    pub fn routes(&self) -> &[Route] {
        self.live.get().map_or(&[], |live| &live.routes)
    }

    /// Its public methods, once it is loaded.
    pub fn methods(&self) -> &[Method] {
        self.live.get().map_or(&[], |live| &live.methods)
    }

    /// How many instances of it are alive.
    pub fn instances(&self) -> u32 {
        self.live.get().map_or(0, |live| live.pool.live())
    }

    /// Ends its start: the first instance, whose `initialize` has succeeded, becomes the first of a
    /// pool, and tells its methods and routes.
    ///
    /// # Errors
    /// What `routes` and `methods` fail with.
    pub async fn load(
        &self,
        mut first: Box<Instance>,
        overrides: Arc<String>,
    ) -> Result<(), Failure> {
        let (asked, snapshot) = match self.settle_first(&mut first).await {
            Ok(settled) => settled,
            Err(failure) => {
                // Its `initialize` succeeded, so it is lowered, if it still can be.
                if self.program.has_lifecycle() {
                    let _ = first.lower(&Allowance::lifecycle(self.timeout.0)).await;
                }
                return Err(failure);
            }
        };
        let (routes, methods) = asked;
        let (program, context) = (self.program.clone(), self.context.clone());
        let replay = Replay { overrides, time: self.timeout.0 };
        let pool = Pool::new(program, context, self.found.mode, first, snapshot, replay);
        // A hook is loaded once: the lift does it, and nobody else.
        let _ = self.live.set(Live { pool, methods, routes });
        Ok(())
    }

    /// Asks for routes and methods, and sees to the snapshot where the mode wants one from the start.
    async fn settle_first(&self, first: &mut Instance) -> Result<(Asked, Arc<Snapshot>), Failure> {
        let asked = self.ask(first).await?;
        if self.found.mode != Mode::Fresh {
            return Ok((asked, Arc::default()));
        }
        let may_replay = self.found.replay || !self.program.has_lifecycle();
        let snapshot = Snapshot::of_first(first, &self.program, &self.context, may_replay).await?;
        Ok((asked, snapshot))
    }

    /// Asks for routes and methods.
    async fn ask(&self, first: &mut Instance) -> Result<Asked, Failure> {
        let allowance = Allowance::lifecycle(self.timeout.0);
        let mut asked = (Vec::new(), Vec::new());
        if self.program.has_routing() {
            asked.0 = said(self.name(), Phase::Routes, first.routes(&allowance).await)?;
        }
        if self.program.has_methods() {
            asked.1 = said(self.name(), Phase::Routes, first.methods(&allowance).await)?;
        }
        Ok(asked)
    }

    /// Calls `handle-route`. The exchange comes back whatever happens.
    pub async fn handle_route(
        &self,
        route: u32,
        exchange: Box<Exchange>,
        until: Instant,
    ) -> (Box<Exchange>, Result<Outcome, Failure>) {
        let allowance = Allowance::call(&self.context.limits, Some(until));
        let mut leased = match in_place!(self.lease(Phase::HandleRoute, allowance.until)) {
            Ok(leased) => leased,
            Err(failure) => return (exchange, Err(failure)),
        };
        leased.instance().lend(Some(exchange));
        let returned = in_place!(leased.instance().handle_route(route, &allowance));
        let (exchange, result) = self.settle(leased, Phase::HandleRoute, returned);
        (exchange.unwrap_or_else(Exchange::blank), result)
    }

    /// Calls `handle-response`. The exchange comes back whatever happens.
    pub async fn handle_response(
        &self,
        route: u32,
        exchange: Box<Exchange>,
        until: Instant,
    ) -> (Box<Exchange>, Result<(), Failure>) {
        let allowance = Allowance::call(&self.context.limits, Some(until));
        let mut leased = match in_place!(self.lease(Phase::HandleResponse, allowance.until)) {
            Ok(leased) => leased,
            Err(failure) => return (exchange, Err(failure)),
        };
        leased.instance().lend(Some(exchange));
        let returned = in_place!(leased.instance().handle_response(route, &allowance));
        let (exchange, result) = self.settle(leased, Phase::HandleResponse, returned);
        (exchange.unwrap_or_else(Exchange::blank), result)
    }

    /// Calls `handle-finish`. The exchange comes back whatever happens.
    pub async fn handle_finish(
        &self,
        route: u32,
        exchange: Box<Exchange>,
    ) -> (Box<Exchange>, Result<(), Failure>) {
        let allowance = Allowance::call(&self.context.limits, None);
        let mut leased = match self.lease(Phase::HandleFinish, None).await {
            Ok(leased) => leased,
            Err(failure) => return (exchange, Err(failure)),
        };
        leased.instance().lend(Some(exchange));
        let returned = leased.instance().handle_finish(route, &allowance).await;
        let (exchange, result) = self.settle(leased, Phase::HandleFinish, returned);
        (exchange.unwrap_or_else(Exchange::blank), result)
    }

    /// Calls one of its methods, on behalf of another hook. The caller's exchange comes back whatever
    /// happens; by `rescue`, if the caller reaches its own limit and this call is dropped with it.
    pub async fn call(
        &self,
        method: &str,
        arguments: &String,
        exchange: Option<Box<Exchange>>,
        rescue: Rescue,
    ) -> (Option<Box<Exchange>>, Result<String, Failure>) {
        if !self.methods().iter().any(|known| known.name == method) {
            let names: Vec<&str> = self.methods().iter().map(|known| &*known.name).collect();
            let text = match names.as_slice() {
                [] => format!("hook `{}` has no methods", self.name()),
                names => format!(
                    "hook `{}` has no method `{method}`\nhint: it has {}",
                    self.name(),
                    crate::host::list(names)
                ),
            };
            let mut failure = Failure::new(Code::HookError, text.clone());
            failure.said = Some(HookError {
                code: "E_NO_METHOD".into(),
                message: text,
                ..HookError::default()
            });
            return (exchange, Err(failure));
        }
        let allowance =
            Allowance::call(&self.context.limits, exchange.as_ref().map(|exchange| exchange.until));
        // The caller may reach its limit while this waits for an instance: the exchange must be found.
        if let Some(exchange) = exchange {
            rescue.leave(exchange);
        }
        let mut leased = match self.lease(Phase::Call, allowance.until).await {
            Ok(leased) => leased,
            Err(failure) => return (rescue.take(), Err(failure)),
        };
        leased.instance().lend(rescue.take());
        leased.lease.rescue(rescue);
        let returned = leased.instance().call(method, arguments, &allowance).await;
        let (exchange, result) = self.settle(leased, Phase::Call, returned);
        let result =
            result.and_then(|value| match serde_json::from_str::<serde::de::IgnoredAny>(&value) {
                Ok(_) => Ok(value),
                Err(error) => {
                    let text = format!("method `{method}` returned invalid JSON: {error}");
                    let failure = Failure::new(Code::HookBadResponse, text);
                    Err(self.failed(failure.in_hook(self.name(), Phase::Call)))
                }
            });
        (exchange, result)
    }

    /// Delivers events to this hook, one after the other, until its queue is closed.
    pub async fn deliver(self: Arc<Self>, mut queue: Queue) {
        while let Some((event, payload)) = queue.next().await {
            if let Err(failure) = self.handle_event(&event, &payload.to_string()).await
                && !failure.is_logged()
            {
                tracing::error!(%event, "{failure}");
            }
            self.context.shared().events.handled(self.name(), &queue);
        }
    }

    /// Calls `handle-event`.
    ///
    /// # Errors
    /// What the call failed with.
    pub async fn handle_event(&self, event: &str, payload: &String) -> Result<(), Failure> {
        let allowance = Allowance::call(&self.context.limits, None);
        let mut leased = self.lease(Phase::HandleEvent, None).await?;
        let returned = leased.instance().handle_event(event, payload, &allowance).await;
        self.settle(leased, Phase::HandleEvent, returned).1
    }

    /// Calls `handle-task`.
    ///
    /// # Errors
    /// What the call failed with; `E_HOOK_BUSY` where there was no call, as no instance became free.
    pub async fn handle_task(
        &self,
        name: &str,
        payload: &String,
        attempt: u32,
    ) -> Result<(), Failure> {
        let allowance = Allowance::call(&self.context.limits, None);
        let mut leased = self.lease_unasked(Phase::HandleTask).await?;
        let returned = leased.instance().handle_task(name, payload, attempt, &allowance).await;
        self.settle(leased, Phase::HandleTask, returned).1
    }

    /// Calls `handle-tick`.
    ///
    /// # Errors
    /// Those of [`Self::handle_task`].
    pub async fn handle_tick(&self, name: &str) -> Result<(), Failure> {
        let allowance = Allowance::call(&self.context.limits, None);
        let mut leased = self.lease_unasked(Phase::HandleTick).await?;
        let returned = leased.instance().handle_tick(name, &allowance).await;
        self.settle(leased, Phase::HandleTick, returned).1
    }

    /// Calls `lower` on one instance, and frees all of them.
    ///
    /// # Errors
    /// What the call failed with; they are freed all the same.
    pub async fn lower(&self) -> Result<(), Failure> {
        let Some(live) = self.live.get() else { return Ok(()) };
        let mut result = Ok(());
        if self.program.has_lifecycle() {
            // Whoever still has the only instance of a `single` hook has so long to bring it back.
            // Whatever the breaker thinks of the hook: this is its last call.
            result = match live.pool.lease_patiently(Phase::Lower, self.timeout.0).await {
                Ok(mut lease) => {
                    let allowance = Allowance::lifecycle(self.timeout.0);
                    let returned = lease.instance().lower(&allowance).await;
                    // It was its last call: whoever waits in line is not to have this instance.
                    live.pool.close();
                    if returned.is_ok() {
                        lease.put_back();
                    }
                    said(self.name(), Phase::Lower, returned)
                }
                Err(failure) => Err(failure),
            };
        }
        live.pool.close();
        result
    }

    /// Says what the hook used in all, and those before it that had its name, unless they were never called.
    pub fn say_totals(&self) {
        let totals = self.context.tally.totals(self.context.limits.measure);
        let served = totals.served();
        if served.count == 0 && totals.failed() == 0 {
            return;
        }
        let average = served.cpu / u32::try_from(served.count.max(1)).unwrap_or(u32::MAX);
        tracing::info!(
            hook = %self.name(),
            calls = served.count,
            failures = totals.failed(),
            cpu = ?round(served.cpu),
            cpu_per_call = ?round(average),
            memory_peak_kib = totals.memory_peak_bytes >> 10,
            instances_made = totals.instances_made,
            "totals of the hook"
        );
    }

    /// Takes an instance out for a call, unless the breaker is open.
    async fn lease(&self, phase: Phase, until: Option<Instant>) -> Result<Leased<'_>, Failure> {
        let Some(live) = self.live.get() else {
            return Err(Failure::new(Code::Internal, "the hook is not loaded"));
        };
        let admitted = self.breaker.admit().map_err(|pause| {
            let mut failure =
                Failure::new(Code::HookBroken, "the breaker is open after repeated failures");
            failure.retry_after = Some(pause);
            self.failed(failure.in_hook(self.name(), phase))
        })?;
        match in_place!(live.pool.lease(phase, until)) {
            Ok(lease) => Ok(Leased { lease, admitted }),
            Err(failure) => {
                // Neither is the hook's fault: it was not even called.
                let innocent = [Code::HookBusy, Code::Draining, Code::ExchangeTimeout];
                if !innocent.contains(&failure.code) {
                    self.note(admitted.failed());
                }
                Err(self.failed(failure))
            }
        }
    }

    /// Takes an instance out for work that nobody asked for. What fails there has its own second chance, and
    /// must not close the hook to requests.
    async fn lease_unasked(&self, phase: Phase) -> Result<Leased<'_>, Failure> {
        let Some(live) = self.live.get() else {
            return Err(Failure::new(Code::Internal, "the hook is not loaded"));
        };
        match live.pool.lease(phase, None).await {
            Ok(lease) => Ok(Leased { lease, admitted: Admitted::unasked() }),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// Counts a failure. That the hook is busy is said here, once in a while.
    fn failed(&self, failure: Failure) -> Failure {
        let tally = &self.context.tally;
        self.context.outside.failed(&failure);
        if failure.is_server_error() {
            tally.failed(failure.code);
        }
        if failure.code == Code::HookBusy
            && let Some(unsaid) = tally.busy.pass()
        {
            tracing::warn!("{failure}{}", and_more(unsaid));
        }
        failure
    }

    /// Says what the breaker did.
    fn note(&self, change: Option<Change>) {
        let hook = self.name();
        match change {
            None => {}
            Some(Change::Opened(pause)) => {
                self.context.tally.breaker_opened();
                tracing::warn!(
                    %hook,
                    "the hook fails again and again: its breaker is open for {pause:?}"
                );
            }
            Some(Change::Closed) => {
                tracing::warn!(%hook, "the hook works again: its breaker is closed")
            }
        }
    }

    /// What the breaker is like.
    pub fn breaker(&self) -> BreakerState {
        self.breaker.seen()
    }

    /// What it has used until now, and what it is like at the moment.
    pub fn reading(&self) -> Reading {
        Reading {
            hook: self.name().clone(),
            generation: self.generation,
            totals: self.context.tally.totals(self.context.limits.measure),
            counts_fuel: self.context.limits.fuel.is_some(),
            instances: self.instances(),
            waiting: self.live.get().map_or(0, |live| live.pool.waiting()),
            breaker: self.breaker(),
            tasks: self.context.tasks.as_ref().map(|it| it.reading(&self.context.ticks)),
        }
    }

    /// Frees instances that are not needed any more, and says what was left unsaid.
    pub fn sweep(&self) {
        if let Some(live) = self.live.get() {
            live.pool.sweep();
        }
        if let Some(unsaid) = self.context.tally.busy.overdue() {
            tracing::warn!(hook = %self.name(), calls = unsaid, "the hook was too busy for more calls");
        }
    }

    /// Ends a call: the exchange is taken back first, then the instance is put back if the call
    /// returned normally, and dropped otherwise.
    fn settle<T>(
        &self,
        Leased { mut lease, admitted }: Leased<'_>,
        phase: Phase,
        returned: Returned<T>,
    ) -> (Option<Box<Exchange>>, Result<T, Failure>) {
        let deferred = lease.instance().take_deferred();
        let mut exchange = lease.instance().take_back();
        // What a call that failed has deferred is dropped.
        if matches!(returned, Ok(Ok(_))) {
            deferred.iter().for_each(|task| self.context.outside.deferred(self.name(), task));
            hand_over(deferred, exchange.as_deref_mut());
        }
        match &returned {
            Ok(_) => {
                lease.put_back();
                self.note(admitted.succeeded());
            }
            // That the whole exchange had no time left may be anybody's fault.
            Err(failure) if failure.code == Code::ExchangeTimeout => {}
            Err(_) => self.note(admitted.failed()),
        }
        (exchange, said(self.name(), phase, returned).map_err(|failure| self.failed(failure)))
    }
}

/// What is known of a hook's work at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The hook's name.
    pub hook: Arc<str>,
    /// Which of those of its name it is.
    pub generation: u64,
    /// What its calls have used and come to.
    pub totals: Totals,
    /// Whether it has a fuel limit, without which no fuel is counted.
    pub counts_fuel: bool,
    /// Instances that are alive.
    pub instances: u32,
    /// Calls that wait for an instance.
    pub waiting: usize,
    /// What its breaker is like.
    pub breaker: BreakerState,
    /// What became of its tasks and ticks; none if it takes none.
    pub tasks: Option<tasks::Reading>,
}

/// Lets what a call has deferred be run: once its exchange is over, or now where there is none.
fn hand_over(deferred: Vec<Deferred>, exchange: Option<&mut Exchange>) {
    match exchange {
        Some(exchange) => exchange.deferred.extend(deferred),
        None => deferred.into_iter().for_each(Deferred::release),
    }
}

/// A time without the digits that nobody reads.
fn round(time: Duration) -> Duration {
    let unit = match time.as_nanos() {
        0..10_000 => 1,
        10_000..10_000_000 => 1_000,
        _ => 1_000_000,
    };
    Duration::from_nanos(time.as_nanos() as u64 / unit * unit)
}

/// An instance that was taken out, with leave from the breaker.
struct Leased<'a> {
    lease: Lease<'a>,
    admitted: Admitted<'a>,
}

impl Leased<'_> {
    fn instance(&mut self) -> &mut Instance {
        self.lease.instance()
    }
}

/// How much of each text of a returned error goes into log and response.
const SAID_BYTES_MAX: usize = 4 << 10;

/// Makes one error of the two ways in which a call can fail.
///
/// # Errors
/// Either of them.
pub fn said<T>(hook: &Arc<str>, phase: Phase, returned: Returned<T>) -> Result<T, Failure> {
    returned?.map_err(|mut said| {
        // The log's limit counts what a hook writes there; this would go around it.
        for text in [&mut said.code, &mut said.message].into_iter().chain(&mut said.details) {
            text.truncate(text.floor_char_boundary(SAID_BYTES_MAX));
        }
        let code = match said.code.as_str() {
            "E_HOOK_BAD_RESPONSE" => Code::HookBadResponse,
            "E_BODY_TOO_LARGE" => Code::BodyTooLarge,
            _ => Code::HookError,
        };
        let mut failure = Failure::new(code, format!("returned an error: {}", said.message));
        failure.said = Some(said);
        failure.in_hook(hook, phase)
    })
}
