//! The hash of group keys: fast, and seeded anew by every run.
//!
//! User ids come from outside. With a hash that is the same in every run, or that is weak in some
//! bits, ids can be chosen, or just happen, to fall into the same slots of a table, and a table that
//! takes constant time per event becomes one that takes linear time. So the seed comes from the
//! operating system, and foldhash's quality variant, in which every bit of the key moves every bit
//! of the hash, leaves no weak bits. What user ids get hashed to shows nowhere: results are sorted.

use std::hash::{BuildHasher, RandomState};

use foldhash::SharedSeed;
use foldhash::quality::{FoldHasher, SeedableRandomState};

use super::group::GroupKey;

/// Hashes [`GroupKey`]s with a seed of its own.
#[derive(Clone, Debug)]
pub struct KeyHasher(SeedableRandomState);

impl KeyHasher {
    /// A hasher with a seed from the operating system.
    #[must_use]
    pub fn random() -> KeyHasher {
        // The standard library's keys are the operating system's random numbers; SipHash of nothing
        // under such a key is as random a seed.
        KeyHasher::with_seed(RandomState::new().hash_one(()))
    }

    /// A hasher with a given seed, for tests.
    #[must_use]
    pub(crate) fn with_seed(seed: u64) -> KeyHasher {
        KeyHasher(SeedableRandomState::with_seed(
            seed,
            SharedSeed::global_random(),
        ))
    }

    /// The hash of a key.
    #[inline]
    #[must_use]
    pub(crate) fn hash(&self, key: &GroupKey) -> u64 {
        self.0.hash_one(key)
    }
}

/// The lowest half of a hash, which is what tables use; the highest bits choose the partition.
impl KeyHasher {
    #[inline]
    pub(super) fn short_hash(&self, key: &GroupKey) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "meant to be cut")]
        let hash = self.hash(key) as u32;
        hash
    }
}

impl BuildHasher for KeyHasher {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Date, UserId};
    use std::collections::HashSet;

    /// Ids as an attacker, or an id scheme, may choose them.
    fn patterns() -> Vec<(&'static str, Vec<u64>)> {
        let n = 1_u64 << 12;
        vec![
            ("counting", (0..n).collect()),
            ("low half empty", (0..n).map(|i| i << 32).collect()),
            ("high bits only", (0..n).map(|i| i << 52).collect()),
            ("low bits empty", (0..n).map(|i| i << 7).collect()),
            (
                "snowflake",
                (0..n)
                    .map(|i| (1_700_000_000_000 + i * 977) << 22)
                    .collect(),
            ),
            ("both ends", (0..n).map(|i| i.rotate_right(6)).collect()),
            (
                "times the odd number of Fibonacci hashing",
                (0..n)
                    .map(|i| i.wrapping_mul(0xf1de_83e1_9937_733d))
                    .collect(),
            ),
        ]
    }

    /// The parts of a hash that tables use are as varied as random numbers would make them.
    #[test]
    fn chosen_ids_spread_over_every_part_of_the_hash() {
        for seed in 0..8 {
            let hasher = KeyHasher::with_seed(seed);
            for (name, ids) in patterns() {
                let values: Vec<u64> = ids
                    .iter()
                    .map(|id| hasher.hash(&GroupKey::new(Date::MIN, UserId::from(*id))))
                    .collect();
                for shift in [0, 16, 32, 40, 52] {
                    let slots: HashSet<u64> =
                        values.iter().map(|hash| hash >> shift & 0xfff).collect();
                    // 4096 balls into 4096 slots fill 63.2 % of them; the deviation is below 0.5 %.
                    let filled = slots.len();
                    assert!(
                        (2480..2700).contains(&filled),
                        "{name}, {seed}, {shift}: {filled}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_run_has_its_own_seed() {
        let key = GroupKey::new(Date::MAX, UserId::from(1_u64));
        let hashes: HashSet<u64> = (0..16).map(|_| KeyHasher::random().hash(&key)).collect();
        assert!(hashes.len() > 1);
    }
}
