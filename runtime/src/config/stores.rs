//! Reads where the server keeps what services store: `[kv]` and `[redis]`; and which namespaces of `kv` a
//! hook may reach: the grant `kv`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::ENVIRONMENT;
use super::hooks::Grants;
use super::names;
use super::problem::{Problem, Problems};
use super::reader::{Expected, Field, Table, filled_string, name, one_of};
use super::secrets::{Place, Variables};
use super::tree::Tree;
use super::units::{duration, size, size_text};

/// The database file of the embedded store, below the app folder.
pub(super) const KV_FILE: &str = ".boathook/kv.redb";
/// Bytes of a value. Hooks copy values in and out as a whole; what is longer belongs into files.
pub const KV_VALUE: u64 = 64 << 10;
/// What may be asked for at most: one value is one message and one allocation.
const KV_VALUE_MAX: u64 = 16 << 20;
/// Bytes of all entries of an embedded store: some millions of counters.
pub const KV_SIZE: u64 = 1 << 30;
/// The same in memory, which other things need too.
pub const KV_SIZE_IN_MEMORY: u64 = 64 << 20;
/// How long a call to Redis may take: below a hook's `wall`, so that the hook hears of it.
pub const REDIS_TIMEOUT: Duration = Duration::from_secs(1);
/// What all keys in Redis begin with in development. Elsewhere each app has a name of its own there.
pub const REDIS_PREFIX: &str = "boathook:";

/// Where services keep things.
#[derive(Debug, Clone, PartialEq)]
pub struct Stores {
    /// What hooks keep by `kv`.
    pub kv: Kv,
    /// The Redis server; none if nobody names one.
    pub redis: Option<Redis>,
}

/// The root table `[kv]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kv {
    /// Which kind of store.
    pub store: StoreKind,
    /// The file of an embedded one.
    pub file: PathBuf,
    /// Bytes of all entries, of a store of our own.
    pub size: u64,
    /// Bytes of a value.
    pub value: u64,
    /// When an embedded one answers for a change.
    pub durability: Durability,
}

/// When a store in a file answers for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the disk has it: it survives a kill -9 and a power loss.
    #[default]
    Immediate,
    /// Before that. The disk has it a second later; until then it is lost with the process.
    Eventual,
}

const DURABILITIES: &[(&str, Durability)] =
    &[("immediate", Durability::Immediate), ("eventual", Durability::Eventual)];

/// The kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreKind {
    /// This process's memory: gone with it.
    Memory,
    /// A database file in the app folder.
    #[default]
    Embedded,
    /// The server that `[redis]` names.
    Redis,
}

pub(super) const STORES: &[(&str, StoreKind)] = &[
    ("embedded", StoreKind::Embedded),
    ("memory", StoreKind::Memory),
    ("redis", StoreKind::Redis),
];

/// The root table `[redis]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Redis {
    /// `redis://host:6379/0`, or `rediss://` for TLS; never with a password.
    pub url: String,
    /// Where the password lies; none if Redis asks for none.
    pub password: Option<Place>,
    /// What all keys and channels begin with: what sets apps apart that share a server.
    pub prefix: String,
    /// How long a call may take.
    pub timeout: Duration,
    /// What `password` may name one of.
    pub variables: Variables,
}

/// The namespaces of `kv` that a hook may reach: `kv = ["rates", "users:ro"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces(BTreeMap<String, Access>);

/// What a hook may do with a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read it: `users:ro`.
    Read,
    /// Read and write it.
    Write,
}

impl Stores {
    /// Reads `[kv]` and `[redis]`; `dir` is the app folder.
    pub(super) fn read(
        tree: &Tree,
        (dir, environment): (&Path, &str),
        variables: &Variables,
        problems: &mut Problems,
    ) -> Self {
        let root = Table::root(tree.traced());
        let kv_table = root.table("kv", problems);
        let kv = Kv::read(kv_table.as_ref(), dir, problems);
        let redis = root.table("redis", problems);
        let redis =
            redis.and_then(|table| Redis::read(&table, (dir, environment), variables, problems));
        let named = root.field("redis").is_some();
        if let Some(table) = kv_table.filter(|_| kv.store == StoreKind::Redis && !named)
            && let Some(field) = table.field("store")
        {
            let expected = Expected::new("a store that is configured")
                .hint("add `[redis]` with `url = \"redis://127.0.0.1:6379\"`");
            problems.push(field.problem(expected));
        }
        Self { kv, redis }
    }
}

impl Kv {
    fn read(table: Option<&Table>, dir: &Path, problems: &mut Problems) -> Self {
        let file = dir.join(KV_FILE);
        let Some(table) = table else {
            let (store, durability) = Default::default();
            return Self { store, file, size: KV_SIZE, value: KV_VALUE, durability };
        };
        table.only(names::KV, problems);
        let store = table.get("store", one_of(STORES), problems).unwrap_or_default();
        let durability = table.get("durability", one_of(DURABILITIES), problems);
        if store != StoreKind::Embedded
            && let Some(field) = table.field("durability")
        {
            let message = "`kv.durability` goes with the store `embedded` only";
            problems.push(Problem::new(message).at(field.origin()));
        }
        let default = if store == StoreKind::Memory { KV_SIZE_IN_MEMORY } else { KV_SIZE };
        Self {
            store,
            file,
            size: table.get("size", size, problems).unwrap_or(default),
            value: table.get("value", value_size, problems).unwrap_or(KV_VALUE),
            durability: durability.unwrap_or_default(),
        }
    }
}

fn value_size(value: &Value) -> Result<u64, Expected> {
    let text = size_text(KV_VALUE_MAX);
    let fits = |bytes: &u64| *bytes <= KV_VALUE_MAX;
    let too_large = || Expected::new(format!("a size of at most {text}"));
    Some(size(value)?).filter(fits).ok_or_else(too_large)
}

impl Redis {
    fn read(
        table: &Table,
        (dir, environment): (&Path, &str),
        variables: &Variables,
        problems: &mut Problems,
    ) -> Option<Self> {
        table.only(names::REDIS, problems);
        if table.field("url").is_none() {
            let hint = "name the server: `url = \"redis://127.0.0.1:6379\"`";
            let problem = Problem::new("`redis` lacks `url`").at(table.origin());
            problems.push(problem.hint(hint));
        }
        if table.field("prefix").is_none() && environment != ENVIRONMENT {
            let message =
                "`redis` lacks `prefix`: apps with the same one share sessions, `kv` and events";
            let hint = "name the app: `prefix = \"shop:\"`, on all of its servers the same \
                        (what ran without has `boathook:`)";
            problems.push(Problem::new(message).at(table.origin()).hint(hint));
        }
        let password = table.field("password");
        Some(Self {
            password: password.and_then(|field| password_place(field, (dir, variables), problems)),
            prefix: table
                .get("prefix", prefix, problems)
                .unwrap_or_else(|| REDIS_PREFIX.to_owned()),
            timeout: table.get("timeout", duration, problems).unwrap_or(REDIS_TIMEOUT),
            url: url(table.field("url")?, problems)?,
            variables: variables.clone(),
        })
    }
}

/// An address without a password: the configuration is shown by `config explain` and in problems, this
/// one's included.
fn url(field: Field, problems: &mut Problems) -> Option<String> {
    let hint = "write it like `redis://127.0.0.1:6379/0`, or `rediss://` for TLS";
    let text = field.value.as_str().unwrap_or_default();
    let rest = text.strip_prefix("redis://").or_else(|| text.strip_prefix("rediss://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        problems.push(field.problem(Expected::new("the address of a Redis server").hint(hint)));
        return None;
    };
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        let message = "`redis.url` has a password in it, and the configuration is no place for one";
        let hint = "write `password = { env = \"REDIS_PASSWORD\" }` or `{ file = \"...\" }`";
        problems.push(Problem::new(message).at(field.origin()).hint(hint));
        return None;
    }
    Some(text.to_owned())
}

fn prefix(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("a text of 1 to 64 bytes, without control characters");
    let text = filled_string(value)?;
    let fits = text.len() <= 64 && !text.contains(char::is_control);
    if fits { Ok(text) } else { Err(bad()) }
}

/// Where the password lies: written as an entry of `[secrets]` is, and as little quoted in what is said of it.
fn password_place(
    field: Field,
    (dir, variables): (&Path, &Variables),
    problems: &mut Problems,
) -> Option<Place> {
    let origin = field.origin();
    let hint = "write `password = { env = \"REDIS_PASSWORD\" }` or `{ file = \"...\" }`";
    let bad = |message: &str| Problem::new(message).at(origin.clone()).hint(hint);
    if !field.value.is_object() {
        problems.push(bad("`redis.password` says where the password is, not what it is"));
        return None;
    }
    let table = field.table(problems)?;
    let Some(place) = Place::read(&table, dir, problems) else {
        problems.push(bad("`redis.password` needs either `env` or `file`"));
        return None;
    };
    if let Place::Variable(variable) = &place
        && variables.get(variable).is_none_or(|value| value.is_empty())
    {
        problems.push(bad(&format!("the environment has no `{variable}`")));
        return None;
    }
    Some(place)
}

impl Namespaces {
    /// Reads the entry `kv` of a hook's grants.
    ///
    /// # Errors
    /// What is wrong with it, as a text that may end in a hint line.
    pub fn read(grants: &Grants) -> Result<Self, String> {
        let entry = grants.0.get("kv");
        let hint = "\nhint: write it like `kv = [\"rates\", \"users:ro\"]`";
        let items = match entry {
            None | Some(Value::Bool(false)) => return Ok(Self::default()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(format!("the grant `kv` is a list of namespaces{hint}")),
        };
        let mut granted = BTreeMap::new();
        for text in items.iter().filter_map(Value::as_str) {
            let (namespace, access) = match text.strip_suffix(":ro") {
                Some(namespace) => (namespace, Access::Read),
                None => (text, Access::Write),
            };
            name(&Value::from(namespace)).map_err(|_| {
                format!(
                    "the grant `kv` names `{}`: a namespace has 1 to 64 letters, digits, `-`, `_` \
                     and `.`{hint}",
                    text.escape_debug()
                )
            })?;
            let most = granted.entry(namespace.to_owned()).or_insert(access);
            *most = access.max(*most);
        }
        Ok(Self(granted))
    }

    /// Whether a hook may do this.
    pub fn allows(&self, namespace: &str, access: Access) -> bool {
        self.0.get(namespace).is_some_and(|granted| *granted >= access)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each namespace, and what may be done with it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Access)> {
        self.0.iter().map(|(namespace, access)| (namespace.as_str(), *access))
    }

    /// As it would be written, with one more: what a hint shows.
    pub fn with(&self, namespace: &str, access: Access) -> String {
        let mut all = self.clone();
        let most = all.0.entry(namespace.to_owned()).or_insert(access);
        *most = access.max(*most);
        let written = all.0.iter().map(|(namespace, access)| match access {
            Access::Read => format!("{namespace}:ro"),
            Access::Write => namespace.clone(),
        });
        json!(written.collect::<Vec<_>>()).to_string()
    }
}

/// Our defaults in the shape of the configuration, for `config explain`.
pub(super) fn default_kv() -> Value {
    json!({
        "store": "embedded",
        "durability": "immediate",
        "size": size_text(KV_SIZE),
        "value": size_text(KV_VALUE),
    })
}
