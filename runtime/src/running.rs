//! Holds the set of hooks that serves, and replaces it while it does.
//!
//! A set is lifted anew beside the one that runs, from the configuration and the components as they lie there
//! now, and takes over by one swap of a pointer: an exchange ends on the set that it began with, the next
//! one meets the new. A hook that has not changed is the same one in both sets. What left the set is lowered
//! and freed once nobody uses it any more. If anything fails on the way, the set that runs goes on, and
//! nobody has noticed.
//!
//! What is not here: which hooks go on and which are lifted, see [`crate::lift`].

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout_at;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::{Config, Problems, read_at_start};
use crate::error::{Code, Failure};
use crate::hook::Hook;
use crate::lift::{LiftError, Prepared, lift_beside, prepare_beside};
use crate::sandbox::Compiler;
use crate::tasks::Work;

/// How often it is looked whether a hook that has left is still in use.
const LOOK: Duration = Duration::from_millis(20);
/// For those that still use it when the server stops, and has cut off all exchanges.
const LAST: Duration = Duration::from_secs(2);

/// The set that serves, and how it is replaced.
#[derive(Debug)]
pub struct Running {
    app: ArcSwap<App>,
    compiler: Arc<Compiler>,
    /// Held while a set is lifted: one at a time.
    turn: Mutex<()>,
    closing: watch::Sender<bool>,
    leaving: TaskTracker,
    /// Tasks and ticks of the hooks that serve; none before it was begun with, and after it was drained.
    work: std::sync::Mutex<Option<Work>>,
}

/// How much may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// Whatever has.
    All,
    /// This hook alone.
    Only(&'a str),
    /// What is said of this hook alone: its component and its manifest are those that run.
    Settings(&'a str),
}

impl Extent<'_> {
    fn allows(self, prepared: &Prepared) -> Result<(), LiftError> {
        let (Self::Only(hook) | Self::Settings(hook)) = self else { return Ok(()) };
        if matches!(self, Self::Settings(_)) {
            prepared.is_as_it_runs(hook)?;
        }
        let others: Vec<_> =
            prepared.changes().iter().filter(|name| ***name != *hook).cloned().collect();
        if others.is_empty() { Ok(()) } else { Err(LiftError::Affects(others)) }
    }
}

/// What came of lifting anew.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Hooks that were lifted, in hook order.
    pub lifted: Vec<Arc<str>>,
    /// Hooks that went on as they are, in hook order.
    pub kept: Vec<Arc<str>>,
    /// Hooks that are not there any more.
    pub gone: Vec<Arc<str>>,
    /// Keys whose values have changed, and count from the next start on.
    pub later: Vec<&'static str>,
}

impl Running {
    /// The set that was lifted first.
    pub fn new(app: Arc<App>, compiler: Arc<Compiler>) -> Self {
        let leaving = TaskTracker::new();
        let closing = watch::Sender::new(false);
        let (turn, work) = Default::default();
        compiler.serves.store(true, Ordering::Relaxed);
        Self { app: ArcSwap::new(app), compiler, turn, closing, leaving, work }
    }

    /// The set that serves now.
    pub fn app(&self) -> Arc<App> {
        self.app.load_full()
    }

    /// Lifts the hooks that have changed, with the configuration that `read` returns, and puts them in the
    /// place of those that run. `read` is called once it is this one's turn, with the set that runs then; `last`
    /// with the set that was lifted, when all is well and before anybody meets it.
    ///
    /// # Errors
    /// What is wrong with configuration or hooks, or what `last` says. The set that runs goes on as it was.
    pub async fn replace<Last: Future<Output = Result<(), LiftError>>>(
        &self,
        read: impl Fn(&App) -> Result<(Config, Problems), Problems>,
        extent: Extent<'_>,
        last: impl FnOnce(Arc<App>) -> Last,
    ) -> Result<Replaced, LiftError> {
        let _turn = self.turn.lock().await;
        let running = self.app();
        let mut anew = BTreeSet::new();
        let lifting = async {
            loop {
                let (config, problems) = read(&running)?;
                let (running, compiler) = (running.clone(), self.compiler.clone());
                let these = anew.clone();
                let prepared = tokio::task::spawn_blocking(move || {
                    prepare_beside(&running, &these, config, problems, &compiler)
                });
                let prepared = prepared.await.map_err(panicked)??;
                extent.allows(&prepared)?;
                match lift_beside(prepared).await {
                    // Each round names hooks that no round before it has named.
                    Err(LiftError::Affects(hooks)) if extent == Extent::All => anew.extend(hooks),
                    lifted => return lifted,
                }
            }
        };
        let lifted = tokio::select! {
            biased;
            () = self.closes() => return Err(LiftError::Stopped),
            lifted = lifting => lifted?,
        };
        // Once begun it is not cut off, but by `hook_timeout`: who is asked would lose its instance, and goes on
        // if this set does not take over.
        let ready = match self.is_closing() {
            true => Err(LiftError::Stopped),
            false => lifted.hand_over().await,
        };
        let ready = match ready {
            Ok(()) if self.is_closing() => Err(LiftError::Stopped),
            Ok(()) => last(lifted.app.clone()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ready {
            lifted.give_up().await;
            return Err(error);
        }
        let later = read_at_start(&running.config.tree, &lifted.app.config.tree);
        let new = lifted.new.clone();
        let (app, left) = lifted.take_over();
        self.app.store(app.clone());
        self.part_with(left.clone(), &app);
        let names = |hooks: &[Arc<Hook>], which: &dyn Fn(&Arc<str>) -> bool| {
            let names = hooks.iter().map(|hook| hook.name());
            names.filter(|name| which(name)).cloned().collect::<Vec<_>>()
        };
        Ok(Replaced {
            kept: names(&app.hooks, &|name| !new.contains(name)),
            gone: names(&left, &|name| !new.contains(name)),
            lifted: new,
            later,
        })
    }

    /// Begins with the tasks and ticks of the hooks.
    pub fn begin_work(&self) {
        *self.work() = Some(Work::begin(&self.app().hooks));
        self.app().release_deferred();
    }

    /// Ends them, at that time at the latest.
    pub async fn drain_work(&self, until: Instant) {
        let work = self.work().take();
        if let Some(work) = work {
            work.drain(until).await;
        }
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to the end of hooks that have left, now that `app` serves.
    fn part_with(&self, left: Vec<Arc<Hook>>, app: &App) {
        let patience = app.config.server.drain;
        let until = Instant::now() + patience;
        let ends = self.work().as_mut().map(|work| {
            let ends = work.leave(&left, &app.hooks, until);
            let works = |hook: &&Arc<Hook>| !work.has(hook);
            work.add(&app.hooks.iter().filter(works).cloned().collect::<Vec<_>>());
            ends
        });
        let closing = self.closing.subscribe();
        self.leaving.spawn(async move {
            if let Some(ends) = ends {
                ends.drain(until).await;
            }
            lower_unused(left, closing, (until, patience)).await;
        });
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    async fn closes(&self) {
        // The sender is this one's own.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Lifts no set any more, forgets one that is being lifted, and returns when all hooks that have left
    /// are lowered.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let _turn = self.turn.lock().await;
        self.leaving.close();
        self.leaving.wait().await;
    }
}

/// Lowers hooks that have left, the last in hook order first, each once nobody uses it. One that is used for
/// longer than the `patience` that lasts until then is told of; only a stop cuts it off.
async fn lower_unused(
    mut hooks: Vec<Arc<Hook>>,
    mut closing: watch::Receiver<bool>,
    (until, patience): (Instant, Duration),
) {
    let mut cut_at = None;
    while let Some(hook) = hooks.pop() {
        let (name, generation) = (hook.name(), hook.generation);
        if timeout_at(until.into(), unused(&hook)).await.is_err() {
            let text = format!("still in use after {patience:?}: it is lowered once that ends");
            tracing::warn!(hook = %name, generation, "{text}");
            let cut = async {
                // An error means that the running set is gone, and this with it.
                let _ = closing.wait_for(|closing| *closing).await;
                let until = *cut_at.get_or_insert_with(|| Instant::now() + LAST);
                tokio::time::sleep_until(until.into()).await;
            };
            tokio::select! {
                () = unused(&hook) => {}
                () = cut => tracing::warn!(hook = %name, generation, "still in use: cut off"),
            }
        }
        match hook.lower().await {
            Ok(()) => tracing::debug!(hook = %name, generation, "lowered"),
            Err(failure) => tracing::error!("{failure}"),
        }
    }
}

/// Returns when nobody else has the hook. The set that it was part of has it, as long as an exchange has that.
async fn unused(hook: &Arc<Hook>) {
    while Arc::strong_count(hook) > 1 {
        tokio::time::sleep(LOOK).await;
    }
}

fn panicked(error: tokio::task::JoinError) -> LiftError {
    Failure::new(Code::Internal, format!("preparing the hooks failed: {error}")).into()
}

impl std::fmt::Display for Replaced {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: &[Arc<str>]| match names {
            [] => "none".to_owned(),
            names => names.iter().map(|name| &**name).collect::<Vec<_>>().join(", "),
        };
        write!(out, "lifted: {}; unchanged: {}", list(&self.lifted), list(&self.kept))?;
        if !self.gone.is_empty() {
            write!(out, "; gone: {}", list(&self.gone))?;
        }
        Ok(())
    }
}
