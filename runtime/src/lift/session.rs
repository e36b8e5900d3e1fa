//! Does for sessions and secrets what a lift has to: finds the keys, opens the store, and gathers what the log
//! must not show.

use std::sync::Arc;

use super::{LiftError, Prepared};
use crate::config::{Config, Problems};
use crate::hook::find::{Found, problem};
use crate::secrets::Redactor;
use crate::session::{Keys, Sessions};
use crate::store;

/// The keys of sessions, if any hook was granted them: nobody else has to have a secret for them.
pub(super) fn keys(config: &Config, hooks: &[Found], problems: &mut Problems) -> Option<Keys> {
    if !hooks.iter().any(|hook| hook.reach.session) {
        return None;
    }
    Keys::find(config).map_err(|found| problems.0.extend(found.0)).ok()
}

impl Prepared {
    /// Sessions in the store that the configuration names; none if no hook was granted them. Those of a set
    /// that runs go on as they are.
    pub(super) async fn open_sessions(&self) -> Result<Option<Arc<Sessions>>, LiftError> {
        if let Some(open) = self.kept.running().and_then(|app| app.shared.sessions.clone()) {
            return Ok(Some(open));
        }
        let Some(keys) = self.keys.clone() else { return Ok(None) };
        let settings = self.config.session.clone();
        let bounds = (settings.size, Sessions::stored_bytes_max(&settings));
        let redis = self.config.stores.redis.as_ref();
        match store::open(settings.store, &settings.file, bounds, redis).await {
            Ok(store) => Ok(Some(Arc::new(Sessions::new(settings, keys, store)))),
            Err(error) => {
                let mut problem = problem(format!("the store of sessions: {error}"));
                let tree = &self.config.tree;
                problem.origin = tree.origin("session.store").or_else(|| tree.origin("session"));
                Err(LiftError::Problems(problem.into()))
            }
        }
    }
}

/// Knows the secrets of all hooks: one may hand what it was granted to another.
pub(super) fn redactor(hooks: &[Found]) -> Redactor {
    let secrets = hooks.iter().flat_map(|hook| &hook.reach.secrets);
    Redactor::new(secrets.map(|(name, secret)| (name.as_str(), secret)))
}
