//! Turns environment variables and command-line settings into assignments to keys.
//!
//! A value that parses as JSON is that JSON, anything else is a string, so `500ms` needs no quotes.
//! Unlike Sails, where `--hooks.x=false` is the string "false", the command line follows the same
//! rule.

use std::ffi::OsString;

use serde_json::Value;

use super::key;
use super::names;
use super::problem::{Origin, Problem, Problems};

/// What every variable of ours starts with.
pub const PREFIX: &str = "BOATHOOK_";
/// The variable that names the environment. Ours, and not a configuration key.
pub const ENVIRONMENT_VARIABLE: &str = "BOATHOOK_ENV";
/// The variable that sets what the command line tool itself logs. Ours, and not a configuration
/// key.
pub const LOG_VARIABLE: &str = "BOATHOOK_LOG";

/// What the variables of secrets start with. They hold values, and set no configuration key.
pub const SECRET_PREFIX: &str = "BOATHOOK_SECRET_";

/// One key set from outside the files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    pub(super) path: Vec<String>,
    /// Whether the parts are spelled as in an environment variable, to be matched loosely.
    pub(super) loose: bool,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The value of `BOATHOOK_ENV`, if it is set to anything.
pub(super) fn environment_variable(vars: &[(OsString, OsString)]) -> Option<String> {
    let (_, value) = vars.iter().find(|(name, _)| name == ENVIRONMENT_VARIABLE)?;
    let value = value.to_string_lossy();
    (!value.is_empty()).then(|| value.into_owned())
}

/// Assignments from the variables that are ours, parents before children.
pub(super) fn from_variables(
    vars: &[(OsString, OsString)],
    problems: &mut Problems,
) -> Vec<Assignment> {
    let mut assigned: Vec<Assignment> = Vec::new();
    for (name, value) in vars {
        let shown = name.to_string_lossy();
        let Some(rest) = shown.strip_prefix(PREFIX) else { continue };
        let origin = Origin::Environment { variable: shown.clone().into_owned() };
        let is_secret = shown.starts_with(SECRET_PREFIX);
        if is_secret || shown == ENVIRONMENT_VARIABLE || shown == LOG_VARIABLE {
            continue;
        }
        let (Some(_), Some(value)) = (name.to_str(), value.to_str()) else {
            problems.push(Problem::new("not valid UTF-8").at(origin));
            continue;
        };
        if is_service_link(rest, value) {
            continue;
        }
        let path: Vec<String> = rest.split("__").map(str::to_owned).collect();
        match checked(&path) {
            Ok(()) => {
                assigned.push(Assignment { path, loose: true, value: value_of(value), origin })
            }
            Err(problem) => problems.push(problem.at(origin)),
        }
    }
    assigned.sort_by(|a, b| (a.path.len(), &a.path).cmp(&(b.path.len(), &b.path)));
    refuse_twins(&mut assigned, problems);
    assigned
}

/// Two variables that differ in case or in `-` alone would win over each other by accident.
fn refuse_twins(assigned: &mut Vec<Assignment>, problems: &mut Problems) {
    let mut seen: std::collections::BTreeMap<Vec<String>, String> = Default::default();
    assigned.retain(|assignment| {
        let loose = assignment.path.iter().map(|part| names::loose(part)).collect();
        let shown = assignment.origin.to_string();
        if let Some(first) = seen.get(&loose) {
            let message = format!("sets the same key as `{first}`");
            problems.push(Problem::new(message).at(assignment.origin.clone()));
            return false;
        }
        seen.insert(loose, shown);
        true
    });
}

/// Assignments from `--set a.b=v`, in the order of the command line.
pub(super) fn from_sets(sets: &[String], problems: &mut Problems) -> Vec<Assignment> {
    let mut assigned = Vec::new();
    for set in sets {
        let origin = Origin::CommandLine { flag: "--set".to_owned() };
        let made =
            match set.split_once('=') {
                Some((key, value)) => {
                    let path = key::split(key.trim());
                    checked(&path).map(|()| (path, value_of(value)))
                }
                None => Err(Problem::new(format!("no `=` in `{set}`"))
                    .hint("write `--set shout.phrase=yolo`")),
            };
        match made {
            Ok((path, value)) => {
                assigned.push(Assignment { path, loose: false, value, origin });
            }
            Err(problem) => problems.push(problem.at(origin)),
        }
    }
    assigned
}

/// Assignments from dedicated flags, whose values the command line has parsed.
pub(super) fn from_overrides(
    overrides: &[(String, Value, String)],
    problems: &mut Problems,
) -> Vec<Assignment> {
    let mut assigned = Vec::new();
    for (key, value, flag) in overrides {
        let path = key::split(key);
        let origin = Origin::CommandLine { flag: flag.clone() };
        match checked(&path) {
            Ok(()) => {
                assigned.push(Assignment { path, loose: false, value: value.clone(), origin });
            }
            Err(problem) => problems.push(problem.at(origin)),
        }
    }
    assigned
}

/// Whether a path can be assigned to at all.
pub(super) fn checked(path: &[String]) -> Result<(), Problem> {
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(Problem::new(format!("a key has an empty part: `{}`", path.join("."))));
    }
    if path.len() > key::DEPTH_MAX {
        let max = key::DEPTH_MAX;
        return Err(Problem::new(format!("a key has more than {max} parts: {}", path.len())));
    }
    Ok(())
}

/// What a value means that was written without quotes: the JSON that it is, or else a string.
pub fn value_of(value: &str) -> Value {
    serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))
}

/// Kubernetes puts `BOATHOOK_PORT=tcp://10.0.0.1:80` and its like into every pod beside a service
/// of the name `boathook`. Nobody wrote those, so they must not fail a lift as unknown keys.
fn is_service_link(rest: &str, value: &str) -> bool {
    let link = value.starts_with("tcp://") || value.starts_with("udp://");
    match rest.strip_prefix("PORT") {
        Some("") => link,
        Some(port) => port.starts_with('_') && (port.contains("_TCP") || port.contains("_UDP")),
        None => {
            rest == "SERVICE_HOST" || rest == "SERVICE_PORT" || rest.starts_with("SERVICE_PORT_")
        }
    }
}
