//! Decides which headers go over to an upstream and back, and which stay.
//!
//! Hop-by-hop headers (RFC 9110 section 7.6.1) are about one connection and are never passed on,
//! those that `Connection` names included. `Trailer` is passed on, and of `TE` what says that trailers
//! are welcome, because trailers are.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::Hop;
use crate::exchange::Request;
use crate::target::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// Removes what is about one connection.
pub(super) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
            .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// The protocol that the client wants to change to, if it is one that a tunnel can carry.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let meant = tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    // A change to HTTP/2 is about this connection, and requests would pass the router by.
    let is_http2 = protocol.as_bytes().get(..2).is_some_and(|it| it.eq_ignore_ascii_case(b"h2"));
    (meant && !is_http2).then(|| protocol.clone())
}

/// The headers that go out, without `Host`.
pub(super) fn outgoing(request: &Request, hop: Hop) -> HeaderMap {
    let mut headers = request.headers.clone();
    let wants_trailers = tokens(&headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    strip(&mut headers);
    if wants_trailers {
        headers.insert(TE, TRAILERS);
    }
    // A hook may have changed the body; hyper writes the length of what is really sent.
    headers.remove(CONTENT_LENGTH);
    // By reading the body we have told the client to go on.
    headers.remove(EXPECT);
    if !hop.trusted {
        // It says what `X-Forwarded-*` do, and nobody vouches for it.
        headers.remove(FORWARDED);
    }
    let address = hop.ip.to_string();
    let forwarded_for = if hop.trusted { joined(&headers, address) } else { address };
    set(&mut headers, X_FORWARDED_FOR, forwarded_for);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(request.scheme.as_str()));
    if !(hop.trusted && headers.contains_key(X_FORWARDED_HOST)) {
        match request.headers.get(HOST) {
            Some(host) => headers.insert(X_FORWARDED_HOST, host.clone()),
            None => headers.remove(X_FORWARDED_HOST),
        };
    }
    set(&mut headers, X_REQUEST_ID, request.id.to_string());
    if let Some(sent) =
        request.session_cookie.sent.as_ref().filter(|_| request.session_cookie.forwarded)
    {
        add_cookie(&mut headers, sent);
    }
    headers
}

/// Puts a cookie behind the others, in one line with them as far as there is one: not every server reads several.
fn add_cookie(headers: &mut HeaderMap, cookie: &HeaderValue) {
    let line = headers.get(COOKIE).and_then(|first| {
        HeaderValue::from_bytes(&[first.as_bytes(), cookie.as_bytes()].join(&b"; "[..])).ok()
    });
    let line = line.unwrap_or_else(|| cookie.clone());
    match headers.get_mut(COOKIE) {
        Some(first) => *first = line,
        None => drop(headers.insert(COOKIE, line)),
    }
}

/// What `X-Forwarded-For` says already, and one more address.
fn joined(headers: &HeaderMap, address: String) -> String {
    let mut list = String::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        if let Ok(text) = value.to_str() {
            list.push_str(text);
            list.push_str(", ");
        }
    }
    list.push_str(&address);
    list
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // Addresses, ids and what came in a header are fit for one.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The members of a list header, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}
