//! Tells the time. In tests it can be moved on, by `testing::advance`.

use std::time::{Duration, SystemTime};

/// Milliseconds since 1970, as JavaScript's `Date.now()`.
///
/// ```
/// use std::time::Duration;
/// use boathook_sdk::{clock, testing};
///
/// let before = clock::now_ms();
/// testing::advance(Duration::from_secs(60));
/// assert!(clock::now_ms() >= before + 60_000);
/// ```
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from((now + advanced()).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(target_family = "wasm")]
fn advanced() -> Duration {
    Duration::ZERO
}

#[cfg(not(target_family = "wasm"))]
fn advanced() -> Duration {
    crate::testing::host::with(|host| host.advanced)
}
