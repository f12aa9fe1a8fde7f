//! The groups of all workers, divided by hash into partitions that can be merged side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use super::counter::Counter;
use super::group::Group;
use super::hash::KeyHasher;
use super::sorted::SortedGroups;

/// How many partitions there are: enough that workers seldom meet at one, and that one of some
/// millions of groups in all still fits a core's cache.
const PARTITIONS: usize = 256;

/// The part of a hash that chooses the partition. A hashbrown table takes the lowest bits for the
/// slot and the highest seven for its tags, so within a partition those still have to vary.
const PARTITION_SHIFT: u32 = 40;

/// A share of the groups: those whose hash falls into it.
///
/// The groups stand in a plain vector, in order of arrival, with a table of their indices beside
/// it: about 60 bytes a group, where a hash table of the groups themselves would take from 56 to
/// 112, and as much again while it grows.
#[derive(Debug, Default)]
struct Partition {
    index: HashTable<u32>,
    groups: Vec<Group>,
}

impl Partition {
    /// Adds what was counted for a group, whose key has this `hash`.
    fn merge(&mut self, group: &Group, hash: u64, hasher: &KeyHasher) {
        let groups = &mut self.groups;
        let slot = self.index.entry(
            hash,
            |&at| groups[at as usize].key == group.key,
            |&at| hasher.hash(&groups[at as usize].key),
        );
        match slot {
            hashbrown::hash_table::Entry::Occupied(slot) => {
                groups[*slot.get() as usize].totals.merge(&group.totals);
            }
            hashbrown::hash_table::Entry::Vacant(slot) => {
                // 2^32 groups in one of 256 partitions are over 48 TiB: memory ends long before.
                let Ok(at) = u32::try_from(groups.len()) else {
                    unreachable!("2^32 groups in a partition")
                };
                slot.insert(at);
                if groups.len() == groups.capacity() {
                    // By a quarter, not twofold: memory is what limits the number of groups.
                    groups.reserve_exact((groups.len() / 4).max(16));
                }
                groups.push(*group);
            }
        }
    }
}

/// The merged groups of a run: each worker counts into a [`Counter`] of its own, and those hand over
/// what they have counted.
#[derive(Debug)]
pub struct Partitions {
    hasher: KeyHasher,
    partitions: Vec<Mutex<Partition>>,
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
            partitions: (0..PARTITIONS).map(|_| Mutex::default()).collect(),
        }
    }

    /// A counter for a worker.
    #[must_use]
    pub fn counter(&self) -> Counter<'_> {
        Counter::new(self)
    }

    pub(super) fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// The partition of the keys with this hash.
    #[inline]
    pub(super) fn of_hash(hash: u64) -> usize {
        (hash >> PARTITION_SHIFT) as usize % PARTITIONS
    }

    /// Merges groups, with the hashes of their keys, into the partition they are of. Many workers may
    /// do so at the same time.
    pub(super) fn merge(&self, partition: usize, groups: &mut Vec<(u64, Group)>) {
        let Some(partition) = self.partitions.get(partition) else {
            return;
        };
        let mut partition = lock(partition);
        for (hash, group) in groups.drain(..) {
            partition.merge(&group, hash, &self.hasher);
        }
    }

    /// The groups, partition by partition and in no order within each; see [`SortedGroups::new`].
    #[must_use]
    pub fn finish(self) -> Vec<Vec<Group>> {
        self.partitions
            .into_iter()
            .map(|partition| {
                // The index goes here, before anything is made of the groups.
                let partition = partition
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner);
                partition.groups
            })
            .collect()
    }

    /// [`finish`](Partitions::finish) and sort, on this thread alone.
    #[must_use]
    pub fn finish_sorted(self) -> SortedGroups {
        let mut partitions = self.finish();
        for partition in &mut partitions {
            partition.sort_unstable_by_key(|group| group.key);
        }
        SortedGroups::new(partitions)
    }
}

/// A partition, whether or not another worker panicked while it held it: that panic ends the run.
fn lock(partition: &Mutex<Partition>) -> MutexGuard<'_, Partition> {
    partition.lock().unwrap_or_else(PoisonError::into_inner)
}
