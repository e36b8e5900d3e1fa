//! Reads a manifest: what a hook says of itself, in the component's custom section `boathook` and
//! in the `hook.toml` beside it. Both have one shape; the file goes over the section,
//! `boathook.toml` over both.

use serde::Serialize;
use serde_json::{Map, Value};

use super::document;
use super::hooks::{Grants, MODES, Mode};
use super::limits::PartialLimits;
use super::problem::{Origin, Problem, Problems};
use super::reader::{Expected, Table, boolean, name, names, one_of, string, strings};
use super::tasks;
use super::traced::{Traced, Wins};
use crate::tasks::Tick;

/// The version of the manifest's shape that this runtime reads and writes.
pub const VERSION: u64 = 1;

const KEYS: &[&str] = &[
    "after",
    "build",
    "config_key",
    "defaults",
    "description",
    "grants",
    "limits",
    "manifest_version",
    "mode",
    "name",
    "replay",
    "ticks",
    "version",
];

/// What a hook says of itself. `None` is "not said", which is not the same as saying the default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// The hook's name.
    pub name: Option<String>,
    /// The hook's own version, for people.
    pub version: Option<String>,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// The hooks that must be loaded before it, and whose methods it may call.
    pub after: Option<Vec<String>>,
    /// How it asks its instances to be used.
    pub mode: Option<Mode>,
    /// The root key of its own configuration, instead of its name.
    pub config_key: Option<String>,
    /// Constant defaults: root key to value, `__configKey__` standing for its own.
    pub defaults: Option<Map<String, Value>>,
    /// The limits it asks for.
    pub limits: PartialLimits,
    /// The grants it asks for.
    pub grants: Option<Grants>,
    /// Whether a new instance may replay its lifecycle for each request in mode `fresh`.
    pub replay: Option<bool>,
    /// When it is to be called without anybody asking.
    pub ticks: Option<Vec<Tick>>,
    /// How it is built: of interest to `build` and `dev` alone.
    pub build: Option<Build>,
}

/// How a hook is built: the table `[build]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Build {
    /// The command, run in the hook's folder.
    pub command: Option<String>,
    /// What the command makes, from the hook's folder on: a component, or a core module to be packed.
    pub output: Option<String>,
    /// The paths whose change makes `dev` build again.
    pub watch: Vec<String>,
}

/// Parses a manifest. `file_label` is what messages call it: a path, or the component and its
/// section.
pub fn parse(text: &str, file_label: &str) -> Result<Manifest, Problems> {
    let traced = document::parse(file_label, text)?;
    let root = Table::root(&traced);
    let mut problems = Problems::default();
    // Of a newer manifest nothing can be judged: its unknown keys are not mistakes.
    if let Some(field) = root.field("manifest_version")
        && field.value != VERSION
    {
        let expected = Expected::new(format!("`{VERSION}`"))
            .hint("a newer Boathook may read it, or build the hook with an older SDK");
        return Err(field.problem(expected).into());
    }
    root.only(KEYS, &mut problems);
    let manifest = Manifest {
        name: root.get("name", name, &mut problems),
        version: root.get("version", string, &mut problems),
        description: root.get("description", string, &mut problems),
        after: root.get("after", names, &mut problems),
        mode: root.get("mode", one_of(MODES), &mut problems),
        config_key: root.get("config_key", name, &mut problems),
        defaults: root.get("defaults", object, &mut problems),
        limits: PartialLimits::of_manifest(&root, &mut problems),
        grants: Grants::read(&root, &mut problems),
        replay: root.get("replay", boolean, &mut problems),
        ticks: tasks::ticks(&root, &mut problems),
        build: root.table("build", &mut problems).map(|table| Build::read(&table, &mut problems)),
    };
    refuse_roots_of_ours(&root, &mut problems);
    problems.or(manifest)
}

/// The same refusal that [`super::Tree::merge_defaults`] makes, with the line.
fn refuse_roots_of_ours(root: &Table, problems: &mut Problems) {
    let Some(defaults) = root.field("defaults").filter(|field| field.value.is_object()) else {
        return;
    };
    let Some(table) = defaults.table(problems) else { return };
    for (key, field) in table.fields() {
        if super::names::is_ours(key) {
            let message = format!("`{}`: `{key}` belongs to the server", field.key);
            problems.push(
                Problem::new(message)
                    .at(field.origin())
                    .hint("a hook's defaults go under `__configKey__`"),
            );
        }
    }
}

impl Build {
    fn read(table: &Table, problems: &mut Problems) -> Self {
        table.only(&["command", "output", "watch"], problems);
        Self {
            command: table.get("command", string, problems),
            output: table.get("output", string, problems),
            watch: table.get("watch", strings, problems).unwrap_or_default(),
        }
    }
}

impl Manifest {
    /// This manifest with another over it: `section.overlay(hook_toml)`. Limits and grants go over
    /// one by one, defaults merge as configuration does, everything else is replaced.
    pub fn overlay(self, over: Manifest) -> Manifest {
        let merged = |below: Map<String, Value>, above| {
            let mut both = Traced::from_one(Value::Object(below), Origin::Default);
            both.merge(Traced::from_one(Value::Object(above), Origin::Default), Wins::New);
            match both.value {
                Value::Object(map) => map,
                _ => Map::new(),
            }
        };
        Manifest {
            name: over.name.or(self.name),
            version: over.version.or(self.version),
            description: over.description.or(self.description),
            after: over.after.or(self.after),
            mode: over.mode.or(self.mode),
            config_key: over.config_key.or(self.config_key),
            defaults: both(self.defaults, over.defaults, merged),
            limits: over.limits.over(&self.limits),
            grants: both(self.grants, over.grants, Grants::overlay),
            replay: over.replay.or(self.replay),
            ticks: over.ticks.or(self.ticks),
            build: over.build.or(self.build),
        }
    }
}

fn both<T>(below: Option<T>, over: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (below, over) {
        (Some(below), Some(over)) => Some(merge(below, over)),
        (below, over) => over.or(below),
    }
}

fn object(value: &Value) -> Result<Map<String, Value>, Expected> {
    value.as_object().cloned().ok_or_else(|| Expected::new("a table"))
}
