//! How hook defaults merge under what the operator says: Sails' A3.

use serde_json::{Value, json};

use super::super::{Config, Origin};
use super::{Said, good};

/// What `shout.key` is with the operator's value and the hook's default as JSON.
fn merged(operator: &str, default: &str) -> Value {
    let set = format!("shout.key={operator}");
    let mut config = Said { sets: &[&set], ..Said::default() }.good();
    let default: Value = serde_json::from_str(default).expect("JSON");
    let defaults = json!({ "shout": { "key": default } });
    config.tree.merge_defaults("shout", "shout", defaults).expect("mergeable");
    config.tree.get("shout.key").expect("a value").clone()
}

fn with_defaults(mut config: Config, defaults: Value) -> Config {
    config.tree.merge_defaults("shout", "shout", defaults).expect("mergeable");
    config
}

#[test]
fn the_operator_wins_over_defaults_whatever_the_value() {
    for (operator, default, result) in [
        ("[9]", "[1,2,3]", "[9]"),
        ("[]", "[1,2,3]", "[]"),
        ("null", "5", "null"),
        ("false", "5", "false"),
        ("0", "5", "0"),
        ("\"\"", "\"x\"", "\"\""),
        (r#"{"b":{"d":4}}"#, r#"{"a":1,"b":{"c":2}}"#, r#"{"a":1,"b":{"c":2,"d":4}}"#),
        ("7", r#"{"a":1}"#, "7"),
        (r#"{"a":1}"#, "7", r#"{"a":1}"#),
        ("[1]", r#"{"a":1}"#, "[1]"),
        // Sails mixes these two into `{"0":1,"k":1}`; here the operator's stays.
        (r#"{"k":1}"#, "[1]", r#"{"k":1}"#),
        (r#"{"b":null}"#, r#"{"b":{"c":1}}"#, r#"{"b":null}"#),
        ("{}", r#"{"c":1}"#, r#"{"c":1}"#),
    ] {
        let result: Value = serde_json::from_str(result).expect("JSON");
        assert_eq!(merged(operator, default), result, "{operator} over {default}");
    }
}

#[test]
fn a_default_counts_where_the_operator_says_nothing() {
    let config = with_defaults(good("[shout]\nloud = true"), json!({ "shout": { "phrase": "x" } }));
    assert_eq!(config.tree.get("shout"), Some(&json!({ "phrase": "x", "loud": true })));
}

#[test]
fn defaults_may_bring_root_keys_of_their_own() {
    let config = with_defaults(
        good("[inky]\npinky = 'mine'"),
        json!({ "foo": "bar", "inky": { "dinky": 1, "pinky": 2 } }),
    );
    assert_eq!(config.tree.get("foo"), Some(&json!("bar")));
    assert_eq!(config.tree.get("inky"), Some(&json!({ "dinky": 1, "pinky": "mine" })));
    config.tree.check_roots(&[("shout".into(), "shout".into())]).expect("known roots");
}

#[test]
fn between_hooks_the_earlier_wins_and_other_keys_unite() {
    let mut config = good("");
    config.tree.merge_defaults("a", "a", json!({ "x": { "k": 1, "only_a": 1 } })).expect("a");
    config.tree.merge_defaults("b", "b", json!({ "x": { "k": 2, "only_b": 2 } })).expect("b");
    assert_eq!(config.tree.get("x"), Some(&json!({ "k": 1, "only_a": 1, "only_b": 2 })));
    assert_eq!(config.tree.origin("x.only_b"), Some(Origin::HookDefaults { hook: "b".into() }));
}

#[test]
fn the_config_key_stands_for_itself_in_defaults() {
    let mut config = good("[yell]\nphrase = 'yolo'");
    let defaults = json!({ "__configKey__": { "phrase": "make it rain", "times": 2 } });
    config.tree.merge_defaults("shout", "yell", defaults).expect("mergeable");
    assert_eq!(config.tree.value(), &json!({ "yell": { "phrase": "yolo", "times": 2 } }));
}

#[test]
fn the_config_key_placeholder_is_replaced_at_the_root_only() {
    let mut config = good("");
    let defaults = json!({ "__configKey__": { "__configKey__": 1 } });
    config.tree.merge_defaults("shout", "shout", defaults).expect("mergeable");
    assert_eq!(config.tree.value(), &json!({ "shout": { "__configKey__": 1 } }));
}

#[test]
fn no_defaults_are_no_mistake_but_other_things_than_objects_are() {
    let mut config = good("");
    config.tree.merge_defaults("shout", "shout", Value::Null).expect("nothing to merge");
    for wrong in [json!(1), json!("x"), json!([1]), json!(true)] {
        let problem = config.tree.merge_defaults("shout", "shout", wrong).expect_err("refused");
        let text = problem.to_string();
        assert!(text.starts_with("defaults of hook `shout`: must be an object: found "), "{text}");
    }
}

#[test]
fn defaults_cannot_reach_what_belongs_to_the_server() {
    let mut config = good("");
    for root in ["listen", "hooks", "limits", "trust_proxy", "session", "routes"] {
        let mut defaults = json!({});
        defaults[root] = json!({ "x": 1 });
        let problem = config.tree.merge_defaults("shout", "shout", defaults).expect_err("refused");
        assert_eq!(
            problem.to_string(),
            format!(
                "defaults of hook `shout`: `{root}` belongs to the server\n\
                 hint: a hook's defaults go under its own key `shout`"
            )
        );
        assert_eq!(config.tree.value(), &json!({}));
    }
}

#[test]
fn what_a_hook_sets_in_configure_beats_the_operator_and_replaces() {
    let mut config = good("[my-api]\nurl = 'http://mine'\n[my-api.deep]\na = 1");
    config.tree.set("my-api", "my-api.url", json!("https://derived")).expect("settable");
    config.tree.set("my-api", "my-api.deep", json!({ "b": 2 })).expect("settable");
    config.tree.set("my-api", "custom.flag", json!(true)).expect("settable");
    let set = Origin::HookConfigure { hook: "my-api".into() };
    assert_eq!(config.tree.get("my-api.url"), Some(&json!("https://derived")));
    assert_eq!(config.tree.get("my-api.deep"), Some(&json!({ "b": 2 })));
    assert_eq!(config.tree.origin("my-api.url"), Some(set.clone()));
    assert_eq!(config.tree.origin("custom.flag"), Some(set));
    // A set survives that a later hook brings its defaults.
    config.tree.merge_defaults("late", "late", json!({ "late": 1 })).expect("mergeable");
    assert_eq!(config.tree.get("my-api.url"), Some(&json!("https://derived")));
}

#[test]
fn a_set_of_an_impossible_key_is_refused() {
    let mut config = good("");
    for key in ["", "a..b", ".a", "a.", "listen", "hooks.shout.mode", &["a"; 33].join(".")] {
        assert!(config.tree.set("shout", key, json!(1)).is_err(), "{key}");
    }
    assert_eq!(config.tree.value(), &json!({}));
    assert!(super::super::may_set("shout", "shout.phrase"));
    assert!(super::super::may_set("shout", "custom.x"));
    assert!(!super::super::may_set("shout", "other.x"));
    assert!(!super::super::may_set("shout", ""));
}

#[test]
fn a_hook_cannot_fill_the_configuration() {
    let mut config = good("");
    let large = "x".repeat(super::super::HOOK_BYTES_MAX);
    let problem = config
        .tree
        .merge_defaults("greedy", "greedy", json!({ "greedy": large }))
        .expect_err("too large");
    assert_eq!(
        problem.to_string(),
        "defaults of hook `greedy`: more than the 1MiB that a hook may add to the configuration"
    );
    let half = "x".repeat(super::super::HOOK_BYTES_MAX / 2 - 100);
    config.tree.set("greedy", "greedy.a", json!(half)).expect("within the limit");
    config.tree.set("greedy", "greedy.b", json!(half)).expect("within the limit");
    assert!(config.tree.set("greedy", "greedy.a", json!(half)).is_err());
    config.tree.set("modest", "modest.a", json!(half)).expect("a limit for each hook");
}

#[test]
fn overrides_are_what_the_operator_said_and_nothing_of_the_hooks() {
    let said = Said {
        toml: "[shout]\nphrase = 'yolo'",
        vars: &[("BOATHOOK_shout__max_size", "5")],
        ..Said::default()
    };
    let defaults = json!({ "shout": { "max-size": 1, "other": 2 } });
    let mut config = with_defaults(said.good(), defaults);
    config.tree.set("shout", "shout.url", json!("x")).expect("settable");
    assert_eq!(config.tree.overrides(), json!({ "shout": { "phrase": "yolo", "max-size": 5 } }));
}

#[test]
fn defaults_given_again_begin_the_hook_anew_in_its_place() {
    let mut config = good("");
    config.tree.merge_defaults("a", "a", json!({ "x": 1, "old": 1 })).expect("a");
    config.tree.merge_defaults("b", "b", json!({ "x": 2 })).expect("b");
    config.tree.merge_defaults("a", "a", json!({ "x": 3 })).expect("a again");
    assert_eq!(config.tree.value(), &json!({ "x": 3 }));
    config.tree.set("a", "a.url", json!("old")).expect("settable");
    config.tree.set("b", "b.url", json!("kept")).expect("settable");
    config.tree.merge_defaults("a", "a", json!(null)).expect("a anew");
    assert_eq!(config.tree.value(), &json!({ "x": 2, "b": { "url": "kept" } }));
}
