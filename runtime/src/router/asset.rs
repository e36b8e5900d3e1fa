//! Decides whether a URL looks like a file: Sails' `LOOKS_LIKE_ASSET_RX`, by hand and in one pass.
//!
//! The expression is `/^[^?]*\/[^?\/]+\.[^?\/]+(\?.*)?$/`. It reads: the last segment has a dot
//! that is neither its first nor its last character; the query does not matter.

/// Whether the last segment of the path looks like a file name: `/a.js`, `/a/b.css?x=1`, `/v1.0`.
///
/// Takes a path with or without its query.
pub fn looks_like_asset(url: &str) -> bool {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    let Some((_, name)) = path.rsplit_once('/') else { return false };
    match name.as_bytes() {
        [_, inner @ .., _] => inner.contains(&b'.'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_13_what_looks_like_an_asset() {
        for url in
            ["/a.js", "/a/b.css", "/a.js?x=1", "/%2e.js", "/a.1", "/v1.0", "//a.js", "/a.b.c"]
        {
            assert!(looks_like_asset(url), "{url}");
        }
    }

    #[test]
    fn a7_13_what_does_not() {
        for url in [
            "/",
            "/a",
            "/a.b/c",
            "/a.b/",
            "/.env",
            "/a.",
            "/a?x=b.js",
            "/a?x=/b.js",
            "/a.js/",
            "/v1.0/users",
            "",
            "a.js",
            "/.",
            "/..",
            "/?a.js",
        ] {
            assert!(!looks_like_asset(url), "{url}");
        }
    }

    #[test]
    fn it_agrees_with_the_expression_of_sails() {
        let sails = fancy_regex::Regex::new(r"^[^?]*\/[^?\/]+\.[^?\/]+(\?.*)?$").unwrap();
        // Every text of up to six of these characters: what the expression tells apart.
        let letters = ['/', '.', 'a', '?'];
        for length in 0..=6_u32 {
            for number in 0..4_usize.pow(length) {
                let url: String =
                    (0..length).map(|at| letters[number / 4_usize.pow(at) % 4]).collect();
                assert_eq!(looks_like_asset(&url), sails.is_match(&url).unwrap(), "{url}");
            }
        }
    }
}
