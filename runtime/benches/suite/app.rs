//! Writes the app folders of the cases, and starts what serves them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process::{Cores, Server, pinned};

/// Where the suite finds what it runs, and where it writes.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The folder of built programs: `boathook`, `boathook-twin`.
    pub(crate) programs: PathBuf,
    /// The bench's own folder: `hooks/`, `tools/`, `sails/`, `peers/`, `work/`.
    pub(crate) bench: PathBuf,
}

impl Places {
    /// A folder for this run's files.
    pub(crate) fn work(&self) -> PathBuf {
        self.bench.join("work")
    }
}

/// One hook of an app.
#[derive(Clone, Debug)]
pub(crate) struct HookOf {
    /// The hook among those of the bench.
    pub(crate) component: &'static str,
    /// Its name in the app.
    pub(crate) name: String,
    /// Further lines of its `hook.toml`.
    pub(crate) settings: &'static str,
}

/// An app: its hooks and its configuration.
#[derive(Clone, Debug)]
pub(crate) struct AppOf {
    pub(crate) hooks: Vec<HookOf>,
    /// `boathook.toml`.
    pub(crate) toml: String,
}

/// The app's own route behind the hooks: the body of every answer, and nothing else.
const HELLO: &str = "[[routes]]\naddress = 'GET /*'\nskip_assets = false\n\
                     respond = { status = 200, body = 'hello' }\n";

impl AppOf {
    /// An app with these hooks in front of one route that answers.
    pub(crate) fn new(hooks: Vec<HookOf>) -> Self {
        Self { hooks, toml: HELLO.into() }
    }

    /// An app with so many copies of a hook.
    pub(crate) fn copies(component: &'static str, count: usize) -> Self {
        Self::new(copies(component, count))
    }

    /// The same with another configuration.
    pub(crate) fn with_toml(self, toml: impl Into<String>) -> Self {
        Self { toml: toml.into(), ..self }
    }

    /// Writes its folder, anew.
    ///
    /// # Errors
    /// When a file cannot be written, or a hook has not been built.
    pub(crate) fn lay_out(&self, places: &Places, dir: &Path) -> Result<()> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
        // `listen` is there for all that serve this folder: any port that is free.
        let toml = format!("listen = '127.0.0.1:0'\n{}", self.toml);
        fs::write(dir.join("boathook.toml"), toml)?;
        for hook in &self.hooks {
            let built = places.bench.join(format!("hooks/{}.wasm", hook.component));
            let wasm = fs::read(&built)
                .with_context(|| format!("no hook `{}`: run `make bench`", built.display()))?;
            let folder = dir.join("hooks").join(&hook.name);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("hook.wasm"), distinct(wasm, &hook.name))?;
            let name = &hook.name;
            let toml = format!("manifest_version = 1\nname = '{name}'\n{}", hook.settings);
            fs::write(folder.join("hook.toml"), toml)?;
        }
        Ok(())
    }
}

/// So many copies of a hook, under names of their own.
pub(crate) fn copies(component: &'static str, count: usize) -> Vec<HookOf> {
    let name = |at| format!("{component}-{at:03}");
    (0..count).map(|at| HookOf { component, name: name(at), settings: "" }).collect()
}

/// One hook with lines of `hook.toml`.
pub(crate) fn one(component: &'static str, settings: &'static str) -> HookOf {
    HookOf { component, name: component.into(), settings }
}

/// Makes a component of its own of a copy, by a custom section with its name: copies with the same bytes
/// would share one entry of the cache, and be cheaper than hooks of different authors.
pub(crate) fn distinct(mut wasm: Vec<u8>, name: &str) -> Vec<u8> {
    const LABEL: &[u8] = b"copy";
    // Below 128 a length is one byte (LEB128), and names here are short.
    let length = u8::try_from(1 + LABEL.len() + name.len()).unwrap_or(0) & 0x7f;
    wasm.extend([0, length, LABEL.len() as u8]);
    wasm.extend_from_slice(LABEL);
    wasm.extend_from_slice(name.as_bytes());
    wasm
}

/// Starts `boathook serve` on a folder.
///
/// # Errors
/// If it does not lift.
pub(crate) fn boathook(
    places: &Places,
    dir: &Path,
    cores: Cores,
    arguments: &[&str],
) -> Result<Server> {
    let mut command = pinned(&places.programs.join("boathook"), cores);
    command.env("BOATHOOK_SECRET_SESSION", "a secret of the bench suite, and of nobody else");
    command.arg("serve").arg(dir).args(["--env", "production", "--log", "error"]).args(arguments);
    Server::start(command, &dir.join("server.log"))
}

/// Starts the native twin on a folder.
///
/// # Errors
/// If it does not lift.
pub(crate) fn twin(
    places: &Places,
    dir: &Path,
    cores: Cores,
    steps: usize,
    answers: bool,
) -> Result<Server> {
    let mut command = pinned(&places.programs.join("boathook-twin"), cores);
    command.arg(dir).arg(steps.to_string()).args(answers.then_some("answer"));
    Server::start(command, &dir.join("server.log"))
}
