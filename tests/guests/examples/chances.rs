//! Tells what time it is, by both clocks, and what chance has given it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use boathook_sdk::prelude::*;

struct Chances {
    since: Instant,
}

impl Default for Chances {
    fn default() -> Self {
        Self { since: Instant::now() }
    }
}

impl Hook for Chances {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /chances", Self::tell)
    }
}

impl Chances {
    fn tell(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let chance = RandomState::new().hash_one("chance");
        let lived = self.since.elapsed().as_millis() as u64;
        res.json(json!({ "now": clock::now_ms(), "lived": lived, "chance": chance }))
    }
}

export!(Chances, name = "chances");
