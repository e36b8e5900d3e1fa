//! The server over real sockets. Clients are mostly raw, to say what no client library says.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::body::Body;

/// Longer than anything here takes; a test that gets here hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server at work.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) tunnels: Tunnels,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Drained>,
}

impl Running {
    pub(crate) async fn stop(self) -> Drained {
        let _ = self.stop.send(());
        soon(self.served).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        soon(TcpStream::connect(self.address)).await.unwrap()
    }

    /// Says this on a connection of its own, and returns all that comes back.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        rest(&mut client).await
    }
}

pub(crate) fn local() -> Options {
    Options::new(([127, 0, 0, 1], 0).into())
}

pub(crate) fn start<H, F>(options: Options, handler: H) -> Running
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = Listener::bind(&options).unwrap();
    let (address, tunnels) = (listener.local_addr(), listener.tunnels());
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(listener.serve(handler, async move {
        let _ = stopped.await;
    }));
    Running { address, tunnels, stop, served }
}

pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// All that comes until the connection ends, well or not.
pub(crate) async fn rest(from: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = soon(from.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes until it ends with this text.
pub(crate) async fn until(from: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        let byte = soon(from.read_u8()).await;
        bytes.push(byte.unwrap_or_else(|_| {
            panic!("ended before {end:?}: {:?}", String::from_utf8_lossy(&bytes))
        }));
    }
    String::from_utf8(bytes).unwrap()
}

/// Answers with the request's path.
async fn echo_path(request: Request<Incoming>, _: Peer) -> Response<Body> {
    Response::new(Body::whole(request.uri().path().to_owned()))
}

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Gates = mpsc::UnboundedReceiver<oneshot::Sender<()>>;

/// Answers `released` once it is, and says when it was entered.
fn gated() -> (impl Fn(Request<Incoming>, Peer) -> Answering + Clone, Gates) {
    let (entered, gates) = mpsc::unbounded_channel();
    let handler = move |_: Request<Incoming>, _: Peer| {
        let (open, gate) = oneshot::channel();
        let _ = entered.send(open);
        Box::pin(async move {
            let _ = gate.await;
            Response::new(Body::whole("released"))
        }) as Answering
    };
    (handler, gates)
}

/// A body without an end, that says when it is dropped.
struct Endless(Option<oneshot::Sender<()>>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.take().map(|dropped| dropped.send(()));
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = start(local(), echo_path);
    let mut client = server.connect().await;
    for path in ["/a", "/b", "/c"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let response = until(&mut client, path).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("\r\ndate: "), "{response}");
    }
    assert_eq!(server.stop().await, Drained::default());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(local(), echo_path);
    let mut client = server.connect().await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    client
        .write_all([request("/1"), request("/2"), request("/3")].concat().as_bytes())
        .await
        .unwrap();
    for path in ["/1", "/2", "/3"] {
        until(&mut client, path).await;
    }
}

#[tokio::test]
async fn http2_is_spoken_without_tls_to_those_who_know() {
    let server = start(local(), |request: Request<Incoming>, _| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Response::new(Body::whole(format!("{:?} {host}", request.version())))
    });
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::get("http://example.com:81/a").body(Empty::<Bytes>::new()).unwrap();
        let response = soon(client.send_request(request)).await.unwrap();
        let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
        assert_eq!(body, "HTTP/2.0 example.com:81");
    }
    drop(client);
    assert_eq!(server.stop().await, Drained::default());
}

#[tokio::test]
async fn http2_has_the_limits_of_a_head_and_of_idleness() {
    let idle_timeout = Duration::from_millis(300);
    let options = Options { header_bytes: 1000, idle_timeout, ..local() };
    let server = start(options, echo_path);
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for (length, status) in [(10, 200), (1000, 431)] {
        let request = Request::get("http://x/").header("long", "x".repeat(length));
        let response = client.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        assert_eq!(soon(response).await.unwrap().status(), status);
    }
    // The client is still there; it is the server that ends it, in good order.
    soon(connection).await.unwrap().unwrap();
}

/// A certificate for localhost, the files with it, and a client that believes it.
fn certified(folder: &std::path::Path) -> (Tls, rustls::ClientConfig) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&tls.certificate, certified.cert.pem()).unwrap();
    std::fs::write(&tls.key, certified.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (tls, client)
}

async fn encrypted(
    server: &Running,
    mut config: rustls::ClientConfig,
    protocols: &[&[u8]],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().unwrap();
    soon(connector.connect(name, server.connect().await)).await.unwrap()
}

#[tokio::test]
async fn over_tls_the_client_chooses_the_version() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, config) = certified(folder.path());
    let server = start(Options { tls: Some(tls), ..local() }, |request, peer| async move {
        let version = Request::version(&request);
        Response::new(Body::whole(format!("{version:?} {}", peer.tls)))
    });

    for protocols in [&[b"http/1.1".as_slice()][..], &[]] {
        let mut stream = encrypted(&server, config.clone(), protocols).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        until(&mut stream, "HTTP/1.1 true").await;
    }

    for protocols in [&[b"h2".as_slice(), b"http/1.1"][..], &[]] {
        let stream = encrypted(&server, config.clone(), protocols).await;
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let request = Request::get("https://localhost/").body(Empty::<Bytes>::new()).unwrap();
        let response = soon(client.send_request(request)).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
        assert_eq!(body, "HTTP/2.0 true");
    }

    // Somebody who does not speak TLS gets no answer, and harms nobody.
    assert!(!server.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.contains("HTTP"));
    encrypted(&server, config, &[]).await;
}

#[test]
fn mistakes_with_tls_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (good, _) = certified(folder.path());
    let missing = folder.path().join("missing.pem");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "hello\n").unwrap();
    let table = [
        (Tls { certificate: missing.clone(), ..good.clone() }, "missing.pem"),
        (Tls { key: missing, ..good.clone() }, "missing.pem"),
        (Tls { certificate: empty.clone(), ..good.clone() }, "empty.pem"),
        (Tls { key: empty, ..good.clone() }, "empty.pem"),
        (Tls { key: good.certificate.clone(), ..good.clone() }, "no TLS key"),
        (Tls { key: std::fs::canonicalize(&good.key).unwrap(), ..good.clone() }, ""),
    ];
    for (tls, text) in table {
        match tls.load() {
            Ok(_) => assert_eq!(text, "", "{tls:?}"),
            Err(error) => assert!(error.to_string().contains(text), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (tls, _) = certified(one.path());
    let (other, _) = certified(two.path());
    let tls = Tls { key: other.key, ..tls };
    let error = Listener::bind(&Options { tls: Some(tls), ..local() }).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_its_remedy() {
    let server = start(local(), echo_path);
    let error = Listener::bind(&Options::new(server.address)).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("--set listen=127.0.0.1:PORT"), "{error}");
    let elsewhere = Options::new(([192, 0, 2, 1], 0).into());
    let error = Listener::bind(&elsewhere).unwrap_err();
    assert!(matches!(error, BindError::NotHere { .. }), "{error:?}");
}

#[tokio::test]
async fn a_head_up_to_the_limit_passes_and_a_longer_one_is_431() {
    let server = start(Options { header_bytes: 1000, ..local() }, echo_path);
    for (extra, status) in [(0, "200"), (1, "431"), (100_000, "431")] {
        let start = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlong: ";
        let long = "x".repeat(1000 - start.len() - 4 + extra);
        let response = server.ask(&format!("{start}{long}\r\n\r\n")).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{extra}: {response:?}");
    }
}

#[tokio::test]
async fn malformed_requests_are_400_and_reach_no_handler() {
    let server = start(local(), |_, _| async { panic!("reached the handler") });
    for request in [
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nbad name: 1\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\nab",
    ] {
        let response = server.ask(request).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{request:?}: {response:?}");
    }
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_408() {
    let options = Options { header_timeout: Duration::from_millis(250), ..local() };
    let server = start(options, echo_path);
    let response = server.ask("GET / HTTP/1.1\r\nhost: x\r\n").await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response:?}");

    // Later on a connection too, and there it is not the idle time that counts.
    let mut client = server.connect().await;
    client.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until(&mut client, "/a").await;
    client.write_all(b"GET /b HT").await.unwrap();
    let response = rest(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response:?}");
}

#[tokio::test]
async fn a_client_that_never_says_a_word_is_closed_without_one() {
    let options = Options { header_timeout: Duration::from_millis(50), ..local() };
    let server = start(options, echo_path);
    assert_eq!(server.ask("").await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let options = Options { idle_timeout: Duration::from_millis(250), ..local() };
    let server = start(options, echo_path);
    let mut client = server.connect().await;
    client.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until(&mut client, "/a").await;
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn an_exchange_may_take_longer_than_every_timeout_of_a_connection() {
    let short = Duration::from_millis(200);
    let options = Options { header_timeout: short, idle_timeout: short, ..local() };
    let (handler, mut gates) = gated();
    let server = start(options, handler);
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let gate = soon(gates.recv()).await.unwrap();
    // Another client runs into the limit meanwhile: so it has been looked at.
    assert!(server.ask("GET").await.starts_with("HTTP/1.1 408 "));
    gate.send(()).unwrap();
    until(&mut client, "released").await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let (dropped, gone) = oneshot::channel();
    let dropped = Arc::new(std::sync::Mutex::new(Some(dropped)));
    let options = Options { write_timeout: Duration::from_millis(50), ..local() };
    let server = start(options, move |_, _| {
        let dropped = dropped.lock().unwrap().take();
        async move { Response::new(Body::stream(Endless(dropped))) }
    });
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    soon(gone).await.unwrap();
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answer() {
    let (handler, mut gates) = gated();
    let server = start(local(), handler);
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    soon(gates.recv()).await.unwrap().send(()).unwrap();
    assert!(rest(&mut client).await.ends_with("released"));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let server = start(local(), echo_path);
    for part in ["", "G", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc"] {
        let mut client = server.connect().await;
        client.write_all(part.as_bytes()).await.unwrap();
        drop(client);
    }
    assert!(server.ask("GET /a HTTP/1.0\r\n\r\n").await.ends_with("/a"));
    assert_eq!(server.stop().await, Drained::default());
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_connection_alone() {
    let server = start(local(), |request: Request<Incoming>, _| async move {
        assert_ne!(request.uri().path(), "/panic", "this panic is wanted");
        Response::new(Body::whole("fine"))
    });
    assert_eq!(server.ask("GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
    assert!(server.ask("GET / HTTP/1.0\r\n\r\n").await.ends_with("fine"));
    assert_eq!(server.stop().await, Drained::default());
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_seat() {
    let server = start(Options { connections: 1, ..local() }, echo_path);
    let mut first = server.connect().await;
    first.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until(&mut first, "/a").await;
    let mut second = server.connect().await;
    second.write_all(b"GET /b HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    first.write_all(b"GET /c HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until(&mut first, "/c").await;
    let early = second.try_read(&mut [0; 1]);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    until(&mut second, "/b").await;
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_refuses_what_is_new() {
    let (handler, mut gates) = gated();
    let server = start(local(), handler);
    let address = server.address;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    soon(gates.recv()).await.unwrap().send(()).unwrap();
    until(&mut idle, "released").await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let gate = soon(gates.recv()).await.unwrap();

    let stopping = tokio::spawn(server.stop());
    // The idle one is closed at once, nobody new gets in, and the busy one goes on.
    assert_eq!(rest(&mut idle).await, "");
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!stopping.is_finished());
    gate.send(()).unwrap();
    let response = rest(&mut busy).await;
    assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
    assert!(response.ends_with("released"), "{response}");
    assert_eq!(soon(stopping).await.unwrap(), Drained::default());
}

#[tokio::test]
async fn a_drain_cuts_what_does_not_finish_and_counts_it() {
    let (handler, mut gates) = gated();
    let server = start(Options { drain: Duration::from_millis(50), ..local() }, handler);
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let _gate = soon(gates.recv()).await.unwrap();
    assert_eq!(server.stop().await, Drained { exchanges_cut: 1, tunnels_cut: 0 });
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn a_drain_finishes_http2_streams() {
    let (handler, mut gates) = gated();
    let server = start(local(), handler);
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    let response = tokio::spawn(client.send_request(request));
    let gate = soon(gates.recv()).await.unwrap();
    let stopping = tokio::spawn(server.stop());
    gate.send(()).unwrap();
    let response = soon(response).await.unwrap().unwrap();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(body, "released");
    assert_eq!(soon(stopping).await.unwrap(), Drained::default());
}

/// Answers 101 and echoes what comes through the tunnel.
fn tunnelling(tunnels: Tunnels) -> impl FnOnce(Request<Incoming>) -> Response<Body> {
    move |mut request| {
        let upgraded = hyper::upgrade::on(&mut request);
        let mut cut = tunnels.enter();
        tokio::spawn(async move {
            let mut io = TokioIo::new(upgraded.await.unwrap());
            let mut buffer = [0; 64];
            loop {
                tokio::select! {
                    () = cut.told() => return,
                    read = io.read(&mut buffer) => {
                        let read = read.unwrap();
                        io.write_all(&buffer[..read]).await.unwrap();
                    }
                }
            }
        });
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert("connection", "upgrade".parse().unwrap());
        response.headers_mut().insert("upgrade", "echo".parse().unwrap());
        response
    }
}

#[tokio::test]
async fn a_drain_cuts_tunnels_after_everything_else() {
    let (gated, mut gates) = gated();
    let listener = Listener::bind(&local()).unwrap();
    let (address, tunnels) = (listener.local_addr(), listener.tunnels());
    let (stop, stopped) = oneshot::channel::<()>();
    let entering = tunnels.clone();
    let handler = move |request: Request<Incoming>, peer| {
        let upgrade = request.headers().contains_key("upgrade");
        let (gated, tunnels) = (gated.clone(), entering.clone());
        async move { if upgrade { tunnelling(tunnels)(request) } else { gated(request, peer).await } }
    };
    let served = tokio::spawn(listener.serve(handler, async move {
        let _ = stopped.await;
    }));

    let mut tunnel = soon(TcpStream::connect(address)).await.unwrap();
    let ask = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nfirst";
    tunnel.write_all(ask).await.unwrap();
    until(&mut tunnel, "first").await;
    let mut busy = soon(TcpStream::connect(address)).await.unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let gate = soon(gates.recv()).await.unwrap();
    assert_eq!(tunnels.count(), 1);

    stop.send(()).unwrap();
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    tunnel.write_all(b"still here").await.unwrap();
    until(&mut tunnel, "still here").await;
    gate.send(()).unwrap();
    assert!(rest(&mut busy).await.ends_with("released"));
    assert_eq!(rest(&mut tunnel).await, "");
    assert_eq!(soon(served).await.unwrap(), Drained { exchanges_cut: 0, tunnels_cut: 1 });
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let server = start(local(), |request: Request<Incoming>, _| async move {
        Response::builder()
            .header("trailer", "x-sum")
            .body(Body::Incoming(request.into_body()))
            .unwrap()
    });
    let response = server
        .ask(
            "POST / HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n",
        )
        .await;
    assert!(response.ends_with("3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n"), "{response:?}");
}

#[tokio::test]
async fn an_absolute_target_is_the_host() {
    let server = start(local(), |request: Request<Incoming>, _| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Response::new(Body::whole(host))
    });
    let response = server
        .ask("GET http://me@real.example:8/a HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n")
        .await;
    assert!(response.ends_with("\r\n\r\nreal.example:8"), "{response}");
}

#[tokio::test]
async fn a_hundred_clients_at_once_are_all_served() {
    let server = Arc::new(start(local(), echo_path));
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { server.ask("GET /a HTTP/1.0\r\n\r\n").await })
        })
        .collect();
    for client in clients {
        assert!(soon(client).await.unwrap().ends_with("/a"));
    }
}

#[test]
fn what_the_server_makes_can_be_sent_to_other_threads() {
    fn sent<T: Send>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = Listener::bind(&local()).unwrap();
        sent(&listener.serve(echo_path, std::future::pending()));
    });
}
