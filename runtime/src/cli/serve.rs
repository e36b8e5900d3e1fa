//! `boathook serve`: lifts an app, serves it until it is told to stop, and lowers it. At SIGHUP it reads
//! configuration and hooks again, and replaces what has changed.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::{App, block_on, complain, report, routes, say, text};
use crate::admin::{self, Admin};
use crate::app;
use crate::chain;
use crate::config::{Config, Listen, Problems};
use crate::deploy::Deployer;
use crate::lift;
use crate::project::trouble::Trouble;
use crate::running::{Extent, Running};
use crate::sandbox::{Compiler, engine, pool};
use crate::secrets::Secret;
use crate::server::{Drained, Listener, Options, Tls};

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
        let (config, problems) = self.read()?;
        block_on(config.server.workers, async {
            serve(Arc::new(self), config, problems, stop()?, None).await
        })
    }

    /// The app's folder.
    pub(super) fn dir(&self) -> &Path {
        &self.app.dir
    }

    /// Reads the configuration, as it lies there at the moment.
    pub(super) fn read(&self) -> Result<(Config, Problems), Problems> {
        let listen = |listen: &String| ("listen".into(), listen.clone().into(), "--listen".into());
        self.app.config(self.listen.iter().map(listen).collect())
    }
}

/// What `dev` adds to serving.
#[derive(Debug, Default)]
pub(super) struct Bench {
    /// Told each time that what has changed is to be replaced.
    pub(super) again: Notify,
    /// What is wrong with it.
    pub(super) trouble: Trouble,
}

/// Serves until `stop` is true.
pub(super) async fn serve(
    command: Arc<Serve>,
    config: Config,
    problems: Problems,
    stop: watch::Receiver<bool>,
    bench: Option<Arc<Bench>>,
) -> anyhow::Result<()> {
    let (drain, compiler) = (config.server.drain, command.app.compiler());
    let hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let prepared = prepare(config, problems, compiler.clone(), stopped(stop.clone())).await?;
    let options = options(&prepared.config)?;
    if let Some(warning) = admin::warning(&prepared.config) {
        tracing::warn!("{warning}");
    }
    let admin = prepared.config.server.admin.as_ref();
    let secret = admin.map(|_| admin::api::secret(&prepared.config)).transpose();
    let secret = secret.map_err(Problems::from)?.flatten();
    let admin = admin.map(|listen| AdminDesk::open(listen, secret, stop.clone())).transpose()?;
    let app = lift::lift(prepared, stopped(stop.clone())).await?;
    let listener = match Listener::bind(&options) {
        Ok(listener) => listener,
        Err(error) => {
            app.forget_deferred().await;
            lift::lower_all(&app.hooks, &app.shared).await;
            return Err(error.into());
        }
    };
    // From here on clients are let in: who connects is kept by the system until it is served.
    let running = Arc::new(Running::new(app.clone(), compiler));
    let _ = app.tunnels.set(listener.tunnels());
    app.shared.events.fire("lifted", "{}".into());
    running.begin_work();
    if let Some(desk) = &admin {
        desk.admin.lifted(Deployer::new(running.clone()), listener.traffic());
    }
    announce(&app, &listener);
    if app.shared.development {
        for warning in app.asset_warnings() {
            tracing::warn!("{warning}");
        }
    }
    drop(app);
    if let Some(bench) = &bench {
        bench.trouble.lifted(None);
    }
    let sweeping = tokio::spawn(sweep(running.clone()));
    let renewing = tokio::spawn(lift_anew(running.clone(), command, hangup, bench.clone()));

    let handler = {
        let running = running.clone();
        move |request, peer| chain::handle(running.app(), request, peer)
    };
    let told = OnceLock::new();
    let stop = async {
        stopped(stop).await;
        told.get_or_init(Instant::now);
    };
    let drained = match bench {
        // With another handler, so that nobody else pays for it.
        Some(bench) => {
            let app = running.clone();
            let or_trouble = move |request: http::Request<_>, peer| {
                let shown = app.app().shared.development.then(|| bench.trouble.answer(&request));
                let answered = match shown.flatten() {
                    Some(page) => Ok(page),
                    None => Err(handler(request, peer)),
                };
                async move {
                    match answered {
                        Ok(page) => page,
                        Err(answer) => answer.await,
                    }
                }
            };
            listener.serve(or_trouble, stop).await
        }
        None => listener.serve(handler, stop).await,
    };
    sweeping.abort();
    // A set that is being lifted is given up in order.
    running.close().await;
    renewing.abort();
    let app = running.app();
    app.afterwards.close();
    // One drain for all of it; what comes after the last response has a moment whatever that took.
    let until = *told.get_or_init(Instant::now) + drain;
    let until = until.max(Instant::now() + LAST_WORK);
    if tokio::time::timeout_at(until.into(), app.afterwards.wait()).await.is_err() {
        let left = app.afterwards.len();
        tracing::warn!("{left} pieces of work after a response were cut off");
    }
    running.drain_work(until).await;
    if drained.exchanges_cut > 0 {
        tracing::warn!("{} requests were cut off after {drain:?}", drained.exchanges_cut);
    }
    lift::lower_all(&app.hooks, &app.shared).await;
    if let Some(desk) = admin {
        desk.close().await;
    }
    tracing::info!("lowered");
    Ok(())
}

/// What work after the last response has at least, before a stop cuts it.
const LAST_WORK: Duration = Duration::from_secs(1);

/// The admin listener at work.
struct AdminDesk {
    admin: Admin,
    close: watch::Sender<bool>,
    served: JoinHandle<Drained>,
}

impl AdminDesk {
    /// Binds it and answers from now on.
    fn open(
        listen: &Listen,
        secret: Option<Secret>,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let address = address(listen)?;
        let listener = Listener::bind(&admin::options(address))?;
        say(&format!("admin on http://{}", listener.local_addr()));
        let admin = Admin::new(secret, stop);
        let answering = admin.clone();
        let handler = move |request, _peer| {
            let admin = answering.clone();
            async move { admin.answer(request).await }
        };
        let (close, closed) = watch::channel(false);
        let served = tokio::spawn(listener.serve(handler, stopped(closed)));
        Ok(Self { admin, close, served })
    }

    /// Stops answering, once what is being answered is out.
    async fn close(self) {
        self.close.send_replace(true);
        // However it ended: there is nobody left whom it would concern.
        let _ = self.served.await;
    }
}

/// Prepares an app, unless `stop` comes first. Compiling is left behind then: the compilers are
/// processes that end with this one.
async fn prepare(
    config: Config,
    problems: Problems,
    compiler: Arc<Compiler>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<lift::Prepared> {
    let work = tokio::task::spawn_blocking(move || lift::prepare(config, problems, &compiler));
    tokio::select! {
        prepared = work => Ok(prepared.context("preparing the hooks failed")??),
        () = stop => Err(lift::LiftError::Stopped.into()),
    }
}

/// Lifts what has changed, each time that a SIGHUP or `bench` asks for it.
async fn lift_anew(
    running: Arc<Running>,
    command: Arc<Serve>,
    mut hangup: Signal,
    bench: Option<Arc<Bench>>,
) {
    let again = async || match &bench {
        Some(bench) => bench.again.notified().await,
        None => std::future::pending().await,
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = again() => {}
        }
        if let Some(bench) = &bench {
            bench.trouble.lifting();
        }
        let replaced = running.replace(|_| command.read(), Extent::All, async |_| Ok(())).await;
        let replaced = replaced.map_err(|error| report::text(&error.into()));
        if let Some(bench) = &bench {
            bench.trouble.lifted(replaced.as_ref().err().cloned());
        }
        match replaced {
            Ok(replaced) => {
                tracing::info!("the app was lifted anew: {replaced}");
                if !replaced.later.is_empty() {
                    let keys = replaced.later.join("`, `");
                    tracing::warn!("`{keys}` changed, and will count from the next start on");
                }
            }
            Err(error) => {
                complain(&error);
                tracing::error!("the app was not lifted anew: it goes on as it was");
            }
        }
    }
}

/// Frees instances that nobody needs any more, for as long as the app runs.
async fn sweep(running: Arc<Running>) {
    let mut rounds = tokio::time::interval(pool::SWEEP);
    loop {
        rounds.tick().await;
        let app = running.app();
        app.hooks.iter().for_each(|hook| hook.sweep());
        engine::watch_swap();
    }
}

/// Waits until it is time to stop.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the process.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Becomes true with the first SIGTERM or ctrl-c. The second one ends the process.
pub(super) fn stop() -> anyhow::Result<watch::Receiver<bool>> {
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

/// The address that is meant.
fn address(listen: &Listen) -> anyhow::Result<SocketAddr> {
    let listen = listen.to_string();
    listen
        .to_socket_addrs()
        .with_context(|| format!("cannot look up where to listen: `{listen}`"))?
        .next()
        .with_context(|| format!("no address to listen on: `{listen}`"))
}

/// What the server is told, from the configuration.
fn options(config: &Config) -> anyhow::Result<Options> {
    let server = &config.server;
    let address = address(&server.listen)?;
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
