//! Does for tasks and ticks what a lift has to: checks that hooks can be given what is declared for them, and
//! opens what durable tasks lie in.

use std::sync::Arc;

use super::{LiftError, Prepared};
use crate::config::{Config, Problem};
use crate::hook::find::{Found, problem};
use crate::store::{Agenda, Store};
use crate::tasks::STORED_BYTES_MAX;

impl Prepared {
    /// Where durable tasks lie; none if no hook was granted any.
    pub(super) async fn open_agenda(
        &self,
        store: Option<&Store>,
    ) -> Result<Option<Arc<Agenda>>, LiftError> {
        if let Some(open) = self.kept.running().and_then(|app| app.shared.agenda.clone()) {
            return Ok(Some(open));
        }
        let wanted = self.hooks.found.iter().any(|hook| hook.reach.tasks);
        let Some(store) = store.filter(|_| wanted) else { return Ok(None) };
        let opened = Agenda::open(store.with_values_of(STORED_BYTES_MAX)).await;
        opened.map(|agenda| Some(Arc::new(agenda))).map_err(|error| {
            LiftError::Problems(problem(format!("the store of durable tasks: {error}")).into())
        })
    }
}

/// What is declared for a hook that its component cannot do.
pub(super) fn unfit(hook: &Found, config: &Config) -> Option<Problem> {
    let tick = hook.ticks.first()?;
    if hook.facts.has_background() {
        return None;
    }
    let mut problem = problem(format!(
        "hook `{0}`: load: it has the tick `{1}`, and the component does not export `background`\n\
         hint: build it against the world `hook`, or take them away: `ticks = []` in `[hooks.{0}]`",
        hook.name, tick.name
    ));
    problem.origin = config.hook(&hook.name).origins.get("ticks").cloned();
    Some(problem)
}
