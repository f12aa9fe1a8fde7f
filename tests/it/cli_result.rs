//! The result file: what the program makes of given events, whatever the threads, chunks and order.

use std::fmt::Write;
use std::path::Path;

use crate::harness::{
    CLICK, CLICK_CSV, Run, Sandbox, event_records, json_lines, positions, purchase,
};
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES, HEADER};

/// The rows of one run over one input.
fn rows_of(events: impl AsRef<[u8]>) -> String {
    let sandbox = Sandbox::with_events(events);
    sandbox.aggregate([] as [&str; 0]).expect_code(0);
    let csv = sandbox.csv();
    csv.strip_prefix(HEADER).expect("the header").to_owned()
}

/// Lines that have something for every path: good, blank, broken, long and not UTF-8.
fn mixed_events() -> Vec<u8> {
    let mut events = Vec::new();
    for index in 0..120_u32 {
        let user = index % 7;
        let day = 1 + index % 5;
        match index % 8 {
            0 => events.extend(b"\r\n"),
            1 => events.extend(format!("{{\"user_id\":{user},\n").bytes()),
            2 => events.extend(
                format!("{{\"user_id\":{user},\"event_type\":\"view\",\"timestamp\":\"2024-02-3{user}T00:00:00Z\"}}\n")
                    .bytes(),
            ),
            3 => events.extend(b"\"\xff\xfe\"\n"),
            4 => events.extend(format!("{:300}\r\n", purchase(&user.to_string(), "0.1")).bytes()),
            _ => events.extend(
                format!(
                    "{{\"amount\":{index}.{user}5e-3,\"user_id\":-{user},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-0{day}T00:00:00Z\"}}\n"
                )
                .bytes(),
            ),
        }
    }
    events.pop();
    events
}

#[test]
fn the_readme_example() {
    let sandbox = Sandbox::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events.jsonl");
    std::fs::copy(example, sandbox.path("events.jsonl")).unwrap();
    let run = sandbox.aggregate(["--log-format", "json"]);
    run.expect_code(0);
    assert_eq!(
        sandbox.csv(),
        "date,user_id,event_count,purchase_count,total_revenue\n\
         2024-01-01,123,2,1,19.99\n\
         2024-01-01,456,1,0,0.00\n"
    );
    assert_eq!(run.stdout, b"");
    let rejects: Vec<(u64, String)> = positions(&event_records(&run.stderr))
        .into_iter()
        .map(|(_, line, _, reason)| (line, reason))
        .collect();
    assert_eq!(
        rejects,
        [
            (4, "invalid_timestamp".to_owned()),
            (5, "non_positive_amount".to_owned())
        ]
    );
    assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
}

#[test]
fn an_empty_input_gives_the_header() {
    for input in ["", "\n", "\r\n \n\t\n", "\u{feff}", "null", "{}\n"] {
        assert_eq!(rows_of(input), "", "{input:?}");
    }
}

#[test]
fn rows_are_in_the_order_of_dates_then_numbers() {
    let mut events = String::new();
    for (user, time) in [
        ("10", "2024-01-02T00:00:00Z"),
        ("9", "2024-01-02T00:00:00Z"),
        ("18446744073709551615", "2024-01-01T00:00:00Z"),
        ("-1", "2024-01-01T00:00:00Z"),
        ("-9223372036854775808", "2024-01-01T00:00:00Z"),
        ("-0", "2024-01-01T00:00:00Z"),
        ("9223372036854775808", "2024-01-01T00:00:00Z"),
        ("9223372036854775807", "2024-01-01T00:00:00Z"),
        ("-10", "2024-01-01T00:00:00Z"),
        ("100", "0000-01-01T00:00:00Z"),
        ("1", "9999-12-31T23:59:59Z"),
    ] {
        writeln!(
            events,
            r#"{{"user_id":{user},"event_type":"view","timestamp":"{time}"}}"#
        )
        .unwrap();
    }
    let rows = rows_of(events);
    let keys: Vec<&str> = rows
        .lines()
        .map(|row| row.strip_suffix(",1,0,0.00").unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "0000-01-01,100",
            "2024-01-01,-9223372036854775808",
            "2024-01-01,-10",
            "2024-01-01,-1",
            "2024-01-01,0",
            "2024-01-01,9223372036854775807",
            "2024-01-01,9223372036854775808",
            "2024-01-01,18446744073709551615",
            "2024-01-02,9",
            "2024-01-02,10",
            "9999-12-31,1",
        ]
    );
}

/// SPEC 4, end to end: the amounts of one user a row.
#[test]
fn money_is_exact() {
    let hundred_digits = format!("0.{}5{}", "0".repeat(18), "0".repeat(80));
    let hundred_digits_more = format!("0.{}5{}1", "0".repeat(18), "0".repeat(79));
    for (amounts, total) in [
        (vec!["0.1", "0.2"], "0.30"),
        (vec!["0.1"; 10], "1.00"),
        (vec!["123456789012345.67"], "123456789012345.67"),
        (vec!["999999999999999.99", "0.01"], "1000000000000000.00"),
        (vec!["1e-18"], "0.000000000000000001"),
        (vec!["1e-19"], "0.00"),
        (vec!["1e-400"], "0.00"),
        // A tie goes to the even neighbour, each amount on its own.
        (vec!["0.0000000000000000005"], "0.00"),
        (vec!["0.0000000000000000015"], "0.000000000000000002"),
        (vec!["0.0000000000000000025"], "0.000000000000000002"),
        (
            vec!["0.0000000000000000005", "0.0000000000000000005"],
            "0.00",
        ),
        (
            vec!["0.00000000000000000050000000000000000000000000001"],
            "0.000000000000000001",
        ),
        (vec![hundred_digits.as_str()], "0.00"),
        (vec![hundred_digits_more.as_str()], "0.000000000000000001"),
        (
            vec!["999999999999999.9999999999999999999999"],
            "1000000000000000.00",
        ),
        (vec!["0.125"], "0.125"),
        (vec!["1.10"], "1.10"),
        (vec!["1.100"], "1.10"),
        (vec!["1.1000000000000000010"], "1.100000000000000001"),
        (vec!["1E2", "1e-2"], "100.01"),
    ] {
        let events: String = amounts
            .iter()
            .map(|amount| purchase("1", amount) + "\n")
            .collect();
        let count = amounts.len();
        assert_eq!(
            rows_of(events),
            format!("2024-01-01,1,{count},{count},{total}\n"),
            "{amounts:?}"
        );
    }
}

/// An amount whose rounded value is exactly 10^15.
const LARGEST: &str = "999999999999999.9999999999999999999";

#[test]
fn the_largest_total() {
    let mut events = (purchase("7", LARGEST) + "\n").repeat(99_999);
    events.push_str(&purchase("7", "999999999999999.999999999999999999"));
    assert_eq!(
        rows_of(events),
        "2024-01-01,7,100000,100000,99999999999999999999.999999999999999999\n"
    );
}

#[test]
fn a_total_that_is_too_large_ends_the_run() {
    let mut events = (purchase("-77", LARGEST) + "\n").repeat(100_000);
    events.push_str(CLICK);
    let sandbox = Sandbox::with_events(events);
    sandbox.write("daily_user_stats.csv", "before");
    for threads in ["1", "2"] {
        let run = sandbox.aggregate(["--threads", threads]);
        run.expect_code(1)
            .expect_stderr("2024-01-01")
            .expect_stderr("-77");
        assert_eq!(sandbox.csv(), "before");
        assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
    }
}

/// So many that the sum in units would not fit 128 bits either.
#[test]
#[ignore = "36 MB through a debug build"]
fn a_total_past_128_bits_ends_the_run() {
    let sandbox = Sandbox::with_events((purchase("-77", LARGEST) + "\n").repeat(350_000));
    for threads in ["1", "2"] {
        let run = sandbox.aggregate(["--threads", threads]);
        run.expect_code(1)
            .expect_stderr("2024-01-01")
            .expect_stderr("-77");
    }
}

/// What a run shows for one setting: the result, the rejects and the log, by position.
fn everything(sandbox: &Sandbox, inputs: &[&str], threads: u32, chunk_size: &str) -> [String; 3] {
    let mut command = sandbox.program();
    command
        .arg("aggregate")
        .args(inputs)
        .args([
            "--rejects",
            "rejects.jsonl",
            "--log-format",
            "json",
            "--chunk-size",
            chunk_size,
        ])
        .arg(format!("--threads={threads}"));
    let run = Run::of(command);
    run.expect_code(0);
    let log = event_records(&run.stderr);
    assert_eq!(
        positions(&log),
        positions(&json_lines(&sandbox.text("rejects.jsonl")))
    );
    [
        sandbox.csv(),
        sandbox.text("rejects.jsonl"),
        format!("{:?}", positions(&log)),
    ]
}

#[test]
fn threads_and_chunks_do_not_show() {
    let events = mixed_events();
    let sandbox = Sandbox::with_events(&events);
    let expected = reference::run(&[&events], DEFAULT_MAX_LINE_BYTES);
    let first = everything(&sandbox, &["events.jsonl"], 1, "1M");
    assert_eq!(first[0], expected.csv);
    for threads in 1..=8 {
        for chunk_size in ["1", "2", "3", "7", "64", "300", "301", "4K", "1GiB"] {
            let again = everything(&sandbox, &["events.jsonl"], threads, chunk_size);
            assert_eq!(again, first, "{threads} threads, chunks of {chunk_size}");
        }
    }
}

#[test]
fn the_order_and_division_of_inputs_do_not_show() {
    let events = mixed_events();
    let expected = reference::run(&[&events], DEFAULT_MAX_LINE_BYTES).csv;
    let lines: Vec<&[u8]> = events.split_inclusive(|byte| *byte == b'\n').collect();
    let sandbox = Sandbox::new();
    for (name, part) in [
        ("a", &lines[..10]),
        ("b", &lines[10..11]),
        ("c", &lines[11..]),
    ] {
        sandbox.write(name, part.concat());
    }
    for inputs in [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["b", "c", "a"],
        ["b", "a", "c"],
    ] {
        let run = sandbox.aggregate(inputs);
        run.expect_code(0);
        assert_eq!(sandbox.csv(), expected, "{inputs:?}");
    }
}

/// Inputs are separate: a last line without its `\n` does not run on into the next input, and each
/// input may have its own byte order mark.
#[test]
fn inputs_do_not_run_together() {
    let sandbox = Sandbox::new();
    sandbox.write("a", CLICK);
    sandbox.write("b", format!("\u{feff}{CLICK}"));
    sandbox.write("empty", "");
    sandbox.aggregate(["a", "empty", "b"]).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,2,0,"));
}

#[test]
fn one_input_named_twice_counts_twice_if_allowed() {
    let sandbox = Sandbox::with_events(CLICK);
    sandbox
        .aggregate(["events.jsonl", "events.jsonl", "--allow-duplicates"])
        .expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,2,0,"));
}

#[test]
fn line_ends_do_not_show() {
    for events in [
        format!("{CLICK}\n"),
        format!("{CLICK}\r\n"),
        format!("{CLICK}\r"),
        format!("\u{feff}{CLICK}\n"),
        format!("\n\n{CLICK}\n\n"),
        format!(" \t{CLICK}\t \r\n"),
    ] {
        assert_eq!(
            format!("{HEADER}{}", rows_of(&events)),
            CLICK_CSV,
            "{events:?}"
        );
    }
}

/// A result without rows because of what the events look like is not taken for an ordinary one.
#[test]
fn none_of_the_events_is_valid() {
    let told = "not one event is valid";
    let sandbox = Sandbox::with_events("{}\nx\n");
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_code(0).expect_stderr(told);
    assert_eq!(
        sandbox.csv(),
        "date,user_id,event_count,purchase_count,total_revenue\n"
    );
    for events in ["", "\n", &format!("x\n{CLICK}\n")] {
        let run = Sandbox::with_events(events).aggregate([] as [&str; 0]);
        run.expect_code(0);
        assert!(!run.stderr.contains(told), "{}", run.stderr);
    }
}
