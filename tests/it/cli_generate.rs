//! `generate`: data that is the same for the same seed and what its options ask for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::harness::{Sandbox, json_lines, positions};
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES, Event, Expected, Verdict};

fn generate(args: &[&str]) -> Vec<u8> {
    Sandbox::new().generate(args)
}

fn judged(args: &[&str]) -> Expected {
    reference::run(&[&generate(args)], DEFAULT_MAX_LINE_BYTES)
}

/// The valid events among generated lines, in order.
fn events(args: &[&str]) -> Vec<Event> {
    reference::lines(&generate(args))
        .into_iter()
        .filter_map(
            |line| match reference::verdict(line.text, DEFAULT_MAX_LINE_BYTES) {
                Verdict::Valid(event) => Some(event),
                _ => None,
            },
        )
        .collect()
}

#[test]
fn one_seed_gives_one_text() {
    for profile in ["narrow", "wide", "mixed"] {
        let args = |seed| {
            [
                "--lines=500",
                "--invalid-rate=0.1",
                seed,
                "--profile",
                profile,
            ]
        };
        let first = generate(&args("--seed=1"));
        assert_eq!(generate(&args("--seed=1")), first, "{profile}");
        assert_ne!(generate(&args("--seed=2")), first, "{profile}");
    }
    assert_eq!(generate(&["--lines=50"]), generate(&["--lines=50"]));
}

#[test]
fn lines_are_counted() {
    for lines in [0, 1, 2, 999, 20_000] {
        for profile in ["narrow", "wide", "mixed"] {
            if lines > 1000 && profile != "narrow" {
                continue;
            }
            let text = generate(&["--lines", &lines.to_string(), "--profile", profile]);
            assert_eq!(
                memchr::memchr_iter(b'\n', &text).count(),
                lines,
                "{profile}"
            );
            assert!(lines == 0 || text.ends_with(b"\n"));
        }
    }
}

/// The size asked for is reached and not passed by more than a line or so.
#[test]
fn sizes_are_met() {
    for (size, bytes) in [("10K", 10_240), ("1MiB", 1 << 20)] {
        let text = generate(&["--size", size, "--profile", "narrow"]);
        assert!(
            text.len().abs_diff(bytes) <= 4096,
            "{} for {size}",
            text.len()
        );
        assert!(text.ends_with(b"\n"));
    }
}

#[test]
fn users_and_days_bound_the_events() {
    let expected = events(&[
        "--lines=3000",
        "--users=5",
        "--days=3",
        "--invalid-rate=0",
        "--seed=3",
    ]);
    assert_eq!(expected.len(), 3000);
    let users: BTreeSet<i128> = expected.iter().map(|event| event.user_id).collect();
    let days: BTreeSet<NaiveDate> = expected.iter().map(|event| event.date).collect();
    assert_eq!((users.len(), days.len()), (5, 3));
    let span = *days.last().unwrap() - *days.first().unwrap();
    assert_eq!(span.num_days(), 2);
}

#[test]
fn the_invalid_rate_is_met() {
    for profile in ["narrow", "wide", "mixed"] {
        for (rate, at_least, at_most) in [
            ("0", 0, 0),
            ("0.1", 120, 280),
            ("0.5", 850, 1150),
            ("1", 2000, 2000),
        ] {
            let expected = judged(&["--lines=2000", "--invalid-rate", rate, "--profile", profile]);
            let invalid = expected.books.invalid;
            assert!(
                (at_least..=at_most).contains(&invalid),
                "{invalid} of 2000 at {rate}, {profile}"
            );
            assert_eq!(expected.books.valid + invalid, 2000);
        }
    }
}

/// Broken lines are broken in many ways, or a benchmark of them would be a poor one.
#[test]
fn invalid_lines_have_many_reasons() {
    let reasons: BTreeMap<_, _> = judged(&["--lines=3000", "--invalid-rate=1"])
        .books
        .by_reason;
    assert!(reasons.len() >= 8, "{reasons:?}");
}

#[test]
fn order_is_of_time_or_none() {
    let dates = |order| -> Vec<NaiveDate> {
        events(&[
            "--lines=2000",
            "--days=30",
            "--order",
            order,
            "--invalid-rate=0",
        ])
        .into_iter()
        .map(|event| event.date)
        .collect()
    };
    assert!(dates("time").is_sorted());
    assert!(!dates("random").is_sorted());
}

#[test]
fn profiles_differ_in_width() {
    let width = |profile| generate(&["--lines=500", "--profile", profile]).len();
    assert!(
        width("wide") > 2 * width("narrow"),
        "{} and {}",
        width("wide"),
        width("narrow")
    );
    assert_ne!(width("mixed"), width("narrow"));
    assert_ne!(width("mixed"), width("wide"));
}

/// There are purchases, with revenue, and other events.
#[test]
fn events_are_of_both_kinds() {
    let books = judged(&["--lines=1000", "--invalid-rate=0"]).books;
    assert!(
        books.purchases > 0 && books.purchases < books.valid,
        "{books:?}"
    );
    assert_ne!(books.revenue.to_string(), "0.00");
}

/// What `generate` makes, `aggregate` reads as the reference does.
#[test]
fn aggregate_agrees_on_generated_events() {
    for profile in ["narrow", "wide", "mixed"] {
        let sandbox = Sandbox::new();
        let text = sandbox.generate([
            "--lines=4000",
            "--seed=11",
            "--invalid-rate=0.1",
            "--profile",
            profile,
        ]);
        sandbox.write("events.jsonl", &text);
        sandbox
            .aggregate([
                "--rejects=r.jsonl",
                "--threads=4",
                "--chunk-size=10000",
                "-q",
            ])
            .expect_code(0);
        let expected = reference::run(&[&text], DEFAULT_MAX_LINE_BYTES);
        assert_eq!(sandbox.csv(), expected.csv, "{profile}");
        assert_eq!(
            positions(&json_lines(&sandbox.text("r.jsonl"))),
            crate::harness::expected_positions(&expected, &["events.jsonl"])
        );
    }
}
