//! Forwards a request to another server and streams its answer back.
//!
//! One path: what the router matched is what the upstream gets. Bodies stream both ways, uncopied,
//! each under a limit on the time between two pieces. The request's headers are copied, not taken,
//! because hooks still read them when the response comes back.
//!
//! What goes over and what does not stands in `headers`; how a connection is made, in `connect`;
//! bodies in `pace`; what tells it of locals, in `signed`.
//!
//! Not here: caching, load balancing, choosing an upstream.

mod headers;

mod connect;
mod pace;
mod signed;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, StatusCode, Uri, uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use self::connect::{Connect, ConnectTimeout};
use self::pace::{ClientFault, Paced, Progress};
pub use self::signed::Signer;
use super::{Reserved, Tunnel, strip_prefix};
use crate::body::Body;
use crate::causes::{Chain, find};
use crate::error::{Code, Failure};
use crate::exchange::{Hop, Locals, Request};

/// A server that requests are forwarded to.
#[derive(Debug)]
pub struct Upstream {
    client: Client<Connect, Body>,
    scheme: Scheme,
    authority: Authority,
    /// What stands before every path, without a slash at its end.
    base: Box<str>,
    host: HeaderValue,
    /// For the operator.
    url: Box<str>,
    options: Options,
}

/// How an upstream is spoken with.
#[derive(Clone, Debug)]
pub struct Options {
    /// For looking up the name, connecting, and TLS together.
    pub connect_timeout: Duration,
    /// From the request's last byte to the response's head.
    pub response_timeout: Duration,
    /// Between two pieces of the response's body.
    pub idle_timeout: Duration,
    /// Between two pieces of the request's body.
    pub client_timeout: Duration,
    /// Whether the upstream gets the client's `Host` and not its own.
    pub preserve_host: bool,
    /// What is taken off the front of the path, whole segments.
    pub strip_prefix: Option<String>,
    /// Headers that nobody but the server may send it.
    pub reserved: Reserved,
    /// What signs the locals that it gets.
    pub signer: Option<Signer>,
    /// Which certificates to believe, and with which of one's own to answer; the platform's roots
    /// where there is none.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // A machine on the same network answers in milliseconds, one that drops packets never.
            connect_timeout: Duration::from_secs(5),
            // As `limits.exchange`, which bounds it anyway.
            response_timeout: Duration::from_secs(30),
            // As nginx' `proxy_read_timeout`, which servers of event streams are made for.
            idle_timeout: Duration::from_secs(60),
            // As `http.body_timeout`.
            client_timeout: Duration::from_secs(30),
            preserve_host: false,
            strip_prefix: None,
            reserved: Reserved::default(),
            signer: None,
            tls: None,
        }
    }
}

/// An upstream that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Not a URL.
    #[error("not a URL: `{url}`\nhint: write it as `http://127.0.0.1:3000`")]
    Url {
        /// What was written.
        url: String,
        /// Why.
        source: uri::InvalidUri,
    },
    /// A URL, but not one of a server.
    #[error("not the URL of an upstream: `{url}`\nhint: {hint}")]
    Unfit {
        /// What was written.
        url: String,
        /// The remedy.
        hint: &'static str,
    },
    /// HTTPS without anybody to believe.
    #[error("no certificates of the system for upstream: `{url}`\nhint: install `ca-certificates`")]
    Roots {
        /// What was written.
        url: String,
        /// Why, if the system said.
        source: Option<rustls_native_certs::Error>,
    },
    /// TLS cannot be set up at all.
    #[error("cannot set up TLS for upstream: `{url}`")]
    Tls {
        /// What was written.
        url: String,
        /// Why.
        source: rustls::Error,
    },
}

/// What an upstream answered.
#[derive(Debug)]
pub struct Answer {
    /// The response, ready for the client.
    pub response: http::Response<Body>,
    /// The tunnel to run, where the response is a 101.
    pub tunnel: Option<Tunnel>,
}

/// Idle connections that are kept open.
const IDLE_CONNECTIONS: usize = 256;

/// For how long. Shorter than the 5 s of Node.js: who opened a connection should close it, or a
/// request runs into a closed one.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// hyper's read buffer, and with it the longest head of a response.
const READ_BUFFER_BYTES: usize = 256 * 1024;

impl Upstream {
    /// An upstream at this URL: scheme, host, port, and a path that stands before every other.
    ///
    /// # Errors
    /// When there can be no such upstream. Whether it runs is not asked.
    pub fn new(url: &str, options: Options) -> Result<Self, UpstreamError> {
        let unfit = |hint| UpstreamError::Unfit { url: url.into(), hint };
        let parsed: Uri =
            url.parse().map_err(|source| UpstreamError::Url { url: url.into(), source })?;
        let uri::Parts { scheme, authority, path_and_query, .. } = parsed.into_parts();
        let (Some(scheme), Some(authority)) = (scheme, authority) else {
            return Err(unfit("write it with its scheme: `http://127.0.0.1:3000`"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(unfit("the scheme is `http` or `https`"));
        }
        if authority.as_str().contains('@') {
            return Err(unfit("credentials in a URL end up in logs; set a header in a hook"));
        }
        if authority.host().is_empty() {
            return Err(unfit("there is no host in it"));
        }
        let path = path_and_query.as_ref().map_or("/", PathAndQuery::path);
        if path_and_query.as_ref().is_some_and(|both| both.query().is_some()) {
            return Err(unfit("it has no query; the request's is passed on"));
        }
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| unfit("its host is not fit for a header"))?;
        let connect = Connect::new(url, scheme == Scheme::HTTPS, &options)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(READ_BUFFER_BYTES)
            .set_host(false)
            .build(connect);
        Ok(Self {
            client,
            scheme,
            authority,
            base: path.trim_end_matches('/').into(),
            host,
            url: url.into(),
            options,
        })
    }

    /// Forwards a request and waits for the head of the answer.
    ///
    /// Takes the body, unless it has been gathered, and the client's connection if the answer is a
    /// 101. All else of the request stays readable.
    ///
    /// # Errors
    /// 502 where the upstream cannot be reached or breaks off, 504 where it takes too long; 400 and
    /// 408 where the client did not send its body to the end.
    pub async fn forward(
        &self,
        request: &mut Request,
        locals: &Locals,
        hop: Hop,
    ) -> Result<Answer, Failure> {
        let wanted =
            request.upgrade.is_some().then(|| headers::upgrade(&request.headers)).flatten();
        let (body, progress) = self.body(&mut request.body);
        let empty = body.is_end_stream();
        let outgoing = self.outgoing(request, (locals, hop), wanted.as_ref(), body)?;
        let mut sent = self.send(outgoing, progress.as_deref()).await;
        if empty && request.method.is_idempotent() && sent.as_ref().is_err_and(Lost::may_be_stale) {
            // The upstream closed the connection just when the request came down it. One that had
            // not been written at all hyper-util has already sent again, whatever its method.
            let again = self.outgoing(request, (locals, hop), wanted.as_ref(), Body::Empty)?;
            sent = self.send(again, None).await;
        }
        let response = sent.map_err(|lost| self.failure(&lost))?;
        self.answer(request, response, wanted.is_some())
    }

    /// The body to send, and where it notes how it gets on. One that has been gathered stays.
    fn body(&self, body: &mut Body) -> (Body, Option<Arc<Progress>>) {
        if let Body::Whole(bytes) = body {
            return (Body::Whole(bytes.clone()), None);
        }
        let body = std::mem::take(body);
        if body.is_end_stream() {
            return (Body::Empty, None);
        }
        let progress = Arc::new(Progress::new());
        let (limit, reserved) = (self.options.client_timeout, self.options.reserved.clone());
        let paced = Paced::from_client(body, limit, progress.clone(), reserved);
        (Body::stream(paced), Some(progress))
    }

    /// The request as it goes out.
    fn outgoing(
        &self,
        request: &Request,
        (locals, hop): (&Locals, Hop),
        upgrade: Option<&HeaderValue>,
        body: Body,
    ) -> Result<http::Request<Body>, Failure> {
        let mut headers = headers::outgoing(request, hop);
        if !self.options.preserve_host || !headers.contains_key(http::header::HOST) {
            headers.insert(http::header::HOST, self.host.clone());
        }
        if let Some(protocol) = upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        let may_have_body = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        if may_have_body && matches!(body, Body::Empty) {
            // Without it some servers wait for a body, others answer 411.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let uri = self.uri(request)?;
        // What a hook has set under such a name goes, too: an upstream is told by locals alone.
        self.options.reserved.strip(&mut headers);
        if let Some(signer) = &self.options.signer {
            let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            let (name, value) = signer.sign(locals, request, target)?;
            headers.insert(name, value);
        }
        let mut outgoing = http::Request::new(body);
        *outgoing.method_mut() = request.method.clone();
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = headers;
        Ok(outgoing)
    }

    fn uri(&self, request: &Request) -> Result<Uri, Failure> {
        let path = match &self.options.strip_prefix {
            Some(prefix) => strip_prefix(request.path.as_str(), prefix),
            None => request.path.as_str(),
        };
        let query = request.query.as_deref();
        let length = self.base.len() + path.len() + query.map_or(0, |query| query.len() + 1);
        let mut text = String::with_capacity(length.max(1));
        text.push_str(&self.base);
        text.push_str(path);
        if text.is_empty() {
            text.push('/');
        }
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        let path_and_query =
            PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|error| {
                Failure::new(
                    Code::BadRequest,
                    format!("upstream `{}`: no valid path and query: {error}", self.url),
                )
            })?;
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).map_err(|error| Failure::new(Code::Internal, error.to_string()))
    }

    /// Sends, and waits for the head. While the body is on its way the time counts from its last
    /// piece, and while the client keeps us waiting for one it does not count: the body's own limit
    /// does.
    async fn send(
        &self,
        outgoing: http::Request<Body>,
        progress: Option<&Progress>,
    ) -> Result<http::Response<Incoming>, Lost> {
        let mut response = self.client.request(outgoing);
        let mut deadline = Instant::now() + self.options.response_timeout;
        loop {
            match timeout_at(deadline, &mut response).await {
                Ok(answered) => return answered.map_err(Lost::Failed),
                Err(_) => {
                    let since = progress.map_or(deadline, |progress| {
                        progress.since() + self.options.response_timeout
                    });
                    if since <= Instant::now() {
                        return Err(Lost::TimedOut);
                    }
                    deadline = since;
                }
            }
        }
    }

    /// The response as the client gets it.
    fn answer(
        &self,
        request: &mut Request,
        mut response: http::Response<Incoming>,
        upgrade_asked: bool,
    ) -> Result<Answer, Failure> {
        let status = response.status();
        let tunnel = match (status, request.upgrade.take()) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(client)) if upgrade_asked => {
                Some(Tunnel { client, upstream: hyper::upgrade::on(&mut response) })
            }
            (StatusCode::SWITCHING_PROTOCOLS, _) => {
                let cause = format!("upstream `{}`: switched protocols unasked", self.url);
                return Err(Failure::new(Code::UpstreamFailed, cause));
            }
            (_, upgrade) => {
                request.upgrade = upgrade;
                None
            }
        };
        let (mut parts, body) = response.into_parts();
        let protocol = tunnel.is_some().then(|| parts.headers.remove(UPGRADE)).flatten();
        headers::strip(&mut parts.headers);
        if let Some(protocol) = protocol {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol);
        }
        let body = if body.is_end_stream() {
            Body::Empty
        } else {
            Body::stream(Paced::from_upstream(body, self.options.idle_timeout))
        };
        // Not the parts as they are: the upstream's HTTP version is its own affair, and its
        // extensions hold its connection.
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = parts.headers;
        Ok(Answer { response, tunnel })
    }

    fn failure(&self, lost: &Lost) -> Failure {
        let url = &self.url;
        let error = match lost {
            Lost::TimedOut => {
                let limit = self.options.response_timeout;
                let cause = format!("upstream `{url}`: no answer within {limit:?}");
                return Failure::new(Code::UpstreamTimeout, cause);
            }
            Lost::Failed(error) => error,
        };
        if let Some(fault) = find::<ClientFault>(error) {
            let code = match fault {
                ClientFault::Stalled(_) => Code::RequestTimeout,
                ClientFault::Broke(_) => Code::BadRequest,
            };
            return Failure::new(code, format!("{}", Chain(fault)));
        }
        if find::<ConnectTimeout>(error).is_some() {
            let limit = self.options.connect_timeout;
            let cause = format!("upstream `{url}`: no connection within {limit:?}");
            return Failure::new(Code::UpstreamTimeout, cause);
        }
        let mut cause = format!("upstream `{url}`: ");
        if error.is_connect() {
            cause.push_str("cannot connect: ");
        }
        let refused = find::<std::io::Error>(error)
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        // hyper-util's own text says nothing that the cause does not.
        let _ = match error.source() {
            Some(source) => write!(cause, "{}", Chain(source)),
            None => write!(cause, "{error}"),
        };
        if refused {
            cause.push_str("\nhint: is it running?");
        }
        Failure::new(Code::UpstreamFailed, cause)
    }
}

/// How a request got no answer.
enum Lost {
    TimedOut,
    Failed(legacy::Error),
}

impl Lost {
    /// Whether this is what a connection looks like that the upstream closed meanwhile: no byte of an
    /// answer came. A new connection may look the same, and then it is asked twice, which an
    /// idempotent method allows.
    fn may_be_stale(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        if error.is_connect() || find::<ClientFault>(error).is_some() {
            return false;
        }
        let ended = find::<hyper::Error>(error)
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled());
        let reset = find::<std::io::Error>(error).is_some_and(|error| {
            matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            )
        });
        ended || reset
    }
}
