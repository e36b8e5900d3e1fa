//! Keeps an agenda in Redis: `<prefix>tasks:<topic>:due`, a sorted set of when entries are due,
//! `<prefix>tasks:<topic>:entries`, a hash of what they are, and `<prefix>tasks`, a set of topics.
//!
//! Each change is one script, so Redis makes it in one step. Times are by Redis' clock: those of servers may
//! differ.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{FromRedisValue, Script};

use super::super::{Result, milliseconds};
use super::Redis;

/// Milliseconds since 1970.
const NOW: &str = r"
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)";

/// Id, value, milliseconds until it is due, entries at most, topic. When it is due, or nothing.
const PUT: &str = r"
    if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return false end
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
    redis.call('SADD', KEYS[3], ARGV[5])
    return now + ARGV[3]";

/// Milliseconds of the lease. Id, when that ends and value; or how long until an entry is due, -1 for never.
const CLAIM: &str = r"
    while true do
        local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
        if not first[1] then return { -1 } end
        local due = tonumber(first[2])
        if due > now then return { due - now } end
        local value = redis.call('HGET', KEYS[2], first[1])
        if value then
            redis.call('ZADD', KEYS[1], now + ARGV[1], first[1])
            return { 0, first[1], now + ARGV[1], value }
        end
        redis.call('ZREM', KEYS[1], first[1])
    end";

/// Whether the entry is in these hands. Id and the lease's end.
const HAS: &str = r"
    local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if not due or tonumber(due) ~= tonumber(ARGV[2]) then return 0 end";

/// Topic.
const REMOVE: &str = r"
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[2], ARGV[1])
    if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('SREM', KEYS[3], ARGV[3]) end
    return 1";

/// Milliseconds until it is due; 1 and a new value, or 0.
const MOVE: &str = r"
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
    if ARGV[4] == '1' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[5]) end
    return 1";

/// The scripts, made once.
pub(super) struct Scripts {
    put: Script,
    claim: Script,
    remove: Script,
    shift: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            put: Script::new(&[NOW, PUT].concat()),
            claim: Script::new(&[NOW, CLAIM].concat()),
            remove: Script::new(&[HAS, REMOVE].concat()),
            shift: Script::new(&[NOW, HAS, MOVE].concat()),
        }
    }
}

/// What `CLAIM` returns: id, the lease's end and value, where something was due.
type Raw = (i64, Option<String>, Option<u64>, Option<Vec<u8>>);

impl Redis {
    /// Puts an entry, due so much later; when that is, or none where there are too many.
    pub(in super::super) async fn agenda_put(
        &self,
        topic: &str,
        id: &str,
        value: &[u8],
        after: Duration,
        entries_max: u64,
    ) -> Result<Option<u64>> {
        let mut put = self.agenda.put.prepare_invoke();
        for key in self.agenda_keys(topic) {
            put.key(key);
        }
        put.arg(id).arg(value).arg(milliseconds(after)).arg(entries_max).arg(topic);
        self.send(async |manager| put.invoke_async(manager).await).await
    }

    /// Claims what is due: id, the lease's end and value; or how long until something is.
    pub(in super::super) async fn agenda_claim(
        &self,
        topic: &str,
        lease: Duration,
    ) -> Result<(Option<(String, u64, Vec<u8>)>, Option<Duration>)> {
        let mut claim = self.agenda.claim.prepare_invoke();
        for key in self.agenda_keys(topic) {
            claim.key(key);
        }
        claim.arg(milliseconds(lease));
        let raw: Vec<redis::Value> =
            self.send(async |manager| claim.invoke_async(manager).await).await?;
        let (left, id, until, value) = read_claim(raw);
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok((id.zip(until).zip(value).map(|((id, until), value)| (id, until, value)), left))
    }

    /// Removes an entry that is held until then.
    pub(in super::super) async fn agenda_remove(
        &self,
        topic: &str,
        id: &str,
        until: u64,
    ) -> Result<bool> {
        let mut remove = self.agenda.remove.prepare_invoke();
        for key in self.agenda_keys(topic) {
            remove.key(key);
        }
        remove.arg(id).arg(until).arg(topic);
        self.send(async |manager| remove.invoke_async(manager).await).await
    }

    /// Gives an entry back that is held until then, with another value if there is one.
    pub(in super::super) async fn agenda_move(
        &self,
        topic: &str,
        id: &str,
        until: u64,
        after: Duration,
        value: Option<&[u8]>,
    ) -> Result<bool> {
        let mut shift = self.agenda.shift.prepare_invoke();
        for key in self.agenda_keys(topic) {
            shift.key(key);
        }
        shift.arg(id).arg(until).arg(milliseconds(after));
        shift.arg(u8::from(value.is_some())).arg(value.unwrap_or_default());
        self.send(async |manager| shift.invoke_async(manager).await).await
    }

    /// The topics that have entries, and how many.
    pub(in super::super) async fn agenda_topics(&self) -> Result<BTreeMap<String, u64>> {
        let [_, _, topics] = self.agenda_keys("");
        let topics: Vec<String> = self.ask(redis::cmd("SMEMBERS").arg(topics)).await?;
        let mut counted = BTreeMap::new();
        for topic in topics {
            let count = self.agenda_count(&topic).await?;
            counted.insert(topic, count);
        }
        counted.retain(|_, count| *count > 0);
        Ok(counted)
    }

    /// How many entries a topic has.
    pub(in super::super) async fn agenda_count(&self, topic: &str) -> Result<u64> {
        let [due, ..] = self.agenda_keys(topic);
        self.ask(redis::cmd("ZCARD").arg(due)).await
    }

    fn agenda_keys(&self, topic: &str) -> [String; 3] {
        let prefix = &self.prefix;
        [
            format!("{prefix}tasks:{topic}:due"),
            format!("{prefix}tasks:{topic}:entries"),
            format!("{prefix}tasks"),
        ]
    }
}

/// Takes apart what `CLAIM` returns.
fn read_claim(raw: Vec<redis::Value>) -> Raw {
    let mut raw = raw.into_iter();
    fn next<T: FromRedisValue>(raw: &mut std::vec::IntoIter<redis::Value>) -> Option<T> {
        raw.next().and_then(|value| T::from_redis_value(value).ok())
    }
    let left = next(&mut raw).unwrap_or(-1);
    (left, next(&mut raw), next(&mut raw), next(&mut raw))
}
