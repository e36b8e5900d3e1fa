//! Where services keep things, and the grants for `kv`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::super::{Access, Durability, Grants, Kv, Namespaces, Place, Redis, StoreKind};
use super::{Said, bad, good};

#[test]
fn kv_is_embedded_unless_something_else_is_said() {
    let stores = good("").stores;
    let file = PathBuf::from(".boathook/kv.redb");
    let durability = Durability::Immediate;
    let embedded =
        Kv { store: StoreKind::Embedded, file, size: 1 << 30, value: 64 << 10, durability };
    assert_eq!((stores.kv.clone(), stores.redis), (embedded, None));
    assert_eq!(good("[kv]").stores.kv, stores.kv);
    let memory = good("[kv]\nstore = 'memory'\nvalue = '1MiB'").stores.kv;
    assert_eq!((memory.store, memory.size, memory.value), (StoreKind::Memory, 64 << 20, 1 << 20));
    assert_eq!(good("kv.durability = 'eventual'").stores.kv.durability, Durability::Eventual);
    assert_eq!(good("kv = { store = 'memory', size = 1000 }").stores.kv.size, 1000);
}

#[test]
fn redis_has_an_address_and_defaults() {
    let toml = "[kv]\nstore = 'redis'\n[redis]\nprefix = 'a:'\nurl = 'rediss://app@cache:6380/2'";
    let stores = good(toml).stores;
    assert_eq!(stores.kv.store, StoreKind::Redis);
    let redis = Redis {
        url: "rediss://app@cache:6380/2".into(),
        password: None,
        prefix: "a:".into(),
        timeout: Duration::from_secs(1),
        variables: Default::default(),
    };
    assert_eq!(stores.redis, Some(redis));
    let toml = "[redis]\nurl = 'redis://h'\nprefix = 'x'\ntimeout = '50ms'";
    let redis = good(toml).stores.redis.unwrap();
    assert_eq!((redis.prefix.as_str(), redis.timeout), ("x", Duration::from_millis(50)));
}

#[test]
fn a_password_comes_from_the_environment_or_a_file_and_is_not_shown() {
    let toml = "[redis]\nprefix = 'a:'\nurl = 'redis://h'\npassword = { env = 'REDIS_PASSWORD' }";
    let said = Said { toml, vars: &[("REDIS_PASSWORD", "swordfish")], ..Said::default() };
    let config = said.good();
    let password = config.stores.redis.clone().unwrap().password;
    assert_eq!(password, Some(Place::Variable("REDIS_PASSWORD".into())));
    assert!(!format!("{config:?}").contains("swordfish"));
    assert!(bad(toml).contains("the environment has no `REDIS_PASSWORD`"));
    let toml = "[redis]\nprefix = 'a:'\nurl = 'redis://h'\npassword = { file = 'secret' }";
    let password = good(toml).stores.redis.unwrap().password;
    assert_eq!(password, Some(Place::File("secret".into())));
}

#[test]
fn apps_that_may_share_a_redis_have_to_name_themselves_but_in_development() {
    let toml = "[redis]\nurl = 'redis://h'";
    let development = Said { toml, environment: "development", ..Said::default() };
    assert_eq!(development.good().stores.redis.unwrap().prefix, "boathook:");
    let text = bad(toml);
    assert!(text.contains("boathook.toml:1: `redis` lacks `prefix`: apps with the same"), "{text}");
    assert!(text.contains("hint: name the app: `prefix = \"shop:\"`"), "{text}");
    let toml = "[redis]\nurl = 'redis://h'\nprefix = 'shop:'";
    assert_eq!(good(toml).stores.redis.unwrap().prefix, "shop:");
}

#[test]
fn events_cross_where_there_is_a_redis_unless_they_are_told_not_to() {
    let redis = "[redis]\nprefix = 'a:'\nurl = 'redis://h'\n";
    for (toml, across) in [
        ("", false),
        ("[events]\nnodes = false", false),
        (redis, true),
        ("events.nodes = true\n[redis]\nprefix = 'a:'\nurl = 'redis://h'", true),
        ("events.nodes = false\n[redis]\nprefix = 'a:'\nurl = 'redis://h'", false),
    ] {
        assert_eq!(good(toml).events_across_nodes, across, "{toml}");
    }
    let text = bad("[events]\nnodes = true");
    let wanted = "boathook.toml:2: `events.nodes` must be `false`, as there is no `[redis]`";
    assert!(text.contains(wanted) && text.contains("hint: add `[redis]`"), "{text}");
    assert!(bad("[events]\nnode = true").contains("did you mean `nodes`?"));
}

#[test]
fn a_password_in_the_configuration_is_refused_and_not_repeated() {
    for toml in [
        "[redis]\nurl = 'redis://:swordfish@h'",
        "[redis]\nurl = 'redis://app:swordfish@h:1'",
        "[redis]\nurl = 'redis://h'\npassword = 'swordfish'",
    ] {
        let text = bad(toml);
        assert!(!text.contains("swordfish"), "{text}");
        assert!(text.contains("hint: write `password = { env = \"REDIS_PASSWORD\" }`"), "{text}");
    }
    for toml in ["password = {}", "password = { env = 'A', file = 'b' }"] {
        let text = bad(&format!("[redis]\nurl = 'redis://h'\n{toml}"));
        assert!(text.contains("`redis.password` needs either `env` or `file`"), "{text}");
    }
}

#[test]
fn mistakes_come_with_a_hint() {
    for (toml, wanted) in [
        ("[kv]\nstor = 'memory'", "unknown key `kv.stor`\nhint: did you mean `store`?"),
        ("[kv]\nstore = 'rediss'", "did you mean `redis`?"),
        ("[kv]\nstore = 'redis'", "hint: add `[redis]` with `url = \"redis://127.0.0.1:6379\"`"),
        ("[kv]\nvalue = '17MiB'", "`kv.value` must be a size of at most 16MiB"),
        ("[kv]\ndurability = 'eventually'", "did you mean `eventual`?"),
        (
            "[kv]\nstore = 'memory'\ndurability = 'eventual'",
            "boathook.toml:3: `kv.durability` goes with the store `embedded` only",
        ),
        ("[kv]\nsize = 0", "`kv.size` must be a size greater than zero"),
        ("kv = true", "`kv` must be a table"),
        ("[redis]\nprefix = 'a'", "`redis` lacks `url`"),
        ("[redis]\nurl = 'localhost:6379'", "must be the address of a Redis server"),
        ("[redis]\nurl = 'redis://'", "must be the address of a Redis server"),
        ("[redis]\nurl = 'redis://h'\nprefix = ''", "`redis.prefix` must be"),
        ("[redis]\nurl = 'redis://h'\npasword = 1", "did you mean `password`?"),
        ("[redis]\nurl = 'redis://h'\ntimeout = '0s'", "`redis.timeout` must be a duration longer"),
    ] {
        let text = bad(toml);
        assert!(text.contains(wanted), "{toml}: {text}");
    }
}

fn namespaces(kv: serde_json::Value) -> Result<Namespaces, String> {
    let json = json!({ "kv": kv });
    Namespaces::read(&Grants(json.as_object().cloned().unwrap()))
}

#[test]
fn a_grant_names_what_may_be_read_and_what_may_be_written() {
    let granted = namespaces(json!(["rates", "users:ro", "both:ro", "both"])).unwrap();
    for (namespace, read, write) in [
        ("rates", true, true),
        ("users", true, false),
        ("both", true, true),
        ("users:ro", false, false),
        ("other", false, false),
        ("", false, false),
    ] {
        assert_eq!(granted.allows(namespace, Access::Read), read, "{namespace}");
        assert_eq!(granted.allows(namespace, Access::Write), write, "{namespace}");
    }
    assert_eq!(granted.with("users", Access::Write), r#"["both","rates","users"]"#);
    assert_eq!(granted.with("new", Access::Read), r#"["both","new:ro","rates","users:ro"]"#);
}

#[test]
fn nothing_granted_is_nothing_and_a_grant_that_is_wrong_says_how_it_is_written() {
    assert!(Namespaces::read(&Grants::default()).unwrap().is_empty());
    assert!(namespaces(json!(false)).unwrap().is_empty());
    assert!(namespaces(json!([])).unwrap().is_empty());
    let long = "x".repeat(65);
    for wrong in
        [json!(true), json!({ "read": ["a"] }), json!(["a b"]), json!([long]), json!([":ro"])]
    {
        let text = namespaces(wrong.clone()).unwrap_err();
        assert!(text.ends_with("hint: write it like `kv = [\"rates\", \"users:ro\"]`"), "{wrong}");
    }
}
