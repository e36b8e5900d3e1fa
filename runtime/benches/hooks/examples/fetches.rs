//! Fetches from another server for each request, and answers with what came.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Fetches {
    url: String,
}

impl Hook for Fetches {
    fn initialize(&mut self) -> Result<()> {
        self.url = config::get_own("url")?.unwrap_or_default();
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /*", Self::fetch)
    }
}

impl Fetches {
    fn fetch(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let answer = fetch::get(&self.url).send()?;
        res.set_body(answer.body());
        Ok(Outcome::Respond)
    }
}

export!(Fetches, name = "fetches");
