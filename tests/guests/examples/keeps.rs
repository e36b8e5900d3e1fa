//! Calls `kv` as the query says: `/keeps/<function>?ns=..&key=..`. What it returns is the body, as JSON; an
//! error's is its code and message, with status 200, or the error itself where the query says `fail`.
//!
//! In the phase that its setting `in` names it increments `lifts` in the namespace `test`.

use std::time::Duration;

use boathook_sdk::prelude::*;
use guests::{number, wanted};

#[derive(Default)]
struct Keeps;

impl Hook for Keeps {
    fn configure(&mut self) -> Result<()> {
        count_in("configure")
    }

    fn initialize(&mut self) -> Result<()> {
        count_in("initialize")
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /keeps/:function", Self::keep)
    }
}

fn count_in(phase: &str) -> Result<()> {
    if config::get_own::<String>("in")?.as_deref() == Some(phase) {
        kv::namespace("test").increment("lifts", 1)?;
    }
    Ok(())
}

impl Keeps {
    fn keep(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match call(req) {
            Ok(value) => res.json(value),
            Err(error) if req.query_value("fail").is_some() => Err(error),
            Err(error) => res.json(json!({ "error": error.code(), "message": error.message() })),
        }
    }
}

fn call(req: &Request) -> Result<Value> {
    let name = wanted(req, "ns")?;
    let namespace = kv::namespace(&name);
    let key = req.query_value("key").unwrap_or_default();
    let time = number(req, "ms").map(Duration::from_millis);
    let bytes = |name: &str| req.query_value(name).map(String::into_bytes);
    let text =
        |bytes: Option<Vec<u8>>| json!(bytes.map(|it| String::from_utf8_lossy(&it).into_owned()));
    Ok(match req.param("function").as_deref() {
        Some("get") => text(namespace.get_bytes(&key)?),
        Some("length") => json!(namespace.get_bytes(&key)?.map(|value| value.len())),
        Some("set") => {
            let filled = number(req, "bytes").map(|bytes| vec![b'x'; bytes as usize]);
            let value = filled.or_else(|| bytes("value")).unwrap_or_default();
            namespace.set_bytes(&key, &value, time)?;
            json!("set")
        }
        Some("delete") => json!(namespace.delete(&key)?),
        Some("swap") => {
            let (old, new) = (bytes("old"), bytes("new"));
            json!(namespace.compare_and_set(&key, old.as_deref(), new.as_deref(), time)?)
        }
        Some("add") => {
            let by = req.query_value("by").and_then(|by| by.parse().ok()).unwrap_or(1);
            let counter = match time {
                Some(window) => namespace.increment_within(&key, by, window)?,
                None => namespace.increment(&key, by)?,
            };
            json!({ "value": counter.value, "ends": counter.left.is_some() })
        }
        Some("keys") => {
            let mut keys = namespace.keys(&key).collect::<Result<Vec<_>>>()?;
            keys.sort();
            keys.dedup();
            json!(keys)
        }
        other => return Err(Error::bad_request(format!("no function {other:?}"))),
    })
}

export!(Keeps, name = "keeps");
