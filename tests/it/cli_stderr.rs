//! Standard error that takes no more: no line of the log is lost without notice, and nothing else that is said
//! there costs the result.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe, pipe_with};

use crate::harness::{
    CLICK, CLICK_CSV, Run, Sandbox, event_records, fifo, snapshot, terminal, tree, under_shell,
};

/// A file that takes nothing, as on a disk that is full; none on systems without it.
fn full() -> Option<File> {
    let full = File::options().write(true).open("/dev/full").ok();
    if full.is_none() {
        eprintln!("skips: there is no /dev/full");
    }
    full
}

/// A valid event and one that is not, and a result of before.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    sandbox.write("daily_user_stats.csv", "before");
    sandbox
}

/// Runs a command with that as its standard error.
fn ended(mut command: Command, stderr: impl Into<Stdio>) -> ExitStatus {
    command.stderr(stderr).status().unwrap()
}

fn aggregate(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.program();
    command.arg("aggregate").args(args);
    command
}

#[test]
fn a_log_that_cannot_be_written_ends_the_run() {
    let cases: [&[&str]; 5] = [
        &[],
        &["--log-format", "json"],
        &["--rejects", "rejects.jsonl", "--summary", "summary.json"],
        &["--report", "report.html", "--max-invalid", "0"],
        &["--partition-by", "date", "-o", "days"],
    ];
    for args in cases {
        let sandbox = sandbox();
        let before = (sandbox.names(), snapshot(&sandbox));
        let Some(full) = full() else { return };
        let status = ended(aggregate(&sandbox, args), full);
        assert_eq!(status.code(), Some(1), "{args:?}");
        assert_eq!((sandbox.names(), snapshot(&sandbox)), before, "{args:?}");
    }
}

/// What was read before is not read again, and its rejects are kept all the same.
#[test]
fn a_log_that_cannot_be_written_ends_a_run_with_a_state() {
    let sandbox = sandbox();
    let args = ["--state", "state", "--rejects", "rejects.jsonl"];
    let Some(full) = full() else { return };
    let status = ended(aggregate(&sandbox, &args), full);
    assert_eq!(status.code(), Some(1));
    assert_eq!(sandbox.csv(), "before");
    assert!(!sandbox.path("rejects.jsonl").exists());
    sandbox.aggregate(args).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    assert_eq!(sandbox.text("rejects.jsonl").lines().count(), 1);
}

/// After how many blocks of 512 bytes the last line of a log starts, given what it is where the input is in a folder
/// named `d`, and how that folder has to be named for it to start there: so long are the lines that name it.
fn blocks_before_last(log: &str) -> (usize, String) {
    let last = log.find(" finished ").expect(log);
    let before = log[..last].rfind('\n').map_or(0, |end| end + 1);
    let names = log[..before].matches("d/e").count();
    assert!(names > 0, "{log}");
    let mut missing = (512 - before % 512) % 512;
    while !missing.is_multiple_of(names) {
        missing += 512;
    }
    let len = 1 + missing / names;
    // No name in it is too long.
    let folder = (1..=len).map(|at| if at % 200 == 0 && at < len { '/' } else { 'd' });
    ((before + missing) / 512, folder.collect())
}

/// The last line of a log is written while everything can still be taken back.
#[test]
fn a_log_without_room_for_its_last_line_ends_the_run() {
    let cases = [
        "aggregate --log-file log",
        "aggregate",
        "aggregate --log-file log --rejects rejects.jsonl --summary summary.json",
        "aggregate --log-file log --max-invalid 0 --rejects rejects.jsonl",
        "aggregate --log-file log --partition-by date -o days --state .state",
        #[cfg(feature = "arrow")]
        "partial --log-file log -o -",
    ];
    for args in cases {
        let sandbox = Sandbox::new();
        // Into how long a folder's name the input is put is how long its lines are.
        let folder = "d".to_owned();
        std::fs::create_dir(sandbox.path(&folder)).unwrap();
        let events = format!("{CLICK}\n{}", "x\n".repeat(4));
        sandbox.write(format!("{folder}/e"), &events);
        let run = |sandbox: &Sandbox, folder: &str, limit: &str| {
            under_shell(
                sandbox,
                &format!("exec 2>said; {limit}"),
                &format!("{args} -v {folder}/e"),
            )
        };
        let log = |sandbox: &Sandbox| {
            let has_file = args.contains("--log-file");
            let text = sandbox.text(if has_file { "log" } else { "said" });
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            let is_log = |line: &&str| line.starts_with("20");
            lines.retain(is_log);
            lines.concat()
        };
        run(&sandbox, &folder, "");
        let (blocks, folder) = blocks_before_last(&log(&sandbox));
        let sandbox = Sandbox::new();
        std::fs::create_dir_all(sandbox.path(&folder)).unwrap();
        sandbox.write(format!("{folder}/e"), &events);
        run(&sandbox, &folder, &format!("ulimit -f {blocks};")).expect_code(1);
        let cut = log(&sandbox);
        assert_eq!(cut.len(), blocks * 512, "{args}: {cut}");
        assert!(!cut.contains(" finished "), "{args}: {cut}");
        let top = folder.split('/').next().unwrap();
        let mut expected = vec![top, "log", "said", ".state"];
        expected.retain(|name| sandbox.path(name).exists());
        expected.sort_unstable();
        assert_eq!(sandbox.names(), expected, "{args}");
        if args.contains("--log-file") {
            let said = sandbox.text("said");
            let last = said.lines().last().unwrap();
            assert!(last.contains("cannot write"), "{said}");
            let is_taken_back = last.ends_with("; nothing was published");
            assert_eq!(is_taken_back, !args.contains("-o -"), "{said}");
        }
    }
}

/// What a state says is published is what was there before.
#[test]
fn days_that_a_log_without_room_kept_from_being_published_are_published_later() {
    const ARGS: &str = "--partition-by date -o days --state .state";
    let [later, latest] = ["2024-01-02", "2024-01-03"].map(|day| CLICK.replace("2024-01-01", day));
    assert_ne!(later, CLICK);
    let begun = |folder: &str| {
        let sandbox = Sandbox::new();
        std::fs::create_dir_all(sandbox.path(folder)).unwrap();
        let events = format!("{folder}/e");
        sandbox.write(&events, format!("{CLICK}\n{later}\n"));
        let args = format!("aggregate -q {ARGS} {events}");
        under_shell(&sandbox, "", &args).expect_code(0);
        // The first day is gone, the second has one event more, and the third comes for the first time. That the first
        // was there, and may be taken away, only the state knows.
        sandbox.write(&events, format!("{later}\n{later}\n{latest}\nx\nx\n"));
        sandbox
    };
    let logged = |sandbox: &Sandbox, folder: &str, limit: &str| {
        let args = format!("aggregate -v --log-file log {ARGS} {folder}/e");
        under_shell(sandbox, &format!("exec 2>said; {limit}"), &args)
    };
    let sandbox = begun("d");
    logged(&sandbox, "d", "").expect_code(0);
    let expected = tree(&sandbox.path("days"));
    let (blocks, folder) = blocks_before_last(&sandbox.text("log"));

    let sandbox = begun(&folder);
    let before = tree(&sandbox.path("days"));
    assert_ne!(before, expected);
    logged(&sandbox, &folder, &format!("ulimit -f {blocks};")).expect_code(1);
    assert_eq!(
        tree(&sandbox.path("days")),
        before,
        "{}",
        sandbox.text("said")
    );
    std::fs::remove_file(sandbox.path("log")).unwrap();
    logged(&sandbox, &folder, "").expect_code(0);
    assert_eq!(tree(&sandbox.path("days")), expected);
}

/// The file may have 512 bytes.
#[test]
fn a_log_that_is_cut_off_ends_the_run() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{}", "x\n".repeat(20)));
    under_shell(&sandbox, "exec 2>said; ulimit -f 1;", "aggregate").expect_code(1);
    assert_eq!(sandbox.read("said").len(), 512);
    assert_eq!(sandbox.names(), ["events.jsonl", "said"]);
}

/// The descriptor is there, and is for reading.
#[test]
fn a_log_that_may_not_be_written_ends_the_run() {
    let sandbox = sandbox();
    let status = ended(
        aggregate(&sandbox, &[]),
        File::open(sandbox.path("events.jsonl")).unwrap(),
    );
    assert_eq!(status.code(), Some(2), "standard error is an input");
    let status = ended(aggregate(&sandbox, &[]), File::open("/dev/null").unwrap());
    assert_eq!(status.code(), Some(1));
    assert_eq!(sandbox.csv(), "before");
}

/// The summary, the bar and notes are for whoever reads them.
#[test]
fn without_lines_of_the_log_nothing_is_lost() {
    let cases: [(&str, &[&str]); 4] = [
        (CLICK, &[]),
        (CLICK, &["--plot", "--progress", "always"]),
        ("x", &["-q"]),
        ("x", &["--log-level", "off"]),
    ];
    for (line, args) in cases {
        let sandbox = Sandbox::with_events(format!("{CLICK}\n{line}\n"));
        let Some(full) = full() else { return };
        let status = ended(aggregate(&sandbox, args), full);
        assert_eq!(status.code(), Some(0), "{args:?}");
        assert!(sandbox.csv().contains("2024-01-01,1,"), "{args:?}");
    }
}

/// As on standard output.
#[test]
fn a_reader_that_went_away_wants_no_more() {
    for args in [&[][..], &["--log-format", "json"]] {
        let sandbox = sandbox();
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let status = ended(aggregate(&sandbox, args), writer);
        assert_eq!(status.code(), Some(0), "{args:?}");
        assert_eq!(sandbox.csv(), CLICK_CSV);
    }
}

/// A shell's `2>&-` is `2>/dev/null`.
#[test]
fn who_closes_standard_error_wants_no_log() {
    let sandbox = sandbox();
    under_shell(&sandbox, "exec 2>&-;", "aggregate").expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

/// A long run goes on when the window that it was started in is closed.
#[test]
fn a_terminal_that_is_gone_wants_no_more() {
    let sandbox = Sandbox::new();
    fifo(&sandbox, "events.jsonl");
    let (master, slave) = terminal();
    let mut child = aggregate(&sandbox, &["-v", "--progress", "never"])
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut events = File::options()
        .write(true)
        .open(sandbox.path("events.jsonl"))
        .unwrap();
    let mut master = File::from(master);
    let mut shown = Vec::new();
    let mut buffer = [0; 1024];
    while !shown.ends_with(b"\n") {
        let len = master.read(&mut buffer).unwrap();
        shown.extend_from_slice(&buffer[..len]);
    }
    drop(master);
    write!(events, "{CLICK}\nx\n").unwrap();
    drop(events);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

/// As a pipe is that another program has made so for its own sake.
#[test]
fn a_pipe_that_does_not_wait_gets_all_lines() {
    let count = 20_000;
    let sandbox = Sandbox::with_events("x\n".repeat(count));
    let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
    let mut child = aggregate(&sandbox, &["--log-format", "json"])
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut log = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match rustix::io::read(&reader, &mut buffer) {
            Ok(0) => break,
            Ok(len) => log.extend_from_slice(&buffer[..len]),
            Err(Errno::AGAIN) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = String::from_utf8(log).unwrap();
    assert_eq!(event_records(&log).len(), count);
}

/// The log of these is no other one.
#[cfg(feature = "arrow")]
#[test]
fn partials_and_merging_have_the_same_log() {
    let sandbox = sandbox();
    sandbox
        .run(["partial", "events.jsonl", "-o", "a.arrow", "-q"])
        .expect_code(0);
    let before = (sandbox.names(), snapshot(&sandbox));
    let cases: [(&[&str], i32); 4] = [
        (&["partial", "events.jsonl", "-o", "b.arrow"], 1),
        (&["partial", "events.jsonl", "-o", "a.arrow", "-v"], 1),
        (&["merge", "a.arrow", "-v"], 1),
        // It has nothing to log.
        (&["merge", "a.arrow", "-o", "out.csv"], 0),
    ];
    for (args, code) in cases {
        let mut command = sandbox.program();
        command.args(args);
        let Some(full) = full() else { return };
        assert_eq!(ended(command, full).code(), Some(code), "{args:?}");
        if code == 1 {
            assert_eq!((sandbox.names(), snapshot(&sandbox)), before, "{args:?}");
        }
    }
    assert_eq!(sandbox.text("out.csv"), CLICK_CSV);
}

/// Its lines on standard error are notes.
#[test]
fn replaying_and_checking_keep_no_log() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    let run = sandbox.aggregate(["--rejects", "rejects.jsonl"]);
    run.expect_code(0);
    for args in [
        &["replay", "rejects.jsonl", "--rest", "rest.jsonl"][..],
        &["check"],
    ] {
        let mut command = sandbox.program();
        command.args(args).stdout(Stdio::null());
        let Some(full) = full() else { return };
        assert_eq!(ended(command, full).code(), Some(0), "{args:?}");
    }
    assert_eq!(sandbox.text("rest.jsonl"), sandbox.text("rejects.jsonl"));
}

/// The message of a failed run is in the log, if that is JSON; so it is what is lost with it.
#[test]
fn a_failed_run_has_the_exit_code_of_its_failure() {
    for args in [
        &["nowhere.jsonl"][..],
        &["nowhere.jsonl", "--log-format", "json"],
    ] {
        let sandbox = sandbox();
        let Some(full) = full() else { return };
        assert_eq!(ended(aggregate(&sandbox, args), full).code(), Some(1));
        let run = Run::of(aggregate(&sandbox, args));
        run.expect_code(1).expect_stderr("nowhere.jsonl");
    }
}
