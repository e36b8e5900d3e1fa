//! Events: waiting, subscribing, firing.

use crate::harness::check;

#[test]
fn a_hook_waits_for_another_to_load() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:b:loaded\"]
        //- hooks
        a: wait-for
        b: trace
        //- log
        b hook loaded
        goes on hook=a
        a hook loaded
        ",
    );
}

#[test]
fn a_wait_for_several_ends_with_the_last_of_them_in_whatever_order_they_fire() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:c:loaded\", \"hook:b:loaded\", \"hook:b:half\"]
        b = { emit = [\"hook:b:half\"], wait = [\"hook:c:loaded\"] }
        //- hooks
        a: wait-for
        b: wait-for
        c: trace
        //- log
        c hook loaded
        b hook loaded
        goes on hook=a
        ",
    );
}

#[test]
fn a_wait_for_what_has_fired_already_returns_at_once() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:b:loaded\", \"hook:b:loaded\"]
        //- hooks
        a: wait-for; after = [\"b\"]
        b: trace
        //- log
        b hook loaded
        waits hook=a
        goes on hook=a
        ",
    );
}

#[test]
fn a_wait_for_nothing_returns_at_once() {
    check(
        "
        //- hooks
        a: wait-for
        //- log
        goes on hook=a
        ",
    );
}

#[test]
fn hooks_that_wait_for_each_other_fail_at_once_and_each_names_its_events() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a.wait = [\"hook:b:loaded\"]
        b.wait = [\"hook:a:loaded\"]
        //- hooks
        a: wait-for
        b: wait-for
        //- fails
        hook `a` waits for `hook:b:loaded`
        ",
    );
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a.wait = [\"hook:b:loaded\"]
        b.wait = [\"hook:a:loaded\"]
        //- hooks
        a: wait-for
        b: wait-for
        //- fails
        hook `b` waits for `hook:a:loaded`
        ",
    );
}

#[test]
fn a_wait_for_what_nobody_fires_fails_at_once_and_names_it() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        hooks.off = false
        a.wait = [\"hook:off:loaded\", \"no-such-thing\"]
        //- hooks
        a: wait-for
        off: trace
        //- fails
        hook `a`: initialize: returned an error: no hook that is not loaded yet can go on: hook `a` waits for `hook:off:loaded`, `no-such-thing`
        ",
    );
}

#[test]
fn a_timeout_names_what_was_awaited() {
    check(
        "
        //- boathook.toml
        hook_timeout = \"1h\"
        a = { wait = [\"hook:m:loaded\"], _hookTimeout = 300 }
        m = { in = \"initialize\", how = \"sleep\", _hookTimeout = 900 }
        //- hooks
        a: wait-for
        m: misbehave
        //- fails
        hook `a`: initialize: E_HOOK_TIMEOUT: time limit of 300ms reached while waiting for `hook:m:loaded`: its time of 300ms was set by boathook.toml:2
        ",
    );
}

#[test]
fn a_hook_that_fails_fires_its_error_event() {
    check(
        "
        //- boathook.toml
        a.wait = [\"hook:m:error\"]
        m = { in = \"initialize\", how = \"error\" }
        //- hooks
        a: wait-for
        m: misbehave
        //- fails
        goes on hook=a
        hook `m`: initialize: returned an error: out of luck
        ",
    );
}

#[test]
fn a_subscription_delivers_what_fired_before_it_and_what_fires_later() {
    check(
        "
        //- boathook.toml
        ears.events = [\"hook:emit:loaded\", \"ready\", \"lifted\", \"news\", \"bad-news\"]
        //- hooks
        emit
        ears: listen; after = [\"emit\"]
        //- log
        heard hook:emit:loaded
        heard ready
        heard lifted
        //- GET /emit?event=news
        //- 200
        //- log
        heard news {\"by\":\"/emit\"} hook=ears
        //- GET /emit?event=bad-news
        //- 200
        //- log
        heard bad-news
        hook `ears`: handle-event: returned an error: did not like it
        //- GET /emit?event=news
        //- 200
        //- stop
        //- log
        heard bad-news
        heard news
        ",
    );
}

#[test]
fn a_hook_cannot_fire_the_servers_events_nor_another_hooks() {
    for event in ["ready", "lifted", "lower", "hook:other:x", "hook:emit:loaded", "hook:emit:error"]
    {
        check(&format!(
            "
            //- hooks
            emit
            //- GET /emit?event={event}
            //- 403
            //- GET /emit?event=hook:emit:own
            //- 200
            "
        ));
    }
}

#[test]
fn what_belongs_to_the_start_is_refused_in_a_request() {
    check(
        "
        //- hooks
        publishes-late
        //- GET /late
        //- 200

        [\"E_PUBLISH\",\"E_EVENT_WAIT\",\"E_EVENT_SUBSCRIBE\",\"E_CONFIG_FROZEN\"]
        ",
    );
}
