//! Does for sessions and secrets what a lift has to: finds the keys, opens the store, and gathers what the log
//! must not show.

use crate::config::{Config, Problems, SessionStore};
use crate::hook::find::Found;
use crate::secrets::Redactor;
use crate::session::{Keys, Sessions};
use crate::store::Store;

/// The keys of sessions, if any hook was granted them: nobody else has to have a secret for them.
pub(super) fn keys(config: &Config, hooks: &[Found], problems: &mut Problems) -> Option<Keys> {
    if !hooks.iter().any(|hook| hook.reach.session) {
        return None;
    }
    Keys::find(config).map_err(|found| problems.0.extend(found.0)).ok()
}

/// Sessions in the store that the configuration names.
pub(super) fn open(config: &Config, keys: Keys) -> Sessions {
    let settings = config.session.clone();
    let bytes_max = Sessions::stored_bytes_max(&settings);
    let store = match settings.store {
        SessionStore::Memory => Store::memory(settings.memory, bytes_max),
    };
    Sessions::new(settings, keys, store)
}

/// Knows the secrets of all hooks: one may hand what it was granted to another.
pub(super) fn redactor(hooks: &[Found]) -> Redactor {
    let secrets = hooks.iter().flat_map(|hook| &hook.reach.secrets);
    Redactor::new(secrets.map(|(name, secret)| (name.as_str(), secret)))
}
