//! Sets status, headers, a cookie and a body, and then says next.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Decorates;

impl Hook for Decorates {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", Self::decorate)
    }
}

impl Decorates {
    fn decorate(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.status(201).set_header("x-who", "hook").set_header("x-hook", "1");
        res.append_header("set-cookie", "by=hook").set_body("dropped");
        Ok(Outcome::Next)
    }
}

export!(Decorates, name = "decorates");
