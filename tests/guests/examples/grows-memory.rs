//! Takes `mib` mebibytes of memory, and gives them back.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct GrowsMemory;

impl Hook for GrowsMemory {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /grows", Self::grow)
    }
}

impl GrowsMemory {
    fn grow(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let mib = guests::number(req, "mib").unwrap_or(0) as usize;
        let taken = vec![1_u8; mib << 20];
        res.json(std::hint::black_box(&taken).len())
    }
}

export!(GrowsMemory, name = "grows-memory");
