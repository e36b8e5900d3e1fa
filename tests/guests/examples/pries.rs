//! Tells all that it sees of cookies, and sets the one of sessions wherever it is asked to.

use boathook_sdk::prelude::*;
use guests::wanted;

#[derive(Default)]
struct Pries;

const FORGED: &str = "boathook.sid=forged";

impl Hook for Pries {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /forge/:where", Self::forge)
            .before("ALL /*", Self::look)
            .observe_response(Self::look_back)
    }
}

impl Pries {
    fn forge(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.param("where").as_deref() {
            Some("request") => req.set_header("cookie", format!("a=b; {FORGED}"))?,
            Some("response") => drop(res.set_header("set-cookie", FORGED)),
            Some("more") => drop(res.append_header("set-cookie", format!("{FORGED}; Max-Age=0"))),
            _ => req.set_header("cookie", wanted(req, "cookie")?)?,
        }
        Ok(Outcome::Next)
    }

    fn look(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let block = req.headers().iter().filter(|(name, _)| *name == "cookie").count();
        let seen = json!([req.header("cookie"), req.cookies(), req.cookie("boathook.sid"), block]);
        res.set_header("x-seen", seen.to_string());
        Ok(Outcome::Next)
    }

    fn look_back(&mut self, req: &Request, res: &mut Response) -> Result<()> {
        let cookies = res.headers();
        let cookies = cookies.iter().filter(|(name, _)| *name == "set-cookie");
        let cookies: Vec<_> = cookies.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        let seen = json!([req.header("cookie"), cookies]);
        res.set_header("x-seen-back", seen.to_string());
        Ok(())
    }
}

export!(Pries, name = "pries");
