//! Waiting for other hooks: for one event, then for two. What fired earlier counts.
//!
//! This is Sails' `sails.on` and `sails.after`. All hooks initialize at the same time, so a wait holds
//! up nobody but this one. Where another hook is always needed, `after = ["orm"]` says the same without
//! code.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct NeedsOrm {
    models: Vec<String>,
}

impl Hook for NeedsOrm {
    fn initialize(&mut self) -> Result<()> {
        events::wait(&["hook:orm:loaded"])?;
        self.models = hooks::data("orm", "models")?.unwrap_or_default();

        events::wait(&["hook:orm:loaded", "hook:custom-data:loaded"])?;
        let abc: Option<u32> = hooks::data("custom-data", "abc")?;
        log::info!("models {:?}, abc {abc:?}", self.models);
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /models", Self::list)
    }
}

impl NeedsOrm {
    fn list(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(&self.models)
    }
}

export!(NeedsOrm);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_when_both_have_loaded() -> Result<()> {
        testing::publish("orm", "models", ["user"]);
        testing::publish("custom-data", "abc", 123);
        testing::fire("hook:custom-data:loaded", ());
        testing::fire("hook:orm:loaded", ());
        let mut hook = testing::lift::<NeedsOrm>("needs-orm", json!({}))?;
        assert_eq!(testing::log()[0].message, r#"models ["user"], abc Some(123)"#);
        let reply = testing::call(&mut hook, testing::request("GET", "/models"));
        assert_eq!(reply.text(), r#"["user"]"#);
        Ok(())
    }

    #[test]
    fn what_never_fires_fails_the_start_and_is_named() {
        testing::fire("hook:orm:loaded", ());
        let lifted = testing::lift::<NeedsOrm>("needs-orm", json!({}));
        assert!(lifted.is_err_and(|error| error.message().contains("hook:custom-data:loaded")));
    }
}
