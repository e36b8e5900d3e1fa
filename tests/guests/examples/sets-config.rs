//! Derives settings in `configure`: from the operator's, and from what hooks before it have set.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct SetsConfig;

impl Hook for SetsConfig {
    fn configure(&mut self) -> Result<()> {
        config::set_own("copy", config::get::<Value>("custom.who")?)?;
        let trail: String = config::get("custom.trail")?.unwrap_or_default();
        config::set("custom.trail", trail + &config::key())
    }
}

export!(SetsConfig, name = "sets-config");
