//! Defines a hook that is to be tested: a component, and how it is compiled.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
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
    pub(super) name: String,
    pub(super) config_key: String,
    /// What its manifest asks for.
    pub(super) asks: Map<String, Value>,
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
        Self::of(place.as_ref(), Arc::new(Compiler { cache, ..Compiler::default() }), app)
    }

    /// The same, compiled in another way.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(place: &Path, compiler: Arc<Compiler>) -> Result<Self, TestError> {
        Self::of(place, compiler, folder()?)
    }

    fn of(place: &Path, compiler: Arc<Compiler>, app: TempDir) -> Result<Self, TestError> {
        // The app lies elsewhere.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        let found = Found::alone(&place).map_err(TestError::Component)?;
        let Grants(asks) = found.manifest.grants.unwrap_or_default();
        lend_files(&place, &asks, app.path())?;
        let (name, config_key) = (found.name.to_string(), found.config_key);
        Ok(Self { place, name, config_key, asks, compiler, app })
    }

    /// Compiles it, so that no case has to wait for that. What is wrong with it each case tells.
    pub(super) fn compile(&self) {
        let _ = run::prepare(&Case::new(""), self);
    }

    /// The hook's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn folder() -> Result<TempDir, TestError> {
    tempfile::Builder::new().prefix("boathook-test-").tempdir().map_err(TestError::Folder)
}

/// Has folders that a hook asks for be found in the app: those of the hook's own folder.
fn lend_files(place: &Path, asks: &Map<String, Value>, app: &Path) -> Result<(), TestError> {
    let files = asks.get("files").and_then(Value::as_array);
    for file in files.into_iter().flatten().filter_map(Value::as_str) {
        let (lent, seen) = (place.join(file), app.join(file));
        if Path::new(file).is_relative() && lent.is_dir() && !seen.exists() {
            if let Some(parent) = seen.parent() {
                std::fs::create_dir_all(parent).map_err(TestError::Folder)?;
            }
            symlink(&lent, &seen).map_err(TestError::Folder)?;
        }
    }
    Ok(())
}
