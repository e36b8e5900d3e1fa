//! Defines where the server listens and whose word about the client's address it takes.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

use super::reader::Expected;

/// A host and a port to listen on; the host may be a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// An address or a name; an IPv6 address stands without brackets.
    pub host: String,
    /// The port; 0 takes any that is free.
    pub port: u16,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Whose `X-Forwarded-*` headers count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TrustProxy {
    /// Nobody's: `ip` is the peer's address.
    #[default]
    Nobody,
    /// Everybody's: `ip` is the leftmost entry. Only right where nobody but the proxy can connect.
    All,
    /// The last so many hops are ours, the peer being the first.
    Hops(u32),
    /// Those of proxies in these networks.
    Networks(Vec<IpNet>),
}

/// `host:port`, `:port` or a port. A missing host is the loopback address: a server that everybody
/// can reach is asked for by name.
pub(super) fn listen(value: &Value) -> Result<Listen, Expected> {
    let bad = || {
        Expected::new("a host and a port")
            .hint("write it like `127.0.0.1:1337`, `[::1]:1337` or `0.0.0.0:80`")
    };
    let port_of = |text: &str| text.parse::<u16>().map_err(|_| bad());
    let loopback = |port| Ok(Listen { host: "127.0.0.1".to_owned(), port });
    let text = match value {
        Value::Number(number) => {
            return loopback(number.as_u64().and_then(|n| n.try_into().ok()).ok_or_else(bad)?);
        }
        Value::String(text) => text.trim(),
        _ => return Err(bad()),
    };
    let Some((host, port)) = text.rsplit_once(':') else { return loopback(port_of(text)?) };
    let port = port_of(port)?;
    if host.is_empty() {
        return loopback(port);
    }
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => inner,
        Some(_) => return Err(bad()),
        None => host,
    };
    let bare = host.parse::<IpAddr>().is_ok()
        || host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    // `::1:80` could be an address without a port; brackets say which.
    let ambiguous = host.contains(':') && !text.starts_with('[');
    if bare && !ambiguous { Ok(Listen { host: host.to_owned(), port }) } else { Err(bad()) }
}

/// `false`, `true`, a number of hops, or networks: as an array, or one string with commas.
pub(super) fn trust_proxy(value: &Value) -> Result<TrustProxy, Expected> {
    let bad = || {
        Expected::new("`true`, `false`, a number of hops, or addresses and networks")
            .hint("write it like `[\"127.0.0.1\", \"10.0.0.0/8\"]`")
    };
    let texts: Vec<&str> = match value {
        Value::Bool(false) => return Ok(TrustProxy::Nobody),
        Value::Bool(true) => return Ok(TrustProxy::All),
        Value::Number(number) => {
            let hops = number
                .as_u64()
                .and_then(|hops| u8::try_from(hops).ok().map(u32::from))
                .ok_or_else(bad)?;
            return Ok(if hops == 0 { TrustProxy::Nobody } else { TrustProxy::Hops(hops) });
        }
        Value::String(text) => text.split(',').map(str::trim).collect(),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().ok_or_else(bad)).collect::<Result<_, _>>()?
        }
        _ => return Err(bad()),
    };
    let mut networks = Vec::new();
    for text in texts {
        // The names that Express has for them, and so Sails.
        let named: &[&str] = match text {
            "loopback" => &["127.0.0.0/8", "::1/128"],
            "linklocal" => &["169.254.0.0/16", "fe80::/10"],
            "uniquelocal" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
            other => &[other],
        };
        for name in named {
            networks.push(network(name).ok_or_else(bad)?);
        }
    }
    Ok(if networks.is_empty() { TrustProxy::Nobody } else { TrustProxy::Networks(networks) })
}

/// An address or a network.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().ok()?,
    };
    // Addresses are compared in canonical form, so networks have to be kept in it too.
    Some(match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_canonical() {
            IpAddr::V4(v4) => IpNet::V4(Ipv4Net::new(v4, v6.prefix_len() - 96).ok()?),
            IpAddr::V6(_) => network,
        },
        _ => network,
    })
}
