//! Does what the `request` import asks: reads the exchange's request, and changes it for what follows.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::COOKIE;
use percent_encoding::percent_decode_str;

use super::blocks::{BlockError, has_room, joined, parse_field, write_block};
use super::{GuestError, State, check_json, guest_error};
use crate::body::Body;
use crate::exchange::{Exchange, Stage};
use crate::router::Path;
use crate::sandbox::bindings::boathook::hook::request::Host;
use crate::sandbox::limits::Stop;
use crate::sandbox::{Result, trap};
use crate::session::has_cookie;

type Set = std::result::Result<(), GuestError>;

impl Host for State {
    fn method(&mut self) -> Result<String> {
        Ok(self.read("request.method")?.request.method.as_str().to_owned())
    }

    fn path(&mut self) -> Result<String> {
        Ok(self.read("request.path")?.request.path.as_str().to_owned())
    }

    fn query(&mut self) -> Result<String> {
        Ok(self.read("request.query")?.request.query.clone().unwrap_or_default())
    }

    fn param(&mut self, name: String) -> Result<Option<String>> {
        Ok(self.read("request.param")?.params.get(&name).map(str::to_owned))
    }

    fn params(&mut self) -> Result<Vec<(String, String)>> {
        let params = &self.read("request.params")?.params;
        Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn header(&mut self, name: String) -> Result<Option<Vec<u8>>> {
        self.enter()?;
        self.request_header(&name)
    }

    fn headers(&mut self) -> Result<Vec<u8>> {
        Ok(write_block(&self.read("request.headers")?.request.headers))
    }

    fn cookie(&mut self, name: String) -> Result<Option<String>> {
        let exchange = self.read("request.cookie")?;
        let mut all = cookies(exchange);
        Ok(all.find(|(key, _)| *key == name).map(|(_, value)| value.into_owned()))
    }

    fn cookies(&mut self) -> Result<Vec<(String, String)>> {
        let exchange = self.read("request.cookies")?;
        Ok(cookies(exchange).map(|(name, value)| (name.to_owned(), value.into_owned())).collect())
    }

    fn ip(&mut self) -> Result<String> {
        Ok(self.read("request.ip")?.request.ip.to_string())
    }

    fn protocol(&mut self) -> Result<String> {
        Ok(self.read("request.protocol")?.request.scheme.as_str().to_owned())
    }

    fn id(&mut self) -> Result<String> {
        Ok(self.read("request.id")?.request.id.to_string())
    }

    fn options(&mut self) -> Result<String> {
        let options = self.read("request.options")?.options.as_deref();
        Ok(options.unwrap_or("{}").to_owned())
    }

    fn body(&mut self) -> Result<std::result::Result<Vec<u8>, GuestError>> {
        let limit = self.context.limits.body;
        let exchange = self.read("request.body")?;
        if !exchange.reads_body {
            let hint = "the route does not declare that it reads the body\n\
                        hint: set the flag `read-body` on the route";
            return Ok(Err(guest_error("E_BODY_NOT_DECLARED", hint, None)));
        }
        Ok(match &exchange.request.body {
            Body::Empty => Ok(Vec::new()),
            Body::Whole(bytes) if bytes.len() as u64 <= limit => Ok(bytes.to_vec()),
            // It was to be gathered before this call: what still streams is longer than the limit.
            _ => Err(too_large("the request's body", limit)),
        })
    }

    fn local(&mut self, name: String) -> Result<Option<String>> {
        Ok(self.read("request.local")?.locals.get(&name).map(str::to_owned))
    }

    fn locals(&mut self) -> Result<String> {
        Ok(self.read("request.locals")?.locals.to_json())
    }

    fn set_local(&mut self, name: String, value: String) -> Result<Set> {
        let limit = self.context.limits.body;
        let exchange = match self.write("request.set-local", Stage::Response)? {
            Ok(exchange) => exchange,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = check_json(&value, "the local") {
            return Ok(Err(error));
        }
        let old = exchange.locals.get(&name).map_or(0, |old| name.len() + old.len());
        if (exchange.locals.bytes() - old + name.len() + value.len()) as u64 > limit {
            return Ok(Err(too_large("the locals together", limit)));
        }
        exchange.locals.set(name, value);
        Ok(Ok(()))
    }

    fn set_header(&mut self, name: String, value: Vec<u8>) -> Result<Set> {
        self.enter()?;
        let mut field = parse_field(name.as_bytes(), value.into());
        if let Ok((name, value)) = &field
            && name == COOKIE
            && let Some(cookie) = self.context.shared().session_cookie()
            && has_cookie(value.as_bytes(), cookie)
        {
            field = Err(BlockError::SessionCookie(cookie.to_owned()));
        }
        Ok(self.changeable("request.set-header", Stage::Request).and_then(|exchange| {
            let (name, value) = field.map_err(bad)?;
            has_room(&exchange.request.headers, 1, value.len()).map_err(bad)?;
            exchange.request.headers.insert(name, value);
            Ok(())
        }))
    }

    fn remove_header(&mut self, name: String) -> Result<Set> {
        Ok(self.write("request.remove-header", Stage::Request)?.and_then(|exchange| {
            let (name, _) = parse_field(name.as_bytes(), Bytes::new()).map_err(bad)?;
            exchange.request.headers.remove(name);
            Ok(())
        }))
    }

    fn set_path(&mut self, path: String) -> Result<Set> {
        Ok(self.write("request.set-path", Stage::Request)?.and_then(|exchange| {
            let fits =
                path.parse::<http::uri::PathAndQuery>().is_ok_and(|uri| uri.query().is_none());
            let parsed = Path::parse(&path).ok().filter(|_| fits);
            exchange.request.path =
                parsed.ok_or_else(|| bad(format!("`{path}` is not a valid path")))?;
            exchange.rerouted = true;
            Ok(())
        }))
    }

    fn set_query(&mut self, query: String) -> Result<Set> {
        Ok(self.write("request.set-query", Stage::Request)?.and_then(|exchange| {
            if format!("/?{query}").parse::<http::uri::PathAndQuery>().is_err()
                || query.contains('#')
            {
                return Err(bad(format!("`{query}` is not a valid query")));
            }
            exchange.request.query = (!query.is_empty()).then_some(query);
            Ok(())
        }))
    }

    fn set_body(&mut self, body: Vec<u8>) -> Result<Set> {
        let limit = self.context.limits.body;
        Ok(self.write("request.set-body", Stage::Request)?.and_then(|exchange| {
            if body.len() as u64 > limit {
                return Err(too_large("the body", limit));
            }
            exchange.replace_request_body(Body::whole(body));
            Ok(())
        }))
    }
}

impl State {
    /// `request.header`, once it is counted.
    pub(crate) fn request_header(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let exchange = self.exchange.as_deref();
        let exchange = exchange.ok_or_else(|| trap(Stop::NoExchange("request.header")))?;
        Ok(joined(&exchange.request.headers, name))
    }
}

/// The cookies of the request (RFC 6265, 5.4), percent-decoded; those that are not UTF-8 are left out.
fn cookies(exchange: &Exchange) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let headers = exchange.request.headers.get_all(COOKIE).iter();
    headers.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).flat_map(|line| {
        line.split(';').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            Some((name.trim(), percent_decode_str(value).decode_utf8().ok()?))
        })
    })
}

/// An answer that HTTP does not allow.
pub(super) fn bad(cause: impl ToString) -> GuestError {
    guest_error("E_HOOK_BAD_RESPONSE", cause.to_string(), Some(502))
}

/// More than `limits.body`.
pub(super) fn too_large(what: &str, limit: u64) -> GuestError {
    let message = format!("{what}: over `limits.body` of {limit} bytes");
    guest_error("E_BODY_TOO_LARGE", message, Some(413))
}
