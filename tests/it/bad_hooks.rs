//! Hooks that are none, and apps that cannot be served: each a clear error, all of them at once.

use std::net::TcpListener;

use crate::harness::{App, Fixture, Ran, check};

/// What is wrong with each of them, and how that is said.
const BROKEN: &[(&str, &str)] = &[
    ("no-bytes", "hook `no-bytes`: load: {dir}/hooks/no-bytes.wasm: the file is empty"),
    ("no-wasm", "hook `no-wasm`: load: {dir}/hooks/no-wasm.wasm: the file is not WebAssembly"),
    ("core-module", "the file is a core module, not a component"),
    ("truncated", "hook `truncated`: load: {dir}/hooks/truncated.wasm: the file is truncated: "),
    ("exports-other", "is a component but not a hook: it exports `wasi:cli/run@0.2.0`"),
    (
        "other-version",
        "imports `boathook:hook/log@0.2.0`, but this server speaks `boathook:hook@0.1.0`",
    ),
    ("unknown-import", "imports `acme:lamp/switch@1.0.0`, which this server does not offer"),
    ("bad-manifest", "unknown key `mod`"),
];

#[test]
fn each_broken_hook_is_called_what_it_is() {
    for (guest, said) in BROKEN {
        check(&format!(
            "
            //- hooks
            {guest}
            hello
            //- fails
            {}
            //- not in log
            panicked
            ",
            said.replace("{dir}/", "")
                .replace(&format!("load: hooks/{guest}.wasm"), "load: ")
                .split("load: :")
                .next()
                .unwrap_or_default()
        ));
    }
}

#[test]
fn check_lists_ten_problems_of_ten_broken_hooks_and_exits_with_1() {
    let names: Vec<&str> = BROKEN.iter().map(|(guest, _)| *guest).collect();
    let fixture = format!(
        "
//- hooks
{}
hello
hooks/two/a.wasm = empty
hooks/two/b.wasm = empty
//- hooks/hollow/readme.txt
no component here
",
        names.join("\n")
    );
    let ran = Ran::of(&fixture, &["check", "{dir}"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("10 problems"), "{}", ran.err);
    assert_eq!(ran.err.matches("error: ").count(), 10, "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    for (guest, said) in BROKEN {
        let last = said.rsplit("load: ").next().unwrap_or_default();
        let last = last.rsplit(".wasm: ").next().unwrap_or_default();
        assert!(ran.err.contains(last), "{guest}: {}", ran.err);
    }
    assert!(ran.err.contains("holds no `.wasm` file") && ran.err.contains("holds 2 `.wasm` files"));

    let ran = Ran::of(&fixture, &["check", "{dir}", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(10), "{report}");
}

#[test]
fn check_says_that_a_sound_app_is_sound_and_binds_nothing() {
    let ran = Ran::of("//- hooks\nhello\nshout", &["check", "{dir}"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("ok: 2 hooks, 2 routes"), "{ran:?}");
    assert!(!ran.out.contains("listening"), "{ran:?}");
}

#[test]
fn check_warns_where_a_target_answers_what_no_guard_sees() {
    let ran = Ran::of(
        "
        //- boathook.toml
        [[routes]]
        address = \"/*\"
        upstream = \"http://127.0.0.1:1\"
        [[routes]]
        address = \"/files/*\"
        upstream = \"http://127.0.0.1:1\"
        [guard]
        before = [\"/files/*\"]
        //- hooks
        guard: routes
        ",
        &["check", "{dir}"],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("warning: "), "{ran:?}");
}

#[test]
fn a_port_in_use_is_an_error_with_a_remedy_and_the_hooks_are_lowered() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let mut app = App::start(&Fixture::parse(&format!(
        "
        //- args
        --listen
        {address}
        //- hooks
        a: trace
        "
    )));
    assert_eq!(app.exit().code(), Some(1));
    app.log(&[
        "lower hook=a",
        &format!("error: address is in use: `{address}`"),
        "hint: stop what listens there",
    ]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let ran = Ran::of("", &["serve", "{dir}/nowhere"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("nowhere"), "{ran:?}");
}

#[test]
fn what_is_typed_wrong_exits_with_2() {
    for args in [&["serve", "--no-such-flag"][..], &["no-such-command"], &[]] {
        assert_eq!(Ran::of("", args).code, Some(2), "{args:?}");
    }
}

#[test]
fn inspect_shows_what_a_component_says_of_itself() {
    let fixture = "//- hooks\nrate-limit\nrouting-only";
    let ran = Ran::of(fixture, &["inspect", "{dir}/hooks/rate-limit.wasm"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["rate-limit", "single", "routing", "lifecycle"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let ran = Ran::of(fixture, &["inspect", "{dir}/hooks/routing-only.wasm"]);
    assert!(ran.out.contains("routing") && !ran.out.contains("lifecycle"), "{ran:?}");
}

#[test]
fn routes_shows_the_table_in_matching_order_and_the_chain_of_a_request() {
    let fixture = "
        //- boathook.toml
        [[routes]]
        address = \"GET /foo\"
        hook = \"letters\"
        action = \"letters/b\"
        //- hooks
        letters
        guards
        ";
    let ran = Ran::of(fixture, &["routes", "{dir}"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let places = ["ALL /admin/*", "before", "letters/b", "after"].map(|part| ran.out.find(part));
    assert!(places.iter().all(Option::is_some), "{places:?}: {ran:?}");
    let ran = Ran::of(fixture, &["routes", "{dir}", "--match", "GET /foo"]);
    assert_eq!(ran.out.matches("hook `letters`").count(), 3, "{ran:?}");
    assert!(!ran.out.contains("guards"), "{ran:?}");
}
