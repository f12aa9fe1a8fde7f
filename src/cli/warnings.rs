//! The log lines of rejects, formatted side by side.
//!
//! All other lines of the log go through tracing. There can be as many rejects as events, though,
//! and an event of tracing takes ten times as long as a line, most of it under a lock. So these
//! lines are put together here: the same bytes that tracing-subscriber would write for
//!
//! ```text
//! tracing::warn!(input, line, offset, reason, "{message}")
//! ```
//!
//! The tests hold the two against each other.

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::args::LogFormat;
use super::log::field;
use daytally::Reject;
use daytally::event::Reason;
use daytally::text::{self, Decimal, Piece, Short};

/// Log lines of some rejects, all of the time of the first.
#[derive(Clone)]
pub(super) struct Warnings {
    format: LogFormat,
    lines: Vec<u8>,
    /// How each line starts: up to the message.
    start: Piece,
    /// The input of the last reject, and what is between message and line number for it.
    input: String,
    middle: Option<Piece>,
}

impl Warnings {
    pub(super) fn new(format: LogFormat) -> Warnings {
        Warnings {
            format,
            lines: Vec::new(),
            start: Piece::new(""),
            input: String::new(),
            middle: None,
        }
    }

    /// Adds the line for a reject. `line` and `offset` are its own in digits, and `message` is its fault's.
    pub(super) fn add(
        &mut self,
        reject: &Reject<'_>,
        [line, offset]: [&Decimal; 2],
        message: &[u8],
    ) {
        if self.lines.is_empty() {
            self.start_now();
        }
        if self.input != reject.input {
            reject.input.clone_into(&mut self.input);
            self.middle = None;
        }
        let format = self.format;
        let middle = self
            .middle
            .get_or_insert_with(|| middle(reject.input, format));
        let reason = reject.fault.reason() as usize;
        let out = &mut self.lines;
        self.start.push(out);
        match format {
            LogFormat::Text => {
                out.extend_from_slice(message);
                middle.push(out);
                line.push(out);
                out.extend_from_slice(b" offset=");
                offset.push(out);
                TEXT_REASONS[reason].push(out);
            }
            LogFormat::Json => {
                text::push_json_bytes(out, message);
                middle.push(out);
                line.push(out);
                out.extend_from_slice(b",\"offset\":");
                offset.push(out);
                JSON_REASONS[reason].push(out);
            }
        }
    }

    /// The lines added since the last [`clear`](Warnings::clear).
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The same, to be taken: what is left is there the next time.
    pub(super) fn lines_mut(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
    }

    fn start_now(&mut self) {
        let mut time = String::new();
        // The clock's text is written to memory, which cannot fail.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        self.start = Piece::new(&match self.format {
            LogFormat::Text => format!("{time}  WARN "),
            LogFormat::Json => {
                format!("{{\"timestamp\":\"{time}\",\"level\":\"WARN\",\"message\":")
            }
        });
    }
}

/// What is between message and line number for an input.
fn middle(input: &str, format: LogFormat) -> Piece {
    let shown = field(input, format);
    Piece::new(&match format {
        LogFormat::Text => format!(" input={shown} line="),
        LogFormat::Json => {
            let mut string = Vec::new();
            text::push_json_string(&mut string, &shown);
            format!(",\"input\":{},\"line\":", String::from_utf8_lossy(&string))
        }
    })
}

/// How lines end for each reason.
const fn reasons(start: &str, end: &str) -> [Short; Reason::ALL.len()] {
    let mut all = [Short::new(&[]); Reason::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = Short::new(&[start, Reason::ALL[at].code(), end]);
        at += 1;
    }
    all
}

static TEXT_REASONS: [Short; Reason::ALL.len()] = reasons(" reason=", "\n");
static JSON_REASONS: [Short; Reason::ALL.len()] = reasons(",\"reason\":\"", "\"}\n");

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::super::log::subscriber;
    use super::*;
    use daytally::event::{Decoder, Verdict};
    use tracing_subscriber::filter::LevelFilter;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What tracing-subscriber writes for the rejects.
    fn traced(rejects: &[Reject<'_>], format: LogFormat) -> String {
        let written = Written::default();
        let make_writer = {
            let written = written.clone();
            move || written.clone()
        };
        let subscriber = subscriber(format, LevelFilter::WARN, make_writer);
        tracing::dispatcher::with_default(&subscriber, || {
            for reject in rejects {
                tracing::warn!(
                    input = %field(reject.input, format),
                    line = reject.line,
                    offset = reject.offset,
                    reason = %reject.fault.reason(),
                    "{}",
                    reject.fault.message(reject.raw)
                );
            }
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// The same, written here.
    fn ours(rejects: &[Reject<'_>], format: LogFormat) -> String {
        let mut warnings = Warnings::new(format);
        for reject in rejects {
            let mut message = String::new();
            reject.fault.push_message(reject.raw, &mut message);
            let digits = [&Decimal::new(reject.line), &Decimal::new(reject.offset)];
            warnings.add(reject, digits, message.as_bytes());
        }
        let lines = String::from_utf8(warnings.lines().to_vec()).unwrap();
        warnings.clear();
        assert!(warnings.lines().is_empty());
        lines
    }

    /// Log lines with every digit of their time made the same.
    fn without_times(log: &str, format: LogFormat) -> Vec<String> {
        let start = match format {
            LogFormat::Text => 0,
            LogFormat::Json => "{\"timestamp\":\"".len(),
        };
        let end = start + "2024-01-01T00:00:00.000000Z".len();
        log.lines()
            .map(|line| {
                let time = line[start..end].replace(|c: char| c.is_ascii_digit(), "0");
                [&line[..start], &time, &line[end..]].concat()
            })
            .collect()
    }

    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let value = prop_oneof![
            Just("null".to_owned()),
            Just("-1.50".to_owned()),
            Just("1e99".to_owned()),
            "[0-9]{1,25}",
            "\"\\PC{0,100}\"",
            "\"[\\\\u0-9a-f\"\\x00-\\x7f]{0,20}\"",
            "\\[\"\\PC{0,5}\"\\]",
        ];
        let event =
            (value.clone(), value.clone(), value).prop_map(|(user_id, event_type, timestamp)| {
                format!(
                    r#"{{"user_id":{user_id},"event_type":{event_type},"timestamp":{timestamp}}}"#
                )
                .into_bytes()
            });
        prop_oneof![
            4 => event,
            1 => "\\PC{1,40}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 1..40),
        ]
    }

    proptest! {
        #[test]
        fn lines_are_those_of_tracing_subscriber(
            lines in prop::collection::vec((lines(), any::<u64>(), any::<u64>()), 1..10),
            names in prop::collection::vec("[ -~]{0,12}|\\PC{0,12}|[\\x00-\\x9f\u{202e}]{0,4}", 2),
        ) {
            let mut decoder = Decoder::default();
            let mut rejects = Vec::new();
            for (raw, line, offset) in &lines {
                if let Verdict::Invalid(fault) = decoder.decode(raw) {
                    let input = &names[rejects.len() / 2 % 2];
                    rejects.push(Reject::new(input, *line, *offset, fault, raw));
                }
            }
            for format in [LogFormat::Text, LogFormat::Json] {
                let (ours, theirs) = (ours(&rejects, format), traced(&rejects, format));
                prop_assert_eq!(without_times(&ours, format), without_times(&theirs, format));
                prop_assert!(ours.is_empty() || ours.ends_with('\n'));
            }
        }
    }
}
