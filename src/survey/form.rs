//! What an input is that has no JSON Lines, by its start.

use serde::de::IgnoredAny;

/// How much of an input's start is looked at, in bytes.
pub(super) const START: usize = 4096;

/// A UTF-8 byte-order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What an input starts like that has no JSON Lines. That is a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// One JSON array of all events, on one line or on many.
    JsonArray,
    /// Values between commas, semicolons or tabs (RFC 4180, and what is like it).
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro, as a file of objects.
    Avro,
}

impl Form {
    /// The form of what starts so. The start need not end where a line or a character does.
    ///
    /// ```
    /// use daytally::survey::Form;
    ///
    /// assert_eq!(Form::of(b"[{\"user_id\":1},{\"user_"), Some(Form::JsonArray));
    /// assert_eq!(Form::of(b"user_id,event_type\n1,click\n"), Some(Form::Csv));
    /// assert_eq!(Form::of(b"{\"user_id\":1}\n"), None);
    /// ```
    #[must_use]
    pub fn of(start: &[u8]) -> Option<Form> {
        // The first bytes are those of the formats' specifications.
        if start.starts_with(b"PAR1") {
            return Some(Form::Parquet);
        }
        if start.starts_with(b"Obj\x01") {
            return Some(Form::Avro);
        }
        let start = start.strip_prefix(BOM).unwrap_or(start).trim_ascii_start();
        if start.starts_with(b"[") {
            // Neither an array on each line, nor a log whose lines start with a time in brackets.
            let is_one = match serde_json::from_slice::<IgnoredAny>(start) {
                Ok(_) => true,
                Err(error) => error.is_eof(),
            };
            return is_one.then_some(Form::JsonArray);
        }
        is_csv(start).then_some(Form::Csv)
    }

    /// A word for programs, which stays the same.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Form::JsonArray => "json_array",
            Form::Csv => "csv",
            Form::Parquet => "parquet",
            Form::Avro => "avro",
        }
    }
}

/// Whether the first line has names, or at least three values, and the second one is like it.
fn is_csv(start: &[u8]) -> bool {
    let mut lines = start
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    let Some(first) = lines.next() else {
        return false;
    };
    let second = lines.next();
    let is_text = |line: &[u8]| !line.iter().any(|byte| *byte < b' ' && *byte != b'\t');
    let is_json = first.starts_with(b"{") || serde_json::from_slice::<IgnoredAny>(first).is_ok();
    let is_name = |field: &[u8]| {
        field
            .trim_ascii()
            .first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'"' | b'_' | 0x80..))
    };
    is_text(first)
        && !is_json
        && [b',', b';', b'\t'].into_iter().any(|separator| {
            let mut fields = first.split(|byte| *byte == separator);
            let count = fields.clone().count();
            (count > 2 || count == 2 && fields.all(is_name))
                && second.is_none_or(|line| is_text(line) && line.contains(&separator))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_the_start() {
        for (start, form) in [
            (&b"[{\"a\":1},{\"a"[..], Some(Form::JsonArray)),
            (
                b"\xef\xbb\xbf [\r\n  {\r\n    \"a\": \"\xc3",
                Some(Form::JsonArray),
            ),
            (b"[{\"a\":1}]\n", Some(Form::JsonArray)),
            (b"[", Some(Form::JsonArray)),
            (b"[1,2]\n[3,4]\n", None),
            (b"[2024-01-01 10:00] GET /a, b, c\n", None),
            (b"[\0\0", None),
            (
                b"user_id,event_type,timestamp\n1,click,2024-01-01\n",
                Some(Form::Csv),
            ),
            (b"\"user id\";\"event\"\r\n1;click\r\n", Some(Form::Csv)),
            (b"user\tevent", Some(Form::Csv)),
            (b"1,click,2024-01-01T10:00:00Z\n", Some(Form::Csv)),
            (
                b"2024-01-01 10:00:00,123 INFO it starts\n2024-01-01 10:00:00,125 INFO it ends\n",
                None,
            ),
            (b"Hello, world\nand no more\n", None),
            (b"{\"user_id\":1,\"event_type\":,\n", None),
            (b"\"a,b,c\"\n", None),
            (b"\x01,\x02,\x03", None),
            (b"PAR1\x15\x04", Some(Form::Parquet)),
            (b"Obj\x01\x04\x16avro.schema", Some(Form::Avro)),
            (b"Object, other, more", Some(Form::Csv)),
            (b"\n \n", None),
            (b"", None),
        ] {
            assert_eq!(Form::of(start), form, "{}", start.escape_ascii());
        }
    }
}
