//! Reads what the server itself is told: where it listens, how long it waits, how much it takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::fetch::{self, Fetch};
use super::http::{self, Http};
use super::key;
use super::limits::{self, RootLimits};
use super::names;
use super::network::{Listen, TrustProxy, listen, trust_proxy};
use super::problem::{Origin, Problem, Problems};
use super::reader::{Table, boolean, describe, one_of, path, whole};
use super::session;
use super::tree::Tree;
use super::units::{duration_or_milliseconds, duration_or_zero, duration_text, size_text};

/// Sails' port, on the loopback address: nothing is open to the world unless asked for.
pub const LISTEN_HOST: &str = "127.0.0.1";
/// See [`LISTEN_HOST`].
pub const LISTEN_PORT: u16 = 1337;
/// The folder with the hooks, in the app folder.
pub const HOOKS_DIR: &str = "hooks";
/// How long a hook may take to initialise: Sails' documented ten seconds.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests in flight may take to end after a stop: what most orchestrators wait before
/// they kill.
pub const DRAIN: Duration = Duration::from_secs(30);
/// Connections at once: well below the usual limit on open files, with as many to upstreams.
pub const MAX_CONNECTIONS: usize = 10_000;
/// What the server itself is told, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where to listen.
    pub listen: Listen,
    /// How long a hook's `initialize` may take; see also [`hook_timeout`].
    pub hook_timeout: Duration,
    /// How long requests in flight may take after a stop. Zero cuts them at once.
    pub drain: Duration,
    /// Whose `X-Forwarded-*` headers count.
    pub trust_proxy: TrustProxy,
    /// Whether each request is logged.
    pub access_log: bool,
    /// The folder with the hooks, below the app folder if it was written as a relative path.
    pub hooks_dir: PathBuf,
    /// Worker threads; `None` is one for each core.
    pub workers: Option<usize>,
    /// Connections at once.
    pub max_connections: usize,
    /// What holds for what hooks fetch.
    pub fetch: Fetch,
    /// What a client may do to the HTTP server.
    pub http: Http,
    /// The certificate, if the socket speaks TLS.
    pub tls: Option<Tls>,
    /// What is logged.
    pub log_level: LogLevel,
    /// Limits of all hooks and of an exchange.
    pub limits: RootLimits,
    /// Where the admin listener listens: the table `[admin]`. There is none unless it says so.
    pub admin: Option<Listen>,
}

/// Where certificate and key are: the table `[tls]`. Relative paths are below the app folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate chain.
    pub cert: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// How much is logged, in Sails' order: each level has those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Nothing.
    Silent,
    /// What failed.
    Error,
    /// What may fail.
    Warn,
    /// What a developer wants to know.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What happened, in detail: each hook that loaded.
    Verbose,
    /// Everything.
    Silly,
}

const LOG_LEVELS: &[(&str, LogLevel)] = &[
    ("silent", LogLevel::Silent),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("verbose", LogLevel::Verbose),
    ("silly", LogLevel::Silly),
];

impl Default for Server {
    fn default() -> Self {
        let nothing = Tree::new(Vec::new(), Vec::new(), &mut Problems::default());
        Self::read(&nothing, Path::new(""), &mut Problems::default())
    }
}

impl Server {
    /// Reads our root keys; `dir` is the app folder, below which relative paths are.
    pub(super) fn read(tree: &Tree, dir: &Path, problems: &mut Problems) -> Self {
        let root = Table::root(tree.traced());
        refuse_what_is_not_configured(&root, problems);
        let positive = || whole(1..=u64::from(u32::MAX));
        Self {
            listen: root
                .get("listen", listen, problems)
                .unwrap_or_else(|| Listen { host: LISTEN_HOST.to_owned(), port: LISTEN_PORT }),
            hook_timeout: root
                .get("hook_timeout", duration_or_milliseconds, problems)
                .unwrap_or(HOOK_TIMEOUT),
            drain: root.get("drain", duration_or_zero, problems).unwrap_or(DRAIN),
            trust_proxy: root.get("trust_proxy", trust_proxy, problems).unwrap_or_default(),
            access_log: root.get("access_log", boolean, problems).unwrap_or(false),
            hooks_dir: dir
                .join(root.get("hooks_dir", path, problems).unwrap_or_else(|| HOOKS_DIR.into())),
            workers: root.get("workers", whole(1..=1024), problems),
            max_connections: root
                .get("max_connections", positive(), problems)
                .unwrap_or(MAX_CONNECTIONS),
            fetch: Fetch::read(root.table("fetch", problems), dir, problems),
            http: Http::read(root.table("http", problems), problems),
            tls: root.table("tls", problems).and_then(|table| Tls::read(&table, dir, problems)),
            log_level: log_level(&root, problems).unwrap_or_default(),
            limits: RootLimits::read(&root, problems),
            admin: admin(&root, problems),
        }
    }
}

/// Keys of ours that a configuration must not have, each with the reason.
fn refuse_what_is_not_configured(root: &Table, problems: &mut Problems) {
    if let Some(field) = root.field("environment") {
        let message = "`environment` cannot be configured: it decides which files are read";
        problems
            .push(Problem::new(message).at(field.origin()).hint("use `--env` or `BOATHOOK_ENV`"));
    }
    for name in names::RESERVED {
        if let Some(field) = root.field(name) {
            let message = format!("`{name}` is not supported in this version");
            problems.push(Problem::new(message).at(field.origin()));
        }
    }
}

fn admin(root: &Table, problems: &mut Problems) -> Option<Listen> {
    let table = root.table("admin", problems)?;
    table.only(names::ADMIN, problems);
    table.get("listen", listen, problems)
}

fn log_level(root: &Table, problems: &mut Problems) -> Option<LogLevel> {
    let table = root.table("log", problems)?;
    table.only(names::LOG, problems);
    table.get("level", one_of(LOG_LEVELS), problems)
}

impl Tls {
    fn read(table: &Table, dir: &Path, problems: &mut Problems) -> Option<Self> {
        table.only(names::TLS, problems);
        let mut file = |name: &str| {
            if table.field(name).is_none() {
                let message = format!("`tls` lacks `{name}`");
                problems.push(
                    Problem::new(message)
                        .at(table.origin())
                        .hint(format!("name a PEM file: `{name} = \"{name}.pem\"`")),
                );
            }
            table.get(name, path, problems).map(|path| dir.join(path))
        };
        let (cert, key) = (file("cert"), file("key"));
        Some(Self { cert: cert?, key: key? })
    }
}

/// How long the `initialize` of the hook with this config key may take, and who said so:
/// `_hookTimeout` in its own configuration (milliseconds), else `hook_timeout`. Ask once all
/// defaults are merged and `configure` has run (Sails A4.6, A4.7).
pub fn hook_timeout(
    tree: &Tree,
    config_key: &str,
    server: &Server,
) -> Result<(Duration, Origin), Problem> {
    let own = key::join(&[config_key, "_hookTimeout"]);
    match tree.get(&own) {
        Some(value) => {
            let origin = tree.origin(&own).unwrap_or(Origin::Default);
            match duration_or_milliseconds(value) {
                Ok(timeout) => Ok((timeout, origin)),
                Err(_) => Err(Problem::new(format!(
                    "`{own}` must be a positive whole number of milliseconds: found {}",
                    describe(value)
                ))
                .at(origin)),
            }
        }
        None => Ok((server.hook_timeout, tree.origin("hook_timeout").unwrap_or(Origin::Default))),
    }
}

/// Our defaults in the shape of the configuration, for `config explain`.
pub(super) fn default_values() -> Value {
    let time = |duration| Value::String(duration_text(duration));
    let size = |bytes| Value::String(size_text(bytes));
    json!({
        "listen": format!("{LISTEN_HOST}:{LISTEN_PORT}"),
        "hook_timeout": time(HOOK_TIMEOUT),
        "drain": time(DRAIN),
        "trust_proxy": false,
        "access_log": false,
        "hooks_dir": HOOKS_DIR,
        "max_connections": MAX_CONNECTIONS,
        "fetch": {
            "connect_timeout": time(fetch::CONNECT_TIMEOUT),
            "max_requests": fetch::MAX_REQUESTS,
        },
        "http": {
            "max_header_bytes": size(http::MAX_HEADER_BYTES),
            "max_headers": http::MAX_HEADERS,
            "header_timeout": time(http::HEADER_TIMEOUT),
            "idle_timeout": time(http::IDLE_TIMEOUT),
            "body_timeout": time(http::BODY_TIMEOUT),
            "max_streams": http::MAX_STREAMS,
        },
        "kv": super::stores::default_kv(),
        "log": { "level": "info" },
        "limits": {
            "cpu": time(limits::CPU),
            "start": time(limits::START),
            "wall": time(limits::WALL),
            "memory": size(limits::MEMORY),
            "body": size(limits::BODY),
            "log": size(limits::LOG),
            "fetches": limits::FETCHES,
            "host_calls": limits::HOST_CALLS,
            "handles": limits::HANDLES,
            "tables": limits::TABLES,
            "queue": limits::QUEUE,
            "queue_wait": time(limits::QUEUE_WAIT),
            "exchange": time(limits::EXCHANGE),
        },
        "session": session::default_values(),
        "tasks": super::tasks::default_values(),
    })
}
