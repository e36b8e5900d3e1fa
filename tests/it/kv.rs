//! What hooks keep by `kv`: through a guest, with each store, over restarts, kills and outages.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{App, Client, Ran, RedisServer, check, until};

/// An app whose hook may do everything in `test`, and read `other`.
const KEEPS: &str = "
    //- boathook.toml
    [kv]
    store = \"{store}\"
    [hooks.keeps]
    grants = { kv = [\"test\", \"other:ro\"] }
    {more}
    //- env
    {env}
    //- hooks
    keeps
    ";

fn keeps(store: &str, more: &str) -> String {
    KEEPS.replace("{store}", store).replace("{more}", more).replace("{env}", "A=b")
}

/// The same with Redis as the store.
fn keeps_in(redis: &RedisServer, more: &str) -> String {
    in_redis(KEEPS, redis, more)
}

fn in_redis(fixture: &str, redis: &RedisServer, more: &str) -> String {
    let table = "[redis]\n    password = { env = \"REDIS_PASSWORD\" }\n    url = ";
    let table = format!("{table}\"{}\"\n    {more}", redis.url());
    let env = format!("REDIS_PASSWORD={}", redis.password());
    fixture.replace("{store}", "redis").replace("{more}", &table).replace("{env}", &env)
}

const ALL_FUNCTIONS: &str = r#"
    //- GET /keeps/get?ns=test&key=a
    //- 200

    null
    //- GET /keeps/set?ns=test&key=a&value=one
    //- 200

    "set"
    //- GET /keeps/get?ns=test&key=a
    //- 200

    "one"
    //- GET /keeps/swap?ns=test&key=a&old=two&new=three
    //- 200

    false
    //- GET /keeps/swap?ns=test&key=a&old=one&new=three
    //- 200

    true
    //- GET /keeps/swap?ns=test&key=b&new=1
    //- 200

    true
    //- GET /keeps/add?ns=test&key=b&by=41
    //- 200

    {"ends":false,"value":42}
    //- GET /keeps/add?ns=test&key=c&ms=3600000
    //- 200

    {"ends":true,"value":1}
    //- GET /keeps/keys?ns=test&key=
    //- 200

    ["a","b","c"]
    //- GET /keeps/delete?ns=test&key=a
    //- 200

    true
    //- GET /keeps/keys?ns=test&key=b
    //- 200

    ["b"]
    //- GET /keeps/get?ns=other&key=b
    //- 200

    null
    "#;

#[test]
fn a_hook_keeps_values_in_every_store() {
    let redis = RedisServer::start();
    for fixture in [keeps("memory", ""), keeps("embedded", ""), keeps_in(&redis, "")] {
        let mut app = App::lift(&fixture);
        app.check(ALL_FUNCTIONS);
        app.stop();
        assert_eq!(app.logged("error: "), 0, "{}", app.log_text());
    }
    // Where others that look into the same Redis find it.
    assert_eq!(redis.ask("GET boathook:kv:test:a").as_deref(), Some("$-1"));
    assert_eq!(redis.ask("STRLEN boathook:kv:test:b").as_deref(), Some(":2"));
}

#[test]
fn what_is_not_granted_is_an_error_that_says_what_to_write() {
    let mut app = App::lift(&keeps("memory", ""));
    for (request, verb, namespace, line) in [
        ("get?ns=secret&key=a", "read", "secret", r#"["other:ro","secret:ro","test"]"#),
        ("keys?ns=secret&key=a", "read", "secret", r#"["other:ro","secret:ro","test"]"#),
        ("set?ns=secret&key=a", "write", "secret", r#"["other:ro","secret","test"]"#),
        ("set?ns=other&key=a", "write", "other", r#"["other","test"]"#),
        ("add?ns=other&key=a", "write", "other", r#"["other","test"]"#),
        ("swap?ns=other&key=a", "write", "other", r#"["other","test"]"#),
        ("delete?ns=other&key=a", "write", "other", r#"["other","test"]"#),
    ] {
        let said: serde_json::Value =
            serde_json::from_slice(&app.ask("GET", &format!("/keeps/{request}")).body).unwrap();
        assert_eq!(said["error"], "E_NOT_GRANTED", "{request}");
        let wanted = format!(
            "hook `keeps` may not {verb} the namespace `{namespace}` of `kv`\n\
             hint: write `grants = {{ kv = {line} }}` in `[hooks.keeps]`"
        );
        assert_eq!(said["message"], wanted.as_str(), "{request}");
    }
    // Of an app whose hooks have no grant there is no file either.
    let mut app = App::lift("//- hooks\nkeeps\n");
    let said = app.ask("GET", "/keeps/get?ns=test&key=a").text();
    assert!(said.contains("E_NOT_GRANTED"), "{said}");
    assert!(!app.folder().join(".boathook/kv.redb").exists());
}

#[test]
fn a_hook_that_asks_for_more_than_it_has_is_not_lifted() {
    check(
        "
        //- hooks
        rate-limit-shared
        //- fails
        hook `rate-limit-shared`: load: it asks for the grant `kv`, and has it not
        ",
    );
    check(
        "
        //- boathook.toml
        [hooks.rate-limit-shared]
        grants = { kv = [\"rates:ro\"] }
        [hooks.keeps]
        grants = { kv = [\"a b\"] }
        //- hooks
        keeps
        rate-limit-shared
        //- fails
        boathook.toml:4: hook `keeps`: load: the grant `kv` names `a b`
        it asks to write the namespace `rates` of `kv`, and may not
        hint: write `grants = { kv = [\"rates\"] }` in `[hooks.rate-limit-shared]`
        ",
    );
}

#[test]
fn sizes_have_bounds_and_what_is_just_inside_passes() {
    let mut app = App::lift(&keeps("embedded", ""));
    let mut said = |request: &str| app.ask("GET", &format!("/keeps/{request}")).text();
    let key = "k".repeat(512);
    assert_eq!(said(&format!("set?ns=test&key={key}&bytes=65536")), "\"set\"");
    assert_eq!(said(&format!("length?ns=test&key={key}")), "65536");
    let refused = said("set?ns=test&key=a&bytes=65537");
    assert!(refused.contains("E_KV_TOO_LARGE") && refused.contains("65536"), "{refused}");
    for request in
        ["set?ns=test&key=", &format!("set?ns=test&key=k{key}"), "set?ns=test&key=a&ms=0"]
    {
        let refused = said(request);
        assert!(refused.contains("E_KV_INVALID"), "{refused}");
    }
    assert_eq!(said("set?ns=test&key=text&value=x"), "\"set\"");
    assert!(said("add?ns=test&key=text").contains("E_KV_INVALID"));
    assert!(said(&format!("get?ns={}&key=a", "n".repeat(1000))).contains("E_NOT_GRANTED"));
}

#[test]
fn a_full_store_is_an_error_for_the_writer_and_a_503_for_its_client() {
    let small = |store| {
        keeps(store, "").replace("[hooks.keeps]", "size = 1000\n    value = 900\n    [hooks.keeps]")
    };
    for store in ["memory", "embedded"] {
        check(&format!(
            "{}
    //- GET /keeps/set?ns=test&key=a&bytes=800
    //- 200

    \"set\"
    //- GET /keeps/set?ns=test&key=b&bytes=800&fail=yes
    //- 503

    ...E_KV_FULL
    //- GET /keeps/length?ns=test&key=a
    //- 200

    800
    //- GET /keeps/delete?ns=test&key=a
    //- 200

    true
    //- GET /keeps/set?ns=test&key=b&bytes=800&fail=yes
    //- 200

    \"set\"
    ",
            small(store)
        ));
    }
}

#[test]
fn what_expires_is_gone() {
    let mut app = App::lift(&keeps("embedded", ""));
    app.ask("GET", "/keeps/set?ns=test&key=a&value=1&ms=50");
    app.ask("GET", "/keeps/set?ns=test&key=b&value=1&ms=3600000");
    until(|| app.ask("GET", "/keeps/get?ns=test&key=a").text() == "null");
    assert_eq!(app.ask("GET", "/keeps/keys?ns=test&key=").text(), "[\"b\"]");
}

#[test]
fn what_is_kept_in_the_file_is_there_after_a_restart_and_what_is_kept_in_memory_is_not() {
    for (store, kept) in [("embedded", "\"1\""), ("memory", "null")] {
        let mut app = App::lift(&keeps(store, ""));
        assert_eq!(app.ask("GET", "/keeps/set?ns=test&key=a&value=1").text(), "\"set\"");
        app.stop();
        app.start_again();
        assert_eq!(app.ask("GET", "/keeps/get?ns=test&key=a").text(), kept, "{store}");
        app.stop();
    }
}

/// Writes keys of its own one after the other, until nobody answers: how many were acknowledged.
fn write_until_the_end(address: SocketAddr, writer: usize, written: &AtomicUsize) -> usize {
    let mut client = Client::connect(address);
    for number in 0.. {
        let target = format!("/keeps/set?ns=test&key={writer}:{number}&value=v{number}");
        client.request("GET", &target, &[], b"");
        match client.response("GET") {
            Some(response) if response.text() == "\"set\"" => {
                written.fetch_add(1, Ordering::Relaxed);
            }
            Some(response) => panic!("{}: {}", response.status, response.text()),
            None => return number,
        }
    }
    0
}

#[test]
fn every_write_that_was_acknowledged_before_a_kill_is_there_afterwards() {
    let mut app = App::lift(&keeps("embedded", ""));
    let mut before = 0;
    // More than once: what was repaired can be killed, too.
    for round in 0..3 {
        let address = app.address().expect("it listens");
        let written = AtomicUsize::new(0);
        let acknowledged: Vec<usize> = std::thread::scope(|scope| {
            let written = &written;
            let writers: Vec<_> = (0..6)
                .map(|writer| {
                    let id = round * 6 + writer;
                    scope.spawn(move || write_until_the_end(address, id, written))
                })
                .collect();
            until(|| written.load(Ordering::Relaxed) > 150);
            app.signal(Signal::KILL);
            writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
        });
        app.start_again();
        let mut client = app.connect();
        for (writer, count) in acknowledged.iter().enumerate() {
            let id = round * 6 + writer;
            for number in 0..*count {
                let target = format!("/keeps/get?ns=test&key={id}:{number}");
                let said = client.ask("GET", &target).text();
                assert_eq!(said, format!("\"v{number}\""), "writer {id} of {acknowledged:?}");
            }
            before += count;
        }
        let keys = client.ask("GET", "/keeps/keys?ns=test&key=").text();
        let found = keys.matches(':').count();
        // One more of each writer may have been under way.
        assert!((before..=before + (round + 1) * 6).contains(&found), "{found} of {before}");
    }
    app.stop();
}

#[test]
fn with_eventual_durability_a_kill_loses_the_last_second_at_most_and_never_the_file() {
    let fixture = keeps("embedded", "")
        .replace("[hooks.keeps]", "durability = \"eventual\"\n    [hooks.keeps]");
    let mut app = App::lift(&fixture);
    assert_eq!(app.ask("GET", "/keeps/set?ns=test&key=old&value=1").text(), "\"set\"");
    // Writes go on all the while, and that one reaches the disk.
    let (mut client, since) = (app.connect(), Instant::now());
    let mut number = 0;
    while since.elapsed() < Duration::from_secs(4) {
        number += 1;
        let target = format!("/keeps/set?ns=test&key=n{number}&value=1");
        assert_eq!(client.ask("GET", &target).text(), "\"set\"");
    }
    app.signal(Signal::KILL);
    app.start_again();
    assert_eq!(app.ask("GET", "/keeps/get?ns=test&key=old").text(), "\"1\"");
    // What is there is all up to some moment.
    let mut client = app.connect();
    let mut there = |number: usize| {
        client.ask("GET", &format!("/keeps/get?ns=test&key=n{number}")).text() == "\"1\""
    };
    let kept = (1..=number).take_while(|number| there(*number)).count();
    assert!(kept > 0 && (kept + 1..=number).all(|number| !there(number)), "{kept} of {number}");
    // And an orderly end loses nothing.
    assert_eq!(app.ask("GET", "/keeps/set?ns=test&key=last&value=1").text(), "\"set\"");
    app.stop();
    app.start_again();
    assert_eq!(app.ask("GET", "/keeps/get?ns=test&key=last").text(), "\"1\"");
}

#[test]
fn one_server_has_the_file_and_a_look_at_the_app_needs_it_not() {
    let mut app = App::lift(&keeps("embedded", ""));
    assert_eq!(app.ask("GET", "/keeps/set?ns=test&key=a&value=1").text(), "\"set\"");
    for command in [&["check", "{dir}"][..], &["routes", "{dir}"]] {
        let ran = Ran::beside(&app, command);
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.err);
    }
    let ran = Ran::beside(&app, &["serve", "{dir}", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let wanted = "kv.redb: another process has it open";
    assert!(ran.err.contains(wanted) && ran.err.contains("hint: "), "{}", ran.err);
    assert_eq!(app.ask("GET", "/keeps/get?ns=test&key=a").text(), "\"1\"");
}

#[test]
fn kv_works_from_initialize_on_and_keeps_a_hook_from_a_snapshot() {
    let early = keeps("memory", "").replace(
        "//- hooks",
        "//- boathook.development.toml\n    keeps.in = \"configure\"\n    //- hooks",
    );
    check(&format!(
        "{early}
    //- fails
    hook `keeps`: configure: returned an error: `kv.increment` was called in `configure`
    hint: call it in `initialize` or later
    "
    ));
    let later = early.replace("\"configure\"", "\"initialize\"");
    let later =
        later.replace("[hooks.keeps]", "[hooks.keeps]\n    mode = \"fresh\"\n    replay = true");
    let mut app = App::lift(&later);
    assert_eq!(app.ask("GET", "/keeps/get?ns=test&key=other").text(), "null");
    app.log(&["it called `kv` before it was loaded"]);
}

#[test]
fn waiting_for_a_store_takes_no_cpu_and_ends_at_its_timeout() {
    let redis = RedisServer::start();
    let limits = "[hooks.keeps.limits]\n    cpu = \"30ms\"";
    let mut app = App::lift(&keeps_in(&redis, &format!("timeout = \"400ms\"\n    {limits}")));
    assert_eq!(app.ask("GET", "/keeps/set?ns=test&key=a&value=1").text(), "\"set\"");
    redis.halt();
    let response = app.ask("GET", "/keeps/get?ns=test&key=a&fail=yes");
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.text().contains("E_KV_UNAVAILABLE"), "{}", response.text());
    app.log(&["Redis at 127.0.0.1:"]);
    redis.go_on();
    until(|| app.ask("GET", "/keeps/get?ns=test&key=a").text() == "\"1\"");
}

/// The lines of a metric, without its name.
fn metrics(app: &App, name: &str) -> Vec<String> {
    let text = Client::connect(app.admin().expect("a listener")).ask("GET", "/metrics").text();
    text.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
}

#[test]
fn a_redis_that_is_killed_and_started_again_is_503s_and_then_as_it_was() {
    let mut redis = RedisServer::start();
    let admin = "[admin]\n    listen = \"127.0.0.1:0\"";
    let mut app = App::lift(&keeps_in(&redis, admin));
    assert_eq!(app.ask("GET", "/keeps/add?ns=test&key=n&by=7").status, 200);
    assert_eq!(metrics(&app, "boathook_store_redis_up"), ["{store=\"kv\"} 1"]);
    redis.kill();
    for _ in 0..20 {
        let response = app.ask("GET", "/keeps/add?ns=test&key=n&fail=yes");
        assert_eq!(response.status, 503, "{}", response.text());
    }
    assert_eq!(metrics(&app, "boathook_store_redis_up"), ["{store=\"kv\"} 0"]);
    let changes = |count| format!("{{store=\"kv\",operation=\"change\"}} {count}");
    assert!(metrics(&app, "boathook_store_calls_total").contains(&changes(21)));
    assert!(metrics(&app, "boathook_store_failures_total").contains(&changes(20)));
    redis.start_again();
    until(|| app.ask("GET", "/keeps/get?ns=test&key=n").text() == "\"7\"");
    app.stop();
}

#[test]
fn a_redis_that_is_not_there_or_refuses_the_password_fails_the_lift() {
    let mut redis = RedisServer::start();
    let fixture = keeps_in(&redis, "");
    let wrong = fixture.replace("REDIS_PASSWORD=", "REDIS_PASSWORD=not-");
    check(&format!("{wrong}\n    //- fails\n    the store of `kv`: Redis at 127.0.0.1:\n    "));
    redis.kill();
    check(&format!("{fixture}\n    //- fails\n    the store of `kv`: Redis at 127.0.0.1:\n    "));
}

#[test]
fn redis_is_reached_by_tls_if_the_system_trusts_its_certificate() {
    let redis = RedisServer::start();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let url = redis.url_by_tls(&certificate, &key);
    let fixture = keeps_in(&redis, "").replace(&redis.url(), &url);
    // Nobody has heard of whoever signed it.
    check(&format!("{fixture}\n    //- fails\n    the store of `kv`: Redis at 127.0.0.1:\n    "));
    let trusted = format!("SSL_CERT_FILE={}\n    REDIS_PASSWORD=", certificate.display());
    let mut app = App::lift(&fixture.replace("REDIS_PASSWORD=", &trusted));
    app.check(ALL_FUNCTIONS);
    app.stop();
}

const RATE_LIMIT: &str = "
    //- boathook.toml
    [kv]
    store = \"{store}\"
    [hooks.rate-limit-shared]
    mode = \"pooled\"
    grants = { kv = [\"rates\"] }
    [[routes]]
    address = \"POST /x\"
    respond = { status = 200, body = \"in\" }
    {more}
    //- env
    {env}
    //- hooks
    rate-limit-shared
    ";

/// Has many clients post at once, to these servers in turn: how many were let in, and how many were not.
fn post(addresses: &[SocketAddr], clients: usize, each: usize) -> (usize, usize) {
    let (passed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (passed, refused) = (&passed, &refused);
            let mut client = Client::connect(addresses[client % addresses.len()]);
            scope.spawn(move || {
                for _ in 0..each {
                    match client.ask("POST", "/x").status {
                        200 => passed.fetch_add(1, Ordering::Relaxed),
                        429 => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    (passed.into_inner(), refused.into_inner())
}

#[test]
fn a_shared_rate_limit_is_exact_over_many_instances() {
    for store in ["memory", "embedded"] {
        let fixture = RATE_LIMIT.replace("{store}", store);
        let mut app = App::lift(&fixture.replace("{more}", "").replace("{env}", "A=b"));
        let address = app.address().expect("it listens");
        assert_eq!(post(&[address], 12, 20), (100, 140), "{store}");
        let response = app.ask("POST", "/x");
        let wait: u64 = response.header("retry-after").expect("when").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
}

#[test]
fn a_shared_rate_limit_is_exact_over_two_servers_behind_one_redis() {
    let redis = RedisServer::start();
    let fixture = in_redis(RATE_LIMIT, &redis, "");
    let (mut one, mut other) = (App::lift(&fixture), App::lift(&fixture));
    let addresses = [one.address().expect("one"), other.address().expect("another")];
    assert_eq!(post(&addresses, 12, 20), (100, 140));
    // One that begins anew has forgotten nothing.
    one.start_again();
    assert_eq!(one.ask("POST", "/x").status, 429);
}
