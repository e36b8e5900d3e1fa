//! Work after the response that must not get lost: tells a remote API of every page that was shown, in a
//! durable task. While the API is down the task is tried again, by this server or by the next one.
//!
//! This is Sails' `res.once('finish', ..)`, where a request that fails is a line in the log. Without
//! `page-views.api` there is nobody to tell, and the hook counts.

use boathook_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const VIEWS: kv::Namespace<'_> = kv::namespace("views");

#[derive(Default)]
struct PageViews {
    /// Where views are posted to.
    api: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    /// The request's: a task may be run once more than it had to, and so the API can tell.
    id: String,
    url: String,
    /// Who saw it, if anybody is logged in.
    user_id: Option<String>,
    /// When, in milliseconds since 1970: it may be told much later.
    at: u64,
}

impl Hook for PageViews {
    fn initialize(&mut self) -> Result<()> {
        self.api = config::get_own("api")?;
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /*", |_, _, _| Ok(Outcome::Next))
            .skip_assets()
            .observe_finish(Self::note)
            .after("GET /page-views", Self::show)
    }

    fn handle_task(&mut self, _name: &str, view: Value, attempt: u32) -> Result<()> {
        if let Some(api) = &self.api {
            // An error has the task tried again; the pauses between attempts grow.
            fetch::post(api).json(&view).send()?.successful()?;
            log::debug!("told of {} at attempt {attempt}", view["url"]);
        }
        VIEWS.increment("told", 1)?;
        Ok(())
    }
}

impl PageViews {
    fn note(&mut self, req: &Request, response: &Finish) -> Result<()> {
        if response.status_code() != 200 || !response.completed() || req.method() != "GET" {
            return Ok(());
        }
        // `current-user` has said who it is.
        let user_id = req.local::<Value>("me")?.and_then(|me| me["id"].as_str().map(str::to_owned));
        let (id, url) = (req.id(), req.path().to_string());
        let view = View { id, url, user_id, at: clock::now_ms() };
        tasks::task("send-view", view).durable().defer()
    }

    fn show(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let views: Option<u64> = VIEWS.get("told")?;
        res.json(json!({ "views": views.unwrap_or_default() }))
    }
}

export!(PageViews, grants = { kv = ["views"], tasks = true });

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://crm.example.com/views";

    fn views(hook: &mut PageViews) -> String {
        testing::call(hook, testing::request("GET", "/page-views")).text()
    }

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
        assert_eq!(testing::deferred().len(), 2);
        assert!(testing::run_tasks(&mut hook).iter().all(Result::is_ok));
        assert_eq!(views(&mut hook), r#"{"views":2}"#);
        assert!(testing::sent().is_empty());
        Ok(())
    }

    #[test]
    fn a_view_is_told_again_until_the_api_has_taken_it() -> Result<()> {
        testing::server("https://crm.example.com", |_| Ok(fetch::Response::new(503)));
        let mut hook =
            testing::lift::<PageViews>("page-views", json!({ "page-views": { "api": API } }))?;
        let request = testing::request("GET", "/about").local("me", json!({ "id": "ada" }));
        testing::call(&mut hook, request.target(200, &[], "about"));
        let task = testing::deferred().remove(0);
        assert!(task.durable);

        assert!(testing::run_tasks(&mut hook)[0].is_err());
        assert_eq!(testing::deferred(), [task]);

        testing::server("https://crm.example.com", |_| Ok(fetch::Response::new(204)));
        assert!(testing::run_tasks(&mut hook)[0].is_ok());
        assert!(testing::deferred().is_empty());
        let sent = testing::sent();
        assert_eq!(sent.len(), 2);
        assert_eq!((&*sent[1].method, &*sent[1].url), ("POST", API));
        assert_eq!(sent[0].body, sent[1].body, "by its id the API knows it again");
        let view: View = serde_json::from_slice(&sent[1].body)?;
        assert!(!view.id.is_empty());
        assert_eq!((&*view.url, view.user_id.as_deref()), ("/about", Some("ada")));
        assert_eq!(views(&mut hook), r#"{"views":1}"#);
        Ok(())
    }
}
