//! What everything else builds on: an app lifts, answers, and stops.

use crate::harness::check;

#[test]
fn an_app_without_hooks_and_without_a_file_lifts_and_answers_404() {
    check(
        "
        //- GET /
        //- 404
        content-type: text/plain; charset=utf-8

        ...Not Found
        //- stdout
        hooks in order: none
        //- stop
        ",
    );
}

#[test]
fn a_hook_in_the_folder_answers() {
    check(
        "
        //- hooks
        hello
        //- GET /hello
        //- 200

        Hello from a hook!
        //- GET /nowhere
        //- 404
        //- stop
        //- log
        lowered
        ",
    );
}
