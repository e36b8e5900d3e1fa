//! Headers on every answer: they are set on the way back, when nobody can weaken them any more.
//!
//! Sails' example sets them ahead of the app. Here a target's header of the same name would win over
//! that, and an error would go without, so the handler does nothing and the observer does the work:
//! `handle-response` sees every response to what reached its route, 404 and 5xx included, and has the last word.

use boathook_sdk::prelude::*;

const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains;"),
    ("permissions-policy", "camera=(), microphone=(), usb=()"),
];

#[derive(Default)]
struct SecurityHeaders;

impl Hook for SecurityHeaders {
    /// A GET route takes HEAD, too. It stands in `before` to be reached whoever answers later.
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /*", Self::pass).keep_assets().observe_response(Self::secure)
    }
}

impl SecurityHeaders {
    fn pass(&mut self, _req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        Ok(Outcome::Next)
    }

    fn secure(&mut self, _req: &Request, res: &mut Response) -> Result<()> {
        for (name, value) in HEADERS {
            res.set_header(name, value);
        }
        Ok(())
    }
}

export!(SecurityHeaders);

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: testing::TestRequest) -> Result<testing::Reply> {
        let mut hook = testing::lift::<SecurityHeaders>("security-headers", json!({}))?;
        Ok(testing::call(&mut hook, request))
    }

    #[test]
    fn they_stand_on_pages_on_files_and_on_what_is_not_there() -> Result<()> {
        for request in [
            testing::request("GET", "/").target(200, &[], "home"),
            testing::request("HEAD", "/app.js").target(200, &[], ""),
            testing::request("GET", "/nowhere"),
        ] {
            let reply = ask(request)?;
            for (name, value) in HEADERS {
                assert_eq!(reply.header(name).as_deref(), Some(value));
            }
        }
        Ok(())
    }

    #[test]
    fn a_target_cannot_weaken_them() -> Result<()> {
        let weak = [("X-Frame-Options", "ALLOWALL")];
        let reply = ask(testing::request("GET", "/").target(200, &weak, "home"))?;
        assert_eq!(reply.header("x-frame-options").as_deref(), Some("SAMEORIGIN"));
        assert_eq!(reply.text(), "home");
        Ok(())
    }

    #[test]
    fn other_methods_go_without() -> Result<()> {
        let reply = ask(testing::request("POST", "/").target(200, &[], "done"))?;
        assert_eq!(reply.headers().count(), 0);
        Ok(())
    }
}
