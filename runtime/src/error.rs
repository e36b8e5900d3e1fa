//! Turns whatever can go wrong with a request into a status, a code and two texts: one for the
//! client, one for the operator. This is the only place that does.
//!
//! The table is section 6 of the design: one row a [`Code`]. A [`Failure`] is made where something
//! fails, travels up by plain return, is logged once and becomes a response once.

pub(crate) mod page;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::body::Body;
use crate::router::{MatchError, PathError};
use page::Page;

/// What kind of failure: the row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The request itself is malformed: path, percent-encoding, framing.
    BadRequest,
    /// Nobody answered.
    NotFound,
    /// The client did not send its body in time.
    RequestTimeout,
    /// The body is over `limits.body` and the hook that reads it said so, or over `max_body`.
    BodyTooLarge,
    /// A hook returned an error.
    HookError,
    /// A hook trapped.
    HookTrap,
    /// A hook used up `limits.cpu`.
    HookCpu,
    /// A hook's instance did not start within `limits.start`.
    HookStart,
    /// A call took longer than `limits.wall`.
    HookTimeout,
    /// A hook used up `limits.fuel`.
    HookFuel,
    /// A hook asked for more memory than `limits.memory`.
    HookMemory,
    /// A hook hit one of the counted limits: host calls, handles, tables, stack.
    HookLimit,
    /// A hook's answer is not valid HTTP or not valid JSON.
    HookBadResponse,
    /// All instances of a hook are busy and its queue is full, or its wait was over.
    HookBusy,
    /// The hook's breaker is open: it failed again and again.
    HookBroken,
    /// The whole chain took longer than `limits.exchange`.
    ExchangeTimeout,
    /// The session could not be read or written.
    SessionStore,
    /// The locals that an upstream is to get do not fit in a header.
    LocalsTooLarge,
    /// The upstream could not be reached, or broke off.
    UpstreamFailed,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The client left; nobody will read the answer. nginx' number for it.
    ClientGone,
    /// The server is draining.
    Draining,
    /// A host function or the server itself failed: a defect of Boathook.
    Internal,
}

impl Code {
    /// The table: stable code, status, and what a client may be told.
    pub const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("E_BAD_REQUEST", 400, "the request is malformed"),
            Self::NotFound => ("E_NOT_FOUND", 404, "nothing answers at this address"),
            Self::RequestTimeout => {
                ("E_REQUEST_TIMEOUT", 408, "the request did not arrive in time")
            }
            Self::BodyTooLarge => ("E_BODY_TOO_LARGE", 413, "the body is too large"),
            Self::HookError => ("E_HOOK_ERROR", 500, "a hook failed"),
            Self::HookTrap => ("E_HOOK_TRAP", 500, "a hook failed"),
            Self::HookCpu => ("E_HOOK_CPU", 504, "a hook took too long"),
            Self::HookStart => ("E_HOOK_START", 500, "a hook could not be started"),
            Self::HookTimeout => ("E_HOOK_TIMEOUT", 504, "a hook took too long"),
            Self::HookFuel => ("E_HOOK_FUEL", 504, "a hook took too long"),
            Self::HookMemory => ("E_HOOK_MEMORY", 500, "a hook failed"),
            Self::HookLimit => ("E_HOOK_LIMIT", 500, "a hook failed"),
            Self::HookBadResponse => ("E_HOOK_BAD_RESPONSE", 502, "a hook's answer is not valid"),
            Self::HookBusy => ("E_HOOK_BUSY", 503, "the server is busy, try again"),
            Self::HookBroken => ("E_HOOK_BROKEN", 503, "a hook is out of order, try again"),
            Self::ExchangeTimeout => ("E_EXCHANGE_TIMEOUT", 504, "the request took too long"),
            Self::SessionStore => {
                ("E_SESSION_STORE", 503, "the session is out of reach, try again")
            }
            Self::LocalsTooLarge => ("E_LOCALS_TOO_LARGE", 500, "the server failed"),
            Self::UpstreamFailed => ("E_UPSTREAM_FAILED", 502, "the upstream failed"),
            Self::UpstreamTimeout => {
                ("E_UPSTREAM_TIMEOUT", 504, "the upstream did not answer in time")
            }
            Self::ClientGone => ("E_CLIENT_GONE", 499, "the client left"),
            Self::Draining => ("E_DRAINING", 503, "the server is stopping, try again"),
            Self::Internal => ("E_INTERNAL", 500, "the server failed"),
        }
    }
}

/// In which call into a hook something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the file, compiling, checking imports.
    Load,
    /// Making an instance: `start` functions included.
    Start,
    /// `lifecycle.defaults`.
    Defaults,
    /// `lifecycle.configure`.
    Configure,
    /// `lifecycle.initialize`.
    Initialize,
    /// `routing.routes` and `methods.methods`.
    Routes,
    /// `routing.handle-route`.
    HandleRoute,
    /// `observing.handle-response`.
    HandleResponse,
    /// `observing.handle-finish`.
    HandleFinish,
    /// `methods.call`.
    Call,
    /// `listening.handle-event`.
    HandleEvent,
    /// `background.handle-task`.
    HandleTask,
    /// `background.handle-tick`.
    HandleTick,
    /// `swapping.before-swap`.
    BeforeSwap,
    /// `swapping.after-swap`.
    AfterSwap,
    /// `lifecycle.lower`.
    Lower,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Load => "load",
            Self::Start => "start",
            Self::Defaults => "defaults",
            Self::Configure => "configure",
            Self::Initialize => "initialize",
            Self::Routes => "routes",
            Self::HandleRoute => "handle-route",
            Self::HandleResponse => "handle-response",
            Self::HandleFinish => "handle-finish",
            Self::Call => "call",
            Self::HandleEvent => "handle-event",
            Self::HandleTask => "handle-task",
            Self::HandleTick => "handle-tick",
            Self::BeforeSwap => "before-swap",
            Self::AfterSwap => "after-swap",
            Self::Lower => "lower",
        })
    }
}

/// What a hook said when it returned an error: the WIT record `types.error` in plain types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookError {
    /// Stable code, empty for `E_HOOK_ERROR`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The status that the client gets.
    pub status: Option<u16>,
    /// JSON for the log.
    pub details: Option<String>,
}

/// One thing that went wrong. As wide as a pointer: every call into a hook may return one, and nearly
/// none does.
#[derive(Debug)]
pub struct Failure(Box<What>);

/// What a [`Failure`] says.
#[derive(Debug)]
pub struct What {
    /// The row of the table.
    pub code: Code,
    /// Whose call it was, where a hook's was.
    pub hook: Option<(std::sync::Arc<str>, Phase)>,
    /// The operator's text: cause and remedy.
    pub cause: Cow<'static, str>,
    /// What the hook itself said, where it returned an error.
    pub said: Option<HookError>,
    /// The wasm backtrace, where there is one.
    pub backtrace: Option<String>,
    /// When the client may try again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of this kind, with the operator's text.
    pub fn new(code: Code, cause: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(What {
            code,
            hook: None,
            cause: cause.into(),
            said: None,
            backtrace: None,
            retry_after: None,
        }))
    }

    /// The same failure, in a call into this hook.
    #[must_use]
    pub fn in_hook(mut self, hook: &std::sync::Arc<str>, phase: Phase) -> Self {
        self.hook = Some((hook.clone(), phase));
        self
    }

    /// The status that the client gets. A hook's own choice counts where it is an error's.
    pub fn status(&self) -> StatusCode {
        let table = self.code.row().1;
        let wanted =
            self.said.as_ref().and_then(|said| said.status).filter(|s| (400..600).contains(s));
        StatusCode::from_u16(wanted.unwrap_or(table)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code that the client gets.
    pub fn code_text(&self) -> &str {
        match &self.said {
            Some(said) if !said.code.is_empty() => &said.code,
            _ => self.code.row().0,
        }
    }

    /// Whether `on_failure = "skip"` may pass over it. A hook that chose a 4xx has answered, and a full
    /// queue is a matter of load, not of the hook.
    pub fn may_be_skipped(&self) -> bool {
        self.hook.is_some()
            && self.is_server_error()
            && !matches!(self.code, Code::HookBusy | Code::ExchangeTimeout | Code::Draining)
    }

    /// Whether the log has it already. A hook that is busy says so once in a while: a line for each call
    /// that it refuses would make an overload worse.
    pub fn is_logged(&self) -> bool {
        self.code == Code::HookBusy
    }

    /// Whether it is the server's fault or a hook's, and so worth an error in the log.
    pub fn is_server_error(&self) -> bool {
        self.status().is_server_error()
    }

    /// What a client may read. The type of the table's column makes it safe; a hook's own words go
    /// out only where the hook chose a 4xx: it then speaks to the client.
    fn public_text(&self) -> &str {
        match &self.said {
            Some(said) if self.status().is_client_error() && !said.message.is_empty() => {
                &said.message
            }
            _ => self.code.row().2,
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::new(Code::BadRequest, error.to_string())
    }
}

impl From<MatchError> for Failure {
    fn from(error: MatchError) -> Self {
        let code = match error {
            MatchError::Steps { .. } => Code::Internal,
            _ => Code::BadRequest,
        };
        Self::new(code, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((hook, phase)) = &self.hook {
            write!(out, "hook `{hook}`: {phase}: ")?;
        }
        out.write_str(&self.cause)
    }
}

impl std::error::Error for Failure {}

impl Deref for Failure {
    type Target = What;

    fn deref(&self) -> &What {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut What {
        &mut self.0
    }
}

/// What of the request decides how an error response looks.
#[derive(Clone, Copy)]
pub struct Audience<'a> {
    /// In which form the client would have it.
    pub form: Form,
    /// Whether details may be shown.
    pub development: bool,
    /// The id that the log has too.
    pub request_id: &'a dyn fmt::Display,
}

/// Whether a request asks for JSON: `Accept` names it, or the request came by `XMLHttpRequest`.
fn wants_json(headers: &HeaderMap) -> bool {
    let mentions = |name: http::HeaderName, what: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value
                .as_bytes()
                .windows(what.len())
                .any(|part| part.eq_ignore_ascii_case(what.as_bytes()))
        })
    };
    mentions(http::header::ACCEPT, "json")
        || mentions(http::HeaderName::from_static("x-requested-with"), "xmlhttprequest")
}

/// A form of an error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/problem+json`.
    Json,
    /// A page, which there is in development alone: plain text everywhere else.
    Page,
    /// Plain text.
    Text,
}

impl Form {
    /// What a request asks for. Who mentions JSON gets that, whatever else is mentioned (Sails A8.5).
    pub fn wanted(headers: &HeaderMap) -> Self {
        match wants_json(headers) {
            true => Self::Json,
            false if page::wants_html(headers) => Self::Page,
            false => Self::Text,
        }
    }
}

/// Makes the response of a failure: `application/problem+json` (RFC 9457) where JSON is wanted, a page for
/// browsers in development, plain text otherwise. Details, the operator's text and the backtrace, are for development alone.
pub fn respond(failure: &Failure, audience: Audience<'_>) -> http::Response<Body> {
    let status = failure.status();
    let title = status.canonical_reason().unwrap_or("Error");
    let id = audience.request_id.to_string();
    let mut response = match audience.form {
        Form::Page if audience.development => explained(failure, title, &id),
        _ => plain(failure, title, &id, audience),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // What is left of the body is not read, so no other request can follow it. Who is not told
        // sends one and loses it.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(after) = failure.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    response
}

/// The page of a failure, with all that is known of it.
fn explained(failure: &Failure, title: &str, id: &str) -> http::Response<Body> {
    let mut facts = vec![("status", format!("{} {title}", failure.status().as_u16()))];
    facts.push(("code", failure.code_text().to_owned()));
    if let Some((hook, phase)) = &failure.hook {
        facts.extend([("hook", hook.to_string()), ("phase", phase.to_string())]);
    }
    facts.push(("request", id.to_owned()));
    let mut texts = vec![("cause", failure.cause.to_string())];
    texts.extend(failure.backtrace.clone().map(|backtrace| ("backtrace", backtrace)));
    let details = failure.said.as_ref().and_then(|said| said.details.clone());
    texts.extend(details.map(|details| ("details", details)));
    let lead = match failure.is_server_error() {
        true => "The log has it too, under the id of the request.",
        false => "",
    };
    Page { title: failure.public_text(), lead, facts, texts, changes: None }
        .response(failure.status())
}

/// JSON or text.
fn plain(failure: &Failure, title: &str, id: &str, audience: Audience<'_>) -> http::Response<Body> {
    let (status, code) = (failure.status(), failure.code_text());
    let (content_type, body) = if audience.form == Form::Json {
        let mut problem = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": failure.public_text(),
            "code": code,
            "request_id": id,
        });
        if audience.development {
            problem["cause"] = failure.to_string().into();
            if let Some(backtrace) = &failure.backtrace {
                problem["backtrace"] = backtrace.lines().collect::<Vec<_>>().into();
            }
            if let Some(details) = failure.said.as_ref().and_then(|said| said.details.as_deref()) {
                problem["details"] = serde_json::from_str(details).unwrap_or_default();
            }
        }
        ("application/problem+json", problem.to_string())
    } else {
        let mut text = format!("{title}\n\n{}\n{code}\nrequest {id}\n", failure.public_text());
        if audience.development {
            text.push_str(&format!("\n{failure}\n"));
            if let Some(backtrace) = &failure.backtrace {
                text.push_str(backtrace);
            }
        }
        ("text/plain; charset=utf-8", text)
    };
    let mut response = http::Response::new(Body::whole(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Audience<'_> = Audience { form: Form::Text, development: false, request_id: &"7" };

    fn said(status: Option<u16>) -> Failure {
        let mut failure = Failure::new(Code::HookError, "returned an error: no");
        failure.said =
            Some(HookError { code: "E_NO".into(), message: "no".into(), status, details: None });
        failure
    }

    #[test]
    fn a_hooks_error_is_a_500_that_does_not_repeat_its_words() {
        assert_eq!(said(None).status(), 500);
        assert_eq!(said(None).public_text(), "a hook failed");
    }

    #[test]
    fn a_hook_that_chooses_a_4xx_speaks_to_the_client() {
        assert_eq!(said(Some(403)).status(), 403);
        assert_eq!(said(Some(403)).public_text(), "no");
        assert_eq!(said(Some(403)).code_text(), "E_NO");
    }

    #[test]
    fn a_hook_cannot_choose_a_success() {
        assert_eq!(said(Some(200)).status(), 500);
    }

    #[test]
    fn outside_development_a_client_never_sees_the_cause() {
        let response = respond(&Failure::new(Code::Internal, "password is hunter2"), QUIET);
        let Body::Whole(text) = response.into_body() else { panic!("an error has a body") };
        assert!(!String::from_utf8_lossy(&text).contains("hunter2"));
    }

    #[test]
    fn a_browser_gets_a_page_in_development_alone() {
        let failure = Failure::new(Code::Internal, "password is hunter2");
        let browser = Audience { form: Form::Page, ..QUIET };
        for (audience, content_type, is_explained) in [
            (browser, "text/plain; charset=utf-8", false),
            (Audience { development: true, ..browser }, "text/html; charset=utf-8", true),
        ] {
            let response = respond(&failure, audience);
            assert_eq!(
                (response.status().as_u16(), &response.headers()["x-request-id"]),
                (500, &HeaderValue::from_static("7"))
            );
            assert_eq!(response.headers()[CONTENT_TYPE], content_type);
            let Body::Whole(text) = response.into_body() else { panic!("an error has a body") };
            assert_eq!(String::from_utf8_lossy(&text).contains("hunter2"), is_explained);
        }
    }

    #[test]
    fn a_busy_hook_says_when_to_try_again() {
        let mut failure = Failure::new(Code::HookBusy, "queue full");
        failure.retry_after = Some(Duration::from_millis(200));
        assert_eq!(respond(&failure, QUIET).headers()[RETRY_AFTER], "1");
    }
}
