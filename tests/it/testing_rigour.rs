//! `boathook test` lets nothing pass that is wrong: neither what a hook does beside its response, nor what a case
//! says to no effect.

use std::fs;
use std::path::Path;
use std::time::Duration;

use boathook::testing::Case;

use crate::harness::{App, Ran, component};
use crate::testing::{guest, tested, top};

#[test]
fn a_hook_that_fails_beside_its_response_fails_the_case_unless_its_code_is_expected() {
    tested(
        r#"
        //- hooks
        a: observes
        b: finishes-slowly
        //- hooks/a/tests/a.toml
        config = { fails = true }
        [[case]]
        name = "nothing is said of it"
        request = "GET /nowhere"
        [[case]]
        name = "a status is no word about it"
        request = "GET /nowhere"
        expect.status = 500
        [[case]]
        name = "another code is none"
        request = "GET /nowhere"
        expect = { error = "E_NOT_FOUND" }
        [[case]]
        name = "its code is"
        request = "GET /nowhere"
        expect = { status = 500, error = "E_HOOK_ERROR" }
        //- hooks/b/tests/b.toml
        hook.limits = { wall = "1s" }
        [[case]]
        name = "after the last byte"
        request = "GET /nowhere?finish=60000"
        expect.status = 404
        [[case]]
        name = "by its code"
        request = "GET /nowhere?finish=60000"
        expect.error = "E_HOOK_TIMEOUT"
        "#,
        1,
        &[
            "--- FAIL a: nothing is said of it (",
            "    error: expected none, found `E_HOOK_ERROR`\n",
            "  error E_HOOK_ERROR: hook `a`: handle-response: ",
            "--- FAIL a: a status is no word about it (",
            "    error: expected `E_NOT_FOUND`, found `E_HOOK_ERROR`\n",
            "] a: its code is (",
            "--- FAIL b: after the last byte (",
            "  error E_HOOK_TIMEOUT: hook `b`: handle-finish: ",
            " 6 cases run: 2 passed, 4 failed\n",
        ],
    );
}

#[test]
fn a_limit_of_fuel_holds_wherever_it_is_said() {
    tested(
        r#"
        //- hooks
        a: spins
        b: spins
        //- hooks/a/tests/a.toml
        [[case]]
        name = "the case's own"
        hook.limits = { fuel = 18_000_000_000_000, cpu = "50ms" }
        request = "GET /spins"
        expect.error = "E_HOOK_CPU"
        //- hooks/b/tests/b.toml
        app.limits.fuel = 1_000_000
        [[case]]
        name = "that for all hooks"
        request = "GET /spins"
        expect.error = "E_HOOK_FUEL"
        "#,
        0,
        &[" 2 cases run: 2 passed, 0 failed\n"],
    );
}

#[test]
fn folders_of_grants_and_routes_are_those_of_the_hook() {
    tested(
        r#"
        //- hooks
        a: answers
        //- hooks/a/public/a.txt
        a file
        //- hooks/a/tests/a.toml
        [[case]]
        name = "they are found"
        hook.grants.files = ["public"]
        app.routes = [{ address = "/*", skip_assets = false, directory = "public" }]
        request = "GET /a.txt"
        expect = { status = 200, body.contains = "a file" }
        "#,
        0,
        &["] a: they are found (", " 1 case run: 1 passed, 0 failed\n"],
    );
}

#[test]
fn sessions_end_by_the_clock_of_the_case() {
    tested(
        r#"
        //- hooks
        a: sessions
        //- hooks/a/tests/a.toml
        session = { userId = 7 }
        app.session = { idle = "1h", lifetime = "2h" }
        [[case]]
        name = "one that is in use lives on, for its lifetime"
        [[case.steps]]
        after = "50m"
        repeat = 2
        request = "GET /all"
        expect.body.json = { userId = 7 }
        [[case.steps]]
        after = "50m"
        request = "GET /all"
        expect = { body.json = {}, session = {} }
        [[case]]
        name = "one that is not ends after its idle time"
        [[case.steps]]
        after = "61m"
        request = "GET /all"
        expect.body.json = {}
        "#,
        0,
        &[" 2 cases run: 2 passed, 0 failed\n"],
    );
}

#[test]
fn an_update_writes_no_snapshot_of_what_is_wrong_and_none_twice() {
    let app = App::lift("//- hooks\na: spins\nb: answers");
    let put = |path: &str, text: &str| {
        let path = app.folder().join(path);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    put("hooks/a/tests/snapshots/a.txt", "what it was");
    put(
        "hooks/a/tests/a.toml",
        "hook.limits.cpu = \"50ms\"\n[[case]]\nname = \"a\"\nrequest = \"GET /spins\"\n\
         expect.body.snapshot = \"a.txt\"\n",
    );
    put(
        "hooks/b/tests/b.toml",
        "[[case]]\nname = \"one\"\nrequest = \"GET /answers/text\"\nexpect.body.snapshot = \"b.txt\"\n\
         [[case]]\nname = \"two\"\nrequest = \"GET /nowhere\"\nexpect.body.snapshot = \"b.txt\"\n",
    );
    let ran = Ran::beside(&app, &["test", "{dir}", "--update"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let kept = fs::read_to_string(app.folder().join("hooks/a/tests/snapshots/a.txt"));
    assert_eq!(kept.expect("it is there"), "what it was");
    for part in [
        "    error: expected none, found `E_HOOK_CPU`\n",
        "hooks/b/tests/snapshots/b.txt, which a step before this one has written: ",
        " 3 cases run: 1 passed, 2 failed\n",
    ] {
        assert!(ran.out.contains(part), "no `{part}` in {}", ran.out);
    }
    let wrote: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("wrote ")).collect();
    assert!(matches!(&wrote[..], [one] if one.ends_with("b/tests/snapshots/b.txt")), "{wrote:?}");
}

#[test]
fn a_component_from_elsewhere_is_run_as_the_manifest_in_its_hooks_folder_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let put = |path: &str, bytes: &[u8]| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path.display().to_string()
    };
    let built = put("target/spins.wasm", &component("spins"));
    put("a/data/x", b"x");
    put("a/hook.toml", b"name = \"renamed\"\nlimits.fuel = 1_000_000\ngrants.files = [\"data\"]\n");
    let cases = b"[[case]]\nname = \"a\"\nrequest = \"GET /spins\"\nexpect.error = \"E_HOOK_FUEL\"";
    put("a/tests/a.toml", cases);
    let folder = dir.path().join("a").display().to_string();
    let ran = Ran::now(&["test", &folder, "--component", &built]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("] renamed: a (") && ran.out.contains(" 1 passed"), "{ran:?}");
}

#[test]
fn a_place_that_is_not_there_is_said_before_anything_runs() {
    let fixture = r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "a"
        request = "GET /nowhere"
        "#;
    let ran = Ran::of(fixture, &["test", "{dir}", "--junit", "{dir}/nowhere/junit.xml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("nowhere/junit.xml") && !ran.out.contains("PASS"), "{ran:?}");
    let ran = Ran::of(fixture, &["test", "{dir}/nowhere"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("nowhere: there is no such folder"), "{ran:?}");
}

#[test]
fn of_a_step_that_is_repeated_the_first_failure_is_shown_and_the_others_are_counted() {
    let ran = tested(
        r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "it fails each time"
        [[case.steps]]
        request = "GET /nowhere"
        repeat = 300
        expect.status = 200
        [[case.steps]]
        request = "GET /nowhere"
        expect.status = 201
        "#,
        1,
        &[
            "  step 1, GET /nowhere (the first of 300 that failed, number 1 of 300):\n",
            "  step 2, GET /nowhere:\n    status: expected 201, found 404\n",
        ],
    );
    assert_eq!(ran.out.matches("status: expected 200").count(), 1, "{}", ran.out);
}

#[test]
fn any_key_can_be_expected_however_many_there_are() {
    let (keys, last) = ((0..1_200).map(|at| format!("k{at:04} = {at}")), "k1199");
    let keys = keys.collect::<Vec<_>>().join(", ");
    tested(
        &format!(
            "//- hooks\na: answers\n//- hooks/a/tests/a.toml\nkv.many = {{ {keys} }}\n\
             [[case]]\nname = \"there\"\nrequest = \"GET /x\"\nexpect.kv.many = {{ {last} = 1199 }}\n\
             [[case]]\nname = \"gone\"\nrequest = \"GET /x\"\n\
             expect.kv.many = {{ {last} = {{ absent = true }} }}\n"
        ),
        1,
        &["    kv `many` `k1199`: expected nothing, found 1199\n", " 1 passed, 1 failed\n"],
    );
}

#[test]
fn what_a_case_says_to_no_effect_is_a_mistake() {
    let ran = Ran::of(
        r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "a"
        steps = []
        [[case]]
        name = "b"
        request = "get /x"
        expect.headers = { "x frame" = false }
        [[case]]
        name = "c"
        now = "2600-01-01T00:00:00Z"
        fetch = [
            { url = "https://a.test/", error = "away", status = 200 },
            { url = "https://a.test/", timeout = true, body = "x" },
        ]
        [[case.steps]]
        run = "tasks"
        headers = { accept = "x" }
        expect = { status = 200 }
        [[case.steps]]
        tick = "t"
        expect = { outcome = "next" }
        "#,
        &["test", "{dir}"],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in [
        "`case.0.steps` has no step\n",
        "`case.1.request` must be a method in capital letters: found the string `get /x`\nhint: write `GET`",
        "`case.1.expect.headers.x frame`: there is no header of this name",
        "`case.2.now` must be a time before 2500",
        "`case.2.fetch.0.status` says nothing beside `error`",
        "`case.2.fetch.1.body` says nothing beside `timeout`",
        "`case.2.steps.0.headers` is for steps with a `request`",
        "`case.2.steps.0.expect.status` is for steps with a `request`",
        "`case.2.steps.1.expect.outcome` is for steps with a `request`",
        "9 problems",
    ] {
        assert!(ran.err.contains(part), "no `{part}` in {}", ran.err);
    }
    tested(
        r#"
        //- hooks
        a: answers
        //- hooks/a/tests/a.toml
        [[case]]
        name = "a"
        request = "GET /x"
        expect.kv = { nosuch = { a = { absent = true } } }
        "#,
        1,
        &["`expect.kv` names `nosuch`, which the hook has no grant for\n  hint: "],
    );
}

#[test]
fn a_task_is_run_once_its_delay_has_passed() {
    let (_dir, hook) = guest("defers");
    let case = Case::get("/defers/note?text=a&ms=60000").then_tasks().then_tasks();
    let seen = case.after(Duration::from_secs(61)).run_all(&hook).expect("it lifts").seen;
    assert!(seen[1].logs.is_empty(), "not yet: {:?}", seen[1].logs);
    assert_eq!(seen[2].logs, ["info: task note {\"text\":\"a\"} attempt 1"]);
}

#[test]
fn every_template_has_cases_and_keeps_what_they_make_out_of_the_repository() {
    let mut templates = 0;
    for sdk in fs::read_dir(top().join("guest-sdk")).expect("there are SDKs") {
        let sdk = sdk.expect("a folder can be read").path();
        for name in ["template", "template-ts"] {
            templates += usize::from(has_cases(&sdk.join(name)));
        }
    }
    assert_eq!(templates, 6);
}

/// Looks at a template, if it is there.
#[track_caller]
fn has_cases(template: &Path) -> bool {
    if !template.is_dir() {
        return false;
    }
    let text = |path: &str| fs::read_to_string(template.join(path)).unwrap_or_default();
    assert!(text("tests/hello.toml").contains("[[case]]"), "{}", template.display());
    assert!(text("gitignore").contains(".boathook/\n"), "{}", template.display());
    true
}
