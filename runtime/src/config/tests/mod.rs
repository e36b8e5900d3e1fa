//! Tests of the configuration, by subject. Names are sentences of what an operator may rely on.

mod cases;
mod files;
mod hooks;
mod laws;
mod layers;
mod manifest;
mod merge;
mod overrides;
mod routes;
mod secrets;
mod server;
mod session;
mod stores;
mod tasks;

use std::ffi::OsString;

use serde_json::Value;

use super::files::Text;
use super::{Config, Problems, Sources, assemble};

/// What an operator says in one test.
#[derive(Default)]
struct Said<'a> {
    toml: &'a str,
    production: &'a str,
    vars: &'a [(&'a str, &'a str)],
    sets: &'a [&'a str],
    overrides: &'a [(&'a str, Value, &'a str)],
    /// `production` if empty.
    environment: &'a str,
}

impl Said<'_> {
    fn read(&self) -> Result<Config, Problems> {
        let os = |text: &str| OsString::from(text);
        let sources = Sources {
            vars: self.vars.iter().map(|(name, value)| (os(name), os(value))).collect(),
            sets: self.sets.iter().map(|set| (*set).to_owned()).collect(),
            overrides: self
                .overrides
                .iter()
                .map(|(key, value, flag)| ((*key).to_owned(), value.clone(), (*flag).to_owned()))
                .collect(),
            ..Sources::default()
        };
        let file =
            |label: &str, text: &str| Text { label: label.to_owned(), text: text.to_owned() };
        let texts =
            [file("boathook.toml", self.toml), file("boathook.production.toml", self.production)];
        let environment = if self.environment.is_empty() { "production" } else { self.environment };
        let (config, problems) =
            assemble(&sources, environment.to_owned(), &texts, Problems::default())?;
        problems.or(config)
    }

    fn good(&self) -> Config {
        self.read().expect("a configuration without mistakes")
    }

    fn bad(&self) -> String {
        self.read().expect_err("a configuration with mistakes").to_string()
    }
}

fn good(toml: &str) -> Config {
    Said { toml, ..Said::default() }.good()
}

fn bad(toml: &str) -> String {
    Said { toml, ..Said::default() }.bad()
}
