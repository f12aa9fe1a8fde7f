//! The command `daytally partial`.

mod args;
mod config;

use std::path::Path;

use super::exit::Exit;
use super::log::{Log, field};
use super::progress::Shown;
use super::signals::Watch;
use super::{aggregate, places, report};
use daytally::error::{Error, Result};
use daytally::output::{Draft, Publication};
use daytally::{Input, Phase, Pipeline};

pub(super) use args::PartialArgs;
pub(super) use config::PartialConfig;

/// Reads the split, writes the partial, and tells what went wrong.
pub(super) fn run(config: &PartialConfig) -> Exit {
    let (log, watch) = match start(config) {
        Ok(started) => started,
        Err(error) => {
            report(&error);
            return Exit::from(&error);
        }
    };
    let shown = Shown::start(&config.log, &config.options.progress);
    let done = write(config, &log, &watch);
    drop(shown);
    let exit = done.as_ref().err().map_or(Exit::Done, Exit::from);
    watch.is_over(exit);
    if let Err(error) = done
        && !error.is_closed_stdout()
        && let Some(message) = aggregate::logged(error.to_string(), &config.log)
    {
        report(&message);
    }
    // After a failure the log's own would only hide it.
    let _ = log.finish();
    exit
}

/// Checks the places before anything is written to any of them, the log included.
fn start(config: &PartialConfig) -> Result<(Log, Watch)> {
    let watch = aggregate::watch(&config.log, &config.options.stop)?;
    places::check_one(
        "the partial (--output)",
        &config.output,
        config.log.file.as_deref(),
        &config.file,
    )?;
    Ok((Log::start(&config.log)?, watch))
}

fn write(config: &PartialConfig, log: &Log, watch: &Watch) -> Result<()> {
    let input = if config.file.as_os_str() == "-" {
        Input::stdin()
    } else {
        Input::named(name(&config.file), &config.file)?
    };
    input.expect(config.expect_size, config.expect_modified)?;
    tracing::info!(
        input = %field(input.name(), config.log.format),
        bytes = input.len(),
        split = %config.settings.split,
        "reading"
    );
    let mut draft = Draft::create(&config.output)?;
    let pipeline = Pipeline::new(config.options.clone())?;
    let write = |bytes: &[u8]| draft.write(bytes);
    // Not one by one: a line's number is known to whoever merges.
    let (books, totals) = pipeline.write_partial(input, config.settings, &mut (), write)?;
    if books.invalid() > 0 {
        tracing::warn!(
            invalid = books.invalid(),
            lines = books.lines(),
            "some lines of the split are invalid"
        );
    }
    let finished = draft.finish()?;
    log.finish()?;
    if let Some(signal) = config.options.stop.signal() {
        return Err(Error::Stopped { signal });
    }
    config.options.progress.enter(Phase::Publishing);
    watch.let_it_finish();
    let mut publication = Publication::default();
    publication.add(finished);
    let finish = || {
        // As long as it can be taken back, should the log have no room for it.
        tracing::info!(
            lines = books.lines(),
            valid = books.valid,
            invalid = books.invalid(),
            groups = totals.groups,
            "finished"
        );
        log.finish()
    };
    publication.publish_and(finish).map(drop)
}

/// The name of the input in the partial, as aggregate has it.
fn name(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}
