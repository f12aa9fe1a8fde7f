//! Memory: what a run keeps does not grow with its input.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox};

/// A field of `/proc/PID/status`, in KiB; `None` when the process is gone.
pub(crate) fn status_field(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()
}

/// The most anonymous memory, in KiB, seen while a run lasts. Mapped input is not anonymous: the system
/// may drop it whenever it likes.
pub(crate) fn peak(sandbox: &Sandbox, args: &[&str]) -> Option<u64> {
    peak_with_stdin(sandbox, args, b"", 0)
}

/// The same, with a text on standard input so many times.
fn peak_with_stdin(
    sandbox: &Sandbox,
    args: &[&str],
    text: &'static [u8],
    times: usize,
) -> Option<u64> {
    let mut child = sandbox
        .program()
        .arg("aggregate")
        .args(args)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        for _ in 0..times {
            stdin.write_all(text).unwrap();
        }
    });
    let mut most = None;
    let status = loop {
        most = most.max(status_field(child.id(), "RssAnon"));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::yield_now();
    };
    assert!(status.success(), "{status:?}");
    writer.join().unwrap();
    most
}

fn expect_modest(megabytes: usize, most: u64) {
    if !cfg!(target_os = "linux") {
        eprintln!("the test skips: there is no /proc");
        return;
    }
    let line = format!("{CLICK}\n");
    let count = megabytes * 1_000_000 / line.len();
    let sandbox = Sandbox::with_events(line.repeat(count));
    let anonymous = peak(&sandbox, &["--threads=2"]).expect("the run was seen at least once");
    assert!(anonymous < most, "{anonymous} KiB for {megabytes} MB");
    assert_eq!(
        sandbox.csv(),
        CLICK_CSV.replace(",1,1,0,", &format!(",1,{count},0,"))
    );
}

#[test]
fn a_modest_input() {
    expect_modest(40, 24 * 1024);
}

#[test]
#[ignore = "for a release build"]
fn a_big_input() {
    expect_modest(2000, 64 * 1024);
}

/// Rejects are written as they come and not kept.
#[test]
fn many_rejects() {
    if !cfg!(target_os = "linux") {
        eprintln!("many_rejects skips: there is no /proc");
        return;
    }
    let sandbox = Sandbox::with_events("{\"user_id\":1}\n".repeat(200_000));
    let anonymous = peak(&sandbox, &["--rejects=r.jsonl", "--threads=2"])
        .expect("the run was seen at least once");
    assert!(anonymous < 64 * 1024, "{anonymous} KiB");
}

/// A line past the limit is not copied anywhere.
#[test]
fn a_line_past_the_limit() {
    if !cfg!(target_os = "linux") {
        eprintln!("a_line_past_the_limit skips: there is no /proc");
        return;
    }
    let sandbox = Sandbox::with_events("x".repeat(100_000_000));
    let anonymous = peak(&sandbox, &["--rejects=r.jsonl"]).expect("the run was seen at least once");
    assert!(anonymous < 48 * 1024, "{anonymous} KiB");
}

/// Workers hand over what they have counted however short the chunks are: kept to the end, it would be
/// there twice.
#[test]
fn many_groups_in_short_chunks() {
    if !cfg!(target_os = "linux") {
        eprintln!("the test skips: there is no /proc");
        return;
    }
    let groups: usize = 400_000;
    let events: Vec<String> = (0..groups)
        .map(|user| CLICK.replacen('1', &user.to_string(), 1) + "\n")
        .collect();
    let sandbox = Sandbox::with_events(events.concat());
    let args = ["--threads=4", "--chunk-size=8K"];
    let anonymous = peak(&sandbox, &args).expect("the run was seen at least once");
    let allowed = (64 << 10) + groups as u64 * 100 / 1024;
    assert!(anonymous < allowed, "{anonymous} of {allowed} KiB");
    assert_eq!(sandbox.csv().lines().count(), groups + 1);
}

/// Of a stream no more is kept than is being worked on: not of events, not of rejects, not of a line
/// that never ends.
#[test]
fn streams() {
    if !cfg!(target_os = "linux") {
        eprintln!("the test skips: there is no /proc");
        return;
    }
    let events: &'static [u8] = format!("{CLICK}\n").repeat(1000).leak().as_bytes();
    let rejects: &'static [u8] = "{}\n".repeat(10_000).leak().as_bytes();
    let line: &'static [u8] = "x".repeat(1_000_000).leak().as_bytes();
    for (text, times, most) in [(events, 600, 24), (rejects, 40, 64), (line, 200, 64)] {
        let sandbox = Sandbox::new();
        let args = ["-", "--rejects=r.jsonl", "--threads=2"];
        let anonymous =
            peak_with_stdin(&sandbox, &args, text, times).expect("the run was seen at least once");
        assert!(
            anonymous < most * 1024,
            "{anonymous} KiB, {most} MiB are allowed"
        );
        let rejects = sandbox.text("r.jsonl").lines().count();
        assert_eq!(
            rejects,
            match text {
                text if text == events => 0,
                text if text == line => 1,
                _ => 400_000,
            }
        );
    }
}

/// With whatever the system gives, a run does its work or says that it could not, and leaves nothing.
#[test]
fn too_little_memory_is_an_error_and_no_crash() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n").repeat(20_000));
    sandbox.write("daily_user_stats.csv", "old");
    let before = sandbox.names();
    let (mut refused, mut good) = (0, 0);
    for kib in (4096..200_000).step_by(512) {
        let limit = format!("ulimit -v {kib} && exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &limit])
            .arg(sandbox.program().get_program())
            .args(["aggregate", "-q", "-j2"])
            .current_dir(sandbox.root())
            .stdin(Stdio::null());
        let run = Run::of(command);
        assert_eq!(sandbox.names(), before, "{}", run.stderr);
        if run.code == Some(0) {
            assert_eq!(sandbox.csv(), CLICK_CSV.replace(",1,1,0,", ",1,20000,0,"));
            sandbox.write("daily_user_stats.csv", "old");
            good += 1;
            if good == 3 {
                break;
            }
            continue;
        }
        assert_eq!(sandbox.csv(), "old");
        // The system's loader has its own way to say it, or says nothing if not even that fits.
        let is_loader = run.code == Some(127) || refused == 0 && run.stderr.is_empty();
        // Nor has a process anything to say that does not even get the first bytes of its memory, which
        // are those for what makes a lack of it an error.
        let has_no_heap = run.code.is_none() && refused == 0;
        // Nor can anything be done about what Rust's runtime needs before the program's own first line.
        let has_no_runtime = run.code.is_none()
            && run.stderr.contains("thread 'main'")
            && run
                .stderr
                .contains("failed to allocate an alternative stack")
            && run.stderr.contains("initialization or cleanup bug");
        if is_loader
            || has_no_runtime
            || has_no_heap && run.stderr.starts_with("memory allocation of 24 bytes")
        {
            continue;
        }
        refused += 1;
        // The standard library panics where it cannot give a thread its second stack.
        assert_eq!(run.code, Some(1), "with {kib} KiB: {}", run.stderr);
        // The C library has words of its own for a few places.
        let is_from_libc =
            run.stderr.starts_with("Fatal glibc error: ") && run.stderr.contains("out of memory");
        assert!(
            is_from_libc
                || run.stderr.contains("memory allocation of ")
                || run.stderr.starts_with("error: "),
            "with {kib} KiB: {}",
            run.stderr
        );
    }
    assert_eq!(good, 3, "with the most it has to work");
    assert!(refused > 0, "with the least it cannot");
}
