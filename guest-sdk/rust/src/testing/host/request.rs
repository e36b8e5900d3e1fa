//! The import `request`, as the host in memory has it.

use serde_json::Value;

use super::{error, types};
use crate::testing::exchange::{Step, block, change, cookies_of, joined, read, remove};

const NOW: &[Step] = &[Step::Route];

pub(crate) fn method() -> String {
    read("request.method", |exchange| exchange.request.method.clone())
}

pub(crate) fn path() -> String {
    read("request.path", |exchange| exchange.request.path.clone())
}

pub(crate) fn query() -> String {
    read("request.query", |exchange| exchange.request.query.clone())
}

pub(crate) fn param(name: &str) -> Option<String> {
    params().into_iter().find(|(param, _)| param == name).map(|(_, value)| value)
}

pub(crate) fn params() -> Vec<(String, String)> {
    read("request.params", |exchange| exchange.params.clone())
}

pub(crate) fn header(name: &str) -> Option<Vec<u8>> {
    read("request.header", |exchange| joined(&exchange.request.headers, name))
}

pub(crate) fn headers() -> Vec<u8> {
    read("request.headers", |exchange| block(&exchange.request.headers))
}

pub(crate) fn cookie(name: &str) -> Option<String> {
    cookies().into_iter().find(|(cookie, _)| cookie == name).map(|(_, value)| value)
}

pub(crate) fn cookies() -> Vec<(String, String)> {
    read("request.cookies", |exchange| cookies_of(&exchange.request.headers))
}

pub(crate) fn ip() -> String {
    read("request.ip", |exchange| exchange.request.ip.clone())
}

pub(crate) fn protocol() -> String {
    read("request.protocol", |exchange| exchange.request.protocol.clone())
}

pub(crate) fn id() -> String {
    read("request.id", |_| "test".into())
}

pub(crate) fn options() -> String {
    read("request.options", |exchange| exchange.options.to_string())
}

pub(crate) fn body() -> Result<Vec<u8>, types::Error> {
    read("request.body", |exchange| match exchange.reads_body {
        true => Ok(exchange.request.body.clone()),
        false => Err(error("E_BODY_NOT_DECLARED", "the route does not say `read_body`")),
    })
}

pub(crate) fn local(name: &str) -> Option<String> {
    read("request.local", |exchange| exchange.request.locals.get(name).map(Value::to_string))
}

pub(crate) fn locals() -> String {
    read("request.locals", |exchange| Value::from(exchange.request.locals.clone()).to_string())
}

pub(crate) fn set_local(name: &str, value: &str) -> Result<(), types::Error> {
    let value = serde_json::from_str(value).map_err(|_| error("", "not JSON"))?;
    change(&[Step::Route, Step::Response, Step::Finish], |exchange| {
        exchange.request.locals.insert(name.into(), value);
        Ok(())
    })
}

pub(crate) fn set_header(name: &str, value: &[u8]) -> Result<(), types::Error> {
    change(NOW, |exchange| {
        remove(&mut exchange.request.headers, name);
        exchange.request.headers.push((name.into(), value.into()));
        Ok(())
    })
}

pub(crate) fn remove_header(name: &str) -> Result<(), types::Error> {
    change(NOW, |exchange| {
        remove(&mut exchange.request.headers, name);
        Ok(())
    })
}

pub(crate) fn set_path(path: &str) -> Result<(), types::Error> {
    change(NOW, |exchange| {
        exchange.request.path = path.into();
        Ok(())
    })
}

pub(crate) fn set_query(query: &str) -> Result<(), types::Error> {
    change(NOW, |exchange| {
        exchange.request.query = query.into();
        Ok(())
    })
}

pub(crate) fn set_body(body: &[u8]) -> Result<(), types::Error> {
    change(NOW, |exchange| {
        exchange.request.body = body.into();
        Ok(())
    })
}
