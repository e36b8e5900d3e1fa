//! Returns defaults that are no JSON, past every SDK.

#![expect(unsafe_code, missing_docs, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package tests:bad-defaults;
        world bad-defaults {
            export boathook:hook/lifecycle@0.1.0;
        }",
    generate_all,
});

use boathook::hook::types::Error;
use exports::boathook::hook::lifecycle::Guest;

struct BadDefaults;

impl Guest for BadDefaults {
    fn defaults(_overrides: String) -> Result<String, Error> {
        Ok("{ not json".into())
    }

    fn configure() -> Result<(), Error> {
        Ok(())
    }

    fn initialize() -> Result<(), Error> {
        Ok(())
    }

    fn lower() -> Result<(), Error> {
        Ok(())
    }
}

export!(BadDefaults);
