//! The fast lane against the general lane, on JSON Lines that a fuzzer makes up.
//!
//! An input is the text of a file of JSON Lines, so what is found can be given to `daytally aggregate` as it is, and
//! any such file is a seed. Beside the fuzzer's own mutations of bytes there are mutations of lines: generated ones, of
//! every profile and with every defect, are put in, and what is there is spliced, repeated and spoiled with tokens that
//! the rules care about.
//!
//! ```sh
//! fuzz/seeds
//! cargo +nightly fuzz run lanes -- -max_len=4096 -max_total_time=600
//! fuzz/reasons
//! ```
//!
//! A debug build, which is what cargo-fuzz makes, also holds each verdict of both lanes against the strict reader.

#![no_main]

use std::ops::Range;

use daytally::event::{DEFAULT_MAX_LINE_BYTES, Decoder, Event, Lanes, Verdict};
use daytally::generate::{Generator, Length, Profile, Settings};
use daytally::internals::Means;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|text: &[u8]| {
    for way in Way::all() {
        read_in_sequence(text, way, DEFAULT_MAX_LINE_BYTES, |line, verdict| {
            read_alone(line, way, verdict)
        });
        // Many lines are longer than this.
        read_in_sequence(text, way, 100, |_, _| ());
        read_in_runs(text, way);
        read_many(text, way);
    }
});

/// The ways of the fast lane through a line: walked, or by an index where there are means for one.
#[derive(Clone, Copy)]
struct Way {
    means: Means,
    has_index: bool,
}

impl Way {
    /// All that this machine has.
    fn all() -> impl Iterator<Item = Way> {
        Means::all().flat_map(|means| [false, true].map(|has_index| Way { means, has_index }))
    }
}

/// A decoder that goes this way, until many lines have shown that the other one is better.
fn fast_decoder(way: Way, max_line_bytes: usize) -> Decoder {
    let mut decoder = Decoder::with_means(max_line_bytes, way.means);
    if way.has_index {
        // Nested lines are those that it takes the index for.
        let line = br#"{"a":[{}],"user_id":1,"event_type":"b","timestamp":"2024-01-01T00:00:00Z"}"#;
        let text = [&line[..], b"\n"].concat().repeat(64);
        let mut at = 0;
        while at < text.len() {
            at += decoder.decode_next(&text[at..]).len;
        }
    }
    decoder
}

/// What becomes of lines: events, and other lines, with how many lines and bytes are before those.
type Lines = (
    Vec<Event>,
    Vec<(usize, usize, usize, Verdict)>,
    usize,
    usize,
);

fn lines_of(decoder: &mut Decoder, text: &[u8], end: usize, lines: usize) -> Lines {
    let (mut events, mut others) = (Vec::new(), Vec::new());
    let run = decoder.decode_lines(
        text,
        end,
        lines,
        |event| events.push(event),
        |before, other| others.push((before.lines, before.len, other.line.len(), other.verdict)),
    );
    (events, others, run.lines, run.len)
}

/// Reads a text as workers do, many lines together, up to an end and so many that its length chooses.
fn read_many(text: &[u8], way: Way) {
    let mut general = Decoder::with_lanes(DEFAULT_MAX_LINE_BYTES, Lanes::General);
    // All ways through a line are only open where so much stands behind it.
    let with_room = [text, b"\n", &[b' '; 2048]].concat();
    for (text, end, lines) in [
        (text, text.len(), usize::MAX),
        (text, text.len() - text.len() / 3, text.len() / 50),
        (&with_room, text.len(), usize::MAX),
    ] {
        assert_eq!(
            lines_of(
                &mut fast_decoder(way, DEFAULT_MAX_LINE_BYTES),
                text,
                end,
                lines
            ),
            lines_of(&mut general, text, end, lines),
        );
    }
}

/// Reads a text in runs of events, single lines in between, up to an end that its length chooses.
fn read_in_runs(text: &[u8], way: Way) {
    let mut fast = fast_decoder(way, DEFAULT_MAX_LINE_BYTES);
    let mut general = Decoder::with_lanes(DEFAULT_MAX_LINE_BYTES, Lanes::General);
    let end = text.len() - text.len() / 3;
    let mut at = 0;
    while at < end {
        let mut events = Vec::new();
        let run = fast.decode_run(&text[at..], end - at, 5, |event| events.push(event));
        assert_eq!(run.lines, events.len());
        let start = at;
        for event in events {
            assert!(at < end);
            let expected = general.decode_next(&text[at..]);
            assert_eq!(expected.verdict, Verdict::Valid(event));
            at += expected.len;
        }
        assert_eq!(at - start, run.len);
        if at < end {
            let expected = general.decode_next(&text[at..]);
            assert_eq!(fast.decode_next(&text[at..]), expected);
            at += expected.len;
        }
    }
}

/// What may follow a line in its input. None of it has any influence on the line.
const TAILS: [&[u8]; 5] = [
    b"",
    b"\n",
    b"\n{\"user_id\":1,\"event_type\":\"view\",\"timestamp\":\"2024-01-01T00:00:00Z\"}\n{\"user_id\":1}\n",
    b"\n\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
    b"\n\xff\xff\xff\xff\xff\xff\xff\xff00000000000000000000000000000000000000000000000000000000000000",
];

/// Reads a text line by line with both lanes, which have to agree on every line and where it ends. The fast lane learns
/// from line to line. `also` is told every line and its verdict.
fn read_in_sequence(text: &[u8], way: Way, max_line_bytes: usize, also: impl Fn(&[u8], Verdict)) {
    let mut fast = fast_decoder(way, max_line_bytes);
    let mut general = Decoder::with_lanes(max_line_bytes, Lanes::General);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let expected = general.decode_next(rest);
        let newline = rest.iter().position(|byte| *byte == b'\n');
        assert_eq!(expected.line, &rest[..newline.unwrap_or(rest.len())]);
        assert_eq!(expected.len, newline.map_or(rest.len(), |end| end + 1));
        assert_eq!(fast.decode_next(rest), expected);
        assert_eq!(fast.decode(expected.line), expected.verdict);
        also(expected.line, expected.verdict);
        if let Verdict::Invalid(fault) = expected.verdict {
            assert!(!fault.message(expected.line).to_string().is_empty());
        }
        at += expected.len;
    }
}

/// Reads a line twice with a lane that has learnt nothing but this way and the line itself, before a tail that its length chooses.
fn read_alone(line: &[u8], way: Way, verdict: Verdict) {
    let tail = TAILS[line.len() % TAILS.len()];
    let text = [line, tail].concat();
    let mut fast = fast_decoder(way, DEFAULT_MAX_LINE_BYTES);
    for _ in 0..2 {
        let decoded = fast.decode_next(&text);
        assert_eq!(decoded.verdict, verdict, "before {tail:?}");
        assert_eq!(decoded.line, line);
        assert_eq!(decoded.len, line.len() + usize::from(!tail.is_empty()));
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(u64::from(seed) | 1 << 32);
    if random.below(3) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut text = data[..size].to_vec();
    for _ in 0..=random.below(4) {
        mutate(&mut text, &mut random);
    }
    let len = text.len().min(max_size);
    data[..len].copy_from_slice(&text[..len]);
    len
});

/// Tokens that a rule turns on, or that the end of one state and the start of another may hang on.
#[rustfmt::skip]
const TOKENS: &[&[u8]] = &[
    b"{", b"}", b"[", b"]", b",", b":", b"\"", b"\\", b"\n", b"\r", b"\t", b" ", b"\0", b"-", b".", b"e", b"0", b"9",
    b"\"user_id\":", b"\"event_type\":", b"\"timestamp\":", b"\"amount\":", b"\"purchase\"", b"\"\"", b"null", b"true",
    b"false", b"{}", b"[]", b"\\u0075", b"\\ud83d", b"\\ude00", b"\\n", b"\\\"", b"\\\\", b"\"user\\u005fid\":1,",
    b"\"amount\": 1,", b"\"user_id\": -0,", b"1e400", b"1e-400", b"-0.0", b"1.0", b"18446744073709551615",
    b"18446744073709551616", b"-9223372036854775808", b"-9223372036854775809", b"999999999999999.9999999999999999995",
    b"1000000000000000", b"0.0000000000000000005", b"2024-02-29T23:59:60Z", b"2016-12-31T23:59:60Z", b"2024-366T24:00Z",
    b"9999-12-31T24Z", b"2020-W53-7T00+00:00", b"20240101T000000,5-0000", b"+01:00", b"Z", b"z", b"T", b"\xff", b"\xc3",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", "\u{e9}".as_bytes(), "\u{1f600}".as_bytes(), "\u{2212}".as_bytes(),
    b"                                 ", b"000000000000000000000000000000000",
];

/// Changes a text in one place.
fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    match random.below(11) {
        0 | 1 => {
            let at = line_start(text, random);
            insert(text, at, &generated_line(random));
        }
        2 => {
            let line = line_at(text, random);
            text.splice(line, generated_line(random));
        }
        3 => {
            // Reorders and repeats keys and whole lines.
            let copy = text[span(text.len(), 128, random)].to_vec();
            let at = random.below(text.len() + 1);
            insert(text, at, &copy);
        }
        4 => {
            text.drain(span(text.len(), 16, random));
        }
        5 | 6 => {
            let at = random.below(text.len() + 1);
            let replaced = if random.below(2) == 0 {
                0
            } else {
                random.below(24)
            };
            let end = (at + replaced).min(text.len());
            text.splice(at..end, TOKENS[random.below(TOKENS.len())].iter().copied());
        }
        7 | 8 => respell_number(text, random),
        9 => {
            // Often a member of an object, as the first thing in it.
            let from = random.below(text.len() + 1);
            let at = text[from..]
                .iter()
                .position(|byte| *byte == b'{')
                .map_or(from, |brace| from + brace + 1);
            insert(text, at, &nested_member(random));
        }
        _ => {
            // The same many times over: nesting, long strings, long numbers, many fields.
            let token = TOKENS[random.below(TOKENS.len())];
            let times = 1 << random.below(12);
            let at = random.below(text.len() + 1);
            insert(text, at, &token.repeat(times));
        }
    }
}

/// Changes how a number is written, or the digits of a timestamp: at its start, at its end, or by its length.
fn respell_number(text: &mut Vec<u8>, random: &mut Random) {
    let from = random.below(text.len() + 1);
    let Some(start) = text[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    // Back to the first digit, where the place is within a number.
    let start = text[..from + start]
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |before| before + 1);
    let len = text[start..]
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len() - start);
    let end = start + len;
    let digit = b'0' + random.below(10) as u8;
    match random.below(7) {
        0 => insert(text, start, b"0"),
        1 => insert(text, start, b"-"),
        2 => insert(text, start, &vec![digit; 1 + random.below(24)]),
        3 => insert(text, end, &vec![digit; 1 + random.below(24)]),
        4 => insert(
            text,
            end,
            [&b".0"[..], b".", b"e0", b"E+1", b"e-1", b"Z", b"\"", b" "][random.below(8)],
        ),
        5 => text[start + random.below(len)] = digit,
        _ => drop(text.drain(start..start + 1 + random.below(len))),
    }
}

/// A member whose value is nested, to a depth at which one of the lanes may give up or a rule fails; at times with a
/// bracket that does not fit.
fn nested_member(random: &mut Random) -> Vec<u8> {
    let depth = [1, 8, 62, 1021][random.below(4)] + random.below(6);
    let mut member = b"\"deep\":".to_vec();
    let mut closing = Vec::new();
    let kinds = random.below(3);
    for level in 0..depth {
        let is_object = [false, true, level % 2 == 0][kinds];
        member.extend_from_slice(if is_object { b"{\"\":" } else { b"[" });
        closing.push(if is_object { b'}' } else { b']' });
    }
    closing.reverse();
    if random.below(2) == 0 {
        // A bracket becomes a brace, or the other way round.
        let at = if random.below(2) == 0 {
            depth - 1
        } else {
            random.below(depth)
        };
        closing[at] ^= b']' ^ b'}';
    }
    member.extend_from_slice(b"1");
    member.extend_from_slice(&closing);
    member.push(b',');
    member
}

fn insert(text: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    text.splice(at..at, bytes.iter().copied());
}

/// A line of any profile, valid or with any defect.
fn generated_line(random: &mut Random) -> Vec<u8> {
    let settings = Settings {
        length: Length::Lines(1),
        seed: random.next(),
        // Ids of any number of digits.
        users: 10_u64.pow(random.below(20) as u32),
        days: [1, 31, 2_913_174][random.below(3)],
        profile: Profile::ALL[random.below(Profile::ALL.len())],
        invalid_rate: [0.0, 0.5, 1.0][random.below(3)],
        ..Settings::default()
    };
    let mut line = Vec::new();
    if let Ok(mut generator) = Generator::new(&settings) {
        generator.next_line(&mut line);
    }
    line
}

/// Where a line starts, somewhere in a text.
fn line_start(text: &[u8], random: &mut Random) -> usize {
    let at = random.below(text.len() + 1);
    text[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1)
}

/// Some line of a text, with its newline.
fn line_at(text: &[u8], random: &mut Random) -> Range<usize> {
    let start = line_start(text, random);
    let len = text[start..].iter().position(|byte| *byte == b'\n');
    start..len.map_or(text.len(), |len| start + len + 1)
}

/// Some piece of a text of `len` bytes, of up to `most` bytes.
fn span(len: usize, most: usize, random: &mut Random) -> Range<usize> {
    let start = random.below(len + 1);
    start..(start + random.below(most + 1)).min(len)
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number from 0, less than `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
