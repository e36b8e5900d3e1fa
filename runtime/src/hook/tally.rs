//! Counts what a hook's calls use and what becomes of them, from its lift to its lowering.
//!
//! It is written by every call, so it takes no lock and allocates nothing: plain numbers that are added
//! to. Whoever looks gets a [`Totals`]; two numbers of one may be a call apart.
//!
//! Not here: what is alive at the moment, such as instances and the breaker; see [`super::Hook::reading`].

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::config::{Measure, Measured};
use crate::error::{Code, Phase};
use crate::log::Sparse;

/// What a call was for. All calls that no request, event, task or other hook asked for are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `routing.handle-route`.
    HandleRoute,
    /// `observing.handle-response`.
    HandleResponse,
    /// `observing.handle-finish`.
    HandleFinish,
    /// `methods.call`.
    Call,
    /// `listening.handle-event`.
    HandleEvent,
    /// `background.handle-task`.
    HandleTask,
    /// `background.handle-tick`.
    HandleTick,
    /// Making an instance, and the calls of the lifecycle.
    Lifecycle,
}

impl Verb {
    /// All of them, in the order of their values.
    pub const ALL: [Self; 8] = [
        Self::HandleRoute,
        Self::HandleResponse,
        Self::HandleFinish,
        Self::Call,
        Self::HandleEvent,
        Self::HandleTask,
        Self::HandleTick,
        Self::Lifecycle,
    ];
}

impl From<Phase> for Verb {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::HandleRoute => Self::HandleRoute,
            Phase::HandleResponse => Self::HandleResponse,
            Phase::HandleFinish => Self::HandleFinish,
            Phase::Call => Self::Call,
            Phase::HandleEvent => Self::HandleEvent,
            Phase::HandleTask => Self::HandleTask,
            Phase::HandleTick => Self::HandleTick,
            Phase::Load
            | Phase::Start
            | Phase::Defaults
            | Phase::Configure
            | Phase::Initialize
            | Phase::Routes
            | Phase::BeforeSwap
            | Phase::AfterSwap
            | Phase::Lower => Self::Lifecycle,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::HandleRoute => "handle-route",
            Self::HandleResponse => "handle-response",
            Self::HandleFinish => "handle-finish",
            Self::Call => "call",
            Self::HandleEvent => "handle-event",
            Self::HandleTask => "handle-task",
            Self::HandleTick => "handle-tick",
            Self::Lifecycle => "lifecycle",
        })
    }
}

/// What a call of a loaded hook can fail with; anything else is counted as the last.
const CODES: [Code; 14] = [
    Code::HookError,
    Code::HookTrap,
    Code::HookCpu,
    Code::HookStart,
    Code::HookTimeout,
    Code::HookFuel,
    Code::HookMemory,
    Code::HookLimit,
    Code::HookBadResponse,
    Code::HookBusy,
    Code::HookBroken,
    Code::ExchangeTimeout,
    Code::Draining,
    Code::Internal,
];

/// How often, for each hook and limit, the log says that a limit would have been hit.
const EXCEEDED_SAID_EVERY: Duration = Duration::from_secs(60);
/// How often, for each hook, the log says that it is busy: once a second shows an overload as it goes,
/// and a thousand refusals a second stay one line.
const BUSY_SAID_EVERY: Duration = Duration::from_secs(1);

/// One hook's counts.
#[derive(Debug)]
pub struct Tally {
    calls: [Calls; Verb::ALL.len()],
    failures: [AtomicU64; CODES.len()],
    fuel: AtomicU64,
    memory_peak_bytes: AtomicU64,
    instances_made: AtomicU64,
    instances_freed: AtomicU64,
    initialized: AtomicU64,
    restarts: AtomicU64,
    waits: AtomicU64,
    wait_nanos: AtomicU64,
    queue_full: AtomicU64,
    breaker_opened: AtomicU64,
    fetches: AtomicU64,
    fetches_failed: AtomicU64,
    exceeded: [(AtomicU64, Sparse); Measure::ALL.len()],
    /// Keeps the log from saying every refusal of a busy hook.
    pub(super) busy: Sparse,
}

/// The calls for one verb.
#[derive(Debug, Default)]
struct Calls {
    count: AtomicU64,
    cpu_nanos: AtomicU64,
    /// The rest of their time. Nearly no call waits, and adding to a shared number is dear.
    waited_nanos: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            calls: Default::default(),
            failures: Default::default(),
            fuel: AtomicU64::default(),
            memory_peak_bytes: AtomicU64::default(),
            instances_made: AtomicU64::default(),
            instances_freed: AtomicU64::default(),
            initialized: AtomicU64::default(),
            restarts: AtomicU64::default(),
            waits: AtomicU64::default(),
            wait_nanos: AtomicU64::default(),
            queue_full: AtomicU64::default(),
            breaker_opened: AtomicU64::default(),
            fetches: AtomicU64::default(),
            fetches_failed: AtomicU64::default(),
            exceeded: std::array::from_fn(|_| {
                (AtomicU64::default(), Sparse::new(EXCEEDED_SAID_EVERY))
            }),
            busy: Sparse::new(BUSY_SAID_EVERY),
        }
    }
}

impl Tally {
    /// Counts a call that ended, however it ended.
    pub fn called(&self, verb: Verb, cpu: Duration, wall: Duration) {
        let calls = &self.calls[verb as usize];
        calls.count.fetch_add(1, Relaxed);
        calls.cpu_nanos.fetch_add(cpu.as_nanos() as u64, Relaxed);
        let waited = wall.saturating_sub(cpu);
        if !waited.is_zero() {
            calls.waited_nanos.fetch_add(waited.as_nanos() as u64, Relaxed);
        }
    }

    /// Counts a call that failed.
    pub fn failed(&self, code: Code) {
        let place = CODES.iter().position(|known| *known == code).unwrap_or(CODES.len() - 1);
        self.failures[place].fetch_add(1, Relaxed);
    }

    /// Counts fuel.
    pub fn burnt(&self, fuel: u64) {
        self.fuel.fetch_add(fuel, Relaxed);
    }

    /// Notes how much memory an instance has.
    pub fn has_memory(&self, bytes: u64) {
        // Hardly ever more than before: looking is cheaper than writing.
        if bytes > self.memory_peak_bytes.load(Relaxed) {
            self.memory_peak_bytes.fetch_max(bytes, Relaxed);
        }
    }

    /// Counts an instance that was made.
    pub fn made_instance(&self) {
        self.instances_made.fetch_add(1, Relaxed);
    }

    /// Counts an instance that is no more.
    pub fn freed_instance(&self) {
        self.instances_freed.fetch_add(1, Relaxed);
    }

    /// Counts a call of `initialize`, in whatever instance.
    pub fn initializes(&self) {
        self.initialized.fetch_add(1, Relaxed);
    }

    /// How often `initialize` was called.
    pub fn initialized(&self) -> u64 {
        self.initialized.load(Relaxed)
    }

    /// Counts the loss of the only instance of a hook in mode `single`.
    pub fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    /// Counts a call that had to wait for an instance, whether it got one or not.
    pub fn waited(&self, time: Duration) {
        self.waits.fetch_add(1, Relaxed);
        self.wait_nanos.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    /// Counts a call that found the queue full.
    pub fn found_queue_full(&self) {
        self.queue_full.fetch_add(1, Relaxed);
    }

    /// Counts that the breaker opened.
    pub fn breaker_opened(&self) {
        self.breaker_opened.fetch_add(1, Relaxed);
    }

    /// Counts a request to another server, whatever comes of it, and where none is granted too.
    pub fn fetches(&self) {
        self.fetches.fetch_add(1, Relaxed);
    }

    /// Counts a fetch that got no answer.
    pub fn fetch_failed(&self) {
        self.fetches_failed.fetch_add(1, Relaxed);
    }

    /// Counts a call that would have hit a limit if that were enforced. Some with how many went unsaid
    /// since the last time, if the log is to say it.
    pub fn exceeded(&self, limit: Measure) -> Option<u64> {
        let (count, said) = &self.exceeded[limit as usize];
        count.fetch_add(1, Relaxed);
        said.pass()
    }

    /// What was counted until now; of limits those that are measured.
    pub fn totals(&self, measured: Measured) -> Totals {
        let load = |count: &AtomicU64| count.load(Relaxed);
        let time = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Relaxed));
        let used = |verb: Verb| {
            let calls = &self.calls[verb as usize];
            let cpu = time(&calls.cpu_nanos);
            let wall = cpu + time(&calls.waited_nanos);
            (verb, Used { count: load(&calls.count), cpu, wall })
        };
        let exceeded = |limit: Measure| (limit, load(&self.exceeded[limit as usize].0));
        Totals {
            calls: Verb::ALL.map(used),
            failures: CODES.into_iter().zip(self.failures.iter().map(load)).collect(),
            fuel: load(&self.fuel),
            memory_peak_bytes: load(&self.memory_peak_bytes),
            instances_made: load(&self.instances_made),
            instances_freed: load(&self.instances_freed),
            restarts: load(&self.restarts),
            waits: load(&self.waits),
            wait: time(&self.wait_nanos),
            queue_full: load(&self.queue_full),
            breaker_opened: load(&self.breaker_opened),
            fetches: load(&self.fetches),
            fetches_failed: load(&self.fetches_failed),
            exceeded: measured.iter().map(exceeded).collect(),
        }
    }
}

/// What a hook's calls have used and come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The calls that ended, by what they were for.
    pub calls: [(Verb, Used); Verb::ALL.len()],
    /// The calls that failed, by their row in the table of errors; those with 0 too. A 4xx that a hook
    /// chose is no failure.
    pub failures: Vec<(Code, u64)>,
    /// Fuel of all calls; 0 for a hook without a fuel limit.
    pub fuel: u64,
    /// The most memory that any of its instances had, in bytes.
    pub memory_peak_bytes: u64,
    /// Instances that were made.
    pub instances_made: u64,
    /// Those of them that are no more: the others live, in whatever generation.
    pub instances_freed: u64,
    /// How often a hook in mode `single` lost its instance.
    pub restarts: u64,
    /// Calls that had to wait for an instance.
    pub waits: u64,
    /// How long they waited, all together.
    pub wait: Duration,
    /// Calls that found the queue full.
    pub queue_full: u64,
    /// How often the breaker opened.
    pub breaker_opened: u64,
    /// Requests to other servers, those included that were refused.
    pub fetches: u64,
    /// Fetches that got no answer, those that were refused included.
    pub fetches_failed: u64,
    /// Calls that would have hit a limit, for each limit that is measured.
    pub exceeded: Vec<(Measure, u64)>,
}

/// What calls used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How many there were.
    pub count: u64,
    /// Their cpu time.
    pub cpu: Duration,
    /// Their time, waiting included.
    pub wall: Duration,
}

impl Totals {
    /// All calls but those of the lifecycle.
    pub fn served(&self) -> Used {
        let served = self.calls.iter().filter(|(verb, _)| *verb != Verb::Lifecycle);
        served.fold(Used::default(), |sum, (_, used)| Used {
            count: sum.count + used.count,
            cpu: sum.cpu + used.cpu,
            wall: sum.wall + used.wall,
        })
    }

    /// All calls that failed.
    pub fn failed(&self) -> u64 {
        self.failures.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn calls_are_counted_by_what_they_were_for() {
        let tally = Tally::default();
        tally.called(Phase::HandleRoute.into(), MS, 3 * MS);
        tally.called(Phase::HandleRoute.into(), MS, MS);
        tally.called(Phase::Call.into(), MS, MS);
        tally.called(Phase::Initialize.into(), 10 * MS, 10 * MS);
        let totals = tally.totals(Measured::default());
        let routes = Used { count: 2, cpu: 2 * MS, wall: 4 * MS };
        assert_eq!(totals.calls[0], (Verb::HandleRoute, routes));
        assert_eq!(totals.served(), Used { count: 3, cpu: 3 * MS, wall: 5 * MS });
    }

    #[test]
    fn failures_are_counted_by_code_and_none_is_lost() {
        let tally = Tally::default();
        for code in [Code::HookTrap, Code::HookTrap, Code::HookBusy, Code::NotFound] {
            tally.failed(code);
        }
        let totals = tally.totals(Measured::default());
        let of = |code| totals.failures.iter().find(|(known, _)| *known == code).map(|it| it.1);
        assert_eq!(of(Code::HookTrap), Some(2));
        assert_eq!(of(Code::HookBusy), Some(1));
        assert_eq!(of(Code::Internal), Some(1));
        assert_eq!(totals.failed(), 4);
    }

    #[test]
    fn memory_is_remembered_at_its_peak() {
        let tally = Tally::default();
        [1, 7, 3].into_iter().for_each(|bytes| tally.has_memory(bytes));
        assert_eq!(tally.totals(Measured::default()).memory_peak_bytes, 7);
    }

    #[test]
    fn a_measured_limit_is_counted_each_time_and_said_once() {
        let tally = Tally::default();
        assert_eq!(tally.exceeded(Measure::Cpu), Some(0));
        assert_eq!(tally.exceeded(Measure::Cpu), None);
        assert_eq!(tally.exceeded(Measure::Fuel), Some(0));
        let measured = [Measure::Cpu, Measure::Wall].into_iter().collect();
        assert_eq!(tally.totals(measured).exceeded, [(Measure::Cpu, 2), (Measure::Wall, 0)]);
    }

    #[test]
    fn a_verbs_place_is_its_value() {
        for (place, verb) in Verb::ALL.into_iter().enumerate() {
            assert_eq!(verb as usize, place);
        }
    }
}
