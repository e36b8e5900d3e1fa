//! Finds the components that fixtures name: guests, sample hooks in every language, and a few that are a line of text.

use std::path::{Path, PathBuf};

use super::text;

/// Components that no SDK makes, as text.
const TEXTS: &[(&str, &str)] = &[
    ("empty", "(component)"),
    ("other-version", r#"(component (import "boathook:hook/log@0.2.0" (instance)))"#),
    ("unknown-import", r#"(component (import "acme:lamp/switch@1.0.0" (instance)))"#),
    ("exports-other", r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#),
    (
        "start-spins",
        "(component (core module $m (func $f (loop (br 0))) (start $f)) (core instance (instantiate $m)))",
    ),
    (
        "start-traps",
        "(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))",
    ),
    ("big-memory", "(component (core module $m (memory 512)) (core instance (instantiate $m)))"),
];

/// The bytes of a component, by the name that fixtures use; files that are none have names, too.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let parsed =
        |text: &str| wat::parse_str(text).unwrap_or_else(|error| panic!("guest `{name}`: {error}"));
    if let Some((_, text)) = TEXTS.iter().find(|(known, _)| *known == name) {
        return parsed(text);
    }
    if let Some(text) = text::HOOKS.iter().find(|text| text.name == name) {
        return parsed(&text.component());
    }
    match name {
        "no-bytes" => return Vec::new(),
        "no-wasm" => return b"#!/bin/sh\necho no hook\n".to_vec(),
        "core-module" => return b"\0asm\x01\0\0\0".to_vec(),
        "truncated" => {
            let mut bytes = component("trace");
            bytes.truncate(bytes.len() / 2);
            return bytes;
        }
        "slow-to-compile" => return slow_to_compile(),
        "bad-manifest" => {
            return with_manifest(
                "manifest_version = 1\nname = \"bad-manifest\"\nmod = \"single\"\n",
            );
        }
        _ => {}
    }
    if let Some((language, hook)) = name.split_once('/') {
        return in_language(language, hook);
    }
    for folder in [guests_dir(), samples_dir()] {
        if let Ok(bytes) = std::fs::read(folder.join(format!("{name}.wasm"))) {
            return bytes;
        }
    }
    panic!(
        "there is no guest `{name}`, neither in {} nor in {}\n\
         hint: run `scripts/build-guests` and `scripts/build-hooks` first",
        guests_dir().display(),
        samples_dir().display()
    );
}

/// A sample in a language other than Rust: `js/hello`; `rust/hello` is the sample itself.
fn in_language(language: &str, hook: &str) -> Vec<u8> {
    if language == "rust" {
        return component(hook);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("language-hooks");
    let path = folder.join(language).join(format!("{hook}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}\nhint: run `scripts/build-language-hooks {language}` first",
            path.display()
        )
    })
}

/// A component that takes the compiler seconds: few bytes in many functions.
fn slow_to_compile() -> Vec<u8> {
    let step = "(local.set $n (i64.rotl (i64.mul (local.get $n) (i64.const 31)) (local.get $n)))
        (if (i64.lt_s (local.get $n) (i64.const 0)) (then (local.set $n (call $f (local.get $n)))))";
    let function = format!("(func (param $n i64) (result i64) {} (local.get $n))", step.repeat(40));
    let text = format!(
        "(component (core module $m (func $f (param i64) (result i64) (local.get 0)) {})
            (core instance (instantiate $m)))",
        function.repeat(600)
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("guest `slow-to-compile`: {error}"))
}

/// The empty component with a manifest.
fn with_manifest(text: &str) -> Vec<u8> {
    let mut bytes = component("empty");
    let payload = [&[8], &b"boathook"[..], text.as_bytes()].concat();
    bytes.push(0);
    let mut length = payload.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(payload);
    bytes
}

/// Where `scripts/build-guests` puts the guests.
fn guests_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests")
}

/// Where `scripts/build-hooks` puts the sample hooks.
fn samples_dir() -> PathBuf {
    root().join("sample-hooks/app/hooks")
}

/// A source that is newer than what was made of it; none if `scripts/build-guests` has run since.
pub(crate) fn newer_source() -> Option<PathBuf> {
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let built = files(&guests_dir()).iter().filter_map(|path| time(path)).min();
    ["tests/guests", "guest-sdk/rust/src", "wit"]
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .find(|source| time(source) > built)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.path())).collect()
}

/// The names of all guests: those with a source, and those that are text.
pub(crate) fn guest_names() -> Vec<String> {
    let sources =
        std::fs::read_dir(root().join("tests/guests/examples")).expect("the guests' folder");
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = sources.filter_map(|entry| stem(entry.ok()?.path())).collect();
    names.extend(TEXTS.iter().map(|(name, _)| (*name).to_owned()));
    names.extend(text::HOOKS.iter().map(|text| text.name.to_owned()));
    names.sort();
    names
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}
