//! Totals by day in bounded memory: days first, and longer spans where there are too many days.

use chrono::Datelike as _;

use super::day_totals::DayTotals;
use crate::event::Date;

/// What days are put together to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// Each for itself.
    #[default]
    Day,
    /// From Monday to Sunday, as in ISO 8601.
    Week,
    /// A month of a year.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// A year.
    Year,
    /// Ten years, from one that ends with 0.
    Decade,
    /// A hundred years, from one that ends with 00.
    Century,
    /// A thousand years, from one that ends with 000.
    Millennium,
}

impl Span {
    /// The next longer one that is made of whole ones of this; weeks are not made to months.
    fn next(self) -> Span {
        match self {
            Span::Day | Span::Week => Span::Month,
            Span::Month | Span::Quarter => Span::Year,
            Span::Year => Span::Decade,
            Span::Decade => Span::Century,
            Span::Century | Span::Millennium => Span::Millennium,
        }
    }

    /// Whether it is the other one, or made of whole ones of it: months are of days, but not of weeks.
    ///
    /// ```
    /// use daytally::internals::Span;
    ///
    /// assert!(Span::Month.is_made_of(Span::Day));
    /// assert!(!Span::Month.is_made_of(Span::Week));
    /// ```
    #[must_use]
    pub fn is_made_of(self, other: Span) -> bool {
        let has_weeks = self == Span::Week || other == Span::Week;
        self == other || other == Span::Day || (self > other && !has_weeks)
    }

    /// The number of the span of a date: those of neighbours differ by one.
    #[must_use]
    pub fn of(self, date: Date) -> u32 {
        let civil = date.to_chrono();
        let year = civil.year().unsigned_abs();
        match self {
            Span::Day => date.days(),
            // 0000-01-03 was a Monday.
            Span::Week => (date.days() + 5) / 7,
            Span::Month => year * 12 + civil.month0(),
            Span::Quarter => year * 4 + civil.month0() / 3,
            Span::Year => year,
            Span::Decade => year / 10,
            Span::Century => year / 100,
            Span::Millennium => year / 1000,
        }
    }

    /// The first day of the span of a number; `None` if that is after 9999-12-31. The first week begins before
    /// 0000-01-01, which stands for its first day.
    ///
    /// ```
    /// use daytally::internals::Span;
    /// use daytally::event::Date;
    ///
    /// let date = Date::from_ymd(2024, 2, 29).unwrap();
    /// let first = Span::Quarter.first(Span::Quarter.of(date)).unwrap();
    /// assert_eq!(first.to_string(), "2024-01-01");
    /// ```
    #[must_use]
    pub fn first(self, number: u32) -> Option<Date> {
        let date = |year, month| Date::from_ymd(year, month, 1).filter(|_| year <= 9999);
        let of_year = |year| date(year, 1);
        match self {
            Span::Day => Date::from_days(number),
            Span::Week => Date::from_days(number.checked_mul(7)?.saturating_sub(5)),
            Span::Month => date(number / 12, number % 12 + 1),
            Span::Quarter => date(number / 4, number % 4 * 3 + 1),
            Span::Year => of_year(number),
            Span::Decade => of_year(number.checked_mul(10)?),
            Span::Century => of_year(number.checked_mul(100)?),
            Span::Millennium => of_year(number.checked_mul(1000)?),
        }
    }

    /// What the span of a date is called: `2024-01-31`, `2024-01`, `2024`, `2020–2029`; a week by its
    /// Monday.
    #[must_use]
    pub fn name(self, date: Date) -> String {
        let year = date.to_chrono().year().unsigned_abs();
        let years = |many: u32| {
            let first = year / many * many;
            format!("{first:04}–{:04}", first + many - 1)
        };
        match self {
            Span::Day => date.to_string(),
            Span::Week => {
                let monday = date.days().saturating_sub((date.days() + 5) % 7);
                Date::from_days(monday).unwrap_or(date).to_string()
            }
            Span::Month => format!("{year:04}-{:02}", date.to_chrono().month()),
            Span::Quarter => format!("{year:04}-Q{}", date.to_chrono().month0() / 3 + 1),
            Span::Year => format!("{year:04}"),
            Span::Decade => years(10),
            Span::Century => years(100),
            Span::Millennium => years(1000),
        }
    }

    /// The word for it: `day`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Span::Day => "day",
            Span::Week => "week",
            Span::Month => "month",
            Span::Quarter => "quarter",
            Span::Year => "year",
            Span::Decade => "decade",
            Span::Century => "century",
            Span::Millennium => "millennium",
        }
    }
}

/// Totals by day, or by something longer where there are more than [`Timeline::MOST`].
///
/// Only what has events takes memory.
///
/// ```
/// use daytally::internals::{Span, Timeline};
/// use daytally::{Input, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Options::default())?;
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut timeline = Timeline::default();
/// pipeline.totals_with(&outcome, Some(&mut |day| timeline.add(day)))?;
/// assert_eq!((timeline.span(), timeline.days()), (Span::Day, 1));
/// assert_eq!(timeline.totals()[0].event_count, 3);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    span: Span,
    totals: Vec<DayTotals>,
    days: u64,
}

impl Timeline {
    /// How many totals are kept: eleven years of days.
    pub const MOST: usize = 4018;

    /// Adds the next day.
    pub fn add(&mut self, day: DayTotals) {
        self.days += 1;
        push(&mut self.totals, self.span, day);
        while self.totals.len() > Timeline::MOST {
            let span = self.span.next();
            (self.totals, self.span) = (self.by(span), span);
        }
    }

    /// The totals by a span that is made of whole ones of [`span`](Timeline::span): by weeks, as long as they
    /// are of days.
    #[must_use]
    pub fn by(&self, span: Span) -> Vec<DayTotals> {
        let mut by_span = Vec::new();
        for totals in &self.totals {
            push(&mut by_span, span, *totals);
        }
        by_span
    }

    /// What the totals are of.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The totals, in order; the date is the first with events of the span, and the users are those of
    /// each day.
    #[must_use]
    pub fn totals(&self) -> &[DayTotals] {
        &self.totals
    }

    /// How many days have events.
    #[must_use]
    pub fn days(&self) -> u64 {
        self.days
    }
}

/// Adds totals to those of the same span, or after those of others.
fn push(by_span: &mut Vec<DayTotals>, span: Span, totals: DayTotals) {
    match by_span.last_mut() {
        Some(last) if span.of(last.date) == span.of(totals.date) => last.merge(&totals),
        _ => by_span.push(totals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GrandTotal;

    fn day(days: u32) -> DayTotals {
        DayTotals {
            date: Date::from_days(days).unwrap(),
            users: 1,
            event_count: 2,
            purchase_count: 1,
            revenue: GrandTotal::default(),
        }
    }

    #[test]
    fn spans_have_names_and_numbers() {
        let date = Date::from_ymd(2024, 2, 29).unwrap();
        for (span, name) in [
            (Span::Day, "2024-02-29"),
            (Span::Week, "2024-02-26"),
            (Span::Month, "2024-02"),
            (Span::Year, "2024"),
            (Span::Decade, "2020–2029"),
            (Span::Century, "2000–2099"),
            (Span::Quarter, "2024-Q1"),
            (Span::Millennium, "2000–2999"),
        ] {
            assert_eq!(span.name(date), name);
            // The first day of a span has its number and name, and the day before has not.
            for number in [span.of(date), span.of(Date::MIN), span.of(Date::MAX)] {
                let first = span.first(number).unwrap();
                assert_eq!(span.of(first), number, "{span:?}");
                if let Some(before) = first.days().checked_sub(1).and_then(Date::from_days) {
                    assert_eq!(span.of(before) + 1, number, "{span:?}");
                }
            }
            assert_eq!(span.first(u32::MAX), None);
        }
        for (a, b) in [
            ((2023, 12, 31), (2024, 1, 1)),
            ((1999, 12, 31), (2000, 1, 1)),
        ] {
            let [a, b] = [a, b].map(|(y, m, d)| Date::from_ymd(y, m, d).unwrap());
            for span in [Span::Day, Span::Month, Span::Year] {
                assert_eq!(span.of(a) + 1, span.of(b));
            }
        }
        // 2024-01-01 was a Monday.
        let [sunday, monday] = [0, 1].map(|n| {
            let first = Date::from_ymd(2023, 12, 31).unwrap();
            Date::from_days(first.days() + n).unwrap()
        });
        assert_eq!(Span::Week.of(sunday) + 1, Span::Week.of(monday));
        assert_eq!(Span::Week.name(sunday), "2023-12-25");
        assert_eq!(Span::Week.name(Date::MIN), "0000-01-01");
    }

    #[test]
    fn many_days_become_months_and_all_days_that_there_are_decades() {
        for (days, step, span) in [
            (Timeline::MOST, 1, Span::Day),
            (Timeline::MOST + 1, 1, Span::Month),
            (Timeline::MOST + 1, 900, Span::Decade),
            (Date::MAX.days() as usize + 1, 1, Span::Decade),
        ] {
            let mut timeline = Timeline::default();
            for n in 0..days {
                timeline.add(day(u32::try_from(n).unwrap() * step));
            }
            assert_eq!((timeline.span(), timeline.days()), (span, days as u64));
            assert!(timeline.totals().len() <= Timeline::MOST);
            let events: u64 = timeline.totals().iter().map(|day| day.event_count).sum();
            assert_eq!(events, 2 * days as u64);
        }
    }
}
