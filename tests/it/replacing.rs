//! Replacing hooks while they serve: what changes, what goes on, and what becomes of those in the middle.

use rustix::process::Signal;

use crate::harness::{App, Client};

/// A hook that counts in its memory, and one whose settings can be changed.
const TWO: &str = "
    //- boathook.toml
    admin.listen = \"127.0.0.1:0\"
    remembers.greeting = \"good day\"
    //- hooks
    counts: counts; mode = \"single\"
    remembers
    ";

/// The same settings, in the file that is read anew.
fn greeting(text: &str) -> String {
    format!("admin.listen = \"127.0.0.1:0\"\nremembers.greeting = \"{text}\"\n")
}

#[track_caller]
fn has(app: &mut App, target: &str, wanted: &str) {
    let text = app.ask("GET", target).text();
    assert!(text.contains(wanted), "{target}: {text}");
}

#[test]
fn a_hook_whose_settings_changed_is_replaced_and_the_others_keep_their_memory() {
    let mut app = App::lift(TWO);
    has(&mut app, "/counts", "1");
    has(&mut app, "/remembers", "good day");
    app.write("boathook.toml", greeting("good evening"));
    assert!(app.lift_anew().contains("lifted: remembers; unchanged: counts"), "{}", app.log_text());
    has(&mut app, "/counts", "2");
    has(&mut app, "/remembers", "good evening");
    let admin = app.admin().expect("an admin listener");
    let metrics = Client::connect(admin).ask("GET", "/metrics").text();
    for line in [
        "boathook_hook_generation{hook=\"counts\"} 1",
        "boathook_hook_generation{hook=\"remembers\"} 2",
        "boathook_hook_calls_total{hook=\"remembers\",verb=\"handle-route\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    app.stop();
}

#[test]
fn without_a_change_nothing_is_lifted() {
    let mut app = App::lift(TWO);
    assert!(app.lift_anew().contains("lifted: none; unchanged: counts, remembers"));
    assert_eq!(app.logged("remembers initializes"), 1);
}

#[test]
fn an_exchange_ends_on_the_set_that_it_began_with_and_what_left_is_lowered_after_it() {
    let mut app = App::lift(
        "
        //- boathook.toml
        limits.wall = \"1h\"
        limits.exchange = \"1h\"
        hook_timeout = \"2s\"
        //- hooks
        counts: counts; mode = \"single\"
        ",
    );
    has(&mut app, "/counts", "1");
    let mut slow = app.connect();
    slow.request("GET", "/counts?ms=15000", &[], b"");
    app.log(&["counts 2"]);
    app.write(
        "boathook.toml",
        "limits.wall = \"1h\"\nlimits.exchange = \"1h\"\nhook_timeout = \"2s\"\ncounts.new = true\n",
    );
    // It waits for its turn to hand something over, and no longer than that.
    app.lift_anew();
    // The new one has counted nothing yet, and does not wait for the old one.
    has(&mut app, "/counts", "1");
    assert_eq!(app.logged("lowered hook=counts generation=1"), 0);
    assert_eq!(slow.response("GET").expect("an answer").text(), "2");
    app.log(&["held 2", "lowered hook=counts generation=1"]);
    has(&mut app, "/counts", "2");
    app.stop();
}

#[test]
fn another_component_in_the_place_of_one_takes_over() {
    let mut app = App::lift("//- hooks\nx: hello\nb: upper-case\n");
    assert_eq!(app.ask("GET", "/hello").status, 200);
    app.put("hooks/x/hello.wasm", "shout");
    assert!(app.lift_anew().contains("lifted: x; unchanged: b"));
    assert_eq!(app.ask("GET", "/hello").status, 404);
    assert_eq!(app.ask("GET", "/shout").status, 200);
}

#[test]
fn hooks_come_and_go() {
    let mut app = App::lift("//- hooks\nhello\n");
    app.put("hooks/shout.wasm", "shout");
    assert!(app.lift_anew().contains("lifted: shout; unchanged: hello"));
    assert_eq!(app.ask("GET", "/shout").status, 200);
    std::fs::remove_file(app.folder().join("hooks/hello.wasm")).expect("it is there");
    assert!(app.lift_anew().contains("lifted: none; unchanged: shout; gone: hello"));
    assert_eq!(app.ask("GET", "/hello").status, 404);
    app.log(&["lowered hook=hello generation=1"]);
    app.write("boathook.toml", "hooks.shout = false\n");
    assert!(app.lift_anew().contains("unchanged: none; gone: shout"));
    assert_eq!(app.ask("GET", "/shout").status, 404);
    app.stop();
}

#[test]
fn what_all_hooks_may_read_is_read_anew_by_all() {
    let mut app = App::lift(
        "//- boathook.toml\ncustom.who = \"Ada\"\n//- hooks\nhas-defaults\nshow-config\n",
    );
    has(&mut app, "/config?path=has-defaults.greeting", "hello Ada");
    app.write("boathook.toml", "custom.who = \"Grace\"\n");
    assert!(app.lift_anew().contains("lifted: has-defaults, show-config"));
    has(&mut app, "/config?path=has-defaults.greeting", "hello Grace");
}

#[test]
fn a_hook_that_goes_on_sees_the_configuration_of_the_others_as_it_is_now() {
    let mut app = App::lift(
        "//- boathook.toml\nremembers.greeting = \"one\"\n//- hooks\nremembers\nshow-config\n",
    );
    app.write("boathook.toml", "remembers.greeting = \"two\"\n");
    assert!(app.lift_anew().contains("lifted: remembers; unchanged: show-config"));
    has(&mut app, "/config?path=remembers.greeting", "two");
}

#[test]
fn routes_of_the_app_are_bound_anew() {
    let mut app = App::lift("//- hooks\nhello\n");
    assert_eq!(app.ask("GET", "/teapot").status, 404);
    let route = "[[routes]]\naddress = \"GET /teapot\"\nrespond = { status = 418 }\n";
    app.write("boathook.toml", route);
    assert!(app.lift_anew().contains("unchanged: hello"));
    assert_eq!(app.ask("GET", "/teapot").status, 418);
}

#[test]
fn whatever_is_wrong_with_the_new_set_the_old_one_goes_on() {
    let mut app = App::lift("//- hooks\ncounts: counts; mode = \"single\"\n");
    has(&mut app, "/counts", "1");
    for (path, text, why) in [
        ("boathook.toml", "listn = 1\n", "unknown key `listn`"),
        ("boathook.toml", "listen = [\n", "boathook.toml"),
        ("hooks/counts/hook.toml", "mode = \"sngle\"\n", "`mode`"),
        ("hooks/counts/hook.toml", "mode = \"single\"\nafter = [\"nobody\"]\n", "nobody"),
    ] {
        app.write(path, text);
        app.lift_in_vain();
        app.log(&[why]);
        app.write("boathook.toml", "");
        app.write("hooks/counts/hook.toml", "mode = \"single\"\n");
    }
    for guest in ["truncated", "no-wasm", "other-version", "start-traps"] {
        app.put("hooks/bad.wasm", guest);
        app.lift_in_vain();
    }
    for phase in ["defaults", "configure", "initialize", "routes"] {
        app.put("hooks/bad.wasm", "misbehave");
        app.write("boathook.toml", format!("misbehave = {{ in = \"{phase}\", how = \"trap\" }}\n"));
        app.lift_in_vain();
        app.log(&[&format!("hook `misbehave`: {phase}")]);
    }
    has(&mut app, "/counts", "2");
    std::fs::remove_file(app.folder().join("hooks/bad.wasm")).expect("it is there");
    app.write("boathook.toml", "");
    assert!(app.lift_anew().contains("lifted: none; unchanged: counts"));
    has(&mut app, "/counts", "3");
    app.stop();
}

#[test]
fn what_was_lifted_before_another_failed_is_lowered_and_hears_nothing_of_the_app() {
    let mut app = App::lift("//- hooks\nhello\n");
    app.put("hooks/a.wasm", "trace");
    app.put("hooks/misbehave.wasm", "misbehave");
    let settings = "misbehave = { in = \"initialize\", how = \"trap\" }\nhooks.misbehave.after = [\"trace\"]\n";
    app.write("boathook.toml", settings);
    app.lift_in_vain();
    app.log(&["initialize hook=trace", "lower hook=trace"]);
    assert_eq!(app.ask("GET", "/hello").status, 200);
}

#[test]
fn a_hook_whose_configuration_another_changes_is_lifted_with_it() {
    let mut app =
        App::lift("//- hooks\na: trace; defaults.remembers.greeting = \"one\"\nremembers\n");
    has(&mut app, "/remembers", "one");
    app.write("hooks/a/hook.toml", "name = \"a\"\ndefaults.remembers.greeting = \"two\"\n");
    assert!(
        app.lift_anew().contains("lifted: a, remembers; unchanged: none"),
        "{}",
        app.log_text()
    );
    has(&mut app, "/remembers", "two");
}

#[test]
fn events_go_to_the_new_one_alone_and_what_it_missed_is_delivered() {
    let mut app = App::lift(
        "//- boathook.toml\nlisten-in.events = [\"a\"]\n//- hooks\nlisten-in: listen\nemit\n",
    );
    app.ask("GET", "/emit?event=a");
    app.log(&["heard a"]);
    app.write("boathook.toml", "listen-in.events = [\"b\", \"ready\"]\n");
    app.lift_anew();
    app.log(&["heard ready"]);
    app.ask("GET", "/emit?event=a");
    app.ask("GET", "/emit?event=b");
    app.log(&["heard b"]);
    assert_eq!(app.logged("heard a"), 1);
    assert_eq!(app.logged("heard b"), 1);
}

#[test]
fn what_the_running_one_fires_while_another_is_lifted_in_its_place_is_delivered_at_once() {
    let settings = "hook_timeout = \"6s\"\nlisten-in.events = [\"a\"]\n";
    let mut app =
        App::lift(&format!("//- boathook.toml\n{settings}\n//- hooks\nlisten-in: listen\nemit\n"));
    app.put("hooks/misbehave.wasm", "misbehave");
    app.put("hooks/trace.wasm", "trace");
    let slow = "emit.new = true\nhooks.misbehave.after = [\"trace\"]\n\
                misbehave = { in = \"initialize\", how = \"sleep\" }\n";
    app.write("boathook.toml", format!("{settings}{slow}"));
    app.signal(Signal::HUP);
    app.log(&["initialize hook=trace"]);
    app.ask("GET", "/emit?event=a");
    app.log(&["heard a", "the app was not lifted anew"]);
    assert_eq!(app.logged("heard a"), 1);
}

#[test]
fn a_hook_that_changes_what_all_may_read_has_all_of_them_lifted_anew() {
    let mut app = App::lift("//- hooks\na: trace; defaults.custom.rate = 1\nshow-config\n");
    has(&mut app, "/config?path=custom.rate", "1");
    app.write("hooks/a/hook.toml", "name = \"a\"\ndefaults.custom.rate = 2\n");
    let said = app.lift_anew();
    assert!(said.contains("lifted: a, show-config; unchanged: none"), "{said}");
    has(&mut app, "/config?path=custom.rate", "2");
}

#[test]
fn what_a_hook_made_public_is_gone_with_it() {
    let mut app = App::lift("//- hooks\noffers\ncalls\n");
    has(&mut app, "/calls/data?hook=offers&key=answer", "42");
    std::fs::remove_file(app.folder().join("hooks/offers.wasm")).expect("it is there");
    assert!(app.lift_anew().contains("unchanged: calls; gone: offers"));
    assert_eq!(app.ask("GET", "/calls/data?hook=offers&key=answer").text(), "OK", "no data");
}

/// An app whose exchanges may last longer than its patience with them.
const LONG: &str = "drain = \"1s\"\nlimits.wall = \"1h\"\nlimits.exchange = \"1h\"\n";

#[test]
fn an_exchange_that_outlasts_the_drain_still_ends_on_the_hooks_that_it_began_with() {
    let mut app = App::lift(&format!("//- boathook.toml\n{LONG}\n//- hooks\nsleeps\nfinishes\n"));
    let mut slow = app.connect();
    slow.request("GET", "/sleeps?ms=6000", &[], b"");
    app.log(&["hook=sleeps"]);
    app.write("boathook.toml", format!("{LONG}custom.new = true\n"));
    app.lift_anew();
    app.log(&["still in use after 1s: it is lowered once that ends"]);
    assert_eq!(slow.response("GET").expect("an answer").status, 200);
    app.log(&["finish /sleeps 200 completed", "lowered hook=finishes generation=1"]);
    app.stop();
}

#[test]
fn a_stop_waits_for_no_exchange_of_a_set_that_left() {
    let mut app = App::lift(&format!("//- boathook.toml\n{LONG}\n//- hooks\nsleeps\n"));
    let mut slow = app.connect();
    slow.request("GET", "/sleeps", &[], b"");
    app.log(&["hook=sleeps"]);
    app.write("boathook.toml", format!("{LONG}custom.new = true\n"));
    app.lift_anew();
    app.stop();
    assert_eq!(app.logged("lowered hook=sleeps generation=1"), 1, "{}", app.log_text());
}

const TASKS: &str = "
    //- boathook.toml
    hooks.defers.ticks = [{ name = \"beat\", every = \"1s\" }]
    //- hooks
    defers
    ";

#[test]
fn tasks_and_ticks_go_on_with_the_hook_that_comes_in_the_place_of_another() {
    let mut app = App::lift(TASKS);
    // One that is at work, one that waits.
    assert_eq!(app.ask("GET", "/defers/slow?text=1500").status, 200);
    assert_eq!(app.ask("GET", "/defers/note?text=late&ms=3000").status, 200);
    app.log(&["task slow"]);
    let settings =
        "hooks.defers.ticks = [{ name = \"beat\", every = \"1s\" }]\ndefers.new = true\n";
    app.write("boathook.toml", settings);
    assert!(app.lift_anew().contains("lifted: defers"));
    app.log(&["slow is done", "lowered hook=defers generation=1", "task note", "tick beat ends"]);
    app.stop();
    assert_eq!((app.logged("task slow"), app.logged("task note")), (1, 1));
    assert_eq!(app.logged("were lost"), 0, "{}", app.log_text());
}

#[test]
fn where_ticks_change_tasks_go_on_all_the_same() {
    let mut app = App::lift(TASKS);
    assert_eq!(app.ask("GET", "/defers/slow?text=1500").status, 200);
    assert_eq!(app.ask("GET", "/defers/note?text=late&ms=3000").status, 200);
    app.write("boathook.toml", "hooks.defers.ticks = [{ name = \"other\", every = \"1s\" }]\n");
    app.lift_anew();
    app.log(&["slow is done", "lowered hook=defers generation=1", "tick other ends"]);
    app.log(&["task note {\"text\":\"late\"}"]);
    let beats = app.logged("tick beat begins");
    app.log(&["tick other ends", "tick other ends"]);
    assert_eq!(app.logged("tick beat begins"), beats);
    app.stop();
    assert_eq!(app.logged("were lost"), 0, "{}", app.log_text());
}

#[test]
fn what_initialize_defers_is_dropped_with_a_set_that_does_not_take_over() {
    let mut app = App::lift("//- hooks\ndefers\n");
    app.put("hooks/misbehave.wasm", "misbehave");
    let fails = "misbehave = { in = \"routes\", how = \"trap\" }\n";
    app.write("boathook.toml", format!("defers.in = \"initialize\"\n{fails}"));
    app.lift_in_vain();
    assert_eq!(app.ask("GET", "/defers/note?text=after").status, 200);
    app.log(&["task note {\"text\":\"after\"}"]);
    assert_eq!(app.logged("task note {\"text\":\"initialize\"}"), 0, "{}", app.log_text());
    std::fs::remove_file(app.folder().join("hooks/misbehave.wasm")).expect("it is there");
    app.write("boathook.toml", "defers.in = \"initialize\"\n");
    app.lift_anew();
    app.log(&["task note {\"text\":\"initialize\"}"]);
}

#[test]
fn settings_of_tasks_count_from_the_lift_on() {
    let mut app = App::lift("//- hooks\ndefers\n");
    app.write("boathook.toml", "tasks.queue = 1\n");
    app.lift_anew();
    assert_eq!(app.ask("GET", "/defers/note?text=a&ms=60000").status, 200);
    let full = app.ask("GET", "/defers/note?text=a&ms=60000");
    assert!(full.text().contains("E_TASKS_FULL"), "{}", full.text());
}

#[test]
fn keys_that_are_read_at_the_start_are_said_to_wait_for_the_next_one() {
    let mut app = App::lift("//- hooks\nhello\n");
    app.write("boathook.toml", "workers = 1\nmax_connections = 5\ndrain = \"5s\"\n");
    app.lift_anew();
    app.log(&[
        "`drain`, `max_connections`, `workers` changed, and will count from the next start on",
    ]);
}

#[test]
fn a_stop_in_the_middle_of_a_lift_is_a_stop() {
    let mut app = App::lift("//- hooks\ncounts\n");
    app.put("hooks/misbehave.wasm", "misbehave");
    app.put("hooks/trace.wasm", "trace");
    let slow = "misbehave = { in = \"initialize\", how = \"sleep\" }\nhook_timeout = \"1h\"\n";
    app.write("boathook.toml", format!("{slow}hooks.misbehave.after = [\"trace\"]\n"));
    app.signal(Signal::HUP);
    app.log(&["initialize hook=trace"]);
    has(&mut app, "/counts", "1");
    app.stop();
}

#[test]
fn fifty_swaps_under_load_fail_no_request_and_leave_no_instance_behind() {
    let mut app = App::lift(TWO);
    let address = app.address().expect("it listens");
    let done = std::sync::atomic::AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        let ask = || {
            let mut client = Client::connect(address);
            let mut served = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let response = client.ask("GET", "/remembers");
                assert_eq!(response.status, 200, "{}", response.text());
                served += 1;
            }
            served
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        for number in 0..50 {
            app.write("boathook.toml", greeting(&format!("number {number}")));
            app.lift_anew();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("no request failed")).sum::<u32>()
    });
    assert!(served > 50, "{served} requests");
    has(&mut app, "/remembers", "number 49");
    app.log(&["lowered hook=remembers generation="; 50]);
    let admin = app.admin().expect("an admin listener");
    let metrics = Client::connect(admin).ask("GET", "/metrics").text();
    let instances = metrics.split("boathook_hook_instances{hook=\"remembers\"} ").nth(1);
    let instances: u32 = instances
        .and_then(|rest| rest.lines().next()?.parse().ok())
        .expect("a number of instances");
    assert!((1..=5).contains(&instances), "{instances} for 4 clients and one");
    assert_eq!(app.logged("error: "), 0, "{}", app.log_text());
    app.stop();
}

#[test]
fn tasks_that_wait_for_a_place_run_on_the_hook_that_comes_in_the_place_of_another() {
    let mut app = App::lift(
        "
        //- boathook.toml
        hooks.defers.limits.instances = 2
        limits.wall = \"30s\"
        //- hooks
        defers
        ",
    );
    for ms in [2001, 2002, 2003, 2004] {
        assert_eq!(app.ask("GET", &format!("/defers/slow?text={ms}")).status, 200);
    }
    app.log(&["task slow {\"text\":\"2001\"}"]);
    app.write(
        "boathook.toml",
        "hooks.defers.limits.instances = 2\nlimits.wall = \"30s\"\ndefers.new = true\n",
    );
    assert!(app.lift_anew().contains("lifted: defers"));
    app.log(&["slow is done"; 4]);
    app.stop();
    assert_eq!(app.logged("slow is done"), 4, "{}", app.log_text());
    for ms in [2001, 2002, 2003, 2004] {
        assert_eq!(
            app.logged(&format!("task slow {{\"text\":\"{ms}\"}}")),
            1,
            "{}",
            app.log_text()
        );
    }
}
