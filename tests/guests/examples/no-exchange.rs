//! Asks for the request where there is none.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct NoExchange;

impl Hook for NoExchange {
    #[cfg(target_family = "wasm")]
    fn initialize(&mut self) -> Result<()> {
        use boathook_sdk::bindings::boathook::hook::{request, response};
        if config::get_own("set")?.unwrap_or(false) {
            return response::set_status(204).map_err(Error::from);
        }
        Err(Error::new(request::path()))
    }
}

export!(NoExchange, name = "no-exchange");
