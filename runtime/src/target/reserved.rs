//! Defines the headers that only the server writes, and takes them from everybody else.
//!
//! An upstream that reads one believes it. So no spelling of it that anything behind us may take for the same
//! comes through: CGI and what follows it write `_` for `-`, and PHP for `.` too.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::config;

/// Names of headers that only the server writes. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Reserved(Arc<[String]>);

impl Reserved {
    /// Those of an app: what any of its routes forwards locals in is reserved on all of them.
    pub fn of(routes: &[config::Route]) -> Self {
        let names = routes.iter().filter_map(|route| match &route.target {
            config::Target::Upstream { forward_locals, .. } => {
                forward_locals.as_ref().map(|forward| forward.header.clone())
            }
            _ => None,
        });
        names.collect()
    }

    /// Removes all spellings of them.
    pub fn strip(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let found: Vec<HeaderName> =
            headers.keys().filter(|name| self.has(name)).cloned().collect();
        for name in found {
            headers.remove(name);
        }
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|reserved| reads_as(name.as_str(), reserved))
    }
}

impl FromIterator<String> for Reserved {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// Whether somebody may take one name for the other.
fn reads_as(name: &str, other: &str) -> bool {
    let folded = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'-',
    };
    name.len() == other.len()
        && name.bytes().zip(other.bytes()).all(|(one, other)| folded(one) == folded(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_reserved_header_comes_through() {
        let reserved = Reserved::from_iter([config::LOCALS_HEADER.to_owned()]);
        let mut headers = HeaderMap::new();
        for name in [
            "x-boathook-locals",
            "X-Boathook-Locals",
            "x_boathook_locals",
            "x-boathook_locals",
            "x.boathook.locals",
            "x-boathook-locals-2",
            "x-boathook-local",
            "xboathooklocals",
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(&name, "a".parse().unwrap());
            headers.append(&name, "b".parse().unwrap());
        }
        reserved.strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-boathook-local", "x-boathook-locals-2", "xboathooklocals"]);
    }
}
