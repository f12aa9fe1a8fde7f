//! Timestamps: ISO 8601-1:2019 date-times, and RFC 3339, down to the UTC date they fall on.
//!
//! ```text
//! date-time = date ("T" / "t") time [offset]
//! date      = YYYY-MM-DD / YYYY-DDD / YYYY-Www-D      extended
//!           / YYYYMMDD   / YYYYDDD  / YYYYWwwD        basic
//! time      = hh:mm:ss   / hh:mm    / hh  [fraction]  with an extended date
//!           / hhmmss     / hhmm     / hh  [fraction]  with a basic date
//! fraction  = ("." / ",") 1*DIGIT                     of the last component
//! offset    = ("Z" / "z") / ("+" / "-") (hh:mm / hhmm / hh)
//! ```
//!
//! ISO 8601-1:2019 sections 5.2 (dates), 5.3 (times) and 5.4 (date-times); RFC 3339 section 5.6 adds
//! the lower-case letters and the leap second of section 5.7. ASCII digits only, nothing before or
//! after. No clock arithmetic is needed: a date-time in UTC falls on the date it is written with,
//! but for 24:00, the end of the day, which belongs to the next.

use super::date::Date;

/// Why a text is not a UTC date-time.
///
/// ```
/// use daytally::event::{TimestampFault, parse_timestamp};
/// assert_eq!(parse_timestamp(b"2024-01-01T08:00:00+02:00"), Err(TimestampFault::HasOffset));
/// assert_eq!(parse_timestamp(b"1704096000"), Err(TimestampFault::NotADateTime));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampFault {
    /// It is not a date-time at all.
    NotADateTime,
    /// It is a date-time whose offset from UTC is not zero.
    HasOffset,
    /// It is a date-time without an offset, so nobody can tell which day it falls on in UTC.
    HasNoOffset,
    /// Where it falls on in UTC, or in the zone whose days are counted, is a day before 0000-01-01 or
    /// after 9999-12-31. Not of a date-time in UTC that is counted by days of UTC.
    OutOfRange,
}

/// The UTC date of an ISO 8601 or RFC 3339 date-time.
///
/// # Errors
///
/// [`TimestampFault`] where the text is not a date-time, or not one in UTC.
///
/// ```
/// use daytally::event::{Date, parse_timestamp};
/// assert_eq!(parse_timestamp(b"2024-01-31T24:00:00Z"), Ok(Date::from_ymd(2024, 2, 1).unwrap()));
/// assert_eq!(parse_timestamp(b"2024W053T0405.5+00"), Ok(Date::from_ymd(2024, 1, 31).unwrap()));
/// ```
pub fn parse_timestamp(text: &[u8]) -> Result<Date, TimestampFault> {
    if let Ok(text) = text.try_into()
        && let Some(date) = most_usual(text)
    {
        return Ok(date);
    }
    let (date, offset) = date_time(text).ok_or(TimestampFault::NotADateTime)?;
    match offset {
        Offset::Minutes(0) => Ok(date),
        Offset::Minutes(_) => Err(TimestampFault::HasOffset),
        Offset::Absent => Err(TimestampFault::HasNoOffset),
    }
}

/// The date of `YYYY-MM-DDThh:mm:ssZ`, if it is in that form.
#[inline]
fn most_usual(text: &[u8; 20]) -> Option<Date> {
    let (text, end) = text.split_first_chunk()?;
    if end != b"Z" {
        return None;
    }
    usual_date(usual_digits(text)?)
}

/// The date in `YYYY-MM-DDThh:mm:ss`, within words, if the time is from 00:00:00 to 23:59:59: the two halves
/// of the year, the month and the day, in 16 bits each, the first one lowest. Whether the calendar has such a
/// day is not said, but there is none past a month 19 or a day 39.
#[inline]
pub(super) fn usual_digits(text: &[u8; 19]) -> Option<u64> {
    /// The bits that show what is no digit, and what is not the byte of the form, once that is taken off.
    const fn limits(form: [u8; 8]) -> u64 {
        let mut limits = [0x7f; 8];
        let mut at = 0;
        while at < 8 {
            if form[at] == b'0' {
                limits[at] = 0x80 - 10;
            }
            at += 1;
        }
        u64::from_le_bytes(limits)
    }
    let digits = |at: usize, form: [u8; 8]| {
        let word = u64::from_le_bytes(*text.get(at..)?.first_chunk()?);
        let digits = word ^ u64::from_le_bytes(form);
        let wrong = (digits | digits.wrapping_add(limits(form))) & ((u64::MAX / 0xff) << 7);
        (wrong == 0).then_some(digits.to_le_bytes().map(u64::from))
    };
    let [y1, y2, y3, y4, _, m1, m2, _] = digits(0, *b"0000-00-")?;
    let [d1, d2, _, h1, h2, _, n1, _] = digits(8, *b"00T00:00")?;
    let [.., s1, _] = digits(11, *b"00:00:00")?;
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    // Hour 24 and second 60 are for the one who knows when they are allowed.
    if m1 > 1 || d1 > 3 || h1 * 10 + h2 > 23 || n1 > 5 || s1 > 5 {
        return None;
    }
    let (century, year) = (y1 * 10 + y2, y3 * 10 + y4);
    Some(century | year << 16 | month << 32 | day << 48)
}

/// The date of [`usual_digits`], if there is such a date.
#[inline]
pub(super) fn usual_date(digits: u64) -> Option<Date> {
    let [century, year, month, day] = [0, 16, 32, 48].map(|at| digits >> at & 0xffff);
    let number = |digits: u64| u32::try_from(digits).ok();
    Date::from_ymd(number(century * 100 + year)?, number(month)?, number(day)?)
}

enum Offset {
    /// By how many minutes the clock is ahead of UTC.
    Minutes(i32),
    Absent,
}

/// Whether a date is written with hyphens; its time then has colons.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Extended,
    Basic,
}

/// The seconds from 0000-01-01T00:00:00Z to a date-time, parts of a second left out. A leap second
/// counts as the second before it, on whose day it is.
///
/// # Errors
///
/// As for [`parse_timestamp`]; unless `accepts_offsets`, which makes every offset a right one.
pub(super) fn instant(text: &[u8], accepts_offsets: bool) -> Result<i64, TimestampFault> {
    let read = || {
        let parts = parts(text)?;
        let (date, format) = date(parts.date)?;
        if time(parts.time, format, date)? {
            // There has to be such a day.
            date.next()?;
        }
        Some((date, clock(parts.time, format)?, offset(parts.offset)?))
    };
    let (date, clock, offset) = read().ok_or(TimestampFault::NotADateTime)?;
    match offset {
        Offset::Absent => Err(TimestampFault::HasNoOffset),
        Offset::Minutes(minutes) if minutes != 0 && !accepts_offsets => {
            Err(TimestampFault::HasOffset)
        }
        Offset::Minutes(minutes) => Ok(i64::from(date.days()) * 86_400
            + i64::from(clock.seconds())
            - i64::from(minutes) * 60),
    }
}

/// `date ("T" / "t") time [offset]`: the date it falls on in its own offset, and the offset.
fn date_time(text: &[u8]) -> Option<(Date, Offset)> {
    let parts = parts(text)?;
    let (date, format) = date(parts.date)?;
    let is_next_day = time(parts.time, format, date)?;
    let offset = offset(parts.offset)?;
    let date = if is_next_day { date.next()? } else { date };
    Some((date, offset))
}

/// The texts that a date-time is put together from.
struct Parts<'a> {
    date: &'a [u8],
    time: &'a [u8],
    offset: &'a [u8],
}

/// Where the parts of a date-time would be.
#[inline]
fn parts(text: &[u8]) -> Option<Parts<'_>> {
    // Dates have three lengths, and no such letter in them.
    let designator = [10, 8, 7]
        .into_iter()
        .find(|at| matches!(text.get(*at), Some(b'T' | b't')))?;
    let rest = &text[designator + 1..];
    // Offsets have four lengths, and no time has what they start with.
    let starts = |len: &usize| {
        let start = rest.len().checked_sub(*len).and_then(|at| rest.get(at));
        match start {
            Some(b'Z' | b'z') => *len == 1,
            Some(b'+' | b'-') => *len > 1,
            _ => false,
        }
    };
    let offset_len = [1, 6, 3, 5].into_iter().find(starts).unwrap_or(0);
    let (time, offset) = rest.split_at(rest.len() - offset_len);
    Some(Parts {
        date: &text[..designator],
        time,
        offset,
    })
}

/// The date of a text that is one without a time.
pub(super) fn date_alone(text: &[u8]) -> Option<Date> {
    date(text).map(|(date, _)| date)
}

/// The moment of a date-time with an offset, as it is written in UTC. `None` where that would take more
/// than to go on or back by whole minutes: for a leap second, and for fractions of hours.
pub(super) fn in_utc(text: &[u8]) -> Option<String> {
    const DAY: i64 = 24 * 60;
    let parts = parts(text)?;
    let (date, format) = date(parts.date)?;
    time(parts.time, format, date)?;
    let clock = clock(parts.time, format)?;
    let Offset::Minutes(offset) = offset(parts.offset)? else {
        return None;
    };
    let minute = i64::from(date.days()) * DAY + i64::from(clock.hour * 60 + clock.minute)
        - i64::from(offset);
    let date = Date::from_days(u32::try_from(minute.div_euclid(DAY)).ok()?)?;
    let (hour, minute) = (minute.rem_euclid(DAY) / 60, minute % 60);
    let fraction = match std::str::from_utf8(clock.fraction) {
        Ok("") => String::new(),
        Ok(digits) => format!(".{digits}"),
        Err(_) => return None,
    };
    let time = match (clock.written, clock.fraction) {
        (1, [_, ..]) if offset % 60 != 0 => return None,
        (1, [_, ..]) => format!("{hour:02}{fraction}"),
        (2, [_, ..]) => format!("{hour:02}:{minute:02}{fraction}"),
        _ => format!("{hour:02}:{minute:02}:{:02}{fraction}", clock.second),
    };
    let text = format!("{date}T{time}Z");
    parse_timestamp(text.as_bytes()).is_ok().then_some(text)
}

/// `YYYY-MM-DD / YYYY-DDD / YYYY-Www-D / YYYYMMDD / YYYYDDD / YYYYWwwD`
fn date(text: &[u8]) -> Option<(Date, Format)> {
    use Format::{Basic, Extended};
    let (year, rest) = text.split_at_checked(4)?;
    let year = number(year)?;
    let (date, format) = match rest {
        [b'-', b'W', w1, w2, b'-', d] => (
            Date::from_week(year, number(&[*w1, *w2])?, number(&[*d])?),
            Extended,
        ),
        [b'-', m1, m2, b'-', d1, d2] => (
            Date::from_ymd(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?),
            Extended,
        ),
        [b'-', day @ ..] if day.len() == 3 => (Date::from_ordinal(year, number(day)?), Extended),
        [b'W', w1, w2, d] => (
            Date::from_week(year, number(&[*w1, *w2])?, number(&[*d])?),
            Basic,
        ),
        [m1, m2, d1, d2] => (
            Date::from_ymd(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?),
            Basic,
        ),
        day if day.len() == 3 => (Date::from_ordinal(year, number(day)?), Basic),
        _ => return None,
    };
    Some((date?, format))
}

/// The numbers of a time.
struct Clock<'a> {
    hour: u32,
    minute: u32,
    second: u32,
    /// How many of the three are written; the others are 0.
    written: u8,
    /// The digits of the fraction of the last one that is.
    fraction: &'a [u8],
}

impl Clock<'_> {
    /// The whole seconds since the start of the day: 0 to 86,400.
    fn seconds(&self) -> u32 {
        // How many seconds the fraction is one of.
        let unit = match self.written {
            1 => 3600,
            2 => 60,
            _ => 1,
        };
        // From the last digit to the first, rounding down each time: that is exact, since what is left
        // out is always less than one.
        let more = self.fraction.iter().rev().fold(0, |more, digit| {
            (unit * u32::from(digit - b'0') + more) / 10
        });
        self.hour * 3600 + self.minute * 60 + self.second.min(59) + more
    }
}

/// `hh:mm:ss / hh:mm / hh / hhmmss / hhmm / hh`, with a fraction of the last component: what it says,
/// whether or not there is such a time.
#[inline]
fn clock(text: &[u8], format: Format) -> Option<Clock<'_>> {
    let (components, fraction) = match text.iter().position(|byte| matches!(byte, b'.' | b',')) {
        None => (text, &[][..]),
        Some(at) => {
            let digits = &text[at + 1..];
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            (&text[..at], digits)
        }
    };
    let (hour, minute, second, written) = match (components, format) {
        ([h1, h2], _) => ([*h1, *h2], *b"00", *b"00", 1),
        ([h1, h2, b':', m1, m2], Format::Extended) | ([h1, h2, m1, m2], Format::Basic) => {
            ([*h1, *h2], [*m1, *m2], *b"00", 2)
        }
        ([h1, h2, b':', m1, m2, b':', s1, s2], Format::Extended)
        | ([h1, h2, m1, m2, s1, s2], Format::Basic) => ([*h1, *h2], [*m1, *m2], [*s1, *s2], 3),
        _ => return None,
    };
    Some(Clock {
        hour: number(&hour)?,
        minute: number(&minute)?,
        second: number(&second)?,
        written,
        fraction,
    })
}

/// A time of a date: whether it is the end of the day, 24:00. `None` where there is no such time.
fn time(text: &[u8], format: Format, date: Date) -> Option<bool> {
    let clock = clock(text, format)?;
    match (clock.hour, clock.minute, clock.second) {
        // ISO 8601-1:2019 5.3.2: the end of the day, and nothing past it.
        (24, 0, 0) => {
            let is_zero = clock.fraction.iter().all(|digit| *digit == b'0');
            is_zero.then_some(true)
        }
        (0..=23, 0..=59, 0..=59) => Some(false),
        // RFC 3339 section 5.7: leap seconds are inserted at the end of a month.
        (23, 59, 60) => date.is_last_of_month().then_some(false),
        _ => None,
    }
}

/// `("Z" / "z") / ("+" / "-") (hh:mm / hhmm / hh)`, or nothing.
fn offset(text: &[u8]) -> Option<Offset> {
    let (sign, hour, minute) = match text {
        [] => return Some(Offset::Absent),
        [b'Z' | b'z'] => return Some(Offset::Minutes(0)),
        [sign @ (b'+' | b'-'), h1, h2] => (sign, [*h1, *h2], *b"00"),
        [sign @ (b'+' | b'-'), h1, h2, m1, m2] | [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            (sign, [*h1, *h2], [*m1, *m2])
        }
        _ => return None,
    };
    match (number(&hour)?, number(&minute)?) {
        (hour @ 0..=23, minute @ 0..=59) => {
            let minutes = i32::try_from(hour * 60 + minute).ok()?;
            Some(Offset::Minutes(if *sign == b'-' {
                -minutes
            } else {
                minutes
            }))
        }
        _ => None,
    }
}

/// By how many minutes the clock of an offset other than `Z` is ahead of UTC.
pub(super) fn offset_minutes(text: &[u8]) -> Option<i32> {
    match offset(text) {
        Some(Offset::Minutes(minutes)) if text.len() > 1 => Some(minutes),
        _ => None,
    }
}

/// A few ASCII digits as a number.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_most_usual_form_is_read_as_any_other(
            text in "[012][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z",
            at in 0..60_usize,
            byte: u8,
        ) {
            let mut text = text.into_bytes();
            if let Some(there) = text.get_mut(at) {
                *there = byte;
            }
            let plainly = date_time(&text).filter(|(_, offset)| matches!(offset, Offset::Minutes(0)));
            let plainly = plainly.map(|(date, _)| date);
            prop_assert_eq!(parse_timestamp(&text).ok(), plainly);
            let text: &[u8; 20] = text.as_slice().try_into().unwrap();
            if let Some(date) = most_usual(text) {
                prop_assert_eq!(Some(date), plainly);
            }
        }
    }

    #[track_caller]
    fn falls_on(text: &str, date: &str) {
        let parsed = parse_timestamp(text.as_bytes()).map(|date| date.to_string());
        assert_eq!(parsed.as_deref(), Ok(date), "{text}");
    }

    #[track_caller]
    fn fails(text: &str, fault: TimestampFault) {
        assert_eq!(parse_timestamp(text.as_bytes()), Err(fault), "{text}");
    }

    #[test]
    fn every_date_form_with_every_time_form() {
        let forms = [
            (
                ["2024-02-29", "2024-060", "2024-W09-4"],
                ["10:20:30", "10:20", "10"],
            ),
            (
                ["20240229", "2024060", "2024W094"],
                ["102030", "1020", "10"],
            ),
        ];
        for (own, (dates, _)) in forms.iter().enumerate() {
            for (other, (_, times)) in forms.iter().enumerate() {
                for date in dates {
                    for time in times {
                        for fraction in ["", ".5", ",5", ".000000000000000000000000000001"] {
                            for t in ["T", "t"] {
                                let text = format!("{date}{t}{time}{fraction}");
                                if own == other || *time == "10" {
                                    falls_on(&format!("{text}Z"), "2024-02-29");
                                    fails(&text, TimestampFault::HasNoOffset);
                                    fails(&format!("{text}+01:00"), TimestampFault::HasOffset);
                                } else {
                                    fails(&format!("{text}Z"), TimestampFault::NotADateTime);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn offsets() {
        for zero in ["Z", "z", "+00:00", "-00:00", "+0000", "-0000", "+00", "-00"] {
            falls_on(&format!("2024-01-01T00:00:00{zero}"), "2024-01-01");
            falls_on(&format!("20240101T00{zero}"), "2024-01-01");
        }
        for other in [
            "+00:01", "-00:01", "+0100", "-01", "+23:59", "-23:59", "+14",
        ] {
            fails(
                &format!("2024-01-01T00:00:00{other}"),
                TimestampFault::HasOffset,
            );
        }
        for wrong in [
            "+24:00",
            "+00:60",
            "+0",
            "+000",
            "+00:0",
            "+00:00:00",
            "+-00",
            "Z0",
            "ZZ",
            "Z ",
            "+",
            "-",
            "+00000",
            "+aa",
            "\u{2212}00:00",
            "UTC",
            "GMT",
        ] {
            fails(
                &format!("2024-01-01T00:00:00{wrong}"),
                TimestampFault::NotADateTime,
            );
        }
    }

    #[test]
    fn ends_of_the_day_and_of_the_calendar() {
        for end in ["24:00:00", "24:00", "24", "24:00:00.000", "24:00,0", "24.0"] {
            falls_on(&format!("2024-02-28T{end}Z"), "2024-02-29");
            falls_on(&format!("2023-12-31T{end}Z"), "2024-01-01");
            fails(&format!("9999-12-31T{end}Z"), TimestampFault::NotADateTime);
            fails(
                &format!("9999-12-31T{end}+01:00"),
                TimestampFault::NotADateTime,
            );
            fails(
                &format!("2024-02-28T{end}+01:00"),
                TimestampFault::HasOffset,
            );
        }
        falls_on("20240228T2400Z", "2024-02-29");
        falls_on("20240228T240000Z", "2024-02-29");
        for past in [
            "24:00:01",
            "24:01",
            "24:00:00.001",
            "24:00.01",
            "24.01",
            "25:00",
            "24:00:60",
        ] {
            fails(&format!("2024-02-28T{past}Z"), TimestampFault::NotADateTime);
        }
        falls_on("2024-02-28T23:59:59.9999999999999999999999Z", "2024-02-28");
        falls_on("2024-02-28T23:59.99999999999999999999999999Z", "2024-02-28");
        falls_on("2024-02-28T23.99999999999999999999999999999Z", "2024-02-28");
        falls_on("0000-01-01T00:00:00Z", "0000-01-01");
        falls_on("9999-12-31T23:59:59Z", "9999-12-31");
        falls_on("0000-W01-1T00Z", "0000-01-03");
        falls_on("2020-W53-7T00Z", "2021-01-03");
        falls_on("2026-W01-1T00Z", "2025-12-29");
        fails("2021-W53-1T00Z", TimestampFault::NotADateTime);
        fails("9999-W52-6T00Z", TimestampFault::NotADateTime);
    }

    #[test]
    fn leap_seconds_end_a_month() {
        falls_on("2016-12-31T23:59:60Z", "2016-12-31");
        falls_on("2015-06-30T23:59:60.999Z", "2015-06-30");
        falls_on("20240229T235960z", "2024-02-29");
        falls_on("2024-060T23:59:60Z", "2024-02-29");
        fails("2016-12-31T23:59:60+01:00", TimestampFault::HasOffset);
        for wrong in [
            "2016-12-30T23:59:60Z",
            "2016-12-31T22:59:60Z",
            "2016-12-31T23:58:60Z",
            "2016-12-31T23:59:61Z",
            "2016-12-31T00:00:60Z",
            "2016-12-31T15:59:60-08:00",
        ] {
            fails(wrong, TimestampFault::NotADateTime);
        }
    }

    #[test]
    fn what_is_not_a_date_time() {
        for wrong in [
            "",
            "T",
            "Z",
            "TZ",
            "INVALID_TIMESTAMP",
            "2024-01-01",
            "2024-01-01Z",
            "20240101",
            "2024-01-01T",
            "2024-01-01TZ",
            "2024-01-01 00:00:00Z",
            "2024-01-01_00:00:00Z",
            " 2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00Z ",
            "2024-01-01T00:00:00Z\n",
            "2024-01-01T00:00:00\0Z",
            "2024-1-01T00:00:00Z",
            "2024-01-1T00:00:00Z",
            "24-01-01T00:00:00Z",
            "02024-01-01T00:00:00Z",
            "+2024-01-01T00:00:00Z",
            "-2024-01-01T00:00:00Z",
            "2024/01/01T00:00:00Z",
            "2024-0101T00:00:00Z",
            "202401-01T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2023-366T00Z",
            "2024-000T00Z",
            "2024-367T00Z",
            "2024-W00-1T00Z",
            "2024-W01-0T00Z",
            "2024-W01-8T00Z",
            "2024-W01T00Z",
            "2024W01T00Z",
            "2024-w01-1T00Z",
            "2024-W011T00Z",
            "2024W01-1T00Z",
            "2024-01T00Z",
            "202401T00Z",
            "2024T00Z",
            "2024-01-01T0:00:00Z",
            "2024-01-01T00:0:00Z",
            "2024-01-01T00:00:0Z",
            "2024-01-01T00:60Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00,Z",
            "2024-01-01T00:00:00.1.1Z",
            "2024-01-01T00.5:00Z",
            "2024-01-01T00:00.5:00Z",
            "2024-01-01T.5Z",
            "2024-01-01T00:00:00.5aZ",
            "2024-01-01T0000Z",
            "20240101T00:00Z",
            "2024-01-01T00:0000Z",
            "2024-01-01T0000:00Z",
            "2024-01-01TT00:00Z",
            "２０２４-01-01T00:00:00Z",
            "2024-01-01T00:00:0٠Z",
            "2024-01-01T00:00:00 Z",
            "1704067200",
            "1704067200000",
            "Mon, 01 Jan 2024 00:00:00 GMT",
        ] {
            fails(wrong, TimestampFault::NotADateTime);
        }
    }
}
