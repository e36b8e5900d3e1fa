//! Runs guest code, and is the only place that knows how: wasmtime is named here and nowhere else.
//!
//! The way of a hook through this folder, in reading order: [`compile`] turns a file into a
//! [`Program`], in a [`child`] process and through a [`cache`], [`engine`] holds what all programs
//! share, [`instance`] makes a live copy of one and calls it, [`limits`] says how far such a call may
//! go, [`guard`] stops it there, by a [`clock`], [`pool`] keeps instances between calls. A new instance
//! comes by its state through a [`Replay`] of the lifecycle, or out of a [`snapshot`].
//!
//! Three rules hold everywhere below:
//! - one store, one instance; no two hooks ever share a store;
//! - `limits::arm` comes before any guest code runs, instantiation included;
//! - whatever ends otherwise than by a normal return costs the instance: it is owned by the call, and
//!   only success hands it on.
//!
//! What this folder does not do: it decides nothing about requests, and knows no other hook.

pub mod bindings;
mod borrowed;
pub mod cache;
pub mod child;
pub mod clock;
pub mod compile;
pub mod engine;
pub mod guard;
pub mod instance;
pub mod limits;
pub mod pool;
mod replay;
mod shelf;
pub mod snapshot;
mod space;

pub use cache::Cache;
pub use compile::{Compiler, LoadError, Program, give_back_large_blocks};
pub use engine::Engine;
pub use instance::Instance;
pub use pool::{Lease, Pool, Rescue};
pub use replay::Replay;
pub use snapshot::Snapshot;

/// What host functions return: an error is a trap for the guest.
pub(crate) type Result<T> = wasmtime::Result<T>;

/// A trap made by a host function.
pub(crate) fn trap(cause: limits::Stop) -> wasmtime::Error {
    wasmtime::Error::new(cause)
}
