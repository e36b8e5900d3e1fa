//! Does what the `hooks` import asks: what hooks have for each other.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{GuestError, State, check_json, guest_error, list};
use crate::error::Phase;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::hooks::Host;

/// What hooks have made public, by hook and key: JSON text.
#[derive(Debug, Default)]
pub struct Published(RwLock<BTreeMap<(String, String), String>>);

/// Bytes that all public data of a server may take: every hook's instances see it, so no hook may fill
/// the server's memory with it.
const PUBLISHED_BYTES_MAX: usize = 16 << 20;

impl Published {
    fn get(&self, hook: String, key: String) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&(hook, key)).cloned()
    }

    /// A copy of what these hooks have made public: those that go on, while others do so anew or are gone.
    pub fn of(&self, hooks: &[Arc<str>]) -> Self {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let stays = |hook: &str| hooks.iter().any(|kept| **kept == *hook);
        let kept = all.iter().filter(|((hook, _), _)| stays(hook));
        Self(RwLock::new(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    fn set(&self, hook: String, key: String, value: String) -> bool {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let taken: usize = all.iter().map(|((a, b), v)| a.len() + b.len() + v.len()).sum();
        let fits = taken + hook.len() + key.len() + value.len() <= PUBLISHED_BYTES_MAX;
        if fits {
            all.insert((hook, key), value);
        }
        fits
    }
}

impl Host for State {
    fn names(&mut self) -> Result<Vec<String>> {
        self.enter()?;
        Ok(self.context.shared().names.iter().map(ToString::to_string).collect())
    }

    fn publish(
        &mut self,
        key: String,
        value: String,
    ) -> Result<std::result::Result<(), GuestError>> {
        self.enter()?;
        if self.phase != Phase::Initialize {
            let text = format!(
                "`hooks.publish` was called in `{}`\nhint: publish in `initialize`",
                self.phase
            );
            return Ok(Err(guest_error("E_PUBLISH", text, None)));
        }
        if let Err(error) = check_json(&value, "the value") {
            return Ok(Err(error));
        }
        if self.repeats() {
            return Ok(Ok(()));
        }
        let name = self.context.name.to_string();
        if !self.context.shared().published.set(name, key, value) {
            let text = format!("public data of all hooks is over {PUBLISHED_BYTES_MAX} bytes");
            return Ok(Err(guest_error("E_PUBLISH", text, None)));
        }
        Ok(Ok(()))
    }

    fn data(&mut self, hook: String, key: String) -> Result<Option<String>> {
        self.enter()?;
        Ok(self.context.shared().published.get(hook, key))
    }

    async fn call(
        &mut self,
        hook: String,
        method: String,
        args: String,
    ) -> Result<std::result::Result<String, GuestError>> {
        self.enter()?;
        if let Err(error) = check_json(&args, "the arguments") {
            return Ok(Err(error));
        }
        if !self.context.callable.contains(&hook) {
            let named = match self.context.callable.as_slice() {
                [] => "names none".to_owned(),
                names => format!("names {}", list(names)),
            };
            let text = format!(
                "only hooks named in `after` can be called, and `after` {named}\n\
                 hint: add `{hook}` to `after`"
            );
            return Ok(Err(guest_error("E_HOOK_CALL", text, None)));
        }
        let context = self.context.clone();
        let callee = context.shared().hook(&hook);
        let Some(callee) = callee else {
            let text = format!("hook `{hook}` cannot be called before all hooks are loaded");
            return Ok(Err(guest_error("E_HOOK_CALL", text, None)));
        };
        self.reads().answer = true;
        // The exchange goes along, and comes back whatever becomes of the call.
        let exchange = self.exchange.take();
        let rescue = self.rescue.get_or_insert_default().clone();
        let (exchange, result) = callee.call(&method, &args, exchange, rescue).await;
        self.exchange = exchange;
        Ok(result.map_err(|failure| {
            if failure.is_server_error() && failure.said.is_none() && !failure.is_logged() {
                tracing::error!(caller = %context.name, "{failure}");
            }
            let said = failure.said.clone().unwrap_or_default();
            let message =
                if said.message.is_empty() { failure.to_string() } else { said.message.clone() };
            let mut error = guest_error(failure.code_text(), message, said.status);
            error.details = said.details;
            error
        }))
    }
}
