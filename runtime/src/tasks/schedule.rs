//! Works out when ticks are due: every so often, or by the five fields of cron. Pure: the time comes in.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A time of the hook's that comes again.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// What `handle-tick` gets.
    pub name: String,
    /// When it is due.
    pub schedule: Schedule,
}

/// When something is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// So long after the server was lifted, and so long after that.
    Every(Duration),
    /// At the minutes that match, in UTC.
    Cron(Box<Cron>),
}

impl Schedule {
    /// Reads minute, hour, day of month, month and day of week.
    ///
    /// # Errors
    /// What is wrong with them; also where no time there ever is matches.
    pub fn cron(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed);
        let cron = parser.build().parse(text).map_err(|error| error.to_string())?;
        match cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false) {
            Ok(_) => Ok(Self::Cron(Box::new(cron))),
            Err(_) => Err("no time matches them".into()),
        }
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(time) => write!(out, "every {}", crate::config::duration_text(*time)),
            Self::Cron(cron) => write!(out, "cron {}", cron.as_str()),
        }
    }
}

/// Now, by the clock that only runs on and by the one that people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) date: DateTime<Utc>,
}

impl Now {
    pub(super) fn read() -> Self {
        Self { instant: Instant::now(), date: std::time::SystemTime::now().into() }
    }
}

/// Where a schedule stands.
#[derive(Debug)]
pub(super) enum Times<'a> {
    Every { every: Duration, next: Instant },
    Cron { cron: &'a Cron, next: Option<DateTime<Utc>> },
}

/// Times of a schedule that are counted one by one when they have passed. There is a number beyond which
/// nobody cares: the machine slept.
const PASSED_MAX: u64 = 100_000;

impl<'a> Times<'a> {
    /// From now on.
    pub(super) fn new(schedule: &'a Schedule, now: Now) -> Self {
        match schedule {
            Schedule::Every(every) => Self::Every { every: *every, next: now.instant + *every },
            Schedule::Cron(cron) => Self::Cron { cron, next: following(cron, now.date) },
        }
    }

    /// How long it is until the next time; none where there is no next one.
    pub(super) fn until(&self, now: Now) -> Option<Duration> {
        match self {
            Self::Every { next, .. } => Some(next.saturating_duration_since(now.instant)),
            Self::Cron { next, .. } => {
                next.map(|next| (next - now.date).to_std().unwrap_or_default())
            }
        }
    }

    /// Goes on to the first time that lies ahead, and says how many after the one that was due it passed
    /// over.
    pub(super) fn go_on(&mut self, now: Now) -> u64 {
        let mut passed = 0;
        match self {
            Self::Every { every, next } => {
                let late = now.instant.saturating_duration_since(*next);
                let whole = late.as_nanos() / every.as_nanos().max(1);
                passed = u64::try_from(whole).unwrap_or(u64::MAX).min(PASSED_MAX);
                *next += *every;
                if *next <= now.instant {
                    let into = late.as_nanos() % every.as_nanos().max(1);
                    let left = every.as_nanos() - into;
                    *next = now.instant + Duration::from_nanos(left.try_into().unwrap_or(u64::MAX));
                }
            }
            Self::Cron { cron, next } => {
                *next = next.and_then(|due| following(cron, due));
                while passed < PASSED_MAX && next.is_some_and(|next| next <= now.date) {
                    passed += 1;
                    *next = next.and_then(|due| following(cron, due));
                }
                if next.is_some_and(|next| next <= now.date) {
                    *next = following(cron, now.date);
                }
            }
        }
        passed
    }
}

fn following(cron: &Cron, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    cron.find_next_occurrence(&after, false).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Now {
        Now { instant: Instant::now(), date: text.parse().unwrap() }
    }

    fn next(times: &Times<'_>) -> String {
        let Times::Cron { next: Some(next), .. } = times else { panic!("{times:?}") };
        next.to_rfc3339()
    }

    #[test]
    fn cron_is_in_utc_and_has_a_minute_as_its_smallest_step() {
        let nightly = Schedule::cron("0 3 * * *").unwrap();
        let mut times = Times::new(&nightly, at("2026-03-28T23:59:59+01:00"));
        assert_eq!(next(&times), "2026-03-29T03:00:00+00:00");
        assert_eq!(times.go_on(at("2026-03-29T03:00:01Z")), 0);
        assert_eq!(next(&times), "2026-03-30T03:00:00+00:00");
        for wrong in ["* * * * * *", "0 3 * *", "61 * * * *", "", "0 0 30 2 *"] {
            assert!(Schedule::cron(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sundays_are_0_and_7_as_in_crontab() {
        for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN"] {
            let schedule = Schedule::cron(sunday).unwrap();
            let times = Times::new(&schedule, at("2026-11-21T12:00:00Z"));
            assert_eq!(next(&times), "2026-11-22T00:00:00+00:00", "{sunday}");
        }
    }

    #[test]
    fn times_of_cron_that_passed_meanwhile_are_counted_and_not_made_up_for() {
        let minutely = Schedule::cron("* * * * *").unwrap();
        let mut times = Times::new(&minutely, at("2026-01-01T00:00:30Z"));
        assert_eq!(times.go_on(at("2026-01-01T00:04:10Z")), 3);
        assert_eq!(next(&times), "2026-01-01T00:05:00+00:00");
    }

    proptest! {
        #[test]
        fn an_interval_keeps_its_beat_however_late_it_is(
            every_ms in 1u64..100_000,
            late_ms in 0u64..1_000_000,
        ) {
            let (every, late) = (Duration::from_millis(every_ms), Duration::from_millis(late_ms));
            let began = at("2026-01-01T00:00:00Z");
            let mut times = Times::new(&Schedule::Every(every), began).own();
            let now = Now { instant: began.instant + every + late, ..began };
            let passed = times.go_on(now);
            let left = times.until(now).unwrap();
            prop_assert_eq!(passed, (late_ms / every_ms).min(PASSED_MAX));
            prop_assert!(left > Duration::ZERO && left <= every);
            // The next time is a whole number of intervals after the beginning.
            let since = (every + late + left).as_nanos();
            prop_assert_eq!(since % every.as_nanos(), 0);
        }
    }

    impl Times<'_> {
        /// Those of an interval borrow nothing.
        fn own(self) -> Times<'static> {
            match self {
                Self::Every { every, next } => Times::Every { every, next },
                Self::Cron { .. } => panic!("these borrow a schedule"),
            }
        }
    }
}
