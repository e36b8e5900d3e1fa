//! Builds hooks: runs the command that a hook's manifest gives, and puts what comes of it into place.
//!
//! The command belongs to the hook and runs with the user's rights, in a shell, as `make` would run it: it
//! is for those who write hooks, and no part of what a server runs.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Component::CurDir;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use std::{fs, io, mem, thread};

use super::files::{FileError, put, read_wasm};
use super::pack::{PackError, Section, pack};
use super::tools::{State, Tool};
use crate::config::{Problems, manifest};
use crate::hook::find::{Found, MANIFEST_FILE};
use crate::lift::{self, LiftError};
use crate::sandbox::Compiler;

/// What a hook's folder has in the end, whatever its language.
pub const COMPONENT: &str = crate::hook::find::COMPONENT_FILE;
/// How the folder of an app's hooks is called.
pub const HOOKS: &str = "hooks";
/// What commands are run by.
const SHELL: &str = "/bin/sh";
/// How long a command's output is waited for once it has ended. What it has left running may hold on to it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The most of a command's output that is kept, from its end: where a compiler says what is wrong.
const OUTPUT_MAX: usize = 64 << 10;

/// Where a command's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To standard error, as it comes.
    Shown,
    /// The same, and its end into [`BuildError::Failed::said`].
    ShownAndKept,
    /// Into the error, if the command fails.
    Kept,
}

/// A hook that was built.
#[derive(Debug)]
pub struct Built {
    /// The hook.
    pub hook: Found,
    /// How long it took.
    pub took: Duration,
    /// The app in whose folder it stands, if it stands in one.
    pub app: Option<PathBuf>,
}

/// Why there is nothing new.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nothing to build.
    #[error(
        "{}: holds neither a `{MANIFEST_FILE}` nor hooks with one\n\
         hint: `boathook new hello --lang rust` makes one, or name the hook's folder", .0.display()
    )]
    NoHook(PathBuf),
    /// It is not said how.
    #[error(
        "{}: does not say how the hook is built\n\
         hint: write `command = \"...\"` under `[build]`", .0.display()
    )]
    NoCommand(PathBuf),
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] Problems),
    /// What it would make would stand in the way.
    #[error(
        "{}: `output` is `{output}`: the folder would hold two `.wasm` files, it and `{COMPONENT}`, \
         and no server would load it\n\
         hint: write it to build/core.wasm", manifest.display()
    )]
    TwoComponents {
        /// The hook's manifest.
        manifest: PathBuf,
        /// What it says.
        output: String,
    },
    /// The shell itself could not be run.
    #[error("{}: `{SHELL}` cannot be run", folder.display())]
    NoShell {
        /// The hook's folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error("{}: `{command}`: {how}{output}{perhaps}", folder.display())]
    Failed {
        /// The hook's folder.
        folder: PathBuf,
        /// The command.
        command: String,
        /// How it ended.
        how: String,
        /// What it said, where that was kept and not shown.
        output: String,
        /// What it said, where that was kept and shown.
        said: String,
        /// What may be the reason, and what to type about it.
        perhaps: String,
    },
    /// It went well, and what it should have made is not there.
    #[error(
        "{}: the command has made no `{output}`\n\
         hint: `output` under `[build]` is the path of what it makes, from the hook's folder on",
        folder.display()
    )]
    NoOutput {
        /// The hook's folder.
        folder: PathBuf,
        /// What should be there.
        output: String,
    },
    /// What it made cannot become a hook.
    #[error("{}", path.display())]
    Pack {
        /// What it made.
        path: PathBuf,
        /// Why not.
        source: PackError,
    },
    /// The disk refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is a component, and no hook.
    #[error(transparent)]
    Load(#[from] LiftError),
}

/// The folders of hooks that a folder means: itself, if it is one, or all of an app's that say how they are
/// built.
///
/// # Errors
/// If there is none.
pub fn folders(dir: &Path) -> Result<Vec<PathBuf>, BuildError> {
    if dir.join(MANIFEST_FILE).is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(hooks_of(dir)).into_iter().flatten().flatten() {
        let folder = entry.path();
        // One that cannot be read is looked at, so that it is complained of.
        let says_how = read_manifest(&folder)
            .map_or(true, |(manifest, _)| manifest.build.is_some_and(|it| it.command.is_some()));
        if folder.join(MANIFEST_FILE).is_file() && says_how {
            found.push(folder);
        }
    }
    found.sort();
    if found.is_empty() { Err(BuildError::NoHook(dir.to_owned())) } else { Ok(found) }
}

/// Where the hooks of an app lie, whose folder or hooks' folder this is.
fn hooks_of(dir: &Path) -> PathBuf {
    // Without the `./` that a reader of messages has no use for.
    let hooks = if dir == Path::new(".") { PathBuf::from(HOOKS) } else { dir.join(HOOKS) };
    let is_itself = || dir.canonicalize().is_ok_and(|dir| dir.file_name() == Some(HOOKS.as_ref()));
    if !hooks.is_dir() && is_itself() { dir.to_owned() } else { hooks }
}

/// The command that builds the hook of a folder.
///
/// # Errors
/// If there is none.
pub fn command(folder: &Path) -> Result<String, BuildError> {
    let (manifest, _) = read_manifest(folder)?;
    let command = manifest.build.and_then(|build| build.command);
    command.ok_or_else(|| BuildError::NoCommand(folder.join(MANIFEST_FILE)))
}

/// What the hook of a folder is called, as far as can be told before it is built: as its manifest says, or its
/// component, or the folder.
pub fn name(folder: &Path) -> String {
    let manifest = read_manifest(folder).ok().and_then(|(manifest, _)| manifest.name);
    let component = || Found::alone(folder).ok().map(|hook| hook.name.to_string());
    let of_folder = || folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    manifest.or_else(component).unwrap_or_else(of_folder)
}

/// Builds the hook of a folder, and checks that a server could load it.
///
/// # Errors
/// If something is missing, the command fails, or what it makes is no hook.
pub fn build(folder: &Path, compiler: &Arc<Compiler>, output: Output) -> Result<Built, BuildError> {
    let begun = Instant::now();
    let command = command(folder)?;
    check_output(folder)?;
    run(&command, folder, output)?;
    let hook = match packed(folder)? {
        Some(component) => {
            // What stands in its place stays there until this one is known to be good.
            let here = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
            lift::try_load(&Found::unwritten(&here, component.clone())?, compiler)?;
            put(&folder.join(COMPONENT), &component)?;
            Found::alone(folder)?
        }
        None => {
            let hook = Found::alone(folder)?;
            lift::try_load(&hook, compiler)?;
            hook
        }
    };
    Ok(Built { hook, took: begun.elapsed(), app: app_of(folder) })
}

/// The app in whose hooks' folder a folder stands.
pub fn app_of(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let hooks = folder.parent()?;
    (hooks.file_name()? == HOOKS).then(|| hooks.parent().map(Path::to_owned))?
}

fn read_manifest(folder: &Path) -> Result<(manifest::Manifest, String), BuildError> {
    let path = folder.join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BuildError::NoHook(folder.to_owned()),
        _ => FileError::reading(&path, error).into(),
    })?;
    Ok((manifest::parse(&text, &path.display().to_string())?, text))
}

/// Refuses, before the command runs, to have a second `.wasm` file in the folder.
fn check_output(folder: &Path) -> Result<(), BuildError> {
    let (manifest, _) = read_manifest(folder)?;
    let Some(output) = manifest.build.and_then(|build| build.output) else { return Ok(()) };
    let path: PathBuf = Path::new(&output).components().filter(|part| *part != CurDir).collect();
    let is_beside = path.components().count() == 1;
    if is_beside && path.extension() == Some("wasm".as_ref()) && path != Path::new(COMPONENT) {
        let manifest = folder.join(MANIFEST_FILE);
        return Err(BuildError::TwoComponents { manifest, output });
    }
    Ok(())
}

/// What may be the reason for a command to fail: a shell only says that something is not found. It is asked
/// afterwards alone, as a command may well bring its own tools.
fn perhaps(command: &str, folder: &Path) -> String {
    let mut reasons = String::new();
    for tool in Tool::of_command(command) {
        let name = tool.name;
        let what = match tool.look(folder) {
            State::Found(_) => continue,
            State::Missing => format!("`{name}` is not installed"),
            State::Failing(said) => format!("`{name}` does not work: {said}"),
            State::Old(said, [major, minor]) => {
                format!("`{name}` is too old: {said}, and {major}.{minor} is needed")
            }
        };
        let _ = write!(reasons, "\nperhaps {what}\nhint: {}", tool.fix);
    }
    reasons
}

fn run(command: &str, folder: &Path, output: Output) -> Result<(), BuildError> {
    let no_shell = |source| BuildError::NoShell { folder: folder.to_owned(), source };
    let mut shell = Command::new(SHELL);
    // Standard output is ours: what was asked for goes there.
    shell.args(["-c", command]).current_dir(folder).stdin(Stdio::null());
    let (status, all) = match output {
        Output::Shown => {
            let status = shell.stdout(io::stderr()).stderr(io::stderr()).status();
            (status.map_err(no_shell)?, String::new())
        }
        Output::ShownAndKept => {
            keep_colours(&mut shell);
            kept(&mut shell, Some(io::stderr())).map_err(no_shell)?
        }
        Output::Kept => kept(&mut shell, None).map_err(no_shell)?,
    };
    if status.success() {
        return Ok(());
    }
    Err(BuildError::Failed {
        folder: folder.to_owned(),
        command: in_one_line(command),
        how: how(status),
        output: if output == Output::Kept { format!("\n{all}") } else { String::new() },
        said: if output == Output::ShownAndKept { all } else { String::new() },
        perhaps: match perhaps(command, folder) {
            none if none.is_empty() && is_missing(status) => {
                "\nhint: `boathook doctor` says what is installed".to_owned()
            }
            reasons => reasons,
        },
    })
}

/// A command for people to read.
pub fn in_one_line(command: &str) -> String {
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Has compilers write colours though they write to us, where we show them on a terminal and nobody has said
/// anything else.
fn keep_colours(shell: &mut Command) {
    if !io::stderr().is_terminal() {
        return;
    }
    for (name, value) in [("CARGO_TERM_COLOR", "always"), ("FORCE_COLOR", "1")] {
        if std::env::var_os(name).is_none() && std::env::var_os("NO_COLOR").is_none() {
            shell.env(name, value);
        }
    }
}

/// Runs a command to its end and keeps the end of what it says, on either channel, in its order; and shows
/// it as it comes, if there is somewhere to.
fn kept(shell: &mut Command, mut shown: Option<io::Stderr>) -> io::Result<(ExitStatus, String)> {
    let (mut reader, writer) = io::pipe()?;
    let mut child = shell.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds the ends that are written to, and must be the last to do so.
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    let said = Arc::new(Mutex::new(Vec::new()));
    let (whole, is_whole) = mpsc::channel();
    let end = said.clone();
    thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(length @ 1..) = io::Read::read(&mut reader, &mut piece) {
            if let Some(shown) = &mut shown {
                // A terminal that is gone is no reason not to build.
                let _ = io::Write::write_all(shown, &piece[..length]);
            }
            let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
            end.extend(&piece[..length]);
            let surplus = end.len().saturating_sub(OUTPUT_MAX);
            end.drain(..surplus);
        }
        let _ = whole.send(());
    });
    let status = child.wait()?;
    let _ = is_whole.recv_timeout(LAST_WORDS);
    let said = mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((status, String::from_utf8_lossy(&said).trim_end().to_owned()))
}

/// Whether the shell has not found what it was to run.
fn is_missing(status: ExitStatus) -> bool {
    matches!(status.code(), Some(126 | 127))
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(_) if is_missing(status) => {
            "a program that it calls is not there, or is none".to_owned()
        }
        Some(code) => format!("failed with exit code {code}"),
        None => format!("was ended: {status}"),
    }
}

/// What the command has made as a component with the manifest in it; none where the command names no output,
/// and has put the component into the folder itself.
fn packed(folder: &Path) -> Result<Option<Vec<u8>>, BuildError> {
    // Read again: the command may have written it.
    let (manifest, text) = read_manifest(folder)?;
    let Some(output) = manifest.build.and_then(|build| build.output) else { return Ok(None) };
    let path = folder.join(&output);
    if !path.is_file() {
        return Err(BuildError::NoOutput { folder: folder.to_owned(), output });
    }
    let label = folder.join(MANIFEST_FILE).display().to_string();
    let section = Section { manifest: Some((&label, &text)), name: None };
    let packed = pack(&read_wasm(&path)?, section);
    packed.map(Some).map_err(|source| BuildError::Pack { path, source })
}
