//! Changes how a hook of an app runs that no server serves: writes what is said into `boathook.lock`, for the next
//! start.
//!
//! It is the way out where what was said keeps a server from starting. So only what the change itself makes wrong
//! is refused; what is wrong without it, too, is not its to mend, and is told of. Nothing runs here: whether the
//! hook lifts with it the next start tells, or `boathook check`.

use std::sync::Arc;

use crate::config::{Config, LOCK_FILE, Origin, Override, Problem, Problems};
use crate::hook::find::find;
use crate::lift::{LiftError, prepare_on_trial};
use crate::sandbox::Compiler;

use super::records::{Records, Tried};
use super::{Change, DeployError, is_among, is_disabled, is_known};

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// What is said of the hook now.
    pub said: Override,
    /// Whether it is disabled.
    pub is_disabled: bool,
    /// What still keeps the app from being lifted.
    pub left: Problems,
}

/// Says this of a hook. `config` and `problems` are the app's, as [`crate::config::survey`] has them.
///
/// # Errors
/// What the change makes wrong, and what cannot be written. Nothing is changed then.
pub fn change_stopped(
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
    hook: &str,
    change: &Change,
) -> Result<Written, DeployError> {
    let mut records = Records::of(&config.dir);
    let tried = Tried {
        action: change.name(),
        hook: hook.to_owned(),
        limits: change.limits(),
        ..Tried::default()
    };
    let written = check(config, problems, compiler, hook, change).and_then(|(config, mut left)| {
        left.name_remedies();
        records.put_overrides(config.overrides.clone()).map_err(DeployError::Disk)?;
        let said = config.overrides.get(hook).cloned().unwrap_or_default();
        let is_configured = config.is_configured_to_run(hook);
        let is_disabled = !said.enabled.unwrap_or(is_configured);
        Ok(Written { said, is_disabled, left })
    });
    records.note(&tried, written.as_ref().err().map(ToString::to_string).as_deref());
    written
}

/// The configuration with the change in it, and what was wrong before and still is.
fn check(
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
    hook: &str,
    change: &Change,
) -> Result<(Config, Problems), DeployError> {
    // What a file that makes no sense says would be lost.
    let is_in_lock = |problem: &&Problem| matches!(&problem.origin, Some(Origin::File { file, .. }) if **file == *LOCK_FILE);
    if let Some(problem) = problems.0.iter().find(is_in_lock) {
        return Err(refused(problem.clone().into()));
    }
    let mut known = config.clone();
    let (hooks, _) = find(&mut known);
    let found = hooks.found.iter().map(|found| &*found.name);
    let names: Vec<&str> = found.chain(hooks.disabled.iter().map(String::as_str)).collect();
    is_known(hook, change, &names, &config.overrides).map_err(DeployError::NoHook)?;
    if matches!(change, Change::Limit(_)) && is_among(hook, &hooks.disabled) {
        return Err(refused(is_disabled(hook).into()));
    }
    let overrides = change.apply(hook, &known);
    let changed = Config { overrides, ..config.clone() };
    let after = wrong(changed.clone(), problems.clone(), compiler)?;
    if after.0.is_empty() {
        return Ok((changed, after));
    }
    let before = wrong(config, problems, compiler)?;
    let is_new = |problem: &&Problem| !before.0.contains(problem);
    let new: Vec<Problem> = after.0.iter().filter(is_new).cloned().collect();
    if new.is_empty() { Ok((changed, after)) } else { Err(refused(Problems(new))) }
}

/// All that keeps the app from being lifted, before anything of it runs.
fn wrong(
    config: Config,
    problems: Problems,
    compiler: &Arc<Compiler>,
) -> Result<Problems, DeployError> {
    match prepare_on_trial(config, problems, compiler) {
        Ok(_) => Ok(Problems::default()),
        Err(LiftError::Problems(problems)) => Ok(problems),
        Err(error) => Err(error.into()),
    }
}

fn refused(problems: Problems) -> DeployError {
    DeployError::Lift(problems.into())
}
