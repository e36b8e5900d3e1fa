//! Does what the `log` import asks: writes a hook's lines into the server's log, up to a limit a call.

use super::State;
use crate::log::{self, Level};
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::log::{Host, Level as GuestLevel};

impl From<GuestLevel> for Level {
    fn from(level: GuestLevel) -> Self {
        match level {
            GuestLevel::Silly => Self::Silly,
            GuestLevel::Verbose => Self::Verbose,
            GuestLevel::Info => Self::Info,
            GuestLevel::Debug => Self::Debug,
            GuestLevel::Warn => Self::Warn,
            GuestLevel::Error => Self::Error,
        }
    }
}

impl Host for State {
    fn log(&mut self, level: GuestLevel, message: String, fields: String) -> Result<()> {
        self.enter()?;
        let level = Level::from(level);
        if !self.context.outside.logs(level) {
            return Ok(());
        }
        let fields = if fields == "{}" { "" } else { fields.as_str() };
        let (shared, outside) = (self.context.shared(), &self.context.outside);
        let redactor = &shared.redactor;
        let (message, fields) = (redactor.clean(&message), redactor.clean(fields));
        let (allowed, cut) = self.meter.take_log(message.len() + fields.len());
        let hook = &*self.context.name;
        let request = self.exchange.as_ref().map(|exchange| exchange.request.id.to_string());
        let request = request.as_deref();
        if allowed == message.len() + fields.len() {
            outside.log(level, hook, request, &message, &fields);
        } else if allowed > 0 {
            outside.log(level, hook, request, log::prefix(&message, allowed), "");
        }
        if cut {
            let limit = self.context.limits.log;
            outside.log(
                Level::Warn,
                hook,
                request,
                &format!("`limits.log` of {limit} bytes a call reached: the rest is cut"),
                "",
            );
        }
        Ok(())
    }

    fn enabled(&mut self, level: GuestLevel) -> Result<bool> {
        self.enter()?;
        Ok(self.context.outside.logs(level.into()))
    }
}
