//! Keeps what was deployed: components by their digest, which hook was which of them, and who did what when.
//!
//! - `.boathook/components/<sha256>.wasm`: what hooks are and have been, each checked when it is read;
//! - `boathook.lock`: for each deployed hook its digests, the newest first; and what was said of hooks while they
//!   served, which is part of the configuration;
//! - `.boathook/audit.log`: a JSON object a line for every attempt, whatever came of it.
//!
//! Each file is written beside its place and renamed into it: whoever is killed leaves a whole one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::{LOCK_FILE, LOCK_VERSION, Overrides};
use crate::folder;

/// Components that a hook can be taken back to.
const KEPT: usize = 5;
/// From this size on the audit log begins anew; the one before stays as `audit.log.1`.
const AUDIT_BYTES_MAX: u64 = 4 << 20;
/// Hooks of which a history is kept. More than any app has.
const HOOKS_MAX: usize = 1_000;

/// SHA-256 of a component, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

/// The records of one app.
#[derive(Debug)]
pub(super) struct Records {
    app: PathBuf,
    /// None until it is needed.
    lock: Option<Lock>,
}

/// What somebody tried to do with a hook.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried {
    /// What it is called in commands.
    pub(super) action: &'static str,
    pub(super) hook: String,
    /// The component, if it was about one.
    pub(super) digest: Option<Digest>,
    /// The limits, if it was about some.
    pub(super) limits: Option<BTreeMap<String, Value>>,
}

/// What stands in `boathook.lock`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    version: u32,
    hooks: BTreeMap<String, Vec<Digest>>,
    #[serde(default)]
    overrides: Overrides,
}

/// The version of one that made no sense, until it is written anew.
const NONSENSE: u32 = 0;

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(<[u8; 32]>::from(Sha256::digest(bytes)))
    }

    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then_some(Self(text))
    }

    /// Enough of it to tell it from others.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no SHA-256"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Records {
    pub(super) fn of(app: &Path) -> Self {
        Self { app: app.to_owned(), lock: None }
    }

    fn state(&self) -> PathBuf {
        self.app.join(folder::STATE)
    }

    fn component(&self, digest: &Digest) -> PathBuf {
        component(&self.app, digest)
    }

    /// Keeps a component, whose digest this is.
    pub(super) fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), String> {
        let path = self.component(digest);
        match fs::read(&path) {
            Ok(there) if there == bytes => Ok(()),
            _ => write(&path, bytes),
        }
    }

    /// What a hook has been, the newest first.
    ///
    /// # Errors
    /// If that cannot be read.
    pub(super) fn history(&mut self, hook: &str) -> Result<Vec<Digest>, String> {
        Ok(self.lock()?.hooks.get(hook).cloned().unwrap_or_default())
    }

    /// What a hook was before it was what it `runs` as, or the one of its components whose digest begins with
    /// `to`.
    pub(super) fn earlier(
        &mut self,
        hook: &str,
        runs: Option<&Digest>,
        to: Option<&str>,
    ) -> Result<Digest, String> {
        let mut history = self.history(hook)?;
        history.retain(|digest| runs != Some(digest));
        let named = |digest: &&Digest| to.is_none_or(|to| digest.0.starts_with(to));
        let mut found = history.iter().filter(named);
        let digest = match (found.next(), to) {
            (Some(digest), None) => digest,
            (Some(digest), Some(to)) if found.next().is_some() => {
                return Err(format!("`{to}` may be {digest} or another\nhint: name more digits"));
            }
            (Some(digest), Some(_)) => digest,
            (None, None) => return Err("nothing was deployed over another component".into()),
            (None, Some(to)) => {
                let kept: Vec<&str> = history.iter().map(Digest::short).collect();
                return Err(format!("none that begins with `{to}` is kept: {}", kept.join(", ")));
            }
        };
        let path = self.component(digest);
        match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == *digest => Ok(digest.clone()),
            Ok(_) => Err(format!("{}: it is not what was kept there", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Notes what was said of hooks while they served.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn put_overrides(&mut self, overrides: Overrides) -> Result<(), String> {
        let lock = Lock { version: LOCK_VERSION, overrides, ..self.lock()?.clone() };
        self.write(lock)
    }

    /// Puts a component that is kept into the place of a hook's, and notes that it is the newest. `overrides` is
    /// what was said of hooks: somebody may have changed the file since it was read here.
    ///
    /// # Errors
    /// What cannot be written; then everything is as it was.
    pub(super) fn put(
        &mut self,
        hook: &str,
        now: &Digest,
        place: &Path,
        overrides: Overrides,
    ) -> Result<(), String> {
        let path = self.component(now);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let undo = Lock { overrides, ..self.lock()?.clone() };
        self.lock = Some(undo.clone());
        self.served(hook, fs::read(place).ok().as_deref(), now)?;
        write(place, &bytes).inspect_err(|_| {
            if let Err(error) = self.write(undo) {
                tracing::error!("{error}");
            }
        })
    }

    /// Notes that a hook is about to be another component than the one that lies in its place.
    fn served(&mut self, hook: &str, before: Option<&[u8]>, now: &Digest) -> Result<(), String> {
        let before = before.map(|bytes| (Digest::of(bytes), bytes));
        if let Some((digest, bytes)) = &before {
            self.keep(digest, bytes)?;
        }
        let mut lock = Lock { version: LOCK_VERSION, ..self.lock()?.clone() };
        let history = lock.hooks.entry(hook.to_owned()).or_default();
        for digest in before.iter().map(|(digest, _)| digest).chain([now]) {
            history.retain(|known| known != digest);
            history.insert(0, digest.clone());
        }
        history.truncate(KEPT + 1);
        while lock.hooks.len() > HOOKS_MAX {
            lock.hooks.pop_first();
        }
        self.write(lock)
    }

    fn write(&mut self, lock: Lock) -> Result<(), String> {
        let whole = Lock { version: LOCK_VERSION, ..lock.clone() };
        let text = serde_json::to_string_pretty(&whole).map_err(|error| error.to_string())?;
        write(&self.app.join(LOCK_FILE), format!("{text}\n").as_bytes())?;
        self.lock = Some(lock);
        Ok(())
    }

    /// What stands in the lock file. One that makes no sense is begun anew: a history is no reason not to
    /// deploy. One that cannot be read may be whole, and is left alone.
    fn lock(&mut self) -> Result<&Lock, String> {
        let path = self.app.join(LOCK_FILE);
        if self.lock.is_none() {
            self.lock = Some(match fs::read(&path) {
                Ok(text) => Lock::parse(&text).unwrap_or_else(|error| {
                    tracing::warn!("{}: {error}: it is begun anew", path.display());
                    Lock { version: NONSENSE, ..Lock::empty() }
                }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Lock::empty(),
                Err(error) => return Err(format!("{}: {error}", path.display())),
            });
        }
        Ok(self.lock.get_or_insert_with(Lock::empty))
    }

    /// Removes components that no hook is or was, if that is known.
    pub(super) fn forget_others(&mut self) {
        let Ok(lock) = self.lock() else { return };
        if lock.version == NONSENSE {
            return;
        }
        let known: BTreeSet<Digest> = lock.hooks.values().flatten().cloned().collect();
        let known: BTreeSet<PathBuf> = known.iter().map(|digest| self.component(digest)).collect();
        let entries = fs::read_dir(self.state().join("components")).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| !known.contains(path)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!("{}: cannot be removed: {error}", path.display());
            }
        }
    }

    /// Writes down what was tried and what came of it.
    pub(super) fn note(&self, tried: &Tried, error: Option<&str>) {
        let Tried { action, hook, digest, limits } = tried;
        let short = digest.as_ref().map(Digest::short);
        match error {
            None => tracing::info!(hook, digest = short, "{action}: took over"),
            Some(error) => tracing::error!(hook, digest = short, "{action}: {error}"),
        }
        let line = json!({
            "at": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            "action": action,
            "hook": hook,
            "digest": digest,
            "limits": limits,
            "error": error,
        });
        let path = self.state().join("audit.log");
        if fs::metadata(&path).is_ok_and(|file| file.len() > AUDIT_BYTES_MAX) {
            let _ = fs::rename(&path, path.with_extension("log.1"));
        }
        let file = folder::make(&self.state(), false)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&path));
        if let Err(error) = file.and_then(|mut file| writeln!(file, "{line}")) {
            tracing::error!("{}: {error}", path.display());
        }
    }
}

impl Lock {
    fn empty() -> Self {
        Self { version: LOCK_VERSION, hooks: BTreeMap::new(), overrides: Overrides::new() }
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let lock: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match lock.version {
            LOCK_VERSION => Ok(lock),
            version => Err(format!("version {version}")),
        }
    }
}

/// Where a component of this app is kept.
pub(super) fn component(app: &Path, digest: &Digest) -> PathBuf {
    app.join(folder::STATE).join("components").join(format!("{digest}.wasm"))
}

/// Writes a file as a whole or not at all, and so that it is there after a loss of power.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A name that no search for hooks finds, and the same each time: whoever was killed leaves one file.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.tmp"));
    let write = || {
        folder::make(folder, false)?;
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        format!("{}: {error}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> (tempfile::TempDir, Records) {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::of(dir.path());
        (dir, records)
    }

    fn bytes(records: &Records, digest: &Digest) -> Vec<u8> {
        fs::read(records.component(digest)).unwrap()
    }

    /// Puts these components one after the other into the place of the hook `a`.
    fn serve(records: &mut Records, components: &[&str]) {
        for component in components {
            let digest = Digest::of(component.as_bytes());
            records.keep(&digest, component.as_bytes()).unwrap();
            let place = records.app.join("a.wasm");
            records.put("a", &digest, &place, Overrides::new()).unwrap();
            records.forget_others();
        }
    }

    fn earlier(records: &mut Records, to: Option<&str>) -> Result<String, String> {
        let runs = fs::read(records.app.join("a.wasm")).ok().map(|bytes| Digest::of(&bytes));
        let digest = records.earlier("a", runs.as_ref(), to)?;
        Ok(String::from_utf8(bytes(records, &digest)).unwrap())
    }

    #[test]
    fn what_a_hook_was_before_is_found_again_by_another_process() {
        let (dir, mut records) = records();
        serve(&mut records, &["one", "two"]);
        assert_eq!(earlier(&mut Records::of(dir.path()), None), Ok("one".into()));
    }

    #[test]
    fn going_back_twice_is_where_one_was() {
        let (_dir, mut records) = records();
        serve(&mut records, &["one", "two", "one"]);
        assert_eq!(earlier(&mut records, None), Ok("two".into()));
        serve(&mut records, &["two"]);
        assert_eq!(earlier(&mut records, None), Ok("one".into()));
    }

    #[test]
    fn any_that_is_kept_can_be_named_by_its_first_digits() {
        let (_dir, mut records) = records();
        serve(&mut records, &["one", "two", "three"]);
        let one = Digest::of(b"one");
        assert_eq!(earlier(&mut records, Some(one.short())), Ok("one".into()));
        assert!(earlier(&mut records, Some("")).unwrap_err().contains("name more digits"));
        assert!(earlier(&mut records, Some("zz")).unwrap_err().contains(one.short()));
    }

    #[test]
    fn so_many_are_kept_and_no_file_more() {
        let (dir, mut records) = records();
        let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        serve(&mut records, &all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(records.history("a").unwrap().len(), KEPT + 1);
        let files = fs::read_dir(dir.path().join(".boathook/components")).unwrap();
        assert_eq!(files.count(), KEPT + 1);
    }

    #[test]
    fn what_runs_is_no_way_back_and_what_was_deployed_last_is_one_if_something_else_runs() {
        let (dir, mut records) = records();
        serve(&mut records, &["one", "two"]);
        fs::write(dir.path().join("a.wasm"), "by hand").unwrap();
        assert_eq!(earlier(&mut records, None), Ok("two".into()));
    }

    #[test]
    fn a_lock_file_that_cannot_be_read_costs_no_component() {
        let (dir, mut records) = records();
        serve(&mut records, &["one", "two"]);
        let lock = dir.path().join("boathook.lock");
        fs::rename(&lock, dir.path().join("aside")).unwrap();
        fs::create_dir(&lock).unwrap();
        let mut other = Records::of(dir.path());
        other.forget_others();
        assert!(earlier(&mut other, None).unwrap_err().contains("boathook.lock"));
        fs::remove_dir(&lock).unwrap();
        fs::rename(dir.path().join("aside"), &lock).unwrap();
        assert_eq!(earlier(&mut other, None), Ok("one".into()));
    }

    #[test]
    fn a_component_that_was_changed_on_the_disk_is_not_taken() {
        let (_dir, mut records) = records();
        serve(&mut records, &["one", "two"]);
        fs::write(records.component(&Digest::of(b"one")), "something else").unwrap();
        assert!(earlier(&mut records, None).unwrap_err().contains("not what was kept there"));
    }

    #[test]
    fn a_lock_file_that_is_broken_or_of_another_version_is_begun_anew() {
        for text in
            ["", "{", "{\"version\":2,\"hooks\":{}}", "{\"version\":1,\"hooks\":{\"a\":[\"1\"]}}"]
        {
            let (dir, mut records) = records();
            fs::write(dir.path().join("boathook.lock"), text).unwrap();
            assert!(earlier(&mut records, None).is_err());
            records.keep(&Digest::of(b"kept"), b"kept").unwrap();
            records.forget_others();
            assert_eq!(bytes(&records, &Digest::of(b"kept")), b"kept", "{text}");
            serve(&mut records, &["one", "two"]);
            assert_eq!(earlier(&mut Records::of(dir.path()), None), Ok("one".into()), "{text}");
        }
    }
}
