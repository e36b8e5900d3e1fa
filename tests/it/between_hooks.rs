//! What hooks have for each other: methods, public data, names.

use crate::harness::{App, check};

const CALLER: &str = "
    //- boathook.toml
    limits.cpu = \"250ms\"
    //- hooks
    calls: calls; after = [\"offers\"]
    offers
    other: offers
    ";

#[test]
fn a_hook_calls_a_method_of_a_hook_that_it_comes_after() {
    App::lift(CALLER).check(
        "
        //- GET /calls/method?hook=offers&method=double&args=21
        //- 200

        42
        ",
    );
}

#[test]
fn what_goes_wrong_in_a_method_is_an_error_value_for_the_caller_and_the_callee_lives_on() {
    App::lift(CALLER).check(
        "
        //- GET /calls/method?hook=offers&method=fail
        //- 400

        [\"E_NO\",\"I would rather not\"]
        //- GET /calls/method?hook=offers&method=panic
        //- 400

        ...\"E_HOOK_TRAP\"
        //- GET /calls/method?hook=offers&method=spin
        //- 400

        ...\"E_HOOK_CPU\"
        //- GET /calls/method?hook=offers&method=double&args=2
        //- 200

        4
        ",
    );
}

#[test]
fn a_method_that_is_not_listed_is_private() {
    App::lift(CALLER).check(
        "
        //- GET /calls/method?hook=offers&method=secret
        //- 400

        ...\"E_NO_METHOD\"
        ...has no method `secret`
        ...it has `double`, `fail`, `panic`, `spin`
        ",
    );
}

#[test]
fn only_hooks_named_in_after_can_be_called_and_the_error_says_how_to() {
    App::lift(CALLER).check(
        "
        //- GET /calls/method?hook=other&method=double&args=1
        //- 400

        ...\"E_HOOK_CALL\"
        ...hint: add `other` to `after`
        //- GET /calls/method?hook=calls&method=double&args=1
        //- 400

        ...\"E_HOOK_CALL\"
        //- GET /calls/method?hook=nobody&method=double&args=1
        //- 400

        ...\"E_HOOK_CALL\"
        ",
    );
}

#[test]
fn published_data_is_public_to_all_and_what_is_not_there_is_none() {
    App::lift(CALLER).check(
        "
        //- GET /calls/data?hook=other&key=answer
        //- 200

        42
        //- GET /calls/data?hook=other&key=question
        //- 200

        OK
        //- GET /calls/data?hook=nobody&key=answer
        //- 200

        OK
        ",
    );
}

#[test]
fn a_hook_sees_the_names_of_all_that_run_in_hook_order() {
    check(
        "
        //- boathook.toml
        hooks.hello = false
        //- hooks
        a: trace; after = [\"z\"]
        calls
        hello
        z: trace
        //- GET /calls/names
        //- 200

        [\"calls\",\"z\",\"a\"]
        ",
    );
}
