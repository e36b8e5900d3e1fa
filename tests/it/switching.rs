//! `boathook disable`, `enable` and `limit`: hooks that are switched off, and limits that are set, while the app
//! serves.

use crate::harness::{App, Ran};

const SECRET: &str = "a-secret-of-32-digits-is-far-too-long-to-guess";

/// An app with a hook that greets and one that counts in its memory, and more in its configuration.
fn app(more: &str) -> App {
    App::lift(&format!(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        secrets.admin.file = \"admin.secret\"
        {more}
        //- admin.secret
        {SECRET}
        //- hooks
        x: hello
        counts: counts; mode = \"single\"
        "
    ))
}

/// Runs a command against the server that runs.
fn run(app: &App, command: &[&str]) -> Ran {
    let admin = app.admin().expect("an admin listener").to_string();
    Ran::beside(app, &[command, &["--admin", &admin]].concat())
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

#[track_caller]
fn row(app: &App, hook: &str) -> String {
    let listed = succeeded(&run(app, &["ls", "{dir}"]));
    let row = listed.lines().find(|line| line.starts_with(&format!("{hook} ")));
    row.unwrap_or_else(|| panic!("no `{hook}`: {listed}")).to_owned()
}

fn status(app: &mut App, target: &str) -> u16 {
    app.ask("GET", target).status
}

#[test]
fn a_disabled_hook_is_gone_until_it_is_enabled_and_the_others_notice_nothing() {
    let mut app = app("hooks.x.mode = \"pooled\"");
    let written = std::fs::read(app.folder().join("boathook.toml")).expect("a file");
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (200, 200));
    let said = succeeded(&run(&app, &["disable", "x", "{dir}"]));
    assert!(said.contains("x is disabled, over what is configured: disable"), "{said}");
    assert!(said.contains("unchanged: counts") && said.contains("gone: x"), "{said}");
    assert_eq!(status(&mut app, "/hello"), 404);
    assert!(row(&app, "x").contains("disabled"), "{}", row(&app, "x"));
    app.log(&["lowered hook=x generation=1"]);
    for _ in 0..2 {
        app.lift_anew();
        assert_eq!(status(&mut app, "/hello"), 404, "a SIGHUP takes nothing back");
        app.start_again();
        assert_eq!(status(&mut app, "/hello"), 404, "nor does a start");
    }
    let said = succeeded(&run(&app, &["enable", "x", "{dir}"]));
    assert!(said.contains("x serves, as it is configured") && said.contains("lifted: x"), "{said}");
    assert_eq!(status(&mut app, "/hello"), 200);
    let after = std::fs::read(app.folder().join("boathook.toml")).expect("a file");
    assert_eq!(written, after, "what a person wrote stays");
    let audit = std::fs::read_to_string(app.folder().join(".boathook/audit.log")).expect("a log");
    assert!(audit.contains("\"action\":\"disable\"") && audit.contains("\"action\":\"enable\""));
    app.stop();
}

#[test]
fn what_the_configuration_disables_can_be_enabled_and_that_taken_back() {
    let mut app = app("hooks.x = false");
    assert_eq!(status(&mut app, "/hello"), 404);
    refused(&run(&app, &["limit", "x", "{dir}", "cpu=20ms"]), "hook `x` is disabled");
    succeeded(&run(&app, &["enable", "x", "{dir}"]));
    assert_eq!(status(&mut app, "/hello"), 200);
    assert!(row(&app, "x").ends_with("enable"), "{}", row(&app, "x"));
    app.start_again();
    assert_eq!(status(&mut app, "/hello"), 200);
    let said = succeeded(&run(&app, &["disable", "x", "{dir}"]));
    assert!(said.contains("x is disabled, as it is configured"), "{said}");
    assert_eq!(status(&mut app, "/hello"), 404);
}

#[test]
fn a_limit_counts_at_once_over_all_that_is_written_and_can_be_taken_back() {
    let mut app = App::lift(&format!(
        "
        //- boathook.toml
        admin.listen = \"127.0.0.1:0\"
        secrets.admin.file = \"admin.secret\"
        [hooks.misbehave]
        limits = {{ memory = \"32MiB\", body = \"2MiB\" }}
        //- admin.secret
        {SECRET}
        //- env
        BOATHOOK_hooks__misbehave__limits__memory=\"48MiB\"
        //- hooks
        misbehave
        hello
        "
    ));
    let explained = |app: &App| {
        succeeded(&Ran::beside(app, &["config", "explain", "hooks.misbehave", "{dir}"]))
    };
    let said = succeeded(&run(&app, &["limit", "misbehave", "{dir}", "memory=24MiB", "cpu=20ms"]));
    assert!(said.contains("over what is configured: cpu=20ms memory=24MiB"), "{said}");
    assert!(said.contains("lifted: misbehave") && said.contains("unchanged: hello"), "{said}");
    for _ in 0..2 {
        let explained = explained(&app);
        let line = explained.lines().find(|line| line.contains("limits.memory")).unwrap_or("");
        assert!(
            line.contains("24MiB") && line.contains("boathook.lock, by `boathook limit`"),
            "{explained}"
        );
        assert!(explained.contains("limits.body = \"2MiB\""), "{explained}");
        let listed = succeeded(&run(&app, &["ls", "{dir}", "--json"]));
        assert!(listed.contains("\"memory\": \"24MiB\""), "{listed}");
        app.start_again();
        assert!(app.address().is_some(), "it does not listen again");
    }
    succeeded(&run(&app, &["limit", "misbehave", "{dir}", "memory=null"]));
    let listed = succeeded(&run(&app, &["ls", "{dir}", "--json"]));
    assert!(
        listed.contains("\"memory\": \"48MiB\"") && listed.contains("\"cpu\": \"20ms\""),
        "{listed}"
    );
    let said = succeeded(&run(&app, &["limit", "misbehave", "{dir}", "--reset"]));
    assert!(said.contains("misbehave serves, as it is configured"), "{said}");
    assert!(!explained(&app).contains("boathook.lock"));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut app = app("");
    assert_eq!(app.ask("GET", "/counts").text(), "1");
    let limit = |app: &App, word: &str| run(app, &["limit", "counts", "{dir}", word]);
    refused(
        &limit(&app, "cpu=soon"),
        "boathook.lock, by `boathook limit`: `hooks.counts.limits.cpu`",
    );
    refused(&limit(&app, "cqu=1s"), "did you mean `cpu`");
    refused(&limit(&app, "memory=64KiB"), "needs");
    refused(&run(&app, &["limit", "counts", "{dir}"]), "no limit is named");
    refused(&run(&app, &["disable", "count", "{dir}"]), "did you mean `counts`");
    assert_eq!(app.ask("GET", "/counts").text(), "2", "the instance is the same");
    assert!(!app.folder().join("boathook.lock").exists());
    app.start_again();
    assert_eq!(app.ask("GET", "/counts").text(), "1");
}

#[test]
fn a_hook_that_another_comes_after_is_not_disabled() {
    let mut app = app("hooks.counts.after = [\"x\"]");
    refused(&run(&app, &["disable", "x", "{dir}"]), "counts");
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (200, 200));
}

#[test]
fn a_limit_brings_no_component_along_that_lies_there_and_does_not_run() {
    let mut app = app("");
    app.put("hooks/x/hello.wasm", "shout");
    refused(
        &run(&app, &["limit", "x", "{dir}", "cpu=20ms"]),
        "another component lies in its place",
    );
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (200, 404));
    succeeded(&run(&app, &["limit", "x", "{dir}", "cpu=20ms", "--all"]));
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
}

#[test]
fn a_rollback_takes_back_no_limit_and_a_deploy_keeps_it() {
    let mut app = app("");
    succeeded(&run(&app, &["limit", "x", "{dir}", "cpu=20ms"]));
    let new = app.folder().join("new.wasm");
    std::fs::write(&new, crate::harness::component("shout")).expect("a file");
    let new = new.display().to_string();
    succeeded(&run(&app, &["deploy", &new, "{dir}", "--name", "x"]));
    assert!(row(&app, "x").ends_with("cpu=20ms"));
    succeeded(&run(&app, &["rollback", "x", "{dir}"]));
    assert!(row(&app, "x").ends_with("cpu=20ms"));
    app.start_again();
    assert!(row(&app, "x").ends_with("cpu=20ms"));
    assert_eq!(status(&mut app, "/hello"), 200);
}

#[test]
fn what_was_said_of_a_hook_that_is_gone_keeps_no_app_from_being_lifted() {
    let mut app = app("");
    succeeded(&run(&app, &["disable", "x", "{dir}"]));
    std::fs::remove_dir_all(app.folder().join("hooks/x")).expect("it is there");
    app.start_again();
    assert_eq!(status(&mut app, "/counts"), 200);
    app.log(&[
        "boathook.lock says something of `x`, and there is no such hook: `boathook enable x` takes it back",
    ]);
    refused(&run(&app, &["disable", "x", "{dir}"]), "can be taken back: `boathook enable x`");
    refused(&run(&app, &["limit", "x", "{dir}", "cqu=soon"]), "there is no hook `x`");
    succeeded(&run(&app, &["enable", "x", "{dir}"]));
    app.start_again();
    assert_eq!(status(&mut app, "/counts"), 200);
    assert_eq!(app.logged("there is no such hook"), 0, "{}", app.log_text());
}

/// Writes the app's configuration anew, with an admin listener at a port where nothing listens once the server is
/// gone.
fn stopped(app: &mut App, more: &str) -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let address = free.expect("a free port").to_string();
    app.stop();
    let file =
        format!("admin.listen = \"{address}\"\nsecrets.admin.file = \"admin.secret\"\n{more}\n");
    app.write("boathook.toml", file);
    address
}

#[test]
fn what_keeps_a_server_from_starting_is_taken_back_without_one() {
    let mut app = app("");
    succeeded(&run(&app, &["disable", "x", "{dir}"]));
    let address = stopped(&mut app, "hooks.counts = { mode = \"single\", after = [\"x\"] }");
    let lock = r#"{ "version": 1, "hooks": {}, "overrides": {
        "x": { "enabled": false }, "counts": { "limits": { "cqu": "soon", "memory": "64MiB" } } } }"#;
    app.write("boathook.lock", lock);
    let checked = Ran::beside(&app, &["check", "{dir}"]);
    assert_eq!(checked.code, Some(1), "{}", checked.out);
    for hint in [
        "boathook.lock, by `boathook disable`: hook `counts`: `after` names `x`, which is disabled",
        "disable `counts` as well; or take it back: `boathook enable x`",
        "did you mean `cpu`?; or take it back: `boathook limit counts --reset`",
    ] {
        assert!(checked.err.contains(hint), "{hint}: {}", checked.err);
    }
    let worse = Ran::beside(&app, &["limit", "counts", "{dir}", "cpu=soon"]);
    refused(&worse, "`hooks.counts.limits.cpu`");
    assert!(!worse.err.contains("--reset"), "it is not written: {}", worse.err);
    assert!(!worse.err.contains("cqu"), "what was wrong before is not its fault: {}", worse.err);
    let said = succeeded(&Ran::beside(&app, &["enable", "x", "{dir}"]));
    assert!(said.contains(&format!("nothing listens on {address}")), "{said}");
    assert!(
        said.contains("x serves, as it is configured") && said.contains("limits.cqu`"),
        "{said}"
    );
    let said = succeeded(&Ran::beside(&app, &["limit", "counts", "{dir}", "--reset"]));
    assert!(said.contains("counts serves, as it is configured"), "{said}");
    assert!(!said.contains("still wrong"), "{said}");
    app.start_again();
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (200, 200));
}

#[test]
fn what_is_said_while_no_server_runs_is_checked_and_counts_from_the_next_start_on() {
    let mut app = app("");
    stopped(&mut app, "hooks.counts.mode = \"single\"");
    refused(&Ran::beside(&app, &["disable", "z", "{dir}"]), "there is no hook `z`");
    refused(&Ran::beside(&app, &["limit", "x", "{dir}", "memory=64KiB"]), "needs");
    assert!(!app.folder().join("boathook.lock").exists());
    let said = succeeded(&Ran::beside(&app, &["disable", "x", "{dir}"]));
    assert!(said.contains("x is disabled, over what is configured: disable"), "{said}");
    refused(&Ran::beside(&app, &["limit", "x", "{dir}", "cpu=20ms"]), "hook `x` is disabled");
    app.start_again();
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/counts")), (404, 200));
    let audit = std::fs::read_to_string(app.folder().join(".boathook/audit.log")).expect("a log");
    assert!(audit.contains("\"action\":\"disable\""), "{audit}");
    app.stop();
    app.write("boathook.lock", "{");
    refused(&Ran::beside(&app, &["enable", "x", "{dir}"]), "not what this server wrote");
    let lock = std::fs::read(app.folder().join("boathook.lock")).expect("a file");
    assert_eq!(lock, b"{", "what it said is not lost");
}

#[test]
fn a_limit_brings_no_manifest_along() {
    let mut app = app("");
    app.write("hooks/x/hook.toml", "name = \"x\"\nmode = \"fresh\"\n");
    refused(&run(&app, &["limit", "x", "{dir}", "cpu=20ms"]), "another manifest lies in its place");
    assert!(!row(&app, "x").contains("fresh"), "{}", row(&app, "x"));
    succeeded(&run(&app, &["limit", "x", "{dir}", "cpu=20ms", "--all"]));
    assert!(row(&app, "x").contains("fresh"), "{}", row(&app, "x"));
    app.stop();
}

#[test]
fn limits_are_set_or_taken_back_and_not_both() {
    let app = app("");
    let reset = ["limit", "counts", "--reset", "cpu=20ms"];
    refused(&run(&app, &reset), "`--reset` takes all limits back, and `cpu=20ms` sets one");
    let here = ["limit", "counts", "{dir}", "--reset", "cpu=20ms"];
    assert_eq!(run(&app, &here).code, Some(2), "a mistake in what was typed");
}

#[test]
fn a_lock_file_that_makes_no_sense_enables_nothing_in_silence() {
    crate::harness::check(
        "
        //- boathook.lock
        { \"version\": 1, \"hooks\": {}, \"overrides\": { \"hello\": { \"enabled\": \"no\" } } }
        //- hooks
        hello
        //- fails
        boathook.lock: not what this server wrote
        hint: put back what was there, or remove it
        ",
    );
}
