//! A worker's counting: events into groups, and groups on to the partitions.

use super::group::{Group, GroupKey, Totals};
use super::partition::Partitions;
use super::table::Table;
use crate::event::Event;

/// How many events are collected before they are counted. Counting them one after the other lets the
/// processor wait for the memory of many at a time; between two lines it waits for each alone.
const EVENTS: usize = 256;

/// How many groups a worker's own table may hold.
const TABLE_LIMIT: usize = 1 << 16;

/// How many groups of a partition are collected before they are merged into it.
const OUTGOING: usize = 128;

/// How many events have to fall on a group of a full table for the table to be worth its while.
const WORTHWHILE: u64 = 2;

/// How many events are passed on uncounted before the table gets another chance.
const PASSED_ON: u64 = 1 << 22;

/// Counts the events of one worker.
///
/// Where events fall on few groups they are counted in a [`Table`] of the worker's own. Where nearly
/// every event is of another group such a table only makes work: then events go straight on to the
/// partitions. Which of the two it is shows when the table is full.
///
/// ```
/// use daytally::aggregate::Partitions;
/// use daytally::event::{Decoder, Verdict};
///
/// let partitions = Partitions::default();
/// let mut counter = partitions.counter();
/// let line = br#"{"user_id":7,"event_type":"click","timestamp":"2024-01-01T08Z"}"#;
/// if let Verdict::Valid(event) = Decoder::default().decode(line) {
///     counter.add(event);
///     counter.add(event);
/// }
/// counter.finish();
/// let groups = partitions.finish_sorted();
/// assert_eq!(groups.iter().next().unwrap().totals.event_count, 2);
/// ```
#[derive(Debug)]
pub struct Counter<'p> {
    partitions: &'p Partitions,
    events: Vec<Event>,
    table: Table,
    /// Events counted in the table since it was empty.
    in_table: u64,
    /// Events still to be passed on uncounted.
    to_pass_on: u64,
    /// Groups on their way into each partition, with the hashes of their keys.
    outgoing: Vec<Vec<(u64, Group)>>,
}

impl<'p> Counter<'p> {
    pub(super) fn new(partitions: &'p Partitions) -> Counter<'p> {
        Counter {
            partitions,
            events: Vec::with_capacity(EVENTS),
            table: Table::new(partitions.hasher().clone()),
            in_table: 0,
            to_pass_on: 0,
            outgoing: (0..Partitions::COUNT).map(|_| Vec::new()).collect(),
        }
    }

    /// Counts an event.
    #[inline]
    pub fn add(&mut self, event: Event) {
        self.events.push(event);
        if self.events.len() == EVENTS {
            self.count();
        }
    }

    /// Hands over what has not been yet. Without it, events are lost.
    pub fn finish(mut self) {
        self.count();
        self.empty_table();
        for (partition, groups) in self.outgoing.iter_mut().enumerate() {
            self.partitions.merge(partition, groups);
        }
    }

    #[inline(never)]
    fn count(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let count = events.len() as u64;
        if self.to_pass_on > 0 {
            self.to_pass_on = self.to_pass_on.saturating_sub(count);
            for event in &events {
                let mut totals = Totals::default();
                totals.add(event);
                let key = GroupKey::new(event.date(), event.user_id());
                self.pass_on(Group { key, totals });
            }
        } else {
            for event in &events {
                self.table.add(event);
            }
            self.in_table += count;
            if self.table.len() > TABLE_LIMIT {
                if self.in_table < WORTHWHILE * self.table.len() as u64 {
                    self.to_pass_on = PASSED_ON;
                }
                self.empty_table();
            }
        }
        events.clear();
        self.events = events;
    }

    fn empty_table(&mut self) {
        // The table keeps its memory; the empty one in its place has none.
        let mut table = std::mem::replace(
            &mut self.table,
            Table::new(self.partitions.hasher().clone()),
        );
        for group in table.drain() {
            self.pass_on(group);
        }
        self.table = table;
        self.in_table = 0;
    }

    #[inline]
    fn pass_on(&mut self, group: Group) {
        let hash = self.partitions.hasher().hash(&group.key);
        let partition = Partitions::of_hash(hash);
        let groups = &mut self.outgoing[partition];
        groups.push((hash, group));
        if groups.len() == OUTGOING {
            self.partitions.merge(partition, groups);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Date, UserId};

    /// Few groups, then each event of another, then few again: all ways of counting in one run.
    #[test]
    fn no_event_is_lost_from_one_way_of_counting_to_the_other() {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        let mut was_passing_on = false;
        let few = 10_000;
        let many = 3 * TABLE_LIMIT as u64;
        for n in (0..few)
            .map(|n| n % 10)
            .chain(0..many)
            .chain((0..few).map(|n| n % 10))
        {
            counter.add(Event::new(Date::MIN, UserId::from(n), None));
            was_passing_on |= counter.to_pass_on > 0;
        }
        assert!(was_passing_on);
        counter.finish();
        let groups = partitions.finish_sorted();
        assert_eq!(groups.len() as u64, many);
        for (n, group) in (0_u64..).zip(groups.iter()) {
            assert_eq!(group.key.user_id(), UserId::from(n));
            let expected = if n < 10 { 1 + 2 * few / 10 } else { 1 };
            assert_eq!(group.totals.event_count, expected);
        }
    }
}
