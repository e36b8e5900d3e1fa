//! Says what of the operator's settings cannot be had, before anything runs: what no reader of the
//! configuration can know, as it takes the hooks or the disk.

use crate::config::{Config, Grants, Measure, Problem};
use crate::hook::find::{Found, problem};
use crate::server::Tls;

/// What is wrong with certificate and key: better said now than when the socket is bound.
pub(super) fn tls(config: &Config) -> Option<Problem> {
    let tls = config.server.tls.as_ref()?;
    let tls = Tls { certificate: tls.cert.clone(), key: tls.key.clone() };
    let error = anyhow::Error::new(tls.load().err()?);
    let mut problem = problem(format!("{error:#}"));
    problem.origin = config.tree.origin("tls");
    Some(problem)
}

/// What the operator's settings ask of a hook that it cannot do.
pub(super) fn hook(hook: &Found, config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let settings = config.hook(&hook.name);
    let says_fuel = settings.limits.measure.is_some_and(|all| all.contains(Measure::Fuel));
    if says_fuel && hook.limits.fuel.is_none() {
        found.push(problem(format!(
            "hook `{0}`: load: its fuel is to be measured, and it has no fuel limit\n\
             hint: set one: `[hooks.{0}] limits = {{ fuel = 10_000_000, measure = [\"fuel\"] }}`",
            hook.name
        )));
    }
    let granted = settings.grants.unwrap_or_default().0;
    for (kind, asked) in hook.manifest.grants.iter().flat_map(|grants| &grants.0) {
        if !granted.contains_key(kind) {
            let asked = Grants::written(asked);
            found.push(problem(format!(
                "hook `{0}`: load: it asks for the grant `{kind}`, and has it not\n\
                 hint: add `grants = {{ {kind} = {asked} }}` to `[hooks.{0}]`",
                hook.name
            )));
        }
    }
    found
}
