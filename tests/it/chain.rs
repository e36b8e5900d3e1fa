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
