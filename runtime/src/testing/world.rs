//! The world that a case makes for a hook, in the place of the machine: its time, its randomness, its store, its
//! other servers; and an ear for all that the hook does there.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::case::{Answer, Case, Mock};
use super::seen::{Event, Failed, Task};
use crate::config::defaults::{KV_SIZE_IN_MEMORY, KV_VALUE};
use crate::error::Failure;
use crate::fetch::{Servers, Unanswered};
use crate::log::{self, Level};
use crate::outside::{FrozenClock, Outside};
use crate::store::Store;
use crate::tasks::Deferred;

/// The world of one case.
#[derive(Debug)]
pub(super) struct World {
    clock: FrozenClock,
    seed: u64,
    store: Store,
    servers: Arc<Mocks>,
    heard: Mutex<Heard>,
    /// The tasks that have not been run, each with the time that it waits for.
    pending: Mutex<Vec<(Duration, Task)>>,
}

/// What a hook has done since somebody last asked.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) logs: Vec<String>,
    pub(super) events: Vec<Event>,
    pub(super) tasks: Vec<Task>,
    pub(super) failures: Vec<Failed>,
}

/// The other servers of a case.
#[derive(Debug)]
struct Mocks {
    /// Each with how often it was asked.
    mocks: Vec<(Mock, AtomicU64)>,
    asked: Mutex<Asked>,
}

/// The requests to other servers since somebody last asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) all: Vec<String>,
    pub(super) unexpected: Vec<String>,
}

impl World {
    pub(super) fn new(case: &Case) -> Arc<Self> {
        let clock = FrozenClock::new(case.now);
        let value = usize::try_from(KV_VALUE).unwrap_or(usize::MAX);
        let store = Store::memory(KV_SIZE_IN_MEMORY, value).by(clock.clone());
        let mocks = case.fetch.iter().map(|mock| (mock.clone(), AtomicU64::new(0))).collect();
        Arc::new(Self {
            clock,
            seed: case.seed,
            store,
            servers: Arc::new(Mocks { mocks, asked: Mutex::default() }),
            heard: Mutex::default(),
            pending: Mutex::default(),
        })
    }

    pub(super) fn kv(&self) -> &Store {
        &self.store
    }

    pub(super) fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// What the hook has done since this was last asked.
    pub(super) fn take_heard(&self) -> (Heard, Asked) {
        (mem::take(&mut *lock(&self.heard)), mem::take(&mut *lock(&self.servers.asked)))
    }

    /// The tasks whose time has come, in the order in which it came. They are not given again.
    pub(super) fn take_due(&self) -> Vec<Task> {
        let now = self.clock.now();
        let mut pending = lock(&self.pending);
        let mut due: Vec<_> = pending.extract_if(.., |(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, task)| task).collect()
    }

    /// Other servers that were not asked as often as they must be.
    pub(super) fn unmet(&self) -> Vec<String> {
        let unmet = |(mock, asked): &(Mock, AtomicU64)| {
            let (asked, times) = (asked.load(Ordering::Relaxed), mock.times?);
            let method = mock.method.as_ref().map(|method| format!("{method} "));
            let request = format!("{}{}", method.unwrap_or_default(), mock.url);
            (asked != times).then(|| format!("{request}: to be asked {times} times, was {asked}"))
        };
        self.servers.mocks.iter().filter_map(unmet).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outside for World {
    fn clock(&self) -> Option<FrozenClock> {
        Some(self.clock.clone())
    }

    fn seed(&self) -> Option<u64> {
        Some(self.seed)
    }

    fn servers(&self) -> Option<Arc<dyn Servers>> {
        Some(self.servers.clone())
    }

    fn store(&self) -> Option<Store> {
        Some(self.store.clone())
    }

    fn logs(&self, _level: Level) -> bool {
        true
    }

    fn log(&self, level: Level, _hook: &str, _request: Option<&str>, message: &str, fields: &str) {
        let blank = if fields.is_empty() { "" } else { " " };
        let line = format!("{}: {message}{blank}{fields}", log::name(level));
        lock(&self.heard).logs.push(line);
    }

    fn emitted(&self, _hook: &str, event: &str, payload: &str) {
        lock(&self.heard).events.push(Event { name: event.to_owned(), payload: json(payload) });
    }

    fn deferred(&self, hook: &str, deferred: &Deferred) {
        let crate::tasks::Task { name, payload, delay } = deferred.task();
        let (name, payload, delay) = (name.clone(), json(payload), *delay);
        let durable = deferred.is_durable();
        let task = Task { hook: hook.to_owned(), name, payload, durable, delay };
        lock(&self.heard).tasks.push(task.clone());
        lock(&self.pending).push((self.clock.now().saturating_add(delay), task));
    }

    fn failed(&self, failure: &Failure) {
        lock(&self.heard).failures.push(failure.into());
    }
}

/// What was checked when the hook handed it over.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

impl From<&Failure> for Failed {
    fn from(failure: &Failure) -> Self {
        let mut text = failure.to_string();
        if let Some(backtrace) = &failure.backtrace {
            text = format!("{text}\n{}", backtrace.trim_end());
        }
        let is_broken = failure.hook.is_some() && failure.is_server_error();
        Self { code: failure.code_text().to_owned(), text, is_broken }
    }
}

impl Servers for Mocks {
    fn answer(&self, request: &http::Request<Bytes>) -> Result<http::Response<Bytes>, Unanswered> {
        let (method, url) = (request.method(), request.uri().to_string());
        let shown = format!("{method} {url}");
        let mut asked = lock(&self.asked);
        asked.all.push(shown.clone());
        let is_for = |mock: &Mock| {
            mock.method.as_ref().is_none_or(|wanted| wanted == method) && same_url(&mock.url, &url)
        };
        // Of several that it is for, each answers as often as it is to be asked.
        let is_left = |(mock, count): &&(Mock, AtomicU64)| {
            is_for(mock) && mock.times.is_none_or(|times| count.load(Ordering::Relaxed) < times)
        };
        let first = || self.mocks.iter().find(|(mock, _)| is_for(mock));
        let Some((mock, count)) = self.mocks.iter().find(is_left).or_else(first) else {
            asked.unexpected.push(shown.clone());
            return Err(Unanswered::Failed(format!("the case has no answer for {shown}")));
        };
        count.fetch_add(1, Ordering::Relaxed);
        match &mock.answer {
            Answer::Response { status, headers, body } => {
                let mut response = http::Response::new(Bytes::from(body.clone()));
                *response.status_mut() = *status;
                *response.headers_mut() = headers.clone();
                Ok(response)
            }
            Answer::Failed(why) => Err(Unanswered::Failed(why.clone())),
            Answer::TooLate => Err(Unanswered::TooLate),
        }
    }
}

/// Whether two texts are one URL: `https://a.test` is `https://a.test/`.
fn same_url(one: &str, other: &str) -> bool {
    match (url::Url::parse(one), url::Url::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
