//! Matches the path part of one address against one path.
//!
//! Nearly all addresses are made of plain segments, whole `:param` segments and perhaps a `*` at
//! the end. Those are matched by hand, segment by segment, without a regex and without an
//! allocation; the rest is left to a [`Pattern`]. Which is which is decided in `express`.

use std::ops::Range;

use super::params::{Name, NotUtf8, Params, Span, Spans};
use super::path::View;
use super::pattern::{Pattern, PatternLimit};

/// The path part of an address, ready to match.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Segments(Segments),
    /// A path address that segments cannot express, such as `/a/:x-:y`. `statics` are the whole
    /// segments that every path which matches begins with.
    Odd {
        statics: Vec<Box<str>>,
        pattern: Pattern,
        names: Vec<Name>,
    },
    /// `r|regex|names`.
    Regex {
        pattern: Pattern,
        names: Vec<Name>,
    },
}

/// Segments and what may follow them. `names` are those of the params, in order, `tail` included.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    pub(super) segments: Vec<Segment>,
    pub(super) tail: Tail,
    pub(super) names: Vec<Name>,
}

#[derive(Clone, Debug)]
pub(super) enum Segment {
    Static(Box<str>),
    Param,
}

#[derive(Clone, Debug)]
pub(super) enum Tail {
    /// Nothing but an optional slash.
    End,
    /// `/:p?`
    OptionalParam,
    /// `/*`, or `/pre*` with a prefix.
    Rest { prefix: Box<str> },
}

/// Why a path could not be held against an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeError {
    NotUtf8,
    Limit(PatternLimit),
}

impl Shape {
    /// The params if the path matches.
    pub(super) fn matches(&self, view: &View) -> Result<Option<Params>, ShapeError> {
        let (text, names, spans) = match self {
            Shape::Segments(segments) => {
                (view.plain(), &segments.names, segments.matches(view.plain()))
            }
            Shape::Odd { pattern, names, .. } => {
                (view.plain(), names, groups(pattern, view.plain())?)
            }
            Shape::Regex { pattern, names } => (view.text(), names, groups(pattern, view.text())?),
        };
        let Some(spans) = spans else { return Ok(None) };
        Ok(Some(Params::collect(text, names, &spans)?))
    }

    /// The whole segments that a path must begin with, and whether it must end there too.
    pub(super) fn statics(&self) -> (Vec<&str>, bool) {
        match self {
            Shape::Segments(Segments { segments, tail, .. }) => {
                let statics: Vec<_> = segments.iter().map_while(Segment::as_static).collect();
                let whole = statics.len() == segments.len() && matches!(tail, Tail::End);
                (statics, whole)
            }
            Shape::Odd { statics, .. } => (statics.iter().map(|text| &**text).collect(), false),
            Shape::Regex { .. } => (Vec::new(), false),
        }
    }
}

impl Segments {
    /// Where the params stand, if the path matches: the segments, then the tail, then nothing or
    /// one slash.
    fn matches(&self, path: &str) -> Option<Spans> {
        let mut spans = Spans::new();
        let mut at = 0;
        for segment in &self.segments {
            let span = segment_at(path, at)?;
            match segment {
                Segment::Static(text) if path[span.clone()].eq_ignore_ascii_case(text) => {}
                Segment::Param if !span.is_empty() => spans.push(Span::new(span.clone())),
                _ => return None,
            }
            at = span.end;
        }
        match &self.tail {
            Tail::Rest { prefix } => {
                let start = at + 1 + prefix.len();
                let lead = path.get(at..start)?.strip_prefix('/')?;
                spans.push(Span::new(start..path.len()));
                return lead.eq_ignore_ascii_case(prefix).then_some(spans);
            }
            Tail::OptionalParam => match segment_at(path, at) {
                Some(span) if !span.is_empty() => {
                    at = span.end;
                    spans.push(Span::new(span));
                }
                _ => spans.push(Span::ABSENT),
            },
            Tail::End => {}
        }
        matches!(&path[at..], "" | "/").then_some(spans)
    }
}

impl Segment {
    fn as_static(&self) -> Option<&str> {
        match self {
            Segment::Static(text) => Some(text),
            Segment::Param => None,
        }
    }
}

/// The segment behind the slash at `at`; `None` if there is no slash.
pub(super) fn segment_at(path: &str, at: usize) -> Option<Range<usize>> {
    let rest = path.as_bytes().get(at..)?.strip_prefix(b"/")?;
    let length = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    Some(at + 1..at + 1 + length)
}

/// Where the groups of a pattern stand, if it matches.
fn groups(pattern: &Pattern, text: &str) -> Result<Option<Spans>, PatternLimit> {
    let Some(captures) = pattern.captures(text)? else { return Ok(None) };
    let span = |group: Option<fancy_regex::Match<'_>>| {
        group.map_or(Span::ABSENT, |group| Span::new(group.range()))
    };
    Ok(Some(captures.iter().skip(1).map(span).collect()))
}

impl From<NotUtf8> for ShapeError {
    fn from(_: NotUtf8) -> ShapeError {
        ShapeError::NotUtf8
    }
}

impl From<PatternLimit> for ShapeError {
    fn from(limit: PatternLimit) -> ShapeError {
        ShapeError::Limit(limit)
    }
}
