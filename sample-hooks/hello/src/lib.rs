//! The first lesson: a hook is a plain struct with a route, and answers.
//!
//! The route stands in `after`, behind the app's own: guards that stand in `before` have run by then.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Hello;

impl Hook for Hello {
    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /hello", Self::hello)
    }
}

impl Hello {
    fn hello(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.text("Hello from a hook!\n")
    }
}

export!(Hello);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_on_its_own_path_alone() -> Result<()> {
        let mut hook = testing::lift::<Hello>("hello", json!({}))?;
        let reply = testing::call(&mut hook, testing::request("GET", "/hello"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "Hello from a hook!\n"));
        let reply = testing::call(&mut hook, testing::request("GET", "/elsewhere"));
        assert_eq!((reply.outcome, reply.status), (Outcome::Next, 404));
        Ok(())
    }
}
