//! Logs `lines` lines of a hundred bytes in one call.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct FloodsLog;

impl Hook for FloodsLog {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /floods", Self::flood)
    }
}

impl FloodsLog {
    fn flood(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        for number in 0..guests::number(req, "lines").unwrap_or(0) {
            log::info!("{number:0>100}");
        }
        res.ok(())
    }
}

export!(FloodsLog, name = "floods-log");
