//! Writes the log: one line an event, to standard error, in Sails' levels.
//!
//! The server's own lines arrive through `tracing`, hooks' lines through [`hook_line`]; both end in the
//! same form: `level: message`, then `key=value`. As JSON a line has `time`, `level`, `message` and
//! the fields. Control characters are escaped, so no hook and no client can forge a line.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

pub use crate::config::LogLevel as Level;

/// The level of one of the server's own events. `tracing` has no level between `info` and `warn`; a
/// target that ends in `::debug` makes one.
fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::TRACE => Level::Silly,
        tracing::Level::DEBUG => Level::Verbose,
        tracing::Level::INFO if metadata.target().ends_with("::debug") => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

/// A level as it is written.
pub(crate) const fn name(level: Level) -> &'static str {
    match level {
        Level::Silent => "silent",
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Verbose => "verbose",
        Level::Silly => "silly",
    }
}

static MOST: AtomicU8 = AtomicU8::new(Level::Info as u8);
static JSON: AtomicBool = AtomicBool::new(false);

/// Starts the log. Call it once, first of all.
pub fn start(level: Level, json: bool) {
    process_time();
    set_level(level);
    JSON.store(json, Ordering::Relaxed);
    // A second start, in one process' tests, keeps the first one's subscriber: it is the same.
    let _ = tracing_subscriber::registry().with(ToLines).try_init();
}

/// Sets how much is written.
pub fn set_level(level: Level) {
    MOST.store(level as u8, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
}

/// Whether lines of this level are written.
pub fn enabled(level: Level) -> bool {
    level != Level::Silent && level as u8 <= MOST.load(Ordering::Relaxed)
}

/// Writes a line of a hook. `fields` is a JSON object, or empty.
pub fn hook_line(level: Level, hook: &str, request: Option<&str>, message: &str, fields: &str) {
    if !enabled(level) {
        return;
    }
    let mut line = Line::new(level, message);
    line.field("hook", hook);
    if let Some(request) = request {
        line.field("request", request);
    }
    if let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(fields) {
        for (name, value) in fields {
            match value {
                serde_json::Value::String(text) => line.field(&name, &text),
                other => line.field(&name, &other.to_string()),
            }
        }
    }
    line.write();
}

/// The longest prefix of `text` of at most `bytes` bytes that ends between characters.
pub fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Lets the log say a thing at most once in a while, and counts the times between. Without a lock: of two
/// that come at one moment, one passes.
#[derive(Debug)]
pub struct Sparse {
    every: Duration,
    /// When it may be said again, in milliseconds of the process's life.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Sparse {
    /// One that passes at once, and then once in each such time.
    pub const fn new(every: Duration) -> Self {
        Self { every, next: AtomicU64::new(0), unsaid: AtomicU64::new(0) }
    }

    /// Whether to say it now: some with how often it went unsaid since the last time.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(process_time())
    }

    /// Whether to say now only that it went unsaid, and how often: for the time after the last one.
    pub fn overdue(&self) -> Option<u64> {
        self.overdue_at(process_time())
    }

    fn pass_at(&self, now: Duration) -> Option<u64> {
        if !self.is_time(now) {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.unsaid.swap(0, Ordering::Relaxed))
    }

    fn overdue_at(&self, now: Duration) -> Option<u64> {
        let due = self.unsaid.load(Ordering::Relaxed) > 0 && self.is_time(now);
        due.then(|| self.unsaid.swap(0, Ordering::Relaxed)).filter(|unsaid| *unsaid > 0)
    }

    /// Whether the time is over, and this is the first one to see it.
    fn is_time(&self, now: Duration) -> bool {
        let now = now.as_millis() as u64;
        let next = self.next.load(Ordering::Relaxed);
        let after = now + self.every.as_millis() as u64;
        now >= next
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// How long the process has been at work, since this was first asked.
pub fn process_time() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// ` (and 1,234 more)`; empty for none.
pub fn and_more(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" (and {} more)", grouped(count)) }
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The layer between `tracing` and the log.
struct ToLines;

impl<S: Subscriber> Layer<S> for ToLines {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        // What libraries say is for those who develop them; their failures come back as errors.
        metadata.target().starts_with("boathook") && enabled(level_of(metadata))
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line::new(level_of(event.metadata()), "");
        event.record(&mut line);
        line.write();
    }
}

/// One line in the making.
struct Line {
    level: Level,
    message: String,
    fields: Vec<(String, String)>,
}

impl Line {
    fn new(level: Level, message: &str) -> Self {
        Self { level, message: message.to_owned(), fields: Vec::new() }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    fn write(self) {
        let mut text = if JSON.load(Ordering::Relaxed) { self.json() } else { self.text() };
        text.push('\n');
        // There is nobody left to tell that the log cannot be written.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn text(&self) -> String {
        let mut text = format!("{}: ", name(self.level));
        // The fields belong to the first line, which is the one that is searched for.
        let (first, rest) = self.message.split_once('\n').unwrap_or((&self.message, ""));
        escape(first, &mut text);
        for (name, value) in &self.fields {
            let _ = write!(text, " {name}=");
            if value.is_empty() || value.contains([' ', '"', '=']) {
                let _ = write!(text, "{value:?}");
            } else {
                escape(value, &mut text);
            }
        }
        if !rest.is_empty() {
            escape("\n", &mut text);
            escape(rest, &mut text);
        }
        text
    }

    fn json(&self) -> String {
        let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let mut object = serde_json::Map::new();
        object.insert("time".into(), now.into());
        object.insert("level".into(), name(self.level).into());
        object.insert("message".into(), self.message.as_str().into());
        for (name, value) in &self.fields {
            object.entry(name.as_str()).or_insert_with(|| value.as_str().into());
        }
        serde_json::Value::Object(object).to_string()
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.field(field.name(), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Line breaks stay readable as indented lines; all other control characters are escaped.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\n    "),
            '\t' => out.push('\t'),
            character if character.is_control() => out.extend(character.escape_default()),
            character => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_forge_a_line() {
        let line = Line::new(Level::Info, "a\nerror: b\u{1b}[2J\r");
        assert_eq!(line.text(), "info: a\n    error: b\\u{1b}[2J\\r");
    }

    #[test]
    fn fields_stand_on_the_first_line() {
        let mut line = Line::new(Level::Error, "it failed\nbacktrace");
        line.field("request", "7");
        assert_eq!(line.text(), "error: it failed request=7\n    backtrace");
    }

    #[test]
    fn a_prefix_ends_between_characters() {
        assert_eq!(prefix("aé", 2), "a");
        assert_eq!(prefix("aé", 3), "aé");
    }
    #[test]
    fn what_comes_too_often_is_said_once_in_a_while_with_how_often_it_was_not() {
        let sparse = Sparse::new(Duration::from_secs(1));
        let at = |ms| sparse.pass_at(Duration::from_millis(ms));
        assert_eq!(
            [at(5), at(6), at(1004), at(1005), at(1006)],
            [Some(0), None, None, Some(2), None]
        );
        let overdue = |ms| sparse.overdue_at(Duration::from_millis(ms));
        assert_eq!([overdue(2000), overdue(2005), overdue(9000)], [None, Some(1), None]);
    }

    #[test]
    fn large_numbers_are_easy_to_read() {
        assert_eq!(and_more(0), "");
        assert_eq!(and_more(999), " (and 999 more)");
        assert_eq!(and_more(1_234_567), " (and 1,234,567 more)");
    }
}
