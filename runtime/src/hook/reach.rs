//! Works out what a hook may reach of secrets, environment and files, from what the operator granted,
//! and whether it may use sessions and durable tasks.
//!
//! Nothing is granted unless it is named. Files are read by the hook itself, through WASI; what is here
//! says which folders that sees. Services have grants of their own, which they read themselves.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::config::{Config, Grants, Origin, PREFIX, Problem, dotted};
use crate::secrets::{self, Secret};

/// What a hook may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Secrets, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Environment variables that are set.
    pub variables: Vec<(String, String)>,
    /// Folders.
    pub folders: Vec<Folder>,
    /// Sessions: those it may change, too.
    pub session: bool,
    /// Durable tasks.
    pub tasks: bool,
}

/// A folder that a hook may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub host: PathBuf,
    /// Where the hook sees it.
    pub guest: String,
}

/// Where a hook sees the folder that it lies in: at its root, so that a relative path is one of its own.
const OWN: &str = "/";

impl Reach {
    /// What these grants give to a hook; `own` is the folder that it lies in, if it has one.
    pub(super) fn resolve(
        hook: &str,
        own: Option<&Path>,
        grants: &Grants,
        config: &Config,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut asked = Asked { hook, grants, config, problems };
        let mut reach = Self::default();
        let own = own.filter(|own| !holds_app(own, config));
        reach.folders.extend(own.map(|own| Folder { host: own.to_owned(), guest: OWN.into() }));
        for name in asked.names("secrets", "stripe-key") {
            match secrets::find(config, &name) {
                Ok(secret) => drop(reach.secrets.insert(name, secret)),
                Err(found) => {
                    let message = format!("hook `{hook}`: load: {}", found.message);
                    let origin = found.origin.clone().or_else(|| asked.origin("secrets"));
                    asked.problems.push(Problem { message, origin, ..found });
                }
            }
        }
        reach.session = asked.whole("session");
        reach.tasks = asked.whole("tasks");
        for name in asked.names("env", "TZ") {
            if let Some(value) = asked.variable(&name) {
                reach.variables.push((name, value));
            }
        }
        for path in asked.names("files", "data") {
            reach.folders.extend(asked.folder(&path));
        }
        reach
    }
}

/// The grants of one hook, on their way to what they mean.
struct Asked<'a> {
    hook: &'a str,
    grants: &'a Grants,
    config: &'a Config,
    problems: &'a mut Vec<Problem>,
}

/// Whether a folder is the app's or one around it, or in the server's own: there the configuration lies, and
/// what all hooks keep.
fn holds_app(folder: &Path, config: &Config) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (folder, app) = (real(folder), real(&config.dir));
    app.starts_with(&folder) || folder.starts_with(app.join(".boathook"))
}

impl Asked<'_> {
    fn problem(&mut self, kind: &str, text: &str, hint: String) {
        self.problems.push(Problem {
            message: format!("hook `{}`: load: its grant `{kind}` {text}", self.hook),
            origin: self.origin(kind),
            hint: Some(hint),
        });
    }

    /// Where a grant was written.
    fn origin(&self, kind: &str) -> Option<Origin> {
        self.config.tree.origin(&dotted(&["hooks", self.hook, "grants", kind]))
    }

    /// What is granted of a kind, by name.
    fn names(&mut self, kind: &str, example: &str) -> Vec<String> {
        match self.grants.0.get(kind) {
            None | Some(Value::Bool(false)) => Vec::new(),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                let hint = format!("write it like `{kind} = [\"{example}\"]`");
                self.problem(kind, "must be an array of names", hint);
                Vec::new()
            }
        }
    }

    /// Whether a kind is granted that has no names.
    fn whole(&mut self, kind: &str) -> bool {
        match self.grants.0.get(kind) {
            None => false,
            Some(Value::Bool(granted)) => *granted,
            Some(_) => {
                let hint = format!("write it like `{kind} = true`");
                self.problem(kind, "must be `true` or `false`", hint);
                false
            }
        }
    }

    /// The value of an environment variable; none if it is not set.
    fn variable(&mut self, name: &str) -> Option<String> {
        if name.starts_with(PREFIX) {
            let hint = "grant a secret by `secrets = [\"...\"]`; settings are read by `config.get`";
            self.problem("env", &format!("names the server's own `{name}`"), hint.into());
            return None;
        }
        let value = self.config.variables.get(name)?;
        if let Some(text) = value.to_str() {
            return Some(text.to_owned());
        }
        let hint = "set it to something else, or leave it out".to_owned();
        self.problem("env", &format!("names `{name}`, which is not UTF-8"), hint);
        None
    }

    /// The folder that a path means, which the hook sees under the path as it was written.
    fn folder(&mut self, written: &str) -> Option<Folder> {
        let path = Path::new(written);
        let steps: Vec<_> = path.components().collect();
        if steps.iter().any(|step| matches!(step, Component::ParentDir)) || written.is_empty() {
            let hint = "name a folder below the app folder, or write its whole path".to_owned();
            self.problem("files", &format!("names `{written}`"), hint);
            return None;
        }
        let host = self.config.dir.join(path);
        if !host.is_dir() {
            let text = format!("names `{written}`, and there is no folder {}", host.display());
            self.problem("files", &text, "name a folder; a file alone cannot be granted".into());
            return None;
        }
        let names = steps.iter().filter_map(|step| match step {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        let guest = format!("/{}", names.collect::<Vec<_>>().join("/"));
        if holds_app(&host, self.config) {
            let hint = "name the folders in it that the hook needs".to_owned();
            self.problem("files", "names the whole app folder, secrets and all", hint);
            return None;
        }
        Some(Folder { host, guest })
    }
}
