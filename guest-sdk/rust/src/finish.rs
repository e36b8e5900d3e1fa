//! Reads the response when it is out.

use std::time::Duration;

use crate::host::response as host;

/// The response when the last byte is out: it can be read, and nothing can be changed any more.
pub struct Finish(());

impl Finish {
    pub(crate) fn at_hand() -> Self {
        Self(())
    }

    /// The status that was sent.
    pub fn status_code(&self) -> u16 {
        host::status()
    }

    /// The values of one header that was sent, joined by `, `.
    pub fn header(&self, name: &str) -> Option<String> {
        String::from_utf8(host::header(name)?).ok()
    }

    /// How many bytes of body went to the client.
    pub fn bytes_sent(&self) -> u64 {
        host::bytes_sent()
    }

    /// From the request's head to the last byte.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(host::elapsed())
    }

    /// Whether the client received everything.
    pub fn completed(&self) -> bool {
        host::completed()
    }
}
