//! What becomes of requests whose hook fails: skipped, kept from it, or with a new instance each.

use crate::harness::{App, check};

const SKIP: &str = "
    //- boathook.toml
    hooks.half-done.on_failure = \"skip\"
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    //- hooks
    half-done
    ";

#[test]
fn a_skipped_hook_leaves_nothing_half_done() {
    App::lift(SKIP).check(
        "
        //- POST /x?a=b

        the whole body
        //- 200

        ... POST /x?a=b
        ... the whole body
        //- log
        hook `half-done`: handle-route: trap
        ",
    );
}

#[test]
fn what_a_skipped_hook_told_the_request_does_not_reach_the_target() {
    let mut app = App::lift(SKIP);
    let response = app.ask("GET", "/x");
    assert_eq!(response.status, 200);
    let echoed = String::from_utf8_lossy(&response.body);
    assert!(!echoed.contains("x-half"), "{echoed}");
}

#[test]
fn a_skipped_hook_that_returns_a_5xx_has_failed_and_one_that_returns_a_4xx_has_answered() {
    App::lift(SKIP).check(
        "
        //- GET /x
        x-fail: 500
        //- 200

        ... GET /x
        //- GET /x
        x-fail: 403
        //- 403
        ",
    );
}

#[test]
fn a_hook_that_always_fails_is_not_called_any_more_and_its_neighbours_are() {
    let mut app = App::lift(
        "
        //- hooks
        panics
        letters
        ",
    );
    for _ in 0..10 {
        app.check("//- GET /panics\n//- 500");
    }
    app.check(
        "
        //- GET /panics
        //- 503
        retry-after: 1

        ... E_HOOK_BROKEN
        //- log
        its breaker is open for 1s
        ",
    );
}

#[test]
fn fuel_is_counted_and_ends_a_call() {
    App::lift(
        "
        //- boathook.toml
        hooks.spins.limits = { fuel = 10_000_000, cpu = \"60s\", wall = \"60s\" }
        //- hooks
        spins
        ",
    )
    .check(
        "
        //- GET /spins?ms=0
        //- 200
        //- GET /spins
        //- 504

        ... E_HOOK_FUEL
        ... fuel limit of 10000000 reached
        ",
    );
}

#[test]
fn fresh_remembers_nothing() {
    check(
        "
        //- boathook.toml
        hooks.counts.mode = \"fresh\"
        //- hooks
        counts
        //- GET /counts
        //- 200

        1
        //- GET /counts
        //- 200

        1
        ",
    );
}

#[test]
fn a_single_hook_that_is_lowered_has_not_been_restarted() {
    check(
        "
        //- boathook.toml
        hooks.counts.mode = \"single\"
        //- hooks
        counts
        //- GET /counts
        //- 200
        //- stop
        //- not in log
        lost its instance
        ",
    );
}

#[test]
fn an_observer_finds_the_params_of_its_own_route() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"/*\"
        respond = { status = 200 }
        //- hooks
        observes-param
        //- GET /users/7
        //- 200
        x-id: 7
        ",
    );
}

#[test]
fn a_client_cannot_take_away_a_header_that_a_hook_sets_for_the_upstream() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"/*\"
        upstream = \"http://{upstream}\"
        //- hooks
        rewrites
        //- GET /x
        connection: close, x-user
        x-set-header: x-user=alice
        //- 200

        ... x-user: alice
        ",
    );
}
