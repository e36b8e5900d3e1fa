//! Reads files of cases for `boathook test`: what a hook finds, what it is asked, what is to come of it.
//!
//! TOML or JSON, with the same keys. What stands at the root of a file holds for all of its cases, each of which may
//! say otherwise. Of a mistake in TOML the line is known, of one in JSON the key. What is to come of a step is read
//! in `expected`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value};

use super::document;
use super::expected::{base64, expect};
use super::problem::{Origin, Problem, Problems};
use super::reader::{Expected, Field, Table, boolean, filled_string, quoted_list, string, whole};
use super::traced::{Traced, Wins};
use super::units::duration_or_zero;
use crate::testing::{Act, Answer, Case, Content, Mock, Request, Step};

/// The key that cases stand under.
const CASES: &str = "case";
/// What a file may have for all of its cases.
const FOR_ALL: &[&str] = &[
    "config", "hook", "app", "kv", "session", "locals", "env", "secrets", "now", "seed", "respond",
    "fetch",
];
/// What a case that is one request has of it.
const ONE_REQUEST: &[&str] = &["request", "headers", "body", "ip", "https", "expect"];
/// What a step may have.
const STEP: &[&str] =
    &["request", "headers", "body", "ip", "https", "after", "repeat", "run", "tick", "expect"];
/// What of that says something of a request, and what of `expect` of its response.
const OF_REQUESTS: &[&str] = &["headers", "body", "ip", "https"];
const EXPECT_OF_REQUESTS: &[&str] =
    &["status", "headers", "body", "outcome", "forwarded", "locals"];
/// What an answer of another server may have.
const FETCH: &[&str] = &["method", "url", "status", "headers", "body", "error", "timeout", "times"];
/// How a body may be written, but as a text.
const BODY: &[&str] = &["text", "json", "base64", "file"];
/// How often one step may happen: more would be a measurement.
const REPEAT_MAX: u64 = 100_000;
/// The latest time that a case may begin at: the year 2500.
const NOW_MAX: Duration = Duration::from_secs(16_725_225_600);

/// Reads a file of cases. `path` is what messages call it, and where the files lie that it names.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(path: &Path, text: &str) -> Result<Vec<Case>, Problems> {
    let label = path.display().to_string();
    let traced = match path.extension() {
        Some(extension) if extension == "json" => parse_json(&label, text)?,
        _ => document::parse(&label, text)?,
    };
    let mut problems = Problems::default();
    let root = Table::root(&traced);
    root.only(&[FOR_ALL, &[CASES]].concat(), &mut problems);
    let place = path.parent().unwrap_or(Path::new(""));
    let fields = root.field(CASES).map(|field| field.elements(&mut problems)).unwrap_or_default();
    if fields.is_empty() {
        let hint = "write `[[case]]`, with `name = \"...\"` and `request = \"GET /\"`";
        problems.push(Problem::new("there is no case in it").at(root.origin()).hint(hint));
    }
    let mut for_all = traced.clone();
    if let Value::Object(map) = &mut for_all.value {
        map.retain(|key, _| FOR_ALL.contains(&key.as_str()));
    }
    let mut cases = Vec::new();
    for at in 0..fields.len() {
        let Some(mut own) = traced.sub(&[CASES.to_owned(), at.to_string()]) else { continue };
        own.merge(for_all.clone(), Wins::Old);
        let key = format!("{CASES}.{at}");
        if let Some(table) = Field::of(key, own).table(&mut problems) {
            cases.extend(case(&table, place, &mut problems));
        }
    }
    refuse_twins(&cases, &root, &mut problems);
    problems.or(cases)
}

fn parse_json(label: &str, text: &str) -> Result<Traced, Problems> {
    let file = |line| Origin::File { file: label.into(), line };
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Problem::new(format!("not valid JSON: {error}")).at(file(error.line())))?;
    if !value.is_object() {
        let hint = "write `{ \"case\": [ ... ] }`";
        return Err(Problem::new("it must be an object").at(file(0)).hint(hint).into());
    }
    Ok(Traced::from_one(value, file(0)))
}

/// Two cases of one name could not be told apart in a report.
fn refuse_twins(cases: &[Case], root: &Table, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    for case in cases {
        if !names.insert(&case.name) {
            let message = format!("two cases are called `{}`", case.name);
            problems.push(Problem::new(message).at(root.origin()));
        }
    }
}

fn case(table: &Table, place: &Path, problems: &mut Problems) -> Option<Case> {
    table.only(&[&["name", "steps"], FOR_ALL, ONE_REQUEST].concat(), problems);
    if table.field("name").is_none() {
        let hint = "say what it shows: `name = \"the third POST is refused\"`";
        let message = format!("`{}` lacks `name`", table.key);
        problems.push(Problem::new(message).at(table.origin()).hint(hint));
    }
    let mut case = Case::new(table.get("name", filled_string, problems)?);
    let mut objects = |name| table.get(name, object, problems).unwrap_or_default();
    case.config = objects("config");
    case.hook = objects("hook");
    case.app = objects("app");
    case.session = objects("session");
    case.locals = objects("locals");
    case.respond = table.get("respond", object, problems).map(Value::Object);
    case.kv = kv(table, problems);
    case.env = table.get("env", texts, problems).unwrap_or_default();
    case.secrets = table.get("secrets", texts, problems).unwrap_or_default();
    case.seed = table.get("seed", whole(0..=u64::MAX), problems).unwrap_or_default();
    case.now = table.get("now", time, problems).unwrap_or(case.now);
    case.fetch = elements(table, "fetch", problems)
        .into_iter()
        .filter_map(|field| mock(&field.table(problems)?, problems))
        .collect();
    case.steps = steps(table, place, problems);
    Some(case)
}

/// The steps of a case: those that it lists, or the one request that it is.
fn steps(table: &Table, place: &Path, problems: &mut Problems) -> Vec<Step> {
    let Some(field) = table.field("steps") else {
        if table.field("request").is_none() {
            let message = format!("`{}` lacks `request`", table.key);
            let hint = "write `request = \"GET /\"`, or several in `[[case.steps]]`";
            problems.push(Problem::new(message).at(table.origin()).hint(hint));
        }
        let act = Act::Request(request(table, problems));
        let expect = expect(table, place, problems);
        return vec![Step { act: at(act, place), expect, ..Step::default() }];
    };
    for name in ONE_REQUEST {
        if let Some(field) = table.field(name) {
            let message = format!("`{}` belongs into one of the `steps` there are", field.key);
            problems.push(Problem::new(message).at(field.origin()));
        }
    }
    let origin = field.origin();
    let fields = field.elements(problems);
    if fields.is_empty() {
        let message = format!("`{}.steps` has no step", table.key);
        let hint = "write `[[case.steps]]`, with `request = \"GET /\"`";
        problems.push(Problem::new(message).at(origin).hint(hint));
    }
    let mut steps = Vec::new();
    for field in fields {
        let Some(table) = field.table(problems) else { continue };
        steps.push(step(&table, place, problems));
    }
    steps
}

fn step(table: &Table, place: &Path, problems: &mut Problems) -> Step {
    table.only(STEP, problems);
    let kinds = ["request", "run", "tick"];
    if kinds.iter().filter(|kind| table.field(kind).is_some()).count() != 1 {
        let message = format!("`{}` must have one of {}", table.key, quoted_list(&kinds));
        let hint = "write `request = \"GET /\"`, `run = \"tasks\"` or `tick = \"<name>\"`";
        problems.push(Problem::new(message).at(table.origin()).hint(hint));
    }
    if table.field("request").is_none() {
        refuse_of_requests(table, OF_REQUESTS, problems);
        if let Some(expected) = table.field("expect").filter(|field| field.value.is_object()) {
            expected
                .table(problems)
                .inspect(|it| refuse_of_requests(it, EXPECT_OF_REQUESTS, problems));
        }
    }
    let run = table.get("run", super::reader::one_of(&[("tasks", ())]), problems);
    let tick = table.get("tick", filled_string, problems);
    let act = match (run, tick) {
        (Some(()), _) => Act::Tasks,
        (None, Some(tick)) => Act::Tick(tick),
        (None, None) => Act::Request(request(table, problems)),
    };
    Step {
        after: table.get("after", duration_or_zero, problems).unwrap_or(Duration::ZERO),
        repeat: table.get("repeat", whole(1..=REPEAT_MAX), problems).unwrap_or(1),
        act: at(act, place),
        expect: expect(table, place, problems),
    }
}

/// What belongs to a request says nothing of a task or a tick, so nobody would ever see it fail.
fn refuse_of_requests(table: &Table, names: &[&str], problems: &mut Problems) {
    for field in names.iter().filter_map(|name| table.field(name)) {
        let message = format!("`{}` is for steps with a `request`", field.key);
        problems.push(Problem::new(message).at(field.origin()));
    }
}

/// Finds a file beside the cases.
fn at(mut act: Act, place: &Path) -> Act {
    if let Act::Request(Request { body: Content::File(file), .. }) = &mut act {
        *file = place.join(&*file);
    }
    act
}

fn request(table: &Table, problems: &mut Problems) -> Request {
    let asked = table.get("request", method_and_target, problems);
    let (method, target) = asked.unwrap_or((Method::GET, "/".to_owned()));
    let mut request = Request::new(method, target);
    request.headers = table.get("headers", headers, problems).unwrap_or_default();
    if let Some((body, is_json)) = table.field("body").and_then(|field| content(field, problems)) {
        request.body = body;
        if is_json && !request.headers.contains_key(CONTENT_TYPE) {
            let json = HeaderValue::from_static("application/json");
            request.headers.insert(CONTENT_TYPE, json);
        }
    }
    request.ip = table.get("ip", ip, problems).unwrap_or(request.ip);
    request.https = table.get("https", boolean, problems).unwrap_or_default();
    request
}

/// A body: a text, or a table that says in another way what it is. And whether it is JSON.
fn content(field: Field, problems: &mut Problems) -> Option<(Content, bool)> {
    if let Value::String(text) = &field.value {
        return Some((Content::Bytes(text.clone().into_bytes()), false));
    }
    let table = field.table(problems)?;
    table.only(BODY, problems);
    let one = (BODY.iter().filter_map(|kind| table.field(kind)).collect::<Vec<_>>()).try_into();
    let Ok([field]): Result<[Field; 1], _> = one else {
        let message = format!("`{}` must have one of {}", table.key, quoted_list(BODY));
        problems.push(Problem::new(message).at(table.origin()));
        return None;
    };
    let bytes = |bytes| (Content::Bytes(bytes), false);
    if table.field("json").is_some() {
        return Some((Content::Bytes(field.value.to_string().into_bytes()), true));
    }
    if table.field("file").is_some() {
        let file = field.read(super::reader::path, problems)?;
        return Some((Content::File(file), false));
    }
    match table.field("base64") {
        Some(field) => field.read(base64, problems).map(bytes),
        None => field.read(string, problems).map(String::into_bytes).map(bytes),
    }
}

fn mock(table: &Table, problems: &mut Problems) -> Option<Mock> {
    table.only(FETCH, problems);
    if table.field("url").is_none() {
        let message = format!("`{}` lacks `url`", table.key);
        let hint = "write `url = \"https://api.example.com/\"`";
        problems.push(Problem::new(message).at(table.origin()).hint(hint));
    }
    refuse_other_answers(table, problems);
    let answer = match table.get("timeout", boolean, problems) {
        Some(true) => Answer::TooLate,
        _ => match table.get("error", filled_string, problems) {
            Some(why) => Answer::Failed(why),
            None => response(table, problems),
        },
    };
    Some(Mock {
        method: table.get("method", method, problems),
        times: table.get("times", whole(0..=u64::MAX), problems),
        url: table.get("url", url, problems)?,
        answer,
    })
}

/// A server that is away, or too late, answers nothing.
fn refuse_other_answers(table: &Table, problems: &mut Problems) {
    let is_late = table.field("timeout").is_some_and(|field| field.value == Value::Bool(true));
    let (kind, others) = match (is_late, table.field("error").is_some()) {
        (true, _) => ("timeout", &["error", "status", "headers", "body"][..]),
        (false, true) => ("error", &["status", "headers", "body"][..]),
        (false, false) => return,
    };
    for field in others.iter().filter_map(|name| table.field(name)) {
        let message = format!("`{}` says nothing beside `{kind}`", field.key);
        let hint = "write two answers, each with `times = 1`, if both are to come";
        problems.push(Problem::new(message).at(field.origin()).hint(hint));
    }
}

fn response(table: &Table, problems: &mut Problems) -> Answer {
    let status = table.get("status", status, problems).unwrap_or(StatusCode::OK);
    let mut headers = table.get("headers", headers, problems).unwrap_or_default();
    let body = table.field("body").and_then(|field| match content(field.clone(), problems)? {
        (Content::Bytes(bytes), is_json) => Some((bytes, is_json)),
        (Content::File(_), _) => {
            problems.push(field.problem(Expected::new("`text`, `json` or `base64`")));
            None
        }
    });
    let (body, is_json) = body.unwrap_or_default();
    if is_json && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Answer::Response { status, headers, body }
}

fn kv(table: &Table, problems: &mut Problems) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let Some(namespaces) = table.table("kv", problems) else { return all };
    for (namespace, field) in namespaces.fields() {
        let Some(keys) = field.table(problems) else { continue };
        let value = |(key, field): (&str, Field)| (key.to_owned(), kept(&field.value));
        all.insert(namespace.to_owned(), keys.fields().map(value).collect());
    }
    all
}

/// A text as it is, anything else as JSON.
fn kept(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// The elements of an array, if it is there.
pub(super) fn elements(table: &Table, name: &str, problems: &mut Problems) -> Vec<Field> {
    table.field(name).map(|field| field.elements(problems)).unwrap_or_default()
}

pub(super) fn object(value: &Value) -> Result<Map<String, Value>, Expected> {
    value.as_object().cloned().ok_or_else(|| Expected::new("a table"))
}

fn texts(value: &Value) -> Result<BTreeMap<String, String>, Expected> {
    let bad = || Expected::new("a table of strings");
    let pair = |(name, value): (&String, &Value)| {
        value.as_str().map(|text| (name.clone(), text.to_owned())).ok_or_else(bad)
    };
    value.as_object().ok_or_else(bad)?.iter().map(pair).collect()
}

/// A point in time, since 1970.
fn time(value: &Value) -> Result<Duration, Expected> {
    let bad = || Expected::new("a time in UTC").hint("write it like `2026-01-01T00:00:00Z`");
    let time = value.as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
    let time = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let time = time.ok_or_else(bad)?;
    // Nanoseconds since 1970 go no further, and a case's clock has to go on from there.
    if time > NOW_MAX {
        return Err(Expected::new("a time before 2500"));
    }
    Ok(time)
}

fn method_and_target(value: &Value) -> Result<(Method, String), Expected> {
    let bad = || Expected::new("a method and a path").hint("write it like `GET /users?page=2`");
    let (method, target) = value.as_str().and_then(|it| it.split_once(' ')).ok_or_else(bad)?;
    let target = target.trim_start();
    let is_target = target.starts_with('/') || target == "*";
    let method = in_capitals(method, bad)?;
    target.parse::<Uri>().ok().filter(|_| is_target).ok_or_else(bad)?;
    Ok((method, target.to_owned()))
}

fn method(value: &Value) -> Result<Method, Expected> {
    let bad = || Expected::new("a method").hint("write it like `GET`");
    let text = value.as_str().ok_or_else(bad)?;
    in_capitals(text, bad)
}

/// Methods are told apart by their case, and none that anybody uses has small letters.
fn in_capitals(text: &str, bad: impl Fn() -> Expected) -> Result<Method, Expected> {
    if text.chars().any(|letter| letter.is_ascii_lowercase()) {
        let hint = format!("write `{}`", text.to_ascii_uppercase());
        return Err(Expected::new("a method in capital letters").hint(hint));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| bad())
}

fn url(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("a URL").hint("write it like `https://api.example.com/users`");
    let text = value.as_str().ok_or_else(bad)?;
    url::Url::parse(text).ok().filter(url::Url::has_host).ok_or_else(bad)?;
    Ok(text.to_owned())
}

fn status(value: &Value) -> Result<StatusCode, Expected> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    let status = number.and_then(|number| StatusCode::from_u16(number).ok());
    status.ok_or_else(|| Expected::new("a status from 100 to 999"))
}

fn ip(value: &Value) -> Result<IpAddr, Expected> {
    let bad = || Expected::new("an IP address").hint("write it like `10.0.0.1`");
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(bad)
}

/// A table of header fields: a text each, or several.
fn headers(value: &Value) -> Result<HeaderMap, Expected> {
    let bad = || {
        Expected::new("a table of header fields")
            .hint("write it like `{ accept = \"text/html\", x-many = [\"a\", \"b\"] }`")
    };
    let mut headers = HeaderMap::new();
    for (name, value) in value.as_object().ok_or_else(bad)? {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let one = std::slice::from_ref(value);
        for value in value.as_array().map_or(one, Vec::as_slice) {
            let text = value.as_str().ok_or_else(bad)?;
            headers.append(name.clone(), HeaderValue::from_str(text).map_err(|_| bad())?);
        }
    }
    Ok(headers)
}
