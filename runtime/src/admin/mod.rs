//! Answers the operator on a listener of its own: `/healthz`, `/readyz`, `/metrics`, and, for those who have the
//! secret `admin`, `/hooks` (see [`api`]).
//!
//! It is bound before the hooks run and closed after they are lowered, so that it can say what the server
//! is doing all the while. The first three ask for no secret: they show names and numbers, and whoever
//! can connect may read them.
//!
//! Not here: what is counted and where; see [`crate::hook::Tally`] and [`crate::server::Traffic`].

pub mod api;
mod exposition;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::app::App;
use crate::body::Body;
use crate::config::{Config, Problem};
use crate::deploy::Deployer;
use crate::hook::Reading;
use crate::log::process_time;
use crate::nodes::NodesReading;
use crate::secrets::Secret;
use crate::server::{Options, Traffic};
use crate::session::Sessions;
use crate::store::StoreReading;

/// Connections at once: a scraper, some probes, a person or two.
const CONNECTIONS: usize = 16;
/// For a request's head. Who asks here is near.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a head: no question here is long. The least that the server takes.
const HEADER_BYTES: usize = 8 << 10;
/// How long an answer may take to go out once all else is lowered.
const DRAIN: Duration = Duration::from_secs(1);

/// How the admin listener listens there.
pub fn options(listen: SocketAddr) -> Options {
    Options {
        setting: "admin.listen",
        connections: CONNECTIONS,
        header_timeout: HEADER_TIMEOUT,
        header_bytes: HEADER_BYTES,
        drain: DRAIN,
        ..Options::new(listen)
    }
}

/// What to warn of, if others than this machine may be able to connect.
pub fn warning(config: &Config) -> Option<Problem> {
    let listen = config.server.admin.as_ref()?;
    let is_loopback = match listen.host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => listen.host == "localhost",
    };
    (!is_loopback).then(|| Problem {
        message: format!(
            "the admin listener is on `{listen}`, unencrypted, and asks nobody who reads metrics who they are"
        ),
        origin: config.tree.origin("admin.listen"),
        hint: Some("keep it on 127.0.0.1, or see to it that only your own can reach it".into()),
    })
}

/// What is told about a server. Clones tell of the same.
#[derive(Clone, Debug)]
pub struct Admin {
    lifted: Arc<OnceLock<(Arc<Deployer>, Traffic)>>,
    secret: Option<Secret>,
    stop: watch::Receiver<bool>,
}

impl Admin {
    /// Of a server that has not lifted; `stop` becomes true once it is told to stop. Without a secret
    /// nobody may change anything.
    pub fn new(secret: Option<Secret>, stop: watch::Receiver<bool>) -> Self {
        Self { lifted: Arc::default(), secret, stop }
    }

    /// Notes that the app is lifted and served.
    pub fn lifted(&self, deployer: Deployer, traffic: Traffic) {
        // A process serves one app.
        let _ = self.lifted.set((Arc::new(deployer), traffic));
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if api::is_ours(request.uri().path()) {
            let deployer = self.lifted.get().map(|(deployer, _)| deployer);
            return api::answer(self.secret.as_ref(), deployer, request).await;
        }
        self.tell(&request)
    }

    /// Answers a request that changes nothing.
    fn tell<B>(&self, request: &Request<B>) -> Response<Body> {
        let known = ["/healthz", "/readyz", "/metrics"].contains(&request.uri().path());
        if known && ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            // That this runs is the answer.
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(),
            "/metrics" => {
                let mut response = plain(StatusCode::OK, exposition::text(&self.facts()));
                let kind = HeaderValue::from_static(exposition::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "there are /healthz, /readyz, /metrics and /hooks\n"),
        }
    }

    fn readiness(&self) -> Response<Body> {
        if *self.stop.borrow() {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        match self.lifted.get() {
            Some(_) => plain(StatusCode::OK, "ready\n"),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "lifting\n"),
        }
    }

    fn facts(&self) -> Facts {
        let lifted =
            self.lifted.get().map(|(deployer, traffic)| (deployer.running().app(), traffic));
        Facts {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime: process_time(),
            ready: lifted.is_some() && !*self.stop.borrow(),
            traffic: lifted.as_ref().map(|(app, traffic)| TrafficFacts {
                connections: traffic.connections(),
                exchanges: traffic.exchanges(),
                answers: traffic.answers(),
                afterwards: app.afterwards.len(),
                sessions_dropped: app.shared.sessions.as_deref().map(Sessions::dropped),
            }),
            hooks: lifted
                .iter()
                .flat_map(|(app, _)| &app.hooks)
                .map(|hook| hook.reading())
                .collect(),
            stores: lifted.as_ref().map(|(app, _)| stores(app)).unwrap_or_default(),
            nodes: lifted.as_ref().and_then(|(app, _)| Some(app.shared.nodes.get()?.reading())),
        }
    }
}

/// What the stores of services did.
fn stores(app: &App) -> Vec<(&'static str, StoreReading)> {
    let kv = app.shared.kv.as_ref().map(|store| ("kv", store.reading()));
    let sessions = app.shared.sessions.as_ref().map(|all| ("session", all.reading()));
    kv.into_iter().chain(sessions).collect()
}

/// What `/metrics` tells.
#[derive(Debug)]
struct Facts {
    version: String,
    uptime: Duration,
    ready: bool,
    /// None before the lift is over.
    traffic: Option<TrafficFacts>,
    hooks: Vec<Reading>,
    /// By the service that keeps things there.
    stores: Vec<(&'static str, StoreReading)>,
    /// None where events stay on this server.
    nodes: Option<NodesReading>,
}

/// What the server's listener does.
#[derive(Debug)]
struct TrafficFacts {
    connections: usize,
    exchanges: usize,
    answers: [u64; 5],
    afterwards: usize,
    /// None where there are no sessions.
    sessions_dropped: Option<u64>,
}

/// An answer that is text, and true only now.
fn plain(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn ask(admin: &Admin, method: Method, path: &str) -> Response<Body> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        admin.tell(&request)
    }

    #[test]
    fn a_server_that_lifts_is_healthy_and_not_ready() {
        let (_sender, stop) = watch::channel(false);
        let admin = Admin::new(None, stop);
        assert_eq!(ask(&admin, Method::GET, "/healthz").status(), 200);
        assert_eq!(ask(&admin, Method::HEAD, "/readyz").status(), 503);
        assert_eq!(ask(&admin, Method::GET, "/metrics").status(), 200);
    }

    #[test]
    fn other_paths_and_methods_have_their_own_answers() {
        let (_sender, stop) = watch::channel(false);
        let admin = Admin::new(None, stop);
        assert_eq!(ask(&admin, Method::GET, "/metrics/").status(), 404);
        assert_eq!(ask(&admin, Method::POST, "/").status(), 404);
        let refused = ask(&admin, Method::POST, "/metrics");
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()[ALLOW]),
            (405, &"GET, HEAD".parse().unwrap())
        );
    }

    #[test]
    fn only_an_address_that_others_can_reach_is_warned_of() {
        let app = tempfile::tempdir().unwrap();
        let warned = |listen: &str| {
            let sets = vec![format!("admin.listen={listen}")];
            let dir = app.path().to_owned();
            let sources = config::Sources { dir, sets, ..config::Sources::default() };
            warning(&config::load(&sources).unwrap()).map(|problem| problem.to_string())
        };
        for near in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"]
        {
            assert_eq!(warned(near), None);
        }
        for far in ["0.0.0.0:1", "[::]:1", "10.0.0.7:1", "example.org:1"] {
            let start = format!("--set: the admin listener is on `{far}`, ");
            assert!(warned(far).is_some_and(|text| text.starts_with(&start)), "{far}");
        }
    }
}
