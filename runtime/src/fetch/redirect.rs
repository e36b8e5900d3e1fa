//! Says what becomes of a request that was redirected: RFC 9110, 15.4. Pure.
//!
//! Whether the next hop may be fetched at all is asked anew for each: see [`super::Client`].

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::Hop;
use super::error::FetchError;
use super::grant::Origin;

/// What must not go to another origin: it was meant for the first.
const SENSITIVE: [HeaderName; 4] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE];
/// What describes a body that is no longer sent.
const OF_A_BODY: [HeaderName; 5] =
    [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION];

/// Turns a request into the one that follows this response. False where the response is no redirect.
///
/// # Errors
/// If what it points to is no URL.
pub(super) fn follow(
    hop: &mut Hop,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<bool, FetchError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(false);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(false) };
    let failed = |cause: String| FetchError::Failed { origin: hop.origin.to_string(), cause };
    let text = location.to_str().map_err(|_| failed("its `location` is no text".into()))?;
    let mut next =
        hop.url.join(text).map_err(|error| failed(format!("its `location` is no URL: {error}")))?;
    // It is the client's matter, and is kept across redirects where the new one has none; none is sent.
    next.set_fragment(None);
    if !next.username().is_empty() || next.password().is_some() {
        return Err(failed("its `location` has credentials in it".into()));
    }
    let origin = Origin::of(&next)
        .map_err(|why| failed(format!("its `location` cannot be fetched: {why}")))?;
    if origin != hop.origin {
        SENSITIVE.iter().for_each(|name| drop(hop.headers.remove(name)));
    }
    if becomes_get(&hop.method, status) {
        hop.method = Method::GET;
        hop.body.clear();
        OF_A_BODY.iter().for_each(|name| drop(hop.headers.remove(name)));
    }
    (hop.url, hop.origin) = (next, origin);
    Ok(true)
}

/// A 303 asks for the result by GET; a 301 and a 302 ask for the same request, and every client of old has
/// made GET of a POST there, which the RFC allows.
fn becomes_get(method: &Method, status: StatusCode) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method != Method::GET && *method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;
    use url::Url;

    use super::*;

    fn hop(method: Method) -> Hop {
        let url = Url::parse("https://a.test/one/two?q").unwrap();
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE, CONTENT_TYPE, HeaderName::from_static("x-own")] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        let origin = Origin::of(&url).unwrap();
        Hop { method, url, origin, headers, body: Bytes::from_static(b"body") }
    }

    fn followed(
        mut hop: Hop,
        status: u16,
        location: &'static str,
    ) -> Result<(bool, Hop), FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static(location));
        let is = follow(&mut hop, StatusCode::from_u16(status).unwrap(), &headers)?;
        Ok((is, hop))
    }

    #[test]
    fn a_location_is_read_as_the_rfc_has_it() {
        for (location, wanted) in [
            ("three", "https://a.test/one/three"),
            ("../x", "https://a.test/x"),
            ("/abs?y", "https://a.test/abs?y"),
            ("?z", "https://a.test/one/two?z"),
            ("//b.test/p", "https://b.test/p"),
            ("http://c.test:81/#part", "http://c.test:81/"),
        ] {
            let (is, hop) = followed(hop(Method::GET), 302, location).unwrap();
            assert!(is);
            assert_eq!(hop.url.as_str(), wanted, "{location}");
        }
    }

    #[test]
    fn methods_change_as_the_rfc_has_it_and_with_them_the_body_goes() {
        for (method, status, wanted) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::DELETE, 308, Method::DELETE),
        ] {
            let (_, hop) = followed(hop(method.clone()), status, "/x").unwrap();
            assert_eq!(hop.method, wanted, "{method} {status}");
            let kept = method == wanted;
            assert_eq!(hop.body.is_empty(), !kept);
            assert_eq!(hop.headers.contains_key(CONTENT_TYPE), kept);
            assert!(hop.headers.contains_key(AUTHORIZATION), "it is the same origin");
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        for location in
            ["https://b.test/", "http://a.test/", "https://a.test:444/", "//www.a.test/"]
        {
            let (_, hop) = followed(hop(Method::GET), 307, location).unwrap();
            assert!(!hop.headers.contains_key(AUTHORIZATION), "{location}");
            assert!(!hop.headers.contains_key(COOKIE), "{location}");
            assert!(hop.headers.contains_key("x-own"), "{location}");
        }
    }

    #[test]
    fn other_answers_are_no_redirects() {
        for status in [200, 201, 300, 304, 305, 306, 400] {
            assert!(!followed(hop(Method::GET), status, "/x").unwrap().0, "{status}");
        }
        let none = follow(&mut hop(Method::GET), StatusCode::FOUND, &HeaderMap::new());
        assert!(!none.unwrap());
    }

    #[test]
    fn what_cannot_be_fetched_is_an_error() {
        for location in ["ftp://a.test/", "javascript:1", "https://u:p@a.test/", "http://[::1"] {
            let error = followed(hop(Method::GET), 302, location).unwrap_err();
            assert_eq!(error.code(), "E_FETCH_FAILED", "{location}");
        }
    }
}
