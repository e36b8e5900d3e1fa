//! Errors: one table of statuses and codes, one form for clients, one for the log.

use crate::harness::{App, check};

#[test]
fn an_error_of_a_hook_is_a_500_whose_words_stay_in_the_log() {
    check(
        "
        //- args
        --env
        production
        //- hooks
        fails
        //- GET /fails
        //- 500
        content-type: text/plain; charset=utf-8
        x-content-type-options: nosniff

        ...Internal Server Error
        ...a hook failed
        ...E_HOOK_ERROR
        ...request
        //- log
        error: hook `fails`: handle-route: returned an error: the words of the hook request=
        ",
    );
}

#[test]
fn details_are_shown_in_development_alone() {
    let body = |environment: &str| {
        let mut app = App::lift(&format!("//- args\n--env\n{environment}\n//- hooks\nfails"));
        let text = app.send("GET", "/fails", &[], "").text();
        let json = app.send("GET", "/fails", &["accept: application/json".into()], "").text();
        (text, json)
    };
    let (text, json) = body("development");
    assert!(text.contains("the words of the hook"), "{text}");
    assert!(json.contains(r#""details":{"key":"s3cret"}"#), "{json}");
    let (text, json) = body("production");
    for body in [text, json] {
        assert!(!body.contains("words") && !body.contains("s3cret"), "{body}");
    }
}

#[test]
fn a_browser_gets_a_page_of_what_went_wrong_in_development_alone() {
    let page = |environment: &str, target: &str| {
        let mut app = App::lift(&format!(
            "//- args\n--env\n{environment}\n//- hooks\nfails\npanics\n//- boathook.toml\nhooks.fails.config_key = 'f'"
        ));
        app.send("GET", target, &["accept: text/html, */*;q=0.8".into()], "")
    };
    let response = page("development", "/panics");
    assert_eq!(response.status, 500);
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    let id = response.header("x-request-id").expect("an id").to_owned();
    let text = response.text();
    for part in [
        "E_HOOK_TRAP",
        "<dd>panics</dd>",
        "<dd>handle-route</dd>",
        &id,
        "backtrace",
        "panicking::panic_with_hook",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("<script"), "{text}");
    let text = page("development", "/nowhere").text();
    assert!(text.contains("E_NOT_FOUND"), "{text}");
    for target in ["/panics", "/nowhere"] {
        let response = page("production", target);
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(!response.text().contains("panics"));
    }
}

#[test]
fn development_alone_tells_the_time_of_each_hook() {
    let timing = |environment: &str| {
        let mut app =
            App::lift(&format!("//- args\n--env\n{environment}\n//- hooks\nhello\nobserves"));
        app.ask("GET", "/hello").header("server-timing").map(str::to_owned)
    };
    let told = timing("development").expect("times in development");
    let names: Vec<_> = told.split(", ").filter_map(|call| call.split(";dur=").next()).collect();
    assert!(names.contains(&"hello"), "{told}");
    assert_eq!(timing("production"), None);
}

#[test]
fn who_wants_json_gets_a_problem() {
    let mut app = App::lift("//- hooks\nfails");
    for header in ["accept: application/json", "x-requested-with: XMLHttpRequest"] {
        let response = app.send("GET", "/nowhere", &[header.into()], "");
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(&response.text()).expect("JSON");
        assert_eq!(problem["status"], 404);
        assert_eq!(problem["code"], "E_NOT_FOUND");
        assert_eq!(problem["title"], "Not Found");
        assert_eq!(problem["request_id"].as_str(), response.header("x-request-id"));
    }
}

#[test]
fn a_hook_that_chooses_a_status_and_a_code_speaks_to_the_client() {
    check(
        "
        //- args
        --env
        production
        //- hooks
        fails
        //- GET /fails?status=403&code=E_NOT_YOURS
        //- 403

        ...the words of the hook
        ...E_NOT_YOURS
        //- GET /fails?status=503&code=E_LATER
        //- 503

        ...a hook failed
        ...E_LATER
        //- GET /fails?status=200
        //- 500

        ...E_HOOK_ERROR
        ",
    );
}

#[test]
fn headers_that_were_set_stay_on_the_error_but_for_those_of_the_body() {
    check(
        "
        //- hooks
        fails
        //- GET /fails
        //- 500
        x-set-before: 1
        -etag
        ",
    );
}

#[test]
fn the_request_s_id_is_on_the_error_and_in_the_log() {
    let mut app = App::lift("//- hooks\nfails");
    let response = app.ask("GET", "/fails");
    let id = response.header("x-request-id").expect("an id").to_owned();
    app.log(&[&format!("request={id} code=E_HOOK_ERROR")]);
    assert!(response.text().contains(&id));
}

#[test]
fn an_id_is_taken_from_a_trusted_proxy_alone() {
    let ask = |trust: &str| {
        let mut app = App::lift(&format!("//- boathook.toml\ntrust_proxy = {trust}"));
        let response = app.send("GET", "/", &["x-request-id: from-outside".into()], "");
        response.header("x-request-id").map(str::to_owned)
    };
    assert_eq!(ask("true").as_deref(), Some("from-outside"));
    assert_ne!(ask("false").as_deref(), Some("from-outside"));
}

#[test]
fn answers_that_http_does_not_allow_are_502_and_the_hook_lives_on() {
    let mut app = App::lift("//- hooks\nbad-answers");
    for what in [
        "status?n=0",
        "status?n=99",
        "status?n=100",
        "status?n=199",
        "status?n=600",
        "status?n=65535",
        "line-break",
        "length",
        "chunked",
        "json",
        "block",
    ] {
        let response = app.ask("GET", &format!("/bad/{what}"));
        let text = response.text();
        assert_eq!(response.status, 502, "{what}: {text}");
        assert!(text.contains("E_HOOK_BAD_RESPONSE"), "{what}: {text}");
        assert!(response.header("x-b").is_none(), "{what}: {response:?}");
    }
    for (what, status) in [("status?n=200", 200), ("status?n=599", 599), ("none", 404)] {
        assert_eq!(app.ask("GET", &format!("/bad/{what}")).status, status, "{what}");
    }
}

#[test]
fn an_upstream_that_is_not_there_is_502_and_one_that_says_nothing_is_504() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"/nobody\"
        upstream = \"http://127.0.0.1:1\"
        [[routes]]
        address = \"/*\"
        upstream = \"http://{upstream}\"
        timeout = \"300ms\"
        //- GET /nobody
        //- 502

        ...E_UPSTREAM_FAILED
        //- POST /closes
        x-answer-never: 1

        body
        //- 502

        ...E_UPSTREAM_FAILED
        //- GET /silent
        x-answer-never: silence
        //- 504

        ...E_UPSTREAM_TIMEOUT
        //- GET /speaks
        //- 200
        ",
    );
}

#[test]
fn the_access_log_has_a_line_a_request() {
    check(
        "
        //- boathook.toml
        access_log = true
        //- hooks
        hello
        fails
        //- GET /hello?a=1
        //- 200
        //- GET /nowhere
        //- 404
        //- GET /fails
        //- 500
        //- log
        info: GET /hello?a=1 request=
        info: GET /nowhere request=
        info: GET /fails request=
        //- log
        ip=127.0.0.1 status=200 bytes=19 ms=
        status=404
        status=500
        ",
    );
}

#[test]
fn the_log_is_one_json_object_a_line_if_asked_for() {
    let mut app = App::lift("//- args\n--log-json\n//- hooks\nfails\na: trace");
    app.ask("GET", "/fails");
    app.stop();
    let text = app.log_text();
    for line in text.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["time"].is_string() && line["level"].is_string(), "{line}");
    }
    assert!(text.contains(r#""message":"initialize","hook":"a""#), "{text}");
}

#[test]
fn nobody_can_forge_a_line_of_the_log() {
    let mut app = App::lift(
        "
        //- boathook.toml
        access_log = true
        //- hooks
        emit
        ears: listen
        //- args
        --log
        silly
        ",
    );
    app.ask("GET", "/emit?event=a%0Aerror:%20forged%1B%5B2J");
    app.ask("GET", "/x?a=%0Aerror:%20forged");
    app.stop();
    let text = app.log_text();
    assert!(!text.lines().any(|line| line.starts_with("error:")), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}
