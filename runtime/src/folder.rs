//! Makes folders of an app's local state: what lies in `.boathook`, which git is to pass over.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Where an app's local state lies, below its folder.
pub(crate) const STATE: &str = ".boathook";

/// Makes a folder with those above it, for the owner alone if it is `private`. Where the state's own folder is
/// made on the way, git passes over it from then on.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make(folder: &Path, private: bool) -> io::Result<()> {
    let state = folder.ancestors().find(|above| above.ends_with(STATE));
    let new = state.filter(|state| !state.exists());
    let mode = if private { 0o700 } else { 0o777 };
    DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    if let Some(state) = new {
        // Nothing is lost where that fails.
        let _ = fs::write(state.join(".gitignore"), "*\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_passes_over_an_apps_state_whatever_is_kept_there_first() {
        for below in ["", "cache", "components"] {
            let app = tempfile::tempdir().unwrap();
            let folder = app.path().join(STATE).join(below);
            make(&folder, false).unwrap();
            let ignored = app.path().join(STATE).join(".gitignore");
            assert_eq!(fs::read_to_string(&ignored).unwrap(), "*\n");
            // Who removes it wants it so.
            fs::remove_file(&ignored).unwrap();
            make(&folder, false).unwrap();
            assert!(!ignored.exists());
        }
    }

    #[test]
    fn a_folder_of_somebody_else_is_none_of_gits_business() {
        let app = tempfile::tempdir().unwrap();
        make(&app.path().join("hooks/x"), false).unwrap();
        assert_eq!(fs::read_dir(app.path().join("hooks")).unwrap().count(), 1);
    }
}
