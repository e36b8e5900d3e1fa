//! Turns what was typed into a call: one file a command, no behaviour of its own.
//!
//! Exit codes: 0, 1 where the command failed, 2 where it was typed wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config, Problems, Sources};
use crate::log;

mod serve;

/// Web-server hooks in the style of Sails.js, as WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "boathook", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lift an app and serve it
    #[command(visible_alias = "lift")]
    Serve(serve::Serve),
}

/// What every command about an app takes.
#[derive(Debug, Args)]
struct App {
    /// The app folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// Where settings come from, beside `boathook.toml`.
#[derive(Debug, Args)]
struct Settings {
    /// Set a key, over everything else
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// The environment: reads `boathook.<NAME>.toml` too [default: $BOATHOOK_ENV, or development]
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// How much to log
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Log one JSON object a line
    #[arg(long)]
    log_json: bool,
}

impl App {
    /// Reads and checks the configuration.
    fn config(
        &self,
        overrides: Vec<(String, serde_json::Value, String)>,
    ) -> Result<Config, Problems> {
        let mut overrides = overrides;
        let vars: Vec<_> = std::env::vars_os().collect();
        let level = |name: &str| {
            vars.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.to_string_lossy().into())
        };
        let logged: Option<String> =
            self.settings.log.clone().or_else(|| level(config::LOG_VARIABLE));
        if let Some(logged) = logged {
            overrides.push(("log.level".into(), logged.into(), "--log".into()));
        }
        let config = config::load(&Sources {
            dir: self.dir.clone(),
            environment: self.settings.env.clone(),
            vars,
            sets: self.settings.sets.clone(),
            overrides,
        })?;
        log::start(config.server.log_level, self.settings.log_json);
        Ok(config)
    }
}

/// Runs the command that was typed.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(serve) => serve.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints to standard output. A reader that went away, as `head` does, is no error.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints to standard error.
fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
