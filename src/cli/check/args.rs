//! What was typed after `daytally check`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser};

use crate::cli::args::{EventOptions, InputOptions, Words, parse_threads};
use crate::cli::size::{self, MemorySize};

/// Look at a sample of the inputs, and tell what a run of aggregate will find and need.
///
/// Reads pieces from all over the inputs, drawn at random, the same for the same files and options unless
/// time is up. Tells the share of invalid events and where it is (95 %), the reasons with an
/// example of each, how fields are written, days, groups, the time and memory of the full run, and
/// options for it. If the inputs are no larger than the sample, all is read, and figures are exact. Of
/// streams and compressed inputs the beginning is read. Nothing is written but what is told.
///
/// Exit codes: 0 the inputs could be read, whatever is in them; 1 they could not be; 2 wrong use.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    pub(in crate::cli) input: InputOptions,

    /// How much to read, about; 64KiB at least.
    #[arg(
        help_heading = "Sample options",
        long,
        value_name = "SIZE",
        env = "DAYTALLY_SAMPLE",
        value_parser = parse_sample,
        default_value = "64MiB",
        allow_negative_numbers = true,
        hide_env = true
    )]
    pub(in crate::cli) sample: u64,

    /// How long to read at most; the sample is smaller if that is not enough. Of a pipe that is still open
    /// then, what came by then is the sample.
    #[arg(
        help_heading = "Sample options",
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
        help_heading = "Sample options",
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
        help_heading = "Performance options",
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
        help_heading = "Performance options",
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

    #[command(flatten)]
    pub(in crate::cli) event: EventOptions,
}

const EXAMPLES: &str = "Examples:
  daytally check
  daytally check logs/ --from 2024-01-01
  daytally check logs/ --user-id-field user.id --timezone Europe/Berlin
  daytally check --sample 1GiB --time 30 'logs/2024-*.jsonl'
  zcat events.jsonl.gz | daytally check -";

impl CheckArgs {
    /// The options that the full run should have from here; the names of the inputs come after them.
    pub(in crate::cli) fn options(&self) -> Words {
        let mut words = Words::default();
        self.input.options(&mut words);
        self.event.options(&mut words);
        let threads = self.threads.map(|threads| threads.to_string());
        words.option("--threads", threads);
        words.option(
            "--memory-limit",
            self.memory_limit.map(|limit| match limit {
                MemorySize::Bytes(bytes) => bytes.to_string(),
                MemorySize::Percent(percent) => format!("{percent}%"),
            }),
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
