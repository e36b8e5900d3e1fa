//! Does what `wasi:http/outgoing-handler` 0.2 asks, for the HTTP libraries of guest languages: their requests
//! go through the same [`Client`](crate::fetch::Client) as those of the `fetch` import, with the same grants
//! and limits.
//!
//! It follows no redirects: libraries do that by themselves, and each is a request like any other. Timeouts
//! that they ask for hold up to the call's own; connecting has the server's `connect_timeout`.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{EXPECT, TE, TRAILER};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::fetch::{Fetches, client};
use super::{Context, State};
use crate::body::Body;
use crate::fetch::{Bounds, FetchError, Hop};
use crate::sandbox::limits::Allowance;

/// What an instance sends requests with, by whichever import.
pub(super) struct Outgoing {
    pub(super) fetches: Fetches,
    context: Arc<Context>,
}

type Sent<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

impl Outgoing {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { fetches: Fetches::default(), context }
    }

    /// Begins a call.
    pub(super) fn refill(&mut self, allowance: &Allowance) {
        self.fetches.refill(allowance);
    }

    /// What a request needs ahead of being sent.
    fn prepare(
        &mut self,
        request: &http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<(Hop, Bounds), FetchError> {
        let hop = Hop::new(request.method().clone(), &request.uri().to_string())?;
        let limits = &self.context.limits;
        self.fetches.count(limits, &self.context.tally)?;
        let mut bounds = self.fetches.bounds(limits, options.first_byte_timeout);
        let pause = options.between_bytes_timeout.unwrap_or(Duration::MAX);
        bounds.pause = bounds.pause.min(pause);
        Ok((hop, bounds))
    }
}

impl WasiHttpHooks for Outgoing {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name) || matches!(*name, EXPECT | TE | TRAILER)
        })
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Sent<()>,
    ) -> Sent<(http::Response<WasiBody>, Sent<()>)> {
        let prepared = self.prepare(&request, options.unwrap_or_default());
        let context = self.context.clone();
        Box::new(async move {
            let sent = async {
                let request = settled(request, context.limits.wall).await;
                let (hop, bounds) = prepared?;
                let client = client(&context, &hop)?;
                client.send(&hop.origin, &hop.url, request, bounds).await
            };
            let response = sent.await.map_err(|error| {
                context.tally.fetch_failed();
                // The guest gets a code alone.
                let why = error.to_string();
                let why = context.shared().redactor.clean(&why);
                tracing::debug!(hook = %context.name, "a request by `wasi:http` failed: {why}");
                code(error)
            })?;
            let response = response.map(|body| body.map_err(code).boxed_unsync());
            let done: Sent<()> = Box::new(std::future::ready(Ok(())));
            Ok((response, done))
        })
    }
}

/// A request of which it is known whether it has a body, if it is one that seldom has: libraries write an
/// empty one all the same, which would go out as one of unknown length, and some servers refuse that of a
/// GET. It also lets a library finish its request before it is told that it was refused.
async fn settled(request: http::Request<WasiBody>, pause: Duration) -> http::Request<Body> {
    let mut request = request.map(Body::stream);
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        // Whatever came, or went wrong, is found again in the body when it is sent.
        let _ = request.body_mut().gather(0, pause).await;
    }
    request
}

/// What WASI calls an error.
fn code(error: FetchError) -> Error {
    match error {
        FetchError::Request(_) => Error::HttpRequestUriInvalid,
        FetchError::NotGranted { .. } | FetchError::MethodNotGranted { .. } => {
            Error::HttpRequestDenied
        }
        FetchError::Refused { .. } => Error::DestinationIpProhibited,
        FetchError::Timeout { .. } => Error::ConnectionReadTimeout,
        FetchError::RequestTooLarge(limit) => Error::HttpRequestBodySize(Some(limit)),
        FetchError::ResponseTooLarge { limit, .. } => Error::HttpResponseBodySize(Some(limit)),
        FetchError::Limit(_) => Error::ConnectionLimitReached,
        failed @ (FetchError::Failed { .. } | FetchError::Redirects { .. }) => {
            Error::InternalError(Some(failed.to_string()))
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (ctx, table) = self.wasi.http();
        WasiHttpCtxView { hooks: &mut self.outgoing, table, ctx }
    }
}
