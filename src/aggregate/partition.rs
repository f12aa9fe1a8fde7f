//! The groups of all workers, divided by hash into partitions that can be merged side by side.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::by_day::{ByDay, User};
use super::counter::Counter;
use super::group::{Group, Totals};
use super::hash::KeyHasher;
use super::matrix::Matrix;
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

/// How many groups a partition has when it is first tried whether they should be in rows and columns. After
/// that it is tried each time that there are twice as many.
const TRY_AT: usize = 1 << 9;

/// How many empty cells a partition may have whatever else it has: 64 MiB in all partitions.
const SPARE_CELLS: usize = 1 << 13;

/// When groups are in rows and columns.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// With so many groups in a store it is tried whether they should be.
    try_at: usize,
    spare_cells: usize,
}

impl Layout {
    /// Whatever comes, they are not.
    const NEVER: Layout = Layout {
        try_at: usize::MAX,
        spare_cells: 0,
    };

    /// How many cells so many groups may take when they are put in rows and columns: those of users who
    /// come in random order are scattered at first, and come together later.
    fn cells_at_first(self, groups: usize) -> usize {
        (4 * groups).min(groups + groups / 2 + self.spare_cells / 8 * 7)
    }

    /// How many they may take later. With half as many again as there are groups they take what the index of a
    /// store would.
    fn most_cells(self, groups: usize) -> usize {
        groups + groups / 2 + self.spare_cells
    }
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            try_at: TRY_AT,
            spare_cells: SPARE_CELLS,
        }
    }
}

/// A share of the groups: those whose hash falls into it.
#[derive(Debug)]
pub(crate) struct Partition {
    kept: Kept,
    wide: WideTotals,
    layout: Layout,
}

impl Default for Partition {
    fn default() -> Partition {
        Partition {
            kept: Kept::Store(Store::default()),
            wide: WideTotals::default(),
            layout: Layout::default(),
        }
    }
}

/// How groups are kept.
#[derive(Debug)]
enum Kept {
    Store(Store),
    /// In rows and columns.
    Matrix(Box<Matrix>),
}

impl Partition {
    /// Adds what was counted for groups of this partition.
    fn merge(&mut self, groups: &[Packed], memory: &Memory, hasher: &KeyHasher) {
        let wide = &mut self.wide;
        let full = |group: &mut Packed, other: &Packed| wide.add(group, other, memory);
        match &mut self.kept {
            Kept::Store(store) => {
                let hash = |group: &Packed| hasher.short_hash(&group.key());
                store.merge(groups, memory, hash, full);
                if store.len() >= self.layout.try_at {
                    self.layout.try_at = 2 * store.len();
                    // Not where memory is short: cells may be empty.
                    let cells = self.layout.cells_at_first(store.len());
                    if memory.has_room_for(cells) {
                        self.put_in_matrix(cells, memory, hasher);
                    }
                }
            }
            Kept::Matrix(matrix) => {
                matrix.merge(groups, memory, hasher, full);
                if matrix.cells() > self.layout.most_cells(matrix.len()) {
                    self.put_in_store(memory, hasher);
                    self.layout = Layout::NEVER;
                }
            }
        }
    }

    /// Puts the groups into rows and columns, if that takes no more than so many cells.
    #[cold]
    fn put_in_matrix(&mut self, cells: usize, memory: &Memory, hasher: &KeyHasher) {
        if let Kept::Store(store) = &mut self.kept
            && let Some(matrix) = Matrix::of(store.groups(), cells, memory, hasher)
        {
            let groups = std::mem::take(store).forget(memory);
            groups.give_back(memory);
            self.kept = Kept::Matrix(Box::new(matrix));
        }
    }

    /// Takes the groups out of rows and columns.
    #[cold]
    fn put_in_store(&mut self, memory: &Memory, hasher: &KeyHasher) {
        self.put_in_groups(memory);
        if let Kept::Store(store) = &mut self.kept {
            store.restore_index(memory, &|group| hasher.short_hash(&group.key()));
        }
    }

    /// Takes the groups out of rows and columns, and nothing will be merged into them.
    fn put_in_groups(&mut self, memory: &Memory) {
        let nothing = Kept::Store(Store::default());
        self.kept = match std::mem::replace(&mut self.kept, nothing) {
            Kept::Matrix(matrix) => Kept::Store(Store::of(matrix.into_groups(memory))),
            store @ Kept::Store(_) => store,
        };
    }

    /// Takes all groups out. What they took is no longer counted.
    pub(super) fn take(&mut self, memory: &Memory) -> Partition {
        memory.discount(self.wide.0.capacity() * WideTotals::COUNTS);
        // Memory is short, so that cells had better not be empty.
        self.layout = Layout::NEVER;
        self.put_in_groups(memory);
        let groups = match &mut self.kept {
            Kept::Store(store) => store.take(memory),
            Kept::Matrix(_) => Groups::default(),
        };
        Partition {
            kept: Kept::Store(Store::of(groups)),
            wide: std::mem::take(&mut self.wide),
            layout: Layout::NEVER,
        }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        match &self.kept {
            Kept::Store(store) => store.len(),
            Kept::Matrix(matrix) => matrix.len(),
        }
    }

    /// The groups, in no order.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Packed> {
        let (store, matrix) = match &self.kept {
            Kept::Store(store) => (Some(store.groups().iter()), None),
            Kept::Matrix(matrix) => (None, Some(matrix.groups())),
        };
        store
            .into_iter()
            .flatten()
            .chain(matrix.into_iter().flatten())
    }

    /// Every `step`th group.
    pub(super) fn sample(&self, step: usize) -> impl Iterator<Item = &Packed> {
        let store = match &self.kept {
            Kept::Store(store) => Some(store.sample(step)),
            Kept::Matrix(_) => None,
        };
        store.into_iter().flatten()
    }

    /// The groups with their totals, in no order.
    pub(crate) fn resolved(&self) -> impl Iterator<Item = Group> {
        self.groups().map(|group| self.wide.resolve(group))
    }

    /// The groups, and the totals that are elsewhere.
    pub(super) fn into_parts(self, memory: &Memory) -> (Groups, WideTotals) {
        let groups = match self.kept {
            Kept::Store(store) => store.into_groups(),
            Kept::Matrix(matrix) => matrix.into_groups(memory),
        };
        (groups, self.wide)
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

    /// Tries already with so many groups in a partition whether they should be in rows and columns, and allows so
    /// many empty cells.
    #[cfg(test)]
    pub(super) fn trying_at(mut self, try_at: usize, spare_cells: usize) -> Partitions {
        for partition in &mut self.all {
            let partition = partition.get_mut().unwrap_or_else(PoisonError::into_inner);
            partition.layout = Layout {
                try_at,
                spare_cells,
            };
        }
        self
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

    /// The same, to be put in order.
    pub(crate) fn finish(self) -> (Vec<Partition>, Finish) {
        let finish = Finish {
            memory: self.memory,
            hasher: self.hasher,
        };
        (unlocked(self.all), finish)
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
        let (mut partitions, finish) = self.finish();
        if Finish::is_by_day(&partitions) {
            for partition in &mut partitions {
                finish.settle(partition, true);
            }
            let sort = |users: &mut [User]| users.sort_unstable_by_key(User::key);
            match Finish::by_day(partitions, sort) {
                Ok(groups) => return Ok(groups),
                Err(others) => partitions = others,
            }
        }
        for partition in &mut partitions {
            finish.settle(partition, false);
        }
        let division = finish.division(&partitions);
        let shares = partitions
            .into_iter()
            .map(|partition| division.divide(partition));
        Ok(SortedGroups::in_memory(shares.collect()))
    }
}

/// What it takes to put the groups of all partitions in order: either they all go into rows and columns,
/// or all out of them, and then they are divided into ranges.
#[derive(Debug)]
pub(crate) struct Finish {
    memory: Memory,
    hasher: KeyHasher,
}

impl Finish {
    /// Whether most groups are in rows and columns.
    pub(crate) fn is_by_day(partitions: &[Partition]) -> bool {
        let (mut in_matrices, mut all) = (0, 0);
        for partition in partitions {
            all += partition.len();
            if let Kept::Matrix(matrix) = &partition.kept {
                in_matrices += matrix.len();
            }
        }
        in_matrices * 2 > all
    }

    /// Brings the groups of a partition into rows and columns, or out of them.
    pub(crate) fn settle(&self, partition: &mut Partition, by_day: bool) {
        if by_day {
            let cells = partition.layout.most_cells(partition.len());
            partition.put_in_matrix(cells, &self.memory, &self.hasher);
        } else {
            partition.put_in_groups(&self.memory);
        }
    }

    /// The groups in order, if all partitions are in rows and columns, and reading them so is worthwhile;
    /// otherwise the partitions. `sort` sorts users by their key.
    pub(crate) fn by_day(
        partitions: Vec<Partition>,
        sort: impl FnOnce(&mut [User]),
    ) -> std::result::Result<SortedGroups, Vec<Partition>> {
        if partitions
            .iter()
            .any(|partition| matches!(partition.kept, Kept::Store(_)))
        {
            return Err(partitions);
        }
        let mut matrices = Vec::with_capacity(partitions.len());
        for partition in partitions {
            if let Kept::Matrix(matrix) = partition.kept {
                matrices.push((*matrix, partition.wide));
            }
        }
        match ByDay::new(&mut matrices, sort) {
            Some(by_day) => Ok(SortedGroups::by_day(by_day)),
            None => Err(matrices
                .into_iter()
                .map(|(matrix, wide)| Partition {
                    kept: Kept::Matrix(Box::new(matrix)),
                    wide,
                    layout: Layout::NEVER,
                })
                .collect()),
        }
    }

    /// Where the groups are divided, none of which are in rows and columns.
    pub(crate) fn division(self, partitions: &[Partition]) -> Division {
        Division {
            ranges: Ranges::of(partitions, Ranges::ROWS),
            memory: self.memory,
        }
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
