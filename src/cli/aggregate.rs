//! The command `daytally aggregate`.

use std::path::PathBuf;
use std::time::Instant;

use super::args::LogFormat;
use super::color::{self, Paint};
use super::config::{AggregateConfig, LogConfig, StateConfig};
use super::exit::Exit;
use super::log::{Log, field, path_field};
use super::plot::Plot;
use super::progress::Shown;
use super::rejects::LoggedRejects;
use super::reporting::ReportDraft;
use super::result::{FinishedResult, KnownDays, ResultDraft};
use super::signals::Watch;
use super::{places, report, screen, signals};
use daytally::aggregate::{DayTotals, GrandTotals};
use daytally::error::{Error, Result};
use daytally::input::{Found, Place};
use daytally::internals::{Part, path_text};
use daytally::output::report::RejectPlaces;
use daytally::output::{
    Draft, Finished, InputSummary, OutputSummary, Publication, Published, SchemaSummary,
    StateSummary, Status, Summary, Target,
};
use daytally::replay::record_of;
use daytally::state::State;
use daytally::{Input, Outcome, Phase, Pipeline, Stop};

/// Runs the command and tells how it went.
pub(super) fn run(config: AggregateConfig) -> Exit {
    let tells_people = config.log.tells_people();
    let ended = match Started::new(config) {
        Ok(started) => started.run(),
        Err(error) => Ended::failed(&error),
    };
    if let Some(summary) = &ended.summary
        && tells_people
    {
        let has_colors = color::on_stderr();
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = summary.write_marked(&mut text, &|part, text| {
            let style = match part {
                Part::Label => color::LABEL,
                Part::Invalid | Part::Reason => color::DOUBTFUL,
                Part::Output => color::STRONG,
                Part::NoOutput => color::BAD,
            };
            Paint::new(has_colors, style, text).to_string()
        });
        if let Some(plot) = &ended.plot {
            text.push_str(&plot.text(has_colors));
        }
        // Nobody reads a standard error that is closed.
        let _ = screen::write(text.as_bytes());
    }
    if let Some(message) = &ended.message {
        report(message);
    }
    ended.exit
}

/// How the command ended, and what is left to say.
struct Ended {
    exit: Exit,
    message: Option<String>,
    summary: Option<Summary>,
    plot: Option<Plot>,
}

impl Ended {
    fn failed(error: &Error) -> Ended {
        Ended {
            exit: Exit::from(error),
            message: (!error.is_closed_stdout()).then(|| error.to_string()),
            summary: None,
            plot: None,
        }
    }
}

/// A run whose log is open.
struct Started {
    config: AggregateConfig,
    found: Found,
    /// What is wrong with the inputs, for the log to tell.
    fault: Option<Error>,
    log: Log,
    watch: Watch,
    at: Instant,
}

impl Started {
    /// Checks the places before anything is written to any of them, the log included.
    fn new(config: AggregateConfig) -> Result<Started> {
        let at = Instant::now();
        // A search can take long.
        let watch = watch(&config.log, &config.options.stop)?;
        let (found, searched) = config.search.survey();
        // A log file that is there could be an input that was not found.
        let is_log_safe = !found.is_cut_short
            || config
                .log
                .file
                .as_ref()
                .is_none_or(|path| path.symlink_metadata().is_err());
        let fault = match searched {
            // Wrong use is told at once, and what else is wrong when there is a log.
            Err(fault) if Exit::from(&fault) == Exit::Usage || !is_log_safe => return Err(fault),
            searched => searched.err(),
        };
        places::check(&config, &found)?;
        let log = Log::start(&config.log)?;
        Ok(Started {
            config,
            found,
            fault,
            log,
            watch,
            at,
        })
    }

    fn run(mut self) -> Ended {
        self.log_settings();
        self.log_search();
        places::tell_outputs_among_inputs(&self.config);
        let mut summary = None;
        let mut plot = self.config.log.has_plot.then(Plot::default);
        if plot.is_some() && !self.config.log.tells_people() {
            tracing::warn!(
                "the days are not drawn where nothing but JSON, or errors, is to be written"
            );
        }
        let shown = Shown::start(&self.config.log, &self.config.options.progress);
        let done = match self.fault.take() {
            None => self.aggregate(&mut summary, plot.as_mut()),
            Some(fault) => Err(fault),
        };
        drop(shown);
        self.watch.is_over(match &done {
            Ok(()) => Exit::Done,
            Err(error) => Exit::from(error),
        });
        let mut ended = match done {
            Ok(()) => Ended {
                exit: Exit::Done,
                message: None,
                summary: None,
                plot: None,
            },
            Err(error) => {
                let mut ended = Ended::failed(&error);
                ended.message = ended
                    .message
                    .and_then(|message| logged(message, &self.config.log));
                ended
            }
        };
        let lost = self.log.finish().err();
        // After a failure the log's own would only hide it.
        if let (Exit::Done, Some(lost)) = (ended.exit, lost) {
            ended = Ended::failed(&lost);
            ended.message = ended.message.map(|message| {
                format!("{message}; what is missing was to come after all outputs were published")
            });
        }
        Ended {
            summary,
            plot,
            ..ended
        }
    }

    /// From inputs to published outputs. The summary is left in `told` once it is final.
    fn aggregate(&self, told: &mut Option<Summary>, mut plot: Option<&mut Plot>) -> Result<()> {
        let config = &self.config;
        let inputs = self.inputs()?;
        let mut state = config.state.as_ref().map(StateConfig::open).transpose()?;
        // Every place is tried before the work starts.
        let result = ResultDraft::create(config)?;
        let mut rejects_file = draft(config.rejects.as_ref())?;
        let mut report = ReportDraft::create(config.report.as_ref())?;
        // With a state it gets those of earlier runs, too, when all are known; and so it does with partials.
        let come_at_once = state.is_none() && !config.reads_partials();
        let mut rejects = LoggedRejects::new(
            rejects_file.take_if(|_| come_at_once),
            report
                .as_ref()
                .filter(|_| come_at_once)
                .map(|_| RejectPlaces::new(inputs.len())),
            self.log.clone(),
            config,
        );
        let summary_file = draft(config.summary.as_ref())?;

        let pipeline = Pipeline::new(config.options.clone())?;
        let mut outcome = self.count(
            &pipeline,
            inputs,
            state.as_ref(),
            &mut rejects,
            &mut rejects_file,
        )?;
        if let Some(report) = &mut report {
            report.rejects = rejects.places.take();
        }
        self.log_outcome(&outcome);
        let rejects = rejects
            .file
            .or(rejects_file)
            .map(Draft::finish)
            .transpose()?;
        let too_many = self.check_limit(&outcome);

        let wants_days = plot.is_some() || report.is_some();
        let mut tell = |day: DayTotals| {
            if let Some(plot) = &mut plot {
                plot.add(&day);
            }
            if let Some(report) = &mut report {
                report.days.add(day);
            }
        };
        let days = wants_days.then_some(&mut tell as &mut dyn FnMut(DayTotals));
        let (result, output, totals) = if too_many.is_ok() {
            let (result, output, totals) =
                result.write(&pipeline, &outcome, config, state.as_ref(), days)?;
            (Some(result), Some(output), totals)
        } else {
            (None, None, pipeline.totals_with(&outcome, days)?)
        };
        let mut summary = self.summary(&outcome, &totals);
        if output.is_some() {
            summary.status = Status::Published;
        }
        summary.output = output;
        summary.rejects_unchanged = rejects.as_ref().map(Finished::is_unchanged);
        // What it says of users comes last: it takes the memory of the groups.
        let report = match report {
            Some(report) => {
                summary.report = config.report.as_ref().map(|to| path_text(to.absolute()));
                let groups = std::mem::take(&mut outcome.groups);
                Some(report.write(&pipeline, groups, config, &summary)?)
            }
            None => None,
        };
        let finish_summary = |mut file: Draft| {
            file.write(&summary.to_json_line())?;
            file.finish()
        };
        let summary_file = summary_file.map(finish_summary).transpose()?;
        self.log.finish()?;
        if let Some(signal) = config.options.stop.signal() {
            return Err(Error::Stopped { signal });
        }

        config.options.progress.enter(Phase::Publishing);
        self.watch.let_it_finish();
        let files = rejects.into_iter().chain(report).chain(summary_file);
        let published = self.publish(
            files,
            result,
            state.as_mut(),
            &outcome.forgotten,
            summary.output.as_ref(),
        )?;
        self.tell_strays(&published);
        *told = Some(summary);
        too_many
    }

    /// Puts all outputs in place, and has what goes with that noted in the state and the log; or none of it.
    fn publish(
        &self,
        files: impl Iterator<Item = Finished>,
        result: Option<FinishedResult>,
        mut state: Option<&mut State>,
        forgotten: &[PathBuf],
        output: Option<&OutputSummary>,
    ) -> Result<Published> {
        let mut known_days = None;
        if let (Some(result), Some(state)) = (&result, &mut state) {
            known_days = KnownDays::before(result, &self.config, state)?;
        }
        let is_published = result.is_some();
        let mut publication = Publication::default();
        files.for_each(|file| publication.add(file));
        if let Some(result) = result {
            result.add_to(&mut publication);
        }
        publication.publish_and(|| {
            if let Some(state) = &mut state
                && is_published
            {
                // Now that they are out of the result.
                state.forget(forgotten.iter().map(PathBuf::as_path))?;
                if let Some(days) = &known_days {
                    days.settle(state)?;
                }
            }
            // As long as all can be taken back, should the log have no room for it.
            self.tell_finished(output);
            let logged = self.log.finish();
            if let (Err(_), Some(state), Some(days)) = (&logged, &mut state, &known_days) {
                days.take_back(state);
            }
            logged
        })
    }

    /// Logs which config files had a say, and what is different about the events.
    fn log_settings(&self) {
        for file in &self.config.config_files {
            tracing::info!(
                file = %path_field(file, self.config.log.format),
                "options are from a config file"
            );
        }
        if let Some(schema) = SchemaSummary::of(&self.config.options.schema) {
            let format = self.config.log.format;
            tracing::info!(
                user_id_field = %field(&schema.user_id_field, format),
                event_type_field = %field(&schema.event_type_field, format),
                timestamp_field = %field(&schema.timestamp_field, format),
                amount_field = %field(&schema.amount_field, format),
                purchase_types = %field(&schema.purchase_types.join(" "), format),
                accept_offsets = schema.accept_offsets,
                timezone = %schema.timezone,
                timezone_database = schema.timezone_database,
                "events are read in another way than usual"
            );
        }
    }

    /// Reads the inputs, and counts their events.
    fn count(
        &self,
        pipeline: &Pipeline,
        inputs: Vec<Input>,
        state: Option<&State>,
        rejects: &mut LoggedRejects,
        rejects_file: &mut Option<Draft>,
    ) -> Result<Outcome> {
        let config = &self.config;
        #[cfg(feature = "arrow")]
        if let Some(partials) = &config.partials {
            let merged = pipeline.merge(partials)?;
            if let Some(file) = rejects_file {
                pipeline.merged_rejects(&merged, |lines| file.write(lines))?;
            }
            return Ok(merged.outcome);
        }
        match (state, &config.state) {
            (Some(state), Some(StateConfig { how, .. })) => {
                let outcome = pipeline.aggregate_with(inputs, state, *how, rejects)?;
                if let Some(file) = rejects_file {
                    pipeline.kept_rejects(&outcome, state, |lines| file.write(lines))?;
                }
                if config.report.is_some() {
                    let mut places = RejectPlaces::new(outcome.inputs.len());
                    pipeline.kept_reject_places(&outcome, state, &mut places)?;
                    rejects.places = Some(places);
                }
                Ok(outcome)
            }
            _ => pipeline.aggregate(inputs, rejects),
        }
    }

    /// Logs what was found.
    fn log_outcome(&self, outcome: &Outcome) {
        self.log_ways(outcome);
        let spilled = outcome.groups.spilled();
        if spilled.files > 0 {
            tracing::debug!(
                files = spilled.files,
                bytes = spilled.bytes,
                "groups that did not fit into memory went to the disk"
            );
        }
        tracing::debug!(seconds = self.at.elapsed().as_secs_f64(), "aggregated");
        if outcome.books.valid == 0 && outcome.books.filtered > 0 {
            tracing::warn!(
                filtered = outcome.books.filtered,
                "none of the valid events is of a day between --from and --to, so the result has no rows"
            );
        }
        if outcome.books.lines() == outcome.books.blank {
            tracing::warn!("there are no events in what was read, so the result has no rows");
        }
    }

    /// Logs what the search has left out or not found.
    fn log_search(&self) {
        let left_out = self.found.left_out;
        if !left_out.is_empty() {
            tracing::info!(
                hidden = left_out.hidden,
                markers = left_out.markers,
                others = left_out.others,
                "left out of folders and patterns"
            );
        }
        let unmatched = &self.found.unmatched;
        for pattern in &unmatched.first {
            tracing::warn!(
                pattern = %path_field(pattern, self.config.log.format),
                "no inputs match this alternative of a pattern"
            );
        }
        let more = unmatched.count.saturating_sub(unmatched.first.len() as u64);
        if more > 0 {
            tracing::warn!(more, "no inputs match more alternatives of patterns");
        }
    }

    /// Opens the inputs, and says which those are.
    fn inputs(&self) -> Result<Vec<Input>> {
        if self.config.reads_partials() {
            // Which inputs those are of is known when they are read.
            tracing::info!(partials = self.found.inputs.len(), "merging");
            return Ok(Vec::new());
        }
        let inputs: Vec<Input> = self
            .found
            .inputs
            .iter()
            .map(Place::open)
            .collect::<Result<_>>()?;

        for (place, input) in self.found.inputs.iter().zip(&inputs) {
            if place.is_named_as_compressed() && input.len() == Some(0) {
                tracing::warn!(
                    input = %field(input.name(), self.config.log.format),
                    "an input that is named as compressed has no bytes at all; perhaps it was never written to its end"
                );
            }
        }
        for input in &inputs {
            tracing::info!(
                input = %field(input.name(), self.config.log.format),
                bytes = input.len(),
                "reading"
            );
        }
        Ok(inputs)
    }

    /// Logs how each input was read, and how the groups were kept.
    fn log_ways(&self, outcome: &Outcome) {
        for read in &outcome.inputs {
            if let Some(way) = read.way {
                tracing::debug!(
                    input = %field(&read.name, self.config.log.format),
                    %way,
                    "read to its end"
                );
            }
        }
    }

    fn tell_strays(&self, published: &Published) {
        for stray in published.strays() {
            tracing::warn!(
                folder = %path_field(stray, self.config.log.format),
                "what was replaced could not be removed; the next run that writes there tries again"
            );
        }
    }

    fn tell_finished(&self, output: Option<&OutputSummary>) {
        if output.is_some_and(|output| !output.unchanged) {
            self.warn_of_replays();
        }
        tracing::info!(
            output = %path_field(&self.config.output.absolute(), self.config.log.format),
            unchanged = output.is_some_and(|output| output.unchanged),
            "finished"
        );
    }

    /// Says so where the result was made anew that events had been replayed into.
    fn warn_of_replays(&self) {
        let Target::Path(result) = &self.config.output else {
            return;
        };
        let record = record_of(result);
        if record.symlink_metadata().is_ok() {
            tracing::warn!(
                record = %path_field(&record, self.config.log.format),
                "events were replayed into the result that was there before, and are not in what was made anew; repair them in the inputs, or replay them again"
            );
        }
    }

    /// Whether the invalid events are within the limit.
    fn check_limit(&self, outcome: &Outcome) -> Result<()> {
        let invalid = outcome.books.invalid();
        let events = invalid + outcome.books.valid + outcome.books.filtered;
        match &self.config.max_invalid {
            Some(limit) if limit.is_exceeded(invalid, events) => Err(Error::TooManyInvalid {
                invalid,
                events,
                limit: limit.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn summary(&self, outcome: &Outcome, totals: &GrandTotals) -> Summary {
        let inputs = outcome
            .inputs
            .iter()
            .map(|read| {
                let mut input = InputSummary::new(read);
                input.source = self.config.state.is_some().then(|| read.source.name());
                input
            })
            .collect();
        let mut summary = Summary::new(&outcome.books, totals, inputs, self.at.elapsed());
        summary.set_first(&outcome.first);
        if let Some(state) = &self.config.state {
            summary.set_state(StateSummary::new(&state.folder, outcome));
        }
        summary.left_out = self.found.left_out;
        summary.schema = SchemaSummary::of(&self.config.options.schema);
        summary.from = self.config.from.map(|date| date.to_string());
        summary.to = self.config.to.map(|date| date.to_string());
        let spilled = outcome.groups.spilled();
        (summary.spill_files, summary.spilled_bytes) = (spilled.files, spilled.bytes);
        summary.rejects = self
            .config
            .rejects
            .as_ref()
            .map(|target| path_text(target.absolute()));
        summary
    }
}

/// Has signals end the run, and says so.
pub(super) fn watch(log: &LogConfig, stop: &Stop) -> Result<Watch> {
    let says_json = log.format == LogFormat::Json && log.file.is_none();
    let watch = signals::handle(stop, move |error| {
        // What reads JSON from standard error should not find anything else there.
        screen::end();
        if says_json {
            tracing::error!("{error}");
        } else {
            report(error);
        }
    });
    watch.map_err(|source| Error::Signals { source })
}

/// Logs why the run failed, where a log is kept; what is left to be said to a person.
pub(super) fn logged(message: String, log: &LogConfig) -> Option<String> {
    if (log.file.is_some() || log.format == LogFormat::Json)
        && tracing::enabled!(tracing::Level::ERROR)
    {
        tracing::error!("{message}");
        // What reads JSON from standard error should not find anything else there.
        return log.file.is_some().then_some(message);
    }
    Some(message)
}

/// A draft for an output that may not be wanted.
fn draft(target: Option<&Target>) -> Result<Option<Draft>> {
    target.map(Draft::create).transpose()
}
