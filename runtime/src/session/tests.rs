//! Tests of sessions over a store in memory: what a browser would see of them.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::config::{Sources, load};

const FIRST: &str = "first-secret-that-is-long-enough!";
const SECOND: &str = "second-secret-that-is-long-enough";

/// Sessions of an app with these settings, under these secrets.
fn sessions(toml: &str, secrets: &[(&str, &str)]) -> Sessions {
    let config = configured("test", toml, secrets);
    let settings = config.session.clone();
    let value = usize::try_from(Sessions::stored_bytes_max(&settings)).unwrap();
    let store = Store::memory(settings.size, value);
    Sessions::new(settings, Keys::find(&config).unwrap(), store)
}

fn configured(environment: &str, toml: &str, secrets: &[(&str, &str)]) -> crate::config::Config {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("boathook.toml"), toml).unwrap();
    let named = |name: &str| format!("BOATHOOK_SECRET_{}", name.to_uppercase()).into();
    load(&Sources {
        dir: dir.path().to_owned(),
        environment: Some(environment.into()),
        vars: secrets.iter().map(|(name, text)| (named(name), (*text).into())).collect(),
        ..Sources::default()
    })
    .unwrap()
}

fn in_test(toml: &str) -> Sessions {
    sessions(toml, &[("session", FIRST)])
}

/// What a browser keeps of the cookies that it was sent.
#[derive(Clone, Debug, Default)]
struct Browser {
    headers: HeaderMap,
    /// The last field that it was sent.
    told: String,
}

impl Browser {
    /// A browser with this cookie.
    fn with(cookie: &str) -> Self {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).unwrap())]);
        Self { headers, ..Self::default() }
    }

    fn cookie(&self) -> &str {
        self.headers.get(COOKIE).map_or("", |line| line.to_str().unwrap())
    }

    /// Whether it was sent anything by the last exchange.
    fn was_told(&self) -> bool {
        !self.told.is_empty()
    }

    /// An exchange: the hooks' part, then the response.
    async fn visit<T>(&mut self, sessions: &Sessions, hook: impl FnOnce(&mut Session) -> T) -> T {
        let mut session = sessions.open(self.headers.get(COOKIE)).await;
        let returned = hook(&mut session);
        self.answer(sessions, session).await;
        returned
    }

    async fn answer(&mut self, sessions: &Sessions, mut session: Session) {
        let field = sessions.keep(&mut session, Scheme::Http).await.unwrap();
        self.told = field.map_or_else(String::new, |field| field.to_str().unwrap().to_owned());
        if self.told.contains("Max-Age=0") {
            self.headers.clear();
        } else if let Some((pair, _)) = self.told.split_once(';') {
            self.headers.insert(COOKIE, HeaderValue::from_str(pair).unwrap());
        }
    }
}

fn put(session: &mut Session, key: &str, value: &str) {
    session.set(key, value.to_owned(), 1000).unwrap();
}

fn value(session: &mut Session, key: &str) -> Option<String> {
    session.get(key).map(str::to_owned)
}

#[tokio::test]
async fn what_is_set_is_there_for_the_same_browser_and_for_no_other() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "me", "7")).await;
    assert!(browser.told.starts_with("boathook.sid="), "{}", browser.told);
    assert!(browser.told.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{}", browser.told);
    assert_eq!(browser.visit(&sessions, |it| value(it, "me")).await, Some("7".into()));
    assert!(!browser.was_told());
    assert_eq!(Browser::default().visit(&sessions, |it| value(it, "me")).await, None);
}

#[tokio::test]
async fn what_is_only_read_is_not_written() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| value(it, "me")).await;
    assert!(!browser.was_told());
    let page = sessions.store.names(SPACE, "", None, 10).await.unwrap();
    assert_eq!(page.names, [""; 0]);
}

#[tokio::test]
async fn a_cookie_that_was_tampered_with_is_none() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "me", "7")).await;
    let good = browser.cookie().to_owned();
    let last = if good.ends_with('0') { '1' } else { '0' };
    let other_id = format!("{}{last}", &good[..good.len() - 1]);
    let (name, value) = good.split_once('=').unwrap();
    let first = if value.starts_with('A') { 'B' } else { 'A' };
    let other_signature = format!("{name}={first}{}", &value[1..]);
    let unsigned = format!("{name}={}", &value[44..]);
    for forged in [&other_id, &other_signature, &unsigned, "boathook.sid=", "boathook.sid=s:x.y"] {
        let mut forger = Browser::with(forged);
        assert_eq!(forger.visit(&sessions, |it| self::value(it, "me")).await, None, "{forged}");
        // What is set begins a session of its own.
        forger.visit(&sessions, |it| put(it, "me", "8")).await;
        assert!(forger.was_told() && !forger.told.contains(&value[44..]), "{forged}");
    }
    // Among cookies of one name the good one counts, and so does it among others.
    for both in [format!("{other_id}; {good}"), format!("a=b; {good}; \"c")] {
        let mut browser = Browser::with(&both);
        assert_eq!(browser.visit(&sessions, |it| self::value(it, "me")).await, Some("7".into()));
    }
}

#[tokio::test]
async fn an_id_that_is_not_in_the_store_is_not_taken_over() {
    let sessions = in_test("");
    let mut attacker = Browser::default();
    attacker.visit(&sessions, |it| put(it, "a", "1")).await;
    let foisted = attacker.cookie().to_owned();
    attacker.visit(&sessions, Session::destroy).await;
    let mut victim = Browser::with(&foisted);
    victim.visit(&sessions, |it| put(it, "me", "7")).await;
    assert_ne!(victim.cookie(), foisted);
    let mut attacker = Browser::with(&foisted);
    assert_eq!(attacker.visit(&sessions, |it| value(it, "me")).await, None);
}

#[tokio::test]
async fn a_new_id_keeps_what_there_is_and_ends_the_old_one() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "cart", "3")).await;
    let before = browser.clone();
    browser
        .visit(&sessions, |it| {
            it.regenerate();
            put(it, "me", "7");
        })
        .await;
    assert_ne!(browser.cookie(), before.cookie());
    let both = |it: &mut Session| (value(it, "cart"), value(it, "me"));
    assert_eq!(browser.visit(&sessions, both).await, (Some("3".into()), Some("7".into())));
    assert_eq!(before.clone().visit(&sessions, both).await, (None, None));
}

#[tokio::test]
async fn what_is_destroyed_is_gone_and_so_is_the_cookie() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "me", "7")).await;
    let before = browser.clone();
    browser.visit(&sessions, Session::destroy).await;
    assert!(browser.told.starts_with("boathook.sid=; "), "{}", browser.told);
    assert!(browser.told.contains("Path=/; Max-Age=0; "), "{}", browser.told);
    assert_eq!(before.clone().visit(&sessions, |it| value(it, "me")).await, None);
    // Nothing to end, nothing to say.
    browser.visit(&sessions, Session::destroy).await;
    assert!(!browser.was_told());
}

#[tokio::test]
async fn the_first_secret_signs_and_all_of_them_verify() {
    let secrets = [("first", FIRST), ("second", SECOND)];
    for encrypt in [false, true] {
        let toml =
            |names: &str| format!("session = {{ secrets = [{names}], encrypt = {encrypt} }}");
        let old = sessions(&toml("'first'"), &secrets);
        let mut browser = Browser::default();
        browser.visit(&old, |it| put(it, "me", "7")).await;
        let signed_by_first = browser.cookie().to_owned();
        // The same store, under more secrets.
        let config = configured("test", &toml("'second', 'first'"), &secrets);
        let rotated =
            Sessions::new(config.session.clone(), Keys::find(&config).unwrap(), old.store);
        assert_eq!(browser.visit(&rotated, |it| value(it, "me")).await, Some("7".into()));
        assert!(browser.was_told(), "a cookie of an old secret is made anew");
        assert_ne!(browser.cookie(), signed_by_first);
        assert_eq!(browser.visit(&rotated, |it| value(it, "me")).await, Some("7".into()));
        assert!(!browser.was_told());
        let config = configured("test", &toml("'second'"), &secrets);
        let done =
            Sessions::new(config.session.clone(), Keys::find(&config).unwrap(), rotated.store);
        assert_eq!(browser.visit(&done, |it| value(it, "me")).await, Some("7".into()));
        let mut late = Browser::with(&signed_by_first);
        assert_eq!(late.visit(&done, |it| value(it, "me")).await, None);
    }
}

#[tokio::test]
async fn an_encrypted_cookie_hides_the_id() {
    let (signed, encrypted) = (in_test(""), in_test("session.encrypt = true"));
    let mut browser = Browser::default();
    browser.visit(&signed, |it| put(it, "me", "7")).await;
    let ids = signed.store.names(SPACE, "", None, 10).await.unwrap().names;
    assert!(browser.cookie().ends_with(&ids[0]));
    browser.visit(&encrypted, |it| put(it, "me", "7")).await;
    let ids = encrypted.store.names(SPACE, "", None, 10).await.unwrap().names;
    assert!(browser.was_told() && !browser.cookie().contains(&ids[0]));
    assert_eq!(browser.visit(&encrypted, |it| value(it, "me")).await, Some("7".into()));
}

#[tokio::test]
async fn exchanges_at_the_same_time_are_merged_key_by_key() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "a", "0")).await;
    let mut first = sessions.open(browser.headers.get(COOKIE)).await;
    let mut second = sessions.open(browser.headers.get(COOKIE)).await;
    put(&mut first, "a", "1");
    put(&mut first, "b", "1");
    put(&mut second, "a", "2");
    put(&mut second, "c", "2");
    browser.answer(&sessions, first).await;
    browser.answer(&sessions, second).await;
    let all = browser.visit(&sessions, |it| it.to_json()).await;
    assert_eq!(all, r#"{"a":2,"b":1,"c":2}"#);
}

#[tokio::test]
async fn who_logs_out_is_not_logged_in_again_by_a_request_that_was_on_its_way() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "me", "7")).await;
    for renew in [false, true] {
        let mut late = browser.clone();
        let mut on_its_way = sessions.open(late.headers.get(COOKIE)).await;
        if !renew {
            browser.visit(&sessions, Session::destroy).await;
        }
        put(&mut on_its_way, "seen", "1");
        if renew {
            on_its_way.regenerate();
        }
        late.answer(&sessions, on_its_way).await;
        assert_eq!(late.visit(&sessions, |it| value(it, "me")).await, None);
        browser = Browser::default();
        late.visit(&sessions, |it| put(it, "me", "7")).await;
        late.visit(&sessions, Session::destroy).await;
        browser.headers = late.headers;
    }
}

#[tokio::test]
async fn who_logs_in_keeps_the_new_cookie_beside_a_request_that_was_on_its_way() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "cart", "3")).await;
    for renew in [false, true] {
        let mut late = browser.clone();
        let mut on_its_way = sessions.open(late.headers.get(COOKIE)).await;
        browser.visit(&sessions, Session::regenerate).await;
        assert!(browser.was_told());
        put(&mut on_its_way, "seen", "1");
        if renew {
            on_its_way.regenerate();
        }
        late.answer(&sessions, on_its_way).await;
        assert!(!late.was_told(), "{}", late.told);
        assert_eq!(browser.visit(&sessions, |it| value(it, "cart")).await, Some("3".into()));
    }
    let page = sessions.store.names(SPACE, "", None, 10).await.unwrap();
    assert_eq!(page.names.len(), 1);
}

#[tokio::test]
async fn a_new_id_has_what_another_request_has_written_since_the_session_was_read() {
    let sessions = in_test("");
    let mut browser = Browser::default();
    browser.visit(&sessions, |it| put(it, "cart", "3")).await;
    let mut on_its_way = sessions.open(browser.headers.get(COOKIE)).await;
    browser.visit(&sessions, |it| put(it, "cart", "4")).await;
    on_its_way.regenerate();
    browser.answer(&sessions, on_its_way).await;
    assert_eq!(browser.visit(&sessions, |it| value(it, "cart")).await, Some("4".into()));
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_at_the_end_of_its_lifetime() {
    let idle = in_test("session.idle = '300ms'");
    let mut browser = Browser::default();
    browser.visit(&idle, |it| put(it, "me", "7")).await;
    let until = std::time::Instant::now() + Duration::from_secs(1);
    let mut longest = Duration::ZERO;
    while std::time::Instant::now() < until {
        let pause = std::time::Instant::now();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let there = browser.visit(&idle, |it| value(it, "me")).await;
        longest = longest.max(pause.elapsed());
        // A machine that was busy for so long tells nothing.
        assert!(there.is_some() || longest > Duration::from_millis(250), "{longest:?}");
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(browser.visit(&idle, |it| value(it, "me")).await, None);

    let short = in_test("session.lifetime = '300ms'");
    let mut browser = Browser::default();
    browser.visit(&short, |it| put(it, "me", "7")).await;
    let mut visits = 0;
    while browser.visit(&short, |it| value(it, "me")).await.is_some() {
        browser.visit(&short, |it| put(it, "visits", &visits.to_string())).await;
        visits += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(visits < 1000, "it never ends");
    }
}

#[tokio::test]
async fn the_cookie_is_as_it_was_configured() {
    for (toml, scheme, wanted) in [
        ("", Scheme::Https, "; HttpOnly; SameSite=Lax; Secure; Path=/"),
        ("secure = false", Scheme::Https, "; HttpOnly; SameSite=Lax; Path=/"),
        (
            "name = '__Host-sid'\nsecure = true\nsame_site = 'strict'\nhttp_only = false",
            Scheme::Http,
            "; SameSite=Strict; Secure; Path=/",
        ),
        (
            "domain = 'example.com'\npath = '/app'\npersistent = true\nlifetime = '2h'",
            Scheme::Http,
            "; HttpOnly; SameSite=Lax; Path=/app; Domain=example.com; Max-Age=7200",
        ),
    ] {
        let sessions = in_test(&format!("[session]\n{toml}"));
        let mut session = Session::default();
        put(&mut session, "me", "7");
        let field = sessions.keep(&mut session, scheme).await.unwrap().unwrap();
        let text = field.to_str().unwrap();
        assert!(text.ends_with(wanted), "{text} does not end in {wanted}");
        assert!(text.starts_with(&format!("{}=", sessions.settings.name)), "{text}");
    }
}

#[tokio::test]
async fn a_store_that_is_full_fails_or_is_gone_without() {
    let full = in_test("session.size = 1");
    let mut session = Session::default();
    put(&mut session, "me", "7");
    let error = full.keep(&mut session, Scheme::Http).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the session cannot be written: the store is full"),
        "{error}"
    );
    let lenient = in_test("session = { size = 1, on_store_failure = 'empty' }");
    assert_eq!(lenient.keep(&mut session, Scheme::Http).await.unwrap(), None);
}

#[test]
fn a_secret_must_be_there_and_long_enough_outside_of_development() {
    let problem = |environment, toml, secrets: &[(&str, &str)]| {
        Keys::find(&configured(environment, toml, secrets)).unwrap_err().to_string()
    };
    assert_eq!(
        problem("production", "", &[]),
        "session: secret `session`: `BOATHOOK_SECRET_SESSION` is not set\n\
         hint: set `BOATHOOK_SECRET_SESSION`, to what `openssl rand -hex 32` prints"
    );
    assert_eq!(
        problem("production", "", &[("session", "short")]),
        "session: secret `session` has 5 bytes, of 32 at least\n\
         hint: make one by `openssl rand -hex 32`"
    );
    assert!(Keys::find(&configured("development", "", &[])).unwrap().made_up);
    // Who names one means it.
    let named = problem("development", "session.secrets = ['mine']", &[]);
    assert!(
        named.starts_with("session: secret `mine`: `BOATHOOK_SECRET_MINE` is not set"),
        "{named}"
    );
    assert!(!Keys::find(&configured("production", "", &[("session", FIRST)])).unwrap().made_up);
}
