//! What was typed: the commands and their options.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help text, which is no Markdown"
)]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use super::check::CheckArgs;
use super::features;
use super::limit::InvalidLimit;
#[cfg(feature = "arrow")]
use super::merge::MergeArgs;
#[cfg(feature = "arrow")]
use super::partial::PartialArgs;
use super::replay::ReplayArgs;
use super::size::{self, MemorySize};
#[cfg(feature = "arrow")]
use super::splits::SplitsArgs;
use daytally::event::{Date, FieldPath, Zone};
use daytally::output::{Encoding, Format, Packing};

/// Daily per-user statistics from JSON Lines event logs.
///
/// Every option can also be set in the environment, as DAYTALLY_ and its long name in upper case
/// with underscores: DAYTALLY_MAX_INVALID=1% is --max-invalid 1%. The command line wins. Names of
/// inputs are only taken from the command line, and from the list of --files-from.
#[derive(Debug, Parser)]
#[command(name = "daytally", version, long_version = super::version::long(), max_term_width = 100)]
pub(super) struct Cli {
    /// Take the defaults of options from this TOML file, and from no other.
    ///
    /// Without this option they come from $XDG_CONFIG_DIRS/daytally/config.toml,
    /// $XDG_CONFIG_HOME/daytally/config.toml and ./daytally.toml, of which the later ones win; daytally
    /// config shows what holds.
    #[arg(
        long,
        value_name = "FILE",
        env = "DAYTALLY_CONFIG",
        global = true,
        help_heading = "Global options",
        hide_env = true,
        hide = cfg!(not(feature = "config"))
    )]
    pub(super) config: Option<PathBuf>,

    /// Read no config file.
    #[arg(
        long,
        env = "DAYTALLY_NO_CONFIG",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        global = true,
        help_heading = "Global options",
        hide_env = true,
        hide = cfg!(not(feature = "config"))
    )]
    pub(super) no_config: bool,

    #[command(subcommand)]
    pub(super) command: Command,

    /// When to use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE in the environment count for auto.
    #[arg(
        long,
        value_name = "WHEN",
        env = "DAYTALLY_COLOR",
        default_value = "auto",
        ignore_case = true,
        global = true,
        help_heading = "Global options",
        hide_env = true
    )]
    pub(super) color: ColorArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorArg {
    /// On a terminal.
    Auto,
    /// Everywhere, also in files and pipes.
    Always,
    /// Nowhere.
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Aggregate(Box<AggregateArgs>),
    Check(Box<CheckArgs>),
    Explain(ExplainArgs),
    Replay(Box<ReplayArgs>),
    Diff(DiffArgs),
    #[cfg(feature = "arrow")]
    Splits(SplitsArgs),
    #[cfg(feature = "arrow")]
    Partial(Box<PartialArgs>),
    #[cfg(feature = "arrow")]
    Merge(Box<MergeArgs>),
    State(StateArgs),
    Generate(GenerateArgs),
    #[cfg(feature = "config")]
    Config(ConfigArgs),
    #[cfg(feature = "shell")]
    Completions(CompletionsArgs),
    #[cfg(feature = "shell")]
    Man(ManArgs),
}

/// Count events and purchases and add up revenue, per user and UTC day.
///
/// Reads JSON Lines, checks every event, and writes a CSV with the columns date, user_id,
/// event_count, purchase_count and total_revenue, sorted by date and user. An invalid event is
/// skipped, logged with its place and the reason, and counted; it does not fail the run unless
/// --max-invalid says so.
///
/// Exit codes: 0 the result was written; 1 it could not be; 2 wrong use; 3 too many invalid events;
/// 130 and 143 stopped by SIGINT or SIGTERM. In every case but 0 the output file is what it was
/// before, unless the message says otherwise.
#[derive(Debug, Parser)]
#[command(after_long_help = AGGREGATE_EXAMPLES)]
pub(super) struct AggregateArgs {
    #[command(flatten)]
    pub(super) input: InputOptions,

    #[command(flatten)]
    pub(super) result: ResultOptions,

    /// Write a report there, one HTML file to look at: events, purchases and revenue by day and by user,
    /// invalid events by reason and by position in the input, and the facts of the run. It needs no
    /// network and no script; - is standard output, if nothing else goes there.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "PATH",
        env = "DAYTALLY_REPORT",
        hide_env = true
    )]
    pub(super) report: Option<PathBuf>,

    #[command(flatten)]
    pub(super) work: WorkOptions,

    #[command(flatten)]
    pub(super) read: ReadOptions,

    #[command(flatten)]
    pub(super) event: EventOptions,

    #[command(flatten)]
    pub(super) state: StateOptions,

    #[command(flatten)]
    pub(super) log: LogArgs,

    /// Draw the result's days as bars, after the summary: events, and revenue beside them. Days that are
    /// too many for 40 lines are put together by week, month, quarter or longer.
    #[arg(
        help_heading = "Log options",
        long,
        env = "DAYTALLY_PLOT",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) plot: bool,
}

const AGGREGATE_EXAMPLES: &str = "Examples:

 One file, and what was wrong in it
  daytally aggregate events.jsonl --rejects rejects.jsonl
  daytally explain \"$(head -n 1 rejects.jsonl)\"
  daytally replay repaired.jsonl --into daily_user_stats.csv

 Many inputs, compressed or not
  daytally aggregate logs/ -o january.csv --from 2024-01-01 --to 2024-01-31
  daytally aggregate 'logs/2024-*/**/*.jsonl.gz'
  find logs -name '*.jsonl' -print0 | daytally aggregate -0 --files-from -
  kcat -C -t events -e | daytally aggregate -

 For other tools
  daytally aggregate logs/ -o stats.parquet
  daytally aggregate logs/ -o - --format jsonl | jq -c 'select(.purchase_count > 9)'

 Under a scheduler
  daytally aggregate logs/ --max-invalid 0.1% --summary summary.json \\
    --log-format json --log-file run.log

 Backfills
  daytally aggregate logs/ --state state/ --partition-by date -o stats/

 Little memory
  daytally aggregate logs/ --memory-limit 1GiB --temp-dir /scratch";

/// Where a result goes, and as what: the same for every command that makes one.
#[derive(Debug, clap::Args)]
pub(super) struct ResultOptions {
    /// Where the result goes; - is standard output. With --partition-by a folder [default:
    /// daily_user_stats.csv; with --partition-by daily_user_stats].
    ///
    /// A file that is there is replaced at once, and not at all if it is the same to the byte.
    #[arg(
        help_heading = "Output options",
        short,
        long,
        value_name = "PATH",
        env = "DAYTALLY_OUTPUT",
        hide_env = true
    )]
    pub(super) output: Option<PathBuf>,

    #[arg(
        help = format_help(),
        help_heading = "Output options",
        long,
        value_name = "FORMAT",
        env = "DAYTALLY_FORMAT",
        value_parser = parse_format,
        hide_env = true
    )]
    pub(super) format: Option<Format>,

    /// Write each day to a file of its own, OUTPUT/date=YYYY-MM-DD/daily_user_stats.csv.
    ///
    /// Days of which there is no event are left as they are, unless they are between --from and --to and
    /// both are given: then the days between are replaced, and those without events removed.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "KEY",
        env = "DAYTALLY_PARTITION_BY",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) partition_by: Option<PartitionArg>,

    /// Write every invalid line there, as JSON Lines with its place, reason and text; - is standard
    /// output, if the result goes elsewhere.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "PATH",
        env = "DAYTALLY_REJECTS",
        hide_env = true
    )]
    pub(super) rejects: Option<PathBuf>,

    /// Write one JSON object about the run there; - prints it as the last line of standard output,
    /// after whatever else goes there.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "PATH",
        env = "DAYTALLY_SUMMARY",
        hide_env = true
    )]
    pub(super) summary: Option<PathBuf>,

    /// With more invalid events than N, or than P% of all events, publish no result and exit with 3;
    /// the rejects, the summary and the report are still written.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "N|P%",
        env = "DAYTALLY_MAX_INVALID",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) max_invalid: Option<InvalidLimit>,
}

/// What a run may take: the same for every command that counts or adds up.
#[derive(Debug, clap::Args)]
pub(super) struct WorkOptions {
    /// How many threads to work with [default: as many as the machine or its cgroup allows].
    #[arg(
        help_heading = "Performance options",
        short = 'j',
        long,
        value_name = "N",
        env = "DAYTALLY_THREADS",
        value_parser = parse_threads,
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) threads: Option<NonZeroUsize>,

    /// How much private memory to take, or how much of what the machine or its cgroup allows; at least 64
    /// MiB plus 32 MiB for each thread. Groups that do not fit go to --temp-dir and are merged from there;
    /// the result is the same [default: 50%].
    #[arg(
        help_heading = "Performance options",
        long,
        value_name = "SIZE|P%",
        env = "DAYTALLY_MEMORY_LIMIT",
        value_parser = size::parse_memory,
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) memory_limit: Option<MemorySize>,

    /// Where groups go that do not fit into memory, in temporary files without a name [default: beside
    /// the output; where that is no file, $TMPDIR or /var/tmp].
    #[arg(help_heading = "Performance options", long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, env = "DAYTALLY_TEMP_DIR", hide_env = true)]
    pub(super) temp_dir: Option<PathBuf>,
}

/// How inputs are read; the result is the same.
#[derive(Debug, clap::Args)]
pub(super) struct ReadOptions {
    /// How much input a thread takes at a time; for tests and tuning, the result is the same.
    #[arg(
        help_heading = "Performance options",
        long,
        value_name = "SIZE",
        env = "DAYTALLY_CHUNK_SIZE",
        value_parser = size::parse_positive,
        default_value = "4MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) chunk_size: usize,

    /// Read large files instead of mapping them into memory, as is done on file systems of a network or
    /// of a program (NFS, SMB, FUSE and others) in any case; the result is the same.
    #[arg(
        help_heading = "Performance options",
        long,
        env = "DAYTALLY_NO_MMAP",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) no_mmap: bool,

    /// Which ways of reading a line to take; the result is the same.
    #[arg(
        help_heading = "Performance options",
        long,
        value_name = "LANES",
        env = "DAYTALLY_LANES",
        default_value = "all",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) lanes: LanesArg,
}

/// What is read: the same for every command that reads events.
#[derive(Debug, clap::Args)]
pub(super) struct InputOptions {
    #[command(flatten)]
    pub(super) files: FileOptions,

    #[command(flatten)]
    pub(super) lines: LineOptions,
}

/// Which files those are: the same for every command that searches for inputs.
#[derive(Debug, clap::Args)]
pub(super) struct FileOptions {
    /// Files of JSON Lines, folders with such files, or patterns such as 'logs/2024-*/**/*.jsonl';
    /// - is standard input. Several give one result [default: events.jsonl].
    ///
    /// Folders are searched with all folders in them for *.jsonl, *.ndjson and *.json, compressed or
    /// not; hidden files and folders, markers such as _SUCCESS, temporary files and other names are
    /// left out and counted. A pattern takes every file that matches. It has to be in quotes, or the
    /// shell expands it.
    // The search has more to say of an empty name than the parser for paths.
    #[arg(
        value_name = "INPUT",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(super) inputs: Vec<PathBuf>,

    /// Read the files and folders named in LIST too, one a line; - is standard input.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "LIST",
        env = "DAYTALLY_FILES_FROM",
        hide_env = true
    )]
    pub(super) files_from: Option<PathBuf>,

    /// The names in LIST end with a NUL byte, as find -print0 writes them.
    #[arg(
        help_heading = "Input options",
        short = '0',
        long,
        env = "DAYTALLY_NULL",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) null: bool,

    /// Read a file that is an input twice, under whatever names, as often as that; otherwise that is
    /// an error.
    #[arg(
        help_heading = "Input options",
        long,
        env = "DAYTALLY_ALLOW_DUPLICATES",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) allow_duplicates: bool,
}

/// Which events are counted, and which lines can be events.
#[derive(Debug, clap::Args)]
pub(super) struct LineOptions {
    /// Count only events of this UTC day or later, as YYYY-MM-DD; others are valid, but filtered.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "DATE",
        env = "DAYTALLY_FROM",
        value_parser = parse_date,
        hide_env = true
    )]
    pub(super) from: Option<Date>,

    /// Count only events of this UTC day or earlier, as YYYY-MM-DD.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "DATE",
        env = "DAYTALLY_TO",
        value_parser = parse_date,
        hide_env = true
    )]
    pub(super) to: Option<Date>,

    /// A longer line is an invalid event.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "SIZE",
        env = "DAYTALLY_MAX_LINE_BYTES",
        value_parser = size::parse_positive,
        default_value = "16MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) max_line_bytes: usize,
}

impl InputOptions {
    /// The options, as they are typed, for another command that takes them.
    pub(super) fn options(&self, words: &mut Words) {
        words.option("--files-from", self.files.files_from.clone());
        words.option("--from", self.lines.from.map(|date| date.to_string()));
        words.option("--to", self.lines.to.map(|date| date.to_string()));
        let longest = self.lines.max_line_bytes;
        if longest != daytally::event::DEFAULT_MAX_LINE_BYTES {
            words.option("--max-line-bytes", Some(longest.to_string()));
        }
        words.switch("--null", self.files.null && self.files.files_from.is_some());
        words.switch("--allow-duplicates", self.files.allow_duplicates);
    }

    /// The names of the inputs, which come last.
    pub(super) fn names(&self, words: &mut Words) {
        let is_option = |input: &PathBuf| {
            let text = input.as_os_str().as_encoded_bytes();
            text.starts_with(b"-") && text != b"-"
        };
        if self.files.inputs.iter().any(is_option) {
            words.0.push("--".into());
        }
        let names = self.files.inputs.iter();
        words
            .0
            .extend(names.map(|input| input.clone().into_os_string()));
    }
}

/// What events look like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Event options")]
pub(super) struct EventOptions {
    /// The key of the user's id, a path such as user.id if it is in another object [default: user_id].
    ///
    /// Between the keys of a path are dots; a dot in a key is written \. and a backslash \\.
    #[arg(
        long,
        value_name = "NAME",
        env = "DAYTALLY_USER_ID_FIELD",
        hide_env = true
    )]
    pub(super) user_id_field: Option<FieldPath>,

    /// The key of the event's type, or its path [default: event_type].
    #[arg(
        long,
        value_name = "NAME",
        env = "DAYTALLY_EVENT_TYPE_FIELD",
        hide_env = true
    )]
    pub(super) event_type_field: Option<FieldPath>,

    /// The key of the timestamp, or its path [default: timestamp].
    #[arg(
        long,
        value_name = "NAME",
        env = "DAYTALLY_TIMESTAMP_FIELD",
        hide_env = true
    )]
    pub(super) timestamp_field: Option<FieldPath>,

    /// The key of a purchase's amount, or its path [default: amount].
    #[arg(
        long,
        value_name = "NAME",
        env = "DAYTALLY_AMOUNT_FIELD",
        hide_env = true
    )]
    pub(super) amount_field: Option<FieldPath>,

    /// The type of events that are purchases, exactly; give it again for more of them. The usual one is
    /// none then, unless it is given too [default: purchase].
    #[arg(
        long,
        value_name = "TYPE",
        env = "DAYTALLY_PURCHASE_TYPE",
        action = ArgAction::Append,
        value_parser = parse_type,
        hide_env = true
    )]
    pub(super) purchase_type: Vec<String>,

    /// Convert timestamps with an offset other than zero to UTC, instead of taking them for invalid.
    #[arg(
        long,
        env = "DAYTALLY_ACCEPT_OFFSETS",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) accept_offsets: bool,

    /// Count by the days of this time zone: a name such as Europe/Berlin, or an offset such as +02:00.
    /// --from and --to are days of it too.
    #[arg(
        long,
        value_name = "ZONE",
        env = "DAYTALLY_TIMEZONE",
        default_value = "UTC",
        allow_hyphen_values = true,
        hide_env = true
    )]
    pub(super) timezone: Zone,
}

impl EventOptions {
    /// The options, as they are typed, for another command that takes them.
    pub(super) fn options(&self, words: &mut Words) {
        for (name, path) in [
            ("--user-id-field", &self.user_id_field),
            ("--event-type-field", &self.event_type_field),
            ("--timestamp-field", &self.timestamp_field),
            ("--amount-field", &self.amount_field),
        ] {
            words.option(name, path.as_ref().map(ToString::to_string));
        }
        for purchase in &self.purchase_type {
            words.option("--purchase-type", Some(purchase.clone()));
        }
        words.switch("--accept-offsets", self.accept_offsets);
        if !self.timezone.is_utc() {
            words.option("--timezone", Some(self.timezone.to_string()));
        }
    }
}

/// What somebody would type after a command's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(pub(super) Vec<OsString>);

impl Words {
    /// An option with a value, if there is one.
    pub(super) fn option(&mut self, name: &str, value: Option<impl Into<OsString>>) {
        let Some(value) = value.map(Into::into) else {
            return;
        };
        if value.as_encoded_bytes().starts_with(b"-") {
            // By itself it would be taken for another option.
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.0.push(word);
        } else {
            self.0.extend([name.into(), value]);
        }
    }

    /// Takes an option out that has a value.
    pub(super) fn remove(&mut self, name: &str) {
        let with_value = format!("{name}=");
        let mut is_value = false;
        self.0.retain(|word| {
            if std::mem::take(&mut is_value) {
                return false;
            }
            is_value = word == name;
            !is_value && !word.as_encoded_bytes().starts_with(with_value.as_bytes())
        });
    }

    /// An option without a value.
    pub(super) fn switch(&mut self, name: &str, is_on: bool) {
        if is_on {
            self.0.push(name.into());
        }
    }
}

/// What earlier runs have left, and how to go about it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "State options")]
pub(super) struct StateOptions {
    /// Keep what was counted of each input file in the folder DIR, and read only files that are new,
    /// have changed or have grown since the last run with it. The result is the one of a run that reads
    /// everything; the log has only what is read.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, env = "DAYTALLY_STATE", hide_env = true)]
    pub(super) state: Option<PathBuf>,

    /// How to tell whether a file in the state is what it was.
    #[arg(
        long,
        value_name = "HOW",
        env = "DAYTALLY_VERIFY",
        default_value = "quick",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) verify: VerifyArg,

    /// Take out what files contributed that are in the state and not among the inputs; otherwise that
    /// is an error.
    #[arg(
        long,
        env = "DAYTALLY_FORGET_MISSING",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) forget_missing: bool,
}

/// How the run tells what it does.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Log options")]
pub(super) struct LogArgs {
    /// How log lines are written.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "DAYTALLY_LOG_FORMAT",
        default_value = "text",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) log_format: LogFormat,

    /// Write the log there, instead of to standard error; replaces the file. A line that cannot be written, here or
    /// there, is an error.
    #[arg(
        long,
        value_name = "PATH",
        env = "DAYTALLY_LOG_FILE",
        value_parser = parse_log_file,
        hide_env = true
    )]
    pub(super) log_file: Option<PathBuf>,

    /// What to log; every invalid event is a warning, of which a terminal shows the first 20 [default: warn].
    #[arg(
        long,
        value_name = "LEVEL",
        env = "DAYTALLY_LOG_LEVEL",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) log_level: Option<LogLevel>,

    /// Whether to show how far the run is: a bar on a terminal, a line every half a minute elsewhere, in the
    /// log's format.
    #[arg(
        long,
        value_name = "WHEN",
        env = "DAYTALLY_PROGRESS",
        default_value = "auto",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) progress: ProgressArg,

    /// How many seconds there are between those lines, where there is no bar.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "DAYTALLY_PROGRESS_EVERY",
        default_value = "30",
        value_parser = parse_seconds,
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) progress_every: Duration,

    /// Nothing but errors on standard error; a log file is written all the same.
    #[arg(
        short,
        long,
        env = "DAYTALLY_QUIET",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) quiet: bool,

    /// Log more: -v what the run does, -vv how, -vvv everything (levels info, debug, trace).
    #[arg(short, long, env = "DAYTALLY_VERBOSE", action = ArgAction::Count, hide_env = true)]
    pub(super) verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PartitionArg {
    /// A folder for each UTC day, as Hive names them.
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LanesArg {
    /// The fast lane for ordinary lines, the general lane for the others.
    All,
    /// The general lane for all lines: for doubt, and for comparison.
    General,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum VerifyArg {
    /// By size, date of change, and samples of the content.
    Quick,
    /// By all of the content.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people, with key=value fields.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressArg {
    /// Unless --quiet is given.
    Auto,
    /// With --quiet too.
    Always,
    /// Not at all.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Show a line and all that is wrong with it: every rule that it breaks, where, and what may be behind
/// it.
///
/// Reads the line as aggregate does, compressed files too. What a valid line counts as is shown as well.
///
/// Exit codes: 0 the line was shown, whether it is valid or not; 1 it could not be, because there is no
/// such file or line; 2 wrong use.
#[derive(Debug, Parser)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(super) struct ExplainArgs {
    /// Which line: FILE:LINE, its number from 1; or FILE@OFFSET, any byte of it, from 0, in the
    /// decompressed file. - is standard input: -:LINE and -@OFFSET, or - alone for every invalid line of
    /// it; if it has only one line, for that, whatever it is.
    ///
    /// The end of a log line does too (input=FILE line=LINE offset=OFFSET reason=...), and so does a line
    /// of a rejects file or of a JSON log, in quotes.
    // -:4 is no option; what comes after the first word may be one.
    #[arg(value_name = "PLACE", allow_hyphen_values = true)]
    pub(super) place: OsString,

    /// The other words of a log line.
    #[arg(value_name = "WORD", hide = true)]
    pub(super) words: Vec<OsString>,

    /// A longer line is an invalid event, as for aggregate.
    #[arg(
        long,
        value_name = "SIZE",
        env = "DAYTALLY_MAX_LINE_BYTES",
        value_parser = size::parse_positive,
        default_value = "16MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(super) max_line_bytes: usize,

    /// One JSON object for the line, instead of text; with - alone one for each line.
    #[arg(
        long,
        env = "DAYTALLY_JSON",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) event: EventOptions,
}

const EXPLAIN_EXAMPLES: &str = "Examples:
  daytally explain events.jsonl:4
  daytally explain events.jsonl.gz@251
  daytally explain input=events.jsonl line=4 offset=251 reason=invalid_timestamp
  daytally explain \"$(head -n 1 rejects.jsonl)\"
  echo '{\"user_id\": \"1\"}' | daytally explain -
  jq -r .raw rejects.jsonl | daytally explain -";

/// Compare two results: which rows were added, removed or changed, and what that does to each day.
///
/// Reads both in one pass and in little memory, whatever their size, and exactly: amounts are compared as
/// decimals. A result that is not as daytally writes it is an error.
///
/// Exit codes, as those of diff(1): 0 the same; 1 different; 2 trouble, be it wrong use or a result that
/// cannot be read. (Elsewhere in daytally 1 is failure.)
#[derive(Debug, Parser)]
#[command(after_help = DIFF_EXAMPLES)]
pub(super) struct DiffArgs {
    /// The result before: a file, compressed or not, or a folder of --partition-by; - is standard input.
    #[arg(value_name = "OLD", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(super) old: PathBuf,

    /// The result after, in the same form or another.
    #[arg(value_name = "NEW", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(super) new: PathBuf,

    /// How many of the rows that differ are shown, or all [default: 10; with --json all].
    #[arg(short = 'n', long, value_name = "N|all", env = "DAYTALLY_ROWS", value_parser = parse_most, hide_env = true)]
    pub(super) rows: Option<u64>,

    /// JSON Lines instead of text: an object for each row that differs, after those of a day one for the
    /// day, and as the last line one for all.
    #[arg(
        long,
        env = "DAYTALLY_JSON",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) json: bool,

    /// Say nothing, and stop at the first difference: the exit code tells.
    #[arg(
        short,
        long,
        env = "DAYTALLY_QUIET",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) quiet: bool,

    /// How many of the days that differ are shown, or all [default: 20; with --json all].
    #[arg(long, value_name = "N|all", env = "DAYTALLY_DAY_ROWS", value_parser = parse_most, hide_env = true)]
    pub(super) day_rows: Option<u64>,
}

const DIFF_EXAMPLES: &str = "Examples:
  daytally diff yesterday.csv today.csv
  daytally diff stats/ daily_user_stats.csv -n all
  daytally aggregate -o - events.jsonl | daytally diff daily_user_stats.csv -
  daytally diff -q old.csv new.csv && echo same
  daytally diff --json old.csv new.csv | jq -c 'select(.type == \"day\")'";

/// Show what the state of incremental runs holds: the input files, what was counted of each, and
/// whether they are still what they were.
///
/// Exit codes: 0 all is well; 1 the state is damaged or cannot be read; 2 wrong use.
#[derive(Debug, Parser)]
pub(super) struct StateArgs {
    /// The folder that was given to aggregate with --state.
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath, env = "DAYTALLY_STATE", hide_env = true)]
    pub(super) folder: PathBuf,

    /// Read every byte of the state, and check that nothing in it has changed and all adds up.
    #[arg(
        long,
        env = "DAYTALLY_CHECK",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) check: bool,

    /// One JSON object for each input, instead of a table.
    #[arg(
        long,
        env = "DAYTALLY_JSON",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) json: bool,
}

/// Write sample events to standard output, the same for the same options.
///
/// For trying the program out and for benchmarks: daytally generate --size 1GiB > events.jsonl
#[derive(Debug, Parser)]
pub(super) struct GenerateArgs {
    /// How many lines; not with --size [default: 1000000].
    #[arg(long, value_name = "N", env = "DAYTALLY_LINES", hide_env = true)]
    pub(super) lines: Option<u64>,

    /// How many bytes, instead of --lines; the last line is finished.
    #[arg(
        long,
        value_name = "SIZE",
        env = "DAYTALLY_SIZE",
        value_parser = size::parse,
        hide_env = true
    )]
    pub(super) size: Option<u64>,

    /// What the random choices start from.
    #[arg(
        long,
        value_name = "N",
        env = "DAYTALLY_SEED",
        default_value_t = 42,
        hide_env = true
    )]
    pub(super) seed: u64,

    /// How many users there are.
    #[arg(
        long,
        value_name = "N",
        env = "DAYTALLY_USERS",
        default_value_t = 1000,
        hide_env = true
    )]
    pub(super) users: u64,

    /// How many days the events span, from 2024-01-01.
    #[arg(
        long,
        value_name = "N",
        env = "DAYTALLY_DAYS",
        default_value_t = 31,
        hide_env = true
    )]
    pub(super) days: u32,

    /// What the lines look like.
    #[arg(
        long,
        value_name = "PROFILE",
        env = "DAYTALLY_PROFILE",
        default_value = "narrow",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) profile: ProfileArg,

    /// The share of lines that are not valid events, from 0 to 1.
    #[arg(
        long,
        value_name = "R",
        env = "DAYTALLY_INVALID_RATE",
        default_value_t = 0.001,
        hide_env = true
    )]
    pub(super) invalid_rate: f64,

    /// Whether the timestamps rise from line to line.
    #[arg(
        long,
        value_name = "ORDER",
        env = "DAYTALLY_ORDER",
        default_value = "random",
        ignore_case = true,
        hide_env = true
    )]
    pub(super) order: OrderArg,
}

/// Show what each option of a command is set to, and where that is from: the command line, the
/// environment, a config file, or the default.
#[cfg(feature = "config")]
#[derive(Debug, Parser)]
#[command(after_help = CONFIG_EXAMPLES)]
pub(super) struct ConfigArgs {
    /// Which command [default: aggregate].
    #[arg(value_name = "COMMAND")]
    pub(super) command: Option<String>,

    /// What it would be called with; nothing of it is done.
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) args: Vec<OsString>,

    /// One JSON object, instead of a table; before COMMAND.
    #[arg(
        long,
        env = "DAYTALLY_JSON",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(super) json: bool,
}

#[cfg(feature = "config")]
const CONFIG_EXAMPLES: &str = "Examples:
  daytally config
  daytally config generate
  daytally config aggregate --threads 4 logs/

A config file has the long names of options, for all commands that have them, or for one:
  threads = 4

  [aggregate]
  max-invalid = \"1%\"
  rejects = \"rejects.jsonl\"";

/// Write a script to standard output that lets a shell complete commands, options and their values.
#[cfg(feature = "shell")]
#[derive(Debug, Parser)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL", ignore_case = true)]
    pub(super) shell: clap_complete::Shell,
}

#[cfg(feature = "shell")]
const COMPLETIONS_EXAMPLES: &str = "Where it goes:
  bash        daytally completions bash > ~/.local/share/bash-completion/completions/daytally
  zsh         daytally completions zsh > a folder of $fpath, as _daytally
  fish        daytally completions fish > ~/.config/fish/completions/daytally.fish
  PowerShell  daytally completions powershell >> $PROFILE";

/// Write the man pages, one for the program and one for each command, into a folder.
///
/// For everybody that is /usr/local/share/man/man1, for yourself ~/.local/share/man/man1. Pages that
/// are there are replaced.
#[cfg(feature = "shell")]
#[derive(Debug, Parser)]
pub(super) struct ManArgs {
    /// The folder; it is created if it is not there.
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileArg {
    /// The four fields and nothing else, about 80 bytes a line.
    Narrow,
    /// Many more fields, nested ones too, about 315 bytes a line.
    Wide,
    /// Every way of writing an event that is allowed, another from line to line.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OrderArg {
    /// As a log is written.
    Time,
    /// Any day at any place.
    Random,
}

/// More threads than that are a typing error on any machine.
const MAX_THREADS: usize = 1024;

fn parse_log_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("without this option the log goes to standard error".into()),
        _ => Ok(text.into()),
    }
}

fn parse_format(text: &str) -> Result<Format, String> {
    let format: Format = text.parse().map_err(|_| {
        let names: Vec<_> = formats().map(Format::extension).collect();
        format!("there are {}", names.join(", "))
    })?;
    match format.missing_feature() {
        None => Ok(format),
        Some(feature) => Err(features::missing(feature)),
    }
}

/// The formats that are built in.
pub(super) fn formats() -> impl Iterator<Item = Format> {
    let all = Format::ALL.iter().copied();
    all.filter(|format| format.missing_feature().is_none())
}

/// The help of `--format`, which has no format that is not built in.
fn format_help() -> String {
    let built_in = |encoding| formats().any(|format| format.encoding() == encoding);
    let mut names = vec!["csv", "jsonl (JSON Lines)"];
    names.extend(built_in(Encoding::Parquet).then_some("parquet"));
    names.extend(built_in(Encoding::Arrow).then_some("arrow (Arrow IPC)"));
    let last = names.pop().unwrap_or_default();
    let packed: Vec<_> = formats()
        .filter(|format| format.encoding() == Encoding::Csv && format.packing() != Packing::None)
        .map(Format::extension)
        .collect();
    let also = match packed[..] {
        [] => String::new(),
        _ => format!(
            "; csv and jsonl also compressed, such as {}",
            packed.join(" and ")
        ),
    };
    format!(
        "The format of the result: {} or {last}{also} [default: what the extension of --output says, and csv if it says nothing]",
        names.join(", ")
    )
}

/// How many things are shown at most.
fn parse_most(text: &str) -> Result<u64, String> {
    if text.eq_ignore_ascii_case("all") {
        return Ok(u64::MAX);
    }
    text.parse()
        .map_err(|_| "give a whole number, or all".into())
}

pub(super) fn parse_date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| "give a day of the calendar as YYYY-MM-DD, such as 2024-02-29".into())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (1..=86_400).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "give a whole number of seconds from 1 to 86400".into())
}

fn parse_type(text: &str) -> Result<String, String> {
    match text {
        "" => Err("no event's type is empty".into()),
        _ => Ok(text.into()),
    }
}

pub(super) fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .ok()
        .filter(|threads: &NonZeroUsize| threads.get() <= MAX_THREADS)
        .ok_or_else(|| format!("give a whole number from 1 to {MAX_THREADS}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_option_has_its_environment_twin() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        for command in cli.get_subcommands().chain([&cli]) {
            for option in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let name = option.get_long().unwrap();
                if matches!(name, "help" | "version") {
                    continue;
                }
                let twin = format!("DAYTALLY_{}", name.to_uppercase().replace('-', "_"));
                assert_eq!(option.get_env().unwrap().to_str(), Some(twin.as_str()));
            }
        }
    }

    #[test]
    fn words_are_read_as_they_were_meant() {
        let mut words = Words::default();
        words.option("--from", Some("2024-01-01"));
        words.option("--user-id-field", Some("-x"));
        words.option("--to", None::<&str>);
        words.switch("--accept-offsets", true);
        words.switch("--null", false);
        words.option("--timezone", Some("-03:00"));
        let expected = [
            "--from",
            "2024-01-01",
            "--user-id-field=-x",
            "--accept-offsets",
            "--timezone=-03:00",
        ];
        assert_eq!(words.0, expected);
        let typed = words.0.iter().map(|word| word.to_str().unwrap());
        let cli = Cli::try_parse_from(["daytally", "check"].into_iter().chain(typed)).unwrap();
        let Command::Check(args) = cli.command else {
            panic!()
        };
        assert_eq!(args.options(), words);
        words.remove("--from");
        words.remove("--user-id-field");
        assert_eq!(words.0, ["--accept-offsets", "--timezone=-03:00"]);
    }

    /// A config file has one table for all commands, so that what is common to them has to be the same.
    #[test]
    fn options_that_several_commands_share_are_the_same_in_each() {
        let cli = Cli::command();
        let option = |command: &str, name: &str| {
            let command = cli.find_subcommand(command).unwrap();
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_long() == Some(name));
            let arg = arg.unwrap_or_else(|| panic!("no --{name}"));
            let help = arg
                .get_long_help()
                .or(arg.get_help())
                .map(ToString::to_string);
            (
                help,
                arg.get_default_values().to_vec(),
                arg.get_help_heading().map(str::to_owned),
            )
        };
        for name in [
            "files-from",
            "null",
            "allow-duplicates",
            "from",
            "to",
            "max-line-bytes",
            "user-id-field",
            "event-type-field",
            "timestamp-field",
            "amount-field",
            "purchase-type",
            "accept-offsets",
            "timezone",
        ] {
            assert_eq!(option("aggregate", name), option("check", name), "{name}");
        }
        for name in ["user-id-field", "timezone", "purchase-type"] {
            assert_eq!(option("aggregate", name), option("explain", name), "{name}");
        }
        #[cfg(feature = "arrow")]
        {
            for name in ["files-from", "null", "allow-duplicates"] {
                assert_eq!(option("aggregate", name), option("splits", name), "{name}");
            }
            for name in ["from", "max-line-bytes", "timezone", "threads", "lanes"] {
                assert_eq!(option("aggregate", name), option("partial", name), "{name}");
            }
            for name in ["output", "format", "max-invalid", "memory-limit", "quiet"] {
                assert_eq!(option("aggregate", name), option("merge", name), "{name}");
            }
        }
    }

    #[test]
    fn places_are_no_options_and_options_are_no_places() {
        for (args, place, words, is_json) in [
            (&["-"][..], "-", 0, false),
            (&["-:4", "--json"], "-:4", 0, true),
            (&["--json", "-@4"], "-@4", 0, true),
            (&["input=a", "--json", "line=4"], "input=a", 1, true),
        ] {
            let args = ["daytally", "explain"].iter().chain(args);
            let cli = Cli::try_parse_from(args).unwrap();
            let Command::Explain(args) = cli.command else {
                panic!()
            };
            assert_eq!(
                (args.place.to_str(), args.words.len(), args.json),
                (Some(place), words, is_json)
            );
        }
        assert!(Cli::try_parse_from(["daytally", "explain", "a:1", "--jsn"]).is_err());
    }

    #[test]
    fn defaults_are_those_of_the_library() {
        let cli = Cli::try_parse_from(["daytally", "aggregate"]).unwrap();
        let Command::Aggregate(args) = cli.command else {
            panic!()
        };
        assert_eq!(
            args.read.chunk_size,
            daytally::internals::DEFAULT_CHUNK_SIZE
        );
        assert_eq!(
            args.input.lines.max_line_bytes,
            daytally::event::DEFAULT_MAX_LINE_BYTES
        );
        let cli = Cli::try_parse_from(["daytally", "explain", "-"]).unwrap();
        let Command::Explain(args) = cli.command else {
            panic!()
        };
        assert_eq!(args.max_line_bytes, daytally::event::DEFAULT_MAX_LINE_BYTES);
        let cli = Cli::try_parse_from(["daytally", "generate"]).unwrap();
        let Command::Generate(args) = cli.command else {
            panic!()
        };
        let settings = daytally::generate::Settings::default();
        assert_eq!(
            (
                args.seed,
                args.users,
                args.days,
                args.invalid_rate.to_bits()
            ),
            (
                settings.seed,
                settings.users,
                settings.days,
                settings.invalid_rate.to_bits()
            )
        );
    }
}
