//! Hands itself tasks, as the path and query say: `/defers/<task>?text=..&durable=..&ms=..&times=..&then=..`,
//! where `in` names another verb than `handle-route` to do it in. The answer is how many it got rid of, or
//! the error's code and message.
//!
//! The name of a task says what it does; each logs that it begins. A tick logs that it begins and ends, and
//! takes as long as the setting `tick-ms` says. `in` as a setting names a phase of the lifecycle in which it
//! defers the task `note`.

use std::time::Duration;

use boathook_sdk::prelude::*;
use guests::{number, wanted};

#[derive(Default)]
struct Defers;

impl Hook for Defers {
    fn configure(&mut self) -> Result<()> {
        note_in("configure")
    }

    fn initialize(&mut self) -> Result<()> {
        note_in("initialize")
    }

    fn lower(&mut self) -> Result<()> {
        note_in("lower")
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /defers/:task", Self::defer)
            .observe_response(Self::observe)
            .observe_finish(Self::finish)
    }

    fn methods(&self) -> Methods<Self> {
        Methods::new().method("defer", "Defers a task.", |_, text| {
            tasks::defer("note", text)?;
            Ok(json!(null))
        })
    }

    fn handle_task(&mut self, name: &str, payload: Value, attempt: u32) -> Result<()> {
        log::info!("task {name} {payload} attempt {attempt}");
        match name {
            "slow" => {
                guests::sleep(payload["text"].as_str().and_then(|ms| ms.parse().ok()).unwrap_or(0));
                log::info!("slow is done");
            }
            "fails" => return Err(Error::new("no luck")),
            "traps" => panic!("no luck"),
            "spins" => guests::spin(None),
            "asks" => log::info!("asks for {}", Request::at_hand().path()),
            "counts" => {
                let key = payload["text"].as_str().unwrap_or("none");
                kv::namespace("test").increment(key, 1)?;
            }
            "posts" => {
                let url: String = config::get_own("url")?.unwrap_or_default();
                fetch::post(url).json(&payload).send()?.successful()?;
            }
            "again" => tasks::defer("note", json!({ "text": "from a task" }))?,
            "again-and-fails" => {
                tasks::defer("note", json!({ "text": "of a failure" }))?;
                return Err(Error::new("no luck"));
            }
            _ => {}
        }
        Ok(())
    }

    fn handle_tick(&mut self, name: &str) -> Result<()> {
        log::info!("tick {name} begins");
        guests::sleep(config::get_own("tick-ms")?.unwrap_or(0));
        log::info!("tick {name} ends");
        Ok(())
    }
}

fn note_in(phase: &str) -> Result<()> {
    if config::get_own::<String>("in")?.as_deref() == Some(phase) {
        tasks::defer("note", json!({ "text": phase }))?;
    }
    Ok(())
}

impl Defers {
    fn defer(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        if is_in(req, "route") {
            match hand_over(req) {
                Ok(times) => res.json(times)?,
                Err(error) => {
                    res.json(json!({ "error": error.code(), "message": error.message() }))?
                }
            };
        }
        match req.query_value("then").as_deref() {
            Some("error") => Err(Error::new("no luck")),
            Some("trap") => panic!("no luck"),
            Some("next") => Ok(Outcome::Next),
            _ => Ok(Outcome::Respond),
        }
    }

    fn observe(&mut self, req: &Request, _res: &mut Response) -> Result<()> {
        if is_in(req, "response") {
            hand_over(req)?;
        }
        Ok(())
    }

    fn finish(&mut self, req: &Request, _response: &Finish) -> Result<()> {
        if is_in(req, "finish") {
            hand_over(req)?;
        }
        Ok(())
    }
}

fn is_in(req: &Request, verb: &str) -> bool {
    req.query_value("in").as_deref().unwrap_or("route") == verb
}

fn hand_over(req: &Request) -> Result<u64> {
    let name = req.param("task").unwrap_or_default();
    let text = match number(req, "bytes") {
        Some(bytes) => "x".repeat(bytes as usize),
        None => wanted(req, "text")?,
    };
    let times = number(req, "times").unwrap_or(1);
    for _ in 0..times {
        let mut task = tasks::task(&name, json!({ "text": text }));
        if req.query_value("durable").is_some() {
            task = task.durable();
        }
        if let Some(ms) = number(req, "ms") {
            task = task.after(Duration::from_millis(ms));
        }
        task.defer()?;
    }
    Ok(times)
}

export!(Defers, name = "defers");
