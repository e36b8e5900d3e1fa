//! Makes the engine: how guest code is compiled, where instances live, and what makes time pass for it.
//!
//! Concurrency support is off: hooks are plain `func`s, and a call into one then costs 0.3 instead of
//! 1.2 microseconds. Components that need it get a second engine from the same place.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::host::State;
use crate::sandbox::{bindings, borrowed, space};

/// How often running guest code is interrupted for a look at its limits and to let others run. A
/// call that is shorter never notices; a neighbour of one that spins waits this long at most.
pub const TICK: Duration = Duration::from_millis(2);

/// The stack that guest code may use. Deep recursion ends in a trap.
const WASM_STACK_BYTES: usize = 512 << 10;
/// The whole fiber stack. What is left beside the guest's part belongs to host functions; if
/// one overflowed it, the process would end, so it is generous.
const FIBER_STACK_BYTES: usize = 2 << 20;
/// Frames that a backtrace shows: enough to see the way into the fault.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(20).expect("20 is not 0");
/// Core instances in one component: a toolchain's component has 3 or 4, an interpreter's up to 10.
const CORE_INSTANCES_PER_COMPONENT: u32 = 20;
/// Memories in one component: its own, and one an adapter may bring.
const MEMORIES_PER_COMPONENT: u32 = 2;
/// Tables in one component.
const TABLES_PER_COMPONENT: u32 = 16;
/// Elements in one table: big Go and C# guests need more than the engine's 20,000.
const TABLE_ELEMENTS: usize = 100_000;
/// Core instances in the pool for each instance of a hook: what components have on average. The pool
/// takes memory for as many, so it is less than one alone may have.
const CORE_INSTANCES_PER_INSTANCE: u32 = 8;
/// Tables in the pool for each instance of a hook: the same.
const TABLES_PER_INSTANCE: u32 = 4;
/// Bytes of the engine's own records of one instance: they grow with its imports, exports and globals,
/// and an interpreter's component has thousands.
const RECORD_BYTES: usize = 4 << 20;
/// What memories grow by. The engine refuses a limit that is no multiple of it.
const WASM_PAGE_BYTES: u64 = 64 << 10;
/// Instances beyond the hooks' own that may live at one time, while old ones are being freed.
const SPARE_INSTANCES_MIN: u32 = 8;
const SPARE_INSTANCES_MAX: u32 = 64;
/// The pool reserves 4 GiB of address space an instance. 4,000 of them are 16 TiB, and x86-64
/// has 128.
const INSTANCES_MAX: u32 = 4_000;

/// How much of an instance's memory, and of its tables, is put back as it was by hand when the instance
/// is freed, and not by taking the pages away: with 16 dirty pages that is 7 µs and not 38. It needs the
/// kernel to tell which pages are dirty, or all of it would be written.
const RESET_MEMORY_BYTES: usize = 2 << 20;
const RESET_TABLE_BYTES: usize = 64 << 10;

/// What all hooks of a server share: the compiler's settings, the pool of memory, the linker; twice, as
/// hooks with a fuel limit are compiled to count it, and all others need not pay for that.
#[derive(Clone, Debug)]
pub struct Engine {
    plain: Option<Arc<Variant>>,
    metered: Option<Arc<Variant>>,
}

/// One way to compile and run hooks.
pub(super) struct Variant {
    pub(super) engine: wasmtime::Engine,
    pub(super) linker: Linker<State>,
}

impl std::fmt::Debug for Variant {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Variant")
    }
}

/// What the engine must have room for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    /// Instances of all hooks without a fuel limit together.
    pub plain: u32,
    /// Instances of all hooks with one.
    pub metered: u32,
    /// The most memory that an instance of any hook may take, in bytes.
    pub memory: u64,
}

impl Engine {
    /// Makes an engine with room for that many instances, and starts its clock. What nobody needs is
    /// not made.
    ///
    /// # Errors
    /// If the machine cannot run it: no threads, or too little address space is left.
    pub fn new(room: Room) -> anyhow::Result<Self> {
        let variant = |instances: u32, fuel: bool| {
            let make = || Variant::new(instances, room.memory, fuel).map(Arc::new);
            (instances > 0).then(make).transpose()
        };
        Ok(Self { plain: variant(room.plain, false)?, metered: variant(room.metered, true)? })
    }

    /// The variant for a hook with or without a fuel limit; none if there was to be no such hook.
    pub(super) fn variant(&self, metered: bool) -> Option<&Arc<Variant>> {
        if metered { self.metered.as_ref() } else { self.plain.as_ref() }
    }
}

impl Variant {
    fn new(instances: u32, memory: u64, fuel: bool) -> anyhow::Result<Self> {
        // Of few instances few are being freed: each takes address space, and a deploy has an engine of its own.
        let spare = instances.clamp(SPARE_INSTANCES_MIN, SPARE_INSTANCES_MAX);
        let instances = instances.saturating_add(spare).min(INSTANCES_MAX);
        space::check(instances)?;
        let engine = match wasmtime::Engine::new(&settings(Some((instances, memory)), fuel)) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(
                    "no pool for {instances} instances ({error:#}); instances are made one by one, \
                     which is slower. hint: lift `ulimit -v`"
                );
                wasmtime::Engine::new(&settings(None, fuel)).map_err(anyhow::Error::msg)?
            }
        };
        let mut linker = Linker::new(&engine);
        link_wasi(&mut linker).map_err(anyhow::Error::msg)?;
        bindings::Hook::add_to_linker::<_, wasmtime::component::HasSelf<State>>(
            &mut linker,
            |state| state,
        )
        .map_err(anyhow::Error::msg)?;
        borrowed::link(&mut linker).map_err(anyhow::Error::msg)?;
        start_clock(&engine)?;
        Ok(Self { engine, linker })
    }
}

/// Links WASI 0.2, with everything that differs from one instance to the next noted where it is read: a
/// snapshot would give all instances the same.
fn link_wasi(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
    use wasmtime_wasi::p2::bindings::{clocks, random};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx, WasiRandomView as _};

    fn reads_clock(state: &mut State) -> wasmtime_wasi::clocks::WasiClocksCtxView<'_> {
        state.reads().clock = true;
        state.clocks()
    }
    fn reads_randomness(state: &mut State) -> &mut WasiRandomCtx {
        state.reads().randomness = true;
        state.random()
    }
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, reads_clock)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, reads_clock)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, reads_randomness)?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, reads_randomness)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, reads_randomness)?;
    linker.allow_shadowing(false);
    link_http(linker)
}

/// Links what sends requests of WASI's HTTP, and notes that one was sent: its answer would be in all
/// copies.
fn link_http(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
    use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView as _};

    fn fetches(state: &mut State) -> WasiHttpCtxView<'_> {
        state.reads().fetched = true;
        state.http()
    }
    let options = LinkOptions::default();
    http::types::add_to_linker::<State, WasiHttp>(linker, &(&options).into(), State::http)?;
    http::outgoing_handler::add_to_linker::<State, WasiHttp>(linker, fetches)
}

/// Compiles a component with the settings of all engines, without having one.
pub(super) fn precompile(wasm: &[u8], metered: bool) -> anyhow::Result<Vec<u8>> {
    let engine = wasmtime::Engine::new(&settings(None, metered)).map_err(anyhow::Error::msg)?;
    engine.precompile_component(wasm).map_err(|error| anyhow::Error::msg(format!("{error:#}")))
}

fn settings(pool: Option<(u32, u64)>, fuel: bool) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(fuel)
        // Proposals that hooks have no use for are attack surface without a gain.
        .wasm_memory64(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        .memory_init_cow(true);
    if let Some((instances, memory)) = pool {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(instances)
            .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_INSTANCE))
            .total_memories(instances)
            .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
            .total_stacks(instances)
            .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
            .max_memories_per_component(MEMORIES_PER_COMPONENT)
            .max_tables_per_component(TABLES_PER_COMPONENT)
            .max_component_instance_size(RECORD_BYTES)
            .max_core_instance_size(RECORD_BYTES)
            .table_elements(TABLE_ELEMENTS)
            // At once: a batch of freed memories that wait for others may be a gigabyte.
            .decommit_batch_size(1)
            .max_unused_warm_slots(warm_slots())
            .max_memory_size(
                usize::try_from(memory.next_multiple_of(WASM_PAGE_BYTES)).unwrap_or(usize::MAX),
            );
        if swap_is_off() && PoolingAllocationConfig::is_pagemap_scan_available() {
            RELIES_ON_NO_SWAP.store(true, Ordering::Relaxed);
            pool.pagemap_scan(Enabled::Auto)
                .linear_memory_keep_resident(RESET_MEMORY_BYTES)
                .table_keep_resident(RESET_TABLE_BYTES);
        }
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Freed memories that are kept as they are for the next instance of the same hook, for all hooks
/// together: as many as can be in use at one time, twice.
fn warm_slots() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(2)
}

/// Whether this machine swaps no memory out. A dirty page that was swapped out is not told of by the
/// kernel as wasmtime asks for it, and would be seen by the next instance.
fn swap_is_off() -> bool {
    // A heading, and a line for each device.
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1)
}

/// Whether freed memories are reset in the way that a swap would break.
static RELIES_ON_NO_SWAP: AtomicBool = AtomicBool::new(false);

/// Says so, once, if memory is swapped out by now, and was not when the server started. To be called now
/// and then.
pub fn watch_swap() {
    if RELIES_ON_NO_SWAP.load(Ordering::Relaxed) && !swap_is_off() {
        RELIES_ON_NO_SWAP.store(false, Ordering::Relaxed);
        tracing::error!(
            "swap was switched on while the server runs: instances might find what others left in \
             their memory. hint: restart the server, which then clears memory in another way"
        );
    }
}

/// The engines whose epoch advances, and whether the thread runs that does it.
static CLOCK: Mutex<(Vec<EngineWeak>, bool)> = Mutex::new((Vec::new(), false));

/// Has an engine's epoch advance for as long as the engine lives: on one thread for all of them. It is a thread
/// and not a task: a task would not run while every worker is busy with guest code, which is just when it is
/// needed. It ends with the last engine.
fn start_clock(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let clock = || CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let mut clocked = clock();
    clocked.0.push(engine.weak());
    if clocked.1 {
        return Ok(());
    }
    let tick = move || {
        let mut clocked = clock();
        clocked
            .0
            .retain(|engine| engine.upgrade().map(|engine| engine.increment_epoch()).is_some());
        clocked.1 = !clocked.0.is_empty();
        clocked.1
    };
    std::thread::Builder::new().name("boathook-epoch".into()).spawn(move || {
        while tick() {
            std::thread::sleep(TICK);
        }
    })?;
    clocked.1 = true;
    Ok(())
}
