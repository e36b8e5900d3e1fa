//! A hook that answers one path. Where to go from here: boathook-sdk/README.md.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct MyHook;

impl Hook for MyHook {
    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /my-hook", Self::answer)
    }
}

impl MyHook {
    fn answer(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.text("Hello from my-hook!\n")
    }
}

export!(MyHook);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_on_its_own_path_alone() -> Result<()> {
        let mut hook = testing::lift::<MyHook>("my-hook", json!({}))?;
        let reply = testing::call(&mut hook, testing::request("GET", "/my-hook"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "Hello from my-hook!\n"));
        let reply = testing::call(&mut hook, testing::request("GET", "/elsewhere"));
        assert_eq!((reply.outcome, reply.status), (Outcome::Next, 404));
        Ok(())
    }
}
