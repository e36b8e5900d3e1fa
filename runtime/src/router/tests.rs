//! Tests of the router as a whole: what Sails does (`reference/sails-behaviour.md`), row by row.
//!
//! What path-to-regexp makes of each odd form was recorded from path-to-regexp 0.1.13 itself.

mod properties;

use http::Method;

use super::*;

fn hook(address: &str) -> Binding {
    Binding::new(Address::parse(address).unwrap(), true)
}

fn app(addresses: &[&str]) -> Router {
    Router::new(vec![], addresses.iter().map(|address| hook(address)).collect(), vec![])
}

fn before(addresses: &[&str]) -> Router {
    Router::new(addresses.iter().map(|address| hook(address)).collect(), vec![], vec![])
}

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

fn find(router: &Router, verb: &str, path: &str) -> Result<Matches, MatchError> {
    router.find(&method(verb), &Path::parse(path).unwrap(), None, 0)
}

/// The indexes of the bindings that match.
fn indexes(router: &Router, verb: &str, path: &str) -> Vec<usize> {
    find(router, verb, path).unwrap().iter().map(|found| found.index).collect()
}

/// The params of a single address as `name=value name=value`, or `no`.
fn params(address: &str, path: &str) -> String {
    let binding = Binding { skip_assets: SkipAssets::No, ..hook(address) };
    let router = Router::new(vec![binding], vec![], vec![]);
    match find(&router, "GET", path).unwrap().first() {
        None => "no".to_owned(),
        Some(found) => {
            let pairs: Vec<_> = found.params.iter().map(|(n, v)| format!("{n}={v}")).collect();
            pairs.join(" ")
        }
    }
}

#[test]
fn a7_7_path_syntax() {
    let table = [
        ("/", "/", ""),
        ("/", "/a", "no"),
        ("/a", "/A", ""),
        ("/a", "/a/", ""),
        ("/a", "/a/b", "no"),
        ("/a", "/ab", "no"),
        ("/a/", "/a", ""),
        ("/:p", "/x", "p=x"),
        ("/:p", "/x/", "p=x"),
        ("/:p", "/", "no"),
        ("/:p", "/x/y", "no"),
        ("/a/:p", "/a/b%2Fc", "p=b/c"),
        ("/a/:p", "/a/b%20c%c3%a9", "p=b cé"),
        ("/a/:p", "/a/%40%2540", "p=@%40"),
        ("/a/:p?", "/a", ""),
        ("/a/:p?", "/a/", ""),
        ("/a/:p?", "/a/x", "p=x"),
        ("/a/:p?", "/a/x/", "p=x"),
        ("/a/:p?", "/a/x/y", "no"),
        ("/a/:p?/b", "/a/b", ""),
        ("/a/:p?/b", "/a/x/b", "p=x"),
        ("/a/:p?/b", "/a/x/y/b", "no"),
        ("/u/:n(\\d+)", "/u/42", "n=42"),
        ("/u/:n(\\d+)", "/u/x", "no"),
        ("/u/:n(\\d+)/x", "/U/42/X", "n=42"),
        ("/*", "/", "0="),
        ("/*", "/a", "0=a"),
        ("/*", "/a/b/", "0=a/b/"),
        ("*", "/a", "0=a"),
        ("/a/*", "/a/", "0="),
        ("/a/*", "/a", "no"),
        ("/a/*", "/A/b/c", "0=b/c"),
        ("/a/*/", "/a/b/", "0=b/"),
        ("/a*", "/a", "0="),
        ("/a*", "/Abc/d", "0=bc/d"),
        ("/a*", "/b", "no"),
        ("/a/*/b", "/a/x/y/b", "0=x/y"),
        ("/a/*/b/*", "/a/x/b/y", "0=x 1=y"),
        ("/a/:x-:y", "/a/1-2", "x=1 y=2"),
        ("/a/:x-:y", "/a/1-2-3", "x=1-2 y=3"),
        ("/a/:x-:y", "/a/12", "no"),
        ("/:a.:b", "/x.y", "a=x b=y"),
        ("/:a.:b", "/x.y.z", "a=x.y b=z"),
        ("/:a.:b", "/x", "no"),
        ("/:f.:ext?", "/x", "f=x"),
        ("/:f.:ext?", "/x.y", "f=x ext=y"),
        ("/x-:y", "/x-1", "y=1"),
        ("/:a:b", "/xyz", "a=x b=yz"),
        ("/:a(\\d+)-:b", "/1-2", "a=1 b=2"),
        ("/ab?cd", "/acd", ""),
        ("/ab?cd", "/abcd", ""),
        ("/ab+cd", "/abbbcd", ""),
        ("/ab+cd", "/acd", "no"),
        ("/ab(cd)?e", "/abe", ""),
        ("/ab(cd)?e", "/abcde", "0=cd"),
        ("/(a|b)", "/b", ""),
        ("/(a|b)", "/c", "no"),
        ("/a/:p*", "/a/b/c/d", "p=b 0=/c/d"),
        ("/a/:p*", "/a/b", "p=b 0="),
        ("/a.b", "/a.b", ""),
        ("/a.b", "/axb", "no"),
        ("/a$b", "/a$b", ""),
        ("/a\\:b", "/a:b", ""),
        ("/a:", "/a:", ""),
        ("/a::b--c", "/a:x--c", "b=x"),
        ("/:a--:b", "/1-2--3", "a=1-2 b=3"),
    ];
    for (address, path, expected) in table {
        assert_eq!(params(address, path), expected, "{address} {path}");
    }
}

#[test]
fn addresses_in_plain_letters_meet_paths_in_encoded_ones() {
    for (address, path) in [
        ("/café", "/caf%c3%a9"),
        ("/café", "/café"),
        ("/caf%C3%A9/*", "/café/"),
        ("/@admin", "/%40admin"),
        ("/%40admin", "/@admin"),
        ("/%61", "/a"),
        ("/a%20b", "/a%20b"),
        ("/a%2Bb", "/a+b"),
        ("/@:x-:y", "/%40a-b"),
    ] {
        assert_ne!(params(address, path), "no", "{address} {path}");
    }
}

#[test]
fn a7_8_regex_addresses() {
    for (address, path, expected) in [
        (r"r|^/x/(\d+)$|id", "/x/42", "id=42"),
        (r"r|^/x/(\d+)$|id", "/X/42", "no"),
        (r"r|^/x/(\d+)$|id", "/x/42/", "no"),
        (r"r|/(\d+)/(.*)/(.*)$|foo,bar", "/a/1/b/c", "foo=1 bar=b 2=c"),
        (r"r|/(\d+)/(.*)$|", "/1/b%2fc", "0=1 1=b/c"),
        (r"r|^/(a|b)$| x ", "/b", "x=b"),
        (r"r|^/(?<year>\d+)-(\d+)$|", "/1-2", "year=1 1=2"),
        (r"r|^/(a)?b$|x", "/b", ""),
        (r"r|^/(?!admin)(.*)$|rest", "/users", "rest=users"),
        (r"r|^/(?!admin)(.*)$|rest", "/admin", "no"),
        (r"r|@|", "/%40", "no"),
    ] {
        assert_eq!(params(address, path), expected, "{address} {path}");
    }
}

#[test]
fn the_route_of_inertia_sails_skips_assets_by_look_ahead() {
    let router = before(&[r"GET r|^((?![^?]*\/[^?\/]+\.[^?\/]+(\?.*)?).)*$|"]);
    assert_eq!(indexes(&router, "GET", "/users/7"), [0]);
    assert_eq!(indexes(&router, "GET", "/js/app.js"), [0usize; 0]);
}

#[test]
fn a7_11_head_is_answered_by_get() {
    let router = app(&["GET /a", "/b", "POST /c", "HEAD /d"]);
    assert_eq!(indexes(&router, "HEAD", "/a").len(), 1);
    assert_eq!(indexes(&router, "HEAD", "/b").len(), 1);
    assert_eq!(indexes(&router, "HEAD", "/c").len(), 0);
    assert_eq!(indexes(&router, "HEAD", "/d").len(), 1);
    assert_eq!(indexes(&router, "GET", "/d").len(), 0);
}

#[test]
fn c5_no_verb_binds_five_methods_and_head() {
    let router = app(&["/bar"]);
    for verb in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"] {
        assert_eq!(indexes(&router, verb, "/bar"), [0], "{verb}");
    }
    for verb in ["OPTIONS", "TRACE", "CONNECT", "COPY", "PROPFIND"] {
        assert_eq!(indexes(&router, verb, "/bar"), [0usize; 0], "{verb}");
    }
}

#[test]
fn c5_a7_12_all_matches_every_method() {
    let router = app(&["all /boop"]);
    for verb in ["GET", "PATCH", "OPTIONS", "TRACE", "CONNECT", "COPY", "PROPFIND"] {
        assert_eq!(indexes(&router, verb, "/boop"), [0], "{verb}");
    }
}

#[test]
fn c5_an_explicit_options_route_is_asked() {
    let router = app(&["options /blap"]);
    assert_eq!(indexes(&router, "OPTIONS", "/blap"), [0]);
    assert_eq!(indexes(&router, "GET", "/blap"), [0usize; 0]);
}

#[test]
fn c5_a_later_route_in_other_case_does_not_shadow_the_first() {
    let router = app(&["get /foo", "get /FOO"]);
    for path in ["/foo", "/FOO", "/fOo"] {
        assert_eq!(indexes(&router, "GET", path), [0, 1], "{path}");
    }
}

#[test]
fn c5_blanks_around_and_within_addresses() {
    let router = app(&["   /whitespace1 ", "  GET   /whitespace2 "]);
    assert_eq!(indexes(&router, "PUT", "/whitespace1").len(), 1);
    assert_eq!(indexes(&router, "GET", "/whitespace2").len(), 1);
    assert_eq!(indexes(&router, "PUT", "/whitespace2").len(), 0);
}

#[test]
fn a7_1_before_then_sorted_then_after() {
    let list = |addresses: &[&str]| addresses.iter().map(|address| hook(address)).collect();
    let router = Router::new(list(&["/foo", "/*"]), list(&["/:x", "/foo"]), list(&["/*", "/foo"]));
    assert_eq!(indexes(&router, "GET", "/foo"), [0, 1, 2, 3, 4, 5]);
    let origins: Vec<_> = (0..6).map(|index| router.origin(index)).collect();
    let expected = [
        (Section::Before, 0),
        (Section::Before, 1),
        (Section::App, 1),
        (Section::App, 0),
        (Section::After, 0),
        (Section::After, 1),
    ];
    assert_eq!(origins, expected);
    let listed: Vec<_> = router.bindings().map(|(section, at, _)| (section, at)).collect();
    assert_eq!(listed, expected);
}

#[test]
fn a7_10_sort_ranks() {
    let order = |addresses: &[&str]| -> Vec<String> {
        app(addresses).bindings().map(|(_, _, binding)| binding.address.to_string()).collect()
    };
    let written = [
        "/*",
        "/",
        "r|^/first|",
        "/a/*",
        "/:x",
        "/a/:x",
        "r|^/behind|",
        "/a/b",
        "GET /a/:x",
        "/a",
        "/a/b/c",
        "/:x/b",
        "/a/*/c",
        "ALL /a/b",
        "POST /a/b",
        "GET /*",
    ];
    let sorted = [
        "/a",
        "POST /a/b",
        "/a/b",
        "ALL /a/b",
        "/a/b/c",
        "GET /a/:x",
        "/a/:x",
        "r|^/behind|",
        "/a/*/c",
        "/a/*",
        "/:x/b",
        "/",
        "r|^/first|",
        "/:x",
        "GET /*",
        "/*",
    ];
    assert_eq!(order(&written), sorted);
    assert_eq!(order(&["r|^/x|", "/a", "r|^/y|"]), ["r|^/x|", "/a", "r|^/y|"]);
}

#[test]
fn from_leaves_out_what_came_before() {
    let router = before(&["/*", "/a", "/*"]);
    let path = Path::parse("/a").unwrap();
    let found = router.find(&Method::GET, &path, None, 1).unwrap();
    assert_eq!(found.iter().map(|found| found.index).collect::<Vec<_>>(), [1, 2]);
    assert!(router.find(&Method::GET, &path, None, 3).unwrap().is_empty());
}

#[test]
fn a7_14_which_routes_skip_assets_by_default() {
    for (address, skips) in [
        ("GET /x/:id", true),
        ("/x/:id", true),
        ("/x/:id/", true),
        ("/x/:id?", true),
        ("GET /x/:a-:b", true),
        (r"/x/:n([a-z.]+)", true),
        ("ALL /x/:id", false),
        ("POST /x/:id", false),
        ("HEAD /x/:id", false),
        ("/x/:id/y", false),
        ("/x/*", false),
        ("r|/x:y|", false),
        // Sails skips here too, so that this route never answers anything.
        ("/x/:name.:format", false),
    ] {
        assert_eq!(hook(address).skips_assets(), skips, "{address}");
        let upstream = Binding { hook_route: false, ..hook(address) };
        assert!(!upstream.skips_assets(), "{address}");
    }
    assert!(Binding { skip_assets: SkipAssets::Yes, ..hook("POST /*") }.skips_assets());
    assert!(!Binding { skip_assets: SkipAssets::No, ..hook("GET /:id") }.skips_assets());
}

#[test]
fn a7_14_the_default_counts_for_all_methods_of_the_address() {
    let router = app(&["/x/:id"]);
    assert_eq!(indexes(&router, "POST", "/x/a.js"), [0usize; 0]);
    assert_eq!(indexes(&router, "POST", "/x/a"), [0]);
}

#[test]
fn a7_15_skip_patterns_look_at_path_and_query() {
    let skip_patterns = vec![Pattern::parse(r"^/api/").unwrap(), Pattern::parse(r"\?raw").unwrap()];
    let router = Router::new(vec![Binding { skip_patterns, ..hook("/*") }], vec![], vec![]);
    let found = |path, query| {
        router.find(&Method::GET, &Path::parse(path).unwrap(), query, 0).unwrap().len()
    };
    assert_eq!(found("/x", None), 1);
    assert_eq!(found("/x", Some("raw")), 0);
    assert_eq!(found("/x", Some("a=raw")), 1);
    assert_eq!(found("/api/x", Some("a")), 0);
}

#[test]
fn a7_16_wide_routes_should_say_what_they_do_with_assets() {
    for address in
        ["/*", "*", "GET /a/*", "ALL /*/", "head /*", "options /a/*", "r|^/a|", "get r|a|"]
    {
        let warning = hook(address).warning().unwrap();
        assert!(warning.contains("`skip_assets = true`"), "{warning}");
    }
    for address in ["/a", "POST /*", "/a*", "/:x", "PUT r|a|"] {
        assert_eq!(hook(address).warning(), None, "{address}");
    }
    assert_eq!(Binding { skip_assets: SkipAssets::No, ..hook("/*") }.warning(), None);
}

#[test]
fn options_that_nobody_answered_lists_methods_as_express_does() {
    let allowed = |addresses: &[&str], path: &str| {
        let path = Path::parse(path).unwrap();
        let methods = before(addresses).allowed(&path, None);
        methods.iter().map(Method::as_str).collect::<Vec<_>>().join(",")
    };
    assert_eq!(allowed(&["/a"], "/a"), "GET,HEAD,PUT,POST,DELETE,PATCH");
    assert_eq!(allowed(&["POST /a", "GET /a"], "/a"), "GET,HEAD,POST");
    assert_eq!(allowed(&["ALL /*", "OPTIONS /a", "DELETE /a"], "/a"), "DELETE");
    assert_eq!(allowed(&["ALL /*"], "/a"), "");
    assert_eq!(allowed(&["GET /:x"], "/a.js"), "");
}

#[test]
fn upstream_addresses_without_a_verb_mean_all_methods() {
    let address = |text| Address::parse(text).unwrap().for_all_methods();
    assert_eq!(address("/a").verbs(), &Verbs::All);
    assert_eq!(address("GET /a").verbs(), &Verbs::One(Method::GET));
    assert_eq!(address("/a").to_string(), "/a");
    let router = Router::new(vec![], vec![Binding::new(address("/a"), false)], vec![]);
    assert_eq!(indexes(&router, "OPTIONS", "/a"), [0]);
    assert_eq!(indexes(&router, "PROPFIND", "/a"), [0]);
}

#[test]
fn addresses_are_printed_as_written_with_tidy_blanks() {
    for (text, printed) in [
        ("  get   /A/:Id/ ", "GET /A/:Id/"),
        ("/a", "/a"),
        ("All /*", "ALL /*"),
        ("post\tr|^/(x) y$|a", "POST r|^/(x) y$|a"),
    ] {
        assert_eq!(Address::parse(text).unwrap().to_string(), printed);
    }
}

#[test]
fn addresses_that_cannot_be_meant_are_refused_with_a_remedy() {
    for (address, message) in [
        ("", "empty address"),
        ("FETCH /a", "unknown verb `FETCH` in address `FETCH /a`"),
        ("propfind /a", "unknown verb `propfind`"),
        ("GET", "path does not start with `/` in address: `GET`"),
        ("GET a", "path does not start with `/`"),
        ("*/a", "path does not start with `/`"),
        ("/a b", "blank in the path of an address: `/a b`"),
        ("GET /a /b", "blank in the path"),
        ("/a|/b", "`|` has no meaning in the path of an address: `/a|/b`"),
        ("/a[bc]", "`[` has no meaning"),
        ("/a#b", "`#` has no meaning"),
        ("/a\\", "`\\` has no meaning"),
        ("/a%zz", "invalid percent-encoding in address: `/a%zz`"),
        ("/a%", "invalid percent-encoding"),
        ("/a//b", "address can never match: `/a//b`"),
        ("/a/../b", "address can never match"),
        ("/a%2Fb", "address can never match"),
        ("/a\\\\b", "address can never match"),
        ("/:length", "`/:length` is not allowed in address: `/:length`"),
        ("GET /a/:length/b", "`/:length` is not allowed"),
        ("/a(b", "cannot read address: `/a(b`"),
        ("/a)", "cannot read address"),
        ("r|a", "regex address without closing `|`: `r|a`"),
        ("GET r|(|", "cannot read regex address: `r|(|`"),
        ("r|(a)|x,y", "2 names for 1 groups in regex address: `r|(a)|x,y`"),
    ] {
        let error = Address::parse(address).unwrap_err().to_string();
        assert!(error.starts_with(message), "{address}: {error}");
    }
    assert_eq!(Address::parse("/:length").unwrap_err().code(), Some("E_ROUTE_WITH_LENGTH"));
    for fine in ["/:lengths", "/length", "/:len"] {
        assert!(Address::parse(fine).is_ok(), "{fine}");
    }
}

#[test]
fn slashes_that_change_the_chain_are_refused() {
    let router = before(&["/admin/*", "/*", "/u/:id"]);
    for path in ["//admin/x", "/admin%2fx", "/admin\\x", "/admin%5Cx", "/u/a//", "//u/a%2fb"] {
        assert_eq!(find(&router, "GET", path).unwrap_err(), MatchError::Ambiguous, "{path}");
    }
}

#[test]
fn slashes_that_change_nothing_pass() {
    let router = before(&["/admin/*", "/*"]);
    for path in ["/a//b", "/a%2fb", "/admin/a//b", "/admin/a%2Fb", "/a\\b", "//a"] {
        assert!(find(&router, "GET", path).is_ok(), "{path}");
    }
    assert_eq!(params("/a/*", "/a/b//c"), "0=b//c");
}

#[test]
fn an_encoded_slash_in_a_param_is_for_hooks_not_for_targets() {
    let router = |hook_route| {
        let address = Address::parse("/u/:id").unwrap();
        Router::new(vec![hook("/*")], vec![Binding::new(address, hook_route)], vec![])
    };
    let found = find(&router(true), "GET", "/u/b%2Fc").unwrap();
    assert_eq!(found[1].params.get("id"), Some("b/c"));
    // An upstream that decodes it would answer `/u/b/c`, which no route exposes.
    assert_eq!(find(&router(false), "GET", "/u/b%2Fc").unwrap_err(), MatchError::Ambiguous);
}

#[test]
fn params_that_are_not_utf8_are_refused_only_where_they_matter() {
    let router = before(&["/a/:x", "/b"]);
    let error = find(&router, "GET", "/a/%ff").unwrap_err();
    assert_eq!(error, MatchError::NotUtf8 { address: "/a/:x".to_owned() });
    assert!(find(&router, "GET", "/c/%ff").unwrap().is_empty());
}

#[test]
fn a_regex_that_runs_out_of_steps_is_an_error_that_names_the_address() {
    let router = before(&["/*", r"GET r|^/((?!x)a+)+$|"]);
    let error = find(&router, "GET", &format!("/{}!", "a".repeat(60))).unwrap_err();
    assert!(matches!(&error, MatchError::Steps { address } if address.starts_with("GET r|")));
    let error = find(&router, "GET", &format!("/{}", "a".repeat(9_000))).unwrap_err();
    assert!(matches!(error, MatchError::TooLong { .. }));
    assert!(find(&router, "POST", &format!("/{}", "a".repeat(9_000))).is_ok());
}
