//! The summary of a run: for programs as one JSON object, for people as a few lines.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::days::{DayChanges, FinishedDays};
use super::format::Format;
use super::publish::{Finished, Target};
use crate::aggregate::GrandTotals;
use crate::books::Books;
use crate::event::{Date, Schema, Zone};
use crate::first_places::{FirstPlaces, LinePlace};
use crate::input::LeftOut;
use crate::pipeline::{InputOutcome, InputSource, Outcome};
use crate::text;

/// Everything there is to say about a run. Serialises as one JSON object.
///
/// ```
/// use std::time::Instant;
///
/// use daytally::output::{InputSummary, Status, Summary};
/// use daytally::{Input, Options, Pipeline};
///
/// let start = Instant::now();
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let totals = pipeline.totals(&outcome)?;
/// let inputs = outcome.inputs.iter().map(InputSummary::new).collect();
/// let mut summary = Summary::new(&outcome.books, &totals, inputs, start.elapsed());
/// summary.set_first(&outcome.first);
/// summary.status = Status::Published;
/// assert_eq!(summary.first_by_reason["invalid_timestamp"].line, 4);
/// let json = String::from_utf8_lossy(&summary.to_json_line()).into_owned();
/// assert!(json.starts_with(r#"{"status":"published","#), "{json}");
/// assert!(summary.to_string().contains("3 valid"), "{summary}");
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Whether the result was published: `published`, or `too_many_invalid`.
    pub status: Status,
    /// The inputs, in order.
    pub inputs: Vec<InputSummary>,
    /// What the state of earlier runs spared; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSummary>,
    /// How events were read, where that is not the usual way; left out if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaSummary>,
    /// What was left out of the folders and patterns that inputs were looked for in.
    pub left_out: LeftOut,
    /// Lines of all inputs: `blank` + `valid` + `filtered` + `invalid`.
    pub lines: u64,
    /// Lines of nothing but white space.
    pub blank: u64,
    /// Valid events in the result.
    pub valid: u64,
    /// Valid events that are not in the result: before `from` or after `to`.
    pub filtered: u64,
    /// Invalid events.
    pub invalid: u64,
    /// The invalid events by reason code; reasons that did not occur are left out.
    pub invalid_by_reason: BTreeMap<&'static str, u64>,
    /// Where each of those reasons was found first, in input order.
    pub first_by_reason: BTreeMap<&'static str, PlaceSummary>,
    /// Groups: users and days, the rows of the result.
    pub groups: u64,
    /// The sum of the rows' `event_count`, equal to `valid`.
    pub event_count: u64,
    /// The sum of the rows' `purchase_count`.
    pub purchase_count: u64,
    /// The sum of the rows' `total_revenue`, a decimal.
    pub total_revenue: String,
    /// The first day that was asked for; null if there was no limit.
    pub from: Option<String>,
    /// The last day that was asked for; null if there was no limit.
    pub to: Option<String>,
    /// The first date in the result; null if there is none.
    pub first_date: Option<String>,
    /// The last date in the result; null if there is none.
    pub last_date: Option<String>,
    /// Temporary files of groups that did not fit into memory; left out if there were none.
    #[serde(skip_serializing_if = "is_zero")]
    pub spill_files: u64,
    /// The bytes written to them; left out if there were none.
    #[serde(skip_serializing_if = "is_zero")]
    pub spilled_bytes: u64,
    /// Wall-clock seconds from the start to the finished result.
    pub elapsed_seconds: f64,
    /// Bytes that were read per second.
    pub bytes_per_second: f64,
    /// The result file; null if it was not written.
    pub output: Option<OutputSummary>,
    /// The rejects file, if there is one: its absolute path, or `-`.
    pub rejects: Option<String>,
    /// Whether the rejects file was there with the same bytes, and was not touched; left out without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects_unchanged: Option<bool>,
    /// The report, if there is one: its absolute path, or `-`; left out without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// How events were read.
///
/// ```
/// use daytally::event::Schema;
/// use daytally::output::SchemaSummary;
///
/// assert_eq!(SchemaSummary::of(&Schema::default()), None);
/// let schema = SchemaSummary::of(&Schema::default().accepting_offsets(true)).unwrap();
/// assert!(schema.accept_offsets);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchemaSummary {
    /// The key of the user's id, or its path.
    pub user_id_field: String,
    /// The key of the event's type, or its path.
    pub event_type_field: String,
    /// The key of the timestamp, or its path.
    pub timestamp_field: String,
    /// The key of the amount, or its path.
    pub amount_field: String,
    /// The types of events that are purchases.
    pub purchase_types: Vec<String>,
    /// Whether timestamps with any offset were valid.
    pub accept_offsets: bool,
    /// The zone whose days events were counted by.
    pub timezone: String,
    /// The version of the time zone database, if the zone is from there.
    pub timezone_database: Option<&'static str>,
}

impl SchemaSummary {
    /// What there is to say of a schema, unless it is the usual one.
    #[must_use]
    pub fn of(schema: &Schema) -> Option<SchemaSummary> {
        if schema.is_usual() {
            return None;
        }
        let fields = schema.fields();
        let zone = schema.zone();
        Some(SchemaSummary {
            user_id_field: fields.user_id.to_string(),
            event_type_field: fields.event_type.to_string(),
            timestamp_field: fields.timestamp.to_string(),
            amount_field: fields.amount.to_string(),
            purchase_types: schema.purchase_types().to_vec(),
            accept_offsets: schema.accepts_offsets(),
            timezone: zone.to_string(),
            timezone_database: Zone::database().filter(|_| zone.is_named()),
        })
    }
}

/// For people: what is different from the usual.
impl fmt::Display for SchemaSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (usual, field) in [
            ("user_id", &self.user_id_field),
            ("event_type", &self.event_type_field),
            ("timestamp", &self.timestamp_field),
            ("amount", &self.amount_field),
        ] {
            if field != usual {
                parts.push(format!("{usual} is {}", text::name(field)));
            }
        }
        if self.purchase_types != [crate::event::PURCHASE] {
            let types = self
                .purchase_types
                .iter()
                .map(|name| text::quoted(name).to_string());
            parts.push(format!(
                "purchases are {}",
                types.collect::<Vec<_>>().join(", ")
            ));
        }
        if self.accept_offsets {
            parts.push("offsets are accepted".into());
        }
        if self.timezone != "UTC" {
            parts.push(match self.timezone_database {
                Some(version) => format!("days of {} (tzdb {version})", self.timezone),
                None => format!("days of {}", self.timezone),
            });
        }
        f.write_str(&parts.join("; "))
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The result was published.
    Published,
    /// More events were invalid than allowed; the result was not written.
    TooManyInvalid,
}

/// The place of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlaceSummary {
    /// The input as it was named.
    pub input: String,
    /// The number of the line, from 1.
    pub line: u64,
    /// The byte of the decompressed input at which the line starts, from 0.
    pub offset: u64,
}

/// What a piece of the text for people is, for whoever colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What a line is about.
    Label,
    /// How many events are invalid, if any are.
    Invalid,
    /// Why lines are invalid.
    Reason,
    /// Where the result is.
    Output,
    /// That there is no result.
    NoOutput,
}

/// What was read of an input.
///
/// ```
/// use daytally::output::InputSummary;
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let input = InputSummary::new(&outcome.inputs[0]);
/// assert_eq!((input.input.as_str(), input.bytes, input.lines), ("tests/data/events.jsonl", 422, 5));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InputSummary {
    /// The input as it was named.
    pub input: String,
    /// Its absolute path; null for standard input.
    pub path: Option<String>,
    /// Its bytes, decompressed.
    pub bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// The format it is compressed in; left out if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// Its bytes as they are stored; left out if it is not compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed_bytes: Option<u64>,
    /// Bytes that were added at its end during the run, and not read; left out if none were.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes_added_since: u64,
    /// Where its events come from, if there is a state: `new`, `changed`, `grown` or `kept`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
}

/// What a run made of the state of earlier runs.
///
/// ```
/// use daytally::output::StateSummary;
/// use daytally::state::{Settings, State};
/// use daytally::{Incremental, Input, Options, Pipeline};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("state");
/// let state = State::open(&folder, Settings::default())?;
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate_with(inputs, &state, Incremental::default(), &mut ())?;
/// let summary = StateSummary::new(&folder, &outcome);
/// assert_eq!((summary.new, summary.kept, summary.bytes_read), (1, 0, 422));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StateSummary {
    /// The absolute path of the folder.
    pub path: String,
    /// Inputs that were read for the first time.
    pub new: u64,
    /// Inputs that were read again as a whole.
    pub changed: u64,
    /// Inputs that had grown, and were read from there.
    pub grown: u64,
    /// Inputs that did not have to be read.
    pub kept: u64,
    /// Inputs of earlier runs that are no longer in the result.
    pub forgotten: u64,
    /// The bytes that were read, decompressed.
    pub bytes_read: u64,
}

impl StateSummary {
    /// What an outcome says of the state in a folder.
    #[must_use]
    pub fn new(folder: &Path, outcome: &Outcome) -> StateSummary {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
        let mut summary = StateSummary {
            path: path_text(folder),
            new: 0,
            changed: 0,
            grown: 0,
            kept: 0,
            forgotten: outcome.forgotten.len() as u64,
            bytes_read: 0,
        };
        for input in &outcome.inputs {
            let (count, bytes) = match input.source {
                InputSource::New => (&mut summary.new, input.bytes),
                InputSource::Changed => (&mut summary.changed, input.bytes),
                InputSource::ReadOn { from } => (&mut summary.grown, input.bytes - from),
                InputSource::Kept => (&mut summary.kept, 0),
            };
            *count += 1;
            summary.bytes_read += bytes;
        }
        summary
    }
}

/// For people: how many inputs of which kind.
impl fmt::Display for StateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.new, "new"),
            (self.changed, "changed"),
            (self.grown, "grown"),
            (self.kept, "kept"),
            (self.forgotten, "forgotten"),
        ];
        for (count, kind) in kinds {
            if count > 0 {
                write!(f, "{} {kind}, ", text::grouped(count))?;
            }
        }
        write!(f, "{} read", text::size(self.bytes_read))
    }
}

impl InputSummary {
    /// What was read of an input. Where its events come from is only told of runs with a state: see
    /// [`source`](InputSummary::source).
    #[must_use]
    pub fn new(read: &InputOutcome) -> InputSummary {
        InputSummary {
            input: read.name.clone(),
            path: read.path.clone().map(path_text),
            bytes: read.bytes,
            lines: read.lines,
            compression: read.compressed.map(|(format, _)| format.name()),
            compressed_bytes: read.compressed.map(|(_, bytes)| bytes),
            bytes_added_since: read.bytes_added_since,
            source: None,
        }
    }

    /// Where it is, for people.
    fn place(&self) -> String {
        match &self.path {
            Some(path) => text::path(path.as_ref()).to_string(),
            None if self.input == "-" => "standard input".into(),
            None => text::name(&self.input).to_string(),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What was written.
///
/// ```
/// use daytally::output::{Draft, Format, OutputSummary, Target};
/// use daytally::{Input, Options, Pipeline};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let target = Target::Path(folder.path().join("daily_user_stats.csv"));
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut draft = Draft::create(&target)?;
/// let totals = pipeline.write_csv(&outcome, |bytes| draft.write(bytes))?;
/// let finished = draft.finish()?;
/// let output = OutputSummary::of_file(&target, Format::CSV, &totals, &finished);
/// finished.publish()?;
/// assert_eq!((output.format.as_str(), output.rows, output.bytes), ("csv", 2, 103));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OutputSummary {
    /// The absolute path of the file, or of the folder with the days; `-` for standard output.
    pub path: String,
    /// The name of its format, such as `csv`.
    pub format: String,
    /// Rows, headers not counted.
    pub rows: u64,
    /// Bytes, headers included; of days, those of all days of the result.
    pub bytes: u64,
    /// The SHA-256 of the bytes (FIPS 180-4), in lower-case hexadecimal; left out where there are several
    /// files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether all of it was there already with the same bytes, so that nothing was touched.
    pub unchanged: bool,
    /// What became of which days; left out of a result in one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<DaysSummary>,
}

impl OutputSummary {
    /// A result in one file that is written, before it is published. `totals` are those of the writing.
    #[must_use]
    pub fn of_file(
        target: &Target,
        format: Format,
        totals: &GrandTotals,
        finished: &Finished,
    ) -> OutputSummary {
        OutputSummary {
            path: path_text(target.absolute()),
            format: format.to_string(),
            rows: totals.groups,
            bytes: finished.bytes(),
            sha256: finished.sha256(),
            unchanged: finished.is_unchanged(),
            days: None,
        }
    }

    /// The same of a result in the files of days, in the folder `target`.
    #[must_use]
    pub fn of_days(
        target: &Target,
        format: Format,
        totals: &GrandTotals,
        finished: &FinishedDays,
    ) -> OutputSummary {
        let changes = finished.changes();
        OutputSummary {
            path: path_text(target.absolute()),
            format: format.to_string(),
            rows: totals.groups,
            bytes: finished.bytes(),
            sha256: None,
            unchanged: changes.is_empty(),
            days: Some(DaysSummary::from(&changes)),
        }
    }
}

/// What became of the days of a result that is partitioned by date.
///
/// ```
/// use daytally::output::{DayDrafts, DaysSummary, Format};
/// use daytally::{Input, Options, Pipeline};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let folder = root.path().join("stats");
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut drafts = DayDrafts::create(&folder, Format::CSV)?;
/// pipeline.write_csv_by_day(&outcome, |date, bytes| drafts.write(date, bytes))?;
/// let finished = drafts.finish(|| Ok(()))?;
/// let days = DaysSummary::from(&finished.changes());
/// assert_eq!(days.added, ["2024-01-01"]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DaysSummary {
    /// Days that there were none of.
    pub added: Vec<String>,
    /// Days that were there with other bytes.
    pub changed: Vec<String>,
    /// How many days were there with the same bytes, and were not touched.
    pub unchanged: u64,
    /// Days that were taken away.
    pub removed: Vec<String>,
}

impl From<&DayChanges> for DaysSummary {
    fn from(changes: &DayChanges) -> DaysSummary {
        let dates = |days: &[Date]| days.iter().map(Date::to_string).collect();
        DaysSummary {
            added: dates(&changes.added),
            changed: dates(&changes.changed),
            unchanged: changes.unchanged.len() as u64,
            removed: dates(&changes.removed),
        }
    }
}

/// For people: how many of each.
impl fmt::Display for DaysSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [added, changed, removed] =
            [&self.added, &self.changed, &self.removed].map(|days| days.len() as u64);
        write!(f, "{}: ", Counted(added + changed + self.unchanged, "day"))?;
        write!(
            f,
            "{} added, {} changed, ",
            text::grouped(added),
            text::grouped(changed)
        )?;
        write!(f, "{} unchanged, ", text::grouped(self.unchanged))?;
        write!(f, "{} removed", text::grouped(removed))
    }
}

impl Summary {
    /// The summary of a run, from its parts.
    #[must_use]
    pub fn new(
        books: &Books,
        totals: &GrandTotals,
        inputs: Vec<InputSummary>,
        elapsed: Duration,
    ) -> Summary {
        let seconds = elapsed.as_secs_f64();
        let bytes = inputs.iter().map(|input| input.bytes).sum();
        Summary {
            status: Status::TooManyInvalid,
            inputs,
            state: None,
            schema: None,
            left_out: LeftOut::default(),
            lines: books.lines(),
            blank: books.blank,
            valid: books.valid,
            filtered: books.filtered,
            invalid: books.invalid(),
            invalid_by_reason: books
                .invalid_by_reason()
                .map(|(reason, count)| (reason.code(), count))
                .collect(),
            first_by_reason: BTreeMap::new(),
            groups: totals.groups,
            event_count: totals.event_count,
            purchase_count: totals.purchase_count,
            total_revenue: totals.total_revenue.to_string(),
            from: None,
            to: None,
            first_date: totals.dates.map(|(first, _)| first.to_string()),
            last_date: totals.dates.map(|(_, last)| last.to_string()),
            spill_files: 0,
            spilled_bytes: 0,
            elapsed_seconds: seconds,
            bytes_per_second: speed(bytes, seconds),
            output: None,
            rejects: None,
            rejects_unchanged: None,
            report: None,
        }
    }

    /// Says where each reason was found first.
    pub fn set_first(&mut self, first: &FirstPlaces) {
        let place = |place: LinePlace| {
            let input = self.inputs.get(place.input)?;
            Some(PlaceSummary {
                input: input.input.clone(),
                line: place.line,
                offset: place.offset,
            })
        };
        self.first_by_reason = first
            .iter()
            .filter_map(|(reason, first)| Some((reason.code(), place(first)?)))
            .collect();
    }

    /// Says what there was of earlier runs.
    pub fn set_state(&mut self, state: StateSummary) {
        self.bytes_per_second = speed(state.bytes_read, self.elapsed_seconds);
        self.state = Some(state);
    }

    /// What follows the line of the events: which of them are not in the result, and why.
    fn write_more_of_events(&self, f: &mut dyn fmt::Write, mark: Mark<'_>) -> fmt::Result {
        const INDENT: &str = "            ";
        if self.valid == 0 && self.filtered > 0 {
            writeln!(
                f,
                "{INDENT}no valid event is of a day between --from and --to"
            )?;
        }
        let mut by_reason: Vec<_> = self.invalid_by_reason.iter().collect();
        by_reason.sort_by_key(|(code, count)| (Reverse(**count), **code));
        let rows: Vec<_> = by_reason
            .into_iter()
            .map(|(code, count)| {
                let first = self
                    .first_by_reason
                    .get(code)
                    .map(|first| match &*first.input {
                        "-" => format!("standard input, line {}", first.line),
                        input => format!("{}:{}", text::name(input), first.line),
                    });
                let share = Share(*count, self.invalid).to_string();
                (text::grouped(*count), share, *code, first)
            })
            .collect();
        let counts = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        let shares = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
        let codes = rows.iter().map(|row| row.2.len()).max().unwrap_or(0);
        for (count, share, code, first) in &rows {
            write!(f, "{INDENT}{count:>counts$}  {share:>shares$}  ")?;
            match first {
                // What is in columns is padded before it is marked.
                Some(first) => {
                    let code = mark(Part::Reason, &format!("{code:<codes$}"));
                    writeln!(f, "{code}  first at {first}")?;
                }
                None => writeln!(f, "{}", mark(Part::Reason, code))?,
            }
        }
        Ok(())
    }

    /// Where the result and the rejects are.
    fn write_outputs(&self, f: &mut dyn fmt::Write, mark: Mark<'_>) -> fmt::Result {
        label(f, mark, "output")?;
        match &self.output {
            Some(output) if output.path == "-" => {
                f.write_str(&mark(Part::Output, "standard output"))?;
            }
            Some(output) => {
                let path = text::path(output.path.as_ref()).to_string();
                f.write_str(&mark(Part::Output, &path))?;
            }
            None => f.write_str(&mark(Part::NoOutput, "not written"))?,
        }
        if let Some(output) = &self.output {
            write!(f, ": {}", text::size(output.bytes))?;
            match &output.days {
                Some(days) => write!(f, " in {days}")?,
                None if output.unchanged => f.write_str(", unchanged")?,
                None => {}
            }
        }
        writeln!(f)?;
        if let Some(report) = self.report.as_deref() {
            label(f, mark, "report")?;
            match report {
                "-" => writeln!(f, "standard output")?,
                path => writeln!(f, "{}", text::path(path.as_ref()))?,
            }
        }
        if let Some(rejects) = self.rejects.as_deref() {
            label(f, mark, "rejects")?;
            match rejects {
                "-" => f.write_str("standard output")?,
                path => write!(f, "{}", text::path(path.as_ref()))?,
            }
            writeln!(
                f,
                "{}",
                if self.rejects_unchanged == Some(true) {
                    ": unchanged"
                } else {
                    ""
                }
            )?;
        }
        Ok(())
    }

    /// The summary as one line of JSON, its `\n` included.
    #[must_use]
    pub fn to_json_line(&self) -> Vec<u8> {
        // Numbers, strings and string keys: nothing here can fail to serialise.
        let json = serde_json::to_string(self).unwrap_or_default();
        // What is not showable can only be in a string, where an escape means the same.
        format!("{}\n", text::lines(&json)).into_bytes()
    }
}

/// For people: a few aligned lines, safe to show on a terminal.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_marked(f, &|_, text| text.to_owned())
    }
}

/// Puts codes around a piece of text that make it look like what it is.
type Mark<'a> = &'a dyn Fn(Part, &str) -> String;

impl Summary {
    /// The text for people, with pieces of it [marked](Part): in colours, say.
    ///
    /// # Errors
    ///
    /// What `f` says.
    #[doc(hidden)]
    pub fn write_marked(
        &self,
        f: &mut dyn fmt::Write,
        mark: &dyn Fn(Part, &str) -> String,
    ) -> fmt::Result {
        let bytes: u64 = self.inputs.iter().map(|input| input.bytes).sum();
        let inputs = match &self.inputs[..] {
            [input] => input.place(),
            inputs if inputs.iter().all(|input| input.path.is_some()) => {
                format!("{} files", inputs.len())
            }
            inputs => format!("{} inputs", inputs.len()),
        };
        label(f, mark, "input")?;
        writeln!(
            f,
            "{inputs}: {} in {}",
            text::size(bytes),
            Counted(self.lines, "line")
        )?;
        for input in &self.inputs {
            if input.bytes_added_since > 0 {
                label(f, mark, "")?;
                writeln!(
                    f,
                    "{} grew by {} meanwhile, which were not read",
                    input.place(),
                    text::size(input.bytes_added_since)
                )?;
            }
        }
        if let Some(state) = &self.state {
            label(f, mark, "state")?;
            writeln!(f, "{state}")?;
        }
        if let Some(schema) = &self.schema {
            label(f, mark, "schema")?;
            writeln!(f, "{schema}")?;
        }
        if !self.left_out.is_empty() {
            label(f, mark, "left out")?;
            writeln!(f, "{}", self.left_out)?;
        }
        label(f, mark, "events")?;
        write!(f, "{} valid, ", text::grouped(self.valid))?;
        if self.filtered > 0 || self.from.is_some() || self.to.is_some() {
            write!(f, "{} filtered, ", text::grouped(self.filtered))?;
        }
        let mut invalid = format!("{} invalid", text::grouped(self.invalid));
        if self.invalid > 0 {
            let share = Share(self.invalid, self.valid + self.filtered + self.invalid);
            invalid = mark(Part::Invalid, &format!("{invalid} ({share})"));
        }
        writeln!(f, "{invalid}, {}", Counted(self.blank, "blank line"))?;
        self.write_more_of_events(f, mark)?;
        label(f, mark, "result")?;
        write!(
            f,
            "{}, {}, revenue {}",
            Counted(self.groups, "group"),
            Counted(self.purchase_count, "purchase"),
            text::grouped(&self.total_revenue)
        )?;
        if let (Some(first), Some(last)) = (&self.first_date, &self.last_date) {
            write!(f, ", {first} to {last}")?;
        }
        writeln!(f)?;
        if self.valid + self.filtered == 0 && self.invalid > 0 {
            label(f, mark, "")?;
            let note = "not one event is valid: `daytally check` shows what they look like, `daytally explain` what is wrong with one";
            writeln!(f, "{}", mark(Part::Invalid, note))?;
        }
        self.write_outputs(f, mark)?;
        if self.spill_files > 0 {
            label(f, mark, "spilled")?;
            writeln!(
                f,
                "{} of groups, to {}",
                text::size(self.spilled_bytes),
                Counted(self.spill_files, "temporary file")
            )?;
        }
        label(f, mark, "time")?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a speed is positive and far below 2^64"
        )]
        let speed = text::size(self.bytes_per_second as u64);
        writeln!(f, "{:.3} s, {speed}/s", self.elapsed_seconds)
    }
}

/// What a line is about.
fn label(f: &mut dyn fmt::Write, mark: Mark<'_>, label: &str) -> fmt::Result {
    write!(f, "{}  ", mark(Part::Label, &format!("{label:>10}")))
}

/// Bytes per second.
fn speed(bytes: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a speed of 16 digits is enough")]
    let bytes = bytes as f64;
    if seconds > 0.0 { bytes / seconds } else { 0.0 }
}

/// A number of things, and what they are called one by one.
struct Counted(u64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::counted(self.0, self.1))
    }
}

/// A part of a whole in percent, rounded to hundredths, but nothing to none and only all to all.
struct Share(u64, u64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, whole) = (u128::from(self.0), u128::from(self.1.max(1)));
        let hundredths = (part * 20_000 / whole).div_ceil(2);
        match hundredths {
            0 if part > 0 => f.write_str("<0.01 %"),
            10_000 if part < whole => f.write_str(">99.99 %"),
            _ => write!(f, "{}.{:02} %", hundredths / 100, hundredths % 100),
        }
    }
}

/// A path as a program reads it: exactly, where it is UTF-8.
#[must_use]
pub fn path_text(path: PathBuf) -> String {
    path.into_os_string()
        .into_string()
        .unwrap_or_else(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reason;

    #[test]
    fn counts_and_shares_read_well() {
        for (count, shown) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(text::grouped(count), shown);
        }
        for (part, whole, shown) in [
            (1, 2, "50.00 %"),
            (2, 3, "66.67 %"),
            (7, 7, "100.00 %"),
            (1, 20_001, "<0.01 %"),
            (1, 20_000, "0.01 %"),
            (99_999, 100_000, ">99.99 %"),
            (u64::MAX - 1, u64::MAX, ">99.99 %"),
        ] {
            assert_eq!(Share(part, whole).to_string(), shown);
        }
    }

    #[test]
    fn a_summary_is_one_json_object_and_a_few_lines() {
        let mut books = Books::default();
        books.blank += 1;
        books.count_invalid(Reason::InvalidJson);
        let input = InputSummary {
            source: None,
            input: "a.jsonl".into(),
            path: Some("/x/a\u{1b}\u{202e}.jsonl".into()),
            bytes: 12,
            lines: 2,
            compression: None,
            compressed_bytes: None,
            bytes_added_since: 0,
        };
        let summary = Summary::new(
            &books,
            &GrandTotals::default(),
            vec![input],
            Duration::from_secs(2),
        );
        let json: serde_json::Value = serde_json::from_slice(&summary.to_json_line()).unwrap();
        assert_eq!(json["lines"], 2);
        assert_eq!(json["inputs"][0]["path"], "/x/a\u{1b}\u{202e}.jsonl");
        assert!(!summary.to_json_line().contains(&0xe2));
        assert_eq!(
            json["invalid_by_reason"],
            serde_json::json!({"invalid_json": 1})
        );
        assert_eq!(json["total_revenue"], "0.00");
        assert_eq!(json["first_date"], serde_json::Value::Null);
        assert_eq!(json["bytes_per_second"].to_string(), "6.0");
        assert_eq!(json["inputs"][0].get("bytes_added_since"), None);
        assert_eq!(json.get("spill_files").or(json.get("spilled_bytes")), None);
        let text = summary.to_string();
        assert!(!text.contains("spilled"), "{text}");
        assert!(
            text.contains("/x/a\\u001b\\u202e.jsonl: 12 bytes in 2 lines"),
            "{text}"
        );
        assert!(text.contains("not written"), "{text}");

        let mut summary = summary;
        let dates = |count: u32| (0..count).map(|day| Date::from_days(day).unwrap());
        let mut output = OutputSummary {
            format: "csv".into(),
            path: "/x/out".into(),
            rows: 5,
            bytes: 100,
            sha256: None,
            unchanged: true,
            days: None,
        };
        summary.output = Some(output.clone());
        let text_with = summary.to_string();
        let line = "    output  /x/out: 100 bytes, unchanged\n";
        assert!(text_with.contains(line), "{text_with}");
        output.days = Some(DaysSummary::from(&DayChanges {
            added: dates(1).collect(),
            changed: Vec::new(),
            unchanged: dates(1234).collect(),
            removed: dates(2).collect(),
        }));
        summary.output = Some(output);
        let text_with = summary.to_string();
        let line = "    output  /x/out: 100 bytes in 1,235 days: 1 added, 0 changed, 1,234 unchanged, 2 removed\n";
        assert!(text_with.contains(line), "{text_with}");
        let json: serde_json::Value = serde_json::from_slice(&summary.to_json_line()).unwrap();
        assert_eq!(json["output"].get("sha256"), None);
        assert_eq!(
            json["output"]["days"]["added"],
            serde_json::json!(["0000-01-01"])
        );
        assert_eq!(json["output"]["days"]["unchanged"], 1234);
        assert!(!text.contains("--from"), "{text}");
        summary.filtered = 3;
        let text = summary.to_string();
        let lines = "0 valid, 3 filtered, 1 invalid (25.00 %), 1 blank line\n            no valid event is of a day between --from and --to\n";
        assert!(text.contains(lines), "{text}");
        (summary.spill_files, summary.spilled_bytes) = (1, 2_500_000);
        let json: serde_json::Value = serde_json::from_slice(&summary.to_json_line()).unwrap();
        assert_eq!(json["spill_files"], 1);
        assert_eq!(json["spilled_bytes"], 2_500_000);
        let text = summary.to_string();
        let line = "   spilled  2.50 MB of groups, to 1 temporary file\n";
        assert!(text.contains(line), "{text}");
    }
}
