//! Drives a target: so many inputs, each from a seed of its own, each watched.
//!
//! `BOATHOOK_FUZZ_RUNS` sets how many inputs, `BOATHOOK_FUZZ_SEED` where they begin. A finding says both
//! for the one input that made it, and leaves that input in the folder for temporary files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use super::mutate::Random;

/// How long one input may take. Limits of a few hundred milliseconds hold for all that it runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Panics of threads that belong to no test: the server's own.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// What is under way, for whoever watches it.
struct Current {
    name: &'static str,
    seed: u64,
    since: Instant,
}

impl Current {
    fn repeat(&self) -> String {
        let Self { name, seed, .. } = self;
        format!(
            "to repeat it: BOATHOOK_FUZZ_SEED={seed} BOATHOOK_FUZZ_RUNS=1 \
             cargo test -p boathook --test fuzz {name}"
        )
    }
}

/// Makes `runs` inputs and hands each of them to the target, which must return in time and without a
/// panic, its own or one of the server's threads.
pub(crate) fn run(
    name: &'static str,
    runs: u64,
    mut make: impl FnMut(&mut Random) -> Vec<u8>,
    mut target: impl FnMut(&[u8]),
) {
    listen_for_panics();
    let first = setting("BOATHOOK_FUZZ_SEED").unwrap_or(0);
    let runs = setting("BOATHOOK_FUZZ_RUNS").unwrap_or(runs);
    let current = Arc::new(Mutex::new(Current { name, seed: first, since: Instant::now() }));
    let over = Arc::new(AtomicBool::new(false));
    let watching = watch(current.clone(), over.clone());
    for seed in first..first.saturating_add(runs) {
        *lock(&current) = Current { name, seed, since: Instant::now() };
        let input = make(&mut Random(seed));
        let ended = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let panics = std::mem::take(&mut *lock(&PANICS));
        if ended.is_err() || !panics.is_empty() {
            over.store(true, Ordering::Relaxed);
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{seed}"));
            let kept = std::fs::write(&file, &input);
            panic!(
                "input {seed} ({} bytes, kept: {kept:?} in {}): see above; {panics:?}\n{}",
                input.len(),
                file.display(),
                lock(&current).repeat()
            );
        }
    }
    over.store(true, Ordering::Relaxed);
    watching.join().expect("the watch ends with the run");
}

/// Ends the process, and says at which input, if one takes too long.
fn watch(current: Arc<Mutex<Current>>, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            let current = lock(&current);
            if current.since.elapsed() > PATIENCE {
                // Past the capture of test output, which an abort would lose.
                let mut out = std::io::stderr().lock();
                let text = format!("{}: hangs: {}\n", current.name, current.repeat());
                let _ = std::io::Write::write_all(&mut out, text.as_bytes());
                std::process::abort();
            }
            drop(current);
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

/// Notes panics of threads that no test owns: their tasks swallow them.
fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            // Tests' threads are called as the tests are, and tests notice their own.
            if !thread.name().is_some_and(|name| name.contains("::")) {
                lock(&PANICS).push(info.to_string());
            }
            usual(info);
        }));
    });
}
