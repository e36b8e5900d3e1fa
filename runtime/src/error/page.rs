//! Makes the page that a browser gets in development where something went wrong: what, where, and all that is known
//! of it. A page is whole in itself: it loads nothing, works without scripts, and everything in it that came from
//! elsewhere is text. What may be shown, and to whom, is not decided here.

use std::fmt::Write as _;
use std::str::Chars;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::body::Body;

/// What the page says of itself to the script that waits for another; see [`Page::changes`].
pub(crate) const CHANGE: HeaderName = HeaderName::from_static("boathook-change");

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:2rem 1rem;overflow-wrap:anywhere}\
h1{font-size:1.4rem;border-left:.3rem solid #d33;padding-left:.8rem}\
h2{font-size:1rem;margin:1.5rem 0 .3rem}\
pre{font:14px/1.45 ui-monospace,monospace;background:#8882;padding:.8rem;overflow-x:auto;white-space:pre-wrap}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}\
dt{opacity:.7}dd{margin:0}\
footer{opacity:.7;font-size:.85rem;margin-top:2rem}";

/// Asks for the same address, once a second, until it would not be this page.
const SCRIPT: &str = "\
const mine=document.documentElement.dataset.change;\
setInterval(async()=>{try{\
const answer=await fetch(location.href,{method:'HEAD',cache:'no-store',headers:{accept:'text/html'}});\
if(answer.headers.get('boathook-change')!==mine)location.reload()\
}catch{}},1000)";

/// What is allowed to the page: its own style and script, and to ask for itself.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    /// What happened, in a line.
    pub(crate) title: &'a str,
    /// What else there is to say of it, in a sentence or two.
    pub(crate) lead: &'a str,
    /// Names and values.
    pub(crate) facts: Vec<(&'a str, String)>,
    /// Texts as they are, under their headings.
    pub(crate) texts: Vec<(&'a str, String)>,
    /// A number that is another one when there would be something else to see; then the page fetches itself
    /// again. None for a page that stays.
    pub(crate) changes: Option<u64>,
}

impl Page<'_> {
    /// The page as a response.
    pub(crate) fn response(&self, status: StatusCode) -> http::Response<Body> {
        let mut response = http::Response::new(Body::whole(self.html()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if let Ok(policy) = HeaderValue::from_str(&POLICY) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        if let Some(change) = self.changes {
            headers.insert(CHANGE, change.into());
        }
        response
    }

    fn html(&self) -> String {
        let title = escaped(self.title);
        let mut html = String::from("<!doctype html>\n<html lang=\"en\"");
        // Writing to a string does not fail.
        if let Some(change) = self.changes {
            let _ = write!(html, " data-change=\"{change}\"");
        }
        let _ = write!(
            html,
            "><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style>"
        );
        if self.changes.is_some() {
            html.push_str("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>");
        }
        let _ = write!(html, "</head>\n<body><h1>{title}</h1>\n<p>{}</p>\n", escaped(self.lead));
        if !self.facts.is_empty() {
            html.push_str("<dl>");
            for (name, value) in &self.facts {
                let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
            }
            html.push_str("</dl>\n");
        }
        for (heading, text) in &self.texts {
            let (heading, text) = (escaped(heading), escaped(text.trim_end()));
            let _ = write!(html, "<h2>{heading}</h2>\n<pre>{text}</pre>\n");
        }
        html.push_str("<footer>Boathook shows this in development alone.</footer>");
        if self.changes.is_some() {
            let _ = write!(html, "<script>{SCRIPT}</script>");
        }
        html.push_str("</body></html>\n");
        html
    }
}

/// Removes the policy of a page, where there is one: what stands in the page's place has its own.
pub(crate) fn forget_policy(headers: &mut HeaderMap) {
    if headers.get(CONTENT_SECURITY_POLICY).is_some_and(|policy| policy == &**POLICY) {
        headers.remove(CONTENT_SECURITY_POLICY);
    }
}

/// Whether a request asks for a page, as browsers do that go to an address.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(http::header::ACCEPT).iter();
    accept.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
        let name = range.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("text/html")
    })
}

/// Text that is nothing but text, without what compilers write for terminals.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\x1b' => rest = after_escape(rest.clone()).unwrap_or(rest),
            '\n' | '\t' => escaped.push(char),
            char if char.is_control() => {}
            char => escaped.push(char),
        }
    }
    escaped
}

/// What follows a sequence for terminals, of which ESC has been read; none where it does not end.
fn after_escape(mut text: Chars<'_>) -> Option<Chars<'_>> {
    match text.next()? {
        // `ESC [ ... letter`: a colour, mostly.
        '[' => text.any(|char| ('@'..='~').contains(&char)).then_some(text),
        // `ESC ] ... ESC \`, or BEL at its end: a link, mostly.
        ']' => {
            let text = text.as_str();
            let end = &text[text.find(['\x07', '\x1b'])?..];
            let after = end.strip_prefix('\x07').or_else(|| end.strip_prefix("\x1b\\"));
            Some(after.unwrap_or(end).chars())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_from_elsewhere_is_text() {
        let evil = "</pre><script>alert(\"1\" & '2')</script>";
        let page = Page {
            title: evil,
            lead: evil,
            facts: vec![(evil, evil.into())],
            texts: vec![(evil, evil.into())],
            changes: None,
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("</pre></pre>"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)").count(), 7);
    }

    #[test]
    fn what_is_meant_for_a_terminal_is_left_out() {
        assert_eq!(escaped("\x1b[1;31merror\x1b[0m: no\r\n\tthere\x07"), "error: no\n\tthere");
        assert_eq!(escaped("\x1b[12"), "[12");
        let link = "\x1b]8;;http://a/\x1b\\E0277\x1b]8;;\x1b\\: no, \x1b]0;title\x07and more";
        assert_eq!(escaped(link), "E0277: no, and more");
        assert_eq!(escaped("\x1b]8;;\x1b[1mbold"), "bold");
        assert_eq!(escaped("\x1b]8;;text"), "]8;;text");
    }

    #[test]
    fn the_policy_of_a_page_goes_with_the_page_and_that_of_others_stays() {
        let page = Page::default().response(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = page.headers().clone();
        forget_policy(&mut headers);
        assert!(
            !headers.contains_key(CONTENT_SECURITY_POLICY) && headers.contains_key(CACHE_CONTROL)
        );
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        forget_policy(&mut headers);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'self'");
    }

    #[test]
    fn only_who_names_html_gets_it() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            wants_html(&headers)
        };
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(wants("application/xml, Text/HTML;q=0.5"));
        for accept in ["*/*", "application/json", "text/plain", "image/avif,image/webp", ""] {
            assert!(!wants(accept), "{accept}");
        }
    }

    #[test]
    fn a_page_that_changes_says_which_it_is() {
        let page = Page { changes: Some(7), ..Page::default() };
        assert!(page.html().contains("<html lang=\"en\" data-change=\"7\">"));
        let response = page.response(StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[CHANGE], "7");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    }
}
