//! The many ways ISO 8601 has to write one moment in UTC.

use super::clock::{Date, Day, Moment};
use super::rng::Stream;
use super::text::{pair, push_digits};

/// How a zero offset may be written, the usual ways more often.
const ZERO_OFFSETS: [&[u8]; 12] = [
    b"Z", b"Z", b"Z", b"Z", b"z", b"+00:00", b"+00:00", b"-00:00", b"+0000", b"-0000", b"+00",
    b"-00",
];

/// Writes a moment in one of the forms that are read, without quotes.
///
/// What is written is always on the moment's day, though it may be less exact than the moment (hours
/// only), or the start of the day (as 24:00 of the day before), or its leap second.
pub(super) fn push_varied(buf: &mut Vec<u8>, moment: Moment, rng: &mut Stream) {
    if rng.one_in(2) {
        buf.extend_from_slice(&moment.rfc3339());
        return;
    }
    let extended = rng.one_in(2);
    let end_of_day = rng.one_in(16);
    let day = if end_of_day {
        moment.day.before()
    } else {
        moment.day
    };
    push_date(buf, day, extended, rng);
    buf.push(if rng.one_in(8) { b't' } else { b'T' });
    if end_of_day {
        push_time(buf, (24, 0, 0), extended, Fraction::Zero, rng);
    } else if moment.day.ends_month() && rng.one_in(8) {
        push_leap_second(buf, extended);
    } else {
        push_time(buf, moment.time(), extended, Fraction::Any, rng);
    }
    buf.extend_from_slice(rng.pick(&ZERO_OFFSETS));
}

/// Writes a date: calendar, ordinal or week.
fn push_date(buf: &mut Vec<u8>, day: Day, extended: bool, rng: &mut Stream) {
    match rng.small(4) {
        0 => {
            let (year, ordinal) = day.ordinal();
            push_year(buf, year, extended);
            push_three(buf, ordinal);
        }
        1 => {
            let week = day.week();
            push_year(buf, week.year, extended);
            buf.push(b'W');
            buf.extend_from_slice(&pair(week.week));
            push_separator(buf, b'-', extended);
            buf.push(b'0' + (week.weekday % 8) as u8);
        }
        _ => {
            let Date { year, month, day } = day.date();
            push_year(buf, year, extended);
            buf.extend_from_slice(&pair(month));
            push_separator(buf, b'-', extended);
            buf.extend_from_slice(&pair(day));
        }
    }
}

/// A number of three digits.
fn push_three(buf: &mut Vec<u8>, n: u32) {
    buf.push(b'0' + (n / 100 % 10) as u8);
    buf.extend_from_slice(&pair(n));
}

/// The year and what separates it from the rest.
fn push_year(buf: &mut Vec<u8>, year: u32, extended: bool) {
    buf.extend_from_slice(&pair(year / 100));
    buf.extend_from_slice(&pair(year));
    push_separator(buf, b'-', extended);
}

fn push_separator(buf: &mut Vec<u8>, separator: u8, extended: bool) {
    if extended {
        buf.push(separator);
    }
}

/// Which fractions a time may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fraction {
    /// None but zero: the end of the day is not to be passed.
    Zero,
    Any,
}

/// Writes a time to the second, minute or hour, one in four with a fraction of that.
fn push_time(
    buf: &mut Vec<u8>,
    (hour, minute, second): (u32, u32, u32),
    extended: bool,
    fraction: Fraction,
    rng: &mut Stream,
) {
    let components = match rng.small(8) {
        0 => 1,
        1 | 2 => 2,
        _ => 3,
    };
    for (i, component) in [hour, minute, second]
        .into_iter()
        .take(components)
        .enumerate()
    {
        if i > 0 {
            push_separator(buf, b':', extended);
        }
        buf.extend_from_slice(&pair(component));
    }
    if rng.one_in(4) {
        buf.push(rng.pick(b"..,"));
        let digits = match rng.small(4) {
            0 => 3,
            1 => 6,
            2 => 9,
            _ => 1 + rng.small(30),
        };
        match fraction {
            Fraction::Zero => buf.extend((0..digits).map(|_| b'0')),
            Fraction::Any => push_digits(buf, digits, rng),
        }
    }
}

fn push_leap_second(buf: &mut Vec<u8>, extended: bool) {
    buf.extend_from_slice(if extended { b"23:59:60" } else { b"235960" });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::clock::MAX_DAYS;
    use crate::generate::oracle;

    fn varied(moment: Moment, rng: &mut Stream) -> String {
        let mut buf = Vec::new();
        push_varied(&mut buf, moment, rng);
        String::from_utf8(buf).expect("ASCII")
    }

    #[test]
    fn every_form_is_on_the_day_of_the_moment() {
        let [mut rng] = Stream::split(8);
        for offset in [0, 30, 31, 58, 59, 60, 364, 365, 366, MAX_DAYS - 1] {
            for second in [0, 1, 43_200, 86_399] {
                let moment = Moment {
                    day: Day::from_offset(offset),
                    second,
                };
                let Date { year, month, day } = moment.day.date();
                let date = chrono::NaiveDate::from_ymd_opt(year.cast_signed(), month, day);
                for _ in 0..200 {
                    let text = varied(moment, &mut rng);
                    assert_eq!(
                        oracle::utc_date(&text),
                        Ok(date.expect("a date")),
                        "{text} for {moment:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_form_is_reached() {
        let [mut rng] = Stream::split(9);
        let moment = Moment {
            day: Day::from_offset(30),
            second: 3_723,
        };
        let texts: BTreeSet<_> = (0..20_000).map(|_| varied(moment, &mut rng)).collect();
        for form in [
            "2024-01-31T01:02:03Z",
            "20240131T010203Z",
            "2024-031T01:02:03Z",
            "2024031T010203Z",
            "2024-W05-3T01:02:03Z",
            "2024W053T010203Z",
            "2024-01-31T01:02Z",
            "20240131T0102Z",
            "2024-01-31T01Z",
            "2024-01-31t01:02:03z",
            "2024-01-31T01:02:03+00:00",
            "2024-01-31T01:02:03-00:00",
            "20240131T010203+0000",
            "2024-01-31T01:02:03-00",
            "2024-01-30T24:00:00Z",
            "20240130T24Z",
            "2024-01-31T23:59:60Z",
        ] {
            assert!(texts.contains(form), "no {form}");
        }
        assert!(texts.iter().any(|text| text.contains(',')));
        assert!(
            texts
                .iter()
                .any(|text| text.starts_with("2024-01-30T24:00:00.000"))
        );
    }
}
