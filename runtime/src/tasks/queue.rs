//! Keeps the tasks of one hook that are in memory, until they are due.
//!
//! A task has its room from when it is deferred, so that being full is the deferrer's error, and never that of
//! somebody who is not there any more. It gives it back when it begins to run, or is dropped. One that was taken
//! out and never began, because its loop ended first, is back where it was: whoever has the queue then runs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::{Task, Tasks};

/// Bytes of names and payloads that may wait.
const BYTES_MAX: usize = 8 << 20;

/// Tasks in memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when a task came, or was done.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Those that were released, by when they are due and in which order they came.
    due: BTreeMap<Place, (Task, Room)>,
    /// How many came.
    came: u64,
    /// Those that wait, the ones included that have not been released.
    waiting: usize,
    bytes: usize,
    /// Those that were taken out and have not begun. They still wait.
    taken: usize,
    /// Those that have begun and are not done.
    running: usize,
    /// Whether all that was there has been counted as lost, and nothing is run any more.
    is_over: bool,
}

/// A place in a hook's queue.
#[derive(Debug)]
pub(super) struct Room {
    tasks: Arc<Tasks>,
    bytes: usize,
}

/// When a task is due, and the how manieth it is.
type Place = (Instant, u64);

/// A task that was taken out to be run.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) task: Task,
    tasks: Arc<Tasks>,
    /// Where it was, until it begins.
    from: Option<(Place, Room)>,
    is_done: bool,
}

impl Queue {
    /// Sets room aside for one more task of so many bytes. The error says what is full.
    pub(super) fn room(&self, tasks: &Arc<Tasks>, bytes: usize) -> Result<Room, String> {
        let mut state = self.state();
        if state.is_over {
            return Err("the hook has left, and nothing runs its tasks any more".into());
        }
        if state.waiting >= tasks.settings.load().queue {
            return Err(format!("{} tasks wait, as many as `tasks.queue` allows", state.waiting));
        }
        if state.bytes + bytes > BYTES_MAX {
            return Err(format!("the tasks that wait have {BYTES_MAX} bytes together at most"));
        }
        state.waiting += 1;
        state.bytes += bytes;
        Ok(Room { tasks: tasks.clone(), bytes })
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting
    }

    /// Takes out the next task, once it is due.
    pub(super) async fn next(&self, tasks: &Arc<Tasks>) -> Running {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let due = match self.take(Instant::now()) {
                Ok((place, task, room)) => {
                    let (tasks, from) = (tasks.clone(), Some((place, room)));
                    return Running { task, tasks, from, is_done: false };
                }
                Err(due) => due,
            };
            match due {
                None => changed.await,
                Some(due) => drop(tokio::time::timeout_at(due.into(), changed).await),
            }
        }
    }

    /// Takes out the first that is due; or says when one is.
    fn take(&self, now: Instant) -> Result<(Place, Task, Room), Option<Instant>> {
        let mut state = self.state();
        let (key @ (due, _), _) = state.due.first_key_value().ok_or(None)?;
        let (key, due) = (*key, *due);
        if due > now {
            return Err(Some(due));
        }
        let (task, room) = state.due.remove(&key).ok_or(None)?;
        state.taken += 1;
        Ok((key, task, room))
    }

    /// Returns when nothing runs and nothing is due. With a time, also nothing that is due by then, and
    /// nothing that has not been released.
    pub(super) async fn idle(&self, by: Option<Instant>) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.state().is_idle(by) {
                return;
            }
            changed.await;
        }
    }

    /// How many were lost: all that wait or run. Nothing is kept from now on.
    pub(super) fn lose_all(&self) -> usize {
        let (due, lost) = {
            let mut state = self.state();
            state.is_over = true;
            (std::mem::take(&mut state.due), state.waiting + state.running)
        };
        // Each gives back its room, for which it takes the lock.
        drop(due);
        lost
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self, by: Option<Instant>) -> bool {
        let unreleased = self.waiting.saturating_sub(self.due.len() + self.taken);
        let by_then = by.unwrap_or_else(Instant::now);
        let is_due = self.due.first_key_value().is_some_and(|((due, _), _)| *due <= by_then);
        self.running + self.taken == 0 && !is_due && (by.is_none() || unreleased == 0)
    }
}

impl Room {
    /// Puts the task there.
    pub(super) fn fill(self, task: Task) {
        let tasks = self.tasks.clone();
        let came = {
            let mut state = tasks.queue.state();
            state.came += 1;
            state.came
        };
        let place = (Instant::now() + task.delay, came);
        self.put(place, task);
    }

    /// Puts the task there at its place, unless the queue is over: it has been counted as lost then.
    fn put(self, place: Place, task: Task) {
        let tasks = self.tasks.clone();
        let left = {
            let mut state = tasks.queue.state();
            match state.is_over {
                true => Some(self),
                false => {
                    state.due.insert(place, (task, self));
                    None
                }
            }
        };
        // It takes the lock to give itself back.
        drop(left);
        tasks.queue.changed.notify_waiters();
    }
}

impl Running {
    /// Says that it is run from here on: whatever happens, it is not run again.
    pub(super) fn begin(&mut self) {
        let Some((_, room)) = self.from.take() else { return };
        {
            let mut state = self.tasks.queue.state();
            state.taken = state.taken.saturating_sub(1);
            state.running += 1;
        }
        drop(room);
    }

    /// Says that it has ended by itself.
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        {
            let mut state = self.tasks.queue.state();
            state.waiting = state.waiting.saturating_sub(1);
            state.bytes = state.bytes.saturating_sub(self.bytes);
        }
        self.tasks.queue.changed.notify_waiters();
    }
}

impl Drop for Running {
    /// Puts a task that has not begun back to where it was; one that was cut off is lost.
    fn drop(&mut self) {
        if let Some((place, room)) = self.from.take() {
            let task = std::mem::take(&mut self.task);
            {
                let mut state = self.tasks.queue.state();
                state.taken = state.taken.saturating_sub(1);
            }
            return room.put(place, task);
        }
        let is_counted = {
            let mut state = self.tasks.queue.state();
            state.running = state.running.saturating_sub(1);
            self.is_done || state.is_over
        };
        self.tasks.queue.changed.notify_waiters();
        if !is_counted {
            self.tasks.tally.lost(1);
            tracing::warn!(hook = %self.tasks.hook, "a task in memory was cut off while it ran, and is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::TaskSettings;
    use crate::tasks::Ticks;

    fn tasks(queue: usize) -> Arc<Tasks> {
        let settings = TaskSettings { queue, ..TaskSettings::default() };
        Arc::new(Tasks::new("a".into(), settings))
    }

    fn task(name: &str, delay_ms: u64) -> Task {
        let delay = Duration::from_millis(delay_ms);
        Task { name: name.into(), payload: "{}".into(), delay }
    }

    async fn next(tasks: &Arc<Tasks>) -> String {
        let mut running = tasks.queue.next(tasks).await;
        running.begin();
        let name = running.task.name.clone();
        running.done();
        name
    }

    #[tokio::test]
    async fn tasks_come_out_in_the_order_in_which_they_are_due() {
        let tasks = tasks(10);
        for (name, delay) in [("later", 50), ("first", 0), ("second", 0)] {
            tasks.keep(task(name, delay)).unwrap().release();
        }
        assert_eq!(next(&tasks).await, "first");
        assert_eq!(next(&tasks).await, "second");
        assert_eq!(next(&tasks).await, "later");
        assert_eq!(tasks.queue.waiting(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_takes_the_last_that_fits_and_not_one_more() {
        let tasks = tasks(2);
        let held = tasks.keep(task("held", 0)).unwrap();
        tasks.keep(task("a", 0)).unwrap().release();
        assert!(matches!(tasks.keep(task("b", 0)), Err(super::super::Refused::Full(_))));
        assert_eq!(tasks.reading(&Ticks::default()).refused, 1);
        drop(held);
        tasks.keep(task("c", 0)).unwrap().release();
        assert_eq!(next(&tasks).await, "a");
        tasks.keep(task("d", 0)).unwrap().release();
    }

    #[test]
    fn bytes_have_a_bound_too() {
        let tasks = tasks(1_000_000);
        let payload = "x".repeat(1 << 20);
        let large =
            || Task { name: String::new(), payload: payload.clone(), delay: Duration::ZERO };
        let held: Vec<_> = (0..8).map(|_| tasks.keep(large()).unwrap()).collect();
        assert!(tasks.keep(task("one", 0)).is_err());
        drop(held);
        tasks.keep(task("one", 0)).unwrap();
    }

    #[tokio::test]
    async fn it_is_idle_when_nothing_runs_and_nothing_is_due() {
        let tasks = tasks(10);
        tasks.keep(task("in an hour", 3_600_000)).unwrap().release();
        tasks.queue.idle(None).await;
        tasks.keep(task("now", 0)).unwrap().release();
        let mut running = tasks.queue.next(&tasks).await;
        running.begin();
        let idle = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.queue.idle(None).await }
        });
        tokio::task::yield_now().await;
        assert!(!idle.is_finished());
        drop(running);
        idle.await.unwrap();
        assert_eq!(tasks.queue.lose_all(), 1);
        assert_eq!(tasks.queue.waiting(), 0);
    }

    #[tokio::test]
    async fn with_a_time_what_is_held_or_due_by_then_is_waited_for() {
        let tasks = tasks(10);
        let held = tasks.keep(task("held", 0)).unwrap();
        tasks.keep(task("in an hour", 3_600_000)).unwrap().release();
        let soon = Instant::now() + Duration::from_secs(60);
        assert!(tasks.queue.state().is_idle(None));
        assert!(!tasks.queue.state().is_idle(Some(soon)));
        let idle = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.queue.idle(Some(soon)).await }
        });
        tokio::task::yield_now().await;
        assert!(!idle.is_finished());
        drop(held);
        idle.await.unwrap();
        assert!(!tasks.queue.state().is_idle(Some(soon + Duration::from_secs(3_600))));
    }

    #[tokio::test]
    async fn what_was_taken_out_and_never_began_is_where_it_was() {
        let tasks = tasks(2);
        tasks.keep(task("first", 0)).unwrap().release();
        tasks.keep(task("second", 0)).unwrap().release();
        let taken = tasks.queue.next(&tasks).await;
        assert_eq!(taken.task.name, "first");
        assert!(tasks.keep(task("more", 0)).is_err(), "it still has its room");
        drop(taken);
        assert_eq!(tasks.reading(&Ticks::default()).lost, 0);
        assert_eq!(next(&tasks).await, "first");
        assert_eq!(next(&tasks).await, "second");
        assert_eq!(tasks.queue.waiting(), 0);
    }

    #[tokio::test]
    async fn what_is_cut_off_while_it_runs_is_counted_once() {
        let tasks = tasks(3);
        for name in ["cut", "with all", "waits"] {
            tasks.keep(task(name, 0)).unwrap().release();
        }
        let mut cut = tasks.queue.next(&tasks).await;
        cut.begin();
        drop(cut);
        assert_eq!(tasks.reading(&Ticks::default()).lost, 1);
        let mut with_all = tasks.queue.next(&tasks).await;
        with_all.begin();
        let held = tasks.keep(task("held", 0)).unwrap();
        assert_eq!(tasks.queue.lose_all(), 3);
        drop(with_all);
        assert_eq!(tasks.reading(&Ticks::default()).lost, 1);
        // Nobody would run it.
        held.release();
        assert_eq!(tasks.queue.waiting(), 0);
        assert!(tasks.keep(task("too late", 0)).is_err());
    }
}
