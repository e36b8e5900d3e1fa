//! Instances: mode `single` and its exact state, pools, queues, and clients that leave.

use std::collections::BTreeSet;

use crate::harness::{App, Client, check};

const SINGLE: &str = "
    //- boathook.toml
    ears.events = [\"hook:counts:restarted\"]
    //- hooks
    counts: counts; mode = \"single\"
    ears: listen
    ";

#[test]
fn a_single_hook_counts_every_request_once() {
    let mut app = App::lift(SINGLE);
    let mut clients: Vec<Client> = (0..20).map(|_| app.connect()).collect();
    let mut counts = BTreeSet::new();
    for _ in 0..10 {
        for client in &mut clients {
            client.request("GET", "/counts", &[], b"");
        }
        for client in &mut clients {
            let response = client.response("GET").expect("an answer");
            counts.insert(response.text().parse::<u32>().expect("a number"));
        }
    }
    assert_eq!(counts, (1..=200).collect());
}

#[test]
fn calls_into_a_single_hook_take_turns() {
    let mut app = App::lift(SINGLE);
    let mut first = app.connect();
    first.request("GET", "/counts?ms=300", &[], b"");
    app.log(&["counts 1"]);
    assert_eq!(app.ask("GET", "/counts").text(), "2");
    app.log(&["counts 1", "held 1", "counts 2"]);
}

#[test]
fn calls_into_a_pooled_hook_run_at_once() {
    let mut app = App::lift("//- hooks\ncounts");
    let mut clients = [app.connect(), app.connect()];
    for client in &mut clients {
        client.request("GET", "/counts?ms=1000", &[], b"");
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").map(|response| response.text()), Some("1".into()));
    }
    app.log(&["counts 1", "counts 1", "held 1", "held 1"]);
}

#[test]
fn a_single_hook_that_traps_starts_anew_with_a_warning_and_an_event() {
    let mut app = App::lift(SINGLE);
    assert_eq!(app.ask("GET", "/counts").text(), "1");
    assert_eq!(app.ask("GET", "/counts").text(), "2");
    assert_eq!(app.ask("GET", "/counts?panic=1").status, 500);
    assert_eq!(app.ask("GET", "/counts").text(), "1");
    app.log(&["warn: the hook lost its instance, and what it kept in memory hook=counts"]);
    app.log(&["heard hook:counts:restarted"]);
}

#[test]
fn a_client_that_hangs_up_in_the_middle_of_a_call_does_not_reset_a_single_hook() {
    let mut app = App::lift(SINGLE);
    let mut client = app.connect();
    client.request("GET", "/counts?ms=500", &[], b"");
    app.log(&["counts 1"]);
    drop(client);
    app.log(&["counts 1", "held 1"]);
    assert_eq!(app.ask("GET", "/counts").text(), "2");
    assert_eq!(app.logged("lost its instance"), 0);
}

#[test]
fn many_clients_that_hang_up_do_not_reset_a_single_hook() {
    let mut app = App::lift(SINGLE);
    for _ in 0..50 {
        let mut client = app.connect();
        client.request("GET", "/counts", &[], b"");
    }
    let count = |app: &mut App| app.ask("GET", "/counts").text().parse::<u32>().expect("a number");
    // Calls of those that left may still come in between; in the end two of ours follow each other.
    let mut last = count(&mut app);
    loop {
        let next = count(&mut app);
        assert!(next > last, "{next} after {last}");
        if next == last + 1 {
            break;
        }
        last = next;
    }
    assert_eq!(app.logged("lost its instance"), 0);
}

#[test]
fn the_operators_mode_goes_over_the_manifests() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.counts.mode = \"pooled\"
        //- hooks
        counts: counts; mode = \"single\"
        ",
    );
    let mut clients = [app.connect(), app.connect()];
    for client in &mut clients {
        client.request("GET", "/counts?ms=1000", &[], b"");
    }
    app.log(&["counts 1", "counts 1"]);
}

#[test]
fn a_full_queue_is_503_with_retry_after() {
    let mut app = App::lift(&SINGLE.replace("toml\n", "toml\n    limits.queue = 0\n"));
    let mut first = app.connect();
    first.request("GET", "/counts?ms=2000", &[], b"");
    app.log(&["counts 1"]);
    app.check(
        "
        //- GET /counts
        //- 503
        retry-after: 1

        ...E_HOOK_BUSY
        ",
    );
    assert_eq!(first.response("GET").map(|response| response.status), Some(200));
    assert_eq!(app.ask("GET", "/counts").text(), "2");
}

#[test]
fn a_wait_that_is_too_long_is_503_and_a_short_one_is_not_seen() {
    let mut app = App::lift(&SINGLE.replace("toml\n", "toml\n    limits.queue_wait = \"400ms\"\n"));
    let mut first = app.connect();
    first.request("GET", "/counts?ms=2000", &[], b"");
    app.log(&["counts 1"]);
    assert_eq!(app.ask("GET", "/counts").status, 503);
    assert_eq!(first.response("GET").map(|response| response.status), Some(200));
    first.request("GET", "/counts?ms=50", &[], b"");
    app.log(&["counts 2"]);
    assert_eq!(app.ask("GET", "/counts").status, 200);
}

#[test]
fn a_new_instance_goes_through_the_lifecycle_without_repeating_its_effects() {
    check(
        "
        //- boathook.toml
        ears.events = [\"hook:w:half\"]
        w = { emit = [\"hook:w:half\"] }
        //- hooks
        ears: listen
        offers
        w: wait-for
        calls: calls; after = [\"offers\"]
        //- GET /calls/method?hook=offers&method=panic
        //- 400
        //- GET /calls/method?hook=offers&method=double&args=4
        //- 200

        8
        //- GET /calls/data?hook=offers&key=answer
        //- 200

        42
        //- stop
        //- log
        heard hook:w:half
        ",
    );
}
