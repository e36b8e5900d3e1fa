//! Fires the event that a request names: `GET /emit?event=...`.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Emit;

impl Hook for Emit {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /emit", Self::emit)
    }
}

impl Emit {
    fn emit(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match events::emit(&guests::wanted(req, "event")?, json!({ "by": req.path() })) {
            Ok(()) => res.ok(()),
            Err(error) => res.forbidden(error.message()),
        }
    }
}

export!(Emit, name = "emit");
