//! Turns what was typed into a call: one file a command, no behaviour of its own.
//!
//! What was asked for goes to standard output, as text or, with `--json`, as one JSON document. What
//! went wrong goes to standard error, and so does the log; with `--json` it is the document, for then
//! it is a program that asks. Exit codes: 0, 1 where the command failed, 2 where it was typed wrong.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::config::{self, Config, Problems, Sources};
use crate::log;
use crate::sandbox::{Cache, Compiler, child, give_back_large_blocks};

mod bindings;
mod build;
mod dev;
mod doctor;
mod new;
mod pack;
mod test;

mod serve;

mod check;
mod compile;
mod explain;
mod inspect;
mod remote;
mod routes;
mod switch;

mod report;
mod text;

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
    /// Serve an app, and build and replace hooks as their sources change
    Dev(dev::Dev),
    /// Find all that keeps an app from being served
    Check(check::Check),
    /// List an app's routes in the order in which requests meet them
    Routes(routes::Routes),
    /// Look at an app's configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show what a component is, and what it asks for
    Inspect(inspect::Inspect),
    /// List the hooks of the server that runs
    Ls(remote::Ls),
    /// Put a component in the place of a hook of the server that runs
    Deploy(remote::Deploy),
    /// Put back what a hook of the server that runs was before
    Rollback(remote::Rollback),
    /// Take a hook out of the server that runs, until it is enabled again
    Disable(switch::Disable),
    /// Have the server that runs lift a hook that is disabled
    Enable(switch::Enable),
    /// Set limits of a hook of the server that runs, over those that are configured
    Limit(switch::Limit),
    /// Compile an app's hooks, so that the next start finds them compiled
    Compile(compile::Compile),
    /// Write a folder with a hook that answers
    New(new::New),
    /// Build a hook, or all of an app's
    Build(build::Build),
    /// Run hooks' cases
    Test(test::Test),
    /// Make a hook of a core module, or write a component's manifest
    Pack(pack::Pack),
    /// Write this version's WIT package and bindings into a project
    Bindings(bindings::Bindings),
    /// Look at this machine: toolchains, app folder, ports, limits
    Doctor(doctor::Doctor),
    /// Compile what comes in; run by this program alone
    #[command(name = child::COMMAND, hide = true)]
    CompileOne(compile::CompileOne),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show what is configured, and where each value comes from
    Explain(explain::Explain),
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

/// For programs that read the answer.
#[derive(Debug, Args)]
struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl App {
    /// Reads the configuration for a command that only looks: it says nothing of what goes well,
    /// unless it was told to.
    fn look(&self) -> Result<(Config, Problems), Problems> {
        let (mut config, problems) = self.config(Vec::new())?;
        if config.tree.get("log.level").is_none() {
            config.server.log_level = log::Level::Warn;
            log::set_level(log::Level::Warn);
        }
        Ok((config, problems))
    }

    /// How this app's hooks are compiled: in a child of this program, once.
    fn compiler(&self) -> Arc<Compiler> {
        let cache = Cache::open(&self.dir);
        if let Err(error) = &cache {
            tracing::warn!("hooks are compiled at every start: {error}");
        }
        Arc::new(Compiler { cache: cache.ok(), program: this_program(), ..Compiler::default() })
    }

    /// Reads the configuration, and what is wrong with it.
    fn config(
        &self,
        overrides: Vec<(String, Value, String)>,
    ) -> Result<(Config, Problems), Problems> {
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
        let (config, problems) = config::survey(&Sources {
            dir: self.dir.clone(),
            environment: self.settings.env.clone(),
            vars,
            sets: self.settings.sets.clone(),
            overrides,
        })?;
        log::start(config.server.log_level, self.settings.log_json);
        Ok((config, problems))
    }
}

impl Command {
    fn wants_json(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Dev(_) => false,
            Self::Check(check) => check.json.json,
            Self::Routes(routes) => routes.json.json,
            Self::Config(ConfigCommand::Explain(explain)) => explain.json.json,
            Self::Inspect(inspect) => inspect.json.json,
            Self::Ls(ls) => ls.json.json,
            Self::Deploy(deploy) => deploy.json.json,
            Self::Rollback(rollback) => rollback.json.json,
            Self::Disable(disable) => disable.switch.json.json,
            Self::Enable(enable) => enable.switch.json.json,
            Self::Limit(limit) => limit.switch.json.json,
            Self::Compile(compile) => compile.json.json,
            Self::CompileOne(_) => false,
            Self::New(new) => new.json.json,
            Self::Build(build) => build.json.json,
            Self::Test(test) => test.json.json,
            Self::Pack(pack) => pack.json.json,
            Self::Bindings(bindings) => bindings.json.json,
            Self::Doctor(doctor) => doctor.json.json,
        }
    }
}

/// Compiles in a child of this program, and keeps nothing.
fn compiler() -> Arc<Compiler> {
    Arc::new(Compiler { program: this_program(), ..Compiler::default() })
}

/// Not its path: another version may lie there by now.
fn this_program() -> Option<PathBuf> {
    Some("/proc/self/exe".into())
}

/// Runs the command that was typed.
pub fn run(cli: Cli) -> ExitCode {
    give_back_large_blocks();
    let wants_json = cli.command.wants_json();
    let result = match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Dev(dev) => dev.run(),
        Command::Check(check) => check.run(),
        Command::Routes(routes) => routes.run(),
        Command::Config(ConfigCommand::Explain(explain)) => explain.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Ls(ls) => ls.run(),
        Command::Deploy(deploy) => deploy.run(),
        Command::Rollback(rollback) => rollback.run(),
        Command::Disable(disable) => disable.run(),
        Command::Enable(enable) => enable.run(),
        Command::Limit(limit) => limit.run(),
        Command::Compile(compile) => compile.run(),
        Command::CompileOne(one) => one.run(),
        Command::New(new) => new.run(),
        Command::Build(build) => build.run(),
        Command::Test(test) => match test.run() {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Pack(pack) => pack.run(),
        Command::Bindings(bindings) => bindings.run(),
        Command::Doctor(doctor) => {
            return if doctor.run() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    if wants_json {
        say_json(&report::json(&error));
    } else {
        complain(&report::text(&error));
    }
    ExitCode::FAILURE
}

/// Runs a command that lifts an app.
fn block_on<T>(
    workers: Option<usize>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        runtime.worker_threads(workers);
    }
    let runtime = runtime.enable_all().build().context("cannot start threads")?;
    let result = runtime.block_on(work);
    // Guest calls whose client has left may still run; they have had their drain.
    runtime.shutdown_background();
    result
}

/// Prints to standard output. A reader that went away, as `head` does, is no error.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{}", text::printable(text));
}

/// Prints a JSON document to standard output.
fn say_json(document: &Value) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{}", text::json(document));
}

/// Prints to standard error.
fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{}", text::printable(text));
}
