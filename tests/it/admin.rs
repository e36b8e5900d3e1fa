//! The admin listener and what it tells: health, readiness, metrics; limits that are only measured.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::harness::{App, Client, Ran, Response, check};

/// An app with an admin listener, these settings and these hooks.
fn app(settings: &str, hooks: &str) -> App {
    App::lift(&format!(
        "//- boathook.toml\nadmin.listen = \"127.0.0.1:0\"\n{settings}\n//- hooks\n{hooks}\n"
    ))
}

#[track_caller]
fn ask(app: &App, method: &str, path: &str) -> Response {
    Client::connect(app.admin().expect("there is an admin listener")).ask(method, path)
}

/// Holds the metrics against lines that they must have.
#[track_caller]
fn tells(app: &mut App, wanted: &[&str]) {
    let text = ask(app, "GET", "/metrics").text();
    for wanted in wanted {
        if !text.lines().any(|line| line == *wanted) {
            app.fail(&format!("the metrics do not have `{wanted}`:\n{text}"));
        }
    }
}

/// The value of one line of the metrics.
#[track_caller]
fn value(app: &App, line: &str) -> f64 {
    let text = ask(app, "GET", "/metrics").text();
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no `{line}` in\n{text}"))
}

#[test]
fn calls_and_failures_are_counted() {
    let mut app = app("limits.wall = \"300ms\"", "hello\npanics\nsleeps\no: observes");
    for (path, status) in
        [("/hello", 200), ("/hello", 200), ("/panics", 500), ("/sleeps", 504), ("/nowhere", 404)]
    {
        assert_eq!(app.ask("GET", path).status, status, "{path}");
    }
    tells(
        &mut app,
        &[
            "# TYPE boathook_hook_calls_total counter",
            "boathook_hook_calls_total{hook=\"hello\",verb=\"handle-route\"} 2",
            "boathook_hook_calls_total{hook=\"o\",verb=\"handle-route\"} 5",
            "boathook_hook_calls_total{hook=\"o\",verb=\"handle-response\"} 5",
            "boathook_hook_failures_total{hook=\"hello\",code=\"E_HOOK_TRAP\"} 0",
            "boathook_hook_failures_total{hook=\"panics\",code=\"E_HOOK_TRAP\"} 1",
            "boathook_hook_failures_total{hook=\"sleeps\",code=\"E_HOOK_TIMEOUT\"} 1",
            "boathook_hook_instances_made_total{hook=\"panics\"} 1",
            "boathook_hook_instances{hook=\"panics\"} 0",
            "boathook_hook_breaker_state{hook=\"panics\",state=\"closed\"} 1",
            "boathook_requests_total{status=\"2xx\"} 2",
            "boathook_requests_total{status=\"4xx\"} 1",
            "boathook_requests_total{status=\"5xx\"} 2",
            "boathook_ready 1",
        ],
    );
    let waited = "boathook_hook_wall_seconds_total{hook=\"sleeps\",verb=\"handle-route\"}";
    let worked = "boathook_hook_cpu_seconds_total{hook=\"sleeps\",verb=\"handle-route\"}";
    assert!(value(&app, waited) >= 0.3);
    assert!(value(&app, worked) < value(&app, waited) / 2.0);
    assert!(value(&app, "boathook_hook_memory_peak_bytes{hook=\"hello\"}") > 0.0);
    assert!(value(&app, "boathook_connections_open") >= 0.0);
}

#[test]
fn the_time_of_a_call_is_that_of_the_hook_that_used_it() {
    let app = &mut app("limits.cpu = \"20s\"", "spins");
    assert_eq!(app.ask("GET", "/spins?ms=300").status, 200);
    let cpu = value(app, "boathook_hook_cpu_seconds_total{hook=\"spins\",verb=\"handle-route\"}");
    // The guest spins by the clock on the wall, which goes on while the machine does other things.
    assert!(cpu > 0.01, "{cpu}");
    assert!(cpu <= value(app, "boathook_uptime_seconds"), "{cpu}");
}

#[test]
fn a_breaker_that_opened_is_seen() {
    let mut app = app("", "panics");
    for _ in 0..10 {
        app.ask("GET", "/panics");
    }
    assert_eq!(app.ask("GET", "/panics").status, 503);
    tells(
        &mut app,
        &[
            "boathook_hook_breaker_opened_total{hook=\"panics\"} 1",
            "boathook_hook_failures_total{hook=\"panics\",code=\"E_HOOK_BROKEN\"} 1",
        ],
    );
}

#[test]
fn while_requests_in_flight_end_it_is_healthy_and_not_ready() {
    let mut app = app("limits.wall = \"1h\"", "sleeps");
    assert_eq!(ask(&app, "GET", "/readyz").status, 200);
    let mut busy = app.connect();
    busy.request("GET", "/sleeps?ms=2500", &[], b"");
    app.log(&["sleeps hook=sleeps"]);
    app.signal(Signal::TERM);
    app.log(&["stopping; once more to quit at once"]);
    let ready = ask(&app, "GET", "/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "stopping\n"));
    assert_eq!(ask(&app, "GET", "/healthz").status, 200);
    tells(&mut app, &["boathook_ready 0", "boathook_requests_in_flight 1"]);
    assert_eq!(busy.response("GET").map(|response| response.status), Some(200));
    assert_eq!(app.exit().code(), Some(0));
}

#[test]
fn while_hooks_lift_it_is_healthy_and_not_ready() {
    let app = App::start(&crate::harness::Fixture::parse(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        hook_timeout = \"1h\"
        m = { in = \"initialize\", how = \"sleep\" }
        //- hooks
        a: trace
        m: misbehave
        ",
    ));
    let mut app = app;
    app.log(&["a hook loaded successfully"]);
    assert_eq!(ask(&app, "GET", "/healthz").status, 200);
    let ready = ask(&app, "GET", "/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "lifting\n"));
    tells(&mut app, &["boathook_ready 0"]);
}

#[test]
fn it_answers_little_else() {
    let app = app("", "empty");
    let healthy = ask(&app, "HEAD", "/healthz");
    assert_eq!((healthy.status, healthy.header("cache-control")), (200, Some("no-store")));
    assert_eq!(ask(&app, "GET", "/").status, 404);
    let refused = ask(&app, "POST", "/metrics");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    let metrics = ask(&app, "GET", "/metrics");
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(metrics.header("content-type"), Some(kind));
}

#[test]
fn without_a_word_there_is_no_admin_listener() {
    let mut app = App::lift("//- hooks\nhello");
    assert_eq!(app.admin(), None);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(app.ask("GET", path).status, 404);
    }
}

#[test]
fn an_address_that_is_taken_is_said_before_any_hook_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    check(&format!(
        "
        //- boathook.toml
        admin.listen = \"{address}\"
        //- hooks
        a: trace
        //- fails
        error: address is in use: `{address}`
        hint: stop what listens there, or choose another port with `--set admin.listen=127.0.0.1:PORT`
        //- not in log
        hook=a
        "
    ));
}

#[test]
fn an_address_that_others_can_reach_is_warned_of() {
    let settings = "//- boathook.toml\nadmin.listen = \"0.0.0.0:0\"\n";
    let checked = Ran::of(settings, &["check", "{dir}"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    assert!(checked.out.contains("the admin listener is on `0.0.0.0:0`"), "{}", checked.out);
    let mut app = App::lift("//- boathook.toml\nadmin.listen = \"0.0.0.0:0\"\n//- hooks\nempty");
    app.log(&[
        "warn: boathook.toml:1: the admin listener is on `0.0.0.0:0`, unencrypted, and asks nobody",
        "hint: keep it on 127.0.0.1",
    ]);
}

#[test]
fn a_limit_that_is_measured_lets_calls_go_on_and_says_so_once() {
    let mut app = app("hooks.spins.limits = { cpu = \"20ms\", measure = [\"cpu\"] }", "spins");
    for _ in 0..3 {
        assert_eq!(app.ask("GET", "/spins?ms=400").status, 200);
    }
    let said = "warn: hook `spins`: handle-route: limit `cpu` of 20ms would have been reached";
    app.log(&[said]);
    tells(
        &mut app,
        &[
            "boathook_hook_limit_exceeded_total{hook=\"spins\",limit=\"cpu\"} 3",
            "boathook_hook_failures_total{hook=\"spins\",code=\"E_HOOK_CPU\"} 0",
        ],
    );
    app.stop();
    assert_eq!(app.logged(said), 1, "{}", app.log_text());
}

#[test]
fn a_limit_that_is_measured_ends_with_the_exchange() {
    let settings = "limits.exchange = \"500ms\"\nlimits.cpu = \"20ms\"\nlimits.wall = \"30ms\"\n\
                    limits.measure = [\"cpu\", \"wall\"]";
    let mut app = app(settings, "spins\nsleeps");
    assert_eq!(app.ask("GET", "/sleeps?ms=60").status, 200);
    for path in ["/spins", "/sleeps"] {
        let response = app.ask("GET", path);
        assert_eq!(response.status, 504, "{}", response.text());
    }
    app.log(&["limit `wall` of 30ms would have been reached: the call used "]);
}

#[test]
fn memory_that_is_measured_ends_at_four_times_the_limit() {
    let limits =
        "limits = { memory = \"8MiB\", measure = [\"memory\", \"host_calls\"], host_calls = 9 }";
    let settings = format!("hooks.grows-memory.{limits}\nhooks.calls-host.{limits}");
    let mut app = app(&settings, "grows-memory\ncalls-host");
    assert_eq!(app.ask("GET", "/grows?mib=12").status, 200);
    assert_eq!(app.ask("GET", "/grows?mib=40").status, 500);
    assert_eq!(app.ask("GET", "/calls-host?times=100").status, 200);
    app.log(&[
        "limit `memory` of 8MiB would have been reached",
        "memory limit of 32MiB reached",
        "limit `host_calls` of 9 would have been reached: the call used 10",
    ]);
}

#[test]
fn fuel_that_is_measured_is_counted() {
    let limits = "{ fuel = 1_000, cpu = \"20s\", measure = [\"fuel\"] }";
    let mut app = app(&format!("hooks.hello.limits = {limits}"), "hello");
    assert_eq!(app.ask("GET", "/hello").status, 200);
    app.log(&["limit `fuel` of 1000 would have been reached: the call used "]);
    assert!(value(&app, "boathook_hook_fuel_total{hook=\"hello\"}") > 1_000.0);
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    check(
        "
        //- boathook.toml
        hooks.hello.limits.measure = [\"queue\"]
        //- hooks
        hello
        //- fails
        `hooks.hello.limits.measure.0`: `queue` cannot be measured: it guards the server
        ",
    );
    check(
        "
        //- boathook.toml
        hooks.hello.limits.measure = [\"fuel\"]
        //- hooks
        hello
        //- fails
        hook `hello`: load: its fuel is to be measured, and it has no fuel limit
        ",
    );
}

#[test]
fn a_hook_that_is_busy_says_so_once_in_a_while() {
    let settings = "hooks.counts.mode = \"single\"\nlimits.queue = 0";
    let mut app = app(settings, "counts");
    let mut first = app.connect();
    first.request("GET", "/counts?ms=2000", &[], b"");
    app.log(&["counts 1"]);
    for _ in 0..40 {
        assert_eq!(app.ask("GET", "/counts").status, 503);
    }
    tells(
        &mut app,
        &[
            "boathook_hook_queue_full_total{hook=\"counts\"} 40",
            "boathook_hook_failures_total{hook=\"counts\",code=\"E_HOOK_BUSY\"} 40",
        ],
    );
    app.log(&["warn: hook `counts`: handle-route: all instances are busy and 0 calls wait"]);
    assert!(app.logged("instances are busy") < 20, "{}", app.log_text());
    assert_eq!(first.response("GET").map(|response| response.status), Some(200));
}

#[test]
fn calls_after_a_response_take_no_requests_place_in_the_queue() {
    let settings = "hooks.f.mode = \"single\"\nlimits.queue = 1\nlimits.queue_wait = \"20s\"";
    let mut app = app(settings, "f: finishes-slowly\nsleeps");
    let mut clients = Vec::new();
    // One after the other through the queue, and then all in the next hook.
    for count in 1..=4 {
        let mut client = app.connect();
        client.request("GET", "/sleeps?ms=1500&finish=1000", &[], b"");
        app.log(&vec!["sleeps hook=sleeps"; count]);
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").map(|response| response.status), Some(200));
    }
    app.log(&["finish begins"]);
    app.log(&["handle-finish: all instances are busy and 1 calls wait"]);
    assert_eq!(app.ask("GET", "/nowhere").status, 404);
    assert!(value(&app, "boathook_hook_queue_wait_seconds_total{hook=\"f\"}") > 0.0);
}

#[test]
fn what_a_hook_used_is_in_the_log_when_it_is_lowered() {
    let mut app = app("", "hello\npanics\ntrace");
    for _ in 0..3 {
        assert_eq!(app.ask("GET", "/hello").status, 200);
    }
    assert_eq!(app.ask("GET", "/panics").status, 500);
    app.stop();
    app.log(&["info: totals of the hook hook=panics calls=1 failures=1 cpu="]);
    app.log(&["info: totals of the hook hook=hello calls=3 failures=0 cpu=", "lowered"]);
}

#[test]
fn a_hook_that_was_never_called_has_no_totals() {
    let mut app = app("", "hello");
    app.stop();
    assert_eq!(app.logged("totals of the hook"), 0, "{}", app.log_text());
}
