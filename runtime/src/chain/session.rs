//! A session's way through an exchange: what an upstream says of its cookie, and the end, where it is written
//! and the client told of it.

use http::header;

use super::{Calls, Journey, fail};
use crate::body::Body;
use crate::error::{Code, Failure};

/// Keeps from hooks what an upstream says of the session's cookie.
pub(super) fn hold_back(journey: &mut Journey, answer: &mut http::Response<Body>) {
    if let (Some(sessions), Some(exchange)) = (&journey.app.shared.sessions, &mut journey.exchange)
    {
        sessions.hold_back(answer.headers_mut(), &mut exchange.request);
    }
}

/// Has the session written, if a hook has changed it, while the response's head can still say so. A client
/// that leaves now does not leave half of it behind.
pub(super) async fn keep(journey: &mut Journey, calls: &Calls) {
    let exchange = journey.exchange();
    let mut cookies = std::mem::take(&mut exchange.request.session_cookie.answered);
    if let Some(mut session) = exchange.session.take() {
        let scheme = exchange.request.scheme;
        let app = journey.app.clone();
        let Some(sessions) = &app.shared.sessions else { return };
        calls.begin();
        let kept = Box::pin(sessions.keep(&mut session, scheme)).await;
        calls.end();
        match kept {
            // Two of one name would be a matter of luck.
            Ok(Some(cookie)) => cookies = vec![cookie],
            Ok(None) => {}
            Err(error) => fail(journey, &Failure::new(Code::SessionStore, error.to_string())),
        }
        // Those who hear of the end may read it.
        journey.exchange().session = Some(session);
    }
    for cookie in cookies {
        journey.exchange().response.headers.append(header::SET_COOKIE, cookie);
    }
}
