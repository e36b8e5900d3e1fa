//! Ends its process, as it thinks, with the exit code `code`.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Exits;

impl Hook for Exits {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /exits", Self::exit)
    }
}

impl Exits {
    fn exit(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match guests::number(req, "code") {
            Some(code) => std::process::exit(code as i32),
            None => res.ok(()),
        }
    }
}

export!(Exits, name = "exits");
