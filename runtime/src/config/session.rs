//! Reads how sessions are kept: the table `[session]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::names;
use super::problem::{Problem, Problems};
use super::reader::{Expected, Table, boolean, name, one_of};
use super::stores::{KV_SIZE, KV_SIZE_IN_MEMORY, STORES, StoreKind};
use super::tree::Tree;
use super::units::{duration, duration_text, size, size_text};

/// The cookie's name, after Sails' `sails.sid`.
const NAME: &str = "boathook.sid";
/// The secret that signs if none is named.
const SECRET: &str = "session";
/// How long a session lives that nobody touches: Sails' day.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a session lives at most, whatever is done with it.
const LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Bytes of one session. It is read whole and written whole.
const MAX_BYTES: u64 = 32 << 10;
/// The database file of an embedded store, below the app folder.
const FILE: &str = ".boathook/sessions.redb";

/// How sessions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The cookie's name.
    pub name: String,
    /// The names of the secrets: the first signs, all verify.
    pub secrets: Vec<String>,
    /// Whether the secrets were named, and so have to be there.
    pub secrets_named: bool,
    /// Whether the cookie is encrypted, and not only signed.
    pub encrypt: bool,
    /// Where sessions are kept.
    pub store: StoreKind,
    /// The file of an embedded store.
    pub file: PathBuf,
    /// What becomes of a request whose session cannot be read or written.
    pub on_store_failure: OnStoreFailure,
    /// How long a session lives that nobody touches.
    pub idle: Duration,
    /// How long a session lives at most.
    pub lifetime: Duration,
    /// Whether the cookie outlives the browser.
    pub persistent: bool,
    /// The paths that the cookie is sent to.
    pub path: String,
    /// The hosts that the cookie is sent to; the one that set it alone if none are named.
    pub domain: Option<String>,
    /// Whether the cookie is sent over https alone; none is so where the request came by https.
    pub secure: Option<bool>,
    /// Whether the cookie is sent along from other sites.
    pub same_site: SameSite,
    /// Whether the cookie is hidden from scripts.
    pub http_only: bool,
    /// Whether upstreams see the cookie, and may set it.
    pub forward: bool,
    /// Bytes of one session.
    pub max_bytes: u64,
    /// Bytes of all sessions together, in a store of our own.
    pub size: u64,
}

/// What becomes of a request whose session cannot be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStoreFailure {
    /// It is answered with the error.
    #[default]
    Fail,
    /// It goes on as if there were no session, and what it sets is not kept.
    Empty,
}

const ON_STORE_FAILURE: &[(&str, OnStoreFailure)] =
    &[("fail", OnStoreFailure::Fail), ("empty", OnStoreFailure::Empty)];

/// Whether a cookie is sent along from other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Never.
    Strict,
    /// When the user follows a link.
    #[default]
    Lax,
    /// Always. Browsers want `secure` with it.
    None,
}

const SAME_SITE: &[(&str, SameSite)] =
    &[("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            name: NAME.into(),
            secrets: vec![SECRET.into()],
            secrets_named: false,
            encrypt: false,
            store: StoreKind::Memory,
            file: FILE.into(),
            on_store_failure: OnStoreFailure::default(),
            idle: IDLE,
            lifetime: LIFETIME,
            persistent: false,
            path: "/".into(),
            domain: None,
            secure: None,
            same_site: SameSite::default(),
            http_only: true,
            forward: false,
            max_bytes: MAX_BYTES,
            size: KV_SIZE_IN_MEMORY,
        }
    }
}

impl SessionSettings {
    /// Reads the root table `session`; `dir` is the app folder.
    pub(super) fn read(tree: &Tree, dir: &Path, problems: &mut Problems) -> Self {
        let all = Self { file: dir.join(FILE), ..Self::default() };
        let root = Table::root(tree.traced());
        let Some(table) = root.table("session", problems) else { return all };
        table.only(names::SESSION, problems);
        let secrets = table.get("secrets", secret_names, problems);
        let store = table.get("store", one_of(STORES), problems).unwrap_or(all.store);
        let size_at_most = if store == StoreKind::Memory { KV_SIZE_IN_MEMORY } else { KV_SIZE };
        let settings = Self {
            name: table.get("name", cookie_name, problems).unwrap_or(all.name),
            secrets_named: secrets.is_some(),
            secrets: secrets.unwrap_or(all.secrets),
            encrypt: table.get("encrypt", boolean, problems).unwrap_or(all.encrypt),
            store,
            file: all.file,
            on_store_failure: table
                .get("on_store_failure", one_of(ON_STORE_FAILURE), problems)
                .unwrap_or_default(),
            idle: table.get("idle", duration, problems).unwrap_or(all.idle),
            lifetime: table.get("lifetime", duration, problems).unwrap_or(all.lifetime),
            persistent: table.get("persistent", boolean, problems).unwrap_or(all.persistent),
            path: table.get("path", cookie_path, problems).unwrap_or(all.path),
            domain: table.get("domain", domain, problems),
            secure: table.get("secure", secure, problems).unwrap_or_default(),
            same_site: table.get("same_site", one_of(SAME_SITE), problems).unwrap_or_default(),
            http_only: table.get("http_only", boolean, problems).unwrap_or(all.http_only),
            forward: table.get("forward", boolean, problems).unwrap_or(all.forward),
            max_bytes: table.get("max_bytes", size, problems).unwrap_or(all.max_bytes),
            size: table.get("size", size, problems).unwrap_or(size_at_most),
        };
        settings.refuse_what_browsers_drop(&table, problems);
        if store == StoreKind::Redis && root.field("redis").is_none() {
            let message = "`session.store` is `redis`, and there is no `[redis]`";
            let origin = table.field("store").map_or_else(|| table.origin(), |it| it.origin());
            let hint = "write `[redis] url = \"redis://127.0.0.1:6379\"`";
            problems.push(Problem::new(message).at(origin).hint(hint));
        }
        settings
    }

    /// Browsers drop such cookies without a word, and nobody could log in.
    fn refuse_what_browsers_drop(&self, table: &Table, problems: &mut Problems) {
        let mut refuse = |key: &str, text: &str, hint: &str| {
            let origin = table.field(key).map_or_else(|| table.origin(), |field| field.origin());
            let message = format!("`session.{key}`: {text}");
            problems.push(Problem::new(message).at(origin).hint(hint));
        };
        if self.same_site == SameSite::None && self.secure != Some(true) {
            let text = "browsers drop cookies with `none` that are not `secure`";
            refuse("same_site", text, "add `secure = true`");
        }
        let host_only = self.name.starts_with("__Host-");
        if (host_only || self.name.starts_with("__Secure-")) && self.secure != Some(true) {
            let text = "browsers drop cookies of such a name that are not `secure`";
            refuse("name", text, "add `secure = true`");
        }
        if host_only && (self.path != "/" || self.domain.is_some()) {
            let text =
                "browsers drop cookies of such a name with a `domain` or another `path` than `/`";
            refuse("name", text, "leave both out");
        }
    }
}

/// The defaults in the shape of the configuration, for `config explain`.
pub(super) fn default_values() -> Value {
    json!({
        "name": NAME,
        "secrets": [SECRET],
        "encrypt": false,
        "store": "memory",
        "on_store_failure": "fail",
        "idle": duration_text(IDLE),
        "lifetime": duration_text(LIFETIME),
        "persistent": false,
        "path": "/",
        "secure": "auto",
        "same_site": "lax",
        "http_only": true,
        "forward": false,
        "max_bytes": size_text(MAX_BYTES),
        "size": size_text(KV_SIZE_IN_MEMORY),
    })
}

/// Names of secrets, one at least.
fn secret_names(value: &Value) -> Result<Vec<String>, Expected> {
    let bad = || {
        // What stands here may be a secret itself, but the message quotes no array.
        Expected::new("an array of names of secrets, one at least").hint(
            "write it like `[\"session\"]`; the secret itself is in `BOATHOOK_SECRET_SESSION`",
        )
    };
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(bad)?;
    items.iter().map(|item| name(item).map_err(|_| bad())).collect()
}

/// RFC 6265's token, without the `%` that some decode.
fn cookie_name(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("the name of a cookie: letters, digits, `-`, `_` and `.`");
    let legal = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    value.as_str().filter(legal).map(str::to_owned).ok_or_else(bad)
}

fn cookie_path(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("a path that starts with `/`, without `;`");
    let legal = |text: &&str| {
        text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic() && c != ';')
    };
    value.as_str().filter(legal).map(str::to_owned).ok_or_else(bad)
}

fn domain(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("the name of a host").hint("write it like `example.com`");
    let legal = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    value.as_str().filter(legal).map(str::to_owned).ok_or_else(bad)
}

fn secure(value: &Value) -> Result<Option<bool>, Expected> {
    match value {
        Value::Bool(secure) => Ok(Some(*secure)),
        Value::String(word) if word == "auto" => Ok(None),
        _ => Err(Expected::new("`true`, `false` or `\"auto\"`")),
    }
}
