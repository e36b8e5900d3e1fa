//! The samples that exist in every language: whatever a hook is written in, it behaves alike, and one that
//! misbehaves harms nobody.
//!
//! `scripts/build-language-hooks` builds them.

use std::fs;

use serde_json::Value;

use crate::harness::{App, Client, Fixture, Ran};

/// The samples, in a folder's order: a server sorts hooks by their names.
const SAMPLES: [&str; 4] = ["hello", "rate-limit", "security-headers", "shout"];

/// What each of them does.
const BEHAVIOUR: &str = "
    //- GET /hello
    //- 200
    content-type: text/plain; charset=utf-8
    x-content-type-options: nosniff
    x-frame-options: SAMEORIGIN
    referrer-policy: strict-origin-when-cross-origin
    strict-transport-security: max-age=31536000; includeSubDomains;
    permissions-policy: camera=(), microphone=(), usb=()

    Hello from a hook!

    //- POST /hello
    //- 404
    -x-frame-options
    -permissions-policy

    //- HEAD /app.js
    //- 404
    x-frame-options: SAMEORIGIN

    //- POST /orders
    //- 404

    //- POST /orders
    //- 429
    content-type: application/json; charset=utf-8
    -x-frame-options

    {\"error\":\"Too many requests\"}
    //- GET /orders
    //- 404

    //- GET /shout
    //- 200
    content-type: text/plain; charset=utf-8

    make it rain
";

#[test]
fn the_samples_behave_alike_in_rust() {
    drop(samples_behave("rust"));
}

#[test]
fn the_samples_behave_alike_in_javascript() {
    drop(samples_behave("js"));
}

#[test]
fn the_samples_behave_alike_in_python() {
    let mut app = samples_behave("python");
    app.stop();
    app.start_again();
    wait(&mut app);
    // An interpreter's code is some 40 MiB, and there are four of them: it stays in the cache's files.
    let memory_kib = app.memory_of_its_own_kib();
    assert!(memory_kib < 64 << 10, "{memory_kib} KiB");
}

#[test]
fn the_samples_behave_alike_in_c() {
    drop(samples_behave("c"));
}

#[test]
fn the_samples_behave_alike_in_go() {
    samples_behave("go");
}

#[test]
fn a_hook_in_javascript_that_misbehaves_is_contained() {
    is_contained("js", "E_HOOK_ERROR", "InternalError: out of memory");
}

#[test]
fn a_hook_in_python_that_misbehaves_is_contained() {
    is_contained("python", "E_HOOK_ERROR", "returned an error: MemoryError");
}

#[test]
fn a_hook_in_c_that_misbehaves_is_contained() {
    is_contained("c", "E_HOOK_MEMORY", "memory limit of 64MiB reached");
}

#[test]
fn a_hook_in_go_that_misbehaves_is_contained() {
    is_contained("go", "E_HOOK_MEMORY", "memory limit of 64MiB reached");
}

/// Go collects its garbage when it likes to: also while the server hands a hook a body, where it must call nothing
/// outside of itself. See `runtime/src/project/clock.rs`.
#[test]
fn a_hook_in_go_answers_thousands_of_requests_in_each_mode_within_its_memory() {
    // Half of what a hook has by default.
    for mode in ["pooled", "single"] {
        let mut app = lift(&format!(
            "
            //- boathook.toml
            [admin]
            listen = '127.0.0.1:0'
            [hooks.misbehaves]
            mode = '{mode}'
            limits = {{ memory = '32MiB' }}
            //- hooks
            hooks/misbehaves.wasm = go/misbehaves
            "
        ));
        let mut clients: Vec<Client> = (0..8).map(|_| app.connect()).collect();
        for wave in 0..650 {
            let body = format!("{wave} ").repeat(2000);
            for client in &mut clients {
                client.request("POST", "/churn", &["x-more: of it".to_owned()], body.as_bytes());
            }
            for client in &mut clients {
                let response = client.response("POST").expect("an answer");
                let text = response.text();
                assert!(response.status == 200 && text == body, "{mode}, wave {wave}: {text}");
            }
        }
        app.stop();
        assert_eq!(app.logged("error: "), 0, "{mode}: {}", app.log_text());
        assert_eq!(app.logged("warn: "), 0, "{mode}: {}", app.log_text());
    }
}

#[test]
fn a_panic_in_go_is_logged_with_the_names_of_functions() {
    let mut app = lift("//- hooks\nhooks/misbehaves.wasm = go/misbehaves\n");
    assert_eq!(app.ask("GET", "/panic").status, 500);
    app.log(&["main.forget"]);
    app.stop();
}

#[test]
fn what_the_server_hands_a_hook_in_go_is_freed_while_the_call_lasts() {
    let mut app = lift(
        "
        //- boathook.toml
        limits = { cpu = '20s', wall = '25s' }
        //- hooks
        hooks/misbehaves.wasm = go/misbehaves
        ",
    );
    // It asks for it a thousand times: 100 MB, where it may take 64 MiB.
    let body = "b".repeat(100_000);
    let mut client = app.connect();
    client.request("POST", "/reread", &[], body.as_bytes());
    let response = client.response("POST").expect("an answer");
    assert_eq!((response.status, response.text().as_str()), (200, "fine\n"));
    app.stop();
}

/// Lifts the four samples of a language as lone files, so that all that the server knows of them is what
/// their build wrote into them.
fn samples_behave(language: &str) -> App {
    let lines = SAMPLES.map(|name| format!("hooks/{name}.wasm = {language}/{name}"));
    let mut app = lift(&format!(
        "//- boathook.toml\n[rate-limit]\nmax-requests = 2\n//- hooks\n{}\n",
        lines.join("\n")
    ));
    app.check(BEHAVIOUR);
    for name in SAMPLES {
        let said = inspected(&app, name);
        let mode = if name == "rate-limit" { "single" } else { "pooled" };
        assert_eq!((&said["name"], &said["mode"]), (&name.into(), &mode.into()), "{language}");
        assert!(said["version"].is_string(), "{language}: `{name}` has no version");
    }
    the_counts_go_on(&mut app, language);
    the_operator_is_heard(&mut app);
    app
}

/// Has the rate limiter replaced while the app serves: three requests were counted by then.
fn the_counts_go_on(app: &mut App, language: &str) {
    // A window that is not over yet, however slow the machine.
    app.write("boathook.toml", "[rate-limit]\nmax-requests = 3\nwindow-ms = 3600000\n");
    assert!(app.lift_anew().contains("lifted: rate-limit"), "{language}");
    assert_eq!(app.ask("POST", "/orders").status, 429, "{language}");
}

/// Starts the app again with another setting. Its hooks are compiled by now.
fn the_operator_is_heard(app: &mut App) {
    app.stop();
    let path = app.folder().join("boathook.toml");
    fs::write(path, "[shout]\nphrase = 'yolo é ☂ 😀'\n").expect("the app folder can be written to");
    app.start_again();
    wait(app);
    app.check(
        "
        //- GET /shout
        //- 200

        yolo é ☂ 😀
        //- stop
        ",
    );
}

/// Has a hook do what a hook should not. After each it answers, and the log has what it was.
fn is_contained(language: &str, allocating: &str, allocated: &str) {
    let mut app =
        lift(&format!("//- hooks\nhooks/misbehaves.wasm = {language}/misbehaves\nhello\n"));
    if language == "python" {
        // Whoever waits for a compiler is told so.
        app.log(&["compiling hook `misbehaves` (18.", "compiled hook `misbehaves` (18."]);
    }
    for (path, status, code, logged) in [
        ("/loop", 504, "E_HOOK_CPU", "cpu limit of 100ms reached"),
        ("/throw", 500, "E_HOOK_ERROR", "thrown on purpose"),
        ("/refuse", 418, "E_TEAPOT", ""),
        ("/allocate", 500, allocating, allocated),
    ] {
        let response = app.ask("GET", path);
        let text = response.text();
        assert!(response.status == status && text.contains(code), "{language} {path}: {text}");
        app.log(&[logged]);
        for (path, body) in [("/fine", "fine\n"), ("/hello", "Hello from a hook!\n")] {
            assert_eq!(app.ask("GET", path).text(), body, "{language} {path}");
        }
    }
    // One engine notices by itself, another leaves it to the server.
    assert_eq!(app.ask("GET", "/recurse").status, 500, "{language}");
    assert_eq!(app.ask("GET", "/fine").text(), "fine\n", "{language}");
    app.stop();
}

/// What `inspect` says of a hook of the app.
fn inspected(app: &App, name: &str) -> Value {
    let ran = Ran::beside(app, &["inspect", &format!("{{dir}}/hooks/{name}.wasm"), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.out).expect("JSON")
}

fn lift(fixture: &str) -> App {
    let mut app = App::start(&Fixture::parse(fixture));
    wait(&mut app);
    app
}

/// A hook in Python takes the compiler many seconds, and four of them on a busy machine a minute.
fn wait(app: &mut App) {
    if !(0..10).any(|_| app.address().is_some()) {
        app.fail("it did not lift");
    }
}
