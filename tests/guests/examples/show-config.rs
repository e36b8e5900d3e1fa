//! Shows the configuration below a path: `GET /config?path=a.b`.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct ShowConfig;

impl Hook for ShowConfig {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /config", Self::show)
    }
}

impl ShowConfig {
    fn show(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match config::get::<Value>(&guests::wanted(req, "path")?)? {
            Some(value) => res.json(value),
            None => res.not_found(()),
        }
    }
}

export!(ShowConfig, name = "show-config");
