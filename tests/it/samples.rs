//! The sample app as it is: its configuration, its hooks, and the walk through it that its README shows.

use crate::harness::{App, Browser, PATIENCE, Remote, Way};

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

/// The app with these arguments, one a line.
fn app_with(args: &str) -> App {
    App::lift(&format!(
        "//- boathook.toml\n{CONFIG}\n//- public/index.html\nhome\n//- args\n{args}\n//- hooks\n{HOOKS}\n"
    ))
}

#[test]
fn a_user_logs_in_is_seen_on_a_page_and_logs_out() {
    let mut app = app();
    let mut browser = Browser::default();
    let nobody = r#""loggedInUser":null"#;
    let ada = r#""loggedInUser":{"fullName":"Ada Lovelace","id":"ada","initials":"AL"}"#;
    let no_flash = r#""flash":{"error":null,"success":null}"#;

    let out = browser.get(&mut app, "/dashboard");
    assert!(out.text().contains(nobody) && out.text().contains(no_flash), "{}", out.text());
    assert_eq!(out.header("set-cookie"), None);

    assert_eq!(browser.ask(&mut app, "POST", "/users", ADA).status, 201);
    assert_eq!(browser.ask(&mut app, "POST", "/users", ADA).status, 409);
    let wrong = browser.ask(&mut app, "POST", "/login", r#"{"id":"eve"}"#);
    assert_eq!(wrong.status, 401);
    let login = browser.ask(&mut app, "POST", "/login", r#"{"id":"ada"}"#);
    assert_eq!((login.status, login.header("location")), (302, Some("/dashboard")));

    let page = browser.get(&mut app, "/dashboard").text();
    assert!(page.contains(ada) && page.contains("Welcome, Ada Lovelace!"), "{page}");
    let again = browser.get(&mut app, "/dashboard").text();
    assert!(again.contains(ada) && again.contains(no_flash), "{again}");

    // It is written after the response, so that may be a moment later.
    let until = std::time::Instant::now() + PATIENCE;
    while !browser.get(&mut app, "/last-seen").text().starts_with("{\"lastSeenAt\":1") {
        assert!(std::time::Instant::now() < until, "it is not written");
    }

    let logout = browser.ask(&mut app, "POST", "/logout", "");
    assert_eq!(logout.status, 302);
    assert!(browser.cookie().is_none());
    let out = browser.get(&mut app, "/dashboard").text();
    assert!(out.contains(nobody), "{out}");
    assert_eq!(browser.get(&mut app, "/last-seen").status, 401);
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
        "--set\npage-views.api={origin}/views\n--set\nhooks.page-views.grants.fetch=[\"{origin}\"]\n\
         --set\ntasks.backoff=50ms"
    ));
    assert_eq!(app.ask("GET", "/about").status, 200);
    app.log(&["it is tried again in", "it is tried again in", "told of \"/about\" at attempt 3"]);
    assert_eq!(api.requests(), 3);
}
