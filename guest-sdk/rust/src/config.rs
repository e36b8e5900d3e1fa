//! Reads the configuration, and derives settings in `configure`.
//!
//! A path is dotted, from the root: `rate-limit.max-requests`; the empty path is the whole.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::config as host;
use crate::{Error, Result};

/// The value at a path; none where there is nothing.
pub fn get<T: DeserializeOwned>(path: &str) -> Result<Option<T>> {
    match host::get(path) {
        Some(text) => parse(path, &text).map(Some),
        None => Ok(None),
    }
}

/// This hook's own settings, as a struct; an empty object where there are none.
///
/// Read them once, in [`initialize`](crate::Hook::initialize), rather than on every request:
///
/// ```
/// use boathook_sdk::prelude::*;
///
/// #[derive(Default, serde::Deserialize)]
/// struct Settings {
///     phrase: String,
/// }
///
/// #[derive(Default)]
/// struct Shout {
///     settings: Settings,
/// }
///
/// impl Hook for Shout {
///     fn initialize(&mut self) -> Result<()> {
///         self.settings = config::own()?;
///         Ok(())
///     }
/// }
/// # let hook = testing::lift::<Shout>("shout", json!({"shout": {"phrase": "ho"}})).unwrap();
/// # assert_eq!(hook.settings.phrase, "ho");
/// ```
pub fn own<T: DeserializeOwned>() -> Result<T> {
    let path = own_path();
    let text = host::get(&path).unwrap_or_else(|| "{}".into());
    parse(&path, &text)
}

/// The value at a path below this hook's own key: `get_own("phrase")`.
pub fn get_own<T: DeserializeOwned>(path: &str) -> Result<Option<T>> {
    get(&format!("{}.{path}", own_path()))
}

/// Sets a value under this hook's own key or under `custom`. Works in
/// [`configure`](crate::Hook::configure) alone, and wins over what the operator wrote.
pub fn set(path: &str, value: impl Serialize) -> Result<()> {
    host::set(path, &serde_json::to_string(&value)?)?;
    Ok(())
}

/// Sets a value below this hook's own key: `set_own("url", ..)`.
pub fn set_own(path: &str, value: impl Serialize) -> Result<()> {
    set(&format!("{}.{path}", own_path()), value)
}

/// Where this hook's own settings live: the key in place of `__configKey__`.
pub fn key() -> String {
    host::config_key()
}

/// The own key as a path: in quotes where it has a dot itself.
fn own_path() -> String {
    let key = host::config_key();
    if key.contains('.') { format!("\"{key}\"") } else { key }
}

fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::new(format!("config `{path}`: {error}")))
}
