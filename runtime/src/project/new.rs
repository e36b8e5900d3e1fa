//! Writes a new hook's folder: the template of its language, and the bindings of this version.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{FileError, put};
use super::{Language, bindings, build, quoted};
use crate::config::{CUSTOM, is_ours};
use crate::hook::find::MANIFEST_FILE;

/// What a hook is called in the templates, whose files are those of a hook that works.
const PLACEHOLDER: &str = "my-hook";
/// What the templates call the file whose own name would have an effect where they lie.
const GITIGNORE: (&str, &str) = ("gitignore", ".gitignore");
/// What is in it where a template has none.
const IGNORED: &str = ".boathook/\n/build\n/hook.wasm\n/node_modules\n/target\n__pycache__\n";
/// How the templates call their SDK's folder, where they are used without this command.
const SDK_ELSEWHERE: &str = "../boathook/guest-sdk/";
/// Names that the folder of a new hook uses itself.
const TAKEN: [&str; 2] = [bindings::SDK, "hook"];
/// The longest name: short enough for a file's, and for a manifest's.
const NAME_MAX: usize = 64;

/// Why no folder was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// It is not a name that all languages take.
    #[error(
        "`{0}` cannot be the name of a new hook\n\
         hint: at most {NAME_MAX} lower-case letters, digits and `-`, beginning with a letter, such as \
         `rate-limit`"
    )]
    Name(String),
    /// It would have a config key that is not to be had.
    #[error(
        "`{0}` cannot be the name of a hook: in boathook.toml it means something else\n\
         hint: take another name, such as `my-{0}`"
    )]
    Reserved(String),
    /// Something else in its folder is called that.
    #[error(
        "`{0}` cannot be the name of a new hook: something in its folder is called that\n\
         hint: take another name, such as `my-{0}`"
    )]
    Taken(String),
    /// There is something already.
    #[error("{}: is there already, and not empty\nhint: take another name, or --dir", .0.display())]
    Exists(PathBuf),
    /// This program has no files for it.
    #[error("there is no template for `{0}` in this boathook")]
    Language(Language),
    /// The disk refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bindings could not be written.
    #[error("{0}")]
    Bindings(String),
}

/// Writes the folder of a new hook. Gives back what is the author's own in it, by its path in the folder.
///
/// # Errors
/// If the name is not to be had, or the folder is not empty, or cannot be written.
pub fn write(name: &str, language: Language, folder: &Path) -> Result<Vec<PathBuf>, NewError> {
    check(name)?;
    if !is_free(folder)? {
        return Err(NewError::Exists(folder.to_owned()));
    }
    whole(folder, |folder| fill(name, language, folder))
}

/// Has a folder written whole, or not at all.
fn whole<T>(folder: &Path, fill: impl FnOnce(&Path) -> Result<T, NewError>) -> Result<T, NewError> {
    if folder.is_dir() {
        // It is empty, and stays: somebody may be in it.
        return fill(folder).inspect_err(|_| clear(folder));
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that no server takes it for a hook.
    let beside = folder.with_file_name(format!(".{name}.tmp{}", std::process::id()));
    let filled = fill(&beside).and_then(|filled| {
        fs::rename(&beside, folder).map_err(|error| FileError::writing(folder, error))?;
        Ok(filled)
    });
    filled.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

/// Removes what is in a folder, as far as it can be.
fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

fn fill(name: &str, language: Language, folder: &Path) -> Result<Vec<PathBuf>, NewError> {
    let Some(sdk) = language.sdk() else { return Err(NewError::Language(language)) };
    let mut written = Vec::new();
    for file in sdk.template(language.template()) {
        let path = renamed(file.path);
        let mut bytes = filled(file.bytes, name, sdk.folder);
        if path == Path::new(MANIFEST_FILE) && !bytes.starts_with(b"#:schema") {
            bytes.splice(0..0, format!("#:schema ./{}\n", bindings::SCHEMA).into_bytes());
        }
        put(&folder.join(&path), &bytes)?;
        written.push(path);
    }
    let ignored = PathBuf::from(GITIGNORE.1);
    if !written.contains(&ignored) {
        put(&folder.join(&ignored), IGNORED.as_bytes())?;
        written.push(ignored);
    }
    let exports: Vec<String> = bindings::EXPORTS.iter().map(ToString::to_string).collect();
    bindings::write(language, folder, &exports)
        .map_err(|error| NewError::Bindings(format!("{error:#}")))?;
    Ok(written)
}

/// What has to be typed once before the new hook in a folder can be built; none where its build command sees
/// to it, or there is nothing to be installed.
pub fn preparation(language: Language, folder: &Path) -> Option<String> {
    let installs = |command: String| command.contains("install");
    if build::command(folder).is_ok_and(installs) {
        return None;
    }
    let inside = |path: &str| quoted(&folder.join(path));
    match language {
        Language::JavaScript | Language::TypeScript => {
            Some(format!("npm install --prefix {}", quoted(folder)))
        }
        Language::Python => {
            let (tools, pip) = (inside(".venv"), inside(".venv/bin/pip"));
            let sdk = Path::new(bindings::SDK);
            let list = quoted(&folder.join(sdk).join("requirements.txt"));
            let sdk = quoted(&folder.join(sdk));
            Some(format!("python3 -m venv {tools} && {pip} install -r {list} -e {sdk}"))
        }
        Language::Rust | Language::C | Language::Go => None,
    }
}

fn check(name: &str) -> Result<(), NewError> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(legal)
        && !name.ends_with('-')
        && !name.contains("--");
    if !is_name {
        return Err(NewError::Name(name.to_owned()));
    }
    if TAKEN.contains(&name) {
        return Err(NewError::Taken(name.to_owned()));
    }
    if is_ours(name) || name == CUSTOM {
        return Err(NewError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// Whether a folder can be written into without touching what is somebody's.
fn is_free(folder: &Path) -> Result<bool, FileError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(FileError::reading(folder, error)),
    }
}

fn renamed(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.file_name().is_some_and(|name| name == GITIGNORE.0) {
        return path.with_file_name(GITIGNORE.1);
    }
    path.to_owned()
}

/// A file of a template with the hook's name in it, and with the SDK that lies in its folder; what is no
/// text stays as it is.
fn filled(bytes: &[u8], name: &str, sdk: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let here = format!("./{}", bindings::SDK);
            let text = text.replace(&format!("{SDK_ELSEWHERE}{sdk}"), &here);
            text.replace(PLACEHOLDER, name).into_bytes()
        }
        Err(_) => bytes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{cases, manifest};

    #[test]
    fn names_that_some_language_or_the_configuration_would_refuse_are_refused_here() {
        for good in ["hello", "rate-limit", "a1"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "Hello", "1a", "-a", "a-", "a--b", "a_b", "a.b", "../a", "a/b", &long] {
            assert!(matches!(check(bad), Err(NewError::Name(_))), "{bad}");
        }
        for reserved in ["session", "routes", "kv", "custom", "sockets"] {
            assert!(matches!(check(reserved), Err(NewError::Reserved(_))), "{reserved}");
        }
        for taken in TAKEN {
            assert!(matches!(check(taken), Err(NewError::Taken(_))), "{taken}");
        }
    }

    #[test]
    fn every_language_has_a_whole_template() {
        for language in Language::available() {
            let dir = tempfile::tempdir().unwrap();
            let folder = dir.path().join("greeter");
            let written = write("greeter", language, &folder).unwrap();
            assert!(written.contains(&PathBuf::from(".gitignore")), "{language}: {written:?}");
            let text = fs::read_to_string(folder.join("hook.toml")).unwrap();
            let manifest = manifest::parse(&text, "hook.toml").unwrap();
            let build = manifest.build.expect("a template says how it is built");
            assert!(build.command.is_some(), "{language}");
            for path in build.watch {
                assert!(folder.join(&path).exists(), "{language}: watches `{path}`");
            }
            assert!(text.starts_with(&format!("#:schema ./{}\n", bindings::SCHEMA)), "{language}");
            let path = folder.join("tests/hello.toml");
            let cases = cases::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
            assert!(!cases.is_empty(), "{language}");
            for path in written {
                let text = fs::read_to_string(folder.join(&path)).unwrap_or_default();
                let is_filled = !text.contains(PLACEHOLDER) && !text.contains(SDK_ELSEWHERE);
                assert!(is_filled, "{language}: {}", path.display());
            }
        }
    }

    #[test]
    fn a_folder_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let fails = |folder: &Path| -> Result<(), NewError> {
            put(&folder.join("src/lib.rs"), b"")?;
            put(&folder.join("hook.toml"), b"")?;
            Err(NewError::Language(Language::C))
        };
        assert!(whole(&dir.path().join("greeter"), fails).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // One that was there stays, and is as empty as it was.
        assert!(whole(dir.path(), fails).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "").unwrap();
        for folder in [dir.path().to_owned(), dir.path().join("mine")] {
            let error = write("greeter", Language::Rust, &folder).unwrap_err();
            assert!(matches!(error, NewError::Exists(_)), "{error}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        // An empty folder is as good as none.
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        assert!(write("greeter", Language::Rust, &empty).is_ok());
    }
}
