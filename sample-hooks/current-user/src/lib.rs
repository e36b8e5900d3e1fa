//! Who is asking: the session's `userId` leads to a user in kv, who stands in `locals.me` for all that follow.
//!
//! This is Sails' `req.me` pattern. It also signs users up, logs them in and out, and takes anybody's word for
//! who they are: a real app checks a password or a token where this one says so.

use boathook_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const USERS: kv::Namespace<'_> = kv::namespace("users");

#[derive(Default)]
struct CurrentUser;

/// A user as they are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    email: String,
    full_name: String,
    #[serde(default)]
    last_seen_at: u64,
}

impl Hook for CurrentUser {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("/*", Self::find)
            .skip_assets()
            .named("sign-up", Self::sign_up)
            .read_body()
            .named("log-in", Self::log_in)
            .read_body()
            .named("log-out", Self::log_out)
            .named("delete-me", Self::delete_me)
    }
}

impl CurrentUser {
    fn find(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        req.set_local("me", Value::Null)?;
        let Some(id) = req.session().get::<String>("userId")? else { return Ok(Outcome::Next) };
        let Some(user) = USERS.get::<User>(&id)? else {
            log::warn!("the user of a session is gone: {id}");
            // Whatever else it holds was theirs.
            req.session().destroy()?;
            return res.unauthorized(());
        };
        // Without the address: a local can end up on a page.
        req.set_local(
            "me",
            json!({
                "id": user.id, "fullName": user.full_name, "lastSeenAt": user.last_seen_at
            }),
        )?;
        Ok(Outcome::Next)
    }

    fn sign_up(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let user: User = req.body_json()?;
        let bytes = serde_json::to_vec(&User { last_seen_at: 0, ..user.clone() })?;
        // Absent and then there, in one step: of two at the same time one is too late.
        if !USERS.compare_and_set(&user.id, None, Some(&bytes), None)? {
            return res.status(409).json(json!({ "error": "this id is taken" }));
        }
        res.status(201).json(json!({ "id": user.id }))
    }

    fn log_in(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        #[derive(Deserialize)]
        struct Form {
            id: String,
        }
        let Form { id } = req.body_json()?;
        // Here a real app checks what proves that it is them.
        let Some(user) = USERS.get::<User>(&id)? else {
            return Err(Error::unauthorized("there is no such user"));
        };
        let session = req.session();
        match session.get::<String>("userId")? {
            // An id that somebody has foisted on the browser is worth nothing from here on.
            None => session.regenerate()?,
            // Another user's session is nothing to begin with.
            Some(_) => session.destroy()?,
        }
        session.set("userId", &user.id)?;
        session.flash("success", format!("Welcome, {}!", user.full_name))?;
        res.redirect("/dashboard")
    }

    fn log_out(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        req.session().destroy()?;
        res.redirect("/dashboard")
    }

    /// So that there is a session whose user is gone.
    fn delete_me(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let me: Option<Value> = req.local("me")?;
        let Some(id) = me.as_ref().and_then(|me| me["id"].as_str()) else {
            return res.unauthorized(());
        };
        USERS.delete(id)?;
        res.status(204).text("")
    }
}

export!(CurrentUser, grants = { kv = ["users"], session = true });

#[cfg(test)]
mod tests {
    use testing::{TestSession, call, call_action, request};

    use super::*;

    const ADA: &str = r#"{"id":"ada","email":"ada@example.com","fullName":"Ada Lovelace"}"#;

    /// The hook, and one user.
    fn lifted() -> Result<CurrentUser> {
        let mut hook = testing::lift::<CurrentUser>("current-user", json!({}))?;
        let reply = call_action(&mut hook, "sign-up", request("POST", "/users").body(ADA));
        assert_eq!((reply.status, reply.text().as_str()), (201, r#"{"id":"ada"}"#));
        Ok(hook)
    }

    #[test]
    fn an_id_is_taken_once() -> Result<()> {
        let again = request("POST", "/users").body(ADA.replace("Lovelace", "Other"));
        let mut hook = lifted()?;
        assert_eq!(call_action(&mut hook, "sign-up", again).status, 409);
        let nobody = request("POST", "/users").body("{}");
        assert_eq!(call_action(&mut hook, "sign-up", nobody).status, 400);
        Ok(())
    }

    #[test]
    fn who_is_logged_in_stands_in_the_locals_without_what_is_private() -> Result<()> {
        let mut hook = lifted()?;
        let form = request("POST", "/login").body(r#"{"id":"ada"}"#);
        let reply = call_action(&mut hook, "log-in", form);
        assert_eq!((reply.status, reply.header("location").as_deref()), (302, Some("/dashboard")));
        assert!(reply.session.regenerated);
        assert_eq!(reply.session.flash["success"], "Welcome, Ada Lovelace!");

        let home = request("GET", "/").session(reply.session).target(200, &[], "home");
        let reply = call(&mut hook, home);
        let me = json!({ "id": "ada", "fullName": "Ada Lovelace", "lastSeenAt": 0 });
        assert_eq!((reply.status, &reply.locals["me"]), (200, &me));
        Ok(())
    }

    #[test]
    fn nobody_is_null_and_is_let_through() -> Result<()> {
        let reply = call(&mut lifted()?, request("GET", "/").target(200, &[], "home"));
        assert_eq!((reply.status, &reply.locals["me"]), (200, &Value::Null));
        assert_eq!(reply.session, TestSession::default());
        Ok(())
    }

    #[test]
    fn a_user_who_is_gone_is_a_401_and_logged_out() -> Result<()> {
        let mut hook = lifted()?;
        let session = TestSession::default().with("userId", "ada").with("cart", 3);
        let reply = call_action(
            &mut hook,
            "delete-me",
            request("POST", "/delete-me").session(session.clone()),
        );
        assert_eq!(reply.status, 204);
        let reply = call(&mut hook, request("GET", "/").session(session).target(200, &[], "home"));
        assert_eq!(reply.status, 401);
        assert!(reply.session.destroyed && reply.session.data.is_empty());
        assert_eq!(testing::log()[0].message, "the user of a session is gone: ada");
        let reply =
            call(&mut hook, request("GET", "/").session(reply.session).target(200, &[], "home"));
        assert_eq!(reply.status, 200);
        Ok(())
    }

    #[test]
    fn who_logs_out_has_no_session_and_who_is_unknown_gets_none() -> Result<()> {
        let mut hook = lifted()?;
        let session = TestSession::default().with("userId", "ada");
        let reply = call_action(&mut hook, "log-out", request("POST", "/logout").session(session));
        assert!(reply.session.destroyed && reply.session.data.is_empty());
        let form = request("POST", "/login").body(r#"{"id":"eve"}"#);
        assert_eq!(call_action(&mut hook, "log-in", form).status, 401);
        Ok(())
    }
}
