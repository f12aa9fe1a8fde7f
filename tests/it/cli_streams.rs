//! Inputs that are no regular files, and compressed ones: the same lines give the same verdicts,
//! places, rejects and result however their bytes come.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, fifo};

/// What a run says of its lines, apart from what its input is called and how it came.
#[derive(PartialEq)]
struct Said {
    csv: String,
    rejects: Vec<Value>,
    counts: Vec<Value>,
}

/// Only where they differ: there may be megabytes.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?}, {} rejects, CSV of {}",
            self.counts,
            self.rejects.len(),
            self.csv.len()
        )
    }
}

fn said(sandbox: &Sandbox, run: &Run) -> Said {
    run.expect_code(0);
    let rejects = sandbox
        .text("r.jsonl")
        .lines()
        .map(|line| {
            let mut reject: Value = serde_json::from_str(line).unwrap();
            reject.as_object_mut().unwrap().remove("input");
            reject
        })
        .collect();
    let summary: Value = serde_json::from_slice(&sandbox.read("s.json")).unwrap();
    let mut counts: Vec<Value> = ["lines", "blank", "valid", "invalid_by_reason"]
        .map(|field| summary[field].clone())
        .to_vec();
    counts.push(summary["inputs"][0]["bytes"].clone());
    counts.push(summary["inputs"][0]["lines"].clone());
    Said {
        csv: sandbox.csv(),
        rejects,
        counts,
    }
}

const OPTIONS: [&str; 6] = [
    "--rejects=r.jsonl",
    "--summary=s.json",
    "--log-level=off",
    "--max-line-bytes=300K",
    "--quiet",
    "--output=daily_user_stats.csv",
];

/// Lines of every kind: generated ones, blank ones, CRLF, a byte-order mark, lines around and past the
/// limit, in UTF-8 and not, and no newline at the end.
fn events(sandbox: &Sandbox, size: &str) -> Vec<u8> {
    let mut events = b"\xef\xbb\xbf".to_vec();
    let generated = sandbox.generate([
        "--profile=mixed",
        "--invalid-rate=0.2",
        &format!("--size={size}"),
    ]);
    let (first, second) = generated.split_at(generated.len() / 2);
    events.extend_from_slice(first);
    events.extend_from_slice(b"\n\r\n \t\r\n");
    for len in [300 * 1024 - 1, 300 * 1024, 300 * 1024 + 1, 2_000_000] {
        events.extend("é".bytes().cycle().take(len));
        events.push(b'\n');
        events.extend_from_slice(CLICK.as_bytes());
        events.extend_from_slice(b"\r\n");
    }
    events.extend_from_slice(second);
    events.extend(vec![0xff; 400_000]);
    events.extend_from_slice(b"\n{\"user_id\":1");
    events
}

/// Runs with the events on standard input, through a pipe.
fn piped(sandbox: &Sandbox, args: &[&str], bytes: &[u8]) -> Run {
    let mut command = sandbox.program();
    command.arg("aggregate").args(args);
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin(bytes).output().unwrap();
    Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs with a file as standard input.
fn with_stdin(mut command: Command, stdin: File) -> Run {
    let output = command.stdin(stdin).output().unwrap();
    Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_pipe_a_fifo_and_standard_input_say_what_a_file_says() {
    for size in ["30K", "5M"] {
        let sandbox = Sandbox::new();
        let events = events(&sandbox, size);
        sandbox.write("events.jsonl", &events);
        let file = said(&sandbox, &sandbox.aggregate(OPTIONS));
        assert!(file.rejects.len() > 50 && file.csv.len() > 1000);

        for extra in [
            &["--threads=1"][..],
            &["--threads=2"],
            &["--threads=5", "--chunk-size=20K"],
        ] {
            let args = |input: &'static str| [&OPTIONS[..], extra, &[input]].concat();
            // Twice as a file: cut another way.
            let run = sandbox.aggregate(args("events.jsonl"));
            assert_eq!(said(&sandbox, &run), file, "{extra:?}");

            let read = [&args("events.jsonl")[..], &["--no-mmap"]].concat();
            let run = sandbox.aggregate(read);
            assert_eq!(said(&sandbox, &run), file, "{extra:?}");

            let run = piped(&sandbox, &args("-"), &events);
            assert_eq!(said(&sandbox, &run), file, "{extra:?}");

            let mut command = sandbox.program();
            command.arg("aggregate").args(args("-"));
            let run = with_stdin(command, File::open(sandbox.path("events.jsonl")).unwrap());
            assert_eq!(said(&sandbox, &run), file, "{extra:?}");

            fifo(&sandbox, "fifo");
            let (path, bytes) = (sandbox.path("fifo"), events.clone());
            let writer = thread::spawn(move || {
                let mut fifo = File::options().write(true).open(path).unwrap();
                // In small pieces, as some programs write.
                for piece in bytes.chunks(1000) {
                    fifo.write_all(piece).unwrap();
                }
            });
            let run = sandbox.aggregate(args("fifo"));
            writer.join().unwrap();
            assert_eq!(said(&sandbox, &run), file, "{extra:?}");
            fs::remove_file(sandbox.path("fifo")).unwrap();
        }
    }
}

/// What a shell makes of `<(...)`, and of `/dev/stdin`.
#[test]
fn paths_of_descriptors() {
    let sandbox = Sandbox::new();
    for input in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let run = piped(&sandbox, &[input], format!("{CLICK}\n").as_bytes());
        run.expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
}

#[test]
fn devices_and_files_that_are_made_up_as_they_are_read() {
    let sandbox = Sandbox::new();
    sandbox.aggregate(["/dev/null"]).expect_code(0);
    assert_eq!(sandbox.csv().lines().count(), 1);
    let path = "/proc/self/status";
    if !Path::new(path).exists() {
        eprintln!("the test skips its second half: there is no {path}");
        return;
    }
    let run = sandbox.aggregate([path, "--rejects=r.jsonl", "--log-level=off"]);
    run.expect_code(0);
    assert!(sandbox.text("r.jsonl").lines().count() > 10);
    // As standard input, too.
    let mut command = sandbox.program();
    command.args(["aggregate", "-", "--rejects=r.jsonl", "--log-level=off"]);
    with_stdin(command, File::open(path).unwrap()).expect_code(0);
    assert!(sandbox.text("r.jsonl").lines().count() > 10);
}

/// Several inputs of several kinds, in every order: the rejects come in that order, with the places
/// they have in their own input.
#[test]
fn inputs_of_several_kinds_in_one_run() {
    let sandbox = Sandbox::new();
    let event = |user: usize| CLICK.replacen('1', &user.to_string(), 1) + "\n";
    let text = |letter: &str, lines: usize| {
        let mut text = String::new();
        for line in 0..lines {
            text += &event(line % 50);
            writeln!(text, "{letter}{line}").unwrap();
        }
        text
    };
    // Large enough to be mapped, small, and from a pipe.
    let (large, small, pipe) = (
        text("large", 20_000),
        text("small", 30),
        text("pipe", 15_000),
    );
    sandbox.write("large.jsonl", &large);
    sandbox.write("small.jsonl", &small);
    sandbox.write("empty.jsonl", "");
    let orders: [[&str; 4]; 4] = [
        ["large.jsonl", "-", "small.jsonl", "empty.jsonl"],
        ["-", "large.jsonl", "empty.jsonl", "small.jsonl"],
        ["empty.jsonl", "small.jsonl", "large.jsonl", "-"],
        ["small.jsonl", "-", "empty.jsonl", "large.jsonl"],
    ];
    let mut csv = None;
    for order in orders {
        let mut expected = Vec::new();
        for name in order {
            let text = match name {
                "large.jsonl" => &large,
                "small.jsonl" => &small,
                "-" => &pipe,
                _ => continue,
            };
            for (number, line) in (1_u64..).zip(text.lines()) {
                if !line.starts_with('{') {
                    expected.push((name.to_owned(), number, line.to_owned()));
                }
            }
        }
        for threads in ["--threads=1", "--threads=2", "--threads=7"] {
            let args = [&OPTIONS[..], &[threads], &order].concat();
            piped(&sandbox, &args, pipe.as_bytes()).expect_code(0);
            let rejects = sandbox.text("r.jsonl");
            let found: Vec<(String, u64, String)> = rejects
                .lines()
                .map(|line| {
                    let reject: Value = serde_json::from_str(line).unwrap();
                    let text = |field: &str| reject[field].as_str().unwrap().to_owned();
                    (text("input"), reject["line"].as_u64().unwrap(), text("raw"))
                })
                .collect();
            assert!(found == expected, "{order:?} {threads}");
            assert_eq!(*csv.get_or_insert_with(|| sandbox.csv()), sandbox.csv());
        }
    }
}

/// A run that waits for a writer, or for a writer to go on, can be stopped.
#[test]
fn a_wait_can_be_given_up() {
    use rustix::process::{Pid, Signal, kill_process};
    for has_writer in [false, true] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let sandbox = Sandbox::new();
            fifo(&sandbox, "fifo");
            let mut child = sandbox
                .program()
                .args(["aggregate", "fifo", "--quiet"])
                .spawn()
                .unwrap();
            let writer = has_writer.then(|| {
                let mut fifo = File::options()
                    .write(true)
                    .open(sandbox.path("fifo"))
                    .unwrap();
                fifo.write_all(CLICK.as_bytes()).unwrap();
                fifo
            });
            // Until it listens for signals; not a measure of anything.
            while !is_listening(child.id()) {
                thread::yield_now();
            }
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{has_writer}");
            assert_eq!(sandbox.names(), ["fifo"]);
            drop(writer);
        }
    }
}

/// Whether a process has handlers for SIGINT and SIGTERM.
fn is_listening(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & (1 << 1) != 0 && caught & (1 << 14) != 0
}

/// The writer went away in the middle of a line: what came is all there is.
#[test]
fn a_pipe_that_breaks_off_ends_there() {
    let sandbox = Sandbox::new();
    let run = piped(
        &sandbox,
        &["-", "--summary=s.json"],
        format!("{CLICK}\n{}", &CLICK[..30]).as_bytes(),
    );
    run.expect_code(0)
        .expect_stderr("input=- line=2")
        .expect_stderr("standard input: ");
    assert_eq!(sandbox.csv(), CLICK_CSV);
    let summary: Value = serde_json::from_slice(&sandbox.read("s.json")).unwrap();
    assert_eq!(summary["inputs"][0]["input"], "-");
    assert_eq!(summary["inputs"][0]["path"], Value::Null);
}

/// A descriptor that cannot be read from is an error, and no empty input.
#[test]
fn standard_input_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program();
    command.args(["aggregate", "-"]);
    let run = with_stdin(command, File::create(sandbox.path("out")).unwrap());
    run.expect_code(1)
        .expect_stderr("cannot read standard input");
    assert_eq!(sandbox.names(), ["out"]);
}

/// Data of one format, by the library that reads it.
fn compressed(format: &str, content: &[u8]) -> Option<Vec<u8>> {
    match format {
        #[cfg(feature = "gzip")]
        "gzip" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            Some(encoder.finish().unwrap())
        }
        #[cfg(feature = "zstd")]
        "zstd" => {
            let mut encoder = zstd_safe::CCtx::create();
            let mut bytes = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
            encoder.compress2(&mut bytes, content).unwrap();
            Some(bytes)
        }
        #[cfg(feature = "bzip2")]
        "bzip2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(content).unwrap();
            Some(encoder.finish().unwrap())
        }
        #[cfg(feature = "xz")]
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(content).unwrap();
            Some(encoder.finish().unwrap())
        }
        #[cfg(feature = "lz4")]
        "lz4" => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(content).unwrap();
            Some(encoder.finish().unwrap())
        }
        _ => {
            // Not used by a build that reads no format.
            let _ = content;
            None
        }
    }
}

const FORMATS: [&str; 5] = ["gzip", "zstd", "bzip2", "xz", "lz4"];

#[test]
fn compressed_inputs_say_what_the_plain_file_says() {
    let sandbox = Sandbox::new();
    let events = events(&sandbox, "3M");
    sandbox.write("events.jsonl", &events);
    let plain = said(&sandbox, &sandbox.aggregate(OPTIONS));
    for format in FORMATS {
        let Some(bytes) = compressed(format, &events) else {
            eprintln!("{format} skips: this build does not read it");
            continue;
        };
        // Its name says nothing of the kind: the first bytes do.
        let path = sandbox.write("events.bin", &bytes);
        for threads in ["--threads=1", "--threads=2", "--threads=4"] {
            let args = [&OPTIONS[..], &[threads, "events.bin"]].concat();
            assert_eq!(said(&sandbox, &sandbox.aggregate(args)), plain, "{format}");
        }
        let summary: Value = serde_json::from_slice(&sandbox.read("s.json")).unwrap();
        let input = &summary["inputs"][0];
        assert_eq!(input["compression"], format);
        assert_eq!(input["compressed_bytes"], bytes.len());
        assert_eq!(input["path"], path.to_str().unwrap());

        let args = [&OPTIONS[..], &["-"]].concat();
        let run = piped(&sandbox, &args, &bytes);
        assert_eq!(said(&sandbox, &run), plain, "{format} through a pipe");

        // In two members, frames or streams, cut in the middle of a line.
        let (one, other) = events.split_at(events.len() / 3);
        let both = [one, other].map(|part| compressed(format, part).unwrap());
        sandbox.write("events.bin", both.concat());
        let args = [&OPTIONS[..], &["events.bin"]].concat();
        assert_eq!(said(&sandbox, &sandbox.aggregate(args)), plain, "{format}");
    }
}

#[test]
fn damaged_inputs_fail_the_run_and_publish_nothing() {
    let sandbox = Sandbox::new();
    let events = format!("{CLICK}\n").repeat(50_000);
    sandbox.write("daily_user_stats.csv", "before");
    for format in FORMATS {
        let Some(bytes) = compressed(format, events.as_bytes()) else {
            eprintln!("{format} skips: this build does not read it");
            continue;
        };
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 20].fill(0x55);
        for (bytes, what) in [
            (&bytes[..bytes.len() - 1], "is cut off after"),
            (&bytes[..bytes.len() / 2], "is cut off after"),
            (&damaged, "decompressed bytes"),
            (&[&bytes[..], b"and more"].concat(), "decompressed bytes"),
        ] {
            let path = sandbox.write("events.jsonl", bytes);
            for input in ["events.jsonl", "-"] {
                let args = [
                    input,
                    "--rejects=r.jsonl",
                    "--summary=s.json",
                    "--threads=2",
                ];
                let run = piped(&sandbox, &args, bytes);
                run.expect_code(1).expect_stderr(what);
                run.expect_stderr(if input == "-" {
                    "cannot decompress standard input: "
                } else {
                    path.to_str().unwrap()
                });
                assert_eq!(sandbox.csv(), "before");
                assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
            }
        }
    }
}

/// As people make them, where they have the tools.
#[test]
fn files_of_the_command_line_tools() {
    let sandbox = Sandbox::new();
    let events = events(&sandbox, "2M");
    sandbox.write("events.jsonl", &events);
    let plain = said(&sandbox, &sandbox.aggregate(OPTIONS));
    for tool in [
        "gzip -c",
        "pigz -c",
        "bgzip -c",
        "zstd -qc",
        "zstd -qc --ultra -22 --long=27",
        "pzstd -qc",
        "xz -c",
        "xz -cT2 --block-size=100KiB",
        "bzip2 -c",
        "pbzip2 -c",
        "lz4 -qc",
        "lz4 -qc -BD -9",
    ] {
        let mut words = tool.split(' ');
        let program = words.next().unwrap();
        let made = Command::new(program)
            .args(words)
            .arg(sandbox.path("events.jsonl"))
            .stderr(Stdio::inherit())
            .output();
        let Ok(made) = made else {
            eprintln!("{tool} skips: there is no {program}");
            continue;
        };
        assert!(made.status.success(), "{tool}");
        sandbox.write("events.bin", &made.stdout);
        let args = [&OPTIONS[..], &["--threads=2", "events.bin"]].concat();
        assert_eq!(said(&sandbox, &sandbox.aggregate(args)), plain, "{tool}");
    }
}

/// Many compressed files in one run, each driven by a worker of its own, with rejects in all of them:
/// more than may wait, so that some workers have to.
#[test]
#[cfg(feature = "gzip")]
fn many_compressed_files_with_many_rejects() {
    let sandbox = Sandbox::new();
    let mut expected = Vec::new();
    let mut names = Vec::new();
    for file in 0..6 {
        let name = format!("{file}.gz");
        let mut text = String::new();
        for line in 0..20_000 {
            writeln!(text, "{file} {line} {}", "x".repeat(300)).unwrap();
        }
        text += CLICK;
        sandbox.write(&name, compressed("gzip", text.as_bytes()).unwrap());
        expected.extend((1..=20_000_u64).map(|line| (name.clone(), line)));
        names.push(name);
    }
    for threads in ["--threads=1", "--threads=2", "--threads=4", "--threads=9"] {
        let mut args = OPTIONS.to_vec();
        args.push(threads);
        args.extend(names.iter().map(String::as_str));
        sandbox.aggregate(&args).expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0", ",1,6,0"));
        let rejects = sandbox.text("r.jsonl");
        let found: Vec<(String, u64)> = rejects
            .lines()
            .map(|line| {
                let reject: Value = serde_json::from_str(line).unwrap();
                let input = reject["input"].as_str().unwrap().to_owned();
                (input, reject["line"].as_u64().unwrap())
            })
            .collect();
        assert!(found == expected, "{threads}");
    }
}

/// An input that never ends and has no newline either, beside one that cannot be read: the run fails
/// because of the other, and can be stopped before.
#[test]
fn an_input_without_end_does_not_keep_a_run_from_failing() {
    let sandbox = Sandbox::new();
    sandbox.write("broken.gz", b"\x1f\x8b\x08\0");
    for threads in ["--threads=2", "--threads=5"] {
        let run = sandbox.aggregate(["/dev/zero", "broken.gz", threads, "-q"]);
        run.expect_code(1).expect_stderr("broken.gz");
    }
}

/// The largest limit there is means none, for a stream as for a file.
#[test]
fn lines_of_any_length_in_a_stream() {
    let sandbox = Sandbox::new();
    let long = format!("{{\"x\":\"{}\",{}", "x".repeat(5_000_000), &CLICK[1..]);
    for bom in ["", "\u{feff}"] {
        let args = ["-", "--max-line-bytes=18446744073709551615"];
        piped(&sandbox, &args, format!("{bom}{long}\n").as_bytes()).expect_code(0);
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
}

/// A run that is held at its end until a named pipe is read, so that an input can be changed before.
struct Held {
    child: std::process::Child,
    pipe: File,
}

impl Held {
    fn new(sandbox: &Sandbox, inputs: &[&str], stdin: Option<File>) -> Held {
        fifo(sandbox, "rejects");
        let mut command = sandbox.program();
        command
            .args([
                "aggregate",
                "--rejects=rejects",
                "-q",
                "--threads=1",
                "--summary=s.json",
            ])
            .args(inputs)
            .stderr(Stdio::piped());
        if let Some(stdin) = stdin {
            command.stdin(stdin);
        }
        let child = command.spawn().unwrap();
        // Opened for writing when there is something to write.
        let pipe = File::open(sandbox.path("rejects")).unwrap();
        Held { child, pipe }
    }

    fn let_go(mut self) -> Run {
        std::io::copy(&mut self.pipe, &mut std::io::sink()).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// More rejects than any pipe holds.
fn rejects() -> String {
    "nope\n".repeat(300_000)
}

#[test]
fn a_file_behind_standard_input_that_is_cut_shorter() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("events.jsonl", rejects() + CLICK);
    let held = Held::new(&sandbox, &["-"], Some(File::open(&path).unwrap()));
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(100)
        .unwrap();
    let run = held.let_go();
    run.expect_code(1)
        .expect_stderr("the file behind standard input changed while");
    assert!(!sandbox.path("daily_user_stats.csv").exists());
}

/// Standard input that somebody has read the start of goes on from there.
#[test]
fn a_file_behind_standard_input_is_read_from_where_it_is() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("events.jsonl", format!("the first line\n{CLICK}\n"));
    let mut file = File::open(path).unwrap();
    std::io::Read::read_exact(&mut file, &mut [0; 15]).unwrap();
    let mut command = sandbox.program();
    command.args(["aggregate", "-"]);
    with_stdin(command, file).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

/// What comes after the start of a run is not read, also where there was nothing at the start.
#[test]
fn a_file_that_was_empty_and_grows() {
    let sandbox = Sandbox::new();
    sandbox.write("first.jsonl", rejects() + CLICK);
    sandbox.write("second.jsonl", "");
    let held = Held::new(&sandbox, &["first.jsonl", "second.jsonl"], None);
    sandbox.write("second.jsonl", &CLICK[..20]);
    held.let_go().expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    let summary: Value = serde_json::from_slice(&sandbox.read("s.json")).unwrap();
    assert_eq!(summary["invalid"], 300_000);
    assert_eq!(summary["inputs"][1]["bytes"], 0);
    assert_eq!(summary["inputs"][1]["bytes_added_since"], 20);
}

/// Of a file whose turn comes late, the length that it had at the start says nothing of another version.
#[test]
fn a_file_that_is_written_over_before_its_turn() {
    let line = |user: u32| format!("{}\n", crate::harness::purchase(&user.to_string(), "5"));
    for (new, is_grown) in [
        (line(22).repeat(2000), false),
        (line(1).repeat(999) + &line(22).repeat(1001), false),
        (line(1).repeat(1000) + &line(22).repeat(500), true),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("first.jsonl", rejects());
        sandbox.write("second.jsonl", line(1).repeat(1000));
        let held = Held::new(&sandbox, &["first.jsonl", "second.jsonl"], None);
        sandbox.write("second.jsonl", new);
        let run = held.let_go();
        if is_grown {
            run.expect_code(0);
            assert!(sandbox.csv().ends_with("2024-01-01,1,1000,1000,5000.00\n"));
        } else {
            run.expect_code(1)
                .expect_stderr("second.jsonl changed while")
                .expect_stderr("it was written to before its end");
            assert!(!sandbox.path("daily_user_stats.csv").exists());
        }
    }
}

/// A pipe in the place of a file would be waited for.
#[test]
fn a_file_that_a_pipe_takes_the_place_of() {
    let sandbox = Sandbox::new();
    sandbox.write("first.jsonl", rejects() + CLICK);
    sandbox.write("second.jsonl", CLICK);
    let held = Held::new(&sandbox, &["first.jsonl", "second.jsonl"], None);
    fs::remove_file(sandbox.path("second.jsonl")).unwrap();
    fifo(&sandbox, "second.jsonl");
    let run = held.let_go();
    run.expect_code(1)
        .expect_stderr("second.jsonl changed while")
        .expect_stderr("another file was put in its place");
}

#[test]
fn a_socket_is_refused_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("events.jsonl", CLICK);
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    let run = sandbox.aggregate(["events.jsonl", "socket", "--rejects=r.jsonl"]);
    run.expect_code(1).expect_stderr("is a socket");
}

/// What needs more memory than its share of the limit is refused, with what to do.
#[test]
#[cfg(feature = "zstd")]
fn a_window_larger_than_the_memory_limit_allows() {
    let sandbox = Sandbox::new();
    let events = format!("{CLICK}\n").repeat(300_000);
    let mut encoder = zstd_safe::CCtx::create();
    for (parameter, is_set) in [
        (zstd_safe::CParameter::WindowLog(26), true),
        (zstd_safe::CParameter::ContentSizeFlag(false), true),
    ] {
        assert!(is_set && encoder.set_parameter(parameter).is_ok());
    }
    // In pieces, so that the library does not know how little it is and makes the window smaller.
    let mut bytes = vec![0; zstd_safe::compress_bound(events.len())];
    let mut out = zstd_safe::OutBuffer::around(&mut bytes[..]);
    for piece in events.as_bytes().chunks(1 << 20) {
        let mut piece = zstd_safe::InBuffer::around(piece);
        while piece.pos() < piece.src.len() {
            encoder.compress_stream(&mut out, &mut piece).unwrap();
        }
    }
    while encoder.end_stream(&mut out).unwrap() > 0 {}
    let len = out.pos();
    sandbox.write("events.jsonl", &bytes[..len]);
    let run = sandbox.aggregate(["--memory-limit=96MiB", "--threads=1"]);
    run.expect_code(1)
        .expect_stderr("events.jsonl")
        .expect_stderr("needs 68 MB of memory to decompress, and may take 12 MB; ")
        .expect_stderr("give --memory-limit at least 537MB for each input that is decompressed");
    // That is enough, and less is not; for two at a time it is twice as much.
    sandbox.write("other.jsonl", &bytes[..len]);
    for (limit, threads, inputs, code) in [
        ("537MB", "1", &["events.jsonl"][..], 0),
        ("536MB", "1", &["events.jsonl"], 1),
        ("537MB", "4", &["events.jsonl"], 0),
        ("537MB", "1", &["events.jsonl", "other.jsonl"], 0),
        ("537MB", "2", &["events.jsonl", "other.jsonl"], 1),
        ("1074MB", "2", &["events.jsonl", "other.jsonl"], 0),
    ] {
        let args = ["--threads", threads, "--memory-limit", limit];
        sandbox
            .aggregate(args.iter().chain(inputs))
            .expect_code(code);
    }
}
