//! Defines [`Pattern`]: a regular expression that cannot run for ever.
//!
//! Used for `r|regex|names` addresses, for the odd forms of path addresses and for skip patterns.
//! Look-ahead is supported, because hooks in the wild need it (inertia-sails); it is what makes a
//! backtracking engine necessary, and with it a bound on steps and on the text.

use fancy_regex::{Captures, Regex, RegexBuilder};

/// How often one match may step back.
///
/// The costliest pattern known from real hooks (inertia-sails: one look-ahead for each character)
/// steps back once a character, so this lets it through every path of [`PATH_BYTES_MAX`]. A step
/// may look at all the rest of the text, so the two together bound the work of one match: about
/// 20 ms for the worst pattern on the worst path.
const BACKTRACKS_MAX: usize = 5_000;

/// The longest path that is held against a regex address.
const PATH_BYTES_MAX: usize = 4 * 1024;

/// The longest path and query that are held against a skip pattern: what nginx takes by default as
/// a whole request line, since queries are long where logins are handed over in them.
const URL_BYTES_MAX: usize = 8 * 1024;

/// A regular expression with look-ahead and a bound on its work.
///
/// Made once at start-up, used for every request that gets as far as its binding.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

/// A text that is no regular expression; the cause says where and why.
#[derive(Debug, thiserror::Error)]
#[error("invalid regex `{text}`")]
pub struct PatternError {
    text: String,
    #[source]
    cause: Box<fancy_regex::Error>,
}

/// Why a pattern could not be held against a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternLimit {
    Steps,
    Text,
}

impl Pattern {
    /// Reads a regular expression, as in JavaScript: it matches anywhere in the text unless it has
    /// anchors, and minds the case.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let regex = RegexBuilder::new(text).backtrack_limit(BACKTRACKS_MAX).build();
        match regex {
            Ok(regex) => Ok(Pattern { regex }),
            Err(cause) => Err(PatternError { text: text.to_owned(), cause: Box::new(cause) }),
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// How many groups it captures, and their own names (`(?<name>..)`), the whole match left out.
    pub(super) fn groups(&self) -> impl Iterator<Item = Option<&str>> {
        self.regex.capture_names().skip(1)
    }

    /// Whether a path with its query matches.
    pub(super) fn is_match(&self, url: &str) -> Result<bool, PatternLimit> {
        if url.len() > URL_BYTES_MAX {
            return Err(PatternLimit::Text);
        }
        self.regex.is_match(url).map_err(|_| PatternLimit::Steps)
    }

    /// The groups if a path matches.
    pub(super) fn captures<'t>(
        &self,
        path: &'t str,
    ) -> Result<Option<Captures<'t, str>>, PatternLimit> {
        if path.len() > PATH_BYTES_MAX {
            return Err(PatternLimit::Text);
        }
        self.regex.captures(path).map_err(|_| PatternLimit::Steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    /// The route of inertia-sails, see `reference/sails-behaviour.md` section 0.10.
    const INERTIA: &str = r"^((?![^?]*\/[^?\/]+\.[^?\/]+(\?.*)?).)*$";

    #[test]
    fn look_ahead_is_supported() {
        let pattern = Pattern::parse(INERTIA).unwrap();
        assert_eq!(pattern.is_match("/users/7"), Ok(true));
        assert_eq!(pattern.is_match("/a/b.css"), Ok(false));
    }

    #[test]
    fn the_longest_path_still_passes_the_costliest_known_pattern() {
        let pattern = Pattern::parse(INERTIA).unwrap();
        let just_inside = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
        assert!(pattern.captures(&just_inside).unwrap().is_some());
    }

    #[test]
    fn longer_texts_are_refused_and_not_silently_unmatched() {
        let pattern = Pattern::parse("^/a").unwrap();
        let text = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert!(pattern.captures(&text(PATH_BYTES_MAX)).unwrap().is_some());
        let just_outside = text(PATH_BYTES_MAX + 1);
        assert_eq!(pattern.captures(&just_outside).unwrap_err(), PatternLimit::Text);
        assert_eq!(pattern.is_match(&text(URL_BYTES_MAX)), Ok(true));
        assert_eq!(pattern.is_match(&text(URL_BYTES_MAX + 1)), Err(PatternLimit::Text));
    }

    #[test]
    fn a_catastrophic_pattern_runs_out_of_steps() {
        for text in [r"^((?!x)a+)+$", r"^((?!.*x).)*y$", r"^(a|a)*\1b$"] {
            let pattern = Pattern::parse(text).unwrap();
            let found = pattern.is_match(&format!("{}!", "a".repeat(8_000)));
            assert_eq!(found, Err(PatternLimit::Steps), "{text}");
        }
    }

    #[test]
    fn nested_repetition_without_look_around_is_linear_anyhow() {
        let pattern = Pattern::parse(r"^/(a+)+$").unwrap();
        assert_eq!(pattern.is_match(&format!("/{}!", "a".repeat(8_000))), Ok(false));
    }

    #[test]
    fn what_is_no_regex_is_an_error_with_its_cause() {
        let error = Pattern::parse("(").unwrap_err();
        assert_eq!(error.to_string(), "invalid regex `(`");
        assert!(error.source().is_some());
    }
}
