//! Reads and writes header blocks: `name: value` and CRLF, one field after the other.

use crate::{Error, Result};

/// Header fields, read from one block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Headers(Vec<u8>);

impl Headers {
    pub(crate) fn from_block(block: Vec<u8>) -> Self {
        Self(block)
    }

    /// Adds a field.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }

    /// The fields as they are handed over.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn block(&self) -> &[u8] {
        &self.0
    }

    /// The fields in order. Values are bytes: HTTP does not promise UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.split(|byte| *byte == b'\n').filter_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
        })
    }

    /// The first value of a field; names ignore case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A block in the making, with an index of its names so that one name can be set twice.
#[derive(Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Where each field begins, and how long its name is.
    fields: Vec<(usize, usize)>,
}

impl Block {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
    }

    /// Adds a field. A block is text, so what could end a field early is refused here: the host
    /// could no longer tell.
    pub(crate) fn append(&mut self, name: &str, value: &[u8]) -> Result<()> {
        if !is_name(name.as_bytes()) {
            return Err(refused(format!("not the name of a header: `{name}`")));
        }
        if !is_value(value) {
            return Err(refused(format!("header `{name}`: line break or NUL in the value")));
        }
        self.fields.push((self.bytes.len(), name.len()));
        self.bytes.reserve(name.len() + value.len() + 4);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Adds a field in place of all of that name.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        if self.has(name) {
            self.remove(name);
        }
        self.append(name, value)
    }

    /// Whether there is a field of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Rare, and apart: within `set` it would take the registers of what runs for every header.
    #[cold]
    #[inline(never)]
    pub(crate) fn remove(&mut self, name: &str) {
        while let Some(at) = self.position(name) {
            let (start, _) = self.fields.remove(at);
            let end = self.fields.get(at).map_or(self.bytes.len(), |next| next.0);
            self.bytes.drain(start..end);
            for field in &mut self.fields[at..] {
                field.0 -= end - start;
            }
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(start, length)| {
            *length == name.len()
                && self.bytes[*start..*start + *length].eq_ignore_ascii_case(name.as_bytes())
        })
    }
}

/// Whether a block can have a field of this name: visible ASCII, and no colon, which would end it.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && all_words(name, |word| {
            below(word, 0x21) | equal(word, b':') | equal(word, 0x7f) | (word & TOPS) == 0
        })
}

/// Whether a block can have a field of this value: no line break, and no NUL.
fn is_value(value: &[u8]) -> bool {
    // A control character is rare enough to be looked at once more.
    all_words(value, |word| below(word, 0x20) == 0)
        || !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
}

/// Looks at eight bytes at a time: all of them, and at the last ones twice. In a component each turn of
/// a loop looks at the clock, so a turn a byte would be several times as dear.
fn all_words(bytes: &[u8], is_sound: impl Fn(u64) -> bool) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        let padding = ONES * u64::from(b'a');
        return is_sound(bytes.iter().fold(padding, |word, byte| word << 8 | u64::from(*byte)));
    };
    let words = bytes.as_chunks::<8>().0;
    words.iter().chain([last]).all(|word| is_sound(u64::from_le_bytes(*word)))
}

const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte.
const TOPS: u64 = ONES << 7;

/// Not 0 if a byte of the word is below this one, which is 128 at most.
fn below(word: u64, byte: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(byte)) & !word & TOPS
}

/// Not 0 if a byte of the word is this one.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

fn refused(message: String) -> Error {
    Error::new(message).with_code("E_HOOK_BAD_RESPONSE").with_status(502)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_set_twice_stands_once_and_the_others_stay() {
        let mut block = Block::default();
        for (name, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("B", "4"), ("A", "55")] {
            block.set(name, value.as_bytes()).expect("a sound header");
        }
        assert_eq!(block.bytes(), b"c: 3\r\nB: 4\r\nA: 55\r\n");
    }

    #[test]
    fn what_would_end_a_field_early_is_refused() {
        let mut block = Block::default();
        for (name, value) in [("a", "x\r\nb: y"), ("a", "x\ny"), ("a", "\0"), ("a:b", ""), ("", "")]
        {
            let error = block.set(name, value.as_bytes()).expect_err("refused");
            assert_eq!((error.code(), error.status()), ("E_HOOK_BAD_RESPONSE", Some(502)));
        }
        assert!(block.set("a b", b"").is_err());
        assert!(block.set("a\r\nb", b"").is_err());
        assert!(block.is_empty());
    }

    #[test]
    fn what_is_looked_at_by_words_is_what_would_be_by_bytes() {
        for length in 1..=20 {
            for (at, byte) in (0..length).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                let mut bytes = vec![b'x'; length];
                bytes[at] = byte;
                let name = byte.is_ascii_graphic() && byte != b':';
                assert_eq!(is_name(&bytes), name, "{byte} at {at} of {length}");
                let value = !matches!(byte, b'\r' | b'\n' | 0);
                assert_eq!(is_value(&bytes), value, "{byte} at {at} of {length}");
            }
        }
        assert!(!is_name(b"") && is_value(b""));
    }

    #[test]
    fn a_block_reads_back() {
        let headers = Headers::from_block(b"Host: a:80\r\nx:  y \r\nhost: b\r\n".to_vec());
        assert_eq!(headers.get("HOST"), Some(&b"a:80"[..]));
        assert_eq!(headers.get("x"), Some(&b"y"[..]));
        assert_eq!(headers.get("y"), None);
        assert_eq!(headers.iter().count(), 3);
    }
}
