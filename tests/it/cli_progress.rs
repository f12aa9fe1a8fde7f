//! What is seen of a run while it lasts, on a terminal of its own and elsewhere; and the days at its end.
//!
//! The runs read a pipe that the test writes to, and so last until the test has seen what it wants to.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

use crate::harness::{CLICK, Sandbox, fifo, terminal};

/// What comes before the numbers of invalid events in the bar, and in no other text.
const BAR: &str = "/s, ";

/// How many blank lines make sure that what is before them is worked on.
const BLANK: usize = 30_000;

/// A run whose standard error is a terminal.
struct OnTerminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    size: (u16, u16),
}

impl OnTerminal {
    fn start(sandbox: &Sandbox, args: &[&str], columns: u16, term: &str) -> OnTerminal {
        OnTerminal::start_with(sandbox, args, columns, term, false)
    }

    /// With standard output on it too, or not.
    fn start_with(
        sandbox: &Sandbox,
        args: &[&str],
        columns: u16,
        term: &str,
        has_stdout: bool,
    ) -> OnTerminal {
        let (master, slave) = terminal();
        let size = (100, columns);
        tcsetwinsize(
            &master,
            Winsize {
                ws_row: size.0,
                ws_col: size.1,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .unwrap();
        let mut command = sandbox.program();
        command
            .arg("aggregate")
            .args(args)
            .env("TERM", term)
            .stdout(if has_stdout {
                Stdio::from(slave.try_clone().unwrap())
            } else {
                Stdio::piped()
            })
            .stderr(slave);
        let child = command.spawn().unwrap();
        // With it goes the last of the terminal's other end that this process has.
        drop(command);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let reader = {
            let (shown, mut master) = (Arc::clone(&shown), File::from(master));
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                // At the end there is an error: nobody has the other end.
                while let Ok(len @ 1..) = master.read(&mut buffer) {
                    shown.lock().unwrap().extend_from_slice(&buffer[..len]);
                }
            })
        };
        OnTerminal {
            child,
            shown,
            reader,
            size,
        }
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let begin = Instant::now();
        while !self.raw().contains(text) {
            let tail: String = self.raw().chars().rev().take(300).collect();
            let tail: String = tail.chars().rev().collect();
            assert!(begin.elapsed() < Duration::from_secs(50), "{tail:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How it ended, and what is on the terminal then, line by line; and all that was ever written to it.
    fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let bytes = self.shown.lock().unwrap().clone();
        let mut terminal = vt100::Parser::new(
            self.size.0.try_into().unwrap(),
            self.size.1.try_into().unwrap(),
            0,
        );
        terminal.process(&bytes);
        let lines = terminal.screen().rows(0, self.size.1);
        let mut lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        assert!(!terminal.screen().hide_cursor());
        (status, lines, String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A folder with the pipe that is read.
fn with_pipe() -> Sandbox {
    let sandbox = Sandbox::new();
    fifo(&sandbox, "events.jsonl");
    sandbox
}

fn writer(sandbox: &Sandbox) -> File {
    File::options()
        .write(true)
        .open(sandbox.path("events.jsonl"))
        .unwrap()
}

#[test]
fn log_lines_are_whole_and_in_order_and_no_bar_is_left() {
    let sandbox = with_pipe();
    let run = OnTerminal::start(&sandbox, &["--chunk-size=64"], 200, "xterm");
    let mut pipe = writer(&sandbox);
    let mut bad = 0;
    for _ in 0..5 {
        for _ in 0..4 {
            writeln!(pipe, "{CLICK}\nx").unwrap();
            bad += 1;
        }
        // Enough for the lines before it to be read, however much is read at a time.
        pipe.write_all(&b" \n".repeat(BLANK)).unwrap();
        // The bar is there with all of these, and then the log goes on.
        run.wait_for(&format!(", {bad} invalid"));
    }
    drop(pipe);
    let (status, lines, raw) = run.end();
    assert_eq!(status.code(), Some(0), "{raw}");
    assert!(raw.contains(BAR) && raw.contains("\r\u{1b}[2K"), "{raw}");
    let numbers: Vec<&str> = lines
        .iter()
        .filter(|line| line.contains("WARN"))
        .map(|line| {
            assert!(line.ends_with("reason=invalid_json"), "{lines:#?}");
            line.split("line=")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
        })
        .collect();
    let expected: Vec<String> = (0..5)
        .flat_map(|round| (0..4).map(move |at| (round * (8 + BLANK) + at * 2 + 2).to_string()))
        .collect();
    assert_eq!(numbers, expected);
    let (log, summary) = lines.split_at(expected.len());
    assert!(log.iter().all(|line| line.contains("WARN")), "{lines:#?}");
    assert!(summary[0].starts_with("     input"), "{lines:#?}");
    assert!(
        summary.iter().all(|line| !line.contains("events, ")),
        "{lines:#?}"
    );
}

/// A screenful of log lines; a log that is kept has them all, and so has a terminal if it is asked for them.
#[test]
fn a_terminal_is_not_flooded() {
    let sandbox = Sandbox::with_events("x\n".repeat(1000));
    let shown = |args: &[&str]| {
        let (status, lines, raw) = OnTerminal::start(&sandbox, args, 200, "dumb").end();
        assert_eq!(status.code(), Some(0), "{raw}");
        let of_events = raw.matches("reason=invalid_json").count();
        let folds = raw.matches("more events are invalid").count();
        assert!(lines.len() > 5, "{raw}");
        (of_events, folds, raw)
    };
    let (of_events, folds, raw) = shown(&[]);
    assert_eq!((of_events, folds), (20, 1), "{raw}");
    assert!(raw.contains("--rejects FILE keeps them all"), "{raw}");
    assert!(raw.contains("1,000 invalid"), "{raw}");
    let (of_events, folds, raw) = shown(&["--rejects=r.jsonl"]);
    assert_eq!((of_events, folds), (20, 1), "{raw}");
    assert!(raw.contains("the rejects file will have them all"), "{raw}");
    let kept = std::fs::read_to_string(sandbox.path("r.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 1000);
    let (of_events, folds, _) = shown(&["-v"]);
    assert_eq!((of_events, folds), (1000, 0));
    let (of_events, folds, _) = shown(&["--log-format=json"]);
    assert_eq!((of_events, folds), (0, 0));
    shown(&["--log-file=log"]);
    let log = std::fs::read_to_string(sandbox.path("log")).unwrap();
    assert_eq!(log.matches("reason=invalid_json").count(), 1000);
}

#[test]
fn only_text_goes_to_a_terminal() {
    let sandbox = Sandbox::with_events(CLICK);
    for (format, code) in [
        ("csv", 0),
        ("jsonl", 0),
        ("csv.gz", 2),
        ("parquet", 2),
        ("arrow", 2),
    ] {
        let args = ["-o-", "--format", format];
        let (status, lines, raw) = OnTerminal::start_with(&sandbox, &args, 100, "dumb", true).end();
        assert_eq!(status.code(), Some(code), "{format} {raw}");
        assert_eq!(
            raw.contains("standard output is a terminal"),
            code == 2,
            "{format} {lines:?}"
        );
        // A pipe takes all of them.
        sandbox.aggregate(args).expect_code(0);
    }
}

#[test]
fn a_narrow_terminal_has_a_short_bar() {
    let sandbox = with_pipe();
    let run = OnTerminal::start(&sandbox, &["--color=never"], 20, "xterm");
    let pipe = writer(&sandbox);
    run.wait_for("\r\u{1b}[2K");
    run.wait_for("0 B, ");
    writeln!(&pipe, "{CLICK}").unwrap();
    drop(pipe);
    let (status, lines, raw) = run.end();
    assert_eq!(status.code(), Some(0), "{raw}");
    for bar in raw.split("\u{1b}[2K").skip(1) {
        let bar = bar.split('\r').next().unwrap();
        assert!(bar.chars().count() < 20 || bar.contains("input"), "{bar:?}");
    }
    assert!(
        lines.iter().any(|line| line.starts_with("    events")),
        "{lines:#?}"
    );
    assert!(lines[0].starts_with("     input"), "{lines:#?}");
}

#[test]
fn a_signal_leaves_a_clean_terminal() {
    let sandbox = with_pipe();
    let run = OnTerminal::start(&sandbox, &["--color=never"], 80, "xterm");
    let pipe = writer(&sandbox);
    run.wait_for(BAR);
    kill_process(Pid::from_child(&run.child), Signal::INT).unwrap();
    let (status, lines, raw) = run.end();
    drop(pipe);
    assert_eq!(status.code(), Some(130), "{raw}");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("error: "), "{lines:#?}");
}

#[test]
fn there_is_no_bar_where_none_is_wanted() {
    for (args, term) in [
        (&["--progress=never"][..], "xterm"),
        (&["--quiet"], "xterm"),
        (&[], "dumb"),
    ] {
        let sandbox = with_pipe();
        let run = OnTerminal::start(&sandbox, args, 80, term);
        let pipe = writer(&sandbox);
        // Longer than a bar takes to come.
        std::thread::sleep(Duration::from_millis(900));
        drop(pipe);
        let (status, _, raw) = run.end();
        assert_eq!(status.code(), Some(0), "{raw}");
        assert!(!raw.contains("\u{1b}[2K"), "{args:?}: {raw}");
    }
}

/// Runs until its standard error, a pipe, has told something twice.
fn told(args: &[&str]) -> String {
    let sandbox = with_pipe();
    let mut child = sandbox
        .program()
        .args(["aggregate", "--progress-every=1", "--chunk-size=64"])
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = writer(&sandbox);
    writeln!(pipe, "{CLICK}\n{CLICK}").unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while text.lines().filter(|line| line.contains("reading")).count() < 2 {
        assert!(stderr.read_line(&mut text).unwrap() > 0, "{text}");
    }
    drop(pipe);
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
    text
}

#[test]
fn elsewhere_a_line_tells_in_the_format_of_the_log() {
    let text = told(&[]);
    let line = text.lines().next().unwrap();
    assert!(
        line.contains(" INFO reading bytes=") && line.contains(" invalid=0"),
        "{text}"
    );
    assert!(!text.contains('\r') && !text.contains('\u{1b}'), "{text}");
    let text = told(&["--quiet", "--progress=always"]);
    assert!(
        text.lines()
            .all(|line| line.contains(" INFO reading bytes=")),
        "{text}"
    );
    let text = told(&["--log-format=json"]);
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["message"], "reading");
        assert_eq!(record["invalid"], 0);
    }
}

#[test]
fn the_days_are_drawn_at_the_end() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n{CLICK}\n"));
    for (args, locale, bar, code) in [
        (&["--plot"][..], "C.UTF-8", '█', 0),
        (
            &["--plot", "--partition-by=date", "-o", "days"],
            "C",
            '#',
            0,
        ),
        (&["--plot", "--state=s", "-o-"], "C", '#', 0),
    ] {
        let mut command = sandbox.program();
        command.arg("aggregate").args(args).env("LC_ALL", locale);
        let run = crate::harness::Run::of(command);
        run.expect_code(code);
        let (_, chart) = run
            .stderr
            .split_once("day         revenue  events\n")
            .unwrap();
        let numbers = "2024-01-01     0.00       2  ";
        let bars = chart.strip_prefix(numbers).unwrap().trim_end();
        // To the 80th column.
        assert_eq!(
            bars,
            bar.to_string().repeat(80 - numbers.len() - 1),
            "{chart}"
        );
    }
    let run = sandbox.aggregate(["--plot", "--log-format=json"]);
    run.expect_code(0).expect_stderr("the days are not drawn");
    sandbox.write("bad.jsonl", format!("{CLICK}\nx\n"));
    let run = sandbox.aggregate(["bad.jsonl", "--plot", "--max-invalid=0"]);
    run.expect_code(3)
        .expect_stderr("2024-01-01     0.00       1  ");
}
