//! Fetches from servers of the test, by a resolver of the test.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Host;

use super::*;

/// Names as the test says; each look-up takes the next of a name's answers, the last one again and again.
#[derive(Default)]
struct Names {
    answers: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let answers = self.answers.get(name).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(answers[asked.min(answers.len() - 1)].clone())
    }
}

fn names(all: &[(&'static str, &[&[&str]])]) -> Arc<Names> {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let answers = |answers: &[&[&str]]| answers.iter().map(|texts| addresses(texts)).collect();
    let answers = all.iter().map(|(name, all)| (*name, answers(all))).collect();
    Arc::new(Names { answers, asked: AtomicUsize::new(0) })
}

/// A server that gives each connection to a task.
async fn server<F, T>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    address
}

/// A server that answers every request with these bytes, and keeps what it was sent.
async fn answering(answer: String) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let keeps = heard.clone();
    let address = server(move |mut socket| {
        let (answer, heard) = (answer.clone(), keeps.clone());
        async move {
            let mut read = vec![0; 64 << 10];
            while let Ok(count @ 1..) = socket.read(&mut read).await {
                let text = String::from_utf8_lossy(&read[..count]).into_owned();
                heard.lock().unwrap().push(text);
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (address, heard)
}

/// Reads a short request.
async fn hear(socket: &mut TcpStream) {
    let _ = socket.read(&mut [0; 4096]).await;
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello";

fn client(grants: Value, resolver: Arc<dyn Resolve>) -> Client {
    let fetch =
        config::Fetch { ca_file: None, connect_timeout: Duration::from_secs(20), max_requests: 2 };
    let grants = Grants::read(&grants).unwrap();
    Client::resolving("a".into(), grants, &Settings::new(&fetch).unwrap(), resolver)
}

fn bounds(time: Duration) -> Bounds {
    Bounds { until: Instant::now() + time, time, pause: time, body: 1 << 20 }
}

async fn get(client: &Client, url: &str, redirects: u32) -> Result<Fetched, FetchError> {
    let hop = Hop::new(Method::GET, url)?;
    client.fetch(hop, redirects, bounds(Duration::from_secs(20)), || Ok(())).await
}

#[tokio::test]
async fn an_answer_comes_with_its_status_headers_and_body() {
    let (address, heard) = answering(HELLO.into()).await;
    let client = client(json!([format!("http://{address}")]), Arc::new(System));
    for _ in 0..2 {
        let fetched = get(&client, &format!("http://{address}/x?y#z"), 0).await.unwrap();
        assert_eq!((fetched.status, &*fetched.body), (StatusCode::OK, &b"hello"[..]));
        assert_eq!(fetched.headers["x-a"], "1");
    }
    let heard = heard.lock().unwrap();
    assert!(heard[0].starts_with("GET /x?y HTTP/1.1\r\n"), "{heard:?}");
    assert!(heard[0].contains(&format!("host: {address}\r\n")), "{heard:?}");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    for address in
        ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"]
    {
        let names = names(&[("evil.test", &[&[address]])]);
        let client = client(json!(["http://evil.test:1"]), names);
        let error = get(&client, "http://evil.test:1/", 0).await.unwrap_err();
        assert_eq!(error.code(), "E_FETCH_REFUSED", "{error}");
        assert!(error.to_string().contains(address), "{error}");
    }
}

#[tokio::test]
async fn of_several_addresses_those_that_pass_are_connected_to() {
    let (server, _) = answering(HELLO.into()).await;
    let port = server.port();
    let names = names(&[("mixed.test", &[&["169.254.169.254", "127.0.0.1"]])]);
    let grants = json!([{ "url": format!("http://mixed.test:{port}"), "private": true }]);
    let fetched = get(&client(grants, names), &format!("http://mixed.test:{port}"), 0).await;
    assert_eq!(fetched.unwrap().body, "hello");
}

#[tokio::test]
async fn a_private_network_is_open_to_the_methods_of_its_own_grant_alone() {
    let (server, _) = answering(HELLO.into()).await;
    let url = format!("http://billing.test:{}", server.port());
    let client = client(
        json!([
            { "url": url, "methods": ["GET"], "private": true },
            { "url": format!("http://*:{}", server.port()), "methods": ["POST"] },
        ]),
        names(&[("billing.test", &[&["127.0.0.1"]])]),
    );
    assert!(get(&client, &url, 0).await.is_ok());
    // The connection that is open now is none for it, either.
    let hop = Hop::new(Method::POST, &url).unwrap();
    let error = client.fetch(hop, 0, bounds(Duration::from_secs(20)), || Ok(())).await.unwrap_err();
    assert_eq!(error.code(), "E_FETCH_REFUSED", "{error}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    let (server, _) = answering(HELLO.into()).await;
    let port = server.port();
    // What is checked is what is connected to: a second answer would not be heard.
    let names = names(&[("rebinds.test", &[&["127.0.0.1"], &["169.254.169.254"]])]);
    let grants = json!([{ "url": format!("http://rebinds.test:{port}"), "private": true }]);
    let client = client(grants, names.clone());
    assert!(get(&client, &format!("http://rebinds.test:{port}"), 0).await.is_ok());
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_redirect_is_followed_only_where_it_was_asked_for_and_only_so_often() {
    let (end, _) = answering(HELLO.into()).await;
    let (middle, _) = answering(redirect(302, &format!("http://{end}/end"))).await;
    let (start, _) = answering(redirect(307, &format!("http://{middle}/"))).await;
    let grants = [start, middle, end].map(|address| format!("http://{address}"));
    let client = client(json!(grants), Arc::new(System));
    let url = format!("http://{start}/");
    assert_eq!(get(&client, &url, 0).await.unwrap().status, StatusCode::TEMPORARY_REDIRECT);
    let fetched = get(&client, &url, 2).await.unwrap();
    assert_eq!(fetched.url.as_str(), format!("http://{end}/end"));
    let error = get(&client, &url, 1).await.unwrap_err();
    assert_eq!(error.code(), "E_FETCH_FAILED");
    assert!(error.to_string().contains("more than 1 redirects"), "{error}");
}

#[tokio::test]
async fn every_hop_is_counted_and_checked_like_the_first() {
    let (inner, heard) = answering(HELLO.into()).await;
    let (start, _) = answering(redirect(302, &format!("http://{inner}/secret"))).await;
    let only_start = client(json!([format!("http://{start}")]), Arc::new(System));
    let error = get(&only_start, &format!("http://{start}"), 5).await.unwrap_err();
    assert_eq!(error.code(), "E_NOT_GRANTED", "{error}");

    let names = names(&[("evil.test", &[&["127.0.0.1"]])]);
    let port = inner.port();
    let (start, _) = answering(redirect(302, &format!("http://evil.test:{port}/secret"))).await;
    let granted = json!([format!("http://{start}"), format!("http://*:{port}")]);
    let client = client(granted, names);
    let error = get(&client, &format!("http://{start}"), 5).await.unwrap_err();
    assert_eq!(error.code(), "E_FETCH_REFUSED", "{error}");
    assert!(heard.lock().unwrap().is_empty(), "nothing arrives there");

    let mut left = 1;
    let hop = Hop::new(Method::GET, &format!("http://{start}")).unwrap();
    let count = || {
        left -= 1;
        if left < 0 { Err(FetchError::Limit(1)) } else { Ok(()) }
    };
    let error = client.fetch(hop, 5, bounds(Duration::from_secs(20)), count).await.unwrap_err();
    assert_eq!(error.code(), "E_FETCH_LIMIT");
}

#[tokio::test]
async fn who_never_answers_or_stops_in_the_middle_is_given_up() {
    let silent = server(|socket| async move {
        let _socket = socket;
        std::future::pending().await
    })
    .await;
    let stalls = server(|mut socket| async move {
        hear(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        std::future::pending().await
    })
    .await;
    let grants = json!([format!("http://{silent}"), format!("http://{stalls}")]);
    let client = client(grants, Arc::new(System));
    for address in [silent, stalls] {
        let hop = Hop::new(Method::GET, &format!("http://{address}")).unwrap();
        let soon = bounds(Duration::from_millis(100));
        let error = client.fetch(hop, 0, soon, || Ok(())).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("E_FETCH_TIMEOUT", 504), "{error}");
    }
}

#[tokio::test]
async fn who_breaks_off_is_no_short_answer() {
    let address = server(|mut socket| async move {
        hear(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    let client = client(json!([format!("http://{address}")]), Arc::new(System));
    let error = get(&client, &format!("http://{address}"), 0).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("E_FETCH_FAILED", 502), "{error}");
}

#[tokio::test]
async fn no_more_is_read_than_the_limit() {
    for head in ["content-length: 2147483648", "transfer-encoding: chunked"] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counts = sent.clone();
        let address = server(move |mut socket| {
            let counts = counts.clone();
            async move {
                hear(&mut socket).await;
                let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
                let _ = socket.write_all(head.as_bytes()).await;
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                while socket.write_all(chunk.as_bytes()).await.is_ok() {
                    counts.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            }
        })
        .await;
        let client = client(json!([format!("http://{address}")]), Arc::new(System));
        let error = get(&client, &format!("http://{address}"), 0).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("E_BODY_TOO_LARGE", 502), "{error}");
        // The limit, and what the sockets of both sides hold.
        assert!(sent.load(Ordering::Relaxed) < 32 << 20, "{head}: {sent:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_sent() {
    let (address, heard) = answering(HELLO.into()).await;
    let client = client(json!([format!("http://{address}")]), Arc::new(System));
    let mut hop = Hop::new(Method::POST, &format!("http://{address}")).unwrap();
    hop.body = vec![0; (1 << 20) + 1].into();
    let error = client.fetch(hop.clone(), 0, bounds(Duration::from_secs(20)), || Ok(())).await;
    assert_eq!(error.unwrap_err().code(), "E_BODY_TOO_LARGE");
    assert!(heard.lock().unwrap().is_empty());
    // The same as a stream, of which nobody knows the length ahead.
    let (sender, stream) = http_body_util::channel::Channel::<Bytes, std::io::Error>::new(4);
    tokio::spawn(async move {
        let mut sender = sender;
        while sender.send_data(vec![0; 1 << 18].into()).await.is_ok() {}
    });
    let mut request = http::Request::new(Body::stream(stream));
    *request.method_mut() = Method::POST;
    let error = client.send(&hop.origin, &hop.url, request, bounds(Duration::from_secs(20))).await;
    assert_eq!(error.map(drop).unwrap_err().code(), "E_BODY_TOO_LARGE");
}

#[tokio::test]
async fn more_requests_than_may_be_on_their_way_wait() {
    let silent = server(|socket| async move {
        let _socket = socket;
        std::future::pending().await
    })
    .await;
    let (quick, _) = answering(HELLO.into()).await;
    let grants = json!([format!("http://{silent}"), format!("http://{quick}")]);
    let client = Arc::new(client(grants, Arc::new(System)));
    let hop = |address| Hop::new(Method::GET, &format!("http://{address}")).unwrap();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (client, hop) = (client.clone(), hop(silent));
            tokio::spawn(async move {
                client.fetch(hop, 0, bounds(Duration::from_secs(60)), || Ok(())).await.map(drop)
            })
        })
        .collect();
    while client.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let soon = bounds(Duration::from_millis(50));
    let error = client.fetch(hop(quick), 0, soon, || Ok(())).await.unwrap_err();
    assert_eq!(error.code(), "E_FETCH_TIMEOUT");
    assert!(error.to_string().contains("on their way"), "{error}");
    waiting[0].abort();
    assert!(get(&client, &format!("http://{quick}"), 0).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let names = names(&[("empty.test", &[&[]])]);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (plain, _) = answering(HELLO.into()).await;
    let grants = json!([
        "http://nowhere.test",
        "http://empty.test",
        format!("http://{closed}"),
        format!("https://{plain}")
    ]);
    let client = client(grants, names);
    for (url, said) in [
        ("http://nowhere.test".to_owned(), "cannot look up the name"),
        ("http://empty.test".to_owned(), "it has no address"),
        (format!("http://{closed}"), "refused"),
        (format!("https://{plain}"), "cannot connect"),
    ] {
        let error = get(&client, &url, 0).await.unwrap_err();
        assert_eq!(error.code(), "E_FETCH_FAILED", "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_asked() {
    for (url, said) in [
        ("ftp://a.test", "`http` or `https`"),
        ("/relative", "relative URL"),
        ("http://user:pass@a.test", "credentials"),
        ("http://", "empty host"),
        ("file:///etc/passwd", "`http` or `https`"),
    ] {
        let error = Hop::new(Method::GET, url).unwrap_err();
        assert_eq!((error.code(), error.status()), ("E_FETCH_REQUEST", 500), "{url}");
        assert!(error.to_string().contains(said), "{url}: {error}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
    // What is no URL may have in it what one has.
    for (url, shown) in [
        ("http://me:p?w@a b/x", "http://..."),
        ("http://a b/x?token=1", "http://a b/x..."),
        ("http://a b/?to=me@c.test&token=1", "http://..."),
        ("ftp://a.test/x#part", "ftp://a.test/x..."),
        ("relative?token=1", "relative..."),
        ("me:pw@host:x", "..."),
    ] {
        let error = Hop::new(Method::GET, url).unwrap_err().to_string();
        assert!(error.starts_with(&format!("not a URL to fetch: `{shown}`: ")), "{error}");
    }
    let long = Hop::new(Method::GET, &"x".repeat(8000)).unwrap_err().to_string();
    assert!(long.len() < 300, "{long}");
    assert!(Hop::new(Method::CONNECT, "http://a.test").is_err());
    assert!(Hop::new(Method::GET, &format!("http://a.test/{}", "x".repeat(9000))).is_err());
    let hop = Hop::new(Method::GET, "http://EXAMPLE.com/a b").unwrap();
    assert_eq!(hop.url.as_str(), "http://example.com/a%20b");
    assert!(matches!(hop.origin.host(), Host::Domain(name) if name == "example.com"));
}
