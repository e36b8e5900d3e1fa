//! The app's own hook, Sails' `custom`: gives every page who is logged in, made once a session, and what was
//! flashed, made for each request; and shows a page that has both.
//!
//! It uses the methods of `inertia`, and the locals of `current-user` and `flash`.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct SharedProps;

impl Hook for SharedProps {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /*", Self::share)
            .skip_assets()
            .after("GET /dashboard", Self::dashboard)
    }
}

impl SharedProps {
    fn share(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        // Once: what the session has already is not made again.
        let known: bool = hooks::call("inertia", "once", "loggedInUser")?;
        if !known {
            share("keep", "loggedInUser", logged_in_user(req)?)?;
        }
        // Always.
        share("share", "flash", req.local::<Value>("flash")?.unwrap_or_default())?;
        Ok(Outcome::Next)
    }

    fn dashboard(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let page: Value = hooks::call("inertia", "page", json!({ "component": "dashboard" }))?;
        res.json(page)
    }
}

fn share(method: &str, key: &str, value: Value) -> Result<()> {
    hooks::call::<Value>("inertia", method, json!({ "key": key, "value": value }))?;
    Ok(())
}

/// Null where nobody is.
fn logged_in_user(req: &Request) -> Result<Value> {
    let me = req.local::<Value>("me")?.unwrap_or_default();
    let Some(name) = me["fullName"].as_str() else { return Ok(Value::Null) };
    let initials = name.split(' ').filter_map(|part| part.chars().next());
    let initials = initials.collect::<String>().to_uppercase();
    Ok(json!({ "id": me["id"], "fullName": name, "initials": initials }))
}

export!(SharedProps, after = ["current-user", "flash", "inertia"]);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use testing::{call, request};

    use super::*;

    /// What is handed to `inertia`, which has or has not seen the user before.
    fn handed_over(known: bool, me: Value) -> Result<Value> {
        let calls = Rc::new(RefCell::new(serde_json::Map::new()));
        testing::method("inertia", "once", move |_| Ok(json!(known)));
        for method in ["keep", "share"] {
            let calls = calls.clone();
            testing::method("inertia", method, move |prop| {
                calls.borrow_mut().insert(method.into(), prop);
                Ok(Value::Null)
            });
        }
        let mut hook = testing::lift::<SharedProps>("shared-props", json!({}))?;
        let flash = json!({ "success": "Saved." });
        let home = request("GET", "/").local("me", me).local("flash", flash);
        call(&mut hook, home.target(200, &[], "home"));
        let calls = calls.borrow().clone();
        Ok(calls.into())
    }

    #[test]
    fn the_user_is_shared_once_and_the_flash_always() -> Result<()> {
        let ada = json!({ "id": "ada", "fullName": "Ada Lovelace", "lastSeenAt": 0 });
        let flash = json!({ "key": "flash", "value": { "success": "Saved." } });
        let user = json!({ "id": "ada", "fullName": "Ada Lovelace", "initials": "AL" });
        let user = json!({ "key": "loggedInUser", "value": user });
        assert_eq!(handed_over(false, ada.clone())?, json!({ "keep": user, "share": flash }));
        assert_eq!(handed_over(true, ada)?, json!({ "share": flash }));
        Ok(())
    }

    #[test]
    fn nobody_is_null() -> Result<()> {
        let handed = handed_over(false, Value::Null)?;
        assert_eq!(handed["keep"], json!({ "key": "loggedInUser", "value": null }));
        Ok(())
    }
}
