//! The promises of an agenda, in each store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{HOUR, PATIENCE, Store, StoreError, VALUE_BYTES_MAX, stores};
use crate::config::Durability;
use crate::store::{Agenda, Claimed, Due};

const NOW: Duration = Duration::ZERO;
const MANY: u64 = 1000;

promises! {
    what_is_put_is_claimed_once_it_is_released
    what_is_held_is_nobodys_and_can_be_taken_back
    what_is_due_first_is_claimed_first
    nothing_is_claimed_before_its_time_and_it_is_said_how_long_that_is
    a_lease_that_is_over_gives_the_entry_to_the_next_and_takes_it_from_the_first
    what_is_given_back_has_its_new_value_at_its_new_time
    of_many_that_claim_at_once_each_gets_another_entry
    a_topic_has_so_many_entries_and_not_one_more
    topics_do_not_see_each_other_and_are_counted
    a_value_that_is_too_long_is_refused_and_leaves_nothing
}

async fn agenda(store: &Store) -> Agenda {
    Agenda::open(store.clone()).await.unwrap()
}

async fn put(agenda: &Agenda, topic: &str, value: &str, after: Duration) -> Due {
    agenda.put(topic, value.as_bytes(), after, HOUR, MANY).await.unwrap().unwrap()
}

/// Puts an entry and lets go of it.
async fn add(agenda: &Agenda, value: &str, after: Duration) {
    let due = put(agenda, "a", value, after).await;
    assert!(agenda.release("a", &due, after).await.unwrap());
}

/// Claims an entry, or none if none is due.
async fn claim(agenda: &Agenda, lease: Duration) -> Option<(Due, String)> {
    match agenda.claim("a", lease).await.unwrap() {
        Claimed::Entry(due, value) => Some((due, String::from_utf8(value).unwrap())),
        Claimed::Nothing(_) => None,
    }
}

/// Claims until there is something.
async fn claimed(agenda: &Agenda, lease: Duration) -> (Due, String) {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(claimed) = claim(agenda, lease).await {
            return claimed;
        }
        assert!(Instant::now() < until, "nothing becomes due");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn what_is_put_is_claimed_once_it_is_released(store: &Store) {
    let agenda = agenda(store).await;
    let due = put(&agenda, "a", "one", NOW).await;
    assert_eq!(claim(&agenda, HOUR).await, None);
    assert!(agenda.release("a", &due, NOW).await.unwrap());
    let (due, value) = claimed(&agenda, HOUR).await;
    assert_eq!(value, "one");
    assert_eq!(claim(&agenda, HOUR).await, None);
    assert!(agenda.remove("a", &due).await.unwrap());
    assert!(!agenda.remove("a", &due).await.unwrap());
    assert_eq!(agenda.count("a").await, Ok(0));
}

async fn what_is_held_is_nobodys_and_can_be_taken_back(store: &Store) {
    let agenda = agenda(store).await;
    let due = put(&agenda, "a", "one", NOW).await;
    assert_eq!(agenda.count("a").await, Ok(1));
    assert!(agenda.remove("a", &due).await.unwrap());
    assert_eq!(agenda.claim("a", HOUR).await, Ok(Claimed::Nothing(None)));
}

async fn what_is_due_first_is_claimed_first(store: &Store) {
    let agenda = agenda(store).await;
    for (value, ms) in [("third", 2_000), ("first", 1), ("second", 1_000)] {
        add(&agenda, value, Duration::from_millis(ms)).await;
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    for wanted in ["first", "second", "third"] {
        assert_eq!(claimed(&agenda, HOUR).await.1, wanted);
    }
}

async fn nothing_is_claimed_before_its_time_and_it_is_said_how_long_that_is(store: &Store) {
    let agenda = agenda(store).await;
    assert_eq!(agenda.claim("a", HOUR).await, Ok(Claimed::Nothing(None)));
    add(&agenda, "later", HOUR).await;
    let Claimed::Nothing(Some(left)) = agenda.claim("a", HOUR).await.unwrap() else {
        panic!("it is claimed");
    };
    assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
}

async fn a_lease_that_is_over_gives_the_entry_to_the_next_and_takes_it_from_the_first(
    store: &Store,
) {
    let agenda = agenda(store).await;
    add(&agenda, "one", NOW).await;
    let (first, _) = claimed(&agenda, Duration::from_millis(20)).await;
    let (second, value) = claimed(&agenda, HOUR).await;
    assert_eq!(value, "one");
    assert!(!agenda.remove("a", &first).await.unwrap());
    assert!(!agenda.again("a", &first, NOW, b"no").await.unwrap());
    assert!(agenda.remove("a", &second).await.unwrap());
}

async fn what_is_given_back_has_its_new_value_at_its_new_time(store: &Store) {
    let agenda = agenda(store).await;
    add(&agenda, "one", NOW).await;
    let (due, _) = claimed(&agenda, HOUR).await;
    assert!(agenda.again("a", &due, HOUR, b"two").await.unwrap());
    assert_eq!(claim(&agenda, HOUR).await, None);
    add(&agenda, "other", NOW).await;
    let (due, _) = claimed(&agenda, HOUR).await;
    assert!(agenda.again("a", &due, NOW, b"another").await.unwrap());
    assert_eq!(claimed(&agenda, HOUR).await.1, "another");
}

async fn of_many_that_claim_at_once_each_gets_another_entry(store: &Store) {
    let agenda = Arc::new(agenda(store).await);
    for number in 0..20 {
        add(&agenda, &number.to_string(), NOW).await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    let claims = (0..30).map(|_| {
        let agenda = agenda.clone();
        tokio::spawn(async move { claim(&agenda, HOUR).await.map(|(_, value)| value) })
    });
    let got = futures_util::future::join_all(claims).await;
    let values: Vec<String> = got.into_iter().filter_map(|it| it.unwrap()).collect();
    assert_eq!(values.len(), 20, "{values:?}");
    assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), 20, "{values:?}");
}

async fn a_topic_has_so_many_entries_and_not_one_more(store: &Store) {
    let agenda = agenda(store).await;
    let add = async || agenda.put("a", b"x", NOW, HOUR, 2).await.unwrap();
    let first = add().await.unwrap();
    assert!(add().await.is_some());
    assert_eq!(add().await, None);
    assert!(agenda.remove("a", &first).await.unwrap());
    assert!(add().await.is_some());
}

async fn topics_do_not_see_each_other_and_are_counted(store: &Store) {
    let agenda = agenda(store).await;
    let one = put(&agenda, "a", "one", NOW).await;
    let other = put(&agenda, "b-c.d_e", "other", NOW).await;
    put(&agenda, "b-c.d_e", "third", HOUR).await;
    assert!(!agenda.remove("b-c.d_e", &one).await.unwrap());
    let counts = agenda.topics().await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("a".into(), 1), ("b-c.d_e".into(), 2)]);
    assert!(agenda.remove("a", &one).await.unwrap());
    assert!(agenda.remove("b-c.d_e", &other).await.unwrap());
    let counts = agenda.topics().await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("b-c.d_e".into(), 1)]);
}

async fn a_value_that_is_too_long_is_refused_and_leaves_nothing(store: &Store) {
    let agenda = agenda(store).await;
    let long = vec![b'x'; VALUE_BYTES_MAX + 1];
    let refused = agenda.put("a", &long, NOW, HOUR, MANY).await;
    assert!(matches!(refused, Err(StoreError::Value { .. })), "{refused:?}");
    assert_eq!(agenda.count("a").await, Ok(0));
}

#[tokio::test]
async fn in_a_store_of_ones_own_everything_is_at_hand_after_a_restart() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("kv.redb");
    let open = async || {
        agenda(&Store::embedded(&file, 1 << 20, VALUE_BYTES_MAX, Durability::Immediate).unwrap())
            .await
    };
    let before = open().await;
    put(&before, "a", "held", NOW).await;
    add(&before, "later", HOUR).await;
    add(&before, "claimed", NOW).await;
    claimed(&before, HOUR).await;
    drop(before);
    let after = open().await;
    let mut values = BTreeSet::new();
    tokio::time::sleep(Duration::from_millis(5)).await;
    while let Some((due, value)) = claim(&after, HOUR).await {
        values.insert(value);
        assert!(after.remove("a", &due).await.unwrap());
    }
    assert_eq!(values.into_iter().collect::<Vec<_>>(), ["claimed", "held"]);
    assert_eq!(after.count("a").await, Ok(1));
}
