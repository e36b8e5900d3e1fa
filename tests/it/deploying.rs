//! `boathook deploy`, `rollback` and `ls`: the admin listener's part for those who have the secret.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{App, Client, Ran, Response, component};

const SECRET: &str = "a-secret-of-32-digits-is-far-too-long-to-guess";

/// An app whose hook `x` is the sample `hello`, and another that counts in its memory.
fn app() -> App {
    App::lift(&format!(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        secrets.admin.file = \"admin.secret\"
        //- admin.secret
        {SECRET}
        //- hooks
        x: hello; version = \"1.0.0\"
        counts: counts; mode = \"single\"
        "
    ))
}

/// A component under a name of its own, in a file outside of the hooks' folder.
fn file(app: &App, name: &str, guest: &str) -> PathBuf {
    let path = app.folder().join(format!("{name}.wasm"));
    std::fs::write(&path, component(guest)).expect("a file");
    path
}

/// Runs a command against the server that runs.
fn run(app: &App, command: &[&str]) -> Ran {
    let admin = app.admin().expect("an admin listener").to_string();
    Ran::beside(app, &[command, &["{dir}", "--admin", &admin]].concat())
}

#[track_caller]
fn deploy(app: &App, name: &str, guest: &str, more: &[&str]) -> Ran {
    let path = file(app, "new", guest);
    let path = path.to_str().expect("a path in UTF-8");
    let admin = app.admin().expect("an admin listener").to_string();
    let command = ["deploy", path, "{dir}", "--name", name, "--admin", &admin];
    Ran::beside(app, &[&command[..], more].concat())
}

#[track_caller]
fn succeeded(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran.out.clone()
}

#[track_caller]
fn refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(why), "{}", ran.err);
}

fn status(app: &mut App, target: &str) -> u16 {
    app.ask("GET", target).status
}

#[test]
fn a_deploy_replaces_one_hook_and_a_rollback_puts_it_back() {
    let mut app = app();
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (200, 200));
    let said = succeeded(&deploy(&app, "x", "shout", &[]));
    assert!(said.contains("lifted: x") && said.contains("unchanged: counts"), "{said}");
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
    assert_eq!(app.ask("GET", "/counts").text(), "2", "the others keep their memory");
    let listed = succeeded(&run(&app, &["ls"]));
    assert!(listed.lines().any(|line| line.starts_with("x ") && line.contains(" 2 ")), "{listed}");
    succeeded(&run(&app, &["rollback", "x"]));
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (200, 404));
    succeeded(&run(&app, &["rollback", "x"]));
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
    app.log(&["lowered hook=x generation=1", "rollback: took over hook=x"]);
    app.stop();
}

#[test]
fn what_was_deployed_is_there_after_a_restart_and_so_is_the_way_back() {
    let mut app = app();
    succeeded(&deploy(&app, "x", "shout", &[]));
    app.start_again();
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
    succeeded(&run(&app, &["rollback", "x"]));
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (200, 404));
    let audit = std::fs::read_to_string(app.folder().join(".boathook/audit.log")).expect("a log");
    let actions: Vec<&str> =
        audit.lines().filter_map(|line| line.split("\"action\":\"").nth(1)).collect();
    assert_eq!(actions.len(), 2, "{audit}");
    assert!(actions[0].starts_with("deploy") && actions[1].starts_with("rollback"), "{audit}");
}

#[test]
fn a_new_hook_can_be_deployed_too() {
    let mut app = app();
    assert_eq!(status(&mut app, "/shout"), 404);
    succeeded(&deploy(&app, "shout", "shout", &[]));
    assert_eq!(status(&mut app, "/shout"), 200);
    assert!(app.folder().join("hooks/shout.wasm").exists());
    refused(&run(&app, &["rollback", "shout"]), "nothing was deployed over another component");
}

#[test]
fn a_component_goes_where_the_next_start_looks_for_it() {
    let mut app = app();
    // It lies there, and the server has not been told.
    std::fs::create_dir(app.folder().join("hooks/loud")).expect("a folder");
    app.put("hooks/loud/any.wasm", "shout");
    succeeded(&deploy(&app, "shout", "shout", &[]));
    assert!(!app.folder().join("hooks/shout.wasm").exists());
    app.start_again();
    assert_eq!(status(&mut app, "/shout"), 200);
    // Its folder would name the empty component, which has no name of its own.
    refused(&deploy(&app, "shout", "empty", &[]), "would be called `loud`");
    assert_eq!(status(&mut app, "/shout"), 200);
}

#[test]
fn a_disabled_hook_cannot_be_deployed() {
    let mut app = App::lift(&format!(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        secrets.admin.file = \"admin.secret\"
        hooks.x = false
        //- admin.secret
        {SECRET}
        //- hooks
        x: hello
        "
    ));
    refused(&deploy(&app, "x", "hello", &[]), "hook `x` is disabled");
    assert!(!app.folder().join("hooks/x.wasm").exists());
    app.stop();
}

#[test]
fn a_deploy_that_waits_for_a_sighup_takes_nothing_of_it_back() {
    let mut app = app();
    let config = std::fs::read_to_string(app.folder().join("boathook.toml")).expect("a file");
    let route = "[[routes]]\naddress = \"GET /teapot\"\nrespond = { status = 418 }\n";
    app.write("boathook.toml", format!("{config}\n{route}"));
    app.put("hooks/slow.wasm", "slow-to-compile");
    app.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(300));
    succeeded(&deploy(&app, "x", "shout", &[]));
    app.log(&["the app was lifted anew"]);
    assert_eq!((status(&mut app, "/teapot"), status(&mut app, "/shout")), (418, 200));
}

#[test]
fn what_does_not_lift_is_refused_and_leaves_everything_as_it_was() {
    let mut app = app();
    let before = std::fs::read(app.folder().join("hooks/x/hello.wasm")).expect("it is there");
    refused(&deploy(&app, "x", "truncated", &[]), "new.wasm");
    refused(&deploy(&app, "x", "other-version", &[]), "0.2.0");
    refused(&deploy(&app, "x", "start-traps", &[]), "unreachable");
    refused(&deploy(&app, "y", "shout", &[]), "the component calls itself `shout`");
    refused(&deploy(&app, "../y", "shout", &[]), "letters, digits");
    refused(&run(&app, &["rollback", "nobody"]), "nothing was deployed");
    assert_eq!(status(&mut app, "/hello"), 200);
    let audit = std::fs::read_to_string(app.folder().join(".boathook/audit.log")).expect("a log");
    assert!(audit.contains("\"hook\":\"nobody\"") && audit.lines().count() == 5, "{audit}");
    let kept = std::fs::read_dir(app.folder().join(".boathook/components")).expect("a folder");
    assert_eq!(kept.count(), 0, "what never took over is not kept");
    let after = std::fs::read(app.folder().join("hooks/x/hello.wasm")).expect("it is there");
    assert_eq!(before, after);
    app.start_again();
    assert_eq!(status(&mut app, "/hello"), 200);
}

#[test]
fn a_deploy_that_would_change_others_is_refused_unless_all_are_meant() {
    let mut app = app();
    app.put("hooks/counts/counts.wasm", "remembers");
    refused(&deploy(&app, "x", "shout", &[]), "it would lift others, too: `counts`");
    assert_eq!(status(&mut app, "/hello"), 200);
    succeeded(&deploy(&app, "x", "shout", &["--all"]));
    assert_eq!((status(&mut app, "/shout"), status(&mut app, "/remembers")), (200, 200));
    app.put("hooks/counts/counts.wasm", "counts");
    refused(&run(&app, &["rollback", "x"]), "it would lift others, too: `counts`");
    succeeded(&run(&app, &["rollback", "x", "--all"]));
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (200, 200));
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_of_and_nothing_changes() {
    let mut app = app();
    // A folder in the place of the file that is written first: no permission keeps root out.
    std::fs::create_dir_all(app.folder().join(".boathook.lock.tmp/full")).expect("a folder");
    refused(&deploy(&app, "x", "shout", &[]), "it cannot be kept: ");
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (200, 404));
    app.stop();
}

#[track_caller]
fn ask(app: &App, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
    let mut client = Client::connect(app.admin().expect("an admin listener"));
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    client.request(method, path, &headers, body);
    client.response(method).expect("an answer")
}

#[test]
fn nobody_without_the_secret_changes_or_lists_anything() {
    let app = app();
    let wrong = format!("authorization: Bearer {SECRET}x");
    for headers in [&[][..], &["authorization: Basic YTpi"], &["authorization: Bearer "], &[&wrong]]
    {
        for (method, path) in [
            ("GET", "/hooks"),
            ("POST", "/hooks/x"),
            ("POST", "/hooks/x/rollback"),
            ("POST", "/hooks/x/disable"),
        ] {
            let response = ask(&app, method, path, headers, b"");
            assert_eq!(response.status, 401, "{method} {path} {headers:?}");
            assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        }
    }
    let open = App::lift("//- boathook.toml\nadmin.listen = \"127.0.0.1:0\"\n//- hooks\nhello\n");
    let right = format!("authorization: Bearer {SECRET}");
    assert_eq!(ask(&open, "GET", "/hooks", &[&right], b"").status, 403);
    assert_eq!(ask(&open, "GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn what_is_sent_must_be_what_was_announced() {
    let mut app = app();
    let right = format!("authorization: Bearer {SECRET}");
    let digest = format!("x-sha256: {}", "0".repeat(64));
    let shout = component("shout");
    assert_eq!(ask(&app, "POST", "/hooks/shout", &[&right], &shout).status, 400);
    let response = ask(&app, "POST", "/hooks/shout", &[&right, &digest], &shout);
    assert_eq!(response.status, 400);
    assert!(response.text().contains("not the one that was announced"), "{}", response.text());
    assert_eq!(ask(&app, "DELETE", "/hooks/shout", &[&right], b"").status, 405);
    assert_eq!(ask(&app, "POST", "/hooks/shout/now", &[&right], b"").status, 404);
    assert_eq!(status(&mut app, "/shout"), 404);
}

#[test]
fn a_secret_that_is_too_short_or_not_there_is_found_before_anything_is_served() {
    for (settings, why) in [
        ("secrets.admin.file = \"short\"", "shorter than 16 bytes"),
        ("secrets.admin.file = \"nowhere\"", "nowhere"),
    ] {
        crate::harness::check(
            &format!(
                "
            //- boathook.toml
            admin.listen = \"127.0.0.1:0\"
            {settings}
            //- short.txt
            x
            //- hooks
            hello
            //- fails
            {why}
            "
            )
            .replace("\"short\"", "\"short.txt\""),
        );
    }
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_deploy_starts_again_with_the_old_or_the_new_one() {
    let mut app = app();
    for round in 0..20 {
        let (admin, folder) = (app.admin().expect("an admin listener"), app.folder().to_owned());
        let path = file(&app, "new", if round % 2 == 0 { "shout" } else { "hello" });
        let deploying = std::thread::spawn(move || {
            let (path, folder) = (path.display().to_string(), folder.display().to_string());
            let admin = admin.to_string();
            Ran::now(&["deploy", &path, &folder, "--name", "x", "--admin", &admin])
        });
        // At another moment each time; where it hits is the machine's to say. The last two have taken over.
        match round {
            0..18 => std::thread::sleep(Duration::from_millis(round * 37 % 300)),
            _ => {
                let old = if round % 2 == 0 { "/hello" } else { "/shout" };
                for _ in 0..3_000 {
                    if status(&mut app, old) != 200 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
        app.start_again();
        let answers = (status(&mut app, "/hello"), status(&mut app, "/shout"));
        let expected: &[_] = match round {
            18 => &[(404, 200)],
            19 => &[(200, 404)],
            _ => &[(200, 404), (404, 200)],
        };
        if !expected.contains(&answers) {
            app.fail(&format!("neither the old nor the new one: {answers:?}"));
        }
        deploying.join().expect("it ends");
    }
    let left = std::fs::read_dir(app.folder().join("hooks/x")).expect("the folder").flatten();
    let names: Vec<_> =
        left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().filter(|name| name.ends_with(".wasm")).count() == 1, "{names:?}");
}
