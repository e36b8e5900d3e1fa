//! Defines what a hook may use at most, who may say so, and what it is when nobody does.

use std::time::Duration;

use serde_json::Value;

use super::measure::{Measure, Measured};
use super::names;
use super::problem::Problems;
use super::reader::{Table, whole};
use super::units::{duration, duration_or_zero, duration_text, size, size_text};

/// Thread CPU time of one call. A middleware takes microseconds; a hundred milliseconds is a busy
/// loop, and short enough that the connection's other requests do not notice.
pub const CPU: Duration = Duration::from_millis(100);
/// Instantiation of a hook. A pooled instance takes microseconds, one with a large data image
/// milliseconds; a second means that it does work that belongs to `initialize`.
pub const START: Duration = Duration::from_secs(1);
/// One call from its start to its end, waiting included. Below what clients and proxies wait for.
pub const WALL: Duration = Duration::from_secs(5);
/// All linear memories of an instance together. A Rust hook needs one or two, an interpreter
/// thirty.
pub const MEMORY: u64 = 64 << 20;
/// A body that a hook reads or writes. It is buffered once per request, so it counts per
/// connection.
pub const BODY: u64 = 1 << 20;
/// Bytes of log in one call: some hundred lines.
pub const LOG: u64 = 64 << 10;
/// Calls from a hook to the host in one call: each is cheap, a loop of them is not.
pub const HOST_CALLS: u64 = 10_000;
/// Requests to other servers in one call: a page is made of a few, hundreds are a crawler's.
pub const FETCHES: u64 = 50;
/// Handles that an instance may hold at once; more is a leak.
pub const HANDLES: u64 = 1_000;
/// Table elements of an instance: what a slot of wasmtime's pool holds by default.
pub const TABLES: u64 = 20_000;
/// Instances live at once, for each core: enough to keep it busy while some wait for a host call.
pub const INSTANCES_PER_CORE: u32 = 8;
/// Requests that may wait for an instance: beyond it, an answer of 503 now beats one later.
pub const QUEUE: u32 = 1_000;
/// How long a request waits for an instance.
pub const QUEUE_WAIT: Duration = Duration::from_secs(1);
/// The whole chain of one exchange, hooks and target together.
pub const EXCHANGE: Duration = Duration::from_secs(30);
/// How many times its limit an instance may take of memory or tables where that limit is only measured:
/// enough to see how far off the limit is, and a bound on what a machine has to have.
const MEASURED_TIMES: u64 = 4;
/// What wasm can address with 32 bits: the largest memory there is.
const MEMORY_MAX: u64 = 4 << 30;

/// Limits as they were written: in `[limits]`, in a hook's settings, or asked for by a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartialLimits {
    /// Thread CPU time of one call.
    pub cpu: Option<Duration>,
    /// Time of an instantiation.
    pub start: Option<Duration>,
    /// Time of one call, waiting included.
    pub wall: Option<Duration>,
    /// Fuel of one call.
    pub fuel: Option<u64>,
    /// Bytes of all linear memories of an instance.
    pub memory: Option<u64>,
    /// Bytes of a body that a hook reads or writes.
    pub body: Option<u64>,
    /// Bytes of log in one call.
    pub log: Option<u64>,
    /// Calls to the host in one call.
    pub host_calls: Option<u64>,
    /// Requests to other servers in one call.
    pub fetches: Option<u64>,
    /// Handles held at once.
    pub handles: Option<u64>,
    /// Table elements of an instance.
    pub tables: Option<u64>,
    /// Instances live at once.
    pub instances: Option<u32>,
    /// Requests waiting for an instance.
    pub queue: Option<u32>,
    /// How long they wait.
    pub queue_wait: Option<Duration>,
    /// Which of these are measured and not enforced. An operator's word alone.
    pub measure: Option<Measured>,
}

/// The root table `[limits]`: for all hooks, and for the exchange as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootLimits {
    /// What holds for every hook that says nothing else.
    pub hooks: PartialLimits,
    /// The whole chain of one exchange.
    pub exchange: Duration,
}

/// The limits that hold for one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Thread CPU time of one call.
    pub cpu: Duration,
    /// Time of an instantiation.
    pub start: Duration,
    /// Time of one call, waiting included.
    pub wall: Duration,
    /// Fuel of one call; `None` runs without metering.
    pub fuel: Option<u64>,
    /// Bytes of all linear memories of an instance.
    pub memory: u64,
    /// Bytes of a body that a hook reads or writes.
    pub body: u64,
    /// Bytes of log in one call.
    pub log: u64,
    /// Calls to the host in one call. Those into WASI do not count: `cpu` and `wall` bound them.
    pub host_calls: u64,
    /// Requests to other servers in one call.
    pub fetches: u64,
    /// Handles held at once.
    pub handles: u64,
    /// Table elements of an instance.
    pub tables: u64,
    /// Instances live at once; `None` is [`INSTANCES_PER_CORE`] for each core.
    pub instances: Option<u32>,
    /// Requests waiting for an instance.
    pub queue: u32,
    /// How long they wait.
    pub queue_wait: Duration,
    /// Which of these are measured: reported where they would have been hit, and not enforced.
    pub measure: Measured,
    /// The whole chain of one exchange. It ends calls whose own time is only measured.
    pub exchange: Duration,
}

impl PartialLimits {
    /// What these say, and for what they do not say, what the lower ones do.
    pub fn over(&self, lower: &Self) -> Self {
        Self {
            cpu: self.cpu.or(lower.cpu),
            start: self.start.or(lower.start),
            wall: self.wall.or(lower.wall),
            fuel: self.fuel.or(lower.fuel),
            memory: self.memory.or(lower.memory),
            body: self.body.or(lower.body),
            log: self.log.or(lower.log),
            host_calls: self.host_calls.or(lower.host_calls),
            fetches: self.fetches.or(lower.fetches),
            handles: self.handles.or(lower.handles),
            tables: self.tables.or(lower.tables),
            instances: self.instances.or(lower.instances),
            queue: self.queue.or(lower.queue),
            queue_wait: self.queue_wait.or(lower.queue_wait),
            measure: self.measure.or(lower.measure),
        }
    }

    /// Those that are said, by their keys, as an operator would write them.
    pub fn rows(&self) -> Vec<(&'static str, Value)> {
        let time = |time: Option<Duration>| time.map(|time| duration_text(time).into());
        let size = |bytes: Option<u64>| bytes.map(|bytes| size_text(bytes).into());
        let rows: [(&str, Option<Value>); 15] = [
            ("cpu", time(self.cpu)),
            ("start", time(self.start)),
            ("wall", time(self.wall)),
            ("fuel", self.fuel.map(Value::from)),
            ("memory", size(self.memory)),
            ("body", size(self.body)),
            ("log", size(self.log)),
            ("host_calls", self.host_calls.map(Value::from)),
            ("fetches", self.fetches.map(Value::from)),
            ("handles", self.handles.map(Value::from)),
            ("tables", self.tables.map(Value::from)),
            ("instances", self.instances.map(Value::from)),
            ("queue", self.queue.map(Value::from)),
            ("queue_wait", time(self.queue_wait)),
            ("measure", self.measure.and_then(Measured::written)),
        ];
        rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Reads the keys of a hook's limits; which others the table may have is the caller's matter.
    fn read(table: &Table, problems: &mut Problems) -> Self {
        Self {
            cpu: table.get("cpu", duration, problems),
            start: table.get("start", duration, problems),
            wall: table.get("wall", duration, problems),
            fuel: table.get("fuel", whole(1..=u64::MAX), problems),
            memory: table.get("memory", size, problems),
            body: table.get("body", size, problems),
            log: table.get("log", size, problems),
            host_calls: table.get("host_calls", whole(1..=u64::MAX), problems),
            fetches: table.get("fetches", whole(0..=u64::MAX), problems),
            handles: table.get("handles", whole(1..=u64::MAX), problems),
            tables: table.get("tables", whole(1..=u64::MAX), problems),
            instances: table.get("instances", whole(1..=u64::from(u32::MAX)), problems),
            queue: table.get("queue", whole(0..=u64::from(u32::MAX)), problems),
            queue_wait: table.get("queue_wait", duration_or_zero, problems),
            measure: Measured::read(table, problems),
        }
    }

    /// Reads the table `limits` of a hook's settings.
    pub(super) fn of_hook(parent: &Table, problems: &mut Problems) -> Self {
        let Some(table) = parent.table("limits", problems) else { return Self::default() };
        table.only(names::LIMITS, problems);
        Self::read(&table, problems)
    }

    /// Reads the table `limits` of a manifest: what a hook may ask for.
    pub(super) fn of_manifest(parent: &Table, problems: &mut Problems) -> Self {
        if let Some(field) = parent.field("limits").filter(|field| field.value.is_object())
            && let Some(table) = field.table(problems)
        {
            Measured::refuse(&table, problems);
        }
        Self { measure: None, ..Self::of_hook(parent, problems) }
    }
}

impl RootLimits {
    pub(super) fn read(root: &Table, problems: &mut Problems) -> Self {
        let Some(table) = root.table("limits", problems) else { return Self::default() };
        table.only(names::ROOT_LIMITS, problems);
        Self {
            hooks: PartialLimits::read(&table, problems),
            exchange: table.get("exchange", duration, problems).unwrap_or(EXCHANGE),
        }
    }
}

impl Default for RootLimits {
    fn default() -> Self {
        Self { hooks: PartialLimits::default(), exchange: EXCHANGE }
    }
}

impl Limits {
    /// The limits of one hook. The operator's word about this hook (`[hooks.<name>] limits`) goes
    /// before his word about all (`[limits]`), that before what the manifest asks for, that before
    /// the defaults.
    pub fn resolve(root: &PartialLimits, manifest: &PartialLimits, hook: &PartialLimits) -> Self {
        let said = hook.over(root).over(manifest);
        Self {
            cpu: said.cpu.unwrap_or(CPU),
            start: said.start.unwrap_or(START),
            wall: said.wall.unwrap_or(WALL),
            fuel: said.fuel,
            memory: said.memory.unwrap_or(MEMORY),
            body: said.body.unwrap_or(BODY),
            log: said.log.unwrap_or(LOG),
            host_calls: said.host_calls.unwrap_or(HOST_CALLS),
            fetches: said.fetches.unwrap_or(FETCHES),
            handles: said.handles.unwrap_or(HANDLES),
            tables: said.tables.unwrap_or(TABLES),
            instances: said.instances,
            queue: said.queue.unwrap_or(QUEUE),
            queue_wait: said.queue_wait.unwrap_or(QUEUE_WAIT),
            measure: said.measure.unwrap_or_default(),
            exchange: EXCHANGE,
        }
    }

    /// The cpu time at which a call is ended: beyond `limits.cpu` if that is only measured.
    pub fn cpu_max(&self) -> Duration {
        self.time_max(Measure::Cpu, self.cpu)
    }

    /// The time after which a call is ended: beyond `limits.wall` if that is only measured.
    pub fn wall_max(&self) -> Duration {
        self.time_max(Measure::Wall, self.wall)
    }

    fn time_max(&self, limit: Measure, time: Duration) -> Duration {
        if self.measure.contains(limit) { time.max(self.exchange) } else { time }
    }

    /// The fuel at which a call is ended; `None` if there is no such limit, or it is only measured.
    pub fn fuel_max(&self) -> Option<u64> {
        self.fuel.filter(|_| !self.measure.contains(Measure::Fuel))
    }

    /// The calls to the host at which a call is ended. Where they are only measured, its time bounds
    /// them.
    pub fn host_calls_max(&self) -> u64 {
        if self.measure.contains(Measure::HostCalls) { u64::MAX } else { self.host_calls }
    }

    /// Bytes of memory beyond which an instance cannot grow: what the pool has to have room for.
    pub fn memory_max(&self) -> u64 {
        match self.measure.contains(Measure::Memory) {
            true => self.memory.saturating_mul(MEASURED_TIMES).min(MEMORY_MAX).max(self.memory),
            false => self.memory,
        }
    }

    /// Table elements beyond which an instance cannot grow.
    pub fn tables_max(&self) -> u64 {
        match self.measure.contains(Measure::Tables) {
            true => self.tables.saturating_mul(MEASURED_TIMES),
            false => self.tables,
        }
    }

    /// The same as if they had all been written down.
    pub fn written(&self) -> PartialLimits {
        PartialLimits {
            cpu: Some(self.cpu),
            start: Some(self.start),
            wall: Some(self.wall),
            fuel: self.fuel,
            memory: Some(self.memory),
            body: Some(self.body),
            log: Some(self.log),
            host_calls: Some(self.host_calls),
            fetches: Some(self.fetches),
            handles: Some(self.handles),
            tables: Some(self.tables),
            instances: self.instances,
            queue: Some(self.queue),
            queue_wait: Some(self.queue_wait),
            measure: Some(self.measure),
        }
    }

    /// How many instances may live at once on a machine of so many cores.
    pub fn instances_on(&self, cores: usize) -> u32 {
        let cores = u32::try_from(cores.max(1)).unwrap_or(u32::MAX);
        self.instances.unwrap_or_else(|| INSTANCES_PER_CORE.saturating_mul(cores))
    }
}

impl Default for Limits {
    fn default() -> Self {
        let nothing = PartialLimits::default();
        Self::resolve(&nothing, &nothing, &nothing)
    }
}
