//! Finds an app's hooks and works out what each of them is: name, order, mode, limits.
//!
//! Nothing is compiled here and nothing runs. Everything that is wrong with any hook is gathered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::order::{Node, order};
use super::{Facts, SECTION};
use crate::config::{
    Config, Installed, Limits, Manifest, Mode, Origin, PartialLimits, Problem, Problems, manifest,
};

/// How the manifest beside a component is called.
const MANIFEST_FILE: &str = "hook.toml";

/// A hook that is to be lifted, and has not been compiled.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: Arc<str>,
    /// Where the component was read from.
    pub path: PathBuf,
    /// The component.
    pub wasm: Arc<[u8]>,
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
}

/// All hooks of an app, in hook order, and the names of those that are disabled.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Those to be lifted.
    pub found: Vec<Found>,
    /// Those that the operator switched off.
    pub disabled: Vec<String>,
}

/// A place where a hook may lie.
struct Place {
    /// The component.
    path: PathBuf,
    /// The folder that holds its `hook.toml`, where it has a folder of its own.
    folder: Option<PathBuf>,
    /// The name that it has where neither manifest nor operator gives another.
    fallback: String,
    installed: Option<Installed>,
}

/// Finds the hooks of an app, and everything that is wrong with any of them. Those that are found
/// whole are returned all the same, so that what is wrong inside of them is found in the same go.
pub fn find(config: &mut Config) -> (Hooks, Problems) {
    let mut problems = Vec::new();
    let mut hooks = Hooks::default();
    let mut places = in_folder(&config.server.hooks_dir, &mut problems);
    places.extend(config.installed.iter().filter_map(|(package, installed)| {
        let fallback = Installed::name_of_package(package).to_owned();
        match component_of(&installed.path) {
            Ok((path, folder)) => {
                Some(Place { path, folder, fallback, installed: Some(installed.clone()) })
            }
            Err(text) => {
                let mut problem = problem(format!("installed package `{package}`: {text}"));
                problem.origin = Some(installed.origin.clone());
                problems.push(problem);
                None
            }
        }
    }));

    // Names come first: settings that an environment variable spells loosely find their hook by them.
    let mut named = Vec::new();
    for place in places {
        match read(&place) {
            Ok((wasm, facts, manifest)) => {
                let name = place.installed.as_ref().and_then(|installed| installed.name.clone());
                let name = name.or(manifest.name.clone()).unwrap_or_else(|| place.fallback.clone());
                named.push((name, place, Ok((wasm, facts, manifest))));
            }
            Err(found) => named.push((place.fallback.clone(), place, Err(found))),
        }
    }
    let names: Vec<String> = named.iter().map(|(name, ..)| name.clone()).collect();
    if let Err(found) = config.know_hooks(&names) {
        problems.extend(found.0);
    }
    for (name, place, read) in named {
        let settings = config.hook(&name);
        if !settings.enabled {
            tracing::info!("hook `{name}` is disabled");
            hooks.disabled.push(name);
            continue;
        }
        let (wasm, facts, manifest) = match read {
            Ok(read) => read,
            Err(found) => {
                problems.extend(found.0);
                continue;
            }
        };
        let installed_key = place.installed.and_then(|installed| installed.config_key);
        let config_key = settings.config_key.clone().or(installed_key);
        hooks.found.push(Found {
            config_key: config_key.or(manifest.config_key.clone()).unwrap_or_else(|| name.clone()),
            after: settings.after.clone().or(manifest.after.clone()).unwrap_or_default(),
            mode: settings.mode.or(manifest.mode).unwrap_or_default(),
            limits: limits(config, &manifest.limits, &settings.limits),
            name: name.into(),
            path: place.path,
            wasm,
            facts,
            manifest,
        });
    }
    problems.extend(duplicates(&hooks.found));
    let disabled: BTreeSet<String> = hooks.disabled.iter().cloned().collect();
    let nodes: Vec<Node<'_>> =
        hooks.found.iter().map(|hook| Node { name: &hook.name, after: &hook.after }).collect();
    match order(&nodes, &disabled) {
        Ok(order) => hooks.found = order.into_iter().map(|at| hooks.found[at].clone()).collect(),
        // A hook that could not be read is missed by those after it: one mistake, one problem.
        Err(_) if !problems.is_empty() => {}
        Err(errors) => problems.extend(errors.iter().map(problem)),
    }
    (hooks, Problems(problems))
}

/// Reads a single component outside of any app, for `boathook inspect`.
///
/// # Errors
/// If it cannot be read or is no component.
pub fn read_file(path: &Path) -> Result<(Arc<[u8]>, Facts, Manifest), Problems> {
    let (path, folder) = component_of(path).map_err(|text| Problems(vec![problem(text)]))?;
    let fallback = stem(&path);
    read(&Place { path, folder, fallback, installed: None })
}

fn limits(config: &Config, manifest: &PartialLimits, settings: &PartialLimits) -> Limits {
    Limits::resolve(&config.server.limits.hooks, manifest, settings)
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
        if path.is_dir() {
            match component_of(&path) {
                Ok((component, own)) => {
                    let place = Place {
                        path: component,
                        folder: own,
                        fallback: file_name.clone(),
                        installed: None,
                    };
                    places.insert((file_name, true), place);
                }
                Err(text) => problems.push(problem(format!("hook `{file_name}`: load: {text}"))),
            }
        } else if path.extension().is_some_and(|extension| extension == "wasm") {
            let fallback = stem(&path);
            let place = Place { path, folder: None, fallback, installed: None };
            places.insert((file_name, false), place);
        }
    }
    places.into_values().collect()
}

/// The component that a path means: the file itself, or a folder's only `.wasm`.
fn component_of(path: &Path) -> Result<(PathBuf, Option<PathBuf>), String> {
    if !path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let mut components: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    components.sort();
    match components.len() {
        1 => Ok((components.remove(0), Some(path.to_owned()))),
        0 => Err(format!("{}: holds no `.wasm` file\nhint: build the hook", path.display())),
        count => Err(format!(
            "{}: holds {count} `.wasm` files, and a hook's folder holds one",
            path.display()
        )),
    }
}

/// Reads a component and its manifest.
fn read(place: &Place) -> Result<(Arc<[u8]>, Facts, Manifest), Problems> {
    let path = place.path.display();
    let failed = |text: String| {
        Problems(vec![problem(format!("hook `{}`: load: {path}: {text}", place.fallback))])
    };
    let wasm =
        std::fs::read(&place.path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let facts = Facts::read(&wasm).map_err(|error| failed(error.to_string()))?;
    let mut read = Manifest::default();
    if let Some(text) = &facts.manifest {
        read = manifest::parse(text, &format!("{path} (section `{SECTION}`)"))?;
    }
    if let Some(file) = place.folder.as_ref().map(|folder| folder.join(MANIFEST_FILE))
        && file.exists()
    {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| failed(format!("{}: cannot be read: {error}", file.display())))?;
        read = read.overlay(manifest::parse(&text, &file.display().to_string())?);
    }
    Ok((wasm.into(), facts, read))
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

/// A problem from a text that may end in a hint line.
pub(crate) fn problem(text: impl ToString) -> Problem {
    let text = text.to_string();
    let (message, hint) = match text.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text, None),
    };
    Problem { message, origin: None::<Origin>, hint }
}
