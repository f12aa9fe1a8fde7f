//! What `daytally splits` is to do.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::ErrorKind;

use super::args::SplitsArgs;
use crate::cli::config::{expect_list, search, wrong};
use daytally::Stop;
use daytally::input::Search;
use daytally::output::{Encoding, Format, Packing, Target};

const COMMAND: &str = "splits";

/// What `daytally splits` is to do.
#[derive(Debug)]
pub(in crate::cli) struct SplitsConfig {
    pub(super) search: Search,
    /// The file with the list of inputs, if it is one.
    pub(super) list: Option<PathBuf>,
    /// How many bytes a split has.
    pub(super) size: NonZeroU64,
    pub(super) output: Target,
    /// Nothing but errors on standard error.
    pub(super) is_quiet: bool,
    pub(super) stop: Stop,
}

impl SplitsConfig {
    pub(in crate::cli) fn resolve(
        args: SplitsArgs,
        matches: &ArgMatches,
    ) -> Result<SplitsConfig, clap::Error> {
        expect_list(&args.files, COMMAND, matches)?;
        let output = Target::new(args.output.unwrap_or_else(|| "-".into()));
        if let Target::Path(path) = &output
            && let Some(extension) = other_extension(path)
        {
            // The environment or a config file may have named it for a result, which the plan would replace.
            let message = format!(
                "the plan is JSON Lines, and {} is named as something else ({extension}); give --output a name such as plan.jsonl, or - for standard output",
                daytally::text::path(path)
            );
            return Err(wrong(COMMAND, ErrorKind::ValueValidation, message));
        }
        let stop = Stop::default();
        Ok(SplitsConfig {
            list: args.files.files_from.clone(),
            search: search(args.files).stop_with(stop.cell()),
            size: args.split_size,
            output,
            is_quiet: args.quiet,
            stop,
        })
    }
}

/// The end of a file's name that speaks of another format than JSON Lines, if it has one.
fn other_extension(path: &Path) -> Option<String> {
    if let Some(extension) = Format::foreign_extension(path) {
        return Some(extension);
    }
    let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
    let format = Format::of_path(path);
    let is_other = match (format.encoding(), format.packing()) {
        (Encoding::JsonLines, Packing::None) => false,
        // What a name without an extension stands for, too.
        (Encoding::Csv, Packing::None) => extension == "csv",
        _ => true,
    };
    is_other.then(|| format!(".{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_not_named_as_something_else() {
        for (path, extension) in [
            ("plan.jsonl", None),
            ("plan.JSON", None),
            ("plan", None),
            ("a.csv/plan", None),
            ("plan.txt", None),
            ("plan.csv.tmp", None),
            (".hidden", None),
            ("stats.csv", Some(".csv")),
            ("stats.CSV", Some(".csv")),
            ("stats.csv.gz", Some(".gz")),
            ("plan.jsonl.zst", Some(".zst")),
            ("stats.parquet", Some(".parquet")),
            ("stats.arrow", Some(".arrow")),
            ("stats.xlsx", Some(".xlsx")),
        ] {
            assert_eq!(
                other_extension(path.as_ref()).as_deref(),
                extension,
                "{path}"
            );
        }
    }
}
