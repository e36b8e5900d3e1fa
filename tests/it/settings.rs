//! Settings that hooks bring and derive: `defaults`, and `configure`.

use crate::harness::{App, check};

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
