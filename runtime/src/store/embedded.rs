//! Keeps entries in one database file, by redb.
//!
//! With [`Durability::Immediate`] what a change was answered for survives the process however it ends, kill -9
//! and power loss included, as far as the disk keeps what it said it wrote: the answer comes after the commit
//! and its fsync. With [`Durability::Eventual`] the answer comes at once, and the disk hears of it within
//! [`SYNC_EVERY`]: what was answered since then is lost with the process, a kill -9 included. Either way the
//! file is whole, and what was under way and not answered is there as a whole or not at all. Changes that come
//! while another commit runs share the next one, so that many writers do not wait for one fsync each.
//!
//! A disk that fails, or is full, fails the calls and not the process: redb refuses all work after such an
//! error, so the file is closed, and opened again after a pause, which grows as long as that does not help. Only
//! the same file will do: one that is gone, or another one in its place, is refused until the server is started anew.
//!
//! Expired entries are removed a little with every commit, and by a sweep where nothing is written. The
//! bytes of all entries have a bound; at it, what has expired goes first, and then writers get
//! [`super::StoreError::Full`]. The file does not shrink: its free pages are used again.
//!
//! One process has the file at a time. Reads and commits may wait for the disk, so neither is done on a
//! thread of the async runtime.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use redb::{Table, WriteTransaction};
use tokio::sync::oneshot;

use super::change::{Change, Effect, Entry, Outcome, is_over};
use super::{Key, Page, Result, StoreError, full, name_of, now, page_range};
use crate::config::Durability;

/// How often what has expired is removed where nothing is written.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Changes that may wait for the writer: some commits' worth.
const QUEUE: usize = 1024;
/// Changes in one commit: what bounds the time of one, and so of those that wait for it.
const GROUP: usize = 256;
/// Entries that have expired and are removed with each change: more than a change can add.
const SWEPT_WITH_EACH: usize = 4;
/// Entries that one sweep removes: what bounds the time of its commit.
const SWEPT_AT_ONCE: usize = 10_000;
/// How long a change waits for the disk. Far beyond what a disk takes that works.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long what was answered may not have reached the disk, where that is allowed.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(1);
/// The first pause until a file whose disk failed is opened again, and the longest one.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Memory for pages of the file.
const CACHE_BYTES: usize = 32 << 20;

/// When it expires, 0 for never, in eight bytes, and the value.
const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const EXPIRIES: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("expiries");
/// Under `bytes`, those of all entries; under `id`, what no other file has.
const TOTALS: TableDefinition<'_, &str, u64> = TableDefinition::new("totals");

/// Opens the file.
pub(super) type Opener = Box<dyn Fn(Time) -> Result<Database, redb::Error> + Send>;

/// When a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// At the start: it is made if there is none.
    First,
    /// After an error of its disk: it has to be there.
    Again,
}

/// The database; none from an error of its disk until it is opened again.
type Slot = Arc<RwLock<Option<Arc<Database>>>>;

#[derive(Debug)]
pub(super) struct Embedded {
    slot: Slot,
    /// None once it is closed.
    jobs: RwLock<Option<SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// A change on its way to the writer.
struct Job {
    key: Vec<u8>,
    change: Change<Vec<u8>>,
    answer: oneshot::Sender<Result<Outcome>>,
}

/// What the thread that writes works with.
struct Writer {
    slot: Slot,
    opener: Opener,
    /// What tells the file from any other one.
    id: u64,
    bytes_max: u64,
    bytes: u64,
    durability: Durability,
    /// Since when there are commits that have not reached the disk.
    unsynced: Option<Instant>,
    /// When to open the file again, and how long to wait after that if it does not help.
    again: Option<Instant>,
    pause: Duration,
    /// Why it is not open.
    said: Option<StoreError>,
}

/// The tables of one commit.
struct Tables<'t> {
    entries: Table<'t, &'static [u8], &'static [u8]>,
    expiries: Table<'t, (u64, &'static [u8]), ()>,
    bytes: u64,
    changed: bool,
}

impl Embedded {
    pub(super) fn open(
        file: &Path,
        bytes_max: u64,
        durability: Durability,
        sweep_every: Duration,
    ) -> Result<Self> {
        let path = file.to_owned();
        Self::open_by(Box::new(move |time| open(&path, time)), bytes_max, durability, sweep_every)
            .map_err(|error| {
                StoreError::Unavailable(match error {
                    redb::Error::DatabaseAlreadyOpen => format!(
                        "{}: another process has it open\n\
                         hint: two servers can share a store that is Redis: `store = \"redis\"`",
                        file.display()
                    ),
                    error => format!("{}: {error}", file.display()),
                })
            })
    }

    /// The same, of a file that somebody else opens.
    pub(super) fn open_by(
        opener: Opener,
        bytes_max: u64,
        durability: Durability,
        sweep_every: Duration,
    ) -> Result<Self, redb::Error> {
        let database = opener(Time::First)?;
        let (bytes, id) = begin(&database, None)?;
        let slot: Slot = Arc::new(RwLock::new(Some(Arc::new(database))));
        let (jobs, queue) = sync_channel(QUEUE);
        let mut writer = Writer {
            slot: slot.clone(),
            opener,
            id,
            bytes_max,
            bytes,
            durability,
            unsynced: None,
            again: None,
            pause: PAUSE,
            said: None,
        };
        let writer = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run(&queue, sweep_every))?;
        let (jobs, writer) = (RwLock::new(Some(jobs)), Mutex::new(Some(writer)));
        Ok(Self { slot, jobs, writer })
    }

    pub(super) async fn get(&self, key: Key<'_>) -> Result<Option<Vec<u8>>> {
        let key = key.bytes();
        self.read(move |entries| {
            let entry = entries.get(key.as_slice())?.map(|bytes| decode(bytes.value()));
            Ok(entry.filter(|entry| !is_over(entry.expires_at, now())).map(|entry| entry.value))
        })
        .await
    }

    pub(super) async fn names(
        &self,
        space: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page> {
        let (prefix, from) = page_range(space, prefix, cursor);
        let space = space.to_owned();
        self.read(move |entries| {
            let (now, mut failed) = (now(), None);
            let from = from.as_ref().map(Vec::as_slice);
            let found = entries
                .range::<&[u8]>((from, Bound::Unbounded))?
                .map_while(|item| item.map_err(|error| failed = Some(error)).ok())
                .take_while(|(key, _)| key.value().starts_with(&prefix))
                .filter(|(_, entry)| !is_over(expiry(entry.value()), now))
                .map(|(key, _)| name_of(key.value(), &space));
            let page = Page::of(found, limit);
            failed.map_or(Ok(page), |error| Err(error.into()))
        })
        .await
    }

    pub(super) async fn change(&self, key: Key<'_>, change: Change<&[u8]>) -> Result<Outcome> {
        let (answer, answered) = oneshot::channel();
        let job = Job { key: key.bytes(), change: change.owned(), answer };
        let ended = || StoreError::Unavailable("the store's writer has ended".into());
        let sent = {
            let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
            jobs.as_ref().ok_or_else(ended)?.try_send(job)
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(ended()),
        }
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(answer) => answer.map_err(|_| ended())?,
            Err(_) => {
                let text = format!("the store's disk did not answer within {ANSWER_WITHIN:?}");
                Err(StoreError::Unavailable(text))
            }
        }
    }

    /// Reads on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&redb::ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<T, redb::Error>
        + Send
        + 'static,
    ) -> Result<T> {
        let slot = self.slot.clone();
        let reading = tokio::task::spawn_blocking(move || {
            // Held for the time of the read alone, so that the file can be closed after an error.
            let database = held(&slot).ok_or(redb::Error::PreviousIo)?;
            read(&database.begin_read()?.open_table(ENTRIES)?)
        });
        match reading.await {
            Ok(result) => result.map_err(failed),
            Err(error) => {
                Err(StoreError::Unavailable(format!("the store could not read: {error}")))
            }
        }
    }

    /// How many entries the file holds, those included that have expired.
    #[cfg(test)]
    pub(super) async fn count(&self) -> u64 {
        use redb::ReadableTableMetadata;
        self.read(|entries| Ok(entries.len()?)).await.expect("entries can be counted")
    }
}

impl Embedded {
    /// Ends the writer, once all that was answered has reached the disk. Blocks for as long. Whoever writes
    /// later gets an error.
    pub(super) fn close(&self) {
        drop(self.jobs.write().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of its has been reported by then, and nobody waits for it any more.
            let _ = writer.join();
        }
    }
}

impl Drop for Embedded {
    /// Gives the file back.
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens the database.
fn open(path: &Path, time: Time) -> Result<Database, redb::Error> {
    let backend = FileBackend::new(open_file(path, time)?)?;
    Ok(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?)
}

/// Opens the file, or makes it the first time. What hooks keep is nobody else's business, so neither is the
/// file.
pub(super) fn open_file(path: &Path, time: Time) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    if time == Time::Again {
        return options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => is_another("it is not there any more"),
            _ => error,
        });
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::folder::make(folder, false)?;
    let opened = options.create(true).truncate(false).open(path)?;
    // That the file exists has to survive a power loss, too.
    File::open(folder)?.sync_all()?;
    Ok(opened)
}

/// Sees to it that the tables are there, and says how many bytes there are and which file it is: one with that
/// id, if there is one to compare.
fn begin(database: &Database, wanted: Option<u64>) -> Result<(u64, u64), redb::Error> {
    let transaction = transaction(database)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(EXPIRIES)?;
    let mut totals = transaction.open_table(TOTALS)?;
    let bytes = totals.get("bytes")?.map_or(0, |bytes| bytes.value());
    let found = totals.get("id")?.map(|id| id.value());
    if wanted.is_some() && found != wanted {
        return Err(is_another("another one is in its place").into());
    }
    let id = match found {
        Some(id) => id,
        None => {
            let id = new_id()?;
            totals.insert("id", id)?;
            id
        }
    };
    drop(totals);
    transaction.commit()?;
    Ok((bytes, id))
}

fn new_id() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}

/// What keeps a file from being opened that is not the one from before: to go on with it would lose, without a
/// word, what had been answered for.
fn is_another(how: &str) -> io::Error {
    let hint = "put it back, or start the server anew to go on with what is there";
    io::Error::other(format!("{how}\nhint: {hint}"))
}

/// The database, if it is open.
fn held(slot: &Slot) -> Option<Arc<Database>> {
    slot.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A commit that is durable, and after which a start that follows a crash need not read the whole file.
fn transaction(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl Writer {
    /// Commits until nobody can send any more.
    fn run(&mut self, queue: &Receiver<Job>, sweep_every: Duration) {
        let mut wait = sweep_every;
        loop {
            let mut group = Vec::new();
            match queue.recv_timeout(self.patience(wait)) {
                Ok(job) => group.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            group.extend(queue.try_iter().take(GROUP - group.len()));
            let most = if group.is_empty() { SWEPT_AT_ONCE } else { group.len() * SWEPT_WITH_EACH };
            let done = self.database().and_then(|database| {
                let done = self.commit(&database, &group, most)?;
                self.sync_if_due(&database)?;
                Ok(done)
            });
            let swept = match done {
                Ok((outcomes, swept)) => {
                    for (job, outcome) in group.into_iter().zip(outcomes) {
                        // Whoever asked may have given up.
                        let _ = job.answer.send(outcome);
                    }
                    swept
                }
                Err(error) => {
                    let error = self.give_up(error);
                    for job in group {
                        let _ = job.answer.send(Err(error.clone()));
                    }
                    0
                }
            };
            wait = if swept == SWEPT_AT_ONCE { Duration::ZERO } else { sweep_every };
        }
        self.unsynced = self.unsynced.and_then(|since| since.checked_sub(SYNC_EVERY));
        if let Some(database) = held(&self.slot)
            && let Err(error) = self.sync_if_due(&database)
        {
            tracing::error!("{}", failed(error));
        }
    }

    /// How long to wait for changes, where `wait` is the time until the next sweep.
    fn patience(&self, wait: Duration) -> Duration {
        let sync = self.unsynced.map(|since| SYNC_EVERY.saturating_sub(since.elapsed()));
        let again = self.again.map(|again| again.saturating_duration_since(Instant::now()));
        [sync, again].into_iter().flatten().fold(wait, Duration::min)
    }

    /// The database; opened again, where it is time to.
    fn database(&mut self) -> Result<Arc<Database>, redb::Error> {
        if let Some(database) = held(&self.slot) {
            return Ok(database);
        }
        if self.again.is_some_and(|again| again > Instant::now()) {
            return Err(redb::Error::PreviousIo);
        }
        let database = (self.opener)(Time::Again)?;
        (self.bytes, _) = begin(&database, Some(self.id))?;
        tracing::info!("the store's file is open again");
        let database = Arc::new(database);
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Some(database.clone());
        self.again = None;
        Ok(database)
    }

    /// Closes the file after an error of its disk, to open it again after a pause.
    fn give_up(&mut self, error: redb::Error) -> StoreError {
        let is_waiting = self.again.is_some_and(|again| again > Instant::now());
        let of_disk = matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo);
        let is_open = held(&self.slot).is_some();
        if !is_waiting && (of_disk || !is_open) {
            // Readers may still hold it for a moment; it cannot be opened until they are done.
            self.slot.write().unwrap_or_else(PoisonError::into_inner).take();
            self.again = Some(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            self.unsynced = None;
        }
        if is_waiting && let Some(said) = &self.said {
            return said.clone();
        }
        let said = failed(error);
        tracing::error!("{said}");
        self.said = Some(said.clone());
        said
    }

    /// Has the disk keep what was answered before it did.
    fn sync_if_due(&mut self, database: &Database) -> Result<(), redb::Error> {
        if self.unsynced.is_none_or(|since| since.elapsed() < SYNC_EVERY) {
            return Ok(());
        }
        transaction(database)?.commit()?;
        self.unsynced = None;
        Ok(())
    }

    /// Makes all changes in one commit, and removes up to so many entries that have expired: how many, it
    /// says.
    fn commit(
        &mut self,
        database: &Database,
        group: &[Job],
        most: usize,
    ) -> Result<(Vec<Result<Outcome>>, usize), redb::Error> {
        let now = now();
        let mut transaction = transaction(database)?;
        if self.durability == Durability::Eventual {
            transaction.set_quick_repair(false);
            transaction.set_durability(redb::Durability::None)?;
        }
        let mut tables = Tables {
            entries: transaction.open_table(ENTRIES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            bytes: self.bytes,
            changed: false,
        };
        let swept = tables.sweep(now, most)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for job in group {
            outcomes.push(tables.change(job, self.bytes_max, now)?);
        }
        let (bytes, changed) = (tables.bytes, tables.changed);
        drop(tables);
        if changed {
            transaction.open_table(TOTALS)?.insert("bytes", bytes)?;
            transaction.commit()?;
            self.bytes = bytes;
            self.pause = PAUSE;
            if self.durability == Durability::Eventual {
                self.unsynced.get_or_insert_with(Instant::now);
            }
        } else {
            transaction.abort()?;
        }
        Ok((outcomes, swept))
    }
}

impl Tables<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Entry>, redb::Error> {
        Ok(self.entries.get(key)?.map(|bytes| decode(bytes.value())))
    }

    fn change(
        &mut self,
        job: &Job,
        bytes_max: u64,
        now: u64,
    ) -> Result<Result<Outcome>, redb::Error> {
        let there = self.get(&job.key)?.filter(|entry| !is_over(entry.expires_at, now));
        let (effect, outcome) = match job.change.decide(there.as_ref(), now) {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        match effect {
            Effect::Keep => {}
            Effect::Remove => self.remove(&job.key)?,
            Effect::Put(entry) => {
                if self.with(&job.key, &entry)? > bytes_max {
                    self.sweep(now, SWEPT_AT_ONCE)?;
                }
                if self.with(&job.key, &entry)? > bytes_max {
                    return Ok(Err(full(bytes_max)));
                }
                self.put(&job.key, &entry)?;
            }
        }
        Ok(Ok(outcome))
    }

    /// The bytes that there would be with this entry.
    fn with(&self, key: &[u8], entry: &Entry) -> Result<u64, redb::Error> {
        let before = self.get(key)?.map_or(0, |before| size(key, &before));
        Ok(self.bytes.saturating_sub(before) + size(key, entry))
    }

    fn put(&mut self, key: &[u8], entry: &Entry) -> Result<(), redb::Error> {
        self.remove(key)?;
        let expires_at = entry.expires_at.unwrap_or(0);
        let bytes = [&expires_at.to_le_bytes(), entry.value.as_slice()].concat();
        self.entries.insert(key, bytes.as_slice())?;
        if expires_at > 0 {
            self.expiries.insert((expires_at, key), ())?;
        }
        self.bytes += size(key, entry);
        self.changed = true;
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), redb::Error> {
        let removed = self.entries.remove(key)?.map(|bytes| decode(bytes.value()));
        let Some(entry) = removed else { return Ok(()) };
        if let Some(at) = entry.expires_at {
            self.expiries.remove((at, key))?;
        }
        self.bytes = self.bytes.saturating_sub(size(key, &entry));
        self.changed = true;
        Ok(())
    }

    /// Removes what has expired, the oldest first, up to so many.
    fn sweep(&mut self, now: u64, most: usize) -> Result<usize, redb::Error> {
        let mut over = Vec::new();
        for item in self.expiries.iter()?.take(most) {
            let (key, ()) = item.map(|(key, _)| (key, ()))?;
            let (at, key) = key.value();
            if at > now {
                break;
            }
            over.push(key.to_vec());
        }
        for key in &over {
            self.remove(key)?;
        }
        Ok(over.len())
    }
}

fn decode(bytes: &[u8]) -> Entry {
    let value = bytes.get(8..).unwrap_or_default().to_vec();
    Entry { value, expires_at: expiry(bytes) }
}

fn expiry(bytes: &[u8]) -> Option<u64> {
    let at = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (at > 0).then_some(at)
}

/// What an entry counts for: its bytes, and its share of what lies around it.
fn size(key: &[u8], entry: &Entry) -> u64 {
    let expiry = if entry.expires_at.is_some() { 8 + key.len() } else { 0 };
    u64::try_from(8 + key.len() + entry.value.len() + expiry).unwrap_or(u64::MAX)
}

fn failed(error: redb::Error) -> StoreError {
    StoreError::Unavailable(format!("the store's file failed: {error}"))
}
