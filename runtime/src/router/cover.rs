//! Finds what a target answers that hooks in front of it do not see: warnings for `boathook check`.
//!
//! A hook that guards `/admin/*` sees five methods, and the upstream behind it answers all. Often
//! that is not what was meant, and nothing else would ever show it. This is advice, not proof:
//!
//! - Looked at are pairs of a `before` address and an app binding that no hook answers, if there
//!   are paths that both match. `before` bindings on the same path count as one.
//! - A verb that was written was meant: `POST /login` in front of `/*` is no oversight. Only where
//!   such an address covers the target whole, and nothing else sees the rest, is it one.
//! - What a regex address matches is not known. It counts if it matches an example of the target's
//!   paths.

use std::fmt;

use super::address::Address;
use super::binding::SkipAssets;
use super::overlap::{Relation, relation, same_path};
use super::table::{Router, Section};
use super::verbs::{VerbSet, Verbs};

/// Something that a target answers unseen. Printed as a text with a hint, as errors are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The target's index in the order of [`Router::bindings`].
    pub target: usize,
    target_address: String,
    /// Index, address and path of the `before` bindings that do not see it: all those on one path.
    before: Vec<(usize, String, String)>,
    missed: Missed,
}

/// What is not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Missed {
    Methods(VerbSet),
    Assets,
}

/// Why somebody might be surprised: what targets answer that the `before` routes on their paths do
/// not see. Asked once, by `boathook check`.
pub fn uncovered(router: &Router) -> Vec<Uncovered> {
    let guards = guards(router);
    let mut warnings = Vec::new();
    for (target, (section, _, binding)) in router.bindings().enumerate() {
        if section != Section::App || binding.hook_route {
            continue;
        }
        let address = &binding.address;
        let near: Vec<_> = guards
            .iter()
            .map(|guard| (guard, relation(guard.address, address)))
            .filter(|(_, relation)| *relation != Relation::Apart)
            .collect();
        let answered = address.verbs().set();
        let seen = near.iter().fold(VerbSet::NONE, |seen, (guard, _)| seen.with(guard.verbs));
        for (guard, relation) in near {
            let missed = match relation {
                _ if guard.verb_left_out => answered.without(guard.verbs),
                Relation::Covers => answered.without(seen),
                _ => VerbSet::NONE,
            };
            let mut warn = |missed| {
                warnings.push(Uncovered {
                    target,
                    target_address: address.to_string(),
                    before: guard.bindings.iter().map(Guarding::written).collect(),
                    missed,
                });
            };
            if !missed.is_empty() {
                warn(Missed::Methods(missed));
            }
            if guard.skips_by_default && answered.meets(guard.verbs) && may_be_asset(address) {
                warn(Missed::Assets);
            }
        }
    }
    warnings
}

impl Uncovered {
    /// The text, with what the router does not know: what the target is, such as
    /// ` (upstream http://127.0.0.1:3000)`, and for the index of a `before` binding whose it is, such as
    /// ` of hook \`auth\``.
    pub fn text(&self, target: &str, owner: impl Fn(usize) -> String) -> String {
        let answers = &self.target_address;
        let (mut routes, mut paths) = (Vec::new(), Vec::new());
        for (index, address, path) in &self.before {
            routes.push(format!("`{address}`{}", owner(*index)));
            paths.push(path);
        }
        let one = routes.len() == 1;
        let routes =
            format!("`before` route{} {}", if one { "" } else { "s" }, routes.join(" and "));
        match self.missed {
            Missed::Methods(missed) => format!(
                "`{answers}`{target} answers {}, which {routes} {} not see\n\
                 hint: write `ALL {}` if it is to see them",
                list(missed),
                if one { "does" } else { "do" },
                paths.first().map_or("/*", |path| path),
            ),
            Missed::Assets => format!(
                "`{answers}`{target} answers paths that look like assets, such as `/x.js`, which \
                 {routes} {} by default\n\
                 hint: declare `keep-assets` if it is to see them, `skip-assets` if not",
                if one { "skips" } else { "skip" },
            ),
        }
    }
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text("", |_| String::new()))
    }
}

/// The `before` bindings on one path.
struct Guard<'r> {
    bindings: Vec<Guarding<'r>>,
    address: &'r Address,
    verbs: VerbSet,
    /// One has no verb, so that its author may have thought of all.
    verb_left_out: bool,
    /// All of them skip assets, none because its author said so.
    skips_by_default: bool,
}

/// One of them.
struct Guarding<'r> {
    index: usize,
    address: &'r Address,
}

impl Guarding<'_> {
    fn written(&self) -> (usize, String, String) {
        (self.index, self.address.to_string(), self.address.path().to_owned())
    }
}

fn guards(router: &Router) -> Vec<Guard<'_>> {
    let mut guards: Vec<Guard<'_>> = Vec::new();
    for (index, (section, _, binding)) in router.bindings().enumerate() {
        if section != Section::Before {
            continue;
        }
        let address = &binding.address;
        let verbs = address.verbs().set();
        let verb_left_out = *address.verbs() == Verbs::Unspecified;
        let skips = binding.skips_assets() && binding.skip_assets == SkipAssets::Default;
        match guards.iter_mut().find(|guard| same_path(guard.address, address)) {
            Some(guard) => {
                guard.bindings.push(Guarding { index, address });
                guard.verbs = guard.verbs.with(verbs);
                guard.verb_left_out |= verb_left_out;
                guard.skips_by_default &= skips;
            }
            None => {
                guards.push(Guard {
                    bindings: vec![Guarding { index, address }],
                    address,
                    verbs,
                    verb_left_out,
                    skips_by_default: skips,
                });
            }
        }
    }
    guards
}

fn list(verbs: VerbSet) -> String {
    let mut names: Vec<&str> = verbs.methods().map(|method| method.as_str()).collect();
    if verbs.has_others() {
        names.push("others such as PROPFIND");
    }
    names.join(", ")
}

/// Whether paths that match the address may look like files.
fn may_be_asset(address: &Address) -> bool {
    let last = address.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    address.is_regex() || last.contains([':', '*', '(', '.'])
}

#[cfg(test)]
mod tests {
    use super::super::binding::Binding;
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn warnings(before: &[&str], target: &str) -> Vec<String> {
        let before = before.iter().map(|text| Binding::new(address(text), true)).collect();
        let target = Binding::new(address(target).for_all_methods(), false);
        let router = Router::new(before, vec![target], vec![]);
        uncovered(&router).iter().map(Uncovered::to_string).collect()
    }

    #[test]
    fn methods_that_a_guard_without_a_verb_does_not_see_are_named() {
        assert_eq!(
            warnings(&["/admin/*"], "/admin/*"),
            [
                "`/admin/*` answers OPTIONS, TRACE, CONNECT, others such as PROPFIND, which `before` \
              route `/admin/*` does not see\n\
              hint: write `ALL /admin/*` if it is to see them"
            ]
        );
    }

    #[test]
    fn a_text_names_the_target_and_whose_routes_do_not_see_it() {
        let before = ["GET /admin/*", "POST /admin/*"];
        let before = before.map(|text| Binding::new(address(text), true)).to_vec();
        let target = Binding::new(address("PUT /admin/*"), false);
        let router = Router::new(before, vec![target], vec![]);
        let owner = |index| format!(" of hook `{}`", ["auth", "log"][index]);
        assert_eq!(
            uncovered(&router)[0].text(" (upstream http://a)", owner),
            "`PUT /admin/*` (upstream http://a) answers PUT, which `before` routes `GET /admin/*` \
             of hook `auth` and `POST /admin/*` of hook `log` do not see\n\
             hint: write `ALL /admin/*` if it is to see them"
        );
    }

    #[test]
    fn assets_that_a_guard_skips_by_default_are_named() {
        let found = warnings(&["GET /files/:name", "POST /files/:name"], "GET /files/:name");
        assert_eq!(found, [""; 0], "the POST route sees assets, so nothing is certain");
        let found = warnings(&["GET /files/:name"], "GET /files/*");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`GET /files/:name` skips by default"), "{}", found[0]);
    }

    #[test]
    fn a_guard_that_sees_all_is_no_news() {
        assert_eq!(warnings(&["ALL /admin/*"], "/admin/*"), [""; 0]);
        assert_eq!(warnings(&["/admin/*"], "GET /admin/*"), [""; 0]);
        assert_eq!(warnings(&["/other/*"], "/admin/*"), [""; 0]);
        assert_eq!(warnings(&[], "/admin/*"), [""; 0]);
        assert_eq!(warnings(&["/a/*", "OPTIONS /a/*"], "OPTIONS /a/*"), [""; 0]);
    }

    #[test]
    fn a_verb_that_was_written_was_meant_unless_it_leaves_a_hole() {
        assert_eq!(warnings(&["POST /login"], "/*"), [""; 0]);
        assert_eq!(warnings(&["GET /*", "ALL /*"], "/*"), [""; 0]);
        assert_eq!(warnings(&["GET /admin/*", "ALL /*"], "/admin/*"), [""; 0]);
        assert_eq!(warnings(&["GET /admin/*"], "/admin/*").len(), 1);
    }

    #[test]
    fn a_regex_guard_counts_where_it_matches_an_example() {
        assert_eq!(warnings(&["r|^/admin|"], "/admin/*").len(), 1);
        assert_eq!(warnings(&["r|^/static|"], "/admin/*"), [""; 0]);
    }

    #[test]
    fn a_hooks_own_target_is_not_looked_at() {
        let router = Router::new(
            vec![Binding::new(address("/a"), true)],
            vec![Binding::new(address("ALL /a"), true)],
            vec![],
        );
        assert_eq!(uncovered(&router), []);
    }
}
