//! Keeps the cookie of sessions between the client and the server: hooks neither see nor set it, and
//! upstreams do so only where `session.forward` says it.
//!
//! It is taken out of a request before the first hook runs. Hooks that would set it are refused in `host/`,
//! by the two questions that are answered here.
//!
//! A request without a cookie costs one look into its headers, and an app without sessions nothing.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::Sessions;
use crate::exchange::Request;
use crate::log::and_more;

impl Sessions {
    /// The name of the cookie, which is not for hooks.
    pub fn cookie_name(&self) -> &str {
        &self.settings.name
    }

    /// Takes the cookie out of what hooks will see of a request.
    pub fn receive(&self, request: &mut Request) {
        request.session_cookie.sent = take_cookie(&mut request.headers, self.cookie_name());
        request.session_cookie.forwarded = self.settings.forward;
    }

    /// Takes out of an upstream's answer what it says of the cookie: it is for the client, where the two
    /// share it, and else for nobody.
    pub fn hold_back(&self, answer: &mut HeaderMap, request: &mut Request) {
        let name = self.cookie_name();
        let is_ours = |value: &HeaderValue| sets_cookie(value.as_bytes(), name);
        if !answer.get_all(SET_COOKIE).iter().any(is_ours) {
            return;
        }
        let all: Vec<HeaderValue> = answer.get_all(SET_COOKIE).iter().cloned().collect();
        answer.remove(SET_COOKIE);
        let (ours, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ours);
        for other in others {
            answer.append(SET_COOKIE, other);
        }
        if request.session_cookie.forwarded {
            request.session_cookie.answered = ours;
        } else if let Some(unsaid) = self.dropped_cookies.pass() {
            tracing::warn!(
                "an upstream's `set-cookie` of `{name}` was dropped, as that is the cookie of sessions{}. \
                 hint: give it another name by `session.name`, or share it by `session.forward = true`",
                and_more(unsaid)
            );
        }
    }
}

/// Whether a `cookie` field has a cookie of this name.
pub fn has_cookie(line: &[u8], name: &str) -> bool {
    pairs(line).any(|pair| is_named(pair, name))
}

/// Whether a `set-cookie` field would set or delete the cookie of this name, for any browser: those that take `=a=b`
/// for a cookie without a name send it as `a=b`.
pub fn sets_cookie(field: &[u8], name: &str) -> bool {
    let start = field.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'='));
    let rest = field[start.unwrap_or(field.len())..].strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| matches!(rest.trim_ascii_start().first(), None | Some(b'=' | b';')))
}

/// Takes the cookies of this name out of the headers, and gives them as one line.
fn take_cookie(headers: &mut HeaderMap, name: &str) -> Option<HeaderValue> {
    let mut lines = headers.get_all(COOKIE).iter();
    if !lines.any(|line| has_cookie(line.as_bytes(), name)) {
        return None;
    }
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    let mut taken: Vec<&[u8]> = Vec::new();
    for line in &lines {
        let (ours, others): (Vec<_>, Vec<_>) =
            pairs(line.as_bytes()).partition(|pair| is_named(pair, name));
        taken.extend(ours);
        // Parts of a value and what joins them are fit for one.
        if let Ok(others) = HeaderValue::from_bytes(&others.join(&b"; "[..]))
            && !others.is_empty()
        {
            headers.append(COOKIE, others);
        }
    }
    HeaderValue::from_bytes(&taken.join(&b"; "[..])).ok()
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

fn is_named(pair: &[u8], name: &str) -> bool {
    let rest = pair.strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "boathook.sid";

    fn taken(lines: &[&'static str]) -> (Option<String>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let taken = take_cookie(&mut headers, NAME);
        (taken.as_ref().map(text), headers.get_all(COOKIE).iter().map(text).collect())
    }

    #[test]
    fn all_cookies_of_the_name_are_taken_and_all_others_stay() {
        let strings = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(taken(&[]), (None, vec![]));
        assert_eq!(taken(&["a=b;c=d"]), (None, strings(&["a=b;c=d"])));
        assert_eq!(taken(&["boathook.sid=1"]), (Some("boathook.sid=1".into()), vec![]));
        assert_eq!(
            taken(&["a=b;boathook.sid=1; c=d", "e=f", " boathook.sid = 2 ;;boathook.sid=3"]),
            (
                Some("boathook.sid=1; boathook.sid = 2; boathook.sid=3".into()),
                strings(&["a=b; c=d", "e=f"])
            )
        );
        for other in ["boathook.sid2=1", "xboathook.sid=1", "Boathook.sid=1", "a=boathook.sid=1"] {
            assert_eq!(taken(&[other]), (None, strings(&[other])));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_way_around() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"a=\xff; boathook.sid=1\xff").unwrap();
        headers.insert(COOKIE, line);
        assert_eq!(take_cookie(&mut headers, NAME).unwrap().as_bytes(), b"boathook.sid=1\xff");
        assert_eq!(headers[COOKIE].as_bytes(), b"a=\xff");
    }

    #[test]
    fn a_field_that_a_browser_would_take_for_the_cookie_is_found() {
        for field in [
            "boathook.sid=1",
            "boathook.sid=; Max-Age=0",
            " \tboathook.sid\t= 1; Path=/",
            "boathook.sid",
            "boathook.sid; Path=/",
            "=boathook.sid=1",
            " = boathook.sid=1",
        ] {
            assert!(sets_cookie(field.as_bytes(), NAME), "{field}");
        }
        for field in [
            "",
            "=",
            "boathook.sid2=1",
            "a=boathook.sid=1",
            "a=b; boathook.sid=1",
            "Boathook.sid=1",
        ] {
            assert!(!sets_cookie(field.as_bytes(), NAME), "{field}");
        }
    }
}
