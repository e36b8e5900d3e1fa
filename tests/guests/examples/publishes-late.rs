//! Publishes, waits and subscribes where that is too late.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct PublishesLate;

impl Hook for PublishesLate {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /late", Self::late)
    }
}

impl PublishesLate {
    fn late(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let tried = [
            hooks::publish("key", 1),
            events::wait(&["ready"]),
            events::subscribe("ready"),
            config::set_own("key", 1),
        ];
        let codes: Vec<_> =
            tried.into_iter().map(|tried| tried.err().map(|e| e.code().to_owned())).collect();
        res.json(codes)
    }
}

export!(PublishesLate, name = "publishes-late");
