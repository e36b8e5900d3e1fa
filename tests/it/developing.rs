//! `boathook dev`: what is saved is built and answers, and what does not build or lift leaves the last one there.

use crate::harness::{App, Response, until};

/// An app with one hook, whose source is the name of the component that it is to be, and whose compiler is `cp`.
/// Components lie in `parts`.
fn app(source: &str) -> App {
    app_with(source, "")
}

/// The same with more in its fixture.
fn app_with(source: &str, more: &str) -> App {
    let parts = "parts/one.wasm = hello\n        parts/two.wasm = shout\n        parts/bad.wasm = truncated";
    App::develop(&format!(
        "
        {more}//- boathook.toml
        custom.a = 1
        //- hooks/x/hook.toml
        manifest_version = 1
        name = \"x\"
        [build]
        command = \"mkdir -p build && cp ../../parts/$(cat source.txt).wasm build/out.wasm\"
        output = \"build/out.wasm\"
        watch = [\"source.txt\"]
        //- hooks/x/source.txt
        {source}
        //- hooks
        {parts}
        "
    ))
}

fn status(app: &mut App, target: &str) -> u16 {
    app.ask("GET", target).status
}

#[test]
fn what_is_saved_is_built_and_answers() {
    let mut app = app("one");
    app.log(&["building", "built `x`"]);
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (200, 404));
    app.write("hooks/x/source.txt", "two");
    app.log(&["built `x`", "built `x`", "the app was lifted anew: lifted: x"]);
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
    app.stop();
}

#[test]
fn what_does_not_build_or_lift_leaves_the_last_one_serving_until_it_is_mended() {
    let mut app = app("one");
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("hooks/x/source.txt", "nothing");
    app.log(&["cp: cannot stat", "failed with exit code 1"]);
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("hooks/x/source.txt", "bad");
    app.log(&["out.wasm"]);
    app.write("boathook.toml", "custom.a = 1\nlistn = 1\n");
    app.log(&["unknown key `listn`", "the app was not lifted anew"]);
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("boathook.toml", "custom.a = 2\n");
    app.log(&["the app was lifted anew: lifted: x"]);
    app.write("hooks/x/source.txt", "two");
    app.log(&["the app was lifted anew: lifted: x", "the app was lifted anew: lifted: x"]);
    assert_eq!((status(&mut app, "/hello"), status(&mut app, "/shout")), (404, 200));
    app.stop();
}

/// What a browser gets that goes to an address.
fn browse(app: &mut App, target: &str) -> Response {
    let accept = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    app.send("GET", target, &[accept.into()], "")
}

#[test]
fn a_browser_sees_what_does_not_build_until_it_is_mended_and_programs_get_their_answers() {
    let mut app = app("one");
    assert_eq!(browse(&mut app, "/hello").text(), "Hello from a hook!\n");
    app.write("hooks/x/source.txt", "<script>");
    app.log(&["cp: cannot stat", "failed with exit code 1"]);
    let page = browse(&mut app, "/hello");
    assert_eq!((page.status, page.header("cache-control")), (500, Some("no-store")));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    let text = page.text();
    for part in ["hooks/x does not build", "cp: cannot stat", "&lt;script&gt;.wasm", "exit code 1"]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("<script>.wasm"), "{text}");
    assert_eq!(status(&mut app, "/hello"), 200);
    assert_eq!(app.send("POST", "/hello", &["accept: text/html".into()], "").status, 404);
    app.write("hooks/x/source.txt", "one");
    app.log(&["built `x`", "built `x`", "the app was lifted anew: "]);
    assert_eq!(browse(&mut app, "/hello").text(), "Hello from a hook!\n");
    app.stop();
}

#[test]
fn a_browser_that_saw_trouble_never_sees_what_ran_before_once_it_is_mended() {
    let mut app = app("one");
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("hooks/x/source.txt", "nothing");
    app.log(&["failed with exit code 1"]);
    app.write("hooks/x/source.txt", "two");
    until(|| {
        let seen = browse(&mut app, "/shout");
        let is_trouble = seen.header("boathook-change").is_some();
        assert!(is_trouble || seen.status == 200, "{}", seen.text());
        !is_trouble
    });
    app.stop();
}

#[test]
fn a_hook_that_is_disabled_and_does_not_build_keeps_no_browser_from_the_others() {
    let mut app = app("one");
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("boathook.toml", "hooks.x = false\n");
    app.log(&["the app was lifted anew: "]);
    app.write("hooks/x/source.txt", "nothing");
    app.log(&["cp: cannot stat", "failed with exit code 1"]);
    assert_eq!(browse(&mut app, "/hello").status, 404);
    app.write("boathook.toml", "custom.a = 1\n");
    app.log(&["the app was lifted anew: ", "the app was lifted anew: lifted: x"]);
    let text = browse(&mut app, "/hello").text();
    assert!(text.contains("hooks/x does not build"), "{text}");
    app.stop();
}

#[test]
fn a_browser_sees_what_does_not_lift_until_it_is_mended() {
    let mut app = app("one");
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("boathook.toml", "custom.a = 1\nlistn = 1\n");
    app.log(&["the app was not lifted anew"]);
    let text = browse(&mut app, "/hello").text();
    assert!(text.contains("The app does not lift") && text.contains("`listn`"), "{text}");
    app.write("boathook.toml", "custom.a = 2\n");
    app.log(&["the app was lifted anew: "]);
    assert_eq!(browse(&mut app, "/hello").status, 200);
    app.stop();
}

#[test]
fn outside_of_development_nobody_sees_what_does_not_build() {
    let mut app = app_with("one", "//- args\n        --env\n        production\n        ");
    assert_eq!(status(&mut app, "/hello"), 200);
    app.write("hooks/x/source.txt", "nothing");
    app.log(&["cp: cannot stat", "failed with exit code 1"]);
    assert_eq!(browse(&mut app, "/hello").status, 200);
    app.stop();
}

#[test]
fn an_app_that_does_not_lift_at_first_is_waited_for() {
    let mut app = app("nothing");
    app.log(&["failed with exit code 1", "holds no `.wasm` file", "waiting for a change"]);
    app.write("hooks/x/source.txt", "one");
    app.log(&["built `x`"]);
    assert_eq!(status(&mut app, "/hello"), 200);
    app.stop();
}

#[test]
fn it_can_be_stopped_while_it_waits() {
    let mut app = app("nothing");
    app.log(&["waiting for a change"]);
    app.stop();
}
