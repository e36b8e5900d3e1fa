//! Sets its configuration in `initialize`, when it is frozen.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct SetsConfigLate;

impl Hook for SetsConfigLate {
    fn initialize(&mut self) -> Result<()> {
        config::set_own("late", true)
    }
}

export!(SetsConfigLate, name = "sets-config-late");
