//! Says how long to wait before a task is tried again. Pure but for the jitter, which comes in.

use std::time::Duration;

/// The pause after so many failures: `first` doubled for each but the first, `longest` at most, and of that
/// between a half and all, so that what failed together does not come back together. `jitter` is any number.
pub(super) fn pause(failures: u32, first: Duration, longest: Duration, jitter: u64) -> Duration {
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
    let whole = first.saturating_mul(doubled).min(longest);
    let half = whole / 2;
    let spread = u64::try_from((whole - half).as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(if spread == 0 { 0 } else { jitter % spread.saturating_add(1) })
}

/// A number that nobody can foresee.
pub(super) fn jitter() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness all pauses are the shortest, and that is all.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(600);

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (failures, step) in [(1, 1), (2, 2), (3, 4), (4, 8), (10, 512), (11, 600), (99, 600)] {
            let step = Duration::from_secs(step);
            // The shortest jitter, and the longest.
            assert_eq!(pause(failures, FIRST, LONGEST, 0), step / 2);
            let all = u64::try_from((step / 2).as_nanos()).unwrap();
            assert_eq!(pause(failures, FIRST, LONGEST, all), step);
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_between_half_of_its_step_and_all_of_it(
            failures in 1u32..100_000,
            first_ms in 0u64..10_000,
            longest_ms in 0u64..10_000_000,
            jitter: u64,
        ) {
            let (first, longest) = (Duration::from_millis(first_ms), Duration::from_millis(longest_ms));
            let step = first.saturating_mul(2u32.saturating_pow(failures - 1)).min(longest);
            let pause = pause(failures, first, longest, jitter);
            prop_assert!(pause >= step / 2 && pause <= step, "{pause:?} of {step:?}");
        }
    }
}
