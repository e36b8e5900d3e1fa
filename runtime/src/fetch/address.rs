//! Sorts addresses: those of the public internet, and those that a hook must not reach by chance.
//!
//! Whoever controls a name says which address it has. A hook that may fetch from `*.example.com` must
//! not get at the server's own machine, its network or a cloud's metadata by that, so everything that is
//! not public has a [`Class`]. What the IPv6 ways of writing an IPv4 address carry is looked at as that
//! address. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Why an address is not one of the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, RFC 4193, and the site-local addresses before it.
    Private,
    /// A provider's network behind its NAT: RFC 6598.
    Shared,
    /// The same cable; clouds answer there with credentials.
    LinkLocal,
    /// Many machines.
    Multicast,
    /// No machine. Connecting to it reaches this one.
    Unspecified,
    /// For examples in documents.
    Documentation,
    /// For protocols, experiments, or nothing yet.
    Reserved,
}

impl Class {
    /// Whether a grant with `private = true` reaches it. Link-local addresses are not among them: no
    /// name should have one, and metadata of clouds is there.
    pub fn is_of_a_private_network(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared (a provider's NAT)",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Documentation => "for documentation",
            Self::Reserved => "reserved",
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// IANA's registry of special IPv4 addresses, but for those that are globally reachable.
const V4: &[(Ipv4Net, Class)] = &[
    (v4(0, 0, 0, 0, 8), Class::Unspecified),
    (v4(10, 0, 0, 0, 8), Class::Private),
    (v4(100, 64, 0, 0, 10), Class::Shared),
    (v4(127, 0, 0, 0, 8), Class::Loopback),
    (v4(169, 254, 0, 0, 16), Class::LinkLocal),
    (v4(172, 16, 0, 0, 12), Class::Private),
    (v4(192, 0, 0, 0, 24), Class::Reserved),
    (v4(192, 0, 2, 0, 24), Class::Documentation),
    (v4(192, 88, 99, 0, 24), Class::Reserved),
    (v4(192, 168, 0, 0, 16), Class::Private),
    (v4(198, 18, 0, 0, 15), Class::Reserved),
    (v4(198, 51, 100, 0, 24), Class::Documentation),
    (v4(203, 0, 113, 0, 24), Class::Documentation),
    (v4(224, 0, 0, 0, 4), Class::Multicast),
    (v4(240, 0, 0, 0, 4), Class::Reserved),
];

/// The same of IPv6. What is not in 2000::/3 and not here is reserved, too.
const V6: &[(Ipv6Net, Class)] = &[
    // Teredo, which carries an IPv4 address in disguise, ORCHID and the like.
    (v6(0x2001, 0, 0, 23), Class::Reserved),
    (v6(0x2001, 0xdb8, 0, 32), Class::Documentation),
    (v6(0x3fff, 0, 0, 20), Class::Documentation),
    (v6(0xfc00, 0, 0, 7), Class::Private),
    (v6(0xfe80, 0, 0, 10), Class::LinkLocal),
    (v6(0xfec0, 0, 0, 10), Class::Private),
    (v6(0xff00, 0, 0, 8), Class::Multicast),
];

/// All that is given out to the public internet.
const GLOBAL: Ipv6Net = v6(0x2000, 0, 0, 3);
/// Where an IPv4 address is the second and third group.
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
/// NAT64's prefix, where it is the last two groups.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
/// NAT64 within a network of one's own.
const NAT64_LOCAL: Ipv6Net = v6(0x64, 0xff9b, 1, 48);

/// What kind of address this is; none for one of the public internet.
pub fn class(address: IpAddr) -> Option<Class> {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<Class> {
    V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, class)| *class)
}

fn class_v6(address: Ipv6Addr) -> Option<Class> {
    if address.is_loopback() {
        return Some(Class::Loopback);
    }
    if address.is_unspecified() {
        return Some(Class::Unspecified);
    }
    if let Some(inner) = address.to_ipv4_mapped() {
        return class_v4(inner);
    }
    let [_, second, third, .., seventh, eighth] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    if SIX_TO_FOUR.contains(&address) {
        return class_v4(of(second, third));
    }
    if NAT64.contains(&address) {
        return class_v4(of(seventh, eighth));
    }
    if NAT64_LOCAL.contains(&address) {
        return Some(Class::Private);
    }
    let listed = V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, class)| *class);
    listed.or_else(|| (!GLOBAL.contains(&address)).then_some(Class::Reserved))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Class> {
        class(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_public_internet_have_no_class() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn every_other_one_says_what_it_is() {
        for (text, class) in [
            ("127.0.0.1", Class::Loopback),
            ("127.255.255.254", Class::Loopback),
            ("10.0.0.1", Class::Private),
            ("172.16.0.0", Class::Private),
            ("172.31.255.255", Class::Private),
            ("192.168.1.1", Class::Private),
            ("100.64.0.1", Class::Shared),
            ("169.254.169.254", Class::LinkLocal),
            ("224.0.0.1", Class::Multicast),
            ("0.0.0.0", Class::Unspecified),
            ("0.1.2.3", Class::Unspecified),
            ("192.0.2.1", Class::Documentation),
            ("198.51.100.7", Class::Documentation),
            ("203.0.113.7", Class::Documentation),
            ("198.18.0.1", Class::Reserved),
            ("255.255.255.255", Class::Reserved),
            ("::1", Class::Loopback),
            ("::", Class::Unspecified),
            ("fc00::1", Class::Private),
            ("fdff::1", Class::Private),
            ("fec0::1", Class::Private),
            ("fe80::1", Class::LinkLocal),
            ("ff02::1", Class::Multicast),
            ("2001:db8::1", Class::Documentation),
            ("2001:0:53aa:64c::1", Class::Reserved),
            ("100::1", Class::Reserved),
            ("5f00::1", Class::Reserved),
            ("::127.0.0.1", Class::Reserved),
            ("64:ff9b:1::1", Class::Private),
        ] {
            assert_eq!(of(text), Some(class), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_the_same_however_ipv6_writes_it(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let wanted = class(address.into());
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            for written in [
                address.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(class(written.into()), wanted, "{}", written);
            }
        }

        #[test]
        fn what_the_standard_library_calls_private_is_never_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!special || class(address.into()).is_some());
        }

        #[test]
        fn a_public_ipv6_address_is_a_global_unicast_one_or_carries_a_public_ipv4(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let global = bits >> 125 == 1;
            prop_assert!(class(address.into()).is_some() || global);
        }
    }
}
