//! Defines what is wrong with a configuration, where it stands, and where a value came from.
//!
//! Every mistake is a [`Problem`]; they are gathered into [`Problems`] so that one run reports all
//! of them. Nothing here prints: `Display` is the text, who shows it is the caller's matter.

use std::fmt;
use std::sync::Arc;

use super::overrides::{DISABLED, ENABLED, LOCK_FILE};

/// Where a configured value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Boathook's own default: nobody said anything.
    Default,
    /// A hook's `defaults`, constant or computed.
    HookDefaults {
        /// The hook's name.
        hook: String,
    },
    /// A hook's `config.set` in its `configure`.
    HookConfigure {
        /// The hook's name.
        hook: String,
    },
    /// A line of a configuration file or manifest.
    File {
        /// The file as the operator would name it, such as `boathook.toml`.
        file: Arc<str>,
        /// The line, counted from 1; 0 means the file as a whole.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// The variable's whole name, as it was spelled.
        variable: String,
    },
    /// What was said while the server ran, and lies in its lock file.
    Lock {
        /// The command that says it.
        command: &'static str,
        /// The hook of which it is said.
        hook: Arc<str>,
    },
    /// The command line.
    CommandLine {
        /// The flag: `--set`, or a dedicated one such as `--listen`.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::HookDefaults { hook } => write!(f, "defaults of hook `{hook}`"),
            Self::HookConfigure { hook } => write!(f, "configure of hook `{hook}`"),
            Self::File { file, line: 0 } => f.write_str(file),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Lock { command, .. } => write!(f, "{LOCK_FILE}, by `{command}`"),
            Self::CommandLine { flag } => f.write_str(flag),
        }
    }
}

impl Origin {
    /// The command that takes it back, if one does.
    fn taken_back_by(&self) -> Option<String> {
        let Self::Lock { command, hook } = self else { return None };
        Some(match *command {
            DISABLED => format!("{ENABLED} {hook}"),
            ENABLED => format!("{DISABLED} {hook}"),
            limited => format!("{limited} {hook} --reset"),
        })
    }
}

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// What is wrong, with the key and what was found.
    pub message: String,
    /// Where it stands, if it stands anywhere.
    pub origin: Option<Origin>,
    /// The remedy, if one is known.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of one line. Keys in it may come from a component that nobody trusts, so line breaks
    /// and terminal escapes are made visible.
    pub(super) fn new(message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.contains(char::is_control) {
            let shown = |c: char| match c.is_control() {
                true => c.escape_default().to_string(),
                false => c.to_string(),
            };
            message = message.chars().map(shown).collect();
        }
        Self { message, origin: None, hint: None }
    }

    pub(super) fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, by its place. Never empty inside an `Err`.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Problems(
    /// The problems themselves.
    pub Vec<Problem>,
);

impl Problems {
    /// Turns "nothing was found" into `Ok`, and sorts what was found.
    pub(super) fn or<T>(mut self, good: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(good);
        }
        self.sort();
        Err(self)
    }

    /// Sorts by place: people mend files from top to bottom. What has no place comes last.
    pub fn sort(&mut self) {
        let place = |problem: &Problem| (problem.origin.is_none(), problem.origin.clone());
        self.0.sort_by_key(place);
    }

    /// Adds to the hint of each problem that was said while the server ran which command takes that back.
    pub fn name_remedies(&mut self) {
        for problem in &mut self.0 {
            let Some(command) = problem.origin.as_ref().and_then(Origin::taken_back_by) else {
                continue;
            };
            problem.hint = Some(match problem.hint.take() {
                Some(hint) => format!("{hint}; or take it back: `{command}`"),
                None => format!("take it back: `{command}`"),
            });
        }
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The known word nearest to a wrong one, as a hint; none if nothing is near enough to be meant.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let plain = |word: &str| -> String {
        word.chars().filter(|c| *c != '-' && *c != '_').flat_map(char::to_lowercase).collect()
    };
    // A third of the letters may differ: `lisen` is `listen`, but `max` is not `min`.
    let reach = (wrong.chars().count() / 3).max(1);
    let wrong_plain = plain(wrong);
    known
        .into_iter()
        .filter_map(|word| {
            let distance = if plain(word) == wrong_plain {
                0
            } else {
                strsim::osa_distance(wrong, word).max(1)
            };
            (distance <= reach && word.chars().count() > distance).then_some((distance, word))
        })
        .min()
        .map(|(_, word)| format!("did you mean `{word}`?"))
}
