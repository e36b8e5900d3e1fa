//! Adds a letter to the word at each of its places: before, as an action, and after.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Letters;

impl Hook for Letters {
    fn routes(&self) -> Routes<Self> {
        Routes::<Self>::new()
            .after("GET /foo", |hook, req, res| {
                hook.add(req, "c")?;
                res.text(hook.word(req)?)
            })
            .named("letters/b", |hook, req, _| hook.add(req, "b"))
            .before("GET /foo", |hook, req, _| hook.add(req, "a"))
    }
}

impl Letters {
    fn add(&mut self, req: &mut Request, letter: &str) -> Result<Outcome> {
        let word = self.word(req)? + letter;
        req.set_local("word", word)?;
        Ok(Outcome::Next)
    }

    fn word(&self, req: &Request) -> Result<String> {
        Ok(req.local("word")?.unwrap_or_default())
    }
}

export!(Letters, name = "letters");
