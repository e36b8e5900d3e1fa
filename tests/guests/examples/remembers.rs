//! Tells what it remembers of its `initialize`, and how many requests its instance has seen. As
//! `remembers.reads` says, it reads on the way what no two instances should share, or keeps a handle.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Instant;

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Remembers {
    greeting: Option<String>,
    colours: Option<HashMap<String, u32>>,
    since: Option<Instant>,
    requests: u32,
}

impl Hook for Remembers {
    fn initialize(&mut self) -> Result<()> {
        log::info!("remembers initializes");
        match config::get::<String>("remembers.reads")?.as_deref() {
            Some("seed") => {
                self.colours = Some(HashMap::from([("red".into(), 0xff0000)]));
            }
            Some("clock") => self.since = Some(Instant::now()),
            Some("stdout") => std::io::stdout().write_all(b"by standard output\n")?,
            Some("answer") => drop(hooks::call::<Value>("offers", "double", 1)?),
            _ => {}
        }
        self.greeting = config::get("remembers.greeting")?;
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /remembers", Self::tell)
    }
}

impl Remembers {
    fn tell(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        self.requests += 1;
        let greeting = self.greeting.as_deref().unwrap_or("nothing");
        let colours = self.colours.iter().flatten().count();
        let since = self.since.is_some();
        res.json(json!({
            "greeting": greeting, "requests": self.requests, "colours": colours, "since": since
        }))
    }
}

export!(Remembers, name = "remembers");
