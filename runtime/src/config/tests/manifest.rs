//! What a hook says of itself.

use std::time::Duration;

use serde_json::json;

use super::super::manifest::{Manifest, parse};
use super::super::{Mode, PartialLimits};

fn good(text: &str) -> Manifest {
    parse(text, "hook.toml").expect("a manifest without mistakes")
}

fn bad(text: &str) -> String {
    parse(text, "hook.toml").expect_err("a manifest with mistakes").to_string()
}

#[test]
fn a_whole_manifest_is_read() {
    let manifest = good(
        "manifest_version = 1\nname = 'rate-limit'\nversion = '1.2.3'\ndescription = 'Counts.'\nafter = ['orm']\n\
         mode = 'single'\nconfig_key = 'rateLimit'\nreplay = true\n[defaults.__configKey__]\nmax = 100\n\
         [limits]\nmemory = '32MiB'\n[grants]\nkv = ['rates']\n[build]\ncommand = 'cargo build'\nwatch = ['src']",
    );
    assert_eq!(manifest.name.as_deref(), Some("rate-limit"));
    assert_eq!(manifest.mode, Some(Mode::Single));
    assert_eq!(manifest.after, Some(vec!["orm".to_owned()]));
    assert_eq!(manifest.limits.memory, Some(32 << 20));
    assert_eq!(json!(manifest.defaults), json!({ "__configKey__": { "max": 100 } }));
    assert_eq!(manifest.build.expect("build").watch, ["src"]);
    assert_eq!(good(""), Manifest::default());
}

#[test]
fn mistakes_are_all_reported_with_their_line() {
    assert_eq!(
        bad(
            "naem = 'x'\nmode = 5\n[limits]\ncpu = 'x'\nexchange = '1s'\n[defaults]\nlisten = ':80'\n[build]\nwach = []"
        ),
        "hook.toml:1: unknown key `naem`\n\
         hint: did you mean `name`?\n\
         hook.toml:2: `mode` must be one of `pooled`, `single`, `fresh`: found the number `5`\n\
         hook.toml:4: `limits.cpu` must be a duration: found the string `x`\n\
         hint: write it like `500ms`, `10s`, `2m` or `1h`\n\
         hook.toml:5: unknown key `limits.exchange`\n\
         hint: the keys here are `body`, `cpu`, `fetches`, `fuel`, `handles`, `host_calls`, `instances`, `log`, `measure`, `memory`, \
         `queue`, `queue_wait`, `start`, `tables`, `wall`\n\
         hook.toml:7: `defaults.listen`: `listen` belongs to the server\n\
         hint: a hook's defaults go under `__configKey__`\n\
         hook.toml:9: unknown key `build.wach`\n\
         hint: did you mean `watch`?"
    );
    assert!(bad("name = ").starts_with("hook.toml:1: not valid TOML: "));
    for wrong in ["''", "'a/b'", "'a b'", "'..'", "5", "'é'"] {
        assert!(bad(&format!("name = {wrong}")).starts_with("hook.toml:1: `name` must be a name"));
    }
}

#[test]
fn a_manifest_cannot_write_lines_of_its_own_into_a_report() {
    let text = bad("\"x\\nboathook.toml:1: all is well\\u001b[2J\" = 1");
    assert!(
        text.starts_with(
            "hook.toml:1: unknown key `\"x\\nboathook.toml:1: all is well\\u{1b}[2J\"`\n"
        ),
        "{text}"
    );
}

#[test]
fn a_newer_manifest_is_refused_for_its_version_alone() {
    assert_eq!(
        bad("manifest_version = 2\nsomething_new = 1"),
        "hook.toml:1: `manifest_version` must be `1`: found the number `2`\n\
         hint: a newer Boathook may read it, or build the hook with an older SDK"
    );
}

#[test]
fn the_file_goes_over_the_section() {
    let section = good(
        "name = 'a'\nversion = '1'\nmode = 'single'\n[defaults.x]\na = 1\nb = 1\n[limits]\ncpu = '1s'\nwall = '1s'\n\
         [grants]\nkv = ['a']\nfetch = ['http://a']",
    );
    let file = good("name = 'b'\n[defaults.x]\nb = 2\n[limits]\ncpu = '2s'\n[grants]\nkv = ['b']");
    let both = section.overlay(file);
    assert_eq!(both.name.as_deref(), Some("b"));
    assert_eq!(both.version.as_deref(), Some("1"));
    assert_eq!(both.mode, Some(Mode::Single));
    assert_eq!(json!(both.defaults), json!({ "x": { "a": 1, "b": 2 } }));
    let limits = PartialLimits {
        cpu: Some(Duration::from_secs(2)),
        wall: Some(Duration::from_secs(1)),
        ..PartialLimits::default()
    };
    assert_eq!(both.limits, limits);
    let grants = both.grants.expect("grants");
    assert_eq!(json!(grants), json!({ "kv": ["b"], "fetch": ["http://a"] }));
}

#[test]
fn a_hook_cannot_ask_to_be_measured_only() {
    assert_eq!(
        bad("[limits]\nmeasure = ['cpu']"),
        "hook.toml:2: `limits.measure`: only the operator can have limits measured\n\
         hint: write it into `[hooks.<name>] limits` of `boathook.toml`"
    );
}
