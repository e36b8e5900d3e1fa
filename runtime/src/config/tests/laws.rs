//! Laws that hold for whatever people and hooks come up with.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::files::Text;
use super::super::layers::Assignment;
use super::super::problem::{Origin, Problems};
use super::super::traced::{Traced, Wins};
use super::super::{Config, Sources, assemble, did_you_mean, key, manifest, tree::Tree};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[ab_-]{1,2}", inner), 0..4)
                .prop_map(|entries| Value::Object(Map::from_iter(entries))),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-c]", json()), 0..4)
        .prop_map(|entries| Value::Object(Map::from_iter(entries)))
}

/// Keys and values much like ours, so that the typed readers are reached and not only refused at
/// the door.
fn toml_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "listen",
        "drain",
        "hooks",
        "limits",
        "http",
        "routes",
        "installed",
        "tls",
        "trust_proxy",
        "x",
        "mode",
        "cpu",
        "memory",
        "address",
        "upstream",
        "respond",
        "hook_timeout",
        "grants",
        "after",
        "session",
        "name",
        "defaults",
        "manifest_version",
        "build",
        "environment",
        "workers",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "'5s'",
        "'1MiB'",
        "true",
        "'false'",
        "[]",
        "['a']",
        "{}",
        "{ x = 1 }",
        "nan",
        "'http://a'",
        "{ status = 1, headers = { a = 1 } }",
        "1979-05-27",
        "''",
        "{ a = { mode = 1 } }",
        "[{ address = 1 }]",
    ]);
    let line = prop_oneof![
        (key.clone(), value).prop_map(|(key, value)| format!("{key} = {value}")),
        (key.clone(), key.clone()).prop_map(|(a, b)| format!("[{a}.{b}]")),
        key.prop_map(|key| format!("[[{key}]]")),
    ];
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

fn read(toml: &str, vars: Vec<(String, String)>, sets: Vec<String>) -> Result<Config, Problems> {
    let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let sources = Sources { vars, sets, ..Sources::default() };
    let texts = [Text { label: "boathook.toml".into(), text: toml.into() }];
    let (config, problems) = assemble(&sources, "development".into(), &texts, Problems::default())?;
    problems.or(config)
}

fn traced(value: &Value, hook: &str) -> Traced {
    Traced::from_one(value.clone(), Origin::HookDefaults { hook: hook.into() })
}

fn tree_of(operator: &Value) -> Tree {
    Tree::new(vec![traced(operator, "operator")], Vec::new(), &mut Problems::default())
}

/// Whether everything that is in `lower` in no conflict with it is also in `merged`.
fn holds(merged: &Value, winner: &Value) -> bool {
    match (merged, winner) {
        (Value::Object(merged), Value::Object(winner)) => winner
            .iter()
            .all(|(key, value)| merged.get(key).is_some_and(|merged| holds(merged, value))),
        (merged, winner) => merged == winner,
    }
}

/// Whether every part of the value has an origin of its own or one to inherit, and no origin is
/// without a part.
fn origins_fit(tree: &Traced) -> bool {
    fn fit(value: &Value, origins: &super::super::traced::Origins) -> bool {
        origins.children.iter().all(|(part, below)| match value {
            Value::Object(map) => map.get(part).is_some_and(|value| fit(value, below)),
            Value::Array(items) => part
                .parse::<usize>()
                .is_ok_and(|index| items.get(index).is_some_and(|value| fit(value, below))),
            _ => false,
        })
    }
    fit(&tree.value, &tree.origins)
}

proptest! {
    #[test]
    fn the_operator_always_wins(operator in object(), defaults in object()) {
        let mut tree = tree_of(&operator);
        tree.merge_defaults("a", "a", defaults).expect("mergeable");
        prop_assert!(holds(tree.value(), &operator), "{} lost from {}", operator, tree.value());
        prop_assert!(origins_fit(tree.traced()));
    }

    #[test]
    fn the_earlier_hook_wins(first in object(), second in object()) {
        let mut tree = tree_of(&Value::Object(Map::new()));
        tree.merge_defaults("a", "a", first.clone()).expect("mergeable");
        tree.merge_defaults("b", "b", second).expect("mergeable");
        prop_assert!(holds(tree.value(), &first));
    }

    #[test]
    fn merging_twice_is_merging_once(operator in object(), defaults in object()) {
        let mut tree = tree_of(&operator);
        tree.merge_defaults("a", "a", defaults.clone()).expect("mergeable");
        let once = tree.clone();
        tree.merge_defaults("a", "a", defaults.clone()).expect("mergeable");
        prop_assert_eq!(&once, &tree);
        tree.merge_defaults("b", "b", defaults).expect("mergeable");
        prop_assert_eq!(once.value(), tree.value());
    }

    #[test]
    fn the_tree_is_what_the_operator_said_over_the_defaults(
        file in object(),
        sets in prop::collection::vec(("[a-c](\\.[ab]){0,2}", json()), 0..4),
        defaults in object(),
    ) {
        let assigned = sets
            .into_iter()
            .map(|(key, value)| Assignment {
                path: key::split(&key),
                loose: false,
                value,
                origin: Origin::CommandLine { flag: "--set".into() },
            })
            .collect();
        let mut problems = Problems::default();
        let mut tree = Tree::new(vec![traced(&file, "operator")], assigned, &mut problems);
        let said = tree.value().clone();
        tree.merge_defaults("a", "a", defaults.clone()).expect("mergeable");
        prop_assert_eq!(&tree.overrides(), &said);
        let mut expected = traced(&defaults, "a");
        expected.merge(traced(&said, "operator"), Wins::New);
        prop_assert_eq!(tree.value(), &expected.value);
    }

    #[test]
    fn every_leaf_comes_from_who_said_it(operator in object(), defaults in object()) {
        let mut tree = tree_of(&operator);
        tree.merge_defaults("a", "a", defaults.clone()).expect("mergeable");
        for line in tree.explain("") {
            let Origin::HookDefaults { hook } = &line.origin else { continue };
            let path = key::split(&line.key);
            let said = if hook == "operator" { &operator } else { &defaults };
            let said = traced(said, "x");
            prop_assert_eq!(said.get(&path), Some(&line.value), "{}", line.key);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", label in "[a-z]{0,4}") {
        let _ = read(&text, Vec::new(), Vec::new());
        let _ = manifest::parse(&text, &label);
        let _ = did_you_mean(&text, ["listen", "drain"]);
    }

    #[test]
    fn nothing_like_a_configuration_makes_it_panic(
        text in toml_like(),
        vars in prop::collection::vec(("BOATHOOK_[a-zA-Z_]{0,12}", "[\\[{}\"0-9a-z]{0,6}"), 0..4),
        sets in prop::collection::vec("[a-z.\"0-9]{0,12}=?[\\[{}\"0-9a-z]{0,6}", 0..4),
        defaults in json(),
        key in "[a-z.\"0-9]{0,12}",
    ) {
        let _ = manifest::parse(&text, "hook.toml");
        let config = read(&text, vars, sets).map_err(|problems| problems.to_string());
        if let Ok(mut config) = config {
            let _ = config.know_hooks(&["a".to_owned(), "x".to_owned()]);
            let _ = config.tree.merge_defaults("a", "a", defaults.clone());
            let _ = config.tree.set("a", &key, defaults);
            let _ = config.tree.check_roots(&[("a".into(), "a".into())]);
            let _ = (config.tree.get(&key), config.tree.origin(&key), config.tree.explain(&key));
            let _ = config.tree.overrides();
            let _ = super::super::hook_timeout(&config.tree, &key, &config.server);
        }
    }

    #[test]
    fn dotted_keys_come_back_as_they_went(parts in prop::collection::vec("[a-z0-9._-]{0,4}", 0..5)) {
        prop_assert_eq!(key::split(&key::join(&parts)), parts);
    }

    #[test]
    fn what_is_set_is_what_is_read(operator in object(), key in "custom(\\.[a-c0-1]{1,2}){1,4}", value in json()) {
        let mut tree = tree_of(&operator);
        tree.set("a", &key, value.clone()).expect("settable");
        prop_assert_eq!(tree.get(&key), Some(&value));
        prop_assert!(origins_fit(tree.traced()));
    }
}

#[test]
fn deep_nesting_from_anywhere_is_refused_and_not_recursed_into() {
    let deep = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep, Vec::new(), Vec::new()).is_err());
    let dotted = format!("{} = 1", vec!["a"; 10_000].join("."));
    assert!(read(&dotted, Vec::new(), Vec::new()).is_err());
    let set = format!("{}=1", vec!["a"; 10_000].join("."));
    assert!(read("", Vec::new(), vec![set]).is_err());
    // Too deep for a parser of JSON is no JSON, so it is a string.
    let set = format!("custom.x={}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read("", Vec::new(), vec![set]).is_ok());
    let vars = vec![(format!("BOATHOOK_{}", vec!["a"; 10_000].join("__")), "1".to_owned())];
    assert!(read("", vars, Vec::new()).is_err());
}
