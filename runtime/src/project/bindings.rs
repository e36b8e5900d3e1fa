//! Writes what a project needs of this very version: the WIT package, the SDK of its language, and the
//! schemas of `hook.toml` and of cases.
//!
//! The files are this program's, so a project writes them again after an update, and does not edit them.
//! They lie in the project: it builds without us, on a machine that has only its own compiler.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, bail};
use toml::{Table, Value};
use wit_bindgen_core::Files;

use super::embedded::{File, WIT};
use super::files::{FileError, put};
use super::{Language, wit};
use crate::sandbox::compile;

/// Where the SDK goes, below the project.
pub const SDK: &str = "boathook-sdk";
/// Where the WIT package goes.
pub const PACKAGE: &str = "wit";
/// Where the schema of the manifest goes.
pub const SCHEMA: &str = "hook.schema.json";

/// Where the schema of cases goes.
pub const CASES_SCHEMA: &str = "cases.schema.json";

/// Tells editors what a `hook.toml` may have.
const SCHEMA_TEXT: &str = include_str!("hook.schema.json");
/// And what files of cases may.
const CASES_SCHEMA_TEXT: &str = include_str!("cases.schema.json");
/// What the Rust SDK inherits from, in the repository.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The interfaces that the bindings of C export where nobody says anything else: those that the layer over
/// them, `boathook.c`, has.
pub const EXPORTS: &[&str] =
    &["lifecycle", "routing", "observing", "methods", "listening", "background", "swapping"];

/// What nobody but the SDK of Go can import.
const GO_INTERNAL: &str = "boathook/internal";
/// The folder of the bindings in there.
const GO_BINDINGS: &str = "bindings";
/// Where the bindings of Go look for their runtime, if nobody says anything else.
const GO_RUNTIME: &str = "go.bytecodealliance.org/pkg/wit";

/// Writes them into a folder, over what is there under their names, if that is ours. Gives their paths back.
///
/// `exports` are the interfaces that the bindings of C export: whoever uses them without the layer of the SDK
/// has to write out all functions of each.
///
/// # Errors
/// If one cannot be written, would replace a WIT package of the author's own, or there is no such interface.
pub fn write(
    language: Language,
    project: &Path,
    exports: &[String],
) -> anyhow::Result<Vec<PathBuf>> {
    let files = files(language, exports)?;
    check_package(project)?;
    let mut written = Vec::new();
    for (path, bytes) in files {
        let path = project.join(path);
        put(&path, &bytes)?;
        written.push(path);
    }
    Ok(written)
}

/// What is written for a language, by where it goes, and what it is.
pub fn parts(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let sdk = match language {
        Language::Rust => "the SDK: boathook-sdk = { path = \"boathook-sdk\" }",
        Language::C => {
            "boathook.h and the bindings: hook.h, hook.c, the object that carries the world"
        }
        Language::Go => "the SDK, the bindings in it: replace boathook => ./boathook-sdk",
        Language::Python => {
            "the SDK; for editors, types of the world: componentize-py -d wit -w hook bindings ."
        }
        _ => "the SDK",
    };
    [
        (PACKAGE, "the WIT package"),
        (SDK, sdk),
        (SCHEMA, "for editors: what hook.toml may have"),
        (CASES_SCHEMA, "for editors: what cases for `boathook test` may have"),
    ]
    .into_iter()
}

/// Refuses to write over a WIT package that is not the one that is written.
fn check_package(project: &Path) -> anyhow::Result<()> {
    for file in WIT {
        let path = project.join(PACKAGE).join(file.path);
        let there = match fs::read(&path) {
            Ok(there) => String::from_utf8_lossy(&there).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FileError::reading(&path, error).into()),
        };
        if package_of(&there) != package_of(&String::from_utf8_lossy(file.bytes)) {
            bail!(
                "{}: is there, and of another WIT package: it is not written over\n\
                 hint: write the bindings beside it: `--out DIR`",
                path.display()
            );
        }
    }
    Ok(())
}

/// The package that a WIT file says it is of, without its version.
fn package_of(text: &str) -> Option<&str> {
    let said = text.lines().find_map(|line| line.trim().strip_prefix("package "))?;
    said.split(['@', ';']).next().map(str::trim)
}

type Bytes = Cow<'static, [u8]>;

fn files(language: Language, exports: &[String]) -> anyhow::Result<Vec<(PathBuf, Bytes)>> {
    let schemas = [(SCHEMA, SCHEMA_TEXT), (CASES_SCHEMA, CASES_SCHEMA_TEXT)];
    let schema = |(name, text): (_, &'static str)| (PathBuf::from(name), text.as_bytes().into());
    let mut all: Vec<(PathBuf, Bytes)> = schemas.map(schema).into();
    for file in WIT {
        all.push((Path::new(PACKAGE).join(file.path), Cow::Borrowed(file.bytes)));
    }
    let sdk = Path::new(SDK);
    let embedded = language.sdk().map(|sdk| sdk.files).unwrap_or_default();
    for file in embedded {
        all.push((sdk.join(file.path), contents(language, file)?));
    }
    if language == Language::Go {
        all.extend(
            generated_go()?.into_iter().map(|(path, bytes)| (sdk.join(path), Cow::Owned(bytes))),
        );
    }
    if language == Language::C {
        let has = |path: &str| embedded.iter().any(|file| file.path == path);
        let generated = generated_c(exports)?;
        let missing = generated.into_iter().filter(|(path, _)| !has(path));
        all.extend(missing.map(|(path, bytes)| (sdk.join(path), Cow::Owned(bytes))));
    }
    Ok(all)
}

fn contents(language: Language, file: &File) -> anyhow::Result<Bytes> {
    if language == Language::Rust && file.path == "Cargo.toml" {
        let text = std::str::from_utf8(file.bytes).context("a Cargo.toml is UTF-8")?;
        return Ok(Cow::Owned(standalone(text, WORKSPACE)?.into_bytes()));
    }
    Ok(Cow::Borrowed(file.bytes))
}

/// A package's Cargo.toml as it is outside of its workspace: what it inherits is written out, and what
/// only its own tests need is left out.
fn standalone(member: &str, workspace: &str) -> anyhow::Result<String> {
    let workspace: Table = workspace.parse().context("the workspace's Cargo.toml is TOML")?;
    let workspace = workspace.get("workspace").and_then(Value::as_table);
    let inherited = |table: &str, key: &str| workspace?.get(table)?.get(key).cloned();
    let mut member: Table = member.parse().context("the SDK's Cargo.toml is TOML")?;
    for table in ["package", "dependencies"] {
        let Some(entries) = member.get_mut(table).and_then(Value::as_table_mut) else { continue };
        for (key, value) in entries {
            if value.get("workspace").is_some() {
                *value = inherited(table, key)
                    .with_context(|| format!("`{table}.{key}` is not in the workspace"))?;
            }
        }
    }
    member.remove("dev-dependencies");
    member.remove("lints");
    Ok(format!("# Written by boathook; `boathook bindings` writes it again.\n{member}"))
}

/// An interface as it is typed: `routing` of `boathook:hook/routing@0.1.0`.
fn short(interface: &str) -> &str {
    let name = interface.rsplit('/').next().unwrap_or(interface);
    name.split('@').next().unwrap_or(name)
}

/// The bindings for C: a header, its code, and an object that carries the world with these exports.
fn generated_c(exports: &[String]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let (mut resolve, package) = wit::resolve()?;
    let world = resolve.select_world(&[package], Some(wit::WORLD))?;
    let known = wit::exports(&resolve, world);
    let full = |name: &String| format!("{}/{}@{}", compile::PACKAGE, name.trim(), compile::VERSION);
    let wanted: Vec<String> = exports.iter().map(full).collect();
    for (interface, name) in wanted.iter().zip(exports) {
        if !known.contains(interface) {
            let short = known.iter().map(|known| short(known)).collect::<Vec<_>>().join(", ");
            bail!("a hook cannot export `{name}`\nhint: what there is: {short}");
        }
    }
    wit::keep_exports(&mut resolve, world, &wanted);
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect())
}

/// The bindings for Go: packages inside the SDK, which are to use its copy of their runtime. What they call, one
/// package an interface, the SDK has.
fn generated_go() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let (mut resolve, package) = wit::resolve()?;
    let world = resolve.select_world(&[package], Some(wit::WORLD))?;
    let mut files = Files::default();
    let options = wit_bindgen_go::Opts {
        pkg_name: Some(format!("{GO_INTERNAL}/{GO_BINDINGS}")),
        export_pkg_name: Some(format!("{GO_INTERNAL}/exports")),
        // By a `gofmt` that may be there or not.
        format: wit_bindgen_go::Format::False,
        ..wit_bindgen_go::Opts::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    let mut made = Vec::new();
    for (name, bytes) in files.iter() {
        let text = std::str::from_utf8(bytes).context("bindings for Go are UTF-8")?;
        let text = text.replace(GO_RUNTIME, &format!("{GO_INTERNAL}/wit"));
        made.push((format!("internal/{GO_BINDINGS}/{name}"), text.into_bytes()));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{cases, manifest};

    #[test]
    fn what_a_package_inherits_is_written_out() {
        let workspace = "[workspace.package]\nversion = '1.2.3'\nlicense = 'X'\n\
            [workspace.dependencies]\nserde = { version = '1', features = ['derive'] }\n";
        let member = "[package]\nname = 'a'\nversion.workspace = true\n\
            [lints]\nworkspace = true\n[dependencies]\nserde = { workspace = true }\nother = '2'\n\
            [dev-dependencies]\ntempfile = '3'\n";
        let text = standalone(member, workspace).unwrap();
        let table: Table = text.parse().unwrap();
        let expected: Table = "package = { name = 'a', version = '1.2.3' }\n\
            dependencies = { serde = { version = '1', features = ['derive'] }, other = '2' }"
            .parse()
            .unwrap();
        assert_eq!(table, expected, "{text}");
        let unknown = standalone("[package]\nedition.workspace = true", workspace).unwrap_err();
        assert_eq!(unknown.to_string(), "`package.edition` is not in the workspace");
    }

    /// What the reader of manifests says the keys of a table are.
    fn known(table: &str) -> String {
        let wrong = manifest::parse(&format!("{table}zzzzzzzzzzzz = 1"), "hook.toml").unwrap_err();
        let hint = wrong.0[0].hint.clone().unwrap();
        hint.strip_prefix("the keys here are ").expect("the hint lists the keys").to_owned()
    }

    #[test]
    fn the_schema_has_the_keys_that_manifests_have() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA_TEXT).unwrap();
        for table in ["", "limits", "grants", "build"] {
            let pointer = format!("/properties/{table}/properties").replace("//properties", "");
            let keys = schema.pointer(&pointer).and_then(|keys| keys.as_object());
            let mut keys: Vec<&String> = keys.expect("a table has properties").keys().collect();
            keys.sort();
            let keys: Vec<String> = keys.into_iter().map(|key| format!("`{key}`")).collect();
            let prefix = if table.is_empty() { String::new() } else { format!("{table}.") };
            assert_eq!(keys.join(", "), known(&prefix), "`{table}` in hook.schema.json");
        }
    }

    #[test]
    fn the_schema_of_cases_has_the_keys_that_cases_have() {
        let schema: serde_json::Value = serde_json::from_str(CASES_SCHEMA_TEXT).unwrap();
        for (pointer, text) in [
            ("", "zzzzzzzzzzzz = 1\n[[case]]\nname = \"a\"\nrequest = \"GET /\""),
            ("/definitions/case", "[[case]]\nname = \"a\"\nrequest = \"GET /\"\nzzzzzzzzzzzz = 1"),
            (
                "/definitions/step",
                "[[case]]\nname = \"a\"\nsteps = [{ tick = \"a\", zzzzzzzzzzzz = 1 }]",
            ),
            (
                "/definitions/expect",
                "[[case]]\nname = \"a\"\nrequest = \"GET /\"\nexpect.zzzzzzzzzzzz = 1",
            ),
        ] {
            let wrong = cases::parse(Path::new("a.toml"), text).unwrap_err();
            let hint = wrong.0[0].hint.clone().unwrap();
            let known = hint.strip_prefix("the keys here are ").expect("the hint lists the keys");
            let mut known: Vec<&str> = known.split(", ").collect();
            let keys = schema.pointer(&format!("{pointer}/properties"));
            let keys = keys.and_then(|keys| keys.as_object()).expect("a table has properties");
            let mut keys: Vec<String> = keys.keys().map(|key| format!("`{key}`")).collect();
            known.sort_unstable();
            keys.sort();
            assert_eq!(keys, known, "`{pointer}` in cases.schema.json");
        }
    }

    #[test]
    fn the_sdk_of_rust_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        let written = write(Language::Rust, dir.path(), &[]).unwrap();
        assert!(written.contains(&dir.path().join("wit/world.wit")));
        let text = std::fs::read_to_string(dir.path().join("boathook-sdk/Cargo.toml")).unwrap();
        assert!(!text.contains("workspace"), "{text}");
        assert!(dir.path().join("boathook-sdk/src/testing/host/kv.rs").exists());
    }

    #[test]
    fn a_package_of_the_authors_own_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wit/world.wit");
        fs::create_dir(dir.path().join("wit")).unwrap();
        for own in ["package acme:lamp@1.0.0;\nworld hook {}", "world hook {}", ""] {
            fs::write(&path, own).unwrap();
            let said = write(Language::Rust, dir.path(), &[]).unwrap_err().to_string();
            assert!(said.contains("world.wit: is there, and of another") && said.contains("--out"));
            assert_eq!(fs::read_to_string(&path).unwrap(), own);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is written at all");
        }
        fs::write(&path, "// Of last year.\npackage boathook:hook@0.0.1;").unwrap();
        assert!(write(Language::Rust, dir.path(), &[]).is_ok());
    }

    fn c(exports: &[&str]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        generated_c(&exports.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_bindings_of_c_are_a_header_its_code_and_the_world_with_what_is_exported() {
        let files = c(&["routing"]).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["hook.c", "hook.h", "hook_component_type.o"]);
        let header = String::from_utf8_lossy(&files[1].1);
        assert!(header.contains("bool exports_boathook_hook_routing_handle_route("));
        assert!(!header.contains("exports_boathook_hook_lifecycle_"));
        let both = c(&["routing", "lifecycle"]).unwrap();
        assert!(String::from_utf8_lossy(&both[1].1).contains("hook_lifecycle_initialize("));
    }

    #[test]
    fn the_bindings_of_go_lie_in_the_sdk_which_has_all_that_they_import() {
        let dir = tempfile::tempdir().unwrap();
        let written = write(Language::Go, dir.path(), &[]).unwrap();
        let sdk = dir.path().join(SDK);
        let mut imported = 0;
        for path in written.iter().filter(|path| path.extension().is_some_and(|of| of == "go")) {
            let text = fs::read_to_string(path).unwrap();
            assert!(!text.contains("go.bytecodealliance.org/pkg/wit/"), "{}", path.display());
            for package in text.lines().filter_map(|line| line.split("\"boathook/").nth(1)) {
                let package = package.split('"').next().unwrap();
                assert!(sdk.join(package).is_dir(), "{}: `{package}`", path.display());
                imported += 1;
            }
        }
        assert!(imported > 30, "{imported}");
    }

    #[test]
    fn an_interface_that_does_not_exist_is_refused_with_those_that_do() {
        let said = c(&["routing", "rooting"]).unwrap_err().to_string();
        assert!(said.starts_with("a hook cannot export `rooting`\nhint: "), "{said}");
        let names = said.split("what there is: ").nth(1).unwrap();
        let names: Vec<&str> = names.split(", ").collect();
        assert!(names.contains(&"listening"), "{said}");
        assert!(c(&names).is_ok(), "what is offered can be taken");
    }
}
