//! The upstream over real sockets: a client, our server in front, and an upstream that is either our
//! server too or says word for word what it is told to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::config::TrustProxy;
use crate::error::{Audience, Form, respond};
use crate::exchange::{Hop, RequestId, Scheme as ClientScheme, SessionCookie};
use crate::router::Path;
use crate::server::tests::{Running, local, rest, soon, start, until};
use crate::server::{Peer, Tunnels};

/// A request as the server makes it of hyper's.
fn exchange_request(
    mut request: http::Request<Incoming>,
    peer: Peer,
    hop: Hop,
    ip: IpAddr,
) -> Request {
    let upgrade = request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    Request {
        method: parts.method,
        path: Path::parse(parts.uri.path()).unwrap(),
        query: parts.uri.query().map(str::to_owned),
        version: parts.version,
        headers: parts.headers,
        body: Body::Incoming(body),
        ip,
        peer: hop,
        scheme: if peer.tls { ClientScheme::Https } else { ClientScheme::Http },
        id: RequestId::Given("id-1".into()),
        started: std::time::Instant::now(),
        upgrade,
        session_cookie: SessionCookie::default(),
    }
}

/// A server that forwards everything.
fn front(upstream: Upstream, trust: TrustProxy) -> (Running, mpsc::UnboundedReceiver<Code>) {
    let upstream = Arc::new(upstream);
    let (failed, failures) = mpsc::unbounded_channel();
    let tunnels: Arc<std::sync::OnceLock<Tunnels>> = Arc::default();
    let entering = tunnels.clone();
    let handler = move |request: http::Request<Incoming>, peer: Peer| {
        let (ip, _) = trust.client(&peer, request.headers());
        let hop = Hop { ip: peer.addr.ip(), trusted: trust.trusts(&peer) };
        let (upstream, failed, entering) = (upstream.clone(), failed.clone(), entering.clone());
        async move {
            let mut request = exchange_request(request, peer, hop, ip);
            let before = request.headers.clone();
            let answer = upstream.forward(&mut request, &Locals::default(), hop).await;
            assert_eq!(request.headers, before, "hooks still read them");
            match answer {
                Ok(Answer { response, tunnel }) => {
                    if let Some(tunnel) = tunnel {
                        let mut cut = entering.get().unwrap().enter();
                        tokio::spawn(async move { tunnel.run(PATIENT, cut.told()).await });
                    }
                    response
                }
                Err(failure) => {
                    let _ = failed.send(failure.code);
                    let audience =
                        Audience { form: Form::Text, development: true, request_id: &"1" };
                    respond(&failure, audience)
                }
            }
        }
    };
    let front = start(local(), handler);
    tunnels.set(front.tunnels.clone()).unwrap();
    (front, failures)
}

const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn upstream_at(address: SocketAddr) -> Upstream {
    Upstream::new(&format!("http://{address}"), Options::default()).unwrap()
}

/// An upstream that answers each connection in turn with a text once it has read a head, and closes
/// it. Sends the heads it got.
async fn scripted(answers: &[&'static str]) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (got, heads) = mpsc::unbounded_channel();
    let answers = answers.to_vec();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = got.send(until(&mut stream, "\r\n\r\n").await);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // The end may come as a reset where bytes were left unread.
            rest(&mut stream).await;
        }
    });
    (address, heads)
}

/// What one request through the front looks like to the upstream: request line and headers.
async fn seen(
    upstream: Upstream,
    trust: TrustProxy,
    request: &str,
) -> (String, HashMap<String, String>) {
    // The address is not known before the upstream is made, so the upstream is asked for it.
    let listener = TcpListener::bind(upstream.authority.as_str()).await.unwrap();
    let (front, _failures) = front(upstream, trust);
    let asking = tokio::spawn({
        let request = request.to_owned();
        async move { front.ask(&request).await }
    });
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert!(soon(asking).await.unwrap().starts_with("HTTP/1.1 204"));
    let mut lines = head.trim_end().lines();
    let line = lines.next().unwrap().to_owned();
    let mut headers = HashMap::new();
    for header in lines {
        let (name, value) = header.split_once(": ").unwrap();
        let before = headers.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{name} twice");
    }
    (line, headers)
}

/// An address that nothing listens on, now that this has returned.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn what_is_about_one_connection_stays_and_the_rest_goes_over() {
    let address = free_address().await;
    let (line, headers) = seen(
        upstream_at(address),
        TrustProxy::Nobody,
        "GET /a%20b//c?x=%zz&y HTTP/1.1\r\nhost: shop.example\r\nconnection: close, X-Secret\r\n\
         x-secret: 1\r\nkeep-alive: timeout=5\r\nproxy-authorization: Basic abc\r\n\
         proxy-connection: keep-alive\r\nte: trailers, deflate\r\ntrailer: x-sum\r\n\
         upgrade: h2c\r\nhttp2-settings: AAA\r\nx-forwarded-for: 6.6.6.6\r\n\
         x-forwarded-host: evil.example\r\nx-forwarded-proto: https\r\nforwarded: for=6.6.6.6\r\n\
         x-request-id: theirs\r\ncookie: a=b\r\nx-kept: 1\r\n\r\n",
    )
    .await;
    assert_eq!(line, "GET /a%20b//c?x=%zz&y HTTP/1.1");
    let expected = HashMap::from(
        [
            ("host", address.to_string().as_str()),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("http2-settings", "AAA"),
            ("cookie", "a=b"),
            ("x-kept", "1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "shop.example"),
            ("x-request-id", "id-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_trusted_proxys_word_is_passed_on() {
    let upstream = upstream_at(free_address().await);
    let (_, headers) = seen(
        upstream,
        TrustProxy::Hops(1),
        "GET / HTTP/1.1\r\nhost: inner\r\nconnection: close\r\nx-forwarded-for: 1.1.1.1\r\n\
         x-forwarded-for: 2.2.2.2\r\nx-forwarded-host: shop.example\r\nforwarded: for=1.1.1.1\r\n\r\n",
    )
    .await;
    assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 127.0.0.1");
    assert_eq!(headers["x-forwarded-host"], "shop.example");
    assert_eq!(headers["forwarded"], "for=1.1.1.1");
}

#[tokio::test]
async fn host_and_path_follow_the_options() {
    let address = free_address().await;
    let options =
        Options { preserve_host: true, strip_prefix: Some("/api".into()), ..Options::default() };
    for (path, line) in [
        ("/api/users?a", "GET /v1/users?a HTTP/1.1"),
        ("/api", "GET /v1 HTTP/1.1"),
        ("/apix", "GET /v1/apix HTTP/1.1"),
    ] {
        let upstream = Upstream::new(&format!("http://{address}/v1/"), options.clone()).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n");
        let (seen_line, headers) = seen(upstream, TrustProxy::Nobody, &request).await;
        assert_eq!(seen_line, line);
        assert_eq!(headers["host"], "shop.example");
    }
}

#[tokio::test]
async fn a_body_goes_over_with_its_own_length() {
    for (framing, body, expected) in [
        ("content-length: 5", "hello", ("content-length", "5")),
        ("content-length: 0", "", ("content-length", "0")),
        ("x-none: 1", "", ("content-length", "0")),
        ("transfer-encoding: chunked", "2\r\nhi\r\n0\r\n\r\n", ("transfer-encoding", "chunked")),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\n\r\n{body}");
        let upstream = upstream_at(free_address().await);
        let (_, headers) = seen(upstream, TrustProxy::Nobody, &request).await;
        assert_eq!(headers[expected.0], expected.1, "{framing}");
        let framed = ["content-length", "transfer-encoding"];
        assert_eq!(framed.iter().filter(|name| headers.contains_key(**name)).count(), 1);
    }
}

/// An upstream of our own that sends back what it gets.
fn echo() -> Running {
    start(local(), |request: http::Request<Incoming>, _| async move {
        let trailer = request.headers().get("trailer").cloned();
        let mut response = http::Response::new(Body::Incoming(request.into_body()));
        response.headers_mut().extend(trailer.map(|value| (http::header::TRAILER, value)));
        response
    })
}

#[tokio::test]
async fn bodies_stream_both_ways_and_trailers_pass() {
    let echo = echo();
    let reserved = Reserved::from_iter(["x-mark".to_owned()]);
    let options = Options { reserved, ..Options::default() };
    let upstream = Upstream::new(&format!("http://{}", echo.address), options).unwrap();
    let (front, _) = front(upstream, TrustProxy::Nobody);
    let mut client = front.connect().await;
    client
        .write_all(
            b"POST / HTTP/1.1\r\nhost: x\r\nte: trailers\r\ntrailer: x-sum, x_mark, x-mark\r\nconnection: close\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )
        .await
        .unwrap();
    // Each piece is back before the next one is sent.
    for piece in ["one", "two"] {
        client.write_all(format!("3\r\n{piece}\r\n").as_bytes()).await.unwrap();
        until(&mut client, &format!("3\r\n{piece}\r\n")).await;
    }
    // But for those that only the server may write.
    client.write_all(b"0\r\nx_mark: 1\r\nx-sum: 6\r\nX-Mark: 1\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut client).await, "0\r\nx-sum: 6\r\n\r\n");
}

#[tokio::test]
async fn a_gathered_body_goes_over_and_stays() {
    let echo = echo();
    let upstream = upstream_at(echo.address);
    let mut request = Request {
        method: Method::POST,
        path: Path::parse("/").unwrap(),
        query: None,
        version: http::Version::HTTP_11,
        headers: http::HeaderMap::new(),
        body: Body::whole("gathered"),
        ip: IpAddr::from([127, 0, 0, 1]),
        peer: Hop { ip: IpAddr::from([127, 0, 0, 1]), trusted: false },
        scheme: ClientScheme::Http,
        id: RequestId::next(),
        started: std::time::Instant::now(),
        upgrade: None,
        session_cookie: SessionCookie::default(),
    };
    let hop = request.peer;
    let answer = soon(upstream.forward(&mut request, &Locals::default(), hop)).await.unwrap();
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "gathered");
    assert!(matches!(request.body, Body::Whole(bytes) if bytes == "gathered"));
}

#[tokio::test]
async fn responses_come_over_without_what_is_about_one_connection() {
    let table = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "200", "hi"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "200", "until the end\r\n0\r\n\r\n"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
          HTTP/1.1 418 Teapot\r\ncontent-length: 2\r\n\r\nhi",
            "418",
            "hi",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204", ""),
        ("HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncontent-length: 9\r\n\r\n", "304", ""),
        (
            "HTTP/1.1 200 OK\r\nconnection: close, x-private\r\nx-private: 1\r\nkeep-alive: a\r\n\
          proxy-authenticate: Basic\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\
          transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "200",
            "2\r\nhi\r\n0\r\n\r\n",
        ),
    ];
    for (answer, status, body) in table {
        let (address, _heads) = scripted(&[answer]).await;
        let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
        let response = front.ask("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let (head, got) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}: {head}");
        assert!(got.ends_with(body) && got.is_empty() == body.is_empty(), "{answer:?}: {got:?}");
        for private in ["x-private", "keep-alive", "proxy-authenticate"] {
            assert!(!head.contains(private), "{head}");
        }
        assert_eq!(head.matches("set-cookie").count(), answer.matches("set-cookie").count());
    }
}

#[tokio::test]
async fn a_head_has_the_length_but_no_body() {
    let (address, mut heads) = scripted(&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"]).await;
    let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
    let response = front.ask("HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(heads.recv().await.unwrap().starts_with("HEAD / "));
    assert!(response.contains("content-length: 5\r\n") && response.ends_with("\r\n\r\n"));
}

/// Asks the front, and returns the failure's code and what the client, in development, sees of it.
async fn fails(upstream: Upstream, request: &str) -> (Code, String) {
    let (front, mut failures) = front(upstream, TrustProxy::Nobody);
    let response = front.ask(request).await;
    (soon(failures.recv()).await.expect("it failed"), response)
}

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_502_with_its_url_and_the_cause() {
    let address = free_address().await;
    let (code, response) = fails(upstream_at(address), GET).await;
    assert_eq!(code, Code::UpstreamFailed);
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    assert!(response.contains(&format!("upstream `http://{address}`: cannot connect: ")));
    assert!(response.contains("Connection refused"), "{response}");
    assert!(response.contains("hint: is it running?"), "{response}");

    let nowhere = Upstream::new("http://does-not-exist.invalid", Options::default()).unwrap();
    let (code, response) = fails(nowhere, GET).await;
    assert_eq!(code, Code::UpstreamFailed);
    assert!(response.contains("cannot connect: "), "{response}");
}

#[tokio::test]
async fn an_upstream_that_talks_no_http_or_no_tls_is_502() {
    let (address, _heads) = scripted(&["hello?\r\n\r\n"]).await;
    assert_eq!(fails(upstream_at(address), GET).await.0, Code::UpstreamFailed);

    let plain = echo();
    let tls =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let options = Options { tls: Some(Arc::new(tls)), ..Options::default() };
    let upstream = Upstream::new(&format!("https://{}", plain.address), options).unwrap();
    assert_eq!(fails(upstream, GET).await.0, Code::UpstreamFailed);
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_is_502() {
    let (address, _heads) =
        scripted(&["HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"]).await;
    assert_eq!(fails(upstream_at(address), GET).await.0, Code::UpstreamFailed);
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_504() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let options = Options { response_timeout: SHORT, ..Options::default() };
    for request in
        [GET, "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"]
    {
        let upstream = Upstream::new(&format!("http://{address}"), options.clone()).unwrap();
        let (code, response) = fails(upstream, request).await;
        assert_eq!(code, Code::UpstreamTimeout);
        assert!(response.contains("no answer within 200ms"), "{response}");
    }

    // It accepts, and never says a word of TLS.
    let options = Options { connect_timeout: SHORT, ..Options::default() };
    let tls =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let options = Options { tls: Some(Arc::new(tls)), ..options };
    let upstream = Upstream::new(&format!("https://{address}"), options).unwrap();
    let (code, response) = fails(upstream, GET).await;
    assert_eq!(code, Code::UpstreamTimeout);
    assert!(response.contains("no connection within 200ms"), "{response}");
}

#[tokio::test]
async fn a_slow_upload_does_not_count_against_the_upstream() {
    let echo = start(local(), |request: http::Request<Incoming>, _| async move {
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        http::Response::new(Body::whole(bytes))
    });
    let options = Options { response_timeout: SHORT, ..Options::default() };
    let upstream = Upstream::new(&format!("http://{}", echo.address), options).unwrap();
    let (front, _) = front(upstream, TrustProxy::Nobody);
    let mut client = front.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab").await.unwrap();
    // Another upstream runs into the same limit meanwhile, twice.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..2 {
        let url = format!("http://{}", silent.local_addr().unwrap());
        let options = Options { response_timeout: SHORT, ..Options::default() };
        assert_eq!(
            fails(Upstream::new(&url, options).unwrap(), GET).await.0,
            Code::UpstreamTimeout
        );
    }
    client.write_all(b"cd").await.unwrap();
    until(&mut client, "abcd").await;
}

#[tokio::test]
async fn a_client_that_stops_sending_its_body_is_408_and_ends_the_upstreams_request() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", upstream.local_addr().unwrap());
    let options = Options { idle_timeout: SHORT, client_timeout: SHORT, ..Options::default() };
    let stalled = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab";
    let asked = tokio::spawn(fails(Upstream::new(&url, options).unwrap(), stalled));
    let (mut stream, _) = soon(upstream.accept()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with("ab"));
    let (code, response) = soon(asked).await.unwrap();
    assert_eq!(code, Code::RequestTimeout);
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[tokio::test]
async fn a_client_that_breaks_off_its_body_ends_the_upstreams_request() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (front, mut failures) =
        front(upstream_at(upstream.local_addr().unwrap()), TrustProxy::Nobody);
    let mut client = front.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab").await.unwrap();
    let (mut stream, _) = soon(upstream.accept()).await.unwrap();
    until(&mut stream, "ab").await;
    drop(client);
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(soon(failures.recv()).await, Some(Code::BadRequest));
}

#[tokio::test]
async fn a_body_that_fails_midway_cuts_the_clients_connection() {
    let table = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "half"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n"),
    ];
    for (answer, last) in table {
        let (address, _heads) = scripted(&[answer]).await;
        let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
        let response = front.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(response.ends_with(last), "no end of the body: {response:?}");
    }

    // One that just stops is given up, too.
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { idle_timeout: SHORT, client_timeout: SHORT, ..Options::default() };
    let url = format!("http://{}", upstream.local_addr().unwrap());
    let (front, _) = front(Upstream::new(&url, options).unwrap(), TrustProxy::Nobody);
    let asked = tokio::spawn(async move { front.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await });
    let (mut stream, _) = soon(upstream.accept()).await.unwrap();
    until(&mut stream, "\r\n\r\n").await;
    stream.write_all(table[1].0.as_bytes()).await.unwrap();
    assert!(soon(asked).await.unwrap().ends_with("4\r\nhalf\r\n"));
}

#[tokio::test]
async fn connections_are_used_again() {
    let (connected, mut connections) = mpsc::unbounded_channel();
    let upstream = start(local(), move |_: http::Request<Incoming>, peer: Peer| {
        let _ = connected.send(peer.addr);
        async { http::Response::new(Body::whole("hi")) }
    });
    let (front, _) = front(upstream_at(upstream.address), TrustProxy::Nobody);
    let mut client = front.connect().await;
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        until(&mut client, "hi").await;
    }
    assert_eq!(connections.recv().await, connections.recv().await);
}

#[tokio::test]
async fn a_request_that_met_a_dead_connection_is_sent_again_if_that_is_safe() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    let (address, _heads) = scripted(&["", answer]).await;
    let (front, _failures) = front(upstream_at(address), TrustProxy::Nobody);
    assert!(front.ask(GET).await.ends_with("hi"));

    for request in [
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
    ] {
        let (address, mut heads) = scripted(&["", answer]).await;
        let (code, response) = fails(upstream_at(address), request).await;
        assert_eq!(code, Code::UpstreamFailed, "{response}");
        heads.recv().await.unwrap();
        assert!(heads.try_recv().is_err(), "it came a second time");
    }
}

/// An upstream that switches protocols and then repeats what it hears.
async fn repeater() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (got, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = got.send(until(&mut stream, "\r\n\r\n").await);
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
                       upgrade: websocket\r\nsec-websocket-accept: yes\r\n\r\nhello ";
        stream.write_all(switch).await.unwrap();
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
        let _ = got.send("closed".into());
    });
    (address, heads)
}

const UPGRADE_REQUEST: &[u8] =
    b"GET /chat HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-key: abc\r\n\r\n";

async fn upgraded(front: &Running) -> TcpStream {
    let mut client = front.connect().await;
    client.write_all(UPGRADE_REQUEST).await.unwrap();
    let head = until(&mut client, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for header in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: yes"] {
        assert!(head.contains(header), "{head}");
    }
    until(&mut client, "hello ").await;
    client
}

#[tokio::test]
async fn an_upgrade_goes_through_and_bytes_flow_both_ways() {
    let (address, mut heads) = repeater().await;
    let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
    let mut client = upgraded(&front).await;
    let head = heads.recv().await.unwrap();
    for header in ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: abc"] {
        assert!(head.contains(header), "{head}");
    }
    client.write_all(b"ping").await.unwrap();
    until(&mut client, "ping").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(soon(heads.recv()).await.unwrap(), "closed");
}

#[tokio::test]
async fn a_drain_cuts_the_upstreams_end_of_a_tunnel_too() {
    let (address, mut heads) = repeater().await;
    let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
    let mut client = upgraded(&front).await;
    heads.recv().await.unwrap();
    let drained = front.stop().await;
    assert_eq!((drained.exchanges_cut, drained.tunnels_cut), (0, 1));
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(soon(heads.recv()).await.unwrap(), "closed");
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_a_response_like_any_other() {
    let (address, _heads) = scripted(&["HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno"]).await;
    let (front, _) = front(upstream_at(address), TrustProxy::Nobody);
    let mut client = front.connect().await;
    client.write_all(UPGRADE_REQUEST).await.unwrap();
    let response = until(&mut client, "\r\n\r\nno").await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
}

#[tokio::test]
async fn a_tunnel_counts_its_bytes_and_ends_when_both_are_silent() {
    let (facts_of, mut facts) = mpsc::unbounded_channel();
    let (address, _heads) = repeater().await;
    let upstream = Arc::new(upstream_at(address));
    let front = start(local(), move |request, peer: Peer| {
        let (upstream, facts_of) = (upstream.clone(), facts_of.clone());
        async move {
            let hop = Hop { ip: peer.addr.ip(), trusted: false };
            let mut request = exchange_request(request, peer, hop, hop.ip);
            let answer = upstream.forward(&mut request, &Locals::default(), hop).await.unwrap();
            let tunnel = answer.tunnel.unwrap();
            tokio::spawn(async move {
                let _ = facts_of.send(tunnel.run(SHORT, std::future::pending()).await);
            });
            answer.response
        }
    });
    let mut client = upgraded(&front).await;
    client.write_all(b"ping").await.unwrap();
    until(&mut client, "ping").await;
    assert_eq!(rest(&mut client).await, "");
    let facts = soon(facts.recv()).await.unwrap();
    assert_eq!((facts.from_client, facts.from_upstream, facts.completed), (4, 10, false));
}

#[tokio::test]
async fn a_websocket_on_http2_is_a_plain_request_to_the_upstream() {
    // There is nothing to upgrade on HTTP/2; the request must not arrive as half of one.
    let mut read = [0; 1];
    let upstream = upstream_at(free_address().await);
    let listener = TcpListener::bind(upstream.authority.as_str()).await.unwrap();
    let (front, _) = front(upstream, TrustProxy::Nobody);
    let asked = tokio::spawn(async move {
        front.ask("GET / HTTP/1.0\r\nhost: x\r\nupgrade: websocket\r\n\r\n").await
    });
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(!head.contains("upgrade"), "{head}");
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    soon(asked).await.unwrap();
    assert_eq!(soon(stream.read(&mut read)).await.unwrap(), 0);
}

#[test]
fn a_url_that_is_no_upstreams_is_refused_with_a_remedy() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    for (url, text) in [
        ("", "not a URL"),
        ("127.0.0.1:3000", "with its scheme"),
        ("/path", "with its scheme"),
        ("ftp://x", "`http` or `https`"),
        ("http://me:pw@x", "credentials"),
        ("http://x/?a=b", "no query"),
    ] {
        let error = Upstream::new(url, Options::default()).unwrap_err().to_string();
        assert!(error.contains(text), "{url}: {error}");
    }
    for url in ["http://x", "http://x:1/base/", "http://[::1]:3000"] {
        Upstream::new(url, Options::default()).unwrap();
    }
}
