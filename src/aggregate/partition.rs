//! The groups of all workers, divided by hash into partitions that can be merged side by side.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::counter::Counter;
use super::group::{Group, Totals};
use super::hash::KeyHasher;
use super::packed::Packed;
use super::sorted::{Ranges, SortedGroups};
use super::store::Store;

/// How many partitions there are: enough that workers seldom meet at one, and that one of some
/// millions of groups in all still fits a core's cache.
const PARTITIONS: usize = 256;

/// The part of a hash that chooses the partition: the highest bits.
const PARTITION_SHIFT: u32 = u64::BITS - PARTITIONS.ilog2();

/// A share of the groups: those whose hash falls into it.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    store: Store,
    wide: WideTotals,
}

impl Partition {
    /// Adds what was counted for groups of this partition.
    fn merge(&mut self, groups: &[Packed], hasher: &KeyHasher) {
        let wide = &mut self.wide;
        self.store.merge(
            groups,
            |group| hasher.short_hash(&group.key()),
            |group, other| wide.add(group, other),
        );
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.store.len()
    }

    /// The groups, in no order.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Packed> {
        self.store.iter()
    }

    /// Every `step`th group.
    pub(super) fn sample(&self, step: usize) -> impl Iterator<Item = &Packed> {
        self.store.sample(step)
    }

    /// The totals that are elsewhere.
    pub(super) fn into_wide(self) -> WideTotals {
        self.wide
    }
}

/// Totals that do not fit a group's narrow fields.
#[derive(Debug, Default)]
pub(super) struct WideTotals(Vec<Totals>);

impl WideTotals {
    /// Adds up two groups of the same key, the first of which may already have its totals here.
    #[cold]
    fn add(&mut self, group: &mut Packed, other: &Packed) {
        let sum = match group.totals() {
            Ok(totals) => {
                *group = self.put(*group, totals);
                self.0.last_mut()
            }
            Err(place) => self.0.get_mut(place),
        };
        if let (Some(sum), Ok(totals)) = (sum, other.totals()) {
            sum.merge(&totals);
        }
    }

    /// Keeps totals, and gives the group that knows where they are.
    pub(super) fn put(&mut self, group: Packed, totals: Totals) -> Packed {
        let place = self.0.len();
        if place == self.0.capacity() {
            // As groups themselves: no more than by half.
            self.0.reserve_exact((place / 2).max(4));
        }
        self.0.push(totals);
        group.elsewhere(place)
    }

    /// The group with its totals, wherever they are.
    #[inline]
    pub(super) fn resolve(&self, group: &Packed) -> Group {
        let totals = match group.totals() {
            Ok(totals) => totals,
            Err(place) => self.0.get(place).copied().unwrap_or_default(),
        };
        Group {
            key: group.key(),
            totals,
        }
    }
}

/// The merged groups of a run: each worker counts into a [`Counter`] of its own, and those hand over
/// what they have counted.
#[derive(Debug)]
pub struct Partitions {
    hasher: KeyHasher,
    all: Vec<Mutex<Partition>>,
    workers: NonZeroUsize,
}

impl Default for Partitions {
    fn default() -> Partitions {
        Partitions::new(KeyHasher::random())
    }
}

impl Partitions {
    /// How many partitions there are.
    pub(super) const COUNT: usize = PARTITIONS;

    /// No groups yet.
    #[must_use]
    pub fn new(hasher: KeyHasher) -> Partitions {
        Partitions {
            hasher,
            all: (0..PARTITIONS).map(|_| Mutex::default()).collect(),
            workers: NonZeroUsize::MIN,
        }
    }

    /// For so many workers, whose tables will share the memory that there is for them.
    #[must_use]
    pub fn for_workers(self, workers: NonZeroUsize) -> Partitions {
        Partitions { workers, ..self }
    }

    /// A counter for a worker.
    #[must_use]
    pub fn counter(&self) -> Counter<'_> {
        Counter::new(self, self.workers)
    }

    pub(super) fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// The partition of the keys with this hash.
    #[inline]
    pub(super) fn of_hash(hash: u64) -> usize {
        (hash >> PARTITION_SHIFT) as usize
    }

    /// Merges groups into the partition they are of. Many workers may do so at the same time.
    pub(super) fn merge(&self, partition: usize, groups: &[Packed]) {
        if let Some(partition) = self.all.get(partition) {
            lock(partition).merge(groups, &self.hasher);
        }
    }

    /// The groups, partition by partition and in no order within each, and the ranges that each
    /// partition is to be [divided](Ranges::divide) into.
    pub(crate) fn finish(self) -> (Vec<Partition>, Ranges) {
        let partitions: Vec<Partition> = self
            .all
            .into_iter()
            .map(|partition| {
                partition
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner)
            })
            .collect();
        let ranges = Ranges::of(&partitions, Ranges::ROWS);
        (partitions, ranges)
    }

    /// The groups in order, on this thread alone.
    #[must_use]
    pub fn finish_sorted(self) -> SortedGroups {
        let (partitions, ranges) = self.finish();
        let shares = partitions
            .into_iter()
            .map(|partition| ranges.divide(partition));
        SortedGroups::new(shares.collect())
    }
}

/// A partition, whether or not another worker panicked while it held it: that panic ends the run.
fn lock(partition: &Mutex<Partition>) -> MutexGuard<'_, Partition> {
    partition.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GroupKey;
    use crate::event::{Date, UserId};
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Counts past 32 bits among them, purchases past 16, and revenue past 10^20.
        #[test]
        fn totals_of_any_size_are_merged_exactly(
            groups in proptest::collection::vec(
                (
                    0..4_u64,
                    prop_oneof![Just(1), Just((1 << 31) - 1), 0_u32..1 << 31],
                    prop_oneof![Just(0), Just((1 << 15) - 1), 0_u128..1 << 15],
                    prop_oneof![Just(0), Just((1 << 111) - 1), 0_u128..1 << 111],
                ),
                0..600,
            ),
        ) {
            let partitions = Partitions::new(KeyHasher::with_seed(9));
            let mut expected: HashMap<GroupKey, Totals> = HashMap::new();
            for some in groups.chunks(100) {
                let some: Vec<Packed> = some
                    .iter()
                    .map(|(user, events, purchases, units)| {
                        let key = GroupKey::new(Date::MIN, UserId::from(*user));
                        Packed::counted(key, *events, *purchases, *units)
                    })
                    .collect();
                for group in &some {
                    expected.entry(group.key()).or_default().merge(&group.totals().unwrap());
                }
                // Whichever it is, as long as it is always the same.
                partitions.merge(7, &some);
            }
            let groups = partitions.finish_sorted();
            let merged: HashMap<_, _> = groups.iter().map(|group| (group.key, group.totals)).collect();
            prop_assert_eq!(groups.len(), merged.len());
            prop_assert_eq!(merged, expected);
        }
    }

    #[test]
    fn merging_nowhere_is_no_harm() {
        let partitions = Partitions::new(KeyHasher::with_seed(9));
        partitions.merge(PARTITIONS, &[]);
        partitions.merge(0, &[]);
        assert!(partitions.finish_sorted().is_empty());
    }
}
