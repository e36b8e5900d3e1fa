//! Defines the session of one exchange: what hooks read of it, and what they have changed.
//!
//! Pure: no store, no cookie, no clock of its own. What was changed is kept beside what is, key by key,
//! so that it can be applied to what another exchange has written meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bytes of a key. It is a name, and not a place to keep something.
pub const KEY_BYTES_MAX: usize = 256;

/// A session as it is stored. Values are JSON text: a hook writes text and the next one reads text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// When it began, in milliseconds since 1970.
    pub(super) created: u64,
    /// When its idle time was last counted from.
    pub(super) seen: u64,
    data: BTreeMap<String, String>,
    flash: BTreeMap<String, String>,
}

/// Which half of a session a key is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Data,
    Flash,
}

/// The session of an exchange, from when a hook first touched it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// What the store has under the client's id.
    pub(super) stored: Option<Stored>,
    /// What the store has under ids that are to end.
    pub(super) ended: Vec<Stored>,
    /// As hooks see it.
    record: Record,
    /// The keys that were changed, with what they have now.
    changes: BTreeMap<(Half, String), Option<String>>,
    /// Whether it is to have a new id.
    pub(super) renewed: bool,
    /// What the client's cookie is like.
    pub(super) cookie: Cookie,
    /// Why it could not be read.
    pub(super) failed: Option<String>,
    /// The id of what could not be read.
    unread: Option<String>,
}

/// What the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// What the client's cookie is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cookie {
    /// There is none of ours.
    #[default]
    Missing,
    /// It is signed with the first secret.
    Current,
    /// It is signed with a later one, and is to be made anew.
    Outdated,
}

/// A session, or a key of it, is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Record {
    pub(super) fn new(now: u64) -> Self {
        Self { created: now, seen: now, ..Self::default() }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers have a form in JSON always.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn half(&mut self, half: Half) -> &mut BTreeMap<String, String> {
        match half {
            Half::Data => &mut self.data,
            Half::Flash => &mut self.flash,
        }
    }

    fn put(&mut self, half: Half, key: &str, value: Option<String>) {
        let values = self.half(half);
        match value {
            Some(value) => drop(values.insert(key.to_owned(), value)),
            None => drop(values.remove(key)),
        }
    }

    fn is_empty(&self) -> bool {
        self.data.is_empty() && self.flash.is_empty()
    }

    fn bytes(&self) -> usize {
        let both = self.data.iter().chain(&self.flash);
        both.map(|(key, value)| key.len() + value.len()).sum()
    }
}

impl Session {
    /// One that the store has.
    pub(super) fn stored(stored: Stored, record: Record, cookie: Cookie) -> Self {
        Self { stored: Some(stored), record, cookie, ..Self::default() }
    }

    /// One that the store has not, or not any more.
    pub(super) fn empty(cookie: Cookie) -> Self {
        Self { cookie, ..Self::default() }
    }

    /// One that could not be read.
    pub(super) fn unread(why: String, id: String, cookie: Cookie) -> Self {
        Self { failed: Some(why), unread: Some(id), cookie, ..Self::default() }
    }

    /// The value of a key, JSON text.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.record.data.get(key).map(String::as_str)
    }

    /// All values, as one JSON object.
    pub fn to_json(&self) -> String {
        let fields = self
            .record
            .data
            .iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str())));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }

    /// Sets the value of a key. The caller has checked that it is JSON.
    ///
    /// # Errors
    /// If that would make keys and values together longer than `bytes_max`.
    pub fn set(&mut self, key: &str, value: String, bytes_max: u64) -> Result<(), TooLarge> {
        self.put(Half::Data, key, value, bytes_max)
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &str) {
        self.remove(Half::Data, key);
    }

    /// Leaves a value that is there until it is read. The caller has checked that it is JSON.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub fn flash(&mut self, key: &str, value: String, bytes_max: u64) -> Result<(), TooLarge> {
        self.put(Half::Flash, key, value, bytes_max)
    }

    /// Whether there is a flash of this key.
    pub fn has_flash(&self, key: &str) -> bool {
        self.record.flash.contains_key(key)
    }

    /// Takes a flash out.
    pub fn read_flash(&mut self, key: &str) -> Option<String> {
        let value = self.record.flash.get(key).cloned()?;
        self.remove(Half::Flash, key);
        Some(value)
    }

    /// Ends it, even if it could not be read. What is set afterwards begins another one.
    pub fn destroy(&mut self) {
        let unread = self.unread.take().map(|id| Stored { id, bytes: Vec::new() });
        self.ended.extend(self.stored.take().or(unread));
        self.record = Record::default();
        self.changes.clear();
        self.renewed = false;
    }

    /// Gives it a new id; what it holds stays.
    pub fn regenerate(&mut self) {
        self.renewed = self.stored.is_some();
    }

    fn put(&mut self, half: Half, key: &str, value: String, max: u64) -> Result<(), TooLarge> {
        let old = self.record.half(half).get(key);
        if old == Some(&value) {
            return Ok(());
        }
        let taken = old.map_or(0, |old| key.len() + old.len());
        let bytes = self.record.bytes() - taken + key.len() + value.len();
        if bytes as u64 > max || key.len() > KEY_BYTES_MAX {
            return Err(TooLarge);
        }
        self.record.put(half, key, Some(value.clone()));
        self.changes.insert((half, key.to_owned()), Some(value));
        Ok(())
    }

    fn remove(&mut self, half: Half, key: &str) {
        if self.record.half(half).remove(key).is_some() {
            self.changes.insert((half, key.to_owned()), None);
        }
    }

    /// Whether anything has to be written for what hooks did.
    pub(super) fn is_changed(&self) -> bool {
        match self.stored {
            Some(_) => self.renewed || !self.changes.is_empty(),
            // What was set and removed again needs no session.
            None => !self.record.is_empty(),
        }
    }

    /// When its idle time was last counted from.
    pub(super) fn seen(&self) -> u64 {
        self.record.seen
    }

    /// What was changed, applied to what the store has by now.
    pub(super) fn applied_to(&self, mut record: Record, now: u64) -> Record {
        for ((half, key), value) in &self.changes {
            record.put(*half, key, value.clone());
        }
        Record { seen: now, ..record }
    }

    /// Notes what the store has now.
    pub(super) fn is_written(&mut self, stored: Option<(Stored, Record)>) {
        self.ended.clear();
        self.changes.clear();
        self.renewed = false;
        match stored {
            Some((stored, record)) => {
                self.stored = Some(stored);
                self.record = record;
            }
            None => self.stored = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 100;

    fn stored(data: &[(&str, &str)]) -> Session {
        let mut record = Record::new(1);
        for (key, value) in data {
            record.put(Half::Data, key, Some((*value).to_owned()));
        }
        let stored = Stored { id: "a".into(), bytes: record.to_bytes() };
        Session::stored(stored, record, Cookie::Current)
    }

    #[test]
    fn what_is_read_or_set_to_what_it_was_is_no_change() {
        let mut session = stored(&[("me", "1")]);
        assert_eq!(session.get("me"), Some("1"));
        session.set("me", "1".into(), MAX).unwrap();
        session.delete("nothing");
        assert_eq!(session.read_flash("nothing"), None);
        assert!(!session.is_changed());
        session.set("me", "2".into(), MAX).unwrap();
        assert!(session.is_changed());
    }

    #[test]
    fn what_was_set_and_removed_again_makes_no_session() {
        let mut session = Session::default();
        session.set("a", "1".into(), MAX).unwrap();
        session.delete("a");
        session.regenerate();
        assert!(!session.is_changed());
    }

    #[test]
    fn a_flash_is_read_once_and_is_no_value() {
        let mut session = stored(&[("note", "1")]);
        session.flash("note", "2".into(), MAX).unwrap();
        assert_eq!(session.get("note"), Some("1"));
        assert_eq!(session.read_flash("note").as_deref(), Some("2"));
        assert_eq!(session.read_flash("note"), None);
        assert_eq!(session.to_json(), r#"{"note":1}"#);
    }

    #[test]
    fn changes_are_applied_key_by_key() {
        let mut session = stored(&[("a", "1"), ("b", "1"), ("c", "1")]);
        session.set("a", "2".into(), MAX).unwrap();
        session.delete("b");
        let mut elsewhere = Record::new(1);
        elsewhere.put(Half::Data, "b", Some("3".into()));
        elsewhere.put(Half::Data, "c", Some("3".into()));
        let both = session.applied_to(elsewhere, 9);
        assert_eq!((both.created, both.seen), (1, 9));
        assert_eq!(both.data, [("a", "2"), ("c", "3")].map(|(a, b)| (a.into(), b.into())).into());
    }

    #[test]
    fn it_holds_so_many_bytes_and_not_one_more() {
        let mut session = stored(&[("a", "1")]);
        session.set("b", "x".repeat(97), MAX).unwrap();
        assert_eq!(session.set("c", String::new(), MAX), Err(TooLarge));
        assert_eq!(session.set("b", "x".repeat(98), MAX), Err(TooLarge));
        session.set("b", "y".repeat(97), MAX).unwrap();
        assert_eq!(session.set(&"k".repeat(257), "1".into(), 1000), Err(TooLarge));
        session.set(&"k".repeat(256), "1".into(), 1000).unwrap();
    }

    #[test]
    fn what_is_set_after_the_end_is_another_session() {
        let mut session = stored(&[("a", "1")]);
        session.destroy();
        assert_eq!((session.get("a"), session.is_changed()), (None, false));
        assert_eq!(session.ended.len(), 1);
        session.set("a", "2".into(), MAX).unwrap();
        assert!(session.is_changed() && session.stored.is_none());
    }
}
