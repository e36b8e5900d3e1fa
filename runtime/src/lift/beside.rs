//! Lifts beside a running set: hooks that are the same go on, instances, memory and all, and the others go
//! through the lifecycle alone. Nothing of it is seen by anybody before [`Beside::take_over`].
//!
//! A hook is the same if its component, its manifest, what the operator says of it, and all that stands under
//! its config key and `custom` are. So one that changes another's configuration changes that hook too: then a deploy of
//! the one is refused, or both are replaced, as the caller says.
//!
//! What is not here: who serves which set, and how the old one ends. That is [`crate::running`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::{JoinError, JoinSet};

use super::{LiftError, Prepared, all_succeeded};
use crate::app::App;
use crate::config::{CUSTOM, Config, Problems, Tree};
use crate::error::{Code, Failure};
use crate::hook::find::{Found, problem};
use crate::hook::{Hook, Tally};
use crate::host::Staged;
use crate::tasks::Tasks;

/// What goes on of a running set; nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct Kept {
    running: Option<Arc<App>>,
    hooks: BTreeMap<Arc<str>, Arc<Hook>>,
}

/// A set that was lifted beside a running one, and has not taken over.
#[derive(Debug)]
pub struct Beside {
    /// The set.
    pub app: Arc<App>,
    /// Hooks of the running set that are not part of it, in hook order.
    pub leaving: Vec<Arc<Hook>>,
    /// The names of those that are new in it, in hook order.
    pub new: Vec<Arc<str>>,
    staged: Staged,
}

/// What goes from a hook to the one that comes in its place.
pub(super) struct Line {
    /// Whether the new one is lifted beside a running set.
    pub(super) beside: bool,
    /// The number of the new one.
    pub(super) generation: u64,
    /// What was counted.
    pub(super) tally: Arc<Tally>,
    /// The tasks that wait.
    pub(super) tasks: Option<Arc<Tasks>>,
    /// The hook itself.
    pub(super) before: Option<Arc<Hook>>,
}

impl Kept {
    /// What of `running` goes on among the hooks that were found now; those named in `anew` do not,
    /// though they are the same.
    pub(super) fn of(
        running: &Arc<App>,
        config: &Config,
        found: &[Found],
        anew: &BTreeSet<Arc<str>>,
    ) -> Self {
        let (before, now) = (running.shared.config.read(Tree::overrides), config.tree.overrides());
        // What every hook may have read, and none says that it has.
        let custom_differs = before.get(CUSTOM) != now.get(CUSTOM);
        let fetch_differs = before.get("fetch") != now.get("fetch");
        let is_same = |hook: &Found, other: &Hook| {
            let key = hook.config_key.as_str();
            !custom_differs
                && hook.identity() == other.found
                && before.get(key) == now.get(key)
                && !(fetch_differs && other.context.fetch.is_some())
        };
        let kept = found.iter().filter(|hook| !anew.contains(&hook.name)).filter_map(|hook| {
            let other = running.hooks.iter().find(|other| *other.name() == hook.name)?;
            is_same(hook, other).then(|| (hook.name.clone(), other.clone()))
        });
        Self { running: Some(running.clone()), hooks: kept.collect() }
    }

    /// The set that runs.
    pub(super) fn running(&self) -> Option<&Arc<App>> {
        self.running.as_ref()
    }

    /// The names of the hooks that go on.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.hooks.keys().cloned().collect()
    }

    /// The hook of this name, if it goes on.
    pub(super) fn hook(&self, name: &str) -> Option<&Arc<Hook>> {
        self.hooks.get(name)
    }

    /// What a hook of this name has of the one in whose place it comes.
    pub(super) fn line(&self, name: &str) -> Line {
        let mut hooks = self.running.iter().flat_map(|app| &app.hooks);
        match hooks.find(|hook| **hook.name() == *name) {
            Some(hook) => Line {
                beside: true,
                generation: hook.generation + 1,
                tally: hook.context.tally.clone(),
                tasks: hook.context.tasks.clone(),
                before: Some(hook.clone()),
            },
            None => {
                let beside = self.running.is_some();
                Line { beside, generation: 1, tally: Arc::default(), tasks: None, before: None }
            }
        }
    }

    /// The hooks that go on, and whose configuration is another in this tree; `custom` is part of everybody's.
    pub(super) fn affected(&self, tree: &Tree) -> Vec<Arc<str>> {
        let Some(running) = &self.running else { return Vec::new() };
        let differs = |hook: &Arc<Hook>| {
            let key = &hook.context.config_key;
            running.shared.config.read(|old| {
                [key.as_str(), CUSTOM]
                    .iter()
                    .any(|key| old.value().get(key) != tree.value().get(key))
            })
        };
        self.hooks.values().filter(|hook| differs(hook)).map(|hook| hook.name().clone()).collect()
    }
}

impl Prepared {
    /// The names of the hooks that are to be lifted, in hook order.
    pub fn new_hooks(&self) -> Vec<Arc<str>> {
        let names = self.hooks.found.iter().map(|hook| hook.name.clone());
        names.filter(|name| self.kept.hook(name).is_none()).collect()
    }

    /// Whether the component and the manifest of a hook are those that run, if it does.
    ///
    /// # Errors
    /// If others lie in its place.
    pub fn is_as_it_runs(&self, name: &str) -> Result<(), Problems> {
        let running = self.kept.running().into_iter().flat_map(|app| &app.hooks);
        let runs = running.map(|hook| &hook.found).find(|found| *found.name == *name);
        let lies = self.hooks.found.iter().find(|found| *found.name == *name);
        let (Some(runs), Some(lies)) = (runs, lies) else { return Ok(()) };
        let what = match (runs.digest == lies.digest, runs.manifest == lies.manifest) {
            (true, true) => return Ok(()),
            (true, false) => "manifest",
            (false, _) => "component",
        };
        Err(Problems(vec![problem(format!(
            "hook `{name}`: another {what} lies in its place than the one that runs\n\
             hint: have the server read it, by SIGHUP, or say `--all`"
        ))]))
    }

    /// The names of the hooks that are to be lifted, and of those that run and are not there any more.
    pub fn changes(&self) -> Vec<Arc<str>> {
        let found = |name: &Arc<str>| self.hooks.found.iter().any(|hook| hook.name == *name);
        let running = self.kept.running().into_iter().flat_map(|app| &app.hooks);
        let gone = running.map(|hook| hook.name().clone()).filter(|name| !found(name));
        self.new_hooks().into_iter().chain(gone).collect()
    }
}

impl Beside {
    pub(super) fn new(app: Arc<App>, running: &App, staged: Staged) -> Self {
        let is_in = |hook: &Arc<Hook>, hooks: &[Arc<Hook>]| {
            hooks.iter().any(|other| Arc::ptr_eq(hook, other))
        };
        let leaving = running.hooks.iter().filter(|hook| !is_in(hook, &app.hooks));
        let new = app.hooks.iter().filter(|hook| !is_in(hook, &running.hooks));
        Self {
            leaving: leaving.cloned().collect(),
            new: new.map(|hook| hook.name().clone()).collect(),
            app,
            staged,
        }
    }

    /// Has each hook that leaves hand what it knows to the one that comes in its place. To be called last, as what
    /// it does from then on is not known there.
    ///
    /// # Errors
    /// If a new one cannot do with what it is given.
    pub async fn hand_over(&self) -> Result<(), LiftError> {
        let mut asking = JoinSet::new();
        for old in &self.leaving {
            if !self.app.hooks.iter().any(|new| new.name() == old.name()) {
                continue;
            }
            let old = old.clone();
            asking.spawn(async move { (old.name().clone(), old.before_swap().await) });
        }
        let mut values = BTreeMap::new();
        while let Some(asked) = asking.join_next().await {
            let panicked = |error: JoinError| Failure::new(Code::Internal, error.to_string());
            let (name, value) = asked.map_err(panicked)?;
            values.extend(value.map(|value| (name, value)));
        }
        // One after the other: a hook may call those that it comes after, and finds them as they will be.
        let mut failures = Vec::new();
        for new in &self.app.hooks {
            if let Some(value) = values.remove(new.name()) {
                failures.extend(new.after_swap(value).await.err());
            }
        }
        all_succeeded(&mut failures)
    }

    /// Lowers what is new in it, instead of letting it take over.
    pub async fn give_up(self) {
        self.app.forget_deferred().await;
        let is_new = |hook: &&Arc<Hook>| self.new.contains(hook.name());
        give_up(&self.app.hooks.iter().filter(is_new).cloned().collect::<Vec<_>>()).await;
    }

    /// Has events, calls between hooks and the configuration go to this set from now on. Which requests do
    /// is the caller's to say, at once.
    pub fn take_over(self) -> (Arc<App>, Vec<Arc<Hook>>) {
        let Self { app, leaving, staged, .. } = self;
        for hook in &app.hooks {
            hook.context.set.store(app.shared.clone());
            hook.context.candidate.store(false, Ordering::Release);
            if let Some(tasks) = &hook.context.tasks {
                tasks.go_by(&app.config.tasks);
            }
        }
        app.release_deferred();
        staged.take_over();
        let stays = |hook: &&Arc<Hook>| !app.hooks.iter().any(|other| other.name() == hook.name());
        let gone: Vec<_> = leaving.iter().filter(stays).map(|hook| hook.name().clone()).collect();
        app.shared.events.forget(&gone);
        (app, leaving)
    }
}

/// Lowers hooks that were lifted for nothing: the set that runs is not told.
pub(super) async fn give_up(hooks: &[Arc<Hook>]) {
    for hook in hooks.iter().rev() {
        if let Err(failure) = hook.lower().await {
            tracing::error!("{failure}");
        }
    }
}
