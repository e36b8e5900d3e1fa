//! Begins a session at `/begin`, and reads it at every other path; goes on.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Sessions;

impl Hook for Sessions {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /begin", Self::begin).before("GET /*", Self::read)
    }
}

impl Sessions {
    fn begin(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        req.session().set("userId", 7)?;
        res.status(204);
        Ok(Outcome::Respond)
    }

    /// What it reads is in the answer, so that none counts that did not find it.
    fn read(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.session().get::<u32>("userId")? {
            Some(7) => Ok(Outcome::Next),
            _ => res.forbidden(()),
        }
    }
}

export!(Sessions, name = "sessions", grants = { session = true });
