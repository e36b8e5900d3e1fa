//! Traps.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Panics;

impl Hook for Panics {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /panics", |_, _, _| panic!("this is the panic's message"))
    }
}

export!(Panics, name = "panics");
