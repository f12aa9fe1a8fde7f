//! What was typed after `daytally partial`.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser};

use crate::cli::args::{EventOptions, LineOptions, LogArgs, ReadOptions, WorkOptions};
use daytally::input::Split;

/// Count a part of a file for another program to add up: a task of a distributed run.
///
/// Writes groups, rejects and books of a split of the file as a stream of Arrow IPC, or as Parquet, with one
/// flat schema that any database can add up (see the README). daytally merge makes the result of the
/// partials of all splits, the one that daytally aggregate makes of the files.
///
/// A line belongs to the split that its first byte lies in; so a file can be cut anywhere, and daytally
/// splits plans how. The rules, and the options that have a say in them, are those of aggregate, and have to
/// be the same for all splits.
///
/// Exit codes: 0 the partial was written; 1 it could not be, and what came on standard output is not to be
/// used; 2 wrong use; 130 and 143 stopped by SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct PartialArgs {
    /// A file of JSON Lines; - is standard input, which can only be read as a whole, as can compressed
    /// files.
    #[arg(value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(in crate::cli) file: PathBuf,

    /// Which lines: those whose first byte is from START on and before END, from 0. Without END it goes to
    /// the end [default: all].
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "START..END",
        env = "DAYTALLY_SPLIT",
        value_parser = parse_split,
        hide_env = true
    )]
    pub(in crate::cli) split: Option<Split>,

    /// How many bytes the file had when its splits were planned; if it has not, that is an error.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "N",
        env = "DAYTALLY_EXPECT_SIZE",
        hide_env = true
    )]
    pub(in crate::cli) expect_size: Option<u64>,

    /// When the file was last written to then, in nanoseconds since 1970-01-01T00:00:00Z.
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "NS",
        env = "DAYTALLY_EXPECT_MODIFIED",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) expect_modified: Option<i64>,

    #[command(flatten)]
    pub(in crate::cli) lines: LineOptions,

    /// Where the partial goes: a file named .arrow or .arrows, for a stream of Arrow IPC, or .parquet; - is
    /// standard output [default: -].
    #[arg(
        help_heading = "Output options",
        short,
        long,
        value_name = "PATH",
        env = "DAYTALLY_OUTPUT",
        hide_env = true
    )]
    pub(in crate::cli) output: Option<PathBuf>,

    /// A row for each invalid line, too: whoever merges can then write a rejects file.
    // Elsewhere it has a value, and a config file may say so for all commands.
    #[arg(
        help_heading = "Output options",
        long,
        value_name = "YES",
        env = "DAYTALLY_REJECTS",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        hide_default_value = true,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) rejects: bool,

    #[command(flatten)]
    pub(in crate::cli) work: WorkOptions,

    #[command(flatten)]
    pub(in crate::cli) read: ReadOptions,

    #[command(flatten)]
    pub(in crate::cli) event: EventOptions,

    #[command(flatten)]
    pub(in crate::cli) log: LogArgs,
}

const EXAMPLES: &str = "Examples:
  daytally partial events.jsonl --split 0..1073741824 -o parts/0.arrow
  daytally partial events.jsonl --split 1073741824.. -o parts/1.arrow
  daytally merge parts/ -o daily_user_stats.csv
  daytally partial events.jsonl.gz --rejects -o events.parquet
  daytally partial events.jsonl | python -c 'import sys, pyarrow as pa; print(pa.ipc.open_stream(sys.stdin.buffer).read_all())'";

fn parse_split(text: &str) -> Result<Split, String> {
    text.parse()
        .map_err(|error: daytally::input::NoSplit| error.to_string())
}
