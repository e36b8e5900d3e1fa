//! Translates the odd forms of path addresses into regexes, as path-to-regexp 0.1.13 does.
//!
//! Odd is what whole segments cannot express: `/a/:x-:y`, `/:n(\d+)`, `/a/*/b`, `/ab?cd`. The text
//! is canonical already (see `express`).

use super::address::AddressError as Error;
use super::express::{is_word, literal};
use super::params::Name;
use super::pattern::Pattern;
use super::shape::Shape;

/// Every other form: the regex that path-to-regexp would make of it.
pub(super) fn odd(path: &str, canonical: &str) -> Result<Shape, Error> {
    let translation = Translation::of(canonical);
    let end = if canonical.ends_with('/') { "?$" } else { "/?$" };
    // Paths are ASCII, so that this is the `i` of JavaScript and not more.
    let source = format!("(?i)^{}{end}", translation.regex);
    let pattern =
        Pattern::parse(&source).map_err(|cause| Error::Syntax { path: path.to_owned(), cause })?;
    let names = translation.names();
    if names.len() != pattern.groups().count() {
        return Err(Error::Groups { path: path.to_owned() });
    }
    Ok(Shape::Odd { statics: leading_statics(canonical), pattern, names })
}

/// The segments in front of the first special one. The slash behind the last of them must be a
/// whole one: `/a/?b` need not have it.
fn leading_statics(canonical: &str) -> Vec<Box<str>> {
    let mut statics = Vec::new();
    let mut parts = canonical.split('/').skip(1).peekable();
    while let (Some(part), Some(next)) = (parts.next(), parts.peek()) {
        match literal(part) {
            Some(text) if !next.starts_with(['?', '+']) => statics.push(text.into()),
            _ => break,
        }
    }
    statics
}

/// path-to-regexp's replacements, in one pass over the address.
#[derive(Default)]
struct Translation {
    regex: String,
    /// Where in `regex` the group of each named param begins.
    params: Vec<(usize, String)>,
    /// What stands between the param before and the next one, as a regex: a param does not run
    /// over it.
    between: String,
}

impl Translation {
    fn of(canonical: &str) -> Translation {
        let mut this = Translation::default();
        let mut rest = canonical;
        while let Some(letter) = rest.chars().next() {
            let length = match Placeholder::at(rest) {
                Some(placeholder) => {
                    this.push_placeholder(&placeholder);
                    placeholder.length
                }
                None => this.push_other(rest, letter),
            };
            rest = &rest[length..];
        }
        this
    }

    fn push_other(&mut self, rest: &str, letter: char) -> usize {
        let (source, length) = match letter {
            '\\' => (&rest[..2], 2),
            '.' => (r"\.", 1),
            '*' => ("(.*)", 1),
            '/' if rest.starts_with("/(") => ("/(?:", 2),
            letter => (&rest[..letter.len_utf8()], letter.len_utf8()),
        };
        self.regex.push_str(source);
        match letter {
            '*' => self.between.clear(),
            _ => self.between.push_str(&rest[..length].replace('.', r"\.")),
        }
        length
    }

    fn push_placeholder(&mut self, placeholder: &Placeholder<'_>) {
        let Placeholder { slash, dot, name, capture, star, optional, .. } = *placeholder;
        if slash || dot {
            self.between.clear();
        }
        self.regex.push_str("(?:");
        self.regex.push_str(if dot { r"\." } else { "" });
        self.regex.push_str(if slash { "/" } else { "" });
        self.params.push((self.regex.len(), name.to_owned()));
        match capture {
            Some(capture) => self.regex.push_str(&capture.replacen('*', "(.*)", 1)),
            None => self.regex.push_str(&default_capture(dot, &self.between)),
        }
        if star {
            self.regex.push_str(if dot { r"((?:[/\.].+?)?)" } else { "((?:[/].+?)?)" });
        }
        self.regex.push_str(if optional { ")?" } else { ")" });
        self.between.clear();
    }

    /// The names of all groups in order: those of params, numbers for the others.
    fn names(&self) -> Vec<Name> {
        let mut numbers = 0;
        let name_of = |start: usize| {
            if let Some((_, name)) = self.params.iter().find(|(at, _)| *at == start) {
                return Name::new(name);
            }
            numbers += 1;
            Name::number(numbers - 1)
        };
        group_starts(&self.regex).into_iter().map(name_of).collect()
    }
}

/// What a param matches when its address does not say.
fn default_capture(dot: bool, between: &str) -> String {
    // A slash ends a param anyhow, so what begins with one need not be excluded once more.
    // One character is excluded by a class: without look-ahead, matching stays linear.
    match between.as_bytes() {
        _ if dot => r"([^/\.]+?)".to_owned(),
        [] | [b'/', ..] => "([^/]+?)".to_owned(),
        [b'-'] => r"([^/\-]+?)".to_owned(),
        [letter] if is_word(char::from(*letter)) => format!("([^/{between}]+?)"),
        [b'\\', sign] if sign.is_ascii_punctuation() => format!("([^/{between}]+?)"),
        _ => format!("((?:(?!/|{between}).)+?)"),
    }
}

/// Where capturing groups begin.
fn group_starts(regex: &str) -> Vec<usize> {
    let bytes = regex.as_bytes();
    let mut starts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'\\', ..] => at += 1,
            [b'(', b'?', ..] => {}
            [b'(', ..] => starts.push(at),
            _ => {}
        }
        at += 1;
    }
    starts
}

/// `/.:name(capture)*?`, all but the name optional.
struct Placeholder<'a> {
    slash: bool,
    dot: bool,
    name: &'a str,
    capture: Option<&'a str>,
    star: bool,
    optional: bool,
    length: usize,
}

impl<'a> Placeholder<'a> {
    fn at(text: &'a str) -> Option<Placeholder<'a>> {
        let (slash, rest) = take(text, '/');
        let (dot, rest) = take(rest, '.');
        let rest = rest.strip_prefix(':')?;
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(length);
        if name.is_empty() {
            return None;
        }
        let capture = rest.strip_prefix('(').and_then(|inner| inner.find(')'));
        let (capture, rest) = match capture {
            Some(inner) => (Some(&rest[..inner + 2]), &rest[inner + 2..]),
            None => (None, rest),
        };
        let (star, rest) = take(rest, '*');
        let (optional, rest) = take(rest, '?');
        let length = text.len() - rest.len();
        Some(Placeholder { slash, dot, name, capture, star, optional, length })
    }
}

fn take(text: &str, letter: char) -> (bool, &str) {
    match text.strip_prefix(letter) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::express::parse;
    use super::*;

    fn odd_source(address: &str) -> String {
        let Shape::Odd { pattern, .. } = parse(address).unwrap() else { return "simple".into() };
        pattern.as_str().to_owned()
    }

    #[test]
    fn common_forms_need_no_regex() {
        for address in ["/", "/a", "/a/b/", "/:p", "/a/:p/b", "/:p?", "/a/*", "/a*", "/a.b", "/$x"]
        {
            assert_eq!(odd_source(address), "simple", "{address}");
        }
    }

    #[test]
    fn odd_forms_translate_as_in_path_to_regexp() {
        for (address, source) in [
            ("/a/:x-:y", r"/a(?:/([^/]+?))-(?:([^/\-]+?))"),
            ("/:a.:b", r"(?:/([^/]+?))(?:\.([^/\.]+?))"),
            ("/a/:p?/b", "/a(?:/([^/]+?))?/b"),
            (r"/u/:n(\d+)", r"/u(?:/(\d+))"),
            ("/a/*/b", "/a/(.*)/b"),
            ("/a/:p*", "/a(?:/([^/]+?)((?:[/].+?)?))"),
            ("/:a--:b", "(?:/([^/]+?))--(?:((?:(?!/|--).)+?))"),
            ("/x-:y", "/x-(?:([^/]+?))"),
            ("/(a|b)+", "/(?:a|b)+"),
        ] {
            assert_eq!(odd_source(address), format!("(?i)^{source}/?$"), "{address}");
        }
    }

    #[test]
    fn only_whole_segments_lead() {
        let leads = |address: &str| {
            let Shape::Odd { statics, .. } = parse(address).unwrap() else { return String::new() };
            statics.join(" ")
        };
        assert_eq!(leads("/a/b/:x-:y/c"), "a b");
        assert_eq!(leads("/a/b?"), "a");
        assert_eq!(leads("/a/?b"), "");
        assert_eq!(leads("/a/(b)?/c"), "a");
        assert_eq!(leads("/a/:p?/b"), "a");
    }
}
