//! The command `boathook`: turns what was typed into a call, and the result into an exit code.

use std::process::ExitCode;

use boathook::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
