//! Something to wait for: prepares a pretend store in `initialize` and makes its models public.
//!
//! When `initialize` returns, the server fires `hook:orm:loaded`. `needs-orm` waits for that.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Orm;

impl Hook for Orm {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        // A store may be slow to start: 20 seconds rather than the server's 10.
        Ok(json!({ "__configKey__": { "_hookTimeout": 20_000, "models": ["order", "user"] } }))
    }

    fn initialize(&mut self) -> Result<()> {
        let own: Value = config::own()?;
        let Some(models) = own["models"].as_array() else {
            return Err(Error::new("`models` is not a list"));
        };
        hooks::publish("models", models)?;
        log::verbose!("{} models are ready", models.len());
        Ok(())
    }
}

export!(Orm);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_are_public_once_it_has_loaded() -> Result<()> {
        testing::lift::<Orm>("orm", json!({ "orm": { "models": ["cat"] } }))?;
        assert_eq!(testing::published("orm", "models"), json!(["cat"]));
        assert_eq!(testing::fired()[0].name, "hook:orm:loaded");
        Ok(())
    }

    #[test]
    fn a_list_that_is_none_fails_the_start() {
        assert!(testing::lift::<Orm>("orm", json!({ "orm": { "models": 1 } })).is_err());
    }
}
