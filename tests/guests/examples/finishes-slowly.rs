//! Takes `finish` milliseconds after each response, and says when it begins.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct FinishesSlowly;

impl Hook for FinishesSlowly {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", |_, _, _| Ok(Outcome::Next)).observe_finish(Self::finish)
    }
}

impl FinishesSlowly {
    fn finish(&mut self, req: &Request, _response: &Finish) -> Result<()> {
        log::info!("finish begins");
        guests::sleep(guests::number(req, "finish").unwrap_or(0));
        Ok(())
    }
}

export!(FinishesSlowly, name = "finishes-slowly");
