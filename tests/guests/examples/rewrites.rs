//! Changes the request for what follows, as the request's own headers `x-set-...` say.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Rewrites;

impl Hook for Rewrites {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", Self::rewrite)
    }
}

impl Rewrites {
    fn rewrite(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        if let Some(path) = req.header("x-set-path") {
            req.set_path(&path)?;
        }
        if let Some(query) = req.header("x-set-query") {
            req.set_query(&query)?;
        }
        if let Some(body) = req.header("x-set-body") {
            req.set_body(body)?;
        }
        if let Some((name, value)) =
            req.header("x-set-header").as_deref().and_then(|h| h.split_once('='))
        {
            req.set_header(name, value)?;
        }
        if let Some(name) = req.header("x-unset-header") {
            req.remove_header(&name)?;
        }
        if let Some((name, value)) =
            req.header("x-set-local").as_deref().and_then(|local| local.split_once('='))
        {
            req.set_local(name, serde_json::from_str::<Value>(value)?)?;
        }
        if let Some(name) = req.header("x-look-for") {
            let found = req.header(&name);
            req.set_local("found", found)?;
        }
        Ok(Outcome::Next)
    }
}

export!(Rewrites, name = "rewrites");
