//! Makes programs of the hooks that were found: compiles them, several at a time. Nothing of them runs yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Problems;
use crate::hook::find::{Found, problem};
use crate::sandbox::engine::Room;
use crate::sandbox::{Compiler, Engine, Program};

/// The memory that all hooks together may need.
pub(super) fn room(hooks: &[Found]) -> Room {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let instances = |metered: bool| {
        let limits = hooks.iter().map(|hook| &hook.limits);
        let such = limits.filter(|limits| limits.fuel.is_some() == metered);
        such.map(|limits| limits.instances_on(cores)).sum()
    };
    let memory = hooks.iter().map(|hook| hook.limits.memory_max()).max();
    Room { plain: instances(false), metered: instances(true), memory: memory.unwrap_or_default() }
}

/// Components that are compiled at one time: each compiler may take gigabytes.
const COMPILERS_MAX: usize = 4;

/// Compiles all components, as many at a time as there are cores, or half of that where the cores serve
/// requests. One that fails does not hide what is
/// wrong with others.
pub(super) fn compile(
    engine: &Engine,
    compiler: &Arc<Compiler>,
    hooks: &[Found],
    problems: &mut Problems,
) -> Vec<Arc<Program>> {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = if compiler.serves.load(Ordering::Relaxed) { (cores / 2).max(1) } else { cores };
    let mut compiled: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores.min(COMPILERS_MAX).min(hooks.len()))
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    while let Some((at, hook)) = take_next(&next, hooks) {
                        done.push((at, Program::load(engine, compiler, hook)));
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    compiled.sort_by_key(|(at, _)| *at);
    let mut programs = Vec::new();
    for (at, compiled) in compiled {
        let hook = &hooks[at];
        let place = format!("hook `{}`: load: {}", hook.name, hook.path.display());
        match compiled {
            Ok(program) => programs.push(Arc::new(program)),
            Err(errors) => {
                problems.0.extend(errors.iter().map(|error| problem(format!("{place}: {error}"))));
            }
        }
    }
    if programs.len() < hooks.len() && problems.0.is_empty() {
        problems
            .0
            .push(problem("the compiler panicked\nhint: compile one hook at a time to find which"));
    }
    programs
}

fn take_next<'a>(next: &AtomicUsize, hooks: &'a [Found]) -> Option<(usize, &'a Found)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, hooks.get(at)?))
}
