//! Deploys a component into the app that runs: keeps it, lifts it beside the running set, and puts it into the
//! hooks' folder once it has taken over.
//!
//! The hooks' folder stays the truth: a start reads it and nothing else. It is changed by one rename, after
//! the new hook was lifted and before it takes over; a process that is killed at any moment leaves the old
//! component there, or the new one that had lifted. What a hook was before is kept beside it
//! (`records`), so that a rollback is a deploy of that.

mod records;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::config::{Config, Problem, Problems};
use crate::hook::Hook;
use crate::hook::find::problem;
use crate::lift::LiftError;
use crate::running::{Extent, Replaced, Running};
pub use records::Digest;
use records::Records;

/// The largest component that is taken: four times what the tools of big languages make.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// Deploys into one running app, one thing at a time.
#[derive(Debug)]
pub struct Deployer {
    running: Arc<Running>,
    records: Mutex<Records>,
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
    /// Other hooks would change, too.
    #[error("it would lift others, too: {}\nhint: `--all` does", crate::host::list(.0))]
    Others(Vec<Arc<str>>),
    /// It did not lift.
    #[error("it did not lift:\n{0}")]
    Lift(LiftError),
    /// It could not be written where it belongs.
    #[error("it cannot be kept: {0}")]
    Disk(String),
}

impl Deployer {
    /// For the app that runs. Records are kept in its folder.
    pub fn new(running: Arc<Running>) -> Self {
        let records = Records::of(&running.app().config.dir);
        Self { running, records: Mutex::new(records) }
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
        component: &[u8],
        announced: &Digest,
        all: bool,
    ) -> Result<Deployed, DeployError> {
        let mut records = self.records.lock().await;
        let digest = Digest::of(component);
        let deployed = match digest == *announced {
            false => Err(DeployError::NotAsAnnounced(digest.clone())),
            true => match records.keep(component) {
                Ok(()) => self.replace(&mut records, hook, &digest, all).await,
                Err(error) => Err(DeployError::Disk(error)),
            },
        };
        records.note("deploy", hook, &digest, &deployed);
        deployed
    }

    /// Puts back what a hook was: the one before, or the one whose digest begins like that.
    ///
    /// # Errors
    /// Why it did not take over.
    pub async fn roll_back(&self, hook: &str, to: Option<&str>) -> Result<Deployed, DeployError> {
        let mut records = self.records.lock().await;
        let digest = records.earlier(hook, to).map_err(|why| {
            let hook = hook.to_owned();
            DeployError::NoEarlier { hook, why }
        })?;
        let deployed = self.replace(&mut records, hook, &digest, false).await;
        records.note("rollback", hook, &digest, &deployed);
        deployed
    }

    /// What a hook has been, the newest first.
    pub async fn history(&self, hook: &str) -> Vec<Digest> {
        self.records.lock().await.history(hook).to_vec()
    }

    async fn replace(
        &self,
        records: &mut Records,
        name: &str,
        digest: &Digest,
        all: bool,
    ) -> Result<Deployed, DeployError> {
        let app = self.running.app();
        let old = app.hooks.iter().find(|hook| **hook.name() == *name);
        let place = place(name, old, &app.config).map_err(lift)?;
        let kept = records.component(digest);
        // The configuration as it was lifted: what has changed in the file since is not deployed with it.
        let components = [(name.to_owned(), kept.clone())].into();
        let config = Config { components, ..app.config.clone() };
        let read = || Ok((config.clone(), Problems::default()));
        let extent = if all { Extent::All } else { Extent::Only(name) };
        let put = || {
            let before = std::fs::read(&place).ok();
            let undo = records.served(name, before.as_deref(), digest)?;
            records::put(&kept, &place).inspect_err(|_| records.undo(undo))
        };
        let replaced = self.running.replace(read, extent, put).await;
        let replaced = replaced.map_err(|error| match error {
            LiftError::Affects(hooks) => DeployError::Others(hooks),
            LiftError::Refused(error) => DeployError::Disk(error),
            error => DeployError::Lift(error),
        })?;
        records.forget_others();
        Ok(Deployed { digest: digest.clone(), replaced })
    }
}

fn lift(problem: Problem) -> DeployError {
    DeployError::Lift(LiftError::Problems(problem.into()))
}

/// Where the component of a hook lies, or is to lie.
fn place(name: &str, old: Option<&Arc<Hook>>, config: &Config) -> Result<PathBuf, Problem> {
    let folder = &config.server.hooks_dir;
    if let Some(old) = old {
        let place = &old.found.place;
        if !place.starts_with(folder) {
            return Err(problem(format!(
                "hook `{name}`: it is installed from `{}`, which is not the app's to change",
                place.display()
            )));
        }
        return Ok(place.clone());
    }
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if name.is_empty() || name.len() > 64 || !plain {
        let text = "a new hook's name is up to 64 letters, digits, `-` and `_`";
        return Err(problem(text));
    }
    Ok(folder.join(Path::new(name).with_extension("wasm")))
}
