//! Hands out the files that this program carries: the WIT package, the SDKs, and their templates. The build
//! script gathers them.

/// A file that was here when this program was built.
#[derive(Debug)]
pub(super) struct File {
    /// From its folder on.
    pub(super) path: &'static str,
    pub(super) bytes: &'static [u8],
}

/// A folder of `guest-sdk/`.
#[derive(Debug)]
pub(super) struct Sdk {
    pub(super) folder: &'static str,
    /// The SDK itself, without its tests and examples.
    pub(super) files: &'static [File],
    /// What new hooks begin with; the first part of a path says which template it is of.
    pub(super) templates: &'static [File],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

impl Sdk {
    /// The files of one of its templates, with their paths in it.
    pub(super) fn template(&self, name: &str) -> Vec<File> {
        let below = |file: &File| file.path.strip_prefix(name)?.strip_prefix('/');
        let files = self.templates.iter();
        files.filter_map(|file| Some(File { path: below(file)?, bytes: file.bytes })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wit_package_and_the_rust_sdk_are_here() {
        assert!(WIT.iter().any(|file| file.path == "world.wit"));
        let rust = SDKS.iter().find(|sdk| sdk.folder == "rust").unwrap();
        assert!(rust.files.iter().any(|file| file.path == "src/lib.rs"));
        assert!(!rust.files.iter().any(|file| file.path.starts_with("tests/")));
        assert!(rust.template("template").iter().any(|file| file.path == "src/lib.rs"));
        assert_eq!(rust.template("templ").len(), 0);
    }
}
