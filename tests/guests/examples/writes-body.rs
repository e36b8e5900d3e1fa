//! Writes `mib` mebibytes of body, one by one; with `obeys` it stops at the first that is refused.

#[cfg(target_family = "wasm")]
use boathook_sdk::bindings::boathook::hook::response as raw;
use boathook_sdk::prelude::*;

#[derive(Default)]
struct WritesBody;

impl Hook for WritesBody {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /writes-body", Self::write)
    }
}

impl WritesBody {
    #[cfg_attr(not(target_family = "wasm"), expect(unused_variables, reason = "wasm alone"))]
    fn write(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        let obeys = req.query_value("obeys").is_some();
        let chunk = vec![b'x'; 1 << 20];
        #[cfg(target_family = "wasm")]
        for _ in 0..guests::number(req, "mib").unwrap_or(0) {
            let written = raw::write_body(&chunk);
            if obeys {
                written?;
            }
        }
        Ok(Outcome::Respond)
    }
}

export!(WritesBody, name = "writes-body");
