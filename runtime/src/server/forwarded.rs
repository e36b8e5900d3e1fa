//! Decides who asks and how, where proxies stand in between: `trust_proxy`.
//!
//! The rule is Express'. The chain of addresses is the socket's own and then those of
//! `X-Forwarded-For` from the right: each was written by the one before it. The client is the first
//! that is not trusted to tell the truth about the next; if all are, it is the last.
//!
//! Pure: no socket, no clock, and nothing is allocated.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;

use super::Peer;
use crate::config::TrustProxy;
use crate::exchange::Scheme;
use crate::target::{X_FORWARDED_FOR, X_FORWARDED_PROTO};

impl TrustProxy {
    /// Whether what the peer itself says about a request counts: its `X-Forwarded-*` headers, its
    /// `x-request-id`.
    pub fn trusts(&self, peer: &Peer) -> bool {
        self.trusts_hop(peer.addr.ip().to_canonical(), 0)
    }

    /// Who asks, and by which scheme.
    pub fn client(&self, peer: &Peer, headers: &HeaderMap) -> (IpAddr, Scheme) {
        let mut client = peer.addr.ip().to_canonical();
        let own = if peer.tls { Scheme::Https } else { Scheme::Http };
        if !self.trusts_hop(client, 0) {
            return (client, own);
        }
        let told = headers
            .get_all(X_FORWARDED_FOR)
            .iter()
            .rev()
            .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for (hop, text) in (1..).zip(told) {
            // Whoever writes no address is not believed, and neither is what stands before it.
            let Some(address) = parse_address(text) else { break };
            client = address;
            if !self.trusts_hop(client, hop) {
                break;
            }
        }
        (client, told_scheme(headers).unwrap_or(own))
    }

    /// Whether to believe the hop-th address, counted from the socket's, about the next.
    fn trusts_hop(&self, address: IpAddr, hop: u32) -> bool {
        match self {
            Self::Nobody => false,
            Self::All => true,
            Self::Hops(hops) => hop < *hops,
            Self::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
        }
    }
}

/// The first of `X-Forwarded-Proto`, as in Express.
fn told_scheme(headers: &HeaderMap) -> Option<Scheme> {
    let value = headers.get(X_FORWARDED_PROTO)?.as_bytes();
    let first = value.split(|byte| *byte == b',').next()?.trim_ascii();
    if first.eq_ignore_ascii_case(b"https") || first.eq_ignore_ascii_case(b"wss") {
        Some(Scheme::Https)
    } else if first.eq_ignore_ascii_case(b"http") || first.eq_ignore_ascii_case(b"ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

/// An address as proxies write it: alone, in brackets, with a port.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim_matches([' ', '\t', '"']);
    let address = IpAddr::from_str(text)
        .or_else(|_| std::net::SocketAddr::from_str(text).map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn peer(ip: &str) -> Peer {
        Peer { addr: (ip.parse::<IpAddr>().unwrap(), 9).into(), tls: false }
    }

    fn networks(texts: &[&str]) -> TrustProxy {
        TrustProxy::Networks(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn headers(forwarded_for: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in forwarded_for {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_first_address_that_is_not_trusted_is_the_clients() {
        let private = networks(&["127.0.0.0/8", "::1/128", "10.0.0.0/8"]);
        let table: &[(&TrustProxy, &str, &[&str], &str)] = &[
            (&TrustProxy::Nobody, "10.0.0.1", &["1.1.1.1"], "10.0.0.1"),
            (&TrustProxy::All, "10.0.0.1", &[], "10.0.0.1"),
            (&TrustProxy::All, "10.0.0.1", &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (&TrustProxy::All, "10.0.0.1", &["1.1.1.1", "2.2.2.2,3.3.3.3"], "1.1.1.1"),
            (&TrustProxy::Hops(0), "10.0.0.1", &["1.1.1.1"], "10.0.0.1"),
            (&TrustProxy::Hops(1), "10.0.0.1", &["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
            (&TrustProxy::Hops(2), "10.0.0.1", &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (&TrustProxy::Hops(9), "10.0.0.1", &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (&private, "9.9.9.9", &["1.1.1.1"], "9.9.9.9"),
            (&private, "10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.2.3.4"], "1.1.1.1"),
            (&private, "10.0.0.1", &["6.6.6.6, 1.1.1.1", "10.2.3.4"], "1.1.1.1"),
            (&private, "::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
            (&private, "::1", &["2001:db8::1"], "2001:db8::1"),
            (&private, "10.0.0.1", &["10.0.0.2:5555"], "10.0.0.2"),
            (&private, "10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            (&private, "10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            (&private, "10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            (&private, "10.0.0.1", &["1.1.1.1, unknown, 10.0.0.7"], "10.0.0.7"),
            (&private, "10.0.0.1", &["1.1.1.1,"], "10.0.0.1"),
        ];
        for (trust, socket, forwarded_for, client) in table {
            let (ip, _) = trust.client(&peer(socket), &headers(forwarded_for));
            assert_eq!(ip.to_string(), *client, "{trust:?} {socket} {forwarded_for:?}");
        }
    }

    #[test]
    fn the_scheme_is_the_connections_unless_a_trusted_proxy_says_otherwise() {
        let mut told = HeaderMap::new();
        told.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https, http"));
        let scheme = |trust: TrustProxy, headers: &HeaderMap| trust.client(&peer("::1"), headers).1;
        assert_eq!(scheme(TrustProxy::Nobody, &told), Scheme::Http);
        assert_eq!(scheme(TrustProxy::Hops(1), &told), Scheme::Https);
        assert_eq!(scheme(TrustProxy::Hops(1), &HeaderMap::new()), Scheme::Http);
        told.insert(X_FORWARDED_PROTO, HeaderValue::from_static("gopher"));
        assert_eq!(scheme(TrustProxy::All, &told), Scheme::Http);
        let encrypted = Peer { tls: true, ..peer("::1") };
        assert_eq!(TrustProxy::Nobody.client(&encrypted, &told).1, Scheme::Https);
    }

    fn any_header() -> impl Strategy<Value = HeaderValue> {
        prop_oneof![
            "[0-9a-f.:, \\[\\]x]{0,60}".prop_map(|text| HeaderValue::from_str(&text).unwrap()),
            proptest::collection::vec(any::<[u8; 4]>(), 0..5).prop_map(|ips| {
                let ips: Vec<_> = ips.iter().map(|ip| IpAddr::from(*ip).to_string()).collect();
                HeaderValue::from_str(&ips.join(", ")).unwrap()
            }),
        ]
    }

    fn any_headers() -> impl Strategy<Value = HeaderMap> {
        proptest::collection::vec(any_header(), 0..4).prop_map(|values| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_FORWARDED_FOR, value);
            }
            headers
        })
    }

    proptest! {
        #[test]
        fn a_peer_that_is_not_trusted_never_chooses_its_address(
            headers in any_headers(),
            ip in any::<[u8; 4]>(),
        ) {
            let socket = Peer { addr: (ip, 1).into(), tls: false };
            let networks = networks(&["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"]);
            for trust in [TrustProxy::Nobody, TrustProxy::Hops(0), networks] {
                if !trust.trusts(&socket) {
                    prop_assert_eq!(trust.client(&socket, &headers).0, socket.addr.ip());
                }
            }
        }

        #[test]
        fn behind_a_trusted_proxy_a_client_is_known_by_what_the_proxy_wrote(
            mut headers in any_headers(),
            client in any::<[u8; 4]>(),
        ) {
            let client = IpAddr::from(client);
            let networks = networks(&["10.0.0.1/32"]);
            prop_assume!(!networks.trusts(&Peer { addr: (client, 1).into(), tls: false }));
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(&client.to_string()).unwrap());
            for trust in [TrustProxy::Hops(1), networks] {
                prop_assert_eq!(trust.client(&peer("10.0.0.1"), &headers).0, client);
            }
        }
    }
}
