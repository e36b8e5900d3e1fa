//! Defines the one configuration tree: every layer merged, with where each value came from.
//!
//! From low to high: hook defaults, files, environment, command line, what was said while the server ran, and
//! what hooks set in `configure`. The layers are kept and the tree is built anew when one is added, because an
//! environment variable may name a key that only a hook's defaults spell:
//! `BOATHOOK_shout__max_size` means `max-size` once that exists. A lift builds it some dozens of
//! times; nothing does it later.
//!
//! It does not know types: what our own keys mean is read in [`super::server`] and its neighbours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::hooks::Installed;
use super::key;
use super::layers::{self, Assignment};
use super::names::{self, HookNames};
use super::problem::{Origin, Problem, Problems, did_you_mean};
use super::traced::{Traced, Wins};
use super::units::size_text;

/// What one hook may add to the configuration, by its defaults and again by its sets: bytes of
/// JSON. The tree is held for as long as the server runs and handed to every hook, so a hook must
/// not fill it.
pub const HOOK_BYTES_MAX: usize = 1 << 20;

/// The whole configuration as JSON, with origins.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The files, from low to high.
    files: Vec<Traced>,
    assigned: Vec<Assignment>,
    /// What was said of hooks while the server ran.
    overrides: Vec<Assignment>,
    /// Defaults by hook, in the order in which they were first given.
    defaults: Vec<(String, Traced)>,
    sets: Vec<Assignment>,
    /// What each hook has set so far, in bytes, taken back or not.
    set_bytes: BTreeMap<String, usize>,
    known: HookNames,
    merged: Traced,
}

impl Tree {
    /// A tree of the operator's layers; the problems are names that may mean two things.
    pub(super) fn new(
        files: Vec<Traced>,
        assigned: Vec<Assignment>,
        problems: &mut Problems,
    ) -> Self {
        let mut tree = Self {
            files,
            assigned,
            overrides: Vec::new(),
            defaults: Vec::new(),
            sets: Vec::new(),
            set_bytes: BTreeMap::new(),
            known: HookNames::default(),
            merged: Traced::empty(),
        };
        let files = tree.files();
        let entries = |root: &str| match files.value.get(root) {
            Some(Value::Object(map)) => map.clone(),
            _ => Map::new(),
        };
        let hooks = entries("hooks").into_iter().map(|(name, _)| name);
        let installed = entries("installed").into_iter().map(|(package, settings)| {
            let name = settings.get("name").and_then(Value::as_str);
            name.unwrap_or_else(|| Installed::name_of_package(&package)).to_owned()
        });
        tree.known.hooks = hooks.chain(installed).collect();
        tree.rebuild(problems);
        tree
    }

    /// The whole tree.
    pub fn value(&self) -> &Value {
        &self.merged.value
    }

    /// What the operator said, without any hook's defaults or sets: the `overrides` that a hook's
    /// `defaults` gets.
    pub fn overrides(&self) -> Value {
        self.operator(&self.all_defaults(), &mut Problems::default()).value
    }

    /// The value under a dotted key, if it has one. Our own defaults are not in the tree.
    pub fn get(&self, dotted: &str) -> Option<&Value> {
        self.merged.get(&key::split(dotted))
    }

    /// Where the value under a key came from, or that of its closest parent; `None` if nobody said
    /// anything even of its root.
    pub fn origin(&self, dotted: &str) -> Option<Origin> {
        let path = key::split(dotted);
        let (origins, found) = self.merged.nearest(&path);
        (found > 0 || path.is_empty()).then_some(origins.own)
    }

    /// Merges a hook's defaults under everything that is there. Call it for every hook, in hook
    /// order, also with `null` for one without defaults: it makes the config key known. A second
    /// call for the same hook begins it anew, in its place: what it gave and set before is dropped.
    ///
    /// Sails A3.2 to A3.5: the operator wins, `null`, `false`, `[]` and `""` included; objects
    /// merge, arrays and scalars are replaced; between hooks the earlier wins; `__configKey__` at
    /// the root stands for `config_key`.
    pub fn merge_defaults(
        &mut self,
        hook: &str,
        config_key: &str,
        defaults: Value,
    ) -> Result<(), Problem> {
        let origin = Origin::HookDefaults { hook: hook.to_owned() };
        let mut layer = Traced::from_one(Value::Object(Map::new()), origin.clone());
        bounded(bytes(&defaults)).map_err(|problem| problem.at(origin.clone()))?;
        match defaults {
            Value::Null => {}
            Value::Object(map) => {
                for (root, value) in map {
                    let root = if root == names::CONFIG_KEY { config_key } else { root.as_str() };
                    if names::is_ours(root) {
                        return Err(Problem::new(format!("`{root}` belongs to the server"))
                            .at(origin)
                            .hint(format!(
                                "a hook's defaults go under its own key `{config_key}`"
                            )));
                    }
                    let value = Value::Object(Map::from_iter([(root.to_owned(), value)]));
                    layer.merge(Traced::from_one(value, origin.clone()), Wins::Old);
                }
            }
            other => {
                let found = super::reader::describe(&other);
                return Err(Problem::new(format!("must be an object: found {found}")).at(origin));
            }
        }
        self.set_bytes.remove(hook);
        let setter = Origin::HookConfigure { hook: hook.to_owned() };
        self.sets.retain(|set| set.origin != setter);
        match self.defaults.iter_mut().find(|(name, _)| name == hook) {
            Some((_, before)) => *before = layer,
            None => self.defaults.push((hook.to_owned(), layer)),
        }
        self.know([hook], [config_key]).map_err(|problems| first(problems, origin))
    }

    /// Takes over what a hook gave as defaults in another tree, in place of [`Tree::merge_defaults`]: the hook
    /// goes on, and is not asked again.
    pub fn adopt_defaults(&mut self, other: &Tree, hook: &str, config_key: &str) {
        let given = other.defaults.iter().find(|(name, _)| name == hook);
        self.defaults.extend(given.cloned());
        // A name that means two things was a mistake in the other tree already, or is the mistake of
        // whoever brought the second.
        let _ = self.know([hook], [config_key]);
    }

    /// Takes over what a hook has set in another tree.
    pub fn adopt_sets(&mut self, other: &Tree, hook: &str) {
        let setter = Origin::HookConfigure { hook: hook.to_owned() };
        for set in other.sets.iter().filter(|set| set.origin == setter) {
            self.merged.assign(&set.path, set.value.clone(), &set.origin, false);
            self.sets.push(set.clone());
        }
        let spent = other.set_bytes.get(hook).map(|bytes| (hook.to_owned(), *bytes));
        self.set_bytes.extend(spent);
    }

    /// Sets a key over everything else: `config.set` in a hook's `configure`. What was there is
    /// replaced, not merged. Which keys a hook may set is [`may_set`]'s to say, and the caller's to
    /// ask.
    pub fn set(&mut self, hook: &str, dotted: &str, value: Value) -> Result<(), Problem> {
        let origin = Origin::HookConfigure { hook: hook.to_owned() };
        let path = key::split(dotted);
        layers::checked(&path).map_err(|problem| problem.at(origin.clone()))?;
        if names::is_ours(&path[0]) {
            let message = format!("`{}` belongs to the server", path[0]);
            return Err(Problem::new(message).at(origin));
        }
        let spent = self.set_bytes.entry(hook.to_owned()).or_default();
        *spent = spent.saturating_add(bytes(&value) + dotted.len());
        bounded(*spent).map_err(|problem| problem.at(origin.clone()))?;
        self.merged.assign(&path, value.clone(), &origin, false);
        self.sets.push(Assignment { path, loose: false, value, origin });
        Ok(())
    }

    /// The config keys that are the server's own. This can be said before any default is known.
    pub fn check_config_keys(&self, config_keys: &[(String, String)]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (hook, config_key) in config_keys {
            if names::is_ours(config_key) {
                let at = key::join(&["hooks", hook, "config_key"]);
                let message =
                    format!("hook `{hook}`: config key `{config_key}` belongs to the server");
                let mut problem = Problem::new(message).hint(format!("set `{at}` to another word"));
                problem.origin = self.get(&at).and_then(|_| self.origin(&at));
                problems.push(problem);
            }
        }
        problems
    }

    /// Checks the root keys once all hooks are known (`(hook, config key)` each): a root must be
    /// ours, a config key, `custom`, or one that some hook's defaults bring. A config key must not
    /// be ours.
    pub fn check_roots(&self, config_keys: &[(String, String)]) -> Result<(), Problems> {
        let mut problems = Problems(self.check_config_keys(config_keys));
        let mut known: BTreeSet<&str> = names::ROOT.iter().copied().collect();
        known.insert(names::CUSTOM);
        known.extend(config_keys.iter().map(|(_, config_key)| config_key.as_str()));
        for (_, defaults) in &self.defaults {
            known.extend(defaults.value.as_object().into_iter().flat_map(Map::keys).map(|k| &**k));
        }
        for root in self.merged.value.as_object().into_iter().flat_map(Map::keys) {
            if known.contains(root.as_str()) || names::is_ours(root) {
                continue;
            }
            let hint = names::elsewhere(root)
                .map(str::to_owned)
                .or_else(|| did_you_mean(root, known.iter().copied()))
                .unwrap_or_else(|| {
                    "a root key is ours, a hook's config key or `custom`; \
                     is the hook missing?"
                        .to_owned()
                });
            let mut problem = Problem::new(format!("unknown key `{root}`")).hint(hint);
            problem.origin = self.origin(&key::join(&[root]));
            problems.push(problem);
        }
        problems.or(())
    }

    /// Makes names known that environment variables may mean.
    pub(super) fn know<'a>(
        &mut self,
        hooks: impl IntoIterator<Item = &'a str>,
        config_keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Problems> {
        self.known.hooks.extend(hooks.into_iter().map(str::to_owned));
        self.known.config_keys.extend(config_keys.into_iter().map(str::to_owned));
        let mut problems = Problems::default();
        self.rebuild(&mut problems);
        problems.or(())
    }

    /// Lays what was said of hooks while the server ran over all that the operator wrote, in place of what was
    /// laid there before.
    pub(super) fn set_overrides(&mut self, overrides: Vec<Assignment>, problems: &mut Problems) {
        self.overrides = overrides;
        self.rebuild(problems);
    }

    pub(super) fn traced(&self) -> &Traced {
        &self.merged
    }

    fn rebuild(&mut self, problems: &mut Problems) {
        let mut merged = self.all_defaults();
        // Not layer by layer: what the operator says is settled first, and that goes over the
        // defaults. A table that replaces a lower layer's scalar would find no defaults below it
        // otherwise.
        merged.merge(self.operator(&merged, problems), Wins::New);
        for set in &self.sets {
            merged.assign(&set.path, set.value.clone(), &set.origin, false);
        }
        self.merged = merged;
    }

    fn all_defaults(&self) -> Traced {
        let mut all = Traced::empty();
        for (_, layer) in &self.defaults {
            all.merge(layer.clone(), Wins::Old);
        }
        all
    }

    /// The files, each laid over those before it.
    fn files(&self) -> Traced {
        let mut files = Traced::empty();
        for layer in &self.files {
            let mut layer = layer.clone();
            if let Some(Value::Object(hooks)) = layer.value.get_mut("hooks") {
                hooks.retain(|hook, value| {
                    !self.is_overridden(&["hooks".to_owned(), hook.clone()], value)
                });
            }
            lay(&mut files, layer);
        }
        files
    }

    /// Whether this disables a hook that was enabled while the server ran: it is passed over then, so that the
    /// settings show that a lower layer has for the hook.
    fn is_overridden(&self, path: &[String], value: &Value) -> bool {
        let enables = |said: &Assignment| said.path == path && said.value == Value::Bool(true);
        path.len() == 2 && disables(value) && self.overrides.iter().any(enables)
    }

    /// The operator's layers. `defaults` has keys that variables may mean beside those of the
    /// files.
    fn operator(&self, defaults: &Traced, problems: &mut Problems) -> Traced {
        let mut tree = self.files();
        'assigned: for assignment in self.assigned.iter().chain(&self.overrides) {
            let mut path: Vec<String> = Vec::new();
            for part in &assignment.path {
                if !assignment.loose {
                    path.push(part.clone());
                    continue;
                }
                let there = [tree.get(&path), defaults.get(&path)];
                match names::resolve(part, &path, &there, &self.known) {
                    Ok(part) => path.push(part),
                    Err(problem) => {
                        problems.push(problem.at(assignment.origin.clone()));
                        continue 'assigned;
                    }
                }
            }
            if !enables_a_table(&tree, &path, &assignment.value)
                && !self.is_overridden(&path, &assignment.value)
            {
                tree.assign(&path, assignment.value.clone(), &assignment.origin, true);
            }
        }
        tree
    }
}

/// What a layer says to disable a hook.
fn disables(value: &Value) -> bool {
    *value == Value::Bool(false) || value.as_str() == Some("false")
}

/// Whether a hook with this config key may set a key: its own, or what is in `custom`.
pub fn may_set(config_key: &str, dotted: &str) -> bool {
    let path = key::split(dotted);
    path.first().is_some_and(|root| root == config_key || root == names::CUSTOM)
}

/// Merges a file's layer over the tree; `hooks.x = true` leaves the settings of `x` alone.
fn lay(tree: &mut Traced, mut layer: Traced) {
    if let Some(Value::Object(hooks)) = layer.value.get_mut("hooks") {
        hooks.retain(|hook, value| {
            !enables_a_table(tree, &["hooks".to_owned(), hook.clone()], value)
        });
    }
    tree.merge(layer, Wins::New);
}

/// Whether this says no more than that a hook runs which has settings already.
fn enables_a_table(tree: &Traced, path: &[String], value: &Value) -> bool {
    let truth = *value == Value::Bool(true) || value.as_str() == Some("true");
    truth && path.len() == 2 && path[0] == "hooks" && tree.get(path).is_some_and(Value::is_object)
}

fn bytes(value: &Value) -> usize {
    value.to_string().len()
}

fn bounded(bytes: usize) -> Result<(), Problem> {
    if bytes <= HOOK_BYTES_MAX {
        return Ok(());
    }
    let max = size_text(HOOK_BYTES_MAX as u64);
    Err(Problem::new(format!("more than the {max} that a hook may add to the configuration")))
}

fn first(mut problems: Problems, origin: Origin) -> Problem {
    match problems.0.is_empty() {
        false => problems.0.swap_remove(0),
        true => Problem::new("cannot merge").at(origin),
    }
}
