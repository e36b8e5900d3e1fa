//! `boathook new`: writes a hook's folder to begin with, and says what to type next.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::bindings::language;
use super::{Json, say, say_json, text};
use crate::config::{Listen, Sources, defaults, survey};
use crate::project::{Language, build, new, quoted};

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
    let build = format!("boathook build {}", quoted(folder));
    let test = format!("boathook test {}", quoted(folder));
    match build::app_of(folder) {
        Some(app) => {
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
            let served = if here.as_ref() == Some(&app) { Path::new(".") } else { &app };
            let serve = format!("boathook serve {}", quoted(served));
            vec![build, test, serve, format!("curl {}/{name}", origin(&app))]
        }
        // It stands in no app: that is for its author to choose.
        None => vec![
            build,
            test,
            format!("cp {} <app>/hooks/{name}.wasm", quoted(&folder.join(build::COMPONENT))),
        ],
    }
}

/// Where an app is to be found once it is served, as curl takes it.
fn origin(app: &Path) -> String {
    let vars = std::env::vars_os().collect();
    let sources = Sources { dir: app.to_owned(), vars, ..Sources::default() };
    let server = survey(&sources).map(|(config, _)| config.server).ok();
    let Some(server) = server else { return format!("localhost:{}", defaults::LISTEN_PORT) };
    let Listen { host, port } = &server.listen;
    let is_here = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_unspecified() || address == Ipv4Addr::LOCALHOST);
    let place = match (is_here, port) {
        (true, 0) => "localhost:<port>".to_owned(),
        (true, port) => format!("localhost:{port}"),
        (false, _) => server.listen.to_string(),
    };
    // Its certificate may be for another name.
    if server.tls.is_some() { format!("-k https://{place}") } else { place }
}
