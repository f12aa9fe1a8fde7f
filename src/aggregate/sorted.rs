//! Groups in the order of the result, range by range.
//!
//! Sorting is put off as far as it can be. The order is cut into ranges of some thousand groups, at
//! keys taken from a sample; each partition's groups are moved next to those of the same range; and
//! only when a range is read are its groups brought together from all partitions and sorted, which
//! then happens within a core's cache, for as many ranges side by side as there are threads.

use super::by_day::ByDay;
use super::group::Group;
use super::memory::{Groups, Memory};
use super::packed::Packed;
use super::partition::{Partition, WideTotals};
use super::spill::{Merge, MergeRange, Spilled};
use crate::error::Result;

/// Where the order of the result is cut into ranges of about the same size.
#[derive(Debug)]
pub(crate) struct Ranges {
    /// The first key of each range but the first, as a number: a binary search tree, level by level
    /// from the root at 1, filled up with numbers past all keys. To go down in it takes as many steps
    /// for every key, none of them a branch, and half of the branches would be guessed wrong.
    tree: Vec<u128>,
    count: usize,
}

impl Ranges {
    /// How many groups a range has, about: with their text they fit a core's cache.
    pub(super) const ROWS: usize = 1 << 13;

    /// How many groups are taken as a sample for each range: with so many, few ranges are more than
    /// half as large again as they should be.
    const SAMPLE: usize = 32;

    /// Ranges of about so many groups.
    pub(super) fn of(partitions: &[Partition], rows: usize) -> Ranges {
        let groups: usize = partitions.iter().map(Partition::len).sum();
        let count = groups.div_ceil(rows.max(1));
        let step = groups / (count * Ranges::SAMPLE).max(1);
        let mut sample: Vec<u128> = partitions
            .iter()
            .flat_map(|partition| partition.sample(step))
            .map(|group| group.key().to_number())
            .collect();
        sample.sort_unstable();
        // Of two bounds that are the same, the range between is empty.
        let bounds = (1..count).filter_map(|range| sample.get(range * sample.len() / count));
        Ranges::between(&bounds.copied().collect::<Vec<_>>())
    }

    /// The ranges between bounds, which are sorted.
    fn between(bounds: &[u128]) -> Ranges {
        let len = (bounds.len() + 1).next_power_of_two();
        let tree = (0..len).map(|node: usize| {
            // The nodes of a level divide what those above it left into halves.
            let level = node.checked_ilog2()?;
            let nth = node - (1 << level);
            bounds.get((2 * nth + 1) * (len >> (level + 1)) - 1)
        });
        Ranges {
            tree: tree.map(|bound| *bound.unwrap_or(&u128::MAX)).collect(),
            count: bounds.len() + 1,
        }
    }

    /// The range of a group.
    #[inline]
    fn of_group(&self, group: &Packed) -> usize {
        let key = group.key().to_number();
        let mut node = 1;
        while node < self.tree.len() {
            node = 2 * node + usize::from(self.tree[node] <= key);
        }
        node - self.tree.len()
    }

    /// How many ranges there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Moves a partition's groups next to those of the same range.
    pub(super) fn divide(&self, partition: Partition, memory: &Memory) -> Share {
        let mut ends = vec![0_usize; self.count];
        let ranges: Vec<u32> = partition
            .groups()
            .map(|group| {
                let range = self.of_group(group);
                ends[range] += 1;
                // There are fewer ranges than groups in a partition's table.
                u32::try_from(range).unwrap_or(u32::MAX)
            })
            .collect();
        // From sizes to the ends of the ranges before, which are the starts.
        let mut end = 0;
        for start in &mut ends {
            end += std::mem::replace(start, end);
        }
        // Each group that is put down moves its range's start on, until all are ends.
        let mut groups = Groups::any(partition.len(), memory);
        for (group, range) in partition.groups().zip(ranges) {
            let at = &mut ends[range as usize];
            *groups.get_mut(*at) = *group;
            *at += 1;
        }
        let (divided, wide) = partition.into_parts(memory);
        divided.give_back(memory);
        Share { groups, ends, wide }
    }
}

/// The groups of a partition, range by range and in no order within each.
#[derive(Debug)]
pub(crate) struct Share {
    groups: Groups,
    /// Where each range ends; it starts where the one before it ends.
    ends: Vec<usize>,
    wide: WideTotals,
}

impl Share {
    /// Where a range starts and ends.
    fn range(&self, range: usize) -> (usize, usize) {
        let start = match range {
            0 => 0,
            _ => self.ends[range - 1],
        };
        (start, self.ends[range])
    }

    fn memory(&self) -> usize {
        let groups = self.ends.last().copied().unwrap_or(0);
        groups * size_of::<Packed>() + self.ends.len() * size_of::<usize>()
    }

    /// The groups' memory is used again.
    pub(super) fn give_back(self, memory: &Memory) {
        self.groups.give_back(memory);
    }
}

/// The groups of a range, together from all partitions, no key being in two of them.
pub(super) fn sorted(shares: &[Share], range: usize) -> InOrder {
    let ends = shares.iter().map(|share| share.range(range));
    let mut groups = Vec::with_capacity(ends.map(|(start, end)| end - start).sum());
    for share in shares {
        let (start, end) = share.range(range);
        for slice in share.groups.slices(start, end) {
            groups.extend(slice.iter().map(|group| share.wide.resolve(group)));
        }
    }
    InOrder::of(groups)
}

/// All groups of a run, to be read in order: from memory, or from the disk where they did not fit.
///
/// ```
/// use daytally::aggregate::SortedGroups;
/// assert_eq!(SortedGroups::default().iter().count(), 0);
/// ```
#[derive(Debug, Default)]
pub struct SortedGroups(Source);

#[derive(Debug)]
enum Source {
    /// Partitions divided into the same ranges.
    Memory(Vec<Share>),
    /// In rows and columns.
    ByDay(ByDay),
    Disk(Merge, Spilled),
    /// So few that they are in order already.
    Few(InOrder),
}

impl Default for Source {
    fn default() -> Source {
        Source::Memory(Vec::new())
    }
}

impl SortedGroups {
    /// From partitions divided into the same ranges, no key being in two places.
    pub(crate) fn in_memory(shares: Vec<Share>) -> SortedGroups {
        SortedGroups(Source::Memory(shares))
    }

    /// From partitions in rows and columns.
    pub(super) fn by_day(groups: ByDay) -> SortedGroups {
        SortedGroups(Source::ByDay(groups))
    }

    /// Groups that are in order.
    pub(super) fn of(groups: InOrder) -> SortedGroups {
        SortedGroups(Source::Few(groups))
    }

    /// From files of sorted groups.
    pub(super) fn on_disk(merge: Merge, spilled: Spilled) -> SortedGroups {
        SortedGroups(Source::Disk(merge, spilled))
    }

    /// What went to the disk: nothing, if the groups fitted into memory.
    #[must_use]
    pub fn spilled(&self) -> Spilled {
        match &self.0 {
            Source::Memory(_) | Source::ByDay(_) | Source::Few(_) => Spilled::default(),
            Source::Disk(_, spilled) => *spilled,
        }
    }

    /// How many bytes of the memory for groups they take, about.
    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Source::Memory(shares) => shares.iter().map(Share::memory).sum(),
            Source::ByDay(groups) => groups.memory(),
            Source::Disk(..) => 0,
            Source::Few(groups) => groups.groups.len() * size_of::<Group>(),
        }
    }

    /// The groups in the order of the result: by date, then by user.
    ///
    /// # Errors
    ///
    /// As [`GroupRange::sorted`]; after an error there may be more groups.
    pub fn iter(&self) -> impl Iterator<Item = Result<Group>> {
        self.ranges().flat_map(|range| {
            let (groups, error) = match range.sorted() {
                Ok(groups) => (groups, None),
                Err(error) => (InOrder::default(), Some(Err(error))),
            };
            let InOrder { groups, order } = groups;
            error
                .into_iter()
                .chain(order.into_iter().map(move |at| Ok(groups[at])))
        })
    }

    /// Ranges of some thousand groups each that follow each other and cover all groups, so that the
    /// result can be written in parallel.
    #[doc(hidden)]
    pub fn ranges(&self) -> impl Iterator<Item = GroupRange<'_>> {
        let count = match &self.0 {
            Source::Memory(shares) => shares.first().map_or(0, |share| share.ends.len()),
            Source::ByDay(groups) => groups.ranges(),
            Source::Disk(merge, _) => merge.ranges(),
            Source::Few(groups) => usize::from(!groups.is_empty()),
        };
        (0..count).map(|range| match &self.0 {
            Source::Memory(shares) => GroupRange(Place::Memory { shares, range }),
            Source::ByDay(groups) => GroupRange(Place::ByDay { groups, range }),
            Source::Disk(merge, _) => GroupRange(Place::Disk(merge.range(range))),
            Source::Few(groups) => GroupRange(Place::Few(groups)),
        })
    }
}

/// Groups that follow each other in the order of the result.
#[derive(Clone, Copy, Debug)]
pub struct GroupRange<'a>(Place<'a>);

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Memory { shares: &'a [Share], range: usize },
    ByDay { groups: &'a ByDay, range: usize },
    Disk(MergeRange<'a>),
    Few(&'a InOrder),
}

impl GroupRange<'_> {
    /// The groups in the order of the result: by date, then by user.
    ///
    /// # Errors
    ///
    /// Where they are on the disk, it may not return what was written:
    /// [`Error::SpillRead`](crate::Error::SpillRead) and
    /// [`Error::SpillDamaged`](crate::Error::SpillDamaged).
    pub fn sorted(&self) -> Result<InOrder> {
        match &self.0 {
            Place::Memory { shares, range } => Ok(sorted(shares, *range)),
            Place::ByDay { groups, range } => Ok(InOrder::as_they_are(groups.sorted(*range))),
            Place::Disk(range) => range.sorted(),
            Place::Few(groups) => Ok((*groups).clone()),
        }
    }

    /// Goes through the groups in no order, which in memory takes neither sorting nor a copy.
    ///
    /// # Errors
    ///
    /// As [`GroupRange::sorted`]; some groups may have been gone through by then.
    pub(crate) fn for_each(&self, mut take: impl FnMut(&Group)) -> Result<()> {
        match &self.0 {
            Place::Memory { shares, range } => {
                for share in *shares {
                    let (start, end) = share.range(*range);
                    let groups = share.groups.slices(start, end).flatten();
                    groups.for_each(|group| take(&share.wide.resolve(group)));
                }
            }
            Place::ByDay { groups, range } => groups.for_each(*range, |group| take(&group)),
            Place::Disk(range) => range.sorted()?.iter().for_each(take),
            Place::Few(groups) => groups.iter().for_each(take),
        }
        Ok(())
    }
}

/// The groups of a range in order.
#[derive(Clone, Debug, Default)]
pub struct InOrder {
    groups: Vec<Group>,
    order: Vec<usize>,
}

impl InOrder {
    /// Groups that are in order already.
    fn as_they_are(groups: Vec<Group>) -> InOrder {
        let order = (0..groups.len()).collect();
        InOrder { groups, order }
    }

    /// Groups of different keys.
    pub(super) fn of(groups: Vec<Group>) -> InOrder {
        let order = order(&groups, <[u64]>::sort_unstable, <[u128]>::sort_unstable);
        InOrder { groups, order }
    }

    /// Groups of which several may be of one key, and then are added up. They should be some sequences
    /// in order, one after the other: those are only merged.
    pub(crate) fn merged(mut groups: Vec<Group>) -> InOrder {
        let mut order = order(&groups, merge_sort, merge_sort);
        let mut kept = 0;
        for at in 0..order.len() {
            let place = order[at];
            let Group { key, totals } = groups[place];
            match kept {
                1.. if groups[order[kept - 1]].key == key => {
                    groups[order[kept - 1]].totals.merge(&totals);
                }
                _ => {
                    order[kept] = place;
                    kept += 1;
                }
            }
        }
        order.truncate(kept);
        InOrder { groups, order }
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The groups in the order of the result.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.order.iter().map(|at| &self.groups[*at])
    }
}

/// Sorts numbers of which some stretches are in order already. The stable sort is the one that looks
/// for such stretches, and then only merges them.
fn merge_sort<N: Ord>(numbers: &mut [N]) {
    numbers.sort();
}

/// Where among the groups the first in order stands, the second, and so on.
///
/// Numbers are sorted, each a key with its place in the lowest bits, in 64 bits where the groups lie
/// near enough to each other, as they do in most ranges of most runs.
fn order(
    groups: &[Group],
    sort: impl Fn(&mut [u64]),
    sort_wide: impl Fn(&mut [u128]),
) -> Vec<usize> {
    let keys = || groups.iter().map(|group| group.key.to_number());
    let (Some(least), Some(greatest)) = (keys().min(), keys().max()) else {
        return Vec::new();
    };
    let place_bits = groups.len().ilog2() + 1;
    let keys = keys().map(|key| key - least);
    if greatest - least < 1 << (u64::BITS - place_bits) {
        let numbers = keys.zip(0..).map(|(key, place): (u128, u64)| {
            // It fits, as was just seen.
            u64::try_from(key).unwrap_or(u64::MAX) << place_bits | place
        });
        let mut numbers: Vec<u64> = numbers.collect();
        sort(&mut numbers);
        places(&numbers, |number| number & ((1 << place_bits) - 1))
    } else {
        // 87 bits of key leave enough for the place.
        let numbers = keys
            .zip(0..)
            .map(|(key, place): (u128, u128)| key << place_bits | place);
        let mut numbers: Vec<u128> = numbers.collect();
        sort_wide(&mut numbers);
        places(&numbers, |number| number & ((1 << place_bits) - 1))
    }
}

fn places<N: Copy, P: TryInto<usize>>(numbers: &[N], place: impl Fn(N) -> P) -> Vec<usize> {
    // Made from places.
    let place = |number: &N| place(*number).try_into().unwrap_or(usize::MAX);
    numbers.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::hash::KeyHasher;
    use crate::aggregate::{GroupKey, Partitions, Totals};
    use crate::event::{Amount, Date, Event, UserId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// So many users, each on four days.
    fn of_users(users: u64) -> (SortedGroups, usize) {
        let partitions = Partitions::default().with_tables(0).trying_at(1, 1 << 13);
        let mut counter = partitions.counter();
        let mut count = 0;
        for day in 700..704 {
            for user in 0..users {
                counter.add(Event::new(
                    Date::from_days(day).unwrap(),
                    UserId::from(user),
                    None,
                ));
                count += 1;
            }
        }
        counter.finish();
        (partitions.finish_sorted().unwrap(), count)
    }

    #[test]
    fn users_who_come_every_day_are_read_day_by_day() {
        let (groups, count) = of_users(20_000);
        assert!(matches!(groups.0, Source::ByDay(_)));
        assert!(groups.memory() > count * size_of::<Packed>());
        // Three for each day.
        assert_eq!(groups.ranges().count(), 12);
        let keys: Vec<_> = groups.iter().map(|group| group.unwrap().key).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.len(), count);
        assert_eq!(groups.spilled(), Spilled::default());
    }

    /// One day has all of them, the others one each: most cells looked at would be empty.
    #[test]
    fn users_who_come_once_are_not() {
        let partitions = Partitions::default().with_tables(0).trying_at(1, 1 << 13);
        let mut counter = partitions.counter();
        let days = (640..704).flat_map(|day| {
            (0..if day == 650 { 5_000_u64 } else { 1 }).map(move |user| (day, user))
        });
        for (day, user) in days.clone() {
            counter.add(Event::new(
                Date::from_days(day).unwrap(),
                UserId::from(user),
                None,
            ));
        }
        counter.finish();
        let groups = partitions.finish_sorted().unwrap();
        assert!(matches!(groups.0, Source::Memory(_)));
        let keys: Vec<_> = groups.iter().map(|group| group.unwrap().key).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.len(), days.count());
    }

    /// None, few, and such as few of fill narrow fields.
    fn units() -> impl Strategy<Value = u128> {
        prop_oneof![4 => 0..3_u128, 1 => Just(10_u128.pow(33))]
    }

    proptest! {
        #[test]
        fn any_division_among_counters_gives_the_groups_of_one_ordered_map(
            events in proptest::collection::vec((0..9_u32, -5..5_i64, units(), 0..3_usize), 0..3000),
            rows in 0..400_usize,
            seed: u64,
        ) {
            let partitions = Partitions::new(KeyHasher::with_seed(seed));
            let mut counters: Vec<_> = (0..3).map(|_| partitions.counter()).collect();
            let mut expected: BTreeMap<(Date, UserId), Totals> = BTreeMap::new();
            for (day, user, units, worker) in events {
                let date = Date::from_days(day).unwrap();
                let user = UserId::from(user);
                let event = Event::new(date, user, (units > 0).then(|| Amount::from_units(units)));
                counters[worker].add(event);
                expected.entry((date, user)).or_default().add(&event);
            }
            for counter in counters {
                counter.finish();
            }
            let (partitions, _) = partitions.finish();
            let ranges = Ranges::of(&partitions, rows);
            let memory = Memory::default();
            let shares = partitions
                .into_iter()
                .map(|partition| ranges.divide(partition, &memory));
            let groups = SortedGroups::in_memory(shares.collect());
            let expected: Vec<_> = expected.into_iter().collect();
            let flat = |group: Group| ((group.key.date(), group.key.user_id()), group.totals);
            let found = groups.iter().map(|group| flat(group.unwrap()));
            prop_assert_eq!(found.collect::<Vec<_>>(), &expected[..]);
            let mut unsorted = Vec::new();
            for range in groups.ranges() {
                range.for_each(|group| unsorted.push(flat(*group))).unwrap();
            }
            unsorted.sort_unstable_by_key(|(key, _)| *key);
            prop_assert_eq!(&unsorted[..], &expected[..]);
            let joined = groups.ranges().flat_map(|range| {
                let sorted = range.sorted().unwrap();
                assert_eq!(sorted.len(), sorted.iter().count());
                sorted.iter().copied().collect::<Vec<_>>()
            });
            prop_assert_eq!(joined.map(flat).collect::<Vec<_>>(), expected);
        }

        /// Put in rows and columns early or late, and taken out of them or not; days of many blocks, users
        /// on both sides of zero, totals that do not fit narrow fields.
        #[test]
        fn groups_in_rows_and_columns_are_those_of_one_ordered_map(
            events in proptest::collection::vec(
                (
                    prop_oneof![4 => 700..720_u32, 1 => 0..2000_u32],
                    prop_oneof![8 => -40..40_i64, 1 => any::<i64>()],
                    units(),
                ),
                0..6000,
            ),
            try_at in 1..20_usize,
            spare_cells in prop_oneof![Just(0), 0..300_usize, Just(1 << 13)],
            seed: u64,
        ) {
            let partitions = Partitions::new(KeyHasher::with_seed(seed))
                .with_tables(0)
                .trying_at(try_at, spare_cells);
            let mut expected: BTreeMap<(Date, UserId), Totals> = BTreeMap::new();
            for some in events.chunks(2000) {
                let mut counter = partitions.counter();
                for (day, user, units) in some {
                    let (date, user) = (Date::from_days(*day).unwrap(), UserId::from(*user));
                    let amount = (*units > 0).then(|| Amount::from_units(*units));
                    let event = Event::new(date, user, amount);
                    counter.add(event);
                    expected.entry((date, user)).or_default().add(&event);
                }
                counter.finish();
            }
            let groups = partitions.finish_sorted().unwrap();
            let expected: Vec<_> = expected.into_iter().collect();
            let flat = |group: &Group| ((group.key.date(), group.key.user_id()), group.totals);
            let found: Vec<_> = groups.iter().map(|group| flat(&group.unwrap())).collect();
            prop_assert_eq!(&found, &expected);
            let mut each = Vec::new();
            for range in groups.ranges() {
                range.for_each(|group| each.push(flat(group))).unwrap();
            }
            each.sort_unstable_by_key(|(key, _)| *key);
            prop_assert_eq!(each, expected);
        }

        #[test]
        fn a_range_is_how_many_bounds_are_not_past_a_group(
            bounds in proptest::collection::vec((0..3_u32, 0..20_u64), 0..40),
            day in 0..3_u32,
            user in 0..20_u64,
        ) {
            let key = |(day, user): &(u32, u64)| {
                GroupKey::new(Date::from_days(*day).unwrap(), UserId::from(*user))
            };
            let mut bounds: Vec<u128> = bounds.iter().map(|bound| key(bound).to_number()).collect();
            bounds.sort_unstable();
            let key = key(&(day, user));
            let expected = bounds.iter().filter(|bound| **bound <= key.to_number()).count();
            let ranges = Ranges::between(&bounds);
            prop_assert_eq!(ranges.of_group(&Packed::new(key)), expected);
            prop_assert!(expected < ranges.count);
        }

        #[test]
        fn order_is_that_of_the_keys(
            mut keys in prop_oneof![
                // Near to each other, far from each other, and both.
                proptest::collection::hash_set((0..2_u32, 0..2000_i128), 0..500),
                proptest::collection::hash_set(
                    (0..=Date::MAX.days(), i128::from(i64::MIN)..=i128::from(u64::MAX)),
                    0..500,
                ),
                proptest::collection::hash_set(
                    (0..2_u32, prop_oneof![-9..9_i128, (1 << 64) - 9..1_i128 << 64]),
                    0..30,
                ),
            ].prop_map(Vec::from_iter),
        ) {
            let groups: Vec<Group> = keys
                .iter()
                .map(|(day, user)| Group {
                    key: GroupKey::new(
                        Date::from_days(*day).unwrap(),
                        UserId::try_from(*user).unwrap(),
                    ),
                    totals: Totals::default(),
                })
                .collect();
            let sorted = InOrder::of(groups);
            keys.sort_unstable();
            let sorted = sorted.iter().map(|group| (group.key.date().days(), group.key.user_id().get()));
            prop_assert_eq!(sorted.collect::<Vec<_>>(), keys);
        }
    }

    proptest! {
        #[test]
        fn merging_adds_up_what_is_of_one_key(
            mut sequences in proptest::collection::vec(
                proptest::collection::vec((0..3_u32, 0..40_u64, 0..5_u64), 0..60),
                0..6,
            ),
            far: bool,
        ) {
            let mut expected: BTreeMap<GroupKey, Totals> = BTreeMap::new();
            let mut groups = Vec::new();
            for sequence in &mut sequences {
                sequence.sort_unstable();
                for (day, user, events) in sequence {
                    let user = if far { *user << 58 } else { *user };
                    let key = GroupKey::new(Date::from_days(*day).unwrap(), UserId::from(user));
                    let totals = Totals { event_count: *events, ..Totals::default() };
                    expected.entry(key).or_default().merge(&totals);
                    groups.push(Group { key, totals });
                }
            }
            let merged = InOrder::merged(groups);
            let merged: Vec<_> = merged.iter().map(|group| (group.key, group.totals)).collect();
            prop_assert_eq!(merged, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranges_are_of_about_the_same_size() {
        let groups = 100_000;
        for count in [1, 2, 7, 64] {
            let (partitions, _) = partitions_of(groups).finish();
            let ranges = Ranges::of(&partitions, groups.div_ceil(count));
            let memory = Memory::default();
            let shares = partitions
                .into_iter()
                .map(|partition| ranges.divide(partition, &memory));
            let sorted = SortedGroups::in_memory(shares.collect());
            assert_eq!(sorted.ranges().count(), count);
            let even = groups / count;
            let lens: Vec<usize> = sorted
                .ranges()
                .map(|range| range.sorted().unwrap().len())
                .collect();
            // As far as a sample of 32 for each says: one in some thousand has less than half.
            let outside = |low, high| {
                lens.iter()
                    .filter(|len| !(low..=high).contains(*len))
                    .count()
            };
            assert!(outside(even / 2, even * 2) <= 2, "{count}: {lens:?}");
            assert_eq!(outside(even / 4, even * 3), 0, "{count}: {lens:?}");
        }
    }

    fn partitions_of(groups: usize) -> Partitions {
        let partitions = Partitions::new(KeyHasher::with_seed(3));
        let mut counter = partitions.counter();
        for n in 0..groups as u64 {
            let date = Date::from_days(738_000 + u32::try_from(n % 31).unwrap()).unwrap();
            counter.add(Event::new(date, UserId::from(n / 31), None));
        }
        counter.finish();
        partitions
    }
}
