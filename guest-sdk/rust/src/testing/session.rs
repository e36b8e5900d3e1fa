//! The session of a test's exchange.

use serde::Serialize;
use serde_json::{Map, Value};

/// What a session holds: begin with [`TestRequest::session`](super::TestRequest::session), and look at
/// [`Reply::session`](super::Reply::session) for what became of it. To have a client come back, hand the one
/// on to the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestSession {
    /// Keys and values.
    pub data: Map<String, Value>,
    /// What is to be read once.
    pub flash: Map<String, Value>,
    /// Whether the hook gave it a new id.
    pub regenerated: bool,
    /// Whether the hook ended the one that the request came with.
    pub destroyed: bool,
}

impl TestSession {
    /// One with a value more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Serialize) -> Self {
        self.data.insert(key.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// One with a flash more.
    #[must_use]
    pub fn with_flash(mut self, key: &str, value: impl Serialize) -> Self {
        self.flash.insert(key.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }
}
