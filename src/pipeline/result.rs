//! From groups to the result: in order, formatted by all workers, written by one.

use std::collections::VecDeque;
use std::sync::mpsc;

use rayon::prelude::*;

use super::{Outcome, Phase, Pipeline};
use crate::aggregate::{
    DayTotals, EachDay, Finish, GrandTotals, GroupRange, InOrder, Partition, Partitions,
    SortedGroups, User,
};
use crate::error::{Error, Result};
use crate::event::Date;
use crate::output::{Encoder, Facts, Format, Piece};

/// How many ranges of rows are formatted ahead of writing, for each worker.
const RANGES_AHEAD: usize = 4;

/// The same where memory is short: those ranges are larger, too.
const RANGES_AHEAD_FROM_DISK: usize = 2;

/// How many ranges are added up at a time, for each worker.
const RANGES_AT_ONCE: usize = 16;

impl Pipeline {
    /// Makes the result file as CSV, piece by piece: the header, and a row for each group in order.
    /// Returns what the groups come to.
    ///
    /// # Errors
    ///
    /// As [`write_result`](Pipeline::write_result).
    pub fn write_csv(
        &self,
        outcome: &Outcome,
        write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<GrandTotals> {
        self.write_result(outcome, Format::default(), write, None)
    }

    /// Makes the result file in any format, piece by piece, a row for each group in order. Returns what
    /// the groups come to. The bytes are the same for the same groups. Tells `days` of each day, in order,
    /// when all of its rows were written.
    ///
    /// # Errors
    ///
    /// What `write` says, or [`Error::Stopped`]; [`Error::TotalTooLarge`] where the revenue of a group
    /// is, of which the first is named; where groups cannot be read back from the disk;
    /// [`Error::Unbalanced`] where the books of the run do not balance; and [`Error::Format`] where the
    /// format is not built in. What was written is to be discarded then.
    ///
    /// ```
    /// use daytally::{Input, Options, Pipeline};
    ///
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
    /// let outcome = pipeline.aggregate(inputs, &mut ())?;
    /// let mut lines = Vec::new();
    /// let format = "jsonl".parse().unwrap();
    /// pipeline.write_result(&outcome, format, |bytes| Ok(lines.extend_from_slice(bytes)), None)?;
    /// assert!(lines.starts_with(br#"{"date":"2024-01-01","user_id":123,"event_count":2,"#));
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn write_result(
        &self,
        outcome: &Outcome,
        format: Format,
        mut write: impl FnMut(&[u8]) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        self.options.progress.enter(Phase::Writing);
        let mut encoder = Encoder::start(format, &mut write)?;
        let write_piece = |piece: &Piece, ends: Vec<(Date, usize)>| {
            let end = ends.last().map_or(0, |(_, end)| *end);
            encoder.write(piece, 0..end, &mut write)
        };
        let totals = self.write_rows(outcome, format, false, write_piece, days)?;
        let of_run = Facts::of_run(&outcome.books, self.options.dates);
        encoder.finish(Some(of_run), &mut write)?;
        Ok(totals)
    }

    /// Formats the result as a CSV file for each day, piece by piece, the days in order. Each has the
    /// header, and is what [`write_csv`](Pipeline::write_csv) makes of the events of that day alone.
    ///
    /// # Errors
    ///
    /// As [`write_result`](Pipeline::write_result).
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
        self.write_result_by_day(outcome, Format::default(), write, None)
    }

    /// The same in any format. The file of a day says nothing of the run, so that it stays what it is
    /// for as long as its rows do.
    ///
    /// # Errors
    ///
    /// As [`write_result`](Pipeline::write_result).
    pub fn write_result_by_day(
        &self,
        outcome: &Outcome,
        format: Format,
        mut write: impl FnMut(Date, &[u8]) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        self.options.progress.enter(Phase::Writing);
        let mut day: Option<(Date, Encoder)> = None;
        let write_piece = |piece: &Piece, ends: Vec<(Date, usize)>| {
            let mut start = 0;
            for (date, end) in ends {
                let encoder = match &mut day {
                    Some((of, encoder)) if *of == date => encoder,
                    day => {
                        // A range may have as many days as rows, and each day may become a file.
                        self.check_stop()?;
                        if let Some((date, done)) = day.take() {
                            done.finish(None, &mut |bytes| write(date, bytes))?;
                        }
                        let next = Encoder::start(format, &mut |bytes| write(date, bytes))?;
                        &mut day.insert((date, next)).1
                    }
                };
                encoder.write(piece, start..end, &mut |bytes| write(date, bytes))?;
                start = end;
            }
            Ok(())
        };
        let totals = self.write_rows(outcome, format, true, write_piece, days)?;
        if let Some((date, done)) = day {
            done.finish(None, &mut |bytes| write(date, bytes))?;
        }
        Ok(totals)
    }

    /// Has all workers make pieces of ranges, and passes them on in order, with where the rows of each
    /// day end.
    pub(super) fn write_rows(
        &self,
        outcome: &Outcome,
        format: Format,
        by_day: bool,
        mut write: impl FnMut(&Piece, Vec<(Date, usize)>) -> Result<()>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<GrandTotals> {
        let mut days = EachDay::new(days);
        let are_days_wanted = days.are_wanted();
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
            let mut format = |mut piece: Piece| {
                let range = ranges.next()?;
                let (sender, receiver) = mpsc::sync_channel(1);
                scope.spawn(move |_| {
                    let formatted = range.sorted().and_then(|groups| {
                        let ends = piece.fill(format, &groups, by_day);
                        let totals = GrandTotals::of(&groups)?;
                        Ok((piece, ends, totals, days_of(&groups, are_days_wanted)))
                    });
                    // If no one receives them, writing has failed.
                    let _ = sender.send(formatted);
                });
                Some(receiver)
            };
            let mut formatted = VecDeque::with_capacity(ahead);
            formatted.extend((0..ahead).map_while(|_| format(Piece::default())));
            while let Some(next) = formatted.pop_front() {
                // Without rows the worker panicked, and the scope will too.
                let (piece, ends, of_range, its_days) =
                    next.recv().map_err(|_| Error::Panicked)??;
                self.check_stop()?;
                totals.merge(&of_range);
                write(&piece, ends)?;
                self.options.progress.add_rows(of_range.groups);
                days.add(its_days);
                formatted.extend(format(piece));
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
        let (mut partitions, finish) = partitions.finish();
        self.pool.install(|| {
            let settle = |partitions: &mut Vec<Partition>, by_day| {
                let partitions = partitions.par_iter_mut();
                partitions.for_each(|partition| finish.settle(partition, by_day));
            };
            if Finish::is_by_day(&partitions) {
                settle(&mut partitions, true);
                let sort = |users: &mut [User]| users.par_sort_unstable_by_key(User::key);
                match Finish::by_day(partitions, sort) {
                    Ok(groups) => return Ok(groups),
                    Err(others) => partitions = others,
                }
            }
            settle(&mut partitions, false);
            let division = finish.division(&partitions);
            let shares = partitions
                .into_par_iter()
                .map(|partition| division.divide(partition));
            Ok(SortedGroups::in_memory(shares.collect()))
        })
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
