//! Keeps sessions: finds the one that a client's cookie names, and writes what hooks have changed of it.
//!
//! A session is read when a hook first touches it in an exchange, and written before the response's
//! head goes out, if something has changed. So a request that touches none costs nothing: no read, no
//! write, no cookie. Its parts: [`state`] is the session at hand, `cookie` carries the id, `guard` keeps hooks
//! away from that, and the bytes lie in a [`Store`].
//!
//! - The id is the server's. One that a client makes up does not verify, and one that verifies but is not
//!   in the store is not taken over: the next session gets another.
//! - Two exchanges of one session at the same time do not wait for each other. What they change is merged
//!   key by key, and for one key the last to write wins. What one of them ended stays ended: the other's
//!   changes are dropped.
//! - Its idle time is counted from the last write, or from the last touch by up to a tenth of it.
//!
//! What is not here: who may touch a session. That is the host's, see `host/session.rs`.

mod cookie;
mod guard;
pub mod state;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderValue;

pub use cookie::Keys;
pub use guard::{has_cookie, sets_cookie};
use state::{Cookie, Record, Stored};
pub use state::{Session, TooLarge};

use crate::config::{OnStoreFailure, SessionSettings};
use crate::exchange::Scheme;
use crate::log::{Sparse, and_more};
use crate::outside::FrozenClock;
use crate::store::{Key, Store, StoreError, StoreReading};

/// The space in the store.
const SPACE: &str = "session";
/// Bytes of randomness in an id.
const ID_BYTES: usize = 32;
/// How often a write begins anew, as another exchange was faster.
const TRIES: usize = 16;
/// How long a client waits for its session to be read or written. A store has its own, shorter times.
const TIME: Duration = Duration::from_secs(10);
/// The longest time that a touched session may not have been written for: its idle time is counted from there.
const REFRESH_MAX: Duration = Duration::from_secs(300);
/// How often the log says that the store fails, where requests go on without.
const FAILURE_SAID_EVERY: Duration = Duration::from_secs(10);
/// How often the log says that an upstream's cookie was dropped.
const DROPPED_COOKIE_SAID_EVERY: Duration = Duration::from_secs(60);
/// How often the log says that sessions were dropped for want of room.
const DROPPED_SAID_EVERY: Duration = Duration::from_secs(60);

/// Sessions of an app.
#[derive(Debug)]
pub struct Sessions {
    /// How they are kept.
    pub settings: SessionSettings,
    store: Store,
    keys: Keys,
    /// What they take for the time; the machine's clock where there is none.
    clock: Option<FrozenClock>,
    failures: Sparse,
    endless: Sparse,
    dropped_cookies: Sparse,
    dropped: Sparse,
    /// How many dropped sessions were seen when the log was last asked.
    dropped_seen: AtomicU64,
}

/// A session could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the session cannot be {0}: {1}")]
pub struct SessionError(&'static str, String);

impl Sessions {
    /// Sessions in this store.
    pub fn new(settings: SessionSettings, keys: Keys, store: Store) -> Self {
        if keys.made_up {
            tracing::info!(
                "sessions are signed with a secret that was made up for this run. hint: set \
                 `BOATHOOK_SECRET_SESSION`, as every other environment than development demands"
            );
        }
        Self {
            settings,
            store,
            keys,
            clock: None,
            failures: Sparse::new(FAILURE_SAID_EVERY),
            endless: Sparse::new(FAILURE_SAID_EVERY),
            dropped_cookies: Sparse::new(DROPPED_COOKIE_SAID_EVERY),
            dropped: Sparse::new(DROPPED_SAID_EVERY),
            dropped_seen: AtomicU64::new(0),
        }
    }

    /// The same sessions, which end by this clock, if there is one. Their store has one of its own.
    #[must_use]
    pub fn by(mut self, clock: Option<FrozenClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Milliseconds since 1970. Several servers may share a session, so no monotonic clock will do.
    fn now(&self) -> u64 {
        let since = match &self.clock {
            Some(clock) => clock.now(),
            None => SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
        };
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// What its store did so far.
    pub fn reading(&self) -> StoreReading {
        self.store.reading()
    }

    /// Bytes of a value in the store: a session's text is JSON inside of JSON.
    pub fn stored_bytes_max(settings: &SessionSettings) -> u64 {
        settings.max_bytes.saturating_mul(6).saturating_add(1024)
    }

    /// The session of a request that came with this cookie; an empty one if it has none. One that could not
    /// be read says so to whoever asks it for something.
    pub async fn open(&self, sent: Option<&HeaderValue>) -> Session {
        let Some((id, cookie)) = sent.and_then(|sent| self.keys.read(&self.settings, sent)) else {
            return Session::default();
        };
        let read = match tokio::time::timeout(TIME, self.store.get(Key::new(SPACE, &id))).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer in {TIME:?}")),
        };
        match read {
            Ok(Some(bytes)) => match Record::parse(&bytes) {
                Some(record) if self.lives(&record, self.now()) => {
                    Session::stored(Stored { id, bytes }, record, cookie)
                }
                _ => Session::empty(cookie),
            },
            Ok(None) => Session::empty(cookie),
            Err(why) => Session::unread(why, id, cookie),
        }
    }

    /// Whether a session may be used; none if what hooks see in its place is an empty one.
    ///
    /// # Errors
    /// If it could not be read, and the app wants to know.
    pub fn check(&self, session: &Session) -> Result<(), SessionError> {
        let Some(why) = &session.failed else { return Ok(()) };
        self.fail(SessionError("read", why.clone()))
    }

    /// Writes what has changed, and gives the field for the client, if it needs one.
    ///
    /// # Errors
    /// If that cannot be done, and the app wants to know.
    pub async fn keep(
        &self,
        session: &mut Session,
        scheme: Scheme,
    ) -> Result<Option<HeaderValue>, SessionError> {
        // What could not be read can still be ended.
        if session.failed.is_some() && session.ended.is_empty() {
            return Ok(None);
        }
        let written = match tokio::time::timeout(TIME, self.write(session)).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer in {TIME:?}")),
        };
        self.say_what_was_dropped();
        match written {
            Ok(Told::Nothing) => Ok(None),
            Ok(Told::Id(id, lives)) => {
                let lives = self.settings.persistent.then_some(lives);
                Ok(self.keys.write(&self.settings, scheme, id, lives))
            }
            Ok(Told::Gone) => Ok(Keys::removal(&self.settings, scheme)),
            Err(why) => {
                self.fail(SessionError("written", why))?;
                Ok(self.part_with(session, scheme))
            }
        }
    }

    /// How many sessions were dropped so far for want of room.
    pub fn dropped(&self) -> u64 {
        self.store.forgotten()
    }

    fn say_what_was_dropped(&self) {
        let dropped = self.dropped();
        let since = dropped.saturating_sub(self.dropped_seen.load(Ordering::Relaxed));
        if since > 0 && self.dropped.pass().is_some() {
            self.dropped_seen.store(dropped, Ordering::Relaxed);
            tracing::warn!(
                "sessions in memory are full: {since} that would have ended first were dropped. \
                 hint: raise `session.size`, or shorten `session.idle`"
            );
        }
    }

    /// The field for a client whose session a hook has ended, though the store may still have it: without the
    /// cookie this browser at least is out.
    fn part_with(&self, session: &Session, scheme: Scheme) -> Option<HeaderValue> {
        if session.ended.is_empty() {
            return None;
        }
        if let Some(unsaid) = self.endless.pass() {
            tracing::error!(
                "a session that was to end may still be in the store: its cookie was deleted, and who has \
                 kept it can use it until the session expires{}",
                and_more(unsaid)
            );
        }
        Keys::removal(&self.settings, scheme)
    }

    async fn write(&self, session: &mut Session) -> Result<Told, StoreError> {
        let now = self.now();
        for ended in &session.ended {
            self.store.delete(Key::new(SPACE, &ended.id)).await?;
        }
        if !session.is_changed() {
            return self.refresh(session, now).await;
        }
        match session.stored.clone() {
            None => self.begin(session, Record::new(now), now).await,
            Some(stored) if session.renewed => self.renew(session, stored, now).await,
            Some(stored) => self.change(session, stored, now).await,
        }
    }

    /// Writes a session under an id of its own.
    async fn begin(
        &self,
        session: &mut Session,
        base: Record,
        now: u64,
    ) -> Result<Told, StoreError> {
        let record = session.applied_to(base, now);
        let stored = Stored { id: new_id()?, bytes: record.to_bytes() };
        let left = self.left(&record, now);
        self.store.set(Key::new(SPACE, &stored.id), &stored.bytes, Some(left)).await?;
        let told = Told::Id(stored.id.clone(), self.lifetime_left(&record, now));
        session.is_written(Some((stored, record)));
        Ok(told)
    }

    /// Gives a session that is there another id. Whoever is faster has changed it or ended it: both count, so
    /// the old one goes only as it was read.
    async fn renew(
        &self,
        session: &mut Session,
        stored: Stored,
        now: u64,
    ) -> Result<Told, StoreError> {
        for _ in 0..TRIES {
            let Some((latest, base)) = self.latest(&stored, now).await? else {
                session.is_written(None);
                return Ok(Told::Nothing);
            };
            let record = session.applied_to(base, now);
            let new = Stored { id: new_id()?, bytes: record.to_bytes() };
            let (key, left) = (Key::new(SPACE, &new.id), self.left(&record, now));
            self.store.set(key, &new.bytes, Some(left)).await?;
            let old = Key::new(SPACE, &latest.id);
            if self.store.compare_and_set(old, Some(&latest.bytes), None, None).await? {
                let told = Told::Id(new.id.clone(), self.lifetime_left(&record, now));
                session.is_written(Some((new, record)));
                return Ok(told);
            }
            self.store.delete(Key::new(SPACE, &new.id)).await?;
        }
        Err(StoreError::Busy)
    }

    /// Changes a session that is there, unless it has been ended. Then nothing is said of its cookie: whoever
    /// ended it has said it, and may have given a new one.
    async fn change(
        &self,
        session: &mut Session,
        mut stored: Stored,
        now: u64,
    ) -> Result<Told, StoreError> {
        for _ in 0..TRIES {
            let Some(base) = Record::parse(&stored.bytes) else { break };
            let record = session.applied_to(base, now);
            let (bytes, left) = (record.to_bytes(), self.left(&record, now));
            let key = Key::new(SPACE, &stored.id);
            if self
                .store
                .compare_and_set(key, Some(&stored.bytes), Some(&bytes), Some(left))
                .await?
            {
                let told = self.told(session, &stored.id, &record, now);
                session.is_written(Some((Stored { bytes, ..stored }, record)));
                return Ok(told);
            }
            match self.latest(&stored, now).await? {
                Some((latest, _)) => stored = latest,
                None => {
                    session.is_written(None);
                    return Ok(Told::Nothing);
                }
            }
        }
        Err(StoreError::Busy)
    }

    /// Counts the idle time anew, if that was not done lately. Nobody minds if it fails to.
    async fn refresh(&self, session: &mut Session, now: u64) -> Result<Told, StoreError> {
        let Some(stored) = session.stored.clone() else {
            let ended = !session.ended.is_empty();
            session.is_written(None);
            let had_one = session.cookie != Cookie::Missing;
            return Ok(if ended && had_one { Told::Gone } else { Told::Nothing });
        };
        let Some(base) = Record::parse(&stored.bytes) else { return Ok(Told::Nothing) };
        let told = self.told(session, &stored.id, &base, now);
        let due = (self.settings.idle / 10).min(REFRESH_MAX);
        if Duration::from_millis(now.saturating_sub(session.seen())) < due {
            return Ok(told);
        }
        let record = session.applied_to(base, now);
        let (bytes, left) = (record.to_bytes(), self.left(&record, now));
        let key = Key::new(SPACE, &stored.id);
        let set = self.store.compare_and_set(key, Some(&stored.bytes), Some(&bytes), Some(left));
        if let Ok(true) = set.await {
            session.is_written(Some((Stored { bytes, ..stored }, record)));
        }
        Ok(told)
    }

    /// What the store has by now.
    async fn latest(
        &self,
        stored: &Stored,
        now: u64,
    ) -> Result<Option<(Stored, Record)>, StoreError> {
        let bytes = self.store.get(Key::new(SPACE, &stored.id)).await?;
        let found = bytes.and_then(|bytes| Some((Record::parse(&bytes)?, bytes)));
        Ok(found
            .filter(|(record, _)| self.lives(record, now))
            .map(|(record, bytes)| (Stored { id: stored.id.clone(), bytes }, record)))
    }

    /// A client whose cookie is signed with an old secret gets another.
    fn told(&self, session: &Session, id: &str, record: &Record, now: u64) -> Told {
        match session.cookie {
            Cookie::Outdated => Told::Id(id.to_owned(), self.lifetime_left(record, now)),
            Cookie::Current | Cookie::Missing => Told::Nothing,
        }
    }

    /// Whether it is still good. The store forgets it at the same time, by its own clock.
    fn lives(&self, record: &Record, now: u64) -> bool {
        let age = |since: u64| Duration::from_millis(now.saturating_sub(since));
        age(record.created) < self.settings.lifetime && age(record.seen) < self.settings.idle
    }

    /// How long the store is to keep it.
    fn left(&self, record: &Record, now: u64) -> Duration {
        let age = Duration::from_millis(now.saturating_sub(record.created));
        let left = self.settings.lifetime.saturating_sub(age).min(self.settings.idle);
        left.max(Duration::from_millis(1))
    }

    /// Seconds of its lifetime that are left.
    fn lifetime_left(&self, record: &Record, now: u64) -> i64 {
        let age = Duration::from_millis(now.saturating_sub(record.created));
        i64::try_from(self.settings.lifetime.saturating_sub(age).as_secs()).unwrap_or(i64::MAX)
    }

    fn fail(&self, error: SessionError) -> Result<(), SessionError> {
        match self.settings.on_store_failure {
            OnStoreFailure::Fail => Err(error),
            OnStoreFailure::Empty => {
                if let Some(unsaid) = self.failures.pass() {
                    tracing::error!("{error}; the request goes on without{}", and_more(unsaid));
                }
                Ok(())
            }
        }
    }
}

/// What a client is to be told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// What it has is good.
    Nothing,
    /// Its id, and the seconds that this is good for.
    Id(String, i64),
    /// That it has none any more.
    Gone,
}

/// An id that nobody can guess.
fn new_id() -> Result<String, StoreError> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("no randomness for an id: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
