//! A worker's own table of groups.
//!
//! Events are counted some hundred at a time: the memory of all their groups is asked for before any of
//! it is waited for. Of a run over narrow lines with 31 thousand groups that took 0.95 of the processor
//! time outside of the kernel, over wide lines as much; with millions of groups it makes no difference.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::group::Group;
use super::hash::KeyHasher;
use super::packed::Packed;
use crate::event::Event;
use crate::fetch::fetch;

/// How many events are hashed side by side.
const BLOCK: usize = 256;

/// No place in a table.
const NOWHERE: usize = usize::MAX;

/// Adds an event to its group; what is full is taken out.
#[inline]
fn count(group: &mut Packed, event: Packed, full: &mut Vec<Packed>) {
    match group.plus(&event) {
        Some(sum) => *group = sum,
        None => full.push(std::mem::replace(group, event)),
    }
}

/// Groups and their totals in no order: what one worker has counted since it last handed over.
///
/// ```
/// use daytally::internals::{KeyHasher, Table};
/// use daytally::event::{Decoder, Verdict};
///
/// let mut table = Table::new(KeyHasher::random());
/// let line = br#"{"user_id":7,"event_type":"click","timestamp":"2024-01-01T08Z"}"#;
/// if let Verdict::Valid(event) = Decoder::default().decode(line) {
///     table.add(&[event, event]);
/// }
/// assert_eq!(table.len(), 1);
/// ```
#[derive(Debug)]
pub struct Table {
    hasher: KeyHasher,
    groups: HashTable<Packed>,
    /// What no longer fits the narrow fields of a group, taken out whole.
    full: Vec<Packed>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(hasher: KeyHasher) -> Table {
        Table {
            hasher,
            groups: HashTable::new(),
            full: Vec::new(),
        }
    }

    /// Counts events. The more at a time, up to some hundreds, the quicker.
    #[inline]
    pub fn add(&mut self, events: &[Event]) {
        let Table {
            hasher,
            groups,
            full,
        } = self;
        let mut hashes = [0; BLOCK];
        // Where a group of the same hash is, nearly always the group itself; or nowhere.
        let mut likely = [NOWHERE; BLOCK];
        for events in events.chunks(BLOCK) {
            for (hash, event) in hashes.iter_mut().zip(events) {
                *hash = hasher.hash(&Packed::from(event).key());
            }
            let hashes = &hashes[..events.len()];
            for (place, hash) in likely.iter_mut().zip(hashes) {
                *place = groups.find_bucket_index(*hash, |_| true).unwrap_or(NOWHERE);
                if let Some(group) = groups.get_bucket(*place) {
                    fetch(group);
                }
            }
            for ((hash, place), event) in hashes.iter().zip(&likely).zip(events) {
                let event = Packed::from(event);
                if let Some(group) = groups.get_bucket_mut(*place)
                    && group.is_of_key_of(&event)
                {
                    count(group, event, full);
                    continue;
                }
                let entry = groups.entry(
                    *hash,
                    |group| group.is_of_key_of(&event),
                    |group| hasher.hash(&group.key()),
                );
                match entry {
                    Entry::Occupied(mut group) => count(group.get_mut(), event, full),
                    Entry::Vacant(slot) => {
                        slot.insert(event);
                    }
                }
            }
        }
    }

    /// How many groups there are. One whose totals are large may be counted more than once.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.groups.len() + self.full.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all groups out, in no order, and one whose totals are large possibly in parts; the
    /// table keeps its memory.
    pub fn drain(&mut self, mut each: impl FnMut(Group)) {
        self.drain_packed(|group| {
            // A table of one worker has no totals elsewhere.
            if let Ok(totals) = group.totals() {
                each(Group {
                    key: group.key(),
                    totals,
                });
            }
        });
    }

    /// The same, as the groups are.
    pub(super) fn drain_packed(&mut self, mut each: impl FnMut(Packed)) {
        self.groups.drain().for_each(&mut each);
        self.full.drain(..).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Totals};
    use crate::event::{Amount, Date, UserId};
    use std::collections::HashMap;

    /// Two of the largest amounts fill a packed group's revenue, 32,767 purchases its count.
    #[test]
    fn totals_past_the_narrow_fields_come_out_in_parts_that_are_exact() {
        let mut table = Table::new(KeyHasher::with_seed(1));
        let mut expected: HashMap<GroupKey, Totals> = HashMap::new();
        let mut add = |events: &[Event]| {
            table.add(events);
            for event in events {
                let key = GroupKey::new(event.date(), event.user_id());
                expected.entry(key).or_default().add(event);
            }
        };
        let largest = Some(Amount::from_units(10_u128.pow(33)));
        add(&vec![
            Event::new(Date::MAX, UserId::from(-1_i64), largest);
            1000
        ]);
        let smallest = Some(Amount::from_units(0));
        add(&vec![
            Event::new(Date::MIN, UserId::from(-1_i64), smallest);
            100_000
        ]);
        add(&vec![
            Event::new(Date::MIN, UserId::from(1_u64), None);
            100_000
        ]);
        assert_eq!(table.len(), 3 + 999 / 2 + 3);
        let mut drained: HashMap<GroupKey, Totals> = HashMap::new();
        table.drain(|group| {
            drained.entry(group.key).or_default().merge(&group.totals);
        });
        assert_eq!(drained, expected);
        assert!(table.is_empty());
    }
}
