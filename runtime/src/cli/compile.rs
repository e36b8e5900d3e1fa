//! `boathook compile`: compiles an app's hooks ahead of its start; and the child in which every hook is
//! compiled.

use clap::Args;
use serde_json::json;

use super::{App, Json, say, say_json};
use crate::lift;
use crate::sandbox::child;

/// Compile an app's hooks, so that the next start finds them compiled.
#[derive(Debug, Args)]
pub(super) struct Compile {
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Compile {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (config, problems) = self.app.look()?;
        let prepared = lift::prepare(config, problems, &self.app.compiler())?;
        let hooks = prepared.hooks.found.len();
        if self.json.json {
            say_json(&json!({ "ok": true, "hooks": hooks }));
        } else {
            say(&format!("compiled: {hooks} hooks"));
        }
        Ok(())
    }
}

/// Compile what comes in.
#[derive(Debug, Args)]
pub(super) struct CompileOne {
    /// Make code that counts fuel
    #[arg(long = "metered")]
    metered: bool,
    /// Let others have the processors first
    #[arg(long = "others-first")]
    others_first: bool,
}

impl CompileOne {
    pub(super) fn run(self) -> anyhow::Result<()> {
        child::run(self.metered, self.others_first)
    }
}
