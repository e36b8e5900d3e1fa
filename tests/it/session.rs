//! Sessions, as a browser sees them: what lasts from one request to the next, and when a cookie is sent.

use crate::harness::{App, Browser, RedisServer, Response, check};

const APP: &str = "
    //- env
    BOATHOOK_SECRET_SESSION=a-secret-for-tests-that-is-long-enough
    //- boathook.toml
    hooks.sessions.grants.session = true
    [session]
    idle = \"1h\"
    [[routes]]
    address = \"GET /off/*\"
    respond = { status = 204 }
    session = false
    [[routes]]
    address = \"GET /*\"
    respond = { body = \"nobody\" }
    //- hooks
    sessions
    ";

fn says_cookie(response: &Response) -> bool {
    response.header("set-cookie").is_some()
}

#[test]
fn what_is_set_lasts_for_one_browser_and_costs_it_one_cookie() {
    let mut app = App::lift(APP);
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    let first = ada.gets(&mut app, "/set?key=userId&value=7", "null");
    let cookie = first.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("boathook.sid="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
    let again = ada.gets(&mut app, "/get?key=userId", "7");
    assert!(!says_cookie(&again));
    assert!(!says_cookie(&ada.gets(&mut app, "/set?key=b&value=1", "null")));
    ada.gets(&mut app, "/all", r#"{"b":1,"userId":7}"#);
    ada.gets(&mut app, "/delete?key=b", "null");
    ada.gets(&mut app, "/all", r#"{"userId":7}"#);
    bob.gets(&mut app, "/get?key=userId", "null");
}

#[test]
fn a_request_that_does_not_touch_it_or_only_looks_gets_no_cookie() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    for target in ["/nothing", "/get?key=userId", "/all", "/delete?key=a", "/read-flash?key=a"] {
        assert!(!says_cookie(&browser.get(&mut app, target)), "{target}");
    }
    for target in ["/destroy", "/regenerate", "/set.js?key=a&value=1"] {
        assert!(!says_cookie(&browser.get(&mut app, target)), "{target}");
    }
    // What was set to what it was has not changed either.
    browser.get(&mut app, "/set?key=a&value=1");
    assert!(!says_cookie(&browser.get(&mut app, "/set?key=a&value=1")));
}

#[test]
fn who_logs_in_gets_an_id_that_nobody_else_knows() {
    let mut app = App::lift(APP);
    let mut attacker = Browser::default();
    attacker.gets(&mut app, "/set?key=cart&value=3", "null");
    let mut victim = attacker.clone();
    victim.gets(&mut app, "/log-in?value=7", "null");
    assert_ne!(victim.cookie(), attacker.cookie());
    victim.gets(&mut app, "/all", r#"{"cart":3,"userId":7}"#);
    attacker.gets(&mut app, "/all", "{}");
}

#[test]
fn a_cookie_that_the_server_did_not_make_is_none() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    browser.gets(&mut app, "/set?key=userId&value=7", "null");
    let good = browser.cookie().expect("a cookie").to_owned();
    let (name, value) = good.split_once('=').expect("a pair");
    let flipped: String = value.chars().rev().collect();
    for forged in [format!("{name}={flipped}"), format!("{good}0"), format!("{name}=")] {
        let mut forger = Browser::with(&forged);
        forger.gets(&mut app, "/get?key=userId", "null");
    }
}

#[test]
fn who_logs_out_is_out_and_the_cookie_is_gone() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    let kept = browser.clone();
    assert!(says_cookie(&browser.gets(&mut app, "/destroy", "null")));
    assert_eq!(browser.cookie(), None);
    kept.clone().gets(&mut app, "/get?key=userId", "null");
}

#[test]
fn a_flash_is_read_once() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    browser.gets(&mut app, "/flash?key=success&value=%22Saved%22", "null");
    browser.gets(&mut app, "/all", "{}");
    browser.gets(&mut app, "/read-flash?key=success", "\"Saved\"");
    browser.gets(&mut app, "/read-flash?key=success", "null");
}

#[test]
fn paths_of_files_and_routes_that_say_so_have_no_session() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    for folder in ["off", "files"] {
        let dot = if folder == "files" { ".txt" } else { "" };
        browser.gets(&mut app, &format!("/{folder}/get{dot}?key=userId"), "null");
        browser.gets(&mut app, &format!("/{folder}/all{dot}"), "{}");
        let refused = browser.get(&mut app, &format!("/{folder}/set{dot}?key=userId&value=8"));
        assert_eq!(refused.status, 500);
        assert!(refused.text().contains("E_SESSION_OFF"), "{}", refused.text());
    }
    browser.gets(&mut app, "/get?key=userId", "7");
}

#[test]
fn what_a_skipped_hook_did_to_the_session_is_taken_back() {
    let mut app = App::lift(&APP.replace(
        "hooks.sessions.grants.session = true",
        "hooks.sessions = { grants = { session = true }, on_failure = \"skip\" }",
    ));
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    assert!(!says_cookie(&browser.gets(&mut app, "/fails", "nobody")));
    browser.gets(&mut app, "/get?key=userId", "7");
    let mut nobody = Browser::default();
    assert!(!says_cookie(&nobody.gets(&mut app, "/fails", "nobody")));
}

#[test]
fn it_can_be_changed_on_the_way_back_and_read_after_the_end() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    assert!(says_cookie(&browser.gets(&mut app, "/late", "nobody")));
    browser.gets(&mut app, "/all", r#"{"late":true}"#);
    browser.gets(&mut app, "/log-in?value=7", "null");
    browser.gets(&mut app, "/after", "nobody");
    app.check("//- log\nafter: 7 and refused");
    browser.gets(&mut app, "/all", r#"{"late":true,"userId":7}"#);
}

#[test]
fn two_exchanges_at_the_same_time_do_not_lose_each_others_keys() {
    let mut app = App::lift(APP);
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    let cookie = format!("cookie: {}", browser.cookie().expect("a cookie").to_owned());
    let address = app.address().expect("it listens");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let cookie = cookie.clone();
            scope.spawn(move || {
                let mut client = crate::harness::Client::connect(address);
                let target = format!("/slow?ms=300&key=k{number}&value={number}");
                client.request("GET", &target, &[cookie], b"");
                assert_eq!(client.response("GET").expect("an answer").status, 200);
            });
        }
    });
    let keys: Vec<String> = (0..8).map(|number| format!("\"k{number}\":{number}")).collect();
    browser.gets(&mut app, "/all", &format!("{{{},\"userId\":7}}", keys.join(",")));
}

/// The app, with a hook ahead that pries, and an upstream that tells what it got.
fn pried_into(session: &str) -> App {
    let route = |at: &str| {
        format!("[[routes]]\n    address = \"{at}\"\n    upstream = \"http://{{upstream}}\"\n    ")
    };
    let upstream = format!("{}{}[[routes]]", route("/up/*"), route("/late"));
    let toml = APP
        .replace("idle = \"1h\"", session)
        .replacen("[[routes]]", &upstream, 1)
        .replace("    sessions\n", "    sessions: sessions; after = [\"pries\"]\n    pries\n");
    App::lift(&toml)
}

fn set_cookies(response: &Response) -> Vec<&str> {
    response.all("set-cookie").collect()
}

/// What the hook ahead says, on the way in or back.
fn said(response: &Response, header: &str) -> String {
    response.header(header).unwrap_or_default().to_owned()
}

#[test]
fn no_hook_sees_the_cookie_and_no_upstream_gets_it() {
    let mut app = pried_into("");
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    let id = browser.cookie().expect("a cookie").to_owned();
    let seen = browser.gets(&mut app, "/get?key=userId", "7");
    assert_eq!(said(&seen, "x-seen"), "[null,[],null,0]");
    assert_eq!(said(&seen, "x-seen-back"), "[null,[]]");
    // In whichever line it comes, and beside whatever.
    let lines = [format!("cookie: a=b; {id}; c=d"), "cookie: boathook.sid=x;e=f".to_owned()];
    for target in ["/get?key=userId", "/up/x"] {
        let seen = app.send("GET", target, &lines, "");
        assert_eq!(
            said(&seen, "x-seen"),
            r#"["a=b; c=d; e=f",[["a","b"],["c","d"],["e","f"]],null,2]"#
        );
        assert_eq!(said(&seen, "x-seen-back"), r#"["a=b; c=d; e=f",[]]"#);
        match target {
            "/up/x" => assert!(!seen.text().contains("boathook.sid"), "{}", seen.text()),
            _ => assert_eq!(seen.text(), "7"),
        }
    }
    // A new one goes past them, too.
    let given = Browser::default().get(&mut app, "/log-in?value=7");
    assert!(says_cookie(&given));
    assert_eq!(said(&given, "x-seen-back"), "[null,[]]");
}

#[test]
fn no_hook_sets_the_cookie_nor_deletes_it() {
    let mut app = pried_into("");
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    for place in ["request", "response", "more"] {
        let refused = browser.get(&mut app, &format!("/forge/{place}"));
        assert_eq!(refused.status, 502, "{place}");
        assert!(!says_cookie(&refused), "{place}");
    }
    app.check(
        "
        //- log
        cookie `boathook.sid` is that of sessions, and cannot be set by a hook
        hint: use `session`, or another name
        ",
    );
    // Others it may set.
    let set = browser.get(&mut app, "/forge/other?cookie=a%3Db");
    assert_eq!(said(&set, "x-seen"), r#"["a=b",[["a","b"]],null,1]"#);
    browser.gets(&mut app, "/get?key=userId", "7");
}

#[test]
fn what_an_upstream_says_of_the_cookie_is_dropped() {
    let mut app = pried_into("");
    let answer = |name: &str| format!("x-answer-header: set-cookie={name}; Path=/");
    let headers = [answer("boathook.sid=theirs"), answer("theirs=1")];
    let response = app.send("GET", "/up/x", &headers, "");
    assert_eq!(set_cookies(&response), ["theirs=1; Path=/"]);
    assert_eq!(said(&response, "x-seen-back"), r#"[null,["theirs=1; Path=/"]]"#);
    app.check(
        "
        //- log
        an upstream's `set-cookie` of `boathook.sid` was dropped, as that is the cookie of sessions
        ",
    );
}

#[test]
fn an_upstream_that_shares_the_cookie_gets_it_and_sets_it_past_the_hooks() {
    let mut app = pried_into("forward = true");
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    let id = browser.cookie().expect("a cookie").to_owned();
    let headers = [
        format!("cookie: {id}; a=b"),
        "x-answer-header: set-cookie=boathook.sid=theirs; Path=/".to_owned(),
    ];
    let response = app.send("GET", "/up/x", &headers, "");
    assert!(response.text().contains(&format!("cookie: a=b; {id}\n")), "{}", response.text());
    assert_eq!(set_cookies(&response), ["boathook.sid=theirs; Path=/"]);
    assert_eq!(said(&response, "x-seen"), r#"["a=b",[["a","b"]],null,1]"#);
    assert_eq!(said(&response, "x-seen-back"), r#"["a=b",[]]"#);
    let alone = browser.get(&mut app, "/up/x");
    assert!(alone.text().contains(&format!("cookie: {id}\n")), "{}", alone.text());
    // What the server itself has to say counts for more.
    let late = app.send("GET", "/late", &headers[1..], "");
    assert_eq!(set_cookies(&late).len(), 1);
    assert!(!set_cookies(&late)[0].contains("theirs"), "{late:?}");
}

#[test]
fn where_there_are_no_sessions_it_is_a_cookie_like_any_other() {
    check(
        "
        //- hooks
        pries
        //- GET /x
        cookie: boathook.sid=1
        //- 404
        x-seen: [\"boathook.sid=1\",[[\"boathook.sid\",\"1\"]],\"1\",1]
        //- GET /forge/response
        //- 404
        set-cookie: boathook.sid=forged
        ",
    );
}

#[test]
fn a_session_holds_so_much_and_not_more() {
    let mut app = App::lift(&APP.replace("idle = \"1h\"", "max_bytes = \"1KiB\""));
    let mut browser = Browser::default();
    browser.gets(&mut app, "/long?key=ab&bytes=1020", "null");
    let refused = browser.get(&mut app, "/long?key=ab&bytes=1021");
    assert_eq!(refused.status, 500);
    assert!(refused.text().contains("E_SESSION_TOO_LARGE"), "{}", refused.text());
    app.check("//- log\na session holds 1024 bytes of keys and values (`session.max_bytes`)");
    assert_eq!(browser.get(&mut app, "/get?key=ab").text().len(), 1022);
}

#[test]
fn a_store_without_room_is_an_error_or_no_session_as_configured() {
    let full = APP.replace("idle = \"1h\"", "size = \"1KiB\"");
    let mut app = App::lift(&full);
    let mut browser = Browser::default();
    let refused = browser.get(&mut app, "/long?key=a&bytes=2000");
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("E_SESSION_STORE"), "{}", refused.text());
    assert!(!says_cookie(&refused));
    let lenient = full.replace("size = ", "on_store_failure = \"empty\"\n    size = ");
    let mut app = App::lift(&lenient);
    assert!(!says_cookie(&browser.gets(&mut app, "/long?key=a&bytes=2000", "null")));
    app.check("//- log\nthe session cannot be written: the store is full");
}

#[test]
fn when_memory_is_full_the_sessions_that_end_first_make_room() {
    let admin = "[admin]\n    listen = \"127.0.0.1:0\"\n    [session]\n    size = \"8KiB\"";
    let mut app = App::lift(&APP.replace("[session]\n    idle = \"1h\"", admin));
    let mut browsers: Vec<Browser> = (0..6).map(|_| Browser::default()).collect();
    for browser in &mut browsers {
        browser.gets(&mut app, "/long?key=a&bytes=2000", "null");
        // So that no two expire in the same millisecond.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    browsers[0].gets(&mut app, "/get?key=a", "null");
    assert_eq!(browsers[5].get(&mut app, "/get?key=a").text().len(), 2002);
    app.check("//- log\nsessions in memory are full");
    let admin = app.admin().expect("there is an admin listener");
    let metrics = crate::harness::Client::connect(admin).ask("GET", "/metrics").text();
    let dropped = metrics.lines().find_map(|line| {
        line.strip_prefix("boathook_sessions_dropped_total ")?.parse::<u32>().ok()
    });
    assert!(dropped.is_some_and(|dropped| dropped >= 2), "{metrics}");
}

#[test]
fn a_hook_without_the_grant_has_no_sessions() {
    check(
        "
        //- hooks
        sessions
        //- fails
        hook `sessions`: load: it asks for the grant `session`, and has it not
        hint: add `grants = { session = true }` to `[hooks.sessions]`
        ",
    );
    check(
        "
        //- boathook.toml
        hooks.sessions.grants.session = false
        //- hooks
        sessions
        //- GET /get?key=a
        //- 500

        ...E_NOT_GRANTED
        //- log
        hook `sessions` has no grant for sessions
        ",
    );
}

#[test]
fn production_wants_a_secret_and_development_makes_one() {
    const FIXTURE: &str = "
        //- boathook.toml
        hooks.sessions.grants.session = true
        //- hooks
        sessions
        ";
    check(&format!(
        "{FIXTURE}
        //- args
        --env
        production
        //- fails
        session: secret `session`: `BOATHOOK_SECRET_SESSION` is not set
        hint: set `BOATHOOK_SECRET_SESSION`, to what `openssl rand -hex 32` prints
        "
    ));
    check(&format!(
        "{FIXTURE}
        //- GET /set?key=a&value=1
        //- 200
        //- log
        sessions are signed with a secret that was made up for this run
        "
    ));
    // Who has no sessions needs no secret for them.
    check(
        "
        //- args
        --env
        production
        //- hooks
        trace
        //- GET /nowhere
        //- 404
        ",
    );
}

/// The app, with its sessions in Redis.
fn in_redis(redis: &RedisServer, more: &str) -> String {
    let (url, password) = (redis.url(), redis.password());
    let table = format!(
        "store = \"redis\"\n    {more}\n    [redis]\n    url = \"{url}\"\n    \
         password = {{ env = \"REDIS_PASSWORD\" }}\n    timeout = \"500ms\""
    );
    let env = format!("//- env\n    REDIS_PASSWORD={password}");
    APP.replace("idle = \"1h\"", &table).replace("//- env", &env)
}

#[test]
fn two_servers_behind_one_redis_share_their_sessions() {
    let redis = RedisServer::start();
    let fixture = in_redis(&redis, "");
    let (mut first, mut second) = (App::lift(&fixture), App::lift(&fixture));
    let mut browser = Browser::default();
    browser.gets(&mut first, "/log-in?value=7", "null");
    for turn in 0..10 {
        browser.gets(&mut second, &format!("/set?key=turn&value={turn}"), "null");
        browser.gets(&mut first, "/all", &format!("{{\"turn\":{turn},\"userId\":7}}"));
    }
    browser.gets(&mut first, "/flash?key=note&value=1", "null");
    browser.gets(&mut second, "/read-flash?key=note", "1");
    browser.gets(&mut first, "/read-flash?key=note", "null");
    let kept = browser.clone();
    browser.gets(&mut second, "/destroy", "null");
    kept.clone().gets(&mut first, "/all", "{}");
}

#[test]
fn while_redis_is_away_sessions_are_errors_or_empty_and_afterwards_as_they_were() {
    let mut redis = RedisServer::start();
    let mut strict = App::lift(&in_redis(&redis, ""));
    let mut lenient = App::lift(&in_redis(&redis, "on_store_failure = \"empty\""));
    let mut browser = Browser::default();
    browser.gets(&mut strict, "/log-in?value=7", "null");
    redis.kill();
    let refused = browser.get(&mut strict, "/get?key=userId");
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("E_SESSION_STORE"), "{}", refused.text());
    assert!(!says_cookie(&refused));
    // Who does not touch it does not notice.
    browser.gets(&mut strict, "/nothing", "nobody");
    browser.gets(&mut lenient, "/get?key=userId", "null");
    assert!(!says_cookie(&browser.gets(&mut lenient, "/set?key=a&value=1", "null")));
    // Who logs out is out of this browser at least.
    let mut leaves = browser.clone();
    assert_eq!(leaves.get(&mut strict, "/destroy").status, 503);
    assert!(leaves.cookie().is_some());
    leaves.gets(&mut lenient, "/destroy", "null");
    assert_eq!(leaves.cookie(), None);
    lenient.check("//- log\na session that was to end may still be in the store");
    redis.start_again();
    for app in [&mut strict, &mut lenient] {
        let until = std::time::Instant::now() + crate::harness::PATIENCE;
        while browser.get(app, "/all").text() != "{\"userId\":7}" {
            assert!(std::time::Instant::now() < until, "it does not come back");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

#[test]
fn who_logs_out_as_redis_goes_away_is_out_or_told_that_they_are_not() {
    for (lenient, status) in [(true, 200), (false, 503)] {
        let mut redis = RedisServer::start();
        let more = if lenient { "on_store_failure = \"empty\"" } else { "" };
        let mut app = App::lift(&in_redis(&redis, more));
        let mut browser = Browser::default();
        browser.gets(&mut app, "/log-in?value=7", "null");
        let cookie = format!("cookie: {}", browser.cookie().expect("a cookie"));
        let mut client = crate::harness::Client::connect(app.address().expect("it listens"));
        client.request("GET", "/slow-destroy?ms=2000", &[cookie], b"");
        // By now it has been read, as a rule; where it has not, the answer is to be the same.
        std::thread::sleep(std::time::Duration::from_millis(500));
        redis.kill();
        let answer = client.response("GET").expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        let gone = set_cookies(&answer).iter().any(|field| field.contains("Max-Age=0"));
        assert_eq!(gone, lenient, "{answer:?}");
        // What was not deleted is there again with the store, for whoever has kept the cookie.
        redis.start_again();
        let until = std::time::Instant::now() + crate::harness::PATIENCE;
        while browser.get(&mut app, "/get?key=userId").text() != "7" {
            assert!(std::time::Instant::now() < until, "it does not come back");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

#[test]
fn sessions_in_a_file_survive_a_restart() {
    let mut app = App::lift(&APP.replace("idle = \"1h\"", "store = \"embedded\""));
    let mut browser = Browser::default();
    browser.gets(&mut app, "/log-in?value=7", "null");
    app.start_again();
    browser.gets(&mut app, "/get?key=userId", "7");
}
