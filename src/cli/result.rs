//! The result of a run on its way to its place: one file, or a folder with the days.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::config::AggregateConfig;
use daytally::aggregate::{DayTotals, GrandTotals};
use daytally::error::{Error, Result};
use daytally::event::{Date, DateRange};
use daytally::output::{
    DayDrafts, Draft, Finished, FinishedDays, OutputSummary, Publication, Target,
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
                let drafts = DayDrafts::create(folder, config.format)?;
                Ok(ResultDraft::Days(Box::new(drafts)))
            }
            target => {
                let draft = Draft::create(target)?;
                // Nothing else tells it, and it takes a sixteenth of a run with millions of groups.
                let is_told = config.summary.is_some() || config.report.is_some();
                Ok(ResultDraft::File(if is_told {
                    draft.with_digest()
                } else {
                    draft
                }))
            }
        }
    }

    /// Writes all of it.
    pub(super) fn write(
        self,
        pipeline: &Pipeline,
        outcome: &Outcome,
        config: &AggregateConfig,
        state: Option<&State>,
        days: Option<&mut dyn FnMut(DayTotals)>,
    ) -> Result<(FinishedResult, OutputSummary, GrandTotals)> {
        match self {
            ResultDraft::File(mut draft) => {
                let write = |bytes: &[u8]| draft.write(bytes);
                let totals = pipeline.write_result(outcome, config.format, write, days)?;
                let finished = draft.finish()?;
                let output =
                    OutputSummary::of_file(&config.output, config.format, &totals, &finished);
                Ok((FinishedResult::File(finished), output, totals))
            }
            ResultDraft::Days(mut drafts) => {
                let write = |date, bytes: &[u8]| drafts.write(date, bytes);
                let totals = pipeline.write_result_by_day(outcome, config.format, write, days)?;
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
                let output =
                    OutputSummary::of_days(&config.output, config.format, &totals, &finished);
                Ok((FinishedResult::Days(Box::new(finished)), output, totals))
            }
        }
    }
}

impl FinishedResult {
    /// Has it put in place with the other outputs.
    pub(super) fn add_to(self, publication: &mut Publication) {
        match self {
            FinishedResult::File(file) => publication.add(file),
            FinishedResult::Days(days) => publication.add_days(*days),
        }
    }
}

/// The days in an output folder that came from a state, for it to keep in mind.
#[derive(Debug)]
pub(super) struct KnownDays {
    folder: PathBuf,
    /// Those of before, and those of this run.
    all: BTreeSet<Date>,
    /// In order.
    removed: Vec<Date>,
}

impl KnownDays {
    /// Before days are put in place: whatever happens meanwhile, none of them is forgotten. `None` for a
    /// result that is a file.
    pub(super) fn before(
        result: &FinishedResult,
        config: &AggregateConfig,
        state: &mut State,
    ) -> Result<Option<KnownDays>> {
        let FinishedResult::Days(days) = result else {
            return Ok(None);
        };
        let folder = config.output.absolute();
        let mut all = state.published_days(&folder)?;
        all.extend(days.days());
        state.set_published_days(&folder, all.iter().copied())?;
        Ok(Some(KnownDays {
            folder,
            all,
            removed: days.changes().removed,
        }))
    }

    /// When they are in place, and others gone.
    pub(super) fn settle(&self, state: &mut State) -> Result<()> {
        let is_left = |day: &&Date| self.removed.binary_search(day).is_err();
        let left = self.all.iter().filter(is_left).copied();
        let settled = state.set_published_days(&self.folder, left);
        if settled.is_err() {
            self.take_back(state);
        }
        settled
    }

    /// When what was put in place is to be taken back: those that are gone will be there again.
    pub(super) fn take_back(&self, state: &mut State) {
        // If it cannot be written, the cause is told of all the same.
        let _ = state.set_published_days(&self.folder, self.all.iter().copied());
    }
}
