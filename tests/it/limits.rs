//! Limits: each one just inside, where it does not show, and just outside, where it has its own error.

use crate::harness::{App, check};

/// An app with one guest and some settings.
fn app(settings: &str, guest: &str) -> App {
    App::lift(&format!("//- boathook.toml\n{settings}\n//- hooks\n{guest}\nhello\n"))
}

/// Asks, and holds status and code against what is expected; then the app still answers.
#[track_caller]
fn gets(app: &mut App, target: &str, status: u16, code: &str) {
    let response = app.ask("GET", target);
    let text = response.text();
    if response.status != status || !text.contains(code) {
        app.fail(&format!("{target}: not {status} {code} but {} {text}", response.status));
    }
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn cpu() {
    let mut app = app("limits.cpu = \"200ms\"", "spins");
    gets(&mut app, "/spins?ms=20", 200, "");
    gets(&mut app, "/spins", 504, "E_HOOK_CPU");
    gets(&mut app, "/spins?ms=20", 200, "");
    app.log(&["error: hook `spins`: handle-route: cpu limit of 200ms reached request="]);
}

#[test]
fn wall() {
    let mut app = app("limits.wall = \"400ms\"", "sleeps");
    gets(&mut app, "/sleeps?ms=10", 200, "");
    gets(&mut app, "/sleeps", 504, "E_HOOK_TIMEOUT");
    gets(&mut app, "/sleeps?ms=10", 200, "");
    app.log(&["error: hook `sleeps`: handle-route: wall limit of 400ms reached request="]);
}

#[test]
fn waiting_uses_no_cpu() {
    let mut app = app("limits.cpu = \"50ms\"", "sleeps");
    gets(&mut app, "/sleeps?ms=300", 200, "");
}

#[test]
fn memory() {
    let mut app = app("limits.memory = \"8MiB\"", "grows-memory");
    gets(&mut app, "/grows?mib=4", 200, "4194304");
    gets(&mut app, "/grows?mib=8", 500, "E_HOOK_MEMORY");
    gets(&mut app, "/grows?mib=4", 200, "4194304");
}

#[test]
fn memory_that_an_instance_has_from_its_start_counts_too() {
    check(
        "
        //- boathook.toml
        limits.memory = \"33MiB\"
        //- hooks
        big-memory
        //- GET /
        //- 404
        ",
    );
    check(
        "
        //- boathook.toml
        limits.memory = \"31MiB\"
        //- hooks
        big-memory
        //- fails
        hook `big-memory`: 
        //- log
        limits.memory
        ",
    );
}

#[test]
fn start() {
    check(
        "
        //- boathook.toml
        limits.start = \"200ms\"
        //- hooks
        start-spins
        //- fails
        hook `start-spins`: start: 
        //- log
        limit of 200ms reached
        ",
    );
    check(
        "
        //- hooks
        start-traps
        //- fails
        hook `start-traps`: start: trap: wasm `unreachable` instruction
        ",
    );
}

#[test]
fn exchange() {
    let mut app = app("limits.exchange = \"500ms\"", "sleeps");
    gets(&mut app, "/sleeps?ms=10", 200, "");
    gets(&mut app, "/sleeps", 504, "E_EXCHANGE_TIMEOUT");
}

#[test]
fn the_exchange_bounds_the_upstream_too() {
    check(
        "
        //- boathook.toml
        limits.exchange = \"300ms\"
        [[routes]]
        address = \"/*\"
        upstream = \"http://{upstream}\"
        //- GET /
        x-answer-never: silence
        //- 504

        ...E_EXCHANGE_TIMEOUT
        //- GET /
        //- 200
        ",
    );
}

#[test]
fn host_calls() {
    let mut app = app("limits.host_calls = 100", "calls-host");
    gets(&mut app, "/calls-host?times=80", 200, "");
    gets(&mut app, "/calls-host?times=80", 200, "");
    gets(&mut app, "/calls-host?times=101", 500, "E_HOOK_LIMIT");
    app.log(&["limit of 100 host calls reached"]);
}

#[test]
fn log() {
    let mut app = app("limits.log = \"1KiB\"", "floods-log");
    gets(&mut app, "/floods?lines=10", 200, "");
    assert_eq!(app.logged("`limits.log` of"), 0);
    gets(&mut app, "/floods?lines=500", 200, "");
    app.stop();
    assert_eq!(app.logged("`limits.log` of 1024 bytes a call reached"), 1, "{}", app.log_text());
    assert!(app.logged("00000000000000000000") <= 21, "{}", app.log_text());
}

#[test]
fn a_trap_costs_one_request_and_its_backtrace_is_in_the_log() {
    let mut app = app("", "panics");
    gets(&mut app, "/panics", 500, "E_HOOK_TRAP");
    gets(&mut app, "/panics", 500, "E_HOOK_TRAP");
    app.log(&[
        "this is the panic's message hook=panics",
        "error: hook `panics`: handle-route: trap: ",
        "wasm backtrace:",
    ]);
}

#[test]
fn a_hooks_own_limit_goes_over_that_of_all_and_the_operators_over_the_manifests() {
    let cases = [
        ("limits.cpu = \"1h\"\nhooks.s.limits.cpu = \"150ms\"", ""),
        ("limits.cpu = \"150ms\"", "[limits]; cpu = \"1h\""),
        ("", "[limits]; cpu = \"150ms\""),
        ("hooks.s.limits.cpu = \"150ms\"", "[limits]; cpu = \"1h\""),
    ];
    for (settings, manifest) in cases {
        let mut app = app(settings, &format!("s: spins; {manifest}"));
        gets(&mut app, "/spins", 504, "E_HOOK_CPU");
        app.log(&["cpu limit of 150ms reached"]);
    }
}

#[test]
fn a_hook_that_spins_holds_up_nobody_else() {
    let mut app = app("limits.cpu = \"20s\"\nlimits.wall = \"25s\"", "spins");
    let mut spinning: Vec<_> = (0..4).map(|_| app.connect()).collect();
    for client in &mut spinning {
        client.request("GET", "/spins?ms=3000", &[], b"");
    }
    for _ in 0..50 {
        assert_eq!(app.ask("GET", "/hello").status, 200);
    }
    for client in &mut spinning {
        assert_eq!(client.response("GET").map(|response| response.status), Some(200));
    }
}
