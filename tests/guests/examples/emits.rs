//! Fires `times` events in one call, or fires for ever, and does not mind whether they were taken.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Emits;

impl Hook for Emits {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /emits", Self::emit)
    }
}

impl Emits {
    fn emit(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        for number in 0..guests::number(req, "times").unwrap_or(u64::MAX) {
            let _ = events::emit("noise", number);
        }
        res.ok(())
    }
}

export!(Emits, name = "emits");
