//! Work that no client waits for: tasks in memory, durable tasks over failures, kills and servers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{App, Client, PATIENCE, RedisServer, Remote, Way, check, until};

/// An app whose hook may defer whatever it likes; more lines go into `boathook.toml`.
const DEFERS: &str = "
    //- boathook.toml
    {more}
    [hooks.defers]
    grants = { tasks = true, kv = [\"test\"] }
    {settings}
    //- env
    {env}
    //- hooks
    defers
    keeps
    hello
    ";

/// The same hook with these root settings and these of its own.
fn defers(more: &str, settings: &str) -> String {
    let keeps = "[hooks.keeps]\n    grants = { kv = [\"test\"] }\n    {settings}";
    let more = format!("admin.listen = \"127.0.0.1:0\"\n    {more}");
    DEFERS
        .replace("{settings}", &format!("{settings}\n    {}", keeps.replace("{settings}", "")))
        .replace("{more}", &more)
        .replace("{env}", "A=b")
}

/// The same with Redis as the store.
fn defers_in(redis: &RedisServer, more: &str, settings: &str) -> String {
    let redis_table = format!(
        "[redis]\n    password = {{ env = \"REDIS_PASSWORD\" }}\n    url = \"{}\"",
        redis.url()
    );
    let more = format!("kv.store = \"redis\"\n    {more}\n    {redis_table}");
    let env = format!("REDIS_PASSWORD={}", redis.password());
    defers(&more, settings).replace("A=b", &env)
}

/// Has the hook defer something, and expects it to take it.
#[track_caller]
fn defer(app: &mut App, target: &str) {
    let response = app.ask("GET", &format!("/defers/{target}"));
    if response.status != 200 || response.text().contains("error") {
        app.fail(&format!("{target}: {} {}", response.status, response.text()));
    }
}

/// Waits until the metrics have this line.
#[track_caller]
fn tells(app: &mut App, wanted: &str) {
    let admin = app.admin().expect("there is an admin listener");
    let mut text = String::new();
    let end = Instant::now() + PATIENCE;
    while !text.lines().any(|line| line == wanted) {
        if Instant::now() > end {
            app.fail(&format!("the metrics do not have `{wanted}`:\n{text}"));
        }
        std::thread::sleep(Duration::from_millis(20));
        text = Client::connect(admin).ask("GET", "/metrics").text();
    }
}

/// How often the task with this text was counted.
fn counted(app: &mut App, text: &str) -> u64 {
    let said = app.ask("GET", &format!("/keeps/get?ns=test&key={text}")).text();
    said.trim_matches('"').parse().unwrap_or(0)
}

#[test]
fn a_task_does_not_delay_the_response_that_it_comes_after() {
    // Whoever waited for it would wait longer than a test has patience.
    let mut app = App::lift(&defers("limits.wall = \"1h\"", ""));
    defer(&mut app, "slow?text=3600000");
    app.log(&["task slow {\"text\":\"3600000\"} attempt 1"]);
    assert_eq!(app.logged("slow is done"), 0);
}

#[test]
fn a_task_waits_for_the_last_byte_of_its_response() {
    let route = "[[routes]]\n    address = \"/*\"\n    upstream = \"http://{upstream}\"";
    let mut app = App::lift(&defers(route, ""));
    let mut reader = app.connect();
    // More than all buffers on the way take: it is not out before somebody reads it.
    let large = ["x-answer-bytes: 60000000".to_owned()];
    let target = "/defers/note?text=large&then=next";
    reader.request("GET", target, &large, b"");
    until(|| !app.upstream().seen().is_empty());
    defer(&mut app, "note?text=small");
    app.log(&["task note {\"text\":\"small\"}"]);
    assert_eq!(app.logged("{\"text\":\"large\"}"), 0);
    assert_eq!(reader.response("GET").expect("an answer").body.len(), 60_000_000);
    app.log(&["task note {\"text\":\"large\"}"]);
}

#[test]
fn every_verb_can_defer_and_what_its_client_left_is_run_all_the_same() {
    let mut app = App::lift(&defers("", ""));
    for verb in ["route", "response", "finish"] {
        defer(&mut app, &format!("note?text=in-{verb}&in={verb}"));
        app.log(&[&format!("task note {{\"text\":\"in-{verb}\"}} attempt 1")]);
    }
    defer(&mut app, "again?text=first");
    app.log(&["task again", "task note {\"text\":\"from a task\"}"]);
    // Nobody reads this one.
    let mut client = app.connect();
    client.request("GET", "/defers/note?text=left", &[], b"");
    drop(client);
    app.log(&["task note {\"text\":\"left\"}"]);
    check(
        "
        //- hooks
        calls: calls; after = [\"defers\"]
        defers
        //- GET /calls/method?hook=defers&method=defer&args=7
        //- 200
        //- log
        task note 7 attempt 1
        ",
    );
}

#[test]
fn what_a_call_that_fails_has_deferred_is_dropped() {
    for settings in ["", "on_failure = \"skip\""] {
        let mut app = App::lift(&defers("", settings));
        for durable in ["", "&durable=yes"] {
            for then in ["error", "trap"] {
                app.ask("GET", &format!("/defers/note?text=dropped&then={then}{durable}"));
            }
        }
        defer(&mut app, "again-and-fails?text=x");
        app.log(&["task again-and-fails", "returned an error: no luck"]);
        defer(&mut app, "note?text=kept&durable=yes");
        app.log(&["task note {\"text\":\"kept\"}"]);
        tells(&mut app, "boathook_hook_tasks_waiting{hook=\"defers\"} 0");
        tells(&mut app, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
        app.stop();
        assert_eq!(app.logged("\"dropped\""), 0, "{}", app.log_text());
        assert_eq!(app.logged("of a failure"), 0, "{}", app.log_text());
    }
}

#[test]
fn a_full_queue_is_an_error_for_who_defers_and_room_comes_back() {
    let mut app = App::lift(&defers("tasks = { queue = 3, stored = 2 }", ""));
    let full = app.ask("GET", "/defers/note?text=a&times=4").text();
    assert!(full.contains("E_TASKS_FULL") && full.contains("tasks.queue"), "{full}");
    app.log(&["task note", "task note", "task note"]);
    defer(&mut app, "note?text=b&times=3");
    let full = app.ask("GET", "/defers/note?text=c&times=3&durable=yes").text();
    assert!(full.contains("E_TASKS_FULL") && full.contains("tasks.stored"), "{full}");
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"refused\"} 2");
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"done\"} 8");
}

#[test]
fn payloads_have_a_bound_and_what_is_just_inside_passes() {
    let mut app = App::lift(&defers("", ""));
    // `{"text":"..."}`
    let inside = (64 << 10) - 11;
    for durable in ["", "&durable=yes"] {
        defer(&mut app, &format!("none?bytes={inside}{durable}"));
        let target = format!("/defers/none?bytes={}{durable}", inside + 1);
        let refused = app.ask("GET", &target).text();
        assert!(refused.contains("E_TASKS_INVALID"), "{refused}");
    }
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"done\"} 2");
}

#[test]
fn what_is_in_memory_is_run_before_the_server_ends_and_the_rest_is_counted() {
    let mut app = App::lift(&defers("", ""));
    defer(&mut app, "slow?text=1500&times=2");
    app.log(&["task slow"]);
    app.stop();
    app.log(&["slow is done", "slow is done", "lowered"]);
    assert_eq!(app.logged("were lost"), 0, "{}", app.log_text());

    let mut app = App::lift(&defers("drain = \"300ms\"\n    limits.wall = \"1h\"", ""));
    defer(&mut app, "slow?text=3600000");
    defer(&mut app, "note?text=later&ms=3600000&times=2");
    app.log(&["task slow"]);
    app.stop();
    app.log(&["tasks were cut off", "tasks in memory were lost hook=defers tasks=3", "lowered"]);
}

#[test]
fn a_task_that_traps_or_never_ends_takes_the_hook_from_nobody() {
    let limits = "limits.cpu = \"50ms\"\n    limits.wall = \"2s\"";
    let mut app = App::lift(&defers(limits, ""));
    defer(&mut app, "spins?text=x&times=20");
    defer(&mut app, "traps?text=x&times=40");
    let log = vec!["hook `defers`: handle-task: trap"; 40];
    app.log(&log);
    app.log(&["hook `defers`: handle-task: cpu limit of 50ms reached"]);
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"failed\"} 60");
    tells(&mut app, "boathook_hook_breaker_state{hook=\"defers\",state=\"closed\"} 1");
    defer(&mut app, "note?text=well");
    app.log(&["task note {\"text\":\"well\"}"]);
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn there_is_no_exchange_in_a_task() {
    let mut app = App::lift(&defers("", ""));
    defer(&mut app, "asks?text=x");
    app.log(&["hook `defers`: handle-task: `request.path` was called where there is no exchange"]);
}

#[test]
fn a_hook_in_mode_single_runs_its_tasks_in_turn_with_its_requests() {
    let mut app = App::lift(&defers("", "mode = \"single\""));
    defer(&mut app, "slow?text=300&times=3");
    // It waits for the task that runs.
    defer(&mut app, "note?text=behind&durable=yes");
    app.log(&["slow is done", "slow is done", "slow is done"]);
    app.log(&["task note {\"text\":\"behind\"}"]);
    assert_eq!(app.logged("error: "), 0, "{}", app.log_text());
}

#[test]
fn a_durable_task_that_fails_is_tried_again_and_at_last_given_up() {
    let tasks = "tasks = { attempts = 3, backoff = \"20ms\", backoff_max = \"50ms\" }";
    let mut app = App::lift(&defers(tasks, ""));
    defer(&mut app, "fails?text=x&durable=yes");
    app.log(&[
        "task fails {\"text\":\"x\"} attempt 1",
        "it is tried again in",
        "task fails {\"text\":\"x\"} attempt 2",
        "task fails {\"text\":\"x\"} attempt 3",
        "given up: hook `defers`: handle-task: returned an error: no luck task=fails attempts=3",
    ]);
    tells(&mut app, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"given-up\"} 1");
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"retried\"} 2");
    defer(&mut app, "fails?text=once");
    app.log(&["task fails {\"text\":\"once\"} attempt 1", "no luck task=fails"]);
    app.stop();
    assert_eq!(app.logged("{\"text\":\"once\"}"), 1, "{}", app.log_text());
}

#[test]
fn a_durable_task_outlasts_an_api_that_is_down_for_a_while() {
    let answer = |status: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    let down = answer("503 Service Unavailable");
    let api = Remote::start(Way::Turns(vec![down.clone(), down, answer("200 OK")]));
    let more = format!(
        "tasks.backoff = \"20ms\"\n    fetch.connect_timeout = \"5s\"\n    defers.url = \"http://{}/\"",
        api.address
    );
    let grant = format!("tasks = true, fetch = [\"http://{}\"]", api.address);
    let mut app = App::lift(&defers(&more, "").replace("tasks = true", &grant));
    defer(&mut app, "posts?text=view&durable=yes");
    app.log(&["attempt 1", "attempt 2", "attempt 3"]);
    tells(&mut app, "boathook_hook_tasks_total{hook=\"defers\",outcome=\"done\"} 1");
    tells(&mut app, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
    assert_eq!(api.requests(), 3);
}

/// Defers tasks of its own one after the other, until nobody answers: how many were taken.
fn defer_until_the_end(mut client: Client, writer: usize, taken: &AtomicUsize) -> usize {
    for number in 0.. {
        let target = format!("/defers/counts?text={writer}-{number}&durable=yes");
        client.request("GET", &target, &[], b"");
        match client.response("GET") {
            Some(response) if response.text() == "1" => {
                taken.fetch_add(1, Ordering::Relaxed);
            }
            Some(response) => panic!("{}: {}", response.status, response.text()),
            None => return number,
        }
    }
    0
}

#[test]
fn every_durable_task_that_was_taken_before_a_kill_is_run_afterwards() {
    let mut app = App::lift(&defers("", ""));
    let mut all: Vec<String> = Vec::new();
    for round in 0..2 {
        let address = app.address().expect("it listens");
        let taken = AtomicUsize::new(0);
        let counts: Vec<usize> = std::thread::scope(|scope| {
            let taken = &taken;
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let client = Client::connect(address);
                    scope.spawn(move || defer_until_the_end(client, round * 4 + writer, taken))
                })
                .collect();
            until(|| taken.load(Ordering::Relaxed) > 60);
            app.signal(Signal::KILL);
            writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
        });
        for (writer, count) in counts.iter().enumerate() {
            all.extend((0..*count).map(|number| format!("{}-{number}", round * 4 + writer)));
        }
        app.start_again();
    }
    app.address();
    tells(&mut app, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
    for text in all {
        assert!(counted(&mut app, &text) >= 1, "{text} was not run");
    }
    app.stop();
}

#[test]
fn a_delay_is_kept_over_a_restart_and_not_waited_for_when_it_is_over() {
    let mut app = App::lift(&defers("", ""));
    defer(&mut app, "note?text=tomorrow&durable=yes&ms=86400000");
    defer(&mut app, "note?text=soon&durable=yes&ms=2500");
    app.stop();
    assert_eq!(app.logged("task note"), 0, "{}", app.log_text());
    app.start_again();
    app.address();
    app.log(&["task note {\"text\":\"soon\"} attempt 1"]);
    tells(&mut app, "boathook_hook_tasks_stored{hook=\"defers\"} 1");
    assert_eq!(app.logged("tomorrow"), 0, "{}", app.log_text());
}

#[test]
fn two_servers_on_one_redis_run_each_durable_task_once() {
    let redis = RedisServer::start();
    let fixture = defers_in(&redis, "", "");
    let (mut one, mut other) = (App::lift(&fixture), App::lift(&fixture));
    for number in 0..60 {
        let app = if number % 2 == 0 { &mut one } else { &mut other };
        // Some are due at once, some for whoever looks first.
        let ms = if number % 3 == 0 { 0 } else { 1500 };
        defer(app, &format!("counts?text=n{number}&durable=yes&ms={ms}"));
    }
    tells(&mut one, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
    for number in 0..60 {
        assert_eq!(counted(&mut other, &format!("n{number}")), 1, "task {number}");
    }
    assert_eq!(redis.ask("EXISTS boathook:tasks").as_deref(), Some(":0"));
}

#[test]
fn what_a_server_held_that_died_is_run_by_another_one() {
    let redis = RedisServer::start();
    let short = "hook_timeout = \"1s\"\n    limits.wall = \"2s\"\n    limits.exchange = \"2s\"";
    let fixture = defers_in(&redis, short, "");
    let mut one = App::lift(&fixture);
    defer(&mut one, "slow?text=1900&durable=yes");
    one.log(&["task slow"]);
    one.signal(Signal::KILL);
    one.exit();
    let mut other = App::lift(&fixture);
    // Once the lease is over that the first one had.
    other.log(&["task slow {\"text\":\"1900\"} attempt 1", "slow is done"]);
    tells(&mut other, "boathook_hook_tasks_stored{hook=\"defers\"} 0");
}

#[test]
fn durable_tasks_wait_for_a_redis_that_is_down() {
    let mut redis = RedisServer::start();
    let mut app = App::lift(&defers_in(&redis, "", ""));
    defer(&mut app, "note?text=later&durable=yes&ms=1000");
    redis.kill();
    let refused = app.ask("GET", "/defers/note?text=now&durable=yes").text();
    assert!(refused.contains("E_TASKS_UNAVAILABLE"), "{refused}");
    app.log(&["durable tasks have to wait: Redis at"]);
    redis.start_again();
    app.log(&["task note {\"text\":\"later\"} attempt 1"]);
}

#[test]
fn what_is_stored_for_a_hook_that_is_gone_stays_and_is_said_once() {
    let fixture = "
        //- boathook.toml
        hooks.a.grants.tasks = true
        hooks.b.grants.tasks = true
        //- hooks
        a: defers
        b: defers
        ";
    let mut app = App::lift(fixture);
    defer(&mut app, "note?text=mine&durable=yes&ms=2000");
    app.stop();
    let file = app.folder().join("boathook.toml");
    std::fs::write(&file, "hooks.a = false\nhooks.b.grants.tasks = true\n").expect("a file");
    app.start_again();
    app.address();
    app.log(&["1 durable tasks of hook `a` stay in the store"]);
    app.stop();
    std::fs::write(&file, "hooks.a.grants.tasks = true\n").expect("a file");
    app.start_again();
    app.address();
    app.log(&["task note {\"text\":\"mine\"} attempt 1"]);
}

#[test]
fn what_is_durable_takes_a_grant_and_what_is_not_takes_none() {
    check(
        "
        //- hooks
        defers
        //- GET /defers/note?text=a&durable=yes
        //- 200

        ...\"error\":\"E_NOT_GRANTED\"
        ...add `grants = { tasks = true }` to `[hooks.defers]`
        //- GET /defers/note?text=a
        //- 200

        1
        //- log
        task note {\"text\":\"a\"} attempt 1
        ",
    );
}

#[test]
fn tasks_can_be_deferred_from_initialize_on_and_run_once_it_is_lifted() {
    let with = |phase: &str| defers(&format!("defers.in = \"{phase}\""), "");
    check(&format!(
        "{}
    //- fails
    hook `defers`: configure: returned an error: `tasks.defer` was called in `configure`
    ",
        with("configure")
    ));
    let mut app = App::lift(&with("initialize"));
    app.log(&["defers hook loaded successfully", "task note {\"text\":\"initialize\"} attempt 1"]);
    // Instances that repeat it repeat nothing.
    defer(&mut app, "slow?text=500&times=4");
    app.log(&["slow is done"]);
    assert_eq!(app.logged("\"initialize\""), 1, "{}", app.log_text());
    let mut app = App::lift(&with("lower"));
    app.stop();
    app.log(&["hook `defers`: lower: returned an error: `tasks.defer` was called in `lower`"]);
}

#[test]
fn ticks_come_again_and_again_and_never_two_at_a_time() {
    let ticks =
        "ticks = [{ name = \"beat\", every = \"1s\" }, { name = \"rare\", every = \"1h\" }]";
    let mut app = App::lift(&defers("limits.wall = \"30s\"\n    defers.tick-ms = 2300", ticks));
    app.log(&["tick beat begins", "tick beat ends", "tick beat begins", "tick beat ends"]);
    app.log(&["the tick took longer than its interval hook=defers tick=beat times="]);
    app.stop();
    let log = app.log_text();
    let beats = log.lines().filter(|line| line.contains("tick beat "));
    for (place, line) in beats.enumerate() {
        let wanted = if place % 2 == 0 { "begins" } else { "ends" };
        assert!(line.contains(wanted), "{log}");
    }
    assert!(!log.contains("tick rare"), "{log}");
}

#[test]
fn a_manifest_declares_ticks_and_the_operators_word_wins() {
    let mut app = App::lift(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        [hooks.b]
        ticks = [{ name = \"other\", every = \"1s\" }]
        [hooks.c]
        ticks = []
        //- hooks
        a: defers; ticks = [{ name = \"own\", every = \"1s\" }, { name = \"nightly\", cron = \"0 3 * * *\" }]
        b: defers; ticks = [{ name = \"never\", every = \"1s\" }]
        c: defers; ticks = [{ name = \"off\", every = \"1s\" }]
        ",
    );
    app.log(&["tick own begins", "tick own ends"]);
    app.log(&["tick other begins"]);
    tells(&mut app, "boathook_hook_ticks_total{hook=\"a\",tick=\"nightly\",outcome=\"done\"} 0");
    app.stop();
    assert_eq!(app.logged("tick never") + app.logged("tick off"), 0, "{}", app.log_text());
}

#[test]
fn ticks_that_cannot_be_are_found_before_anything_runs() {
    check(
        "
        //- hooks
        e: empty; ticks = [{ name = \"beat\", every = \"1s\" }]
        //- fails
        hook `e`: load: it has the tick `beat`, and the component does not export `background`
        ",
    );
    check(
        "
        //- boathook.toml
        tasks = { attempts = 0 }
        [hooks.hello]
        ticks = [
            { name = \"a\", every = \"1ms\" },
            { name = \"b\", cron = \"0 3 * *\" },
            { name = \"c\", every = \"1s\", cron = \"0 3 * * *\" },
            { name = \"d\" },
            { name = \"e\", every = \"1s\" },
            { name = \"e\", every = \"2s\" },
        ]
        //- hooks
        hello
        //- fails
        `tasks.attempts` must be a whole number from 1 to 1000
        `hooks.hello.ticks.0.every` must be one second or more
        `hooks.hello.ticks.1.cron` must be five fields of cron
        `hooks.hello.ticks.2` has both `every` and `cron`
        `hooks.hello.ticks.3` lacks `every` or `cron`
        `hooks.hello.ticks` names `e` twice
        ",
    );
}
