//! Hands what a hook knows to the one that comes in its place: `before-swap` of the old one, `after-swap` of the
//! new. Who comes in whose place, and when, is [`crate::lift`]'s to say.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::{Hook, Live, said};
use crate::config::{Mode, size_text};
use crate::error::{Code, Failure, Phase};
use crate::sandbox::limits::Allowance;

/// Bytes of a value that is handed over. It is kept for as long as the hook that got it serves.
const BYTES_MAX: usize = 1 << 20;

impl Hook {
    /// What this hook wants the next one to know; none if nothing, or if it failed, which is logged.
    pub async fn before_swap(&self) -> Option<Arc<String>> {
        let live = self.live.get()?;
        // An instance of a request's own knows nothing.
        if !self.program.has_swapping() || self.found.mode == Mode::Fresh {
            return None;
        }
        self.value(live).await.unwrap_or_else(|failure| {
            let text = format!("{failure}\nhint: the next generation begins without a value");
            match failure.code {
                // Long requests are no mistake, nor may there be anything to hand over.
                Code::HookBusy => tracing::warn!("{text}"),
                _ => tracing::error!("{text}"),
            }
            None
        })
    }

    async fn value(&self, live: &Live) -> Result<Option<Arc<String>>, Failure> {
        let existing = live.pool.lease_existing(Phase::BeforeSwap, self.timeout.0).await?;
        // One that is made knows what this generation was given, and no more.
        let Some(mut lease) = existing else { return Ok(live.pool.handed()) };
        let allowance = Allowance::lifecycle(self.timeout.0);
        let returned = lease.instance().before_swap(&allowance).await;
        if returned.is_ok() {
            lease.put_back();
        }
        let value = said(self.name(), Phase::BeforeSwap, returned)?;
        if let Some(why) = value.as_deref().and_then(unfit) {
            let failure = Failure::new(Code::HookBadResponse, why);
            return Err(failure.in_hook(self.name(), Phase::BeforeSwap));
        }
        Ok(value.map(Arc::new))
    }

    /// Gives this hook, which nobody has met yet, what the one before handed out; and all instances to come.
    ///
    /// # Errors
    /// What its `after-swap` failed with.
    pub async fn after_swap(&self, value: Arc<String>) -> Result<(), Failure> {
        let Some(live) = self.live.get() else { return Ok(()) };
        if !self.program.has_swapping() {
            let hook = self.name();
            tracing::warn!(%hook, "what the generation before handed out is dropped: this one does not export `swapping`");
            return Ok(());
        }
        live.pool.hand_over(value, self.timeout.0).await
    }
}

/// What keeps a value from being handed over.
fn unfit(value: &str) -> Option<String> {
    if value.len() > BYTES_MAX {
        let (bytes, max) = (value.len(), size_text(BYTES_MAX as u64));
        return Some(format!("the value has {bytes} bytes, and {max} are handed over at most"));
    }
    let error = serde_json::from_str::<IgnoredAny>(value).err()?;
    Some(format!("the value is invalid JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_of_so_many_bytes() {
        assert_eq!(unfit("{\"a\":1}"), None);
        assert!(unfit("{").is_some_and(|why| why.contains("invalid JSON")));
        let long = |length| format!("\"{}\"", "x".repeat(length));
        assert_eq!(unfit(&long(BYTES_MAX - 2)), None);
        assert!(unfit(&long(BYTES_MAX - 1)).is_some_and(|why| why.contains("1MiB")));
    }
}
