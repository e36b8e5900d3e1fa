//! Reads typed values out of a traced tree and turns every mismatch into a problem with its place.
//!
//! A reader never stops at the first mistake: what cannot be read is reported and left out. A
//! `null` of ours means "not said", so that a higher layer can take back what a lower one set.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::key;
use super::problem::{Origin, Problem, Problems, did_you_mean};
use super::traced::{Origins, Traced};

/// What a value should have been.
#[derive(Debug)]
pub(super) struct Expected {
    what: String,
    hint: Option<String>,
}

impl Expected {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One value with its key and origins.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) value: Value,
    origins: Origins,
}

/// A table whose keys are read one by one.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) key: String,
    map: Map<String, Value>,
    origins: Origins,
}

impl Field {
    /// A value under this key.
    pub(super) fn of(key: String, traced: Traced) -> Self {
        Self { key, value: traced.value, origins: traced.origins }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origins.own.clone()
    }

    /// The problem that this value is not what it should be.
    pub(super) fn problem(&self, expected: Expected) -> Problem {
        let Self { key, value, .. } = self;
        let message = format!("`{key}` must be {}: found {}", expected.what, describe(value));
        Problem::new(message).at(self.origin()).maybe_hint(expected.hint)
    }

    /// The problem that its key is not what it should be.
    pub(super) fn misnamed(&self, expected: Expected) -> Problem {
        let message = format!("the key of `{}` must be {}", self.key, expected.what);
        Problem::new(message).at(self.origin()).maybe_hint(expected.hint)
    }

    /// The value, parsed; a mismatch is reported.
    pub(super) fn read<T>(
        &self,
        parse: impl FnOnce(&Value) -> Result<T, Expected>,
        problems: &mut Problems,
    ) -> Option<T> {
        parse(&self.value).map_err(|expected| problems.push(self.problem(expected))).ok()
    }

    /// The value as a table; anything else is reported.
    pub(super) fn table(self, problems: &mut Problems) -> Option<Table> {
        match self.value {
            Value::Object(map) => Some(Table { key: self.key, map, origins: self.origins }),
            _ => {
                problems.push(self.problem(Expected::new("a table")));
                None
            }
        }
    }

    /// The elements of an array; anything else is reported.
    pub(super) fn elements(self, problems: &mut Problems) -> Vec<Field> {
        let Value::Array(items) = self.value else {
            problems.push(self.problem(Expected::new("an array")));
            return Vec::new();
        };
        let field = |(index, value): (usize, Value)| Field {
            key: key::below(&self.key, &index.to_string()),
            value,
            origins: child(&self.origins, &index.to_string()),
        };
        items.into_iter().enumerate().map(field).collect()
    }
}

impl Table {
    /// The root of a tree; nothing if it is no table.
    pub(super) fn root(traced: &Traced) -> Self {
        let map = traced.value.as_object().cloned().unwrap_or_default();
        Self { key: String::new(), map, origins: traced.origins.clone() }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origins.own.clone()
    }

    /// The value of a key, unless it is missing or `null`.
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        Some(self.made(name, value))
    }

    /// Every key with its value.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, Field)> {
        self.map.iter().map(|(name, value)| (name.as_str(), self.made(name, value)))
    }

    fn made(&self, name: &str, value: &Value) -> Field {
        let key = key::below(&self.key, name);
        Field { key, value: value.clone(), origins: child(&self.origins, name) }
    }

    /// The value of a key, parsed, unless it is missing or `null`; a mismatch is reported.
    pub(super) fn get<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, Expected>,
        problems: &mut Problems,
    ) -> Option<T> {
        self.field(name)?.read(parse, problems)
    }

    /// The table under a key.
    pub(super) fn table(&self, name: &str, problems: &mut Problems) -> Option<Table> {
        self.field(name)?.table(problems)
    }

    /// Reports every key that is not one of these.
    pub(super) fn only(&self, known: &[&str], problems: &mut Problems) {
        for (name, field) in self.fields() {
            if !known.contains(&name) {
                let hint = did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("the keys here are {}", quoted_list(known)));
                let message = format!("unknown key `{}`", field.key);
                problems.push(Problem::new(message).at(field.origin()).hint(hint));
            }
        }
    }
}

fn child(origins: &Origins, part: &str) -> Origins {
    origins.children.get(part).cloned().unwrap_or_else(|| Origins::of(origins.own.clone()))
}

pub(super) fn quoted_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What a message calls a value that it found.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "`null`".to_owned(),
        Value::Bool(truth) => format!("`{truth}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => {
            // A secret pasted into the wrong key must not fill a log, nor a megabyte of base64.
            let cut = text.chars().count() > 60;
            let shown: String = text.chars().take(60).collect();
            format!("the string `{}{}`", shown.escape_debug(), if cut { "…" } else { "" })
        }
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

pub(super) fn boolean(value: &Value) -> Result<bool, Expected> {
    value.as_bool().ok_or_else(|| Expected::new("`true` or `false`"))
}

pub(super) fn string(value: &Value) -> Result<String, Expected> {
    value.as_str().map(str::to_owned).ok_or_else(|| Expected::new("a string"))
}

pub(super) fn filled_string(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("a string that is not empty");
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(bad)
}

pub(super) fn path(value: &Value) -> Result<PathBuf, Expected> {
    filled_string(value).map(PathBuf::from).map_err(|_| Expected::new("a path"))
}

pub(super) fn strings(value: &Value) -> Result<Vec<String>, Expected> {
    let bad = || Expected::new("an array of strings");
    let items = value.as_array().ok_or_else(bad)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(bad)).collect()
}

/// A whole number in a range.
pub(super) fn whole<T: TryFrom<u64>>(
    range: std::ops::RangeInclusive<u64>,
) -> impl FnOnce(&Value) -> Result<T, Expected> {
    move |value| {
        let (low, high) = (*range.start(), *range.end());
        let number = value.as_u64().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            Expected::new(match high {
                u64::MAX => format!("a whole number from {low} up"),
                _ => format!("a whole number from {low} to {high}"),
            })
        })
    }
}

/// A name for a hook or a config key: it ends up in events, keys and file names.
pub(super) fn name(value: &Value) -> Result<String, Expected> {
    let bad = || {
        Expected::new("a name of at most 64 letters, digits, `-`, `_` and `.`")
            .hint("write it like `rate-limit`")
    };
    let legal = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && text.chars().any(|c| c.is_ascii_alphanumeric())
    };
    value.as_str().filter(legal).map(str::to_owned).ok_or_else(bad)
}

pub(super) fn names(value: &Value) -> Result<Vec<String>, Expected> {
    let bad = || Expected::new("an array of hook names").hint("write it like `[\"orm\"]`");
    let items = value.as_array().ok_or_else(bad)?;
    items.iter().map(|item| name(item).map_err(|_| bad())).collect()
}

/// One of several words.
pub(super) fn one_of<T: Copy>(
    words: &[(&'static str, T)],
) -> impl FnOnce(&Value) -> Result<T, Expected> {
    move |value| {
        let found = value.as_str().and_then(|word| words.iter().find(|(known, _)| *known == word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let expected = Expected::new(format!("one of {}", quoted_list(&known)));
            match value.as_str().and_then(|word| did_you_mean(word, known)) {
                Some(hint) => expected.hint(hint),
                None => expected,
            }
        })
    }
}
