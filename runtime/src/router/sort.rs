//! Sorts the app's own routes as Sails does (its package sort-route-addresses): the more an address
//! says, the earlier it is asked.
//!
//! An address has a rank, a row of small numbers that compare from left to right: for each segment
//! 1 if static, 2 if a param, 3 if `*`; where it has no segment 0, or 4 behind a `*`; then 0 with a
//! verb and 1 without. Addresses without any static segment come last. A regex address stays behind
//! the one that was written before it. Equal ranks keep the order in which they were written.

use super::address::Address;
use super::verbs::Verbs;

/// The indexes of the addresses in the order of their ranks.
pub(super) fn sorted<'a>(addresses: impl Iterator<Item = &'a Address> + Clone) -> Vec<usize> {
    let paths = addresses.clone().filter(|address| !address.is_regex());
    let length = paths.map(|address| segments(address).count()).max().unwrap_or(0);
    let mut last = vec![0; length];
    let mut ranked: Vec<(Vec<u8>, usize)> = Vec::new();
    for (index, address) in addresses.enumerate() {
        if !address.is_regex() {
            last = rank(address, length);
        }
        ranked.push((last.clone(), index));
    }
    // By index too: that is what keeps equals in their order.
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, index)| index).collect()
}

fn rank(address: &Address, length: usize) -> Vec<u8> {
    let mut rank: Vec<u8> = Vec::with_capacity(length + 2);
    for segment in segments(address) {
        rank.push(match segment {
            "" if rank.contains(&3) => 4,
            "" => 0,
            "*" | "?*" => 3,
            param if param.starts_with(':') => 2,
            _ => 1,
        });
    }
    rank.resize(length, if rank.contains(&3) { 4 } else { 0 });
    let has_static = rank.contains(&1);
    rank.push(if matches!(address.verbs(), Verbs::One(_)) { 0 } else { 1 });
    if !has_static {
        rank.insert(0, 5);
    }
    rank
}

fn segments(address: &Address) -> impl Iterator<Item = &str> {
    address.path().strip_prefix('/').unwrap_or(address.path()).split('/')
}
