//! Lets nobody into `/admin` who does not say who they are.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Guards;

impl Hook for Guards {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /admin", Self::guard).before("ALL /admin/*", Self::guard)
    }
}

impl Guards {
    fn guard(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.header("authorization") {
            Some(_) => Ok(Outcome::Next),
            None => res.unauthorized(()),
        }
    }
}

export!(Guards, name = "guards");
