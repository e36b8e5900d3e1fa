//! Fails in the phase that `in` names, in the way that `how` names.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Misbehave;

fn act(phase: &str) -> Result<()> {
    if config::get_own::<String>("in")?.as_deref() != Some(phase) {
        return Ok(());
    }
    match config::get_own::<String>("how")?.as_deref() {
        Some("error") => Err(Error::new("out of luck")),
        Some("trap") => panic!("out of luck"),
        Some("spin") => {
            guests::spin(None);
            Ok(())
        }
        _ => {
            guests::sleep(3_600_000);
            Ok(())
        }
    }
}

impl Hook for Misbehave {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        act("defaults").map(|()| json!({}))
    }

    fn configure(&mut self) -> Result<()> {
        act("configure")
    }

    fn initialize(&mut self) -> Result<()> {
        act("initialize")
    }

    fn lower(&mut self) -> Result<()> {
        act("lower")
    }

    fn routes(&self) -> Routes<Self> {
        // There is no error to return here, and an option ahead of every route is one.
        if act("routes").is_err() {
            return Routes::new().read_body();
        }
        Routes::new()
    }
}

export!(Misbehave, name = "misbehave");
