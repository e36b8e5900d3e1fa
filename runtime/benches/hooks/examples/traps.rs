//! Traps at every fourth request to it, and answers the others: the breaker stays closed.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Traps {
    asked: u32,
}

impl Hook for Traps {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /trap", Self::trap)
    }
}

impl Traps {
    fn trap(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        self.asked += 1;
        assert!(!self.asked.is_multiple_of(4), "the fourth request");
        res.json(json!({ "asked": self.asked }))
    }
}

export!(Traps, name = "traps");
