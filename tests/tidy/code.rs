//! Rules for the Rust files: what they begin with, how long they are, and which folder may name
//! what. The last is the architecture, as far as a search can see it.
//!
//! The search knows no syntax: comments are cut off at `//`, and so is the rest of a line with an
//! address in it. It may overlook what somebody hides; it never accuses wrongly.

use super::{files, report};

/// Above this a file has a second subject.
const LINES_MAX: usize = 600;

/// Files that may be longer, with the reason.
const LONG: &[(&str, &str)] = &[
    (BINDINGS, "generated"),
    (
        "runtime/src/server/tests.rs",
        "one server and its raw clients serve every case of connections",
    ),
    (
        "runtime/src/target/upstream/tests.rs",
        "one scripted upstream and its client serve every case of the proxy",
    ),
];

const BINDINGS: &str = "guest-sdk/rust/src/bindings.rs";

/// What only some folders of `runtime/src` may name.
const RESERVED: &[(&str, &[&str])] = &[
    // The host's functions get at the guest through `sandbox::bindings`.
    ("wasmtime", &["sandbox/"]),
    // `host/` implements what WASI leaves to an embedder: where stdout goes.
    ("wasmtime_wasi", &["sandbox/", "host/"]),
    ("hyper::server", &["server/"]),
    ("hyper_util::server", &["server/"]),
    ("clap", &["cli/", "main.rs"]),
];

/// What a folder of `runtime/src` must not name: these are data in, data out.
const PURE: &[(&str, &[&str])] = &[
    ("config/", &["hyper", "hyper_util", "tokio", "wasmtime", "wasmtime_wasi"]),
    ("router/", &["crate", "hyper", "hyper_util", "std::fs", "tokio", "wasmtime", "wasmtime_wasi"]),
];

#[test]
fn every_file_says_what_it_is() {
    let silent = |(name, text): &(String, String)| name != BINDINGS && !text.starts_with("//! ");
    let findings = files("rs").into_iter().filter(silent);
    report(findings.map(|(name, _)| format!("{name}: does not begin with `//!`")).collect());
}

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    for (name, text) in files("rs") {
        let lines = text.lines().count();
        let excused = LONG.iter().any(|(long, _)| *long == name);
        if lines > LINES_MAX && !excused {
            findings.push(format!("{name}: {lines} lines, of {LINES_MAX}"));
        } else if lines <= LINES_MAX && excused {
            findings.push(format!("{name}: short enough now, needs no excuse"));
        }
    }
    report(findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so as not to find themselves.
    let macros = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let attributes = ["ignore", "should_panic"].map(|name| format!("#[{name}"));
    let mut findings = Vec::new();
    for (name, text) in files("rs").into_iter().filter(|(name, _)| name != BINDINGS) {
        let code = code(&text);
        for wrong in macros.iter().chain(&attributes).filter(|wrong| code.contains(&***wrong)) {
            findings.push(format!("{name}: has `{wrong}`"));
        }
    }
    report(findings);
}

#[test]
fn folders_name_only_what_they_may() {
    let mut findings = Vec::new();
    for (name, text) in files("rs") {
        let Some(path) = name.strip_prefix("runtime/src/") else { continue };
        let code = code(&text);
        for (item, folders) in RESERVED {
            if names(&code, item) && !folders.iter().any(|folder| path.starts_with(folder)) {
                findings.push(format!("{name}: names `{item}`, which belongs to {folders:?}"));
            }
        }
        for (folder, items) in PURE.iter().filter(|(folder, _)| path.starts_with(folder)) {
            for item in items.iter().filter(|item| names(&code, item)) {
                findings.push(format!("{name}: names `{item}`, and {folder} is pure"));
            }
        }
    }
    report(findings);
}

/// A guest without a test is a promise that nobody keeps.
#[test]
fn every_guest_is_in_a_test() {
    let files = files("rs");
    let tests: String = files
        .iter()
        .filter(|(name, _)| name.starts_with("tests/it/") || name.starts_with("tests/fuzz/"))
        .map(|(_, text)| &**text)
        .collect();
    let named = |guest: &str| {
        let part = |c: char| c.is_alphanumeric() || c == '-';
        let mut places = tests.match_indices(guest);
        places.any(|(at, _)| {
            !tests[..at].ends_with(part) && !tests[at + guest.len()..].starts_with(part)
        })
    };
    let guests = files.iter().filter_map(|(name, _)| {
        name.strip_prefix("tests/guests/examples/").and_then(|file| file.strip_suffix(".rs"))
    });
    report(guests.filter(|guest| !named(guest)).map(|guest| format!("{guest}: no test")).collect());
}

#[test]
fn the_search_sees_words_and_groups() {
    for (text, item, is_named) in [
        ("use tokio::net;", "tokio", true),
        ("use tokio_util::x;", "tokio", false),
        ("x.tokio", "tokio", true),
        ("// tokio", "tokio", false),
        ("use hyper::server::conn;", "hyper::server", true),
        ("use hyper::{\n    body::Body,\n    server::conn,\n};", "hyper::server", true),
        ("use hyper::{body::Body};\nuse crate::server::x;", "hyper::server", false),
        ("use hyper::servers;", "hyper::server", false),
    ] {
        assert_eq!(names(&code(text), item), is_named, "`{item}` in {text:?}");
    }
}

/// The text without comments and with as little white space as possible.
fn code(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.split("//").next());
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ").replace("{ ", "{").replace(", ", ",")
}

/// Whether code names an item: `crate` or `crate::module`, also as `crate::{other, module}`.
fn names(code: &str, item: &str) -> bool {
    let (first, module) = match item.split_once("::") {
        Some((first, module)) => (first, Some(module)),
        None => (item, None),
    };
    after(code, first).any(|rest| match (module, rest.strip_prefix("::")) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(module), Some(rest)) => match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                let starts = |found: &&str| {
                    let before = &group[..group.len() - found.len() - module.len()];
                    before.is_empty() || before.ends_with([',', '{'])
                };
                after(group, module).any(|found| starts(&found))
            }
            None => after(rest, module).any(|found| found.len() + module.len() == rest.len()),
        },
    })
}

/// What follows each place where a word stands on its own.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).filter_map(move |(at, _)| {
        let (before, rest) = (&text[..at], &text[at + word.len()..]);
        (!before.ends_with(part) && !rest.starts_with(part)).then_some(rest)
    })
}
