//! The promises that every store keeps: one list of tests, each run against each store.

use std::time::{Duration, Instant};

mod embedded;
mod redis;
#[path = "../../../tests/it/harness/redis.rs"]
#[expect(dead_code, reason = "the black-box tests, which share it, ask more of it")]
mod redis_server;

use super::{Counter, KEY_BYTES_MAX, Key, Page, SPACE_BYTES_MAX, Store, StoreError};

/// Bytes that values of the stores under test may have.
const VALUE_BYTES_MAX: usize = 1000;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Long enough to be seen, short enough to be waited for.
const SOON: Duration = Duration::from_millis(40);
/// How long anything may take that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a test of each promise for each store.
macro_rules! promises {
    ($($promise:ident)*) => {
        promises!(@of in_memory memory [$($promise)*]);
        promises!(@of in_a_file embedded [$($promise)*]);
        promises!(@of in_a_file_that_may_wait eventual [$($promise)*]);
        promises!(@of in_redis redis [$($promise)*]);
    };
    (@of $place:ident $store:ident [$($promise:ident)*]) => {
        mod $place {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let under_test = super::stores::$store().await;
                super::$promise(&under_test.store).await;
            })*
        }
    };
}

/// Uses the macro, which comes first for that.
mod agenda;

promises! {
    what_is_set_is_there_and_what_is_not_is_none
    a_value_is_any_bytes_up_to_the_bound_and_not_one_more
    keys_are_any_text_up_to_512_bytes_and_spaces_up_to_80
    spaces_do_not_see_each_other
    what_is_deleted_is_gone_and_deleting_says_whether_it_was_there
    what_has_expired_is_gone
    setting_again_replaces_the_expiry
    an_expiry_is_longer_than_zero_and_at_most_ten_years
    compare_and_set_sets_what_is_as_it_was
    compare_and_set_takes_absent_for_an_old_value_and_removes_for_none
    of_many_that_swap_at_once_one_wins
    increments_begin_at_zero_and_add_up
    a_window_begins_with_the_first_increment_and_is_not_moved_by_others
    without_a_window_a_counter_stays
    a_counter_whose_window_is_over_begins_anew
    increments_at_once_are_all_counted
    a_counter_is_a_value_in_decimal_digits
    a_number_that_does_not_fit_is_refused_and_changes_nothing
    names_of_a_space_are_listed_by_prefix_and_page_by_page
    what_has_expired_is_not_listed
    prefixes_have_no_wildcards
    a_space_without_names_is_one_empty_page
}

/// How each store is made for a test. What it lives on goes when the test ends.
mod stores {
    use tempfile::TempDir;

    use super::redis_server::RedisServer;
    use super::{Store, VALUE_BYTES_MAX};
    use crate::config::Durability;

    pub(super) struct UnderTest {
        pub(super) store: Store,
        _lives_on: (Option<TempDir>, Option<RedisServer>),
    }

    pub(super) async fn memory() -> UnderTest {
        let store = Store::memory(1 << 20, VALUE_BYTES_MAX);
        UnderTest { store, _lives_on: (None, None) }
    }

    pub(super) async fn embedded() -> UnderTest {
        in_file(Durability::Immediate)
    }

    pub(super) async fn eventual() -> UnderTest {
        in_file(Durability::Eventual)
    }

    fn in_file(durability: Durability) -> UnderTest {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join(".boathook/kv.redb");
        let store = Store::embedded(&file, 1 << 20, VALUE_BYTES_MAX, durability).unwrap();
        UnderTest { store, _lives_on: (Some(dir), None) }
    }

    pub(super) async fn redis() -> UnderTest {
        let server = RedisServer::start();
        let store = Store::redis(&super::redis::setup(&server), VALUE_BYTES_MAX).await.unwrap();
        UnderTest { store, _lives_on: (None, Some(server)) }
    }
}

fn key(name: &str) -> Key<'_> {
    Key::new("kv:test", name)
}

/// Waits until a key has nothing.
async fn gone(store: &Store, key: Key<'_>) {
    let until = Instant::now() + PATIENCE;
    while store.get(key).await.unwrap().is_some() {
        assert!(Instant::now() < until, "{key:?} does not expire");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// All names with a prefix, sorted, and how many pages it took.
async fn all(store: &Store, prefix: &str, limit: usize) -> (Vec<String>, usize) {
    let (mut names, mut cursor) = (Vec::new(), None);
    for pages in 1..1000 {
        let page = store.names("kv:test", prefix, cursor.as_deref(), limit).await.unwrap();
        assert!(page.names.len() <= limit, "{page:?} has more than {limit} names");
        names.extend(page.names);
        cursor = page.cursor;
        if cursor.is_none() {
            names.sort();
            names.dedup();
            return (names, pages);
        }
    }
    panic!("the pages do not end");
}

async fn what_is_set_is_there_and_what_is_not_is_none(store: &Store) {
    assert_eq!(store.get(key("a")).await, Ok(None));
    store.set(key("a"), b"one", None).await.unwrap();
    assert_eq!(store.get(key("a")).await, Ok(Some(b"one".to_vec())));
    store.set(key("a"), b"two", None).await.unwrap();
    assert_eq!(store.get(key("a")).await, Ok(Some(b"two".to_vec())));
    assert_eq!(store.get(key("A")).await, Ok(None));
}

async fn a_value_is_any_bytes_up_to_the_bound_and_not_one_more(store: &Store) {
    let bytes: Vec<u8> = (0..=255).cycle().take(VALUE_BYTES_MAX).collect();
    for value in [&bytes[..], b"", b"\0", b"\r\n"] {
        store.set(key("a"), value, None).await.unwrap();
        assert_eq!(store.get(key("a")).await, Ok(Some(value.to_vec())));
    }
    let long = [&bytes[..], b"!"].concat();
    let refused = StoreError::Value { found: VALUE_BYTES_MAX + 1, max: VALUE_BYTES_MAX };
    assert_eq!(store.set(key("a"), &long, None).await, Err(refused.clone()));
    let swapped = store.compare_and_set(key("a"), Some(b"\r\n"), Some(&long), None).await;
    assert_eq!(swapped, Err(refused.clone()));
    assert_eq!(store.compare_and_set(key("a"), Some(&long), None, None).await, Err(refused));
    assert_eq!(store.get(key("a")).await, Ok(Some(b"\r\n".to_vec())));
}

async fn keys_are_any_text_up_to_512_bytes_and_spaces_up_to_80(store: &Store) {
    let longest = "é".repeat(KEY_BYTES_MAX / 2);
    for name in [longest.as_str(), " ", "a:b", "\0", "a\nb", "*", "🦀"] {
        store.set(key(name), name.as_bytes(), None).await.unwrap();
    }
    for name in [longest.as_str(), " ", "a:b", "\0", "a\nb", "*", "🦀"] {
        assert_eq!(store.get(key(name)).await, Ok(Some(name.as_bytes().to_vec())));
    }
    let long = "x".repeat(KEY_BYTES_MAX + 1);
    assert_eq!(store.get(key(&long)).await, Err(StoreError::Key(KEY_BYTES_MAX + 1)));
    assert_eq!(store.delete(key("")).await, Err(StoreError::Key(0)));
    let space = "s".repeat(SPACE_BYTES_MAX);
    store.set(Key::new(&space, "a"), b"1", None).await.unwrap();
    let space = "s".repeat(SPACE_BYTES_MAX + 1);
    let refused = store.set(Key::new(&space, "a"), b"1", None).await;
    assert_eq!(refused, Err(StoreError::Space(SPACE_BYTES_MAX + 1)));
    assert_eq!(store.names("", "", None, 10).await, Err(StoreError::Space(0)));
    assert_eq!(store.names("a\0b", "", None, 10).await, Err(StoreError::Space(3)));
}

async fn spaces_do_not_see_each_other(store: &Store) {
    store.set(Key::new("kv:a", "x"), b"1", None).await.unwrap();
    store.set(Key::new("kv:ab", "x"), b"2", None).await.unwrap();
    store.set(Key::new("kv:a", "b:x"), b"3", None).await.unwrap();
    assert_eq!(store.get(Key::new("kv:a", "x")).await, Ok(Some(b"1".to_vec())));
    assert_eq!(store.get(Key::new("kv:ab", "x")).await, Ok(Some(b"2".to_vec())));
    assert_eq!(store.get(Key::new("kv:b", "x")).await, Ok(None));
    let page = store.names("kv:a", "", None, 10).await.unwrap();
    let mut names = page.names;
    names.sort();
    assert_eq!(names, ["b:x", "x"]);
}

async fn what_is_deleted_is_gone_and_deleting_says_whether_it_was_there(store: &Store) {
    assert_eq!(store.delete(key("a")).await, Ok(false));
    store.set(key("a"), b"1", Some(HOUR)).await.unwrap();
    assert_eq!(store.delete(key("a")).await, Ok(true));
    assert_eq!(store.get(key("a")).await, Ok(None));
    assert_eq!(store.delete(key("a")).await, Ok(false));
}

async fn what_has_expired_is_gone(store: &Store) {
    store.set(key("soon"), b"1", Some(SOON)).await.unwrap();
    store.set(key("later"), b"1", Some(HOUR)).await.unwrap();
    gone(store, key("soon")).await;
    assert_eq!(store.delete(key("soon")).await, Ok(false));
    assert_eq!(store.get(key("later")).await, Ok(Some(b"1".to_vec())));
}

async fn setting_again_replaces_the_expiry(store: &Store) {
    store.set(key("stays"), b"1", Some(SOON)).await.unwrap();
    store.set(key("stays"), b"2", None).await.unwrap();
    store.set(key("goes"), b"1", None).await.unwrap();
    store.set(key("goes"), b"2", Some(SOON)).await.unwrap();
    let swapped = store.compare_and_set(key("stays"), Some(b"2"), Some(b"3"), None).await;
    assert_eq!(swapped, Ok(true));
    gone(store, key("goes")).await;
    tokio::time::sleep(SOON).await;
    assert_eq!(store.get(key("stays")).await, Ok(Some(b"3".to_vec())));
}

async fn an_expiry_is_longer_than_zero_and_at_most_ten_years(store: &Store) {
    for time in [Duration::ZERO, 11 * 366 * 24 * HOUR, Duration::MAX] {
        let refused = Err(StoreError::Expiry(time));
        assert_eq!(store.set(key("a"), b"1", Some(time)).await, refused);
        assert_eq!(store.increment(key("a"), 1, Some(time)).await.map(drop), refused);
    }
    store.set(key("a"), b"1", Some(10 * 365 * 24 * HOUR)).await.unwrap();
    store.set(key("b"), b"1", Some(Duration::from_nanos(1))).await.unwrap();
    gone(store, key("b")).await;
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
}

async fn compare_and_set_sets_what_is_as_it_was(store: &Store) {
    store.set(key("a"), b"1", None).await.unwrap();
    let swap = |old, new, time| store.compare_and_set(key("a"), Some(old), Some(new), time);
    assert_eq!(swap(b"2", b"3", None).await, Ok(false));
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
    assert_eq!(swap(b"1", b"\0\xff", None).await, Ok(true));
    assert_eq!(swap(b"\0\xff", b"", Some(SOON)).await, Ok(true));
    gone(store, key("a")).await;
    assert_eq!(swap(b"", b"1", None).await, Ok(false));
}

async fn compare_and_set_takes_absent_for_an_old_value_and_removes_for_none(store: &Store) {
    let swap = |old, new| store.compare_and_set(key("a"), old, new, None);
    assert_eq!(swap(None, Some(b"1".as_slice())).await, Ok(true));
    assert_eq!(swap(None, Some(b"2")).await, Ok(false));
    assert_eq!(swap(Some(b"2"), None).await, Ok(false));
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
    assert_eq!(swap(Some(b"1"), None).await, Ok(true));
    assert_eq!(store.get(key("a")).await, Ok(None));
    assert_eq!(swap(None, None).await, Ok(true));
    // Nothing is not the same as no bytes.
    assert_eq!(swap(Some(b""), Some(b"1")).await, Ok(false));
    assert_eq!(swap(None, Some(b"")).await, Ok(true));
    assert_eq!(swap(None, Some(b"1")).await, Ok(false));
}

async fn of_many_that_swap_at_once_one_wins(store: &Store) {
    let swap = async |number: u8| {
        store.compare_and_set(key("a"), None, Some(&[number]), None).await.unwrap()
    };
    let all = [swap(0), swap(1), swap(2), swap(3), swap(4), swap(5), swap(6), swap(7)];
    let won = futures_util::future::join_all(all).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(store.get(key("a")).await, Ok(Some(vec![u8::try_from(winner).unwrap()])));
}

async fn increments_begin_at_zero_and_add_up(store: &Store) {
    let add = async |by| store.increment(key("a"), by, None).await.unwrap().value;
    assert_eq!(add(1).await, 1);
    assert_eq!(add(41).await, 42);
    assert_eq!(add(-50).await, -8);
    assert_eq!(add(0).await, -8);
    // Beyond what a floating-point number can count.
    assert_eq!(add((1 << 60) + 9).await, (1 << 60) + 1);
}

async fn a_window_begins_with_the_first_increment_and_is_not_moved_by_others(store: &Store) {
    let Counter { value, left } = store.increment(key("a"), 1, Some(HOUR)).await.unwrap();
    let first = left.unwrap();
    assert!(value == 1 && first <= HOUR && first > HOUR - PATIENCE, "{first:?}");
    tokio::time::sleep(SOON).await;
    let Counter { value, left } = store.increment(key("a"), 1, Some(2 * HOUR)).await.unwrap();
    let second = left.unwrap();
    assert!(value == 2 && second < first && second > HOUR - 2 * PATIENCE, "{second:?}");
    let Counter { value, left } = store.increment(key("a"), 1, None).await.unwrap();
    assert!(value == 3 && left.unwrap() <= second, "{left:?}");
}

async fn without_a_window_a_counter_stays(store: &Store) {
    let counted = store.increment(key("a"), 1, None).await;
    assert_eq!(counted, Ok(Counter { value: 1, left: None }));
    let counted = store.increment(key("a"), 1, Some(SOON)).await;
    assert_eq!(counted, Ok(Counter { value: 2, left: None }));
    tokio::time::sleep(SOON * 2).await;
    assert_eq!(store.get(key("a")).await, Ok(Some(b"2".to_vec())));
}

async fn a_counter_whose_window_is_over_begins_anew(store: &Store) {
    store.increment(key("a"), 5, Some(SOON)).await.unwrap();
    gone(store, key("a")).await;
    let Counter { value, left } = store.increment(key("a"), 1, Some(HOUR)).await.unwrap();
    assert!(value == 1 && left.unwrap() > HOUR - PATIENCE, "{value} {left:?}");
}

async fn increments_at_once_are_all_counted(store: &Store) {
    let add = async || store.increment(key("a"), 1, Some(HOUR)).await.unwrap().value;
    let all: Vec<_> = (0..200).map(|_| add()).collect();
    let mut seen = futures_util::future::join_all(all).await;
    seen.sort_unstable();
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

async fn a_counter_is_a_value_in_decimal_digits(store: &Store) {
    store.set(key("a"), b"-7", None).await.unwrap();
    assert_eq!(store.increment(key("a"), 1, None).await.unwrap().value, -6);
    assert_eq!(store.get(key("a")).await, Ok(Some(b"-6".to_vec())));
    for text in ["", " 1", "+1", "01", "1.5", "one", "9223372036854775808", "-0"] {
        store.set(key("a"), text.as_bytes(), None).await.unwrap();
        let refused = store.increment(key("a"), 1, None).await;
        assert_eq!(refused, Err(StoreError::NotANumber), "{text:?}");
        assert_eq!(store.get(key("a")).await, Ok(Some(text.as_bytes().to_vec())));
    }
}

async fn a_number_that_does_not_fit_is_refused_and_changes_nothing(store: &Store) {
    let add = |by| store.increment(key("a"), by, Some(HOUR));
    assert_eq!(add(i64::MAX).await.unwrap().value, i64::MAX);
    assert_eq!(add(1).await, Err(StoreError::OutOfRange));
    assert_eq!(add(0).await.unwrap().value, i64::MAX);
    assert_eq!(add(i64::MIN).await.unwrap().value, -1);
    assert_eq!(add(i64::MIN).await, Err(StoreError::OutOfRange));
    assert_eq!(add(-i64::MAX).await.unwrap().value, i64::MIN);
}

async fn names_of_a_space_are_listed_by_prefix_and_page_by_page(store: &Store) {
    for number in 0..120 {
        store.set(key(&format!("user:{number:03}")), b"1", None).await.unwrap();
        store.set(key(&format!("x{number}")), b"1", Some(HOUR)).await.unwrap();
    }
    store.set(key("user"), b"1", None).await.unwrap();
    let users: Vec<String> = (0..120).map(|number| format!("user:{number:03}")).collect();
    for (limit, at_least) in [(1, 120), (7, 18), (119, 2), (1000, 1)] {
        let (names, pages) = all(store, "user:", limit).await;
        assert_eq!(names, users);
        assert!(pages >= at_least, "{pages} pages of {limit}");
    }
    assert_eq!(all(store, "user:11", 4).await.0, users[110..]);
    assert_eq!(all(store, "", 50).await.0.len(), 241);
    assert_eq!(all(store, "y", 50).await.0, [""; 0]);
    assert_eq!(all(store, &"x".repeat(KEY_BYTES_MAX + 1), 50).await, (Vec::new(), 1));
}

async fn what_has_expired_is_not_listed(store: &Store) {
    store.set(key("a"), b"1", Some(SOON)).await.unwrap();
    store.set(key("b"), b"1", Some(HOUR)).await.unwrap();
    gone(store, key("a")).await;
    assert_eq!(all(store, "", 10).await.0, ["b"]);
}

async fn prefixes_have_no_wildcards(store: &Store) {
    for name in ["a*c", "abc", "a?c", "a[b]c", "a\\c", "*"] {
        store.set(key(name), b"1", None).await.unwrap();
    }
    for (prefix, found) in
        [("a*", "a*c"), ("a?", "a?c"), ("a[b]", "a[b]c"), ("a\\", "a\\c"), ("*", "*")]
    {
        assert_eq!(all(store, prefix, 10).await.0, [found]);
    }
}

async fn a_space_without_names_is_one_empty_page(store: &Store) {
    assert_eq!(store.names("kv:none", "", None, 10).await, Ok(Page::default()));
}

#[tokio::test]
async fn a_memory_store_is_full_at_its_bound_and_not_before() {
    let store = Store::memory(1000, VALUE_BYTES_MAX);
    store.set(key("a"), &[0; 300], None).await.unwrap();
    store.set(key("b"), &[0; 300], Some(SOON)).await.unwrap();
    let refused = store.set(key("c"), &[0; 300], None).await;
    assert_eq!(refused, Err(super::full(1000)));
    assert_eq!(store.get(key("a")).await.unwrap().unwrap().len(), 300);
    // What replaces something needs only the difference.
    store.set(key("a"), &[1; 310], None).await.unwrap();
    // What has expired makes room.
    gone(&store, key("b")).await;
    store.set(key("c"), &[0; 300], None).await.unwrap();
    assert_eq!(store.set(key("d"), b"", None).await, Err(super::full(1000)));
    store.delete(key("a")).await.unwrap();
    store.set(key("d"), b"", None).await.unwrap();
}

#[tokio::test]
async fn a_memory_store_that_forgets_does_so_with_what_expires_first_and_with_nothing_else() {
    let store = Store::memory(1000, VALUE_BYTES_MAX).forgetting();
    store.set(key("stays"), &[0; 100], None).await.unwrap();
    store.set(key("late"), &[0; 100], Some(2 * HOUR)).await.unwrap();
    store.set(key("early"), &[0; 100], Some(HOUR)).await.unwrap();
    assert_eq!(store.forgotten(), 0);
    store.set(key("comes"), &[0; 100], Some(3 * HOUR)).await.unwrap();
    assert_eq!((store.get(key("early")).await, store.forgotten()), (Ok(None), 1));
    // What grows makes room at the cost of others, and not at its own.
    store.set(key("late"), &[0; 300], Some(HOUR)).await.unwrap();
    assert_eq!(store.get(key("late")).await.unwrap().unwrap().len(), 300);
    assert_eq!((store.get(key("comes")).await, store.forgotten()), (Ok(None), 2));
    // What never fits, or not beside what never expires, is refused as ever.
    assert_eq!(store.set(key("huge"), &[0; 900], None).await, Err(super::full(1000)));
    assert!(store.get(key("late")).await.unwrap().is_some());
    assert_eq!(store.set(key("large"), &[0; 600], None).await, Err(super::full(1000)));
    assert!(store.get(key("stays")).await.unwrap().is_some());
}

#[tokio::test]
async fn what_expires_in_memory_is_freed_by_other_changes() {
    let store = Store::memory(1 << 20, VALUE_BYTES_MAX);
    for number in 0..500 {
        store.increment(key(&number.to_string()), 1, Some(Duration::from_millis(1))).await.unwrap();
    }
    tokio::time::sleep(SOON).await;
    for _ in 0..200 {
        store.set(key("one"), b"1", None).await.unwrap();
    }
    let super::Backend::Memory(memory) = &*store.backend else { panic!("{store:?}") };
    assert_eq!(memory.count(), 1);
}
