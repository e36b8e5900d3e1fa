//! Fires the events in `emit`, then waits for those in `wait`.

use boathook_sdk::prelude::*;
use serde::Deserialize;

#[derive(Default)]
struct WaitFor;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    emit: Vec<String>,
    wait: Vec<String>,
}

impl Hook for WaitFor {
    fn initialize(&mut self) -> Result<()> {
        let Settings { emit, wait } = config::own()?;
        for event in &emit {
            events::emit(event, json!({ "from": config::key() }))?;
        }
        log::info!("waits");
        events::wait(&wait.iter().map(String::as_str).collect::<Vec<_>>())?;
        log::info!("goes on");
        Ok(())
    }
}

export!(WaitFor, name = "wait-for");
