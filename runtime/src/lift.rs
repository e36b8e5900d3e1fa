//! Lifts an app: from a configuration to a running set of hooks, in the order that design promises.
//!
//! [`lift`] reads from top to bottom as the lifecycle does: find, compile, defaults, configure,
//! initialize, bind. If any step fails, what was loaded is lowered. [`lift_beside`] does the same beside a set that
//! runs, for the hooks alone that are new in it; see `beside`.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::app::{App, BindError, Targets, bind, targets};
use crate::config::{Config, Origin, Problems, Tree, hook_timeout, is_ours};
use crate::error::{Failure, Phase};
use crate::fetch;
use crate::hook::find::{Found, Hooks, find};
use crate::hook::{Hook, said};
use crate::host::{Board, ConfigStore, Context, Published, Queue, Shared};
use crate::outside::{Machine, Outside};
use crate::sandbox::engine::Room;
use crate::sandbox::limits::Allowance;
use crate::sandbox::{Compiler, Engine, Instance, Program};
use crate::session::{Keys, Sessions};
use crate::store::{Agenda, Store};
use crate::tasks::{Tasks, Ticks};
pub use beside::Beside;
use beside::give_up;
use beside::{Kept, Line};
use defaults::defaults;
pub(crate) use initialize::forget_all;
use initialize::{First, initialize_all, timed};
use programs::{compile, room};

mod beside;
mod defaults;
mod initialize;
mod kv;
mod nodes;
mod programs;
mod session;
mod tasks;
mod unfit;

/// Why an app did not lift.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiftError {
    /// Something is wrong with configuration or components. Nothing has run.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// Hooks failed in a phase.
    #[error("{}", lines(.0))]
    Hooks(Vec<Failure>),
    /// It would change hooks that are to go on as they are.
    #[error("it would change {}", crate::host::list(.0))]
    Affects(Vec<Arc<str>>),
    /// It was lifted, and the last thing to do before it takes over failed.
    #[error("{0}")]
    Refused(String),
    /// It was told to stop before it was done.
    #[error("stopped before the app was lifted")]
    Stopped,
    /// The machine cannot run the engine.
    #[error("the engine did not start: {0:#}")]
    Engine(anyhow::Error),
}

impl LiftError {
    /// Names the commands that take back what was said while the server ran, where that is wrong.
    fn with_remedies(mut self) -> Self {
        if let Self::Problems(problems) = &mut self {
            problems.name_remedies();
        }
        self
    }
}

impl From<Failure> for LiftError {
    fn from(failure: Failure) -> Self {
        Self::Hooks(vec![failure])
    }
}

fn lines(failures: &[Failure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A hook on its way: its first instance goes through the lifecycle.
struct Lifting {
    context: Arc<Context>,
    found: Found,
    program: Arc<Program>,
    instance: Box<Instance>,
    generation: u64,
    /// Its events, from `configure` on.
    queue: Option<Queue>,
}

/// A hook of the set: one that runs already, or one on its way.
enum Member {
    Kept(Arc<Hook>),
    New(Box<Lifting>),
}

/// Everything before the first call into a hook. `problems` is what is wrong with the configuration
/// itself, as [`crate::config::survey`] has it.
///
/// # Errors
/// All problems of the configuration and of all hooks, at once.
pub fn prepare(
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
) -> Result<Prepared, LiftError> {
    prepare_on_trial(config, problems, compiler).map_err(LiftError::with_remedies)
}

/// The same for what is not written down yet: there is nothing to take back.
pub(crate) fn prepare_on_trial(
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
) -> Result<Prepared, LiftError> {
    prepare_with(config, problems, compiler, |_, _| Kept::default())
}

/// The same, for a set that is to replace `running`. Hooks named in `anew` do not go on, though nothing of
/// them has changed.
///
/// # Errors
/// The same.
pub fn prepare_beside(
    running: &Arc<App>,
    anew: &BTreeSet<Arc<str>>,
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
) -> Result<Prepared, LiftError> {
    let kept = |config: &Config, found: &[Found]| Kept::of(running, config, found, anew);
    // Of what is only just being said there is nothing to take back.
    let is_written = running.config.overrides == config.overrides;
    let prepared = prepare_with(config, problems, compiler, kept);
    if is_written { prepared.map_err(LiftError::with_remedies) } else { prepared }
}

fn prepare_with(
    mut config: Config,
    mut problems: Problems,
    compiler: &Arc<Compiler>,
    kept: impl FnOnce(&Config, &[Found]) -> Kept,
) -> Result<Prepared, LiftError> {
    let (hooks, mut found) = find(&mut config);
    // What is said of hooks is read again once they are known: what is wrong there is known already.
    found.0.retain(|problem| !problems.0.contains(problem));
    problems.0.extend(found.0);
    let targets = targets(&config).unwrap_or_else(|found| {
        problems.0.extend(found.0);
        Targets::default()
    });
    problems.0.extend(unfit::tls(&config));
    problems.0.extend(nodes::unfit(&config));
    let grants = hooks.found.iter().map(|hook| &hook.fetch);
    let fetch = fetch::Settings::for_grants(grants, &config, &mut problems);
    let keys = session::keys(&config, &hooks.found, &mut problems);
    let kept = kept(&config, &hooks.found);
    let new = hooks.found.iter().filter(|hook| kept.hook(&hook.name).is_none());
    let new: Vec<Found> = new.cloned().collect();
    let engine = Engine::new(room(&new)).map_err(LiftError::Engine)?;
    let programs = compile(&engine, compiler, &new, &mut problems);
    problems.0.extend(hooks.found.iter().flat_map(|hook| unfit::hook(hook, &config)));
    problems.0.extend(hooks.found.iter().flat_map(|hook| kv::unfit(hook, &config)));
    problems.0.extend(hooks.found.iter().filter_map(|hook| tasks::unfit(hook, &config)));
    let roots = Roots::of(&hooks);
    // What other roots there may be is known once all defaults are: until then only what is wrong
    // whatever they bring, unless there is no going on anyhow.
    problems.0.extend(match problems.0.is_empty() {
        true => config.tree.check_config_keys(&roots.0),
        false => roots.check(&config.tree).0,
    });
    if !problems.0.is_empty() {
        problems.sort();
        return Err(problems.into());
    }
    let outside = Arc::new(Machine);
    Ok(Prepared { config, hooks, kept, roots, targets, fetch, keys, programs, outside })
}

/// Compiles a hook outside of any app and checks it against the world, for `boathook inspect`.
///
/// # Errors
/// Everything that keeps it from being a hook.
pub fn try_load(hook: &Found, compiler: &Arc<Compiler>) -> Result<(), LiftError> {
    let metered = u32::from(hook.limits.fuel.is_some());
    let room = Room { plain: 1 - metered, metered, memory: hook.limits.memory_max() };
    let engine = Engine::new(room).map_err(LiftError::Engine)?;
    let mut problems = Problems::default();
    compile(&engine, compiler, std::slice::from_ref(hook), &mut problems);
    if problems.0.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// The root keys that hooks account for.
#[derive(Debug)]
struct Roots(Vec<(String, String)>);

impl Roots {
    fn of(hooks: &Hooks) -> Self {
        let found = hooks.found.iter();
        let found = found.map(|hook| (hook.name.to_string(), hook.config_key.clone()));
        // Of those that are not lifted, nothing else is of interest.
        let others = hooks.other_keys.iter().filter(|key| !is_ours(key));
        Self(found.chain(others.map(|key| (String::new(), key.clone()))).collect())
    }

    /// The roots that nobody accounts for, once all defaults are merged: they may bring some.
    fn check(&self, tree: &Tree) -> Problems {
        tree.check_roots(&self.0).err().unwrap_or_default()
    }
}

/// Hooks that are compiled and have not run.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration, without any hook's defaults.
    pub config: Config,
    /// What was found.
    pub hooks: Hooks,
    /// What goes on of the set that runs.
    kept: Kept,
    roots: Roots,
    targets: Targets,
    fetch: Option<fetch::Settings>,
    /// The keys of sessions, if any hook was granted them.
    keys: Option<Keys>,
    /// Of the hooks that do not go on, in hook order.
    programs: Vec<Arc<Program>>,
    /// The world that hooks meet.
    outside: Arc<dyn Outside>,
}

impl Prepared {
    /// The same, in another world than that of this machine.
    #[must_use]
    pub fn amid(mut self, outside: Arc<dyn Outside>) -> Self {
        if let Some(fetch) = &mut self.fetch {
            fetch.servers = outside.servers();
        }
        self.outside = outside;
        self
    }
}

/// Lifts an app, unless `stop` comes first.
///
/// # Errors
/// What failed. Hooks that had loaded were lowered again.
pub async fn lift(
    prepared: Prepared,
    stop: impl Future<Output = ()>,
) -> Result<Arc<App>, LiftError> {
    let mut stop = pin!(stop);
    let configured = tokio::select! {
        configured = open_and_configure(prepared) => configured?,
        () = &mut stop => return Err(LiftError::Stopped),
    };
    initialize(configured, stop).await
}

async fn open_and_configure(prepared: Prepared) -> Result<Configured, LiftError> {
    let (kv, sessions) = (prepared.open_kv().await?, prepared.open_sessions().await?);
    let agenda = prepared.open_agenda(kv.as_ref()).await?;
    configure_with(prepared, Stores { kv, sessions, agenda }).await
}

/// Lifts a set beside one that runs. That one notices nothing.
///
/// # Errors
/// What failed; hooks that had loaded were lowered again.
pub async fn lift_beside(prepared: Prepared) -> Result<Beside, LiftError> {
    let running = prepared.kept.running().cloned();
    let running = running.expect("what `prepare_beside` returns is beside a running set");
    let staged = running.shared.events.stage(&prepared.new_hooks());
    let configured = open_and_configure(prepared).await?;
    let app = initialize(configured, std::future::pending()).await?;
    Ok(Beside::new(app, &running, staged))
}

/// Hooks whose `configure` is over, and the frozen configuration.
pub struct Configured {
    config: Config,
    disabled: Vec<String>,
    targets: Targets,
    shared: Arc<Shared>,
    kept: Kept,
    members: Vec<Member>,
    overrides: Arc<String>,
}

impl std::fmt::Debug for Configured {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Configured")
    }
}

impl Configured {
    /// What hooks share; the configuration among it, as it will stand.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// Runs `defaults` of all hooks, then `configure` of all, and freezes the configuration.
///
/// # Errors
/// All that failed in one phase: none begins before the one ahead of it has succeeded everywhere.
pub async fn configure(prepared: Prepared) -> Result<Configured, LiftError> {
    configure_with(prepared, Stores::default()).await
}

/// What services of hooks keep things in; none where no hook may use it.
#[derive(Default)]
struct Stores {
    kv: Option<Store>,
    sessions: Option<Arc<Sessions>>,
    agenda: Option<Arc<Agenda>>,
}

async fn configure_with(
    prepared: Prepared,
    Stores { kv, sessions, agenda }: Stores,
) -> Result<Configured, LiftError> {
    let Prepared { config, hooks, kept, roots, targets, fetch, programs, outside, .. } = prepared;
    let overrides = Arc::new(config.tree.overrides().to_string());
    let before = kept.running().map(|app| app.shared.clone());
    let shared = Arc::new(Shared {
        config: ConfigStore::new(config.tree.clone()),
        events: before.as_ref().map_or_else(Arc::<Board>::default, |before| before.events.clone()),
        published: before
            .as_ref()
            .map_or_else(Published::default, |it| it.published.of(&kept.names())),
        nodes: before.as_ref().map_or_else(OnceLock::new, |before| before.nodes.clone()),
        kv,
        agenda,
        hooks: OnceLock::new(),
        names: hooks.found.iter().map(|hook| hook.name.clone()).collect(),
        sessions,
        redactor: session::redactor(&hooks.found, &config),
        development: config.environment == crate::config::ENVIRONMENT,
    });
    let time = config.server.hook_timeout;
    let (mut members, mut failures) = (Vec::new(), Vec::new());
    let mut programs = programs.into_iter();
    for found in hooks.found {
        if let Some(hook) = kept.hook(&found.name) {
            members.push(Member::Kept(hook.clone()));
            continue;
        }
        let Some(program) = programs.next() else { continue };
        let line = kept.line(&found.name);
        let beyond = (fetch.as_ref(), &outside);
        match start(found, line, program, &config, beyond, &shared).await {
            Ok(started) => members.push(Member::New(Box::new(started))),
            Err(failure) => failures.push(failure),
        }
    }
    all_succeeded(&mut failures)?;
    let origin = config.tree.origin("hook_timeout").unwrap_or(Origin::Default).to_string();
    let explain = |failure, config_key: &str| timed(failure, (time, &origin), config_key);
    for member in &mut members {
        match member {
            Member::Kept(hook) => adopt(&shared, &before, |tree, before| {
                tree.adopt_defaults(before, hook.name(), &hook.context.config_key);
            }),
            Member::New(lifting) => {
                let failed = defaults(lifting, &overrides, time).await.err();
                failures.extend(failed.map(|failure| explain(failure, &lifting.found.config_key)));
            }
        }
    }
    all_succeeded(&mut failures)?;
    let unknown = shared.config.read(|tree| roots.check(tree));
    if !unknown.0.is_empty() {
        return Err(unknown.into());
    }
    let mut failed: Vec<Arc<str>> = Vec::new();
    for member in &mut members {
        let Lifting { context, program, instance, .. } = match member {
            Member::New(lifting) => &mut **lifting,
            Member::Kept(hook) => {
                adopt(&shared, &before, |tree, before| tree.adopt_sets(before, hook.name()));
                continue;
            }
        };
        // If one that it comes after has failed, that is the error that counts.
        let misses =
            context.callable.iter().any(|after| failed.iter().any(|name| **name == **after));
        if misses || !program.has_lifecycle() {
            failed.extend(misses.then(|| context.name.clone()));
            continue;
        }
        let returned = instance.configure(&Allowance::lifecycle(time)).await;
        if let Err(failure) = said(&context.name, Phase::Configure, returned) {
            failed.push(context.name.clone());
            failures.push(explain(failure, &context.config_key));
        }
    }
    all_succeeded(&mut failures)?;
    shared.config.freeze();
    let affected = shared.config.read(|tree| kept.affected(tree));
    if !affected.is_empty() {
        return Err(LiftError::Affects(affected));
    }
    let disabled = hooks.disabled;
    Ok(Configured { config, disabled, targets, shared, kept, members, overrides })
}

/// Has the configuration take over something from that of the set that runs.
fn adopt(shared: &Shared, before: &Option<Arc<Shared>>, adopt: impl FnOnce(&mut Tree, &Tree)) {
    if let Some(before) = before {
        before.config.read(|before| shared.config.change(|tree| adopt(tree, before)));
    }
}

fn all_succeeded(failures: &mut Vec<Failure>) -> Result<(), LiftError> {
    match failures.is_empty() {
        true => Ok(()),
        false => Err(LiftError::Hooks(std::mem::take(failures))),
    }
}

/// Runs `initialize` of all hooks, binds their routes, and makes the app.
///
/// # Errors
/// Everything that failed; hooks that had loaded were lowered again.
pub async fn initialize(
    configured: Configured,
    stop: impl Future<Output = ()>,
) -> Result<Arc<App>, LiftError> {
    let Configured { config, disabled, targets, shared, kept, members, overrides } = configured;
    let (hooks, new, firsts) = hooks(members, &shared, &config)?;
    // Set once, here: a set is lifted once.
    let _ = shared.hooks.set(hooks.iter().map(Arc::downgrade).collect());

    let mut deferred = Vec::new();
    let initialized = tokio::select! {
        initialized = initialize_all(&new, firsts, &shared, &overrides) => {
            deferred = initialized.deferred;
            match initialized.failures.is_empty() {
                true => Ok(()),
                false => Err(LiftError::Hooks(initialized.failures)),
            }
        },
        () = stop => Err(LiftError::Stopped),
    };
    let bound = initialized.and_then(|()| {
        bind(config, targets, shared.clone(), hooks, disabled)
            .map_err(|BindError(problems)| problems.into())
    });
    let lifted = match (bound, kept.running()) {
        (Ok(app), None) => {
            shared.events.fire("ready", "{}".into());
            nodes::join(&app.config, &shared).await.map(|()| app)
        }
        (Ok(app), Some(running)) => Ok(app.beside(running)),
        (Err(error), _) => Err(error),
    };
    match lifted {
        Ok(app) => Ok(Arc::new(app.with_deferred(deferred))),
        Err(error) => {
            forget_all(deferred).await;
            match kept.running() {
                None => lower_all(&new, &shared).await,
                Some(_) => give_up(&new).await,
            }
            Err(error)
        }
    }
}

/// How long hooks may take for the events that are in their queues when they are lowered.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// Lowers hooks in reverse order. An error is logged and stops nothing.
pub async fn lower_all(hooks: &[Arc<Hook>], shared: &Arc<Shared>) {
    let nodes = shared.nodes.get();
    if let Some(nodes) = nodes {
        nodes.hush();
    }
    shared.events.fire("lower", "{}".into());
    // Whoever listens for it hears it before it is lowered itself.
    if tokio::time::timeout(LAST_EVENTS, shared.events.settled()).await.is_err() {
        tracing::warn!("hooks had not handled all events after {LAST_EVENTS:?}");
    }
    for hook in hooks.iter().rev() {
        if let Err(failure) = hook.lower().await {
            tracing::error!("{failure}");
        }
        hook.say_totals();
    }
    shared.events.close();
    if let Some(nodes) = nodes {
        nodes.leave().await;
    }
    if let Some(store) = &shared.kv {
        store.close().await;
    }
}

/// Makes a hook's first instance.
async fn start(
    found: Found,
    Line { beside, generation, tally, tasks, before }: Line,
    program: Arc<Program>,
    config: &Config,
    (fetch, outside): (Option<&fetch::Settings>, &Arc<dyn Outside>),
    shared: &Arc<Shared>,
) -> Result<Lifting, Failure> {
    let context = Arc::new(Context {
        name: found.name.clone(),
        config_key: found.config_key.clone(),
        callable: found.after.clone(),
        reach: found.reach.clone(),
        namespaces: kv::namespaces(&found, config),
        fetch: fetch.and_then(|fetch| fetch.client(&found.name, &found.fetch)),
        tasks: program.has_background().then(|| {
            let new = || Arc::new(Tasks::new(found.name.clone(), config.tasks.clone()));
            tasks.unwrap_or_else(new)
        }),
        ticks: Ticks::new(&found.ticks, before.as_ref().map(|hook| &hook.context.ticks)),
        limits: found.limits.clone(),
        last_block: Default::default(),
        tally,
        outside: outside.clone(),
        set: ArcSwap::new(shared.clone()),
        candidate: beside.into(),
    });
    let instance = Instance::start(&program, &context, false, None).await?;
    let queue = program.has_listening().then(|| shared.events.listen(&context.name));
    Ok(Lifting { context, found, program, instance, generation, queue })
}

/// All hooks of a set, those of them that are new, and the first instances of these.
type Made = (Vec<Arc<Hook>>, Vec<Arc<Hook>>, Vec<First>);

/// Makes the hooks, now that the configuration says how much time each `initialize` has.
fn hooks(members: Vec<Member>, shared: &Arc<Shared>, config: &Config) -> Result<Made, LiftError> {
    let mut problems = Problems::default();
    let mut made: Made = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        let Lifting { context, found, program, instance, generation, queue } = match member {
            Member::New(lifting) => *lifting,
            Member::Kept(hook) => {
                made.0.push(hook);
                continue;
            }
        };
        let key = &context.config_key;
        match shared.config.read(|tree| hook_timeout(tree, key, &config.server)) {
            Ok((time, origin)) => {
                let timeout = (time, origin.to_string());
                let hook = Arc::new(Hook::new(context, &found, generation, program, timeout));
                made.0.push(hook.clone());
                made.1.push(hook);
                made.2.push((instance, queue));
            }
            Err(problem) => problems.0.push(problem),
        }
    }
    if problems.0.is_empty() { Ok(made) } else { Err(problems.into()) }
}
