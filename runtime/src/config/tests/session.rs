//! How sessions are kept: what can be said, and what no browser would take.

use std::time::Duration;

use super::{bad, good};
use crate::config::{OnStoreFailure, SameSite, SessionSettings, StoreKind};

#[test]
fn nothing_has_to_be_said_of_sessions() {
    let session = good("").session;
    assert_eq!(SessionSettings { file: "x".into(), ..session.clone() }, {
        SessionSettings { file: "x".into(), ..SessionSettings::default() }
    });
    assert_eq!((session.name.as_str(), session.secrets_named), ("boathook.sid", false));
    assert!(session.http_only && session.same_site == SameSite::Lax);
}

#[test]
fn everything_can_be_said() {
    let session = good(
        "[session]\nname = 'sid'\nsecrets = ['new', 'old']\nencrypt = true\nidle = '30m'\n\
         lifetime = '8h'\npersistent = true\npath = '/app'\ndomain = 'example.com'\nsecure = true\n\
         same_site = 'none'\nhttp_only = false\nmax_bytes = '4KiB'\nsize = '1MiB'\n\
         store = 'embedded'\non_store_failure = 'empty'",
    )
    .session;
    assert_eq!(session.secrets, ["new", "old"]);
    assert_eq!((session.idle, session.lifetime), (minutes(30), minutes(480)));
    assert_eq!((session.max_bytes, session.size), (4 << 10, 1 << 20));
    assert_eq!((session.secure, session.same_site), (Some(true), SameSite::None));
    assert_eq!(session.on_store_failure, OnStoreFailure::Empty);
    assert_eq!(session.store, StoreKind::Embedded);
    assert!(session.encrypt && session.persistent && session.secrets_named && !session.http_only);
    assert_eq!(good("session.secure = 'auto'").session.secure, None);
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn what_browsers_would_drop_without_a_word_is_refused() {
    for (written, message) in [
        ("same_site = 'none'", "`session.same_site`: browsers drop cookies with `none`"),
        (
            "name = '__Secure-sid'",
            "`session.name`: browsers drop cookies of such a name that are not",
        ),
        (
            "name = '__Host-sid'\nsecure = true\npath = '/a'",
            "`session.name`: browsers drop cookies of",
        ),
        ("name = 'a=b'", "`session.name` must be the name of a cookie"),
        ("path = 'a'", "`session.path` must be a path that starts with `/`"),
        ("domain = 'a;b'", "`session.domain` must be the name of a host"),
        ("secrets = []", "`session.secrets` must be an array of names of secrets, one at least"),
        ("secret = 'x'", "unknown key `session.secret`\nhint: did you mean `secrets`?"),
        ("store = 'disk'", "`session.store` must be one of "),
        ("store = 'redis'", "`session.store` is `redis`, and there is no `[redis]`"),
        ("idle = '0s'", "`session.idle` must be a duration longer than zero"),
    ] {
        let text = bad(&format!("[session]\n{written}"));
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn a_route_has_a_session_unless_it_says_otherwise() {
    let routes = good(
        "[[routes]]\naddress = '/a'\nredirect = '/'\n\
         [[routes]]\naddress = '/b'\nredirect = '/'\nsession = false",
    )
    .routes;
    assert_eq!([routes[0].session, routes[1].session], [true, false]);
}
