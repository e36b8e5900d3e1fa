//! Reads what is to come of a step of a case: the table `expect`.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fancy_regex::Regex;
use http::HeaderName;
use serde_json::Value;

use super::cases::{elements, object};
use super::problem::{Problem, Problems};
use super::reader::{
    Expected, Field, Table, boolean, filled_string, one_of, quoted_list, string, strings, whole,
};
use super::units::duration;
use crate::testing::expect::{BodyIs, EventIs, Expect, HeaderIs, KvIs, Pattern, TaskIs, ValueIs};
use crate::testing::seen::Outcome;

/// What may be expected.
const EXPECT: &[&str] = &[
    "status",
    "headers",
    "body",
    "outcome",
    "error",
    "forwarded",
    "locals",
    "logs",
    "no_logs",
    "kv",
    "session",
    "tasks",
    "events",
    "fetched",
    "fuel",
    "cpu",
];
/// What may be expected of a body, but a text.
const BODY: &[&str] = &["text", "json", "contains", "matches", "base64", "snapshot"];
/// What may be expected of the request that goes on.
const FORWARDED: &[&str] = &["target", "headers"];
const OUTCOMES: &[(&str, Outcome)] = &[("next", Outcome::Next), ("respond", Outcome::Respond)];
/// The folder of snapshots, beside the cases.
const SNAPSHOTS: &str = "snapshots";

/// What a case or a step expects; nothing if it does not say. Files that it names lie in `place`.
pub(super) fn expect(parent: &Table, place: &Path, problems: &mut Problems) -> Expect {
    let Some(table) = parent.table("expect", problems) else { return Expect::default() };
    table.only(EXPECT, problems);
    let forwarded = table.table("forwarded", problems);
    if let Some(forwarded) = &forwarded {
        forwarded.only(FORWARDED, problems);
    }
    let forwarded = forwarded.as_ref();
    Expect {
        status: table.get("status", whole(100..=999), problems),
        headers: headers(&table, problems),
        body: table.field("body").map(|field| body(field, place, problems)).unwrap_or_default(),
        outcome: table.get("outcome", one_of(OUTCOMES), problems),
        error: table.get("error", filled_string, problems),
        forwarded_target: forwarded.and_then(|it| it.get("target", filled_string, problems)),
        forwarded_headers: forwarded.map(|it| headers(it, problems)).unwrap_or_default(),
        locals: table.get("locals", object, problems).unwrap_or_default().into_iter().collect(),
        logs: table.get("logs", strings, problems).unwrap_or_default(),
        no_logs: table.get("no_logs", strings, problems).unwrap_or_default(),
        kv: kv(&table, problems),
        session: table.get("session", object, problems),
        tasks: listed(&table, "tasks", problems, task),
        events: listed(&table, "events", problems, event),
        fetched: table.get("fetched", strings, problems),
        fuel: table.get("fuel", whole(1..=u64::MAX), problems),
        cpu: table.get("cpu", duration, problems),
    }
}

/// What is to come of each element of an array; none if there is no array.
fn listed<T>(
    table: &Table,
    name: &str,
    problems: &mut Problems,
    read: impl Fn(Field, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    table.field(name)?;
    let fields = elements(table, name, problems);
    Some(fields.into_iter().filter_map(|field| read(field, problems)).collect())
}

fn headers(table: &Table, problems: &mut Problems) -> Vec<(String, HeaderIs)> {
    let Some(table) = table.table("headers", problems) else { return Vec::new() };
    let mut all = Vec::new();
    for (name, field) in table.fields() {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{}`: there is no header of this name", field.key);
            problems.push(Problem::new(message).at(field.origin()));
            continue;
        }
        all.extend(header(field, problems).map(|is| (name.to_owned(), is)));
    }
    all
}

fn header(field: Field, problems: &mut Problems) -> Option<HeaderIs> {
    match &field.value {
        Value::Bool(true) => Some(HeaderIs::Present),
        Value::Bool(false) => Some(HeaderIs::Absent),
        Value::String(text) => Some(HeaderIs::Values(vec![text.clone()])),
        Value::Array(_) => field.read(strings, problems).map(HeaderIs::Values),
        Value::Object(_) => {
            let table = field.table(problems)?;
            table.only(&["matches"], problems);
            table.get("matches", pattern, problems).map(HeaderIs::Matches)
        }
        _ => {
            let what = "a text, several, `true` for any, `false` for none, or `{ matches = ... }`";
            problems.push(field.problem(Expected::new(what)));
            None
        }
    }
}

fn body(field: Field, place: &Path, problems: &mut Problems) -> Vec<BodyIs> {
    if let Value::String(text) = &field.value {
        return vec![BodyIs::Text(text.clone())];
    }
    let Some(table) = field.table(problems) else { return Vec::new() };
    table.only(BODY, problems);
    if table.fields().next().is_none() {
        let message = format!("`{}` must have some of {}", table.key, quoted_list(BODY));
        problems.push(Problem::new(message).at(table.origin()));
    }
    let mut all = Vec::new();
    all.extend(table.get("text", string, problems).map(BodyIs::Text));
    all.extend(table.field("json").map(|field| BodyIs::Json(field.value)));
    let parts = table.get("contains", one_or_several, problems).unwrap_or_default();
    all.extend(parts.into_iter().map(BodyIs::Contains));
    all.extend(table.get("matches", pattern, problems).map(BodyIs::Matches));
    all.extend(table.get("base64", base64, problems).map(BodyIs::Bytes));
    let file = table.get("snapshot", file_name, problems);
    all.extend(file.map(|file| BodyIs::Snapshot(place.join(SNAPSHOTS).join(file))));
    all
}

fn kv(table: &Table, problems: &mut Problems) -> Vec<KvIs> {
    let mut all = Vec::new();
    let Some(namespaces) = table.table("kv", problems) else { return all };
    for (namespace, field) in namespaces.fields() {
        let Some(keys) = field.table(problems) else { continue };
        all.extend(keys.fields().map(|(key, field)| KvIs {
            namespace: namespace.to_owned(),
            key: key.to_owned(),
            value: value(&field.value),
        }));
    }
    all
}

/// A text as it is, `{ absent = true }`, anything else as JSON.
fn value(value: &Value) -> ValueIs {
    match value {
        Value::String(text) => ValueIs::Text(text.clone()),
        Value::Object(map) if map.len() == 1 && map.get("absent") == Some(&Value::Bool(true)) => {
            ValueIs::Absent
        }
        other => ValueIs::Json(other.clone()),
    }
}

/// A name, or a table with more.
fn name_and_more(
    field: Field,
    known: &[&str],
    problems: &mut Problems,
) -> Option<(String, Option<Table>)> {
    if let Value::String(name) = &field.value {
        return Some((name.clone(), None));
    }
    let table = field.table(problems)?;
    table.only(known, problems);
    if table.field("name").is_none() {
        let message = format!("`{}` lacks `name`", table.key);
        problems.push(Problem::new(message).at(table.origin()));
    }
    Some((table.get("name", filled_string, problems)?, Some(table)))
}

fn payload(table: Option<&Table>) -> Option<Value> {
    table.and_then(|table| table.field("payload")).map(|field| field.value)
}

fn task(field: Field, problems: &mut Problems) -> Option<TaskIs> {
    let (name, table) = name_and_more(field, &["name", "payload", "durable"], problems)?;
    let durable = table.as_ref().and_then(|table| table.get("durable", boolean, problems));
    Some(TaskIs { name, payload: payload(table.as_ref()), durable })
}

fn event(field: Field, problems: &mut Problems) -> Option<EventIs> {
    let (name, table) = name_and_more(field, &["name", "payload"], problems)?;
    Some(EventIs { name, payload: payload(table.as_ref()) })
}

fn pattern(value: &Value) -> Result<Pattern, Expected> {
    let bad = |why: String| Expected::new("a regular expression").hint(why);
    let text = value.as_str().ok_or_else(|| bad("write it like `^[0-9]+$`".into()))?;
    Regex::new(text).map(Pattern).map_err(|error| bad(error.to_string()))
}

fn one_or_several(value: &Value) -> Result<Vec<String>, Expected> {
    match value.as_str() {
        Some(text) => Ok(vec![text.to_owned()]),
        None => strings(value).map_err(|_| Expected::new("a string, or an array of them")),
    }
}

pub(super) fn base64(value: &Value) -> Result<Vec<u8>, Expected> {
    let bad = || Expected::new("base64");
    BASE64_STANDARD.decode(value.as_str().ok_or_else(bad)?).map_err(|_| bad())
}

/// A file that stays in its folder: `--update` writes it.
fn file_name(value: &Value) -> Result<PathBuf, Expected> {
    let bad = || Expected::new("a path below `snapshots`").hint("write it like `home.html`");
    let path = value.as_str().map(PathBuf::from).ok_or_else(bad)?;
    let mut parts = path.components().peekable();
    let is_below = parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)));
    if is_below { Ok(path) } else { Err(bad()) }
}
