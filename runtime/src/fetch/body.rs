//! Holds the bodies of fetches to their limits: in bytes, and between two pieces.
//!
//! Nothing is read ahead of whoever wants it: what is over a limit stays in the socket's buffers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use super::error::FetchError;
use crate::body::Body;
use crate::causes::Chain;

/// A request's body that ends with an error when it is over the limit.
pub(super) struct Outgoing<B> {
    body: B,
    left: u64,
    limit: u64,
}

/// A request's body is over the limit.
#[derive(Debug, thiserror::Error)]
#[error("the body is over {0} bytes")]
pub(super) struct TooLarge(pub(super) u64);

impl<B> Outgoing<B> {
    pub(super) fn new(body: B, limit: u64) -> Self {
        Self { body, left: limit, limit }
    }
}

impl<B> http_body::Body for Outgoing<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<crate::body::BoxError>,
{
    type Data = Bytes;
    type Error = crate::body::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(TooLarge(self.limit).into()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body.
pub struct Answer {
    body: Body,
    origin: Arc<str>,
    left: u64,
    limit: u64,
    pause: Duration,
    /// Runs while it keeps us waiting.
    timer: Option<Pin<Box<Sleep>>>,
    over: bool,
    /// The request is on its way until its answer is read or given up.
    _permit: OwnedSemaphorePermit,
}

impl Answer {
    pub(super) fn new(
        body: Body,
        origin: Arc<str>,
        limit: u64,
        pause: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { body, origin, left: limit, limit, pause, timer: None, over: false, _permit: permit }
    }

    fn too_large(&self) -> FetchError {
        FetchError::ResponseTooLarge { origin: self.origin.to_string(), limit: self.limit }
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FetchError>>> {
        // A length that is told is refused before a byte is read.
        if self.body.size_hint().lower() > self.left {
            return Poll::Ready(Some(Err(self.too_large())));
        }
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(context) else {
            let (pause, origin) = (self.pause, &self.origin);
            let timer =
                self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + pause)));
            ready!(timer.as_mut().poll(context));
            let what = "nothing more of the body came";
            let late = FetchError::Timeout { origin: origin.to_string(), what, limit: pause };
            return Poll::Ready(Some(Err(late)));
        };
        self.timer = None;
        let Some(frame) = next else { return Poll::Ready(None) };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                let cause = format!("the body broke off: {}", Chain(&*error));
                let origin = self.origin.to_string();
                return Poll::Ready(Some(Err(FetchError::Failed { origin, cause })));
            }
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(self.too_large()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = FetchError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FetchError>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_next(context));
        self.over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
