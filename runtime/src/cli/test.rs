//! `boathook test`: runs hooks' cases in this process, and says what became of them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{Json, build, complain, report as errors, say, say_json};
use crate::config::Problems;
use crate::log;
use crate::testing::expect::Made;
use crate::testing::suite::{Finding, Suite, SuiteError, Verdict, find, judge};
use crate::testing::{Case, Hook, Snapshots, TestError, junit, report};

/// Run a hook's cases, or those of all of an app's hooks.
///
/// Cases are in `tests/*.toml` and `tests/*.json` of a hook's folder. They run in this process: without a server,
/// without the network, and with clocks that stand still.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The folder of a hook, or of an app
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Run only the cases with this in `hook: name`
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// The component, where it does not lie in the hook's folder
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Write snapshots instead of comparing them
    #[arg(long)]
    update: bool,
    /// Write the results as JUnit's XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Test {
    /// Says whether all cases have passed.
    pub(super) fn run(self) -> anyhow::Result<bool> {
        // What hooks log belongs to their cases, and is shown with those that fail.
        log::start(log::Level::Silent, false);
        let suites = find(&self.dir, self.component.as_deref()).map_err(|error| match error {
            SuiteError::Files(problems) => problems.into(),
            error => anyhow::Error::new(error),
        })?;
        let hooks = opened(&suites)?;
        let (chosen, left_out) = self.chosen(&suites, &hooks);
        if let (true, Some(filter)) = (chosen.is_empty(), &self.filter) {
            anyhow::bail!("no case has `{filter}` in its name, of {left_out} there are");
        }
        // A place that cannot be written to is known before anything runs, and not after it.
        let junit_file = self.junit.as_ref().map(|file| {
            File::create(file).map(|open| (file, open)).with_context(|| file.display().to_string())
        });
        let junit_file = junit_file.transpose()?;
        let begun = Instant::now();
        let verdicts = self.judged(&chosen);
        if let Some((file, mut open)) = junit_file {
            let xml = junit(&verdicts).context("JUnit's XML cannot be made")?;
            open.write_all(&xml).with_context(|| file.display().to_string())?;
        }
        let passed = verdicts.iter().all(Verdict::passed);
        if self.json.json {
            let cases: Vec<Value> = verdicts.iter().map(document).collect();
            say_json(&json!({ "ok": passed, "left_out": left_out, "cases": cases }));
            return Ok(passed);
        }
        let failed: Vec<String> =
            verdicts.iter().filter(|it| !it.passed()).map(report::details).collect();
        if !failed.is_empty() {
            say(&format!("\n{}", failed.join("\n")));
        }
        say(&report::summary(&verdicts, left_out, begun.elapsed()));
        Ok(passed)
    }

    /// The cases to be run, by hook, and how many were left out.
    fn chosen<'a>(
        &self,
        suites: &'a [Suite],
        hooks: &'a [Hook],
    ) -> (Vec<(&'a Hook, Vec<Chosen<'a>>)>, usize) {
        let (mut chosen, mut left_out) = (Vec::new(), 0);
        for (suite, hook) in suites.iter().zip(hooks) {
            let files = suite.files.iter();
            let all = files.flat_map(|file| file.cases.iter().map(|case| (&*file.path, case)));
            let is_wanted = |(_, case): &Chosen<'_>| {
                let full = format!("{}: {}", hook.name(), case.name);
                self.filter.as_ref().is_none_or(|filter| full.contains(filter.as_str()))
            };
            let (wanted, others): (Vec<_>, Vec<_>) = all.partition(is_wanted);
            left_out += others.len();
            if !wanted.is_empty() {
                chosen.push((hook, wanted));
            }
        }
        (chosen, left_out)
    }

    /// Runs cases, and says of each what became of it as soon as that is known.
    fn judged(&self, chosen: &[(&Hook, Vec<Chosen<'_>>)]) -> Vec<Verdict> {
        let mut snapshots = match self.update {
            true => Snapshots::Updated(Made::default()),
            false => Snapshots::Compared,
        };
        // All of them first, so that no case seems to take long.
        chosen.iter().for_each(|(hook, _)| hook.compile());
        let mut verdicts = Vec::new();
        for (hook, cases) in chosen {
            for (file, case) in cases {
                let verdict = judge(case, hook, file, &mut snapshots);
                if !self.json.json {
                    say(&report::line(&verdict));
                    verdict.wrote.iter().for_each(|file| say(&format!("wrote {}", file.display())));
                }
                verdicts.push(verdict);
            }
        }
        verdicts
    }
}

/// A case, and the file that it stands in.
type Chosen<'a> = (&'a Path, &'a Case);

/// The hooks of all suites. What is wrong with any of them is told before a case runs.
fn opened(suites: &[Suite]) -> anyhow::Result<Vec<Hook>> {
    let (mut hooks, mut problems) = (Vec::new(), Problems::default());
    for suite in suites {
        if suite.is_stale() {
            let folder = suite.folder.display();
            let text = format!(
                "{folder}: what the hook is built of is newer than its component\n\
                 hint: `boathook build {folder}`"
            );
            complain(&errors::paragraph("warning", &text));
        }
        match suite.open(build::compiler_of(&suite.folder)) {
            Ok(hook) => hooks.push(hook),
            Err(TestError::Component(found)) => problems.0.extend(found.0),
            Err(error) => return Err(error.into()),
        }
    }
    if problems.0.is_empty() { Ok(hooks) } else { Err(problems.into()) }
}

fn document(verdict: &Verdict) -> Value {
    let findings: Vec<Value> = verdict.findings.iter().map(finding).collect();
    let steps = verdict.seen.iter();
    let steps: Vec<Value> = steps
        .map(|seen| {
            let error = seen.worst().map(|failure| &failure.code);
            json!({ "status": seen.status, "fuel": seen.fuel, "error": error, "log": seen.logs })
        })
        .collect();
    json!({
        "hook": verdict.hook,
        "name": verdict.case,
        "file": verdict.file.display().to_string(),
        "ok": verdict.passed(),
        "milliseconds": u64::try_from(verdict.took.as_millis()).unwrap_or(u64::MAX),
        "fuel": verdict.fuel,
        "findings": findings,
        "steps": steps,
        "wrote": verdict.wrote.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    match finding {
        Finding::Error(said) | Finding::Whole(said) => json!({ "step": null, "message": said }),
        Finding::Step { at, what, mismatch } => json!({
            "step": at + 1,
            "request": what,
            "message": mismatch.to_string(),
            "what": mismatch.what,
            "expected": mismatch.wanted,
            "found": mismatch.found,
        }),
    }
}
