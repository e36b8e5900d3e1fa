//! Tests Boathook from outside: real components, a real process, real sockets.
//!
//! A test is a sentence and a fixture: see `harness/fixture.rs` for what a fixture can say.

mod harness;

mod admin;
mod bad_clients;
mod bad_hooks;
mod basics;
mod between_hooks;
mod bodies;
mod bypass;
mod cache;
mod chain;
mod configuration;
mod containment;
mod coverage;
mod crashes;
mod deploying;
mod developing;
mod errors;
mod events;
mod fetch;
mod forwarding;
mod grants;
mod hostile;
mod hostile_lift;
mod hostile_more;
mod installed;
mod instances;
mod kv;
mod languages;
mod lifecycle;
mod limits;
mod load;
mod observing;
mod order;
mod project;
mod replacing;
mod requests;
mod responses;
mod routing;
mod samples;
mod session;
mod settings;
mod snapshots;
mod swapping;
mod switching;
mod tasks;
mod testing;
mod testing_rigour;
