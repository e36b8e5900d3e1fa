//! Takes the time of each call into a hook, and tells the client by `Server-Timing`, where a browser's developer
//! tools show it. In development alone: how long things take is nobody's business elsewhere.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};

/// Calls that are told of. A chain is seldom a tenth of it, and clients limit the bytes of a head.
const CALLS_MAX: usize = 64;

/// How long the calls of one exchange took, in their order. Empty outside of development, which costs nothing.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<(Arc<str>, &'static str, Duration)>);

impl Times {
    /// Notes a call of this hook that has just returned, and what is put after its name. The time for which it
    /// waited for an instance counts.
    pub(super) fn note(&mut self, hook: &Arc<str>, which: &'static str, began: Instant) {
        if self.0.len() < CALLS_MAX {
            self.0.push((hook.clone(), which, began.elapsed()));
        }
    }

    /// Puts them into a response's head, beside what others say there.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let mut value = String::new();
        for (hook, which, took) in &self.0 {
            let separator = if value.is_empty() { "" } else { ", " };
            let milliseconds = took.as_secs_f64() * 1e3;
            // A hook's name has nothing in it that a token may not have. Writing to a string does not fail.
            let _ = write!(value, "{separator}{hook}{which};dur={milliseconds:.3}");
        }
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append("server-timing", value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_a_metric_of_its_own() {
        let mut times = Times::default();
        let mut headers = HeaderMap::new();
        times.tell(&mut headers);
        assert!(headers.is_empty());
        headers.insert("server-timing", HeaderValue::from_static("db;dur=1"));
        times.note(&"rate-limit".into(), "", Instant::now());
        times.note(&"rate-limit".into(), ".response", Instant::now());
        times.tell(&mut headers);
        let told: Vec<_> = headers.get_all("server-timing").iter().collect();
        assert_eq!(told[0], "db;dur=1");
        let calls = told[1].to_str().unwrap();
        let names: Vec<_> =
            calls.split(", ").filter_map(|call| call.split(";dur=").next()).collect();
        assert_eq!(names, ["rate-limit", "rate-limit.response"]);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut times = Times::default();
        let hook: Arc<str> = "a".into();
        (0..1000).for_each(|_| times.note(&hook, "", Instant::now()));
        let mut headers = HeaderMap::new();
        times.tell(&mut headers);
        assert_eq!(headers["server-timing"].to_str().unwrap().split(", ").count(), CALLS_MAX);
    }
}
