//! Keeps engines from taking all that a process can have of address space and of mappings. Each set of hooks that is
//! lifted beside another has an engine of its own, and one that left keeps its engine for as long as a request
//! or a stream that began with it goes on. Whoever runs out of either cannot allocate anything any more, and dies.

use std::fs;

use crate::config::size_text;

/// What x86-64 gives a process, less an eighth for everything but engines: heap, stacks, compiled code.
const ADDRESSES_MAX: u64 = (128 << 40) / 8 * 7;
/// What a pool takes for one instance: 4 GiB, which is what wasm can address, a guard behind it, and its share of
/// tables and stacks.
const INSTANCE_BYTES: u64 = (4 << 30) + (64 << 20);

/// What a process has taken.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Bytes of address space.
    bytes: u64,
    /// Mappings, and how many the system lets a process have.
    mappings: u64,
    mappings_max: u64,
}

/// Whether there is room for an engine with a pool for that many instances.
///
/// # Errors
/// What there is not enough of.
pub(super) fn check(instances: u32) -> anyhow::Result<()> {
    // Who cannot know it goes on.
    let refused = taken().and_then(|taken| refuse(taken, instances));
    refused.map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))
}

fn taken() -> Option<Taken> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().ok()?;
    let maps = fs::read("/proc/self/maps").ok()?;
    let mappings = maps.iter().filter(|byte| **byte == b'\n').count() as u64;
    let mappings_max =
        fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    Some(Taken { bytes: kib << 10, mappings, mappings_max })
}

fn refuse(taken: Taken, instances: u32) -> Option<String> {
    let hint = "hint: earlier generations of hooks are still in use, by streams or long requests: wait for their \
                end, or restart the server";
    let needed = u64::from(instances) * INSTANCE_BYTES;
    if taken.bytes.saturating_add(needed) > ADDRESSES_MAX {
        let (bytes, max) = (size_text(taken.bytes), size_text(ADDRESSES_MAX));
        let needed = size_text(needed);
        return Some(format!(
            "it needs {needed} of address space, and of {max} there are {bytes} taken\n{hint}"
        ));
    }
    let Taken { mappings, mappings_max, .. } = taken;
    (mappings > mappings_max / 4 * 3).then(|| {
        format!(
            "the process has {mappings} mappings, of {mappings_max} that the system lets it have\n{hint}; \
             `sysctl vm.max_map_count` raises that number"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Taken = Taken { bytes: 1 << 40, mappings: 1_000, mappings_max: 65_530 };

    #[test]
    fn a_process_that_has_just_begun_has_room() {
        assert!(taken().is_some_and(|taken| taken.bytes > 0 && taken.mappings > 10));
        check(32).unwrap();
        assert_eq!(refuse(FREE, 4_000), None);
    }

    #[test]
    fn one_whose_addresses_or_mappings_are_nearly_gone_has_none() {
        let full = Taken { bytes: ADDRESSES_MAX - (100 << 30), ..FREE };
        assert_eq!(refuse(full, 8), None);
        assert!(refuse(full, 32).is_some_and(|why| why.contains("of address space")));
        let mapped = Taken { mappings: 50_000, ..FREE };
        assert!(refuse(mapped, 8).is_some_and(|why| why.contains("50000 mappings, of 65530")));
    }
}
