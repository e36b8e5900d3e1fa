//! `boathook build`: runs the commands that build hooks, and checks what comes of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{Json, complain, say, say_json, this_program};
use crate::config::duration_text;
use crate::project::build::{self, Built, Output};
use crate::sandbox::{Cache, Compiler};

/// Build a hook, or all of an app's.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The folder of a hook, or of an app
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Build {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut built = Vec::new();
        let folders = build::folders(&self.dir)?;
        for (at, folder) in folders.iter().enumerate() {
            if !self.json.json {
                let command = build::in_one_line(&build::command(folder)?);
                complain(&format!("building {}: {command}", folder.display()));
            }
            let output = if self.json.json { Output::Kept } else { Output::Shown };
            let result = build::build(folder, &compiler(folder), output);
            // Those before it stand, and are not said otherwise.
            let result = result.map_err(anyhow::Error::new);
            let hook = match at {
                0 => result?,
                _ => {
                    result.with_context(|| format!("{at} of {} hooks are built", folders.len()))?
                }
            };
            if !self.json.json {
                say(&summary(&hook));
            }
            built.push(hook);
        }
        if self.json.json {
            let hooks: Vec<Value> = built.iter().map(document).collect();
            say_json(&json!({ "ok": true, "hooks": hooks }));
        }
        Ok(())
    }
}

/// Keeps what it compiles where the app looks for it, so that the server starts at once.
pub(super) fn compiler(folder: &Path) -> Arc<Compiler> {
    let cache = build::app_of(folder).and_then(|app| Cache::open(&app).ok());
    Arc::new(Compiler { cache, program: this_program(), ..Compiler::default() })
}

/// The same for a folder that need not stand in an app, which then keeps it itself.
pub(super) fn compiler_of(folder: &Path) -> Arc<Compiler> {
    let app = build::app_of(folder).unwrap_or_else(|| folder.to_owned());
    Arc::new(Compiler {
        cache: Cache::open(&app).ok(),
        program: this_program(),
        ..Compiler::default()
    })
}

fn summary(built: &Built) -> String {
    let Built { hook, took, app } = built;
    let next = match app {
        Some(_) => "ready: `boathook serve` runs it",
        None => "copy it into the `hooks/` of an app",
    };
    format!(
        "hook `{}`: {} bytes in {} after {}\n{next}",
        hook.name,
        hook.facts.size,
        hook.path.display(),
        duration_text(rounded(*took)),
    )
}

/// To the tenth of a second: nobody reads more.
fn rounded(took: std::time::Duration) -> std::time::Duration {
    let tenths = (took.as_millis() / 100).max(1);
    std::time::Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX))
}

fn document(built: &Built) -> Value {
    json!({
        "name": &*built.hook.name,
        "file": built.hook.path.display().to_string(),
        "size": built.hook.facts.size,
        "milliseconds": u64::try_from(built.took.as_millis()).unwrap_or(u64::MAX),
        "app": built.app.as_ref().map(|app| app.display().to_string()),
    })
}
