//! Subscribes to the events in `events`, and logs what it hears.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Listen;

impl Hook for Listen {
    fn initialize(&mut self) -> Result<()> {
        let wanted: Vec<String> = config::get_own("events")?.unwrap_or_default();
        wanted.iter().try_for_each(|event| events::subscribe(event))
    }

    fn handle_event(&mut self, event: &str, payload: Value) -> Result<()> {
        log::info!("heard {event} {payload}");
        if event == "bad-news" { Err(Error::new("did not like it")) } else { Ok(()) }
    }
}

export!(Listen, name = "listen");
