//! The groups of all workers, divided by hash into partitions that can be merged side by side.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counter::Counter;
use super::group::{Group, Totals};
use super::hash::KeyHasher;
use super::memory::{Groups, Memory};
use super::packed::Packed;
use super::sorted::{Ranges, Share, SortedGroups};
use super::spill::{SpillSettings, Spiller};
use super::store::Store;
use crate::error::{Error, Result};

/// How many partitions there are: enough that workers seldom meet at one, and that one of some
/// millions of groups in all still fits a core's cache.
const PARTITIONS: usize = 256;

/// How much memory the workers' own tables take, if nothing else is said, in bytes.
const TABLES_MEMORY: usize = 64 * 1024 * 1024;

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
    fn merge(&mut self, groups: &[Packed], memory: &Memory, hasher: &KeyHasher) {
        let wide = &mut self.wide;
        self.store.merge(
            groups,
            memory,
            |group| hasher.short_hash(&group.key()),
            |group, other| wide.add(group, other, memory),
        );
    }

    /// Takes all groups out. What they took is no longer counted.
    pub(super) fn take(&mut self, memory: &Memory) -> Partition {
        memory.discount(self.wide.0.capacity() * WideTotals::COUNTS);
        Partition {
            store: Store::of(self.store.take(memory)),
            wide: std::mem::take(&mut self.wide),
        }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.store.len()
    }

    /// The groups, in no order.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Packed> {
        self.store.groups().iter()
    }

    /// Every `step`th group.
    pub(super) fn sample(&self, step: usize) -> impl Iterator<Item = &Packed> {
        self.store.sample(step)
    }

    /// The groups with their totals, in no order.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = Group> {
        self.groups().map(|group| self.wide.resolve(group))
    }

    /// The groups, and the totals that are elsewhere.
    pub(super) fn into_parts(self) -> (Groups, WideTotals) {
        (self.store.into_groups(), self.wide)
    }
}

/// Totals that do not fit a group's narrow fields.
#[derive(Debug, Default)]
pub(super) struct WideTotals(Vec<Totals>);

impl WideTotals {
    /// What one counts for: on their way to the disk there may be as many again.
    const COUNTS: usize = 2 * size_of::<Totals>();

    /// Adds up two groups of the same key, the first of which may already have its totals here.
    #[cold]
    fn add(&mut self, group: &mut Packed, other: &Packed, memory: &Memory) {
        let sum = match group.totals() {
            Ok(totals) => {
                *group = self.put(*group, totals, memory);
                self.0.last_mut()
            }
            Err(place) => self.0.get_mut(place),
        };
        if let (Some(sum), Ok(totals)) = (sum, other.totals()) {
            sum.merge(&totals);
        }
    }

    /// Keeps totals, and gives the group that knows where they are.
    fn put(&mut self, group: Packed, totals: Totals, memory: &Memory) -> Packed {
        let place = self.0.len();
        if place == self.0.capacity() {
            // As groups themselves: no more than by half.
            self.0.reserve_exact((place / 2).max(4));
            memory.count((self.0.capacity() - place) * WideTotals::COUNTS);
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
    tables_memory: usize,
    memory: Memory,
    spiller: Option<Spiller>,
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
            tables_memory: TABLES_MEMORY,
            memory: Memory::default(),
            spiller: None,
        }
    }

    /// For so many workers, whose tables will share the memory that there is for them.
    #[must_use]
    pub(crate) fn for_workers(self, workers: NonZeroUsize) -> Partitions {
        Partitions { workers, ..self }
    }

    /// With so much memory for the workers' own tables, all of them together, in bytes; 64 MiB if
    /// nothing is said. A table has a least size, so that many workers may take more.
    #[must_use]
    pub(crate) fn with_tables(self, bytes: usize) -> Partitions {
        Partitions {
            tables_memory: bytes,
            ..self
        }
    }

    /// Takes groups to the disk that do not fit into memory. Without it they take whatever memory
    /// they need.
    ///
    /// ```
    /// use daytally::internals::{Partitions, SpillSettings};
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let settings = SpillSettings {
    ///     memory: 0, // Everything goes to the disk.
    ///     folder: std::env::temp_dir(),
    ///     files: 8,
    ///     stop: Default::default(),
    /// };
    /// let partitions = Partitions::default().with_spill(settings);
    /// let mut counter = partitions.counter();
    /// for user in 0..1000 {
    ///     let line = format!(
    ///         r#"{{"user_id":{user},"event_type":"click","timestamp":"2024-01-01T08Z"}}"#
    ///     );
    ///     if let Verdict::Valid(event) = Decoder::default().decode(line.as_bytes()) {
    ///         counter.add(event);
    ///     }
    /// }
    /// counter.finish();
    /// assert!(partitions.has_spilled());
    /// assert_eq!(partitions.finish_sorted()?.iter().count(), 1000);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    #[must_use]
    pub fn with_spill(self, settings: SpillSettings) -> Partitions {
        Partitions {
            memory: Memory::new(settings.memory),
            spiller: Some(Spiller::new(settings)),
            ..self
        }
    }

    /// A counter for a worker.
    #[must_use]
    pub fn counter(&self) -> Counter<&Partitions> {
        Counter::new(self, self.workers, self.tables_memory)
    }

    /// A counter that shares the partitions instead of borrowing them.
    #[must_use]
    pub(crate) fn shared_counter(self: &Arc<Self>) -> Counter<Arc<Partitions>> {
        Counter::new(Arc::clone(self), self.workers, self.tables_memory)
    }

    pub(super) fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// The partition of the keys with this hash.
    #[inline]
    pub(super) fn of_hash(hash: u64) -> usize {
        (hash >> PARTITION_SHIFT) as usize
    }

    /// Merges groups into the partition they are of. Many workers may do so at the same time. Where
    /// groups do not fit into memory it may take long.
    pub(super) fn merge(&self, partition: usize, groups: &[Packed]) {
        if let Some(partition) = self.all.get(partition) {
            lock(partition).merge(groups, &self.memory, &self.hasher);
        }
        if let Some(spiller) = &self.spiller
            && self.memory.is_full()
        {
            spiller.make_room(&self.all, &self.memory);
        }
    }

    #[cfg(test)]
    pub(super) fn spiller(&self) -> Option<&Spiller> {
        self.spiller.as_ref()
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether groups are on the disk.
    #[must_use]
    pub fn has_spilled(&self) -> bool {
        self.spiller.as_ref().is_some_and(Spiller::has_spilled)
    }

    /// Whether groups could not be taken to the disk, so that counting on is in vain.
    #[must_use]
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.spiller.as_ref().is_some_and(Spiller::has_failed)
    }

    /// Why, for the first who asks.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.spiller.as_ref()?.take_failure()
    }

    /// Takes the groups in memory to the disk too, whether or not they fit. Many workers may do so
    /// together, once all counters are finished; [`finish_sorted`](Partitions::finish_sorted) does it
    /// if others are there and nobody has.
    pub fn spill_rest(&self) {
        if let Some(spiller) = &self.spiller {
            spiller.finish(&self.all, &self.memory);
        }
    }

    /// The groups, partition by partition and in no order within each, none of them being on the disk.
    pub(crate) fn into_partitions(self) -> Vec<Partition> {
        unlocked(self.all)
    }

    /// The same, to be divided.
    pub(crate) fn finish(self) -> (Vec<Partition>, Division) {
        let partitions = unlocked(self.all);
        let division = Division {
            ranges: Ranges::of(&partitions, Ranges::ROWS),
            memory: self.memory,
        };
        (partitions, division)
    }

    /// The groups in order, on this thread alone.
    ///
    /// # Errors
    ///
    /// Why groups could not be taken to the disk: [`Error::SpillWrite`], [`Error::SpillRead`],
    /// [`Error::SpillDamaged`], [`Error::TempFolder`], or [`Error::Stopped`].
    pub fn finish_sorted(self) -> Result<SortedGroups> {
        if self.has_spilled() || self.has_failed() {
            self.spill_rest();
            return match self.spiller.map(Spiller::into_merge).transpose()? {
                Some((merge, spilled)) => Ok(SortedGroups::on_disk(merge, spilled)),
                None => Ok(SortedGroups::default()),
            };
        }
        let (partitions, division) = self.finish();
        let shares = partitions
            .into_iter()
            .map(|partition| division.divide(partition));
        Ok(SortedGroups::in_memory(shares.collect()))
    }
}

/// Where the groups of all partitions are divided into ranges.
#[derive(Debug)]
pub(crate) struct Division {
    ranges: Ranges,
    memory: Memory,
}

impl Division {
    /// Moves a partition's groups next to those of the same range.
    pub(crate) fn divide(&self, partition: Partition) -> Share {
        self.ranges.divide(partition, &self.memory)
    }
}

fn unlocked(partitions: impl IntoIterator<Item = Mutex<Partition>>) -> Vec<Partition> {
    partitions
        .into_iter()
        .map(|partition| {
            partition
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
        })
        .collect()
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
            let groups = partitions.finish_sorted().unwrap();
            let groups: Vec<Group> = groups.iter().map(Result::unwrap).collect();
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
        assert_eq!(partitions.finish_sorted().unwrap().iter().count(), 0);
    }
}
