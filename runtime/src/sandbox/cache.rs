//! Keeps compiled components on the disk, so that a hook is compiled once and not at every start.
//!
//! An entry's name is a hash of all that its content depends on: the component, the compiler with its
//! version and settings, the processor. Its content begins with a hash of the rest, so that an entry
//! that was cut short, or changed, is seen for what it is and made anew. Entries are written to a
//! temporary file and renamed: there is a whole one or none.
//!
//! Compiled code is trusted completely by whoever loads it. So the folder is private to this user, is
//! not used if it is not, and nothing from outside is ever put into it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

/// Where it lies below the app folder.
pub const FOLDER: &str = ".boathook/cache";
const DIGEST_BYTES: usize = 32;

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
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
    /// Others may write there, and so decide what code this process runs.
    #[error("{}: others may write to it\nhint: remove it, or `chmod 700` it", folder.display())]
    NotPrivate {
        /// Where.
        folder: PathBuf,
    },
}

impl Cache {
    /// The cache of an app; made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or is not private.
    pub fn open(app: &Path) -> Result<Self, CacheError> {
        let folder = app.join(FOLDER);
        let unusable = |source| CacheError::Unusable { folder: folder.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(unusable)?;
        let found = fs::metadata(&folder).map_err(unusable)?;
        if found.mode() & 0o022 != 0 || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(CacheError::NotPrivate { folder });
        }
        Ok(Self { folder })
    }

    /// The name of an entry: a hash of the component and of everything else that counts.
    pub(super) fn key(wasm: &[u8], circumstances: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update((circumstances.len() as u64).to_le_bytes());
        hash.update(circumstances);
        hash.update(wasm);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The compiled component of this name; none if there is none, or if it is not whole.
    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut entry = fs::read(&path).ok()?;
        let whole = entry.len() > DIGEST_BYTES
            && Sha256::digest(&entry[DIGEST_BYTES..])[..] == entry[..DIGEST_BYTES];
        if !whole {
            tracing::warn!("{}: is damaged, and will be made anew", path.display());
            let _ = fs::remove_file(&path);
            return None;
        }
        entry.drain(..DIGEST_BYTES);
        Some(entry)
    }

    /// Keeps a compiled component.
    ///
    /// # Errors
    /// If it cannot be written: a full disk, a folder that is read-only. The old entry stays.
    pub(super) fn put(&self, key: &str, compiled: &[u8]) -> std::io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!(".{key}.{}.{number}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&temporary).and_then(
            |mut file| {
                file.write_all(&Sha256::digest(compiled))?;
                file.write_all(compiled)?;
                file.sync_all()
            },
        );
        let renamed = written.and_then(|()| fs::rename(&temporary, self.path(key)));
        if renamed.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        renamed
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.cwasm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_was_put_is_got_and_nothing_else_lies_around() {
        let app = tempfile::tempdir().unwrap();
        let cache = Cache::open(app.path()).unwrap();
        let key = Cache::key(b"wasm", b"here");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, b"code").unwrap();
        assert_eq!(cache.get(&key).unwrap(), b"code");
        assert_eq!(fs::read_dir(app.path().join(FOLDER)).unwrap().count(), 1);
    }

    #[test]
    fn an_entry_that_is_not_whole_is_none() {
        let app = tempfile::tempdir().unwrap();
        let cache = Cache::open(app.path()).unwrap();
        let key = Cache::key(b"wasm", b"here");
        cache.put(&key, b"some code").unwrap();
        let whole = fs::read(cache.path(&key)).unwrap();
        for length in 0..whole.len() {
            fs::write(cache.path(&key), &whole[..length]).unwrap();
            assert_eq!(cache.get(&key), None, "{length}");
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(cache.path(&key), flipped).unwrap();
        assert_eq!(cache.get(&key), None);
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let app = tempfile::tempdir().unwrap();
        Cache::open(app.path()).unwrap();
        let folder = app.path().join(FOLDER);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Cache::open(app.path()), Err(CacheError::NotPrivate { .. })));
    }

    #[test]
    fn the_name_depends_on_both_parts() {
        assert_ne!(Cache::key(b"ab", b"c"), Cache::key(b"a", b"bc"));
        assert_ne!(Cache::key(b"a", b"b"), Cache::key(b"a", b"c"));
    }
}
