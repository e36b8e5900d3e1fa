//! Ties the component's exports to an [`Instance`]: types of the WIT on one side, the SDK's on the
//! other, and nothing else.

use serde_json::Value;

use crate::bindings::boathook::hook::types::Error as WireError;
use crate::bindings::exports::boathook::hook::{
    background, lifecycle, listening, methods, observing, routing, swapping,
};
use crate::routes::{Phase, Route};
use crate::{Error, Hook, Instance, Outcome, Result};

/// What `export!` makes for a hook: where its one instance lives.
pub trait Exported {
    /// The hook.
    type Hook: Hook;

    /// Calls with the instance at hand. The component model never enters a component twice.
    fn with<R>(call: impl FnOnce(&mut Instance<Self::Hook>) -> R) -> R;
}

impl<T: Exported> lifecycle::Guest for T {
    fn defaults(overrides: String) -> Result<String, WireError> {
        let overrides = parse(&overrides)?;
        let defaults = T::with(|instance| instance.hook().defaults(&overrides))?;
        Ok(defaults.to_string())
    }

    fn configure() -> Result<(), WireError> {
        Ok(T::with(|instance| instance.hook().configure())?)
    }

    fn initialize() -> Result<(), WireError> {
        Ok(T::with(|instance| instance.hook().initialize())?)
    }

    fn lower() -> Result<(), WireError> {
        Ok(T::with(|instance| instance.hook().lower())?)
    }
}

impl<T: Exported> routing::Guest for T {
    fn routes() -> Result<Vec<routing::Route>, WireError> {
        Ok(T::with(|instance| Ok::<_, Error>(instance.routes()?.iter().map(wire_route).collect()))?)
    }

    fn handle_route(route: u32) -> Result<routing::Outcome, WireError> {
        match T::with(|instance| instance.handle_route(route))? {
            Outcome::Next => Ok(routing::Outcome::Next),
            Outcome::NextRoute => Ok(routing::Outcome::NextRoute),
            Outcome::Respond => Ok(routing::Outcome::Respond),
        }
    }
}

impl<T: Exported> observing::Guest for T {
    fn handle_response(route: u32) -> Result<(), WireError> {
        Ok(T::with(|instance| instance.handle_response(route))?)
    }

    fn handle_finish(route: u32) -> Result<(), WireError> {
        Ok(T::with(|instance| instance.handle_finish(route))?)
    }
}

impl<T: Exported> methods::Guest for T {
    fn methods() -> Vec<methods::Method> {
        T::with(|instance| {
            let entries = instance.methods().iter();
            entries
                .map(|entry| methods::Method {
                    name: entry.name.into(),
                    summary: entry.summary.into(),
                })
                .collect()
        })
    }

    fn call(name: String, args: String) -> Result<String, WireError> {
        let args = parse(&args)?;
        Ok(T::with(|instance| instance.call(&name, args))?.to_string())
    }
}

impl<T: Exported> listening::Guest for T {
    fn handle_event(event: String, payload: String) -> Result<(), WireError> {
        let payload = parse(&payload)?;
        Ok(T::with(|instance| instance.hook().handle_event(&event, payload))?)
    }
}

impl<T: Exported> background::Guest for T {
    fn handle_task(name: String, payload: String, attempt: u32) -> Result<(), WireError> {
        let payload = parse(&payload)?;
        Ok(T::with(|instance| instance.hook().handle_task(&name, payload, attempt))?)
    }

    fn handle_tick(name: String) -> Result<(), WireError> {
        Ok(T::with(|instance| instance.hook().handle_tick(&name))?)
    }
}

impl<T: Exported> swapping::Guest for T {
    fn before_swap() -> Result<Option<String>, WireError> {
        let value = T::with(|instance| instance.hook().before_swap())?;
        Ok(value.map(|value| value.to_string()))
    }

    fn after_swap(value: String) -> Result<(), WireError> {
        let value = parse(&value)?;
        Ok(T::with(|instance| instance.hook().after_swap(value))?)
    }
}

fn parse(text: &str) -> Result<Value> {
    Ok(serde_json::from_str(text)?)
}

fn wire_route<H>(route: &Route<H>) -> routing::Route {
    let mut flags = routing::RouteFlags::empty();
    for (asked, flag) in [
        (route.skip_assets, routing::RouteFlags::SKIP_ASSETS),
        (route.keep_assets, routing::RouteFlags::KEEP_ASSETS),
        (route.read_body, routing::RouteFlags::READ_BODY),
        (route.observer.is_some(), routing::RouteFlags::OBSERVE_RESPONSE),
        (route.finished.is_some(), routing::RouteFlags::OBSERVE_FINISH),
    ] {
        if asked {
            flags = flags | flag;
        }
    }
    routing::Route {
        address: route.address.to_string(),
        phase: match &route.phase {
            Phase::Before => routing::Phase::Before,
            Phase::After => routing::Phase::After,
            Phase::Named(action) => routing::Phase::Named(action.to_string()),
        },
        flags,
        options: route.options.to_string(),
    }
}
