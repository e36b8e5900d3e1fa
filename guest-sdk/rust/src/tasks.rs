//! Hands the hook work for when no client waits for it any more.
//!
//! ```
//! use boathook_sdk::prelude::*;
//!
//! #[derive(Default)]
//! struct Mailer;
//!
//! impl Hook for Mailer {
//!     fn routes(&self) -> Routes<Self> {
//!         Routes::new().before("POST /signup", Self::sign_up)
//!     }
//!
//!     fn handle_task(&mut self, name: &str, payload: Value, _attempt: u32) -> Result<()> {
//!         match name {
//!             "welcome" => fetch::post("https://mail.example.com").json(&payload).send()?.successful()?,
//!             _ => return Ok(()),
//!         };
//!         Ok(())
//!     }
//! }
//!
//! impl Mailer {
//!     fn sign_up(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
//!         let to = req.query_value("to");
//!         // After the response, and again and again while the mail server is down.
//!         tasks::task("welcome", json!({ "to": to })).durable().defer()?;
//!         res.status(201).json(json!({ "to": to }))
//!     }
//! }
//! ```
//!
//! A task runs after the response of the exchange in which it was deferred, or else once the call is over;
//! where that call fails it is dropped. One that is durable takes the grant `tasks = true`, outlives the
//! server, and is tried again until it succeeds or is given up; one that is not is run once at most.
//!
//! Errors, by their codes: `E_NOT_GRANTED`, `E_TASKS_FULL`, `E_TASKS_INVALID`, `E_TASKS_UNAVAILABLE`.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Result;
use crate::host::tasks as host;

/// A task in the making. What is wrong with any part of it is said by [`defer`](Self::defer).
#[must_use = "it is not handed over before `defer`"]
pub struct Task {
    name: String,
    payload: Result<String>,
    options: Map<String, Value>,
}

/// Has [`handle_task`](crate::Hook::handle_task) called with this, after the response: once at most.
pub fn defer(name: &str, payload: impl Serialize) -> Result<()> {
    task(name, payload).defer()
}

/// A task with more to say of it.
pub fn task(name: &str, payload: impl Serialize) -> Task {
    Task {
        name: name.into(),
        payload: serde_json::to_string(&payload).map_err(Into::into),
        options: Map::new(),
    }
}

impl Task {
    /// Keeps it in the server's store until it has succeeded.
    pub fn durable(mut self) -> Self {
        self.options.insert("durable".into(), true.into());
        self
    }

    /// Waits so long before its first run; up to 31 days.
    pub fn after(mut self, delay: Duration) -> Self {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.options.insert("delay".into(), ms.into());
        self
    }

    /// Hands it over. A durable one is in the store when this returns.
    pub fn defer(self) -> Result<()> {
        host::defer(&self.name, &self.payload?, &Value::Object(self.options).to_string())?;
        Ok(())
    }
}
