//! Serves one connection, from the accepted socket to its close.
//!
//! TLS, then which HTTP it is, then hyper until the connection ends or is told to.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::exchange::Handling;
use super::stream::{Protocol, Rewound, Socket, Stream};
use super::watch::{Order, Watch};
use super::{Options, Peer};
use crate::body::Body;

/// How connections are spoken with; the same for all of a listener.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<Arc<ServerConfig>>,
}

/// hyper's read buffer for HTTP/1.1, which grows up to this with what comes in. Large uploads want
/// it large; it is what one connection can make the server hold.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// Answers that wait for one HTTP/2 stream's client. With [`Options::streams`] it bounds what one
/// connection can make the server hold.
const HTTP2_SEND_BUFFER_BYTES: usize = 64 * 1024;

/// How much a client may send ahead on one HTTP/2 stream, and on all of a connection.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// HTTP/2 connections are asked whether anybody is there when nothing came for this long, and given
/// up when nobody says so in time. Otherwise a client that vanished keeps its streams open.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// After the last answer what a client still sends is read and thrown away for this long, and up to
/// this many bytes. Closing with bytes unread resets the connection, and the client would lose the
/// answer that tells it why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What a client is told whose head took too long. hyper has no request yet to answer.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

impl Manner {
    pub(super) fn new(options: &Options, tls: Option<Arc<ServerConfig>>) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .half_close(true)
            // The watch keeps this limit; hyper would make a timer for every head.
            .header_read_timeout(None)
            .max_header_size(options.header_bytes)
            .max_buf_size(options.header_bytes.max(READ_BUFFER_BYTES));
        if options.headers != Options::HEADERS {
            http1.max_headers(options.headers);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .max_header_list_size(u32::try_from(options.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(options.streams)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES);
        Self { http1, http2, tls }
    }
}

/// Serves one connection.
pub(super) async fn serve<H, F>(
    manner: Arc<Manner>,
    watch: Arc<Watch>,
    socket: Socket,
    peer: Peer,
    handler: H,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let opened = unless_told(&watch, async {
        let stream = match &manner.tls {
            Some(tls) => {
                Stream::Tls(Box::new(TlsAcceptor::from(tls.clone()).accept(socket).await?))
            }
            None => Stream::Plain(socket),
        };
        stream.recognise().await
    });
    let (protocol, stream) = match opened.await {
        Some(Ok(Some(opened))) => opened,
        // Nobody is there to be told, or nobody who speaks a common language.
        Some(Err(error)) => return tracing::debug!(peer = %peer.addr, %error, "no connection"),
        Some(Ok(None)) | None => return,
    };
    let handling = Handling { handler, peer, watch: watch.clone() };
    let ended = match protocol {
        Protocol::Http1 => serve_http1(&manner.http1, &watch, stream, handling).await,
        Protocol::Http2 => serve_http2(&manner.http2, &watch, stream, handling).await,
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.addr, %error, "connection ended");
    }
}

async fn serve_http1<H, F>(
    http1: &http1::Builder,
    watch: &Watch,
    stream: Rewound,
    handling: Handling<H>,
) -> hyper::Result<()>
where
    H: Fn(Request<Incoming>, Peer) -> F,
    F: Future<Output = Response<Body>>,
{
    let mut connection = http1.serve_connection(TokioIo::new(stream), handling).with_upgrades();
    let ended = drive(watch, |order, context| {
        let mut connection = Pin::new(&mut connection);
        if order == Order::Finish {
            connection.as_mut().graceful_shutdown();
        }
        connection.poll(context)
    })
    .await;
    // After an upgrade there are no parts: the tunnel has them.
    let Some(parts) = connection.into_parts() else { return Ok(()) };
    let mut stream = parts.io.into_inner();
    let result = match ended {
        Ended::Closed(result) => result,
        // A client that opened a connection and never said a word would take an answer for one to
        // its next request.
        Ended::Late if parts.read_buf.is_empty() => return Ok(()),
        Ended::Late => {
            let answer = async {
                stream.write_all(REQUEST_TIMEOUT).await?;
                stream.shutdown().await
            };
            // One that does not take it in time does not get it.
            let _ = timeout(LINGER, answer).await;
            Ok(())
        }
        Ended::Cut => return Ok(()),
    };
    let _ = unless_told_to_cut(watch, timeout(LINGER, linger(&mut stream))).await;
    result
}

async fn serve_http2<H, F>(
    http2: &http2::Builder<TokioExecutor>,
    watch: &Watch,
    stream: Rewound,
    handling: Handling<H>,
) -> hyper::Result<()>
where
    H: Fn(Request<Incoming>, Peer) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    watch.speaks_http2();
    let mut connection = pin!(http2.serve_connection(TokioIo::new(stream), handling));
    let ended = drive(watch, |order, context| {
        if order == Order::Finish {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    match ended.await {
        Ended::Closed(result) => result,
        Ended::Late | Ended::Cut => Ok(()),
    }
}

/// How a connection came to its end.
enum Ended {
    Closed(hyper::Result<()>),
    Late,
    Cut,
}

/// Polls a connection until it ends or has to. The closure is told [`Order::Finish`] once.
async fn drive(
    watch: &Watch,
    mut poll: impl FnMut(Order, &mut std::task::Context<'_>) -> Poll<hyper::Result<()>>,
) -> Ended {
    let mut finishing = false;
    poll_fn(|context| {
        let order = match watch.attend(context) {
            Order::Cut => return Poll::Ready(Ended::Cut),
            Order::Late if !watch.forgive() => return Poll::Ready(Ended::Late),
            Order::Finish if !finishing => {
                finishing = true;
                Order::Finish
            }
            _ => Order::Serve,
        };
        poll(order, context).map(Ended::Closed)
    })
    .await
}

/// Runs a future until the connection is told anything at all: nothing is in flight yet.
async fn unless_told<F: Future>(watch: &Watch, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match watch.attend(context) {
        Order::Serve => future.as_mut().poll(context).map(Some),
        _ => Poll::Ready(None),
    })
    .await
}

/// Runs a future until the connection is to be cut.
async fn unless_told_to_cut<F: Future>(watch: &Watch, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match watch.attend(context) {
        Order::Cut => Poll::Ready(None),
        _ => future.as_mut().poll(context).map(Some),
    })
    .await
}

/// Reads until the client has closed too.
async fn linger(stream: &mut Rewound) -> std::io::Result<()> {
    let mut scrap = [0; 4096];
    let mut length = 0;
    while length < LINGER_BYTES {
        match stream.read(&mut scrap).await? {
            0 => break,
            read => length += read,
        }
    }
    Ok(())
}
