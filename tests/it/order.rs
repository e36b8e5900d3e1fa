//! Which hooks there are: found, named, ordered, disabled.

use crate::harness::check;

#[test]
fn hooks_that_come_after_each_other_are_an_error_that_shows_the_cycle() {
    check(
        "
        //- hooks
        a: trace; after = [\"b\"]
        b: trace; after = [\"c\"]
        c: trace; after = [\"a\"]
        //- fails
        hooks come after each other: `a` after `b` after `c` after `a`
        //- not in log
        defaults hook=
        ",
    );
}

#[test]
fn an_unknown_hook_in_after_is_an_error_with_a_suggestion() {
    check(
        "
        //- hooks
        orm: trace
        a: trace; after = [\"orn\"]
        //- fails
        hook `a`: `after` names `orn`, and there is no such hook
        hint: did you mean `orm`?
        ",
    );
}

#[test]
fn a_disabled_hook_in_after_is_an_error_that_says_so() {
    check(
        "
        //- boathook.toml
        hooks.b = false
        //- hooks
        a: trace; after = [\"b\"]
        b: trace
        //- fails
        hook `a`: `after` names `b`, which is disabled
        hint: enable it, or disable `a` as well
        ",
    );
}

#[test]
fn the_operators_after_goes_over_the_manifests() {
    check(
        "
        //- boathook.toml
        hooks.a.after = []
        //- hooks
        a: trace; after = [\"b\"]
        b: trace
        //- stdout
        hooks in order: a, b
        ",
    );
}

#[test]
fn a_hook_is_disabled_from_each_of_the_three_places_and_by_the_string_too() {
    for (file, env, arg) in [
        ("hooks.hello = false", "", ""),
        ("hooks.hello = 'false'", "", ""),
        ("", "BOATHOOK_hooks__hello=false", ""),
        ("", "BOATHOOK_HOOKS__HELLO=false", ""),
        ("", "", "--set\nhooks.hello=false"),
        ("hooks.hello = true", "BOATHOOK_hooks__hello=true", "--set\nhooks.hello=\"false\""),
    ] {
        check(&format!(
            "
//- boathook.toml
{file}
//- env
{env}
//- args
{arg}
//- hooks
hello
shout
//- stdout
hooks in order: shout
disabled: hello
//- GET /hello
//- 404
//- GET /shout
//- 200
"
        ));
    }
}

#[test]
fn a_disabled_hook_is_not_even_read() {
    check(
        "
        //- boathook.toml
        hooks.truncated = false
        //- hooks
        truncated
        //- stdout
        disabled: truncated
        ",
    );
}

#[test]
fn an_environment_variable_finds_a_hook_with_a_dash_in_its_name() {
    check(
        "
        //- env
        BOATHOOK_HOOKS__RATE_LIMIT=false
        //- hooks
        rate-limit
        //- stdout
        hooks in order: none
        disabled: rate-limit
        ",
    );
}

#[test]
fn settings_of_a_hook_that_is_not_there_are_an_error_with_a_suggestion() {
    check(
        "
        //- boathook.toml
        hooks.helo = false
        //- hooks
        hello
        //- fails
        boathook.toml:1: there is no hook of this name: `helo`
        hint: did you mean `hello`?
        ",
    );
}

#[test]
fn two_hooks_of_one_name_are_an_error_that_names_both_files() {
    check(
        "
        //- boathook.toml
        [installed.other]
        path = \"more/hello.wasm\"
        //- hooks
        hello
        more/hello.wasm = hello
        //- fails
        hook `hello`: load: `
        hint: remove one, or give it another name
        ",
    );
    check(
        "
        //- hooks
        twice: trace
        TWICE: trace
        //- fails
        have this name
        ",
    );
}
