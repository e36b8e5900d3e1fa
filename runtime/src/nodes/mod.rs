//! Carries events between the servers of one app, its nodes: by the pub/sub of the Redis that they share.
//!
//! What a hook emits once its server is `ready` reaches the subscribers on every node. Its own server has
//! delivered it by then, by the board (`host/events.rs`), and needs no Redis for that.
//!
//! - Each node that is connected gets an event once, or not at all: nothing is sent twice, and Redis keeps
//!   nothing for those that are away. Who must not miss it writes it down, in `kv`.
//! - What one node emits arrives in the order in which it was emitted. Between nodes there is no order.
//! - To emit never waits. What is to go out stands in a queue with a bound in number and bytes; what
//!   does not fit is dropped and counted.
//! - Without Redis everything else goes on. The log says so once, a task tries again with growing pauses, and
//!   then sends what the queue still has.
//! - Whoever can write to Redis can write to the channel, so what arrives is checked as what a hook emits.
//!
//! What the server itself fires does not cross: `ready`, `lifted`, `lower`, `hook:<name>:loaded` and the like are about
//! one server.

mod link;
mod message;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::host::Board;
use crate::store::{self, RedisServer};
use link::Link;
use message::Message;

/// Events that may wait to go out.
const QUEUE_MAX: usize = 1_000;
/// Their bytes, all together.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How long what is still in the queue may take to go out when the server stops.
const LAST: Duration = Duration::from_secs(1);

/// The way to the app's other servers.
#[derive(Debug)]
pub struct Nodes {
    outgoing: Mutex<Option<Outgoing>>,
    counts: Arc<Counts>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What goes out, in one place, so that numbers and queue have one order.
#[derive(Debug)]
struct Outgoing {
    queue: mpsc::Sender<Vec<u8>>,
    node: u64,
    last: u64,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Counts {
    is_up: AtomicBool,
    is_deaf: AtomicBool,
    queued_bytes: AtomicUsize,
    sent: AtomicU64,
    received: AtomicU64,
    full: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
}

/// What happened so far, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodesReading {
    /// Whether Redis answers.
    pub is_up: bool,
    /// Events that were handed to Redis.
    pub sent: u64,
    /// Events of other nodes that were delivered.
    pub received: u64,
    /// Events that did not fit in the queue.
    pub full: u64,
    /// Events that were on their way when the connection broke. Some may have arrived.
    pub lost: u64,
    /// Messages that are no event.
    pub refused: u64,
}

impl Nodes {
    /// Joins the other nodes, and returns when Redis has answered or has failed to once. From then on a
    /// task keeps the connection. The board gets what arrives.
    ///
    /// # Errors
    /// If the address is not understood, or there is no randomness for a name.
    pub async fn join(server: &RedisServer, board: &Arc<Board>) -> store::Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| {
            store::StoreError::Unavailable(format!("no randomness for a node's name: {error}"))
        })?;
        let node = u64::from_ne_bytes(name);
        let counts = Arc::new(Counts::default());
        let inbox = Inbox::new(node, Arc::downgrade(board), counts.clone());
        let link = Link::new(server, inbox, counts.clone())?;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (tried, mut first) = watch::channel(false);
        let task = tokio::spawn(link.run(waiting, tried));
        // It is tried in bounded time, and whoever does it does not end before.
        let _ = first.wait_for(|tried| *tried).await;
        Ok(Self {
            outgoing: Mutex::new(Some(Outgoing { queue, node, last: 0 })),
            counts,
            task: Mutex::new(Some(task)),
        })
    }

    /// Hands an event that a hook emitted to the other nodes. Does not wait.
    pub fn tell(&self, event: &str, payload: &str) {
        let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outgoing) = outgoing.as_mut() else { return };
        let sequence = outgoing.last + 1;
        let message = Message { node: outgoing.node, sequence, event: event.into(), payload };
        let bytes = message.write();
        let length = bytes.len();
        let queued = &self.counts.queued_bytes;
        let fits = queued.load(Ordering::Relaxed) + length <= QUEUE_BYTES_MAX;
        // Added first: once it is in the queue it may be taken out at any time.
        queued.fetch_add(length, Ordering::Relaxed);
        if fits && outgoing.queue.try_send(bytes).is_ok() {
            outgoing.last = sequence;
            return;
        }
        queued.fetch_sub(length, Ordering::Relaxed);
        if self.counts.full.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(%event, "the queue of events for other servers is full: some are dropped");
        }
    }

    /// Delivers nothing more of what arrives: the hooks are about to be lowered.
    pub fn hush(&self) {
        self.counts.is_deaf.store(true, Ordering::Relaxed);
    }

    /// Sends what the queue still has, for a second at most, and leaves.
    pub async fn leave(&self) {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        if tokio::time::timeout(LAST, &mut task).await.is_err() {
            task.abort();
            if self.counts.queued_bytes.load(Ordering::Relaxed) > 0 {
                tracing::warn!(
                    "events for other servers were left behind, as Redis does not answer"
                );
            }
        }
    }

    /// What happened so far.
    pub fn reading(&self) -> NodesReading {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        NodesReading {
            is_up: counts.is_up.load(Ordering::Relaxed),
            sent: count(&counts.sent),
            received: count(&counts.received),
            full: count(&counts.full),
            lost: count(&counts.lost),
            refused: count(&counts.refused),
        }
    }
}

/// Where messages of other nodes arrive.
#[derive(Debug)]
struct Inbox {
    node: u64,
    board: Weak<Board>,
    counts: Arc<Counts>,
    heard: Mutex<message::Heard>,
    refusals: crate::log::Sparse,
}

impl Inbox {
    fn new(node: u64, board: Weak<Board>, counts: Arc<Counts>) -> Self {
        let refusals = crate::log::Sparse::new(link::SAID_EVERY);
        Self { node, board, counts, heard: Mutex::default(), refusals }
    }

    /// Takes what is on the channel. Does not wait.
    fn take(&self, bytes: &[u8]) {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(refused) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                if let Some(unsaid) = self.refusals.pass() {
                    let more = crate::log::and_more(unsaid);
                    tracing::warn!(
                        "refused what came as an event of another server: {refused}{more}"
                    );
                }
                return;
            }
        };
        let is_news = || {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.is_news(message.node, message.sequence)
        };
        if message.node == self.node || self.counts.is_deaf.load(Ordering::Relaxed) || !is_news() {
            return;
        }
        let Some(board) = self.board.upgrade() else { return };
        self.counts.received.fetch_add(1, Ordering::Relaxed);
        board.fire(&message.event, message.payload.to_owned());
    }
}
