//! Works out what is said of a hook after somebody has disabled or enabled it, or set its limits. Pure.
//!
//! Only what differs from the configuration is kept: whoever enables a hook that nothing but `disable` had
//! switched off is where everything began.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::{Config, Overrides};

/// What an operator does with a hook while it serves.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Takes it out of the set.
    Disable,
    /// Puts it back.
    Enable,
    /// Sets these of its limits, by their keys, and takes those back that are `null`.
    Limit(BTreeMap<String, Value>),
    /// Takes all limits back that were set so.
    Reset,
}

impl Change {
    /// What it is called in commands.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Limit(_) | Self::Reset => "limit",
        }
    }

    /// The limits that it sets.
    pub(super) fn limits(&self) -> Option<BTreeMap<String, Value>> {
        match self {
            Self::Limit(limits) => Some(limits.clone()),
            Self::Reset => Some(BTreeMap::new()),
            Self::Disable | Self::Enable => None,
        }
    }

    /// What is said of all hooks once this is said of one.
    pub(super) fn apply(&self, hook: &str, config: &Config) -> Overrides {
        let mut overrides = config.overrides.clone();
        let mut said = overrides.remove(hook).unwrap_or_default();
        let is_configured = config.is_configured_to_run(hook);
        match self {
            Self::Disable => said.enabled = is_configured.then_some(false),
            Self::Enable => said.enabled = (!is_configured).then_some(true),
            Self::Reset => said.limits.clear(),
            Self::Limit(limits) => {
                said.limits.extend(limits.clone());
                said.limits.retain(|_, value| !value.is_null());
            }
        }
        if !said.is_empty() {
            overrides.insert(hook.to_owned(), said);
        }
        overrides
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Sources, load};

    /// What is said after these changes of the hook `a`, one after the other.
    fn after(toml: &str, changes: &[Change]) -> Value {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("boathook.toml"), toml).unwrap();
        let sources = Sources { dir: dir.path().to_owned(), ..Sources::default() };
        let mut config = load(&sources).unwrap();
        for change in changes {
            config.overrides = change.apply("a", &config);
            config.know_hooks(&["a".to_owned()]).unwrap();
        }
        serde_json::to_value(config.overrides).unwrap()
    }

    fn limits(limits: Value) -> Change {
        Change::Limit(serde_json::from_value(limits).unwrap())
    }

    #[test]
    fn what_is_taken_back_is_as_if_it_had_never_been_said() {
        use Change::{Disable, Enable, Reset};
        assert_eq!(after("", &[Disable]), json!({ "a": { "enabled": false } }));
        assert_eq!(after("", &[Disable, Disable, Enable]), json!({}));
        assert_eq!(after("hooks.a = false", &[Enable]), json!({ "a": { "enabled": true } }));
        assert_eq!(after("hooks.a = false", &[Enable, Disable]), json!({}));
        assert_eq!(after("", &[limits(json!({ "cpu": "9ms" })), Reset]), json!({}));
    }

    #[test]
    fn limits_are_set_and_taken_back_one_by_one() {
        let two = limits(json!({ "cpu": "9ms", "memory": "8MiB" }));
        let other = limits(json!({ "cpu": null, "fuel": 9000 }));
        assert_eq!(
            after("", &[two.clone(), other, Change::Disable]),
            json!({ "a": { "enabled": false, "limits": { "fuel": 9000, "memory": "8MiB" } } })
        );
    }
}
