//! Holds what is checked in to the rules that no compiler knows: [`wit`], [`code`] and [`docs`].
//!
//! Every test reports all it finds at once, one finding a line with its place. None of them runs
//! the server: that is what `it` is for.

mod code;
mod docs;
mod wit;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours: what was built, fetched or left behind by a run.
const NOT_OURS: &[&str] = &[".boathook", ".git", "node_modules", "target"];

/// The top of the repository.
fn root() -> PathBuf {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR"));
    runtime.parent().expect("the crate lies in a folder of the repository").to_owned()
}

/// All files of ours with an extension, by their path from the top, with their text.
fn files(extension: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let entry = entry.expect("a folder can be read to its end");
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().expect("an entry has a type").is_dir() {
                if !NOT_OURS.iter().any(|not_ours| name == *not_ours) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let name = path.strip_prefix(&root).expect("found below the top");
                found.push((name.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "there is no `*.{extension}` at all: looked in the wrong place?");
    found
}

/// Fails with all findings, if there are any.
#[track_caller]
fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
