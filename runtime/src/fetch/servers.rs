//! Answers hooks' requests without any network: what a test puts in the place of other servers.
//!
//! Grants, counts, limits of bodies and redirects hold all the same; addresses and connections there are none.

use std::fmt;

use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::body::{Outgoing, TooLarge};
use super::grant::Origin;
use super::{Bounds, FetchError};
use crate::body::Body;
use crate::causes::find;

/// Other servers, all of them.
pub trait Servers: fmt::Debug + Send + Sync {
    /// Answers a request, whose URI is whole.
    ///
    /// # Errors
    /// Where no answer is to come.
    fn answer(&self, request: &http::Request<Bytes>) -> Result<http::Response<Bytes>, Unanswered>;
}

/// Why no answer comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The server cannot be reached, or breaks off.
    Failed(String),
    /// It takes too long.
    TooLate,
}

/// Asks what stands in the place of the network.
pub(super) async fn ask(
    servers: &dyn Servers,
    origin: &Origin,
    request: http::Request<Outgoing<Body>>,
    bounds: Bounds,
) -> Result<http::Response<Body>, FetchError> {
    let failed = |cause| FetchError::Failed { origin: origin.to_string(), cause };
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| match find::<TooLarge>(&*error) {
        Some(TooLarge(limit)) => FetchError::RequestTooLarge(*limit),
        None => failed(error.to_string()),
    })?;
    let request = http::Request::from_parts(head, body.to_bytes());
    match servers.answer(&request) {
        Ok(response) => Ok(response.map(Body::whole)),
        Err(Unanswered::Failed(cause)) => Err(failed(cause)),
        Err(Unanswered::TooLate) => {
            let (origin, what) = (origin.to_string(), "no answer came");
            Err(FetchError::Timeout { origin, what, limit: bounds.time })
        }
    }
}
