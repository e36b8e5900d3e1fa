//! `boathook doctor`: says what this machine lacks, and what to type about it.

use clap::Args;
use serde_json::{Value, json};

use super::{App, Json, say, say_json, text};
use crate::project::doctor::{self, Check, Status};

/// Look at this machine: toolchains, app folder, ports, limits.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Doctor {
    /// Whether nothing is in the way.
    pub(super) fn run(self) -> bool {
        let checks = doctor::examine(&self.app.dir, &self.app.look());
        let failed = checks.iter().filter(|check| check.status == Status::Failed).count();
        if self.json.json {
            let checks: Vec<Value> = checks.iter().map(document).collect();
            say_json(&json!({ "ok": failed == 0, "checks": checks }));
        } else {
            say(&listing(&checks));
            say(&match failed {
                0 => "\nok: nothing is in the way".to_owned(),
                _ => format!("\n{} in the way", text::count(failed, "problem")),
            });
        }
        failed == 0
    }
}

fn document(check: &Check) -> Value {
    json!({
        "subject": check.subject,
        "status": check.status.word(),
        "detail": check.detail,
        "fix": check.fix,
    })
}

/// A line for each check, and below it what to type.
fn listing(checks: &[Check]) -> String {
    let row = |check: &Check| {
        vec![check.status.word().to_owned(), check.subject.clone(), check.detail.clone()]
    };
    let table = text::columns(&checks.iter().map(row).collect::<Vec<_>>());
    let mut lines = Vec::new();
    for (line, check) in table.lines().zip(checks) {
        lines.push(line.to_owned());
        lines.extend(check.fix.iter().map(|fix| format!("         {fix}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_stands_below_what_it_is_for() {
        let check = |status, fix: Option<&str>| Check {
            subject: "port".into(),
            status,
            detail: "taken".into(),
            fix: fix.map(str::to_owned),
        };
        let checks = [check(Status::Failed, Some("kill it")), check(Status::Fine, None)];
        assert_eq!(listing(&checks), "failed  port  taken\n         kill it\nok      port  taken");
    }
}
