//! Defines the languages that `new` and `bindings` know, and where each one's files are.

use std::fmt;

use super::embedded::{SDKS, Sdk};

/// A language that hooks are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    JavaScript,
    /// JavaScript with types.
    TypeScript,
    /// Python.
    Python,
    /// C.
    C,
    /// Go.
    Go,
}

impl Language {
    const ALL: [Self; 6] =
        [Self::Rust, Self::JavaScript, Self::TypeScript, Self::Python, Self::C, Self::Go];

    /// The languages that this program has files for.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|language| language.sdk().is_some())
    }

    /// The language that is typed like this.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|language| language.name() == name)
    }

    /// How it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// What a new hook begins with, in its SDK's folder.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::TypeScript => "template-ts",
            _ => "template",
        }
    }

    /// Its SDK, if this program has one with a template for it.
    pub(super) fn sdk(self) -> Option<&'static Sdk> {
        let folder = match self {
            Self::TypeScript => Self::JavaScript.name(),
            other => other.name(),
        };
        let sdk = SDKS.iter().find(|sdk| sdk.folder == folder)?;
        (!sdk.template(self.template()).is_empty()).then_some(sdk)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_that_is_offered_is_found_by_its_name() {
        assert!(Language::available().any(|language| language == Language::Rust));
        for language in Language::available() {
            assert_eq!(Language::named(&language.to_string()), Some(language));
        }
        assert_eq!(Language::named("cobol"), None);
    }
}
