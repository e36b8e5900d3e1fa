//! Does for events between servers what a lift has to: finds the password, and joins the other nodes.

use std::sync::Arc;

use super::LiftError;
use crate::config::{Config, Problem};
use crate::hook::find::problem;
use crate::host::Shared;
use crate::nodes::Nodes;
use crate::store::server;

/// What keeps this server from joining others, before anything runs.
pub(super) fn unfit(config: &Config) -> Option<Problem> {
    let redis = config.stores.redis.as_ref().filter(|_| config.events_across_nodes)?;
    let error = server(redis).and_then(|server| server.client().map(drop)).err()?;
    let mut problem = problem(format!("events for other servers: {error}"));
    problem.origin = config.tree.origin("redis");
    Some(problem)
}

/// Joins the app's other servers, if events go there. A Redis that does not answer is no error: events of
/// this server go on without it.
pub(super) async fn join(config: &Config, shared: &Arc<Shared>) -> Result<(), LiftError> {
    let Some(redis) = config.stores.redis.as_ref().filter(|_| config.events_across_nodes) else {
        return Ok(());
    };
    let joined = async { Nodes::join(&server(redis)?, &shared.events).await };
    let nodes = joined.await.map_err(|error| {
        LiftError::Problems(problem(format!("events for other servers: {error}")).into())
    })?;
    // A server is lifted once.
    let _ = shared.nodes.set(Arc::new(nodes));
    Ok(())
}
