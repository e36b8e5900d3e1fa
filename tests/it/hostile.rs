//! Hooks that misbehave in a request, each in its own way: their clients get an error with a code, the
//! log names hook, phase and cause, their neighbours notice nothing, and nothing is left behind.
//!
//! What takes more than one kind of request to show is in `hostile_more.rs`, what goes wrong before the
//! first request in `hostile_lift.rs`.

use crate::harness::{App, Client, Response};

/// A hook that misbehaves, and what comes of it.
struct Hostile {
    /// Lines of `hooks`.
    hooks: &'static str,
    /// Lines of `boathook.toml`.
    settings: &'static str,
    /// The requests in which it misbehaves.
    targets: &'static [&'static str],
    /// What their clients get.
    status: u16,
    code: &'static str,
    /// What the log says, if it says anything.
    log: Option<&'static str>,
    /// A request that the same hook answers as it should.
    good: &'static str,
    /// What the memory may differ by.
    slack_kib: usize,
}

/// The cpu is short, as it is what most of them use up; the wall is out of reach of a busy machine.
const SETTINGS: &str = "limits = { cpu = \"50ms\", wall = \"20s\" }";
/// For those that are stopped by something else, and should get there first.
const PATIENT: &str = "limits = { cpu = \"20s\", wall = \"20s\" }";

const NEIGHBOURS: [(&str, &str); 3] = [
    ("/hello", "Hello from a hook!\n"),
    ("/pair?end=respond", "dropped unless it responds"),
    ("/length", r#"{"length":5}"#),
];

/// Hostile requests at one time.
const AT_ONCE: usize = 4;
/// Good ones after them: so many that the breaker stays closed, which is not what is tested here.
const GOOD: usize = 12;
/// Until everything that is made once has been made.
const WARM_UP: usize = 3;
/// And so many in which nothing may grow any more.
const ROUNDS: usize = 8;
/// What a process' memory may differ by, for all that: so much a hostile request would be a leak.
const SLACK_KIB: usize = 128 * AT_ONCE * ROUNDS;
/// And where each of them moves a mebibyte, which an allocator keeps in more than one place.
const BODIES_KIB: usize = 4 * SLACK_KIB;

impl Hostile {
    /// One that is stopped by a limit on what it computes.
    const fn new(
        hooks: &'static str,
        targets: &'static [&'static str],
        good: &'static str,
    ) -> Self {
        Self {
            hooks,
            settings: SETTINGS,
            targets,
            status: 500,
            code: "",
            log: None,
            good,
            slack_kib: SLACK_KIB,
        }
    }

    const fn settings(mut self, settings: &'static str) -> Self {
        self.settings = settings;
        self
    }

    const fn gets(mut self, status: u16, code: &'static str) -> Self {
        (self.status, self.code) = (status, code);
        self
    }

    const fn logs(mut self, log: &'static str) -> Self {
        self.log = Some(log);
        self
    }

    const fn moves_bodies(mut self) -> Self {
        self.slack_kib = BODIES_KIB;
        self
    }

    /// Lifts the hook among its neighbours, has it misbehave again and again, and gives the app back.
    #[expect(clippy::print_stdout, reason = "figures, shown with `--nocapture`")]
    #[track_caller]
    fn is_contained(&self) -> App {
        let mut app = App::lift(&format!(
            "//- boathook.toml\n{}\n//- hooks\n{}\nhello\noutcomes\nreads-body\n",
            self.settings, self.hooks
        ));
        let mut neighbours: Vec<Client> = NEIGHBOURS.iter().map(|_| app.connect()).collect();
        let mut good = app.connect();
        self.is_good(&mut app, &mut good);
        let mut targets = self.targets.iter().copied().cycle();
        let mut rounds = |app: &mut App, count: usize| {
            for _ in 0..count {
                let targets: Vec<&str> = targets.by_ref().take(AT_ONCE).collect();
                self.round(app, &targets, &mut neighbours, &mut good);
            }
        };
        rounds(&mut app, WARM_UP);
        let before = app.memory_kib();
        rounds(&mut app, ROUNDS);
        let after = app.memory_kib();
        println!("{}: {before} KiB before, {after} KiB after", self.targets[0]);
        if after > before + self.slack_kib {
            app.fail(&format!("memory: {before} KiB before, {after} KiB after"));
        }
        if let Some(log) = self.log {
            app.log(&[log]);
            let code = format!("code={}", self.code);
            let logged = app.log_text();
            if !logged.lines().any(|line| line.contains(log) && line.contains(&code)) {
                app.fail(&format!("no line with `{log}` has `{code}`"));
            }
        }
        app
    }

    #[track_caller]
    fn round(&self, app: &mut App, targets: &[&str], neighbours: &mut [Client], good: &mut Client) {
        let mut hostile: Vec<Client> = targets.iter().map(|_| app.connect()).collect();
        for (client, target) in hostile.iter_mut().zip(targets) {
            client.request("GET", target, &[], b"");
        }
        for _ in 0..AT_ONCE {
            are_answered(app, neighbours);
        }
        for (client, target) in hostile.iter_mut().zip(targets) {
            match client.response("GET") {
                Some(response) => self.is_expected(app, target, &response),
                None => app.fail(&format!("no answer to {target}")),
            }
        }
        self.is_good(app, good);
    }

    #[track_caller]
    fn is_expected(&self, app: &mut App, target: &str, response: &Response) {
        let (text, status) = (response.text(), response.status);
        if status != self.status || !text.contains(self.code) {
            app.fail(&format!("{target}: not {} {} but {status} {text}", self.status, self.code));
        }
    }

    #[track_caller]
    fn is_good(&self, app: &mut App, client: &mut Client) {
        for _ in 0..GOOD {
            let response = client.ask("GET", self.good);
            if response.status != 200 {
                app.fail(&format!("{}: {} {}", self.good, response.status, response.text()));
            }
        }
    }
}

/// Asks each of the neighbours on its own connection, all at once.
#[track_caller]
fn are_answered(app: &mut App, neighbours: &mut [Client]) {
    let method = |target: &str| if target == "/length" { "POST" } else { "GET" };
    for (client, (target, _)) in neighbours.iter_mut().zip(NEIGHBOURS) {
        let body: &[u8] = if target == "/length" { b"12345" } else { b"" };
        client.request(method(target), target, &[], body);
    }
    for (client, (target, body)) in neighbours.iter_mut().zip(NEIGHBOURS) {
        match client.response(method(target)) {
            Some(response) if response.status == 200 && response.text() == body => {}
            other => app.fail(&format!("neighbour {target}: {other:?}")),
        }
    }
}

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
    let (rounds, cut) = (AT_ONCE * (WARM_UP + ROUNDS), app.logged("`limits.log` of 1024 bytes"));
    assert_eq!(cut, rounds, "it is noted once a call");
    assert!(app.logged("0000000000") < rounds * 15, "{}", app.log_text());
}

#[test]
fn one_that_prints_without_end() {
    let app = Hostile::new("prints", &["/prints"], "/prints?lines=1")
        .settings("limits = { cpu = \"50ms\", wall = \"20s\", log = \"1KiB\" }")
        .gets(504, "E_HOOK_CPU")
        .logs("error: hook `prints`: handle-route: cpu limit of 50ms reached")
        .is_contained();
    let (rounds, cut) = (AT_ONCE * (WARM_UP + ROUNDS), app.logged("`limits.log` reached"));
    assert_eq!(cut, rounds, "it is noted once a call");
    assert!(app.logged("0000000000") < rounds * 15 + 200, "{}", app.log_text());
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
    let (full, rounds) = (app.logged("event queue is full"), AT_ONCE * (WARM_UP + ROUNDS));
    assert!(full <= rounds * 20, "said {full} times");
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
