//! Settings from settings: `configure` makes the url of `ssl` and `domain`, before any hook initializes.

use boathook_sdk::prelude::*;
use serde::Deserialize;

#[derive(Default)]
struct MyApi;

#[derive(Deserialize)]
struct Settings {
    domain: String,
    ssl: bool,
}

impl Hook for MyApi {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        Ok(json!({
            "__configKey__": { "domain": "www.myapi.com", "ssl": false, "timeout": 5000 }
        }))
    }

    fn configure(&mut self) -> Result<()> {
        let Settings { domain, ssl } = config::own()?;
        let scheme = if ssl { "https" } else { "http" };
        config::set_own("url", format!("{scheme}://{domain}"))
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /my-api", Self::show)
    }
}

impl MyApi {
    fn show(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(config::own::<Value>()?)
    }
}

export!(MyApi);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_follows_ssl_and_domain() -> Result<()> {
        for (operator, url) in [
            (json!({}), "http://www.myapi.com"),
            (json!({ "my-api": { "ssl": true } }), "https://www.myapi.com"),
            (json!({ "my-api": { "domain": "a.test" } }), "http://a.test"),
            (json!({ "my-api": { "url": "ftp://overruled" } }), "http://www.myapi.com"),
        ] {
            let mut hook = testing::lift::<MyApi>("my-api", operator)?;
            assert_eq!(testing::config("my-api.url"), url);
            let reply = testing::call(&mut hook, testing::request("GET", "/my-api"));
            assert_eq!(reply.json::<Value>()?["url"], url);
        }
        Ok(())
    }

    #[test]
    fn a_setting_of_the_wrong_kind_fails_the_start_and_names_the_key() {
        let lifted = testing::lift::<MyApi>("my-api", json!({ "my-api": { "ssl": "yes" } }));
        assert!(lifted.is_err_and(|error| error.message().contains("config `my-api`")));
    }
}
