//! The edge: which files are read, and what happens to those that cannot be.

use std::path::PathBuf;

use super::super::files::decode;
use super::super::{Sources, load, survey};

/// A folder of its own for one test, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, files: &[(&str, &[u8])]) -> Self {
        let dir = std::env::temp_dir().join(format!("boathook-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        for (name, bytes) in files {
            std::fs::write(dir.join(name), bytes).expect("a file");
        }
        Self(dir)
    }

    fn sources(&self, environment: Option<&str>) -> Sources {
        let environment = environment.map(str::to_owned);
        Sources { dir: self.0.clone(), environment, ..Sources::default() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_survey_goes_on_after_a_mistake_but_not_without_a_layer() {
    let folder = Folder::new("survey", &[("boathook.toml", b"drain = 'x'\naccess_log = true")]);
    let (config, problems) = survey(&folder.sources(None)).expect("a configuration");
    assert!(config.server.access_log);
    assert_eq!(problems.0.len(), 1);
    assert_eq!(load(&folder.sources(None)), Err(problems));
    let folder = Folder::new("survey-torn", &[("boathook.toml", b"access_log = ")]);
    assert_eq!(survey(&folder.sources(None)).expect_err("no configuration").0.len(), 1);
}

#[test]
fn a_folder_without_files_is_all_defaults() {
    let folder = Folder::new("empty", &[]);
    let config = load(&folder.sources(None)).expect("defaults");
    assert_eq!(config.environment, "development");
    assert_eq!(config.server.hooks_dir, folder.0.join("hooks"));
}

#[test]
fn the_environment_chooses_the_second_file() {
    let folder = Folder::new(
        "environment",
        &[
            ("boathook.toml", b"listen = ':1'".as_slice()),
            ("boathook.production.toml", b"listen = ':2'"),
            ("boathook.development.toml", b"listen = ':3'"),
        ],
    );
    let port = |sources: &Sources| {
        let config = load(sources).expect("a configuration");
        (config.server.listen.port, config.environment)
    };
    assert_eq!(port(&folder.sources(None)), (3, "development".into()));
    assert_eq!(port(&folder.sources(Some("production"))), (2, "production".into()));
    let mut sources = folder.sources(None);
    sources.vars = vec![("BOATHOOK_ENV".into(), "production".into())];
    assert_eq!(port(&sources), (2, "production".into()));
    sources.environment = Some("staging".to_owned());
    assert_eq!(port(&sources), (1, "staging".into()));
}

#[test]
fn an_environment_is_a_word_and_no_path() {
    let folder = Folder::new("word", &[]);
    for wrong in ["../x", "", "a b", "a.b", "a/b"] {
        let text = load(&folder.sources(Some(wrong))).expect_err("refused").to_string();
        assert!(text.starts_with("--env: an environment is letters, digits"), "{text}");
    }
}

#[test]
fn a_file_that_is_not_utf8_names_the_line() {
    let folder = Folder::new("utf8", &[("boathook.toml", b"a = 1\nb = '\xff'\n".as_slice())]);
    assert_eq!(
        load(&folder.sources(None)).expect_err("refused").to_string(),
        "boathook.toml:2: not valid UTF-8\nhint: save the file as UTF-8"
    );
    assert_eq!(decode(b"\xff".to_vec()), Err(1));
    assert_eq!(decode("é\n".into()), Ok("é\n".to_owned()));
}

#[test]
fn a_file_that_cannot_be_read_names_its_path() {
    let folder = Folder::new("unreadable", &[]);
    std::fs::create_dir_all(folder.0.join("boathook.toml")).expect("a folder in its place");
    let text = load(&folder.sources(None)).expect_err("refused").to_string();
    assert!(text.starts_with("boathook.toml: cannot read `"), "{text}");
    let mut sources = folder.sources(None);
    sources.dir = folder.0.join("missing");
    let text = load(&sources).expect_err("refused").to_string();
    assert!(text.starts_with("no such folder: "), "{text}");
}

#[test]
fn mistakes_of_all_files_are_reported_at_once() {
    let folder = Folder::new(
        "all",
        &[("boathook.toml", b"a = ".as_slice()), ("boathook.development.toml", b"b = ")],
    );
    let problems = load(&folder.sources(None)).expect_err("refused");
    assert_eq!(problems.0.len(), 2, "{problems}");
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let folder = Folder::new("mark", &[("boathook.toml", b"\xef\xbb\xbflisten = ':9'".as_slice())]);
    assert_eq!(load(&folder.sources(None)).expect("a configuration").server.listen.port, 9);
}
