//! Keeps the tasks of one hook that are in memory, until they are due.
//!
//! A task has its room from when it is deferred, so that being full is the deferrer's error, and never that of
//! somebody who is not there any more. It gives it back when it begins to run, or is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::{Task, Tasks};

/// Bytes of names and payloads that may wait.
const BYTES_MAX: usize = 8 << 20;

/// Tasks in memory.
#[derive(Debug)]
pub(super) struct Queue {
    tasks_max: usize,
    state: Mutex<State>,
    /// Told when a task came, or was done.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Those that were released, by when they are due and in which order they came.
    due: BTreeMap<(Instant, u64), (Task, Room)>,
    /// How many came.
    came: u64,
    /// Those that wait, the ones included that have not been released.
    waiting: usize,
    bytes: usize,
    /// Those that were taken out and are not done.
    running: usize,
}

/// A place in a hook's queue.
#[derive(Debug)]
pub(super) struct Room {
    tasks: Arc<Tasks>,
    bytes: usize,
}

/// A task that was taken out to be run.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) task: Task,
    tasks: Arc<Tasks>,
}

impl Queue {
    pub(super) fn new(tasks_max: usize) -> Self {
        Self { tasks_max, state: Mutex::default(), changed: Notify::new() }
    }

    /// Sets room aside for one more task of so many bytes. The error says what is full.
    pub(super) fn room(&self, tasks: &Arc<Tasks>, bytes: usize) -> Result<Room, String> {
        let mut state = self.state();
        if state.waiting >= self.tasks_max {
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
                Ok((task, room)) => {
                    drop(room);
                    return Running { task, tasks: tasks.clone() };
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
    fn take(&self, now: Instant) -> Result<(Task, Room), Option<Instant>> {
        let mut state = self.state();
        let (key @ (due, _), _) = state.due.first_key_value().ok_or(None)?;
        let (key, due) = (*key, *due);
        if due > now {
            return Err(Some(due));
        }
        let taken = state.due.remove(&key).ok_or(None)?;
        state.running += 1;
        Ok(taken)
    }

    /// Returns when nothing runs and nothing is due.
    pub(super) async fn idle(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let state = self.state();
                let first = state.due.first_key_value();
                let is_due = first.is_some_and(|((due, _), _)| *due <= Instant::now());
                if state.running == 0 && !is_due {
                    return;
                }
            }
            changed.await;
        }
    }

    /// How many were lost: all that wait or run.
    pub(super) fn lose_all(&self) -> usize {
        let (due, lost) = {
            let mut state = self.state();
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

impl Room {
    /// Puts the task there.
    pub(super) fn fill(self, task: Task) {
        let tasks = self.tasks.clone();
        {
            let mut state = tasks.queue.state();
            let key = (Instant::now() + task.delay, state.came);
            state.came += 1;
            state.due.insert(key, (task, self));
        }
        tasks.queue.changed.notify_waiters();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.tasks.queue.state();
        state.waiting = state.waiting.saturating_sub(1);
        state.bytes = state.bytes.saturating_sub(self.bytes);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        {
            let mut state = self.tasks.queue.state();
            state.running = state.running.saturating_sub(1);
        }
        self.tasks.queue.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::TaskSettings;

    fn tasks(queue: usize) -> Arc<Tasks> {
        let settings = TaskSettings { queue, ..TaskSettings::default() };
        Arc::new(Tasks::new("a".into(), settings, Vec::new(), None, Duration::ZERO))
    }

    fn task(name: &str, delay_ms: u64) -> Task {
        let delay = Duration::from_millis(delay_ms);
        Task { name: name.into(), payload: "{}".into(), delay }
    }

    async fn next(tasks: &Arc<Tasks>) -> String {
        tasks.queue.next(tasks).await.task.name.clone()
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
        assert_eq!(tasks.reading().refused, 1);
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
        tasks.queue.idle().await;
        tasks.keep(task("now", 0)).unwrap().release();
        let running = tasks.queue.next(&tasks).await;
        let idle = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.queue.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!idle.is_finished());
        drop(running);
        idle.await.unwrap();
        assert_eq!(tasks.queue.lose_all(), 1);
        assert_eq!(tasks.queue.waiting(), 0);
    }
}
