//! Keeps what is to be done later, by whichever server comes first: entries that are due at a time each, in
//! topics.
//!
//! Who claims an entry has it until a time, its lease; then it is due again, unless it was settled. So what a
//! server claimed that died is done by another one. Of several that claim one gets it, and only who has it
//! can settle it: the lease's end is the proof.
//!
//! An [`Agenda`] lives in a [`Store`]. In one of our own, which no other process has open, only entries are
//! kept there, and who claimed what is in memory: it goes with the process, so that the next one has
//! everything at hand at once. In Redis it is all in Redis, by its clock: a sorted set of times, a hash of
//! entries, and a set of topics, changed by scripts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Backend, Key, PAGE_KEYS_MAX, Result, Store, StoreError, milliseconds, now};

/// Where entries lie in a store of our own: under `<topic>/<id>`.
const SPACE: &str = "tasks";
/// Ahead of each value there: when it is due, in milliseconds since 1970.
const DUE_BYTES: usize = 8;

/// Entries that are due at a time each.
#[derive(Debug)]
pub struct Agenda {
    store: Store,
    /// Who has what and when, of a store of our own; none in Redis, which knows.
    local: Option<Mutex<Local>>,
    /// Those that are rung when an entry of a topic is due earlier than whoever waits for one may know.
    bells: Mutex<HashMap<String, Arc<Notify>>>,
}

/// An entry in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What it is called.
    pub id: String,
    /// When the lease ends: what proves that one has it.
    until: u64,
}

/// What a claim came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// An entry that was due, and its value.
    Entry(Due, Vec<u8>),
    /// Nothing is due: how long until something is, if anything is there.
    Nothing(Option<Duration>),
}

/// What becomes of an entry that was claimed.
#[derive(Debug, Clone, Copy)]
enum Change<'a> {
    Remove,
    /// It is due so much later, as it is.
    Release(Duration),
    /// It is due so much later, with this value.
    Again(Duration, &'a [u8]),
}

/// When entries of each topic are due, and until when those are that somebody has.
#[derive(Debug, Default)]
struct Local(HashMap<String, Topic>);

#[derive(Debug, Default)]
struct Topic {
    in_order: BTreeSet<(u64, String)>,
    by_id: HashMap<String, u64>,
}

impl Agenda {
    /// An agenda in a store, with what is there already.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn open(store: Store) -> Result<Self> {
        let local = match &*store.backend {
            Backend::Redis(_) => None,
            Backend::Memory(_) | Backend::Embedded(_) => Some(Mutex::new(load(&store).await?)),
        };
        Ok(Self { store, local, bells: Mutex::default() })
    }

    /// Whether other servers may have put or claimed something without this one knowing.
    pub fn is_shared(&self) -> bool {
        self.local.is_none()
    }

    /// What whoever releases an entry of a topic rings, and whoever waits for one listens to; of this server.
    pub fn bell(&self, topic: &str) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(topic.to_owned()).or_default().clone()
    }

    /// Puts an entry there, due `after` now. Whoever puts it has it, for `hold`: to release it, or to take
    /// it back. None where the topic has `entries_max` of them.
    ///
    /// # Errors
    /// A value that is too long; a store that is full or does not answer.
    pub async fn put(
        &self,
        topic: &str,
        value: &[u8],
        after: Duration,
        hold: Duration,
        entries_max: u64,
    ) -> Result<Option<Due>> {
        let id = new_id()?;
        let hold = hold.max(after);
        if let Backend::Redis(redis) = &*self.store.backend {
            if value.len() > self.store.value_bytes_max {
                let (found, max) = (value.len(), self.store.value_bytes_max);
                return Err(StoreError::Value { found, max });
            }
            let until = redis.agenda_put(topic, &id, value, hold, entries_max).await?;
            return Ok(until.map(|until| Due { id, until }));
        }
        let until = later(hold);
        if !self.local().begin(topic, &id, until, entries_max) {
            return Ok(None);
        }
        let kept = self.keep(topic, &id, later(after), value).await;
        kept.inspect_err(|_| self.local().remove(topic, &id))?;
        Ok(Some(Due { id, until }))
    }

    /// Claims the entry that has been due for longest, until `lease` from now.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn claim(&self, topic: &str, lease: Duration) -> Result<Claimed> {
        if let Backend::Redis(redis) = &*self.store.backend {
            let (claimed, next) = redis.agenda_claim(topic, lease).await?;
            return Ok(match claimed {
                Some((id, until, value)) => Claimed::Entry(Due { id, until }, value),
                None => Claimed::Nothing(next),
            });
        }
        loop {
            let due = match self.local().claim(topic, now(), later(lease)) {
                Ok(due) => due,
                Err(next) => return Ok(Claimed::Nothing(next)),
            };
            let name = name(topic, &due.id);
            let read = self.store.get(Key::new(SPACE, &name)).await;
            if read.is_err() {
                self.local().set(topic, &due, now());
            }
            match read?.as_deref().and_then(|stored| stored.split_at_checked(DUE_BYTES)) {
                Some((_, value)) => return Ok(Claimed::Entry(due, value.to_vec())),
                // Somebody else wrote into the file, or a disk that failed has not kept it.
                None => {
                    tracing::error!(
                        hook = %topic,
                        "a durable task is lost: the store does not have it any more"
                    );
                    self.local().remove(topic, &due.id);
                }
            }
        }
    }

    /// Removes an entry, if it is still in these hands.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn remove(&self, topic: &str, due: &Due) -> Result<bool> {
        self.change(topic, due, Change::Remove).await
    }

    /// Gives an entry back as it is, due `after` now.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn release(&self, topic: &str, due: &Due, after: Duration) -> Result<bool> {
        self.change(topic, due, Change::Release(after)).await
    }

    /// Gives an entry back with another value, due `after` now.
    ///
    /// # Errors
    /// A store that is full or does not answer.
    pub async fn again(
        &self,
        topic: &str,
        due: &Due,
        after: Duration,
        value: &[u8],
    ) -> Result<bool> {
        self.change(topic, due, Change::Again(after, value)).await
    }

    /// The topics that have entries, and how many.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn topics(&self) -> Result<BTreeMap<String, u64>> {
        if let Backend::Redis(redis) = &*self.store.backend {
            return redis.agenda_topics().await;
        }
        let local = self.local();
        let counted = local.0.iter().map(|(topic, it)| (topic.clone(), it.by_id.len() as u64));
        Ok(counted.filter(|(_, count)| *count > 0).collect())
    }

    /// How many entries a topic has.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn count(&self, topic: &str) -> Result<u64> {
        if let Backend::Redis(redis) = &*self.store.backend {
            return redis.agenda_count(topic).await;
        }
        Ok(self.local().0.get(topic).map_or(0, |topic| topic.by_id.len() as u64))
    }

    async fn change(&self, topic: &str, due: &Due, change: Change<'_>) -> Result<bool> {
        if let Backend::Redis(redis) = &*self.store.backend {
            let (id, until) = (&due.id, due.until);
            return match change {
                Change::Remove => redis.agenda_remove(topic, id, until).await,
                Change::Release(after) => redis.agenda_move(topic, id, until, after, None).await,
                Change::Again(after, value) => {
                    redis.agenda_move(topic, id, until, after, Some(value)).await
                }
            };
        }
        if !self.local().has(topic, due) {
            return Ok(false);
        }
        match change {
            Change::Remove => {
                self.store.delete(Key::new(SPACE, &name(topic, &due.id))).await?;
                self.local().remove(topic, &due.id);
                Ok(true)
            }
            Change::Release(after) => Ok(self.local().set(topic, due, later(after))),
            Change::Again(after, value) => {
                let at = later(after);
                self.keep(topic, &due.id, at, value).await?;
                Ok(self.local().set(topic, due, at))
            }
        }
    }

    /// Writes an entry into a store of our own.
    async fn keep(&self, topic: &str, id: &str, at: u64, value: &[u8]) -> Result<()> {
        let stored = [&at.to_be_bytes(), value].concat();
        self.store.set(Key::new(SPACE, &name(topic, id)), &stored, None).await
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        let local = self.local.as_ref().expect("all that ask have found that it is not Redis");
        local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Local {
    /// Counts an entry in, unless there are so many already.
    fn begin(&mut self, topic: &str, id: &str, until: u64, entries_max: u64) -> bool {
        let topic = self.0.entry(topic.to_owned()).or_default();
        if topic.by_id.len() as u64 >= entries_max {
            return false;
        }
        topic.put(id, until);
        true
    }

    /// Takes the first that is due; or says how long until one is.
    fn claim(&mut self, topic: &str, now: u64, until: u64) -> Result<Due, Option<Duration>> {
        let topic = self.0.get_mut(topic).ok_or(None)?;
        let (at, id) = topic.in_order.first().cloned().ok_or(None)?;
        if at > now {
            return Err(Some(Duration::from_millis(at - now)));
        }
        topic.put(&id, until);
        Ok(Due { id, until })
    }

    fn has(&self, topic: &str, due: &Due) -> bool {
        self.0.get(topic).and_then(|topic| topic.by_id.get(&due.id)) == Some(&due.until)
    }

    fn set(&mut self, topic: &str, due: &Due, at: u64) -> bool {
        let has = self.has(topic, due);
        if let Some(topic) = self.0.get_mut(topic).filter(|_| has) {
            topic.put(&due.id, at);
        }
        has
    }

    fn remove(&mut self, topic: &str, id: &str) {
        if let Some(topic) = self.0.get_mut(topic)
            && let Some(at) = topic.by_id.remove(id)
        {
            topic.in_order.remove(&(at, id.to_owned()));
        }
    }
}

impl Topic {
    fn put(&mut self, id: &str, at: u64) {
        if let Some(before) = self.by_id.insert(id.to_owned(), at) {
            self.in_order.remove(&(before, id.to_owned()));
        }
        self.in_order.insert((at, id.to_owned()));
    }
}

/// What is in a store of our own.
async fn load(store: &Store) -> Result<Local> {
    let (mut local, mut cursor) = (Local::default(), None);
    loop {
        let page = store.names(SPACE, "", cursor.as_deref(), PAGE_KEYS_MAX).await?;
        for name in &page.names {
            let stored = store.get(Key::new(SPACE, name)).await?.unwrap_or_default();
            if let Some((topic, id)) = name.rsplit_once('/')
                && let Some(at) = stored.first_chunk::<DUE_BYTES>()
            {
                local.0.entry(topic.to_owned()).or_default().put(id, u64::from_be_bytes(*at));
            }
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(local);
        }
    }
}

fn name(topic: &str, id: &str) -> String {
    format!("{topic}/{id}")
}

fn later(time: Duration) -> u64 {
    now().saturating_add(milliseconds(time))
}

/// An id that no other server makes either.
fn new_id() -> Result<String> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("no randomness for an id: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
