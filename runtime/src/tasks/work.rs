//! Runs tasks and ticks, from when the server is lifted until it drains.
//!
//! Each hook has a loop for its tasks in memory, one for its durable ones, and one for each tick. A loop takes
//! out what is due and spawns its run; the places that a hook has for runs are few, and its loops share
//! them. Nothing is looked for in vain: a loop sleeps until the next thing is due or it is told of one, and
//! only where other servers share the store it looks every few seconds.
//!
//! A drain ends the loops that could leave their work for later, lets the tasks in memory run, and cuts what
//! still runs when the time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::{jitter, pause};
use super::queue::Running;
use super::schedule::{Now, Times};
use super::stored::Written;
use super::ticks::Ticking;
use super::{STORE_PAUSE, Tasks};
use crate::config::Mode;
use crate::error::{Code, Failure};
use crate::hook::Hook;
use crate::store::{Agenda, Claimed, Due};

/// Instances of a hook that its tasks and ticks take at most, and never more than half of them: requests come
/// first.
const AT_ONCE_MAX: u32 = 4;
/// How often a store is looked into that other servers write to.
const POLL: Duration = Duration::from_secs(5);
/// The longest sleep: a clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How long to wait with a task for which no instance became free. It has waited `limits.queue_wait` then.
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// How much longer than everything that bounds a run its lease is.
const LEASE_BEYOND: Duration = Duration::from_secs(10);

/// The work of all hooks of a running set.
#[derive(Debug, Default)]
pub struct Work {
    workers: Vec<Worker>,
    /// Whether it is that of hooks that have left: tasks of exchanges under way, and those that are due
    /// later, are waited for.
    has_left: bool,
}

/// One hook, for its loops.
#[derive(Debug, Clone)]
struct Worker {
    hook: Arc<Hook>,
    tasks: Arc<Tasks>,
    places: Arc<Semaphore>,
    /// Ends the loops for durable tasks and ticks.
    stop: CancellationToken,
    /// Ends the loop for tasks in memory.
    handed_on: CancellationToken,
    /// Ends everything.
    cut: CancellationToken,
    /// What runs: loops, and runs that can be left for later.
    running: TaskTracker,
}

impl Work {
    /// Begins with the work of all hooks that take any.
    pub fn begin(hooks: &[Arc<Hook>]) -> Self {
        let mut work = Self::default();
        work.add(hooks);
        warn_of_the_unclaimed(hooks);
        work
    }

    /// Begins with the work of more hooks.
    pub fn add(&mut self, hooks: &[Arc<Hook>]) {
        for hook in hooks {
            let Some(tasks) = hook.context.tasks.clone() else { continue };
            let worker = Worker {
                hook: hook.clone(),
                tasks,
                places: Arc::new(Semaphore::new(places(hook))),
                stop: CancellationToken::new(),
                handed_on: CancellationToken::new(),
                cut: CancellationToken::new(),
                running: TaskTracker::new(),
            };
            worker.begin();
            self.workers.push(worker);
        }
    }

    /// Whether this hook's work is among it.
    pub fn has(&self, hook: &Arc<Hook>) -> bool {
        self.workers.iter().any(|worker| Arc::ptr_eq(&worker.hook, hook))
    }

    /// Takes out the work of hooks that leave the set. What `heirs` have taken over of it, tasks in memory
    /// among them, they go on with. The rest is drained with what this returns.
    #[must_use]
    pub fn leave(&mut self, hooks: &[Arc<Hook>], heirs: &[Arc<Hook>], until: Instant) -> Self {
        let leaves = |worker: &mut Worker| hooks.iter().any(|hook| Arc::ptr_eq(hook, &worker.hook));
        let left: Vec<Worker> = self.workers.extract_if(.., leaves).collect();
        let is_inherited = |worker: &Worker| {
            let heirs = heirs.iter().filter_map(|hook| hook.context.tasks.as_ref());
            heirs.into_iter().any(|tasks| Arc::ptr_eq(tasks, &worker.tasks))
        };
        let (inherited, workers): (Vec<_>, Vec<_>) = left.into_iter().partition(is_inherited);
        for worker in inherited {
            worker.stop.cancel();
            worker.handed_on.cancel();
            // What it runs at this moment may end.
            let cut = worker.cut;
            tokio::spawn(async move {
                tokio::time::sleep_until(until.into()).await;
                cut.cancel();
            });
        }
        let goes_on = |hook: &Arc<Hook>| {
            heirs.iter().any(|heir| heir.name() == hook.name() && takes_durable(heir))
        };
        if hooks.iter().any(|hook| takes_durable(hook) && !goes_on(hook)) {
            warn_of_the_unclaimed(heirs);
        }
        Self { workers, has_left: true }
    }

    /// Ends it: durable tasks are left in the store, what is in memory and due is run until then; of hooks that
    /// have left also what is due by then. What is left is lost, and the log says how much.
    pub async fn drain(self, until: Instant) {
        for worker in &self.workers {
            worker.stop.cancel();
            worker.running.close();
        }
        let done = async {
            for worker in &self.workers {
                worker.running.wait().await;
            }
            // Once more, as a task of one hook may call another one, which defers some.
            for tasks in self.tasks().chain(self.tasks()) {
                tasks.queue.idle(self.has_left.then_some(until)).await;
            }
        };
        if tokio::time::timeout_at(until.into(), done).await.is_err() {
            tracing::warn!("tasks were cut off: the time to drain was over");
        }
        self.workers.iter().for_each(|worker| worker.cut.cancel());
        for tasks in self.tasks() {
            let lost = tasks.queue.lose_all();
            if lost > 0 {
                tasks.tally.lost(lost as u64);
                tracing::warn!(hook = %tasks.hook, tasks = lost, "tasks in memory were lost");
            }
        }
        for worker in &self.workers {
            worker.running.wait().await;
        }
    }

    fn tasks(&self) -> impl Iterator<Item = &Arc<Tasks>> + Clone {
        self.workers.iter().map(|worker| &worker.tasks)
    }
}

/// How many runs a hook has room for.
fn places(hook: &Hook) -> usize {
    let instances = match hook.found.mode {
        Mode::Single => 1,
        Mode::Pooled | Mode::Fresh => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            hook.context.limits.instances_on(cores)
        }
    };
    (instances / 2).clamp(1, AT_ONCE_MAX) as usize
}

/// Whether a hook can have durable tasks.
fn takes_durable(hook: &Hook) -> bool {
    hook.context.tasks.is_some() && hook.context.reach.tasks
}

/// Says which tasks in the store are nobody's.
fn warn_of_the_unclaimed(hooks: &[Arc<Hook>]) {
    let takers: Vec<Arc<str>> =
        hooks.iter().filter(|hook| takes_durable(hook)).map(|hook| hook.name().clone()).collect();
    let agenda = hooks.first().and_then(|hook| hook.context.shared().agenda.clone());
    let Some(agenda) = agenda else { return };
    tokio::spawn(async move {
        // Where the store does not answer, the loops say so.
        for (hook, count) in agenda.topics().await.unwrap_or_default() {
            if !takers.iter().any(|taker| **taker == *hook) {
                tracing::warn!(
                    "{count} durable tasks of hook `{hook}` stay in the store: there is no such hook, or it \
                     does not export `background`, or has no grant `tasks`"
                );
            }
        }
    });
}

impl Worker {
    fn begin(&self) {
        let (kept, over) = (self.clone().kept(), self.handed_on.clone());
        // This one does not end with `stop`: what is in memory is drained.
        tokio::spawn(
            self.cut.clone().run_until_cancelled_owned(over.run_until_cancelled_owned(kept)),
        );
        let agenda = self.hook.context.shared().agenda.clone();
        match agenda.filter(|_| takes_durable(&self.hook)) {
            Some(agenda) => self.spawn(self.clone().stored(agenda)),
            None => self.tasks.has_stored(None),
        }
        for ticking in self.hook.context.ticks.iter() {
            self.spawn(self.clone().ticks(ticking.clone()));
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(self.cut.clone().run_until_cancelled_owned(work));
    }

    /// The loop for tasks in memory.
    async fn kept(self) {
        loop {
            let running = self.tasks.queue.next(&self.tasks).await;
            let Some(place) = self.place().await else { return };
            let worker = self.clone();
            let run = async move { worker.run_kept(running, place).await };
            tokio::spawn(self.cut.clone().run_until_cancelled_owned(run));
        }
    }

    async fn run_kept(&self, mut running: Running, _place: OwnedSemaphorePermit) {
        running.begin();
        loop {
            let task = &running.task;
            match self.hook.handle_task(&task.name, &task.payload, 1).await {
                Ok(()) => {
                    self.tasks.tally.ran(true);
                    break;
                }
                // It has not been called, so it can be once more.
                Err(failure) if failure.code == Code::HookBusy => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(failure) => {
                    self.tasks.tally.ran(false);
                    tracing::error!(task = %self.clean(&task.name), "{}", lines(&failure));
                    break;
                }
            }
        }
        running.done();
    }

    /// The loop for durable tasks.
    async fn stored(self, agenda: Arc<Agenda>) {
        let topic = &*self.tasks.hook;
        let released = agenda.bell(topic);
        let mut answers = true;
        while !self.stop.is_cancelled() {
            let Some(place) = self.place().await.filter(|_| !self.stop.is_cancelled()) else {
                return;
            };
            let claimed = agenda.claim(topic, self.lease()).await;
            self.tasks.has_stored(agenda.count(topic).await.ok());
            let wait = match claimed {
                Ok(Claimed::Entry(due, value)) => {
                    answers = true;
                    let (worker, agenda) = (self.clone(), agenda.clone());
                    let run = async move { worker.run_stored(&agenda, due, &value, place).await };
                    self.running.spawn(self.cut.clone().run_until_cancelled_owned(run));
                    continue;
                }
                Ok(Claimed::Nothing(next)) => {
                    answers = true;
                    let longest = if agenda.is_shared() { spread(POLL) } else { SLEEP_MAX };
                    next.unwrap_or(longest).min(longest)
                }
                Err(error) => {
                    if std::mem::take(&mut answers) {
                        tracing::warn!(hook = %topic, "durable tasks have to wait: {error}");
                    }
                    spread(STORE_PAUSE)
                }
            };
            drop(place);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = released.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn run_stored(
        &self,
        agenda: &Agenda,
        due: Due,
        value: &[u8],
        _place: OwnedSemaphorePermit,
    ) {
        let lease_ends = Instant::now() + self.lease();
        let Some(task) = Written::read(value) else {
            tracing::error!(hook = %self.tasks.hook, "a task in the store is unreadable; it is removed");
            return self.settle(agenda, &due, lease_ends, None).await;
        };
        let called = self.hook.handle_task(&task.name, &task.payload, task.attempt).await;
        let next = match called {
            Ok(()) => {
                self.tasks.tally.ran(true);
                None
            }
            // It has not been called, so this was no attempt.
            Err(failure) if matches!(failure.code, Code::HookBusy | Code::Draining) => {
                Some((spread(BUSY_PAUSE), task))
            }
            Err(failure) => self.after_failure(task, &failure),
        };
        self.settle(agenda, &due, lease_ends, next).await;
    }

    /// What becomes of a durable task that failed: when it is tried again, unless it is given up.
    fn after_failure(&self, task: Written, failure: &Failure) -> Option<(Duration, Written)> {
        let settings = self.tasks.settings.load();
        let Written { name, attempt, .. } = &task;
        self.tasks.tally.ran(false);
        let text = lines(failure);
        if *attempt >= settings.attempts {
            self.tasks.tally.gave_up();
            tracing::error!(task = %self.clean(name), attempts = attempt, "given up: {text}");
            return None;
        }
        self.tasks.tally.retried();
        let wait = pause(*attempt, settings.backoff, settings.backoff_max, jitter());
        tracing::warn!(task = %self.clean(name), attempt, "it is tried again in {wait:.1?}: {text}");
        Some((wait, Written { attempt: attempt + 1, ..task }))
    }

    /// Tells the store what became of a task. It asks again for as long as the lease lasts: afterwards the
    /// task is run once more.
    async fn settle(
        &self,
        agenda: &Agenda,
        due: &Due,
        lease_ends: Instant,
        next: Option<(Duration, Written)>,
    ) {
        let topic = &*self.tasks.hook;
        let mut asked_before = false;
        loop {
            let settled = match &next {
                None => agenda.remove(topic, due).await,
                Some((wait, task)) => agenda.again(topic, due, *wait, &task.bytes()).await,
            };
            match settled {
                Ok(true) => break,
                // What was not answered was done all the same, or the store would say so.
                Ok(false) if asked_before && Instant::now() < lease_ends => break,
                Ok(false) => {
                    tracing::warn!(hook = %topic, "a durable task took longer than its lease: it is run once more");
                    break;
                }
                Err(error) if Instant::now() >= lease_ends => {
                    tracing::error!(hook = %topic, "a durable task is run once more: {error}");
                    break;
                }
                Err(_) => tokio::time::sleep(spread(STORE_PAUSE)).await,
            }
            asked_before = true;
        }
        // It may be due at once, and nobody has slept that long.
        agenda.bell(topic).notify_one();
    }

    /// How long a durable task is claimed for: longer than any run of it.
    fn lease(&self) -> Duration {
        let limits = &self.hook.context.limits;
        limits.queue_wait + self.hook.timeout.0 + limits.wall_max() + LEASE_BEYOND
    }

    /// The loop for a tick.
    async fn ticks(self, ticking: Ticking) {
        let mut times = Times::new(&ticking.tick.schedule, Now::read());
        loop {
            let Some(left) = times.until(Now::read()) else { return };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(left.min(SLEEP_MAX)) => {}
            }
            if !left.is_zero() && times.until(Now::read()).is_some_and(|left| !left.is_zero()) {
                continue;
            }
            let place = tokio::select! {
                () = self.stop.cancelled() => return,
                place = self.place() => place,
            };
            self.tick(&ticking).await;
            drop(place);
            let passed = times.go_on(Now::read());
            ticking.skipped(passed);
            if passed > 0 {
                let (hook, tick) = (&self.tasks.hook, &ticking.tick.name);
                tracing::warn!(%hook, %tick, times = passed, "the tick took longer than its interval");
            }
        }
    }

    async fn tick(&self, ticking: &Ticking) {
        let name = &ticking.tick.name;
        match self.hook.handle_tick(name).await {
            Ok(()) => ticking.ticked(true),
            Err(failure) if failure.code == Code::HookBusy => ticking.skipped(1),
            Err(failure) => {
                ticking.ticked(false);
                tracing::error!(tick = %name, "{}", lines(&failure));
            }
        }
    }

    /// A task's name for the log: a hook may have put anything into it.
    fn clean(&self, name: &str) -> String {
        self.hook.context.shared().redactor.clean(name).into_owned()
    }

    /// Waits for a place to run something; none when it is over.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }
}

/// What the log says of a failed run: there is no client who would get the details.
fn lines(failure: &Failure) -> String {
    match &failure.backtrace {
        Some(backtrace) => format!("{failure}\n{backtrace}"),
        None => failure.to_string(),
    }
}

/// About so long: servers that share a store do not all ask at once.
fn spread(time: Duration) -> Duration {
    pause(1, time, time, jitter())
}
