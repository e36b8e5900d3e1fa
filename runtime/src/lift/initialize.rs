//! Runs `initialize` of hooks, all at the same time but for those that come after others, and ends their start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::{Code, Failure, Phase};
use crate::hook::{Hook, said};
use crate::host::{Queue, Shared};
use crate::sandbox::Instance;
use crate::sandbox::limits::Allowance;
use crate::tasks::Deferred;

/// A hook's first instance, and its events.
pub(super) type First = (Box<Instance>, Option<Queue>);

/// What came of `initialize` of all hooks.
pub(super) struct Initialized {
    pub(super) failures: Vec<Failure>,
    /// The tasks that those have deferred that did not fail: to be released once the set serves.
    pub(super) deferred: Vec<Deferred>,
}

/// Takes tasks back that were deferred for nothing.
pub(crate) async fn forget_all(deferred: Vec<Deferred>) {
    for deferred in deferred {
        deferred.forget().await;
    }
}

/// Runs `initialize` of all hooks at the same time; each begins when those it comes after are loaded.
pub(super) async fn initialize_all(
    hooks: &[Arc<Hook>],
    firsts: Vec<First>,
    shared: &Arc<Shared>,
    overrides: &Arc<String>,
) -> Initialized {
    shared.events.expect(hooks.iter().map(|hook| (hook.name().clone(), hook.found.after.clone())));
    // What each hook has come to: nothing yet, loaded, or failed.
    let states: Vec<watch::Sender<Option<bool>>> =
        hooks.iter().map(|_| watch::Sender::new(None)).collect();
    let mut tasks = JoinSet::new();
    for ((hook, first), state) in hooks.iter().zip(firsts).zip(&states) {
        let waits: Vec<_> = hooks
            .iter()
            .zip(&states)
            .filter(|(other, _)| hook.found.after.iter().any(|after| **after == **other.name()))
            .map(|(_, state)| state.subscribe())
            .collect();
        let (hook, state) = (hook.clone(), state.clone());
        let (shared, overrides) = (shared.clone(), overrides.clone());
        tasks.spawn(async move {
            let mut ready = true;
            for mut wait in waits {
                let loaded = wait.wait_for(Option::is_some).await.map(|loaded| *loaded);
                ready &= matches!(loaded, Ok(Some(true)));
            }
            // If one that it comes after has failed, that is the error that counts.
            let result = match ready {
                true => initialize_one(&hook, first, &shared, overrides).await.map(Some),
                false => Ok(None),
            };
            shared.events.finish(hook.name());
            state.send_replace(Some(matches!(result, Ok(Some(_)))));
            result
        });
    }
    let (mut failures, mut all_deferred) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(deferred)) => all_deferred.extend(deferred.into_iter().flatten()),
            Ok(Err(failure)) => failures.push(failure),
            Err(error) => failures.push(Failure::new(Code::Internal, error.to_string())),
        }
    }
    Initialized { failures, deferred: all_deferred }
}

/// Initializes one hook. Returns the tasks that it has deferred.
async fn initialize_one(
    hook: &Arc<Hook>,
    (mut instance, queue): First,
    shared: &Arc<Shared>,
    overrides: Arc<String>,
) -> Result<Vec<Deferred>, Failure> {
    let name = hook.name();
    let started = Instant::now();
    shared.events.begin(name);
    let (mut result, mut deferred) = (Ok(()), Vec::new());
    if hook.program.has_lifecycle() {
        let returned = instance.initialize(&Allowance::lifecycle(hook.timeout.0)).await;
        result = said(name, Phase::Initialize, returned);
        deferred = instance.take_deferred();
    }
    if result.is_ok() {
        result = hook.load(instance, overrides).await;
    }
    if let Err(failure) = result {
        forget_all(deferred).await;
        hook.context.fire(&format!("hook:{name}:error"), "{}".into());
        let (limit, origin) = &hook.timeout;
        return Err(timed(failure, (*limit, origin), &hook.context.config_key));
    }
    if let Some(queue) = queue {
        shared.events.open(name);
        tokio::spawn(hook.clone().deliver(queue));
    }
    let took = started.elapsed();
    tracing::debug!("{name} hook loaded successfully. ({}ms)", round_ms(took));
    hook.context.fire(&format!("hook:{name}:loaded"), "{}".into());
    Ok(deferred)
}

/// Says of a call that took too long who gave it that time.
pub(super) fn timed(
    mut failure: Failure,
    (limit, origin): (Duration, &str),
    config_key: &str,
) -> Failure {
    if failure.code == Code::HookTimeout {
        let text = format!(
            "E_HOOK_TIMEOUT: {}: its time of {limit:?} was set by {origin}\n\
             hint: set `hook_timeout` higher, or for `initialize` `{config_key}._hookTimeout` \
             (milliseconds)",
            failure.cause
        );
        failure.cause = text.into();
    }
    failure
}

fn round_ms(time: Duration) -> u128 {
    (time.as_micros() + 500) / 1000
}
