//! Settings with defaults: `__configKey__` stands for wherever the operator keeps this hook's settings.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Shout;

impl Hook for Shout {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        Ok(json!({ "__configKey__": { "phrase": "make it rain" } }))
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /shout", Self::shout)
    }
}

impl Shout {
    /// Reads the setting each time, as Sails' hooks do. `rate-limit` reads its own once.
    fn shout(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let phrase: Option<String> = config::get_own("phrase")?;
        res.text(phrase.unwrap_or_default() + "\n")
    }
}

export!(Shout);

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(key: &str, operator: Value) -> Result<String> {
        let mut hook = testing::lift::<Shout>(key, operator)?;
        Ok(testing::call(&mut hook, testing::request("GET", "/shout")).text())
    }

    #[test]
    fn the_default_stands_until_the_operator_says_otherwise() -> Result<()> {
        assert_eq!(shout("shout", json!({}))?, "make it rain\n");
        assert_eq!(shout("shout", json!({ "shout": { "phrase": "yolo" } }))?, "yolo\n");
        Ok(())
    }

    #[test]
    fn the_settings_follow_the_config_key() -> Result<()> {
        assert_eq!(shout("loud", json!({ "loud": { "phrase": "hey" } }))?, "hey\n");
        assert_eq!(shout("loud", json!({ "shout": { "phrase": "hey" } }))?, "make it rain\n");
        Ok(())
    }
}
