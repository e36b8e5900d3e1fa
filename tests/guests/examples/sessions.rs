//! Does with the session what the path says, and tells what it got.

use boathook_sdk::prelude::*;
use guests::{number, sleep, wanted};

#[derive(Default)]
struct Sessions;

impl Hook for Sessions {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /fails", Self::fails)
            .before("GET /late", Self::pass)
            .observe_response(Self::late)
            .before("GET /after", Self::pass)
            .observe_finish(Self::after)
            .before("GET /:what", Self::at)
            .before("GET /off/:what", Self::at)
            .before("GET /files/:what", Self::at)
            .keep_assets()
    }
}

impl Sessions {
    fn at(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let session = req.session();
        let key = || wanted(req, "key");
        let value = || Ok::<Value, Error>(serde_json::from_str(&wanted(req, "value")?)?);
        let what = req.param("what").unwrap_or_default();
        let got = match what.trim_end_matches(".txt") {
            "get" => json!(session.get::<Value>(&key()?)?),
            "all" => session.all()?,
            "set" => json!(session.set(&key()?, value()?)?),
            "long" => {
                let length = number(req, "bytes").unwrap_or_default() as usize;
                json!(session.set(&key()?, "x".repeat(length))?)
            }
            "delete" => json!(session.delete(&key()?)?),
            "destroy" => json!(session.destroy()?),
            "regenerate" => json!(session.regenerate()?),
            "flash" => json!(session.flash(&key()?, value()?)?),
            "read-flash" => json!(session.read_flash::<Value>(&key()?)?),
            "log-in" => {
                session.regenerate()?;
                json!(session.set("userId", value()?)?)
            }
            "slow" => {
                session.get::<Value>("any")?;
                sleep(number(req, "ms").unwrap_or_default());
                json!(session.set(&key()?, value()?)?)
            }
            "slow-destroy" => {
                session.get::<Value>("any")?;
                sleep(number(req, "ms").unwrap_or_default());
                json!(session.destroy()?)
            }
            _ => return Ok(Outcome::Next),
        };
        res.json(got)
    }

    fn fails(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        req.session().set("userId", "half done")?;
        Err(Error::new("on purpose"))
    }

    fn pass(&mut self, _req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        Ok(Outcome::Next)
    }

    fn late(&mut self, req: &Request, _res: &mut Response) -> Result<()> {
        req.session().set("late", true)
    }

    fn after(&mut self, req: &Request, _finish: &Finish) -> Result<()> {
        let user = req.session().get::<Value>("userId")?;
        let refused = req.session().set("after", true);
        log::info!("after: {} and {}", json!(user), refused.err().map_or("set", |_| "refused"));
        Ok(())
    }
}

export!(Sessions, name = "sessions", grants = { session = true });
