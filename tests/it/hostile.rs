//! Hooks that misbehave in a request, each in its own way: their clients get an error with a code, the
//! log names hook, phase and cause, their neighbours notice nothing, and nothing is left behind.
//!
//! What takes more than one kind of request to show is in `hostile_more.rs`, what goes wrong before the
//! first request in `hostile_lift.rs`.

use crate::harness::{HOSTILE_REQUESTS, Hostile, PATIENT};

#[test]
fn one_that_spins() {
    Hostile::new("spins", &["/spins"], "/spins?ms=0")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `spins`: handle-route: cpu limit of 50ms reached")
        .is_contained();
}

#[test]
fn one_that_spins_when_the_host_asks_it_for_memory() {
    Hostile::new("spins-in-realloc", &["/spins-in-realloc/path"], "/spins-in-realloc")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `spins-in-realloc`: handle-route: cpu limit of 50ms reached")
        .is_contained();
}

#[test]
fn one_that_spins_on_the_way_back() {
    Hostile::new("spins-later", &["/later/response"], "/later/never")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `spins-later`: handle-response: cpu limit of 50ms reached")
        .is_contained();
}

#[test]
fn one_that_spins_when_the_answer_is_out_or_an_event_comes() {
    Hostile::new("spins-later", &["/later/finish", "/later/event"], "/later/never")
        .gets(200, "")
        .fails_later("cpu limit of 50ms reached")
        .is_contained()
        .log(&[
            "error: hook `spins-later`: handle-finish: cpu limit of 50ms reached",
            "error: hook `spins-later`: handle-event: cpu limit of 50ms reached",
        ]);
}

#[test]
fn one_that_sleeps() {
    Hostile::new("sleeps", &["/sleeps"], "/sleeps?ms=0")
        .settings("hooks.sleeps.limits.wall = \"300ms\"")
        .gets(504, "E_HOOK_TIMEOUT")
        .logs("error: hook `sleeps`: handle-route: wall limit of 300ms reached")
        .is_contained();
}

#[test]
fn one_that_traps() {
    Hostile::new("traps", &["/traps/now"], "/traps")
        .gets(500, "E_HOOK_TRAP")
        .logs("error: hook `traps`: handle-route: trap: wasm `unreachable` instruction executed")
        .is_contained();
}

#[test]
fn one_that_recurses_without_end() {
    Hostile::new("recurses", &["/recurses/down"], "/recurses")
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `recurses`: handle-route: stack limit reached")
        .is_contained();
}

#[test]
fn one_that_takes_memory_without_end() {
    Hostile::new("allocates", &["/allocates/all"], "/allocates")
        .gets(500, "E_HOOK_MEMORY")
        .logs("error: hook `allocates`: handle-route: memory limit of 64MiB reached")
        .is_contained();
}

#[test]
fn one_that_asks_for_two_gibibytes_at_once() {
    Hostile::new("grows-memory", &["/grows?mib=2047"], "/grows?mib=1")
        .gets(500, "E_HOOK_MEMORY")
        .logs("error: hook `grows-memory`: handle-route: memory limit of 64MiB reached")
        .is_contained();
}

#[test]
fn one_that_grows_a_table_without_end() {
    Hostile::new("grows-tables", &["/grows-tables/all"], "/grows-tables")
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `grows-tables`: handle-route: limit of 20000 table elements reached")
        .is_contained();
}

#[test]
fn one_that_keeps_every_handle() {
    let targets = &["/keeps-handles/pollables", "/keeps-handles/own"];
    Hostile::new("keeps-handles", targets, "/keeps-handles")
        .settings(PATIENT)
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `keeps-handles`: handle-route: limit of 1000 handles reached")
        .is_contained();
}

#[test]
fn one_that_answers_what_is_no_answer() {
    let targets = &[
        "/answers-garbage/result",
        "/answers-garbage/outcome",
        "/answers-garbage/pointer",
        "/answers-garbage/odd-pointer",
        "/answers-garbage/text",
        "/answers-garbage/length",
    ];
    let mut app = Hostile::new("answers-garbage", targets, "/answers-garbage")
        .gets(500, "E_HOOK_TRAP")
        .logs("error: hook `answers-garbage`: handle-route: invalid expected discriminant")
        .is_contained();
    for cause in ["unexpected discriminant: 9", "pointer out of", "not aligned", "invalid utf-8"] {
        app.log(&["error: hook `answers-garbage`: handle-route: ", cause]);
    }
}

#[test]
fn one_that_has_the_host_write_beside_its_memory() {
    Hostile::new("misplaces", &["/misplaces/path"], "/misplaces")
        .gets(500, "E_HOOK_TRAP")
        .logs("error: hook `misplaces`: handle-route: ")
        .is_contained();
}

#[test]
fn one_that_calls_the_host_a_million_times() {
    Hostile::new("calls-host", &["/calls-host?times=1000000"], "/calls-host?times=10")
        .settings(PATIENT)
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `calls-host`: handle-route: limit of 10000 host calls reached")
        .is_contained();
}

#[test]
fn one_that_logs_without_end() {
    let app = Hostile::new("floods-log", &["/floods?lines=1000000"], "/floods?lines=1")
        .settings("limits = { cpu = \"20s\", wall = \"20s\", log = \"1KiB\" }")
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `floods-log`: handle-route: limit of 10000 host calls reached")
        .is_contained();
    let (requests, cut) = (HOSTILE_REQUESTS, app.logged("`limits.log` of 1024 bytes"));
    assert_eq!(cut, requests, "it is noted once a call");
    assert!(app.logged("0000000000") < requests * 15, "{}", app.log_text());
}

#[test]
fn one_that_prints_without_end() {
    let app = Hostile::new("prints", &["/prints"], "/prints?lines=1")
        .settings("limits = { cpu = \"50ms\", wall = \"20s\", log = \"1KiB\" }")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `prints`: handle-route: cpu limit of 50ms reached")
        .is_contained();
    let (requests, cut) = (HOSTILE_REQUESTS, app.logged("`limits.log` reached"));
    assert_eq!(cut, requests, "it is noted once a call");
    assert!(app.logged("0000000000") < requests * 15 + 200, "{}", app.log_text());
}

#[test]
fn one_that_writes_two_gibibytes_of_body() {
    Hostile::new("writes-body", &["/writes-body?mib=2048"], "/writes-body?mib=0")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `writes-body`: handle-route: cpu limit of 50ms reached")
        .moves_bodies()
        .is_contained();
}

#[test]
fn one_that_writes_too_much_of_a_body_and_says_so() {
    Hostile::new("writes-body", &["/writes-body?mib=2048&obeys=1"], "/writes-body?mib=0")
        .settings(PATIENT)
        .gets(413, "E_BODY_TOO_LARGE")
        .moves_bodies()
        .is_contained();
}

#[test]
fn one_that_sets_headers_without_end() {
    Hostile::new("piles-headers", &["/piles-headers"], "/piles-headers?times=10")
        .settings(PATIENT)
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `piles-headers`: handle-route: limit of 10000 host calls reached")
        .is_contained();
}

#[test]
fn one_that_sets_a_status_and_headers_that_there_are_not() {
    let targets = &["/bad/status?n=65535", "/bad/line-break", "/bad/block", "/bad/chunked"];
    Hostile::new("bad-answers", targets, "/bad/status?n=200")
        .settings(PATIENT)
        .gets(502, "E_HOOK_BAD_RESPONSE")
        .logs("error: hook `bad-answers`: handle-route: returned an error: ")
        .is_contained();
}

#[test]
fn one_that_fires_events_without_end() {
    let mut app = Hostile::new("emits\nears: listen", &["/emits"], "/emits?times=1")
        .settings("limits = { cpu = \"20s\", wall = \"20s\" }\nears.events = [\"noise\"]")
        .gets(500, "E_HOOK_LIMIT")
        .logs("error: hook `emits`: handle-route: limit of 10000 host calls reached")
        .is_contained();
    app.log(&["warn: the hook's event queue is full: events are dropped hook=ears"]);
    app.log(&["warn: the hook has caught up with its events hook=ears dropped="]);
    let full = app.logged("event queue is full");
    assert!(full <= HOSTILE_REQUESTS * 20, "said {full} times");
}

#[test]
fn one_that_ends_the_process_as_it_thinks() {
    let targets = &["/exits?code=0", "/exits?code=1", "/exits?code=255"];
    Hostile::new("exits", targets, "/exits")
        .gets(500, "E_HOOK_TRAP")
        .logs("error: hook `exits`: handle-route: Exited with i32 exit status 1")
        .is_contained();
}

#[test]
fn one_that_calls_a_neighbour_that_spins() {
    let good = "/calls/method?hook=offers&method=double&args=4";
    let hooks = "offers\ncalls: calls; after = [\"offers\"]";
    Hostile::new(hooks, &["/calls/method?hook=offers&method=spin"], good)
        .gets(400, "E_HOOK_CPU")
        .is_contained()
        .log(&["error: hook `offers`: call: cpu limit of 50ms reached caller=calls"]);
}
