//! Lists what is configured under a key, with where each value was said: `config explain`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::key;
use super::names;
use super::problem::{Origin, did_you_mean};
use super::server;
use super::traced::{Traced, Wins};
use super::tree::Tree;

/// One line of `config explain`.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The dotted key.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// Where the value came from.
    pub origin: Origin,
}

impl Tree {
    /// Every leaf under a key, our own defaults included; empty if there is no such key.
    pub fn explain(&self, dotted: &str) -> Vec<Explained> {
        let mut all = Traced::from_one(server::default_values(), Origin::Default);
        all.merge(self.traced().clone(), Wins::New);
        let path = key::split(dotted);
        let mut lines = Vec::new();
        if let Some(part) = all.sub(&path) {
            leaves(&key::join(&path), part, &mut lines);
        }
        lines
    }
}

/// Why there is nothing under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unset {
    /// It is a key of ours that has no default, and nobody set it.
    Ours,
    /// It is no key at all; the hint may name the one that was meant.
    Unknown(Option<String>),
}

impl Tree {
    /// Why [`Tree::explain`] has nothing to say of a key.
    pub fn unset(&self, dotted: &str) -> Unset {
        let path = key::split(dotted);
        if let Some((last, parents)) = path.split_last()
            && names::ours_below(parents).contains(&last.as_str())
        {
            return Unset::Ours;
        }
        let mut known = BTreeSet::new();
        for Explained { key, .. } in self.explain("") {
            let parts = key::split(&key);
            known.extend((1..=parts.len()).map(|length| key::join(&parts[..length])));
        }
        Unset::Unknown(did_you_mean(dotted, known.iter().map(String::as_str)))
    }
}

fn leaves(key: &str, part: Traced, lines: &mut Vec<Explained>) {
    let below: Vec<String> = match &part.value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            (0..items.len()).map(|index| index.to_string()).collect()
        }
        _ => Vec::new(),
    };
    for name in &below {
        if let Some(part) = part.sub(std::slice::from_ref(name)) {
            leaves(&key::below(key, name), part, lines);
        }
    }
    if below.is_empty() {
        let Traced { value, origins } = part;
        lines.push(Explained { key: key.to_owned(), value, origin: origins.own });
    }
}
