//! Public data and a public method; what is not listed stays private. `greeter` uses both.
//!
//! This is Sails' `sails.hooks.myhook.abc` and `sails.hooks.myhook.sayHi`.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct CustomData;

impl Hook for CustomData {
    fn initialize(&mut self) -> Result<()> {
        hooks::publish("abc", 123)
    }

    fn methods(&self) -> Methods<Self> {
        Methods::new().method("say_hi", "Greets whoever the argument names.", Self::say_hi)
    }
}

impl CustomData {
    fn say_hi(&mut self, name: Value) -> Result<Value> {
        let name = name.as_str().ok_or_else(|| Error::bad_request("a name is a string"))?;
        Ok(json!(greet(name)))
    }
}

/// Private: no other hook can call it.
fn greet(name: &str) -> String {
    format!("Hi, {name}!")
}

export!(CustomData);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_and_the_method_are_public_and_nothing_else_is() -> Result<()> {
        let mut hook = testing::lift::<CustomData>("custom-data", json!({}))?;
        assert_eq!(testing::published("custom-data", "abc"), 123);
        assert_eq!(testing::call_method(&mut hook, "say_hi", "Ada")?, "Hi, Ada!");
        assert!(testing::call_method(&mut hook, "greet", "Ada").is_err());
        assert_eq!(testing::methods(&hook).len(), 1);
        Ok(())
    }

    #[test]
    fn a_name_that_is_none_is_the_callers_error() -> Result<()> {
        let mut hook = testing::lift::<CustomData>("custom-data", json!({}))?;
        let answer = testing::call_method(&mut hook, "say_hi", 7);
        assert!(answer.is_err_and(|error| error.status() == Some(400)));
        Ok(())
    }
}
