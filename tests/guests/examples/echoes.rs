//! Tells what it sees of a request.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Echoes;

impl Hook for Echoes {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /echoes", Self::echo).read_body().options(json!({ "own": 1 }))
    }
}

impl Echoes {
    fn echo(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(json!({
            "method": req.method(),
            "path": req.path(),
            "query": req.query(),
            "params": req.params(),
            "ip": req.ip(),
            "protocol": req.protocol(),
            "cookies": req.cookies(),
            "options": req.options(),
            "locals": req.locals(),
            "x": req.header("x"),
            "body": String::from_utf8_lossy(&req.body()?),
        }))
    }
}

export!(Echoes, name = "echoes");
