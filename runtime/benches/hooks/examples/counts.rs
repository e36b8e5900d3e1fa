//! Counts each client's requests of a minute in `kv`, as a rate limiter does, and goes on.

use std::time::Duration;

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Counts;

impl Hook for Counts {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /*", Self::count)
    }
}

impl Counts {
    fn count(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let minute = Duration::from_secs(60);
        let counter = kv::namespace("rates").increment_within(&req.ip(), 1, minute)?;
        if counter.value < 1 { res.forbidden(()) } else { Ok(Outcome::Next) }
    }
}

export!(Counts, name = "counts", grants = { kv = ["rates"] });
