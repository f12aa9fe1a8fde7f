//! A worker's counting: events into groups, and groups on to the partitions.

use std::num::NonZeroUsize;
use std::ops::Deref;

use super::group::Group;
use super::packed::Packed;
use super::partition::Partitions;
use super::sorted::{InOrder, SortedGroups};
use super::table::Table;
use crate::event::Event;

/// How many events are collected before they are counted. Counting them one after the other lets the
/// processor wait for the memory of many at a time; between two lines it waits for each alone.
const EVENTS: usize = 256;

/// The share of the memory for tables that is for groups on their way into a partition: a quarter.
const OUTGOING_SHARE: usize = 4;

/// How much of that a bucket of a table takes: a group and hashbrown's byte beside it, and half as
/// much again while the table grows and the old one, of half the size, is still there.
const BUCKET_MEMORY: usize = (size_of::<Packed>() + 1) * 3 / 2;

/// How many buckets a worker's own table may have at most, and at least. The most, 4 MiB, is some
/// way past a core's own cache, but has room for what half of 100,000 users do on a day.
const MOST_BUCKETS: usize = 1 << 17;
const LEAST_BUCKETS: usize = 1 << 10;

/// How many groups on their way into a partition a worker collects before they are merged into it.
const OUTGOING: std::ops::RangeInclusive<usize> = 16..=128;

/// How many groups a worker's own table may hold.
fn table_limit(workers: NonZeroUsize, memory: usize) -> usize {
    let buckets = (memory - memory / OUTGOING_SHARE) / BUCKET_MEMORY / workers;
    // The largest power of two within.
    let buckets = 1 << buckets.max(1).ilog2();
    // A table of hashbrown's is at most seven eighths full, and a batch is counted before the look.
    buckets.clamp(LEAST_BUCKETS, MOST_BUCKETS) / 8 * 7 - EVENTS
}

/// How many groups a worker collects for each partition.
fn outgoing_room(workers: NonZeroUsize, memory: usize) -> usize {
    let room = memory / OUTGOING_SHARE / (Partitions::COUNT * size_of::<Packed>()) / workers;
    room.clamp(*OUTGOING.start(), *OUTGOING.end())
}

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
/// use daytally::internals::Partitions;
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
/// let groups = partitions.finish_sorted()?;
/// assert_eq!(groups.iter().next().unwrap()?.totals.event_count, 2);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct Counter<P> {
    events: Vec<Event>,
    table: Table,
    table_limit: usize,
    /// Events counted in the table since it was empty.
    in_table: u64,
    /// Events still to be passed on uncounted.
    to_pass_on: u64,
    outgoing: Outgoing<P>,
}

impl<P: Deref<Target = Partitions>> Counter<P> {
    /// For one of so many workers, whose tables take so many bytes.
    pub(super) fn new(partitions: P, workers: NonZeroUsize, memory: usize) -> Counter<P> {
        Counter {
            events: Vec::with_capacity(EVENTS),
            table: Table::new(partitions.hasher().clone()),
            table_limit: table_limit(workers, memory),
            in_table: 0,
            to_pass_on: 0,
            outgoing: Outgoing {
                partitions,
                groups: vec![Vec::new(); Partitions::COUNT],
                room: outgoing_room(workers, memory),
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

    /// Adds what was counted elsewhere for a group.
    pub(crate) fn merge(&mut self, group: &Group) {
        for piece in Packed::pieces(group) {
            self.outgoing.push(piece);
        }
    }

    /// Whether groups could not be taken to the disk, so that counting on is in vain.
    #[must_use]
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.outgoing.partitions.has_failed()
    }

    /// Hands over what has not been yet. Without it, events are lost.
    pub fn finish(mut self) {
        self.count();
        self.empty_table();
        self.outgoing.finish();
    }

    /// Whether this counter has handed over nothing.
    pub(crate) fn has_all(&mut self) -> bool {
        self.count();
        !self.outgoing.has_any()
    }

    /// The groups of a counter that [has all](Counter::has_all), which nobody else counts any of.
    pub(crate) fn finish_alone(mut self) -> SortedGroups {
        debug_assert!(self.has_all());
        let mut groups = Vec::with_capacity(self.table.len());
        self.table.drain(|group| groups.push(group));
        SortedGroups::of(InOrder::merged(groups))
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
struct Outgoing<P> {
    partitions: P,
    groups: Vec<Vec<Packed>>,
    /// How many are collected for each.
    room: usize,
}

impl<P: Deref<Target = Partitions>> Outgoing<P> {
    #[inline]
    fn push(&mut self, group: Packed) {
        let partition = Partitions::of_hash(self.partitions.hasher().hash(&group.key().row()));
        let groups = &mut self.groups[partition];
        if groups.len() == groups.capacity() {
            make_room(&self.partitions, partition, groups, self.room);
        }
        groups.push(group);
    }

    /// Whether there ever were groups.
    fn has_any(&self) -> bool {
        self.groups.iter().any(|groups| groups.capacity() > 0)
    }

    fn finish(self) {
        for (partition, groups) in self.groups.into_iter().enumerate() {
            self.partitions.merge(partition, &groups);
        }
    }
}

#[cold]
#[inline(never)]
fn make_room(partitions: &Partitions, partition: usize, groups: &mut Vec<Packed>, room: usize) {
    partitions.merge(partition, groups);
    groups.clear();
    groups.reserve_exact(room);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Date, UserId};

    /// 64 MiB are allowed besides the groups; the rest is for buffers of other kinds.
    #[test]
    fn tables_and_what_is_on_its_way_keep_to_their_memory() {
        for workers in 1..=128 {
            let workers_here = NonZeroUsize::new(workers).unwrap();
            let partitions = Partitions::default().for_workers(workers_here);
            let mut counter = partitions.counter();
            let limit = counter.table_limit;
            assert!(limit >= LEAST_BUCKETS / 8 * 7 - EVENTS);
            let mut table = hashbrown::HashTable::<Packed>::new();
            table.reserve(limit + EVENTS, |_| 0);
            // What it takes and, before that, takes beside the one it grew from.
            let tables = table.allocation_size() * 3 / 2 * workers;
            let outgoing =
                counter.outgoing.room * Partitions::COUNT * size_of::<Packed>() * workers;
            assert!(
                tables + outgoing <= 64 << 20,
                "{workers}: {tables} {outgoing}"
            );
            counter.add(Event::new(Date::MIN, UserId::from(1_u64), None));
            counter.finish();
        }
    }

    #[test]
    fn a_counter_that_was_alone_has_all_groups() {
        let groups_of = |users: u64, purchases: u64| {
            let partitions = Partitions::default();
            let mut counter = partitions.counter();
            let amount = crate::event::Amount::from_json_number("999999999999999").unwrap();
            for n in 0..users {
                counter.add(Event::new(Date::MIN, UserId::from(n), None));
            }
            for _ in 0..purchases {
                counter.add(Event::new(Date::MIN, UserId::from(7_u64), Some(amount)));
            }
            if counter.has_all() {
                return Some(counter.finish_alone());
            }
            counter.finish();
            assert_eq!(
                partitions.finish_sorted().unwrap().iter().count() as u64,
                users
            );
            None
        };
        assert_eq!(groups_of(0, 0).unwrap().iter().count(), 0);
        // More than fit the narrow fields.
        let groups = groups_of(1000, 100_000).unwrap();
        let groups: Vec<Group> = groups.iter().map(Result::unwrap).collect();
        assert!(groups.is_sorted_by_key(|group| group.key));
        assert_eq!(groups.len(), 1000);
        assert_eq!(groups[7].totals.purchase_count, 100_000);
        assert_eq!(groups[7].totals.event_count, 100_001);
        assert!(groups_of(2 * MOST_BUCKETS as u64, 0).is_none());
    }

    /// Few groups, then each event of another, then few again: all ways of counting in one run.
    #[test]
    fn no_event_is_lost_from_one_way_of_counting_to_the_other() {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        let mut was_passing_on = false;
        let few = 10_000;
        let many = 3 * MOST_BUCKETS as u64;
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
        let groups = partitions.finish_sorted().unwrap();
        assert_eq!(groups.iter().count() as u64, many);
        for (n, group) in (0_u64..).zip(groups.iter().map(Result::unwrap)) {
            assert_eq!(group.key.user_id(), UserId::from(n));
            let expected = if n < 10 { 1 + 2 * few / 10 } else { 1 };
            assert_eq!(group.totals.event_count, expected);
        }
    }
}
