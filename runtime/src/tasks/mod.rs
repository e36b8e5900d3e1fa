//! Does what hooks want done when no client waits: the tasks that they hand themselves, and ticks.
//!
//! A hook's [`Tasks`] are where a task goes when it is deferred, as a [`Deferred`]: held until the call, and
//! the exchange, that it belongs to are over, then released, or dropped if the call failed. Those in memory
//! wait in a queue; durable ones in an [`Agenda`], which is in the store of `kv`.
//! [`Work`] takes them out and calls the hook, and has its [`Ticks`].
//! Where another hook comes in the place of one, its tasks go on with that.
//!
//! - A task in memory is run once at most. A durable one is run until it succeeds or is given up.
//! - Nothing waits for the hook's instances longer than a request would, and no more than a few of
//!   them are taken at a time: requests come first.
//! - The hook's breaker knows nothing of all this: work that fails takes the hook from nobody.
//!
//! What is not here: what crosses the sandbox's border (`host/tasks.rs`).

mod queue;
mod schedule;
mod stored;

mod backoff;
mod tally;
mod ticks;

mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::config::TaskSettings;
use crate::store::{Agenda, StoreError};
use queue::{Queue, Room};
pub use schedule::{Schedule, Tick};
use stored::Stored;
pub use tally::Reading;
use tally::Tally;
pub use ticks::{TickReading, Ticks};
pub use work::Work;

/// Bytes of a task's payload. It says what is to be done; data has other ways.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of its name.
pub const NAME_BYTES_MAX: usize = 128;
/// The longest delay: a month. What is further off is the matter of a schedule.
pub const DELAY_MAX: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// Bytes of a durable task as it is written down: what is in quotes there may take twice as many, or more.
pub const STORED_BYTES_MAX: usize = 8 * PAYLOAD_BYTES_MAX;

/// A task that a hook hands itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// What `handle-task` is to do.
    pub name: String,
    /// With what: JSON.
    pub payload: String,
    /// How long to wait, from when it is released.
    pub delay: Duration,
}

/// Why a task cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many wait.
    #[error("{0}")]
    Full(String),
    /// The store did not do it.
    #[error("{0}")]
    Store(StoreError),
}

/// The tasks of one hook, and what became of those that were.
#[derive(Debug)]
pub struct Tasks {
    hook: Arc<str>,
    settings: ArcSwap<TaskSettings>,
    queue: Queue,
    tally: Tally,
    /// Durable tasks there were when somebody last looked.
    stored: Mutex<Option<u64>>,
}

impl Tasks {
    /// The tasks of a hook.
    pub fn new(hook: Arc<str>, settings: TaskSettings) -> Self {
        Self {
            hook,
            settings: ArcSwap::from_pointee(settings),
            queue: Queue::default(),
            tally: Tally::default(),
            stored: Mutex::default(),
        }
    }

    /// Goes by other settings from now on.
    pub fn go_by(&self, settings: &TaskSettings) {
        self.settings.store(Arc::new(settings.clone()));
    }

    /// Takes a task into memory.
    ///
    /// # Errors
    /// Where too many wait.
    pub fn keep(self: &Arc<Self>, task: Task) -> Result<Deferred, Refused> {
        match self.queue.room(self, task.name.len() + task.payload.len()) {
            Ok(room) => Ok(Deferred(Held::Kept(task, room))),
            Err(text) => {
                self.tally.refused();
                Err(Refused::Full(text))
            }
        }
    }

    /// Writes a durable task down: when this returns it is in the store. `exchange` is the time that an
    /// exchange has: for that, and a minute, the task is held for it.
    ///
    /// # Errors
    /// Where too many wait, or the store fails.
    pub async fn store(
        self: &Arc<Self>,
        task: Task,
        agenda: Arc<Agenda>,
        exchange: Duration,
    ) -> Result<Deferred, Refused> {
        // On a task of its own: a caller that reaches its limit meanwhile must not leave behind what
        // nobody knows of.
        let storing = tokio::spawn(Stored::put(self.clone(), task, agenda, exchange + HOLD_BEYOND));
        let stored = storing.await.unwrap_or_else(|error| {
            Err(Refused::Store(StoreError::Unavailable(format!("storing a task failed: {error}"))))
        });
        stored.map(|stored| Deferred(Held::Stored(stored))).inspect_err(|_| self.tally.refused())
    }

    /// What waits, and what became of what did.
    pub fn reading(&self, ticks: &Ticks) -> Reading {
        let stored = *self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        self.tally.reading(self.queue.waiting(), stored, ticks.reading())
    }

    fn has_stored(&self, count: Option<u64>) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }
}

/// How much longer than an exchange may take a durable task is held for it. Afterwards it is run whatever
/// became of it: the server that holds it may have died.
const HOLD_BEYOND: Duration = Duration::from_secs(60);

/// How long to wait with a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// A task that was deferred, and is run once it is released. Dropped, it is as if it had not been.
#[derive(Debug)]
pub struct Deferred(Held);

#[derive(Debug)]
enum Held {
    Kept(Task, Room),
    Stored(Stored),
}

impl Deferred {
    /// The task.
    pub fn task(&self) -> &Task {
        match &self.0 {
            Held::Kept(task, _) => task,
            Held::Stored(stored) => stored.task(),
        }
    }

    /// Whether it outlives the server.
    pub fn is_durable(&self) -> bool {
        matches!(self.0, Held::Stored(_))
    }

    /// Lets it be run.
    pub fn release(self) {
        match self.0 {
            Held::Kept(task, room) => room.fill(task),
            Held::Stored(stored) => stored.release(),
        }
    }

    /// Takes it back, and returns when that is done: for a server that may be about to end.
    pub async fn forget(self) {
        if let Held::Stored(stored) = self.0 {
            stored.forget().await;
        }
    }
}
