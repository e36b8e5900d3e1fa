//! Finds an app's hooks and works out what each of them is: name, order, mode, limits.
//!
//! Nothing is compiled here and nothing runs. Everything that is wrong with any hook is gathered.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::order::{Node, OrderError, order};
use super::{Facts, Reach, SECTION, Wasm};
use crate::config::{
    Config, DISABLED, HookSettings, Installed, LOCK_FILE, Limits, Manifest, Mode, OnFailure,
    Origin, PartialLimits, Problem, Problems, manifest,
};
use crate::fetch::Grants;
use crate::tasks::Tick;

/// How the manifest beside a component is called.
pub const MANIFEST_FILE: &str = "hook.toml";
/// What a component is called that `build` makes in its hook's folder.
pub const COMPONENT_FILE: &str = "hook.wasm";

/// A hook that is to be lifted, and has not been compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its name.
    pub name: Arc<str>,
    /// Where the component was read from.
    pub path: PathBuf,
    /// Where the hook's component lies: the same, but for one on trial.
    pub place: PathBuf,
    /// The component.
    pub wasm: Wasm,
    /// SHA-256 of the component.
    pub digest: [u8; 32],
    /// What the component says of itself.
    pub facts: Facts,
    /// Its manifest: the component's own, `hook.toml` over it.
    pub manifest: Manifest,
    /// The root key of its settings.
    pub config_key: String,
    /// The hooks it comes after; the operator's word over the manifest's.
    pub after: Vec<String>,
    /// How its instances are used; the same.
    pub mode: Mode,
    /// What each of its calls may use; the same, for each limit.
    pub limits: Limits,
    /// What becomes of a request on which it fails: the operator's word alone.
    pub on_failure: OnFailure,
    /// Whether it may go through its lifecycle for every request.
    pub replay: bool,
    /// When it is called without anybody asking.
    pub ticks: Vec<Tick>,
    /// What it may fetch: the operator's word alone.
    pub fetch: Grants,
    /// The secrets, variables and folders that it may read.
    pub reach: Reach,
}

/// All hooks of an app, in hook order, and the names of those that are disabled.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Those to be lifted.
    pub found: Vec<Found>,
    /// Those that the operator switched off.
    pub disabled: Vec<String>,
    /// Config keys of those that are there and not among the found: their settings are no mistake.
    pub other_keys: Vec<String>,
}

/// A place where a hook may lie.
struct Place {
    /// The file, or the folder that holds it.
    path: PathBuf,
    /// The name that it has where neither manifest nor operator gives another.
    fallback: String,
    installed: Option<Installed>,
}

impl Place {
    /// Why there is no hook in it.
    fn failed(&self, text: &str) -> Problems {
        let mut problem = problem(format!("hook `{}`: load: {text}", self.fallback));
        problem.origin = self.installed.as_ref().map(|installed| installed.origin.clone());
        Problems(vec![problem])
    }
}

/// A component as it was read.
struct Read {
    path: PathBuf,
    place: PathBuf,
    /// The folder that is the hook's alone, if it has one.
    folder: Option<PathBuf>,
    wasm: Wasm,
    facts: Facts,
    manifest: Manifest,
}

/// Finds the hooks of an app, and everything that is wrong with any of them. Those that are found
/// whole are returned all the same, so that what is wrong inside of them is found in the same go.
pub fn find(config: &mut Config) -> (Hooks, Problems) {
    let mut problems = Vec::new();
    let mut hooks = Hooks::default();
    let mut places = in_folder(&config.server.hooks_dir, &mut problems);
    places.extend(config.installed.iter().map(|(package, installed)| Place {
        path: installed.path.clone(),
        fallback: Installed::name_of_package(package).to_owned(),
        installed: Some(installed.clone()),
    }));

    // Names come first: settings that an environment variable spells loosely find their hook by them.
    let (mut named, mut tried) = (Vec::new(), BTreeSet::new());
    for place in places {
        let mut read = read(&place, None);
        let given = place.installed.as_ref().and_then(|installed| installed.name.clone());
        let own = read.as_ref().ok().and_then(|read| read.manifest.name.clone());
        let name = given.or(own).unwrap_or_else(|| place.fallback.clone());
        if let Some(trial) = config.components.get(&name) {
            read = self::read(&place, Some(trial)).and_then(|read| is_called(read, &place, &name));
            tried.insert(name.clone());
        }
        named.push((name, place, read));
    }
    for (name, trial) in config.components.iter().filter(|(name, _)| !tried.contains(*name)) {
        let path = config.server.hooks_dir.join(format!("{name}.wasm"));
        let place = Place { path, fallback: name.clone(), installed: None };
        let read = read(&place, Some(trial)).and_then(|read| is_called(read, &place, name));
        named.push((name.clone(), place, read));
    }
    let names: Vec<String> = named.iter().map(|(name, ..)| name.clone()).collect();
    if let Err(found) = config.know_hooks(&names) {
        problems.extend(found.0);
    }
    for (name, said) in config.overrides.iter().filter(|(name, _)| !names.contains(name)) {
        let back = said.taken_back_by(name);
        tracing::warn!(
            "{LOCK_FILE} says something of `{name}`, and there is no such hook: {back} takes it back"
        );
    }
    let mut unread = BTreeSet::new();
    for (name, place, read) in named {
        let settings = config.hook(&name);
        let installed_key = place.installed.and_then(|installed| installed.config_key);
        let operators_key = settings.config_key.clone().or(installed_key);
        let own_key = read.as_ref().ok().and_then(|read| read.manifest.config_key.clone());
        let config_key = operators_key.or(own_key).unwrap_or_else(|| name.clone());
        if !settings.enabled {
            tracing::info!("hook `{name}` is disabled");
            hooks.disabled.push(name);
            hooks.other_keys.push(config_key);
            continue;
        }
        match read {
            Ok(read) => {
                let grants = settings.grants.clone().unwrap_or_default();
                let own = read.folder.as_deref();
                let reach = Reach::resolve(&name, own, &grants, config, &mut problems);
                let found = Found::new(name, config_key, read, &settings, config);
                hooks.found.push(Found { reach, ..found });
            }
            Err(found) => {
                problems.extend(found.0);
                unread.insert(loose(&name));
                hooks.other_keys.extend([config_key.replace('_', "-"), config_key]);
            }
        }
    }
    problems.extend(duplicates(&hooks.found));
    let disabled: BTreeSet<String> = hooks.disabled.iter().cloned().collect();
    let nodes: Vec<Node<'_>> =
        hooks.found.iter().map(|hook| Node { name: &hook.name, after: &hook.after }).collect();
    match order(&nodes, &disabled) {
        Ok(order) => hooks.found = order.into_iter().map(|at| hooks.found[at].clone()).collect(),
        // A hook that could not be read is missed by those after it: one mistake, one problem.
        Err(errors) => problems.extend(
            errors
                .iter()
                .filter(|error| match error {
                    OrderError::Unknown { after, .. } => !unread.contains(&loose(after)),
                    _ => true,
                })
                .map(|error| unordered(error, config)),
        ),
    }
    (hooks, Problems(problems))
}

/// What keeps hooks from being put in order, and whether it was said while the server ran.
fn unordered(error: &OrderError, config: &Config) -> Problem {
    let OrderError::Disabled { hook, after } = error else { return problem(error) };
    if !config.is_disabled_for_now(after) {
        return problem(error);
    }
    Problem {
        message: format!("hook `{hook}`: `after` names `{after}`, which is disabled"),
        origin: Some(Origin::Lock { command: DISABLED, hook: after.as_str().into() }),
        hint: Some(format!("disable `{hook}` as well")),
    }
}

impl Found {
    /// All there is to tell one from another, without the component itself.
    pub fn identity(&self) -> Self {
        Self { wasm: Wasm::default(), path: PathBuf::new(), ..self.clone() }
    }

    /// A hook as it would run with these settings in this app.
    fn new(
        name: String,
        config_key: String,
        read: Read,
        settings: &HookSettings,
        config: &Config,
    ) -> Self {
        let Read { path, place, wasm, facts, manifest, .. } = read;
        let all = &config.server.limits.hooks;
        Self {
            config_key,
            after: settings.after.clone().or(manifest.after.clone()).unwrap_or_default(),
            mode: settings.mode.or(manifest.mode).unwrap_or_default(),
            limits: Limits {
                exchange: config.server.limits.exchange,
                ..Limits::resolve(all, &manifest.limits, &settings.limits)
            },
            on_failure: settings.on_failure.unwrap_or_default(),
            replay: settings.replay.or(manifest.replay).unwrap_or_default(),
            ticks: settings.ticks.clone().or(manifest.ticks.clone()).unwrap_or_default(),
            fetch: settings.grants.as_ref().map(|grants| grants.fetch()).unwrap_or_default(),
            reach: Reach::default(),
            name: name.into(),
            path,
            place,
            digest: *wasm.digest(),
            wasm,
            facts,
            manifest,
        }
    }

    /// Reads a single component outside of any app, for `boathook inspect`: what it says of itself,
    /// and what would hold if nobody said anything else. The path may be that of the hook's folder.
    ///
    /// # Errors
    /// If it cannot be read or is no component.
    pub fn alone(path: &Path) -> Result<Self, Problems> {
        // `.` and `..` are names of folders too.
        let named = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let fallback = if path.is_dir() { file_name(&named) } else { stem(&named) };
        let place = Place { path: path.to_owned(), fallback, installed: None };
        Ok(Self::of(read(&place, None)?, place.fallback))
    }

    /// The same for a component that is to be taken in the place of the one in its hook's folder, which need not
    /// hold any.
    ///
    /// # Errors
    /// The same.
    pub fn in_place_of(folder: &Path, component: &Path) -> Result<Self, Problems> {
        let place = Place { path: folder.to_owned(), fallback: file_name(folder), installed: None };
        Ok(Self::of(read(&place, Some(&component.to_owned()))?, place.fallback))
    }

    /// The same for a component that is not written yet; the path is where it will be.
    ///
    /// # Errors
    /// If it is no component.
    pub fn unwritten(path: &Path, wasm: Vec<u8>) -> Result<Self, Problems> {
        let place = Place { path: path.to_owned(), fallback: stem(path), installed: None };
        let read = understand(&place, path.to_owned(), None, &wasm)?;
        Ok(Self::of(Read { wasm: Wasm::held(wasm), ..read }, place.fallback))
    }

    fn of(read: Read, fallback: String) -> Self {
        let name = read.manifest.name.clone().unwrap_or(fallback);
        let nothing = PartialLimits::default();
        let Read { path, place, wasm, facts, manifest, .. } = read;
        Self {
            config_key: manifest.config_key.clone().unwrap_or_else(|| name.clone()),
            after: manifest.after.clone().unwrap_or_default(),
            mode: manifest.mode.unwrap_or_default(),
            limits: Limits::resolve(&nothing, &manifest.limits, &nothing),
            on_failure: OnFailure::default(),
            replay: manifest.replay.unwrap_or_default(),
            ticks: manifest.ticks.clone().unwrap_or_default(),
            fetch: Grants::default(),
            reach: Reach::default(),
            name: name.into(),
            path,
            place,
            digest: *wasm.digest(),
            wasm,
            facts,
            manifest,
        }
    }
}

/// File names spell a hook's name with `_` where its manifest may have `-`.
fn loose(name: &str) -> String {
    name.replace('-', "_").to_lowercase()
}

/// The places in the app's hooks folder, by name. No such folder, no hooks.
fn in_folder(folder: &Path, problems: &mut Vec<Problem>) -> Vec<Place> {
    let mut places = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(problem(format!("{}: cannot be read: {error}", folder.display())));
            return Vec::new();
        }
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let is_folder = path.is_dir();
        if is_folder || path.extension().is_some_and(|extension| extension == "wasm") {
            let fallback = if is_folder { file_name.clone() } else { stem(&path) };
            places.insert((file_name, is_folder), Place { path, fallback, installed: None });
        }
    }
    places.into_values().collect()
}

/// The component that a path means: the file itself, or a folder's only `.wasm`.
fn component_of(path: &Path) -> Result<(PathBuf, Option<PathBuf>), String> {
    if !path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let mut components = components_in(path)
        .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    match components.len() {
        1 => Ok((components.remove(0), Some(path.to_owned()))),
        0 => Err(format!(
            "{0}: holds no `.wasm` file\nhint: build the hook: `boathook build {0}`",
            path.display()
        )),
        count => Err(format!(
            "{}: holds {count} `.wasm` files, and a hook's folder holds one\n\
             hint: keep the hook's, and write what it is made of into a folder, such as build/core.wasm",
            path.display()
        )),
    }
}

/// The components in a folder, by name.
fn components_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut components: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    components.sort();
    Ok(components)
}

/// One on trial must not be another hook than it is tried as: the next start gives it a name as any other.
fn is_called(read: Read, place: &Place, name: &str) -> Result<Read, Problems> {
    let given = place.installed.as_ref().and_then(|installed| installed.name.as_ref());
    let text = match given.or(read.manifest.name.as_ref()) {
        Some(own) if own == name => return Ok(read),
        None if place.fallback == name => return Ok(read),
        Some(own) => format!(
            "hook `{name}`: load: the component calls itself `{own}`\nhint: deploy it under that name"
        ),
        None => format!(
            "hook `{name}`: load: the component has no name of its own, and would be called `{}`, as its place \
             is\nhint: give it the name: `boathook pack FILE --name {name} -o FILE`",
            place.fallback
        ),
    };
    Err(Problems(vec![problem(text)]))
}

/// Reads a component and its manifest; the component from another place, if it is on trial.
fn read(place: &Place, trial: Option<&PathBuf>) -> Result<Read, Problems> {
    let (lies, folder) = match trial {
        // A new hook has no place yet.
        Some(_) if !place.path.exists() => (place.path.clone(), None),
        // Or one that holds everything else.
        Some(_) if components_in(&place.path).is_ok_and(|all| all.is_empty()) => {
            (place.path.join(COMPONENT_FILE), Some(place.path.clone()))
        }
        _ => component_of(&place.path).map_err(|text| place.failed(&text))?,
    };
    let path = trial.cloned().unwrap_or_else(|| lies.clone());
    let wasm = std::fs::read(&path)
        .map_err(|error| place.failed(&format!("{}: cannot be read: {error}", path.display())))?;
    let read = understand(place, path, folder, &wasm)?;
    let wasm = Wasm::read_from(&read.path, wasm).and_in(&lies);
    Ok(Read { place: lies, wasm, ..read })
}

/// Reads what a component and the manifest beside it say. Who has the bytes puts them into what is returned.
fn understand(
    place: &Place,
    path: PathBuf,
    folder: Option<PathBuf>,
    wasm: &[u8],
) -> Result<Read, Problems> {
    let failed = |text: String| place.failed(&text);
    let shown = path.display();
    let facts = Facts::read(wasm).map_err(|error| failed(format!("{shown}: {error}")))?;
    let mut manifest = Manifest::default();
    if let Some(text) = &facts.manifest {
        manifest = manifest::parse(text, &format!("{shown} (section `{SECTION}`)"))?;
    }
    if let Some(file) = folder.as_ref().map(|folder| folder.join(MANIFEST_FILE))
        && file.exists()
    {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| failed(format!("{}: cannot be read: {error}", file.display())))?;
        manifest = manifest.overlay(manifest::parse(&text, &file.display().to_string())?);
    }
    Ok(Read { place: path.clone(), path, folder, wasm: Wasm::default(), facts, manifest })
}

/// Two hooks of one name, case aside: their events, settings and methods could not be told apart.
fn duplicates(hooks: &[Found]) -> Vec<Problem> {
    let mut by_name: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for hook in hooks {
        by_name.entry(hook.name.to_lowercase()).or_default().push(hook);
    }
    let several = by_name.into_values().filter(|hooks| hooks.len() > 1);
    several
        .map(|hooks| {
            let paths: Vec<String> =
                hooks.iter().map(|hook| format!("`{}`", hook.path.display())).collect();
            problem(format!(
                "hook `{}`: load: {} have this name\nhint: remove one, or give it another name",
                hooks[0].name,
                paths.join(" and ")
            ))
        })
        .collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A problem from a text that may end in a hint line.
pub(crate) fn problem(text: impl ToString) -> Problem {
    let text = text.to_string();
    let (message, hint) = match text.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text, None),
    };
    Problem { message, origin: None::<Origin>, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    /// An app whose hooks are folders: name, component, manifest.
    fn found(toml: &str, hooks: &[(&str, &[u8], &str)]) -> (Hooks, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("boathook.toml"), toml).unwrap();
        for (name, wasm, manifest) in hooks {
            let folder = dir.path().join("hooks").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("hook.wasm"), wasm).unwrap();
            std::fs::write(folder.join(MANIFEST_FILE), manifest).unwrap();
        }
        let sources = Sources { dir: dir.path().to_owned(), ..Sources::default() };
        let (hooks, problems) = find(&mut load(&sources).unwrap());
        let place = format!("{}/", dir.path().display());
        (hooks, problems.0.iter().map(|it| it.to_string().replace(&place, "")).collect())
    }

    fn names(hooks: &Hooks) -> Vec<&str> {
        hooks.found.iter().map(|hook| &*hook.name).collect()
    }

    #[test]
    fn a_hook_that_cannot_be_read_is_one_problem_and_the_others_are_looked_at() {
        let (hooks, problems) = found(
            "hooks.torn_one = { mode = 'single' }",
            &[
                ("torn_one", b"", ""),
                ("a", EMPTY_COMPONENT, "after = ['torn-one']"),
                ("b", EMPTY_COMPONENT, "after = ['nobody']"),
            ],
        );
        assert_eq!(
            problems,
            [
                "hook `torn_one`: load: hooks/torn_one/hook.wasm: the file is empty\n\
                 hint: was the build interrupted?",
                "hook `b`: `after` names `nobody`, and there is no such hook",
            ]
        );
        assert_eq!(names(&hooks), ["a", "b"]);
        assert_eq!(hooks.other_keys, ["torn-one", "torn_one"]);
    }

    #[test]
    fn a_disabled_hook_keeps_its_config_key_and_its_mistakes_to_itself() {
        let (hooks, problems) = found(
            "hooks = { a = false, torn = false }",
            &[("a", EMPTY_COMPONENT, "config_key = 'own'"), ("torn", b"", "")],
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(names(&hooks), [""; 0]);
        assert_eq!(hooks.disabled, ["a", "torn"]);
        assert_eq!(hooks.other_keys, ["own", "torn"]);
    }

    #[test]
    fn a_hook_alone_is_what_it_says_of_itself() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shy");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("hook.wasm"), EMPTY_COMPONENT).unwrap();
        std::fs::write(folder.join(MANIFEST_FILE), "mode = 'single'\nlimits.cpu = '9ms'").unwrap();
        let hook = Found::alone(&folder).unwrap();
        assert_eq!((&*hook.name, &*hook.config_key), ("shy", "shy"));
        assert_eq!(hook.mode, Mode::Single);
        assert_eq!(hook.limits.cpu, std::time::Duration::from_millis(9));
        // Its file alone has neither the folder's name nor its manifest.
        assert_eq!(&*Found::alone(&folder.join("hook.wasm")).unwrap().name, "hook");
    }
}
