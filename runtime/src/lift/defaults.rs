//! Gathers a hook's defaults: those of its manifest, and those that its `defaults` returns over them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Lifting;
use crate::config::Problem;
use crate::error::{Code, Failure, Phase};
use crate::hook::said;
use crate::sandbox::limits::Allowance;

/// Merges a hook's defaults under everything that is there already: those of its manifest, and those
/// that its `defaults` returns over them.
pub(super) async fn defaults(
    lifting: &mut Lifting,
    overrides: &String,
    time: Duration,
) -> Result<(), Failure> {
    let name = &lifting.context.name;
    let mut all = Value::Object(lifting.found.manifest.defaults.clone().unwrap_or_default());
    if lifting.program.has_lifecycle() {
        let returned = lifting.instance.defaults(overrides, &Allowance::lifecycle(time)).await;
        let text = said(name, Phase::Defaults, returned)?;
        let computed: Value = serde_json::from_str(&text)
            .map_err(|error| malformed(name, format!("returned invalid JSON: {error}")))?;
        overlay(&mut all, computed);
    }
    let mut merged = Ok(());
    lifting.context.shared().config.change(|tree| {
        merged = tree.merge_defaults(name, &lifting.context.config_key, all);
    });
    // Where it comes from is said already.
    merged.map_err(|problem| malformed(name, Problem { origin: None, ..problem }.to_string()))
}

fn malformed(hook: &Arc<str>, text: String) -> Failure {
    Failure::new(Code::HookBadResponse, text).in_hook(hook, Phase::Defaults)
}

/// Puts one JSON value over another: objects are merged, everything else is replaced.
fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
