//! Watches connections: what each is doing, since when, and what it has been told to do.
//!
//! Timers of its own would cost a connection an allocation and a lock with every request. Instead it
//! notes what it does in a [`Watch`], by plain stores, and [`Registry::sweep`], once a tick, looks at
//! all of them and gives [`Order`]s to those over a limit. The clock that the notes are taken from
//! moves with the sweep.
//!
//! Not here: what a connection does about an order.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use http::StatusCode;
use slab::Slab;
use tokio::sync::Notify;

/// What has been asked of a connection. A later one outranks an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Go on.
    Serve = 0,
    /// Finish what is in flight, then close.
    Finish = 1,
    /// The head that is being read took too long.
    Late = 2,
    /// Close now, whatever is in flight.
    Cut = 3,
}

/// How long a connection may be in which state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

impl Limits {
    /// How often to look. A limit may be overrun by this much, so it is an eighth of the shortest.
    pub(super) fn tick(&self) -> Duration {
        let shortest = self.header.min(self.idle).min(self.write);
        (shortest / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}

/// All live connections.
#[derive(Debug)]
pub(super) struct Registry {
    limits: Limits,
    started: Instant,
    now: AtomicU64,
    watches: Mutex<Slab<Arc<Watch>>>,
    emptied: Notify,
    /// Answers that were given, by the first digit of their status, from 1 on.
    answers: [AtomicU64; 5],
}

/// What a listener is doing, and has done. Clones show the same.
#[derive(Clone, Debug)]
pub struct Traffic(pub(super) Arc<Registry>);

impl Traffic {
    /// Connections that are open, tunnels not included.
    pub fn connections(&self) -> usize {
        self.0.lock().len()
    }

    /// Exchanges in flight: from the head's arrival to the answer's last byte.
    pub fn exchanges(&self) -> usize {
        self.0.lock().iter().map(|(_, watch)| watch.exchanges.load(Relaxed) as usize).sum()
    }

    /// Answers that were given, by the first digit of their status, from 1 to 5.
    pub fn answers(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.0.answers[class].load(Relaxed))
    }
}

/// What one connection is doing.
#[derive(Debug)]
pub(super) struct Watch {
    registry: Arc<Registry>,
    order: AtomicU8,
    /// The connection's task, once it has been polled. A task's waker stays the same for life.
    waker: OnceLock<Waker>,
    exchanges: AtomicU32,
    http2: AtomicBool,
    /// When the last exchange ended, or the connection began.
    quiet_since: AtomicU64,
    /// When the first byte of the head that is being read came; `NEVER` if there is none.
    head_since: AtomicU64,
    /// Since when bytes wait for the client to take them; `NEVER` if none do.
    blocked_since: AtomicU64,
}

/// "Does not apply", as a time.
const NEVER: u64 = u64::MAX;

/// A connection's place in the registry, given up on drop.
#[derive(Debug)]
pub(super) struct Place {
    watch: Arc<Watch>,
    key: usize,
}

/// One exchange in flight, until dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Watch>);

impl Registry {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            started: Instant::now(),
            now: AtomicU64::new(0),
            watches: Mutex::default(),
            emptied: Notify::new(),
            answers: Default::default(),
        })
    }

    /// Gives a new connection its watch.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let now = self.now.load(Relaxed);
        let watch = Arc::new(Watch {
            registry: self.clone(),
            order: AtomicU8::new(Order::Serve as u8),
            waker: OnceLock::new(),
            exchanges: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            quiet_since: AtomicU64::new(now),
            head_since: AtomicU64::new(now),
            blocked_since: AtomicU64::new(NEVER),
        });
        let key = self.lock().insert(watch.clone());
        Place { watch, key }
    }

    /// Moves the clock and tells those over a limit. Those told already are told again, so that an
    /// order given while a connection was just starting is not lost.
    pub(super) fn sweep(&self) {
        let now = self.started.elapsed().as_millis() as u64;
        self.now.store(now, Relaxed);
        for (_, watch) in &*self.lock() {
            let order = watch.due(now, &self.limits).max(watch.order());
            if order > Order::Serve {
                watch.tell(order);
            }
        }
    }

    /// Tells all connections. Returns how many exchanges are in flight on them.
    pub(super) fn tell_all(&self, order: Order) -> usize {
        let mut exchanges = 0;
        for (_, watch) in &*self.lock() {
            exchanges += watch.exchanges.load(Relaxed) as usize;
            watch.tell(order);
        }
        exchanges
    }

    /// Waits until no connection is left.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slab<Arc<Watch>>> {
        // A slab has no state between two calls that a panic could leave half done.
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// What a connection has to do next, and that its task is to be woken for orders. To be called
    /// from the connection's own task, at every poll.
    pub(super) fn attend(&self, context: &Context<'_>) -> Order {
        if self.waker.get().is_none() {
            // Fails only where it is there already.
            let _ = self.waker.set(context.waker().clone());
        }
        self.order()
    }

    /// Takes back [`Order::Late`], where the head came in after all.
    pub(super) fn forgive(&self) -> bool {
        let in_time = self.exchanges.load(Relaxed) > 0 || self.head_since.load(Relaxed) == NEVER;
        in_time
            && self
                .order
                .compare_exchange(Order::Late as u8, Order::Serve as u8, Relaxed, Relaxed)
                .is_ok()
    }

    /// Notes that the connection speaks HTTP/2: a byte between requests need not begin a head.
    pub(super) fn speaks_http2(&self) {
        self.http2.store(true, Relaxed);
        self.head_since.store(NEVER, Relaxed);
    }

    /// Notes that bytes came in.
    pub(super) fn received(&self) {
        if self.head_since.load(Relaxed) == NEVER
            && self.exchanges.load(Relaxed) == 0
            && !self.http2.load(Relaxed)
        {
            self.head_since.store(self.registry.now.load(Relaxed), Relaxed);
        }
    }

    /// Notes that bytes could not be sent.
    pub(super) fn blocked(&self) {
        if self.blocked_since.load(Relaxed) == NEVER {
            self.blocked_since.store(self.registry.now.load(Relaxed), Relaxed);
        }
    }

    /// Notes that bytes went out. A client that takes the end of an answer slowly is not idle.
    pub(super) fn sent(&self) {
        if self.blocked_since.load(Relaxed) != NEVER {
            self.blocked_since.store(NEVER, Relaxed);
            self.quiet_since.store(self.registry.now.load(Relaxed), Relaxed);
        }
    }

    /// Notes that a head has been read.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.exchanges.fetch_add(1, Relaxed);
        self.head_since.store(NEVER, Relaxed);
        InFlight(self.clone())
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::Serve,
            1 => Order::Finish,
            2 => Order::Late,
            _ => Order::Cut,
        }
    }

    fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// What the limits say. `Late` is for HTTP/1.1, where a head stands alone on a connection.
    fn due(&self, now: u64, limits: &Limits) -> Order {
        let over = |since: &AtomicU64, limit: Duration| {
            let since = since.load(Relaxed);
            since != NEVER && Duration::from_millis(now.saturating_sub(since)) > limit
        };
        if over(&self.blocked_since, limits.write) {
            return Order::Cut;
        }
        // Pairs with the end of an exchange: whoever sees none left sees since when.
        if self.exchanges.load(Acquire) > 0 {
            return Order::Serve;
        }
        if over(&self.head_since, limits.header) {
            return Order::Late;
        }
        // A client that does not close an HTTP/2 connection after it was told to gets the time of a
        // head on top.
        if over(&self.quiet_since, limits.idle + limits.header) {
            return Order::Cut;
        }
        let reading = self.head_since.load(Relaxed) != NEVER;
        if !reading && over(&self.quiet_since, limits.idle) { Order::Finish } else { Order::Serve }
    }
}

impl Place {
    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let registry = &self.watch.registry;
        let mut watches = registry.lock();
        watches.remove(self.key);
        if watches.is_empty() {
            registry.emptied.notify_waiters();
        }
    }
}

impl InFlight {
    /// Counts its answer.
    pub(super) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(answers) = self.0.registry.answers.get(class) {
            answers.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = self.0.registry.now.load(Relaxed);
        self.0.quiet_since.store(now, Relaxed);
        self.0.exchanges.fetch_sub(1, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        header: Duration::from_millis(100),
        idle: Duration::from_millis(1000),
        write: Duration::from_millis(300),
    };

    fn entered() -> (Arc<Registry>, Place) {
        let registry = Registry::new(LIMITS);
        let place = registry.enter();
        (registry, place)
    }

    #[test]
    fn a_connection_that_never_sends_a_head_is_late() {
        let (_registry, place) = entered();
        assert_eq!(place.watch.due(100, &LIMITS), Order::Serve);
        assert_eq!(place.watch.due(101, &LIMITS), Order::Late);
    }

    #[test]
    fn an_exchange_may_take_longer_than_any_limit_here() {
        let (_registry, place) = entered();
        let _exchange = place.watch.begin();
        place.watch.received();
        assert_eq!(place.watch.due(1_000_000, &LIMITS), Order::Serve);
    }

    #[test]
    fn between_exchanges_the_idle_limit_counts_until_the_next_head_begins() {
        let (registry, place) = entered();
        drop(place.watch.begin());
        assert_eq!(place.watch.due(1000, &LIMITS), Order::Serve);
        assert_eq!(place.watch.due(1001, &LIMITS), Order::Finish);
        registry.now.store(950, Relaxed);
        place.watch.received();
        assert_eq!(place.watch.due(1050, &LIMITS), Order::Serve);
        assert_eq!(place.watch.due(1051, &LIMITS), Order::Late);
    }

    #[test]
    fn a_byte_on_an_http2_connection_is_not_a_head() {
        let (_registry, place) = entered();
        place.watch.speaks_http2();
        drop(place.watch.begin());
        assert_eq!(place.watch.due(500, &LIMITS), Order::Serve);
        assert_eq!(place.watch.due(1001, &LIMITS), Order::Finish);
        assert_eq!(place.watch.due(1101, &LIMITS), Order::Cut);
    }

    #[test]
    fn a_client_that_takes_no_bytes_is_cut_even_in_an_exchange() {
        let (registry, place) = entered();
        let _exchange = place.watch.begin();
        registry.now.store(50, Relaxed);
        place.watch.blocked();
        assert_eq!(place.watch.due(350, &LIMITS), Order::Serve);
        assert_eq!(place.watch.due(351, &LIMITS), Order::Cut);
        place.watch.sent();
        assert_eq!(place.watch.due(351, &LIMITS), Order::Serve);
    }

    #[test]
    fn a_head_that_came_in_after_all_is_forgiven() {
        let (_registry, place) = entered();
        place.watch.tell(Order::Late);
        assert!(!place.watch.forgive());
        let _exchange = place.watch.begin();
        assert!(place.watch.forgive());
        assert_eq!(place.watch.order(), Order::Serve);
    }

    #[test]
    fn a_cut_is_never_taken_back() {
        let (_registry, place) = entered();
        place.watch.tell(Order::Cut);
        place.watch.tell(Order::Late);
        let _exchange = place.watch.begin();
        assert!(!place.watch.forgive());
        assert_eq!(place.watch.order(), Order::Cut);
    }
}
