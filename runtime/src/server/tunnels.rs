//! Keeps count of tunnels, so that a drain can cut them after everything else.
//!
//! A tunnel outlives its exchange and its connection's task: whoever answered with 101 runs it. It
//! holds a [`Cut`] while it does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// All tunnels of a listener.
#[derive(Clone, Debug)]
pub struct Tunnels(Arc<watch::Sender<bool>>);

/// A tunnel's place among them, given up on drop.
#[derive(Debug)]
pub struct Cut(watch::Receiver<bool>);

/// How long a tunnel that was told to end may take. It has nothing left to do but to close.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Tunnels {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Makes a place for one more. To be kept until the tunnel has ended.
    pub fn enter(&self) -> Cut {
        Cut(self.0.subscribe())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.receiver_count()
    }

    /// Ends all of them, and waits until they have. Returns how many there were.
    pub(super) async fn cut(&self) -> usize {
        let count = self.count();
        self.0.send_replace(true);
        // Whoever does not let go in time is cut with the runtime.
        let _ = tokio::time::timeout(LAST_WORDS, self.0.closed()).await;
        count
    }
}

impl Cut {
    /// Waits until the tunnel has to end. May be called again, and be dropped half-way.
    pub async fn told(&mut self) {
        // An error means that the listener is gone, and with it the server.
        let _ = self.0.wait_for(|cut| *cut).await;
    }
}
