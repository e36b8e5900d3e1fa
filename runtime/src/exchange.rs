//! Defines the exchange: one request with its response-to-be and its locals.
//!
//! It is one boxed value with one owner at a time. The chain moves it into a hook's store for the time
//! of a call and takes it back; nothing of it is shared, locked or counted, and nothing of it
//! outlives the response. What imports may do with it stands in `host/`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use hyper::upgrade::OnUpgrade;

use crate::body::Body;
use crate::router::{Params, Path};
use crate::session::Session;
use crate::tasks::Deferred;

/// One request with its response-to-be.
#[derive(Debug)]
pub struct Exchange {
    /// What the client asked, as the hooks so far have left it.
    pub request: Request,
    /// What it will get, as far as that is known.
    pub response: Response,
    /// Values that hooks leave for each other.
    pub locals: Locals,
    /// The session, once a hook has touched it.
    pub session: Option<Box<Session>>,
    /// Whether there is none, as a route says so.
    pub session_off: bool,
    /// The parameters of the route at hand.
    pub params: Params,
    /// Whether the route at hand declared that it reads the body.
    pub reads_body: bool,
    /// The merged options of all routes that match, a JSON object; none where all are empty.
    pub options: Option<Arc<str>>,
    /// What may still be changed.
    pub stage: Stage,
    /// Whether a hook changed the path: what follows must be matched anew.
    pub rerouted: bool,
    /// When it must be over: `limits.exchange` after its start.
    pub until: Instant,
    /// What the call that runs has changed, where it must be possible to take that back.
    pub undo: Undo,
    /// Tasks that hooks have deferred, to be run once it is over.
    pub deferred: Vec<Deferred>,
    /// How it ended.
    pub outcome: Facts,
}

/// What a call has changed of an exchange, so that it can be taken back: `on_failure = "skip"`.
#[derive(Debug, Default)]
pub enum Undo {
    /// Nobody will ask.
    #[default]
    Off,
    /// Somebody might, and nothing has been changed.
    Clean,
    /// How it was before the first change.
    Saved(Box<Saved>),
}

/// An exchange as it was. Bodies are moved here when they are replaced, as a stream cannot be copied.
#[derive(Debug)]
pub struct Saved {
    path: Path,
    query: Option<String>,
    request_headers: HeaderMap,
    request_body: Option<Body>,
    status: StatusCode,
    response_headers: HeaderMap,
    response_body: Option<Body>,
    locals: Locals,
    session: Option<Box<Session>>,
    rerouted: bool,
}

/// How far an exchange has come, and so what of it can still be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// On the way in: request and response can be changed.
    Request,
    /// On the way back: the response can be changed.
    Response,
    /// Over: nothing can.
    Finished,
}

/// What is known when the last byte is out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Bytes of body that went to the client.
    pub bytes_sent: u64,
    /// From the request's head to the last byte.
    pub elapsed: Duration,
    /// Whether the client received all of it.
    pub completed: bool,
}

/// The request's side.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The normalised path, the one that router, hooks and targets see.
    pub path: Path,
    /// What stood behind the `?`.
    pub query: Option<String>,
    /// The version of HTTP that the client speaks.
    pub version: Version,
    /// Headers, as the hooks so far have left them.
    pub headers: HeaderMap,
    /// The body. `Whole` once the host has gathered it for a hook: every later reader and the target
    /// get the same bytes.
    pub body: Body,
    /// Who asks, by the rule of `trust_proxy`.
    pub ip: IpAddr,
    /// `http` or `https`, by the same rule.
    pub scheme: Scheme,
    /// Who opened the connection, and whether it is a proxy that `trust_proxy` trusts.
    pub peer: Hop,
    /// The id.
    pub id: RequestId,
    /// When its head had been read.
    pub started: Instant,
    /// The connection after an upgrade, for whoever answers with 101.
    pub upgrade: Option<OnUpgrade>,
    /// What `headers` does not have, as no hook sees it.
    pub session_cookie: SessionCookie,
}

/// The cookie of sessions, on its way past the hooks.
#[derive(Debug, Default)]
pub struct SessionCookie {
    /// What the client sent: `name=value`, perhaps several of them, as in a `cookie` field.
    pub sent: Option<HeaderValue>,
    /// Whether upstreams get it.
    pub forwarded: bool,
    /// What an upstream that gets it has said of it: `set-cookie` fields for the client.
    pub answered: Vec<HeaderValue>,
}

/// The hop that the request came from: whoever opened the client's connection.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// Its address.
    pub ip: IpAddr,
    /// Whether what it says in `X-Forwarded-*` counts, by `trust_proxy`. It is then passed on.
    pub trusted: bool,
}

/// The response's side.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Whether the body never ends by itself, as an event stream or a tunnel does: it cannot be
    /// gathered then, nor replaced.
    pub endless: bool,
}

impl Default for Response {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Body::Empty,
            endless: false,
        }
    }
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request's id: ours, or the one that a trusted proxy gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// 16 hexadecimal digits, unique in this process and unlikely to repeat across restarts. It is a
    /// number until somebody reads it.
    Own(u64),
    /// Taken from `x-request-id`.
    Given(Box<str>),
}

impl RequestId {
    /// The longest id that is taken from a proxy. Longer ones would let a client fill the log.
    pub const GIVEN_LENGTH_MAX: usize = 128;

    /// The next id of our own.
    pub fn next() -> Self {
        // A golden-ratio step from a start that differs a process: consecutive ids look unrelated
        // in a log, and none repeats before 2^64 of them.
        static LAST: AtomicU64 = AtomicU64::new(0);
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut last = LAST.fetch_add(STEP, Ordering::Relaxed);
        if last == 0 {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(1, |since| since.as_nanos() as u64);
            let start = now.rotate_left(32) ^ u64::from(std::process::id());
            last = start | 1;
            LAST.fetch_add(last, Ordering::Relaxed);
        }
        Self::Own(last)
    }

    /// An id from `x-request-id`, if it is fit for a log: short, visible ASCII.
    pub fn given(value: &http::HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let fit = !text.is_empty()
            && text.len() <= Self::GIVEN_LENGTH_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then(|| Self::Given(text.into()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(number) => write!(out, "{number:016x}"),
            Self::Given(text) => out.write_str(text),
        }
    }
}

/// Values by name, as JSON text: a hook writes text and the next one reads text, so nothing in
/// between needs to parse. There are a handful, so a search in order beats a map.
#[derive(Clone, Debug, Default)]
pub struct Locals(Vec<(String, String)>);

impl Locals {
    /// The value under a name, JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets a value. The caller has checked that it is JSON.
    pub fn set(&mut self, name: String, value: String) {
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// How many bytes they take together.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// All of them, as one JSON object.
    pub fn to_json(&self) -> String {
        let mut object = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                object.push(',');
            }
            object.push_str(&serde_json::Value::from(name.as_str()).to_string());
            object.push(':');
            object.push_str(value);
        }
        object.push('}');
        object
    }
}

impl Exchange {
    /// A new exchange for a request, with so much time.
    pub fn new(request: Request, limit: Duration) -> Box<Self> {
        Box::new(Self {
            until: request.started + limit,
            request,
            response: Response::default(),
            locals: Locals::default(),
            session: None,
            session_off: false,
            params: Params::default(),
            reads_body: false,
            options: None,
            stage: Stage::Request,
            rerouted: false,
            undo: Undo::Off,
            deferred: Vec::new(),
            outcome: Facts::default(),
        })
    }

    /// Lets the tasks be run that hooks have deferred.
    pub fn release(&mut self) {
        self.deferred.drain(..).for_each(Deferred::release);
    }

    /// To be called before a hook changes anything.
    pub fn about_to_change(&mut self) {
        if matches!(self.undo, Undo::Clean) {
            self.undo = Undo::Saved(Box::new(Saved {
                path: self.request.path.clone(),
                query: self.request.query.clone(),
                request_headers: self.request.headers.clone(),
                request_body: None,
                status: self.response.status,
                response_headers: self.response.headers.clone(),
                response_body: None,
                locals: self.locals.clone(),
                session: self.session.clone(),
                rerouted: self.rerouted,
            }));
        }
    }

    /// Replaces the request's body.
    pub fn replace_request_body(&mut self, body: Body) {
        let old = std::mem::replace(&mut self.request.body, body);
        if let Undo::Saved(saved) = &mut self.undo {
            saved.request_body.get_or_insert(old);
        }
    }

    /// Replaces the response's body.
    pub fn replace_response_body(&mut self, body: Body) {
        let old = std::mem::replace(&mut self.response.body, body);
        if let Undo::Saved(saved) = &mut self.undo {
            saved.response_body.get_or_insert(old);
        }
    }

    /// Adds to the response's body, if that is bytes.
    pub fn grow_response_body(&mut self, chunk: &[u8]) {
        let Body::Whole(written) = &mut self.response.body else { return };
        let written = std::mem::take(written);
        if let Undo::Saved(saved) = &mut self.undo {
            saved.response_body.get_or_insert(Body::Whole(written.clone()));
        }
        let mut grown = written.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        grown.extend_from_slice(chunk);
        self.response.body = Body::Whole(grown.freeze());
    }

    /// Takes back what was changed since `undo` was made `Clean`.
    pub fn take_back(&mut self) {
        let Undo::Saved(saved) = std::mem::take(&mut self.undo) else { return };
        self.request.path = saved.path;
        self.request.query = saved.query;
        self.request.headers = saved.request_headers;
        self.request.body = saved.request_body.unwrap_or(std::mem::take(&mut self.request.body));
        self.response.status = saved.status;
        self.response.headers = saved.response_headers;
        self.response.body = saved.response_body.unwrap_or(std::mem::take(&mut self.response.body));
        self.locals = saved.locals;
        self.session = saved.session;
        self.rerouted = saved.rerouted;
    }

    /// An exchange that stands in for one that was lost with a call. The sandbox hands every
    /// exchange back; this is here so that a defect there costs one answer, and not the server.
    pub fn blank() -> Box<Self> {
        tracing::error!("an exchange was lost in a call into a hook");
        Self::new(
            Request {
                method: Method::GET,
                path: Path::default(),
                query: None,
                version: Version::HTTP_11,
                headers: HeaderMap::new(),
                body: Body::Empty,
                ip: IpAddr::from([0, 0, 0, 0]),
                scheme: Scheme::Http,
                peer: Hop { ip: IpAddr::from([0, 0, 0, 0]), trusted: false },
                id: RequestId::next(),
                started: Instant::now(),
                upgrade: None,
                session_cookie: SessionCookie::default(),
            },
            Duration::ZERO,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locals_are_one_json_object() {
        let mut locals = Locals::default();
        locals.set("me".into(), r#"{"id":1}"#.into());
        locals.set("a \"b\"".into(), "2".into());
        locals.set("me".into(), "null".into());
        assert_eq!(locals.to_json(), r#"{"me":null,"a \"b\"":2}"#);
    }

    #[test]
    fn ids_differ_and_have_sixteen_digits() {
        let (a, b) = (RequestId::next(), RequestId::next());
        assert_ne!(a, b);
        assert_eq!(a.to_string().len(), 16);
    }

    #[test]
    fn an_id_that_would_break_the_log_is_not_taken() {
        assert_eq!(RequestId::given(&http::HeaderValue::from_static("a b")), None);
        let long = "x".repeat(RequestId::GIVEN_LENGTH_MAX + 1);
        assert_eq!(RequestId::given(&http::HeaderValue::from_str(&long).unwrap()), None);
        assert!(RequestId::given(&http::HeaderValue::from_static("abc-1")).is_some());
    }
}
