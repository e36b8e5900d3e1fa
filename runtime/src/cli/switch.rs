//! `boathook disable`, `enable` and `limit`: change how a hook of the server that runs is run, until that is taken
//! back. The configuration's files stay as they are.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Map, Value};

use super::remote::{Server, escaped, overridden, say_replaced};
use super::{Json, say, say_json};
use crate::config;

/// Take a hook out of the server that runs, until it is enabled again
#[derive(Debug, Args)]
pub(super) struct Disable {
    #[command(flatten)]
    pub(super) switch: Switch,
}

/// Have the server that runs lift a hook that is disabled
#[derive(Debug, Args)]
pub(super) struct Enable {
    #[command(flatten)]
    pub(super) switch: Switch,
}

/// Set limits of a hook of the server that runs, over those that are configured
#[derive(Debug, Args)]
pub(super) struct Limit {
    #[command(flatten)]
    pub(super) switch: Switch,
    /// A key of `limits` and what it is to be, such as `cpu=20ms`; `cpu=null` takes it back
    #[arg(value_name = "LIMIT=VALUE")]
    limits: Vec<String>,
    /// Take back all limits that were set so
    #[arg(long, conflicts_with = "limits")]
    reset: bool,
}

/// Which hook of which server, and how.
#[derive(Debug, Args)]
pub(super) struct Switch {
    /// The hook
    hook: String,
    #[command(flatten)]
    server: Server,
    /// Lift all hooks that change with it, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Disable {
    pub(super) fn run(self) -> anyhow::Result<()> {
        self.switch.ask(Method::POST, "disable", Bytes::new())
    }
}

impl Enable {
    pub(super) fn run(self) -> anyhow::Result<()> {
        self.switch.ask(Method::POST, "enable", Bytes::new())
    }
}

impl Limit {
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        // The folder may be left out, and what follows it not.
        let dir = &mut self.switch.server.app.dir;
        if let Some(limit) = dir.to_str().filter(|word| word.contains('=') && !dir.is_dir()) {
            self.limits.insert(0, limit.to_owned());
            *dir = PathBuf::from(".");
        }
        if self.reset && self.limits.is_empty() {
            return self.switch.ask(Method::DELETE, "limits", Bytes::new());
        }
        let limits = limits(&self.limits)?;
        self.switch.ask(Method::POST, "limits", limits.to_string().into())
    }
}

/// `cpu=20ms memory=32MiB` as the object that the server takes.
fn limits(words: &[String]) -> anyhow::Result<Value> {
    if words.is_empty() {
        bail!(
            "no limit is named\nhint: `boathook limit HOOK cpu=20ms`, or `--reset` to take all back"
        );
    }
    let pair = |word: &String| {
        let (limit, value) = word
            .split_once('=')
            .with_context(|| format!("no `=` in `{word}`\nhint: write it like `cpu=20ms`"))?;
        Ok((limit.to_owned(), config::value_of(value)))
    };
    let pairs: Map<String, Value> = words.iter().map(pair).collect::<anyhow::Result<_>>()?;
    Ok(pairs.into())
}

impl Switch {
    /// Asks, and tells what came of it.
    fn ask(&self, method: Method, what: &str, body: Bytes) -> anyhow::Result<()> {
        let path = format!("/hooks/{}/{what}?all={}", escaped(&self.hook), self.all);
        let document = self.server.ask(method, &path, body)?;
        if self.json.json {
            say_json(&document);
            return Ok(());
        }
        let is = if document["disabled"] == true { "is disabled" } else { "serves" };
        let said = match overridden(&document["overrides"]) {
            said if said.is_empty() => "as it is configured".to_owned(),
            said => format!("over what is configured: {said}"),
        };
        say(&format!("{} {is}, {said}", self.hook));
        say_replaced(&document);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_read_as_the_command_line_reads_all_values() {
        let words = ["cpu=20ms", "fuel=9", "measure=[\"cpu\"]", "memory=null"].map(str::to_owned);
        assert_eq!(
            limits(&words).unwrap(),
            json!({ "cpu": "20ms", "fuel": 9, "measure": ["cpu"], "memory": null })
        );
        assert!(limits(&["cpu".to_owned()]).unwrap_err().to_string().contains("no `=` in `cpu`"));
        assert!(limits(&[]).is_err());
    }
}
