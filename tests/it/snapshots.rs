//! Initialised once, cloned everywhere: what new instances begin from, and what is refused.

use crate::harness::{App, check};

#[test]
fn a_fresh_hook_is_initialized_once_and_every_request_sees_that() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.remembers.mode = \"fresh\"
        [remembers]
        greeting = \"ahoy\"
        //- hooks
        remembers
        ",
    );
    for _ in 0..20 {
        app.check(
            "
            //- GET /remembers
            //- 200

            ... \"greeting\":\"ahoy\",\"requests\":1,
            ",
        );
    }
    app.check(
        "
        //- log
        ms; `initialize` ran 1 time
        ",
    );
    assert_eq!(app.logged("remembers initializes"), 1, "{}", app.log_text());
}

#[test]
fn a_pool_that_grows_has_a_snapshot_made_and_serves_meanwhile() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.sleeps.limits.instances = 4
        //- hooks
        sleeps
        ",
    );
    app.check("//- GET /sleeps?ms=0\n//- 200\n//- not in log\nsnapshot");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let address = app.address().expect("it listens");
            scope.spawn(move || {
                let mut client = crate::harness::Client::connect(address);
                client.request("GET", "/sleeps?ms=300", &[], b"");
                assert_eq!(client.response("GET").expect("an answer").status, 200);
            });
        }
    });
    app.check("//- log\ninfo: instances begin from a snapshot now");
}

/// What `remembers` does in its `initialize`, and what is said of that.
fn refused(reads: &str, reason: &str) {
    check(&format!(
        "
        //- boathook.toml
        hooks.remembers = {{ mode = \"fresh\", after = [\"offers\"] }}
        remembers.reads = \"{reads}\"
        //- hooks
        offers
        remembers
        //- fails
        for every request, as there can be no snapshot of it: {reason}
        hint: if that is what you want, set `[hooks.remembers] replay = true`
        ",
    ));
    let mut app = App::lift(&format!(
        "
        //- boathook.toml
        hooks.remembers = {{ mode = \"fresh\", replay = true, after = [\"offers\"] }}
        remembers = {{ reads = \"{reads}\", greeting = \"ahoy\" }}
        //- hooks
        offers
        remembers
        ",
    ));
    app.check(&format!("//- log\nno snapshot: {reason}"));
    for _ in 0..2 {
        app.check("//- GET /remembers\n//- 200\n\n... \"greeting\":\"ahoy\",\"requests\":1,");
    }
    // The first instance served the first request, and the second made its own.
    app.log(&["remembers initializes"; 2]);
}

#[test]
fn a_seed_is_not_frozen() {
    refused("seed", "it read randomness before it was loaded");
}

#[test]
fn a_clock_is_not_stopped() {
    refused("clock", "it read a clock before it was loaded");
}

#[test]
fn a_handle_is_not_copied() {
    refused("stdout", "it holds handles to resources of the host");
}

#[test]
fn what_another_hook_answered_is_not_repeated_for_ever() {
    refused("answer", "it called another hook before it was loaded");
}

#[test]
fn a_snapshot_is_not_written_to_the_disk() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.remembers.mode = \"fresh\"
        //- env
        BOATHOOK_remembers__greeting=a-secret-of-the-environment
        //- hooks
        remembers
        ",
    );
    app.log(&["instances begin from a snapshot now"]);
    app.check("//- GET /remembers\n//- 200\n\n... a-secret-of-the-environment");
    let cache = app.folder().join(".boathook/cache");
    let mut entries = 0;
    for entry in std::fs::read_dir(cache).expect("a cache") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("readable");
        assert!(!bytes.windows(11).any(|window| window == b"of-the-envi"));
        entries += 1;
    }
    assert_eq!(entries, 1, "the instrumented component");
}
