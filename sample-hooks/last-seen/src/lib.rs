//! When a user was last here: written after the response, so that nobody waits for it, and once a minute at
//! most.
//!
//! `current-user` has said who it is. `observe_finish` is where Sails would not await a promise.

use boathook_sdk::prelude::*;
use serde::Deserialize;

const USERS: kv::Namespace<'_> = kv::namespace("users");
/// What may have passed since it was last written.
const MS_TO_BUFFER: u64 = 60_000;

#[derive(Default)]
struct LastSeen;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    id: String,
    #[serde(default)]
    last_seen_at: u64,
}

impl Hook for LastSeen {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("/*", Self::pass)
            .skip_assets()
            .observe_finish(Self::note)
            .after("GET /last-seen", Self::show)
    }
}

impl LastSeen {
    fn pass(&mut self, _req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        Ok(Outcome::Next)
    }

    fn note(&mut self, req: &Request, _finish: &Finish) -> Result<()> {
        let Some(me) = me(req)? else { return Ok(()) };
        let now = clock::now_ms();
        // What stood there when the request came in: for most requests that is all there is to do.
        if now.saturating_sub(me.last_seen_at) < MS_TO_BUFFER {
            return Ok(());
        }
        USERS.update(&me.id, None, |user: Option<Value>| {
            user.map(|mut user| {
                user["lastSeenAt"] = json!(now);
                user
            })
        })?;
        Ok(())
    }

    fn show(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match me(req)? {
            Some(me) => res.json(json!({ "lastSeenAt": me.last_seen_at })),
            None => res.unauthorized(()),
        }
    }
}

/// Who `current-user` found.
fn me(req: &Request) -> Result<Option<Me>> {
    Ok(req.local::<Option<Me>>("me")?.flatten())
}

export!(LastSeen, after = ["current-user"], grants = { kv = ["users"] });

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testing::{call, request};

    use super::*;

    fn last_seen() -> Result<u64> {
        let ada: Value = USERS.get("ada")?.unwrap_or_default();
        Ok(ada["lastSeenAt"].as_u64().unwrap_or_default())
    }

    fn visit(hook: &mut LastSeen) -> Result<()> {
        let me: Value = USERS.get("ada")?.unwrap_or_default();
        call(hook, request("GET", "/").local("me", me).target(200, &[], "home"));
        Ok(())
    }

    #[test]
    fn it_is_written_after_a_minute_and_not_before() -> Result<()> {
        let mut hook = testing::lift::<LastSeen>("last-seen", json!({}))?;
        USERS.set("ada", json!({ "id": "ada", "email": "ada@example.com" }))?;
        visit(&mut hook)?;
        let first = last_seen()?;
        assert!(first > 0);
        testing::advance(Duration::from_secs(59));
        visit(&mut hook)?;
        assert_eq!(last_seen()?, first);
        testing::advance(Duration::from_secs(2));
        visit(&mut hook)?;
        assert!(last_seen()? > first);
        assert_eq!(USERS.get::<Value>("ada")?.unwrap_or_default()["email"], "ada@example.com");
        Ok(())
    }

    #[test]
    fn nobody_is_not_noted_and_who_is_gone_does_not_come_back() -> Result<()> {
        let mut hook = testing::lift::<LastSeen>("last-seen", json!({}))?;
        call(&mut hook, request("GET", "/").local("me", Value::Null).target(200, &[], "home"));
        let gone = json!({ "id": "ada", "lastSeenAt": 0 });
        call(&mut hook, request("GET", "/").local("me", gone).target(200, &[], "home"));
        assert_eq!(USERS.get::<Value>("ada")?, None);
        assert_eq!(call(&mut hook, request("GET", "/last-seen")).status, 401);
        Ok(())
    }
}
