//! Keeps `kib` kibibytes of every request for ever, and tells how many it has kept.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Leaks {
    kept_kib: u64,
}

impl Hook for Leaks {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /leaks", Self::leak)
    }
}

impl Leaks {
    fn leak(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let kib = guests::number(req, "kib").unwrap_or(0);
        std::mem::forget(std::hint::black_box(vec![1_u8; (kib as usize) << 10]));
        self.kept_kib += kib;
        res.json(self.kept_kib)
    }
}

export!(Leaks, name = "leaks");
