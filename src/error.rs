//! The ways a run can fail: program faults, each with the path it happened at.
//!
//! An invalid event is not an error: it is a counted value with a [`Reason`](crate::event::Reason).
//!
//! ```
//! use std::io::ErrorKind;
//!
//! use daytally::error::{Action, Error};
//! use daytally::{Input, Options, Pipeline};
//!
//! let missing = match Input::open("not/there.jsonl".as_ref()) {
//!     Err(Error::Io { action, path, source }) => {
//!         assert_eq!((action, source.kind()), (Action::Open, ErrorKind::NotFound));
//!         path
//!     }
//!     _ => unreachable!(),
//! };
//! assert!(missing.ends_with("not/there.jsonl"));
//!
//! // Compressed data that ends too early.
//! let inputs = vec![Input::reader("events.jsonl.gz", &b"\x1f\x8b\x08\x00"[..])];
//! let error = Pipeline::new(Options::default())?.aggregate(inputs, &mut ()).unwrap_err();
//! assert!(matches!(error, Error::Decompress { .. }), "{error}");
//! # Ok::<(), Error>(())
//! ```

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::event::{Date, UserId};
use crate::input::{DecompressError, InputIdentity, LeftOut, Split};
use crate::output::Format;
use crate::text;

/// A result with the crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run could not do what it was asked to.
///
/// The message is one sentence that names the absolute path, the cause, and what to do where that
/// is not plain from the cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation on a file.
    #[error("cannot {action} {}: {}{}", bounded(path), plain(source), advice(*action, source))]
    Io {
        /// What was tried.
        action: Action,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Standard output took no more.
    #[error("cannot write to standard output: {}", plain(source))]
    Stdout {
        /// What the operating system said.
        source: io::Error,
    },
    /// Standard error took no more of a log.
    #[error("cannot write the log to standard error: {}", plain(source))]
    Stderr {
        /// What the operating system said.
        source: io::Error,
    },
    /// An input that is no file could not be read: standard input, or a reader.
    #[error("cannot read {input}: {}", plain(source))]
    Stream {
        /// What it is called.
        input: String,
        /// What went wrong.
        source: io::Error,
    },
    /// An input is a folder.
    #[error(
        "{} is a folder, and an input has to be a file; name the files in it",
        text::path(path)
    )]
    InputIsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder has no inputs in it.
    #[error(
        "no inputs in the folder {}: no *.jsonl, *.ndjson or *.json, compressed or not (left out: {left_out}); name files to read them whatever they are called",
        text::path(path)
    )]
    NoInputsInFolder {
        /// The folder.
        path: PathBuf,
        /// What is in it instead.
        left_out: LeftOut,
    },
    /// A pattern matches no inputs.
    #[error(
        "no inputs match {}: there is no such file, and no folder with *.jsonl, *.ndjson or *.json (left out: {left_out}); check the pattern, it is relative to the folder daytally runs in{hint}",
        bounded(pattern)
    )]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
        /// What would have matched.
        left_out: LeftOut,
        /// What else may be wrong with the pattern, from its semicolon on; empty if nothing.
        hint: String,
    },
    /// The braces of a pattern stand for too many patterns.
    #[error(
        "the braces of a pattern stand for more than {most} patterns, or for very long ones; give the folder, or a list with --files-from; the pattern is {}",
        text::excerpt(&pattern.to_string_lossy())
    )]
    PatternTooLong {
        /// The pattern.
        pattern: PathBuf,
        /// How many there may be.
        most: usize,
    },
    /// A pattern has something in it that is written like a named class of characters and is none.
    #[error(
        "{} in the pattern {} is no class of characters: there are [:alnum:], [:alpha:], [:blank:], [:cntrl:], [:digit:], [:graph:], [:lower:], [:print:], [:punct:], [:space:], [:upper:] and [:xdigit:]; put a \\ before its bracket if it is meant as it is",
        text::excerpt(class),
        text::excerpt(&pattern.to_string_lossy())
    )]
    UnknownClass {
        /// The pattern.
        pattern: PathBuf,
        /// What is no class.
        class: String,
    },
    /// An alternative of a pattern's braces is nothing.
    #[error(
        "the name of an input is empty: the braces of {} stand for nothing, too; leave that out, or check the variable that it comes from",
        text::excerpt(&pattern.to_string_lossy())
    )]
    EmptyAlternative {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A list of inputs has no entries.
    #[error("the list {} names no inputs{hint}", list_place(list))]
    EmptyList {
        /// The list; `-` is standard input.
        list: PathBuf,
        /// What may be wrong with the list, from its semicolon on; empty if nothing.
        hint: String,
    },
    /// A list of inputs is a folder.
    #[error(
        "the list {} is a folder, and a list has to be a file with names in it; to read the files of the folder, name it without --files-from",
        list_place(list)
    )]
    ListIsFolder {
        /// The list; `-` is standard input.
        list: PathBuf,
    },
    /// A name of an input is nothing.
    #[error(
        "the name of an input is empty; leave it out, or check the variable that it comes from"
    )]
    EmptyName,
    /// A name of an input is longer than any path or any name in a folder.
    #[error(
        "the name of an input is too long for one ({len} bytes): {}",
        text::excerpt(&start.to_string_lossy())
    )]
    NameTooLong {
        /// The start of the name.
        start: PathBuf,
        /// How long all of it is, in bytes.
        len: usize,
    },
    /// A symbolic link leads to something that does not exist.
    #[error(
        "cannot open {}: it is a link to {}, which does not exist; remove the link, or name the files to be read",
        text::path(link),
        text::path(target)
    )]
    LinkToNothing {
        /// The link.
        link: PathBuf,
        /// What it leads to.
        target: PathBuf,
    },
    /// A symbolic link leads to itself.
    #[error(
        "cannot open {}: it is a link that leads back to itself; remove it, or name the files to be read",
        text::path(link)
    )]
    LinkToItself {
        /// The link.
        link: PathBuf,
    },
    /// An entry of a list of inputs is at fault.
    #[error("{entry} {number} of the list {}: {source}{hint}", list_place(list))]
    Listed {
        /// The list; `-` is standard input.
        list: PathBuf,
        /// What an entry is called: `line` or `entry`.
        entry: &'static str,
        /// The number of the entry, from 1.
        number: u64,
        /// What is wrong with it.
        source: Box<Error>,
        /// What may be wrong with the list, from its semicolon on; empty if nothing.
        hint: String,
    },
    /// A file is two inputs.
    #[error(
        "{}, which would count its events twice; name it once, or allow it with --allow-duplicates",
        twice(first, second)
    )]
    InputTwice {
        /// One name of it.
        first: PathBuf,
        /// Another name of it, or the same.
        second: PathBuf,
    },
    /// Standard input was asked for more than once.
    #[error(
        "standard input can be read only once: name it once, be it as -, as /dev/stdin or with --files-from"
    )]
    StdinTwice,
    /// Something that can be read only once was asked for more than once.
    #[error(
        "{}, and a {kind} can be read only once; name it once (--allow-duplicates is for regular files)",
        same(first, second, kind, "is named twice")
    )]
    ReadTwice {
        /// One name of it.
        first: PathBuf,
        /// Another name of it, or the same.
        second: PathBuf,
        /// What it is: `pipe`, `socket` or `device`.
        kind: &'static str,
    },
    /// A symbolic link leads back to a folder that it is in.
    #[error(
        "the link {} leads back to {}, a folder that it is in; remove the link, or name the files",
        text::path(link),
        text::path(folder)
    )]
    InputLoop {
        /// The link.
        link: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// An input is a socket.
    #[error(
        "{} is a socket, which cannot be opened; let a program that speaks to it write to a pipe",
        text::path(path)
    )]
    InputIsSocket {
        /// The socket.
        path: PathBuf,
    },
    /// A file that was to be mapped is a pipe or a device.
    #[error(
        "{} is not a regular file, and only those can be mapped",
        text::path(path)
    )]
    InputNotRegular {
        /// The input.
        path: PathBuf,
    },
    /// A compressed input could not be decompressed to its end.
    #[error("cannot decompress {input}: {source}")]
    Decompress {
        /// The input: its absolute path, or what it is called.
        input: String,
        /// What is wrong with it, and where.
        source: DecompressError,
    },
    /// An input was changed by somebody else between the start and the end of the run.
    #[error(
        "{} changed while it was being read: {change}; nothing was published; run again when it is at rest",
        changed(path)
    )]
    InputChanged {
        /// The input; empty is standard input.
        path: PathBuf,
        /// What is different.
        change: String,
    },
    /// A split of an input cannot be read.
    #[error("the split {split} of {input} {what}")]
    Split {
        /// The split.
        split: Split,
        /// The input: its absolute path, or what it is called.
        input: String,
        /// What is wrong with that, and what to do.
        what: String,
    },
    /// No splits can be planned of an input.
    #[error("{input} {what}")]
    NotSplittable {
        /// The input: its absolute path, or what it is called.
        input: String,
        /// Why not, and what to do.
        what: String,
    },
    /// An input is not the version of the file that it was expected to be.
    #[error(
        "{} is not what it was when its splits were planned: {}; nothing was written; plan again",
        bounded(path),
        unexpected(*size, *modified, *found)
    )]
    InputNotExpected {
        /// The input.
        path: PathBuf,
        /// How many bytes it should have.
        size: Option<u64>,
        /// When it should have been written to last, in nanoseconds since 1970.
        modified: Option<i64>,
        /// What it is; `None` if it is no regular file.
        found: Option<InputIdentity>,
    },
    /// A partial result is none, or does not go with the others.
    #[error("{place} {what}; nothing was written")]
    NotAPartial {
        /// What is at fault: a file, and perhaps a place in it.
        place: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// An input has fewer lines than asked for.
    #[error("{input} {}", no_such_line(*line, *lines))]
    NoSuchLine {
        /// The input: its absolute path, or what it is called.
        input: String,
        /// The number that was asked for.
        line: u64,
        /// How many lines there are.
        lines: u64,
    },
    /// An input has fewer bytes than asked for.
    #[error(
        "{input} has {}{}, and no byte {offset}; offsets count from 0",
        several(*bytes, "byte"),
        if *is_compressed { " when it is decompressed" } else { "" }
    )]
    NoSuchByte {
        /// The input: its absolute path, or what it is called.
        input: String,
        /// The offset that was asked for.
        offset: u64,
        /// How many bytes there are.
        bytes: u64,
        /// Whether that is after decompressing it.
        is_compressed: bool,
    },
    /// Outputs could not be put in place, and all are what they were.
    #[error(
        "{source}; nothing was published{}",
        if *is_durable { "" } else { ", but what was put back may not be on the disk yet; check it" }
    )]
    NotPublished {
        /// Whether the disk knows that all is what it was.
        is_durable: bool,
        /// What went wrong.
        source: Box<Error>,
    },
    /// Outputs could not be put in place, nor all of those taken back that were.
    #[error(
        "{source}; and what had been put in place could not all be taken back: new {}, as before {}{}; run again",
        shown_parts(changed),
        shown_parts(unchanged),
        shown_kept(kept)
    )]
    NotTakenBack {
        /// What is new, or gone.
        changed: Vec<OutputPart>,
        /// What is as it was.
        unchanged: Vec<OutputPart>,
        /// The folders that have files in them which were replaced, until the next run.
        kept: Vec<PathBuf>,
        /// What went wrong first.
        source: Box<Error>,
    },
    /// At the place of a result that is a folder of days there is something else.
    #[error(
        "{} is {found}, and a result that is partitioned by date needs {expected} there; move it, or choose another folder",
        text::path(path)
    )]
    Occupied {
        /// What is there.
        path: PathBuf,
        /// What it is, with its article.
        found: &'static str,
        /// What has to be there if anything is, with its article.
        expected: &'static str,
    },
    /// An output would overwrite an input.
    #[error(
        "{role} at {} would overwrite the input {}; choose another path",
        place(path),
        text::path(input)
    )]
    OverwritesInput {
        /// Which output it is, with its article.
        role: &'static str,
        /// The output.
        path: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// Two outputs would overwrite each other.
    #[error("{first} and {second} both go to {place}; choose different paths")]
    SameOutput {
        /// One output, with its article.
        first: &'static str,
        /// The other output, with its article.
        second: &'static str,
        /// Where both would go.
        place: String,
    },
    /// No temporary file can be created in the folder for groups that do not fit into memory.
    #[error(
        "cannot create temporary files in {}: {}; name another folder with --temp-dir",
        text::path(path),
        plain(source)
    )]
    TempFolder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Groups that do not fit into memory could not be written to a temporary file either.
    #[error(
        "cannot write groups that do not fit into memory to a temporary file in {}: {}; about {} were written there, this file alone takes about {} more, and others may follow it; free some, name a folder on another disk with --temp-dir, or allow more memory with --memory-limit",
        text::path(folder),
        plain(source),
        size(*written),
        size(*needed)
    )]
    SpillWrite {
        /// The folder.
        folder: PathBuf,
        /// How many bytes were written to temporary files there, about.
        written: u64,
        /// How many bytes more the file that is being written needs, about.
        needed: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// Groups could not be read back from a temporary file.
    #[error(
        "cannot read groups back from a temporary file in {}: {}",
        text::path(folder),
        plain(source)
    )]
    SpillRead {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A temporary file no longer holds what was written to it.
    #[error(
        "the disk of {} returned something else than was written to a temporary file there, so nothing was published; check the disk, or name a folder on another one with --temp-dir",
        text::path(folder)
    )]
    SpillDamaged {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder that was named as a state holds something else, or nothing.
    #[error(
        "{} is not a state of daytally's; name a folder that is one, or, for aggregate, that is empty or not there yet",
        text::path(path)
    )]
    NotAState {
        /// The folder.
        path: PathBuf,
    },
    /// Another run is changing the state.
    #[error(
        "the state {} is in use by {}; wait until it ends",
        text::path(path),
        match process { Some(number) => format!("process {number}"), None => "another process".into() }
    )]
    StateInUse {
        /// The folder.
        path: PathBuf,
        /// The number of the process.
        process: Option<u32>,
    },
    /// A file of a state was written in a format that this program does not know.
    #[error(
        "{} is of version {found} of the state's format, and this program knows version {known}; use the program that wrote it, or another folder",
        text::path(path)
    )]
    StateVersion {
        /// The file.
        path: PathBuf,
        /// The version it is of.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// The events of a state were judged otherwise than this run would.
    #[error(
        "the state {} was made with {setting} {was}, and this run has {is}; keep to that, or use another folder",
        text::path(path)
    )]
    StateSettings {
        /// The folder.
        path: PathBuf,
        /// What is different.
        setting: &'static str,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
    /// A file of a state is not what was written.
    #[error(
        "{} is damaged: {what}; nothing was published; check the disk, then {remedy}",
        text::path(path)
    )]
    StateDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Something was to be kept of an input that is no regular file.
    #[error(
        "{input} is not a regular file, and there is no telling whether it has changed; leave it out, or do without --state"
    )]
    StateInput {
        /// The input.
        input: String,
    },
    /// Inputs that are in the state are not among those of the run.
    #[error("{}", missing(state, inputs, *gone))]
    StateMissing {
        /// The folder.
        state: PathBuf,
        /// The inputs, or the first of them.
        inputs: Vec<PathBuf>,
        /// How many of them are not there any more.
        gone: usize,
    },
    /// A group's revenue is 10^20 or more.
    #[error(
        "the total revenue of user {user_id} on {date} is {total}, and totals have to stay below 10^20; look for wrong amounts of this user"
    )]
    TotalTooLarge {
        /// The day of the group.
        date: Date,
        /// The user of the group.
        user_id: UserId,
        /// The total, or that it is more than could be counted.
        total: String,
    },
    /// What took rejects or rows failed: code of whoever embeds the pipeline.
    #[error("{source}")]
    Sink {
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row of a result would hold more events than can be counted.
    #[error(
        "user {user_id} on {date} would have 2^64 or more in {column}, which is more than can be counted; look for what is wrong with that row"
    )]
    CountTooLarge {
        /// The day of the group.
        date: Date,
        /// The user of the group.
        user_id: UserId,
        /// The column of the count.
        column: &'static str,
    },
    /// A line of a rejects file that is to be replayed is none, or says something else than another.
    #[error("{place} {what}")]
    NotAReject {
        /// The line.
        place: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// Events cannot be replayed into a result of that kind.
    #[error("{place} {what}")]
    NotReplayable {
        /// The result.
        place: String,
        /// Why not, and what to do.
        what: String,
    },
    /// A result is none of those that its record of replays knows.
    #[error(
        "{} is not what it was before or after any replay that its record {} tells of, so there is no telling which of those events are in it; nothing was written; if daytally aggregate has made it anew from the same inputs, give --fresh, and replay everything again; otherwise put back the result that belongs to the record",
        text::path(result),
        text::path(record)
    )]
    ReplayedChanged {
        /// The result, or the file of a day.
        result: PathBuf,
        /// The record.
        record: PathBuf,
    },
    /// The record of what was replayed into a result is not what was written.
    #[error(
        "{} is damaged: {what}; nothing was written; put back the copy that belongs to the result; if there is none, remove it, write the result again with daytally aggregate, and replay everything again",
        text::path(path)
    )]
    RecordDamaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The record of what was replayed into a result is of a version that this program does not know.
    #[error(
        "{} is of version {found} of the record's format, and this program knows version {known}; use the program that wrote it",
        text::path(path)
    )]
    RecordVersion {
        /// The record.
        path: PathBuf,
        /// The version it is of.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// Events were replayed into a result that were judged otherwise than this replay would.
    #[error(
        "events were replayed into {} with {setting} {was}, and this replay has {is}; nothing was written; keep to that, or make the result anew with daytally aggregate, and replay everything again",
        text::path(result)
    )]
    ReplaySettings {
        /// The result.
        result: PathBuf,
        /// What is different.
        setting: &'static str,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
    /// A replay is to be finished of which a rejects file was not read to its end.
    #[error(
        "a rejects file was not read to its end, so nothing is replayed into {}; begin anew",
        text::path(result)
    )]
    ReplayBroken {
        /// The result.
        result: PathBuf,
    },
    /// Where the lock of replays into a result is to be, there is something else.
    #[error(
        "{} is where the lock of a replay is to be, and it is something else; nothing was written; give it another name",
        text::path(path)
    )]
    NotALock {
        /// What is there.
        path: PathBuf,
    },
    /// Another process is replaying into the same result.
    #[error(
        "events are being replayed into {} by {}; wait until it ends",
        text::path(path),
        match process { Some(number) => format!("process {number}"), None => "another process".into() }
    )]
    ReplayInUse {
        /// The result.
        path: PathBuf,
        /// The number of the process.
        process: Option<u32>,
    },
    /// Something that should be a result is none, or was changed by somebody else.
    #[error("{place} {what}")]
    NotAResult {
        /// What is at fault: a file, or a line of one.
        place: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// More events were invalid than the run allows.
    #[error(
        "{invalid} of {} {} invalid, more than the {limit} that --max-invalid allows; the result was not written",
        several(*events, "event"),
        if *invalid == 1 { "is" } else { "are" }
    )]
    TooManyInvalid {
        /// The invalid events.
        invalid: u64,
        /// All events: valid, filtered and invalid.
        events: u64,
        /// The limit, as it was given.
        limit: String,
    },
    /// The counts of a run do not add up: a fault of this program.
    #[error(
        "the counts of this run do not add up ({what}), so nothing was published; this is a bug in daytally, please report it"
    )]
    Unbalanced {
        /// The two sides that differ.
        what: String,
    },
    /// The worker threads could not be started.
    #[error(
        "cannot start {}: {source}; ask for fewer with --threads",
        several(*threads as u64, "worker thread")
    )]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The result cannot be made in a format.
    #[error("cannot make {format} of the result: {what}")]
    Format {
        /// The format.
        format: Format,
        /// Why not.
        what: String,
    },
    /// A folder for days has days in another format.
    #[error(
        "{} is there, which is of another format than {format}; who reads the folder would count its events twice; choose another folder, or remove the old files",
        text::path(path)
    )]
    OtherFormat {
        /// A file of a day.
        path: PathBuf,
        /// The format that was asked for.
        format: Format,
    },
    /// A worker thread panicked: a fault of this program.
    #[error(
        "a worker thread failed unexpectedly, so nothing was published; this is a bug in daytally, please report it with the message above"
    )]
    Panicked,
    /// Signals could not be listened to.
    #[error("cannot listen for signals: {source}")]
    Signals {
        /// What the operating system said.
        source: io::Error,
    },
    /// The run was asked to stop.
    #[error("stopped by {}", match signal { 2 => "an interrupt (SIGINT)", 15 => "a request to end (SIGTERM)", _ => "a signal" })]
    Stopped {
        /// The number of the signal.
        signal: i32,
    },
}

/// An output of a run, or a part of it.
///
/// ```
/// use daytally::error::OutputPart;
/// assert!(OutputPart::File("/data/stats.csv".into()).to_string().contains("/data/stats.csv"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputPart {
    /// A file.
    File(PathBuf),
    /// Days of a result that is a folder of days.
    Days {
        /// The folder.
        folder: PathBuf,
        /// Which days, in order.
        days: Vec<Date>,
    },
}

impl fmt::Display for OutputPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputPart::File(path) => write!(f, "{}", text::path(path)),
            OutputPart::Days { folder, days } => {
                write!(f, "{} in {}", shown_days(days), text::path(folder))
            }
        }
    }
}

/// What was tried on a file when the operating system refused.
///
/// ```
/// use daytally::error::{Action, Error};
///
/// let source = std::io::ErrorKind::StorageFull.into();
/// let error = Error::io(Action::Write, "/data/stats.csv".as_ref(), source);
/// assert!(error.to_string().starts_with("cannot write /data/stats.csv: "), "{error}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Opening an input.
    Open,
    /// Mapping or reading an input.
    Read,
    /// Asking for the size or kind of a file.
    Inspect,
    /// Creating a file.
    Create,
    /// Writing to a file.
    Write,
    /// Bringing a file or folder to the disk.
    Sync,
    /// Renaming a finished file to its place.
    Publish,
    /// Keeping others from a file.
    Lock,
    /// Removing a file.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Open => "open",
            Action::Read => "read",
            Action::Inspect => "inspect",
            Action::Create => "create",
            Action::Write => "write",
            Action::Sync => "sync",
            Action::Publish => "put the finished file in place at",
            Action::Lock => "lock",
            Action::Remove => "remove",
        })
    }
}

impl Error {
    /// That the result cannot be made in a format.
    pub(crate) fn format(format: Format, what: String) -> Error {
        Error::Format { format, what }
    }

    /// That a split of an input cannot be read.
    pub(crate) fn split(split: Split, input: &Path, what: String) -> Error {
        Error::Split {
            split,
            input: text::path(input).to_string(),
            what,
        }
    }

    /// An operation on a file that the operating system refused.
    ///
    /// ```
    /// use daytally::error::{Action, Error};
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::NotFound);
    /// let error = Error::io(Action::Open, "/data/events.jsonl".as_ref(), refused);
    /// assert!(error.to_string().starts_with("cannot open /data/events.jsonl: no such file"));
    /// ```
    #[must_use]
    pub fn io(action: Action, path: &Path, source: io::Error) -> Error {
        Error::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    /// An input that could not be read on: the operating system refused, or what a
    /// [`Decompressor`](crate::input::Decompressor) was given was not as it should be.
    ///
    /// ```
    /// use std::io::Read as _;
    ///
    /// use daytally::Error;
    /// use daytally::input::Compression;
    /// use daytally::internals::Decompressor;
    ///
    /// # #[cfg(feature = "gzip")] {
    /// let error = Decompressor::new(Compression::Gzip, Box::new(&b"\x1f\x8b\x08\0"[..]))
    ///     .and_then(|mut reader| reader.read(&mut [0]))
    ///     .unwrap_err();
    /// let error = Error::read("/data/a.gz".as_ref(), error).to_string();
    /// assert!(error.starts_with("cannot decompress /data/a.gz: the gzip data is cut off after 0 "));
    /// # }
    /// ```
    #[must_use]
    pub fn read(path: &Path, source: io::Error) -> Error {
        match DecompressError::of(&source) {
            Some(found) => Error::Decompress {
                input: text::path(path).to_string(),
                source: found.clone(),
            },
            None => Error::io(Action::Read, path, source),
        }
    }

    /// The same for an input that is no file, by what it is called.
    pub(crate) fn read_named(input: &str, source: io::Error) -> Error {
        let input = input.to_owned();
        match DecompressError::of(&source) {
            Some(found) => Error::Decompress {
                input,
                source: found.clone(),
            },
            None => Error::Stream { input, source },
        }
    }

    /// The failure of something that takes rejects or rows, for the run to end with.
    ///
    /// ```
    /// use daytally::Error;
    ///
    /// let error = Error::sink("the queue is closed");
    /// assert_eq!(error.to_string(), "the queue is closed");
    /// ```
    #[must_use]
    pub fn sink(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Sink {
            source: source.into(),
        }
    }

    /// Whether the reader of standard output went away: a quiet end, not a failure.
    #[must_use]
    pub fn is_closed_stdout(&self) -> bool {
        matches!(self, Error::Stdout { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// A count of things, with all digits alone.
fn several(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// That there are only so many lines.
fn no_such_line(line: u64, lines: u64) -> String {
    match lines {
        0 => "has no lines".into(),
        1 => format!("has 1 line, and no line {line}"),
        _ => format!("has {lines} lines, and no line {line}"),
    }
}

/// A list of inputs, for a message.
fn list_place(list: &Path) -> String {
    if list.as_os_str() == "-" {
        "on standard input".into()
    } else {
        text::path(list).to_string()
    }
}

/// That two names are one file, for a message.
fn twice(first: &Path, second: &Path) -> String {
    same(first, second, "file", "is an input twice")
}

/// That two names are one thing, for a message; `once_more` says so where it is one name.
fn same(first: &Path, second: &Path, kind: &str, once_more: &str) -> String {
    let (first, second) = (
        text::path(first).to_string(),
        text::path(second).to_string(),
    );
    if first == second {
        format!("{first} {once_more}")
    } else {
        format!("{first} and {second} are the same {kind}")
    }
}

/// A name that perhaps is none, for a message: of a very long one the start.
fn bounded(name: &Path) -> String {
    const MOST: usize = 500;
    let mut shown = text::path(name).to_string();
    if let Some((end, _)) = shown.char_indices().nth(MOST) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// That inputs of a state are missing, for a message.
fn missing(state: &Path, inputs: &[PathBuf], gone: usize) -> String {
    const SHOWN: usize = 3;
    let first: Vec<String> = inputs
        .iter()
        .take(SHOWN)
        .map(|input| bounded(input))
        .collect();
    let more = match inputs.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (are, name_them, they) = match inputs.len() {
        1 => ("is", "name it", "it"),
        _ => ("are", "name them", "they"),
    };
    format!(
        "the state {} has {}{more}, which {are} not among the inputs ({gone} no longer there, {} not named); {name_them}, or take what {they} contributed out with --forget-missing",
        text::path(state),
        first.join(", "),
        inputs.len() - gone.min(inputs.len()),
    )
}

/// Days in order, for a message: those that follow each other as their first and last.
fn shown_days(days: &[Date]) -> String {
    let runs = days.chunk_by(|day, next| day.next() == Some(*next));
    let shown: Vec<String> = runs
        .filter_map(|run| match run {
            [] => None,
            [day] => Some(day.to_string()),
            [first, .., last] => Some(format!("{first} to {last}")),
        })
        .collect();
    match &shown[..] {
        [] => "none".into(),
        shown => shown.join(", "),
    }
}

/// Outputs, for a message.
fn shown_parts(parts: &[OutputPart]) -> String {
    let shown: Vec<String> = parts.iter().map(OutputPart::to_string).collect();
    match &shown[..] {
        [] => "none".into(),
        shown => shown.join(" and "),
    }
}

/// Where old files are, for a message.
fn shown_kept(folders: &[PathBuf]) -> String {
    if folders.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = folders
        .iter()
        .map(|folder| text::path(folder).to_string())
        .collect();
    format!(
        "; old files are in {} until the next run",
        shown.join(" and ")
    )
}

/// About how many bytes, in MB, or in kB where that would say little (powers of 1,000).
fn size(bytes: u64) -> String {
    let in_units = |unit: u64| bytes / unit + u64::from(bytes % unit >= unit / 2);
    if bytes < 10_000_000 {
        format!("{} kB", in_units(1000))
    } else {
        format!("{} MB", in_units(1_000_000))
    }
}

/// In what a file differs from what was expected, for a message.
fn unexpected(size: Option<u64>, modified: Option<i64>, found: Option<InputIdentity>) -> String {
    let Some(found) = found else {
        return "it is no regular file, of which size and date could be told".into();
    };
    let mut parts = Vec::new();
    if let Some(size) = size.filter(|size| *size != found.size) {
        parts.push(format!("it had {size} bytes and has {}", found.size));
    }
    if let Some(modified) = modified.filter(|modified| *modified != found.modified) {
        parts.push(format!(
            "it was last written to at {modified} and now at {} (nanoseconds since 1970)",
            found.modified
        ));
    }
    parts.join(", and ")
}

/// Where an output goes, for a message.
fn place(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard output".into()
    } else {
        text::path(path).to_string()
    }
}

/// Which input changed, for a message.
fn changed(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        "the file behind standard input".into()
    } else {
        text::path(path).to_string()
    }
}

/// What the operating system said, without the number that Rust puts behind it.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::StorageFull => "no space left on the disk".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        io::ErrorKind::InvalidFilename => "the name is too long".into(),
        _ => {
            let text = error.to_string();
            match text.rfind(" (os error ") {
                Some(at) => text[..at].to_lowercase(),
                None => text,
            }
        }
    }
}

/// What to do about it.
fn advice(action: Action, error: &io::Error) -> &'static str {
    let reads = matches!(action, Action::Open | Action::Read | Action::Inspect);
    match error.kind() {
        io::ErrorKind::NotFound if reads => {
            "; check the path, it is relative to the folder daytally runs in"
        }
        io::ErrorKind::NotFound => "; create the folder first, or choose another path",
        io::ErrorKind::PermissionDenied if reads => "; run as a user that may read it",
        io::ErrorKind::PermissionDenied => {
            "; run as a user that may write there, or choose another path"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some, or choose a path on another disk"
        }
        io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
            if !reads =>
        {
            "; choose another path"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_told_as_one() {
        let invalid = |invalid, events| Error::TooManyInvalid {
            invalid,
            events,
            limit: "0".into(),
        };
        let threads = |threads| Error::Threads {
            threads,
            source: "no".into(),
        };
        for (error, start) in [
            (invalid(1, 1), "1 of 1 event is invalid, "),
            (invalid(1, 8), "1 of 8 events is invalid, "),
            (invalid(2, 8000), "2 of 8000 events are invalid, "),
            (threads(1), "cannot start 1 worker thread: "),
            (threads(2), "cannot start 2 worker threads: "),
        ] {
            let message = error.to_string();
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn days_that_follow_each_other_are_shown_as_one() {
        let shown = |days: &[&str]| {
            let days: Vec<Date> = days.iter().map(|day| day.parse().unwrap()).collect();
            shown_days(&days)
        };
        assert_eq!(shown(&[]), "none");
        assert_eq!(shown(&["2024-02-29"]), "2024-02-29");
        assert_eq!(
            shown(&[
                "2024-02-28",
                "2024-02-29",
                "2024-03-01",
                "2024-03-03",
                "2024-01-01"
            ]),
            "2024-02-28 to 2024-03-01, 2024-03-03, 2024-01-01"
        );
    }

    #[test]
    fn sizes_are_not_rounded_to_more_than_there_is() {
        for (bytes, shown) in [
            (0, "0 kB"),
            (499, "0 kB"),
            (500, "1 kB"),
            (2_097_152, "2097 kB"),
            (9_999_999, "10000 kB"),
            (10_000_000, "10 MB"),
            (10_499_999, "10 MB"),
            (10_500_000, "11 MB"),
            (u64::MAX, "18446744073710 MB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
