//! Does what the `session` import asks: reads and changes the session of the exchange at hand.
//!
//! The session is read from its store by the first of these calls in an exchange; [`crate::chain`] has it
//! written before the response's head goes out.

use super::{GuestError, State, check_json, guest_error, no_exchange, not_granted};
use crate::exchange::Stage;
use crate::router::looks_like_asset;
use crate::sandbox::Result;
use crate::sandbox::bindings::boathook::hook::session::Host;
use crate::session::state::KEY_BYTES_MAX;
use crate::session::{Session, TooLarge};

type Answer<T> = std::result::Result<T, GuestError>;

impl Host for State {
    async fn get(&mut self, key: String) -> Result<Answer<Option<String>>> {
        let opened = self.open("session.get").await?;
        Ok(opened.map(|session| session.and_then(|it| it.get(&key)).map(str::to_owned)))
    }

    async fn all(&mut self) -> Result<Answer<String>> {
        let opened = self.open("session.all").await?;
        Ok(opened.map(|session| session.map_or_else(|| "{}".to_owned(), |it| it.to_json())))
    }

    async fn set(&mut self, key: String, value: String) -> Result<Answer<()>> {
        self.put("session.set", key, value, Session::set).await
    }

    async fn delete(&mut self, key: String) -> Result<Answer<()>> {
        self.change("session.delete", |session| session.delete(&key)).await
    }

    async fn destroy(&mut self) -> Result<Answer<()>> {
        self.change("session.destroy", Session::destroy).await
    }

    async fn regenerate(&mut self) -> Result<Answer<()>> {
        self.change("session.regenerate", Session::regenerate).await
    }

    async fn flash(&mut self, key: String, value: String) -> Result<Answer<()>> {
        self.put("session.flash", key, value, Session::flash).await
    }

    async fn read_flash(&mut self, key: String) -> Result<Answer<Option<String>>> {
        // Where there is none, there is nothing to change.
        match self.open("session.read-flash").await? {
            Ok(Some(session)) if session.has_flash(&key) => {}
            other => return Ok(other.map(|_| None)),
        }
        Ok(self.changed("session.read-flash")?.map(|session| session.read_flash(&key)))
    }
}

impl State {
    /// The session, read if it has not been; none where the exchange has none.
    async fn open(&mut self, function: &'static str) -> Result<Answer<Option<&mut Session>>> {
        self.enter()?;
        let context = self.context.clone();
        let Some(exchange) = self.exchange.as_deref_mut() else {
            return Ok(Err(no_exchange(function)));
        };
        let granted = context.reach.session;
        let shared = context.shared();
        let Some(sessions) = shared.sessions.as_deref().filter(|_| granted) else {
            return Ok(Err(no_grant(&context.name)));
        };
        if exchange.session_off || looks_like_asset(exchange.request.path.as_str()) {
            return Ok(Ok(None));
        }
        if exchange.session.is_none() {
            let sent = exchange.request.session_cookie.sent.as_ref();
            exchange.session = Some(Box::new(sessions.open(sent).await));
        }
        let session = exchange.session.as_deref_mut();
        match session.as_deref().map_or(Ok(()), |session| sessions.check(session)) {
            Ok(()) => Ok(Ok(session)),
            Err(error) => Ok(Err(guest_error("E_SESSION_STORE", error.to_string(), Some(503)))),
        }
    }

    /// The session, which [`State::open`] has read, to be changed.
    fn changed(&mut self, function: &'static str) -> Result<Answer<&mut Session>> {
        Ok(self
            .write(function, Stage::Response)?
            .and_then(|exchange| exchange.session.as_deref_mut().ok_or_else(|| off(function))))
    }

    async fn change(
        &mut self,
        function: &'static str,
        change: impl FnOnce(&mut Session),
    ) -> Result<Answer<()>> {
        match self.open(function).await? {
            Ok(Some(_)) => Ok(self.changed(function)?.map(change)),
            Ok(None) => Ok(Err(off(function))),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn put(
        &mut self,
        function: &'static str,
        key: String,
        value: String,
        put: fn(&mut Session, &str, String, u64) -> std::result::Result<(), TooLarge>,
    ) -> Result<Answer<()>> {
        if let Err(error) = check_json(&value, "the value") {
            return Ok(Err(error));
        }
        let shared = self.context.shared();
        let max = shared.sessions.as_ref().map_or(0, |sessions| sessions.settings.max_bytes);
        let mut fits = Ok(());
        let changed =
            self.change(function, |session| fits = put(session, &key, value, max)).await?;
        Ok(changed.and_then(|()| {
            fits.map_err(|TooLarge| {
                let text = format!(
                    "a session holds {max} bytes of keys and values (`session.max_bytes`), and a key \
                     {KEY_BYTES_MAX}\nhint: keep what is large in `kv`, and its key here"
                );
                guest_error("E_SESSION_TOO_LARGE", text, None)
            })
        }))
    }
}

fn no_grant(hook: &str) -> GuestError {
    not_granted(hook, "sessions", "session = true")
}

fn off(function: &str) -> GuestError {
    let text = format!(
        "`{function}` was called where there is no session: the path looks like a file, or a route that \
         matches says `session = false`"
    );
    guest_error("E_SESSION_OFF", text, None)
}
