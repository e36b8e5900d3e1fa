//! Waits for 50 ms before it answers.

use boathook_sdk::prelude::*;

/// How long one request takes.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

#[derive(Default)]
struct Slow;

impl Hook for Slow {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /slow", Self::wait)
    }
}

impl Slow {
    fn wait(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        std::thread::sleep(PAUSE);
        res.json(json!({ "slow": true }))
    }
}

export!(Slow, name = "slow");
