//! The rejects file (SPEC 6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::harness::{
    CLICK, Sandbox, event_records, expected_positions, json_lines, number_of, positions, text_of,
};
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES};

/// How much of a line a reject keeps.
const KEPT: usize = 4096;

/// The rejects of one run over one input.
fn rejects_of(events: impl AsRef<[u8]>) -> Vec<Value> {
    let sandbox = Sandbox::with_events(events);
    sandbox
        .aggregate(["--rejects", "rejects.jsonl"])
        .expect_code(0);
    json_lines(&sandbox.text("rejects.jsonl"))
}

#[test]
fn the_record_of_an_invalid_line() {
    let bad = r#"{"user_id": 789, "event_type": "click", "timestamp": "INVALID_TIMESTAMP"}"#;
    let sandbox = Sandbox::with_events(format!("{CLICK}\n\n{bad}\n{CLICK}\n"));
    let run = sandbox.aggregate(["--rejects", "rejects.jsonl", "--log-format", "json"]);
    run.expect_code(0);
    let text = sandbox.text("rejects.jsonl");
    let offset = CLICK.len() + 2;
    let start = format!(
        r#"{{"input":"events.jsonl","line":3,"offset":{offset},"reason":"invalid_timestamp","message":""#
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
    let [record] = json_lines(&text).try_into().expect("one record");
    let Value::Object(fields) = &record else {
        panic!("{record}")
    };
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["input", "line", "message", "offset", "raw", "reason"]
    );
    assert_eq!(text_of(&record, "raw"), bad);
    assert!(
        text_of(&record, "message").contains("INVALID_TIMESTAMP"),
        "{record}"
    );
    // The log tells the same story.
    let [logged] = event_records(&run.stderr).try_into().expect("one log line");
    assert_eq!(logged["message"], record["message"]);
}

#[test]
fn every_reason_has_its_code() {
    let view = r#""event_type":"view","timestamp":"2024-01-01T00:00:00Z""#;
    let time = r#""timestamp":"2024-01-01T00:00:00Z""#;
    let bought = r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00:00:00Z""#;
    let cases: Vec<(&str, Vec<u8>)> = [
        ("invalid_json", "nul".to_owned()),
        ("not_an_object", "[]".to_owned()),
        ("missing_user_id", format!("{{{view}}}")),
        ("invalid_user_id", format!(r#"{{"user_id":"1",{view}}}"#)),
        (
            "user_id_out_of_range",
            format!(r#"{{"user_id":18446744073709551616,{view}}}"#),
        ),
        ("missing_event_type", format!(r#"{{"user_id":1,{time}}}"#)),
        (
            "invalid_event_type",
            format!(r#"{{"user_id":1,"event_type":1,{time}}}"#),
        ),
        (
            "empty_event_type",
            format!(r#"{{"user_id":1,"event_type":"",{time}}}"#),
        ),
        (
            "missing_timestamp",
            r#"{"user_id":1,"event_type":"view"}"#.to_owned(),
        ),
        (
            "invalid_timestamp",
            r#"{"user_id":1,"event_type":"view","timestamp":"x"}"#.to_owned(),
        ),
        (
            "timestamp_not_utc",
            r#"{"user_id":1,"event_type":"view","timestamp":"2024-01-01T00:00:00"}"#.to_owned(),
        ),
        ("missing_amount", format!("{bought}}}")),
        ("invalid_amount", format!(r#"{bought},"amount":"1"}}"#)),
        ("non_positive_amount", format!(r#"{bought},"amount":0}}"#)),
        (
            "amount_out_of_range",
            format!(r#"{bought},"amount":1e15}}"#),
        ),
    ]
    .into_iter()
    .map(|(reason, line)| (reason, line.into_bytes()))
    .chain([
        ("invalid_utf8", b"\"\xff\"".to_vec()),
        ("line_too_long", vec![b'y'; 1001]),
    ])
    .collect();
    let events: Vec<u8> = cases
        .iter()
        .map(|(_, line)| line.as_slice())
        .collect::<Vec<_>>()
        .join(&b'\n');
    let sandbox = Sandbox::with_events(&events);
    let run = sandbox.aggregate([
        "--rejects=rejects.jsonl",
        "--summary=summary.json",
        "--max-line-bytes=1000",
        "--log-format=json",
    ]);
    run.expect_code(0);
    let rejects = json_lines(&sandbox.text("rejects.jsonl"));
    let reasons: Vec<&str> = rejects
        .iter()
        .map(|record| text_of(record, "reason"))
        .collect();
    assert_eq!(
        reasons,
        cases.iter().map(|(reason, _)| *reason).collect::<Vec<_>>()
    );
    let expected = expected_positions(&reference::run(&[&events], 1000), &["events.jsonl"]);
    assert_eq!(positions(&rejects), expected);
    assert_eq!(positions(&event_records(&run.stderr)), expected);
    assert!(
        rejects
            .iter()
            .all(|record| !text_of(record, "message").is_empty())
    );
    // Every reason of SPEC is among them, and the summary counts each once.
    let summary: Value = serde_json::from_str(&sandbox.text("summary.json")).unwrap();
    for reason in reference::REASONS {
        assert!(reasons.contains(&reason), "{reason}");
        assert_eq!(
            number_of(&summary["invalid_by_reason"], reason),
            1,
            "{reason}"
        );
    }
}

#[test]
fn positions_count_per_input() {
    let sandbox = Sandbox::new();
    sandbox.write("b.jsonl", "\u{feff}x\nyy\n");
    sandbox.write("a.jsonl", format!("{CLICK}\r\n\r\nzzz"));
    sandbox
        .aggregate(["b.jsonl", "./a.jsonl", "--rejects=r.jsonl", "--threads=4"])
        .expect_code(0);
    let at = |input: &str, line, offset: usize| {
        (
            input.to_owned(),
            line,
            offset as u64,
            "invalid_json".to_owned(),
        )
    };
    assert_eq!(
        positions(&json_lines(&sandbox.text("r.jsonl"))),
        [
            at("b.jsonl", 1, 3),
            at("b.jsonl", 2, 5),
            at("./a.jsonl", 3, CLICK.len() + 4)
        ]
    );
}

#[test]
fn no_rejects_give_an_empty_file() {
    assert_eq!(rejects_of(format!("{CLICK}\n \n")), [] as [Value; 0]);
}

#[test]
fn a_line_that_is_not_utf8_is_kept_in_base64() {
    let line = b"{\"user_id\":\"\xff\x00\"}";
    let [record] = rejects_of(line).try_into().expect("one record");
    assert_eq!(text_of(&record, "reason"), "invalid_utf8");
    assert_eq!(
        STANDARD.decode(text_of(&record, "raw_base64")).unwrap(),
        line
    );
    assert!(record.get("raw").is_none());
}

/// A line is kept whole up to 4 KiB and no further.
#[test]
fn a_long_line_is_cut() {
    for (length, truncated) in [
        (KEPT - 1, false),
        (KEPT, false),
        (KEPT + 1, true),
        (100_000, true),
    ] {
        let line = "x".repeat(length);
        let [record] = rejects_of(&line).try_into().expect("one record");
        assert_eq!(
            text_of(&record, "raw"),
            &line[..length.min(KEPT)],
            "{length}"
        );
        assert_eq!(
            record.get("truncated"),
            truncated.then_some(&Value::Bool(true)),
            "{length}"
        );
    }
}

/// The cut never tears a character: `raw` is the longest whole start that fits.
#[test]
fn the_cut_is_between_characters() {
    for char in ["\u{e9}", "\u{20ac}", "\u{1f600}"] {
        for shift in 0..4 {
            let line = "x".repeat(shift) + &char.repeat(3000);
            let [record] = rejects_of(&line).try_into().expect("one record");
            assert_eq!(text_of(&record, "reason"), "invalid_json");
            let raw = text_of(&record, "raw");
            assert!(line.starts_with(raw), "{char} {shift}");
            assert!(
                raw.len() <= KEPT && raw.len() + char.len() > KEPT,
                "{char} {shift}: {}",
                raw.len()
            );
            assert_eq!(record["truncated"], Value::Bool(true));
        }
    }
}

#[test]
fn a_line_past_the_limit_is_cut_too() {
    let line = "y".repeat(50_000);
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{line}\n{CLICK}"));
    sandbox
        .aggregate(["--rejects=r.jsonl", "--max-line-bytes=20000"])
        .expect_code(0);
    let [record] = json_lines(&sandbox.text("r.jsonl"))
        .try_into()
        .expect("one record");
    assert_eq!(text_of(&record, "reason"), "line_too_long");
    assert_eq!(text_of(&record, "raw"), &line[..KEPT]);
    assert_eq!(record["truncated"], Value::Bool(true));
    assert_eq!(
        (number_of(&record, "line"), number_of(&record, "offset")),
        (2, CLICK.len() as u64 + 1)
    );
}

/// `raw` is the line itself, so any text at all must come back out of the JSON unchanged.
#[test]
fn raw_text_survives() {
    let chars: String = ('\u{1}'..='\u{2fff}')
        .filter(|char| *char != '\n')
        .collect();
    let lines: Vec<String> = chars
        .chars()
        .collect::<Vec<_>>()
        .chunks(500)
        .map(|chunk| format!("\"{}", chunk.iter().collect::<String>()))
        .collect();
    let records = rejects_of(lines.join("\n"));
    assert_eq!(
        records
            .iter()
            .map(|record| text_of(record, "raw"))
            .collect::<Vec<_>>(),
        lines
    );
    assert_eq!(
        positions(&records),
        expected_positions(
            &reference::run(&[lines.join("\n").as_bytes()], DEFAULT_MAX_LINE_BYTES),
            &["events.jsonl"]
        )
    );
}

/// Rejects can be written where no file can be put.
#[test]
fn rejects_to_standard_output_and_devices() {
    let sandbox = Sandbox::with_events("x\n");
    for name in ["-", "/dev/stdout"] {
        let run = sandbox.aggregate(["--rejects", name]);
        run.expect_code(0);
        let [record] = json_lines(run.stdout_text())
            .try_into()
            .expect("one record");
        assert_eq!(text_of(&record, "raw"), "x");
        // The summary comes last all the same; the result cannot go there as well.
        let run = sandbox.aggregate(["--rejects", name, "--summary", "-"]);
        run.expect_code(0);
        let lines = json_lines(run.stdout_text());
        assert_eq!((lines.len(), number_of(&lines[1], "invalid")), (2, 1));
        sandbox
            .aggregate(["--rejects", name, "--output", "-"])
            .expect_code(2);
    }
    sandbox.aggregate(["--rejects", "/dev/null"]).expect_code(0);
    assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
}

/// A file that the next run would read as events is told of, as long as that can be changed.
#[test]
fn rejects_among_the_inputs() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("logs")).unwrap();
    sandbox.write("logs/a.jsonl", format!("{CLICK}\nx\n"));
    let told = "where inputs are searched for";
    for (inputs, rejects, is_told) in [
        ("logs", "logs/r1.jsonl", true),
        ("logs/*.jsonl", "logs/r2.jsonl", true),
        ("logs/*.jsonl", "logs/r.rejects", false),
        ("logs/a.jsonl", "logs/r3.jsonl", false),
        ("logs", "logs/_r.jsonl", false),
        ("logs", "r.jsonl", false),
        (".", "r.jsonl", true),
        ("**/*.jsonl", "logs/r4.jsonl", true),
        ("logs/[ab]*", "logs/r5.jsonl", false),
    ] {
        let run = sandbox.aggregate([inputs, "--rejects", rejects]);
        run.expect_code(0);
        assert_eq!(
            run.stderr.contains(told),
            is_told,
            "{inputs} {rejects}: {}",
            run.stderr
        );
        if is_told {
            run.expect_stderr(&format!("path={rejects}"));
        }
        let _ = std::fs::remove_file(sandbox.path(rejects));
    }
}

/// A list that is a pipe is read once, and so a run that is done ends.
#[test]
fn lists_that_are_pipes_are_read_once() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("logs")).unwrap();
    sandbox.write("logs/a.jsonl", format!("{CLICK}\nx\n"));
    crate::harness::fifo(&sandbox, "list");
    let writer = {
        let list = sandbox.path("list");
        std::thread::spawn(move || std::fs::write(list, "logs/a.jsonl\n").unwrap())
    };
    let run = sandbox.aggregate(["--files-from", "list", "--rejects", "r.jsonl"]);
    writer.join().unwrap();
    run.expect_code(0);
}
