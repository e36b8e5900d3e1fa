//! Hooks that misbehave over several requests, or in company: leaks, late answers, clients that leave,
//! and chains in which one dies.

use crate::harness::App;

/// What `/leaks` has kept by now, in KiB; none if that was the request too many.
#[track_caller]
fn leak(app: &mut App, kib: u64) -> Option<u64> {
    let response = app.ask("GET", &format!("/leaks?kib={kib}"));
    match response.status {
        200 => response.text().parse().ok(),
        500 if response.text().contains("E_HOOK_MEMORY") => None,
        _ => app.fail(&format!("{} {}", response.status, response.text())),
    }
}

#[test]
fn a_pooled_one_that_leaks_is_replaced_before_it_reaches_its_limit() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.leaks.limits = { memory = \"16MiB\", instances = 1 }
        //- hooks
        leaks
        hello
        ",
    );
    let lives = |app: &mut App, requests: usize| {
        let kept: Vec<u64> = (0..requests).map(|_| leak(app, 512).expect("no limit")).collect();
        kept.iter().filter(|kept| **kept == 512).count()
    };
    assert!(lives(&mut app, 50) >= 3, "{}", app.log_text());
    let before = app.memory_kib();
    assert!(lives(&mut app, 200) >= 12, "{}", app.log_text());
    let after = app.memory_kib();
    assert!(after < before + (6 << 10), "{before} KiB before, {after} KiB after");
    assert_eq!(app.logged("error: "), 0, "{}", app.log_text());
}

#[test]
fn a_single_one_that_leaks_reaches_its_limit_and_begins_anew() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.leaks.limits.memory = \"16MiB\"
        ears.events = [\"hook:leaks:restarted\"]
        //- hooks
        leaks: leaks; mode = \"single\"
        ears: listen
        hello
        ",
    );
    let mut memory = Vec::new();
    for life in 1..=6 {
        let mut kept = Vec::new();
        while let Some(kib) = leak(&mut app, 1024) {
            kept.push(kib);
        }
        // All that a life can hold is kept in turn, and the next life knows nothing of it.
        let wanted: Vec<u64> = (1..=kept.len() as u64).map(|count| count * 1024).collect();
        assert_eq!(kept, wanted, "life {life}");
        assert!(kept.len() >= 8, "life {life}: {kept:?}");
        assert_eq!(app.ask("GET", "/hello").status, 200);
        app.log(&vec!["heard hook:leaks:restarted"; life]);
        memory.push(app.memory_kib());
    }
    assert!(memory[5] < memory[1] + (6 << 10), "{memory:?} KiB after each life");
    app.log(&[
        "error: hook `leaks`: handle-route: memory limit of 16MiB reached request=",
        "warn: the hook lost its instance, and what it kept in memory hook=leaks",
    ]);
}

#[test]
fn an_answer_after_the_deadline_reaches_nobody() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.counts.limits.wall = \"300ms\"
        //- hooks
        counts
        hello
        sleeps
        ",
    );
    let mut client = app.connect();
    let late = client.ask("GET", "/counts?ms=1500");
    assert_eq!(late.status, 504);
    assert!(late.text().contains("E_HOOK_TIMEOUT"), "{}", late.text());
    assert_eq!(client.ask("GET", "/hello").text(), "Hello from a hook!\n");
    // On the same connection, in the time in which it would have come.
    assert_eq!(client.ask("GET", "/sleeps?ms=3000").text(), "OK");
    assert_eq!(client.ask("GET", "/hello").text(), "Hello from a hook!\n");
    assert_eq!(app.logged("held"), 0, "the call is over: {}", app.log_text());
    assert_eq!(client.ask("GET", "/counts").text(), "1");
    app.log(&["error: hook `counts`: handle-route: wall limit of 300ms reached request="]);
}

#[test]
fn one_that_panics_while_its_client_leaves_harms_nobody() {
    let mut app = App::lift(
        "
        //- hooks
        counts: counts; mode = \"single\"
        hello
        ",
    );
    let mut neighbour = app.connect();
    // Fewer than open the breaker.
    for time in 1..=8 {
        let mut client = app.connect();
        client.request("GET", "/counts?ms=100&panic=1", &[], b"");
        app.log(&vec!["counts 1 hook=counts"; time]);
        drop(client);
        assert_eq!(neighbour.ask("GET", "/hello").text(), "Hello from a hook!\n");
        app.log(&vec!["error: hook `counts`: handle-route: trap: "; time]);
    }
    assert_eq!(app.ask("GET", "/counts").text(), "1");
    assert_eq!(app.logged("a host function panicked"), 0, "{}", app.log_text());
    app.stop();
}

#[test]
fn one_that_holds_all_its_instances_holds_up_nobody_else() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.sleeps.limits = { instances = 2, queue = 3, queue_wait = \"20s\", wall = \"1s\" }
        //- hooks
        sleeps
        hello
        ",
    );
    let mut holding: Vec<_> = (0..20).map(|_| app.connect()).collect();
    for client in &mut holding {
        client.request("GET", "/sleeps", &[], b"");
    }
    app.log(&["sleeps hook=sleeps"]);
    let mut neighbour = app.connect();
    for _ in 0..50 {
        assert_eq!(neighbour.ask("GET", "/hello").text(), "Hello from a hook!\n");
    }
    let mut codes = std::collections::BTreeSet::new();
    for client in &mut holding {
        let text = client.response("GET").expect("an answer").text();
        codes.extend(text.lines().find(|line| line.starts_with("E_")).map(str::to_owned));
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["E_HOOK_BUSY", "E_HOOK_TIMEOUT"]);
    assert_eq!(app.ask("GET", "/sleeps?ms=0").status, 200);
}

/// A chain of three of which the second dies: the first sees what came of it, the third is not called.
#[track_caller]
fn the_middle_one_dies(guest: &str, limits: &str, target: &str, status: u16, code: &str) {
    let mut app = App::lift(&format!(
        "
        //- boathook.toml
        hooks.b.limits = {{ {limits} }}
        //- hooks
        a: observes
        b: {guest}
        z: observes
        hello
        "
    ));
    for _ in 0..3 {
        let response = app.ask("GET", target);
        assert_eq!(response.status, status, "{}", response.text());
        assert!(response.text().contains(code), "{}", response.text());
        let seen: Vec<&str> = response.all("x-seen").collect();
        assert_eq!(seen, [format!("a {status}")]);
    }
    let response = app.ask("GET", "/nowhere");
    assert_eq!(response.all("x-seen").collect::<Vec<_>>(), ["z 404", "a 404"]);
}

#[test]
fn the_first_of_a_chain_sees_that_the_second_trapped_and_the_third_is_not_called() {
    the_middle_one_dies("panics", "", "/panics", 500, "E_HOOK_TRAP");
}

#[test]
fn the_first_of_a_chain_sees_that_the_second_spun_and_the_third_is_not_called() {
    let limits = "cpu = \"50ms\", wall = \"20s\"";
    the_middle_one_dies("spins", limits, "/spins", 504, "E_HOOK_CPU");
}

#[test]
fn the_first_of_a_chain_sees_that_the_second_slept_and_the_third_is_not_called() {
    the_middle_one_dies("sleeps", "wall = \"300ms\"", "/sleeps", 504, "E_HOOK_TIMEOUT");
}

#[test]
fn the_first_of_a_chain_sees_that_the_second_took_too_much_and_the_third_is_not_called() {
    the_middle_one_dies(
        "grows-memory",
        "memory = \"16MiB\"",
        "/grows?mib=20",
        500,
        "E_HOOK_MEMORY",
    );
}
