//! Hooks outside of the hooks folder: `[installed.<package>]`, and the names that Sails would give them.

use crate::harness::check;

/// An installed package: its table, its file, and what its hook is called in the end.
#[track_caller]
fn installed(package: &str, extra: &str, guest: &str, name: &str) {
    check(&format!(
        "
//- boathook.toml
[installed.\"{package}\"]
path = \"node_modules/{package}\"
{extra}
//- hooks
node_modules/{package}/component.wasm = {guest}
//- stdout
hooks in order: {name}
"
    ));
}

#[test]
fn an_installed_hook_is_called_as_sails_would_call_it() {
    // The guest `routing-only` has no manifest, and so no name of its own.
    installed("pony", "", "routing-only", "pony");
    installed("sails-hook-pony", "", "routing-only", "pony");
    installed("boathook-hook-pony", "", "routing-only", "pony");
    installed("@my-modules/pony", "", "routing-only", "pony");
    installed("@my-modules/sails-hook-pony", "", "routing-only", "pony");
}

#[test]
fn the_manifests_name_goes_over_the_packages_and_the_operators_over_both() {
    installed("sails-hook-pony", "", "shout", "shout");
    installed("@my-modules/sails-hook-pony", "", "shout", "shout");
    installed("sails-hook-pony", "name = \"foobar\"", "shout", "foobar");
    installed("@my-modules/shouty", "name = \"security\"", "shout", "security");
}

#[test]
fn an_installed_hook_answers_with_its_defaults() {
    check(
        "
        //- boathook.toml
        [installed.sails-hook-shout]
        path = \"node_modules/sails-hook-shout\"
        //- hooks
        node_modules/sails-hook-shout/shout.wasm = shout
        //- GET /shout
        //- 200

        make it rain
        ",
    );
}

#[test]
fn a_renamed_hook_has_its_settings_under_its_new_name() {
    check(
        "
        //- boathook.toml
        [foobar]
        phrase = \"yolo\"
        [installed.sails-hook-shout]
        path = \"node_modules/sails-hook-shout\"
        name = \"foobar\"
        //- hooks
        node_modules/sails-hook-shout/shout.wasm = shout
        //- GET /shout
        //- 200

        yolo
        ",
    );
}

#[test]
fn a_config_key_moves_a_hooks_settings() {
    check(
        "
        //- boathook.toml
        [shoutHook]
        phrase = \"yolo\"
        [installed.sails-hook-shout]
        path = \"node_modules/sails-hook-shout\"
        config_key = \"shoutHook\"
        //- hooks
        node_modules/sails-hook-shout/shout.wasm = shout
        //- stdout
        hooks in order: shout
        //- GET /shout
        //- 200

        yolo
        ",
    );
}

#[test]
fn an_installed_hook_is_disabled_like_any_other() {
    for off in ["false", "'false'"] {
        check(&format!(
            "
            //- boathook.toml
            hooks.shout = {off}
            [installed.sails-hook-shout]
            path = \"node_modules/sails-hook-shout\"
            //- hooks
            node_modules/sails-hook-shout/shout.wasm = shout
            //- stdout
            disabled: shout
            //- GET /shout
            //- 404
            "
        ));
    }
}

#[test]
fn an_installed_package_that_is_not_there_is_an_error_with_its_line() {
    check(
        "
        //- boathook.toml
        [installed.pony]
        path = \"node_modules/pony\"
        //- fails
        node_modules/pony
        ",
    );
}
