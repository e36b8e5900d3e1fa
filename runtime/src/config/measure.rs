//! Defines which limits an operator may have measured instead of enforced, and why not the others.
//!
//! A limit that is measured lets calls go on beyond it and says so: for finding out what a hook needs
//! before holding it to that. Nothing runs without bounds all the same: time ends at `limits.exchange`,
//! memory and tables at what the pool of instances has room for.

use std::fmt;

use serde_json::Value;

use super::problem::{Problem, Problems, did_you_mean};
use super::reader::{Expected, Field, Table, quoted_list};

/// A limit that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// `limits.cpu`.
    Cpu,
    /// `limits.wall`.
    Wall,
    /// `limits.fuel`.
    Fuel,
    /// `limits.memory`.
    Memory,
    /// `limits.tables`.
    Tables,
    /// `limits.host_calls`.
    HostCalls,
}

impl Measure {
    /// All of them, in the order of their values.
    pub const ALL: [Self; 6] =
        [Self::Cpu, Self::Wall, Self::Fuel, Self::Memory, Self::Tables, Self::HostCalls];

    /// The limit's key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wall => "wall",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::HostCalls => "host_calls",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.key())
    }
}

/// The limits that are enforced whatever anybody says, each with the reason.
const ALWAYS_ENFORCED: &[(&str, &str)] = &[
    ("body", "a body that a hook reads or writes lies in the server's own memory"),
    ("exchange", "it is what ends a call whose own limits are measured"),
    ("fetches", "each takes a socket, and another server's time"),
    ("handles", "they lie in the server's own memory"),
    ("instances", "they are reserved before the server starts"),
    ("log", "nothing fails at it, and it guards the server's log"),
    ("queue", "it guards the server, not against the hook but against its clients"),
    ("queue_wait", "it guards the server, not against the hook but against its clients"),
    ("start", "requests wait while an instance starts"),
];

/// A set of limits that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured(u8);

impl Measured {
    /// Whether none is.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is.
    pub fn contains(self, limit: Measure) -> bool {
        self.0 & (1 << limit as u8) != 0
    }

    /// Those that are.
    pub fn iter(self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().filter(move |limit| self.contains(*limit))
    }

    /// Reads `measure = ["cpu", "fuel"]` of a table of limits.
    pub(super) fn read(table: &Table, problems: &mut Problems) -> Option<Self> {
        let elements = table.field("measure")?.elements(problems);
        Some(elements.iter().filter_map(|element| limit(element, problems)).collect())
    }

    /// Refuses `measure` in a manifest: whether a limit holds is not for the hook to say.
    pub(super) fn refuse(table: &Table, problems: &mut Problems) {
        if let Some(field) = table.field("measure") {
            let message = format!("`{}`: only the operator can have limits measured", field.key);
            problems.push(
                Problem::new(message)
                    .at(field.origin())
                    .hint("write it into `[hooks.<name>] limits` of `boathook.toml`"),
            );
        }
    }

    /// As it would be written.
    pub(super) fn written(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.iter().map(Measure::key).collect())
    }
}

impl FromIterator<Measure> for Measured {
    fn from_iter<I: IntoIterator<Item = Measure>>(limits: I) -> Self {
        Self(limits.into_iter().fold(0, |set, limit| set | (1 << limit as u8)))
    }
}

fn limit(element: &Field, problems: &mut Problems) -> Option<Measure> {
    let word = element.value.as_str().unwrap_or_default();
    if let Some(limit) = Measure::ALL.into_iter().find(|limit| limit.key() == word) {
        return Some(limit);
    }
    if let Some((_, why)) = ALWAYS_ENFORCED.iter().find(|(name, _)| *name == word) {
        let message = format!("`{}`: `{word}` cannot be measured: {why}", element.key);
        problems.push(Problem::new(message).at(element.origin()));
        return None;
    }
    let known = Measure::ALL.map(Measure::key);
    let hint = did_you_mean(word, known)
        .unwrap_or_else(|| format!("those that can be measured are {}", quoted_list(&known)));
    problems.push(element.problem(Expected::new("the name of a limit").hint(hint)));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let set: Measured = [Measure::HostCalls, Measure::Cpu, Measure::Cpu].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Measure::Cpu, Measure::HostCalls]);
        assert!(!set.contains(Measure::Wall));
        assert!(Measured::default().is_empty());
    }

    #[test]
    fn every_limit_is_measured_or_enforced_and_never_both() {
        let measured = Measure::ALL.map(Measure::key);
        let enforced = ALWAYS_ENFORCED.iter().map(|(name, _)| *name);
        let mut all: Vec<&str> = measured.into_iter().chain(enforced).chain(["measure"]).collect();
        all.sort_unstable();
        assert_eq!(all, super::super::names::ROOT_LIMITS);
    }

    #[test]
    fn a_limits_place_is_its_value() {
        for (place, limit) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place);
        }
    }
}
