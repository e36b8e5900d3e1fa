//! Joins hyper and the handler: what hyper calls for every request.
//!
//! Nothing here allocates. The future and the body only carry the note that an exchange is in flight
//! from the head's arrival to the answer's last byte.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;

use super::Peer;
use super::watch::{InFlight, Watch};
use crate::body::{Body, BoxError};

/// The handler, for one connection.
pub(super) struct Handling<H> {
    pub(super) handler: H,
    pub(super) peer: Peer,
    pub(super) watch: Arc<Watch>,
}

pin_project! {
    /// The handler at work on one request.
    pub(super) struct Handled<F> {
        #[pin]
        answer: F,
        in_flight: Option<InFlight>,
    }
}

/// A body that is in flight until it is dropped.
pub(super) struct Tracked {
    body: Body,
    _in_flight: Option<InFlight>,
}

impl<H, F> Service<Request<Incoming>> for Handling<H>
where
    H: Fn(Request<Incoming>, Peer) -> F,
    F: Future<Output = Response<Body>>,
{
    type Response = Response<Tracked>;
    type Error = Infallible;
    type Future = Handled<F>;

    fn call(&self, mut request: Request<Incoming>) -> Handled<F> {
        let in_flight = Some(self.watch.begin());
        write_host(&mut request);
        Handled { answer: (self.handler)(request, self.peer), in_flight }
    }
}

/// Writes into `Host` what the request names in another place: RFC 9113 section 8.3.1 and RFC 9112
/// section 3.2.2 say that those win, and hooks and upstreams look at `Host`.
fn write_host(request: &mut Request<Incoming>) {
    let Some(authority) = request.uri().authority() else { return };
    // User information is no part of `Host`, and nobody's business.
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(host) {
        request.headers_mut().insert(HOST, host);
    }
}

impl<F: Future<Output = Response<Body>>> Future for Handled<F> {
    type Output = Result<Response<Tracked>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.answer.poll(context));
        let in_flight = this.in_flight.take();
        if let Some(in_flight) = &in_flight {
            in_flight.answered(response.status());
        }
        Poll::Ready(Ok(response.map(|body| Tracked { body, _in_flight: in_flight })))
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
