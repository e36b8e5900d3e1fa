//! Writes a `set-cookie` field.

use std::fmt;
use std::time::Duration;

/// A cookie to set. Its path is `/` unless another is given; name and value are percent-encoded where
/// they have to be, and decoded by [`Request::cookie`](crate::Request::cookie).
///
/// ```
/// use std::time::Duration;
/// use boathook_sdk::Cookie;
///
/// let cookie = Cookie::new("theme", "dark blue").max_age(Duration::from_secs(60)).http_only();
/// assert_eq!(cookie.to_string(), "theme=dark%20blue; Path=/; Max-Age=60; HttpOnly");
/// ```
#[derive(Clone, Debug)]
pub struct Cookie {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    max_age: Option<Duration>,
    same_site: Option<&'static str>,
    http_only: bool,
    secure: bool,
}

impl Cookie {
    /// A cookie that lives as long as the browser's session.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".into(),
            domain: None,
            max_age: None,
            same_site: None,
            http_only: false,
            secure: false,
        }
    }

    /// A cookie that makes the browser forget the one of this name.
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// The paths that it is sent to.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The hosts that it is sent to.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// How long it lives, in whole seconds.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Hides it from scripts.
    #[must_use]
    pub fn http_only(self) -> Self {
        Self { http_only: true, ..self }
    }

    /// Sends it over https alone.
    #[must_use]
    pub fn secure(self) -> Self {
        Self { secure: true, ..self }
    }

    /// Never sends it along from another site.
    #[must_use]
    pub fn same_site_strict(self) -> Self {
        Self { same_site: Some("Strict"), ..self }
    }

    /// Sends it along from another site when the user follows a link.
    #[must_use]
    pub fn same_site_lax(self) -> Self {
        Self { same_site: Some("Lax"), ..self }
    }

    /// Always sends it along; browsers demand [`secure`](Self::secure) with it, so that is set too.
    #[must_use]
    pub fn same_site_none(self) -> Self {
        Self { same_site: Some("None"), secure: true, ..self }
    }
}

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(&self.name, f)?;
        f.write_str("=")?;
        encode(&self.value, f)?;
        write!(f, "; Path={}", self.path)?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(max_age) = self.max_age {
            write!(f, "; Max-Age={}", max_age.as_secs())?;
        }
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={same_site}")?;
        }
        f.write_str(if self.secure { "; Secure" } else { "" })?;
        f.write_str(if self.http_only { "; HttpOnly" } else { "" })
    }
}

/// Leaves what a cookie may hold and `encodeURIComponent` leaves; `%` itself is encoded.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}
