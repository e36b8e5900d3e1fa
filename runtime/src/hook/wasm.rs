//! Has a component's bytes at hand: holds them where they are few, and reads them again where they are many.
//!
//! A server needs the bytes to compile them, which it seldom does, and for a snapshot, which it may never do. An
//! interpreter's are 18 MiB, so ten such hooks would hold 180 MiB for nothing. What is read again is compared
//! with the digest of what was read first: it is the same component, or none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// Components up to this size are held: those of Rust and C are, those of interpreters are not.
const HELD_BYTES_MAX: usize = 1 << 20;

/// A component's bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wasm {
    digest: [u8; 32],
    held: Option<Arc<[u8]>>,
    /// Where they lie, if they are not held: the first of these that has them.
    files: Vec<PathBuf>,
}

impl Wasm {
    /// Of a component that is in no file.
    pub fn held(bytes: Vec<u8>) -> Self {
        Self { digest: Sha256::digest(&bytes).into(), held: Some(bytes.into()), files: Vec::new() }
    }

    /// Of a component that was read from this file.
    pub fn read_from(file: &Path, bytes: Vec<u8>) -> Self {
        if bytes.len() <= HELD_BYTES_MAX {
            return Self::held(bytes);
        }
        Self { digest: Sha256::digest(&bytes).into(), held: None, files: vec![file.to_owned()] }
    }

    /// Says that the component will also lie there, once it has taken its place.
    #[must_use]
    pub fn and_in(mut self, file: &Path) -> Self {
        if self.held.is_none() && !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
        self
    }

    /// Their SHA-256.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The bytes. Blocks while it reads them.
    ///
    /// # Errors
    /// If they are not where they were: for each place, that another component lies there by now, or why it
    /// cannot be read.
    pub fn bytes(&self) -> Result<Arc<[u8]>, String> {
        if let Some(bytes) = &self.held {
            return Ok(bytes.clone());
        }
        let mut wrong = Vec::new();
        for file in &self.files {
            let why = match std::fs::read(file) {
                Ok(bytes) if Sha256::digest(&bytes)[..] == self.digest => return Ok(bytes.into()),
                Ok(_) => "has changed since it was read".to_owned(),
                Err(error) => format!("cannot be read again: {error}"),
            };
            wrong.push(format!("{}: {why}", file.display()));
        }
        let wrong = wrong.join("; ");
        Err(format!("{wrong}\nhint: start the server, or deploy the hook, once more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_held_whatever_becomes_of_the_file() {
        let wasm = Wasm::read_from(Path::new("nowhere.wasm"), vec![7; HELD_BYTES_MAX]);
        assert_eq!(wasm.bytes().unwrap()[..], [7; HELD_BYTES_MAX]);
    }

    #[test]
    fn many_bytes_are_read_again_from_wherever_the_same_ones_lie() {
        let folder = tempfile::tempdir().unwrap();
        let (first, last) = (folder.path().join("first"), folder.path().join("last"));
        let bytes = vec![7; HELD_BYTES_MAX + 1];
        std::fs::write(&first, &bytes).unwrap();
        let wasm = Wasm::read_from(&first, bytes.clone()).and_in(&last);
        assert_eq!(wasm.bytes().unwrap()[..], bytes);
        std::fs::write(&first, "another").unwrap();
        let why = wasm.bytes().unwrap_err();
        assert!(why.contains("first: has changed since it was read; "), "{why}");
        assert!(why.contains("last: cannot be read again: No such file"), "{why}");
        assert!(why.ends_with("\nhint: start the server, or deploy the hook, once more"), "{why}");
        std::fs::write(&last, &bytes).unwrap();
        assert_eq!(wasm.bytes().unwrap()[..], bytes);
    }
}
