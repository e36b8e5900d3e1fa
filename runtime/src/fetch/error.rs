//! Defines how a fetch fails, with the codes and texts that a hook gets.

use std::time::Duration;

use http::Method;

use super::address::Class;
use crate::config::size_text;
use crate::host::list;

/// Why there is no answer. What a hook sees of it is a code, a text with the remedy, and the status that
/// its client gets if the hook returns it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The request itself is wrong.
    #[error("{0}")]
    Request(String),
    /// No grant for it.
    #[error(
        "hook `{hook}` has no grant to fetch from {origin}\n\
         hint: add `grants = {{ fetch = [\"{origin}\"] }}` to `[hooks.{hook}]`"
    )]
    NotGranted {
        /// The hook.
        hook: String,
        /// Scheme, host and port.
        origin: String,
    },
    /// A grant, but for other methods.
    #[error(
        "hook `{hook}` has no grant to fetch from {origin} by `{method}`, but by {}\n\
         hint: add it to the `methods` of that grant: `grants.fetch` in `[hooks.{hook}]`",
        list(granted)
    )]
    MethodNotGranted {
        /// The hook.
        hook: String,
        /// Scheme, host and port.
        origin: String,
        /// The request's.
        method: Method,
        /// Those that it may use.
        granted: Vec<Method>,
    },
    /// All that the host has for addresses is out of bounds.
    #[error(
        "{origin} is at {}, where hooks may not connect to unless that is granted\n\
         hint: for a host in a private network: `grants.fetch = [{{ url = \"{origin}\", private = true }}]`",
        list_addresses(.addresses)
    )]
    Refused {
        /// Scheme, host and port.
        origin: String,
        /// The addresses, and what they are.
        addresses: Vec<(std::net::IpAddr, Class)>,
    },
    /// Too late.
    #[error("{origin}: {what} within {limit:.1?}")]
    Timeout {
        /// Scheme, host and port.
        origin: String,
        /// What did not happen.
        what: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// Cannot be reached, breaks off, speaks no HTTP.
    #[error("{origin}: {cause}")]
    Failed {
        /// Scheme, host and port.
        origin: String,
        /// Why.
        cause: String,
    },
    /// More redirects than were asked for.
    #[error("{origin}: more than {max} redirects")]
    Redirects {
        /// Who sent the last one.
        origin: String,
        /// How many are followed.
        max: u32,
    },
    /// The request's body is over `limits.body`.
    #[error("the request's body is over `limits.body` of {}", size_text(*.0))]
    RequestTooLarge(u64),
    /// The response's is. No more of it was read.
    #[error("{origin}: the response's body is over `limits.body` of {}", size_text(*.limit))]
    ResponseTooLarge {
        /// Who sent it.
        origin: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The call has had its share.
    #[error(
        "the call has made all of its {0} fetches\nhint: `limits.fetches` says how many it may make"
    )]
    Limit(u64),
}

fn list_addresses(all: &[(std::net::IpAddr, Class)]) -> String {
    let texts: Vec<String> =
        all.iter().map(|(address, class)| format!("{address} ({class})")).collect();
    texts.join(", ")
}

impl FetchError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "E_FETCH_REQUEST",
            Self::NotGranted { .. } | Self::MethodNotGranted { .. } => "E_NOT_GRANTED",
            Self::Refused { .. } => "E_FETCH_REFUSED",
            Self::Timeout { .. } => "E_FETCH_TIMEOUT",
            Self::Failed { .. } | Self::Redirects { .. } => "E_FETCH_FAILED",
            Self::RequestTooLarge(_) | Self::ResponseTooLarge { .. } => "E_BODY_TOO_LARGE",
            Self::Limit(_) => "E_FETCH_LIMIT",
        }
    }

    /// The status that a client gets if the hook returns the error. None of them is the client's fault,
    /// so that a body that is too large is no 413 here.
    pub fn status(&self) -> u16 {
        match self {
            Self::Timeout { .. } => 504,
            Self::Failed { .. } | Self::Redirects { .. } | Self::ResponseTooLarge { .. } => 502,
            _ => 500,
        }
    }
}
