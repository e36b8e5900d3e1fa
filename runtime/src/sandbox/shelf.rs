//! Keeps a pool's idle instances, knows how many more there may be, and gives either to those that
//! wait, in turn. It does not know what it keeps, nor how that is made.
//!
//! One lock guards all of it and is held for a push or a pop, so a call costs two turns of it: to take
//! an instance and to give it back.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Idle instances, and room for more.
#[derive(Debug)]
pub(super) struct Shelf<T>(Mutex<Places<T>>);

/// Nothing is idle and there is no room as long as anybody waits.
#[derive(Debug)]
struct Places<T> {
    /// The most recently used one is taken first: its memory is still in the cpu's caches.
    idle: Vec<Idle<T>>,
    room: u32,
    waiting: VecDeque<oneshot::Sender<Place<T>>>,
    closed: bool,
}

/// What waits for its next use.
#[derive(Debug)]
struct Idle<T> {
    item: T,
    /// The sweep that was next when it was put here.
    since: u32,
}

/// A place in the pool: whoever has it gives it back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<T> {
    /// Something idle.
    Idle(T),
    /// Leave to make one more.
    Room,
}

/// Why no place was given at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are in use.
    Full,
    /// Nobody gets one any more.
    Closed,
}

impl<T> Shelf<T> {
    /// A shelf with one idle, and room for so many more.
    pub(super) fn new(first: T, room: u32) -> Self {
        Self(Mutex::new(Places {
            idle: vec![Idle { item: first, since: 0 }],
            room,
            waiting: VecDeque::new(),
            closed: false,
        }))
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self) -> Result<Place<T>, NoPlace> {
        self.places().take()
    }

    /// Takes a place, or gets in line for one. What it is given and leaves counts as used in that sweep.
    ///
    /// # Errors
    /// If it is closed.
    pub(super) fn line_up(&self, sweep: u32) -> Result<Waiter<'_, T>, NoPlace> {
        let (sender, receiver) = oneshot::channel();
        let mut places = self.places();
        match places.take() {
            // This cannot fail: the other end is here.
            Ok(place) => drop(sender.send(place)),
            Err(NoPlace::Full) => {
                // Those who gave up gather here, as all wait equally long, until something is given back.
                while places.waiting.pop_front_if(|first| first.is_closed()).is_some() {}
                places.waiting.push_back(sender);
            }
            Err(closed) => return Err(closed),
        }
        Ok(Waiter { shelf: self, receiver, sweep })
    }

    /// Gives a place back: to whoever waits longest. False if there is nobody and no use for it, as this
    /// is closed.
    pub(super) fn give(&self, mut place: Place<T>, sweep: u32) -> bool {
        let mut places = self.places();
        while let Some(first) = places.waiting.pop_front() {
            match first.send(place) {
                Ok(()) => return true,
                // Whoever it was waits no more.
                Err(refused) => place = refused,
            }
        }
        if places.closed {
            // The item goes when the lock is free again.
            drop(places);
            return false;
        }
        match place {
            Place::Idle(item) => places.idle.push(Idle { item, since: sweep }),
            Place::Room => places.room += 1,
        }
        true
    }

    /// Takes off what has been idle since before that sweep. The last one stays: the next request should
    /// not have to wait for a new one.
    pub(super) fn take_stale(&self, before: u32) -> Vec<T> {
        let mut places = self.places();
        // The longest unused are at the front, as the last one put back is taken first.
        let stale = places.idle.iter().take_while(|idle| idle.since < before).count();
        let spare = places.idle.len().saturating_sub(1);
        let taken: Vec<T> = places.idle.drain(..stale.min(spare)).map(|idle| idle.item).collect();
        places.room += u32::try_from(taken.len()).unwrap_or(0);
        taken
    }

    /// Takes off what is idle and of this kind.
    pub(super) fn take_such(&self, is_such: impl Fn(&T) -> bool) -> Vec<T> {
        let mut places = self.places();
        let taken: Vec<T> =
            places.idle.extract_if(.., |idle| is_such(&idle.item)).map(|idle| idle.item).collect();
        places.room += u32::try_from(taken.len()).unwrap_or(0);
        taken
    }

    /// Takes off all that is idle, and sends everybody away, now and later.
    pub(super) fn close(&self) -> Vec<T> {
        let mut places = self.places();
        places.closed = true;
        places.waiting.clear();
        places.idle.drain(..).map(|idle| idle.item).collect()
    }

    fn places(&self) -> MutexGuard<'_, Places<T>> {
        // A panic while the lock is held is impossible, as nothing but a push or a pop happens there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Places<T> {
    fn take(&mut self) -> Result<Place<T>, NoPlace> {
        if self.closed {
            return Err(NoPlace::Closed);
        }
        if let Some(idle) = self.idle.pop() {
            return Ok(Place::Idle(idle.item));
        }
        self.room = self.room.checked_sub(1).ok_or(NoPlace::Full)?;
        Ok(Place::Room)
    }
}

/// A place in the line. Whoever leaves it early loses nothing that was given in that moment: it goes to
/// the next.
#[derive(Debug)]
pub(super) struct Waiter<'a, T> {
    shelf: &'a Shelf<T>,
    receiver: oneshot::Receiver<Place<T>>,
    sweep: u32,
}

impl<T> Waiter<'_, T> {
    /// Waits until it is its turn.
    ///
    /// # Errors
    /// If the shelf is closed before that.
    pub(super) async fn place(&mut self) -> Result<Place<T>, NoPlace> {
        (&mut self.receiver).await.map_err(|_| NoPlace::Closed)
    }
}

impl<T> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(place) = self.receiver.try_recv() {
            self.shelf.give(place, self.sweep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(room: u32) -> Shelf<&'static str> {
        Shelf::new("first", room)
    }

    #[test]
    fn the_last_one_given_back_is_taken_first() {
        let shelf = shelf(1);
        assert_eq!(shelf.take(), Ok(Place::Idle("first")));
        assert_eq!(shelf.take(), Ok(Place::Room));
        assert_eq!(shelf.take(), Err(NoPlace::Full));
        shelf.give(Place::Idle("a"), 0);
        shelf.give(Place::Idle("b"), 0);
        assert_eq!(shelf.take(), Ok(Place::Idle("b")));
    }

    #[test]
    fn what_is_taken_off_leaves_room_and_the_others() {
        let shelf = shelf(0);
        shelf.give(Place::Idle("other"), 0);
        assert_eq!(shelf.take_such(|item| *item == "first"), ["first"]);
        assert_eq!(shelf.take(), Ok(Place::Idle("other")));
        assert_eq!(shelf.take(), Ok(Place::Room));
        assert_eq!(shelf.take(), Err(NoPlace::Full));
    }

    #[tokio::test]
    async fn those_that_wait_are_served_in_turn() {
        let shelf = shelf(0);
        shelf.take().unwrap();
        let (mut one, mut two) = (shelf.line_up(0).unwrap(), shelf.line_up(0).unwrap());
        shelf.give(Place::Idle("a"), 0);
        shelf.give(Place::Room, 0);
        assert_eq!(one.place().await, Ok(Place::Idle("a")));
        assert_eq!(two.place().await, Ok(Place::Room));
    }

    #[tokio::test]
    async fn a_place_given_to_one_that_leaves_goes_to_the_next() {
        let shelf = shelf(0);
        shelf.take().unwrap();
        let (one, mut two) = (shelf.line_up(0).unwrap(), shelf.line_up(0).unwrap());
        shelf.give(Place::Idle("a"), 0);
        drop(one);
        assert_eq!(two.place().await, Ok(Place::Idle("a")));
        let (one, mut two) = (shelf.line_up(0).unwrap(), shelf.line_up(0).unwrap());
        drop(one);
        shelf.give(Place::Idle("a"), 0);
        assert_eq!(two.place().await, Ok(Place::Idle("a")));
    }

    #[test]
    fn a_place_given_to_the_last_one_that_leaves_is_there_for_others() {
        let shelf = shelf(0);
        shelf.take().unwrap();
        let one = shelf.line_up(0).unwrap();
        shelf.give(Place::Idle("a"), 0);
        drop(one);
        assert_eq!(shelf.take(), Ok(Place::Idle("a")));
    }

    #[tokio::test]
    async fn whoever_lines_up_when_there_is_a_place_has_it() {
        let shelf = shelf(0);
        assert_eq!(shelf.line_up(0).unwrap().place().await, Ok(Place::Idle("first")));
    }

    #[test]
    fn what_is_stale_makes_room_and_the_last_one_stays() {
        let shelf = shelf(2);
        let taken: Vec<_> = (0..3).map(|_| shelf.take().unwrap()).collect();
        assert_eq!(taken.len(), 3);
        for (sweep, item) in [(1, "a"), (2, "b"), (3, "c")] {
            shelf.give(Place::Idle(item), sweep);
        }
        assert_eq!(shelf.take_stale(2), ["a"]);
        assert_eq!(shelf.take_stale(9), ["b"]);
        assert!(shelf.take_stale(9).is_empty());
        assert_eq!(shelf.take(), Ok(Place::Idle("c")));
        assert_eq!(shelf.take(), Ok(Place::Room));
        assert_eq!(shelf.take(), Ok(Place::Room));
        assert_eq!(shelf.take(), Err(NoPlace::Full));
    }

    #[test]
    fn what_one_that_left_was_given_goes_stale_like_all_others() {
        let shelf = shelf(1);
        let taken = (shelf.take().unwrap(), shelf.take().unwrap());
        let one = shelf.line_up(1).unwrap();
        shelf.give(taken.0, 1);
        drop(one);
        shelf.give(Place::Idle("second"), 2);
        assert_eq!(shelf.take_stale(2), ["first"]);
    }

    #[test]
    fn those_that_gave_up_do_not_stay_in_the_line() {
        let shelf = shelf(0);
        shelf.take().unwrap();
        for _ in 0..100 {
            drop(shelf.line_up(0).unwrap());
        }
        let last = shelf.line_up(0).unwrap();
        assert_eq!(shelf.places().waiting.len(), 1);
        drop(last);
    }

    #[tokio::test]
    async fn nobody_gets_anything_from_one_that_is_closed() {
        let shelf = shelf(0);
        shelf.take().unwrap();
        let mut waiter = shelf.line_up(0).unwrap();
        assert!(shelf.close().is_empty());
        assert_eq!(waiter.place().await, Err(NoPlace::Closed));
        assert!(!shelf.give(Place::Idle("a"), 0));
        assert_eq!(shelf.take(), Err(NoPlace::Closed));
        assert!(shelf.line_up(0).is_err());
    }
}
