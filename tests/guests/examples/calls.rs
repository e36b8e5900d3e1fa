//! Uses other hooks: calls the method, reads the data, lists the names that a request asks for.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Calls;

impl Hook for Calls {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /calls/method", Self::method)
            .before("GET /calls/data", Self::data)
            .before("GET /calls/names", |_, _, res| res.json(hooks::names()))
    }
}

impl Calls {
    fn method(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let (hook, method) = (guests::wanted(req, "hook")?, guests::wanted(req, "method")?);
        match hooks::call::<Value>(&hook, &method, guests::number(req, "args")) {
            Ok(value) => res.json(value),
            Err(error) => res.bad_request(json!([error.code(), error.message()])),
        }
    }

    fn data(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let (hook, key) = (guests::wanted(req, "hook")?, guests::wanted(req, "key")?);
        res.ok(hooks::data::<Value>(&hook, &key)?)
    }
}

export!(Calls, name = "calls");
