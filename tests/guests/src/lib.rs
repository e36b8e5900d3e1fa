//! Holds what the guests share. The guests themselves are in `examples/`: one feature or one
//! misbehaviour each, named for it. `scripts/build-guests` makes components of them, and the tests
//! in `tests/it` run them. A guest that no test runs fails a test.

use boathook_sdk::prelude::*;

/// A value of the query; an error with status 400 where it is missing.
///
/// # Errors
/// If there is none.
pub fn wanted(req: &Request, name: &str) -> Result<String> {
    req.query_value(name).ok_or_else(|| Error::bad_request(format!("`{name}` is missing")))
}

/// A number in the query; none where there is none.
pub fn number(req: &Request, name: &str) -> Option<u64> {
    req.query_value(name)?.parse().ok()
}

/// Works until so many milliseconds are over, or for ever.
pub fn spin(ms: Option<u64>) {
    let start = clock::now_ms();
    while ms.is_none_or(|ms| clock::now_ms() < start + ms) {
        std::hint::spin_loop();
    }
}

/// Waits, and does not work.
pub fn sleep(ms: u64) {
    std::thread::sleep(std::time::Duration::from_millis(ms));
}
