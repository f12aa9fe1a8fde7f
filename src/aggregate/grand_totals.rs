//! What all groups of a run come to.

use super::group::{Group, GroupKey};
use super::revenue::{GrandTotal, Revenue};
use super::sorted::InOrder;
use crate::error::{Error, Result};
use crate::event::Date;

/// The sums over all groups, and the dates they span.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let totals = pipeline.totals(&outcome)?;
/// assert_eq!((totals.groups, totals.event_count, totals.purchase_count), (2, 3, 1));
/// assert_eq!(totals.total_revenue.to_string(), "19.99");
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrandTotals {
    /// How many groups there are: the rows of the result.
    pub groups: u64,
    /// The sum of the groups' event counts.
    pub event_count: u64,
    /// The sum of the groups' purchase counts.
    pub purchase_count: u64,
    /// The sum of the groups' revenues.
    pub total_revenue: GrandTotal,
    /// The earliest and the latest date of a group.
    pub dates: Option<(Date, Date)>,
}

impl GrandTotals {
    /// Adds up the groups of a range.
    ///
    /// # Errors
    ///
    /// [`Error::TotalTooLarge`] if the revenue of a group is 10^20 or more: it names the first such
    /// group in the order of the result.
    pub(crate) fn of(groups: &InOrder) -> Result<GrandTotals> {
        let mut totals = GrandTotals::default();
        for Group { key, totals: group } in groups.iter() {
            if group.revenue.is_too_large() {
                return Err(too_large(key, group.revenue));
            }
            totals.groups += 1;
            totals.event_count += group.event_count;
            totals.purchase_count += group.purchase_count;
            totals.total_revenue.add(group.revenue);
        }
        let first = groups.iter().next();
        let dates = first.zip(groups.iter().next_back());
        totals.dates = dates.map(|(first, last)| (first.key.date(), last.key.date()));
        Ok(totals)
    }

    /// Adds those of other groups.
    pub(crate) fn merge(&mut self, other: &GrandTotals) {
        self.groups += other.groups;
        self.event_count += other.event_count;
        self.purchase_count += other.purchase_count;
        self.total_revenue.merge(other.total_revenue);
        self.dates = match (self.dates, other.dates) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (dates, other_dates) => dates.or(other_dates),
        };
    }
}

/// That the revenue of a group is more than it may be.
#[cold]
pub(crate) fn too_large(key: &GroupKey, revenue: Revenue) -> Error {
    Error::TotalTooLarge {
        date: key.date(),
        user_id: key.user_id(),
        total: if revenue.is_saturated() {
            format!("more than {revenue}")
        } else {
            revenue.to_string()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Partitions;
    use crate::event::{Amount, Event, UserId};

    /// The totals of groups, range by range.
    fn totals(amounts: &[(u32, u64, &str, u32)]) -> Result<GrandTotals> {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        for (day, user, amount, times) in amounts {
            let amount = Amount::from_json_number(amount).unwrap();
            let date = Date::from_days(*day).unwrap();
            for _ in 0..*times {
                counter.add(Event::new(date, UserId::from(*user), Some(amount)));
            }
        }
        counter.finish();
        let groups = partitions.finish_sorted().unwrap();
        let mut totals = GrandTotals::default();
        for range in groups.ranges() {
            totals.merge(&GrandTotals::of(&range.sorted().unwrap())?);
        }
        Ok(totals)
    }

    #[test]
    fn totals_are_those_of_all_groups() {
        let totals_of_three = totals(&[(9, 1, "0.5", 3), (2, 1, "1", 1), (9, 2, "2", 1)]).unwrap();
        assert_eq!(
            (
                totals_of_three.groups,
                totals_of_three.event_count,
                totals_of_three.purchase_count
            ),
            (3, 5, 5)
        );
        assert_eq!(totals_of_three.total_revenue.to_string(), "4.50");
        let dates = Date::from_days(2).zip(Date::from_days(9));
        assert_eq!(totals_of_three.dates, dates);
        let mut sum = totals(&[]).unwrap();
        assert_eq!(sum, GrandTotals::default());
        sum.merge(&totals_of_three);
        assert_eq!(sum, totals_of_three);
        sum.merge(&totals(&[]).unwrap());
        assert_eq!(sum, totals_of_three);
        sum.merge(&totals(&[(1, 5, "3", 1), (4, 5, "3", 1)]).unwrap());
        assert_eq!((sum.groups, sum.event_count, sum.purchase_count), (5, 7, 7));
        assert_eq!(sum.dates, Date::from_days(1).zip(Date::from_days(9)));
        assert_eq!(sum.total_revenue.to_string(), "10.50");
    }

    #[test]
    fn the_first_group_that_is_too_large_is_named() {
        let large = "999999999999999";
        let totals = totals(&[
            (1, 9, "1", 1),
            (2, 8, large, 100_001),
            (2, 7, large, 100_001),
            (3, 1, large, 100_001),
        ]);
        let error = totals.unwrap_err().to_string();
        assert!(
            error.contains("user 7 on 0000-01-03 is 100000999999999899999.00"),
            "{error}"
        );
    }
}
