//! Makes programs of the hooks that were found: compiles them, several at a time, and sees what the
//! operator asks of them that they cannot do. Nothing of them runs yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::{Config, Grants, Measure, Problem, Problems};
use crate::hook::find::{Found, Hooks, problem};
use crate::sandbox::engine::Room;
use crate::sandbox::{Compiler, Engine, Program};

/// The memory that all hooks together may need.
pub(super) fn room(hooks: &Hooks) -> Room {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let instances = |metered: bool| {
        let limits = hooks.found.iter().map(|hook| &hook.limits);
        let such = limits.filter(|limits| limits.fuel.is_some() == metered);
        such.map(|limits| limits.instances_on(cores)).sum()
    };
    let memory = hooks.found.iter().map(|hook| hook.limits.memory_max()).max();
    Room { plain: instances(false), metered: instances(true), memory: memory.unwrap_or_default() }
}

/// Components that are compiled at one time: each compiler may take gigabytes.
const COMPILERS_MAX: usize = 4;

/// Compiles all components, as many at a time as there are cores. One that fails does not hide what is
/// wrong with others.
pub(super) fn compile(
    engine: &Engine,
    compiler: &Arc<Compiler>,
    hooks: &[Found],
    problems: &mut Problems,
) -> Vec<Arc<Program>> {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
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

/// What the operator's settings ask of a hook that it cannot do.
pub(super) fn unfit(hook: &Found, config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let settings = config.hook(&hook.name);
    let says_fuel = settings.limits.measure.is_some_and(|all| all.contains(Measure::Fuel));
    if says_fuel && hook.limits.fuel.is_none() {
        found.push(problem(format!(
            "hook `{0}`: load: its fuel is to be measured, and it has no fuel limit\n\
             hint: set one: `[hooks.{0}] limits = {{ fuel = 10_000_000, measure = [\"fuel\"] }}`",
            hook.name
        )));
    }
    let granted = settings.grants.unwrap_or_default().0;
    for (kind, asked) in hook.manifest.grants.iter().flat_map(|grants| &grants.0) {
        if !granted.contains_key(kind) {
            let asked = Grants::written(asked);
            found.push(problem(format!(
                "hook `{0}`: load: it asks for the grant `{kind}`, and has it not\n\
                 hint: add `grants = {{ {kind} = {asked} }}` to `[hooks.{0}]`",
                hook.name
            )));
        }
    }
    found
}
