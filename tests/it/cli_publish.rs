//! Publishing: where results land, what they replace, and what they must never replace.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
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
    let draft_paths = || {
        let names = sandbox.names().into_iter();
        names
            .filter(|name| name.starts_with(".daytally-"))
            .collect::<Vec<_>>()
    };
    let drafts = || draft_paths().len();
    // Held by a summary that nobody reads.
    let spawn = |command: &mut Command| {
        let strays = draft_paths();
        let child = command.spawn().unwrap();
        let begin = std::time::Instant::now();
        // Its own two, and not those that it is to remove.
        while drafts() != 2 || draft_paths().iter().any(|name| strays.contains(name)) {
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

/// The files there are: their names, which files these are, and their bytes.
fn outputs(sandbox: &Sandbox) -> Vec<impl PartialEq + std::fmt::Debug> {
    let names = sandbox.names().into_iter();
    names
        .map(|name| {
            let path = sandbox.path(&name);
            let there = fs::metadata(&path).unwrap();
            let identity = (there.ino(), there.mtime(), there.mtime_nsec());
            (name, identity, fs::read(&path).unwrap())
        })
        .collect()
}

const ALL_OUTPUTS: [&str; 2] = ["--summary=s.json", "--rejects=r.jsonl"];

/// Old outputs, or for some of them none.
fn sandbox_with_old_outputs(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{BAD}"));
    for name in names {
        sandbox.write(name, format!("old {name}"));
    }
    sandbox
}

/// Which outputs there were before.
const OLD_OUTPUTS: [&[&str]; 3] = [
    &["daily_user_stats.csv", "r.jsonl", "s.json"],
    &["daily_user_stats.csv"],
    &[],
];

#[test]
fn if_anything_fails_all_outputs_are_what_they_were() {
    let calls = [
        // Of the drafts of rejects, result and summary; of their folder, three times.
        ("fsync", 6),
        // To where the drafts wait, and into place.
        ("rename", 3),
        ("renameat2", 3),
        ("linkat", 3),
        ("mkdir,mkdirat", 3),
    ];
    for old in OLD_OUTPUTS {
        for (call, count) in calls {
            for number in 1..=count {
                let sandbox = sandbox_with_old_outputs(old);
                let before = outputs(&sandbox);
                let inject = format!("{call}:error=EIO:when={number}");
                let Some(traced) = with_failing(&sandbox, &inject, &ALL_OUTPUTS) else {
                    eprintln!("if_anything_fails skips: there is no strace");
                    return;
                };
                let run = Run::of(traced);
                run.expect_code(1).expect_stderr("input/output error");
                if call != "fsync" || number > 3 {
                    run.expect_stderr("; nothing was published\n");
                }
                assert_eq!(outputs(&sandbox), before, "{inject}: {}", run.stderr);
                // It was not for ever.
                let args = [&["-q"], &ALL_OUTPUTS[..]].concat();
                sandbox.aggregate(args).expect_code(0);
                assert_eq!(sandbox.csv(), CLICK_CSV);
                assert_eq!(sandbox.names().len(), 4, "{:?}", sandbox.names());
            }
        }
    }
}

/// The way back goes through the same disk.
#[test]
fn a_disk_that_stays_broken_is_told_of() {
    let sandbox = sandbox_with_old_outputs(OLD_OUTPUTS[0]);
    let before = outputs(&sandbox);
    let Some(traced) = with_failing(&sandbox, "fsync:error=EIO:when=4+", &ALL_OUTPUTS) else {
        eprintln!("a_disk_that_stays_broken skips: there is no strace");
        return;
    };
    Run::of(traced).expect_code(1).expect_stderr(&format!(
        "error: cannot sync {}: input/output error; nothing was published, but what was put back may not be on the disk yet; check it\n",
        sandbox.root().display()
    ));
    assert_eq!(outputs(&sandbox), before);
}

/// As on file systems on which files cannot trade places.
#[test]
fn without_exchanges_all_outputs_can_be_taken_back_too() {
    for old in OLD_OUTPUTS {
        // No failure; the first name into the second place; each folder.
        let failing = [None, Some("rename:error=EIO:when=5")];
        let syncs = [4, 5, 6].map(|number| format!("fsync:error=EIO:when={number}"));
        let failing = failing
            .into_iter()
            .chain(syncs.iter().map(|sync| Some(&sync[..])));
        for failing in failing {
            let sandbox = sandbox_with_old_outputs(old);
            let before = outputs(&sandbox);
            let inject = "renameat2:error=ENOSYS";
            let Some(mut traced) = with_failing(&sandbox, inject, &ALL_OUTPUTS) else {
                eprintln!("without_exchanges skips: there is no strace");
                return;
            };
            if let Some(failing) = failing {
                let (program, args) = (traced.get_program().to_owned(), traced.get_args());
                let args: Vec<_> = args.map(std::ffi::OsStr::to_owned).collect();
                traced = Command::new(program);
                traced.args(["-e", &format!("inject={failing}")]).args(args);
                traced.current_dir(sandbox.root()).stdin(Stdio::null());
            }
            let run = Run::of(traced);
            if failing.is_some() {
                run.expect_code(1)
                    .expect_stderr("; nothing was published\n");
                assert_eq!(outputs(&sandbox), before, "{failing:?}");
            } else {
                run.expect_code(0);
                assert_eq!(sandbox.csv(), CLICK_CSV);
                assert_eq!(sandbox.names().len(), 4, "{:?}", sandbox.names());
            }
        }
    }
}

/// Each output is then old or new, and the next run removes the rest.
#[test]
fn a_run_that_is_killed_while_it_publishes_leaves_nothing_by_half() {
    let calls = [
        ("rename", 3),
        ("renameat2", 3),
        ("fsync", 6),
        ("unlink", 4),
        ("rmdir", 3),
    ];
    let mut left_behind = 0;
    for (call, count) in calls {
        for number in 1..=count {
            let sandbox = sandbox_with_old_outputs(OLD_OUTPUTS[0]);
            let inject = format!("{call}:signal=KILL:when={number}");
            let Some(traced) = with_failing(&sandbox, &inject, &ALL_OUTPUTS) else {
                eprintln!("a_run_that_is_killed_while skips: there is no strace");
                return;
            };
            let run = Run::of(traced);
            assert_ne!(run.code, Some(0), "{inject}");
            let text = |name| sandbox.text(name);
            assert!(
                [CLICK_CSV, "old daily_user_stats.csv"]
                    .contains(&&text("daily_user_stats.csv")[..])
            );
            for (name, start) in [("r.jsonl", "{\"input\":"), ("s.json", "{\"status\":")] {
                let text = text(name);
                let is_new = text.starts_with(start) && text.ends_with("}\n");
                assert!(is_new || text == format!("old {name}"), "{text}");
            }
            left_behind += usize::from(sandbox.names().len() > 4);
            let args = [&["-q"], &ALL_OUTPUTS[..]].concat();
            sandbox.aggregate(args).expect_code(0);
            assert_eq!(sandbox.csv(), CLICK_CSV);
            let names = ["daily_user_stats.csv", "events.jsonl", "r.jsonl", "s.json"];
            assert_eq!(sandbox.names(), names);
        }
    }
    assert!(left_behind > 0, "or nothing was tried");
}

/// What was replaced and cannot be removed is no failure.
#[test]
fn an_old_file_that_stays_is_warned_of() {
    let sandbox = sandbox_with_old_outputs(OLD_OUTPUTS[0]);
    let args = ["--summary=s.json", "--log-file=log", "--log-format=json"];
    let Some(traced) = with_failing(&sandbox, "unlink:error=EIO", &args) else {
        eprintln!("an_old_file_that_stays skips: there is no strace");
        return;
    };
    Run::of(traced).expect_code(0);
    assert_eq!(sandbox.csv(), CLICK_CSV);
    let log = sandbox.text("log");
    assert!(
        log.contains("what was replaced could not be removed; the next run"),
        "{log}"
    );
    let strays = |sandbox: &Sandbox| {
        let names = sandbox.names();
        names.iter().filter(|name| name.starts_with('.')).count()
    };
    assert_eq!(strays(&sandbox), 2);
    sandbox.aggregate(["-q"]).expect_code(0);
    assert_eq!(strays(&sandbox), 0);
}

/// What an output is said to be may be nothing that can be put in place, and nothing to take back.
#[test]
fn what_is_written_through_is_no_obstacle_for_taking_back() {
    let sandbox = sandbox_with_old_outputs(OLD_OUTPUTS[0]);
    let before = outputs(&sandbox);
    let args = ["--summary=-", "--rejects=/dev/null"];
    let Some(traced) = with_failing(&sandbox, "fsync:error=EIO:when=2", &args) else {
        eprintln!("what_is_written_through skips: there is no strace");
        return;
    };
    Run::of(traced)
        .expect_code(1)
        .expect_stderr("; nothing was published\n");
    assert_eq!(outputs(&sandbox), before);
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

/// A state that will not let go of what is gone: the outputs still have it, then.
#[test]
fn if_the_state_cannot_be_settled_all_outputs_are_what_they_were() {
    let partials = |sandbox: &Sandbox| {
        let entries = fs::read_dir(sandbox.path("state")).unwrap();
        let names = entries.map(|entry| entry.unwrap().path());
        let is_partial = |path: &PathBuf| path.extension().is_some_and(|e| e == "partial");
        names.filter(is_partial).collect::<Vec<_>>()
    };
    let set = |flag: &str, path: &Path| {
        let mut chattr = Command::new("chattr");
        let done = chattr.arg(flag).arg(path).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    for by_date in [false, true] {
        let sandbox = Sandbox::new();
        let run = |forget: &[&str]| {
            let by = if by_date {
                &["--partition-by=date"][..]
            } else {
                &[]
            };
            let args = ["in", "--state=state", "-oout", "--rejects=r.jsonl", "-q"];
            sandbox.aggregate([&args[..], by, forget].concat())
        };
        fs::create_dir(sandbox.path("in")).unwrap();
        sandbox.write("in/a.jsonl", format!("{CLICK}\n{BAD}"));
        run(&[]).expect_code(0);
        let first = partials(&sandbox);
        let gone = CLICK.replace("2024-01-01", "2024-01-02");
        sandbox.write("in/b.jsonl", format!("{gone}\n{BAD}"));
        run(&[]).expect_code(0);
        let both = partials(&sandbox);
        let second = both.iter().find(|path| !first.contains(path)).unwrap();
        let all = || {
            let folder = sandbox.path("out");
            let files: Vec<_> = match fs::read_dir(&folder) {
                Ok(days) => days
                    .map(|day| day.unwrap().path().join("daily_user_stats.csv"))
                    .collect(),
                Err(_) => vec![folder],
            };
            let mut files = [files, vec![sandbox.path("r.jsonl")]].concat();
            files.sort();
            files
                .into_iter()
                .map(|file| (fs::metadata(&file).unwrap().ino(), fs::read(file).unwrap()))
                .collect::<Vec<_>>()
        };
        let before = all();
        fs::remove_file(sandbox.path("in/b.jsonl")).unwrap();
        if !set("+i", second) {
            eprintln!(
                "if_the_state_cannot_be_settled skips: no chattr +i here, or not for this user"
            );
            return;
        }
        let failed = run(&["--forget-missing"]);
        set("-i", second);
        failed
            .expect_code(1)
            .expect_stderr("; nothing was published\n")
            .expect_stderr(second.file_name().unwrap().to_str().unwrap());
        assert_eq!(all(), before, "{by_date}");
        run(&["--forget-missing"]).expect_code(0);
        assert_eq!(all().len(), 2);
    }
}
