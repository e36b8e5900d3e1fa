//! The exchange at hand in a test, and how the imports reach it.

use serde_json::{Map, Value, json};

use super::TestSession;
use super::host::{error, types, with};

/// A request for [`call`](super::call), made step by step.
#[derive(Clone, Debug)]
pub struct TestRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Fields,
    pub(crate) ip: String,
    pub(crate) protocol: String,
    pub(crate) body: Vec<u8>,
    pub(crate) locals: Map<String, Value>,
    pub(crate) session: TestSession,
    pub(crate) target: Option<(u16, Vec<u8>, Fields)>,
}

/// Header fields as a test sees them.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// A request from 127.0.0.1; the path may have a query.
pub fn request(method: &str, path: &str) -> TestRequest {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    TestRequest {
        method: method.to_ascii_uppercase(),
        path: path.into(),
        query: query.into(),
        headers: Vec::new(),
        ip: "127.0.0.1".into(),
        protocol: "http".into(),
        body: Vec::new(),
        locals: Map::new(),
        session: TestSession::default(),
        target: None,
    }
}

impl TestRequest {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Sets who asks.
    #[must_use]
    pub fn ip(self, ip: &str) -> Self {
        Self { ip: ip.into(), ..self }
    }

    /// Sets `http` or `https`.
    #[must_use]
    pub fn protocol(self, protocol: &str) -> Self {
        Self { protocol: protocol.into(), ..self }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..self }
    }

    /// Sets a local, as a hook ahead in the chain would.
    #[must_use]
    pub fn local(mut self, name: &str, value: Value) -> Self {
        self.locals.insert(name.into(), value);
        self
    }

    /// Sets what the client's session holds: another reply's, if the client is to come back.
    #[must_use]
    pub fn session(self, session: TestSession) -> Self {
        let session = TestSession { regenerated: false, destroyed: false, ..session };
        Self { session, ..self }
    }

    /// Says what the app answers if no `before` route does. Without it nobody is there: 404.
    #[must_use]
    pub fn target(self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { target: Some((status, body.into(), headers.collect())), ..self }
    }
}

/// How far the exchange has got: what can still be changed depends on it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Step {
    Route,
    Response,
    Finish,
}

pub(crate) struct Exchange {
    pub(crate) request: TestRequest,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) options: Value,
    pub(crate) reads_body: bool,
    pub(crate) step: Step,
    pub(crate) status: u16,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
}

impl Exchange {
    pub(crate) fn new(request: TestRequest) -> Self {
        Self {
            request,
            params: Vec::new(),
            options: json!({}),
            reads_body: false,
            step: Step::Route,
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// Getters outside of an exchange trap; so do they here.
pub(crate) fn read<R>(function: &str, get: impl FnOnce(&Exchange) -> R) -> R {
    let found = with(|host| host.exchange.as_ref().map(get));
    found.unwrap_or_else(|| panic!("`{function}` where there is no exchange"))
}

pub(crate) fn change(
    steps: &[Step],
    set: impl FnOnce(&mut Exchange) -> Result<(), types::Error>,
) -> Result<(), types::Error> {
    with(|host| match &mut host.exchange {
        None => Err(error("E_NO_EXCHANGE", "there is no exchange")),
        Some(exchange) if !steps.contains(&exchange.step) => {
            Err(error("E_TOO_LATE", "too late to change this"))
        }
        Some(exchange) => set(exchange),
    })
}

pub(crate) fn joined(fields: &Fields, name: &str) -> Option<Vec<u8>> {
    let values: Vec<_> = fields
        .iter()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
        .collect();
    if values.is_empty() { None } else { Some(values.join(&b", "[..])) }
}

pub(crate) fn block(fields: &Fields) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat())
        .collect()
}

pub(crate) fn remove(fields: &mut Fields, name: &str) {
    fields.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
}

pub(crate) fn cookies_of(fields: &Fields) -> Vec<(String, String)> {
    let text = joined(fields, "cookie").and_then(|value| String::from_utf8(value).ok());
    text.iter()
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}
