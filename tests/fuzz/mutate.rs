//! Makes random input out of valid input. The same seed always makes the same.

use std::ops::Range;

/// Numbers at which sizes, counts and signs go wrong.
const EDGES: [u32; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// A source of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// A place in one of the ranges, or anywhere below `end` if there are none.
    fn place(&mut self, hot: &[Range<usize>], end: usize) -> usize {
        let ranges = hot.iter().filter(|range| !range.is_empty() && range.end <= end);
        let ranges: Vec<_> = ranges.collect();
        match ranges.get(self.below(ranges.len())) {
            Some(range) => range.start + self.below(range.len()),
            None => self.below(end),
        }
    }
}

/// Changes bytes in one to four places, half of them in the `hot` ranges. `others` lend parts.
pub(crate) fn mutate(
    random: &mut Random,
    bytes: &mut Vec<u8>,
    hot: &[Range<usize>],
    others: &[&[u8]],
) {
    for _ in 0..=random.below(4) {
        let hot: &[_] = if random.once_in(2) { &[] } else { hot };
        let at = random.place(hot, bytes.len());
        change(random, bytes, at, others);
    }
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, at: usize, others: &[&[u8]]) {
    let length = 1 + random.below(16);
    let end = (at + length).min(bytes.len());
    match random.below(10) {
        0 | 1 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        2 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte = random.byte()),
        3 => {
            let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
            let width = [1, 2, 4][random.below(3)];
            bytes[at..].iter_mut().zip(&edge[..width]).for_each(|(byte, edge)| *byte = *edge);
        }
        4 => drop(bytes.splice(at..end.min(at + 1), leb128(EDGES[random.below(EDGES.len())]))),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let part = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        7 if !others.is_empty() => {
            let other = others[random.below(others.len())];
            let from = random.below(other.len());
            let part = &other[from..(from + length).min(other.len())];
            bytes.splice(at..end, part.iter().copied());
        }
        8 => {
            let noise: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            bytes.splice(at..at, noise);
        }
        _ if random.once_in(4) => bytes.truncate(at),
        _ => bytes[at..].iter_mut().take(1).for_each(|byte| *byte = byte.wrapping_add(1)),
    }
}

/// A number as WebAssembly writes it.
pub(crate) fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
fn the_same_seed_makes_the_same() {
    let made = |seed| {
        let mut bytes = b"something to change".to_vec();
        mutate(&mut Random(seed), &mut bytes, &[0..4, 6..9], &[b"another"]);
        bytes
    };
    assert_eq!(made(1), made(1));
    assert!((0..100).any(|seed| made(seed) != made(1)));
}
