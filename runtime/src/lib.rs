//! Boathook's runtime: lifts hooks, WebAssembly components each in a sandbox of its own, and serves HTTP
//! through them.
//!
//! # The map
//!
//! An app is a folder: `boathook.toml`, `hooks/`. Two functions are the whole story. [`lift::lift`] is the
//! start, read from top to bottom: find, compile, `defaults`, `configure`, `initialize`, bind.
//! [`chain::handle`] is a request: one loop over the steps that the router found, and the way back.
//!
//! In the order in which a request meets them:
//!
//! | where | what it does |
//! |---|---|
//! | [`server`] | sockets, connections, TLS, drain. Knows no hook. |
//! | [`chain`] | one exchange through its steps, and the way back; [`finish`] is what comes after the last byte |
//! | [`exchange`] | the exchange: request, response-to-be, locals. One box, one owner at a time. |
//! | [`router`] | which steps a request meets. Pure. |
//! | [`hook`] | a hook's verbs in plain types; finding hooks and their order |
//! | [`sandbox`] | running guest code: engine, limits, instances, pool. The only place that names wasmtime. |
//! | [`host`] | what each import does, one file an interface |
//! | [`session`] | what lasts from one request of a client to the next |
//! | [`nodes`] | events between the servers of one app |
//! | [`store`] | bytes by key for the services of hooks: in memory, in a file, in Redis |
//! | [`tasks`] | what hooks want done when no client waits: after the response, later, every so often |
//! | [`target`] | what answers without a hook: upstream, directory, redirect, fixed response |
//! | [`fetch`] | what hooks ask of other servers: grants, addresses, one client a hook |
//! | [`secrets`] | what hooks may know and the log may not |
//! | [`outside`] | the world beyond the server, where a test puts its own |
//! | [`error`] | one table from what went wrong to status, code and texts |
//!
//! And before the first request: [`config`] turns layers into one checked tree that knows where each
//! value came from, [`lift`] runs the lifecycle, [`app`] binds the routes; [`running`] holds the set that serves
//! and replaces it while it does, [`deploy`] brings it one component. [`cli`] turns what was typed into calls of these, [`log`] writes the log, [`admin`] answers the operator on a listener of its own.
//! And before there is anything to serve: [`project`] makes hooks, from an empty folder to a component;
//! [`testing`] runs a hook against cases, through all of the above but sockets.
//!
//! # Invariants
//!
//! - One store holds one instance of one hook. No two hooks share a store, ever.
//! - Every limit is armed before any guest code runs: instantiation and lifecycle calls too.
//! - An instance belongs to the call that uses it. Only a normal return puts it back; a trap, a limit, a
//!   panic and a dropped future lose it. The exchange is taken out of it first.
//! - A client that leaves cancels no guest call. The call ends by itself or at its own limits.
//! - Nothing of an exchange survives it, but what a hook put into its memory, a session or a store.
//! - The lifecycle's phases are barriers over all hooks that are lifted, and a set's configuration does not change
//!   after `configure`.
//! - A set is replaced as a whole, by one pointer. Until it is, nothing of the new one is seen by anybody.
//! - All mistakes in configuration and components are found before a socket is bound, and reported
//!   together.
//! - Router and targets see the same path. Where two readings of one would meet different hooks,
//!   the request is refused.
//!
//! What is absent on purpose: [`router`] and [`config`] do no I/O (but `config::files`, which reads the
//! files) and know neither tokio nor wasmtime. Nothing below [`chain`] calls anything above it. The
//! runtime does not depend on any SDK, nor an SDK on it: they meet in `wit/`.

/// Awaits a future where it was made. `.await` alone moves it first, twice, and that of a call into a hook
/// is a kilobyte.
macro_rules! in_place {
    ($future:expr) => {{
        let future = std::pin::pin!($future);
        future.await
    }};
}

pub mod server;

pub mod chain;
pub mod finish;

pub mod body;
pub mod exchange;

pub mod router;

pub mod hook;
pub mod sandbox;

pub mod host;
pub mod nodes;
pub mod session;
pub mod store;
pub mod tasks;

pub mod target;

pub mod error;
pub mod secrets;

pub mod fetch;
pub mod outside;

mod causes;
mod folder;
mod trust;

pub mod app;
pub mod config;
pub mod lift;
pub mod running;

pub mod deploy;

pub mod admin;
pub mod cli;
pub mod log;

pub mod project;

pub mod testing;
