//! `daytally diff`: what is different between two results, to the digit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use proptest::prelude::*;
use serde_json::Value;

use crate::harness::{
    Run, Sandbox, expect_printable, json_lines, proptest_config, purchase, text_of,
};
use crate::reference::HEADER;

fn result(rows: &[&str]) -> String {
    let rows = rows.iter().map(|row| format!("{row}\n"));
    format!("{HEADER}{}", rows.collect::<String>())
}

/// Runs `daytally diff ARGS` and expects an exit code.
#[track_caller]
fn diff(sandbox: &Sandbox, args: &[&str], code: i32) -> Run {
    let run = sandbox.run(["diff"].iter().chain(args));
    run.expect_code(code);
    run
}

fn two(old: &[&str], new: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("old.csv", result(old));
    sandbox.write("new.csv", result(new));
    sandbox
}

const OLD: [&str; 4] = [
    "2024-01-01,-5,1,0,0.00",
    "2024-01-01,123,2,1,19.99",
    "2024-01-02,7,1,0,0.00",
    "2024-01-03,7,9,9,99999999999999999999.99",
];
const NEW: [&str; 4] = [
    "2024-01-01,-5,1,0,0.00",
    "2024-01-01,123,3,2,24.990000000000000001",
    "2024-01-01,789,1,0,0.00",
    "2024-01-03,7,9,9,99999999999999999999.99",
];

#[test]
fn colours_are_as_everywhere() {
    let sandbox = two(&OLD, &NEW);
    for (color, has_colors) in [("always", true), ("never", false), ("auto", false)] {
        let run = diff(&sandbox, &["old.csv", "new.csv", "--color", color], 1);
        assert_eq!(run.stdout_text().contains('\u{1b}'), has_colors, "{color}");
    }
}

#[test]
fn rows_and_days_are_told_for_people() {
    let sandbox = two(&OLD, &NEW);
    let run = diff(&sandbox, &["old.csv", "new.csv"], 1);
    let root = sandbox.root().display();
    assert_eq!(
        run.stdout_text(),
        format!(
            "       old  {root}/old.csv
       new  {root}/new.csv

~ 2024-01-01  user 123  events 2 → 3  purchases 1 → 2  revenue 19.99 → 24.990000000000000001
+ 2024-01-01  user 789  events 1  purchases 0  revenue 0.00
- 2024-01-02  user 7  events 1  purchases 0  revenue 0.00

day         added  removed  changed  events  purchases                revenue
2024-01-01      1        0        1      +2         +1  +5.000000000000000001
2024-01-02      0        1        0      -1          0                   0.00

      rows  2 same, 1 added, 1 removed, 1 changed
    events  13 → 14 (+1)
 purchases  10 → 11 (+1)
   revenue  100,000,000,000,000,000,019.98 → 100,000,000,000,000,000,024.980000000000000001 (+5.000000000000000001)
"
        )
    );
    assert_eq!(run.stderr, "");
    let run = diff(&sandbox, &["old.csv", "old.csv"], 0);
    assert_eq!(run.stdout_text().lines().nth(2), Some("      same  4 rows"));
    for (args, code) in [
        (["-q", "old.csv", "new.csv"], 1),
        (["-q", "old.csv", "old.csv"], 0),
    ] {
        let run = diff(&sandbox, &args, code);
        assert_eq!((run.stdout_text(), run.stderr.as_str()), ("", ""));
    }
}

#[test]
fn long_listings_are_cut_and_say_so() {
    let rows: Vec<String> = (1..=28)
        .map(|day| format!("2024-01-{day:02},1,1,0,0.00"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = two(&rows, &[]);
    let text = |args: &[&str]| {
        let args = [&["old.csv", "new.csv"], args].concat();
        diff(&sandbox, &args, 1).stdout_text().to_owned()
    };
    let removed = |text: &str| text.lines().filter(|line| line.starts_with("- ")).count();
    let days = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("2024-"))
            .count()
    };
    let short = text(&[]);
    assert_eq!((removed(&short), days(&short)), (10, 20));
    assert!(
        short.contains("… and 18 more rows; -n all shows all"),
        "{short}"
    );
    assert!(
        short.contains("… and 8 more days; --day-rows all shows all"),
        "{short}"
    );
    let all = text(&["-n", "all", "--day-rows=ALL"]);
    assert_eq!((removed(&all), days(&all)), (28, 28));
    assert!(!all.contains('…'), "{all}");
    let none = text(&["--rows=0", "--day-rows=0"]);
    assert_eq!((removed(&none), days(&none)), (0, 0));
    let json = text(&["--json"]);
    assert_eq!(json_lines(&json).len(), 28 + 28 + 1);
    let json = text(&["--json", "-n0", "--day-rows=3"]);
    assert_eq!(json_lines(&json).len(), 3 + 1);
}

#[test]
fn programs_get_json_lines() {
    let sandbox = two(&OLD, &NEW);
    let run = diff(&sandbox, &["--json", "old.csv", "new.csv"], 1);
    let objects = json_lines(run.stdout_text());
    let kinds: Vec<&str> = objects
        .iter()
        .map(|object| text_of(object, "type"))
        .collect();
    assert_eq!(kinds, ["row", "row", "day", "row", "day", "total"]);
    let expected: [Value; 3] = [
        serde_json::json!({
            "type": "row", "change": "changed", "date": "2024-01-01", "user_id": 123,
            "old": {"event_count": 2, "purchase_count": 1, "total_revenue": "19.99"},
            "new": {"event_count": 3, "purchase_count": 2, "total_revenue": "24.990000000000000001"},
        }),
        serde_json::json!({
            "type": "day", "date": "2024-01-02",
            "rows": {"same": 0, "added": 0, "removed": 1, "changed": 0},
            "event_count": {"old": 1, "new": 0, "delta": -1},
            "purchase_count": {"old": 0, "new": 0, "delta": 0},
            "total_revenue": {"old": "0.00", "new": "0.00", "delta": "0.00"},
        }),
        serde_json::json!({
            "type": "total", "same": false,
            "old": sandbox.path("old.csv"), "new": sandbox.path("new.csv"),
            "rows": {"same": 2, "added": 1, "removed": 1, "changed": 1},
            "event_count": {"old": 13, "new": 14, "delta": 1},
            "purchase_count": {"old": 10, "new": 11, "delta": 1},
            "total_revenue": {
                "old": "100000000000000000019.98",
                "new": "100000000000000000024.980000000000000001",
                "delta": "5.000000000000000001",
            },
        }),
    ];
    assert_eq!([&objects[0], &objects[4], &objects[5]], expected.each_ref());
    let run = diff(&sandbox, &["--json", "new.csv", "new.csv"], 0);
    let objects = json_lines(run.stdout_text());
    assert_eq!(
        (objects.len(), &objects[0]["same"]),
        (1, &Value::Bool(true))
    );
}

#[test]
fn folders_of_days_files_compressed_files_and_standard_input_are_all_results() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=3000", "--days=9", "--users=40"]);
    sandbox.write("events.jsonl", &events);
    sandbox.aggregate(["-q", "-o", "all.csv"]).expect_code(0);
    sandbox
        .aggregate(["-q", "-o", "days", "--partition-by=date"])
        .expect_code(0);
    #[cfg(feature = "gzip")]
    {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &sandbox.read("all.csv")).unwrap();
        sandbox.write("all.csv.gz", encoder.finish().unwrap());
        diff(&sandbox, &["all.csv.gz", "days/"], 0);
    }
    diff(&sandbox, &["all.csv", "days"], 0);
    diff(&sandbox, &["days", "days"], 0);
    let mut command = sandbox.program();
    command
        .args(["diff", "-", "days"])
        .stdin(fs::File::open(sandbox.path("all.csv")).unwrap());
    assert_eq!(command.status().unwrap().code(), Some(0));

    // A day that is missing.
    fs::remove_dir_all(sandbox.path("days/date=2024-01-04")).unwrap();
    let run = diff(&sandbox, &["--json", "all.csv", "days"], 1);
    let objects = json_lines(run.stdout_text());
    let of_days: Vec<&str> = objects
        .iter()
        .filter(|object| object["type"] == "day")
        .map(|object| text_of(object, "date"))
        .collect();
    assert_eq!(of_days, ["2024-01-04"]);
    let day = fs::read_to_string(sandbox.path("all.csv")).unwrap();
    let removed = day
        .lines()
        .filter(|row| row.starts_with("2024-01-04,"))
        .count();
    assert_eq!(objects.last().unwrap()["rows"]["removed"], removed);
}

#[test]
fn trouble_is_two_and_names_the_place() {
    let good = result(&["2024-01-01,1,1,0,0.00"]);
    let sandbox = two(&["2024-01-01,1,1,0,0.00"], &[]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    fs::create_dir_all(sandbox.path("wrong/date=2024-01-02")).unwrap();
    sandbox.write("wrong/date=2024-01-02/daily_user_stats.csv", &good);
    sandbox.write("cut.csv", good.trim_end());
    sandbox.write("crlf.csv", good.replace('\n', "\r\n"));
    sandbox.write("twice.csv", result(&["2024-01-01,1,1,0,0.00"; 2]));
    sandbox.write(
        "unsorted.csv",
        result(&["2024-01-02,1,1,0,0.00", "2024-01-01,2,1,0,0.00"]),
    );
    sandbox.write(
        "as-text.csv",
        result(&["2024-01-01,10,1,0,0.00", "2024-01-01,9,1,0,0.00"]),
    );
    sandbox.write(
        "latin1.csv",
        [good.as_bytes(), b"2024-01-01,\xfc,1,0,0.00\n"].concat(),
    );
    sandbox.write("esc.csv", result(&["2024-01-01,\u{1b}[31m,1,0,0.00"]));
    sandbox.write("events.jsonl", "{}\n");
    for (args, needle) in [
        (&["old.csv", "missing.csv"][..], "cannot open"),
        (&["old.csv", ""], "the name of a result is empty"),
        (&["-", "-"], "standard input can be read only once"),
        (&["old.csv", "empty"], "is a folder without any day"),
        (&["old.csv", "wrong"], "line 2 of "),
        (
            &["old.csv", "wrong"],
            "is of 2024-01-01, in the folder of 2024-01-02",
        ),
        (&["cut.csv", "old.csv"], "line 2 of "),
        (&["cut.csv", "old.csv"], "has no line feed at its end"),
        (&["old.csv", "crlf.csv"], "ends in a carriage return"),
        (
            &["old.csv", "twice.csv"],
            "is a second row of user 1 on 2024-01-01",
        ),
        (&["old.csv", "unsorted.csv"], "line 3 of "),
        (
            &["old.csv", "as-text.csv"],
            "is out of order: user 9 on 2024-01-01 comes after user 10",
        ),
        (&["old.csv", "latin1.csv"], "its user_id is no whole number"),
        (&["old.csv", "esc.csv"], "\\u001b[31m"),
        (
            &["old.csv", "events.jsonl"],
            "is not the header of a result",
        ),
        (
            &["old.csv", "/dev/null"],
            "is empty, and a result in CSV has a header",
        ),
        (&["old.csv"], "<NEW>"),
        (
            &["old.csv", "new.csv", "--rows=x"],
            "give a whole number, or all",
        ),
    ] {
        let run = diff(&sandbox, args, 2);
        run.expect_stderr(needle);
        expect_printable(&run.stderr);
    }
    // Also in JSON, where the last line is then not that of all.
    let run = diff(&sandbox, &["--json", "old.csv", "unsorted.csv"], 2);
    let last = json_lines(run.stdout_text()).pop();
    assert!(last.is_none_or(|last| last["type"] != "total"));
}

/// Formats that need nothing but what every build with all features has.
const FORMATS: [&str; 8] = [
    "csv",
    "csv.gz",
    "csv.zst",
    "jsonl",
    "jsonl.gz",
    "jsonl.zst",
    "parquet",
    "arrow",
];

/// Two runs' results in every format, whole and by days: the second has one event more.
fn in_all_formats() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut events = sandbox.generate(["--lines=20000", "--users=9000", "--days=3"]);
    for user in ["-9223372036854775808", "18446744073709551615"] {
        let line = purchase(user, "999999999999999.000000000000000001");
        events.extend_from_slice(format!("{line}\n").as_bytes());
    }
    for result in ["old", "new"] {
        sandbox.write("events.jsonl", &events);
        for format in FORMATS {
            let file = format!("{result}.{format}");
            sandbox.aggregate(["-q", "-o", &file]).expect_code(0);
            let days = format!("{result}-{format}");
            sandbox
                .aggregate(["-q", "--partition-by=date", "--format", format, "-o", &days])
                .expect_code(0);
        }
        events.extend_from_slice(format!("{}\n", purchase("-9", "0.5")).as_bytes());
    }
    sandbox
}

#[test]
fn results_of_any_two_formats() {
    let sandbox = in_all_formats();
    let expected = diff(&sandbox, &["--json", "old.csv", "new.csv"], 1);
    let expected: Vec<&str> = expected.stdout_text().lines().collect();
    assert_eq!(expected.len(), 3);
    let places = |result: &str| -> Vec<String> {
        let of = |format| [format!("{result}.{format}"), format!("{result}-{format}")];
        FORMATS.into_iter().flat_map(of).collect()
    };
    for (at, old) in places("old").iter().enumerate() {
        diff(&sandbox, &["-q", "old.csv", old], 0);
        // Each with the next two: no two of them meet in more ways than these.
        for new in places("new").iter().cycle().skip(at).take(3) {
            let run = diff(&sandbox, &["--json", old, new], 1);
            let lines: Vec<&str> = run.stdout_text().lines().collect();
            assert_eq!(lines[..2], expected[..2], "{old} {new}");
        }
    }
    // What can be read from a pipe, is.
    for format in ["csv.gz", "jsonl", "jsonl.zst"] {
        let mut command = sandbox.program();
        let file = fs::File::open(sandbox.path(format!("new.{format}"))).unwrap();
        command.args(["diff", "-q", "new.csv", "-"]).stdin(file);
        assert_eq!(command.status().unwrap().code(), Some(0));
    }
    for (format, says) in [
        ("parquet", "looks like Parquet"),
        ("arrow", "looks like Arrow"),
    ] {
        let mut command = sandbox.program();
        let file = fs::File::open(sandbox.path(format!("new.{format}"))).unwrap();
        command.args(["diff", "-q", "new.csv", "-"]).stdin(file);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(says), "{stderr}");
    }
    // A result without rows has a header, where there are headers.
    sandbox.write("events.jsonl", "");
    for format in FORMATS {
        let file = format!("none.{format}");
        sandbox.aggregate(["-q", "-o", &file]).expect_code(0);
        diff(&sandbox, &["-q", "none.csv", &file], 0);
    }
}

/// Whatever becomes of the bytes of a file that is read from its end, it is read as it was, or it is trouble.
#[test]
fn stored_files_that_are_broken() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=300", "--users=40", "--days=3"]);
    sandbox.write("events.jsonl", events);
    for format in ["parquet", "arrow"] {
        let name = format!("x.{format}");
        sandbox.aggregate(["-q", "-o", &name]).expect_code(0);
        let whole = sandbox.read(&name);
        let path = sandbox.path("broken");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let place = daytally::result::ResultPlace::at(&path).unwrap();
            let mut reader = daytally::result::ResultReader::open(&place)?;
            let mut rows = Vec::new();
            while let Some(row) = reader.next_row()? {
                rows.push(row);
            }
            Ok::<_, daytally::Error>(rows)
        };
        let rows = read(&whole).unwrap();
        assert!(rows.len() > 50);
        for cut in (8..whole.len()).step_by(whole.len() / 97 + 1) {
            let error = read(&whole[..cut]).unwrap_err().to_string();
            assert!(
                error.contains("cannot be read as"),
                "{format} {cut}: {error}"
            );
        }
        let (mut random, mut broken) = (7_u64, 0);
        for _ in 0..1500 {
            // Knuth's MMIX constants.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bytes = whole.clone();
            let at = usize::try_from(random >> 33).unwrap() % bytes.len();
            bytes[at] ^= u8::try_from((random >> 20) & 0xff).unwrap().max(1);
            if let Err(error) = read(&bytes) {
                expect_printable(&error.to_string());
                // Nor does the program say more than that.
                if broken < 20 {
                    broken += 1;
                    let run = diff(&sandbox, &["broken", "broken"], 2);
                    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
                }
            }
        }
        assert_eq!(broken, 20);
    }
}

#[cfg(feature = "config")]
#[test]
fn a_config_file_that_is_not_there_is_no_difference() {
    let sandbox = two(&OLD, &OLD);
    diff(
        &sandbox,
        &["--config", "none.toml", "old.csv", "new.csv"],
        2,
    )
    .expect_stderr("config file: cannot open");
    sandbox.write("daytally.toml", "[diff]\nquiet = true\n");
    let run = diff(&sandbox, &["old.csv", "new.csv"], 0);
    assert_eq!(run.stdout_text(), "");
}

#[test]
fn standard_output_that_is_full_or_closed() {
    let sandbox = two(&OLD, &NEW);
    let mut command = sandbox.program();
    command
        .args(["diff", "old.csv", "new.csv"])
        .stdout(fs::File::create("/dev/full").unwrap())
        .stderr(Stdio::piped());
    let full = command.output().unwrap();
    assert_eq!(full.status.code(), Some(2));
    let said = String::from_utf8(full.stderr).unwrap();
    assert!(said.contains("cannot write to standard output"), "{said}");

    // A reader that has heard enough does not change what the exit code is.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let mut command = sandbox.program();
    command
        .args(["diff", "old.csv", "new.csv"])
        .stdout(Stdio::from(writer))
        .stderr(Stdio::piped());
    let closed = command.output().unwrap();
    assert_eq!(
        (
            closed.status.code(),
            String::from_utf8(closed.stderr).unwrap().as_str()
        ),
        (Some(1), "")
    );
}

#[test]
fn it_is_repaired_events_that_show() {
    let sandbox = Sandbox::new();
    let lines = |amount| [purchase("1", "1.10"), purchase("2", amount)].join("\n");
    sandbox.write("events.jsonl", lines("\"0.10\""));
    sandbox.aggregate(["-q", "-o", "old.csv"]).expect_code(0);
    sandbox.write("events.jsonl", lines("0.10"));
    sandbox.aggregate(["-q", "-o", "new.csv"]).expect_code(0);
    let run = diff(&sandbox, &["old.csv", "new.csv"], 1);
    let shown = run.stdout_text();
    assert!(
        shown.contains("+ 2024-01-01  user 2  events 1  purchases 1  revenue 0.10\n"),
        "{shown}"
    );
    assert!(shown.contains("1.10 → 1.20 (+0.10)"), "{shown}");
}

/// The rows of a result by day and user.
type Model = BTreeMap<(u32, i64), (u64, u64, u64)>;

fn model() -> impl Strategy<Value = Model> {
    let row = (1..5_u64, 0..3_u64, 0..300_u64).prop_map(|(events, purchases, cents)| {
        let cents = if purchases == 0 { 0 } else { cents };
        (events.max(purchases), purchases, cents)
    });
    proptest::collection::btree_map((1..4_u32, -3..6_i64), row, 0..20)
}

fn written(model: &Model) -> String {
    let rows = model
        .iter()
        .map(|((day, user), (events, purchases, cents))| {
            format!(
                "2024-01-{day:02},{user},{events},{purchases},{}.{:02}\n",
                cents / 100,
                cents % 100
            )
        });
    format!("{HEADER}{}", rows.collect::<String>())
}

proptest! {
    #![proptest_config(proptest_config(40))]

    #[test]
    fn differences_are_those_of_two_ordered_maps(old in model(), new in model()) {
        let sandbox = Sandbox::new();
        sandbox.write("old.csv", written(&old));
        sandbox.write("new.csv", written(&new));
        let run = diff(&sandbox, &["--json", "old.csv", "new.csv"], i32::from(old != new));
        let mut objects = json_lines(run.stdout_text());
        let total = objects.pop().unwrap();
        let found: BTreeSet<(String, i64, String)> = objects
            .iter()
            .filter(|object| object["type"] == "row")
            .map(|row| {
                let user = row["user_id"].as_i64().unwrap();
                (text_of(row, "date").into(), user, text_of(row, "change").into())
            })
            .collect();
        let keys: BTreeSet<&(u32, i64)> = old.keys().chain(new.keys()).collect();
        let expected: BTreeSet<(String, i64, String)> = keys
            .into_iter()
            .filter(|key| old.get(key) != new.get(key))
            .map(|key| {
                let change = match (old.get(key), new.get(key)) {
                    (None, _) => "added",
                    (_, None) => "removed",
                    _ => "changed",
                };
                (format!("2024-01-{:02}", key.0), key.1, change.to_owned())
            })
            .collect();
        prop_assert_eq!(found, expected);
        let events = |model: &Model| model.values().map(|row| row.0).sum::<u64>();
        prop_assert_eq!(&total["event_count"]["old"], events(&old));
        prop_assert_eq!(&total["event_count"]["new"], events(&new));
        let cents = |model: &Model| model.values().map(|row| row.2.cast_signed()).sum::<i64>();
        let delta = cents(&new) - cents(&old);
        let sign = if delta < 0 { "-" } else { "" };
        let delta = delta.abs();
        let text = format!("{sign}{}.{:02}", delta / 100, delta % 100);
        prop_assert_eq!(text_of(&total["total_revenue"], "delta"), text);
        // The days' changes are those of all.
        let of_days: i64 = objects
            .iter()
            .filter(|object| object["type"] == "day")
            .map(|day| day["event_count"]["delta"].as_i64().unwrap())
            .sum();
        prop_assert_eq!(&total["event_count"]["delta"], of_days);
    }
}
