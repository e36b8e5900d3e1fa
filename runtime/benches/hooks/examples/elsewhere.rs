//! Has a route that no request of the suite takes: what a hook costs that is there and idle.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Elsewhere;

impl Hook for Elsewhere {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /elsewhere/:id", Self::pass)
    }
}

impl Elsewhere {
    fn pass(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header("x-elsewhere", "1");
        Ok(Outcome::Next)
    }
}

export!(Elsewhere, name = "elsewhere");
