//! Returns the error that the request describes.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Fails;

impl Hook for Fails {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /fails", Self::fail)
    }
}

impl Fails {
    fn fail(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.set_header("x-set-before", "1")
            .set_header("etag", "\"of-the-body-that-will-not-come\"");
        let mut error =
            Error::new("the words of the hook").with_details(json!({ "key": "s3cret" }));
        if let Some(status) = guests::number(req, "status") {
            error = error.with_status(status as u16);
        }
        if let Some(code) = req.query_value("code") {
            error = error.with_code(code);
        }
        Err(error)
    }
}

export!(Fails, name = "fails");
