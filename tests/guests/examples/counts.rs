//! Counts its requests in memory; holds one for `ms` milliseconds, and traps where `panic` is asked.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Counts {
    count: u64,
}

impl Hook for Counts {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /counts", Self::count)
    }
}

impl Counts {
    fn count(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        self.count += 1;
        log::info!("counts {}", self.count);
        if let Some(ms) = guests::number(req, "ms") {
            guests::sleep(ms);
            log::info!("held {}", self.count);
        }
        assert!(req.query_value("panic").is_none(), "asked to panic");
        res.json(self.count)
    }
}

export!(Counts, name = "counts");
