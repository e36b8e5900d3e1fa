//! Runs one exchange through its chain: hooks before, what answers, hooks after, and the way back.
//!
//! [`handle`] is what the server calls, and it never fails. Below it, `walk` is the whole chain: one
//! loop over the steps that the router found. Nothing here knows how a hook runs; a step hands the
//! exchange over and gets it back.
//!
//! ```text
//! before-hooks ──► app's route ──► after-hooks ──► 404
//!      │ each step: next, or respond
//!      ▼
//! response head ──► handle-response, last in first ──► client ──► handle-finish
//! ```

mod session;
mod times;
mod witness;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::Limited;
use smallvec::SmallVec;

use crate::app::{App, Doer, Step};
use crate::body::{Body, Paused};
use crate::config::OnFailure;
use crate::error::{self, Audience, Code, Failure, Form};
use crate::exchange::{Exchange, Hop, Request, RequestId, SessionCookie, Stage, Undo};
use crate::finish::Counted;
use crate::hook::Hook;
use crate::host::overlay;
use crate::router::{Matches, Params, Path};
use crate::sandbox::instance::Outcome;
use crate::server::Peer;
use crate::target::{Answer, Target, Tunnel};
use times::Times;
pub(crate) use witness::Witness;

/// An exchange on its way, and what it owes to those that it has met.
///
/// Wherever it ends, dropping it runs `handle-finish` of the hooks that asked (see [`crate::finish`]): the
/// response's body carries it to the last byte, and a client that leaves drops it earlier.
#[derive(Debug)]
pub(crate) struct Journey {
    pub(crate) app: Arc<App>,
    /// None for the time of a call into a hook, which has it.
    pub(crate) exchange: Option<Box<Exchange>>,
    /// The steps whose hook was called and did not fail, if it observes anything.
    pub(crate) reached: SmallVec<[Reached; 4]>,
    tunnel: Option<Tunnel>,
    times: Times,
    /// The step that answered, if one did.
    pub(crate) answered: Option<usize>,
    /// How it ended, as far as it has.
    pub(crate) bytes_sent: u64,
    pub(crate) completed: bool,
}

/// A step that an exchange has met, with what it is to find when it is met again on the way back.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) index: usize,
    pub(crate) params: Params,
}

impl Journey {
    fn exchange(&mut self) -> &mut Exchange {
        self.exchange
            .as_deref_mut()
            .expect("only a call has it otherwise, and a call gives it back")
    }

    fn step(&self, index: usize) -> &Step {
        &self.app.steps[index]
    }
}

/// Answers a request. Whatever happens, there is a response.
pub fn handle(
    app: Arc<App>,
    request: http::Request<impl Into<Body> + Send + 'static>,
    peer: Peer,
) -> impl Future<Output = http::Response<Body>> + Send + 'static {
    let calls = Arc::new(Calls::default());
    let future = Box::pin(respond(app.clone(), request.map(Into::into), peer, calls.clone()));
    Handed { future: Some(future), calls, app }
}

/// The whole way of a request, from its head to the response's head.
async fn respond(
    app: Arc<App>,
    mut request: http::Request<Body>,
    peer: Peer,
    calls: Arc<Calls>,
) -> http::Response<Body> {
    let witness = request.extensions_mut().remove::<Arc<dyn Witness>>();
    let (mut exchange, refused) = admit(&app, request, peer);
    if let Some(witness) = &witness {
        witness.begins(&mut exchange);
    }
    let mut journey = Journey {
        app,
        exchange: Some(exchange),
        reached: SmallVec::new(),
        tunnel: None,
        times: Times::default(),
        answered: None,
        bytes_sent: 0,
        completed: false,
    };
    let walked = match refused {
        Some(failure) => Err(failure),
        None => in_place!(walk(&mut journey, &calls)),
    };
    if let Err(failure) = &walked {
        fail(&mut journey, failure);
    }
    if !calls.abandoned() {
        in_place!(observe(&mut journey, &calls));
        in_place!(session::keep(&mut journey, &calls));
    }
    if let Some(witness) = &witness {
        witness.ends(&journey, walked.as_ref().err());
    }
    send(journey)
}

/// Makes an exchange of a request, and says what is wrong with the request, if something is.
fn admit(app: &App, request: http::Request<Body>, peer: Peer) -> (Box<Exchange>, Option<Failure>) {
    let started = Instant::now();
    let (mut head, mut body) = request.into_parts();
    forget_connection_fields(&mut head.headers);
    app.reserved.strip(&mut head.headers);
    let server = &app.config.server;
    let (ip, scheme) = server.trust_proxy.client(&peer, &head.headers);
    let trusted = server.trust_proxy.trusts(&peer);
    let given = head.headers.get("x-request-id").filter(|_| trusted);
    let id = given.and_then(RequestId::given).unwrap_or_else(RequestId::next);
    let mut refused = None;
    let path = Path::parse(head.uri.path()).unwrap_or_else(|error| {
        refused = Some(error.into());
        Path::default()
    });
    if let Some(limit) = server.http.max_body {
        if http_body::Body::size_hint(&body).lower() > limit {
            let text = format!("the request's body is over `http.max_body` of {limit} bytes");
            refused = Some(Failure::new(Code::BodyTooLarge, text));
        } else if !matches!(body, Body::Empty) {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            body = Body::stream(Limited::new(body, limit));
        }
    }
    let request = Request {
        method: head.method,
        path,
        query: head.uri.query().map(str::to_owned),
        version: head.version,
        headers: head.headers,
        body,
        ip,
        scheme,
        peer: Hop { ip: peer.addr.ip(), trusted },
        id,
        started,
        upgrade: head.extensions.remove(),
        session_cookie: SessionCookie::default(),
    };
    let mut exchange = Exchange::new(request, server.limits.exchange);
    if let Some(sessions) = &app.shared.sessions {
        sessions.receive(&mut exchange.request);
    }
    (exchange, refused)
}

/// Removes the fields that the client's `Connection` names: they were for the connection (RFC 9110, 7.6.1).
/// It happens before any hook runs, or a client could name a field that a hook sets for the target,
/// and have it removed behind the hook. Only the wish for an upgrade stays.
fn forget_connection_fields(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let mut upgrade = false;
    let named: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    headers.remove(header::CONNECTION);
    for name in named.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let name = name.trim_ascii();
        if name.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
        } else if let Ok(name) = HeaderName::from_bytes(name) {
            headers.remove(name);
        }
    }
    if upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Goes through the steps until one answers.
async fn walk(journey: &mut Journey, calls: &Calls) -> Result<(), Failure> {
    let app = journey.app.clone();
    let mut steps = matches(journey, &app, 0)?.into_iter();
    // The step whose further handlers `next-route` passes over.
    let mut passed: Option<usize> = None;
    while let Some(found) = steps.next() {
        let index = found.index;
        if passed.is_some_and(|passed| same_binding(journey.step(passed), journey.step(index))) {
            continue;
        }
        journey.exchange().params = found.params;
        match &app.steps[index].doer {
            Doer::Hook { .. } => {
                match in_place!(visit(journey, &app.steps[index], index, calls))? {
                    Outcome::Respond => {
                        journey.answered = Some(index);
                        return Ok(());
                    }
                    outcome => {
                        let exchange = journey.exchange();
                        exchange.response.body = Body::Empty;
                        passed = (outcome == Outcome::NextRoute).then_some(index);
                        if std::mem::take(&mut exchange.rerouted) {
                            steps = matches(journey, &app, index + 1)?.into_iter();
                        }
                    }
                }
            }
            Doer::Target(target) => {
                if answer(journey, target).await? {
                    journey.answered = Some(index);
                    return Ok(());
                }
            }
        }
    }
    nobody(journey)
}

/// Calls a hook.
async fn visit(
    journey: &mut Journey,
    step: &Step,
    index: usize,
    calls: &Calls,
) -> Result<Outcome, Failure> {
    let Doer::Hook { hook, route, reads_body, observes_response, observes_finish } = &step.doer
    else {
        return Ok(Outcome::Next);
    };
    let body_timeout = journey.app.config.server.http.body_timeout;
    let exchange = journey.exchange();
    exchange.reads_body = *reads_body;
    if *reads_body {
        Box::pin(gather(exchange, hook.context.limits.body, body_timeout)).await?;
    }
    let until = exchange.until;
    if hook.found.on_failure == OnFailure::Skip {
        exchange.undo = Undo::Clean;
    }
    let Some(exchange) = journey.exchange.take() else { return Ok(Outcome::Next) };
    let began = journey.app.shared.development.then(Instant::now);
    calls.begin();
    let (exchange, outcome) = in_place!(hook.handle_route(*route, exchange, until));
    calls.end();
    if let Some(began) = began {
        journey.times.note(hook.name(), "", began);
    }
    journey.exchange = Some(exchange);
    if calls.abandoned() {
        return Err(Failure::new(Code::ClientGone, "the client left during the call"));
    }
    let outcome = match outcome {
        Err(failure) if skips(journey, hook, &failure) => return Ok(Outcome::Next),
        outcome => outcome?,
    };
    journey.exchange().undo = Undo::Off;
    if *observes_response || *observes_finish {
        let params = std::mem::take(&mut journey.exchange().params);
        journey.reached.push(Reached { index, params });
    }
    Ok(outcome)
}

/// Whether a failure is to be passed over, as if the hook had said `next`. What the hook had changed is
/// taken back.
fn skips(journey: &mut Journey, hook: &Hook, failure: &Failure) -> bool {
    if hook.found.on_failure != OnFailure::Skip || !failure.may_be_skipped() {
        return false;
    }
    let exchange = journey.exchange();
    exchange.take_back();
    log(failure, &exchange.request.id);
    true
}

/// Gathers the request's body for a hook that reads it. A body that is too long is no failure: the hook
/// learns of it, and decides.
async fn gather(exchange: &mut Exchange, limit: u64, pause: Duration) -> Result<(), Failure> {
    let until = tokio::time::Instant::from_std(exchange.until);
    match tokio::time::timeout_at(until, exchange.request.body.gather(limit, pause)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::new(Code::BodyTooLarge, "the request's body is over `http.max_body`"))
        }
        Ok(Err(error)) if error.is::<Paused>() => {
            Err(Failure::new(Code::RequestTimeout, format!("the request's body: {error}")))
        }
        Ok(Err(error)) => {
            Err(Failure::new(Code::BadRequest, format!("the request's body broke off: {error}")))
        }
        Err(_) => Err(Failure::new(Code::RequestTimeout, "the request's body did not arrive")),
    }
}

/// Has a target answer; false where it has nothing to say.
async fn answer(journey: &mut Journey, target: &Target) -> Result<bool, Failure> {
    let exchange = journey.exchange();
    let response = match target {
        Target::Upstream(upstream) => {
            let until = tokio::time::Instant::from_std(exchange.until);
            let hop = exchange.request.peer;
            let Exchange { request, locals, .. } = exchange;
            let forwarded = Box::pin(upstream.forward(request, locals, hop));
            let Answer { mut response, tunnel } =
                tokio::time::timeout_at(until, forwarded).await.map_err(|_| {
                    Failure::new(Code::ExchangeTimeout, "the upstream had not answered by then")
                })??;
            session::hold_back(journey, &mut response);
            journey.tunnel = tunnel;
            response
        }
        Target::Directory(directory) => match Box::pin(directory.serve(&exchange.request)).await? {
            Some(response) => response,
            None => return Ok(false),
        },
        Target::Redirect(redirect) => redirect.response(),
        Target::Fixed(fixed) => fixed.response(),
        Target::Native(work) => return Ok(work(exchange)),
    };
    let tunnel = journey.tunnel.is_some();
    let exchange = journey.exchange();
    overlay(exchange, response);
    exchange.response.endless = tunnel || is_event_stream(exchange);
    Ok(true)
}

/// What a request gets that nobody answered: OPTIONS the methods of its path (Sails A7.11), all
/// others 404.
fn nobody(journey: &mut Journey) -> Result<(), Failure> {
    let app = journey.app.clone();
    let exchange = journey.exchange();
    let request = &exchange.request;
    if request.method == Method::OPTIONS {
        let methods = app.router.allowed(&request.path, request.query.as_deref());
        let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
        if let Ok(allow) = HeaderValue::from_str(&allow.join(","))
            && !methods.is_empty()
        {
            exchange.response.status = StatusCode::OK;
            exchange.response.body = Body::whole(allow.as_bytes().to_vec());
            let headers = &mut exchange.response.headers;
            headers.insert(header::ALLOW, allow);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            return Ok(());
        }
    }
    Err(Failure::new(Code::NotFound, "nobody answered"))
}

/// The steps that match from `from` on, and the options of all of them.
fn matches(journey: &mut Journey, app: &App, from: usize) -> Result<Matches, Failure> {
    let exchange = journey.exchange();
    let request = &exchange.request;
    let query = request.query.as_deref();
    let found = app.router.find(&request.method, &request.path, query, from)?;
    exchange.options = merged_options(&app.steps, &found);
    exchange.session_off |= found.iter().any(|found| !app.steps[found.index].session);
    Ok(found)
}

/// Sails' `req.options`: of all routes that match, the first one's word for each key (A7.17).
fn merged_options(steps: &[Step], found: &Matches) -> Option<Arc<str>> {
    let all = || found.iter().filter_map(|found| steps[found.index].options.as_ref());
    let first = all().next()?;
    if all().nth(1).is_none() {
        return Some(first.clone());
    }
    let mut merged = serde_json::Map::new();
    for options in all() {
        // They were checked when they were bound.
        if let Ok(serde_json::Value::Object(options)) = serde_json::from_str(options) {
            for (key, value) in options {
                merged.entry(key).or_insert(value);
            }
        }
    }
    Some(serde_json::Value::Object(merged).to_string().into())
}

/// Whether two steps are handlers of one binding: routes of one hook at one address.
fn same_binding(one: &Step, other: &Step) -> bool {
    match (&one.doer, &other.doer) {
        (Doer::Hook { hook: a, .. }, Doer::Hook { hook: b, .. }) => {
            Arc::ptr_eq(a, b) && one.address == other.address
        }
        _ => false,
    }
}

/// The time that each hook has on the way back, even if the exchange has none left.
const WAY_BACK_MIN: Duration = Duration::from_secs(1);

/// Runs `handle-response` of the hooks that asked and were reached, the last one first.
async fn observe(journey: &mut Journey, calls: &Calls) {
    journey.exchange().stage = Stage::Response;
    let app = journey.app.clone();
    // A chain that took all the time there was still has its way back.
    let until = journey.exchange().until.max(Instant::now() + WAY_BACK_MIN);
    for place in (0..journey.reached.len()).rev() {
        let Reached { index, params } = &mut journey.reached[place];
        let Doer::Hook { hook, route, observes_response: true, reads_body, .. } =
            &app.steps[*index].doer
        else {
            continue;
        };
        let params = std::mem::take(params);
        let exchange = journey.exchange();
        exchange.params = params;
        exchange.reads_body = *reads_body;
        if hook.found.on_failure == OnFailure::Skip {
            journey.exchange().undo = Undo::Clean;
        }
        let Some(exchange) = journey.exchange.take() else { return };
        let began = app.shared.development.then(Instant::now);
        calls.begin();
        let (exchange, result) = in_place!(hook.handle_response(*route, exchange, until));
        calls.end();
        if let Some(began) = began {
            journey.times.note(hook.name(), ".response", began);
        }
        journey.exchange = Some(exchange);
        journey.reached[place].params = std::mem::take(&mut journey.exchange().params);
        if let Err(failure) = result
            && !skips(journey, hook, &failure)
        {
            fail(journey, &failure);
        }
        journey.exchange().undo = Undo::Off;
    }
}

/// Makes a failure the response, and logs it.
fn fail(journey: &mut Journey, failure: &Failure) {
    let development = journey.app.shared.development;
    // The tunnel's other end is closed with it.
    journey.tunnel = None;
    let exchange = journey.exchange();
    let id = exchange.request.id.clone();
    log(failure, &id);
    let audience =
        Audience { form: Form::wanted(&exchange.request.headers), development, request_id: &id };
    // What hooks said of a body that will not come would be said of the error.
    for name in [
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::CONTENT_LENGTH,
    ] {
        exchange.response.headers.remove(name);
    }
    exchange.response.endless = false;
    overlay(exchange, error::respond(failure, audience));
}

fn log(failure: &Failure, id: &RequestId) {
    if failure.is_logged() {
        return;
    }
    let code = failure.code_text();
    if failure.is_server_error() {
        let backtrace = failure.backtrace.as_deref().map(|text| format!("\n{text}"));
        tracing::error!(request = %id, code, "{failure}{}", backtrace.unwrap_or_default());
    } else {
        tracing::debug!(request = %id, code, "{failure}");
    }
}

/// Hands the response to the server; the journey goes along with the body, or with the tunnel.
fn send(mut journey: Journey) -> http::Response<Body> {
    let watched = journey.is_watched();
    let times = std::mem::take(&mut journey.times);
    let exchange = journey.exchange();
    times.tell(&mut exchange.response.headers);
    let head_only = exchange.request.method == Method::HEAD;
    let body = std::mem::take(&mut exchange.response.body);
    let mut response = http::Response::new(Body::Empty);
    *response.status_mut() = exchange.response.status;
    // Hooks that hear of the end read the head once more; nobody else does.
    *response.headers_mut() = match watched {
        true => exchange.response.headers.clone(),
        false => std::mem::take(&mut exchange.response.headers),
    };
    let tunnels = journey.app.tunnels.get().cloned();
    match (journey.tunnel.take(), tunnels) {
        (Some(tunnel), Some(tunnels)) => {
            let mut cut = tunnels.enter();
            tokio::spawn(async move {
                // All of it, or it would end here and not with the tunnel.
                let mut journey = journey;
                let facts = tunnel.run(TUNNEL_IDLE, cut.told()).await;
                journey.bytes_sent = facts.from_upstream;
                journey.completed = facts.completed;
            });
        }
        _ if !watched => *response.body_mut() = body,
        // The body is not sent, but its length is.
        _ if head_only => {
            journey.completed = true;
            *response.body_mut() = body;
        }
        _ => *response.body_mut() = Counted::body(body, journey),
    }
    response
}

/// How long a tunnel may be silent both ways. Long, because the two ends have their own ideas of
/// keeping it alive, and a drain cuts it anyway.
const TUNNEL_IDLE: Duration = Duration::from_secs(3600);

fn is_event_stream(exchange: &Exchange) -> bool {
    let content_type = exchange.response.headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Whether a call into a hook is in progress, or the session is being written, and whether the client is still
/// there.
///
/// Only whoever owns the request's future writes here: by polling it, or by dropping what it was handed
/// out in. So plain loads and stores do; locked ones would be the dearest instructions of a call.
#[derive(Debug, Default)]
struct Calls {
    in_call: AtomicBool,
    gone: AtomicBool,
}

impl Calls {
    fn begin(&self) {
        self.in_call.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.in_call.store(false, Ordering::Relaxed);
    }

    fn abandoned(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

/// A request's future that is not simply dropped when its client leaves: what is in progress goes on, on a
/// task of its own, to its end or its limit. What it answers is thrown away.
struct Handed {
    future: Option<Pin<Box<dyn Future<Output = http::Response<Body>> + Send>>>,
    calls: Arc<Calls>,
    app: Arc<App>,
}

impl Future for Handed {
    type Output = http::Response<Body>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let response = std::task::ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(response)
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        self.calls.gone.store(true, Ordering::Relaxed);
        if !self.calls.in_call.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.app.afterwards.spawn_on(future, &runtime);
        }
    }
}
