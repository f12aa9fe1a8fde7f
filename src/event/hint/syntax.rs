//! Hints about lines that are not JSON, or not one object: what wrote them.

use super::super::field::Field;
use super::super::json::{self, Document, JsonFault, Problem, Span};
use super::super::schema::Schema;
use super::Guess;

/// For a line that stops being JSON at a place.
pub(super) fn of(line: &[u8], fault: JsonFault, schema: &Schema) -> Option<Guess> {
    let rest = line.get(fault.at..).unwrap_or_default();
    let before = line.get(..fault.at).unwrap_or_default();
    if let Some((code, what)) = no_value(rest, before) {
        return Some((code, format!("{what}; {}", instead(before, schema))));
    }
    piece(line)
        .or_else(|| token(rest, fault.problem))
        .or_else(|| structure(line, rest, before, fault.problem))
        .map(|(code, message)| (code, message.to_owned()))
        .or_else(|| control_character(rest, fault.problem))
}

/// How a control character is written in a string.
fn control_character(rest: &[u8], problem: Problem) -> Option<Guess> {
    let byte = *rest.first()?;
    if problem != Problem::ControlCharacter {
        return None;
    }
    let escape = match byte {
        0x08 => "\\b".into(),
        b'\t' => "\\t".into(),
        0x0c => "\\f".into(),
        b'\r' => "\\r".into(),
        _ => format!("\\u{byte:04x}"),
    };
    Some((
        "control_character",
        format!("in a string it is written `{escape}`"),
    ))
}

type Words = (&'static str, &'static str);

/// A line that is a piece of something larger, by what it is as a whole.
fn piece(line: &[u8]) -> Option<Words> {
    let text = line.trim_ascii();
    let text = text.strip_suffix(b",").unwrap_or(text);
    let is_member = || {
        // `"key": value`, alone in its line.
        text.starts_with(b"\"")
            && {
                let object = [b"{", text, b"}"].concat();
                matches!(json::read_usual(&object), Ok(Document::Object(_)))
                    || (matches!(text.last(), Some(b'{' | b'['))
                        && matches!(json::read_usual(&text[..text.len() - 1]), Err(fault) if fault.problem == Problem::ExpectedEnd))
            }
    };
    match text {
        b"[" | b"]" | b"{" | b"}" => Some(PRETTY),
        _ if is_member() => Some(PRETTY),
        _ if text.strip_prefix(b"[").is_some_and(is_object) => Some((
            "line_of_array",
            "it looks like the first line of a JSON array; `jq -c '.[]'` writes an array as one event a line",
        )),
        _ if text.strip_suffix(b"]").is_some_and(is_object) => Some((
            "line_of_array",
            "it looks like the last line of a JSON array; `jq -c '.[]'` writes an array as one event a line",
        )),
        _ => None,
    }
}

const PRETTY: Words = (
    "spread_over_lines",
    "it looks like a part of a JSON array or object that is spread over several lines; one line has to hold one event: `jq -c '.[]'` writes an array so, `jq -c .` an object",
);

fn is_object(text: &[u8]) -> bool {
    matches!(json::read_usual(text.trim_ascii()), Ok(Document::Object(_)))
}

/// A word for a value that is none, where the line stops being JSON.
fn no_value(rest: &[u8], before: &[u8]) -> Option<Words> {
    Some(match word(rest) {
        b"NaN" | b"Infinity" | b"inf" | b"nan" if before.ends_with(b"-") => {
            ("not_a_number", "JSON has no -Infinity")
        }
        b"NaN" | b"Infinity" | b"inf" | b"nan" => {
            ("not_a_number", "JSON has no NaN and no Infinity")
        }
        b"undefined" => ("undefined", "JSON has no undefined"),
        _ => return None,
    })
}

/// What to write instead of a value that is none: a field that every event has cannot be left out.
fn instead(before: &[u8], schema: &Schema) -> &'static str {
    let before = before.strip_suffix(b"-").unwrap_or(before).trim_ascii_end();
    let before = before.strip_suffix(b":").unwrap_or(before).trim_ascii_end();
    let is_after = |field: &Field| {
        before
            .strip_suffix(b"\"")
            .and_then(|text| text.strip_suffix(schema.path(*field).last().as_bytes()))
            .is_some_and(|text| text.ends_with(b"\""))
    };
    match Field::ALL.into_iter().find(is_after) {
        None => "leave the key out, or write null",
        Some(Field::UserId) => "every event needs a number there",
        Some(Field::EventType | Field::Timestamp) => "every event needs a text there",
        Some(Field::Amount) => {
            "a purchase needs a number there; any other event can leave the key out, or have null"
        }
    }
}

/// The letters that a text starts with.
fn word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic());
    end.map_or(text, |end| &text[..end])
}

/// What stands where the line stops being JSON.
fn token(rest: &[u8], problem: Problem) -> Option<Words> {
    match (word(rest), rest) {
        (b"True" | b"False" | b"None", _) => Some(PYTHON),
        (_, [b'\'', ..]) => Some((
            "single_quotes",
            "JSON has double quotes; text of Python's repr or str is no JSON, json.dumps writes that",
        )),
        (_, [b'/', b'/' | b'*', ..] | [b'#', ..]) => Some(("comment", "JSON has no comments")),
        (_, [0xe2, 0x80, 0x9c..=0x9e, ..]) => Some((
            "typographic_quotes",
            "JSON has straight quotes (U+0022); these are typographic ones",
        )),
        (_, [0xef, 0xbb, 0xbf, ..]) => Some((
            "byte_order_mark",
            "it is a byte-order mark (U+FEFF), which may stand only at the start of an input; files that start with one cannot be put together with cat",
        )),
        ([_, ..], _) if matches!(problem, Problem::ExpectedKey | Problem::ExpectedKeyOrEnd) => {
            Some(("unquoted_key", "a key has double quotes around it"))
        }
        _ => None,
    }
}

const PYTHON: Words = (
    "python_repr",
    "it looks like a value of Python's repr or str; json.dumps writes true, false and null",
);

/// How what stands there relates to the rest.
fn structure(line: &[u8], rest: &[u8], before: &[u8], problem: Problem) -> Option<Words> {
    let last = before.trim_ascii_end();
    let first = rest.first().copied();
    match (problem, first) {
        (Problem::LoneSurrogate, _) => Some((
            "lone_surrogate",
            "characters past U+FFFF are a pair of escapes, as \\ud83d\\ude00; this text was probably cut between the two",
        )),
        (Problem::LeadingZero, _) => Some(("leading_zero", "a JSON number has no zeros in front")),
        (Problem::ExpectedKey, Some(b'0'..=b'9')) if after_digit_and_comma(last) => Some((
            "decimal_comma",
            "decimals come after a point, not a comma, and there are no separators of thousands",
        )),
        (Problem::ExpectedKey, Some(b'}')) | (Problem::ExpectedValue, Some(b']'))
            if last.ends_with(b",") =>
        {
            Some(("trailing_comma", "JSON has no comma after the last value"))
        }
        (Problem::ExpectedEnd, Some(b',')) if rest.trim_ascii_end() == b"," => Some((
            "line_of_array",
            "the line ends with a comma, as those of a JSON array do; `jq -c '.[]'` writes an array as one event a line",
        )),
        (Problem::ExpectedEnd, Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b',')) => {
            let next = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii();
            let is_text = json::read_usual(next).is_ok() || !json::members(next, 0).is_empty();
            is_text.then_some((
                "two_texts",
                "there is more than one JSON text in the line; after each there has to be a line feed",
            ))
        }
        (Problem::ExpectedValue, Some(b'$' | 0xc2 | 0xe2)) if last.ends_with(b":") => {
            Some(("currency", "an amount has no currency"))
        }
        (Problem::UnterminatedString, _) | (_, None) if !line.is_empty() => Some((
            "cut_off",
            "the line ends early: whoever wrote it was interrupted or cut it, or there is a line feed inside a string, which is written `\\n`",
        )),
        _ => None,
    }
}

/// Whether a text ends with a digit and a comma.
fn after_digit_and_comma(text: &[u8]) -> bool {
    text.strip_suffix(b",")
        .is_some_and(|text| text.last().is_some_and(u8::is_ascii_digit))
}

/// For a line that is JSON, but no object.
pub(super) fn of_document(line: &[u8], span: Span) -> Option<Guess> {
    let guess = match span.bytes_of(line) {
        [b'[', rest @ ..] if rest.trim_ascii_start().starts_with(b"{") => (
            "array",
            "it is an array of objects; `jq -c '.[]'` writes it as one event a line",
        ),
        // JSON in a JSON string.
        [b'"', ..] => {
            let is_object = span.of(line, |literal| {
                let text = json::unescape(literal);
                matches!(json::read_usual(text.as_bytes()), Ok(Document::Object(_)))
            });
            if !is_object {
                return None;
            }
            (
                "json_in_string",
                "it is an object in a string: it was written as JSON twice; `jq -c fromjson` undoes that once",
            )
        }
        _ => return None,
    };
    Some((guess.0, guess.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::hint_of;

    #[test]
    fn what_wrote_lines_that_are_not_json() {
        for (line, code) in [
            ("[", "spread_over_lines"),
            ("{", "spread_over_lines"),
            ("  {", "spread_over_lines"),
            ("},", "spread_over_lines"),
            ("]\r", "spread_over_lines"),
            (r#"    "user_id": 1,"#, "spread_over_lines"),
            (r#"  "items": ["#, "spread_over_lines"),
            (
                r#"  "timestamp": "2024-01-01T10:00:00Z""#,
                "spread_over_lines",
            ),
            (r#"{"amount":NaN}"#, "not_a_number"),
            (r#"{"amount":-Infinity}"#, "not_a_number"),
            (r#"{"x":Infinity}"#, "not_a_number"),
            (r#"{"x":nan}"#, "not_a_number"),
            (r#"{"x":True}"#, "python_repr"),
            (r#"{"x":False}"#, "python_repr"),
            (r#"{"x":None}"#, "python_repr"),
            (r#"{"x":undefined}"#, "undefined"),
            ("{'user_id': 1}", "single_quotes"),
            (r#"{"x":'y'}"#, "single_quotes"),
            ("// events", "comment"),
            ("# events", "comment"),
            (r#"{"x":1 /* one */}"#, "comment"),
            ("{\u{201c}x\u{201d}:1}", "typographic_quotes"),
            ("\u{feff}{}", "byte_order_mark"),
            ("{user_id:1}", "unquoted_key"),
            (r#"{"x":1,y:2}"#, "unquoted_key"),
            (r#"{"x":"\ud83d"}"#, "lone_surrogate"),
            (r#"{"x":"\ude00"}"#, "lone_surrogate"),
            (r#"{"x":007}"#, "leading_zero"),
            (r#"{"amount":19,99}"#, "decimal_comma"),
            (r#"{"amount":1,234.50}"#, "decimal_comma"),
            (r#"{"x":1,}"#, "trailing_comma"),
            (r#"{"x":[1, ]}"#, "trailing_comma"),
            (r#"{"x":1},"#, "line_of_array"),
            (r#"[{"x":1},"#, "line_of_array"),
            (r#"[ {"x":1}"#, "line_of_array"),
            (r#"{"x":1}]"#, "line_of_array"),
            (r#"{"x":1}{"x":2}"#, "two_texts"),
            (r#"{"x":1} {"x":2}{"x":3}"#, "two_texts"),
            (r#"{"x":1},{"x":2}"#, "two_texts"),
            (r#"{"amount":$5}"#, "currency"),
            ("{\"amount\":\u{20ac}5}", "currency"),
            ("{\"x\":\"a\tb\"}", "control_character"),
            (r#"{"x":"a"#, "cut_off"),
            (r#"{"x":1"#, "cut_off"),
            (r#"{"x":"a\"#, "cut_off"),
            ("hello", ""),
            (r#"{"x" 1}"#, ""),
            (r#"{"x":tru}"#, ""),
        ] {
            let hint = hint_of(line);
            assert_eq!(hint.split(':').next(), Some(code), "{line:?}: {hint}");
        }
    }

    #[test]
    fn what_has_to_be_there_is_not_to_be_left_out() {
        for (line, end) in [
            (r#"{"x":NaN}"#, "leave the key out, or write null"),
            (r#"{"user_id":NaN}"#, "every event needs a number there"),
            (
                r#"{"timestamp": undefined}"#,
                "every event needs a text there",
            ),
            (
                r#"{"amount":-Infinity}"#,
                "a purchase needs a number there; any other event can leave the key out, or have null",
            ),
        ] {
            let hint = hint_of(line);
            assert!(hint.ends_with(&format!("; {end}")), "{line}: {hint}");
        }
    }

    #[test]
    fn a_control_character_is_shown_as_it_is_written() {
        for (c, escape) in [
            ('\t', r"\t"),
            ('\r', r"\r"),
            ('\u{8}', r"\b"),
            ('\u{c}', r"\f"),
            ('\0', r"\u0000"),
            ('\u{1b}', r"\u001b"),
        ] {
            assert_eq!(
                hint_of(format!("{{\"x\":\"a{c}b\"}}")),
                format!("control_character: in a string it is written `{escape}`")
            );
            let escaped: Result<String, _> = serde_json::from_str(&format!("\"{escape}\""));
            assert_eq!(escaped.unwrap(), c.to_string());
        }
    }

    #[test]
    fn what_is_json_but_no_object() {
        for (line, code) in [
            (r#"[{"user_id":1},{"user_id":2}]"#, "array"),
            (r#" [ {"user_id":1}]"#, "array"),
            ("[]", ""),
            ("[1]", ""),
            (r#""{\"user_id\":1}""#, "json_in_string"),
            (r#""user_id""#, ""),
            ("1", ""),
            ("null", ""),
        ] {
            let hint = hint_of(line);
            assert_eq!(hint.split(':').next(), Some(code), "{line:?}: {hint}");
        }
    }
}
