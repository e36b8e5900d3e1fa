//! Does what the `fetch` import asks: sends a hook's requests to other servers.
//!
//! What a hook hands over is read here; what may be sent where, and how, is [`crate::fetch`]'s matter.
//! [`Fetches`] counts them, for this import and for WASI's HTTP together.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Deserialize;
use tokio::time::Instant;

use super::blocks::{parse_block, write_block};
use super::{Context, GuestError, State, guest_error};
use crate::config::Limits;
use crate::fetch::{Bounds, Client, FetchError, Fetched, Hop, REDIRECTS_MAX, not_granted};
use crate::hook::Tally;
use crate::sandbox::Result as HostResult;
use crate::sandbox::bindings::boathook::hook::fetch::{Host, Request, Response};
use crate::sandbox::limits::Allowance;

/// What the fetches of one call have used, and what they may.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    made: u64,
    /// What the call may take.
    wall: Duration,
    until: Option<std::time::Instant>,
    /// When they must be over, and how long that was from the first one on.
    deadline: Option<(Instant, Duration)>,
}

impl Fetches {
    /// Begins a call.
    pub(super) fn refill(&mut self, allowance: &Allowance) {
        *self = Self { made: 0, wall: allowance.wall, until: allowance.until, deadline: None };
    }

    /// Counts a request.
    ///
    /// # Errors
    /// If it is one too many.
    pub(super) fn count(&mut self, limits: &Limits, tally: &Tally) -> Result<(), FetchError> {
        if self.made >= limits.fetches {
            return Err(FetchError::Limit(limits.fetches));
        }
        self.made += 1;
        tally.fetches();
        Ok(())
    }

    /// How far the next one may go. All of a call's end somewhat before the call itself would: a hook that
    /// is told of an error can do something about it, one that is ended cannot.
    pub(super) fn bounds(&mut self, limits: &Limits, timeout: Option<Duration>) -> Bounds {
        let now = Instant::now();
        let (until, time) = *self.deadline.get_or_insert_with(|| {
            let left = self.until.map(|until| until.saturating_duration_since(now.into_std()));
            let time = left.map_or(self.wall, |left| left.min(self.wall)) * 9 / 10;
            (now + time, time)
        });
        let bounds = Bounds { until, time, pause: time, body: limits.body };
        match timeout {
            Some(timeout) if now + timeout < until => {
                Bounds { until: now + timeout, time: timeout, pause: timeout, ..bounds }
            }
            _ => bounds,
        }
    }
}

/// What a hook says of a request beside the request.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    redirects: u32,
    /// Milliseconds.
    timeout: Option<u64>,
}

/// The longest time that a hook may name, so that adding it to a clock does not overflow. Its call ends
/// earlier anyhow.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

impl Host for State {
    async fn send(&mut self, request: Request) -> HostResult<Result<Response, GuestError>> {
        self.enter()?;
        self.reads().fetched = true;
        let sent = self.fetch(request).await;
        Ok(sent.map(answer).map_err(|error| {
            self.context.tally.fetch_failed();
            guest_error(error.code(), error.to_string(), Some(error.status()))
        }))
    }
}

impl State {
    async fn fetch(&mut self, request: Request) -> Result<Fetched, FetchError> {
        let options = options(&request.options)?;
        let hop = hop(request)?;
        let context = self.context.clone();
        let client = client(&context, &hop)?;
        let limits = &context.limits;
        let fetches = &mut self.outgoing.fetches;
        let timeout = options.timeout.map(|ms| Duration::from_millis(ms).min(TIMEOUT_MAX));
        let bounds = fetches.bounds(limits, timeout);
        let count = || fetches.count(limits, &context.tally);
        client.fetch(hop, options.redirects, bounds, count).await
    }
}

/// The client for a request of a hook.
///
/// # Errors
/// If it has none, because nothing is granted to it.
pub(super) fn client<'a>(context: &'a Context, hop: &Hop) -> Result<&'a Client, FetchError> {
    context.fetch.as_ref().ok_or_else(|| not_granted(&context.name, &hop.origin))
}

fn options(text: &str) -> Result<Options, FetchError> {
    let bad = |why: String| FetchError::Request(format!("the options: {why}"));
    let options: Options = match text {
        "" | "{}" => Options::default(),
        text => serde_json::from_str(text).map_err(|error| bad(error.to_string()))?,
    };
    if options.redirects > REDIRECTS_MAX {
        return Err(bad(format!("`redirects` is {REDIRECTS_MAX} at most")));
    }
    Ok(options)
}

fn hop(request: Request) -> Result<Hop, FetchError> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| FetchError::Request(format!("not a method: `{}`", request.method)))?;
    let fields = parse_block(request.headers, None)
        .map_err(|error| FetchError::Request(error.to_string()))?;
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        if name == http::header::HOST {
            let text = "header `host` is made of the URL, and cannot be set";
            return Err(FetchError::Request(text.into()));
        }
        headers.append(name, value);
    }
    let hop = Hop::new(method, &request.url)?;
    Ok(Hop { headers, body: Bytes::from(request.body), ..hop })
}

fn answer(fetched: Fetched) -> Response {
    let Fetched { status, url, headers, body } = fetched;
    Response {
        status: status.as_u16(),
        url: url.into(),
        headers: write_block(&headers),
        body: body.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fetches(wall: Duration) -> Fetches {
        Fetches { wall, ..Fetches::default() }
    }

    #[test]
    fn a_call_makes_as_many_as_it_may_and_the_next_call_as_many_again() {
        let (mut fetches, tally) = (fetches(SECOND), Tally::default());
        let limits = Limits { fetches: 2, ..Limits::default() };
        assert!(fetches.count(&limits, &tally).is_ok());
        assert!(fetches.count(&limits, &tally).is_ok());
        let error = fetches.count(&limits, &tally).unwrap_err();
        assert_eq!(error.code(), "E_FETCH_LIMIT");
        fetches.refill(&Allowance::lifecycle(SECOND));
        assert!(fetches.count(&limits, &tally).is_ok());
        assert_eq!(tally.totals(Default::default()).fetches, 3);
    }

    #[test]
    fn all_of_a_call_end_before_the_call_does() {
        let mut fetches = fetches(SECOND);
        let limits = Limits::default();
        let first = fetches.bounds(&limits, None);
        assert_eq!(first.time, SECOND * 9 / 10);
        assert_eq!(fetches.bounds(&limits, Some(60 * SECOND)).until, first.until);
        let short = fetches.bounds(&limits, Some(SECOND / 1000));
        assert!(short.until < first.until);
        let mut late = Fetches { until: Some(std::time::Instant::now()), ..fetches };
        late.deadline = None;
        assert_eq!(late.bounds(&limits, None).time, Duration::ZERO);
    }

    #[test]
    fn options_that_nobody_knows_are_refused() {
        for (text, said) in [
            ("{\"redirect\":1}", "unknown field `redirect`"),
            ("{\"redirects\":21}", "20 at most"),
            ("5", "the options"),
            ("{", "the options"),
        ] {
            let error = options(text).unwrap_err();
            assert_eq!(error.code(), "E_FETCH_REQUEST");
            assert!(error.to_string().contains(said), "{text}: {error}");
        }
        assert_eq!(options("{\"redirects\":3,\"timeout\":10}").unwrap().redirects, 3);
    }

    #[test]
    fn what_belongs_to_the_connection_is_refused() {
        for headers in ["host: a", "content-length: 3", "transfer-encoding: chunked", "x\r\n"] {
            let request = Request {
                method: "GET".into(),
                url: "https://a.test".into(),
                headers: headers.into(),
                body: Vec::new(),
                options: "{}".into(),
            };
            assert_eq!(hop(request).unwrap_err().code(), "E_FETCH_REQUEST", "{headers}");
        }
    }
}
