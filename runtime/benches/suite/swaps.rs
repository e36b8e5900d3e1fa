//! Replaces a hook two hundred times, within a minute where the machine can, while clients ask at full speed, and says whether any of
//! them noticed, and whether anything is left of the generations that went.
//!
//! Every answer comes from the hook that is replaced: where a request misses it, it is a 404, and so a failure.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::app::{AppOf, Places, boathook, copies, distinct, one};
use crate::load::{Load, Outcome};
use crate::probe;
use crate::process::{Cores, Running, Server, last_line, pinned};
use crate::report::{Report, Wanted, say};

/// How often the hook is replaced, and in what time.
const SWAPS: u32 = 200;
const TIME: Duration = Duration::from_secs(60);
/// Swaps and load ahead of the first look at the memory: what is allocated once is no growth.
const WARM_UP: (u32, Duration) = (60, Duration::from_secs(18));
/// One load: they follow each other until all swaps are done.
const TURN: Duration = Duration::from_secs(10);
/// For one deploy.
const DEPLOY_MAX: Duration = Duration::from_secs(30);
/// For what left to be lowered and freed, once no request is under way.
const SETTLE_MIN: Duration = Duration::from_secs(2);
const SETTLE_MAX: Duration = Duration::from_secs(40);
/// The hook that is replaced, and what is in front of it.
const HOOK: &str = "answers";
const IN_FRONT: usize = 2;
/// What is no growth: an allocator does not give all back.
const GROWTH_KIB_MAX: f64 = 8192.0;

/// A server that runs, and what is deployed to it in turn.
struct Swapped<'a> {
    places: &'a Places,
    dir: PathBuf,
    server: Server,
    admin: SocketAddr,
    components: [PathBuf; 2],
}

/// Swaps under load.
///
/// # Errors
/// If the server does not start, or a deploy is refused.
pub(crate) fn run(places: &Places, report: &mut Report) -> Result<()> {
    let swapped = Swapped::lift(places)?;
    swapped.swap_under_load(WARM_UP.0, WARM_UP.1)?;
    let before = swapped.settle()?;
    let started = Instant::now();
    let (outcome, times) = swapped.swap_under_load(SWAPS, TIME)?;
    let took = started.elapsed();
    let after = swapped.settle()?;
    say(&format!(
        "swaps: {} in {took:.0?}, {} answers ({:.0} a second), {} failures, p99 {:.0} µs; resident {:.1} MiB before, \
         {:.1} MiB after; {} instances left",
        times.len(),
        outcome.requests,
        outcome.rate,
        outcome.failed,
        outcome.p99,
        before.0 / 1024.0,
        after.0 / 1024.0,
        after.1,
    ));
    report.figure("swap_ms", &times, Wanted::Anything);
    report.figure("swaps_failed", &[outcome.failed as f64], Wanted::AtMost(0.0));
    report.figure("swaps_p99_us", &[outcome.p99], Wanted::Anything);
    let grown = [after.0 - before.0];
    report.figure("swaps_growth_kib", &grown, Wanted::AtMost(GROWTH_KIB_MAX));
    report.figure("swaps_instances_left", &[after.1], Wanted::AtMost(0.0));
    Ok(())
}

impl<'a> Swapped<'a> {
    fn lift(places: &'a Places) -> Result<Self> {
        let dir = places.work().join("swaps");
        let mut hooks = copies("headers", IN_FRONT);
        hooks.push(one(HOOK, ""));
        let secret = "[secrets]\nadmin = { file = 'admin.secret' }\n";
        AppOf::new(hooks).with_toml(secret).lay_out(places, &dir)?;
        std::fs::write(
            dir.join("admin.secret"),
            "a secret of the bench suite, and of nobody else",
        )?;
        let built = std::fs::read(places.bench.join(format!("hooks/{HOOK}.wasm")))?;
        let component = |name: &str| -> Result<PathBuf> {
            let path = dir.join(format!("{name}.wasm"));
            std::fs::write(&path, distinct(built.clone(), name))?;
            Ok(path)
        };
        let components = [component("one")?, component("two")?];
        // The admin listener is told a port, and so is the command.
        let admin = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let told = format!("admin.listen={admin}");
        let server = boathook(places, &dir, Cores::First, &["--set", &told])?;
        Ok(Self { places, dir, server, admin, components })
    }

    /// So many swaps, evenly over that time if they can be done in it, with as many requests as there can be for
    /// as long as they take. How long each took, in milliseconds, is given back.
    fn swap_under_load(&self, swaps: u32, time: Duration) -> Result<(Outcome, Vec<f64>)> {
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| self.swap(swaps, time));
            let mut all = Outcome::default();
            let mut turns = 0.0;
            while !swapping.is_finished() {
                let load = Load::default();
                let to = (self.dir.as_path(), "load");
                let turn = load.start(self.server.address, TURN, Cores::Second, to)?.end()?;
                turns += 1.0;
                all.requests += turn.requests;
                all.failed += turn.failed;
                all.rate += (turn.rate - all.rate) / turns;
                all.p99 = all.p99.max(turn.p99);
            }
            let times = swapping.join().map_err(|_| anyhow!("the swaps ended in a panic"))??;
            Ok((all, times))
        })
    }

    fn swap(&self, swaps: u32, time: Duration) -> Result<Vec<f64>> {
        let (started, mut times) = (Instant::now(), Vec::new());
        for swap in 0..swaps {
            let due = time * swap / swaps;
            std::thread::sleep(due.saturating_sub(started.elapsed()));
            let begun = Instant::now();
            self.deploy(&self.components[swap as usize % 2])?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    }

    fn deploy(&self, component: &Path) -> Result<()> {
        let mut command = pinned(&self.places.programs.join("boathook"), Cores::Second);
        command.arg("deploy").arg(component).arg(&self.dir);
        command.args(["--name", HOOK, "--admin", &self.admin.to_string()]);
        let ran = Running::start(command, &self.dir.join("deploy.log"), DEPLOY_MAX)?.end()?;
        ensure!(ran.status.success(), "the deploy was refused: {}", last_line(&ran.said));
        Ok(())
    }

    /// Waits until what left is freed; the resident memory in KiB then, and the instances that live beside those
    /// of the generation that serves.
    fn settle(&self) -> Result<(f64, f64)> {
        let started = Instant::now();
        // Their code and their pools go with the last that has them, a moment later.
        std::thread::sleep(SETTLE_MIN);
        loop {
            let metrics = probe::page(self.admin, "/metrics")?;
            let sum = |name: &str| -> Result<f64> {
                let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
                let figures: Option<Vec<f64>> =
                    lines.map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
                Ok(figures.with_context(|| format!("no figures of `{name}`"))?.iter().sum())
            };
            let made = sum("boathook_hook_instances_made_total")?;
            let freed = sum("boathook_hook_instances_freed_total")?;
            let left = made - freed - sum("boathook_hook_instances")?;
            if left <= 0.0 || started.elapsed() > SETTLE_MAX {
                return Ok((self.server.resident_kib() as f64, left));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
