//! Keeps 64 KiB of every request that it answers, until its instance meets `limits.memory`.

use boathook_sdk::prelude::*;

/// What one request leaves behind.
const KEPT_BYTES: usize = 64 << 10;

#[derive(Default)]
struct Leaks {
    kept: Vec<Vec<u8>>,
}

impl Hook for Leaks {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /leak", Self::leak)
    }
}

impl Leaks {
    fn leak(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        self.kept.push(vec![1; KEPT_BYTES]);
        res.json(json!({ "kept": self.kept.len() }))
    }
}

export!(Leaks, name = "leaks");
