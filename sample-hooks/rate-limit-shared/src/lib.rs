//! A count that all instances and all servers share: each client's POSTs, counted in `kv`, and 429 when they are
//! too many.
//!
//! Where `rate-limit` needs mode `single`, this one runs in as many instances as there are requests: one call of
//! the store adds and tells the sum, so no two requests can both be the last that is let through. With
//! `[kv] store = "redis"` that holds over all servers that share the Redis.
//!
//! While the store does not answer, requests get its 503. Who would rather let them through sets
//! `on_failure = "skip"`.

use std::time::Duration;

use boathook_sdk::prelude::*;
use serde::Deserialize;

const RATES: kv::Namespace<'_> = kv::namespace("rates");

#[derive(Default)]
struct RateLimitShared {
    settings: Settings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    max_requests: i64,
    window_ms: u64,
}

impl Hook for RateLimitShared {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        Ok(json!({ "__configKey__": { "max-requests": 100, "window-ms": 60_000 } }))
    }

    fn initialize(&mut self) -> Result<()> {
        self.settings = config::own()?;
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("POST /*", Self::limit)
    }
}

impl RateLimitShared {
    fn limit(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let Settings { max_requests, window_ms } = self.settings;
        let window = Duration::from_millis(window_ms);
        let counter = RATES.increment_within(&req.ip(), 1, window)?;
        if counter.value <= max_requests {
            return Ok(Outcome::Next);
        }
        // In whole seconds, and never so early that the window is not over.
        let wait = counter.left.unwrap_or(window).as_millis().div_ceil(1000);
        res.set_header("retry-after", wait.to_string());
        res.status(429).json(json!({ "error": "Too many requests" }))
    }
}

export!(RateLimitShared, grants = { kv = ["rates"] });

#[cfg(test)]
mod tests {
    use super::*;

    fn post(hook: &mut RateLimitShared, ip: &str) -> testing::Reply {
        testing::call(hook, testing::request("POST", "/x").ip(ip))
    }

    #[test]
    fn the_request_over_the_limit_is_a_429_until_the_window_is_over() -> Result<()> {
        let mut hook = testing::lift::<RateLimitShared>("rate-limit-shared", json!({}))?;
        for _ in 0..100 {
            assert_eq!(post(&mut hook, "10.0.0.1").outcome, Outcome::Next);
        }
        let reply = post(&mut hook, "10.0.0.1");
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (429, r#"{"error":"Too many requests"}"#)
        );
        let wait: u64 = reply.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(post(&mut hook, "10.0.0.2").outcome, Outcome::Next);
        testing::advance(Duration::from_millis(60_001));
        assert_eq!(post(&mut hook, "10.0.0.1").outcome, Outcome::Next);
        Ok(())
    }

    #[test]
    fn instances_count_together() -> Result<()> {
        let settings = json!({ "rate-limit-shared": { "max-requests": 2 } });
        let mut one = testing::lift::<RateLimitShared>("rate-limit-shared", settings.clone())?;
        let mut other = testing::lift::<RateLimitShared>("rate-limit-shared", settings)?;
        assert_eq!(post(&mut one, "10.0.0.1").outcome, Outcome::Next);
        assert_eq!(post(&mut other, "10.0.0.1").outcome, Outcome::Next);
        assert_eq!(post(&mut one, "10.0.0.1").status, 429);
        Ok(())
    }

    #[test]
    fn a_store_that_does_not_answer_is_an_error() -> Result<()> {
        let mut hook = testing::lift::<RateLimitShared>("rate-limit-shared", json!({}))?;
        testing::break_kv(true);
        assert_eq!(post(&mut hook, "10.0.0.1").status, 503);
        Ok(())
    }
}
