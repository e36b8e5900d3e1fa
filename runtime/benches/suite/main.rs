//! The bench suite, `make bench`: the server beside its native twin and its peers, in one run.
//!
//! `bench-suite PROGRAMS BENCH [quick | soak SECONDS | PART...]`. PROGRAMS has `boathook` and `boathook-twin`; BENCH
//! has `hooks/`, what `scripts/bench` installed of the peers, and gets `results.json`. What is measured and
//! how stands in `runtime/benches/README.md`.
//!
//! It starts processes and asks them; it contains nothing of the server.

mod cases;
mod rounds;

mod neighbours;
mod single;
mod soak;
mod swaps;

mod app;
mod load;
mod peers;
mod probe;
mod process;

mod report;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::app::Places;
use crate::cases::{Bodies, Group};
use crate::report::{Report, say};
use crate::rounds::Plan;

/// The first three rows of the table, in less than two minutes.
const QUICK: Plan =
    Plan { rounds: 5, turn: Duration::from_secs(2), warm_up: Duration::from_millis(500) };
/// All of it.
const FULL: Plan =
    Plan { rounds: 5, turn: Duration::from_secs(4), warm_up: Duration::from_secs(1) };

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "bench-suite: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [programs, bench, what @ ..] = arguments.as_slice() else {
        bail!("usage: bench-suite PROGRAMS BENCH [quick | soak SECONDS | PART...]");
    };
    let places = Places { programs: absolute(programs)?, bench: absolute(bench)? };
    let work = places.work();
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(cores >= 2, "the suite needs two cores: one for the server, one for the load");
    match what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["quick"] => measure(&places, &cases::quick(), shortened(QUICK)?, &[])?,
        ["soak", seconds] => {
            let seconds = seconds.parse().with_context(|| format!("not seconds: `{seconds}`"))?;
            soak::run(&places, Duration::from_secs(seconds))?;
        }
        ref parts => full(&places, parts)?,
    }
    fs::remove_dir_all(&work)?;
    Ok(())
}

/// The plan with another number of rounds where `ROUNDS` says so: to see a part run, not to believe it.
fn shortened(plan: Plan) -> Result<Plan> {
    let Some(rounds) = std::env::var_os("ROUNDS").filter(|rounds| !rounds.is_empty()) else {
        return Ok(plan);
    };
    let rounds = rounds.to_str().and_then(|text| text.parse().ok()).filter(|rounds| *rounds > 0);
    Ok(Plan { rounds: rounds.context("`ROUNDS` is not a number from 1")?, ..plan })
}

fn absolute(path: &str) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("no folder `{path}`"))
}

/// What is no group: its name, and what measures it.
type Single = (&'static str, fn(&Places, &mut Report) -> Result<()>);

const SINGLES: [Single; 5] = [
    ("lift", single::lifts),
    ("idle", single::idle_hooks),
    ("cold", single::cold_start),
    ("neighbours", neighbours::run),
    ("swaps", swaps::run),
];

/// Everything but the soak, or the parts that are named.
fn full(places: &Places, parts: &[&str]) -> Result<()> {
    let bodies = bodies(&places.work())?;
    let (mut groups, mut singles) = (cases::all(&bodies), SINGLES.to_vec());
    let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
    let names = [names, singles.iter().map(|(name, _)| *name).collect()].concat();
    if let Some(unknown) = parts.iter().find(|part| !names.contains(part)) {
        bail!("no part `{unknown}` of the suite\nhint: it has {}", names.join(", "));
    }
    if !parts.is_empty() {
        groups.retain(|group| parts.contains(&group.name));
        singles.retain(|(name, _)| parts.contains(name));
    }
    measure(places, &groups, shortened(FULL)?, &singles)
}

/// Files to post: bytes that no compression would shorten are not needed, as nothing compresses here.
fn bodies(dir: &Path) -> Result<Bodies> {
    let write = |name, size: usize| -> Result<PathBuf> {
        let file = dir.join(name);
        fs::write(&file, vec![b'x'; size])?;
        Ok(file)
    };
    Ok(Bodies { of_16_kib: write("16-kib", 16 << 10)?, of_1_mib: write("1-mib", 1 << 20)? })
}

/// Runs groups, then the singles, and reports. A single that fails becomes a row that says so.
fn measure(places: &Places, groups: &[Group], plan: Plan, singles: &[Single]) -> Result<()> {
    let awake = process::keep_awake();
    let mut report = Report { notes: machine(), ..Report::default() };
    report.notes.insert("cores_kept_awake".into(), json!(awake.is_ok()));
    if let Err(error) = &awake {
        say(&format!(
            "idle cores sleep ({error:#}): waking the generator's will count as the server's work"
        ));
    }
    for group in groups {
        report.add(rounds::run(group, places, plan)?, &group.ratios);
    }
    for (name, single) in singles {
        if let Err(error) = single(places, &mut report) {
            say(&format!("{name}: left out: {error:#}"));
            report.missing.push(((*name).into(), format!("{error:#}")));
        }
    }
    let file = places.bench.join("results.json");
    report.write(&file)?;
    say(&format!("\n{}\n\nwritten: {}", report.table(), file.display()));
    Ok(())
}

/// What it ran on, and how busy that was.
fn machine() -> serde_json::Map<String, Value> {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = read("/proc/loadavg");
    let load: Option<f64> = load.split(' ').next().and_then(|text| text.parse().ok());
    let mut notes = serde_json::Map::new();
    notes.insert("processor".into(), json!(model.map(|(_, model)| model)));
    notes.insert("kernel".into(), json!(read("/proc/sys/kernel/osrelease").trim()));
    notes.insert("load_at_start".into(), json!(load));
    if load.is_some_and(|load| load > 1.0) {
        say("the machine is busy with something else: believe the processor times, not the rates");
    }
    notes
}
