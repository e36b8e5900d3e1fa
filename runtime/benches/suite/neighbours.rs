//! Measures what neighbours of hung hooks notice: an open loop at 30 % of capacity on two cores, calm,
//! and while two other hooks spin for ever under a trickle of requests.
//!
//! It is done twice. With default limits a call that spins ends after 100 ms and the breaker takes the
//! hook out for a while; that is `hung_neighbour_p99`. With a `cpu` limit so long that the breaker never
//! sees enough failures, two calls spin all the time; that is `hung_neighbour_held_p99`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::app::{AppOf, Places, boathook, copies, one};
use crate::load::{Load, Outcome};
use crate::probe;
use crate::process::{Cores, Server};
use crate::report::{Report, Wanted, say};

/// Calm and hung, so many times in turn.
const ROUNDS: usize = 5;
/// How long each of them is.
const TURN: Duration = Duration::from_secs(5);
/// The part of the capacity that the open loop takes.
const PART: f64 = 0.3;
/// Requests a second to each hook that spins.
const TRICKLE: f64 = 5.0;
/// Looks at the server, half a second apart, until calls that spin must have ended.
const SETTLE_LOOKS: usize = 120;
/// The hooks that spin, and where.
const SPINNERS: [&str; 2] = ["spins-000", "spins-001"];

/// Both ways of it.
///
/// # Errors
/// If the server does not start, or ends.
pub(crate) fn run(places: &Places, report: &mut Report) -> Result<()> {
    hung(places, report, "hung_neighbour_p99", "", Wanted::AtMost(2.0))?;
    // At most five such calls in ten seconds: half of what opens a breaker.
    let held = "limits = { cpu = '2s', wall = '20s' }\n";
    hung(places, report, "hung_neighbour_held_p99", held, Wanted::Anything)
}

fn hung(
    places: &Places,
    report: &mut Report,
    name: &str,
    settings: &'static str,
    wanted: Wanted,
) -> Result<()> {
    let dir = places.work().join(name);
    app(settings).lay_out(places, &dir)?;
    let server = boathook(places, &dir, Cores::Both, &[])?;
    let run =
        |load: &Load, time| load.start(server.address, time, Cores::Both, (&dir, name))?.end();
    for hook in SPINNERS {
        let status = probe::status(server.address, &format!("/{hook}"))?;
        ensure!(status == 504, "`{hook}` was to spin until its limit, and answers {status}");
    }
    run(&Load::default(), Duration::from_secs(1))?;
    let capacity = run(&Load::default(), Duration::from_secs(3))?.rate;
    let open = Load::open(capacity * PART);
    let (mut ratios, mut calm_p99, mut hung_p99, mut failed) = (vec![], vec![], vec![], 0);
    for _ in 0..ROUNDS {
        settle(&server)?;
        let calm = run(&open, TURN)?;
        let hung = beside(&server, &dir, || run(&open, TURN))?;
        say(&format!("{name}: p99 {:.0} µs calm, {:.0} µs hung", calm.p99, hung.p99));
        ratios.push(hung.p99 / calm.p99);
        calm_p99.push(calm.p99);
        hung_p99.push(hung.p99);
        failed += hung.failed;
    }
    report.figure(name, &ratios, wanted);
    report.figure(&format!("{name}_calm_us"), &calm_p99, Wanted::Anything);
    report.figure(&format!("{name}_hung_us"), &hung_p99, Wanted::Anything);
    report.notes.insert(format!("{name}_failed"), failed.into());
    report.notes.insert(format!("{name}_rate"), (capacity * PART).round().into());
    Ok(())
}

/// Waits until no call spins any more: one whose client has left goes on to its limit.
fn settle(server: &Server) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(500);
    for _ in 0..SETTLE_LOOKS {
        let before = server.cpu();
        std::thread::sleep(LOOK);
        if server.cpu().saturating_sub(before) < LOOK / 10 {
            return Ok(());
        }
    }
    bail!("the server does not come to rest")
}

/// Does something while two hooks spin.
fn beside(server: &Server, dir: &Path, work: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
    let trickle = |hook: &&str| {
        // Whatever they are answered is right: 504 for a call that spun, 503 where the breaker is open.
        let load = Load { path: format!("/{hook}"), ..Load::open(TRICKLE) };
        load.start(server.address, TURN, Cores::Both, (dir, hook))
    };
    let trickles = SPINNERS.iter().map(trickle).collect::<Result<Vec<_>>>()?;
    let outcome = work();
    // They end with what they are told, or when they are dropped: nobody waits for an answer of theirs.
    drop(trickles);
    outcome
}

fn app(settings: &'static str) -> AppOf {
    let mut hooks = vec![one("headers", "")];
    hooks.extend(copies("spins", SPINNERS.len()));
    for spinner in &mut hooks[1..] {
        spinner.settings = settings;
    }
    let app = AppOf::new(hooks);
    let paths: String =
        SPINNERS.iter().map(|name| format!("\n[{name}]\npath = '/{name}'\n")).collect();
    let toml = format!("{}{paths}", app.toml);
    app.with_toml(toml)
}
