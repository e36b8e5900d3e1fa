//! Runs a hook: turns what the host calls, an index or a name, into the call of a handler.
//!
//! Both the component's exports (`glue.rs`) and `testing` come through here. The tables are built
//! once an instance, and the response's buffers are kept from call to call, so that a call allocates
//! nothing of its own.

use serde_json::Value;

use crate::methods::Entry;
use crate::routes::Route;
use crate::{Error, Finish, Hook, Outcome, Request, Response, Result};

/// One live hook with its tables.
pub struct Instance<H> {
    hook: H,
    routes: Option<Vec<Route<H>>>,
    methods: Option<Vec<Entry<H>>>,
    response: Response,
}

impl<H: Hook> Instance<H> {
    /// The hook itself.
    pub fn hook(&mut self) -> &mut H {
        &mut self.hook
    }

    /// Goes through a route's handler, and hands over what it gathered.
    pub fn handle_route(&mut self, index: u32) -> Result<Outcome> {
        let handler = self.route(index)?.handler;
        run(&mut self.response, |response| {
            handler(&mut self.hook, &mut Request::at_hand(), response)
        })
    }

    /// Goes through a route's observer of responses, if it has one.
    pub fn handle_response(&mut self, index: u32) -> Result<()> {
        let Some(observer) = self.route(index)?.observer else { return Ok(()) };
        run(&mut self.response, |response| {
            observer(&mut self.hook, &Request::at_hand(), response).map(|()| Outcome::Respond)
        })
        .map(|_| ())
    }

    /// Goes through a route's observer of finished exchanges, if it has one.
    pub fn handle_finish(&mut self, index: u32) -> Result<()> {
        let Some(finished) = self.route(index)?.finished else { return Ok(()) };
        finished(&mut self.hook, &Request::at_hand(), &Finish::at_hand())
    }

    /// Calls a method by name.
    pub fn call(&mut self, name: &str, args: Value) -> Result<Value> {
        let entry = self.methods().iter().find(|entry| entry.name == name);
        let Some(method) = entry.map(|entry| entry.method) else {
            return Err(Error::new(format!("no such method: `{name}`")).with_code("E_NO_METHOD"));
        };
        method(&mut self.hook, args)
    }

    /// The routes, built on the first call.
    pub(crate) fn routes(&mut self) -> Result<&[Route<H>]> {
        if self.routes.is_none() {
            self.routes = Some(self.hook.routes().finish()?);
        }
        Ok(self.routes.as_deref().unwrap_or_default())
    }

    /// The methods, built on the first call.
    pub(crate) fn methods(&mut self) -> &[Entry<H>] {
        self.methods.get_or_insert_with(|| self.hook.methods().list)
    }

    fn route(&mut self, index: u32) -> Result<&Route<H>> {
        self.routes()?
            .get(index as usize)
            .ok_or_else(|| Error::new(format!("no such route: {index}")))
    }
}

impl<H: Hook> Default for Instance<H> {
    fn default() -> Self {
        Self::from(H::default())
    }
}

impl<H: Hook> From<H> for Instance<H> {
    fn from(hook: H) -> Self {
        Self { hook, routes: None, methods: None, response: Response::default() }
    }
}

/// Headers and status reach the host on an error too, as they would had they been set one by one.
fn run(
    response: &mut Response,
    step: impl FnOnce(&mut Response) -> Result<Outcome>,
) -> Result<Outcome> {
    response.forget();
    match step(response) {
        Ok(outcome) => {
            response.hand_over(outcome == Outcome::Respond)?;
            Ok(outcome)
        }
        Err(error) => {
            let _ = response.hand_over(false);
            Err(error)
        }
    }
}
