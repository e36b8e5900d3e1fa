//! Defines the keys that are ours, the ones we keep for later, and how loosely a name may be
//! spelled.
//!
//! This is the one list that unknown-key errors, "did you mean" and environment variables read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::problem::Problem;

/// Root keys that are ours; no hook may have one of them as its config key.
pub const ROOT: &[&str] = &[
    "access_log",
    "admin",
    "drain",
    "environment",
    "events",
    "fetch",
    "hook_timeout",
    "hooks",
    "hooks_dir",
    "http",
    "installed",
    "kv",
    "limits",
    "listen",
    "log",
    "max_connections",
    "redis",
    "routes",
    "secrets",
    "session",
    "tasks",
    "tls",
    "trust_proxy",
    "workers",
];

/// Keys that are read when the process starts, and not again.
pub(super) const READ_AT_START: &[&str] = &[
    "admin",
    "drain",
    "events",
    "http.header_timeout",
    "http.idle_timeout",
    "http.max_header_bytes",
    "http.max_headers",
    "http.max_streams",
    "kv",
    "listen",
    "max_connections",
    "redis",
    "session",
    "tls",
    "workers",
];

/// Root keys kept for what is not built yet; refused both as config keys and in a configuration.
pub const RESERVED: &[&str] = &["sockets"];

/// The root table that belongs to the app: any hook may read and set it.
pub const CUSTOM: &str = "custom";

/// The key in a hook's defaults that stands for its config key.
pub const CONFIG_KEY: &str = "__configKey__";

pub(super) const ADMIN: &[&str] = &["listen"];
pub(super) const EVENTS: &[&str] = &["nodes"];
pub(super) const FETCH: &[&str] = &["ca_file", "connect_timeout", "max_requests"];
pub(super) const FORWARD_LOCALS: &[&str] = &["header", "keys", "secret"];
pub(super) const HTTP: &[&str] = &[
    "body_timeout",
    "header_timeout",
    "idle_timeout",
    "max_body",
    "max_header_bytes",
    "max_headers",
    "max_streams",
];
pub(super) const KV: &[&str] = &["durability", "size", "store", "value"];
pub(super) const LOG: &[&str] = &["level"];
pub(super) const REDIS: &[&str] = &["password", "prefix", "timeout", "url"];
pub(super) const SECRET: &[&str] = &["env", "file"];
pub(super) const SESSION: &[&str] = &[
    "domain",
    "encrypt",
    "forward",
    "http_only",
    "idle",
    "lifetime",
    "max_bytes",
    "name",
    "on_store_failure",
    "path",
    "persistent",
    "same_site",
    "secrets",
    "secure",
    "size",
    "store",
];
pub(super) const TASKS: &[&str] = &["attempts", "backoff", "backoff_max", "queue", "stored"];
pub(super) const TLS: &[&str] = &["cert", "key"];
pub(super) const INSTALLED: &[&str] = &["config_key", "name", "path"];
pub(super) const HOOK: &[&str] =
    &["after", "config_key", "grants", "limits", "mode", "on_failure", "replay", "ticks"];
pub(super) const GRANTS: &[&str] =
    &["env", "events", "fetch", "files", "kv", "secrets", "session", "sockets", "tasks"];
pub(super) const LIMITS: &[&str] = &[
    "body",
    "cpu",
    "fetches",
    "fuel",
    "handles",
    "host_calls",
    "instances",
    "log",
    "measure",
    "memory",
    "queue",
    "queue_wait",
    "start",
    "tables",
    "wall",
];
pub(super) const ROOT_LIMITS: &[&str] = &[
    "body",
    "cpu",
    "exchange",
    "fetches",
    "fuel",
    "handles",
    "host_calls",
    "instances",
    "log",
    "measure",
    "memory",
    "queue",
    "queue_wait",
    "start",
    "tables",
    "wall",
];
pub(super) const ROUTE: &[&str] = &[
    "action",
    "address",
    "directory",
    "forward_locals",
    "hook",
    "redirect",
    "respond",
    "session",
    "skip_assets",
    "status",
    "strip_prefix",
    "timeout",
    "upstream",
];

/// Whether a root key belongs to the server, now or later.
pub fn is_ours(root: &str) -> bool {
    ROOT.contains(&root) || RESERVED.contains(&root)
}

/// The key that somebody who comes from Sails or another server means by a root key of ours.
pub(super) fn elsewhere(root: &str) -> Option<&'static str> {
    match root {
        "port" | "host" | "explicitHost" => Some("write `listen = \"127.0.0.1:1337\"`"),
        "installedHooks" => Some("write `[installed.<package>]`"),
        "ssl" => Some("write `[tls]` with `cert` and `key`"),
        "env" => Some("use `--env` or `BOATHOOK_ENV`"),
        _ => None,
    }
}

/// Names that come from the hooks: what an environment variable may mean beside our own keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HookNames {
    pub(super) hooks: BTreeSet<String>,
    pub(super) config_keys: BTreeSet<String>,
}

/// What one part of an environment variable's name means below `parents`: the exact key if there is
/// one, else the key that differs in case and in `-` for `_`, else the part as it is spelled, which
/// later layers may still bring a key for.
pub(super) fn resolve(
    part: &str,
    parents: &[String],
    there: &[Option<&Value>],
    hooks: &HookNames,
) -> Result<String, Problem> {
    let tables = there.iter().flatten().filter_map(|value| value.as_object());
    let mut keys: BTreeSet<&str> = tables.flat_map(|map| map.keys().map(String::as_str)).collect();
    keys.extend(ours_below(parents));
    match parents {
        [] => {
            keys.extend(hooks.config_keys.iter().map(String::as_str));
            keys.extend(hooks.hooks.iter().map(String::as_str));
            keys.insert(CUSTOM);
        }
        [root] if root == "hooks" => keys.extend(hooks.hooks.iter().map(String::as_str)),
        _ => {}
    }
    if keys.contains(part) {
        return Ok(part.to_owned());
    }
    let loose_part = loose(part);
    let mut meant = keys.into_iter().filter(|key| loose(key) == loose_part);
    match (meant.next(), meant.next()) {
        (None, _) => Ok(part.to_owned()),
        (Some(key), None) => Ok(key.to_owned()),
        (Some(one), Some(other)) => {
            Err(Problem::new(format!("`{part}` may mean `{one}` or `{other}`"))
                .hint("use `--set` or a file, where names are exact"))
        }
    }
}

/// A name as environment variables see it: in one case, `_` for `-`.
pub(super) fn loose(name: &str) -> String {
    name.replace('-', "_").to_lowercase()
}

/// Our keys below these ones.
pub(super) fn ours_below(parents: &[String]) -> &'static [&'static str] {
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    match parents.as_slice() {
        [] => ROOT,
        ["admin"] => ADMIN,
        ["events"] => EVENTS,
        ["fetch"] => FETCH,
        ["http"] => HTTP,
        ["kv"] => KV,
        ["limits"] => ROOT_LIMITS,
        ["log"] => LOG,
        ["redis"] => REDIS,
        ["redis", "password"] => SECRET,
        ["session"] => SESSION,
        ["tasks"] => TASKS,
        ["tls"] => TLS,
        ["secrets", _] => SECRET,
        ["installed", _] => INSTALLED,
        ["hooks", _] => HOOK,
        ["hooks", _, "limits"] => LIMITS,
        ["hooks", _, "grants"] => GRANTS,
        _ => &[],
    }
}
