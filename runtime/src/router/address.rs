//! Defines [`Address`]: where a route listens, `[verb ]path` or `[verb ]r|regex|names`, as written
//! and as understood.
//!
//! Everything that can be wrong with an address is found here, at start-up: matching never fails
//! because of how an address is written.

use std::fmt;

use super::express;
use super::params::{Name, Params};
use super::path::View;
use super::pattern::{Pattern, PatternError};
use super::shape::{Shape, ShapeError};
use super::verbs::Verbs;

/// Where a route listens: `GET /users/:id`, `/*`, `POST r|^/x/(\d+)$|id`.
///
/// Printed as it was written, with the verb in capitals and the blanks tidied.
#[derive(Clone, Debug)]
pub struct Address {
    verbs: Verbs,
    has_verb: bool,
    path: String,
    shape: Shape,
}

/// What is wrong with an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing but blanks.
    #[error("empty address\nhint: `/*` is every path, `GET /` the root")]
    Empty,
    /// The first of two words is none of Sails' verbs.
    #[error(
        "unknown verb `{verb}` in address `{address}`\n\
         hint: verbs are all, get, head, put, post, delete, patch, options, trace, connect; \
         `all` reaches every other method"
    )]
    Verb {
        /// The word in the verb's place.
        verb: String,
        /// The whole address.
        address: String,
    },
    /// The path does not begin with a slash.
    #[error("path does not start with `/` in address: `{address}`")]
    NotAbsolute {
        /// The whole address.
        address: String,
    },
    /// A blank or a control character inside the path.
    #[error("blank in the path of an address: `{path}`\nhint: write a space as `%20`")]
    Whitespace {
        /// The path as written.
        path: String,
    },
    /// A character that means nothing in a path address.
    #[error(
        "`{found}` has no meaning in the path of an address: `{path}`\n\
         hint: write `r|regex|names` for a regular expression, or encode the character (`%..`)"
    )]
    Character {
        /// The path as written.
        path: String,
        /// The character.
        found: char,
    },
    /// A percent sign without two hex digits.
    #[error("invalid percent-encoding in address: `{path}`\nhint: write a percent sign as `%25`")]
    Encoding {
        /// The path as written.
        path: String,
    },
    /// Requests with such paths are answered 400 before any route is asked.
    #[error(
        "address can never match: `{path}`\n\
         hint: paths with dot segments, and with doubled, encoded or backward slashes where these \
         make a difference, are refused"
    )]
    NeverMatches {
        /// The path as written.
        path: String,
    },
    /// Sails' `E_ROUTE_WITH_LENGTH`.
    #[error("`/:length` is not allowed in address: `{address}`\nhint: consider `/:len`")]
    Length {
        /// The whole address.
        address: String,
    },
    /// A path address that does not add up, such as one with a parenthesis too few.
    #[error("cannot read address: `{path}`")]
    Syntax {
        /// The path as written.
        path: String,
        /// What the regex made of it says.
        #[source]
        cause: PatternError,
    },
    /// Groups that cannot be told apart from params.
    #[error(
        "cannot name the groups of address: `{path}`\n\
         hint: write `r|regex|names` for a regular expression"
    )]
    Groups {
        /// The path as written.
        path: String,
    },
    /// `r|regex` without the second bar.
    #[error("regex address without closing `|`: `{address}`\nhint: write `r|regex|name1,name2`")]
    Unclosed {
        /// The whole address.
        address: String,
    },
    /// The regex of an `r|regex|names` address does not parse.
    #[error("cannot read regex address: `{address}`")]
    Regex {
        /// The whole address.
        address: String,
        /// Where and why.
        #[source]
        cause: PatternError,
    },
    /// More names than the regex has groups.
    #[error("{names} names for {groups} groups in regex address: `{address}`")]
    Names {
        /// The whole address.
        address: String,
        /// How many names there are.
        names: usize,
        /// How many groups there are.
        groups: usize,
    },
}

impl AddressError {
    /// The code under which Sails knows this error, if it has one.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            AddressError::Length { .. } => Some("E_ROUTE_WITH_LENGTH"),
            _ => None,
        }
    }
}

impl Address {
    /// Reads an address: verbs in any case, blanks around and between as you like, `*` means `/*`.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (verbs, path) = split_verb(text)?;
        let has_verb = verbs != Verbs::Unspecified;
        let shape =
            if path.starts_with("r|") { parse_regex(path)? } else { parse_path(text, path)? };
        Ok(Address { verbs, has_verb, path: path.to_owned(), shape })
    }

    /// Which methods the address answers.
    pub fn verbs(&self) -> &Verbs {
        &self.verbs
    }

    /// The same address for targets that answer whatever comes, such as an upstream: without a verb
    /// it means all methods, OPTIONS included. A verb that was written stays.
    pub fn for_all_methods(mut self) -> Address {
        if !self.has_verb {
            self.verbs = Verbs::All;
        }
        self
    }

    /// The path part, as written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is an `r|regex|names` address.
    pub fn is_regex(&self) -> bool {
        matches!(self.shape, Shape::Regex { .. })
    }

    /// Whether the path part ends in a param, so that a file name would match it by accident. An
    /// address that asks for a dot there (`/:name.:format`) means file names.
    pub(super) fn ends_in_param(&self) -> bool {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        let Some((_, last)) = path.rsplit_once('/') else { return false };
        let own_text = last.split('(').next().unwrap_or(last);
        !self.is_regex() && last.contains(':') && !last.ends_with(':') && !own_text.contains('.')
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn matches(&self, view: &View) -> Result<Option<Params>, ShapeError> {
        self.shape.matches(view)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verbs {
            Verbs::All if self.has_verb => f.write_str("ALL ")?,
            Verbs::One(method) => write!(f, "{method} ")?,
            Verbs::All | Verbs::Unspecified => {}
        }
        f.write_str(&self.path)
    }
}

fn split_verb(text: &str) -> Result<(Verbs, &str), AddressError> {
    let begins_path = text.starts_with(['/', '*']) || text.starts_with("r|");
    match text.split_once(char::is_whitespace) {
        Some((verb, path)) if !begins_path => match Verbs::parse(verb) {
            Some(verbs) => Ok((verbs, path.trim_start())),
            None => Err(AddressError::Verb { verb: verb.to_owned(), address: text.to_owned() }),
        },
        _ => Ok((Verbs::Unspecified, text)),
    }
}

fn parse_path(address: &str, path: &str) -> Result<Shape, AddressError> {
    if path == "*" {
        return express::parse("/*");
    }
    if !path.starts_with('/') {
        return Err(AddressError::NotAbsolute { address: address.to_owned() });
    }
    if path.split('/').any(|segment| segment == ":length") {
        return Err(AddressError::Length { address: address.to_owned() });
    }
    express::parse(path)
}

/// Reads `r|regex|name1,name2`. As in Sails the last bar ends the regex, which may hold bars
/// itself.
fn parse_regex(address: &str) -> Result<Shape, AddressError> {
    let rest = address.strip_prefix("r|").unwrap_or(address);
    let (regex, names) = rest
        .rsplit_once('|')
        .ok_or_else(|| AddressError::Unclosed { address: address.to_owned() })?;
    let pattern = Pattern::parse(regex)
        .map_err(|cause| AddressError::Regex { address: address.to_owned(), cause })?;
    let written: Vec<&str> = if names.trim().is_empty() {
        Vec::new()
    } else {
        names.split(',').map(str::trim).collect()
    };
    let groups: Vec<Option<&str>> = pattern.groups().collect();
    if written.len() > groups.len() {
        let (names, groups) = (written.len(), groups.len());
        return Err(AddressError::Names { address: address.to_owned(), names, groups });
    }
    let name_of = |(at, group): (usize, &Option<&str>)| {
        let written = written.get(at).copied().filter(|name| !name.is_empty());
        written.or(*group).map_or_else(|| Name::number(at), Name::new)
    };
    let names = groups.iter().enumerate().map(name_of).collect();
    Ok(Shape::Regex { pattern, names })
}
