//! Serves an app as `boathook serve` does, with native steps where hooks would be: the bench suite's
//! limit, what a hook could cost at the least.
//!
//! `boathook-twin DIR STEPS [answer]` lifts the app in DIR, which has no hooks, and puts STEPS native
//! steps ahead of its routes. Each reads a header and sets five; with `answer` the last one answers.
//!
//! The same code as in the server: sockets, connections, the exchange, ids, router and chain, the
//! app's own routes, the way back. What a call into a hook adds beside its work is left out: breaker,
//! pool, lending of the exchange, limits, the crossing into the component and from it into the host,
//! the check of what the hook hands over.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use anyhow::{Context as _, bail};
use bench_hooks::{BODY, NOBODY, READ, SET, WRITTEN};
use boathook::app::{App, Doer, Step};
use boathook::body::Body;
use boathook::config::{self, Problems, Sources};
use boathook::exchange::Exchange;
use boathook::router::{Address, Binding, Router, Section};
use boathook::sandbox::Compiler;
use boathook::server::{Listener, Options};
use boathook::target::{Native, Target};
use boathook::{chain, lift};
use http::{HeaderName, HeaderValue, header};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (dir, steps, answers) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [dir, steps] => (dir, steps, false),
        [dir, steps, "answer"] => (dir, steps, true),
        _ => bail!("usage: boathook-twin DIR STEPS [answer]"),
    };
    let steps = steps.parse().with_context(|| format!("not a number of steps: `{steps}`"))?;
    let sources = Sources { dir: dir.into(), ..Sources::default() };
    let (config, problems) = config::survey(&sources)?;
    boathook::log::start(config.server.log_level, false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config, problems, native(steps, answers)))
}

/// The native steps in their order.
fn native(steps: usize, answers: bool) -> Vec<Native> {
    let mut all: Vec<Native> = vec![decorate; steps];
    if let Some(last) = all.last_mut().filter(|_| answers) {
        *last = answer;
    }
    all
}

async fn serve(
    config: config::Config,
    problems: Problems,
    steps: Vec<Native>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await;
    };
    let compiler = std::sync::Arc::new(Compiler::default());
    let prepared = lift::prepare(config, problems, &compiler)?;
    let lifted = lift::lift(prepared, std::future::pending()).await?;
    let lifted = Arc::into_inner(lifted).context("a lifted app has one owner")?;
    let app = Arc::new(with_steps(lifted, steps)?);
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(&Options::new(any_port))?;
    let _ = app.tunnels.set(listener.tunnels());
    tokio::spawn(sweep(Arc::downgrade(&app)));
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr())?;
    let handler = move |request, peer| chain::handle(app.clone(), request, peer);
    listener.serve(handler, stop).await;
    Ok(())
}

/// Puts native steps where the `before` routes of hooks would be.
fn with_steps(mut app: App, steps: Vec<Native>) -> anyhow::Result<App> {
    let everything = Address::parse("GET /*")?;
    let before = vec![Binding::new(everything.clone(), true); steps.len()];
    let own = app.router.bindings().filter(|(section, ..)| *section == Section::App);
    let own = own.map(|(_, _, binding)| binding.clone()).collect();
    app.router = Router::new(before, own, Vec::new());
    let native = steps.into_iter().map(|work| Step {
        address: everything.to_string(),
        options: None,
        session: true,
        doer: Doer::Target(Target::Native(work)),
    });
    app.steps.splice(0..0, native);
    Ok(app)
}

/// As the server does for its hooks; here there are none, so it costs the same and does nothing.
async fn sweep(app: Weak<App>) {
    let mut rounds = tokio::time::interval(boathook::sandbox::pool::SWEEP);
    loop {
        rounds.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.hooks.iter().for_each(|hook| hook.sweep());
    }
}

/// The work of the hook `headers`.
fn decorate(exchange: &mut Exchange) -> bool {
    let read = exchange.request.headers.get(READ).cloned();
    let read = read.unwrap_or(HeaderValue::from_static(NOBODY));
    let headers = &mut exchange.response.headers;
    headers.insert(HeaderName::from_static(WRITTEN), read);
    for (name, value) in SET {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    false
}

/// The work of the hook `answers`.
fn answer(exchange: &mut Exchange) -> bool {
    decorate(exchange);
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    exchange.response.headers.insert(header::CONTENT_TYPE, content_type);
    exchange.response.body = Body::whole(bytes::Bytes::from_static(BODY.as_bytes()));
    true
}
