//! What the store in a file promises beyond what all do.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};
use tempfile::TempDir;

use super::{HOUR, PATIENCE, SOON, VALUE_BYTES_MAX, gone, key};
use crate::config::Durability::{self, Eventual, Immediate};
use crate::store::embedded::{Embedded, open_file};
use crate::store::{Backend, Store, StoreError, full};

fn file() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(".boathook/kv.redb");
    (dir, file)
}

fn open(file: &std::path::Path) -> Store {
    Store::embedded(file, 1 << 20, VALUE_BYTES_MAX, Immediate).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let (_dir, file) = file();
    let store = open(&file);
    store.set(key("a"), b"1", None).await.unwrap();
    store.increment(key("count"), 7, Some(HOUR)).await.unwrap();
    store.set(key("soon"), b"1", Some(SOON)).await.unwrap();
    drop(store);
    let store = open(&file);
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
    let counter = store.increment(key("count"), 1, Some(HOUR)).await.unwrap();
    assert!(counter.value == 8 && counter.left.unwrap() <= HOUR, "{counter:?}");
    gone(&store, key("soon")).await;
}

#[test]
fn the_file_is_nobody_elses_and_nobody_elses_process_opens_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, file) = file();
    let _store = open(&file);
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let Err(StoreError::Unavailable(text)) =
        Store::embedded(&file, 1 << 20, VALUE_BYTES_MAX, Immediate)
    else {
        panic!("it was opened twice")
    };
    assert!(text.contains("kv.redb: another process has it open\nhint: "), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_an_error_with_its_path() {
    let (dir, _) = file();
    let file = dir.path().join("notes.txt");
    std::fs::write(&file, "no database\n".repeat(1000)).unwrap();
    let Err(StoreError::Unavailable(text)) =
        Store::embedded(&file, 1 << 20, VALUE_BYTES_MAX, Immediate)
    else {
        panic!("it was opened")
    };
    assert!(text.contains("notes.txt: "), "{text}");
    assert_eq!(std::fs::read(&file).unwrap().len(), 12_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_full_at_its_bound_also_after_it_was_opened_again() {
    let (_dir, file) = file();
    let bounded = || Store::embedded(&file, 2000, VALUE_BYTES_MAX, Immediate).unwrap();
    let store = bounded();
    store.set(key("a"), &[0; 900], None).await.unwrap();
    store.set(key("b"), &[0; 900], Some(HOUR)).await.unwrap();
    assert_eq!(store.set(key("c"), &[0; 900], None).await, Err(full(2000)));
    drop(store);
    let store = bounded();
    assert_eq!(store.set(key("c"), &[0; 900], None).await, Err(full(2000)));
    // What replaces something needs only the difference, and what has expired makes room.
    store.set(key("b"), &[1; 900], Some(SOON)).await.unwrap();
    gone(&store, key("b")).await;
    store.set(key("c"), &[0; 900], None).await.unwrap();
    assert_eq!(store.set(key("b"), &[0; 900], None).await, Err(full(2000)));
    store.delete(key("a")).await.unwrap();
    store.set(key("b"), &[0; 900], None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_swept_where_nothing_is_written() {
    let (_dir, file) = file();
    let embedded = Embedded::open(&file, 1 << 20, Immediate, SOON).unwrap();
    let store = Store::of(Backend::Embedded(embedded), 1000);
    let sets = (0..300).map(|number| {
        let store = &store;
        async move { store.set(key(&number.to_string()), b"1", Some(SOON)).await }
    });
    futures_util::future::try_join_all(sets).await.unwrap();
    store.set(key("stays"), b"1", Some(HOUR)).await.unwrap();
    let Backend::Embedded(embedded) = &*store.backend else { panic!("{store:?}") };
    let until = Instant::now() + PATIENCE;
    while embedded.count().await > 1 {
        assert!(Instant::now() < until, "{} entries are left", embedded.count().await);
        tokio::time::sleep(SOON).await;
    }
    assert_eq!(store.get(key("stays")).await, Ok(Some(b"1".to_vec())));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_beyond_the_queue_are_refused_and_the_others_are_made() {
    let (_dir, file) = file();
    let store = open(&file);
    let sets = (0..5000).map(|_| store.increment(key("count"), 1, None));
    let outcomes = futures_util::future::join_all(sets).await;
    let refused = outcomes.iter().filter(|it| **it == Err(StoreError::Busy)).count();
    let made = outcomes.iter().filter(|it| it.is_ok()).count();
    assert_eq!(refused + made, 5000);
    assert!(made >= 1024, "{made}");
    let count = store.increment(key("count"), 0, None).await.unwrap().value;
    assert_eq!(usize::try_from(count), Ok(made));
}

/// A disk that can be full.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl Disk {
    fn check(&self) -> io::Result<()> {
        match self.full.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

fn on_disk(full: &Arc<AtomicBool>, file: &std::path::Path, durability: Durability) -> Store {
    let (full, file) = (full.clone(), file.to_owned());
    let opener = move |time| {
        let opened = open_file(&file, time)?;
        let disk = Disk { file: FileBackend::new(opened)?, full: full.clone() };
        Ok(Builder::new().create_with_backend(disk)?)
    };
    let embedded = Embedded::open_by(Box::new(opener), 1 << 20, durability, HOUR).unwrap();
    Store::of(Backend::Embedded(embedded), VALUE_BYTES_MAX)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_is_an_error_until_it_is_not_and_nothing_answered_is_lost() {
    for durability in [Immediate, Eventual] {
        let (_dir, file) = file();
        let full = Arc::new(AtomicBool::new(false));
        let store = on_disk(&full, &file, durability);
        store.set(key("a"), b"1", None).await.unwrap();
        if durability == Eventual {
            // What has not reached the disk goes with the error.
            tokio::time::sleep(2 * super::super::embedded::SYNC_EVERY).await;
        }
        full.store(true, Ordering::Relaxed);
        let until = Instant::now() + PATIENCE;
        while store.set(key("b"), b"1", None).await.is_ok() {
            assert!(Instant::now() < until, "it does not notice");
        }
        // More than one attempt to open it fails.
        for _ in 0..30 {
            let error = store.set(key("c"), b"1", None).await.unwrap_err();
            assert!(matches!(&error, StoreError::Unavailable(_)), "{error}");
            tokio::time::sleep(SOON / 4).await;
        }
        full.store(false, Ordering::Relaxed);
        while store.set(key("d"), b"1", None).await.is_err() {
            assert!(Instant::now() < until, "it does not recover");
            tokio::time::sleep(SOON).await;
        }
        assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
        assert_eq!(store.get(key("d")).await, Ok(Some(b"1".to_vec())));
        drop(store);
        let store = open(&file);
        assert_eq!(store.get(key("d")).await, Ok(Some(b"1".to_vec())), "{durability:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_wait_for_the_disk_is_there_after_an_orderly_end() {
    let (_dir, file) = file();
    let eventual = || Store::embedded(&file, 1 << 20, VALUE_BYTES_MAX, Eventual).unwrap();
    let store = eventual();
    for number in 0..100 {
        store.set(key(&number.to_string()), b"1", None).await.unwrap();
    }
    drop(store);
    let store = eventual();
    assert_eq!(store.get(key("99")).await, Ok(Some(b"1".to_vec())));
}

/// The error of a write to this store, once its disk has failed and is opened again.
async fn refusal(store: &Store, wanted: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        match store.set(key("b"), b"1", None).await {
            Err(StoreError::Unavailable(text)) if text.contains(wanted) => return,
            written => assert!(Instant::now() < until, "{written:?}"),
        }
        tokio::time::sleep(SOON / 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_error_of_its_disk_no_other_file_will_do() {
    let (_dir, file) = file();
    let full = Arc::new(AtomicBool::new(false));
    let store = on_disk(&full, &file, Immediate);
    store.set(key("a"), b"1", None).await.unwrap();
    full.store(true, Ordering::Relaxed);
    refusal(&store, "the store's file failed").await;
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    full.store(false, Ordering::Relaxed);
    refusal(&store, "it is not there any more").await;
    assert!(!file.exists());
    let other = open(&file);
    other.set(key("other"), b"1", None).await.unwrap();
    drop(other);
    refusal(&store, "another one is in its place").await;
    std::fs::rename(&aside, &file).unwrap();
    let until = Instant::now() + PATIENCE;
    while store.set(key("b"), b"1", None).await.is_err() {
        assert!(Instant::now() < until, "it does not recover");
        tokio::time::sleep(SOON).await;
    }
    assert_eq!(store.get(key("a")).await, Ok(Some(b"1".to_vec())));
}
