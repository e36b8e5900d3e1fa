//! `boathook new`: writes a hook's folder to begin with, and says what to type next.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::bindings::language;
use super::{Json, say, say_json, text};
use crate::project::{Language, build, new};

/// Write a folder with a hook that answers.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The hook's name, such as `rate-limit`
    name: String,
    /// The language that it is written in
    #[arg(long, value_parser = language())]
    lang: Language,
    /// The folder that it goes into [default: hooks/<NAME>]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) json: Json,
}

impl New {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self { name, lang, dir, json } = self;
        let folder = dir.unwrap_or_else(|| place(&name));
        let files = new::write(&name, lang, &folder)?;
        let shown = folder.display();
        let next: Vec<String> =
            new::preparation(lang, &folder).into_iter().chain(next(&folder, &name)).collect();
        if json.json {
            let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
            say_json(&json!({
                "ok": true,
                "name": name,
                "language": lang.name(),
                "folder": shown.to_string(),
                "files": files,
                "next": next,
            }));
            return Ok(());
        }
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        say(&format!("{shown}: a hook in {lang}: {}\n\nnext:", files.join(", ")));
        say(&text::indented(&next.join("\n")));
        Ok(())
    }
}

/// Where a hook goes that nobody has a place for: among the app's.
fn place(name: &str) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match here.file_name() {
        Some(folder) if folder == build::HOOKS => PathBuf::from(name),
        _ => Path::new(build::HOOKS).join(name),
    }
}

/// What to type until it answers.
fn next(folder: &Path, name: &str) -> Vec<String> {
    let build = format!("boathook build {}", folder.display());
    match build::app_of(folder) {
        Some(app) => {
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
            let app =
                if here.as_ref() == Some(&app) { ".".into() } else { app.display().to_string() };
            vec![build, format!("boathook serve {app}"), format!("curl localhost:1337/{name}")]
        }
        // It stands in no app: that is for its author to choose.
        None => vec![
            build,
            format!("cp {}/{} <app>/hooks/{name}.wasm", folder.display(), build::COMPONENT),
        ],
    }
}
