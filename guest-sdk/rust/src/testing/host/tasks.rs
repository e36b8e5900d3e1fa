//! Tasks in memory: what was deferred lies in a list, until the test runs it.

use std::time::Duration;

use serde_json::Value;

use super::{Stage, error, parsed, types, with};
use crate::testing::Deferred;

const NAME_BYTES_MAX: usize = 128;
const PAYLOAD_BYTES_MAX: usize = 64 << 10;

pub(crate) fn defer(name: &str, payload: &str, options: &str) -> Result<(), types::Error> {
    if matches!(with(|host| host.stage), Stage::Defaults | Stage::Configure) {
        return Err(error("E_TASKS_TOO_EARLY", "`tasks.defer` works from `initialize` on"));
    }
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || payload.len() > PAYLOAD_BYTES_MAX {
        let text = "a name has 1 to 128 bytes, a payload 64 KiB at most";
        return Err(error("E_TASKS_INVALID", text));
    }
    let full = || types::Error {
        status: Some(503),
        ..error("E_TASKS_FULL", "too many tasks wait, as `testing::fill_tasks` says")
    };
    if with(|host| host.tasks_are_full) {
        return Err(full());
    }
    let payload = parsed(payload)?;
    let options: Value = parsed(options)?;
    let task = Deferred {
        name: name.into(),
        payload,
        durable: options["durable"] == true,
        delay: Duration::from_millis(options["delay"].as_u64().unwrap_or(0)),
    };
    with(|host| host.deferred.push(task));
    Ok(())
}

/// Makes a call of the hook's: where it fails, what it deferred is dropped.
pub(crate) fn during<R>(call: impl FnOnce() -> crate::Result<R>) -> crate::Result<R> {
    let before = with(|host| host.deferred.len());
    call().inspect_err(|_| with(|host| host.deferred.truncate(before)))
}
