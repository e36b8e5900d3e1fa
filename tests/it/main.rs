//! Tests Boathook from outside: real components, a real process, real sockets.
//!
//! A test is a sentence and a fixture: see `harness/fixture.rs` for what a fixture can say.

mod harness;

mod basics;
mod between_hooks;
mod bodies;
mod chain;
mod configuration;
mod events;
mod lifecycle;
mod observing;
mod order;
mod responses;
mod routing;
