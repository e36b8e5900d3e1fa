//! How tasks are kept and tried, and schedules.

use std::time::Duration;

use super::super::{TaskSettings, manifest};
use super::{bad, good};
use crate::tasks::Schedule;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn tasks_have_defaults_and_bounds() {
    assert_eq!(good("").tasks, TaskSettings::default());
    assert_eq!(good("[tasks]").tasks, TaskSettings::default());
    let toml =
        "tasks = { attempts = 3, backoff = '20ms', backoff_max = '1m', queue = 0, stored = 7 }";
    let settings = TaskSettings {
        attempts: 3,
        backoff: SECOND / 50,
        backoff_max: 60 * SECOND,
        queue: 0,
        stored: 7,
    };
    assert_eq!(good(toml).tasks, settings);
    let shown = |key: &str| good("").tree.explain(key).remove(0).value;
    assert_eq!((shown("tasks.attempts"), shown("tasks.backoff_max")), (10.into(), "10m".into()));
    let text = bad("tasks = { attempts = 1001, backoff = '1h', queue = -1, retries = 2 }");
    for wanted in [
        "`tasks.attempts` must be a whole number from 1 to 1000",
        "`tasks.backoff_max` is shorter than `tasks.backoff`",
        "`tasks.queue` must be a whole number",
        "unknown key `tasks.retries`",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in {text}");
    }
}

#[test]
fn ticks_are_read_from_a_manifest_and_from_settings_the_later_over_the_former() {
    let text = "ticks = [{ name = 'a', every = '90s' }, { name = 'b', cron = '0 3 * * *' }]";
    let own = manifest::parse(text, "hook.toml").unwrap();
    let ticks = own.ticks.clone().unwrap();
    assert_eq!(ticks[0].schedule, Schedule::Every(90 * SECOND));
    assert_eq!(ticks[1].schedule, Schedule::cron("0 3 * * *").unwrap());
    assert_eq!(ticks[1].schedule.to_string(), "cron 0 3 * * *");
    let over = manifest::parse("ticks = []", "hook.toml").unwrap();
    assert_eq!(own.overlay(over).ticks, Some(Vec::new()));
    let config = good("[hooks.x]\nticks = [{ name = 'a', every = '1s' }]");
    assert_eq!(config.hook("x").ticks.unwrap()[0].schedule, Schedule::Every(SECOND));
    assert_eq!(good("").hook("x").ticks, None);
}

#[test]
fn a_tick_has_a_name_and_one_schedule_that_can_be() {
    for (ticks, wanted) in [
        ("7", "`hooks.x.ticks` must be an array of tables"),
        ("[{ every = '1s' }]", "`hooks.x.ticks.0` lacks `name`"),
        ("[{ name = 'a b', every = '1s' }]", "`hooks.x.ticks.0.name` must be a name"),
        ("[{ name = 'a', every = '999ms' }]", "must be one second or more"),
        ("[{ name = 'a', every = '367d' }]", "a duration of at most a year"),
        ("[{ name = 'a', cron = '0 0 30 2 *' }]", "no time matches them"),
        ("[{ name = 'a', every = '1s', at = 3 }]", "unknown key `hooks.x.ticks.0.at`"),
    ] {
        let text = bad(&format!("[hooks.x]\nticks = {ticks}"));
        assert!(text.contains(wanted), "no `{wanted}` in {text}");
    }
    let tick = |number| format!("{{ name = 'n{number}', every = '1s' }}");
    let ticks = |count| (0..count).map(tick).collect::<Vec<_>>().join(", ");
    good(&format!("hooks.x.ticks = [{}]", ticks(32)));
    assert!(bad(&format!("hooks.x.ticks = [{}]", ticks(33))).contains("more than 32"));
}
