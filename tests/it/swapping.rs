//! What a hook hands to the one that comes in its place: `before-swap` and `after-swap`.

use crate::harness::{App, Client};

/// An app with a hook that counts, in this mode, and hands over as these settings say.
fn app(mode: &str, settings: &str) -> App {
    App::lift(&format!(
        "
        //- boathook.toml
        {}
        //- hooks
        hands-over: hands-over; mode = \"{mode}\"
        listen-in: listen
        ",
        file(settings).replace('\n', "\n        ")
    ))
}

fn file(settings: &str) -> String {
    format!("hook_timeout = \"2s\"\nlisten-in.events = [\"handed\"]\n{settings}\n")
}

/// Replaces the hook, by settings that are new to it, and says what the log tells of it.
#[track_caller]
fn swap(app: &mut App, settings: &str) -> String {
    app.write("boathook.toml", file(&format!("hands-over.generation = 2\n{settings}")));
    app.lift_anew()
}

#[track_caller]
fn count(app: &mut App) -> String {
    app.ask("GET", "/count").text()
}

#[test]
fn what_a_hook_counted_goes_on_with_the_next_generation() {
    let mut app = app("single", "");
    assert_eq!((count(&mut app), count(&mut app)), ("1".into(), "2".into()));
    assert!(swap(&mut app, "").contains("lifted: hands-over; unchanged: listen-in"));
    assert_eq!(count(&mut app), "3");
    app.log(&["hands over 2", "took over 2", "heard handed 2"]);
    for round in 3..6 {
        swap(&mut app, &format!("hands-over.round = {round}"));
        assert_eq!(count(&mut app), (round + 1).to_string());
    }
    app.stop();
    assert_eq!(app.logged("hands over"), 4, "a stop is no swap: {}", app.log_text());
}

#[test]
fn the_instance_that_comes_after_a_trap_is_given_it_once_more() {
    let mut app = app("single", "");
    count(&mut app);
    swap(&mut app, "");
    assert_eq!(count(&mut app), "2");
    assert_eq!(app.ask("GET", "/count?panic=now").status, 500);
    assert_eq!(count(&mut app), "2", "as it was at the swap");
    assert_eq!(app.logged("heard handed"), 1, "what is repeated fires nothing");
}

#[test]
fn each_instance_of_a_pool_is_given_it_snapshot_or_not() {
    let mut app = app("pooled", "");
    count(&mut app);
    swap(&mut app, "");
    let held = |app: &mut App| {
        let mut clients: Vec<_> = (0..4).map(|_| app.connect()).collect();
        for client in &mut clients {
            client.request("GET", "/count?ms=1000", &[], b"");
        }
        let answers =
            clients.iter_mut().map(|client| client.response("GET").expect("an answer").text());
        answers.collect::<Vec<_>>()
    };
    assert_eq!(held(&mut app), ["2"; 4]);
    app.log(&["instances begin from a snapshot now"]);
    assert_eq!(app.ask("GET", "/count?panic=now").status, 500);
    let answers = held(&mut app);
    assert!(answers.contains(&"2".to_owned()), "one that was made of the snapshot: {answers:?}");
}

#[test]
fn every_request_of_a_fresh_hook_finds_it_and_such_a_hook_hands_nothing_over() {
    let mut app = App::lift(
        "//- boathook.toml\nhook_timeout = \"5s\"\n//- hooks\nhands-over: hands-over; mode = \"single\"\n",
    );
    count(&mut app);
    app.write("boathook.toml", "hook_timeout = \"5s\"\nhooks.hands-over.mode = \"fresh\"\n");
    app.lift_anew();
    for _ in 0..3 {
        assert_eq!(count(&mut app), "2");
    }
    app.write("boathook.toml", "hook_timeout = \"5s\"\n");
    app.lift_anew();
    assert_eq!(app.logged("hands over"), 1, "{}", app.log_text());
    assert_eq!(count(&mut app), "1");
}

#[test]
fn a_hook_that_fails_to_hand_over_is_replaced_all_the_same() {
    for (how, why) in [
        ("error", "before-swap: returned an error: asked to fail"),
        ("trap", "before-swap: trap: "),
        ("spin", "before-swap: time limit of 2s reached"),
        ("long", "1MiB are handed over at most"),
        ("defer", "`tasks.defer` was called in `before-swap`"),
        ("nothing", "hands over 1"),
    ] {
        let mut app = app("single", &format!("hands-over.before = \"{how}\""));
        count(&mut app);
        assert!(swap(&mut app, "").contains("lifted: hands-over"), "{how}");
        app.log(&[why]);
        assert_eq!(count(&mut app), "1", "{how}: it began anew");
        assert_eq!(app.logged("took over"), 0, "{how}: {}", app.log_text());
    }
}

#[test]
fn one_that_cannot_do_with_what_it_is_given_is_refused_and_the_old_one_goes_on() {
    for how in ["error", "trap", "spin", "defer"] {
        let mut app = app("single", "");
        count(&mut app);
        app.write("boathook.toml", file(&format!("hands-over.after = \"{how}\"")));
        app.lift_in_vain();
        app.log(&["hook `hands-over`: after-swap: "]);
        assert_eq!(count(&mut app), "2", "{how}");
        swap(&mut app, "");
        assert_eq!(count(&mut app), "3", "{how}");
    }
}

#[test]
fn no_instance_of_a_generation_that_left_is_left() {
    let mut app = app("single", "admin.listen = \"127.0.0.1:0\"");
    for round in 0..5 {
        count(&mut app);
        let settings = format!("admin.listen = \"127.0.0.1:0\"\nhands-over.round = {round}");
        swap(&mut app, &settings);
        app.log(&[&format!("lowered hook=hands-over generation={}", round + 1)]);
    }
    let metrics =
        Client::connect(app.admin().expect("an admin listener")).ask("GET", "/metrics").text();
    for line in [
        "boathook_hook_generation{hook=\"hands-over\"} 6",
        "boathook_hook_instances{hook=\"hands-over\"} 1",
        "boathook_hook_instances_made_total{hook=\"hands-over\"} 6",
        "boathook_hook_instances_freed_total{hook=\"hands-over\"} 5",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[test]
fn one_that_is_gone_hands_nothing_over() {
    let mut app = app("single", "");
    count(&mut app);
    app.write("boathook.toml", file("hooks.hands-over = false"));
    assert!(app.lift_anew().contains("gone: hands-over"));
    app.log(&["lowered hook=hands-over generation=1"]);
    app.write("boathook.toml", file(""));
    app.lift_anew();
    assert_eq!(count(&mut app), "1");
    assert_eq!(app.logged("hands over"), 0, "{}", app.log_text());
}

#[test]
fn a_request_under_way_is_not_waited_for_beyond_its_turn() {
    let settings = "limits.wall = \"1h\"\nlimits.exchange = \"1h\"";
    let mut app = app("single", settings);
    count(&mut app);
    let mut slow = app.connect();
    slow.request("GET", "/count?ms=6000", &[], b"");
    app.log(&["holds"]);
    assert!(swap(&mut app, settings).contains("lifted: hands-over"));
    app.log(&["before-swap: no instance became free within 2s"]);
    assert_eq!(count(&mut app), "1");
    assert_eq!(slow.response("GET").expect("an answer").text(), "2");
}

#[test]
fn a_stop_does_not_cut_off_who_is_asked_and_the_next_one_does_not_take_over() {
    let mut app = app("single", "hands-over.before = \"spin\"");
    count(&mut app);
    app.write("boathook.toml", file("hands-over.generation = 2"));
    app.signal(rustix::process::Signal::HUP);
    app.log(&["hands over 1"]);
    app.stop();
    app.log(&["stopping", "before-swap: time limit of 2s reached", "lowered"]);
    assert_eq!(app.logged("the app was lifted anew"), 0, "{}", app.log_text());
}

#[test]
fn the_sample_rate_limiter_keeps_its_counts_over_a_swap() {
    let mut app =
        App::lift("//- boathook.toml\nrate-limit.max-requests = 2\n//- hooks\nrate-limit\nhello\n");
    assert_eq!(app.ask("POST", "/x").status, 404);
    assert_eq!(app.ask("POST", "/x").status, 404);
    app.write("boathook.toml", "rate-limit.max-requests = 3\n");
    assert!(app.lift_anew().contains("lifted: rate-limit; unchanged: hello"));
    assert_eq!(app.ask("POST", "/x").status, 404);
    assert_eq!(app.ask("POST", "/x").status, 429);
}
