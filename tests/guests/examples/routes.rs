//! Binds the addresses in `before` and `after`, and answers with the one that was met and its params.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Bound;

impl Hook for Bound {
    fn routes(&self) -> Routes<Self> {
        let addresses = |phase: &str| -> Vec<String> {
            config::get_own(phase).ok().flatten().unwrap_or_default()
        };
        let options = |address: &str| json!({ "address": address.trim(), (address.trim()): true });
        let mut routes = Routes::new();
        for address in addresses("before") {
            let options = options(&address);
            routes = routes.before(address, Self::pass).options(options);
        }
        for address in addresses("after") {
            let options = options(&address);
            routes = routes.after(address, Self::answer).options(options);
        }
        routes
    }
}

impl Bound {
    fn pass(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.append_header("x-passed", "1");
        Ok(Outcome::Next)
    }

    fn answer(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let params: Vec<String> =
            req.params().iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let address = req.options()["address"].clone();
        res.set_header(
            "x-options",
            req.options().as_object().map_or(0, |all| all.len()).to_string(),
        );
        res.text(format!("{}{}", address.as_str().unwrap_or_default(), params.concat()))
    }
}

export!(Bound, name = "routes");
