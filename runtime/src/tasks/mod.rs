//! Does what hooks want done when no client waits: the tasks that they hand themselves, and ticks.
//!
//! A hook's [`Tasks`] are where a task goes when it is deferred, as a [`Deferred`]: held until the call, and
//! the exchange, that it belongs to are over, then released, or dropped if the call failed. Those in memory
//! wait in a queue; durable ones in an [`Agenda`], which is in the store of `kv`.
//! [`Work`] takes them out and calls the hook, and has its ticks.
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

mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::config::TaskSettings;
use crate::store::{Agenda, StoreError};
use queue::{Queue, Room};
pub use schedule::{Schedule, Tick};
use stored::Stored;
use tally::Tally;
pub use tally::{Reading, TickReading};
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
    settings: TaskSettings,
    /// Its schedules.
    ticks: Vec<Tick>,
    queue: Queue,
    /// Where durable tasks lie; none if the hook was granted none.
    agenda: Option<Arc<Agenda>>,
    /// Told when a durable task was released.
    released: Notify,
    /// How long a durable task is held for the exchange that it belongs to.
    hold: Duration,
    tally: Tally,
    /// Durable tasks there were when somebody last looked.
    stored: Mutex<Option<u64>>,
}

impl Tasks {
    /// The tasks of a hook. `exchange` is the time that an exchange has.
    pub fn new(
        hook: Arc<str>,
        settings: TaskSettings,
        ticks: Vec<Tick>,
        agenda: Option<Arc<Agenda>>,
        exchange: Duration,
    ) -> Self {
        Self {
            queue: Queue::new(settings.queue),
            tally: Tally::new(ticks.len()),
            hook,
            settings,
            ticks,
            agenda,
            released: Notify::new(),
            hold: exchange + HOLD_BEYOND,
            stored: Mutex::default(),
        }
    }

    /// Whether these may go on with a hook that was granted this and has these ticks.
    pub fn suit(&self, ticks: &[Tick], agenda: Option<&Arc<Agenda>>) -> bool {
        self.ticks == ticks && self.agenda.is_some() == agenda.is_some()
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

    /// Writes a durable task down: when this returns it is in the store.
    ///
    /// # Errors
    /// Where too many wait, the hook has no grant, or the store fails.
    pub async fn store(self: &Arc<Self>, task: Task) -> Result<Deferred, Refused> {
        // On a task of its own: a caller that reaches its limit meanwhile must not leave behind what
        // nobody knows of.
        let storing = tokio::spawn(Stored::put(self.clone(), task));
        let stored = storing.await.unwrap_or_else(|error| {
            Err(Refused::Store(StoreError::Unavailable(format!("storing a task failed: {error}"))))
        });
        stored.map(|stored| Deferred(Held::Stored(stored))).inspect_err(|_| self.tally.refused())
    }

    /// What waits, and what became of what did.
    pub fn reading(&self) -> Reading {
        let names = self.ticks.iter().map(|tick| tick.name.clone());
        let stored = *self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        self.tally.reading(self.queue.waiting(), stored, names)
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
    /// Lets it be run.
    pub fn release(self) {
        match self.0 {
            Held::Kept(task, room) => room.fill(task),
            Held::Stored(stored) => stored.release(),
        }
    }
}
