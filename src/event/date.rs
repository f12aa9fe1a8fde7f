//! The calendar date of an event: a day of the proleptic Gregorian calendar, years 0000 to 9999.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate};

/// A calendar date in UTC, from 0000-01-01 to 9999-12-31 (ISO 8601-1:2019, proleptic Gregorian).
///
/// Four bytes that compare as dates do. Shown as `YYYY-MM-DD`.
///
/// ```
/// use daytally::event::Date;
/// let date = Date::from_ymd(2024, 2, 29).unwrap();
/// assert_eq!(date.to_string(), "2024-02-29");
/// assert_eq!(Date::from_ymd(2023, 2, 29), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u32);

/// Days before the first of each month in a year that is not a leap year.
const DAYS_BEFORE_MONTH: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// 0000-01-01 counted as chrono counts days, from 0001-01-01 as day 1: year 0 is a leap year.
const FIRST_DAY_FROM_CE: i32 = -365;

impl Date {
    /// 0000-01-01.
    pub const MIN: Date = Date(0);
    /// 9999-12-31.
    pub const MAX: Date = Date(days_before_year(10_000) - 1);

    /// The date of a year (0 to 9999), month (1 to 12) and day of the month (from 1); `None` where
    /// the calendar has no such day.
    #[must_use]
    #[inline]
    pub fn from_ymd(year: u32, month: u32, day: u32) -> Option<Date> {
        if day == 0 || day > days_in_month(year, month)? {
            return None;
        }
        let before_month = DAYS_BEFORE_MONTH[(month - 1) as usize];
        let leap_day = u32::from(month > 2 && is_leap_year(year));
        Some(Date(
            days_before_year(year) + before_month + leap_day + day - 1,
        ))
    }

    /// The date of a year (0 to 9999) and day of the year (1 to 365, 366 in a leap year): an ISO
    /// 8601 ordinal date.
    #[must_use]
    pub(crate) fn from_ordinal(year: u32, day_of_year: u32) -> Option<Date> {
        if year > 9999 || day_of_year == 0 || day_of_year > 365 + u32::from(is_leap_year(year)) {
            return None;
        }
        Some(Date(days_before_year(year) + day_of_year - 1))
    }

    /// The date of an ISO 8601 week date: week-numbering year (0 to 9999), week (1 to 52 or 53) and
    /// day of the week (1 is Monday). `None` too where the date lies outside the years 0000 to 9999.
    #[must_use]
    pub(crate) fn from_week(year: u32, week: u32, weekday: u32) -> Option<Date> {
        if year > 9999 || week == 0 || !(1..=7).contains(&weekday) {
            return None;
        }
        let first = first_monday(year);
        let weeks = (first_monday(year + 1) - first) / 7;
        if i64::from(week) > weeks {
            return None;
        }
        let day = first + i64::from(week - 1) * 7 + i64::from(weekday - 1);
        u32::try_from(day)
            .ok()
            .map(Date)
            .filter(|date| *date <= Date::MAX)
    }

    /// The date that many days after 0000-01-01; `None` past 9999-12-31.
    #[must_use]
    pub fn from_days(days: u32) -> Option<Date> {
        (days <= Date::MAX.0).then_some(Date(days))
    }

    /// How many days the date lies after 0000-01-01: 0 to 3,652,424.
    #[must_use]
    #[inline]
    pub const fn days(self) -> u32 {
        self.0
    }

    /// The day after; `None` for 9999-12-31.
    #[must_use]
    pub fn next(self) -> Option<Date> {
        Date::from_days(self.0 + 1)
    }

    /// Whether the date is the last of its month.
    #[must_use]
    pub(crate) fn is_last_of_month(self) -> bool {
        self.next().is_none_or(|next| next.to_chrono().day() == 1)
    }

    /// The date as chrono's type.
    #[must_use]
    pub(crate) fn to_chrono(self) -> NaiveDate {
        // Below 2^22, so it always fits; chrono's range is far wider than ours.
        i32::try_from(self.0)
            .ok()
            .and_then(|days| NaiveDate::from_num_days_from_ce_opt(days + FIRST_DAY_FROM_CE))
            .unwrap_or(NaiveDate::MIN)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.to_chrono();
        write!(
            f,
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        )
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is no date, or no date of the calendar.
///
/// ```
/// use daytally::event::{Date, NoDate};
/// assert_eq!("2023-02-29".parse::<Date>(), Err(NoDate));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date of the calendar as YYYY-MM-DD")]
pub struct NoDate;

impl FromStr for Date {
    type Err = NoDate;

    /// `YYYY-MM-DD` and nothing else: ten bytes, ASCII digits, two hyphens.
    fn from_str(text: &str) -> Result<Date, NoDate> {
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0, |number, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + u32::from(digit - b'0'))
            })
        };
        let date = match text.as_bytes() {
            [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
                match (number(year), number(&[*m1, *m2]), number(&[*d1, *d2])) {
                    (Some(year), Some(month), Some(day)) => Date::from_ymd(year, month, day),
                    _ => None,
                }
            }
            _ => None,
        };
        date.ok_or(NoDate)
    }
}

/// A range of dates, its ends included; by default all dates.
///
/// ```
/// use daytally::event::DateRange;
/// let leap_day = "2024-02-29".parse()?;
/// let from_then = DateRange::new(Some(leap_day), None).unwrap();
/// assert!(from_then.contains(leap_day));
/// assert!(!from_then.contains("2024-02-28".parse()?));
/// # Ok::<(), daytally::event::NoDate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    first: Date,
    /// How many days the last one is after the first.
    more: u32,
}

impl DateRange {
    /// All dates.
    pub const ALL: DateRange = DateRange {
        first: Date::MIN,
        more: Date::MAX.0,
    };

    /// The dates from one to another, both included; without one of them there is no limit on that
    /// side. `None` where the first is after the last.
    #[must_use]
    pub fn new(from: Option<Date>, to: Option<Date>) -> Option<DateRange> {
        let first = from.unwrap_or(Date::MIN);
        let last = to.unwrap_or(Date::MAX);
        Some(DateRange {
            first,
            more: last.0.checked_sub(first.0)?,
        })
    }

    /// Whether a date is in the range.
    #[must_use]
    #[inline]
    pub const fn contains(self, date: Date) -> bool {
        // What is before the first day comes out above all days.
        date.0.wrapping_sub(self.first.0) <= self.more
    }

    /// The first date, if that is a limit.
    #[must_use]
    pub fn from(self) -> Option<Date> {
        (self.first > Date::MIN).then_some(self.first)
    }

    /// The last date, if that is a limit.
    #[must_use]
    pub fn to(self) -> Option<Date> {
        let last = Date(self.first.0 + self.more);
        (last < Date::MAX).then_some(last)
    }
}

impl Default for DateRange {
    fn default() -> DateRange {
        DateRange::ALL
    }
}

/// Whether the proleptic Gregorian calendar has a 29 February in `year`.
const fn is_leap_year(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// The number of days in a month; `None` where there is no such year or month.
fn days_in_month(year: u32, month: u32) -> Option<u32> {
    match month {
        _ if year > 9999 => None,
        2 => Some(28 + u32::from(is_leap_year(year))),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days from 0000-01-01 to the first of January of `year` (0 to 10,000).
const fn days_before_year(year: u32) -> u32 {
    if year == 0 {
        return 0;
    }
    let past = year - 1;
    // Year 0 itself is a leap year, hence the 366.
    366 + past * 365 + past / 4 - past / 100 + past / 400
}

/// The Monday of week 1 of a week-numbering year (0 to 10,000), in days from 0000-01-01: week 1 is
/// the one with 4 January in it (ISO 8601-1:2019, 3.1.1.23). Negative for year 0 alone is possible.
fn first_monday(year: u32) -> i64 {
    let fourth = i64::from(days_before_year(year)) + 3;
    // 0000-01-01 was a Saturday: five days after a Monday.
    fourth - (fourth + 5) % 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_agrees_with_chrono() {
        let mut date = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
        for days in 0..=Date::MAX.days() {
            let ours = Date::from_days(days).unwrap();
            let year = u32::try_from(date.year()).unwrap();
            assert_eq!(Date::from_ymd(year, date.month(), date.day()), Some(ours));
            assert_eq!(Date::from_ordinal(year, date.ordinal()), Some(ours));
            let week = date.iso_week();
            if let Ok(week_year @ 0..=9999) = u32::try_from(week.year()) {
                let weekday = date.weekday().number_from_monday();
                assert_eq!(Date::from_week(week_year, week.week(), weekday), Some(ours));
            }
            assert_eq!(ours.to_chrono(), date);
            let next = date.succ_opt().unwrap();
            assert_eq!(ours.is_last_of_month(), next.month() != date.month());
            date = next;
        }
        assert_eq!(date, NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap());
    }

    #[test]
    fn dates_are_read_as_they_are_shown() {
        for days in (0..=Date::MAX.days()).step_by(97).chain([Date::MAX.days()]) {
            let date = Date::from_days(days).unwrap();
            assert_eq!(date.to_string().parse(), Ok(date));
        }
        for text in [
            "",
            "2024-1-01",
            "2024-01-1",
            "24-01-01",
            "02024-01-01",
            "20240101",
            "2024-001",
            "2024-W01-1",
            "2024/01/01",
            "2024-01-01T00:00:00Z",
            " 2024-01-01",
            "2024-01-01 ",
            "+2024-01-01",
            "-2024-01-01",
            "2024-+1-01",
            "2024-13-01",
            "2023-02-29",
            "2024-00-01",
            "2024-01-00",
            "\u{662}024-01-01",
            "2024\u{2212}01\u{2212}01",
        ] {
            assert_eq!(text.parse::<Date>(), Err(NoDate), "{text}");
        }
    }

    #[test]
    fn a_range_holds_its_ends_and_what_is_between() {
        let days = [0, 1, 2, 700_000, Date::MAX.days() - 1, Date::MAX.days()];
        let dates = days.map(|days| Date::from_days(days).unwrap());
        let ends = || dates.into_iter().map(Some).chain([None]);
        for (from, to) in ends().flat_map(|from| ends().map(move |to| (from, to))) {
            let Some(range) = DateRange::new(from, to) else {
                assert!(from > to && to.is_some(), "{from:?} {to:?}");
                continue;
            };
            for date in dates {
                let expected =
                    from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to);
                assert_eq!(range.contains(date), expected, "{from:?} {to:?} {date}");
            }
            assert_eq!(range.from(), from.filter(|from| *from > Date::MIN));
            assert_eq!(range.to(), to.filter(|to| *to < Date::MAX));
        }
        assert_eq!(DateRange::new(None, None), Some(DateRange::default()));
    }

    #[test]
    fn what_the_calendar_has_not_is_refused() {
        for year in 0..=10_001 {
            let chrono_year = i32::try_from(year).unwrap();
            for month in [0, 1, 2, 4, 12, 13] {
                for day in [0, 1, 28, 29, 30, 31, 32] {
                    let expected =
                        year <= 9999 && NaiveDate::from_ymd_opt(chrono_year, month, day).is_some();
                    assert_eq!(Date::from_ymd(year, month, day).is_some(), expected);
                }
            }
            for day in [0, 1, 365, 366, 367] {
                let expected = year <= 9999 && NaiveDate::from_yo_opt(chrono_year, day).is_some();
                assert_eq!(Date::from_ordinal(year, day).is_some(), expected);
            }
            for week in [0, 1, 52, 53, 54] {
                let expected = year <= 9999
                    && NaiveDate::from_isoywd_opt(chrono_year, week, chrono::Weekday::Mon)
                        .is_some();
                assert_eq!(
                    Date::from_week(year, week, 1).is_some(),
                    expected,
                    "{year} {week}"
                );
                assert_eq!(Date::from_week(year, week, 0), None);
                assert_eq!(Date::from_week(year, week, 8), None);
            }
        }
        // 9999-12-31 is a Friday: the week's last two days lie in the year 10000.
        assert_eq!(Date::from_week(9999, 52, 5), Some(Date::MAX));
        assert_eq!(Date::from_week(9999, 52, 6), None);
        assert_eq!(Date::MAX.next(), None);
    }
}
