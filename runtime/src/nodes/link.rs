//! Keeps one connection to Redis, on which events go out and come in.
//!
//! One task does it all, in turn: connect, subscribe, send what is queued, ask now and then whether Redis is
//! still there. Whatever goes wrong ends the connection, and after a pause there is another one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, mpsc, watch};

use super::{Counts, Inbox};
use crate::log::{Sparse, and_more};
use crate::store::{RedisServer, Result};

/// The first pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A connection that lasted so long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(10);
/// How often Redis is asked whether it is there, where nothing goes out. Who only listens would not
/// notice otherwise.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Events that go out together.
const BATCH: usize = 64;
/// How often the log repeats itself.
pub(super) const SAID_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Link {
    client: Client,
    timeout: Duration,
    channel: String,
    inbox: Arc<Inbox>,
    counts: Arc<Counts>,
    failures: Sparse,
}

/// Why a connection ended.
enum End {
    /// Nobody has anything to send any more.
    Left,
    /// It broke.
    Broke(String),
}

impl From<RedisError> for End {
    fn from(error: RedisError) -> Self {
        Self::Broke(error.to_string())
    }
}

impl Link {
    pub(super) fn new(server: &RedisServer, inbox: Inbox, counts: Arc<Counts>) -> Result<Self> {
        let client = server.client()?;
        // Pub/sub does not know databases, and apps may be set apart by nothing else.
        let database = client.get_connection_info().redis_settings().db();
        let channel = format!("{}events:{database}", server.prefix);
        let (timeout, failures) = (server.timeout, Sparse::new(SAID_EVERY));
        Ok(Self { client, timeout, channel, inbox: Arc::new(inbox), counts, failures })
    }

    /// Until the queue is closed and empty; `tried` learns that there was a first attempt.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Vec<u8>>, tried: watch::Sender<bool>) {
        let mut pause = PAUSE;
        loop {
            let begun = Instant::now();
            let ended = self.once(&mut queue, &tried).await;
            let was_up = self.counts.is_up.swap(false, Ordering::Relaxed);
            tried.send_replace(true);
            let End::Broke(why) = ended else { return };
            self.say(&why);
            if was_up && begun.elapsed() > GOOD {
                pause = PAUSE;
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn say(&self, why: &str) {
        if let Some(unsaid) = self.failures.pass() {
            let (place, more) = (self.place(), and_more(unsaid));
            tracing::warn!(
                "events do not reach other servers, nor theirs this one: Redis at {place}: {why}{more}"
            );
        }
    }

    fn place(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// One connection, from its beginning to its end.
    async fn once(&self, queue: &mut mpsc::Receiver<Vec<u8>>, tried: &watch::Sender<bool>) -> End {
        let closed = Arc::new(Notify::new());
        let connecting = tokio::time::timeout(self.timeout, self.connect(closed.clone()));
        let mut connection = match connecting.await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return error.into(),
            Err(_) => return End::Broke(format!("no answer within {:?}", self.timeout)),
        };
        self.counts.is_up.store(true, Ordering::Relaxed);
        tracing::info!("events go to other servers by Redis at {}", self.place());
        tried.send_replace(true);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let next = tokio::time::timeout(ASK_EVERY, queue.recv_many(&mut batch, BATCH));
            let asked = tokio::select! {
                () = closed.notified() => return End::Broke("it closed the connection".into()),
                next = next => match next {
                    Ok(0) => return End::Left,
                    Ok(_) => self.publish(&mut connection, &mut batch).await,
                    Err(_) => redis::cmd("PING").query_async(&mut connection).await,
                },
            };
            if let Err(error) = asked {
                return error.into();
            }
        }
    }

    /// Connects and subscribes. What arrives goes straight to the inbox, which does not wait.
    async fn connect(&self, closed: Arc<Notify>) -> Result<MultiplexedConnection, RedisError> {
        let inbox = self.inbox.clone();
        let arrives = move |push: PushInfo| {
            match (&push.kind, push.data.as_slice()) {
                (PushKind::Message, [_, Value::BulkString(bytes)]) => inbox.take(bytes),
                (PushKind::Disconnection, _) => closed.notify_one(),
                _ => {}
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(arrives);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection)
    }

    /// Sends events, each once: whether one that got no answer has arrived is not known.
    async fn publish(
        &self,
        connection: &mut MultiplexedConnection,
        batch: &mut Vec<Vec<u8>>,
    ) -> Result<(), RedisError> {
        let bytes: usize = batch.iter().map(Vec::len).sum();
        self.counts.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut pipeline = redis::pipe();
        for message in batch.iter() {
            pipeline.cmd("PUBLISH").arg(&self.channel).arg(message.as_slice()).ignore();
        }
        let count = batch.len() as u64;
        batch.clear();
        let sent = pipeline.query_async::<()>(connection).await;
        let counter = if sent.is_ok() { &self.counts.sent } else { &self.counts.lost };
        counter.fetch_add(count, Ordering::Relaxed);
        sent
    }
}

/// Half of a pause to all of it, so that nodes do not come back all at one moment.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 4];
    if getrandom::fill(&mut random).is_err() {
        return pause;
    }
    pause / 2 + (pause / 2).mul_f64(f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_and_are_half_as_long_at_least() {
        let pauses: Vec<_> = (0..32).map(|_| jittered(PAUSE)).collect();
        assert!(pauses.iter().all(|pause| (PAUSE / 2..=PAUSE).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }
}
