//! Adds `times` headers one by one, or adds for ever, and does not mind whether they were taken. The
//! SDK would gather them and hand them over at once, so this goes past it.

#[cfg(target_family = "wasm")]
use boathook_sdk::bindings::boathook::hook::response as raw;
use boathook_sdk::prelude::*;

#[derive(Default)]
struct PilesHeaders;

impl Hook for PilesHeaders {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /piles-headers", Self::pile)
    }
}

impl PilesHeaders {
    #[cfg_attr(not(target_family = "wasm"), expect(unused_variables, reason = "wasm alone"))]
    fn pile(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        #[cfg(target_family = "wasm")]
        for number in 0..guests::number(req, "times").unwrap_or(u64::MAX) {
            let _ = raw::append_headers(format!("x-pile: {number}\r\n").as_bytes());
        }
        Ok(Outcome::Respond)
    }
}

export!(PilesHeaders, name = "piles-headers");
