//! What the store in Redis promises beyond what all do: mostly, what happens when Redis is not there.

use std::time::{Duration, Instant};

use super::redis_server::RedisServer;
use super::{HOUR, PATIENCE, VALUE_BYTES_MAX, key};
use crate::secrets::Secret;
use crate::store::redis::RedisServer as Setup;
use crate::store::{Store, StoreError};

/// Longer than calls may take, with much to spare for a busy machine.
const BOUNDED: Duration = Duration::from_secs(20);

pub(super) fn setup(server: &RedisServer) -> Setup {
    Setup {
        url: server.url(),
        password: Some(Secret::new(server.password())),
        prefix: "boathook:".to_owned(),
        timeout: Duration::from_secs(5),
    }
}

async fn store(server: &RedisServer, timeout: Duration) -> Store {
    Store::redis(&Setup { timeout, ..setup(server) }, VALUE_BYTES_MAX).await.unwrap()
}

/// Calls until one fails, and says how: each call ends in bounded time.
async fn failure(store: &Store) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let begun = Instant::now();
        let counted = store.increment(key("count"), 1, None).await;
        assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
        match counted {
            Err(StoreError::Unavailable(text)) => return text,
            other => assert!(Instant::now() < until, "{other:?}"),
        }
    }
}

/// Whether a text says that it is for the password.
fn is_refusal(text: &str) -> bool {
    ["WRONGPASS", "NOAUTH", "uthentication"].iter().any(|word| text.contains(word))
}

/// Calls until one succeeds.
async fn recovered(store: &Store) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = store.get(key("a")).await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_an_error_in_bounded_time_and_comes_back_with_its_data() {
    let mut server = RedisServer::start();
    let store = store(&server, Duration::from_secs(1)).await;
    store.set(key("a"), b"1", None).await.unwrap();
    store.increment(key("window"), 41, Some(HOUR)).await.unwrap();
    for _ in 0..2 {
        server.kill();
        let text = failure(&store).await;
        assert!(text.starts_with("Redis at 127.0.0.1:"), "{text}");
        let begun = Instant::now();
        let all: Vec<_> = (0..50).map(|_| store.get(key("a"))).collect();
        let answers = futures_util::future::join_all(all).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
        server.start_again();
        recovered(&store).await;
        assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
    }
    let counter = store.increment(key("window"), 1, Some(HOUR)).await.unwrap();
    assert!(counter.value == 42 && counter.left.is_some(), "{counter:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_an_error_in_bounded_time_and_goes_on_later() {
    let server = RedisServer::start();
    let store = store(&server, Duration::from_millis(300)).await;
    store.set(key("a"), b"1", None).await.unwrap();
    server.halt();
    let text = failure(&store).await;
    assert!(text.contains("does not answer: "), "{text}");
    server.go_on();
    recovered(&store).await;
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
}

#[tokio::test]
async fn a_redis_that_is_not_there_fails_at_the_start() {
    let mut server = RedisServer::start();
    let setup = setup(&server);
    server.kill();
    let error = Store::redis(&setup, VALUE_BYTES_MAX).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("Redis at {}", &setup.url["redis://".len()..])), "{error}");
    assert!(error.contains("does not answer: "), "{error}");
}

#[tokio::test]
async fn a_wrong_password_fails_at_the_start_and_is_not_told() {
    let server = RedisServer::start();
    for password in [None, Some(Secret::new("swordfish"))] {
        let setup = Setup { password, ..setup(&server) };
        let error = Store::redis(&setup, VALUE_BYTES_MAX).await.unwrap_err().to_string();
        assert!(!format!("{error}{setup:?}").contains("swordfish"), "{error}");
        assert!(is_refusal(&error), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_takes_the_password_no_more_is_tried_until_it_takes_it_again() {
    let mut server = RedisServer::start();
    let store = store(&server, Duration::from_secs(1)).await;
    store.set(key("a"), b"1", None).await.unwrap();
    let password = server.password().to_owned();
    server.start_again_as("another-one");
    let until = Instant::now() + PATIENCE;
    while !is_refusal(&failure(&store).await) {
        assert!(Instant::now() < until, "the reason is not told");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.start_again_as(&password);
    recovered(&store).await;
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_at_its_maxmemory_is_full_and_reads_go_on() {
    let server = RedisServer::start();
    let store = store(&server, Duration::from_secs(5)).await;
    store.set(key("a"), b"1", None).await.unwrap();
    store.increment(key("count"), 1, None).await.unwrap();
    assert_eq!(server.ask("CONFIG SET maxmemory 1").as_deref(), Some("+OK"));
    for refused in [
        store.set(key("b"), b"1", None).await,
        store.increment(key("count"), 1, None).await.map(drop),
        store.compare_and_set(key("a"), Some(b"1"), Some(b"2"), None).await.map(drop),
    ] {
        assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    }
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_other_prefixes_do_not_see_each_other() {
    let server = RedisServer::start();
    let one = store(&server, Duration::from_secs(5)).await;
    let setup = Setup { prefix: "boat".to_owned(), ..setup(&server) };
    let other = Store::redis(&setup, VALUE_BYTES_MAX).await.unwrap();
    one.set(key("a"), b"1", None).await.unwrap();
    assert_eq!(other.get(key("a")).await, Ok(None));
    assert_eq!(other.names("kv:test", "", None, 10).await.unwrap().names, [""; 0]);
    assert_eq!(server.ask("EXISTS boathook:kv:test:a").as_deref(), Some(":1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_something_else_is_refused() {
    let server = RedisServer::start();
    let store = store(&server, Duration::from_secs(5)).await;
    for cursor in ["x", "1;x;y", "1;9;y", "-1", ";1"] {
        let page = store.names("kv:test", "", Some(cursor), 10).await;
        assert_eq!(page, Err(StoreError::Cursor), "{cursor}");
    }
    let endless = ";0;".repeat(1 << 20);
    let page = store.names("kv:test", "", Some(&endless), 10).await;
    assert_eq!(page, Err(StoreError::Cursor));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_redis_refuses_is_an_error_of_its_own_and_the_others_go_on() {
    let server = RedisServer::start();
    let store = store(&server, Duration::from_secs(5)).await;
    store.set(key("a"), b"1", None).await.unwrap();
    assert_eq!(server.ask("ACL SETUSER default -scan").as_deref(), Some("+OK"));
    for _ in 0..10 {
        let refused = store.names("kv:test", "", None, 10).await;
        let Err(StoreError::Unavailable(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("no permissions"), "{text}");
        assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
    }
}
