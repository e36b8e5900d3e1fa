//! Events: waiting, subscribing, firing.

use crate::harness::{App, RedisServer, check, until};

#[test]
fn a_hook_waits_for_another_to_load() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:b:loaded\"]
        //- hooks
        a: wait-for
        b: trace
        //- log
        b hook loaded
        goes on hook=a
        a hook loaded
        ",
    );
}

#[test]
fn a_wait_for_several_ends_with_the_last_of_them_in_whatever_order_they_fire() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:c:loaded\", \"hook:b:loaded\", \"hook:b:half\"]
        b = { emit = [\"hook:b:half\"], wait = [\"hook:c:loaded\"] }
        //- hooks
        a: wait-for
        b: wait-for
        c: trace
        //- log
        c hook loaded
        b hook loaded
        goes on hook=a
        ",
    );
}

#[test]
fn a_wait_for_what_has_fired_already_returns_at_once() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:b:loaded\", \"hook:b:loaded\"]
        //- hooks
        a: wait-for; after = [\"b\"]
        b: trace
        //- log
        b hook loaded
        waits hook=a
        goes on hook=a
        ",
    );
}

#[test]
fn a_wait_for_nothing_returns_at_once() {
    check(
        "
        //- hooks
        a: wait-for
        //- log
        goes on hook=a
        ",
    );
}

#[test]
fn hooks_that_wait_for_each_other_fail_at_once_and_each_names_its_events() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a.wait = [\"hook:b:loaded\"]
        b.wait = [\"hook:a:loaded\"]
        //- hooks
        a: wait-for
        b: wait-for
        //- fails
        hook `a` waits for `hook:b:loaded`
        ",
    );
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a.wait = [\"hook:b:loaded\"]
        b.wait = [\"hook:a:loaded\"]
        //- hooks
        a: wait-for
        b: wait-for
        //- fails
        hook `b` waits for `hook:a:loaded`
        ",
    );
}

#[test]
fn a_wait_for_what_nobody_fires_fails_at_once_and_names_it() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        hooks.off = false
        a.wait = [\"hook:off:loaded\", \"no-such-thing\"]
        //- hooks
        a: wait-for
        off: trace
        //- fails
        hook `a`: initialize: returned an error: no hook that is not loaded yet can go on: hook `a` waits for `hook:off:loaded`, `no-such-thing`
        ",
    );
}

#[test]
fn a_timeout_names_what_was_awaited() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a = { wait = [\"hook:m:loaded\"], _hookTimeout = 300 }
        m = { in = \"initialize\", how = \"sleep\", _hookTimeout = 900 }
        //- hooks
        a: wait-for
        m: misbehave
        //- fails
        hook `a`: initialize: E_HOOK_TIMEOUT: time limit of 300ms reached while waiting for `hook:m:loaded`: its time of 300ms was set by boathook.toml:2
        ",
    );
}

#[test]
fn a_hook_that_fails_fires_its_error_event() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:m:error\"]
        m = { in = \"initialize\", how = \"error\" }
        //- hooks
        a: wait-for
        m: misbehave
        //- fails
        goes on hook=a
        hook `m`: initialize: returned an error: out of luck
        ",
    );
}

#[test]
fn a_subscription_delivers_what_fired_before_it_and_what_fires_later() {
    check(
        "
        //- boathook.toml
        ears.events = [\"hook:emit:loaded\", \"ready\", \"lifted\", \"news\", \"bad-news\"]
        //- hooks
        emit
        ears: listen; after = [\"emit\"]
        //- log
        heard hook:emit:loaded
        heard ready
        heard lifted
        //- GET /emit?event=news
        //- 200
        //- log
        heard news {\"by\":\"/emit\"} hook=ears
        //- GET /emit?event=bad-news
        //- 200
        //- log
        heard bad-news
        hook `ears`: handle-event: returned an error: did not like it
        //- GET /emit?event=news
        //- 200
        //- stop
        //- log
        heard bad-news
        heard news
        ",
    );
}

#[test]
fn a_hook_cannot_fire_the_servers_events_nor_another_hooks() {
    for event in ["ready", "lifted", "lower", "hook:other:x", "hook:emit:loaded", "hook:emit:error"]
    {
        check(&format!(
            "
            //- hooks
            emit
            //- GET /emit?event={event}
            //- 403
            //- GET /emit?event=hook:emit:own
            //- 200
            "
        ));
    }
}

#[test]
fn what_belongs_to_the_start_is_refused_in_a_request() {
    check(
        "
        //- hooks
        publishes-late
        //- GET /late
        //- 200

        [\"E_PUBLISH\",\"E_EVENT_WAIT\",\"E_EVENT_SUBSCRIBE\",\"E_CONFIG_FROZEN\"]
        ",
    );
}

/// A server of an app whose hooks emit, and hear what is emitted.
const NODE: &str = "
    //- boathook.toml
    ears.events = [\"news\", \"hook:emit:own\", \"ready\", \"secret\"]
    admin.listen = \"127.0.0.1:0\"
    {more}
    [redis]
    password = { env = \"REDIS_PASSWORD\" }
    timeout = \"500ms\"
    url = \"{url}\"
    //- env
    REDIS_PASSWORD={password}
    //- hooks
    emit
    ears: listen
    ";

fn node(redis: &RedisServer, more: &str) -> App {
    let fixture = NODE.replace("{url}", &redis.url()).replace("{more}", more);
    App::lift(&fixture.replace("{password}", redis.password()))
}

/// What an app's metrics say under a name.
#[track_caller]
fn metric(app: &App, name: &str) -> u64 {
    let mut client = crate::harness::Client::connect(app.admin().expect("an admin listener"));
    let text = client.ask("GET", "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no `{name}` in\n{text}"))
}

#[track_caller]
fn emit(app: &mut App, event: &str) {
    assert_eq!(app.ask("GET", &format!("/emit?event={event}")).status, 200);
}

#[test]
fn what_cannot_be_an_event_is_not_subscribed_to() {
    check(&format!(
        "
        //- boathook.toml
        [ears]
        events = [\"{}\"]
        //- hooks
        ears: listen
        //- fails
        error: hook `ears`: initialize: returned an error: an event's name has up to 256 bytes
        ",
        "e".repeat(257)
    ));
}

#[test]
fn what_a_hook_emits_is_heard_once_on_every_server_of_the_app() {
    let redis = RedisServer::start();
    let (mut one, mut other) = (node(&redis, ""), node(&redis, ""));
    for _ in 0..20 {
        emit(&mut one, "news");
    }
    emit(&mut one, "hook:emit:own");
    for app in [&mut one, &mut other] {
        // The last one is behind all others: order holds.
        app.log(&["heard news {\"by\":\"/emit\"} hook=ears", "heard hook:emit:own"]);
        assert_eq!(app.logged("heard news"), 20);
        // That a server is ready is its own affair.
        assert_eq!(app.logged("heard ready"), 1);
    }
    assert_eq!(metric(&one, "boathook_nodes_up"), 1);
    assert_eq!(metric(&one, "boathook_nodes_events_sent_total"), 21);
    assert_eq!(metric(&one, "boathook_nodes_events_received_total"), 0);
    assert_eq!(metric(&other, "boathook_nodes_events_received_total"), 21);
    one.stop();
    emit(&mut other, "news");
    other.log(&["heard hook:emit:own", "heard news"]);
    other.stop();
}

#[test]
fn servers_with_another_prefix_or_database_or_that_are_told_not_to_hear_nothing() {
    let redis = RedisServer::start();
    let (mut one, mut other) = (node(&redis, ""), node(&redis, ""));
    let fixture = |more: &str, url: &str| {
        let fixture = NODE.replace("{url}", url).replace("{more}", more);
        App::lift(&fixture.replace("{password}", redis.password()))
    };
    let strangers = [
        fixture("", &format!("{}\"\n    prefix = \"other:", redis.url())),
        fixture("", &format!("{}/1", redis.url())),
        fixture("events.nodes = false", &redis.url()),
    ];
    emit(&mut one, "news");
    other.log(&["heard news"]);
    for mut app in strangers {
        // Whatever reached the other one would have been here by the time that this one has stopped.
        app.stop();
        assert_eq!(app.logged("heard news"), 0, "{}", app.log_text());
    }
    assert_eq!(redis.ask("PUBSUB NUMSUB boathook:events:0").as_deref(), Some("*2"));
}

#[test]
fn without_redis_events_of_a_server_go_on_and_cross_again_once_it_is_back() {
    let mut redis = RedisServer::start();
    let (mut one, mut other) = (node(&redis, ""), node(&redis, ""));
    emit(&mut one, "news");
    other.log(&["heard news"]);
    redis.kill();
    one.log(&["warn: events do not reach other servers, nor theirs this one: Redis at 127.0.0.1:"]);
    until(|| metric(&one, "boathook_nodes_up") == 0);
    emit(&mut one, "hook:emit:own");
    one.log(&["heard hook:emit:own"]);
    redis.start_again();
    until(|| [&one, &other].iter().all(|app| metric(app, "boathook_nodes_up") == 1));
    let before = other.logged("heard news");
    until(|| {
        emit(&mut one, "news");
        other.logged("heard news") > before
    });
    assert_eq!(one.logged("warn: events do not reach"), 1, "{}", one.log_text());
    one.stop();
    other.stop();
}

#[test]
fn a_redis_that_does_not_answer_holds_up_neither_an_emit_nor_the_end() {
    let redis = RedisServer::start();
    let (mut one, mut other) = (node(&redis, ""), node(&redis, ""));
    redis.halt();
    for _ in 0..5 {
        emit(&mut one, "news");
    }
    until(|| one.logged("heard news") == 5);
    one.log(&["warn: events do not reach other servers"]);
    one.stop();
    redis.go_on();
    until(|| metric(&other, "boathook_nodes_up") == 1);
    // What had been on its way may have arrived, and nothing twice.
    emit(&mut other, "hook:emit:own");
    other.log(&["heard hook:emit:own"]);
    assert!(other.logged("heard news") <= 5, "{}", other.log_text());
    // One that is lifted meanwhile does not wait for it.
    redis.halt();
    let mut late = node(&redis, "");
    late.log(&["warn: events do not reach other servers"]);
    redis.go_on();
    until(|| metric(&late, "boathook_nodes_up") == 1);
}

#[test]
fn what_anybody_writes_to_the_channel_is_checked() {
    let redis = RedisServer::start();
    let mut app = node(&redis, "");
    let head = |event: &str| {
        let head = format!(
            "{{\\\"version\\\":1,\\\"node\\\":1,\\\"sequence\\\":{{n}},\\\"event\\\":\\\"{event}\\\"}}"
        );
        format!("\"{head}\\n{{}}\"")
    };
    let long = "x".repeat(300);
    let bad = ["nonsense".to_owned(), head("ready"), head("hook:ears:loaded"), head(&long)];
    for (at, message) in bad.iter().enumerate() {
        let message = message.replace("{n}", &(at + 1).to_string());
        let published = redis.ask(&format!("PUBLISH boathook:events:0 {message}"));
        assert_eq!(published.as_deref(), Some(":1"), "{message}");
    }
    redis.ask(&format!("PUBLISH boathook:events:0 {}", head("news").replace("{n}", "9")));
    app.log(&["warn: refused what came as an event of another server", "heard news {} hook=ears"]);
    assert_eq!(metric(&app, "boathook_nodes_events_dropped_total{why=\"refused\"}"), 4);
    assert_eq!(app.logged("heard ready"), 1, "{}", app.log_text());
}

#[test]
fn the_password_of_redis_stays_out_of_what_hooks_write() {
    let redis = RedisServer::start();
    let fixture = NODE.replace("\"secret\"", "\"{password}\"").replace("{more}", "");
    let fixture = fixture.replace("{url}", &redis.url()).replace("{password}", redis.password());
    let mut app = App::lift(&fixture);
    emit(&mut app, redis.password());
    app.log(&["heard [secret redis.password] "]);
    assert_eq!(app.logged(redis.password()), 0, "{}", app.log_text());
}
