//! What was typed after `daytally check`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Parser};

use crate::cli::args::{parse_date, parse_threads};
use crate::cli::size::{self, MemorySize};
use daytally::event::Date;

/// Look at a sample of the inputs, and tell what a run of aggregate will find and need.
///
/// Reads pieces from all over the inputs, drawn at random, the same for the same files and options unless
/// time is up. Tells the share of invalid events and where it surely is (95 %), the reasons with an
/// example of each, how fields are written, days, groups, the time and memory of the full run, and
/// options for it. If the inputs are no larger than the sample, all is read, and figures are exact. Of
/// streams and compressed inputs the beginning is read. Nothing is written but what is told.
///
/// Exit codes: 0 the inputs could be read, whatever is in them; 1 they could not be; 2 wrong use.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct CheckArgs {
    /// Files, folders or patterns, as for aggregate; - is standard input [default: events.jsonl].
    #[arg(
        value_name = "INPUT",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub(in crate::cli) inputs: Vec<PathBuf>,

    /// Look at the files and folders named in LIST too, one a line; - is standard input.
    #[arg(
        long,
        value_name = "LIST",
        env = "DAYTALLY_FILES_FROM",
        hide_env = true
    )]
    pub(in crate::cli) files_from: Option<PathBuf>,

    /// The names in LIST end with a NUL byte, as find -print0 writes them.
    #[arg(
        short = '0',
        long,
        env = "DAYTALLY_NULL",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) null: bool,

    /// A file may be an input twice; otherwise that is an error.
    #[arg(
        long,
        env = "DAYTALLY_ALLOW_DUPLICATES",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) allow_duplicates: bool,

    /// Count only events of this UTC day or later, as YYYY-MM-DD.
    #[arg(long, value_name = "DATE", env = "DAYTALLY_FROM", value_parser = parse_date, hide_env = true)]
    pub(in crate::cli) from: Option<Date>,

    /// Count only events of this UTC day or earlier, as YYYY-MM-DD.
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

    /// How much to read, about; 64KiB at least.
    #[arg(
        long,
        value_name = "SIZE",
        env = "DAYTALLY_SAMPLE",
        value_parser = parse_sample,
        default_value = "64MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) sample: u64,

    /// How long to read at most; the sample is smaller if that is not enough.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "DAYTALLY_TIME",
        value_parser = parse_time,
        default_value = "2",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) time: Duration,

    /// What the draw of the sample starts from: another one draws other pieces.
    #[arg(
        long,
        value_name = "N",
        env = "DAYTALLY_SEED",
        default_value_t = 42,
        hide_env = true
    )]
    pub(in crate::cli) seed: u64,

    /// How many threads to work with, here and in the full run [default: as many as the machine or its
    /// cgroup allows].
    #[arg(
        short = 'j',
        long,
        value_name = "N",
        env = "DAYTALLY_THREADS",
        value_parser = parse_threads,
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) threads: Option<NonZeroUsize>,

    /// How much private memory the full run may take [default: 50%].
    #[arg(
        long,
        value_name = "SIZE|P%",
        env = "DAYTALLY_MEMORY_LIMIT",
        value_parser = size::parse_memory,
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) memory_limit: Option<MemorySize>,

    /// One JSON object, instead of text.
    #[arg(
        long,
        env = "DAYTALLY_JSON",
        action = ArgAction::SetTrue,
        value_parser = FalseyValueParser::new(),
        hide_env = true
    )]
    pub(in crate::cli) json: bool,
}

const EXAMPLES: &str = "Examples:
  daytally check
  daytally check logs/ --from 2024-01-01
  daytally check --sample 1GiB --time 30 'logs/2024-*.jsonl'
  zcat events.jsonl.gz | daytally check -";

impl CheckArgs {
    /// The options and names that the full run should have from here.
    pub(in crate::cli) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                words.extend([name.into(), value]);
            }
        };
        add("--files-from", self.files_from.clone().map(Into::into));
        add("--from", self.from.map(|date| date.to_string().into()));
        add("--to", self.to.map(|date| date.to_string().into()));
        add(
            "--threads",
            self.threads.map(|threads| threads.to_string().into()),
        );
        add(
            "--memory-limit",
            self.memory_limit.map(|limit| match limit {
                MemorySize::Bytes(bytes) => bytes.to_string().into(),
                MemorySize::Percent(percent) => format!("{percent}%").into(),
            }),
        );
        if self.max_line_bytes != daytally::event::DEFAULT_MAX_LINE_BYTES {
            words.extend([
                "--max-line-bytes".into(),
                self.max_line_bytes.to_string().into(),
            ]);
        }
        if self.null && self.files_from.is_some() {
            words.push("--null".into());
        }
        if self.allow_duplicates {
            words.push("--allow-duplicates".into());
        }
        let is_option = |input: &PathBuf| {
            let text = input.as_os_str().as_encoded_bytes();
            text.starts_with(b"-") && text != b"-"
        };
        if self.inputs.iter().any(is_option) {
            words.push("--".into());
        }
        words.extend(
            self.inputs
                .iter()
                .map(|input| input.clone().into_os_string()),
        );
        words
    }
}

fn parse_sample(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        size if size < 64 * 1024 => Err("a sample is 64KiB at least".into()),
        size => Ok(size),
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "give a number of seconds such as 2 or 0.5".into())
}
