//! The summary: one JSON object about the run.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{CLICK, CLICK_CSV, Sandbox, number_of, purchase, text_of};
use crate::reference::HEADER;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The summary of one run over `inputs`.
fn summary_of(sandbox: &Sandbox, inputs: &[&str]) -> Value {
    sandbox
        .aggregate(inputs.iter().chain(&["--summary", "summary.json"]))
        .expect_code(0);
    serde_json::from_str(&sandbox.text("summary.json")).unwrap()
}

#[test]
fn the_counts_of_a_run() {
    let sandbox = Sandbox::new();
    let one = format!(
        "{CLICK}\n\n{}\n{}\nnull\n",
        purchase("2", "0.1"),
        purchase("2", "0.2")
    );
    let two = format!(
        "{}\r\n \nx\ny",
        r#"{"user_id":1,"event_type":"view","timestamp":"2023-12-31T24:00:00Z"}"#
    );
    let three = r#"{"user_id":1,"event_type":"view","timestamp":"1999-12-31T23:59:59Z"}"#;
    sandbox.write("one.jsonl", &one);
    sandbox.write("two.jsonl", &two);
    sandbox.write("three.jsonl", three);
    let summary = summary_of(&sandbox, &["one.jsonl", "two.jsonl", "three.jsonl"]);
    for (field, count) in [
        ("lines", 10),
        ("blank", 2),
        ("valid", 5),
        ("invalid", 3),
        ("groups", 3),
        ("event_count", 5),
        ("purchase_count", 2),
    ] {
        assert_eq!(number_of(&summary, field), count, "{field}");
    }
    assert_eq!(number_of(&summary["invalid_by_reason"], "invalid_json"), 2);
    assert_eq!(number_of(&summary["invalid_by_reason"], "not_an_object"), 1);
    assert_eq!(summary["total_revenue"], json!("0.30"));
    assert_eq!(summary["first_date"], json!("1999-12-31"));
    assert_eq!(summary["last_date"], json!("2024-01-01"));
    assert!(summary["elapsed_seconds"].as_f64().expect("a number") > 0.0);
    assert!(summary["bytes_per_second"].as_f64().expect("a number") > 0.0);
    let inputs = summary["inputs"].as_array().expect("an array");
    assert_eq!(inputs.len(), 3);
    for (input, (name, bytes, lines)) in inputs.iter().zip([
        ("one.jsonl", one.len(), 5),
        ("two.jsonl", two.len(), 4),
        ("three.jsonl", three.len(), 1),
    ]) {
        assert_eq!(text_of(input, "input"), name);
        assert_eq!(number_of(input, "bytes"), bytes as u64);
        assert_eq!(number_of(input, "lines"), lines);
    }
    let csv = sandbox.csv();
    let output = &summary["output"];
    let path = sandbox.path("daily_user_stats.csv");
    assert_eq!(text_of(output, "path"), path.to_str().unwrap());
    assert_eq!(number_of(output, "rows"), 3);
    assert_eq!(number_of(output, "bytes"), csv.len() as u64);
    assert_eq!(text_of(output, "sha256"), sha256(csv.as_bytes()));
}

#[test]
fn the_counts_of_nothing() {
    let summary = summary_of(&Sandbox::with_events(""), &[]);
    for field in [
        "lines",
        "blank",
        "valid",
        "invalid",
        "groups",
        "event_count",
        "purchase_count",
    ] {
        assert_eq!(number_of(&summary, field), 0, "{field}");
    }
    assert_eq!(summary["total_revenue"], json!("0.00"));
    assert_eq!(summary["first_date"], Value::Null);
    assert_eq!(summary["last_date"], Value::Null);
    assert_eq!(
        text_of(&summary["output"], "sha256"),
        sha256(HEADER.as_bytes())
    );
}

/// Groups may each be in range while all of them together are not: the sum of all is still exact.
#[test]
fn the_total_revenue_may_pass_any_group() {
    let events: String = (0..250)
        .map(|user| (purchase(&user.to_string(), "999999999999999.99") + "\n").repeat(2))
        .collect();
    let summary = summary_of(&Sandbox::with_events(events), &[]);
    assert_eq!(text_of(&summary, "total_revenue"), "499999999999999995.00");
}

/// The counts' sums hold together on generated data of every kind.
#[test]
fn the_books_balance() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate([
        "--lines=3000",
        "--seed=7",
        "--invalid-rate=0.2",
        "--profile=mixed",
    ]);
    sandbox.write("events.jsonl", &events);
    let summary = summary_of(&sandbox, &["events.jsonl"]);
    let count = |field| number_of(&summary, field);
    assert_eq!(
        count("lines"),
        count("blank") + count("valid") + count("invalid")
    );
    assert_eq!(count("valid"), count("event_count"));
    assert_eq!(count("groups"), number_of(&summary["output"], "rows"));
    let by_reason: u64 = summary["invalid_by_reason"]
        .as_object()
        .expect("an object")
        .values()
        .map(|count| count.as_u64().expect("a count"))
        .sum();
    assert_eq!(by_reason, count("invalid"));
    assert!(count("invalid") > 0 && count("valid") > 0);
}

/// `--summary -` is the last line of standard output and one line long.
#[test]
fn on_standard_output() {
    let sandbox = Sandbox::with_events(CLICK);
    let run = sandbox.aggregate(["--summary", "-"]);
    run.expect_code(0);
    let [line] = run
        .stdout_text()
        .lines()
        .collect::<Vec<_>>()
        .try_into()
        .expect("one line");
    assert_eq!(number_of(&serde_json::from_str(line).unwrap(), "valid"), 1);

    let run = sandbox.aggregate(["--summary", "-", "--output", "-"]);
    run.expect_code(0);
    let rest = run
        .stdout_text()
        .strip_prefix(CLICK_CSV)
        .expect("the result comes first");
    assert_eq!(rest.matches('\n').count(), 1);
    let summary: Value = serde_json::from_str(rest).unwrap();
    assert_eq!(
        text_of(&summary["output"], "sha256"),
        sha256(CLICK_CSV.as_bytes())
    );
}

/// Outside text in the summary, here the inputs' names, is safe to print.
#[test]
fn is_printable() {
    let sandbox = Sandbox::new();
    let name = "a\u{1b}[31m\u{202e}\u{7f}.jsonl";
    sandbox.write(name, CLICK);
    let run = sandbox.aggregate([name, "--summary", "-"]);
    run.expect_code(0);
    crate::harness::expect_printable(run.stdout_text());
    let summary: Value = serde_json::from_str(run.stdout_text()).unwrap();
    assert_eq!(summary["inputs"].as_array().map(Vec::len), Some(1));
}
