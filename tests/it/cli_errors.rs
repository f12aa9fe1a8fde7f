//! Failures: the exit code, one clear sentence, and an output that is what it was before.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, expect_printable, snapshot};

/// Runs with `args` in a folder with an earlier result, expects exit code 1 and a sentence that holds
/// `path`, and nothing in the folder to change.
#[track_caller]
fn expect_failure(sandbox: &Sandbox, args: &[&str], path: &Path) -> Run {
    sandbox.write("daily_user_stats.csv", "before");
    let before = (sandbox.names(), snapshot(sandbox));
    let run = sandbox.aggregate(args);
    run.expect_code(1).expect_stderr(path.to_str().unwrap());
    assert_eq!(run.stdout, b"", "{args:?}");
    assert_eq!((sandbox.names(), snapshot(sandbox)), before, "{args:?}");
    let sentences: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.contains(path.to_str().unwrap()))
        .collect();
    assert_eq!(sentences.len(), 1, "one sentence:\n{}", run.stderr);
    run
}

/// root may read and write anything, so modes mean nothing to it.
fn skips_as_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if root {
        eprintln!("{test} skips: root ignores permissions");
    }
    root
}

#[test]
fn no_such_file() {
    let sandbox = Sandbox::new();
    expect_failure(&sandbox, &[], &sandbox.path("events.jsonl"));
    expect_failure(&sandbox, &["nowhere.jsonl"], &sandbox.path("nowhere.jsonl"));
    expect_failure(
        &sandbox,
        &["no/such/folder.jsonl"],
        &sandbox.path("no/such/folder.jsonl"),
    );
}

/// One input that cannot be read spoils the run, whatever the others hold.
#[test]
fn no_such_file_among_others() {
    let sandbox = Sandbox::with_events(CLICK);
    expect_failure(
        &sandbox,
        &["events.jsonl", "nowhere.jsonl", "--rejects", "r"],
        &sandbox.path("nowhere.jsonl"),
    );
}

#[test]
fn a_dangling_symlink_as_input() {
    let sandbox = Sandbox::new();
    symlink("nowhere", sandbox.path("events.jsonl")).unwrap();
    expect_failure(&sandbox, &[], &sandbox.path("events.jsonl"));
}

#[test]
fn a_folder_as_input() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("events.jsonl")).unwrap();
    let run = expect_failure(&sandbox, &[], &sandbox.path("events.jsonl"));
    let text = run.stderr.to_lowercase();
    assert!(
        text.contains("folder") || text.contains("directory"),
        "{text}"
    );
}

#[test]
fn an_input_without_permission() {
    if skips_as_root("an_input_without_permission") {
        return;
    }
    let sandbox = Sandbox::with_events(CLICK);
    let path = sandbox.path("events.jsonl");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_code(1).expect_stderr(path.to_str().unwrap());
    assert_eq!(sandbox.names(), ["events.jsonl"]);
}

#[test]
fn an_output_folder_without_permission() {
    if skips_as_root("an_output_folder_without_permission") {
        return;
    }
    let sandbox = Sandbox::with_events(CLICK);
    let folder = sandbox.path("shut");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    expect_failure(&sandbox, &["-o", "shut/out.csv"], &folder.join("out.csv"));
}

#[test]
fn inputs_without_events_are_no_failure_and_are_warned_of() {
    for (events, has_events) in [
        ("", false),
        ("\n \r\n", false),
        ("x\n", true),
        (CLICK, true),
    ] {
        let sandbox = Sandbox::with_events(events);
        let run = sandbox.aggregate([] as [&str; 0]);
        run.expect_code(0);
        let is_warned_of = run
            .stderr
            .contains(" WARN there are no events in what was read");
        assert_eq!(is_warned_of, !has_events, "{}", run.stderr);
        let expected = match events {
            CLICK => CLICK_CSV,
            _ => crate::reference::HEADER,
        };
        assert_eq!(sandbox.csv(), expected);
    }
}

/// What it says is not passed over.
#[cfg(not(feature = "config"))]
#[test]
fn a_build_that_reads_no_config_files_says_so() {
    let sandbox = Sandbox::with_events(CLICK);
    let missing = "built without the feature config";
    sandbox.write("other.toml", "threads = 0");
    let run = sandbox.aggregate(["--config", "other.toml"]);
    run.expect_code(2).expect_stderr(missing);
    sandbox.write("daytally.toml", "threads = 0");
    for args in [&[][..], &["--config", "other.toml", "--no-config"]] {
        let run = sandbox.aggregate(args);
        run.expect_code(2).expect_stderr(missing);
        assert!(!sandbox.path("daily_user_stats.csv").exists());
    }
    sandbox.aggregate(["--no-config"]).expect_code(0);
}

#[test]
fn a_missing_output_folder() {
    for option in ["--output", "--rejects", "--summary", "--log-file"] {
        let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
        expect_failure(
            &sandbox,
            &[option, "no/such/file"],
            &sandbox.path("no/such/file"),
        );
    }
}

#[test]
fn outputs_in_several_missing_folders() {
    let sandbox = Sandbox::with_events(CLICK);
    for args in [
        ["-o", "no/out.csv", "--rejects", "nor/rejects.jsonl"],
        ["--rejects", "no/rejects.jsonl", "--summary", "nor/summary"],
        ["-o", "events.jsonl/out.csv", "--rejects", "events.jsonl/r"],
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(1).expect_stderr("cannot create ");
        run.expect_stderr(args[1]);
        assert_eq!(sandbox.names(), ["events.jsonl"]);
    }
    let twice = ["-o", "no/out", "--rejects", "./no/out"];
    let run = sandbox.aggregate(twice);
    run.expect_code(2).expect_stderr(" both go to ");
}

#[test]
fn a_folder_as_output() {
    for option in ["--output", "--rejects", "--summary", "--log-file"] {
        let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
        fs::create_dir(sandbox.path("folder")).unwrap();
        expect_failure(&sandbox, &[option, "folder"], &sandbox.path("folder"));
    }
}

/// A file in the place of a folder on the way to the output.
#[test]
fn a_file_as_output_folder() {
    let sandbox = Sandbox::with_events(CLICK);
    expect_failure(
        &sandbox,
        &["-o", "events.jsonl/out.csv"],
        &sandbox.path("events.jsonl/out.csv"),
    );
}

/// The result is not published when something that should accompany it cannot be written.
#[test]
fn a_full_disk() {
    if !Path::new("/dev/full").exists() {
        eprintln!("a_full_disk skips: there is no /dev/full");
        return;
    }
    for option in ["--output", "--rejects", "--summary"] {
        let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
        expect_failure(&sandbox, &[option, "/dev/full"], Path::new("/dev/full"));
    }
}

/// A full disk behind standard output is not the quiet end that a closed pipe is.
#[test]
fn a_full_disk_behind_standard_output() {
    if !Path::new("/dev/full").exists() {
        eprintln!("a_full_disk_behind_standard_output skips: there is no /dev/full");
        return;
    }
    let sandbox = Sandbox::with_events(CLICK);
    let cases: [&[&str]; 6] = [
        &["aggregate", "-o", "-"],
        &["aggregate", "--summary", "-"],
        &["generate", "--lines", "10"],
        &["--help"],
        &["--version"],
        &["aggregate", "--help"],
    ];
    for args in cases {
        let mut command = sandbox.program();
        command
            .args(args)
            .stdout(fs::File::options().write(true).open("/dev/full").unwrap());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
        assert_eq!(sandbox.names(), ["events.jsonl"], "{args:?}");
    }
}

#[test]
fn names_that_are_not_utf8() {
    let sandbox = Sandbox::new();
    let name = OsStr::from_bytes(b"caf\xe9.jsonl");
    let run = sandbox.aggregate([name]);
    run.expect_code(1).expect_stderr("caf");
    sandbox.write(name, format!("{CLICK}\nx\n"));
    let run = sandbox.aggregate([name, "--rejects".as_ref(), "r.jsonl".as_ref()]);
    run.expect_code(0).expect_stderr("caf");
    assert_eq!(sandbox.csv(), CLICK_CSV);
    assert!(sandbox.text("r.jsonl").contains("caf"));
}

/// A name that would play with the terminal if it were printed as it is.
const NASTY: &str = "x\u{1b}[31m\n\r\u{9b}2J\u{202e}\u{2066}y";

/// An error sentence holds outside text too.
#[test]
fn error_sentences_are_printable() {
    let sandbox = Sandbox::with_events(CLICK);
    fs::create_dir(sandbox.path(NASTY)).unwrap();
    let inside = format!("{NASTY}/no/such");
    let cases: [(&[&str], i32); 7] = [
        (&["no\u{1b}[31m\u{202e}such"], 1),
        (&[NASTY], 1),
        (&["-o", NASTY], 1),
        (&["-o", &inside], 1),
        (&["--rejects", &inside], 1),
        (&["--log-file", &inside], 1),
        (&["--rejects", "\u{202e}", "--summary", "\u{202e}"], 2),
    ];
    for (args, code) in cases {
        let run = sandbox.aggregate(args);
        run.expect_code(code);
        assert!(!run.stderr.is_empty(), "{args:?}");
        expect_printable(&run.stderr);
    }
}

/// Options come from scripts, and scripts take them from anywhere.
#[test]
fn usage_errors_are_printable() {
    let sandbox = Sandbox::with_events(CLICK);
    let cases: [&[&str]; 6] = [
        &["aggregate", "--threads", NASTY],
        &["aggregate", "--chunk-size", NASTY],
        &["aggregate", "--max-invalid", NASTY],
        &["aggregate", "--log-level", NASTY],
        &["aggregate", &format!("--{NASTY}")],
        &[NASTY],
    ];
    for args in cases {
        let run = sandbox.run(args);
        run.expect_code(2);
        expect_printable(&run.stderr);
    }
}

#[test]
fn usage_errors() {
    let sandbox = Sandbox::with_events(CLICK);
    let cases: [&[&str]; 34] = [
        &[],
        &["no-such-command"],
        &["aggregate", "--no-such-option"],
        &["aggregate", "--threads", "x"],
        &["aggregate", "--threads", "-1"],
        &["aggregate", "--chunk-size", "0"],
        &["aggregate", "--chunk-size", "x"],
        &["aggregate", "--chunk-size", "1Q"],
        &["aggregate", "--chunk-size", "99999999999999999999G"],
        &["aggregate", "--max-line-bytes", "-1"],
        &["aggregate", "--max-invalid", "x"],
        &["aggregate", "--max-invalid", "-1"],
        &["aggregate", "--max-invalid", "101%"],
        &["aggregate", "--max-invalid", "%"],
        &["aggregate", "--max-invalid", "NaN%"],
        &["aggregate", "--log-format", "xml"],
        &["aggregate", "--log-level", "loud"],
        &["aggregate", "--lanes", "slow"],
        &["aggregate", "--log-file", "-"],
        &["aggregate", "--output"],
        &["aggregate", "--from", "2024-1-1"],
        &["aggregate", "--from", "2023-02-29"],
        &["aggregate", "--to", "yesterday"],
        &["aggregate", "--to", "2024-01-01T00:00:00Z"],
        &["aggregate", "--from", "2024-01-02", "--to", "2024-01-01"],
        &["aggregate", "events.jsonl", "events.jsonl"],
        &["aggregate", "-", "-"],
        &["aggregate", "-", "--files-from", "-"],
        &["aggregate", "--files-from"],
        &[
            "aggregate",
            "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}*",
        ],
        &["generate", "--lines", "x"],
        &["generate", "--invalid-rate", "1.5"],
        &["generate", "--profile", "none"],
        &["generate", "--lines", "1", "--size", "1M"],
    ];
    for args in cases {
        let run = sandbox.run(args);
        run.expect_code(2);
        assert!(!run.stderr.is_empty(), "{args:?}");
        assert_eq!(run.stdout, b"", "{args:?}");
        assert_eq!(sandbox.names(), ["events.jsonl"], "{args:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let sandbox = Sandbox::new();
    let cases: [&[&str]; 5] = [
        &["--help"],
        &["-h"],
        &["aggregate", "--help"],
        &["generate", "--help"],
        &["--version"],
    ];
    for args in cases {
        let run = sandbox.run(args);
        run.expect_code(0);
        assert!(!run.stdout.is_empty(), "{args:?}");
    }
    assert!(
        sandbox
            .run(["--version"])
            .stdout_text()
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

/// Every option is in the help.
#[test]
fn help_names_every_option() {
    let sandbox = Sandbox::new();
    for (command, options) in [
        (
            "aggregate",
            &[
                "files-from",
                "null",
                "allow-duplicates",
                "from",
                "to",
                "output",
                "partition-by",
                "rejects",
                "summary",
                "max-invalid",
                "threads",
                "chunk-size",
                "max-line-bytes",
                "lanes",
                "log-format",
                "log-file",
                "log-level",
                "quiet",
                "verbose",
            ][..],
        ),
        (
            "generate",
            &[
                "lines",
                "size",
                "seed",
                "users",
                "days",
                "profile",
                "invalid-rate",
                "order",
            ],
        ),
    ] {
        let run = sandbox.run([command, "--help"]);
        let help = run.stdout_text();
        for option in options {
            assert!(
                help.contains(&format!("--{option}")),
                "{command} --{option}"
            );
        }
    }
}

/// The last word of a run whose log is JSON on standard error is JSON too.
#[test]
fn errors_in_a_json_log_are_json() {
    let sandbox = Sandbox::new();
    let run = sandbox.aggregate(["--log-format=json", "nope.jsonl"]);
    run.expect_code(1);
    let lines = crate::harness::json_lines(&run.stderr);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "ERROR");
    assert!(lines[0]["message"].as_str().unwrap().contains("nope.jsonl"));
}
