//! `boathook dev`: serves, and with every change of a source or of the configuration builds and lifts what has
//! changed. What does not build or lift is told of, and the last that did goes on serving.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use tokio::sync::watch;

use super::serve::{Bench, Serve, serve, stop, stopped};
use super::{block_on, build, complain, report};
use crate::lift::LiftError;
use crate::project::build::{self as builds, BuildError, Output};
use crate::project::watch::{Look, stale};

/// How often the app's folder is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Serve an app, and build and replace hooks as their sources change
#[derive(Debug, Args)]
pub(super) struct Dev {
    #[command(flatten)]
    serve: Serve,
}

impl Dev {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(None, develop(Arc::new(self.serve)))
    }
}

async fn develop(command: Arc<Serve>) -> anyhow::Result<()> {
    let stop = stop()?;
    let bench = Arc::new(Bench::default());
    let dir = command.dir().to_owned();
    // What is saved while the first build runs is newer than this.
    let built = look(&dir).await;
    build_all(&stale(&dir), &command, &bench).await;
    let served = look(&dir).await;
    let watching = tokio::spawn(watch(command.clone(), bench.clone(), built, served));
    while !*stop.borrow() {
        bench.trouble.lifting();
        let served = match command.read() {
            Ok((config, problems)) => {
                serve(command.clone(), config, problems, stop.clone(), Some(bench.clone())).await
            }
            Err(problems) => Err(problems.into()),
        };
        let Err(error) = served else { break };
        if matches!(error.downcast_ref(), Some(LiftError::Stopped)) {
            break;
        }
        complain(&report::text(&error));
        complain("waiting for a change");
        wait(&bench, stop.clone()).await;
    }
    watching.abort();
    Ok(())
}

/// Returns when something has changed, or it is time to stop.
async fn wait(bench: &Bench, stop: watch::Receiver<bool>) {
    tokio::select! {
        () = bench.again.notified() => {}
        () = stopped(stop) => {}
    }
}

/// Looks at the app's folder for as long as this runs: builds the hooks whose sources are others than those that
/// were `built`, and tells `bench` when what is `served` would be another.
async fn watch(command: Arc<Serve>, bench: Arc<Bench>, mut built: Look, mut served: Look) {
    let dir = command.dir();
    loop {
        tokio::time::sleep(LOOK).await;
        let mut now = look(dir).await;
        let folders = now.to_build(&built);
        if folders.is_empty() && !now.is_another_app(&served) {
            continue;
        }
        // An editor may write several files, and one in several steps.
        loop {
            tokio::time::sleep(LOOK / 2).await;
            let settled = look(dir).await;
            if settled == now {
                break;
            }
            now = settled;
        }
        let folders = now.to_build(&built);
        build_all(&folders, &command, &bench).await;
        bench.trouble.retain(|folder| now.has(folder));
        // What changed while the command ran is looked at in the next round.
        built.clone_from(&now);
        now = look(dir).await;
        // The configuration may be another one. It is read after the look, or a change between the two would be missed.
        pass_over(&bench, &command, bench.trouble.folders()).await;
        if now.is_another_app(&served) {
            bench.again.notify_one();
        } else {
            bench.trouble.stays(&folders);
        }
        served = now;
    }
}

async fn look(dir: &Path) -> Look {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || Look::at(&dir)).await.unwrap_or_default()
}

/// Tells `bench` which of these folders are those of hooks that are disabled. While the configuration cannot be
/// read, it is as it was.
async fn pass_over(bench: &Bench, command: &Arc<Serve>, folders: Vec<PathBuf>) {
    if folders.is_empty() {
        return;
    }
    let command = command.clone();
    let off = tokio::task::spawn_blocking(move || disabled(&command, folders));
    if let Ok(Some(off)) = off.await {
        bench.trouble.pass_over(off);
    }
}

/// Those of these folders whose hooks are disabled; none if the configuration cannot be read.
fn disabled(command: &Serve, folders: Vec<PathBuf>) -> Option<BTreeSet<PathBuf>> {
    let (mut config, _) = command.read().ok()?;
    let names: Vec<String> = folders.iter().map(|folder| builds::name(folder)).collect();
    // What is wrong with it is told of by whoever lifts.
    let _ = config.know_hooks(&names);
    let hooks = folders.into_iter().zip(names);
    Some(hooks.filter(|(_, name)| !config.hook(name).enabled).map(|(folder, _)| folder).collect())
}

/// Builds hooks, one after the other. One that does not build is told of, here and on `bench`.
async fn build_all(folders: &[PathBuf], command: &Arc<Serve>, bench: &Bench) {
    for folder in folders {
        let begun = Instant::now();
        let place = folder.display().to_string();
        complain(&format!("building {place}"));
        let its = folder.clone();
        let building = tokio::task::spawn_blocking(move || {
            builds::build(&its, &build::compiler(&its), Output::ShownAndKept)
        });
        let built = building.await.map_err(|error| anyhow!("building {place} failed: {error}"));
        // Who reads the terminal and then looks at a page finds there what was told.
        match built.and_then(|built| Ok(built?)) {
            Ok(built) => {
                bench.trouble.built(folder, None);
                complain(&format!("built `{}` in {:.1?}", built.hook.name, begun.elapsed()));
            }
            Err(error) => {
                let text = report::text(&error);
                let said = match error.downcast_ref() {
                    Some(BuildError::Failed { said, .. }) => said,
                    _ => "",
                };
                let mut troubled = bench.trouble.folders();
                troubled.push(folder.clone());
                pass_over(bench, command, troubled).await;
                bench.trouble.built(folder, Some(format!("{text}\n\n{said}")));
                complain(&text);
            }
        }
    }
}
