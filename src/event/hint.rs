//! What may be behind a fault: a guess for a person, where one is likely.
//!
//! A hint changes no verdict. What it proposes to write has been judged by the rules themselves before
//! it is proposed. A file for each kind of cause.

mod encoding;
mod keys;
mod number;
mod syntax;
mod timestamp;

#[cfg(feature = "timezone")]
pub(super) use keys::distance;

use std::ops::Range;

use super::fault::Fault;
use super::field::Field;
use super::json::{self, Member, Span};
use super::reason::Reason;
use super::schema::{FieldPath, Schema};

/// What may be behind a fault of a line.
///
/// ```
/// use daytally::event::{DEFAULT_MAX_LINE_BYTES, Diagnosis, Reason};
///
/// let line = br#"{"user_id":"7","event_type":"view","timestamp":"2024-01-01T08:00Z"}"#;
/// let diagnosis = Diagnosis::of(line, DEFAULT_MAX_LINE_BYTES);
/// let hint = &diagnosis.hints()[0];
/// assert_eq!(hint.reason, Some(Reason::InvalidUserId));
/// assert_eq!(hint.message, "it is an integer in quotes; write 7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// The fault that it is about; `None` if it is about the line as a whole.
    pub reason: Option<Reason>,
    /// A name for the kind of hint, for programs: `epoch_milliseconds`.
    pub code: &'static str,
    /// A sentence without its full stop. Text from the line is escaped and bounded in it.
    pub message: String,
    /// The bytes of the line that it is about, where those are not the fault's own.
    pub span: Option<Range<usize>>,
    /// For a field that is missing: where what may be it is, if the value there is valid.
    pub path: Option<FieldPath>,
}

/// A hint on its way: its code and its message.
type Guess = (&'static str, String);

/// The hints for a line with these faults; `event_type` is that of a valid event.
pub(super) fn hints(
    line: &[u8],
    faults: &[Fault],
    event_type: Option<&str>,
    schema: &Schema,
) -> Vec<Hint> {
    let members = json::members(line, 0);
    let mut hints = Vec::new();
    let mut is_other_encoding = false;
    for fault in faults {
        let reason = fault.reason();
        let span = fault.span(line).map(|span| Span {
            start: span.start,
            end: span.end,
        });
        let mut add = |guess: Option<Guess>| {
            hints.extend(guess.map(|(code, message)| Hint {
                reason: Some(reason),
                code,
                message,
                span: None,
                path: None,
            }));
        };
        match (reason, span) {
            (Reason::InvalidUtf8, Some(span)) => {
                let guess = encoding::of_bytes(line, span.start);
                is_other_encoding = guess.as_ref().is_some_and(|(code, _)| *code == "utf_16");
                add(guess);
            }
            (Reason::InvalidJson, _) if is_other_encoding => {}
            (Reason::InvalidJson, _) => {
                let syntax = fault
                    .json_fault()
                    .and_then(|at| syntax::of(line, at, schema));
                add(encoding::of_text(line).or(syntax));
            }
            (Reason::NotAnObject, Some(span)) => add(syntax::of_document(line, span)),
            (
                Reason::InvalidUserId
                | Reason::InvalidEventType
                | Reason::InvalidTimestamp
                | Reason::InvalidAmount,
                Some(span),
            ) if line.get(span.start) == Some(&b'{') => {
                let field = fault.field_of_value();
                add(field.and_then(|field| keys::of_object(line, span, field, schema)));
            }
            (Reason::InvalidUserId, Some(span)) => add(span.of(line, number::of_user_id)),
            (Reason::InvalidTimestamp | Reason::TimestampNotUtc, Some(span)) => {
                add(span.of(line, |value| timestamp::of_value(value, schema)));
            }
            (Reason::InvalidAmount, Some(span)) => add(span.of(line, number::of_amount)),
            _ => {
                let key = fault
                    .missing_field()
                    .and_then(|field| keys::of_missing(line, &members, field, schema));
                hints.extend(key.map(|found| Hint {
                    reason: Some(reason),
                    code: found.guess.0,
                    message: found.guess.1,
                    span: found.span.map(|span| span.start..span.end),
                    path: found.path,
                }));
            }
        }
    }
    for field in Field::ALL {
        hints.extend(duplicate(line, &members, schema.path(field)));
    }
    if let Some(event_type) = event_type {
        hints.extend(near_purchase(line, &members, event_type, schema));
    }
    hints
}

/// Of two values of a field only one is read. The same goes for what it is in.
fn duplicate(line: &[u8], members: &[Member], path: &FieldPath) -> Option<Hint> {
    let mut inner;
    let mut members = members;
    for key in path.keys() {
        let mut of_key = members
            .iter()
            .filter(|member| json::with_key(line, member.key, |there| there == key.as_bytes()));
        let first = of_key.next()?;
        if let Some(last) = of_key.next_back() {
            return Some(Hint {
                reason: None,
                code: "duplicate_key",
                message: format!(
                    "the key {} is there more than once, and the last one counts",
                    crate::text::quoted(key)
                ),
                span: Some(last.key.start..last.key.end),
                path: None,
            });
        }
        inner = json::members(line, first.value.start);
        members = &inner;
    }
    None
}

/// What is nearly a purchase is none.
fn near_purchase(
    line: &[u8],
    members: &[Member],
    event_type: &str,
    schema: &Schema,
) -> Option<Hint> {
    if schema.is_purchase(event_type.as_bytes()) {
        return None;
    }
    let meant = schema
        .purchase_types()
        .iter()
        .find(|purchase| event_type.trim().eq_ignore_ascii_case(purchase.trim()))?;
    let path = schema.path(Field::EventType);
    let head = members.iter().rfind(|member| {
        json::with_key(line, member.key, |there| there == path.head().as_bytes())
    })?;
    let value = path.within(line, head.value)?;
    Some(Hint {
        reason: None,
        code: "purchase_spelling",
        message: format!(
            "{} {} is not exactly {}, so the event is no purchase and its amount is not looked at",
            crate::text::excerpt(&path.name()),
            crate::text::quoted(event_type),
            crate::text::quoted(meant)
        ),
        span: Some(value.start..value.end),
        path: None,
    })
}

#[cfg(test)]
mod tests {
    use crate::event::Diagnosis;

    /// All hints of a line, each as `code: message`.
    pub(super) fn hints_of(line: impl AsRef<[u8]>) -> Vec<String> {
        Diagnosis::of(line.as_ref(), 1000)
            .hints()
            .iter()
            .map(|hint| format!("{}: {}", hint.code, hint.message))
            .collect()
    }

    /// The one hint of a line, or nothing.
    #[track_caller]
    pub(super) fn hint_of(line: impl AsRef<[u8]>) -> String {
        let mut hints = hints_of(line);
        assert!(hints.len() < 2, "{hints:?}");
        hints.pop().unwrap_or_default()
    }

    /// A valid event with one field written otherwise.
    pub(super) fn event_with(field: &str, value: &str) -> String {
        let fields = [
            ("user_id", "1"),
            ("event_type", r#""purchase""#),
            ("timestamp", r#""2024-01-01T10:00:00Z""#),
            ("amount", "19.99"),
        ];
        let fields = fields.map(|(key, usual)| {
            let value = if key == field { value } else { usual };
            format!(r#""{key}":{value}"#)
        });
        format!("{{{}}}", fields.join(","))
    }

    #[test]
    fn what_a_valid_line_may_not_mean() {
        for (line, expected) in [
            (event_with("", ""), ""),
            (event_with("event_type", r#""click""#), ""),
            (
                event_with("event_type", r#""Purchase""#),
                "purchase_spelling: event_type \"Purchase\" is not exactly \"purchase\", so the event is no purchase and its amount is not looked at",
            ),
            (
                event_with("event_type", r#""purchase\n""#),
                "purchase_spelling: event_type \"purchase\\n\" is not exactly \"purchase\", so the event is no purchase and its amount is not looked at",
            ),
            (
                event_with("user_id", r#"1,"user_id":2"#),
                "duplicate_key: the key \"user_id\" is there more than once, and the last one counts",
            ),
        ] {
            assert_eq!(hint_of(&line), expected, "{line}");
        }
        let line = event_with("user_id", r#""x","user_id":2"#);
        let diagnosis = Diagnosis::of(line.as_bytes(), 1000);
        assert_eq!(diagnosis.hints()[0].span, Some(15..24), "{line}");
    }

    #[test]
    fn each_fault_has_its_own() {
        let line =
            r#"{"userId":"7","event_type":"purchase","timestamp":1704103200,"amount":"19,99"}"#;
        let codes: Vec<_> = hints_of(line)
            .into_iter()
            .map(|hint| hint.split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(codes, ["key_spelling", "epoch_seconds", "decimal_comma"]);
    }
}
