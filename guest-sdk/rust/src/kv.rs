//! Keeps values that outlive an instance, in namespaces, wherever the operator has them kept.
//!
//! A hook reaches the namespaces that its grants name: `grants = { kv = ["rates", "users:ro"] }` in the
//! operator's `[hooks.<name>]`, where `:ro` is for reading alone; `export!(.., grants = { kv = ["rates"] })`
//! asks for them. Hooks with a grant for the same namespace share its keys.
//!
//! Each call is one atomic step, whatever other instances and servers do at the same time. It waits for the
//! store, in `wall` and not in `cpu`.
//!
//! ```
//! use boathook_sdk::prelude::*;
//! use std::time::Duration;
//!
//! const USERS: kv::Namespace<'_> = kv::namespace("users");
//! const RATES: kv::Namespace<'_> = kv::namespace("rates");
//!
//! # fn main() -> Result<()> {
//! USERS.set("ada", json!({ "admin": true }))?;
//! let user: Option<Value> = USERS.get("ada")?;
//! assert_eq!(user, Some(json!({ "admin": true })));
//!
//! let minute = Duration::from_secs(60);
//! assert_eq!(RATES.increment_within("10.0.0.1", 1, minute)?.value, 1);
//! assert_eq!(RATES.increment_within("10.0.0.1", 1, minute)?.value, 2);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::kv as host;
use crate::{Error, Result};

/// Keys that one call lists.
const PAGE: u32 = 100;
/// Attempts of [`Namespace::update`]: at each of them somebody else was quicker.
const ATTEMPTS: u32 = 100;

/// A namespace by its name.
pub const fn namespace(name: &str) -> Namespace<'_> {
    Namespace { name }
}

/// Keys and values. Values are JSON, but where a function says bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace<'a> {
    name: &'a str,
}

/// What an increment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The number, this increment included.
    pub value: i64,
    /// What is left until it begins at zero again; none where it never does.
    pub left: Option<Duration>,
}

impl<'a> Namespace<'a> {
    /// The value of a key; none where there is none, or where it has expired.
    pub fn get<T: DeserializeOwned>(self, key: &str) -> Result<Option<T>> {
        self.get_bytes(key)?.map(|bytes| self.parse(key, &bytes)).transpose()
    }

    /// Sets a value, which stays.
    pub fn set(self, key: &str, value: impl Serialize) -> Result<()> {
        self.set_bytes(key, &serde_json::to_vec(&value)?, None)
    }

    /// Sets a value that expires after `time`, 1 ms to ten years.
    pub fn set_for(self, key: &str, value: impl Serialize, time: Duration) -> Result<()> {
        self.set_bytes(key, &serde_json::to_vec(&value)?, Some(time))
    }

    /// The bytes of a value.
    pub fn get_bytes(self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(host::get(self.name, key)?)
    }

    /// Sets a value to bytes; it expires after `expires_in`, if there is one.
    pub fn set_bytes(self, key: &str, value: &[u8], expires_in: Option<Duration>) -> Result<()> {
        host::set(self.name, key, value, expires_in.map(ms))?;
        Ok(())
    }

    /// Removes a value, and says whether there was one.
    pub fn delete(self, key: &str) -> Result<bool> {
        Ok(host::delete(self.name, key)?)
    }

    /// If the bytes that are there are `old`, none being nothing, sets them to `new`, or removes them where
    /// that is none; says whether they were. Whatever is set expires after `expires_in`, if there is one.
    pub fn compare_and_set(
        self,
        key: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        expires_in: Option<Duration>,
    ) -> Result<bool> {
        Ok(host::compare_and_set(self.name, key, old, new, expires_in.map(ms))?)
    }

    /// Makes a value of the value that is there, none being nothing, and returns it. If somebody else
    /// changes it meanwhile, `change` is called again with what is there then.
    ///
    /// ```
    /// # use boathook_sdk::prelude::*;
    /// # fn main() -> Result<()> {
    /// let names = kv::namespace("names");
    /// let add = |list: Option<Vec<String>>| {
    ///     let mut list = list.unwrap_or_default();
    ///     list.push("Ada".into());
    ///     Some(list)
    /// };
    /// names.update("all", None, add)?;
    /// assert_eq!(names.get::<Vec<String>>("all")?, Some(vec!["Ada".into()]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<T: Serialize + DeserializeOwned>(
        self,
        key: &str,
        expires_in: Option<Duration>,
        mut change: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Option<T>> {
        for _ in 0..ATTEMPTS {
            let old = self.get_bytes(key)?;
            let parsed = old.as_deref().map(|bytes| self.parse(key, bytes)).transpose()?;
            let new = change(parsed);
            let bytes = new.as_ref().map(serde_json::to_vec).transpose()?;
            if self.compare_and_set(key, old.as_deref(), bytes.as_deref(), expires_in)? {
                return Ok(new);
            }
        }
        let name = self.name;
        Err(Error::new(format!("kv `{name}`: `{key}` was changed by others {ATTEMPTS} times")))
    }

    /// Adds to a number that begins at zero and stays.
    pub fn increment(self, key: &str, by: i64) -> Result<Counter> {
        self.count(key, by, None)
    }

    /// Adds to a number that begins at zero, and again so whenever `window` is over: the window begins with
    /// the first increment, and later ones do not move it.
    pub fn increment_within(self, key: &str, by: i64, window: Duration) -> Result<Counter> {
        self.count(key, by, Some(ms(window)))
    }

    fn count(self, key: &str, by: i64, window: Option<u64>) -> Result<Counter> {
        let counter = host::increment(self.name, key, by, window)?;
        let left = counter.left_ms.map(Duration::from_millis);
        Ok(Counter { value: counter.value, left })
    }

    /// The keys that begin with `prefix`, asked for page by page. In no promised order; where the store is
    /// Redis, one may come twice.
    pub fn keys(self, prefix: &'a str) -> impl Iterator<Item = Result<String>> + 'a {
        Keys { namespace: self, prefix, page: Vec::new().into_iter(), next: Next::First }
    }

    fn parse<T: DeserializeOwned>(self, key: &str, bytes: &[u8]) -> Result<T> {
        let name = self.name;
        serde_json::from_slice(bytes)
            .map_err(|error| Error::new(format!("kv `{name}`: `{key}`: {error}")))
    }
}

struct Keys<'a> {
    namespace: Namespace<'a>,
    prefix: &'a str,
    page: std::vec::IntoIter<String>,
    next: Next,
}

enum Next {
    First,
    From(String),
    Nothing,
}

impl Iterator for Keys<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            if let Some(key) = self.page.next() {
                return Some(Ok(key));
            }
            let cursor = match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::First => None,
                Next::From(cursor) => Some(cursor),
                Next::Nothing => return None,
            };
            match host::keys(self.namespace.name, self.prefix, cursor.as_deref(), PAGE) {
                Ok(page) => {
                    self.next = page.cursor.map_or(Next::Nothing, Next::From);
                    self.page = page.keys.into_iter();
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
