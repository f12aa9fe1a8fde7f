//! `daytally partial` and `daytally merge`: however files are cut into splits, what is merged is what a run over the
//! files gives; and what cannot be all of it is refused.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use daytally::{
    Error, Input, Options, PartialSet, PartialSettings, Pipeline, Reject, RejectBatch, RejectSink,
    partial::PartialFormat,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, proptest_config, snapshot};

/// Formats that this build can write partials in.
const FORMATS: &[&str] = if cfg!(feature = "parquet") {
    &["arrow", "parquet"]
} else {
    &["arrow"]
};

/// Splits of so many bytes, about as long as one another.
fn splits(size: u64, parts: u64) -> Vec<String> {
    let at = |part: u64| size * part / parts;
    (0..parts)
        .filter(|part| at(*part) < at(part + 1))
        .map(|part| format!("{}..{}", at(part), at(part + 1)))
        .collect()
}

/// Makes the partials of all splits of a file, in a folder.
#[track_caller]
fn cut(sandbox: &Sandbox, file: &str, parts: u64, folder: &str, format: &str, args: &[&str]) {
    fs::create_dir_all(sandbox.path(folder)).unwrap();
    let size = fs::metadata(sandbox.path(file)).unwrap().len();
    let mut all = splits(size, parts);
    if all.is_empty() {
        all.push("0..".into());
    }
    for (part, split) in all.iter().enumerate() {
        let name = format!("{folder}/{}-{part}.{format}", file.replace('/', "_"));
        let own = ["partial", file, "--split", split, "-o", &name, "-q"];
        sandbox.run(own.iter().chain(args)).expect_code(0);
    }
}

/// The summary without what is of the run and not of the result.
fn told(sandbox: &Sandbox, name: &str) -> Value {
    let mut summary: Value = serde_json::from_slice(&sandbox.read(name)).unwrap();
    let all = summary.as_object_mut().unwrap();
    for key in [
        "elapsed_seconds",
        "bytes_per_second",
        "rejects",
        "rejects_unchanged",
        "output",
    ] {
        all.remove(key);
    }
    for input in all["inputs"].as_array_mut().unwrap() {
        input.as_object_mut().unwrap().remove("path");
    }
    summary
}

/// Three inputs in a folder: one with all that may be wrong, one with other line ends, a byte-order mark and no
/// newline at its end, and an empty one.
fn logs() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("logs")).unwrap();
    let mixed = [
        "--lines=3000",
        "--profile=mixed",
        "--invalid-rate=0.1",
        "--users=50",
    ];
    sandbox.write("logs/a.jsonl", sandbox.generate(mixed));
    let plain = sandbox.generate(["--lines=500", "--seed=7", "--invalid-rate=0.05"]);
    let mut other = b"\xef\xbb\xbf".to_vec();
    for (at, line) in plain.split(|byte| *byte == b'\n').enumerate() {
        if at > 0 {
            other.extend_from_slice(if at % 7 == 0 { b"\r\n\r\n \n" } else { b"\r\n" });
        }
        other.extend_from_slice(line);
    }
    let end = other.iter().rposition(|byte| *byte == b'}').unwrap();
    sandbox.write("logs/b.jsonl", &other[..=end]);
    sandbox.write("logs/c.jsonl", "");
    sandbox
}

#[test]
fn the_partials_of_all_splits_make_the_result() {
    let sandbox = logs();
    for (case, args) in [
        &[][..],
        &["--from=2024-01-03", "--to=2024-01-20"],
        &["--accept-offsets", "--timezone=+02:00", "--from=2024-01-02"],
        &["--max-line-bytes=110", "--purchase-type=click"],
    ]
    .iter()
    .enumerate()
    {
        let whole = [
            "logs",
            "-q",
            "-o",
            "whole.csv",
            "--rejects=whole.rejects",
            "--summary=whole.json",
        ];
        sandbox.aggregate(whole.iter().chain(*args)).expect_code(0);
        for format in FORMATS {
            let folder = format!("parts-{case}-{format}");
            for (file, parts) in [
                ("logs/a.jsonl", 7),
                ("logs/b.jsonl", 90),
                ("logs/c.jsonl", 1),
            ] {
                let with: Vec<&str> = args.iter().copied().chain(["--rejects"]).collect();
                cut(&sandbox, file, parts, &folder, format, &with);
            }
            let run = sandbox.run([
                "merge",
                &folder,
                "-q",
                "-o",
                "merged.csv",
                "--rejects=merged.rejects",
                "--summary=merged.json",
            ]);
            run.expect_code(0);
            assert_eq!(sandbox.text("merged.csv"), sandbox.text("whole.csv"));
            assert_eq!(
                sandbox.text("merged.rejects"),
                sandbox.text("whole.rejects")
            );
            assert_eq!(told(&sandbox, "merged.json"), told(&sandbox, "whole.json"));
        }
        // Files that say something of the run say the same, too.
        let folder = format!("parts-{case}-arrow");
        for format in ["jsonl", "arrow", "parquet"] {
            if format == "parquet" && !cfg!(feature = "parquet") {
                continue;
            }
            let (whole, merged) = (format!("whole.{format}"), format!("merged.{format}"));
            let aggregated = ["logs", "-q", "-o", &whole];
            sandbox
                .aggregate(aggregated.iter().chain(*args))
                .expect_code(0);
            sandbox
                .run(["merge", &folder, "-q", "-o", &merged])
                .expect_code(0);
            assert_eq!(sandbox.read(&merged), sandbox.read(&whole), "{format}");
        }
    }
    let days = ["logs", "-q", "--partition-by=date", "-o", "days"];
    sandbox.aggregate(days).expect_code(0);
    let days = [
        "merge",
        "parts-0-arrow",
        "-q",
        "--partition-by=date",
        "-o",
        "merged-days",
    ];
    sandbox.run(days).expect_code(0);
    let day = "date=2024-01-07/daily_user_stats.csv";
    assert_eq!(
        sandbox.text(format!("merged-days/{day}")),
        sandbox.text(format!("days/{day}"))
    );
}

/// Files of 1 MiB and more are mapped, smaller ones read.
#[test]
fn a_partial_is_the_same_however_it_is_made() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "events.jsonl",
        sandbox.generate(["--size=3MiB", "--invalid-rate=0.01"]),
    );
    sandbox
        .aggregate(["-q", "--rejects=whole.rejects"])
        .expect_code(0);
    for format in FORMATS {
        let mut first: Option<Vec<u8>> = None;
        for args in [
            &["-j1"][..],
            &["-j3", "--chunk-size=1kB"],
            &["-j2", "--no-mmap"],
            &["--threads=1", "--memory-limit=96MiB", "--lanes=general"],
        ] {
            let own = [
                "partial",
                "events.jsonl",
                "--rejects",
                "-q",
                "--split=1000000..2000000",
            ];
            let name = format!("one.{format}");
            sandbox
                .run(own.iter().chain(args).chain(&["-o", &name]))
                .expect_code(0);
            let made = sandbox.read(&name);
            assert!(
                first.get_or_insert_with(|| made.clone()) == &made,
                "{args:?}"
            );
        }
        let folder = format!("parts-{format}");
        cut(&sandbox, "events.jsonl", 5, &folder, format, &["--rejects"]);
        for args in [&["-j1"][..], &["-j4"]] {
            let own = [
                "merge",
                &folder,
                "-q",
                "-o",
                "merged.csv",
                "--rejects=merged.rejects",
            ];
            sandbox.run(own.iter().chain(args)).expect_code(0);
            assert!(sandbox.text("merged.csv") == sandbox.csv());
            assert!(sandbox.text("merged.rejects") == sandbox.text("whole.rejects"));
        }
    }
    // On standard output it is the same as in a file.
    let own = [
        "partial",
        "events.jsonl",
        "--rejects",
        "-q",
        "--split=1000000..2000000",
    ];
    let run = sandbox.run(own);
    run.expect_code(0);
    assert!(run.stdout == sandbox.read("one.arrow"));
}

#[test]
fn what_is_not_all_of_the_inputs_is_refused() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(9));
    let size = sandbox.read("events.jsonl").len();
    cut(&sandbox, "events.jsonl", 3, "parts", "arrow", &[]);
    sandbox.run(["merge", "parts", "-q"]).expect_code(0);
    assert!(sandbox.csv().ends_with("\n2024-01-01,1,9,0,0.00\n"));
    sandbox.write("daily_user_stats.csv", "old");
    let before = snapshot(&sandbox);
    let part = |at: usize| format!("parts/events.jsonl-{at}.arrow");
    let (first, middle, last) = (part(0), part(1), part(2));
    let third = size / 3;
    for (partials, parts) in [
        (
            &[&first, &last][..],
            &[
                &*format!(
                    "events.jsonl has no partial of its bytes {third}..{}",
                    2 * third
                ),
                "daytally partial --split",
            ][..],
        ),
        (
            &[&first, &middle],
            &["events.jsonl has no partial of its bytes"],
        ),
        (&[&middle, &last], &[&*format!("of its bytes 0..{third}")]),
        (
            &[&first, &first, &middle, &last],
            &[
                "the splits 0..",
                "have the same bytes; leave one of them out",
            ],
        ),
        (&[&"events.jsonl".into()], &["events.jsonl is no partial"]),
        (&[&"missing.arrow".into()], &["no such file"]),
        (&[&"/dev/null".into()], &["is no regular file"]),
    ] {
        let run = sandbox.run(
            [&"merge".into(), &"--rejects=r.jsonl".into()]
                .iter()
                .chain(partials),
        );
        run.expect_code(1);
        for part in parts {
            run.expect_stderr(part);
        }
        assert_eq!(snapshot(&sandbox), before);
    }
    // A split of another size overlaps.
    sandbox
        .run([
            "partial",
            "events.jsonl",
            "--split=10..300",
            "-q",
            "-o",
            "other.arrow",
        ])
        .expect_code(0);
    sandbox
        .run(["merge", &first, "other.arrow"])
        .expect_code(1)
        .expect_stderr("have the same bytes");
    // Without a row for each invalid line there can be no rejects file.
    sandbox.write("bad.jsonl", "x\n");
    sandbox
        .run(["partial", "bad.jsonl", "-q", "-o", "bad.arrow"])
        .expect_code(0);
    sandbox
        .run(["merge", "bad.arrow", "-q", "-o", "bad.csv"])
        .expect_code(0);
    sandbox
        .run(["merge", "bad.arrow", "--rejects=r.jsonl", "-o", "never.csv"])
        .expect_code(1)
        .expect_stderr("bad.arrow (the split 0..2 of bad.jsonl) has no rejects, and 1 of its lines are invalid; make it again with --rejects");
    assert!(!sandbox.path("never.csv").exists());
    // More than are allowed.
    let limited = ["merge", "bad.arrow", "--max-invalid=0", "-o", "never.csv"];
    sandbox.run(limited).expect_code(3);
    assert!(!sandbox.path("never.csv").exists());
}

#[test]
fn partials_have_to_be_made_in_the_same_way() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(9));
    cut(
        &sandbox,
        "events.jsonl",
        2,
        "parts",
        "arrow",
        &["--from=2024-01-01"],
    );
    let size = sandbox.read("events.jsonl").len();
    let split = format!("--split={}..", size / 2);
    for (args, part) in [
        (
            &["--from=2024-01-02"][..],
            "was made with --from 2024-01-02, and ",
        ),
        (&[], "was made with --from no day"),
        (
            &["--from=2024-01-01", "--max-line-bytes=70"],
            "--max-line-bytes 70",
        ),
        (
            &["--from=2024-01-01", "--timezone=-03:00"],
            "--timezone -03:00",
        ),
    ] {
        let own = [
            "partial",
            "events.jsonl",
            &split,
            "-q",
            "-o",
            "parts/events.jsonl-1.arrow",
        ];
        sandbox.run(own.iter().chain(args)).expect_code(0);
        sandbox
            .run(["merge", "parts"])
            .expect_code(1)
            .expect_stderr(part);
    }
    assert!(!sandbox.path("daily_user_stats.csv").exists());
}

#[test]
fn a_file_that_changed_is_refused_when_it_is_read_and_when_it_is_merged() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(4));
    let path = sandbox.path("events.jsonl");
    let there = fs::metadata(&path).unwrap();
    let modified = there.modified().unwrap();
    let modified = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let (size, modified) = (there.len(), i64::try_from(modified).unwrap());
    let expecting = |size: u64, modified: i64| {
        sandbox.run([
            "partial",
            "events.jsonl",
            "-q",
            "-o",
            "0.arrow",
            "--split=0..10",
            &format!("--expect-size={size}"),
            &format!("--expect-modified={modified}"),
        ])
    };
    expecting(size + 1, modified)
        .expect_code(1)
        .expect_stderr("is not what it was when its splits were planned: it had ")
        .expect_stderr("nothing was written; plan again");
    expecting(size, modified - 1)
        .expect_code(1)
        .expect_stderr("it was last written to at");
    assert!(!sandbox.path("0.arrow").exists());
    expecting(size, modified).expect_code(0);
    let grown = format!("{CLICK}\n").repeat(5);
    fs::write(&path, grown).unwrap();
    expecting(size, modified).expect_code(1);
    let rest = [
        "partial",
        "events.jsonl",
        "-q",
        "-o",
        "1.arrow",
        "--split=10..",
    ];
    sandbox.run(rest).expect_code(0);
    sandbox
        .run(["merge", "0.arrow", "1.arrow"])
        .expect_code(1)
        .expect_stderr("are of different versions of events.jsonl")
        .expect_stderr("run all of its splits again");
}

#[test]
fn splits_that_cannot_be_are_refused() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n"));
    let size = sandbox.read("events.jsonl").len();
    let past = format!("--split=0..{}", size + 1);
    let all = format!("--split=0..{size}");
    for (args, code, part) in [
        (
            &["events.jsonl", &*past][..],
            1,
            "is not in the file, which has",
        ),
        (
            &["events.jsonl", "--split=500.."],
            1,
            "cut it into splits anew",
        ),
        (&["events.jsonl", "--split=5..5"], 2, "this one has no byte"),
        (&["events.jsonl", "--split=..5"], 2, "such as 0..1048576"),
        (
            &["-", "--split=0..5"],
            1,
            "only regular files can be read in parts",
        ),
        (&["."], 1, "is a folder"),
        (
            &["events.jsonl", "-o", "x.csv"],
            2,
            "a partial is a stream of Arrow IPC",
        ),
        (&["events.jsonl", "-o", "x"], 2, "give its file such a name"),
        (&[], 2, "<FILE>"),
    ] {
        let mut command = sandbox.program();
        command.arg("partial").args(args).stdin(Stdio::null());
        let run = Run::of(command);
        run.expect_code(code).expect_stderr(part);
        assert_eq!(run.stdout, b"", "{args:?}");
    }
    assert_eq!(sandbox.names(), ["events.jsonl"]);
    // Nor over the input.
    fs::rename(sandbox.path("events.jsonl"), sandbox.path("events.arrow")).unwrap();
    let run = sandbox.run(["partial", "events.arrow", "-o", "./events.arrow"]);
    run.expect_code(2)
        .expect_stderr("would overwrite the input");
    let run = sandbox.run(["partial", "events.arrow", &all, "-q", "-o", "part.arrow"]);
    run.expect_code(0);
    // Nor a result over a partial.
    let run = sandbox.run(["merge", "part.arrow", "-o", "part.arrow"]);
    run.expect_code(2)
        .expect_stderr("would overwrite the input");
    sandbox.run(["merge", "part.arrow", "-q"]).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

#[cfg(feature = "gzip")]
#[test]
fn streams_and_compressed_files_are_read_as_a_whole() {
    use std::io::Write as _;

    let sandbox = Sandbox::new();
    let text = sandbox.generate(["--lines=500", "--invalid-rate=0.1"]);
    sandbox.write("events.jsonl", &text);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    sandbox.write("events.jsonl.gz", &gzip);
    let run = sandbox.run(["partial", "events.jsonl.gz", "--split=0..100", "-q"]);
    run.expect_code(1)
        .expect_stderr("the file is compressed (gzip), and can only be read as a whole");
    let all = format!("--split=0..{}", gzip.len());
    for (name, args) in [
        ("events.jsonl.gz", &["events.jsonl.gz"][..]),
        ("events.jsonl.gz", &["events.jsonl.gz", &all]),
        ("-", &["-"]),
    ] {
        let mut command = sandbox.program();
        command
            .args(["partial", "-q", "--rejects", "-o", "one.arrow"])
            .args(args);
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(text.clone())
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}");
        let merged = [
            "merge",
            "one.arrow",
            "-q",
            "-o",
            "merged.csv",
            "--rejects=merged.rejects",
        ];
        sandbox.run(merged).expect_code(0);
        let mut command = sandbox.program();
        command.args([
            "aggregate",
            "-q",
            "-o",
            "whole.csv",
            "--rejects=whole.rejects",
            name,
        ]);
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(text.clone())
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}");
        assert_eq!(sandbox.text("merged.csv"), sandbox.text("whole.csv"));
        assert_eq!(
            sandbox.text("merged.rejects"),
            sandbox.text("whole.rejects")
        );
    }
}

#[test]
fn inputs_are_sorted_or_in_the_order_of_a_list() {
    let sandbox = Sandbox::new();
    for name in ["b", "a", "c"] {
        sandbox.write(format!("{name}.jsonl"), format!("{CLICK}\n{name}\n"));
        cut(
            &sandbox,
            &format!("{name}.jsonl"),
            2,
            "parts",
            "arrow",
            &["--rejects"],
        );
    }
    let rejects = |args: &[&str]| {
        let own = ["merge", "parts", "-q", "--rejects", "r.jsonl"];
        let run = sandbox.run(own.iter().chain(args));
        (
            run,
            fs::read_to_string(sandbox.path("r.jsonl")).unwrap_or_default(),
        )
    };
    for (list, inputs) in [
        (None, ["a.jsonl", "b.jsonl", "c.jsonl"]),
        (
            Some("c.jsonl\na.jsonl\n\nb.jsonl"),
            ["c.jsonl", "a.jsonl", "b.jsonl"],
        ),
    ] {
        let (run, merged) = match list {
            None => rejects(&[]),
            Some(list) => {
                sandbox.write("list", list);
                rejects(&["--inputs-order", "list"])
            }
        };
        run.expect_code(0);
        let whole = ["-q", "-o", "whole.csv", "--rejects", "whole.jsonl"];
        sandbox
            .aggregate(whole.iter().chain(&inputs))
            .expect_code(0);
        assert_eq!(merged, sandbox.text("whole.jsonl"));
    }
    for (list, part) in [
        (
            "a.jsonl\nb.jsonl\n",
            "c.jsonl has partials, and is not in the list",
        ),
        (
            "a.jsonl\nb.jsonl\nc.jsonl\nd.jsonl\n",
            "d.jsonl is in the list of --inputs-order, and none of the partials is of it",
        ),
        ("a.jsonl\na.jsonl\n", "a.jsonl is twice in the list"),
    ] {
        sandbox.write("list", list);
        rejects(&["--inputs-order", "list"])
            .0
            .expect_code(1)
            .expect_stderr(part);
    }
}

/// What is elsewhere a place for rejects is a switch here, and one config file is for all commands.
#[cfg(feature = "config")]
#[test]
fn a_config_file_that_has_rejects_suits_both_commands() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    for (config, has_rejects) in [
        ("rejects = \"rejects.jsonl\"\n", true),
        ("[partial]\nrejects = true\n", true),
        ("[partial]\nrejects = false\n", false),
        ("[merge]\nrejects = \"rejects.jsonl\"\n", false),
        ("", false),
    ] {
        sandbox.write("daytally.toml", config);
        sandbox
            .run(["partial", "events.jsonl", "-q", "-o", "one.arrow"])
            .expect_code(0);
        let run = sandbox.run(["merge", "one.arrow", "-q", "--rejects=r.jsonl"]);
        run.expect_code(i32::from(!has_rejects));
    }
}

#[cfg(all(feature = "shell", feature = "config"))]
#[test]
fn shells_man_pages_and_config_know_both_commands() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(["completions", "bash"]);
    run.expect_code(0);
    for word in ["expect-modified", "inputs-order"] {
        assert!(run.stdout_text().contains(word), "{word}");
    }
    sandbox.run(["man", "man"]).expect_code(0);
    for (page, word) in [("partial", "START"), ("merge", "inputs")] {
        let page = sandbox.text(format!("man/daytally-{page}.1"));
        assert!(page.contains(word), "{page}");
    }
    sandbox.write(
        "daytally.toml",
        "[partial]\nsplit = \"5..9\"\n[merge]\nthreads = 3\n",
    );
    for (command, option, value) in [("partial", "split", "5..9"), ("merge", "threads", "3")] {
        let run = sandbox.run(["config", "--json", command]);
        run.expect_code(0);
        let shown: Value = serde_json::from_str(run.stdout_text()).unwrap();
        let options = shown["options"].as_array().unwrap();
        let row = options.iter().find(|row| row["option"] == option).unwrap();
        assert_eq!(row["value"], value);
    }
    sandbox.write("daytally.toml", "[partial]\nsplit = \"9..5\"\n");
    sandbox
        .run(["config", "partial"])
        .expect_code(2)
        .expect_stderr("a split ends past its start");
}

/// Rejects as a file has them.
#[derive(Clone, Default)]
struct Json(Vec<u8>);

impl RejectBatch for Json {
    fn add(&mut self, reject: &Reject<'_>) {
        let mut message = String::new();
        reject.fault.push_message(reject.raw, &mut message);
        reject.write_json(&message, &mut self.0);
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

impl RejectSink for Json {
    type Batch = Json;

    fn batch(&self) -> Json {
        Json::default()
    }

    fn take(&mut self, batch: &mut Json) -> daytally::Result<()> {
        self.0.append(&mut batch.0);
        Ok(())
    }
}

/// Makes a partial in a file.
fn make(pipeline: &Pipeline, input: &Path, settings: PartialSettings, file: &Path) {
    let mut bytes = Vec::new();
    let write = |more: &[u8]| {
        bytes.extend_from_slice(more);
        Ok(())
    };
    let input = Input::open(input).unwrap();
    pipeline
        .write_partial(input, settings, &mut (), write)
        .unwrap();
    fs::write(file, bytes).unwrap();
}

/// Lines of all kinds, of which some are longer than the longest that may be valid.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0_u8..5, 1_u8..4).prop_map(|(user, day)| format!(
            r#"{{"user_id":{user},"event_type":"click","timestamp":"2024-01-0{day}T10:00:00Z"}}"#
        ).into_bytes()),
        3 => (0_u8..5, 1_u32..9999).prop_map(|(user, cents)| format!(
            r#"{{"user_id":-{user},"event_type":"purchase","timestamp":"2024-01-01T10:00:00Z","amount":0.{cents}}}"#
        ).into_bytes()),
        2 => Just(Vec::new()),
        1 => Just(b" \t ".to_vec()),
        1 => Just(b"{\"user_id\":\xff".to_vec()),
        1 => "[{a-z\"é]{0,8}".prop_map(String::into_bytes),
        1 => (100_usize..9000).prop_map(|len| vec![b'x'; len]),
    ]
}

#[derive(Clone, Debug)]
struct Case {
    lines: Vec<(Vec<u8>, bool)>,
    has_mark: bool,
    ends_with_newline: bool,
    /// Whether there are so many blank lines that it is mapped.
    is_mapped: bool,
    cuts: Vec<Index>,
    chunk_size: usize,
    threads: usize,
    /// Of none, everything goes to the disk.
    memory_limit: u64,
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec((line(), any::<bool>()), 0..30),
        any::<[bool; 2]>(),
        prop::bool::weighted(0.1),
        prop::collection::vec(any::<Index>(), 0..9),
        prop_oneof![Just(1_usize), Just(100), Just(1 << 20)],
        1_usize..4,
        prop_oneof![4 => Just(1 << 30), 1 => Just(0_u64)],
    )
        .prop_map(
            |(
                lines,
                [has_mark, ends_with_newline],
                is_mapped,
                cuts,
                chunk_size,
                threads,
                memory_limit,
            )| Case {
                lines,
                has_mark,
                ends_with_newline,
                is_mapped,
                cuts,
                chunk_size,
                threads,
                memory_limit,
            },
        )
}

impl Case {
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.has_mark {
            text.extend_from_slice(b"\xef\xbb\xbf");
        }
        for (at, (line, has_return)) in self.lines.iter().enumerate() {
            text.extend_from_slice(line);
            if *has_return {
                text.push(b'\r');
            }
            if at + 1 < self.lines.len() || self.ends_with_newline {
                text.push(b'\n');
            }
            if self.is_mapped && at == self.lines.len() / 2 {
                text.extend(std::iter::repeat_n(b'\n', 1 << 20));
            }
        }
        text
    }
}

#[test]
fn a_file_can_be_cut_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let formats: &[PartialFormat] = if cfg!(feature = "parquet") {
        &[PartialFormat::Arrow, PartialFormat::Parquet]
    } else {
        &[PartialFormat::Arrow]
    };
    TestRunner::new(proptest_config(100))
        .run(&case(), |case| {
            let text = case.text();
            fs::write(&path, &text).unwrap();
            let mut options = Options::default();
            options.max_line_bytes = 120;
            options.chunk_size = case.chunk_size;
            options.threads = case.threads.try_into().unwrap();
            options.memory_limit = case.memory_limit;
            let pipeline = Pipeline::new(options).unwrap();
            let result = |outcome: &daytally::Outcome| {
                let mut csv = Vec::new();
                let write = |bytes: &[u8]| {
                    csv.extend_from_slice(bytes);
                    Ok(())
                };
                pipeline.write_csv(outcome, write).unwrap();
                csv
            };
            let mut rejects = Json::default();
            let whole = pipeline
                .aggregate(vec![Input::open(&path).unwrap()], &mut rejects)
                .unwrap();

            let mut cuts: Vec<u64> = case
                .cuts
                .iter()
                .filter(|_| !text.is_empty())
                .map(|cut| cut.index(text.len()) as u64)
                .filter(|cut| *cut > 0)
                .chain([0, text.len() as u64])
                .collect();
            cuts.sort_unstable();
            cuts.dedup();
            let ends = match &cuts[..] {
                [only] => vec![(*only, None)],
                cuts => cuts
                    .windows(2)
                    .map(|pair| (pair[0], Some(pair[1])))
                    .collect(),
            };
            let files: Vec<_> = ends
                .into_iter()
                .enumerate()
                .map(|(at, (start, end))| {
                    let mut settings = PartialSettings::default();
                    settings.split = daytally::input::Split::new(start, end).unwrap();
                    settings.format = formats[at % formats.len()];
                    settings.keeps_rejects = true;
                    let file = folder.path().join(at.to_string());
                    make(&pipeline, &path, settings, &file);
                    file
                })
                .collect();
            let merged = pipeline
                .merge(&PartialSet::open(files, None).unwrap())
                .unwrap();
            let mut json = Vec::new();
            let write = |bytes: &[u8]| {
                json.extend_from_slice(bytes);
                Ok(())
            };
            pipeline.merged_rejects(&merged, write).unwrap();
            prop_assert_eq!(&merged.outcome.books, &whole.books);
            prop_assert_eq!(&merged.outcome.first, &whole.first);
            prop_assert_eq!(result(&merged.outcome), result(&whole));
            prop_assert_eq!(
                String::from_utf8_lossy(&json),
                String::from_utf8_lossy(&rejects.0)
            );
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A partial is from another machine, and may be anything: it is refused, or read for what it says.
#[test]
fn partials_that_are_cut_off_or_changed_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    fs::write(&path, format!("{CLICK}\nx\n{CLICK}\n\u{e9}\n")).unwrap();
    let mut options = Options::default();
    options.threads = 1.try_into().unwrap();
    let pipeline = Pipeline::new(options).unwrap();
    for (format, end, step) in [
        (PartialFormat::Arrow, 8, 7),
        #[cfg(feature = "parquet")]
        (PartialFormat::Parquet, 0, 31),
    ] {
        let file = folder.path().join("part");
        let mut settings = PartialSettings::default();
        settings.format = format;
        settings.keeps_rejects = true;
        make(&pipeline, &path, settings, &file);
        let whole = fs::read(&file).unwrap();
        let merge = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            let set = PartialSet::open(vec![file.clone()], None)?;
            let merged = pipeline.merge(&set)?;
            let mut result = Vec::new();
            pipeline.merged_rejects(&merged, |json| {
                result.extend_from_slice(json);
                Ok(())
            })?;
            pipeline.write_csv(&merged.outcome, |csv| {
                result.extend_from_slice(csv);
                Ok(())
            })?;
            Ok::<_, Error>((merged.outcome.books, merged.outcome.first, result))
        };
        let result = merge(&whole).unwrap();
        // The last bytes of a stream only say that it ends.
        for len in (0..whole.len() - end).step_by(step) {
            let error = merge(&whole[..len]).unwrap_err();
            assert!(matches!(error, Error::NotAPartial { .. }), "{len}: {error}");
        }
        let mut refused = 0;
        for at in (0..whole.len()).step_by(step) {
            for bit in [1, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= bit;
                match merge(&bytes) {
                    // Not every byte says something.
                    Ok(merged) => assert!(merged == result, "{at}"),
                    Err(error) => {
                        refused += 1;
                        assert!(matches!(error, Error::NotAPartial { .. }), "{at}: {error}");
                    }
                }
            }
        }
        assert!(refused > 0);
    }
}
