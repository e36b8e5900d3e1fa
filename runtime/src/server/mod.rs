//! Runs the sockets: listens, speaks HTTP/1.1 and HTTP/2 with clients, drains.
//!
//! A [`Listener`] is bound once everything else is ready. It hands every request with its [`Peer`]
//! to one handler that never fails, and writes what the handler answers. The only folder that names
//! hyper's server.
//!
//! What it promises:
//! - A connection is one task. A request on HTTP/1.1 costs no task, timer or allocation here; one
//!   sweep a tick over all connections keeps every time limit (`watch`). So limits are kept to the
//!   tick: a connection may live that much longer than its limit says.
//! - Everything a client can hold is limited: connections, bytes and time of a head, idle time, time
//!   without taking any bytes of an answer, streams of an HTTP/2 connection.
//! - A half-closed client, one that has said all it will say, still gets its answers.
//! - Draining finishes the exchanges in flight, then cuts tunnels, then whatever is left.
//! - `Host` is what the client asked for in every version: HTTP/2's `:authority` and an absolute
//!   request target are written into it.
//!
//! Not here: routes, hooks, targets, request ids, the access log, limits on bodies.

mod listener;

mod connection;
mod exchange;
mod stream;
mod watch;

mod tls;
mod tunnels;

mod forwarded;

#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::time::Duration;

pub use self::listener::{BindError, Drained, Listener};
pub use self::tls::{Tls, TlsError};
pub use self::tunnels::{Cut, Tunnels};
pub use self::watch::Traffic;

/// What a listener is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen. Port 0 takes any free one; [`Listener::local_addr`] says which.
    pub listen: SocketAddr,
    /// The configuration's key that says so, for errors.
    pub setting: &'static str,
    /// The certificate, for HTTPS.
    pub tls: Option<Tls>,
    /// Connections at once, tunnels included. At the limit further ones wait in the kernel's queue.
    pub connections: usize,
    /// Bytes of a request's head, and of trailers. Over it: 431.
    pub header_bytes: usize,
    /// Header lines of a request. Over it: 431.
    pub headers: usize,
    /// From a connection's start, or from the first byte of a later head, to the head's end; the TLS
    /// handshake included. Over it: 408, and the connection is closed.
    pub header_timeout: Duration,
    /// How long a connection may stay open with nothing asked.
    pub idle_timeout: Duration,
    /// How long a client may take none of the bytes that wait for it.
    pub write_timeout: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// How long exchanges in flight may take to finish once the listener is told to stop.
    pub drain: Duration,
}

impl Options {
    /// Connections at once. With the buffers below a full house of idle ones costs about 100 MiB.
    pub const CONNECTIONS: usize = 10_000;
    /// What Node.js takes by default, so what a Sails app's clients have lived with.
    pub const HEADER_BYTES: usize = 16 * 1024;
    /// hyper's own number: up to it, a head needs no allocation of its own.
    pub const HEADERS: usize = 100;
    /// Long for any honest client, short for one that sends a byte a second.
    pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
    /// Longer than the 60 s for which common load balancers keep a connection: who opens
    /// connections has to be the one that closes them, or requests run into a closed one.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(65);
    /// As long as nginx' `send_timeout` half: a client on a bad network recovers, an idle one holds
    /// a body and its buffers no longer than this.
    pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
    /// The least that RFC 9113 recommends.
    pub const STREAMS: u32 = 100;
    /// Section 2 of the design.
    pub const DRAIN: Duration = Duration::from_secs(30);

    /// Defaults, at this address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            setting: "listen",
            tls: None,
            connections: Self::CONNECTIONS,
            header_bytes: Self::HEADER_BYTES,
            headers: Self::HEADERS,
            header_timeout: Self::HEADER_TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            write_timeout: Self::WRITE_TIMEOUT,
            streams: Self::STREAMS,
            drain: Self::DRAIN,
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address. An IPv4 address inside IPv6 is an IPv4 address here.
    pub addr: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
}
