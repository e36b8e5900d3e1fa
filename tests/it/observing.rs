//! The way back: `handle-response` and `handle-finish`.

use crate::harness::{App, PATIENCE, check};

const TWO: &str = "
    //- boathook.toml
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    //- hooks
    a: observes
    b: observes
    fails
    panics
    ";

#[test]
fn observers_see_every_response_the_last_one_first() {
    App::lift(TWO).check(
        "
        //- GET /x
        //- 200
        x-seen: b 200, a 200
        //- HEAD /x
        //- 200
        x-seen: b 200, a 200
        //- GET /x
        x-answer-status: 503
        //- 503
        x-seen: b 503, a 503
        //- GET /fails
        //- 500
        x-seen: b 500, a 500
        //- GET /panics
        //- 500
        x-seen: b 500, a 500
        ",
    );
}

#[test]
fn observers_see_a_404() {
    check(
        "
        //- hooks
        a: observes
        //- GET /nowhere
        //- 404
        x-seen: a 404
        ",
    );
}

#[test]
fn only_hooks_that_were_reached_observe() {
    check(
        "
        //- hooks
        a: observes
        panics
        z: observes
        //- GET /panics
        //- 500
        x-seen: a 500
        ",
    );
}

#[test]
fn a_failing_observer_makes_the_error_the_response_and_the_others_see_that() {
    check(
        "
        //- boathook.toml
        b.fails = true
        [[routes]]
        address = \"GET /x\"
        respond = { body = \"fine\" }
        //- hooks
        a: observes
        b: observes
        c: observes
        //- GET /x
        //- 500
        x-seen: c 200, b 200, a 500

        ...E_HOOK_ERROR
        //- log
        error: hook `b`: handle-response: returned an error: the observer failed
        ",
    );
}

const UPPER: &str = "
    //- boathook.toml
    limits.body = \"2KiB\"
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    //- hooks
    upper-case
    ";

#[test]
fn an_observer_reads_and_replaces_the_body_and_what_described_the_old_one_goes() {
    App::lift(UPPER).check(
        "
        //- GET /x
        x-answer-body: quiet words
        x-answer-header: etag=\"1\"
        x-answer-header: accept-ranges=bytes
        x-answer-header: x-other=stays
        //- 200
        -etag
        -accept-ranges
        x-other: stays
        content-length: 11

        QUIET WORDS
        ",
    );
}

#[test]
fn the_policy_of_a_page_that_explains_a_failure_goes_with_the_page() {
    for (hook, stays) in [("observes", true), ("upper-case", false)] {
        let mut app = App::lift(&format!("//- hooks\n{hook}"));
        let page = app.send("GET", "/nowhere", &["accept: text/html".into()], "");
        assert_eq!((page.status, page.header("content-security-policy").is_some()), (404, stays));
    }
}

#[test]
fn a_body_over_the_limit_is_an_error_for_the_observer_and_flows_on_untouched() {
    let mut app = App::lift(UPPER);
    for (bytes, read) in [(2048, true), (2049, false), (300_000, false)] {
        let wish = format!("x-answer-bytes: {bytes}");
        let response = app.send("GET", "/x", &[wish, "x-answer-header: etag=\"1\"".into()], "");
        let byte = if read { b'X' } else { b'x' };
        assert_eq!(response.body, vec![byte; bytes], "{bytes}");
        let error = (!read).then_some("E_BODY_TOO_LARGE");
        assert_eq!(response.header("x-body-error"), error, "{bytes}");
        assert_eq!(response.header("etag").is_some(), !read, "{bytes}");
    }
}

#[test]
fn an_event_stream_cannot_be_gathered() {
    App::lift(UPPER).check(
        "
        //- GET /x
        x-answer-header: content-type=text/event-stream
        x-answer-body: data: 1
        //- 200
        x-body-error: E_BODY_STREAMING

        data: 1
        ",
    );
}

const FINISHES: &str = "
    //- boathook.toml
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    //- hooks
    finishes
    ";

#[test]
fn a_finish_comes_after_the_last_byte_with_status_and_bytes() {
    App::lift(FINISHES).check(
        "
        //- GET /a
        x-answer-bytes: 100000
        //- 200
        //- HEAD /b
        //- 200
        //- GET /c
        x-answer-status: 404
        x-answer-body: no
        //- 404
        //- log
        finish /a 200 completed 100000
        finish /b 200 completed 0
        finish /c 404 completed 2
        ",
    );
}

#[test]
fn a_finish_comes_where_nobody_answered_too() {
    check(
        "
        //- hooks
        finishes
        //- GET /nowhere
        //- 404
        //- log
        finish /nowhere 404 completed
        ",
    );
}

#[test]
fn a_finish_comes_when_the_client_leaves_in_the_middle() {
    let mut app = App::lift(FINISHES);
    let mut client = app.connect();
    client.request("GET", "/big", &["x-answer-bytes: 50000000".into()], b"");
    assert!(client.line().contains("200"));
    drop(client);
    app.log(&["finish /big 200 cut"]);
}

#[test]
fn page_views_are_counted_after_the_response() {
    let mut app = App::lift(
        "
        //- boathook.toml
        [hooks.page-views]
        grants = { kv = [\"views\"], tasks = true }
        [[routes]]
        address = \"GET /page\"
        respond = { body = \"a page\" }
        //- hooks
        page-views
        ",
    );
    for _ in 0..3 {
        app.ask("GET", "/page");
    }
    app.ask("GET", "/nowhere");
    // A look is a view, too: the first one sees those three, or more of its own.
    let until = std::time::Instant::now() + PATIENCE;
    let mut looks = 0;
    loop {
        let seen = app.ask("GET", "/page-views").text();
        let seen: serde_json::Value = serde_json::from_str(&seen).expect("JSON");
        let seen = seen["views"].as_u64().expect("a number");
        assert!(seen <= 3 + looks, "{seen} of 3 and {looks} looks");
        if seen >= 3 {
            return;
        }
        assert!(std::time::Instant::now() < until, "they are not counted");
        looks += 1;
    }
}

#[test]
fn the_five_security_headers_are_on_every_answer() {
    let mut app = App::lift(
        "
        //- hooks
        hello
        panics
        security-headers
        ",
    );
    for target in ["/hello", "/nowhere", "/panics", "/app.js"] {
        let response = app.ask("GET", target);
        for name in [
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "strict-transport-security",
            "permissions-policy",
        ] {
            // `panics` comes before `security-headers` in hook order, so that one is not reached.
            let there = response.all(name).count() == 1;
            assert!(there || target == "/panics", "{target}: {name}: {response:?}");
        }
    }
}
