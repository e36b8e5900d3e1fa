//! From an empty folder to a hook that answers: `new`, `build`, `pack`, `bindings` and `doctor`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{App, Ran, core_module};

const SHELL_HOOK: &str = "manifest_version = 1\nname = \"shelly\"\n[build]\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The core module `name` as a file of an app.
fn put_core(app: &App, path: &str, name: &'static str) {
    let path = app.folder().join(path);
    fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder can be made");
    let wasm = wat::parse_str(core_module(name)).expect("the text is a module");
    fs::write(path, wasm).expect("a file can be written");
}

/// Runs a command beside an app, which must go well.
#[track_caller]
fn ran(app: &App, args: &[&str]) -> Ran {
    let ran = Ran::beside(app, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran
}

/// Builds an app's hooks as `make hooks` does: where the target takes another rustc, by that one.
#[track_caller]
fn built_with_the_target(app: &App) -> String {
    let script = "wasm=$(scripts/setup-wasm-target) && eval \"$wasm\" && exec \"$0\" build \"$1\"";
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a folder");
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_boathook")]).arg(app.folder()).current_dir(top);
    let built = shell.output().expect("there is a shell");
    assert!(built.status.success(), "{built:?}");
    String::from_utf8_lossy(&built.stdout).into_owned()
}

/// The crates that the workspace has are enough, in the versions that it has.
fn use_the_lock_file(hook: &Path) {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.lock");
    fs::copy(lock, hook.join("Cargo.lock")).expect("the lock file can be copied");
}

#[test]
fn a_new_hook_in_rust_is_built_and_answers() {
    let mut app = App::lift("");
    let new = ran(&app, &["new", "greeter", "--lang", "rust", "--dir", "{dir}/hooks/greeter"]);
    let next = new.out.split("next:\n").nth(1).expect("it says what is next");
    assert!(next.contains("boathook build ") && next.contains("curl localhost:1337/greeter"));
    use_the_lock_file(&app.folder().join("hooks/greeter"));
    let built = built_with_the_target(&app);
    assert!(built.contains("hook `greeter`: "), "{built}");
    assert!(built.contains("ready: `boathook serve` runs it"), "{built}");
    let tested = ran(&app, &["test", "{dir}"]);
    assert!(tested.out.contains(" 2 cases run: 2 passed, 0 failed\n"), "{tested:?}");
    app.start_again();
    let answer = app.ask("GET", "/greeter");
    assert_eq!((answer.status, answer.text().as_str()), (200, "Hello from greeter!\n"));
    // A component that is taken elsewhere alone still knows what hook.toml says.
    let inspected = ran(&app, &["inspect", "{dir}/hooks/greeter/hook.wasm", "--json"]);
    assert_eq!(json(&inspected.out)["description"], "Answers GET /greeter");
}

#[test]
fn a_new_hook_in_c_passes_its_own_test() {
    let app = App::lift("");
    ran(&app, &["new", "greeter", "--lang", "c", "--dir", "{dir}/hooks/greeter"]);
    let test = "mkdir build && cc -Wall -Werror -Iboathook-sdk -o build/test test.c main.c \
        boathook-sdk/boathook.c boathook-sdk/testing.c && build/test";
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", test]).current_dir(app.folder().join("hooks/greeter"));
    let tested = shell.output().expect("there is a shell");
    assert!(tested.status.success(), "{tested:?}");
    assert_eq!(tested.stdout, b"ok: it answers on its own path\n");
}

#[test]
fn what_is_new_is_said_in_json_too() {
    let dir = "{dir}/hooks/a-b";
    let new = Ran::of("", &["new", "a-b", "--lang", "rust", "--dir", dir, "--json"]);
    let document = json(&new.out);
    assert_eq!((document["ok"].as_bool(), document["name"].as_str()), (Some(true), Some("a-b")));
    assert_eq!(document["next"].as_array().map(Vec::len), Some(4), "{document}");
}

#[test]
fn a_new_hook_needs_a_name_a_language_and_a_place() {
    let new = |name, lang| {
        Ran::of("//- full/a.txt\nmine", &["new", name, "--lang", lang, "--dir", "{dir}/full"])
    };
    let taken = new("greeter", "rust");
    assert_eq!(taken.code, Some(1));
    assert!(taken.err.contains("full: is there already, and not empty\nhint: "), "{taken:?}");
    let named = new("Greeter", "rust");
    assert_eq!(named.code, Some(1));
    assert!(named.err.contains("`Greeter` cannot be the name of a new hook\nhint: "), "{named:?}");
    let reserved = new("session", "rust");
    assert!(reserved.err.contains("in boathook.toml it means something else"), "{reserved:?}");
    let taken = new("hook", "rust");
    assert!(taken.err.contains("something in its folder is called that"), "{taken:?}");
    let spoken = new("greeter", "cobol");
    assert_eq!(spoken.code, Some(2));
    assert!(spoken.err.contains("possible values: rust"), "{spoken:?}");
}

#[test]
fn a_core_module_is_packed_and_answers() {
    let mut app = App::lift("//- over.toml\nmode = \"single\"\nlimits.cpu = \"20ms\"");
    put_core(&app, "core.wasm", "packed");
    let pack = ["pack", "{dir}/core.wasm", "-o", "{dir}/hooks/packed.wasm"];
    let manifest = ["--manifest", "{dir}/over.toml", "--name", "parcel"];
    let packed = ran(&app, &[&pack[..], &manifest[..]].concat());
    assert!(packed.out.starts_with("packed: hook `parcel`, "), "{packed:?}");
    app.start_again();
    app.stdout(&["hooks in order: parcel"]);
    assert_eq!(app.ask("GET", "/packed").status, 200);
    let inspect = ["inspect", "{dir}/hooks/packed.wasm", "--json"];
    let document = json(&ran(&app, &inspect).out);
    assert_eq!((&document["mode"], &document["limits"]["cpu"]), (&"single".into(), &"20ms".into()));
    // What is a component already gets another manifest, and nothing else.
    let hook = "{dir}/hooks/packed.wasm";
    ran(&app, &["pack", hook, "-o", hook, "--name", "again"]);
    let document = json(&ran(&app, &inspect).out);
    assert_eq!((&document["name"], &document["mode"]), (&"again".into(), &"single".into()));
}

#[test]
fn what_cannot_be_packed_is_left_and_the_old_file_stays() {
    let app = App::lift("//- hooks\nnot-mine.wasm = no-wasm\nfar/other.wasm = exports-other");
    fs::write(app.folder().join("empty.wasm"), b"\0asm\x01\0\0\0").expect("written");
    fs::write(app.folder().join("out.wasm"), "old").expect("written");
    for (file, said) in [
        ("not-mine.wasm", "not-mine.wasm: the file is not WebAssembly"),
        ("nowhere.wasm", "nowhere.wasm: cannot be read: "),
        (
            "empty.wasm",
            "the module exports nothing of `boathook:hook@0.1.0`, nor anything else\nhint: ",
        ),
        ("far/other.wasm", "is a component but not a hook: it exports "),
    ] {
        let file = format!("{{dir}}/{file}");
        let ran = Ran::beside(&app, &["pack", &file, "-o", "{dir}/out.wasm"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(said), "{said}: {ran:?}");
        assert_eq!(fs::read(app.folder().join("out.wasm")).expect("it is there"), b"old");
    }
}

#[test]
fn a_build_command_may_make_a_core_module() {
    let mut app = App::lift("");
    let build = "command = \"cp core.txt made.txt\"\noutput = \"made.txt\"";
    put_core(&app, "hooks/shelly/core.txt", "shelly");
    let manifest = app.folder().join("hooks/shelly/hook.toml");
    fs::write(manifest, format!("{SHELL_HOOK}{build}")).expect("written");
    let built = ran(&app, &["build", "{dir}/hooks/shelly", "--json"]);
    assert_eq!(json(&built.out)["hooks"][0]["name"], "shelly");
    app.start_again();
    assert_eq!(app.ask("GET", "/shelly").status, 200);
}

#[test]
fn a_build_that_makes_no_hook_leaves_the_one_that_is_there() {
    let app = App::lift("//- hooks\nelsewhere/bad.wasm = exports-other");
    let put = |path: &str, bytes: &[u8]| {
        let path = app.folder().join("hooks/shelly").join(path);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
    };
    let build = "command = \"cp ../../elsewhere/bad.wasm made.bin\"\noutput = \"made.bin\"";
    put("hook.toml", format!("{SHELL_HOOK}{build}").as_bytes());
    put("hook.wasm", b"the one that serves");
    let built = Ran::beside(&app, &["build", "{dir}"]);
    assert_eq!(built.code, Some(1), "{built:?}");
    let said = "hook `shelly`: load: ";
    assert!(built.err.contains(said) && built.err.contains("is a component but not a hook"));
    let there = fs::read(app.folder().join("hooks/shelly/hook.wasm")).expect("it is there");
    assert_eq!(there, b"the one that serves");
}

/// What a build says that fails.
#[track_caller]
fn failed(build: &str, args: &[&str]) -> Ran {
    let fixture = format!("//- hooks/shelly/hook.toml\n{SHELL_HOOK}{build}");
    let ran = Ran::of(&fixture, &[&["build", "{dir}"], args].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran
}

#[test]
fn a_build_that_fails_says_what_the_command_said() {
    let command = "command = \"echo line 3: no such thing >&2; echo 1 error; exit 7\"";
    let shown = failed(command, &[]);
    assert!(
        shown.err.contains("building ") && shown.err.contains("\nline 3: no such thing\n1 error\n")
    );
    assert!(shown.err.contains("failed with exit code 7"), "{shown:?}");
    let document = json(&failed(command, &["--json"]).out);
    let message = document["problems"][0]["message"].as_str().expect("a message");
    assert!(
        message.ends_with("failed with exit code 7\nline 3: no such thing\n1 error"),
        "{message}"
    );
}

#[test]
fn a_build_says_what_is_missing() {
    let gone = failed("command = \"no-such-compiler\"", &[]);
    assert!(gone.err.contains("a program that it calls is not there"), "{gone:?}");
    let unmade = failed("command = \"true\"\noutput = \"build/core.wasm\"", &[]);
    assert!(unmade.err.contains("has made no `build/core.wasm`\nhint: "), "{unmade:?}");
    let second = failed("command = \"exit 9\"\noutput = \"./core.wasm\"", &[]);
    assert!(second.err.contains("hook.toml: `output` is `./core.wasm`: "), "{second:?}");
    assert!(second.err.contains("\nhint: write it to build/core.wasm"), "{second:?}");
    let nothing = failed("command = \"true\"", &[]);
    assert!(nothing.err.contains("shelly: holds no `.wasm` file"), "{nothing:?}");
    let unfit = failed("command = \"echo hi > a.txt\"\noutput = \"a.txt\"", &[]);
    assert!(unfit.err.contains("a.txt: the file is not WebAssembly"), "{unfit:?}");
    let none = Ran::of("", &["build", "{dir}"]);
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("hint: `boathook new hello --lang rust` makes one"), "{none:?}");
}

#[test]
fn a_tool_that_is_missing_is_named_where_the_command_fails() {
    let fixture = format!(
        "//- hooks/shelly/hook.toml\n{SHELL_HOOK}command = \"cargo build && npm ci\"\n\
         //- env\nPATH=/nonexistent"
    );
    let ran = Ran::of(&fixture, &["build", "{dir}"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("`cargo` is not installed\nhint: curl "), "{ran:?}");
    assert!(ran.err.contains("`npm` is not installed\nhint: sudo apt-get install npm"), "{ran:?}");
    // A command may bring its own.
    let fixture = fixture.replace("cargo build && npm ci", "npm() { true; }; npm ci");
    let ran = Ran::of(&fixture, &["build", "{dir}"]);
    assert!(ran.err.contains("shelly: holds no `.wasm` file"), "{ran:?}");
}

#[test]
fn what_a_command_leaves_running_is_not_waited_for() {
    let begun = Instant::now();
    let left = failed("command = \"echo wrong; sleep 120 & exit 4\"", &["--json"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{left:?}");
    let document = json(&left.out);
    assert!(
        document["problems"][0]["message"].to_string().ends_with("code 4\\nwrong\""),
        "{left:?}"
    );
}

#[test]
fn the_folder_of_an_apps_hooks_may_be_built_too() {
    let fixture = format!("//- hooks/shelly/hook.toml\n{SHELL_HOOK}command = \"exit 9\"");
    let ran = Ran::of(&fixture, &["build", "{dir}/hooks"]);
    assert!(ran.err.contains("hooks/shelly: `exit 9`: failed with exit code 9"), "{ran:?}");
}

#[test]
fn what_to_type_next_can_be_typed() {
    let app = App::lift("");
    fs::create_dir_all(app.folder().join("my app/hooks")).expect("made");
    let listen = "listen = \"0.0.0.0:4000\"";
    fs::write(app.folder().join("my app/boathook.toml"), listen).expect("written");
    let dir = "{dir}/my app/hooks/greeter";
    let new = ran(&app, &["new", "greeter", "--lang", "rust", "--dir", dir]);
    assert!(new.out.contains("curl localhost:4000/greeter"), "{new:?}");
    assert!(new.out.contains("/my app/hooks/greeter'\n"), "{new:?}");
}

#[test]
fn bindings_are_written_over_the_old_ones() {
    let app = App::lift(
        "//- wit/world.wit\npackage boathook:hook@0.0.1;\n//- boathook-sdk/mine.txt\nmine",
    );
    let written = ran(&app, &["bindings", "--lang", "rust", "--out", "{dir}"]);
    assert!(written.out.contains("written: "), "{written:?}");
    let text = |path: &str| fs::read_to_string(app.folder().join(path)).expect("it is there");
    assert!(text("wit/world.wit").contains("package boathook:hook@0.1.0;"));
    assert!(text("boathook-sdk/src/lib.rs").starts_with("//! "));
    assert_eq!(text("boathook-sdk/mine.txt"), "mine\n");
}

#[test]
fn the_doctor_says_what_is_in_the_way_and_what_to_type() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it has an address");
    let fixture = format!(
        "//- boathook.toml\nlisten = \"{address}\"\n\
         //- hooks/shelly/hook.toml\n{SHELL_HOOK}command = \"npm ci\"\n//- env\nPATH=/nonexistent"
    );
    let ran = Ran::of(&fixture, &["doctor", "{dir}", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let document = json(&ran.out);
    assert_eq!(document["ok"], false);
    let check = |subject: &str| {
        let checks = document["checks"].as_array().expect("a list");
        let check = checks.iter().find(|check| check["subject"] == subject);
        check.unwrap_or_else(|| panic!("{subject}: {ran:?}")).clone()
    };
    assert_eq!(check("port")["status"], "failed");
    assert_eq!(check("js: npm")["status"], "failed");
    assert_eq!(check("js: npm")["fix"], "sudo apt-get install npm");
    assert_eq!(check("rust: cargo")["status"], "note");
    assert_eq!(check("app folder")["status"], "ok");
}

#[test]
fn the_doctor_has_nothing_against_an_app_that_can_be_served() {
    let ran = Ran::of(
        "//- boathook.toml\nlisten = \"127.0.0.1:0\"\n//- hooks\nempty",
        &["doctor", "{dir}"],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.ends_with("\nok: nothing is in the way\n"), "{ran:?}");
}
