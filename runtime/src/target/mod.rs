//! Defines what answers a request where no hook does: the targets of the app's own routes.
//!
//! A target gets the request as the hooks before it left it and gives a response, or says that it has
//! none ([`Directory`] alone does). It knows nothing of hooks, of the chain or of the client's
//! connection. What a hook or a component answers is not here: those are run by the sandbox.

mod upstream;

mod directory;
mod reserved;
mod tunnel;

use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::body::Body;
use crate::exchange::Exchange;

pub use self::directory::{Directory, DirectoryError};
pub use self::reserved::Reserved;
pub use self::tunnel::{Tunnel, TunnelFacts};
pub use self::upstream::{Answer, Options as UpstreamOptions, Signer, Upstream, UpstreamError};

/// The addresses that a request came through, as proxies write them.
pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The scheme that the client used.
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client asked for.
pub(crate) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What answers a route without a hook.
#[derive(Debug)]
pub enum Target {
    /// Another server. It always answers.
    Upstream(Box<Upstream>),
    /// A folder of files. Where it has none, the chain goes on.
    Directory(Directory),
    /// A redirect to a fixed place.
    Redirect(Redirect),
    /// The same response every time.
    Fixed(Fixed),
    /// A function of this very process: what the bench suite holds hooks against. No configuration leads
    /// here, for it runs without sandbox and limits.
    Native(Native),
}

/// Does to an exchange what a hook's handler would. True where the answer stands in the response then,
/// false where the chain is to go on.
pub type Native = fn(&mut Exchange) -> bool;

/// A redirect to a fixed place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    location: HeaderValue,
}

/// The same response every time.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body. Cloning it copies nothing.
    pub body: bytes::Bytes,
}

/// A redirect that no client could follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// A status that does not redirect.
    #[error("not a status that redirects: {0}\nhint: 301, 302, 303, 307 or 308")]
    Status(u16),
    /// Not a URL: empty, or with blanks or control characters.
    #[error("not a place to redirect to: `{0}`")]
    Location(String),
}

impl Redirect {
    /// Sails' default, `302 Found`.
    pub const STATUS: u16 = 302;

    /// A redirect to this place, a path or a URL.
    ///
    /// # Errors
    /// When no client could follow it.
    pub fn new(location: &str, status: u16) -> Result<Self, RedirectError> {
        let status = match status {
            301 | 302 | 303 | 307 | 308 => StatusCode::from_u16(status).ok(),
            _ => None,
        }
        .ok_or(RedirectError::Status(status))?;
        let fit = !location.is_empty() && location.bytes().all(|byte| byte.is_ascii_graphic());
        let location = HeaderValue::from_str(location)
            .ok()
            .filter(|_| fit)
            .ok_or_else(|| RedirectError::Location(location.into()))?;
        Ok(Self { status, location })
    }

    /// The response.
    pub fn response(&self) -> http::Response<Body> {
        let mut response = http::Response::new(Body::Empty);
        *response.status_mut() = self.status;
        response.headers_mut().insert(LOCATION, self.location.clone());
        response
    }
}

impl Fixed {
    /// The response.
    pub fn response(&self) -> http::Response<Body> {
        let mut response = http::Response::new(Body::whole(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// The path without a prefix of whole segments, which the route that led here matched without regard
/// to case. Empty or with its slash. A path that does not begin so stays as it is.
fn strip_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    let prefix = prefix.trim_end_matches('/');
    let Some((head, rest)) = path.split_at_checked(prefix.len()) else { return path };
    let fits = head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'));
    if fits { rest } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_taken_off_by_whole_segments() {
        for (path, prefix, rest) in [
            ("/api/users", "/api", "/users"),
            ("/api/users", "/api/", "/users"),
            ("/API/users", "/api", "/users"),
            ("/api/", "/api", "/"),
            ("/api", "/api", ""),
            ("/apix", "/api", "/apix"),
            ("/other", "/api", "/other"),
            ("/a", "", "/a"),
            ("/a", "/", "/a"),
            ("/ä", "/a", "/ä"),
        ] {
            assert_eq!(strip_prefix(path, prefix), rest, "{path} {prefix}");
        }
    }

    #[test]
    fn only_what_a_client_can_follow_is_a_redirect() {
        let redirect = Redirect::new("/new?a=b", 301).unwrap().response();
        assert_eq!(
            (redirect.status().as_u16(), &redirect.headers()[LOCATION]),
            (301, &"/new?a=b".parse().unwrap())
        );
        assert_eq!(Redirect::new("/", 200), Err(RedirectError::Status(200)));
        for location in ["", "a b", "/\r\nset-cookie: a=b", "/ä"] {
            assert_eq!(Redirect::new(location, 302), Err(RedirectError::Location(location.into())));
        }
    }

    #[test]
    fn a_fixed_response_is_the_same_every_time() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("b"));
        let fixed = Fixed { status: StatusCode::GONE, headers, body: "gone".into() };
        for _ in 0..2 {
            let response = fixed.response();
            assert_eq!(
                (response.status(), &response.headers()["x-a"]),
                (StatusCode::GONE, &"b".parse().unwrap())
            );
            assert!(matches!(response.into_body(), Body::Whole(bytes) if bytes == "gone"));
        }
    }
}
