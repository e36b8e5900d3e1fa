//! Reads the app's own routes: `[[routes]]`, each an address with exactly one target.
//!
//! What an address means is the router's to say; here it is a string that is not empty.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::forwarding::ForwardLocals;
use super::names;
use super::problem::{Origin, Problem, Problems};
use super::reader::{
    Expected, Field, Table, boolean, filled_string, name, path, quoted_list, whole,
};
use super::tree::Tree;
use super::units::duration;

/// How long an upstream may take to its response head.
pub const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(30);

/// One route of the app.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Where it listens, in Sails' syntax.
    pub address: String,
    /// What answers.
    pub target: Target,
    /// Whether requests that look like files pass it by; the router's defaults if `None`.
    pub skip_assets: Option<bool>,
    /// Whether requests that it matches have a session.
    pub session: bool,
    /// Where the route was written.
    pub origin: Origin,
}

/// What answers a route.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Another server.
    Upstream {
        /// `http://` or `https://`, a host, and a path that the request's path is put behind.
        url: String,
        /// How long it may take to its response head.
        timeout: Duration,
        /// What is taken off the request's path first.
        strip_prefix: Option<String>,
        /// The locals that it gets, signed.
        forward_locals: Option<ForwardLocals>,
    },
    /// A folder of files.
    Directory {
        /// The folder, below the app folder if it was written as a relative path.
        path: PathBuf,
        /// What is taken off the request's path first.
        strip_prefix: Option<String>,
    },
    /// A named route of a hook.
    Action {
        /// The hook.
        hook: String,
        /// The name that the hook gave to the route.
        action: String,
    },
    /// Another place.
    Redirect {
        /// A path or a URL.
        to: String,
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// A fixed response.
    Respond {
        /// The status.
        status: u16,
        /// Header lines, names as they were written.
        headers: Vec<(String, String)>,
        /// The body.
        body: FixedBody,
    },
}

/// The body of a fixed response.
#[derive(Debug, Clone, PartialEq)]
pub enum FixedBody {
    /// None.
    Empty,
    /// Text as it is.
    Text(String),
    /// Anything that was not written as a string, to be sent as JSON.
    Json(Value),
}

impl fmt::Display for Target {
    /// What answers in a few words, as a listing or a warning names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream { url, .. } => write!(f, "upstream {url}"),
            Self::Directory { path, .. } => write!(f, "directory {}", path.display()),
            Self::Action { hook, action } => write!(f, "hook `{hook}` action `{action}`"),
            Self::Redirect { to, status } => write!(f, "redirect {status} to {to}"),
            Self::Respond { status, .. } => write!(f, "response {status}"),
        }
    }
}

/// The keys that say what answers.
const TARGETS: &[&str] = &["upstream", "directory", "action", "redirect", "respond"];

/// Keys that only make sense beside some targets.
const COMPANIONS: &[(&str, &[&str])] = &[
    ("forward_locals", &["upstream"]),
    ("hook", &["action"]),
    ("status", &["redirect"]),
    ("timeout", &["upstream"]),
    ("strip_prefix", &["upstream", "directory"]),
];

/// Reads the root key `routes`; `dir` is the app folder.
pub(super) fn read(tree: &Tree, dir: &Path, problems: &mut Problems) -> Vec<Route> {
    let Some(field) = Table::root(tree.traced()).field("routes") else { return Vec::new() };
    if !field.value.is_array() {
        let expected = Expected::new("an array of tables").hint("write `[[routes]]`");
        problems.push(field.problem(expected));
        return Vec::new();
    }
    let fields = field.elements(problems);
    fields.into_iter().filter_map(|field| route(field, dir, problems)).collect()
}

fn route(field: Field, dir: &Path, problems: &mut Problems) -> Option<Route> {
    let table = field.table(problems)?;
    table.only(names::ROUTE, problems);
    if table.field("address").is_none() {
        problems.push(
            Problem::new(format!("`{}` lacks `address`", table.key))
                .at(table.origin())
                .hint("write `address = \"GET /api/*\"`"),
        );
    }
    let address = table.get("address", filled_string, problems);
    let skip_assets = table.get("skip_assets", boolean, problems);
    let session = table.get("session", boolean, problems).unwrap_or(true);
    let target = target(&table, dir, problems);
    let (address, target, origin) = (address?, target?, table.origin());
    Some(Route { address, target, skip_assets, session, origin })
}

fn target(table: &Table, dir: &Path, problems: &mut Problems) -> Option<Target> {
    let given: Vec<&str> =
        TARGETS.iter().copied().filter(|name| table.field(name).is_some()).collect();
    let problem = |message: String| Problem::new(message).at(table.origin());
    for (companion, targets) in COMPANIONS {
        if let Some(field) = table.field(companion)
            && !given.iter().any(|name| targets.contains(name))
        {
            let message = format!("`{}` goes with {} only", field.key, quoted_list(targets));
            problems.push(Problem::new(message).at(field.origin()));
        }
    }
    let kind = match given.as_slice() {
        [kind] => *kind,
        [] => {
            let message = format!("`{}` has nothing that answers", table.key);
            let hint = format!("give it one of {}", quoted_list(TARGETS));
            problems.push(problem(message).hint(hint));
            return None;
        }
        several => {
            let message = format!("`{}` has several targets: {}", table.key, quoted_list(several));
            problems.push(problem(message).hint("keep one of them"));
            return None;
        }
    };
    let strip_prefix = table.get("strip_prefix", rooted, problems);
    match kind {
        "upstream" => {
            let timeout = table.get("timeout", duration, problems).unwrap_or(UPSTREAM_TIMEOUT);
            let forward_locals = match table.field("forward_locals") {
                Some(field) => Some(ForwardLocals::read(&field.table(problems)?, problems)?),
                None => None,
            };
            let url = table.get("upstream", upstream, problems)?;
            Some(Target::Upstream { url, timeout, strip_prefix, forward_locals })
        }
        "directory" => {
            let path = dir.join(table.get("directory", path, problems)?);
            Some(Target::Directory { path, strip_prefix })
        }
        "action" => {
            if table.field("hook").is_none() {
                let message = format!("`{}` has an `action` but no `hook`", table.key);
                problems.push(problem(message).hint("write `hook = \"<name>\"`"));
            }
            let action = table.get("action", filled_string, problems);
            let hook = table.get("hook", name, problems);
            Some(Target::Action { hook: hook?, action: action? })
        }
        "redirect" => {
            let status = table.get("status", redirect_status, problems).unwrap_or(302);
            Some(Target::Redirect { to: table.get("redirect", header_value, problems)?, status })
        }
        _ => respond(&table.table("respond", problems)?, problems),
    }
}

fn respond(table: &Table, problems: &mut Problems) -> Option<Target> {
    table.only(&["body", "headers", "status"], problems);
    let mut headers = Vec::new();
    if let Some(given) = table.table("headers", problems) {
        for (name, field) in given.fields() {
            // RFC 9110, `token`.
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) {
                let message = format!("`{}` is not a header name", field.key);
                problems.push(Problem::new(message).at(field.origin()));
            } else if let Some(value) = field.read(header_value, problems) {
                headers.push((name.to_owned(), value));
            }
        }
    }
    let body = match table.field("body").map(|field| field.value) {
        None => FixedBody::Empty,
        Some(Value::String(text)) => FixedBody::Text(text),
        Some(json) => FixedBody::Json(json),
    };
    let status = match table.field("status") {
        Some(field) => field.read(whole(200..=599), problems)?,
        None => 200,
    };
    Some(Target::Respond { status, headers, body })
}

fn redirect_status(value: &Value) -> Result<u16, Expected> {
    let bad = || Expected::new("one of 301, 302, 303, 307 and 308");
    let status = value.as_u64().filter(|status| matches!(status, 301..=303 | 307 | 308));
    status.and_then(|status| u16::try_from(status).ok()).ok_or_else(bad)
}

fn rooted(value: &Value) -> Result<String, Expected> {
    let bad = || Expected::new("a path that starts with `/`").hint("write it like `/api`");
    value.as_str().filter(|text| text.starts_with('/')).map(str::to_owned).ok_or_else(bad)
}

/// Visible ASCII with inner spaces: what may stand in a header line, and so in `Location`.
fn header_value(value: &Value) -> Result<String, Expected> {
    let text = filled_string(value)?;
    let legal = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    if legal {
        Ok(text)
    } else {
        Err(Expected::new("a header value: printable ASCII, no line break or space around"))
    }
}

/// A URL without what a request brings itself or what would end up in a log: query, fragment,
/// password.
fn upstream(value: &Value) -> Result<String, Expected> {
    let bad = || {
        Expected::new("a URL with a host and without query, fragment or password")
            .hint("write it like `http://127.0.0.1:3000`")
    };
    let text = value.as_str().ok_or_else(bad)?;
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or_else(bad)?;
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let legal_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        }
    };
    let legal_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let legal_rest = rest.chars().all(|c| c.is_ascii_graphic() && !"?#@\\\"<>^`{|}".contains(c));
    if legal_host && legal_port && legal_rest { Ok(text.to_owned()) } else { Err(bad()) }
}
