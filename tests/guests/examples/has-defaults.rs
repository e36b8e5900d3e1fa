//! Brings defaults that are computed from what the operator wrote.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct HasDefaults;

impl Hook for HasDefaults {
    fn defaults(&self, overrides: &Value) -> Result<Value> {
        let who = overrides["custom"]["who"].as_str().unwrap_or("nobody");
        Ok(json!({
            "__configKey__": {
                "greeting": format!("hello {who}"),
                "number": 1,
                "switch": true,
                "list": [1, 2, 3],
                "table": { "a": 1, "b": { "c": 2 } },
            },
            "custom": { "first": config::key(), config::key(): true },
        }))
    }
}

export!(HasDefaults, name = "has-defaults");
