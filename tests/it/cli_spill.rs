//! `--memory-limit` and `--temp-dir`: a limit changes nothing but where groups are on their way.
//!
//! Where the program's least limit would take too many groups to be passed, the library goes lower.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use daytally::internals::path_text;
use daytally::{Input, Options, Outcome, Pipeline, Reject, RejectBatch, RejectSink};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli_memory::{peak, status_field};
use crate::harness::{Run, Sandbox, json_lines, number_of};

/// The least limits, and how many groups are past them.
const ONE_THREAD: [&str; 2] = ["--threads=1", "--memory-limit=96MiB"];
const TWO_THREADS: [&str; 2] = ["--threads=2", "--memory-limit=128MiB"];
const GROUPS: u64 = 1_000_000;

/// Events of so many users, far from the order of the result; some users come again, some lines are
/// invalid, and some amounts fill the fields they are counted in.
fn events(users: u64) -> String {
    let mut text = String::new();
    for n in 0..users + users / 8 {
        let user = n.wrapping_mul(0x9e37_79b9) % users;
        let day = n % 3 + 1;
        let line = match n % 40 {
            0 => "not an event\n".to_owned(),
            1 => format!(
                "{{\"user_id\":{user},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-0{day}T10:00:00Z\",\"amount\":0.{n}1}}\n"
            ),
            2 => format!(
                "{{\"user_id\":-{},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-0{day}T10:00:00Z\",\"amount\":999999999999999}}\n",
                n % 240 + 1
            ),
            3..20 => format!(
                "{{\"user_id\":{user},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-0{day}T10:00:00Z\",\"amount\":{}.25}}\n",
                n % 1000
            ),
            _ => format!(
                "{{\"user_id\":{user},\"event_type\":\"click\",\"timestamp\":\"2024-01-0{day}T10:00:00Z\"}}\n"
            ),
        };
        text.push_str(&line);
    }
    text
}

/// Enough groups for the disk, and behind them more invalid lines than any pipe holds the log of.
fn held_at_the_end() -> String {
    events(GROUPS / 2).replace("not an event\n", "") + &"x\n".repeat(300_000)
}

/// The rejects of a run, by line and text.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct Lines(Vec<(u64, Vec<u8>)>);

impl RejectBatch for Lines {
    fn add(&mut self, reject: &Reject<'_>) {
        self.0.push((reject.line, reject.raw.to_vec()));
    }

    fn size(&self) -> usize {
        self.0.len() * 50
    }
}

impl RejectSink for Lines {
    type Batch = Lines;

    fn batch(&self) -> Lines {
        Lines::default()
    }

    fn take(&mut self, batch: &mut Lines) -> daytally::Result<()> {
        self.0.append(&mut batch.0);
        Ok(())
    }
}

/// A run of the library: what it wrote, its rejects, its totals, and what it found.
fn library_run(
    input: &Path,
    temp_dir: &Path,
    threads: usize,
    limit: u64,
) -> (Vec<u8>, Lines, String, Outcome) {
    let mut options = Options::default();
    options.threads = threads.try_into().unwrap();
    options.chunk_size = 10_000;
    options.memory_limit = limit;
    options.temp_dir = Some(temp_dir.into());
    let pipeline = Pipeline::new(options).unwrap();
    let mut rejects = Lines::default();
    let inputs = vec![Input::open(input).unwrap()];
    let outcome = pipeline.aggregate(inputs, &mut rejects).unwrap();
    let mut csv = Vec::new();
    let write = |bytes: &[u8]| {
        csv.extend_from_slice(bytes);
        Ok(())
    };
    let totals = pipeline.write_csv(&outcome, write).unwrap();
    assert_eq!(pipeline.totals(&outcome).unwrap(), totals);
    let groups = outcome.groups.iter().map(Result::unwrap).count() as u64;
    assert_eq!(groups, totals.groups);
    (csv, rejects, format!("{totals:?}"), outcome)
}

/// Everything on the disk, in hundreds of files that are merged over several levels.
#[test]
fn no_memory_at_all_for_groups_gives_the_same_bytes() {
    let sandbox = Sandbox::with_events(events(4_000));
    fs::create_dir(sandbox.path("temp")).unwrap();
    let run = |threads, limit| {
        library_run(
            &sandbox.path("events.jsonl"),
            &sandbox.path("temp"),
            threads,
            limit,
        )
    };
    let (csv, rejects, totals, in_memory) = run(2, u64::MAX);
    assert_eq!(in_memory.groups.spilled().files, 0);
    for threads in [1, 2, 5] {
        let (spilled_csv, spilled_rejects, spilled_totals, outcome) = run(threads, 0);
        let spilled = outcome.groups.spilled();
        assert!(spilled.files > 100 && spilled.bytes > 1000, "{spilled:?}");
        assert!(spilled_csv == csv, "{threads}");
        assert_eq!(spilled_rejects, rejects, "{threads}");
        assert_eq!(spilled_totals, totals, "{threads}");
        assert_eq!(outcome.books, in_memory.books);
        assert_eq!(fs::read_dir(sandbox.path("temp")).unwrap().count(), 0);
    }
}

/// Users who come every day, in order of time and the other way round: however their groups are kept, the
/// rows are those that can be foretold.
#[test]
fn users_who_come_every_day() {
    const USERS: u64 = 16_000;
    const DAYS: u64 = 11;
    let comes_twice = |day: u64, user: u64| (user + day).is_multiple_of(3);
    let mut lines = Vec::new();
    let mut expected = "date,user_id,event_count,purchase_count,total_revenue\n".to_owned();
    for day in 1..=DAYS {
        for n in 0..USERS {
            // Not in order of their ids.
            let user = n * 7 % USERS;
            lines.push(format!(
                "{{\"user_id\":{user},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-{day:02}T10Z\",\"amount\":{day}}}\n"
            ));
            if comes_twice(day, user) {
                lines.push(format!(
                    "{{\"user_id\":{user},\"event_type\":\"click\",\"timestamp\":\"2024-01-{day:02}T11Z\"}}\n"
                ));
            }
        }
        for user in 0..USERS {
            let events = 1 + u8::from(comes_twice(day, user));
            writeln!(expected, "2024-01-{day:02},{user},{events},1,{day}.00").unwrap();
        }
    }
    let sandbox = Sandbox::with_events(lines.concat());
    lines.reverse();
    sandbox.write("reversed.jsonl", lines.concat());
    for (input, args) in [
        ("events.jsonl", &["--threads=1"][..]),
        ("events.jsonl", &["--threads=2"]),
        ("reversed.jsonl", &["--threads=3"]),
        ("reversed.jsonl", &ONE_THREAD),
    ] {
        let args = [args, &[input, "-o", "daily_user_stats.csv"]].concat();
        sandbox.aggregate(&args).expect_code(0);
        assert!(sandbox.csv() == expected, "{args:?}");
    }
}

/// The program, at its least limit for several numbers of threads.
#[test]
fn a_limit_gives_the_same_result_rejects_and_totals() {
    let sandbox = Sandbox::with_events(events(GROUPS));
    fs::create_dir(sandbox.path("temp")).unwrap();
    let outputs = ["--rejects=r.jsonl", "--summary=s.json", "--log-level=off"];
    let run = |args: &[&str]| {
        sandbox.aggregate(outputs.iter().chain(args)).expect_code(0);
        let summary = json_lines(&sandbox.text("s.json")).remove(0);
        let totals: Vec<String> = ["groups", "event_count", "purchase_count", "total_revenue"]
            .map(|name| summary[name].to_string())
            .into();
        (
            sandbox.read("daily_user_stats.csv"),
            sandbox.read("r.jsonl"),
            totals,
            summary,
        )
    };
    let (csv, rejects, totals, summary) = run(&["--memory-limit=100%"]);
    assert_eq!(summary.get("spill_files"), None);
    let three = ["--threads=3", "--memory-limit=160M"];
    for limits in [ONE_THREAD, TWO_THREADS, three] {
        let args = [&limits[..], &["--temp-dir=temp"]].concat();
        let (spilled_csv, spilled_rejects, spilled_totals, summary) = run(&args);
        assert!(number_of(&summary, "spill_files") >= 2, "{summary}");
        assert!(
            number_of(&summary, "spilled_bytes") > 1_000_000,
            "{summary}"
        );
        assert!(
            spilled_csv == csv && spilled_rejects == rejects,
            "{limits:?}"
        );
        assert_eq!(spilled_totals, totals);
        assert_eq!(fs::read_dir(sandbox.path("temp")).unwrap().count(), 0);
    }

    // The totals of a run whose result is not wanted.
    let args = [&outputs[..], &ONE_THREAD, &["--max-invalid=1"]].concat();
    sandbox.aggregate(&args).expect_code(3);
    let summary = json_lines(&sandbox.text("s.json")).remove(0);
    assert!(number_of(&summary, "spill_files") >= 2);
    assert_eq!(summary["total_revenue"].to_string(), totals[3]);
}

#[test]
fn people_and_the_log_are_told() {
    let sandbox = Sandbox::with_events(events(GROUPS));
    let run = sandbox.aggregate(["--threads=1", "--memory-limit=96M", "--log-file=log", "-vv"]);
    run.expect_code(0).expect_stderr("of groups, to");
    run.expect_stderr("temporary files\n");
    let log = sandbox.text("log");
    assert!(log.contains("DEBUG groups that did not fit into memory went to the disk files="));
}

/// Held by a log that nobody reads, once groups are on the disk.
#[expect(
    clippy::zombie_processes,
    reason = "only a test that fails does not wait for it"
)]
fn held(sandbox: &Sandbox) -> (Child, Vec<PathBuf>) {
    let child = sandbox
        .program()
        .arg("aggregate")
        .args(ONE_THREAD)
        .args(["--temp-dir=temp", "--log-level=warn"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let descriptors = format!("/proc/{}/fd", child.id());
    let temp = sandbox.path("temp");
    loop {
        assert!(
            status_field(child.id(), "Threads").is_some(),
            "the run is held"
        );
        let open = fs::read_dir(&descriptors).unwrap().flatten();
        let spills: Vec<PathBuf> = open
            .filter(|entry| {
                fs::read_link(entry.path()).is_ok_and(|file| file.starts_with(&temp))
                    && fs::metadata(entry.path()).is_ok_and(|file| file.len() > 0)
            })
            .map(|entry| entry.path())
            .collect();
        if !spills.is_empty() {
            return (child, spills);
        }
        std::thread::yield_now();
    }
}

fn stopped(signal: Signal) -> (Sandbox, ExitStatus) {
    let sandbox = Sandbox::with_events(held_at_the_end());
    sandbox.write("daily_user_stats.csv", "before");
    fs::create_dir(sandbox.path("temp")).unwrap();
    let (mut child, spills) = held(&sandbox);
    for spill in spills {
        let mode = fs::metadata(&spill).unwrap();
        assert_eq!(
            (mode.permissions().mode() & 0o777, mode.nlink()),
            (0o600, 0)
        );
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    drop(child.stderr.take());
    let status = child.wait().unwrap();
    assert_eq!(sandbox.text("daily_user_stats.csv"), "before");
    assert_eq!(fs::read_dir(sandbox.path("temp")).unwrap().count(), 0);
    assert_eq!(
        sandbox.names(),
        ["daily_user_stats.csv", "events.jsonl", "temp"]
    );
    (sandbox, status)
}

#[test]
fn killed_with_groups_on_the_disk() {
    let (_sandbox, status) = stopped(Signal::KILL);
    assert!(!status.success());
}

#[test]
fn stopped_with_groups_on_the_disk() {
    let (_sandbox, status) = stopped(Signal::TERM);
    assert_eq!(status.code(), Some(143), "{status:?}");
}

/// A file system of its own, as long as this lives.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    /// `None` where this user may not have one.
    pub(crate) fn new(path: PathBuf, size: &str) -> Option<SmallDisk> {
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        let mounted = mount.arg(&path).stderr(Stdio::null()).status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(SmallDisk(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// `disk` is how many kB fit.
fn expect_full(run: &Run, folder: &Path, cause: &str, disk: u64) {
    run.expect_code(1);
    let message = format!(
        "error: cannot write groups that do not fit into memory to a temporary file in {}: {cause}; ",
        path_text(folder.to_path_buf())
    );
    run.expect_stderr(&message)
        .expect_stderr(" kB more, and others may follow it; ")
        .expect_stderr("--temp-dir")
        .expect_stderr("--memory-limit");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let (before, _) = run.stderr.split_once(" kB were written there").unwrap();
    let written = before.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert!(written <= disk, "{}", run.stderr);
}

#[test]
fn a_full_disk_names_the_folder_and_what_was_needed() {
    let sandbox = Sandbox::with_events(events(GROUPS));
    sandbox.write("daily_user_stats.csv", "before");
    let Some(disk) = SmallDisk::new(sandbox.path("small"), "1M") else {
        eprintln!("a_full_disk skips: this user may not mount a file system");
        return;
    };
    for limits in [ONE_THREAD, TWO_THREADS] {
        let args = ["--temp-dir=small", "-q", "--log-level=off"];
        let run = sandbox.aggregate(limits.iter().chain(&args));
        expect_full(&run, &disk.0, "no space left on the disk", 1049);
        assert_eq!(sandbox.text("daily_user_stats.csv"), "before");
        assert_eq!(fs::read_dir(&disk.0).unwrap().count(), 0);
    }
}

#[test]
fn a_file_that_may_not_grow_is_no_different() {
    let sandbox = Sandbox::with_events(events(GROUPS));
    let args = ["-o", "/dev/null", "-q", "--log-level=off", "--temp-dir=."];
    let args = [&ONE_THREAD[..], &args].concat();
    let Some(limited) = under_prlimit(&sandbox, "--fsize=500000", &args) else {
        eprintln!("a_file_that_may_not_grow skips: there is no prlimit");
        return;
    };
    expect_full(
        &Run::of(limited),
        sandbox.root(),
        "file too large",
        u64::MAX,
    );
}

/// The program, under a limit of the kernel's.
pub(crate) fn under_prlimit(sandbox: &Sandbox, limit: &str, args: &[&str]) -> Option<Command> {
    Command::new("prlimit").arg("--version").output().ok()?;
    let program = sandbox.program();
    let mut limited = Command::new("prlimit");
    limited
        .arg(limit)
        .arg(program.get_program())
        .arg("aggregate")
        .args(args)
        .current_dir(sandbox.root());
    Some(limited)
}

/// The kernel gives no more than the limit and a tenth: everything the process may write to counts,
/// whether it does or not (`RLIMIT_DATA` in getrlimit(2)).
#[test]
fn a_limit_of_the_kernel_is_kept() {
    let sandbox = Sandbox::with_events(events(GROUPS));
    for (limits, mebibytes) in [(ONE_THREAD, 96), (TWO_THREADS, 128)] {
        let args = [&limits[..], &["--summary=s.json", "-q", "--log-level=off"]].concat();
        let data = format!("--data={}", mebibytes * 1024 * 1024 * 11 / 10);
        let Some(limited) = under_prlimit(&sandbox, &data, &args) else {
            eprintln!("a_limit_of_the_kernel skips: there is no prlimit");
            return;
        };
        Run::of(limited).expect_code(0);
        let summary = json_lines(&sandbox.text("s.json")).remove(0);
        assert!(number_of(&summary, "spill_files") >= 2, "{summary}");
        assert_eq!(
            number_of(&summary, "groups"),
            sandbox.csv().lines().count() as u64 - 1
        );
    }
}

/// Private memory stays within the limit and a tenth.
fn expect_within(users: u64, args: &[&str], mebibytes: u64) {
    if !cfg!(target_os = "linux") {
        eprintln!("the test skips: there is no /proc");
        return;
    }
    let sandbox = Sandbox::with_events(events(users));
    let args = [args, &["--summary=s.json", "--rejects=r.jsonl"]].concat();
    let anonymous = peak(&sandbox, &args).expect("the run was seen at least once");
    assert!(
        anonymous < mebibytes * 1024 * 11 / 10,
        "{anonymous} KiB for {args:?}"
    );
    let summary = json_lines(&sandbox.text("s.json")).remove(0);
    assert!(number_of(&summary, "spill_files") >= 2, "{summary}");
}

#[test]
fn memory_stays_within_the_limit() {
    expect_within(GROUPS, &ONE_THREAD, 96);
    expect_within(GROUPS, &TWO_THREADS, 128);
}

#[test]
#[ignore = "for a release build"]
fn memory_stays_within_the_limit_with_many_groups() {
    for (threads, mebibytes) in [(1, 96), (2, 128), (4, 192), (8, 320), (2, 256), (8, 512)] {
        let args = [
            &format!("--threads={threads}")[..],
            &format!("--memory-limit={mebibytes}MiB"),
        ];
        expect_within(6_000_000, &args, mebibytes);
    }
}

#[test]
fn wrong_limits_and_folders() {
    let sandbox = Sandbox::with_events(events(10));
    for (args, code, said) in [
        (&["--memory-limit=1M"][..], 2, "has to be at least"),
        (
            &["--memory-limit=95M", "-j2"],
            2,
            "at least 128MiB with 2 threads; allow more, or ask for fewer with --threads",
        ),
        (
            &["--memory-limit=64MiB", "-j1"],
            2,
            "at least 96MiB with 1 thread; allow more\n",
        ),
        (&["--memory-limit=0%"], 2, "from 1% to 100%"),
        (&["--memory-limit=much"], 2, "--memory-limit"),
        (
            &["--temp-dir=missing"],
            1,
            "no such file or folder; name another folder with --temp-dir",
        ),
        (
            &["--temp-dir=events.jsonl"],
            1,
            "a part of the path is not a folder",
        ),
    ] {
        sandbox
            .aggregate(args)
            .expect_code(code)
            .expect_stderr(said);
        assert_eq!(sandbox.names(), ["events.jsonl"], "{args:?}");
    }
    for args in [
        &["--memory-limit=128M", "-j2"][..],
        &["--memory-limit=50%", "--temp-dir=."],
        &["--output=-"],
    ] {
        sandbox.aggregate(args).expect_code(0);
    }
}

/// As with the other outputs, links are followed; and standard output has no folder.
#[test]
fn temporary_files_are_beside_the_output_unless_told_otherwise() {
    let sandbox = Sandbox::with_events(held_at_the_end());
    fs::create_dir(sandbox.path("temp")).unwrap();
    std::os::unix::fs::symlink("temp/result.csv", sandbox.path("link.csv")).unwrap();
    let temp = path_text(sandbox.path("temp"));
    for (args, variable) in [
        (&["--output=link.csv"][..], None),
        (&["--output=-"], Some(("TMPDIR", &temp))),
        (&["--output=/dev/null"], Some(("DAYTALLY_TEMP_DIR", &temp))),
    ] {
        let mut command = sandbox.program();
        command
            .arg("aggregate")
            .args(ONE_THREAD)
            .args(["--log-level=warn"])
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        // There is a file in the folder before the log is read, and so before the end.
        let descriptors = format!("/proc/{}/fd", child.id());
        loop {
            assert!(child.try_wait().unwrap().is_none(), "{args:?}");
            let open = fs::read_dir(&descriptors).unwrap().flatten();
            let is_there = open
                .filter_map(|entry| {
                    fs::read_link(entry.path())
                        .ok()
                        .zip(fs::metadata(entry.path()).ok())
                })
                .any(|(file, metadata)| {
                    file.starts_with(sandbox.path("temp")) && metadata.mode() & 0o777 == 0o600
                });
            if is_there {
                break;
            }
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
