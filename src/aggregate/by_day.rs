//! Groups in rows and columns, read in the order of the result: day by day, and the users in order on
//! each.
//!
//! The users of a block of days are sorted once. A range is some thousand of them on a day: their cells
//! are looked up one after the other, and those that are not empty are the groups in order.

use std::collections::BTreeMap;

use super::group::{Group, GroupKey};
use super::matrix::{DAYS, Matrix};
use super::packed::Packed;
use super::partition::WideTotals;
use crate::fetch::fetch;

/// How many users a range has.
const ROWS: usize = 1 << 13;

/// How many cells are asked for ahead of reading them.
const AHEAD: usize = 64;

/// How many cells may be looked at for each group.
const LOOKS_EACH: usize = 8;

/// A user of a block of days, and where its row is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    key: GroupKey,
    place: Place,
}

/// Where a user's row is: the partition above, the row below.
#[derive(Clone, Copy, Debug)]
struct Place(u32);

impl Place {
    const ROW_BITS: u32 = 24;

    /// `None` past 256 partitions of 16 million rows, which take 70 GB.
    fn new(partition: usize, row: u32) -> Option<Place> {
        let partition = u8::try_from(partition).ok()?;
        (row >> Place::ROW_BITS == 0)
            .then_some(Place(u32::from(partition) << Place::ROW_BITS | row))
    }

    #[inline]
    fn partition(self) -> usize {
        (self.0 >> Place::ROW_BITS) as usize
    }

    #[inline]
    fn row(self) -> u32 {
        self.0 & ((1 << Place::ROW_BITS) - 1)
    }
}

impl User {
    /// What users are sorted by: block by block, and then as in the result.
    pub(crate) fn key(&self) -> GroupKey {
        self.key
    }
}

/// The groups of all partitions.
#[derive(Debug)]
pub(crate) struct ByDay {
    matrices: Vec<(Matrix, WideTotals)>,
    /// Where the users of each block are, in order.
    users: Vec<Place>,
    ranges: Vec<Range>,
}

/// Users who follow each other, on a day.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: usize,
    end: usize,
    day: usize,
}

impl ByDay {
    /// The groups of partitions, no key being in two of them; `sort` sorts users by key. `None` where most
    /// users are not there on most of the days: then there are quicker ways.
    pub(super) fn new(
        matrices: &mut Vec<(Matrix, WideTotals)>,
        sort: impl FnOnce(&mut [User]),
    ) -> Option<ByDay> {
        let mut days: BTreeMap<u32, u64> = BTreeMap::new();
        let mut rows: BTreeMap<u32, usize> = BTreeMap::new();
        let mut users = Vec::new();
        for (partition, (matrix, _)) in matrices.iter().enumerate() {
            for (block, its_days) in matrix.days() {
                *days.entry(block).or_default() |= its_days;
            }
            for (key, row) in matrix.rows() {
                let place = Place::new(partition, row)?;
                users.push(User { key, place });
            }
        }
        for user in &users {
            *rows.entry(user.key.block()).or_default() += 1;
        }
        let looks = days.iter().map(|(block, days)| {
            let rows = rows.get(block).copied().unwrap_or(0);
            rows * days.count_ones() as usize
        });
        let groups: usize = matrices.iter().map(|(matrix, _)| matrix.len()).sum();
        if looks.sum::<usize>() > LOOKS_EACH * groups {
            return None;
        }
        sort(&mut users);
        let mut ranges = Vec::new();
        let mut start = 0;
        for (block, days) in days {
            let end = start + rows.get(&block).copied().unwrap_or(0);
            for day in (0..DAYS).filter(|day| days >> day & 1 == 1) {
                ranges.extend((start..end).step_by(ROWS).map(|start| Range {
                    start,
                    end: end.min(start + ROWS),
                    day,
                }));
            }
            start = end;
        }
        let mut matrices = std::mem::take(matrices);
        for (matrix, _) in &mut matrices {
            matrix.seal();
        }
        Some(ByDay {
            matrices,
            users: users.into_iter().map(|user| user.place).collect(),
            ranges,
        })
    }

    /// How many ranges there are.
    pub(super) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// About how many bytes the groups take.
    pub(super) fn memory(&self) -> usize {
        let matrices = self.matrices.iter().map(|(matrix, _)| matrix.memory());
        matrices.sum::<usize>() + self.users.len() * size_of::<Place>()
    }

    /// Goes through the groups of a range in order.
    #[inline]
    pub(super) fn for_each(&self, range: usize, mut take: impl FnMut(Group)) {
        let Some(Range { start, end, day }) = self.ranges.get(range).copied() else {
            return;
        };
        let nothing = Packed::default();
        let mut cells = [(&nothing, 0); AHEAD];
        for users in self.users[start..end].chunks(AHEAD) {
            let mut found = 0;
            for user in users {
                self.matrices[user.partition()]
                    .0
                    .fetch_page(user.row(), day);
            }
            for user in users {
                let partition = user.partition();
                if let Some(cell) = self.matrices[partition].0.cell(user.row(), day) {
                    fetch(cell);
                    cells[found] = (cell, partition);
                    found += 1;
                }
            }
            for (cell, partition) in &cells[..found] {
                if !cell.is_empty() {
                    take(self.matrices[*partition].1.resolve(cell));
                }
            }
        }
    }

    /// The groups of a range in order.
    pub(super) fn sorted(&self, range: usize) -> Vec<Group> {
        let mut groups = Vec::with_capacity(ROWS);
        self.for_each(range, |group| groups.push(group));
        groups
    }
}
