//! `boathook routes`: lists an app's routes in the order in which requests meet them, and which of them
//! one request meets.

use std::sync::Arc;

use clap::Args;
use http::{Method, Uri};
use serde_json::{Map, Value, json};

use super::{App, Json, block_on, say, say_json, text};
use crate::app::{self, Doer};
use crate::config::Target;
use crate::error::{Code, Failure};
use crate::lift;
use crate::router::{Binding, Match, Path, Section};
use crate::sandbox::instance::RoutePhase;

/// List an app's routes in the order in which requests meet them.
#[derive(Debug, Args)]
pub(super) struct Routes {
    #[command(flatten)]
    app: App,
    /// Show the chain of one request, such as 'GET /users/7'
    #[arg(long = "match", value_name = "REQUEST", value_parser = Asked::parse)]
    asked: Option<Asked>,
    #[command(flatten)]
    pub(super) json: Json,
}

/// A request as it was typed: method and target, a path with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    method: Method,
    target: String,
}

impl Asked {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (method, target) = match text.split_once(char::is_whitespace) {
            Some((method, target)) if !text.starts_with('/') => (method, target.trim_start()),
            _ if text.starts_with('/') => ("GET", text),
            _ => return Err("write a method and a path, like `GET /users/7`".into()),
        };
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| format!("`{method}` is no method"))?;
        Ok(Self { method, target: target.to_owned() })
    }
}

impl Routes {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (config, problems) = self.app.look()?;
        let prepared = lift::prepare(config, problems, &self.app.compiler())?.rehearsed();
        let workers = prepared.config.server.workers;
        block_on(workers, async {
            let app = lift::lift(prepared, std::future::pending()).await?;
            lift::lower_all(&app.hooks, &app.shared).await;
            match (&self.asked, self.json.json) {
                (None, true) => say_json(&json!({ "routes": all(&app) })),
                (None, false) => say(&text::columns(&table(&app))),
                (Some(asked), true) => say_json(&chain(&app, asked).json(&app, asked)),
                (Some(asked), false) => say(&chain(&app, asked).text(&app, asked)),
            }
            Ok(())
        })
    }
}

/// The routes of an app, one a row: section, address, who answers, and what is special about it.
pub(super) fn table(app: &Arc<app::App>) -> Vec<Vec<String>> {
    (0..app.steps.len()).map(|index| row(app, index)).collect()
}

fn row(app: &app::App, index: usize) -> Vec<String> {
    let mut row =
        vec![section(app, index).to_owned(), app.steps[index].address.clone(), answers(app, index)];
    let flags = flags(app, index);
    if !flags.is_empty() {
        row.push(format!("[{}]", flags.join(", ")));
    }
    row
}

fn all(app: &app::App) -> Vec<Value> {
    (0..app.steps.len()).map(|index| Value::Object(object(app, index))).collect()
}

fn section(app: &app::App, index: usize) -> &'static str {
    match app.router.origin(index).0 {
        Section::Before => "before",
        Section::App => "app",
        Section::After => "after",
    }
}

/// Who answers, in a few words.
fn answers(app: &app::App, index: usize) -> String {
    match (app.own_route(index), &app.steps[index].doer) {
        (Some(route), _) => route.target.to_string(),
        (None, Doer::Hook { hook, route, .. }) => format!("hook `{}` route {route}", hook.name()),
        (None, Doer::Target(_)) => String::new(),
    }
}

/// What a hook asked for with its route, in the words of `wit/`, and whether assets pass it by.
fn flags(app: &app::App, index: usize) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if let Doer::Hook { reads_body, observes_response, observes_finish, .. } = app.steps[index].doer
    {
        flags.extend(reads_body.then_some("read-body"));
        flags.extend(observes_response.then_some("observe-response"));
        flags.extend(observes_finish.then_some("observe-finish"));
    }
    if app.router.binding(index).is_some_and(Binding::skips_assets) {
        flags.push("skip-assets");
    }
    flags
}

fn object(app: &app::App, index: usize) -> Map<String, Value> {
    let mut object = Map::new();
    let step = &app.steps[index];
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("section", section(app, index).into());
    put("address", step.address.as_str().into());
    match &step.doer {
        Doer::Hook { hook, route, .. } => {
            put("kind", "hook".into());
            put("hook", (**hook.name()).into());
            put("route", (*route).into());
            if let Some(RoutePhase::Named(action)) =
                hook.routes().get(*route as usize).map(|route| &route.phase)
            {
                put("action", action.as_str().into());
            }
        }
        Doer::Target(_) => {}
    }
    if let Some(route) = app.own_route(index) {
        match &route.target {
            Target::Upstream { url, .. } => {
                put("kind", "upstream".into());
                put("url", url.as_str().into());
            }
            Target::Directory { path, .. } => {
                put("kind", "directory".into());
                put("path", path.display().to_string().into());
            }
            Target::Redirect { to, status } => {
                put("kind", "redirect".into());
                put("to", to.as_str().into());
                put("status", (*status).into());
            }
            Target::Respond { status, .. } => {
                put("kind", "respond".into());
                put("status", (*status).into());
            }
            Target::Action { .. } => {}
        }
        put("origin", route.origin.to_string().into());
    }
    put("flags", flags(app, index).into());
    if let Some(options) = &step.options {
        put("options", serde_json::from_str(options).unwrap_or_default());
    }
    object
}

/// What a request meets.
#[derive(Debug)]
enum Chain {
    /// Nothing: it is refused as it is.
    Refused(Failure),
    /// These steps.
    Steps {
        steps: Vec<Match>,
        /// What it gets if none of them answers; none if one always does.
        otherwise: Option<Otherwise>,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Otherwise {
    NotFound,
    Allow(String),
}

/// Asks the router as the chain does.
fn chain(app: &app::App, asked: &Asked) -> Chain {
    match find(app, asked) {
        Ok(chain) => chain,
        Err(failure) => Chain::Refused(failure),
    }
}

fn find(app: &app::App, asked: &Asked) -> Result<Chain, Failure> {
    let uri: Uri =
        asked.target.parse().map_err(|error| Failure::new(Code::BadRequest, format!("{error}")))?;
    let path = Path::parse(uri.path())?;
    let found = app.router.find(&asked.method, &path, uri.query(), 0)?;
    let steps: Vec<Match> = found.into_iter().collect();
    let answered = steps.iter().any(|step| always_answers(app, step.index));
    let otherwise = (!answered).then(|| {
        let allowed = match asked.method {
            Method::OPTIONS => app.router.allowed(&path, uri.query()),
            _ => Vec::new(),
        };
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        if names.is_empty() { Otherwise::NotFound } else { Otherwise::Allow(names.join(",")) }
    });
    Ok(Chain::Steps { steps, otherwise })
}

/// Whether nothing behind this step is ever reached. A hook may say next, a directory has no such file.
fn always_answers(app: &app::App, index: usize) -> bool {
    app.own_route(index).is_some_and(|route| {
        !matches!(route.target, Target::Action { .. } | Target::Directory { .. })
    })
}

impl Chain {
    fn text(&self, app: &app::App, asked: &Asked) -> String {
        let mut lines = vec![format!("{} {}", asked.method, asked.target)];
        match self {
            Self::Refused(failure) => {
                lines.push(format!(
                    "  {} {}: {failure}",
                    failure.status().as_u16(),
                    failure.code_text()
                ));
            }
            Self::Steps { steps, otherwise } => {
                let mut reached = true;
                let mut rows = Vec::new();
                for step in steps {
                    let mut row = row(app, step.index);
                    row.truncate(3);
                    row.push(note(step, reached));
                    rows.push(row);
                    reached &= !always_answers(app, step.index);
                }
                if !rows.is_empty() {
                    lines.push(text::indented(&text::columns(&rows)));
                }
                lines.extend(otherwise.as_ref().map(|otherwise| match otherwise {
                    Otherwise::NotFound => "  if nobody answers: 404".to_owned(),
                    Otherwise::Allow(methods) => {
                        format!("  if nobody answers: 200 with `Allow: {methods}`")
                    }
                }));
            }
        }
        lines.join("\n")
    }

    fn json(&self, app: &app::App, asked: &Asked) -> Value {
        let mut document = json!({
            "request": { "method": asked.method.as_str(), "target": asked.target },
        });
        match self {
            Self::Refused(failure) => {
                document["refused"] = json!({
                    "status": failure.status().as_u16(),
                    "code": failure.code_text(),
                    "message": failure.to_string(),
                });
            }
            Self::Steps { steps, otherwise } => {
                let mut reached = true;
                let mut chain = Vec::new();
                for step in steps {
                    let mut object = object(app, step.index);
                    let params = step.params.iter();
                    let params: Map<String, Value> =
                        params.map(|(name, value)| (name.to_owned(), value.into())).collect();
                    object.insert("params".into(), params.into());
                    object.insert("reached".into(), reached.into());
                    chain.push(Value::Object(object));
                    reached &= !always_answers(app, step.index);
                }
                document["chain"] = chain.into();
                document["otherwise"] = match otherwise {
                    None => Value::Null,
                    Some(Otherwise::NotFound) => json!({ "status": 404 }),
                    Some(Otherwise::Allow(methods)) => json!({ "status": 200, "allow": methods }),
                };
            }
        }
        document
    }
}

/// The params of a step, and whether it is there for nothing.
fn note(step: &Match, reached: bool) -> String {
    let mut notes: Vec<String> =
        step.params.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if !reached {
        notes.push("(never reached)".into());
    }
    notes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<(String, String), String> {
        Asked::parse(text).map(|asked| (asked.method.to_string(), asked.target))
    }

    #[test]
    fn a_request_is_a_method_and_what_follows_it() {
        let pair = |method: &str, target: &str| Ok((method.to_owned(), target.to_owned()));
        assert_eq!(asked("GET /a?b=c"), pair("GET", "/a?b=c"));
        assert_eq!(asked(" propfind   /a "), pair("PROPFIND", "/a"));
        assert_eq!(asked("/a"), pair("GET", "/a"));
        assert_eq!(asked("OPTIONS *"), pair("OPTIONS", "*"));
        assert_eq!(asked("GET /a b"), pair("GET", "/a b"));
        assert_eq!(asked("/a b"), pair("GET", "/a b"));
    }

    #[test]
    fn what_is_no_request_is_a_usage_error() {
        for text in ["", "GET", "G@T /a", "users/7"] {
            assert!(asked(text).is_err(), "{text}");
        }
    }
}
