//! `explain`: a line, all that is wrong with it, and where.

use std::process::{Command, Stdio};

use daytally::event::{DEFAULT_MAX_LINE_BYTES, Decoder, Diagnosis, Lanes, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{
    CLICK, Run, Sandbox, expect_printable, json_lines, number_of, proptest_config, purchase,
    text_of, under_shell,
};
use crate::strategies;

const EVENTS: &str = r#"{"user_id": 123, "event_type": "click", "timestamp": "2024-01-01T10:00:00Z"}
{"user_id": 123, "event_type": "purchase", "timestamp": "2024-01-01T12:30:00Z", "amount": 19.99}
{"user_id": 456, "event_type": "click", "timestamp": "2024-01-01T15:45:00Z"}
{"user_id": 789, "event_type": "click", "timestamp": "INVALID_TIMESTAMP"}
{"user_id": 101, "event_type": "purchase", "timestamp": "2024-01-01T18:20:00Z", "amount": -5.00}
"#;

fn explain(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = sandbox.program();
    command.arg("explain").args(args);
    Run::of(command)
}

/// Runs it with bytes on standard input, through a pipe.
fn piped(sandbox: &Sandbox, args: &[&str], bytes: &[u8]) -> Run {
    let mut command: Command = sandbox.program();
    command.arg("explain").args(args);
    let output = assert_cmd::Command::from_std(command)
        .write_stdin(bytes)
        .timeout(std::time::Duration::from_secs(170))
        .output()
        .unwrap();
    Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn text(run: &Run) -> &str {
    run.expect_code(0);
    assert_eq!(run.stderr, "");
    expect_printable(run.stdout_text());
    run.stdout_text()
}

/// The object that `--json` prints.
#[track_caller]
fn object(run: &Run) -> Value {
    let [object] = json_lines(text(run)).try_into().expect("one object");
    object
}

/// The codes of all faults.
fn codes(object: &Value) -> Vec<&str> {
    let faults = object["faults"].as_array().unwrap();
    faults.iter().map(|fault| text_of(fault, "code")).collect()
}

#[test]
fn an_invalid_line_is_shown_with_a_caret_below_the_fault() {
    let sandbox = Sandbox::with_events(EVENTS);
    let expected = r#"events.jsonl, line 4, offset 251: invalid_timestamp

  {"user_id": 789, "event_type": "click", "timestamp": "INVALID_TIMESTAMP"}
                                                       ^~~~~~~~~~~~~~~~~~~
  rule 12, invalid_timestamp: timestamp "INVALID_TIMESTAMP" is not an ISO 8601 date-time
"#;
    for place in [
        &["events.jsonl:4"][..],
        &["events.jsonl@251"],
        &[
            "input=events.jsonl",
            "line=4",
            "offset=251",
            "reason=invalid_timestamp",
        ],
    ] {
        assert_eq!(text(&explain(&sandbox, place)), expected, "{place:?}");
    }
    // Any byte of the line, its line feed included.
    for (byte, column) in [(252, 2), (324, 74)] {
        let run = explain(&sandbox, &[&format!("events.jsonl@{byte}")]);
        let shown = format!("byte {byte} is in its column {column}\n");
        assert_eq!(text(&run).replace(&shown, ""), expected);
    }
}

#[test]
fn every_fault_of_a_line_is_shown() {
    let line =
        r#"{"user_id": "7", "event_type": "purchase", "timestamp": 1704103200, "amount": -5}"#;
    let sandbox = Sandbox::with_events(line);
    assert_eq!(
        text(&explain(&sandbox, &["events.jsonl:1"])),
        r#"events.jsonl, line 1, offset 0: invalid_user_id, and 2 more faults

  {"user_id": "7", "event_type": "purchase", "timestamp": 1704103200, "amount": -5}
              ^~~
  rule 6, invalid_user_id: user_id "7" is a string, not an integer
  hint: it is an integer in quotes; write 7

  {"user_id": "7", "event_type": "purchase", "timestamp": 1704103200, "amount": -5}
                                                          ^~~~~~~~~~
  rule 12, invalid_timestamp: timestamp 1704103200 is a number, not a string
  hint: it looks like seconds since 1970 (Unix time); that moment is written "2024-01-01T10:00:00Z"

  {"user_id": "7", "event_type": "purchase", "timestamp": 1704103200, "amount": -5}
                                                                                ^~
  rule 16, non_positive_amount: amount -5 is not greater than zero
"#
    );
}

#[test]
fn a_missing_key_points_at_what_may_be_it() {
    let line = r#"{"userId": 7, "event_type": "click", "timestamp": "2024-01-01T10:00:00Z"}"#;
    let sandbox = Sandbox::with_events(line);
    assert_eq!(
        text(&explain(&sandbox, &["events.jsonl:1"])),
        r#"events.jsonl, line 1, offset 0: missing_user_id

  {"userId": 7, "event_type": "click", "timestamp": "2024-01-01T10:00:00Z"}
   ^~~~~~~~
  rule 5, missing_user_id: there is no key "user_id"
  hint: there is a key "userId"; write it "user_id", or name it with --user-id-field userId
"#
    );
}

#[test]
fn a_valid_line_is_shown_as_it_counts() {
    let sandbox = Sandbox::with_events(EVENTS);
    assert_eq!(
        text(&explain(&sandbox, &["events.jsonl:2"])),
        r#"events.jsonl, line 2, offset 77: valid

  {"user_id": 123, "event_type": "purchase", "timestamp": "2024-01-01T12:30:00Z", "amount": 19.99}
  date        2024-01-01
  user_id     123
  event_type  "purchase"
  amount      19.99
"#
    );
    let run = explain(&sandbox, &["events.jsonl:1"]);
    assert!(text(&run).contains("amount      none: it is no purchase\n"));
    let nearly = EVENTS.replace("purchase", "Purchase");
    sandbox.write("nearly.jsonl", nearly);
    let run = explain(&sandbox, &["nearly.jsonl:2"]);
    assert!(text(&run).contains("line 2, offset 77: valid\n"));
    assert!(text(&run).contains("  hint: event_type \"Purchase\" is not exactly \"purchase\""));
}

#[test]
fn a_blank_line_is_neither() {
    let sandbox = Sandbox::with_events("\u{feff} \t\r\n\n");
    for (place, line, offset, bytes) in [("events.jsonl:1", 1, 3, 3), ("events.jsonl@7", 2, 7, 0)] {
        assert_eq!(
            text(&explain(&sandbox, &[place])),
            format!(
                "events.jsonl, line {line}, offset {offset}: blank, neither valid nor invalid\n"
            )
        );
        assert_eq!(
            object(&explain(&sandbox, &["--json", place])),
            json!({"input": "events.jsonl", "line": line, "offset": offset, "bytes": bytes, "valid": false, "blank": true, "faults": [], "hints": []})
        );
    }
}

#[test]
fn json_has_all_of_it() {
    let sandbox = Sandbox::with_events(format!(
        "{CLICK}\n\u{e9}\n{}",
        purchase("18446744073709551615", "0.5")
    ));
    assert_eq!(
        object(&explain(&sandbox, &["--json", "events.jsonl:3"])),
        json!({
            "input": "events.jsonl", "line": 3, "offset": CLICK.len() + 4,
            "bytes": purchase("18446744073709551615", "0.5").len(), "valid": true, "blank": false,
            "event": {"date": "2024-01-01", "user_id": u64::MAX, "event_type": "purchase", "amount": "0.50"},
            "faults": [], "hints": [],
        })
    );
    sandbox.write("bad.jsonl", r#"{"é":0,"user_id":"1","event_type":"a"}"#);
    assert_eq!(
        object(&explain(&sandbox, &["--json", "bad.jsonl@9"])),
        json!({
            "input": "bad.jsonl", "line": 1, "offset": 0, "bytes": 39, "valid": false, "blank": false,
            "faults": [
                {"rule": 6, "code": "invalid_user_id", "message": "user_id \"1\" is a string, not an integer",
                 "span": {"start": 18, "end": 21, "column": 18}},
                {"rule": 11, "code": "missing_timestamp", "message": "there is no key \"timestamp\"", "span": null},
            ],
            "hints": [
                {"about": "invalid_user_id", "code": "quoted_number", "message": "it is an integer in quotes; write 1", "span": null},
            ],
        })
    );
}

/// One line for each reason, in the order of the rules.
fn one_of_each() -> Vec<(&'static str, Vec<u8>)> {
    let view = r#""event_type":"view","timestamp":"2024-01-01T00:00:00Z""#;
    let time = r#""timestamp":"2024-01-01T00:00:00Z""#;
    let bought = r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T00:00:00Z""#;
    let text = |reason, line: String| (reason, line.into_bytes());
    vec![
        text(
            "line_too_long",
            format!(r#"{{"user_id":1,{view},"x":"{}"}}"#, "x".repeat(1000)),
        ),
        (
            "invalid_utf8",
            [b"{\"x\":\"\xff\",\"user_id\":1,", view.as_bytes(), b"}"].concat(),
        ),
        text("invalid_json", format!(r#"{{"user_id":1,{view},}}"#)),
        text("not_an_object", "[]".into()),
        text("missing_user_id", format!("{{{view}}}")),
        text("invalid_user_id", format!(r#"{{"user_id":"1",{view}}}"#)),
        text(
            "user_id_out_of_range",
            format!(r#"{{"user_id":18446744073709551616,{view}}}"#),
        ),
        text("missing_event_type", format!(r#"{{"user_id":1,{time}}}"#)),
        text(
            "invalid_event_type",
            format!(r#"{{"user_id":1,"event_type":1,{time}}}"#),
        ),
        text(
            "empty_event_type",
            format!(r#"{{"user_id":1,"event_type":"",{time}}}"#),
        ),
        text(
            "missing_timestamp",
            r#"{"user_id":1,"event_type":"view"}"#.into(),
        ),
        text(
            "invalid_timestamp",
            r#"{"user_id":1,"event_type":"view","timestamp":"x"}"#.into(),
        ),
        text(
            "timestamp_not_utc",
            r#"{"user_id":1,"event_type":"view","timestamp":"2024-01-01T00:00:00"}"#.into(),
        ),
        text("missing_amount", format!("{bought}}}")),
        text("invalid_amount", format!(r#"{bought},"amount":"1"}}"#)),
        text("non_positive_amount", format!(r#"{bought},"amount":0}}"#)),
        text(
            "amount_out_of_range",
            format!(r#"{bought},"amount":1e15}}"#),
        ),
    ]
}

/// Every reason, as the rejects of a run have it: its place, its message, and that it is the only one.
#[test]
fn what_a_run_rejects_is_explained() {
    let cases = one_of_each();
    let lines: Vec<&[u8]> = cases.iter().map(|(_, line)| &line[..]).collect();
    let sandbox = Sandbox::with_events(lines.join(&b'\n'));
    sandbox
        .aggregate(["--rejects=rejects.jsonl", "--max-line-bytes=1000", "-q"])
        .expect_code(0);
    let rejects = json_lines(&sandbox.text("rejects.jsonl"));
    assert_eq!(rejects.len(), cases.len());
    for (index, ((code, _), reject)) in cases.iter().zip(&rejects).enumerate() {
        assert_eq!(text_of(reject, "reason"), *code);
        let by_record = serde_json::to_string(reject).unwrap();
        let (line, offset) = (number_of(reject, "line"), number_of(reject, "offset"));
        for place in [
            format!("events.jsonl:{line}"),
            format!("events.jsonl@{offset}"),
            format!("input=events.jsonl line={line} offset={offset} reason={code}"),
            by_record,
        ] {
            let explained = object(&explain(
                &sandbox,
                &["--json", "--max-line-bytes=1000", &place],
            ));
            assert_eq!(codes(&explained), [*code], "{place}");
            assert_eq!(number_of(&explained, "line"), line);
            assert_eq!(number_of(&explained, "offset"), offset);
            assert_eq!(explained["faults"][0]["message"], reject["message"]);
            assert_eq!(explained["faults"][0]["rule"], index + 1);
            assert_eq!(explained["valid"], false);
        }
        let place = format!("events.jsonl:{line}");
        let run = explain(&sandbox, &["--max-line-bytes=1000", &place]);
        let head = format!("events.jsonl, line {line}, offset {offset}: {code}\n");
        assert!(text(&run).starts_with(&head), "{}", run.stdout_text());
        let rule = format!(
            "  rule {}, {code}: {}\n",
            index + 1,
            text_of(reject, "message")
        );
        assert!(text(&run).contains(&rule), "{}", run.stdout_text());
        let has_caret = run
            .stdout_text()
            .lines()
            .any(|line| line.trim_start().starts_with('^'));
        assert_eq!(
            has_caret,
            !code.starts_with("missing"),
            "{}",
            run.stdout_text()
        );
    }
}

#[cfg(all(feature = "gzip", feature = "zstd"))]
#[test]
fn compressed_files_and_large_ones_are_read_as_runs_read_them() {
    use std::io::Write as _;

    let sandbox = Sandbox::new();
    // Past the size from which on files are mapped, and of several blocks.
    let mut events: Vec<u8> = sandbox.generate(["--size=9MiB", "--invalid-rate=0"]);
    let lines = memchr::memchr_iter(b'\n', &events).count() as u64;
    let offset = events.len();
    events.extend_from_slice(
        br#"{"user_id":1.0,"event_type":"a","timestamp":"2024-01-01 10:00:00Z"}"#,
    );
    sandbox.write("events.jsonl", &events);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    sandbox.write(
        "events.gz",
        [gzip(&events[..5000]), gzip(&events[5000..])].concat(),
    );
    let mut zstd = vec![0; zstd_safe::compress_bound(events.len())];
    let len = zstd_safe::compress(&mut zstd[..], &events, 1).unwrap();
    sandbox.write("events.zst", &zstd[..len]);
    for name in ["events.jsonl", "events.gz", "events.zst"] {
        for place in [
            format!("{name}:{}", lines + 1),
            format!("{name}@{offset}"),
            format!("{name}@{}", events.len() - 1),
        ] {
            let explained = object(&explain(&sandbox, &["--json", &place]));
            assert_eq!(
                codes(&explained),
                ["invalid_user_id", "invalid_timestamp"],
                "{place}"
            );
            assert_eq!(number_of(&explained, "line"), lines + 1, "{place}");
            assert_eq!(number_of(&explained, "offset"), offset as u64, "{place}");
        }
        let run = explain(&sandbox, &[&format!("{name}:{}", lines + 2)]);
        run.expect_code(1).expect_stderr(&format!(
            "has {} lines, and no line {}",
            lines + 1,
            lines + 2
        ));
        let run = explain(&sandbox, &[&format!("{name}@{}", events.len())]);
        run.expect_code(1)
            .expect_stderr(&format!("{} bytes", events.len()));
        let is_told = run.stderr.contains("when it is decompressed");
        assert_eq!(is_told, name != "events.jsonl", "{}", run.stderr);
    }
    // Damaged data is told as a run tells it.
    sandbox.write("cut.gz", &gzip(&events)[..20_000]);
    explain(&sandbox, &["cut.gz:999999"])
        .expect_code(1)
        .expect_stderr("cut off");
}

#[test]
fn one_line_of_standard_input_is_explained_whatever_it_is() {
    let sandbox = Sandbox::new();
    for (line, expected) in [
        (CLICK, "standard input, line 1, offset 0: valid\n"),
        (
            "",
            "standard input, line 1, offset 0: blank, neither valid nor invalid\n",
        ),
        ("[1]", "standard input, line 1, offset 0: not_an_object\n"),
    ] {
        for place in ["-", "-:1", "-@0"] {
            let run = piped(&sandbox, &[place], format!("{line}\n").as_bytes());
            assert!(text(&run).starts_with(expected), "{}", run.stdout_text());
            assert!(!text(&run).contains("1 lines"));
        }
    }
    let run = piped(&sandbox, &["-"], b"");
    run.expect_code(1)
        .expect_stderr("standard input has no lines");
}

#[test]
fn of_many_lines_of_standard_input_the_invalid_ones_are_explained() {
    let sandbox = Sandbox::new();
    let lines = format!("{CLICK}\n\n[1]\n{CLICK}\nnope\n");
    let run = piped(&sandbox, &["-"], lines.as_bytes());
    let offset = CLICK.len() + 2;
    let second = offset + CLICK.len() + 5;
    assert_eq!(
        text(&run),
        format!(
            "standard input, line 3, offset {offset}: not_an_object\n\n  [1]\n  ^~~\n  rule 4, not_an_object: the line is an array, not an object\n\n\
             standard input, line 5, offset {second}: invalid_json\n\n  nope\n  ^~~~\n  rule 3, invalid_json: expected `null` at column 1\n\n\
             5 lines: 2 valid, 2 invalid, 1 blank\n"
        )
    );
    let run = piped(&sandbox, &["--json", "-"], lines.as_bytes());
    let numbers: Vec<u64> = json_lines(text(&run))
        .iter()
        .map(|o| number_of(o, "line"))
        .collect();
    assert_eq!(numbers, [3, 5]);
    let run = piped(&sandbox, &["-"], format!("{CLICK}\n{CLICK}\n").as_bytes());
    assert_eq!(text(&run), "2 lines: 2 valid, 0 invalid, 0 blank\n");
    let run = piped(
        &sandbox,
        &["--json", "-"],
        format!("{CLICK}\n{CLICK}\n").as_bytes(),
    );
    assert_eq!(text(&run), "");
    let run = piped(&sandbox, &["-:5"], lines.as_bytes());
    assert!(text(&run).starts_with("standard input, line 5, offset"));
    // Standard input that is a file.
    sandbox.write("lines.jsonl", &lines);
    let file = std::fs::File::open(sandbox.path("lines.jsonl")).unwrap();
    let mut command = sandbox.program();
    command.args(["explain", "-:3"]).stdin(Stdio::from(file));
    let output = command.output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.starts_with("standard input, line 3, offset"),
        "{shown}"
    );
}

#[test]
fn a_line_that_is_longer_than_anything_is_told_by_its_start() {
    let sandbox = Sandbox::new();
    // More than a line is kept for, which is 64 MiB.
    let mut events = format!("{CLICK}\n").into_bytes();
    events.resize(65 << 20, b'x');
    sandbox.write("events.jsonl", &events);
    let len = events.len() - CLICK.len() - 1;
    let expected = format!(
        "events.jsonl, line 2, offset {}: line_too_long\n\n  {}…\n  rule 1, line_too_long: the line is {len} bytes long, more than the limit of 16777216 (--max-line-bytes)\n  note: the line is too long to be looked at whole, so no other rule was tried\n",
        CLICK.len() + 1,
        "x".repeat(100),
    );
    assert_eq!(text(&explain(&sandbox, &["events.jsonl:2"])), expected);
    let run = piped(&sandbox, &["-"], &events);
    let expected = expected.replace("events.jsonl,", "standard input,");
    assert_eq!(
        text(&run),
        format!("{expected}\n2 lines: 1 valid, 1 invalid, 0 blank\n")
    );
    let object = object(&piped(&sandbox, &["--json", "-@10"], &events));
    assert_eq!(object["line"], 1);
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let sandbox = Sandbox::with_events("[1]\n[2]");
    sandbox.write("empty.jsonl", "");
    sandbox.write("odd:3", "[1]\n");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    std::fs::create_dir(sandbox.path("folder:1")).unwrap();
    for (place, code, expected) in [
        (
            "events.jsonl:3",
            1,
            "/events.jsonl has 2 lines, and no line 3",
        ),
        (
            "events.jsonl@7",
            1,
            "/events.jsonl has 7 bytes, and no byte 7; offsets count from 0",
        ),
        ("empty.jsonl:1", 1, "/empty.jsonl has no lines"),
        (
            "empty.jsonl@0",
            1,
            "/empty.jsonl has 0 bytes, and no byte 0",
        ),
        (
            "nowhere.jsonl:1",
            1,
            "/nowhere.jsonl: no such file or folder",
        ),
        ("folder:2", 1, "/folder is a folder"),
        ("folder:1", 2, "folder:1 is a folder"),
        ("folder", 2, "folder is a folder"),
        (
            "events.jsonl",
            2,
            "there is a file of the name events.jsonl",
        ),
        (
            "odd:3",
            2,
            "write odd:3:1 for its first line, or `daytally explain -:3 < odd` for a line of odd",
        ),
        ("nowhere.jsonl", 2, "is no place of a line, and no file"),
        ("events.jsonl:0", 2, "lines are counted from 1"),
        ("events.jsonl:x", 2, "is no place of a line"),
        ("events.jsonl:99999999999999999999", 2, "is no number"),
        ("events.jsonl:1:5", 2, "write events.jsonl:1"),
        ("a\u{1b}[31m", 2, "a\\u001b[31m"),
    ] {
        let run = explain(&sandbox, &[place]);
        run.expect_code(code).expect_stderr(expected);
        assert_eq!(run.stdout, b"", "{place}");
        expect_printable(&run.stderr);
    }
    explain(&sandbox, &[]).expect_code(2).expect_stderr("PLACE");
    explain(&sandbox, &["odd:3:1"]).expect_code(0);
    explain(&sandbox, &["events.jsonl:1", "--max-line-bytes=0"]).expect_code(2);
}

/// They give zeros as long as somebody reads.
#[test]
fn a_device_without_end_is_not_read() {
    let sandbox = Sandbox::new();
    let told = "it is a device without end, and no line in it ends";
    for device in ["/dev/zero", "/dev/full"] {
        if !std::path::Path::new(device).exists() {
            eprintln!("skips: there is no {device}");
            continue;
        }
        for place in [":1", "@5"] {
            let run = explain(&sandbox, &[&format!("{device}{place}")]);
            run.expect_code(1);
            assert_eq!(run.stderr, format!("error: cannot read {device}: {told}\n"));
        }
        let run = under_shell(&sandbox, "", &format!("explain - < {device}"));
        run.expect_code(1);
        assert_eq!(
            run.stderr,
            format!("error: cannot read standard input: {told}\n")
        );
    }
    let run = explain(&sandbox, &["/dev/null:1"]);
    run.expect_code(1).expect_stderr("/dev/null has no lines");
}

#[test]
fn the_readme_and_the_help_have_examples() {
    let sandbox = Sandbox::new();
    let run = explain(&sandbox, &["--help"]);
    for needle in [
        "daytally explain events.jsonl:4",
        "FILE@OFFSET",
        "Exit codes: 0",
        "rejects.jsonl",
    ] {
        assert!(text(&run).contains(needle), "{needle}");
    }
}

/// Whoever reads standard output may go away.
#[test]
fn a_closed_output_is_a_quiet_end() {
    let sandbox = Sandbox::with_events("[1]\n".repeat(100_000));
    let mut command = sandbox.program();
    let mut child = command
        .args(["explain", "-"])
        .stdin(Stdio::from(
            std::fs::File::open(sandbox.path("events.jsonl")).unwrap(),
        ))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

/// What strangers write is shown safely, whatever it is.
#[test]
fn hostile_lines_are_shown_safely() {
    let mut line = String::from(r#"{"user_id":""#);
    line.extend(
        crate::harness::unprintable_chars()
            .into_iter()
            .filter(|c| *c >= ' '),
    );
    line.push_str(r#"","event_type":"\u001b[2J\u202e","timestamp":"\u001b]0;x\u0007"}"#);
    let bare = "{\"\u{1b}]0;x\u{7}\u{202e}\":\u{1b}[2J}";
    let sandbox = Sandbox::with_events(
        [
            line.as_bytes(),
            b"\n",
            bare.as_bytes(),
            b"\n\xff\x1b[0m\x9b1m",
        ]
        .concat(),
    );
    for number in 1..=3 {
        for json in [&[][..], &["--json"]] {
            let place = format!("events.jsonl:{number}");
            let args: Vec<&str> = json.iter().copied().chain([&place[..]]).collect();
            text(&explain(&sandbox, &args));
        }
    }
}

proptest! {
    #![proptest_config(proptest_config(2000))]

    /// The first fault is the reason that a run has for the line.
    #[test]
    fn the_verdict_is_that_of_the_decoder(line in strategies::line(), limit in prop_oneof![4 => Just(DEFAULT_MAX_LINE_BYTES), 1 => 0..200_usize]) {
        let diagnosis = Diagnosis::of(&line, limit);
        for lanes in [Lanes::All, Lanes::General] {
            prop_assert_eq!(Decoder::with_lanes(limit, lanes).decode(&line), diagnosis.verdict());
        }
        if let Verdict::Invalid(first) = diagnosis.verdict() {
            prop_assert_eq!(Some(&first), diagnosis.faults().first());
        } else {
            prop_assert!(diagnosis.faults().is_empty());
        }
    }
}

/// A line of a rejects file is explained from what it says itself where its input is a stream that is gone, and
/// whoever has changed the input meanwhile is told.
#[test]
fn rejects_of_streams_and_of_inputs_that_have_changed() {
    let sandbox = Sandbox::new();
    let raw = r#"{"user_id":"7","event_type":"x","timestamp":"2024-01-01T00:00:00Z"}"#;
    for (name, changed) in [("-", false), ("a.jsonl", false), ("a.jsonl", true)] {
        let reject = serde_json::json!({"input": name, "line": 2, "offset": 2, "reason": "invalid_user_id", "raw": raw});
        let there = if changed {
            raw.replace('7', "8")
        } else {
            raw.to_owned()
        };
        sandbox.write("a.jsonl", format!("x\n{there}\n"));
        let run = sandbox.run(["explain", &reject.to_string()]);
        run.expect_code(0);
        assert!(
            run.stdout_text().contains("invalid_user_id"),
            "{}",
            run.stdout_text()
        );
        assert!(
            run.stdout_text().contains("line 2, offset 2"),
            "{}",
            run.stdout_text()
        );
        assert_eq!(
            run.stderr.contains("warning: a.jsonl has changed"),
            changed,
            "{}",
            run.stderr
        );
    }
    // The start of a line that was cut is enough to know it, and bytes that are no text are there too.
    let long = format!("{{\"a\":\"{}\"", "x".repeat(5000));
    sandbox.write("a.jsonl", [long.as_bytes(), b"\n\xff{\n"].concat());
    sandbox
        .aggregate(["a.jsonl", "--rejects=r.jsonl", "-q"])
        .expect_code(0);
    for reject in sandbox.text("r.jsonl").lines() {
        let run = sandbox.run(["explain", reject]);
        run.expect_code(0);
        assert_eq!(run.stderr, "");
        let of_stream = reject.replace("a.jsonl", "-");
        if !reject.contains("truncated") {
            sandbox.run(["explain", &of_stream]).expect_code(0);
        }
    }
}

/// As of a record that a fixed length is kept for.
#[test]
fn a_line_that_ends_in_spaces_shows_what_is_before_them() {
    for spaces in [50, 70_000, 2 << 20] {
        let sandbox = Sandbox::with_events(format!(
            "{CLICK}\n{{\"user_id\": 1{}\n{CLICK}\n",
            " ".repeat(spaces)
        ));
        let run = explain(&sandbox, &["events.jsonl:2"]);
        let shown = format!(
            "  {{\"user_id\": 1…{} spaces…\n  ",
            daytally::text::grouped(spaces)
        );
        assert!(text(&run).contains(&shown), "{}", text(&run));
    }
}
