//! Gathers what a handler says of the response, and hands it over in few crossings.
//!
//! Setters write into buffers of the instance: no crossing, and after the first few calls no
//! allocation either. At the end, or where a getter needs the host's view, what was gathered crosses:
//! the status if it was set, all headers as one block, the body.

use serde::Serialize;

use crate::headers::Block;
use crate::host::response as host;
use crate::{Cookie, Headers, Outcome, Result};

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The response.
///
/// What a handler sets ahead of [`Outcome::Next`] stays, but for a body; where the app's target
/// answers then, its status and its headers of the same name win. What must win is set in an
/// [observer](crate::Routes::observe_response).
///
/// ```
/// # use boathook_sdk::prelude::*;
/// fn refuse(res: &mut Response) -> Result<Outcome> {
///     res.set_header("retry-after", "60");
///     res.status(429).json(json!({ "error": "Too many requests" }))
/// }
/// ```
///
/// What HTTP does not allow, such as a line break in a header, becomes an error with the code
/// `E_HOOK_BAD_RESPONSE` when the handler returns.
#[derive(Default)]
pub struct Response {
    status: Option<u16>,
    set: Block,
    appended: Block,
    body: Vec<u8>,
    body_use: BodyUse,
    refused: Option<crate::Error>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum BodyUse {
    #[default]
    Untouched,
    Replace,
    Append,
}

impl Response {
    /// Sets the status, 200 to 599.
    pub fn status(&mut self, status: u16) -> &mut Self {
        self.status = Some(status);
        self
    }

    /// Replaces all values of one header.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        if !self.appended.is_empty() {
            // The host sees blocks, not their order: what was appended before this goes ahead.
            self.settle_or_refuse();
        }
        let result = self.set.set(name, value.as_ref());
        self.refuse(result)
    }

    /// Sets the content type, unless the handler has chosen one.
    fn default_type(&mut self, value: &str) -> &mut Self {
        if self.set.has("content-type") { self } else { self.set_header("content-type", value) }
    }

    /// Adds a value to those that are there.
    pub fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let result = self.appended.append(name, value.as_ref());
        self.refuse(result)
    }

    /// Removes all values of one header.
    pub fn remove_header(&mut self, name: &str) -> &mut Self {
        self.set.remove(name);
        self.appended.remove(name);
        let result = host::remove_header(name).map_err(crate::Error::from);
        self.refuse(result)
    }

    /// Adds a `set-cookie`.
    pub fn cookie(&mut self, cookie: Cookie) -> &mut Self {
        self.append_header("set-cookie", cookie.to_string())
    }

    /// Sets the whole body, and goes on. Ahead of [`Outcome::Next`] it is dropped.
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> &mut Self {
        self.body.clear();
        self.body.extend_from_slice(body.as_ref());
        self.body_use = BodyUse::Replace;
        self
    }

    /// Adds to the body, and goes on.
    pub fn write(&mut self, chunk: impl AsRef<[u8]>) -> &mut Self {
        self.body.extend_from_slice(chunk.as_ref());
        if self.body_use == BodyUse::Untouched {
            self.body_use = BodyUse::Append;
        }
        self
    }

    /// Answers with these bytes; the content type is the one that was set.
    pub fn send(&mut self, body: impl AsRef<[u8]>) -> Result<Outcome> {
        self.set_body(body);
        Ok(Outcome::Respond)
    }

    /// Answers with text.
    pub fn text(&mut self, text: impl AsRef<str>) -> Result<Outcome> {
        self.default_type(TEXT).send(text.as_ref())
    }

    /// Answers with HTML.
    pub fn html(&mut self, html: impl AsRef<str>) -> Result<Outcome> {
        self.default_type(HTML).send(html.as_ref())
    }

    /// Answers with JSON. The status is the one that was set, and so is the content type.
    pub fn json(&mut self, data: impl Serialize) -> Result<Outcome> {
        self.default_type(JSON);
        self.body.clear();
        serde_json::to_writer(&mut self.body, &data)?;
        self.body_use = BodyUse::Replace;
        Ok(Outcome::Respond)
    }

    /// Sends the client elsewhere: with the status that was set if it is 300 to 399, else with 302.
    pub fn redirect(&mut self, location: impl AsRef<str>) -> Result<Outcome> {
        let status = self.status.take().filter(|status| (300..400).contains(status));
        self.answer(|| host::redirect(location.as_ref(), status))
    }

    /// 200 with this as JSON. For this helper and those below, `()` and whatever else serializes to
    /// `null` stands for no data: then the body is the status' usual text.
    pub fn ok(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::ok(data.as_deref()))
    }

    /// 400 with this as JSON.
    pub fn bad_request(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::bad_request(data.as_deref()))
    }

    /// 401 with this as JSON.
    pub fn unauthorized(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::unauthorized(data.as_deref()))
    }

    /// 403 with this as JSON.
    pub fn forbidden(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::forbidden(data.as_deref()))
    }

    /// 404 with this as JSON.
    pub fn not_found(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::not_found(data.as_deref()))
    }

    /// 500, with this as JSON in development and without it elsewhere.
    pub fn server_error(&mut self, data: impl Serialize) -> Result<Outcome> {
        let data = optional(data)?;
        self.answer(|| host::server_error(data.as_deref()))
    }

    /// The status as it stands, 200 as long as nobody has set one.
    pub fn status_code(&self) -> u16 {
        self.status.unwrap_or_else(host::status)
    }

    /// The values of one header as they stand, joined by `, `; none where it is missing or is not
    /// UTF-8.
    pub fn header(&mut self, name: &str) -> Option<String> {
        self.settle_or_refuse();
        String::from_utf8(host::header(name)?).ok()
    }

    /// All headers as they stand, in one crossing.
    pub fn headers(&mut self) -> Headers {
        self.settle_or_refuse();
        Headers::from_block(host::headers())
    }

    /// The body as it stands. In an observer the host gathers it from whoever answers; over
    /// `limits.body`, and for an event stream, it is an error, and the body flows on untouched.
    pub fn body(&mut self) -> Result<Vec<u8>> {
        self.hand_over(true)?;
        let body = host::body()?;
        Ok(body)
    }

    /// Hands what was gathered to the host, and keeps the buffers for the next call.
    pub(crate) fn hand_over(&mut self, with_body: bool) -> Result<()> {
        if let Some(error) = self.refused.take() {
            self.forget();
            return Err(error);
        }
        if let Some(status) = self.status.take() {
            host::set_status(status)?;
        }
        if !self.set.is_empty() {
            host::set_headers(self.set.bytes())?;
            self.set.clear();
        }
        if !self.appended.is_empty() {
            host::append_headers(self.appended.bytes())?;
            self.appended.clear();
        }
        if with_body {
            match self.body_use {
                BodyUse::Untouched => {}
                BodyUse::Replace => host::set_body(&self.body)?,
                BodyUse::Append => host::write_body(&self.body)?,
            }
            self.body.clear();
            self.body_use = BodyUse::Untouched;
        }
        Ok(())
    }

    /// Empties the buffers: whatever an earlier call left behind is not of this exchange.
    pub(crate) fn forget(&mut self) {
        self.status = None;
        self.set.clear();
        self.appended.clear();
        self.body.clear();
        self.body_use = BodyUse::Untouched;
        self.refused = None;
    }

    fn answer<E: Into<crate::Error>>(
        &mut self,
        helper: impl FnOnce() -> Result<(), E>,
    ) -> Result<Outcome> {
        // The helper sets status and body itself.
        self.status = None;
        self.body.clear();
        self.body_use = BodyUse::Untouched;
        self.hand_over(false)?;
        helper().map_err(Into::into)?;
        Ok(Outcome::Respond)
    }

    fn settle_or_refuse(&mut self) {
        let result = self.hand_over(false);
        self.refuse(result);
    }

    /// Keeps the first error for the end, so that setters can be chained.
    fn refuse(&mut self, result: Result<()>) -> &mut Self {
        if let Err(error) = result {
            self.refused.get_or_insert(error);
        }
        self
    }
}

fn optional(data: impl Serialize) -> Result<Option<String>> {
    let text = serde_json::to_string(&data)?;
    Ok((text != "null").then_some(text))
}
