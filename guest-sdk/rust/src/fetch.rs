//! Asks other servers, as far as the operator grants it: `grants = { fetch = ["https://api.example.com"] }`.
//!
//! ```
//! use boathook_sdk::prelude::*;
//!
//! # #[derive(serde::Deserialize)]
//! # struct Rates { eur: f64 }
//! fn rates() -> Result<Rates> {
//!     let response = fetch::get("https://api.example.com/rates")
//!         .header("accept", "application/json")
//!         .redirects(3)
//!         .send()?;
//!     response.successful()?.json()
//! }
//! # testing::server("https://api.example.com", |_| Ok(fetch::Response::new(200).with_json(json!({"eur": 1.1}))));
//! # assert_eq!(rates().unwrap().eur, 1.1);
//! ```
//!
//! Waiting for the answer suspends the hook, and counts in its `limits.wall`. Every status is an answer;
//! an error has a code that says why there is none: `E_NOT_GRANTED`, `E_FETCH_REFUSED`, `E_FETCH_TIMEOUT`,
//! `E_FETCH_FAILED`, `E_FETCH_LIMIT`, `E_BODY_TOO_LARGE`.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::headers::Block;
use crate::host::fetch as host;
use crate::{Error, Headers, Result};

/// A request in the making. What is wrong with any part of it is said by [`send`](Self::send).
#[must_use = "it is not sent before `send`"]
pub struct Request {
    method: String,
    url: String,
    headers: Result<Block>,
    body: Vec<u8>,
    options: Map<String, Value>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    status: u16,
    url: String,
    headers: Headers,
    body: Vec<u8>,
}

/// A GET.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A HEAD.
pub fn head(url: impl Into<String>) -> Request {
    request("HEAD", url)
}

/// A POST.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// A PUT.
pub fn put(url: impl Into<String>) -> Request {
    request("PUT", url)
}

/// A PATCH.
pub fn patch(url: impl Into<String>) -> Request {
    request("PATCH", url)
}

/// A DELETE.
pub fn delete(url: impl Into<String>) -> Request {
    request("DELETE", url)
}

/// A request by any method but CONNECT and TRACE.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Ok(Block::default()),
        body: Vec::new(),
        options: Map::new(),
    }
}

impl Request {
    /// Sets a header, in place of all of that name. `host` and what belongs to the connection are the
    /// server's.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers = self.headers.and_then(|mut block| {
            block.set(name, value.as_ref())?;
            Ok(block)
        });
        self
    }

    /// Sets `authorization: Bearer ...`. It does not go along to another origin by a redirect.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body, up to `limits.body`.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to this as JSON, and `content-type` unless it is set.
    pub fn json(mut self, value: impl Serialize) -> Self {
        match serde_json::to_vec(&value) {
            Ok(body) => self.body = body,
            Err(error) => self.headers = Err(error.into()),
        }
        let has = |block: &Block| block.has("content-type");
        if self.headers.as_ref().is_ok_and(has) {
            return self;
        }
        self.header("content-type", "application/json")
    }

    /// Follows up to so many redirects, 20 at most. Without it a redirect is the answer.
    pub fn redirects(mut self, most: u32) -> Self {
        self.options.insert("redirects".into(), most.into());
        self
    }

    /// Gives up after this time. The hook's own `limits.wall` ends it anyhow.
    pub fn timeout(mut self, time: Duration) -> Self {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.options.insert("timeout".into(), ms.into());
        self
    }

    /// Sends it, and waits for the whole answer.
    ///
    /// # Errors
    /// If there is no answer; the code says why. Returned from a handler it makes a 502, 504 or 500.
    pub fn send(self) -> Result<Response> {
        let Self { method, url, headers, body, options } = self;
        let headers = headers?.bytes().to_vec();
        let options = Value::Object(options).to_string();
        let response = host::send(&host::Request { method, url, headers, body, options })?;
        let host::Response { status, url, headers, body } = response;
        Ok(Response { status, url, headers: Headers::from_block(headers), body })
    }
}

impl Response {
    /// An answer for [`testing::server`](crate::testing::server) to give.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same with this body as JSON.
    #[must_use]
    pub fn with_json(self, value: Value) -> Self {
        self.with_header("content-type", "application/json").with_body(value.to_string())
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// This answer, if it is a success.
    ///
    /// # Errors
    /// If it is none. Returned from a handler it makes a 502.
    pub fn successful(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let text = format!("{} answered with status {}", self.url, self.status);
        Err(Error::new(text).with_code("E_FETCH_STATUS").with_status(502))
    }

    /// Who answered in the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first value of a header, as text; names ignore case.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.get(name).map(String::from_utf8_lossy)
    }

    /// All headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// If it is none, or not of this shape. Returned from a handler it makes a 502.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let text = format!("the answer of {} is not what was expected: {error}", self.url);
            Error::new(text).with_code("E_FETCH_BODY").with_status(502)
        })
    }
}
