//! Defines [`Binding`]: an address with what decides whether it applies to assets.

use std::borrow::Cow;

use http::Method;

use super::address::Address;
use super::asset::looks_like_asset;
use super::path::View;
use super::pattern::{Pattern, PatternLimit};
use super::verbs::Verbs;

/// What the author of a route said about paths that look like files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SkipAssets {
    /// Nothing: a hook's `GET /x/:id` skips assets, all else does not.
    #[default]
    Default,
    /// `skip-assets`
    Yes,
    /// `keep-assets`
    No,
}

/// A route as the router sees it: when it matches, not what it does.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Methods and paths.
    pub address: Address,
    /// Whether paths that look like files pass this route by.
    pub skip_assets: SkipAssets,
    /// Whether a hook answers it. [`SkipAssets::Default`] skips for hooks only: an upstream or a
    /// directory is there to serve assets.
    pub hook_route: bool,
    /// Path and query that match any of these pass this route by.
    pub skip_patterns: Vec<Pattern>,
}

impl Binding {
    /// A binding of an address and nothing else.
    pub fn new(address: Address, hook_route: bool) -> Binding {
        let skip_assets = SkipAssets::Default;
        Binding { address, skip_assets, hook_route, skip_patterns: Vec::new() }
    }

    /// Whether paths that look like files pass this route by, the default worked out.
    pub fn skips_assets(&self) -> bool {
        match self.skip_assets {
            SkipAssets::Yes => true,
            SkipAssets::No => false,
            SkipAssets::Default => {
                self.hook_route && self.answers_get_by_name() && self.address.ends_in_param()
            }
        }
    }

    /// What Sails warns about: a route so wide that it meets assets, and that does not say whether
    /// it means to. For the app's own routes to a hook; a hook's `before` and `after` routes mean
    /// what they say, and an upstream or a directory wants its assets.
    pub fn warning(&self) -> Option<String> {
        let path = self.address.path();
        let is_wide = path == "*"
            || path.strip_suffix('/').unwrap_or(path).ends_with("/*")
            || self.address.is_regex();
        let meets_assets = match self.address.verbs() {
            Verbs::Unspecified | Verbs::All => true,
            Verbs::One(method) => matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS),
        };
        (self.skip_assets == SkipAssets::Default && is_wide && meets_assets).then(|| {
            format!(
                "route `{}` does not say what it does with assets\n\
                 hint: declare `skip_assets = true` or `skip_assets = false`",
                self.address
            )
        })
    }

    /// Whether a path that matches the address passes this route by all the same.
    pub(super) fn skips(&self, view: &View, query: Option<&str>) -> Result<bool, PatternLimit> {
        if self.skips_assets() && looks_like_asset(view.text()) {
            return Ok(true);
        }
        if self.skip_patterns.is_empty() {
            return Ok(false);
        }
        let url = match query {
            Some(query) => Cow::Owned(format!("{}?{query}", view.text())),
            None => Cow::Borrowed(&**view.text()),
        };
        for pattern in &self.skip_patterns {
            if pattern.is_match(&url)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn answers_get_by_name(&self) -> bool {
        matches!(self.address.verbs(), Verbs::Unspecified | Verbs::One(Method::GET))
    }
}
