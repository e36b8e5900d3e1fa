//! Reads how tasks are kept and tried, `[tasks]`, and the schedules of hooks: `ticks` in a manifest and in
//! `[hooks.<name>]`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::names;
use super::problem::{Problem, Problems};
use super::reader::{Expected, Field, Table, name, whole};
use super::tree::Tree;
use super::units::{duration, duration_text};
use crate::tasks::{Schedule, Tick};

/// How often a durable task is tried. With the pauses below that is an hour and a half, more or less.
pub const ATTEMPTS: u32 = 10;
/// The pause after the first failure; each further one is twice as long.
pub const BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause: what is down for long need not be asked more often.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10 * 60);
/// Tasks in memory that may wait, for each hook.
pub const QUEUE: usize = 1_000;
/// Durable tasks that may wait, for each hook.
pub const STORED: u64 = 10_000;

/// Schedules of one hook at most: each is a timer.
const TICKS_MAX: usize = 32;
/// The shortest time between two ticks.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The root table `[tasks]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSettings {
    /// How often a durable task is tried before it is given up.
    pub attempts: u32,
    /// The pause after the first failure.
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// Tasks in memory that may wait, for each hook.
    pub queue: usize,
    /// Durable tasks that may wait, for each hook.
    pub stored: u64,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            attempts: ATTEMPTS,
            backoff: BACKOFF,
            backoff_max: BACKOFF_MAX,
            queue: QUEUE,
            stored: STORED,
        }
    }
}

impl TaskSettings {
    pub(super) fn read(tree: &Tree, problems: &mut Problems) -> Self {
        let default = Self::default();
        let Some(table) = Table::root(tree.traced()).table("tasks", problems) else {
            return default;
        };
        table.only(names::TASKS, problems);
        let settings = Self {
            attempts: table.get("attempts", whole(1..=1_000), problems).unwrap_or(ATTEMPTS),
            backoff: table.get("backoff", duration, problems).unwrap_or(BACKOFF),
            backoff_max: table.get("backoff_max", duration, problems).unwrap_or(BACKOFF_MAX),
            queue: table.get("queue", whole(0..=1_000_000), problems).unwrap_or(QUEUE),
            stored: table.get("stored", whole(0..=10_000_000), problems).unwrap_or(STORED),
        };
        if settings.backoff_max < settings.backoff
            && let Some(field) = table.field("backoff_max").or_else(|| table.field("backoff"))
        {
            let message = "`tasks.backoff_max` is shorter than `tasks.backoff`";
            problems.push(Problem::new(message).at(field.origin()));
        }
        settings
    }
}

/// What `config explain` shows where nobody says anything.
pub(super) fn default_values() -> Value {
    json!({
        "attempts": ATTEMPTS,
        "backoff": duration_text(BACKOFF),
        "backoff_max": duration_text(BACKOFF_MAX),
        "queue": QUEUE,
        "stored": STORED,
    })
}

/// Reads `ticks`: an array of tables, each with a name, and `every` or `cron`.
pub(super) fn ticks(parent: &Table, problems: &mut Problems) -> Option<Vec<Tick>> {
    let field = parent.field("ticks")?;
    if !field.value.is_array() {
        let expected = Expected::new("an array of tables")
            .hint("write it like `ticks = [{ name = \"clean-up\", every = \"5m\" }]`");
        problems.push(field.problem(expected));
        return None;
    }
    let (key, origin) = (field.key.clone(), field.origin());
    let elements = field.elements(problems);
    if elements.len() > TICKS_MAX {
        let message = format!("`{key}` has more than {TICKS_MAX} entries: {}", elements.len());
        problems.push(Problem::new(message).at(origin));
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut ticks = Vec::new();
    for element in elements {
        let place = element.origin();
        let Some(tick) = tick(element, problems) else { continue };
        if seen.insert(tick.name.clone()) {
            ticks.push(tick);
        } else {
            let message = format!("`{key}` names `{}` twice", tick.name);
            problems.push(Problem::new(message).at(place));
        }
    }
    Some(ticks)
}

fn tick(field: Field, problems: &mut Problems) -> Option<Tick> {
    let table = field.table(problems)?;
    table.only(&["cron", "every", "name"], problems);
    let lacks = |what: &str, hint: &str| {
        let message = format!("`{}` lacks {what}", table.key);
        Problem::new(message).at(table.origin()).hint(hint)
    };
    if table.field("name").is_none() {
        problems.push(lacks("`name`", "write it like `name = \"clean-up\"`"));
    }
    let schedule = match (table.field("every"), table.field("cron")) {
        (Some(every), None) => every.read(interval, problems).map(Schedule::Every),
        (None, Some(cron)) => cron.read(cron_pattern, problems),
        (Some(_), Some(_)) => {
            let message = format!("`{}` has both `every` and `cron`", table.key);
            problems.push(Problem::new(message).at(table.origin()).hint("keep one of them"));
            None
        }
        (None, None) => {
            let hint = "write `every = \"5m\"`, or `cron = \"0 3 * * *\"` for three at night, UTC";
            problems.push(lacks("`every` or `cron`", hint));
            None
        }
    };
    Some(Tick { name: table.get("name", name, problems)?, schedule: schedule? })
}

fn interval(value: &Value) -> Result<Duration, Expected> {
    let bad = || Expected::new("one second or more").hint("write it like `\"5m\"`");
    Some(duration(value)?).filter(|time| *time >= EVERY_MIN).ok_or_else(bad)
}

fn cron_pattern(value: &Value) -> Result<Schedule, Expected> {
    let hint = "minute, hour, day of month, month, day of week; in UTC: `\"0 3 * * 1\"`";
    let bad = |what: String| Expected::new(what).hint(hint);
    let text = value.as_str().ok_or_else(|| bad("five fields of cron in a string".into()))?;
    Schedule::cron(text).map_err(|why| bad(format!("five fields of cron ({why})")))
}
