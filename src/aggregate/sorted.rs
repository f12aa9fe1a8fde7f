//! Groups in the order of the result, and the division of that order into ranges.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::group::{Group, GroupKey};

/// All groups of a run, sorted within each partition: read in order by merging the partitions.
///
/// ```
/// use daytally::aggregate::SortedGroups;
/// assert_eq!(SortedGroups::new(Vec::new()).iter().count(), 0);
/// ```
#[derive(Debug, Default)]
pub struct SortedGroups {
    partitions: Vec<Vec<Group>>,
}

impl SortedGroups {
    /// From partitions each of which is sorted by key, no key being in two places.
    #[must_use]
    pub fn new(partitions: Vec<Vec<Group>>) -> SortedGroups {
        debug_assert!(
            partitions
                .iter()
                .all(|groups| groups.is_sorted_by(|a, b| a.key < b.key))
        );
        SortedGroups { partitions }
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The groups in no particular order, partition by partition: the quick way to add things up.
    pub fn unordered(&self) -> impl Iterator<Item = &Group> {
        self.partitions.iter().flatten()
    }

    /// The groups in the order of the result: by date, then by user.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.whole().iter()
    }

    /// About `count` ranges of about the same size that follow each other and cover all groups, so
    /// that the result can be written in parallel. At least one, and never an empty one unless there
    /// are no groups at all.
    #[must_use]
    pub fn ranges(&self, count: usize) -> Vec<GroupRange<'_>> {
        // Every partition is a random sample of all keys. Taken from each at even steps, at another
        // place of the step in each, they give a sample whose quantiles are close to the whole's.
        let partitions = self.partitions.len().max(1);
        let per_partition = (count * 32).div_ceil(partitions);
        let mut sample: Vec<GroupKey> = self
            .partitions
            .iter()
            .enumerate()
            .flat_map(|(index, groups)| {
                let step = (groups.len() / per_partition.max(1)).max(1);
                groups.iter().skip(step * index / partitions).step_by(step)
            })
            .map(|group| group.key)
            .collect();
        sample.sort_unstable();

        let mut rest = self.whole();
        let mut ranges = Vec::with_capacity(count);
        for range in 1..count.max(1) {
            let Some(&bound) = sample.get(range * sample.len() / count) else {
                continue;
            };
            let (before, after) = rest.split_at(bound);
            if !before.is_empty() {
                ranges.push(before);
            }
            rest = after;
        }
        if !rest.is_empty() || ranges.is_empty() {
            ranges.push(rest);
        }
        ranges
    }

    fn whole(&self) -> GroupRange<'_> {
        GroupRange {
            partitions: self.partitions.iter().map(Vec::as_slice).collect(),
        }
    }
}

/// The groups between two keys.
#[derive(Clone, Debug)]
pub struct GroupRange<'a> {
    partitions: Vec<&'a [Group]>,
}

impl<'a> GroupRange<'a> {
    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partitions.iter().map(|groups| groups.len()).sum()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partitions.iter().all(|groups| groups.is_empty())
    }

    /// The groups below `bound`, and the others.
    fn split_at(self, bound: GroupKey) -> (GroupRange<'a>, GroupRange<'a>) {
        let (before, after) = self
            .partitions
            .into_iter()
            .map(|groups| groups.split_at(groups.partition_point(|group| group.key < bound)))
            .unzip();
        (
            GroupRange { partitions: before },
            GroupRange { partitions: after },
        )
    }

    /// The groups in the order of the result: by date, then by user.
    #[must_use]
    pub fn iter(&self) -> GroupIter<'a> {
        GroupIter {
            heads: self
                .partitions
                .iter()
                .filter_map(|groups| {
                    let (first, rest) = groups.split_first()?;
                    Some(Reverse(Head { first, rest }))
                })
                .collect(),
        }
    }
}

impl<'a> IntoIterator for &GroupRange<'a> {
    type Item = &'a Group;
    type IntoIter = GroupIter<'a>;

    fn into_iter(self) -> GroupIter<'a> {
        self.iter()
    }
}

/// The groups of a [`GroupRange`] in order: a merge of its partitions.
#[derive(Clone, Debug)]
pub struct GroupIter<'a> {
    heads: BinaryHeap<Reverse<Head<'a>>>,
}

/// What is left of a partition, compared by its first group.
#[derive(Clone, Debug)]
struct Head<'a> {
    first: &'a Group,
    rest: &'a [Group],
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.first.key == other.first.key
    }
}

impl Eq for Head<'_> {}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.first.key.cmp(&other.first.key)
    }
}

impl<'a> Iterator for GroupIter<'a> {
    type Item = &'a Group;

    fn next(&mut self) -> Option<&'a Group> {
        let mut head = self.heads.peek_mut()?;
        let group = head.0.first;
        match head.0.rest.split_first() {
            Some((first, rest)) => head.0 = Head { first, rest },
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{KeyHasher, Partitions, Revenue, Totals};
    use crate::event::{Amount, Date, Event, UserId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn any_division_among_counters_gives_the_groups_of_one_ordered_map(
            events in proptest::collection::vec((0..9_u32, -5..5_i64, 0..3_u128, 0..3_usize), 0..3000),
            ranges in 0..20_usize,
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
            let groups = partitions.finish_sorted();
            let expected: Vec<_> = expected.into_iter().collect();
            let flat = |group: &Group| ((group.key.date(), group.key.user_id()), group.totals);
            prop_assert_eq!(groups.len(), expected.len());
            prop_assert_eq!(groups.iter().map(flat).collect::<Vec<_>>(), &expected[..]);
            let ranges = groups.ranges(ranges);
            let joined: Vec<_> = ranges.iter().flatten().map(flat).collect();
            prop_assert_eq!(joined, expected);
            prop_assert!(ranges.len() == 1 || ranges.iter().all(|range| !range.is_empty()));
        }
    }

    #[test]
    fn ranges_are_of_about_the_same_size() {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        for n in 0..100_000_u64 {
            let date = Date::from_days(738_000 + u32::try_from(n % 31).unwrap()).unwrap();
            counter.add(Event::new(date, UserId::from(n / 31), None));
        }
        counter.finish();
        let groups = partitions.finish_sorted();
        for count in [1, 2, 7, 64] {
            let ranges = groups.ranges(count);
            assert_eq!(ranges.len(), count);
            let even = groups.len() / count;
            for range in ranges {
                assert!(
                    (even / 2..=even * 2).contains(&range.len()),
                    "{count}: {}",
                    range.len()
                );
            }
        }
        let total = groups.unordered().map(|group| group.totals.revenue).max();
        assert_eq!(total, Some(Revenue::default()));
    }
}
