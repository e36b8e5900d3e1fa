//! Leaves its name and the status it saw on every response, and fails there if `fails` says so.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Observes;

impl Hook for Observes {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", |_, _, _| Ok(Outcome::Next)).observe_response(Self::observe)
    }
}

impl Observes {
    fn observe(&mut self, _req: &Request, res: &mut Response) -> Result<()> {
        let seen = format!("{} {}", config::key(), res.status_code());
        res.append_header("x-seen", seen);
        if config::get_own("fails")?.unwrap_or(false) {
            return Err(Error::new("the observer failed"));
        }
        Ok(())
    }
}

export!(Observes, name = "observes");
