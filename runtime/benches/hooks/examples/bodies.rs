//! Reads a body and writes it back.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Bodies;

impl Hook for Bodies {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("POST /echo", Self::echo).read_body()
    }
}

impl Bodies {
    fn echo(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_body(req.body()?);
        Ok(Outcome::Respond)
    }
}

export!(Bodies, name = "bodies");
