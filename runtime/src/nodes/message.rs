//! Defines what nodes send each other: a line of JSON that says who, how many and what, and the event's payload
//! behind it, as the hook wrote it. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::host::events::{NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, is_of_a_server};

/// The form of a message. Another one is refused, so that servers of two versions do not misread each other.
const VERSION: u32 = 1;
/// Bytes of the first line: a name may need six for each of its own.
const HEAD_BYTES_MAX: usize = 6 * NAME_BYTES_MAX + 256;
/// Nodes that are remembered. A node has another name after each start.
const NODES_MAX: usize = 4_096;

/// An event on its way to other nodes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Who sends it.
    pub(super) node: u64,
    /// How many it has sent with this one.
    pub(super) sequence: u64,
    /// The event's name.
    pub(super) event: Cow<'a, str>,
    /// Its payload, JSON.
    pub(super) payload: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    version: u32,
    node: u64,
    sequence: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
}

/// Why something is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0} bytes are too many")]
    TooLong(usize),
    #[error("it does not begin with a line that says what it is")]
    Head,
    #[error("it has version {0}, and this server knows {VERSION}")]
    Version(u32),
    #[error("the event's name has {0} bytes, of 1 to {NAME_BYTES_MAX}")]
    Name(usize),
    #[error("only a server fires `{}`, and for itself", .0.escape_debug())]
    Reserved(String),
    #[error("the payload has {0} bytes, of {PAYLOAD_BYTES_MAX} at most")]
    Payload(usize),
    #[error("the payload is not JSON")]
    Json,
}

impl<'a> Message<'a> {
    pub(super) fn write(&self) -> Vec<u8> {
        let Self { node, sequence, ref event, payload } = *self;
        let head = Head { version: VERSION, node, sequence, event: Cow::Borrowed(event) };
        // Numbers and text always have a form.
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(payload.as_bytes());
        bytes
    }

    /// Reads what anybody may have written.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
        if bytes.len() > HEAD_BYTES_MAX + 1 + PAYLOAD_BYTES_MAX {
            return Err(Refused::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refused::Head)?;
        let (head, payload) = text.split_once('\n').ok_or(Refused::Head)?;
        let head: Head<'a> = serde_json::from_str(head).map_err(|_| Refused::Head)?;
        if head.version != VERSION {
            return Err(Refused::Version(head.version));
        }
        if !(1..=NAME_BYTES_MAX).contains(&head.event.len()) {
            return Err(Refused::Name(head.event.len()));
        }
        if is_of_a_server(&head.event) {
            return Err(Refused::Reserved(head.event.into_owned()));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Refused::Payload(payload.len()));
        }
        serde_json::from_str::<serde::de::IgnoredAny>(payload).map_err(|_| Refused::Json)?;
        let Head { node, sequence, event, .. } = head;
        Ok(Self { node, sequence, event, payload })
    }
}

/// The last number that each node sent. A message that a broken connection held back may arrive behind
/// those of the next connection: it is passed over, so that order holds.
#[derive(Debug, Default)]
pub(super) struct Heard(HashMap<u64, u64>);

impl Heard {
    /// Whether this number comes behind all others of its node; it counts as heard from now on.
    pub(super) fn is_news(&mut self, node: u64, sequence: u64) -> bool {
        if self.0.len() >= NODES_MAX && !self.0.contains_key(&node) {
            // Those that still send are soon known again.
            self.0.clear();
        }
        let last = self.0.entry(node).or_default();
        let is_news = sequence > *last;
        *last = sequence.max(*last);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(event: &'a str, payload: &'a str) -> Message<'a> {
        Message { node: u64::MAX, sequence: 7, event: event.into(), payload }
    }

    #[test]
    fn what_was_written_is_read() {
        let (longest, largest) = ("\u{1}".repeat(NAME_BYTES_MAX), "1".repeat(PAYLOAD_BYTES_MAX));
        for (event, payload) in [
            ("news", "{}"),
            ("hook:a:own", "[\n1]"),
            ("line\nbreak \"quoted\"", "null"),
            (&longest, &largest),
        ] {
            let written = message(event, payload).write();
            assert_eq!(Message::read(&written), Ok(message(event, payload)));
        }
    }

    #[test]
    fn what_anybody_writes_is_checked() {
        let with = |event: &str, payload: &str| message(event, payload).write();
        let other = br#"{"version":2,"node":1,"sequence":1,"event":"a"}"#;
        for (bytes, refused) in [
            (vec![b' '; 1 << 20], Refused::TooLong(1 << 20)),
            (b"".to_vec(), Refused::Head),
            (b"{}\n{}".to_vec(), Refused::Head),
            (b"\xff\n{}".to_vec(), Refused::Head),
            ([other, &b"\n{}"[..]].concat(), Refused::Version(2)),
            (with("", "{}"), Refused::Name(0)),
            (with(&"x".repeat(257), "{}"), Refused::Name(257)),
            (with("ready", "{}"), Refused::Reserved("ready".into())),
            (with("lower", "{}"), Refused::Reserved("lower".into())),
            (with("hook:a:loaded", "{}"), Refused::Reserved("hook:a:loaded".into())),
            (with("hook:a:restarted", "{}"), Refused::Reserved("hook:a:restarted".into())),
            (with("a", &"1".repeat(PAYLOAD_BYTES_MAX + 1)), Refused::Payload((64 << 10) + 1)),
            (with("a", ""), Refused::Json),
            (with("a", "{} {}"), Refused::Json),
            (with("a", &"[".repeat(10_000)), Refused::Json),
        ] {
            assert_eq!(Message::read(&bytes), Err(refused));
        }
    }

    #[test]
    fn what_comes_behind_its_successors_is_passed_over() {
        let mut heard = Heard::default();
        let news = [(1, 1), (2, 5), (1, 2), (1, 2), (1, 1), (1, 9), (2, 4), (2, 6)];
        let told = news.map(|(node, sequence)| heard.is_news(node, sequence));
        assert_eq!(told, [true, true, true, false, false, true, false, true]);
        for node in 0..2 * NODES_MAX as u64 {
            heard.is_news(node, 1);
        }
        assert!(heard.0.len() <= NODES_MAX);
    }
}
