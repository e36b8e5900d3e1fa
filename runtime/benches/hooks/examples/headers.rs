//! Reads a header, sets five, and says next: the middleware that the ratios are about.

use bench_hooks::{NOBODY, READ, SET, WRITTEN};
use boathook_sdk::prelude::*;

#[derive(Default)]
struct SetsHeaders;

impl Hook for SetsHeaders {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /*", Self::decorate)
    }
}

impl SetsHeaders {
    fn decorate(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header(WRITTEN, req.header(READ).as_deref().unwrap_or(NOBODY));
        for (name, value) in SET {
            res.set_header(name, value);
        }
        Ok(Outcome::Next)
    }
}

export!(SetsHeaders, name = "headers");
