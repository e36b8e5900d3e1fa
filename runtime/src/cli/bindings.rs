//! `boathook bindings`: writes what a project needs of this very version.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::{Json, say, say_json, text};
use crate::project::{Language, bindings};

/// Write this version's WIT package and bindings into a project.
#[derive(Debug, Args)]
pub(super) struct Bindings {
    /// The language of the project
    #[arg(long, value_parser = language())]
    lang: Language,
    /// The folder of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The interfaces that the bindings of C export: without boathook.c a hook has all their functions
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values = bindings::EXPORTS)]
    exports: Vec<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

/// Reads the name of a language.
pub(super) fn language() -> impl TypedValueParser<Value = Language> {
    let names = PossibleValuesParser::new(Language::available().map(Language::name));
    names.try_map(|name| Language::named(&name).ok_or("no such language"))
}

impl Bindings {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let written = bindings::write(self.lang, &self.out, &self.exports)?;
        if self.json.json {
            let files: Vec<String> =
                written.iter().map(|path| path.display().to_string()).collect();
            say_json(&json!({ "ok": true, "language": self.lang.name(), "files": files }));
            return Ok(());
        }
        let rows = bindings::parts(self.lang)
            .map(|(part, what)| vec![self.out.join(part).display().to_string(), what.to_owned()]);
        say(&text::columns(&rows.collect::<Vec<_>>()));
        say(&format!("written: {}", text::count(written.len(), "file")));
        Ok(())
    }
}
