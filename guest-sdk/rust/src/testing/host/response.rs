//! The import `response`, as the host in memory has it.

use super::{error, types};
use crate::Headers;
use crate::testing::exchange::{Fields, Step, block, change, joined, read, remove};

const OPEN: &[Step] = &[Step::Route, Step::Response];

pub(crate) fn status() -> u16 {
    read("response.status", |exchange| exchange.status)
}

pub(crate) fn set_status(status: u16) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        if !(200..600).contains(&status) {
            return Err(refused(format!("status {status}")));
        }
        exchange.status = status;
        Ok(())
    })
}

pub(crate) fn header(name: &str) -> Option<Vec<u8>> {
    read("response.header", |exchange| joined(&exchange.headers, name))
}

pub(crate) fn headers() -> Vec<u8> {
    read("response.headers", |exchange| block(&exchange.headers))
}

pub(crate) fn set_headers(block: &[u8]) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        let fields = fields_of(block)?;
        for (name, _) in &fields {
            remove(&mut exchange.headers, name);
        }
        exchange.headers.extend(fields);
        Ok(())
    })
}

pub(crate) fn append_headers(block: &[u8]) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        exchange.headers.extend(fields_of(block)?);
        Ok(())
    })
}

pub(crate) fn remove_header(name: &str) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        remove(&mut exchange.headers, name);
        Ok(())
    })
}

pub(crate) fn set_body(body: &[u8]) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        exchange.body = body.into();
        Ok(())
    })
}

pub(crate) fn write_body(chunk: &[u8]) -> Result<(), types::Error> {
    change(OPEN, |exchange| {
        exchange.body.extend_from_slice(chunk);
        Ok(())
    })
}

pub(crate) fn body() -> Result<Vec<u8>, types::Error> {
    read("response.body", |exchange| Ok(exchange.body.clone()))
}

pub(crate) fn redirect(location: &str, status: Option<u16>) -> Result<(), types::Error> {
    set_headers(format!("location: {location}\r\n").as_bytes())?;
    set_status(status.unwrap_or(302))?;
    set_body(format!("Redirecting to {location}").as_bytes())
}

pub(crate) fn ok(data: Option<&str>) -> Result<(), types::Error> {
    helper(200, "OK", data)
}

pub(crate) fn bad_request(data: Option<&str>) -> Result<(), types::Error> {
    helper(400, "Bad Request", data)
}

pub(crate) fn unauthorized(data: Option<&str>) -> Result<(), types::Error> {
    helper(401, "Unauthorized", data)
}

pub(crate) fn forbidden(data: Option<&str>) -> Result<(), types::Error> {
    helper(403, "Forbidden", data)
}

pub(crate) fn not_found(data: Option<&str>) -> Result<(), types::Error> {
    helper(404, "Not Found", data)
}

pub(crate) fn server_error(data: Option<&str>) -> Result<(), types::Error> {
    helper(500, "Internal Server Error", data)
}

pub(crate) fn bytes_sent() -> u64 {
    read("response.bytes-sent", |exchange| match exchange.step {
        Step::Finish => exchange.body.len() as u64,
        Step::Route | Step::Response => 0,
    })
}

pub(crate) fn elapsed() -> u64 {
    read("response.elapsed", |_| 1_000_000)
}

pub(crate) fn completed() -> bool {
    read("response.completed", |exchange| exchange.step == Step::Finish)
}

fn helper(status: u16, text: &str, data: Option<&str>) -> Result<(), types::Error> {
    let kind = if data.is_some() { "application/json" } else { "text/plain" };
    set_headers(format!("content-type: {kind}; charset=utf-8\r\n").as_bytes())?;
    set_status(status)?;
    set_body(data.unwrap_or(text).as_bytes())
}

fn fields_of(block: &[u8]) -> Result<Fields, types::Error> {
    const CONNECTION: [&str; 3] = ["connection", "transfer-encoding", "content-length"];
    let headers = Headers::from_block(block.to_vec());
    let fields: Fields = headers.iter().map(|(name, value)| (name.into(), value.into())).collect();
    match fields.iter().find(|(name, _)| CONNECTION.contains(&&*name.to_ascii_lowercase())) {
        Some((name, _)) => Err(refused(format!("header `{name}` belongs to the connection"))),
        None => Ok(fields),
    }
}

fn refused(message: String) -> types::Error {
    types::Error { status: Some(502), ..error("E_HOOK_BAD_RESPONSE", message) }
}
