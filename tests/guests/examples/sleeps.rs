//! Waits for `ms` milliseconds, and uses no cpu.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Sleeps;

impl Hook for Sleeps {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /sleeps", Self::sleep)
    }
}

impl Sleeps {
    fn sleep(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        log::info!("sleeps");
        guests::sleep(guests::number(req, "ms").unwrap_or(3_600_000));
        res.ok(())
    }
}

export!(Sleeps, name = "sleeps");
