//! `boathook dev`: what is saved is built and answers, and what does not build or lift leaves the last one there.

use crate::harness::App;

/// An app with one hook, whose source is the name of the component that it is to be, and whose compiler is `cp`.
/// Components lie in `parts`.
fn app(source: &str) -> App {
    let parts = "parts/one.wasm = hello\n        parts/two.wasm = shout\n        parts/bad.wasm = truncated";
    App::develop(&format!(
        "
        //- boathook.toml
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
