//! Embeds what `boathook new`, `bindings` and `pack` write into projects: the WIT package, and each SDK with
//! its templates.
//!
//! They lie in folders of their own, beside this crate: what a release hands out is always what it was built
//! and tested with. A file that is added to one of these folders is embedded without being named here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders of an SDK that are no use to who writes a hook, and what building and testing leaves behind.
const LEFT_OUT: [&str; 8] =
    ["__pycache__", "build", "dist", "examples", "node_modules", "target", "testdata", "tests"];

/// What the folders begin with that hold templates: `template`, and others for dialects of a language.
const TEMPLATE: &str = "template";

fn main() -> io::Result<()> {
    let top = Path::new("..");
    // Cargo looks at all that is in them: it does so for the files that are new, too.
    for folder in ["wit", "guest-sdk"] {
        println!("cargo::rerun-if-changed={}", top.join(folder).display());
    }
    let mut text = String::new();
    let wit = files(&top.join("wit"))?;
    let _ = writeln!(text, "pub(super) static WIT: &[File] = &{};", list(&wit, &top.join("wit")));
    text.push_str("pub(super) static SDKS: &[Sdk] = &[\n");
    for sdk in entries(&top.join("guest-sdk"))?.into_iter().filter(|entry| entry.is_dir()) {
        let (templates, files): (Vec<PathBuf>, Vec<PathBuf>) =
            files(&sdk)?.into_iter().partition(|file| is_template(file, &sdk));
        let _ = writeln!(
            text,
            "Sdk {{ folder: {:?}, files: &{}, templates: &{} }},",
            name(&sdk),
            list(&files, &sdk),
            list(&templates, &sdk)
        );
    }
    text.push_str("];\n");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("embedded.rs"), text)
}

fn is_template(file: &Path, sdk: &Path) -> bool {
    let below = file.strip_prefix(sdk).unwrap_or(file);
    let first = below.iter().next().unwrap_or_default().to_string_lossy();
    first.starts_with(TEMPLATE)
}

/// Files as a list in Rust, with their paths from a folder on.
fn list(files: &[PathBuf], from: &Path) -> String {
    let mut list = "[".to_owned();
    for file in files {
        let path = file.strip_prefix(from).unwrap_or(file);
        let _ = writeln!(
            list,
            "File {{ path: {:?}, bytes: include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?})) }},",
            path.display().to_string(),
            format!("/{}", file.display())
        );
    }
    list.push(']');
    list
}

/// All files below a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if !path.is_dir() {
            found.push(path);
        } else if !LEFT_OUT.contains(&&*name(&path)) || is_of_cases(&path) {
            found.extend(files(&path)?);
        }
    }
    Ok(found)
}

/// Whether it is a template's folder of cases for `boathook test`.
fn is_of_cases(folder: &Path) -> bool {
    folder.ends_with("tests") && folder.parent().is_some_and(|it| name(it).starts_with(TEMPLATE))
}

/// What is in a folder, in order, but for what is hidden.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
