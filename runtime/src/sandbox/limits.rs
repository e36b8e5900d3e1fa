//! Defines how far a call may go: what is armed before it, and what is counted during it.
//!
//! A limit that needs the clock is looked at by two: the epoch's tick looks at cpu time while guest
//! code runs, [`super::guard`] looks at the wall while it waits. Everything else is counted in the
//! [`Meter`], where it happens.

use std::cell::Cell;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTableError;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::config::size_text;
use crate::error::{Code, Phase};
use crate::host::State;

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
        let crate::config::Limits { cpu, wall, fuel, .. } = *limits;
        Self { cpu, wall, fuel, until, codes: Codes::CALL }
    }

    /// For making an instance.
    pub(super) fn start(limits: &crate::config::Limits) -> Self {
        Self { cpu: limits.start, wall: limits.start, fuel: None, until: None, codes: Codes::START }
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
    table_elements: u64,
    table_elements_max: u64,
    table_refused: bool,
    cpu_used: Duration,
    cpu_max: Duration,
    host_calls: u64,
    host_calls_max: u64,
    log_bytes: u64,
    log_bytes_max: u64,
}

impl Meter {
    /// A meter for an instance under these limits. It lets nothing run before it is armed.
    pub fn new(limits: &crate::config::Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_step: 0,
            memory_bytes_max: limits.memory,
            memory_refused: false,
            table_elements: 0,
            table_elements_max: limits.tables,
            table_refused: false,
            cpu_used: Duration::ZERO,
            cpu_max: Duration::ZERO,
            host_calls: 0,
            host_calls_max: limits.host_calls,
            log_bytes: 0,
            log_bytes_max: limits.log,
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
        Ok(true)
    }
}

/// Arms every limit of the call that comes next. Nothing runs in a store without it.
pub(super) fn arm(store: &mut Store<State>, phase: Phase, allowance: &Allowance) {
    // The deadline is absolute: without this a reused store would stop at once.
    store.set_epoch_deadline(1);
    if store.data().context.limits.fuel.is_some() {
        // The start and the lifecycle are bounded by their time. This cannot fail where fuel is on.
        let _ = store.set_fuel(allowance.fuel.unwrap_or(u64::MAX));
    }
    let state = store.data_mut();
    state.refill();
    state.phase = phase;
    let meter = &mut state.meter;
    meter.cpu_used = Duration::ZERO;
    meter.cpu_max = allowance.cpu;
    meter.host_calls = 0;
    meter.log_bytes = 0;
    meter.memory_refused = false;
    meter.table_refused = false;
}

/// Prepares a new store: what is the same for every call in it.
pub(super) fn prepare(store: &mut Store<State>, limits: &crate::config::Limits) {
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(usize::try_from(handed_over_max(limits)).unwrap_or(usize::MAX));
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

/// Bytes that a guest may hand to the host in one call: its largest body, and some text about it.
fn handed_over_max(limits: &crate::config::Limits) -> u64 {
    limits.body.saturating_mul(4).max(4 << 20)
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

thread_local! {
    /// The thread's cpu time when the call that is being polled on it went on; none in a call's
    /// first slice, which is not worth a clock: calls that end within a tick are free of it.
    static SLICE: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// The cpu time that the running call used since it went on, or since this was last asked.
fn take_slice() -> Duration {
    let now = thread_time();
    let since = SLICE.replace(Some(now));
    since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
}

/// Runs one slice of a call; `timed` from its second one on. Calls may be nested: the time of the
/// inner one is not the outer one's.
///
/// `carried` is cpu time of the call's earlier slices that no tick has counted yet, and afterwards what
/// this one adds to it: a call that waits often has slices that end before a tick does.
pub(super) fn slice<T>(timed: bool, carried: &mut Duration, run: impl FnOnce() -> T) -> T {
    // The first slice of a callee counts as well: it is not the caller's.
    let nested = SLICE.get().is_some();
    let start = (timed || nested).then(thread_time);
    // As if it had begun earlier, so that the next tick counts what is carried, too.
    let outer = SLICE.replace(start.map(|start| start.saturating_sub(*carried)));
    let result = run();
    let end = start.map(|_| thread_time());
    let uncounted = |since: Duration| end.map(|end| end.saturating_sub(since));
    *carried = SLICE.get().and_then(uncounted).unwrap_or_default();
    let spent = start.and_then(uncounted).unwrap_or_default();
    SLICE.set(outer.map(|outer| outer + spent));
    result
}

/// How long this thread has been running on a cpu. A thread that was not scheduled is not guilty.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_millis(3);

    fn work() {
        let start = thread_time();
        while thread_time() < start + WORK {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn slices_that_end_before_a_tick_are_counted_by_the_next_one() {
        let mut carried = Duration::ZERO;
        for _ in 0..5 {
            slice(true, &mut carried, work);
        }
        assert!(carried >= WORK * 5, "{carried:?}");
        let counted = slice(true, &mut carried, take_slice);
        assert!(counted >= WORK * 5, "{counted:?}");
        assert!(carried < WORK * 5, "counted twice: {carried:?}");
    }

    #[test]
    fn what_a_callee_uses_is_carried_by_the_callee_alone() {
        let (mut outer, mut inner) = (Duration::ZERO, Duration::ZERO);
        slice(true, &mut outer, || {
            work();
            for _ in 0..5 {
                slice(true, &mut inner, work);
            }
        });
        assert!(inner >= WORK * 5, "{inner:?}");
        assert!(outer >= WORK && outer < WORK * 5, "{outer:?}");
    }
}
