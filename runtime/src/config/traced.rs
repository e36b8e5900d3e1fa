//! Defines a JSON value that knows where each part of it came from, and how two of them merge.
//!
//! The one merge rule (Sails' A3.2 to A3.4): objects merge key by key, anything else is taken whole
//! from whoever wins; `null`, `false`, `[]` and `""` are values like any other. Two of Sails'
//! quirks are not kept: an object never merges with an array, and nothing is ever `undefined`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::problem::Origin;

/// A value with its origins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traced {
    pub(super) value: Value,
    pub(super) origins: Origins,
}

/// Where a value and the parts of it came from, in the shape of the value. A part without an entry
/// came from where its parent came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origins {
    pub(super) own: Origin,
    pub(super) children: BTreeMap<String, Origins>,
}

/// Whose value stays where both have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wins {
    /// What was there already.
    Old,
    /// What comes in.
    New,
}

impl Origins {
    pub(super) fn of(own: Origin) -> Self {
        Self { own, children: BTreeMap::new() }
    }

    fn take(&mut self, part: &str) -> Self {
        self.children.remove(part).unwrap_or_else(|| Self::of(self.own.clone()))
    }

    fn child_mut(&mut self, part: &str) -> &mut Self {
        let own = &self.own;
        self.children.entry(part.to_owned()).or_insert_with(|| Self::of(own.clone()))
    }

    /// Writes down what children inherit, so that `own` may change without changing theirs.
    fn settle<'a>(&mut self, parts: impl Iterator<Item = &'a String>) {
        for part in parts {
            self.child_mut(part);
        }
    }
}

impl Traced {
    /// A value that came from one place as a whole.
    pub(super) fn from_one(value: Value, origin: Origin) -> Self {
        Self { value, origins: Origins::of(origin) }
    }

    /// The empty tree.
    pub(super) fn empty() -> Self {
        Self::from_one(Value::Object(Map::new()), Origin::Default)
    }

    /// Merges another value into this one.
    pub(super) fn merge(&mut self, other: Traced, wins: Wins) {
        merge(&mut self.value, &mut self.origins, other, wins);
    }

    /// Sets one key, making the objects on the way; an index into an existing array works too.
    /// The value replaces what was there, or is merged over it.
    pub(super) fn assign(&mut self, path: &[String], value: Value, origin: &Origin, merged: bool) {
        let (mut at, mut origins) = (&mut self.value, &mut self.origins);
        for part in path {
            let index = match &*at {
                Value::Array(items) => {
                    part.parse::<usize>().ok().filter(|index| *index < items.len())
                }
                _ => None,
            };
            if let Some(index) = index {
                let Value::Array(items) = at else { return };
                origins = origins.child_mut(part);
                at = &mut items[index];
                continue;
            }
            if !at.is_object() {
                *at = Value::Object(Map::new());
                *origins = Origins::of(origin.clone());
            }
            let Value::Object(map) = at else { return };
            if !map.contains_key(part) {
                origins.children.insert(part.clone(), Origins::of(origin.clone()));
            }
            origins = origins.child_mut(part);
            at = map.entry(part.clone()).or_insert(Value::Null);
        }
        let new = Traced::from_one(value, origin.clone());
        if merged {
            merge(at, origins, new, Wins::New);
        } else {
            *at = new.value;
            *origins = new.origins;
        }
    }

    /// The value under a key.
    pub(super) fn get(&self, path: &[String]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, part| child(value, part))
    }

    /// The value under a key with its origins.
    pub(super) fn sub(&self, path: &[String]) -> Option<Traced> {
        Some(Traced { value: self.get(path)?.clone(), origins: self.nearest(path).0 })
    }

    /// The origins of a key, or of the closest parent that exists, with how many parts were found.
    pub(super) fn nearest(&self, path: &[String]) -> (Origins, usize) {
        let (mut value, mut origins) = (&self.value, &self.origins);
        let mut inherited = None;
        let mut found = 0;
        for part in path {
            let Some(next) = child(value, part) else { break };
            value = next;
            found += 1;
            if inherited.is_some() {
                continue;
            }
            match origins.children.get(part) {
                Some(next) => origins = next,
                None => inherited = Some(origins.own.clone()),
            }
        }
        (inherited.map_or_else(|| origins.clone(), Origins::of), found)
    }
}

fn child<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

fn merge(value: &mut Value, origins: &mut Origins, mut other: Traced, wins: Wins) {
    match (value, other.value) {
        (Value::Object(old), Value::Object(new)) => {
            origins.settle(old.keys());
            for (part, new) in new {
                let new_origins = other.origins.take(&part);
                match old.get_mut(&part) {
                    Some(old) => {
                        let new = Traced { value: new, origins: new_origins };
                        merge(old, origins.child_mut(&part), new, wins);
                    }
                    None => {
                        origins.children.insert(part.clone(), new_origins);
                        old.insert(part, new);
                    }
                }
            }
            if wins == Wins::New {
                origins.own = other.origins.own;
            }
        }
        (value, new) if wins == Wins::New => {
            *value = new;
            *origins = other.origins;
        }
        _ => {}
    }
}
