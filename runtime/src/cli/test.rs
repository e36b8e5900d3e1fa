//! `boathook test`: runs hooks' cases in this process, and says what became of them.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{Json, build, complain, report as errors, say, say_json};
use crate::config::Problems;
use crate::log;
use crate::testing::suite::{Finding, Suite, SuiteError, Verdict, find, judge};
use crate::testing::{Hook, Snapshots, TestError, junit, report};

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
        let begun = Instant::now();
        let (mut verdicts, mut left_out) = (Vec::new(), 0);
        for (suite, hook) in suites.iter().zip(&hooks) {
            left_out += self.suite(suite, hook, &mut verdicts);
        }
        if let (true, Some(filter)) = (verdicts.is_empty(), &self.filter) {
            anyhow::bail!("no case has `{filter}` in its name, of {left_out} there are");
        }
        if let Some(file) = &self.junit {
            let xml = junit(&verdicts).context("JUnit's XML cannot be made")?;
            std::fs::write(file, xml).with_context(|| file.display().to_string())?;
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

    /// Runs the cases of one hook, and says how many were left out.
    fn suite(&self, suite: &Suite, hook: &Hook, verdicts: &mut Vec<Verdict>) -> usize {
        let snapshots = if self.update { Snapshots::Updated } else { Snapshots::Compared };
        let mut left_out = 0;
        for file in &suite.files {
            for case in &file.cases {
                let full = format!("{}: {}", hook.name(), case.name);
                if self.filter.as_ref().is_some_and(|filter| !full.contains(filter.as_str())) {
                    left_out += 1;
                    continue;
                }
                let verdict = judge(case, hook, &file.path, snapshots);
                if !self.json.json {
                    say(&report::line(&verdict));
                }
                verdicts.push(verdict);
            }
        }
        left_out
    }
}

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
    let steps = verdict.ran.seen.iter();
    let steps: Vec<Value> = steps
        .map(|seen| {
            let error = seen.failure.as_ref().map(|failure| &failure.code);
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
