//! Exports `routing` and nothing else: the world `middleware`, without the SDK.

#![expect(unsafe_code, missing_docs, reason = "generated")]

wit_bindgen::generate!({ path: "../../wit", world: "middleware" });

use boathook::hook::response;
use exports::boathook::hook::routing::{Guest, Outcome, Phase, Route, RouteFlags};

struct RoutingOnly;

impl Guest for RoutingOnly {
    fn routes() -> Result<Vec<Route>, boathook::hook::types::Error> {
        let (address, options) = ("GET /routing-only".into(), "{}".into());
        Ok(vec![Route { address, phase: Phase::Before, flags: RouteFlags::empty(), options }])
    }

    fn handle_route(_route: u32) -> Result<Outcome, boathook::hook::types::Error> {
        response::ok(Some("\"routing is enough\"")).map(|()| Outcome::Respond)
    }
}

export!(RoutingOnly);
