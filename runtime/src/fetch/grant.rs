//! Reads what a hook may fetch, and says whether a request is among it. Pure.
//!
//! A grant is an origin: a scheme, a host or a pattern of hosts, a port; and, where it is a table,
//! methods and whether the host may be in a private network.
//!
//! ```toml
//! grants.fetch = [
//!     "https://api.example.com",
//!     "https://*.example.com:8443",
//!     { url = "http://billing.internal", methods = ["GET"], private = true },
//! ]
//! ```
//!
//! Grants and requests are parsed by the same code, so that no two ways of writing a host differ.
//! Which addresses a host may have stands in [`Grants::admits`], and that it is the grant of the request's
//! own method which decides it, in [`Grants::by_method`].

use std::fmt;
use std::net::IpAddr;

use http::Method;
use serde_json::Value;
use url::{Host, Url};

use super::address::{Class, class};

/// All that a hook may fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// One thing that it may fetch from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    scheme: String,
    hosts: Hosts,
    port: u16,
    /// None means all.
    methods: Option<Vec<Method>>,
    /// Whether the host may have an address of a private network.
    private: bool,
}

/// Which hosts a grant is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// `*`.
    Any,
    /// `*.example.com`, kept as `.example.com`: whatever ends so, at any depth.
    Below(String),
    /// This name.
    Named(String),
    /// This address, and so it is granted whatever it is.
    Address(IpAddr),
}

/// What a request lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no grant for its origin.
    Origin,
    /// There are some, and only for these methods.
    Method(Vec<Method>),
}

/// Who is asked: a part of a URL that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: Host<String>,
    port: u16,
}

/// What is wrong with a grant.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct GrantError {
    /// What is wrong.
    pub message: String,
    /// The remedy.
    pub hint: &'static str,
}

const HINT: &str = "write it like `[\"https://api.example.com\"]`, `[\"https://*.example.com:8443\"]` or \
                    `[{ url = \"http://billing.internal\", methods = [\"GET\"], private = true }]`";

/// The keys of a grant that is a table.
const KEYS: [&str; 3] = ["url", "methods", "private"];

impl Grants {
    /// Reads the value of `grants.fetch`: an array of strings and tables. `false` grants nothing.
    ///
    /// # Errors
    /// The first grant that is wrong.
    pub fn read(value: &Value) -> Result<Self, GrantError> {
        let items = match value {
            Value::Bool(false) => return Ok(Self::default()),
            Value::Array(items) => items,
            _ => return Err(wrong("it is a list of what may be fetched from".into())),
        };
        items.iter().map(Grant::read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this request may be sent.
    ///
    /// # Errors
    /// What is missing.
    pub fn allow(&self, method: &Method, origin: &Origin) -> Result<(), Missing> {
        let mut others = None;
        for grant in self.of(origin) {
            match &grant.methods {
                Some(methods) if !methods.contains(method) => {
                    others.get_or_insert_with(Vec::new).extend(methods.iter().cloned());
                }
                _ => return Ok(()),
            }
        }
        Err(others.map_or(Missing::Origin, Missing::Method))
    }

    /// The grants apart by method: those for the methods that some grant names, where they differ from those
    /// for all other methods, which come last. So what one of them says of addresses holds for its own methods alone.
    pub fn by_method(&self) -> Vec<(Option<Vec<Method>>, Self)> {
        let others = self.for_methods(|methods| methods.is_none());
        let mut all: Vec<(Option<Vec<Method>>, Self)> = Vec::new();
        for method in self.0.iter().filter_map(|grant| grant.methods.as_ref()).flatten() {
            let own = self.for_methods(|named| named.is_none_or(|named| named.contains(method)));
            match all.iter_mut().find(|(_, grants)| *grants == own) {
                Some((Some(methods), _)) if !methods.contains(method) => {
                    methods.push(method.clone());
                }
                Some(_) => {}
                None => all.push((Some(vec![method.clone()]), own)),
            }
        }
        all.push((None, others));
        all
    }

    fn for_methods(&self, wanted: impl Fn(Option<&Vec<Method>>) -> bool) -> Self {
        Self(self.0.iter().filter(|grant| wanted(grant.methods.as_ref())).cloned().collect())
    }

    /// Whether this address may be connected to, for this origin. A public one may. Any other one
    /// only if the grant says so: by being for that very address, by being for `localhost` if the address
    /// is this machine's, or by `private = true` if it belongs to a private network.
    ///
    /// # Errors
    /// What kind of address it is.
    pub fn admits(&self, origin: &Origin, address: IpAddr) -> Result<(), Class> {
        let Some(class) = class(address) else { return Ok(()) };
        let says_so = |grant: &Grant| match &grant.hosts {
            Hosts::Address(granted) if *granted == address => true,
            Hosts::Named(name) if name == "localhost" && class == Class::Loopback => true,
            _ => grant.private && class.is_of_a_private_network(),
        };
        if self.of(origin).any(says_so) { Ok(()) } else { Err(class) }
    }

    fn of<'a>(&'a self, origin: &'a Origin) -> impl Iterator<Item = &'a Grant> {
        self.0.iter().filter(|grant| grant.matches(origin))
    }
}

impl Grant {
    fn read(value: &Value) -> Result<Self, GrantError> {
        let (text, methods, private) = match value {
            Value::String(text) => (text.as_str(), None, false),
            Value::Object(table) => {
                if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
                    return Err(wrong(format!("unknown key `{key}`")));
                }
                let Some(url) = table.get("url").and_then(Value::as_str) else {
                    return Err(wrong("a grant that is a table has a `url`".into()));
                };
                let methods = table.get("methods").map(methods).transpose()?;
                let private = table.get("private").map_or(Some(false), Value::as_bool);
                let private = private
                    .ok_or_else(|| wrong(format!("`{url}`: `private` is `true` or `false`")))?;
                (url, methods, private)
            }
            other => return Err(wrong(format!("not an origin: {other}"))),
        };
        let url = Url::parse(text).map_err(|error| wrong(format!("`{text}`: {error}")))?;
        let is_origin = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_origin {
            return Err(wrong(format!("`{text}`: a grant is scheme, host and port alone")));
        }
        let origin = Origin::of(&url).map_err(|why| wrong(format!("`{text}`: {why}")))?;
        let Origin { scheme, host, port } = origin;
        let hosts = match host {
            Host::Ipv4(address) => Hosts::Address(address.into()),
            Host::Ipv6(address) => Hosts::Address(address.into()),
            Host::Domain(name) if name == "*" => Hosts::Any,
            Host::Domain(name) => {
                let below = name.strip_prefix('*').filter(|rest| rest.starts_with('.'));
                if below.unwrap_or(&name).contains('*') {
                    return Err(wrong(format!(
                        "`{text}`: `*` stands for whole labels at the front"
                    )));
                }
                below.map(|rest| Hosts::Below(rest.into())).unwrap_or(Hosts::Named(name))
            }
        };
        Ok(Self { scheme, hosts, port, methods, private })
    }

    fn matches(&self, origin: &Origin) -> bool {
        let host = match (&self.hosts, &origin.host) {
            (Hosts::Any, _) => true,
            (Hosts::Below(rest), Host::Domain(name)) => {
                name.len() > rest.len() && name.ends_with(rest.as_str())
            }
            (Hosts::Named(granted), Host::Domain(name)) => granted == name,
            (Hosts::Address(granted), Host::Ipv4(address)) => granted == address,
            (Hosts::Address(granted), Host::Ipv6(address)) => granted == address,
            _ => false,
        };
        host && self.scheme == origin.scheme && self.port == origin.port
    }
}

impl Origin {
    /// The origin of a URL.
    ///
    /// # Errors
    /// If it is none that can be fetched from, with the reason.
    pub fn of(url: &Url) -> Result<Self, &'static str> {
        let scheme = url.scheme();
        if scheme != "http" && scheme != "https" {
            return Err("the scheme is `http` or `https`");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err("there is no host in it");
        };
        Ok(Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }

    /// The host, as it is looked up.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(out, "{scheme}://{host}")?;
        match (scheme.as_str(), port) {
            ("http", 80) | ("https", 443) => Ok(()),
            _ => write!(out, ":{port}"),
        }
    }
}

fn methods(value: &Value) -> Result<Vec<Method>, GrantError> {
    let bad = || wrong("`methods` are names in capitals, and at least one".into());
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(bad)?;
    let method = |item: &Value| {
        let name = item.as_str().filter(|name| !name.contains(|c: char| c.is_lowercase()))?;
        Method::from_bytes(name.as_bytes()).ok()
    };
    items.iter().map(|item| method(item).ok_or_else(bad)).collect()
}

fn wrong(message: String) -> GrantError {
    GrantError { message, hint: HINT }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn grants(value: Value) -> Grants {
        Grants::read(&value).unwrap()
    }

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    fn allows(grants: &Grants, url: &str) -> bool {
        grants.allow(&Method::GET, &origin(url)).is_ok()
    }

    #[test]
    fn scheme_host_and_port_must_all_be_granted() {
        let grants = grants(json!(["https://api.example.com", "http://localhost:3000"]));
        for url in
            ["https://api.example.com/a?b", "https://API.example.com:443/", "http://localhost:3000"]
        {
            assert!(allows(&grants, url), "{url}");
        }
        for url in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://example.com",
            "https://api.example.com.evil.test",
            "https://evilapi.example.com",
            "https://a.api.example.com",
            "http://localhost",
            "http://127.0.0.1:3000",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn a_pattern_is_for_what_is_below_and_never_for_addresses() {
        let grants = grants(json!(["https://*.example.com:8443"]));
        assert!(allows(&grants, "https://a.example.com:8443"));
        assert!(allows(&grants, "https://a.b.example.com:8443"));
        for url in [
            "https://example.com:8443",
            "https://a.example.com",
            "https://aexample.com:8443",
            "https://a.example.com.evil.test:8443",
            "https://127.0.0.1:8443",
        ] {
            assert!(!allows(&grants, url), "{url}");
        }
    }

    #[test]
    fn a_star_is_for_every_host_of_the_public_internet() {
        let grants = grants(json!(["https://*"]));
        let ask = origin("https://10.0.0.1");
        assert!(grants.allow(&Method::GET, &ask).is_ok());
        assert_eq!(grants.admits(&ask, [10, 0, 0, 1].into()), Err(Class::Private));
        assert_eq!(grants.admits(&ask, [1, 1, 1, 1].into()), Ok(()));
        assert!(!allows(&grants, "http://example.com"));
    }

    #[test]
    fn methods_are_all_unless_some_are_named() {
        let grants = grants(json!([
            { "url": "https://a.test", "methods": ["GET", "HEAD"] },
            { "url": "https://*.test", "methods": ["PURGE"] },
        ]));
        let a = origin("https://a.test");
        assert_eq!(grants.allow(&Method::HEAD, &a), Ok(()));
        assert_eq!(grants.allow(&Method::from_bytes(b"PURGE").unwrap(), &a), Ok(()));
        let Err(Missing::Method(named)) = grants.allow(&Method::POST, &a) else {
            panic!("POST is not granted");
        };
        assert_eq!(named.len(), 3);
        assert_eq!(grants.allow(&Method::GET, &origin("https://b.a")), Err(Missing::Origin));
    }

    #[test]
    fn a_name_reaches_a_private_network_only_where_its_grant_says_so() {
        let plain = grants(json!(["http://billing.internal"]));
        let private = grants(json!([{ "url": "http://billing.internal", "private": true }]));
        let ask = origin("http://billing.internal");
        for address in ["10.1.2.3", "127.0.0.1", "100.64.0.1", "fd00::1", "::ffff:10.1.2.3"] {
            let address: IpAddr = address.parse().unwrap();
            assert!(plain.admits(&ask, address).is_err(), "{address}");
            assert_eq!(private.admits(&ask, address), Ok(()), "{address}");
        }
        for address in ["169.254.169.254", "224.0.0.1", "0.0.0.0", "fe80::1"] {
            let address: IpAddr = address.parse().unwrap();
            assert!(private.admits(&ask, address).is_err(), "{address}");
        }
    }

    #[test]
    fn grants_are_apart_by_the_methods_that_they_are_for() {
        let plain = grants(json!(["https://a.test"]));
        assert_eq!(plain.by_method(), [(None, plain.clone())]);
        let all = grants(json!([
            { "url": "http://b.test", "methods": ["GET", "HEAD"], "private": true },
            { "url": "http://*", "methods": ["POST", "GET"] },
            "https://a.test",
        ]));
        let ways = all.by_method();
        let methods: Vec<_> = ways.iter().map(|(methods, _)| methods.clone()).collect();
        let some = |method| Some(vec![method]);
        assert_eq!(methods, [some(Method::GET), some(Method::HEAD), some(Method::POST), None]);
        let ask = origin("http://b.test");
        let admitted = ways.iter().map(|(_, own)| own.admits(&ask, [10, 0, 0, 1].into()).is_ok());
        assert_eq!(admitted.collect::<Vec<_>>(), [true, true, false, false]);
    }

    #[test]
    fn an_address_that_is_granted_is_granted_and_no_other_with_it() {
        let grants = grants(json!(["http://169.254.169.254", "http://localhost", "http://[::1]"]));
        let metadata = origin("http://169.254.169.254");
        assert_eq!(grants.admits(&metadata, [169, 254, 169, 254].into()), Ok(()));
        assert!(grants.admits(&metadata, [169, 254, 169, 253].into()).is_err());
        let localhost = origin("http://localhost");
        assert_eq!(grants.admits(&localhost, [127, 0, 0, 1].into()), Ok(()));
        assert_eq!(grants.admits(&localhost, "::1".parse().unwrap()), Ok(()));
        assert_eq!(grants.admits(&localhost, [10, 0, 0, 1].into()), Err(Class::Private));
        assert!(allows(&grants, "http://[0:0::1]/"));
    }

    #[test]
    fn odd_ways_to_write_an_address_are_that_address() {
        let star = grants(json!(["http://*"]));
        for url in ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1"] {
            let ask = origin(url);
            let Host::Ipv4(address) = ask.host() else { panic!("{url} is an address") };
            assert_eq!(star.admits(&ask, (*address).into()), Err(Class::Loopback), "{url}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_reason() {
        for (value, said) in [
            (json!(true), "list"),
            (json!("https://a.test"), "list"),
            (json!(["a.test"]), "relative URL"),
            (json!(["ftp://a.test"]), "`http` or `https`"),
            (json!(["https://a.test/path"]), "scheme, host and port"),
            (json!(["https://u:p@a.test"]), "scheme, host and port"),
            (json!(["https://a.*.test"]), "at the front"),
            (json!(["https://a*.test"]), "at the front"),
            (json!(["https://*a.test"]), "at the front"),
            (json!([5]), "not an origin"),
            (json!([{ "methods": ["GET"] }]), "has a `url`"),
            (json!([{ "url": "https://a.test", "method": [] }]), "unknown key `method`"),
            (json!([{ "url": "https://a.test", "methods": ["get"] }]), "in capitals"),
            (json!([{ "url": "https://a.test", "methods": [] }]), "at least one"),
            (json!([{ "url": "https://a.test", "private": 1 }]), "`true` or `false`"),
        ] {
            let error = Grants::read(&value).unwrap_err();
            assert!(error.message.contains(said), "{value}: {error}");
        }
        assert!(grants(json!(false)).is_empty());
    }

    proptest! {
        #[test]
        fn a_pattern_never_matches_outside_of_its_domain(host in "[a-z0-9.-]{1,30}") {
            let grants = grants(json!(["https://*.example.com"]));
            if let Ok(url) = Url::parse(&format!("https://{host}/"))
                && let Ok(origin) = Origin::of(&url)
            {
                let inside = origin.host().to_string().ends_with(".example.com");
                prop_assert_eq!(grants.allow(&Method::GET, &origin).is_ok(), inside);
            }
        }

        #[test]
        fn a_pattern_matches_every_label_below_its_domain(label in "[a-z]([a-z0-9]{0,10})") {
            let grants = grants(json!(["https://*.example.com"]));
            let url = format!("https://{label}.example.com/");
            prop_assert!(allows(&grants, &url));
        }
    }
}
