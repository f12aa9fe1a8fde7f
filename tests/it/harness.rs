//! The sandbox: a fresh folder for one test, the program run in it, and what it wrote read back.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::test_runner::Config;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;

use crate::reference::{Expected, Reject};

/// A hang is a failure; nothing here takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(170);

/// A valid event that is not a purchase.
pub(crate) const CLICK: &str =
    r#"{"user_id":1,"event_type":"click","timestamp":"2024-01-01T10:00:00Z"}"#;

/// The result of one [`CLICK`].
pub(crate) const CLICK_CSV: &str =
    "date,user_id,event_count,purchase_count,total_revenue\n2024-01-01,1,1,0,0.00\n";

/// The line of a purchase whose amount is written as `amount`.
pub(crate) fn purchase(user_id: &str, amount: &str) -> String {
    format!(
        r#"{{"user_id":{user_id},"event_type":"purchase","timestamp":"2024-01-01T10:00:00Z","amount":{amount}}}"#
    )
}

/// A folder that exists for one test.
#[derive(Debug)]
pub(crate) struct Sandbox {
    folder: TempDir,
    root: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // Error messages name resolved paths, and the temporary folder may lie behind a symlink.
        let root = folder.path().canonicalize().unwrap();
        Self { folder, root }
    }

    /// A sandbox that holds `events.jsonl`, the default input.
    pub(crate) fn with_events(events: impl AsRef<[u8]>) -> Self {
        let sandbox = Self::new();
        sandbox.write("events.jsonl", events);
        sandbox
    }

    pub(crate) fn root(&self) -> &Path {
        debug_assert!(
            self.folder.path().exists(),
            "the folder lives as long as the sandbox"
        );
        &self.root
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).expect("UTF-8")
    }

    /// The result at the default output path.
    pub(crate) fn csv(&self) -> String {
        self.text("daily_user_stats.csv")
    }

    /// Everything in the folder, hidden files too, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The program, to be run in the folder, knowing nothing of the environment's options.
    pub(crate) fn program(&self) -> Command {
        program_in(self.root())
    }

    /// Runs `daytally ARGS`.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.program();
        command.args(args);
        Run::of(command)
    }

    /// Runs `daytally aggregate ARGS`.
    pub(crate) fn aggregate<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.program();
        command.arg("aggregate").args(args);
        Run::of(command)
    }

    /// Runs `daytally generate ARGS` and gives what it printed.
    pub(crate) fn generate<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Vec<u8> {
        let mut command = self.program();
        command.arg("generate").args(args);
        let run = Run::of(command);
        run.expect_code(0);
        run.stdout
    }
}

/// The program, to be run in a folder, knowing nothing of the environment's options.
pub(crate) fn program_in(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("daytally"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DAYTALLY_") {
            command.env_remove(name);
        }
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
        .env_remove("RUST_LOG")
        // Nor of the config files of whoever runs the tests.
        .env("XDG_CONFIG_DIRS", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(command: Command) -> Self {
        let output = assert_cmd::Command::from_std(command)
            .timeout(PATIENCE)
            .output()
            .unwrap();
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }

    /// Fails, with what the program said, unless it exited with `code` and without a panic.
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "standard error:\n{}",
            clip(&self.stderr)
        );
        assert!(!self.stderr.contains("panicked"), "{}", clip(&self.stderr));
        self
    }

    /// Fails unless standard error holds `needle`.
    #[track_caller]
    pub(crate) fn expect_stderr(&self, needle: &str) -> &Self {
        assert!(
            self.stderr.contains(needle),
            "no {needle:?} in standard error:\n{}",
            clip(&self.stderr)
        );
        self
    }

    pub(crate) fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("standard output is UTF-8")
    }
}

/// The start of a long text, for a failure message a person can read.
fn clip(text: &str) -> String {
    text.chars().take(4000).collect()
}

/// The names in a folder that must not change when a run fails.
pub(crate) fn snapshot(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    sandbox
        .names()
        .into_iter()
        .filter(|name| sandbox.path(name).is_file())
        .map(|name| {
            let bytes = sandbox.read(&name);
            (name, bytes)
        })
        .collect()
}

/// What is in a folder, with all folders in it.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            if path.symlink_metadata().unwrap().is_dir() {
                found.insert(name, None);
                folders.push(path);
            } else if path.is_file() {
                found.insert(name, Some(fs::read(path).unwrap()));
            } else {
                found.insert(name, Some(Vec::new()));
            }
        }
    }
    found
}

/// The objects of a JSON Lines text.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {}", clip(line)))
        })
        .collect()
}

/// A rejects file's `(input, line, offset, reason)`, in its order.
pub(crate) fn positions(records: &[Value]) -> Vec<(String, u64, u64, String)> {
    records
        .iter()
        .map(|record| {
            (
                text_of(record, "input").to_owned(),
                number_of(record, "line"),
                number_of(record, "offset"),
                text_of(record, "reason").to_owned(),
            )
        })
        .collect()
}

/// The same of what the reference expects; `inputs` are the names as given to the program.
pub(crate) fn expected_positions(
    expected: &Expected,
    inputs: &[&str],
) -> Vec<(String, u64, u64, String)> {
    expected
        .rejects
        .iter()
        .map(
            |Reject {
                 input,
                 line,
                 offset,
                 reason,
                 ..
             }| {
                (
                    inputs[*input].to_owned(),
                    *line,
                    *offset,
                    (*reason).to_owned(),
                )
            },
        )
        .collect()
}

/// The records of a JSON log that are about an invalid event.
pub(crate) fn event_records(log: &str) -> Vec<Value> {
    json_lines(log)
        .into_iter()
        .filter(|record| record.get("reason").is_some())
        .collect()
}

/// A field that must be a string.
#[track_caller]
pub(crate) fn text_of<'a>(record: &'a Value, field: &str) -> &'a str {
    record
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text {field} in {record}"))
}

/// A field that must be a whole number.
#[track_caller]
pub(crate) fn number_of(record: &Value, field: &str) -> u64 {
    record
        .get(field)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no count {field} in {record}"))
}

/// Fails unless `text` is safe to print: no control character but line feeds, no escape sequence and
/// nothing that reorders text.
#[track_caller]
pub(crate) fn expect_printable(text: &str) {
    for line in text.split('\n') {
        if let Some(char) = line.chars().find(|char| is_unprintable(*char)) {
            panic!("{char:?} in {:?}", clip(line));
        }
    }
}

/// Control characters of both sets, and Unicode's bidirectional and line controls.
pub(crate) fn is_unprintable(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Every character that [`is_unprintable`] finds.
pub(crate) fn unprintable_chars() -> Vec<char> {
    ('\0'..='\u{ffff}')
        .filter(|char| is_unprintable(*char))
        .collect()
}

/// A property's settings: so many cases unless `PROPTEST_CASES` says otherwise, and no files written
/// beside the sources.
pub(crate) fn proptest_config(cases: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    Config {
        cases: wanted.unwrap_or(cases),
        failure_persistence: None,
        ..Config::default()
    }
}

/// The program under a shell that says `before` first, in the sandbox.
pub(crate) fn under_shell(sandbox: &Sandbox, before: &str, args: &str) -> Run {
    let program = assert_cmd::cargo::cargo_bin!("daytally");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{before} exec {} {args}", program.display()))
        .current_dir(sandbox.root())
        .stdin(Stdio::null());
    Run::of(shell)
}

/// The two ends of a new terminal: the one that shows, and the one that programs have.
pub(crate) fn terminal() -> (OwnedFd, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (master, slave)
}

/// A pipe with a name.
pub(crate) fn fifo(sandbox: &Sandbox, name: &str) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        sandbox.path(name),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
}
