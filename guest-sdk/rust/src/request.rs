//! Reads and changes the request of the exchange at hand, one crossing a thing.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::host::request as host;
use crate::{Error, Headers, Result, Session};

/// The request. Nothing of it is copied into the hook until a getter asks.
///
/// Observers get it as `&Request`: by then it can be read and no longer changed, locals excepted.
pub struct Request(());

impl Request {
    /// The request of the exchange at hand. Handlers are given it; a [method](crate::Methods) takes that of
    /// its caller's exchange by this. Where there is none, as in `initialize`, what it is asked for traps.
    pub fn at_hand() -> Self {
        Self(())
    }

    /// The method, in capitals: `GET`.
    pub fn method(&self) -> String {
        host::method()
    }

    /// The path, without the query.
    pub fn path(&self) -> String {
        host::path()
    }

    /// What stood behind the `?`, undecoded; empty where nothing did.
    pub fn query(&self) -> String {
        host::query()
    }

    /// The first value of this name in the query, decoded: `+` is a space.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let query = host::query();
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decode(key)? == name { decode(value) } else { None }
        })
    }

    /// A parameter of the route's address, decoded: `id` of `/users/:id`, `0` for the first `*`.
    pub fn param(&self, name: &str) -> Option<String> {
        host::param(name)
    }

    /// All parameters, in the order of the address.
    pub fn params(&self) -> Vec<(String, String)> {
        host::params()
    }

    /// The values of one header, joined by `, `; none where it is missing or is not UTF-8.
    pub fn header(&self, name: &str) -> Option<String> {
        String::from_utf8(host::header(name)?).ok()
    }

    /// The same as the bytes that they are.
    pub fn header_bytes(&self, name: &str) -> Option<Vec<u8>> {
        host::header(name)
    }

    /// All headers, in one crossing.
    pub fn headers(&self) -> Headers {
        Headers::from_block(host::headers())
    }

    /// The value of one cookie, decoded.
    pub fn cookie(&self, name: &str) -> Option<String> {
        host::cookie(name)
    }

    /// All cookies, in the order in which they were sent.
    pub fn cookies(&self) -> Vec<(String, String)> {
        host::cookies()
    }

    /// Who asks: the address of the peer, or what a trusted proxy says it is.
    pub fn ip(&self) -> String {
        host::ip()
    }

    /// `http` or `https`.
    pub fn protocol(&self) -> String {
        host::protocol()
    }

    /// The request's id, as it stands in the log.
    pub fn id(&self) -> String {
        host::id()
    }

    /// The options of all routes that this request matches, as one object.
    pub fn options(&self) -> Value {
        serde_json::from_str(&host::options()).unwrap_or_default()
    }

    /// The body. The route must say [`read_body`](crate::Routes::read_body). Over `limits.body` it is
    /// an error with status 413: return that, or answer `Next` and the target gets the body untouched.
    pub fn body(&self) -> Result<Vec<u8>> {
        let body = host::body()?;
        Ok(body)
    }

    /// The body, read as JSON; what does not fit is an error with status 400.
    ///
    /// ```
    /// # use boathook_sdk::prelude::*;
    /// fn add(req: &Request) -> Result<()> {
    ///     let note: Value = req.body_json()?;
    ///     log::info!("got {note}");
    ///     Ok(())
    /// }
    /// ```
    pub fn body_json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body()?)
            .map_err(|error| Error::bad_request(format!("body: {error}")))
    }

    /// One local: a value that belongs to this exchange, for the hooks that follow and for observers.
    pub fn local<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match host::local(name) {
            Some(text) => Ok(Some(serde_json::from_str(&text)?)),
            None => Ok(None),
        }
    }

    /// All locals, as one object.
    pub fn locals(&self) -> Value {
        serde_json::from_str(&host::locals()).unwrap_or_default()
    }

    /// Sets a local. Observers may, too.
    pub fn set_local(&self, name: &str, value: impl Serialize) -> Result<()> {
        host::set_local(name, &serde_json::to_string(&value)?)?;
        Ok(())
    }

    /// The session of the client. Nothing is read until it is asked for something.
    pub fn session(&self) -> Session {
        Session::at_hand()
    }

    /// Replaces all values of one header, for what follows in the chain.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
        host::set_header(name, value.as_ref())?;
        Ok(())
    }

    /// Removes all values of one header, for what follows.
    pub fn remove_header(&mut self, name: &str) -> Result<()> {
        host::remove_header(name)?;
        Ok(())
    }

    /// Replaces the path. What follows in the chain is matched anew.
    pub fn set_path(&mut self, path: &str) -> Result<()> {
        host::set_path(path)?;
        Ok(())
    }

    /// Replaces the query, for what follows; given without the `?`.
    pub fn set_query(&mut self, query: &str) -> Result<()> {
        host::set_query(query)?;
        Ok(())
    }

    /// Replaces the body, for what follows.
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<()> {
        host::set_body(body.as_ref())?;
        Ok(())
    }
}

/// Decodes `%xx` and `+`. None where the outcome is not UTF-8; a stray `%` stands for itself.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = match (first, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        rest = match hex {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                &tail[2..]
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn query_values_are_decoded() {
        for (text, expected) in [
            ("", Some("")),
            ("a+b%20c", Some("a b c")),
            ("%C3%A9", Some("é")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("%ff", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
