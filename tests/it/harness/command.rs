//! Runs a command of `boathook` to its end, in a folder made of a fixture.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::fixture::Fixture;
use super::{App, component};

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `boathook`, without what the environment might tell it.
pub(crate) fn boathook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boathook"));
    let ours = |name: &str| name.to_ascii_uppercase().starts_with("BOATHOOK_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

impl Ran {
    /// Runs a command in the folder of a fixture: `{dir}` in the arguments is that folder.
    #[track_caller]
    pub(crate) fn of(fixture: &str, args: &[&str]) -> Self {
        let fixture = Fixture::parse(fixture);
        let dir = TempDir::new().expect("a temporary folder");
        let shown = dir.path().display().to_string();
        lay_out(dir.path(), &fixture, |text| text.replace("{dir}", &shown));
        let mut command = boathook();
        command.args(args.iter().map(|arg| arg.replace("{dir}", &shown)));
        Self::run(command.envs(fixture.env.iter().cloned()))
    }

    /// Runs a command in the folder of an app that runs.
    #[track_caller]
    pub(crate) fn beside(app: &App, args: &[&str]) -> Self {
        let shown = app.folder().display().to_string();
        Self::run(boathook().args(args.iter().map(|arg| arg.replace("{dir}", &shown))))
    }

    /// Runs a command where this process is.
    #[track_caller]
    pub(crate) fn now(args: &[&str]) -> Self {
        Self::run(boathook().args(args))
    }

    #[track_caller]
    fn run(command: &mut Command) -> Self {
        let output = command.output().expect("the command can be run");
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Writes the files of a fixture.
pub(super) fn lay_out(dir: &Path, fixture: &Fixture, fill: impl Fn(&str) -> String) {
    let write = |path: PathBuf, bytes: &[u8]| {
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(&path, bytes).expect("a file can be written");
    };
    for (path, text) in &fixture.files {
        let text = fill(text);
        let parts: Vec<&[u8]> = text.split("{not utf-8}").map(str::as_bytes).collect();
        write(dir.join(path), &parts.join(&b"\xff"[..]));
    }
    for hook in &fixture.hooks {
        let hooks = dir.join("hooks");
        if let Some(path) = &hook.path {
            write(dir.join(path), &component(&hook.guest));
            continue;
        }
        match &hook.manifest {
            Some(manifest) => {
                let folder = hooks.join(&hook.name);
                write(folder.join("hook.toml"), manifest.as_bytes());
                write(folder.join(format!("{}.wasm", hook.guest)), &component(&hook.guest));
            }
            None => write(hooks.join(format!("{}.wasm", hook.name)), &component(&hook.guest)),
        }
    }
}
