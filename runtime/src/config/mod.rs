//! Turns everything that the operator says into one checked configuration, and remembers where each
//! value was said.
//!
//! Layers, low to high: hook defaults (added by the lift, once there are hooks), `boathook.toml`,
//! `boathook.<environment>.toml`, environment variables `BOATHOOK_a__b=v`, the command line
//! (`--set a.b=v`, then dedicated flags), and what was said of hooks while the server ran (`boathook.lock`).
//! [`load`] reads all but the first and reports every mistake
//! at once. What needs the hooks to be known comes later, in this order:
//!
//! 1. [`Config::know_hooks`] with the names of all hooks found;
//! 2. [`Tree::overrides`] for each hook's `defaults`, then [`Tree::merge_defaults`] in hook order;
//! 3. [`Tree::check_roots`];
//! 4. [`Tree::set`] while the hooks configure, then [`hook_timeout`].
//!
//! It does no I/O outside `files.rs`, knows no wasm and no sockets, and never panics on what people
//! write.

// What was said: texts, names and values, merged into one tree.
mod document;
mod files;
mod layers;
mod overrides;
mod traced;
mod tree;

// What it means: typed and checked.
pub mod cases;
mod events;
mod expected;
mod fetch;
mod forwarding;
mod hooks;
mod http;
mod limits;
pub mod manifest;
mod measure;
mod network;
mod routes;
mod secrets;
mod server;
mod session;
mod stores;
mod tasks;

// What both need.
mod key;
mod names;
mod problem;
mod reader;
mod units;

// What is shown of it.
mod explain;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

pub use explain::{Explained, Unset};
pub use fetch::Fetch;
pub use files::FILE;
pub use forwarding::{ForwardLocals, LOCALS_HEADER};
pub use hooks::{Grants, HookSettings, Installed, Mode, OnFailure};
pub use http::Http;
pub use key::join as dotted;
pub use layers::{ENVIRONMENT_VARIABLE, LOG_VARIABLE, PREFIX, SECRET_PREFIX, value_of};
pub use limits::{Limits, PartialLimits, RootLimits};
pub use manifest::{Build, Manifest};
pub use measure::{Measure, Measured};
pub use names::{CONFIG_KEY, CUSTOM, RESERVED, ROOT, is_ours};
pub use network::{Listen, TrustProxy};
pub use overrides::{DISABLED, LOCK_FILE, LOCK_VERSION, Override, Overrides};
pub use problem::{Origin, Problem, Problems, did_you_mean};
pub use routes::{FixedBody, Route, Target};
pub use secrets::{Place, Secrets, Variables, variable};
pub use server::{LogLevel, Server, Tls, hook_timeout};
pub use session::{OnStoreFailure, SameSite, SessionSettings};
pub use stores::{Access, Durability, Kv, Namespaces, Redis, StoreKind, Stores};
pub use tasks::TaskSettings;
pub use tree::{HOOK_BYTES_MAX, Tree, may_set};
pub use units::{duration_text, size_text};

/// What holds when nobody says anything, each with its reason.
pub mod defaults {
    pub use super::fetch::{CONNECT_TIMEOUT, MAX_REQUESTS};
    pub use super::http::{
        BODY_TIMEOUT, HEADER_TIMEOUT, IDLE_TIMEOUT, MAX_HEADER_BYTES, MAX_HEADERS, MAX_STREAMS,
    };
    pub use super::limits::{
        BODY, CPU, EXCHANGE, FETCHES, HANDLES, HOST_CALLS, INSTANCES_PER_CORE, LOG, MEMORY, QUEUE,
        QUEUE_WAIT, START, TABLES, WALL,
    };
    pub use super::routes::UPSTREAM_TIMEOUT;
    pub use super::server::{
        DRAIN, HOOK_TIMEOUT, HOOKS_DIR, LISTEN_HOST, LISTEN_PORT, MAX_CONNECTIONS,
    };
    pub use super::stores::{KV_SIZE, KV_SIZE_IN_MEMORY, KV_VALUE, REDIS_PREFIX, REDIS_TIMEOUT};
    pub use super::tasks::{ATTEMPTS, BACKOFF, BACKOFF_MAX, QUEUE as TASKS_QUEUE, STORED};
}

/// The environment when nobody names one.
pub const ENVIRONMENT: &str = "development";

/// Where a configuration comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sources {
    /// The app folder.
    pub dir: PathBuf,
    /// The environment named on the command line; `BOATHOOK_ENV` counts otherwise.
    pub environment: Option<String>,
    /// The process's environment variables; those of others are passed over.
    pub vars: Vec<(OsString, OsString)>,
    /// `--set a.b=v`, without the flag.
    pub sets: Vec<String>,
    /// What dedicated flags set: dotted key, value, and the flag for messages, such as `--listen`.
    pub overrides: Vec<(String, Value, String)>,
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The name of the environment.
    pub environment: String,
    /// The app folder, as it was named.
    pub dir: PathBuf,
    /// What the server itself is told.
    pub server: Server,
    /// What is said of hooks, disabled ones included, by name.
    pub hooks: BTreeMap<String, HookSettings>,
    /// Hooks outside the hooks folder, by package.
    pub installed: BTreeMap<String, Installed>,
    /// The app's own routes, in the order in which they were written. Another layer's replace them
    /// all.
    pub routes: Vec<Route>,
    /// How sessions are kept.
    pub session: SessionSettings,
    /// Where secrets lie.
    pub secrets: Secrets,
    /// The process's environment variables, for the hooks that may read some of them.
    pub variables: Variables,
    /// Where services keep things.
    pub stores: Stores,
    /// Whether events go to the app's other servers.
    pub events_across_nodes: bool,
    /// How tasks are kept and tried.
    pub tasks: TaskSettings,
    /// What was said of hooks while the server ran: it goes over all else.
    pub overrides: Overrides,
    /// Components to be read in place of those that lie in the hooks' folder, by hook: those that are on trial.
    pub components: BTreeMap<String, PathBuf>,
    /// Everything as JSON, with origins.
    pub tree: Tree,
}

/// Reads and checks the configuration of an app folder.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(sources: &Sources) -> Result<Config, Problems> {
    let (config, problems) = survey(sources)?;
    problems.or(config)
}

/// Reads the configuration of an app folder as far as it goes, and says what is wrong with it: for
/// those who go on and look for what is wrong with hooks, to report all of it at once. What is wrong
/// has its default in the configuration; nothing must run with it.
///
/// # Errors
/// With a layer missing, what the rest means would be a guess: that is all there is to report.
pub fn survey(sources: &Sources) -> Result<(Config, Problems), Problems> {
    let mut problems = Problems::default();
    let environment = environment(sources, &mut problems);
    let names = [FILE.to_owned(), files::of_environment(&environment)];
    let texts = files::read(&sources.dir, &names, &mut problems);
    let lock = files::read_one(&sources.dir.join(LOCK_FILE), LOCK_FILE);
    let lock = lock.and_then(|lock| lock.map(|lock| overrides::parse(&lock.text)).transpose());
    let overrides = lock.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let (config, problems) = assemble(sources, environment, &texts, problems)?;
    Ok((Config { overrides: overrides.unwrap_or_default(), ..config }, problems))
}

/// The same, without any file: what `sources` names is all that counts.
///
/// # Errors
/// The same.
pub fn survey_alone(sources: &Sources) -> Result<(Config, Problems), Problems> {
    let mut problems = Problems::default();
    let environment = environment(sources, &mut problems);
    assemble(sources, environment, &[], problems)
}

/// The pure part of [`survey`]: from texts, and what was wrong with getting them, to a configuration.
fn assemble(
    sources: &Sources,
    environment: String,
    texts: &[files::Text],
    mut problems: Problems,
) -> Result<(Config, Problems), Problems> {
    let mut documents = Vec::new();
    for files::Text { label, text } in texts {
        match document::parse(label, text) {
            Ok(document) => documents.push(document),
            Err(found) => problems.0.extend(found.0),
        }
    }
    let mut assigned = layers::from_variables(&sources.vars, &mut problems);
    assigned.extend(layers::from_sets(&sources.sets, &mut problems));
    assigned.extend(layers::from_overrides(&sources.overrides, &mut problems));
    let mut problems = problems.or(Problems::default())?;
    let tree = Tree::new(documents, assigned, &mut problems);
    let variables = Variables::new(&sources.vars);
    let place = (sources.dir.as_path(), environment.as_str());
    let stores = Stores::read(&tree, place, &variables, &mut problems);
    let config = Config {
        environment,
        dir: sources.dir.clone(),
        server: Server::read(&tree, &sources.dir, &mut problems),
        hooks: hooks::read(&tree, &mut problems),
        installed: hooks::read_installed(&tree, &sources.dir, &mut problems),
        routes: routes::read(&tree, &sources.dir, &mut problems),
        session: SessionSettings::read(&tree, &sources.dir, &mut problems),
        secrets: Secrets::read(&tree, &sources.dir, &mut problems),
        variables,
        stores,
        events_across_nodes: events::across_nodes(&tree, &mut problems),
        tasks: TaskSettings::read(&tree, &mut problems),
        overrides: Overrides::new(),
        components: BTreeMap::new(),
        tree,
    };
    problems.sort();
    Ok((config, problems))
}

/// The name of the environment. It becomes part of a file name, so not every word will do.
fn environment(sources: &Sources, problems: &mut Problems) -> String {
    let flag = |name: &String| (name.clone(), Origin::CommandLine { flag: "--env".to_owned() });
    let variable = |name| (name, Origin::Environment { variable: ENVIRONMENT_VARIABLE.to_owned() });
    let named = sources
        .environment
        .as_ref()
        .map(flag)
        .or_else(|| layers::environment_variable(&sources.vars).map(variable));
    let Some((name, origin)) = named else { return ENVIRONMENT.to_owned() };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(legal) {
        let found = reader::describe(&Value::String(name));
        let message = format!("an environment is letters, digits, `-` and `_`: found {found}");
        problems.push(Problem::new(message).at(origin).hint("write it like `production`"));
        return ENVIRONMENT.to_owned();
    }
    name
}

/// The keys that differ between two trees, and are read when the process starts.
pub fn read_at_start(before: &Tree, now: &Tree) -> Vec<&'static str> {
    let differs = |key: &&&str| before.get(key) != now.get(key);
    names::READ_AT_START.iter().filter(differs).copied().collect()
}

impl Config {
    /// Tells which hooks there are, disabled ones included. Names that an environment variable could
    /// not spell find their hook now (`BOATHOOK_hooks__rate_limit=false` is `rate-limit`); settings
    /// of a hook that is not there, and routes that name one, are mistakes.
    pub fn know_hooks(&mut self, names: &[String]) -> Result<(), Problems> {
        self.tree.know(names.iter().map(String::as_str), [])?;
        let mut problems = Problems::default();
        self.lay_overrides(names, &mut problems);
        let there = |name: &str| names.iter().any(|known| known == name);
        let unknown = |name: &str, what: String, origin: Option<Origin>| Problem {
            message: format!("{what}: `{name}`"),
            origin,
            hint: did_you_mean(name, names.iter().map(String::as_str)),
        };
        for (name, settings) in &self.hooks {
            if !there(name) {
                let what = "there is no hook of this name".to_owned();
                problems.push(unknown(name, what, settings.origin.clone()));
            }
        }
        for route in &self.routes {
            if let Target::Action { hook, .. } = &route.target
                && !there(hook)
            {
                let what = format!("route `{}` names a hook that is not there", route.address);
                problems.push(unknown(hook, what, Some(route.origin.clone())));
            }
        }
        problems.or(())
    }

    /// Reads what is said of hooks, with what was said while the server ran over it.
    fn lay_overrides(&mut self, names: &[String], problems: &mut Problems) {
        let mut all = overrides::switches(&self.overrides, names, true);
        self.tree.set_overrides(all.clone(), problems);
        let runs = hooks::read(&self.tree, &mut Problems::default());
        // A limit would make a table of the `false` that disables a hook.
        let runs = |name: &&String| runs.get(*name).is_none_or(|settings| settings.enabled);
        all.extend(overrides::limits(&self.overrides, names.iter().filter(runs)));
        self.tree.set_overrides(all.clone(), problems);
        self.hooks = hooks::read(&self.tree, problems);
        // What else is said of one that is disabled still counts: its config key is among it.
        for name in names {
            if self.is_disabled_for_now(name) {
                self.hooks.entry(name.clone()).or_default().enabled = false;
            }
        }
        all.extend(overrides::switches(&self.overrides, names, false));
        self.tree.set_overrides(all, problems);
    }

    /// Whether a hook was disabled while the server ran.
    pub fn is_disabled_for_now(&self, hook: &str) -> bool {
        self.overrides.get(hook).is_some_and(|said| said.enabled == Some(false))
    }

    /// Whether a hook runs by what is configured, whatever was said while the server ran.
    pub fn is_configured_to_run(&self, hook: &str) -> bool {
        let mut tree = self.tree.clone();
        // What is wrong with it was found when it was read.
        let mut known = Problems::default();
        tree.set_overrides(Vec::new(), &mut known);
        hooks::read(&tree, &mut known).get(hook).is_none_or(|settings| settings.enabled)
    }

    /// What is said of a hook, or the defaults if nothing is.
    pub fn hook(&self, name: &str) -> HookSettings {
        self.hooks.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
