//! Publishing: where results land, what they replace, and what they must never replace.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, fifo, json_lines, snapshot};

const BAD: &str = "not json\n";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_default_names() {
    let sandbox = Sandbox::with_events(CLICK);
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    assert_eq!(run.stdout, b"");
    assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
}

#[test]
fn named_outputs() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    fs::create_dir(sandbox.path("out")).unwrap();
    sandbox
        .aggregate([
            "-o",
            "out/stats.csv",
            "--rejects",
            "out/bad.jsonl",
            "--summary",
            "out/run.json",
        ])
        .expect_code(0);
    assert_eq!(sandbox.text("out/stats.csv"), CLICK_CSV);
    assert_eq!(json_lines(&sandbox.text("out/bad.jsonl")).len(), 1);
    assert_eq!(json_lines(&sandbox.text("out/run.json")).len(), 1);
    assert_eq!(sandbox.names(), ["events.jsonl", "out"]);
    let mut inside: Vec<_> = fs::read_dir(sandbox.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    inside.sort();
    assert_eq!(inside, ["bad.jsonl", "run.json", "stats.csv"]);
}

#[test]
fn a_dash_is_standard_output() {
    let sandbox = Sandbox::with_events(CLICK);
    let run = sandbox.aggregate(["-o", "-"]);
    run.expect_code(0);
    assert_eq!(run.stdout_text(), CLICK_CSV);
    assert_eq!(sandbox.names(), ["events.jsonl"]);
}

#[test]
fn a_replaced_file_keeps_its_mode() {
    for bits in [0o600, 0o640, 0o644, 0o666, 0o755] {
        let sandbox = Sandbox::with_events(BAD);
        for name in ["daily_user_stats.csv", "rejects.jsonl"] {
            let path = sandbox.write(name, "before");
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        }
        sandbox
            .aggregate(["--rejects", "rejects.jsonl"])
            .expect_code(0);
        for name in ["daily_user_stats.csv", "rejects.jsonl"] {
            assert_ne!(sandbox.text(name), "before");
            assert_eq!(mode(&sandbox.path(name)), bits, "{name}");
        }
    }
}

#[test]
fn a_new_file_follows_the_umask() {
    for (umask, bits) in [
        ("022", 0o644),
        ("027", 0o640),
        ("077", 0o600),
        ("000", 0o666),
    ] {
        let sandbox = Sandbox::with_events(BAD);
        let program = sandbox.program();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        shell.arg(program.get_program()).args([
            "aggregate",
            "--rejects=r.jsonl",
            "--summary=s.json",
        ]);
        shell.current_dir(sandbox.root());
        for (name, _) in program.get_envs() {
            shell.env_remove(name);
        }
        Run::of(shell).expect_code(0);
        for name in ["daily_user_stats.csv", "r.jsonl", "s.json"] {
            assert_eq!(
                mode(&sandbox.path(name)),
                bits,
                "{name} under umask {umask}"
            );
        }
    }
}

/// The link stays, and the file at its end is replaced, where it is.
#[test]
fn symlinks_are_followed() {
    let sandbox = Sandbox::with_events(BAD);
    fs::create_dir(sandbox.path("far")).unwrap();
    sandbox.write("far/target.csv", "before");
    sandbox.write("far/bad.jsonl", "before");
    symlink("far/target.csv", sandbox.path("near.csv")).unwrap();
    symlink("near.csv", sandbox.path("out.csv")).unwrap();
    symlink(sandbox.path("far/bad.jsonl"), sandbox.path("bad.jsonl")).unwrap();
    sandbox
        .aggregate(["-o", "out.csv", "--rejects", "bad.jsonl"])
        .expect_code(0);
    for link in ["out.csv", "near.csv", "bad.jsonl"] {
        assert!(
            fs::symlink_metadata(sandbox.path(link))
                .unwrap()
                .is_symlink(),
            "{link}"
        );
    }
    assert_eq!(sandbox.text("far/target.csv"), crate::reference::HEADER);
    assert_eq!(json_lines(&sandbox.text("far/bad.jsonl")).len(), 1);
    assert_eq!(
        sandbox.names(),
        ["bad.jsonl", "events.jsonl", "far", "near.csv", "out.csv"]
    );
    assert_eq!(fs::read_dir(sandbox.path("far")).unwrap().count(), 2);
}

/// A link that leads nowhere yet leads to the result afterwards.
#[test]
fn a_dangling_symlink_is_followed() {
    let sandbox = Sandbox::with_events(CLICK);
    symlink("later.csv", sandbox.path("out.csv")).unwrap();
    sandbox.aggregate(["-o", "out.csv"]).expect_code(0);
    assert!(
        fs::symlink_metadata(sandbox.path("out.csv"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(sandbox.text("later.csv"), CLICK_CSV);
}

/// A reader that has the old file open keeps it whole: the result is renamed into place.
#[test]
fn an_open_old_file_stays_whole() {
    let sandbox = Sandbox::with_events(CLICK);
    let path = sandbox.write("daily_user_stats.csv", "before");
    let mut old = File::open(&path).unwrap();
    sandbox.aggregate([] as [&str; 0]).expect_code(0);
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before");
    assert_ne!(
        fs::metadata(&path).unwrap().ino(),
        old.metadata().unwrap().ino()
    );
    assert_eq!(sandbox.csv(), CLICK_CSV);
}

#[test]
fn a_named_pipe_is_written_through() {
    let sandbox = Sandbox::with_events(CLICK);
    fifo(&sandbox, "pipe");
    let path = sandbox.path("pipe");
    let reader = thread::spawn(move || fs::read_to_string(path).unwrap());
    sandbox.aggregate(["-o", "pipe"]).expect_code(0);
    assert!(
        fs::symlink_metadata(sandbox.path("pipe"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    assert_eq!(reader.join().unwrap(), CLICK_CSV);
    assert_eq!(sandbox.names(), ["events.jsonl", "pipe"]);
}

#[test]
fn devices_are_written_through() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    sandbox.aggregate(["-o", "/dev/null"]).expect_code(0);
    assert!(
        fs::symlink_metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    let run = sandbox.aggregate(["-o", "/dev/stdout"]);
    run.expect_code(0);
    assert_eq!(run.stdout_text(), CLICK_CSV);
    assert_eq!(sandbox.names(), ["events.jsonl"]);
}

/// Standard output that is a file gets the result too, by either name.
#[test]
fn standard_output_may_be_a_file() {
    for name in ["-", "/dev/stdout"] {
        let sandbox = Sandbox::with_events(CLICK);
        let mut command = sandbox.program();
        command.args(["aggregate", "-q", "-o", name]);
        command.stdout(File::create(sandbox.path("out.csv")).unwrap());
        assert!(command.status().unwrap().success());
        assert_eq!(sandbox.text("out.csv"), CLICK_CSV, "{name}");
        assert_eq!(sandbox.names(), ["events.jsonl", "out.csv"]);
    }
}

/// Runs with `args`, expects a usage error about `name`, and nothing in the folder to change.
#[track_caller]
fn expect_refused(sandbox: &Sandbox, args: &[&str]) {
    let before = (sandbox.names(), snapshot(sandbox));
    sandbox.aggregate(args).expect_code(2);
    assert_eq!((sandbox.names(), snapshot(sandbox)), before, "{args:?}");
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    sandbox.write("other.jsonl", CLICK);
    fs::hard_link(sandbox.path("events.jsonl"), sandbox.path("hard")).unwrap();
    symlink("events.jsonl", sandbox.path("soft")).unwrap();
    fs::create_dir(sandbox.path("sub")).unwrap();
    let absolute = sandbox.path("events.jsonl");
    let absolute = absolute.to_str().unwrap();
    for option in ["--output", "--rejects", "--summary", "--log-file"] {
        for name in [
            "events.jsonl",
            "./events.jsonl",
            "sub/../events.jsonl",
            absolute,
            "hard",
            "soft",
        ] {
            expect_refused(&sandbox, &["other.jsonl", "events.jsonl", option, name]);
            expect_refused(&sandbox, &["hard", option, name]);
            expect_refused(&sandbox, &["soft", option, name]);
        }
    }
    // The default input and the default output are no exceptions.
    expect_refused(&sandbox, &["-o", "events.jsonl"]);
    symlink("events.jsonl", sandbox.path("daily_user_stats.csv")).unwrap();
    expect_refused(&sandbox, &[]);
}

#[test]
fn two_outputs_at_one_path_are_refused() {
    let options = ["--output", "--rejects", "--summary", "--log-file"];
    for (index, first) in options.iter().enumerate() {
        for second in &options[index + 1..] {
            // The file is new.
            let sandbox = Sandbox::with_events(BAD);
            fs::create_dir(sandbox.path("sub")).unwrap();
            expect_refused(&sandbox, &[first, "out", second, "out"]);
            expect_refused(&sandbox, &[first, "out", second, "./sub/../out"]);
            expect_refused(
                &sandbox,
                &[first, "out", second, sandbox.path("out").to_str().unwrap()],
            );
            // The file is there already, under other names too.
            sandbox.write("out", "before");
            symlink("out", sandbox.path("soft")).unwrap();
            expect_refused(&sandbox, &[first, "out", second, "out"]);
            expect_refused(&sandbox, &[first, "out", second, "soft"]);
            expect_refused(&sandbox, &[first, "soft", second, "out"]);
        }
    }
    let sandbox = Sandbox::with_events(BAD);
    expect_refused(&sandbox, &["--rejects", "daily_user_stats.csv"]);
}

/// `| head`: nobody reads on, and that is no failure.
#[test]
fn a_closed_standard_output_is_a_quiet_end() {
    let sandbox = Sandbox::new();
    // Far more than a pipe holds.
    let events = sandbox.generate(["--lines=20000", "--users=20000", "--invalid-rate=0"]);
    sandbox.write("events.jsonl", events);
    let cases: [&[&str]; 3] = [
        &["aggregate", "-o", "-"],
        &["aggregate", "--summary", "-"],
        &["generate", "--lines", "100000"],
    ];
    for args in cases {
        let mut child = sandbox
            .program()
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            !stderr.to_lowercase().contains("pipe") && !stderr.contains("panicked"),
            "{args:?}: {stderr}"
        );
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    }
}

#[test]
fn a_second_run_replaces_the_first() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{CLICK}\n{BAD}"));
    sandbox
        .aggregate(["--rejects=r.jsonl", "--summary=s.json"])
        .expect_code(0);
    sandbox.write("events.jsonl", CLICK);
    sandbox
        .aggregate(["--rejects=r.jsonl", "--summary=s.json"])
        .expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    assert_eq!(sandbox.text("r.jsonl"), "");
    assert_eq!(json_lines(&sandbox.text("s.json")).len(), 1);
}

/// Only what goes to standard output is lost with its reader; what else was asked for is done.
#[test]
fn a_closed_standard_output_takes_nothing_else_with_it() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=20000", "--users=20000", "--invalid-rate=0.01"]);
    sandbox.write("events.jsonl", events);
    let args = ["aggregate", "-q", "--rejects=r.jsonl", "--summary=s.json"];
    let mut child = sandbox
        .program()
        .args(args)
        .args(["-o", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let (rejects, summary) = (sandbox.text("r.jsonl"), sandbox.text("s.json"));
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();

    sandbox.run(args).expect_code(0);
    assert_eq!(sandbox.text("r.jsonl"), rejects);
    let whole: serde_json::Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
    for field in ["invalid", "groups", "total_revenue"] {
        assert_eq!(summary[field], whole[field], "{field}");
    }
}

/// What changes when a file is replaced, or only touched.
fn identity(path: &Path) -> (u64, i64, i64) {
    let there = fs::metadata(path).unwrap();
    (there.ino(), there.ctime(), there.ctime_nsec())
}

#[test]
fn an_unchanged_result_is_not_rewritten() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    let (csv, rejects) = (
        sandbox.path("daily_user_stats.csv"),
        sandbox.path("r.jsonl"),
    );
    let run = |unchanged: [bool; 2]| {
        let run = sandbox.aggregate(["--rejects=r.jsonl", "--summary=s.json", "-v"]);
        run.expect_code(0);
        let summary: serde_json::Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
        assert_eq!(summary["output"]["unchanged"], unchanged[0]);
        assert_eq!(summary["rejects_unchanged"], unchanged[1]);
        run.expect_stderr(&format!(" unchanged={}\n", unchanged[0]));
        for (at, line) in [": 76 bytes, unchanged\n", "r.jsonl: unchanged\n"]
            .iter()
            .enumerate()
        {
            assert_eq!(run.stderr.contains(line), unchanged[at], "{}", run.stderr);
        }
    };
    run([false, false]);
    let before = [
        identity(&csv),
        identity(&rejects),
        identity(&sandbox.path("s.json")),
    ];
    run([true, true]);
    run([true, true]);
    assert_eq!([identity(&csv), identity(&rejects)], before[..2]);
    assert_ne!(identity(&sandbox.path("s.json")), before[2]);

    // The same size is not the same.
    sandbox.write("r.jsonl", sandbox.text("r.jsonl").replace("not", "NOT"));
    run([true, false]);
    assert_eq!(identity(&csv), before[0]);
    sandbox.write("daily_user_stats.csv", CLICK_CSV.replace("2024", "2025"));
    run([false, true]);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    // Nor is the same beginning.
    sandbox.write("daily_user_stats.csv", format!("{CLICK_CSV}\n"));
    run([false, true]);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    assert_eq!(
        sandbox.names(),
        ["daily_user_stats.csv", "events.jsonl", "r.jsonl", "s.json"]
    );
}

/// Larger than any buffer.
#[test]
fn an_unchanged_large_result_is_not_rewritten() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=60000", "--users=50000", "--invalid-rate=0"]);
    sandbox.write("events.jsonl", events);
    let path = sandbox.path("daily_user_stats.csv");
    sandbox.aggregate(["-q"]).expect_code(0);
    let (bytes, before) = (fs::read(&path).unwrap(), identity(&path));
    assert!(bytes.len() > 1_000_000);
    sandbox.aggregate(["-q", "--threads=3"]).expect_code(0);
    assert_eq!(identity(&path), before);
    // A link to it says nothing else, and one byte is enough.
    symlink("daily_user_stats.csv", sandbox.path("link")).unwrap();
    sandbox.aggregate(["-q", "-o", "link"]).expect_code(0);
    assert_eq!(identity(&path), before);
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        fs::write(&path, other).unwrap();
        sandbox.aggregate(["-q", "-o", "link"]).expect_code(0);
        assert!(fs::read(&path).unwrap() == bytes);
    }
}

/// Hidden files that killed runs have left, and those of living ones.
#[test]
fn strays_are_removed_and_the_drafts_of_the_living_are_not() {
    let sandbox = Sandbox::with_events(CLICK);
    sandbox.write(".daytally-stray1.tmp", "x");
    fs::create_dir(sandbox.path(".daytally-stray2.tmp")).unwrap();
    sandbox.write(".daytally-stray2.tmp/2024-01-01.csv", "x");
    let living = sandbox.write(".daytally-living.tmp", "x");
    let living = File::open(living).unwrap();
    rustix::fs::flock(&living, rustix::fs::FlockOperation::LockExclusive).unwrap();
    sandbox.aggregate(["-q"]).expect_code(0);
    assert_eq!(
        sandbox.names(),
        [
            ".daytally-living.tmp",
            "daily_user_stats.csv",
            "events.jsonl"
        ]
    );
    drop(living);
    sandbox.aggregate(["-q"]).expect_code(0);
    assert_eq!(sandbox.names(), ["daily_user_stats.csv", "events.jsonl"]);
}

/// The program where files without a name cannot get one, because there is no /proc.
fn without_proc(sandbox: &Sandbox, args: &[&str]) -> Option<Command> {
    let script = "mount -t tmpfs none /proc && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]);
    command.current_dir(sandbox.root()).stdin(Stdio::null());
    let mut probe = Command::new("unshare");
    probe.args(["-m", "sh", "-c", script, "sh", "true"]);
    let probed = probe.stderr(Stdio::null()).status();
    probed.is_ok_and(|status| status.success()).then(|| {
        command.arg(sandbox.program().get_program());
        command.args(args);
        command
    })
}

#[test]
fn drafts_with_names_do_the_same() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    let args = ["aggregate", "-q", "--rejects=r.jsonl", "--summary=pipe"];
    fifo(&sandbox, "pipe");
    let Some(mut command) = without_proc(&sandbox, &args) else {
        eprintln!("drafts_with_names skips: this user may not mount a file system");
        return;
    };
    let read = |name: &str| {
        let path = sandbox.path(name);
        thread::spawn(move || fs::read_to_string(path).unwrap())
    };
    let drafts = || {
        let names = sandbox.names();
        names
            .iter()
            .filter(|name| name.starts_with(".daytally-"))
            .count()
    };
    // Held by a summary that nobody reads.
    let spawn = |command: &mut Command| {
        let child = command.spawn().unwrap();
        let begin = std::time::Instant::now();
        while drafts() < 2 {
            assert!(begin.elapsed().as_secs() < 50, "{:?}", sandbox.names());
            thread::sleep(std::time::Duration::from_millis(5));
        }
        child
    };
    let mut killed = spawn(&mut command);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(drafts(), 2, "{:?}", sandbox.names());

    // The next one removes them, and not those of a third that is alive.
    let mut first = without_proc(&sandbox, &args).unwrap();
    let mut first = spawn(&mut first);
    sandbox.aggregate(["-q", "-oother.csv"]).expect_code(0);
    assert_eq!(drafts(), 2, "{:?}", sandbox.names());
    let summary = read("pipe");
    assert!(first.wait().unwrap().success());
    summary.join().unwrap();
    let names = [
        "daily_user_stats.csv",
        "events.jsonl",
        "other.csv",
        "pipe",
        "r.jsonl",
    ];
    assert_eq!(sandbox.names(), names);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    let before = identity(&sandbox.path("daily_user_stats.csv"));
    let again = without_proc(&sandbox, &args[..3]).unwrap();
    Run::of(again).expect_code(0);
    assert_eq!(identity(&sandbox.path("daily_user_stats.csv")), before);
    assert_eq!(sandbox.names(), names);
}

/// The program, with the calls of `inject` failing. `None` where it cannot be made to.
fn with_failing(sandbox: &Sandbox, inject: &str, args: &[&str]) -> Option<Command> {
    let probe = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success()).then(|| {
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
        traced.arg(format!("inject={inject}"));
        traced.arg(sandbox.program().get_program());
        traced.args(["aggregate", "-q"]).args(args);
        traced.current_dir(sandbox.root()).stdin(Stdio::null());
        traced
    })
}

/// What is renamed cannot be taken back; the message says what is there.
#[test]
fn a_result_that_may_not_last_is_an_error_that_says_so() {
    // Of the draft of the result, of that of the summary, of the summary's folder, of the result's.
    for number in 1..=4 {
        let sandbox = Sandbox::with_events(CLICK);
        sandbox.write("daily_user_stats.csv", "before");
        let Some(traced) = with_failing(
            &sandbox,
            &format!("fsync:error=EIO:when={number}"),
            &["--summary=s.json"],
        ) else {
            eprintln!("a_result_that_may_not_last skips: there is no strace");
            return;
        };
        let run = Run::of(traced);
        run.expect_code(1).expect_stderr("input/output error");
        let is_in_place = number == 4;
        if is_in_place {
            run.expect_stderr("error: the new file is in place at ")
                .expect_stderr("daily_user_stats.csv, but may not yet be on the disk: ");
            assert_eq!(sandbox.csv(), CLICK_CSV);
            // Another run brings to the disk what it does not have to replace.
            let args = ["-q", "--summary=s.json"];
            sandbox.aggregate(args).expect_code(0);
            let summary = sandbox.text("s.json");
            assert!(summary.contains("\"unchanged\":true"), "{summary}");
        } else {
            assert_eq!(sandbox.csv(), "before", "{number}");
        }
        // A summary tells of a result that is there, or is not there.
        assert_eq!(sandbox.path("s.json").exists(), is_in_place, "{number}");
        assert!(!sandbox.names().iter().any(|name| name.starts_with('.')));
    }
}

/// What tells of a result that is not there goes, but not a device.
#[test]
fn a_device_for_the_summary_stays() {
    let sandbox = Sandbox::with_events(CLICK);
    let device = sandbox.path("null");
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &device,
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        rustix::fs::makedev(1, 3),
    );
    let args = ["--summary=null"];
    let Some(traced) = with_failing(&sandbox, "rename,renameat,renameat2:error=EIO", &args) else {
        eprintln!("a_device_for_the_summary skips: there is no strace");
        return;
    };
    if made.is_err() {
        eprintln!("a_device_for_the_summary skips: this user may not create one");
        return;
    }
    Run::of(traced)
        .expect_code(1)
        .expect_stderr("cannot put the finished file in place at");
    assert!(
        device
            .symlink_metadata()
            .unwrap()
            .file_type()
            .is_char_device()
    );
}
