//! How the bytes of a file are had, mapped or read: chosen by the program or told to it, and the same to
//! whoever looks at what comes out.

use std::fs::File;
use std::io::IoSliceMut;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Run, Sandbox, fifo, json_lines, text_of};

/// How each input was read, by what the log says.
fn ways(run: &Run) -> Vec<(String, String)> {
    run.expect_code(0);
    json_lines(&run.stderr)
        .iter()
        .filter(|record| record.get("way").is_some())
        .map(|record| {
            let field = |name: &str| text_of(record, name).to_owned();
            (field("input"), field("way"))
        })
        .collect()
}

fn events(sandbox: &Sandbox) -> Vec<u8> {
    sandbox.generate(["--size=2M", "--invalid-rate=0.01", "--profile=mixed"])
}

const LOG: [&str; 2] = ["--log-level=debug", "--log-format=json"];

#[test]
fn the_log_says_how_an_input_was_read() {
    let sandbox = Sandbox::new();
    sandbox.write("large.jsonl", events(&sandbox));
    sandbox.write("small.jsonl", "\n");
    let args = [&LOG[..], &["large.jsonl", "small.jsonl"]].concat();
    let small = "read, not mapped: it is smaller than 1 MiB";
    let pair = |way: &str| {
        vec![
            ("large.jsonl".to_owned(), way.to_owned()),
            ("small.jsonl".to_owned(), small.to_owned()),
        ]
    };
    assert_eq!(ways(&sandbox.aggregate(&args)), pair("mapped"));
    let no = [&args[..], &["--no-mmap"]].concat();
    assert_eq!(ways(&sandbox.aggregate(no)), pair("read"));
    for (value, way) in [("1", "read"), ("false", "mapped"), ("", "mapped")] {
        let mut command = sandbox.program();
        command.arg("aggregate").args(&args);
        command.env("DAYTALLY_NO_MMAP", value);
        assert_eq!(ways(&Run::of(command)), pair(way), "{value:?}");
    }
}

#[test]
fn the_log_says_why_an_input_was_not_mapped() {
    let sandbox = Sandbox::new();
    fifo(&sandbox, "pipe");
    let mut command = sandbox.program();
    command.arg("aggregate").args(LOG).args(["-", "pipe"]);
    let path = sandbox.path("pipe");
    let writer = std::thread::spawn(move || drop(File::options().write(true).open(path)));
    let expected = [
        ("-", "read, not mapped: it is standard input"),
        ("pipe", "read, not mapped: it is a pipe or a device"),
    ];
    let expected = expected.map(|(name, why)| (name.to_owned(), why.to_owned()));
    assert_eq!(ways(&Run::of(command)), expected);
    writer.join().unwrap();
}

/// Had it been larger it would not have been mapped either.
#[cfg(feature = "gzip")]
#[test]
fn the_log_says_that_an_input_is_compressed() {
    use std::io::Write as _;
    let sandbox = Sandbox::new();
    for (name, bytes) in [("small.gz", &b"\n"[..]), ("large.gz", &events(&sandbox))] {
        // Not made smaller.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        gzip.write_all(bytes).unwrap();
        sandbox.write(name, gzip.finish().unwrap());
    }
    let args = [&LOG[..], &["small.gz", "large.gz"]].concat();
    let why = "read, not mapped: it is compressed (gzip)";
    let expected = ["small.gz", "large.gz"].map(|name| (name.to_owned(), why.to_owned()));
    for args in [&args[..], &[&args[..], &["--no-mmap"]].concat()] {
        assert_eq!(ways(&sandbox.aggregate(args)), expected);
    }
}

#[test]
fn the_library_reads_where_it_is_told_to() {
    use daytally::input::Way;
    let sandbox = Sandbox::new();
    let path = sandbox.write("large.jsonl", events(&sandbox));
    let outcomes = [true, false].map(|map_files| {
        let mut options = daytally::Options::default();
        options.map_files = map_files;
        let pipeline = daytally::Pipeline::new(options).unwrap();
        let inputs = vec![daytally::Input::open(&path).unwrap()];
        let outcome = pipeline.aggregate(inputs, &mut ()).unwrap();
        let mut csv = Vec::new();
        pipeline
            .write_csv(&outcome, |bytes| {
                csv.extend_from_slice(bytes);
                Ok(())
            })
            .unwrap();
        (outcome.inputs[0].way, csv)
    });
    assert_eq!(
        [outcomes[0].0, outcomes[1].0],
        [Some(Way::Mapped), Some(Way::Read)]
    );
    assert!(outcomes[0].1 == outcomes[1].1);
}

/// A folder that shows another through a file system of a program; taken away when dropped.
struct Fuse {
    mount: PathBuf,
}

impl Fuse {
    /// `None`, and why, where there is no such tool or it may not do that.
    fn mount(folder: &Path, mount: &Path) -> Option<Fuse> {
        let mounted = Command::new("bindfs")
            .args([folder, mount])
            .stdin(Stdio::null())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Fuse {
                mount: mount.to_path_buf(),
            }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                eprintln!("skipped: bindfs cannot mount here: {why}");
                None
            }
            Err(error) => {
                eprintln!("skipped: no bindfs: {error}");
                None
            }
        }
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        for (program, args) in [
            ("fusermount3", &["-u"][..]),
            ("fusermount", &["-u"]),
            ("umount", &[]),
        ] {
            let done = Command::new(program)
                .args(args)
                .arg(&self.mount)
                .stderr(Stdio::null())
                .status();
            if done.is_ok_and(|status| status.success()) {
                break;
            }
        }
    }
}

#[test]
fn a_file_system_of_a_program_is_read() {
    let sandbox = Sandbox::new();
    for folder in ["there", "shown"] {
        std::fs::create_dir(sandbox.path(folder)).unwrap();
    }
    sandbox.write("there/events.jsonl", events(&sandbox));
    let Some(_fuse) = Fuse::mount(&sandbox.path("there"), &sandbox.path("shown")) else {
        return;
    };
    let outputs = ["there", "shown"].map(|folder| {
        let input = format!("{folder}/events.jsonl");
        let args = [
            &LOG[..],
            &["--rejects=r.jsonl", "--threads=2", input.as_str()],
        ]
        .concat();
        let run = sandbox.aggregate(args);
        let way = ways(&run).remove(0).1;
        let rejects: Vec<Value> = json_lines(&sandbox.text("r.jsonl"))
            .into_iter()
            .map(|mut reject| {
                reject.as_object_mut().unwrap().remove("input");
                reject
            })
            .collect();
        (way, sandbox.csv(), rejects)
    });
    assert_eq!(outputs[0].0, "mapped");
    assert_eq!(outputs[1].0, "read, not mapped: it is on fuse");
    assert!(outputs[0].1 == outputs[1].1 && outputs[0].2 == outputs[1].2);
    assert!(!outputs[0].2.is_empty());
}

/// Whether a byte in the middle of a file would have to come from the disk. Not every file system lets go of
/// what it has cached, and not every one says so.
fn is_let_go(path: &Path) -> bool {
    use rustix::fs::{Advice, fadvise};
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    preadv2(&file, &mut bytes, middle, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}

#[test]
fn a_file_that_is_not_in_the_cache_is_read_with_few_threads() {
    let sandbox = Sandbox::new();
    sandbox.write("events.jsonl", events(&sandbox));
    let outputs = [(1, true), (2, true), (2, false), (8, true)].map(|(threads, let_go)| {
        if let_go && !is_let_go(&sandbox.path("events.jsonl")) {
            eprintln!("skipped: the file system does not let go of the file");
            return None;
        }
        let threads = format!("--threads={threads}");
        let args = [&LOG[..], &["--rejects=r.jsonl", &threads, "events.jsonl"]].concat();
        let run = sandbox.aggregate(args);
        let way = ways(&run).remove(0).1;
        Some((way, sandbox.csv(), sandbox.text("r.jsonl")))
    });
    let [Some(one), Some(two), Some(cached), Some(eight)] = outputs else {
        return;
    };
    let from_disk = "read, not mapped: it is not in the page cache";
    assert_eq!([&*one.0, &*two.0], [from_disk; 2]);
    assert_eq!([&*cached.0, &*eight.0], ["mapped"; 2]);
    for other in [&two, &cached, &eight] {
        assert!((&other.1, &other.2) == (&one.1, &one.2));
    }
    assert!(!one.2.is_empty());
}
