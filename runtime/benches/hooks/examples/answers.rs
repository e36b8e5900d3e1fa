//! Reads a header, sets five, and answers.

use bench_hooks::{BODY, NOBODY, READ, SET, WRITTEN};
use boathook_sdk::prelude::*;

#[derive(Default)]
struct Answers;

impl Hook for Answers {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /*", Self::answer)
    }
}

impl Answers {
    fn answer(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header(WRITTEN, req.header(READ).as_deref().unwrap_or(NOBODY));
        for (name, value) in SET {
            res.set_header(name, value);
        }
        res.set_header("content-type", "text/plain; charset=utf-8").set_body(BODY);
        Ok(Outcome::Respond)
    }
}

export!(Answers, name = "answers");
