//! Hooks that misbehave before the first request: the lift fails with 1, in time, and says which hook it
//! was, in which phase, and at which limit; hooks that had loaded are lowered.

use crate::harness::{App, Fixture, check};

/// Has `m` misbehave in this phase and in this way, between two hooks that do not.
#[track_caller]
fn fails(phase: &str, how: &str, said: &str) {
    check(&format!(
        "
        //- boathook.toml
        hook_timeout = \"10s\"
        limits.memory = \"64MiB\"
        m = {{ in = \"{phase}\", how = \"{how}\" }}
        //- hooks
        a: trace
        m: misbehave
        z: trace
        //- fails
        error: hook `m`: {said}
        "
    ));
}

#[test]
fn one_that_spins_in_its_start_function() {
    check(
        "
        //- boathook.toml
        hooks.start-spins.limits.start = \"300ms\"
        //- hooks
        a: trace
        start-spins
        z: trace
        //- fails
        error: hook `start-spins`: start: start limit of 300ms reached
        //- not in log
        defaults hook=
        ",
    );
}

#[test]
fn one_that_spins_in_its_lifecycle_and_those_that_had_loaded_are_lowered() {
    let mut app = App::start(&Fixture::parse(
        "
        //- boathook.toml
        m = { in = \"initialize\", how = \"spin\", _hookTimeout = 300 }
        //- hooks
        a: trace
        m: misbehave
        ",
    ));
    assert_eq!(app.exit().code(), Some(1));
    app.log(&["a hook loaded successfully", "lower hook=a"]);
    app.log(&["error: hook `m`: initialize: E_HOOK_TIMEOUT: time limit of 300ms reached"]);
}

#[test]
fn one_that_takes_memory_without_end_in_its_lifecycle() {
    for phase in ["defaults", "configure", "initialize", "routes"] {
        fails(phase, "grow", &format!("{phase}: memory limit of 64MiB reached"));
    }
}

#[test]
fn one_that_ends_the_process_as_it_thinks_in_its_lifecycle() {
    for phase in ["defaults", "initialize"] {
        fails(phase, "exit", &format!("{phase}: Exited with i32 exit status 0"));
    }
}

#[test]
fn one_whose_defaults_are_too_large() {
    let large = "defaults: more than the 1MiB that a hook may add to the configuration";
    fails("defaults", "large", large);
    let huge = "defaults: limit of 4MiB handed to the server at once reached";
    fails("defaults", "huge", huge);
}

#[test]
fn one_whose_defaults_are_too_deep() {
    fails("defaults", "deep", "defaults: returned invalid JSON: recursion limit exceeded");
}

#[test]
fn one_with_more_routes_than_it_can_hand_over() {
    fails("routes", "many", "routes: limit of 4MiB handed to the server at once reached");
}

#[test]
fn one_with_a_hundred_thousand_routes_that_its_operator_allows() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.m.limits = { body = \"8MiB\", memory = \"256MiB\" }
        m = { in = \"routes\", how = \"many\" }
        //- hooks
        m: misbehave
        hello
        ",
    );
    assert_eq!(app.ask("GET", "/many/0").status, 200);
    assert_eq!(app.ask("GET", "/many/99999").status, 200);
    assert_eq!(app.ask("GET", "/many/100000").status, 404);
    assert_eq!(app.ask("GET", "/hello").text(), "Hello from a hook!\n");
    app.stop();
}
