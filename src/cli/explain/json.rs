//! What was found out about a line, as a JSON object.

use std::ops::Range;

use daytally::event::{Hint, Verdict};
use daytally::internals::column;
use serde::Serialize;

use super::Explained;
use super::show::amount;

#[derive(Serialize)]
struct Object<'a> {
    input: &'a str,
    line: Option<u64>,
    offset: u64,
    bytes: u64,
    valid: bool,
    blank: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventObject<'a>>,
    faults: Vec<FaultObject>,
    hints: Vec<HintObject<'a>>,
}

#[derive(Serialize)]
struct EventObject<'a> {
    date: String,
    user_id: i128,
    event_type: &'a str,
    /// Text, to keep it exact.
    amount: Option<String>,
}

#[derive(Serialize)]
struct FaultObject {
    rule: usize,
    code: &'static str,
    message: String,
    span: Option<Span>,
}

#[derive(Serialize)]
struct HintObject<'a> {
    about: Option<&'static str>,
    code: &'static str,
    message: &'a str,
    span: Option<Span>,
}

/// Bytes of the line from 0, the end not included, and the column of the first, from 1.
#[derive(Serialize)]
struct Span {
    start: usize,
    end: usize,
    column: usize,
}

/// The object, with a line feed after it.
pub(super) fn object(explained: &Explained<'_>) -> String {
    let Explained {
        line,
        diagnosis,
        schema,
        ..
    } = explained;
    let bytes = &line.bytes[..];
    let span = |span: Range<usize>| {
        line.cut.is_none().then(|| Span {
            start: span.start,
            end: span.end,
            column: column(bytes, span.start),
        })
    };
    let object = Object {
        input: explained.input,
        line: line.number,
        offset: line.offset,
        bytes: line.len(),
        valid: matches!(diagnosis.verdict(), Verdict::Valid(_)),
        blank: matches!(diagnosis.verdict(), Verdict::Blank),
        event: match diagnosis.verdict() {
            Verdict::Valid(event) => Some(EventObject {
                date: event.date().to_string(),
                user_id: event.user_id().get(),
                event_type: diagnosis.event_type().unwrap_or_default(),
                amount: amount(&event).map(|amount| amount.to_string()),
            }),
            _ => None,
        },
        faults: diagnosis
            .faults()
            .iter()
            .map(|fault| FaultObject {
                rule: fault.reason().rule(),
                code: fault.reason().code(),
                message: fault.message_in(bytes, schema).to_string(),
                span: fault.span(bytes).and_then(span),
            })
            .collect(),
        hints: diagnosis
            .hints()
            .iter()
            .map(|hint: &Hint| HintObject {
                about: hint.reason.map(daytally::event::Reason::code),
                code: hint.code,
                message: &hint.message,
                span: hint.span.clone().and_then(span),
            })
            .collect(),
    };
    // Numbers, strings and string keys: nothing here can fail to serialise. What is not safe to show is
    // in strings, where it may be escaped.
    let text = serde_json::to_string(&object).unwrap_or_default();
    daytally::text::name(&text).to_string() + "\n"
}
