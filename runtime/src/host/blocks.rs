//! Turns header blocks into headers and back: `name: value` and CRLF, as in HTTP/1.1.
//!
//! What a hook hands over is parsed like a client's input: names and values as RFC 9110 has them, and
//! nothing that would let a hook write the connection's own fields.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, header};
use smallvec::SmallVec;

use crate::session::sets_cookie;

/// Why a block or a field was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum BlockError {
    /// A line without a colon.
    #[error("header line {0} has no `:`")]
    NoColon(usize),
    /// The name is not a token (RFC 9110, 5.1).
    #[error("header name `{0}` is not valid")]
    Name(String),
    /// The value has a control character: CR, LF or NUL would end the field early.
    #[error("the value of header `{0}` is not valid")]
    Value(String),
    /// More than any message should have.
    #[error("more headers than {FIELDS_MAX}, or more than {BYTES_MAX} bytes of them")]
    TooMuch,
    /// The field belongs to the connection, which is the server's.
    #[error("header `{0}` belongs to the connection and cannot be set by a hook")]
    Connection(String),
    /// The field would set or delete the cookie of sessions.
    #[error(
        "cookie `{0}` is that of sessions, and cannot be set by a hook\n\
         hint: use `session`, or another name"
    )]
    SessionCookie(String),
}

/// Fields that a hook may bring a message to. A map of headers of tens of thousands is no message any
/// more, and handling it is work that no limit of the guest's can interrupt.
const FIELDS_MAX: usize = 256;
/// Bytes that they may have together: what common servers accept in a head, twice.
const BYTES_MAX: usize = 64 << 10;

/// Fields of a block, in order.
pub(super) type Fields = SmallVec<[(HeaderName, HeaderValue); 8]>;

/// A block with its fields.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Bytes,
    fields: Vec<Field>,
}

/// The block that a hook's instances handed over last, for those that have not handed over any.
#[derive(Debug, Default)]
pub(crate) struct LastBlock(Mutex<Option<Arc<Block>>>);

impl LastBlock {
    /// The block if it is these bytes, or else these bytes parsed: most hooks set the same headers for
    /// every request.
    ///
    /// # Errors
    /// As [`parse_block`].
    pub(super) fn get_or_parse(
        &self,
        bytes: &[u8],
        session_cookie: Option<&str>,
    ) -> Result<Arc<Block>, BlockError> {
        if let Some(block) = self.last().as_ref().filter(|block| block.bytes() == bytes) {
            return Ok(block.clone());
        }
        let block = Arc::new(Block::parse(bytes.to_vec(), session_cookie)?);
        *self.last() = Some(block.clone());
        Ok(block)
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A field of a block.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// Whether it is the first of its name in the block.
    pub(super) first: bool,
}

impl Block {
    /// Parses a block.
    ///
    /// # Errors
    /// As [`parse_block`].
    pub(super) fn parse(block: Vec<u8>, session_cookie: Option<&str>) -> Result<Self, BlockError> {
        let bytes = Bytes::from(block);
        let mut fields: Vec<Field> = Vec::new();
        for (name, value) in parse_block(bytes.clone(), session_cookie)? {
            let first = fields.iter().all(|field| field.name != name);
            fields.push(Field { name, value, first });
        }
        Ok(Self { bytes, fields })
    }

    /// As it was handed over.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its fields in order.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

/// Parses a block, which may not set the cookie of sessions. Lines may end in LF alone; empty lines are passed
/// over. Values share the block's bytes.
///
/// # Errors
/// The first field that is not valid, and then nothing of the block counts; a block that is too long.
pub(super) fn parse_block(
    block: impl Into<Bytes>,
    session_cookie: Option<&str>,
) -> Result<Fields, BlockError> {
    let block = block.into();
    if block.len() > BYTES_MAX {
        return Err(BlockError::TooMuch);
    }
    let mut fields = Fields::new();
    for (index, line) in block.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if fields.len() == FIELDS_MAX {
            return Err(BlockError::TooMuch);
        }
        let colon =
            line.iter().position(|byte| *byte == b':').ok_or(BlockError::NoColon(index + 1))?;
        let value = block.slice_ref(line[colon + 1..].trim_ascii());
        let (name, value) = parse_field(&line[..colon], value)?;
        if name == header::SET_COOKIE
            && let Some(cookie) = session_cookie
            && sets_cookie(value.as_bytes(), cookie)
        {
            return Err(BlockError::SessionCookie(cookie.to_owned()));
        }
        fields.push((name, value));
    }
    Ok(fields)
}

/// Parses one field.
///
/// # Errors
/// If name or value is not valid, or the field is the connection's.
pub(super) fn parse_field(
    name: &[u8],
    value: Bytes,
) -> Result<(HeaderName, HeaderValue), BlockError> {
    let parsed = HeaderName::from_bytes(name)
        .map_err(|_| BlockError::Name(String::from_utf8_lossy(name).into_owned()))?;
    if is_connections(&parsed) {
        return Err(BlockError::Connection(parsed.to_string()));
    }
    let value = value.slice_ref(value.trim_ascii());
    let value =
        HeaderValue::from_maybe_shared(value).map_err(|_| BlockError::Value(parsed.to_string()))?;
    Ok((parsed, value))
}

/// Whether a message with these headers has room for so many more fields, and bytes.
///
/// # Errors
/// If it has not.
pub(super) fn has_room(headers: &HeaderMap, fields: usize, bytes: usize) -> Result<(), BlockError> {
    let taken = || headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    // A client's own head, and a target's, are bounded where they come in; here it is about growth.
    let full = headers.len() + fields > FIELDS_MAX
        || (bytes > BYTES_MAX / FIELDS_MAX && taken().sum::<usize>() + bytes > BYTES_MAX);
    if full { Err(BlockError::TooMuch) } else { Ok(()) }
}

/// Writes headers as a block.
pub(super) fn write_block(headers: &HeaderMap) -> Vec<u8> {
    let length = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut block = Vec::with_capacity(length);
    for (name, value) in headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block
}

/// All values of one header as one: joined by `, ` (RFC 9110, 5.2), by `; ` for `cookie` (RFC 9113,
/// 8.2.3). `set-cookie` cannot be joined, and gives its first.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let mut joined = values.next()?.as_bytes().to_vec();
    if name.eq_ignore_ascii_case("set-cookie") {
        return Some(joined);
    }
    let separator: &[u8] = if name.eq_ignore_ascii_case("cookie") { b"; " } else { b", " };
    for value in values {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value.as_bytes());
    }
    Some(joined)
}

/// Fields that frame the message or steer the connection (RFC 9110, 7.6.1): a hook that could set
/// them could smuggle a second message into the first.
fn is_connections(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::CONTENT_LENGTH
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_block_reads_as_it_was_written() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        headers.append("x-b", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let fields = parse_block(write_block(&headers), None).unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[1].1.as_bytes(), b"caf\xe9");
    }

    #[test]
    fn only_the_first_field_of_a_name_is_its_first() {
        let block = Block::parse(b"a: 1\r\nb: 2\r\nA: 3\r\n".to_vec(), None).unwrap();
        let fields = block.fields().iter().map(|field| (field.value.clone(), field.first));
        let value = HeaderValue::from_static;
        let expected = [(value("1"), true), (value("2"), true), (value("3"), false)];
        assert_eq!(fields.collect::<Vec<_>>(), expected);
        assert_eq!(Block::parse(b"a\r\n".to_vec(), None).unwrap_err(), BlockError::NoColon(1));
    }

    #[test]
    fn a_line_break_in_a_value_starts_a_field_and_never_a_second_message() {
        assert_eq!(
            parse_block(b"x-a: 1\r\n\r\nHTTP/1.1 200 OK\r\n".to_vec(), None),
            Err(BlockError::NoColon(3))
        );
        assert_eq!(
            parse_field(b"x-a", Bytes::from_static(b"1\r\nx-b: 2")),
            Err(BlockError::Value("x-a".into()))
        );
        assert_eq!(
            parse_field(b"x-a", Bytes::from_static(b"1\0")),
            Err(BlockError::Value("x-a".into()))
        );
    }

    #[test]
    fn the_connections_own_fields_are_refused() {
        for name in ["Content-Length", "transfer-encoding", "Connection", "keep-alive", "upgrade"] {
            let refused = parse_field(name.as_bytes(), Bytes::from_static(b"1"));
            assert_eq!(refused, Err(BlockError::Connection(name.to_lowercase())));
        }
    }

    #[test]
    fn a_block_that_no_message_needs_is_refused_before_it_is_work() {
        let many = "a: b\r\n".repeat(FIELDS_MAX);
        assert_eq!(parse_block(many.clone().into_bytes(), None).unwrap().len(), FIELDS_MAX);
        assert_eq!(parse_block((many + "a: b").into_bytes(), None), Err(BlockError::TooMuch));
        assert_eq!(parse_block(vec![b'a'; BYTES_MAX + 1], None), Err(BlockError::TooMuch));
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_bytes(&vec![b'a'; BYTES_MAX - 100]).unwrap());
        assert_eq!(has_room(&headers, 1, 300), Err(BlockError::TooMuch));
        assert_eq!(has_room(&headers, FIELDS_MAX, 0), Err(BlockError::TooMuch));
        assert_eq!(has_room(&headers, 1, 10), Ok(()));
    }

    #[test]
    fn the_cookie_of_sessions_is_refused_where_there_are_any() {
        let block = b"x-a: 1\r\nSet-Cookie: sid=; Max-Age=0\r\n".to_vec();
        assert_eq!(parse_block(block.clone(), None).unwrap().len(), 2);
        assert_eq!(parse_block(block.clone(), Some("other")).unwrap().len(), 2);
        let refused = BlockError::SessionCookie("sid".into());
        assert_eq!(parse_block(block, Some("sid")), Err(refused));
        assert_eq!(parse_block(b"cookie: sid=1".to_vec(), Some("sid")).unwrap().len(), 1);
    }

    #[test]
    fn several_values_are_joined_as_the_rfc_has_it() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.append("cookie", HeaderValue::from_static("c=1"));
        headers.append("cookie", HeaderValue::from_static("d=2"));
        assert_eq!(joined(&headers, "Accept").unwrap(), b"a, b");
        assert_eq!(joined(&headers, "cookie").unwrap(), b"c=1; d=2");
        assert_eq!(joined(&headers, "x"), None);
    }

    /// What blocks are made of, and what they must not be made of.
    fn block() -> impl Strategy<Value = Vec<u8>> {
        let parts: Vec<&[u8]> = vec![
            b"x-a",
            b"set-cookie",
            b"content-length",
            b"Transfer-Encoding",
            b"HTTP/1.1 200 OK",
            b":",
            b": ",
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b"\t",
            b"\x7f",
            b"\xff",
            b"\xc3\xa9",
            b"1",
            b"",
        ];
        let known = prop::sample::select(parts).prop_map(<[u8]>::to_vec);
        let part = prop_oneof![4 => known, 1 => prop::collection::vec(any::<u8>(), 0..4)];
        prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(10_000)
        })]

        #[test]
        fn whatever_a_block_says_its_fields_are_fit_to_be_written(block in block()) {
            let Ok(fields) = parse_block(block.clone(), None) else { return Ok(()) };
            let lines = block.split(|byte| *byte == b'\n').count();
            prop_assert!(fields.len() <= lines.min(FIELDS_MAX));
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                prop_assert!(!is_connections(&name));
                let is_fit = |byte: &u8| !matches!(byte, b'\r' | b'\n' | b'\0' | 0x7f);
                prop_assert!(value.as_bytes().iter().all(is_fit), "{:?}", value);
                headers.append(name, value);
            }
            // Written and read again it is the same, so nothing in it reads as something else.
            let again = parse_block(write_block(&headers), None).unwrap();
            prop_assert_eq!(again.len(), headers.len());
            for (name, value) in again {
                prop_assert!(headers.get_all(&name).iter().any(|known| *known == value));
            }
        }
    }
}
