//! The options of `aggregate` that change what is accepted, and every option's twin in the environment.

use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, json_lines, number_of, positions};

/// Three good lines, two bad ones and two blank ones.
fn two_of_five() -> String {
    format!("{CLICK}\nx\n\n{CLICK}\n[]\n\n{CLICK}\n")
}

const THREE_CLICKS: &str =
    "date,user_id,event_count,purchase_count,total_revenue\n2024-01-01,1,3,0,0.00\n";

#[test]
fn max_invalid_as_a_count() {
    for (limit, code) in [("0", 3), ("1", 3), ("2", 0), ("3", 0)] {
        expect_max_invalid(limit, code);
    }
}

/// A share of the events, which blank lines are not.
#[test]
fn max_invalid_as_a_share() {
    for (limit, code) in [
        ("0%", 3),
        ("39%", 3),
        ("39.99%", 3),
        ("40%", 0),
        ("41%", 0),
        ("100%", 0),
    ] {
        expect_max_invalid(limit, code);
    }
}

#[track_caller]
fn expect_max_invalid(limit: &str, code: i32) {
    let sandbox = Sandbox::with_events(two_of_five());
    sandbox.write("daily_user_stats.csv", "before");
    let run = sandbox.aggregate([
        "--max-invalid",
        limit,
        "--rejects=r.jsonl",
        "--summary=s.json",
        "--threads=3",
    ]);
    run.expect_code(code);
    assert_eq!(
        sandbox.csv(),
        if code == 0 { THREE_CLICKS } else { "before" },
        "{limit}"
    );
    // What was wrong is told all the same, and all of it.
    assert_eq!(json_lines(&sandbox.text("r.jsonl")).len(), 2, "{limit}");
    let summary: Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
    assert_eq!(number_of(&summary, "invalid"), 2, "{limit}");
    assert_eq!(number_of(&summary, "valid"), 3, "{limit}");
    assert_eq!(
        sandbox.names(),
        ["daily_user_stats.csv", "events.jsonl", "r.jsonl", "s.json"],
        "{limit}"
    );
}

#[test]
fn max_invalid_leaves_no_output_behind() {
    let sandbox = Sandbox::with_events(two_of_five());
    let run = sandbox.aggregate(["--max-invalid", "1"]);
    run.expect_code(3).expect_stderr("2");
    assert_eq!(sandbox.names(), ["events.jsonl"]);
    let run = sandbox.aggregate(["--max-invalid", "1", "-o", "-"]);
    run.expect_code(3);
    assert_eq!(run.stdout, b"");
}

#[test]
fn max_invalid_of_clean_and_empty_inputs() {
    for events in [CLICK, "", "\n\n"] {
        for limit in ["0", "0%"] {
            let sandbox = Sandbox::with_events(events);
            sandbox.aggregate(["--max-invalid", limit]).expect_code(0);
        }
    }
}

/// Invalid events are counted over all inputs.
#[test]
fn max_invalid_counts_all_inputs() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "x\n");
    sandbox.write("b", "y\n");
    sandbox
        .aggregate(["a", "b", "--max-invalid=1"])
        .expect_code(3);
    sandbox
        .aggregate(["a", "b", "--max-invalid=2"])
        .expect_code(0);
}

#[test]
fn max_line_bytes_is_exact() {
    let length = CLICK.len();
    for (events, limit, reason) in [
        (CLICK.to_owned(), length, None),
        (CLICK.to_owned(), length - 1, Some("line_too_long")),
        (format!("{CLICK}\n"), length, None),
        (format!("{CLICK}\r\n"), length, Some("line_too_long")),
        (format!("{CLICK}\r\n"), length + 1, None),
        (format!("\u{feff}{CLICK}\n"), length, None),
    ] {
        for chunk_size in ["1", "16", "1M"] {
            let sandbox = Sandbox::with_events(&events);
            sandbox
                .aggregate([
                    "--rejects=r.jsonl",
                    &format!("--max-line-bytes={limit}"),
                    &format!("--chunk-size={chunk_size}"),
                ])
                .expect_code(0);
            let reasons: Vec<String> = positions(&json_lines(&sandbox.text("r.jsonl")))
                .into_iter()
                .map(|(.., reason)| reason)
                .collect();
            assert_eq!(reasons, Vec::from_iter(reason), "{events:?} within {limit}");
        }
    }
}

#[test]
fn sizes_have_units() {
    for (size, bytes) in [
        ("2kB", 2000),
        ("300", 300),
        ("1K", 1024),
        ("1KiB", 1024),
        ("2M", 2 << 20),
        ("1MiB", 1 << 20),
    ] {
        for (length, rejects) in [(bytes, 0), (bytes + 1, 1)] {
            let sandbox =
                Sandbox::with_events(CLICK.to_owned() + &" ".repeat(length - CLICK.len()));
            sandbox
                .aggregate([&format!("--max-line-bytes={size}"), "--rejects=r.jsonl"])
                .expect_code(0);
            assert_eq!(
                json_lines(&sandbox.text("r.jsonl")).len(),
                rejects,
                "{length} within {size}"
            );
        }
    }
    for size in ["64M", "1GiB", "1G"] {
        let sandbox = Sandbox::with_events(CLICK);
        sandbox
            .aggregate(["--chunk-size", size, "--max-line-bytes", size])
            .expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
}

/// The default limit, from both sides.
#[test]
fn the_default_line_limit() {
    let limit = crate::reference::DEFAULT_MAX_LINE_BYTES;
    let padding = " ".repeat(limit - CLICK.len());
    let sandbox = Sandbox::with_events(format!("{CLICK}{padding}\n{CLICK} {padding}\n{CLICK}\n"));
    sandbox.aggregate(["--rejects=r.jsonl"]).expect_code(0);
    assert_eq!(
        positions(&json_lines(&sandbox.text("r.jsonl"))),
        [(
            "events.jsonl".to_owned(),
            2,
            limit as u64 + 1,
            "line_too_long".to_owned()
        )]
    );
    assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,2,0,"));
}

#[test]
fn threads_by_either_name() {
    let sandbox = Sandbox::with_events(CLICK);
    for args in [
        &["-j", "3"][..],
        &["-j3"],
        &["--threads", "3"],
        &["--threads=1"],
    ] {
        sandbox.aggregate(args).expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
}

/// Which ways of reading are taken does not show.
#[test]
fn lanes_give_one_result() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=3000", "--profile=mixed", "--invalid-rate=0.1"]);
    sandbox.write("events.jsonl", &events);
    let expected = crate::reference::run(&[&events], crate::reference::DEFAULT_MAX_LINE_BYTES);
    let mut rejects = Vec::new();
    for lanes in ["all", "general"] {
        sandbox
            .aggregate(["--lanes", lanes, "--rejects=r.jsonl", "--chunk-size=5000"])
            .expect_code(0);
        assert_eq!(sandbox.csv(), expected.csv, "{lanes}");
        rejects.push(sandbox.text("r.jsonl"));
    }
    assert_eq!(rejects[0], rejects[1]);
}

/// Runs with one variable set.
fn run_with(sandbox: &Sandbox, name: &str, value: &str, args: &[&str]) -> Run {
    let mut command = sandbox.program();
    command.args(args).env(name, value);
    Run::of(command)
}

/// Each variable of `aggregate` does what its option does.
#[test]
fn the_environment_sets_options() {
    let aggregate = |name: &str, value: &str| {
        let sandbox = Sandbox::with_events(two_of_five());
        let run = run_with(&sandbox, name, value, &["aggregate"]);
        (sandbox, run)
    };
    for (name, file) in [
        ("DAYTALLY_OUTPUT", "out.csv"),
        ("DAYTALLY_REJECTS", "r.jsonl"),
        ("DAYTALLY_SUMMARY", "s.json"),
        ("DAYTALLY_LOG_FILE", "run.log"),
    ] {
        let (sandbox, run) = aggregate(name, file);
        run.expect_code(0);
        assert!(!sandbox.read(file).is_empty(), "{name}");
    }
    let (_, run) = aggregate("DAYTALLY_MAX_INVALID", "1");
    run.expect_code(3);
    let (sandbox, run) = aggregate("DAYTALLY_MAX_LINE_BYTES", "3");
    run.expect_code(0).expect_stderr("line_too_long");
    assert_eq!(sandbox.csv(), crate::reference::HEADER);
    let (_, run) = aggregate("DAYTALLY_LOG_FORMAT", "json");
    assert_eq!(
        json_lines(&run.expect_code(0).stderr).len(),
        run.stderr.lines().count()
    );
    let (_, run) = aggregate("DAYTALLY_LOG_LEVEL", "error");
    assert!(!run.expect_code(0).stderr.contains("WARN"));
    let (_, run) = aggregate("DAYTALLY_QUIET", "true");
    assert_eq!(run.expect_code(0).stderr, "");
    let (_, run) = aggregate("DAYTALLY_VERBOSE", "1");
    run.expect_code(0).expect_stderr("INFO");
    for name in ["DAYTALLY_THREADS", "DAYTALLY_CHUNK_SIZE"] {
        let (sandbox, run) = aggregate(name, "1");
        run.expect_code(0);
        assert_eq!(sandbox.csv(), THREE_CLICKS);
    }
    // A bad value is noticed, so each of them is read.
    for name in [
        "THREADS",
        "CHUNK_SIZE",
        "MAX_LINE_BYTES",
        "MAX_INVALID",
        "LOG_FORMAT",
        "LANES",
        "LOG_LEVEL",
    ] {
        let (sandbox, run) = aggregate(&format!("DAYTALLY_{name}"), "nonsense");
        run.expect_code(2);
        assert_eq!(sandbox.names(), ["events.jsonl"], "{name}");
    }
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let sandbox = Sandbox::with_events(two_of_five());
    let run = run_with(
        &sandbox,
        "DAYTALLY_OUTPUT",
        "environment.csv",
        &["aggregate", "-o", "line.csv"],
    );
    run.expect_code(0);
    assert_eq!(sandbox.names(), ["events.jsonl", "line.csv"]);
    run_with(
        &sandbox,
        "DAYTALLY_MAX_INVALID",
        "0",
        &["aggregate", "--max-invalid", "5"],
    )
    .expect_code(0);
    let run = run_with(
        &sandbox,
        "DAYTALLY_LOG_LEVEL",
        "error",
        &["aggregate", "--log-level", "warn"],
    );
    run.expect_code(0).expect_stderr("WARN");
}

/// Each variable of `generate` does what its option does.
#[test]
fn the_environment_sets_options_of_generate() {
    let sandbox = Sandbox::new();
    for (option, value) in [
        ("lines", "7"),
        ("size", "2K"),
        ("seed", "5"),
        ("users", "2"),
        ("days", "2"),
        ("profile", "wide"),
        ("invalid-rate", "0.9"),
        ("order", "time"),
    ] {
        let variable = format!("DAYTALLY_{}", option.replace('-', "_").to_uppercase());
        let lines: &[&str] = if matches!(option, "lines" | "size") {
            &[]
        } else {
            &["--lines=40"]
        };
        let args = [&["generate"], lines].concat();
        let by_variable = run_with(&sandbox, &variable, value, &args);
        by_variable.expect_code(0);
        let by_option = sandbox.generate(
            lines
                .iter()
                .map(|arg| (*arg).to_owned())
                .chain([format!("--{option}={value}")]),
        );
        assert_eq!(by_variable.stdout, by_option, "{option}");
        if !lines.is_empty() {
            assert_ne!(
                by_option,
                sandbox.generate(lines),
                "{option} changes nothing"
            );
        }
    }
}

/// Container files like to set variables to nothing; that is not to set them.
#[test]
fn empty_variables_count_as_not_set() {
    let sandbox = Sandbox::with_events(CLICK);
    let mut program = sandbox.program();
    for name in [
        "OUTPUT",
        "THREADS",
        "VERBOSE",
        "QUIET",
        "LOG_LEVEL",
        "MAX_INVALID",
        "LANES",
    ] {
        program.env(format!("DAYTALLY_{name}"), "");
    }
    program.arg("aggregate");
    let run = Run::of(program);
    run.expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

/// The lanes are two ways to one result, rejects and log included.
#[test]
fn lanes_do_not_show() {
    for profile in ["narrow", "wide", "mixed"] {
        let sandbox = Sandbox::new();
        let profile = format!("--profile={profile}");
        let events = sandbox.generate(["--lines=3000", "--invalid-rate=0.2", &profile]);
        sandbox.write("events.jsonl", events);
        let outputs = ["all", "general"].map(|lanes| {
            let lanes = format!("--lanes={lanes}");
            sandbox
                .aggregate(["--rejects=r.jsonl", &lanes])
                .expect_code(0);
            (sandbox.csv(), sandbox.text("r.jsonl"))
        });
        assert!(outputs[0] == outputs[1], "{profile}");
        assert!(!outputs[0].1.is_empty());
    }
}

/// What a build lacks is said, with how to get it; it is not what nobody has ever heard of.
#[test]
fn what_is_not_built_in_is_told() {
    let sandbox = Sandbox::with_events(CLICK);
    for (command, feature, is_there) in [
        ("splits", "arrow", cfg!(feature = "arrow")),
        ("partial", "arrow", cfg!(feature = "arrow")),
        ("merge", "arrow", cfg!(feature = "arrow")),
        ("config", "config", cfg!(feature = "config")),
        ("completions", "shell", cfg!(feature = "shell")),
        ("man", "shell", cfg!(feature = "shell")),
    ] {
        let without = format!(
            "error: daytally {command} is not in this build: this daytally was built without the feature {feature} (cargo install --path . --locked --features {feature} builds one with it)\n"
        );
        for args in [&[command, "a", "--b"][..], &["help", command]] {
            let run = sandbox.run(args);
            assert_eq!(run.stderr == without, !is_there, "{}", run.stderr);
            if !is_there {
                run.expect_code(2);
            }
        }
        if cfg!(feature = "config") {
            sandbox.write("daytally.toml", format!("[{command}]\n"));
            let run = sandbox.run(["aggregate"]);
            let told = format!("daytally {command} is not in this build");
            assert_eq!(run.stderr.contains(&told), !is_there, "{}", run.stderr);
            std::fs::remove_file(sandbox.path("daytally.toml")).unwrap();
        }
    }
    let help = sandbox.run(["aggregate", "--help"]);
    let help = help.stdout_text().split_whitespace().collect::<Vec<_>>();
    let help = help.join(" ");
    let wrong = sandbox.aggregate(["--format", "no"]);
    for (format, shown, feature, is_there) in [
        ("csv", "jsonl (JSON Lines)", "", true),
        ("csv.gz", "csv.gz", "gzip", cfg!(feature = "gzip")),
        ("csv.zst", "csv.zst", "zstd", cfg!(feature = "zstd")),
        ("parquet", " parquet", "parquet", cfg!(feature = "parquet")),
        (
            "arrow",
            "arrow (Arrow IPC)",
            "arrow",
            cfg!(feature = "arrow"),
        ),
    ] {
        let of_format = help.split("The format of the result: ").nth(1).unwrap();
        let of_format = of_format.split("[default").next().unwrap();
        assert_eq!(
            format!(" {of_format}").contains(shown),
            is_there,
            "{of_format}"
        );
        assert_eq!(
            wrong.stderr.contains(&format!(" {format}")),
            is_there,
            "{}",
            wrong.stderr
        );
        if !is_there {
            let name = format!("stats.{format}");
            for args in [["--format", format], ["--output", &name]] {
                sandbox
                    .aggregate(args)
                    .expect_code(2)
                    .expect_stderr(&format!("without the feature {feature} (cargo install "));
            }
        }
    }
}
