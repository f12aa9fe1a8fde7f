//! `daytally check`: a sample, what it tells, and how near that is to full runs.

#![expect(
    clippy::cast_precision_loss,
    reason = "estimates need no more than 53 bits"
)]

use serde_json::Value;

use crate::cli_memory;
use crate::harness::{CLICK, Run, Sandbox, expect_printable, json_lines, number_of, text_of};

fn check(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = sandbox.program();
    command.arg("check").args(args);
    let run = Run::of(command);
    run.expect_code(0);
    expect_printable(run.stdout_text());
    run
}

fn check_json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = check(sandbox, &[&["--json", "--time", "600"], args].concat());
    let mut objects = json_lines(run.stdout_text());
    assert_eq!(objects.len(), 1);
    objects.remove(0)
}

fn float(value: &Value, path: &str) -> f64 {
    value
        .pointer(path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {path} in {value}"))
}

/// The summary of a full run.
fn full(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.aggregate([&["-q", "--summary", "-"], args].concat());
    run.expect_code(0);
    json_lines(run.stdout_text()).pop().unwrap()
}

#[test]
fn a_small_input_is_read_whole_and_figures_are_exact() {
    let sandbox = Sandbox::with_events(format!(
        "{CLICK}\n\n{{\"user_id\":\"7\",\"event_type\":\"click\",\"timestamp\":\"2024-01-02T00:00:00.5Z\"}}\r\n{CLICK}\nnonsense\n"
    ));
    let found = check_json(&sandbox, &[]);
    assert_eq!(found["whole"], true);
    assert_eq!(
        float(&found, "/invalid_rate/low").to_bits(),
        0.5_f64.to_bits()
    );
    assert_eq!(
        float(&found, "/invalid_rate/high").to_bits(),
        0.5_f64.to_bits()
    );
    assert_eq!(number_of(&found["sample"], "blank"), 1);
    assert_eq!(
        float(&found, "/groups/estimate").to_bits(),
        1.0_f64.to_bits()
    );
    let user = &found["reasons"]["invalid_user_id"];
    assert_eq!((number_of(user, "line"), number_of(user, "count")), (3, 1));
    assert_eq!(text_of(user, "hint"), "it is an integer in quotes; write 7");
    assert_eq!(number_of(&found["fields"], "crlf"), 1);
    assert_eq!(found["fields"]["timestamp"]["YYYY-MM-DDThh:mm:ss.1Z"], 1);
    let text = check(&sandbox, &[]);
    for needle in [
        "all of 1 input",
        "figures are exact",
        "invalid_user_id 1",
        "events.jsonl:3",
        "hint: it is an integer in quotes; write 7",
        "daytally aggregate --rejects rejects.jsonl",
    ] {
        assert!(
            text.stdout_text().contains(needle),
            "{needle}: {}",
            text.stdout_text()
        );
    }
    assert_eq!(sandbox.names(), ["events.jsonl"], "nothing is written");
}

#[test]
fn the_place_of_an_example_is_one_that_explain_takes_and_the_command_one_that_runs() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines", "20000", "--invalid-rate", "0.02"]);
    sandbox.write("it's a log.jsonl", events);
    let found = check_json(&sandbox, &["--sample", "256KiB", "it's a log.jsonl"]);
    assert_eq!(found["whole"], false);
    let reasons = found["reasons"].as_object().unwrap();
    assert!(reasons.len() > 2);
    for (reason, example) in reasons {
        let place = format!("it's a log.jsonl@{}", number_of(example, "offset"));
        let run = sandbox.run(["explain", "--json", &place]);
        run.expect_code(0);
        let explained = json_lines(run.stdout_text()).remove(0);
        assert_eq!(explained["faults"][0]["code"], reason.as_str());
        assert_eq!(explained["offset"], example["offset"]);
        if let Some(line) = example["line"].as_u64() {
            assert_eq!(explained["line"], line);
        }
    }
    let command = text_of(&found, "command").to_owned();
    let program = assert_cmd::cargo::cargo_bin!("daytally");
    let mut shell = std::process::Command::new("sh");
    shell
        .args([
            "-c",
            &command.replacen("daytally", "\"$0\" -q", 1).replacen(
                "-q aggregate",
                "aggregate -q",
                1,
            ),
        ])
        .arg(program)
        .current_dir(sandbox.root());
    Run::of(shell).expect_code(0);
    assert!(sandbox.names().contains(&"rejects.jsonl".to_owned()));
}

/// The error that is stated: groups within a quarter of the full run's, and in the range; the rate in
/// its interval; lines within 2 %; the size of the result within a quarter.
#[test]
fn estimates_are_near_full_runs() {
    for (profile, users, days, order, rate) in [
        ("narrow", "1000", "31", "random", "0.01"),
        ("narrow", "1000", "31", "time", "0.01"),
        ("narrow", "1000000", "31", "random", "0.001"),
        ("narrow", "1000000", "31", "time", "0"),
        ("wide", "20000", "365", "random", "0.05"),
        ("wide", "20000", "3", "time", "0.05"),
        ("mixed", "5000", "31", "random", "0.002"),
        ("mixed", "50", "1000", "time", "0.3"),
    ] {
        let name = format!("{profile} {users} {days} {order}");
        let sandbox = Sandbox::with_events(Sandbox::new().generate([
            "--size",
            "10MiB",
            "--profile",
            profile,
            "--users",
            users,
            "--days",
            days,
            "--order",
            order,
            "--invalid-rate",
            rate,
        ]));
        let found = check_json(&sandbox, &["--sample", "1MiB", "-j", "2"]);
        let summary = full(&sandbox, &[]);
        let (valid, invalid) = (
            number_of(&summary, "valid") as f64,
            number_of(&summary, "invalid") as f64,
        );
        let truth = invalid / (valid + invalid);
        assert!(
            float(&found, "/invalid_rate/low") <= truth
                && truth <= float(&found, "/invalid_rate/high"),
            "{name}: {truth} {found}"
        );
        let groups = sandbox.csv().lines().count() as f64 - 1.0;
        let error = float(&found, "/groups/estimate") / groups - 1.0;
        assert!(error.abs() < 0.25, "{name}: groups {groups}, error {error}");
        assert!(float(&found, "/groups/low") <= groups, "{name}");
        assert!(groups <= 1.05 * float(&found, "/groups/high"), "{name}");
        let lines = number_of(&summary, "lines") as f64;
        assert!(
            (float(&found, "/lines") / lines - 1.0).abs() < 0.02,
            "{name}"
        );
        let csv = sandbox.csv().len() as f64;
        let error = float(&found, "/full_run/csv_bytes") / csv - 1.0;
        assert!(error.abs() < 0.35, "{name}: csv {csv}, error {error}");
    }
}

/// Not too low, and not above half as much again and 24 MiB.
#[test]
fn memory_is_estimated_near_what_full_runs_take() {
    if !cfg!(target_os = "linux") {
        eprintln!("memory_is_estimated_near_what_full_runs_take skips: there is no /proc");
        return;
    }
    for (users, lines) in [("1000", "100000"), ("1000000", "600000")] {
        let sandbox = Sandbox::with_events(Sandbox::new().generate([
            "--users",
            users,
            "--lines",
            lines,
            "--invalid-rate",
            "0",
        ]));
        let found = check_json(&sandbox, &["--sample", "4MiB", "-j", "2"]);
        let estimate = float(&found, "/full_run/memory_bytes");
        assert_eq!(found["full_run"]["spills"], false);
        let peak = cli_memory::peak(&sandbox, &["--threads=2"]).expect("the run was seen");
        let peak = 1024.0 * peak as f64;
        assert!(
            peak <= estimate && estimate <= 1.5 * peak + f64::from(24 << 20),
            "{users}: {estimate} for {peak}"
        );
    }
    let sandbox =
        Sandbox::with_events(Sandbox::new().generate(["--users", "1000000", "--lines", "1000000"]));
    let args = ["--sample", "4MiB", "-j", "2", "--memory-limit", "128MiB"];
    let found = check_json(&sandbox, &args);
    let summary = full(&sandbox, &["--threads=2", "--memory-limit=128MiB"]);
    assert_eq!(
        found["full_run"]["spills"],
        number_of(&summary, "spill_files") > 0
    );
    let room = float(&found, "/full_run/temporary_bytes");
    assert!(
        number_of(&summary, "spilled_bytes") as f64 <= room,
        "{summary} {found}"
    );
}

#[test]
fn the_same_input_gives_the_same_answer_whatever_the_threads() {
    let sandbox =
        Sandbox::with_events(Sandbox::new().generate(["--lines", "30000", "--profile", "mixed"]));
    let without_times = |args: &[&str]| {
        let mut found = check_json(&sandbox, &[&["--sample", "300kB"], args].concat());
        let object = found.as_object_mut().unwrap();
        object.remove("seconds");
        object.remove("full_run");
        object.remove("command");
        found
    };
    let one = without_times(&["-j", "1"]);
    assert_eq!(one, without_times(&["-j", "5"]));
    assert_ne!(one, without_times(&["-j", "1", "--seed", "7"]));
}

#[cfg(feature = "gzip")]
#[test]
fn of_streams_and_compressed_inputs_the_beginning_is_read_and_that_is_said() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines", "30000"]);
    let mut command = assert_cmd::Command::from_std(sandbox.program());
    let output = command
        .args(["check", "--sample", "200kB", "--time", "600", "-"])
        .write_stdin(events.clone())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("only the beginning of 1 compressed input or stream"),
        "{text}"
    );
    assert!(
        text.contains("how much there is to read is not known"),
        "{text}"
    );

    // What a decompressor reads ahead should be little beside the sample.
    let events = sandbox.generate(["--lines", "200000"]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &events).unwrap();
    sandbox.write("events.jsonl.gz", encoder.finish().unwrap());
    let found = check_json(&sandbox, &["--sample", "8MiB", "events.jsonl.gz"]);
    assert_eq!(number_of(&found, "only_begun"), 1);
    let error = number_of(&found, "bytes") as f64 / events.len() as f64 - 1.0;
    assert!(error.abs() < 0.3, "{error}");
    let found = check_json(&sandbox, &["events.jsonl.gz"]);
    assert_eq!(
        (number_of(&found, "bytes"), &found["whole"]),
        (events.len() as u64, &Value::Bool(true))
    );
}

#[test]
fn many_small_files_are_sampled_like_a_large_one() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("logs")).unwrap();
    for day in 0..300 {
        // A bad line at the start of each file, as headers are.
        let text = format!("user_id,event_type\n{}", format!("{CLICK}\n").repeat(40));
        sandbox.write(format!("logs/{day}.jsonl"), text);
    }
    let found = check_json(&sandbox, &["--sample", "200kB", "logs"]);
    assert_eq!(found["whole"], false);
    let truth = 1.0 / 41.0;
    assert!(
        float(&found, "/invalid_rate/low") <= truth && truth <= float(&found, "/invalid_rate/high"),
        "{found}"
    );
}

#[test]
fn hostile_and_empty_inputs_are_told_safely() {
    let sandbox = Sandbox::with_events(
        "{\"\\u001b[31mkey\":1,\"event_type\":\"\\u001b]0;x\\u0007\",\"user_id\":\"\u{202e}1\",\"timestamp\":\"\\u009b\"}\n\u{1b}[2J\n",
    );
    check(&sandbox, &[]);
    check_json(&sandbox, &[]);
    let empty = Sandbox::with_events("");
    let text = check(&empty, &[]);
    assert!(
        text.stdout_text().contains("0 of 0 events"),
        "{}",
        text.stdout_text()
    );
    check_json(&empty, &[]);
    sandbox.run(["check", "nowhere"]).expect_code(1);
    sandbox.run(["check", "--time", "0"]).expect_code(2);
    sandbox.run(["check", "--sample", "1"]).expect_code(2);
    sandbox.run(["check", "-0"]).expect_code(2);
    sandbox
        .run(["check", "--from", "2024-02-01", "--to", "2024-01-01"])
        .expect_code(2);
}

#[test]
fn lines_that_are_too_long_are_measured_and_the_limit_for_them_is_proposed() {
    let long = format!(
        "{{\"user_id\":1,\"event_type\":\"a\",\"timestamp\":\"2024-01-01T00Z\",\"x\":\"{}\"}}\n",
        "x".repeat(3_000_000)
    );
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{long}{CLICK}\n"));
    for limit in ["1MiB", "100"] {
        let found = check_json(&sandbox, &["--max-line-bytes", limit]);
        assert_eq!(number_of(&found["reasons"]["line_too_long"], "line"), 2);
        assert_eq!(
            number_of(&found["fields"], "longest"),
            long.len() as u64 - 1
        );
        let command = text_of(&found, "command");
        assert!(command.contains("--max-line-bytes 3MiB"), "{command}");
        assert_eq!(command.matches("--max-line-bytes").count(), 1, "{command}");
    }
    assert_eq!(
        number_of(&check_json(&sandbox, &[])["sample"], "invalid"),
        0
    );
}
