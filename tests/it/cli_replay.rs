//! `daytally replay`: rejects that were repaired are counted, each once, and the result is to the byte what
//! it would have been had they been right from the start.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::harness::{
    CLICK, Run, Sandbox, expect_printable, json_lines, number_of, proptest_config, purchase,
    snapshot, text_of,
};
use crate::reference::HEADER;

const RESULT: &str = "daily_user_stats.csv";
const RECORD: &str = "daily_user_stats.csv.replayed";

/// Runs `daytally replay ARGS` and expects an exit code.
#[track_caller]
fn replay(sandbox: &Sandbox, args: &[&str], code: i32) -> Run {
    let run = sandbox.run(["replay"].iter().chain(args));
    run.expect_code(code);
    expect_printable(&run.stderr);
    run
}

/// The lines of a text, without their ends.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    lines.pop();
    lines
}

fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    let ended = lines.iter().map(|line| [line, &b"\n"[..]].concat());
    ended.collect::<Vec<_>>().concat()
}

/// Spoils a line, in one of several ways.
fn spoiled(line: &[u8], way: usize) -> Vec<u8> {
    let text = std::str::from_utf8(line).unwrap();
    match way % 5 {
        0 => text.replace("\"user_id\"", "\"userid\"").into(),
        1 => text[..text.len() - 1].into(),
        2 => text.replace('T', " ").into(),
        // It is not UTF-8.
        3 => [&line[..line.len() - 1], b",\"x\":\"\xff\"}"].concat(),
        // And it is longer than what a rejects file holds.
        _ => format!("{},\"x\":\"{}\"", &text[..text.len() - 1], "é".repeat(4096)).into(),
    }
}

/// Events of which some are spoiled, and the right ones.
struct Case {
    sandbox: Sandbox,
    right: Vec<Vec<u8>>,
}

impl Case {
    /// The events are in `events.jsonl`, the right ones in `right/events.jsonl`.
    fn new(right: Vec<Vec<u8>>, is_spoiled: impl Fn(usize) -> bool) -> Case {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("right")).unwrap();
        sandbox.write("right/events.jsonl", joined(&right));
        let lines = right.iter().enumerate().map(|(at, line)| {
            if is_spoiled(at) {
                spoiled(line, at)
            } else {
                line.clone()
            }
        });
        sandbox.write("events.jsonl", joined(&lines.collect::<Vec<_>>()));
        Case { sandbox, right }
    }

    fn generated() -> Case {
        let sandbox = Sandbox::new();
        let options = [
            "--lines",
            "3000",
            "--invalid-rate",
            "0",
            "--users",
            "40",
            "--days",
            "5",
        ];
        Case::new(lines(&sandbox.generate(options)), |at| at % 7 == 3)
    }

    /// Aggregates both, with the same options, and gives the result of the right ones.
    fn aggregate(&self, options: &[&str], output: &str) -> BTreeMap<String, Vec<u8>> {
        let run = |input: &str, output: &str, rejects: &str| {
            let args = [&[input, "-q", "-o", output, "--rejects", rejects], options].concat();
            self.sandbox.aggregate(args).expect_code(0);
        };
        run(
            "right/events.jsonl",
            &format!("right/{output}"),
            "right/rejects.jsonl",
        );
        assert_eq!(self.sandbox.text("right/rejects.jsonl"), "");
        run("events.jsonl", output, "rejects.jsonl");
        self.result(&format!("right/{output}"))
    }

    /// A result: its file, or the files of its days.
    fn result(&self, output: &str) -> BTreeMap<String, Vec<u8>> {
        let path = self.sandbox.path(output);
        if path.is_file() {
            return BTreeMap::from([(String::new(), fs::read(path).unwrap())]);
        }
        let mut files = BTreeMap::new();
        for day in fs::read_dir(path).unwrap() {
            for file in fs::read_dir(day.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let mut parts = path.components().rev();
                let name = parts
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_string_lossy()
                    .into_owned();
                let day = parts
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_string_lossy()
                    .into_owned();
                files.insert(format!("{day}/{name}"), fs::read(&path).unwrap());
            }
        }
        files
    }

    fn rejects(&self) -> Vec<Value> {
        json_lines(&self.sandbox.text("rejects.jsonl"))
    }

    /// A reject as somebody repairs it.
    fn repaired(&self, reject: &Value) -> Value {
        let mut reject = reject.clone();
        let at = usize::try_from(number_of(&reject, "line")).unwrap() - 1;
        let fields = reject.as_object_mut().unwrap();
        fields.insert(
            "raw".into(),
            String::from_utf8(self.right[at].clone()).unwrap().into(),
        );
        fields.remove("truncated");
        reject
    }

    fn write(&self, name: &str, rejects: &[Value]) {
        let lines = rejects.iter().map(|reject| format!("{reject}\n"));
        self.sandbox.write(name, lines.collect::<String>());
    }

    /// All rejects, repaired, in a file.
    fn write_repaired(&self, name: &str) -> usize {
        let repaired: Vec<Value> = self
            .rejects()
            .iter()
            .map(|reject| self.repaired(reject))
            .collect();
        self.write(name, &repaired);
        repaired.len()
    }
}

#[test]
fn repaired_rejects_give_the_bytes_of_the_right_file() {
    let case = Case::generated();
    let [plain, gzip, zstd] = ["a.csv", "a.csv.gz", "a.csv.zst"];
    for (output, options) in [
        (plain, &["--threads", "1", "--chunk-size", "1KiB"][..]),
        (
            plain,
            &[
                "--threads",
                "3",
                "--chunk-size",
                "64KiB",
                "--lanes",
                "general",
            ],
        ),
        (gzip, &["--format", "csv.gz"]),
        (zstd, &["--format", "csv.zst"]),
        ("days", &["--partition-by", "date"]),
        ("packed", &["--partition-by", "date", "--format", "csv.gz"]),
    ] {
        let packing = output.rsplit('.').next().unwrap();
        if (packing == "gz" || output == "packed") && !cfg!(feature = "gzip")
            || packing == "zst" && !cfg!(feature = "zstd")
        {
            continue;
        }
        let right = case.aggregate(options, output);
        assert_ne!(case.result(output), right, "{output}");
        let number = case.write_repaired("repaired.jsonl");
        assert_eq!(number, 429);
        let args = ["repaired.jsonl", "--into", output, "--rest", "rest.jsonl"];
        let run = replay(&case.sandbox, &args, 0);
        run.expect_stderr("replayed  429 events");
        assert_eq!(case.result(output), right, "{output}");
        assert_eq!(case.sandbox.text("rest.jsonl"), "");
        // A second time there is nothing to do.
        let before = snapshot(&case.sandbox);
        let run = replay(&case.sandbox, &args, 0);
        run.expect_stderr("replayed  0 events\n   already  429 replayed before\n");
        assert_eq!(snapshot(&case.sandbox), before);
        assert_eq!(case.result(output), right, "{output}");
        for name in case.sandbox.names() {
            assert!(
                !name.starts_with('.') && !name.contains(".lock"),
                "{name} was left"
            );
        }
        fs::remove_file(case.sandbox.path(format!("{output}.replayed"))).unwrap();
    }
}

#[test]
fn part_now_and_part_later_in_any_order_and_any_files() {
    let case = Case::generated();
    let right = case.aggregate(&[], RESULT);
    let repaired: Vec<Value> = case
        .rejects()
        .iter()
        .map(|reject| case.repaired(reject))
        .collect();
    let (early, late) = repaired.split_at(200);
    let backwards: Vec<Value> = late.iter().rev().cloned().collect();
    case.write("late.jsonl", &backwards);
    case.write("early.jsonl", early);
    case.write("some.jsonl", &repaired[100..300]);
    replay(&case.sandbox, &["late.jsonl"], 0).expect_stderr("replayed  229 events");
    let run = replay(
        &case.sandbox,
        &["some.jsonl", "early.jsonl", "some.jsonl"],
        0,
    );
    run.expect_stderr("replayed  200 events");
    // What is there twice was looked up once.
    run.expect_stderr("already  100 replayed before");
    run.expect_stderr("repeated  300 there twice, and counted once");
    assert_eq!(case.result(RESULT), right);
    let record = case.sandbox.text(RECORD);
    assert_eq!(record.lines().count(), 1 + 429 + 2);
}

#[test]
fn what_is_still_invalid_comes_back_as_it_stood_first() {
    let case = Case::generated();
    let right = case.aggregate(&[], RESULT);
    let rejects = case.rejects();
    // Where nothing is repaired, they are to the byte what aggregate has written.
    replay(&case.sandbox, &["rejects.jsonl", "--rest", "same.jsonl"], 0);
    assert!(case.sandbox.read("same.jsonl") == case.sandbox.read("rejects.jsonl"));
    let half: Vec<Value> = rejects
        .iter()
        .enumerate()
        .map(|(at, reject)| match at % 2 {
            0 => case.repaired(reject),
            _ => reject.clone(),
        })
        .collect();
    case.write("half.jsonl", &half);
    let run = replay(&case.sandbox, &["half.jsonl", "--rest", "rest.jsonl"], 0);
    run.expect_stderr("replayed  215 events");
    run.expect_stderr("cut  ");
    run.expect_stderr(" still\n");
    let rest = json_lines(&case.sandbox.text("rest.jsonl"));
    let odd: Vec<Value> = rejects.iter().skip(1).step_by(2).cloned().collect();
    assert!(rest == odd);
    let wrong: Vec<Value> = rest
        .iter()
        .map(|reject| {
            let mut reject = case.repaired(reject);
            reject["raw"] = "{\"user_id\":\"7\"}".into();
            reject
        })
        .collect();
    case.write("wrong.jsonl", &wrong);
    // Repaired wrongly, it comes back with what is wrong now.
    replay(&case.sandbox, &["wrong.jsonl", "--rest", "again.jsonl"], 0);
    let again = json_lines(&case.sandbox.text("again.jsonl"));
    assert_eq!(again.len(), 214);
    for (reject, first) in again.iter().zip(&rest) {
        for field in ["input", "line", "offset"] {
            assert_eq!(reject[field], first[field]);
        }
        assert_eq!(text_of(reject, "reason"), "invalid_user_id");
        assert_eq!(text_of(reject, "raw"), "{\"user_id\":\"7\"}");
    }
    let last: Vec<Value> = again.iter().map(|reject| case.repaired(reject)).collect();
    case.write("last.jsonl", &last);
    replay(&case.sandbox, &["last.jsonl", "--rest", "none.jsonl"], 0);
    assert_eq!(case.sandbox.text("none.jsonl"), "");
    assert_eq!(case.result(RESULT), right);
}

#[test]
fn a_crash_between_the_renames_is_found_out_both_ways() {
    let case = Case::generated();
    let right = case.aggregate(&[], RESULT);
    let repaired: Vec<Value> = case
        .rejects()
        .iter()
        .map(|reject| case.repaired(reject))
        .collect();
    case.write("first.jsonl", &repaired[..100]);
    case.write("second.jsonl", &repaired[100..]);
    let results = [case.sandbox.read(RESULT), {
        replay(&case.sandbox, &["first.jsonl"], 0);
        case.sandbox.read(RESULT)
    }];
    replay(&case.sandbox, &["second.jsonl"], 0);
    assert_eq!(case.result(RESULT), right);
    let record = case.sandbox.read(RECORD);

    // The record was in place, and the result not yet.
    case.sandbox.write(RESULT, &results[1]);
    let run = replay(&case.sandbox, &["second.jsonl"], 0);
    run.expect_stderr(
        "is what it was before 329 events were replayed into it (a replay was killed",
    );
    run.expect_stderr("replayed  329 events");
    assert_eq!(case.result(RESULT), right);
    assert!(case.sandbox.read(RECORD) == record);
    // Both were.
    replay(&case.sandbox, &["second.jsonl"], 0).expect_stderr("already  329");
    // The result was made anew from the same input: nothing is in it any more.
    case.sandbox.write(RESULT, &results[0]);
    let run = replay(&case.sandbox, &["second.jsonl", "first.jsonl"], 0);
    run.expect_stderr("warning: /")
        .expect_stderr("before 429 events were replayed")
        .expect_stderr("replayed  429 events");
    assert_eq!(case.result(RESULT), right);
    // The record is older than the result: that is not so after a crash, and nothing is guessed.
    case.sandbox.write(RESULT, &results[0]);
    fs::remove_file(case.sandbox.path(RECORD)).unwrap();
    replay(&case.sandbox, &["first.jsonl"], 0);
    let old_record = case.sandbox.read(RECORD);
    replay(&case.sandbox, &["second.jsonl"], 0);
    case.sandbox.write(RECORD, old_record);
    let before = snapshot(&case.sandbox);
    let run = replay(&case.sandbox, &["second.jsonl"], 1);
    run.expect_stderr("is not what it was before or after any replay that its record ");
    run.expect_stderr("give --fresh");
    assert_eq!(snapshot(&case.sandbox), before);
}

#[test]
fn of_days_each_is_found_out_by_itself() {
    let case = Case::generated();
    let right = case.aggregate(&["--partition-by", "date"], "days");
    let before = case.result("days");
    assert_eq!(before.len(), 5);
    case.write_repaired("repaired.jsonl");
    let args = ["repaired.jsonl", "--into", "days/"];
    replay(&case.sandbox, &args, 0).expect_stderr("days: 5 days");
    assert_eq!(case.result("days"), right);
    // It was killed when two days were not in place yet.
    for (name, bytes) in before.iter().skip(3) {
        fs::write(case.sandbox.path("days").join(name), bytes).unwrap();
    }
    let run = replay(&case.sandbox, &args, 0);
    run.expect_stderr("warning: ").expect_stderr("days: 2 days");
    assert_eq!(case.result("days"), right);
    // A day was made anew from something else: it alone is asked about.
    let name = right.keys().next().unwrap();
    let file = case.sandbox.path("days").join(name);
    fs::write(&file, &right.values().nth(1).unwrap()[..HEADER.len()]).unwrap();
    let all = case.rejects();
    let repaired = all.iter().map(|reject| case.repaired(reject));
    let (first, others): (Vec<Value>, Vec<Value>) =
        repaired.partition(|reject| text_of(reject, "raw").contains("2024-01-01"));
    case.write("others.jsonl", &others);
    replay(&case.sandbox, &["others.jsonl", "--into", "days"], 0)
        .expect_stderr("replayed  0 events");
    replay(&case.sandbox, &args, 1)
        .expect_stderr("date=2024-01-01/daily_user_stats.csv is not what");
    let run = replay(
        &case.sandbox,
        &["repaired.jsonl", "--into", "days", "--fresh"],
        0,
    );
    run.expect_stderr(&format!("replayed  {} events", first.len()));
    run.expect_stderr(&format!("already  {} replayed before", others.len()));
    for (name, bytes) in right.iter().skip(1) {
        assert_eq!(
            &fs::read(case.sandbox.path("days").join(name)).unwrap(),
            bytes
        );
    }
}

#[test]
fn a_day_that_there_was_not_is_added() {
    let sandbox = Sandbox::with_events(format!(
        "{CLICK}\n{}\n",
        CLICK.replace("01-01T", "01-31T").replace("user_id", "id")
    ));
    sandbox
        .aggregate([
            "-q",
            "--partition-by",
            "date",
            "-o",
            "days",
            "--rejects",
            "rejects.jsonl",
        ])
        .expect_code(0);
    let repaired = sandbox
        .text("rejects.jsonl")
        .replace("\\\"id\\\"", "\\\"user_id\\\"");
    sandbox.write("repaired.jsonl", repaired);
    for (number, already) in [(1, 0), (0, 1)] {
        let args = ["repaired.jsonl", "--into", "days", "--summary", "-", "-q"];
        let run = replay(&sandbox, &args, 0);
        let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(number_of(&summary, "replayed"), number);
        assert_eq!(number_of(&summary, "already_replayed"), already);
        assert_eq!(run.stderr, "");
    }
    let added = sandbox.text("days/date=2024-01-31/daily_user_stats.csv");
    assert_eq!(added, format!("{HEADER}2024-01-31,1,1,0,0.00\n"));
    // Removed, it is not what the record knows.
    fs::remove_dir_all(sandbox.path("days/date=2024-01-31")).unwrap();
    // It is what it was before: not there.
    replay(&sandbox, &["repaired.jsonl", "--into", "days"], 0).expect_stderr("replayed  1 event");
    assert_eq!(
        sandbox.text("days/date=2024-01-31/daily_user_stats.csv"),
        added
    );
}

#[test]
fn a_replay_that_is_killed_at_any_moment_is_gone_on_with() {
    let case = Case::generated();
    let right = case.aggregate(&[], RESULT);
    case.write_repaired("repaired.jsonl");
    let before = case.sandbox.read(RESULT);
    let mut done = 0;
    for millis in (0..60).step_by(3) {
        case.sandbox.write(RESULT, &before);
        let _ = fs::remove_file(case.sandbox.path(RECORD));
        let mut child = case
            .sandbox
            .program()
            .args(["replay", "repaired.jsonl", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = case.sandbox.read(RESULT);
        let is_done = case.result(RESULT) == right;
        assert!(is_done || now == before, "it is neither old nor new");
        done += usize::from(is_done);
        replay(&case.sandbox, &["repaired.jsonl"], 0);
        assert_eq!(case.result(RESULT), right, "killed after {millis} ms");
    }
    eprintln!("{done} of 20 were done when they were killed");
}

#[test]
fn one_replay_at_a_time() {
    let case = Case::generated();
    case.aggregate(&[], RESULT);
    case.write_repaired("repaired.jsonl");
    let lock = format!("{RECORD}.lock");
    let mut held = fs::File::create(case.sandbox.path(&lock)).unwrap();
    writeln!(held, "4711").unwrap();
    rustix::fs::flock(held.as_fd(), FlockOperation::LockExclusive).unwrap();
    let before = snapshot(&case.sandbox);
    let run = replay(&case.sandbox, &["repaired.jsonl"], 1);
    run.expect_stderr("daily_user_stats.csv by process 4711; wait until it ends");
    assert_eq!(snapshot(&case.sandbox), before);
    // To look is free.
    replay(&case.sandbox, &["-n", "repaired.jsonl"], 0).expect_stderr("replayed  429 events");
    assert_eq!(snapshot(&case.sandbox), before);
    drop(held);
    replay(&case.sandbox, &["repaired.jsonl"], 0).expect_stderr("replayed  429 events");
    assert!(!case.sandbox.names().contains(&lock));
}

/// A result of one click, and a reject.
fn small() -> Sandbox {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{}\n", purchase("\"1\"", "0.1")));
    let args = ["-q", "--rejects", "rejects.jsonl"];
    sandbox.aggregate(args).expect_code(0);
    let repaired = sandbox.text("rejects.jsonl").replace(":\\\"1\\\"", ":1");
    sandbox.write("repaired.jsonl", repaired);
    sandbox
}

#[test]
fn what_was_done_is_told_for_people_and_for_programs() {
    let sandbox = small();
    let root = sandbox.root().display().to_string();
    let dry = replay(
        &sandbox,
        &["-n", "repaired.jsonl", "--rest", "rest.jsonl"],
        0,
    );
    let told = |dry: &str| {
        format!(
            "{dry}  replayed  1 event, 1 purchase, revenue 0.10
    result  {root}/{RESULT}: 1 row, 0 added, 1 changed
    record  {root}/{RECORD}, round 1
"
        )
    };
    assert_eq!(
        dry.stderr,
        told("   dry run  nothing is changed; this is what would be\n")
    );
    assert!(!sandbox.path("rest.jsonl").exists() && !sandbox.path(RECORD).exists());
    let args = [
        "repaired.jsonl",
        "--rest",
        "rest.jsonl",
        "--summary",
        "summary.json",
    ];
    let run = replay(&sandbox, &args, 0);
    assert_eq!(
        run.stderr,
        told("") + &format!("      rest  {root}/rest.jsonl\n")
    );
    assert_eq!(run.stdout_text(), "");
    let mut summary: Value = serde_json::from_slice(&sandbox.read("summary.json")).unwrap();
    let fields = summary.as_object_mut().unwrap();
    assert!(fields.remove("elapsed_seconds").unwrap().as_f64().unwrap() > 0.0);
    let file = &mut fields["files"][0];
    for field in ["sha256_before", "sha256"] {
        assert_eq!(text_of(file, field).len(), 64);
        file.as_object_mut().unwrap().remove(field);
    }
    let bytes = sandbox.csv().len();
    assert_eq!(
        summary,
        json!({
            "status": "published",
            "rejects_read": [format!("{root}/repaired.jsonl")],
            "records": 1, "replayed": 1, "purchases": 1, "revenue": "0.10",
            "already_replayed": 0, "different": 0, "repeated": 0, "blank": 0, "filtered": 0,
            "truncated": 0, "invalid": 0, "invalid_by_reason": {}, "undone": [],
            "from": null, "to": null,
            "result": format!("{root}/{RESULT}"), "format": "csv",
            "files": [{
                "path": format!("{root}/{RESULT}"), "date": null,
                "rows": 1, "rows_added": 0, "rows_changed": 1, "bytes": bytes,
            }],
            "record": format!("{root}/{RECORD}"), "round": 1,
            "rest": format!("{root}/rest.jsonl"),
        })
    );
    assert_eq!(sandbox.csv(), format!("{HEADER}2024-01-01,1,2,1,0.10\n"));
    let run = replay(&sandbox, &["rejects.jsonl", "--color", "never"], 0);
    assert_eq!(
        run.stderr,
        format!(
            "  replayed  0 events\n   already  1 replayed before\n    result  {root}/{RESULT}, unchanged\n"
        )
    );
}

#[test]
fn warnings_tell_of_second_repairs_and_of_results_made_anew() {
    let sandbox = small();
    replay(&sandbox, &["repaired.jsonl"], 0);
    let after = sandbox.csv();
    let other = sandbox.text("repaired.jsonl").replace("0.1", "0.2");
    sandbox.write("other.jsonl", &other);
    let run = replay(&sandbox, &["other.jsonl"], 0);
    run.expect_stderr(
        "other.jsonl says something else than what was replayed before of line 2 of events.jsonl",
    );
    run.expect_stderr("already  1");
    assert_eq!(sandbox.csv(), after);
    // Aggregate says so when it makes the result anew; and not when it is the same.
    let warning = "events were replayed into the result that was there before";
    let run = sandbox.aggregate::<&str>([]);
    run.expect_code(0).expect_stderr(warning);
    let run = sandbox.aggregate::<&str>([]);
    assert!(!run.stderr.contains(warning), "{}", run.stderr);
    let run = replay(&sandbox, &["other.jsonl"], 0);
    run.expect_stderr("daily_user_stats.csv is what it was before 1 event was replayed into it");
    assert_eq!(sandbox.csv(), after.replace("0.10", "0.20"));
}

#[test]
fn events_are_read_as_aggregate_reads_them() {
    let event =
        r#"{"u":{"id":7},"event_type":"sale","timestamp":"2024-01-01T00:30:00+01:00","amount":1}"#;
    let right = format!("{event}\n{event}\n");
    let sandbox = Sandbox::with_events(format!("{event}\n{}\n", event.replace("sale", "")));
    sandbox.write("right.jsonl", right);
    let options = [
        "--user-id-field",
        "u.id",
        "--purchase-type",
        "sale",
        "--accept-offsets",
        "--timezone",
        "+02:00",
        "--from",
        "2024-01-01",
    ];
    let aggregate = |args: &[&str]| {
        sandbox
            .aggregate([args, &options].concat())
            .expect_code(0)
            .code
    };
    aggregate(&["right.jsonl", "-q", "-o", "right.csv"]);
    aggregate(&["-q", "--rejects", "rejects.jsonl"]);
    let repaired = sandbox
        .text("rejects.jsonl")
        .replace("\\\"\\\"", "\\\"sale\\\"");
    sandbox.write("repaired.jsonl", repaired);
    // Without the options the event is none.
    let args = ["repaired.jsonl", "--rest", "rest.jsonl"];
    replay(&sandbox, &args, 0).expect_stderr("invalid  1 still\n            1  missing_user_id\n");
    replay(&sandbox, &[&args[..], &options].concat(), 0).expect_stderr("replayed  1 event");
    assert_eq!(sandbox.text(RESULT), sandbox.text("right.csv"));
}

#[cfg(feature = "config")]
#[test]
fn config_files_have_a_table_for_it() {
    let sandbox = small();
    sandbox.write(
        "daytally.toml",
        "[replay]\ninto = \"other.csv\"\nrest = \"rest.jsonl\"\n",
    );
    fs::rename(sandbox.path(RESULT), sandbox.path("other.csv")).unwrap();
    replay(&sandbox, &["repaired.jsonl"], 0).expect_stderr("rest.jsonl");
    assert!(
        sandbox
            .text("other.csv")
            .ends_with("2024-01-01,1,2,1,0.10\n")
    );
}

/// What says where aggregate writes its rejects says nothing to replay: that file has what is to be repaired.
#[test]
fn the_rejects_of_aggregate_are_not_written_over() {
    let sandbox = small();
    let rejects = sandbox.text("rejects.jsonl");
    let wrong = rejects.replace(":\\\"1\\\"", ":-0.5");
    assert_ne!(wrong, rejects);
    sandbox.write("wrong.jsonl", wrong);
    if cfg!(feature = "config") {
        sandbox.write("daytally.toml", "rejects = \"rejects.jsonl\"\n");
        let run = replay(&sandbox, &["wrong.jsonl"], 0);
        run.expect_stderr("invalid  1 still");
        assert_eq!(sandbox.text("rejects.jsonl"), rejects);
        fs::remove_file(sandbox.path("daytally.toml")).unwrap();
    }
    let run = |name: &str, value: &str| {
        let mut command = sandbox.program();
        command.args(["replay", "wrong.jsonl"]).env(name, value);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    run("DAYTALLY_REJECTS", "rejects.jsonl");
    assert_eq!(sandbox.text("rejects.jsonl"), rejects);
    run("DAYTALLY_REST", "rest.jsonl");
    assert!(sandbox.text("rest.jsonl").contains("invalid_user_id"));
    expect_refused(
        &sandbox,
        &["wrong.jsonl", "--rejects", "rejects.jsonl"],
        2,
        "--rejects",
    );
}

#[test]
fn one_input_by_several_names_is_counted_once() {
    let sandbox = small();
    let repaired = sandbox.text("repaired.jsonl");
    let named = |name: &str| repaired.replace("events.jsonl", name);
    assert_ne!(named("x"), repaired);
    let dotted = repaired.clone() + &named("./events.jsonl") + &named(".//events.jsonl");
    sandbox.write("dotted.jsonl", dotted);
    let run = replay(&sandbox, &["dotted.jsonl"], 0);
    run.expect_stderr("replayed  1 event")
        .expect_stderr("repeated  2");
    sandbox.write("absolute.jsonl", named("/data/events.jsonl"));
    let expected = "is of an event of /data/events.jsonl with the text, line and offset of one of events.jsonl that was replayed before";
    expect_refused(&sandbox, &["absolute.jsonl"], 1, expected);
    let args = ["absolute.jsonl", "--allow-same-text"];
    replay(&sandbox, &args, 0).expect_stderr("replayed  1 event");
}

#[test]
fn other_options_than_before_are_refused() {
    let sandbox = small();
    let before = sandbox.csv();
    replay(&sandbox, &["repaired.jsonl"], 0);
    for (options, expected) in [
        (
            ["--from", "2024-01-01"],
            "with --from none, and this replay has 2024-01-01",
        ),
        (["--to", "2024-01-01"], "with --to none"),
        (["--purchase-type", "sale"], "with --purchase-type "),
        (["--amount-field", "price"], "with --amount-field "),
    ] {
        let args = [&["rejects.jsonl"], &options[..]].concat();
        expect_refused(&sandbox, &args, 2, expected);
        let args = [&["rejects.jsonl", "-n"], &options[..]].concat();
        expect_refused(&sandbox, &args, 2, expected);
    }
    // A result that was made anew has nothing of the old options in it.
    sandbox.write(RESULT, before);
    let args = ["repaired.jsonl", "--from", "2024-01-01"];
    replay(&sandbox, &args, 0).expect_stderr("replayed  1 event");
    let head = sandbox.text(RECORD);
    assert!(
        head.contains("\"result\":\"file\",\"from\":\"2024-01-01\","),
        "{head}"
    );
    replay(&sandbox, &args, 0).expect_stderr("already  1");
    expect_refused(
        &sandbox,
        &["repaired.jsonl"],
        2,
        "with --from 2024-01-01, and this replay has none",
    );
}

#[test]
fn a_file_in_the_place_of_the_lock_is_left_alone() {
    let sandbox = small();
    let lock = format!("{RECORD}.lock");
    for option in ["--summary", "--rest"] {
        let args = ["repaired.jsonl", option, &lock];
        expect_refused(&sandbox, &args, 2, "the lock of replays and ");
    }
    fs::rename(sandbox.path("repaired.jsonl"), sandbox.path(&lock)).unwrap();
    expect_refused(&sandbox, &[&lock], 2, "the lock of replays at /");
    let expected = "daily_user_stats.csv.replayed.lock is where the lock of a replay is to be, and it is something else";
    expect_refused(&sandbox, &["rejects.jsonl"], 1, expected);
    // What a killed replay has left is taken over.
    fs::rename(sandbox.path(&lock), sandbox.path("repaired.jsonl")).unwrap();
    sandbox.write(&lock, "123456789\n");
    replay(&sandbox, &["repaired.jsonl"], 0).expect_stderr("replayed  1 event");
    assert!(!sandbox.path(&lock).exists());
}

#[test]
fn standard_input_and_output_take_part() {
    let sandbox = small();
    let mut command = sandbox.program();
    let file = fs::File::open(sandbox.path("rejects.jsonl")).unwrap();
    command
        .args(["replay", "-", "--rest", "-", "--summary", "-", "-q"])
        .stdin(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = json_lines(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(text_of(&lines[0], "reason"), "invalid_user_id");
    assert_eq!(text_of(&lines[1], "status"), "nothing_new");
    assert_eq!(lines[1]["rejects_read"], json!(["-"]));
    // A pipe, as of jq.
    let mut command = sandbox.program();
    command
        .args(["replay", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&sandbox.read("repaired.jsonl")).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(sandbox.csv(), format!("{HEADER}2024-01-01,1,2,1,0.10\n"));
}

#[test]
fn a_signal_stops_it_and_nothing_is_left() {
    let sandbox = small();
    let before = snapshot(&sandbox);
    let mut command = sandbox.program();
    command
        .args(["replay", "-", "--rest", "rest.jsonl"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It waits for more.
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&sandbox.read("repaired.jsonl")).unwrap();
    let lock = sandbox.path(format!("{RECORD}.lock"));
    let begin = Instant::now();
    while !lock.exists() {
        assert!(
            begin.elapsed() < Duration::from_mins(1),
            "it does not begin"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(pipe);
    assert_eq!(output.status.code(), Some(143));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "error: stopped by a request to end (SIGTERM)\n");
    assert_eq!(snapshot(&sandbox), before);
}

/// Files that have something wrong with them, each something else.
fn with_faults() -> Sandbox {
    let sandbox = small();
    let good = sandbox.text("repaired.jsonl");
    for (name, text) in [
        ("csv.jsonl", format!("{good}date,user_id\n")),
        ("log.jsonl", good.replace("\"raw\":", "\"row\":")),
        ("place.jsonl", good.replace("\"line\":2", "\"line\":0")),
        (
            "object.jsonl",
            good.replace("\"raw\":\"", "\"raw\":{},\"x\":\""),
        ),
        ("two.jsonl", good.clone() + &good.replace("0.1", "0.3")),
    ] {
        sandbox.write(name, text);
    }
    let most = format!("{HEADER}2024-01-01,1,18446744073709551615,1,0.10\n");
    sandbox.write("most.csv", most);
    let rich = format!("{HEADER}2024-01-01,1,1,1,99999999999999999999.99\n");
    sandbox.write("rich.csv", rich);
    sandbox.write("edited.csv", format!("{HEADER}2024-01-01,1,1,0,0.0\n"));
    sandbox.write("lines.jsonl", "{\"date\":\"2024-01-01\"}\n");
    sandbox.write("bad.csv", HEADER);
    sandbox.write("bad.csv.replayed", "{}\n");
    sandbox.write("new.csv", HEADER);
    sandbox.write(
        "new.csv.replayed",
        "{\"format\":\"daytally replayed\",\"version\":9}\n",
    );
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox
}

/// Replays in vain.
#[track_caller]
fn expect_refused(sandbox: &Sandbox, args: &[&str], code: i32, expected: &str) {
    let before = snapshot(sandbox);
    replay(sandbox, args, code).expect_stderr(expected);
    assert_eq!(snapshot(sandbox), before, "{args:?}");
}

#[test]
fn lines_that_are_no_rejects_leave_all_as_it_was() {
    let sandbox = with_faults();
    for (file, expected) in [
        ("csv.jsonl", "line 2 of /"),
        (
            "csv.jsonl",
            "csv.jsonl is no line of a rejects file: expected value at column 1",
        ),
        ("log.jsonl", "log.jsonl has neither raw nor raw_base64"),
        ("place.jsonl", "whole number from 1"),
        ("object.jsonl", "in jq, tojson"),
        ("two.jsonl", "line 2 of /"),
        ("two.jsonl", "two.jsonl is of the same event as line 1 of /"),
        ("missing.jsonl", "missing.jsonl: no such file"),
    ] {
        expect_refused(&sandbox, &[file], 1, expected);
    }
}

#[test]
fn results_that_cannot_be_added_to_stay_as_they_are() {
    let sandbox = with_faults();
    for (into, code, expected) in [
        ("missing.csv", 1, "missing.csv: no such file"),
        ("-", 2, "- is no place for that"),
        ("/dev/null", 2, "is a pipe or a device"),
        ("empty", 2, "a folder without any day"),
        (
            "lines.jsonl",
            2,
            "is JSON Lines, and events can be replayed only into csv",
        ),
        ("most.csv", 1, "2^64 or more in event_count"),
        ("rich.csv", 1, "totals have to stay below 10^20"),
        ("edited.csv", 1, "line 2 of /"),
        (
            "bad.csv",
            1,
            "bad.csv.replayed is damaged: it does not start as a record",
        ),
        ("new.csv", 1, "is of version 9 of the record's format"),
    ] {
        expect_refused(
            &sandbox,
            &["repaired.jsonl", "--into", into],
            code,
            expected,
        );
    }
}

#[test]
fn wrong_use_is_told_before_anything_is_written() {
    let sandbox = with_faults();
    for (args, expected) in [
        (
            &["repaired.jsonl", "--rest", "repaired.jsonl"][..],
            "would overwrite the input",
        ),
        (&["repaired.jsonl", "--rest", RESULT], "both go to"),
        (
            &["repaired.jsonl", "--rest", RECORD],
            "the record of replays and the rest of the rejects (--rest)",
        ),
        (
            &["repaired.jsonl", "--rest", "x", "--summary", "x"],
            "both go to",
        ),
        (&[RESULT], "the result (--into) at /"),
        (&["-", "-"], "standard input can be read only once"),
        (&[""], "the name of an input is empty"),
        (&[], "<REJECTS>"),
        (
            &[
                "repaired.jsonl",
                "--from",
                "2024-02-01",
                "--to",
                "2024-01-01",
            ],
            "--from is after --to",
        ),
    ] {
        expect_refused(&sandbox, args, 2, expected);
    }
    let nowhere = ["repaired.jsonl", "--rest", "none/rest.jsonl"];
    expect_refused(&sandbox, &nowhere, 1, "none/rest.jsonl: no such file");
    // Into the days of the result nothing else goes.
    let args = ["-q", "--partition-by", "date", "-o", "days"];
    sandbox.aggregate(args).expect_code(0);
    let inside = "days/date=2024-01-01/daily_user_stats.csv";
    let args = ["repaired.jsonl", "--into", "days", "--rest", inside];
    expect_refused(&sandbox, &args, 2, "the day 2024-01-01");
}

/// An event, and when it is right: from the start, or after that many rounds.
fn events() -> impl Strategy<Value = Vec<(String, usize)>> {
    let event = (1..4_u8, 1..4_u8, 0..400_u32, 0..5_usize).prop_map(|(user, day, cents, right)| {
        let line = match cents {
            0 => format!(r#"{{"user_id":{user},"event_type":"view","timestamp":"2024-01-0{day}T01:02:03Z"}}"#),
            _ => format!(
                r#"{{"user_id":{user},"event_type":"purchase","timestamp":"2024-01-0{day}T01:02:03Z","amount":0.{cents:03}}}"#
            ),
        };
        (line, right.saturating_sub(1))
    });
    proptest::collection::vec(event, 1..25)
}

proptest! {
    #![proptest_config(proptest_config(10))]

    /// However the repairs are divided into rounds, and in whatever order they come: the same bytes as of one
    /// run over what is right.
    #[test]
    fn rounds_of_repairs_come_to_one_run(
        events in events(),
        by_day: bool,
        is_backwards: bool,
        goes_through_rest: bool,
    ) {
        let right: Vec<Vec<u8>> = events.iter().map(|(line, _)| line.clone().into_bytes()).collect();
        let case = Case::new(right, |at| events[at].1 > 0);
        let (output, options): (_, &[&str]) = if by_day {
            ("days", &["--partition-by", "date"])
        } else {
            (RESULT, &[])
        };
        let expected = case.aggregate(options, output);
        // There has to be a day.
        prop_assume!(!case.result(output).is_empty());
        let mut rest = case.rejects();
        for round in 1..=4 {
            let mut now: Vec<Value> = Vec::new();
            for reject in &rest {
                let at = usize::try_from(number_of(reject, "line")).unwrap() - 1;
                let is_due = events[at].1 <= round;
                if is_due {
                    now.push(case.repaired(reject));
                } else if goes_through_rest {
                    now.push(reject.clone());
                }
            }
            if is_backwards {
                now.reverse();
            }
            case.write("now.jsonl", &now);
            replay(&case.sandbox, &["now.jsonl", "--into", output, "--rest", "rest.jsonl"], 0);
            if goes_through_rest {
                rest = json_lines(&case.sandbox.text("rest.jsonl"));
            }
        }
        prop_assert_eq!(case.result(output), expected);
    }
}
