//! Starts the peers: `wasmtime serve`, and Sails. `scripts/bench` installs them; one that could not be
//! installed becomes a row that says so.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::app::Places;
use crate::process::{Cores, Server, pinned};

/// Starts `wasmtime serve` at its best settings. A 0.2 component is used again one request at a time; a
/// 0.3 component takes several at once.
///
/// # Errors
/// If it is not installed, or does not start.
pub(crate) fn wasmtime(
    places: &Places,
    dir: &Path,
    component: &str,
    arguments: &[&str],
    cores: Cores,
) -> Result<Server> {
    let program = places.bench.join("tools/bin/wasmtime");
    let component = places.bench.join("peers").join(component);
    installed(&program, "wasmtime")?;
    installed(&component, "wasmtime's component")?;
    let mut command = pinned(&program, cores);
    command.args(["serve", "--addr", "127.0.0.1:0"]).args(arguments).arg(component);
    Server::start(command, &dir.join("server.log"))
}

/// Starts Sails in production with so many hooks that do the work.
///
/// # Errors
/// If it is not installed, or does not lift.
pub(crate) fn sails(places: &Places, dir: &Path, hooks: usize, cores: Cores) -> Result<Server> {
    let folder = places.bench.join("sails");
    installed(&folder.join("node_modules/sails/package.json"), "sails")?;
    // It cannot be told to take any port.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut command = pinned(Path::new("node"), cores);
    command.arg(folder.join("app.js")).args([port.to_string(), hooks.to_string()]);
    command.env("NODE_ENV", "production").current_dir(&folder);
    Server::start(command, &dir.join("server.log")).context("sails")
}

fn installed(file: &Path, what: &str) -> Result<()> {
    if !file.exists() {
        bail!("{what} is not installed: no `{}`", file.display());
    }
    Ok(())
}
