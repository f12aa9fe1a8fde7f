//! Bad surroundings: streams that are closed or shared, limits of the process, inputs that somebody
//! writes to.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Sandbox, fifo, json_lines, under_shell};

#[test]
fn a_closed_standard_output_does_not_stop_what_goes_elsewhere() {
    let mixed = format!("{CLICK}\nnope\n");
    for (args, code) in [
        (&["--summary", "-"][..], 0),
        (&["--rejects", "-"], 0),
        (&["--max-invalid", "0", "--summary", "-"], 3),
    ] {
        let sandbox = Sandbox::with_events(&mixed);
        let mut child = sandbox
            .program()
            .args(["aggregate", "-q"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
        let is_published = sandbox.path("daily_user_stats.csv").exists();
        assert_eq!(is_published, code == 0, "{args:?}");
    }
}

/// A result of nothing would replace a good one.
#[test]
fn a_closed_standard_input_is_no_empty_one() {
    let sandbox = Sandbox::with_events(CLICK);
    sandbox.write("keep.csv", "before");
    #[cfg(feature = "arrow")]
    under_shell(&sandbox, "", "partial events.jsonl -o part.arrow").expect_code(0);
    for args in [
        "aggregate -q - -o keep.csv",
        "aggregate -q --files-from - -o keep.csv",
        "aggregate -q /dev/stdin -o keep.csv",
        "aggregate -q --files-from /dev/fd/0 -o keep.csv",
        #[cfg(feature = "arrow")]
        "merge -q part.arrow --inputs-order - -o keep.csv",
        #[cfg(feature = "arrow")]
        "merge -q part.arrow --inputs-order /dev/stdin -o keep.csv",
        "check -",
        "explain -",
    ] {
        let run = under_shell(&sandbox, "exec <&-;", args);
        run.expect_code(1);
        run.expect_stderr("it is closed, or the null device");
        assert_eq!(sandbox.text("keep.csv"), "before", "{args}");
    }
    under_shell(&sandbox, "", "aggregate -q - -o keep.csv").expect_code(0);
    assert_eq!(sandbox.text("keep.csv").lines().count(), 1);
}

#[test]
fn one_file_is_never_two_outputs() {
    for args in [
        "aggregate -q -o - --summary x.csv > x.csv",
        "aggregate -q -o - --rejects x.csv > x.csv",
        "aggregate -q -o - --log-file x.csv > x.csv",
        "aggregate -q -o - --rejects /dev/fd/1 > x.csv",
        "aggregate -q -o - --log-file /dev/stdout > x.csv",
        "aggregate -q --rejects x.csv 2> x.csv",
        "aggregate -q -o x.csv --summary - > x.csv",
        "aggregate -q --summary - >> events.jsonl",
        "aggregate -q 2>> events.jsonl",
        "aggregate -q -o - < events.jsonl >> events.jsonl",
    ] {
        let sandbox = Sandbox::with_events(CLICK);
        let run = under_shell(&sandbox, "", args);
        assert_eq!(run.code, Some(2), "{args}: {}", run.stderr);
        assert!(!sandbox.path("daily_user_stats.csv").exists(), "{args}");
        assert!(sandbox.text("events.jsonl").starts_with(CLICK), "{args}");
    }
    // What belongs together may go together.
    let sandbox = Sandbox::with_events(CLICK);
    under_shell(&sandbox, "", "aggregate -q -o - --summary - > x.csv 2>&1").expect_code(0);
    assert!(sandbox.text("x.csv").starts_with(CLICK_CSV));
}

/// A file behind a descriptor is whoever's who opened it: written on, not replaced.
#[test]
fn descriptors_are_written_through() {
    for name in ["/dev/fd/3", "/proc/self/fd/3"] {
        let sandbox = Sandbox::with_events(CLICK);
        sandbox.write("x.csv", "before\n");
        let args = format!("aggregate -q -o {name} 3>> x.csv");
        under_shell(&sandbox, "", &args).expect_code(0);
        assert_eq!(sandbox.text("x.csv"), format!("before\n{CLICK_CSV}"));
    }
}

#[test]
fn more_inputs_than_open_files() {
    let sandbox = Sandbox::new();
    for number in 0..200 {
        sandbox.write(format!("{number}.jsonl"), format!("{CLICK}\n"));
    }
    under_shell(&sandbox, "ulimit -n 40;", "aggregate -q *.jsonl").expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,200,0,"));
}

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=20000", "--users=20000"]);
    sandbox.write("events.jsonl", events);
    sandbox.write("daily_user_stats.csv", "before");
    // In blocks of 512 or 1,024 bytes, less than the result needs.
    let run = under_shell(&sandbox, "ulimit -f 64;", "aggregate -q");
    run.expect_code(1);
    run.expect_stderr("daily_user_stats.csv");
    assert_eq!(sandbox.csv(), "before");
}

#[test]
fn a_place_that_is_no_file_is_found_at_once() {
    let sandbox = Sandbox::with_events(CLICK);
    let run = sandbox.aggregate(["-o", "new/", "--summary", "s.json"]);
    run.expect_code(1);
    run.expect_stderr("new/");
    assert_eq!(sandbox.names(), ["events.jsonl"]);
}

/// A run that waits for the reader of a pipe can be stopped by one signal.
#[test]
fn a_run_that_waits_is_stopped() {
    let sandbox = Sandbox::with_events(CLICK);
    fifo(&sandbox, "pipe");
    let mut child = sandbox
        .program()
        .args(["aggregate", "-q", "-o", "pipe", "--summary", "s.json"])
        .spawn()
        .unwrap();
    let begin = Instant::now();
    std::thread::sleep(Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > Duration::from_secs(50) {
            child.kill().unwrap();
            panic!("it never ends");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(143));
    assert_eq!(sandbox.names(), ["events.jsonl", "pipe"]);
}

/// The input's name in a JSON log is what it is in the rejects file.
#[test]
fn names_in_a_json_log_are_plain() {
    let sandbox = Sandbox::new();
    sandbox.write("a b=\"c\".jsonl", "nope\n");
    let args = ["--log-format=json", "--rejects=r.jsonl", "a b=\"c\".jsonl"];
    let run = sandbox.aggregate(args);
    run.expect_code(0);
    let (log, rejects) = (
        json_lines(&run.stderr),
        json_lines(&sandbox.text("r.jsonl")),
    );
    assert_eq!(log[0]["input"], rejects[0]["input"]);
    assert_eq!(log[0]["input"], Value::from("a b=\"c\".jsonl"));
}

#[test]
fn an_input_written_over_and_made_longer_is_noticed() {
    // Held by a pipe nobody reads yet, so that the change comes before the input's end.
    let events = format!("{CLICK}\n").repeat(50_000) + &"nope\n".repeat(100_000);
    let sandbox = Sandbox::with_events(events);
    fifo(&sandbox, "pipe");
    let child = sandbox
        .program()
        .args(["aggregate", "-q", "--rejects=pipe", "events.jsonl"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = File::open(sandbox.path("pipe")).unwrap();
    let other = format!("{}\n", CLICK.replace("click", "clack")).repeat(90_000);
    let mut file = File::options()
        .write(true)
        .open(sandbox.path("events.jsonl"))
        .unwrap();
    file.write_all(other.as_bytes()).unwrap();
    drop(file);
    std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("events.jsonl changed while"), "{stderr}");
    assert!(!sandbox.path("daily_user_stats.csv").exists());
}

/// Whatever somebody writes into an input at whatever moment, the run ends with a result or with a
/// sentence. Between two looks at a line it may stop being what it was.
#[test]
fn an_input_that_never_rests_is_no_crash() {
    let (two_bytes, one_byte) = ("é".repeat(2500), "Aa".repeat(2500));
    let line = |text: &str| format!("{{\"user_id\":\"{text}\",\"x\":\"\\u00e9\"}}\n");
    let sandbox = Sandbox::with_events(line(&two_bytes).repeat(40));
    let path = sandbox.path("events.jsonl");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(&path).unwrap();
            let (one, two) = (line(&one_byte).repeat(40), line(&two_bytes).repeat(40));
            while !is_over.load(Ordering::Relaxed) {
                for text in [&one, &two] {
                    file.write_all_at(text.as_bytes(), 0).unwrap();
                }
            }
        });
        let codes: Vec<_> = (0..20)
            .map(|_| {
                let run = sandbox.aggregate(["--rejects=r.jsonl", "-j1"]);
                assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
                run.code
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(
            codes.iter().all(|code| matches!(code, Some(0 | 1))),
            "{codes:?}"
        );
    });
}
