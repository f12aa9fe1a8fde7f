//! The log: one line for each invalid event, in order, in either format, wherever it goes, and never
//! anything that a terminal would act on.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::Value;

use crate::harness::{
    CLICK, CLICK_CSV, Sandbox, event_records, expect_printable, expected_positions, json_lines,
    number_of, positions, purchase, text_of, unprintable_chars,
};
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES};

/// No log line is longer, whatever the event holds.
const LONGEST_LOG_LINE: usize = 4096;

/// The only event record of a run over one line.
fn record_of(line: impl AsRef<[u8]>) -> Value {
    let sandbox = Sandbox::with_events(line);
    let run = sandbox.aggregate(["--log-format", "json"]);
    run.expect_code(0);
    let [record] = event_records(&run.stderr).try_into().expect("one record");
    record
}

fn warnings(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("WARN")).collect()
}

#[test]
fn text_lines() {
    let bad = r#"{"user_id":789,"event_type":"click","timestamp":"INVALID_TIMESTAMP"}"#;
    let sandbox = Sandbox::with_events(format!(
        "{CLICK}\n\n\n{bad}\n{}\n",
        purchase("101", "-5.00")
    ));
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_code(0);
    let [first, second] = warnings(&run.stderr).try_into().expect("two warnings");
    let offset = CLICK.len() + 3;
    assert!(
        first.contains(&format!(
            "input=events.jsonl line=4 offset={offset} reason=invalid_timestamp"
        )),
        "{first}"
    );
    assert!(
        first.contains(r#"timestamp "INVALID_TIMESTAMP" is not an ISO 8601 date-time"#),
        "{first}"
    );
    let offset = offset + bad.len() + 1;
    assert!(
        second.contains(&format!(
            "input=events.jsonl line=5 offset={offset} reason=non_positive_amount"
        )),
        "{second}"
    );
    assert!(second.contains("-5.00"), "{second}");
}

#[test]
fn json_lines_are_flat_objects() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nnull\n{CLICK}"));
    let run = sandbox.aggregate(["--log-format", "json", "-v"]);
    run.expect_code(0);
    for record in json_lines(&run.stderr) {
        let fields = record.as_object().expect("an object");
        assert!(
            fields
                .values()
                .all(|value| !value.is_object() && !value.is_array()),
            "{record}"
        );
        assert!(
            fields.contains_key("level") && fields.contains_key("message"),
            "{record}"
        );
    }
    let [record] = event_records(&run.stderr).try_into().expect("one record");
    assert_eq!(text_of(&record, "level"), "WARN");
    assert_eq!(text_of(&record, "input"), "events.jsonl");
    assert_eq!(number_of(&record, "line"), 2);
    assert_eq!(number_of(&record, "offset"), CLICK.len() as u64 + 1);
    assert_eq!(text_of(&record, "reason"), "not_an_object");
    assert!(!text_of(&record, "message").is_empty());
}

/// What went wrong in a broken line is told with its column, counted from 1.
#[test]
fn syntax_errors_tell_the_column() {
    for (line, column) in [
        (r#"{"user_id_abcdef"1}"#, 18),
        (r#"{"user_id_abcdef" 1}"#, 19),
        (r#"{"a":1,}"#, 8),
        (r#"{"a":01}"#, 7),
        (r#"{"a":tru}"#, 9),
        (r#"{"a":1} x"#, 9),
        ("nul", 4),
        ("[1 2]", 4),
        ("{\"a\":\"b\u{1}\"}", 8),
        (r#"{"a":"\x"}"#, 8),
        ("}", 1),
    ] {
        let record = record_of(line);
        assert_eq!(text_of(&record, "reason"), "invalid_json", "{line}");
        let message = text_of(&record, "message");
        let told: Option<i64> = message
            .split_once("column ")
            .map(|(_, rest)| rest.trim_end_matches(|char: char| !char.is_ascii_digit()))
            .and_then(|digits| {
                digits
                    .split(|char: char| !char.is_ascii_digit())
                    .next()?
                    .parse()
                    .ok()
            });
        let told = told.unwrap_or_else(|| panic!("no column in {message:?} for {line}"));
        // Where in a bad word the reader gives up is its own affair.
        let slack = i64::from(line.contains("tru") || line.contains("nul")) * 3
            + i64::from(line.contains('\\') || line.contains("01"));
        assert!(
            (told - column).abs() <= slack,
            "{message:?} for {line}: expected {column}"
        );
    }
    let record = record_of(r#"{"user_id_abcdef"1}"#);
    assert!(
        text_of(&record, "message").contains("expected `:` at column 18"),
        "{record}"
    );
}

/// Messages name the field and show what it held.
#[test]
fn messages_tell_what_was_there() {
    let time = r#""timestamp":"2024-01-01T00:00:00Z""#;
    for (line, needles) in [
        (
            format!(r#"{{"event_type":"view",{time}}}"#),
            &["user_id"][..],
        ),
        (
            format!(r#"{{"user_id":"abc","event_type":"view",{time}}}"#),
            &["user_id", "abc"],
        ),
        (
            format!(r#"{{"user_id":1.5,"event_type":"view",{time}}}"#),
            &["user_id", "1.5"],
        ),
        (
            format!(r#"{{"user_id":18446744073709551616,"event_type":"view",{time}}}"#),
            &["user_id", "18446744073709551616"],
        ),
        (format!(r#"{{"user_id":1,{time}}}"#), &["event_type"]),
        (
            format!(r#"{{"user_id":1,"event_type":7,{time}}}"#),
            &["event_type", "7"],
        ),
        (
            format!(r#"{{"user_id":1,"event_type":"",{time}}}"#),
            &["event_type", "empty"],
        ),
        (
            r#"{"user_id":1,"event_type":"view"}"#.to_owned(),
            &["timestamp"],
        ),
        (
            r#"{"user_id":1,"event_type":"view","timestamp":1700000000}"#.to_owned(),
            &["timestamp", "1700000000"],
        ),
        (
            r#"{"user_id":1,"event_type":"view","timestamp":"2024-01-01T00:00:00+02:00"}"#
                .to_owned(),
            &["timestamp", "2024-01-01T00:00:00+02:00", "UTC"],
        ),
        (
            format!(r#"{{"user_id":1,"event_type":"purchase",{time}}}"#),
            &["amount"],
        ),
        (
            r#"{"user_id":1,"event_type":"view","timestamp":"\u00e9\ud83d\ude00"}"#.to_owned(),
            &["\u{e9}\u{1f600}"],
        ),
        (purchase("1", "\"19.99\""), &["amount", "19.99"]),
        (purchase("1", "-0.0"), &["amount", "-0.0"]),
        (purchase("1", "1e400"), &["amount", "1e400"]),
    ] {
        let record = record_of(&line);
        let message = text_of(&record, "message");
        for needle in needles {
            assert!(
                message.contains(needle),
                "no {needle:?} in {message:?} for {line}"
            );
        }
    }
}

/// A generated run: the log is the rejects, in input order, whatever the threads.
#[test]
fn order_is_input_order() {
    let sandbox = Sandbox::new();
    let mut inputs = Vec::new();
    for (seed, name) in ["c.jsonl", "a.jsonl", "b.jsonl"].into_iter().enumerate() {
        let events = sandbox.generate([
            format!("--seed={seed}"),
            "--lines=300".into(),
            "--invalid-rate=0.3".into(),
        ]);
        sandbox.write(name, &events);
        inputs.push(events);
    }
    let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let names = ["c.jsonl", "a.jsonl", "b.jsonl"];
    let expected = expected_positions(&reference::run(&inputs, DEFAULT_MAX_LINE_BYTES), &names);
    assert!(expected.len() > 100);
    for threads in 1..=8 {
        let run = sandbox.aggregate(names.into_iter().map(str::to_owned).chain([
            "--log-format=json".to_owned(),
            "--chunk-size=500".to_owned(),
            format!("--threads={threads}"),
        ]));
        run.expect_code(0);
        assert_eq!(
            positions(&event_records(&run.stderr)),
            expected,
            "{threads} threads"
        );
    }
}

#[test]
fn a_log_file_takes_the_place_of_standard_error() {
    for format in ["text", "json"] {
        let sandbox = Sandbox::with_events(format!("{CLICK}\nx\ny\n"));
        let run = sandbox.aggregate(["--log-file", "run.log", "--log-format", format]);
        run.expect_code(0);
        // The report that ends a run is not the log.
        assert!(
            warnings(&run.stderr).is_empty() && !run.stderr.contains("reason="),
            "{format}"
        );
        assert_eq!(warnings(&sandbox.text("run.log")).len(), 2, "{format}");
        // What is quiet on standard error is no less in the file.
        let run = sandbox.aggregate(["--log-file", "run.log", "--log-format", format, "--quiet"]);
        assert_eq!(run.expect_code(0).stderr, "", "{format}");
        assert_eq!(warnings(&sandbox.text("run.log")).len(), 2, "{format}");
        assert_eq!(sandbox.csv(), CLICK_CSV);
        assert_eq!(
            sandbox.names(),
            ["daily_user_stats.csv", "events.jsonl", "run.log"]
        );
    }
}

/// An error that ends the run is told on standard error even when the log goes elsewhere.
#[test]
fn a_log_file_does_not_hide_an_error() {
    let sandbox = Sandbox::new();
    let run = sandbox.aggregate(["nowhere.jsonl", "--log-file", "run.log"]);
    run.expect_code(1)
        .expect_stderr(sandbox.path("nowhere.jsonl").to_str().unwrap());
}

#[test]
fn quiet_leaves_only_errors() {
    for flag in ["-q", "--quiet"] {
        let sandbox = Sandbox::with_events("x\n");
        let run = sandbox.aggregate([flag]);
        run.expect_code(0);
        assert_eq!(run.stderr, "");
        let run = sandbox.aggregate([flag, "nowhere.jsonl"]);
        run.expect_code(1).expect_stderr("nowhere.jsonl");
    }
}

#[test]
fn verbose_says_more() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    let plain = sandbox.aggregate([] as [&str; 0]);
    let verbose = sandbox.aggregate(["-v"]);
    verbose.expect_code(0);
    assert_eq!(warnings(&verbose.stderr).len(), 1);
    assert!(
        verbose.stderr.lines().count() > plain.stderr.lines().count(),
        "{}",
        verbose.stderr
    );
}

#[test]
fn levels() {
    let sandbox = Sandbox::with_events("x\n");
    for (level, count) in [
        ("off", 0),
        ("error", 0),
        ("warn", 1),
        ("info", 1),
        ("debug", 1),
        ("trace", 1),
    ] {
        let run = sandbox.aggregate(["--log-level", level]);
        run.expect_code(0);
        assert_eq!(warnings(&run.stderr).len(), count, "{level}");
    }
}

/// `RUST_LOG` is some other program's business.
#[test]
fn the_environment_of_other_programs_is_ignored() {
    let sandbox = Sandbox::with_events("x\n");
    let mut command = sandbox.program();
    command.arg("aggregate").env("RUST_LOG", "off");
    let run = crate::harness::Run::of(command);
    assert_eq!(warnings(&run.stderr).len(), 1);
}

/// Every place of an event that a message may show.
fn places(inner: &str) -> [String; 9] {
    let time = r#""timestamp":"2024-01-01T00:00:00Z""#;
    [
        format!(r#"{{"user_id":1,"event_type":"view","timestamp":"{inner}"}}"#),
        format!(r#"{{"user_id":"{inner}","event_type":"view",{time}}}"#),
        format!(r#"{{"user_id":{{"{inner}":1}},"event_type":"view",{time}}}"#),
        format!(r#"{{"user_id":1,"event_type":["{inner}"],{time}}}"#),
        format!(r#"{{"{inner}":1,"event_type":"view",{time}}}"#),
        purchase("1", &format!(r#""{inner}""#)),
        purchase("1", &format!(r#"["{inner}"]"#)),
        format!(r#""{inner}""#),
        format!(r#"{{"user_id" "{inner}"#),
    ]
}

/// Every control and bidirectional character, written raw and as an escape, in every place.
#[test]
fn nothing_unprintable_reaches_the_log() {
    let mut events = String::new();
    let mut lines = 0;
    for char in unprintable_chars() {
        let mut spellings = vec![format!("a\\u{:04x}b", u32::from(char))];
        if char != '\n' {
            spellings.push(format!("a{char}b"));
            // Bare, where JSON has no place for it.
            for line in [format!("{char}[0m\n"), format!("{CLICK}{char}]0;x\n")] {
                events.push_str(&line);
                lines += 1;
            }
        }
        for spelling in spellings {
            for line in places(&spelling) {
                events.push_str(&line);
                events.push('\n');
                lines += 1;
            }
        }
    }
    // An ANSI sequence, a forged log line and an overwritten one.
    for text in [
        "\\u001b[31mRED\\u001b[0m",
        "x\\nWARN forged line=1",
        "x\\rOK",
        "\\u009b31m",
        "\\u001b]0;t\\u0007",
    ] {
        for line in places(text) {
            events.push_str(&line);
            events.push('\n');
            lines += 1;
        }
    }
    let expected = reference::run(&[events.as_bytes()], DEFAULT_MAX_LINE_BYTES);
    assert_eq!(expected.books.invalid, lines);
    let sandbox = Sandbox::with_events(&events);
    for format in ["text", "json"] {
        let run = sandbox.aggregate(["--log-format", format]);
        run.expect_code(0);
        expect_printable(&run.stderr);
        sandbox
            .aggregate([
                "--log-format",
                format,
                "--log-file=run.log",
                "--rejects=r.jsonl",
            ])
            .expect_code(0);
        let log = sandbox.text("run.log");
        expect_printable(&log);
        // One line for each, and none of them forged.
        assert_eq!(log.lines().count() as u64, lines, "{format}");
        // A person may well look at the rejects on a terminal.
        for record in json_lines(&sandbox.text("r.jsonl")) {
            expect_printable(text_of(&record, "message"));
        }
    }
}

#[test]
fn log_lines_are_bounded() {
    let long = "x".repeat(1_000_000);
    let escaped = "\\u001b".repeat(200_000);
    let accents = "\u{e9}\u{1f600}".repeat(200_000);
    for inner in [long, escaped, accents] {
        for line in places(&inner) {
            for format in ["text", "json"] {
                let sandbox = Sandbox::with_events(&line);
                let run = sandbox.aggregate(["--log-format", format, "--rejects", "r.jsonl"]);
                run.expect_code(0);
                let longest = run.stderr.lines().map(str::len).max().unwrap_or(0);
                assert!(
                    longest <= LONGEST_LOG_LINE,
                    "{longest} bytes for {}",
                    &line[..40]
                );
                assert_eq!(warnings(&run.stderr).len(), 1);
                let [record] = json_lines(&sandbox.text("r.jsonl"))
                    .try_into()
                    .expect("one record");
                assert!(text_of(&record, "message").len() <= LONGEST_LOG_LINE);
            }
        }
    }
}

/// File names come from outside too.
#[test]
fn input_names_are_escaped() {
    let sandbox = Sandbox::new();
    let chars: Vec<char> = unprintable_chars()
        .into_iter()
        .filter(|char| *char != '\0')
        .chain(['"', '\\', ' ', '='])
        .collect();
    let mut names: Vec<OsString> = chars
        .chunks(20)
        .map(|chunk| format!("n{}.jsonl", chunk.iter().collect::<String>()).into())
        .collect();
    names.push(OsString::from_vec(b"\xff\x1b[31m\x9b.jsonl".to_vec()));
    for name in &names {
        sandbox.write(name, "x\n");
    }
    for format in ["text", "json"] {
        let mut args = names.clone();
        args.extend([
            "--log-format".into(),
            format.into(),
            "--rejects".into(),
            "r.jsonl".into(),
        ]);
        let run = sandbox.aggregate(args);
        run.expect_code(0);
        expect_printable(&run.stderr);
        assert_eq!(warnings(&run.stderr).len(), names.len(), "{format}");
    }
    assert_eq!(json_lines(&sandbox.text("r.jsonl")).len(), names.len());
}

/// A name with spaces cannot forge fields in the text format.
#[test]
fn an_input_name_cannot_forge_fields() {
    let sandbox = Sandbox::new();
    let name = "a line=7 offset=7 reason=none";
    sandbox.write(name, "x\n");
    let run = sandbox.aggregate([name]);
    run.expect_code(0);
    let [line] = warnings(&run.stderr).try_into().expect("one warning");
    assert!(!line.contains("input=a line=7"), "{line}");
    assert!(
        line.contains(" line=1 offset=0 reason=invalid_json"),
        "{line}"
    );
}
