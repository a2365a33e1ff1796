//! Random numbers that need no memory (chapter 4.6): each purpose and each step has a seed of its own.
//!
//! tch can seed libtorch's generator, but neither read nor set its state. So a run that seeds anew before each step can be resumed from
//! the seed and the number of the step alone.

/// What random numbers are drawn for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The order of the examples in an epoch.
    Order = 1,
    /// Dropout in a step.
    Step = 2,
    /// A text that the model writes.
    Sample = 3,
}

/// A seed for one purpose and one number, unrelated to the seeds of its neighbors. libtorch uses the low 32 bits.
///
/// # Source
/// Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators", figure 15: the mixing function of `SplitMix64`.
pub(crate) fn derived_seed(seed: u32, purpose: Purpose, number: usize) -> i64 {
    let mut bits = (u64::from(seed) << 32) ^ ((purpose as u64) << 60) ^ number as u64;
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::from((bits ^ (bits >> 31)) as u32)
}

/// To be held while a test draws: libtorch has one generator for the whole process.
#[cfg(test)]
pub(crate) fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_of_many_seeds_are_equal() {
        let purposes = [Purpose::Order, Purpose::Step, Purpose::Sample];
        let seeds = purposes
            .into_iter()
            .flat_map(|purpose| (0..1000).map(move |n| derived_seed(123, purpose, n)));
        let all: HashSet<i64> =
            seeds.chain((0..1000).map(|n| derived_seed(124, Purpose::Step, n))).collect();
        assert_eq!(all.len(), 4000);
    }
}
