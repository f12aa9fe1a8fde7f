//! What is different between two results: a merge of two sequences in order.
//!
//! Nothing is kept of either but the rows at hand, so they may have any size.

use std::ops::ControlFlow;

use super::ResultReader;
use crate::aggregate::{GrandTotal, Group, GroupKey, Totals};
use crate::error::Result;
use crate::event::Date;

/// A difference, in the order of the results; that of a day comes after those of its rows.
///
/// ```
/// use daytally::result::{Difference, RowDifference};
///
/// fn describe(difference: &Difference) -> String {
///     match difference {
///         Difference::Row(RowDifference { key, old: None, .. }) => format!("new: {}", key.user_id()),
///         Difference::Row(RowDifference { key, .. }) => format!("other: {}", key.user_id()),
///         Difference::Day(date, tally) => format!("{date}: {} rows added", tally.added),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A row is another.
    Row(RowDifference),
    /// Rows of a day are others, and there are no more of that day.
    Day(Date, Tally),
}

/// A row that is not in both results, or not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowDifference {
    /// Which day and user it is of.
    pub key: GroupKey,
    /// What the first result has; `None` if the row was added.
    pub old: Option<Totals>,
    /// What the second result has; `None` if the row was removed.
    pub new: Option<Totals>,
}

/// What the rows of a result come to. Wider than the counts of a row, so that nothing overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// How many rows there are.
    pub rows: u64,
    /// Their events.
    pub event_count: u128,
    /// Their purchases.
    pub purchase_count: u128,
    /// Their revenue.
    pub total_revenue: GrandTotal,
}

impl Sums {
    fn add(&mut self, totals: &Totals) {
        self.rows += 1;
        self.event_count += u128::from(totals.event_count);
        self.purchase_count += u128::from(totals.purchase_count);
        self.total_revenue.add(totals.revenue);
    }

    fn merge(&mut self, other: &Sums) {
        self.rows += other.rows;
        self.event_count += other.event_count;
        self.purchase_count += other.purchase_count;
        self.total_revenue.merge(other.total_revenue);
    }
}

/// How many rows are the same and how many are not, of a day or of all; and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Rows that both results have alike.
    pub same: u64,
    /// Rows that only the second has.
    pub added: u64,
    /// Rows that only the first has.
    pub removed: u64,
    /// Rows that both have, with other numbers.
    pub changed: u64,
    /// What the first comes to.
    pub old: Sums,
    /// What the second comes to.
    pub new: Sums,
}

impl Tally {
    /// Whether no row is different.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }

    fn merge(&mut self, other: &Tally) {
        self.same += other.same;
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
        self.old.merge(&other.old);
        self.new.merge(&other.new);
    }
}

/// Compares two results, and tells each difference as it is found. When `found` breaks off, what was
/// compared until then is returned.
///
/// # Errors
///
/// Where one cannot be read, or is no result; and what `found` says.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use daytally::result::{ResultPlace, ResultReader, diff};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let write = |name: &str, rows: &str| {
/// #     let header = "date,user_id,event_count,purchase_count,total_revenue\n";
/// #     std::fs::write(folder.path().join(name), format!("{header}{rows}")).unwrap();
/// #     ResultReader::open(&ResultPlace::at(&folder.path().join(name)).unwrap()).unwrap()
/// # };
/// let mut old = write("old.csv", "2024-01-31,7,2,1,19.99\n");
/// let mut new = write("new.csv", "2024-01-31,7,2,1,9.99\n2024-01-31,8,1,0,0.00\n");
/// let tally = diff(&mut old, &mut new, |_| Ok(ControlFlow::Continue(())))?;
/// assert_eq!((tally.same, tally.added, tally.removed, tally.changed), (0, 1, 0, 1));
/// let change = tally.new.total_revenue.since(tally.old.total_revenue);
/// assert_eq!(change.to_string(), "-10.00");
/// # Ok::<(), daytally::Error>(())
/// ```
pub fn diff(
    old: &mut ResultReader,
    new: &mut ResultReader,
    mut found: impl FnMut(&Difference) -> Result<ControlFlow<()>>,
) -> Result<Tally> {
    let mut all = Tally::default();
    let mut day = (Date::MIN, Tally::default());
    let (mut next_old, mut next_new) = (old.next_row()?, new.next_row()?);
    loop {
        let key = match (&next_old, &next_new) {
            (Some(old), Some(new)) => old.key.min(new.key),
            (Some(only), None) | (None, Some(only)) => only.key,
            (None, None) => break,
        };
        if key.date() != day.0 {
            end_day(&mut all, day, &mut found)?;
            day = (key.date(), Tally::default());
        }
        let take = |next: &mut Option<Group>| next.take_if(|row| row.key == key);
        let (had, has) = (take(&mut next_old), take(&mut next_new));
        if had.is_some() {
            next_old = old.next_row()?;
        }
        if has.is_some() {
            next_new = new.next_row()?;
        }
        let (had, has) = (had.map(|row| row.totals), has.map(|row| row.totals));
        let tally = &mut day.1;
        if let Some(totals) = &had {
            tally.old.add(totals);
        }
        if let Some(totals) = &has {
            tally.new.add(totals);
        }
        if had == has {
            tally.same += 1;
            continue;
        }
        match (had, has) {
            (None, _) => tally.added += 1,
            (_, None) => tally.removed += 1,
            _ => tally.changed += 1,
        }
        let difference = Difference::Row(RowDifference {
            key,
            old: had,
            new: has,
        });
        if found(&difference)?.is_break() {
            all.merge(&day.1);
            return Ok(all);
        }
    }
    end_day(&mut all, day, &mut found)?;
    Ok(all)
}

/// Adds a day to all, and tells of it if it is different.
fn end_day(
    all: &mut Tally,
    (date, tally): (Date, Tally),
    found: &mut impl FnMut(&Difference) -> Result<ControlFlow<()>>,
) -> Result<()> {
    all.merge(&tally);
    if !tally.is_same() {
        // Whoever wants no more will say so at the next row.
        let _ = found(&Difference::Day(date, tally))?;
    }
    Ok(())
}
