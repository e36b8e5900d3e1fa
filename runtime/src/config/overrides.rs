//! Reads what was said of hooks while the server ran: `boathook disable`, `enable` and `limit`.
//!
//! It lies in `boathook.lock`, beside the files that people write and that stay as they are, and it goes over all
//! of them, environment and command line included, until it is taken back. Who writes it is
//! [`crate::deploy`]'s matter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layers::Assignment;
use super::problem::{Origin, Problem};

/// The file of what a server notes of itself, in the app folder.
pub const LOCK_FILE: &str = "boathook.lock";
/// The version of its shape.
pub const LOCK_VERSION: u32 = 1;

/// The command that enables a hook, as people type it.
pub(super) const ENABLED: &str = "boathook enable";
/// The command that disables one.
pub const DISABLED: &str = "boathook disable";
/// The command that sets limits of one.
const LIMITED: &str = "boathook limit";

/// What was said of hooks while the server ran, by name.
pub type Overrides = BTreeMap<String, Override>;

/// What was said of one hook.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// Whether it runs; what is configured holds if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Its limits, as they would stand in `[hooks.<name>] limits`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Value>,
}

impl Override {
    /// The commands that take back what it says of this hook.
    pub fn taken_back_by(&self, hook: &str) -> String {
        let enabled = self.enabled.map(|_| format!("`{ENABLED} {hook}`"));
        let limits = (!self.limits.is_empty()).then(|| format!("`{LIMITED} {hook} --reset`"));
        enabled.into_iter().chain(limits).collect::<Vec<_>>().join(" and ")
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.enabled.is_none() && self.limits.is_empty()
    }
}

/// The part of the lock file that is configuration.
#[derive(Deserialize)]
struct Lock {
    version: u32,
    #[serde(default)]
    overrides: Overrides,
}

/// Reads the text of a lock file. One that makes no sense is not passed over: a hook that somebody has disabled
/// would run again.
pub(super) fn parse(text: &str) -> Result<Overrides, Problem> {
    let problem = |message: String| {
        let hint = "put back what was there, or remove it: then hooks are as the other files say, and there is \
                    no way back to what they were";
        Problem::new(message).at(Origin::File { file: LOCK_FILE.into(), line: 0 }).hint(hint)
    };
    let lock: Lock = serde_json::from_str(text)
        .map_err(|error| problem(format!("not what this server wrote: {error}")))?;
    match lock.version {
        LOCK_VERSION => Ok(lock.overrides),
        version => {
            Err(problem(format!("its version is {version}, and this server's {LOCK_VERSION}")))
        }
    }
}

/// Which of these hooks were enabled, or disabled.
pub(super) fn switches(overrides: &Overrides, names: &[String], enabled: bool) -> Vec<Assignment> {
    let command = if enabled { ENABLED } else { DISABLED };
    let such = names
        .iter()
        .filter(|name| overrides.get(*name).is_some_and(|said| said.enabled == Some(enabled)));
    such.map(|name| assignment(name, &[], enabled.into(), command)).collect()
}

/// The limits that were set of these hooks.
pub(super) fn limits<'a>(
    overrides: &Overrides,
    names: impl Iterator<Item = &'a String>,
) -> Vec<Assignment> {
    let said = names.filter_map(|name| Some((name, overrides.get(name)?)));
    let limits = said.flat_map(|(name, said)| said.limits.iter().map(move |limit| (name, limit)));
    let limit = |(name, (limit, value)): (&String, (&String, &Value))| {
        assignment(name, &["limits", limit], value.clone(), LIMITED)
    };
    limits.map(limit).collect()
}

fn assignment(hook: &str, below: &[&str], value: Value, command: &'static str) -> Assignment {
    let path = ["hooks", hook].iter().chain(below).map(|&part| part.to_owned()).collect();
    Assignment { path, loose: false, value, origin: Origin::Lock { command, hook: hook.into() } }
}
