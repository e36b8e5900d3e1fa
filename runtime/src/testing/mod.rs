//! Runs a hook against cases, in this process: no server, no socket, and the very way that requests go in a server.
//!
//! A [`Case`] says what a hook finds and what it is asked; [`Case::run`] says what came of it. `boathook test` does
//! that with files of cases, which are read by [`crate::config::cases`]; here is what the tests of a project in
//! Rust use:
//!
//! ```no_run
//! use boathook::testing::{Case, Hook, Outcome};
//!
//! let hook = Hook::open("target/wasm32-wasip2/release/hook.wasm")?;
//! let seen = Case::get("/hello").header("accept", "text/plain").config("greeting", "Ahoy").run(&hook)?;
//! assert_eq!((seen.status, seen.text().as_str()), (200, "Ahoy!"));
//! assert_eq!(seen.outcome, Outcome::Respond);
//! # Ok::<(), boathook::testing::TestError>(())
//! ```
//!
//! Each case has a world of its own: clocks that stand still, randomness from a seed, an empty store, other servers
//! that the case makes up. So it comes to the same each time, whatever ran before it.
//!
//! In order: [`case`](mod@case) defines what is put in, `hook` the component, `world` what stands in the place of
//! the machine, `run` runs it all, [`seen`] is what came of it, [`expect`] holds that against what was to come;
//! [`suite`] is a folder of cases, and [`report`], `junit` tell what became of them.

pub mod case;
pub mod expect;
pub mod seen;

mod hook;
mod run;
mod world;

pub mod report;
pub mod suite;

mod junit;

pub use case::{Act, Answer, Case, Content, Mock, Request, Step};
pub use expect::{Expect, Mismatch, Snapshots};
pub use hook::Hook;
pub use junit::junit;
pub use seen::{Outcome, Seen};

use std::io;

use self::run::Kept;
use crate::config::Problems;
use crate::lift::LiftError;

/// Why a case could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// There is no component, or its manifest is wrong.
    #[error("{}", lines(.0))]
    Component(Problems),
    /// The hook could not be lifted.
    #[error(transparent)]
    Lift(#[from] LiftError),
    /// The case is wrong.
    #[error("{0}")]
    Case(String),
    /// The machine has no folder or no threads for it.
    #[error("the machine has no place for a test: {0}")]
    Folder(io::Error),
}

fn lines(problems: &Problems) -> String {
    problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// What came of each step; of one that is repeated, of each time.
    pub seen: Vec<Seen>,
    /// What is wrong with the case as a whole, in words: other servers that were not asked as often as they must
    /// be, and what failed after the last step.
    pub amiss: Vec<String>,
}

impl Case {
    /// Runs the case, and gives what came of its last step. It blocks, so a task must not call it.
    ///
    /// # Errors
    /// If the hook cannot be lifted, or the case has no steps. What hooks do wrong in a step is no error:
    /// [`Seen::failure`] has it.
    pub fn run(&self, hook: &Hook) -> Result<Seen, TestError> {
        let last = self.run_all(hook)?.seen.pop();
        last.ok_or_else(|| TestError::Case("the case has no steps".into()))
    }

    /// Runs the case, and gives what came of all its steps.
    ///
    /// # Errors
    /// If the hook cannot be lifted.
    pub fn run_all(&self, hook: &Hook) -> Result<Ran, TestError> {
        let mut seen = Vec::new();
        let amiss = run::run(self, hook, Kept::All, &mut |_, step| seen.push(step))?;
        Ok(Ran { seen, amiss })
    }
}
