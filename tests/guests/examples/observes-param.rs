//! Says on the way back which param its own route had.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct ObservesParam;

impl Hook for ObservesParam {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /users/:id", |_, _, _| Ok(Outcome::Next))
            .observe_response(Self::observe)
    }
}

impl ObservesParam {
    fn observe(&mut self, req: &Request, res: &mut Response) -> Result<()> {
        res.set_header("x-id", req.param("id").unwrap_or_default());
        Ok(())
    }
}

export!(ObservesParam, name = "observes-param");
