//! The rows of a result as columns, for the formats that keep them so.

#[cfg(any(feature = "parquet", feature = "arrow"))]
use std::ops::Range;

#[cfg(any(feature = "parquet", feature = "arrow"))]
use crate::aggregate::{GrandTotals, Revenue};
use crate::aggregate::{Group, InOrder};
use crate::event::Date;

/// Days from 0000-01-01 to 1970-01-01, from which Parquet and Arrow count.
pub(crate) const EPOCH: i32 = 719_528;

/// Rows, each column for itself.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Days from 1970-01-01.
    pub(super) dates: Vec<i32>,
    pub(super) user_ids: Vec<i128>,
    pub(super) event_counts: Vec<i64>,
    pub(super) purchase_counts: Vec<i64>,
    /// Units of 10^-18, below 10^38.
    pub(super) revenues: Vec<i128>,
}

impl Columns {
    pub(crate) fn clear(&mut self) {
        self.dates.clear();
        self.user_ids.clear();
        self.event_counts.clear();
        self.purchase_counts.clear();
        self.revenues.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.dates.len()
    }

    /// Appends groups in order, and tells where those of each day end.
    ///
    /// Counts past 2^63, which would take longer than anyone has, become 2^63−1.
    pub(crate) fn append(&mut self, groups: &InOrder) -> Vec<(Date, usize)> {
        let mut ends: Vec<(Date, usize)> = Vec::new();
        for Group { key, totals } in groups.iter() {
            let date = key.date();
            let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            self.dates.push(days_from_epoch(date));
            self.user_ids.push(key.user_id().get());
            self.event_counts.push(count(totals.event_count));
            self.purchase_counts.push(count(totals.purchase_count));
            // A group whose revenue is more than fits is an error before.
            self.revenues
                .push(i128::try_from(totals.revenue.units()).unwrap_or(i128::MAX));
            match ends.last_mut() {
                Some((last, end)) if *last == date => *end += 1,
                _ => ends.push((date, self.dates.len())),
            }
        }
        ends
    }

    /// Adds rows to what all rows come to.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    pub(super) fn add_to(&self, rows: Range<usize>, totals: &mut GrandTotals) {
        let dates = self.dates.get(rows.clone()).unwrap_or_default();
        let date = |days: &i32| Date::from_days(u32::try_from(days + EPOCH).ok()?);
        let mut of_rows = GrandTotals {
            groups: dates.len() as u64,
            dates: dates
                .first()
                .and_then(date)
                .zip(dates.last().and_then(date)),
            ..GrandTotals::default()
        };
        let sum = |counts: &[i64]| counts.iter().map(|count| count.unsigned_abs()).sum();
        of_rows.event_count = sum(self.event_counts.get(rows.clone()).unwrap_or_default());
        of_rows.purchase_count = sum(self.purchase_counts.get(rows.clone()).unwrap_or_default());
        for units in self.revenues.get(rows).unwrap_or_default() {
            let revenue = Revenue::from_units(units.unsigned_abs());
            of_rows.total_revenue.add(revenue);
        }
        totals.merge(&of_rows);
    }

    /// The rows, one by one: day, user, events and purchases, revenue.
    #[cfg(feature = "arrow")]
    pub(crate) fn rows(&self) -> impl Iterator<Item = (i32, i128, [i64; 2], i128)> + '_ {
        let days = self.dates.iter().zip(&self.user_ids);
        let counts = self.event_counts.iter().zip(&self.purchase_counts);
        days.zip(counts)
            .zip(&self.revenues)
            .map(|(((day, user), (events, purchases)), revenue)| {
                (*day, *user, [*events, *purchases], *revenue)
            })
    }

    /// Appends rows of others. Whenever there are `most`, passes them on to `full`, and goes on without them: what
    /// is made of rows depends on their number alone, and not on the pieces they came in.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    pub(crate) fn fill<E>(
        &mut self,
        others: &Columns,
        rows: Range<usize>,
        most: usize,
        mut full: impl FnMut(&mut Columns) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start + most - self.len());
            self.extend(others, start..end);
            start = end;
            if self.len() == most {
                full(self)?;
                self.clear();
            }
        }
        Ok(())
    }

    /// Appends rows of others.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    fn extend(&mut self, others: &Columns, rows: Range<usize>) {
        fn extend<T: Copy>(column: &mut Vec<T>, other: &[T], rows: Range<usize>) {
            column.extend_from_slice(other.get(rows).unwrap_or_default());
        }
        extend(&mut self.dates, &others.dates, rows.clone());
        extend(&mut self.user_ids, &others.user_ids, rows.clone());
        extend(&mut self.event_counts, &others.event_counts, rows.clone());
        extend(
            &mut self.purchase_counts,
            &others.purchase_counts,
            rows.clone(),
        );
        extend(&mut self.revenues, &others.revenues, rows);
    }
}

fn days_from_epoch(date: Date) -> i32 {
    // At most 3.7 million.
    i32::try_from(date.days()).unwrap_or(i32::MAX) - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (date, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2024-02-29", 19_782),
            ("0000-01-01", -719_528),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(days_from_epoch(date.parse().unwrap()), days, "{date}");
        }
    }
}
