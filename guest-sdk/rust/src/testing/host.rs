//! The host in memory, with the functions that the component would import.

pub(crate) mod fetch;
pub(crate) mod kv;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod session;
pub(crate) mod tasks;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::exchange::Exchange;
use super::{Deferred, Event, Line, Sent};
use crate::Result;

pub(crate) mod types {
    #[derive(Debug)]
    pub(crate) struct Error {
        pub(crate) code: String,
        pub(crate) message: String,
        pub(crate) status: Option<u16>,
        pub(crate) details: Option<String>,
    }
}

type Stub = Rc<dyn Fn(Value) -> Result<Value>>;
type Server = Rc<dyn Fn(&Sent) -> Result<crate::fetch::Response>>;

/// What a hook may do depends on how far it has got.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    #[default]
    Defaults,
    Configure,
    Initialize,
    Running,
}

#[derive(Default)]
pub(crate) struct Host {
    pub(crate) config_key: String,
    pub(crate) config: Value,
    pub(crate) stage: Stage,
    pub(crate) lines: Vec<Line>,
    pub(crate) fired: Vec<Event>,
    pub(crate) subscribed: Vec<String>,
    pub(crate) published: BTreeMap<(String, String), Value>,
    pub(crate) methods: BTreeMap<(String, String), Stub>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) kept: BTreeMap<(String, String), kv::Kept>,
    pub(crate) kv_is_broken: bool,
    pub(crate) deferred: Vec<Deferred>,
    pub(crate) tasks_are_full: bool,
    pub(crate) servers: BTreeMap<String, Server>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) advanced: Duration,
    pub(crate) exchange: Option<Exchange>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

pub(crate) fn with<R>(use_it: impl FnOnce(&mut Host) -> R) -> R {
    HOST.with_borrow_mut(use_it)
}

pub(crate) fn error(code: &str, message: impl Into<String>) -> types::Error {
    types::Error { code: code.into(), message: message.into(), status: None, details: None }
}

/// Puts what stands under `__configKey__` under the key itself.
pub(crate) fn under_key(defaults: Value, config_key: &str) -> Value {
    match defaults {
        Value::Object(mut root) => {
            let own = root.remove("__configKey__").unwrap_or_default();
            merge(Value::Object(root), json!({ config_key: own }))
        }
        other => other,
    }
}

/// Objects merge, everything else of the winner stays.
pub(crate) fn merge(winner: Value, under: Value) -> Value {
    match (winner, under) {
        (Value::Object(mut winner), Value::Object(under)) => {
            for (key, value) in under {
                let merged = match winner.remove(&key) {
                    Some(kept) => merge(kept, value),
                    None => value,
                };
                winner.insert(key, merged);
            }
            Value::Object(winner)
        }
        (winner, _) => winner,
    }
}

pub(crate) fn find<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    keys(path).into_iter().try_fold(root, |value, key| value.get(key))
}

/// The keys of a dotted path; the first may stand in quotes, for a dot of its own.
fn keys(path: &str) -> Vec<&str> {
    match path.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((first, rest)) => [first].into_iter().chain(rest.split('.').skip(1)).collect(),
        None => path.split('.').filter(|key| !key.is_empty()).collect(),
    }
}

fn parsed(text: &str) -> Result<Value, types::Error> {
    serde_json::from_str(text).map_err(|cause| error("", format!("not JSON: {cause}")))
}

fn only_in(allowed: &[Stage], what: &str) -> Result<(), types::Error> {
    let stage = with(|host| host.stage);
    if allowed.contains(&stage) {
        return Ok(());
    }
    Err(error("", format!("`{what}` works in {allowed:?} alone, and this is {stage:?}")))
}

pub(crate) mod config {
    use super::*;

    pub(crate) fn get(path: &str) -> Option<String> {
        with(|host| find(&host.config, path).map(Value::to_string))
    }

    pub(crate) fn set(path: &str, value: &str) -> Result<(), types::Error> {
        only_in(&[Stage::Configure], "config.set")?;
        let value = parsed(value)?;
        let keys = keys(path);
        let root = keys.first().copied().unwrap_or_default();
        if root != config_key() && root != "custom" {
            let hint = "a hook sets below its own config key or `custom`";
            return Err(error("", format!("config `{path}`: {hint}")));
        }
        let set = keys.iter().rfold(value, |value, key| json!({ *key: value }));
        with(|host| host.config = overlay(std::mem::take(&mut host.config), set));
        Ok(())
    }

    pub(crate) fn config_key() -> String {
        with(|host| host.config_key.clone())
    }

    /// A set replaces what stands at its path, whatever that is.
    fn overlay(under: Value, set: Value) -> Value {
        match (under, set) {
            (Value::Object(under), Value::Object(set)) if set.len() == 1 => {
                let mut merged: Map<String, Value> = under;
                for (key, value) in set {
                    let kept = merged.remove(&key).unwrap_or_default();
                    merged.insert(key, overlay(kept, value));
                }
                Value::Object(merged)
            }
            (_, set) => set,
        }
    }
}

pub(crate) mod log {
    use super::*;
    pub(crate) use crate::log::Level;

    pub(crate) fn log(level: Level, message: &str, fields: &str) {
        let fields = serde_json::from_str(fields).unwrap_or_default();
        with(|host| host.lines.push(Line { level, message: message.into(), fields }));
    }

    pub(crate) fn enabled(_level: Level) -> bool {
        true
    }
}

pub(crate) mod events {
    use super::*;

    pub(crate) fn emit(event: &str, payload: &str) -> Result<(), types::Error> {
        let own = format!("hook:{}:", config::config_key());
        let reserved = ["ready", "lifted", "lower"].contains(&event);
        if reserved || (event.starts_with("hook:") && !event.starts_with(&own)) {
            return Err(error("", format!("event `{event}` is not for hooks to fire")));
        }
        let payload = parsed(payload)?;
        with(|host| host.fired.push(Event { name: event.into(), payload }));
        Ok(())
    }

    pub(crate) fn wait(events: &[String]) -> Result<(), types::Error> {
        only_in(&[Stage::Initialize], "events.wait")?;
        let fired = super::super::fired();
        let missing: Vec<_> =
            events.iter().filter(|event| fired.iter().all(|other| other.name != **event)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(error("", format!("nothing fires {missing:?}; hint: testing::fire ahead of lift")))
    }

    pub(crate) fn subscribe(event: &str) -> Result<(), types::Error> {
        only_in(&[Stage::Configure, Stage::Initialize], "events.subscribe")?;
        with(|host| host.subscribed.push(event.into()));
        Ok(())
    }
}

pub(crate) mod hooks {
    use super::*;

    pub(crate) fn names() -> Vec<String> {
        with(|host| {
            let others = host.published.keys().chain(host.methods.keys());
            let mut names: Vec<_> = others.map(|(hook, _)| hook.clone()).collect();
            names.push(host.config_key.clone());
            names.sort();
            names.dedup();
            names
        })
    }

    pub(crate) fn publish(key: &str, value: &str) -> Result<(), types::Error> {
        only_in(&[Stage::Initialize], "hooks.publish")?;
        let value = parsed(value)?;
        with(|host| host.published.insert((host.config_key.clone(), key.into()), value));
        Ok(())
    }

    pub(crate) fn data(hook: &str, key: &str) -> Option<String> {
        with(|host| host.published.get(&(hook.into(), key.into())).map(Value::to_string))
    }

    pub(crate) fn call(hook: &str, method: &str, args: &str) -> Result<String, types::Error> {
        let args = parsed(args)?;
        let stub = with(|host| host.methods.get(&(hook.into(), method.into())).cloned());
        let Some(stub) = stub else {
            return Err(error("", format!("hook `{hook}` has no method `{method}`")));
        };
        Ok(stub(args)?.to_string())
    }
}

pub(crate) mod secrets {
    use super::*;

    pub(crate) fn get(name: &str) -> Result<String, types::Error> {
        let secret = with(|host| host.secrets.get(name).cloned());
        secret.ok_or_else(|| {
            error("E_NOT_GRANTED", format!("no secret `{name}`; hint: testing::secret"))
        })
    }
}
