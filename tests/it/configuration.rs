//! Configuration: layers, defaults, what hooks derive in `configure`, and what is refused.

use crate::harness::{App, Ran, check};

#[test]
fn a_hooks_defaults_fill_what_the_operator_left_out() {
    check(
        "
        //- boathook.toml
        [has-defaults]
        table = { b = { d = 4 } }
        //- hooks
        has-defaults
        show-config
        //- GET /config?path=has-defaults.number
        //- 200

        1
        //- GET /config?path=has-defaults.table.a
        //- 200

        1
        //- GET /config?path=has-defaults.table.b
        //- 200

        ...\"d\":4
        ...\"c\":2
        ",
    );
}

#[test]
fn the_operator_wins_over_defaults_with_null_and_false_and_the_empty_list_too() {
    let mut app = App::lift(
        "
        //- boathook.toml
        [has-defaults]
        switch = false
        list = []
        table = 7
        //- args
        --set
        has-defaults.greeting=null
        --set
        has-defaults.number=0
        //- hooks
        has-defaults
        show-config
        ",
    );
    for (key, value) in
        [("switch", "false"), ("list", "[]"), ("table", "7"), ("greeting", "null"), ("number", "0")]
    {
        app.check(&format!(
            "
            //- GET /config?path=has-defaults.{key}
            //- 200

            {value}
            "
        ));
    }
}

#[test]
fn a_list_replaces_the_defaults_list_and_is_not_merged_with_it() {
    check(
        "
        //- boathook.toml
        has-defaults.list = [9]
        //- hooks
        has-defaults
        show-config
        //- GET /config?path=has-defaults.list
        //- 200

        [9]
        ",
    );
}

#[test]
fn defaults_are_computed_from_what_the_operator_wrote() {
    check(
        "
        //- boathook.toml
        custom.who = \"Ada\"
        //- hooks
        has-defaults
        show-config
        //- GET /config?path=has-defaults.greeting
        //- 200

        \"hello Ada\"
        ",
    );
}

#[test]
fn constant_defaults_stand_in_the_manifest() {
    check(
        "
        //- boathook.toml
        show.b = 3
        //- hooks
        show: show-config; [defaults.__configKey__]; a = 1; b = 2; [defaults.custom]; c = 4
        //- GET /config?path=show.a
        //- 200

        1
        //- GET /config?path=show.b
        //- 200

        3
        //- GET /config?path=custom.c
        //- 200

        4
        ",
    );
}

#[test]
fn between_two_hooks_the_earlier_ones_defaults_win_and_other_keys_unite() {
    check(
        "
        //- hooks
        a: has-defaults
        b: has-defaults
        show-config
        //- GET /config?path=custom.first
        //- 200

        \"a\"
        //- GET /config?path=custom.a
        //- 200

        true
        //- GET /config?path=custom.b
        //- 200

        true
        ",
    );
}

#[test]
fn the_config_key_stands_for_wherever_a_hooks_settings_are() {
    check(
        "
        //- boathook.toml
        hooks.has-defaults.config_key = \"elsewhere\"
        elsewhere.number = 5
        //- hooks
        has-defaults
        show-config
        //- GET /config?path=elsewhere.number
        //- 200

        5
        //- GET /config?path=elsewhere.switch
        //- 200

        true
        //- GET /config?path=__configKey__
        //- 404
        ",
    );
}

#[test]
fn configure_runs_in_hook_order_and_sees_what_was_set_before_it() {
    check(
        "
        //- boathook.toml
        custom.who = \"Ada\"
        //- hooks
        a: sets-config; after = [\"c\"]
        b: sets-config
        c: sets-config
        show-config
        //- GET /config?path=custom.trail
        //- 200

        \"bca\"
        //- GET /config?path=a.copy
        //- 200

        \"Ada\"
        ",
    );
}

#[test]
fn what_a_hook_sets_in_configure_goes_over_the_operators_value() {
    check(
        "
        //- boathook.toml
        a.copy = \"the operator's\"
        custom.who = \"the hook's\"
        //- hooks
        a: sets-config
        show-config
        //- GET /config?path=a.copy
        //- 200

        \"the hook's\"
        ",
    );
}

#[test]
fn the_configuration_is_frozen_after_configure_and_the_error_says_where_to_set_it() {
    check(
        "
        //- hooks
        sets-config-late
        //- fails
        hook `sets-config-late`: initialize: returned an error: `config.set` was called in `initialize`, and the configuration is frozen
        hint: set it in `configure`
        ",
    );
}

#[test]
fn a_hook_cannot_set_what_is_another_hooks() {
    check(
        "
        //- hooks
        hello
        sets-config-of-others
        //- fails
        a hook may set `sets-config-of-others` and `custom` and what is below, not `hello.mine`
        ",
    );
}

#[test]
fn defaults_that_are_not_json_fail_the_lift() {
    check(
        "
        //- hooks
        bad-defaults
        //- fails
        hook `bad-defaults`: defaults: returned invalid JSON: key must be a string at line 1 column 3
        ",
    );
}

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

#[test]
fn my_api_derives_its_url_in_configure() {
    check(
        "
        //- boathook.toml
        my-api = { ssl = true, domain = \"api.example.com\" }
        //- hooks
        my-api
        billing-check
        //- GET /my-api
        //- 200
        content-type: application/json; charset=utf-8

        ...\"url\":\"https://api.example.com\"
        //- log
        billing features will be disabled: no custom.stripeSecret, no custom.stripePublishableKey
        ",
    );
}
