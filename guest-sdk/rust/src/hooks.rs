//! Speaks with the other hooks: their public data, their methods.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::host::hooks as host;

/// The names of all hooks that run, this one included, in hook order.
pub fn names() -> Vec<String> {
    host::names()
}

/// Makes data public under this hook's name. For [`initialize`](crate::Hook::initialize) alone.
pub fn publish(key: &str, value: impl Serialize) -> Result<()> {
    host::publish(key, &serde_json::to_string(&value)?)?;
    Ok(())
}

/// What another hook made public; none where there is no such hook or key.
pub fn data<T: DeserializeOwned>(hook: &str, key: &str) -> Result<Option<T>> {
    match host::data(hook, key) {
        Some(text) => Ok(Some(serde_json::from_str(&text)?)),
        None => Ok(None),
    }
}

/// Calls a method of another hook, which must stand in this hook's `after`. What goes wrong there, a
/// trap included, is an error here.
pub fn call<T: DeserializeOwned>(hook: &str, method: &str, args: impl Serialize) -> Result<T> {
    let text = host::call(hook, method, &serde_json::to_string(&args)?)?;
    Ok(serde_json::from_str(&text)?)
}
