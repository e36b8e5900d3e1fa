//! Defines the table of a hook's routes: where each stands, what it asks for, who handles it.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{Error, Finish, Request, Response, Result};

/// Handles a request that reached a route.
pub type Handler<H> = fn(&mut H, &mut Request, &mut Response) -> Result<Outcome>;

/// Sees the response's head before it is sent, and may change it.
pub type Observer<H> = fn(&mut H, &Request, &mut Response) -> Result<()>;

/// Hears that the response is out.
pub type Finished<H> = fn(&mut H, &Request, &Finish) -> Result<()>;

/// How a step of the chain ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Go on. Status, headers and locals that were set stay; a body that was set is dropped.
    Next,
    /// Go on, and pass over what else is bound at this very binding.
    NextRoute,
    /// Stop here and answer with what stands in the response.
    Respond,
}

/// A hook's routes, in the order in which they are to match.
///
/// An address is `[verb ]path` as in Sails: `GET /users/:id`, `/*`, `ALL /admin/*`,
/// `POST r|^/x/(\d+)$|id`. What follows a route by builder methods belongs to that route:
///
/// ```
/// # use boathook_sdk::prelude::*;
/// # #[derive(Default)] struct Notes;
/// impl Hook for Notes {
///     fn routes(&self) -> Routes<Self> {
///         Routes::new()
///             .before("POST /notes", Self::add).read_body()
///             .before("/*", Self::pass).keep_assets().observe_response(Self::stamp)
///             .named("notes/list", Self::list)
///     }
/// }
/// # impl Notes {
/// #   fn add(&mut self, _: &mut Request, res: &mut Response) -> Result<Outcome> { res.ok(()) }
/// #   fn pass(&mut self, _: &mut Request, _: &mut Response) -> Result<Outcome> { Ok(Outcome::Next) }
/// #   fn list(&mut self, _: &mut Request, res: &mut Response) -> Result<Outcome> { res.ok(()) }
/// #   fn stamp(&mut self, _: &Request, res: &mut Response) -> Result<()> {
/// #       res.set_header("x-notes", "1"); Ok(())
/// #   }
/// # }
/// ```
pub struct Routes<H> {
    list: Vec<Route<H>>,
    misplaced: Option<&'static str>,
}

pub(crate) struct Route<H> {
    pub(crate) address: Cow<'static, str>,
    pub(crate) phase: Phase,
    pub(crate) skip_assets: bool,
    pub(crate) keep_assets: bool,
    pub(crate) read_body: bool,
    pub(crate) options: Value,
    pub(crate) handler: Handler<H>,
    pub(crate) observer: Option<Observer<H>>,
    pub(crate) finished: Option<Finished<H>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Before,
    After,
    Named(Cow<'static, str>),
}

impl<H> Routes<H> {
    /// No routes yet.
    pub fn new() -> Self {
        Self { list: Vec::new(), misplaced: None }
    }

    /// A route ahead of the app's own routes.
    #[must_use]
    pub fn before(self, address: impl Into<Cow<'static, str>>, handler: Handler<H>) -> Self {
        self.push(address.into(), Phase::Before, handler)
    }

    /// A route behind them: it sees what nobody has answered yet.
    #[must_use]
    pub fn after(self, address: impl Into<Cow<'static, str>>, handler: Handler<H>) -> Self {
        self.push(address.into(), Phase::After, handler)
    }

    /// A route that stands nowhere of its own accord: the operator binds it, by
    /// `[[routes]] hook = "...", action = "..."`.
    #[must_use]
    pub fn named(self, action: impl Into<Cow<'static, str>>, handler: Handler<H>) -> Self {
        self.push(Cow::Borrowed(""), Phase::Named(action.into()), handler)
    }

    /// The last route passes over paths that look like a file, such as `/app.js`.
    #[must_use]
    pub fn skip_assets(self) -> Self {
        self.last("skip_assets", |route| route.skip_assets = true)
    }

    /// The last route takes such paths too, where by default it would not.
    #[must_use]
    pub fn keep_assets(self) -> Self {
        self.last("keep_assets", |route| route.keep_assets = true)
    }

    /// The last route reads the request's body: without it [`Request::body`] is an error.
    #[must_use]
    pub fn read_body(self) -> Self {
        self.last("read_body", |route| route.read_body = true)
    }

    /// The last route wants to see the response before it is sent, whoever made it: 404s and errors
    /// too. State travels from the handler to here in locals, as it may be another instance.
    #[must_use]
    pub fn observe_response(self, observer: Observer<H>) -> Self {
        self.last("observe_response", |route| route.observer = Some(observer))
    }

    /// The last route wants to hear when the response is out. No client waits for this.
    #[must_use]
    pub fn observe_finish(self, finished: Finished<H>) -> Self {
        self.last("observe_finish", |route| route.finished = Some(finished))
    }

    /// The last route's options: an object that [`Request::options`] hands out.
    #[must_use]
    pub fn options(self, options: Value) -> Self {
        self.last("options", |route| route.options = options)
    }

    /// The table, unless an option stands ahead of every route.
    pub(crate) fn finish(self) -> Result<Vec<Route<H>>> {
        match self.misplaced {
            None => Ok(self.list),
            Some(what) => Err(Error::new(format!("routes: `{what}` stands ahead of every route"))),
        }
    }

    fn push(mut self, address: Cow<'static, str>, phase: Phase, handler: Handler<H>) -> Self {
        self.list.push(Route {
            address,
            phase,
            skip_assets: false,
            keep_assets: false,
            read_body: false,
            options: json!({}),
            handler,
            observer: None,
            finished: None,
        });
        self
    }

    fn last(mut self, what: &'static str, change: impl FnOnce(&mut Route<H>)) -> Self {
        match self.list.last_mut() {
            Some(route) => change(route),
            None => self.misplaced = Some(what),
        }
        self
    }
}

impl<H> Default for Routes<H> {
    fn default() -> Self {
        Self::new()
    }
}
