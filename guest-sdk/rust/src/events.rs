//! Fires events, waits for them and subscribes to them.
//!
//! The server's own are `hook:<name>:loaded`, `hook:<name>:error`, `hook:<name>:restarted`,
//! `ready`, `lifted` and `lower`.

use serde::Serialize;

use crate::Result;
use crate::host::events as host;

/// Fires an event. Every hook can hear it, so no secrets.
pub fn emit(event: &str, payload: impl Serialize) -> Result<()> {
    host::emit(event, &serde_json::to_string(&payload)?)?;
    Ok(())
}

/// Returns when each of these events has fired, earlier ones counted. For
/// [`initialize`](crate::Hook::initialize) alone.
///
/// ```
/// # use boathook_sdk::prelude::*;
/// # #[derive(Default)] struct NeedsOrm;
/// impl Hook for NeedsOrm {
///     fn initialize(&mut self) -> Result<()> {
///         events::wait(&["hook:orm:loaded", "hook:custom-data:loaded"])
///     }
/// }
/// ```
pub fn wait(events: &[&str]) -> Result<()> {
    let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
    host::wait(&events)?;
    Ok(())
}

/// Has the event delivered to [`handle_event`](crate::Hook::handle_event), at once if it has fired
/// already. For `configure` and `initialize`.
pub fn subscribe(event: &str) -> Result<()> {
    host::subscribe(event)?;
    Ok(())
}
