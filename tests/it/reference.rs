//! The reference: SPEC read aloud, slowly, sharing no code and no trick with the crate it judges.
//!
//! Everything here prefers being obviously right over being fast: a recursive-descent JSON reader over
//! characters (numbers kept as the text they were written as), timestamps matched against literal
//! shapes, chrono for the calendar, and schoolbook arithmetic on vectors of decimal digits.
//!
//! Readings of SPEC that its text leaves open:
//!
//! - A byte order mark is skipped, so line 1 of an input that has one begins at offset 3, and the mark
//!   does not count towards the line limit. An input that is only the mark has no lines.
//! - Rule 1 comes first: a line past the limit is `line_too_long` even when it holds only white space.
//! - A leap second is looked for at 23:59 of the date as written, whatever the offset.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{Datelike, NaiveDate, Weekday};

/// SPEC 1: the limit when none is given.
pub(crate) const DEFAULT_MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// SPEC 2, in the order in which the rules are tried.
pub(crate) const REASONS: [&str; 17] = [
    "line_too_long",
    "invalid_utf8",
    "invalid_json",
    "not_an_object",
    "missing_user_id",
    "invalid_user_id",
    "user_id_out_of_range",
    "missing_event_type",
    "invalid_event_type",
    "empty_event_type",
    "missing_timestamp",
    "invalid_timestamp",
    "timestamp_not_utc",
    "missing_amount",
    "invalid_amount",
    "non_positive_amount",
    "amount_out_of_range",
];

/// SPEC 5.
pub(crate) const HEADER: &str = "date,user_id,event_count,purchase_count,total_revenue\n";

const BOM: &[u8] = b"\xef\xbb\xbf";
const MAX_NESTING: usize = 1024;

// ---------------------------------------------------------------------------------------------------
// Lines and whole inputs
// ---------------------------------------------------------------------------------------------------

/// One line of an input, without its `\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) text: &'a [u8],
}

/// What an event line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) date: NaiveDate,
    pub(crate) user_id: i128,
    /// The amount, rounded, when the event is a purchase.
    pub(crate) purchase: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Blank,
    Valid(Event),
    Invalid(&'static str),
}

/// One invalid line and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    /// Which of the inputs, from 0.
    pub(crate) input: usize,
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) reason: &'static str,
    pub(crate) text: Vec<u8>,
}

/// What a run over some inputs must report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) lines: u64,
    pub(crate) blank: u64,
    pub(crate) valid: u64,
    pub(crate) invalid: u64,
    pub(crate) by_reason: BTreeMap<&'static str, u64>,
    pub(crate) purchases: u64,
    pub(crate) revenue: Money,
    pub(crate) first_date: Option<NaiveDate>,
    pub(crate) last_date: Option<NaiveDate>,
    pub(crate) groups: u64,
}

/// Everything SPEC promises about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) csv: String,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) books: Books,
    /// Lines and bytes of each input.
    pub(crate) inputs: Vec<(u64, u64)>,
    /// SPEC 4: some group's total is 10^20 or more, so there is no result.
    pub(crate) too_large: Option<(NaiveDate, i128)>,
}

#[derive(Debug, Clone, Default)]
struct Totals {
    events: u64,
    purchases: u64,
    revenue: Money,
}

/// Cuts an input into its lines.
pub(crate) fn lines(input: &[u8]) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut start = if input.starts_with(BOM) { BOM.len() } else { 0 };
    while start < input.len() {
        let mut end = start;
        while end < input.len() && input[end] != b'\n' {
            end += 1;
        }
        found.push(Line {
            number: found.len() as u64 + 1,
            offset: start as u64,
            text: &input[start..end],
        });
        start = end + 1;
    }
    found
}

/// The verdict on one line.
pub(crate) fn verdict(line: &[u8], max_line_bytes: usize) -> Verdict {
    if line.len() > max_line_bytes {
        return Verdict::Invalid("line_too_long");
    }
    if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
        return Verdict::Blank;
    }
    match event(line) {
        Ok(event) => Verdict::Valid(event),
        Err(reason) => Verdict::Invalid(reason),
    }
}

/// The whole of SPEC over several inputs.
pub(crate) fn run(inputs: &[&[u8]], max_line_bytes: usize) -> Expected {
    let mut groups: BTreeMap<(NaiveDate, i128), Totals> = BTreeMap::new();
    let mut books = Books::default();
    let mut rejects = Vec::new();
    let mut sizes = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let lines = lines(input);
        sizes.push((lines.len() as u64, input.len() as u64));
        for line in lines {
            books.lines += 1;
            match verdict(line.text, max_line_bytes) {
                Verdict::Blank => books.blank += 1,
                Verdict::Invalid(reason) => {
                    books.invalid += 1;
                    *books.by_reason.entry(reason).or_default() += 1;
                    rejects.push(Reject {
                        input: index,
                        line: line.number,
                        offset: line.offset,
                        reason,
                        text: line.text.to_vec(),
                    });
                }
                Verdict::Valid(event) => {
                    books.valid += 1;
                    let totals = groups.entry((event.date, event.user_id)).or_default();
                    totals.events += 1;
                    if let Some(amount) = event.purchase {
                        books.purchases += 1;
                        totals.purchases += 1;
                        totals.revenue = totals.revenue.plus(&amount);
                        books.revenue = books.revenue.plus(&amount);
                    }
                }
            }
        }
    }
    books.groups = groups.len() as u64;
    books.first_date = groups.keys().next().map(|key| key.0);
    books.last_date = groups.keys().next_back().map(|key| key.0);
    let mut csv = HEADER.to_owned();
    let mut too_large = None;
    for ((date, user_id), totals) in &groups {
        let Totals {
            events,
            purchases,
            revenue,
        } = totals;
        if too_large.is_none() && revenue.is_too_large_a_total() {
            too_large = Some((*date, *user_id));
        }
        let _ = writeln!(csv, "{date},{user_id},{events},{purchases},{revenue}");
    }
    Expected {
        csv,
        rejects,
        books,
        inputs: sizes,
        too_large,
    }
}

// ---------------------------------------------------------------------------------------------------
// Events
// ---------------------------------------------------------------------------------------------------

fn event(line: &[u8]) -> Result<Event, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "invalid_utf8")?;
    let json = Json::read(text).ok_or("invalid_json")?;
    let Json::Object(members) = json else {
        return Err("not_an_object");
    };
    let user_id = user_id(last(&members, "user_id").ok_or("missing_user_id")?)?;
    let Json::String(event_type) = last(&members, "event_type").ok_or("missing_event_type")? else {
        return Err("invalid_event_type");
    };
    if event_type.is_empty() {
        return Err("empty_event_type");
    }
    let Json::String(written) = last(&members, "timestamp").ok_or("missing_timestamp")? else {
        return Err("invalid_timestamp");
    };
    let date = match timestamp(written) {
        None => return Err("invalid_timestamp"),
        Some(Moment { utc: false, .. }) => return Err("timestamp_not_utc"),
        Some(Moment { date, .. }) => date,
    };
    let purchase = if event_type == "purchase" {
        let Json::Number(number) = last(&members, "amount").ok_or("missing_amount")? else {
            return Err("invalid_amount");
        };
        Some(Money::read(number)?)
    } else {
        None
    };
    Ok(Event {
        date,
        user_id,
        purchase,
    })
}

/// SPEC 2: of duplicate keys the last one counts.
fn last<'a>(members: &'a [(String, Json)], key: &str) -> Option<&'a Json> {
    members
        .iter()
        .rev()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

fn user_id(value: &Json) -> Result<i128, &'static str> {
    let Json::Number(text) = value else {
        return Err("invalid_user_id");
    };
    if text.contains(['.', 'e', 'E']) {
        return Err("invalid_user_id");
    }
    // JSON has no leading zeros, so a number too long for an i128 is out of range too.
    let id: i128 = text.parse().map_err(|_| "user_id_out_of_range")?;
    if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&id) {
        Ok(id)
    } else {
        Err("user_id_out_of_range")
    }
}

// ---------------------------------------------------------------------------------------------------
// JSON (RFC 8259)
// ---------------------------------------------------------------------------------------------------

/// A JSON value; numbers are the text they were written as, objects keep every member in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads exactly one JSON text.
    pub(crate) fn read(text: &str) -> Option<Json> {
        let mut reader = JsonReader { rest: text };
        reader.white_space();
        let value = reader.value(0)?;
        reader.white_space();
        reader.rest.is_empty().then_some(value)
    }
}

struct JsonReader<'a> {
    rest: &'a str,
}

impl<'a> JsonReader<'a> {
    fn white_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }

    /// `outside` counts the containers around this value.
    fn value(&mut self, outside: usize) -> Option<Json> {
        match self.peek()? {
            'n' => self.eat("null").map(|()| Json::Null),
            't' => self.eat("true").map(|()| Json::Bool(true)),
            'f' => self.eat("false").map(|()| Json::Bool(false)),
            '"' => self.string().map(Json::String),
            '[' | '{' if outside == MAX_NESTING => None,
            '[' => self.array(outside + 1),
            '{' => self.object(outside + 1),
            _ => self.number().map(|text| Json::Number(text.to_owned())),
        }
    }

    fn array(&mut self, level: usize) -> Option<Json> {
        self.eat("[")?;
        let mut items = Vec::new();
        self.white_space();
        if self.eat("]").is_some() {
            return Some(Json::Array(items));
        }
        loop {
            self.white_space();
            items.push(self.value(level)?);
            self.white_space();
            match self.next()? {
                ',' => {}
                ']' => return Some(Json::Array(items)),
                _ => return None,
            }
        }
    }

    fn object(&mut self, level: usize) -> Option<Json> {
        self.eat("{")?;
        let mut members = Vec::new();
        self.white_space();
        if self.eat("}").is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.white_space();
            let key = self.string()?;
            self.white_space();
            self.eat(":")?;
            self.white_space();
            members.push((key, self.value(level)?));
            self.white_space();
            match self.next()? {
                ',' => {}
                '}' => return Some(Json::Object(members)),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.eat("\"")?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                control if control < ' ' => return None,
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.four_hex_digits()?;
                if !(0xd800..0xdc00).contains(&first) {
                    // A low surrogate alone is no char, so this is None for one.
                    return char::from_u32(first);
                }
                self.eat("\\u")?;
                let second = self.four_hex_digits()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return None;
                }
                return char::from_u32(0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00));
            }
            _ => return None,
        })
    }

    fn four_hex_digits(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + self.next()?.to_digit(16)?;
        }
        Some(code)
    }

    fn number(&mut self) -> Option<&'a str> {
        let start = self.rest;
        let _ = self.eat("-");
        if self.eat("0").is_none() {
            self.digits()?;
        }
        if self.eat(".").is_some() {
            self.digits()?;
        }
        if self.eat("e").is_some() || self.eat("E").is_some() {
            if self.eat("+").is_none() {
                let _ = self.eat("-");
            }
            self.digits()?;
        }
        Some(&start[..start.len() - self.rest.len()])
    }

    /// One or more digits.
    fn digits(&mut self) -> Option<()> {
        let after = self
            .rest
            .trim_start_matches(|char: char| char.is_ascii_digit());
        if after.len() == self.rest.len() {
            return None;
        }
        self.rest = after;
        Some(())
    }
}

// ---------------------------------------------------------------------------------------------------
// Timestamps
// ---------------------------------------------------------------------------------------------------

/// A date-time of SPEC 3: the day it belongs to, as written, and whether its offset is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) date: NaiveDate,
    pub(crate) utc: bool,
}

/// Matches `text` against a shape: a letter of `YMDOWKhms` stands for one digit of that field, `w` for a
/// literal `W`, anything else for itself. Gives each field's number, absent fields being `None`.
fn fields(text: &str, shape: &str) -> Option<BTreeMap<char, u32>> {
    if text.chars().count() != shape.chars().count() {
        return None;
    }
    let mut fields = BTreeMap::new();
    for (char, wanted) in text.chars().zip(shape.chars()) {
        match wanted {
            'w' if char == 'W' => {}
            'Y' | 'M' | 'D' | 'O' | 'K' | 'd' | 'h' | 'm' | 's' => {
                let field = fields.entry(wanted).or_insert(0);
                *field = *field * 10 + char.to_digit(10)?;
            }
            '-' | ':' if char == wanted => {}
            _ => return None,
        }
    }
    Some(fields)
}

/// The six ways to write a date, and whether it is the extended form.
const DATES: [(&str, bool); 6] = [
    ("YYYY-MM-DD", true),
    ("YYYYMMDD", false),
    ("YYYY-OOO", true),
    ("YYYYOOO", false),
    ("YYYY-wKK-d", true),
    ("YYYYwKKd", false),
];

/// The ways to write a time, and whether it may follow an extended and a basic date.
const TIMES: [(&str, bool, bool); 5] = [
    ("hh:mm:ss", true, false),
    ("hh:mm", true, false),
    ("hhmmss", false, true),
    ("hhmm", false, true),
    ("hh", true, true),
];

const OFFSETS: [&str; 3] = ["hh:mm", "hhmm", "hh"];

/// Reads a timestamp; `None` is `invalid_timestamp`.
pub(crate) fn timestamp(text: &str) -> Option<Moment> {
    let (date, time_and_offset) = text.split_once(['T', 't'])?;
    let (date, extended) = date_of(date)?;
    let (time, utc) = split_offset(time_and_offset)?;
    let date = day_of(date, extended, time)?;
    Some(Moment { date, utc })
}

fn date_of(text: &str) -> Option<(NaiveDate, bool)> {
    let (fields, extended) = DATES
        .iter()
        .find_map(|(shape, extended)| Some((fields(text, shape)?, *extended)))?;
    let year = i32::try_from(fields[&'Y']).ok()?;
    let date = if let Some(month) = fields.get(&'M') {
        NaiveDate::from_ymd_opt(year, *month, fields[&'D'])?
    } else if let Some(day) = fields.get(&'O') {
        NaiveDate::from_yo_opt(year, *day)?
    } else {
        let weekday = match fields[&'d'] {
            1 => Weekday::Mon,
            2 => Weekday::Tue,
            3 => Weekday::Wed,
            4 => Weekday::Thu,
            5 => Weekday::Fri,
            6 => Weekday::Sat,
            7 => Weekday::Sun,
            _ => return None,
        };
        NaiveDate::from_isoywd_opt(year, fields[&'K'], weekday)?
    };
    (0..=9999)
        .contains(&date.year())
        .then_some((date, extended))
}

/// Takes the offset off the end of a time and says whether it is zero; no offset is not UTC either.
fn split_offset(text: &str) -> Option<(&str, bool)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, true));
    }
    let Some(sign) = text.rfind(['+', '-']) else {
        return Some((text, false));
    };
    let (time, offset) = (&text[..sign], &text[sign + 1..]);
    let fields = OFFSETS.iter().find_map(|shape| fields(offset, shape))?;
    let hours = fields[&'h'];
    let minutes = fields.get(&'m').copied().unwrap_or(0);
    (hours <= 23 && minutes <= 59).then_some((time, hours == 0 && minutes == 0))
}

/// The day to which a time on `date` belongs.
fn day_of(date: NaiveDate, extended: bool, text: &str) -> Option<NaiveDate> {
    let (whole, fraction) = match text.split_once(['.', ',']) {
        None => (text, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    if let Some(digits) = fraction
        && (digits.is_empty() || !digits.chars().all(|char| char.is_ascii_digit()))
    {
        return None;
    }
    let zero_fraction = fraction.is_none_or(|digits| digits.chars().all(|char| char == '0'));
    let fields = TIMES
        .iter()
        .find_map(|(shape, with_extended, with_basic)| {
            let allowed = if extended {
                *with_extended
            } else {
                *with_basic
            };
            if allowed { fields(whole, shape) } else { None }
        })?;
    let hour = fields[&'h'];
    let minute = fields.get(&'m').copied().unwrap_or(0);
    let second = fields.get(&'s').copied().unwrap_or(0);
    if hour == 24 {
        let midnight = minute == 0 && second == 0 && zero_fraction;
        let next = date.succ_opt()?;
        return (midnight && next.year() <= 9999).then_some(next);
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if second == 60 {
        let last_of_month = date.succ_opt()?.day() == 1;
        if !(hour == 23 && minute == 59 && last_of_month) {
            return None;
        }
    }
    Some(date)
}

// ---------------------------------------------------------------------------------------------------
// Money
// ---------------------------------------------------------------------------------------------------

/// Decimal places that survive (SPEC 4).
const PLACES: i128 = 18;

/// A non-negative number of 10^-18 units as decimal digits, the most significant first, without leading
/// zeros; zero is no digits at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Money {
    digits: Vec<u8>,
}

impl Money {
    /// Reads the text of a JSON number as a purchase amount.
    pub(crate) fn read(number: &str) -> Result<Money, &'static str> {
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // The value is 0.d1d2d3... times 10^point.
        let mut digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte - b'0')
            .collect();
        let mut point = whole.len() as i128 + exponent_value(exponent);
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        point -= leading as i128;
        if digits.is_empty() || negative {
            return Err("non_positive_amount");
        }
        // d1 is not zero now, so the value is at least 10^(point-1) and less than 10^point.
        if point > 15 {
            return Err("amount_out_of_range");
        }
        // Less than 10^-19: far below half a unit, and it may be too far down to write out.
        let keep = point + PLACES;
        if keep < 0 {
            return Ok(Money::default());
        }
        let keep = usize::try_from(keep).expect("0 to 33");
        while digits.len() < keep {
            digits.push(0);
        }
        let tail = digits.split_off(keep);
        let mut money = Money { digits };
        if rounds_up(money.digits.last().copied().unwrap_or(0), &tail) {
            money = money.plus(&Money { digits: vec![1] });
        }
        Ok(money)
    }

    pub(crate) fn plus(&self, other: &Money) -> Money {
        let mut sum = Vec::new();
        let mut carry = 0;
        let mut left = self.digits.iter().rev();
        let mut right = other.digits.iter().rev();
        loop {
            let (a, b) = (left.next(), right.next());
            if a.is_none() && b.is_none() && carry == 0 {
                break;
            }
            let digit = a.copied().unwrap_or(0) + b.copied().unwrap_or(0) + carry;
            sum.push(digit % 10);
            carry = digit / 10;
        }
        sum.reverse();
        Money { digits: sum }
    }

    /// 10^20 or more, that is 10^38 units or more: a one with 38 zeros has 39 digits.
    pub(crate) fn is_too_large_a_total(&self) -> bool {
        self.digits.len() > 38
    }

    /// The number of units as text.
    pub(crate) fn units(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        self.digits
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect()
    }
}

/// As `total_revenue` shows it.
impl std::fmt::Display for Money {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = format!("{:0>19}", self.units());
        let (whole, fraction) = units.split_at(units.len() - 18);
        let (cents, rest) = fraction.split_at(2);
        write!(formatter, "{whole}.{cents}{}", rest.trim_end_matches('0'))
    }
}

/// An exponent's value; one of more than thirty digits counts as 10^30, which no line is long enough to
/// make up for with zeros.
fn exponent_value(text: &str) -> i128 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.trim_start_matches('0');
    let value = match digits.len() {
        0 => 0,
        1..=30 => digits.parse().expect("up to thirty digits"),
        _ => 10_i128.pow(30),
    };
    if negative { -value } else { value }
}

/// Whether digits cut off after `kept` round it up, half to even.
fn rounds_up(kept: u8, tail: &[u8]) -> bool {
    let Some((first, others)) = tail.split_first() else {
        return false;
    };
    match first {
        0..=4 => false,
        5 if others.iter().all(|digit| *digit == 0) => kept % 2 == 1,
        _ => true,
    }
}
