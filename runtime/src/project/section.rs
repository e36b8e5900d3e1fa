//! Reads and writes a component's own custom section `boathook`, byte by byte: everything else in the
//! component stays as it is.

use wasmparser::BinaryReader;

use crate::hook::SECTION;

/// How long the header of a module or component is: magic number, version, layer.
const HEADER: usize = 8;
/// The id of custom sections.
const CUSTOM: u8 = 0;

/// The component with this manifest at its top level, in place of the one that it has there.
///
/// # Errors
/// If it is no component, or cut short.
pub(super) fn replaced(component: &[u8], text: &str) -> wasmparser::Result<Vec<u8>> {
    let mut reader = BinaryReader::new(component, 0);
    let mut out = reader.read_bytes(HEADER)?.to_vec();
    while !reader.eof() {
        let start = reader.current_position();
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()?;
        let content = reader.read_bytes(length as usize)?;
        if id != CUSTOM || BinaryReader::new(content, 0).read_string()? != SECTION {
            out.extend(&component[start..reader.current_position()]);
        }
    }
    let mut content = Vec::new();
    number(&mut content, SECTION.len());
    content.extend(SECTION.as_bytes());
    content.extend(text.as_bytes());
    out.push(CUSTOM);
    number(&mut out, content.len());
    out.extend(content);
    Ok(out)
}

/// Writes a number as wasm does: seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::Facts;

    #[test]
    fn the_section_is_replaced_and_all_else_stays() {
        let bare = wat::parse_str(
            "(component (core module $m (memory 1)) (core instance (instantiate $m)))",
        )
        .unwrap();
        let once = replaced(&bare, "name = 'a'").unwrap();
        assert_eq!(once[..bare.len()], bare);
        let long = format!("name = 'b'\ndescription = '{}'", "x".repeat(300));
        let twice = replaced(&once, &long).unwrap();
        assert_eq!(twice[..bare.len()], bare);
        assert_eq!(Facts::read(&twice).unwrap().manifest.as_deref(), Some(&*long));
        assert!(!String::from_utf8_lossy(&twice).contains("name = 'a'"));
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        let whole = replaced(b"\0asm\x0d\0\x01\0", "name = 'a'").unwrap();
        for length in (0..HEADER).chain(HEADER + 1..whole.len()) {
            assert!(replaced(&whole[..length], "").is_err(), "{length}");
        }
    }
}
