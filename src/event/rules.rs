//! The rules of the verdict, in their order, over the places of the values: the plain reading.
//!
//! Every lane that takes a shortcut hands the lines it is not sure of to [`judge`].

use super::amount::{Amount, AmountFault};
use super::fault::Fault;
use super::field::Field;
use super::json::{self, Document, FieldSpans, Span, Stops};
use super::reason::Reason;
use super::schema::Schema;
use super::timestamp::TimestampFault;
use super::user_id::{UserId, UserIdFault};
use super::{Date, Event};

/// The verdict on a line that is neither blank nor too long.
///
/// # Errors
///
/// [`Fault`], for the first rule that fails.
pub(crate) fn judge(line: &[u8], schema: &Schema) -> Result<Event, Fault> {
    let stops = Stops::of(line);
    if schema.has_usual_names() && stops.tell_ascii(line) {
        // Filled where it is: what is handed back is copied, and what was just written in small pieces
        // cannot be read in large ones before the processor has got round to it.
        let mut spans = [None; Field::COUNT];
        if json::usual_event(line, &stops, &mut spans).is_some() {
            return event_of(line, &spans, schema);
        }
    }
    judge_unusual(line, stops, schema)
}

/// The verdict on a line of any kind.
#[inline(never)]
fn judge_unusual(line: &[u8], stops: Stops, schema: &Schema) -> Result<Event, Fault> {
    if !stops.tell_ascii(line) {
        check_utf8(line)?;
    }
    let spans = match json::read_with(line, stops, schema).map_err(Fault::invalid_json)? {
        Document::Object(spans) => spans,
        Document::Other(span) => return Err(Fault::not_an_object(span)),
    };
    event_of(line, &spans, schema)
}

/// The event whose values stand there.
#[inline]
fn event_of(line: &[u8], spans: &FieldSpans, schema: &Schema) -> Result<Event, Fault> {
    let user_id = user_id_of(line, spans)?;
    let is_purchase = is_purchase_of(line, spans, schema)?;
    let date = date_of(line, spans, schema)?;
    let purchase = if is_purchase {
        Some(amount_of(line, spans)?)
    } else {
        None
    };
    Ok(Event::new(date, user_id, purchase))
}

/// Rule `invalid_utf8`.
#[inline]
pub(super) fn check_utf8(line: &[u8]) -> Result<(), Fault> {
    // Only the answer is kept: see `json::with_copy` for why not the string. ASCII is looked for
    // first because that is quicker, and nearly always what is found.
    if !line.is_ascii() {
        std::str::from_utf8(line).map_err(|error| Fault::invalid_utf8(error.valid_up_to()))?;
    }
    Ok(())
}

/// The rules about `user_id`.
#[inline]
pub(super) fn user_id_of(line: &[u8], spans: &FieldSpans) -> Result<UserId, Fault> {
    let number = span_of(spans, Field::UserId, Reason::MissingUserId)?;
    let value = number.bytes_of(line);
    if let Some(id) = short_id(value) {
        return Ok(id);
    }
    let id = if is_number(value) {
        json::with_copy(value, user_id)
    } else {
        Err(Reason::InvalidUserId)
    };
    id.map_err(|reason| Fault::value(reason, Field::UserId, number))
}

/// The rules about `event_type`; whether the event is a purchase.
#[inline]
pub(super) fn is_purchase_of(
    line: &[u8],
    spans: &FieldSpans,
    schema: &Schema,
) -> Result<bool, Fault> {
    let literal = span_of(spans, Field::EventType, Reason::MissingEventType)?;
    is_purchase(literal.bytes_of(line), schema)
        .map_err(|reason| Fault::value(reason, Field::EventType, literal))
}

/// The rules about `timestamp`.
#[inline]
pub(super) fn date_of(line: &[u8], spans: &FieldSpans, schema: &Schema) -> Result<Date, Fault> {
    let literal = span_of(spans, Field::Timestamp, Reason::MissingTimestamp)?;
    let value = literal.bytes_of(line);
    if !is_string(value) {
        return Err(Fault::value(
            Reason::InvalidTimestamp,
            Field::Timestamp,
            literal,
        ));
    }
    timestamp(value, schema).map_err(|fault| Fault::timestamp(literal, fault))
}

/// The rules about `amount`, which are for purchases.
#[inline]
pub(super) fn amount_of(line: &[u8], spans: &FieldSpans) -> Result<Amount, Fault> {
    let number = span_of(spans, Field::Amount, Reason::MissingAmount)?;
    let value = number.bytes_of(line);
    let amount = if is_number(value) {
        json::with_copy(value, amount)
    } else {
        Err(Reason::InvalidAmount)
    };
    amount.map_err(|reason| Fault::value(reason, Field::Amount, number))
}

/// What is wrong with a value that is to be that of a field, whichever key it has.
pub(super) fn fault_of_value(
    line: &[u8],
    field: Field,
    value: Span,
    schema: &Schema,
) -> Option<Fault> {
    let mut spans = [None; Field::COUNT];
    spans[field.index()] = Some(value);
    match field {
        Field::UserId => user_id_of(line, &spans).err(),
        Field::EventType => is_purchase_of(line, &spans, schema).err(),
        Field::Timestamp => date_of(line, &spans, schema).err(),
        Field::Amount => amount_of(line, &spans).err(),
    }
}

/// Where the value of a field stands; without one, the line breaks the rule of `missing`.
#[inline]
fn span_of(spans: &FieldSpans, field: Field, missing: Reason) -> Result<Span, Fault> {
    spans[field.index()].ok_or_else(|| Fault::missing(missing, field))
}

/// Rules `invalid_user_id` and `user_id_out_of_range`, of a number.
fn user_id(value: &str) -> Result<UserId, Reason> {
    UserId::from_json_number(value).map_err(|fault| match fault {
        UserIdFault::NotAnInteger => Reason::InvalidUserId,
        UserIdFault::OutOfRange => Reason::UserIdOutOfRange,
    })
}

/// The id that some digits are, if they are digits and not too many to be sure of.
#[inline]
fn short_id(digits: &[u8]) -> Option<UserId> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let id = digits.iter().try_fold(0_u64, |id, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit <= 9).then(|| id * 10 + u64::from(digit))
    });
    id.map(UserId::from)
}

/// Rules `invalid_event_type` and `empty_event_type`; whether the event is a purchase.
fn is_purchase(literal: &[u8], schema: &Schema) -> Result<bool, Reason> {
    if !is_string(literal) {
        return Err(Reason::InvalidEventType);
    }
    if literal.len() == 2 {
        return Err(Reason::EmptyEventType);
    }
    Ok(match without_escapes(literal) {
        Some(event_type) => schema.is_purchase(event_type),
        None => json::with_copy(literal, |literal| {
            schema.is_purchase(json::unescape(literal).as_bytes())
        }),
    })
}

fn timestamp(literal: &[u8], schema: &Schema) -> Result<Date, TimestampFault> {
    match without_escapes(literal) {
        Some(text) => schema.date(text),
        None => json::with_copy(literal, |literal| {
            schema.date(json::unescape(literal).as_bytes())
        }),
    }
}

/// The text of a JSON string, if it is written as it is.
fn without_escapes(literal: &[u8]) -> Option<&[u8]> {
    let text = literal.get(1..literal.len().saturating_sub(1))?;
    (!text.contains(&b'\\')).then_some(text)
}

/// Rules `non_positive_amount` and `amount_out_of_range`, of a number.
fn amount(value: &str) -> Result<Amount, Reason> {
    Amount::from_json_number(value).map_err(|fault| match fault {
        AmountFault::NonPositive => Reason::NonPositiveAmount,
        AmountFault::OutOfRange => Reason::AmountOutOfRange,
    })
}

/// Whether a JSON value is a number: what kind it is shows in its first byte.
fn is_number(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'-' | b'0'..=b'9'))
}

/// Whether a JSON value is a string.
fn is_string(value: &[u8]) -> bool {
    value.starts_with(b"\"")
}

/// The place of a number after the key whose literal starts at `key`, in a line that is valid JSON.
///
/// For a reader that knows where keys stand but not how values were written.
pub(crate) fn number_after_key(bytes: &[u8], key: usize) -> Option<Span> {
    let mut at = key + 1;
    loop {
        match bytes.get(at)? {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    let start = at
        + 1
        + bytes
            .get(at + 1..)?
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b':'))?;
    let length = bytes[start..]
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))?;
    Some(Span {
        start,
        end: start + length,
    })
}
