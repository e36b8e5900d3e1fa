//! What is said of hooks: settings, disabling, installed packages.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::super::{Grants, HookSettings, Installed, Mode, OnFailure};
use super::{Said, bad, good};

#[test]
fn settings_are_read_with_their_origins() {
    let config = good(
        "[hooks.rate-limit]\nmode = 'single'\nlimits = { memory = '32MiB', cpu = '20ms' }\n\
         grants = { fetch = ['https://api.example.com'], kv = ['rates'], session = true }\n\
         on_failure = 'skip'\nafter = ['orm']\nconfig_key = 'rateLimit'\nreplay = true",
    );
    let hook = config.hook("rate-limit");
    assert!(hook.enabled);
    assert_eq!(hook.mode, Some(Mode::Single));
    assert_eq!(hook.limits.memory, Some(32 << 20));
    assert_eq!(hook.limits.cpu, Some(Duration::from_millis(20)));
    assert_eq!(hook.on_failure, Some(OnFailure::Skip));
    assert_eq!(hook.after, Some(vec!["orm".to_owned()]));
    assert_eq!(hook.config_key.as_deref(), Some("rateLimit"));
    assert_eq!(hook.replay, Some(true));
    let grants = hook.grants.expect("grants");
    assert_eq!(grants.0.get("kv"), Some(&json!(["rates"])));
    assert_eq!(hook.origins["on_failure"].to_string(), "boathook.toml:5");
    assert_eq!(hook.origin.expect("an origin").to_string(), "boathook.toml:1");
    assert_eq!(config.hook("unmentioned"), HookSettings::default());
}

#[test]
fn a_hook_is_disabled_from_file_environment_and_command_line() {
    let file = Said { toml: "[hooks]\nshout = false", ..Said::default() };
    let text = Said { toml: "[hooks]\nshout = 'false'", ..Said::default() };
    let variable = Said { vars: &[("BOATHOOK_hooks__shout", "false")], ..Said::default() };
    let quoted = Said { vars: &[("BOATHOOK_hooks__shout", "\"false\"")], ..Said::default() };
    let set = Said { sets: &["hooks.shout=false"], ..Said::default() };
    let over = Said {
        toml: "[hooks.shout]\nmode = 'single'",
        sets: &["hooks.shout=false"],
        ..Said::default()
    };
    for said in [file, text, variable, quoted, set, over] {
        assert!(!said.good().hook("shout").enabled);
    }
}

#[test]
fn a_higher_layer_enables_again_and_keeps_the_settings() {
    let said =
        Said { toml: "[hooks]\nshout = false", sets: &["hooks.shout=true"], ..Said::default() };
    assert!(said.good().hook("shout").enabled);
    for said in [
        Said {
            toml: "[hooks.shout]\nmode = 'single'",
            sets: &["hooks.shout=true"],
            ..Said::default()
        },
        Said {
            toml: "[hooks.shout]\nmode = 'single'",
            production: "hooks.shout = true",
            ..Said::default()
        },
        Said {
            toml: "[hooks.shout]\nmode = 'single'",
            vars: &[("BOATHOOK_HOOKS__SHOUT", "true")],
            ..Said::default()
        },
    ] {
        let hook = said.good().hook("shout");
        assert_eq!((hook.enabled, hook.mode), (true, Some(Mode::Single)));
    }
}

#[test]
fn mistakes_in_settings_are_all_reported() {
    assert_eq!(
        bad(
            "[hooks.a]\nmode = 'singel'\nlimit = {}\nafter = 'orm'\n[hooks.b]\ngrants = { fecth = [] , kv = 5 }\n\
             config_key = 'a b'\n[hooks]\nc = 5"
        ),
        "boathook.toml:2: `hooks.a.mode` must be one of `pooled`, `single`, `fresh`: found the string `singel`\n\
         hint: did you mean `single`?\n\
         boathook.toml:3: unknown key `hooks.a.limit`\n\
         hint: did you mean `limits`?\n\
         boathook.toml:4: `hooks.a.after` must be an array of hook names: found the string `orm`\n\
         hint: write it like `[\"orm\"]`\n\
         boathook.toml:6: unknown key `hooks.b.grants.fecth`\n\
         hint: did you mean `fetch`?\n\
         boathook.toml:6: `hooks.b.grants.kv` must be `true`, `false`, an array of strings or a table: \
         found the number `5`\n\
         boathook.toml:7: `hooks.b.config_key` must be a name of at most 64 letters, digits, `-`, `_` and `.`: \
         found the string `a b`\n\
         hint: write it like `rate-limit`\n\
         boathook.toml:9: `hooks.c` must be a table, `true` or `false`: found the number `5`"
    );
}

#[test]
fn grants_to_fetch_are_strings_and_tables_and_are_checked_at_once() {
    let config = good(
        "[hooks.a.grants]\nfetch = ['https://a.test', { url = 'http://b.test', private = true }]",
    );
    let grants = config.hook("a").grants.expect("grants");
    assert!(!grants.fetch().is_empty());
    assert_eq!(
        Grants::written(&grants.0["fetch"]),
        "[\"https://a.test\", { url = \"http://b.test\", private = true }]"
    );
    let problems = bad("[hooks.a.grants]\nfetch = ['https://a.test/path']");
    let said = "boathook.toml:2: `hooks.a.grants.fetch`: `https://a.test/path`: a grant is scheme, host and \
                port alone\nhint: write it like `[\"https://api.example.com\"]`";
    assert!(problems.starts_with(said), "{problems}");
    assert!(bad("[hooks.a.grants]\nfetch = true").contains("a list of what may be fetched from"));
}

#[test]
fn settings_of_a_hook_that_is_not_there_are_a_mistake() {
    let toml = "[hooks.rate-limt]\nmode = 'single'\n[[routes]]\naddress = '/a'\nhook = 'shuot'\naction = 'x'";
    let mut config = good(toml);
    let names = ["rate-limit".to_owned(), "shout".to_owned()];
    assert_eq!(
        config.know_hooks(&names).expect_err("mistakes").to_string(),
        "boathook.toml:1: there is no hook of this name: `rate-limt`\n\
         hint: did you mean `rate-limit`?\n\
         boathook.toml:3: route `/a` names a hook that is not there: `shuot`\n\
         hint: did you mean `shout`?"
    );
}

#[test]
fn a_variable_finds_a_hook_that_no_file_mentions() {
    let said = Said {
        vars: &[
            ("BOATHOOK_hooks__rate_limit", "false"),
            ("BOATHOOK_RATE_LIMIT__x", "1"),
            ("BOATHOOK_HOOKS__NEEDS_ORM__MODE", "fresh"),
        ],
        ..Said::default()
    };
    let mut config = said.good();
    config.know_hooks(&["rate-limit".to_owned(), "needs-orm".to_owned()]).expect("both known");
    assert!(!config.hook("rate-limit").enabled);
    assert_eq!(config.hook("needs-orm").mode, Some(Mode::Fresh));
    assert_eq!(config.tree.get("rate-limit.x"), Some(&json!(1)));
}

#[test]
fn installed_packages_have_a_path_and_perhaps_a_name() {
    let config = good(
        "[installed.sails-hook-shout]\npath = 'm/shout.wasm'\n\
         [installed.'@my/shouty']\npath = '/m'\nname = 'foobar'\nconfig_key = 'shoutHook'",
    );
    let shouty = &config.installed["@my/shouty"];
    assert_eq!(shouty.name.as_deref(), Some("foobar"));
    assert_eq!(shouty.config_key.as_deref(), Some("shoutHook"));
    assert_eq!(shouty.path, PathBuf::from("/m"));
    assert_eq!(config.installed["sails-hook-shout"].path, PathBuf::from("m/shout.wasm"));
    assert_eq!(
        bad("[installed.x]\nnmae = 'y'"),
        "boathook.toml:1: `installed.x` lacks `path`\n\
         hint: name the component or its folder: `path = \"modules/shout.wasm\"`\n\
         boathook.toml:2: unknown key `installed.x.nmae`\n\
         hint: did you mean `name`?"
    );
}

#[test]
fn a_package_gives_its_name_without_scope_and_prefix() {
    for (package, name) in [
        ("sails-hook-shout", "shout"),
        ("shouty", "shouty"),
        ("@my-modules/shouty", "shouty"),
        ("@my-modules/sails-hook-security", "security"),
        ("boathook-hook-shout", "shout"),
        ("sails-hook-sails-hook-x", "sails-hook-x"),
        ("sails-hook-", "sails-hook-"),
    ] {
        assert_eq!(Installed::name_of_package(package), name);
    }
}
