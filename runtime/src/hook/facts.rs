//! Reads what can be known of a component without compiling it: manifest, imports, exports.

use wasmparser::{Parser, Payload};

/// The name of the custom section that carries a hook's manifest.
pub const SECTION: &str = "boathook";

/// What a component says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The manifest, TOML text, if there is one.
    pub manifest: Option<String>,
    /// Names of what it imports, in order.
    pub imports: Vec<String>,
    /// Names of what it exports, in order.
    pub exports: Vec<String>,
    /// Bytes of the file.
    pub size: usize,
    /// Bytes of linear memory that an instance has from the start.
    pub memory: u64,
}

/// Why a file is not even a component.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactsError {
    /// Nothing in it.
    #[error("the file is empty\nhint: was the build interrupted?")]
    Empty,
    /// Something else altogether.
    #[error("the file is not WebAssembly")]
    NotWasm,
    /// A core module.
    #[error(
        "the file is a core module, not a component\n\
         hint: make a component of it with `boathook pack`, or build for `wasm32-wasip2`"
    )]
    CoreModule,
    /// It ends in the middle.
    #[error("the file is truncated: {0}\nhint: was the copy interrupted?")]
    Truncated(String),
    /// It does not parse.
    #[error("the file is not a valid component: {0}")]
    Invalid(String),
    /// The manifest is not text.
    #[error("the custom section `{SECTION}` is not UTF-8")]
    ManifestNotText,
}

impl Facts {
    /// Whether it has a lifecycle to go through.
    pub fn has_lifecycle(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with("boathook:hook/lifecycle@"))
    }

    /// Whether it can be given tasks and ticks.
    pub fn has_background(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with("boathook:hook/background@"))
    }

    /// Reads a file's facts.
    ///
    /// # Errors
    /// If it is no component, or does not parse.
    pub fn read(wasm: &[u8]) -> Result<Self, FactsError> {
        if wasm.is_empty() {
            return Err(FactsError::Empty);
        }
        if !wasm.starts_with(b"\0asm") {
            return Err(FactsError::NotWasm);
        }
        if wasm.len() >= 8 && Parser::is_core_wasm(wasm) {
            return Err(FactsError::CoreModule);
        }
        let mut facts = Self { size: wasm.len(), ..Self::default() };
        let mut depth = 0usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(|error| unreadable(&error, wasm.len()))? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import.map_err(|error| unreadable(&error, wasm.len()))?;
                        facts.imports.push(import.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export.map_err(|error| unreadable(&error, wasm.len()))?;
                        facts.exports.push(export.name.name.to_owned());
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section.into_iter().flatten() {
                        let page = 1u64 << memory.page_size_log2.unwrap_or(16).min(16);
                        facts.memory =
                            facts.memory.saturating_add(memory.initial.saturating_mul(page));
                    }
                }
                // SDKs write it into the core module, where linkers leave it; tools that work on
                // components write it at the top, and win.
                Payload::CustomSection(section) if section.name() == SECTION => {
                    let text = std::str::from_utf8(section.data());
                    let text = text.map_err(|_| FactsError::ManifestNotText)?.to_owned();
                    if depth == 0 || facts.manifest.is_none() {
                        facts.manifest = Some(text);
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}

fn unreadable(error: &wasmparser::BinaryReaderError, length: usize) -> FactsError {
    let text = error.message().to_owned();
    if text.contains("unexpected end")
        || text.contains("unexpected-eof")
        || error.offset() >= length
    {
        return FactsError::Truncated(text);
    }
    FactsError::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    fn with_section(text: &str) -> Vec<u8> {
        let mut wasm = EMPTY_COMPONENT.to_vec();
        wasm.extend([0, (1 + SECTION.len() + text.len()) as u8, SECTION.len() as u8]);
        wasm.extend(SECTION.as_bytes());
        wasm.extend(text.as_bytes());
        wasm
    }

    #[test]
    fn the_empty_component_has_nothing_to_say() {
        let facts = Facts::read(EMPTY_COMPONENT).unwrap();
        assert_eq!(facts, Facts { size: 8, ..Facts::default() });
    }

    #[test]
    fn the_manifest_is_read_from_its_section() {
        let facts = Facts::read(&with_section("name = \"a\"")).unwrap();
        assert_eq!(facts.manifest.as_deref(), Some("name = \"a\""));
    }

    #[test]
    fn each_wrong_file_is_called_what_it_is() {
        assert_eq!(Facts::read(b""), Err(FactsError::Empty));
        assert_eq!(Facts::read(b"#!/bin/sh"), Err(FactsError::NotWasm));
        assert_eq!(Facts::read(b"\0asm\x01\0\0\0"), Err(FactsError::CoreModule));
        assert!(matches!(Facts::read(b"\0asm\x0d\0"), Err(FactsError::Truncated(_))));
        let whole = with_section("name = \"a\"");
        for length in 9..whole.len() {
            let cut = Facts::read(&whole[..length]);
            assert!(matches!(cut, Err(FactsError::Truncated(_))), "{length}: {cut:?}");
        }
    }
}
