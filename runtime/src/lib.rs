//! Boathook.
pub mod app;
pub mod body;
pub mod chain;
pub mod cli;
pub mod config;
pub mod error;
pub mod exchange;
pub mod finish;
pub mod hook;
pub mod host;
pub mod lift;
pub mod log;
pub mod router;
pub mod sandbox;
pub mod server;
pub mod target;
