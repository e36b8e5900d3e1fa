//! Files, environment and command line: who wins, how names are spelled, where values came from.

use serde_json::json;

use super::super::{Explained, Origin, Unset};
use super::{Said, bad, good};

fn file(file: &str, line: usize) -> Origin {
    Origin::File { file: file.into(), line }
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let mut said = Said { toml: "[shout]\nphrase = 'base'", ..Said::default() };
    let phrase = |said: &Said<'_>| {
        let mut config = said.good();
        let defaults = json!({ "shout": { "phrase": "default" } });
        config.tree.merge_defaults("shout", "shout", defaults).expect("mergeable");
        let value = config.tree.get("shout.phrase").cloned().expect("a value");
        (value, config.tree.origin("shout.phrase").expect("an origin").to_string())
    };
    assert_eq!(phrase(&Said::default()), (json!("default"), "defaults of hook `shout`".into()));
    assert_eq!(phrase(&said), (json!("base"), "boathook.toml:2".into()));
    said.production = "\n[shout]\nphrase = 'production'";
    assert_eq!(phrase(&said), (json!("production"), "boathook.production.toml:3".into()));
    said.vars = &[("BOATHOOK_shout__phrase", "variable")];
    assert_eq!(phrase(&said), (json!("variable"), "BOATHOOK_shout__phrase".into()));
    said.sets = &["shout.phrase=first", "shout.phrase=set"];
    assert_eq!(phrase(&said), (json!("set"), "--set".into()));
    let over = [("shout.phrase", json!("flag"), "--phrase")];
    said.overrides = &over;
    assert_eq!(phrase(&said), (json!("flag"), "--phrase".into()));
}

#[test]
fn files_merge_key_by_key_and_keep_their_lines() {
    let said = Said {
        toml: "listen = ':1'\n[shout]\na = 1\nlist = [1, 2]\n[shout.deep]\nx = 1",
        production: "[shout]\nlist = [3]\ndeep.y = 2",
        ..Said::default()
    };
    let config = said.good();
    let deep = json!({ "x": 1, "y": 2 });
    assert_eq!(config.tree.get("shout"), Some(&json!({ "a": 1, "list": [3], "deep": deep })));
    assert_eq!(config.tree.origin("shout.a"), Some(file("boathook.toml", 3)));
    assert_eq!(config.tree.origin("shout.deep.x"), Some(file("boathook.toml", 6)));
    assert_eq!(config.tree.origin("shout.deep.y"), Some(file("boathook.production.toml", 3)));
    assert_eq!(config.tree.origin("shout.list.0"), Some(file("boathook.production.toml", 2)));
}

#[test]
fn values_from_outside_are_json_if_they_can_be() {
    for (text, value) in [
        ("5", json!(5)),
        ("1.5", json!(1.5)),
        ("true", json!(true)),
        ("null", json!(null)),
        (r#"{"a":[1]}"#, json!({ "a": [1] })),
        ("[1,2]", json!([1, 2])),
        (r#""quoted""#, json!("quoted")),
        ("yolo", json!("yolo")),
        ("500ms", json!("500ms")),
        ("a=b", json!("a=b")),
        ("{oops", json!("{oops")),
        ("", json!("")),
        ("007", json!("007")),
    ] {
        let set = format!("custom.x={text}");
        let config = Said { sets: &[&set], ..Said::default() }.good();
        assert_eq!(config.tree.get("custom.x"), Some(&value), "--set {set}");
        let vars = [("BOATHOOK_custom__x", text)];
        let config = Said { vars: &vars, ..Said::default() }.good();
        assert_eq!(config.tree.get("custom.x"), Some(&value), "{vars:?}");
    }
}

#[test]
fn an_object_from_outside_merges_over_lower_layers() {
    let said = Said {
        toml: "[shout]\na = 1\nb = 1",
        vars: &[("BOATHOOK_shout", r#"{"b":2,"c":2}"#), ("BOATHOOK_shout__c", "3")],
        sets: &[r#"shout={"d":4}"#],
        ..Said::default()
    };
    let config = said.good();
    assert_eq!(config.tree.get("shout"), Some(&json!({ "a": 1, "b": 2, "c": 3, "d": 4 })));
    let origin = |key: &str| config.tree.origin(key).expect("an origin").to_string();
    assert_eq!(origin("shout.a"), "boathook.toml:2");
    assert_eq!(origin("shout.b"), "BOATHOOK_shout");
    assert_eq!(origin("shout.c"), "BOATHOOK_shout__c");
    assert_eq!(origin("shout.d"), "--set");
}

#[test]
fn a_variable_finds_dashes_and_capitals_in_files_and_among_our_own_keys() {
    let said = Said {
        toml: "[rate-limit]\nmax-requests = 1\nwindowMs = 2\n[hooks.rate-limit]\nmode = 'single'",
        vars: &[
            ("BOATHOOK_RATE_LIMIT__MAX_REQUESTS", "5"),
            ("BOATHOOK_rate_limit__windowms", "6"),
            ("BOATHOOK_HOOKS__RATE_LIMIT__ON_FAILURE", "skip"),
            ("BOATHOOK_HOOK_TIMEOUT", "3s"),
            ("BOATHOOK_Http__Max_Streams", "7"),
            ("BOATHOOK_CUSTOM__x", "1"),
        ],
        ..Said::default()
    };
    let config = said.good();
    assert_eq!(
        config.tree.value(),
        &json!({
            "rate-limit": { "max-requests": 5, "windowMs": 6 },
            "hooks": { "rate-limit": { "mode": "single", "on_failure": "skip" } },
            "custom": { "x": 1 },
            "hook_timeout": "3s",
            "http": { "max_streams": 7 },
        })
    );
}

#[test]
fn a_variable_finds_the_key_that_only_the_defaults_spell() {
    let said = Said { vars: &[("BOATHOOK_rate_limit__max_requests", "5")], ..Said::default() };
    let mut config = said.good();
    assert_eq!(config.tree.value(), &json!({ "rate_limit": { "max_requests": 5 } }));
    let defaults = json!({ "__configKey__": { "max-requests": 100, "window": 60 } });
    config.tree.merge_defaults("rate-limit", "rate-limit", defaults).expect("mergeable");
    assert_eq!(config.tree.value(), &json!({ "rate-limit": { "max-requests": 5, "window": 60 } }));
    let origin = config.tree.origin("rate-limit.max-requests").expect("an origin");
    assert_eq!(origin.to_string(), "BOATHOOK_rate_limit__max_requests");
    config.tree.check_roots(&[("rate-limit".into(), "rate-limit".into())]).expect("known roots");
}

#[test]
fn a_variable_finds_the_config_key_of_a_hook_without_defaults() {
    let said = Said { vars: &[("BOATHOOK_RATELIMIT__X", "5")], ..Said::default() };
    let mut config = said.good();
    config.tree.merge_defaults("rl", "rateLimit", json!(null)).expect("nothing to merge");
    assert_eq!(config.tree.value(), &json!({ "rateLimit": { "X": 5 } }));
}

#[test]
fn the_exact_name_goes_before_the_loose_one_and_two_loose_ones_are_refused() {
    let toml = "[x]\na_b = 1\na-b = 1\nc-d = 1\nC_d = 1";
    let config = Said { toml, vars: &[("BOATHOOK_x__a_b", "2")], ..Said::default() }.good();
    assert_eq!(config.tree.get("x.a_b"), Some(&json!(2)));
    assert_eq!(config.tree.get("x.a-b"), Some(&json!(1)));
    assert_eq!(
        Said { toml, vars: &[("BOATHOOK_x__c_d", "2")], ..Said::default() }.bad(),
        "BOATHOOK_x__c_d: `c_d` may mean `C_d` or `c-d`\n\
         hint: use `--set` or a file, where names are exact"
    );
}

#[test]
fn a_leading_underscore_survives_nesting() {
    let said = Said { vars: &[("BOATHOOK_shout___hookTimeout", "500")], ..Said::default() };
    assert_eq!(said.good().tree.value(), &json!({ "shout": { "_hookTimeout": 500 } }));
}

#[test]
fn variables_that_are_no_keys_are_passed_over() {
    let said = Said {
        vars: &[
            ("BOATHOOK_ENV", "x"),
            ("BOATHOOK_LOG", "trace"),
            ("PATH", "/bin"),
            ("boathook_listen", "1"),
            ("BOATHOOK_PORT", "tcp://10.0.0.1:80"),
            ("BOATHOOK_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("BOATHOOK_SERVICE_HOST", "10.0.0.1"),
            ("BOATHOOK_SERVICE_PORT_HTTP", "80"),
        ],
        ..Said::default()
    };
    assert_eq!(said.good().tree.value(), &json!({}));
}

#[test]
fn malformed_names_from_outside_are_reported_together() {
    let said = Said {
        vars: &[("BOATHOOK_", "1"), ("BOATHOOK_a____b", "1")],
        sets: &["novalue", "=1", "a..b=1"],
        ..Said::default()
    };
    assert_eq!(
        said.bad(),
        "BOATHOOK_: a key has an empty part: ``\n\
         BOATHOOK_a____b: a key has an empty part: `a..b`\n\
         --set: no `=` in `novalue`\n\
         hint: write `--set shout.phrase=yolo`\n\
         --set: a key has an empty part: ``\n\
         --set: a key has an empty part: `a..b`"
    );
}

#[test]
fn two_variables_for_one_key_are_refused() {
    let vars = [("BOATHOOK_listen", "1"), ("BOATHOOK_LISTEN", "2")];
    let text = Said { vars: &vars, ..Said::default() }.bad();
    assert_eq!(text, "BOATHOOK_listen: sets the same key as `BOATHOOK_LISTEN`");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_reported() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let mut problems = super::super::Problems::default();
    let vars = [("BOATHOOK_listen".into(), value.clone()), ("OTHER".into(), value)];
    super::super::layers::from_variables(&vars, &mut problems);
    assert_eq!(problems.to_string(), "BOATHOOK_listen: not valid UTF-8");
}

#[test]
fn set_reaches_into_arrays_and_quoted_parts() {
    let said = Said {
        toml: "[[routes]]\naddress = '/a'\nredirect = '/b'\n[custom]\n'x.y' = 1",
        sets: &["routes.0.redirect=/c", "custom.\"x.y\"=2"],
        ..Said::default()
    };
    let config = said.good();
    assert_eq!(config.tree.get("routes.0.redirect"), Some(&json!("/c")));
    assert_eq!(config.tree.get("custom"), Some(&json!({ "x.y": 2 })));
    assert_eq!(
        config.tree.origin("routes.0.redirect").map(|o| o.to_string()),
        Some("--set".into())
    );
    assert_eq!(config.tree.origin("routes.0.address"), Some(file("boathook.toml", 2)));
}

#[test]
fn explain_names_every_leaf_with_its_origin() {
    let said = Said {
        toml: "[shout]\nphrase = 'yolo'\nlist = [1]\nempty = {}",
        vars: &[("BOATHOOK_shout__times", "3")],
        ..Said::default()
    };
    let mut config = said.good();
    let defaults = json!({ "shout": { "phrase": "x", "volume": { "max": 11 } } });
    config.tree.merge_defaults("shout", "shout", defaults).expect("mergeable");
    config.tree.set("shout", "shout.url", json!("u")).expect("settable");
    let mut lines: Vec<String> = config
        .tree
        .explain("shout")
        .into_iter()
        .map(|Explained { key, value, origin }| format!("{key} = {value} ({origin})"))
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "shout.empty = {} (boathook.toml:4)",
            "shout.list = [1] (boathook.toml:3)",
            "shout.phrase = \"yolo\" (boathook.toml:2)",
            "shout.times = 3 (BOATHOOK_shout__times)",
            "shout.url = \"u\" (configure of hook `shout`)",
            "shout.volume.max = 11 (defaults of hook `shout`)",
        ]
    );
    assert_eq!(config.tree.explain("nothing.here"), []);
}

#[test]
fn a_key_without_a_value_is_ours_or_unknown() {
    let config = good("[shout]\nphrase = 'yolo'");
    for key in ["workers", "tls", "limits.fuel", "hooks.shout.mode"] {
        assert_eq!(config.tree.explain(key), []);
        assert_eq!(config.tree.unset(key), Unset::Ours, "{key}");
    }
    let meant = |key: &str, meant: Option<&str>| {
        let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
        assert_eq!(config.tree.unset(key), Unset::Unknown(hint), "{key}");
    };
    meant("shout.prase", Some("shout.phrase"));
    meant("shuot", Some("shout"));
    meant("limits.memroy", Some("limits.memory"));
    meant("nothing.here", None);
}

#[test]
fn explain_knows_our_own_defaults() {
    let config = good("[limits]\ncpu = '1s'");
    let line = |key: &str| {
        let mut lines = config.tree.explain(key);
        let Explained { value, origin, .. } = lines.pop().expect("a line");
        format!("{value} {origin}")
    };
    assert_eq!(line("listen"), "\"127.0.0.1:1337\" default");
    assert_eq!(line("limits.cpu"), "\"1s\" boathook.toml:2");
    assert_eq!(line("limits.wall"), "\"5s\" default");
    assert_eq!(config.tree.get("listen"), None);
    assert_eq!(config.tree.origin("listen"), None);
    assert_eq!(config.tree.origin("limits.wall"), Some(file("boathook.toml", 1)));
}

#[test]
fn an_unknown_root_key_names_its_line_and_what_was_meant() {
    let config = good("\nlisen = ':80'\n[shuot]\na = 1\n[zzzzzzzz]\n[port]\n[hookTimeout]");
    let known = [("shout".to_owned(), "shout".to_owned())];
    let problems = config.tree.check_roots(&known).expect_err("unknown keys");
    assert_eq!(
        problems.to_string(),
        "boathook.toml:2: unknown key `lisen`\n\
         hint: did you mean `listen`?\n\
         boathook.toml:3: unknown key `shuot`\n\
         hint: did you mean `shout`?\n\
         boathook.toml:5: unknown key `zzzzzzzz`\n\
         hint: a root key is ours, a hook's config key or `custom`; is the hook missing?\n\
         boathook.toml:6: unknown key `port`\n\
         hint: write `listen = \"127.0.0.1:1337\"`\n\
         boathook.toml:7: unknown key `hookTimeout`\n\
         hint: did you mean `hook_timeout`?"
    );
}

#[test]
fn a_config_key_that_is_ours_is_refused() {
    let config = good("[hooks.logger]\nconfig_key = 'log'");
    let known = [("logger".into(), "log".into()), ("session".into(), "session".into())];
    assert_eq!(
        config.tree.check_roots(&known).expect_err("refused").to_string(),
        "boathook.toml:2: hook `logger`: config key `log` belongs to the server\n\
         hint: set `hooks.logger.config_key` to another word\n\
         hook `session`: config key `session` belongs to the server\n\
         hint: set `hooks.session.config_key` to another word"
    );
}

#[test]
fn toml_dates_are_strings_and_odd_numbers_keep_their_value() {
    let config = good(
        "[custom]\nday = 2026-01-02\nat = 1979-05-27T07:32:00Z\nhex = 0xff\nbig = 18446744073709551615\n\
         neg = -1_000\nfloat = 1e3",
    );
    assert_eq!(
        config.tree.get("custom"),
        Some(&json!({
            "day": "2026-01-02", "at": "1979-05-27T07:32:00Z", "hex": 255,
            "big": 18446744073709551615_u64, "neg": -1000, "float": 1000.0,
        }))
    );
    assert_eq!(
        bad("[custom]\na = nan\nb = 99999999999999999999\nc = -inf"),
        "boathook.toml:2: not a finite number: `nan`\n\
         boathook.toml:3: an integer of more than 64 bits: `99999999999999999999`\n\
         boathook.toml:4: not a finite number: `-inf`"
    );
}

#[test]
fn broken_toml_names_the_line() {
    let text = bad("listen = ':1'\n[shout\nx = 1");
    assert!(text.starts_with("boathook.toml:2: not valid TOML: "), "{text}");
    let text = bad("a = 1\nb = 2\na = 3");
    assert!(text.starts_with("boathook.toml:3: not valid TOML: "), "{text}");
}

#[test]
fn keys_keep_the_order_in_which_they_were_written() {
    let config = good("[custom]\nz = 1\na = 2\nm = 3");
    let keys: Vec<_> =
        config.tree.get("custom").and_then(|v| v.as_object()).expect("table").keys().collect();
    assert_eq!(keys, ["z", "a", "m"]);
}
