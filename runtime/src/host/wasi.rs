//! Gives an instance its WASI: the standard library of its language, with nothing granted but the variables
//! and folders that are named, to read.
//!
//! Most hooks never ask for any of it, so it is built when the first function is called. Calls that
//! read a clock or randomness are noted: what they returned would be the same in every copy of a
//! snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wasmtime_wasi::{
    FsPerms, HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView,
};
use wasmtime_wasi_http::WasiHttpCtx;

use super::Context;
use super::output::LogStream;
use crate::config::Limits;
use crate::hook::Folder;
use crate::log::Level;
use crate::outside::{FrozenClock, Outside};

/// Bytes of randomness that one call gives: it is work of the host's that no limit of the guest's can
/// interrupt.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// The WASI of one instance.
pub(super) struct Wasi {
    built: Option<Built>,
    /// Resources of the host that the guest has handles to.
    table: ResourceTable,
    http: WasiHttpCtx,
    read: Read,
}

/// What there is once the guest has called for any of it.
struct Built {
    context: Box<WasiCtx>,
    /// Bytes that standard output and error may still take.
    output_left: Arc<AtomicU64>,
}

/// What an instance has read that differs from one instance to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// `wasi:random`, all of it: Rust's `HashMap` takes its seed from there.
    pub randomness: bool,
    /// `wasi:clocks`.
    pub clock: bool,
    /// What a method of another hook returned.
    pub answer: bool,
    /// A secret.
    pub secret: bool,
    /// What `kv` had.
    pub kept: bool,
    /// What another server answered.
    pub fetched: bool,
}

impl Wasi {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        Self { built: None, table, http: WasiHttpCtx::new(), read: Read::default() }
    }

    /// Fills up what is granted a call, and not an instance.
    pub(super) fn refill(&self, limits: &Limits) {
        if let Some(built) = &self.built {
            built.output_left.store(limits.log, Ordering::Relaxed);
        }
    }

    /// What it has read so far.
    pub(super) fn read(&self) -> Read {
        self.read
    }

    /// Notes what the function that is being called reads.
    pub(super) fn reads(&mut self) -> &mut Read {
        &mut self.read
    }

    /// Whether the guest has handles to resources of the host's.
    pub(super) fn has_handles(&self) -> bool {
        !self.table.is_empty()
    }

    /// What the implementation of its HTTP works on.
    pub(super) fn http(&mut self) -> (&mut WasiHttpCtx, &mut ResourceTable) {
        (&mut self.http, &mut self.table)
    }

    /// What the implementations of WASI work on.
    pub(super) fn view(&mut self, context: &Context) -> WasiCtxView<'_> {
        let built = self.built.get_or_insert_with(|| Built::new(context));
        WasiCtxView { ctx: &mut built.context, table: &mut self.table }
    }
}

impl Built {
    fn new(context: &Context) -> Self {
        let left = Arc::new(AtomicU64::new(context.limits.log));
        let mut wasi = WasiCtx::builder();
        wasi.max_random_size(RANDOM_BYTES_MAX);
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        wasi.stdout(LogStream::new(context, Level::Info, &left));
        // A guest's panic message comes this way.
        wasi.stderr(LogStream::new(context, Level::Warn, &left));
        wasi.envs(&context.reach.variables);
        set_time_and_chance(&mut wasi, &*context.outside);
        for Folder { host, guest } in &context.reach.folders {
            // It was there at the lift. Where it is gone, the hook finds that out by itself.
            if let Err(error) = wasi.preopened_dir(host, guest, FsPerms::ReadOnly) {
                let (hook, host) = (&context.name, host.display());
                tracing::warn!(%hook, "the folder {host} cannot be opened: {error:#}");
            }
        }
        Self { context: Box::new(wasi.build()), output_left: left }
    }
}

/// What the monotonic clock of another world begins with. Go takes a 0 for a clock that does not work, and gives up.
const MONOTONIC_START: Duration = Duration::from_secs(1);

/// Puts time and randomness of another world in the place of the machine's.
fn set_time_and_chance(wasi: &mut WasiCtxBuilder, outside: &dyn Outside) {
    if let Some(clock) = outside.clock() {
        wasi.wall_clock(clock.clone()).monotonic_clock(clock);
    }
    if let Some(seed) = outside.seed() {
        wasi.secure_random(StdRng::seed_from_u64(seed))
            .insecure_random(StdRng::seed_from_u64(seed))
            .insecure_random_seed(seed.into());
    }
}

impl HostWallClock for FrozenClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Self::now(self)
    }
}

impl HostMonotonicClock for FrozenClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        let since_boot = MONOTONIC_START + self.elapsed();
        u64::try_from(since_boot.as_nanos()).unwrap_or(u64::MAX)
    }
}
