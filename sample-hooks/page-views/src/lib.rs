//! Work after the response: counts the pages that were shown, when no client waits any more.
//!
//! This is Sails' `res.once('finish', ..)`. Mode `single` makes the count exact.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct PageViews {
    count: u64,
}

impl Hook for PageViews {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /*", Self::pass)
            .skip_assets()
            .observe_finish(Self::count)
            .after("GET /page-views", Self::show)
    }
}

impl PageViews {
    fn pass(&mut self, _req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        Ok(Outcome::Next)
    }

    fn count(&mut self, req: &Request, response: &Finish) -> Result<()> {
        if response.status_code() == 200 && response.completed() && req.method() == "GET" {
            self.count += 1;
            log::silly!("{} took {:?}", req.path(), response.elapsed());
        }
        Ok(())
    }

    fn show(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.json(json!({ "views": self.count }))
    }
}

export!(PageViews, mode = "single");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_and_files_errors_and_heads_do_not() -> Result<()> {
        let mut hook = testing::lift::<PageViews>("page-views", json!({}))?;
        for request in [
            testing::request("GET", "/").target(200, &[], "home"),
            testing::request("GET", "/about").target(200, &[], "about"),
            testing::request("GET", "/style.css").target(200, &[], "{}"),
            testing::request("HEAD", "/").target(200, &[], ""),
            testing::request("GET", "/broken").target(500, &[], "oh"),
            testing::request("GET", "/nowhere"),
        ] {
            testing::call(&mut hook, request);
        }
        let reply = testing::call(&mut hook, testing::request("GET", "/page-views"));
        assert_eq!(reply.text(), r#"{"views":2}"#);
        Ok(())
    }
}
