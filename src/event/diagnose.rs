//! All that is wrong with a line, not only what comes first: for somebody who looks at one line.
//!
//! Made of the same rules as the verdict, tried to the end: the first of the faults is the verdict's.

use super::decode::is_blank;
use super::fault::Fault;
use super::field::Field;
use super::hint::{self, Hint};
use super::json::{self, Document, FieldSpans};
use super::schema::Schema;
use super::{Event, Verdict, rules};

/// A line, looked at as a whole.
///
/// ```
/// use daytally::event::{DEFAULT_MAX_LINE_BYTES, Diagnosis, Reason};
///
/// let line = br#"{"user_id": "7", "event_type": "purchase", "timestamp": "2024-01-01", "amount": -1}"#;
/// let diagnosis = Diagnosis::of(line, DEFAULT_MAX_LINE_BYTES);
/// let reasons: Vec<_> = diagnosis.faults().iter().map(|fault| fault.reason()).collect();
/// assert_eq!(reasons, [Reason::InvalidUserId, Reason::InvalidTimestamp, Reason::NonPositiveAmount]);
/// assert_eq!(diagnosis.hints()[0].message, "it is an integer in quotes; write 7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    verdict: Verdict,
    faults: Vec<Fault>,
    event_type: Option<String>,
    hints: Vec<Hint>,
}

impl Diagnosis {
    /// Looks at a line, given without its `\n`. More than `max_line_bytes` bytes are a fault.
    ///
    /// How far the rules can be tried depends on the line. In one that is not UTF-8 strings are read
    /// with their wrong bytes. Of one that is not JSON, the fields before the place where it stops being
    /// so are judged, and none is missing.
    #[must_use]
    pub fn of(line: &[u8], max_line_bytes: usize) -> Diagnosis {
        Diagnosis::with_schema(line, max_line_bytes, Schema::usual())
    }

    /// The same for events of another schema.
    #[must_use]
    pub fn with_schema(line: &[u8], max_line_bytes: usize, schema: &Schema) -> Diagnosis {
        let mut faults = Vec::new();
        if line.len() > max_line_bytes {
            faults.push(Fault::line_too_long(line.len() as u64, max_line_bytes));
        }
        if is_blank(line) {
            return Diagnosis {
                verdict: faults
                    .first()
                    .map_or(Verdict::Blank, |f| Verdict::Invalid(*f)),
                faults,
                event_type: None,
                hints: Vec::new(),
            };
        }
        faults.extend(rules::check_utf8(line).err());
        let mut event = None;
        let mut spans = None;
        match json::read(line, schema) {
            Ok(Document::Object(found)) => {
                event = judge(line, &found, schema, &mut faults);
                spans = Some(found);
            }
            Ok(Document::Other(span)) => faults.push(Fault::not_an_object(span)),
            Err(fault) => {
                faults.push(Fault::invalid_json(fault));
                // Those that are missing may be in the rest.
                let mut found = Vec::new();
                judge(line, &spans_before_fault(line, schema), schema, &mut found);
                found.retain(|fault| fault.missing_field().is_none());
                faults.append(&mut found);
            }
        }
        let verdict = match (faults.first(), event) {
            (None, Some(event)) => Verdict::Valid(event),
            (Some(first), _) => Verdict::Invalid(*first),
            // Without a fault every rule has given its part of the event.
            (None, None) => Verdict::Blank,
        };
        let is_valid = matches!(verdict, Verdict::Valid(_));
        let event_type = spans
            .filter(|_| is_valid)
            .and_then(|spans| spans[Field::EventType.index()])
            .map(|span| span.of(line, |literal| json::unescape(literal).into_owned()));
        Diagnosis {
            verdict,
            hints: hint::hints(line, &faults, event_type.as_deref(), schema),
            faults,
            event_type,
        }
    }

    /// What is known of a line of which only the start was kept, because it is longer than a line may
    /// be: that.
    #[must_use]
    pub fn of_cut(len: u64, max_line_bytes: usize) -> Diagnosis {
        let fault = Fault::line_too_long(len, max_line_bytes);
        Diagnosis {
            verdict: Verdict::Invalid(fault),
            faults: vec![fault],
            event_type: None,
            hints: Vec::new(),
        }
    }

    /// The verdict: the one that a [`Decoder`](super::Decoder) gives.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Every rule that the line breaks, in the order of the rules; one fault for each.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The `event_type` of a valid event.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// What may be behind the faults, and what in a valid line may not be meant as it is read.
    #[must_use]
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }
}

/// Tries all rules about fields; the event if none is broken.
fn judge(
    line: &[u8],
    spans: &FieldSpans,
    schema: &Schema,
    faults: &mut Vec<Fault>,
) -> Option<Event> {
    let mut kept = |fault| faults.push(fault);
    let user_id = rules::user_id_of(line, spans).map_err(&mut kept);
    let is_purchase = rules::is_purchase_of(line, spans, schema).map_err(&mut kept);
    let date = rules::date_of(line, spans, schema).map_err(&mut kept);
    let purchase = match is_purchase {
        Ok(true) => rules::amount_of(line, spans).map_err(&mut kept).map(Some),
        Ok(false) => Ok(None),
        Err(()) => Err(()),
    };
    Some(Event::new(date.ok()?, user_id.ok()?, purchase.ok()?))
}

/// The fields before the place where a line stops being JSON.
fn spans_before_fault(line: &[u8], schema: &Schema) -> FieldSpans {
    let mut spans = [None; Field::COUNT];
    for member in json::members(line, 0) {
        schema.note(line, member.key, member.value, &mut spans);
    }
    schema.resolve(line, &mut spans);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decoder, Lanes};
    use proptest::prelude::*;

    fn codes(line: impl AsRef<[u8]>) -> String {
        let diagnosis = Diagnosis::of(line.as_ref(), 200);
        let codes: Vec<_> = diagnosis
            .faults()
            .iter()
            .map(|fault| fault.reason().code())
            .collect();
        codes.join(" ")
    }

    #[test]
    fn every_rule_that_is_broken_is_told() {
        let t = r#""timestamp":"2024-01-01T00Z""#;
        for (line, expected) in [
            (String::new(), ""),
            (" \t\r".into(), ""),
            (" ".repeat(201), "line_too_long"),
            (format!(r#"{{"user_id":1,"event_type":"a",{t}}}"#), ""),
            (
                "{}".into(),
                "missing_user_id missing_event_type missing_timestamp",
            ),
            (
                r#"{"user_id":"1","event_type":"purchase","timestamp":"x","amount":-1}"#.into(),
                "invalid_user_id invalid_timestamp non_positive_amount",
            ),
            (
                r#"{"user_id":1e99,"event_type":7,"timestamp":7,"amount":-1}"#.into(),
                "invalid_user_id invalid_event_type invalid_timestamp",
            ),
            (
                r#"{"user_id":99999999999999999999,"event_type":"","timestamp":"2024-01-01T00"}"#
                    .into(),
                "user_id_out_of_range empty_event_type timestamp_not_utc",
            ),
            (
                r#"{"event_type":"purchase"}"#.into(),
                "missing_user_id missing_timestamp missing_amount",
            ),
            (
                r#"{"event_type":"purchase","amount":1e15}"#.into(),
                "missing_user_id missing_timestamp amount_out_of_range",
            ),
            // Of what is before the fault all, of what may be after it nothing.
            (
                r#"{"user_id":"1","event_type":"purchase","amount":"2",}"#.into(),
                "invalid_json invalid_user_id invalid_amount",
            ),
            (r#"{"user_id":'1',"timestamp":7}"#.into(), "invalid_json"),
            (
                r#"{"user_id":"1"} {}"#.into(),
                "invalid_json invalid_user_id",
            ),
            ("[{}]".into(), "not_an_object"),
            (
                format!(r#"{{"user_id":null,"x":"{}"}}"#, "x".repeat(200)),
                "line_too_long invalid_user_id missing_event_type missing_timestamp",
            ),
        ] {
            assert_eq!(codes(&line), expected, "{line}");
        }
        assert_eq!(
            codes(b"{\"user_id\":\"\xe9\",\"event_type\":\"\xe9\",\"timestamp\":\"\xe9\"}"),
            "invalid_utf8 invalid_user_id invalid_timestamp"
        );
        assert_eq!(codes(b"\xff\xfe{"), "invalid_utf8 invalid_json");
    }

    #[test]
    fn a_byte_that_is_no_character_is_shown_as_it_is() {
        for (line, found) in [
            (&b"{\"a\":1}\xff"[..], "the byte 0xFF"),
            (b"{\"a\":1}\xe2\x82", "the byte 0xE2"),
            ("{\"a\":1}\u{fffd}".as_bytes(), "`\u{fffd}`"),
        ] {
            let diagnosis = Diagnosis::of(line, 200);
            let fault = diagnosis.faults().last().unwrap();
            assert_eq!(
                fault.message(line).to_string(),
                format!("expected the end of the line at column 8, found {found}")
            );
        }
    }

    #[test]
    fn a_valid_event_has_its_type() {
        let line = br#"{"user_id":1,"event_type":"vi\u0065w","timestamp":"2024-01-01T00Z"}"#;
        assert_eq!(Diagnosis::of(line, 200).event_type(), Some("view"));
        assert_eq!(Diagnosis::of(b"{}", 200).event_type(), None);
    }

    /// Lines of all kinds: pieces that are often whole fields.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let field = prop::sample::select(vec![
            r#""user_id":1"#,
            r#""user_id":"1""#,
            r#""user_id":1.0"#,
            r#""user_id":18446744073709551616"#,
            r#""userId":1"#,
            r#""event_type":"purchase""#,
            r#""event_type":"""#,
            r#""event_type":null"#,
            r#""event_type":"view""#,
            r#""timestamp":"2024-01-01T10:00:00Z""#,
            r#""timestamp":1704103200"#,
            r#""timestamp":"2024-01-01 10:00:00""#,
            r#""timestamp":"2024-01-01T10:00:00""#,
            r#""timestamp":"2024-01-01T10:00:00.5+05:30""#,
            r#""timestamp":"01/02/2024""#,
            r#""amount":1"#,
            r#""amount":"1,5""#,
            r#""amount":-0"#,
            r#""amount":1e15"#,
            r#""amount":$5"#,
            r#""x":{"user_id":[1]}"#,
            r#""x":"\ud800""#,
            "'x':True",
            "\"\u{e9}\":\"\u{6f22}\"",
        ]);
        let noise = prop_oneof![
            Just(b"".to_vec()),
            "[{}\\[\\]:,\"' a-z0-9\\\\\0\u{e9}]{0,6}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        let fields = prop::collection::vec(field, 0..6);
        (fields, noise, any::<prop::sample::Index>(), 0..8_u8).prop_map(
            |(fields, noise, at, form)| {
                let mut line = match form {
                    0 => noise.clone(),
                    1 => fields.join(",").into_bytes(),
                    2 => format!("[{{{}}}]", fields.join(",")).into_bytes(),
                    _ => format!("{{{}}}", fields.join(",")).into_bytes(),
                };
                if form > 4 {
                    let at = at.index(line.len() + 1);
                    line.splice(at..at, noise);
                }
                line.retain(|byte| *byte != b'\n');
                line
            },
        )
    }

    proptest! {
        #[test]
        fn the_verdict_is_that_of_the_decoder(line in lines(), limit in prop_oneof![Just(1000_usize), 0..100_usize]) {
            let diagnosis = Diagnosis::of(&line, limit);
            for lanes in [Lanes::All, Lanes::General] {
                let mut decoder = Decoder::with_lanes(limit, lanes);
                prop_assert_eq!(decoder.decode(&line), diagnosis.verdict());
            }
            match diagnosis.verdict() {
                Verdict::Invalid(first) => prop_assert_eq!(Some(&first), diagnosis.faults().first()),
                _ => prop_assert!(diagnosis.faults().is_empty()),
            }
            prop_assert!(diagnosis.faults().is_sorted_by(|a, b| a.reason() < b.reason()));
            for fault in diagnosis.faults() {
                if let Some(span) = fault.span(&line) {
                    prop_assert!(span.start <= span.end && span.end <= line.len());
                }
                let _ = fault.message(&line).to_string();
            }
            for hint in diagnosis.hints() {
                prop_assert!(hint.message.chars().all(crate::text::is_showable), "{}", hint.message);
                if let Some(span) = &hint.span {
                    prop_assert!(span.start < span.end && span.end <= line.len());
                }
                if let Some(reason) = hint.reason {
                    prop_assert!(diagnosis.faults().iter().any(|fault| fault.reason() == reason));
                }
            }
        }
    }
}
