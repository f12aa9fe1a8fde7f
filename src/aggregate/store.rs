//! A hash table of groups, made for merging many at a time.
//!
//! The groups stand in chunks, in order of arrival, and never move; an index beside them says where.
//! That takes from 40 to 48 bytes a group, where a hash table of the groups themselves takes from 40 to 80
//! and half as much again while it grows; and growing is quick, since only the index does.
//!
//! What it has over a general hash table is that the memory which a block of groups needs is asked
//! for before any of it is waited for: all of the index first, then all of the groups that it points
//! to. One group after the other, the processor would wait for the memory of nearly each.
//!
//! # What did not help
//!
//! Processor time of whole runs over 1 GiB with two threads, in seconds: 3.06 million groups in random
//! order take about 0.95, 31 thousand groups 0.4.
//!
//! - Groups in the slots of a table with open addressing, instead of an index beside groups that stand
//!   still: 1.69 instead of 1.40, at the time.
//! - An index up to three quarters full instead of half: 1.11 instead of 0.95.
//! - The same index and groups as a worker's own table, instead of hashbrown's: 0.45 instead of 0.43
//!   with 31 thousand groups.
//! - Groups on their way to a partition handed over 256 or 512 at a time instead of 128, and events
//!   counted 1,024 at a time instead of 256: no difference.
//! - Merging sorted partitions through a heap, instead of dividing groups into ranges and sorting
//!   those: a tenth of the run.

use super::memory::{Groups, Memory};
use super::packed::Packed;
use super::slots::{EMPTY, Slots, number};
use crate::fetch::fetch;

/// How many groups are merged side by side.
const BLOCK: usize = 256;

/// The fewest slots of an index that is not empty.
const MIN_SLOTS: usize = 16;

/// The table. Whoever calls its methods gives a hash: 32 bits for each key, always the same ones.
#[derive(Debug, Default)]
pub(super) struct Store {
    index: Slots,
    groups: Groups,
}

impl Store {
    /// Groups that nothing will be merged into.
    pub(super) fn of(groups: Groups) -> Store {
        Store {
            index: Slots::default(),
            groups,
        }
    }

    /// How many groups there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The groups, in order of arrival.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Makes an index for groups that came without.
    pub(super) fn restore_index(&mut self, memory: &Memory, hash: &impl Fn(&Packed) -> u32) {
        self.reserve(0, memory, hash);
    }

    /// The groups, without the index; neither is counted any longer.
    pub(super) fn forget(mut self, memory: &Memory) -> Groups {
        memory.discount(self.index.memory());
        self.groups.take(memory)
    }

    /// Takes the groups out. The index keeps its memory: as many groups will come again.
    pub(super) fn take(&mut self, memory: &Memory) -> Groups {
        self.index.clear();
        self.groups.take(memory)
    }

    /// The groups, without the index.
    pub(super) fn into_groups(self) -> Groups {
        self.groups
    }

    /// Every `step`th group.
    pub(super) fn sample(&self, step: usize) -> impl Iterator<Item = &Packed> {
        let numbers = (0..self.len()).step_by(step.max(1));
        numbers.map(|number| self.groups.get(number))
    }

    /// Adds groups to those of the same key, or puts them in. Where a sum does not fit, `full` is
    /// given the group in the table and the one to add, and decides.
    #[inline]
    pub(super) fn merge<'g, G>(
        &mut self,
        groups: &'g [G],
        memory: &Memory,
        hash: impl Fn(&Packed) -> u32,
        mut full: impl FnMut(&mut Packed, &Packed),
    ) where
        Packed: From<&'g G>,
    {
        for groups in groups.chunks(BLOCK) {
            self.reserve(groups.len(), memory, &hash);
            let mask = self.index.mask();
            let mut hashes = [0; BLOCK];
            for (place, group) in hashes.iter_mut().zip(groups) {
                *place = hash(&Packed::from(group));
                self.index.fetch(*place, mask);
            }
            let hashes = &hashes[..groups.len()];
            // Nearly always the group, if there is one.
            let mut numbers = [EMPTY; BLOCK];
            for (number, hash) in numbers.iter_mut().zip(hashes) {
                *number = self.index.likely(*hash, mask);
                if *number != EMPTY {
                    fetch(self.group(*number));
                }
            }
            for ((group, hash), number) in groups.iter().zip(hashes).zip(numbers) {
                let group = &Packed::from(group);
                let known = if number != EMPTY && self.group(number).is_of_key_of(group) {
                    self.group_mut(number)
                } else if let Some(known) = self.find_or_insert(*hash, group, memory) {
                    known
                } else {
                    continue;
                };
                match known.plus(group) {
                    Some(sum) => *known = sum,
                    None => full(known, group),
                }
            }
        }
    }

    /// The group of the same key; or `None`, after putting this one in.
    #[inline(never)]
    fn find_or_insert(
        &mut self,
        hash: u32,
        group: &Packed,
        memory: &Memory,
    ) -> Option<&mut Packed> {
        let is_same = |number| self.group(number).is_of_key_of(group);
        match self.index.find(hash, is_same) {
            Ok(number) => Some(self.group_mut(number)),
            Err(at) => {
                self.index.put(at, hash, number(self.len()));
                self.groups.push(*group, memory);
                None
            }
        }
    }

    #[inline]
    fn group(&self, number: u32) -> &Packed {
        self.groups.get(number as usize)
    }

    #[inline]
    fn group_mut(&mut self, number: u32) -> &mut Packed {
        self.groups.get_mut(number as usize)
    }

    /// Makes room for more groups.
    #[inline]
    fn reserve(&mut self, more: usize, memory: &Memory, hash: &impl Fn(&Packed) -> u32) {
        // Never more than half full: most searches then end at once, and it is those which do not
        // that cost most, since the processor guesses wrong.
        let needed = (self.len() + more) * 2;
        if needed > self.index.len() {
            let slots = needed.next_power_of_two().max(MIN_SLOTS);
            memory.count((slots - self.index.len()) * size_of::<u32>());
            self.grow(slots, hash);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, slots: usize, hash: &impl Fn(&Packed) -> u32) {
        // One after the other in memory, not beside each other.
        self.index = Slots::default();
        let hashes = self.groups.iter().map(hash);
        self.index = Slots::filled(slots, hashes.zip(0..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GroupKey;
    use crate::event::{Date, Event, UserId};
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// The standard library's map, which is hashbrown's; and hashes that are alike, wrap around, or
        /// are spread.
        #[test]
        fn merging_is_what_a_map_does(
            batches in proptest::collection::vec(
                proptest::collection::vec((0..3_u32, 0..400_u64), 0..600),
                0..8,
            ),
            spread in prop_oneof![Just(0_u32), Just(1), Just(0x9E37_79B9)],
            base in prop_oneof![Just(0_u32), Just(u32::MAX), any::<u32>()],
        ) {
            let hash = |group: &Packed| {
                let (date, user) = group.key().to_parts();
                let user = u32::try_from(user).unwrap();
                base.wrapping_add((date + user).wrapping_mul(spread))
            };
            let memory = Memory::default();
            let mut store = Store::default();
            let mut map: HashMap<GroupKey, u64> = HashMap::new();
            for batch in batches {
                let events: Vec<Event> = batch
                    .into_iter()
                    .map(|(day, user)| Event::new(Date::from_days(day).unwrap(), UserId::from(user), None))
                    .collect();
                for event in &events {
                    *map.entry(GroupKey::new(event.date(), event.user_id())).or_default() += 1;
                }
                store.merge(&events, &memory, hash, |_, _| unreachable!());
                prop_assert_eq!(store.len(), map.len());
            }
            let count = |group: &Packed| (group.key(), group.totals().unwrap().event_count);
            prop_assert_eq!(store.groups().iter().count(), store.len());
            prop_assert_eq!(&store.groups().iter().map(count).collect::<HashMap<_, _>>(), &map);
            prop_assert_eq!(store.sample(1).count(), store.len());
            prop_assert!(store.sample(7).all(|group| map.contains_key(&group.key())));
        }
    }

    #[test]
    fn the_index_is_never_more_than_half_full() {
        let hash = |group: &Packed| {
            let user = u32::try_from(group.key().to_parts().1).unwrap();
            user.wrapping_mul(0x9E37_79B9)
        };
        let memory = Memory::default();
        let mut store = Store::default();
        for user in 0..10_000_u64 {
            let event = Event::new(Date::MAX, UserId::from(user), None);
            store.merge(&[event], &memory, hash, |_, _| unreachable!());
            let slots = store.index.len();
            assert!(
                slots.is_power_of_two()
                    && store.len() <= slots / 2
                    && slots <= 16.max(store.len() * 4)
            );
        }
    }
}
