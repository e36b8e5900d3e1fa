//! A browser, as far as sessions need one: it keeps the one cookie that it was sent last.

use super::{App, Response};

/// A browser.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookie: Option<String>,
}

impl Browser {
    /// One that has this cookie: `name=value`.
    pub(crate) fn with(cookie: &str) -> Self {
        Self { cookie: Some(cookie.to_owned()) }
    }

    /// Its cookie.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Asks with its cookie, and keeps or forgets one as it is told.
    #[track_caller]
    pub(crate) fn ask(
        &mut self,
        app: &mut App,
        method: &str,
        target: &str,
        body: &str,
    ) -> Response {
        let headers: Vec<String> = self.cookie.iter().map(|it| format!("cookie: {it}")).collect();
        let response = app.send(method, target, &headers, body);
        if let Some(field) = response.header("set-cookie") {
            let (pair, attributes) = field.split_once(';').expect("a cookie with attributes");
            let gone = attributes.contains("Max-Age=0");
            self.cookie = (!gone).then(|| pair.to_owned());
        }
        response
    }

    /// Gets a page.
    #[track_caller]
    pub(crate) fn get(&mut self, app: &mut App, target: &str) -> Response {
        self.ask(app, "GET", target, "")
    }

    /// Gets a page, and expects 200 and this body.
    #[track_caller]
    pub(crate) fn gets(&mut self, app: &mut App, target: &str, body: &str) -> Response {
        let response = self.get(app, target);
        assert_eq!((response.status, &*response.text()), (200, body), "{target}");
        response
    }
}
