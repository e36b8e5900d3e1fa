//! Logs how each response ended.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Finishes;

impl Hook for Finishes {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /*", |_, _, _| Ok(Outcome::Next)).observe_finish(Self::finish)
    }
}

impl Finishes {
    fn finish(&mut self, req: &Request, response: &Finish) -> Result<()> {
        let (status, bytes) = (response.status_code(), response.bytes_sent());
        let how = if response.completed() { "completed" } else { "cut" };
        log::info!("finish {} {status} {how} {bytes}", req.path());
        Ok(())
    }
}

export!(Finishes, name = "finishes");
