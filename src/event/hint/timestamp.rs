//! Hints about timestamps: what was meant, and how that is written.

use chrono::DateTime;

use super::super::Date;
use super::super::json;
use super::super::schema::Schema;
use super::super::timestamp::{TimestampFault, date_alone, in_utc, parse_timestamp};
use super::Guess;
use crate::text::quoted;

/// The seconds since 1970 that are taken for a time of an event: from 1990 to 2100. Smaller and larger
/// numbers may be anything.
const PLAUSIBLE: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// Units of numbers of time since 1970: how many digits of a second they have.
const UNITS: [(&str, &str, u32); 4] = [
    ("epoch_seconds", "seconds", 0),
    ("epoch_milliseconds", "milliseconds", 3),
    ("epoch_microseconds", "microseconds", 6),
    ("epoch_nanoseconds", "nanoseconds", 9),
];

/// For a value that is a number, or a string that is no UTC date-time.
pub(super) fn of_value(value: &str, schema: &Schema) -> Option<Guess> {
    if !value.starts_with('"') {
        return epoch(value);
    }
    let text = json::unescape(value);
    // A hint would be longer than anybody reads.
    if text.len() > 100 {
        return None;
    }
    match parse_timestamp(text.as_bytes()) {
        Ok(_) | Err(TimestampFault::OutOfRange) => None,
        // It is out of range.
        Err(TimestampFault::HasOffset) if schema.accepts_offsets() => None,
        Err(TimestampFault::HasOffset) => {
            let accepting = schema.clone().accepting_offsets(true);
            let or_accept = match (accepting.date(text.as_bytes()), in_utc(text.as_bytes())) {
                (Ok(_), Some(_)) => "; write that, or accept it with --accept-offsets",
                (Ok(_), None) => ", or accept it with --accept-offsets",
                (Err(_), _) => "",
            };
            Some(("offset", other_offset(&text) + or_accept))
        }
        Err(TimestampFault::HasNoOffset) => Some(("local_time", local(&text))),
        Err(TimestampFault::NotADateTime) => epoch(&text)
            .or_else(|| date_only(&text))
            .or_else(|| repaired(&text))
            .or_else(|| rfc_2822(&text))
            .or_else(|| year_last(&text))
            .or_else(|| not_in_calendar(&text)),
    }
}

fn other_offset(text: &str) -> String {
    match in_utc(text.as_bytes()) {
        Some(utc) => format!("the same moment in UTC is {}", quoted(&utc)),
        None => "convert it to UTC".into(),
    }
}

fn local(text: &str) -> String {
    format!(
        "if that is UTC already, write {}; if it is local time, convert it to UTC",
        quoted(&format!("{text}Z"))
    )
}

/// A number of seconds, or parts of seconds, since 1970.
fn epoch(number: &str) -> Option<Guess> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > 20 {
        return None;
    }
    let count: i64 = whole.parse().ok()?;
    UNITS.into_iter().find_map(|(code, unit, digits)| {
        let scale = 10_i64.pow(digits);
        let seconds = count / scale;
        if !PLAUSIBLE.contains(&seconds) {
            return None;
        }
        let width = usize::try_from(digits).ok()?;
        let mut parts = match width {
            0 => String::new(),
            _ => format!("{:0width$}", count % scale),
        };
        parts.push_str(fraction);
        let parts = parts.trim_end_matches('0');
        let dot = if parts.is_empty() { "" } else { "." };
        let moment = DateTime::from_timestamp(seconds, 0)?.format("%Y-%m-%dT%H:%M:%S");
        Some((
            code,
            format!(
                "it looks like {unit} since 1970 (Unix time); that moment is written \"{moment}{dot}{parts}Z\""
            ),
        ))
    })
}

/// A date without a time.
fn date_only(text: &str) -> Option<Guess> {
    let date = date_alone(text.as_bytes())?;
    Some((
        "date_without_time",
        format!("it is a date without a time; the start of that day is \"{date}T00:00:00Z\""),
    ))
}

/// What is a date-time but for how it is written.
fn repaired(text: &str) -> Option<Guess> {
    let mut wanted = Vec::new();
    let mut code = None;
    let mut fixed = text.to_owned();
    for (name, want, repair) in REPAIRS {
        if let Some(better) = repair(&fixed) {
            wanted.push(want);
            code.get_or_insert(name);
            fixed = better;
        }
    }
    let rest = match parse_timestamp(fixed.as_bytes()) {
        Ok(_) => format!("write {}", quoted(&fixed)),
        Err(TimestampFault::HasOffset) => other_offset(&fixed),
        Err(TimestampFault::HasNoOffset) => local(&fixed),
        Err(TimestampFault::NotADateTime) => {
            let code = code?;
            let (_, message) = not_in_calendar(&fixed)?;
            return Some((code, format!("{}, and {message}", wanted.join(", and "))));
        }
        Err(TimestampFault::OutOfRange) => return None,
    };
    Some((code?, format!("{}; {rest}", wanted.join(", and "))))
}

/// A repair: its code, what it says, and the text with it, if there is something to repair.
type Repair = (&'static str, &'static str, fn(&str) -> Option<String>);

/// In the order in which they are tried, each on what the one before made of it.
const REPAIRS: [Repair; 9] = [
    ("white_space", "there is white space around it", |text| {
        Some(text.trim().to_owned()).filter(|trimmed| trimmed != text)
    }),
    (
        "minus_sign",
        "it has the minus sign U+2212 instead of a hyphen",
        |text| Some(text.replace('\u{2212}', "-")).filter(|fixed| fixed != text),
    ),
    (
        "zone_name",
        "it ends with the name of a time zone",
        |text| Some(text.strip_suffix(']')?.rsplit_once('[')?.0.to_owned()),
    ),
    ("utc_as_word", "UTC is written `Z`", |text| {
        let words = ["UTC", "GMT", "utc", "gmt"];
        let start = words.iter().find_map(|word| text.strip_suffix(word))?;
        Some(format!("{}Z", start.trim_end()))
    }),
    (
        "space_before_offset",
        "there is a space before its offset",
        |text| {
            let at = text.rfind(' ').filter(|at| *at > 10)?;
            let (start, offset) = (text[..at].trim_end(), &text[at + 1..]);
            offset
                .starts_with(['+', '-', 'Z', 'z'])
                .then(|| format!("{start}{offset}"))
        },
    ),
    ("slashes", "a date has hyphens", |text| {
        let is_date = |b: &[u8]| {
            matches!(b, [a, b, c, d, s @ (b'/' | b'.'), .., t]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) && s == t)
        };
        let end = 5 + text.get(5..)?.find(['/', '.'])?;
        is_date(text.as_bytes().get(..=end)?)
            .then(|| format!("{}-{}-{}", &text[..4], &text[5..end], &text[end + 1..]))
    }),
    (
        "space_instead_of_t",
        "between date and time there is a `T`",
        |text| {
            let at = text.find([' ', '_'])?;
            let rest = text[at + 1..].trim_start();
            let is_time = rest.starts_with(|c: char| c.is_ascii_digit());
            (is_time && at >= 7).then(|| format!("{}T{rest}", &text[..at]))
        },
    ),
    (
        "one_digit",
        "months, days, hours, minutes and seconds have two digits",
        two_digits,
    ),
    (
        "mixed_forms",
        "a time with colons goes with a date with hyphens",
        |text| {
            let (date, time) = text.split_once(['T', 't'])?;
            let is_mixed = date.len() == 8
                && date.bytes().all(|byte| byte.is_ascii_digit())
                && time.contains(':');
            is_mixed.then(|| format!("{}-{}-{}T{time}", &date[..4], &date[4..6], &date[6..]))
        },
    ),
];

/// A zero before each number of one digit; the fraction, after which there is only the offset, aside.
fn two_digits(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let end = text.find(['.', ',']).unwrap_or(text.len());
    let mut fixed = String::new();
    for (at, c) in text.char_indices() {
        let is_digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        // The day of a week is one.
        let is_week = at >= 2 && text[..at].contains('W') && !text[..at].contains('T');
        let is_alone = !is_digit(at.checked_sub(1)) && !is_digit(Some(at + 1));
        if c.is_ascii_digit() && is_alone && at > 3 && at < end && !is_week {
            fixed.push('0');
        }
        fixed.push(c);
    }
    (fixed != text).then_some(fixed)
}

/// A date of mail and of HTTP: `Mon, 01 Jan 2024 10:00:00 GMT`.
fn rfc_2822(text: &str) -> Option<Guess> {
    let moment = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
    let moment = moment.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    parse_timestamp(moment.as_bytes()).ok()?;
    Some((
        "rfc_2822",
        format!("it is a date as in mail (RFC 2822); that moment is written \"{moment}\""),
    ))
}

/// `01/31/2024`, of which nobody knows which is the month.
fn year_last(text: &str) -> Option<Guess> {
    let date = text.split([' ', 'T', ',']).next()?;
    let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
    let is_number = |part: &str, lens: std::ops::RangeInclusive<usize>| {
        lens.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    match parts[..] {
        [first, second, year]
            if is_number(first, 1..=2) && is_number(second, 1..=2) && is_number(year, 4..=4) =>
        {
            Some((
                "year_last",
                "a date starts with its year: `YYYY-MM-DD`; take care which of the others is the month"
                    .into(),
            ))
        }
        _ => None,
    }
}

/// `2024-02-30T10:00:00Z` and `2024-01-01T25:00:00Z`: the form is right.
fn not_in_calendar(text: &str) -> Option<Guess> {
    let date = text.get(..10)?;
    let is_form = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !is_form || !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return None;
    }
    let Ok(day) = date.parse::<Date>() else {
        return Some((
            "no_such_day",
            format!("there is no day {date} in the calendar"),
        ));
    };
    let rest = &text[11..];
    if let Some(guess) = after_midnight(day, rest) {
        return Some(guess);
    }
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':');
    let time = &rest[..end.unwrap_or(rest.len())];
    let is_form = matches!(time.len(), 2 | 5 | 8)
        && time.bytes().enumerate().all(|(at, byte)| match at {
            2 | 5 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    // What is wrong may come after the time.
    if !is_form || parse_timestamp(format!("{date}T{time}Z").as_bytes()).is_ok() {
        return None;
    }
    let component = |at: usize| time.get(at..at + 2).unwrap_or("00");
    match (component(0), component(3), component(6)) {
        ("24", "00", "00") => Some((
            "no_such_time",
            format!("{time} is the start of the next day, and there is none after {date}"),
        )),
        (hour, minute, "60") if hour <= "23" && minute <= "59" => Some((
            "leap_second",
            "a 60th second is only at 23:59:60 on the last day of a month".into(),
        )),
        (hour, minute, second) if hour > "23" || minute > "59" || second > "59" => Some((
            "no_such_time",
            format!("there is no time {time} on that day"),
        )),
        _ => None,
    }
}

/// `24:00:00.01Z`: the end of the day, and more.
fn after_midnight(day: Date, time: &str) -> Option<Guess> {
    let ends = ["24:00:00", "24:00", "24"];
    let (end, rest) = ends
        .into_iter()
        .find_map(|end| Some((end, time.strip_prefix(end)?)))?;
    if !rest.starts_with(['.', ',']) {
        return None;
    }
    let moment = format!("{}T00{}{rest}", day.next()?, &end[2..]);
    let rest = match parse_timestamp(moment.as_bytes()) {
        Ok(_) => format!("; that moment is written {}", quoted(&moment)),
        Err(TimestampFault::HasOffset) => format!("; {}", other_offset(&moment)),
        Err(TimestampFault::HasNoOffset) => format!("; {}", local(&moment)),
        Err(TimestampFault::NotADateTime | TimestampFault::OutOfRange) => return None,
    };
    Some((
        "no_such_time",
        format!("{end} is the end of that day, so its fraction can only be zeros{rest}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{event_with, hint_of};
    use super::*;
    use crate::event::Reason;
    use chrono::{FixedOffset, TimeZone as _, Utc};
    use proptest::prelude::*;

    #[track_caller]
    fn hint(value: &str) -> String {
        hint_of(event_with("timestamp", value))
    }

    #[test]
    fn epochs_are_shown_as_the_moment_they_are() {
        for (value, expected) in [
            ("1704103200", ("seconds", "2024-01-01T10:00:00Z")),
            (r#""1704103200""#, ("seconds", "2024-01-01T10:00:00Z")),
            ("1704103200.25", ("seconds", "2024-01-01T10:00:00.25Z")),
            ("1704103200.0", ("seconds", "2024-01-01T10:00:00Z")),
            (
                "1704103200007",
                ("milliseconds", "2024-01-01T10:00:00.007Z"),
            ),
            (
                "1704103200000.5",
                ("milliseconds", "2024-01-01T10:00:00.0005Z"),
            ),
            (
                "1704103200000100",
                ("microseconds", "2024-01-01T10:00:00.0001Z"),
            ),
            (
                "1704103200000000001",
                ("nanoseconds", "2024-01-01T10:00:00.000000001Z"),
            ),
        ] {
            let (unit, moment) = expected;
            let expected = format!(
                "epoch_{unit}: it looks like {unit} since 1970 (Unix time); that moment is written \"{moment}\""
            );
            assert_eq!(hint(value), expected, "{value}");
            assert!(parse_timestamp(moment.as_bytes()).is_ok(), "{moment}");
        }
        for value in [
            "17",
            "-1704103200",
            "1e9",
            "0",
            "99999999999",
            "true",
            "null",
            "[]",
            "1704103200000000000000",
        ] {
            assert_eq!(hint(value), "", "{value}");
        }
    }

    #[test]
    fn date_times_that_are_not_in_utc() {
        for (text, expected) in [
            (
                "2024-01-01T00:30:00+01:00",
                "offset: the same moment in UTC is \"2023-12-31T23:30:00Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "2024-01-01T10:00:00.125-0530",
                "offset: the same moment in UTC is \"2024-01-01T15:30:00.125Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "20240101T10+05",
                "offset: the same moment in UTC is \"2024-01-01T05:00:00Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "2024-01-01T10:00,5+05",
                "offset: the same moment in UTC is \"2024-01-01T05:00.5Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "2024-01-01T10.5+05",
                "offset: the same moment in UTC is \"2024-01-01T05.5Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "2024-01-01T10.5+05:30",
                "offset: convert it to UTC, or accept it with --accept-offsets",
            ),
            (
                "2024-01-01T24:00:00+01:00",
                "offset: the same moment in UTC is \"2024-01-01T23:00:00Z\"; write that, or accept it with --accept-offsets",
            ),
            (
                "2016-12-31T23:59:60+01:00",
                "offset: convert it to UTC, or accept it with --accept-offsets",
            ),
            ("0000-01-01T00:00:00+01:00", "offset: convert it to UTC"),
            (
                "2024-01-01T10:00:00",
                "local_time: if that is UTC already, write \"2024-01-01T10:00:00Z\"; if it is local time, convert it to UTC",
            ),
        ] {
            assert_eq!(hint(&format!("\"{text}\"")), expected, "{text}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of one row a hint")]
    fn what_is_written_otherwise_is_repaired() {
        for (text, expected) in [
            (
                "2024-01-01 10:00:00Z",
                "space_instead_of_t: between date and time there is a `T`; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024-01-01_10:00:00Z",
                "space_instead_of_t: between date and time there is a `T`; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024-01-01 10:00:00",
                "space_instead_of_t: between date and time there is a `T`; if that is UTC already, write \"2024-01-01T10:00:00Z\"; if it is local time, convert it to UTC",
            ),
            (
                "2024-01-01 10:00:00.5+02",
                "space_instead_of_t: between date and time there is a `T`; the same moment in UTC is \"2024-01-01T08:00:00.5Z\"",
            ),
            (
                "2024-01-01 10:00:00 +0000",
                "space_before_offset: there is a space before its offset, and between date and time there is a `T`; write \"2024-01-01T10:00:00+0000\"",
            ),
            (
                "2024-01-01T10:00:00 UTC",
                "utc_as_word: UTC is written `Z`; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024-01-01T10:00:00GMT",
                "utc_as_word: UTC is written `Z`; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                " 2024-01-01T10:00:00Z",
                "white_space: there is white space around it; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024\u{2212}01-01T10Z",
                "minus_sign: it has the minus sign U+2212 instead of a hyphen; write \"2024-01-01T10Z\"",
            ),
            (
                "2024-01-01T10:00:00+01:00[Europe/Berlin]",
                "zone_name: it ends with the name of a time zone; the same moment in UTC is \"2024-01-01T09:00:00Z\"",
            ),
            (
                "2024/01/01T10:00:00Z",
                "slashes: a date has hyphens; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024/1/2 9:05:00Z",
                "slashes: a date has hyphens, and between date and time there is a `T`, and months, days, hours, minutes and seconds have two digits; write \"2024-01-02T09:05:00Z\"",
            ),
            (
                "2024-1-1T10:00:00Z",
                "one_digit: months, days, hours, minutes and seconds have two digits; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "20240101T10:00:00Z",
                "mixed_forms: a time with colons goes with a date with hyphens; write \"2024-01-01T10:00:00Z\"",
            ),
            (
                "2024-01-01",
                "date_without_time: it is a date without a time; the start of that day is \"2024-01-01T00:00:00Z\"",
            ),
            (
                "20240101",
                "date_without_time: it is a date without a time; the start of that day is \"2024-01-01T00:00:00Z\"",
            ),
            (
                "2024-W01-1",
                "date_without_time: it is a date without a time; the start of that day is \"2024-01-01T00:00:00Z\"",
            ),
            (
                "Mon, 01 Jan 2024 11:00:00 +0100",
                "rfc_2822: it is a date as in mail (RFC 2822); that moment is written \"2024-01-01T10:00:00Z\"",
            ),
            (
                "01/31/2024 10:00",
                "year_last: a date starts with its year: `YYYY-MM-DD`; take care which of the others is the month",
            ),
            (
                "2024-02-30T10:00:00Z",
                "no_such_day: there is no day 2024-02-30 in the calendar",
            ),
            (
                "2024-13-01T10:00:00Z",
                "no_such_day: there is no day 2024-13-01 in the calendar",
            ),
            (
                "2024-01-01T25:00:00Z",
                "no_such_time: there is no time 25:00:00 on that day",
            ),
            (
                "2024-01-01T24:00:01Z",
                "no_such_time: there is no time 24:00:01 on that day",
            ),
            (
                "2024-06-15T23:59:60Z",
                "leap_second: a 60th second is only at 23:59:60 on the last day of a month",
            ),
            (
                "2024-01-31T24:00:00.01Z",
                "no_such_time: 24:00:00 is the end of that day, so its fraction can only be zeros; that moment is written \"2024-02-01T00:00:00.01Z\"",
            ),
            (
                "2024-01-01T24:00,5+00:00",
                "no_such_time: 24:00 is the end of that day, so its fraction can only be zeros; that moment is written \"2024-01-02T00:00,5+00:00\"",
            ),
            (
                "2024-01-01T24.25Z",
                "no_such_time: 24 is the end of that day, so its fraction can only be zeros; that moment is written \"2024-01-02T00.25Z\"",
            ),
            (
                "2024-01-01T24:00:00.01+02:00",
                "no_such_time: 24:00:00 is the end of that day, so its fraction can only be zeros; the same moment in UTC is \"2024-01-01T22:00:00.01Z\"",
            ),
            (
                "2024-01-01T24.5+05:30",
                "no_such_time: 24 is the end of that day, so its fraction can only be zeros; convert it to UTC",
            ),
            (
                "2024-01-01 24:00:00.5",
                "space_instead_of_t: between date and time there is a `T`, and 24:00:00 is the end of that day, so its fraction can only be zeros; if that is UTC already, write \"2024-01-02T00:00:00.5Z\"; if it is local time, convert it to UTC",
            ),
            (
                "2024-01-01 24:00:00",
                "space_instead_of_t: between date and time there is a `T`; if that is UTC already, write \"2024-01-01T24:00:00Z\"; if it is local time, convert it to UTC",
            ),
            (
                "2024/02/30T10:00:00Z",
                "slashes: a date has hyphens, and there is no day 2024-02-30 in the calendar",
            ),
            (
                "2024-01-01T24:30Z",
                "no_such_time: there is no time 24:30 on that day",
            ),
            (
                "2024-01-01T25.5Z",
                "no_such_time: there is no time 25 on that day",
            ),
            (
                "2024-01-01T10:60",
                "no_such_time: there is no time 10:60 on that day",
            ),
            // Not the time is at fault.
            (
                "2024-01-01T10:30:1Z",
                "one_digit: months, days, hours, minutes and seconds have two digits; write \"2024-01-01T10:30:01Z\"",
            ),
            ("2024-01-01T10:30:Z", ""),
            ("2024-01-01T1030Z", ""),
            ("2024-01-01T10:30+25:00", ""),
            ("2024-01-01T24:00:00Zulu", ""),
            ("2016-12-31T23:59:60+24:00", ""),
            (
                "9999-12-31T24:00:00Z",
                "no_such_time: 24:00:00 is the start of the next day, and there is none after 9999-12-31",
            ),
            (
                "9999-12-31T24:00+01:00",
                "no_such_time: 24:00 is the start of the next day, and there is none after 9999-12-31",
            ),
            ("INVALID_TIMESTAMP", ""),
            ("", ""),
            ("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}/\u{e9}/ ", ""),
        ] {
            assert_eq!(hint(&format!("\"{text}\"")), expected, "{text}");
        }
        assert_eq!(hint(&format!("\"{}\"", " ".repeat(101))), "");
    }

    /// In a date-time's text any character may be anything; nothing but a guess or none comes of it.
    fn near_date_times() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "2024", "01", "1", "-", "/", ".", ":", " ", "T", "_", "W", "Z", "UTC", "+", "[", "]",
            "\u{2212}", "\u{e9}", "10", "00", "24", "60",
        ]);
        prop_oneof![
            prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat()),
            "\\PC{0,30}",
        ]
    }

    proptest! {
        #[test]
        fn moments_in_utc_are_those_of_chrono(seconds in 0..4_102_444_800_i64, offset in -1439..1440_i32) {
            let zone = FixedOffset::east_opt(offset * 60).unwrap();
            let moment = Utc.timestamp_opt(seconds, 0).unwrap();
            let text = moment.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
            prop_assert_eq!(in_utc(text.as_bytes()), Some(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
        }

        #[test]
        fn any_text_may_have_a_hint(text in near_date_times()) {
            let literal = serde_json::to_string(&text).unwrap();
            let guess = of_value(&literal, Schema::usual());
            // What is proposed is valid.
            if let Some((_, message)) = guess
                && let Some((_, proposed)) = message.split_once("write \"")
                && let Some((proposed, _)) = proposed.split_once('"')
                && !proposed.contains('\\')
            {
                prop_assert!(parse_timestamp(proposed.as_bytes()).is_ok(), "{} for {}", proposed, text);
            }
        }
    }

    #[test]
    fn hints_are_about_their_fault() {
        let line = event_with("timestamp", "1704103200");
        let diagnosis = crate::event::Diagnosis::of(line.as_bytes(), 1000);
        assert_eq!(diagnosis.hints()[0].reason, Some(Reason::InvalidTimestamp));
    }
}
