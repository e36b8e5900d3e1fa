//! Keeps entries in a Redis server, which many servers of ours may share.
//!
//! Each change is one command or one script, so Redis makes it in one step. Entries expire by Redis' own
//! clock. What survives is Redis' word: with `appendonly yes` and `appendfsync always` what was answered,
//! with its default `everysec` all but the last second of it.
//!
//! One connection carries the calls of all hooks at the same time, one behind the other (pipelining). When
//! it breaks the client makes it anew. A call that gets no answer is an error after [`RedisServer::timeout`]
//! at most, and from then on all calls fail at once, while a task of its own asks Redis, with growing
//! pauses, until it answers. No call is sent twice: whether one that got no answer was done is not known.

mod agenda;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo,
};
use redis::{ErrorKind, ProtocolVersion, RedisError, Script};

use super::change::{Change, Outcome};
use super::{Counter, Key, Page, Result, StoreError, milliseconds};
use crate::secrets::Secret;

/// The first pause between two attempts to reach a Redis that does not answer.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Attempts of the client's in a row, when a connection breaks: what a quick restart takes.
const ATTEMPTS: usize = 5;
/// How long what was sent may stay unacknowledged until the connection counts as broken.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// Commands that may wait for the connection.
const QUEUE: usize = 1024;
/// Keys that one `SCAN` looks at where few of them fit.
const SCANNED_MAX: usize = 1000;
/// `SCAN`s for one page. What is left is for the next one.
const SCANS: usize = 100;
/// Between a `SCAN`'s cursor and names that did not fit in a page, each behind its length.
const CURSOR_END: char = ';';

/// Where Redis is and how to speak with it.
#[derive(Clone)]
pub struct RedisServer {
    /// `redis://host:6379/0`, or `rediss://` for TLS.
    pub url: String,
    /// The password; none where Redis asks for none.
    pub password: Option<Secret>,
    /// What all keys begin with, so that several apps can share a server.
    pub prefix: String,
    /// How long a call may take.
    pub timeout: Duration,
}

impl fmt::Debug for RedisServer {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, prefix, timeout, .. } = self;
        let mut out = f.debug_struct("RedisServer");
        out.field("url", url).field("prefix", prefix).field("timeout", timeout);
        out.finish_non_exhaustive()
    }
}

impl RedisServer {
    /// A client for it, which has not connected.
    pub(crate) fn client(&self) -> Result<Client> {
        let made = || {
            let info: ConnectionInfo = self.url.as_str().into_connection_info()?;
            let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            if let Some(password) = &self.password {
                settings = settings.set_password(password.expose());
            }
            let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED_MAX);
            Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))
        };
        made().map_err(|error: RedisError| {
            StoreError::Unavailable(format!("`redis.url` is not understood: {error}"))
        })
    }
}

pub(super) struct Redis {
    link: Arc<Link>,
    prefix: String,
    compare_and_set: Script,
    increment: Script,
    agenda: agenda::Scripts,
}

/// The way to the server.
struct Link {
    client: Client,
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    manager: ConnectionManager,
    /// Why the server does not answer, as long as it does not.
    down: Option<String>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.link.place())
    }
}

/// Old value there (1 or 0), old value, new value there, new value, milliseconds to expiry or nothing.
const COMPARE_AND_SET: &str = r"
    local there = redis.call('GET', KEYS[1])
    local wanted = false
    if ARGV[1] == '1' then wanted = ARGV[2] end
    if there ~= wanted then return 0 end
    if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
    elseif ARGV[5] == '' then redis.call('SET', KEYS[1], ARGV[4])
    else redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
    return 1";

/// What to add, milliseconds of the window or nothing. The number comes back as text: numbers in Lua are
/// floating-point.
const INCREMENT: &str = r"
    local begins = redis.call('EXISTS', KEYS[1]) == 0
    redis.call('INCRBY', KEYS[1], ARGV[1])
    if begins and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }";

impl Redis {
    pub(super) async fn connect(server: &RedisServer) -> Result<Self> {
        let client = server.client()?;
        let asked = ask_once(&client, server.timeout).await;
        asked.map_err(|error| unanswered(&client, &error))?;
        let manager = manager(&client, server.timeout);
        let manager = manager.map_err(|error| unanswered(&client, &error))?;
        let state = Mutex::new(State { manager, down: None });
        Ok(Self {
            link: Arc::new(Link { client, timeout: server.timeout, state }),
            prefix: server.prefix.clone(),
            compare_and_set: Script::new(COMPARE_AND_SET),
            increment: Script::new(INCREMENT),
            agenda: agenda::Scripts::default(),
        })
    }

    /// Whether the last call was answered, or has been since.
    pub(super) fn is_up(&self) -> bool {
        self.link.lock().down.is_none()
    }

    pub(super) async fn get(&self, key: Key<'_>) -> Result<Option<Vec<u8>>> {
        self.ask(redis::cmd("GET").arg(self.key(key))).await
    }

    pub(super) async fn change(&self, key: Key<'_>, change: Change<&[u8]>) -> Result<Outcome> {
        let key = self.key(key);
        let done = |done| Outcome { done, ..Outcome::default() };
        Ok(match change {
            Change::Set { value, expires_in } => {
                let mut set = redis::cmd("SET");
                set.arg(key).arg(value);
                if let Some(time) = expires_in {
                    set.arg("PX").arg(milliseconds(time));
                }
                self.ask::<()>(&set).await?;
                done(true)
            }
            Change::Delete => done(self.ask(redis::cmd("DEL").arg(key)).await?),
            Change::CompareAndSet { old, new, expires_in } => {
                let mut script = self.compare_and_set.key(key);
                for value in [old, new] {
                    script.arg(u8::from(value.is_some())).arg(value.unwrap_or_default());
                }
                script.arg(expires_in.map(milliseconds).map_or(String::new(), |ms| ms.to_string()));
                done(self.send(async |manager| script.invoke_async(manager).await).await?)
            }
            Change::Increment { by, window } => {
                let mut script = self.increment.key(key);
                let window = window.map(milliseconds).map_or(String::new(), |ms| ms.to_string());
                script.arg(by).arg(window);
                let (value, left): (i64, i64) =
                    self.send(async |manager| script.invoke_async(manager).await).await?;
                let left = u64::try_from(left).ok().map(Duration::from_millis);
                Outcome { done: true, counter: Counter { value, left } }
            }
        })
    }

    /// By `SCAN`, which goes through all keys of the database, those of others included; what it finds
    /// beyond a page goes along in the cursor.
    pub(super) async fn names(
        &self,
        space: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page> {
        let own = self.key(Key::new(space, ""));
        let pattern = format!("{}*", escaped(&format!("{own}{prefix}")));
        let (mut at, mut names) = match cursor {
            Some(cursor) => read_cursor(cursor).ok_or(StoreError::Cursor)?,
            None => (Some(0), Vec::new()),
        };
        let mut count = limit.min(SCANNED_MAX);
        for _ in 0..SCANS {
            let Some(from) = at.filter(|_| names.len() < limit) else { break };
            let mut scan = redis::cmd("SCAN");
            scan.arg(from).arg("MATCH").arg(&pattern).arg("COUNT").arg(count);
            let (next, found): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
            if found.is_empty() {
                count = (count * 2).min(SCANNED_MAX);
            }
            let found = found.iter().map(|key| String::from_utf8_lossy(key));
            names.extend(found.filter_map(|key| Some(key.strip_prefix(&own)?.to_owned())));
            at = (next != 0).then_some(next);
        }
        let left = names.split_off(limit.min(names.len()));
        let cursor = (at.is_some() || !left.is_empty()).then(|| write_cursor(at, &left));
        Ok(Page { names, cursor })
    }

    fn key(&self, key: Key<'_>) -> String {
        format!("{}{}:{}", self.prefix, key.space, key.name)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.send(async |manager| command.query_async(manager).await).await
    }

    /// Sends something, and takes note if Redis does not answer.
    async fn send<T>(
        &self,
        send: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Result<T> {
        let link = &self.link;
        let mut manager = link.manager()?;
        match tokio::time::timeout(link.timeout, send(&mut manager)).await {
            Ok(answer) => answer.map_err(|error| link.failed(&error)),
            Err(_) => Err(link.is_down(format!("no answer within {:?}", link.timeout))),
        }
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> String {
        place(&self.client)
    }

    /// The connection, unless it is known that Redis does not answer.
    fn manager(&self) -> Result<ConnectionManager> {
        let state = self.lock();
        match &state.down {
            None => Ok(state.manager.clone()),
            Some(why) => Err(unanswered(&self.client, why)),
        }
    }

    /// What an error of the client's means.
    fn failed(self: &Arc<Self>, error: &RedisError) -> StoreError {
        let text = error.to_string();
        if text.contains("not an integer") {
            return StoreError::NotANumber;
        }
        if text.contains("would overflow") {
            return StoreError::OutOfRange;
        }
        if text.contains("OOM") {
            return StoreError::Full(format!("Redis at {} is at its `maxmemory`", self.place()));
        }
        let has_answered = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
        let does_nothing = ["LOADING", "BUSY", "NOAUTH", "WRONGPASS"].map(Some);
        let refuses_all =
            does_nothing.contains(&error.code()) || text.contains("max number of clients");
        if !has_answered || refuses_all {
            return self.is_down(text);
        }
        // It does not do this one thing: a key of another kind, a replica, a disk that is full.
        StoreError::Unavailable(format!("Redis at {}: {text}", self.place()))
    }

    /// From now on calls fail at once, and a task finds out until when.
    fn is_down(self: &Arc<Self>, why: String) -> StoreError {
        let mut state = self.lock();
        if state.down.is_none() {
            tracing::warn!("Redis at {} does not answer: {why}", self.place());
            tokio::spawn(recover(Arc::downgrade(self)));
        }
        let error = unanswered(&self.client, &why);
        state.down = Some(why);
        error
    }

    /// Tries with a new connection: one whose attempts are used up, or that was refused for a password or
    /// for too many clients, would not try again by itself.
    async fn try_again(&self) -> Result<(), RedisError> {
        ask_once(&self.client, self.timeout).await?;
        let manager = manager(&self.client, self.timeout)?;
        *self.lock() = State { manager, down: None };
        tracing::info!("Redis at {} answers again", self.place());
        Ok(())
    }
}

/// Asks until there is an answer, or nobody who wants to know.
async fn recover(link: Weak<Link>) {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        let Some(link) = link.upgrade() else { return };
        match link.try_again().await {
            Ok(()) => return,
            Err(error) => link.lock().down = Some(error.to_string()),
        }
    }
}

/// Connects for one question, without a second attempt: its error is the cause, and no matter of patience.
async fn ask_once(client: &Client, timeout: Duration) -> Result<(), RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("PING").query_async(&mut connection).await
}

fn manager(client: &Client, timeout: Duration) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_min_delay(PAUSE)
        .set_max_delay(PAUSE_MAX)
        .set_number_of_retries(ATTEMPTS)
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        .set_pipeline_buffer_size(QUEUE);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

fn place(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

fn unanswered(client: &Client, why: &dyn fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("Redis at {} does not answer: {why}", place(client)))
}

/// A text as `MATCH` takes it, for itself and nothing else.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

fn write_cursor(at: Option<u64>, left: &[String]) -> String {
    let mut cursor = at.map_or(String::new(), |at| at.to_string());
    for name in left {
        cursor.push_str(&format!("{CURSOR_END}{}{CURSOR_END}{name}", name.len()));
    }
    cursor
}

fn read_cursor(cursor: &str) -> Option<(Option<u64>, Vec<String>)> {
    let (at, mut rest) = cursor.split_once(CURSOR_END).unwrap_or((cursor, ""));
    let at = if at.is_empty() { None } else { Some(at.parse().ok()?) };
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (length, name) = rest.split_once(CURSOR_END)?;
        let (name, behind) = name.split_at_checked(length.parse().ok()?)?;
        names.push(name.to_owned());
        rest = behind.strip_prefix(CURSOR_END).unwrap_or(behind);
    }
    Some((at, names))
}
