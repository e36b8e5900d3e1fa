//! Counts its requests, and hands the count to the next generation, or fails to, as `hands-over.before` and
//! `hands-over.after` say. Holds a request for `ms` milliseconds, and traps where `panic` is asked.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct HandsOver {
    count: u64,
}

fn asked(verb: &str) -> Result<String> {
    Ok(config::get(&format!("hands-over.{verb}"))?.unwrap_or_default())
}

/// Does what was asked for instead of a verb's work.
fn misbehave(how: &str) -> Result<()> {
    match how {
        "error" => Err(Error::new("asked to fail")),
        "trap" => panic!("asked to trap"),
        "spin" => loop {
            std::hint::black_box(());
        },
        "defer" => tasks::defer("late", json!(null)),
        _ => Ok(()),
    }
}

impl Hook for HandsOver {
    fn initialize(&mut self) -> Result<()> {
        log::info!("hands-over initializes");
        Ok(())
    }

    fn before_swap(&mut self) -> Result<Option<Value>> {
        log::info!("hands over {}", self.count);
        let how = asked("before")?;
        misbehave(&how)?;
        Ok(match how.as_str() {
            "nothing" => None,
            "long" => Some(json!("x".repeat(2 << 20))),
            _ => Some(json!({ "count": self.count })),
        })
    }

    fn after_swap(&mut self, value: Value) -> Result<()> {
        misbehave(&asked("after")?)?;
        self.count = value["count"].as_u64().unwrap_or_default();
        log::info!("took over {}", self.count);
        events::emit("handed", json!(self.count))
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /count", Self::count)
    }

    fn handle_task(&mut self, _name: &str, _payload: Value, _attempt: u32) -> Result<()> {
        Ok(())
    }
}

impl HandsOver {
    fn count(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        self.count += 1;
        if let Some(ms) = guests::number(req, "ms") {
            log::info!("holds");
            guests::sleep(ms);
        }
        assert!(req.query_value("panic").is_none(), "asked to panic");
        res.json(self.count)
    }
}

export!(HandsOver, name = "hands-over");
