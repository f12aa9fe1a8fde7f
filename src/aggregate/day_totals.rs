//! What the groups of each day come to.

use super::group::Group;
use super::revenue::GrandTotal;
use super::sorted::InOrder;
use crate::event::Date;

/// The sums over the groups of one day.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Options::default())?;
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut days = Vec::new();
/// pipeline.totals_with(&outcome, Some(&mut |day| days.push(day)))?;
/// assert_eq!((days[0].date.to_string().as_str(), days[0].users), ("2024-01-01", 2));
/// assert_eq!((days[0].event_count, days[0].revenue.to_string().as_str()), (3, "19.99"));
/// # Ok::<(), daytally::Error>(())
/// ```
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut days = Vec::new();
/// pipeline.totals_with(&outcome, Some(&mut |day| days.push((day.date.to_string(), day.users))))?;
/// assert_eq!(days, [("2024-01-01".to_owned(), 2)]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DayTotals {
    /// The UTC day.
    pub date: Date,
    /// How many users have events: the rows of the day.
    pub users: u64,
    /// The sum of the groups' event counts.
    pub event_count: u64,
    /// The sum of the groups' purchase counts.
    pub purchase_count: u64,
    /// The sum of the groups' revenues.
    pub revenue: GrandTotal,
}

impl DayTotals {
    /// A day of which nothing is counted.
    #[must_use]
    pub fn new(date: Date) -> DayTotals {
        DayTotals {
            date,
            users: 0,
            event_count: 0,
            purchase_count: 0,
            revenue: GrandTotal::default(),
        }
    }

    /// Adds up the groups of a range, day by day, the days in order. The first and the last may have groups
    /// in the ranges beside it.
    pub(crate) fn of(groups: &InOrder) -> Vec<DayTotals> {
        let mut days: Vec<DayTotals> = Vec::new();
        for Group { key, totals } in groups.iter() {
            let date = key.date();
            if days.last().is_none_or(|day| day.date != date) {
                days.push(DayTotals::new(date));
            }
            if let Some(day) = days.last_mut() {
                day.users += 1;
                day.event_count += totals.event_count;
                day.purchase_count += totals.purchase_count;
                day.revenue.add(totals.revenue);
            }
        }
        days
    }

    /// Adds other groups, of that day or of others.
    pub(crate) fn merge(&mut self, other: &DayTotals) {
        self.users += other.users;
        self.event_count += other.event_count;
        self.purchase_count += other.purchase_count;
        self.revenue.merge(other.revenue);
    }
}

/// Passes days on that come range by range, each once.
pub(crate) struct EachDay<'a> {
    tell: Option<&'a mut dyn FnMut(DayTotals)>,
    last: Option<DayTotals>,
}

impl<'a> EachDay<'a> {
    pub(crate) fn new(tell: Option<&'a mut dyn FnMut(DayTotals)>) -> EachDay<'a> {
        EachDay { tell, last: None }
    }

    /// Whether somebody wants to know.
    pub(crate) fn are_wanted(&self) -> bool {
        self.tell.is_some()
    }

    /// Takes the days of the next range.
    pub(crate) fn add(&mut self, days: Vec<DayTotals>) {
        for day in days {
            match &mut self.last {
                Some(last) if last.date == day.date => last.merge(&day),
                _ => self.pass(Some(day)),
            }
        }
    }

    /// There are no more.
    pub(crate) fn finish(mut self) {
        self.pass(None);
    }

    fn pass(&mut self, next: Option<DayTotals>) {
        let last = std::mem::replace(&mut self.last, next);
        if let (Some(day), Some(tell)) = (last, &mut self.tell) {
            tell(day);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Partitions;
    use crate::event::{Amount, Event, UserId};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        /// However the groups are cut into ranges.
        #[test]
        fn days_are_those_of_their_events(
            events in proptest::collection::vec((0..5_u32, 0..4_u64, 0..300_u64), 0..60),
            cuts in proptest::collection::vec(any::<bool>(), 5),
        ) {
            let partitions = Partitions::default();
            let mut counter = partitions.counter();
            let mut expected: BTreeMap<u32, (BTreeSet<u64>, u64, u64, u64)> = BTreeMap::new();
            for (day, user, cents) in &events {
                let amount = (*cents > 0).then(|| {
                    Amount::from_json_number(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap()
                });
                counter.add(Event::new(Date::from_days(*day).unwrap(), UserId::from(*user), amount));
                let (users, count, purchases, sum) = expected.entry(*day).or_default();
                users.insert(*user);
                (*count, *sum) = (*count + 1, *sum + cents);
                *purchases += u64::from(*cents > 0);
            }
            counter.finish();
            let groups = partitions.finish_sorted().unwrap();
            let mut days = Vec::new();
            let mut tell = |day| days.push(day);
            let mut each = EachDay::new(Some(&mut tell));
            for range in groups.ranges() {
                let of_range = DayTotals::of(&range.sorted().unwrap());
                // A range may end within a day: as if it did.
                for (day, is_cut) in of_range.into_iter().zip(cuts.iter().cycle()) {
                    if *is_cut {
                        each.add(vec![DayTotals::new(day.date)]);
                    }
                    each.add(vec![day]);
                }
            }
            each.finish();
            let found: Vec<_> = days
                .iter()
                .map(|day| {
                    let counts = (day.users, day.event_count, day.purchase_count);
                    (day.date.days(), counts, day.revenue.to_string())
                })
                .collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(day, (users, count, purchases, sum))| {
                    let revenue = format!("{}.{:02}", sum / 100, sum % 100);
                    (day, (users.len() as u64, count, purchases), revenue)
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
