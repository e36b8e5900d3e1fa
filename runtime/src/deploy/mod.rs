//! Deploys a component into the app that runs: keeps it, lifts it beside the running set, and puts it into the
//! hooks' folder once it has taken over.
//!
//! The hooks' folder stays the truth: a start reads it and nothing else. It is changed by one rename, after
//! the new hook was lifted and before it takes over; a process that is killed at any moment leaves the old
//! component there, or the new one that had lifted. What a hook was before is kept beside it
//! (`records`), so that a rollback is a deploy of that.
//!
//! Disabling and enabling a hook, and setting its limits, go the same way: what was said is written down, lies over
//! the configuration, and the set is lifted with it. A rollback takes back components, and nothing of this.

mod change;
mod records;
mod stopped;

use std::path::Path;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::app::App;
use crate::config::{Config, LOCK_FILE, Overrides, Problem, Problems, did_you_mean};
use crate::hook::find::problem;
use crate::lift::LiftError;
use crate::running::{Extent, Replaced, Running};
pub use change::Change;
pub use records::Digest;
use records::{Records, Tried};
pub use stopped::{Written, change_stopped};

/// The largest component that is taken: four times what the tools of big languages make.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// Deploys into one running app, one thing at a time.
#[derive(Debug)]
pub struct Deployer {
    running: Arc<Running>,
    /// Held for the whole of a deploy.
    turn: Mutex<()>,
    /// Held for one step of it, so that whoever lists the hooks need not wait for its end.
    records: Arc<std::sync::Mutex<Records>>,
}

/// A component that took over.
#[derive(Debug)]
pub struct Deployed {
    /// Which it is.
    pub digest: Digest,
    /// What came of the other hooks.
    pub replaced: Replaced,
}

/// Why a component did not take over. The app goes on as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// It is not what was announced.
    #[error("its SHA-256 is {0}, which is not the one that was announced\nhint: send it once more")]
    NotAsAnnounced(Digest),
    /// There is nothing to go back to.
    #[error("hook `{hook}`: {why}")]
    NoEarlier {
        /// The hook.
        hook: String,
        /// Why there is not.
        why: String,
    },
    /// Nothing can be said of a hook that is not there.
    #[error("{0}")]
    NoHook(Problem),
    /// Other hooks would change, too.
    #[error("it would lift others, too: {}\nhint: `--all` does", crate::host::list(.0))]
    Others(Vec<Arc<str>>),
    /// It did not lift.
    #[error("it did not lift:\n{0}")]
    Lift(LiftError),
    /// It could not be written where it belongs.
    #[error(
        "it cannot be kept: {0}\nhint: the server writes to the app's folder: its `hooks`, `.boathook` and `boathook.lock`"
    )]
    Disk(String),
}

impl Deployer {
    /// For the app that runs. Records are kept in its folder.
    pub fn new(running: Arc<Running>) -> Self {
        let records = Records::of(&running.app().config.dir);
        Self { running, turn: Mutex::default(), records: Arc::new(records.into()) }
    }

    /// The set that runs.
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// Puts a component in the place of a hook, or beside the others if there is none of this name.
    /// `announced` is what the sender says that it sent. With `all`, hooks that change with it are lifted,
    /// too.
    ///
    /// # Errors
    /// Why it did not take over.
    pub async fn deploy(
        &self,
        hook: &str,
        component: Bytes,
        announced: &Digest,
        all: bool,
    ) -> Result<Deployed, DeployError> {
        let _turn = self.turn.lock().await;
        let (digest, kept) = self.keep(component, announced.clone()).await;
        let deployed = match kept {
            Ok(()) => self.replace(hook, &digest, all).await,
            Err(error) => Err(error),
        };
        let tried = Tried { action: "deploy", digest: Some(digest), ..Tried::default() };
        self.note(hook, tried, deployed.as_ref().err()).await;
        deployed
    }

    /// Puts back what a hook was: the one before, or the one whose digest begins like that. `all` is as in
    /// [`Self::deploy`].
    ///
    /// # Errors
    /// Why it did not take over.
    pub async fn roll_back(
        &self,
        hook: &str,
        to: Option<&str>,
        all: bool,
    ) -> Result<Deployed, DeployError> {
        let _turn = self.turn.lock().await;
        let app = self.running.app();
        let runs = app.hooks.iter().find(|running| **running.name() == *hook);
        let runs = runs.map(|running| Digest::from(running.found.digest));
        let (name, to) = (hook.to_owned(), to.map(str::to_owned));
        let earlier = self.records(move |records| {
            records
                .earlier(&name, runs.as_ref(), to.as_deref())
                .map_err(|why| DeployError::NoEarlier { hook: name, why })
        });
        let (digest, deployed) = match earlier.await.unwrap_or_else(|error| Err(disk(error))) {
            Ok(digest) => (Some(digest.clone()), self.replace(hook, &digest, all).await),
            Err(error) => (None, Err(error)),
        };
        let tried = Tried { action: "rollback", digest, ..Tried::default() };
        self.note(hook, tried, deployed.as_ref().err()).await;
        deployed
    }

    /// Changes how a hook runs, until that is taken back. `all` is as in [`Self::deploy`].
    ///
    /// # Errors
    /// Why that did not take over.
    pub async fn change(
        &self,
        hook: &str,
        change: Change,
        all: bool,
    ) -> Result<Replaced, DeployError> {
        let _turn = self.turn.lock().await;
        let changed = self.replace_with(hook, &change, all).await;
        let tried = Tried { action: change.name(), limits: change.limits(), ..Tried::default() };
        self.note(hook, tried, changed.as_ref().err()).await;
        changed
    }

    async fn replace_with(
        &self,
        name: &str,
        change: &Change,
        all: bool,
    ) -> Result<Replaced, DeployError> {
        let is_known = |app: &App| is_known(name, change, &names(app), &app.config.overrides);
        is_known(&self.running.app()).map_err(DeployError::NoHook)?;
        let read = |running: &App| {
            // It may have left before it was this one's turn.
            is_known(running)?;
            if matches!(change, Change::Limit(_)) && is_among(name, &running.disabled) {
                return Err(is_disabled(name).into());
            }
            let overrides = change.apply(name, &running.config);
            let components = Default::default();
            Ok((Config { overrides, components, ..running.config.clone() }, Problems::default()))
        };
        let last = async |lifted: Arc<App>| {
            let overrides = lifted.config.overrides.clone();
            let put = self.records(move |records| records.put_overrides(overrides));
            put.await.flatten().map_err(LiftError::Refused)
        };
        let extent = if all { Extent::All } else { Extent::Settings(name) };
        Ok(self.running.replace(read, extent, last).await?)
    }

    /// What a hook has been, the newest first.
    pub async fn history(&self, hook: &str) -> Vec<Digest> {
        let hook = hook.to_owned();
        let history = self.records(move |records| records.history(&hook));
        // One that cannot be read is told of when something is to be deployed.
        history.await.flatten().unwrap_or_default()
    }

    /// Keeps a component, if it is what was announced.
    async fn keep(&self, component: Bytes, announced: Digest) -> (Digest, Result<(), DeployError>) {
        let expected = announced.clone();
        let kept = self.records(move |records| {
            let digest = Digest::of(&component);
            let kept = match digest == expected {
                true => records.keep(&digest, &component).map_err(DeployError::Disk),
                false => Err(DeployError::NotAsAnnounced(digest.clone())),
            };
            (digest, kept)
        });
        kept.await.unwrap_or_else(|error| (announced, Err(disk(error))))
    }

    async fn replace(
        &self,
        name: &str,
        digest: &Digest,
        all: bool,
    ) -> Result<Deployed, DeployError> {
        let state = self.running.app().config.dir.clone();
        let kept = records::component(&state, digest);
        // The configuration as it was lifted: what has changed in the file since is not deployed with it.
        let read = |running: &App| {
            may_be_deployed(name, running)?;
            let components = [(name.to_owned(), kept.clone())].into();
            Ok((Config { components, ..running.config.clone() }, Problems::default()))
        };
        let extent = if all { Extent::All } else { Extent::Only(name) };
        let replaced =
            self.running.replace(read, extent, |app| self.put(name, digest, app)).await?;
        Ok(Deployed { digest: digest.clone(), replaced })
    }

    /// Puts a component that was lifted to where it was found to belong, and notes that.
    async fn put(&self, name: &str, digest: &Digest, lifted: Arc<App>) -> Result<(), LiftError> {
        let place = place(name, &lifted).map_err(Problems::from)?.to_owned();
        let (name, digest) = (name.to_owned(), digest.clone());
        let overrides = lifted.config.overrides.clone();
        let put = self.records(move |records| records.put(&name, &digest, &place, overrides));
        put.await.flatten().map_err(LiftError::Refused)
    }

    async fn note(&self, hook: &str, tried: Tried, error: Option<&DeployError>) {
        let tried = Tried { hook: hook.to_owned(), ..tried };
        let error = error.map(ToString::to_string);
        let noted = self.records(move |records| {
            records.forget_others();
            records.note(&tried, error.as_deref());
        });
        if let Err(error) = noted.await {
            tracing::error!("{error}");
        }
    }

    /// Does something with the records where waiting for the disk holds nobody up.
    async fn records<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Records) -> T + Send + 'static,
    ) -> Result<T, String> {
        let records = self.records.clone();
        let work = move || work(&mut records.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}

impl From<LiftError> for DeployError {
    fn from(error: LiftError) -> Self {
        match error {
            LiftError::Affects(hooks) => Self::Others(hooks),
            LiftError::Refused(error) => Self::Disk(error),
            error => Self::Lift(error),
        }
    }
}

fn disk(error: String) -> DeployError {
    DeployError::Disk(error)
}

/// Whether a hook of this name may be deployed into the set that runs.
fn may_be_deployed(name: &str, running: &App) -> Result<(), Problem> {
    if is_among(name, &running.disabled) {
        return Err(is_disabled(name));
    }
    if running.hooks.iter().any(|hook| **hook.name() == *name) {
        return place(name, running).map(drop);
    }
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if name.is_empty() || name.len() > 64 || !plain {
        return Err(problem("a new hook's name is up to 64 letters, digits, `-` and `_`"));
    }
    Ok(())
}

/// Where the component of a hook of this set lies, or is to lie: where the next start finds it.
fn place<'a>(name: &str, app: &'a App) -> Result<&'a Path, Problem> {
    let hook = app.hooks.iter().find(|hook| **hook.name() == *name);
    let place = &hook.ok_or_else(|| is_disabled(name))?.found.place;
    if !place.starts_with(&app.config.server.hooks_dir) {
        return Err(problem(format!(
            "hook `{name}`: it is installed from `{}`, which is not the app's to change",
            place.display()
        )));
    }
    Ok(place)
}

/// The names of all hooks of a set, disabled ones included.
fn names(app: &App) -> Vec<&str> {
    let hooks = app.hooks.iter().map(|hook| &**hook.name());
    hooks.chain(app.disabled.iter().map(String::as_str)).collect()
}

/// Whether this can be said of a hook of this name. Of one that has left, what was said can be taken back, and
/// nothing more be said: nobody could tell whether that is right.
fn is_known(
    name: &str,
    change: &Change,
    names: &[&str],
    overrides: &Overrides,
) -> Result<(), Problem> {
    let takes_back = matches!(change, Change::Enable | Change::Reset);
    if names.contains(&name) || (takes_back && overrides.contains_key(name)) {
        return Ok(());
    }
    let mut problem = problem(format!("there is no hook `{name}`"));
    problem.hint = match overrides.get(name) {
        Some(said) => {
            let back = said.taken_back_by(name);
            Some(format!("what {LOCK_FILE} says of it can be taken back: {back}"))
        }
        None => did_you_mean(name, names.iter().copied()),
    };
    Err(problem)
}

fn is_among(name: &str, disabled: &[String]) -> bool {
    disabled.iter().any(|disabled| disabled == name)
}

fn is_disabled(name: &str) -> Problem {
    problem(format!("hook `{name}` is disabled\nhint: `boathook enable {name}`"))
}
