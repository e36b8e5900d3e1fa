//! Brings a new instance to where the hook's first one stood: it goes through the same lifecycle.
//!
//! What such a lifecycle sets, emits, subscribes to and publishes has been done, and is not done again.
//! `hook_timeout` bounds it, never a request's cpu.

use std::sync::Arc;
use std::time::Duration;

use super::compile::Program;
use super::instance::{Instance, Returned};
use super::limits::Allowance;
use crate::error::{Code, Failure, HookError, Phase};
use crate::host::Context;

/// What it takes to repeat a hook's lifecycle.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What `defaults` was given.
    pub overrides: Arc<String>,
    /// Bounds each call.
    pub time: Duration,
}

impl Replay {
    /// Makes an instance and runs its lifecycle.
    ///
    /// # Errors
    /// What that fails with; an error that the hook returns is `E_HOOK_START`, as it did not at first.
    pub(super) async fn run(
        &self,
        program: &Program,
        context: &Arc<Context>,
    ) -> Result<Box<Instance>, Failure> {
        let allowance = Allowance::lifecycle(self.time);
        let mut instance = Instance::start(program, context, true, None).await?;
        let failed = |phase: Phase| move |said: HookError| failed_again(context, phase, said);
        if program.has_lifecycle() {
            let defaults = instance.defaults(&self.overrides, &allowance).await?;
            defaults.map_err(failed(Phase::Defaults))?;
            instance.configure(&allowance).await?.map_err(failed(Phase::Configure))?;
            instance.initialize(&allowance).await?.map_err(failed(Phase::Initialize))?;
        }
        if program.has_routing() {
            instance.routes(&allowance).await?.map_err(failed(Phase::Routes))?;
        }
        Ok(instance)
    }

    /// Gives an instance what the generation before handed out.
    pub(super) async fn give(&self, instance: &mut Instance, value: &String) -> Returned<()> {
        let given = instance.after_swap(value, &Allowance::lifecycle(self.time)).await;
        instance.was_given = matches!(given, Ok(Ok(())));
        given
    }

    /// The same for an instance that is not the first to be given it.
    ///
    /// # Errors
    /// What that fails with, as [`Self::run`] has it.
    pub(super) async fn give_again(
        &self,
        instance: &mut Instance,
        context: &Arc<Context>,
        value: &String,
    ) -> Result<(), Failure> {
        let given = self.give(instance, value).await?;
        given.map_err(|said| failed_again(context, Phase::AfterSwap, said))
    }
}

/// What to say of a call that had succeeded the first time.
fn failed_again(context: &Context, phase: Phase, said: HookError) -> Failure {
    let text = format!("the repeated call failed: {}", said.message);
    let mut failure = Failure::new(Code::HookStart, text).in_hook(&context.name, phase);
    failure.said = Some(HookError { status: None, ..said });
    failure
}
