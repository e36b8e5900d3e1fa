//! `boathook disable`, `enable` and `limit`: change how a hook of the server that runs is run, until that is taken
//! back. The configuration's files stay as they are. Where no server runs it is written down for the next start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::remote::{Server, escaped, overridden, say_replaced};
use super::{Json, report, say, say_json};
use crate::config;
use crate::deploy::{Change, Written, change_stopped};

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
        self.switch.change(Change::Disable)
    }
}

impl Enable {
    pub(super) fn run(self) -> anyhow::Result<()> {
        self.switch.change(Change::Enable)
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
        if self.reset {
            if let Some(limit) = self.limits.first() {
                bail!(
                    "`--reset` takes all limits back, and `{limit}` sets one\n\
                     hint: say one after the other"
                );
            }
            return self.switch.change(Change::Reset);
        }
        self.switch.change(Change::Limit(limits(&self.limits)?))
    }
}

/// `cpu=20ms memory=32MiB` as the object that the server takes.
fn limits(words: &[String]) -> anyhow::Result<BTreeMap<String, Value>> {
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
    words.iter().map(pair).collect()
}

impl Switch {
    /// Has it changed by the server that runs, or for the next one, and tells what came of it.
    fn change(&self, change: Change) -> anyhow::Result<()> {
        let (config, problems) = self.server.app.look()?;
        if let Some(address) = self.server.is_stopped(&config) {
            let compiler = self.server.app.compiler();
            let written = change_stopped(config, problems, &compiler, &self.hook, &change)?;
            self.tell_written(&written, &address);
            return Ok(());
        }
        match change {
            Change::Disable => self.ask(Method::POST, "disable", Bytes::new()),
            Change::Enable => self.ask(Method::POST, "enable", Bytes::new()),
            Change::Reset => self.ask(Method::DELETE, "limits", Bytes::new()),
            Change::Limit(limits) => {
                self.ask(Method::POST, "limits", json!(limits).to_string().into())
            }
        }
    }

    fn tell_written(&self, written: &Written, address: &str) {
        let Written { said, is_disabled, left } = written;
        if self.json.json {
            let left: Vec<Value> = left.0.iter().map(report::problem).collect();
            say_json(&json!({
                "running": false,
                "disabled": is_disabled,
                "overrides": said,
                "problems": left,
            }));
            return;
        }
        let is = if *is_disabled { "is disabled" } else { "serves" };
        let said = in_words(&json!(said));
        say(&format!("nothing listens on {address}: this counts from the next start on"));
        say(&format!("{} {is}, {said}", self.hook));
        for problem in &left.0 {
            say(&format!("\n{}", report::paragraph("still wrong", &problem.to_string())));
        }
    }

    /// Asks the server that runs, and tells what came of it.
    fn ask(&self, method: Method, what: &str, body: Bytes) -> anyhow::Result<()> {
        let path = format!("/hooks/{}/{what}?all={}", escaped(&self.hook), self.all);
        let document = self.server.ask(method, &path, body)?;
        if self.json.json {
            say_json(&document);
            return Ok(());
        }
        let is = if document["disabled"] == true { "is disabled" } else { "serves" };
        let said = in_words(&document["overrides"]);
        say(&format!("{} {is}, {said}", self.hook));
        say_replaced(&document);
        Ok(())
    }
}

fn in_words(said: &Value) -> String {
    match overridden(said) {
        said if said.is_empty() => "as it is configured".to_owned(),
        said => format!("over what is configured: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_the_command_line_reads_all_values() {
        let words = ["cpu=20ms", "fuel=9", "measure=[\"cpu\"]", "memory=null"].map(str::to_owned);
        assert_eq!(
            json!(limits(&words).unwrap()),
            json!({ "cpu": "20ms", "fuel": 9, "measure": ["cpu"], "memory": null })
        );
        assert!(limits(&["cpu".to_owned()]).unwrap_err().to_string().contains("no `=` in `cpu`"));
        assert!(limits(&[]).is_err());
    }
}
