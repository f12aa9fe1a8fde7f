//! What was typed after `daytally splits`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser};

use crate::cli::args::FileOptions;
use crate::cli::size;

/// Plan the splits that daytally partial then counts: for schedulers and distributed engines.
///
/// Finds inputs as aggregate does, and writes one JSON object a line for each of them, in their order:
/// input, its name; size, in bytes as it is stored; modified, when it was last written to, in
/// nanoseconds since 1970-01-01T00:00:00Z; compression, null or the name of the format, by its first
/// bytes; splits, a list. Each split is one call: daytally partial --split SPLIT --expect-size SIZE
/// --expect-modified MODIFIED -- INPUT, which fails if the file has changed since.
///
/// The splits of a file are all of it, and no byte is in two of them. A compressed file, and an empty one,
/// has one split, 0.., which is the whole. No event is read.
///
/// Exit codes: 0 all was planned; 1 it could not be, and nothing was written, as where an input is standard
/// input, a pipe or a device, or has a name that is not UTF-8; 2 wrong use; 130 and 143 stopped by SIGINT
/// or SIGTERM.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("inputs", |arg| arg.help(INPUTS).long_help(INPUTS_AT_LENGTH)))]
pub(in crate::cli) struct SplitsArgs {
    #[command(flatten)]
    pub(in crate::cli) files: FileOptions,

    /// How many bytes a split has. A last rest that is smaller than half of that is joined to the split before
    /// it, so that a split may have up to one and a half times as many.
    #[arg(
        help_heading = "Split options",
        long,
        value_name = "SIZE",
        env = "DAYTALLY_SPLIT_SIZE",
        value_parser = parse_split_size,
        default_value = "128MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) split_size: NonZeroU64,

    /// Where the plan goes: a file such as plan.jsonl, which is replaced at once; - is standard output
    /// [default: -].
    #[arg(
        help_heading = "Output options",
        short,
        long,
        value_name = "PATH",
        env = "DAYTALLY_OUTPUT",
        hide_env = true
    )]
    pub(in crate::cli) output: Option<PathBuf>,

    /// Nothing but errors on standard error.
    #[arg(
        help_heading = "Output options",
        short,
        long,
        env = "DAYTALLY_QUIET",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) quiet: bool,
}

const INPUTS: &str = "Files of JSON Lines, folders with such files, or patterns such as 'logs/2024-*/**/*.jsonl', as aggregate takes them; standard input has no splits [default: events.jsonl]";

const INPUTS_AT_LENGTH: &str = "Files of JSON Lines, folders with such files, or patterns such as 'logs/2024-*/**/*.jsonl'; what can only be read as a whole, as standard input, has no splits [default: events.jsonl].

They are found as aggregate finds them: see there.";

const EXAMPLES: &str = "Examples:
  daytally splits logs/
  daytally splits 'logs/2024-*/**/*.jsonl' --split-size 1GiB -o plan.jsonl
  find logs -name '*.jsonl' -print0 | daytally splits -0 --files-from -
  daytally splits logs/ | jq -r '.input as $input | .splits[] | [$input, .] | @tsv'";

fn parse_split_size(text: &str) -> Result<NonZeroU64, String> {
    NonZeroU64::new(size::parse(text)?).ok_or_else(|| "the size has to be at least 1 byte".into())
}
