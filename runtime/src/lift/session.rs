//! Does for sessions and secrets what a lift has to: finds the keys, opens the store, and gathers what the log
//! must not show.

use std::sync::Arc;

use super::{LiftError, Prepared};
use crate::config::{Config, Problems, Target};
use crate::hook::find::{Found, problem};
use crate::secrets::{self, Redactor, Secret, read_at};
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
        if let Some(store) = self.outside.store() {
            let store = store.with_values_of(usize::try_from(bounds.1).unwrap_or(usize::MAX));
            let sessions = Sessions::new(settings, keys, store).by(self.outside.clock());
            return Ok(Some(Arc::new(sessions)));
        }
        match store::open(settings.store, &settings.file, bounds, redis).await {
            Ok(store) => {
                let sessions = Sessions::new(settings, keys, store.forgetting());
                Ok(Some(Arc::new(sessions)))
            }
            Err(error) => {
                let mut problem = problem(format!("the store of sessions: {error}"));
                let tree = &self.config.tree;
                problem.origin = tree.origin("session.store").or_else(|| tree.origin("session"));
                Err(LiftError::Problems(problem.into()))
            }
        }
    }
}

/// Knows the secrets of all hooks, as one may hand what it was granted to another, and the server's own.
pub(super) fn redactor(hooks: &[Found], config: &Config) -> Redactor {
    let granted = hooks.iter().flat_map(|hook| &hook.reach.secrets);
    let granted = granted.map(|(name, secret)| (name.as_str(), secret.clone()));
    // One that cannot be read is in nobody's hands; who needs it says so.
    let redis = config.stores.redis.as_ref();
    let redis = redis.and_then(|redis| read_at(redis.password.as_ref()?, &redis.variables).ok());
    let of_upstreams = config.routes.iter().filter_map(|route| match &route.target {
        Target::Upstream { forward_locals: Some(forward), .. } => Some(&forward.secret),
        _ => None,
    });
    let named = config.session.secrets.iter().chain(of_upstreams);
    let named = named.filter_map(|name| Some((name.as_str(), secrets::find(config, name).ok()?)));
    let own = redis.map(|password| ("redis.password", password)).into_iter().chain(named);
    let all: Vec<(&str, Secret)> = granted.chain(own).collect();
    Redactor::new(all.iter().map(|(name, secret)| (*name, secret)))
}
