//! Where among entries that are numbered the one of a hash is: an index with open addressing, beside
//! entries that never move.

use crate::fetch::fetch;

/// An empty slot, and no entry's number: there are always more slots than entries.
pub(super) const EMPTY: u32 = u32::MAX;

/// A power of two of slots, or none. An entry's slot is the first free one from that which the lowest bits
/// of its hash name. It holds the number of the entry in as many bits, and above them the hash's other
/// bits: all of the hash is looked at before the entry is. So numbers have to be smaller than the last
/// slot's, which with all other bits would make an empty one.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<u32>);

impl Slots {
    /// Empty slots, so many, which is a power of two.
    pub(super) fn new(count: usize) -> Slots {
        debug_assert!(count.is_power_of_two());
        Slots(vec![EMPTY; count])
    }

    /// Slots for entries of different keys, given by their hashes and numbers.
    pub(super) fn filled(count: usize, entries: impl Iterator<Item = (u32, u32)>) -> Slots {
        let mut slots = Slots::new(count);
        let mask = slots.mask();
        for (hash, number) in entries {
            let mut at = hash & mask;
            while slots.0[at as usize] != EMPTY {
                at = (at + 1) & mask;
            }
            slots.put(at, hash, number);
        }
        slots
    }

    /// How many slots there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many bytes they take.
    pub(super) fn memory(&self) -> usize {
        self.0.len() * size_of::<u32>()
    }

    /// Empties all of them.
    pub(super) fn clear(&mut self) {
        self.0.fill(EMPTY);
    }

    /// The bits of a hash that name a slot.
    #[inline]
    pub(super) fn mask(&self) -> u32 {
        number(self.0.len().wrapping_sub(1))
    }

    /// Asks for the memory that a search starts in. There has to be a slot, as for all that follow.
    #[inline]
    pub(super) fn fetch(&self, hash: u32, mask: u32) {
        fetch(&self.0[(hash & mask) as usize]);
    }

    /// The number of an entry with this hash, nearly always the one that is looked for; [`EMPTY`] if there
    /// is none.
    #[inline]
    pub(super) fn likely(&self, hash: u32, mask: u32) -> u32 {
        let mut at = hash & mask;
        loop {
            let slot = self.0[at as usize];
            if slot == EMPTY {
                return EMPTY;
            }
            if (slot ^ hash) & !mask == 0 {
                return slot & mask;
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of the entry with this hash that it `is`; or the slot in which to put it.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Result<u32, u32> {
        let mask = self.mask();
        let mut at = hash & mask;
        loop {
            let slot = self.0[at as usize];
            if slot == EMPTY {
                return Err(at);
            }
            if (slot ^ hash) & !mask == 0 && is(slot & mask) {
                return Ok(slot & mask);
            }
            at = (at + 1) & mask;
        }
    }

    /// Puts an entry into the slot that was [found](Slots::find) for it.
    #[inline]
    pub(super) fn put(&mut self, at: u32, hash: u32, number: u32) {
        let mask = self.mask();
        debug_assert!(number < mask && self.0[at as usize] == EMPTY);
        self.0[at as usize] = hash & !mask | number;
    }
}

/// The number of an entry, a slot or a page.
#[inline]
pub(super) fn number(number: usize) -> u32 {
    // 2^32 groups are 128 GiB, a row takes 16 bytes, a page 512: memory ends long before in one of 256
    // partitions.
    u32::try_from(number).unwrap_or_else(|_| unreachable!("2^32 entries in a table"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Of hashes that are alike, wrap around, or are spread.
        #[test]
        fn entries_are_found_where_they_were_put(
            hashes in prop::collection::vec(prop_oneof![0..4_u32, Just(u32::MAX), any::<u32>()], 0..64),
            others in prop::collection::vec(prop_oneof![0..8_u32, any::<u32>()], 0..64),
        ) {
            let count = (2 * hashes.len()).next_power_of_two().max(4);
            let mut slots = Slots::new(count);
            for (hash, entry) in hashes.iter().zip(0..) {
                let at = slots.find(*hash, |_| false).unwrap_err();
                slots.put(at, *hash, entry);
            }
            let filled = Slots::filled(count, hashes.iter().copied().zip(0..));
            prop_assert_eq!(&filled.0, &slots.0);
            for (hash, entry) in hashes.iter().zip(0..) {
                prop_assert_eq!(slots.find(*hash, |number| number == entry), Ok(entry));
                // One that may have it: the hash is not all there in few slots.
                let likely = hashes[slots.likely(*hash, slots.mask()) as usize];
                prop_assert_eq!((likely ^ hash) & !slots.mask(), 0);
            }
            for other in others.iter().filter(|other| !hashes.contains(other)) {
                prop_assert!(slots.find(*other, |number| hashes[number as usize] == *other).is_err());
            }
            slots.clear();
            prop_assert!(hashes.iter().all(|hash| slots.likely(*hash, slots.mask()) == EMPTY));
            prop_assert_eq!((slots.len(), slots.memory()), (count, 4 * count));
        }
    }
}
