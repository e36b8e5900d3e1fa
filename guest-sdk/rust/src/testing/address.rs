//! Matches addresses for tests: verbs, `:param`, `:param?` and `*`, no regular expressions.

const FIVE: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The parameters if the address matches; none if it does not.
pub(crate) fn matches(address: &str, method: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (verb, pattern) = address.split_once(' ').unwrap_or(("", address));
    assert!(!pattern.trim().starts_with("r|"), "testing does not match `{address}`: a regex");
    let verb_fits = match verb.to_ascii_uppercase().as_str() {
        "" => FIVE.contains(&method),
        "ALL" => true,
        "GET" => method == "GET" || method == "HEAD",
        verb => verb == method,
    };
    if !verb_fits {
        return None;
    }
    let mut params = Vec::new();
    let mut segments = segments(path);
    let mut stars = 0;
    for part in self::segments(pattern.trim()) {
        if part == "*" {
            params.push((stars.to_string(), std::mem::take(&mut segments).join("/")));
            stars += 1;
        } else if let Some(name) = part.strip_prefix(':') {
            let optional = name.ends_with('?');
            match segments.first() {
                Some(value) => {
                    params.push((name.trim_end_matches('?').into(), decoded(value)));
                    segments.remove(0);
                }
                None if optional => {}
                None => return None,
            }
        } else if segments.first().is_some_and(|segment| segment.eq_ignore_ascii_case(part)) {
            segments.remove(0);
        } else {
            return None;
        }
    }
    segments.is_empty().then_some(params)
}

/// Whether a path looks like a file: a dot inside its last segment.
pub(crate) fn looks_like_asset(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < last.len())
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn decoded(segment: &str) -> String {
    crate::request::decode(&segment.replace('+', "%2B")).unwrap_or_else(|| segment.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_params_and_stars_match_as_in_sails() {
        for (address, method, path, params) in [
            ("GET /a", "GET", "/A/", Some("")),
            ("GET /a", "HEAD", "/a", Some("")),
            ("GET /a", "POST", "/a", None),
            ("/*", "DELETE", "/x/y", Some("0=x/y")),
            ("/*", "OPTIONS", "/x", None),
            ("ALL /*", "OPTIONS", "/", Some("0=")),
            ("/u/:id", "GET", "/u/a%20b", Some("id=a b")),
            ("/u/:id", "GET", "/u", None),
            ("/u/:id?", "GET", "/u", Some("")),
            ("/u/:id", "GET", "/u/1/2", None),
        ] {
            let found = matches(address, method, path).map(|params| {
                let pairs: Vec<_> =
                    params.iter().map(|(name, value)| format!("{name}={value}")).collect();
                pairs.join("&")
            });
            assert_eq!(found.as_deref(), params, "{address} {method} {path}");
        }
    }

    #[test]
    fn a_dot_inside_the_last_segment_looks_like_a_file() {
        assert!(looks_like_asset("/a/b.css"));
        for path in ["/", "/a", "/a.b/c", "/.env", "/a."] {
            assert!(!looks_like_asset(path), "{path}");
        }
    }
}
