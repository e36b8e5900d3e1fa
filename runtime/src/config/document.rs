//! Turns the text of a TOML file into a value that knows the line of every key.
//!
//! TOML says more than JSON in two places: a date or time becomes its text, and `nan` and `inf` are
//! refused. Keys keep the order of the file.

use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::problem::{Origin, Problem, Problems};
use super::traced::{Origins, Traced};

/// Parses one file. `label` is what messages call it.
pub(super) fn parse(label: &str, text: &str) -> Result<Traced, Problems> {
    // Windows editors put a byte order mark in front; TOML calls that an error, people do not.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut document = Document {
        label: label.into(),
        lines: std::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect(),
        problems: Problems::default(),
    };
    match DeTable::parse(text) {
        Ok(table) => {
            let origin = document.origin_of_file();
            let (value, origins) = document.table(table.get_ref(), origin);
            document.problems.or(Traced { value, origins })
        }
        Err(error) => {
            let origin = match error.span() {
                Some(span) => document.origin(span.start),
                None => document.origin_of_file(),
            };
            let message = format!("not valid TOML: {}", error.message().replace('\n', ", "));
            Err(Problem::new(message).at(origin).into())
        }
    }
}

struct Document {
    label: Arc<str>,
    /// The byte offset at which each line starts.
    lines: Vec<usize>,
    problems: Problems,
}

impl Document {
    fn origin(&self, offset: usize) -> Origin {
        let line = self.lines.partition_point(|start| *start <= offset);
        Origin::File { file: Arc::clone(&self.label), line }
    }

    fn origin_of_file(&self) -> Origin {
        Origin::File { file: Arc::clone(&self.label), line: 0 }
    }

    fn table(&mut self, table: &DeTable<'_>, own: Origin) -> (Value, Origins) {
        let mut origins = Origins::of(own);
        let mut map = Map::new();
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let origin = self.origin(key.span().start);
            let (value, below) = self.value(value, origin);
            origins.children.insert(key.get_ref().to_string(), below);
            map.insert(key.get_ref().to_string(), value);
        }
        (Value::Object(map), origins)
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, own: Origin) -> (Value, Origins) {
        let leaf = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, own),
            DeValue::Array(array) => {
                let mut origins = Origins::of(own);
                let mut items = Vec::new();
                for (index, item) in array.iter().enumerate() {
                    let origin = self.origin(item.span().start);
                    let (item, below) = self.value(item, origin);
                    origins.children.insert(index.to_string(), below);
                    items.push(item);
                }
                return (Value::Array(items), origins);
            }
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(truth) => Value::Bool(*truth),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(integer) => match number(integer) {
                Some(number) => Value::Number(number),
                None => self.refused("an integer of more than 64 bits", integer, &own),
            },
            DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
                Some(number) => Value::Number(number),
                None => self.refused("not a finite number", float, &own),
            },
        };
        (leaf, Origins::of(own))
    }

    fn refused(&mut self, what: &str, found: impl std::fmt::Display, origin: &Origin) -> Value {
        self.problems.push(Problem::new(format!("{what}: `{found}`")).at(origin.clone()));
        Value::Null
    }
}

fn number(integer: &DeInteger<'_>) -> Option<Number> {
    let (digits, radix) = (integer.as_str(), integer.radix());
    match i64::from_str_radix(digits, radix) {
        Ok(number) => Some(number.into()),
        Err(_) => u64::from_str_radix(digits, radix).ok().map(Number::from),
    }
}
