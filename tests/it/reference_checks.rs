//! Keeps the reference honest: its JSON against `serde_json`, its money against numbers worked out by hand.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value;

use crate::harness;
use crate::reference::{self, Json, Money, Verdict};
use crate::strategies;

/// The same value as `serde_json` has it. Numbers are left out: it respells exponents.
fn shape(value: &Json) -> Value {
    match value {
        Json::Null | Json::Number(_) => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Json::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), shape(value)))
                .collect(),
        ),
    }
}

fn without_numbers(value: &Value) -> Value {
    match value {
        Value::Number(_) => Value::Null,
        Value::Array(items) => Value::Array(items.iter().map(without_numbers).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), without_numbers(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[test]
fn json_agrees_with_serde_json() {
    let lines = strategies::line();
    TestRunner::new(harness::proptest_config(4000))
        .run(&lines, |line| {
            let Ok(text) = std::str::from_utf8(&line) else {
                return Ok(());
            };
            let ours = Json::read(text).as_ref().map(shape);
            let theirs = serde_json::from_str::<Value>(text)
                .ok()
                .as_ref()
                .map(without_numbers);
            prop_assert_eq!(ours, theirs, "{}", text);
            Ok::<(), TestCaseError>(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn money_by_hand() {
    for (text, units, shown) in [
        ("19.99", "19990000000000000000", "19.99"),
        ("1e2", "100000000000000000000", "100.00"),
        ("0.000000000000000001", "1", "0.000000000000000001"),
        ("0.0000000000000000005", "0", "0.00"),
        (
            "0.00000000000000000050000000001",
            "1",
            "0.000000000000000001",
        ),
        ("0.0000000000000000015", "2", "0.000000000000000002"),
        ("0.0000000000000000025", "2", "0.000000000000000002"),
        ("1e-400", "0", "0.00"),
        (
            "1e-99999999999999999999999999999999999999999999",
            "0",
            "0.00",
        ),
        ("0.0000123e5", "1230000000000000000", "1.23"),
        (
            "999999999999999.9999999999999999995",
            "1000000000000000000000000000000000",
            "1000000000000000.00",
        ),
        (
            "123456789012345.67",
            "123456789012345670000000000000000",
            "123456789012345.67",
        ),
        ("0.125", "125000000000000000", "0.125"),
    ] {
        let money = Money::read(text).unwrap();
        assert_eq!(
            (money.units().as_str(), money.to_string().as_str()),
            (units, shown),
            "{text}"
        );
    }
    for (text, reason) in [
        ("0", "non_positive_amount"),
        ("-0.0", "non_positive_amount"),
        ("0e9", "non_positive_amount"),
        ("-1e400", "non_positive_amount"),
        ("1e15", "amount_out_of_range"),
        ("1000000000000000.0", "amount_out_of_range"),
        (
            "0.00001e99999999999999999999999999999999999999999999",
            "amount_out_of_range",
        ),
    ] {
        assert_eq!(Money::read(text), Err(reason), "{text}");
    }
}

#[test]
fn totals_by_hand() {
    let almost = Money::read("999999999999999.999999999999999999").unwrap();
    let unit = Money::read("0.000000000000000001").unwrap();
    let mut sum = almost.plus(&unit);
    assert_eq!(sum.to_string(), "1000000000000000.00");
    for _ in 0..5 {
        let ten_times = (0..9).fold(sum.clone(), |total, _| total.plus(&sum));
        assert!(!sum.is_too_large_a_total());
        sum = ten_times;
    }
    assert_eq!(sum.to_string(), "100000000000000000000.00");
    assert!(sum.is_too_large_a_total());
}

#[test]
fn lines_by_hand() {
    let lines = |input: &'static [u8]| -> Vec<(u64, u64, &'static [u8])> {
        reference::lines(input)
            .into_iter()
            .map(|line| (line.number, line.offset, line.text))
            .collect()
    };
    assert_eq!(lines(b""), []);
    assert_eq!(lines(b"\xef\xbb\xbf"), []);
    assert_eq!(lines(b"\n"), [(1, 0, &b""[..])]);
    assert_eq!(
        lines(b"a\r\n\nb"),
        [(1, 0, &b"a\r"[..]), (2, 3, b""), (3, 4, b"b")]
    );
    assert_eq!(
        lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"),
        [(1, 3, &b"a"[..]), (2, 5, b"\xef\xbb\xbfb")]
    );
}

#[test]
fn nesting_by_hand() {
    for (depth, verdict) in [(1024, "not_an_object"), (1025, "invalid_json")] {
        let line = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(
            reference::verdict(line.as_bytes(), 1 << 20),
            Verdict::Invalid(verdict)
        );
    }
}
