//! Incremental runs: `--state`, and `daytally state`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, json_lines, purchase, snapshot};

/// Long enough for a file's date to tell what is written after it from what was written before.
const TICK: Duration = Duration::from_millis(30);

/// Runs with the state, from the folder `in`, and gives the summary.
fn run(sandbox: &Sandbox, args: &[&str]) -> (Run, Value) {
    thread::sleep(TICK);
    let run = sandbox.aggregate(
        [
            &["in", "--state=state", "--output=with.csv", "--quiet"][..],
            &["--rejects=with.rejects", "--summary=-"],
            args,
        ]
        .concat(),
    );
    let summary = if run.code == Some(0) {
        serde_json::from_slice(&run.stdout).unwrap()
    } else {
        Value::Null
    };
    (run, summary)
}

/// The same without a state: what has to come out.
fn run_without(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.aggregate(
        [
            &["in", "--output=without.csv", "--quiet"][..],
            &["--rejects=without.rejects", "--summary=-"],
            args,
        ]
        .concat(),
    );
    run.expect_code(0);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// What is the same of two summaries, whether or not there was a state.
fn common(summary: &Value) -> Value {
    let mut summary = summary.clone();
    let object = summary.as_object_mut().unwrap();
    for key in [
        "elapsed_seconds",
        "bytes_per_second",
        "state",
        "rejects",
        "rejects_unchanged",
    ] {
        object.remove(key);
    }
    let output = object["output"].as_object_mut().unwrap();
    output.remove("path");
    output.remove("unchanged");
    for input in object["inputs"].as_array_mut().unwrap() {
        input.as_object_mut().unwrap().remove("source");
    }
    summary
}

/// Runs with and without the state, and compares all they give. Returns how many inputs were new, changed,
/// grown and kept.
#[track_caller]
fn compare(sandbox: &Sandbox, args: &[&str], args_without: &[&str]) -> [u64; 4] {
    let (with, summary) = run(sandbox, args);
    with.expect_code(0);
    let expected = run_without(sandbox, args_without);
    assert_eq!(sandbox.text("with.csv"), sandbox.text("without.csv"));
    assert_eq!(
        sandbox.text("with.rejects"),
        sandbox.text("without.rejects")
    );
    assert_eq!(common(&summary), common(&expected));
    let count = |name: &str| summary["state"][name].as_u64().unwrap();
    ["new", "changed", "grown", "kept"].map(count)
}

fn sandbox_with(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("in")).unwrap();
    for (name, text) in files {
        sandbox.write(Path::new("in").join(name), text);
    }
    sandbox
}

fn append(sandbox: &Sandbox, name: &str, bytes: impl AsRef<[u8]>) {
    let path = sandbox.path("in").join(name);
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

#[test]
fn only_what_is_new_changed_or_grown_is_read() {
    let line = format!("{CLICK}\n");
    let sandbox = sandbox_with(&[("a.jsonl", &line), ("b.jsonl", "x\n"), ("c.jsonl", "")]);
    assert_eq!(compare(&sandbox, &[], &[]), [3, 0, 0, 0]);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 3]);
    append(
        &sandbox,
        "a.jsonl",
        format!("{}\ny\n", purchase("1", "0.1")),
    );
    sandbox.write("in/b.jsonl", "z\n");
    sandbox.write("in/d.jsonl", &line);
    assert_eq!(compare(&sandbox, &[], &[]), [1, 1, 1, 1]);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 4]);
    // One that is shorter is another.
    sandbox.write("in/a.jsonl", "");
    assert_eq!(compare(&sandbox, &[], &[]), [0, 1, 0, 3]);
    append(&sandbox, "a.jsonl", CLICK);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 1, 3]);
}

/// A line that is not finished is counted as it is, and taken back when more of it comes.
#[test]
fn an_unfinished_line_is_read_again_when_it_goes_on() {
    let bought = purchase("18446744073709551615", "999999999999999.123456789012345678");
    for (first, then) in [
        // Invalid, then valid.
        (&CLICK[..20], &CLICK[20..]),
        // Valid, then invalid, then two.
        (CLICK, "}"),
        (CLICK, "\n{}\n"),
        (&bought, " "),
        (&bought, "x\n"),
        // Blank, then something.
        ("  \r", CLICK),
        ("\u{feff}", CLICK),
        ("\u{feff} ", CLICK),
        ("", CLICK),
        // In the middle of a character.
        ("{\"a\":\"\u{e9}\"", "}\n"),
    ] {
        for before in ["", "x\n", CLICK] {
            let before = if before.is_empty() {
                String::new()
            } else {
                format!("{before}\n")
            };
            let sandbox = sandbox_with(&[("a.jsonl", &format!("{before}{first}"))]);
            assert_eq!(compare(&sandbox, &[], &[]), [1, 0, 0, 0], "{first}");
            append(&sandbox, "a.jsonl", then);
            let [_, changed, grown, _] = compare(&sandbox, &[], &[]);
            assert_eq!(changed + grown, 1, "{first}");
            append(&sandbox, "a.jsonl", CLICK);
            compare(&sandbox, &[], &[]);
            append(&sandbox, "a.jsonl", "\n");
            compare(&sandbox, &[], &[]);
            assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 1], "{first}");
        }
    }
    // One that is too long to be kept.
    let sandbox = sandbox_with(&[("a.jsonl", &format!("{CLICK}\n{CLICK}      "))]);
    let limit = &["--max-line-bytes=75"];
    compare(&sandbox, limit, limit);
    append(&sandbox, "a.jsonl", "      ");
    assert_eq!(compare(&sandbox, limit, limit), [0, 0, 1, 0]);
    append(&sandbox, "a.jsonl", "\n");
    assert_eq!(compare(&sandbox, limit, limit), [0, 0, 1, 0]);
}

/// Lines of all kinds.
fn lines(random: &mut Xoshiro256PlusPlus, count: u64) -> String {
    let mut text = String::new();
    for _ in 0..count {
        let user = random.next_u64() % 50;
        let day = 1 + random.next_u64() % 28;
        let line = match random.next_u64() % 8 {
            0 => "not json".to_owned(),
            1 => " \r".to_owned(),
            2 => purchase(&user.to_string(), "0.000000000000000001"),
            _ => format!(
                r#"{{"user_id":{user},"event_type":"click","timestamp":"2024-02-{day:02}T10:00:00Z","x":"{}"}}"#,
                "y".repeat(usize::try_from(random.next_u64() % 200).unwrap())
            ),
        };
        text += &line;
        text.push('\n');
    }
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Whatever happens to the inputs, the state gives what a run without gives: with any threads, chunks and
/// memory.
#[test]
fn after_any_history_the_result_is_that_of_a_full_run() {
    for seed in 0..6 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let sandbox = sandbox_with(&[]);
        let mut below = |n: u64| random.next_u64() % n;
        let mut source = Xoshiro256PlusPlus::seed_from_u64(1000 + seed);
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut text = |n: u64| lines(&mut source, n).into_bytes();
        files.insert("first.jsonl".into(), text(5));
        for step in 0..8 {
            for _ in 0..=below(3) {
                let names: Vec<String> = files.keys().cloned().collect();
                let name = names[usize::try_from(below(names.len() as u64)).unwrap()].clone();
                let is_compressed = name.contains(".gz");
                let new = format!("{step}{}.jsonl", below(10));
                match below(8) {
                    0 => {
                        files.insert(new, text(100));
                    }
                    // Large enough to be mapped.
                    1 => {
                        files.insert(new, text(15_000));
                    }
                    2 => {
                        files.insert(format!("{new}.gz"), gzip(&text(3000)));
                    }
                    3 if files.len() > 1 => {
                        files.remove(&name);
                    }
                    4 if !is_compressed => {
                        let content = files.get_mut(&name).unwrap();
                        let len = usize::try_from(below(content.len() as u64 + 1)).unwrap();
                        content.truncate(len);
                    }
                    5 => {
                        files.insert(
                            name,
                            if is_compressed {
                                gzip(&text(10))
                            } else {
                                text(50)
                            },
                        );
                    }
                    _ if is_compressed => {
                        let more = gzip(&text(20));
                        files.get_mut(&name).unwrap().extend(more);
                    }
                    // At the end, also within a line.
                    _ => {
                        let mut more = text(1 + below(6000));
                        more.truncate(
                            more.len() - usize::try_from(below(60)).unwrap().min(more.len()),
                        );
                        files.get_mut(&name).unwrap().extend(more);
                    }
                }
            }
            for entry in fs::read_dir(sandbox.path("in")).unwrap() {
                let entry = entry.unwrap();
                if !files.contains_key(entry.file_name().to_str().unwrap()) {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
            for (name, content) in &files {
                let path = sandbox.path("in").join(name);
                let there = fs::read(&path).unwrap_or_default();
                if there.len() < content.len() && content.starts_with(&there) && path.exists() {
                    append(&sandbox, name, &content[there.len()..]);
                } else if there != *content || !path.exists() {
                    fs::write(&path, content).unwrap();
                }
            }
            let threads = format!("--threads={}", 1 + below(4));
            let chunks = format!(
                "--chunk-size={}",
                [1000, 70_000, 4 << 20][usize::try_from(below(3)).unwrap()]
            );
            let memory =
                ["--memory-limit=200MiB", "--memory-limit=50%"][usize::try_from(below(2)).unwrap()];
            let mut args = vec!["--forget-missing", &threads, &chunks, memory];
            let dates = ["--from=2024-02-05", "--to=2024-02-20"];
            let used: &[&str] = match below(4) {
                0 => &dates,
                1 => &dates[..1],
                2 => &dates[1..],
                _ => &[],
            };
            args.extend(used);
            if below(5) == 0 {
                args.push("--verify=full");
            }
            compare(&sandbox, &args, used);
            let checked = sandbox.run(["state", "state", "--check"]);
            checked.expect_code(0);
            assert!(checked.stdout_text().contains("adds up"), "{checked:?}");
        }
    }
}

#[test]
fn totals_that_take_many_pieces_survive() {
    let line = format!("{}\n", purchase("7", "999999999999999.999999999999999999"));
    let sandbox = sandbox_with(&[
        ("a.jsonl", &line.repeat(40_000)),
        ("b.jsonl", &line.repeat(50_000)),
    ]);
    assert_eq!(compare(&sandbox, &[], &[]), [2, 0, 0, 0]);
    assert!(
        sandbox
            .text("with.csv")
            .contains(",90000,90000,8999999999999999")
    );
    append(&sandbox, "a.jsonl", line.repeat(9_000));
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 1, 1]);
    // Together more than any total may be.
    append(&sandbox, "a.jsonl", line.repeat(2_000));
    let before = sandbox.text("with.csv");
    let (with, _) = run(&sandbox, &[]);
    with.expect_code(1)
        .expect_stderr("user 7 on 2024-01-01 is 10");
    assert_eq!(sandbox.text("with.csv"), before);
    // More than can be counted at all, and then not.
    append(&sandbox, "a.jsonl", line.repeat(300_000));
    run(&sandbox, &[])
        .0
        .expect_code(1)
        .expect_stderr("more than");
    append(&sandbox, "a.jsonl", "x");
    run(&sandbox, &[])
        .0
        .expect_code(1)
        .expect_stderr("more than");
    sandbox.write("in/a.jsonl", &line);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 1, 0, 1]);
}

#[test]
fn what_is_missing_is_an_error_unless_it_is_to_be_forgotten() {
    let line = format!("{CLICK}\n");
    let sandbox = sandbox_with(&[("a.jsonl", &line), ("b.jsonl", &line), ("c.jsonl", &line)]);
    compare(&sandbox, &[], &[]);
    fs::remove_file(sandbox.path("in/b.jsonl")).unwrap();
    fs::rename(sandbox.path("in/c.jsonl"), sandbox.path("c.old")).unwrap();
    sandbox.write("in/d.jsonl", &line);
    let before = snapshot(&sandbox);
    let (with, _) = run(&sandbox, &[]);
    with.expect_code(1)
        .expect_stderr("/in/b.jsonl, ")
        .expect_stderr(
            "/in/c.jsonl, which are not among the inputs (2 no longer there, 0 not named)",
        )
        .expect_stderr("--forget-missing");
    assert_eq!(snapshot(&sandbox), before);
    let run_of_a = sandbox.aggregate(["in/a.jsonl", "--state=state", "--output=with.csv"]);
    run_of_a
        .expect_code(1)
        .expect_stderr("(2 no longer there, 0 not named)");
    let (with, summary) = run(&sandbox, &["--forget-missing"]);
    with.expect_code(0);
    assert_eq!(summary["state"]["forgotten"], 2);
    run_without(&sandbox, &[]);
    assert_eq!(sandbox.text("with.csv"), sandbox.text("without.csv"));
    // It is no longer asked for.
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 2]);
    let rows = sandbox.run(["state", "state", "--json"]);
    assert_eq!(json_lines(rows.stdout_text()).len(), 2);
}

#[test]
fn all_bytes_are_compared_where_that_is_asked_for() {
    let line = format!("{CLICK}\n");
    let text = line.repeat(6000);
    let sandbox = sandbox_with(&[("a.jsonl", &text)]);
    let path = sandbox.path("in/a.jsonl");
    thread::sleep(TICK);
    assert_eq!(compare(&sandbox, &[], &[]), [1, 0, 0, 0]);
    // No hash of all bytes was kept.
    let full = &["--verify=full"];
    assert_eq!(compare(&sandbox, full, &[]), [0, 1, 0, 0]);
    assert_eq!(compare(&sandbox, full, &[]), [0, 0, 0, 1]);
    // Another date does not matter then.
    let touch = |date| {
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(date).unwrap();
    };
    let date = fs::metadata(&path).unwrap().modified().unwrap();
    touch(SystemTime::now() - Duration::from_secs(1000));
    assert_eq!(compare(&sandbox, full, &[]), [0, 0, 0, 1]);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 1, 0, 0]);
    compare(&sandbox, full, &[]);
    touch(date);
    compare(&sandbox, full, &[]);
    // A change between the samples, by somebody who puts the date back.
    let mut changed = text.clone().into_bytes();
    changed[line.len() * 2000 + 11] = b'2';
    fs::write(&path, &changed).unwrap();
    touch(date);
    let (with, summary) = run(&sandbox, full);
    with.expect_code(0);
    assert_eq!(summary["state"]["changed"], 1);
    run_without(&sandbox, &[]);
    assert_eq!(sandbox.text("with.csv"), sandbox.text("without.csv"));
}

#[test]
fn rejects_that_were_not_kept_are_found_again() {
    let sandbox = sandbox_with(&[("a.jsonl", "x\n"), ("b.jsonl", &format!("{CLICK}\n"))]);
    thread::sleep(TICK);
    let plain = ["in", "--state=state", "--output=with.csv", "--quiet"];
    sandbox.aggregate(plain).expect_code(0);
    // The one without rejects need not be read.
    assert_eq!(compare(&sandbox, &[], &[]), [0, 1, 0, 1]);
    // From then on they are kept.
    append(&sandbox, "a.jsonl", "y\n");
    thread::sleep(TICK);
    sandbox.aggregate(plain).expect_code(0);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 2]);
    // Lost by somebody.
    for entry in fs::read_dir(sandbox.path("state")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "rejects")
        {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(compare(&sandbox, &[], &[]), [0, 1, 0, 1]);
}

/// The days in the output folder, each with when its file was last written to.
fn days(sandbox: &Sandbox, folder: &str) -> BTreeMap<String, SystemTime> {
    let days = fs::read_dir(sandbox.path(folder)).unwrap();
    days.map(|day| {
        let day = day.unwrap();
        let file = day.path().join("daily_user_stats.csv");
        let modified = fs::metadata(file).unwrap().modified().unwrap();
        (day.file_name().into_string().unwrap(), modified)
    })
    .collect()
}

/// With days as partitions, those are taken away whose events are gone, and no others.
#[test]
fn days_whose_events_are_gone_are_taken_away() {
    let line = |day: u32| {
        format!(r#"{{"user_id":1,"event_type":"click","timestamp":"2024-03-{day:02}T10:00:00Z"}}"#)
            + "\n"
    };
    let sandbox = sandbox_with(&[
        ("a.jsonl", &(line(1) + &line(2))),
        ("b.jsonl", &(line(2) + &line(3) + &line(4))),
    ]);
    // Of somebody else.
    fs::create_dir_all(sandbox.path("days/date=2024-03-09")).unwrap();
    sandbox.write("days/date=2024-03-09/daily_user_stats.csv", "");
    let run_to = |folder: &str, args: &[&str]| {
        thread::sleep(TICK);
        let output = format!("--output={folder}");
        let run = sandbox.aggregate(
            [
                &["in", "--state=state", "--partition-by=date", "--quiet"][..],
                &[output.as_str(), "--summary=-", "--forget-missing"],
                args,
            ]
            .concat(),
        );
        run.expect_code(0);
        let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
        let changes = &summary["output"]["days"];
        let list = |name: &str| {
            let days = changes[name].as_array().unwrap();
            days.iter()
                .map(|day| day.as_str().unwrap()[8..].to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        format!(
            "{} | {} | {} | {}",
            list("added"),
            list("changed"),
            changes["unchanged"],
            list("removed")
        )
    };
    let run = |args: &[&str]| run_to("days", args);
    assert_eq!(run(&[]), "01 02 03 04 |  | 0 | ");
    let first = days(&sandbox, "days");
    assert_eq!(run(&[]), " |  | 4 | ");
    assert_eq!(days(&sandbox, "days"), first);
    // What is not asked for stays.
    fs::remove_file(sandbox.path("in/b.jsonl")).unwrap();
    assert_eq!(run(&["--to=2024-03-03"]), " | 02 | 1 | 03");
    assert_eq!(run(&["--from=2024-03-02"]), " |  | 1 | 04");
    assert_eq!(run(&[]), " |  | 2 | ");
    let last = days(&sandbox, "days");
    assert_eq!(
        last.keys().map(String::as_str).collect::<Vec<_>>(),
        ["date=2024-03-01", "date=2024-03-02", "date=2024-03-09"]
    );
    assert_eq!(last["date=2024-03-01"], first["date=2024-03-01"]);
    // Each folder has its own.
    sandbox.write("in/a.jsonl", line(1));
    assert_eq!(run_to("others", &[]), "01 |  | 0 | ");
    assert_eq!(run(&[]), " |  | 1 | 02");
    // It is under a checksum as everything.
    let mut text = sandbox.read("state/published-days");
    text[20] ^= 1;
    sandbox.write("state/published-days", &text);
    let checked = sandbox.run(["state", "state", "--check"]);
    checked
        .expect_code(1)
        .expect_stderr("published-days is damaged");
}

#[test]
fn too_many_invalid_events_are_those_of_all_inputs() {
    let sandbox = sandbox_with(&[("a.jsonl", "x\ny\n")]);
    let (with, _) = run(&sandbox, &["--max-invalid=1"]);
    with.expect_code(3);
    // Nothing of it has to be read again.
    let (with, _) = run(&sandbox, &["--max-invalid=1"]);
    with.expect_code(3);
    assert_eq!(compare(&sandbox, &["--max-invalid=2"], &[]), [0, 0, 0, 1]);
}

#[test]
fn inputs_are_regular_files_and_each_is_one() {
    let sandbox = sandbox_with(&[("a.jsonl", CLICK)]);
    for (args, needle) in [
        (&["-"][..], "- is not a regular file"),
        (&["/dev/null"], "/dev/null is not a regular file"),
        (&["/proc/self/status"], "/status is not a regular file"),
        (&["in", "--allow-duplicates"], "--allow-duplicates"),
        (&["in", "in/a.jsonl"], "is an input twice"),
    ] {
        let run = sandbox.aggregate([&["--state=state"], args].concat());
        run.expect_code(2).expect_stderr(needle);
        assert!(!sandbox.path("daily_user_stats.csv").exists());
    }
    let run = sandbox.aggregate(["in", "--forget-missing"]);
    run.expect_code(2)
        .expect_stderr("--forget-missing is about the state");
    let run = sandbox.aggregate(["in", "--verify=full"]);
    run.expect_code(2)
        .expect_stderr("--verify is about the state");
}

#[test]
fn a_state_is_not_made_in_a_folder_of_something_else() {
    let sandbox = sandbox_with(&[("a.jsonl", CLICK)]);
    let before = sandbox.read("in/a.jsonl");
    for (folder, code, needle) in [
        ("in", 2, "/in is not a state of daytally's"),
        ("in/a.jsonl", 1, "a.jsonl"),
        ("none/state", 1, "/none/state: no such file or folder"),
    ] {
        let run = sandbox.aggregate(["in", "--state", folder]);
        run.expect_code(code).expect_stderr(needle);
        let run = sandbox.run(["state", folder]);
        run.expect_code(code).expect_stderr("error: ");
    }
    assert_eq!(fs::read_dir(sandbox.path("in")).unwrap().count(), 1);
    assert_eq!(sandbox.read("in/a.jsonl"), before);
    // An empty folder is nobody's.
    fs::create_dir(sandbox.path("state")).unwrap();
    sandbox.run(["state", "state"]).expect_code(2);
    assert_eq!(compare(&sandbox, &[], &[]), [1, 0, 0, 0]);
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(sandbox.path(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("state/daytally-state"), mode("with.csv"));
}

#[test]
fn a_state_of_other_rules_or_another_version_is_refused() {
    let sandbox = sandbox_with(&[("a.jsonl", CLICK)]);
    compare(&sandbox, &[], &[]);
    let (with, _) = run(&sandbox, &["--max-line-bytes=1000"]);
    with.expect_code(2)
        .expect_stderr("was made with --max-line-bytes 16777216, and this run has 1000");
    let mark = sandbox.text("state/daytally-state");
    let json = mark.lines().next().unwrap();
    for (from, to, code, needle) in [
        (
            "\"version\":1",
            "\"version\":3",
            1,
            "is of version 3 of the state's format, and this program knows version 2",
        ),
        (
            "\"version\":1",
            "\"version\":2",
            1,
            "daytally-state is damaged: its version is not that of what it says",
        ),
        (
            "\"rules\":1",
            "\"rules\":7",
            2,
            "was made with the rules of version 7, and this run has 1",
        ),
        (
            "daytally state",
            "something",
            1,
            "it is the mark of something else",
        ),
        ("{", "", 1, "daytally-state is damaged"),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json);
        let checksum = crc32fast::hash(changed.as_bytes());
        sandbox.write(
            "state/daytally-state",
            format!("{changed}\n{checksum:08x}\n"),
        );
        run(&sandbox, &[]).0.expect_code(code).expect_stderr(needle);
        sandbox
            .run(["state", "state"])
            .expect_code(code)
            .expect_stderr(needle);
    }
    // A number that was not so when it was written.
    sandbox.write(
        "state/daytally-state",
        mark.replacen("16777216", "16777212", 1),
    );
    let (with, _) = run(&sandbox, &[]);
    with.expect_code(1)
        .expect_stderr("its checksum is another")
        .expect_stderr("delete the folder, and everything will be read again");
    sandbox.write("state/daytally-state", mark);
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 1]);
}

/// Where an input is between being named and being looked at again, the plan is for what was named.
#[test]
fn an_input_that_is_written_over_while_a_run_starts() {
    let line = format!("{CLICK}\n");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let write = |lines: usize| {
        fs::write(&log, line.repeat(lines)).unwrap();
        thread::sleep(TICK);
    };
    let pipeline = daytally::Pipeline::new(daytally::Options::default()).unwrap();
    let settings = daytally::state::Settings::default();
    let state = daytally::state::State::open(&folder.path().join("state"), settings).unwrap();
    let aggregate = |input| {
        let how = daytally::Incremental::default();
        pipeline.aggregate_with(vec![input], &state, how, &mut ())
    };
    write(10);
    let input = || daytally::Input::open(&log).unwrap();
    assert_eq!(aggregate(input()).unwrap().books.valid, 10);
    for lines in [0, 5] {
        // As a program that copies a file: emptied, named by a run, and only then written.
        write(lines);
        let named = input();
        write(12);
        match aggregate(named) {
            Ok(outcome) => assert!([lines as u64, 12].contains(&outcome.books.valid)),
            Err(error) => assert!(error.to_string().contains("changed while"), "{error}"),
        }
        assert_eq!(aggregate(input()).unwrap().books.valid, 12);
        write(10);
        assert_eq!(aggregate(input()).unwrap().books.valid, 10);
    }
}

#[test]
fn many_inputs_need_few_open_files() {
    let sandbox = sandbox_with(&[]);
    for file in 0..400 {
        sandbox.write(format!("in/{file}.jsonl"), format!("{CLICK}\nx\n"));
    }
    for files in ["64", "256"] {
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "ulimit -n $1; shift; exec \"$@\"", "sh", files])
            .arg(sandbox.program().get_program())
            .args(["aggregate", "in", "-q", "-j4", "--rejects=r.jsonl"])
            .args(["--state", &format!("state{files}")])
            .current_dir(sandbox.root())
            .stdin(Stdio::null());
        Run::of(command).expect_code(0);
        assert!(sandbox.csv().ends_with(",1,400,0,0.00\n"));
    }
}

#[test]
fn the_state_is_no_input() {
    let sandbox = sandbox_with(&[("a.jsonl", &format!("{CLICK}\n"))]);
    for _ in 0..2 {
        thread::sleep(TICK);
        let run = sandbox.aggregate(["in", "--state=in/state", "--max-invalid=0", "-q"]);
        run.expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
    let run = sandbox.aggregate(["in/**", "--state=in/state"]);
    run.expect_code(2)
        .expect_stderr("the state (--state) at ")
        .expect_stderr("would overwrite the input ");
}

#[test]
fn a_pipe_in_the_place_of_an_input_is_not_waited_for() {
    let sandbox = sandbox_with(&[("a.jsonl", CLICK)]);
    compare(&sandbox, &[], &[]);
    let path = sandbox.path("in/a.jsonl");
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    let shown = sandbox.run(["state", "state"]);
    shown.expect_code(0);
    assert!(shown.stdout_text().contains("changed"), "{shown:?}");
    let run = sandbox.aggregate(["in/a.jsonl", "--state=state"]);
    run.expect_code(2)
        .expect_stderr("in/a.jsonl is not a regular file");
}

/// Whatever way leads to an input, it is the same.
#[test]
fn inputs_are_known_by_where_they_are() {
    let sandbox = sandbox_with(&[("a.jsonl", CLICK)]);
    fs::create_dir(sandbox.path("other")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("in"), sandbox.path("link")).unwrap();
    thread::sleep(TICK);
    let mut sources = Vec::new();
    for (folder, input) in [
        ("", "in/a.jsonl"),
        ("", "link/a.jsonl"),
        ("other", "../in/a.jsonl"),
        ("other", "../other/../link/a.jsonl"),
    ] {
        let mut command = sandbox.program();
        command
            .current_dir(sandbox.path(folder))
            .args(["aggregate", input, "--summary=-", "-q"])
            .arg("--state")
            .arg(sandbox.path("state"));
        let run = Run::of(command);
        run.expect_code(0);
        let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
        sources.push(summary["inputs"][0]["source"].as_str().unwrap().to_owned());
    }
    assert_eq!(sources, ["new", "kept", "kept", "kept"]);
}

fn kept(sandbox: &Sandbox, extension: &str) -> std::path::PathBuf {
    let mut entries = fs::read_dir(sandbox.path("state")).unwrap();
    entries
        .find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|e| e == extension)
                .then_some(path)
        })
        .unwrap()
}

/// Every byte that is another, or missing, is an error, and never another result.
#[test]
fn damage_is_noticed_wherever_it_is() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let sandbox = sandbox_with(&[("a.jsonl", &lines(&mut random, 40))]);
    compare(&sandbox, &[], &[]);
    let result = sandbox.text("with.csv");
    for extension in ["partial", "rejects"] {
        let path = kept(&sandbox, extension);
        let good = fs::read(&path).unwrap();
        let step = good.len() / 80 + 1;
        // All of the numbers at the end, and some of the rest.
        let places = (0..good.len()).filter(|at| at % step == 0 || *at + 48 >= good.len());
        // Where rejects tell what they are of. Those of something else are as good as none: what they
        // are of is read again.
        let generation = good.len() - 48..good.len() - 32;
        for at in places {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, &bad).unwrap();
            let checked = sandbox.run(["state", "state", "--check"]);
            if extension == "rejects" && generation.contains(&at) {
                checked.expect_code(1).expect_stderr("damaged");
                continue;
            }
            let aggregated = run(&sandbox, &[]);
            for failed in [&checked, &aggregated.0] {
                failed.expect_code(1);
                assert!(
                    failed.stderr.contains("damaged") || failed.stderr.contains("of version"),
                    "{at}: {}",
                    failed.stderr
                );
                failed.expect_stderr(path.file_name().unwrap().to_str().unwrap());
            }
            assert_eq!(sandbox.text("with.csv"), result, "{at}");
        }
        for len in [0, 1, 11, 12, 40, good.len() / 2, good.len() - 1] {
            fs::write(&path, &good[..len]).unwrap();
            run(&sandbox, &[]).0.expect_code(1).expect_stderr("damaged");
            sandbox
                .run(["state", "state", "--check"])
                .expect_code(1)
                .expect_stderr("damaged");
        }
        // It says what to do, and that helps.
        fs::remove_file(&path).unwrap();
        let [new, changed, ..] = compare(&sandbox, &[], &[]);
        assert_eq!(new + changed, 1);
    }
    // In another's place.
    let path = kept(&sandbox, "partial");
    fs::rename(
        &path,
        path.with_file_name(format!("{}.partial", "0".repeat(32))),
    )
    .unwrap();
    run(&sandbox, &[])
        .0
        .expect_code(1)
        .expect_stderr("it is of another input than its name says");
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let sandbox = sandbox_with(&[("a.jsonl", &format!("{CLICK}\n"))]);
    let pipe = sandbox.path("pipe");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    // It waits for somebody to read its result.
    let mut first = sandbox
        .program()
        .args(["aggregate", "in", "--state=state", "--output=pipe"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mark = sandbox.path("state/daytally-state");
    while !mark.exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let (second, _) = run(&sandbox, &[]);
    second
        .expect_code(1)
        .expect_stderr(&format!("is in use by process {};", first.id()));
    // Who only looks may.
    sandbox.run(["state", "state", "--check"]).expect_code(0);
    let mut result = String::new();
    File::open(&pipe)
        .unwrap()
        .read_to_string(&mut result)
        .unwrap();
    assert_eq!(result, CLICK_CSV);
    assert!(first.wait().unwrap().success());
    assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 1]);
}

/// What a run had finished stays so, whether it was killed or asked to stop, and nothing else is left.
#[test]
fn a_run_that_was_ended_is_gone_on_with() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let sandbox = sandbox_with(&[]);
        for file in 0..600 {
            let line = format!("{}\nx\n", purchase(&file.to_string(), "0.5"));
            sandbox.write(format!("in/{file:03}.jsonl"), line.repeat(20));
        }
        thread::sleep(TICK);
        let mut run = sandbox
            .program()
            .args(["aggregate", "in", "--state=state", "--output=with.csv"])
            .args(["--rejects=with.rejects", "--quiet", "--threads=2"])
            .spawn()
            .unwrap();
        // Until it has finished some.
        let state = sandbox.path("state");
        let is_partial = |entry: std::io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "partial"))
        };
        while run.try_wait().unwrap().is_none()
            && !fs::read_dir(&state).is_ok_and(|mut entries| entries.any(is_partial))
        {
            thread::sleep(Duration::from_millis(1));
        }
        // It may have ended by then.
        let _ = kill_process(Pid::from_child(&run), signal);
        let status = run.wait().unwrap();
        if !status.success() {
            assert!(!sandbox.path("with.csv").exists());
        }
        let [new, changed, grown, kept] = compare(&sandbox, &[], &[]);
        assert!(kept > 0 || changed > 0, "{new} {changed} {grown} {kept}");
        assert_eq!(new + changed + kept, 600);
        let names = fs::read_dir(&state).unwrap();
        let names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".partial") && !name.ends_with(".rejects"))
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(compare(&sandbox, &[], &[]), [0, 0, 0, 600]);
    }
}

#[test]
fn a_state_can_be_looked_at() {
    let line = format!("{CLICK}\n");
    let sandbox = sandbox_with(&[
        ("a.jsonl", &line),
        ("b\x1b.jsonl", "x\n \n"),
        ("c.jsonl", &line),
    ]);
    sandbox.write("in/d.jsonl.gz", gzip(line.repeat(3).as_bytes()));
    compare(&sandbox, &[], &[]);
    append(&sandbox, "a.jsonl", &line);
    sandbox.write("in/b\x1b.jsonl", "y\n \n");
    fs::remove_file(sandbox.path("in/c.jsonl")).unwrap();
    let shown = sandbox.run(["state", "state"]);
    shown.expect_code(0);
    let root = sandbox.root().to_str().unwrap();
    let expected = format!(
        "now        bytes  valid  invalid  groups       first        last  input\n\
         grown         {len}      1        0       1  2024-01-01  2024-01-01  {root}/in/a.jsonl\n\
         changed        4      0        1       0           -           -  {root}/in/b\\u001b.jsonl\n\
         missing       {len}      1        0       1  2024-01-01  2024-01-01  {root}/in/c.jsonl\n\
         unchanged    {len3}      3        0       1  2024-01-01  2024-01-01  {root}/in/d.jsonl.gz\n\
         all          {all}      5        1       3  2024-01-01  2024-01-01  4 inputs\n",
        len = line.len(),
        len3 = line.len() * 3,
        all = line.len() * 5 + 4,
    );
    assert_eq!(shown.stdout_text(), expected);
    let rows = sandbox.run(["state", "state", "--json", "--check"]);
    let rows = json_lines(rows.stdout_text());
    assert_eq!(rows[3]["compression"], "gzip");
    assert_eq!(rows[1]["lines"], 2);
    assert_eq!(rows[2]["now"], "missing");
    // Nothing of it was changed by looking.
    assert_eq!(sandbox.run(["state", "state"]).stdout_text(), expected);
    for args in [
        &["state"][..],
        &["state", "none"],
        &["state", "state", "--no-such"],
    ] {
        let run = sandbox.run(args);
        assert_ne!(run.code, Some(0));
        run.expect_stderr("error: ");
    }
}
