//! Does what the `response` import asks: makes and changes the exchange's response.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LOCATION,
    SET_COOKIE,
};
use http::{HeaderName, HeaderValue, StatusCode};

use super::blocks::{Block, Field, has_room, joined, parse_block, parse_field, write_block};
use super::request::{bad, too_large};
use super::{GuestError, State, check_json, guest_error};
use crate::body::Body;
use crate::error::page;
use crate::exchange::{Exchange, Stage};
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::response::Host;

type Set = std::result::Result<(), GuestError>;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

impl Host for State {
    fn status(&mut self) -> Result<u16> {
        Ok(self.read("response.status")?.response.status.as_u16())
    }

    fn set_status(&mut self, status: u16) -> Result<Set> {
        Ok(self.write("response.set-status", Stage::Response)?.and_then(|exchange| {
            exchange.response.status = settable_status(exchange, status)?;
            Ok(())
        }))
    }

    fn header(&mut self, name: String) -> Result<Option<Vec<u8>>> {
        Ok(joined(&self.read("response.header")?.response.headers, &name))
    }

    fn headers(&mut self) -> Result<Vec<u8>> {
        Ok(write_block(&self.read("response.headers")?.response.headers))
    }

    fn set_headers(&mut self, block: Vec<u8>) -> Result<Set> {
        self.enter()?;
        let last = self.last_block.take();
        let block = self.parsed(&block, last);
        Ok(self.set_block(block))
    }

    fn append_headers(&mut self, block: Vec<u8>) -> Result<Set> {
        let bytes = block.len();
        self.enter()?;
        let shared = self.context.shared();
        let fields = parse_block(block, shared.session_cookie());
        Ok(self.changeable("response.append-headers", Stage::Response).and_then(|exchange| {
            let fields = fields.map_err(bad)?;
            let headers = &mut exchange.response.headers;
            has_room(headers, fields.len(), bytes).map_err(bad)?;
            for (name, value) in fields {
                headers.append(name, value);
            }
            Ok(())
        }))
    }

    fn remove_header(&mut self, name: String) -> Result<Set> {
        Ok(self.write("response.remove-header", Stage::Response)?.and_then(|exchange| {
            let (name, _) = parse_field(name.as_bytes(), Bytes::new()).map_err(bad)?;
            exchange.response.headers.remove(name);
            Ok(())
        }))
    }

    fn set_body(&mut self, body: Vec<u8>) -> Result<Set> {
        let limit = self.context.limits.body;
        Ok(self
            .write("response.set-body", Stage::Response)?
            .and_then(|exchange| replace_body(exchange, body.into(), limit)))
    }

    fn write_body(&mut self, chunk: Vec<u8>) -> Result<Set> {
        let limit = self.context.limits.body;
        Ok(self.write("response.write-body", Stage::Response)?.and_then(|exchange| {
            let Body::Whole(written) = &exchange.response.body else {
                // What an app streams is not added to, it is replaced.
                return replace_body(exchange, chunk.into(), limit);
            };
            if (written.len() + chunk.len()) as u64 > limit {
                return Err(too_large("the body", limit));
            }
            exchange.grow_response_body(&chunk);
            forget_description(exchange);
            Ok(())
        }))
    }

    async fn body(&mut self) -> Result<std::result::Result<Vec<u8>, GuestError>> {
        // It ends with the call at the latest.
        let (limit, wall) = (self.context.limits.body, self.context.limits.wall_max());
        let exchange = self.read("response.body")?;
        if exchange.response.endless {
            let text = "an event stream or a tunnel has no body that could be gathered";
            return Ok(Err(guest_error("E_BODY_STREAMING", text, None)));
        }
        Ok(match exchange.response.body.gather(limit, wall).await {
            Ok(Some(bytes)) => Ok(bytes.to_vec()),
            Ok(None) => Err(too_large("the response's body", limit)),
            Err(error) => Err(guest_error("E_BODY_FAILED", error.to_string(), Some(502))),
        })
    }

    fn redirect(&mut self, location: String, status: Option<u16>) -> Result<Set> {
        let limit = self.context.limits.body;
        Ok(self.write("response.redirect", Stage::Response)?.and_then(|exchange| {
            let status = status.unwrap_or(302);
            if !(300..400).contains(&status) {
                return Err(bad(format!("{status} is not the status of a redirect")));
            }
            let (name, value) =
                parse_field(LOCATION.as_str().as_bytes(), location.clone().into()).map_err(bad)?;
            has_room(&exchange.response.headers, 2, location.len()).map_err(bad)?;
            exchange.response.status = settable_status(exchange, status)?;
            exchange.response.headers.insert(name, value);
            exchange.response.headers.insert(CONTENT_TYPE, TEXT);
            replace_body(exchange, format!("Redirecting to {location}").into(), limit)
        }))
    }

    fn json(&mut self, data: String) -> Result<Set> {
        self.answer("response.json", None, Some(data))
    }

    fn ok(&mut self, data: Option<String>) -> Result<Set> {
        self.answer("response.ok", Some(StatusCode::OK), data)
    }

    fn bad_request(&mut self, data: Option<String>) -> Result<Set> {
        self.answer("response.bad-request", Some(StatusCode::BAD_REQUEST), data)
    }

    fn unauthorized(&mut self, data: Option<String>) -> Result<Set> {
        self.answer("response.unauthorized", Some(StatusCode::UNAUTHORIZED), data)
    }

    fn forbidden(&mut self, data: Option<String>) -> Result<Set> {
        self.answer("response.forbidden", Some(StatusCode::FORBIDDEN), data)
    }

    fn not_found(&mut self, data: Option<String>) -> Result<Set> {
        self.answer("response.not-found", Some(StatusCode::NOT_FOUND), data)
    }

    fn server_error(&mut self, data: Option<String>) -> Result<Set> {
        // Sails A8.2: what broke is for developers, not for the world.
        let data = data.filter(|_| self.context.shared().development);
        self.answer("response.server-error", Some(StatusCode::INTERNAL_SERVER_ERROR), data)
    }

    fn bytes_sent(&mut self) -> Result<u64> {
        Ok(self.read("response.bytes-sent")?.outcome.bytes_sent)
    }

    fn elapsed(&mut self) -> Result<u64> {
        let exchange = self.read("response.elapsed")?;
        let elapsed = match exchange.stage {
            Stage::Finished => exchange.outcome.elapsed,
            _ => exchange.request.started.elapsed(),
        };
        Ok(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    fn completed(&mut self) -> Result<bool> {
        Ok(self.read("response.completed")?.outcome.completed)
    }
}

impl State {
    /// The block of these bytes: the one that the instance set last, as a rule.
    pub(crate) fn parsed(
        &self,
        bytes: &[u8],
        last: Option<Arc<Block>>,
    ) -> std::result::Result<Arc<Block>, GuestError> {
        match last {
            Some(last) if last.bytes() == bytes => Ok(last),
            _ => {
                let shared = self.context.shared();
                let cookie = shared.session_cookie();
                self.context.last_block.get_or_parse(bytes, cookie).map_err(bad)
            }
        }
    }

    /// `response.set-headers`, once it is counted. That it is too late counts for more than a block that is
    /// none.
    pub(crate) fn set_block(&mut self, block: std::result::Result<Arc<Block>, GuestError>) -> Set {
        let exchange = self.changeable("response.set-headers", Stage::Response)?;
        let block = block?;
        let headers = &mut exchange.response.headers;
        has_room(headers, block.fields().len(), block.bytes().len()).map_err(bad)?;
        for Field { name, value, first } in block.fields() {
            // The first field of a name replaces, those after it add.
            if *first {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
        self.last_block = Some(block);
        Ok(())
    }

    /// Sails' response helpers (A8.1, A8.2): a status, and JSON or the status' own text.
    fn answer(
        &mut self,
        function: &'static str,
        status: Option<StatusCode>,
        data: Option<String>,
    ) -> Result<Set> {
        let limit = self.context.limits.body;
        Ok(self.write(function, Stage::Response)?.and_then(|exchange| {
            if let Some(data) = &data {
                check_json(data, "the answer")?;
            }
            if let Some(status) = status {
                exchange.response.status = settable_status(exchange, status.as_u16())?;
            }
            let (content_type, body) = match data {
                Some(data) => (JSON, Bytes::from(data)),
                None => {
                    let text = exchange.response.status.canonical_reason().unwrap_or_default();
                    (TEXT, Bytes::from_static(text.as_bytes()))
                }
            };
            // A type that a hook chose stays (Sails sets one only where there is none). On the way back
            // it is the type of a body that is being replaced.
            let headers = &mut exchange.response.headers;
            if exchange.stage == Stage::Response || !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, content_type);
            }
            replace_body(exchange, body, limit)
        }))
    }
}

/// A status that may be set: a final one, and not in place of a 101, whose connection is given away.
fn settable_status(
    exchange: &Exchange,
    status: u16,
) -> std::result::Result<StatusCode, GuestError> {
    if exchange.response.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(guest_error("E_TOO_LATE", "the status of a 101 cannot be changed", None));
    }
    let valid = (200..600).contains(&status).then(|| StatusCode::from_u16(status).ok()).flatten();
    valid.ok_or_else(|| bad(format!("status {status} is out of range, 200 to 599")))
}

/// Puts bytes in place of the body.
fn replace_body(
    exchange: &mut Exchange,
    body: Bytes,
    limit: u64,
) -> std::result::Result<(), GuestError> {
    if body.len() as u64 > limit {
        return Err(too_large("the body", limit));
    }
    if exchange.response.endless {
        let text = "the body of an event stream or a tunnel cannot be replaced";
        return Err(guest_error("E_BODY_STREAMING", text, None));
    }
    exchange.replace_response_body(Body::whole(body));
    forget_description(exchange);
    Ok(())
}

/// Removes what the app said of its own body, once that is another one.
fn forget_description(exchange: &mut Exchange) {
    if exchange.stage == Stage::Response {
        for name in [CONTENT_LENGTH, ETAG, CONTENT_RANGE, ACCEPT_RANGES, CONTENT_ENCODING] {
            exchange.response.headers.remove(name);
        }
        // It allows for nothing that is not on the page itself.
        page::forget_policy(&mut exchange.response.headers);
    }
}

/// Puts what answers an exchange over what hooks have set: its status and its fields win, but
/// cookies add.
pub(crate) fn overlay(exchange: &mut Exchange, answer: http::Response<Body>) {
    let (head, body) = answer.into_parts();
    let response = &mut exchange.response;
    response.status = head.status;
    response.body = body;
    let mut last: Option<HeaderName> = None;
    for (name, value) in head.headers {
        match name {
            Some(name) if name == SET_COOKIE => {
                response.headers.append(&name, value);
                last = Some(name);
            }
            Some(name) => {
                response.headers.insert(&name, value);
                last = Some(name);
            }
            // The iterator names a field once, and gives further values without.
            None => {
                if let Some(name) = &last {
                    response.headers.append(name, value);
                }
            }
        }
    }
}
