//! The bench suite, `make bench`: the server beside its native twin and its peers, in one run.
//!
//! `bench-suite PROGRAMS BENCH [quick | soak SECONDS]`. PROGRAMS has `boathook` and `boathook-twin`; BENCH
//! has `hooks/`, what `scripts/bench` installed of the peers, and gets `results.json`. What is measured and
//! how stands in `runtime/benches/README.md`.
//!
//! It starts processes and asks them; it contains nothing of the server.

mod cases;
mod rounds;

mod neighbours;
mod single;
mod soak;

mod app;
mod load;
mod peers;
mod probe;
mod process;

mod report;

use std::fs;
use std::path::{Path, PathBuf};
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
const FULL: Plan = Plan { rounds: 5, turn: Duration::from_secs(4), warm_up: Duration::from_secs(1) };

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [programs, bench, what @ ..] = arguments.as_slice() else {
        bail!("usage: bench-suite PROGRAMS BENCH [quick | soak SECONDS]");
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
        [] => full(&places)?,
        ["quick"] => measure(&places, &cases::quick(), QUICK, |_| Ok(()))?,
        ["soak", seconds] => {
            let seconds = seconds.parse().with_context(|| format!("not seconds: `{seconds}`"))?;
            soak::run(&places, Duration::from_secs(seconds))?;
        }
        _ => bail!("not a part of the suite: `{}`", what.join(" ")),
    }
    fs::remove_dir_all(&work)?;
    Ok(())
}

fn absolute(path: &str) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("no folder `{path}`"))
}

/// Everything but the soak.
fn full(places: &Places) -> Result<()> {
    let bodies = bodies(&places.work())?;
    measure(places, &cases::all(&bodies), FULL, |report| {
        single::lifts(places, report)?;
        single::idle_hooks(places, report)?;
        single::cold_start(places, report)?;
        neighbours::run(places, report)
    })
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

/// Runs groups, then what else there is, and reports.
fn measure(
    places: &Places,
    groups: &[Group],
    plan: Plan,
    rest: impl FnOnce(&mut Report) -> Result<()>,
) -> Result<()> {
    let mut report = Report::default();
    report.notes = machine();
    for group in groups {
        report.add(rounds::run(group, places, plan)?, &group.ratios);
    }
    rest(&mut report)?;
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
