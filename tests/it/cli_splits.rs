//! `daytally splits`: what it plans is what `daytally partial` then counts, for the inputs that `daytally
//! aggregate` would read; and what cannot be planned is refused.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli_memory::status_field;
use crate::harness::{CLICK, Run, Sandbox, fifo, json_lines, snapshot, text_of};

/// When a file was last written to, in nanoseconds since 1970.
fn modified(sandbox: &Sandbox, name: &str) -> i64 {
    let metadata = fs::metadata(sandbox.path(name)).unwrap();
    metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()
}

fn set_modified(sandbox: &Sandbox, name: &str, time: SystemTime) {
    let file = File::options()
        .append(true)
        .open(sandbox.path(name))
        .unwrap();
    file.set_modified(time).unwrap();
}

/// The plan that is printed, with nothing on standard error.
#[track_caller]
fn plan<S: AsRef<OsStr>>(sandbox: &Sandbox, args: impl IntoIterator<Item = S>) -> Vec<Value> {
    let mut command = sandbox.program();
    command.arg("splits").args(args);
    let run = Run::of(command);
    run.expect_code(0);
    assert_eq!(run.stderr, "");
    json_lines(run.stdout_text())
}

fn names(plan: &[Value]) -> Vec<&str> {
    plan.iter().map(|input| text_of(input, "input")).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Runs a command that reads a file on standard input.
fn with_stdin(mut command: Command, file: File) -> Run {
    let out = command.stdin(Stdio::from(file)).output().unwrap();
    Run {
        code: out.status.code(),
        stdout: out.stdout,
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

/// A file of so many zeros that take no room.
fn hole(sandbox: &Sandbox, name: &str, len: u64) {
    let file = File::create(sandbox.path(name)).unwrap();
    file.set_len(len).unwrap();
}

#[test]
fn each_input_is_a_line() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("logs/2024")).unwrap();
    sandbox.write("logs/b.jsonl", "x".repeat(25));
    sandbox.write("logs/a.ndjson", "x".repeat(24));
    sandbox.write("logs/2024/empty.json", "");
    sandbox.write("logs/_SUCCESS", "");
    sandbox.write("logs/notes.txt", "not read");
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
    set_modified(&sandbox, "logs/b.jsonl", time);
    let run = sandbox.run(["splits", "logs", "--split-size=10"]);
    run.expect_code(0);
    let [a, empty] = ["logs/a.ndjson", "logs/2024/empty.json"].map(|name| modified(&sandbox, name));
    let expected = format!(
        "{{\"input\":\"logs/2024/empty.json\",\"size\":0,\"modified\":{empty},\"compression\":null,\"splits\":[\"0..\"]}}\n\
         {{\"input\":\"logs/a.ndjson\",\"size\":24,\"modified\":{a},\"compression\":null,\"splits\":[\"0..10\",\"10..24\"]}}\n\
         {{\"input\":\"logs/b.jsonl\",\"size\":25,\"modified\":1700000000123456789,\"compression\":null,\"splits\":[\"0..10\",\"10..20\",\"20..25\"]}}\n"
    );
    assert_eq!(run.stdout_text(), expected);
    assert_eq!(run.stderr, "");
    // Before 1970, by half a second.
    set_modified(
        &sandbox,
        "logs/b.jsonl",
        SystemTime::UNIX_EPOCH - Duration::from_millis(500),
    );
    assert_eq!(
        plan(&sandbox, ["logs/b.jsonl"]),
        [json!({
            "input": "logs/b.jsonl", "size": 25, "modified": -500_000_000, "compression": null,
            "splits": ["0..25"],
        })]
    );
    let args = [
        "partial",
        "logs/b.jsonl",
        "--split=0..25",
        "--expect-size=25",
        "--expect-modified=-500000000",
        "-q",
    ];
    sandbox.run(args).expect_code(0);
}

#[test]
fn inputs_are_those_of_aggregate_in_its_order() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("logs/x")).unwrap();
    for name in [
        "events.jsonl",
        "logs/b.jsonl",
        "logs/x/a.jsonl",
        "c d.txt",
        "-e.jsonl",
        "-",
        "\u{202e}f\"\n.jsonl",
    ] {
        sandbox.write(name, "no event\n");
    }
    sandbox.write(
        "list",
        "logs/x/a.jsonl\n\nlogs\n-\n-e.jsonl\nevents.jsonl\n",
    );
    sandbox.write("nul", "c d.txt\0\u{202e}f\"\n.jsonl\0logs/b.jsonl");
    for args in [
        &[][..],
        &["logs/x", "events.jsonl", "logs/b.jsonl"],
        &["logs/**/*.jsonl", "c*"],
        &["logs/x", "--files-from=nul", "-0"],
        &["--files-from=list", "--allow-duplicates"],
        &["events.jsonl", "./events.jsonl", "--allow-duplicates"],
    ] {
        let rejects = ["-q", "-o", "/dev/null", "--rejects=-"];
        let run = sandbox.aggregate(args.iter().chain(&rejects));
        run.expect_code(0);
        let rejects = json_lines(run.stdout_text());
        let plan = plan(&sandbox, args);
        assert_eq!(names(&plan), names(&rejects), "{args:?}");
        assert!(!plan.is_empty());
    }
    // What a terminal should not see is escaped.
    let run = sandbox.run(["splits", "--files-from=nul", "-0", "-q"]);
    let escaped = "{\"input\":\"\\u202ef\\\"\\n.jsonl\",";
    assert!(run.stdout_text().contains(escaped), "{}", run.stdout_text());
    // A list on standard input is no input.
    let mut command = sandbox.program();
    command.args(["splits", "--allow-duplicates", "--files-from=-"]);
    let run = with_stdin(command, File::open(sandbox.path("list")).unwrap());
    run.expect_code(0);
    assert_eq!(json_lines(run.stdout_text()).len(), 6);
}

/// Word for word.
#[test]
fn what_is_wrong_with_inputs_is_what_aggregate_says() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n"));
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.write("short.jsonl.gz", "\x1f");
    sandbox.write("list", "events.jsonl\nmissing.jsonl\n");
    sandbox.write("none", "\n");
    symlink("nowhere", sandbox.path("link.jsonl")).unwrap();
    let before = snapshot(&sandbox);
    for (args, code) in [
        (&["missing.jsonl"][..], 1),
        (&["empty"], 1),
        (&["x*.jsonl"], 1),
        (&["link.jsonl"], 1),
        (&["events.jsonl", "short.jsonl.gz"], 1),
        (&["--files-from=list"], 1),
        (&["--files-from=none"], 1),
        (&["--files-from=nothing"], 1),
        (&["events.jsonl", "./events.jsonl"], 2),
        (&["-", "-"], 2),
        (&[""], 2),
        (&["[[:word:]]*"], 2),
    ] {
        let theirs = sandbox.aggregate(args);
        let ours = sandbox.run(["splits"].iter().chain(args));
        ours.expect_code(code);
        assert_eq!((ours.code, &ours.stderr), (theirs.code, &theirs.stderr));
        assert!(ours.stderr.starts_with("error: "), "{}", ours.stderr);
        assert!(ours.stdout.is_empty());
        assert_eq!(snapshot(&sandbox), before);
    }
}

#[test]
fn what_can_only_be_read_as_a_whole_is_refused() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n"));
    fifo(&sandbox, "pipe");
    let bytes = OsStr::from_bytes(b"caf\xe9.jsonl");
    sandbox.write(bytes, format!("{CLICK}\n"));
    sandbox.write("plan.jsonl", "before");
    sandbox.write("list", CLICK);
    let before = snapshot(&sandbox);
    let stream = "can only be read as a whole, as a stream (daytally partial -)";
    for (input, says) in [
        (OsStr::new("-"), format!("standard input {stream}")),
        (
            OsStr::new("pipe"),
            format!("{} {stream}", sandbox.path("pipe").display()),
        ),
        (OsStr::new("/dev/null"), format!("/dev/null {stream}")),
        (OsStr::new("/dev/fd/0"), format!("/dev/fd/0 {stream}")),
        (
            OsStr::new("/proc/self/status"),
            format!("/proc/self/status {stream}"),
        ),
        (bytes, "has a name that is not UTF-8".into()),
    ] {
        if !cfg!(target_os = "linux") && input.as_bytes().starts_with(b"/proc") {
            continue;
        }
        for output in ["-", "plan.jsonl"] {
            let mut command = sandbox.program();
            command
                .args(["splits", "events.jsonl", "-o", output, "--"])
                .arg(input);
            // As a file it could be cut, were it the same one for other processes.
            let run = with_stdin(command, File::open(sandbox.path("list")).unwrap());
            run.expect_code(1).expect_stderr(&says);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
            assert!(run.stdout.is_empty());
            assert_eq!(snapshot(&sandbox), before);
        }
    }
}

#[test]
fn wrong_use() {
    let sandbox = Sandbox::with_events(CLICK);
    let before = snapshot(&sandbox);
    for (args, says) in [
        (&["--split-size=0"][..], "at least 1 byte"),
        (&["--split-size=-1"], "a size is a whole number"),
        (&["--split-size=1.5G"], "a size is a whole number"),
        (&["--split-size=99999999T"], "the size is too large"),
        (&["--split-size"], "a value is required"),
        (&["-0"], "give the list with --files-from"),
        (&["--from=2024-01-01"], "unexpected argument"),
        (&["-o", "stats.csv"], "named as something else (.csv)"),
        (&["-o", "plan.jsonl.gz"], "named as something else (.gz)"),
        (&["-o", "events.jsonl"], "the plan (--output) at "),
    ] {
        let run = sandbox.run(["splits"].iter().chain(args));
        run.expect_code(2).expect_stderr(says);
        assert!(run.stdout.is_empty());
        assert_eq!(snapshot(&sandbox), before);
    }
    // Such as what a scheduler has set for aggregate.
    let mut command = sandbox.program();
    command
        .arg("splits")
        .env("DAYTALLY_OUTPUT", "daily_user_stats.csv");
    Run::of(command).expect_code(2);
    // Where standard output goes counts, too, and so does the list.
    sandbox.write("list.jsonl", "events.jsonl\n");
    for (args, stdout) in [
        (&["splits"][..], "events.jsonl"),
        (&["splits", "--files-from=list.jsonl"], "list.jsonl"),
    ] {
        let mut command = sandbox.program();
        let file = File::options().append(true).open(sandbox.path(stdout));
        command.args(args).stdout(Stdio::from(file.unwrap()));
        let out = command.output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains("would overwrite the input"), "{said}");
    }
    assert_eq!(sandbox.text("events.jsonl"), CLICK);
    assert_eq!(sandbox.text("list.jsonl"), "events.jsonl\n");
}

#[test]
fn sizes_are_read_as_elsewhere() {
    let sandbox = Sandbox::new();
    let mib = 1 << 20;
    hole(&sandbox, "events.jsonl", 300 * mib);
    for (args, second) in [
        (&[][..], 128 * mib),
        (&["--split-size=100MiB"], 100 * mib),
        (&["--split-size=100M"], 100 * mib),
        (&["--split-size=100MB"], 100_000_000),
        (&["--split-size=150 MiB"], 150 * mib),
        (&["--split-size=3000000"], 3_000_000),
    ] {
        let plan = plan(&sandbox, args);
        let splits = plan[0]["splits"].as_array().unwrap();
        assert_eq!(splits[0], format!("0..{second}"), "{args:?}");
        let next = splits[1].as_str().unwrap();
        assert!(next.starts_with(&format!("{second}..")), "{args:?}: {next}");
    }
    let whole = json!([format!("0..{}", 300 * mib)]);
    for size in ["300MiB", "201MiB", "1T", "18446744073709551615"] {
        assert_eq!(plan(&sandbox, ["--split-size", size])[0]["splits"], whole);
    }
}

/// The content tells, as it does when the file is read.
#[test]
fn compressed_files_are_not_cut() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl.gz", gzip(CLICK.repeat(99).as_bytes()));
    sandbox.write("b.jsonl", gzip(CLICK.as_bytes()));
    sandbox.write("c.jsonl.gz", format!("{CLICK}\n").repeat(2));
    sandbox.write("d.jsonl", b"BZh9 and so on");
    sandbox.write("e.jsonl", b"\x28\xb5\x2f\xfd and so on");
    sandbox.write("f.jsonl", b"\xfd7zXZ\0 and so on");
    sandbox.write("g.jsonl", b"\x04\x22\x4d\x18 and so on");
    sandbox.write("h.jsonl", b"\x1f");
    let plan = plan(&sandbox, [".", "--split-size=60"]);
    let told: Vec<_> = plan
        .iter()
        .map(|input| (&input["compression"], &input["splits"]))
        .collect();
    let whole = &json!(["0.."]);
    assert_eq!(
        told,
        [
            (&json!("gzip"), whole),
            (&json!("gzip"), whole),
            (&Value::Null, &json!(["0..60", "60..140"])),
            (&json!("bzip2"), whole),
            (&json!("zstd"), whole),
            (&json!("xz"), whole),
            (&json!("lz4"), whole),
            (&json!("gzip"), whole),
        ]
    );
    for input in &plan {
        let name = text_of(input, "input");
        assert_eq!(input["size"], sandbox.read(name).len());
        assert_eq!(input["modified"], modified(&sandbox, name));
    }
}

/// Counts every split of a plan with what it says the file is, and merges all.
fn count_all(sandbox: &Sandbox, plan: &[Value], folder: &str) -> Run {
    fs::create_dir(sandbox.path(folder)).unwrap();
    let mut number = 0;
    for input in plan {
        let name = text_of(input, "input");
        for split in input["splits"].as_array().unwrap() {
            let split = split.as_str().unwrap();
            let size = format!("--expect-size={}", input["size"]);
            let modified = format!("--expect-modified={}", input["modified"]);
            let part = format!("{folder}/{number}.arrow");
            let args = [
                "partial",
                "--split",
                split,
                &size,
                &modified,
                "--rejects",
                "-q",
                "-o",
                &part,
                "--",
                name,
            ];
            sandbox.run(args).expect_code(0);
            number += 1;
        }
    }
    sandbox.write("order", names(plan).join("\n"));
    sandbox.run([
        "merge",
        folder,
        "-q",
        "-o",
        "merged.csv",
        "--rejects=merged.rejects",
        "--inputs-order=order",
    ])
}

#[test]
fn all_splits_counted_and_merged_are_the_result() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("logs")).unwrap();
    let mixed = ["--profile=mixed", "--invalid-rate=0.1", "--users=50"];
    let events = |lines: &str, seed: &str| {
        sandbox.generate(
            mixed
                .iter()
                .copied()
                .chain(["--lines", lines, "--seed", seed]),
        )
    };
    sandbox.write("logs/a.jsonl", events("3000", "1"));
    let mut other = b"\xef\xbb\xbf".to_vec();
    other.extend_from_slice(&events("200", "2"));
    other.pop();
    sandbox.write("logs/b.jsonl", &other);
    sandbox.write("logs/c.jsonl", gzip(&events("300", "3")));
    sandbox.write("logs/d.jsonl", "");
    sandbox.write("-e.jsonl", events("100", "4"));
    sandbox.write("list", "logs/b.jsonl\nlogs/a.jsonl\n");
    // Not in the order that names sort in.
    let inputs = [
        "./-e.jsonl",
        "logs/d.jsonl",
        "logs/c.jsonl",
        "--files-from=list",
    ];
    let whole = ["-q", "-o", "whole.csv", "--rejects=whole.rejects"];
    sandbox
        .aggregate(inputs.iter().chain(&whole))
        .expect_code(0);
    let len = sandbox.read("logs/a.jsonl").len();
    for (size, most) in [
        ("9000".to_owned(), len / 9000 + 60),
        ("50kB".into(), 20),
        (len.to_string(), 5),
        ((len - 1).to_string(), 5),
        ("128MiB".into(), 5),
    ] {
        let args = inputs.iter().copied().chain(["--split-size", &size]);
        let plan = plan(&sandbox, args);
        let count: usize = plan
            .iter()
            .map(|input| input["splits"].as_array().unwrap().len())
            .sum();
        assert!((5..=most).contains(&count), "{count} splits of {size}");
        count_all(&sandbox, &plan, &format!("parts-{size}")).expect_code(0);
        assert!(sandbox.text("merged.csv") == sandbox.text("whole.csv"));
        assert!(sandbox.text("merged.rejects") == sandbox.text("whole.rejects"));
    }
    assert!(sandbox.text("whole.rejects").lines().count() > 300);
}

#[test]
fn a_file_that_changes_after_it_was_planned_is_not_counted() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(9));
    let plan = plan(&sandbox, ["--split-size=200"]);
    let size = plan[0]["size"].to_string();
    let planned = plan[0]["modified"].to_string();
    let count = || {
        sandbox.run([
            "partial",
            "events.jsonl",
            "--split=0..200",
            "--expect-size",
            &size,
            "--expect-modified",
            &planned,
            "-q",
            "-o",
            "part.arrow",
        ])
    };
    count().expect_code(0);
    fs::remove_file(sandbox.path("part.arrow")).unwrap();
    let time = fs::metadata(sandbox.path("events.jsonl")).unwrap();
    let time = time.modified().unwrap();
    let text = sandbox.text("events.jsonl");
    for (what, text, time) in [
        ("touched", text.clone(), time + Duration::from_secs(2)),
        ("grown", format!("{text}{CLICK}\n"), time),
        ("cut", text[..text.len() - 1].to_owned(), time),
    ] {
        sandbox.write("events.jsonl", text);
        set_modified(&sandbox, "events.jsonl", time);
        let run = count();
        run.expect_code(1)
            .expect_stderr("is not what it was when its splits were planned");
        run.expect_stderr("plan again");
        assert!(!sandbox.path("part.arrow").exists(), "{what}");
    }
    sandbox.write("events.jsonl", text);
    set_modified(&sandbox, "events.jsonl", time);
    count().expect_code(0);
}

#[test]
fn a_plan_in_a_file_is_the_one_that_is_printed() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("logs")).unwrap();
    sandbox.write("logs/a.jsonl", CLICK);
    let printed = sandbox.run(["splits", "logs"]);
    sandbox.write("plan.jsonl", "an old one");
    let run = sandbox.run(["splits", "logs", "-o", "plan.jsonl"]);
    run.expect_code(0);
    assert_eq!((run.stdout.as_slice(), &*run.stderr), (&b""[..], ""));
    assert_eq!(sandbox.read("plan.jsonl"), printed.stdout);
    let inode = || fs::metadata(sandbox.path("plan.jsonl")).unwrap().ino();
    let before = inode();
    sandbox
        .run(["splits", "logs", "-o", "plan.jsonl"])
        .expect_code(0);
    assert_eq!(inode(), before);
    assert_eq!(sandbox.names(), ["logs", "plan.jsonl"]);
    // Nobody wants to count the plan.
    let args = ["splits", "logs", "-o", "logs/plan.jsonl"];
    sandbox
        .run(args)
        .expect_code(0)
        .expect_stderr("would be one the next time");
    fs::remove_file(sandbox.path("logs/plan.jsonl")).unwrap();
    let run = sandbox.run(args.iter().chain(&["-q"]));
    run.expect_code(0);
    assert_eq!(run.stderr, "");
    // What aggregate warns of.
    sandbox.write("b.jsonl.gz", "");
    let run = sandbox.run(["splits", "{b,c}*"]);
    run.expect_code(0)
        .expect_stderr("no inputs match c*, an alternative of a pattern");
    run.expect_stderr("is named as compressed and has no bytes at all");
    sandbox
        .run(["splits", "logs", "-o", "no/plan.jsonl"])
        .expect_code(1);
}

/// The run, and its standard output as a pipe.
fn started(sandbox: &Sandbox, args: &[&str], stdout: Stdio) -> Child {
    let mut command = sandbox.program();
    command.arg("splits").args(args).stdout(stdout);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// Its exit code and what it said, unless it goes on for longer than that may take.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    let stderr = child.stderr.take();
    stderr.unwrap().read_to_string(&mut said).unwrap();
    (status.code(), said)
}

#[test]
fn a_plan_that_nobody_waits_for_ends() {
    let sandbox = Sandbox::new();
    // More splits than anybody can write in a minute.
    hole(&sandbox, "events.jsonl", 1 << 40);
    let mut child = started(&sandbox, &["--split-size=1"], Stdio::piped());
    let mut first = [0; 22];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{\"input\":\"events.jsonl");
    assert_eq!(ended(child), (Some(0), String::new()));

    let mut child = started(&sandbox, &["--split-size=1"], Stdio::piped());
    // By then it is at work.
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    let reader = thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended(child).0, Some(143));
    reader.join().unwrap();
}

#[test]
fn many_splits_take_no_memory() {
    let sandbox = Sandbox::new();
    hole(&sandbox, "events.jsonl", 1_000_000);
    let mut child = started(&sandbox, &["--split-size=1"], Stdio::piped());
    let (mut text, mut block) = (Vec::new(), vec![0; 1 << 20]);
    let mut most = None;
    let mut stdout = child.stdout.take().unwrap();
    loop {
        most = most.max(status_field(child.id(), "RssAnon"));
        let read = stdout.read(&mut block).unwrap();
        if read == 0 {
            break;
        }
        text.extend_from_slice(&block[..read]);
    }
    assert_eq!(ended(child), (Some(0), String::new()));
    let line = String::from_utf8(text).unwrap();
    let (_, splits) = line.split_once("\"splits\":[").unwrap();
    let splits = splits.strip_suffix("]}\n").unwrap().split(',');
    let mut count = 0_u64;
    for split in splits {
        assert_eq!(split, format!("\"{count}..{}\"", count + 1));
        count += 1;
    }
    assert_eq!(count, 1_000_000);
    if cfg!(target_os = "linux") {
        let most = most.expect("the run was seen at least once");
        assert!(most < 8 * 1024, "{most} KiB");
    }
}

#[cfg(all(feature = "shell", feature = "config"))]
#[test]
fn shells_man_pages_and_config_know_the_command() {
    let sandbox = Sandbox::with_events(CLICK);
    for shell in ["bash", "fish", "zsh"] {
        let run = sandbox.run(["completions", shell]);
        run.expect_code(0);
        assert!(run.stdout_text().contains("split-size"), "{shell}");
    }
    sandbox.run(["man", "man"]).expect_code(0);
    let page = sandbox.text("man/daytally-splits.1");
    for word in ["split\\-size", "\n.SH EXAMPLES\n"] {
        assert!(page.contains(word), "{word}");
    }
    sandbox.write("daytally.toml", "[splits]\nsplit-size = \"40B\"\n");
    let run = sandbox.run(["config", "--json", "splits"]);
    run.expect_code(0);
    let shown: Value = serde_json::from_str(run.stdout_text()).unwrap();
    let options = shown["options"].as_array().unwrap();
    let row = options.iter().find(|row| row["option"] == "split-size");
    assert_eq!(row.unwrap()["value"], "40B");
    let splits = &plan(&sandbox, [""; 0])[0]["splits"];
    assert_eq!(splits, &json!(["0..40", "40..69"]));
    sandbox.write("daytally.toml", "split-size = 0\n");
    sandbox
        .run(["config"])
        .expect_code(2)
        .expect_stderr("at least 1 byte");
    sandbox.write("daytally.toml", "");
    let mut command = sandbox.program();
    command.arg("splits").env("DAYTALLY_SPLIT_SIZE", "35");
    let run = Run::of(command);
    assert!(run.stdout_text().ends_with("[\"0..35\",\"35..69\"]}\n"));
}
