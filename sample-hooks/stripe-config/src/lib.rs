//! Asking another server at the start: do the keys of Stripe work, and for real money or for tests?
//!
//! `billing-check` has found out whether the keys are there; this hook stands in its `after`, so that has
//! been settled. The operator grants the origin, `grants = { fetch = ["https://api.stripe.com"] }`: without
//! that the app does not lift, and says which line is missing.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct StripeConfig {
    /// What `GET /billing` says.
    billing: Value,
}

impl Hook for StripeConfig {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        Ok(json!({ "__configKey__": { "api": "https://api.stripe.com" } }))
    }

    fn initialize(&mut self) -> Result<()> {
        let enabled: bool = config::get("custom.enableBillingFeatures")?.unwrap_or_default();
        self.billing = if enabled { account()? } else { json!({ "enabled": false }) };
        hooks::publish("billing", &self.billing)
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /billing", |hook, _, res| res.json(&hook.billing))
    }
}

/// Asks Stripe whose keys these are.
fn account() -> Result<Value> {
    let api: String = config::get_own("api")?.unwrap_or_default();
    let secret: String = config::get("custom.stripeSecret")?.unwrap_or_default();
    let answer = fetch::get(format!("{api}/v1/balance")).bearer(&secret).send()?;
    if answer.status() == 401 {
        return Err(Error::new("Stripe does not know the key `custom.stripeSecret`"));
    }
    let balance: Value = answer.successful()?.json()?;
    let live = balance["livemode"].as_bool().unwrap_or_default();
    log::info!("billing is on, for {}", if live { "real money" } else { "tests" });
    let key: Option<String> = config::get("custom.stripePublishableKey")?;
    Ok(json!({ "enabled": true, "live": live, "publishableKey": key }))
}

export!(StripeConfig, after = ["billing-check"], grants = { fetch = ["https://api.stripe.com"] });

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Value {
        let custom = json!({
            "enableBillingFeatures": true,
            "stripeSecret": "s3cret",
            "stripePublishableKey": "pk",
        });
        json!({ "custom": custom })
    }

    #[test]
    fn it_asks_with_the_key_and_tells_others_what_came_of_it() -> Result<()> {
        testing::server("https://api.stripe.com", |_| {
            Ok(fetch::Response::new(200).with_json(json!({ "livemode": false })))
        });
        let mut hook = testing::lift::<StripeConfig>("stripe-config", operator())?;
        let sent = &testing::sent()[0];
        assert_eq!(sent.url, "https://api.stripe.com/v1/balance");
        assert_eq!(sent.headers.get("authorization"), Some(&b"Bearer s3cret"[..]));
        let billing = json!({ "enabled": true, "live": false, "publishableKey": "pk" });
        assert_eq!(testing::published("stripe-config", "billing"), billing);
        let reply = testing::call(&mut hook, testing::request("GET", "/billing"));
        assert_eq!(reply.json::<Value>()?, billing);
        Ok(())
    }

    #[test]
    fn without_keys_nobody_is_asked() -> Result<()> {
        let mut hook = testing::lift::<StripeConfig>("stripe-config", json!({}))?;
        assert!(testing::sent().is_empty());
        let reply = testing::call(&mut hook, testing::request("GET", "/billing"));
        assert_eq!(reply.json::<Value>()?, json!({ "enabled": false }));
        Ok(())
    }

    #[test]
    fn a_key_that_stripe_does_not_know_fails_the_start_and_is_not_repeated() {
        testing::server("https://api.stripe.com", |_| Ok(fetch::Response::new(401)));
        let error = testing::lift::<StripeConfig>("stripe-config", operator()).err();
        let message = error.map(|error| error.message().to_owned()).unwrap_or_default();
        assert_eq!(message, "Stripe does not know the key `custom.stripeSecret`");
    }
}
