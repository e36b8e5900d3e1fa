//! Logs each verb of the lifecycle when it is called.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Trace;

impl Hook for Trace {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        log::info!("defaults");
        Ok(json!({}))
    }

    fn configure(&mut self) -> Result<()> {
        log::info!("configure");
        Ok(())
    }

    fn initialize(&mut self) -> Result<()> {
        log::info!("initialize");
        Ok(())
    }

    fn lower(&mut self) -> Result<()> {
        log::info!("lower");
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        log::info!("routes");
        Routes::new()
    }
}

export!(Trace, name = "trace");
