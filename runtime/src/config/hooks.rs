//! Reads what the operator says of each hook: `[hooks.<name>]`, `hooks.<name> = false`, and
//! `[installed.<package>]`.
//!
//! It does not know which hooks there are: [`super::Config::know_hooks`] compares once they are
//! found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::limits::PartialLimits;
use super::names;
use super::problem::{Origin, Problem, Problems};
use super::reader::{Expected, Field, Table, boolean, name, names as hook_names, one_of, path};
use super::tasks;
use super::tree::Tree;
use crate::fetch;
use crate::tasks::Tick;

/// How the server runs a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookSettings {
    /// False for `hooks.x = false` and the string `"false"`.
    pub enabled: bool,
    /// How instances are used; the manifest's word or `pooled` if `None`.
    pub mode: Option<Mode>,
    /// What this hook may use at most.
    pub limits: PartialLimits,
    /// What this hook may reach; nothing if `None`.
    pub grants: Option<Grants>,
    /// What happens to a request when the hook fails on it.
    pub on_failure: Option<OnFailure>,
    /// The hooks that must be loaded before this one, instead of those its manifest names.
    pub after: Option<Vec<String>>,
    /// The root key of the hook's own configuration, instead of its name.
    pub config_key: Option<String>,
    /// Whether a new instance may replay its lifecycle for each request in mode `fresh`.
    pub replay: Option<bool>,
    /// When it is called without anybody asking, instead of what its manifest says.
    pub ticks: Option<Vec<Tick>>,
    /// Where the hook was mentioned.
    pub origin: Option<Origin>,
    /// Where each of the settings above was said, by its key.
    pub origins: BTreeMap<String, Origin>,
}

impl Default for HookSettings {
    /// The settings of a hook of which the operator says nothing.
    fn default() -> Self {
        Self {
            enabled: true,
            mode: None,
            limits: PartialLimits::default(),
            grants: None,
            on_failure: None,
            after: None,
            config_key: None,
            replay: None,
            ticks: None,
            origin: None,
            origins: BTreeMap::new(),
        }
    }
}

/// How a hook's instances are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Several instances, each used by one request at a time, then reused.
    #[default]
    Pooled,
    /// One instance that keeps its state; requests take turns.
    Single,
    /// A new instance for each request.
    Fresh,
}

pub(super) const MODES: &[(&str, Mode)] =
    &[("pooled", Mode::Pooled), ("single", Mode::Single), ("fresh", Mode::Fresh)];

/// What happens to a request when a hook fails on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The request is answered with the error.
    #[default]
    Fail,
    /// The request goes on as if the hook had said `next`.
    Skip,
}

const ON_FAILURE: &[(&str, OnFailure)] = &[("fail", OnFailure::Fail), ("skip", OnFailure::Skip)];

/// What a hook may reach, or asks to: the table `grants`, by kind. Each service reads its own
/// entry; here it is known only that the kind exists and that the entry is a boolean, strings or a
/// table.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Grants(
    /// Kind to what is granted of it, such as `fetch` to `["https://api.example.com"]`.
    pub Map<String, Value>,
);

/// A hook that lies outside the hooks folder: `[installed.<package>]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// The component or its folder; below the app folder if it was written as a relative path.
    pub path: PathBuf,
    /// The hook's name, over what its manifest and its package are called.
    pub name: Option<String>,
    /// The root key of the hook's own configuration.
    pub config_key: Option<String>,
    /// Where it was mentioned.
    pub origin: Origin,
}

impl Installed {
    /// The name of a hook after its package, as Sails has it: without scope and prefix.
    /// `@my-modules/sails-hook-shout` is `shout`.
    pub fn name_of_package(package: &str) -> &str {
        let bare = package.rsplit_once('/').map_or(package, |(_, bare)| bare);
        let stripped =
            ["sails-hook-", "boathook-hook-"].iter().find_map(|it| bare.strip_prefix(it));
        stripped.filter(|name| !name.is_empty()).unwrap_or(bare)
    }
}

/// Reads the root table `hooks`.
pub(super) fn read(tree: &Tree, problems: &mut Problems) -> BTreeMap<String, HookSettings> {
    let mut hooks = BTreeMap::new();
    let Some(table) = Table::root(tree.traced()).table("hooks", problems) else { return hooks };
    for (hook, field) in table.fields() {
        hooks.insert(hook.to_owned(), settings(field, problems));
    }
    hooks
}

fn settings(field: Field, problems: &mut Problems) -> HookSettings {
    let origin = Some(field.origin());
    let switched = |enabled| HookSettings { enabled, origin, ..HookSettings::default() };
    match &field.value {
        Value::Null => return HookSettings::default(),
        Value::Bool(enabled) => return switched(*enabled),
        // The string comes from places that know no booleans, and Sails takes it too.
        Value::String(word) if word == "false" || word == "true" => {
            return switched(word == "true");
        }
        Value::Object(_) => {}
        _ => {
            let expected = Expected::new("a table, `true` or `false`");
            problems.push(field.problem(expected));
            return switched(true);
        }
    }
    let Some(table) = field.table(problems) else { return switched(true) };
    table.only(names::HOOK, problems);
    HookSettings {
        enabled: true,
        mode: table.get("mode", one_of(MODES), problems),
        limits: PartialLimits::of_hook(&table, problems),
        grants: Grants::read(&table, problems),
        on_failure: table.get("on_failure", one_of(ON_FAILURE), problems),
        after: table.get("after", hook_names, problems),
        config_key: table.get("config_key", name, problems),
        replay: table.get("replay", boolean, problems),
        ticks: tasks::ticks(&table, problems),
        origin: Some(table.origin()),
        origins: table.fields().map(|(key, field)| (key.to_owned(), field.origin())).collect(),
    }
}

impl Grants {
    /// Reads the table `grants` of a hook's settings or of a manifest.
    pub(super) fn read(parent: &Table, problems: &mut Problems) -> Option<Self> {
        let table = parent.table("grants", problems)?;
        table.only(names::GRANTS, problems);
        let mut grants = Map::new();
        for (kind, field) in table.fields() {
            if kind == "fetch" && !field.value.is_null() {
                match fetch::Grants::read(&field.value) {
                    Ok(_) => drop(grants.insert(kind.to_owned(), field.value)),
                    Err(error) => problems.push(wrong_fetch(&field, error)),
                }
                continue;
            }
            let legal = match &field.value {
                Value::Bool(_) | Value::Object(_) => true,
                Value::Array(items) => items.iter().all(Value::is_string),
                _ => false,
            };
            if legal {
                grants.insert(kind.to_owned(), field.value);
            } else if !field.value.is_null() {
                let expected = Expected::new("`true`, `false`, an array of strings or a table");
                problems.push(field.problem(expected));
            }
        }
        Some(Self(grants))
    }

    /// What this hook may fetch. What is wrong with it was found when it was read.
    pub fn fetch(&self) -> fetch::Grants {
        let read = |value| fetch::Grants::read(value).unwrap_or_default();
        self.0.get("fetch").map(read).unwrap_or_default()
    }

    /// A grant as it stands in a file.
    pub fn written(grant: &Value) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match grant {
            Value::Array(items) => format!("[{}]", list(items.iter().map(Self::written).collect())),
            Value::Object(table) => {
                let pair = |(key, value)| format!("{key} = {}", Self::written(value));
                format!("{{ {} }}", list(table.iter().map(pair).collect()))
            }
            other => other.to_string(),
        }
    }

    /// These grants, with those of another taken over them kind by kind.
    pub(super) fn overlay(mut self, over: Self) -> Self {
        self.0.extend(over.0);
        self
    }
}

fn wrong_fetch(field: &Field, error: fetch::grant::GrantError) -> Problem {
    let message = format!("`{}`: {}", field.key, error.message);
    Problem::new(message).at(field.origin()).hint(error.hint)
}

/// Reads the root table `installed`; `dir` is the app folder.
pub(super) fn read_installed(
    tree: &Tree,
    dir: &Path,
    problems: &mut Problems,
) -> BTreeMap<String, Installed> {
    let mut installed = BTreeMap::new();
    let Some(table) = Table::root(tree.traced()).table("installed", problems) else {
        return installed;
    };
    for (package, field) in table.fields() {
        if field.value.is_null() {
            continue;
        }
        let Some(table) = field.table(problems) else { continue };
        table.only(names::INSTALLED, problems);
        if table.field("path").is_none() {
            let message = format!("`{}` lacks `path`", table.key);
            let hint = "name the component or its folder: `path = \"modules/shout.wasm\"`";
            problems.push(Problem::new(message).at(table.origin()).hint(hint));
        }
        let name_given = table.get("name", name, problems);
        let config_key = table.get("config_key", name, problems);
        if let Some(path) = table.get("path", path, problems) {
            let origin = table.origin();
            let hook = Installed { path: dir.join(path), name: name_given, config_key, origin };
            installed.insert(package.to_owned(), hook);
        }
    }
    installed
}
