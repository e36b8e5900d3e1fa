//! Soaks a server: good hooks under a steady load beside one that traps, one that leaks and one that is
//! slow; and says whether anything of the process grew.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::app::{AppOf, Places, boathook, copies, one};
use crate::load::{Load, Loading};
use crate::probe;
use crate::process::{Cores, Server};
use crate::report::{Spread, say};

/// Requests a second to the good hooks: an hour of a thousand a second takes ten minutes.
const GOOD: f64 = 6_000.0;
/// Requests a second to each of the others.
const OTHERS: [(&str, f64); 3] = [("/trap", 20.0), ("/leak", 50.0), ("/slow", 20.0)];
/// How often the process is looked at, at most; a short soak looks twenty times.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// What is no growth: memory that moves by less than this, in KiB, or by less than a twentieth.
const NOISE_KIB: f64 = 4096.0;
/// The same for instances and files.
const NOISE_COUNT: f64 = 8.0;

/// One look at the process.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    resident_kib: f64,
    files: f64,
    /// As its metrics say; none where it has no admin listener.
    instances: Option<f64>,
}

/// Soaks for so long, and writes `soak.json`.
///
/// # Errors
/// If the server does not start, ends, or anything of it grew.
pub(crate) fn run(places: &Places, time: Duration) -> Result<()> {
    let dir = places.work().join("soak");
    let (mut server, admin) = lift(places, &dir)?;
    if admin.is_none() {
        say("this server has no `admin` listener: live instances are left out");
    }
    let loads = loads(server.address, time, &dir)?;
    let look = LOOK_MAX.min(time / 20).max(Duration::from_secs(1));
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < time {
        std::thread::sleep(look.min(time.saturating_sub(started.elapsed())));
        ensure!(
            server.is_running()?,
            "the server ended: see `{}`",
            dir.join("server.log").display()
        );
        let sample = sample(&server, admin, started);
        say(&format!(
            "{:>5.0} s: {:.1} MiB resident, {} files, {} instances",
            sample.seconds,
            sample.resident_kib / 1024.0,
            sample.files,
            sample.instances.map_or("?".into(), |count| count.to_string())
        ));
        samples.push(sample);
    }
    let answers = loads.into_iter().map(answered).collect::<Result<Vec<_>>>()?;
    report(places, &samples, &answers)
}

/// Starts the server, with its metrics if it has some.
fn lift(places: &Places, dir: &Path) -> Result<(Server, Option<SocketAddr>)> {
    let mut hooks = copies("headers", 3);
    // So little that the leak meets it every other second: memory settles within the warm-up.
    let little = "limits = { memory = '4MiB' }\n";
    hooks.extend([one("traps", ""), one("leaks", little), one("slow", "")]);
    let app = AppOf::new(hooks);
    app.lay_out(places, dir)?;
    // The admin listener is told a port and does not say which one it took.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let told = format!("admin.listen={port}");
    match boathook(places, dir, Cores::First, &["--set", &told]) {
        Ok(server) if probe::page(port, "/metrics").is_ok() => Ok((server, Some(port))),
        _ => Ok((boathook(places, dir, Cores::First, &[])?, None)),
    }
}

fn loads(address: SocketAddr, time: Duration, dir: &Path) -> Result<Vec<(&'static str, Loading)>> {
    let good = Load::open(GOOD).start(address, time, Cores::Second, (dir, "good"))?;
    let mut loads = vec![("/", good)];
    for (path, rate) in OTHERS {
        let load = Load { path: path.into(), ..Load::open(rate) };
        loads.push((path, load.start(address, time, Cores::Second, (dir, &path[1..]))?));
    }
    Ok(loads)
}

fn answered((path, load): (&'static str, Loading)) -> Result<Value> {
    let outcome = load.end().with_context(|| format!("the load on {path}"))?;
    ensure!(path != "/" || outcome.failed == 0, "good hooks failed {} times", outcome.failed);
    say(&format!(
        "{path}: {} answers ({:.0} a second), {} failures, p99 {:.0} µs",
        outcome.requests, outcome.rate, outcome.failed, outcome.p99
    ));
    Ok(json!({
        "path": path,
        "requests": outcome.requests,
        "requests_per_second": outcome.rate.round(),
        "failed": outcome.failed,
        "p50_us": outcome.p50,
        "p99_us": outcome.p99,
        "p999_us": outcome.p999,
    }))
}

fn sample(server: &Server, admin: Option<SocketAddr>, started: Instant) -> Sample {
    let metrics = admin.and_then(|admin| probe::page(admin, "/metrics").ok());
    Sample {
        seconds: started.elapsed().as_secs_f64(),
        resident_kib: server.resident_kib() as f64,
        files: server.open_files() as f64,
        instances: metrics.map(|text| instances(&text)),
    }
}

/// All live instances, by the Prometheus text.
fn instances(text: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with("boathook_hook_instances{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn report(places: &Places, samples: &[Sample], answers: &[Value]) -> Result<()> {
    let resident: Vec<f64> = samples.iter().map(|sample| sample.resident_kib).collect();
    let files: Vec<f64> = samples.iter().map(|sample| sample.files).collect();
    let instances: Vec<f64> = samples.iter().filter_map(|sample| sample.instances).collect();
    let all = [
        ("resident KiB", growth(&resident, NOISE_KIB)),
        ("open files", growth(&files, NOISE_COUNT)),
        ("live instances", growth(&instances, NOISE_COUNT)),
    ];
    for (name, growth) in all {
        say(&format!(
            "{name}: {}",
            growth.map_or("no growth".into(), |by| format!("grew by {by:.0}"))
        ));
    }
    let document = json!({
        "answers": answers,
        "growth": all.iter().map(|(name, by)| json!({ "of": name, "by": by })).collect::<Vec<_>>(),
        "samples": samples.iter().map(|sample| json!({
            "seconds": sample.seconds.round(),
            "resident_kib": sample.resident_kib,
            "open_files": sample.files,
            "instances": sample.instances,
        })).collect::<Vec<_>>(),
    });
    let file = places.bench.join("soak.json");
    std::fs::write(&file, format!("{document:#}\n"))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    say(&format!("written: {}", file.display()));
    ensure!(all.iter().all(|(_, growth)| growth.is_none()), "the server grew");
    Ok(())
}

/// By how much a figure grew from the time after the warm-up, the second fifth of all samples, to the last
/// fifth; none where that is noise.
fn growth(figures: &[f64], noise: f64) -> Option<f64> {
    let fifth = figures.len() / 5;
    let median = |part: &[f64]| Spread::of(part.iter().copied()).map(|spread| spread.median);
    let early = median(figures.get(fifth..2 * fifth)?)?;
    let late = median(figures.get(figures.len() - fifth..)?)?;
    let by = late - early;
    (by > noise && by > early / 20.0).then_some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_moves_about_has_not_grown() {
        let about = [9e4, 1e5, 1.02e5, 1e5, 9.9e4, 1.01e5, 1e5, 1.02e5, 1e5, 1.01e5];
        assert_eq!(growth(&about, NOISE_KIB), None);
    }

    #[test]
    fn warming_up_is_no_growth_and_what_follows_is() {
        let steps = |step: f64| (0..20).map(|at| 1e5 + step * f64::from(at)).collect::<Vec<_>>();
        assert!(growth(&steps(1e3), NOISE_KIB).is_some_and(|by| by > 1e4));
        let mut warm = vec![1e5; 20];
        warm[..4].fill(2e4);
        assert_eq!(growth(&warm, NOISE_KIB), None);
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(growth(&[1.0, 2.0, 3.0], 0.1), None);
    }

    #[test]
    fn live_instances_are_those_of_all_hooks() {
        let text = "# TYPE boathook_hook_instances gauge\nboathook_hook_instances{hook=\"a\"} 2\n\
                    boathook_hook_instances{hook=\"b\"} 3\nboathook_hook_instances_made_total{hook=\"a\"} 9\n";
        assert_eq!(instances(text), 5.0);
    }
}
