//! `boathook test`: hooks held against cases, in process, without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use boathook::testing::{Answer, Case, Hook, Outcome, Seen};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{App, Ran, component};

pub(crate) fn top() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    top.expect("the crate lies in a folder").to_owned()
}

/// Runs the cases of an app, and holds what was printed against parts of it.
#[track_caller]
pub(crate) fn tested(fixture: &str, code: i32, said: &[&str]) -> Ran {
    let ran = Ran::of(fixture, &["test", "{dir}"]);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for part in said {
        assert!(ran.out.contains(part), "no `{part}` in {}\n{}", ran.out, ran.err);
    }
    ran
}

/// One of the guests as a hook to be tested.
pub(crate) fn guest(name: &str) -> (tempfile::TempDir, Hook) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join(format!("{name}.wasm"));
    fs::write(&path, component(name)).expect("a file can be written");
    (dir, Hook::open(path).expect("a guest is a hook"))
}

#[test]
fn all_cases_of_the_samples_pass() {
    let mut samples = 0;
    for entry in fs::read_dir(top().join("sample-hooks")).expect("there are samples") {
        let folder = entry.expect("a folder can be read").path();
        if !folder.join("tests").is_dir() {
            continue;
        }
        let name = folder.file_name().expect("it has a name").to_string_lossy().into_owned();
        let component = top().join(format!("sample-hooks/app/hooks/{name}.wasm"));
        let [folder, component] = [folder, component].map(|path| path.display().to_string());
        let ran = Ran::now(&["test", &folder, "--component", &component]);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
        assert!(ran.out.starts_with("PASS [") && ran.out.contains(" 0 failed"), "{}", ran.out);
        samples += 1;
    }
    assert!(samples >= 6, "{samples}");
}

#[test]
fn a_case_that_fails_says_what_was_expected_and_what_the_hook_did() {
    let ran = tested(
        r#"
        //- hooks
        a: counts
        b: answers
        //- hooks/b/tests/a.toml
        [[case]]
        name = "it is as it is to be"
        request = "GET /nowhere"
        expect = { status = 404, outcome = "next" }
        [[case]]
        name = "it is not"
        hook.grants.kv = ["rates"]
        request = "GET /nowhere"
        expect = { status = 200, headers = { x-a = "1" }, kv.rates = { a = 1 }, locals = { me = 1 } }
        "#,
        1,
        &[
            "] b: it is as it is to be (fuel ",
            "FAIL [",
            "--- FAIL b: it is not (",
            "  step 1, GET /nowhere:\n    status: expected 200, found 404\n",
            "    header `x-a`: expected `1`, found nothing\n",
            "    kv `rates` `a`: expected 1, found nothing\n",
            "    local `me`: expected 1, found nothing\n",
            " 2 cases run: 1 passed, 1 failed\n",
        ],
    );
    assert!(!ran.out.contains("] a: "), "a hook without cases is not tested: {ran:?}");
}

#[test]
fn a_hook_that_loops_costs_its_case_its_cpu_time_and_no_more() {
    tested(
        r#"
        //- hooks
        a: spins
        //- hooks/a/tests/a.toml
        hook.limits = { cpu = "50ms" }
        [[case]]
        name = "it is ended"
        request = "GET /spins"
        expect = { status = 504, error = "E_HOOK_CPU" }
        [[case]]
        name = "nobody expected that"
        request = "GET /spins"
        [[case]]
        name = "and it goes on in the same case"
        [[case.steps]]
        request = "GET /spins"
        expect.error = "E_HOOK_CPU"
        [[case.steps]]
        request = "GET /elsewhere"
        expect = { status = 404, outcome = "next" }
        "#,
        1,
        &[
            "] a: it is ended (",
            "    error: expected none, found `E_HOOK_CPU`\n",
            "  error E_HOOK_CPU: hook `a`: handle-route: cpu limit of 50ms reached",
            " 3 cases run: 2 passed, 1 failed\n",
        ],
    );
}

#[test]
fn fuel_is_the_same_each_time_and_has_a_ceiling() {
    let fixture = r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "it costs little"
        [[case.steps]]
        request = "GET /answers/text"
        [[case.steps]]
        request = "GET /answers/text"
        expect.fuel = 1
        "#;
    let used = || {
        let ran = tested(fixture, 1, &["fuel: expected 1 at most, found "]);
        ran.out.split("found ").nth(1).map(str::to_owned).expect("it says what was found")
    };
    let (once, again) = (used(), used());
    assert_eq!(once.lines().next(), again.lines().next());
}

#[test]
fn other_servers_are_those_of_the_case_and_a_request_to_another_one_fails_it() {
    tested(
        r#"
        //- hooks
        a: fetches
        //- hooks/a/tests/a.toml
        hook.grants = { fetch = ["https://a.test"] }
        fetch = [
            { url = "https://a.test/x", status = 201, headers = { content-type = "text/x" }, body = "yes" },
            { url = "https://a.test/slow", timeout = true },
            { url = "https://a.test/away", error = "no route" },
            { url = "https://a.test/to", status = 302, headers = { location = "/x" } },
        ]
        [[case]]
        name = "an answer is taken for the server's"
        request = "GET /fetches?url=https://a.test/x"
        expect.body.json = { status = 201, url = "https://a.test/x", length = 3, text = "yes", type = "text/x" }
        [[case]]
        name = "redirects are followed"
        request = "GET /fetches?url=https://a.test/to&redirects=1"
        expect = { status = 200, fetched = ["GET https://a.test/to", "GET https://a.test/x"] }
        [[case]]
        name = "a server that does not answer is late"
        request = "GET /fetches?url=https://a.test/slow"
        expect = { body.contains = "E_FETCH_TIMEOUT" }
        [[case]]
        name = "one that is away is an error"
        request = "GET /fetches?url=https://a.test/away"
        expect = { body.contains = ["E_FETCH_FAILED", "no route"] }
        [[case]]
        name = "grants hold"
        request = "GET /fetches?url=https://b.test/"
        expect = { body.contains = "E_NOT_GRANTED", fetched = [] }
        [[case]]
        name = "nobody expected this one"
        request = "GET /fetches?url=https://a.test/other"
        [[case]]
        name = "and this one never came"
        fetch = [{ url = "https://a.test/x", times = 2 }]
        request = "GET /fetches?url=https://a.test/x"
        "#,
        1,
        &[
            "    fetch: expected no request that the case has no answer for, found GET https://a.test/other\n",
            "  https://a.test/x: to be asked 2 times, was 1\n",
            " 7 cases run: 5 passed, 2 failed\n",
        ],
    );
}

#[test]
fn a_filter_leaves_out_and_one_that_matches_nothing_is_a_failure() {
    let fixture = r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "one"
        request = "GET /one"
        [[case]]
        name = "two"
        request = "GET /two"
        "#;
    let ran = Ran::of(fixture, &["test", "{dir}", "--filter", "a: tw"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains(" 1 case run: 1 passed, 0 failed, 1 left out\n"), "{ran:?}");
    let ran = Ran::of(fixture, &["test", "{dir}", "--filter", "three"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("no case has `three` in its name, of 2 there are"), "{ran:?}");
}

#[test]
fn snapshots_are_written_when_told_to_and_compared_otherwise() {
    let app = App::lift("//- hooks\na: answers");
    let put = |path: &str, text: &str| {
        let path = app.folder().join(path);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    put(
        "hooks/a/tests/a.toml",
        "[[case]]\nname = \"a\"\nrequest = \"GET /nowhere\"\nexpect.body.snapshot = \"in/a.txt\"",
    );
    let run = |more: &[&str]| Ran::beside(&app, &[&["test", "{dir}/hooks/a"], more].concat());
    let missing = run(&[]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.out.contains("hint: `boathook test --update` writes it"), "{missing:?}");
    assert_eq!(run(&["--update"]).code, Some(0));
    assert_eq!(run(&[]).code, Some(0));
    let snapshot = app.folder().join("hooks/a/tests/snapshots/in/a.txt");
    let text = fs::read_to_string(&snapshot).expect("it was written");
    fs::write(&snapshot, format!("first\n{text}")).expect("it can be written");
    let other = run(&[]);
    assert_eq!(other.code, Some(1));
    assert!(other.out.contains("- expected, + found\n") && other.out.contains("    - first\n"));
}

#[test]
fn results_are_written_for_programs_as_junits_xml_and_as_json() {
    let fixture = r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "it is <good>"
        request = "GET /nowhere"
        [[case]]
        name = "it is bad"
        request = "GET /nowhere"
        expect.status = 200
        "#;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("junit.xml");
    let ran = Ran::of(fixture, &["test", "{dir}", "--junit", &file.display().to_string()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let xml = fs::read_to_string(file).expect("it was written");
    for part in [
        "<testsuites name=\"boathook\" tests=\"2\" failures=\"1\" time=\"",
        "<testsuite name=\"a\" tests=\"2\" failures=\"1\" time=\"",
        "<testcase name=\"it is &lt;good&gt;\" classname=\"a\" file=\"",
        "<failure message=\"1 not as expected\">--- FAIL a: it is bad (",
    ] {
        assert!(xml.contains(part), "no `{part}` in {xml}");
    }
    let ran = Ran::of(fixture, &["test", "{dir}", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(document["ok"], false);
    assert_eq!(document["cases"][0]["ok"], true);
    let finding = &document["cases"][1]["findings"][0];
    assert_eq!(finding["expected"], "200");
    assert_eq!((&finding["found"], &finding["step"]), (&json!("404"), &json!(1)));
}

#[test]
fn mistakes_in_files_of_cases_are_told_with_their_lines_all_at_once() {
    let ran = Ran::of(
        r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "a"
        request = "GET nowhere"
        expect = { statsu = 200 }
        //- hooks/a/tests/b.json
        { "case": [{ "name": "b", "request": "GET /", "expects": {} }] }
        "#,
        &["test", "{dir}"],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in [
        "a.toml:3: `case.0.request` must be a method and a path: found the string `GET nowhere`\n",
        "a.toml:4: unknown key `case.0.expect.statsu`\nhint: did you mean `status`?",
        "b.json: unknown key `case.0.expects`\nhint: did you mean `expect`?",
        "3 problems",
    ] {
        assert!(ran.err.contains(part), "no `{part}` in {}", ran.err);
    }
    let ran = Ran::of("//- hooks\na: answers", &["test", "{dir}"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("holds no cases") && ran.err.contains("hint: "), "{ran:?}");
}

#[test]
fn a_hook_that_does_not_lift_fails_its_cases_and_says_why() {
    tested(
        r#"
        //- hooks
        a: fails
        //- hooks/a/tests/a.toml
        [[case]]
        name = "it lifts"
        hook = { mod = "single" }
        request = "GET /"
        "#,
        1,
        &["--- FAIL a: it lifts (", "unknown key `hooks.a.mod`", "did you mean `mode`?"],
    );
}

#[test]
fn a_hook_without_component_says_how_to_get_one() {
    let fixture = r#"
        //- hooks/a/hook.toml
        name = "a"
        //- hooks/a/tests/a.toml
        [[case]]
        name = "a"
        request = "GET /"
        "#;
    let ran = Ran::of(fixture, &["test", "{dir}"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("holds no `.wasm` file\nhint: build the hook: `boathook build"));
}

#[test]
fn sessions_events_and_what_is_handed_on_can_be_expected() {
    tested(
        r#"
        //- hooks
        a: sessions
        b: emits
        c: rewrites
        //- hooks/a/tests/a.toml
        session = { userId = 7 }
        [[case]]
        name = "a session goes from one step to the next"
        [[case.steps]]
        request = "GET /get?key=userId"
        expect.body.json = 7
        [[case.steps]]
        request = "GET /set?key=cart&value=[1]"
        expect.session = { userId = 7, cart = [1] }
        [[case.steps]]
        request = "GET /all"
        expect.body.json = { userId = 7, cart = [1] }
        [[case.steps]]
        request = "GET /destroy"
        expect.session = {}
        [[case.steps]]
        request = "GET /all"
        expect.body.json = {}
        //- hooks/b/tests/b.toml
        [[case]]
        name = "events are heard in their order"
        request = "GET /emits?times=2"
        expect.events = [{ name = "noise", payload = 0 }, "noise"]
        //- hooks/c/tests/c.toml
        locals = { me = "ada" }
        [[case]]
        name = "what comes after the hook sees another request"
        request = "GET /a?b"
        headers = { x-set-path = "/c", x-set-query = "d", x-set-header = "x-e=1", x-unset-header = "accept", accept = "x" }
        [case.expect]
        forwarded = { target = "/c?d", headers = { x-e = "1", accept = false } }
        locals = { me = "ada" }
        "#,
        0,
        &[" 3 cases run: 3 passed, 0 failed\n"],
    );
}

#[test]
fn a_test_in_rust_runs_a_case_by_hand() {
    let (_dir, hook) = guest("fetches");
    let case = |url: &str| {
        Case::get(&format!("/fetches?url={url}"))
            .hook("grants", json!({ "fetch": ["https://a.test"] }))
            .fetch(Method::GET, "https://a.test/", Answer::json(200, &json!({ "a": 1 })))
    };
    let seen = case("https://a.test").run(&hook).expect("it lifts");
    assert_eq!((seen.status, seen.outcome), (200, Outcome::Respond));
    let body = seen.json().expect("it answers in JSON");
    assert_eq!(body["text"], r#"{"a":1}"#);
    assert_eq!(body["type"], "application/json");
    assert_eq!(seen.fetched, ["GET https://a.test/"]);
    let seen = case("https://a.test/no").run(&hook).expect("it lifts");
    assert_eq!(seen.unexpected, ["GET https://a.test/no"]);
}

#[test]
fn time_and_chance_are_the_cases_own() {
    let (_dir, hook) = guest("chances");
    let told = |seed| {
        let mut case = Case::get("/chances").then(Method::GET, "/chances");
        case.seed = seed;
        let seen = case.after(Duration::from_secs(90)).run_all(&hook).expect("it lifts").seen;
        let bodies: Vec<Value> = seen.iter().filter_map(Seen::json).collect();
        <[Value; 2]>::try_from(bodies).expect("both steps answer in JSON")
    };
    let [first, then] = told(1);
    assert_eq!((&first["now"], &first["lived"]), (&json!(1_767_225_600_000_u64), &json!(0)));
    assert_eq!((&then["now"], &then["lived"]), (&json!(1_767_225_690_000_u64), &json!(90_000)));
    assert_eq!(told(1), [first.clone(), then]);
    assert_ne!(told(2)[0]["chance"], first["chance"]);
}

#[test]
fn tasks_are_run_when_the_case_says_so() {
    let (_dir, hook) = guest("defers");
    let case = Case::get("/defers/note?text=a").then_tasks().then_tasks();
    let seen = case.run_all(&hook).expect("it lifts").seen;
    let tasks: Vec<String> = seen[0].tasks.iter().map(ToString::to_string).collect();
    assert_eq!(tasks, ["note {\"text\":\"a\"} in memory"]);
    assert_eq!(seen[1].logs, ["info: task note {\"text\":\"a\"} attempt 1"]);
    assert!(seen[2].logs.is_empty(), "once is enough: {:?}", seen[2].logs);
    let of_a_failure = Case::get("/defers/note?text=a&then=error").run(&hook).expect("it lifts");
    assert!(of_a_failure.tasks.is_empty() && of_a_failure.is_broken());
}

#[test]
fn one_file_of_cases_is_for_a_hook_in_every_language() {
    let cases = fs::read_to_string(top().join("sample-hooks/rate-limit/tests/rate-limit.toml"));
    // Each language does it with other instructions.
    let cases = cases.expect("it is there").replace(", fuel = 10_000", "");
    for language in ["c", "go", "js", "python"] {
        let hook = format!("//- hooks\nhooks/a/hook.wasm = {language}/rate-limit\n");
        let ran = tested(&format!("{hook}//- hooks/a/tests/a.toml\n{cases}"), 0, &[" 0 failed\n"]);
        assert_eq!(ran.out.matches("PASS [").count(), 4, "{language}: {}", ran.out);
    }
}
