//! Ends an exchange: counts what went to the client, and when the last byte is out, or the client
//! has gone, runs `handle-finish` of the hooks that asked and writes the access log.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::app::Doer;
use crate::body::{Body, BoxError};
use crate::chain::Journey;
use crate::exchange::{Exchange, Facts, Stage};

/// What is still to be done for an exchange. Dropping it does it: the client left before the end.
#[derive(Debug)]
pub(crate) struct Finish {
    journey: Option<Journey>,
    bytes_sent: u64,
    completed: bool,
}

impl Finish {
    /// The end of this journey. Where nobody asks about it there is nothing to do.
    pub(crate) fn new(journey: Journey, wanted: bool) -> Self {
        Self { journey: wanted.then_some(journey), bytes_sent: 0, completed: false }
    }

    /// The end has come.
    pub(crate) fn done(mut self, bytes_sent: u64, completed: bool) {
        self.bytes_sent = bytes_sent;
        self.completed = completed;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let Some(mut journey) = self.journey.take() else { return };
        let Some(mut exchange) = journey.take() else { return };
        exchange.stage = Stage::Finished;
        exchange.outcome = Facts {
            bytes_sent: self.bytes_sent,
            elapsed: exchange.request.started.elapsed(),
            completed: self.completed,
        };
        if journey.app.config.server.access_log {
            access(&exchange);
        }
        if journey.reached.is_empty() {
            return;
        }
        // Without a runtime the process is ending, and so is everything that could hear of this.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let afterwards = journey.app.afterwards.clone();
            afterwards.spawn_on(finish(journey, exchange), &runtime);
        }
    }
}

/// Calls `handle-finish`, the last hook first, as for responses.
async fn finish(journey: Journey, mut exchange: Box<Exchange>) {
    for index in journey.reached.iter().rev() {
        let Doer::Hook { hook, route, observes_finish: true, .. } =
            &journey.app.steps[*index as usize].doer
        else {
            continue;
        };
        let (back, result) = hook.handle_finish(*route, exchange).await;
        exchange = back;
        if let Err(failure) = result {
            tracing::error!(request = %exchange.request.id, "{failure}");
        }
    }
}

fn access(exchange: &Exchange) {
    let Exchange { request, response, outcome, .. } = exchange;
    let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    tracing::info!(
        target: "boathook::access",
        request = %request.id,
        ip = %request.ip,
        status = response.status.as_u16(),
        bytes = outcome.bytes_sent,
        ms = outcome.elapsed.as_micros() as f64 / 1000.0,
        completed = outcome.completed,
        "{} {}{query}",
        request.method,
        request.path.as_str(),
    );
}

/// A body that counts its bytes, and knows its end.
pub(crate) struct Counted {
    body: Body,
    finish: Finish,
}

impl Counted {
    /// Wraps a response's body; an empty one has ended already.
    pub(crate) fn body(body: Body, finish: Finish) -> Body {
        if body.is_end_stream() {
            finish.done(0, true);
            return body;
        }
        Body::stream(Self { body, finish })
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                self.finish.bytes_sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.finish.completed = self.body.is_end_stream();
            }
            Some(Err(_)) => {}
            None => self.finish.completed = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
