//! Reads what a client may do to the HTTP server: the table `[http]`.

use std::time::Duration;

use super::names;
use super::problem::Problems;
use super::reader::{Expected, Table, whole};
use super::units::{duration, size};

/// Bytes of a request's head: several times what browsers and proxies send, cookies included.
pub const MAX_HEADER_BYTES: u64 = 64 << 10;
/// Header lines of a request: as hyper has it.
pub const MAX_HEADERS: usize = 100;
/// How long a client may take to send a request's head; a slower one is an attack.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay idle: longer than the 60 s after which load balancers let go, so
/// that it is they who close it and no request is lost in between.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a client may pause within a request's body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection: what the RFC advises as the least.
pub const MAX_STREAMS: u32 = 100;

/// What a client may do to the HTTP server: the table `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Bytes of a request's head.
    pub max_header_bytes: u64,
    /// Header lines of a request.
    pub max_headers: usize,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long a connection may stay idle.
    pub idle_timeout: Duration,
    /// Bytes of a request's body, whoever reads it; `None` lets any size through to the target.
    pub max_body: Option<u64>,
    /// How long a client may pause within a body.
    pub body_timeout: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
}

impl Http {
    pub(super) fn read(table: Option<Table>, problems: &mut Problems) -> Self {
        let mut http = Self {
            max_header_bytes: MAX_HEADER_BYTES,
            max_headers: MAX_HEADERS,
            header_timeout: HEADER_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            max_body: None,
            body_timeout: BODY_TIMEOUT,
            max_streams: MAX_STREAMS,
        };
        let Some(table) = table else { return http };
        table.only(names::HTTP, problems);
        // hyper refuses a buffer below 8 KiB by panicking, and a head is held in memory per
        // connection.
        if let Some(field) = table.field("max_header_bytes") {
            match field.read(size, problems) {
                Some(bytes) if (8 << 10..=16 << 20).contains(&bytes) => {
                    http.max_header_bytes = bytes;
                }
                Some(_) => problems.push(field.problem(Expected::new("from `8KiB` to `16MiB`"))),
                None => {}
            }
        }
        let given = table.get("max_headers", whole(1..=10_000), problems);
        http.max_headers = given.unwrap_or(http.max_headers);
        let given = table.get("header_timeout", duration, problems);
        http.header_timeout = given.unwrap_or(http.header_timeout);
        let given = table.get("idle_timeout", duration, problems);
        http.idle_timeout = given.unwrap_or(http.idle_timeout);
        http.max_body = table.get("max_body", size, problems);
        let given = table.get("body_timeout", duration, problems);
        http.body_timeout = given.unwrap_or(http.body_timeout);
        let given = table.get("max_streams", whole(1..=u64::from(u32::MAX)), problems);
        http.max_streams = given.unwrap_or(http.max_streams);
        http
    }
}
