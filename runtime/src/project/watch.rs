//! Sees what has changed in an app's folder, by looking at it again and again: names, sizes and times of files.
//!
//! That is slower than being told by the kernel, and works on every disk, in containers and over networks. A
//! look at some hundred files takes a millisecond. What tools leave behind is passed over: hidden files, and
//! folders such as `target` and `node_modules`.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::build::{COMPONENT, HOOKS, folders};
use crate::config::manifest;
use crate::hook::find::MANIFEST_FILE;

/// Folders of tools, in which nobody writes by hand.
const TOOLS: &[&str] = &["target", "node_modules", "build", "dist", "__pycache__", "zig-cache"];
/// Files that one hook's folder is watched for. Beyond it changes are not seen.
const FILES_MAX: usize = 5_000;

/// What an app looked like at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// What `serve` reads: configuration, components, manifests.
    app: u64,
    /// What hooks are built of, by folder.
    sources: BTreeMap<PathBuf, u64>,
}

impl Look {
    /// Looks at an app's folder.
    pub fn at(dir: &Path) -> Self {
        let mut app = DefaultHasher::new();
        for file in read(dir).into_iter().filter(|path| is_configuration(path)) {
            note(&file, &mut app);
        }
        for path in read(&dir.join(HOOKS)) {
            let files = if path.is_dir() { read(&path) } else { vec![path] };
            let is_read = |path: &&PathBuf| is_component(path) || path.ends_with(MANIFEST_FILE);
            files.iter().filter(is_read).for_each(|file| note(file, &mut app));
        }
        let sources = built(dir).into_iter().map(|folder| {
            let mut hasher = DefaultHasher::new();
            sources(&folder).iter().for_each(|(file, _)| note(file, &mut hasher));
            (folder, hasher.finish())
        });
        Self { app: app.finish(), sources: sources.collect() }
    }

    /// The folders of hooks whose sources are others than in an earlier look.
    pub fn to_build(&self, before: &Self) -> Vec<PathBuf> {
        let differs = |(folder, seen): &(&PathBuf, &u64)| before.sources.get(*folder) != Some(seen);
        self.sources.iter().filter(differs).map(|(folder, _)| folder.clone()).collect()
    }

    /// Whether a folder is that of a hook that says how it is built.
    pub fn has(&self, folder: &Path) -> bool {
        self.sources.contains_key(folder)
    }

    /// Whether what `serve` reads is other than in an earlier look.
    pub fn is_another_app(&self, before: &Self) -> bool {
        self.app != before.app
    }
}

/// The folders of hooks that are not built, or whose sources are newer than what was built of them.
pub fn stale(dir: &Path) -> Vec<PathBuf> {
    let is_stale = |folder: &PathBuf| {
        let component = folder.join(COMPONENT);
        match fs::metadata(&component).and_then(|file| file.modified()) {
            Ok(built) => sources(folder).iter().any(|(_, time)| *time > built),
            // A command may put its component under another name, and then knows itself what is stale.
            Err(_) => !read(folder).iter().any(|path| is_component(path)),
        }
    };
    built(dir).into_iter().filter(is_stale).collect()
}

/// The folders of an app's hooks that say how they are built.
fn built(dir: &Path) -> Vec<PathBuf> {
    folders(dir).unwrap_or_default()
}

/// What a hook is built of, with times: what its manifest says to watch, or all that is in its folder.
fn sources(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let label = folder.join(MANIFEST_FILE);
    let text = fs::read_to_string(&label).unwrap_or_default();
    let build = manifest::parse(&text, &label.display().to_string()).ok().and_then(|it| it.build);
    let (watch, output) = build.map(|build| (build.watch, build.output)).unwrap_or_default();
    let mut places: Vec<PathBuf> = watch.iter().map(|path| folder.join(path)).collect();
    if places.is_empty() {
        places.push(folder.to_owned());
    }
    let output = output.map(|output| folder.join(output));
    let mut found = vec![];
    while let Some(place) = places.pop() {
        if found.len() >= FILES_MAX {
            break;
        }
        let Ok(about) = fs::metadata(&place) else { continue };
        if about.is_dir() {
            places.extend(read(&place).into_iter().filter(|path| !is_of_a_tool(path)));
        } else if !is_component(&place) && Some(&place) != output.as_ref() {
            found.push((place, time(&about)));
        }
    }
    found.sort();
    found
}

fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("boathook.") && name.ends_with(".toml")
}

fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

fn is_of_a_tool(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    TOOLS.contains(&&*name)
}

/// What is in a folder and not hidden, by name.
fn read(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Notes which file it is and what it looks like.
fn note(file: &Path, hasher: &mut DefaultHasher) {
    file.hash(hasher);
    if let Ok(about) = fs::metadata(file) {
        (about.len(), time(&about)).hash(hasher);
    }
}

fn time(about: &Metadata) -> SystemTime {
    about.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "manifest_version = 1\n[build]\ncommand = \"true\"\noutput = \"out.wasm\"\n";

    fn app() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "boathook.toml", "");
        write(dir.path(), "hooks/a/hook.toml", MANIFEST);
        write(dir.path(), "hooks/a/src/lib.rs", "one");
        dir
    }

    fn write(dir: &Path, path: &str, text: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_source_that_changed_is_a_hook_to_be_built_and_no_other_app() {
        let dir = app();
        let before = Look::at(dir.path());
        write(dir.path(), "hooks/a/src/lib.rs", "another");
        let now = Look::at(dir.path());
        assert_eq!(now.to_build(&before), [dir.path().join("hooks/a")]);
        assert!(!now.is_another_app(&before));
    }

    #[test]
    fn configuration_and_components_are_the_app_and_no_sources() {
        let dir = app();
        for path in
            ["boathook.toml", "boathook.production.toml", "hooks/a/hook.wasm", "hooks/b.wasm"]
        {
            let before = Look::at(dir.path());
            write(dir.path(), path, "# another");
            let now = Look::at(dir.path());
            assert!(now.is_another_app(&before), "{path}");
            assert!(now.to_build(&before).is_empty(), "{path}");
        }
    }

    #[test]
    fn what_tools_leave_behind_is_passed_over() {
        let dir = app();
        let before = Look::at(dir.path());
        for path in ["target/x", "node_modules/x/index.js", ".git/HEAD", "out.wasm", "build/x"] {
            write(dir.path(), &format!("hooks/a/{path}"), "x");
        }
        write(dir.path(), ".boathook/cache/x", "x");
        write(dir.path(), "boathook.lock", "x");
        assert!(Look::at(dir.path()).to_build(&before).is_empty());
    }

    #[test]
    fn a_hook_is_stale_until_it_is_built_and_when_a_source_is_newer() {
        let dir = app();
        let folder = dir.path().join("hooks/a");
        assert_eq!(stale(dir.path()), std::slice::from_ref(&folder));
        write(dir.path(), "hooks/a/hook.wasm", "");
        assert!(stale(dir.path()).is_empty());
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        let source = fs::File::options().write(true).open(folder.join("src/lib.rs")).unwrap();
        source.set_modified(later).unwrap();
        assert_eq!(stale(dir.path()), [folder]);
    }
}
