//! Runs a case: lifts an app with the hook alone, hands it one request after the other, and gathers what came of
//! each.
//!
//! All of it goes the way of a server: [`crate::lift`], [`crate::chain`], router, sandbox and host. There are no
//! sockets, and in the world beyond there is what the case put there.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use super::TestError;
use super::case::{Act, Case, Content, Request, Step};
use super::expect::{Expect, KvIs};
use super::hook::Hook;
use super::seen::{Failed, Outcome, Seen};
use super::world::World;
use crate::app::{App, Doer};
use crate::body::Body;
use crate::chain::{self, Journey, Witness};
use crate::config::{Config, Problems, Sources, dotted, survey_alone, variable};
use crate::error::Failure;
use crate::exchange::{Exchange, RequestId, Scheme};
use crate::hook::{self, Totals};
use crate::lift::{self, Prepared};
use crate::server::Peer;
use crate::store::{Key, Store};

/// Error bodies in `production` have no details, and so are the same wherever they are made.
const ENVIRONMENT: &str = "production";
/// What signs cookies where a case does not care.
const SESSION_SECRET: &str = "the secret of the sessions of cases";
/// A limit that nobody reaches: fuel is counted where there is one.
const FUEL: u64 = u64::MAX;
/// The port of clients. Nothing depends on it.
const PORT: u16 = 40_000;
/// Keys of one namespace that are looked at.
const KEYS_MAX: usize = 1_000;
/// How long hooks may take for the events that a step has fired. Each is bounded by its own limits.
const EVENTS_WITHIN: Duration = Duration::from_secs(30);

/// How much of `kv` is read after each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// What the step expects something of.
    Named,
    /// That, and all else as far as [`KEYS_MAX`] goes.
    All,
}

/// Runs a case on a thread of its own runtime. `note` hears of each step when it has happened: which it was, from
/// 0, and what came of it. Returned is what is wrong with the case as a whole, in words.
pub(super) fn run(
    case: &Case,
    hook: &Hook,
    kept: Kept,
    note: &mut dyn FnMut(usize, Seen),
) -> Result<Vec<String>, TestError> {
    let world = World::new(case);
    let prepared = prepare(case, hook)?.rehearsed().amid(world.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(TestError::Folder)?;
    let ran = runtime.block_on(Box::pin(lifted(case, hook, kept, prepared, &world, note)));
    runtime.shutdown_background();
    ran
}

/// Compiles the hook for an app of its own.
pub(super) fn prepare(case: &Case, hook: &Hook) -> Result<Prepared, TestError> {
    let granted = case.hook.get("grants").and_then(|grants| grants.get("files"));
    hook.lend(granted)?;
    let (mut config, problems) = configuration(case, hook).map_err(lift::LiftError::Problems)?;
    config.components.extend(hook.component.clone().map(|it| (hook.name.clone(), it)));
    Ok(lift::prepare(config, problems, &hook.compiler)?)
}

/// What a server would be told, were it to run the hook as the case has it.
fn configuration(case: &Case, hook: &Hook) -> Result<(Config, Problems), Problems> {
    let said = |key: String, value: Value| (key, value, format!("case `{}`", case.name));
    let mut overrides: Vec<_> =
        case.app.iter().map(|(key, value)| said(dotted(&[key]), value.clone())).collect();
    let place = json!({ "path": hook.place.to_string_lossy(), "name": hook.name });
    overrides.push(said(dotted(&["installed", &hook.name]), place));
    overrides.push(said(dotted(&["hooks", &hook.name]), settings(case, hook)));
    if !case.config.is_empty() {
        overrides.push(said(dotted(&[&hook.config_key]), case.config.clone().into()));
    }
    let mut routes = case.app.get("routes").cloned().unwrap_or_else(|| json!([]));
    if let Some(routes) = routes.as_array_mut() {
        routes.iter_mut().for_each(|route| find_directory(route, &hook.folder));
        let behind = case.respond.as_ref();
        let behind =
            behind.map(|it| json!({ "address": "/*", "skip_assets": false, "respond": it }));
        routes.extend(behind);
    }
    overrides.push(said("routes".into(), routes));
    let secrets = case.secrets.iter().map(|(name, text)| (variable(name), text.clone()));
    let mut variables = BTreeMap::from([(variable("session"), SESSION_SECRET.to_owned())]);
    variables.extend(secrets);
    variables.extend(case.env.clone());
    survey_alone(&Sources {
        dir: hook.app.path().to_owned(),
        environment: Some(ENVIRONMENT.to_owned()),
        vars: variables.into_iter().map(|(name, text)| (name.into(), text.into())).collect(),
        sets: Vec::new(),
        overrides,
    })
}

/// The folder that a route serves lies in the hook's, and not in the app that is made for a case.
fn find_directory(route: &mut Value, folder: &Path) {
    if let Some(Value::String(directory)) = route.get_mut("directory") {
        *directory = folder.join(&*directory).to_string_lossy().into_owned();
    }
}

/// What stands in `[hooks.<name>]`: the case's word, over what the manifest asks for.
fn settings(case: &Case, hook: &Hook) -> Value {
    let mut settings = case.hook.clone();
    let mut grants = hook.asks.clone();
    if let Some(Value::Object(more)) = settings.get("grants") {
        grants.extend(more.clone());
    }
    settings.insert("grants".into(), grants.into());
    let of_all = case.app.get("limits").and_then(|limits| limits.get("fuel"));
    let limits = settings.entry("limits").or_insert_with(|| json!({}));
    // It stands above what the manifest and `[limits]` say, and must not raise that.
    if let (Some(limits), None, false) = (limits.as_object_mut(), of_all, hook.is_fuelled) {
        limits.entry("fuel").or_insert_with(|| FUEL.into());
    }
    settings.into()
}

async fn lifted(
    case: &Case,
    hook: &Hook,
    kept: Kept,
    prepared: Prepared,
    world: &Arc<World>,
    note: &mut dyn FnMut(usize, Seen),
) -> Result<Vec<String>, TestError> {
    seed(case, world.kv()).await?;
    let app = lift::lift(prepared, pending()).await?;
    let ran = match app.hooks.iter().find(|it| **it.name() == *hook.name) {
        Some(hook) => Run { case, app: &app, hook, kept, world, cookie: None }.steps(note).await,
        None => Err(TestError::Case(format!("`hooks.{}` switches the hook off", hook.name))),
    };
    lift::lower_all(&app.hooks, &app.shared).await;
    ran?;
    let mut amiss = world.unmet();
    let (heard, _) = world.take_heard();
    let broken = heard.failures.iter().filter(|failure| failure.is_broken);
    amiss.extend(broken.map(|failure| format!("error {}: {}", failure.code, failure.text)));
    Ok(amiss)
}

/// Puts into `kv` what a case says is there.
async fn seed(case: &Case, store: &Store) -> Result<(), TestError> {
    for (namespace, keys) in &case.kv {
        let space = space(namespace);
        for (key, value) in keys {
            let set = store.set(Key::new(&space, key), value, None).await;
            set.map_err(|error| TestError::Case(format!("kv `{namespace}` `{key}`: {error}")))?;
        }
    }
    Ok(())
}

/// How `kv` calls a namespace in the store.
fn space(namespace: &str) -> String {
    format!("kv:{namespace}")
}

/// A case under way.
struct Run<'a> {
    case: &'a Case,
    app: &'a Arc<App>,
    hook: &'a Arc<hook::Hook>,
    kept: Kept,
    world: &'a Arc<World>,
    /// The client's cookie of the session: `name=value`.
    cookie: Option<String>,
}

impl Run<'_> {
    async fn steps(mut self, note: &mut dyn FnMut(usize, Seen)) -> Result<(), TestError> {
        self.know_namespaces()?;
        self.begin_session().await?;
        let mut count = 0;
        // What the hook did in its lift is heard with the first one.
        for (at, step) in self.case.steps.iter().enumerate() {
            for _ in 0..step.repeat {
                count += 1;
                note(at, self.step(step, count).await?);
            }
        }
        Ok(())
    }

    /// The namespaces of `kv` that there are: those that the hook was granted, and those of the case.
    fn namespaces(&self) -> BTreeSet<&str> {
        let granted = self.hook.context.namespaces.iter().map(|(namespace, _)| namespace);
        granted.chain(self.case.kv.keys().map(String::as_str)).collect()
    }

    /// Of a namespace that nobody can write to, all keys are absent, whatever the hook does.
    fn know_namespaces(&self) -> Result<(), TestError> {
        let known = self.namespaces();
        let mut named = self.case.steps.iter().flat_map(|step| &step.expect.kv);
        match named.find(|expected| !known.contains(expected.namespace.as_str())) {
            Some(KvIs { namespace, .. }) => Err(TestError::Case(format!(
                "`expect.kv` names `{namespace}`, which the hook has no grant for\n\
                 hint: is it another name? else write `hook.grants.kv = [\"{namespace}\"]`"
            ))),
            None => Ok(()),
        }
    }

    /// Gives the client a session that holds what the case says.
    async fn begin_session(&mut self) -> Result<(), TestError> {
        if self.case.session.is_empty() {
            return Ok(());
        }
        let failed = |why: String| TestError::Case(format!("session: {why}"));
        let Some(sessions) = &self.app.shared.sessions else {
            let text = "the hook has no grant for it\nhint: write `hook.grants.session = true`";
            return Err(failed(text.into()));
        };
        let mut session = sessions.open(None).await;
        for (key, value) in &self.case.session {
            let set = session.set(key, value.to_string(), self.app.config.session.max_bytes);
            set.map_err(|_| failed("it is over `session.max_bytes`".into()))?;
        }
        let kept = sessions.keep(&mut session, Scheme::Http).await;
        if let Some(field) = kept.map_err(|error| failed(error.to_string()))? {
            self.remember(&field);
        }
        Ok(())
    }

    /// Keeps a cookie as a browser would, if it is the session's.
    fn remember(&mut self, field: &HeaderValue) {
        let parsed = field.to_str().ok().and_then(|text| cookie::Cookie::parse(text).ok());
        let Some(cookie) = parsed else { return };
        if Some(cookie.name()) == self.app.shared.session_cookie() {
            let is_gone = cookie.max_age().is_some_and(|age| age.is_zero());
            let kept = || format!("{}={}", cookie.name(), cookie.value());
            self.cookie = (!is_gone).then(kept);
        }
    }

    /// `count` is how many steps there were, this one included.
    async fn step(&mut self, step: &Step, count: u64) -> Result<Seen, TestError> {
        self.world.advance(step.after);
        let before = self.totals();
        let mut seen = match &step.act {
            Act::Request(request) => self.request(request, count).await?,
            Act::Tasks => self.tasks().await,
            Act::Tick(name) => Seen {
                failure: self.hook.handle_tick(name).await.err().map(|failure| (&failure).into()),
                ..Seen::default()
            },
        };
        self.settle().await?;
        let after = self.totals();
        seen.fuel = after.fuel - before.fuel;
        seen.cpu = after.served().cpu.saturating_sub(before.served().cpu);
        let (heard, asked) = self.world.take_heard();
        (seen.logs, seen.events, seen.tasks) = (heard.logs, heard.events, heard.tasks);
        (seen.fetched, seen.unexpected) = (asked.all, asked.unexpected);
        seen.beside = heard.failures;
        // It was heard, too.
        let ended = seen.beside.iter().position(|failure| seen.failure.as_ref() == Some(failure));
        if let Some(at) = ended {
            seen.beside.remove(at);
        }
        seen.kv = self.kv(&step.expect).await?;
        seen.session = self.session().await;
        Ok(seen)
    }

    fn totals(&self) -> Totals {
        self.hook.context.tally.totals(self.hook.context.limits.measure)
    }

    /// Waits for what goes on after a response.
    async fn settle(&self) -> Result<(), TestError> {
        self.app.afterwards.close();
        self.app.afterwards.wait().await;
        self.app.afterwards.reopen();
        // A hook that answers events by events for ever is cut off here.
        let settled = tokio::time::timeout(EVENTS_WITHIN, self.app.shared.events.settled());
        settled.await.map_err(|_| {
            TestError::Case(format!("hooks had not handled all events within {EVENTS_WITHIN:?}"))
        })
    }

    async fn request(&mut self, request: &Request, count: u64) -> Result<Seen, TestError> {
        let watch = Arc::new(Watch {
            app: self.app.clone(),
            locals: self.case.locals.clone(),
            id: format!("request-{count}"),
            ended: Mutex::default(),
        });
        let sent = self.sent(request, watch.clone())?;
        let peer = Peer { addr: SocketAddr::new(request.ip, PORT), tls: request.https };
        let response = chain::handle(self.app.clone(), sent, peer).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| {
            TestError::Case(format!("the body of the response broke off: {error}"))
        })?;
        for field in head.headers.get_all(SET_COOKIE) {
            self.remember(field);
        }
        let ended = mem::take(&mut *watch.ended.lock().unwrap_or_else(PoisonError::into_inner));
        // The connection does not send it.
        let has_body = request.method != Method::HEAD;
        let body = if has_body { body.to_bytes().to_vec() } else { Vec::new() };
        Ok(Seen { status: head.status.as_u16(), headers: head.headers, body, ..ended })
    }

    /// The request as a connection would hand it over.
    fn sent(&self, request: &Request, watch: Arc<Watch>) -> Result<http::Request<Body>, TestError> {
        let bad = |why: String| TestError::Case(format!("`{}`: {why}", request.target));
        let uri: Uri = request.target.parse().map_err(|error| bad(format!("{error}")))?;
        let body = request.body.read()?;
        let mut headers = request.headers.clone();
        headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        if !body.is_empty() {
            headers.entry(CONTENT_LENGTH).or_insert(body.len().into());
        }
        if let Some(cookie) = &self.cookie {
            let with = match headers.get(COOKIE).and_then(|own| own.to_str().ok()) {
                Some(own) => format!("{own}; {cookie}"),
                None => cookie.clone(),
            };
            let field = HeaderValue::from_str(&with).map_err(|error| bad(error.to_string()))?;
            headers.insert(COOKIE, field);
        }
        let mut sent = http::Request::new(Body::whole(body));
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = uri;
        *sent.headers_mut() = headers;
        sent.extensions_mut().insert::<Arc<dyn Witness>>(watch);
        Ok(sent)
    }

    /// Runs what is due.
    async fn tasks(&self) -> Seen {
        let mut seen = Seen::default();
        for task in self.world.take_due() {
            let Some(hook) = self.app.hooks.iter().find(|it| **it.name() == *task.hook) else {
                continue;
            };
            let ran = hook.handle_task(&task.name, &task.payload.to_string(), 1).await;
            if let Err(failure) = ran {
                seen.failure.get_or_insert_with(|| Failed::from(&failure));
            }
        }
        seen
    }

    /// What `kv` holds, as far as it is to be read.
    async fn kv(
        &self,
        expect: &Expect,
    ) -> Result<BTreeMap<String, BTreeMap<String, Vec<u8>>>, TestError> {
        let mut all = BTreeMap::new();
        for namespace in self.namespaces() {
            let space = space(namespace);
            let failed =
                |error| TestError::Case(format!("kv `{namespace}` cannot be read: {error}"));
            let named = expect.kv.iter().filter(|expected| expected.namespace == namespace);
            let mut names: BTreeSet<String> = named.map(|expected| expected.key.clone()).collect();
            if self.kept == Kept::All {
                let there = self.world.kv().names(&space, "", None, KEYS_MAX).await;
                names.extend(there.map_err(failed)?.names);
            }
            let mut keys = BTreeMap::new();
            for name in names {
                let value = self.world.kv().get(Key::new(&space, &name)).await;
                keys.extend(value.map_err(failed)?.map(|value| (name, value)));
            }
            all.insert(namespace.to_owned(), keys);
        }
        Ok(all)
    }

    /// What the client's session holds.
    async fn session(&self) -> Map<String, Value> {
        let sent = self.cookie.as_deref().and_then(|cookie| HeaderValue::from_str(cookie).ok());
        let (Some(sessions), Some(sent)) = (&self.app.shared.sessions, sent) else {
            return Map::new();
        };
        let session = sessions.open(Some(&sent)).await;
        serde_json::from_str(&session.to_json()).unwrap_or_default()
    }
}

impl Content {
    fn read(&self) -> Result<Vec<u8>, TestError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(file) => std::fs::read(file)
                .map_err(|error| TestError::Case(format!("{}: {error}", file.display()))),
        }
    }
}

/// Sees to it that an exchange begins as the case says, and how it ends.
struct Watch {
    app: Arc<App>,
    locals: Map<String, Value>,
    id: String,
    ended: Mutex<Seen>,
}

impl Witness for Watch {
    fn begins(&self, exchange: &mut Exchange) {
        for (name, value) in &self.locals {
            exchange.locals.set(name.clone(), value.to_string());
        }
        exchange.request.id = RequestId::Given(self.id.as_str().into());
    }

    fn ends(&self, journey: &Journey, failure: Option<&Failure>) {
        let Some(exchange) = &journey.exchange else { return };
        let request = &exchange.request;
        let query = request.query.as_ref().map(|query| format!("?{query}"));
        let headers: HeaderMap = request.headers.clone();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
            outcome: outcome(&self.app, journey.answered, failure),
            failure: failure.map(Failed::from),
            forwarded_target: format!("{}{}", request.path.as_str(), query.unwrap_or_default()),
            forwarded_headers: headers,
            locals: serde_json::from_str(&exchange.locals.to_json()).unwrap_or_default(),
            ..Seen::default()
        };
    }
}

fn outcome(app: &App, answered: Option<usize>, failure: Option<&Failure>) -> Outcome {
    let by_hook = match answered {
        Some(index) => matches!(app.steps[index].doer, Doer::Hook { .. }),
        None => failure.is_some_and(|failure| failure.hook.is_some()),
    };
    if by_hook { Outcome::Respond } else { Outcome::Next }
}
