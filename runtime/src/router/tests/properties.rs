//! Properties of the router, on random addresses and paths made of so few letters that they often
//! meet.

use proptest::prelude::*;

use super::*;

const SEGMENTS: [&str; 14] =
    ["a", "b", "A", "ab", ":x", ":y", ":x?", "*", "a*", ":x-:y", r":n(\d+)", "(a|b)", "a.:x", "@"];
const VERBS: [&str; 6] = ["", "", "GET ", "POST ", "ALL ", "OPTIONS "];
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"];

/// Failures go to the log and nowhere else: a source tree is not a place to write to.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) }
}

fn address() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(prop::sample::select(&SEGMENTS[..]), 0..4);
    let path = prop_oneof![
        12 => (segments, any::<bool>()).prop_map(|(segments, slash)| {
            let slash = if slash && !segments.is_empty() { "/" } else { "" };
            format!("/{}{slash}", segments.join("/"))
        }),
        1 => prop::sample::select(vec![r"r|^/(a|b)|x", "r|/b$|", r"r|^/(?!a)(.*)$|rest"])
            .prop_map(str::to_owned),
    ];
    (prop::sample::select(&VERBS[..]), path).prop_map(|(verb, path)| format!("{verb}{path}"))
}

fn path() -> impl Strategy<Value = String> {
    let parts =
        ["a", "B", "ab", "1", "a-b", "a.b", "%40", "@", "%2F", "/", "%61", "\\", "", "%C3%A9"];
    let parts = prop::collection::vec(prop::sample::select(parts.to_vec()), 0..5);
    let joined = parts.prop_map(|parts| format!("/{}", parts.join("/")));
    prop_oneof![joined, "/[ab/]{0,6}"]
}

fn binding() -> impl Strategy<Value = Binding> {
    let skip = prop::sample::select(vec![SkipAssets::Default, SkipAssets::Yes, SkipAssets::No]);
    (address(), skip, any::<bool>()).prop_map(|(text, skip_assets, hook_route)| {
        let address = Address::parse(&text).unwrap();
        Binding { skip_assets, ..Binding::new(address, hook_route) }
    })
}

/// What `find` promises, without the tree: each binding in turn, for each reading of the path.
fn find_in_turn(router: &Router, method: &Method, path: &Path) -> Option<Vec<usize>> {
    let of_view = |view| -> Vec<usize> {
        let all = router.bindings().enumerate();
        all.filter(|(_, (_, _, binding))| {
            let verbs = match binding.address.verbs() {
                Verbs::All => true,
                Verbs::One(verb) => {
                    verb == method || (verb == Method::GET && method == Method::HEAD)
                }
                Verbs::Unspecified => {
                    ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"].contains(&method.as_str())
                }
            };
            verbs
                && binding.address.matches(view).unwrap().is_some()
                && !binding.skips(view, None).unwrap()
        })
        .map(|(index, _)| index)
        .collect()
    };
    let found = of_view(path.view());
    let targets: Vec<_> = router.bindings().map(|(_, _, binding)| !binding.hook_route).collect();
    let is_safe = |view| {
        let other = of_view(view);
        (0..targets.len()).all(|index| match (found.contains(&index), other.contains(&index)) {
            (true, false) => !targets[index],
            (false, true) => false,
            _ => true,
        })
    };
    path.readings().iter().all(is_safe).then_some(found)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_text_makes_an_address_panic(text in any::<String>()) {
        let _ = Address::parse(&text);
    }

    #[test]
    fn no_text_of_address_characters_does(text in r"(GET )?(/|r\|)[a:?*+()/.|%2F\\é$&<-]{0,12}") {
        if let Ok(address) = Address::parse(&text) {
            let printed = address.to_string();
            prop_assert_eq!(Address::parse(&printed).unwrap().to_string(), printed);
            let router = Router::new(vec![Binding::new(address, true)], vec![], vec![]);
            for path in ["/", "/a", "/a/a", "/a%2Fa", "/aa.a"] {
                let _ = find(&router, "GET", path);
            }
        }
    }

    #[test]
    fn no_text_makes_a_path_panic(text in any::<String>()) {
        let _ = Path::parse(&text);
        let _ = Path::parse(&format!("/{text}"));
    }

    #[test]
    fn a_normal_path_is_normal_already(text in r"/[a%2Ff5Cc.;é\\/-]{0,12}") {
        if let Ok(path) = Path::parse(&text) {
            let again = Path::parse(path.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), path.as_str());
        }
    }

    #[test]
    fn the_tree_finds_what_asking_each_binding_finds(
        bindings in prop::collection::vec(binding(), 0..24),
        path in path(),
        verb in prop::sample::select(&METHODS[..]),
        from in 0_usize..4,
    ) {
        let Ok(path) = Path::parse(&path) else { return Ok(()) };
        let mut before = bindings;
        let app = before.split_off(before.len() / 2);
        let router = Router::new(before, app, vec![]);
        let method = method(verb);
        let found = router.find(&method, &path, None, from);
        match find_in_turn(&router, &method, &path) {
            Some(mut expected) => {
                expected.retain(|index| *index >= from);
                let found = found.unwrap();
                for found in found.iter() {
                    let (_, _, binding) = router.bindings().nth(found.index).unwrap();
                    let own = binding.address.matches(path.view()).unwrap().unwrap();
                    prop_assert!(own.iter().eq(found.params.iter()), "{}", binding.address);
                }
                let found: Vec<_> = found.iter().map(|found| found.index).collect();
                prop_assert!(found.is_sorted_by(|one, next| one < next));
                prop_assert_eq!(found, expected);
            }
            // The readings may still agree from `from` on.
            None if from > 0 => {}
            None => prop_assert_eq!(found.unwrap_err(), MatchError::Ambiguous),
        }
    }

    #[test]
    fn sorting_loses_and_doubles_nothing(
        bindings in prop::collection::vec(binding(), 0..12),
    ) {
        let count = bindings.len();
        let router = Router::new(vec![], bindings, vec![]);
        let mut origins: Vec<_> = (0..count).map(|index| router.origin(index).1).collect();
        origins.sort_unstable();
        prop_assert_eq!(origins, (0..count).collect::<Vec<_>>());
    }
}
