//! `boathook check`: says all that keeps an app from being served, and what may surprise.
//!
//! It goes as far as `serve` does before the socket is bound, `initialize` included, for only then are
//! the routes known; then it lowers the hooks again.

use clap::Args;
use serde_json::{Value, json};

use super::{App, Json, block_on, report, say, say_json, text};
use crate::admin;
use crate::lift;

/// Find all that keeps an app from being served.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (config, problems) = self.app.look()?;
        let prepared = lift::prepare(config, problems, &self.app.compiler())?.rehearsed();
        let workers = prepared.config.server.workers;
        block_on(workers, async {
            let app = lift::lift(prepared, std::future::pending()).await?;
            lift::lower_all(&app.hooks, &app.shared).await;
            let mut warnings = app.cover_warnings();
            warnings.extend(app.asset_warnings());
            warnings.extend(admin::warning(&app.config));
            if self.json.json {
                let warnings: Vec<Value> = warnings.iter().map(report::problem).collect();
                say_json(&json!({
                    "ok": true,
                    "problems": [],
                    "warnings": warnings,
                    "hooks": app.hooks.len(),
                    "routes": app.steps.len(),
                }));
                return Ok(());
            }
            for warning in &warnings {
                say(&format!("{}\n", report::paragraph("warning", &warning.to_string())));
            }
            say(&summary(app.hooks.len(), app.steps.len(), warnings.len()));
            Ok(())
        })
    }
}

fn summary(hooks: usize, routes: usize, warnings: usize) -> String {
    let mut summary =
        format!("ok: {}, {}", text::count(hooks, "hook"), text::count(routes, "route"));
    if warnings > 0 {
        summary.push_str(&format!(", {}", text::count(warnings, "warning")));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        assert_eq!(summary(11, 14, 0), "ok: 11 hooks, 14 routes");
        assert_eq!(summary(1, 0, 1), "ok: 1 hook, 0 routes, 1 warning");
    }
}
