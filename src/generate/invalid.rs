//! Invalid lines: how a line is spoiled so that exactly one rule is the first to fail.

use super::draft::{Draft, Field, quote};
use super::event::{Event, EventType};
use super::rng::Stream;
use super::settings::Profile;
use super::text::{push_cents, push_digits, push_number};
use super::{mixed, narrow, wide};

/// What is wrong with an invalid line: the first rule that fails, and the only one meant to.
///
/// There is no defect for lines that are too long, since a default limit of 16 MiB would make the data
/// mostly that.
///
/// ```
/// use daytally::generate::Defect;
///
/// assert_eq!(Defect::TimestampNotUtc.code(), "timestamp_not_utc");
/// assert_eq!(Defect::ALL.len(), 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defect {
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Text that is not JSON.
    InvalidJson,
    /// JSON, but not an object.
    NotAnObject,
    /// No `user_id`.
    MissingUserId,
    /// A `user_id` that is not an integer.
    InvalidUserId,
    /// A `user_id` below −2^63 or above 2^64 − 1.
    UserIdOutOfRange,
    /// No `event_type`.
    MissingEventType,
    /// An `event_type` that is not a string.
    InvalidEventType,
    /// An `event_type` of no characters.
    EmptyEventType,
    /// No `timestamp`.
    MissingTimestamp,
    /// A `timestamp` that is not a date-time.
    InvalidTimestamp,
    /// A `timestamp` with an offset that is not zero, or with none.
    TimestampNotUtc,
    /// A purchase with no `amount`.
    MissingAmount,
    /// A purchase with an `amount` that is not a number.
    InvalidAmount,
    /// A purchase with an `amount` of zero or less.
    NonPositiveAmount,
    /// A purchase with an `amount` of 10^15 or more.
    AmountOutOfRange,
}

impl Defect {
    /// All defects, in the order of the rules.
    pub const ALL: [Self; 16] = [
        Self::InvalidUtf8,
        Self::InvalidJson,
        Self::NotAnObject,
        Self::MissingUserId,
        Self::InvalidUserId,
        Self::UserIdOutOfRange,
        Self::MissingEventType,
        Self::InvalidEventType,
        Self::EmptyEventType,
        Self::MissingTimestamp,
        Self::InvalidTimestamp,
        Self::TimestampNotUtc,
        Self::MissingAmount,
        Self::InvalidAmount,
        Self::NonPositiveAmount,
        Self::AmountOutOfRange,
    ];

    /// The code of the rule that fails, as in logs and rejects: `invalid_utf8`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::MissingUserId => "missing_user_id",
            Self::InvalidUserId => "invalid_user_id",
            Self::UserIdOutOfRange => "user_id_out_of_range",
            Self::MissingEventType => "missing_event_type",
            Self::InvalidEventType => "invalid_event_type",
            Self::EmptyEventType => "empty_event_type",
            Self::MissingTimestamp => "missing_timestamp",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::TimestampNotUtc => "timestamp_not_utc",
            Self::MissingAmount => "missing_amount",
            Self::InvalidAmount => "invalid_amount",
            Self::NonPositiveAmount => "non_positive_amount",
            Self::AmountOutOfRange => "amount_out_of_range",
        }
    }

    /// The field that is missing, if that is the defect.
    fn missing_field(self) -> Option<Field> {
        match self {
            Self::MissingUserId => Some(Field::UserId),
            Self::MissingEventType => Some(Field::EventType),
            Self::MissingTimestamp => Some(Field::Timestamp),
            Self::MissingAmount => Some(Field::Amount),
            _ => None,
        }
    }

    /// Whether only a purchase can have it.
    fn concerns_amount(self) -> bool {
        matches!(
            self,
            Self::MissingAmount
                | Self::InvalidAmount
                | Self::NonPositiveAmount
                | Self::AmountOutOfRange
        )
    }
}

/// Values that are not strings.
const NOT_STRINGS: [&[u8]; 8] = [
    b"null",
    b"true",
    b"false",
    b"0",
    b"1704067200",
    b"[]",
    b"{}",
    b"[\"click\"]",
];

/// Values that are not numbers, for any field that should be one.
const NOT_NUMBERS: [&[u8]; 8] = [
    b"null",
    b"true",
    b"false",
    b"\"\"",
    b"[]",
    b"{}",
    b"[1]",
    b"\"free\"",
];

/// Text that is not a date-time, whatever date and time are in it.
const NOT_TIMESTAMPS: [&str; 28] = [
    "INVALID_TIMESTAMP",
    "",
    " ",
    "T",
    "yesterday",
    "1704067200",
    "2024-01-21",
    "06:00:08Z",
    "2024-01-21 06:00:08Z",
    "2024-01-21_06:00:08Z",
    "2024-13-01T06:00:08Z",
    "2024-00-10T06:00:08Z",
    "2024-02-30T06:00:08Z",
    "2023-366T06:00:08Z",
    "2024-W53-1T06:00:08Z",
    "2024-W10-8T06:00:08Z",
    "24-01-21T06:00:08Z",
    "+2024-01-21T06:00:08Z",
    "2024-01-21T25:00:00Z",
    "2024-01-21T24:00:01Z",
    "2024-01-21T06:60:00Z",
    "2024-01-21T06:00:60Z",
    "2024-01-21T060008Z",
    "20240121T06:00:08Z",
    "2024-01-21T06:00:08.Z",
    "2024-01-21T06:00:08+24:00",
    "2024-01-21T06:00:08\u{2212}00:00",
    "2024-01-21T0\u{666}:00:08Z",
];

/// Offsets that are not zero, and none.
const OTHER_OFFSETS: [&[u8]; 12] = [
    b"", b"", b"+02:00", b"+02:00", b"-05:30", b"+0530", b"-0800", b"+09", b"-03", b"+00:01",
    b"-00:01", b"+23:59",
];

/// Amounts that are zero or less.
const NOT_POSITIVE: [&[u8]; 10] = [
    b"0",
    b"0.00",
    b"-0",
    b"-0.0",
    b"0e9",
    b"0.000000000000000000000",
    b"-5.00",
    b"-0.01",
    b"-1e-400",
    b"-1e400",
];

/// Amounts of 10^15 or more.
const TOO_MUCH: [&[u8]; 8] = [
    b"1000000000000000",
    b"1000000000000000.00",
    b"1e15",
    b"0.1E+16",
    b"99999999999999999999.99",
    b"123456789012345678901234567890",
    b"1e400",
    b"9007199254740993",
];

/// Bytes that no UTF-8 text has in it.
const NOT_UTF8: [&[u8]; 8] = [
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"\xc3",
    b"\xe2\x82",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
];

/// Members with a fault in their structure, each with the comma it should have after it.
const BROKEN_MEMBERS: [&str; 12] = [
    r#""debug" true,"#,
    r#""debug":true "#,
    r#""debug":,"#,
    r#""debug",,"#,
    "debug:true,",
    "'debug':true,",
    r#""debug":True,"#,
    r#""debug":undefined,"#,
    r#""debug":[1,2,],"#,
    r#""debug":{"a":1,},"#,
    r#""debug":[1 2},"#,
    "/* debug */",
];

/// What is not a number, though it looks like one.
const BROKEN_NUMBERS: [&str; 14] = [
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "--1",
    "0x1F",
    "1_000",
    "NaN",
    "-Infinity",
    "-",
    "1.2.3",
];

/// What may not be in a string: lone surrogates, unknown escapes, and raw control characters.
const BROKEN_STRINGS: [&str; 14] = [
    r"\ud83d",
    r"\udc00 and more",
    r"\ud83d\u0041",
    r"\ude00\ud83d",
    r"\x41",
    r"\u12g4",
    r"\u12",
    r"\'",
    "tab\there",
    "\0",
    "\u{1}",
    "esc\u{1b}[31m",
    "\u{1f}",
    "carriage\rreturn",
];

/// Lines that something else than the program being logged has written.
const GARBAGE: [&str; 12] = [
    "Traceback (most recent call last):",
    "<html><body><h1>502 Bad Gateway</h1></body></html>",
    "2024-01-21 06:00:08 ERROR connection reset by peer",
    "user_id,event_type,timestamp,amount",
    "73925,click,2024-01-21T06:00:08Z",
    "undefined",
    "nul",
    "{",
    "}",
    "{}}",
    "---",
    "{user_id: 73925}",
];

/// JSON texts that are not objects.
const NOT_OBJECTS: [&str; 10] = [
    "null",
    "true",
    "0",
    "-1.5e3",
    "1e400",
    r#""""#,
    r#""click""#,
    r#""{\"user_id\": 1}""#,
    "[]",
    "[{}]",
];

/// Writes a line with this defect, without a line end.
///
/// All that does not concern the defect is as in a valid line of the profile.
#[cold]
pub(super) fn write_line(
    defect: Defect,
    profile: Profile,
    mut event: Event,
    draft: &mut Draft,
    rng: &mut Stream,
    buf: &mut Vec<u8>,
) {
    if defect.concerns_amount() {
        event.kind = EventType::Purchase;
    }
    match profile {
        Profile::Narrow | Profile::Wide => draft.fill(&event),
        Profile::Mixed => mixed::fill(draft, &event, rng),
    }
    spoil_value(defect, &event, draft, rng);
    let missing = defect.missing_field();
    if let Some(field) = missing {
        draft.remove(field);
    }

    let start = buf.len();
    match profile {
        Profile::Narrow => narrow::write_draft(draft, buf),
        Profile::Wide => wide::write_draft(draft, rng, buf),
        Profile::Mixed => mixed::write_draft(draft, rng, buf),
    }
    match defect {
        Defect::InvalidUtf8 => insert_invalid_utf8(buf, start, rng),
        Defect::InvalidJson => break_json(buf, start, rng),
        Defect::NotAnObject => replace_object(draft, buf, start, rng),
        _ => {}
    }
    if let Some(field) = missing {
        insert_near_miss(field, buf, start, rng);
    }
}

/// Spoils the value that the defect is about; nothing if it is about the whole line, or a missing field.
fn spoil_value(defect: Defect, event: &Event, draft: &mut Draft, rng: &mut Stream) {
    match defect {
        Defect::InvalidUtf8
        | Defect::InvalidJson
        | Defect::NotAnObject
        | Defect::MissingUserId
        | Defect::MissingEventType
        | Defect::MissingTimestamp
        | Defect::MissingAmount => {}
        Defect::InvalidUserId => {
            push_invalid_user_id(draft.value(Field::UserId), event.user_id, rng);
        }
        Defect::UserIdOutOfRange => push_user_id_out_of_range(draft.value(Field::UserId), rng),
        Defect::InvalidEventType => draft.set(Field::EventType, rng.pick(&NOT_STRINGS)),
        Defect::EmptyEventType => draft.set(Field::EventType, b"\"\""),
        Defect::InvalidTimestamp => {
            push_invalid_timestamp(draft.value(Field::Timestamp), event, rng);
        }
        Defect::TimestampNotUtc => {
            let [local @ .., _] = event.moment.rfc3339();
            let value = draft.value(Field::Timestamp);
            value.push(b'"');
            value.extend_from_slice(&local);
            value.extend_from_slice(rng.pick(&OTHER_OFFSETS));
            value.push(b'"');
        }
        Defect::InvalidAmount => push_invalid_amount(draft.value(Field::Amount), event.cents, rng),
        Defect::NonPositiveAmount => {
            let value = draft.value(Field::Amount);
            if rng.one_in(2) {
                value.push(b'-');
                push_cents(value, event.cents);
            } else {
                value.extend_from_slice(rng.pick(&NOT_POSITIVE));
            }
        }
        Defect::AmountOutOfRange => draft.set(Field::Amount, rng.pick(&TOO_MUCH)),
    }
}

fn push_invalid_user_id(value: &mut Vec<u8>, user_id: u64, rng: &mut Stream) {
    match rng.small(6) {
        0 | 1 => {
            value.push(b'"');
            push_number(value, user_id);
            value.push(b'"');
        }
        2 | 3 => {
            push_number(value, user_id);
            value.extend_from_slice(rng.pick(&[
                b".0".as_slice(),
                b".0",
                b".5",
                b"e0",
                b"e3",
                b"E+2",
            ]));
        }
        _ => value.extend_from_slice(rng.pick(&NOT_NUMBERS)),
    }
}

fn push_user_id_out_of_range(value: &mut Vec<u8>, rng: &mut Stream) {
    match rng.small(4) {
        0 => value.extend_from_slice(b"18446744073709551616"),
        1 => value.extend_from_slice(b"-9223372036854775809"),
        2 => {
            // More than 2 * 10^19, and so more than 2^64.
            push_number(value, 2 + u64::from(rng.small(8)));
            push_digits(value, 19, rng);
        }
        _ => {
            value.extend_from_slice(if rng.one_in(2) { b"-9" } else { b"12" });
            let more = 20 + rng.small(16);
            push_digits(value, more, rng);
        }
    }
}

fn push_invalid_timestamp(value: &mut Vec<u8>, event: &Event, rng: &mut Stream) {
    let kind = rng.small(8);
    if kind < 2 {
        value.extend_from_slice(rng.pick(&NOT_STRINGS));
    } else if kind < 4 {
        // The right moment with something before it or after it.
        let (before, after) = rng.pick(&[
            (" ", ""),
            ("", " "),
            ("", "Z"),
            ("", "[UTC]"),
            ("-", ""),
            ("", "+00:00"),
        ]);
        value.push(b'"');
        value.extend_from_slice(before.as_bytes());
        value.extend_from_slice(&event.moment.rfc3339());
        value.extend_from_slice(after.as_bytes());
        value.push(b'"');
    } else {
        quote(value, rng.pick(&NOT_TIMESTAMPS).as_bytes());
    }
}

fn push_invalid_amount(value: &mut Vec<u8>, cents: u32, rng: &mut Stream) {
    if rng.one_in(2) {
        value.push(b'"');
        push_cents(value, cents);
        value.push(b'"');
    } else {
        value.extend_from_slice(rng.pick(&NOT_NUMBERS));
    }
}

/// Puts bytes right after the brace that begins the line's object.
fn insert_first_member(buf: &mut Vec<u8>, start: usize, member: &[u8]) {
    let at = object_start(buf, start) + 1;
    buf.splice(at..at, member.iter().copied());
}

/// Where the line's object begins: a line may begin with white space.
fn object_start(buf: &[u8], start: usize) -> usize {
    let line = &buf[start..];
    start + line.iter().position(|&byte| byte == b'{').unwrap_or(0)
}

/// Where the line's object ends, which is its last brace.
fn object_end(buf: &[u8], start: usize) -> usize {
    let line = &buf[start..];
    let last = line.iter().rposition(|&byte| byte == b'}');
    start + last.unwrap_or(line.len())
}

fn insert_invalid_utf8(buf: &mut Vec<u8>, start: usize, rng: &mut Stream) {
    if rng.one_in(8) {
        // The line was cut within a character.
        let end = object_end(buf, start);
        buf.truncate(end);
        buf.extend_from_slice(b",\"city\":\"K\xc3");
        return;
    }
    let mut member = b"\"city\":\"".to_vec();
    if rng.one_in(2) {
        // Latin-1.
        member.extend_from_slice(rng.pick(&[
            b"K\xf6ln".as_slice(),
            b"S\xe3o Paulo",
            b"M\xfcnchen",
            b"Orl\xe9ans",
        ]));
    } else {
        member.extend_from_slice(rng.pick(&NOT_UTF8));
    }
    member.extend_from_slice(b"\",");
    insert_first_member(buf, start, &member);
}

fn break_json(buf: &mut Vec<u8>, start: usize, rng: &mut Stream) {
    match rng.small(8) {
        0 => {
            // Cut off anywhere before its end, though not within a character, which would not be UTF-8.
            let (first, end) = (object_start(buf, start), object_end(buf, start));
            let mut cut = first + 1 + rng.index(end - first);
            while buf.get(cut).is_some_and(|&byte| byte & 0xc0 == 0x80) {
                cut -= 1;
            }
            buf.truncate(cut);
        }
        1 => {
            let end = object_end(buf, start);
            buf.insert(end, b',');
        }
        2 => {
            // Two texts, as when two writers share a file.
            let line = buf[start..].to_vec();
            buf.extend_from_slice(&line);
        }
        3 => {
            buf.truncate(start);
            buf.extend_from_slice(rng.pick(&GARBAGE).as_bytes());
        }
        4 => {
            let member = format!("\"debug\":{},", rng.pick(&BROKEN_NUMBERS));
            insert_first_member(buf, start, member.as_bytes());
        }
        5 | 6 => {
            let text = rng.pick(&BROKEN_STRINGS);
            let member = if rng.one_in(4) {
                format!("\"{text}\":null,")
            } else {
                format!("\"debug\":\"{text}\",")
            };
            insert_first_member(buf, start, member.as_bytes());
        }
        _ => insert_first_member(buf, start, rng.pick(&BROKEN_MEMBERS).as_bytes()),
    }
}

fn replace_object(draft: &Draft, buf: &mut Vec<u8>, start: usize, rng: &mut Stream) {
    match rng.small(4) {
        0 => {
            // The event in a list of one.
            let (first, end) = (object_start(buf, start), object_end(buf, start));
            buf.insert(end + 1, b']');
            buf.insert(first, b'[');
        }
        1 => {
            // The values without their keys.
            buf.truncate(start);
            let mut separator = b'[';
            for (_, value) in draft.fields() {
                buf.push(separator);
                buf.extend_from_slice(value);
                separator = b',';
            }
            buf.push(b']');
        }
        _ => {
            buf.truncate(start);
            buf.extend_from_slice(rng.pick(&NOT_OBJECTS).as_bytes());
        }
    }
}

/// One in two lines without a field has something much like it.
fn insert_near_miss(field: Field, buf: &mut Vec<u8>, start: usize, rng: &mut Stream) {
    if rng.one_in(2) {
        return;
    }
    let members: [&str; 3] = match field {
        Field::UserId => [
            r#""userId":7,"#,
            r#""USER_ID":7,"#,
            r#""user":{"user_id":7},"#,
        ],
        Field::EventType => [
            r#""eventType":"click","#,
            r#""event-type":"click","#,
            r#""event":{"event_type":"click"},"#,
        ],
        Field::Timestamp => [
            r#""time":"2024-01-21T06:00:08Z","#,
            r#""timestamp ":"2024-01-21T06:00:08Z","#,
            r#""meta":{"timestamp":"2024-01-21T06:00:08Z"},"#,
        ],
        Field::Amount => [
            r#""Amount":19.99,"#,
            r#""amount_eur":19.99,"#,
            r#""price":{"amount":19.99},"#,
        ],
    };
    insert_first_member(buf, start, rng.pick(&members).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::oracle;

    /// Draws a few thousand lines with a defect.
    fn lines(defect: Defect, profile: Profile) -> impl Iterator<Item = Vec<u8>> {
        let [mut events, mut rng] = Stream::split(13);
        let mut draft = Draft::default();
        (0..3_000).map(move |_| {
            let event = Event::draw(&mut events, 1_000, 400, None);
            let mut line = Vec::new();
            write_line(defect, profile, event, &mut draft, &mut rng, &mut line);
            line
        })
    }

    #[test]
    fn every_line_is_invalid_for_its_defect() {
        for profile in Profile::ALL {
            for defect in Defect::ALL {
                for line in lines(defect, profile) {
                    let text = String::from_utf8_lossy(&line);
                    assert!(!line.contains(&b'\n'), "{text}");
                    assert!(!line.trim_ascii().is_empty(), "a blank line is not invalid");
                    assert_eq!(oracle::read(&line), Err(defect.code()), "{profile}: {text}");
                }
            }
        }
    }

    #[test]
    fn every_kind_of_broken_text_is_reached() {
        let all: BTreeSet<_> = lines(Defect::InvalidJson, Profile::Narrow).collect();
        let holds = |part: &str| {
            let found = all.iter().any(|line| {
                line.windows(part.len())
                    .any(|window| window == part.as_bytes())
            });
            assert!(found, "no line has {part:?}");
        };
        BROKEN_MEMBERS.into_iter().for_each(holds);
        BROKEN_STRINGS.into_iter().for_each(holds);
        for number in BROKEN_NUMBERS {
            holds(&format!("\"debug\":{number},"));
        }
        for text in GARBAGE {
            assert!(all.contains(text.as_bytes()), "no line is {text:?}");
        }
        holds(",}");
        holds("}{");
        assert!(
            all.iter()
                .any(|line| line.len() < 5 && line.starts_with(b"{\"u"))
        );
    }

    #[test]
    fn codes_are_distinct() {
        let codes: BTreeSet<_> = Defect::ALL.into_iter().map(Defect::code).collect();
        assert_eq!(codes.len(), Defect::ALL.len());
    }
}
