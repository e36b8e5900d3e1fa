//! Does what the `secrets` import asks: hands a hook the secrets that it was granted by name.

use super::{GuestError, State, not_granted};
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::secrets::Host;

impl Host for State {
    fn get(&mut self, name: String) -> Result<std::result::Result<String, GuestError>> {
        self.enter()?;
        let Some(secret) = self.context.reach.secrets.get(&name) else {
            let (what, line) = (format!("the secret `{name}`"), format!("secrets = [\"{name}\"]"));
            return Ok(Err(not_granted(&self.context.name, &what, &line)));
        };
        let text = secret.expose().to_owned();
        self.reads().secret = true;
        Ok(Ok(text))
    }
}
