//! Changes request and response, and fails before it is done: traps, or with `x-fail` returns that status.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct HalfDone;

impl Hook for HalfDone {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", Self::half_do)
    }
}

impl HalfDone {
    fn half_do(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        req.set_header("x-half", "done")?;
        req.set_path("/elsewhere")?;
        req.set_body("half a body")?;
        req.set_local("half", "done")?;
        match req.header("x-fail").and_then(|status| status.parse().ok()) {
            Some(status) => Err(Error::new("as asked").with_status(status)),
            None => panic!("half done"),
        }
    }
}

export!(HalfDone, name = "half-done");
