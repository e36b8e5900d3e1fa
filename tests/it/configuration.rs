//! Configuration: layers, defaults, what hooks derive in `configure`, and what is refused.

use crate::harness::{Ran, check};

#[test]
fn each_layer_goes_over_the_one_below() {
    let layers = |env: &str, args: &str, phrase: &str| {
        check(&format!(
            "
//- boathook.toml
shout.phrase = \"the file\"
//- boathook.production.toml
shout.phrase = \"the environment's file\"
//- env
{env}
//- args
{args}
//- hooks
shout
//- GET /shout
//- 200

{phrase}
"
        ));
    };
    layers("", "", "the file");
    layers("", "--env\nproduction", "the environment's file");
    layers("BOATHOOK_ENV=production", "", "the environment's file");
    layers("BOATHOOK_shout__phrase=the variable", "--env\nproduction", "the variable");
    layers("BOATHOOK_shout__phrase=the variable", "--set\nshout.phrase=the line", "the line");
}

#[test]
fn config_explain_says_what_a_value_is_and_where_it_was_said() {
    let fixture = "
        //- boathook.toml
        hook_timeout = \"5s\"
        custom.who = \"Ada\"
        //- hooks
        a: sets-config
        has-defaults
        ";
    for (key, parts) in [
        ("hook_timeout", ["5s", "boathook.toml:1"]),
        ("drain", ["30s", "default"]),
        ("a.copy", ["Ada", "configure of hook `a`"]),
        ("has-defaults.number", ["1", "defaults of hook `has-defaults`"]),
        ("custom.who", ["Ada", "boathook.toml:2"]),
    ] {
        let ran = Ran::of(fixture, &["config", "explain", key, "{dir}"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for part in parts {
            assert!(ran.out.contains(part), "{key}: {ran:?}");
        }
    }
    let ran = Ran::of(fixture, &["config", "explain", "no.such.key", "{dir}"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("no.such.key"), "{ran:?}");
}

#[test]
fn config_explain_sees_variables_and_the_command_line() {
    let fixture = "
        //- env
        BOATHOOK_hook_timeout=7s
        ";
    let ran = Ran::of(fixture, &["config", "explain", "hook_timeout", "{dir}"]);
    assert!(ran.out.contains("7s") && ran.out.contains("BOATHOOK_hook_timeout"), "{ran:?}");
    let ran = Ran::of("", &["config", "explain", "drain", "{dir}", "--set", "drain=1s"]);
    assert!(ran.out.contains("1s") && ran.out.contains("--set"), "{ran:?}");
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_a_suggestion() {
    check(
        "
        //- boathook.toml
        drain = \"1s\"
        lisen = \"127.0.0.1:0\"
        //- fails
        boathook.toml:2: 
        hint: did you mean `listen`?
        ",
    );
}

#[test]
fn all_mistakes_of_a_configuration_are_told_at_once() {
    check(
        "
        //- boathook.toml
        drain = \"soon\"
        hook_timeout = 0
        [[routes]]
        address = \"GET /x\"
        [limits]
        memory = \"64 buckets\"
        //- fails
        boathook.toml:1: `drain`
        boathook.toml:2: `hook_timeout`
        boathook.toml:3: 
        boathook.toml:6: `limits.memory`
        ",
    );
}

#[test]
fn a_configuration_that_is_not_utf_8_is_an_error_that_names_the_file() {
    check(
        "
        //- boathook.toml
        custom.name = \"caf{not utf-8}\"
        //- fails
        boathook.toml
        ",
    );
}

#[test]
fn a_configuration_that_is_not_toml_is_an_error_with_its_line() {
    check(
        "
        //- boathook.toml
        drain = \"1s\"
        [hooks
        //- fails
        boathook.toml:2: 
        ",
    );
}

#[test]
fn a_config_key_that_is_the_servers_own_is_refused() {
    check(
        "
        //- hooks
        limits: trace
        //- fails
        `limits`
        //- not in log
        defaults hook=
        ",
    );
}
