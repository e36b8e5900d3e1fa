//! Lets bodies through, uncopied, as long as they keep coming.
//!
//! The limit is on the time between two pieces, not on the whole. Its timer is made when a body first
//! keeps us waiting, which short ones never do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::body::BoxError;
use crate::target::Reserved;

/// A body under a limit.
pub(super) struct Paced<B> {
    body: B,
    limit: Duration,
    waiting: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// For a client's body: how it gets on.
    progress: Option<Arc<Progress>>,
    /// What trailers must not have.
    reserved: Reserved,
}

/// How sending a request's body gets on.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    last_ms: AtomicU64,
    waits_for_client: AtomicBool,
}

/// It was the client that did not send its body to the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientFault {
    #[error("client sent nothing of its body for {0:?}")]
    Stalled(Duration),
    #[error("client broke off its body")]
    Broke(#[source] BoxError),
}

/// The upstream stopped in the middle of its body.
#[derive(Debug, thiserror::Error)]
#[error("upstream sent nothing of its body for {0:?}")]
pub(super) struct UpstreamStalled(Duration);

impl<B> Paced<B> {
    pub(super) fn from_client(
        body: B,
        limit: Duration,
        progress: Arc<Progress>,
        reserved: Reserved,
    ) -> Self {
        Self { body, limit, waiting: false, timer: None, progress: Some(progress), reserved }
    }

    pub(super) fn from_upstream(body: B, limit: Duration) -> Self {
        Self {
            body,
            limit,
            waiting: false,
            timer: None,
            progress: None,
            reserved: Reserved::default(),
        }
    }

    /// Whether the body has kept us waiting too long.
    fn poll_limit(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            let deadline = Instant::now() + self.limit;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(Box::pin(sleep_until(deadline))),
            }
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => {
                this.waiting = false;
                frame.map(|frame| frame.map_err(Into::into))
            }
            Poll::Pending => {
                if this.poll_limit(context).is_pending() {
                    if let Some(progress) = &this.progress {
                        progress.note(true);
                    }
                    return Poll::Pending;
                }
                Some(Err(match this.progress {
                    Some(_) => ClientFault::Stalled(this.limit).into(),
                    None => UpstreamStalled(this.limit).into(),
                }))
            }
        };
        let Some(progress) = &this.progress else { return Poll::Ready(frame) };
        progress.note(false);
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map(|mut frame| {
                if let Some(trailers) = frame.trailers_mut() {
                    this.reserved.strip(trailers);
                }
                frame
            });
            frame.map_err(|error| match error.downcast::<ClientFault>() {
                Ok(fault) => fault as BoxError,
                Err(error) => ClientFault::Broke(error).into(),
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            last_ms: AtomicU64::new(0),
            waits_for_client: AtomicBool::new(false),
        }
    }

    /// Since when the upstream keeps us waiting; now, if it is the client that does.
    pub(super) fn since(&self) -> Instant {
        if self.waits_for_client.load(Relaxed) {
            return Instant::now();
        }
        self.started + Duration::from_millis(self.last_ms.load(Relaxed))
    }

    fn note(&self, waits_for_client: bool) {
        self.waits_for_client.store(waits_for_client, Relaxed);
        self.last_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }
}
