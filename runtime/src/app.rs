//! Defines a lifted app: its hooks, its router, and what stands behind each of the router's indexes.
//!
//! It is made once, by [`bind`], and never changed: an exchange holds one app from its first step to
//! its last.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio_util::task::TaskTracker;

use crate::config::{self, Config, FixedBody, Origin, Problem, Problems};
use crate::hook::Hook;
use crate::host::Shared;
use crate::lift::forget_all;
use crate::router::{Address, Binding, Pattern, Router, Section, SkipAssets, Uncovered, uncovered};
use crate::sandbox::instance::{Route, RouteFlags, RoutePhase};
use crate::secrets;
use crate::server::Tunnels;
use crate::target::{
    Directory, Fixed, Redirect, Reserved, Signer, Target, Upstream, UpstreamOptions,
};
use crate::tasks::Deferred;

/// A lifted app.
#[derive(Debug)]
pub struct App {
    /// The configuration that it was lifted with.
    pub config: Config,
    /// Its hooks, in hook order.
    pub hooks: Vec<Arc<Hook>>,
    /// Hooks that the operator switched off.
    pub disabled: Vec<String>,
    /// What the hooks share.
    pub shared: Arc<Shared>,
    /// Which steps a request goes through.
    pub router: Router,
    /// The steps, by the router's index.
    pub steps: Vec<Step>,
    /// Headers that clients must not send.
    pub reserved: Reserved,
    /// Work that goes on after its response: a drain waits for it.
    pub afterwards: TaskTracker,
    /// Tunnels: a drain cuts them.
    pub tunnels: std::sync::OnceLock<Tunnels>,
    /// Tasks that its hooks have deferred in `initialize`, until it serves.
    deferred: std::sync::Mutex<Vec<Deferred>>,
}

/// What happens at one binding.
#[derive(Debug)]
pub struct Step {
    /// Where it listens, as it was written.
    pub address: String,
    /// Options of the route, a JSON object; none where it is empty.
    pub options: Option<Arc<str>>,
    /// Whether requests that it matches have a session.
    pub session: bool,
    /// Who does it.
    pub doer: Doer,
}

/// Who does a step.
#[derive(Debug)]
pub enum Doer {
    /// A route of a hook.
    Hook {
        /// The hook.
        hook: Arc<Hook>,
        /// The index of its route.
        route: u32,
        /// Whether it reads the request's body.
        reads_body: bool,
        /// Whether it sees the response's head.
        observes_response: bool,
        /// Whether it hears of the end.
        observes_finish: bool,
    },
    /// Something outside of hooks.
    Target(Target),
}

/// What keeps routes from being bound.
#[derive(Debug)]
pub struct BindError(pub Problems);

/// A binding and its step, before the router has put them in order.
type Bound = (Binding, Step);

/// What answers the app's own routes, in their order; none where a hook's action does, which is bound
/// once hooks are loaded.
#[derive(Debug, Default)]
pub struct Targets(Vec<Option<Bound>>);

/// Makes the targets of the app's own routes.
///
/// # Errors
/// All addresses and targets that are wrong, those of actions included, at once.
pub fn targets(config: &Config) -> Result<Targets, Problems> {
    let (mut targets, mut problems) = (Vec::new(), Vec::new());
    for route in &config.routes {
        match bind_target(route, config) {
            Ok(target) => targets.push(target),
            Err(text) => problems.push(of_route(route, &text)),
        }
    }
    if problems.is_empty() { Ok(Targets(targets)) } else { Err(Problems(problems)) }
}

/// Binds the routes of all hooks and of the app: `before` in hook order, the app's own as Sails sorts
/// them, `after` in hook order.
///
/// # Errors
/// All addresses and names that are wrong, at once.
pub fn bind(
    config: Config,
    targets: Targets,
    shared: Arc<Shared>,
    hooks: Vec<Arc<Hook>>,
    disabled: Vec<String>,
) -> Result<App, BindError> {
    let mut problems = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut named: HashMap<(&str, &str), (&Arc<Hook>, u32)> = HashMap::new();
    for hook in &hooks {
        for (index, route) in hook.routes().iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let section = match &route.phase {
                RoutePhase::Named(action) => {
                    named.insert((hook.name(), action), (hook, index));
                    continue;
                }
                RoutePhase::Before => &mut before,
                RoutePhase::After => &mut after,
            };
            match bind_route(hook, index, &route.address) {
                Ok(bound) => section.push(bound),
                Err(text) => problems.push(of_hook(hook, &text)),
            }
        }
    }
    let mut app = Vec::new();
    for (route, target) in config.routes.iter().zip(targets.0) {
        match target.map_or_else(|| bind_action(route, &named), Ok) {
            Ok(bound) => app.push(bound),
            Err(text) => problems.push(of_route(route, &text)),
        }
    }
    if !problems.is_empty() {
        return Err(BindError(Problems(problems)));
    }
    let [(before, mut before_steps), (app, mut app_steps), (after, mut after_steps)] =
        [before, app, after].map(|bound: Vec<Bound>| {
            let (bindings, steps): (Vec<_>, Vec<_>) = bound.into_iter().unzip();
            (bindings, steps.into_iter().map(Some).collect::<Vec<_>>())
        });
    let router = Router::new(before, app, after);
    let steps = router
        .bindings()
        .filter_map(|(section, at, _)| match section {
            Section::Before => before_steps[at].take(),
            Section::App => app_steps[at].take(),
            Section::After => after_steps[at].take(),
        })
        .collect();
    Ok(App {
        reserved: Reserved::of(&config.routes),
        config,
        hooks,
        disabled,
        shared,
        router,
        steps,
        afterwards: TaskTracker::new(),
        tunnels: std::sync::OnceLock::new(),
        deferred: std::sync::Mutex::default(),
    })
}

/// A route of a hook, at the address that the hook gave it or the operator gave to its name.
fn bind_route(hook: &Arc<Hook>, index: u32, address: &str) -> Result<Bound, String> {
    let Some(route) = hook.routes().get(index as usize) else {
        return Err(format!("there is no route {index}"));
    };
    let mut binding = Binding::new(Address::parse(address).map_err(|error| whole(&error))?, true);
    let flags = route.flags;
    binding.skip_assets = match () {
        () if flags.contains(RouteFlags::SKIP_ASSETS) => SkipAssets::Yes,
        () if flags.contains(RouteFlags::KEEP_ASSETS) => SkipAssets::No,
        () => SkipAssets::Default,
    };
    let observes = RouteFlags::OBSERVE_RESPONSE | RouteFlags::OBSERVE_FINISH;
    if !hook.program.has_observing() && flags.intersects(observes) {
        return Err(format!(
            "route `{address}` asks to observe, and the component does not export `observing`"
        ));
    }
    let options = options(route)?;
    binding.skip_patterns = skip_patterns(&options, address)?;
    let step = Step {
        address: binding.address.to_string(),
        options: (!options.is_empty())
            .then(|| serde_json::Value::Object(options).to_string().into()),
        session: true,
        doer: Doer::Hook {
            hook: hook.clone(),
            route: index,
            reads_body: flags.contains(RouteFlags::READ_BODY),
            observes_response: flags.contains(RouteFlags::OBSERVE_RESPONSE),
            observes_finish: flags.contains(RouteFlags::OBSERVE_FINISH),
        },
    };
    Ok((binding, step))
}

fn options(route: &Route) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    if route.options.is_empty() {
        return Ok(serde_json::Map::new());
    }
    serde_json::from_str(&route.options).map_err(|error| {
        format!("route `{}`: options are not a JSON object: {error}", route.address)
    })
}

/// Sails' `skipRegex` (A7.15): a pattern, or a list of them.
fn skip_patterns(
    options: &serde_json::Map<String, serde_json::Value>,
    address: &str,
) -> Result<Vec<Pattern>, String> {
    let texts: Vec<&serde_json::Value> = match options.get("skipRegex") {
        None => Vec::new(),
        Some(serde_json::Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    let parse = |value: &serde_json::Value| {
        let text = value.as_str().ok_or_else(|| "it is not a string".to_owned())?;
        Pattern::parse(text).map_err(|error| error.to_string())
    };
    texts
        .into_iter()
        .map(|value| {
            parse(value).map_err(|text| format!("route `{address}`: `skipRegex` {value}: {text}"))
        })
        .collect()
}

/// One of the app's own routes that a hook answers.
fn bind_action(
    route: &config::Route,
    named: &HashMap<(&str, &str), (&Arc<Hook>, u32)>,
) -> Result<Bound, String> {
    let config::Target::Action { hook, action } = &route.target else {
        return Err("its target was not made".into());
    };
    let Some((hook, index)) = named.get(&(hook.as_str(), action.as_str())) else {
        let mut actions: Vec<&str> =
            named.keys().filter(|(name, _)| name == hook).map(|(_, action)| *action).collect();
        actions.sort_unstable();
        return Err(match actions.as_slice() {
            [] => format!("hook `{hook}` has no actions"),
            actions => format!(
                "hook `{hook}` has no action `{action}`\nhint: it has {}",
                crate::host::list(actions)
            ),
        });
    };
    let (mut binding, step) = bind_route(hook, *index, &route.address)?;
    binding.skip_assets = skip_assets(route).unwrap_or(binding.skip_assets);
    Ok((binding, Step { session: route.session, ..step }))
}

fn skip_assets(route: &config::Route) -> Option<SkipAssets> {
    route.skip_assets.map(|skip| if skip { SkipAssets::Yes } else { SkipAssets::No })
}

/// One of the app's own routes that no hook answers; none if one does.
fn bind_target(route: &config::Route, config: &Config) -> Result<Option<Bound>, String> {
    let address = Address::parse(&route.address).map_err(|error| whole(&error))?;
    let (address, target) = match &route.target {
        config::Target::Upstream { url, timeout, strip_prefix, forward_locals } => {
            let signer = forward_locals.as_ref().map(|forward| signer(forward, config));
            let options = UpstreamOptions {
                response_timeout: *timeout,
                client_timeout: config.server.http.body_timeout,
                strip_prefix: strip_prefix.clone(),
                reserved: Reserved::of(&config.routes),
                signer: signer.transpose()?,
                ..UpstreamOptions::default()
            };
            let upstream = Upstream::new(url, options).map_err(|error| whole(&error))?;
            // Whatever the upstream would answer belongs to it, OPTIONS and PROPFIND included.
            (address.for_all_methods(), Target::Upstream(Box::new(upstream)))
        }
        config::Target::Directory { path, strip_prefix } => {
            let prefix = strip_prefix.as_deref().unwrap_or("");
            let directory = Directory::new(path, prefix).map_err(|error| whole(&error))?;
            (address, Target::Directory(directory))
        }
        config::Target::Redirect { to, status } => {
            let redirect = Redirect::new(to, *status).map_err(|error| whole(&error))?;
            (address, Target::Redirect(redirect))
        }
        config::Target::Respond { status, headers, body } => {
            (address, Target::Fixed(fixed(*status, headers, body)?))
        }
        config::Target::Action { .. } => return Ok(None),
    };
    let mut binding = Binding::new(address, false);
    binding.skip_assets = skip_assets(route).unwrap_or_default();
    let step = Step {
        address: binding.address.to_string(),
        options: None,
        session: route.session,
        doer: Doer::Target(target),
    };
    Ok(Some((binding, step)))
}

impl App {
    /// The same, with what goes on from one set to the next: work after a response, and tunnels.
    #[must_use]
    pub fn beside(self, running: &App) -> Self {
        Self { afterwards: running.afterwards.clone(), tunnels: running.tunnels.clone(), ..self }
    }

    /// With what its hooks have deferred in `initialize`.
    pub(crate) fn with_deferred(self, deferred: Vec<Deferred>) -> Self {
        Self { deferred: deferred.into(), ..self }
    }

    /// Lets the tasks be run that its hooks have deferred in `initialize`: it serves from now on.
    pub fn release_deferred(&self) {
        self.take_deferred().into_iter().for_each(Deferred::release);
    }

    /// Takes them back: it will never serve.
    pub async fn forget_deferred(&self) {
        forget_all(self.take_deferred()).await;
    }

    fn take_deferred(&self) -> Vec<Deferred> {
        std::mem::take(&mut self.deferred.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The app's own route that stands behind one of the router's indexes; none for a hook's.
    pub fn own_route(&self, index: usize) -> Option<&config::Route> {
        match self.router.origin(index) {
            (Section::App, at) => self.config.routes.get(at),
            _ => None,
        }
    }

    /// Routes of the app that do not say what they do with assets (Sails warns of them).
    pub fn asset_warnings(&self) -> Vec<Problem> {
        let mut warnings = Vec::new();
        for (index, (_, _, binding)) in self.router.bindings().enumerate() {
            let Some(route) = self.own_route(index) else { continue };
            let target = &route.target;
            let serves_assets = matches!(
                target,
                config::Target::Upstream { .. } | config::Target::Directory { .. }
            );
            if let Some(text) = binding.warning().filter(|_| !serves_assets) {
                warnings.push(at(route, split_hint(&text)));
            }
        }
        warnings
    }

    /// What the app's targets answer that hooks in front of them do not see: advice for `check`.
    pub fn cover_warnings(&self) -> Vec<Problem> {
        let describe = |found: &Uncovered| {
            let route = self.own_route(found.target)?;
            let owner = |index: usize| match &self.steps[index].doer {
                Doer::Hook { hook, .. } => format!(" of hook `{}`", hook.name()),
                Doer::Target(_) => String::new(),
            };
            let text = found.text(&format!(" ({})", route.target), owner);
            Some(at(route, split_hint(&text)))
        };
        uncovered(&self.router).iter().filter_map(describe).collect()
    }
}

fn at(route: &config::Route, (message, hint): (String, Option<String>)) -> Problem {
    Problem { message, origin: Some(route.origin.clone()), hint }
}

/// What signs the locals for an upstream.
fn signer(forward: &config::ForwardLocals, config: &Config) -> Result<Signer, String> {
    let secret = secrets::find(config, &forward.secret).map_err(|problem| {
        let hint = problem.hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
        format!("`forward_locals`: {}{hint}", problem.message)
    })?;
    Signer::new(forward, secret)
}

fn fixed(status: u16, headers: &[(String, String)], body: &FixedBody) -> Result<Fixed, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName =
            name.parse().map_err(|_| format!("header name `{name}` is not valid"))?;
        let value: HeaderValue =
            value.parse().map_err(|_| format!("the value of header `{name}` is not valid"))?;
        map.append(name, value);
    }
    let (content_type, body) = match body {
        FixedBody::Empty => (None, String::new()),
        FixedBody::Text(text) => (Some("text/plain; charset=utf-8"), text.clone()),
        FixedBody::Json(value) => (Some("application/json; charset=utf-8"), value.to_string()),
    };
    if let Some(content_type) = content_type {
        map.entry(http::header::CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
    let status =
        StatusCode::from_u16(status).map_err(|_| format!("status {status} is not valid"))?;
    Ok(Fixed { status, headers: map, body: body.into() })
}

fn of_hook(hook: &Hook, text: &str) -> Problem {
    let origin: Option<Origin> = None;
    let (message, hint) = split_hint(text);
    Problem { message: format!("hook `{}`: routes: {message}", hook.name()), origin, hint }
}

fn of_route(route: &config::Route, text: &str) -> Problem {
    let (message, hint) = split_hint(text);
    at(route, (format!("route `{}`: {message}", route.address), hint))
}

/// An error with its causes; its hint stays at the end.
fn whole(error: &dyn std::error::Error) -> String {
    let (mut text, hint) = split_hint(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    match hint {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text,
    }
}

fn split_hint(text: &str) -> (String, Option<String>) {
    match text.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text.to_owned(), None),
    }
}
