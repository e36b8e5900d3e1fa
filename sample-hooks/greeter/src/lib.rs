//! Using another hook: calls a method of `custom-data`, which `after` makes sure is there.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Greeter;

impl Hook for Greeter {
    fn routes(&self) -> Routes<Self> {
        Routes::new().after("GET /greet/:name", Self::greet)
    }
}

impl Greeter {
    fn greet(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let greeting: String = hooks::call("custom-data", "say_hi", req.param("name"))?;
        res.text(greeting + "\n")
    }
}

export!(Greeter, after = ["custom-data"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_other_hook_says() -> Result<()> {
        testing::method("custom-data", "say_hi", |name| Ok(json!(format!("Hi, {name}"))));
        let mut hook = testing::lift::<Greeter>("greeter", json!({}))?;
        let reply = testing::call(&mut hook, testing::request("GET", "/greet/Ada%20L"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "Hi, \"Ada L\"\n"));
        Ok(())
    }

    #[test]
    fn an_error_over_there_is_an_error_here() -> Result<()> {
        testing::method("custom-data", "say_hi", |_| Err(Error::bad_request("no")));
        let mut hook = testing::lift::<Greeter>("greeter", json!({}))?;
        let reply = testing::call(&mut hook, testing::request("GET", "/greet/Ada"));
        assert_eq!(reply.status, 400);
        Ok(())
    }
}
