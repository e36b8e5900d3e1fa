//! The app's own routes.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::super::defaults::UPSTREAM_TIMEOUT;
use super::super::{FixedBody, Target};
use super::{bad, good};

fn target(toml: &str) -> Target {
    let config = good(&format!("[[routes]]\naddress = 'GET /x'\n{toml}"));
    config.routes[0].target.clone()
}

#[test]
fn every_target_is_read() {
    assert_eq!(
        target("upstream = 'http://127.0.0.1:3000/base'"),
        Target::Upstream {
            url: "http://127.0.0.1:3000/base".into(),
            timeout: UPSTREAM_TIMEOUT,
            strip_prefix: None,
            forward_locals: None,
        }
    );
    assert_eq!(
        target("upstream = 'https://[::1]'\ntimeout = '5s'\nstrip_prefix = '/api'"),
        Target::Upstream {
            url: "https://[::1]".into(),
            timeout: Duration::from_secs(5),
            strip_prefix: Some("/api".into()),
            forward_locals: None,
        }
    );
    assert_eq!(
        target("directory = 'public'"),
        Target::Directory { path: PathBuf::from("public"), strip_prefix: None }
    );
    assert_eq!(
        target("hook = 'x'\naction = 'y'"),
        Target::Action { hook: "x".into(), action: "y".into() }
    );
    assert_eq!(
        target("redirect = '/y'\nstatus = 301"),
        Target::Redirect { to: "/y".into(), status: 301 }
    );
    assert_eq!(target("redirect = '/y'"), Target::Redirect { to: "/y".into(), status: 302 });
    assert_eq!(
        target("respond = { status = 418, headers = { X-Tea = 'pot' }, body = 'short' }"),
        Target::Respond {
            status: 418,
            headers: vec![("X-Tea".into(), "pot".into())],
            body: FixedBody::Text("short".into())
        }
    );
    assert_eq!(
        target("respond = { body = { ok = true } }"),
        Target::Respond {
            status: 200,
            headers: vec![],
            body: FixedBody::Json(json!({ "ok": true }))
        }
    );
    assert_eq!(
        target("respond = {}"),
        Target::Respond { status: 200, headers: vec![], body: FixedBody::Empty }
    );
}

#[test]
fn routes_keep_their_order_and_line() {
    let config = good(
        "[[routes]]\naddress = '/b'\nredirect = '/x'\nskip_assets = true\n\n[[routes]]\naddress = '/a'\ndirectory = 'd'",
    );
    let seen: Vec<_> = config
        .routes
        .iter()
        .map(|route| (route.address.as_str(), route.skip_assets, route.origin.to_string()))
        .collect();
    assert_eq!(
        seen,
        [
            ("/b", Some(true), "boathook.toml:1".to_owned()),
            ("/a", None, "boathook.toml:6".to_owned())
        ]
    );
}

#[test]
fn illegal_combinations_name_the_line() {
    for (toml, text) in [
        (
            "upstream = 'http://a'\ndirectory = 'd'",
            "boathook.toml:1: `routes.0` has several targets: `upstream`, `directory`\n\
             hint: keep one of them",
        ),
        (
            "",
            "boathook.toml:1: `routes.0` has nothing that answers\n\
             hint: give it one of `upstream`, `directory`, `action`, `redirect`, `respond`",
        ),
        (
            "action = 'y'",
            "boathook.toml:1: `routes.0` has an `action` but no `hook`\n\
             hint: write `hook = \"<name>\"`",
        ),
        (
            "directory = 'd'\ntimeout = '1s'",
            "boathook.toml:4: `routes.0.timeout` goes with `upstream` only",
        ),
        ("redirect = '/x'\nhook = 'h'", "boathook.toml:4: `routes.0.hook` goes with `action` only"),
        (
            "redirect = '/x'\nstatus = 200",
            "boathook.toml:4: `routes.0.status` must be one of 301, 302, 303, 307 and 308: found the number `200`",
        ),
        (
            "redirect = '/x'\ntarget = 'h'",
            "boathook.toml:4: unknown key `routes.0.target`\n\
             hint: the keys here are `action`, `address`, `directory`, `forward_locals`, `hook`, `redirect`, `respond`, `session`, \
             `skip_assets`, `status`, `strip_prefix`, `timeout`, `upstream`",
        ),
    ] {
        assert_eq!(bad(&format!("[[routes]]\naddress = 'GET /x'\n{toml}")), text);
    }
    assert_eq!(
        bad("[[routes]]\nredirect = '/x'"),
        "boathook.toml:1: `routes.0` lacks `address`\n\
         hint: write `address = \"GET /api/*\"`"
    );
    assert_eq!(
        bad("[routes]\naddress = '/x'"),
        "boathook.toml:1: `routes` must be an array of tables: found a table\n\
         hint: write `[[routes]]`"
    );
}

#[test]
fn only_upstreams_that_can_be_called_are_taken() {
    for wrong in [
        "127.0.0.1:3000",
        "ftp://a",
        "http://",
        "http:///x",
        "http://a?x=1",
        "http://a#f",
        "http://u:p@a",
        "http://a:0",
        "http://a:99999",
        "http://a b",
        "http://[x]",
        "http://a/\\n",
        "http://a:b:1",
    ] {
        let text = bad(&format!("[[routes]]\naddress = '/'\nupstream = '{wrong}'"));
        assert!(text.starts_with("boathook.toml:3: `routes.0.upstream` must be a URL"), "{text}");
    }
}

#[test]
fn fixed_responses_cannot_split_headers() {
    let text = bad(
        "[[routes]]\naddress = '/'\nrespond = { headers = { 'a b' = 'x', ok = \"x\\r\\nEvil: 1\" }, status = 101 }",
    );
    assert_eq!(
        text,
        "boathook.toml:3: `routes.0.respond.headers.a b` is not a header name\n\
         boathook.toml:3: `routes.0.respond.headers.ok` must be a header value: printable ASCII, no line \
         break or space around: found the string `x\\r\\nEvil: 1`\n\
         boathook.toml:3: `routes.0.respond.status` must be a whole number from 200 to 599: found the \
         number `101`"
    );
    let text = bad("[[routes]]\naddress = '/'\nredirect = \"/x\\r\\ny\"");
    assert!(text.contains("must be a header value"), "{text}");
}

#[test]
fn locals_for_an_upstream_have_a_header_names_and_a_secret() {
    let upstream = "upstream = 'http://127.0.0.1:3000'\nforward_locals = ";
    let forwarded = |table: &str| match target(&format!("{upstream}{table}")) {
        Target::Upstream { forward_locals, .. } => forward_locals.unwrap(),
        other => panic!("{other}"),
    };
    let short = forwarded("{ keys = ['me'], secret = 'upstream' }");
    assert_eq!(short.header, "x-boathook-locals");
    assert_eq!((short.keys, short.secret.as_str()), (vec!["me".to_owned()], "upstream"));
    let named = forwarded("{ header = 'X-Who', keys = ['me', 'cart'], secret = 'upstream' }");
    assert_eq!(named.header, "x-who");
    for (table, wanted) in [
        ("{ secret = 'a' }", "`routes.0.forward_locals` lacks `keys`\nhint: write `keys = "),
        ("{ keys = ['me'] }", "`routes.0.forward_locals` lacks `secret`"),
        ("{ keys = [], secret = 'a' }", "must be an array of 1 to 32 names of locals"),
        ("{ keys = ['a', 'a'], secret = 'a' }", "must be an array of 1 to 32 names of locals"),
        ("{ keys = [1], secret = 'a' }", "must be an array of 1 to 32 names of locals"),
        ("{ keys = ['a'], secret = 'a', header = 'cookie' }", "must be a header `x-...`"),
        ("{ keys = ['a'], secret = 'a', header = 'x_who' }", "must be a header `x-...`"),
        ("{ keys = ['a'], secret = 'a', header = 'X-Forwarded-For' }", "must be a header `x-"),
        ("{ key = ['a'], secret = 'a' }", "did you mean `keys`?"),
        ("true", "`routes.0.forward_locals` must be a table"),
    ] {
        let text = bad(&format!("[[routes]]\naddress = '/x'\n{upstream}{table}"));
        assert!(text.contains(wanted), "{table}: {text}");
    }
    let other = "[[routes]]\naddress = '/x'\ndirectory = 'a'\nforward_locals = {}";
    assert!(bad(other).contains("`routes.0.forward_locals` goes with `upstream` only"));
}
