//! Does what the `config` import asks: reads the merged configuration, and sets it while that is allowed.

use std::sync::{OnceLock, PoisonError, RwLock};

use serde_json::Value;

use super::{GuestError, State, guest_error};
use crate::config::{CUSTOM, Tree, may_set};
use crate::error::Phase;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::config::Host;

/// The configuration of a running set: grows during `defaults` and `configure`, then stands still.
#[derive(Debug)]
pub struct ConfigStore {
    growing: RwLock<Tree>,
    frozen: OnceLock<Tree>,
}

impl ConfigStore {
    /// A store that can still be written.
    pub fn new(tree: Tree) -> Self {
        Self { growing: RwLock::new(tree), frozen: OnceLock::new() }
    }

    /// Ends the time of changes. From now on reading takes no lock.
    pub fn freeze(&self) {
        let tree = self.read(Clone::clone);
        // A second freeze finds the first one's tree, which is the same.
        let _ = self.frozen.set(tree);
    }

    /// Reads.
    pub fn read<T>(&self, read: impl FnOnce(&Tree) -> T) -> T {
        match self.frozen.get() {
            Some(tree) => read(tree),
            None => read(&self.growing.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Changes; false once it is frozen.
    pub fn change(&self, change: impl FnOnce(&mut Tree)) -> bool {
        if self.frozen.get().is_some() {
            return false;
        }
        change(&mut self.growing.write().unwrap_or_else(PoisonError::into_inner));
        true
    }
}

impl Host for State {
    fn get(&mut self, path: String) -> Result<Option<String>> {
        self.enter()?;
        Ok(self.context.shared().config.read(|tree| tree.get(&path).map(Value::to_string)))
    }

    fn set(&mut self, path: String, value: String) -> Result<std::result::Result<(), GuestError>> {
        self.enter()?;
        if self.phase != Phase::Configure {
            let text = format!(
                "`config.set` was called in `{}`, and the configuration is frozen\n\
                 hint: set it in `configure`",
                self.phase
            );
            return Ok(Err(guest_error("E_CONFIG_FROZEN", text, None)));
        }
        let own = &self.context.config_key;
        if !may_set(own, &path) {
            let text =
                format!("a hook may set `{own}` and `{CUSTOM}` and what is below, not `{path}`");
            return Ok(Err(guest_error("E_CONFIG_KEY", text, None)));
        }
        let value: Value = match serde_json::from_str(&value) {
            Ok(value) => value,
            Err(error) => {
                let text = format!("the value for `{path}` is not valid JSON: {error}");
                return Ok(Err(guest_error("E_HOOK_BAD_RESPONSE", text, None)));
            }
        };
        let mut set = Ok(());
        if !self.repeats() {
            let name = &self.context.name;
            self.context.shared().config.change(|tree| set = tree.set(name, &path, value));
        }
        Ok(set.map_err(|problem| guest_error("E_CONFIG_KEY", problem.to_string(), None)))
    }

    fn config_key(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.context.config_key.clone())
    }
}
