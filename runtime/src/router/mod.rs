//! Decides which routes a request meets: addresses, their order, matching.
//!
//! Pure data in, data out. What an operator or a hook wrote becomes an [`Address`], addresses with
//! their flags become a [`Router`], and for every request the router answers with the indexes and
//! params of the bindings that match, in the order in which the chain goes through them. Syntax
//! and order are Sails' (which are Express 4's): the tests name the rows.
//!
//! Reading order: [`Verbs`] and [`Address`] are what was written, `express` and `shape` what it
//! means, [`Path`] what a client sent, [`Router`] brings the two together.
//!
//! Not here: what answers a route, what a hook does with it, any socket, any wait. Nothing in this
//! folder reads a file, the clock or the environment.

mod verbs;

mod address;
mod express;
mod odd;
mod pattern;
mod shape;

mod params;
mod path;

mod asset;
mod binding;
mod sort;
mod table;

mod cover;
mod overlap;

#[cfg(test)]
mod tests;

pub use self::address::{Address, AddressError};
pub use self::asset::looks_like_asset;
pub use self::binding::{Binding, SkipAssets};
pub use self::cover::{Uncovered, uncovered};
pub use self::params::Params;
pub use self::path::{Path, PathError};
pub use self::pattern::{Pattern, PatternError};
pub use self::table::{Match, MatchError, Matches, Router, Section};
pub use self::verbs::Verbs;
