//! Whole runs of the program against the reference: random inputs, threads, chunks and limits, every
//! output compared.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value;

use crate::harness::{self, Sandbox, event_records, json_lines, number_of, text_of};
use crate::reference::{self, Expected};
use crate::strategies;

const NAMES: [&str; 3] = ["one.jsonl", "two.jsonl", "three.jsonl"];

/// What is turned on the program, apart from its inputs.
#[derive(Debug, Clone)]
struct Knobs {
    threads: u32,
    chunk_size: usize,
    max_line_bytes: usize,
    lanes: &'static str,
}

fn knobs() -> impl Strategy<Value = Knobs> {
    let chunk_size = prop_oneof![Just(1), 2..9_usize, 10..400_usize, Just(1 << 20)];
    let max_line_bytes =
        prop_oneof![3 => Just(reference::DEFAULT_MAX_LINE_BYTES), 1 => 1..300_usize];
    let lanes = select(vec!["all", "all", "general"]);
    (1..=8_u32, chunk_size, max_line_bytes, lanes).prop_map(
        |(threads, chunk_size, max_line_bytes, lanes)| Knobs {
            threads,
            chunk_size,
            max_line_bytes,
            lanes,
        },
    )
}

#[test]
fn whole_runs() {
    let case = (
        vec(strategies::input(), 1..=3),
        knobs(),
        select(vec!["json", "text"]),
    );
    TestRunner::new(harness::proptest_config(150))
        .run(&case, |(inputs, knobs, format)| {
            whole_run(&inputs, &knobs, format)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

fn whole_run(inputs: &[Vec<u8>], knobs: &Knobs, log_format: &str) -> Result<(), TestCaseError> {
    let names = &NAMES[..inputs.len()];
    let sandbox = Sandbox::new();
    for (name, bytes) in names.iter().zip(inputs) {
        sandbox.write(name, bytes);
    }
    let mut args: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    args.extend(["--rejects", "rejects.jsonl", "--summary", "summary.json"].map(str::to_owned));
    args.push(format!("--threads={}", knobs.threads));
    args.push(format!("--chunk-size={}", knobs.chunk_size));
    args.push(format!("--max-line-bytes={}", knobs.max_line_bytes));
    args.push(format!("--lanes={}", knobs.lanes));
    args.push(format!("--log-format={log_format}"));
    let run = sandbox.aggregate(&args);
    run.expect_code(0);

    let bytes: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let expected = reference::run(&bytes, knobs.max_line_bytes);
    prop_assert_eq!(sandbox.csv(), expected.csv.as_str());

    let rejects = json_lines(&sandbox.text("rejects.jsonl"));
    let positions = harness::expected_positions(&expected, names);
    prop_assert_eq!(harness::positions(&rejects), positions.clone());
    for (record, reject) in rejects.iter().zip(&expected.rejects) {
        check_raw(record, &reject.text)?;
    }

    harness::expect_printable(&run.stderr);
    if log_format == "json" {
        prop_assert_eq!(harness::positions(&event_records(&run.stderr)), positions);
    } else {
        let logged: Vec<&str> = run
            .stderr
            .lines()
            .filter(|line| line.contains("reason="))
            .collect();
        prop_assert_eq!(logged.len(), positions.len(), "{}", run.stderr);
        for (line, (input, number, offset, reason)) in logged.iter().zip(positions) {
            let fields = format!("input={input} line={number} offset={offset} reason={reason}");
            prop_assert!(line.contains(&fields), "no {} in {}", fields, line);
        }
    }

    check_summary(
        &serde_json::from_str(&sandbox.text("summary.json")).unwrap(),
        &expected,
    )
}

/// The reject's own copy of its line. All lines here are shorter than the 4 KiB that are kept.
fn check_raw(record: &Value, text: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(text.len() < 4096, "a longer line than this test knows");
    prop_assert_ne!(record.get("truncated"), Some(&Value::Bool(true)));
    if let Ok(text) = std::str::from_utf8(text) {
        prop_assert_eq!(text_of(record, "raw"), text);
        prop_assert!(record.get("raw_base64").is_none());
    } else {
        prop_assert_eq!(
            STANDARD.decode(text_of(record, "raw_base64")).unwrap(),
            text
        );
        prop_assert!(record.get("raw").is_none());
    }
    Ok(())
}

fn check_summary(summary: &Value, expected: &Expected) -> Result<(), TestCaseError> {
    let books = &expected.books;
    for (field, count) in [
        ("lines", books.lines),
        ("blank", books.blank),
        ("valid", books.valid),
        ("invalid", books.invalid),
        ("groups", books.groups),
        ("event_count", books.valid),
        ("purchase_count", books.purchases),
    ] {
        prop_assert_eq!(number_of(summary, field), count, "{}", field);
    }
    prop_assert_eq!(text_of(summary, "total_revenue"), books.revenue.to_string());
    let by_reason: Vec<(&str, u64)> = summary["invalid_by_reason"]
        .as_object()
        .expect("an object")
        .iter()
        .map(|(reason, count)| (reason.as_str(), count.as_u64().expect("a count")))
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut by_reason_sorted = by_reason;
    by_reason_sorted.sort_unstable();
    prop_assert_eq!(
        by_reason_sorted,
        books
            .by_reason
            .iter()
            .map(|(k, v)| (*k, *v))
            .collect::<Vec<_>>()
    );
    for (field, date) in [
        ("first_date", books.first_date),
        ("last_date", books.last_date),
    ] {
        prop_assert_eq!(
            &summary[field],
            &serde_json::json!(date.map(|date| date.to_string())),
            "{}",
            field
        );
    }
    let inputs: Vec<(u64, u64)> = summary["inputs"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|input| (number_of(input, "lines"), number_of(input, "bytes")))
        .collect();
    prop_assert_eq!(&inputs, &expected.inputs);
    prop_assert_eq!(number_of(&summary["output"], "rows"), books.groups);
    prop_assert_eq!(
        number_of(&summary["output"], "bytes"),
        expected.csv.len() as u64
    );
    Ok(())
}
