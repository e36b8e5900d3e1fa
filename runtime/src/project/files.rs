//! Reads and writes the files of projects: with bounds, and so that whoever looks finds a whole one or none.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct FileError {
    path: PathBuf,
    what: &'static str,
    source: io::Error,
}

impl FileError {
    pub(super) fn reading(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), what: "cannot be read", source }
    }

    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), what: "cannot be written", source }
    }
}

/// The largest file that is taken for a component or a core module: ten times an interpreter.
const WASM_MAX: u64 = 256 << 20;
/// What both begin with.
const WASM: &[u8] = b"\0asm";

/// Reads a component or a core module.
///
/// # Errors
/// If it cannot be read, or is too large to be either.
pub fn read_wasm(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error| FileError::reading(path, error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > WASM_MAX {
        let much = format!("it has {length} bytes, and {WASM_MAX} are the most");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, much)));
    }
    fs::read(path).map_err(failed)
}

/// Writes a file, its folders with it, and puts it into its place in one step: a server that looks at that
/// moment finds the old one or the new one. A link stays, and what it leads to is written.
///
/// # Errors
/// If it cannot be written, or something else than a file is there.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |error| FileError::writing(path, error);
    let path = &place(path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that no server takes it for a hook, and of this process alone.
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// The same for a component, which replaces nothing but WebAssembly and empty files: a mistyped name costs
/// nobody a file.
///
/// # Errors
/// The same, and if something else than WebAssembly is in the file.
pub fn put_wasm(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |error| FileError::writing(path, error);
    if place(path).map_err(failed)?.is_file() {
        let mut begin = Vec::new();
        let there = fs::File::open(path).map_err(failed)?;
        there.take(WASM.len() as u64).read_to_end(&mut begin).map_err(failed)?;
        if !begin.is_empty() && begin != WASM {
            return Err(failed(io::Error::other("the file that is there is not WebAssembly")));
        }
    }
    put(path, bytes)
}

/// Where a file is to be put that a path names: where its links lead, if it is one. A device must never
/// be replaced by a file, nor a link that somebody relies on.
fn place(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let path = path.canonicalize()?;
    if path.metadata()?.is_file() {
        return Ok(path);
    }
    Err(io::Error::other("something is there that is no file"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_put_in_place_of_the_old_one_and_nothing_stays_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/down/hook.wasm");
        put(&path, b"old").unwrap();
        put(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("core.wasm");
        fs::File::create(&path).unwrap().set_len(WASM_MAX + 1).unwrap();
        let error = std::error::Error::source(&read_wasm(&path).unwrap_err()).unwrap().to_string();
        assert!(error.ends_with("268435456 are the most"), "{error}");
    }

    #[test]
    fn a_link_stays_and_what_is_no_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.wasm"), dir.path().join("link.wasm"));
        put(&file, b"old").unwrap();
        symlink(&file, &link).unwrap();
        put(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let device = put(Path::new("/dev/null"), b"").unwrap_err();
        assert_eq!(device.source.to_string(), "something is there that is no file");
        symlink("nowhere", dir.path().join("lost")).unwrap();
        assert!(put(&dir.path().join("lost"), b"").is_err());
    }

    #[test]
    fn a_component_replaces_webassembly_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("main.rs");
        fs::write(&path, "fn main() {}").unwrap();
        let error = put_wasm(&path, b"\0asm").unwrap_err();
        assert_eq!(error.source.to_string(), "the file that is there is not WebAssembly");
        assert_eq!(fs::read(&path).unwrap(), b"fn main() {}");
        for there in [&b""[..], b"\0asm and more"] {
            fs::write(&path, there).unwrap();
            put_wasm(&path, b"\0asm").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"\0asm");
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("hook.wasm")).unwrap();
        let error = put(&dir.path().join("hook.wasm"), b"").unwrap_err().to_string();
        assert!(error.contains("hook.wasm: cannot be written"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
