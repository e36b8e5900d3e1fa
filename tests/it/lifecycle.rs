//! The lifecycle: its order, its barriers, and what happens when a hook fails in it.

use crate::harness::{App, check};

#[test]
fn no_phase_begins_before_the_one_ahead_has_ended_for_every_hook() {
    check(
        "
        //- hooks
        a: trace
        b: trace
        c: trace
        //- stdout
        hooks in order: a, b, c
        listening on http://127.0.0.1:
        //- log
        defaults hook=a
        defaults hook=b
        defaults hook=c
        configure hook=a
        configure hook=b
        configure hook=c
        initialize hook=a
        //- log
        configure hook=c
        initialize hook=b
        //- log
        configure hook=c
        initialize hook=c
        ",
    );
}

#[test]
fn a_stop_lowers_all_hooks_once_and_in_reverse_order() {
    let mut app = App::lift(
        "
        //- hooks
        a: trace
        b: trace; after = [\"c\"]
        c: trace
        ",
    );
    app.stop();
    app.log(&["lower hook=b", "lower hook=c", "lower hook=a"]);
    assert_eq!(app.logged("info: lower "), 3);
}

#[test]
fn a_hook_initializes_once_all_that_it_comes_after_have_loaded() {
    check(
        "
        //- hooks
        a: trace; after = [\"c\"]
        b: trace; after = [\"a\"]
        c: trace
        //- stdout
        hooks in order: c, a, b
        //- log
        initialize hook=c
        c hook loaded successfully. (
        initialize hook=a
        a hook loaded successfully. (
        initialize hook=b
        b hook loaded successfully. (
        ",
    );
}

#[test]
fn hooks_initialize_at_the_same_time() {
    // Each waits for what the other fires in the middle of its own `initialize`.
    check(
        "
        //- boathook.toml
        a = { emit = [\"hook:a:half\"], wait = [\"hook:b:half\"] }
        b = { emit = [\"hook:b:half\"], wait = [\"hook:a:half\"] }
        //- hooks
        a: wait-for
        b: wait-for
        //- log
        goes on hook=a
        //- log
        goes on hook=b
        ",
    );
}

/// A hook `m` that fails in a phase, beside two well-behaved ones.
#[track_caller]
fn misbehaving(phase: &str, how: &str, expected: &str) {
    check(&format!(
        "
        //- boathook.toml
        hook_timeout = \"300ms\"
        m = {{ in = \"{phase}\", how = \"{how}\" }}
        //- hooks
        a: trace
        m: misbehave
        z: trace
        //- fails
        {expected}
        //- not in log
        panicked at runtime
        lowered
        "
    ));
}

#[test]
fn an_error_in_defaults_fails_the_lift_and_names_hook_and_phase() {
    misbehaving("defaults", "error", "error: hook `m`: defaults: returned an error: out of luck");
}

#[test]
fn an_error_in_configure_fails_the_lift_and_names_hook_and_phase() {
    misbehaving("configure", "error", "error: hook `m`: configure: returned an error: out of luck");
}

#[test]
fn an_error_in_initialize_fails_the_lift_and_names_hook_and_phase() {
    misbehaving(
        "initialize",
        "error",
        "error: hook `m`: initialize: returned an error: out of luck",
    );
}

#[test]
fn an_error_in_routes_fails_the_lift_and_names_hook_and_phase() {
    misbehaving(
        "routes",
        "error",
        "error: hook `m`: routes: returned an error: routes: `read_body`",
    );
}

#[test]
fn a_trap_in_any_phase_fails_the_lift_and_names_hook_and_phase() {
    for phase in ["defaults", "configure", "initialize", "routes"] {
        let expected = format!("error: hook `m`: {phase}: trap: wasm `unreachable` instruction");
        misbehaving(phase, "trap", &expected);
    }
}

#[test]
fn a_phase_that_never_ends_fails_the_lift_and_names_hook_and_phase() {
    for phase in ["defaults", "configure", "initialize", "routes"] {
        for how in ["spin", "sleep"] {
            misbehaving(phase, how, &format!("error: hook `m`: {phase}: E_HOOK_TIMEOUT: "));
        }
    }
}

#[test]
fn the_panic_message_of_a_hook_is_in_the_log() {
    misbehaving("initialize", "trap", "out of luck hook=m");
}

#[test]
fn a_failed_lift_lowers_the_hooks_that_had_loaded_and_no_others() {
    let mut app = App::start(&crate::harness::Fixture::parse(
        "
        //- boathook.toml
        m = { in = \"initialize\", how = \"error\" }
        //- hooks
        a: trace
        b: trace
        m: misbehave; after = [\"a\", \"b\"]
        z: trace; after = [\"m\"]
        ",
    ));
    assert_eq!(app.exit().code(), Some(1));
    app.log(&["lower hook=b", "lower hook=a"]);
    assert_eq!(app.logged("lower hook="), 2, "{}", app.log_text());
    assert_eq!(app.logged("initialize hook=z"), 0);
}

#[test]
fn a_hook_that_fails_to_lower_stops_nobody_elses_lowering() {
    for how in ["error", "trap", "spin", "sleep"] {
        let mut app = App::lift(&format!(
            "
            //- boathook.toml
            hook_timeout = \"300ms\"
            m = {{ in = \"lower\", how = \"{how}\" }}
            //- hooks
            a: trace
            m: misbehave
            z: trace
            "
        ));
        app.stop();
        app.log(&["lower hook=z", "error: hook `m`: lower: ", "lower hook=a"]);
    }
}

#[test]
fn the_timeout_of_initialize_says_which_limit_it_was_and_where_that_was_set() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"250ms\"
        m = { in = \"initialize\", how = \"sleep\" }
        //- hooks
        m: misbehave
        //- fails
        error: hook `m`: initialize: E_HOOK_TIMEOUT: time limit of 250ms reached: its time of 250ms was set by boathook.toml:1
        hint: set `hook_timeout` higher, or for `initialize` `m._hookTimeout` (milliseconds)
        ",
    );
}

#[test]
fn a_hooks_own_hook_timeout_goes_over_the_servers() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        [m]
        in = \"initialize\"
        how = \"spin\"
        _hookTimeout = 200
        //- hooks
        m: misbehave
        //- fails
        of 200ms reached: its time of 200ms was set by boathook.toml:5
        ",
    );
}

#[test]
fn a_hook_timeout_that_is_no_positive_number_is_refused() {
    for value in ["0", "-1", "1.5", "\"soon\"", "[]"] {
        check(&format!(
            "
            //- boathook.toml
            [a]
            _hookTimeout = {value}
            //- hooks
            a: trace
            //- fails
            boathook.toml:2: `a._hookTimeout` must be a positive whole number of milliseconds: found
            "
        ));
    }
}

#[test]
fn getters_of_an_exchange_trap_in_the_lifecycle_and_setters_return_an_error() {
    check(
        "
        //- hooks
        no-exchange
        //- fails
        hook `no-exchange`: initialize: `request.path` was called where there is no exchange
        ",
    );
    check(
        "
        //- boathook.toml
        no-exchange.set = true
        //- hooks
        no-exchange
        //- fails
        hook `no-exchange`: initialize: returned an error: `response.set-status` was called where there is no exchange
        ",
    );
}

#[test]
fn the_sample_hooks_lift_together() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.page-views.grants = { kv = [\"views\"], tasks = true }
        //- hooks
        billing-check
        custom-data
        greeter
        hello
        my-api
        needs-orm
        orm
        page-views
        rate-limit
        security-headers
        shout
        ",
    );
    app.log(&["models [\"order\", \"user\"], abc Some(123)"]);
    let response = app.ask("GET", "/greet/Ada");
    assert_eq!((response.status, response.text().as_str()), (200, "Hi, Ada!\n"));
    assert_eq!(response.header("x-frame-options"), Some("SAMEORIGIN"));
    for _ in 0..100 {
        assert_eq!(app.ask("POST", "/nowhere").status, 404);
    }
    let response = app.ask("POST", "/nowhere");
    assert_eq!(response.status, 429);
    assert_eq!(response.text(), r#"{"error":"Too many requests"}"#);
    app.stop();
}
