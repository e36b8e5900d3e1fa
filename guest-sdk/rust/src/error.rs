//! Defines what goes wrong, from a hook to the host and back.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::host::types;

/// The result of everything that can fail; `Result<T>` is short for `Result<T, Error>`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// A handler that returns one ends the chain with an error response: status 500, or what
/// [`with_status`](Self::with_status) says. The log has the message always; a client sees it where
/// the status is 400 to 499.
///
/// ```
/// use boathook_sdk::{Error, Result};
///
/// fn parse(amount: &str) -> Result<u32> {
///     amount.parse().map_err(|_| Error::bad_request("`amount` is not a number"))
/// }
/// assert_eq!(parse("x").unwrap_err().status(), Some(400));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    code: String,
    message: String,
    status: Option<u16>,
    details: Option<Value>,
}

impl Error {
    /// An error with a message for people. The client's status is 500 if it ends an exchange.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: String::new(), message: message.into(), status: None, details: None }
    }

    /// An error that the client caused: 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(message).with_status(400)
    }

    /// The client did not say who it is: 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(message).with_status(401)
    }

    /// The client may not: 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(message).with_status(403)
    }

    /// There is no such thing: 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(message).with_status(404)
    }

    /// Sets the status that the client gets, 400 to 599.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Sets the code for programs: `E_` and capitals by custom. Empty means `E_HOOK_ERROR`.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        Self { code: code.into(), ..self }
    }

    /// Adds more for the log. A client sees it in development alone. What serde cannot turn into
    /// JSON is left out.
    #[must_use]
    pub fn with_details(self, details: impl Serialize) -> Self {
        Self { details: serde_json::to_value(details).ok(), ..self }
    }

    /// The code, empty if none was set.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The status, if one was set.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The details, if there are any.
    pub fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.code, self.message)
        }
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("json: {error}"))
    }
}

impl From<std::num::ParseIntError> for Error {
    fn from(error: std::num::ParseIntError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        // What the host hands out always parses.
        let details = error.details.and_then(|text| serde_json::from_str(&text).ok());
        Self { code: error.code, message: error.message, status: error.status, details }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let details = error.details.map(|value| value.to_string());
        Self { code: error.code, message: error.message, status: error.status, details }
    }
}
