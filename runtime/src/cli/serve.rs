//! `boathook serve`: lifts an app, serves it until it is told to stop, and lowers it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Weak};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{App, block_on, complain, routes, say, text};
use crate::app;
use crate::chain;
use crate::config::{Config, Problems};
use crate::lift;
use crate::sandbox::{Compiler, pool};
use crate::server::{Listener, Options, Tls};

/// Lift an app and serve it.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    app: App,
    /// Where to listen, over what is configured
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let listen = self.listen.map(|listen| ("listen".into(), listen.into(), "--listen".into()));
        let (config, problems) = self.app.config(listen.into_iter().collect())?;
        let compiler = self.app.compiler();
        block_on(config.server.workers, serve(config, problems, compiler))
    }
}

async fn serve(config: Config, problems: Problems, compiler: Compiler) -> anyhow::Result<()> {
    let drain = config.server.drain;
    let stop = stop()?;
    let prepared = prepare(config, problems, compiler, stopped(stop.clone())).await?;
    let options = options(&prepared.config)?;
    let app = lift::lift(prepared, stopped(stop.clone())).await?;
    let listener = match Listener::bind(&options) {
        Ok(listener) => listener,
        Err(error) => {
            lift::lower_all(&app.hooks, &app.shared).await;
            return Err(error.into());
        }
    };
    announce(&app, &listener);
    if app.shared.development {
        for warning in app.asset_warnings() {
            tracing::warn!("{warning}");
        }
    }
    let _ = app.tunnels.set(listener.tunnels());
    tokio::spawn(sweep(Arc::downgrade(&app)));
    app.shared.events.fire("lifted", "{}".into());

    let handler = {
        let app = app.clone();
        move |request, peer| chain::handle(app.clone(), request, peer)
    };
    let drained = listener.serve(handler, stopped(stop)).await;
    app.afterwards.close();
    if tokio::time::timeout(drain, app.afterwards.wait()).await.is_err() {
        let left = app.afterwards.len();
        tracing::warn!("{left} pieces of work after a response were cut off");
    }
    if drained.exchanges_cut > 0 {
        tracing::warn!("{} requests were cut off after {drain:?}", drained.exchanges_cut);
    }
    lift::lower_all(&app.hooks, &app.shared).await;
    tracing::info!("lowered");
    Ok(())
}

/// Prepares an app, unless `stop` comes first. Compiling is left behind then: the compilers are
/// processes that end with this one.
async fn prepare(
    config: Config,
    problems: Problems,
    compiler: Compiler,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<lift::Prepared> {
    let work = tokio::task::spawn_blocking(move || lift::prepare(config, problems, &compiler));
    tokio::select! {
        prepared = work => Ok(prepared.context("preparing the hooks failed")??),
        () = stop => Err(lift::LiftError::Stopped.into()),
    }
}

/// Frees instances that nobody needs any more, for as long as the app runs.
async fn sweep(app: Weak<app::App>) {
    let mut rounds = tokio::time::interval(pool::SWEEP);
    loop {
        rounds.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.hooks.iter().for_each(|hook| hook.sweep());
    }
}

/// Waits until it is time to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the process.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Becomes true with the first SIGTERM or ctrl-c. The second one ends the process.
fn stop() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for ctrl-c")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for round in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if round == 0 {
                tracing::info!("stopping; once more to quit at once");
                sender.send_replace(true);
            }
        }
        complain("quit");
        quit();
    });
    Ok(receiver)
}

#[expect(clippy::exit, reason = "the second signal means now, whatever still runs")]
fn quit() {
    std::process::exit(1);
}

/// What the server is told, from the configuration.
fn options(config: &Config) -> anyhow::Result<Options> {
    let server = &config.server;
    let listen = server.listen.to_string();
    let address: SocketAddr = listen
        .to_socket_addrs()
        .with_context(|| format!("cannot look up where to listen: `{listen}`"))?
        .next()
        .with_context(|| format!("no address to listen on: `{listen}`"))?;
    Ok(Options {
        tls: server
            .tls
            .as_ref()
            .map(|tls| Tls { certificate: tls.cert.clone(), key: tls.key.clone() }),
        connections: server.max_connections,
        header_bytes: usize::try_from(server.http.max_header_bytes).unwrap_or(usize::MAX),
        headers: server.http.max_headers,
        header_timeout: server.http.header_timeout,
        idle_timeout: server.http.idle_timeout,
        streams: server.http.max_streams,
        drain: server.drain,
        ..Options::new(address)
    })
}

/// Says what runs and where; the address is on a line of its own, for scripts.
fn announce(app: &Arc<app::App>, listener: &Listener) {
    let scheme = if app.config.server.tls.is_some() { "https" } else { "http" };
    let names: Vec<&str> = app.hooks.iter().map(|hook| &**hook.name()).collect();
    let hooks = if names.is_empty() { "none".into() } else { names.join(", ") };
    say(&format!("hooks in order: {hooks}"));
    if !app.disabled.is_empty() {
        say(&format!("disabled: {}", app.disabled.join(", ")));
    }
    let routes = routes::table(app);
    if !routes.is_empty() {
        say(&format!("routes:\n{}", text::indented(&text::columns(&routes))));
    }
    say(&format!("listening on {scheme}://{}", listener.local_addr()));
}
