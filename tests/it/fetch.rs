//! Hooks that ask other servers: what is granted, what is refused, what is bounded.

use crate::harness::{App, Client, PATIENCE, Remote, Secure, Upstream, Way, check};

/// An app with the hook `fetches`, which may fetch these.
fn app(grants: &str, more: &str) -> App {
    App::lift(&format!(
        "
        //- boathook.toml
        hooks.fetches.grants.fetch = {grants}
        {more}
        //- hooks
        fetches
        sleeps
        ",
    ))
}

/// What the hook says of a fetch by GET.
#[track_caller]
fn fetched(app: &mut App, url: &str, more: &str) -> (u16, String) {
    let response = app.ask("GET", &format!("/fetches?url={url}{more}"));
    (response.status, response.text())
}

/// Asks for a fetch that fails, with this code and this in its message.
#[track_caller]
fn refused(app: &mut App, url: &str, code: &str, said: &str) {
    let (status, text) = fetched(app, url, "");
    assert_eq!(status, 400, "{text}");
    assert!(text.contains(&format!("\"code\":\"{code}\"")) && text.contains(said), "{text}");
}

#[test]
fn a_hook_fetches_what_is_granted_with_method_headers_and_body() {
    let upstream = Upstream::start().address;
    check(&format!(
        "
        //- boathook.toml
        hooks.fetches.grants.fetch = [\"http://{upstream}\"]
        //- hooks
        fetches
        //- GET /fetches?url=http://{upstream}/a/b?c
        send-x-own: 7
        //- 200
        content-type: application/json; charset=utf-8

        ...\"status\":200
        ...GET /a/b?c
        ...x-own: 7
        //- POST /fetches?url=http://{upstream}/
        send-x-answer-status: 404

        some text
        //- 200

        ...\"status\":404
        ...POST /
        ...content-length: 9
        ...some text
        ",
    ));
}

#[test]
fn what_is_not_granted_is_an_error_with_the_line_to_add() {
    check(
        "
        //- hooks
        fetches
        //- GET /fetches?url=https://api.example.com/x
        //- 400

        ...\"code\":\"E_NOT_GRANTED\"
        ...hook `fetches` has no grant to fetch from https://api.example.com
        ...hint: add `grants = { fetch = [\\\"https://api.example.com\\\"] }` to `[hooks.fetches]`
        ",
    );
    let remote = Remote::start(Way::Silence);
    let grant = format!("[{{ url = \"http://{}\", methods = [\"GET\"] }}]", remote.address);
    let mut app = app(&grant, "");
    let response = app.ask("POST", &format!("/fetches?url=http://{}", remote.address));
    assert!(response.text().contains("by `POST`, but by `GET`"), "{}", response.text());
    assert_eq!(remote.requests(), 0);
}

#[test]
fn a_name_that_leads_to_this_machine_is_refused_unless_it_is_granted() {
    let remote = Remote::start(Way::Silence);
    let port = remote.address.port();
    let url = format!("http://localhost:{port}/");
    let mut app = app(&format!("[\"http://*:{port}\"]"), "");
    refused(&mut app, &url, "E_FETCH_REFUSED", "127.0.0.1 (loopback)");
    for literal in ["127.0.0.1", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"] {
        refused(
            &mut app,
            &format!("http://{literal}:{port}/"),
            "E_FETCH_REFUSED",
            "private = true",
        );
    }
    assert_eq!(remote.requests(), 0);
}

#[test]
fn a_redirect_to_a_private_address_or_to_where_nothing_is_granted_is_refused() {
    let inner =
        Remote::start(Way::Says("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".into()));
    let to_inner = Remote::redirecting(&format!("http://localhost:{}/", inner.address.port()));
    let elsewhere = Remote::redirecting("http://10.0.0.1/");
    let grants = format!(
        "[\"http://{}\", \"http://{}\", \"http://*:{}\"]",
        to_inner.address,
        elsewhere.address,
        inner.address.port()
    );
    let mut app = app(&grants, "");
    let follow = |app: &mut App, remote: &Remote| {
        fetched(app, &format!("http://{}", remote.address), "&redirects=3").1
    };
    let text = follow(&mut app, &to_inner);
    assert!(text.contains("E_FETCH_REFUSED") && text.contains("localhost"), "{text}");
    let text = follow(&mut app, &elsewhere);
    assert!(text.contains("E_NOT_GRANTED") && text.contains("http://10.0.0.1"), "{text}");
    assert_eq!(inner.requests(), 0);
    // Not asked for, a redirect is an answer like any other.
    let (status, text) = fetched(&mut app, &format!("http://{}", to_inner.address), "");
    assert!(status == 200 && text.contains("\"status\":302"), "{text}");
}

#[test]
fn who_redirects_for_ever_is_followed_only_so_often() {
    let round = Remote::redirecting("/");
    let mut app = app(&format!("[\"http://{}\"]", round.address), "");
    let (_, text) = fetched(&mut app, &format!("http://{}", round.address), "&redirects=3");
    assert!(text.contains("E_FETCH_FAILED") && text.contains("more than 3 redirects"), "{text}");
    assert_eq!(round.requests(), 4);
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_origin() {
    let upstream = Upstream::start().address;
    let first = Remote::redirecting(&format!("http://{upstream}/end"));
    let grants = format!("[\"http://{upstream}\", \"http://{}\"]", first.address);
    let mut app = app(&grants, "");
    let headers =
        ["send-authorization: Bearer t", "send-cookie: a=b", "send-x-own: 7"].map(str::to_owned);
    let target = format!("/fetches?url=http://{}&redirects=1", first.address);
    let text = app.send("GET", &target, &headers, "").text();
    assert!(text.contains("x-own: 7") && text.contains("/end"), "{text}");
    assert!(!text.contains("Bearer") && !text.contains("cookie"), "{text}");
}

#[test]
fn two_gigabytes_are_cut_at_the_limit_and_never_gathered() {
    let told = Remote::start(Way::Endless("content-length: 2147483648"));
    let chunked = Remote::start(Way::Endless("transfer-encoding: chunked"));
    let grants = format!("[\"http://{}\", \"http://{}\"]", told.address, chunked.address);
    let mut app = app(&grants, "");
    let before = app.memory_kib();
    for remote in [&told, &chunked] {
        let url = format!("http://{}", remote.address);
        refused(&mut app, &url, "E_BODY_TOO_LARGE", "over `limits.body` of 1MiB");
        let response = app.ask("GET", &format!("/fetches/returned?url={url}"));
        // The client has done nothing wrong.
        assert_eq!(response.status, 502, "{}", response.text());
        assert!(remote.written() < 64 << 20, "{}", remote.written());
    }
    assert!(app.memory_kib() < before + (64 << 10), "{before} {}", app.memory_kib());
}

#[test]
fn who_never_answers_is_given_up_before_the_call_is() {
    let silent = Remote::start(Way::Silence);
    let grants = format!("[\"http://{}\"]", silent.address);
    let mut app = app(&grants, "hooks.fetches.limits.wall = \"1s\"");
    let url = format!("http://{}", silent.address);
    refused(&mut app, &url, "E_FETCH_TIMEOUT", "no answer came within 900.0ms");
    let (_, text) = fetched(&mut app, &url, "&timeout=50");
    assert!(text.contains("E_FETCH_TIMEOUT") && text.contains("within 50.0ms"), "{text}");
    assert_eq!(app.ask("GET", &format!("/fetches/returned?url={url}")).status, 504);
    app.check("//- GET /fetches/nothing\n//- 200\n//- not in log\nE_HOOK_TIMEOUT");
}

#[test]
fn who_breaks_off_or_speaks_no_http_is_an_error() {
    let half = Way::Says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".into());
    let (half, noise) = (Remote::start(half), Remote::start(Way::Says("\0\0hello\r\n\r\n".into())));
    let grants = format!("[\"http://{}\", \"http://{}\"]", half.address, noise.address);
    let mut app = app(&grants, "");
    let url = format!("http://{}", half.address);
    refused(&mut app, &url, "E_FETCH_FAILED", "the body broke off");
    assert_eq!(app.ask("GET", &format!("/fetches/returned?url={url}")).status, 502);
    refused(&mut app, &format!("http://{}", noise.address), "E_FETCH_FAILED", "HTTP");
}

#[test]
fn a_call_fetches_only_so_often() {
    let upstream = Upstream::start().address;
    let limits = "hooks.fetches.limits.fetches = 3\nadmin.listen = \"127.0.0.1:0\"";
    let mut app = app(&format!("[\"http://{upstream}\"]"), limits);
    for _ in 0..2 {
        app.check(&format!(
            "
            //- GET /fetches/times?times=3&url=http://{upstream}/
            //- 200

            {{\"done\":3}}
            //- GET /fetches/times?times=4&url=http://{upstream}/
            //- 400

            {{\"code\":\"E_FETCH_LIMIT\",\"done\":3}}
            ",
        ));
    }
    let admin = app.admin().expect("it has an admin listener");
    let metrics = Client::connect(admin).ask("GET", "/metrics").text();
    assert!(metrics.contains("boathook_hook_fetches_total{hook=\"fetches\"} 12"), "{metrics}");
    assert!(
        metrics.contains("boathook_hook_fetches_failed_total{hook=\"fetches\"} 2"),
        "{metrics}"
    );
}

#[test]
fn while_a_hundred_requests_wait_for_an_answer_others_are_served() {
    const WAITING: usize = 100;
    let silent = Remote::start(Way::Silence);
    let limits = format!(
        "hooks.fetches.limits = {{ instances = {WAITING}, wall = \"60s\" }}\nlimits.exchange = \"60s\""
    );
    let mut app = app(&format!("[\"http://{}\"]", silent.address), &limits);
    let address = app.address().expect("it listens");
    let target = format!("/fetches?url=http://{}", silent.address);
    let waiting: Vec<Client> = (0..WAITING)
        .map(|_| {
            let mut client = Client::connect(address);
            client.request("GET", &target, &[], b"");
            client
        })
        .collect();
    let since = std::time::Instant::now();
    while silent.requests() < WAITING {
        assert!(since.elapsed() < PATIENCE, "only {} arrived", silent.requests());
        std::thread::yield_now();
    }
    let mut other = Client::connect(address);
    for _ in 0..100 {
        assert_eq!(other.ask("GET", "/sleeps?ms=0").status, 200);
    }
    drop(waiting);
}

#[test]
fn https_believes_a_root_that_the_operator_names_and_speaks_http2_where_it_can() {
    for (alpn, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1")] {
        let secure = Secure::start(alpn);
        let port = secure.address.port();
        check(&format!(
            "
            //- boathook.toml
            hooks.fetches.grants.fetch = [\"https://localhost:{port}\"]
            fetch.ca_file = \"ca.pem\"
            //- ca.pem
            {}
            //- hooks
            fetches
            //- GET /fetches?url=https://localhost:{port}/
            //- 200

            ...\"text\":\"by {version}\"
            ",
            secure.certificate.trim_end().replace('\n', "\n            "),
        ));
    }
}

#[test]
fn https_with_an_unknown_certificate_is_refused() {
    let secure = Secure::start(&["h2"]);
    let url = format!("https://localhost:{}", secure.address.port());
    let mut app = app(&format!("[\"{url}\"]"), "");
    refused(&mut app, &url, "E_FETCH_FAILED", "UnknownIssuer");
}

#[test]
fn what_is_wrong_with_grants_and_roots_is_told_before_anything_runs() {
    check(
        "
        //- boathook.toml
        hooks.fetches.grants.fetch = [\"api.example.com\"]
        fetch.ca_file = \"none.pem\"
        //- hooks
        fetches
        //- fails
        boathook.toml:1: `hooks.fetches.grants.fetch`: `api.example.com`: relative URL without a base
        none.pem: cannot read certificates
        ",
    );
}

#[test]
fn a_hook_that_fetched_before_it_was_loaded_gets_no_snapshot() {
    let fixture = |replay: &str| {
        format!(
            "
            //- boathook.toml
            hooks.fetches = {{ mode = \"fresh\", {replay} grants = {{ fetch = [\"http://{{upstream}}\"] }} }}
            fetches.at-start = \"http://{{upstream}}/start\"
            //- hooks
            fetches
            "
        )
    };
    check(&format!(
        "{}
            //- fails
            it fetched from another server before it was loaded
            ",
        fixture("").trim_end()
    ));
    App::lift(&fixture("replay = true,")).check(
        "
        //- GET /fetches/at-start
        //- 200

        ...GET /start
        ",
    );
}

#[test]
fn the_sample_asks_stripe_and_says_what_came_of_it() {
    let said = "{\"livemode\":true}";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
    let stripe = Remote::start(Way::Says(head)).address;
    let fixture = |grants: &str| {
        format!(
            "
            //- boathook.toml
            {grants}
            stripe-config.api = \"http://{stripe}\"
            custom = {{ stripeSecret = \"s\", stripePublishableKey = \"pk\" }}
            //- hooks
            billing-check
            stripe-config
            "
        )
    };
    App::lift(&fixture(&format!("hooks.stripe-config.grants.fetch = [\"http://{stripe}\"]")))
        .check(
            "
        //- GET /billing
        //- 200

        {\"enabled\":true,\"live\":true,\"publishableKey\":\"pk\"}
        ",
        );
    let without = fixture("");
    check(&format!(
        "{}
            //- fails
            hook `stripe-config`: load: it asks for the grant `fetch`, and has it not
            hint: add `grants = {{ fetch = [\"https://api.stripe.com\"] }}` to `[hooks.stripe-config]`
            ",
        without.trim_end()
    ));
}

/// The same by a library that knows `wasi:http` alone.
mod by_wasi {
    use super::*;

    fn app(grants: &str, more: &str) -> App {
        App::lift(&format!(
            "
            //- boathook.toml
            hooks.fetches-by-wasi.grants.fetch = {grants}
            {more}
            //- hooks
            fetches-by-wasi
            sleeps
            ",
        ))
    }

    #[track_caller]
    fn failed(app: &mut App, url: &str, code: &str) {
        let response = app.ask("GET", &format!("/fetches-by-wasi?url={url}"));
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.text().contains(code), "{}", response.text());
    }

    #[test]
    fn a_library_fetches_what_is_granted() {
        let upstream = Upstream::start().address;
        let mut app = app(&format!("[\"http://{upstream}\"]"), "");
        app.check(&format!(
            "
            //- GET /fetches-by-wasi?url=http://{upstream}/a?b
            //- 200

            ...\"status\":200
            ...GET /a?b
            ...x-own: 1
            //- POST /fetches-by-wasi?url=http://{upstream}/

            some text
            //- 200

            ...POST /
            ...some text
            ",
        ));
        // The library writes a body for every request, and a GET with an empty one is one without.
        let text = app.ask("GET", &format!("/fetches-by-wasi?url=http://{upstream}/")).text();
        assert!(!text.contains("transfer-encoding"), "{text}");
    }

    #[test]
    fn a_library_is_refused_what_is_not_granted_or_private() {
        let remote = Remote::start(Way::Silence);
        let port = remote.address.port();
        let mut app = app(&format!("[\"http://*:{port}\"]"), "");
        failed(&mut app, "http://example.com/", "HttpRequestDenied");
        failed(&mut app, &format!("http://localhost:{port}/"), "DestinationIpProhibited");
        failed(&mut app, &format!("http://127.0.0.1:{port}/"), "DestinationIpProhibited");
        assert_eq!(remote.requests(), 0);
    }

    #[test]
    fn a_library_is_held_to_the_limits() {
        let silent = Remote::start(Way::Silence);
        let endless = Remote::start(Way::Endless("transfer-encoding: chunked"));
        let grants = format!("[\"http://{}\", \"http://{}\"]", silent.address, endless.address);
        let limits = "hooks.fetches-by-wasi.limits = { fetches = 2 }";
        let mut app = app(&grants, limits);
        let url = format!("http://{}&timeout=100", silent.address);
        failed(&mut app, &url, "ConnectionReadTimeout");
        failed(
            &mut app,
            &format!("http://{}", endless.address),
            "response body size exceeds limit",
        );
        assert!(endless.written() < 64 << 20, "{}", endless.written());
        let url = format!("http://{}&times=3", endless.address);
        failed(&mut app, &url, "ConnectionLimitReached");
        assert_eq!(app.ask("GET", "/sleeps?ms=0").status, 200);
    }
}
