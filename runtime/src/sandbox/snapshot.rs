//! Makes snapshots: a component whose memory and globals are those of an instance that has been through
//! its lifecycle. Instances of it begin where that one stood, so `initialize` runs once, and not for each.
//!
//! A snapshot in mode `fresh` is taken of the hook's first instance, whose program is instrumented for
//! it. In mode `pooled` it is made when the pool grows for the first time, of an instance of its own. Its
//! compilation goes on behind the requests in either case.
//!
//! Not everything can be copied. A component that changes its tables, or nests others, is told by its
//! code; one that holds a handle, has read a clock or randomness or has called another hook, by its first
//! instance. Randomness that is the same in all copies is none: seeds of hash tables become known, tokens
//! repeat. So there is no snapshot of such a hook, and it is said why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SetOnce};
use wasmparser::{CanonicalFunction, Parser, Payload};
use wasmtime::Store;
use wasmtime::component::{self, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::compile::Program;
use super::guard::{Ended, Timing, guard};
use super::instance::Instance;
use super::limits::{self, Allowance};
use super::replay::Replay;
use crate::error::{Code, Failure, Phase};
use crate::hook::Verb;
use crate::host::{Context, Read, State};

/// How long reading an instance's state may take: 64 MiB take less than a second.
const TIME: Duration = Duration::from_secs(10);
/// Snapshots that are made at a time behind the requests, which need the processors more.
static TURN: Semaphore = Semaphore::const_new(2);

/// Why there is no snapshot.
enum Obstacle {
    /// The hook is of a kind that has none; the instance that was looked at is as good as before.
    Unfit(String),
    /// Reading the instance went wrong, and it must not be used any more.
    Broken(String),
}

/// The snapshot of one hook: perhaps not begun, perhaps on its way, made, or impossible.
#[derive(Debug, Default)]
pub struct Snapshot {
    begun: AtomicBool,
    made: SetOnce<Result<Program, String>>,
    /// Whether the hook may not do without.
    required: bool,
}

impl Snapshot {
    /// None, and why.
    fn refused(reason: String) -> Self {
        Self { begun: true.into(), made: SetOnce::new_with(Some(Err(reason))), required: false }
    }

    /// The program to start instances from, once it is there.
    pub(super) fn made(&self) -> Option<&Program> {
        self.made.get()?.as_ref().ok()
    }

    /// Waits until it is made; none if there will be none, or if it was never begun.
    ///
    /// # Errors
    /// If it is not there in that time, or if it could not be made and the hook may not do without.
    pub(super) async fn wait(&self, time: Duration) -> Result<Option<&Program>, Failure> {
        if !self.begun.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match tokio::time::timeout(time, self.made.wait()).await {
            Ok(Ok(program)) => Ok(Some(program)),
            Ok(Err(reason)) if self.required => {
                let text = format!(
                    "there is no snapshot: {reason}\n\
                     hint: restart the server to try again, or set `replay = true` for the hook"
                );
                Err(Failure::new(Code::HookStart, text))
            }
            Ok(Err(_)) => Ok(None),
            Err(_) => {
                let text = format!("its snapshot is not compiled yet, after {time:?}");
                let mut failure = Failure::new(Code::HookBusy, text);
                failure.retry_after = Some(time);
                Err(failure)
            }
        }
    }

    /// Takes the snapshot of a first instance whose lifecycle has run, and has it compiled behind what
    /// follows.
    ///
    /// # Errors
    /// If there can be none, and the hook may not do without one.
    pub async fn of_first(
        first: &mut Instance,
        program: &Arc<Program>,
        context: &Arc<Context>,
        may_replay: bool,
    ) -> Result<Arc<Self>, Failure> {
        let started = Instant::now();
        let owned = program.clone();
        let taken = match blocking(move || owned.source()?.wasm()).await {
            Ok(wasm) => take(first, &wasm).await,
            Err(reason) => Err(Obstacle::Unfit(reason)),
        };
        match taken {
            Ok(wasm) => {
                let required = !may_replay;
                let snapshot = Arc::new(Self { begun: true.into(), required, ..Self::default() });
                let (program, context, made) = (program.clone(), context.clone(), snapshot.clone());
                tokio::spawn(async move {
                    let Ok(_turn) = TURN.acquire().await else { return };
                    if made.is_for_nobody() {
                        return;
                    }
                    made.settle(compile(&program, wasm).await, &context, started);
                });
                Ok(snapshot)
            }
            Err(Obstacle::Unfit(reason)) if may_replay => {
                tracing::info!(
                    hook = %context.name,
                    "no snapshot: {reason}; every request repeats its lifecycle"
                );
                Ok(Arc::new(Self::refused(reason)))
            }
            Err(Obstacle::Unfit(reason)) => {
                let failure = Failure::new(Code::HookStart, would_replay(&context.name, &reason));
                Err(failure.in_hook(&context.name, Phase::Initialize))
            }
            Err(Obstacle::Broken(reason)) => {
                let failure = Failure::new(Code::HookStart, reason);
                Err(failure.in_hook(&context.name, Phase::Initialize))
            }
        }
    }

    /// Begins to make it, unless that was begun before, out of an instance of its own.
    pub(super) fn begin(
        self: &Arc<Self>,
        program: &Arc<Program>,
        context: &Arc<Context>,
        replay: &Replay,
    ) {
        if program.source().is_err() || self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let (snapshot, program) = (self.clone(), program.clone());
        let (context, replay) = (context.clone(), replay.clone());
        tokio::spawn(async move {
            let Ok(_turn) = TURN.acquire().await else { return };
            if snapshot.is_for_nobody() {
                return;
            }
            let started = Instant::now();
            let made = make(&program, &context, &replay).await;
            snapshot.settle(made, &context, started);
        });
    }

    /// Whether only who makes it still has it: the hook was replaced while this waited for its turn, and all that
    /// would be kept alive for it is its engine.
    fn is_for_nobody(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }

    /// Notes what came of it, and says so.
    fn settle(&self, made: Result<Program, String>, context: &Context, started: Instant) {
        let (hook, runs) = (&context.name, context.tally.initialized());
        match &made {
            Ok(_) => tracing::info!(
                %hook,
                "instances begin from a snapshot now, made in {}ms; `initialize` ran {runs} time{}",
                started.elapsed().as_millis(),
                if runs == 1 { "" } else { "s" }
            ),
            Err(reason) if self.required => {
                tracing::error!(%hook, "no snapshot: {reason}; no new instance can be made")
            }
            Err(reason) => {
                tracing::info!(%hook, "no snapshot: {reason}; new instances repeat its lifecycle")
            }
        }
        // Whoever had it begun is the only one who settles it.
        let _ = self.made.set(made);
    }
}

/// What to say of a hook in mode `fresh` that cannot have a snapshot.
pub(super) fn would_replay(hook: &str, reason: &str) -> String {
    format!(
        "mode `fresh` would repeat its lifecycle for every request, as there can be no snapshot of it: \
         {reason}\nhint: if that is what you want, set `[hooks.{hook}] replay = true`"
    )
}

/// Runs the lifecycle in an instrumented instance, takes its snapshot and compiles that.
async fn make(
    program: &Arc<Program>,
    context: &Arc<Context>,
    replay: &Replay,
) -> Result<Program, String> {
    let owned = program.clone();
    let instrumented = blocking(move || {
        let source = owned.source()?;
        source.instrumented(instrument(&source.wasm()?)?)
    });
    let instrumented = instrumented.await?;
    let mut instance =
        replay.run(&instrumented, context).await.map_err(|failure| failure.to_string())?;
    // Reading and writing all of its memory is work, and no request should have to wait for it.
    let (owned, runtime) = (program.clone(), tokio::runtime::Handle::current());
    let taken = blocking(move || {
        let wasm = owned.source()?.wasm()?;
        let taken = runtime.block_on(take(&mut instance, &wasm));
        taken.map_err(|(Obstacle::Unfit(reason) | Obstacle::Broken(reason))| reason)
    });
    compile(program, taken.await?).await
}

/// Compiles a snapshot of a hook.
async fn compile(program: &Arc<Program>, wasm: Vec<u8>) -> Result<Program, String> {
    let program = program.clone();
    blocking(move || program.source()?.snapshot(&wasm)).await
}

/// Runs what takes long on a thread where that hurts nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(format!("making it failed: {error}")))
}

fn wizer() -> Wizer {
    let mut wizer = Wizer::new();
    // There is no such function: the lifecycle is ours to run.
    wizer.init_func("boathook-snapshot").keep_init_func(true);
    wizer
}

/// Adds to a component what it takes to read its state.
///
/// # Errors
/// Why there can be no snapshot of it.
pub fn instrument(wasm: &[u8]) -> Result<Vec<u8>, String> {
    if has_resources(wasm) {
        return Err("it makes resources of its own, whose handles cannot be copied".into());
    }
    let instrumented = catch_unwind(AssertUnwindSafe(|| {
        wizer().instrument_component(wasm).map(|(_, instrumented)| instrumented)
    }));
    match instrumented {
        Ok(Ok(wasm)) => Ok(wasm),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("it has parts that snapshots do not support".into()),
    }
}

/// Whether a component makes resources: the table of their handles is not in its memory.
fn has_resources(wasm: &[u8]) -> bool {
    let payloads = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    payloads.into_iter().any(|payload| match payload {
        Payload::ComponentCanonicalSection(section) => section
            .into_iter()
            .map_while(Result::ok)
            .any(|function| matches!(function, CanonicalFunction::ResourceNew { .. })),
        _ => false,
    })
}

/// Reads the state of an instance, whose program is instrumented, into a copy of its component, which is `wasm`.
async fn take(instance: &mut Instance, wasm: &[u8]) -> Result<Vec<u8>, Obstacle> {
    let (store, instance) = instance.parts();
    obstacle(store.data()).map_or(Ok(()), |reason| Err(Obstacle::Unfit(reason)))?;
    let wizer = wizer();
    // Once more: what came of the first time borrows the component, and could not be kept beside it.
    let (context, _) =
        wizer.instrument_component(wasm).map_err(|error| Obstacle::Unfit(format!("{error:#}")))?;
    let allowance = Allowance::lifecycle(TIME);
    limits::arm(store, Phase::Initialize, &allowance);
    // Whole memories are read, which no call of the hook's may return.
    store.set_hostcall_fuel(usize::MAX);
    let tally = store.data().context.tally.clone();
    let timing = Timing::new(&tally, Verb::Lifecycle);
    let mut reader = Reader { store, instance, failed: None };
    let (ended, _) = {
        let read = pin!(wizer.snapshot_component(&context, &mut reader));
        guard(read, &allowance, timing).await
    };
    let Reader { store, failed, .. } = reader;
    limits::set_copied(store);
    let why = match (ended, failed) {
        (Ended::Returned(Ok(wasm)), None) => return Ok(wasm),
        (Ended::Returned(Err(error)), _) | (_, Some(error)) => format!("{error:#}"),
        (Ended::Panicked(text), None) => text,
        (Ended::TimedOut | Ended::ExchangeTimedOut, None) => format!("it took more than {TIME:?}"),
    };
    Err(Obstacle::Broken(format!("its state could not be read: {why}")))
}

/// Why an instance's state is not to be copied.
fn obstacle(state: &State) -> Option<String> {
    let Read { randomness, clock, answer, secret, kept, fetched } = state.read_so_far();
    if randomness {
        return Some(
            "it read randomness before it was loaded, which would be the same in all copies (Rust's \
             `HashMap` reads its seed so; a `BTreeMap` does not)"
                .into(),
        );
    }
    if clock {
        return Some(
            "it read a clock before it was loaded, which would stand still in all copies".into(),
        );
    }
    if answer {
        return Some(
            "it called another hook before it was loaded, whose answer would be the same in all copies"
                .into(),
        );
    }
    if secret {
        return Some("it read a secret before it was loaded, which must be in no copy".into());
    }
    if kept {
        return Some(
            "it called `kv` before it was loaded, whose answer would be the same in all copies"
                .into(),
        );
    }
    if fetched {
        return Some(
            "it fetched from another server before it was loaded, whose answer would be the same in all \
             copies"
                .into(),
        );
    }
    let handles = "it holds handles to resources of the host, which cannot be copied (standard output \
                   is one: log with `log` instead; so is a folder that it has read files of)";
    state.has_handles().then(|| handles.into())
}

/// Reads the state of an instrumented instance.
struct Reader<'a> {
    store: &'a mut Store<State>,
    instance: component::Instance,
    /// What went wrong first. The trait has no place for it, and what was read since is worthless.
    failed: Option<wasmtime::Error>,
}

impl Reader<'_> {
    async fn read<R: component::Lift + Send + Sync + 'static, T: Default>(
        &mut self,
        interface: &str,
        function: &str,
        with: impl FnOnce(&mut Store<State>, R) -> T,
    ) -> T {
        match self.call(interface, function).await {
            Ok(value) => with(self.store, value),
            Err(error) => {
                self.failed.get_or_insert(error);
                T::default()
            }
        }
    }

    async fn call<R: component::Lift + Send + Sync + 'static>(
        &mut self,
        interface: &str,
        function: &str,
    ) -> wasmtime::Result<R> {
        let missing = || wasmtime::Error::msg(format!("no `{interface}#{function}` to read it by"));
        let (store, instance) = (&mut *self.store, &self.instance);
        let interface = instance.get_export(&mut *store, None, interface).ok_or_else(missing)?.1;
        let function = instance.get_export(&mut *store, Some(&interface), function);
        let function = function.ok_or_else(missing)?.1;
        let function = instance.get_typed_func::<(), (R,)>(&mut *store, function)?;
        Ok(function.call_async(store, ()).await?.0)
    }
}

impl ComponentInstanceState for Reader<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.read(interface, function, |store, list: WasmList<u8>| {
            contents(list.as_le_slice(&*store))
        })
        .await;
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.read(interface, function, |_, value| value).await
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.read(interface, function, |_, value| value).await
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.read(interface, function, |_, value: f32| value.to_bits()).await
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.read(interface, function, |_, value: f64| value.to_bits()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(component: &str) -> Option<String> {
        instrument(&wat::parse_str(component).unwrap()).err()
    }

    #[test]
    fn a_component_that_keeps_its_state_in_memory_and_globals_can_be_copied() {
        let component = "(component
            (core module $m
                (memory (export \"memory\") 1)
                (global (mut i32) (i32.const 1)))
            (core instance (instantiate $m)))";
        assert_eq!(obstacle(component), None);
        assert_eq!(obstacle("(component)"), None);
    }

    #[test]
    fn one_that_changes_a_table_cannot() {
        let component = "(component
            (core module $m
                (table 1 funcref)
                (func (table.set (i32.const 0) (ref.null func))))
            (core instance (instantiate $m)))";
        let obstacle = obstacle(component).unwrap();
        assert!(obstacle.contains("table.set"), "{obstacle}");
    }

    #[test]
    fn one_that_nests_another_cannot() {
        let component = "(component
            (component $c (core module $m (memory 1)) (core instance (instantiate $m)))
            (instance (instantiate $c)))";
        let obstacle = obstacle(component).unwrap();
        assert!(obstacle.contains("nested components"), "{obstacle}");
    }

    #[test]
    fn one_that_makes_resources_cannot() {
        let component = "(component
            (type $handle (resource (rep i32)))
            (core func $new (canon resource.new $handle)))";
        let obstacle = obstacle(component).unwrap();
        assert!(obstacle.contains("resources of its own"), "{obstacle}");
    }

    #[test]
    fn what_is_no_component_is_no_panic() {
        assert!(instrument(b"\0asm").is_err());
        assert!(instrument(b"").is_err());
    }
}
