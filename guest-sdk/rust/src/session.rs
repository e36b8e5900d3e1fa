//! Reads and changes the session of the client whose exchange is at hand.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Result;
use crate::host::session as host;

/// The session: values that last from one request of a client to the next. By the grant `session = true`.
///
/// The host reads it when a hook first asks, and writes it before the response goes out, if something has
/// changed. Observers of responses may change it too; after the last byte it can be read alone.
///
/// ```
/// use boathook_sdk::prelude::*;
///
/// fn log_in(req: &mut Request, res: &mut Response) -> Result<Outcome> {
///     let session = req.session();
///     session.regenerate()?;
///     session.set("userId", 7)?;
///     session.flash("success", "Welcome back!")?;
///     res.redirect("/")
/// }
/// ```
pub struct Session(());

impl Session {
    pub(crate) fn at_hand() -> Self {
        Self(())
    }

    /// The value of a key; none where there is none.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        parsed(host::get(key)?)
    }

    /// All keys with their values, as one object.
    pub fn all(&self) -> Result<Value> {
        Ok(serde_json::from_str(&host::all()?)?)
    }

    /// Sets the value of a key. Where there was no session, one begins.
    pub fn set(&self, key: &str, value: impl Serialize) -> Result<()> {
        host::set(key, &serde_json::to_string(&value)?)?;
        Ok(())
    }

    /// Removes a key.
    pub fn delete(&self, key: &str) -> Result<()> {
        host::delete(key)?;
        Ok(())
    }

    /// Ends the session, and takes the cookie away from the client.
    pub fn destroy(&self) -> Result<()> {
        host::destroy()?;
        Ok(())
    }

    /// Gives the session a new id; what it holds stays. Call it where a user logs in: an id that somebody
    /// has foisted on them is worth nothing then.
    pub fn regenerate(&self) -> Result<()> {
        host::regenerate()?;
        Ok(())
    }

    /// Leaves a value that is there until [`read_flash`](Self::read_flash) takes it, most often at the next
    /// request.
    pub fn flash(&self, key: &str, value: impl Serialize) -> Result<()> {
        host::flash(key, &serde_json::to_string(&value)?)?;
        Ok(())
    }

    /// Takes a flash out; none where there is none.
    pub fn read_flash<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        parsed(host::read_flash(key)?)
    }
}

fn parsed<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>> {
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}
