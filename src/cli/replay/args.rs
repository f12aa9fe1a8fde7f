//! What was typed after `daytally replay`.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser};

use crate::cli::args::{EventOptions, parse_date};
use crate::cli::size;
use daytally::event::Date;

/// Count events of a rejects file, repaired, into the result that they are missing from: each once, and as
/// if they had been right from the start.
///
/// A repair is written into the line of the rejects file: its raw is made what the event should have been,
/// as text (a line that is not UTF-8 has its bytes in base64 instead: give it a raw). input, line and offset stay, they say
/// which event it is. Repair the text itself, as below: jq before 1.7 rounds ids of more than 53 bits that it
/// reads as JSON. What a program drops of the file is not replayed, so keep the file. What is replayed is recorded beside
/// the result, in RESULT.replayed: the same event is never counted twice, in whatever files and order it
/// comes, and also if a replay is killed. What is still invalid is told, and written to --rest, to be
/// repaired again. Give the result and the event options and days of the run that rejected them: the file does not
/// say which those were. The record does from then on, and others are an error.
///
/// A run of aggregate makes the result anew, without these events: replay them again then, or repair
/// the inputs themselves. So does every run with --state: there, repair the inputs.
///
/// Exit codes: 0 it was done, whatever is still invalid; 1 it could not be; 2 wrong use; 130 and 143 stopped
/// by SIGINT or SIGTERM. In every case but 0 the result and its record are what they were before, unless the
/// message says otherwise.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own that is typed"
)]
pub(in crate::cli) struct ReplayArgs {
    /// Rejects files as aggregate --rejects writes them, repaired, compressed or not; - is standard input.
    #[arg(
        value_name = "REJECTS",
        required = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(in crate::cli) files: Vec<PathBuf>,

    /// The result: a CSV file, compressed with gzip, Zstandard or not at all, or a folder of --partition-by
    /// with such files.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "RESULT",
        env = "DAYTALLY_INTO",
        default_value = "daily_user_stats.csv",
        hide_env = true
    )]
    pub(in crate::cli) into: PathBuf,

    /// Write every line there that is still invalid, to be repaired again, with the place at which it stood
    /// first; - is standard output.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "PATH",
        env = "DAYTALLY_REST",
        hide_env = true
    )]
    pub(in crate::cli) rest: Option<PathBuf>,

    /// Write one JSON object about the replay there; - prints it as the last line of standard output.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "PATH",
        env = "DAYTALLY_SUMMARY",
        hide_env = true
    )]
    pub(in crate::cli) summary: Option<PathBuf>,

    /// Tell what would be done, and do nothing; the summary is written all the same.
    #[arg(
        short = 'n',
        long,
        env = "DAYTALLY_DRY_RUN",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) dry_run: bool,

    /// Take a result that the record does not know for one that aggregate has made anew, and forget what was
    /// replayed into the old one; otherwise that is an error. Nothing is forgotten of a result that is known.
    #[arg(
        long,
        env = "DAYTALLY_FRESH",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) fresh: bool,

    /// Count an event although one of the same text was replayed that stood at the same line and offset of
    /// an input of another name; otherwise that is an error, as it may be one input with two names.
    #[arg(
        long,
        env = "DAYTALLY_ALLOW_SAME_TEXT",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) allow_same_text: bool,

    /// Count only events of this UTC day or later, as YYYY-MM-DD, if aggregate did.
    #[arg(long, value_name = "DATE", env = "DAYTALLY_FROM", value_parser = parse_date, hide_env = true)]
    pub(in crate::cli) from: Option<Date>,

    /// Count only events of this UTC day or earlier, as YYYY-MM-DD, if aggregate did.
    #[arg(long, value_name = "DATE", env = "DAYTALLY_TO", value_parser = parse_date, hide_env = true)]
    pub(in crate::cli) to: Option<Date>,

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
    pub(in crate::cli) max_line_bytes: usize,

    /// Nothing but errors on standard error.
    #[arg(
        short,
        long,
        env = "DAYTALLY_QUIET",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) quiet: bool,

    #[command(flatten)]
    pub(in crate::cli) event: EventOptions,
}

const EXAMPLES: &str = "Examples:
  daytally aggregate events.jsonl --rejects rejects.jsonl
  sed 's/INVALID_TIMESTAMP/2024-01-01T10:00:00Z/g' rejects.jsonl > repaired.jsonl
  daytally replay --dry-run repaired.jsonl --into daily_user_stats.csv
  daytally replay repaired.jsonl --into daily_user_stats.csv --rest rest.jsonl
  jq -c 'select(.reason == \"non_positive_amount\") | .raw |= sub(\"amount\\\": -\"; \"amount\\\": \")' \\
    rest.jsonl | daytally replay -";
