//! What a hook can rely on, seen from a hook: each test is one promise of the SDK.

use boathook_sdk::prelude::*;

/// A hook of one route, made of a handler without state.
macro_rules! hook {
    ($name:ident, $routes:expr) => {
        #[derive(Default)]
        struct $name;

        impl Hook for $name {
            fn routes(&self) -> Routes<Self> {
                $routes
            }
        }
    };
}

fn reply_of<H: Hook>(request: testing::TestRequest) -> testing::Reply {
    let mut hook = testing::lift::<H>("hook", json!({})).expect("it lifts");
    testing::call(&mut hook, request)
}

fn next<H>(_: &mut H, _: &mut Request, _: &mut Response) -> Result<Outcome> {
    Ok(Outcome::Next)
}

#[test]
fn status_and_headers_ahead_of_next_stay_and_a_body_is_dropped() {
    hook!(Next, Routes::new().before("/*", set).after("/*", answer));
    fn set(_: &mut Next, _: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.status(201).set_header("x-a", "1").set_body("dropped");
        Ok(Outcome::Next)
    }
    fn answer(_: &mut Next, _: &mut Request, res: &mut Response) -> Result<Outcome> {
        assert_eq!((res.status_code(), res.header("x-a").as_deref()), (201, Some("1")));
        res.write("a").write("b");
        Ok(Outcome::Respond)
    }
    let reply = reply_of::<Next>(testing::request("GET", "/"));
    assert_eq!((reply.status, reply.text().as_str()), (201, "ab"));
    assert_eq!(reply.header("x-a").as_deref(), Some("1"));
}

#[test]
fn a_header_set_after_one_was_appended_replaces_it() {
    hook!(Order, Routes::new().before("/*", handler));
    fn handler(_: &mut Order, _: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.append_header("x-a", "1").append_header("x-a", "2").set_header("x-a", "3");
        res.append_header("x-a", "4").set_header("x-b", "1").set_header("X-B", "2");
        res.cookie(Cookie::new("a", "1")).cookie(Cookie::new("b", "2"));
        res.send("")
    }
    let reply = reply_of::<Order>(testing::request("GET", "/"));
    assert_eq!(reply.header("x-a").as_deref(), Some("3, 4"));
    assert_eq!(reply.header("x-b").as_deref(), Some("2"));
    assert_eq!(reply.header("set-cookie").as_deref(), Some("a=1; Path=/, b=2; Path=/"));
}

#[test]
fn a_line_break_in_a_header_is_an_error_and_no_second_header() {
    hook!(Split, Routes::new().before("/*", handler));
    fn handler(_: &mut Split, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header("x-a", req.query_value("a").unwrap_or_default()).text("ok")
    }
    let reply = reply_of::<Split>(testing::request("GET", "/?a=1%0D%0Aset-cookie:%20evil=1"));
    assert_eq!(reply.status, 502);
    assert_eq!(reply.error.as_ref().map(Error::code), Some("E_HOOK_BAD_RESPONSE"));
    assert_eq!(reply.headers().count(), 0);
    assert_eq!(reply_of::<Split>(testing::request("GET", "/?a=1")).status, 200);
}

#[test]
fn nothing_of_one_exchange_reaches_the_next() {
    hook!(Leftovers, Routes::new().before("/fail", fail).before("/*", plain));
    fn fail(_: &mut Leftovers, _: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.status(418).set_header("x\n", "").set_body("left over");
        Err("on purpose".into())
    }
    fn plain(_: &mut Leftovers, _: &mut Request, _: &mut Response) -> Result<Outcome> {
        Ok(Outcome::Respond)
    }
    let mut hook = testing::lift::<Leftovers>("hook", json!({})).expect("it lifts");
    let reply = testing::call(&mut hook, testing::request("GET", "/fail"));
    assert_eq!((reply.status, reply.error), (500, Some(Error::new("on purpose"))));
    let reply = testing::call(&mut hook, testing::request("GET", "/"));
    assert_eq!((reply.status, reply.text().as_str(), reply.headers().count()), (200, "", 0));
}

#[test]
fn observers_run_in_reverse_for_the_routes_that_were_reached() {
    hook!(
        Observed,
        Routes::new()
            .before("/*", next)
            .observe_response(first)
            .before("/*", next)
            .observe_response(second)
            .before("/elsewhere", next)
            .observe_response(first)
    );
    fn first(_: &mut Observed, req: &Request, res: &mut Response) -> Result<()> {
        let seen: Option<String> = req.local("seen")?;
        res.set_header("x-seen", seen.unwrap_or_default() + "1").status(200);
        let body = res.body()?;
        res.set_body(body.to_ascii_uppercase());
        Ok(())
    }
    fn second(_: &mut Observed, req: &Request, _: &mut Response) -> Result<()> {
        req.set_local("seen", "2")
    }
    let reply = reply_of::<Observed>(testing::request("GET", "/x").target(404, &[], "gone"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "GONE"));
    assert_eq!(reply.header("x-seen").as_deref(), Some("21"));
    assert_eq!(reply.locals["seen"], "2");
}

#[test]
fn a_body_has_to_be_asked_for() {
    hook!(Bodies, Routes::new().before("/blind", read).before("/*", read).read_body());
    fn read(_: &mut Bodies, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let number: u32 = req.body_json()?;
        res.json(number + 1)
    }
    let send = |path, body| reply_of::<Bodies>(testing::request("POST", path).body(body));
    assert_eq!(send("/x", "41").text(), "42");
    assert_eq!(send("/x", "forty").status, 400);
    let error = send("/blind", "41").error.expect("an error");
    assert_eq!(error.code(), "E_BODY_NOT_DECLARED");
}

#[test]
fn what_follows_is_matched_by_the_path_that_a_handler_set() {
    hook!(Moved, Routes::new().before("/old", rewrite).before("/new/:id", show));
    fn rewrite(_: &mut Moved, req: &mut Request, _: &mut Response) -> Result<Outcome> {
        req.set_path("/new/7")?;
        req.set_header("x-was", "old")?;
        Ok(Outcome::Next)
    }
    fn show(_: &mut Moved, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(json!([req.param("id"), req.header("X-Was"), req.method()]))
    }
    let reply = reply_of::<Moved>(testing::request("get", "/old"));
    assert_eq!(reply.text(), r#"["7","old","GET"]"#);
}

#[test]
fn helpers_set_status_and_body() {
    hook!(Helpers, Routes::new().named("help", help));
    fn help(_: &mut Helpers, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.query().as_str() {
            "ok" => res.ok(json!({ "a": 1 })),
            "none" => res.status(500).not_found(()),
            "away" => res.status(301).redirect("/there"),
            "off" => res.status(200).redirect("/there"),
            _ => res.set_header("x-why", "no").forbidden("no entry"),
        }
    }
    let mut hook = testing::lift::<Helpers>("hook", json!({})).expect("it lifts");
    let mut ask = |query| {
        let request = testing::request("GET", &format!("/?{query}"));
        let reply = testing::call_action(&mut hook, "help", request);
        (reply.status, reply.text(), reply.header("location"))
    };
    assert_eq!(ask("ok"), (200, r#"{"a":1}"#.into(), None));
    assert_eq!(ask("none"), (404, "Not Found".into(), None));
    assert_eq!(ask("x"), (403, r#""no entry""#.into(), None));
    assert_eq!((ask("away").0, ask("away").2), (301, Some("/there".into())));
    assert_eq!(ask("off").0, 302);
}

#[test]
fn an_option_ahead_of_every_route_is_an_error() {
    hook!(Misplaced, Routes::new().read_body().before("/*", next));
    let reply = reply_of::<Misplaced>(testing::request("GET", "/"));
    assert!(reply.error.expect("an error").message().contains("`read_body`"));
}

#[test]
fn settings_are_set_in_configure_alone_and_below_ones_own_key() {
    #[derive(Default)]
    struct Late;
    impl Hook for Late {
        fn configure(&mut self) -> Result<()> {
            config::set_own("list", [1, 2])?;
            assert!(config::set("other.key", 1).is_err());
            config::set("custom.late", json!({ "a": 1 }))
        }
        fn initialize(&mut self) -> Result<()> {
            assert_eq!(config::get_own::<Vec<u8>>("list")?, Some(vec![1, 2]));
            config::set_own("list", 0)
        }
    }
    let operator = json!({ "my.key": { "list": [3], "kept": true }, "custom": { "b": 2 } });
    let error = testing::lift::<Late>("my.key", operator).err().expect("too late");
    assert!(error.message().contains("config.set"), "{error}");
    assert_eq!(testing::config("\"my.key\""), json!({ "list": [1, 2], "kept": true }));
    assert_eq!(testing::config("custom"), json!({ "b": 2, "late": { "a": 1 } }));
}

#[test]
fn events_arrive_where_they_were_asked_for() {
    #[derive(Default)]
    struct Ears(Vec<String>);
    impl Hook for Ears {
        fn initialize(&mut self) -> Result<()> {
            events::subscribe("rain")?;
            assert!(events::emit("hook:other:loaded", ()).is_err());
            events::emit("hook:ears:open", json!({ "two": true }))
        }
        fn handle_event(&mut self, event: &str, payload: Value) -> Result<()> {
            self.0.push(format!("{event} {payload}"));
            Ok(())
        }
    }
    let mut hook = testing::lift::<Ears>("ears", json!({})).expect("it lifts");
    assert!(testing::deliver(&mut hook, "rain", 7).expect("it listens"));
    assert!(!testing::deliver(&mut hook, "sun", 7).expect("it listens"));
    assert_eq!(hook.0, ["rain 7"]);
    let names: Vec<_> = testing::fired().into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["hook:ears:open", "hook:ears:loaded"]);
}

#[test]
fn a_fetch_is_answered_by_the_server_that_stands_in_for_its_origin() -> Result<()> {
    testing::server("https://a.test", |sent| {
        Ok(fetch::Response::new(201).with_header("x-seen", &sent.method).with_body(&*sent.body))
    });
    let response = fetch::post("https://a.test/things?q").bearer("t").json(json!([1])).send()?;
    assert_eq!((response.status(), response.is_success()), (201, true));
    assert_eq!(response.header("X-Seen").as_deref(), Some("POST"));
    assert_eq!(response.json::<Vec<u32>>()?, [1]);
    let sent = &testing::sent()[0];
    assert_eq!(sent.url, "https://a.test/things?q");
    assert_eq!(sent.headers.get("authorization"), Some(&b"Bearer t"[..]));
    assert_eq!(sent.headers.get("content-type"), Some(&b"application/json"[..]));
    Ok(())
}

#[derive(Default)]
struct Visits;

impl Hook for Visits {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /visits", Self::count)
            .before("GET /visits.js", Self::count)
            .before("POST /visits", Self::begin_anew)
    }
}

impl Visits {
    fn count(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let session = req.session();
        let visits = session.get::<u32>("visits")?.unwrap_or_default() + 1;
        session.set("visits", visits)?;
        res.json(json!({ "visits": visits, "note": session.read_flash::<String>("note")? }))
    }

    fn begin_anew(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        req.session().destroy()?;
        req.session().flash("note", "from the beginning")?;
        res.ok(())
    }
}

#[test]
fn a_session_lasts_as_long_as_the_test_hands_it_on() -> Result<()> {
    let mut hook = testing::lift::<Visits>("visits", json!({}))?;
    let known = testing::TestSession::default().with("visits", 6);
    let reply = testing::call(&mut hook, testing::request("GET", "/visits").session(known));
    assert_eq!(reply.json::<Value>()?, json!({ "visits": 7, "note": null }));
    let reply =
        testing::call(&mut hook, testing::request("POST", "/visits").session(reply.session));
    assert!(reply.session.destroyed && reply.session.data.is_empty());
    let mut session = reply.session;
    for (visits, note) in [(1, json!("from the beginning")), (2, json!(null))] {
        let reply = testing::call(&mut hook, testing::request("GET", "/visits").session(session));
        assert_eq!(reply.json::<Value>()?, json!({ "visits": visits, "note": note }));
        session = reply.session;
    }
    Ok(())
}

#[test]
fn a_fetch_says_why_there_is_no_answer_and_which_status_that_makes() {
    let error = fetch::get("https://nobody.test").send().expect_err("not granted");
    assert_eq!(error.code(), "E_NOT_GRANTED");
    let error = fetch::get("https://a.test").header("x", "a\r\nb: c").send().expect_err("refused");
    assert_eq!(error.code(), "E_HOOK_BAD_RESPONSE");
    testing::server("https://a.test", |_| Ok(fetch::Response::new(404).with_body("no")));
    let response = fetch::get("https://a.test").send().expect("an answer");
    assert_eq!(response.json::<u32>().expect_err("no JSON").status(), Some(502));
    let error = response.successful().expect_err("no success");
    assert_eq!((error.code(), error.status()), ("E_FETCH_STATUS", Some(502)));
    assert_eq!(error.message(), "https://a.test answered with status 404");
}

#[test]
fn a_redirect_is_followed_where_that_was_asked_for() -> Result<()> {
    testing::server("https://a.test", |_| {
        Ok(fetch::Response::new(302).with_header("location", "https://b.test/end"))
    });
    testing::server("https://b.test", |_| Ok(fetch::Response::new(200).with_body("end")));
    assert_eq!(fetch::get("https://a.test").send()?.status(), 302);
    let response = fetch::get("https://a.test").redirects(1).send()?;
    assert_eq!((response.text().as_ref(), response.url()), ("end", "https://b.test/end"));
    assert_eq!(testing::sent().len(), 3);
    Ok(())
}

#[test]
fn the_path_of_a_file_has_no_session() -> Result<()> {
    let mut hook = testing::lift::<Visits>("visits", json!({}))?;
    let known = testing::TestSession::default().with("visits", 6);
    let reply =
        testing::call(&mut hook, testing::request("GET", "/visits.js").session(known.clone()));
    assert_eq!(reply.error.map(|error| error.code().to_owned()).as_deref(), Some("E_SESSION_OFF"));
    assert_eq!(reply.session, known);
    Ok(())
}
