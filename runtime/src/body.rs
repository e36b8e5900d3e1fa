//! Defines the one body type that flows through the server: nothing, bytes, or a stream.
//!
//! Bodies that nobody reads stay what they were when they came in. The common cases are cases of an
//! enum, so that a short answer costs no allocation and no dynamic call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

/// Whatever a stream can fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Nothing came for so long.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {0:?}")]
pub struct Paused(pub Duration);

/// A request's or a response's body.
#[derive(Debug, Default)]
pub enum Body {
    /// No bytes at all.
    #[default]
    Empty,
    /// All bytes at hand.
    Whole(Bytes),
    /// What hyper reads from a connection.
    Incoming(Incoming),
    /// Any other stream.
    Stream(UnsyncBoxBody<Bytes, BoxError>),
    /// A stream that somebody began to gather.
    Partly(Box<Partly>),
}

/// The first part of a stream, read already, and the rest of it.
#[derive(Debug)]
pub struct Partly {
    head: VecDeque<Bytes>,
    rest: Body,
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self::incoming(body)
    }
}

impl Body {
    /// A body of any other type.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::Stream(body.map_err(Into::into).boxed_unsync())
    }

    /// What hyper reads from a connection; `Empty` where it knows already that there is nothing.
    pub fn incoming(body: Incoming) -> Self {
        if http_body::Body::is_end_stream(&body) { Self::Empty } else { Self::Incoming(body) }
    }

    /// A body of these bytes.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }

    /// Reads the body into memory, up to `limit` bytes, and returns them; the body then is `Whole`.
    /// None if it is longer: the body then gives the very same bytes from its start, those that
    /// were read first. Cancel safe: what was read stays in the body.
    ///
    /// # Errors
    /// When the stream fails on the way: the peer left, or broke its own framing. [`Paused`] when it
    /// sent nothing for `pause`.
    pub async fn gather(&mut self, limit: u64, pause: Duration) -> Result<Option<Bytes>, BoxError> {
        match self {
            Self::Empty => return Ok(Some(Bytes::new())),
            Self::Whole(bytes) if bytes.len() as u64 <= limit => return Ok(Some(bytes.clone())),
            Self::Whole(_) => return Ok(None),
            _ if http_body::Body::size_hint(self).lower() > limit => return Ok(None),
            _ => {}
        }
        let partly = self.partly();
        let mut length: u64 = partly.head.iter().map(|chunk| chunk.len() as u64).sum();
        while length <= limit {
            let next = tokio::time::timeout(pause, partly.rest.frame());
            let read = match next.await {
                Ok(Some(Err(error))) => {
                    // Whoever reads on must not take what was read so far for all of it.
                    partly.rest = Self::Stream(Broken(Some(error.to_string())).boxed_unsync());
                    return Err(error);
                }
                read => read.map_err(|_| Paused(pause))?.transpose()?,
            };
            let Some(frame) = read else {
                let bytes = partly.take_head();
                *self = Self::whole(bytes.clone());
                return Ok(Some(bytes));
            };
            // Trailers have no place in gathered bytes, and are dropped.
            if let Ok(data) = frame.into_data() {
                length += data.len() as u64;
                partly.head.push_back(data);
            }
        }
        Ok(None)
    }

    /// Turns a stream into one that remembers what was read of it.
    fn partly(&mut self) -> &mut Partly {
        if !matches!(self, Self::Partly(_)) {
            let rest = std::mem::take(self);
            *self = Self::Partly(Box::new(Partly { head: VecDeque::new(), rest }));
        }
        match self {
            Self::Partly(partly) => partly,
            _ => unreachable!("it was made one in the line above"),
        }
    }
}

/// The end of a stream that broke off: its error, once more.
struct Broken(Option<String>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.take().map(|error| Err(error.into())))
    }
}

impl Partly {
    fn take_head(&mut self) -> Bytes {
        if self.head.len() == 1 {
            return self.head.pop_front().unwrap_or_default();
        }
        let chunks: Vec<Bytes> = std::mem::take(&mut self.head).into();
        chunks.concat().into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Incoming(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Stream(body) => Pin::new(body).poll_frame(context),
            Self::Partly(partly) => match partly.head.pop_front() {
                Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
                None => Pin::new(&mut partly.rest).poll_frame(context),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Incoming(body) => body.is_end_stream(),
            Self::Stream(body) => body.is_end_stream(),
            Self::Partly(partly) => partly.head.is_empty() && partly.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Incoming(body) => body.size_hint(),
            Self::Stream(body) => body.size_hint(),
            Self::Partly(partly) => {
                let head: u64 = partly.head.iter().map(|chunk| chunk.len() as u64).sum();
                let rest = partly.rest.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(head + rest.lower());
                if let Some(upper) = rest.upper() {
                    hint.set_upper(head + upper);
                }
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, channel::Channel};

    const PAUSE: Duration = Duration::from_secs(10);

    /// A body of these chunks, of no declared length.
    fn chunks(parts: &[&'static str]) -> Body {
        let (mut sender, channel) = Channel::<Bytes, BoxError>::new(parts.len());
        for part in parts {
            sender.try_send(Frame::data(Bytes::from_static(part.as_bytes()))).unwrap();
        }
        Body::stream(channel)
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_gathered_whole() {
        let mut body = chunks(&["ab", "cd"]);
        assert_eq!(body.gather(4, PAUSE).await.unwrap().unwrap(), "abcd");
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_replayed_from_its_start() {
        let mut body = chunks(&["ab", "cd", "ef"]);
        assert!(body.gather(3, PAUSE).await.unwrap().is_none());
        assert!(body.gather(5, PAUSE).await.unwrap().is_none());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcdef");
    }

    #[tokio::test]
    async fn a_body_that_broke_off_never_passes_for_a_whole_one() {
        let (mut sender, channel) = Channel::<Bytes, BoxError>::new(2);
        sender.try_send(Frame::data(Bytes::from_static(b"ab"))).unwrap();
        sender.abort("broke off".into());
        let mut body = Body::stream(channel);
        assert!(body.gather(10, PAUSE).await.is_err());
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() {
        let mut body = Body::stream(Full::new(Bytes::from_static(b"abcdef")));
        assert!(body.gather(5, PAUSE).await.unwrap().is_none());
        assert!(matches!(body, Body::Stream(_)));
    }
}
