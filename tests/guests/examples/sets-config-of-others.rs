//! Sets what is another hook's.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct SetsConfigOfOthers;

impl Hook for SetsConfigOfOthers {
    fn configure(&mut self) -> Result<()> {
        config::set("hello.mine", true)
    }
}

export!(SetsConfigOfOthers, name = "sets-config-of-others");
