//! Rules for what is written for people: links lead somewhere, and what is said to exist does.
//!
//! Rust code in a README is compiled by rustdoc, as doc tests of the SDK.

use std::fs;
use std::path::Path;

use boathook::cli::Cli;
use boathook::config::{self, Sources, defaults, duration_text, size_text};
use clap::CommandFactory as _;

use super::{files, report, root};

#[test]
fn links_lead_somewhere() {
    let mut findings = Vec::new();
    for (name, text) in files("md") {
        let path = root().join(&name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split(['#', ' ']).next().unwrap_or_default();
            let is_here = !target.is_empty() && !target.contains(':');
            if is_here && !folder.join(target).exists() {
                findings.push(format!("{name}: nothing at `{link}`"));
            }
        }
    }
    report(findings);
}

#[test]
fn settings_are_accepted() {
    let mut findings = Vec::new();
    for (name, text) in files("md") {
        // By our own rule an excerpt says whose it is, as Cargo's do too.
        for block in blocks(&text, "toml").filter(|block| block.starts_with("# boathook.toml")) {
            let dir = tempfile::tempdir().expect("a temporary folder can be made");
            fs::write(dir.path().join("boathook.toml"), block).expect("and written to");
            let sources = Sources { dir: dir.path().to_owned(), ..Sources::default() };
            if let Err(problems) = config::load(&sources) {
                findings.push(format!("{name}: {problems}in\n{block}"));
            }
        }
    }
    report(findings);
}

#[test]
fn make_knows_what_is_to_be_typed() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("there is a Makefile");
    let is_target = |word: &str| makefile.contains(&format!("\n{word}:"));
    let mut findings = Vec::new();
    for (name, text) in files("md") {
        let shell = ["sh", "console"].iter().flat_map(|language| blocks(&text, language));
        for line in shell.flat_map(str::lines) {
            let line = line.trim().trim_start_matches("$ ");
            let Some(arguments) = line.strip_prefix("make ") else { continue };
            let first = arguments.split_whitespace().next().unwrap_or_default();
            if !is_target(first) {
                findings.push(format!("{name}: no target `{first}` in the Makefile"));
            }
        }
    }
    report(findings);
}

#[test]
fn commands_exist() {
    let cli = Cli::command();
    let mut findings = Vec::new();
    for (name, text) in files("md") {
        let quoted = text.split("`boathook ").skip(1);
        let typed = text.split("\nboathook ").skip(1);
        for said in quoted.chain(typed) {
            // Words up to the first that is a path, an option or a placeholder.
            let said = said.split(['`', '\n']).next().unwrap_or_default();
            let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let mut command = &cli;
            for word in said.split_whitespace().take_while(is_name) {
                if command.has_subcommands() {
                    match command.find_subcommand(word) {
                        Some(found) => command = found,
                        None => findings.push(format!("{name}: no command `boathook {said}`")),
                    }
                }
            }
        }
    }
    report(findings);
}

#[test]
fn error_codes_exist() {
    let sources: String = files("rs").into_iter().map(|(_, text)| text).collect();
    let part = |c: char| c.is_ascii_uppercase() || c == '_';
    let mut findings = Vec::new();
    for (name, text) in files("md") {
        for (at, _) in text.match_indices("`E_") {
            let code = text[at + 1..].split(|c| !part(c)).next().unwrap_or_default();
            if !sources.contains(&format!("\"{code}\"")) {
                findings.push(format!("{name}: `{code}` is no code of ours"));
            }
        }
    }
    report(findings);
}

#[test]
fn defaults_are_what_they_are_said_to_be() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let squeezed: String = readme.split_whitespace().collect();
    let said = [
        ("cpu", duration_text(defaults::CPU)),
        ("wall", duration_text(defaults::WALL)),
        ("memory", size_text(defaults::MEMORY)),
        ("body", size_text(defaults::BODY)),
        ("instances", format!("{}acore", defaults::INSTANCES_PER_CORE)),
        ("queue", "1,000".to_owned()),
        ("limits.exchange", duration_text(defaults::EXCHANGE)),
    ];
    assert_eq!(defaults::QUEUE, 1_000, "with a comma above");
    let missing = said.into_iter().filter(|(key, value)| {
        let claim = format!("`{key}`:{value}");
        squeezed.contains(&format!("`{key}`:")) && !squeezed.contains(&claim)
    });
    report(missing.map(|(key, value)| format!("README.md: `{key}` is {value}")).collect());
}

/// The code blocks of a language.
fn blocks<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("\n```").skip(1).step_by(2).filter_map(move |block| {
        let (info, code) = block.split_once('\n')?;
        (info.trim() == language).then_some(code)
    })
}
