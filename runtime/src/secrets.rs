//! Defines a secret, finds it where the operator put it, and keeps it out of what is written.
//!
//! Who may read which secret is not decided here: see [`crate::hook::Reach`].

use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;
use std::sync::Arc;

use crate::config::{Config, Place, Problem, Variables};

/// No key or password is longer; something else was named.
const BYTES_MAX: u64 = 64 << 10;
/// A shorter text is not looked for in what is written: it would be found everywhere.
const REDACTED_BYTES_MIN: usize = 6;

/// A secret's text. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A secret with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever was granted it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[secret]")
    }
}

/// Reads a secret from where the configuration says that it lies, or from `BOATHOOK_SECRET_<NAME>`. A line
/// break at the end of a file is no part of it.
///
/// # Errors
/// If it is not there, is empty or is not text. The message says where it was looked for.
pub fn find(config: &Config, name: &str) -> Result<Secret, Problem> {
    let (place, origin) = config.secrets.place(name);
    let problem = |message: String, hint: String| Problem {
        message: format!("secret `{name}`: {message}"),
        origin: origin.clone(),
        hint: Some(hint),
    };
    read_at(&place, &config.variables).map_err(|unread| {
        let hint = match (unread.is_there, &place) {
            (false, Place::Variable(_)) => {
                format!("set it, or write `{name} = {{ file = \"...\" }}` in `[secrets]`")
            }
            (true, Place::Variable(_)) => "encode it, such as by base64".to_owned(),
            (_, Place::File(_)) => "the file holds the secret and nothing else".to_owned(),
        };
        problem(unread.text, if unread.is_empty { "put the secret there".to_owned() } else { hint })
    })
}

/// Why there is no secret in a place: where that is, and what is wrong there.
#[derive(Debug)]
pub struct Unread {
    /// Never with anything of what is there.
    pub text: String,
    is_there: bool,
    is_empty: bool,
}

/// Reads the secret in a place.
///
/// # Errors
/// If it is not there, is empty or is not text.
pub fn read_at(place: &Place, variables: &Variables) -> Result<Secret, Unread> {
    let unread = |text: String, is_there| Unread { text, is_there, is_empty: false };
    let (text, shown) = match place {
        Place::Variable(variable) => {
            let shown = format!("`{variable}`");
            let Some(value) = variables.get(variable) else {
                return Err(unread(format!("{shown} is not set"), false));
            };
            let text = value.to_str().map(str::to_owned);
            (text.ok_or_else(|| unread(format!("{shown} is not UTF-8"), true))?, shown)
        }
        Place::File(path) => {
            let shown = path.display().to_string();
            (read(path).map_err(|text| unread(format!("{shown}: {text}"), true))?, shown)
        }
    };
    if text.is_empty() {
        let text = format!("{shown} is empty");
        return Err(Unread { text, is_there: true, is_empty: true });
    }
    Ok(Secret::new(text))
}

/// The text of a file.
fn read(path: &std::path::Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("is longer than {BYTES_MAX} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

/// Takes secrets out of what is about to be written. It is there for accidents: a hook that wants to tell
/// one finds a way, which is why it has to be granted.
#[derive(Debug, Default)]
pub struct Redactor(Vec<Redacted>);

struct Redacted {
    text: String,
    mark: String,
}

impl fmt::Debug for Redacted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.mark)
    }
}

impl Redactor {
    /// One that knows these secrets, by their names.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>) -> Self {
        let mut all = Vec::new();
        for (name, secret) in secrets {
            let text = secret.expose();
            let json = serde_json::Value::from(text).to_string();
            let mark = format!("[secret {name}]");
            // As it is, as JSON writes it, and line by line, as a log does.
            let forms = [text, json.trim_matches('"')].into_iter().chain(text.lines());
            for form in forms.filter(|form| form.len() >= REDACTED_BYTES_MIN) {
                all.push(Redacted { text: form.to_owned(), mark: mark.clone() });
            }
        }
        // One may be a part of another.
        all.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| a.text.cmp(&b.text)));
        all.dedup_by(|a, b| a.text == b.text);
        Self(all)
    }

    /// The text with each secret replaced by its name.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut cleaned = Cow::Borrowed(text);
        for Redacted { text, mark } in &self.0 {
            if cleaned.contains(text.as_str()) {
                cleaned = Cow::Owned(cleaned.replace(text.as_str(), mark));
            }
        }
        cleaned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    /// An app folder with one file, and variables; what becomes of the secret `stripe-key`.
    fn found(toml: &str, file: &[u8], vars: &[(&str, &str)]) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("boathook.toml"), toml).unwrap();
        std::fs::write(dir.path().join("key"), file).unwrap();
        let vars = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let sources = Sources { dir: dir.path().to_owned(), vars, ..Sources::default() };
        let place = format!("{}/", dir.path().display());
        let config = load(&sources).map_err(|problems| problems.to_string())?;
        find(&config, "stripe-key")
            .map(|secret| secret.expose().to_owned())
            .map_err(|problem| problem.to_string().replace(&place, ""))
    }

    #[test]
    fn a_secret_comes_from_its_own_variable_unless_another_place_is_named() {
        let own = [("BOATHOOK_SECRET_STRIPE_KEY", "own"), ("OTHER", "other")];
        assert_eq!(found("", b"", &own), Ok("own".into()));
        let file = "secrets.stripe-key = { file = 'key' }";
        assert_eq!(found(file, b"from a file\n", &own), Ok("from a file".into()));
        let other = "secrets.stripe-key = { env = 'OTHER' }";
        assert_eq!(found(other, b"", &own), Ok("other".into()));
    }

    #[test]
    fn a_secret_that_is_not_there_says_where_it_was_looked_for() {
        assert_eq!(
            found("", b"", &[]).unwrap_err(),
            "secret `stripe-key`: `BOATHOOK_SECRET_STRIPE_KEY` is not set\n\
             hint: set it, or write `stripe-key = { file = \"...\" }` in `[secrets]`"
        );
        let file = "secrets.stripe-key = { file = 'key' }";
        let empty = found(file, b"\n", &[]).unwrap_err();
        assert!(empty.starts_with("boathook.toml:1: secret `stripe-key`: key is empty"), "{empty}");
        let binary = found(file, b"\xff", &[]).unwrap_err();
        assert!(binary.contains("key: is not UTF-8"), "{binary}");
        let long = found(file, &[b'x'; (64 << 10) + 1], &[]).unwrap_err();
        assert!(long.contains("key: is longer than 65536 bytes"), "{long}");
        assert!(found(file, &[b'x'; 64 << 10], &[]).is_ok());
    }

    #[test]
    fn what_is_written_has_the_name_in_place_of_the_secret() {
        let (long, short) = (Secret::new("hunter2-and-more"), Secret::new("hunter2"));
        let (tiny, key) = (Secret::new("42"), Secret::new("-----BEGIN\nab\"cdef\n"));
        let secrets = [("short", &short), ("long", &long), ("tiny", &tiny), ("key", &key)];
        let redactor = Redactor::new(secrets);
        for (text, clean) in [
            ("it is hunter2-and-more", "it is [secret long]"),
            ("hunter2hunter2", "[secret short][secret short]"),
            ("42 is no secret", "42 is no secret"),
            (r#"{"a":"-----BEGIN\nab\"cdef\n"}"#, r#"{"a":"[secret key]"}"#),
            ("a line: ab\"cdef", "a line: [secret key]"),
        ] {
            assert_eq!(redactor.clean(text), clean);
        }
        assert_eq!(format!("{long:?} {redactor:?}").matches("hunter2").count(), 0);
    }
}
