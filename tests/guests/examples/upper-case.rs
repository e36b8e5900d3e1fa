//! Reads the response's body and puts it in capitals.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct UpperCase;

impl Hook for UpperCase {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", |_, _, _| Ok(Outcome::Next)).observe_response(Self::raise)
    }
}

impl UpperCase {
    fn raise(&mut self, _req: &Request, res: &mut Response) -> Result<()> {
        match res.body() {
            Ok(body) => res.set_body(body.to_ascii_uppercase()),
            Err(error) => res.set_header("x-body-error", error.code()),
        };
        Ok(())
    }
}

export!(UpperCase, name = "upper-case");
