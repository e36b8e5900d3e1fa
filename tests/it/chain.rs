//! The chain of one exchange: who comes when, what they can change, and who wins.

use crate::harness::{App, check};

#[test]
fn before_then_the_apps_own_route_then_after() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"GET /foo\"
        hook = \"letters\"
        action = \"letters/b\"
        //- hooks
        letters
        //- GET /foo
        //- 200

        abc
        //- GET /FOO/
        //- 200

        abc
        ",
    );
}

#[test]
fn several_hooks_take_their_turn_in_hook_order() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"GET /foo\"
        hook = \"b\"
        action = \"letters/b\"
        //- hooks
        a: letters; after = [\"b\"]
        b: letters
        //- GET /foo
        //- 200

        aabc
        ",
    );
}

#[test]
fn next_goes_on_and_keeps_status_and_headers_but_drops_the_body() {
    check(
        "
        //- hooks
        outcomes
        //- GET /pair?end=next
        //- 202
        x-first: 1
        x-second: 1
        content-length: 0

        ",
    );
}

#[test]
fn next_route_passes_over_the_other_handlers_of_this_binding_alone() {
    check(
        "
        //- hooks
        outcomes
        //- GET /pair?end=next-route
        //- 202
        x-first: 1
        -x-second
        ",
    );
}

#[test]
fn respond_ends_the_chain_with_what_stands_in_the_response() {
    check(
        "
        //- hooks
        outcomes
        //- GET /pair?end=respond
        //- 200
        x-first: 1
        -x-second

        dropped unless it responds
        ",
    );
}

const UPSTREAM: &str = "
    //- boathook.toml
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    ";

#[test]
fn the_targets_status_and_headers_win_over_what_hooks_set_and_cookies_add() {
    App::lift(&format!("{UPSTREAM}//- hooks\n    decorates")).check(
        "
        //- GET /x
        x-answer-header: X-Who=upstream
        x-answer-header: Set-Cookie=by=upstream
        x-answer-body: the upstream's
        //- 200
        x-who: upstream
        x-hook: 1
        set-cookie: by=hook
        set-cookie: by=upstream

        the upstream's
        //- GET /x
        x-answer-status: 418
        //- 418
        x-who: hook
        ",
    );
}

#[test]
fn headers_that_hooks_set_stay_on_a_404() {
    check(
        "
        //- hooks
        decorates
        //- GET /nowhere
        //- 404
        x-who: hook
        set-cookie: by=hook

        ...Not Found
        ",
    );
}

#[test]
fn a_fixed_response_a_redirect_and_a_folder_answer_too() {
    check(
        "
        //- boathook.toml
        routes = [
            { address = \"GET /fixed\", respond = { status = 203, headers = { x-a = \"1\" }, body = { b = 2 } } },
            { address = \"GET /old\", redirect = \"/new\", status = 301 },
            { address = \"GET /*\", directory = \"public\" },
        ]
        //- public/a.txt
        the file
        //- hooks
        hello
        //- GET /fixed
        //- 203
        x-a: 1
        content-type: application/json; charset=utf-8

        {\"b\":2}
        //- GET /old
        //- 301
        location: /new
        //- GET /a.txt
        //- 200
        content-type: text/plain; charset=utf-8

        the file
        //- GET /hello
        //- 200

        Hello from a hook!
        //- GET /b.txt
        //- 404
        ",
    );
}

#[test]
fn a_hook_changes_the_request_for_what_follows() {
    App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites")).check(
        "
        //- GET /before?q=1
        x-set-path: /behind
        //- 200

        ...GET /behind?q=1
        //- GET /before?q=1
        x-set-query: r=2
        //- 200

        ...GET /before?r=2
        //- GET /before
        x-set-header: X-User=Ada
        x-unset-header: x-secret
        x-secret: s3cret
        //- 200

        ...x-user: Ada
        //- POST /before
        x-set-body: another body

        the first body
        //- 200

        ...content-length: 12
        ...another body
        ",
    );
    let mut app = App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites"));
    let headers = ["x-unset-header: x-secret".into(), "x-secret: s3cret".into()];
    let text = app.send("GET", "/x", &headers, "").text();
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_hook_cannot_break_the_request_s_framing_nor_its_path() {
    let mut app = App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites"));
    for header in [
        "x-set-header: content-length=3",
        "x-set-header: transfer-encoding=chunked",
        "x-set-header: connection=upgrade",
        "x-set-header: bad name=1",
        "x-set-path: no-slash",
        "x-set-path: /a/../b",
        "x-set-path: /a?b",
        "x-set-query: a#b",
    ] {
        let response = app.send("GET", "/x", &[header.into()], "");
        assert_eq!(response.status, 502, "{header}: {}", response.text());
        assert!(response.text().contains("E_HOOK_BAD_RESPONSE"), "{header}: {}", response.text());
    }
    assert_eq!(app.upstream().seen(), Vec::<String>::new());
}

#[test]
fn after_a_change_of_path_what_follows_is_matched_anew() {
    check(
        "
        //- boathook.toml
        routes = [{ address = \"GET /new/:id\", respond = { body = \"new\" } }]
        //- hooks
        letters
        rewrites
        guards: guards; after = [\"rewrites\"]
        //- GET /old
        x-set-path: /new/7
        //- 200

        new
        //- GET /old
        x-set-path: /admin/secret
        //- 401
        ",
    );
}

#[test]
fn a_hook_sees_the_whole_request() {
    check(
        "
        //- hooks
        echoes
        //- POST /echoes?a=1&b=%20
        cookie: one=1; two=%20x
        x: y
        x: z

        the body
        //- 200

        ...\"method\":\"POST\"
        ...\"path\":\"/echoes\"
        ...\"query\":\"a=1&b=%20\"
        ...\"ip\":\"127.0.0.1\"
        ...\"protocol\":\"http\"
        ...\"cookies\":[[\"one\",\"1\"],[\"two\",\" x\"]]
        ...\"x\":\"y, z\"
        ...\"body\":\"the body\"
        ...\"locals\":{}
        ",
    );
}

#[test]
fn a_request_without_anything_has_empty_values_and_no_missing_ones() {
    check(
        "
        //- hooks
        echoes
        //- GET /echoes
        //- 200

        {\"method\":\"GET\",\"path\":\"/echoes\",\"query\":\"\",\"params\":[],\"ip\":\"127.0.0.1\",\"protocol\":\"http\",\"cookies\":[],\"options\":{\"own\":1},\"locals\":{},\"x\":null,\"body\":\"\"}
        ",
    );
}

#[test]
fn x_forwarded_for_counts_only_where_the_peer_is_trusted() {
    let ask = |trust: &str, expected: &str| {
        check(&format!(
            "
            //- boathook.toml
            trust_proxy = {trust}
            //- hooks
            echoes
            //- GET /echoes
            x-forwarded-for: 203.0.113.7
            x-forwarded-proto: https
            //- 200

            ...\"ip\":\"{expected}\"
            "
        ));
    };
    ask("false", "127.0.0.1");
    ask("true", "203.0.113.7");
    ask("['127.0.0.0/8']", "203.0.113.7");
    ask("['10.0.0.0/8']", "127.0.0.1");
}

#[test]
fn a_routing_alone_is_a_hook_and_so_is_a_lifecycle_and_so_is_nothing() {
    check(
        "
        //- hooks
        empty
        lifecycle-only
        routing-only
        show-config
        //- stdout
        hooks in order: empty, lifecycle-only, routing-only, show-config
        //- GET /routing-only
        //- 200

        \"routing is enough\"
        //- GET /config?path=custom.lifecycle
        //- 200

        \"is enough\"
        //- stop
        ",
    );
}
