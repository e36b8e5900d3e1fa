//! What a hook is held against by `boathook test`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::cases::parse;
use crate::testing::expect::{BodyIs, HeaderIs, ValueIs};
use crate::testing::{Act, Answer, Case, Content};

fn good(text: &str) -> Vec<Case> {
    parse(Path::new("tests/a.toml"), text).expect("cases without mistakes")
}

fn bad(text: &str) -> String {
    parse(Path::new("tests/a.toml"), text).expect_err("cases with mistakes").to_string()
}

fn one(text: &str) -> Case {
    good(&format!("[[case]]\nname = 'a'\n{text}")).remove(0)
}

#[test]
fn a_whole_case_is_read() {
    let case = one(
        "request = 'PUT /x?y=1'\nheaders = { a = '1', b = ['2', '3'] }\nbody = { json = { n = 1 } }\n\
         ip = '10.0.0.1'\nhttps = true\nconfig = { max = 2 }\nhook.limits = { cpu = '1s' }\n\
         kv.rates = { a = 1, b = 'text' }\nsession = { user = 7 }\nlocals = { me = [1] }\nenv = { TZ = 'UTC' }\n\
         secrets = { key = 's' }\nnow = 2026-02-03T04:05:06Z\nseed = 9\nrespond = { status = 204 }\n\
         fetch = [{ method = 'GET', url = 'https://a.test/', status = 201, body = 'yes', times = 2 }]\n\
         expect = { status = 200, headers = { a = true, b = false }, body.contains = ['x', 'y'], \
         kv.rates = { a = 2, b = { absent = true } } }",
    );
    let [step] = &case.steps[..] else { panic!("{case:?}") };
    let Act::Request(request) = &step.act else { panic!("{step:?}") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("PUT", "/x?y=1"));
    assert_eq!(request.headers.get_all("b").iter().count(), 2);
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.body, Content::Bytes(br#"{"n":1}"#.to_vec()));
    assert!(request.https && request.ip.to_string() == "10.0.0.1");
    assert_eq!((&case.config["max"], &case.locals["me"]), (&json!(2), &json!([1])));
    assert_eq!((&case.kv["rates"]["a"][..], &case.kv["rates"]["b"][..]), (&b"1"[..], &b"text"[..]));
    assert_eq!((case.now, case.seed), (Duration::from_secs(1_770_091_506), 9));
    assert!(matches!(&case.fetch[0].answer, Answer::Response { status, .. } if *status == 201));
    assert!(matches!(step.expect.headers[0].1, HeaderIs::Present));
    assert!(matches!(&step.expect.body[..], [BodyIs::Contains(_), BodyIs::Contains(_)]));
    assert!(matches!(step.expect.kv[1].value, ValueIs::Absent));
}

#[test]
fn what_stands_ahead_of_the_cases_holds_for_all_of_them_and_each_has_the_last_word() {
    let cases = good(
        "config = { a = 1, b = 1 }\nseed = 5\n\
         [[case]]\nname = 'one'\nrequest = 'GET /'\nconfig = { b = 2 }\n\
         [[case]]\nname = 'two'\nrequest = 'GET /'\nseed = 6",
    );
    assert_eq!(json!(cases[0].config), json!({ "b": 2, "a": 1 }));
    assert_eq!((cases[0].seed, cases[1].seed), (5, 6));
}

#[test]
fn steps_follow_each_other_and_are_repeated() {
    let case = one(
        "[[case.steps]]\nrequest = 'GET /'\nrepeat = 3\n[[case.steps]]\nrun = 'tasks'\nafter = '2s'\n\
         [[case.steps]]\ntick = 'night'",
    );
    let acts: Vec<String> = case.steps.iter().map(ToString::to_string).collect();
    assert_eq!(acts, ["GET /", "tasks", "tick `night`"]);
    assert_eq!((case.steps[0].repeat, case.steps[1].repeat), (3, 1));
    assert_eq!(case.steps[1].after, Duration::from_secs(2));
}

#[test]
fn mistakes_are_all_reported_with_their_line() {
    let text = "confg = {}\n[[case]]\nnaem = 'a'\nrequest = 'GET'\n[[case]]\nname = 'b'\nrequest = 'GET /'\n\
                body = { json = 1, text = '1' }\nexpect = { headers = { a = 5 }, body.matches = '(' }\n\
                now = 'yesterday'";
    let said = bad(text);
    for part in [
        "tests/a.toml:1: unknown key `confg`\nhint: did you mean `config`?",
        "tests/a.toml:3: unknown key `case.0.naem`\nhint: did you mean `name`?",
        "tests/a.toml:2: `case.0` lacks `name`",
        "tests/a.toml:8: `case.1.body` must have one of `text`, `json`, `base64`, `file`",
        "tests/a.toml:9: `case.1.expect.headers.a` must be a text, several, `true` for any",
        "tests/a.toml:9: `case.1.expect.body.matches` must be a regular expression",
        "tests/a.toml:10: `case.1.now` must be a time in UTC",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
}

#[test]
fn what_would_be_read_in_two_ways_is_refused() {
    assert!(bad("").contains("there is no case in it"));
    let twins = "[[case]]\nname = 'a'\nrequest = 'GET /'\n";
    assert!(bad(&twins.repeat(2)).contains("two cases are called `a`"));
    let both = "[[case]]\nname = 'a'\nexpect = {}\n[[case.steps]]\nrequest = 'GET /'";
    assert!(bad(both).contains("`case.0.expect` belongs into one of the `steps`"));
    let none = "[[case]]\nname = 'a'\n[[case.steps]]\nafter = '1s'";
    assert!(bad(none).contains("must have one of `request`, `run`, `tick`"));
    let escapes = "[[case]]\nname = 'a'\nrequest = 'GET /'\nexpect.body.snapshot = '../x'";
    assert!(bad(escapes).contains("must be a path below `snapshots`"));
}

#[test]
fn json_says_the_same() {
    let text = r#"{ "seed": 3, "case": [{ "name": "a", "request": "GET /", "expect": { "status": 200 } }] }"#;
    let cases = parse(Path::new("a.json"), text).expect("cases without mistakes");
    assert_eq!((cases[0].seed, cases[0].steps[0].expect.status), (3, Some(200)));
    let broken = parse(Path::new("a.json"), "{\n \"case\": [}").expect_err("no JSON").to_string();
    assert!(broken.starts_with("a.json:2: not valid JSON: "), "{broken}");
}
