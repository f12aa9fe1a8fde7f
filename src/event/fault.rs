//! What is wrong with an invalid line: the reason, the place, and a sentence for a person.
//!
//! A fault is made while lines stream past, so it only notes positions; the sentence is written
//! when somebody asks for it, from the line itself.

use std::fmt;
use std::ops::Range;

use super::field::Field;
use super::json::{self, JsonFault, Problem, Span};
use super::reason::Reason;
use super::schema::Schema;
use super::timestamp::TimestampFault;
use crate::text;

/// Why a line is invalid. The [`Reason`] is for programs, [`Fault::message`] for people.
///
/// ```
/// use daytally::event::{Decoder, Reason, Verdict};
///
/// let line = br#"{"user_id": 7, "event_type": "click", "timestamp": "yesterday"}"#;
/// let Verdict::Invalid(fault) = Decoder::default().decode(line) else { unreachable!() };
/// assert_eq!(fault.reason(), Reason::InvalidTimestamp);
/// assert_eq!(
///     fault.message(line).to_string(),
///     r#"timestamp "yesterday" is not an ISO 8601 date-time"#
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    reason: Reason,
    detail: Detail,
}

/// The place of a fault, as much as its message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// The line is longer than this many bytes.
    /// How long the line is, and how long it may be.
    Limit(u64, usize),
    /// The line is UTF-8 up to this byte.
    Utf8(usize),
    Json(JsonFault),
    /// The line's one value.
    Document(Span),
    Missing(Field),
    /// A field's value.
    Value(Field, Span),
    Timestamp(Span, TimestampFault),
}

impl Fault {
    pub(crate) fn line_too_long(len: u64, limit: usize) -> Fault {
        Fault {
            reason: Reason::LineTooLong,
            detail: Detail::Limit(len, limit),
        }
    }

    pub(crate) fn invalid_utf8(valid_up_to: usize) -> Fault {
        Fault {
            reason: Reason::InvalidUtf8,
            detail: Detail::Utf8(valid_up_to),
        }
    }

    pub(crate) fn invalid_json(fault: JsonFault) -> Fault {
        Fault {
            reason: Reason::InvalidJson,
            detail: Detail::Json(fault),
        }
    }

    pub(crate) fn not_an_object(span: Span) -> Fault {
        Fault {
            reason: Reason::NotAnObject,
            detail: Detail::Document(span),
        }
    }

    pub(crate) fn missing(reason: Reason, field: Field) -> Fault {
        Fault {
            reason,
            detail: Detail::Missing(field),
        }
    }

    pub(crate) fn value(reason: Reason, field: Field, span: Span) -> Fault {
        Fault {
            reason,
            detail: Detail::Value(field, span),
        }
    }

    pub(crate) fn timestamp(span: Span, fault: TimestampFault) -> Fault {
        Fault {
            reason: match fault {
                TimestampFault::NotADateTime | TimestampFault::OutOfRange => {
                    Reason::InvalidTimestamp
                }
                TimestampFault::HasOffset | TimestampFault::HasNoOffset => Reason::TimestampNotUtc,
            },
            detail: Detail::Timestamp(span, fault),
        }
    }

    /// The first rule that the line breaks.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The bytes of the line that are at fault: a value, a character that stands where it may not, what
    /// is beyond the limit. Empty, at its end, where the line ends too early; `None` where a key is
    /// missing.
    ///
    /// ```
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let line = br#"{"user_id": "7"}"#;
    /// let Verdict::Invalid(fault) = Decoder::default().decode(line) else { unreachable!() };
    /// assert_eq!(fault.span(line).map(|span| &line[span]), Some(&br#""7""#[..]));
    /// ```
    #[must_use]
    pub fn span(&self, line: &[u8]) -> Option<Range<usize>> {
        let span = match self.detail {
            Detail::Limit(_, limit) => limit..line.len(),
            Detail::Utf8(at) => {
                let rest = line.get(at..).unwrap_or_default();
                let wrong = std::str::from_utf8(rest).err();
                let len = wrong.map_or(1, |wrong| wrong.error_len().unwrap_or(rest.len()));
                at..at + len
            }
            Detail::Json(fault) => fault.at..fault.at + json_length(line, fault),
            Detail::Document(span) | Detail::Value(_, span) | Detail::Timestamp(span, _) => {
                span.start..span.end
            }
            Detail::Missing(_) => return None,
        };
        // The line given may be a part of the line that was judged.
        Some(span.start.min(line.len())..span.end.min(line.len()))
    }

    /// Where it stops being JSON, if that is the fault.
    pub(super) fn json_fault(&self) -> Option<JsonFault> {
        match self.detail {
            Detail::Json(fault) => Some(fault),
            _ => None,
        }
    }

    /// The field whose key is missing, if that is the fault.
    pub(super) fn missing_field(&self) -> Option<Field> {
        match self.detail {
            Detail::Missing(field) => Some(field),
            _ => None,
        }
    }

    /// The field whose value is at fault.
    pub(super) fn field_of_value(&self) -> Option<Field> {
        match self.detail {
            Detail::Value(field, _) => Some(field),
            Detail::Timestamp(..) => Some(Field::Timestamp),
            _ => None,
        }
    }

    /// One sentence that says what is wrong, with the value or the column at fault.
    ///
    /// `line` is the line that was decoded. Text from the line is escaped and bounded (see
    /// [`text::quoted`]), so the sentence can be shown on a terminal. Columns count characters
    /// from 1, as editors do; in a line that is not UTF-8, up to the first wrong byte.
    #[must_use]
    pub fn message<'a>(&'a self, line: &'a [u8]) -> impl fmt::Display + 'a {
        Message {
            fault: self,
            line,
            schema: None,
        }
    }

    /// The same for a line of another schema, whose fields have other names.
    #[must_use]
    pub fn message_in<'a>(&'a self, line: &'a [u8], schema: &'a Schema) -> impl fmt::Display + 'a {
        Message {
            fault: self,
            line,
            schema: Some(schema),
        }
    }

    /// Appends the same sentence to `out`, which is quicker.
    ///
    /// ```
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let Verdict::Invalid(fault) = Decoder::default().decode(b"{}") else { unreachable!() };
    /// let mut out = String::from("no event: ");
    /// fault.push_message(b"{}", &mut out);
    /// assert_eq!(out, r#"no event: there is no key "user_id""#);
    /// ```
    pub fn push_message(&self, line: &[u8], out: &mut String) {
        // Writing to a string cannot fail.
        let _ = Message {
            fault: self,
            line,
            schema: None,
        }
        .write(out);
    }

    /// The same for a line of another schema, whose fields have other names.
    pub fn push_message_in(&self, line: &[u8], schema: &Schema, out: &mut String) {
        // Names that are known need no look at how they are to be written.
        let schema = (!schema.has_usual_names()).then_some(schema);
        // Writing to a string cannot fail.
        let _ = Message {
            fault: self,
            line,
            schema,
        }
        .write(out);
    }
}

/// Appends the sentence of [`Fault::message_in`] as UTF-8: the quickest way, for those who write it by the
/// million.
pub fn push_message(fault: &Fault, line: &[u8], schema: &Schema, out: &mut Vec<u8>) {
    if schema.has_usual_names() && usual::push(fault, line, out) {
        return;
    }
    let schema = (!schema.has_usual_names()).then_some(schema);
    // Writing to memory cannot fail.
    let _ = Message {
        fault,
        line,
        schema,
    }
    .write(&mut text::Bytes(out));
}

/// Messages in the parts that most of them have: what comes before a value, the value, and what comes after.
mod usual {
    use super::{Detail, Fault, Field, Reason, TimestampFault};
    use crate::text::Short;
    use crate::text::json_ascii::push_as_is;

    /// The kinds of values, by their first bytes. See [`super::kind`].
    const KINDS: usize = 6;
    const NULL: usize = 4;
    const NUMBER: usize = 5;

    /// The index of the kind.
    static KIND_OF: [u8; 256] = {
        let mut kinds = [5; 256];
        kinds[b'"' as usize] = 0;
        kinds[b'{' as usize] = 1;
        kinds[b'[' as usize] = 2;
        kinds[b't' as usize] = 3;
        kinds[b'f' as usize] = 3;
        kinds[b'n' as usize] = 4;
        kinds
    };

    const fn each(start: &str, end: &str) -> [Short; KINDS] {
        [
            Short::new(&[start, "a string", end]),
            Short::new(&[start, "an object", end]),
            Short::new(&[start, "an array", end]),
            Short::new(&[start, "a boolean", end]),
            Short::new(&[start, "null", end]),
            Short::new(&[start, "a number", end]),
        ]
    }

    static DOCUMENT: [Short; KINDS] = each("the line is ", ", not an object");
    static NOT_A_NUMBER: [Short; KINDS] = each(" is ", ", not a number");
    static NOT_A_STRING: [Short; KINDS] = each(" is ", ", not a string");
    static NOT_AN_INTEGER: [Short; KINDS] = {
        let mut all = each(" is ", ", not an integer");
        all[NUMBER] = Short::new(&[" is not written as an integer"]);
        all
    };
    static NO_USER_ID: Short =
        Short::new(&[" is outside -9223372036854775808 to 18446744073709551615"]);
    static NON_POSITIVE: Short = Short::new(&[" is not greater than zero"]);
    static TOO_MUCH: Short = Short::new(&[" is 1000000000000000 (10^15) or more"]);
    static EMPTY: Short = Short::new(&["event_type is empty"]);

    /// By the index of the field.
    static MISSING: [Short; Field::COUNT] = [
        Short::new(&["there is no key \"user_id\""]),
        Short::new(&["there is no key \"event_type\""]),
        Short::new(&["there is no key \"timestamp\""]),
        Short::new(&["a purchase needs an amount, and there is no key \"amount\""]),
    ];

    /// A field before its value, and before none.
    static FIELDS: [[Short; 2]; Field::COUNT] = [
        [Short::new(&["user_id "]), Short::new(&["user_id"])],
        [Short::new(&["event_type "]), Short::new(&["event_type"])],
        [Short::new(&["timestamp "]), Short::new(&["timestamp"])],
        [Short::new(&["amount "]), Short::new(&["amount"])],
    ];

    /// By the number of the fault.
    static TIMESTAMP: [Short; 4] = [
        Short::new(&[" is not an ISO 8601 date-time"]),
        Short::new(&[" is not in UTC: its offset is not zero"]),
        Short::new(&[" has no offset: in UTC it would end with `Z` or `+00:00`"]),
        Short::new(&[" is on a day outside of the years 0000 to 9999"]),
    ];

    /// Appends the message if it is usual; whether it is. Nothing is appended otherwise.
    pub(super) fn push(fault: &Fault, line: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let kind = |value: &[u8]| {
            let first = value.first().copied().unwrap_or_default();
            usize::from(KIND_OF[usize::from(first)])
        };
        let (value, after) = match fault.detail {
            Detail::Missing(field) => {
                MISSING[field.index()].push(out);
                return true;
            }
            Detail::Document(span) => {
                DOCUMENT[kind(span.bytes_of(line))].push(out);
                return true;
            }
            Detail::Value(_, _) if fault.reason == Reason::EmptyEventType => {
                EMPTY.push(out);
                return true;
            }
            Detail::Value(field, span) => {
                let value = span.bytes_of(line);
                let kind = kind(value);
                let is_null = kind == NULL;
                FIELDS[field.index()][usize::from(is_null)].push(out);
                let after = match fault.reason {
                    Reason::InvalidUserId => &NOT_AN_INTEGER[kind],
                    Reason::UserIdOutOfRange => &NO_USER_ID,
                    Reason::InvalidEventType | Reason::InvalidTimestamp => &NOT_A_STRING[kind],
                    Reason::InvalidAmount => &NOT_A_NUMBER[kind],
                    Reason::NonPositiveAmount => &NON_POSITIVE,
                    Reason::AmountOutOfRange => &TOO_MUCH,
                    _ => {
                        out.truncate(start);
                        return false;
                    }
                };
                // "amount null is null" would say it twice.
                (if is_null { &[] } else { value }, after)
            }
            Detail::Timestamp(span, wrong) => {
                FIELDS[Field::Timestamp.index()][0].push(out);
                let after = match wrong {
                    TimestampFault::NotADateTime => &TIMESTAMP[0],
                    TimestampFault::HasOffset => &TIMESTAMP[1],
                    TimestampFault::HasNoOffset => &TIMESTAMP[2],
                    TimestampFault::OutOfRange => &TIMESTAMP[3],
                };
                (span.bytes_of(line), after)
            }
            Detail::Limit(..) | Detail::Utf8(_) | Detail::Json(_) => return false,
        };
        let before = out.len();
        // A timestamp is shown with its escapes undone and made again; one without any is itself.
        let is_usual = push_as_is(out, value)
            && !(matches!(fault.detail, Detail::Timestamp(..)) && out[before..].contains(&b'\\'));
        if is_usual {
            after.push(out);
        } else {
            out.truncate(start);
        }
        is_usual
    }
}

/// How many bytes are at fault where a line stops being JSON.
fn json_length(line: &[u8], fault: JsonFault) -> usize {
    let rest = line.get(fault.at..).unwrap_or_default();
    let run = |is_part: fn(&u8) -> bool| rest.iter().take_while(|byte| is_part(byte)).count();
    match fault.problem {
        Problem::ExpectedLiteral(_) => run(u8::is_ascii_alphanumeric),
        Problem::LeadingZero => run(u8::is_ascii_digit),
        Problem::UnknownEscape => 1 + character_length(&rest[rest.len().min(1)..]),
        Problem::LoneSurrogate => 6,
        Problem::UnterminatedString => rest.len(),
        _ => character_length(rest),
    }
}

/// How many bytes the first character has.
fn character_length(text: &[u8]) -> usize {
    let is_more = |byte: &&u8| **byte & 0xc0 == 0x80;
    match text {
        [] => 0,
        [_, rest @ ..] => 1 + rest.iter().take(3).take_while(is_more).count(),
    }
}

/// The column of a byte of a line, from 1, as messages have it: how many characters start before it.
///
/// ```
/// assert_eq!(daytally::internals::column("é: x".as_bytes(), 4), 4);
/// ```
#[must_use]
pub fn column(line: &[u8], at: usize) -> usize {
    let before = line.get(..at).unwrap_or(line);
    let is_start = |byte: &&u8| **byte & 0xc0 != 0x80;
    before.iter().filter(is_start).count() + 1
}

struct Message<'a> {
    fault: &'a Fault,
    line: &'a [u8],
    /// If it is not the usual one, for the names of fields.
    schema: Option<&'a Schema>,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Message<'_> {
    /// Gives `look` the start of a value, as much as is ever quoted: each character may be two
    /// escapes long.
    fn text<T>(&self, span: Span, look: impl FnOnce(&str) -> T) -> T {
        span.start_of(self.line, 16 * text::QUOTE_LIMIT, look)
    }

    fn column(&self, at: usize) -> usize {
        column(self.line, at)
    }

    /// What a field is called, in quotes if that is no single word.
    fn field(&self, f: &mut impl fmt::Write, field: Field) -> fmt::Result {
        match self.schema {
            None => f.write_str(field.key()),
            Some(schema) => {
                let name = schema.path(field).name();
                let is_word = |c: char| c.is_ascii_alphanumeric() || "_.-@$".contains(c);
                if name.chars().all(is_word) {
                    f.write_str(&name)
                } else {
                    text::write_quoted(f, &name)
                }
            }
        }
    }

    fn quoted_field(&self, f: &mut impl fmt::Write, field: Field) -> fmt::Result {
        match self.schema {
            None => {
                f.write_str("\"")?;
                f.write_str(field.key())?;
                f.write_str("\"")
            }
            Some(schema) => text::write_quoted(f, &schema.path(field).name()),
        }
    }

    /// The character at a byte of a line that is UTF-8.
    fn character(&self, at: usize) -> Option<char> {
        let rest = self.line.get(at..)?;
        json::with_copy(&rest[..rest.len().min(4)], |text| text.chars().next())
    }

    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self.fault.detail {
            Detail::Limit(len, limit) => write!(
                f,
                "the line is {len} bytes long, more than the limit of {limit} (--max-line-bytes)"
            ),
            Detail::Utf8(at) => {
                write_column(f, "the byte at column ", self.column(at), " is not UTF-8")?;
                match self.line.get(at) {
                    Some(byte) => {
                        let digit = |value: u8| HEXADECIMAL[usize::from(value & 0x0f)];
                        f.write_str(" (0x")?;
                        f.write_char(digit(byte >> 4))?;
                        f.write_char(digit(*byte))?;
                        f.write_str(")")
                    }
                    None => Ok(()),
                }
            }
            Detail::Json(fault) => self.json(f, fault),
            Detail::Document(span) => {
                f.write_str("the line is ")?;
                f.write_str(self.text(span, kind))?;
                f.write_str(", not an object")
            }
            Detail::Missing(_) if self.fault.reason == Reason::MissingAmount => {
                f.write_str("a purchase needs an amount, and there is no key ")?;
                self.quoted_field(f, Field::Amount)
            }
            Detail::Missing(field) => {
                f.write_str("there is no key ")?;
                self.quoted_field(f, field)
            }
            Detail::Value(field, span) => self.text(span, |value| self.value(f, field, value)),
            Detail::Timestamp(span, fault) => {
                self.field(f, Field::Timestamp)?;
                f.write_str(" ")?;
                self.text(span, |value| text::write_quoted(f, &json::unescape(value)))?;
                f.write_str(match fault {
                    TimestampFault::NotADateTime => " is not an ISO 8601 date-time",
                    TimestampFault::HasOffset => " is not in UTC: its offset is not zero",
                    TimestampFault::HasNoOffset => {
                        " has no offset: in UTC it would end with `Z` or `+00:00`"
                    }
                    TimestampFault::OutOfRange => " is on a day outside of the years 0000 to 9999",
                })
            }
        }
    }

    fn value(&self, f: &mut impl fmt::Write, field: Field, value: &str) -> fmt::Result {
        if self.fault.reason == Reason::EmptyEventType {
            self.field(f, Field::EventType)?;
            return f.write_str(" is empty");
        }
        let kind = kind(value);
        self.field(f, field)?;
        // "amount null is null" would say it twice.
        if kind != value {
            f.write_str(" ")?;
            text::write_excerpt(f, value)?;
        }
        let not_a = |f: &mut _, wanted| {
            for piece in [" is ", kind, wanted] {
                fmt::Write::write_str(f, piece)?;
            }
            Ok(())
        };
        match self.fault.reason {
            Reason::InvalidUserId if kind == "a number" => {
                f.write_str(" is not written as an integer")
            }
            Reason::InvalidUserId => not_a(f, ", not an integer"),
            Reason::UserIdOutOfRange => {
                f.write_str(" is outside -9223372036854775808 to 18446744073709551615")
            }
            Reason::InvalidEventType | Reason::InvalidTimestamp => not_a(f, ", not a string"),
            Reason::InvalidAmount => not_a(f, ", not a number"),
            Reason::NonPositiveAmount => f.write_str(" is not greater than zero"),
            Reason::AmountOutOfRange => f.write_str(" is 1000000000000000 (10^15) or more"),
            // The other reasons have no value to quote.
            reason => {
                f.write_str(" ")?;
                f.write_str(reason.code())
            }
        }
    }

    fn json(&self, f: &mut impl fmt::Write, fault: JsonFault) -> fmt::Result {
        let column = self.column(fault.at);
        let expected = match fault.problem {
            Problem::ExpectedValue => "a value",
            Problem::ExpectedKey => "a key in double quotes",
            Problem::ExpectedKeyOrEnd => "a key in double quotes, or `}`,",
            Problem::ExpectedColon => "`:`",
            Problem::ExpectedCommaOrBrace => "`,` or `}`",
            Problem::ExpectedCommaOrBracket => "`,` or `]`",
            Problem::ExpectedEnd => "the end of the line",
            Problem::ExpectedLiteral(literal) => {
                f.write_str("expected `")?;
                f.write_str(literal)?;
                return write_column(f, "` at column ", column, "");
            }
            Problem::ExpectedDigit => "a digit",
            Problem::ExpectedHexDigit => "a hexadecimal digit of a `\\u` escape",
            Problem::LeadingZero => {
                return write_column(f, "the number at column ", column, " has a leading zero");
            }
            Problem::ControlCharacter => {
                let byte = self.line.get(fault.at).copied().unwrap_or_default();
                return write!(
                    f,
                    "the control character U+{byte:04X} at column {column} is not escaped"
                );
            }
            Problem::UnknownEscape => {
                let after = " starts no JSON escape";
                return write_column(f, "the backslash at column ", column, after);
            }
            Problem::LoneSurrogate => {
                let after = " is half of a surrogate pair without the other";
                return write_column(f, "the escape at column ", column, after);
            }
            Problem::UnterminatedString => {
                let after = " has no closing quote";
                return write_column(f, "the string that starts at column ", column, after);
            }
            Problem::TooDeep => {
                return write!(
                    f,
                    "the value at column {column} is nested deeper than {} levels",
                    json::MAX_DEPTH
                );
            }
        };
        f.write_str("expected ")?;
        f.write_str(expected)?;
        write_column(f, " at column ", column, "")?;
        let rest = self.line.get(fault.at..).unwrap_or_default();
        match self.character(fault.at) {
            // What is no character is shown as it is.
            Some(char::REPLACEMENT_CHARACTER) if !rest.starts_with("\u{fffd}".as_bytes()) => {
                let byte = rest.first().copied().unwrap_or_default();
                write!(f, ", found the byte 0x{byte:02X}")
            }
            Some(found) => {
                let mut buffer = [0; 4];
                let found = found.encode_utf8(&mut buffer);
                f.write_str(", found `")?;
                text::write_excerpt(f, found)?;
                f.write_str("`")
            }
            None => f.write_str(", found the end of the line"),
        }
    }
}

/// A column between two texts, without the detour over a formatter.
fn write_column(f: &mut impl fmt::Write, before: &str, column: usize, after: &str) -> fmt::Result {
    f.write_str(before)?;
    text::Decimal::new(column as u64).write(f)?;
    f.write_str(after)
}

const HEXADECIMAL: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];

/// What kind of JSON value a text is, with its article.
fn kind(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decoder, Verdict};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_are_the_same_in_parts(
            values in prop::collection::vec(
                prop_oneof![
                    Just("null".to_owned()),
                    Just("true".to_owned()),
                    Just("1".to_owned()),
                    Just("\"purchase\"".to_owned()),
                    Just("\"2024-01-01T00:00:00Z\"".to_owned()),
                    "-?[1-9][0-9]{0,90}(\\.[0-9]{1,90})?(e[0-9])?",
                    "\"\\PC{0,90}\"",
                    "\"[ -~]{0,90}\"",
                    "\\[\"[a-z\u{e9}]{0,90}\"\\]",
                    "\\{\"[a-z]{0,9}\":1\\}",
                ],
                0..5,
            ),
            cut in prop::option::of(0..100_usize),
        ) {
            let keys = ["user_id", "event_type", "timestamp", "amount"];
            let members: Vec<String> = keys
                .iter()
                .zip(&values)
                .map(|(key, value)| format!("\"{key}\":{value}"))
                .collect();
            let line = format!("{{{}}}", members.join(", "));
            let line = &line.as_bytes()[..cut.unwrap_or(line.len()).min(line.len())];
            if !line.is_empty() && let Verdict::Invalid(fault) = Decoder::new(1000).decode(line) {
                let mut pushed = Vec::new();
                push_message(&fault, line, &Schema::default(), &mut pushed);
                prop_assert_eq!(String::from_utf8(pushed).unwrap(), fault.message(line).to_string());
            }
        }
    }

    #[track_caller]
    fn message(line: impl AsRef<[u8]>) -> String {
        let line = line.as_ref();
        match Decoder::new(200).decode(line) {
            Verdict::Invalid(fault) => {
                let shown = fault.message(line).to_string();
                for schema in [Schema::default(), Schema::default().accepting_offsets(true)] {
                    let mut pushed = b"before".to_vec();
                    push_message(&fault, line, &schema, &mut pushed);
                    assert_eq!(String::from_utf8(pushed).unwrap(), format!("before{shown}"));
                }
                shown
            }
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn spans_hold_what_is_at_fault() {
        for (line, expected) in [
            (&b"{\"a\":\"\xe2\x82\"}"[..], Some((6, 8))),
            (b"{\"a\":\"\xe9t\"}", Some((6, 7))),
            (b"{\"a\":\"\xe2\x82", Some((6, 8))),
            ("{\"a\" \u{e9}}".as_bytes(), Some((5, 7))),
            (b"{", Some((1, 1))),
            (b"[tru3, 1]", Some((1, 5))),
            (b"[-007]", Some((2, 5))),
            (br#"["\xa"]"#, Some((2, 4))),
            (br#"["\ud800."]"#, Some((2, 8))),
            (br#"{"a":"b}"#, Some((5, 8))),
            (b" [1] ", Some((1, 4))),
            (b"{}", None),
            (br#"{"user_id": 1.5 }"#, Some((12, 15))),
            (&[b'x'; 201], Some((200, 201))),
        ] {
            let Verdict::Invalid(fault) = Decoder::new(200).decode(line) else {
                panic!("{line:?}");
            };
            let span = fault.span(line).map(|span| (span.start, span.end));
            assert_eq!(span, expected, "{}", String::from_utf8_lossy(line));
            // Of the start of a line it is what is there.
            let _ = fault.span(b"").map(|span| assert_eq!(span, 0..0));
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of one row a message")]
    fn every_message_says_what_is_wrong_and_where() {
        let event = |fields: &str| format!(r#"{{"event_type":"purchase",{fields}}}"#);
        let rest = r#""timestamp":"2024-01-01T00Z""#;
        for (line, expected) in [
            (
                "x".repeat(201),
                "the line is 201 bytes long, more than the limit of 200 (--max-line-bytes)",
            ),
            (
                r#"{"user_id": 1, "a" 2}"#.into(),
                "expected `:` at column 20, found `2`",
            ),
            (
                r#"{"é": 1, "a" 2}"#.into(),
                "expected `:` at column 14, found `2`",
            ),
            (
                "{".into(),
                "expected a key in double quotes, or `}`, at column 2, found the end of the line",
            ),
            (
                "{} x".into(),
                "expected the end of the line at column 4, found `x`",
            ),
            (
                "{} \u{202e}".into(),
                "expected the end of the line at column 4, found `\\u202e`",
            ),
            (
                "[1,\u{1b}]".into(),
                "expected a value at column 4, found `\\u001b`",
            ),
            (
                "\"\u{1b}\"".into(),
                "the control character U+001B at column 2 is not escaped",
            ),
            ("[nul]".into(), "expected `null` at column 2"),
            ("[007]".into(), "the number at column 2 has a leading zero"),
            (
                r#"["\ud800"]"#.into(),
                "the escape at column 3 is half of a surrogate pair without the other",
            ),
            (
                r#"["\x"]"#.into(),
                "the backslash at column 3 starts no JSON escape",
            ),
            (
                r#"["\u00g0"]"#.into(),
                "expected a hexadecimal digit of a `\\u` escape at column 7, found `g`",
            ),
            (
                r#"{"a":"b"#.into(),
                "the string that starts at column 6 has no closing quote",
            ),
            ("[]".into(), "the line is an array, not an object"),
            ("1".into(), "the line is a number, not an object"),
            ("{}".into(), "there is no key \"user_id\""),
            (
                event(r#""user_id":"1""#),
                "user_id \"1\" is a string, not an integer",
            ),
            (
                event(r#""user_id":null"#),
                "user_id is null, not an integer",
            ),
            (
                event(r#""user_id":1.0"#),
                "user_id 1.0 is not written as an integer",
            ),
            (
                event(r#""user_id":18446744073709551616"#),
                "user_id 18446744073709551616 is outside -9223372036854775808 to 18446744073709551615",
            ),
            (
                r#"{"user_id":1,"event_type":[]}"#.into(),
                "event_type [] is an array, not a string",
            ),
            (
                r#"{"user_id":1,"event_type":""}"#.into(),
                "event_type is empty",
            ),
            (event(r#""user_id":1"#), "there is no key \"timestamp\""),
            (
                event(r#""user_id":1,"timestamp":17"#),
                "timestamp 17 is a number, not a string",
            ),
            (
                event(r#""user_id":1,"timestamp":"a\u001b[0m""#),
                "timestamp \"a\\u001b[0m\" is not an ISO 8601 date-time",
            ),
            (
                event(r#""user_id":1,"timestamp":"2024-01-01T00:00:00+01:00""#),
                "timestamp \"2024-01-01T00:00:00+01:00\" is not in UTC: its offset is not zero",
            ),
            (
                event(r#""user_id":1,"timestamp":"2024-01-01T00:00:00""#),
                "timestamp \"2024-01-01T00:00:00\" has no offset: in UTC it would end with `Z` or `+00:00`",
            ),
            (
                event(&format!(r#""user_id":1,{rest}"#)),
                "a purchase needs an amount, and there is no key \"amount\"",
            ),
            (
                event(&format!(r#""user_id":1,"amount":"9.99",{rest}"#)),
                "amount \"9.99\" is a string, not a number",
            ),
            (
                event(&format!(r#""user_id":1,"amount":-5.00,{rest}"#)),
                "amount -5.00 is not greater than zero",
            ),
            (
                event(&format!(r#""user_id":1,"amount":1e15,{rest}"#)),
                "amount 1e15 is 1000000000000000 (10^15) or more",
            ),
        ] {
            assert_eq!(message(&line), expected, "{line}");
        }
        assert_eq!(
            message(b"{\"\xc3\xa9\": \xff}"),
            "the byte at column 7 is not UTF-8 (0xFF)"
        );
        assert!(message("[".repeat(100) + "x").ends_with("column 101, found `x`"));
    }
}
