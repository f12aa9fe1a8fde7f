//! A line of a rejects file, as it comes back: where the event stood, and what it is to be read as now.
//!
//! A repair is written into the record itself: its `raw` is made what the line should have been. Where the
//! line was not UTF-8, `raw` is put beside `raw_base64`, and then it is `raw` that counts. Where the line was
//! cut, `raw` is made the whole line, and `truncated` is taken out. Everything else is left as it is: `input`,
//! `line` and `offset` say which event it is.

use base64::Engine as _;
use serde_json::{Map, Value};

/// What a line of a rejects file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    /// The input, as it was named.
    pub(super) input: String,
    /// The number of the line in it, from 1.
    pub(super) line: u64,
    /// The byte at which the line starts, from 0.
    pub(super) offset: u64,
    /// The text of the line, repaired or not.
    pub(super) raw: Vec<u8>,
    /// Whether that is only the start of it.
    pub(super) is_truncated: bool,
}

impl Repair {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub(super) fn parse(line: &[u8]) -> Result<Repair, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // It is always line 1.
            let (what, column) = text
                .rsplit_once(" at line 1 column ")
                .unwrap_or((&text, ""));
            match column {
                "" | "0" => format!("is no line of a rejects file: {what}"),
                _ => format!("is no line of a rejects file: {what} at column {column}"),
            }
        })?;
        let Value::Object(fields) = value else {
            return Err(
                "is no line of a rejects file: it is JSON, but no object; replay takes what aggregate --rejects has written, with raw repaired"
                    .into(),
            );
        };
        let Some(input) = fields.get("input").and_then(Value::as_str) else {
            return Err(not_one("there is no input that is a text"));
        };
        let Some(number) = whole(&fields, "line").filter(|number| *number > 0) else {
            return Err(not_one("there is no line that is a whole number from 1"));
        };
        let Some(offset) = whole(&fields, "offset") else {
            return Err(not_one("there is no offset that is a whole number from 0"));
        };
        let is_truncated = match fields.get("truncated") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => return Err(not_one("its truncated is neither true nor false")),
        };
        Ok(Repair {
            input: input.to_owned(),
            line: number,
            offset,
            raw: raw(&fields)?,
            is_truncated,
        })
    }
}

fn not_one(what: &str) -> String {
    format!(
        "is no line of a rejects file: {what}; leave input, line and offset as aggregate --rejects has written them"
    )
}

fn whole(fields: &Map<String, Value>, name: &str) -> Option<u64> {
    fields.get(name)?.as_u64()
}

/// The text of the event.
fn raw(fields: &Map<String, Value>) -> Result<Vec<u8>, String> {
    let given = |name| fields.get(name).filter(|value| !value.is_null());
    match (given("raw"), given("raw_base64")) {
        // It is what a repair writes.
        (Some(Value::String(text)), _) => Ok(text.clone().into_bytes()),
        (Some(_), _) => Err(
            "has a raw that is no text: the event is to be in it as text, in quotes, as it was (in jq, tojson makes it that)"
                .into(),
        ),
        (None, Some(Value::String(text))) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| format!("has a raw_base64 that is no base64 ({error}); write the repaired event as raw")),
        (None, Some(_)) => Err("has a raw_base64 that is no text; write the repaired event as raw".into()),
        (None, None) => Err(
            "has neither raw nor raw_base64, so no event (a JSON log has none); replay takes what aggregate --rejects has written, with raw repaired"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_in_a_record_is_read() {
        for (rest, raw, is_truncated) in [
            (r#""raw":"{}""#, &b"{}"[..], false),
            (r#""raw":"\u007b}\r","truncated":false"#, b"{}\r", false),
            (r#""raw":"{","truncated":true"#, b"{", true),
            (r#""raw_base64":"/w==","note":[1]"#, b"\xff", false),
            (r#""raw_base64":"/w==","raw":"{}""#, b"{}", false),
            (r#""raw":null,"raw_base64":"/w==""#, b"\xff", false),
            (r#""raw":"""#, b"", false),
        ] {
            let line = format!(
                r#"{{"input":"a\u001b","line":4,"offset":312,"reason":"x","message":"y",{rest}}}"#
            );
            let expected = Repair {
                input: "a\u{1b}".into(),
                line: 4,
                offset: 312,
                raw: raw.to_vec(),
                is_truncated,
            };
            assert_eq!(Repair::parse(line.as_bytes()), Ok(expected), "{rest}");
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        for (line, expected) in [
            (&b"\xff"[..], "is no line of a rejects file: "),
            (b"date,user_id", "expected value at column 1"),
            (
                br#"{"input":"a","line":1"#,
                "EOF while parsing an object at column 21",
            ),
            (b"[1]", "it is JSON, but no object"),
            (b"{}", "there is no input that is a text"),
            (br#"{"input":1}"#, "there is no input that is a text"),
            (
                br#"{"input":"a","line":0,"offset":0,"raw":""}"#,
                "whole number from 1",
            ),
            (
                br#"{"input":"a","line":1.0,"offset":0,"raw":""}"#,
                "whole number from 1",
            ),
            (
                br#"{"input":"a","line":1,"offset":-1,"raw":""}"#,
                "whole number from 0",
            ),
            (
                br#"{"input":"a","line":1,"offset":0}"#,
                "has neither raw nor raw_base64",
            ),
            (
                br#"{"input":"a","line":1,"offset":0,"raw":{"user_id":1}}"#,
                "in jq, tojson",
            ),
            (
                br#"{"input":"a","line":1,"offset":0,"raw_base64":"?"}"#,
                "is no base64",
            ),
            (
                br#"{"input":"a","line":1,"offset":0,"raw_base64":1}"#,
                "is no text",
            ),
            (
                br#"{"input":"a","line":1,"offset":0,"raw":"","truncated":"yes"}"#,
                "neither true nor false",
            ),
        ] {
            let what = Repair::parse(line).unwrap_err();
            assert!(what.contains(expected), "{what}: no {expected}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Repair::parse(&bytes);
        }
    }
}
