//! Sends requests of hooks to other servers: what a grant allows, to addresses that were checked, within
//! limits.
//!
//! Each hook that has a grant has a [`Client`] of its own, and so connections of its own: what one may
//! reach is never another's by way of the pool. A request goes through, in this order: the hook's
//! [`Grants`], a place among its requests on their way, a connection (`connect` looks the name up, checks
//! every [`address`] and connects to those alone), the answer's head, its body up to a limit. With
//! redirects each hop goes through all of it anew.
//!
//! What there is not: proxies of the environment, cookies, caches, decompression, protocols other than
//! HTTP/1.1 and HTTP/2.

pub mod address;
pub mod grant;

mod body;
mod connect;
mod error;
mod redirect;
mod servers;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use body::Answer;
pub use error::FetchError;
pub use grant::Grants;
pub use servers::{Servers, Unanswered};

use self::body::{Outgoing, TooLarge};
use self::connect::{Connect, ConnectTimeout, Refused, Resolve, System};
use self::grant::{Missing, Origin};
use crate::body::Body;
use crate::causes::{Chain, find};
use crate::config::{self, Config, Problem, Problems};
use crate::log::prefix;
use crate::trust;

/// Redirects that a hook may have followed for one request: what browsers follow.
pub const REDIRECTS_MAX: u32 = 20;
/// Bytes of a URL: more than servers take.
const URL_BYTES_MAX: usize = 8 << 10;
/// Bytes of what is no URL in an error.
const URL_BYTES_SHOWN: usize = 200;
/// Idle connections that are kept for one hook and host.
const IDLE_CONNECTIONS: usize = 8;
/// For how long. Shorter than the 5 s of Node.js: who opened a connection should close it, or a request
/// runs into a closed one.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// hyper's read buffer, and with it the longest head of a response.
const HEAD_BYTES_MAX: usize = 128 << 10;

/// What holds for the fetches of all hooks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For looking a name up, connecting, and TLS together.
    pub connect_timeout: Duration,
    /// Requests of one hook on their way at one time; more wait.
    pub requests: usize,
    /// Which servers to believe.
    pub tls: Arc<ClientConfig>,
    /// What answers in place of the network, if anything does.
    pub servers: Option<Arc<dyn Servers>>,
}

/// What one hook fetches with.
pub struct Client {
    hook: Arc<str>,
    grants: Arc<Grants>,
    ways: Vec<Way>,
    servers: Option<Arc<dyn Servers>>,
    places: Arc<Semaphore>,
    connect_timeout: Duration,
}

type Http = legacy::Client<Connect, Outgoing<Body>>;

/// Connections for the methods that have the same grants. What one grant says of addresses must not hold for a
/// method that is another's, by way of a connection that is open.
struct Way {
    /// None for all that no other way is for.
    methods: Option<Vec<Method>>,
    http: Http,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("hook", &self.hook).finish_non_exhaustive()
    }
}

/// A request, checked as far as one can without a grant.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The method.
    pub method: Method,
    /// Where to: `http` or `https`, without credentials and fragment.
    pub url: Url,
    /// Its origin.
    pub origin: Origin,
    /// The headers; those of the connection are the server's.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// How far a fetch may go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// When there must be an answer's head; for [`Client::fetch`] when all must be over.
    pub until: Instant,
    /// How long that is, for the message.
    pub time: Duration,
    /// Between two pieces of the answer's body.
    pub pause: Duration,
    /// Bytes of a body, each way.
    pub body: u64,
}

/// What came of a fetch.
#[derive(Debug)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// Who answered in the end.
    pub url: Url,
    /// The headers, without the connection's.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Hop {
    /// A request without headers and body.
    ///
    /// # Errors
    /// If method or URL are none that can be sent.
    pub fn new(method: Method, url: &str) -> Result<Self, FetchError> {
        let bad =
            |why: &str| FetchError::Request(format!("not a URL to fetch: `{}`: {why}", shown(url)));
        if url.len() > URL_BYTES_MAX {
            let text = format!("the URL is over {URL_BYTES_MAX} bytes");
            return Err(FetchError::Request(text));
        }
        let mut parsed = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            // Without the URL: it would be in the log.
            let text = "there are credentials in the URL\nhint: send them in a header";
            return Err(FetchError::Request(text.into()));
        }
        parsed.set_fragment(None);
        let origin = Origin::of(&parsed).map_err(bad)?;
        if matches!(method, Method::CONNECT | Method::TRACE) {
            return Err(FetchError::Request(format!("`{method}` cannot be fetched by")));
        }
        Ok(Self { method, url: parsed, origin, headers: HeaderMap::new(), body: Bytes::new() })
    }
}

impl Settings {
    /// What the hooks with these grants need; none if none of them fetches. What is wrong with it is told
    /// anyhow.
    pub fn for_grants<'a>(
        mut grants: impl Iterator<Item = &'a Grants>,
        config: &Config,
        problems: &mut Problems,
    ) -> Option<Self> {
        let fetch = &config.server.fetch;
        if grants.all(Grants::is_empty) && fetch.ca_file.is_none() {
            return None;
        }
        let made = Self::new(fetch).map_err(|message| {
            let origin = config.tree.origin("fetch.ca_file");
            problems.0.push(Problem { message, origin, hint: None });
        });
        made.ok()
    }

    /// What a hook with these grants fetches with; none if there are none.
    pub fn client(&self, hook: &Arc<str>, grants: &Grants) -> Option<Client> {
        (!grants.is_empty()).then(|| Client::new(hook.clone(), grants.clone(), self))
    }

    /// As they are configured, with TLS that believes the system's roots and those in `ca_file`.
    ///
    /// # Errors
    /// If the file cannot be used. A system without roots is no error: who is not believed is told of when
    /// something is fetched from there.
    pub fn new(fetch: &config::Fetch) -> Result<Self, String> {
        let mut roots = trust::of_the_system().unwrap_or_else(|_| Arc::new(RootCertStore::empty()));
        if let Some(path) = &fetch.ca_file {
            let more = trust::of_file(path)
                .map_err(|error| format!("`fetch.ca_file`: {}: {error}", path.display()))?;
            Arc::make_mut(&mut roots).roots.extend(more.roots);
        }
        let mut tls = trust::believing(roots).map_err(|error| error.to_string())?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config::Fetch { connect_timeout, max_requests, .. } = *fetch;
        let (requests, tls) = (max_requests, Arc::new(tls));
        Ok(Self { connect_timeout, requests, tls, servers: None })
    }
}

impl Client {
    /// A client for a hook.
    pub fn new(hook: Arc<str>, grants: Grants, settings: &Settings) -> Self {
        Self::resolving(hook, grants, settings, Arc::new(System))
    }

    fn resolving(
        hook: Arc<str>,
        grants: Grants,
        settings: &Settings,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        let Settings { connect_timeout, requests, tls, servers } = settings.clone();
        let connect = Connect::new(tls, resolver, connect_timeout, requests);
        let ways = grants.by_method().into_iter().map(|(methods, grants)| {
            let http = legacy::Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_CONNECTION)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .http1_max_buf_size(HEAD_BYTES_MAX)
                .http2_max_header_list_size(HEAD_BYTES_MAX as u32)
                .build(connect.under(grants));
            Way { methods, http }
        });
        let (ways, places) = (ways.collect(), Arc::new(Semaphore::new(requests)));
        Self { hook, grants: Arc::new(grants), ways, servers, places, connect_timeout }
    }

    /// The way for a method.
    fn http(&self, method: &Method) -> &Http {
        let is_for = |way: &&Way| way.methods.as_ref().is_none_or(|named| named.contains(method));
        // The last one is for all methods.
        let way = self.ways.iter().find(is_for).unwrap_or(&self.ways[self.ways.len() - 1]);
        &way.http
    }

    /// Fetches, follows so many redirects, and reads the answer to its end. Asks `count` ahead of every
    /// request that is sent.
    ///
    /// # Errors
    /// Whatever keeps it from that.
    pub async fn fetch(
        &self,
        mut hop: Hop,
        redirects: u32,
        bounds: Bounds,
        mut count: impl FnMut() -> Result<(), FetchError>,
    ) -> Result<Fetched, FetchError> {
        let mut left = redirects;
        loop {
            count()?;
            if hop.body.len() as u64 > bounds.body {
                return Err(FetchError::RequestTooLarge(bounds.body));
            }
            let mut request = http::Request::new(Body::whole(hop.body.clone()));
            *request.method_mut() = hop.method.clone();
            // Of the last one that is sent nothing is needed any more.
            *request.headers_mut() =
                if left == 0 { std::mem::take(&mut hop.headers) } else { hop.headers.clone() };
            let response = self.send(&hop.origin, &hop.url, request, bounds).await?;
            let (head, body) = response.into_parts();
            let sender = hop.origin.clone();
            if redirects > 0 && redirect::follow(&mut hop, head.status, &head.headers)? {
                let Some(one_less) = left.checked_sub(1) else {
                    let (origin, max) = (sender.to_string(), redirects);
                    return Err(FetchError::Redirects { origin, max });
                };
                left = one_less;
                continue;
            }
            let body = timeout_at(bounds.until, whole(body)).await.map_err(|_| {
                FetchError::Timeout {
                    origin: sender.to_string(),
                    what: "the answer did not end",
                    limit: bounds.time,
                }
            })??;
            return Ok(Fetched { status: head.status, url: hop.url, headers: head.headers, body });
        }
    }

    /// Sends one request, and waits for the head of the answer. Follows nothing.
    ///
    /// # Errors
    /// Whatever keeps it from that.
    pub async fn send(
        &self,
        origin: &Origin,
        url: &Url,
        mut request: http::Request<Body>,
        bounds: Bounds,
    ) -> Result<http::Response<Answer>, FetchError> {
        self.allow(request.method(), origin)?;
        let uri = Uri::try_from(url.as_str()).map_err(|error| {
            FetchError::Request(format!("not a URL to fetch: `{}`: {error}", shown(url.as_str())))
        })?;
        *request.uri_mut() = uri;
        // It is made of the URL, which is what was checked.
        request.headers_mut().remove(HOST);
        let may_have_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        if may_have_body && request.body().is_end_stream() {
            // Without it some servers wait for a body, others answer 411.
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = request.map(|body| Outgoing::new(body, bounds.body));
        let late =
            |what| FetchError::Timeout { origin: origin.to_string(), what, limit: bounds.time };
        let place = timeout_at(bounds.until, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(late(
                "as many requests of this hook as may be were on their way, and none ended",
            ));
        };
        let answered = timeout_at(bounds.until, self.answer(origin, request, bounds)).await;
        let response = answered.map_err(|_| late("no answer came"))??;
        let (mut head, body) = response.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let cause = "it switched protocols unasked".into();
            return Err(FetchError::Failed { origin: origin.to_string(), cause });
        }
        strip(&mut head.headers);
        let origin = origin.to_string().into();
        let body = Answer::new(body, origin, bounds.body, bounds.pause, place);
        Ok(http::Response::from_parts(head, body))
    }

    /// The answer of the network, or of what stands in its place.
    async fn answer(
        &self,
        origin: &Origin,
        request: http::Request<Outgoing<Body>>,
        bounds: Bounds,
    ) -> Result<http::Response<Body>, FetchError> {
        if let Some(servers) = &self.servers {
            return servers::ask(&**servers, origin, request, bounds).await;
        }
        let response = self.http(request.method()).request(request).await;
        let response = response.map_err(|error| self.failed(origin, &error))?;
        Ok(response.map(Body::incoming))
    }

    fn allow(&self, method: &Method, origin: &Origin) -> Result<(), FetchError> {
        self.grants.allow(method, origin).map_err(|missing| match missing {
            Missing::Origin => not_granted(&self.hook, origin),
            Missing::Method(granted) => FetchError::MethodNotGranted {
                hook: self.hook.to_string(),
                origin: origin.to_string(),
                method: method.clone(),
                granted,
            },
        })
    }

    fn failed(&self, origin: &Origin, error: &legacy::Error) -> FetchError {
        let origin = origin.to_string();
        if let Some(Refused(addresses)) = find(error) {
            return FetchError::Refused { origin, addresses: addresses.clone() };
        }
        if find::<ConnectTimeout>(error).is_some() {
            let (what, limit) = ("no connection", self.connect_timeout);
            return FetchError::Timeout { origin, what, limit };
        }
        if let Some(TooLarge(limit)) = find(error) {
            return FetchError::RequestTooLarge(*limit);
        }
        let connecting = if error.is_connect() { "cannot connect: " } else { "" };
        // hyper-util's own text says nothing that the cause does not.
        let cause = std::error::Error::source(error).map(Chain);
        let cause = cause.map_or_else(|| error.to_string(), |cause| cause.to_string());
        FetchError::Failed { origin, cause: format!("{connecting}{cause}") }
    }
}

/// The error of a hook that has no grant for this.
pub fn not_granted(hook: &str, origin: &Origin) -> FetchError {
    FetchError::NotGranted { hook: hook.to_owned(), origin: origin.to_string() }
}

/// What may be shown of a text that was to be a URL: nothing that might be a password or a token in it.
fn shown(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    // A password may hold anything.
    let end = if rest.contains('@') { Some(0) } else { rest.find(['?', '#']) };
    let kept = prefix(&rest[..end.unwrap_or(rest.len())], URL_BYTES_SHOWN);
    let cut = if kept.len() < rest.len() { "..." } else { "" };
    format!("{}{kept}{cut}", prefix(scheme, URL_BYTES_SHOWN))
}

/// Reads a body to its end. It has its own limit.
async fn whole(mut body: Answer) -> Result<Bytes, FetchError> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers have no place in an answer that is read whole, and are dropped.
        if let Ok(data) = frame?.into_data() {
            all.extend_from_slice(&data);
        }
    }
    Ok(all.freeze())
}

/// Removes what was about the connection.
fn strip(headers: &mut HeaderMap) {
    let more = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in [CONNECTION, TRANSFER_ENCODING, TRAILER, UPGRADE].into_iter().chain(more) {
        headers.remove(name);
    }
}
