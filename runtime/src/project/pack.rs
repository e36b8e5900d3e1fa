//! Makes a component of a core module, which is what most compilers make: embeds the world, adapts
//! preview 1 of WASI, checks both, and writes the manifest.
//!
//! A module says what it is by the names of its exports, `boathook:hook/routing@0.1.0#handle-route`: it is
//! given the world `hook` without those interfaces that it does not export, as a hook may leave any of
//! them out. Where bindings have left a world of their own in the module, that one holds.

use std::collections::BTreeSet;

use wasi_preview1_component_adapter_provider as preview1;
use wasmparser::{Parser, Payload};
use wit_bindgen_core::wit_parser::{InterfaceId, PackageId, Resolve, WorldId, WorldItem};
use wit_component::{ComponentEncoder, StringEncoding};

use super::manifest::{self, Layer};
use super::{clock, section, wit};
use crate::config::Problems;
use crate::hook::{Facts, FactsError};
use crate::sandbox::compile::{PACKAGE, VERSION};

/// The section in which bindings leave the world that they were made for.
const WORLD_SECTION: &str = "component-type";

/// What is written into the manifest's section, over what the module has there itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section<'a> {
    /// A manifest, and what messages call it.
    pub manifest: Option<Layer<'a>>,
    /// The hook's name, over all.
    pub name: Option<&'a str>,
}

/// Why no hook could be made of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// It is not even WebAssembly, or broken.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// It is broken further in.
    #[error("the file is not valid WebAssembly")]
    Invalid(#[from] wasmparser::BinaryReaderError),
    /// Nothing that a server could call.
    #[error(
        "the module exports nothing of `{PACKAGE}@{VERSION}`{found}\n\
         hint: export functions by their full names, such as `{PACKAGE}/routing@{VERSION}#handle-route`; \
         `boathook bindings` writes what makes them, and the linker must be told to keep them"
    )]
    NoExports {
        /// What it does export.
        found: String,
    },
    /// Made for another version of the package.
    #[error(
        "the module exports `{0}`, and this boathook packs for `{PACKAGE}@{VERSION}`\n\
         hint: write the bindings of this version: `boathook bindings`"
    )]
    OtherVersion(String),
    /// An interface is there in part.
    #[error(
        "the module exports a part of `{interface}`: there is no {missing}\n\
         hint: export the rest as well, or nothing of it"
    )]
    Incomplete {
        /// The interface.
        interface: String,
        /// Its functions that are not there.
        missing: String,
    },
    /// Names fit and types do not, or it imports what nobody offers.
    #[error("{0}")]
    Unfit(String),
    /// What is wrong with the manifest.
    #[error(transparent)]
    Manifest(#[from] Problems),
}

/// Makes a component of a core module, or takes a component as it is, and writes the manifest.
///
/// Whether the component can be loaded as a hook is for the caller to check, as it is for any other.
///
/// # Errors
/// If no hook can be made of it.
pub fn pack(wasm: &[u8], section: Section<'_>) -> Result<Vec<u8>, PackError> {
    let component = match Facts::read(wasm) {
        Err(FactsError::CoreModule) => component(wasm)?,
        Err(error) => return Err(error.into()),
        Ok(_) => wasm.to_vec(),
    };
    let own = Facts::read(&component)?.manifest;
    if section.manifest.is_none() && section.name.is_none() {
        return Ok(component);
    }
    let own = own.as_deref().map(|text| ("the section `boathook`", text));
    let layers: Vec<Layer<'_>> = own.into_iter().chain(section.manifest).collect();
    let text = manifest::merged(&layers, section.name)?;
    Ok(section::replaced(&component, &text)?)
}

/// What matters here of a core module.
#[derive(Debug, Default)]
struct Module {
    exports: BTreeSet<String>,
    /// Whether it says itself which world it is for.
    has_world: bool,
    /// Whether it is for preview 1 of WASI.
    needs_adapter: bool,
}

impl Module {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ExportSection(section) => {
                    for export in section {
                        module.exports.insert(export?.name.to_owned());
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let name = preview1::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
                        module.needs_adapter |= import?.module == name;
                    }
                }
                Payload::CustomSection(section) => {
                    module.has_world |= section.name().starts_with(WORLD_SECTION);
                }
                _ => {}
            }
        }
        Ok(module)
    }

    /// The functions that it exports of an interface.
    fn functions_of(&self, interface: &str) -> BTreeSet<&str> {
        let names = self.exports.iter();
        names.filter_map(|name| name.strip_prefix(interface)?.strip_prefix('#')).collect()
    }
}

fn component(wasm: &[u8]) -> Result<Vec<u8>, PackError> {
    let module = Module::read(wasm)?;
    let broken = |error: anyhow::Error| PackError::Unfit(format!("{error:#}"));
    let mut wasm = clock::guarded(wasm).map_err(broken)?.unwrap_or_else(|| wasm.to_vec());
    if !module.has_world {
        embed(&mut wasm, &module)?;
    }
    encode(&wasm, module.needs_adapter)
        .map_err(|error| PackError::Unfit(format!("the module does not fit its world: {error:#}")))
}

/// Embeds the world, as far as the module has it.
fn embed(wasm: &mut Vec<u8>, module: &Module) -> Result<(), PackError> {
    let broken = |error: anyhow::Error| PackError::Unfit(format!("{error:#}"));
    let (mut resolve, package) = wit::resolve().map_err(broken)?;
    let world = narrowed(&mut resolve, package, module)?;
    wit_component::embed_component_metadata(wasm, &resolve, world, StringEncoding::UTF8)
        .map_err(broken)
}

/// The world `hook` without what the module does not export.
fn narrowed(
    resolve: &mut Resolve,
    package: PackageId,
    module: &Module,
) -> Result<WorldId, PackError> {
    let world = resolve
        .select_world(&[package], Some(wit::WORLD))
        .map_err(|error| PackError::Unfit(error.to_string()))?;
    let mut kept = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = resolve.name_world_key(key);
        let found = module.functions_of(&interface);
        if !found.is_empty() {
            whole(resolve, *id, &interface, &found)?;
            kept.push(interface);
        }
    }
    if kept.is_empty() {
        return Err(nothing(module));
    }
    wit::keep_exports(resolve, world, &kept);
    Ok(world)
}

/// Checks that an interface is there with all of its functions.
fn whole(
    resolve: &Resolve,
    id: InterfaceId,
    interface: &str,
    found: &BTreeSet<&str>,
) -> Result<(), PackError> {
    let functions = resolve.interfaces[id].functions.keys();
    let missing: Vec<String> = functions
        .filter(|name| !found.contains(&***name))
        .map(|name| format!("`{interface}#{name}`"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(PackError::Incomplete { interface: interface.to_owned(), missing: missing.join(", no ") })
}

/// What to say of a module that has none of our exports.
fn nothing(module: &Module) -> PackError {
    let ours = format!("{PACKAGE}/");
    if let Some(other) = module.exports.iter().find(|name| name.starts_with(&ours)) {
        return PackError::OtherVersion(other.clone());
    }
    let names: Vec<String> =
        module.exports.iter().take(8).map(|name| format!("`{name}`")).collect();
    let found = match names.len() {
        0 => ", nor anything else".to_owned(),
        _ => format!(", but {}", names.join(", ")),
    };
    PackError::NoExports { found }
}

fn encode(wasm: &[u8], needs_adapter: bool) -> anyhow::Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(wasm)?;
    if needs_adapter {
        encoder.adapter(
            preview1::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            preview1::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?;
    }
    encoder.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with these fields, and what the canonical ABI needs of any.
    fn module(fields: &str) -> Vec<u8> {
        let text = format!(
            "(module {fields} (memory (export \"memory\") 1)
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"
        );
        wat::parse_str(text).unwrap()
    }

    const ROUTES: &str =
        "(func (export \"boathook:hook/routing@0.1.0#routes\") (result i32) unreachable)";
    const HANDLE: &str = "(func (export \"boathook:hook/routing@0.1.0#handle-route\") \
        (param i32) (result i32) unreachable)";

    fn refused(wasm: &[u8]) -> String {
        pack(wasm, Section::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_module_becomes_a_component_with_the_interfaces_that_it_exports() {
        let wasm = module(&format!("{ROUTES} {HANDLE}"));
        let facts = Facts::read(&pack(&wasm, Section::default()).unwrap()).unwrap();
        assert_eq!(facts.exports, ["boathook:hook/routing@0.1.0"]);
        assert_eq!(facts.manifest, None);
    }

    #[test]
    fn preview_1_is_adapted_where_it_is_imported() {
        let write = "(import \"wasi_snapshot_preview1\" \"fd_write\" \
            (func (param i32 i32 i32 i32) (result i32)))";
        let wasm = module(&format!("{write} {ROUTES} {HANDLE}"));
        let facts = Facts::read(&pack(&wasm, Section::default()).unwrap()).unwrap();
        assert!(facts.imports.iter().any(|name| name.starts_with("wasi:cli/stdout@0.2")));
    }

    #[test]
    fn the_manifest_goes_in_and_over_the_one_that_is_there() {
        let own = "(@custom \"boathook\" \"name = 'own'\\nmode = 'single'\")";
        let wasm = module(&format!("{ROUTES} {HANDLE} {own}"));
        let manifest = |wasm: &[u8]| {
            let text = Facts::read(wasm).unwrap().manifest.unwrap();
            crate::config::manifest::parse(&text, "section").unwrap()
        };
        let kept = pack(&wasm, Section::default()).unwrap();
        assert_eq!(manifest(&kept).name.as_deref(), Some("own"));
        let over = Some(("hook.toml", "mode = 'fresh'\nbuild.command = 'make'"));
        let packed = pack(&wasm, Section { manifest: over, name: None }).unwrap();
        assert_eq!(manifest(&packed).name.as_deref(), Some("own"));
        assert_eq!(manifest(&packed).mode, Some(crate::config::Mode::Fresh));
        // A component gets another section, and nothing else of it changes.
        let again = pack(&packed, Section { manifest: None, name: Some("new") }).unwrap();
        assert_eq!(manifest(&again).name.as_deref(), Some("new"));
        assert_eq!(manifest(&again).mode, Some(crate::config::Mode::Fresh));
        assert_eq!(Facts::read(&again).unwrap().exports, Facts::read(&packed).unwrap().exports);
    }

    #[test]
    fn what_is_no_hook_is_called_what_it_is() {
        assert_eq!(refused(b"#!/bin/sh"), "the file is not WebAssembly");
        let none = refused(&module("(func (export \"handle\"))"));
        assert!(none.starts_with(
            "the module exports nothing of `boathook:hook@0.1.0`, but `cabi_realloc`, `handle`, `memory`\n"
        ), "{none}");
        let other = HANDLE.replace("0.1.0", "0.9.0");
        let other = refused(&module(&other));
        assert!(other.contains("`boathook:hook/routing@0.9.0#handle-route`, and this"), "{other}");
        assert!(refused(&wat::parse_str("(module)").unwrap()).contains(", nor anything else"));
        assert!(refused(b"\0asm\x01\0\0\0\x01\xff").starts_with("the file is not valid"));
    }

    #[test]
    fn an_interface_is_exported_with_all_of_its_functions_or_not_at_all() {
        let said = refused(&module(HANDLE));
        assert_eq!(
            said,
            "the module exports a part of `boathook:hook/routing@0.1.0`: \
             there is no `boathook:hook/routing@0.1.0#routes`\n\
             hint: export the rest as well, or nothing of it"
        );
    }

    /// The module with the world of `hook` as bindings leave it in there, exporting these.
    fn with_world(fields: &str, exports: &[&str]) -> Vec<u8> {
        let (mut resolve, package) = wit::resolve().unwrap();
        let world = resolve.select_world(&[package], Some(wit::WORLD)).unwrap();
        let full = |name: &&str| format!("{PACKAGE}/{name}@{VERSION}");
        wit::keep_exports(&mut resolve, world, &exports.iter().map(full).collect::<Vec<_>>());
        let mut wasm = module(fields);
        wit_component::embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8)
            .unwrap();
        wasm
    }

    #[test]
    fn a_world_that_bindings_left_in_the_module_holds() {
        let both = format!("{ROUTES} {HANDLE}");
        let facts = pack(&with_world(&both, &["routing"]), Section::default());
        assert_eq!(Facts::read(&facts.unwrap()).unwrap().exports, ["boathook:hook/routing@0.1.0"]);
        let said = refused(&with_world(&both, &["routing", "methods"]));
        assert!(said.contains("boathook:hook/methods@0.1.0"), "{said}");
    }

    #[test]
    fn a_wrong_signature_is_named() {
        let wrong = HANDLE.replace("(param i32)", "(param i64)");
        let said = refused(&module(&format!("{ROUTES} {wrong}")));
        assert!(said.contains("handle-route") && said.contains("type mismatch"), "{said}");
    }

    #[test]
    fn an_import_that_nobody_offers_is_named() {
        let import = "(import \"acme:lamp/switch\" \"on\" (func))";
        let said = refused(&module(&format!("{import} {ROUTES} {HANDLE}")));
        assert!(said.contains("acme:lamp/switch"), "{said}");
    }
}
