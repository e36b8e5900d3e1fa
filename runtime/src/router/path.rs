//! Defines [`Path`]: the path of a request, spelled in the one way that router and targets see.
//!
//! What RFC 3986 section 6.2.2 calls equal is made the same: unreserved characters are decoded, hex
//! digits are upper-case, characters that no URL may hold are encoded. The rest stays as sent.
//! What no two servers read alike cannot be made the same. Dot segments are refused here; doubled,
//! encoded and backward slashes are kept, together with the other ways to read them
//! ([`Path::readings`]), and the router refuses those that would take another chain.
//!
//! Not here: the query. It stays as sent.

use std::sync::Arc;

/// The longest path. Far over what any server takes in a request line, it only keeps the places of
/// params within 32 bits and the work of matching within reason.
const PATH_BYTES_MAX: usize = 64 * 1024;

/// A request's path, normalised. Made once a request; cloning it copies no text.
#[derive(Clone, Debug)]
pub struct Path {
    view: View,
    /// The same path with its doubtful slashes and parameters read differently; empty for all but odd
    /// requests.
    readings: Vec<View>,
}

/// Why a path is refused. All of these are the client's mistake: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// `OPTIONS *`: asks about the server, not about anything that a route could answer.
    #[error("`*` is no path")]
    Asterisk,
    /// It does not begin with a slash.
    #[error("path does not start with `/`")]
    NotAbsolute,
    /// `%zz`, `%4`, `%`.
    #[error("invalid percent-encoding in path")]
    Encoding,
    /// `.` or `..` as a segment, in any spelling.
    #[error("dot segment in path")]
    DotSegment,
    /// A blank, a control character, `?` or `#`: not part of any path. NUL even if it is encoded.
    #[error("invalid character in path")]
    Character,
    /// Longer than the router takes.
    #[error("path longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
}

/// One reading of a path, in the two spellings that routes look at.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// What targets are sent and regex addresses look at.
    text: Arc<str>,
    /// What path addresses look at: `%40` is `@` too, as every target will have it. `None` if that
    /// makes no difference.
    plain: Option<Arc<str>>,
}

impl Default for Path {
    /// The path `/`.
    fn default() -> Path {
        Path { view: View { text: "/".into(), plain: None }, readings: Vec::new() }
    }
}

impl Path {
    /// Reads and normalises the path of a request, without its query.
    pub fn parse(raw: &str) -> Result<Path, PathError> {
        match raw.as_bytes() {
            b"*" => return Err(PathError::Asterisk),
            [b'/', ..] => {}
            _ => return Err(PathError::NotAbsolute),
        }
        if raw.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        let mut odd = false;
        let mut before = 0;
        for &byte in raw.as_bytes() {
            odd |= !is_ordinary(byte)
                || byte == b';'
                || (before == b'/' && matches!(byte, b'/' | b'.'));
            before = byte;
        }
        if !odd {
            return Ok(Path { view: View { text: Arc::from(raw), plain: None }, readings: vec![] });
        }
        Path::parse_odd(raw)
    }

    fn parse_odd(raw: &str) -> Result<Path, PathError> {
        let text = normalise(raw)?;
        let slashed = read_slashes(&text);
        if slashed.split('/').any(is_dot_segment) {
            return Err(PathError::DotSegment);
        }
        let mut readings: Vec<String> = Vec::new();
        let cut = cut_parameters(&text);
        let cut_slashed = merge_slashes(&cut_parameters(&slashed));
        for reading in [merge_slashes(&text), merge_slashes(&slashed), slashed, cut, cut_slashed] {
            if reading != text && !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        let readings = readings.iter().map(|reading| View::new(reading)).collect();
        Ok(Path { view: View::new(&text), readings })
    }

    /// The path that targets are to be sent.
    pub fn as_str(&self) -> &str {
        &self.view.text
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// How else a server may read this path.
    pub(super) fn readings(&self) -> &[View] {
        &self.readings
    }
}

impl View {
    fn new(text: &str) -> View {
        let plain = decode_plain(text);
        View { text: Arc::from(text), plain: (plain != text).then(|| Arc::from(plain)) }
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(super) fn plain(&self) -> &Arc<str> {
        self.plain.as_ref().unwrap_or(&self.text)
    }
}

/// Reads one `%41`. `None` if the text does not begin with a whole one.
pub(super) fn decode_escape(text: &str) -> Option<u8> {
    let [b'%', high, low, ..] = text.as_bytes() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

/// Writes a byte as `%41`.
pub(super) fn push_escape(out: &mut String, byte: u8) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

/// Whether an encoded byte means the same as the plain one to whoever decodes a segment: visible
/// ASCII without what ends a segment, a path or an escape.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\' | b'?' | b'#' | b'%')
}

/// `.` and `..`; also with a `;parameter`, which some servers cut off before they look.
pub(super) fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split_once(';').map_or(segment, |(name, _)| name);
    matches!(name, "." | "..")
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Bytes that are the same in every reading. (The dot is, too, except at the start of a segment.)
fn is_ordinary(byte: u8) -> bool {
    byte == b'/' || is_plain(byte)
}

fn normalise(raw: &str) -> Result<String, PathError> {
    let mut text = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.as_bytes().get(at) {
        at += 1;
        match byte {
            b'%' => {
                let decoded = decode_escape(&raw[at - 1..]).ok_or(PathError::Encoding)?;
                at += 2;
                // Some servers read a path up to its first NUL, and so another one than routes do.
                if decoded == 0 {
                    return Err(PathError::Character);
                }
                if is_unreserved(decoded) {
                    text.push(char::from(decoded));
                } else {
                    push_escape(&mut text, decoded);
                }
            }
            b'?' | b'#' | 0..=b' ' | 0x7F => return Err(PathError::Character),
            0x80.. => push_escape_of_char(&mut text, raw, &mut at),
            _ => text.push(char::from(byte)),
        }
    }
    Ok(text)
}

/// Encodes the character that begins just before `at`, and goes behind it.
fn push_escape_of_char(text: &mut String, raw: &str, at: &mut usize) {
    let start = *at - 1;
    while !raw.is_char_boundary(*at) {
        *at += 1;
    }
    for &byte in &raw.as_bytes()[start..*at] {
        push_escape(text, byte);
    }
}

/// Reads encoded slashes and both kinds of backslash as slashes.
fn read_slashes(text: &str) -> String {
    text.replace("%2F", "/").replace("%5C", "/").replace('\\', "/")
}

/// Cuts off `;parameters` of segments, as servers do that route by what is left (RFC 3986, 3.3).
fn cut_parameters(text: &str) -> String {
    let segments = text.split('/').map(|segment| {
        let end = segment.find(';').into_iter().chain(segment.find("%3B")).min();
        &segment[..end.unwrap_or(segment.len())]
    });
    segments.collect::<Vec<_>>().join("/")
}

fn merge_slashes(text: &str) -> String {
    let mut merged = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    merged
}

fn decode_plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match decode_escape(rest) {
            Some(byte) if is_plain(byte) => plain.push(char::from(byte)),
            _ => plain.push_str(&rest[..3.min(rest.len())]),
        }
        rest = &rest[3.min(rest.len())..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(raw: &str) -> String {
        Path::parse(raw).unwrap().as_str().to_owned()
    }

    fn plain(raw: &str) -> String {
        Path::parse(raw).unwrap().view().plain().to_string()
    }

    fn readings(raw: &str) -> Vec<String> {
        let path = Path::parse(raw).unwrap();
        path.readings().iter().map(|view| view.text().to_string()).collect()
    }

    #[test]
    fn ordinary_paths_stay_as_sent() {
        for path in ["/", "/a", "/a/", "/a/b.c", "/.env", "/a.", "/...", "/@x:y=1,2!$&'()*+"] {
            assert_eq!(seen(path), path);
            assert_eq!(readings(path), [""; 0]);
        }
    }

    #[test]
    fn parameters_of_segments_are_also_read_as_cut_off() {
        assert_eq!(seen("/admin;x/y"), "/admin;x/y");
        assert_eq!(readings("/admin;x/y"), ["/admin/y"]);
        assert_eq!(readings("/admin%3bx"), ["/admin"]);
    }

    #[test]
    fn unreserved_characters_are_decoded_and_hex_is_upper_case() {
        assert_eq!(seen("/%61%2d%7e"), "/a-~");
        assert_eq!(seen("/%c3%a9%2f"), "/%C3%A9%2F");
        assert_eq!(seen("/%40%25%01"), "/%40%25%01");
    }

    #[test]
    fn characters_that_no_url_holds_are_encoded() {
        assert_eq!(seen("/café/ü"), "/caf%C3%A9/%C3%BC");
    }

    #[test]
    fn path_addresses_see_encoded_and_plain_characters_alike() {
        assert_eq!(plain("/%40a%2B"), "/@a+");
        assert_eq!(plain("/%2540%20%2f%3F"), "/%2540%20%2F%3F");
    }

    #[test]
    fn broken_encoding_is_refused() {
        for path in ["/%zz", "/greet/%zz", "/%", "/%4", "/%4/", "/a%é", "/%+1", "/%é1"] {
            assert_eq!(Path::parse(path).unwrap_err(), PathError::Encoding, "{path}");
        }
    }

    #[test]
    fn dot_segments_are_refused_in_every_spelling() {
        for path in [
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e",
            "/%2E%2e/a",
            "/a/.%2e/b",
            "/a%2f..%2fb",
            "/a/..%2Fb",
            "/a\\..\\b",
            "/a%5C..",
            "/..;/a",
            "/..;x=1",
            "//..",
        ] {
            assert_eq!(Path::parse(path).unwrap_err(), PathError::DotSegment, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        assert_eq!(Path::parse("*").unwrap_err(), PathError::Asterisk);
        for path in ["", "a", "http://x/a", "**", "%2Fa"] {
            assert_eq!(Path::parse(path).unwrap_err(), PathError::NotAbsolute, "{path}");
        }
        for path in ["/a b", "/a?b", "/a#b", "/a\nb", "/\u{7f}"] {
            assert_eq!(Path::parse(path).unwrap_err(), PathError::Character, "{path}");
        }
    }

    #[test]
    fn the_longest_path_passes_and_a_longer_one_does_not() {
        let inside = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
        assert_eq!(seen(&inside), inside);
        assert_eq!(Path::parse(&format!("{inside}a")).unwrap_err(), PathError::TooLong);
    }

    #[test]
    fn doubtful_slashes_have_their_other_readings() {
        assert_eq!(readings("//a"), ["/a"]);
        assert_eq!(readings("/a%2fb"), ["/a/b"]);
        assert_eq!(readings("/a%5Cb\\c"), ["/a/b/c"]);
        assert_eq!(readings("//a%2fb"), ["/a%2Fb", "/a/b", "//a/b"]);
    }
}
