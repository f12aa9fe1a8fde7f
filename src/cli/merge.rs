//! The command `daytally merge`: `daytally aggregate`, but for what is read.

mod args;

use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::config::{AggregateConfig, LogConfig, ResultConfig, limit, temp_dir};
use super::exit::Exit;
use super::report;
use super::{aborts, aggregate};
use daytally::error::{Action, Error, Result};
use daytally::input::Search;
use daytally::internals::read_list;
use daytally::output::Target;
use daytally::{Options, PartialSet, partial};

pub(super) use args::MergeArgs;

const COMMAND: &str = "merge";

/// What `daytally merge` is to do.
#[derive(Debug)]
pub(super) struct MergeConfig {
    /// Files, and folders of them.
    partials: Vec<PathBuf>,
    /// The list of inputs; `-` is standard input.
    order: Option<PathBuf>,
    /// What becomes of them.
    run: AggregateConfig,
}

impl MergeConfig {
    pub(super) fn resolve(
        args: MergeArgs,
        matches: &ArgMatches,
    ) -> std::result::Result<MergeConfig, clap::Error> {
        let ResultConfig {
            output,
            format,
            by_date,
        } = ResultConfig::resolve(&args.result, COMMAND)?;
        let mut options = Options::default();
        limit(&mut options, &args.work, COMMAND)?;
        options.temp_dir = args.work.temp_dir.or_else(|| temp_dir(&output, by_date));
        Ok(MergeConfig {
            partials: args.partials,
            order: args.inputs_order.clone(),
            run: AggregateConfig {
                search: Search::default(),
                list: args.inputs_order,
                output,
                format,
                by_date,
                rejects: args.result.rejects.map(Target::new),
                summary: args.result.summary.map(Target::new),
                report: None,
                max_invalid: args.result.max_invalid,
                from: None,
                to: None,
                options,
                state: None,
                partials: None,
                config_files: Vec::new(),
                log: LogConfig::resolve(args.log, matches, COMMAND),
            },
        })
    }

    /// Remembers which config files had a say, for the log.
    #[cfg(feature = "config")]
    pub(super) fn with_files<'a>(self, files: impl Iterator<Item = &'a Path>) -> MergeConfig {
        MergeConfig {
            run: self.run.with_files(files),
            ..self
        }
    }

    /// Looks at the partials: what is known of the run is known from them.
    fn open(self) -> Result<AggregateConfig> {
        let order = self.order.as_deref().map(names).transpose()?;
        let files = partial::find(&self.partials)?;
        // So that no output is put in the place of one; that one is there twice shows when it is read.
        let search = Search::new(files.iter().cloned()).allow_duplicates(true);
        let partials = PartialSet::open(files, order)?;
        let facts = partials.facts();
        let mut options = self.run.options;
        options.dates = facts.dates;
        options.schema = facts.schema.clone();
        options.max_line_bytes = usize::try_from(facts.max_line_bytes).unwrap_or(usize::MAX);
        Ok(AggregateConfig {
            search: search.stop_with(options.stop.cell()),
            from: facts.dates.from(),
            to: facts.dates.to(),
            options,
            partials: Some(partials),
            ..self.run
        })
    }
}

/// Adds up the partials, and publishes the result.
pub(super) fn run(config: MergeConfig) -> Exit {
    aborts::tell_own_panics_only();
    match config.open() {
        Ok(config) => aggregate::run(config),
        Err(error) => {
            report(&error);
            Exit::from(&error)
        }
    }
}

/// The names in a list, one a line.
fn names(list: &Path) -> Result<Vec<String>> {
    let fault = |source| {
        if list.as_os_str() == "-" {
            Error::Stream {
                input: "standard input".into(),
                source,
            }
        } else {
            Error::io(Action::Read, list, source)
        }
    };
    let bytes = read_list(list).map_err(fault)?;
    // As names of inputs are shown.
    let text = String::from_utf8_lossy(&bytes);
    let names = text.split('\n').filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}
