//! The sample app as it is: its configuration, its hooks, and the walk through it that its README shows.

use crate::harness::{App, Browser, PATIENCE, RedisServer, Remote, Response, Way};

const CONFIG: &str = include_str!("../../sample-hooks/app/boathook.toml");

const ADA: &str = r#"{"id":"ada","email":"ada@example.com","fullName":"Ada Lovelace"}"#;

/// The hooks of the app.
const HOOKS: &str = "
    billing-check
    current-user
    custom-data
    flash
    greeter
    hello
    inertia
    last-seen
    my-api
    needs-orm
    orm
    page-views
    rate-limit
    rate-limit-shared
    security-headers
    shared-props
    shout
    stripe-config
";

/// The app.
fn app() -> App {
    app_with("")
}

/// The app, with more sections in its fixture.
fn app_with(more: &str) -> App {
    App::lift(&format!(
        "//- boathook.toml\n{CONFIG}\n//- public/index.html\nhome\n//- hooks\n{HOOKS}\n{more}"
    ))
}

/// A browser in front of servers that take turns with its requests, as behind a load balancer.
struct Visitor {
    servers: Vec<App>,
    asked: usize,
    browser: Browser,
}

impl Visitor {
    fn of(servers: Vec<App>) -> Self {
        Self { servers, asked: 0, browser: Browser::default() }
    }

    #[track_caller]
    fn ask(&mut self, method: &str, target: &str, body: &str) -> Response {
        let turn = self.asked % self.servers.len();
        self.asked += 1;
        self.browser.ask(&mut self.servers[turn], method, target, body)
    }

    #[track_caller]
    fn post(&mut self, target: &str, body: &str) -> Response {
        self.ask("POST", target, body)
    }

    #[track_caller]
    fn page(&mut self) -> String {
        let page = self.ask("GET", "/dashboard", "");
        assert_eq!(page.status, 200);
        page.text()
    }
}

/// The walk that the README shows: out, in, a flash once, last seen, out.
fn walk(visitor: &mut Visitor) {
    let nobody = r#""loggedInUser":null"#;
    let ada = r#""loggedInUser":{"fullName":"Ada Lovelace","id":"ada","initials":"AL"}"#;
    let no_flash = r#""flash":{"error":null,"success":null}"#;

    let out = visitor.ask("GET", "/dashboard", "");
    assert!(out.text().contains(nobody) && out.text().contains(no_flash), "{}", out.text());
    assert_eq!(out.header("set-cookie"), None);

    assert_eq!(visitor.post("/users", ADA).status, 201);
    assert_eq!(visitor.post("/users", ADA).status, 409);
    assert_eq!(visitor.post("/login", r#"{"id":"eve"}"#).status, 401);
    let login = visitor.post("/login", r#"{"id":"ada"}"#);
    assert_eq!((login.status, login.header("location")), (302, Some("/dashboard")));

    let page = visitor.page();
    assert!(page.contains(ada) && page.contains("Welcome, Ada Lovelace!"), "{page}");
    // As often as there are servers and once more: none of them has kept it.
    for _ in 0..=visitor.servers.len() {
        let again = visitor.page();
        assert!(again.contains(ada) && again.contains(no_flash), "{again}");
    }

    // It is written after the response, so that may be a moment later.
    for _ in 0..visitor.servers.len() {
        let until = std::time::Instant::now() + PATIENCE;
        while !visitor.ask("GET", "/last-seen", "").text().starts_with("{\"lastSeenAt\":1") {
            assert!(std::time::Instant::now() < until, "it is not written");
        }
    }

    let copy = visitor.browser.clone();
    assert_eq!(visitor.post("/logout", "").status, 302);
    assert!(visitor.browser.cookie().is_none());
    for browser in [Browser::default(), copy] {
        visitor.browser = browser;
        for _ in 0..visitor.servers.len() {
            let out = visitor.page();
            assert!(out.contains(nobody), "{out}");
        }
        assert_eq!(visitor.ask("GET", "/last-seen", "").status, 401);
    }
}

#[test]
fn a_user_logs_in_is_seen_on_a_page_and_logs_out() {
    walk(&mut Visitor::of(vec![app()]));
}

#[test]
fn the_same_walk_over_two_servers_behind_one_redis_whose_turns_alternate() {
    let redis = RedisServer::start();
    let (url, password) = (redis.url(), redis.password());
    let more = format!(
        "//- env
         REDIS_PASSWORD={password}
         BOATHOOK_SECRET_SESSION=a-secret-that-both-servers-have-to-know
         //- args
         --set
         session.store=redis
         --set
         kv.store=redis
         --set
         redis.url={url}
         --set
         redis.password.env=REDIS_PASSWORD
         "
    );
    // Each request once at either of the two.
    for skipped in [0, 1] {
        let mut visitor = Visitor::of(vec![app_with(&more), app_with(&more)]);
        visitor.asked = skipped;
        assert_eq!(redis.ask("FLUSHALL").as_deref(), Some("+OK"));
        walk(&mut visitor);
    }
}

#[test]
fn a_user_who_is_gone_is_a_401_once() {
    let mut app = app();
    let mut browser = Browser::default();
    browser.ask(&mut app, "POST", "/users", ADA);
    browser.ask(&mut app, "POST", "/login", r#"{"id":"ada"}"#);
    browser.get(&mut app, "/dashboard");
    let gone = browser.ask(&mut app, "POST", "/delete-me", "");
    assert_eq!(gone.status, 204);
    assert_eq!(browser.get(&mut app, "/dashboard").status, 401);
    assert!(browser.get(&mut app, "/dashboard").text().contains(r#""loggedInUser":null"#));
    app.check("//- log\nthe user of a session is gone: ada");
}

#[test]
fn a_page_view_reaches_the_api_though_that_is_down_when_the_page_is_shown() {
    let answer = |status: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    let down = answer("503 Service Unavailable");
    let api = Remote::start(Way::Turns(vec![down.clone(), down, answer("204 No Content")]));
    let origin = format!("http://{}", api.address);
    let mut app = app_with(&format!(
        "//- args\n--set\npage-views.api={origin}/views\n--set\nhooks.page-views.grants.fetch=[\"{origin}\"]\n\
         --set\ntasks.backoff=50ms"
    ));
    assert_eq!(app.ask("GET", "/about").status, 200);
    app.log(&["it is tried again in", "it is tried again in", "told of \"/about\" at attempt 3"]);
    assert_eq!(api.requests(), 3);
}
