//! Does what the `tasks` import asks: checks a task, and takes it for the time of the call.
//!
//! What becomes of it when the call is over is the hook's matter: see [`crate::hook::Hook`].

use std::time::Duration;

use serde::Deserialize;

use super::{GuestError, State, check_json, guest_error, not_granted};
use crate::error::Phase;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::tasks::Host;
use crate::store::StoreError;
use crate::tasks::{DELAY_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Refused, Task};

type Said<T> = std::result::Result<T, GuestError>;

/// What a hook may say of a task.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    durable: bool,
    /// Milliseconds.
    delay: u64,
}

impl State {
    /// Whether there is a time for tasks.
    fn may_defer(&self) -> Said<()> {
        let phase = self.phase;
        match phase {
            Phase::Load | Phase::Start | Phase::Defaults | Phase::Configure | Phase::Routes => {
                let text = format!(
                    "`tasks.defer` was called in `{phase}`\nhint: call it in `initialize` or later"
                );
                Err(guest_error("E_TASKS_TOO_EARLY", text, None))
            }
            Phase::Lower => {
                let text = "`tasks.defer` was called in `lower`, when nothing is run any more";
                Err(guest_error("E_TOO_LATE", text, None))
            }
            Phase::BeforeSwap | Phase::AfterSwap => {
                let text = format!(
                    "`tasks.defer` was called in `{phase}`\nhint: call it in `initialize`, or where requests are"
                );
                Err(guest_error("E_TASKS_TOO_EARLY", text, None))
            }
            _ => Ok(()),
        }
    }
}

impl Host for State {
    async fn defer(&mut self, name: String, payload: String, options: String) -> Result<Said<()>> {
        self.enter()?;
        let (task, durable) = match self.may_defer().and_then(|()| read(name, payload, &options)) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        let hook = self.context.name.clone();
        let Some(tasks) = self.context.tasks.clone() else {
            let text = format!(
                "hook `{hook}` does not export `background`, so nothing would run its tasks\n\
                 hint: build it against the world `hook`"
            );
            return Ok(Err(guest_error("E_TASKS_NO_HANDLER", text, None)));
        };
        if durable && !self.context.reach.tasks {
            return Ok(Err(not_granted(&hook, "durable tasks", "tasks = true")));
        }
        if self.repeats() {
            return Ok(Ok(()));
        }
        let agenda = self.context.shared().agenda.clone().filter(|_| durable);
        let taken = match agenda {
            Some(agenda) => tasks.store(task, agenda, self.context.limits.exchange).await,
            None if durable => Err(Refused::Store(StoreError::Unavailable(
                "the store of durable tasks is not open".into(),
            ))),
            None => tasks.keep(task),
        };
        match taken {
            Ok(deferred) => {
                self.deferred.push(deferred);
                Ok(Ok(()))
            }
            Err(refused) => {
                let code = match refused {
                    Refused::Full(_) => "E_TASKS_FULL",
                    Refused::Store(_) => "E_TASKS_UNAVAILABLE",
                };
                Ok(Err(guest_error(code, refused.to_string(), Some(503))))
            }
        }
    }
}

/// The task, and whether it is a durable one.
fn read(name: String, payload: String, options: &str) -> Said<(Task, bool)> {
    let invalid = |text: String| guest_error("E_TASKS_INVALID", text, None);
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
        let text = format!("a task's name has 1 to {NAME_BYTES_MAX} bytes: found {}", name.len());
        return Err(invalid(text));
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        let found = payload.len();
        let text = format!("a task's payload has at most {PAYLOAD_BYTES_MAX} bytes: found {found}");
        return Err(invalid(text));
    }
    check_json(&payload, "the payload")?;
    let options: Options = serde_json::from_str(options).map_err(|error| {
        invalid(format!("the options of a task are not valid: {error}\nhint: `{{}}` for none"))
    })?;
    let delay = Duration::from_millis(options.delay);
    if delay > DELAY_MAX {
        return Err(invalid(format!("a task waits for 31 days at most: found {delay:?}")));
    }
    Ok((Task { name, payload, delay }, options.durable))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, payload: &str, options: &str) -> String {
        read(name.into(), payload.into(), options).err().map_or(String::new(), |error| error.code)
    }

    #[test]
    fn a_task_has_bounds_and_what_is_just_inside_passes() {
        let (name, payload) = ("n".repeat(NAME_BYTES_MAX), "1".repeat(PAYLOAD_BYTES_MAX));
        assert_eq!(code(&name, &payload, "{}"), "");
        assert_eq!(code(&format!("{name}n"), "1", "{}"), "E_TASKS_INVALID");
        assert_eq!(code("", "1", "{}"), "E_TASKS_INVALID");
        assert_eq!(code("a", &format!("{payload}1"), "{}"), "E_TASKS_INVALID");
        assert_eq!(code("a", "{", "{}"), "E_HOOK_BAD_RESPONSE");
        assert_eq!(code("a", "1", r#"{"delay":2678400000}"#), "");
        assert_eq!(code("a", "1", r#"{"delay":2678400001}"#), "E_TASKS_INVALID");
        for options in ["", "[1]", r#"{"later":true}"#, r#"{"durable":1}"#, r#"{"delay":-1}"#] {
            assert_eq!(code("a", "1", options), "E_TASKS_INVALID", "{options}");
        }
    }

    #[test]
    fn options_say_whether_it_is_durable_and_how_long_it_waits() {
        let (task, durable) =
            read("a".into(), "1".into(), r#"{"durable":true,"delay":1500}"#).unwrap();
        assert!(durable);
        assert_eq!(task.delay, Duration::from_millis(1500));
        assert!(!read("a".into(), "1".into(), "{}").unwrap().1);
    }
}
