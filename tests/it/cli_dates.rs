//! `--from` and `--to`: which days are in the result, and that the books still balance.

use serde_json::Value;

use crate::harness::{CLICK, Run, Sandbox, number_of};
use crate::reference::HEADER;

fn event(timestamp: &str) -> String {
    format!("{{\"user_id\":7,\"event_type\":\"view\",\"timestamp\":\"{timestamp}\"}}\n")
}

/// Five days of valid events, the moments around midnight among them; an invalid and a blank line.
fn sandbox() -> Sandbox {
    let timestamps = [
        "2024-02-27T12:00:00Z",
        "2024-02-28T23:59:59.9999999Z",
        "2024-02-29T00:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-03-01T00:00:00Z",
        "20240301T10Z",
        "2024-03-02T00:00:00Z",
    ];
    let events: String = timestamps.into_iter().map(event).collect();
    Sandbox::with_events(format!("{events}\nnope\n"))
}

fn summary_of(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.aggregate(args.iter().chain(&["-q", "--summary=-"]));
    run.expect_code(0);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn both_ends_are_included() {
    let sandbox = sandbox();
    for (args, valid, first, last) in [
        (&[][..], 7, "2024-02-27", "2024-03-02"),
        (&["--from=2024-02-29"], 5, "2024-02-29", "2024-03-02"),
        (&["--to=2024-02-29"], 3, "2024-02-27", "2024-02-29"),
        (
            &["--from=2024-02-29", "--to=2024-02-29"],
            1,
            "2024-02-29",
            "2024-02-29",
        ),
        (
            &["--from", "2024-02-28", "--to", "2024-03-01"],
            5,
            "2024-02-28",
            "2024-03-01",
        ),
        (
            &["--from=0000-01-01", "--to=9999-12-31"],
            7,
            "2024-02-27",
            "2024-03-02",
        ),
    ] {
        let summary = summary_of(&sandbox, args);
        let filtered = 7 - valid;
        for (field, count) in [
            ("lines", 9),
            ("valid", valid),
            ("event_count", valid),
            ("filtered", filtered),
            ("blank", 1),
            ("invalid", 1),
        ] {
            assert_eq!(number_of(&summary, field), count, "{field} {args:?}");
        }
        assert_eq!(
            (&summary["first_date"], &summary["last_date"]),
            (&first.into(), &last.into())
        );
        let csv = sandbox.csv();
        let days: Vec<&str> = csv.lines().skip(1).map(|row| &row[..10]).collect();
        assert_eq!((days[0], days[days.len() - 1]), (first, last), "{args:?}");
    }
    let summary = summary_of(&sandbox, &["--from=2024-02-28"]);
    assert_eq!(
        (&summary["from"], &summary["to"]),
        (&"2024-02-28".into(), &Value::Null)
    );
    // What was asked for, be it a limit or not.
    let summary = summary_of(&sandbox, &["--from=0000-01-01", "--to=9999-12-31"]);
    assert_eq!(
        (&summary["from"], &summary["to"], &summary["valid"]),
        (&"0000-01-01".into(), &"9999-12-31".into(), &7.into())
    );
}

#[test]
fn a_range_that_leaves_no_event_is_warned_of() {
    let sandbox = sandbox();
    let warning = "WARN none of the valid events is of a day between --from and --to";
    let line = "\n            no valid event is of a day between --from and --to\n";
    let run = sandbox.aggregate(["--from=2025-01-01"]);
    run.expect_code(0)
        .expect_stderr(warning)
        .expect_stderr(line);
    run.expect_stderr("filtered=7");
    for args in [&[][..], &["--from=2024-03-02"]] {
        let run = sandbox.aggregate(args);
        assert!(!run.stderr.contains("no valid event"), "{}", run.stderr);
        assert!(!run.stderr.contains(warning), "{}", run.stderr);
    }
    // Without any valid event there is nothing to wonder about.
    sandbox.write("none.jsonl", "x\n");
    let run = sandbox.aggregate(["none.jsonl", "--from=2025-01-01"]);
    assert!(!run.stderr.contains(warning), "{}", run.stderr);
}

#[test]
fn a_range_without_events_is_a_header() {
    let sandbox = sandbox();
    let summary = summary_of(&sandbox, &["--to=2024-02-26"]);
    assert_eq!(
        (
            number_of(&summary, "valid"),
            number_of(&summary, "filtered")
        ),
        (0, 7)
    );
    assert_eq!(summary["first_date"], Value::Null);
    assert_eq!(sandbox.csv(), HEADER);
}

/// The rows of a range are the rows of all days, those of other days left out, in either lane.
#[test]
fn a_range_is_a_part_of_the_whole() {
    let sandbox = Sandbox::new();
    for profile in ["narrow", "mixed"] {
        let profile = format!("--profile={profile}");
        let events =
            sandbox.generate(["--lines=20000", "--days=9", "--invalid-rate=0.05", &profile]);
        sandbox.write("events.jsonl", events);
        let all = summary_of(&sandbox, &[]);
        let csv = sandbox.csv();
        let (from, to) = ("2024-01-03", "2024-01-05");
        let is_asked_for = |row: &&str| (from..=to).contains(&&row[..10]);
        let rows: Vec<&str> = csv.lines().skip(1).filter(is_asked_for).collect();
        let expected = format!("{HEADER}{}\n", rows.join("\n"));
        for lanes in ["all", "general"] {
            let args = [
                "--from",
                from,
                "--to",
                to,
                "--lanes",
                lanes,
                "--chunk-size=10k",
            ];
            let summary = summary_of(&sandbox, &args);
            assert_eq!(sandbox.csv(), expected, "{profile} {lanes}");
            let sum = number_of(&summary, "valid") + number_of(&summary, "filtered");
            assert_eq!(sum, number_of(&all, "valid"));
            assert!(number_of(&summary, "filtered") > 0);
            for field in ["lines", "blank", "invalid", "invalid_by_reason"] {
                assert_eq!(summary[field], all[field], "{field}");
            }
        }
    }
}

#[test]
fn filtered_events_are_events_to_the_limit_of_invalid_ones() {
    let sandbox = sandbox();
    // One of eight, and one of two if what is filtered did not count.
    for (limit, code) in [("12.5%", 0), ("12.4%", 3)] {
        let run = sandbox.aggregate(["--from=2024-03-02", "--max-invalid", limit]);
        run.expect_code(code);
    }
    let run = sandbox.aggregate(["--from=2024-03-02", "--max-invalid=0"]);
    run.expect_stderr("1 of 8 events is invalid");
}

#[test]
fn the_summary_for_people_tells_what_was_filtered() {
    let sandbox = sandbox();
    let run = sandbox.aggregate(["--from=2024-03-01"]);
    run.expect_stderr("events  4 valid, 3 filtered, 1 invalid (12.50 %), 1 blank line\n");
    let run = sandbox.aggregate(["--from=2000-01-01"]);
    run.expect_stderr("events  7 valid, 0 filtered, 1 invalid (12.50 %), 1 blank line\n");
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_stderr("events  7 valid, 1 invalid (12.50 %), 1 blank line\n");
}

#[test]
fn dates_from_the_environment() {
    let sandbox = Sandbox::with_events(CLICK);
    for (variable, value, count) in [
        ("DAYTALLY_FROM", "2024-01-01", Some(1)),
        ("DAYTALLY_FROM", "2024-01-02", Some(0)),
        ("DAYTALLY_TO", "2023-12-31", Some(0)),
        ("DAYTALLY_TO", "", Some(1)),
        ("DAYTALLY_TO", "31.12.2023", None),
    ] {
        let mut command = sandbox.program();
        command.args(["aggregate", "-q"]).env(variable, value);
        let run = Run::of(command);
        match count {
            Some(rows) => {
                run.expect_code(0);
                assert_eq!(
                    sandbox.csv().lines().count(),
                    1 + rows,
                    "{variable}={value}"
                );
            }
            None => {
                run.expect_code(2).expect_stderr("YYYY-MM-DD");
            }
        }
    }
}
