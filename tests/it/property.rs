//! The library's decoder against the reference, line by line, on random input.
//!
//! `PROPTEST_CASES` sets the number of cases of every property, for a longer look.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use daytally::event::{Decoder, Lanes, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::harness;
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES, REASONS};
use crate::strategies;

/// A verdict in terms that the library and the reference share.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Blank,
    Valid {
        date: String,
        user_id: String,
        units: Option<String>,
    },
    Invalid(&'static str),
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Blank => Self::Blank,
            Verdict::Valid(event) => Self::Valid {
                date: event.date().to_string(),
                user_id: event.user_id().to_string(),
                units: event.purchase().map(|amount| amount.units().to_string()),
            },
            Verdict::Invalid(fault) => Self::Invalid(fault.reason().code()),
        }
    }
}

/// What may follow a line in its input. None of it has any influence on the line.
const TAILS: [&[u8]; 6] = [
    b"",
    b"\n",
    b"\n{\"user_id\":1,\"event_type\":\"view\",\"timestamp\":\"2024-01-01T00:00:00Z\"}\n{\"user_id\":1,\"event_type\":\"view\"}\n",
    b"\n\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
    b"\n00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    b"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Every way to have a line judged, kept from line to line, so that state left over from one shows.
struct Judges {
    decoders: [(Lanes, Decoder); 2],
    text: Vec<u8>,
}

impl Judges {
    fn new(max_line_bytes: usize) -> Self {
        Self {
            decoders: [Lanes::All, Lanes::General]
                .map(|lanes| (lanes, Decoder::with_lanes(max_line_bytes, lanes))),
            text: Vec::new(),
        }
    }

    /// The verdict on a line; fails when the ways differ.
    fn outcome(&mut self, line: &[u8]) -> Outcome {
        self.outcome_before(line, &TAILS)
    }

    /// The same, with fewer things to follow.
    fn outcome_before(&mut self, line: &[u8], tails: &[&[u8]]) -> Outcome {
        let mut common: Option<Outcome> = None;
        let mut agree = |verdict: Verdict, lanes: Lanes, tail: Option<&[u8]>| {
            let outcome = Outcome::from(verdict);
            let line = String::from_utf8_lossy(line);
            match &common {
                Some(common) => assert_eq!(*common, outcome, "{lanes:?}, {tail:?} after {line}"),
                None => common = Some(outcome),
            }
        };
        for (lanes, decoder) in &mut self.decoders {
            agree(decoder.decode(line), *lanes, None);
            for tail in tails {
                self.text.clear();
                self.text.extend(line);
                self.text.extend(*tail);
                let decoded = decoder.decode_next(&self.text);
                assert_eq!(decoded.line, line);
                assert_eq!(decoded.len, line.len() + usize::from(!tail.is_empty()));
                agree(decoded.verdict, *lanes, Some(tail));
            }
        }
        common.expect("there are ways")
    }
}

fn expected(line: &[u8], max_line_bytes: usize) -> Outcome {
    match reference::verdict(line, max_line_bytes) {
        reference::Verdict::Blank => Outcome::Blank,
        reference::Verdict::Valid(event) => Outcome::Valid {
            date: event.date.to_string(),
            user_id: event.user_id.to_string(),
            units: event.purchase.map(|amount| amount.units()),
        },
        reference::Verdict::Invalid(reason) => Outcome::Invalid(reason),
    }
}

/// Runs a property. The same decoders serve all its cases.
fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    property: impl Fn(&mut Judges, S::Value) -> Result<(), TestCaseError>,
) {
    let judges = RefCell::new(Judges::new(DEFAULT_MAX_LINE_BYTES));
    TestRunner::new(harness::proptest_config(cases))
        .run(strategy, |case| property(&mut judges.borrow_mut(), case))
        .unwrap_or_else(|error| panic!("{error}"));
}

fn same(judges: &mut Judges, line: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        judges.outcome(line),
        expected(line, DEFAULT_MAX_LINE_BYTES),
        "{}",
        String::from_utf8_lossy(line)
    );
    Ok(())
}

#[test]
fn structured_lines() {
    check(2000, &strategies::structured_line(), |judges, line| {
        same(judges, &line)
    });
}

#[test]
fn ordinary_lines() {
    check(4000, &strategies::ordinary_line(), |judges, line| {
        same(judges, &line)
    });
}

/// Ordinary lines with any one byte dropped, added, or turned into any that could matter.
///
/// What a reader in a hurry gets wrong is a byte that it steps over: `fxalse`, `[x]`, `1ex9`.
#[test]
fn ordinary_lines_with_one_byte_changed() {
    let mut judges = Judges::new(DEFAULT_MAX_LINE_BYTES);
    let bytes: Vec<u8> = (*br#" "!#+,-./0159:;@E[\]^_`aeflnrstuxz{|}~"#)
        .into_iter()
        .chain(*b"\x00\x01\t\r\x1f\x7f\x80\x9b\xbf\xc0\xc3\xe2\xf0\xff")
        .collect();
    let mut lines = vec![
        r#"{"user_id":9,"event_type":"purchase","timestamp":"2024-02-29T23:59:59.5Z","amount":10.05}"#.to_owned(),
        r#"{"user_id": 123, "event_type": "view", "timestamp": "2024-01-01T10:00:00Z"}"#.to_owned(),
        r#"{"user_id":-1,"event_type":"purchase","amount":1.5e2,"timestamp":"20240101T00Z"}"#.to_owned(),
    ];
    // One thing at a time, so that one mistake cannot make up for another.
    for extra in [
        "null",
        "true",
        "false",
        "0",
        "-1.5e+9",
        "2E-1",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[1,2]",
        r#"{"a":1}"#,
        r#"{"a":{},"b":2}"#,
        r#"[0,{"b":false}]"#,
        r#""""#,
        r#""né😀""#,
        r#""a\"b\\c\u00e9""#,
        r#"{"é":"x"}"#,
    ] {
        lines.push(format!(
            r#"{{"x":{extra},"user_id":7,"event_type":"v","timestamp":"2024-01-01T00Z"}}"#
        ));
    }
    for line in &lines {
        let line = line.as_bytes();
        let whole = expected(line, DEFAULT_MAX_LINE_BYTES);
        assert!(matches!(whole, Outcome::Valid { .. }), "{whole:?}");
        let mut try_line = |line: &[u8]| {
            let outcome = judges.outcome_before(line, &TAILS[2..3]);
            let expected = expected(line, DEFAULT_MAX_LINE_BYTES);
            assert_eq!(outcome, expected, "{}", String::from_utf8_lossy(line));
        };
        for at in 0..line.len() {
            let (head, tail) = line.split_at(at);
            try_line(head);
            try_line(&[head, &tail[1..]].concat());
            for byte in &bytes {
                try_line(&[head, &[*byte], tail].concat());
                try_line(&[head, &[*byte], &tail[1..]].concat());
            }
        }
    }
}

/// Many lines in one text, taken one after the other.
#[test]
fn lines_one_after_the_other() {
    check(600, &strategies::input(), |judges, input| {
        let lines = reference::lines(&input);
        let start = lines
            .first()
            .map_or(input.len(), |line| usize::try_from(line.offset).unwrap());
        for (_, decoder) in &mut judges.decoders {
            let mut at = start;
            for line in &lines {
                let decoded = decoder.decode_next(&input[at..]);
                prop_assert_eq!(decoded.line, line.text);
                prop_assert_eq!(
                    Outcome::from(decoded.verdict),
                    expected(line.text, DEFAULT_MAX_LINE_BYTES)
                );
                at += decoded.len;
            }
            prop_assert_eq!(at, input.len());
        }
        Ok(())
    });
}

#[test]
fn mutated_lines() {
    check(2000, &strategies::mutated_line(), |judges, line| {
        same(judges, &line)
    });
}

#[test]
fn noise() {
    check(2000, &strategies::noise_line(), |judges, line| {
        same(judges, &line)
    });
}

/// The limit is exact, comes before every other rule, and counts a `\r`.
#[test]
fn line_limits() {
    let case = (strategies::line(), any::<bool>(), any::<Index>());
    check(1000, &case, |_, (mut line, carriage_return, index)| {
        if carriage_return {
            line.push(b'\r');
        }
        let limit = index.index(2 * line.len() + 2);
        let mut judges = Judges::new(limit);
        prop_assert_eq!(
            judges.outcome(&line),
            expected(&line, limit),
            "limit {}",
            limit
        );
        Ok(())
    });
}

/// The strategies reach every verdict; otherwise the properties above would prove less than they say.
#[test]
fn every_verdict_is_reached() {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        strategies::line(),
        prop_oneof![9 => Just(DEFAULT_MAX_LINE_BYTES), 1 => 0..200_usize],
    );
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..6000 {
        let (line, limit) = strategy
            .new_tree(&mut runner)
            .expect("no filters")
            .current();
        let outcome = Judges::new(limit).outcome(&line);
        assert_eq!(
            outcome,
            expected(&line, limit),
            "{:?}",
            String::from_utf8_lossy(&line)
        );
        let name = match outcome {
            Outcome::Blank => "blank",
            Outcome::Valid { units: None, .. } => "valid",
            Outcome::Valid { units: Some(_), .. } => "purchase",
            Outcome::Invalid(reason) => reason,
        };
        *seen.entry(name).or_default() += 1;
    }
    for name in REASONS.into_iter().chain(["blank", "valid", "purchase"]) {
        assert!(
            seen.get(name).is_some_and(|count| *count >= 5),
            "{name}: {seen:?}"
        );
    }
}

/// A view at `timestamp`.
fn at(timestamp: &str) -> Vec<u8> {
    format!(
        r#"{{"user_id":1,"event_type":"view","timestamp":{}}}"#,
        serde_json::Value::from(timestamp)
    )
    .into_bytes()
}

#[test]
fn timestamps() {
    check(3000, &strategies::timestamp(), |judges, text| {
        same(judges, &at(&text))
    });
}

/// Every day of some years, in all six spellings.
#[test]
fn every_day_of_some_years() {
    use chrono::Datelike;
    let mut judges = Judges::new(DEFAULT_MAX_LINE_BYTES);
    for year in [0, 4, 100, 1600, 1900, 2020, 2023, 2024, 9999] {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        for day in first.iter_days().take_while(|day| day.year() == year) {
            let week = day.iso_week();
            let mut spellings = vec![
                day.format("%Y-%m-%dT00:00:00Z").to_string(),
                day.format("%Y%m%dT235959Z").to_string(),
                day.format("%Y-%jT12Z").to_string(),
                day.format("%Y%jT1200Z").to_string(),
            ];
            if (0..=9999).contains(&week.year()) {
                let weekday = day.weekday().number_from_monday();
                spellings.push(format!(
                    "{:04}-W{:02}-{weekday}T23:59:59.9999999999999Z",
                    week.year(),
                    week.week()
                ));
                spellings.push(format!(
                    "{:04}W{:02}{weekday}T00,5Z",
                    week.year(),
                    week.week()
                ));
            }
            for text in spellings {
                let date = day.format("%Y-%m-%d").to_string();
                let valid = Outcome::Valid {
                    date,
                    user_id: "1".to_owned(),
                    units: None,
                };
                assert_eq!(judges.outcome(&at(&text)), valid, "{text}");
            }
        }
    }
}

/// chrono as a second opinion on RFC 3339.
///
/// SPEC and chrono agree on every string of RFC 3339's own shape, with two exceptions that this test
/// steps over: chrono takes a second of 60 at any minute and refuses an hour of 24. (Outside that shape
/// they differ more: chrono takes a space for the `T` and U+2212 for the minus.)
#[test]
fn rfc3339_agrees_with_chrono() {
    check(3000, &strategies::rfc3339_shaped(), |judges, text| {
        if &text[17..19] == "60" || &text[11..13] == "24" {
            return Ok(());
        }
        let outcome = match DateTime::parse_from_rfc3339(&text) {
            Err(_) => Outcome::Invalid("invalid_timestamp"),
            Ok(moment) if moment.offset().local_minus_utc() != 0 => {
                Outcome::Invalid("timestamp_not_utc")
            }
            Ok(moment) => Outcome::Valid {
                date: moment.date_naive().format("%Y-%m-%d").to_string(),
                user_id: "1".to_owned(),
                units: None,
            },
        };
        prop_assert_eq!(
            expected(&at(&text), DEFAULT_MAX_LINE_BYTES),
            outcome.clone(),
            "reference on {}",
            text
        );
        prop_assert_eq!(judges.outcome(&at(&text)), outcome, "{}", text);
        Ok(())
    });
}

#[test]
fn amounts() {
    check(3000, &strategies::amount(), |judges, text| {
        same(judges, harness::purchase("1", &text).as_bytes())
    });
}

#[test]
fn user_ids() {
    let text = prop_oneof![
        any::<i64>().prop_map(|id| id.to_string()),
        any::<u64>().prop_map(|id| id.to_string()),
        (
            -20..20_i128,
            proptest::sample::select(vec![i128::from(i64::MIN), i128::from(u64::MAX), 0])
        )
            .prop_map(|(step, edge)| (edge + step).to_string()),
        "-?[1-9][0-9]{17,21}",
        strategies::number(),
        strategies::value(),
    ];
    check(3000, &text, |judges, text| {
        let line = format!(
            r#"{{"timestamp":"2024-01-01T00:00:00Z","user_id":{text},"event_type":"view"}}"#
        );
        same(judges, line.as_bytes())
    });
}

/// Nesting on both sides of the limit, at both ends of a line, and in a value that is cut off.
#[test]
fn nesting() {
    let mut judges = Judges::new(DEFAULT_MAX_LINE_BYTES);
    for depth in [1, 2, 127, 128, 1021, 1022, 1023, 1024, 1025, 2000] {
        for (open, close, inner) in [
            ("[", "]", ""),
            ("{\"a\":", "}", "1"),
            ("[{\"a\":", "}]", "[]"),
        ] {
            let nested = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            for line in [
                nested.clone(),
                open.repeat(depth),
                format!(
                    r#"{{"x":{nested},"user_id":1,"event_type":"view","timestamp":"2024-01-01T00Z"}}"#
                ),
                format!(
                    r#"{{"user_id":1,"event_type":"view","timestamp":"2024-01-01T00Z","x":{nested}}}"#
                ),
                format!(
                    r#"{{"user_id":{nested},"event_type":"view","timestamp":"2024-01-01T00Z"}}"#
                ),
            ] {
                let line = line.as_bytes();
                assert_eq!(
                    judges.outcome(line),
                    expected(line, DEFAULT_MAX_LINE_BYTES),
                    "{depth} levels of {open}: {}",
                    String::from_utf8_lossy(&line[..line.len().min(80)])
                );
            }
        }
    }
}

/// A line's verdict does not depend on the lines before it.
#[test]
fn verdicts_do_not_leak() {
    let lines = vec(strategies::line(), 1..6);
    check(500, &lines, |judges, lines| {
        for line in &lines {
            let alone = Judges::new(DEFAULT_MAX_LINE_BYTES).outcome(line);
            prop_assert_eq!(judges.outcome(line), alone);
        }
        Ok(())
    });
}

/// Keys that a JSON library may use for its own ends mean nothing here.
#[test]
fn no_key_is_magic() {
    let mut judges = Judges::new(DEFAULT_MAX_LINE_BYTES);
    for key in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
        "",
        "__proto__",
    ] {
        for value in ["1", "\"1\"", "\"x\"", "{}"] {
            let magic = format!(r#"{{"{key}":{value}}}"#);
            for line in [
                magic.clone(),
                format!(
                    r#"{{"{key}":{value},"user_id":1,"event_type":"view","timestamp":"2024-01-01T00:00:00Z"}}"#
                ),
                format!(
                    r#"{{"user_id":{magic},"event_type":"view","timestamp":"2024-01-01T00:00:00Z"}}"#
                ),
                harness::purchase("1", &magic),
            ] {
                let line = line.as_bytes();
                assert_eq!(
                    judges.outcome(line),
                    expected(line, DEFAULT_MAX_LINE_BYTES),
                    "{}",
                    String::from_utf8_lossy(line)
                );
            }
        }
    }
}
