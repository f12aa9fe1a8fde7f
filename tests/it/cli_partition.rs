//! `--partition-by date`: a folder of days, each of them replaced as a whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use daytally::output::{DayDrafts, Format, days_in};
use daytally::{Input, Options, Pipeline};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli_spill::{SmallDisk, under_prlimit};
use crate::harness::{CLICK, Run, Sandbox, fifo, number_of, snapshot, text_of, tree};
use crate::reference::HEADER;

/// The lines of one click a day, of a user.
fn clicks(days: impl IntoIterator<Item = u32>, user: u32) -> String {
    let line = |day| {
        format!(
            "{{\"user_id\":{user},\"event_type\":\"click\",\"timestamp\":\"2024-01-{day:02}T10:00:00Z\"}}\n"
        )
    };
    days.into_iter().map(line).collect::<Vec<_>>().concat()
}

fn day_file(day: u32) -> String {
    format!("out/date=2024-01-{day:02}/daily_user_stats.csv")
}

/// What changes when a file is replaced.
fn identity(path: &Path) -> (u64, i64, i64, i64, i64) {
    let there = fs::metadata(path).unwrap();
    let (mtime, ctime) = (there.mtime(), there.ctime());
    (
        there.ino(),
        mtime,
        there.mtime_nsec(),
        ctime,
        there.ctime_nsec(),
    )
}

/// A run into the folder `out`, and its summary's `output`.
fn partition(sandbox: &Sandbox, args: &[&str]) -> Value {
    partition_into(sandbox, "out", args)
}

fn partition_into(sandbox: &Sandbox, folder: &str, args: &[&str]) -> Value {
    let run = sandbox.aggregate(
        ["--partition-by=date", "-o", folder, "-q", "--summary=-"]
            .iter()
            .chain(args),
    );
    run.expect_code(0);
    let summary: Value = serde_json::from_str(run.stdout_text()).unwrap();
    summary["output"].clone()
}

/// Runs, and expects exit code `code`, a message with `needle`, and nothing to have changed.
#[track_caller]
fn expect_refused(sandbox: &Sandbox, args: &[&str], code: i32, needle: &str) {
    let before = tree(sandbox.root());
    let run = sandbox.aggregate(["--partition-by=date"].iter().chain(args));
    run.expect_code(code).expect_stderr(needle);
    assert!(tree(sandbox.root()) == before, "{args:?} changed something");
}

#[test]
fn each_day_is_what_a_run_over_that_day_writes() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate([
        "--lines=20000",
        "--days=40",
        "--users=300",
        "--profile=mixed",
    ]);
    sandbox.write("events.jsonl", &events);
    let output = partition(&sandbox, &[]);
    let days = days_in(&sandbox.path("out"), Format::default()).unwrap();
    assert!(days.len() >= 40, "{}", days.len());
    let mut bytes = 0;
    for (at, day) in days.iter().enumerate() {
        let csv = sandbox.read(format!("out/date={day}/daily_user_stats.csv"));
        bytes += csv.len() as u64;
        if at % 7 == 0 {
            let day = day.to_string();
            let run = sandbox.aggregate(["-q", "-o", "-", "--from", &day, "--to", &day]);
            assert_eq!(run.stdout, csv, "{day}");
        }
    }
    // All of them together are the result in one file, but for the headers.
    let one = sandbox.aggregate(["-q", "-o", "-"]).stdout;
    let mut joined = HEADER.as_bytes().to_vec();
    for day in &days {
        let csv = sandbox.text(format!("out/date={day}/daily_user_stats.csv"));
        joined.extend_from_slice(csv.strip_prefix(HEADER).unwrap().as_bytes());
    }
    assert!(joined == one);
    assert_eq!(number_of(&output, "bytes"), bytes);
    let rows = std::str::from_utf8(&one).unwrap().lines().count() as u64 - 1;
    assert_eq!(number_of(&output, "rows"), rows);
    assert_eq!(
        text_of(&output, "path"),
        sandbox.path("out").to_str().unwrap()
    );
    assert_eq!(output.get("sha256"), None);
    assert_eq!(output["unchanged"], json!(false));
    assert_eq!(
        output["days"]["added"].as_array().unwrap().len(),
        days.len()
    );

    // Neither threads nor chunks show: nothing is even touched.
    let before = tree(&sandbox.path("out"));
    for args in [
        ["--threads=1", "--chunk-size=100"],
        ["--threads=7", "--lanes=general"],
    ] {
        let output = partition(&sandbox, &args);
        assert_eq!(output["unchanged"], json!(true));
        assert_eq!(number_of(&output["days"], "unchanged"), days.len() as u64);
    }
    assert!(tree(&sandbox.path("out")) == before);
}

/// Ranges of rows from the disk end at other places than those from memory; days do not.
#[test]
fn groups_from_the_disk_give_the_same_days() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=60000", "--days=9", "--users=5000"]);
    let input = sandbox.write("events.jsonl", events);
    let days = |limit: Option<u64>, threads: usize| {
        let mut options = Options::default();
        options.threads = threads.try_into().unwrap();
        options.temp_dir = Some(sandbox.root().into());
        options.memory_limit = limit.unwrap_or(options.memory_limit);
        let pipeline = Pipeline::new(options).unwrap();
        let inputs = vec![Input::open(&input).unwrap()];
        let outcome = pipeline.aggregate(inputs, &mut ()).unwrap();
        let mut days: BTreeMap<_, Vec<u8>> = BTreeMap::new();
        let mut last = None;
        let totals = pipeline.write_csv_by_day(&outcome, |date, bytes| {
            assert!(last <= Some(date), "days come in order");
            last = Some(date);
            days.entry(date).or_default().extend_from_slice(bytes);
            Ok(())
        });
        assert_eq!(limit.is_some(), outcome.groups.spilled().files > 0);
        (days, totals.unwrap())
    };
    let (plain, totals) = days(None, 2);
    assert!(plain.len() >= 9);
    assert!(plain.values().all(|csv| csv.starts_with(HEADER.as_bytes())));
    for threads in [1, 3] {
        assert!(days(Some(0), threads) == (plain.clone(), totals));
    }
}

#[test]
fn a_backfill_of_one_day_touches_no_other() {
    let sandbox = Sandbox::with_events(clicks(1..=9, 1));
    partition(&sandbox, &[]);
    sandbox.write("out/date=2024-01-04/notes.txt", "mine");
    sandbox.write("out/_SUCCESS", "");
    let before: Vec<_> = (1..=9)
        .map(|day| identity(&sandbox.path(day_file(day))))
        .collect();
    let folder = |day: u32| identity(&sandbox.path(format!("out/date=2024-01-{day:02}")));
    let folders: Vec<_> = (1..=9).map(folder).collect();
    // The day again, from a source with more events.
    sandbox.write("events.jsonl", clicks(1..=9, 1) + &clicks([4], 2));
    let output = partition(&sandbox, &["--from=2024-01-04", "--to=2024-01-04"]);
    assert_eq!(
        output["days"],
        json!({"added": [], "changed": ["2024-01-04"], "unchanged": 0, "removed": []})
    );
    for day in 1..=9 {
        let at = day as usize - 1;
        let same = identity(&sandbox.path(day_file(day))) == before[at];
        assert_eq!(same, day != 4, "{day}");
        assert_eq!(folder(day) == folders[at], day != 4, "{day}");
    }
    assert_eq!(
        sandbox.text(day_file(4)),
        format!("{HEADER}2024-01-04,1,1,0,0.00\n2024-01-04,2,1,0,0.00\n")
    );
    assert_eq!(sandbox.text("out/date=2024-01-04/notes.txt"), "mine");
    // All days: only what differs is written, whichever days are asked for.
    sandbox.write("events.jsonl", clicks(1..=9, 1) + &clicks([4, 10], 2));
    let output = partition(&sandbox, &[]);
    assert_eq!(
        output["days"],
        json!({"added": ["2024-01-10"], "changed": [], "unchanged": 9, "removed": []})
    );
    assert_eq!(identity(&sandbox.path(day_file(1))), before[0]);
    assert!(!sandbox.names().iter().any(|name| name.starts_with('.')));
}

#[test]
fn days_that_were_asked_for_and_have_no_events_go() {
    let sandbox = Sandbox::with_events(clicks(1..=9, 1));
    partition(&sandbox, &[]);
    sandbox.write("out/date=2024-01-05/notes.txt", "mine");
    sandbox.write("events.jsonl", clicks([3, 9], 1));
    let days = || {
        days_in(&sandbox.path("out"), Format::default())
            .unwrap()
            .len()
    };
    // Nobody named the days.
    for args in [&[][..], &["--from=2024-01-03"], &["--to=2024-01-04"]] {
        let output = partition(&sandbox, args);
        assert_eq!(output["days"]["removed"], json!([]));
        assert_eq!(output["unchanged"], json!(true));
        assert_eq!(days(), 9, "{args:?}");
    }
    let output = partition(&sandbox, &["--from=2024-01-03", "--to=2024-01-06"]);
    assert_eq!(
        output["days"],
        json!({
            "added": [],
            "changed": [],
            "unchanged": 1,
            "removed": ["2024-01-04", "2024-01-05", "2024-01-06"]
        })
    );
    assert_eq!(output["unchanged"], json!(false));
    assert_eq!(days(), 6);
    assert!(!sandbox.path("out/date=2024-01-04").exists());
    // What else is in the folder of a day is not ours.
    assert_eq!(sandbox.text("out/date=2024-01-05/notes.txt"), "mine");
    // Of all days there may be.
    let run = sandbox.aggregate([
        "--partition-by=date",
        "-oout",
        "--from=0000-01-01",
        "--to=9999-12-31",
    ]);
    run.expect_code(0)
        .expect_stderr(" in 2 days: 0 added, 0 changed, 2 unchanged, 4 removed\n");
    assert_eq!(days(), 2);
}

#[test]
fn thousands_of_days_need_few_open_files() {
    const DAYS: usize = 3000;
    let sandbox = Sandbox::new();
    let days = DAYS.to_string();
    let events = sandbox.generate(["--lines=30000", "--invalid-rate=0", "--days", &days]);
    sandbox.write("events.jsonl", events);
    let args = [
        "--partition-by=date",
        "-oout",
        "-q",
        "--summary=s.json",
        "-j2",
    ];
    let Some(limited) = under_prlimit(&sandbox, "--nofile=64", &args) else {
        eprintln!("thousands_of_days skips: there is no prlimit");
        return;
    };
    Run::of(limited).expect_code(0);
    let found = days_in(&sandbox.path("out"), Format::default()).unwrap();
    assert!(found.len() > DAYS - 5, "{}", found.len());
    assert_eq!(tree(&sandbox.path("out")).len(), 2 * found.len());
    let again = under_prlimit(&sandbox, "--nofile=64", &args).unwrap();
    Run::of(again).expect_code(0);
    let summary: Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
    assert_eq!(
        number_of(&summary["output"]["days"], "unchanged"),
        found.len() as u64
    );
}

#[test]
fn the_default_folder_and_the_environment() {
    let sandbox = Sandbox::with_events(CLICK);
    let mut command = sandbox.program();
    command
        .arg("aggregate")
        .env("DAYTALLY_PARTITION_BY", "DATE");
    let run = Run::of(command);
    run.expect_code(0).expect_stderr(&format!(
        "    output  {}: 76 bytes in 1 day: 1 added, 0 changed, 0 unchanged, 0 removed\n",
        sandbox.path("daily_user_stats").display()
    ));
    let file = "daily_user_stats/date=2024-01-01/daily_user_stats.csv";
    assert_eq!(sandbox.text(file), crate::harness::CLICK_CSV);
    assert_eq!(sandbox.names(), ["daily_user_stats", "events.jsonl"]);
    // Like any new folder and file.
    let sandbox_mode = |name: &str| fs::metadata(sandbox.path(name)).unwrap().mode();
    fs::create_dir(sandbox.path("folder")).unwrap();
    assert_eq!(sandbox_mode("daily_user_stats"), sandbox_mode("folder"));
    assert_eq!(
        sandbox_mode("daily_user_stats/date=2024-01-01"),
        sandbox_mode("folder")
    );
    assert_eq!(sandbox_mode(file), sandbox_mode("events.jsonl"));
}

#[test]
fn a_replaced_day_keeps_its_mode_and_a_link_to_the_folder_stays() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::with_events(clicks([1], 1));
    fs::create_dir(sandbox.path("real")).unwrap();
    symlink("real", sandbox.path("out")).unwrap();
    partition(&sandbox, &[]);
    let path = sandbox.path(day_file(1));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    sandbox.write("events.jsonl", clicks([1], 2));
    let output = partition_into(&sandbox, "out/", &[]);
    assert_eq!(output["days"]["changed"], json!(["2024-01-01"]));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert!(sandbox.path("out").is_symlink());
    // A link that leads nowhere yet.
    fs::remove_dir_all(sandbox.path("real")).unwrap();
    partition(&sandbox, &[]);
    assert!(
        sandbox
            .path("real/date=2024-01-01/daily_user_stats.csv")
            .is_file()
    );
}

#[test]
fn places_that_cannot_be_are_refused() {
    let sandbox = Sandbox::with_events(clicks(1..=3, 1));
    for output in ["-", "/dev/stdout", "/dev/null", "/dev/fd/1"] {
        expect_refused(
            &sandbox,
            &["-o", output],
            2,
            "--partition-by needs a folder",
        );
    }
    fifo(&sandbox, "pipe");
    expect_refused(&sandbox, &["-o", "pipe"], 2, "a pipe or a device");
    sandbox.write("file", "x");
    symlink("file", sandbox.path("link")).unwrap();
    symlink("circle", sandbox.path("circle")).unwrap();
    let path = |name: &str| sandbox.path(name).to_str().unwrap().to_owned();
    for output in ["file", "link", "file/"] {
        let message = " is a file, and a result that is partitioned by date needs a folder there";
        expect_refused(&sandbox, &["-o", output], 1, message);
    }
    for output in [path("missing/out"), path("circle"), path("file/out")] {
        let message = format!("cannot create {output}: ");
        expect_refused(&sandbox, &["-o", &output], 1, &message);
    }
    sandbox
        .aggregate(["-o", "out", "--partition-by=hour"])
        .expect_code(2)
        .expect_stderr("[possible values: date]");
    assert!(!sandbox.path("out").exists());
}

/// Found before the first day is put in place.
#[test]
fn something_else_at_the_place_of_a_day_is_refused() {
    type Obstacle = fn(&Path);
    let obstacles: [(Obstacle, &str); 6] = [
        (|day| fs::write(day, "x").unwrap(), "is a file"),
        (|day| symlink("nowhere", day).unwrap(), "cannot create"),
        (
            |day| fs::create_dir_all(day.join("daily_user_stats.csv")).unwrap(),
            "is a folder",
        ),
        (
            |day| {
                fs::create_dir(day).unwrap();
                symlink("x", day.join("daily_user_stats.csv")).unwrap();
            },
            "is a symbolic link",
        ),
        (
            |day| symlink("/dev/shm", day).unwrap(),
            "on another file system",
        ),
        (|day| symlink("/dev/null", day).unwrap(), "is a device"),
    ];
    for (obstacle, needle) in obstacles {
        let sandbox = Sandbox::with_events(clicks(1..=3, 1));
        fs::create_dir(sandbox.path("out")).unwrap();
        obstacle(&sandbox.path("out/date=2024-01-03"));
        expect_refused(&sandbox, &["-oout"], 1, needle);
    }
}

#[test]
fn a_day_that_is_an_input_or_another_output_is_refused() {
    let sandbox = Sandbox::with_events(clicks(1..=3, 1));
    partition(&sandbox, &[]);
    let day = day_file(2);
    symlink(&day, sandbox.path("soft")).unwrap();
    fs::hard_link(sandbox.path(&day), sandbox.path("hard")).unwrap();
    for input in [&day, "soft", "hard"] {
        let message = "would overwrite the input";
        expect_refused(&sandbox, &["-oout", "events.jsonl", input], 2, message);
    }
    for option in ["--rejects", "--summary", "--log-file"] {
        for name in [day.as_str(), "soft"] {
            expect_refused(
                &sandbox,
                &["-oout", option, name],
                2,
                "both go to the day 2024-01-02",
            );
        }
        let new = "out/date=2024-01-03/../date=2024-01-02/daily_user_stats.csv";
        expect_refused(
            &sandbox,
            &["-oout", option, new],
            2,
            "both go to the day 2024-01-02",
        );
    }
    fs::remove_file(sandbox.path(&day)).unwrap();
    expect_refused(
        &sandbox,
        &["-oout", "--summary", &day],
        2,
        "the day 2024-01-02",
    );
    // A link that would put a file there.
    let message = "both go to the day 2024-01-02";
    expect_refused(&sandbox, &["-oout", "--rejects=soft"], 2, message);
}

/// Inputs may lie in the folders of the days, and other outputs in the output folder.
#[test]
fn inputs_and_outputs_may_share_the_folder() {
    let sandbox = Sandbox::with_events("");
    fs::create_dir_all(sandbox.path("out/date=2024-01-01")).unwrap();
    fs::create_dir_all(sandbox.path("out/date=2024-01-07")).unwrap();
    let input = "out/date=2024-01-01/events.jsonl";
    sandbox.write(input, clicks([1, 2], 1) + "x\n");
    sandbox.write("out/date=2024-01-07/events.jsonl", "");
    for added in [2, 0] {
        let output = partition(&sandbox, &["out", "--rejects=out/_rejects.jsonl"]);
        assert_eq!(output["days"]["added"].as_array().unwrap().len(), added);
    }
    assert_eq!(sandbox.text(input), clicks([1, 2], 1) + "x\n");
    assert!(sandbox.text("out/_rejects.jsonl").contains("invalid_json"));
    // Removing a day leaves the input that is in its folder.
    sandbox.write(day_file(7), "stale");
    partition(&sandbox, &["out", "--from=2024-01-01", "--to=2024-01-09"]);
    assert!(!sandbox.path(day_file(7)).exists());
    assert!(sandbox.path("out/date=2024-01-07/events.jsonl").exists());
}

#[test]
fn too_many_invalid_events_publish_nothing() {
    let sandbox = Sandbox::with_events(clicks(1..=3, 1) + "x\n");
    expect_refused(
        &sandbox,
        &["-oout", "--max-invalid=0"],
        3,
        "--max-invalid allows",
    );
    assert!(!sandbox.path("out").exists());
    sandbox.write("events.jsonl", clicks(1..=3, 1));
    partition(&sandbox, &[]);
    sandbox.write("events.jsonl", clicks([2], 2) + "x\n");
    let days = ["--from=2024-01-01", "--to=2024-01-03"];
    let args = [&["-oout", "--max-invalid=0"], &days[..]].concat();
    expect_refused(&sandbox, &args, 3, "--max-invalid allows");
}

#[test]
fn no_events_at_all_are_no_days() {
    let sandbox = Sandbox::with_events("");
    let output = partition(&sandbox, &[]);
    assert_eq!(number_of(&output, "rows"), 0);
    assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 0);
}

#[test]
fn a_full_disk_leaves_the_days_that_were_there() {
    let sandbox = Sandbox::new();
    let events = sandbox.generate(["--lines=60000", "--days=40", "--users=50000"]);
    sandbox.write("events.jsonl", events);
    let Some(disk) = SmallDisk::new(sandbox.path("small"), "1M") else {
        eprintln!("a_full_disk skips: this user may not mount a file system");
        return;
    };
    let args = [
        "--partition-by=date",
        "-q",
        "--log-level=off",
        "-o",
        "small/out",
    ];
    for day in [None, Some("small/out/date=2024-01-03/daily_user_stats.csv")] {
        if let Some(day) = day {
            fs::create_dir_all(sandbox.path(day).parent().unwrap()).unwrap();
            sandbox.write(day, "before");
        }
        let before = tree(&disk.0);
        let run = sandbox.aggregate(args);
        run.expect_code(1)
            .expect_stderr("no space left on the disk");
        assert!(tree(&disk.0) == before);
    }
}

/// A run that has staged all its days and cannot go on before somebody reads its summary.
struct Held {
    child: Child,
    pipe: PathBuf,
}

impl Held {
    fn new(sandbox: &Sandbox, args: &[&str]) -> Held {
        let pipe = format!("pipe{}", sandbox.names().len());
        fifo(sandbox, &pipe);
        let child = sandbox
            .program()
            .args(["aggregate", "--partition-by=date", "-oout", "-q"])
            .args(["--summary", &pipe])
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let held = Held {
            child,
            pipe: sandbox.path(pipe),
        };
        held.wait_until_it_opens_the_pipe();
        held
    }

    /// Nothing tells but what the kernel says it waits in.
    fn wait_until_it_opens_the_pipe(&self) {
        let begin = Instant::now();
        let waits = || {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            tasks
                .filter_map(|task| fs::read_to_string(task.ok()?.path().join("wchan")).ok())
                .any(|place| place.contains("wait_for_partner") || place.contains("fifo_open"))
        };
        // Where the kernel does not say, it is held by then.
        while !waits() && begin.elapsed() < Duration::from_secs(3) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets it come to its end.
    fn let_go(self) -> Run {
        let reader = thread::spawn(move || fs::read(self.pipe));
        let output = self.child.wait_with_output().unwrap();
        reader.join().unwrap().unwrap();
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn send(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

fn hidden(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.')
        .count()
}

/// The days, and what else there is.
fn with_identities(sandbox: &Sandbox) -> Vec<(PathBuf, u64, Option<Vec<u8>>)> {
    let tree = tree(sandbox.root());
    tree.into_iter()
        .map(|(path, bytes)| {
            let identity = sandbox.path(&path).symlink_metadata().unwrap().ino();
            (path, identity, bytes)
        })
        .collect()
}

#[test]
fn when_a_day_cannot_be_put_in_place_all_are_what_they_were() {
    let sandbox = Sandbox::with_events(clicks(1..=6, 1));
    partition(&sandbox, &[]);
    sandbox.write("events.jsonl", clicks([1, 2, 4, 5, 8, 9], 2) + "x\n");
    sandbox.write("r.jsonl", "before");
    let days = ["--from=2024-01-01", "--to=2024-01-31"];
    let args = [&["--rejects=r.jsonl"], &days[..]].concat();
    let before = with_identities(&sandbox);
    let held = Held::new(&sandbox, &args);
    // Since it looked, somebody else has put something there.
    let day_5 = sandbox.path(day_file(5));
    let aside = sandbox.path("aside");
    fs::rename(&day_5, &aside).unwrap();
    fs::create_dir(&day_5).unwrap();
    let pipe = held.pipe.clone();
    held.let_go().expect_code(1).expect_stderr(&format!(
        "error: cannot put the finished file in place at {}: it is a folder; choose another path; nothing was published\n",
        day_5.display()
    ));
    fs::remove_dir(&day_5).unwrap();
    fs::rename(&aside, &day_5).unwrap();
    fs::remove_file(pipe).unwrap();
    assert!(with_identities(&sandbox) == before);

    // Another run does it all.
    let output = partition(&sandbox, &days);
    assert_eq!(
        output["days"],
        json!({
            "added": ["2024-01-08", "2024-01-09"],
            "changed": ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"],
            "unchanged": 0,
            "removed": ["2024-01-03", "2024-01-06"]
        })
    );
}

/// Sets or clears what keeps even root from replacing a file, where there is such a thing.
fn set_immutable(path: &Path, is: bool) -> bool {
    let mut chattr = Command::new("chattr");
    chattr.arg(if is { "+i" } else { "-i" }).arg(path);
    let done = chattr.stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

#[test]
fn a_day_that_is_protected_meanwhile_leaves_all_what_they_were() {
    // The last that is replaced, or the last that is removed.
    for day in [27, 31] {
        let sandbox = Sandbox::with_events(clicks(1..=31, 1));
        partition(&sandbox, &[]);
        let before = with_identities(&sandbox);
        sandbox.write("events.jsonl", clicks(1..=27, 2));
        let held = Held::new(&sandbox, &["--from=2024-01-01", "--to=2024-02-29"]);
        let protected = sandbox.path(day_file(day));
        let is_set = set_immutable(&protected, true);
        let pipe = held.pipe.clone();
        let run = held.let_go();
        if !is_set {
            eprintln!("a_day_that_is_protected skips: no chattr +i here, or not for this user");
            return;
        }
        set_immutable(&protected, false);
        run.expect_code(1)
            .expect_stderr("permission denied")
            .expect_stderr("; nothing was published\n")
            .expect_stderr(protected.to_str().unwrap());
        fs::remove_file(pipe).unwrap();
        sandbox.write("events.jsonl", clicks(1..=31, 1));
        assert!(with_identities(&sandbox) == before);
    }
}

/// The program, with calls failing or killing it. `None` where it cannot be made to.
fn traced(sandbox: &Sandbox, inject: &str, args: &[&str]) -> Option<Command> {
    let mut probe = Command::new("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]);
    let probed = probe.stderr(Stdio::null()).status();
    probed.is_ok_and(|status| status.success()).then(|| {
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
        traced.arg(format!("inject={inject}"));
        traced.arg(sandbox.program().get_program());
        traced.args(["aggregate", "-q", "--partition-by=date", "-oout"]);
        traced.args(args);
        traced.current_dir(sandbox.root()).stdin(Stdio::null());
        traced
    })
}

/// Rejects and a summary are put in place before the days.
#[test]
fn whatever_fails_days_and_other_outputs_are_what_they_were() {
    let args = [
        "--rejects=r.jsonl",
        "--summary=s.json",
        "--from=2024-01-01",
        "--to=2024-01-09",
    ];
    // Two files, days 1 and 2 that change, day 4 that is new, and day 3 that goes.
    let mut cases: Vec<String> = (1..=5)
        .map(|number| format!("renameat2:error=EIO:when={number}"))
        .collect();
    cases.push("rename:error=EIO:when=3".into());
    // Of each thread the first: also folders, with nobody else at work.
    cases.extend((1..=9).map(|number| format!("fsync:error=EIO:when={number}")));
    let mut after = 0;
    for inject in cases {
        let sandbox = Sandbox::with_events(clicks(1..=3, 1));
        partition(&sandbox, &[]);
        sandbox.write("events.jsonl", clicks([1, 2, 4], 2) + "x\n");
        sandbox.write("r.jsonl", "before");
        let before = with_identities(&sandbox);
        let Some(traced) = traced(&sandbox, &inject, &args) else {
            eprintln!("whatever_fails skips: there is no strace");
            return;
        };
        let run = Run::of(traced);
        if inject.starts_with("fsync") && run.code == Some(0) {
            // Other threads did them.
            continue;
        }
        run.expect_code(1).expect_stderr("input/output error");
        after += usize::from(run.stderr.contains("; nothing was published\n"));
        assert!(
            with_identities(&sandbox) == before,
            "{inject}: {}",
            run.stderr
        );
        partition(&sandbox, &args[2..]);
        assert_eq!(hidden(&sandbox.path("out")), 0);
    }
    assert!(after >= 6, "{after}");
}

#[test]
fn a_run_that_is_killed_among_its_days_leaves_each_old_or_new() {
    let args = ["--from=2024-01-01", "--to=2024-01-09"];
    for number in 1..=3 {
        let sandbox = Sandbox::with_events(clicks(1..=3, 1));
        partition(&sandbox, &[]);
        let old: Vec<String> = (1..=3).map(|day| sandbox.text(day_file(day))).collect();
        sandbox.write("events.jsonl", clicks([1, 2, 4], 2));
        let inject = format!("renameat2:signal=KILL:when={number}");
        let Some(traced) = traced(&sandbox, &inject, &args) else {
            eprintln!("a_run_that_is_killed_among skips: there is no strace");
            return;
        };
        assert_ne!(Run::of(traced).code, Some(0));
        assert_eq!(hidden(&sandbox.path("out")), 1);
        for (day, old) in (1..=3).zip(old) {
            let now = sandbox.text(day_file(day));
            assert!(now == old || now.contains(",2,1,0,"), "{day}: {now}");
        }
        partition(&sandbox, &args);
        assert_eq!(hidden(&sandbox.path("out")), 0);
        assert_eq!(
            days_in(&sandbox.path("out"), Format::default())
                .unwrap()
                .len(),
            3
        );
    }
}

/// A folder that somebody else created meanwhile is no obstacle.
#[test]
fn a_folder_that_comes_in_between_is_used() {
    let sandbox = Sandbox::with_events(clicks(1..=3, 1));
    let held = Held::new(&sandbox, &[]);
    for (day, name) in [(1, "notes.txt"), (3, "daily_user_stats.csv")] {
        let folder = format!("out/date=2024-01-{day:02}");
        fs::create_dir(sandbox.path(&folder)).unwrap();
        sandbox.write(format!("{folder}/{name}"), "theirs");
    }
    held.let_go().expect_code(0);
    assert_eq!(sandbox.text("out/date=2024-01-01/notes.txt"), "theirs");
    for day in 1..=3 {
        assert!(sandbox.text(day_file(day)).starts_with(HEADER), "{day}");
    }
    assert_eq!(hidden(&sandbox.path("out")), 0);
}

#[test]
fn what_a_killed_run_staged_is_removed_by_the_next_and_what_a_living_one_staged_is_not() {
    let sandbox = Sandbox::with_events(clicks(1..=3, 1));
    partition(&sandbox, &[]);
    let before = tree(&sandbox.path("out"));
    sandbox.write("events.jsonl", clicks(1..=3, 2));
    Held::new(&sandbox, &[]).send(Signal::KILL);
    assert_eq!(hidden(&sandbox.path("out")), 1);
    sandbox.write("events.jsonl", clicks(1..=3, 1));

    let living = Held::new(&sandbox, &[]);
    assert_eq!(hidden(&sandbox.path("out")), 1, "the stray is gone");
    sandbox.write("events.jsonl", clicks([3], 3));
    let output = partition(&sandbox, &[]);
    assert_eq!(output["days"]["changed"], json!(["2024-01-03"]));
    assert_eq!(
        hidden(&sandbox.path("out")),
        1,
        "that of the living run is not"
    );
    living.let_go().expect_code(0);
    assert_eq!(hidden(&sandbox.path("out")), 0);
    // The living run found all days unchanged, and the other came after it.
    assert_ne!(tree(&sandbox.path("out")), before);
    partition(&sandbox, &[]);
}

#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let sandbox = Sandbox::with_events(clicks(1..=3, 1));
        let held = Held::new(&sandbox, &[]);
        assert!(sandbox.path("out").exists());
        kill_process(Pid::from_child(&held.child), signal).unwrap();
        // Whether it stops by itself or has to be let go.
        let run = held.let_go();
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(!sandbox.path("out").exists());
    }
}

/// Drafts of a library user that are discarded, and a process that ends without dropping them.
#[test]
#[ignore = "a part of the next one, which runs it in a process of its own"]
fn discards_its_drafts_and_exits() {
    let Some(folder) = std::env::var_os("IT_DISCARD_IN").map(PathBuf::from) else {
        return;
    };
    let days = [1, 2].map(|day| format!("2024-01-0{day}").parse().unwrap());
    let mut drafts = DayDrafts::create(&folder.join("new"), Format::default()).unwrap();
    for day in days {
        drafts.write(day, b"x").unwrap();
    }
    let mut of_old = DayDrafts::create(&folder.join("old"), Format::default()).unwrap();
    of_old.write(days[0], b"x").unwrap();
    let mut finished = of_old.finish(|| Ok(())).unwrap();
    finished
        .remove_others(daytally::event::DateRange::default())
        .unwrap();
    daytally::output::discard_drafts();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let error = finished.publish().unwrap_err().to_string();
    assert!(error.contains("were discarded"), "{error}");
    std::mem::forget(drafts);
    std::process::exit(7);
}

#[test]
fn discarding_drafts_leaves_no_names() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("old/date=2024-01-05")).unwrap();
    sandbox.write("old/date=2024-01-05/daily_user_stats.csv", "old");
    let before = tree(sandbox.root());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "cli_partition::discards_its_drafts_and_exits"])
        .args(["--ignored", "--nocapture"])
        .env("IT_DISCARD_IN", sandbox.root());
    let run = Run::of(child);
    assert_eq!(run.code, Some(7), "{}", run.stderr);
    assert!(tree(sandbox.root()) == before);
}

/// The plain result is not in the way: an output file stays what it is.
#[test]
fn a_folder_without_partitions_is_still_refused() {
    let sandbox = Sandbox::with_events(CLICK);
    fs::create_dir(sandbox.path("out")).unwrap();
    let before = (sandbox.names(), snapshot(&sandbox));
    sandbox
        .aggregate(["-o", "out"])
        .expect_code(1)
        .expect_stderr("it is a folder");
    assert_eq!((sandbox.names(), snapshot(&sandbox)), before);
}
