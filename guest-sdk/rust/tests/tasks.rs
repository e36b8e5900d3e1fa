//! Tasks and ticks as a hook's own tests see them.

use std::time::Duration;

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Mailer {
    sent: Vec<String>,
    swept: u32,
}

impl Hook for Mailer {
    fn initialize(&mut self) -> Result<()> {
        tasks::defer("warm-up", json!(null))
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before("POST /mail/:to", Self::mail).observe_finish(|_, req, _| {
            tasks::task("log", req.path().to_string()).after(Duration::from_secs(5)).defer()
        })
    }

    fn handle_task(&mut self, name: &str, payload: Value, attempt: u32) -> Result<()> {
        let to = payload["to"].as_str().unwrap_or_default();
        if to == "nobody" {
            tasks::defer("never", json!(null))?;
            return Err(Error::new("no such address"));
        }
        self.sent.push(format!("{name} {to} {attempt}"));
        Ok(())
    }

    fn handle_tick(&mut self, _name: &str) -> Result<()> {
        self.swept += 1;
        Ok(())
    }
}

impl Mailer {
    fn mail(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let to = req.param("to");
        tasks::task("send", json!({ "to": to })).durable().defer()?;
        match to.as_deref() {
            Some("fails") => Err(Error::new("after all, no")),
            _ => res.status(202).json(json!("later")),
        }
    }
}

fn lifted() -> Mailer {
    let hook = testing::lift::<Mailer>("mailer", json!({})).expect("it lifts");
    assert_eq!(names(), ["warm-up"]);
    hook
}

fn names() -> Vec<String> {
    testing::deferred().into_iter().map(|task| task.name).collect()
}

#[test]
fn tasks_are_seen_and_run_in_order() {
    let mut hook = lifted();
    testing::call(&mut hook, testing::request("POST", "/mail/ada"));
    let deferred = testing::deferred();
    assert_eq!(names(), ["warm-up", "send", "log"]);
    assert!(deferred[1].durable && !deferred[2].durable);
    assert_eq!(deferred[1].payload, json!({ "to": "ada" }));
    assert_eq!(deferred[2].delay, Duration::from_secs(5));
    assert!(testing::run_tasks(&mut hook).iter().all(Result::is_ok));
    assert_eq!(hook.sent, ["warm-up  1", "send ada 1", "log  1"]);
    assert!(testing::run_tasks(&mut hook).is_empty());
}

#[test]
fn what_a_call_that_fails_deferred_is_dropped() {
    let mut hook = lifted();
    let reply = testing::call(&mut hook, testing::request("POST", "/mail/fails"));
    assert!(reply.error.is_some());
    assert_eq!(names(), ["warm-up"]);
    testing::call(&mut hook, testing::request("POST", "/mail/nobody"));
    let ran = testing::run_tasks(&mut hook);
    assert_eq!(ran.iter().filter(|ran| ran.is_err()).count(), 1);
    // The durable one is tried again; what it deferred when it failed is gone.
    assert_eq!(names(), ["send"]);
}

#[test]
fn a_full_queue_and_a_bad_task_are_errors() {
    let mut hook = lifted();
    testing::fill_tasks(true);
    let reply = testing::call(&mut hook, testing::request("POST", "/mail/ada"));
    let error = reply.error.expect("there is no room");
    assert_eq!((error.code(), error.status()), ("E_TASKS_FULL", Some(503)));
    testing::fill_tasks(false);
    assert_eq!(tasks::defer("", json!(1)).unwrap_err().code(), "E_TASKS_INVALID");
    assert_eq!(tasks::defer("a", "x".repeat(64 << 10)).unwrap_err().code(), "E_TASKS_INVALID");
}

#[test]
fn a_tick_comes_when_the_test_says_so() {
    let mut hook = lifted();
    testing::tick(&mut hook, "sweep").expect("it sweeps");
    assert_eq!(hook.swept, 1);
}
