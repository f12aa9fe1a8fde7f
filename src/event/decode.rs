//! From a line to its verdict: the general lane, which decodes any line with simd-json, and the
//! choice between it and the fast lane.

use std::sync::Arc;

use simd_json::{Buffers, Node, StaticNode, Tape};

use super::amount::Amount;
pub use super::fast::Run;
use super::fast::{FastLane, Given, Limits, Means, Sink, Usual};
use super::fault::Fault;
use super::field::Field;
use super::schema::Schema;
use super::user_id::UserId;
use super::zone::LocalDays;
use super::{Event, rules};

/// The longest line that simd-json gets to see, in bytes. Its index and tape need about 25 times a
/// line's length in the worst case, per worker; longer lines are read without a copy instead.
const SIMD_JSON_LIMIT: usize = 128 * 1024;

/// The default limit on the length of a line, in bytes: 16 MiB.
///
/// ```
/// use daytally::Options;
/// use daytally::event::DEFAULT_MAX_LINE_BYTES;
/// assert_eq!(Options::default().max_line_bytes, DEFAULT_MAX_LINE_BYTES);
/// ```
pub const DEFAULT_MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What a line turned out to be.
///
/// ```
/// use daytally::event::{Decoder, Verdict};
///
/// fn describe(line: &[u8]) -> String {
///     match Decoder::default().decode(line) {
///         Verdict::Blank => "blank".into(),
///         Verdict::Valid(event) => format!("user {}", event.user_id()),
///         Verdict::Invalid(fault) => fault.message(line).to_string(),
///     }
/// }
/// assert_eq!(describe(b"  "), "blank");
/// assert_eq!(describe(br#"{"event_type":"view"}"#), "there is no key \"user_id\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing but JSON white space: neither valid nor invalid.
    Blank,
    /// A valid event.
    Valid(Event),
    /// Not a valid event, and why.
    Invalid(Fault),
}

/// Which ways of reading a line are taken. The verdicts are the same.
///
/// ```
/// use daytally::event::{Decoder, Lanes};
///
/// let line = br#"{"user_id":7,"event_type":"view","timestamp":"2024-01-01T08:00Z"}"#;
/// let [all, general] = [Lanes::All, Lanes::General]
///     .map(|lanes| Decoder::with_lanes(1024, lanes).decode_next(line).verdict);
/// assert_eq!(all, general);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lanes {
    /// The fast lane for ordinary lines, the general lane for the others.
    #[default]
    All,
    /// The general lane for all lines: for doubt, and for comparison.
    General,
}

/// A line and its verdict.
///
/// ```
/// use daytally::event::{Decoder, Verdict};
///
/// // A text, line by line.
/// let mut decoder = Decoder::default();
/// let (mut rest, mut invalid) = (&b"{}\n\nnonsense"[..], Vec::new());
/// while !rest.is_empty() {
///     let decoded = decoder.decode_next(rest);
///     if let Verdict::Invalid(fault) = decoded.verdict {
///         invalid.push((decoded.line, fault.reason().code()));
///     }
///     rest = &rest[decoded.len..];
/// }
/// assert_eq!(invalid, [(&b"{}"[..], "missing_user_id"), (b"nonsense", "invalid_json")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// What the line turned out to be.
    pub verdict: Verdict,
    /// The line, without its `\n`.
    pub line: &'a [u8],
    /// The bytes of the line, with its `\n` if it has one.
    pub len: usize,
}

/// Decodes lines into events, reusing its buffers from line to line.
///
/// ```
/// use daytally::event::{Decoder, Verdict};
///
/// let mut decoder = Decoder::default();
/// let line = br#"{"user_id": 7, "event_type": "click", "timestamp": "2024-01-01T08:00:00Z"}"#;
/// let Verdict::Valid(event) = decoder.decode(line) else { unreachable!() };
/// assert_eq!(event.date().to_string(), "2024-01-01");
/// assert_eq!(event.user_id().get(), 7);
/// assert_eq!(decoder.decode(b" \t\r"), Verdict::Blank);
/// ```
pub struct Decoder {
    fast: Fast,
    general: General,
}

/// The fast lane, if there is one.
#[expect(
    clippy::large_enum_variant,
    reason = "a decoder is made once, and what is looked at for every line is not far away"
)]
enum Fast {
    None,
    Usual(FastLane<Usual>),
    Given(Box<FastLane<Given>>),
}

impl Fast {
    /// Reads lines, as the lane does; where there is none, none is ordinary.
    #[inline]
    fn read(&mut self, text: &[u8], limits: Limits, mut sink: impl Sink) -> Run {
        match self {
            Fast::Usual(fast) => fast.read(text, limits, sink),
            Fast::Given(fast) => fast.read(text, limits, sink),
            Fast::None => {
                let mut run = Run::default();
                while run.lines < limits.lines
                    && run.len < limits.end
                    && let Some(len) = sink.refused(run, &text[run.len..])
                {
                    run.lines += 1;
                    run.len += len;
                }
                run
            }
        }
    }
}

/// The general lane.
struct General {
    max_line_bytes: usize,
    schema: Arc<Schema>,
    /// Whether lines come here first, and not only those that the fast lane refuses.
    is_alone: bool,
    days: LocalDays,
    /// A copy of the line, which simd-json writes into, and the padding it wants after it.
    scratch: Vec<u8>,
    buffers: Buffers,
    /// Kept for its allocation; taken while in use.
    tape: Option<Tape<'static>>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("max_line_bytes", &self.general.max_line_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new(DEFAULT_MAX_LINE_BYTES)
    }
}

impl Decoder {
    /// A decoder for which a line of more than `max_line_bytes` bytes is invalid.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Decoder {
        Decoder::with_lanes(max_line_bytes, Lanes::All)
    }

    /// The same, with a choice of lanes.
    #[must_use]
    pub fn with_lanes(max_line_bytes: usize, lanes: Lanes) -> Decoder {
        Decoder::with_schema(max_line_bytes, lanes, Schema::usual())
    }

    /// The same with all lanes, the fast one by these means. For benchmarks and tests: the best means that there are
    /// are used anyway.
    #[doc(hidden)]
    #[must_use]
    pub fn with_means(max_line_bytes: usize, means: Means) -> Decoder {
        let mut decoder = Decoder::new(max_line_bytes);
        decoder.fast = Fast::Usual(FastLane::with(means, Usual));
        decoder
    }

    /// The same for events of another schema.
    ///
    /// Fields that are in other objects are read by the general lane alone.
    #[must_use]
    pub fn with_schema(max_line_bytes: usize, lanes: Lanes, schema: &Schema) -> Decoder {
        let schema = Arc::new(schema.clone());
        let fast = match lanes {
            Lanes::All if schema.is_usual() => Fast::Usual(FastLane::default()),
            Lanes::All if schema.is_flat() => {
                Fast::Given(Box::new(FastLane::new(Given::new(&schema))))
            }
            Lanes::All | Lanes::General => Fast::None,
        };
        let general = General {
            max_line_bytes,
            is_alone: matches!(fast, Fast::None),
            days: LocalDays::new(schema.zone()),
            schema,
            scratch: Vec::new(),
            buffers: Buffers::default(),
            tape: None,
        };
        Decoder { fast, general }
    }

    /// Passes over lines that are valid events and gives their events to `sink`: those at the start of
    /// `text`, up to `lines`, that start before `end`. It stops at any line that takes more than a
    /// look, which [`decode_next`](Decoder::decode_next) then decodes; that may be the first.
    ///
    /// `text` should go on as far as it can, past `end` for one. What follows a line decides at most
    /// whether it is passed over here, never its event: the last lines of `text` may be left over, and
    /// with [`Lanes::General`] all are.
    ///
    /// ```
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let line = "{\"user_id\":7,\"event_type\":\"a\",\"timestamp\":\"2024-01-01T08:00:00Z\"}\n";
    /// let text = line.repeat(100) + "nonsense\n" + line;
    /// let (mut valid, mut invalid) = (0, 0);
    /// let mut decoder = Decoder::default();
    /// let mut rest = text.as_bytes();
    /// while !rest.is_empty() {
    ///     let run = decoder.decode_run(rest, rest.len(), 1000, |event| valid += event.user_id().get());
    ///     rest = &rest[run.len..];
    ///     if !rest.is_empty() {
    ///         let next = decoder.decode_next(rest);
    ///         match next.verdict {
    ///             Verdict::Valid(event) => valid += event.user_id().get(),
    ///             Verdict::Invalid(_) => invalid += 1,
    ///             Verdict::Blank => {}
    ///         }
    ///         rest = &rest[next.len..];
    ///     }
    /// }
    /// assert_eq!((valid, invalid), (101 * 7, 1));
    /// ```
    #[doc(hidden)]
    #[inline]
    pub fn decode_run(
        &mut self,
        text: &[u8],
        end: usize,
        lines: usize,
        sink: impl FnMut(Event),
    ) -> Run {
        struct Events<F>(F);

        impl<F: FnMut(Event)> Sink for Events<F> {
            #[inline]
            fn event(&mut self, event: Event) {
                (self.0)(event);
            }

            fn refused(&mut self, _: Run, _: &[u8]) -> Option<usize> {
                None
            }
        }

        let limits = self.general.limits(text, end, lines);
        self.fast.read(text, limits, Events(sink))
    }

    /// Decodes lines: those at the start of `text`, up to `lines`, that start before `end`. The events of
    /// valid ones go to `event`, all others to `other`, each with how many lines and bytes there are
    /// before it.
    ///
    /// As for [`decode_run`](Decoder::decode_run), `text` should go on as far as it can.
    ///
    /// ```
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let line = "{\"user_id\":7,\"event_type\":\"a\",\"timestamp\":\"2024-01-01T08:00:00Z\"}\n";
    /// let text = line.repeat(3) + "nonsense\n" + line;
    /// let (mut users, mut invalid) = (0, Vec::new());
    /// let run = Decoder::default().decode_lines(
    ///     text.as_bytes(),
    ///     text.len(),
    ///     1000,
    ///     |event| users += event.user_id().get(),
    ///     |before, other| invalid.push((before.lines, other.line.len())),
    /// );
    /// assert_eq!((users, invalid), (4 * 7, vec![(3, 8)]));
    /// assert_eq!((run.lines, run.len), (5, text.len()));
    /// ```
    #[doc(hidden)]
    #[inline]
    pub fn decode_lines(
        &mut self,
        text: &[u8],
        end: usize,
        lines: usize,
        event: impl FnMut(Event),
        other: impl FnMut(Run, Decoded<'_>),
    ) -> Run {
        let limits = self.general.limits(text, end, lines);
        let sink = Verdicts {
            general: &mut self.general,
            event,
            other,
        };
        self.fast.read(text, limits, sink)
    }

    /// The line at the start of `text`, up to its `\n` or the end, and the verdict on it.
    ///
    /// As for [`decode_run`](Decoder::decode_run), `text` should go on as far as it can.
    ///
    /// ```
    /// use daytally::event::{Decoder, Verdict};
    ///
    /// let decoded = Decoder::default().decode_next(b"  \n{}");
    /// assert_eq!((decoded.verdict, decoded.line, decoded.len), (Verdict::Blank, &b"  "[..], 3));
    /// ```
    pub fn decode_next<'a>(&mut self, text: &'a [u8]) -> Decoded<'a> {
        let mut event = None;
        let run = self.decode_run(text, text.len(), 1, |read| event = Some(read));
        match event {
            Some(event) => {
                let line = &text[..run.len];
                Decoded {
                    verdict: Verdict::Valid(event),
                    line: line.strip_suffix(b"\n").unwrap_or(line),
                    len: run.len,
                }
            }
            None => self.general.decode_next(text),
        }
    }

    /// The verdict on one line, given without its `\n`, by the general lane.
    pub fn decode(&mut self, line: &[u8]) -> Verdict {
        self.general.decode(line)
    }
}

/// Where lines go: their events, and what the general lane says of the others.
struct Verdicts<'a, E, O> {
    general: &'a mut General,
    event: E,
    other: O,
}

impl<E: FnMut(Event), O: FnMut(Run, Decoded<'_>)> Sink for Verdicts<'_, E, O> {
    #[inline]
    fn event(&mut self, event: Event) {
        (self.event)(event);
    }

    #[inline(never)]
    fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize> {
        let decoded = self.general.decode_next(rest);
        match decoded.verdict {
            Verdict::Valid(event) => (self.event)(event),
            Verdict::Blank | Verdict::Invalid(_) => (self.other)(before, decoded),
        }
        Some(decoded.len)
    }
}

impl General {
    /// How far lines of a text are read that start before `end`, and so many at most.
    fn limits(&self, text: &[u8], end: usize, lines: usize) -> Limits {
        Limits {
            end: end.min(text.len()),
            lines,
            line_bytes: self.max_line_bytes,
        }
    }

    /// The line at the start of `text`, and the verdict on it.
    #[inline(never)]
    fn decode_next<'a>(&mut self, text: &'a [u8]) -> Decoded<'a> {
        let (line, len) = match memchr::memchr(b'\n', text) {
            Some(end) => (&text[..end], end + 1),
            None => (text, text.len()),
        };
        // Most lines that the fast lane refuses are invalid. simd-json would refuse them too, and
        // could not say why.
        let verdict = if self.is_alone {
            self.decode(line)
        } else {
            self.decode_plainly(line)
        };
        Decoded { verdict, line, len }
    }

    /// The verdict on one line, given without its `\n`.
    fn decode(&mut self, line: &[u8]) -> Verdict {
        if line.len() <= self.max_line_bytes
            && !is_blank(line)
            && let Some(event) = self.decode_ordinary(line)
        {
            debug_assert_eq!(
                rules::judge(line, &self.schema),
                Ok(event),
                "the lanes disagree"
            );
            return Verdict::Valid(event);
        }
        self.decode_plainly(line)
    }

    /// The same, without a look by simd-json first.
    fn decode_plainly(&self, line: &[u8]) -> Verdict {
        if line.len() > self.max_line_bytes {
            return Verdict::Invalid(Fault::line_too_long(line.len() as u64, self.max_line_bytes));
        }
        if is_blank(line) {
            return Verdict::Blank;
        }
        match rules::judge(line, &self.schema) {
            Ok(event) => Verdict::Valid(event),
            Err(fault) => Verdict::Invalid(fault),
        }
    }

    /// The event of a line that simd-json accepts and that breaks no rule. `None` is no verdict:
    /// the line may still be valid, with a number in it that simd-json cannot hold, for one.
    fn decode_ordinary(&mut self, line: &[u8]) -> Option<Event> {
        if line.len() > SIMD_JSON_LIMIT {
            return None;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(line);
        self.scratch
            .resize(line.len() + simd_json::INPUT_PADDING, b' ');
        let base = self.scratch.as_ptr().addr();

        let mut tape = self.tape.take().map_or_else(Tape::null, Tape::reset);
        let event = simd_json::fill_tape_padded(
            &mut self.scratch,
            line.len(),
            &mut self.buffers,
            &mut tape,
        )
        .ok()
        .and_then(|()| event_on_tape(&tape.0, line, base, &self.schema, &mut self.days));
        self.tape = Some(tape.reset());
        event
    }
}

/// A value on a tape: the key of its member, and the nodes from the value on.
type Value<'t, 's> = (&'s str, &'t [Node<'s>]);

/// The event on a tape, if every rule holds. `base` is the address of the copy of the line that the
/// tape's strings point into.
fn event_on_tape(
    tape: &[Node<'_>],
    line: &[u8],
    base: usize,
    schema: &Schema,
    days: &mut LocalDays,
) -> Option<Event> {
    let mut values = [None; Field::COUNT];
    for_each_member(tape, |key, value| {
        if schema.has_usual_names() {
            if let Some(field) = Field::from_key(key.as_bytes()) {
                values[field.index()] = Some((key, value));
            }
        } else {
            for field in schema.fields_of_key(key.as_bytes()) {
                values[field.index()] = Some((key, value));
            }
        }
    })?;
    if !schema.has_usual_names() {
        for field in Field::ALL {
            let inner = schema.path(field).keys().iter().skip(1);
            let value = &mut values[field.index()];
            *value = inner.fold(*value, |value, key| last_member(value?.1, key));
        }
    }
    let node =
        |field: Field| values[field.index()].and_then(|(_, value): Value<'_, '_>| value.first());

    let user_id = match node(Field::UserId)? {
        Node::Static(StaticNode::I64(id)) => UserId::from(*id),
        Node::Static(StaticNode::U64(id)) => UserId::from(*id),
        _ => return None,
    };
    let Node::String(event_type) = node(Field::EventType)? else {
        return None;
    };
    let Node::String(timestamp) = node(Field::Timestamp)? else {
        return None;
    };
    let date = schema.date_with(timestamp.as_bytes(), days)?;
    let purchase = if event_type.is_empty() {
        return None;
    } else if schema.is_purchase(event_type.as_bytes()) {
        let Node::Static(StaticNode::I64(_) | StaticNode::U64(_) | StaticNode::F64(_)) =
            node(Field::Amount)?
        else {
            return None;
        };
        // The tape has the amount as a binary float; its written digits are in the line, after the
        // key, which starts one byte after its quote.
        let (key, _) = values[Field::Amount.index()]?;
        let quote = key.as_ptr().addr().checked_sub(base + 1)?;
        let number = rules::number_after_key(line, quote)?;
        Some(number.of(line, Amount::from_json_number).ok()?)
    } else {
        None
    };
    Some(Event::new(date, user_id, purchase))
}

/// Gives `look` each member of the object that starts here; `None` if there is none.
#[inline]
fn for_each_member<'t, 's>(
    object: &'t [Node<'s>],
    mut look: impl FnMut(&'s str, &'t [Node<'s>]),
) -> Option<()> {
    let (Node::Object { len, .. }, mut rest) = object.split_first()? else {
        return None;
    };
    for _ in 0..*len {
        let (Node::String(key), value) = rest.split_first()? else {
            return None;
        };
        look(key, value);
        let nodes_of_value = match value.first()? {
            Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
            Node::String(_) | Node::Static(_) => 1,
        };
        rest = value.get(nodes_of_value..)?;
    }
    Some(())
}

/// The last member with a key of an object.
fn last_member<'t, 's>(object: &'t [Node<'s>], key: &str) -> Option<Value<'t, 's>> {
    let mut last = None;
    for_each_member(object, |there, value| {
        if there == key {
            last = Some((there, value));
        }
    })?;
    last
}

/// Whether a line is nothing but JSON white space.
#[inline]
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reason;

    fn verdict(line: impl AsRef<[u8]>) -> Verdict {
        Decoder::new(2_000_000).decode(line.as_ref())
    }

    #[track_caller]
    fn shown(line: impl AsRef<[u8]>) -> String {
        match verdict(line) {
            Verdict::Blank => "blank".into(),
            Verdict::Valid(event) => format!(
                "{} {} {}",
                event.date(),
                event.user_id(),
                event
                    .purchase()
                    .map_or("-".into(), |a| a.units().to_string())
            ),
            Verdict::Invalid(fault) => fault.reason().code().into(),
        }
    }

    const T: &str = r#""timestamp":"2024-01-01T00:00:00Z""#;

    #[test]
    fn blank_is_white_space_of_json() {
        for line in ["", " ", "\t", "\r", " \t \r"] {
            assert_eq!(shown(line), "blank");
        }
        for line in ["\u{c}", "\u{b}", "\u{a0}", "\0", "\u{feff}"] {
            assert_eq!(shown(line), "invalid_json", "{line:?}");
        }
    }

    #[test]
    fn each_rule_in_its_order() {
        // Each line breaks the rule it is listed under and every later one that it can.
        let too_long = "[".repeat(2_000_001);
        for (line, expected) in [
            (too_long.as_str(), Reason::LineTooLong),
            ("{nope}", Reason::InvalidJson),
            (r#"{"x":"\ud800"}"#, Reason::InvalidJson),
            ("[]", Reason::NotAnObject),
            ("1e400", Reason::NotAnObject),
            ("{}", Reason::MissingUserId),
            (r#"{"User_id":1}"#, Reason::MissingUserId),
            (r#"{"x":{"user_id":1}}"#, Reason::MissingUserId),
            (r#"{"user_id":"1"}"#, Reason::InvalidUserId),
            (r#"{"user_id":true}"#, Reason::InvalidUserId),
            (r#"{"user_id":null}"#, Reason::InvalidUserId),
            (r#"{"user_id":1.0}"#, Reason::InvalidUserId),
            (r#"{"user_id":1e3}"#, Reason::InvalidUserId),
            (r#"{"user_id":1e400}"#, Reason::InvalidUserId),
            (
                r#"{"user_id":18446744073709551616}"#,
                Reason::UserIdOutOfRange,
            ),
            (
                r#"{"user_id":-9223372036854775809}"#,
                Reason::UserIdOutOfRange,
            ),
            (r#"{"user_id":1}"#, Reason::MissingEventType),
            (r#"{"user_id":1,"event_type":7}"#, Reason::InvalidEventType),
            (r#"{"user_id":1,"event_type":""}"#, Reason::EmptyEventType),
            (
                r#"{"user_id":1,"event_type":"a"}"#,
                Reason::MissingTimestamp,
            ),
            (
                r#"{"user_id":1,"event_type":"a","timestamp":0}"#,
                Reason::InvalidTimestamp,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"x"}"#,
                Reason::InvalidTimestamp,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00"}"#,
                Reason::TimestampNotUtc,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00Z"}"#,
                Reason::MissingAmount,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00Z","amount":"1"}"#,
                Reason::InvalidAmount,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00Z","amount":-0.0}"#,
                Reason::NonPositiveAmount,
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00Z","amount":1e15}"#,
                Reason::AmountOutOfRange,
            ),
        ] {
            assert_eq!(
                shown(line),
                expected.code(),
                "{}",
                &line[..line.len().min(99)]
            );
        }
        assert_eq!(shown(b"{\"\xff\":}"), "invalid_utf8");
        assert_eq!(shown(b"\xef\xbf\xbe \xed\xa0\x80"), "invalid_utf8");
    }

    #[test]
    fn what_is_valid_and_what_it_counts() {
        for (line, expected) in [
            (
                format!(r#"{{"user_id":1,"event_type":"view",{T}}}"#),
                "2024-01-01 1 -",
            ),
            (
                format!(r#"{{"user_id":-0,"event_type":" ",{T}}}"#),
                "2024-01-01 0 -",
            ),
            (
                format!(r#"{{"user_id":1,"event_type":"Purchase",{T}}}"#),
                "2024-01-01 1 -",
            ),
            (
                format!(r#"{{"user_id":1,"event_type":"view","amount":"x",{T}}}"#),
                "2024-01-01 1 -",
            ),
            (
                format!(r#"{{"user_id":18446744073709551615,"event_type":"view",{T}}}"#),
                "2024-01-01 18446744073709551615 -",
            ),
            (
                format!(r#"{{"user_id":-9223372036854775808,"event_type":"view",{T}}}"#),
                "2024-01-01 -9223372036854775808 -",
            ),
            (
                format!(r#"{{"amount" : 19.99 ,"user_id":1,"event_type":"purchase",{T}}}"#),
                "2024-01-01 1 19990000000000000000",
            ),
            (
                format!(r#"{{"user_id":1,"event_type":"purchase",{T},"\u0061mount":	1e-18}}"#),
                "2024-01-01 1 1",
            ),
            (
                format!(
                    r#"{{"amount":"x","user_id":null,"user_id":1,"event_type":"purch\u0061se",{T},"amount":2}}"#
                ),
                "2024-01-01 1 2000000000000000000",
            ),
            (
                format!(
                    r#"{{"user\u005fid":1,"event_type":"purchase",{T},"amount":1e-400,"x":[1e400,{{"amount":3}}]}}"#
                ),
                "2024-01-01 1 0",
            ),
            (
                r#"{"user_id":1,"event_type":"view","timestamp":"2024-01-01\u005400:00:00\u005a"}"#
                    .into(),
                "2024-01-01 1 -",
            ),
            (
                format!("\t{{\"user_id\"\r: 1,\"event_type\":\"view\",{T}}}\r"),
                "2024-01-01 1 -",
            ),
            (
                format!(
                    r#"{{"user_id":1,"event_type":"view",{T},"x":"{}"}}"#,
                    "x".repeat(1 << 20)
                ),
                "2024-01-01 1 -",
            ),
        ] {
            assert_eq!(shown(&line), expected, "{}", &line[..line.len().min(99)]);
        }
    }

    #[test]
    fn the_depth_limit_holds_in_both_readers() {
        for pad in [0, SIMD_JSON_LIMIT] {
            let event = |levels: usize| {
                format!(
                    r#"{{"user_id":1,"event_type":"view",{T},"x":{}{},"y":"{}"}}"#,
                    "[".repeat(levels - 1),
                    "]".repeat(levels - 1),
                    " ".repeat(pad)
                )
            };
            assert_eq!(shown(event(1024)), "2024-01-01 1 -");
            assert_eq!(shown(event(1025)), "invalid_json");
        }
    }

    #[test]
    fn nothing_is_kept_from_one_line_to_the_next() {
        let mut decoder = Decoder::default();
        let good = format!(r#"{{"user_id":1,"event_type":"purchase",{T},"amount":1}}"#);
        let first = decoder.decode(good.as_bytes());
        for line in ["{", "", "[1,2,3]", r#"{"user_id":2}"#, "\u{feff}"] {
            decoder.decode(line.as_bytes());
            assert_eq!(decoder.decode(good.as_bytes()), first);
        }
    }
}
