//! Civil dates: which calendar, ordinal and week date a day of the generated span is.

use super::text::pair;

/// Days from 0000-03-01, where the count of [`Day`] starts, to the first generated day, 2024-01-01.
const FIRST: u32 = 739_191;

/// Days from 2024-01-01 to 9999-12-31, both included: timestamps have four-digit years.
pub(super) const MAX_DAYS: u32 = 2_913_174;

/// Seconds in a day: the generated days have no leap seconds.
pub(super) const DAY_SECONDS: u64 = 86_400;

/// A day, counted from 0000-03-01 in the proleptic Gregorian calendar.
///
/// Counting from March puts the leap day at the end of a year, which makes the calendar arithmetic
/// free of branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(u32);

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: u32,
    /// 1 to 12.
    pub(super) month: u32,
    /// 1 to 31.
    pub(super) day: u32,
}

/// A week date (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WeekDate {
    /// The year the week belongs to, which is not always the calendar year of the day.
    pub(super) year: u32,
    /// 1 to 53.
    pub(super) week: u32,
    /// 1 is Monday, 7 is Sunday.
    pub(super) weekday: u32,
}

impl Day {
    /// The day `offset` days after 2024-01-01.
    #[inline]
    pub(super) fn from_offset(offset: u32) -> Self {
        Self(FIRST + offset)
    }

    /// The day before.
    pub(super) fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// The day as a calendar date.
    #[inline]
    pub(super) fn date(self) -> Date {
        // The well-known conversion by eras of 400 years (146,097 days).
        let era = self.0 / 146_097;
        let day_of_era = self.0 % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let after_new_year = u32::from(month_from_march >= 10);
        Date {
            year: era * 400 + year_of_era + after_new_year,
            month: month_from_march + 3 - 12 * after_new_year,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }

    /// The year, and the day of that year: 1 to 366.
    pub(super) fn ordinal(self) -> (u32, u32) {
        let Date { year, .. } = self.date();
        // 1 January is 306 days after 1 March of the year before.
        let before = year - 1;
        let new_year = before * 365 + before / 4 - before / 100 + before / 400 + 306;
        (year, self.0 - new_year + 1)
    }

    /// The day as a week date.
    pub(super) fn week(self) -> WeekDate {
        // 0000-03-01 was a Wednesday.
        let from_monday = (self.0 + 2) % 7;
        // A week belongs to the year that its Thursday is in.
        let (year, ordinal) = Self(self.0 + 3 - from_monday).ordinal();
        WeekDate {
            year,
            week: (ordinal - 1) / 7 + 1,
            weekday: from_monday + 1,
        }
    }

    /// Whether the next day is in another month: only then may a leap second end the day.
    pub(super) fn ends_month(self) -> bool {
        Self(self.0 + 1).date().day == 1
    }
}

/// A moment of the generated span, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) day: Day,
    /// Second of the day, 0 to 86,399.
    pub(super) second: u32,
}

impl Moment {
    /// Hour, minute, second.
    #[inline]
    pub(super) fn time(self) -> (u32, u32, u32) {
        (self.second / 3_600, self.second / 60 % 60, self.second % 60)
    }

    /// The moment in the usual form: `2024-01-21T06:00:08Z`.
    #[inline]
    pub(super) fn rfc3339(self) -> [u8; 20] {
        let Date { year, month, day } = self.day.date();
        let (hour, minute, second) = self.time();
        let ([y1, y2], [y3, y4]) = (pair(year / 100), pair(year));
        let ([m1, m2], [d1, d2]) = (pair(month), pair(day));
        let ([h1, h2], [n1, n2], [s1, s2]) = (pair(hour), pair(minute), pair(second));
        [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2,
            b'Z',
        ]
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days, NaiveDate};

    use super::*;

    fn check(offset: u32) {
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
        let expected = first + Days::new(u64::from(offset));
        let day = Day::from_offset(offset);
        let year = expected.year().unsigned_abs();
        assert_eq!(
            day.date(),
            Date {
                year,
                month: expected.month(),
                day: expected.day()
            }
        );
        assert_eq!(day.ordinal(), (year, expected.ordinal()));
        let week = expected.iso_week();
        assert_eq!(
            day.week(),
            WeekDate {
                year: week.year().unsigned_abs(),
                week: week.week(),
                weekday: expected.weekday().number_from_monday(),
            }
        );
        assert_eq!(
            day.ends_month(),
            expected.succ_opt().is_none_or(|next| next.day() == 1)
        );
    }

    #[test]
    fn dates_are_those_of_chrono() {
        (0..1_500)
            .chain((1_500..MAX_DAYS).step_by(353))
            .chain(MAX_DAYS - 800..MAX_DAYS)
            .for_each(check);
    }

    #[test]
    fn the_span_ends_with_the_last_four_digit_year() {
        let last = Day::from_offset(MAX_DAYS - 1);
        assert_eq!(
            last.date(),
            Date {
                year: 9999,
                month: 12,
                day: 31
            }
        );
        assert_eq!(Day::from_offset(0).before().ordinal(), (2023, 365));
    }

    #[test]
    fn moments_are_written_in_the_usual_form() {
        let moment = Moment {
            day: Day::from_offset(20),
            second: 6 * 3_600 + 8,
        };
        assert_eq!(&moment.rfc3339(), b"2024-01-21T06:00:08Z");
        let moment = Moment {
            day: Day::from_offset(MAX_DAYS - 1),
            second: 86_399,
        };
        assert_eq!(&moment.rfc3339(), b"9999-12-31T23:59:59Z");
    }
}
