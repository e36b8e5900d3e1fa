//! Answers with the response helper that the path names, and with the JSON in the query.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Helpers;

impl Hook for Helpers {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /helpers/:helper", Self::help)
    }
}

impl Helpers {
    fn help(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let data: Value = match req.query_value("data") {
            Some(text) => serde_json::from_str(&text)?,
            None => Value::Null,
        };
        if let Some(status) = guests::number(req, "status") {
            res.status(status as u16);
        }
        if let Some(content_type) = req.query_value("type") {
            res.set_header("content-type", content_type);
        }
        match req.param("helper").unwrap_or_default().as_str() {
            "ok" => res.ok(data),
            "bad-request" => res.bad_request(data),
            "unauthorized" => res.unauthorized(data),
            "forbidden" => res.forbidden(data),
            "not-found" => res.not_found(data),
            "server-error" => res.server_error(data),
            "json" => res.json(data),
            "text" => res.text(data.as_str().unwrap_or_default()),
            "send" => res.send(data.as_str().unwrap_or_default()),
            "redirect" => res.redirect("/elsewhere"),
            "chunks" => {
                res.write("one ").write("two ").write("three");
                Ok(Outcome::Respond)
            }
            _ => Ok(Outcome::Next),
        }
    }
}

export!(Helpers, name = "helpers");
