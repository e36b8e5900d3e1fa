//! What a hook's tests can rely on of `kv`: the fake keeps the promises that the server keeps.

use std::time::Duration;

use boathook_sdk::prelude::*;

const NAMES: kv::Namespace<'_> = kv::namespace("names");

#[test]
fn values_are_json_and_expire_when_time_moves_on() -> Result<()> {
    NAMES.set_for("ada", json!({ "born": 1815 }), Duration::from_secs(60))?;
    NAMES.set("stays", 1)?;
    assert_eq!(NAMES.get("ada")?, Some(json!({ "born": 1815 })));
    testing::advance(Duration::from_secs(61));
    assert_eq!(NAMES.get::<Value>("ada")?, None);
    assert!(!NAMES.delete("ada")? && NAMES.delete("stays")?);
    NAMES.set_bytes("odd", b"{", None)?;
    let error = NAMES.get::<Value>("odd").expect_err("no JSON");
    assert!(error.message().starts_with("kv `names`: `odd`: "), "{error}");
    assert_eq!(NAMES.get_bytes("odd")?, Some(b"{".to_vec()));
    Ok(())
}

#[test]
fn counters_have_windows() -> Result<()> {
    let minute = Duration::from_secs(60);
    assert_eq!(NAMES.increment_within("a", 2, minute)?.value, 2);
    testing::advance(Duration::from_secs(40));
    let counter = NAMES.increment_within("a", 3, minute)?;
    assert!(counter.value == 5 && counter.left.is_some_and(|left| left.as_secs() <= 20));
    testing::advance(Duration::from_secs(30));
    assert_eq!(NAMES.increment_within("a", 1, minute)?.value, 1);
    assert_eq!(NAMES.increment("b", -4)?, kv::Counter { value: -4, left: None });
    assert_eq!(NAMES.get("b")?, Some(-4));
    NAMES.set("text", "x")?;
    assert_eq!(NAMES.increment("text", 1).expect_err("no number").code(), "E_KV_INVALID");
    Ok(())
}

#[test]
fn an_update_is_tried_again_when_somebody_else_was_quicker() -> Result<()> {
    let mut tries = 0;
    let value = NAMES.update("n", None, |old: Option<u32>| {
        tries += 1;
        if tries == 1 {
            NAMES.set("n", 41).expect("another instance sets it");
        }
        Some(old.unwrap_or(0) + 1)
    })?;
    assert_eq!((value, tries), (Some(42), 2));
    assert_eq!(NAMES.update("n", None, |_: Option<u32>| None)?, None);
    assert!(NAMES.compare_and_set("n", None, Some(b"1"), None)?);
    assert!(!NAMES.compare_and_set("n", Some(b"2"), None, None)?);
    Ok(())
}

#[test]
fn keys_are_listed_over_all_pages() -> Result<()> {
    for number in 0..250 {
        NAMES.set(&format!("user:{number}"), number)?;
    }
    NAMES.set("other", 0)?;
    kv::namespace("elsewhere").set("user:x", 0)?;
    let keys: Vec<String> = NAMES.keys("user:").collect::<Result<_>>()?;
    assert_eq!(keys.len(), 250);
    Ok(())
}

#[test]
fn what_the_server_refuses_is_refused_and_a_broken_store_is_unavailable() -> Result<()> {
    let code = |result: Result<()>| result.expect_err("refused").code().to_owned();
    assert_eq!(code(NAMES.set("", 1)), "E_KV_INVALID");
    assert_eq!(code(NAMES.set(&"x".repeat(513), 1)), "E_KV_INVALID");
    assert_eq!(code(NAMES.set_for("a", 1, Duration::ZERO)), "E_KV_INVALID");
    assert_eq!(code(NAMES.set_bytes("a", &[0; 65_537], None)), "E_KV_TOO_LARGE");
    NAMES.set_bytes("a", &[0; 65_536], None)?;
    testing::break_kv(true);
    let error = NAMES.get_bytes("a").expect_err("broken");
    assert_eq!((error.code(), error.status()), ("E_KV_UNAVAILABLE", Some(503)));
    testing::break_kv(false);
    assert!(NAMES.get_bytes("a")?.is_some());
    Ok(())
}
