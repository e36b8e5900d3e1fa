//! Runs a tunnel: bytes both ways between a client and an upstream after a 101.

use std::io;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Both ends, before either connection has been handed over. It has to be run once the 101 is on its
/// way to the client; dropped, it closes the upstream's connection.
#[derive(Debug)]
pub struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
}

/// How a tunnel went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelFacts {
    /// Bytes from the client to the upstream.
    pub from_client: u64,
    /// Bytes from the upstream to the client.
    pub from_upstream: u64,
    /// Whether both sides closed in good order, and nobody cut it.
    pub completed: bool,
}

/// One direction's buffer. Messages are small, and there are two of these a tunnel.
const BUFFER_BYTES: usize = 8 * 1024;

impl Tunnel {
    /// Carries bytes both ways until both sides have closed, nothing came for `idle` either way, or
    /// `cut` is there.
    pub async fn run(self, idle: Duration, cut: impl Future<Output = ()>) -> TunnelFacts {
        let mut facts = TunnelFacts::default();
        let carried = async {
            let (client, upstream) = match tokio::try_join!(self.client, self.upstream) {
                Ok(both) => both,
                Err(error) => return tracing::debug!(%error, "no tunnel"),
            };
            carry(client, upstream, idle, &mut facts).await;
        };
        tokio::select! {
            () = carried => {}
            () = cut => {}
        }
        facts
    }
}

async fn carry(client: Upgraded, upstream: Upgraded, idle: Duration, facts: &mut TunnelFacts) {
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_upstream, to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let TunnelFacts { from_client: up, from_upstream: down, completed } = facts;
    // Bytes in either direction keep both alive: one who only listens is not idle.
    let last = watch::Sender::new(Instant::now());
    let both = async {
        tokio::try_join!(
            copy(from_client, to_upstream, up, &last),
            copy(from_upstream, to_client, down, &last)
        )
    };
    tokio::select! {
        ended = both => *completed = ended.is_ok(),
        () = silence(&last, idle) => {}
    }
}

/// Copies one direction to its end, and then closes it for the receiver: the other direction may
/// still have something to say.
async fn copy(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    count: &mut u64,
    last: &watch::Sender<Instant>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        last.send_replace(Instant::now());
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
        *count += length as u64;
        last.send_replace(Instant::now());
    }
}

/// Waits until nothing has come for this long.
async fn silence(last: &watch::Sender<Instant>, limit: Duration) {
    loop {
        let over = *last.borrow() + limit;
        if over <= Instant::now() {
            return;
        }
        sleep_until(over).await;
    }
}
