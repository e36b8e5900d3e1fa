//! A note for the next page: what a handler leaves in the session is shown once, and then it is gone.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Flash;

impl Hook for Flash {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /*", Self::take_out)
            .skip_assets()
            .after("POST /notes", Self::save)
            .read_body()
            .after("GET /notes", Self::show)
    }
}

impl Flash {
    /// Whatever page comes next can show it: it stands in `locals.flash`.
    fn take_out(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        let session = req.session();
        let flash = json!({
            "success": session.read_flash::<String>("success")?,
            "error": session.read_flash::<String>("error")?,
        });
        req.set_local("flash", flash)?;
        Ok(Outcome::Next)
    }

    fn save(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.body()?.len() {
            0 => req.session().flash("error", "An empty note was not saved.")?,
            bytes => req.session().flash("success", format!("Saved {bytes} bytes."))?,
        }
        res.redirect("/notes")
    }

    fn show(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(req.local::<Value>("flash")?)
    }
}

export!(Flash, grants = { session = true });

#[cfg(test)]
mod tests {
    use testing::{call, request};

    use super::*;

    #[test]
    fn a_note_is_on_the_next_page_and_not_on_the_one_after() -> Result<()> {
        let mut hook = testing::lift::<Flash>("flash", json!({}))?;
        for (body, success, error) in [
            ("hello", json!("Saved 5 bytes."), json!(null)),
            ("", json!(null), json!("An empty note was not saved.")),
        ] {
            let saved = call(&mut hook, request("POST", "/notes").body(body));
            assert_eq!(saved.status, 302);
            let shown = call(&mut hook, request("GET", "/notes").session(saved.session));
            assert_eq!(shown.json::<Value>()?, json!({ "success": success, "error": error }));
            let again = call(&mut hook, request("GET", "/notes").session(shown.session));
            assert_eq!(again.json::<Value>()?, json!({ "success": null, "error": null }));
        }
        Ok(())
    }

    #[test]
    fn a_file_does_not_eat_the_note() -> Result<()> {
        let mut hook = testing::lift::<Flash>("flash", json!({}))?;
        let session = testing::TestSession::default().with_flash("success", "Saved.");
        let reply = call(&mut hook, request("GET", "/app.js").session(session.clone()));
        assert_eq!(reply.session, session);
        Ok(())
    }
}
