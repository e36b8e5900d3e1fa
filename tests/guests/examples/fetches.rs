//! Fetches what a request asks for, and answers with what came of it: as JSON, an error too.

use std::time::Duration;

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Fetches {
    /// What `fetches.at-start` answered in `initialize`.
    at_start: Option<String>,
}

impl Hook for Fetches {
    fn initialize(&mut self) -> Result<()> {
        if let Some(url) = config::get_own::<String>("at-start")? {
            self.at_start = Some(fetch::get(url).send()?.text().into_owned());
        }
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("ALL /fetches", Self::fetch)
            .read_body()
            .before("GET /fetches/times", Self::times)
            .before("GET /fetches/returned", Self::returned)
            .before("GET /fetches/at-start", |hook, _, res| res.json(&hook.at_start))
            .before("GET /fetches/nothing", |_, _, res| res.ok(()))
    }
}

impl Fetches {
    /// One request: its method and body are the request's own.
    fn fetch(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let mut asked = fetch::request(req.method(), guests::wanted(req, "url")?).body(req.body()?);
        for name in
            ["authorization", "cookie", "x-own", "x-answer-status", "x-answer-header", "host"]
        {
            if let Some(value) = req.header(&format!("send-{name}")) {
                asked = asked.header(name, value.as_bytes());
            }
        }
        if let Some(most) = guests::number(req, "redirects") {
            asked = asked.redirects(most as u32);
        }
        if let Some(ms) = guests::number(req, "timeout") {
            asked = asked.timeout(Duration::from_millis(ms));
        }
        match asked.send() {
            Ok(answer) => res.json(json!({
                "status": answer.status(),
                "url": answer.url(),
                "length": answer.body().len(),
                "text": answer.text().chars().take(2000).collect::<String>(),
                "type": answer.header("content-type"),
            })),
            Err(error) => {
                let said = json!({ "code": error.code(), "message": error.message() });
                res.bad_request(said)
            }
        }
    }

    /// As many requests as asked for, one after the other.
    fn times(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let url = guests::wanted(req, "url")?;
        let times = guests::number(req, "times").unwrap_or(0);
        for done in 0..times {
            if let Err(error) = fetch::get(&url).send() {
                return res.bad_request(json!({ "code": error.code(), "done": done }));
            }
        }
        res.ok(json!({ "done": times }))
    }

    /// Returns the error, as a hook does that has nothing to say to it.
    fn returned(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let answer = fetch::get(guests::wanted(req, "url")?).send()?;
        res.send(answer.body())
    }
}

export!(Fetches, name = "fetches");
