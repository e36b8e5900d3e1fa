//! Lists what is configured under a key, with where each value was said: `config explain`.

use serde_json::Value;

use super::key;
use super::problem::Origin;
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
