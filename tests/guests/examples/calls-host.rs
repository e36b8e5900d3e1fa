//! Calls the host `times` times.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct CallsHost;

impl Hook for CallsHost {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /calls-host", Self::call)
    }
}

impl CallsHost {
    fn call(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        for _ in 0..guests::number(req, "times").unwrap_or(0) {
            req.method();
        }
        res.ok(())
    }
}

export!(CallsHost, name = "calls-host");
