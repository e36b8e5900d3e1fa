//! Reads where secrets lie: the table `[secrets]`, and the process's environment variables.
//!
//! A secret itself never stands in the configuration, so nothing that shows the configuration can show
//! one. No file is read here: [`crate::secrets`] does that, for the secrets that somebody needs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::layers::SECRET_PREFIX;
use super::names::{self, loose};
use super::problem::{Origin, Problem, Problems};
use super::reader::{Table, filled_string, name, path};
use super::tree::Tree;

/// Where each secret lies that `[secrets]` names. All others have an environment variable of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, (Place, Origin)>);

/// Where a secret lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In an environment variable.
    Variable(String),
    /// In a file, below the app folder if it was written as a relative path.
    File(PathBuf),
}

impl Place {
    /// Reads a table that has either `env` or `file`, a path below `dir`. None where it has not: what is
    /// wrong with one that is there has been said.
    pub(super) fn read(table: &Table, dir: &Path, problems: &mut Problems) -> Option<Self> {
        table.only(names::SECRET, problems);
        let variable = table.get("env", filled_string, problems).map(Self::Variable);
        let file = table.get("file", path, problems).map(|path| Self::File(dir.join(path)));
        match (variable, file) {
            (Some(place), None) | (None, Some(place)) => Some(place),
            _ => None,
        }
    }
}

impl Secrets {
    /// Where a secret lies, and who said so if somebody did. Names are compared loosely, as an
    /// environment variable may have spelled one.
    pub fn place(&self, name: &str) -> (Place, Option<Origin>) {
        match self.0.iter().find(|(known, _)| loose(known) == loose(name)) {
            Some((_, (place, origin))) => (place.clone(), Some(origin.clone())),
            None => (Place::Variable(variable(name)), None),
        }
    }

    /// Reads the root table `secrets`; `dir` is the app folder.
    pub(super) fn read(tree: &Tree, dir: &Path, problems: &mut Problems) -> Self {
        let mut secrets = BTreeMap::new();
        let Some(table) = Table::root(tree.traced()).table("secrets", problems) else {
            return Self::default();
        };
        for (secret, field) in table.fields() {
            if field.value.is_null() {
                continue;
            }
            let origin = field.origin();
            if let Err(expected) = name(&secret.into()) {
                problems.push(field.misnamed(expected));
            }
            // What is wrong here may be the secret itself, so no message quotes it.
            if !field.value.is_object() {
                let message = format!("`{}` must be a table with `env` or `file`", field.key);
                problems.push(Problem::new(message).at(origin).hint(format!(
                    "a secret does not belong into the configuration: set `{}`, or write \
                     `{{ file = \"...\" }}`",
                    variable(secret)
                )));
                continue;
            }
            let Some(table) = field.table(problems) else { continue };
            match Place::read(&table, dir, problems) {
                Some(place) => {
                    secrets.insert(secret.to_owned(), (place, origin));
                }
                None if ["env", "file"].iter().filter(|key| table.field(key).is_some()).count()
                    == 1 => {}
                None => {
                    let message = format!("`{}` must have either `env` or `file`", table.key);
                    problems.push(Problem::new(message).at(origin));
                }
            }
        }
        Self(secrets)
    }
}

/// The environment variable of a secret of which nothing is said: `BOATHOOK_SECRET_STRIPE_KEY` for
/// `stripe-key`.
pub fn variable(secret: &str) -> String {
    format!("{SECRET_PREFIX}{}", loose(secret).replace('.', "_").to_uppercase())
}

/// The process's environment variables. They are not shown: any of them may be a secret.
#[derive(Clone, Default, PartialEq)]
pub struct Variables(Vec<(OsString, OsString)>);

impl Variables {
    pub(super) fn new(all: &[(OsString, OsString)]) -> Self {
        Self(all.to_vec())
    }

    /// The value of a variable; none if it is not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} variables", self.0.len())
    }
}
