//! The way from an empty folder to a component: what `new`, `bindings`, `build`, `pack` and `doctor` do.
//!
//! In the order of that way: [`new`] writes a hook's folder out of a template, [`bindings`] writes what a
//! language needs of this very version into it, [`build`] runs the hook's own command and puts what comes
//! of it into place, [`watch`] sees when that has to be done again, [`mod@pack`] makes a component of a core module, and [`doctor`] says what the machine
//! lacks for any of it. All that is written comes out of this program (`embedded`): nothing is
//! downloaded, and it always fits.
//!
//! What this folder does not do: it runs no hook, and it serves nothing.

pub mod bindings;
pub mod build;
pub mod doctor;
pub mod new;
pub mod pack;
pub mod trouble;
pub mod watch;

mod clock;
mod embedded;
mod files;
mod language;
mod manifest;
mod section;
mod shell;
mod tools;
mod wit;

pub use files::{FileError, put_wasm, read_wasm};
pub use language::Language;
pub(crate) use shell::quoted;
