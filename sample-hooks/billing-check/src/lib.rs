//! A check at the start: is everything there that billing needs? Others read the answer in `custom`.
//!
//! Sails' example does this in `initialize`. Here the configuration is frozen by then, so that every
//! hook's `initialize` can rely on it: what is derived is derived in `configure`.

use boathook_sdk::prelude::*;

const NEEDED: [&str; 2] = ["custom.stripeSecret", "custom.stripePublishableKey"];

#[derive(Default)]
struct BillingCheck;

impl Hook for BillingCheck {
    fn configure(&mut self) -> Result<()> {
        let mut missing = Vec::new();
        for path in NEEDED {
            if config::get::<Value>(path)?.is_none_or(|value| value.is_null()) {
                missing.push(path);
            }
        }
        if !missing.is_empty() {
            log::verbose!("billing features will be disabled: no {}", missing.join(", no "));
        }
        config::set("custom.enableBillingFeatures", missing.is_empty())
    }
}

export!(BillingCheck);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billing_is_on_when_both_keys_are_there() -> Result<()> {
        let operator = json!({ "custom": { "stripeSecret": "s", "stripePublishableKey": "p" } });
        testing::lift::<BillingCheck>("billing-check", operator)?;
        assert_eq!(testing::config("custom.enableBillingFeatures"), true);
        assert!(testing::log().is_empty());
        Ok(())
    }

    #[test]
    fn billing_is_off_and_the_log_says_what_is_missing_never_what_is_there() -> Result<()> {
        let operator = json!({ "custom": { "stripeSecret": "s3cret" } });
        testing::lift::<BillingCheck>("billing-check", operator)?;
        assert_eq!(testing::config("custom.enableBillingFeatures"), false);
        let line = &testing::log()[0];
        assert_eq!(line.level, log::Level::Verbose);
        assert_eq!(
            line.message,
            "billing features will be disabled: no custom.stripePublishableKey"
        );
        Ok(())
    }
}
