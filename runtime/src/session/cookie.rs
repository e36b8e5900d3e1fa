//! Carries a session's id in a cookie: signed, or encrypted, by the crate `cookie`.
//!
//! Several secrets may be good at one time, so that one can be replaced: the first makes cookies, all of
//! them read.

use cookie::time::Duration;
use cookie::{Cookie, CookieJar, Key, SameSite};
use http::HeaderValue;

use super::state;
use crate::config::{self, Config, ENVIRONMENT, Problem, Problems, SessionSettings};
use crate::exchange::Scheme;
use crate::secrets;

/// Bytes that a secret has at least: as many as the signature that is made of it.
const SECRET_BYTES_MIN: usize = 32;
/// Cookies of one name that are looked at. A browser sends one, and two where another path or host has
/// set one of the same name.
const CANDIDATES_MAX: usize = 4;

/// The keys that cookies are signed or encrypted with.
#[derive(Clone)]
pub struct Keys {
    keys: Vec<Key>,
    /// Whether they were made up, as nobody named any.
    pub(crate) made_up: bool,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} keys", self.keys.len())
    }
}

impl Keys {
    /// The keys of an app: of the secrets that its configuration names; in development one is made up
    /// where there is none.
    ///
    /// # Errors
    /// If a secret is missing or too short.
    pub fn find(config: &Config) -> Result<Self, Problems> {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        let names = &config.session.secrets;
        let in_development = config.environment == ENVIRONMENT;
        for name in names {
            match secrets::find(config, name) {
                Ok(secret) if secret.expose().len() < SECRET_BYTES_MIN => {
                    let found = secret.expose().len();
                    problems.push(Problem {
                        message: format!(
                            "session: secret `{name}` has {found} bytes, of {SECRET_BYTES_MIN} at least"
                        ),
                        origin: config.tree.origin("session.secrets"),
                        hint: Some("make one by `openssl rand -hex 32`".into()),
                    });
                }
                Ok(secret) => keys.push(Key::derive_from(secret.expose().as_bytes())),
                Err(_) if in_development && !config.session.secrets_named => {
                    let key = Key::try_generate();
                    return Ok(Self { keys: key.into_iter().collect(), made_up: true });
                }
                Err(problem) => problems.push(Problem {
                    message: format!("session: {}", problem.message),
                    hint: Some(format!(
                        "set `{}`, to what `openssl rand -hex 32` prints",
                        config::variable(name)
                    )),
                    ..problem
                }),
            }
        }
        if problems.is_empty() {
            Ok(Self { keys, made_up: false })
        } else {
            Err(Problems(problems))
        }
    }

    /// The id in the first cookie of this name that is ours, and what that cookie is like.
    pub(super) fn read(
        &self,
        settings: &SessionSettings,
        sent: &HeaderValue,
    ) -> Option<(String, state::Cookie)> {
        // Each for itself: one that is no text does not spoil the others.
        let pairs = sent.as_bytes().split(|byte| *byte == b';');
        let all = pairs.filter_map(|pair| Cookie::parse(std::str::from_utf8(pair).ok()?).ok());
        let ours = all.filter(|cookie| cookie.name() == settings.name);
        ours.take(CANDIDATES_MAX).find_map(|cookie| {
            let cookie = cookie.into_owned();
            self.keys.iter().enumerate().find_map(|(at, key)| {
                let jar = CookieJar::new();
                let opened = match settings.encrypt {
                    true => jar.private(key).decrypt(cookie.clone()),
                    false => jar.signed(key).verify(cookie.clone()),
                };
                let like = if at == 0 { state::Cookie::Current } else { state::Cookie::Outdated };
                Some((opened?.value().to_owned(), like))
            })
        })
    }

    /// The field that gives a client its id, for `lives` seconds if it is to outlive the browser.
    pub(super) fn write(
        &self,
        settings: &SessionSettings,
        scheme: Scheme,
        id: String,
        lives: Option<i64>,
    ) -> Option<HeaderValue> {
        let key = self.keys.first()?;
        let mut cookie = bare(settings, scheme, id);
        cookie.set_max_age(lives.map(Duration::seconds));
        let mut jar = CookieJar::new();
        match settings.encrypt {
            true => jar.private_mut(key).add(cookie),
            false => jar.signed_mut(key).add(cookie),
        }
        field(jar.get(&settings.name)?)
    }

    /// The field that takes it away.
    pub(super) fn removal(settings: &SessionSettings, scheme: Scheme) -> Option<HeaderValue> {
        let mut cookie = bare(settings, scheme, String::new());
        cookie.make_removal();
        field(&cookie)
    }
}

fn bare(settings: &SessionSettings, scheme: Scheme, value: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(settings.name.clone(), value);
    cookie.set_path(settings.path.clone());
    if let Some(domain) = &settings.domain {
        cookie.set_domain(domain.clone());
    }
    if settings.http_only {
        cookie.set_http_only(true);
    }
    if settings.secure.unwrap_or(scheme == Scheme::Https) {
        cookie.set_secure(true);
    }
    cookie.set_same_site(match settings.same_site {
        config::SameSite::Strict => SameSite::Strict,
        config::SameSite::Lax => SameSite::Lax,
        config::SameSite::None => SameSite::None,
    });
    cookie
}

fn field(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    HeaderValue::from_str(&cookie.to_string()).ok()
}
