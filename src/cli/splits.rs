//! The command `daytally splits`.
//!
//! All inputs are looked at before anything is written, and what is kept of each is a few numbers. Splits are
//! counted off while they are written, and kept nowhere.

mod args;
mod config;

use std::io::Write as _;

use super::exit::Exit;
use super::signals::{self, Watch};
use super::{places, report, warn};
use daytally::error::{Error, Result};
use daytally::input::{Found, Place, Split, SplitPlan};
use daytally::output::{Draft, Target};
use daytally::text::{self, push_decimal, push_json_string};

pub(super) use args::SplitsArgs;
pub(super) use config::SplitsConfig;

/// How much of the plan is put together before it is written, in bytes.
const BLOCK: usize = 64 * 1024;

/// Plans, and tells what went wrong.
pub(super) fn run(config: &SplitsConfig) -> Exit {
    let watch = match signals::handle(&config.stop, |error| report(error)) {
        Ok(watch) => watch,
        Err(source) => {
            let error = Error::Signals { source };
            report(&error);
            return Exit::from(&error);
        }
    };
    let done = plan(config, &watch);
    let exit = done.as_ref().err().map_or(Exit::Done, Exit::from);
    watch.is_over(exit);
    if let Err(error) = done
        && !error.is_closed_stdout()
    {
        report(&error);
    }
    exit
}

fn plan(config: &SplitsConfig, watch: &Watch) -> Result<()> {
    let (found, searched) = config.search.survey();
    searched?;
    places::check_plan(&config.output, &found, config.list.as_deref())?;
    // Its place is tried before the work starts.
    let draft = match &config.output {
        Target::Path(_) => Some(Draft::create(&config.output)?),
        Target::Stdout => None,
    };
    let mut plans = Vec::with_capacity(found.inputs.len());
    for place in &found.inputs {
        go_on(config)?;
        plans.push(look(place)?);
    }
    if !config.is_quiet {
        tell(config, &found, &plans);
    }
    let Some(mut draft) = draft else {
        // Not as a draft, which goes on when its reader is gone, to whatever end.
        let mut stdout = std::io::stdout().lock();
        let fault = |source| Error::Stdout { source };
        write(config, &found, &plans, |bytes| {
            stdout.write_all(bytes).map_err(fault)
        })?;
        return stdout.flush().map_err(fault);
    };
    write(config, &found, &plans, |bytes| draft.write(bytes))?;
    let finished = draft.finish()?;
    go_on(config)?;
    watch.let_it_finish();
    finished.publish()
}

/// Whether a signal has not asked to stop.
fn go_on(config: &SplitsConfig) -> Result<()> {
    match config.stop.signal() {
        Some(signal) => Err(Error::Stopped { signal }),
        None => Ok(()),
    }
}

/// Looks at an input, which is not read but for its start and samples of it.
fn look(place: &Place) -> Result<SplitPlan> {
    let path = place.path();
    if path.to_str().is_none() {
        return Err(Error::NotSplittable {
            input: text::path(path).to_string(),
            what: "has a name that is not UTF-8, which JSON cannot hold, so that nobody could pass it on to daytally partial; give it another name, or name a link to it".into(),
        });
    }
    place.open()?.plan_splits()
}

/// Warns of what may not be meant, as aggregate does.
fn tell(config: &SplitsConfig, found: &Found, plans: &[SplitPlan]) {
    let unmatched = &found.unmatched;
    for pattern in &unmatched.first {
        warn(&format!(
            "no inputs match {}, an alternative of a pattern",
            text::name(&pattern.to_string_lossy())
        ));
    }
    let more = unmatched.count.saturating_sub(unmatched.first.len() as u64);
    if more > 0 {
        warn(&format!(
            "no inputs match {} of patterns",
            text::counted(more, "more alternative")
        ));
    }
    for (place, plan) in found.inputs.iter().zip(plans) {
        if place.is_named_as_compressed() && plan.identity.size == 0 {
            warn(&format!(
                "{} is named as compressed and has no bytes at all; perhaps it was never written to its end",
                text::path(place.path())
            ));
        }
    }
    if let Target::Path(path) = &config.output
        && config.search.would_find(path)
    {
        warn(&format!(
            "the plan {} is where inputs are searched for, and would be one the next time: give it a place in another folder, or a name that starts with a dot or an underscore",
            text::path(path)
        ));
    }
}

/// Writes the plan, a block at a time.
fn write(
    config: &SplitsConfig,
    found: &Found,
    plans: &[SplitPlan],
    mut write: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut block = Vec::with_capacity(2 * BLOCK);
    let mut write_if_full = |block: &mut Vec<u8>, full: usize| {
        if block.len() >= full {
            go_on(config)?;
            write(block)?;
            block.clear();
        }
        Ok(())
    };
    for (place, plan) in found.inputs.iter().zip(plans) {
        push_start(&mut block, &place.name(), plan);
        let mut before = "\"";
        for split in plan.splits(config.size) {
            block.extend_from_slice(before.as_bytes());
            push_split(&mut block, split);
            before = ",\"";
            write_if_full(&mut block, BLOCK)?;
        }
        block.extend_from_slice(b"]}\n");
    }
    write_if_full(&mut block, 1)
}

/// Appends the object of an input up to its first split.
fn push_start(line: &mut Vec<u8>, name: &str, plan: &SplitPlan) {
    line.extend_from_slice(b"{\"input\":");
    push_json_string(line, name);
    // Writing to a vector cannot fail.
    let _ = write!(
        line,
        ",\"size\":{},\"modified\":{},\"compression\":",
        plan.identity.size, plan.identity.modified
    );
    match plan.compression {
        Some(format) => push_json_string(line, format.name()),
        None => line.extend_from_slice(b"null"),
    }
    line.extend_from_slice(b",\"splits\":[");
}

/// Appends a split as it is written, up to its closing quote.
fn push_split(line: &mut Vec<u8>, split: Split) {
    push_decimal(line, split.start());
    line.extend_from_slice(b"..");
    if let Some(end) = split.end() {
        push_decimal(line, end);
    }
    line.push(b'"');
}
