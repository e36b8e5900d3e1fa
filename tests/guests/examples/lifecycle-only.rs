//! Exports `lifecycle` and nothing else.

#![expect(unsafe_code, missing_docs, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package tests:lifecycle-only;
        world lifecycle-only {
            import boathook:hook/log@0.1.0;
            export boathook:hook/lifecycle@0.1.0;
        }",
    generate_all,
});

use boathook::hook::log::{Level, log};
use boathook::hook::types::Error;
use exports::boathook::hook::lifecycle::Guest;

struct LifecycleOnly;

impl Guest for LifecycleOnly {
    fn defaults(_overrides: String) -> Result<String, Error> {
        Ok(r#"{ "custom": { "lifecycle": "is enough" } }"#.into())
    }

    fn configure() -> Result<(), Error> {
        Ok(())
    }

    fn initialize() -> Result<(), Error> {
        log(Level::Info, "a lifecycle is enough", "{}");
        Ok(())
    }

    fn lower() -> Result<(), Error> {
        Ok(())
    }
}

export!(LifecycleOnly);
