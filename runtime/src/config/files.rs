//! Reads the configuration files: the one place in this module that touches the file system.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::problem::{Origin, Problem, Problems};

/// The file for every environment, in the app folder.
pub const FILE: &str = "boathook.toml";

/// No configuration is larger; something else was named, or grows.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A configuration file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// What messages call it: its name, for it always stands in the app folder.
    pub(super) label: String,
    pub(super) text: String,
}

/// The name of an environment's own file.
pub(super) fn of_environment(environment: &str) -> String {
    format!("boathook.{environment}.toml")
}

/// Reads those of the files that exist, in this order.
pub(super) fn read(dir: &Path, names: &[String], problems: &mut Problems) -> Vec<Text> {
    if !dir.is_dir() {
        problems.push(Problem::new(format!("no such folder: {}", dir.display())));
        return Vec::new();
    }
    let mut texts = Vec::new();
    for name in names {
        match read_one(&dir.join(name), name) {
            Ok(text) => texts.extend(text),
            Err(problem) => problems.push(problem),
        }
    }
    texts
}

/// Reads a file, if it exists; `name` is what messages call it.
pub(super) fn read_one(path: &Path, name: &str) -> Result<Option<Text>, Problem> {
    let at = |line| Origin::File { file: name.into(), line };
    let unreadable = |error: std::io::Error| {
        Problem::new(format!("cannot read `{}`: {error}", path.display())).at(at(0))
    };
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("larger than {FILE_BYTES_MAX} bytes: `{}`", path.display());
        return Err(Problem::new(message).at(at(0)));
    }
    decode(bytes).map_or_else(
        |line| Err(Problem::new("not valid UTF-8").at(at(line)).hint("save the file as UTF-8")),
        |text| Ok(Some(Text { label: name.to_owned(), text })),
    )
}

/// The text of these bytes, or the line on which they stop being UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, usize> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        1 + good.iter().filter(|byte| **byte == b'\n').count()
    })
}
