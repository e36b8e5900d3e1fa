//! Two handlers on one address and one behind them; the first ends as the request says.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Outcomes;

impl Hook for Outcomes {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /pair", Self::first)
            .before("GET /pair", Self::second)
            .after("GET /:any", Self::third)
    }
}

impl Outcomes {
    fn first(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header("x-first", "1").set_body("dropped unless it responds");
        Ok(match guests::wanted(req, "end")?.as_str() {
            "next-route" => Outcome::NextRoute,
            "respond" => Outcome::Respond,
            _ => Outcome::Next,
        })
    }

    fn second(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header("x-second", "1");
        Ok(Outcome::Next)
    }

    fn third(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        if res.header("x-first").is_none() {
            return Ok(Outcome::Next);
        }
        res.status(202);
        Ok(Outcome::Respond)
    }
}

export!(Outcomes, name = "outcomes");
