//! Many clients at once, and the end of a server that is busy.

use rustix::process::Signal;

use crate::harness::{App, Client};

/// Sends a request on every connection, and then reads all answers; so all are under way at once.
fn wave(clients: &mut [Client]) {
    for client in &mut *clients {
        client.request("GET", "/hello", &[], b"");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let response =
            client.response("GET").unwrap_or_else(|| panic!("client {number}: no answer"));
        assert_eq!(response.status, 200, "client {number}: {}", response.text());
        assert_eq!(response.text(), "Hello from a hook!\n");
        assert_eq!(response.all("x-seen").count(), 2);
    }
}

#[test]
fn a_thousand_connections_through_three_hooks_meet_no_error_and_leave_nothing_behind() {
    let mut app = App::lift(
        "
        //- hooks
        a: observes
        b: observes
        hello
        ",
    );
    let address = app.address().expect("it listens");
    let connect = || (0..1000).map(|_| Client::connect(address)).collect::<Vec<_>>();
    let mut clients = connect();
    wave(&mut clients);
    wave(&mut clients);
    drop(clients);
    let before = app.memory_kib();
    for _ in 0..3 {
        wave(&mut connect());
    }
    let after = app.memory_kib();
    // What a thousand connections take is given back or used again: three more waves need no more.
    assert!(after < before + 16 * 1024, "{before} KiB before, {after} KiB after");
    app.stop();
    assert_eq!(app.logged("error: "), 0, "{}", app.log_text());
}

const SLOW: &str = "
    //- boathook.toml
    limits.wall = \"1h\"
    limits.exchange = \"1h\"
    //- hooks
    a: trace
    sleeps
    ";

#[test]
fn a_stop_lets_requests_in_flight_end_and_takes_no_new_ones() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut app = App::lift(SLOW);
        let address = app.address().expect("it listens");
        let mut idle = app.connect();
        assert_eq!(idle.ask("GET", "/nowhere").status, 404);
        let mut busy = app.connect();
        busy.request("GET", "/sleeps?ms=800", &[], b"");
        app.log(&["sleeps hook=sleeps"]);
        app.signal(signal);
        assert!(idle.is_closed());
        let response = busy.response("GET").expect("an answer");
        assert_eq!((response.status, response.header("connection")), (200, Some("close")));
        assert!(busy.is_closed());
        assert_eq!(app.exit().code(), Some(0));
        app.log(&["lower hook=a", "lowered"]);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

#[test]
fn what_does_not_end_is_cut_when_the_drain_is_over() {
    let mut app =
        App::lift(&SLOW.replace("limits.exchange", "drain = \"300ms\"\n    limits.exchange"));
    let mut busy = app.connect();
    busy.request("GET", "/sleeps", &[], b"");
    app.log(&["sleeps hook=sleeps"]);
    app.stop();
    app.log(&["were cut off", "lower hook=a"]);
    assert!(busy.response("GET").is_none());
}

#[test]
fn a_second_signal_quits_at_once() {
    let mut app = App::lift(SLOW);
    let mut busy = app.connect();
    busy.request("GET", "/sleeps", &[], b"");
    app.log(&["sleeps hook=sleeps"]);
    app.signal(Signal::TERM);
    app.log(&["stopping; once more to quit at once"]);
    app.signal(Signal::TERM);
    assert_eq!(app.exit().code(), Some(1));
}

#[test]
fn a_stop_during_the_lift_ends_it() {
    let mut app = App::start(&crate::harness::Fixture::parse(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        m = { in = \"initialize\", how = \"sleep\" }
        //- hooks
        a: trace
        m: misbehave
        ",
    ));
    app.log(&["a hook loaded successfully"]);
    app.signal(Signal::TERM);
    assert_eq!(app.exit().code(), Some(1));
    app.log(&["lower hook=a", "stopped before the app was lifted"]);
}
