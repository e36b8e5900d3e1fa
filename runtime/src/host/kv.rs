//! Does what the `kv` import asks: lets a hook at the namespaces that its grants name, and turns what a
//! store says into errors for hooks.
//!
//! The functions wait for the store, so they suspend the hook's fiber: the time counts in its wall alone.

use std::time::Duration;

use super::{GuestError, State, guest_error};
use crate::config::Access;
use crate::error::Phase;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::kv::{Counter, Host, Page};
use crate::store::{self, Key, PAGE_KEYS_MAX, Store, StoreError};

type Said<T> = std::result::Result<T, GuestError>;

impl State {
    /// Counts the call, and makes it if the hook may do this: with the store, and the space of the
    /// namespace.
    async fn kv<T>(
        &mut self,
        function: &str,
        namespace: &str,
        access: Access,
        call: impl AsyncFnOnce(&Store, &str) -> store::Result<T>,
    ) -> Result<Said<T>> {
        self.enter()?;
        if matches!(self.phase, Phase::Start | Phase::Defaults | Phase::Configure) {
            let text = format!(
                "`kv.{function}` was called in `{}`\nhint: call it in `initialize` or later",
                self.phase
            );
            return Ok(Err(guest_error("E_KV_TOO_EARLY", text, None)));
        }
        if !self.context.namespaces.allows(namespace, access) {
            return Ok(Err(self.not_granted(namespace, access)));
        }
        self.reads().kept = true;
        let shared = self.context.shared();
        let Some(store) = &shared.kv else {
            return Ok(Err(guest_error("E_KV_UNAVAILABLE", "there is no store", Some(503))));
        };
        Ok(call(store, &format!("kv:{namespace}")).await.map_err(said))
    }

    fn not_granted(&self, namespace: &str, access: Access) -> GuestError {
        let name = &self.context.name;
        let verb = if access == Access::Read { "read" } else { "write" };
        // A name as long as a guest likes is not repeated.
        let shown: String = namespace.chars().take(64).collect();
        let shown = shown.escape_debug();
        let line = self.context.namespaces.with(&shown.to_string(), access);
        let text = format!(
            "hook `{name}` may not {verb} the namespace `{shown}` of `kv`\n\
             hint: write `grants = {{ kv = {line} }}` in `[hooks.{name}]`"
        );
        guest_error("E_NOT_GRANTED", text, None)
    }
}

impl Host for State {
    async fn get(&mut self, namespace: String, key: String) -> Result<Said<Option<Vec<u8>>>> {
        let get = async |store: &Store, space: &str| store.get(Key::new(space, &key)).await;
        self.kv("get", &namespace, Access::Read, get).await
    }

    async fn set(
        &mut self,
        namespace: String,
        key: String,
        value: Vec<u8>,
        expires_in_ms: Option<u64>,
    ) -> Result<Said<()>> {
        let set = async |store: &Store, space: &str| {
            store.set(Key::new(space, &key), &value, time(expires_in_ms)).await
        };
        self.kv("set", &namespace, Access::Write, set).await
    }

    async fn delete(&mut self, namespace: String, key: String) -> Result<Said<bool>> {
        let delete = async |store: &Store, space: &str| store.delete(Key::new(space, &key)).await;
        self.kv("delete", &namespace, Access::Write, delete).await
    }

    async fn compare_and_set(
        &mut self,
        namespace: String,
        key: String,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
        expires_in_ms: Option<u64>,
    ) -> Result<Said<bool>> {
        let swap = async |store: &Store, space: &str| {
            let (old, new) = (old.as_deref(), new.as_deref());
            store.compare_and_set(Key::new(space, &key), old, new, time(expires_in_ms)).await
        };
        self.kv("compare-and-set", &namespace, Access::Write, swap).await
    }

    async fn increment(
        &mut self,
        namespace: String,
        key: String,
        by: i64,
        window_ms: Option<u64>,
    ) -> Result<Said<Counter>> {
        let increment = async |store: &Store, space: &str| {
            let counter = store.increment(Key::new(space, &key), by, time(window_ms)).await?;
            let ms = |left: Duration| u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            Ok(Counter { value: counter.value, left_ms: counter.left.map(ms) })
        };
        self.kv("increment", &namespace, Access::Write, increment).await
    }

    async fn keys(
        &mut self,
        namespace: String,
        prefix: String,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Said<Page>> {
        let limit = usize::try_from(limit).unwrap_or(PAGE_KEYS_MAX);
        let list = async |store: &Store, space: &str| {
            let page = store.names(space, &prefix, cursor.as_deref(), limit).await?;
            Ok(Page { keys: page.names, cursor: page.cursor })
        };
        self.kv("keys", &namespace, Access::Read, list).await
    }
}

fn time(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}

fn said(error: StoreError) -> GuestError {
    let (code, status) = match error {
        StoreError::Value { .. } => ("E_KV_TOO_LARGE", None),
        StoreError::Full(_) => ("E_KV_FULL", Some(503)),
        StoreError::Busy | StoreError::Unavailable(_) => ("E_KV_UNAVAILABLE", Some(503)),
        _ => ("E_KV_INVALID", None),
    };
    guest_error(code, error.to_string(), status)
}
