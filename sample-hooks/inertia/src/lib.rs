//! Shared props, after `inertia-sails`: methods by which other hooks give every page what it should know.
//!
//! A function cannot cross from one hook to another, so what Sails does by callbacks takes a question and
//! an answer here: `once` tells whether a value is there from an earlier request, and only if it is not, the
//! caller makes it and hands it over. Methods speak of the caller's exchange: its session, its locals.

use boathook_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Map;

/// The local that props gather in, for one exchange.
const PROPS: &str = "inertiaProps";
/// Ahead of a key of the session that holds a prop.
const KEPT: &str = "inertia.";

#[derive(Default)]
struct Inertia;

#[derive(Deserialize)]
struct Prop {
    key: String,
    value: Value,
}

impl Hook for Inertia {
    fn methods(&self) -> Methods<Self> {
        Methods::new()
            .method("share", "Gives this page { key, value }.", Self::share)
            .method("once", "Shares what the session has of a key; false if nothing.", Self::once)
            .method("keep", "Shares { key, value }, and keeps it for the session.", Self::keep)
            .method("forget", "Has a key asked for anew.", Self::forget)
            .method("page", "The page { component, props }, shared props under it.", Self::page)
    }
}

impl Inertia {
    /// Always: for this exchange alone.
    fn share(&mut self, prop: Value) -> Result<Value> {
        let Prop { key, value } = serde_json::from_value(prop)?;
        let req = Request::at_hand();
        let mut props: Map<String, Value> = req.local(PROPS)?.unwrap_or_default();
        props.insert(key, value);
        req.set_local(PROPS, props)?;
        Ok(Value::Null)
    }

    fn once(&mut self, key: Value) -> Result<Value> {
        let key = key.as_str().ok_or_else(|| Error::bad_request("a key is a string"))?;
        let kept: Option<Value> = Request::at_hand().session().get(&format!("{KEPT}{key}"))?;
        let Some(value) = kept else { return Ok(json!(false)) };
        self.share(json!({ "key": key, "value": value }))?;
        Ok(json!(true))
    }

    /// Nothing is not worth keeping: who is not logged in yet may be at the next request.
    fn keep(&mut self, prop: Value) -> Result<Value> {
        let Prop { key, value } = serde_json::from_value(prop.clone())?;
        if !value.is_null() {
            Request::at_hand().session().set(&format!("{KEPT}{key}"), value)?;
        }
        self.share(prop)
    }

    fn forget(&mut self, key: Value) -> Result<Value> {
        let key = key.as_str().ok_or_else(|| Error::bad_request("a key is a string"))?;
        Request::at_hand().session().delete(&format!("{KEPT}{key}"))?;
        Ok(Value::Null)
    }

    fn page(&mut self, page: Value) -> Result<Value> {
        #[derive(Deserialize)]
        struct Page {
            component: String,
            #[serde(default)]
            props: Map<String, Value>,
        }
        let Page { component, props } = serde_json::from_value(page)?;
        let req = Request::at_hand();
        let mut all: Map<String, Value> = req.local(PROPS)?.unwrap_or_default();
        all.extend(props);
        Ok(json!({ "component": component, "props": all, "url": req.path() }))
    }
}

export!(Inertia, grants = { session = true });

#[cfg(test)]
mod tests {
    use testing::{Reply, TestSession, call_method_in, request};

    use super::*;

    fn ask(session: &TestSession, method: &str, args: Value) -> Result<(Value, Reply)> {
        let mut hook = testing::lift::<Inertia>("inertia", json!({}))?;
        let visit = request("GET", "/page").session(session.clone());
        let (answer, reply) = call_method_in(&mut hook, visit, method, args);
        Ok((answer?, reply))
    }

    #[test]
    fn what_is_kept_is_there_once_and_for_all_until_it_is_forgotten() -> Result<()> {
        let nothing = TestSession::default();
        assert_eq!(ask(&nothing, "once", json!("me"))?.0, false);
        let (_, reply) = ask(&nothing, "keep", json!({ "key": "me", "value": "Ada" }))?;
        assert_eq!(reply.locals[PROPS], json!({ "me": "Ada" }));
        let (there, again) = ask(&reply.session, "once", json!("me"))?;
        assert_eq!((there, &again.locals[PROPS]), (json!(true), &json!({ "me": "Ada" })));
        let (_, forgotten) = ask(&reply.session, "forget", json!("me"))?;
        assert_eq!(forgotten.session.data, nothing.data);
        let (_, null) = ask(&nothing, "keep", json!({ "key": "me", "value": null }))?;
        assert_eq!(null.session, nothing);
        Ok(())
    }

    #[test]
    fn what_is_shared_is_for_this_exchange_and_the_page_has_the_last_word() -> Result<()> {
        let mut hook = testing::lift::<Inertia>("inertia", json!({}))?;
        let shared = json!({ "a": 1, "b": 1 });
        let visit = request("GET", "/page").local(PROPS, shared);
        let args = json!({ "component": "home", "props": { "b": 2 } });
        let (page, reply) = call_method_in(&mut hook, visit, "page", args);
        let wanted = json!({ "component": "home", "props": { "a": 1, "b": 2 }, "url": "/page" });
        assert_eq!(page?, wanted);
        assert_eq!(reply.session, TestSession::default());
        Ok(())
    }
}
