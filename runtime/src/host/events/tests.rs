//! What the board promises.

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_wait_for_what_has_fired_returns_at_once() {
    let board = Board::default();
    board.fire("a", "{}".into());
    assert_eq!(board.wait(&"x".into(), &names(&["a"])).await, Ok(()));
}

#[tokio::test]
async fn a_wait_for_several_returns_with_the_last_of_them() {
    let board = Arc::new(Board::default());
    board.expect([("x".into(), vec![]), ("y".into(), vec![])]);
    board.begin(&"x".into());
    board.begin(&"y".into());
    let waiting = tokio::spawn({
        let board = board.clone();
        async move { board.wait(&"x".into(), &names(&["a", "b"])).await }
    });
    board.fire("a", "{}".into());
    tokio::task::yield_now().await;
    board.fire("b", "{}".into());
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn two_hooks_that_wait_for_each_other_both_learn_it_at_once() {
    let board = Board::default();
    board.expect([("x".into(), vec![]), ("y".into(), vec![])]);
    board.begin(&"x".into());
    board.begin(&"y".into());
    let (x, y) = (Arc::from("x"), Arc::from("y"));
    let (for_y, for_x) = (names(&["hook:y:loaded"]), names(&["hook:x:loaded"]));
    let (x, y) = tokio::join!(board.wait(&x, &for_y), board.wait(&y, &for_x));
    let text = x.unwrap_err();
    assert_eq!(y.unwrap_err(), text);
    assert!(text.contains("hook `x` waits for `hook:y:loaded`"), "{text}");
    assert!(text.contains("hook `y` waits for `hook:x:loaded`"), "{text}");
}

#[tokio::test]
async fn a_wait_for_the_hook_that_is_held_by_this_one_fails_at_once() {
    let board = Board::default();
    board.expect([("x".into(), vec![]), ("y".into(), names(&["x"]))]);
    board.begin(&"x".into());
    assert!(board.wait(&"x".into(), &names(&["hook:y:loaded"])).await.is_err());
}

#[tokio::test]
async fn a_subscription_delivers_what_has_fired_already_and_what_fires_later() {
    let board = Board::default();
    let hook = Arc::from("x");
    let mut queue = board.listen(&hook);
    board.fire("a", "1".into());
    board.subscribe(&hook, "a".into());
    board.fire("a", "2".into());
    assert_eq!(&*queue.next().await.unwrap().1, "1");
    assert_eq!(&*queue.next().await.unwrap().1, "2");
}

#[tokio::test]
async fn a_candidate_gets_events_once_it_takes_over_and_its_predecessor_none_from_then_on() {
    let board = Arc::new(Board::default());
    let hook: Arc<str> = "x".into();
    let mut old = board.listen(&hook);
    board.subscribe(&hook, "a".into());
    let staged = board.stage(std::slice::from_ref(&hook));
    let mut new = board.listen(&hook);
    board.subscribe(&hook, "b".into());
    board.hold(&hook, "b", "by the candidate".into());
    board.fire("a", "1".into());
    assert!(!board.pins().fired.contains_key("b"), "nothing of it is seen yet");
    staged.take_over();
    board.fire("a", "2".into());
    assert_eq!(&*new.next().await.unwrap().1, "by the candidate");
    assert!(new.receiver.try_recv().is_err(), "it did not subscribe to `a`");
    assert_eq!(&*old.next().await.unwrap().1, "1");
    assert!(old.next().await.is_none(), "its queue is closed");
}

#[tokio::test]
async fn a_candidate_that_never_takes_over_leaves_everything_as_it_was() {
    let board = Arc::new(Board::default());
    let hook: Arc<str> = "x".into();
    let mut running = board.listen(&hook);
    board.subscribe(&hook, "a".into());
    let staged = board.stage(std::slice::from_ref(&hook));
    board.begin(&hook);
    let never = board.wait(&hook, &names(&["never"])).await;
    assert!(never.is_err());
    board.hold(&hook, "b", "{}".into());
    drop(staged);
    board.fire("a", "1".into());
    assert_eq!(&*running.next().await.unwrap().1, "1");
    assert!(!board.pins().has_fired("b"));
}

#[tokio::test]
async fn what_the_running_copy_said_of_itself_does_not_count_for_the_candidate() {
    let board = Arc::new(Board::default());
    let hook: Arc<str> = "x".into();
    for event in ["hook:x:loaded", "hook:xy:loaded", "a"] {
        board.fire(event, "{}".into());
    }
    let staged = board.stage(std::slice::from_ref(&hook));
    assert!(!board.pins().has_fired("hook:x:loaded"));
    assert!(board.pins().have_fired(&names(&["hook:xy:loaded", "a"])));
    board.hold(&hook, "hook:x:loaded", "{}".into());
    assert!(board.pins().has_fired("hook:x:loaded"));
    drop(staged);
    assert!(board.pins().has_fired("hook:x:loaded"));
}

#[test]
fn a_hook_cannot_speak_for_the_server_or_for_another_hook() {
    for event in ["ready", "lifted", "lower", "", "hook:b:x", "hook:a:loaded", "hook:ab:x"] {
        assert!(is_reserved(event, "a"), "{event}");
    }
    for event in ["hook:a:x", "user:created", "hooks"] {
        assert!(!is_reserved(event, "a"), "{event}");
    }
}
