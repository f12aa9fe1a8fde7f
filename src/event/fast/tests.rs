//! The fast lane against the rules: each way through a line, by each means.

use super::scan::tests::Plain;
use super::scan::{BLOCK, WIDE};
use super::stride::SPAN;
use super::*;
use crate::event::json::{self, Document};
use crate::event::rules;
use crate::event::schema::Schema;
use crate::generate::{Generator, Length, Order, Profile, Settings, Verdict};
use proptest::prelude::*;

impl<N: Names> FastLane<N> {
    /// The event of one line, and the line's length with its `\n`.
    fn read_one(&mut self, text: &[u8]) -> Option<(Event, usize)> {
        let limits = Limits {
            end: text.len(),
            lines: 1,
            line_bytes: usize::MAX,
        };
        let mut read = None;
        let run = self.read(text, limits, One(&mut read));
        assert_eq!(run.lines, usize::from(read.is_some()));
        read.map(|event| (event, run.len))
    }
}

impl<K: Sink> Sink for &mut K {
    fn event(&mut self, event: Event) {
        (**self).event(event);
    }

    fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize> {
        (**self).refused(before, rest)
    }
}

/// Takes one event, and no other line.
struct One<'a>(&'a mut Option<Event>);

impl Sink for One<'_> {
    fn event(&mut self, event: Event) {
        assert_eq!(self.0.replace(event), None);
    }

    fn refused(&mut self, _: Run, _: &[u8]) -> Option<usize> {
        None
    }
}

/// Takes all lines, in order: the events of those that are ordinary.
struct All<'a> {
    text: &'a [u8],
    lines: Vec<Option<Event>>,
}

impl Sink for All<'_> {
    fn event(&mut self, event: Event) {
        self.lines.push(Some(event));
    }

    fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize> {
        assert_eq!(before.lines, self.lines.len());
        assert_eq!(self.text[before.len..].as_ptr(), rest.as_ptr());
        self.lines.push(None);
        Some(memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1))
    }
}

/// Each way through a line by each means.
fn lanes() -> Vec<FastLane<Usual>> {
    let lane = |means, habit| FastLane {
        habit,
        ..FastLane::with(means, Usual)
    };
    Means::all()
        .flat_map(|means| {
            [
                lane(means, Habit::default()),
                lane(means, Habit::indexing()),
            ]
        })
        .collect()
}

/// Whether the lane takes the line. If it does, its event has to be that of the rules.
#[track_caller]
fn takes<N: Names>(fast: &mut FastLane<N>, line: &[u8]) -> bool {
    assert!(!line.contains(&b'\n'));
    // What comes after, a line feed and then whatever may be there, may decide whether the line is taken,
    // and does not where there is little of it.
    let mut answers = [2 * BLOCK, SPAN].map(|room| {
        [b'"', b'\n', b'{', b' ', 0xff].map(|filler| {
            let mut text = line.to_vec();
            text.push(b'\n');
            text.resize(text.len() + room, filler);
            fast.habit.forget_vain();
            fast.read_one(&text)
        })
    });
    answers[0].sort_by_key(|answer| answer.map(|(_, len)| len));
    assert_eq!(answers[0][0], answers[0][4]);
    let answers = answers.as_flattened();
    for (event, len) in answers.iter().flatten() {
        let shown = String::from_utf8_lossy(line);
        assert_eq!(*len, line.len() + 1, "{shown}");
        assert_eq!(
            rules::judge(line, fast.names.schema()),
            Ok(*event),
            "{shown}"
        );
    }
    answers.iter().any(Option::is_some)
}

/// The lane would be useless if it passed on what is ordinary.
#[test]
fn ordinary_lines_are_taken_whatever_their_style() {
    for (profile, at_least) in [
        (Profile::Narrow, 100),
        (Profile::Wide, 100),
        (Profile::Mixed, 95),
    ] {
        for mut lane in lanes() {
            let settings = Settings {
                length: Length::Lines(4000),
                profile,
                invalid_rate: 0.0,
                order: Order::Random,
                ..Settings::default()
            };
            let mut generator = Generator::new(&settings).unwrap();
            let mut line = Vec::new();
            let mut taken = 0;
            while generator.next_line(&mut line).is_some() {
                line.pop();
                taken += u32::from(takes(&mut lane, &line));
                line.clear();
            }
            assert!(taken * 100 / 4000 >= at_least, "{profile}: {taken} of 4000");
        }
    }
}

/// Strides would be useless if what is regular were walked through.
#[test]
fn regular_lines_are_read_in_strides() {
    let time = "2024-02-29T23:59:59";
    for style in [
        format!(r#"{{"user_id":ID,"event_type":"TYPE","timestamp":"{time}Z"AMOUNT}}"#),
        format!(r#"{{ "timestamp" : "{time}Z", "event_type" : "TYPE", "user_id" : ID AMOUNT}}"#),
        format!(
            "{{\"event_type\":\"TYPE\",\"timestamp\":\"{time}.123456+00:00\",\"user_id\":ID}}\r"
        ),
        format!(
            r#"{{"n":-1.5e7,"ok":false,"name":"Jürgen \"J\"","user_id":ID0123456789,"event_type":"TYPE","timestamp":"{time}Z","url":"https://example.com/a/path/longer/than/a/block"AMOUNT}}"#
        ),
    ] {
        let mut text = String::new();
        for number in 0..1000 {
            let line = style.replace("ID", &(1 + number * 7919 % 99_999).to_string());
            let line = match number % 5 {
                0 if style.contains("AMOUNT") => line
                    .replace("TYPE", "purchase")
                    .replace("AMOUNT", &format!(r#","amount":{}.5"#, 1 + number % 700)),
                kind => line
                    .replace("TYPE", &"x".repeat(kind + 1))
                    .replace("AMOUNT", ""),
            };
            text.push_str(&line);
            text.push('\n');
        }
        let (end, lines) = (text.len(), text.clone());
        text.push_str(&" ".repeat(SPAN));
        for means in Means::all() {
            let mut lane = FastLane::with(means, Usual);
            let mut all = All {
                text: text.as_bytes(),
                lines: Vec::new(),
            };
            let limits = Limits {
                end,
                lines: usize::MAX,
                line_bytes: usize::MAX,
            };
            lane.read(text.as_bytes(), limits, &mut all);
            let expected = lines
                .lines()
                .map(|line| Some(rules::judge(line.as_bytes(), Schema::usual()).unwrap()));
            // `lines` takes the carriage returns away, which the rules pass over.
            assert!(all.lines.into_iter().eq(expected));
            // Since the last line that was not.
            assert!(lane.habit.strides() > 950, "{:?} {style}", lane.habit);
        }
    }
}

#[test]
fn invalid_lines_are_never_taken() {
    for profile in Profile::ALL {
        for mut lane in lanes() {
            let settings = Settings {
                length: Length::Lines(6000),
                profile,
                invalid_rate: 0.5,
                ..Settings::default()
            };
            let mut generator = Generator::new(&settings).unwrap();
            let mut line = Vec::new();
            while let Some(verdict) = generator.next_line(&mut line) {
                line.pop();
                let is_taken = takes(&mut lane, &line);
                assert!(!is_taken || verdict == Verdict::Valid);
                line.clear();
            }
        }
    }
}

#[test]
fn nesting_is_followed_as_deep_by_every_way() {
    for depth in 1..100_usize {
        let line = format!(
            r#"{{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z","x":{}0{}}}"#,
            "[".repeat(depth - 1),
            "]".repeat(depth - 1),
        );
        for mut lane in lanes() {
            let is_taken = takes(&mut lane, line.as_bytes());
            assert_eq!(is_taken, depth <= MAX_DEPTH as usize, "{depth}");
        }
    }
}

#[test]
fn what_stands_at_the_very_end_is_left_to_the_general_lane() {
    let line = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
    for mut lane in lanes() {
        for filler in 0..2 * BLOCK {
            let mut text = line.to_vec();
            text.push(b'\n');
            text.resize(text.len() + filler, b' ');
            if let Some((event, len)) = lane.read_one(&text) {
                assert_eq!(
                    (rules::judge(line, Schema::usual()), len),
                    (Ok(event), line.len() + 1)
                );
            } else {
                assert!(filler < 2 * BLOCK - 1);
            }
        }
    }
}

/// Whether the lines are indexed, which has to be so if they are objects (these are neither long nor
/// deep) or blank, and then the values have to be where the reader of the rules finds them. Others have
/// none, or end the index.
fn check_index<I: Index>(index: &mut LineIndex, lines: &[&[u8]]) {
    for filler in [b'"', b'\n', b'{', 0xff] {
        let mut text = lines.join(&b'\n');
        text.push(b'\n');
        let end = text.len();
        text.resize(text.len() + 2 * WIDE, filler);
        let shown = String::from_utf8_lossy(&text[..end]);
        let mut lines = lines.iter();
        let mut start = 0;
        while start < end {
            let rest = &text[start..];
            let indexed = index.read::<I, Usual>(rest, end - start, usize::MAX, &Usual);
            // What was looked at ends in the filler, with a fault or without.
            let mut at = 0;
            for number in 0..indexed.lines {
                let Some(line) = lines.next() else {
                    return;
                };
                let spans = match json::read_usual(line) {
                    Ok(Document::Object(spans)) if std::str::from_utf8(line).is_ok() => spans,
                    _ => Default::default(),
                };
                let read = index.line(number).unwrap();
                assert_eq!(read.end(), at + line.len(), "{shown}");
                for field in Field::ALL {
                    let span = spans[field.index()];
                    let expected = span.map_or(usize::MAX, |span| at + span.start);
                    assert_eq!(read.value(field), expected, "{field:?} {shown}");
                }
                at = read.end() + 1;
            }
            start += at;
            if start == end {
                break;
            }
            assert!(indexed.is_next_strange || indexed.lines > 0, "{shown}");
            if indexed.is_next_strange {
                let line = *lines.next().unwrap();
                let is_object = matches!(json::read_usual(line), Ok(Document::Object(_)));
                let is_utf8 = std::str::from_utf8(line).is_ok();
                assert!(!(is_object && is_utf8), "{}", String::from_utf8_lossy(line));
                start += line.len() + 1;
            }
        }
        assert_eq!(lines.next(), None);
    }
}

fn check_indexes(lines: &[&[u8]]) {
    let mut index = LineIndex::default();
    check_index::<Plain>(&mut index, lines);
    #[cfg(target_arch = "x86_64")]
    if Avx2::is_there() {
        check_index::<Avx2>(&mut index, lines);
    }
    #[cfg(target_arch = "x86_64")]
    if Avx512::is_there() {
        check_index::<Avx512>(&mut index, lines);
    }
}

#[test]
fn as_many_lines_are_indexed_as_there_are() {
    let event = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3000));
    let deep = |levels| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("{{\"user_id\":1,\"a\":{open}{close}}}")
    };
    check_indexes(&[&event[..]; 1000]);
    check_indexes(&[b"".as_slice()].repeat(3000));
    check_indexes(&[b"{}".as_slice()].repeat(3000));
    check_indexes(&[b"[".as_slice(); 300]);
    check_indexes(&[deep(62).as_bytes(); 30]);
    check_indexes(&[&event[..], long.as_bytes()].repeat(10));
    // Something wrong of each kind, and what is right on both sides of it.
    for wrong in [
        r#"{"user_id":1}}"#,
        r#"{"user_id":1"#,
        r#"[{"user_id":1}]"#,
        r#"{"user_id":1 "a":2}"#,
        r#"{"user_id":1,"a":tru}"#,
        r#"{"user_id":01}"#,
        r#"{"user_id":1,"a":"\x"}"#,
        r#"{"user_id":1,"a":"\ud800"}"#,
        r#"{"user_id":1,"a":"\udc00"}"#,
        r#"{"user_id":1,"\ud800":"\u0041"}"#,
        r#"{"user_id":1,"a":"\u12"}"#,
        "{\"user_id\":1,\"a\":\"\u{1f}\"}",
        "{\"user_id\":1,\"a\":\"\u{1f}\", \"}",
        r#"{"user_id":1,"a":"b}"#,
        r#"{"user_id":1,\"a":"b"}"#,
        "é",
    ] {
        for repeat in [1, 2, 7] {
            let lines = [&event[..], wrong.as_bytes(), &event[..]].repeat(repeat);
            check_indexes(&lines);
            let not_utf8 = [wrong.as_bytes(), b"{\"\xff\":1}", &event[..]].repeat(repeat);
            check_indexes(&not_utf8);
        }
    }
    let mut index = LineIndex::default();
    for (levels, place) in [(62, 11), (63, usize::MAX)] {
        let line = deep(levels);
        let text = format!("{line}\n{line}\n").repeat(2);
        let indexed = index.read::<Plain, Usual>(text.as_bytes(), text.len(), 1, &Usual);
        assert!(indexed.lines > 0);
        assert_eq!(index.line(0).unwrap().value(Field::UserId), place);
    }
}

#[test]
fn limits_are_kept() {
    let line = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
    let text = [&line[..], b"\n"].concat().repeat(300);
    for mut lane in lanes() {
        for lines in [0, 1, 2, 7, 100, 1000] {
            for end in [
                0,
                1,
                line.len(),
                line.len() + 1,
                line.len() + 2,
                10_000,
                text.len(),
            ] {
                for line_bytes in [line.len() - 1, line.len()] {
                    let mut all = All {
                        text: &text,
                        lines: Vec::new(),
                    };
                    let limits = Limits {
                        end,
                        lines,
                        line_bytes,
                    };
                    let run = lane.read(&text, limits, &mut all);
                    let expected = end.div_ceil(line.len() + 1).min(lines).min(300);
                    assert_eq!((run.lines, all.lines.len()), (expected, expected));
                    assert_eq!(run.len, expected * (line.len() + 1));
                    let taken = all.lines.iter().flatten().count();
                    // The last ones have too little behind them.
                    let fit = if line_bytes < line.len() { 0 } else { expected };
                    assert!(taken <= fit && taken + 2 >= fit, "{taken} of {fit}");
                }
            }
        }
    }
}

/// A line of a profile with some of its bytes changed.
fn mutated() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let edit = (
        any::<prop::sample::Index>(),
        0..4,
        prop_oneof![
            prop::sample::select(
                &b"\"\\{}[]:,0123456789-+.eETZtz \t\r\x00\x1f\x7f\x80\xc3\xed\xffunl/"[..]
            ),
            any::<u8>(),
        ],
    );
    let profile = prop::sample::select(&Profile::ALL[..]);
    (profile, any::<u64>(), prop::collection::vec(edit, 0..4)).prop_map(|(profile, seed, edits)| {
        let settings = Settings {
            length: Length::Lines(1),
            seed,
            profile,
            invalid_rate: 0.1,
            ..Settings::default()
        };
        let mut line = Vec::new();
        Generator::new(&settings).unwrap().next_line(&mut line);
        line.pop();
        let original = line.clone();
        for (index, kind, byte) in edits {
            if line.is_empty() {
                break;
            }
            let at = index.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 => drop(line.remove(at)),
                _ => line.truncate(at),
            }
        }
        line.retain(|byte| *byte != b'\n');
        (original, line)
    })
}

fn token() -> impl Strategy<Value = String> {
    let tokens = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "{",
        "}",
        ",",
        "\"\"",
        "\"a\"",
        "\"amount\"",
        "\"\\\"\"",
        "\"\\\\\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d \\ud83d\\ude00\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\u00g0\"",
        "\"\\x\"",
        "\"é\"",
        "\"日本\"",
        "0",
        "-1",
        "00",
        "1.5e-7",
        "1.",
        ".5",
        "1e",
        "+1",
        "-",
        "1e5.5",
        "1.2.3",
        "true",
        "false",
        "null",
        "nul",
        "truee",
        " ",
        "\t",
        "\r",
        "\u{b}",
        "\u{c}",
        "\u{1a}",
        "\\",
        "\"",
    ];
    prop::sample::select(tokens.map(str::to_owned).to_vec())
}

/// Any valid JSON value, nested or long.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?(0|[1-9][0-9]{0,40})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
        "\"([ -!#-~é日😀]|\\[|\\]){0,80}\"".prop_map(|text| text.replace('\\', "\\\\")),
        "(\\\\[nrtbf/\"]|\\\\u00[0-9a-fA-F]{2}|x){0,30}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8)
                .prop_map(|values| format!("[{}]", values.join(" , "))),
            prop::collection::vec(("[a-z{}:,\\[]{0,9}", inner), 0..8).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
    .prop_filter("longer than what is indexed", |value| value.len() < 1900)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn mutated_lines_are_indexed_if_they_are_objects(
        lines in prop::collection::vec(mutated(), 1..5),
    ) {
        let lines: Vec<&[u8]> = lines
            .iter()
            .flat_map(|(original, line)| [&original[..], &line[..], &original[..]])
            .collect();
        check_indexes(&lines);
    }

    #[test]
    fn soups_of_tokens_are_indexed_if_they_are_objects(
        soups in prop::collection::vec(
            (prop::collection::vec(token(), 0..90), any::<bool>()),
            1..4,
        ),
    ) {
        let soups = soups.into_iter().map(|(tokens, is_object)| {
            let soup = tokens.concat();
            if is_object { format!("{{\"a\":{soup}}}") } else { soup }
        });
        let soups: Vec<String> = soups.collect();
        let lines: Vec<&[u8]> = soups.iter().map(String::as_bytes).collect();
        check_indexes(&lines);
    }

    #[test]
    fn scalars_are_told_from_what_looks_like_them(
        lines in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    8 => "-?(0|[1-9][0-9]{0,4})([.][0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
                    4 => Just("true".to_owned()),
                    4 => Just("false".to_owned()),
                    4 => Just("null".to_owned()),
                    1 => "-?(0|[1-9][0-9]{60,90})",
                    1 => "[-+.eE019]{1,6}",
                    1 => "[tfn]?[tfnrualse0]{1,5}",
                ],
                1..12,
            ),
            1..8,
        ),
        separator in prop::sample::select(vec![",", " , ", "\t,"]),
    ) {
        let lines: Vec<String> = lines
            .iter()
            .map(|scalars| format!("{{\"a\":[{}],\"amount\":{}}}", scalars.join(separator), scalars[0]))
            .collect();
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        check_indexes(&lines);
    }

    #[test]
    fn objects_of_any_shape_are_indexed(
        values in prop::collection::vec(
            (any_value(), "(user_id|amount|timestamp|event_type|[a-z]{0,3})"),
            1..4,
        ),
    ) {
        let lines: Vec<String> = values
            .iter()
            .map(|(value, key)| format!("{{\"{key}\":{value},\"amount\" : {value}}}"))
            .collect();
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        check_indexes(&lines);
    }

    #[test]
    fn texts_of_many_lines_get_the_verdicts_of_the_rules(
        lines in prop::collection::vec(mutated(), 1..60),
        spoiled in prop::sample::select(vec![1, 2, 9, 100]),
        room in prop::sample::select(vec![0, SPAN]),
    ) {
        let lines: Vec<&[u8]> = lines
            .iter()
            .enumerate()
            .map(|(n, (original, line))| if n % spoiled == 0 { &line[..] } else { &original[..] })
            .collect();
        let mut text = lines.join(&b'\n');
        text.push(b'\n');
        let end = text.len();
        text.resize(end + room, b' ');
        for mut lane in lanes() {
            let limits = Limits { end, lines: usize::MAX, line_bytes: usize::MAX };
            let mut all = All { text: &text, lines: Vec::new() };
            let run = lane.read(&text, limits, &mut all);
            prop_assert_eq!((run.lines, run.len), (lines.len(), end));
            prop_assert_eq!(all.lines.len(), lines.len());
            for (event, line) in all.lines.iter().zip(&lines) {
                if let Some(event) = event {
                    prop_assert_eq!(rules::judge(line, Schema::usual()), Ok(*event));
                }
            }
        }
    }

    #[test]
    fn mutated_lines_get_the_verdict_of_the_rules((original, line) in mutated()) {
        for mut lane in lanes() {
            // So that what was learnt from the line as it was meets the line as it is.
            takes(&mut lane, &original);
            takes(&mut lane, &line);
            takes(&mut lane, &original);
        }
    }
}
