//! Keeps bytes by key for the services of hooks: in memory, in a database file, or in Redis.
//!
//! [`Store`] is the one seam: it checks sizes and hands the call on, so that what uses it (the `kv`
//! import, sessions) does not know which store it has. All stores keep the same promises, and
//! `tests.rs` runs the same tests against each:
//!
//! - A change is one atomic step: [`Store::increment`] and [`Store::compare_and_set`] are right however
//!   many instances and servers ask at the same time.
//! - A change that was answered is seen by every later read. What survives the process is the store's
//!   own matter and stands at the head of its file.
//! - What has expired is not there, to the millisecond of the store's clock. When its bytes are freed is
//!   the store's own matter too.
//! - Every call ends: with an answer, or with an error in bounded time.
//!
//! What is not here: who may use which space, and what the bytes mean.

mod agenda;
mod change;

mod embedded;
mod memory;
mod redis;

mod setup;
mod tally;

#[cfg(test)]
mod tests;

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use change::{Change, Outcome};
use embedded::Embedded;
use memory::Memory;
use redis::Redis;
use tally::{Operation, Tally};

use crate::config::Durability;
use crate::outside::FrozenClock;

pub use agenda::{Agenda, Claimed, Due};
pub use redis::RedisServer;
pub use setup::{open, open_kv, server};
pub use tally::{Calls, StoreReading};

/// Bytes that a key may have.
pub const KEY_BYTES_MAX: usize = 512;
/// Bytes that the name of a space may have: a namespace of hooks and what the server puts ahead of it.
pub const SPACE_BYTES_MAX: usize = 80;
/// Bytes of a cursor at most: what Redis found beyond a page goes along in it. Reading one is work that no limit of
/// a guest's interrupts.
const CURSOR_BYTES_MAX: usize = 2 * PAGE_KEYS_MAX * (KEY_BYTES_MAX + 8);
/// Keys in one page at most.
pub const PAGE_KEYS_MAX: usize = 1000;
/// The longest time to expiry: ten years. Far beyond any use, and far from where clocks overflow.
pub const EXPIRY_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// A store of bytes by key. Its clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Arc<Backend>,
    value_bytes_max: usize,
    tally: Arc<Tally>,
}

#[derive(Debug)]
enum Backend {
    Memory(Memory),
    Embedded(Embedded),
    Redis(Box<Redis>),
}

/// Where bytes lie: a space of one service, and a name in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// What separates services and namespaces: `kv:rates`, `session`. No zero byte.
    pub space: &'a str,
    /// Any text in it.
    pub name: &'a str,
}

/// What an increment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter {
    /// The number, increment included.
    pub value: i64,
    /// What is left until it expires; none where it never does.
    pub left: Option<Duration>,
}

/// Some of the keys of a space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Names, in no promised order.
    pub names: Vec<String>,
    /// What to ask for the next page with; none where this was the last.
    pub cursor: Option<String>,
}

/// Why a store did not do what it was asked. Nothing has changed then, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key is empty or too long.
    #[error("a key has 1 to {KEY_BYTES_MAX} bytes: found {0}")]
    Key(usize),
    /// The space is empty or too long, or has a zero byte.
    #[error("a space has 1 to {SPACE_BYTES_MAX} bytes, none of them zero: found {0} bytes")]
    Space(usize),
    /// The value is too long.
    #[error("a value has at most {max} bytes: found {found}")]
    Value {
        /// Bytes of the value.
        found: usize,
        /// Bytes that it may have.
        max: usize,
    },
    /// The time to expiry is zero or too long.
    #[error("an expiry is 1 ms to ten years ahead: found {0:?}")]
    Expiry(Duration),
    /// A cursor that this store has not made.
    #[error("the cursor is none of this store's")]
    Cursor,
    /// What is to be incremented is no number.
    #[error("the value is not a whole number in decimal digits")]
    NotANumber,
    /// The number would not fit.
    #[error("the number would not fit into 64 bits")]
    OutOfRange,
    /// The store has no room.
    #[error("the store is full: {0}")]
    Full(String),
    /// Too many changes wait for the disk.
    #[error("too many changes wait to be written")]
    Busy,
    /// The store cannot be reached, or its disk failed. Whether a change was made is not known.
    #[error("{0}")]
    Unavailable(String),
}

/// The result of a call to a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl Store {
    /// A store in this process's memory, of so many bytes at most, for values of at most so many.
    pub fn memory(bytes_max: u64, value_bytes_max: usize) -> Self {
        Self::of(Backend::Memory(Memory::new(bytes_max)), value_bytes_max)
    }

    /// The same store; if it is one in memory, and full, it forgets what would expire first for what comes. It
    /// is for what users can make anew, as sessions are; others keep what they have and refuse.
    #[must_use]
    pub fn forgetting(mut self) -> Self {
        // It is nobody else's yet: a store that is shared keeps what it promised to the others.
        if let Some(Backend::Memory(memory)) = Arc::get_mut(&mut self.backend) {
            memory.forgets = true;
        }
        self
    }

    /// The same store; if it is one in memory, what expires in it expires by this clock.
    #[must_use]
    pub fn by(mut self, clock: FrozenClock) -> Self {
        if let Some(Backend::Memory(memory)) = Arc::get_mut(&mut self.backend) {
            memory.clock = Some(clock);
        }
        self
    }

    /// How many entries it has forgotten so far, for want of room.
    pub fn forgotten(&self) -> u64 {
        match &*self.backend {
            Backend::Memory(memory) => memory.forgotten(),
            Backend::Embedded(_) | Backend::Redis(_) => 0,
        }
    }

    /// A store in a database file, which is made if there is none; the bounds are those of
    /// [`Store::memory`]. Blocks, for the time of opening a file.
    ///
    /// # Errors
    /// Where the file cannot be made or read, is no database, or is in use by another process.
    pub fn embedded(
        file: &Path,
        bytes_max: u64,
        value_bytes_max: usize,
        durability: Durability,
    ) -> Result<Self> {
        let embedded = Embedded::open(file, bytes_max, durability, embedded::SWEEP_EVERY)?;
        Ok(Self::of(Backend::Embedded(embedded), value_bytes_max))
    }

    /// A store in a Redis server, which has to answer now. Its memory is bounded by its own settings.
    ///
    /// # Errors
    /// Where it does not answer, or refuses the password.
    pub async fn redis(server: &RedisServer, value_bytes_max: usize) -> Result<Self> {
        let redis = Redis::connect(server).await?;
        Ok(Self::of(Backend::Redis(Box::new(redis)), value_bytes_max))
    }

    /// The same store, for values of at most so many bytes.
    #[must_use]
    pub fn with_values_of(&self, value_bytes_max: usize) -> Self {
        Self { value_bytes_max, ..self.clone() }
    }

    fn of(backend: Backend, value_bytes_max: usize) -> Self {
        Self { backend: Arc::new(backend), value_bytes_max, tally: Arc::default() }
    }

    /// Has everything that was answered reach the disk, and takes no changes any more. For the end of a
    /// process: whoever still has the store does not hold that up.
    pub async fn close(&self) {
        let backend = self.backend.clone();
        let closing = tokio::task::spawn_blocking(move || {
            if let Backend::Embedded(embedded) = &*backend {
                embedded.close();
            }
        });
        if let Err(error) = closing.await {
            tracing::error!("the store was not closed: {error}");
        }
    }

    /// What it did so far.
    pub fn reading(&self) -> StoreReading {
        let redis_up = match &*self.backend {
            Backend::Redis(redis) => Some(redis.is_up()),
            Backend::Memory(_) | Backend::Embedded(_) => None,
        };
        StoreReading { calls: self.tally.calls(), redis_up }
    }

    /// The value of a key; none where there is none, or where it has expired.
    ///
    /// # Errors
    /// A bad key; a store that does not answer.
    pub async fn get(&self, key: Key<'_>) -> Result<Option<Vec<u8>>> {
        key.check()?;
        let begun = Instant::now();
        let got = match &*self.backend {
            Backend::Memory(memory) => Ok(memory.get(key)),
            Backend::Embedded(embedded) => embedded.get(key).await,
            Backend::Redis(redis) => redis.get(key).await,
        };
        self.tally.ended(Operation::Get, begun, &got);
        got
    }

    /// Sets a value. It expires after `expires_in`; never, where that is none, whatever was said of the
    /// value before.
    ///
    /// # Errors
    /// What is too long; a store that is full or does not answer.
    pub async fn set(
        &self,
        key: Key<'_>,
        value: &[u8],
        expires_in: Option<Duration>,
    ) -> Result<()> {
        self.change(key, Change::Set { value, expires_in }).await.map(drop)
    }

    /// Removes a value, and says whether there was one.
    ///
    /// # Errors
    /// A bad key; a store that does not answer.
    pub async fn delete(&self, key: Key<'_>) -> Result<bool> {
        Ok(self.change(key, Change::Delete).await?.done)
    }

    /// Sets a value, or removes it where `new` is none, if what is there is `old`, none being nothing;
    /// says whether it was. The expiry is that of [`Store::set`].
    ///
    /// # Errors
    /// What is too long; a store that is full or does not answer.
    pub async fn compare_and_set(
        &self,
        key: Key<'_>,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        expires_in: Option<Duration>,
    ) -> Result<bool> {
        let change = Change::CompareAndSet { old, new, expires_in };
        Ok(self.change(key, change).await?.done)
    }

    /// Adds to a number, in one step. Where there is none it begins at zero and expires `window` later,
    /// or never; what has begun keeps its expiry. Numbers are kept as decimal digits.
    ///
    /// # Errors
    /// What is no number, or would be too large; a store that is full or does not answer.
    pub async fn increment(
        &self,
        key: Key<'_>,
        by: i64,
        window: Option<Duration>,
    ) -> Result<Counter> {
        Ok(self.change(key, Change::Increment { by, window }).await?.counter)
    }

    /// Names in a space that begin with `prefix`: `limit` at most, 1 to [`PAGE_KEYS_MAX`], from the
    /// beginning or from where the page with this cursor ended.
    ///
    /// Whatever is there from the first page to the last is in one of them. A page may have fewer
    /// names than it could, even none, and yet not be the last. Memory and embedded store give each
    /// name once, in the order of bytes; Redis in no order, and perhaps twice.
    ///
    /// # Errors
    /// A bad space, a cursor of something else; a store that does not answer.
    pub async fn names(
        &self,
        space: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page> {
        check_space(space)?;
        if prefix.len() > KEY_BYTES_MAX {
            return Ok(Page::default());
        }
        if cursor.is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
            return Err(StoreError::Cursor);
        }
        let limit = limit.clamp(1, PAGE_KEYS_MAX);
        let begun = Instant::now();
        let page = match &*self.backend {
            Backend::Memory(memory) => Ok(memory.names(space, prefix, cursor, limit)),
            Backend::Embedded(embedded) => embedded.names(space, prefix, cursor, limit).await,
            Backend::Redis(redis) => redis.names(space, prefix, cursor, limit).await,
        };
        self.tally.ended(Operation::Keys, begun, &page);
        page
    }

    async fn change(&self, key: Key<'_>, change: Change<&[u8]>) -> Result<Outcome> {
        key.check()?;
        change.check(self.value_bytes_max)?;
        let begun = Instant::now();
        let changed = match &*self.backend {
            Backend::Memory(memory) => memory.change(key, &change),
            Backend::Embedded(embedded) => embedded.change(key, change).await,
            Backend::Redis(redis) => redis.change(key, change).await,
        };
        self.tally.ended(Operation::Change, begun, &changed);
        changed
    }
}

impl<'a> Key<'a> {
    /// A key.
    pub fn new(space: &'a str, name: &'a str) -> Self {
        Self { space, name }
    }

    fn check(self) -> Result<()> {
        check_space(self.space)?;
        let length = self.name.len();
        if (1..=KEY_BYTES_MAX).contains(&length) { Ok(()) } else { Err(StoreError::Key(length)) }
    }

    /// Space and name as one: the names of a space lie next to each other, in their own order.
    fn bytes(self) -> Vec<u8> {
        [self.space.as_bytes(), &[0], self.name.as_bytes()].concat()
    }
}

fn check_space(space: &str) -> Result<()> {
    let length = space.len();
    let fits = (1..=SPACE_BYTES_MAX).contains(&length) && !space.contains('\0');
    if fits { Ok(()) } else { Err(StoreError::Space(length)) }
}

impl Page {
    /// The first `limit` of names that come in the order of their bytes. The last of them is the cursor.
    fn of(mut names: impl Iterator<Item = String>, limit: usize) -> Self {
        let page: Vec<String> = names.by_ref().take(limit).collect();
        let cursor = names.next().and_then(|_| page.last().cloned());
        Self { names: page, cursor }
    }
}

/// What keys of a page begin with, and where it begins, for stores that keep keys in order.
fn page_range(space: &str, prefix: &str, cursor: Option<&str>) -> (Vec<u8>, Bound<Vec<u8>>) {
    let prefix = Key::new(space, prefix).bytes();
    let from = match cursor.map(|last| Key::new(space, last).bytes()) {
        Some(last) if last >= prefix => Bound::Excluded(last),
        _ => Bound::Included(prefix.clone()),
    };
    (prefix, from)
}

/// The name in a key's bytes.
fn name_of(key: &[u8], space: &str) -> String {
    String::from_utf8_lossy(key.get(space.len() + 1..).unwrap_or_default()).into_owned()
}

fn full(bytes_max: u64) -> StoreError {
    StoreError::Full(format!("it has {bytes_max} bytes at most, and none of them expired"))
}

/// Milliseconds since 1970. Expiries have to mean the same after a restart, so no monotonic clock will do:
/// a clock that is set moves them along.
fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time to expiry in milliseconds; one at least, so that it stays one.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
