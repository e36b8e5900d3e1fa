//! `boathook inspect`: says what a component is, what it asks for, and what it would get.
//!
//! There is no app here: what an operator's configuration would change is not known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Json, say, say_json, text};
use crate::config::{Manifest, Mode};
use crate::hook::find::Found;
use crate::lift;
use crate::sandbox::compile::{PACKAGE, VERSION};
use crate::sandbox::snapshot;

/// Show what a component is, and what it asks for.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A component, or the folder of a hook
    file: PathBuf,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let hook = Found::alone(&self.file)?;
        lift::try_load(&hook, &super::compiler())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.json.json {
            say_json(&document(&hook, cores));
        } else {
            say(&text::columns(&rows(&hook, cores)));
        }
        Ok(())
    }
}

/// Names of interfaces, by package: `wasi:io@0.2.6` to `error`, `poll`. What is no interface, such as a
/// function of a tool, has no package.
fn grouped(names: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names {
        let (package, interface) = match name.split_once('/') {
            Some((package, rest)) => match rest.split_once('@') {
                Some((interface, version)) => (format!("{package}@{version}"), interface),
                None => (package.to_owned(), rest),
            },
            None => (String::new(), name.as_str()),
        };
        groups.entry(package).or_default().push(interface.to_owned());
    }
    groups
}

/// The limits that would hold, in the words of `boathook.toml`.
fn limits(hook: &Found, cores: usize) -> Vec<(&'static str, Value)> {
    let mut limits = hook.limits.written();
    limits.instances = Some(match hook.mode {
        Mode::Single => 1,
        Mode::Pooled | Mode::Fresh => hook.limits.instances_on(cores),
    });
    limits.rows()
}

fn rows(hook: &Found, cores: usize) -> Vec<Vec<String>> {
    let manifest = &hook.manifest;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    row("name", hook.name.to_string());
    row("version", manifest.version.clone().unwrap_or_else(|| "not said".into()));
    if let Some(description) = &manifest.description {
        row("description", description.clone());
    }
    row("file", hook.path.display().to_string());
    row("size", format!("{} bytes", hook.facts.size));
    let from = if hook.facts.manifest.is_some() { "" } else { "not " };
    row("manifest", format!("{from}in the component"));
    row("mode", marked(word(&hook.mode), manifest.mode.is_some()));
    row("snapshot", snapshot(hook).map_or_else(|reason| format!("none: {reason}"), str::to_owned));
    if !hook.after.is_empty() {
        row("after", hook.after.join(", "));
    }
    row("config key", hook.config_key.clone());
    if let Some(defaults) = &manifest.defaults {
        row("defaults", Value::Object(defaults.clone()).to_string());
    }
    if !hook.ticks.is_empty() {
        let ticks = hook.ticks.iter().map(|tick| format!("{} {}", tick.name, tick.schedule));
        row("ticks", ticks.collect::<Vec<_>>().join(", "));
    }
    row("grants", grants(manifest).unwrap_or_else(|| "none asked for".into()));
    for (title, names) in [("exports", &hook.facts.exports), ("imports", &hook.facts.imports)] {
        let groups = grouped(names);
        if groups.is_empty() {
            row(title, "nothing".into());
        }
        for (at, (package, interfaces)) in groups.iter().enumerate() {
            let title = if at == 0 { title } else { "" };
            let package = if package.is_empty() { "other" } else { package };
            row(title, format!("{package}: {}", interfaces.join(", ")));
        }
    }
    let asked: Vec<&str> = manifest.limits.rows().iter().map(|(name, _)| *name).collect();
    for (at, (name, value)) in limits(hook, cores).iter().enumerate() {
        let title = if at == 0 { "limits" } else { "" };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        row(title, marked(format!("{name} {value}"), asked.contains(name)));
    }
    rows
}

/// Marks what the manifest asked for, among what holds anyway.
fn marked(text: String, asked: bool) -> String {
    if asked { format!("{text} (asked for)") } else { text }
}

/// Whether new instances may begin from a snapshot, as far as the code tells; or why not.
fn snapshot(hook: &Found) -> Result<&'static str, String> {
    if hook.mode == Mode::Single {
        return Err("mode `single` has one instance".into());
    }
    snapshot::instrument(&hook.wasm.bytes()?)?;
    Ok("possible, unless it reads a clock or randomness before it is loaded, or keeps a handle")
}

/// A mode as it is written.
fn word(mode: &Mode) -> String {
    let word = serde_json::to_value(mode).ok();
    word.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The grants as they are written; none if none are asked for.
fn grants(manifest: &Manifest) -> Option<String> {
    let grants = &manifest.grants.as_ref()?.0;
    let kinds: Vec<String> = grants.iter().map(|(kind, what)| format!("{kind} {what}")).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn document(hook: &Found, cores: usize) -> Value {
    let manifest = &hook.manifest;
    let obstacle = snapshot(hook).err();
    let object = |rows: Vec<(&'static str, Value)>| -> Map<String, Value> {
        rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    let ours = |names: &[String]| {
        let (ours, others): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| name.starts_with(&format!("{PACKAGE}/")));
        let (wasi, others): (Vec<&String>, Vec<&String>) =
            others.into_iter().partition(|name| name.starts_with("wasi:"));
        json!({ "boathook": ours, "wasi": wasi, "other": others })
    };
    json!({
        "name": &*hook.name,
        "version": manifest.version,
        "description": manifest.description,
        "file": hook.path.display().to_string(),
        "size": hook.facts.size,
        "wit": format!("{PACKAGE}@{VERSION}"),
        "mode": hook.mode,
        "snapshot": { "possible": obstacle.is_none(), "obstacle": obstacle },
        "after": hook.after,
        "config_key": hook.config_key,
        "exports": ours(&hook.facts.exports),
        "imports": ours(&hook.facts.imports),
        "limits": object(limits(hook, cores)),
        "ticks": hook.ticks.iter().map(|tick| {
            json!({ "name": tick.name, "schedule": tick.schedule.to_string() })
        }).collect::<Vec<_>>(),
        "asked_for": {
            "mode": manifest.mode,
            "limits": object(manifest.limits.rows()),
            "grants": manifest.grants,
            "defaults": manifest.defaults,
            "replay": manifest.replay,
        },
    })
}
