//! Turns header blocks into headers and back: `name: value` and CRLF, as in HTTP/1.1.
//!
//! What a hook hands over is parsed like a client's input: names and values as RFC 9110 has them, and
//! nothing that would let a hook write the connection's own fields.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, header};

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
    /// The field belongs to the connection, which is the server's.
    #[error("header `{0}` belongs to the connection and cannot be set by a hook")]
    Connection(String),
}

/// Parses a block. Lines may end in LF alone; empty lines are passed over.
///
/// # Errors
/// The first field that is not valid, and then nothing of the block counts.
pub(super) fn parse_block(block: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, BlockError> {
    let mut fields = Vec::with_capacity(8);
    for (index, line) in block.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let colon =
            line.iter().position(|byte| *byte == b':').ok_or(BlockError::NoColon(index + 1))?;
        fields.push(parse_field(&line[..colon], &line[colon + 1..])?);
    }
    Ok(fields)
}

/// Parses one field.
///
/// # Errors
/// If name or value is not valid, or the field is the connection's.
pub(super) fn parse_field(
    name: &[u8],
    value: &[u8],
) -> Result<(HeaderName, HeaderValue), BlockError> {
    let parsed = HeaderName::from_bytes(name)
        .map_err(|_| BlockError::Name(String::from_utf8_lossy(name).into_owned()))?;
    if is_connections(&parsed) {
        return Err(BlockError::Connection(parsed.to_string()));
    }
    let value = HeaderValue::from_bytes(value.trim_ascii())
        .map_err(|_| BlockError::Value(parsed.to_string()))?;
    Ok((parsed, value))
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
    use super::*;

    #[test]
    fn a_block_reads_as_it_was_written() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        headers.append("x-b", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let fields = parse_block(&write_block(&headers)).unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[1].1.as_bytes(), b"caf\xe9");
    }

    #[test]
    fn a_line_break_in_a_value_starts_a_field_and_never_a_second_message() {
        assert_eq!(parse_block(b"x-a: 1\r\n\r\nHTTP/1.1 200 OK\r\n"), Err(BlockError::NoColon(3)));
        assert_eq!(parse_field(b"x-a", b"1\r\nx-b: 2"), Err(BlockError::Value("x-a".into())));
        assert_eq!(parse_field(b"x-a", b"1\0"), Err(BlockError::Value("x-a".into())));
    }

    #[test]
    fn the_connections_own_fields_are_refused() {
        for name in ["Content-Length", "transfer-encoding", "Connection", "keep-alive", "upgrade"] {
            let refused = parse_field(name.as_bytes(), b"1");
            assert_eq!(refused, Err(BlockError::Connection(name.to_lowercase())));
        }
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
}
