//! Defines how far a call may go: what is armed before it, and what is counted during it.
//!
//! A limit that needs the clock is looked at by two: the epoch's tick looks at cpu time while guest
//! code runs, [`super::guard`] looks at the wall while it waits. Everything else is counted in the
//! [`Meter`], where it happens.

use std::time::{Duration, Instant};

use wasmtime::component::ResourceTableError;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::clock::take_slice;
use super::guard::Spent;
use crate::config::{Measure, duration_text, size_text};
use crate::error::{Code, Phase};
use crate::hook::{Tally, Verb};
use crate::host::State;
use crate::log::and_more;

/// How far one call may go.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Thread time that guest code may use.
    pub cpu: Duration,
    /// Time from the call to its return, waiting included.
    pub wall: Duration,
    /// Fuel that guest code may use, of a hook that has a fuel limit.
    pub fuel: Option<u64>,
    /// When the exchange as a whole must be over.
    pub until: Option<Instant>,
    /// What hitting `cpu` or `wall` is called: requests, the start and the lifecycle differ.
    pub codes: Codes,
}

impl Allowance {
    /// For a call of the lifecycle: its one limit is a time, `hook_timeout`.
    pub fn lifecycle(time: Duration) -> Self {
        Self { cpu: time, wall: time, fuel: None, until: None, codes: Codes::LIFECYCLE }
    }

    /// For a call on behalf of a request, or of an event.
    pub fn call(limits: &crate::config::Limits, until: Option<Instant>) -> Self {
        Self {
            cpu: limits.cpu_max(),
            wall: limits.wall_max(),
            fuel: limits.fuel_max(),
            until,
            codes: Codes::CALL,
        }
    }

    /// For making an instance, on behalf of an exchange or of nobody.
    pub(super) fn start(limits: &crate::config::Limits, until: Option<Instant>) -> Self {
        Self { cpu: limits.start, wall: limits.start, fuel: None, until, codes: Codes::START }
    }
}

/// The rows of the error table for the two limits that are clocks.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// At `cpu`, and what that limit is called.
    pub cpu: (Code, &'static str),
    /// At `wall`, and what that limit is called.
    pub wall: (Code, &'static str),
}

impl Codes {
    /// For calls on behalf of a request.
    pub const CALL: Self = Self { cpu: (Code::HookCpu, "cpu"), wall: (Code::HookTimeout, "wall") };
    /// For making an instance.
    pub const START: Self =
        Self { cpu: (Code::HookStart, "start"), wall: (Code::HookStart, "start") };
    /// For the lifecycle: there is one limit, `hook_timeout`.
    pub const LIFECYCLE: Self =
        Self { cpu: (Code::HookTimeout, "time"), wall: (Code::HookTimeout, "time") };
}

/// Why the host stopped guest code: what a host function or the epoch's tick throws.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The call used up its cpu time.
    #[error("cpu limit of {0:?} reached")]
    Cpu(Duration),
    /// The call made too many calls into the host.
    #[error("limit of {0} host calls reached")]
    HostCalls(u64),
    /// A getter of `request` or `response` was called where there is no exchange.
    #[error("`{0}` was called where there is no exchange")]
    NoExchange(&'static str),
}

/// What one instance has used, and how much it may use.
#[derive(Debug)]
pub struct Meter {
    memory_bytes: u64,
    /// The last growth that was counted.
    memory_step: u64,
    memory_bytes_max: u64,
    memory_refused: bool,
    /// Whether it grew to more than `limits.memory` in this call, where that is only measured.
    memory_exceeded: bool,
    table_elements: u64,
    table_elements_max: u64,
    table_refused: bool,
    /// The same for `limits.tables`.
    table_exceeded: bool,
    cpu_used: Duration,
    cpu_max: Duration,
    host_calls: u64,
    host_calls_max: u64,
    log_bytes: u64,
    log_bytes_max: u64,
    /// `limits.memory`; the maximum above is higher where that is only measured.
    memory_bytes_limit: u64,
    /// The same for `limits.tables`.
    table_elements_limit: u64,
}

impl Meter {
    /// A meter for an instance under these limits. It lets nothing run before it is armed.
    pub fn new(limits: &crate::config::Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_step: 0,
            memory_bytes_max: limits.memory_max(),
            memory_refused: false,
            memory_exceeded: false,
            table_elements: 0,
            table_elements_max: limits.tables_max(),
            table_refused: false,
            table_exceeded: false,
            cpu_used: Duration::ZERO,
            cpu_max: Duration::ZERO,
            host_calls: 0,
            host_calls_max: limits.host_calls_max(),
            log_bytes: 0,
            log_bytes_max: limits.log,
            memory_bytes_limit: limits.memory,
            table_elements_limit: limits.tables,
        }
    }

    /// Counts a call into the host.
    pub(crate) fn host_call(&mut self) -> Result<(), Stop> {
        self.host_calls += 1;
        if self.host_calls > self.host_calls_max {
            return Err(Stop::HostCalls(self.host_calls_max));
        }
        Ok(())
    }

    /// Takes that many bytes of log; returns how many may still be written, and whether this is the
    /// first time that some may not.
    pub(crate) fn take_log(&mut self, bytes: usize) -> (usize, bool) {
        let left = self.log_bytes_max.saturating_sub(self.log_bytes);
        let cut = bytes as u64 > left && self.log_bytes <= self.log_bytes_max;
        self.log_bytes += bytes as u64;
        (usize::try_from(left).unwrap_or(usize::MAX).min(bytes), cut)
    }

    /// Bytes of all linear memories together.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// The limits that the last call would have hit if they were not only measured, each with what the
    /// call used and what it may. Time and fuel of calls of the lifecycle are none, as those have limits
    /// of their own.
    pub(super) fn exceeded(
        &self,
        limits: &crate::config::Limits,
        used: Option<(Spent, u64)>,
    ) -> Vec<(Measure, String, String)> {
        let mut exceeded = Vec::new();
        let mut note = |limit, is: bool, used: String, max: String| {
            if is && limits.measure.contains(limit) {
                exceeded.push((limit, used, max));
            }
        };
        if let Some((Spent { cpu, wall }, fuel)) = used {
            let time = |time: Duration| format!("{time:.1?}");
            let fuel_max = limits.fuel.unwrap_or(u64::MAX);
            note(Measure::Cpu, cpu > limits.cpu, time(cpu), duration_text(limits.cpu));
            note(Measure::Wall, wall > limits.wall, time(wall), duration_text(limits.wall));
            note(Measure::Fuel, fuel > fuel_max, fuel.to_string(), fuel_max.to_string());
        }
        let (memory, memory_max) = (size_text(self.memory_bytes), size_text(limits.memory));
        note(Measure::Memory, self.memory_exceeded, memory, memory_max);
        let (tables, tables_max) = (self.table_elements.to_string(), limits.tables.to_string());
        note(Measure::Tables, self.table_exceeded, tables, tables_max);
        let (calls, calls_max) = (self.host_calls, limits.host_calls);
        let texts = (calls.to_string(), calls_max.to_string());
        note(Measure::HostCalls, calls > calls_max, texts.0, texts.1);
        exceeded
    }

    /// The limit that was refused during the last call, if one was: the trap that follows is its.
    pub(super) fn refused(&self) -> Option<(Code, String)> {
        if self.memory_refused {
            let limit = size_text(self.memory_bytes_max);
            return Some((Code::HookMemory, format!("memory limit of {limit} reached")));
        }
        let limit = self.table_elements_max;
        self.table_refused
            .then(|| (Code::HookLimit, format!("limit of {limit} table elements reached")))
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes + (desired.saturating_sub(current)) as u64;
        if total > self.memory_bytes_max {
            self.memory_refused = true;
            self.memory_step = 0;
            return Ok(false);
        }
        self.memory_step = total - self.memory_bytes;
        self.memory_bytes = total;
        self.memory_exceeded |= total > self.memory_bytes_limit;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Refused by the memory's own maximum, or by the system: it was counted and is not there.
        self.memory_bytes -= std::mem::take(&mut self.memory_step);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements + (desired.saturating_sub(current)) as u64;
        if total > self.table_elements_max {
            self.table_refused = true;
            return Ok(false);
        }
        self.table_elements = total;
        self.table_exceeded |= total > self.table_elements_limit;
        Ok(true)
    }
}

/// Arms every limit of the call that comes next. Nothing runs in a store without it.
pub(super) fn arm(store: &mut Store<State>, phase: Phase, allowance: &Allowance) {
    // The deadline is absolute: without this a reused store would stop at once.
    store.set_epoch_deadline(1);
    if store.data().context.limits.fuel.is_some() {
        // This cannot fail where fuel is on.
        let _ = store.set_fuel(fuel_given(allowance));
    }
    let state = store.data_mut();
    state.refill(allowance);
    state.phase = phase;
    let meter = &mut state.meter;
    meter.cpu_used = Duration::ZERO;
    meter.cpu_max = allowance.cpu;
    meter.host_calls = 0;
    meter.log_bytes = 0;
    meter.memory_refused = false;
    meter.memory_exceeded = false;
    meter.table_refused = false;
    meter.table_exceeded = false;
}

/// How many times its largest body a guest may hand to the host in one call: it may write one anew, and
/// strings count by the most that they could take.
const COPIED_BODIES: u64 = 4;
/// What a guest may hand to the host in one call however small its bodies are: headers, events, JSON.
const COPIED_BYTES_MIN: u64 = 4 << 20;

/// Prepares a new store: what is the same for every call in it.
pub(super) fn prepare(store: &mut Store<State>, limits: &crate::config::Limits) {
    store.limiter(|state| &mut state.meter);
    set_copied(store);
    store.set_max_component_handles(u32::try_from(limits.handles).unwrap_or(u32::MAX) as usize);
    store.epoch_deadline_callback(|mut context| {
        let meter = &mut context.data_mut().meter;
        meter.cpu_used += take_slice();
        if meter.cpu_used >= meter.cpu_max {
            return Err(wasmtime::Error::new(Stop::Cpu(meter.cpu_max)));
        }
        // Tokio's own yield, and not the engine's: that one would wake itself ahead of all others.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// Sets what a guest may hand to the host in one call.
pub(super) fn set_copied(store: &mut Store<State>) {
    let copied = handed_over_max(&store.data().context.limits);
    store.set_hostcall_fuel(usize::try_from(copied).unwrap_or(usize::MAX));
}

/// Bytes that a guest may hand to the host in one call: its largest body, and some text about it.
fn handed_over_max(limits: &crate::config::Limits) -> u64 {
    limits.body.saturating_mul(COPIED_BODIES).max(COPIED_BYTES_MIN)
}

/// Which limit was reached, if an error says that it was one of those that the engine counts. For two of
/// them it has no type of error, but only a text.
pub(super) fn counted_by_the_engine(
    error: &wasmtime::Error,
    limits: &crate::config::Limits,
) -> Option<String> {
    let text = error.root_cause().to_string();
    let full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    if full || text.ends_with("store handle limit exceeded") {
        return Some(format!("limit of {} handles reached", limits.handles));
    }
    text.ends_with("fuel allocated for hostcalls has been exhausted").then(|| {
        let max = size_text(handed_over_max(limits));
        format!(
            "limit of {max} handed to the server at once reached\n\
             hint: it is four times `limits.body`, and 4 MiB at least"
        )
    })
}

/// Counts what a call used, after it, and reports the limits that it would have hit if they were not only
/// measured.
pub(super) fn account(
    store: &Store<State>,
    tally: &Tally,
    spent: Spent,
    phase: Phase,
    allowance: &Allowance,
) {
    let State { context, meter, .. } = store.data();
    let limits = &context.limits;
    tally.has_memory(meter.memory_bytes);
    let mut fuel = 0;
    if limits.fuel.is_some() {
        fuel = fuel_given(allowance).saturating_sub(store.get_fuel().unwrap_or_default());
        tally.burnt(fuel);
    }
    if limits.measure.is_empty() {
        return;
    }
    let serves = Verb::from(phase) != Verb::Lifecycle;
    let used = serves.then_some((spent, fuel));
    for (limit, used, max) in meter.exceeded(limits, used) {
        if let Some(unsaid) = tally.exceeded(limit) {
            tracing::warn!(
                "hook `{}`: {phase}: limit `{limit}` of {max} would have been reached: the call used \
                 {used}{}",
                context.name,
                and_more(unsaid)
            );
        }
    }
}

/// The fuel that a call gets. The start and the lifecycle are bounded by their time.
fn fuel_given(allowance: &Allowance) -> u64 {
    allowance.fuel.unwrap_or(u64::MAX)
}
