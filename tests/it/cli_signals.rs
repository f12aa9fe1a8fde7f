//! What happens to a run from outside: signals, and an input that changes under it.
//!
//! The run is held where the test wants it by not reading its log: a pipe holds far less than the log of
//! the input, so the program cannot be done when the test acts.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Sandbox, fifo, snapshot};

/// More invalid lines than any pipe holds the log of: some 30 MB of it.
const LINES: usize = 300_000;

/// A run that has begun to log and cannot end before its log is read.
struct Held {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Held {
    fn new(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut child = sandbox
            .program()
            .arg("aggregate")
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        log.read_line(&mut first).unwrap();
        assert!(first.contains("WARN"), "{first}");
        Self { child, log }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the log to its end, and with it lets the run come to its own.
    fn let_go(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

/// What a shell would report: an exit with 128 + N and a death by signal N are one to it.
fn reported(status: ExitStatus) -> Option<i32> {
    status.code().or(status.signal().map(|number| 128 + number))
}

fn expect_clean_stop(signal: Signal, code: i32, args: &[&str]) {
    let sandbox = Sandbox::with_events("x\n".repeat(LINES));
    sandbox.write("daily_user_stats.csv", "before");
    let before = (sandbox.names(), snapshot(&sandbox));
    let held = Held::new(&sandbox, args);
    held.send(signal);
    let (status, _) = held.let_go();
    assert_eq!(reported(status), Some(code), "{args:?}: {status:?}");
    assert_eq!((sandbox.names(), snapshot(&sandbox)), before, "{args:?}");
}

#[test]
fn interrupted() {
    expect_clean_stop(Signal::INT, 130, &[]);
    expect_clean_stop(
        Signal::INT,
        130,
        &["--threads=1", "--rejects=r.jsonl", "--chunk-size=1000"],
    );
}

#[test]
fn terminated() {
    expect_clean_stop(Signal::TERM, 143, &[]);
    expect_clean_stop(
        Signal::TERM,
        143,
        &["--threads=4", "--rejects=r.jsonl", "--summary=s.json"],
    );
}

/// A run that hangs, here because nobody reads its log, can be stopped all the same by asking again.
#[test]
fn asked_again() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let sandbox = Sandbox::with_events("x\n".repeat(LINES));
        sandbox.write("daily_user_stats.csv", "before");
        let before = (sandbox.names(), snapshot(&sandbox));
        let mut held = Held::new(&sandbox, &["--rejects=r.jsonl"]);
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = held.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < Duration::from_secs(50), "it never ends");
            held.send(signal);
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(reported(status), Some(code), "{status:?}");
        assert_eq!((sandbox.names(), snapshot(&sandbox)), before);
    }
}

/// One signal ends a run that waits for somebody, and says so where it can.
fn expect_blocked_run_ends(args: &[&str], says_so: bool) {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let sandbox = Sandbox::new();
        let events = sandbox.generate(["--lines=200000", "--users=100000"]);
        sandbox.write("events.jsonl", events);
        sandbox.write("daily_user_stats.csv", "before");
        fifo(&sandbox, "fifo");
        let before = (sandbox.names(), snapshot(&sandbox));
        let (reader, writer) = std::io::pipe().unwrap();
        let mut child = sandbox
            .program()
            .arg("aggregate")
            .args(args)
            .stdout(Stdio::from(writer))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !listens(&child) {
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(300));
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = wait(&mut child);
        assert_eq!(status.code(), Some(code), "{args:?}: {status:?}");
        drop(reader);
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said.contains("error: stopped by "), says_so, "{said}");
        assert_eq!((sandbox.names(), snapshot(&sandbox)), before, "{args:?}");
    }
}

/// The end of a process, which has to come.
fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begin.elapsed() > Duration::from_secs(50) {
            child.kill().unwrap();
            panic!("it never ends");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_that_waits_for_a_reader_of_its_output() {
    expect_blocked_run_ends(&["--output=fifo"], true);
    expect_blocked_run_ends(&["--output=fifo", "--log-format=json"], false);
}

#[test]
fn a_run_whose_output_nobody_reads() {
    expect_blocked_run_ends(&["--output=-"], true);
}

/// Then nobody reads that it was stopped either.
#[test]
fn a_run_whose_log_nobody_reads() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let sandbox = Sandbox::with_events("x\n".repeat(LINES));
        sandbox.write("daily_user_stats.csv", "before");
        let before = (sandbox.names(), snapshot(&sandbox));
        let mut held = Held::new(&sandbox, &["--rejects=r.jsonl", "--summary=s.json"]);
        held.send(signal);
        assert_eq!(wait(&mut held.child).code(), Some(code));
        assert_eq!((sandbox.names(), snapshot(&sandbox)), before);
    }
}

/// SPEC 7: an input that is changed while it is read ends the run with a sentence, not with a crash
/// and not with half a result.
fn expect_noticed(change: impl Fn(&Path, &str), remains: &[&str]) {
    // Far more than is read ahead of a log that stands still.
    let events = format!("x{}\n", " ".repeat(200)).repeat(LINES);
    for way in ["--lanes=all", "--no-mmap"] {
        let sandbox = Sandbox::with_events(&events);
        sandbox.write("daily_user_stats.csv", "before");
        let held = Held::new(
            &sandbox,
            &["--threads=2", "--chunk-size=64K", "--rejects=r.jsonl", way],
        );
        let path = sandbox.path("events.jsonl");
        change(&path, &events);
        let (status, log) = held.let_go();
        assert_eq!(status.code(), Some(1), "{way}: {status:?}");
        let last = log.lines().last().unwrap();
        assert!(last.contains(path.to_str().unwrap()), "{last}");
        assert_eq!(sandbox.csv(), "before");
        assert_eq!(sandbox.names(), remains);
    }
}

fn expect_truncation_noticed(keep: impl Fn(usize) -> usize) {
    expect_noticed(
        |path, events| cut(path, keep(events.len())),
        &["daily_user_stats.csv", "events.jsonl"],
    );
}

fn cut(path: &Path, len: usize) {
    let input = File::options().write(true).open(path).unwrap();
    input.set_len(len as u64).unwrap();
}

#[test]
fn an_input_that_is_emptied() {
    expect_truncation_noticed(|_| 0);
}

#[test]
fn an_input_that_is_halved() {
    expect_truncation_noticed(|length| length / 2);
}

/// Within the last page of memory: what is missing there reads as zeros, without any fault.
#[test]
fn an_input_that_loses_its_last_bytes() {
    expect_truncation_noticed(|length| length - 100);
}

#[test]
fn an_input_that_is_cut_and_made_as_long_as_it_was() {
    expect_noticed(
        |path, events| {
            cut(path, events.len() - 100);
            cut(path, events.len());
        },
        &["daily_user_stats.csv", "events.jsonl"],
    );
}

#[test]
fn an_input_that_is_written_over_and_whose_date_is_set_back() {
    expect_noticed(
        |path, events| {
            let input = File::options().write(true).open(path).unwrap();
            let modified = input.metadata().unwrap().modified().unwrap();
            input.write_at(b"y", events.len() as u64 / 3).unwrap();
            input.set_modified(modified).unwrap();
        },
        &["daily_user_stats.csv", "events.jsonl"],
    );
}

#[test]
fn an_input_that_is_replaced() {
    expect_noticed(
        |path, events| {
            let other = path.with_extension("new");
            std::fs::write(&other, events).unwrap();
            std::fs::rename(other, path).unwrap();
        },
        &["daily_user_stats.csv", "events.jsonl"],
    );
}

#[test]
fn an_input_that_is_deleted() {
    expect_noticed(
        |path, _| std::fs::remove_file(path).unwrap(),
        &["daily_user_stats.csv"],
    );
}

/// Whether the process listens for signals: a thread of its own does.
fn listens(child: &Child) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .any(|name| name.starts_with("daytally-signal"))
}

#[test]
fn a_search_for_inputs_can_be_stopped() {
    // Two ways from each folder to the next: a thousand million ways through all.
    const FOLDERS: usize = 30;
    let sandbox = Sandbox::new();
    for number in 0..=FOLDERS {
        let folder = sandbox.path(format!("d{number}"));
        std::fs::create_dir(&folder).unwrap();
        for link in ["a", "b"] {
            if number < FOLDERS {
                let next = format!("../d{}", number + 1);
                std::os::unix::fs::symlink(next, folder.join(link)).unwrap();
            }
        }
    }
    for (input, signal, code) in [
        ("d0", Signal::TERM, 143),
        ("d0/**/nothing.jsonl", Signal::INT, 130),
        ("d?", Signal::TERM, 143),
    ] {
        let child = sandbox
            .program()
            .args(["aggregate", input])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !listens(&child) {
            thread::sleep(Duration::from_millis(5));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.starts_with("error: stopped by "), "{message}");
    }
}
