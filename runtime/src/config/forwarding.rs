//! Reads which locals a route's upstream gets, and how: the key `forward_locals` of a route.

use serde_json::Value;

use super::names;
use super::problem::{Problem, Problems};
use super::reader::{Expected, Table, name, strings};

/// The header where none is named.
pub const LOCALS_HEADER: &str = "x-boathook-locals";
/// Locals that one header may carry: an upstream wants one or two.
const KEYS_MAX: usize = 32;

/// Which locals go to an upstream, in a signed header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardLocals {
    /// The header, in lower case. Nobody but the server may send it.
    pub header: String,
    /// The names of the locals.
    pub keys: Vec<String>,
    /// The name of the secret that signs.
    pub secret: String,
}

impl ForwardLocals {
    pub(super) fn read(table: &Table, problems: &mut Problems) -> Option<Self> {
        table.only(names::FORWARD_LOCALS, problems);
        for (key, example) in [("keys", "keys = [\"me\"]"), ("secret", "secret = \"upstream\"")] {
            if table.field(key).is_none() {
                let message = format!("`{}` lacks `{key}`", table.key);
                let hint = format!("write `{example}`");
                problems.push(Problem::new(message).at(table.origin()).hint(hint));
            }
        }
        let header = match table.field("header") {
            Some(field) => field.read(header, problems),
            None => Some(LOCALS_HEADER.to_owned()),
        };
        let keys = table.get("keys", keys, problems);
        let secret = table.get("secret", name, problems);
        Some(Self { header: header?, keys: keys?, secret: secret? })
    }
}

/// A header of our own making. All of its spellings are taken from clients, so it must not be one that they
/// need, or that the server sets for other reasons.
fn header(value: &Value) -> Result<String, Expected> {
    let bad = || {
        Expected::new("a header `x-...` of up to 64 letters, digits and `-`")
            .hint(format!("leave it out for `{LOCALS_HEADER}`"))
    };
    let text = value.as_str().ok_or_else(bad)?.to_lowercase();
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let own = text == "x-request-id" || text.starts_with("x-forwarded-");
    let fits = text.len() <= 64 && text.len() > 2 && text.starts_with("x-");
    if fits && !own && text.chars().all(legal) { Ok(text) } else { Err(bad()) }
}

fn keys(value: &Value) -> Result<Vec<String>, Expected> {
    let bad = || Expected::new(format!("an array of 1 to {KEYS_MAX} names of locals, each once"));
    let keys = strings(value).map_err(|_| bad())?;
    let mut each = keys.clone();
    each.sort_unstable();
    each.dedup();
    let fits = (1..=KEYS_MAX).contains(&keys.len()) && each.len() == keys.len();
    if fits && keys.iter().all(|key| !key.is_empty()) { Ok(keys) } else { Err(bad()) }
}
