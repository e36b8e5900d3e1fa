//! Turns the path syntax of Express 4 (path-to-regexp 0.1.13, which Sails 1.5 uses) into a
//! [`Shape`].
//!
//! Two steps. `canonical` spells the address as paths are spelled (see [`super::path::Path`]), so
//! that an address in plain letters meets a path in encoded ones, and refuses what could never
//! match. `segments` finds the simple forms; what is left goes to [`super::odd`].
//!
//! Deliberately different: characters that leak through the original into its regex (`[`, `{`, `|`,
//! `^` outside parentheses) are refused, and `$`, which could never match there, is an ordinary
//! one.

use super::address::AddressError as Error;
use super::odd::odd;
use super::params::Name;
use super::path::{decode_escape, is_dot_segment, is_plain, push_escape};
use super::shape::{Segment, Segments, Shape, Tail};

/// Reads the path part of an address.
pub(super) fn parse(path: &str) -> Result<Shape, Error> {
    let canonical = canonical(path)?;
    match segments(&canonical) {
        Some(segments) => Ok(Shape::Segments(segments)),
        None => odd(path, &canonical),
    }
}

/// The address as a path would be spelled, what is special to us and meant literally escaped by a
/// backslash.
fn canonical(path: &str) -> Result<String, Error> {
    let fail = |found: char| Err(Error::Character { path: path.to_owned(), found });
    let never = || Error::NeverMatches { path: path.to_owned() };
    let mut out = String::with_capacity(path.len());
    let mut depth = 0_usize;
    let mut rest = path;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            '%' => {
                let byte =
                    decode_escape(rest).ok_or_else(|| Error::Encoding { path: path.to_owned() })?;
                length = 3;
                match byte {
                    b'/' | b'\\' => return Err(never()),
                    byte if is_plain(byte) => push_literal(&mut out, char::from(byte)),
                    byte => push_escape(&mut out, byte),
                }
            }
            '\\' => match rest[1..].chars().next() {
                Some('/' | '\\') if depth == 0 => return Err(never()),
                Some(next) if next.is_ascii_graphic() => {
                    out.extend(['\\', next]);
                    length = 2;
                }
                _ => return fail('\\'),
            },
            '/' if depth == 0 && out.ends_with('/') => return Err(never()),
            '$' if depth == 0 => push_literal(&mut out, '$'),
            '#' => return fail('#'),
            '[' | ']' | '{' | '}' | '|' | '^' if depth == 0 => return fail(letter),
            '(' => {
                depth += 1;
                out.push('(');
            }
            ')' => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            letter if letter.is_ascii_graphic() => out.push(letter),
            letter if letter.is_whitespace() || letter.is_control() => {
                return Err(Error::Whitespace { path: path.to_owned() });
            }
            _ => rest[..length].bytes().for_each(|byte| push_escape(&mut out, byte)),
        }
        rest = &rest[length..];
    }
    if out.split('/').any(is_dot_segment) { Err(never()) } else { Ok(out) }
}

fn push_literal(out: &mut String, letter: char) {
    if !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '~' | '<' | '>') {
        out.push('\\');
    }
    out.push(letter);
}

/// The simple forms. `None` for all others.
fn segments(canonical: &str) -> Option<Segments> {
    let path = canonical.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut found = Segments { segments: Vec::new(), tail: Tail::End, names: Vec::new() };
    if path.is_empty() {
        return Some(found);
    }
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        if let Some(name) = part.strip_prefix(':').filter(|name| is_name(name)) {
            found.names.push(Name::new(name));
            found.segments.push(Segment::Param);
        } else if let Some(name) = optional_name(part).filter(|_| is_last) {
            found.names.push(Name::new(name));
            found.tail = Tail::OptionalParam;
        } else if let Some(text) = literal(part) {
            found.segments.push(Segment::Static(text.into()));
        } else if let Some(prefix) = part.strip_suffix('*').filter(|_| is_last).and_then(literal) {
            found.names.push(Name::number(0));
            found.tail = Tail::Rest { prefix: prefix.into() };
        } else {
            return None;
        }
    }
    Some(found)
}

/// The text that a segment stands for if nothing in it is special.
pub(super) fn literal(part: &str) -> Option<String> {
    let mut text = String::with_capacity(part.len());
    let mut letters = part.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(letters.next().filter(char::is_ascii_punctuation)?),
            '*' | '?' | '+' | '(' | ')' => return None,
            ':' if letters.peek().copied().is_some_and(is_word) => return None,
            _ => text.push(letter),
        }
    }
    Some(text)
}

fn optional_name(part: &str) -> Option<&str> {
    part.strip_prefix(':')?.strip_suffix('?').filter(|name| is_name(name))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word)
}

pub(super) fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::path::Path;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(2_000)
        })]

        #[test]
        fn simple_forms_match_as_their_regex_does(
            segments in prop::collection::vec(
                prop::sample::select(vec!["a", "b", "A", ":x", ":y", "*", "a*", "a.b", "@"]),
                0..4,
            ),
            last in prop::sample::select(vec!["", "/", "/:z?", "/:z?/", "/*"]),
            path in "/[abAB.@/-]{0,8}",
        ) {
            let address = format!("/{}{last}", segments.join("/"));
            let Ok(canonical) = canonical(&address) else { return Ok(()) };
            let Some(simple) = super::segments(&canonical) else { return Ok(()) };
            let Ok(path) = Path::parse(&path) else { return Ok(()) };
            let pairs = |shape: &Shape| {
                let params = shape.matches(path.view()).unwrap()?;
                Some(params.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>())
            };
            let regex = odd(&address, &canonical).unwrap();
            prop_assert_eq!(pairs(&Shape::Segments(simple)), pairs(&regex), "{}", address);
        }
    }
}
