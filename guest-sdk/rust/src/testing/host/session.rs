//! The import `session`, as the host in memory has it. Paths of files have none.

use serde_json::{Map, Value};

use super::{error, types, with};
use crate::testing::TestSession;
use crate::testing::address::looks_like_asset;
use crate::testing::exchange::{Step, change};

const OPEN: &[Step] = &[Step::Route, Step::Response];

pub(crate) fn get(key: &str) -> Result<Option<String>, types::Error> {
    read(|session| session.data.get(key).map(Value::to_string))
}

pub(crate) fn all() -> Result<String, types::Error> {
    read(|session| Value::from(session.data.clone()).to_string())
}

pub(crate) fn set(key: &str, value: &str) -> Result<(), types::Error> {
    put(|session| &mut session.data, key, value)
}

pub(crate) fn delete(key: &str) -> Result<(), types::Error> {
    write(|session| drop(session.data.remove(key)))
}

pub(crate) fn destroy() -> Result<(), types::Error> {
    write(|session| *session = TestSession { destroyed: true, ..TestSession::default() })
}

pub(crate) fn regenerate() -> Result<(), types::Error> {
    write(|session| session.regenerated = true)
}

pub(crate) fn flash(key: &str, value: &str) -> Result<(), types::Error> {
    put(|session| &mut session.flash, key, value)
}

pub(crate) fn read_flash(key: &str) -> Result<Option<String>, types::Error> {
    if read(|session| !session.flash.contains_key(key))? {
        return Ok(None);
    }
    let mut taken = None;
    write(|session| taken = session.flash.remove(key).map(|value| value.to_string()))?;
    Ok(taken)
}

fn put(
    half: fn(&mut TestSession) -> &mut Map<String, Value>,
    key: &str,
    value: &str,
) -> Result<(), types::Error> {
    let value = serde_json::from_str(value).map_err(|_| error("", "not JSON"))?;
    write(|session| drop(half(session).insert(key.into(), value)))
}

/// What a path without a session shows is an empty one.
fn read<R>(get: impl FnOnce(&TestSession) -> R) -> Result<R, types::Error> {
    with(|host| match &host.exchange {
        None => Err(error("E_NO_EXCHANGE", "there is no exchange")),
        Some(exchange) if looks_like_asset(&exchange.request.path) => {
            Ok(get(&TestSession::default()))
        }
        Some(exchange) => Ok(get(&exchange.request.session)),
    })
}

fn write(set: impl FnOnce(&mut TestSession)) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        if looks_like_asset(&exchange.request.path) {
            return Err(error("E_SESSION_OFF", "the path looks like a file"));
        }
        set(&mut exchange.request.session);
        Ok(())
    })
}
