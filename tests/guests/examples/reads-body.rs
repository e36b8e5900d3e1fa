//! Reads bodies: where the route says so, where it does not, and where it does not mind the limit.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct ReadsBody;

impl Hook for ReadsBody {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("POST /length", Self::length)
            .read_body()
            .before("POST /undeclared", Self::length)
            .before("POST /lenient", Self::lenient)
            .read_body()
    }
}

impl ReadsBody {
    fn length(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let body = req.body()?;
        res.json(json!({ "length": body.len() }))
    }

    fn lenient(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.body() {
            Ok(body) => res.set_header("x-read", body.len().to_string()),
            Err(error) => res.set_header("x-read", error.code()),
        };
        Ok(Outcome::Next)
    }
}

export!(ReadsBody, name = "reads-body");
