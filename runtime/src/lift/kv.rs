//! Does for `kv` what a lift has to: checks hooks' grants, and opens the store if any hook may use it.

use super::{LiftError, Prepared};
use crate::config::{Access, Config, Namespaces, Problem, StoreKind};
use crate::hook::find::{Found, problem};
use crate::store::{Store, open_kv};

impl Prepared {
    /// For commands that lift an app only to look at it, perhaps beside the server that runs it: what
    /// hooks keep goes into memory, and is forgotten.
    #[must_use]
    pub fn rehearsed(mut self) -> Self {
        self.config.stores.kv.store = StoreKind::Memory;
        self.config.session.store = StoreKind::Memory;
        self.config.events_across_nodes = false;
        self
    }

    /// The store; none if no hook may use it. One that is open stays so: what it is made of is read at the
    /// start of the process.
    pub(super) async fn open_kv(&self) -> Result<Option<Store>, LiftError> {
        if let Some(open) = self.kept.running().and_then(|app| app.shared.kv.clone()) {
            return Ok(Some(open));
        }
        let mut hooks = self.hooks.found.iter();
        // Durable tasks lie there, too.
        if hooks.all(|hook| namespaces(hook, &self.config).is_empty() && !hook.reach.tasks) {
            return Ok(None);
        }
        let value = self.config.stores.kv.value;
        if let Some(store) = self.outside.store() {
            return Ok(Some(store.with_values_of(usize::try_from(value).unwrap_or(usize::MAX))));
        }
        let opened = open_kv(&self.config.stores).await;
        opened.map(Some).map_err(|error| {
            let mut problem = problem(format!("the store of `kv`: {error}"));
            let tree = &self.config.tree;
            problem.origin = tree.origin("kv.store").or_else(|| tree.origin("kv"));
            LiftError::Problems(problem.into())
        })
    }
}

/// What a hook may reach. Grants that are wrong are none: they have been reported.
pub(super) fn namespaces(hook: &Found, config: &Config) -> Namespaces {
    granted(hook, config).unwrap_or_default()
}

fn granted(hook: &Found, config: &Config) -> Result<Namespaces, String> {
    Namespaces::read(&config.hook(&hook.name).grants.unwrap_or_default())
}

/// What is wrong with a hook's grants for `kv`, given and asked for.
pub(super) fn unfit(hook: &Found, config: &Config) -> Vec<Problem> {
    let name = &hook.name;
    let place = |text: String| problem(format!("hook `{name}`: load: {text}"));
    let asks = hook.manifest.grants.as_ref();
    let asked = asks.map_or_else(|| Ok(Namespaces::default()), Namespaces::read);
    let granted = match granted(hook, config) {
        Ok(granted) => granted,
        Err(text) => {
            let mut problem = place(text);
            problem.origin = config.hook(name).origins.get("grants").cloned();
            return vec![problem];
        }
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(text) => return vec![place(format!("its manifest: {text}"))],
    };
    // Where it has no grant for `kv` at all, that is said of all kinds of grants alike.
    if config.hook(name).grants.is_none_or(|grants| !grants.0.contains_key("kv")) {
        return Vec::new();
    }
    let missing = asked.iter().filter(|(namespace, access)| !granted.allows(namespace, *access));
    missing
        .map(|(namespace, access)| {
            let verb = if access == Access::Read { "read" } else { "write" };
            let line = granted.with(namespace, access);
            place(format!(
                "it asks to {verb} the namespace `{namespace}` of `kv`, and may not\n\
                 hint: write `grants = {{ kv = {line} }}` in `[hooks.{name}]`"
            ))
        })
        .collect()
}
