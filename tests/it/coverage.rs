//! Keeps the tests honest: every guest is run by one, and `SAILS.md` names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{guest_names, newer_source};

/// The sources of the tests by module, the harness and this file left out.
fn modules() -> Vec<(String, String)> {
    modules_in("it")
}

fn modules_in(tests: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(tests);
    let entries = std::fs::read_dir(folder).expect("the tests' folder");
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            Some((name, std::fs::read_to_string(&path).ok()?))
        })
        .filter(|(name, _)| name != "coverage" && name != "main")
        .collect()
}

fn is_part_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

#[test]
fn every_guest_is_run_by_a_test() {
    let modules = [modules(), modules_in("fuzz")].concat();
    let words: BTreeSet<&str> =
        modules.iter().flat_map(|(_, text)| text.split(|c| !is_part_of_a_name(c))).collect();
    let idle: Vec<String> =
        guest_names().into_iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(idle.is_empty(), "no test runs these guests: {idle:?}");
}

#[test]
fn the_guests_are_made_of_the_sources_as_they_are() {
    let newer = newer_source();
    assert!(
        newer.is_none(),
        "{newer:?} is newer than the guests\nhint: run `scripts/build-guests`"
    );
}

#[test]
fn every_row_of_sails_names_a_test_that_exists_or_a_reason() {
    let tests: BTreeSet<String> = modules()
        .iter()
        .flat_map(|(module, text)| {
            let functions = text.split("#[test]\nfn ").skip(1);
            functions.map(move |rest| format!("{module}::{}", rest.split('(').next().unwrap_or("")))
        })
        .collect();
    let table = include_str!("../SAILS.md");
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| C")) {
        rows += 1;
        let answer = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let named: Vec<&str> =
            answer.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).collect();
        for name in &named {
            assert!(tests.contains(*name), "there is no test `{name}`: {row}");
        }
        assert!(!named.is_empty() || answer.starts_with("n/a: "), "neither test nor reason: {row}");
    }
    assert!(rows > 70, "only {rows} rows");
}
