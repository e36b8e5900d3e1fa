//! Runs the subjects of a group in turn, round by round: A B C, A B C. What disturbs the machine for a
//! while disturbs all of them, and a ratio is taken within a round.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::app::Places;
use crate::cases::{Group, Lifted, Subject};
use crate::load::Outcome;
use crate::probe;
use crate::process::Cores;
use crate::report::say;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many times each subject has its turn.
    pub(crate) rounds: usize,
    /// How long a turn is.
    pub(crate) turn: Duration,
    /// How long each server is under load before the first round.
    pub(crate) warm_up: Duration,
}

/// One turn of one subject.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) outcome: Outcome,
    /// Microseconds of the server's processor time for each request.
    pub(crate) cpu_micros: f64,
    /// Cores that the server used. Below 1, on its one core, something else held it up.
    pub(crate) server_cores: f64,
}

/// What came of a subject.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    /// Its turns, one a round; or why there are none.
    pub(crate) turns: Result<Vec<Turn>, String>,
    /// The most memory that the server had resident, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs all rounds of a group. A subject that fails becomes a case that says so, and the others go on.
///
/// # Errors
/// If files cannot be written.
pub(crate) fn run(group: &Group, places: &Places, plan: Plan) -> Result<Vec<Case>> {
    say(&format!("\n{}: {} subjects, {} rounds", group.name, group.subjects.len(), plan.rounds));
    let work = places.work().join(group.name);
    std::fs::create_dir_all(&work)?;
    let mut running: Vec<Result<(Lifted, Vec<Turn>), String>> = group
        .subjects
        .iter()
        .map(|subject| {
            let lifted = lift(subject, places, plan).map_err(|error| format!("{error:#}"));
            match &lifted {
                Ok(_) => say(&format!("  {} is warm", subject.name)),
                Err(error) => say(&format!("  {}: left out: {error}", subject.name)),
            }
            lifted.map(|lifted| (lifted, Vec::new()))
        })
        .collect();
    for round in 1..=plan.rounds {
        for (subject, state) in group.subjects.iter().zip(&mut running) {
            let Ok((lifted, turns)) = state else { continue };
            match turn(subject, lifted, places, plan.turn) {
                Ok(turn) => {
                    say(&format!("  round {round}: {}: {:.1} µs", subject.name, turn.cpu_micros));
                    turns.push(turn);
                }
                Err(error) => {
                    say(&format!("  round {round}: {}: {error:#}", subject.name));
                    *state = Err(format!("{error:#}"));
                }
            }
        }
    }
    let case = |(subject, state): (&Subject, Result<(Lifted, Vec<Turn>), String>)| {
        let (peak_kib, turns) = match state {
            Ok((lifted, turns)) => (lifted.server.peak_kib(), Ok(turns)),
            Err(error) => (0, Err(error)),
        };
        Case { group: group.name, name: subject.name, turns, peak_kib }
    };
    Ok(group.subjects.iter().zip(running).map(case).collect())
}

/// Starts a subject's server, looks at its answer, and warms it up.
fn lift(subject: &Subject, places: &Places, plan: Plan) -> Result<Lifted> {
    let dir = places.work().join(subject.name);
    std::fs::create_dir_all(&dir)?;
    let lifted = subject.serves.lift(places, &dir)?;
    // Twice: the second answer of a hook in mode `fresh` is the first that needs its snapshot.
    for _ in 0..2 {
        probe::check(lifted.server.address, &subject.load, subject.decorated)?;
    }
    let log = (places.work(), format!("{}-warm", subject.name));
    let log = (log.0.as_path(), log.1.as_str());
    subject.load.start(lifted.server.address, plan.warm_up, Cores::Second, log)?.end()?;
    Ok(lifted)
}

/// One turn.
fn turn(subject: &Subject, lifted: &mut Lifted, places: &Places, time: Duration) -> Result<Turn> {
    let work = places.work();
    let server = &mut lifted.server;
    let before = server.cpu();
    let load = subject.load.start(server.address, time, Cores::Second, (&work, subject.name))?;
    let outcome = load.end()?;
    let cpu = server.cpu().saturating_sub(before);
    if !server.is_running()? {
        bail!("the server ended");
    }
    let requests = outcome.requests + outcome.failed;
    (outcome.failed == 0).then_some(()).with_context(|| format!("{} failed", outcome.failed))?;
    Ok(Turn {
        cpu_micros: cpu.as_secs_f64() * 1e6 / requests as f64,
        server_cores: cpu.as_secs_f64() / time.as_secs_f64(),
        outcome,
    })
}
