//! Defines a hook that is to be tested: a component, and how it is compiled.

use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::{Case, TestError, run};
use crate::config::Grants;
use crate::hook::find::Found;
use crate::sandbox::{Cache, Compiler};

/// A hook that is to be tested.
#[derive(Debug)]
pub struct Hook {
    /// The component, or the folder that it lies in.
    pub(super) place: PathBuf,
    /// The component, where it lies elsewhere than in that folder.
    pub(super) component: Option<PathBuf>,
    /// The folder that paths of its grants and of its cases begin in.
    pub(super) folder: PathBuf,
    pub(super) name: String,
    pub(super) config_key: String,
    /// What its manifest asks for.
    pub(super) asks: Map<String, Value>,
    /// Whether its manifest asks for a limit of fuel.
    pub(super) is_fuelled: bool,
    pub(super) compiler: Arc<Compiler>,
    /// The app that it is lifted in: a folder that nothing is read from but what `grants.files` names.
    pub(super) app: TempDir,
}

impl Hook {
    /// Reads a hook: a component, or a folder with one and perhaps its `hook.toml`. It is compiled by the first
    /// case and kept for those that follow, until this is dropped.
    ///
    /// # Errors
    /// If there is no component, or its manifest is wrong.
    pub fn open(place: impl AsRef<Path>) -> Result<Self, TestError> {
        let app = folder()?;
        let cache = Cache::open(app.path()).ok();
        Self::of(place.as_ref(), None, Arc::new(Compiler { cache, ..Compiler::default() }), app)
    }

    /// The same, compiled in another way. `component` is taken in the place of the one in the folder `place`,
    /// which need not hold any; its `hook.toml` counts all the same.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(
        place: &Path,
        component: Option<&Path>,
        compiler: Arc<Compiler>,
    ) -> Result<Self, TestError> {
        Self::of(place, component, compiler, folder()?)
    }

    fn of(
        place: &Path,
        component: Option<&Path>,
        compiler: Arc<Compiler>,
        app: TempDir,
    ) -> Result<Self, TestError> {
        // The app lies elsewhere.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (place, component) = (real(place), component.map(real));
        let found = match &component {
            Some(component) => Found::in_place_of(&place, component),
            None => Found::alone(&place),
        };
        let found = found.map_err(TestError::Component)?;
        let folder = if place.is_dir() { Some(&*place) } else { place.parent() };
        let folder = folder.unwrap_or(&place).to_owned();
        let Grants(asks) = found.manifest.grants.unwrap_or_default();
        let is_fuelled = found.manifest.limits.fuel.is_some();
        let (name, config_key) = (found.name.to_string(), found.config_key);
        let hook =
            Self { place, component, folder, name, config_key, asks, is_fuelled, compiler, app };
        hook.lend(hook.asks.get("files"))?;
        Ok(hook)
    }

    /// Compiles it, so that no case has to wait for that. What is wrong with it each case tells.
    pub fn compile(&self) {
        let _ = run::prepare(&Case::new(""), self);
    }

    /// Has folders that a grant names be found in the app: those of the hook's own folder. A path that leads out
    /// of it is for the lift to refuse.
    pub(super) fn lend(&self, granted: Option<&Value>) -> Result<(), TestError> {
        let granted = granted.and_then(Value::as_array).into_iter().flatten();
        for file in granted.filter_map(Value::as_str) {
            let is_below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            let (lent, seen) = (self.folder.join(file), self.app.path().join(file));
            if Path::new(file).components().all(is_below) && lent.is_dir() && !seen.exists() {
                if let Some(parent) = seen.parent() {
                    std::fs::create_dir_all(parent).map_err(TestError::Folder)?;
                }
                symlink(&lent, &seen).map_err(TestError::Folder)?;
            }
        }
        Ok(())
    }

    /// The hook's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn folder() -> Result<TempDir, TestError> {
    tempfile::Builder::new().prefix("boathook-test-").tempdir().map_err(TestError::Folder)
}
