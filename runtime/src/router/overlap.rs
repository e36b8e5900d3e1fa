//! Compares the paths of two addresses: do they have any in common, does one have all of the
//! other's?
//!
//! For advice only (see `cover`), never for matching. It walks both addresses segment by segment;
//! of forms that only a regex understands it knows no more than how they begin, and says that they
//! overlap.

use super::address::Address;
use super::path::Path;
use super::shape::{Segment, Segments, Shape, Tail};

/// How the paths of one address lie to those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// No path matches both, as far as can be told.
    Apart,
    /// Some may.
    Overlaps,
    /// All that match the other match this one.
    Covers,
}

/// What an address says about the n-th segment of a path.
enum Step<'a> {
    Static(&'a str),
    One,
    /// One or none.
    Optional,
    /// This and all that follow; the text begins so.
    Rest(&'a str),
    End,
    Unknown,
}

/// How the paths of `guard` lie to those of `target`, as far as the two addresses tell.
pub(super) fn relation(guard: &Address, target: &Address) -> Relation {
    if same_path(guard, target) {
        return Relation::Covers;
    }
    if guard.is_regex() || target.is_regex() {
        return relation_of_regex(guard, target);
    }
    let mut covers = true;
    for at in 0.. {
        match (step(guard, at), step(target, at)) {
            (Step::Unknown, _) | (_, Step::Unknown) => return Relation::Overlaps,
            (Step::Static(a), Step::Static(b)) if a.eq_ignore_ascii_case(b) => {}
            (Step::One, Step::Static(_) | Step::One) => {}
            (Step::Optional, Step::Static(_) | Step::One) => {}
            (Step::Static(_) | Step::One, Step::Optional) => covers = false,
            (Step::Static(_), Step::One) => covers = false,
            (Step::End, Step::End) => return covers_or_overlaps(covers),
            (Step::Optional, Step::End | Step::Optional) => return covers_or_overlaps(covers),
            // The root is the one path that `/*` matches without a segment for it.
            (Step::Rest(""), Step::End) if at == 0 => return covers_or_overlaps(covers),
            (Step::End, Step::Rest("")) if at == 0 => return Relation::Overlaps,
            (Step::Rest(a), Step::Static(b) | Step::Rest(b)) if begins(b, a) => {
                return covers_or_overlaps(covers);
            }
            (Step::Static(a) | Step::Rest(a), Step::Rest(b)) if begins(a, b) => {
                return Relation::Overlaps;
            }
            (Step::Rest(""), Step::One) => return covers_or_overlaps(covers),
            (Step::Rest(_), Step::One | Step::Optional) => return Relation::Overlaps,
            (Step::One | Step::Optional, Step::Rest(_)) => return Relation::Overlaps,
            (Step::End, Step::Optional) => return Relation::Overlaps,
            (Step::Static(_) | Step::Rest(_), Step::Static(_) | Step::Rest(_))
            | (Step::Static(_) | Step::One | Step::Rest(_), Step::End)
            | (Step::End, Step::Static(_) | Step::One | Step::Rest(_)) => return Relation::Apart,
        }
    }
    Relation::Overlaps
}

fn covers_or_overlaps(covers: bool) -> Relation {
    if covers { Relation::Covers } else { Relation::Overlaps }
}

fn relation_of_regex(guard: &Address, target: &Address) -> Relation {
    let (regex, other) = if guard.is_regex() { (guard, target) } else { (target, guard) };
    let matches = example(other)
        .and_then(|path| Path::parse(&path).ok())
        .and_then(|path| regex.matches(path.view()).ok());
    if matches.flatten().is_some() { Relation::Overlaps } else { Relation::Apart }
}

fn step(address: &Address, at: usize) -> Step<'_> {
    match address.shape() {
        Shape::Segments(Segments { segments, tail, .. }) => match (segments.get(at), tail) {
            (Some(Segment::Static(text)), _) => Step::Static(text),
            (Some(Segment::Param), _) => Step::One,
            (None, Tail::Rest { prefix }) => Step::Rest(prefix),
            (None, Tail::OptionalParam) if at == segments.len() => Step::Optional,
            (None, _) => Step::End,
        },
        Shape::Odd { statics, .. } => {
            statics.get(at).map_or(Step::Unknown, |text| Step::Static(text))
        }
        Shape::Regex { .. } => Step::Unknown,
    }
}

/// A path that the address matches. `None` if there is no telling.
fn example(address: &Address) -> Option<String> {
    let mut path = String::new();
    for at in 0.. {
        match step(address, at) {
            Step::Static(text) => path.extend(["/", text]),
            Step::One => path.push_str("/x"),
            Step::Rest(prefix) => {
                path.extend(["/", prefix, "x"]);
                break;
            }
            Step::Optional | Step::End => break,
            Step::Unknown => return None,
        }
    }
    Some(if path.is_empty() { "/".to_owned() } else { path })
}

/// Whether two addresses are on the very same path, whatever their verbs.
pub(super) fn same_path(one: &Address, other: &Address) -> bool {
    if one.is_regex() || other.is_regex() {
        return one.path() == other.path();
    }
    one.path().trim_end_matches('/').eq_ignore_ascii_case(other.path().trim_end_matches('/'))
}

fn begins(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|lead| lead.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn relations_of_addresses() {
        use Relation::{Apart, Covers, Overlaps};
        for (guard, target, expected) in [
            ("/a", "/A/", Covers),
            ("/a", "/b", Apart),
            ("/a", "/a/b", Apart),
            ("/a/b", "/a", Apart),
            ("/:x", "/a", Covers),
            ("/a", "/:x", Overlaps),
            ("/:x", "/a/b", Apart),
            ("/*", "/a/b", Covers),
            ("/*", "/", Covers),
            ("/", "/*", Overlaps),
            ("/a/*", "/a", Apart),
            ("/a/*", "/*", Overlaps),
            ("/a/*", "/a/:x", Covers),
            ("/a/:x", "/a/*", Overlaps),
            ("/a/*", "/a/b/*", Covers),
            ("/a*", "/abc/*", Covers),
            ("/abc/*", "/a*", Overlaps),
            ("/a*", "/b*", Apart),
            ("/a*", "/:x", Overlaps),
            ("/a/:x?", "/a", Covers),
            ("/a", "/a/:x?", Overlaps),
            ("/a/:x?", "/a/b", Covers),
            ("/a/:x?", "/a/b/c", Apart),
            ("/a/:x-:y", "/a/*", Overlaps),
            ("/a/:x-:y", "/b/*", Apart),
        ] {
            assert_eq!(relation(&address(guard), &address(target)), expected, "{guard} {target}");
        }
    }

    #[test]
    fn examples_match_their_own_address() {
        for text in ["/", "/a/b", "/:x/b", "/a/*", "/*", "/a*", "/a/:x?"] {
            let path = Path::parse(&example(&address(text)).unwrap()).unwrap();
            assert!(address(text).matches(path.view()).unwrap().is_some(), "{text}");
        }
    }
}
