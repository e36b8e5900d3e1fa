//! Measures what is no matter of load: lifting, starting cold, and what an idle hook weighs.

use anyhow::Result;

use crate::app::{AppOf, Places, boathook};
use crate::probe;
use crate::process::Cores;
use crate::report::{Report, Wanted, say};

/// How often each is done.
const TIMES: usize = 7;

/// From the start of the process until it listens, with hooks that are in the cache.
///
/// # Errors
/// If a server does not start.
pub(crate) fn lifts(places: &Places, report: &mut Report) -> Result<()> {
    let wanted = [
        ("lift_1_ms", 1, Wanted::Anything),
        ("lift_20_ms", 20, Wanted::AtMost(100.0)),
        ("lift_100_ms", 100, Wanted::Anything),
    ];
    for (name, hooks, wanted) in wanted {
        let dir = places.work().join(name);
        AppOf::copies("headers", hooks).lay_out(places, &dir)?;
        // The first start compiles.
        drop(boathook(places, &dir, Cores::Both, &[])?);
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let server = boathook(places, &dir, Cores::Both, &[])?;
            times.push(server.lifted.as_secs_f64() * 1e3);
        }
        say(&format!("{name}: {times:.0?}"));
        report.figure(name, &times, wanted);
    }
    Ok(())
}

/// The resident memory of a server with many idle hooks, less that of one with one, by hook. Each is a
/// component of its own.
///
/// # Errors
/// If a server does not start.
pub(crate) fn idle_hooks(places: &Places, report: &mut Report) -> Result<()> {
    const MORE: usize = 50;
    let resident = |hooks: usize| -> Result<f64> {
        let dir = places.work().join(format!("idle-{hooks}"));
        AppOf::copies("elsewhere", hooks).lay_out(places, &dir)?;
        // With the cache filled, as after any restart: what the compiler leaves behind is not the hook's.
        drop(boathook(places, &dir, Cores::Both, &[])?);
        let server = boathook(places, &dir, Cores::Both, &[])?;
        probe::first_answer(server.address)?;
        Ok(server.resident_kib() as f64)
    };
    let mut figures = Vec::new();
    for _ in 0..3 {
        figures.push((resident(1 + MORE)? - resident(1)?) / MORE as f64);
    }
    say(&format!("idle_hook_kib: {figures:.0?}"));
    report.figure("idle_hook_kib", &figures, Wanted::AtMost(1024.0));
    Ok(())
}

/// From the start of the process until a hook that was never compiled has answered.
///
/// # Errors
/// If a server does not start.
pub(crate) fn cold_start(places: &Places, report: &mut Report) -> Result<()> {
    let dir = places.work().join("cold");
    let mut times = Vec::new();
    for _ in 0..TIMES {
        AppOf::copies("answers", 1).lay_out(places, &dir)?;
        let server = boathook(places, &dir, Cores::Both, &[])?;
        let answered = probe::first_answer(server.address)?;
        times.push((server.lifted + answered).as_secs_f64() * 1e3);
    }
    say(&format!("cold_deploy_ms: {times:.0?}"));
    report.figure("cold_deploy_ms", &times, Wanted::Anything);
    Ok(())
}
