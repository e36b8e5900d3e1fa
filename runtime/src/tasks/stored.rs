//! Writes durable tasks down, and reads them back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Refused, STORE_PAUSE, Task, Tasks};
use crate::store::{Agenda, Due, StoreError};

/// A durable task that is held, by this server.
#[derive(Debug)]
pub(super) struct Stored {
    held: Arc<Held>,
    due: Option<Due>,
    task: Task,
}

/// Where it lies, and how long it is held there.
#[derive(Debug)]
struct Held {
    tasks: Arc<Tasks>,
    agenda: Arc<Agenda>,
    hold: Duration,
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
    pub(super) async fn put(
        tasks: Arc<Tasks>,
        task: Task,
        agenda: Arc<Agenda>,
        hold: Duration,
    ) -> Result<Self, Refused> {
        let (name, payload) = (task.name.clone(), task.payload.clone());
        let value = Written { name, payload, attempt: 1 }.bytes();
        let stored_max = tasks.settings.load().stored;
        let put = agenda.put(&tasks.hook, &value, task.delay, hold, stored_max).await;
        match put {
            Ok(Some(due)) => {
                let held = Arc::new(Held { tasks, agenda, hold });
                Ok(Self { held, due: Some(due), task })
            }
            Ok(None) => Err(Refused::Full(format!(
                "{stored_max} durable tasks wait, as many as `tasks.stored` allows"
            ))),
            Err(StoreError::Full(text)) => Err(Refused::Full(text)),
            Err(error) => Err(Refused::Store(error)),
        }
    }

    /// The task.
    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    /// Lets it be run.
    pub(super) fn release(mut self) {
        let (held, delay) = (self.held.clone(), self.task.delay);
        let Some(due) = self.due.take() else { return };
        in_background(async move {
            // Where that fails it is due all the same, once it is held no longer.
            if let Err(error) = held.patiently(&due, Some(delay)).await {
                tracing::warn!(hook = %held.tasks.hook, "a durable task was held too long: {error}");
            }
            held.agenda.bell(&held.tasks.hook).notify_one();
        });
    }

    /// Takes it back, and returns when that is done.
    pub(super) async fn forget(mut self) {
        let Some(due) = self.due.take() else { return };
        let removed = tokio::time::timeout(FORGET_WITHIN, self.held.patiently(&due, None)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(
                hook = %self.held.tasks.hook,
                "a durable task may be run although the lift that deferred it failed: the store does not answer"
            );
        }
    }
}

impl Drop for Stored {
    /// Takes it back.
    fn drop(&mut self) {
        let held = self.held.clone();
        let Some(due) = self.due.take() else { return };
        in_background(async move {
            if let Err(error) = held.patiently(&due, None).await {
                tracing::warn!(
                    hook = %held.tasks.hook,
                    "a durable task is run although the call that deferred it failed: {error}"
                );
            }
        });
    }
}

/// How long a server that may be about to end waits until a task is taken back.
const FORGET_WITHIN: Duration = Duration::from_secs(5);

impl Held {
    /// Releases the task, or removes it where there is no delay; again while the store does not answer, for
    /// as long as it is held.
    async fn patiently(&self, due: &Due, release: Option<Duration>) -> Result<(), StoreError> {
        let until = Instant::now() + self.hold;
        loop {
            let changed = match release {
                Some(delay) => self.agenda.release(&self.tasks.hook, due, delay).await,
                None => self.agenda.remove(&self.tasks.hook, due).await,
            };
            match changed {
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
                // If it is held no more, somebody else has seen to it.
                Ok(_) => return Ok(()),
            }
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
