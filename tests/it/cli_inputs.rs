//! Which inputs a run reads: folders, patterns, lists, and what is read twice.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, expect_printable, fifo, json_lines};

/// A sandbox with files of one event each, and folders for them.
fn sandbox_of(files: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for file in files {
        fs::create_dir_all(sandbox.path(file).parent().unwrap()).unwrap();
        sandbox.write(file, format!("{CLICK}\n"));
    }
    sandbox
}

/// The names of the inputs, and the whole summary.
fn inputs_of(sandbox: &Sandbox, args: &[&str]) -> (Vec<String>, Value) {
    let run = sandbox.aggregate(args.iter().chain(&["-q", "--summary", "-"]));
    run.expect_code(0);
    let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
    let inputs = summary["inputs"].as_array().unwrap();
    let names = inputs
        .iter()
        .map(|input| input["input"].as_str().unwrap().to_owned());
    (names.collect(), summary)
}

/// The program with `text` on standard input.
fn aggregate_with_stdin(sandbox: &Sandbox, args: &[&str], text: &[u8]) -> Run {
    sandbox.write("stdin", text);
    let mut command = sandbox.program();
    command
        .arg("aggregate")
        .args(args)
        .stdin(File::open(sandbox.path("stdin")).unwrap());
    let output = command.output().unwrap();
    Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const DUMP: [&str; 10] = [
    "dump/a.jsonl",
    "dump/b/c.ndjson",
    "dump/b/d/e.JSON",
    "dump/.hidden.jsonl",
    "dump/.git/x.jsonl",
    "dump/_SUCCESS",
    "dump/_temporary/0/x.jsonl",
    "dump/b/.c.ndjson.crc",
    "dump/b/f.jsonl._COPYING_",
    "dump/notes.txt",
];

#[test]
fn a_folder_is_its_files() {
    let sandbox = sandbox_of(&DUMP);
    let (names, summary) = inputs_of(&sandbox, &["dump"]);
    assert_eq!(
        names,
        ["dump/a.jsonl", "dump/b/c.ndjson", "dump/b/d/e.JSON"]
    );
    assert_eq!(
        summary["left_out"],
        json!({"hidden": 3, "markers": 3, "others": 1})
    );
    assert_eq!(
        summary["inputs"][1]["path"],
        sandbox.path("dump/b/c.ndjson").to_str().unwrap()
    );
    let csv = sandbox.csv();
    assert_eq!(csv, CLICK_CSV.replace(",1,1,0,", ",1,3,0,"));

    // The result is that of naming the files, in whatever order.
    let (_, summary) = inputs_of(
        &sandbox,
        &["dump/b/d/e.JSON", "dump/a.jsonl", "dump/b/c.ndjson"],
    );
    assert_eq!(sandbox.csv(), csv);
    assert_eq!(
        summary["left_out"],
        json!({"hidden": 0, "markers": 0, "others": 0})
    );

    let run = sandbox.aggregate(["dump"]);
    run.expect_stderr("3 files: ")
        .expect_stderr("  left out  3 hidden, 3 markers and 1 other file\n");
    let run = sandbox.aggregate(["dump/a.jsonl"]);
    assert!(!run.stderr.contains("left out"), "{}", run.stderr);
    let run = sandbox.aggregate(["dump", "-v", "--log-format=json"]);
    let log = json_lines(&run.stderr);
    let told = log
        .iter()
        .find(|line| line["message"] == "left out of folders and patterns")
        .unwrap();
    assert_eq!(
        (&told["hidden"], &told["markers"], &told["others"]),
        (&json!(3), &json!(3), &json!(1))
    );
}

/// The usual ways to write a folder, and the current one with the result in it.
#[test]
fn a_folder_by_other_names() {
    let sandbox = sandbox_of(&["x/a.jsonl", "x/b.csv", "x/.in/c.jsonl"]);
    for (name, first) in [
        ("x/", "x/a.jsonl"),
        ("./x", "./x/a.jsonl"),
        (".", "./x/a.jsonl"),
        ("x/.in/..", "x/.in/../a.jsonl"),
        ("x/.in", "x/.in/c.jsonl"),
    ] {
        let (names, _) = inputs_of(&sandbox, &[name]);
        assert_eq!(names, [first], "{name}");
    }
    let (names, _) = inputs_of(&sandbox, &[sandbox.path("x").to_str().unwrap()]);
    assert_eq!(names, [sandbox.path("x/a.jsonl").to_str().unwrap()]);
}

#[test]
fn patterns_are_expanded_here() {
    let sandbox = sandbox_of(&[
        "logs/2024-01/a.jsonl",
        "logs/2024-02/a.jsonl",
        "logs/2024-02/b/c.jsonl",
        "logs/2023-12/a.jsonl",
        "logs/2024-02/x.log",
        "logs/2024-02/.x.log",
        "logs/{x}*.jsonl",
    ]);
    for (pattern, expected) in [
        (
            "logs/2024-*/a.jsonl",
            &["logs/2024-01/a.jsonl", "logs/2024-02/a.jsonl"][..],
        ),
        ("logs/**/c.jsonl", &["logs/2024-02/b/c.jsonl"]),
        (
            "logs/2024-0[12]",
            &[
                "logs/2024-01/a.jsonl",
                "logs/2024-02/a.jsonl",
                "logs/2024-02/b/c.jsonl",
            ],
        ),
        (
            "logs/{2023-1?,2024-01}/*",
            &["logs/2023-12/a.jsonl", "logs/2024-01/a.jsonl"],
        ),
        ("logs/*/*.log", &["logs/2024-02/x.log"]),
        ("logs/*/.*.log", &["logs/2024-02/.x.log"]),
        // A file of that name.
        ("logs/{x}*.jsonl", &["logs/{x}*.jsonl"]),
    ] {
        let (names, _) = inputs_of(&sandbox, &[pattern]);
        assert_eq!(names, expected, "{pattern}");
    }
    let (_, summary) = inputs_of(&sandbox, &["logs/*/*.log"]);
    assert_eq!(summary["left_out"]["hidden"], 1);
}

/// Of a pattern's alternatives a name has to be there, and what matches nothing is told.
#[test]
fn no_alternative_is_dropped_silently() {
    let sandbox = sandbox_of(&[
        "mon.jsonl",
        "days/01.jsonl",
        "days/02.jsonl",
        "days/3.jsonl",
    ]);
    let run = sandbox.aggregate(["{mon,tue}.jsonl"]);
    run.expect_code(1)
        .expect_stderr("error: cannot open ")
        .expect_stderr("/tue.jsonl: no such file or folder");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(!sandbox.path("daily_user_stats.csv").exists());
    sandbox
        .aggregate(["days/{01..03}.jsonl"])
        .expect_code(1)
        .expect_stderr("/days/03.jsonl: no such file");

    let (names, _) = inputs_of(&sandbox, &["days/{01..02}.jsonl", "days/[[:digit:]].jsonl"]);
    assert_eq!(names, ["days/01.jsonl", "days/02.jsonl", "days/3.jsonl"]);
    let run = sandbox.aggregate(["{mon,tue*,days/{x..z}*}.jsonl", "--log-format=json"]);
    run.expect_code(0);
    let log = json_lines(&run.stderr);
    let told: Vec<_> = log
        .iter()
        .map(|line| {
            (
                line["level"].as_str().unwrap(),
                line["pattern"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("WARN", "tue*.jsonl"),
            ("WARN", "days/x*.jsonl"),
            ("WARN", "days/y*.jsonl"),
            ("WARN", "days/z*.jsonl")
        ]
    );
    let run = sandbox.aggregate(["{mon,tue*}.jsonl", "--log-file=log"]);
    run.expect_code(0);
    let log = sandbox.text("log");
    let expected = "WARN no inputs match this alternative of a pattern pattern=tue*.jsonl\n";
    assert!(log.ends_with(expected), "{log}");
    // Never more than can be read.
    let run = sandbox.aggregate(["{mon,{1..1000}*}.jsonl", "--log-format=json"]);
    let log = json_lines(&run.expect_code(0).stderr);
    assert_eq!((log.len(), &log[20]["more"]), (21, &json!(980)));
    let run = sandbox.aggregate(["{mon,tue*}.jsonl", "-q"]);
    run.expect_code(0);
    assert_eq!(run.stderr, "");
}

/// As a variable that is not set leaves it.
#[test]
fn an_empty_alternative_is_wrong_use() {
    let sandbox = sandbox_of(&["mon.jsonl", "tue.jsonl", "events.jsonl", "events.old.jsonl"]);
    for pattern in ["{mon.jsonl,}", "{,mon.jsonl}", "{,}"] {
        let run = sandbox.aggregate([pattern]);
        run.expect_code(2)
            .expect_stderr("error: the name of an input is empty: the braces of ");
        assert!(!sandbox.path("daily_user_stats.csv").exists());
    }
    let (names, _) = inputs_of(&sandbox, &["events{,.old}.jsonl"]);
    assert_eq!(names, ["events.jsonl", "events.old.jsonl"]);
    sandbox
        .aggregate(["[[:digits:]]*"])
        .expect_code(2)
        .expect_stderr("[:digits:] in the pattern [[:digits:]]* is no class of characters");
}

/// An upload that broke off within the first bytes is cut-off data, however it is read.
#[test]
fn a_compressed_file_of_a_few_bytes_is_cut_off() {
    let sandbox = sandbox_of(&["in/a.jsonl"]);
    for (extension, magic, format, unlikely_text) in [
        ("gz", &b"\x1f\x8b\x08"[..], "gzip", 1),
        ("zst", b"\x28\xb5\x2f\xfd", "zstd", 2),
        ("bz2", b"BZh9", "bzip2", 4),
        ("xz", b"\xfd7zXZ\0", "xz", 1),
        ("lz4", b"\x04\x22\x4d\x18", "lz4", 2),
    ] {
        for len in 1..magic.len() {
            let (name, start) = (format!("in/b.jsonl.{extension}"), &magic[..len]);
            sandbox.write(&name, start);
            for input in [&name[..], "in", "in/*"] {
                let run = sandbox.aggregate([input]);
                run.expect_code(1).expect_stderr(&format!(
                    "/{name}: the {format} data is cut off after 0 decompressed bytes"
                ));
            }
            fs::remove_file(sandbox.path(&name)).unwrap();
            // Under other names what is text is a line.
            let is_cut_off = len >= unlikely_text;
            sandbox.write("data", start);
            let says = format!("the {format} data is cut off");
            for run in [
                sandbox.aggregate(["data", "-o", "-"]),
                aggregate_with_stdin(&sandbox, &["-", "-o", "-"], start),
            ] {
                if is_cut_off && cfg!(feature = "default") {
                    run.expect_code(1).expect_stderr(&says);
                } else if !is_cut_off {
                    run.expect_code(0).expect_stderr("reason=invalid_");
                }
            }
        }
    }
    assert!(!sandbox.path("daily_user_stats.csv").exists());
}

#[test]
fn no_inputs_is_never_an_empty_success() {
    let sandbox = sandbox_of(&["events.jsonl", "x/a.txt", "x/.b", "x/_SUCCESS"]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.write("list", "\n");
    let root = sandbox.root().to_str().unwrap();
    for (args, expected) in [
        (
            &["x"][..],
            &[
                "no inputs in the folder ",
                "/x: no *.jsonl, *.ndjson or *.json",
                "(left out: 1 hidden, 1 marker and 1 other file)",
            ][..],
        ),
        (
            &["empty"],
            &["no inputs in the folder ", "(left out: nothing)"],
        ),
        (&["events.jsonl", "empty"], &["no inputs in the folder "]),
        (&["x/*.jsonl"], &["no inputs match ", "/x/*.jsonl: "]),
        (
            &["events.jsonl", "no/*/such/**"],
            &["no inputs match ", "/no/*/such/**: "],
        ),
        (&["emp*"], &["no inputs match ", "(left out: nothing)"]),
        (
            &["--files-from=list"],
            &["the list ", "/list names no inputs"],
        ),
        (
            &["--files-from=/dev/null", "events.jsonl"],
            &["the list /dev/null names no inputs"],
        ),
        (
            &["--files-from=nope"],
            &["cannot open ", "/nope: no such file"],
        ),
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(1);
        for part in expected {
            run.expect_stderr(part);
        }
        assert!(
            run.stderr.contains(root) || args[0].contains("/dev/null"),
            "{}",
            run.stderr
        );
        assert!(!sandbox.path("daily_user_stats.csv").exists(), "{args:?}");
    }
}

#[test]
fn a_list_names_inputs() {
    let sandbox = sandbox_of(&[
        "a b.jsonl",
        "x/c.jsonl",
        "x/d.txt",
        "*",
        "-",
        "z.jsonl",
        "new\nline",
    ]);
    sandbox.write("list", "a b.jsonl\n\nx\n*\n-");
    let expected = ["a b.jsonl", "x/c.jsonl", "*", "./-"];
    let (names, summary) = inputs_of(&sandbox, &["--files-from", "list"]);
    assert_eq!(names, expected);
    assert_eq!(summary["left_out"]["others"], 1);
    let csv = sandbox.csv();
    // The typed ones come first.
    let (names, _) = inputs_of(&sandbox, &["z.jsonl", "--files-from=list"]);
    assert_eq!(names[..2], ["z.jsonl", "a b.jsonl"]);
    // From standard input, between NUL bytes, and by the environment.
    let run = aggregate_with_stdin(&sandbox, &["-q", "--files-from=-"], &sandbox.read("list"));
    run.expect_code(0);
    assert_eq!(sandbox.csv(), csv);
    sandbox.write("list0", "new\nline\0\0-\0");
    for args in [
        ["-0", "--files-from=list0"],
        ["--null", "--files-from=list0"],
    ] {
        let (names, _) = inputs_of(&sandbox, &args);
        assert_eq!(names, ["new\nline", "./-"]);
    }
    let mut command = sandbox.program();
    command
        .args(["aggregate", "-q"])
        .envs([("DAYTALLY_FILES_FROM", "list0"), ("DAYTALLY_NULL", "1")]);
    Run::of(command).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,2,0,"));
}

#[test]
fn a_fault_in_a_list_is_told_with_its_place() {
    let sandbox = sandbox_of(&["a.jsonl"]);
    sandbox.write("list", "a.jsonl\n\nnope.jsonl\nalso-nope.jsonl\n");
    let run = sandbox.aggregate(["--files-from=list"]);
    run.expect_code(1);
    let place = format!(
        "error: line 3 of the list {}: cannot open ",
        sandbox.path("list").display()
    );
    run.expect_stderr(&place)
        .expect_stderr("/nope.jsonl: no such file or folder");
    assert_eq!(run.stderr.lines().count(), 1);
    let run = aggregate_with_stdin(&sandbox, &["--files-from=-"], b"a*.jsonl\n");
    run.expect_code(1)
        .expect_stderr("line 1 of the list on standard input: cannot open ");
    sandbox.write("list0", b"a.jsonl\0\x1b[31m\xff\0");
    let run = sandbox.aggregate(["-0", "--files-from=list0"]);
    run.expect_code(1).expect_stderr("entry 2 of the list ");
    expect_printable(&run.stderr);
    for (list, hint) in [
        (
            &b"a.jsonl\r\n"[..],
            "; the line ends with a carriage return",
        ),
        (
            b"\xef\xbb\xbfa.jsonl\n",
            "; the list starts with a byte-order mark",
        ),
        (b"*.jsonl\n", "; patterns are not expanded in a list"),
    ] {
        let run = aggregate_with_stdin(&sandbox, &["--files-from=-"], list);
        run.expect_code(1).expect_stderr(hint);
        expect_printable(&run.stderr);
    }
    // The log tells it, where there is one.
    let run = sandbox.aggregate(["--files-from=list", "--log-format=json"]);
    assert_eq!(json_lines(&run.stderr)[0]["level"], "ERROR");
}

#[test]
fn a_file_twice_is_wrong_use() {
    let sandbox = sandbox_of(&["x/a.jsonl", "x/b.jsonl"]);
    fs::hard_link(sandbox.path("x/a.jsonl"), sandbox.path("hard.jsonl")).unwrap();
    symlink("x/b.jsonl", sandbox.path("soft.jsonl")).unwrap();
    sandbox.write("list", "x/a.jsonl\n");
    for (args, count) in [
        (&["x/a.jsonl", "x/a.jsonl"][..], 2),
        (&["x", "x/../x/a.jsonl"], 3),
        (&["x", "hard.jsonl"], 3),
        (&["x", "soft.jsonl"], 3),
        (&["."], 4),
        (&["x/*.jsonl", "x"], 4),
        (&["x", "--files-from=list"], 3),
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(2)
            .expect_stderr(sandbox.path("x").to_str().unwrap());
        run.expect_stderr("--allow-duplicates");
        assert!(!sandbox.path("daily_user_stats.csv").exists(), "{args:?}");
        sandbox
            .aggregate(args.iter().chain(&["--allow-duplicates"]))
            .expect_code(0);
        assert_eq!(
            sandbox.csv(),
            CLICK_CSV.replace(",1,1,0,", &format!(",1,{count},0,"))
        );
        fs::remove_file(sandbox.path("daily_user_stats.csv")).unwrap();
    }
    let run = sandbox.aggregate(["x", "hard.jsonl"]);
    let (one, two) = (sandbox.path("x/a.jsonl"), sandbox.path("hard.jsonl"));
    run.expect_stderr(&format!(
        "{} and {} are the same file",
        one.display(),
        two.display()
    ));
    // Nothing makes standard input readable twice.
    sandbox
        .aggregate(["-", "-", "--allow-duplicates"])
        .expect_code(2);
    aggregate_with_stdin(&sandbox, &["-", "--files-from=-"], b"x\n").expect_code(2);
    // The file behind it is one of the others.
    let run = aggregate_with_stdin(&sandbox, &["-", "stdin"], b"");
    run.expect_code(2).expect_stderr("/dev/stdin and ");
}

/// A line of standard input goes to one reader, and would go to two under two names.
#[test]
fn standard_input_is_one_whatever_it_is_called() {
    let sandbox = sandbox_of(&["a.jsonl"]);
    sandbox.write("text", format!("{CLICK}\n"));
    let program = assert_cmd::cargo::cargo_bin!("daytally");
    for args in [
        "- /dev/stdin",
        "/dev/stdin -",
        "- /proc/self/fd/0",
        "/dev/stdin /dev/fd/0",
        "--files-from /dev/stdin -",
        "--files-from - /dev/stdin",
        "--files-from /dev/fd/0 /dev/stdin",
    ] {
        for more in ["", "--allow-duplicates"] {
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(format!(
                    "cat text | {} aggregate {args} {more}",
                    program.display()
                ))
                .current_dir(sandbox.root());
            let run = Run::of(shell);
            assert_eq!(run.code, Some(2), "{args}: {}", run.stderr);
            run.expect_stderr("standard input can be read only once: ");
            assert!(!sandbox.path("daily_user_stats.csv").exists(), "{args:?}");
        }
    }
    // A list on standard input that names it.
    let run = aggregate_with_stdin(&sandbox, &["--files-from=-"], b"a.jsonl\n/dev/stdin\n");
    run.expect_code(2).expect_stderr("only once");
    // A pipe with a name: nobody writes to it, so waiting for that would be a hang.
    fifo(&sandbox, "pipe");
    for args in [
        &["pipe", "./pipe"][..],
        &["pipe", "pipe", "--allow-duplicates"],
        &["pipe", "--files-from=pipe"],
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(2)
            .expect_stderr(" is named twice, and a pipe can be read only once;");
    }
    sandbox
        .aggregate(["/dev/null", "/dev/null", "--allow-duplicates"])
        .expect_code(2)
        .expect_stderr("/dev/null is named twice, and a device can be read only once");
}

#[test]
fn null_needs_a_list() {
    let sandbox = sandbox_of(&["events.jsonl"]);
    for option in ["-0", "--null"] {
        let run = sandbox.aggregate([option]);
        run.expect_code(2).expect_stderr("--files-from");
    }
    let mut command = sandbox.program();
    command.args(["aggregate", "-q"]).env("DAYTALLY_NULL", "1");
    Run::of(command).expect_code(0);
    sandbox.write("list", "events.jsonl\0");
    let mut command = sandbox.program();
    command
        .args(["aggregate", "-0q"])
        .env("DAYTALLY_FILES_FROM", "list");
    Run::of(command).expect_code(0);
}

/// An upload that broke off before its first byte is not taken for a day without events.
#[test]
fn an_empty_compressed_file_is_warned_of() {
    let sandbox = sandbox_of(&["in/a.jsonl"]);
    sandbox.write("in/b.jsonl.gz", "");
    sandbox.write("in/c.jsonl", "");
    for input in ["in", "in/*"] {
        let run = sandbox.aggregate([input, "--log-format=json"]);
        run.expect_code(0);
        let log = json_lines(&run.stderr);
        assert_eq!(log.len(), 1, "{log:?}");
        assert_eq!(log[0]["level"], "WARN");
        assert_eq!(log[0]["input"], "in/b.jsonl.gz");
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
    let run = sandbox.aggregate(["in", "-q"]);
    run.expect_code(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn links_lead_on_but_not_round() {
    let sandbox = sandbox_of(&["real/a.jsonl", "in/b.jsonl"]);
    symlink("../real", sandbox.path("in/link")).unwrap();
    let (names, _) = inputs_of(&sandbox, &["in"]);
    assert_eq!(names, ["in/b.jsonl", "in/link/a.jsonl"]);
    symlink("../in", sandbox.path("real/back")).unwrap();
    for name in ["in", "i*", "in/**"] {
        let run = sandbox.aggregate([name]);
        run.expect_code(1);
        run.expect_stderr("/in/link/back leads back to ");
        run.expect_stderr("/in, a folder that it is in;");
    }
}

/// root may look into any folder, so that the program has to run as somebody else for this.
#[test]
fn a_folder_that_may_not_be_read_is_never_skipped() {
    if rustix::process::geteuid().is_root() {
        eprintln!("a_folder_that_may_not_be_read_is_never_skipped skips: root ignores permissions");
        return;
    }
    let sandbox = sandbox_of(&["in/a.jsonl", "in/shut/b.jsonl", "in/.shut/c.jsonl"]);
    let close = |name: &str, mode| {
        fs::set_permissions(sandbox.path(name), Permissions::from_mode(mode)).unwrap();
    };
    close("in/shut", 0o000);
    close("in/.shut", 0o000);
    let cases =
        ["in", "in/**/*.jsonl", "in/*/b.jsonl"].map(|name| (name, sandbox.aggregate([name])));
    close("in/shut", 0o755);
    let (names, summary) = inputs_of(&sandbox, &["in"]);
    close("in/.shut", 0o755);
    for (name, run) in cases {
        assert_eq!(run.code, Some(1), "{name}: {}", run.stderr);
        run.expect_stderr("/in/shut")
            .expect_stderr("permission denied");
    }
    assert_eq!(names, ["in/a.jsonl", "in/shut/b.jsonl"]);
    assert_eq!(summary["left_out"]["hidden"], 1);
}

/// Nothing that is written may be something that is read.
#[test]
fn outputs_in_input_folders() {
    let sandbox = sandbox_of(&["in/a.jsonl", "in/b.jsonl"]);
    sandbox.write("list", "in/a.jsonl\n");
    fs::create_dir(sandbox.path("z")).unwrap();
    let before = sandbox.text("in/b.jsonl");
    for option in ["--output", "--rejects", "--summary", "--log-file"] {
        for input in ["in", "in/*", "--files-from=list"] {
            let output = if input.starts_with("--") {
                "list"
            } else {
                "in/b.jsonl"
            };
            let run = sandbox.aggregate([input, option, output]);
            run.expect_code(2)
                .expect_stderr("would overwrite the input ");
            run.expect_stderr(sandbox.path(output).to_str().unwrap());
            assert_eq!(sandbox.text("in/b.jsonl"), before);
            assert_eq!(sandbox.text("list"), "in/a.jsonl\n");
        }
    }
    // Nor if another input is at fault, and the log would tell that.
    let run = sandbox.aggregate(["nope", "in", "--log-file", "in/b.jsonl"]);
    run.expect_code(2);
    assert_eq!(sandbox.text("in/b.jsonl"), before);
    // Nor if the search ends before it finds that it is an input: the log tells nothing then.
    sandbox.write("z/z.jsonl", "z\n");
    symlink(".", sandbox.path("z/loop")).unwrap();
    let run = sandbox.aggregate(["z", "--log-file", "z/z.jsonl"]);
    run.expect_code(1).expect_stderr("error: the link ");
    assert_eq!(sandbox.text("z/z.jsonl"), "z\n");
    let run = sandbox.aggregate(["z", "--log-file", "log"]);
    run.expect_code(1);
    assert!(sandbox.text("log").contains("leads back to"));
    // A new one in the folder is fine, and the next run sees what it is.
    sandbox.aggregate(["in", "-o", "in/c.json"]).expect_code(0);
    sandbox.aggregate(["in", "-o", "in/c.json"]).expect_code(2);
    sandbox
        .aggregate(["in", "-o", "in/c.csv", "--rejects=in/_r.jsonl"])
        .expect_code(0);
}

#[test]
fn names_of_any_bytes() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("in")).unwrap();
    for name in [
        &b"a b.jsonl"[..],
        b"new\nline.jsonl",
        b"caf\xe9.jsonl",
        b"\x1b[31m.jsonl",
        b"'\"\\.jsonl",
    ] {
        sandbox.write(format_bytes(b"in/", name), format!("{CLICK}\nx\n"));
    }
    let five = CLICK_CSV.replace(",1,1,0,", ",1,5,0,");
    for args in [&["in"][..], &["in/*"], &["in/{*[!x].jsonl,y*}"]] {
        let run = sandbox.aggregate(args.iter().chain(&["--rejects=r"]));
        run.expect_code(0);
        assert_eq!(sandbox.csv(), five, "{args:?}");
        expect_printable(&run.stderr);
        assert_eq!(json_lines(&sandbox.text("r")).len(), 5);
    }
    // A pattern need not be UTF-8 either.
    let pattern = OsStr::from_bytes(b"in/caf\xe9*");
    sandbox.aggregate([pattern]).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    // As `find -print0` would give them.
    let mut list = Vec::new();
    for entry in fs::read_dir(sandbox.path("in")).unwrap() {
        list.extend_from_slice(entry.unwrap().path().as_os_str().as_bytes());
        list.push(0);
    }
    aggregate_with_stdin(&sandbox, &["-q", "-0", "--files-from=-"], &list).expect_code(0);
    assert_eq!(sandbox.csv(), five);
}

fn format_bytes(folder: &[u8], name: &[u8]) -> std::ffi::OsString {
    OsStr::from_bytes(&[folder, name].concat()).to_owned()
}

#[test]
fn what_is_no_regular_file_in_a_folder_is_left_out() {
    let sandbox = sandbox_of(&["in/a.jsonl"]);
    fifo(&sandbox, "in/pipe.jsonl");
    for input in ["in", "in/*", "i?/**"] {
        let (names, summary) = inputs_of(&sandbox, &[input]);
        assert_eq!(names, ["in/a.jsonl"]);
        assert_eq!(summary["left_out"]["others"], 1);
    }
}

/// A list that is none, as large as they get.
#[test]
fn a_message_is_short_however_long_a_name_is() {
    let sandbox = sandbox_of(&["a.jsonl"]);
    sandbox.write("data.jsonl", format!("{CLICK}\n").repeat(50_000));
    for args in [
        &["-0", "--files-from=data.jsonl"][..],
        &["--files-from=data.jsonl"],
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(1);
        assert!(run.stderr.len() < 1500, "{} bytes", run.stderr.len());
    }
    let run = sandbox.aggregate(["--files-from=."]);
    run.expect_code(1).expect_stderr("without --files-from");
    let run = sandbox.aggregate([""]);
    run.expect_code(2)
        .expect_stderr("the name of an input is empty");
}

/// Many small files, and few that may be open at a time.
#[test]
fn a_folder_of_many_files() {
    const FILES: usize = 20_000;
    let sandbox = Sandbox::new();
    for folder in 0..20 {
        fs::create_dir_all(sandbox.path(format!("in/{folder}/deep/er"))).unwrap();
        for file in 0..FILES / 20 {
            let name = format!("in/{folder}/deep/er/{file}.jsonl");
            let mut file = File::create(sandbox.path(name)).unwrap();
            writeln!(file, "{CLICK}").unwrap();
        }
    }
    let expected = CLICK_CSV.replace(",1,1,0,", &format!(",1,{FILES},0,"));
    let program = assert_cmd::cargo::cargo_bin!("daytally");
    for input in ["in", "'in/*/**/*.jsonl'"] {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!(
                "ulimit -n 40; exec {} aggregate -q {input}",
                program.display()
            ))
            .current_dir(sandbox.root())
            .stdin(Stdio::null());
        Run::of(shell).expect_code(0);
        assert_eq!(sandbox.csv(), expected, "{input}");
        fs::remove_file(sandbox.path("daily_user_stats.csv")).unwrap();
    }
}
