//! Writes durable tasks down, and reads them back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Refused, STORE_PAUSE, Task, Tasks};
use crate::store::{Due, StoreError};

/// A durable task that is held, by this server.
#[derive(Debug)]
pub(super) struct Stored {
    tasks: Arc<Tasks>,
    due: Option<Due>,
    delay: Duration,
}

/// A durable task as it lies in the store.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) payload: String,
    /// The attempt that comes next: 1 for the first.
    pub(super) attempt: u32,
}

impl Stored {
    /// Puts a task into the store.
    pub(super) async fn put(tasks: Arc<Tasks>, task: Task) -> Result<Self, Refused> {
        let Some(agenda) = tasks.agenda.clone() else {
            let text = "the store of durable tasks is not open".to_owned();
            return Err(Refused::Store(StoreError::Unavailable(text)));
        };
        let Task { name, payload, delay } = task;
        let value = Written { name, payload, attempt: 1 }.bytes();
        let stored_max = tasks.settings.stored;
        let put = agenda.put(&tasks.hook, &value, delay, tasks.hold, stored_max).await;
        match put {
            Ok(Some(due)) => Ok(Self { tasks, due: Some(due), delay }),
            Ok(None) => Err(Refused::Full(format!(
                "{stored_max} durable tasks wait, as many as `tasks.stored` allows"
            ))),
            Err(StoreError::Full(text)) => Err(Refused::Full(text)),
            Err(error) => Err(Refused::Store(error)),
        }
    }

    /// Lets it be run.
    pub(super) fn release(mut self) {
        let (tasks, delay) = (self.tasks.clone(), self.delay);
        let Some(due) = self.due.take() else { return };
        in_background(async move {
            // Where that fails it is due all the same, once it is held no longer.
            if let Err(error) = patiently(&tasks, &due, Some(delay)).await {
                tracing::warn!(hook = %tasks.hook, "a durable task was held too long: {error}");
            }
            tasks.released.notify_one();
        });
    }
}

impl Drop for Stored {
    /// Takes it back.
    fn drop(&mut self) {
        let tasks = self.tasks.clone();
        let Some(due) = self.due.take() else { return };
        in_background(async move {
            if let Err(error) = patiently(&tasks, &due, None).await {
                tracing::warn!(
                    hook = %tasks.hook,
                    "a durable task is run although the call that deferred it failed: {error}"
                );
            }
        });
    }
}

/// Releases a task that is held, or removes it where there is no delay; again while the store does not
/// answer, for as long as it is held.
async fn patiently(tasks: &Tasks, due: &Due, release: Option<Duration>) -> Result<(), StoreError> {
    let Some(agenda) = &tasks.agenda else { return Ok(()) };
    let until = Instant::now() + tasks.hold;
    loop {
        let changed = match release {
            Some(delay) => agenda.release(&tasks.hook, due, delay).await,
            None => agenda.remove(&tasks.hook, due).await,
        };
        match changed {
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            // If it is held no more, somebody else has seen to it.
            Ok(_) => return Ok(()),
        }
    }
}

/// Without a runtime the process is ending: what is in the store stays there.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

impl Written {
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// None for what another version of the server wrote, or somebody else.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, STORED_BYTES_MAX};
    use super::*;

    #[test]
    fn the_longest_task_fits_however_it_is_written() {
        // Of what JSON may have outside of strings, a line break takes the most; inside, control characters
        // are written as escapes already.
        let payload = format!("[\"{}\"]", "\\\"".repeat(PAYLOAD_BYTES_MAX / 2 - 2));
        assert_eq!(payload.len(), PAYLOAD_BYTES_MAX);
        let written = Written { name: "\u{1}".repeat(NAME_BYTES_MAX), payload, attempt: u32::MAX };
        let bytes = written.bytes();
        assert!(bytes.len() < STORED_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Written::read(&bytes), Some(written));
    }
}
