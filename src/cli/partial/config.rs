//! What `daytally partial` is to do.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::error::ErrorKind;

use super::args::PartialArgs;
use crate::cli::config::{LogConfig, dates, limit, options, schema, temp_dir, wrong};
use daytally::output::Target;
use daytally::partial::PartialFormat;
use daytally::{Options, PartialSettings};

const COMMAND: &str = "partial";

/// What `daytally partial` is to do.
#[derive(Debug)]
pub(in crate::cli) struct PartialConfig {
    /// `-` is standard input.
    pub(super) file: PathBuf,
    pub(super) settings: PartialSettings,
    pub(super) expect_size: Option<u64>,
    pub(super) expect_modified: Option<i64>,
    pub(super) output: Target,
    pub(super) options: Options,
    pub(super) log: LogConfig,
}

impl PartialConfig {
    pub(in crate::cli) fn resolve(
        args: PartialArgs,
        matches: &ArgMatches,
    ) -> Result<PartialConfig, clap::Error> {
        let schema = schema(&args.event, COMMAND)?;
        let dates = dates(args.lines.from, args.lines.to, COMMAND)?;
        let output = Target::new(args.output.unwrap_or_else(|| "-".into()));
        let format = match &output {
            Target::Stdout if std::io::stdout().is_terminal() => {
                let message = "standard output is a terminal, and a partial is not for reading; send it to a file or a program, or give a path with --output";
                return Err(wrong(COMMAND, ErrorKind::ArgumentConflict, message.into()));
            }
            Target::Stdout => PartialFormat::Arrow,
            Target::Path(path) => match PartialFormat::of_path(path) {
                Ok(format) => format,
                // A pipe or a device has no name that says anything.
                Err(_) if is_stream(path) => PartialFormat::Arrow,
                Err(error) => {
                    let message = format!("{}: {error}", daytally::text::path(path));
                    return Err(wrong(COMMAND, ErrorKind::ValueValidation, message));
                }
            },
        };
        let mut options = options(&args.lines, &args.read, schema, dates);
        limit(&mut options, &args.work, COMMAND)?;
        options.temp_dir = args.work.temp_dir.or_else(|| temp_dir(&output, false));
        let mut settings = PartialSettings::default();
        settings.split = args.split.unwrap_or_default();
        settings.format = format;
        settings.keeps_rejects = args.rejects;
        Ok(PartialConfig {
            file: args.file,
            settings,
            expect_size: args.expect_size,
            expect_modified: args.expect_modified,
            output,
            options,
            log: LogConfig::resolve(args.log, matches, COMMAND),
        })
    }
}

/// Whether something is there that is written as the bytes come.
fn is_stream(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}
