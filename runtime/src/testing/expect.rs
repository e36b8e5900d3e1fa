//! Says what is to come of a step, and what of it has not. Pure, but for snapshots, which are files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fancy_regex::Regex;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::seen::{Failed, Outcome, Seen};
use crate::config::duration_text;
use crate::host::list;

/// What is to come of a step. What is not said may be anything.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The status.
    pub status: Option<u16>,
    /// Headers of the response.
    pub headers: Vec<(String, HeaderIs)>,
    /// What holds of the body, all of it.
    pub body: Vec<BodyIs>,
    /// Who answered.
    pub outcome: Option<Outcome>,
    /// The code of a failure, such as `E_HOOK_CPU`.
    pub error: Option<String>,
    /// Path and query of the request as what comes after the hook sees it.
    pub forwarded_target: Option<String>,
    /// Headers of the same.
    pub forwarded_headers: Vec<(String, HeaderIs)>,
    /// Locals, by name.
    pub locals: Vec<(String, Value)>,
    /// Parts of lines of the log, each of which must be there.
    pub logs: Vec<String>,
    /// Parts that no line of the log may have.
    pub no_logs: Vec<String>,
    /// What `kv` holds afterwards.
    pub kv: Vec<KvIs>,
    /// What the client's session holds afterwards, all of it.
    pub session: Option<Map<String, Value>>,
    /// The tasks that were deferred, all of them in order.
    pub tasks: Option<Vec<TaskIs>>,
    /// The events that were emitted, all of them in order.
    pub events: Option<Vec<EventIs>>,
    /// The requests to other servers, all of them in order, each as `GET https://...`.
    pub fetched: Option<Vec<String>>,
    /// The most fuel that the hook's calls may use.
    pub fuel: Option<u64>,
    /// The most processor time that they may take.
    pub cpu: Option<Duration>,
}

/// What a header is to be.
#[derive(Clone, Debug)]
pub enum HeaderIs {
    /// Not there.
    Absent,
    /// There.
    Present,
    /// These values, each a field.
    Values(Vec<String>),
    /// One field that matches.
    Matches(Pattern),
}

/// What a body is to be.
#[derive(Clone, Debug)]
pub enum BodyIs {
    /// This text.
    Text(String),
    /// JSON that says this.
    Json(Value),
    /// Text that has this in it.
    Contains(String),
    /// Text that matches.
    Matches(Pattern),
    /// These bytes.
    Bytes(Vec<u8>),
    /// What a file holds.
    Snapshot(PathBuf),
}

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

/// What `kv` is to hold.
#[derive(Clone, Debug)]
pub struct KvIs {
    /// The namespace.
    pub namespace: String,
    /// The key.
    pub key: String,
    /// Its value.
    pub value: ValueIs,
}

/// What a value is to be.
#[derive(Clone, Debug)]
pub enum ValueIs {
    /// Not there.
    Absent,
    /// These bytes.
    Text(String),
    /// JSON that says this.
    Json(Value),
}

/// A task that is to be deferred.
#[derive(Clone, Debug)]
pub struct TaskIs {
    /// Its name.
    pub name: String,
    /// Its payload; any if there is none.
    pub payload: Option<Value>,
    /// Whether it is durable; either if it is not said.
    pub durable: Option<bool>,
}

/// An event that is to be emitted.
#[derive(Clone, Debug)]
pub struct EventIs {
    /// Its name.
    pub name: String,
    /// Its payload; any if there is none.
    pub payload: Option<Value>,
}

/// Whether snapshots are held against what comes, or made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Snapshots {
    /// Held against it.
    #[default]
    Compared,
    /// Made of it, where nothing else is wrong.
    Updated(Made),
}

/// The snapshots that were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// What each holds.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Those that were written since somebody last asked.
    wrote: Vec<PathBuf>,
}

/// Something that is not as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Of what, such as `status` or ``header `x-a` ``.
    pub what: String,
    /// What was expected, for people.
    pub wanted: String,
    /// What there was.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: expected {}, found {}", self.what, self.wanted, self.found)
    }
}

impl Expect {
    /// What of a step is not as it is to be.
    pub fn check(&self, seen: &Seen, snapshots: &mut Snapshots) -> Vec<Mismatch> {
        let mut found = Found(Vec::new());
        self.response(seen, &mut found);
        self.failure(seen, &mut found);
        self.forwarded(seen, &mut found);
        self.traces(seen, &mut found);
        self.kept(seen, &mut found);
        self.cost(seen, &mut found);
        for request in &seen.unexpected {
            found.note("fetch", "no request that the case has no answer for", request);
        }
        // Last, as they are made of nothing but what is as it is to be.
        let is_good = found.0.is_empty();
        for body in &self.body {
            if let BodyIs::Snapshot(file) = body {
                snapshots.check(file, &seen.body, is_good, &mut found);
            }
        }
        found.0
    }

    fn response(&self, seen: &Seen, found: &mut Found) {
        if let Some(status) = self.status {
            found.same("status", &status, &seen.status);
        }
        headers(&self.headers, &seen.headers, "header", found);
        for body in &self.body {
            body.check(&seen.body, found);
        }
        if let Some(outcome) = self.outcome {
            found.same("outcome", &outcome, &seen.outcome);
        }
    }

    /// A failure that nobody speaks of is one of the case, too.
    fn failure(&self, seen: &Seen, found: &mut Found) {
        let is_wanted = |failure: &Failed| self.error.as_ref() == Some(&failure.code);
        let wanted = self.error.as_deref().map_or("none".into(), quoted);
        if self.error.is_some() && !seen.failures().any(is_wanted) {
            let code = seen.worst().map_or("none".into(), |failure| quoted(&failure.code));
            return found.note("error", &wanted, &code);
        }
        // Who expects a status has thought of the failure that made the response, and of no other.
        let ended = seen.failure.iter().filter(|_| self.status.is_none());
        let mut broken =
            ended.chain(&seen.beside).filter(|failure| failure.is_broken && !is_wanted(failure));
        if let Some(first) = broken.next() {
            let more = broken.count();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            found.note("error", &wanted, &format!("{}{more}", quoted(&first.code)));
        }
    }

    fn forwarded(&self, seen: &Seen, found: &mut Found) {
        if let Some(target) = &self.forwarded_target {
            found.same("forwarded target", target, &seen.forwarded_target);
        }
        headers(&self.forwarded_headers, &seen.forwarded_headers, "forwarded header", found);
    }

    /// What a step leaves in locals, log, tasks, events and with other servers.
    fn traces(&self, seen: &Seen, found: &mut Found) {
        for (name, wanted) in &self.locals {
            let local = seen.locals.get(name);
            if local != Some(wanted) {
                found.json(&format!("local `{name}`"), wanted, local);
            }
        }
        let lines = || seen.logs.join("\n");
        for part in &self.logs {
            if !seen.logs.iter().any(|line| line.contains(part)) {
                found.note("log", &format!("a line with `{part}`"), &nothing_if_empty(lines()));
            }
        }
        for part in &self.no_logs {
            if let Some(line) = seen.logs.iter().find(|line| line.contains(part)) {
                found.note("log", &format!("no line with `{part}`"), line);
            }
        }
        if let Some(wanted) = &self.tasks {
            let is = |wanted: &TaskIs, task: &super::seen::Task| wanted.is(task);
            found.all("tasks", wanted, &seen.tasks, is);
        }
        if let Some(wanted) = &self.events {
            let is = |wanted: &EventIs, event: &super::seen::Event| wanted.is(event);
            found.all("events", wanted, &seen.events, is);
        }
        if let Some(wanted) = &self.fetched {
            found.all("fetched", wanted, &seen.fetched, |wanted, found| wanted == found);
        }
    }

    fn kept(&self, seen: &Seen, found: &mut Found) {
        for KvIs { namespace, key, value } in &self.kv {
            let what = format!("kv `{namespace}` `{key}`");
            let kept = seen.kv.get(namespace).and_then(|keys| keys.get(key));
            value.check(&what, kept.map(Vec::as_slice), found);
        }
        if let Some(wanted) = &self.session
            && *wanted != seen.session
        {
            let wanted = Value::Object(wanted.clone());
            found.json("session", &wanted, Some(&Value::Object(seen.session.clone())));
        }
    }

    fn cost(&self, seen: &Seen, found: &mut Found) {
        if let Some(most) = self.fuel.filter(|most| seen.fuel > *most) {
            found.note("fuel", &format!("{most} at most"), &seen.fuel.to_string());
        }
        if let Some(most) = self.cpu.filter(|most| seen.cpu > *most) {
            let most = format!("{} at most", duration_text(most));
            found.note("cpu", &most, &format!("{:.1?}", seen.cpu));
        }
    }
}

/// What was found to be wrong so far.
struct Found(Vec<Mismatch>);

impl Found {
    fn note(&mut self, what: &str, wanted: &str, found: &str) {
        let (what, wanted, found) = (what.to_owned(), wanted.to_owned(), found.to_owned());
        self.0.push(Mismatch { what, wanted, found });
    }

    fn same<T: PartialEq + fmt::Display>(&mut self, what: &str, wanted: &T, found: &T) {
        if wanted != found {
            self.note(what, &wanted.to_string(), &found.to_string());
        }
    }

    fn json(&mut self, what: &str, wanted: &Value, found: Option<&Value>) {
        let pretty = |value: &Value| format!("{value:#}");
        self.note(what, &pretty(wanted), &found.map_or("nothing".into(), pretty));
    }

    fn all<W: fmt::Display, F: fmt::Display>(
        &mut self,
        what: &str,
        wanted: &[W],
        found: &[F],
        is: impl Fn(&W, &F) -> bool,
    ) {
        let alike = wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| is(w, f));
        if !alike {
            self.note(what, &lines(wanted), &lines(found));
        }
    }
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    nothing_if_empty(items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn nothing_if_empty(text: String) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

fn headers(wanted: &[(String, HeaderIs)], there: &HeaderMap, kind: &str, found: &mut Found) {
    for (name, is) in wanted {
        let values: Vec<String> = there
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        if !is.holds(&values) {
            let shown = if values.is_empty() { "nothing".to_owned() } else { list(&values) };
            found.note(&format!("{kind} `{name}`"), &is.to_string(), &shown);
        }
    }
}

impl HeaderIs {
    fn holds(&self, values: &[String]) -> bool {
        match self {
            Self::Absent => values.is_empty(),
            Self::Present => !values.is_empty(),
            Self::Values(wanted) => values == wanted,
            Self::Matches(pattern) => values.iter().any(|value| pattern.is_in(value)),
        }
    }
}

impl fmt::Display for HeaderIs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => out.write_str("nothing"),
            Self::Present => out.write_str("any value"),
            Self::Values(values) => out.write_str(&list(values)),
            Self::Matches(pattern) => write!(out, "what matches `{}`", pattern.0.as_str()),
        }
    }
}

impl Pattern {
    /// Whether a part of the text matches. A pattern that gives up on a text does not match it.
    fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text).unwrap_or(false)
    }
}

impl BodyIs {
    fn check(&self, body: &[u8], found: &mut Found) {
        let text = String::from_utf8_lossy(body);
        match self {
            Self::Text(wanted) if *wanted != text => found.note("body", wanted, &text),
            Self::Json(wanted) => match serde_json::from_slice::<Value>(body) {
                Ok(value) if value == *wanted => {}
                Ok(value) => found.json("body", wanted, Some(&value)),
                Err(_) => found.note("body", &format!("{wanted:#}"), &text),
            },
            Self::Contains(part) if !text.contains(part) => {
                found.note("body", &format!("with `{part}` in it"), &text);
            }
            Self::Matches(pattern) if !pattern.is_in(&text) => {
                found.note("body", &format!("what matches `{}`", pattern.0.as_str()), &text);
            }
            Self::Bytes(wanted) if wanted != body => {
                let shown = |bytes: &[u8]| format!("{} bytes: {bytes:02x?}", bytes.len());
                found.note("body", &shown(wanted), &shown(body));
            }
            _ => {}
        }
    }
}

impl Snapshots {
    /// The files that were written since this was last asked.
    pub fn take_wrote(&mut self) -> Vec<PathBuf> {
        match self {
            Self::Compared => Vec::new(),
            Self::Updated(made) => mem::take(&mut made.wrote),
        }
    }

    /// Holds a body against a file, or writes it there if the step `is_good` otherwise.
    fn check(&mut self, file: &Path, body: &[u8], is_good: bool, found: &mut Found) {
        let what = format!("body, by {}", file.display());
        match self {
            Self::Compared => compare(&what, file, body, found),
            Self::Updated(_) if !is_good => {}
            Self::Updated(made) => match made.files.get(file) {
                Some(first) if first == body => {}
                Some(first) => {
                    let what = format!("{what}, which a step before this one has written");
                    found.note(
                        &what,
                        &String::from_utf8_lossy(first),
                        &String::from_utf8_lossy(body),
                    );
                }
                None => {
                    if let Err(error) = made.make(file, body) {
                        found.note(&what, "a file that can be written", &error.to_string());
                    }
                }
            },
        }
    }
}

impl Made {
    fn make(&mut self, file: &Path, body: &[u8]) -> io::Result<()> {
        if fs::read(file).ok().as_deref() != Some(body) {
            file.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(file, body)?;
            self.wrote.push(file.to_owned());
        }
        self.files.insert(file.to_owned(), body.to_owned());
        Ok(())
    }
}

/// Holds a body against a file.
fn compare(what: &str, file: &Path, body: &[u8], found: &mut Found) {
    match fs::read(file) {
        Ok(wanted) if wanted == body => {}
        Ok(wanted) => {
            found.note(what, &String::from_utf8_lossy(&wanted), &String::from_utf8_lossy(body));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = "no such file\nhint: `boathook test --update` writes it";
            found.note(what, "a snapshot", text);
        }
        Err(error) => found.note(what, "a file that can be read", &error.to_string()),
    }
}

impl ValueIs {
    fn check(&self, what: &str, kept: Option<&[u8]>, found: &mut Found) {
        let shown = || kept.map_or("nothing".into(), String::from_utf8_lossy);
        match self {
            Self::Absent if kept.is_some() => found.note(what, "nothing", &shown()),
            Self::Text(wanted) if kept != Some(wanted.as_bytes()) => {
                found.note(what, wanted, &shown());
            }
            Self::Json(wanted) => {
                let value = kept.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
                if value.as_ref() != Some(wanted) {
                    found.note(what, &format!("{wanted:#}"), &shown());
                }
            }
            _ => {}
        }
    }
}

impl TaskIs {
    fn is(&self, task: &super::seen::Task) -> bool {
        self.name == task.name
            && self.payload.as_ref().is_none_or(|payload| *payload == task.payload)
            && self.durable.is_none_or(|durable| durable == task.durable)
    }
}

impl fmt::Display for TaskIs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(out, &self.name, self.payload.as_ref())?;
        out.write_str(match self.durable {
            Some(true) => " durable",
            Some(false) => " in memory",
            None => "",
        })
    }
}

impl EventIs {
    fn is(&self, event: &super::seen::Event) -> bool {
        self.name == event.name
            && self.payload.as_ref().is_none_or(|payload| *payload == event.payload)
    }
}

impl fmt::Display for EventIs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(out, &self.name, self.payload.as_ref())
    }
}

/// A name and what goes with it.
pub(super) fn named(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    payload: Option<&Value>,
) -> fmt::Result {
    match payload {
        Some(payload) => write!(out, "{name} {payload}"),
        None => out.write_str(name),
    }
}
