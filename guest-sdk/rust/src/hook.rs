//! Defines the trait that a hook implements: one method a verb, each with a default that does nothing.

use serde_json::{Value, json};

use crate::{Error, Methods, Result, Routes};

/// A hook. Every method is optional.
///
/// The order is a promise: `defaults` of all hooks, then `configure` of all, then `initialize` of
/// all, then `routes`. A hook that runs in several instances goes through them in each; only a hook in
/// mode `single` may count on seeing every request in one `self`.
///
/// There is no request at hand in any of these methods: handlers, named in [`routes`](Self::routes),
/// get it.
pub trait Hook: Default + Sized + 'static {
    /// The settings that the operator need not write. Called once, before anything else.
    ///
    /// `overrides` is the operator's whole configuration. The answer has the shape of the
    /// configuration; the root key `__configKey__` stands for the hook's own. What the operator wrote
    /// wins.
    ///
    /// ```
    /// # use boathook_sdk::prelude::*;
    /// # #[derive(Default)] struct Shout;
    /// impl Hook for Shout {
    ///     fn defaults(&self, _overrides: &Value) -> Result<Value> {
    ///         Ok(json!({ "__configKey__": { "phrase": "make it rain" } }))
    ///     }
    /// }
    /// ```
    fn defaults(&self, overrides: &Value) -> Result<Value> {
        let _ = overrides;
        Ok(json!({}))
    }

    /// The time to derive settings from settings, with [`config::set`](crate::config::set), which
    /// works here alone. Called once, in hook order, when the configuration is merged.
    fn configure(&mut self) -> Result<()> {
        Ok(())
    }

    /// The time to prepare: read settings into `self`, publish data, wait for other hooks. Called
    /// once. On success `hook:<name>:loaded` fires.
    fn initialize(&mut self) -> Result<()> {
        Ok(())
    }

    /// The opposite of `initialize`. Called once when the server stops, in reverse hook order.
    fn lower(&mut self) -> Result<()> {
        Ok(())
    }

    /// What the hook that comes in this one's place, while the server runs, is to know: up to 1 MiB of JSON. Called
    /// once when that one is about to take over, in mode `single` on the one instance, in mode `pooled` on any.
    /// What is done after it is not in the value, and the other may still be refused: give nothing up here.
    ///
    /// ```
    /// # use boathook_sdk::prelude::*;
    /// # #[derive(Default)] struct Counts { count: u64 }
    /// impl Hook for Counts {
    ///     fn before_swap(&mut self) -> Result<Option<Value>> {
    ///         Ok(Some(json!({ "count": self.count })))
    ///     }
    ///
    ///     fn after_swap(&mut self, value: Value) -> Result<()> {
    ///         self.count = value["count"].as_u64().unwrap_or_default();
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn before_swap(&mut self) -> Result<Option<Value>> {
        Ok(None)
    }

    /// What the generation before handed out in its [`before_swap`](Self::before_swap), if it did. Called after
    /// `initialize` and before the first request, in each instance. The value may be that of an older or a newer
    /// version: pass over what cannot be read. An error refuses this version, and the one before goes on.
    fn after_swap(&mut self, value: Value) -> Result<()> {
        let _ = value;
        Ok(())
    }

    /// The hook's routes. Called once, after `initialize`; every instance must give the same.
    fn routes(&self) -> Routes<Self> {
        Routes::new()
    }

    /// What other hooks may call. Called once, after `initialize`.
    fn methods(&self) -> Methods<Self> {
        Methods::new()
    }

    /// An event fired that [`events::subscribe`](crate::events::subscribe) asked for. Called once an
    /// event, one after the other.
    fn handle_event(&mut self, event: &str, payload: Value) -> Result<()> {
        let _ = (event, payload);
        Ok(())
    }

    /// A task that [`tasks::defer`](crate::tasks::defer) handed over. Called when nobody waits for it; of a
    /// durable one that has failed again, and `attempt` is 1 the first time. A hook that defers tasks must
    /// have it.
    fn handle_task(&mut self, name: &str, payload: Value, attempt: u32) -> Result<()> {
        let _ = (payload, attempt);
        Err(Error::new(format!("the hook has no `handle_task`, and was given the task `{name}`")))
    }

    /// One of the times of a schedule that the manifest names:
    /// `export!(Cleaner, ticks = [{ name = "clean-up", every = "5m" }])`. Called on every server, never while
    /// the last call for this tick goes on.
    fn handle_tick(&mut self, name: &str) -> Result<()> {
        Err(Error::new(format!("the hook has no `handle_tick`, and it is time for `{name}`")))
    }
}
