//! What was said of hooks while the server ran: it goes over all that is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Config, Mode, Problems};
use super::Said;

/// What is configured of the hook `a` where that was said of it.
fn read(said: &Said<'_>, of_a: &Value) -> Result<Config, Problems> {
    let mut config = said.good();
    config.overrides = serde_json::from_value(json!({ "a": of_a })).expect("overrides");
    config.know_hooks(&["a".to_owned(), "b".to_owned()])?;
    Ok(config)
}

#[test]
fn a_limit_goes_over_every_layer_and_leaves_what_else_is_said() {
    let said = Said {
        toml: "hooks.a.mode = 'single'\nhooks.a.limits = { cpu = '1ms', wall = '9s' }",
        vars: &[("BOATHOOK_hooks__a__limits__cpu", "2ms")],
        sets: &["hooks.a.limits.cpu=3ms"],
        ..Said::default()
    };
    let config = read(&said, &json!({ "limits": { "cpu": "4ms" } })).expect("it is right");
    let limits = &config.hook("a").limits;
    assert_eq!(limits.cpu, Some(Duration::from_millis(4)));
    assert_eq!(limits.wall, Some(Duration::from_secs(9)));
    let origin = config.tree.origin("hooks.a.limits.cpu").expect("an origin").to_string();
    assert_eq!(origin, "boathook.lock, by `boathook limit`");
    assert!(config.is_configured_to_run("a"));
}

#[test]
fn a_hook_that_is_disabled_keeps_its_config_key() {
    let said = Said { toml: "hooks.a.config_key = 'own'", ..Said::default() };
    let config = read(&said, &json!({ "enabled": false })).expect("it is right");
    let settings = config.hook("a");
    assert_eq!((settings.enabled, settings.config_key.as_deref()), (false, Some("own")));
    assert_eq!(config.tree.get("hooks.a"), Some(&json!(false)));
    assert!(config.is_configured_to_run("a"));
}

#[test]
fn a_limit_enables_no_hook() {
    let said = Said { toml: "hooks.a = false", ..Said::default() };
    let limits = json!({ "cpu": "4ms" });
    let config = read(&said, &json!({ "limits": limits })).expect("it is right");
    assert!(!config.hook("a").enabled);
    let enabled = json!({ "enabled": true, "limits": limits });
    let config = read(&said, &enabled).expect("it is right");
    assert!(config.hook("a").enabled && !config.is_configured_to_run("a"));
    assert_eq!(config.hook("a").limits.cpu, Some(Duration::from_millis(4)));
}

#[test]
fn a_hook_that_is_enabled_has_the_settings_of_the_layers_below_the_one_that_disabled_it() {
    let enabled = json!({ "enabled": true });
    let table = "hooks.a.mode = 'single'\nhooks.a.limits = { cpu = '1ms' }";
    let by_file = Said { toml: table, production: "hooks.a = false", ..Said::default() };
    let by_variable =
        Said { toml: table, vars: &[("BOATHOOK_hooks__a", "false")], ..Said::default() };
    for said in [by_file, by_variable] {
        assert!(!read(&said, &json!({})).expect("it is right").hook("a").enabled);
        let config = read(&said, &enabled).expect("it is right");
        let settings = config.hook("a");
        assert_eq!((settings.enabled, settings.mode), (true, Some(Mode::Single)));
        assert_eq!(settings.limits.cpu, Some(Duration::from_millis(1)));
        assert!(!config.is_configured_to_run("a"));
    }
}

#[test]
fn what_is_wrong_with_a_limit_names_the_file_and_the_command() {
    let problems = read(&Said::default(), &json!({ "limits": { "cpu": "soon" } }));
    let text = problems.expect_err("it is wrong").to_string();
    assert!(text.starts_with("boathook.lock, by `boathook limit`: `hooks.a.limits.cpu`"), "{text}");
}
