//! Works for `ms` milliseconds, or for ever.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Spins;

impl Hook for Spins {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /spins", Self::spin)
    }
}

impl Spins {
    fn spin(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        guests::spin(guests::number(req, "ms"));
        res.ok(())
    }
}

export!(Spins, name = "spins");
