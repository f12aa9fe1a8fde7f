//! The result of a run on its way to its place: one file, or a folder with the days.

use std::path::Path;

use super::config::AggregateConfig;
use daytally::aggregate::GrandTotals;
use daytally::error::{Error, Result};
use daytally::event::{Date, DateRange};
use daytally::output::{
    DayDrafts, DaysSummary, Draft, Finished, FinishedDays, OutputSummary, Target, path_text,
};
use daytally::state::State;
use daytally::{Outcome, Pipeline};

/// What is written.
#[derive(Debug)]
pub(super) enum ResultDraft {
    File(Draft),
    Days(Box<DayDrafts>),
}

/// What is complete, but not in place.
#[derive(Debug)]
pub(super) enum FinishedResult {
    File(Finished),
    Days(Box<FinishedDays>),
}

impl ResultDraft {
    /// Tries the place before the work starts.
    pub(super) fn create(config: &AggregateConfig) -> Result<ResultDraft> {
        match &config.output {
            Target::Path(folder) if config.by_date => {
                let drafts = DayDrafts::create(folder)?;
                Ok(ResultDraft::Days(Box::new(drafts)))
            }
            target => Ok(ResultDraft::File(Draft::create(target)?.with_digest())),
        }
    }

    /// Writes all of it.
    pub(super) fn write(
        self,
        pipeline: &Pipeline,
        outcome: &Outcome,
        config: &AggregateConfig,
        state: Option<&State>,
    ) -> Result<(FinishedResult, OutputSummary, GrandTotals)> {
        let path = path_text(config.output.absolute());
        match self {
            ResultDraft::File(mut draft) => {
                let totals = pipeline.write_csv(outcome, |bytes| draft.write(bytes))?;
                let finished = draft.finish()?;
                let output = OutputSummary {
                    path,
                    rows: totals.groups,
                    bytes: finished.bytes(),
                    sha256: finished.sha256(),
                    unchanged: finished.is_unchanged(),
                    days: None,
                };
                Ok((FinishedResult::File(finished), output, totals))
            }
            ResultDraft::Days(mut drafts) => {
                let write = |date, bytes: &[u8]| drafts.write(date, bytes);
                let totals = pipeline.write_csv_by_day(outcome, write)?;
                let mut finished = drafts.finish(|| match config.options.stop.signal() {
                    Some(signal) => Err(Error::Stopped { signal }),
                    None => Ok(()),
                })?;
                // Who names the days has them replaced, also by nothing.
                if config.from.is_some()
                    && config.to.is_some()
                    && let Some(asked_for) = DateRange::new(config.from, config.to)
                {
                    finished.remove_others(asked_for)?;
                }
                // So has who keeps a state, of the days that came from it.
                if let Some(state) = state {
                    let published = state.published_days(&config.output.absolute())?;
                    let asked_for = |day: &Date| config.options.dates.contains(*day);
                    finished.remove(published.into_iter().filter(asked_for))?;
                }
                let changes = finished.changes();
                let output = OutputSummary {
                    path,
                    rows: totals.groups,
                    bytes: finished.bytes(),
                    sha256: None,
                    unchanged: changes.is_empty(),
                    days: Some(DaysSummary::from(&changes)),
                };
                Ok((FinishedResult::Days(Box::new(finished)), output, totals))
            }
        }
    }
}

impl FinishedResult {
    /// Puts it in place.
    pub(super) fn publish(self, config: &AggregateConfig, state: Option<&mut State>) -> Result<()> {
        match self {
            FinishedResult::File(file) => file.publish(),
            FinishedResult::Days(days) => match state {
                None => days.publish(),
                Some(state) => publish_days(*days, &config.output.absolute(), state),
            },
        }
    }
}

/// Puts days in place, and keeps in mind which those are.
fn publish_days(days: FinishedDays, folder: &Path, state: &mut State) -> Result<()> {
    let removed = days.changes().removed;
    let mut all = state.published_days(folder)?;
    all.extend(days.days());
    // Whatever happens meanwhile, none of them is forgotten.
    state.set_published_days(folder, all.iter().copied())?;
    days.publish()?;
    for day in removed {
        all.remove(&day);
    }
    state.set_published_days(folder, all)
}
