//! `daytally check`: a sample, what it tells, and how near that is to full runs.

#![expect(
    clippy::cast_precision_loss,
    reason = "estimates need no more than 53 bits"
)]

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli_memory;
use crate::harness::{
    CLICK, Run, Sandbox, expect_printable, fifo, json_lines, number_of, purchase, text_of,
};

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

/// The processor time of a full run on two threads, in seconds, and what else it takes to start one.
fn processor_seconds(sandbox: &Sandbox) -> f64 {
    let mut shell = sandbox.program();
    let program = shell.get_program().to_owned();
    let mut command = std::process::Command::new("sh");
    for (name, value) in shell.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    shell = command;
    shell
        .current_dir(sandbox.root())
        .stdin(Stdio::null())
        .args(["-c", "\"$0\" aggregate -q -j 2 && times"])
        .arg(program);
    let run = Run::of(shell);
    run.expect_code(0);
    // POSIX: of the shell, and of what it ran, the user's part and the system's.
    let of_children = run.stdout_text().lines().last().unwrap();
    let seconds = |text: &str| {
        let (minutes, seconds) = text.strip_suffix('s').unwrap().split_once('m').unwrap();
        60.0 * minutes.parse::<f64>().unwrap() + seconds.parse::<f64>().unwrap()
    };
    of_children.split_whitespace().map(seconds).sum()
}

/// The error that is stated: groups within a quarter of the full run's, and in the range; the rate in
/// its interval; lines within 2 %; the size of the result within a quarter; processor time within a factor.
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
        // Both are of the same build, and neither counts what else the machine does.
        let processor = processor_seconds(&sandbox);
        let factor = float(&found, "/full_run/processor_seconds") / processor;
        assert!((0.4..2.5).contains(&factor), "{name}: {factor} {processor}");
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
            (float(&found, "/lines/estimate") / lines - 1.0).abs() < 0.02,
            "{name}"
        );
        // Where it is not within the margin, as in one of twenty draws, it is not far from it.
        let half = (float(&found, "/lines/high") - float(&found, "/lines/low")) / 2.0;
        assert!(
            (float(&found, "/lines/estimate") - lines).abs() < 1.5 * half && half < 0.03 * lines,
            "{name}: {lines} {found}"
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

/// How many lines there are is an estimate, and that is said.
#[test]
fn lines_have_a_margin_where_pieces_are_drawn() {
    let sandbox = Sandbox::with_events(Sandbox::new().generate(["--lines", "30000"]));
    let lines = |args: &[&str]| {
        let run = check(&sandbox, &[&["--time", "600"], args].concat());
        let shown = run.stdout_text().lines();
        let shown = shown.filter(|line| line.starts_with("lines "));
        let shown: Vec<_> = shown.map(str::to_owned).collect();
        let found = check_json(&sandbox, args);
        (shown.concat(), found["lines"].clone())
    };
    let (shown, found) = lines(&["--sample", "300kB"]);
    let margin = shown.split(" ± ").nth(1).and_then(|rest| {
        let (percent, _) = rest.split_once(" % (95 %; ")?;
        percent.parse::<f64>().ok()
    });
    let margin = margin.unwrap_or_else(|| panic!("no margin in {shown}"));
    assert!(shown.contains("about "), "{shown}");
    let [estimate, low, high] = ["/estimate", "/low", "/high"].map(|path| float(&found, path));
    assert!((100.0 * (high - estimate) / estimate - margin).abs() < 0.01);
    assert!(low < estimate && (estimate - low - (high - estimate)).abs() < 0.01);
    // All of it.
    let (shown, found) = lines(&[]);
    assert_eq!(shown, "lines         30,000, 0 blank");
    for path in ["/estimate", "/low", "/high"] {
        assert_eq!(float(&found, path).to_bits(), 30_000_f64.to_bits());
    }
    #[cfg(feature = "gzip")]
    {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&sandbox.read("events.jsonl")).unwrap();
        sandbox.write("events.jsonl.gz", gzip.finish().unwrap());
        let (shown, found) = lines(&["--sample", "300kB", "events.jsonl.gz"]);
        assert!(shown.contains("about ") && !shown.contains('±'), "{shown}");
        assert!(found["high"].is_null(), "{found}");
        assert!(
            float(&found, "/low") < float(&found, "/estimate"),
            "{found}"
        );
    }
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
}

/// Bytes that do not repeat as much as those of generated lines do: some 3 times smaller when compressed.
#[cfg(all(feature = "gzip", feature = "zstd"))]
fn long_lines(lines: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let mut number = 1_u64;
    for line in 0..lines {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(line | 1);
        writeln!(
            text,
            r#"{{"user_id":{},"event_type":"click","timestamp":"2024-01-01T10:00:00Z","page":"{number:x}"}}"#,
            number >> 40
        )
        .unwrap();
    }
    text
}

/// The error that is stated: within 5 %, for one file and for many; 20 % where most are not even begun.
#[cfg(all(feature = "gzip", feature = "zstd"))]
#[test]
fn the_size_of_compressed_inputs_is_estimated_from_what_was_decompressed() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| {
        let mut packed = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
        zstd_safe::compress(&mut packed, bytes, 3).unwrap();
        packed
    };
    let generated = Sandbox::new().generate(["--lines", "200000"]);
    let of = |found: &Value, all: usize| number_of(found, "bytes") as f64 / all as f64 - 1.0;
    for (name, pack) in [("gz", &gzip as &dyn Fn(&[u8]) -> Vec<u8>), ("zst", &zstd)] {
        let sandbox = Sandbox::new();
        for (shape, events) in [("generated", &generated), ("other", &long_lines(150_000))] {
            let file = format!("{shape}.jsonl.{name}");
            sandbox.write(&file, pack(events));
            for sample in ["300kB", "1MiB", "8MiB"] {
                let found = check_json(&sandbox, &["--sample", sample, &file]);
                assert_eq!(number_of(&found, "only_begun"), 1);
                let error = of(&found, events.len());
                assert!(error.abs() < 0.05, "{file} {sample}: {error}");
            }
            let found = check_json(&sandbox, &[&file]);
            assert_eq!(
                (number_of(&found, "bytes"), &found["whole"]),
                (events.len() as u64, &Value::Bool(true))
            );
        }
        // Many of different sizes, each of which has a small part of the sample.
        std::fs::create_dir(sandbox.path("logs")).unwrap();
        let mut all = 0;
        for day in 1..=20 {
            let events = long_lines(1_500 * day);
            all += events.len();
            sandbox.write(format!("logs/{day}.jsonl.{name}"), pack(&events));
        }
        let found = check_json(&sandbox, &["--sample", "4MiB", "logs"]);
        let error = of(&found, all);
        assert!(error.abs() < 0.05, "{name}: {error}");
        // Time is up before most of them were begun.
        let run = check(&sandbox, &["--json", "--time", "0.001", "logs"]);
        let found = json_lines(run.stdout_text()).remove(0);
        assert_eq!(found["late"], true, "{found}");
        let error = of(&found, all);
        assert!(error.abs() < 0.2, "{name}: {error} {found}");
    }
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

/// Starts `daytally check` with an open pipe as standard input, writes to it, and waits for the end of the run.
fn with_open_pipe(sandbox: &Sandbox, args: &[&str], bytes: &[u8]) -> String {
    let mut command = sandbox.program();
    command.arg("check").args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It stays open until the end of this function.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(bytes).unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("it waits");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    drop(stdin);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_stream_that_gives_nothing_more_is_not_waited_for() {
    let sandbox = Sandbox::new();
    let text = with_open_pipe(&sandbox, &["-", "--time", "0.3"], b"");
    for needle in [
        "1 stream was still open after 0.3 s: only what had come by then was read",
        "0: nothing has come, so there is nothing to tell",
    ] {
        assert!(text.contains(needle), "{needle}: {text}");
    }
    assert!(!text.contains("daytally aggregate"), "{text}");

    // What came is told, but for the line that has not ended.
    let lines = format!("{CLICK}\nnonsense\n{CLICK}\n{{\"user_id\":");
    let text = with_open_pipe(
        &sandbox,
        &["-", "--time", "0.3", "--json"],
        lines.as_bytes(),
    );
    let found = json_lines(&text).remove(0);
    assert_eq!(
        (number_of(&found, "still_open"), &found["late"]),
        (1, &json!(true))
    );
    assert_eq!(
        (&found["whole"], &found["bytes"]),
        (&json!(false), &Value::Null)
    );
    let sample = &found["sample"];
    assert_eq!(
        (number_of(sample, "lines"), number_of(sample, "invalid")),
        (3, 1)
    );
    assert_eq!(number_of(&found["reasons"]["invalid_json"], "line"), 2);

    // A pipe with a name to which nobody writes does not take the time of a file.
    fifo(&sandbox, "silent");
    sandbox.write("events.jsonl", format!("{CLICK}\n").repeat(100));
    let run = check(
        &sandbox,
        &["--json", "--time", "0.4", "silent", "events.jsonl"],
    );
    let found = json_lines(run.stdout_text()).remove(0);
    assert_eq!(number_of(&found, "still_open"), 1);
    assert_eq!(number_of(&found["sample"], "valid"), 100);
    let run = check(&sandbox, &["--time", "0.2", "silent"]);
    assert!(
        run.stdout_text().contains("nothing has come"),
        "{}",
        run.stdout_text()
    );
}

#[test]
fn a_stream_that_drips_ends_when_time_is_up() {
    let sandbox = Sandbox::new();
    fifo(&sandbox, "drip");
    let path = sandbox.path("drip");
    let writer = std::thread::spawn(move || {
        // Opening it waits for a reader; writing fails once there is none any more.
        let mut pipe = std::fs::File::options().write(true).open(path).unwrap();
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if pipe.write_all(format!("{CLICK}\n").as_bytes()).is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    });
    let run = check(&sandbox, &["--json", "--time", "0.5", "drip"]);
    assert!(writer.join().unwrap(), "it reads on");
    let found = json_lines(run.stdout_text()).remove(0);
    assert_eq!(number_of(&found, "still_open"), 1);
    assert!(number_of(&found["sample"], "valid") > 0, "{found}");
    assert_eq!(number_of(&found["sample"], "invalid"), 0);
}

#[cfg(feature = "gzip")]
#[test]
fn of_a_compressed_stream_that_is_still_open_what_came_is_read() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines", "20000", "--invalid-rate", "0"]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(&events).unwrap();
    let packed = encoder.finish().unwrap();
    for part in [packed.len() / 2, packed.len()] {
        let args = ["-", "--time", "1", "--json"];
        let text = with_open_pipe(&sandbox, &args, &packed[..part]);
        let found = json_lines(&text).remove(0);
        assert_eq!(number_of(&found, "still_open"), 1);
        let valid = number_of(&found["sample"], "valid");
        let whole = part == packed.len();
        assert!(
            if whole {
                valid == 20_000
            } else {
                (8_000..12_000).contains(&valid)
            },
            "{found}"
        );
        assert_eq!(number_of(&found["sample"], "invalid"), 0, "{found}");
    }
}

/// Reading it to its end would take far longer.
fn expect_soon(sandbox: &Sandbox, args: &[&str]) -> Value {
    let started = Instant::now();
    let run = check(
        sandbox,
        &[&["--json", "--time", "0.2", "-j", "2"], args].concat(),
    );
    let took = started.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    let found = json_lines(run.stdout_text()).remove(0);
    assert_eq!(
        (&found["late"], &found["whole"], &found["still_open"]),
        (&json!(true), &json!(false), &json!(0)),
        "{found}"
    );
    assert_eq!(number_of(&found, "lines_left"), 1, "{found}");
    assert!(
        number_of(&found, "unended") <= number_of(&found, "bytes_read"),
        "{found}"
    );
    found
}

#[test]
fn a_line_that_does_not_end_is_left_when_time_is_up() {
    let sandbox = Sandbox::new();
    // With nothing in it but its first line, for as far as it goes: it takes no room on the disk.
    sandbox.write("long.jsonl", format!("{CLICK}\n["));
    std::fs::File::options()
        .write(true)
        .open(sandbox.path("long.jsonl"))
        .and_then(|file| file.set_len(1 << 38))
        .unwrap();
    // The first tile is read in any case where all of the file is.
    let found = expect_soon(&sandbox, &["--sample", "1TiB", "long.jsonl"]);
    assert_eq!(number_of(&found["sample"], "valid"), 1, "{found}");
    assert_eq!(number_of(&found["sample"], "invalid"), 0, "{found}");
    let text = check(
        &sandbox,
        &["--time", "0.1", "--sample", "1TiB", "long.jsonl"],
    );
    assert!(
        text.stdout_text().contains("1 line had not ended by then"),
        "{}",
        text.stdout_text()
    );
}

#[cfg(feature = "gzip")]
#[test]
fn a_line_that_does_not_end_is_decompressed_no_further_when_time_is_up() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let sandbox = Sandbox::new();
    let lines = format!("{CLICK}\n").repeat(2000);
    let packed = [
        gzip(lines.as_bytes()),
        gzip(&vec![b'x'; 8 << 20]).repeat(5000),
    ]
    .concat();
    sandbox.write("long.jsonl.gz", packed);
    let found = expect_soon(&sandbox, &["long.jsonl.gz"]);
    assert_eq!(number_of(&found["sample"], "valid"), 2000, "{found}");
    assert_eq!(number_of(&found["sample"], "invalid"), 0, "{found}");
}

#[test]
fn inputs_of_other_forms_are_told() {
    let sandbox = Sandbox::new();
    let array = format!("[{}{CLICK}]", format!("{CLICK},").repeat(40_000));
    let header = "user_id,event_type,timestamp\n";
    let rows = header.to_owned() + &"1,click,2024-01-01T10:00:00Z\n".repeat(100);
    let parquet = b"PAR1\x15\x04\n\x00\nPAR1".to_vec();
    for (name, bytes, what, code) in [
        (
            "array.json",
            array.as_bytes(),
            "one JSON array",
            "json_array",
        ),
        ("a.csv", rows.as_bytes(), "CSV", "csv"),
        ("header.csv", header.as_bytes(), "CSV", "csv"),
        ("a.parquet", &parquet, "Parquet", "parquet"),
        ("a.avro", b"Obj\x01\x04", "Avro", "avro"),
    ] {
        sandbox.write(name, bytes);
        sandbox.write("empty.jsonl", "");
        let text = check(&sandbox, &["--sample", "64KiB", "empty.jsonl", name]);
        let text = text.stdout_text();
        let expected = format!(
            "looks like    {what}: {name} starts so, and daytally reads JSON Lines, an event on each line"
        );
        assert!(text.contains(&expected), "{name}: {text}");
        assert_eq!(text.contains("jq -c '.[]'"), code == "json_array", "{text}");
        assert!(!text.contains("nothing has come"), "{name}: {text}");
        assert!(!text.contains("daytally aggregate"), "{name}: {text}");
        // As a stream, of which only the start is there.
        let mut command = assert_cmd::Command::from_std(sandbox.program());
        let output = command
            .args(["check", "--json", "-"])
            .write_stdin(bytes)
            .output()
            .unwrap();
        let found = json_lines(&String::from_utf8(output.stdout).unwrap()).remove(0);
        assert_eq!(found["looks_like"], json!({"input": "-", "form": code}));
    }
    // Of one line no piece has the start but the first, which is not among these.
    let text = check(&sandbox, &["--sample", "64KiB", "array.json"]);
    assert!(
        text.stdout_text().contains(
            "lines         0: none ended in the pieces that were read; there are lines of more than 1.02 kB\n"
        ),
        "{}",
        text.stdout_text()
    );
    // One valid event is enough for it not to be something else.
    sandbox.write("a.jsonl", format!("{header}{CLICK}\n"));
    assert_eq!(
        check_json(&sandbox, &["a.jsonl"])["looks_like"],
        json!(null)
    );
}

#[test]
fn inputs_without_lines_are_nothing_to_read() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.jsonl", "");
    let text = check(&sandbox, &["empty.jsonl"]);
    assert_eq!(
        text.stdout_text().lines().skip(1).collect::<Vec<_>>(),
        ["lines         0: the inputs have no lines, so there is nothing for aggregate to read"]
    );
    let found = check_json(&sandbox, &["empty.jsonl"]);
    assert_eq!(
        (&found["command"], &found["suggestions"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(number_of(&found["sample"], "lines"), 0);
    // Nor are there events in blank ones.
    sandbox.write("blank.jsonl", "\n \n");
    let text = check(&sandbox, &["blank.jsonl"]);
    assert!(
        text.stdout_text()
            .ends_with("lines         2, all of them blank: there are no events to tell of\n"),
        "{}",
        text.stdout_text()
    );
    // One that has lines is something to read.
    sandbox.write("events.jsonl", CLICK);
    let found = check_json(&sandbox, &["empty.jsonl", "events.jsonl"]);
    assert_eq!(
        text_of(&found, "command"),
        "daytally aggregate --max-invalid 0.01% empty.jsonl events.jsonl"
    );
}

/// Sizes look as in the summary of a run.
#[test]
fn sizes_have_the_units_of_the_summary() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(20_000));
    let text = check(&sandbox, &[]);
    assert!(
        text.stdout_text().contains("all of 1 input, 1.40 MB, in "),
        "{}",
        text.stdout_text()
    );
    sandbox
        .aggregate([""; 0])
        .expect_stderr("events.jsonl: 1.40 MB in 20,000 lines");
}

/// A line of other events.
fn other(user: u64, kind: &str, at: &str, price: &str) -> String {
    format!("{{\"user\":{{\"id\":{user}}},\"kind\":\"{kind}\",\"at\":\"{at}\"{price}}}\n")
}

#[test]
fn events_look_as_the_options_say() {
    let sandbox = Sandbox::with_events(
        [
            other(1, "click", "2024-01-01T10:00:00Z", ""),
            other(1, "order", "2024-01-01T23:30:00+00:00", ",\"price\":19.99"),
            other(2, "order", "2024-01-02T00:30:00+01:00", ",\"price\":\"5\""),
            other(2, "purchase", "2024-01-01T10:00:00Z", ""),
            "{\"user_id\":1,\"kind\":\"click\",\"at\":\"2024-01-01T10:00:00Z\"}\n".into(),
        ]
        .concat(),
    );
    let names = [
        "--user-id-field=user.id",
        "--event-type-field=kind",
        "--timestamp-field=at",
        "--amount-field=price",
        "--purchase-type=order",
        "--timezone=-03:00",
    ];
    let found = check_json(&sandbox, &names);
    let fields = &found["fields"];
    assert_eq!(fields["user_id"], json!({"integer": 4, "missing": 1}));
    assert_eq!(
        fields["event_type"],
        json!({"click": 2, "order": 2, "purchase": 1})
    );
    assert_eq!(fields["timestamp"]["YYYY-MM-DDThh:mm:ss+99:99"], 1);
    assert_eq!(fields["amount"], json!({"2 decimals": 1, "string": 1}));
    assert_eq!(fields["other_keys"], json!({"user_id": 1}));
    assert_eq!(found["schema"]["user_id_field"], "user.id");
    assert_eq!(
        found["reasons"]["missing_user_id"]["message"],
        "there is no key \"user.id\""
    );
    assert_eq!(found["reasons"]["timestamp_not_utc"]["line"], 3);
    assert_eq!(number_of(&found["sample"], "purchases"), 1);
    assert_eq!(
        (&found["first_date"], &found["last_date"]),
        (&json!("2024-01-01"), &json!("2024-01-01"))
    );
    let typed = "--user-id-field user.id --event-type-field kind --timestamp-field at --amount-field price \
                 --purchase-type order --timezone=-03:00";
    assert_eq!(
        text_of(&found, "command"),
        format!("daytally aggregate --accept-offsets --rejects rejects.jsonl {typed}")
    );
    let text = check(&sandbox, &names);
    assert!(
        text.stdout_text().contains(
            "schema        user_id is user.id; event_type is kind; timestamp is at; amount is price; purchases \
             are \"order\"; days of -03:00\n"
        ),
        "{}",
        text.stdout_text()
    );
    // What it proposes runs, and finds what it says.
    let found = check_json(
        &sandbox,
        &[&names[..5], &["--accept-offsets", "--timezone=+01:00"]].concat(),
    );
    assert_eq!(number_of(&found["reasons"]["invalid_amount"], "line"), 3);
    assert_eq!(found["last_date"], "2024-01-02");
    let args = [
        &names[..5],
        &["-q", "--summary=-", "--accept-offsets", "--timezone=+01:00"],
    ]
    .concat();
    let run = sandbox.aggregate(args);
    run.expect_code(0);
    let summary = json_lines(run.stdout_text()).remove(0);
    for (books, sample) in [
        ("valid", "valid"),
        ("invalid", "invalid"),
        ("purchase_count", "purchases"),
    ] {
        assert_eq!(summary[books], found["sample"][sample], "{books}");
    }
    sandbox
        .run(["check", "--user-id-field=amount"])
        .expect_code(2)
        .expect_stderr("which is the same");
}

#[cfg(feature = "config")]
#[test]
fn one_config_file_is_for_check_and_aggregate() {
    let sandbox = Sandbox::with_events(other(
        1,
        "order",
        "2024-01-01T10:00:00+01:00",
        ",\"price\":1",
    ));
    sandbox.write(
        "daytally.toml",
        "user-id-field = \"user.id\"\nevent-type-field = \"kind\"\ntimestamp-field = \"at\"\n\
         amount-field = \"price\"\npurchase-type = [\"order\"]\naccept-offsets = true\n\
         timezone = \"+02:00\"\nmax-line-bytes = \"1MiB\"\nfrom = 2023-01-01\n",
    );
    let found = check_json(&sandbox, &[]);
    assert_eq!(
        (
            number_of(&found["sample"], "valid"),
            number_of(&found["sample"], "purchases")
        ),
        (1, 1)
    );
    let summary = full(&sandbox, &[]);
    assert_eq!(number_of(&summary, "valid"), 1);
    assert_eq!(summary["schema"], found["schema"]);
}

#[test]
fn fields_that_are_elsewhere_are_named_by_the_option_for_them() {
    let line = |user: u64| {
        format!(
            "{{\"user\":{{\"id\":{user},\"name\":\"Ann\"}},\"event\":\"purchase\",\"ts\":\"2024-01-01T10:00:00Z\",\
             \"amount\":{{\"value\":1,\"currency\":\"EUR\"}},\"price\":2.50}}\n"
        )
    };
    let lines = (0..50).map(line).collect::<Vec<_>>().concat();
    let sandbox = Sandbox::with_events(lines);
    let found = check_json(&sandbox, &[]);
    assert_eq!(
        text_of(&found["reasons"]["missing_user_id"], "hint"),
        "there is a key \"id\" inside \"user\"; if that is it, move it up and call it \"user_id\", or name it with --user-id-field user.id"
    );
    let command = text_of(&found, "command").to_owned();
    assert_eq!(
        command,
        "daytally check --user-id-field user.id --event-type-field event --timestamp-field ts"
    );
    // Again with it: now that events are read, their amounts are seen.
    let args: Vec<&str> = command.split(' ').skip(2).collect();
    let found = check_json(&sandbox, &args);
    assert_eq!(number_of(&found["reasons"]["invalid_amount"], "count"), 50);
    assert!(
        text_of(&found, "command").ends_with(&args.join(" ")),
        "{found}"
    );

    // A few lines that are different are no reason to read all of them differently.
    let mixed = format!("{CLICK}\n").repeat(10)
        + "{\"uid\":1,\"event_type\":\"a\",\"timestamp\":\"2024-01-01T00Z\"}\n";
    let sandbox = Sandbox::with_events(mixed);
    let found = check_json(&sandbox, &[]);
    assert!(
        text_of(&found, "command").starts_with("daytally aggregate --rejects"),
        "{found}"
    );
    assert!(text_of(&found["reasons"]["missing_user_id"], "hint").ends_with("--user-id-field uid"));
    // One that was named wrong is named right.
    let found = check_json(&sandbox, &["--user-id-field=x.y", "--from=2024-01-01"]);
    assert_eq!(
        text_of(&found, "command"),
        "daytally check --user-id-field user_id --from 2024-01-01"
    );
}

/// By whatever path it is an input: writing to it would be the end of it.
#[test]
fn rejects_do_not_become_inputs_by_other_paths() {
    let events = format!("{CLICK}\nnonsense\n");
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path("logs/in")).unwrap();
    sandbox.write("logs/a.jsonl", &events);
    // From a list whose inputs are elsewhere.
    let other = Sandbox::with_events(&events);
    let path = other.path("events.jsonl");
    sandbox.write("list", path.to_str().unwrap());
    sandbox.write("here", "b.jsonl\n");
    sandbox.write("b.jsonl", &events);
    let proposed = |args: &[&str]| {
        let found = check_json(&sandbox, args);
        let command = text_of(&found, "command").to_owned();
        let mut words = command.split(' ').skip_while(|word| *word != "--rejects");
        words.nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(proposed(&["logs/a.jsonl"]), "rejects.jsonl");
    assert_eq!(proposed(&["--files-from", "list"]), "rejects.jsonl");
    // The folder may have been listed as such.
    assert_eq!(proposed(&["--files-from", "here"]), "_rejects.jsonl");
    std::os::unix::fs::symlink("logs/a.jsonl", sandbox.path("rejects.jsonl")).unwrap();
    for input in ["rejects.jsonl", "./rejects.jsonl", "logs/a.jsonl", "logs"] {
        assert_eq!(proposed(&[input]), "_rejects.jsonl", "{input}");
    }
    std::fs::hard_link(sandbox.path("logs/a.jsonl"), sandbox.path("_rejects.jsonl")).unwrap();
    assert_eq!(proposed(&["logs/a.jsonl"]), ".rejects.jsonl");
}

#[test]
fn rejects_do_not_become_inputs() {
    let events = format!("{CLICK}\nnonsense\n{}\n", purchase("2", "1"));
    for (input, expected) in [
        ("events.jsonl", "rejects.jsonl"),
        ("logs", "rejects.jsonl"),
        ("logs/*.jsonl", "rejects.jsonl"),
        (".", "_rejects.jsonl"),
        ("*.jsonl", "_rejects.jsonl"),
        ("**/*.jsonl", "_rejects.jsonl"),
        ("e*.jsonl", "rejects.jsonl"),
        ("{rejects,events}.jsonl", "_rejects.jsonl"),
    ] {
        let sandbox = Sandbox::with_events(&events);
        std::fs::create_dir(sandbox.path("logs")).unwrap();
        sandbox.write("logs/a.jsonl", &events);
        if input.contains("rejects") {
            sandbox.write("rejects.jsonl", CLICK);
        }
        let found = check_json(&sandbox, &["--allow-duplicates", input]);
        let command = text_of(&found, "command");
        assert!(
            command.contains(&format!(" --rejects {expected} ")),
            "{input}: {command}"
        );
        let run = |_: u32| {
            let args = ["-q", "--summary=-", "--rejects", expected, input];
            let run = sandbox.aggregate(args);
            run.expect_code(0);
            let summary = json_lines(run.stdout_text()).remove(0);
            number_of(&summary, "lines")
        };
        assert_eq!(
            run(1),
            run(2),
            "{input}: what a run writes is no input of the next one"
        );
    }
    // The list may name the folder.
    let sandbox = Sandbox::with_events(&events);
    sandbox.write("list", ".\n");
    let found = check_json(&sandbox, &["--files-from", "list"]);
    assert!(
        text_of(&found, "command").contains(" --rejects _rejects.jsonl "),
        "{found}"
    );
}
