//! The rules of an event read once more for the tests: slow, plain, and of no code the generator uses.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde_json::Value;

/// A valid event, as far as the statistics need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) user_id: i128,
    pub(super) event_type: String,
    pub(super) date: NaiveDate,
    /// Of a purchase, the amount.
    pub(super) amount: Option<Decimal>,
}

/// Reads a line, without its line end: the event, or the code of the first rule that fails.
pub(super) fn read(line: &[u8]) -> Result<Read, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "invalid_utf8")?;
    let value: Value = serde_json::from_str(text).map_err(|_| "invalid_json")?;
    let object = value.as_object().ok_or("not_an_object")?;

    let user_id = object.get("user_id").ok_or("missing_user_id")?;
    let user_id = user_id.as_number().ok_or("invalid_user_id")?.to_string();
    if user_id.contains(['.', 'e', 'E']) {
        return Err("invalid_user_id");
    }
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    let user_id = user_id.parse().ok().filter(|id| range.contains(id));
    let user_id = user_id.ok_or("user_id_out_of_range")?;

    let event_type = object.get("event_type").ok_or("missing_event_type")?;
    let event_type = event_type.as_str().ok_or("invalid_event_type")?.to_owned();
    if event_type.is_empty() {
        return Err("empty_event_type");
    }

    let timestamp = object.get("timestamp").ok_or("missing_timestamp")?;
    let date = utc_date(timestamp.as_str().ok_or("invalid_timestamp")?)?;

    let mut amount = None;
    if event_type == "purchase" {
        let written = object.get("amount").ok_or("missing_amount")?;
        let written = written.as_number().ok_or("invalid_amount")?.to_string();
        let decimal = decimal(&written);
        if decimal.negative || decimal.digits.is_empty() {
            return Err("non_positive_amount");
        }
        if decimal.places() > 15 {
            return Err("amount_out_of_range");
        }
        amount = Some(decimal);
    }
    Ok(Read {
        user_id,
        event_type,
        date,
        amount,
    })
}

/// `digits` times ten to the `exponent`, with no zero at either end of the digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    pub(super) digits: String,
    pub(super) exponent: i128,
}

impl Decimal {
    /// How many digits stand before the point; more than 15 mean at least 10^15.
    fn places(&self) -> i128 {
        self.digits.len() as i128 + self.exponent
    }
}

/// The exact value of a JSON number.
pub(super) fn decimal(text: &str) -> Decimal {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let mut exponent: i128 = exponent.parse().expect("an exponent");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    exponent -= fraction.len() as i128;
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    exponent += (digits.len() - short.len()) as i128;
    Decimal {
        negative: text.starts_with('-'),
        digits: short.to_owned(),
        exponent: if short.is_empty() { 0 } else { exponent },
    }
}

/// The UTC date of a timestamp, or the code of the rule that fails.
pub(super) fn utc_date(text: &str) -> Result<NaiveDate, &'static str> {
    let (date, offset) = date_and_offset(text).ok_or("invalid_timestamp")?;
    if offset == Offset::Zero {
        Ok(date)
    } else {
        Err("timestamp_not_utc")
    }
}

#[derive(PartialEq, Eq)]
enum Offset {
    Zero,
    Other,
    None,
}

/// The day as if the offset were zero, and the offset.
fn date_and_offset(text: &str) -> Option<(NaiveDate, Offset)> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone);
    let (date, extended_date) = date_of(date)?;
    let offset = offset_of(zone)?;

    let (clock, fraction) = match time.find(['.', ',']) {
        Some(at) => (&time[..at], Some(&time[at + 1..])),
        None => (time, None),
    };
    if fraction.is_some_and(|fraction| digits(fraction).is_none()) {
        return None;
    }
    let extended_time = clock.contains(':');
    if clock.len() > 2 && extended_time != extended_date {
        return None;
    }
    let parts: Vec<&str> = if extended_time {
        clock.split(':').collect()
    } else {
        (0..clock.len())
            .step_by(2)
            .map(|at| clock.get(at..at + 2))
            .collect::<Option<_>>()?
    };
    if parts.is_empty() || parts.len() > 3 || parts.iter().any(|part| part.len() != 2) {
        return None;
    }
    let parts = parts.into_iter().map(digits).collect::<Option<Vec<_>>>()?;
    let [hour, minute, second] = std::array::from_fn(|i| parts.get(i).copied().unwrap_or(0));
    let no_fraction = fraction.is_none_or(|fraction| fraction.bytes().all(|digit| digit == b'0'));
    match (hour, minute, second) {
        (24, 0, 0) if no_fraction => Some((
            date.checked_add_days(Days::new(1))
                .filter(|d| d.year() < 10_000)?,
            offset,
        )),
        (23, 59, 60) if date.checked_add_days(Days::new(1))?.day() == 1 => Some((date, offset)),
        (0..=23, 0..=59, 0..=59) => Some((date, offset)),
        _ => None,
    }
}

/// The date, and whether it is in the extended format.
fn date_of(text: &str) -> Option<(NaiveDate, bool)> {
    let year = i32::try_from(digits(text.get(..4)?)?).ok()?;
    let rest = text.get(4..)?;
    let extended = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let date = if let Some(week) = rest.strip_prefix('W') {
        let (week, weekday) = two_parts(week, extended, 1)?;
        let weekdays = [
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
        ];
        let index = usize::try_from(weekday.checked_sub(1)?).ok()?;
        NaiveDate::from_isoywd_opt(year, week, *weekdays.get(index)?)?
    } else if rest.len() == 3 {
        NaiveDate::from_yo_opt(year, digits(rest)?)?
    } else {
        let (month, day) = two_parts(rest, extended, 2)?;
        NaiveDate::from_ymd_opt(year, month, day)?
    };
    Some((date, extended))
}

/// Two digits, and then `length` digits after a hyphen if the format is extended.
fn two_parts(text: &str, extended: bool, length: usize) -> Option<(u32, u32)> {
    let (first, second) = (text.get(..2)?, text.get(2..)?);
    let second = if extended {
        second.strip_prefix('-')?
    } else {
        second
    };
    (second.len() == length).then_some((digits(first)?, digits(second)?))
}

/// The offset that a time ends with, if it is one or none.
fn offset_of(text: &str) -> Option<Offset> {
    if text.is_empty() {
        return Some(Offset::None);
    }
    if text == "Z" || text == "z" {
        return Some(Offset::Zero);
    }
    let written = text.strip_prefix(['+', '-'])?;
    let four = match written.len() {
        2 => format!("{written}00"),
        4 => written.to_owned(),
        5 if written.as_bytes()[2] == b':' => written.replace(':', ""),
        _ => return None,
    };
    let number = digits(&four).filter(|_| four.len() == 4)?;
    match (number / 100, number % 100) {
        (0, 0) => Some(Offset::Zero),
        (0..=23, 0..=59) => Some(Offset::Other),
        _ => None,
    }
}

/// The number that ASCII digits alone say; of many digits, any number.
fn digits(text: &str) -> Option<u32> {
    let ascii = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ascii.then(|| text.parse().unwrap_or(u32::MAX))
}
