//! `kv` in memory: every namespace is granted, and time is the one that `testing::advance` moves on.

use super::{error, types, with};
use crate::clock::now_ms;

/// Bytes of a value by the server's default.
const VALUE_BYTES_MAX: usize = 64 << 10;
const KEY_BYTES_MAX: usize = 512;
const TEN_YEARS_MS: u64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// A value and when it expires.
#[derive(Clone)]
pub(crate) struct Kept {
    value: Vec<u8>,
    expires_at: Option<u64>,
}

pub(crate) struct Counter {
    pub(crate) value: i64,
    pub(crate) left_ms: Option<u64>,
}

pub(crate) struct Page {
    pub(crate) keys: Vec<String>,
    pub(crate) cursor: Option<String>,
}

type Result<T> = std::result::Result<T, types::Error>;

fn check(namespace: &str, key: &str) -> Result<()> {
    if with(|host| host.kv_is_broken) {
        let text = "the store does not answer, as `testing::break_kv` says";
        return Err(types::Error { status: Some(503), ..error("E_KV_UNAVAILABLE", text) });
    }
    if with(|host| host.stage == super::Stage::Configure) {
        return Err(error("E_KV_TOO_EARLY", "`kv` works from `initialize` on"));
    }
    if namespace.is_empty() || !(1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Err(error(
            "E_KV_INVALID",
            format!("a key has 1 to {KEY_BYTES_MAX} bytes: `{key}`"),
        ));
    }
    Ok(())
}

fn there(namespace: &str, key: &str) -> Option<Kept> {
    let now = now_ms();
    let kept = with(|host| host.kept.get(&(namespace.into(), key.into())).cloned());
    kept.filter(|kept| kept.expires_at.is_none_or(|at| at > now))
}

fn put(namespace: &str, key: &str, kept: Option<Kept>) {
    let place = (namespace.to_owned(), key.to_owned());
    with(|host| match kept {
        Some(kept) => host.kept.insert(place, kept),
        None => host.kept.remove(&place),
    });
}

fn kept(value: &[u8], expires_in_ms: Option<u64>) -> Result<Kept> {
    if value.len() > VALUE_BYTES_MAX {
        let text = format!("a value has at most {VALUE_BYTES_MAX} bytes: found {}", value.len());
        return Err(error("E_KV_TOO_LARGE", text));
    }
    if expires_in_ms.is_some_and(|ms| ms == 0 || ms > TEN_YEARS_MS) {
        return Err(error("E_KV_INVALID", "an expiry is 1 ms to ten years ahead"));
    }
    Ok(Kept { value: value.to_vec(), expires_at: expires_in_ms.map(|ms| now_ms() + ms) })
}

pub(crate) fn get(namespace: &str, key: &str) -> Result<Option<Vec<u8>>> {
    check(namespace, key)?;
    Ok(there(namespace, key).map(|kept| kept.value))
}

pub(crate) fn set(
    namespace: &str,
    key: &str,
    value: &[u8],
    expires_in_ms: Option<u64>,
) -> Result<()> {
    check(namespace, key)?;
    put(namespace, key, Some(kept(value, expires_in_ms)?));
    Ok(())
}

pub(crate) fn delete(namespace: &str, key: &str) -> Result<bool> {
    check(namespace, key)?;
    let was_there = there(namespace, key).is_some();
    put(namespace, key, None);
    Ok(was_there)
}

pub(crate) fn compare_and_set(
    namespace: &str,
    key: &str,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    expires_in_ms: Option<u64>,
) -> Result<bool> {
    check(namespace, key)?;
    let new = new.map(|value| kept(value, expires_in_ms)).transpose()?;
    let is_old = there(namespace, key).map(|kept| kept.value).as_deref() == old;
    if is_old {
        put(namespace, key, new);
    }
    Ok(is_old)
}

pub(crate) fn increment(
    namespace: &str,
    key: &str,
    by: i64,
    window_ms: Option<u64>,
) -> Result<Counter> {
    check(namespace, key)?;
    let invalid = || error("E_KV_INVALID", "the value is not a whole number, or would not fit");
    let begun = kept(b"0", window_ms)?;
    let before = there(namespace, key).unwrap_or(begun);
    let text = String::from_utf8(before.value).map_err(|_| invalid())?;
    let value = text.parse::<i64>().ok().and_then(|number| number.checked_add(by));
    let value = value.ok_or_else(invalid)?;
    let after = Kept { value: value.to_string().into_bytes(), expires_at: before.expires_at };
    put(namespace, key, Some(after));
    Ok(Counter { value, left_ms: before.expires_at.map(|at| at.saturating_sub(now_ms())) })
}

pub(crate) fn keys(
    namespace: &str,
    prefix: &str,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page> {
    check(namespace, "any")?;
    let all = with(|host| host.kept.keys().cloned().collect::<Vec<_>>());
    let mut found = all
        .into_iter()
        .filter(|(space, key)| space == namespace && key.starts_with(prefix))
        .map(|(_, key)| key)
        .filter(|key| cursor.is_none_or(|last| key.as_str() > last))
        .filter(|key| there(namespace, key).is_some());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, 1000);
    let keys: Vec<String> = found.by_ref().take(limit).collect();
    let cursor = found.next().and_then(|_| keys.last().cloned());
    Ok(Page { keys, cursor })
}
