//! Lifts an app in this process as `boathook serve` does, and serves it on a socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use boathook::app::App;
use boathook::config::{self, Sources};
use boathook::lift;
use boathook::sandbox::Compiler;
use boathook::server::{Listener, Options};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server, until it is dropped.
pub(crate) struct Served<'r> {
    pub(crate) address: SocketAddr,
    runtime: &'r Runtime,
    app: Arc<App>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// Threads for servers. Their logs would drown a finding.
pub(crate) fn runtime() -> Runtime {
    boathook::log::set_level(boathook::log::Level::Silent);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().expect("threads can be started")
}

/// Lifts an app; the error is what would have been said.
pub(crate) fn lift<'r>(runtime: &'r Runtime, app: &Path) -> Result<Served<'r>, String> {
    let sources = Sources { dir: app.to_owned(), ..Sources::default() };
    let (config, problems) = config::survey(&sources).map_err(|found| found.to_string())?;
    let prepared = lift::prepare(config, problems, &std::sync::Arc::new(Compiler::default()));
    let lifted = lift::lift(prepared.map_err(|error| error.to_string())?, std::future::pending());
    let app = runtime.block_on(lifted).map_err(|error| error.to_string())?;
    let listening = async {
        let options = Options::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        Listener::bind(&Options { drain: Duration::from_secs(1), ..options })
    };
    let listener = runtime.block_on(listening).map_err(|error| error.to_string())?;
    let address = listener.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = app.clone();
    let handler = move |request, peer| boathook::chain::handle(shared.clone(), request, peer);
    let serving = runtime.spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        listener.serve(handler, stopped).await;
    });
    Ok(Served { address, runtime, app, stop: Some(stop), serving: Some(serving) })
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        drop(self.stop.take());
        let serving = self.serving.take();
        self.runtime.block_on(async {
            if let Some(serving) = serving {
                // How it ended has been noted where panics are.
                let _ = serving.await;
            }
            lift::lower_all(&self.app.hooks, &self.app.shared).await;
        });
    }
}
