//! Runs that read only what is new: each input is counted for itself, its groups and books are kept in a
//! [`State`], and the result is made of what is kept of all inputs.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::sink::{RejectBatch, RejectSink};
use super::tally::{OpenInputs, Partial, Partials};
use super::{Counted, InputOutcome, InputSource, Outcome, Phase, Pipeline};
use crate::aggregate::{Counter, Group, GroupRange, Partitions, block};
use crate::books::Books;
use crate::error::{Action, Error, Result};
use crate::event::{Date, DateRange, Decoder, Schema};
use crate::first_places::FirstPlaces;
use crate::input::{Input, Recording, Verify};
use crate::output::Reject;
use crate::output::report::RejectPlaces;
use crate::state::REMEDY_FOR_ALL as REMEDY;
use crate::state::partial::{PartialFile, Piece};
use crate::state::rejects;
use crate::state::{Generation, PartialMeta, Plan, State, UnfinishedLine, Why};

/// How many ranges of groups are encoded at a time, for each worker.
const RANGES: usize = 4;

/// How a run goes about what earlier runs have left.
///
/// ```
/// use daytally::Incremental;
/// use daytally::input::Verify;
///
/// let mut how = Incremental::default();
/// how.verify = Verify::Full;
/// how.forget_missing = true;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Incremental {
    /// How closely inputs are looked at, to tell whether they are what they were.
    pub verify: Verify,
    /// Whether inputs that the state has and the run does not name are left out of the result. Otherwise
    /// they are an error.
    pub forget_missing: bool,
}

impl Pipeline {
    /// Aggregates the events of the inputs, of which those are read that are not in the state as they
    /// are now. The result is the one of [`aggregate`](Pipeline::aggregate); `rejects` gets those of what
    /// was read. The rejects of all inputs are then in the state, if it
    /// [keeps](crate::state::Settings::keeps_rejects) them; see [`Pipeline::kept_rejects`].
    ///
    /// What was read is kept, also where the run fails later, so that the next one goes on from there.
    /// What is to be [forgotten](Outcome::forgotten) is not taken out of the state here, but by
    /// [`State::forget`] when the result is in place.
    ///
    /// # Errors
    ///
    /// As for [`aggregate`](Pipeline::aggregate); [`Error::StateInput`] where an input is no regular file,
    /// [`Error::StateMissing`] where one is missing, and those of reading and writing the state.
    ///
    /// ```
    /// use daytally::state::{Settings, State};
    /// use daytally::{Incremental, Input, InputSource, Options, Pipeline};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let log = folder.path().join("log.jsonl");
    /// let line = r#"{"user_id": 7, "event_type": "click", "timestamp": "2024-01-01T08Z"}"#;
    /// std::fs::write(&log, format!("{line}\n")).unwrap();
    ///
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let state = State::open(&folder.path().join("state"), Settings::default())?;
    /// let run = || {
    ///     let inputs = vec![Input::open(&log)?];
    ///     pipeline.aggregate_with(inputs, &state, Incremental::default(), &mut ())
    /// };
    /// let outcome = run()?;
    /// assert_eq!(outcome.books.valid, 1);
    /// assert_eq!(outcome.inputs[0].source, InputSource::New);
    ///
    /// std::fs::write(&log, format!("{line}\n{line}\n")).unwrap();
    /// let outcome = run()?;
    /// assert_eq!(outcome.books.valid, 2);
    /// assert_eq!(outcome.inputs[0].source, InputSource::ReadOn { from: line.len() as u64 + 1 });
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn aggregate_with<S: RejectSink>(
        &self,
        inputs: Vec<Input>,
        state: &State,
        how: Incremental,
        rejects: &mut S,
    ) -> Result<Outcome> {
        let paths = paths(&inputs, state.path())?;
        let forgotten = missing(state, &paths, how.forget_missing)?;
        let plans = self.plans(state, &paths, how.verify)?;
        // What has changed since it was named is not what was planned for.
        let plans: Vec<Plan> = plans
            .into_iter()
            .zip(&inputs)
            .map(|(plan, input)| match plan {
                Plan::ReadOn(before) if input.len() < Some(before.record.len) => {
                    Plan::Read(Why::Changed)
                }
                plan => plan,
            })
            .collect();
        let names: Vec<(String, Option<PathBuf>)> = inputs
            .iter()
            .map(|input| (input.name().to_owned(), input.path().map(Into::into)))
            .collect();

        let (mut to_read, mut tasks) = (Vec::new(), Vec::new());
        for (mut input, (path, plan)) in inputs.into_iter().zip(paths.iter().zip(&plans)) {
            let before = match plan {
                Plan::Keep => continue,
                Plan::ReadOn(before) => {
                    let lines = before.books_before_unfinished().unwrap_or_default().lines();
                    input.start_at(before.record.resumes_at(), lines);
                    Some(before)
                }
                Plan::Read(_) => None,
            };
            // Once all of its bytes were looked at, they go on being.
            let was_hashed = state
                .get(path)
                .is_some_and(|kept| kept.record.whole.is_some());
            input.record(Recording {
                verify: if was_hashed { Verify::Full } else { how.verify },
                line_bytes: self.options.max_line_bytes,
            });
            to_read.push(input);
            tasks.push(Task {
                path: path.clone(),
                before: before.map(|before| (**before).clone()),
                generation: new_generation(),
            });
        }
        let read = self.read_into(state, to_read, &tasks, rejects);
        // Also where something failed: what was finished stays so.
        let committed = state.commit();
        let mut read = read?.into_iter();
        committed?;

        let metas: Vec<PartialMeta> = paths
            .iter()
            .map(|path| state.get(path).ok_or(Error::Panicked))
            .collect::<Result<_>>()?;
        let mut outcomes = Vec::with_capacity(metas.len());
        for ((name, plan), meta) in names.into_iter().zip(&plans).zip(&metas) {
            let outcome = match plan {
                Plan::Keep => None,
                Plan::ReadOn(_) | Plan::Read(_) => read.next(),
            };
            outcomes.push(outcome_of(name, plan, meta, outcome)?);
        }
        self.options.progress.enter(Phase::Sorting);
        let (partitions, books) = self.recount(state, &metas)?;
        let mut first = FirstPlaces::default();
        for (input, meta) in metas.iter().enumerate() {
            first.merge(&meta.first.of_input(input));
        }
        Ok(Outcome {
            books,
            first,
            inputs: outcomes,
            groups: self.sort(partitions)?,
            forgotten,
            known_as: paths,
        })
    }

    /// Writes the rejects of an outcome's inputs, of those that were read by earlier runs too, as they are
    /// in a rejects file.
    ///
    /// # Errors
    ///
    /// What `write` says; and where the state does not have them, or they cannot be read.
    pub fn kept_rejects(
        &self,
        outcome: &Outcome,
        state: &State,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut lines = Vec::new();
        self.each_kept(outcome, state, |input, rests| {
            lines.clear();
            crate::output::write_inputs(&outcome.inputs[input].name, rests, &mut lines);
            write(&lines)
        })
    }

    /// Adds the rejects of an outcome's inputs, of those that were read by earlier runs too, to `places`.
    ///
    /// # Errors
    ///
    /// Where the state does not have them, or they cannot be read.
    #[doc(hidden)]
    pub fn kept_reject_places(
        &self,
        outcome: &Outcome,
        state: &State,
        places: &mut RejectPlaces,
    ) -> Result<()> {
        self.each_kept(outcome, state, |input, rests| {
            let damaged = || Error::StateDamaged {
                path: state.path().into(),
                what: format!(
                    "the rejects of {} are no rejects",
                    outcome.inputs[input].name
                ),
                remedy: REMEDY,
            };
            let added = places.add_kept(input, rests);
            if added { Ok(()) } else { Err(damaged()) }
        })
    }

    /// Passes on what is kept of the rejects of each input, whole lines without their starts.
    fn each_kept(
        &self,
        outcome: &Outcome,
        state: &State,
        mut each: impl FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        for (at, (input, known)) in outcome.inputs.iter().zip(&outcome.known_as).enumerate() {
            let meta = state.get(known).ok_or(Error::Panicked)?;
            if meta.books.invalid() == 0 {
                continue;
            }
            let kept = state.rejects(&meta)?.ok_or_else(|| Error::StateDamaged {
                path: state.path().into(),
                what: format!("the rejects of {} are gone", input.name),
                remedy: REMEDY,
            })?;
            kept.lines(true, |rests| {
                self.check_stop()?;
                each(at, rests)
            })?;
        }
        Ok(())
    }

    /// What is to be done with each input.
    fn plans(&self, state: &State, paths: &[PathBuf], verify: Verify) -> Result<Vec<Plan>> {
        let plans: Vec<Result<Plan>> = self.pool.install(|| {
            let plans = paths.par_iter().map(|path| {
                self.check_stop()?;
                state.plan(path, verify)
            });
            plans.collect()
        });
        // The first in order, if several cannot be read.
        plans.into_iter().collect()
    }

    /// Reads inputs, and keeps what was counted of each.
    fn read_into<S: RejectSink>(
        &self,
        state: &State,
        inputs: Vec<Input>,
        tasks: &[Task],
        rejects: &mut S,
    ) -> Result<Vec<InputOutcome>> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let open = OpenInputs::default();
        let keeper = Keeper {
            pipeline: self,
            state,
            tasks,
        };
        let counted = Counted::Apart {
            inputs: &open,
            partials: &keeper,
            // One that everybody works on, and those that are being finished.
            shares: inputs.len().min(self.options.threads.get() + 1),
        };
        let mut rejects = KeptRejects {
            inner: rejects,
            state,
            tasks,
            current: None,
            next: 0,
        };
        let (read, _) = self.read(inputs, &mut rejects, &counted)?;
        rejects.finish()?;
        match open.len() {
            0 => Ok(read),
            left => Err(Error::Unbalanced {
                what: format!("{left} inputs were read and not finished"),
            }),
        }
    }

    /// Adds up what is kept of the inputs.
    fn recount(&self, state: &State, metas: &[PartialMeta]) -> Result<(Partitions, Books)> {
        let dates = self.options.dates;
        let partitions = Arc::new(self.partitions(1)?);
        let pieces = Pieces {
            state,
            dates,
            left: Mutex::new(Left {
                metas: metas.iter(),
                file: None,
            }),
        };
        let shares = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pool.broadcast(|_| {
                let mut counter = partitions.shared_counter();
                let events = self.count_pieces(&pieces, &mut counter);
                counter.finish();
                events
            })
        }))
        .map_err(|_| Error::Panicked)?;
        if let Some(failure) = partitions.take_failure() {
            return Err(failure);
        }
        let mut in_range = 0;
        for events in shares {
            in_range += events?;
        }
        let mut books = Books::default();
        for meta in metas {
            books.merge(&meta.books);
        }
        if dates != DateRange::ALL {
            books.filtered =
                books
                    .valid
                    .checked_sub(in_range)
                    .ok_or_else(|| Error::Unbalanced {
                        what: format!("{in_range} of {} valid events are in range", books.valid),
                    })?;
            books.valid = in_range;
        }
        let partitions = Arc::into_inner(partitions).ok_or(Error::Panicked)?;
        Ok((partitions, books))
    }

    /// Counts pieces of partial results until there are none left; how many events they hold.
    fn count_pieces(
        &self,
        pieces: &Pieces<'_>,
        counter: &mut Counter<Arc<Partitions>>,
    ) -> Result<u64> {
        let mut events = 0;
        let mut groups = Vec::new();
        while let Some((file, piece)) = pieces.next()? {
            self.check_stop()?;
            groups.clear();
            file.read(&piece, &mut groups)?;
            for group in &groups {
                events += group.totals.event_count;
                counter.merge(group);
            }
            if counter.has_failed() {
                break;
            }
        }
        Ok(events)
    }
}

/// The paths by which inputs are known, all of which have to be regular files: without links to folders,
/// and the same from wherever the run is started.
fn paths(inputs: &[Input], state: &Path) -> Result<Vec<PathBuf>> {
    let fault = |path: &Path, source| Error::io(Action::Inspect, path, source);
    let state_folder = state
        .canonicalize()
        .map_err(|source| fault(state, source))?;
    let mut paths = Vec::with_capacity(inputs.len());
    for input in inputs {
        let (Some(path), Some(_)) = (input.path(), input.id()) else {
            return Err(Error::StateInput {
                input: crate::text::name(input.name()).to_string(),
            });
        };
        let known = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => folder
                .canonicalize()
                .map_err(|source| fault(path, source))?
                .join(name),
            _ => path.to_path_buf(),
        };
        if known.starts_with(&state_folder) {
            return Err(Error::OverwritesInput {
                role: "the state (--state)",
                path: state.into(),
                input: known,
            });
        }
        paths.push(known);
    }
    let mut sorted: Vec<&PathBuf> = paths.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::InputTwice {
            first: pair[0].clone(),
            second: pair[1].clone(),
        }),
        None => Ok(paths),
    }
}

/// The inputs that a state has and a run has not.
fn missing(state: &State, paths: &[PathBuf], may_be: bool) -> Result<Vec<PathBuf>> {
    let named: std::collections::HashSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let missing: Vec<PathBuf> = state
        .inputs()
        .filter(|path| !named.contains(path.as_path()))
        .collect();
    if missing.is_empty() || may_be {
        return Ok(missing);
    }
    let is_gone = |path: &&PathBuf| matches!(path.try_exists(), Ok(false));
    Err(Error::StateMissing {
        state: state.path().into(),
        gone: missing.iter().filter(is_gone).count(),
        inputs: missing,
    })
}

/// What is said of an input.
fn outcome_of(
    (name, path): (String, Option<PathBuf>),
    plan: &Plan,
    meta: &PartialMeta,
    read: Option<InputOutcome>,
) -> Result<InputOutcome> {
    let lines = meta.books.lines();
    let source = match plan {
        Plan::Keep => InputSource::Kept,
        Plan::ReadOn(before) => InputSource::ReadOn {
            from: before.record.resumes_at(),
        },
        Plan::Read(Why::New) => InputSource::New,
        Plan::Read(Why::Changed | Why::NotKept) => InputSource::Changed,
    };
    match read {
        None => Ok(InputOutcome {
            name,
            path,
            lines,
            bytes: meta.bytes,
            compressed: meta.compression.map(|format| (format, meta.record.len)),
            bytes_added_since: 0,
            way: None,
            source,
        }),
        Some(read) if read.lines == lines => Ok(InputOutcome { source, ..read }),
        Some(read) => Err(Error::Unbalanced {
            what: format!(
                "{} lines of {} were read, {lines} were counted",
                read.lines,
                crate::text::name(&name)
            ),
        }),
    }
}

/// Tells one writing of a partial result from all others.
fn new_generation() -> Generation {
    let mut generation = [0; 16];
    for half in generation.chunks_exact_mut(8) {
        // The standard library's keys are as random as they come.
        let random = std::hash::RandomState::new().build_hasher().finish();
        half.copy_from_slice(&random.to_le_bytes());
    }
    generation
}

/// An input that is read.
struct Task {
    path: PathBuf,
    /// What is kept of its start, if that is not read again.
    before: Option<PartialMeta>,
    generation: Generation,
}

/// Keeps what was counted of each input.
struct Keeper<'run> {
    pipeline: &'run Pipeline,
    state: &'run State,
    tasks: &'run [Task],
}

/// What some groups come to.
struct Encoded {
    bytes: Vec<u8>,
    blocks: Vec<block::Block>,
    purchase_count: u64,
    dates: Option<(Date, Date)>,
    is_exact: bool,
}

impl Encoded {
    fn of(range: &GroupRange<'_>) -> Result<Encoded> {
        let groups = range.sorted()?;
        let mut bytes = Vec::with_capacity(groups.len() * 16);
        let (first, last) = (groups.iter().next(), groups.iter().next_back());
        Ok(Encoded {
            blocks: block::encode(groups.iter(), &mut bytes),
            bytes,
            purchase_count: groups.iter().map(|group| group.totals.purchase_count).sum(),
            dates: first
                .zip(last)
                .map(|(first, last)| (first.key.date(), last.key.date())),
            is_exact: groups
                .iter()
                .all(|group| !group.totals.revenue.is_saturated()),
        })
    }
}

impl Partials for Keeper<'_> {
    fn recall(&self, input: usize, add: &mut dyn FnMut(&Group)) -> Result<()> {
        let Some(before) = &self.tasks[input].before else {
            return Ok(());
        };
        let file = self.state.partial(&before.path)?;
        let mut groups = Vec::new();
        for piece in file.pieces(DateRange::ALL)? {
            self.pipeline.check_stop()?;
            groups.clear();
            file.read(&piece, &mut groups)?;
            for group in &groups {
                match before.without_unfinished(group) {
                    Ok(Some(group)) => add(&group),
                    Ok(None) => {}
                    Err(()) => {
                        return Err(Error::StateDamaged {
                            path: self.state.path().into(),
                            what: format!(
                                "the last line of {} is not in its groups",
                                crate::text::path(&before.path)
                            ),
                            remedy: REMEDY,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn keep(&self, input: usize, partial: Partial, first: FirstPlaces) -> Result<()> {
        let Partial {
            groups,
            mut books,
            read,
        } = partial;
        let task = &self.tasks[input];
        // What the kernel makes up as it is read cannot be remembered.
        let record = read.record.ok_or_else(|| Error::StateInput {
            input: crate::text::path(&task.path).to_string(),
        })?;
        // It may be another input of the next run.
        let mut first = first.of_input(0);
        if let Some(before) = &task.before {
            books.merge(&before.books_before_unfinished().unwrap_or_default());
            first.merge(&before.first_before_unfinished());
        }
        let options = &self.pipeline.options;
        let unfinished = match read.compressed {
            Some(_) => None,
            None => record.unfinished.as_ref().map(|line| {
                let mut decoder =
                    Decoder::with_schema(options.max_line_bytes, options.lanes, &options.schema);
                UnfinishedLine::judge(line, &mut decoder)
            }),
        };
        let mut meta = PartialMeta {
            path: task.path.clone(),
            record,
            compression: read.compressed.map(|(format, _)| format),
            bytes: read.bytes,
            books,
            first,
            groups: 0,
            purchase_count: 0,
            dates: None,
            unfinished,
            is_exact: true,
            generation: task.generation,
        };
        let mut draft = self.state.new_partial(&task.path)?;
        let ranges: Vec<GroupRange<'_>> = groups.ranges().collect();
        for ranges in ranges.chunks(RANGES * options.threads.get()) {
            self.pipeline.check_stop()?;
            let encoded: Vec<Result<Encoded>> = ranges.par_iter().map(Encoded::of).collect();
            for encoded in encoded {
                let encoded = encoded?;
                draft.append(&encoded.bytes, &encoded.blocks)?;
                meta.groups += encoded
                    .blocks
                    .iter()
                    .map(|block| block.rows() as u64)
                    .sum::<u64>();
                meta.purchase_count += encoded.purchase_count;
                meta.is_exact &= encoded.is_exact;
                meta.dates = match (meta.dates, encoded.dates) {
                    (Some((first, _)), Some((_, last))) => Some((first, last)),
                    (dates, more) => dates.or(more),
                };
            }
        }
        let written = draft.finish(&meta)?;
        self.state.keep(meta, written)
    }
}

/// Partial results, to be counted piece by piece.
struct Pieces<'run> {
    state: &'run State,
    dates: DateRange,
    left: Mutex<Left<'run>>,
}

/// What is left of them.
struct Left<'run> {
    metas: std::slice::Iter<'run, PartialMeta>,
    file: Option<(Arc<PartialFile>, VecDeque<Piece>)>,
}

impl Pieces<'_> {
    fn next(&self) -> Result<Option<(Arc<PartialFile>, Piece)>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((file, pieces)) = &mut left.file
                && let Some(piece) = pieces.pop_front()
            {
                return Ok(Some((Arc::clone(file), piece)));
            }
            let Some(meta) = left.metas.next() else {
                return Ok(None);
            };
            let has_any = meta.dates.is_some_and(|(first, last)| {
                self.dates.from().is_none_or(|from| from <= last)
                    && self.dates.to().is_none_or(|to| first <= to)
            });
            if has_any {
                let file = self.state.partial(&meta.path)?;
                let pieces = file.pieces(self.dates)?.into();
                left.file = Some((Arc::new(file), pieces));
            }
        }
    }
}

/// Keeps the rejects of each input that is read, if the state keeps any, and passes them on.
struct KeptRejects<'run, S> {
    inner: &'run mut S,
    state: &'run State,
    tasks: &'run [Task],
    /// The input whose rejects are being written.
    current: Option<(usize, rejects::Draft)>,
    /// The first input whose rejects have not been written.
    next: usize,
}

/// Rejects of one input, for both.
#[derive(Clone)]
struct KeptBatch<B> {
    inner: B,
    /// The input, and its lines for the state.
    input: usize,
    lines: Option<Vec<u8>>,
    message: String,
    schema: Arc<Schema>,
}

impl<B: RejectBatch> RejectBatch for KeptBatch<B> {
    fn add(&mut self, reject: &Reject<'_>) {
        self.inner.add(reject);
        if let Some(lines) = &mut self.lines {
            self.input = reject.input_index;
            self.message.clear();
            reject
                .fault
                .push_message_in(reject.raw, &self.schema, &mut self.message);
            reject.write_json_rest(&self.message, lines);
        }
    }

    fn size(&self) -> usize {
        self.inner.size() + self.lines.as_ref().map_or(0, Vec::len)
    }
}

impl<S: RejectSink> RejectSink for KeptRejects<'_, S> {
    type Batch = KeptBatch<S::Batch>;

    fn batch(&self) -> Self::Batch {
        KeptBatch {
            inner: self.inner.batch(),
            input: 0,
            lines: self.state.settings().keeps_rejects.then(Vec::new),
            message: String::new(),
            schema: Arc::clone(&self.state.settings().schema),
        }
    }

    fn take(&mut self, batch: &mut Self::Batch) -> Result<()> {
        self.inner.take(&mut batch.inner)?;
        if let Some(lines) = &mut batch.lines
            && !lines.is_empty()
        {
            self.start(batch.input)?;
            if let Some((_, draft)) = &mut self.current {
                draft.write(lines)?;
            }
            lines.clear();
        }
        Ok(())
    }
}

impl<S: RejectSink> KeptRejects<'_, S> {
    /// Goes on to an input, finishing those before it.
    fn start(&mut self, input: usize) -> Result<()> {
        if matches!(self.current, Some((current, _)) if current == input) {
            return Ok(());
        }
        self.finish_before(input)?;
        self.current = Some((input, self.open(input)?));
        self.next = input + 1;
        Ok(())
    }

    /// The rejects of an input, with those of what was read of it before.
    fn open(&self, input: usize) -> Result<rejects::Draft> {
        let task = &self.tasks[input];
        let mut draft = self.state.new_rejects(&task.path)?;
        if let Some(before) = &task.before
            && let Some(kept) = self.state.rejects(before)?
        {
            let is_last_kept = !before.is_unfinished_invalid();
            kept.lines(is_last_kept, |lines| draft.write(lines))?;
        }
        Ok(draft)
    }

    /// Finishes what is being written, and the inputs up to one that had no rejects now but had some
    /// before.
    fn finish_before(&mut self, input: usize) -> Result<()> {
        if let Some((current, draft)) = self.current.take() {
            self.put(current, draft)?;
        }
        for earlier in std::mem::replace(&mut self.next, input)..input {
            let before = self.tasks[earlier].before.as_ref();
            let books = before.and_then(PartialMeta::books_before_unfinished);
            if books.is_some_and(|books| books.invalid() > 0) {
                let draft = self.open(earlier)?;
                self.put(earlier, draft)?;
            }
        }
        Ok(())
    }

    fn put(&self, input: usize, draft: rejects::Draft) -> Result<()> {
        let written = draft.finish(self.tasks[input].generation)?;
        self.state.keep_rejects(written)
    }

    /// Finishes all.
    fn finish(&mut self) -> Result<()> {
        if self.state.settings().keeps_rejects {
            self.finish_before(self.tasks.len())?;
        }
        Ok(())
    }
}
