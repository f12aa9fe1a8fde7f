//! What was typed after `daytally merge`.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use crate::cli::args::{LogArgs, ResultOptions, WorkOptions};

/// Make the result of partials that daytally partial has written: the one that daytally aggregate makes of
/// their inputs, to the byte.
///
/// Checks that every byte of every input is in exactly one split, that all splits are of the same version of
/// their file and were made with the same options, and that all counts add up.
///
/// Exit codes: 0 the result was written; 1 it could not be; 2 wrong use; 3 too many invalid events; 130 and
/// 143 stopped by SIGINT or SIGTERM. In every case but 0 the output file is what it was before, unless the
/// message says otherwise.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct MergeArgs {
    /// Partials, or folders, in which all files named .arrow, .arrows or .parquet are taken, but for names
    /// that start with a dot or an underscore.
    #[arg(
        value_name = "PARTIAL",
        required = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(in crate::cli) partials: Vec<PathBuf>,

    /// The names of all inputs, one a line, in the order that the rejects file is to have; - is standard
    /// input. An input that has no partial is an error then [default: sorted].
    #[arg(
        help_heading = "Input options",
        long,
        value_name = "LIST",
        env = "DAYTALLY_INPUTS_ORDER",
        hide_env = true
    )]
    pub(in crate::cli) inputs_order: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) result: ResultOptions,

    #[command(flatten)]
    pub(in crate::cli) work: WorkOptions,

    #[command(flatten)]
    pub(in crate::cli) log: LogArgs,
}

const EXAMPLES: &str = "Examples:
  daytally merge parts/
  daytally merge parts/*.arrow -o stats.parquet --rejects rejects.jsonl --summary summary.json
  daytally merge parts/ --inputs-order inputs.txt --rejects rejects.jsonl
  daytally merge parts/ --partition-by date -o stats/";
