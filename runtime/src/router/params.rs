//! Defines [`Params`]: what a route's placeholders stand for in one request.
//!
//! They own what they show, so that they can outlive the router and the path of the request, but
//! copy nothing that need not be decoded: a value is a place in the path, whose text is shared.
//! Most hooks listen on `/*` and never look, so params are one pointer, which the router hands to
//! all bindings of one address in a row.

use std::ops::Range;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

/// Where the values of an address' placeholders stand in the path.
pub(super) type Spans = SmallVec<[Span; 4]>;

/// Where one value stands. 32 bits do, as paths are far shorter than 4 GiB, and half the copying is
/// half the cost of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// The params of one match, in the order of the address, percent-decoded.
///
/// `*` and groups without a name are called `0`, `1` and so on. An optional param that the path
/// does not have is not in it. A name that is written twice has the later value, as in Express.
#[derive(Clone, Default)]
pub struct Params {
    /// `None` if there are none.
    filled: Option<Arc<Filled>>,
}

struct Filled {
    /// The path that the values stand in.
    path: Arc<str>,
    entries: SmallVec<[(Name, Value); 2]>,
}

/// The value of a param is not UTF-8 once decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// A param's name. Sharing a counter between cores costs more than a match, so the numbers, which
/// every `/*` has, go without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Digit(u8),
    Shared(Arc<str>),
}

enum Value {
    /// No percent sign in it: as it stands in the path.
    Span(Span),
    Decoded(Box<str>),
}

impl Params {
    /// The value of a param.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values, in the order of the address.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let filled = self.filled.iter();
        filled.flat_map(|filled| {
            filled.entries.iter().map(|(name, value)| (name.as_str(), value.text(&filled.path)))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.filled.as_ref().map_or(0, |filled| filled.entries.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filled.is_none()
    }

    /// Decodes what stands in the path at `spans`, one for each name.
    pub(super) fn collect(
        path: &Arc<str>,
        names: &[Name],
        spans: &[Span],
    ) -> Result<Params, NotUtf8> {
        let mut entries: SmallVec<[(Name, Value); 2]> = SmallVec::new();
        for (name, span) in names.iter().zip(spans) {
            if span.is_absent() {
                continue;
            }
            let value = Value::decode(path, *span)?;
            match entries.iter_mut().find(|(known, _)| known == name) {
                Some(entry) => entry.1 = value,
                None => entries.push((name.clone(), value)),
            }
        }
        if entries.is_empty() {
            return Ok(Params::default());
        }
        Ok(Params { filled: Some(Arc::new(Filled { path: Arc::clone(path), entries })) })
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Span {
    /// An optional placeholder that the path does not have.
    pub(super) const ABSENT: Span = Span { start: u32::MAX, end: u32::MAX };

    pub(super) fn new(range: Range<usize>) -> Span {
        Span { start: range.start as u32, end: range.end as u32 }
    }

    fn is_absent(self) -> bool {
        self.start == u32::MAX
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Value {
    fn text<'a>(&'a self, path: &'a str) -> &'a str {
        match self {
            Value::Span(span) => &path[span.range()],
            Value::Decoded(text) => text,
        }
    }

    fn decode(path: &str, span: Span) -> Result<Value, NotUtf8> {
        let raw = &path[span.range()];
        if !raw.as_bytes().contains(&b'%') {
            return Ok(Value::Span(span));
        }
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| NotUtf8)?;
        Ok(Value::Decoded(text.into()))
    }
}

impl Name {
    pub(super) fn new(text: &str) -> Name {
        Name::Shared(Arc::from(text))
    }

    /// The name of the n-th placeholder without one.
    pub(super) fn number(number: usize) -> Name {
        match u8::try_from(number) {
            Ok(digit @ 0..=9) => Name::Digit(digit),
            _ => Name::Shared(Arc::from(number.to_string())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        match self {
            Name::Digit(digit) => DIGITS[usize::from(*digit)],
            Name::Shared(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(path: &str, names: &[&str], spans: &[Option<Range<usize>>]) -> Params {
        let names: Vec<_> = names.iter().map(|name| Name::new(name)).collect();
        let span = |span: &Option<Range<usize>>| span.clone().map_or(Span::ABSENT, Span::new);
        Params::collect(&Arc::from(path), &names, &spans.iter().map(span).collect::<Spans>())
            .unwrap()
    }

    #[test]
    fn values_are_decoded_and_in_order() {
        let params = collect("/a/b%2Fc", &["x", "y"], &[Some(1..2), Some(3..8)]);
        assert_eq!(params.iter().collect::<Vec<_>>(), [("x", "a"), ("y", "b/c")]);
        assert_eq!(params.get("y"), Some("b/c"));
        assert_eq!(params.get("z"), None);
        assert_eq!(params.len(), 2);
    }

    #[test]
    fn absent_ones_are_left_out_and_the_later_of_two_wins() {
        let params = collect("/a/b", &["x", "x", "y"], &[Some(1..2), Some(3..4), None]);
        assert_eq!(params.iter().collect::<Vec<_>>(), [("x", "b")]);
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let spans = [Span::new(1..4)];
        let refused = Params::collect(&Arc::from("/%FF"), &[Name::new("x")], &spans);
        assert_eq!(refused.unwrap_err(), NotUtf8);
    }

    #[test]
    fn numbers_over_nine_have_names_too() {
        assert_eq!(Name::number(9).as_str(), "9");
        assert_eq!(Name::number(10).as_str(), "10");
    }
}
