//! Answers with what HTTP does not allow, past the SDK where the SDK would not let it.

#[cfg(target_family = "wasm")]
use boathook_sdk::bindings::boathook::hook::response as raw;
use boathook_sdk::prelude::*;

#[derive(Default)]
struct BadAnswers;

impl Hook for BadAnswers {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /bad/:what", Self::answer)
    }
}

impl BadAnswers {
    fn answer(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match req.param("what").unwrap_or_default().as_str() {
            "status" => res.status(guests::number(req, "n").unwrap_or(0) as u16),
            "line-break" => res.set_header("x-a", "1\r\nx-b: 2"),
            "length" => res.set_header("content-length", "5"),
            "chunked" => res.set_header("transfer-encoding", "chunked"),
            #[cfg(target_family = "wasm")]
            "json" => {
                return raw::json("{not json").map_err(Error::from).map(|()| Outcome::Respond);
            }
            #[cfg(target_family = "wasm")]
            "block" => {
                return raw::set_headers(b"x-a: 1\r\nno colon\r\n")
                    .map_err(Error::from)
                    .map(|()| Outcome::Respond);
            }
            "body" => res.set_body("x".repeat(guests::number(req, "n").unwrap_or(0) as usize)),
            _ => return Ok(Outcome::Next),
        };
        Ok(Outcome::Respond)
    }
}

export!(BadAnswers, name = "bad-answers");
