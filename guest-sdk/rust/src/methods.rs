//! Defines the table of what a hook offers to other hooks.

use serde_json::Value;

use crate::Result;

/// One method: what a caller hands over comes in, what it gets back goes out.
pub type Method<H> = fn(&mut H, Value) -> Result<Value>;

/// A hook's public methods. Whatever is not listed here is private.
///
/// A method may read the caller's exchange, and leave locals in it: [`Request::at_hand`](crate::Request::at_hand).
///
/// ```
/// # use boathook_sdk::prelude::*;
/// # #[derive(Default)] struct Greetings;
/// impl Hook for Greetings {
///     fn methods(&self) -> Methods<Self> {
///         Methods::new().method("say_hi", "Greets the person named.", Self::say_hi)
///     }
/// }
/// impl Greetings {
///     fn say_hi(&mut self, name: Value) -> Result<Value> {
///         Ok(json!(format!("Hi, {}!", name.as_str().unwrap_or("you"))))
///     }
/// }
/// ```
pub struct Methods<H> {
    pub(crate) list: Vec<Entry<H>>,
}

pub(crate) struct Entry<H> {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) method: Method<H>,
}

impl<H> Methods<H> {
    /// No methods yet.
    pub fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds one, with a sentence for `boathook inspect`.
    #[must_use]
    pub fn method(mut self, name: &'static str, summary: &'static str, method: Method<H>) -> Self {
        self.list.push(Entry { name, summary, method });
        self
    }
}

impl<H> Default for Methods<H> {
    fn default() -> Self {
        Self::new()
    }
}
