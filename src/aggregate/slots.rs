//! A hash table of groups, made for merging many at a time: open addressing, linear probing, the
//! groups themselves in the slots.
//!
//! What it has over a general hash table is that the memory of a whole block is asked for before any
//! of it is waited for, that a lookup touches one cache line as a rule, that it grows by less than
//! twofold, and that it grows in one pass over old and new memory from front to back: a hash's slot
//! rises with the hash, so the groups stand nearly in the order of their hashes.
//!
//! The same order is a danger: groups taken out of one such table in the order of its slots, and
//! put into a smaller one that orders by the same bits, all crowd into its front, and probing turns
//! quadratic. So whoever hands groups from one to another has to order the two by different bits:
//! that is why a table does not hash but is told the [`Place`].

use std::hint::black_box;

use super::packed::Packed;

/// How many groups are merged side by side.
const BLOCK: usize = 256;

/// The fewest slots of a table that is not empty.
const MIN_SLOTS: usize = 16;

/// Where groups belong: 32 bits for each key, as random as hashes are.
pub(super) trait Place {
    /// The place of a group's key.
    fn of(&self, group: &Packed) -> u32;
}

impl<F: Fn(&Packed) -> u32> Place for F {
    #[inline]
    fn of(&self, group: &Packed) -> u32 {
        self(group)
    }
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Packed>,
    len: usize,
}

impl Slots {
    /// How many groups there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are, empty ones included.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The groups, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Packed> {
        self.slots.iter().filter(|slot| !slot.is_empty())
    }

    /// A sample of the groups, taken from about every `step`th slot.
    pub(super) fn sample(&self, step: usize) -> impl Iterator<Item = &Packed> {
        self.slots
            .chunks(step.max(1))
            .filter_map(|slots| slots.iter().find(|slot| !slot.is_empty()))
    }

    /// Takes all groups out; the table keeps its memory.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Packed)) {
        for slot in &mut self.slots {
            if !slot.is_empty() {
                each(*slot);
                *slot = Packed::default();
            }
        }
        self.len = 0;
    }

    /// Adds groups to those of the same key, or puts them in. Where a sum does not fit, `full` is
    /// given the group in the table and the one to add, and decides.
    #[inline]
    pub(super) fn merge<'g, G>(
        &mut self,
        groups: &'g [G],
        place: &impl Place,
        mut full: impl FnMut(&mut Packed, &Packed),
    ) where
        Packed: From<&'g G>,
    {
        for groups in groups.chunks(BLOCK) {
            self.reserve(groups.len(), place);
            let mut homes = [0; BLOCK];
            for (home, group) in homes.iter_mut().zip(groups) {
                *home = home_of(place.of(&Packed::from(group)), self.slots.len());
            }
            // The processor fetches many of these at a time; in the loop below it would wait for
            // each alone, since it cannot foretell whether a slot is the right one.
            let mut touched = false;
            for home in &homes[..groups.len()] {
                touched ^= self.slots[*home].is_empty();
            }
            black_box(touched);
            for (group, home) in groups.iter().zip(homes) {
                self.merge_at(home, &Packed::from(group), &mut full);
            }
        }
    }

    #[inline]
    fn merge_at(
        &mut self,
        home: usize,
        group: &Packed,
        full: &mut impl FnMut(&mut Packed, &Packed),
    ) {
        let slots = &mut self.slots[..];
        let mut at = home;
        loop {
            let slot = &mut slots[at];
            if slot.is_of_key_of(group) {
                match slot.plus(group) {
                    Some(sum) => *slot = sum,
                    None => full(slot, group),
                }
                return;
            }
            if slot.is_empty() {
                *slot = *group;
                self.len += 1;
                return;
            }
            at += 1;
            if at == slots.len() {
                at = 0;
            }
        }
    }

    /// Makes room for more groups.
    #[inline]
    fn reserve(&mut self, more: usize, place: &impl Place) {
        // Never more than three quarters full: then a group is found in 2.5 slots on average, and
        // that it is not there is known after 8.5.
        let needed = (self.len + more).div_ceil(3) * 4;
        if needed > self.slots.len() {
            self.grow(needed, place);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, needed: usize, place: &impl Place) {
        // By half, not twofold: memory is what limits the number of groups.
        let len = needed
            .max(self.slots.len() + self.slots.len() / 2)
            .max(MIN_SLOTS);
        let mut slots = vec![Packed::default(); len];
        for group in self.iter() {
            let mut at = home_of(place.of(group), len);
            while !slots[at].is_empty() {
                at += 1;
                if at == len {
                    at = 0;
                }
            }
            slots[at] = *group;
        }
        self.slots = slots;
    }
}

/// The slot where the search for a place begins, of so many. It rises with the place.
#[inline]
fn home_of(place: u32, slots: usize) -> usize {
    // Fewer than 2^32 slots: 128 GiB. With more, all would begin in the first of them, slowly.
    ((u64::from(place) * slots as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GroupKey;
    use crate::event::{Date, Event, UserId};
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// The standard library's map, which is hashbrown's; and places that are alike, wrap around, or are spread.
        #[test]
        fn merging_is_what_a_map_does(
            batches in proptest::collection::vec(
                proptest::collection::vec((0..3_u32, 0..400_u64), 0..600),
                0..8,
            ),
            spread in prop_oneof![Just(0_u32), Just(1), Just(0x9E37_79B9)],
            base in prop_oneof![Just(0_u32), Just(u32::MAX), any::<u32>()],
        ) {
            let place = |group: &Packed| {
                let (date, user) = group.key().to_parts();
                let user = u32::try_from(user).unwrap();
                base.wrapping_add((date + user).wrapping_mul(spread))
            };
            let mut slots = Slots::default();
            let mut map: HashMap<GroupKey, u64> = HashMap::new();
            for batch in batches {
                let events: Vec<Event> = batch
                    .into_iter()
                    .map(|(day, user)| Event::new(Date::from_days(day).unwrap(), UserId::from(user), None))
                    .collect();
                for event in &events {
                    *map.entry(GroupKey::new(event.date(), event.user_id())).or_default() += 1;
                }
                slots.merge(&events, &place, |_, _| unreachable!());
                prop_assert_eq!(slots.len(), map.len());
            }
            let count = |group: &Packed| (group.key(), group.totals().unwrap().event_count);
            prop_assert_eq!(slots.iter().count(), slots.len());
            prop_assert_eq!(&slots.iter().map(count).collect::<HashMap<_, _>>(), &map);
            prop_assert_eq!(slots.sample(1).count(), slots.len());
            prop_assert!(slots.sample(7).all(|group| map.contains_key(&group.key())));
            let mut drained = HashMap::new();
            slots.drain(|group| drained.extend([count(&group)]));
            prop_assert_eq!(drained, map);
            prop_assert_eq!((slots.len(), slots.iter().count()), (0, 0));
        }
    }

    #[test]
    fn it_grows_by_half_and_is_never_more_than_three_quarters_full() {
        let mut slots = Slots::default();
        let place = |group: &Packed| {
            let user = u32::try_from(group.key().to_parts().1).unwrap();
            user.wrapping_mul(0x9E37_79B9)
        };
        let mut before = 0;
        for user in 0..10_000_u64 {
            let event = Event::new(Date::MAX, UserId::from(user), None);
            slots.merge(&[event], &place, |_, _| unreachable!());
            assert!(slots.len() <= slots.slots() / 4 * 3 + 3);
            assert!(before < 64 || slots.slots() <= before * 3 / 2);
            before = slots.slots();
        }
    }
}
