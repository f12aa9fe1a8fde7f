//! What all groups of a run come to.

use super::revenue::GrandTotal;
use super::sorted::SortedGroups;
use crate::error::{Error, Result};
use crate::event::Date;

/// The sums over all groups, and the dates they span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Adds up the groups.
    ///
    /// # Errors
    ///
    /// [`Error::TotalTooLarge`] if the revenue of a group is 10^20 or more: it names the first such
    /// group in the order of the result.
    pub fn of(groups: &SortedGroups) -> Result<GrandTotals> {
        let mut totals = GrandTotals::default();
        let mut too_large = None;
        for group in groups.unordered() {
            totals.groups += 1;
            totals.event_count += group.totals.event_count;
            totals.purchase_count += group.totals.purchase_count;
            totals.total_revenue.add(group.totals.revenue);
            let date = group.key.date();
            let (first, last) = totals.dates.unwrap_or((date, date));
            totals.dates = Some((first.min(date), last.max(date)));
            if group.totals.revenue.is_too_large()
                && too_large.is_none_or(|(key, _)| group.key < key)
            {
                too_large = Some((group.key, group.totals.revenue));
            }
        }
        match too_large {
            None => Ok(totals),
            Some((key, revenue)) => Err(Error::TotalTooLarge {
                date: key.date(),
                user_id: key.user_id(),
                total: if revenue.is_saturated() {
                    format!("more than {revenue}")
                } else {
                    revenue.to_string()
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Partitions;
    use crate::event::{Amount, Event, UserId};

    fn groups(amounts: &[(u32, u64, &str, u32)]) -> SortedGroups {
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
        partitions.finish_sorted()
    }

    #[test]
    fn totals_are_those_of_all_groups() {
        let totals = GrandTotals::of(&groups(&[(9, 1, "0.5", 3), (2, 1, "1", 1), (9, 2, "2", 1)]));
        let totals = totals.unwrap();
        assert_eq!(
            (totals.groups, totals.event_count, totals.purchase_count),
            (3, 5, 5)
        );
        assert_eq!(totals.total_revenue.to_string(), "4.50");
        assert_eq!(totals.dates, Date::from_days(2).zip(Date::from_days(9)));
        assert_eq!(
            GrandTotals::of(&SortedGroups::default()).unwrap(),
            GrandTotals::default()
        );
    }

    #[test]
    fn the_first_group_that_is_too_large_is_named() {
        let large = "999999999999999";
        let groups = groups(&[
            (1, 9, "1", 1),
            (2, 8, large, 100_001),
            (2, 7, large, 100_001),
            (3, 1, large, 100_001),
        ]);
        let error = GrandTotals::of(&groups).unwrap_err().to_string();
        assert!(
            error.contains("user 7 on 0000-01-03 is 100000999999999899999.00"),
            "{error}"
        );
    }
}
