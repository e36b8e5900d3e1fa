//! `boathook config explain`: says what is configured and where each value comes from, once hooks have
//! given their defaults and have configured themselves.

use std::path::Path;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::{App, Json, block_on, say, say_json, text};
use crate::config::{Explained, Unset};
use crate::lift;
use crate::secrets::Redactor;

/// Show what is configured, and where each value comes from.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A dotted key, such as `http` or `shout.phrase`; all keys if it is left out or empty
    #[arg(default_value = "", hide_default_value = true)]
    key: String,
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (config, problems) = self.app.look()?;
        let prepared = lift::prepare(config, problems, &self.app.compiler())?;
        let workers = prepared.config.server.workers;
        let configured = block_on(workers, async { Ok(lift::configure(prepared).await?) })?;
        // A hook may have set what it was trusted with.
        let redactor = &configured.shared().redactor;
        let (found, unset) = configured.shared().config.read(|tree| {
            let mut found = tree.explain(&self.key);
            found.iter_mut().for_each(|found| hide(redactor, &mut found.value));
            let unset = found.is_empty().then(|| tree.unset(&self.key));
            (found, unset)
        });
        match unset {
            Some(Unset::Unknown(hint)) => bail!("{}", unknown(&self.key, hint)),
            _ if self.json.json => {
                say_json(&json!({ "values": found.iter().map(value).collect::<Vec<_>>() }));
            }
            Some(Unset::Ours) => say(&format!("{} is not set", self.key)),
            None => say(&text::columns(&found.iter().map(line).collect::<Vec<_>>())),
        }
        Ok(())
    }
}

/// `shout.phrase = "make it rain"  # defaults of hook ...`: what could stand in `boathook.toml`.
fn line(found: &Explained) -> Vec<String> {
    vec![format!("{} = {}", found.key, found.value), format!("# {}", found.origin)]
}

/// Takes secrets out of a value.
fn hide(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = redactor.clean(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(redactor, item)),
        Value::Object(map) => map.values_mut().for_each(|item| hide(redactor, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn value(found: &Explained) -> Value {
    json!({ "key": found.key, "value": found.value, "origin": found.origin.to_string() })
}

fn unknown(key: &str, hint: Option<String>) -> String {
    // The folder is the second word here, and the first one of every other command.
    let hint = match Path::new(key).is_dir() {
        true => Some(format!("to see all of a folder's, write `config explain \"\" {key}`")),
        false => hint,
    };
    let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("unknown key `{key}`{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn a_line_could_stand_in_the_file() {
        let found = Explained {
            key: "my-api.url".into(),
            value: "https://a".into(),
            origin: Origin::HookConfigure { hook: "my-api".into() },
        };
        assert_eq!(
            text::columns(&[line(&found)]),
            "my-api.url = \"https://a\"  # configure of hook `my-api`"
        );
        assert_eq!(value(&found)["origin"], "configure of hook `my-api`");
    }

    #[test]
    fn an_unknown_key_names_the_one_that_was_meant() {
        let hint = Some("did you mean `shout.phrase`?".to_owned());
        assert_eq!(
            unknown("shout.prase", hint),
            "unknown key `shout.prase`\nhint: did you mean `shout.phrase`?"
        );
        assert_eq!(unknown("nope", None), "unknown key `nope`");
    }
}
