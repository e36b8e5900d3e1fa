//! State between requests: counts each client's POSTs in `self`, and answers 429 when they are too many.
//!
//! Mode `single` makes the count exact: one instance sees every request. When another version takes its place
//! while the server runs, that one goes on with the counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use boathook_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// Clients that the next version is told of.
const HANDED_OVER_MAX: usize = 10_000;

#[derive(Default)]
struct RateLimit {
    settings: Settings,
    clients: BTreeMap<String, Window>,
    swept: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    max_requests: u64,
    window_ms: u64,
}

#[derive(Deserialize, Serialize)]
struct Window {
    count: u64,
    start: u64,
}

impl Hook for RateLimit {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        Ok(json!({ "__configKey__": { "max-requests": 100, "window-ms": 60_000 } }))
    }

    fn initialize(&mut self) -> Result<()> {
        self.settings = config::own()?;
        Ok(())
    }

    fn before_swap(&mut self) -> Result<Option<Value>> {
        // A value has up to 1 MiB, and who has asked most matters most.
        let mut clients: Vec<_> = self.clients.iter().collect();
        clients.sort_by_key(|(_, client)| Reverse(client.count));
        clients.truncate(HANDED_OVER_MAX);
        Ok(Some(json!(BTreeMap::from_iter(clients))))
    }

    fn after_swap(&mut self, value: Value) -> Result<()> {
        // What another version kept in another way is begun anew.
        self.clients = BTreeMap::deserialize(value).unwrap_or_default();
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("POST /*", Self::limit)
    }
}

impl RateLimit {
    fn limit(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let (now, Settings { max_requests, window_ms }) = (clock::now_ms(), &self.settings);
        let is_over = |start: u64| now.saturating_sub(start) > *window_ms;
        if is_over(self.swept) {
            // Once a window, or whoever came by would be remembered for ever.
            self.clients.retain(|_, client| !is_over(client.start));
            self.swept = now;
        }
        let client = self.clients.entry(req.ip()).or_insert(Window { count: 0, start: now });
        if is_over(client.start) {
            *client = Window { count: 0, start: now };
        }
        client.count += 1;
        if client.count > *max_requests {
            return res.status(429).json(json!({ "error": "Too many requests" }));
        }
        Ok(Outcome::Next)
    }
}

export!(RateLimit, mode = "single");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn post(hook: &mut RateLimit, ip: &str) -> testing::Reply {
        testing::call(hook, testing::request("POST", "/x").ip(ip))
    }

    #[test]
    fn the_request_over_the_limit_is_a_429_until_the_window_is_over() -> Result<()> {
        let mut hook = testing::lift::<RateLimit>("rate-limit", json!({}))?;
        for _ in 0..100 {
            assert_eq!(post(&mut hook, "10.0.0.1").outcome, Outcome::Next);
        }
        let reply = post(&mut hook, "10.0.0.1");
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (429, r#"{"error":"Too many requests"}"#)
        );
        assert_eq!(post(&mut hook, "10.0.0.2").outcome, Outcome::Next);
        testing::advance(Duration::from_millis(60_001));
        assert_eq!(post(&mut hook, "10.0.0.1").outcome, Outcome::Next);
        assert_eq!(hook.clients.len(), 1);
        Ok(())
    }

    #[test]
    fn the_counts_go_on_when_another_version_takes_over() -> Result<()> {
        let operator = json!({ "rate-limit": { "max-requests": 1 } });
        let mut hook = testing::lift::<RateLimit>("rate-limit", operator.clone())?;
        assert_eq!(post(&mut hook, "10.0.0.1").outcome, Outcome::Next);
        let mut next: RateLimit = testing::swap(&mut hook, operator)?;
        assert_eq!(post(&mut next, "10.0.0.1").status, 429);
        next.after_swap(json!("of another version"))?;
        assert_eq!(post(&mut next, "10.0.0.1").outcome, Outcome::Next);
        Ok(())
    }

    #[test]
    fn the_operator_sets_the_limit_and_reading_is_free() -> Result<()> {
        let operator = json!({ "rate-limit": { "max-requests": 0 } });
        let mut hook = testing::lift::<RateLimit>("rate-limit", operator)?;
        assert_eq!(post(&mut hook, "10.0.0.1").status, 429);
        let reply = testing::call(&mut hook, testing::request("GET", "/x"));
        assert_eq!(reply.outcome, Outcome::Next);
        Ok(())
    }
}
