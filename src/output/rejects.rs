//! The rejects file: one JSON object for each invalid line, so that none is lost sight of.

use base64::Engine as _;

use crate::event::{Fault, Reason};
use crate::input::Cut;
use crate::text::{self, Decimal, Piece, Short};

/// How much of a line a reject holds, in bytes: 4 KiB.
pub(crate) const RAW_LIMIT: usize = 4096;

/// An invalid line, where it stands, and what is wrong with it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reject<'a> {
    /// The input, as it was named.
    pub input: &'a str,
    /// The place of the input among those of the run, from 0.
    pub input_index: usize,
    /// The number of the line in its input, from 1.
    pub line: u64,
    /// The byte of the input at which the line starts, from 0. After a byte-order mark the first
    /// line starts at 3.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
    /// The line, without its `\n`; of one that was too long to be kept, its first bytes, more than
    /// 4 KiB.
    pub raw: &'a [u8],
    /// What is known of the rest of such a line.
    pub cut: Option<Cut>,
}

impl<'a> Reject<'a> {
    /// The reject of a line of which all is known, in the first input of a run.
    ///
    /// ```
    /// use daytally::Reject;
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let line = br#"{"user_id": 7}"#;
    /// let Verdict::Invalid(fault) = Decoder::default().decode(line) else { unreachable!() };
    /// let reject = Reject::new("events.jsonl", 3, 120, fault, line);
    /// let mut message = String::new();
    /// fault.push_message(line, &mut message);
    /// let mut json = Vec::new();
    /// reject.write_json(&message, &mut json);
    /// let start = br#"{"input":"events.jsonl","line":3,"offset":120,"reason":"missing_event_type","#;
    /// assert!(json.starts_with(start));
    /// ```
    #[must_use]
    pub fn new(input: &'a str, line: u64, offset: u64, fault: Fault, raw: &'a [u8]) -> Reject<'a> {
        Reject {
            input,
            input_index: 0,
            line,
            offset,
            fault,
            raw,
            cut: None,
        }
    }

    /// Appends the reject as one JSON object and a `\n`. `message` is what
    /// [`push_message`](Fault::push_message) says of it, which is seldom needed only here.
    ///
    /// `raw` holds the line's text up to 4 KiB, whole characters only; `truncated` is
    /// there, and true, if that is not all. A line that is not UTF-8 has its bytes in `raw_base64`
    /// instead (RFC 4648 section 4).
    pub fn write_json(&self, message: &str, out: &mut Vec<u8>) {
        write_input(self.input, out);
        self.write_json_rest(message, out);
    }

    /// The same without what [`write_input`] writes.
    pub(crate) fn write_json_rest(&self, message: &str, out: &mut Vec<u8>) {
        write_place(self.line, self.offset, self.fault.reason(), message, out);
        if !self.write_ascii(out) {
            self.write_raw(out);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Appends the line if it is what most are, short and printable ASCII; whether it is.
    fn write_ascii(&self, out: &mut Vec<u8>) -> bool {
        if self.raw.len() > RAW_LIMIT {
            return false;
        }
        let start = out.len();
        out.extend_from_slice(b",\"raw\":\"");
        let is_ascii = text::json_ascii::push(out, self.raw) == self.raw.len();
        if is_ascii {
            out.push(b'"');
        } else {
            out.truncate(start);
        }
        is_ascii
    }

    /// Appends the line, whatever it is.
    fn write_raw(&self, out: &mut Vec<u8>) {
        let is_whole = self.cut.is_none() && self.raw.len() <= RAW_LIMIT;
        if !(is_whole && self.fault.reason() == Reason::InvalidUtf8 && self.write_base64(out)) {
            self.shown().write_json(out);
        }
    }

    /// Appends all of a line in base64, right where it is to be; whether that went well.
    fn write_base64(&self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        out.extend_from_slice(b",\"raw_base64\":\"");
        let start = out.len();
        out.resize(start + self.raw.len().div_ceil(3) * 4, 0);
        let engine = base64::engine::general_purpose::STANDARD;
        if let Ok(len) = engine.encode_slice(self.raw, &mut out[start..]) {
            out.truncate(start + len);
            out.push(b'"');
            true
        } else {
            out.truncate(before);
            false
        }
    }

    /// What is shown of the line.
    fn shown(&self) -> Shown {
        // A copy first, then the look at it: the line may be in a mapped file that somebody writes to.
        let mut shown = self.raw[..self.raw.len().min(RAW_LIMIT)].to_vec();
        let is_text = match self.cut {
            Some(cut) => cut.is_utf8,
            None => std::str::from_utf8(self.raw).is_ok(),
        };
        if is_text && shown.len() < self.raw.len() {
            // Whole characters only: back to where the one that is cut starts.
            let is_start = |byte: &u8| byte & 0xc0 != 0x80;
            if !self.raw.get(shown.len()).is_none_or(is_start) {
                shown.truncate(shown.iter().rposition(is_start).unwrap_or(0));
            }
        }
        let len = shown.len();
        let (raw, is_base64) = match String::from_utf8(shown) {
            Ok(text) if is_text => (text, false),
            other => {
                let bytes =
                    other.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes);
                let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
                (encoded, true)
            }
        };
        Shown {
            raw,
            is_base64,
            is_truncated: len < self.raw.len(),
        }
    }

    /// The reject as it is kept until it is written. `message` is as for [`Reject::write_json`].
    #[cfg(feature = "arrow")]
    pub(crate) fn to_row(self, message: String) -> RejectRow {
        RejectRow {
            line: self.line,
            offset: self.offset,
            reason: self.fault.reason(),
            message,
            shown: self.shown(),
        }
    }
}

/// Writes rejects as [`Reject::write_json`] does, quicker where many come from one input.
#[derive(Clone, Debug)]
pub struct JsonWriter {
    input: String,
    /// How each starts: up to the line's number.
    start: Option<Piece>,
}

impl JsonWriter {
    /// One that has written nothing yet.
    #[must_use]
    pub const fn new() -> JsonWriter {
        JsonWriter {
            input: String::new(),
            start: None,
        }
    }

    /// Appends a reject as one JSON object and a `\n`. `line` and `offset` are the reject's in digits, and
    /// `message` is what [`push_message`](crate::internals::push_message) says of it.
    pub fn write(
        &mut self,
        reject: &Reject<'_>,
        [line, offset]: [&Decimal; 2],
        message: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.start_of(reject.input).push(out);
        line.push(out);
        out.extend_from_slice(b",\"offset\":");
        offset.push(out);
        REASONS[reject.fault.reason().index()].push(out);
        text::push_json_bytes(out, message);
        if !reject.write_ascii(out) {
            reject.write_raw(out);
        }
        out.extend_from_slice(b"}\n");
    }

    fn start_of(&mut self, input: &str) -> &Piece {
        if self.input != input {
            self.start = None;
            input.clone_into(&mut self.input);
        }
        self.start.get_or_insert_with(|| {
            let mut start = Vec::new();
            write_input(input, &mut start);
            start.extend_from_slice(LINE);
            Piece::new(&String::from_utf8_lossy(&start))
        })
    }
}

impl Default for JsonWriter {
    fn default() -> JsonWriter {
        JsonWriter::new()
    }
}

/// What is between the input and the number of the line.
const LINE: &[u8] = b",\"line\":";

/// What is between the offset and the message, for each reason.
static REASONS: [Short; Reason::ALL.len()] = {
    let mut all = [Short::new(&[]); Reason::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        let code = Reason::ALL[at].code();
        all[at] = Short::new(&[",\"reason\":\"", code, "\",\"message\":"]);
        at += 1;
    }
    all
};

/// What is shown of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Text, or bytes in base64.
    pub(crate) raw: String,
    pub(crate) is_base64: bool,
    /// Whether that is not all.
    pub(crate) is_truncated: bool,
}

impl Shown {
    fn write_json(&self, out: &mut Vec<u8>) {
        if self.is_base64 {
            out.extend_from_slice(b",\"raw_base64\":\"");
            out.extend_from_slice(self.raw.as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(b",\"raw\":");
            text::push_json_string(out, &self.raw);
        }
        if self.is_truncated {
            out.extend_from_slice(b",\"truncated\":true");
        }
    }
}

/// A reject that was written elsewhere than in a rejects file, without its input.
#[cfg(feature = "arrow")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectRow {
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) shown: Shown,
}

#[cfg(feature = "arrow")]
impl RejectRow {
    /// Appends what [`Reject::write_json`] would.
    pub(crate) fn write_json(&self, input: &str, out: &mut Vec<u8>) {
        write_input(input, out);
        write_place(self.line, self.offset, self.reason, &self.message, out);
        self.shown.write_json(out);
        out.extend_from_slice(b"}\n");
    }
}

/// Appends where a reject is and why it is one.
fn write_place(line: u64, offset: u64, reason: Reason, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(LINE);
    text::push_decimal(out, line);
    out.extend_from_slice(b",\"offset\":");
    text::push_decimal(out, offset);
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(reason.code().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    text::push_json_string(out, message);
}

/// Appends the start of a reject, which names its input.
fn write_input(input: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"input\":");
    text::push_json_string(out, input);
}

/// Appends rejects of an input that were written without their starts, whole lines, each with its start.
pub(crate) fn write_inputs(input: &str, rests: &[u8], out: &mut Vec<u8>) {
    let mut start = Vec::new();
    write_input(input, &mut start);
    let mut at = 0;
    for newline in memchr::memchr_iter(b'\n', rests) {
        out.extend_from_slice(&start);
        out.extend_from_slice(&rests[at..=newline]);
        at = newline + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decoder, Verdict};
    use serde_json::{Value, json};

    fn json_of(raw: &[u8]) -> Value {
        let Verdict::Invalid(fault) = Decoder::new(10_000).decode(raw) else {
            panic!("valid");
        };
        let (mut message, mut out) = (String::new(), Vec::new());
        fault.push_message(raw, &mut message);
        Reject {
            input: "a\u{1b}.jsonl",
            input_index: 0,
            line: 4,
            offset: 312,
            fault,
            raw,
            cut: None,
        }
        .write_json(&message, &mut out);
        let mut writer = JsonWriter::default();
        for input in ["a\u{1b}.jsonl", "", &"long".repeat(20), "a\u{1b}.jsonl"] {
            let reject = Reject::new(input, 4, 312, fault, raw);
            let mut one = Vec::new();
            reject.write_json(&message, &mut one);
            let mut other = Vec::new();
            let digits = [&Decimal::new(4), &Decimal::new(312)];
            writer.write(&reject, digits, message.as_bytes(), &mut other);
            assert_eq!(one, other);
        }
        assert_eq!(memchr::memchr_iter(b'\n', &out).count(), 1);
        assert!(out.ends_with(b"}\n"));
        assert!(
            std::str::from_utf8(&out[..out.len() - 1])
                .unwrap()
                .chars()
                .all(text::is_showable)
        );
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_reject_holds_the_place_the_reason_and_the_line() {
        assert_eq!(
            json_of(b"{\"user_id\":\"\x7f\\u001b\xe2\x80\xae\"}\r"),
            json!({
                "input": "a\u{1b}.jsonl",
                "line": 4,
                "offset": 312,
                "reason": "invalid_user_id",
                "message": "user_id \"\\u007f\\u001b\\u202e\" is a string, not an integer",
                "raw": "{\"user_id\":\"\u{7f}\\u001b\u{202e}\"}\r",
            })
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_kept_in_base64() {
        let reject = json_of(b"{\"a\":\"\xff\"}");
        assert_eq!(reject["reason"], "invalid_utf8");
        assert_eq!(reject["raw_base64"], "eyJhIjoi/yJ9");
        assert_eq!(reject.get("raw"), None);
        assert_eq!(reject.get("truncated"), None);
    }

    #[test]
    fn long_lines_are_cut_at_4_kib() {
        let at_the_limit = "x".repeat(RAW_LIMIT);
        assert_eq!(json_of(at_the_limit.as_bytes()).get("truncated"), None);

        let reject = json_of(&[b'x'; RAW_LIMIT + 1]);
        assert_eq!(reject["raw"], at_the_limit);
        assert_eq!(reject["truncated"], true);

        // A character that does not fit whole is left out whole.
        let reject = json_of(format!("{}é", "x".repeat(RAW_LIMIT - 1)).as_bytes());
        assert_eq!(reject["raw"].as_str().unwrap().len(), RAW_LIMIT - 1);
        assert_eq!(reject["truncated"], true);

        // What is not UTF-8 past the cut is not UTF-8 all the same.
        let mut bytes = vec![b'x'; RAW_LIMIT];
        bytes.push(0xff);
        let reject = json_of(&bytes);
        assert_eq!(
            reject["raw_base64"].as_str().unwrap().len(),
            RAW_LIMIT.div_ceil(3) * 4
        );
        assert_eq!(reject["truncated"], true);

        assert_eq!(json_of(&[b'x'; 10_001])["reason"], "line_too_long");
    }
}
