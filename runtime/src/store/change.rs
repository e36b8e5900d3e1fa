//! Says what a change does to an entry: the one place where the stores of our own learn what
//! compare-and-set or a window means. Pure: no clock, no lock, no disk.

use std::time::Duration;

use super::{Counter, EXPIRY_MAX, Result, StoreError, milliseconds};

/// What is to become of one entry; its values borrowed, or owned where a thread takes it along.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<B> {
    Set { value: B, expires_in: Option<Duration> },
    Delete,
    CompareAndSet { old: Option<B>, new: Option<B>, expires_in: Option<Duration> },
    Increment { by: i64, window: Option<Duration> },
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    /// Whether anything was set or removed.
    pub(super) done: bool,
    /// Of an increment, the number.
    pub(super) counter: Counter,
}

/// A value and when it expires, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Vec<u8>,
    pub(super) expires_at: Option<u64>,
}

/// What a store has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Keep,
    Put(Entry),
    Remove,
}

impl Entry {
    pub(super) fn new(value: &[u8], expires_in: Option<Duration>, now: u64) -> Self {
        let expires_at = expires_in.map(|time| now.saturating_add(milliseconds(time)));
        Self { value: value.to_vec(), expires_at }
    }
}

/// Whether something that expires then is over.
pub(super) fn is_over(expires_at: Option<u64>, now: u64) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

impl Change<&[u8]> {
    /// The same, with values of its own.
    pub(super) fn owned(self) -> Change<Vec<u8>> {
        match self {
            Self::Set { value, expires_in } => Change::Set { value: value.to_vec(), expires_in },
            Self::Delete => Change::Delete,
            Self::CompareAndSet { old, new, expires_in } => {
                let (old, new) = (old.map(<[u8]>::to_vec), new.map(<[u8]>::to_vec));
                Change::CompareAndSet { old, new, expires_in }
            }
            Self::Increment { by, window } => Change::Increment { by, window },
        }
    }
}

impl<B: AsRef<[u8]>> Change<B> {
    /// Refuses what is too long.
    pub(super) fn check(&self, value_bytes_max: usize) -> Result<()> {
        let (values, time) = match self {
            Self::Set { value, expires_in } => ([Some(value), None], *expires_in),
            Self::CompareAndSet { old, new, expires_in } => {
                ([old.as_ref(), new.as_ref()], *expires_in)
            }
            Self::Increment { window, .. } => ([None, None], *window),
            Self::Delete => ([None, None], None),
        };
        let lengths = values.into_iter().flatten().map(|value| value.as_ref().len());
        let found = lengths.max().unwrap_or_default();
        if found > value_bytes_max {
            return Err(StoreError::Value { found, max: value_bytes_max });
        }
        match time {
            Some(time) if time.is_zero() || time > EXPIRY_MAX => Err(StoreError::Expiry(time)),
            _ => Ok(()),
        }
    }

    /// What to do, given what is there and has not expired.
    pub(super) fn decide(&self, there: Option<&Entry>, now: u64) -> Result<(Effect, Outcome)> {
        let outcome = |done| Outcome { done, ..Outcome::default() };
        Ok(match self {
            Self::Set { value, expires_in } => {
                (Effect::Put(Entry::new(value.as_ref(), *expires_in, now)), outcome(true))
            }
            Self::Delete if there.is_some() => (Effect::Remove, outcome(true)),
            Self::Delete => (Effect::Keep, outcome(false)),
            Self::CompareAndSet { old, new, expires_in } => {
                if there.map(|entry| entry.value.as_slice()) != old.as_ref().map(B::as_ref) {
                    return Ok((Effect::Keep, outcome(false)));
                }
                let effect = match new {
                    Some(value) => Effect::Put(Entry::new(value.as_ref(), *expires_in, now)),
                    None if there.is_some() => Effect::Remove,
                    None => Effect::Keep,
                };
                (effect, outcome(true))
            }
            Self::Increment { by, window } => {
                let (entry, counter) = incremented(there, *by, *window, now)?;
                (Effect::Put(entry), Outcome { done: true, counter })
            }
        })
    }
}

fn incremented(
    there: Option<&Entry>,
    by: i64,
    window: Option<Duration>,
    now: u64,
) -> Result<(Entry, Counter)> {
    let before = there.map_or(Ok(0), |entry| number(&entry.value))?;
    let value = before.checked_add(by).ok_or(StoreError::OutOfRange)?;
    let begun = Entry::new(value.to_string().as_bytes(), window, now);
    let entry = match there {
        Some(there) => Entry { expires_at: there.expires_at, ..begun },
        None => begun,
    };
    let left = entry.expires_at.map(|at| Duration::from_millis(at.saturating_sub(now)));
    Ok((entry, Counter { value, left }))
}

/// A number as Redis takes it: no spaces, no plus, no zeros ahead.
fn number(value: &[u8]) -> Result<i64> {
    let text = std::str::from_utf8(value).map_err(|_| StoreError::NotANumber)?;
    let number: i64 = text.parse().map_err(|_| StoreError::NotANumber)?;
    if number.to_string() == text { Ok(number) } else { Err(StoreError::NotANumber) }
}
