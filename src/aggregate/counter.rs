//! A worker's counting: events into groups, and groups on to the partitions.

use std::num::NonZeroUsize;

use super::packed::Packed;
use super::partition::Partitions;
use super::table::Table;
use crate::event::Event;

/// How many events are collected before they are counted. Counting them one after the other lets the
/// processor wait for the memory of many at a time; between two lines it waits for each alone.
const EVENTS: usize = 256;

/// How many groups the tables of all workers may hold together, in 48 MiB at most.
const TABLES_LIMIT: usize = 1 << 20;

/// How many groups a worker's own table may hold at most, and at least. The most, 6 MiB, is some way
/// past a core's own cache, but has room for a day of 100,000 users.
const TABLE_LIMIT: usize = 1 << 17;
const TABLE_LEAST: usize = 1 << 10;

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
    events: Vec<Event>,
    table: Table,
    table_limit: usize,
    /// Events counted in the table since it was empty.
    in_table: u64,
    /// Events still to be passed on uncounted.
    to_pass_on: u64,
    outgoing: Outgoing<'p>,
}

impl<'p> Counter<'p> {
    pub(super) fn new(partitions: &'p Partitions, workers: NonZeroUsize) -> Counter<'p> {
        Counter {
            events: Vec::with_capacity(EVENTS),
            table: Table::new(partitions.hasher().clone()),
            table_limit: (TABLES_LIMIT / workers).clamp(TABLE_LEAST, TABLE_LIMIT),
            in_table: 0,
            to_pass_on: 0,
            outgoing: Outgoing {
                partitions,
                groups: vec![Vec::new(); Partitions::COUNT],
            },
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
        self.outgoing.finish();
    }

    #[inline(never)]
    fn count(&mut self) {
        let count = self.events.len() as u64;
        if self.to_pass_on > 0 {
            self.to_pass_on = self.to_pass_on.saturating_sub(count);
            for event in &self.events {
                self.outgoing.push(Packed::from(event));
            }
        } else {
            self.table.add(&self.events);
            self.in_table += count;
            if self.table.len() > self.table_limit {
                if self.in_table < WORTHWHILE * self.table.len() as u64 {
                    self.to_pass_on = PASSED_ON;
                }
                self.empty_table();
            }
        }
        self.events.clear();
    }

    fn empty_table(&mut self) {
        self.table.drain_packed(|group| self.outgoing.push(group));
        self.in_table = 0;
    }
}

/// Groups on their way into each partition.
#[derive(Debug)]
struct Outgoing<'p> {
    partitions: &'p Partitions,
    groups: Vec<Vec<Packed>>,
}

impl Outgoing<'_> {
    #[inline]
    fn push(&mut self, group: Packed) {
        let partition = Partitions::of_hash(self.partitions.hasher().hash(&group.key()));
        let groups = &mut self.groups[partition];
        if groups.len() == groups.capacity() {
            Outgoing::make_room(self.partitions, partition, groups);
        }
        groups.push(group);
    }

    #[cold]
    #[inline(never)]
    fn make_room(partitions: &Partitions, partition: usize, groups: &mut Vec<Packed>) {
        partitions.merge(partition, groups);
        groups.clear();
        groups.reserve_exact(OUTGOING);
    }

    fn finish(self) {
        for (partition, groups) in self.groups.into_iter().enumerate() {
            self.partitions.merge(partition, &groups);
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
