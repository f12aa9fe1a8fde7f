//! From groups to the result: in order, formatted by all workers, written by one.

use std::collections::VecDeque;
use std::sync::mpsc;

use rayon::prelude::*;

use super::{Outcome, Pipeline};
use crate::aggregate::{
    DayTotals, EachDay, GrandTotals, GroupRange, InOrder, Partitions, SortedGroups,
};
use crate::error::{Error, Result};
use crate::event::Date;
use crate::output::csv;

/// How many ranges of rows are formatted ahead of writing, for each worker.
const RANGES_AHEAD: usize = 4;

/// The same where memory is short: those ranges are larger, too.
const RANGES_AHEAD_FROM_DISK: usize = 2;

/// How many ranges are added up at a time, for each worker.
const RANGES_AT_ONCE: usize = 16;

impl Pipeline {
    /// Formats the result file, piece by piece: the header, and a row for each group in order. Returns
    /// what the groups come to.
    ///
    /// # Errors
    ///
    /// What `write` says, or [`Error::Stopped`]; [`Error::TotalTooLarge`] where the revenue of a group
    /// is, of which the first is named; where groups cannot be read back from the disk; and
    /// [`Error::Unbalanced`] where the books of the run do not balance. What was written is to be
    /// discarded then.
    pub fn write_csv(
        &self,
        outcome: &Outcome,
        write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<GrandTotals> {
        self.write_csv_with(outcome, write, None)
    }

    /// The same, and tells `days` of each day, in order, when all of its rows were written.
    ///
    /// # Errors
    ///
    /// As [`write_csv`](Pipeline::write_csv).
    pub fn write_csv_with(
        &self,
        outcome: &Outcome,
        mut write: impl FnMut(&[u8]) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        write(csv::HEADER)?;
        self.write_rows(outcome, csv::append_rows, |rows, ()| write(rows), days)
    }

    /// Formats the result as a file for each day, piece by piece, the days in order. Each has the header,
    /// and is what [`write_csv`](Pipeline::write_csv) makes of the events of that day alone.
    ///
    /// # Errors
    ///
    /// As [`write_csv`](Pipeline::write_csv).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use daytally::{Input, Options, Pipeline};
    ///
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
    /// let outcome = pipeline.aggregate(inputs, &mut ())?;
    /// let mut days: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    /// pipeline.write_csv_by_day(&outcome, |date, bytes| {
    ///     days.entry(date).or_default().extend_from_slice(bytes);
    ///     Ok(())
    /// })?;
    /// assert_eq!(days.len(), 1);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn write_csv_by_day(
        &self,
        outcome: &Outcome,
        write: impl FnMut(Date, &[u8]) -> Result<()>,
    ) -> Result<GrandTotals> {
        self.write_csv_by_day_with(outcome, write, None)
    }

    /// The same, and tells `days` of each day, in order, when all of its rows were written.
    ///
    /// # Errors
    ///
    /// As [`write_csv`](Pipeline::write_csv).
    pub fn write_csv_by_day_with(
        &self,
        outcome: &Outcome,
        mut write: impl FnMut(Date, &[u8]) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        let mut last = None;
        let write = |rows: &[u8], ends| {
            let mut start = 0;
            for (date, end) in ends {
                if last != Some(date) {
                    last = Some(date);
                    // A range may have as many days as rows, and each day may become a file.
                    self.check_stop()?;
                    write(date, csv::HEADER)?;
                }
                write(date, &rows[start..end])?;
                start = end;
            }
            Ok(())
        };
        self.write_rows(outcome, csv::append_rows_by_day, write, days)
    }

    /// Has all workers append the rows of ranges, and passes them on in order, with what `append` said of
    /// them.
    fn write_rows<A: Send>(
        &self,
        outcome: &Outcome,
        append: impl Fn(&InOrder, &mut Vec<u8>) -> A + Sync,
        mut write: impl FnMut(&[u8], A) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        let mut days = EachDay::new(days);
        let are_days_wanted = days.are_wanted();
        let append = &append;
        let mut ranges = outcome.groups.ranges();
        let mut totals = GrandTotals::default();
        // A few ranges ahead: formatted side by side by the workers, while this thread writes them
        // one after the other.
        let ahead = match outcome.groups.spilled().files {
            0 => RANGES_AHEAD,
            _ => RANGES_AHEAD_FROM_DISK,
        };
        let ahead = ahead * self.options.threads.get();
        self.pool.in_place_scope(|scope| {
            // Takes the memory of rows that have been written.
            let mut format = |mut rows: Vec<u8>| {
                let range = ranges.next()?;
                let (sender, receiver) = mpsc::sync_channel(1);
                scope.spawn(move |_| {
                    rows.clear();
                    let formatted = range.sorted().and_then(|groups| {
                        let appended = append(&groups, &mut rows);
                        let totals = GrandTotals::of(&groups)?;
                        Ok((rows, appended, totals, days_of(&groups, are_days_wanted)))
                    });
                    // If no one receives them, writing has failed.
                    let _ = sender.send(formatted);
                });
                Some(receiver)
            };
            let mut formatted = VecDeque::with_capacity(ahead);
            formatted.extend((0..ahead).map_while(|_| format(Vec::new())));
            while let Some(next) = formatted.pop_front() {
                // Without rows the worker panicked, and the scope will too.
                let (rows, appended, of_range, its_days) =
                    next.recv().map_err(|_| Error::Panicked)??;
                self.check_stop()?;
                totals.merge(&of_range);
                write(&rows, appended)?;
                days.add(its_days);
                formatted.extend(format(rows));
            }
            Ok(())
        })?;
        days.finish();
        outcome.check(&totals)?;
        Ok(totals)
    }

    /// What the groups come to, without a result file.
    ///
    /// # Errors
    ///
    /// As [`write_csv`](Pipeline::write_csv), without those of writing.
    pub fn totals(&self, outcome: &Outcome) -> Result<GrandTotals> {
        self.totals_with(outcome, None)
    }

    /// The same, and tells `days` of each day, in order.
    ///
    /// # Errors
    ///
    /// As [`totals`](Pipeline::totals).
    pub fn totals_with(
        &self,
        outcome: &Outcome,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        let mut days = EachDay::new(days);
        let are_days_wanted = days.are_wanted();
        let ranges: Vec<GroupRange<'_>> = outcome.groups.ranges().collect();
        let mut sum = GrandTotals::default();
        // There may be as many days as groups: those of all ranges at once could be too many.
        for ranges in ranges.chunks(RANGES_AT_ONCE * self.options.threads.get()) {
            let totals: Vec<Result<_>> = self.pool.install(|| {
                let ranges = ranges.par_iter().map(|range| {
                    self.check_stop()?;
                    let groups = range.sorted()?;
                    let totals = GrandTotals::of(&groups)?;
                    Ok((totals, days_of(&groups, are_days_wanted)))
                });
                ranges.collect()
            });
            for of_range in totals {
                // The first in order, if several are too large.
                let (totals, its_days) = of_range?;
                sum.merge(&totals);
                days.add(its_days);
            }
        }
        days.finish();
        outcome.check(&sum)?;
        Ok(sum)
    }

    /// Brings the groups into the order of the result.
    pub(super) fn sort(&self, partitions: Partitions) -> Result<SortedGroups> {
        if partitions.has_spilled() {
            // What is left in memory, and what has to be merged, by all workers.
            self.on_all_workers(|| partitions.spill_rest())?;
            return partitions.finish_sorted();
        }
        let (partitions, division) = partitions.finish();
        let shares = self.pool.install(|| {
            partitions
                .into_par_iter()
                .map(|partition| division.divide(partition))
                .collect()
        });
        Ok(SortedGroups::in_memory(shares))
    }

    /// The same for one of several, while the other workers do something else. Those that have nothing
    /// to do help.
    pub(super) fn sort_here(&self, partitions: Partitions) -> Result<SortedGroups> {
        if partitions.has_spilled() {
            // On this thread alone: the others may be waiting for input.
            return partitions.finish_sorted();
        }
        self.sort(partitions)
    }

    /// Does the same on all workers.
    fn on_all_workers(&self, work: impl Fn() + Sync) -> Result<()> {
        // What they share is not looked at again after a panic.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pool.broadcast(|_| work());
        }))
        .map_err(|_| Error::Panicked)
    }
}

/// The days of a range, if they are wanted.
fn days_of(groups: &InOrder, are_wanted: bool) -> Vec<DayTotals> {
    if are_wanted {
        DayTotals::of(groups)
    } else {
        Vec::new()
    }
}

impl Outcome {
    /// Compares the books with what was read and with the groups.
    fn check(&self, totals: &GrandTotals) -> Result<()> {
        let lines_read = self.inputs.iter().map(|input| input.lines).sum();
        self.books.check(lines_read, totals)
    }
}
