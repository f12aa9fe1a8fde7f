//! The outside test cases of `../shared/conformance`, run through the real program.
//!
//! The folder is not part of the crate: where it is missing each test says that it skips.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Sandbox, json_lines, number_of, positions, text_of};
use crate::reference;

/// The folder of cases, or `None` after saying that the test skips.
fn cases(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("{test} skips: there is no {}", folder.display());
    None
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs the program on a case file and gives the result, the rejects' `(line, reason)` and the summary.
fn outcome(input: &Path) -> (String, Vec<(u64, String)>, serde_json::Value) {
    let sandbox = Sandbox::new();
    let run = sandbox.aggregate([
        input.as_os_str(),
        "--rejects".as_ref(),
        "rejects.jsonl".as_ref(),
        "--summary".as_ref(),
        "summary.json".as_ref(),
        "--quiet".as_ref(),
    ]);
    run.expect_code(0);
    let rejects = positions(&json_lines(&sandbox.text("rejects.jsonl")))
        .into_iter()
        .map(|(_, line, _, reason)| (line, reason))
        .collect();
    let summary = serde_json::from_str(&sandbox.text("summary.json")).unwrap();
    (sandbox.csv(), rejects, summary)
}

/// `NAME.jsonl` against `NAME.expected.csv` and `NAME.expected.tsv`.
fn check(test: &str, name: &str) {
    let Some(folder) = cases(test) else { return };
    let (csv, rejects, summary) = outcome(&folder.join(format!("{name}.jsonl")));
    assert_eq!(
        csv,
        read(&folder.join(format!("{name}.expected.csv"))),
        "{name}"
    );
    let table = read(&folder.join(format!("{name}.expected.tsv")));
    let mut counts = (0, 0, 0);
    let mut expected = Vec::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        match cells[1] {
            "valid" => counts.0 += 1,
            "invalid" => {
                counts.1 += 1;
                expected.push((cells[0].parse::<u64>().unwrap(), cells[2].to_owned()));
            }
            "blank" => counts.2 += 1,
            other => panic!("{name}: verdict {other:?}"),
        }
    }
    assert_eq!(rejects, expected, "{name}");
    assert_eq!(counts_of(&summary), counts, "{name}");
}

/// Valid, invalid and blank lines.
fn counts_of(summary: &serde_json::Value) -> (u64, u64, u64) {
    (
        number_of(summary, "valid"),
        number_of(summary, "invalid"),
        number_of(summary, "blank"),
    )
}

#[test]
fn json_grammar() {
    check("json_grammar", "json");
}

#[test]
fn timestamps() {
    check("timestamps", "timestamps");
}

#[test]
fn amounts() {
    check("amounts", "amounts");
}

#[test]
fn sums() {
    check("sums", "sums");
}

#[test]
fn log_injection() {
    check("log_injection", "log-injection");
}

#[test]
fn real_orders() {
    let Some(folder) = cases("real_orders") else {
        return;
    };
    let (csv, rejects, _) = outcome(&folder.join("real/mapped-elastic-ecommerce.jsonl"));
    assert_eq!(
        csv,
        read(&folder.join("real/mapped-elastic-ecommerce.expected.csv"))
    );
    assert_eq!(rejects, []);
}

#[test]
fn framing() {
    let Some(folder) = cases("framing") else {
        return;
    };
    let folder = folder.join("framing");
    let table = read(&folder.join("expected.tsv"));
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let name = cells[0];
        let (csv, rejects, summary) = outcome(&folder.join(name));
        let result = name.replace(".jsonl", ".expected.csv");
        assert_eq!(csv, read(&folder.join(result)), "{name}");
        let reasons: Vec<String> = rejects
            .iter()
            .map(|(line, reason)| format!("{line}:{reason}"))
            .collect();
        assert_eq!(reasons.join(" "), cells[4], "{name}");
        let (valid, invalid, blank) = counts_of(&summary);
        assert_eq!(
            [valid, invalid, blank].map(|count| count.to_string()),
            cells[1..4],
            "{name}"
        );
    }
}

/// The hostile lines, once more with their log: whatever they hold, the log stays printable and keeps
/// one line for each of them.
#[test]
fn hostile_text_in_the_log() {
    let Some(folder) = cases("hostile_text_in_the_log") else {
        return;
    };
    let input = folder.join("log-injection.jsonl");
    let invalid = reference::run(
        &[&fs::read(&input).unwrap()],
        reference::DEFAULT_MAX_LINE_BYTES,
    )
    .books
    .invalid;
    for format in ["text", "json"] {
        let sandbox = Sandbox::new();
        let run = sandbox.aggregate([input.as_os_str(), "--log-format".as_ref(), format.as_ref()]);
        run.expect_code(0);
        crate::harness::expect_printable(&run.stderr);
        let logged = match format {
            "json" => json_lines(&run.stderr)
                .iter()
                .filter(|record| {
                    record.get("reason").is_some() && text_of(record, "level") == "WARN"
                })
                .count(),
            _ => run
                .stderr
                .lines()
                .filter(|line| line.contains("WARN"))
                .count(),
        };
        assert_eq!(logged as u64, invalid, "{format}");
    }
}
