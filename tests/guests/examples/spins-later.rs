//! Answers at once, and then works for ever in the phase that the path names.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct SpinsLater;

impl Hook for SpinsLater {
    fn initialize(&mut self) -> Result<()> {
        events::subscribe("later")
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /later/:phase", Self::answer)
            .observe_response(|_, req, _| Self::spin(req, "response"))
            .observe_finish(|_, req, _| Self::spin(req, "finish"))
    }

    fn handle_event(&mut self, _event: &str, _payload: Value) -> Result<()> {
        guests::spin(None);
        Ok(())
    }
}

impl SpinsLater {
    fn answer(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        if req.param("phase").as_deref() == Some("event") {
            events::emit("later", Value::Null)?;
        }
        res.ok(())
    }

    fn spin(req: &Request, phase: &str) -> Result<()> {
        if req.param("phase").as_deref() == Some(phase) {
            guests::spin(None);
        }
        Ok(())
    }
}

export!(SpinsLater, name = "spins-later");
