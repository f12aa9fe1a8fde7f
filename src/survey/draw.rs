//! Which tiles are drawn: some of all, at random, in random order, the same for the same seed.

use std::collections::HashMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// Draws `count` of the numbers below `all`, or all of them. Any first part of what is drawn is a fair
/// draw too, so drawing may end early. (The shuffle of Fisher and Yates, of which only what is moved is
/// kept.)
pub(super) fn draw(all: u64, count: u64, seed: u64) -> Vec<u64> {
    if count >= all {
        return (0..all).collect();
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut moved: HashMap<u64, u64> = HashMap::new();
    (0..count)
        .map(|at| {
            let left = u128::from(all - at);
            // Below `all`, which is a u64.
            let more = u64::try_from((u128::from(random.next_u64()) * left) >> 64).unwrap_or(0);
            let here = moved.remove(&at).unwrap_or(at);
            if more == 0 {
                return here;
            }
            moved.insert(at + more, here).unwrap_or(at + more)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_is_drawn_is_different_below_the_end_and_fair() {
        for (all, count) in [(10, 10), (10, 20), (0, 5), (1000, 400), (u64::MAX, 100)] {
            let drawn = draw(all, count, 1);
            let different: HashSet<_> = drawn.iter().collect();
            assert_eq!(drawn.len() as u64, count.min(all));
            assert_eq!(different.len(), drawn.len());
            assert!(drawn.iter().all(|number| *number < all));
            assert_eq!(drawn, draw(all, count, 1));
        }
        let mut hits = [0_u32; 20];
        for seed in 0..20_000 {
            for number in draw(20, 5, seed) {
                hits[usize::try_from(number).unwrap()] += 1;
            }
        }
        assert!(
            hits.iter().all(|hits| (4_700..5_300).contains(hits)),
            "{hits:?}"
        );
    }
}
