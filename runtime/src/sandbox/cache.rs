//! Keeps compiled components on the disk, so that a hook is compiled once and not at every start.
//!
//! An entry's name is a hash of all that its content depends on: the component, the compiler with its
//! version and settings, the processor. Its content ends with a hash of that name and of the rest, so
//! that an entry that was cut short, changed or renamed is seen for what it is and made anew. Entries
//! are written to a temporary file and renamed: there is a whole one or none.
//!
//! The code itself is not read into memory: an `Entry` is a file whose hash was compared, for whoever maps
//! it. So an entry is never written to once it has its name. Whoever does so from outside, as this user or
//! root, harms the servers that run with it, as with a program that runs.
//!
//! Compiled code is trusted completely by whoever loads it. So the folder is private to this user, is
//! not used if it is not, and nothing from outside is ever put into it. It is looked at once and stays
//! open: whoever moves another one into its place changes nothing. The same holds for each entry: a
//! link, a file of somebody else or one that others may write to is not read.
//!
//! What a killed server left half written, and what no start has asked for in a month, is removed when
//! the cache is opened.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::child::CODE_BYTES;

/// Where the cache lies, in there.
pub const FOLDER: &str = ".boathook/cache";
const DIGEST_BYTES: u64 = 32;
/// What is read of an entry at a time.
const PIECE_BYTES: usize = 128 << 10;
/// What the names of entries end with; those of temporary files do not.
const ENDING: &str = ".cwasm";
/// Writing an entry takes seconds. A temporary file that is older was left behind.
const WRITING: Duration = Duration::from_secs(10 * 60);
/// How long an entry is kept that no start asks for.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    /// The folder itself, whatever its path leads to by now.
    inside: Arc<OwnedFd>,
    /// Whether it was said that nothing can be written: once is enough.
    said: Arc<AtomicBool>,
}

/// A compiled component on the disk, whole as it was written.
#[derive(Debug)]
pub(super) struct Entry {
    file: File,
    /// Bytes of the code, which is what the file begins with.
    code_bytes: u64,
}

impl Entry {
    /// A path to this very file, whatever has its name by now. Good for as long as this lives.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// The code, in memory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn code(&self) -> std::io::Result<Vec<u8>> {
        let mut code = vec![0; usize::try_from(self.code_bytes).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut code, 0)?;
        Ok(code)
    }

    /// Whether its end is the hash of its name and of all that comes before.
    fn is_whole(&self, key: &str) -> std::io::Result<bool> {
        if self.code_bytes == 0 || self.code_bytes >= CODE_BYTES {
            return Ok(false);
        }
        let mut hash = begun_seal(key);
        let mut piece = vec![0; PIECE_BYTES];
        let mut code = (&self.file).take(self.code_bytes);
        loop {
            match code.read(&mut piece)? {
                0 => break,
                length => hash.update(&piece[..length]),
            }
        }
        let mut seal = [0; 32];
        (&self.file).read_exact(&mut seal)?;
        Ok(seal == <[u8; 32]>::from(hash.finalize()))
    }
}

/// Why there is no cache. Nothing depends on it but time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It cannot be made or looked at.
    #[error("{}: {source}", folder.display())]
    Unusable {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else has its place: a file, or a link, which leads wherever others may want.
    #[error("{}: is not a folder (hint: remove it)", folder.display())]
    NotAFolder {
        /// Where.
        folder: PathBuf,
    },
    /// Others may write there, and so decide what code this process runs.
    #[error("{}: others may write to it (hint: remove it, or `chmod 700` it)", folder.display())]
    NotPrivate {
        /// Where.
        folder: PathBuf,
    },
}

impl Cache {
    /// The cache of an app; made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, is not a folder, or is not private.
    pub fn open(app: &Path) -> Result<Self, CacheError> {
        let folder = app.join(FOLDER);
        let unusable = |source| CacheError::Unusable { folder: folder.clone(), source };
        if fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir()) {
            return Err(CacheError::NotAFolder { folder });
        }
        crate::folder::make(&folder, true).map_err(unusable)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let inside = rustix::fs::open(&folder, flags, Mode::empty());
        let inside = File::from(inside.map_err(|error| unusable(error.into()))?);
        if !is_private(&inside.metadata().map_err(unusable)?) {
            return Err(CacheError::NotPrivate { folder });
        }
        let cache = Self { folder, inside: Arc::new(inside.into()), said: Arc::default() };
        cache.sweep();
        Ok(cache)
    }

    /// The name of an entry: a hash of the component's digest and of everything else that counts.
    pub(super) fn key(component: &[u8; 32], circumstances: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(component);
        hash.update(circumstances);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The compiled component of this name; none if there is none, or if it cannot be trusted.
    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        self.find(key).unwrap_or_else(|why| {
            let path = self.folder.join(file_name(key));
            tracing::warn!("{}: {why}: it is not used, and will be made anew", path.display());
            self.remove(&file_name(key));
            None
        })
    }

    /// Looks for an entry, and at all of it; the error says what is wrong with it.
    fn find(&self, key: &str) -> Result<Option<Entry>, String> {
        // Opening a pipe would wait for somebody to write to it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&*self.inside, file_name(key), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err("is a link".into()),
            Err(error) => return Err(error.to_string()),
        };
        let found = file.metadata().map_err(|error| error.to_string())?;
        if !found.is_file() {
            return Err("is not a file".into());
        }
        if !is_private(&found) {
            return Err("others may write to it".into());
        }
        let entry = Entry { code_bytes: found.len().saturating_sub(DIGEST_BYTES), file };
        if !entry.is_whole(key).map_err(|error| error.to_string())? {
            return Err("is damaged".into());
        }
        // For the sweep. A cache that cannot be written to is not swept either.
        let _ = entry.file.set_modified(SystemTime::now());
        Ok(Some(entry))
    }

    /// Keeps a compiled component, if that can be done; says so once if it cannot. Returns whether it was.
    pub(super) fn keep(&self, key: &str, compiled: &[u8]) -> bool {
        let Err(error) = self.put(key, compiled) else { return true };
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{}: compiled code was not kept: {error} (hint: the next start compiles again what \
                 is not there; see to the disk's space and whether this user may write)",
                self.folder.display()
            );
        }
        false
    }

    /// Keeps a compiled component.
    ///
    /// # Errors
    /// If it cannot be written: a full disk, a folder that is read-only. The old entry stays.
    pub(super) fn put(&self, key: &str, compiled: &[u8]) -> std::io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // In containers every server has the same process id.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let temporary = format!(".{key}.{}.{now}.{number}", std::process::id());
        let written = self.write(&temporary, &[compiled, &seal(key, compiled)]).and_then(|()| {
            Ok(renameat(&*self.inside, &*temporary, &*self.inside, file_name(key))?)
        });
        if written.is_err() {
            self.remove(&temporary);
        }
        written
    }

    /// Writes a new file, down to the disk.
    fn write(&self, name: &str, parts: &[&[u8]]) -> std::io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&*self.inside, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()
    }

    /// Removes what has an entry's name, if it is anything that is removed in one step.
    fn remove(&self, name: &str) {
        if unlinkat(&*self.inside, name, AtFlags::empty()).is_err() {
            // What cannot be removed is not read either, and `put` says that it is in the way.
            let _ = unlinkat(&*self.inside, name, AtFlags::REMOVEDIR);
        }
    }

    /// Removes what nobody will ask for any more.
    fn sweep(&self) {
        for found in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = found.file_name();
            let Some(name) = name.to_str() else { continue };
            let most = match (name.starts_with('.'), name.ends_with(ENDING)) {
                (true, _) => WRITING,
                (_, true) => KEPT,
                _ => continue,
            };
            let modified = found.metadata().and_then(|found| found.modified());
            if modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > most)) {
                self.remove(name);
            }
        }
    }
}

/// Whether this user, and nobody else but root, may write there.
fn is_private(found: &fs::Metadata) -> bool {
    found.mode() & 0o022 == 0 && found.uid() == rustix::process::geteuid().as_raw()
}

fn file_name(key: &str) -> String {
    format!("{key}{ENDING}")
}

/// What an entry ends with.
fn seal(key: &str, compiled: &[u8]) -> [u8; 32] {
    begun_seal(key).chain_update(compiled).finalize().into()
}

fn begun_seal(key: &str) -> Sha256 {
    Sha256::new().chain_update((key.len() as u64).to_le_bytes()).chain_update(key)
}

#[cfg(test)]
mod tests {
    use rustix::fs::FileType;

    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    struct Kept {
        app: tempfile::TempDir,
        cache: Cache,
        key: String,
    }

    impl Kept {
        /// A cache with one entry.
        fn new() -> Self {
            let app = tempfile::tempdir().unwrap();
            let cache = Cache::open(app.path()).unwrap();
            let key = Cache::key(&[1; 32], b"here");
            cache.put(&key, b"some code").unwrap();
            Self { app, cache, key }
        }

        fn folder(&self) -> PathBuf {
            self.app.path().join(FOLDER)
        }

        fn code(&self) -> Vec<u8> {
            self.cache.get(&self.key).unwrap().code().unwrap()
        }

        fn entry(&self) -> PathBuf {
            self.folder().join(file_name(&self.key))
        }

        /// Puts something else into the entry's place, which then is none and can be made anew.
        #[track_caller]
        fn is_made_anew_after(&self, change: impl Fn(&Path)) {
            change(&self.entry());
            assert!(self.cache.get(&self.key).is_none());
            self.cache.put(&self.key, b"some code").unwrap();
            assert_eq!(self.code(), b"some code");
        }

        /// Makes a file seem old.
        fn age(&self, name: &str, age: Duration) {
            let file = File::options().append(true).create(true).open(self.folder().join(name));
            file.unwrap().set_modified(SystemTime::now() - age).unwrap();
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    #[test]
    fn what_was_put_is_got_and_nothing_else_lies_around() {
        let kept = Kept::new();
        assert!(kept.cache.get(&Cache::key(&[2; 32], b"here")).is_none());
        assert_eq!(kept.code(), b"some code");
        assert_eq!(kept.names(), [file_name(&kept.key)]);
    }

    #[test]
    fn an_entry_that_is_not_whole_is_none() {
        let kept = Kept::new();
        let whole = fs::read(kept.entry()).unwrap();
        for length in 0..whole.len() {
            kept.is_made_anew_after(|entry| fs::write(entry, &whole[..length]).unwrap());
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            kept.is_made_anew_after(|entry| fs::write(entry, &flipped).unwrap());
        }
    }

    #[test]
    fn an_entry_under_the_name_of_another_is_none() {
        let kept = Kept::new();
        let other = Cache::key(&[2; 32], b"here");
        kept.cache.put(&other, b"other code").unwrap();
        let other = kept.folder().join(file_name(&other));
        kept.is_made_anew_after(|entry| assert!(fs::copy(&other, entry).unwrap() > 0));
    }

    #[test]
    fn what_is_not_a_file_of_this_users_alone_is_none() {
        let kept = Kept::new();
        let elsewhere = kept.app.path().join("elsewhere");
        fs::copy(kept.entry(), &elsewhere).unwrap();
        kept.is_made_anew_after(|entry| {
            fs::remove_file(entry).unwrap();
            symlink(&elsewhere, entry).unwrap();
        });
        kept.is_made_anew_after(|entry| {
            fs::remove_file(entry).unwrap();
            symlink("nowhere", entry).unwrap();
        });
        kept.is_made_anew_after(|entry| {
            fs::set_permissions(entry, fs::Permissions::from_mode(0o666)).unwrap();
        });
        kept.is_made_anew_after(|entry| {
            fs::remove_file(entry).unwrap();
            fs::create_dir(entry).unwrap();
        });
        kept.is_made_anew_after(|entry| {
            fs::remove_file(entry).unwrap();
            // Nobody writes to it, and whoever waited for that would wait for ever.
            rustix::fs::mknodat(rustix::fs::CWD, entry, FileType::Fifo, Mode::RUSR, 0).unwrap();
        });
        assert!(elsewhere.exists());
    }

    #[test]
    fn what_cannot_be_removed_is_not_read_and_not_replaced() {
        let kept = Kept::new();
        fs::remove_file(kept.entry()).unwrap();
        fs::create_dir_all(kept.entry().join("inside")).unwrap();
        assert!(kept.cache.get(&kept.key).is_none());
        assert!(kept.cache.put(&kept.key, b"some code").is_err());
        assert_eq!(kept.names(), [file_name(&kept.key)]);
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let kept = Kept::new();
        fs::set_permissions(kept.folder(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Cache::open(kept.app.path()), Err(CacheError::NotPrivate { .. })));
    }

    #[test]
    fn what_is_not_a_folder_is_not_used() {
        let kept = Kept::new();
        let moved = kept.app.path().join("moved");
        fs::rename(kept.folder(), &moved).unwrap();
        symlink(&moved, kept.folder()).unwrap();
        assert!(matches!(Cache::open(kept.app.path()), Err(CacheError::NotAFolder { .. })));
        fs::remove_file(kept.folder()).unwrap();
        fs::write(kept.folder(), "").unwrap();
        assert!(matches!(Cache::open(kept.app.path()), Err(CacheError::NotAFolder { .. })));
    }

    #[test]
    fn a_folder_that_is_moved_into_its_place_later_is_not_used() {
        let kept = Kept::new();
        fs::rename(kept.folder(), kept.app.path().join("moved")).unwrap();
        fs::create_dir(kept.folder()).unwrap();
        kept.cache.put(&kept.key, b"new code").unwrap();
        assert_eq!(kept.code(), b"new code");
        assert_eq!(kept.names(), [""; 0]);
    }

    #[test]
    fn what_was_left_half_written_and_what_nobody_asked_for_is_removed() {
        let kept = Kept::new();
        kept.age(".left.1.2.3", WRITING * 2);
        kept.age(".writing.1.2.3", WRITING / 2);
        kept.age(&file_name("unused"), KEPT * 2);
        kept.age("notes.txt", KEPT * 2);
        // It is asked for now, however old it is.
        kept.age(&file_name(&kept.key), KEPT * 2);
        kept.cache.get(&kept.key).unwrap();
        Cache::open(kept.app.path()).unwrap();
        let mut names = kept.names();
        names.sort();
        assert_eq!(names, [".writing.1.2.3", &file_name(&kept.key), "notes.txt"]);
    }

    #[test]
    fn the_name_depends_on_both_parts() {
        assert_ne!(Cache::key(&[1; 32], b"b"), Cache::key(&[2; 32], b"b"));
        assert_ne!(Cache::key(&[1; 32], b"b"), Cache::key(&[1; 32], b"c"));
    }
}
