//! Clients that send what they should not, too much of it, too slowly, or stop halfway.

use crate::harness::{App, Client, Response};

fn app() -> App {
    App::lift(
        "
        //- boathook.toml
        limits.exchange = \"1h\"
        [http]
        header_timeout = \"300ms\"
        body_timeout = \"300ms\"
        max_headers = 50
        //- hooks
        hello
        reads-body
        sleeps
        ",
    )
}

/// What these bytes get; none where the server just closes.
fn raw(app: &mut App, bytes: impl AsRef<[u8]>) -> Option<Response> {
    let mut client = app.connect();
    client.send(bytes);
    client.response("GET")
}

#[test]
fn malformed_requests_are_400_and_close_and_harm_nobody() {
    let mut app = app();
    for bytes in [
        "BLAH\r\n\r\n",
        "GET\r\n\r\n",
        "GET /hello\r\n\r\n",
        "GET /hello HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: a\r\na\0b: c\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: a\r\n folded: x\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n",
        "GET /he llo HTTP/1.1\r\nhost: a\r\n\r\n",
        "G\u{e9}T /hello HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /hello HTTP/9.9\r\nhost: a\r\n\r\n",
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST /length HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nab",
        "\0\0\0\0\r\n\r\n",
    ] {
        let response = raw(&mut app, bytes);
        let status = response.as_ref().map(|response| response.status);
        if !matches!(status, Some(400 | 505) | None) {
            app.fail(&format!("{bytes:?}: not 400 but {response:?}"));
        }
        assert_eq!(app.ask("GET", "/hello").status, 200, "after {bytes:?}");
    }
}

#[test]
fn two_lengths_of_one_body_never_make_two_requests() {
    let mut app = app();
    let mut client = app.connect();
    client.send(
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let first = client.response("POST").expect("an answer");
    // RFC 9112, 6.3: refused, or read as chunked and then closed.
    assert!(first.status == 400 || first.text() == r#"{"length":0}"#, "{first:?}");
    assert!(client.response("GET").is_none(), "a request was smuggled");
}

#[test]
fn a_body_that_breaks_its_own_framing_is_400() {
    let mut app = app();
    let bytes = "POST /length HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n";
    let response = raw(&mut app, bytes).expect("an answer");
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn paths_that_cannot_be_decoded_or_hold_dot_segments_are_400() {
    let mut app = app();
    for target in
        ["/%zz", "/%", "/%4", "/a/../hello", "/./hello", "/a/%2e%2e/hello", "/..", "/a/.%2E", "*"]
    {
        let response = app.ask("GET", target);
        assert_eq!(response.status, 400, "{target}: {}", response.text());
        assert!(response.text().contains("E_BAD_REQUEST"), "{target}: {}", response.text());
    }
    assert_eq!(app.ask("GET", "/h%65llo").status, 200);
    assert_eq!(app.ask("GET", "http://somewhere/hello").status, 200);
}

#[test]
fn a_param_that_is_not_utf_8_is_400() {
    let mut app = App::lift("//- boathook.toml\nr.after = [\"GET /x/:id\"]\n//- hooks\nr: routes");
    assert_eq!(app.ask("GET", "/x/%C3%A9").text(), "GET /x/:id id=é");
    assert_eq!(app.ask("GET", "/x/%FF").status, 400);
}

#[test]
fn headers_over_the_limit_are_431_and_those_within_it_are_not() {
    let mut app = app();
    let with = |lines: usize, length: usize| {
        let line = |number| format!("x-{number}: {}\r\n", "v".repeat(length));
        format!(
            "GET /hello HTTP/1.1\r\nhost: a\r\n{}\r\n",
            (0..lines).map(line).collect::<String>()
        )
    };
    assert_eq!(raw(&mut app, with(40, 10)).map(|response| response.status), Some(200));
    assert_eq!(raw(&mut app, with(51, 10)).map(|response| response.status), Some(431));
    assert_eq!(raw(&mut app, with(6, 10_000)).map(|response| response.status), Some(200));
    assert_eq!(raw(&mut app, with(8, 10_000)).map(|response| response.status), Some(431));
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn a_target_that_is_too_long_is_refused() {
    let mut app = app();
    let response = app.ask("GET", &format!("/{}", "x".repeat(100_000)));
    assert!(matches!(response.status, 414 | 431), "{}", response.status);
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn a_client_that_is_too_slow_with_its_head_is_408_or_cut() {
    let mut app = app();
    let mut client = app.connect();
    client.send("GET /hello HTTP/1.1\r\nhost: ");
    let status = client.response("GET").map(|response| response.status);
    assert!(matches!(status, None | Some(408)), "{status:?}");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_is_too_slow_with_its_body_is_408() {
    let mut app = app();
    let mut client = app.connect();
    client.send("POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    let response = client.response("POST").expect("an answer");
    assert_eq!(response.status, 408, "{}", response.text());
}

#[test]
fn a_client_that_says_nothing_at_all_is_cut() {
    let mut app = app();
    let mut client = app.connect();
    assert!(client.is_closed());
}

#[test]
fn a_half_closed_socket_gets_its_answer() {
    let mut app = app();
    for target in ["/hello", "/sleeps?ms=200"] {
        let mut client = app.connect();
        client.request("GET", target, &[], b"");
        client.finish_sending();
        assert_eq!(client.response("GET").map(|response| response.status), Some(200), "{target}");
        assert!(client.is_closed());
    }
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let mut app = app();
    let mut client = app.connect();
    client.send(
        "GET /hello HTTP/1.1\r\nhost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n\
         POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcGET /hello HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let statuses: Vec<_> = ["GET", "GET", "POST", "GET"]
        .into_iter()
        .map(|method| client.response(method).map(|response| response.status))
        .collect();
    assert_eq!(statuses, [Some(200), Some(404), Some(200), Some(200)]);
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let mut app = app();
    let mut client = app.connect();
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").map(|response| response.status), Some(200));
    assert!(client.is_closed());
}

#[test]
fn a_client_that_asks_first_is_told_to_continue() {
    let mut app = app();
    let mut client = app.connect();
    client.send(
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.line(), "HTTP/1.1 100 Continue");
    client.line();
    client.send("abc");
    assert_eq!(
        client.response("POST").map(|response| response.text()),
        Some(r#"{"length":3}"#.into())
    );
}

#[test]
fn noise_from_many_clients_harms_nobody() {
    let mut app = app();
    let address = app.address().expect("it listens");
    // A fixed seed: the same noise in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).flat_map(|_| noise()).collect();
        let mut client = Client::connect(address);
        client.send(if length % 2 == 0 { &b"GET /"[..] } else { b"" });
        client.send(bytes);
    }
    assert_eq!(app.ask("GET", "/hello").status, 200);
    app.stop();
}
