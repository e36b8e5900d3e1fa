//! Bodies: declared, undeclared, too large, replayed, and those that nobody reads.

use crate::harness::App;

const APP: &str = "
    //- boathook.toml
    limits.body = \"1KiB\"
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    //- hooks
    reads-body
    ";

#[test]
fn a_route_that_declares_it_reads_the_body() {
    App::lift(APP).check(
        "
        //- POST /length

        hello
        //- 200

        {\"length\":5}
        //- POST /length
        //- 200

        {\"length\":0}
        ",
    );
}

#[test]
fn a_route_that_does_not_declare_it_gets_an_error_that_says_what_to_declare() {
    App::lift(APP).check(
        "
        //- POST /undeclared

        hello
        //- 500

        ...E_BODY_NOT_DECLARED
        //- log
        error: hook `reads-body`: handle-route: returned an error: the route does not declare that it reads the body
        ",
    );
}

#[test]
fn a_body_within_the_limit_is_read_and_one_over_it_is_413_if_the_hook_returns_the_error() {
    let mut app = App::lift(APP);
    for (length, status) in [(1024, 200), (1025, 413), (100_000, 413)] {
        let response = app.send("POST", "/length", &[], &"x".repeat(length));
        assert_eq!(response.status, status, "{length}: {}", response.text());
        if status == 413 {
            assert!(response.text().contains("E_BODY_TOO_LARGE"), "{}", response.text());
            // The rest of the body is not read, and nothing can follow it.
            assert_eq!(response.header("connection"), Some("close"));
        }
    }
}

#[test]
fn every_later_reader_and_the_target_get_the_same_bytes() {
    let mut app = App::lift(APP);
    for length in [10, 1024, 1025, 200_000] {
        let body = "y".repeat(length);
        let response = app.send("POST", "/lenient", &[], &body);
        let read = if length <= 1024 { length.to_string() } else { "E_BODY_TOO_LARGE".into() };
        assert_eq!(response.header("x-read"), Some(&*read), "{length}");
        let text = response.text();
        let (head, echoed) = text.split_once("\n\n").expect("an echo has a head and a body");
        assert_eq!(echoed.len(), length, "{head}");
        assert_eq!(echoed, body);
    }
}

#[test]
fn a_chunked_body_is_read_and_replayed_like_any_other() {
    let mut app = App::lift(APP);
    for chunks in [2, 200] {
        let mut client = app.connect();
        client.send("POST /lenient HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        for _ in 0..chunks {
            client.send("a\r\n0123456789\r\n");
        }
        client.send("0\r\n\r\n");
        let response = client.response("POST").expect("an answer");
        let read = if chunks == 2 { "20" } else { "E_BODY_TOO_LARGE" };
        assert_eq!(response.header("x-read"), Some(read));
        assert!(response.text().ends_with(&format!("\n\n{}", "0123456789".repeat(chunks))));
    }
}

#[test]
fn a_body_that_nobody_reads_flows_through_whatever_its_size() {
    let mut app = App::lift(APP);
    let response = app.send("POST", "/upload", &[], &"z".repeat(3_000_000));
    assert_eq!(response.status, 200);
    assert!(response.body.len() > 3_000_000, "{}", response.body.len());
}

#[test]
fn the_server_can_bound_every_body() {
    let mut app =
        App::lift(&APP.replace("limits.body", "http.max_body = \"2KiB\"\n    limits.body"));
    assert_eq!(app.send("POST", "/upload", &[], &"z".repeat(2048)).status, 200);
    let response = app.send("POST", "/upload", &[], &"z".repeat(2049));
    assert_eq!(response.status, 413, "{}", response.text());
    assert!(response.text().contains("E_BODY_TOO_LARGE"), "{}", response.text());
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_harms_nobody() {
    let mut app = App::lift(APP);
    for _ in 0..20 {
        let mut client = app.connect();
        client.send("POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf");
    }
    assert_eq!(app.send("POST", "/length", &[], "whole").text(), r#"{"length":5}"#);
}

#[test]
fn a_response_over_the_limit_is_refused_and_one_within_it_is_sent() {
    let mut app = App::lift(
        "
        //- boathook.toml
        limits.body = \"1KiB\"
        //- hooks
        bad-answers
        ",
    );
    assert_eq!(app.ask("GET", "/bad/body?n=1024").body.len(), 1024);
    let response = app.ask("GET", "/bad/body?n=1025");
    assert!(response.status >= 400, "{}", response.status);
    assert!(response.text().contains("E_BODY_TOO_LARGE"), "{}", response.text());
}
