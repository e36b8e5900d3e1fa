//! Addresses and how requests meet them, as Sails has it.

use crate::harness::{App, check};

/// A hook that binds these addresses behind the app's routes, and answers with the first that was
/// met and its params.
fn bound(addresses: &[&str]) -> App {
    let list: Vec<String> = addresses.iter().map(|address| format!("'{address}'")).collect();
    App::lift(&format!(
        "
//- boathook.toml
[routes-hook]
after = [{}]
//- hooks
routes-hook: routes
",
        list.join(", ")
    ))
}

/// Each request and what meets it; nothing where nobody answers.
#[track_caller]
fn meets(addresses: &[&str], cases: &[(&str, &str)]) {
    let mut app = bound(addresses);
    for (request, expected) in cases {
        let (method, target) = request.split_once(' ').expect("`METHOD /path`");
        let response = app.ask(method, target);
        let text = match response.status {
            200 => response.text(),
            404 => String::new(),
            status => format!("{status}: {}", response.text()),
        };
        if text != *expected {
            app.fail(&format!("{request}: not `{expected}` but `{text}`"));
        }
    }
}

#[test]
fn an_address_without_a_verb_takes_five_methods_and_head_but_not_options_nor_others() {
    let mut app = bound(&["/bar"]);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
        assert_eq!(app.ask(method, "/bar").text(), "/bar", "{method}");
    }
    assert_eq!(app.ask("HEAD", "/bar").status, 200);
    assert_eq!(app.ask("COPY", "/bar").status, 404);
    let options = app.ask("OPTIONS", "/bar");
    assert_eq!(options.status, 200);
    let mut allow: Vec<&str> = options.header("allow").unwrap_or("").split([',', ' ']).collect();
    allow.sort_unstable();
    assert_eq!(allow, ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]);
    assert_eq!(options.text(), options.header("allow").unwrap_or(""));
}

#[test]
fn all_takes_every_method_those_of_others_too() {
    let mut app = bound(&["ALL /boop"]);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "COPY", "PROPFIND"]
    {
        assert_eq!(app.ask(method, "/boop").text(), "ALL /boop", "{method}");
    }
}

#[test]
fn an_options_route_answers_options_itself() {
    meets(&["options /blap"], &[("OPTIONS /blap", "options /blap"), ("GET /blap", "")]);
}

#[test]
fn head_is_served_by_get_without_a_body() {
    let mut app = bound(&["GET /x"]);
    let (get, head) = (app.ask("GET", "/x"), app.ask("HEAD", "/x"));
    assert_eq!((head.status, head.header("content-type")), (200, get.header("content-type")));
    assert_eq!(head.header("content-length"), Some("6"));
    // The connection is not out of step after it.
    let mut client = app.connect();
    client.ask("HEAD", "/x");
    assert_eq!(client.ask("GET", "/x").text(), "GET /x");
}

#[test]
fn options_of_a_path_that_nobody_has_is_404() {
    meets(&["GET /x"], &[("OPTIONS /y", "")]);
}

#[test]
fn matching_ignores_case_and_a_trailing_slash_and_the_first_binding_wins() {
    meets(
        &["get /foo", "get /FOO", "/a/b/"],
        &[
            ("GET /foo", "get /foo"),
            ("GET /FOO", "get /foo"),
            ("GET /foo/", "get /foo"),
            ("GET /A/B", "/a/b/"),
            ("GET /foobar", ""),
            ("GET /foo/bar", ""),
        ],
    );
}

#[test]
fn spaces_around_an_address_do_not_matter() {
    meets(
        &["   /whitespace1 ", "  GET   /whitespace2 "],
        &[
            ("GET /whitespace1", "/whitespace1"),
            ("GET /whitespace2", "GET   /whitespace2"),
            ("PUT /whitespace2", ""),
        ],
    );
}

#[test]
fn params_are_decoded_and_named() {
    meets(
        &[
            "GET /users/:id/:what?",
            "GET /range/:a-:b",
            "GET /dot/:a.:b",
            "GET /n/:n(\\d+)",
            "GET /all/*",
        ],
        &[
            ("GET /users/7", "GET /users/:id/:what? id=7"),
            ("GET /users/7/b%20c", "GET /users/:id/:what? id=7 what=b c"),
            ("GET /users/b%2Fc", "GET /users/:id/:what? id=b/c"),
            ("GET /users/caf%C3%A9", "GET /users/:id/:what? id=café"),
            ("GET /users", ""),
            ("GET /range/1-2", "GET /range/:a-:b a=1 b=2"),
            ("GET /n/12", "GET /n/:n(\\d+) n=12"),
            ("GET /n/x", ""),
            ("GET /all/x/y", "GET /all/* 0=x/y"),
        ],
    );
}

#[test]
fn a_regex_address_names_its_groups_and_knows_look_ahead() {
    meets(
        &["GET r|^/post/(\\d+)/(\\w+)$|id,what", "GET r|^/((?!admin).)*$|"],
        &[
            ("GET /post/12/edit", "GET r|^/post/(\\d+)/(\\w+)$|id,what id=12 what=edit"),
            ("GET /post/x/edit", "GET r|^/((?!admin).)*$|"),
            ("GET /admin", ""),
        ]
        .map(|(request, expected)| {
            // The nameless group is a param of its own, `0`; what it holds is its last character.
            (
                request,
                if expected.contains("?!") { "GET r|^/((?!admin).)*$| 0=t" } else { expected },
            )
        }),
    );
}

#[test]
fn a_get_route_that_ends_in_a_param_skips_assets_by_default() {
    meets(
        &["GET /x/:id", "POST /y/:id"],
        &[
            ("GET /x/a", "GET /x/:id id=a"),
            ("GET /x/a.js", ""),
            ("POST /y/a.js", "POST /y/:id id=a.js"),
        ],
    );
}

#[test]
fn an_address_that_cannot_be_is_an_error_that_names_hook_and_address() {
    for address in ["/:length", "GET", "FETCH /x", "r|(|", ""] {
        check(&format!(
            "
//- boathook.toml
routes-hook.after = ['{address}']
//- hooks
routes-hook: routes
//- fails
hook `routes-hook`: routes:
//- not in log
listening on
"
        ));
    }
}

#[test]
fn an_unmatched_path_is_404_and_says_nothing_of_the_server() {
    let mut app = bound(&["GET /x"]);
    let response = app.ask("GET", "/nowhere");
    assert_eq!(response.status, 404);
    assert_eq!(response.header("server"), None);
    assert_eq!(response.header("x-powered-by"), None);
}

#[test]
fn options_of_all_routes_that_match_are_merged_and_the_first_wins() {
    let mut app = App::lift(
        "
        //- boathook.toml
        [routes-hook]
        before = [\"GET /a/*\"]
        after = [\"GET /a/b\"]
        //- hooks
        routes-hook: routes
        ",
    );
    let response = app.ask("GET", "/a/b");
    // `address` of the first, and each one's own key.
    assert_eq!(response.header("x-options"), Some("3"));
    assert_eq!(response.text(), "GET /a/*");
}

#[test]
fn options_do_not_stick_to_the_next_request() {
    let mut app = App::lift(
        "
        //- hooks
        echoes
        routes-hook: routes
        //- boathook.toml
        [routes-hook]
        before = [\"GET /other\"]
        ",
    );
    let mut client = app.connect();
    for _ in 0..3 {
        client.ask("GET", "/other");
        let response = client.ask("GET", "/echoes");
        assert!(response.text().contains(r#""options":{"own":1}"#), "{}", response.text());
    }
}

#[test]
fn the_apps_own_routes_are_sorted_by_how_precise_they_are() {
    let mut app = App::lift(
        "
        //- boathook.toml
        routes = [
            { address = \"/*\", respond = { body = \"any\" } },
            { address = \"GET /users/:id\", respond = { body = \"one\" } },
            { address = \"/users/me\", respond = { body = \"me\" } },
            { address = \"GET /users/me\", respond = { body = \"get me\" } },
        ]
        ",
    );
    for (request, expected) in [
        ("GET /users/me", "get me"),
        ("POST /users/me", "me"),
        ("GET /users/7", "one"),
        ("GET /users/7/8", "any"),
        ("POST /users/7", "any"),
    ] {
        let (method, target) = request.split_once(' ').expect("`METHOD /path`");
        assert_eq!(app.ask(method, target).text(), expected, "{request}");
    }
}

#[test]
fn an_action_that_is_not_there_is_an_error_with_the_line_and_those_that_are() {
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"GET /foo\"
        hook = \"letters\"
        action = \"letters/x\"
        //- hooks
        letters
        //- fails
        boathook.toml:1: route `GET /foo`: hook `letters` has no action `letters/x`
        hint: it has `letters/b`
        ",
    );
    check(
        "
        //- boathook.toml
        [[routes]]
        address = \"GET /foo\"
        hook = \"leters\"
        action = \"letters/b\"
        //- hooks
        letters
        //- fails
        names a hook that is not there: `leters`
        hint: did you mean `letters`?
        ",
    );
}
