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
    let command = if enabled { "boathook enable" } else { "boathook disable" };
    let such = names
        .iter()
        .filter(|name| overrides.get(*name).is_some_and(|said| said.enabled == Some(enabled)));
    such.map(|name| assignment(&["hooks", name], enabled.into(), command)).collect()
}

/// The limits that were set of these hooks.
pub(super) fn limits<'a>(
    overrides: &Overrides,
    names: impl Iterator<Item = &'a String>,
) -> Vec<Assignment> {
    let said = names.filter_map(|name| Some((name, overrides.get(name)?)));
    let limits = said.flat_map(|(name, said)| said.limits.iter().map(move |limit| (name, limit)));
    let limit = |(name, (limit, value)): (&String, (&String, &Value))| {
        assignment(&["hooks", name, "limits", limit], value.clone(), "boathook limit")
    };
    limits.map(limit).collect()
}

fn assignment(path: &[&str], value: Value, command: &'static str) -> Assignment {
    let path = path.iter().map(|&part| part.to_owned()).collect();
    Assignment { path, loose: false, value, origin: Origin::Lock { command } }
}
