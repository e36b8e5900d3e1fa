//! Ends an exchange: counts what went to the client, and when the last byte is out, or the client
//! has gone, lets the tasks be run that hooks have deferred, runs `handle-finish` of the hooks that asked
//! and writes the access log.
//!
//! The end is the drop of the `Journey`, wherever that happens: with the response's body, with a tunnel,
//! or in the middle of the chain, when the client leaves.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::app::Doer;
use crate::body::{Body, BoxError};
use crate::chain::{Journey, Reached};
use crate::exchange::{Exchange, Facts, Stage};

impl Journey {
    /// Whether anybody wants to hear of the end.
    pub(crate) fn is_watched(&self) -> bool {
        let wants = |reached: &Reached| {
            matches!(self.app.steps[reached.index].doer, Doer::Hook { observes_finish: true, .. })
        };
        let has_deferred = |exchange: &Exchange| !exchange.deferred.is_empty();
        self.app.config.server.access_log
            || self.exchange.as_deref().is_some_and(has_deferred)
            || self.reached.iter().any(wants)
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if !self.is_watched() {
            return;
        }
        let Some(mut exchange) = self.exchange.take() else { return };
        exchange.release();
        exchange.stage = Stage::Finished;
        exchange.outcome = Facts {
            bytes_sent: self.bytes_sent,
            elapsed: exchange.request.started.elapsed(),
            completed: self.completed,
        };
        if self.app.config.server.access_log {
            access(&exchange);
        }
        let reached = std::mem::take(&mut self.reached);
        if reached.is_empty() {
            return;
        }
        // Without a runtime the process is ending, and so is everything that could hear of this.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let app = self.app.clone();
            let finish = async move {
                for reached in reached.into_iter().rev() {
                    exchange =
                        finish(&app.steps[reached.index].doer, reached.params, exchange).await;
                }
                exchange.release();
            };
            self.app.afterwards.spawn_on(finish, &runtime);
        }
    }
}

/// Calls `handle-finish`, if this one asked for it.
async fn finish(
    doer: &Doer,
    params: crate::router::Params,
    mut exchange: Box<Exchange>,
) -> Box<Exchange> {
    let Doer::Hook { hook, route, observes_finish: true, reads_body, .. } = doer else {
        return exchange;
    };
    exchange.params = params;
    exchange.reads_body = *reads_body;
    let (exchange, result) = hook.handle_finish(*route, exchange).await;
    if let Err(failure) = result
        && !failure.is_logged()
    {
        tracing::error!(request = %exchange.request.id, "{failure}");
    }
    exchange
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
    journey: Journey,
}

impl Counted {
    /// Wraps a response's body; an empty one has ended already.
    pub(crate) fn body(body: Body, mut journey: Journey) -> Body {
        if body.is_end_stream() {
            journey.completed = true;
            return body;
        }
        Body::stream(Self { body, journey })
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
                self.journey.bytes_sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.journey.completed = self.body.is_end_stream();
            }
            Some(Err(_)) => {}
            None => self.journey.completed = true,
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
