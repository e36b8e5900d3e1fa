//! Defines a case: what a hook finds, what it is asked, one step after the other, and what is to come of it.
//!
//! Plain data. Files of cases are read by [`crate::config::cases`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::expect::Expect;

/// What the clocks say where a case says nothing: the start of 2026.
pub const NOW: Duration = Duration::from_secs(1_767_225_600);

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows, as a sentence.
    pub name: String,
    /// The hook's own settings: what stands under its config key in `boathook.toml`.
    pub config: Map<String, Value>,
    /// How the server runs it: what stands under `[hooks.<name>]`. What its manifest asks for is granted, and
    /// what is granted here beside it.
    pub hook: Map<String, Value>,
    /// All else that `boathook.toml` may have.
    pub app: Map<String, Value>,
    /// What `kv` holds at the start: namespace, key, value.
    pub kv: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// What the client's session holds at the start.
    pub session: Map<String, Value>,
    /// The locals that each request begins with.
    pub locals: Map<String, Value>,
    /// Environment variables. The process's own are not there.
    pub env: BTreeMap<String, String>,
    /// Secrets, by name.
    pub secrets: BTreeMap<String, String>,
    /// What the clocks say at the start, since 1970. They stand still but for [`Step::after`].
    pub now: Duration,
    /// What all randomness is made from.
    pub seed: u64,
    /// What answers behind the hook, as `respond` of a route; nothing, and so a 404, if there is none.
    pub respond: Option<Value>,
    /// Other servers. A request that none of these is for fails, and with it the case.
    pub fetch: Vec<Mock>,
    /// What happens, in this order, to the same hook.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// The time that passes before it, each time.
    pub after: Duration,
    /// How often it happens, one after the other.
    pub repeat: u64,
    /// What it is.
    pub act: Act,
    /// What is to come of it.
    pub expect: Expect,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// A client asks something.
    Request(Request),
    /// The tasks are run whose time has come, once each, in order.
    Tasks,
    /// A time has come.
    Tick(String),
}

impl Default for Step {
    fn default() -> Self {
        let (act, expect) = (Act::default(), Expect::default());
        Self { after: Duration::ZERO, repeat: 1, act, expect }
    }
}

impl Default for Act {
    fn default() -> Self {
        Self::Request(Request::new(Method::GET, "/"))
    }
}

/// What a client asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers. `host` and `content-length` are added where they are missing.
    pub headers: HeaderMap,
    /// The body.
    pub body: Content,
    /// Who asks.
    pub ip: IpAddr,
    /// Whether by https.
    pub https: bool,
}

/// Bytes, or where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These.
    Bytes(Vec<u8>),
    /// Those of a file.
    File(PathBuf),
}

/// A request that another server answers.
#[derive(Clone, Debug)]
pub struct Mock {
    /// The method; any if there is none.
    pub method: Option<Method>,
    /// The URL, query included.
    pub url: String,
    /// How often it must be asked; any number of times if there is none.
    pub times: Option<u64>,
    /// What it answers.
    pub answer: Answer,
}

/// What another server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This.
    Response {
        /// The status.
        status: http::StatusCode,
        /// Headers.
        headers: HeaderMap,
        /// The body.
        body: Vec<u8>,
    },
    /// It cannot be reached, for this reason.
    Failed(String),
    /// Nothing, in time.
    TooLate,
}

impl Request {
    /// A request without headers and body, of a client on this machine.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Content::Bytes(Vec::new()),
            ip: Ipv4Addr::LOCALHOST.into(),
            https: false,
        }
    }
}

impl Answer {
    /// A response with a text.
    ///
    /// # Panics
    /// If there is no such status.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        let status = http::StatusCode::from_u16(status).expect("a status from 100 to 999");
        Self::Response { status, headers: HeaderMap::new(), body: body.into().into_bytes() }
    }

    /// A response with JSON.
    ///
    /// # Panics
    /// If there is no such status.
    pub fn json(status: u16, body: &Value) -> Self {
        let mut answer = Self::text(status, body.to_string());
        if let Self::Response { headers, .. } = &mut answer {
            let json = HeaderValue::from_static("application/json");
            headers.insert(http::header::CONTENT_TYPE, json);
        }
        answer
    }
}

/// What tests in Rust write. Each of these changes the last step that was added, or the case as a whole.
impl Case {
    /// A case without any step.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            config: Map::new(),
            hook: Map::new(),
            app: Map::new(),
            kv: BTreeMap::new(),
            session: Map::new(),
            locals: Map::new(),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            now: NOW,
            seed: 0,
            respond: None,
            fetch: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// A case of one GET.
    pub fn get(target: &str) -> Self {
        Self::new(format!("GET {target}")).then(Method::GET, target)
    }

    /// A case of one POST with a body.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(format!("POST {target}")).then(Method::POST, target).body(body)
    }

    /// And then another request.
    #[must_use]
    pub fn then(mut self, method: Method, target: &str) -> Self {
        let act = Act::Request(Request::new(method, target));
        self.steps.push(Step { act, ..Step::default() });
        self
    }

    /// And then the tasks are run whose time has come.
    #[must_use]
    pub fn then_tasks(mut self) -> Self {
        self.steps.push(Step { act: Act::Tasks, ..Step::default() });
        self
    }

    /// Has time pass before the last step.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        if let Some(step) = self.steps.last_mut() {
            step.after = time;
        }
        self
    }

    /// Adds a header to the last request.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name of a header");
        let value = HeaderValue::from_str(value).expect("the value of a header");
        self.of_request(|request| {
            request.headers.append(name, value);
        })
    }

    /// The body of the last request.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.of_request(|request| request.body = Content::Bytes(body.into()))
    }

    /// JSON as the body of the last request.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Who sends the last request.
    #[must_use]
    pub fn ip(self, ip: IpAddr) -> Self {
        self.of_request(|request| request.ip = ip)
    }

    fn of_request(mut self, change: impl FnOnce(&mut Request)) -> Self {
        if let Some(Step { act: Act::Request(request), .. }) = self.steps.last_mut() {
            change(request);
        }
        self
    }

    /// One of the hook's own settings.
    #[must_use]
    pub fn config(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// One of the settings by which the server runs the hook: `limits`, `grants`, `mode`.
    #[must_use]
    pub fn hook(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.hook.insert(key.to_owned(), value.into());
        self
    }

    /// What a namespace of `kv` holds under a key.
    #[must_use]
    pub fn kv(mut self, namespace: &str, key: &str, value: impl Into<Vec<u8>>) -> Self {
        let keys = self.kv.entry(namespace.to_owned()).or_default();
        keys.insert(key.to_owned(), value.into());
        self
    }

    /// What the client's session holds under a key.
    #[must_use]
    pub fn session(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.session.insert(key.to_owned(), value.into());
        self
    }

    /// A local that each request begins with.
    #[must_use]
    pub fn local(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.locals.insert(name.to_owned(), value.into());
        self
    }

    /// A secret.
    #[must_use]
    pub fn secret(mut self, name: &str, text: &str) -> Self {
        self.secrets.insert(name.to_owned(), text.to_owned());
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What answers behind the hook.
    #[must_use]
    pub fn respond(mut self, status: u16, body: &str) -> Self {
        self.respond = Some(json!({ "status": status, "body": body }));
        self
    }

    /// What another server answers.
    #[must_use]
    pub fn fetch(mut self, method: Method, url: &str, answer: Answer) -> Self {
        let (method, url) = (Some(method), url.to_owned());
        self.fetch.push(Mock { method, url, times: None, answer });
        self
    }
}
