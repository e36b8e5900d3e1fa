//! Keeps entries in this process's memory, up to so many bytes. Nothing survives the process.
//!
//! What has expired is removed a little with every change, and all of it when there is no more room. If
//! there is none even then, whoever wants to write gets [`super::StoreError::Full`]: what is there is not thrown
//! away for what comes, unless the store was made to forget. Then it is what would have expired first; what
//! never expires stays even there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::change::{Change, Effect, Entry, Outcome, is_over};
use super::{Key, Page, Result, full, name_of, page_range};
use crate::outside::FrozenClock;

/// What an entry takes beside its bytes, by estimate: its places in two trees, lengths, allocations.
const ENTRY_BYTES: u64 = 160;
/// Entries that have expired and are removed with each change: more than a change can add.
const SWEPT_WITH_EACH: usize = 4;

#[derive(Debug)]
pub(super) struct Memory {
    entries: Mutex<Entries>,
    bytes_max: u64,
    /// Whether it forgets what it has for what comes.
    pub(super) forgets: bool,
    /// Entries that it has forgotten.
    forgotten: AtomicU64,
    /// What it takes for the time; the machine's clock where there is none.
    pub(super) clock: Option<FrozenClock>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: BTreeMap<Arc<[u8]>, Entry>,
    by_expiry: BTreeSet<(u64, Arc<[u8]>)>,
    bytes: u64,
}

impl Memory {
    pub(super) fn new(bytes_max: u64) -> Self {
        let forgotten = AtomicU64::new(0);
        Self { entries: Mutex::default(), bytes_max, forgets: false, forgotten, clock: None }
    }

    fn now(&self) -> u64 {
        let millis = |clock: &FrozenClock| clock.now().as_millis();
        let frozen = self.clock.as_ref().map(millis);
        frozen.map_or_else(super::now, |now| u64::try_from(now).unwrap_or(u64::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries it has forgotten so far.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// How many entries it holds, those included that have expired.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().by_key.len()
    }

    pub(super) fn get(&self, key: Key<'_>) -> Option<Vec<u8>> {
        let entries = self.lock();
        Some(entries.get(&key.bytes(), self.now())?.value.clone())
    }

    pub(super) fn change(&self, key: Key<'_>, change: &Change<&[u8]>) -> Result<Outcome> {
        let (key, now) = (key.bytes(), self.now());
        let mut entries = self.lock();
        entries.sweep(now, SWEPT_WITH_EACH);
        let (effect, outcome) = change.decide(entries.get(&key, now), now)?;
        match effect {
            Effect::Keep => {}
            Effect::Remove => entries.remove(&key),
            Effect::Put(entry) => {
                if entries.with(&key, &entry) > self.bytes_max {
                    entries.sweep(now, usize::MAX);
                }
                if self.forgets && size(&key, &entry) <= self.bytes_max {
                    let forgotten = entries.forget_for(&key, &entry, self.bytes_max);
                    self.forgotten.fetch_add(forgotten, Ordering::Relaxed);
                }
                if entries.with(&key, &entry) > self.bytes_max {
                    return Err(full(self.bytes_max));
                }
                entries.put(key, entry);
            }
        }
        Ok(outcome)
    }

    pub(super) fn names(
        &self,
        space: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Page {
        let now = self.now();
        let (prefix, from) = page_range(space, prefix, cursor);
        let from = from.as_ref().map(Vec::as_slice);
        let entries = self.lock();
        let found = entries
            .by_key
            .range::<[u8], _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(_, entry)| !is_over(entry.expires_at, now))
            .map(|(key, _)| name_of(key, space));
        Page::of(found, limit)
    }
}

impl Entries {
    fn get(&self, key: &[u8], now: u64) -> Option<&Entry> {
        self.by_key.get(key).filter(|entry| !is_over(entry.expires_at, now))
    }

    /// The bytes that there would be with this entry.
    fn with(&self, key: &[u8], entry: &Entry) -> u64 {
        let before = self.by_key.get(key).map_or(0, |before| size(key, before));
        self.bytes - before + size(key, entry)
    }

    fn put(&mut self, key: Vec<u8>, entry: Entry) {
        self.remove(&key);
        self.bytes += size(&key, &entry);
        let key: Arc<[u8]> = key.into();
        if let Some(at) = entry.expires_at {
            self.by_expiry.insert((at, key.clone()));
        }
        self.by_key.insert(key, entry);
    }

    fn remove(&mut self, key: &[u8]) {
        let Some((key, entry)) = self.by_key.remove_entry(key) else { return };
        self.bytes -= size(&key, &entry);
        if let Some(at) = entry.expires_at {
            self.by_expiry.remove(&(at, key));
        }
    }

    /// Removes what has expired, the oldest first, up to so many.
    fn sweep(&mut self, now: u64, most: usize) {
        for _ in 0..most {
            let Some((at, key)) = self.by_expiry.first() else { return };
            if *at > now {
                return;
            }
            let key = key.clone();
            self.remove(&key);
        }
    }
}

impl Entries {
    /// Removes what expires first until this entry has room, and gives how many that took.
    fn forget_for(&mut self, key: &[u8], entry: &Entry, bytes_max: u64) -> u64 {
        let mut forgotten = 0;
        while self.with(key, entry) > bytes_max {
            // The entry that is to be replaced is no room gained.
            let first =
                self.by_expiry.iter().map(|(_, other)| other).find(|other| ***other != *key);
            let Some(first) = first.cloned() else { break };
            self.remove(&first);
            forgotten += 1;
        }
        forgotten
    }
}

fn size(key: &[u8], entry: &Entry) -> u64 {
    u64::try_from(key.len() + entry.value.len()).unwrap_or(u64::MAX).saturating_add(ENTRY_BYTES)
}
